//! What one source says of its stop: the way a stop would take, and what became of each press.
//!
//! A press goes two ways, over the stop path and over the source's own connection, and both report
//! under the same number. An answer on either is an answer.

use std::collections::VecDeque;
use std::time::Duration;

use crate::model::{
    PlainText, Severity, Stamp, StopEvent, StopPath, StopPress, StopReport, StopState,
};
use crate::ui::number;

/// A press whose fate nobody has told for so long is one that nobody answered.
const ANSWER_WITHIN: Duration = Duration::from_secs(2);
/// A path that has said nothing for so long since it began to open is worth a look.
const OPENS_WITHIN: Duration = Duration::from_secs(5);

/// What is known of a source's stop.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Stops {
    path: Option<KnownPath>,
    /// Newest last.
    presses: VecDeque<KnownPress>,
}

/// How the stop path stands.
#[derive(Clone, Debug, PartialEq)]
pub struct KnownPath {
    /// What was said last.
    pub state: StopPath,
    /// Since when it stands like this.
    pub since: Stamp,
    /// Why it is down and since when, until it is ready again: to try again is not to be ready.
    pub trouble: Option<(PlainText, Stamp)>,
}

/// What became of a press, both ways taken together.
#[derive(Clone, Debug, PartialEq)]
pub struct KnownPress {
    /// The press, at the highest level that was reported of it.
    pub press: StopPress,
    /// The best that either way can say.
    pub state: StopState,
    /// What else there is to say.
    pub detail: Option<PlainText>,
    /// When that was said.
    pub at: Stamp,
}

/// How a stop stands at an instrument, as far as anybody has said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Pressed a moment ago; nothing was reported yet.
    Pressed,
    /// This was reported.
    Reported(StopState),
    /// Nothing was reported in time.
    Silent,
}

/// What a stop event changed.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// The path went down, or is down for another reason.
    PathDown(PlainText),
    /// The path is ready again after so long.
    PathBack(Duration),
    /// A press came to this.
    Press(KnownPress),
}

impl Stops {
    /// Presses that are kept.
    pub const MOST_PRESSES: usize = 8;

    /// Takes in what was said, and says what is new in it and worth a line.
    pub fn take(&mut self, event: &StopEvent, at: Stamp) -> Option<Change> {
        match event {
            StopEvent::Path(state) => self.take_path(state, at),
            StopEvent::Report(report) => self.take_report(report, at),
        }
    }

    fn take_path(&mut self, state: &StopPath, at: Stamp) -> Option<Change> {
        let before = self.path.take();
        let same = before
            .as_ref()
            .is_some_and(|b| std::mem::discriminant(&b.state) == std::mem::discriminant(state));
        let since = match &before {
            Some(before) if same => before.since,
            _ => at,
        };
        let old_trouble = before.and_then(|before| before.trouble);
        let (trouble, change) = match (state, old_trouble) {
            (StopPath::Down { why }, Some((old, since))) => {
                let is_new = old != *why;
                let change = is_new.then(|| Change::PathDown(why.clone()));
                (Some((why.clone(), since)), change)
            }
            (StopPath::Down { why }, None) => {
                (Some((why.clone(), at)), Some(Change::PathDown(why.clone())))
            }
            (StopPath::Ready { .. }, Some((_, since))) => {
                (None, Some(Change::PathBack(at.since(since))))
            }
            (StopPath::Ready { .. }, None) => (None, None),
            (StopPath::Opening, trouble) => (trouble, None),
        };
        self.path = Some(KnownPath {
            state: state.clone(),
            since,
            trouble,
        });
        change
    }

    fn take_report(&mut self, report: &StopReport, at: Stamp) -> Option<Change> {
        let number = report.press.number;
        let place = self.presses.partition_point(|p| p.press.number < number);
        if let Some(known) = self.presses.get_mut(place)
            && known.press.number == number
        {
            known.press.level = known.press.level.max(report.press.level);
            let state = better(known.state, report.state);
            let says_more = rank(state) != rank(known.state);
            // Half an answer has the state of none, and only its words tell what is open.
            let has_words = rank(report.state) == rank(known.state)
                && report.detail.is_some()
                && report.detail != known.detail;
            if state == known.state && !has_words {
                return None;
            }
            if says_more || has_words {
                known.detail.clone_from(&report.detail);
            }
            known.state = state;
            known.at = at;
            return (says_more || has_words).then(|| Change::Press(known.clone()));
        }
        let known = KnownPress {
            press: report.press,
            state: report.state,
            detail: report.detail.clone(),
            at,
        };
        if self.presses.len() >= Self::MOST_PRESSES {
            if place == 0 {
                return None;
            }
            self.presses.pop_front();
            self.presses.insert(place - 1, known.clone());
        } else {
            self.presses.insert(place, known.clone());
        }
        Some(Change::Press(known))
    }

    /// The stop path, once it has said anything.
    pub fn path(&self) -> Option<&KnownPath> {
        self.path.as_ref()
    }

    /// Why a stop would not go out on its own path now, if that is so.
    pub fn trouble(&self) -> Option<&PlainText> {
        self.path.as_ref()?.trouble.as_ref().map(|(why, _)| why)
    }

    /// The last presses that were reported of, newest first.
    pub fn presses(&self) -> impl ExactSizeIterator<Item = &KnownPress> {
        self.presses.iter().rev()
    }

    /// How `press` stands at `at`. What was only sent is not taken for an answer for ever.
    pub fn outcome(&self, press: &StopPress, at: Stamp) -> Outcome {
        let known = self
            .presses
            .iter()
            .find(|known| known.press.number == press.number);
        let waited = Duration::from_nanos(at.mono_ns.saturating_sub(press.mono_ns));
        match known.map(|known| known.state) {
            Some(StopState::Sent { .. }) if waited >= ANSWER_WITHIN => {
                Outcome::Reported(StopState::NoAnswer)
            }
            Some(state) => Outcome::Reported(state),
            None if waited >= ANSWER_WITHIN => Outcome::Silent,
            None => Outcome::Pressed,
        }
    }
}

/// The line of the journal for a change, where it is worth one. That bytes were sent is not, alone: what
/// came of them is.
pub fn line(change: Change) -> Option<(Severity, PlainText)> {
    Some(match change {
        Change::PathDown(why) => (Severity::Error, format!("STOP PATH DOWN: {why}").into()),
        Change::PathBack(after) => {
            let text = format!("stop path ready again after {}", number::age(after));
            (Severity::Info, text.into())
        }
        Change::Press(known) => {
            let severity = match known.state {
                StopState::Sent { .. } if known.detail.is_none() => return None,
                // Half an answer.
                StopState::Sent { .. } => Severity::Warning,
                StopState::Acknowledged { .. } => Severity::Info,
                _ => Severity::Error,
            };
            let (number, level) = (known.press.number, known.press.level.as_str());
            let mut text = format!("stop {number} ({level}): {}", known.state);
            if let Some(detail) = &known.detail {
                text.push_str(&format!(": {detail}"));
            }
            (severity, text.into())
        }
    })
}

impl KnownPath {
    /// Whether it has been opening for too long.
    pub fn is_slow(&self, at: Stamp) -> bool {
        self.state == StopPath::Opening && at.since(self.since) >= OPENS_WITHIN
    }
}

impl Outcome {
    /// Whether one has to assume that the instrument is still moving.
    pub fn is_alarm(self) -> bool {
        match self {
            Self::Pressed => false,
            Self::Reported(state) => state.is_alarm(),
            Self::Silent => true,
        }
    }

    /// Whether the instrument has answered that it stops.
    pub fn is_acknowledged(self) -> bool {
        matches!(self, Self::Reported(StopState::Acknowledged { .. }))
    }

    /// In full.
    pub fn words(self) -> String {
        match self {
            Self::Pressed => "pressed".to_owned(),
            Self::Silent => "no report: assume it is still moving".to_owned(),
            Self::Reported(StopState::Sent { after_ns }) => {
                format!("sent {}", number::latency(after_ns))
            }
            Self::Reported(StopState::Acknowledged { after_ns }) => {
                format!("acknowledged {}", number::latency(after_ns))
            }
            Self::Reported(alarm) => format!("{}: assume it is still moving", alarm.as_str()),
        }
    }

    /// In short.
    pub fn short(self) -> String {
        match self {
            Self::Silent => "no report, may be moving".to_owned(),
            Self::Reported(StopState::Acknowledged { after_ns }) => {
                format!("ack {}", number::latency(after_ns))
            }
            Self::Reported(alarm) if alarm.is_alarm() => {
                format!("{}, may be moving", alarm.as_str())
            }
            other => other.words(),
        }
    }
}

/// Which of two reports of one press counts: an answer is an answer on whichever way it came, and
/// of two equal ones the quicker. An alarm counts as long as there is none.
fn better(known: StopState, new: StopState) -> StopState {
    use StopState::{Acknowledged, Sent};
    match (known, new) {
        (Acknowledged { after_ns: a }, Acknowledged { after_ns: b }) => {
            Acknowledged { after_ns: a.min(b) }
        }
        (Sent { after_ns: a }, Sent { after_ns: b }) => Sent { after_ns: a.min(b) },
        _ if rank(new) > rank(known) => new,
        _ => known,
    }
}

fn rank(state: StopState) -> u8 {
    match state {
        // One way is closed; the other may still be open.
        StopState::NotSent => 0,
        StopState::Sent { .. } => 1,
        StopState::NoAnswer => 2,
        StopState::Refused => 3,
        StopState::Acknowledged { .. } => 4,
    }
}

#[cfg(test)]
mod tests;
