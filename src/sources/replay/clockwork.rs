//! When what was recorded is due at the pace that is wanted, and how fast it really goes.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

use crate::model::{Clock, Pace, Stamp};

/// So late, and the plan is made anew: what could not be said in time is not caught up with.
const LATE: Duration = Duration::from_millis(50);
/// The pace that is reached is that of the last seconds.
const WINDOW: Duration = Duration::from_secs(2);
/// Less says nothing of a pace.
const LEAST: Duration = Duration::from_millis(400);

/// Plans when things are due, and keeps the replayed clock.
#[derive(Debug)]
pub(super) struct Clockwork {
    clock: Clock,
    pace: Pace,
    runs: bool,
    /// This moment of the replay is this moment of ours.
    from: (Stamp, Instant),
    /// Times of ours, and where the replay was then.
    passed: VecDeque<(Instant, u64)>,
}

impl Clockwork {
    pub fn new(clock: Clock, pace: Pace, began: Stamp) -> Self {
        let mut clockwork = Self {
            clock,
            pace,
            runs: true,
            from: (began, Instant::now()),
            passed: VecDeque::new(),
        };
        clockwork.set(began);
        clockwork
    }

    pub fn pace(&self) -> Pace {
        self.pace
    }

    /// Goes at another pace from here on.
    pub fn set_pace(&mut self, pace: Pace, now: Stamp) {
        self.pace = pace;
        self.set(now);
    }

    /// Goes on, or stands.
    pub fn run(&mut self, runs: bool, now: Stamp) {
        self.runs = runs;
        self.set(now);
    }

    /// The replay stands at `now`, and goes on from there.
    pub fn set(&mut self, now: Stamp) {
        self.passed.clear();
        self.plan(now);
    }

    fn plan(&mut self, now: Stamp) {
        self.from = (now, Instant::now());
        let thousandths = match (self.runs, self.pace) {
            (true, Pace::Thousandths(thousandths)) => thousandths,
            _ => 0,
        };
        self.clock.set_course(now, thousandths);
    }

    /// When what is stamped with `mono_ns` is due; `None` for at once.
    pub fn due(&self, mono_ns: u64) -> Option<Instant> {
        let Pace::Thousandths(thousandths) = self.pace else {
            return None;
        };
        let (from, began) = self.from;
        let wait_ns = u128::from(mono_ns.saturating_sub(from.mono_ns)) * 1_000
            / u128::from(thousandths.max(1));
        let wait = Duration::from_nanos(u64::try_from(wait_ns).unwrap_or(u64::MAX));
        // What is farther away than clocks go is waited for without end.
        began
            .checked_add(wait)
            .or(Some(began + Duration::from_secs(1 << 32)))
    }

    /// What is stamped with `at` is said now.
    pub fn said(&mut self, at: Stamp) {
        match self.due(at.mono_ns) {
            // As it is taken: there is no plan.
            None => self.plan(at),
            Some(due) if due.elapsed() > LATE => self.plan(at),
            Some(_) => {}
        }
    }

    /// Where the replay is now, between what was said last and what comes `next`.
    pub fn now(&self, last: Stamp, next: Option<u64>) -> Stamp {
        let now = self.clock.now();
        let latest = next.unwrap_or(last.mono_ns).max(last.mono_ns);
        let mono_ns = now.mono_ns.clamp(last.mono_ns, latest);
        Stamp {
            mono_ns,
            unix_ns: last.unix_ns.saturating_add(mono_ns - last.mono_ns),
        }
    }

    /// Measures the pace: the replay is at `now`.
    pub fn measure(&mut self, now: Stamp) {
        let at = Instant::now();
        self.passed.push_back((at, now.mono_ns));
        while self.passed.len() > 2
            && self
                .passed
                .get(1)
                .is_some_and(|(then, _)| at - *then >= WINDOW)
        {
            self.passed.pop_front();
        }
    }

    /// The pace that is reached, thousandths.
    pub fn achieved(&self) -> Option<u32> {
        let ((then, from), (now, to)) = (self.passed.front()?, self.passed.back()?);
        let took = now.duration_since(*then);
        let passed = to.checked_sub(*from)?;
        let thousandths = u128::from(passed) * 1_000 / took.as_nanos().max(1);
        (took >= LEAST).then_some(u32::try_from(thousandths).unwrap_or(u32::MAX))
    }
}
