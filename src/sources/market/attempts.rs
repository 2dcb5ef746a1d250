//! When a connection to a venue is tried again. Makes no connection and reads no clock.

use std::time::Duration;

/// How long things take. Source of the usual values: order-book specification, section 4.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    /// Connecting, TLS and upgrade together.
    pub connect: Duration,
    /// A connection that had a live book for this long was a good one.
    pub healthy: Duration,
    /// After a good one: the longest delay.
    pub first: Duration,
    /// After a bad one: the delay that is doubled each time.
    pub base: Duration,
    /// No delay is longer.
    pub cap: Duration,
    /// How often a failed connection lets polling begin, where that is wanted.
    pub fallback_after: u32,
    /// How long an address that told us to slow down is left alone when it does not say how long.
    pub limited: Duration,
    /// The same where it has banned us.
    pub banned: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            healthy: Duration::from_secs(60),
            first: Duration::from_millis(250),
            base: Duration::from_secs(1),
            cap: Duration::from_secs(60),
            fallback_after: 3,
            limited: Duration::from_secs(10),
            banned: Duration::from_secs(120),
        }
    }
}

/// Counts attempts and says how long to wait.
#[derive(Clone, Debug)]
pub(super) struct Attempts {
    timing: Timing,
    failed: u32,
}

impl Attempts {
    pub(super) fn new(timing: Timing) -> Self {
        Self { timing, failed: 0 }
    }

    /// The number of the next attempt, counting from 1 since the last good connection.
    pub(super) fn number(&self) -> u32 {
        self.failed.saturating_add(1)
    }

    /// How many in a row were not good.
    pub(super) fn failed(&self) -> u32 {
        self.failed
    }

    /// The connection has had a live book for long enough.
    pub(super) fn was_good(&mut self) {
        self.failed = 0;
    }

    /// The delay before the next attempt. `random` gives numbers in `0.0..1.0`.
    ///
    /// - `was_good`: the connection that ended had a live book for [`Timing::healthy`]
    pub(super) fn ended(&mut self, was_good: bool, random: impl FnOnce() -> f64) -> Duration {
        let random = random().clamp(0.0, 1.0);
        if was_good {
            self.failed = 0;
            return self.timing.first.mul_f64(random);
        }
        let delay = self.delay();
        self.failed = self.failed.saturating_add(1);
        delay.mul_f64(0.5 + random / 2.0)
    }

    fn delay(&self) -> Duration {
        let factor = 1_u32.checked_shl(self.failed).unwrap_or(u32::MAX);
        self.timing.base.saturating_mul(factor).min(self.timing.cap)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_double_up_to_the_cap_and_half_of_each_is_random() {
        // Source: captures/orderbook/vectors.json, "backoff_ms_without_jitter".
        let series = [1000, 2000, 4000, 8000, 16000, 32000, 60000, 60000];
        for (random, share) in [(0.0, 0.5), (1.0, 1.0), (0.5, 0.75)] {
            let mut attempts = Attempts::new(Timing::default());
            for (index, whole_ms) in series.into_iter().enumerate() {
                assert_eq!(attempts.number() as usize, index + 1);
                let delay = attempts.ended(false, || random);
                let wanted = Duration::from_millis(whole_ms).mul_f64(share);
                assert_eq!(delay, wanted, "attempt {index} at {random}");
            }
        }
        let mut attempts = Attempts::new(Timing::default());
        for _ in 0..100 {
            assert!(attempts.ended(false, || 1.0) <= Duration::from_secs(60));
        }
    }

    #[test]
    fn a_good_connection_is_replaced_at_once() {
        let mut attempts = Attempts::new(Timing::default());
        attempts.ended(false, || 1.0);
        attempts.ended(false, || 1.0);
        assert_eq!(
            attempts.ended(true, || 1.0),
            Duration::from_millis(250),
            "at most a quarter of a second"
        );
        assert_eq!((attempts.number(), attempts.failed()), (1, 0));
        assert_eq!(attempts.ended(false, || 1.0), Duration::from_secs(1));
    }
}
