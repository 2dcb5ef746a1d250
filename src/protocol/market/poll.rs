//! When a book that is polled over HTTP is asked for next.
//!
//! One request at a time; the next is due one interval after the last began, so that nothing
//! drifts and no burst follows a stall. Source: order-book specification, section 11.

const MS_NS: u64 = 1_000_000;
const SECOND_NS: u64 = 1_000_000_000;

/// Intervals that can be asked for, milliseconds.
pub const INTERVAL_MS: std::ops::RangeInclusive<u64> = 200..=5_000;
/// How long the interval stays doubled after the venue said "too often".
const SLOW_FOR_NS: u64 = 60 * SECOND_NS;
/// How long a symbol that the venue does not know is left alone. It may be listed one day.
const REFUSED_FOR_NS: u64 = 60 * SECOND_NS;
/// A request whose answer has not been handed over after this long is taken for lost.
const LOST_AFTER_NS: u64 = 30 * SECOND_NS;

/// The polling of one book.
#[derive(Clone, Debug)]
pub struct Poll {
    interval_ns: u64,
    /// The interval in use and until when, after "too often".
    slow: Option<(u64, u64)>,
    began_ns: Option<u64>,
    is_in_flight: bool,
    /// Not before this, because the venue said so.
    not_before_ns: u64,
}

impl Poll {
    /// Polling every `interval_ms`, kept within [`INTERVAL_MS`].
    pub fn new(interval_ms: u64) -> Self {
        let ms = interval_ms.clamp(*INTERVAL_MS.start(), *INTERVAL_MS.end());
        Self {
            interval_ns: ms.saturating_mul(MS_NS),
            slow: None,
            began_ns: None,
            is_in_flight: false,
            not_before_ns: 0,
        }
    }

    /// When [`Poll::time`] is wanted, monotonic nanoseconds; 0 before the first request.
    pub fn due(&self) -> u64 {
        let Some(began) = self.began_ns else {
            return self.not_before_ns;
        };
        let interval = match (self.is_in_flight, self.slow) {
            (true, _) => LOST_AFTER_NS,
            (false, Some((interval, until))) if began < until => interval,
            (false, _) => self.interval_ns,
        };
        began.saturating_add(interval).max(self.not_before_ns)
    }

    /// Whether the book is to be asked for now; if so, that counts as done.
    pub fn time(&mut self, now_ns: u64) -> bool {
        let is_due = self.due() <= now_ns;
        if is_due {
            self.began_ns = Some(now_ns);
            self.is_in_flight = true;
        }
        is_due
    }

    /// The answer came, with this HTTP status.
    pub fn answered(&mut self, now_ns: u64, status: u16, retry_after_s: Option<u64>) {
        self.is_in_flight = false;
        if status == 429 || status == 418 {
            let wait_ns = retry_after_s.unwrap_or(1).saturating_mul(SECOND_NS);
            self.not_before_ns = now_ns.saturating_add(wait_ns);
            let before = self.slow.map_or(self.interval_ns, |(interval, _)| interval);
            let most = INTERVAL_MS.end().saturating_mul(MS_NS);
            let interval = before.saturating_mul(2).min(most);
            self.slow = Some((interval, self.not_before_ns.saturating_add(SLOW_FOR_NS)));
        } else if self.slow.is_some_and(|(_, until)| until <= now_ns) {
            self.slow = None;
        }
    }

    /// The venue does not know what it was asked for.
    pub fn refused(&mut self, now_ns: u64) {
        self.not_before_ns = now_ns.saturating_add(REFUSED_FOR_NS);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::arithmetic_side_effects)]

    use super::*;

    #[test]
    fn requests_follow_one_interval_after_the_last_began() {
        let mut poll = Poll::new(500);
        assert!(poll.time(0));
        assert!(!poll.time(700 * MS_NS), "the answer is still owed");
        poll.answered(800 * MS_NS, 200, None);
        assert!(poll.time(800 * MS_NS));
        poll.answered(900 * MS_NS, 200, None);
        assert!(!poll.time(1_299 * MS_NS));
        assert!(poll.time(1_300 * MS_NS), "no burst for what was missed");
        assert_eq!(Poll::new(1).interval_ns, 200 * MS_NS);
        assert_eq!(Poll::new(99_999).interval_ns, 5_000 * MS_NS);
    }

    #[test]
    fn too_often_doubles_the_interval_for_a_minute() {
        let mut poll = Poll::new(500);
        assert!(poll.time(0));
        poll.answered(0, 429, Some(2));
        assert_eq!(poll.due(), 2 * SECOND_NS);
        assert!(poll.time(2 * SECOND_NS));
        poll.answered(2 * SECOND_NS, 200, None);
        assert_eq!(poll.due(), 3 * SECOND_NS);
        assert!(poll.time(63 * SECOND_NS));
        poll.answered(63 * SECOND_NS, 200, None);
        assert_eq!(poll.due(), 63 * SECOND_NS + 500 * MS_NS);
    }

    #[test]
    fn a_lost_request_is_made_again() {
        let mut poll = Poll::new(500);
        assert!(poll.time(0));
        assert!(!poll.time(29 * SECOND_NS));
        assert!(poll.time(30 * SECOND_NS));
    }
}
