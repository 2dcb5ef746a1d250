//! Serving a press: tried until the instrument has answered, a newer press has come or the stop was
//! cleared, and told step by step.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::Way;
use super::attempt::{Attempt, End, Said, Trouble};
use crate::control::StopWatch;
use crate::model::{PlainText, StopEvent, StopLevel, StopPress, StopReport, StopState};

/// Without an answer for this long one has to assume the worst; and then it is tried again.
const ANSWER_WITHIN: Duration = Duration::from_secs(1);
/// After an attempt that came to nothing.
const TRY_AGAIN: Duration = Duration::from_millis(200);
/// Attempts that may be under way; a server that hangs is not buried under them.
const ATTEMPTS: usize = 8;

/// How serving a press ended.
enum Served {
    /// Nothing more is to be done.
    Over,
    /// Somebody has pressed again.
    Newer(StopPress),
}

impl Way {
    /// Serves a press, and those that come meanwhile.
    pub(super) async fn serve(
        &mut self,
        mut press: StopPress,
        watch: &mut StopWatch,
        stop: &CancellationToken,
    ) {
        while let Served::Newer(newer) = self.serve_one(press, watch, stop).await {
            press = newer;
        }
    }

    async fn serve_one(
        &mut self,
        press: StopPress,
        watch: &mut StopWatch,
        stop: &CancellationToken,
    ) -> Served {
        let (say, mut heard) = mpsc::channel(64);
        self.attempt(press.level, &say);
        let mut story = Story::new(press);
        let pressed_at = Instant::now() - since(press, watch);
        let worst_at = pressed_at + ANSWER_WITHIN;
        let mut try_at = Instant::now() + ANSWER_WITHIN;
        loop {
            let is_leaving = stop.is_cancelled();
            if is_leaving && Instant::now() >= worst_at {
                return Served::Over;
            }
            let report = tokio::select! {
                biased;
                newer = watch.pressed() => return Served::Newer(newer),
                Some(said) = heard.recv() => {
                    let is_failure = matches!(said, Said::Failed { .. });
                    if let Said::Failed { trouble: Trouble::Refused(_), .. } = said {
                        // A stage of another name, perhaps: asked anew.
                        self.equipment = None;
                    }
                    let report = story.hear(said, since(press, watch));
                    if story.is_over() {
                        self.tell_report(watch, report);
                        return Served::Over;
                    }
                    if is_failure {
                        try_at = try_at.min(Instant::now() + TRY_AGAIN);
                    }
                    report
                }
                Some(ended) = self.attempts.join_next() => {
                    self.attempt_ended(ended.ok());
                    None
                }
                () = tokio::time::sleep_until(worst_at), if !story.is_worst_told => {
                    story.worst()
                }
                () = tokio::time::sleep_until(try_at) => {
                    // What was cleared must not stop what is done afterwards.
                    if !watch.is_latched() {
                        return Served::Over;
                    }
                    if self.attempts.len() < ATTEMPTS {
                        self.attempt(press.level, &say);
                    }
                    try_at = Instant::now() + ANSWER_WITHIN;
                    None
                }
                () = stop.cancelled(), if !is_leaving => None,
            };
            self.tell_report(watch, report);
        }
    }

    /// Begins an attempt with what is known and open.
    fn attempt(&mut self, level: StopLevel, say: &mpsc::Sender<Said>) {
        if self.attempts.len() >= ATTEMPTS {
            self.attempts.abort_all();
        }
        let attempt = Attempt {
            api: Arc::clone(&self.api),
            equipment: self.equipment.clone(),
            idle: std::mem::take(&mut self.idle),
            level,
            say: say.clone(),
        };
        self.attempts.spawn(attempt.run());
    }

    /// Takes back what an attempt has left.
    pub(super) fn attempt_ended(&mut self, end: Option<End>) {
        let Some(end) = end else {
            return;
        };
        if self.equipment.is_none() {
            self.equipment = end.equipment;
        }
        self.idle.extend(end.kept);
        self.idle.truncate(super::WARM);
    }

    fn tell_report(&mut self, watch: &StopWatch, report: Option<StopReport>) {
        if let Some(report) = report {
            if report.state.is_alarm() {
                let why = report.detail.clone();
                let why = why.unwrap_or_else(|| "a stop was not answered".into());
                self.down(watch, why.to_string());
            }
            self.tell.say(watch.now(), StopEvent::Report(report));
        }
    }
}

fn since(press: StopPress, watch: &StopWatch) -> Duration {
    Duration::from_nanos(watch.now().mono_ns.saturating_sub(press.mono_ns))
}

/// What has been heard and told of one press.
#[derive(Debug)]
struct Story {
    press: StopPress,
    is_sent: bool,
    /// Every stage has answered.
    is_halted: bool,
    /// And every light that was to go out.
    is_done: bool,
    is_worst_told: bool,
    told: Option<(StopState, Option<PlainText>)>,
}

impl Story {
    fn new(press: StopPress) -> Self {
        Self {
            press,
            is_sent: false,
            is_halted: false,
            is_done: false,
            is_worst_told: false,
            told: None,
        }
    }

    /// Whether everything that was pressed for has been answered.
    fn is_over(&self) -> bool {
        match self.press.level {
            StopLevel::Halt => self.is_halted,
            StopLevel::Safe => self.is_done,
        }
    }

    /// Takes what an attempt says; returns what is to be told.
    fn hear(&mut self, said: Said, after: Duration) -> Option<StopReport> {
        let after_ns = u64::try_from(after.as_nanos()).unwrap_or(u64::MAX);
        let is_safe = self.press.level == StopLevel::Safe;
        let (state, detail) = match said {
            Said::Sent => {
                if std::mem::replace(&mut self.is_sent, true) {
                    return None;
                }
                (StopState::Sent { after_ns }, None)
            }
            Said::Halted { stages } => {
                if std::mem::replace(&mut self.is_halted, true) {
                    return None;
                }
                let detail = match (stages, is_safe) {
                    (0, _) => Some("it has no stage"),
                    (_, true) => Some("motion"),
                    (_, false) => None,
                };
                let state = StopState::Acknowledged { after_ns };
                (state, detail.map(PlainText::from))
            }
            Said::Done { lights } => {
                let was_done = std::mem::replace(&mut self.is_done, true);
                if was_done || !is_safe {
                    return None;
                }
                let detail = match lights {
                    0 => "motion; it has no lights".to_owned(),
                    1 => "motion and 1 light".to_owned(),
                    more => format!("motion and {more} lights"),
                };
                (StopState::Acknowledged { after_ns }, Some(detail.into()))
            }
            Said::Failed { what, trouble } => {
                let state = match trouble {
                    Trouble::NotSent(_) => StopState::NotSent,
                    Trouble::NoAnswer(_) => StopState::NoAnswer,
                    Trouble::Refused(_) => StopState::Refused,
                };
                let motion = match self.is_halted {
                    true => "motion is stopped; ",
                    false => "",
                };
                let detail = format!("{motion}{what}: {}", trouble.why());
                (state, Some(detail.into()))
            }
        };
        self.tell(state, detail)
    }

    /// The time in which an answer should have come is over.
    fn worst(&mut self) -> Option<StopReport> {
        self.is_worst_told = true;
        if self.is_halted {
            return None;
        }
        let state = match self.is_sent {
            true => StopState::NoAnswer,
            false => StopState::NotSent,
        };
        self.tell(state, None)
    }

    /// Tells what was not just told.
    fn tell(&mut self, state: StopState, detail: Option<PlainText>) -> Option<StopReport> {
        let now = (state, detail);
        if self.told.as_ref() == Some(&now) {
            return None;
        }
        self.told = Some(now.clone());
        let (state, detail) = now;
        Some(StopReport {
            press: self.press,
            state,
            detail,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::StopOrigin;
    use crate::protocol::imswitch::rest::RestError;

    fn story(level: StopLevel) -> Story {
        Story::new(StopPress {
            number: 1,
            level,
            origin: StopOrigin::Key,
            mono_ns: 0,
        })
    }

    fn check(level: StopLevel, said: Vec<Said>, told: &[&str], over: bool) {
        let mut story = story(level);
        let mut words = Vec::new();
        for said in said {
            if let Some(report) = story.hear(said, Duration::from_millis(3)) {
                let detail = report.detail.map(|d| format!(": {d}")).unwrap_or_default();
                words.push(format!("{}{detail}", report.state.as_str()));
            }
        }
        assert_eq!((words, story.is_over()), (owned(told), over));
    }

    fn owned(words: &[&str]) -> Vec<String> {
        words.iter().map(|word| (*word).to_owned()).collect()
    }

    fn failed(what: &str, trouble: Trouble) -> Said {
        let what = what.to_owned();
        Said::Failed { what, trouble }
    }

    #[test]
    fn every_step_is_told_once() {
        use Said::{Done, Halted, Sent};
        let halted = Halted { stages: 1 };
        check(
            StopLevel::Halt,
            vec![Sent, halted.clone(), Sent, halted.clone()],
            &["sent", "acknowledged"],
            true,
        );
        check(
            StopLevel::Safe,
            vec![Sent, halted.clone()],
            &["sent", "acknowledged: motion"],
            false,
        );
        check(
            StopLevel::Safe,
            vec![Sent, halted.clone(), Done { lights: 2 }],
            &[
                "sent",
                "acknowledged: motion",
                "acknowledged: motion and 2 lights",
            ],
            true,
        );
        let dark = failed("LED", Trouble::Refused(RestError::ServerFault));
        check(
            StopLevel::Safe,
            vec![Sent, halted, dark.clone(), dark],
            &[
                "sent",
                "acknowledged: motion",
                "refused: motion is stopped; LED: the server failed inside (a name it does not know?)",
            ],
            false,
        );
        let late = || failed("S", Trouble::NotSent("refused".to_owned()));
        check(
            StopLevel::Halt,
            vec![late(), late(), Sent, Halted { stages: 1 }],
            &["not sent: S: refused", "sent", "acknowledged"],
            true,
        );
    }

    #[test]
    fn after_a_second_without_an_answer_the_worst_is_told() {
        let state = |story: &mut Story| story.worst().map(|report| report.state);
        let mut silent = story(StopLevel::Halt);
        assert_eq!(state(&mut silent), Some(StopState::NotSent));
        let mut sent = story(StopLevel::Halt);
        sent.hear(Said::Sent, Duration::ZERO);
        assert_eq!(state(&mut sent), Some(StopState::NoAnswer));
        let late = sent.hear(Said::Halted { stages: 1 }, Duration::from_secs(4));
        let after_ns = 4_000_000_000;
        let late = late.map(|report| report.state);
        assert_eq!(late, Some(StopState::Acknowledged { after_ns }));
        let mut halted = story(StopLevel::Halt);
        halted.hear(Said::Halted { stages: 1 }, Duration::ZERO);
        assert_eq!(state(&mut halted), None);
    }
}
