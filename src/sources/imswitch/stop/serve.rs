//! Serving a press: tried until the instrument has answered, a newer press has come or the stop was
//! cleared, and told step by step.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::AbortHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::Way;
use super::attempt::{Attempt, End, Pool, Progress, Said, Trouble};
use crate::control::StopWatch;
use crate::model::{PlainText, StopEvent, StopLevel, StopPress, StopReport, StopState};

/// Without an answer for this long one has to assume the worst; and then it is tried again.
const ANSWER_WITHIN: Duration = Duration::from_secs(1);
/// After an attempt that came to nothing.
const TRY_AGAIN: Duration = Duration::from_millis(200);
/// Attempts that may be under way; a server that hangs is not buried under them.
const ATTEMPTS: usize = 8;

/// An attempt that is under way.
#[derive(Debug)]
pub(super) struct Running {
    number: u64,
    level: StopLevel,
    began: Instant,
    progress: Arc<Progress>,
    handle: AbortHandle,
}

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
        let mut story = Story::new(press);
        // What was written before the press proves nothing for it.
        let deaf = self.others(press.level);
        let is_served = self.serve_by_an_attempt(press.level);
        let pressed_at = Instant::now() - since(press, watch);
        let worst_at = pressed_at + ANSWER_WITHIN;
        let mut try_at = Instant::now()
            + match is_served {
                true => ANSWER_WITHIN,
                false => TRY_AGAIN,
            };
        loop {
            let is_leaving = stop.is_cancelled();
            if is_leaving && Instant::now() >= worst_at {
                return Served::Over;
            }
            let report = tokio::select! {
                biased;
                newer = watch.pressed() => return Served::Newer(newer),
                Some((number, said)) = self.heard.recv() => {
                    if deaf.contains(&number) {
                        continue;
                    }
                    let is_failure = matches!(said, Said::Failed { .. });
                    if let Said::Failed { trouble: Trouble::Refused(_), .. } = said {
                        // Of another name, perhaps: asked anew, beside those that are known.
                        self.is_doubted = true;
                        self.learn_at = Instant::now();
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
                    if self.has_room() {
                        self.attempt(press.level);
                    }
                    try_at = Instant::now() + ANSWER_WITHIN;
                    None
                }
                () = stop.cancelled(), if !is_leaving => None,
            };
            self.tell_report(watch, report);
        }
    }

    /// The attempts that do not count for a press at `level`: they do less, or something of them
    /// went out before it.
    fn others(&mut self, level: StopLevel) -> Vec<u64> {
        self.running.retain(|one| !one.handle.is_finished());
        while let Ok((_, said)) = self.heard.try_recv() {
            // Said before the press.
            drop(said);
        }
        let others = self.running.iter();
        let others = others.filter(|one| one.level < level || one.progress.is_writing());
        others.map(|one| one.number).collect()
    }

    /// Sees to it that a press has an attempt: one that has written nothing yet serves it too. No
    /// attempt is given up before it was sent, however quickly presses follow each other.
    fn serve_by_an_attempt(&mut self, level: StopLevel) -> bool {
        let joins = self.running.iter().any(|one| {
            one.level >= level && !one.progress.is_writing() && one.began.elapsed() < ANSWER_WITHIN
        });
        if !joins && self.has_room() {
            self.attempt(level);
            return true;
        }
        joins
    }

    /// Whether one more attempt may begin. One that was sent and has waited long makes room.
    fn has_room(&mut self) -> bool {
        self.running.retain(|one| !one.handle.is_finished());
        if self.running.len() < ATTEMPTS {
            return true;
        }
        let has_waited =
            |one: &Running| one.progress.is_sent() && one.began.elapsed() >= ANSWER_WITHIN;
        match self.running.iter().position(has_waited) {
            Some(place) => {
                self.running.remove(place).handle.abort();
                true
            }
            None => false,
        }
    }

    /// Begins an attempt with what is known and open.
    fn attempt(&mut self, level: StopLevel) {
        self.attempted += 1;
        let progress = Arc::new(Progress::default());
        let attempt = Attempt {
            number: self.attempted,
            api: Arc::clone(&self.api),
            equipment: self.equipment.clone().unwrap_or_default(),
            is_doubted: self.is_doubted,
            idle: Pool::new(std::mem::take(&mut self.idle)),
            level,
            say: self.say.clone(),
            progress: Arc::clone(&progress),
        };
        self.running.push(Running {
            number: self.attempted,
            level,
            began: Instant::now(),
            progress,
            handle: self.attempts.spawn(attempt.run()),
        });
    }

    /// Takes back what an attempt has left.
    pub(super) fn attempt_ended(&mut self, end: Option<End>) {
        let Some(end) = end else {
            return;
        };
        if let Some(equipment) = end.equipment {
            self.equipment = Some(equipment.or(self.equipment.as_ref()));
            self.is_doubted = false;
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
    /// Every stage has answered, in these words.
    halted: Option<String>,
    /// And every light that was to go out.
    is_done: bool,
    is_worst_told: bool,
    /// What became of a light that did not go out.
    light: Option<(StopState, String)>,
    told: Option<(StopState, Option<PlainText>)>,
}

impl Story {
    fn new(press: StopPress) -> Self {
        Self {
            press,
            is_sent: false,
            halted: None,
            is_done: false,
            is_worst_told: false,
            light: None,
            told: None,
        }
    }

    /// Whether everything that was pressed for has been answered.
    fn is_over(&self) -> bool {
        match self.press.level {
            StopLevel::Halt => self.halted.is_some(),
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
                if self.halted.is_some() {
                    return None;
                }
                let halted = match stages {
                    0 => "it has no stage".to_owned(),
                    _ => format!(
                        "motion acknowledged after {:.1} ms",
                        after.as_secs_f64() * 1e3
                    ),
                };
                self.halted = Some(halted.clone());
                match (is_safe, &self.light) {
                    (false, _) => {
                        let detail = (stages == 0).then(|| halted.into());
                        (StopState::Acknowledged { after_ns }, detail)
                    }
                    (true, Some((state, light))) => {
                        (*state, Some(format!("{halted}; {light}").into()))
                    }
                    // Light and motion were asked for: half an answer is none.
                    (true, None) => {
                        let detail = format!("{halted}; light open");
                        (StopState::Sent { after_ns }, Some(detail.into()))
                    }
                }
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
            Said::Failed {
                what,
                is_light,
                trouble,
            } => {
                let state = match trouble {
                    Trouble::NotSent(_) => StopState::NotSent,
                    Trouble::NoAnswer(_) => StopState::NoAnswer,
                    Trouble::Refused(_) => StopState::Refused,
                };
                let failed = format!("{what}: {}", trouble.why());
                if is_light {
                    self.light = Some((state, failed.clone()));
                }
                let detail = match &self.halted {
                    Some(halted) => format!("{halted}; {failed}"),
                    None => failed,
                };
                (state, Some(detail.into()))
            }
        };
        self.tell(state, detail)
    }

    /// The time in which an answer should have come is over.
    fn worst(&mut self) -> Option<StopReport> {
        self.is_worst_told = true;
        if let Some(halted) = &self.halted {
            if self.is_over() || self.light.is_some() {
                return None;
            }
            let detail = format!("{halted}; light has not answered");
            return self.tell(StopState::NoAnswer, Some(detail.into()));
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
        Said::Failed {
            what: what.to_owned(),
            is_light: what == "LED",
            trouble,
        }
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
        let motion = "motion acknowledged after 3.0 ms";
        let open = format!("sent: {motion}; light open");
        let both = "acknowledged: motion and 2 lights";
        check(
            StopLevel::Safe,
            vec![Sent, halted.clone()],
            &["sent", &open],
            false,
        );
        check(
            StopLevel::Safe,
            vec![Sent, halted.clone(), Done { lights: 2 }],
            &["sent", &open, both],
            true,
        );
        let dark = failed("LED", Trouble::Refused(RestError::ServerFault));
        let no = "LED: the server failed inside (a name it does not know?)";
        let refused = format!("refused: {motion}; {no}");
        check(
            StopLevel::Safe,
            vec![Sent, halted.clone(), dark.clone(), dark.clone()],
            &["sent", &open, &refused],
            false,
        );
        // In whatever order the answers come.
        check(
            StopLevel::Safe,
            vec![Sent, dark, halted],
            &["sent", &format!("refused: {no}"), &refused],
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
        let mut lit = story(StopLevel::Safe);
        lit.hear(Said::Halted { stages: 1 }, Duration::ZERO);
        assert_eq!(state(&mut lit), Some(StopState::NoAnswer));
    }
}
