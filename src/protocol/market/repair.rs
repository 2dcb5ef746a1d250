//! When a book that lost its thread may ask for a new one: never twice at once, and ever later.
//!
//! A busy book brings faults faster than a repair takes; a reader that asks on each of them is
//! banned. Source of the times: order-book specification, section 4.

const MS_NS: u64 = 1_000_000;

/// Between one attempt and the next, milliseconds.
const BETWEEN_ATTEMPTS_MS: [u64; 5] = [500, 1_000, 2_000, 4_000, 8_000];
/// How long a snapshot may be owed before it is asked for again, milliseconds.
const OWED_MS: [u64; 5] = [10_000, 20_000, 40_000, 80_000, 160_000];

/// What is to be done now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Nothing; maybe later.
    Wait,
    /// Ask for the book.
    Ask,
    /// It failed five times in a row: renew the connection.
    Reconnect,
    /// It was asked for again and again and never came: give the book up.
    GiveUp,
}

/// The repairs of one book.
#[derive(Clone, Debug, Default)]
pub struct Repair {
    stage: Stage,
    /// When it was asked for last, monotonic nanoseconds.
    asked_ns: Option<u64>,
    /// Attempts in a row that brought something, but no book.
    failures: usize,
    /// Requests in a row that brought nothing.
    silences: usize,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Stage {
    /// The book is whole, or there is no connection.
    #[default]
    Idle,
    /// The next attempt is made then.
    Planned { at_ns: u64 },
    /// Asked for; to be there by then.
    InFlight { until_ns: u64 },
    /// Not asked for any more.
    GivenUp,
}

impl Repair {
    /// The book is wanted. [`Step::Ask`] if it may be asked for at once; [`Step::Wait`] if it is
    /// being asked for already, or soon will be.
    pub fn want(&mut self, now_ns: u64) -> Step {
        if self.stage != Stage::Idle {
            return Step::Wait;
        }
        let may_ns = self
            .asked_ns
            .map_or(now_ns, |asked| asked.saturating_add(self.pause_ns()));
        if may_ns <= now_ns {
            return self.ask(now_ns);
        }
        self.stage = Stage::Planned { at_ns: may_ns };
        Step::Wait
    }

    /// The attempt brought an answer that is no book: it was refused, too old or wrong.
    pub fn failed(&mut self, now_ns: u64) -> Step {
        if !self.is_in_flight() {
            return Step::Wait;
        }
        self.failures = self.failures.saturating_add(1);
        if self.failures > BETWEEN_ATTEMPTS_MS.len() {
            self.stage = Stage::GivenUp;
            return Step::Reconnect;
        }
        let asked = self.asked_ns.unwrap_or(now_ns);
        let at_ns = asked.saturating_add(self.pause_ns()).max(now_ns);
        self.stage = Stage::Planned { at_ns };
        Step::Wait
    }

    /// As [`Repair::failed`], but the venue says when it may be asked again.
    pub fn failed_until(&mut self, now_ns: u64, may_ns: u64) -> Step {
        let step = self.failed(now_ns);
        if let Stage::Planned { at_ns } = &mut self.stage {
            *at_ns = may_ns.max(now_ns);
        }
        step
    }

    /// The book is whole again.
    pub fn done(&mut self) {
        self.stage = Stage::Idle;
        self.failures = 0;
        self.silences = 0;
    }

    /// The venue refused the book itself: it is not asked for again.
    pub fn give_up(&mut self) {
        self.stage = Stage::GivenUp;
    }

    /// The connection ended: nothing is in flight any more, and a new one may ask at once.
    pub fn reset(&mut self) {
        *self = Self::default();
    }

    /// Whether it has been asked for and may still come.
    pub fn is_in_flight(&self) -> bool {
        matches!(self.stage, Stage::InFlight { .. })
    }

    /// When [`Repair::time`] is wanted, monotonic nanoseconds.
    pub fn due(&self) -> Option<u64> {
        match self.stage {
            Stage::Planned { at_ns } => Some(at_ns),
            Stage::InFlight { until_ns } => Some(until_ns),
            Stage::Idle | Stage::GivenUp => None,
        }
    }

    /// Time has come to [`Repair::due`].
    pub fn time(&mut self, now_ns: u64) -> Step {
        match self.stage {
            Stage::Planned { at_ns } if at_ns <= now_ns => self.ask(now_ns),
            Stage::InFlight { until_ns } if until_ns <= now_ns => {
                self.silences = self.silences.saturating_add(1);
                if self.silences < OWED_MS.len() {
                    self.ask(now_ns)
                } else {
                    self.stage = Stage::GivenUp;
                    Step::GiveUp
                }
            }
            _ => Step::Wait,
        }
    }

    fn ask(&mut self, now_ns: u64) -> Step {
        let owed_ms = OWED_MS.get(self.silences).or(OWED_MS.last());
        let owed_ns = owed_ms.map_or(0, |ms| ms.saturating_mul(MS_NS));
        self.asked_ns = Some(now_ns);
        self.stage = Stage::InFlight {
            until_ns: now_ns.saturating_add(owed_ns),
        };
        Step::Ask
    }

    /// How long after the last attempt the next may follow.
    fn pause_ns(&self) -> u64 {
        let place = self.failures.saturating_sub(1);
        let ms = BETWEEN_ATTEMPTS_MS
            .get(place)
            .or(BETWEEN_ATTEMPTS_MS.last());
        ms.map_or(0, |ms| ms.saturating_mul(MS_NS))
    }
}

/// Whether so many books of a connection lost their thread at once that renewing the connection is
/// less than repairing each.
#[derive(Clone, Debug, Default)]
pub struct Storm {
    /// The last second's losses: which book, when (monotonic).
    recent: Vec<(usize, u64)>,
}

impl Storm {
    const WINDOW_NS: u64 = 1_000_000_000;

    /// The book at `index`, one of `books`, lost its thread. Returns whether more than half of
    /// them (two at least) did so within a second; after that counting starts anew.
    pub fn lost(&mut self, index: usize, books: usize, now_ns: u64) -> bool {
        self.recent.retain(|(book, at_ns)| {
            *book != index && now_ns.saturating_sub(*at_ns) <= Self::WINDOW_NS
        });
        self.recent.push((index, now_ns));
        let lost = self.recent.len();
        let is_storm = lost > 1 && lost.saturating_mul(2) > books;
        if is_storm {
            self.recent.clear();
        }
        is_storm
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::arithmetic_side_effects)]

    use super::*;

    const S: u64 = 1_000_000_000;

    #[test]
    fn one_repair_is_in_flight_whatever_happens() {
        let mut repair = Repair::default();
        assert_eq!(repair.want(10 * S), Step::Ask);
        for i in 0..100 {
            assert_eq!(repair.want(10 * S + i), Step::Wait);
        }
        repair.done();
        assert_eq!(
            repair.want(10 * S + S / 4),
            Step::Wait,
            "half a second between attempts"
        );
        assert_eq!(repair.due(), Some(10 * S + S / 2));
        assert_eq!(repair.time(10 * S + S / 2), Step::Ask);
    }

    #[test]
    fn failures_come_ever_later_and_the_sixth_renews_the_connection() {
        let mut repair = Repair::default();
        let mut now = 0;
        assert_eq!(repair.want(now), Step::Ask);
        let mut pauses = Vec::new();
        loop {
            match repair.failed(now + 1) {
                Step::Wait => {
                    let due = repair.due().unwrap_or(0);
                    pauses.push((due - now) / 1_000_000);
                    now = due;
                    assert_eq!(repair.time(now), Step::Ask);
                }
                step => {
                    assert_eq!(step, Step::Reconnect);
                    break;
                }
            }
        }
        assert_eq!(pauses, [500, 1000, 2000, 4000, 8000]);
        assert_eq!(repair.due(), None);
        repair.reset();
        assert_eq!(repair.want(now), Step::Ask);
    }

    #[test]
    fn a_snapshot_that_never_comes_is_asked_for_five_times() {
        let mut repair = Repair::default();
        assert_eq!(repair.want(0), Step::Ask);
        let mut waits = Vec::new();
        let mut before = 0;
        loop {
            let due = repair.due().unwrap_or(0);
            waits.push((due - before) / S);
            before = due;
            match repair.time(due) {
                Step::Ask => {}
                step => {
                    assert_eq!(step, Step::GiveUp);
                    break;
                }
            }
        }
        assert_eq!(waits, [10, 20, 40, 80, 160]);
    }

    #[test]
    fn a_venue_that_names_a_time_is_obeyed() {
        let mut repair = Repair::default();
        repair.want(0);
        repair.failed_until(S, 31 * S);
        assert_eq!(repair.time(30 * S), Step::Wait);
        assert_eq!(repair.time(31 * S), Step::Ask);
    }

    #[test]
    fn more_than_half_within_a_second_is_a_storm() {
        let mut storm = Storm::default();
        assert!(!storm.lost(0, 4, 0));
        assert!(!storm.lost(0, 4, 1), "the same book again");
        assert!(!storm.lost(1, 4, S / 2), "half is not more than half");
        assert!(storm.lost(2, 4, S));
        assert!(!storm.lost(3, 4, S), "counting starts anew");
        assert!(
            !Storm::default().lost(0, 1, 0),
            "one book is repaired alone"
        );
    }
}
