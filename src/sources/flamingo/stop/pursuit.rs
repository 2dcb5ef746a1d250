//! What becomes of presses on the stop path: which one still has to be sent, whose answer is
//! waited for, and what there is to report. No socket and no clock.
//!
//! An answer carries no number. It belongs to the oldest halt on this connection that may still be
//! answered, so that an old answer never vouches for a newer press.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

use crate::model::{PlainText, StopLevel, StopPress, StopReport, StopState};
use crate::protocol::flamingo::Message;
use crate::protocol::flamingo::reply;

/// So long a press is followed up without sparing the server.
const URGENT: Duration = Duration::from_secs(30);

/// No answer comes later than this. Source: protocol description, section 10, of late replies.
const LATEST_ANSWER: Duration = Duration::from_secs(10);

/// Halts without an answer that are remembered.
const REMEMBERED: usize = 256;

/// The presses of one instrument.
#[derive(Debug)]
pub(super) struct Pursuit {
    /// How long an answer may take.
    patience: Duration,
    newest: Option<Newest>,
    /// Halts on this connection that may be answered, oldest first.
    open: VecDeque<Halt>,
    /// Number of the newest press that was answered, and of the newest that was refused.
    acknowledged: u64,
    refused: u64,
}

#[derive(Debug)]
struct Newest {
    press: StopPress,
    at: Instant,
    /// Handed over on the connection that there is.
    is_sent: bool,
    /// A connection had to be made for it, and somebody knows.
    is_late: bool,
}

#[derive(Debug)]
struct Halt {
    press: StopPress,
    at: Instant,
    /// Nothing is to be said if no answer comes: it was said, or this one is a repetition.
    is_quiet: bool,
}

impl Pursuit {
    pub(super) fn new(patience: Duration) -> Self {
        Self {
            patience,
            newest: None,
            open: VecDeque::new(),
            acknowledged: 0,
            refused: 0,
        }
    }

    /// Takes a press in; what is to be sent for it is [`Pursuit::wanted`].
    pub(super) fn press(&mut self, mut press: StopPress, now: Instant) {
        if let Some(before) = self.newest.as_ref().filter(|newest| !newest.is_sent) {
            // What was asked for and never sent is not forgotten for a weaker press.
            press.level = press.level.max(before.press.level);
        }
        self.newest = Some(Newest {
            press,
            at: now,
            is_sent: false,
            is_late: false,
        });
    }

    /// The press that has to be sent.
    pub(super) fn wanted(&self) -> Option<StopPress> {
        let newest = self.newest.as_ref().filter(|newest| !newest.is_sent)?;
        Some(newest.press)
    }

    /// The stop was cleared: a halt that was not sent yet would end a motion that is wanted.
    pub(super) fn cleared(&mut self) {
        if self.wanted().is_some() {
            self.newest = None;
        }
    }

    /// Whether a press was not answered yet and is so new that the server is not to be spared.
    pub(super) fn is_urgent(&self, now: Instant) -> bool {
        self.newest.as_ref().is_some_and(|newest| {
            !self.is_answered(newest.press) && now.saturating_duration_since(newest.at) < URGENT
        })
    }

    /// Whether an answer is being waited for, which nothing else should delay.
    pub(super) fn is_waiting(&self) -> bool {
        self.deadline().is_some()
    }

    /// Says that the wanted press cannot be sent now; once for each.
    pub(super) fn not_sent(&mut self, why: &str) -> Option<StopReport> {
        let newest = self.newest.as_mut()?;
        if newest.is_sent || std::mem::replace(&mut newest.is_late, true) {
            return None;
        }
        Some(StopReport {
            press: newest.press,
            state: StopState::NotSent,
            detail: Some(PlainText::from(why)),
        })
    }

    /// Notes that a press was handed over whole.
    pub(super) fn sent(&mut self, press: StopPress, now: Instant, now_ns: u64) -> StopReport {
        let mut is_late = false;
        if let Some(newest) = &mut self.newest
            && newest.press.number == press.number
        {
            newest.is_sent = true;
            is_late = newest.is_late;
        }
        self.remember(press, now, false);
        let detail = match (is_late, press.level) {
            (true, _) => Some("as soon as there was a connection"),
            (false, StopLevel::Safe) => Some("motion, workflow, lasers, LED and light sheets"),
            (false, StopLevel::Halt) => None,
        };
        StopReport {
            press,
            state: StopState::Sent {
                after_ns: now_ns.saturating_sub(press.mono_ns),
            },
            detail: detail.map(PlainText::from),
        }
    }

    /// Notes that a press was handed over once more.
    pub(super) fn sent_again(&mut self, press: StopPress, now: Instant) {
        self.remember(press, now, true);
    }

    fn remember(&mut self, press: StopPress, at: Instant, is_quiet: bool) {
        if self.open.len() >= REMEMBERED {
            self.open.pop_front();
        }
        self.open.push_back(Halt {
            press,
            at,
            is_quiet,
        });
    }

    /// Takes the answer to a halt in.
    pub(super) fn answered(&mut self, message: &Message, now_ns: u64) -> Option<StopReport> {
        let press = self.open.pop_front()?.press;
        let (state, detail) = match reply::accepted(message) {
            Ok(()) if self.acknowledged < press.number => {
                self.acknowledged = press.number;
                let after_ns = now_ns.saturating_sub(press.mono_ns);
                let light = "the halt; what switches light off has no certain answer";
                let detail = (press.level == StopLevel::Safe).then(|| PlainText::from(light));
                (StopState::Acknowledged { after_ns }, detail)
            }
            Err(error) if !self.is_answered(press) => {
                self.refused = press.number;
                (StopState::Refused, Some(error.to_string().into()))
            }
            _ => return None,
        };
        Some(StopReport {
            press,
            state,
            detail,
        })
    }

    /// When somebody has to be told that no answer came.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let mut open = self.open.iter();
        let first = open.find(|halt| !halt.is_quiet && !self.is_answered(halt.press))?;
        Some(first.at + self.patience)
    }

    /// What got no answer in time.
    pub(super) fn overdue(&mut self, now: Instant) -> Vec<StopReport> {
        let age = |halt: &Halt| now.saturating_duration_since(halt.at);
        let patience = self.patience;
        let silent = self.silent(|halt| age(halt) >= patience, None);
        let latest = LATEST_ANSWER.max(patience);
        self.open.retain(|halt| age(halt) < latest);
        silent
    }

    /// The connection has ended: what it was to answer is not answered, and a press that is still
    /// urgent has to be sent again.
    pub(super) fn lost(&mut self, now: Instant) -> Vec<StopReport> {
        let why = "the connection ended before it came";
        let silent = self.silent(|_| true, Some(why));
        self.open.clear();
        if self.is_urgent(now)
            && let Some(newest) = &mut self.newest
        {
            newest.is_sent = false;
            newest.is_late = true;
        }
        silent
    }

    fn silent(&mut self, is_over: impl Fn(&Halt) -> bool, why: Option<&str>) -> Vec<StopReport> {
        let (acknowledged, refused) = (self.acknowledged, self.refused);
        let mut reports = Vec::new();
        for halt in &mut self.open {
            let is_answered = halt.press.number <= acknowledged.max(refused);
            if halt.is_quiet || is_answered || !is_over(halt) {
                continue;
            }
            halt.is_quiet = true;
            reports.push(StopReport {
                press: halt.press,
                state: StopState::NoAnswer,
                detail: why.map(PlainText::from),
            });
        }
        reports
    }

    fn is_answered(&self, press: StopPress) -> bool {
        press.number <= self.acknowledged.max(self.refused)
    }
}

#[cfg(test)]
mod tests;
