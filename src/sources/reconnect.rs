//! When to try again: growing delays with a random part, so that many clients of a server that
//! comes back do not all arrive at once. Makes no connection and reads no clock.

use std::time::Duration;

use crate::model::EndReason;

/// How delays grow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    /// The delay of the first attempt, before the random part.
    pub base: Duration,
    /// No delay is longer.
    pub cap: Duration,
    /// How long a connection has to live after the server accepted us until the count starts anew:
    /// a server that accepts and drops at once must not be hammered.
    pub reset_after: Duration,
}

impl Default for Backoff {
    fn default() -> Self {
        Self {
            base: Duration::from_secs(1),
            cap: Duration::from_secs(30),
            reset_after: Duration::from_secs(5),
        }
    }
}

/// Share of a delay that is random, either way. Source: socket.io-client's `randomizationFactor`.
const JITTER: f64 = 0.5;

impl Backoff {
    /// The delay before attempt `retry`, which counts from 0. `random` gives numbers in
    /// `0.0..1.0` and is asked twice.
    ///
    /// `d = base * 2^retry`; `deviation = floor(r * 0.5 * d)` in whole milliseconds, added or taken
    /// off with equal chance; never over the cap. Source: socket.io-client, `contrib/backo2`.
    pub fn delay(&self, retry: u32, mut random: impl FnMut() -> f64) -> Duration {
        let cap = self.cap.as_millis() as f64;
        let base = self.base.as_millis() as f64;
        let doubled = base * 2_f64.powi(i32::try_from(retry.min(64)).unwrap_or(64));
        // Past twenty doublings the cap is applied first: the deviation would be of no meaning.
        let delay = if retry > 20 {
            doubled.min(cap)
        } else {
            doubled
        };
        let deviation = (random().clamp(0.0, 1.0) * JITTER * delay).floor();
        let delay = if random() < 0.5 {
            delay - deviation
        } else {
            delay + deviation
        };
        Duration::from_millis(delay.clamp(0.0, cap) as u64)
    }
}

/// Whether to try again after a connection ended like this, if nobody says otherwise.
pub fn retries_after(reason: EndReason) -> bool {
    match reason {
        EndReason::PingTimeout
        | EndReason::TransportClose
        | EndReason::TransportError
        | EndReason::HandshakeFailed => true,
        // The server meant it, or we did.
        EndReason::ServerDisconnect | EndReason::Refused | EndReason::ClientDisconnect => false,
    }
}

/// Counts attempts and says how long to wait.
#[derive(Clone, Debug)]
pub struct Retries {
    backoff: Backoff,
    failed: u32,
}

impl Retries {
    /// No attempt yet.
    pub fn new(backoff: Backoff) -> Self {
        Self { backoff, failed: 0 }
    }

    /// The number of the next attempt, counting from 1 since the last success.
    pub fn attempt(&self) -> u32 {
        self.failed.saturating_add(1)
    }

    /// Notes that a connection ended which had lived for `life` since the server accepted us
    /// (`None` if it never did), and says how long to wait.
    pub fn ended(&mut self, life: Option<Duration>, random: impl FnMut() -> f64) -> Duration {
        if life.is_some_and(|life| life >= self.backoff.reset_after) {
            self.failed = 0;
        }
        let delay = self.backoff.delay(self.failed, random);
        self.failed = self.failed.saturating_add(1);
        delay
    }

    /// Starts the count anew: somebody asked for a connection now.
    pub fn reset(&mut self) {
        self.failed = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn delay_ms(retry: u32, numbers: [f64; 2]) -> u128 {
        let mut numbers = numbers.into_iter();
        Backoff::default()
            .delay(retry, || numbers.next().unwrap_or(0.0))
            .as_millis()
    }

    #[test]
    fn delays_double_with_a_random_part_up_to_the_cap() {
        let cases = [
            // retry, (size, direction), milliseconds
            (0, [0.0, 0.0], 1_000),
            (0, [0.9999, 0.49], 501),
            (0, [0.9999, 0.5], 1_499),
            (1, [0.5, 0.0], 1_500),
            (2, [0.5, 0.9], 5_000),
            (4, [0.0, 0.0], 16_000),
            (4, [0.9999, 0.9], 23_999),
            (5, [0.0, 0.0], 30_000),
            (5, [0.9999, 0.0], 16_002),
            (21, [0.5, 0.0], 22_500),
            (u32::MAX, [0.9999, 0.9], 30_000),
        ];
        for (retry, numbers, expected) in cases {
            assert_eq!(delay_ms(retry, numbers), expected, "{retry} {numbers:?}");
        }
    }

    #[test]
    fn a_server_that_drops_us_at_once_is_not_hammered() {
        let mut retries = Retries::new(Backoff::default());
        let mut seconds = Vec::new();
        for life in [None, Some(0), Some(4_999), Some(5_000), None] {
            let life = life.map(Duration::from_millis);
            seconds.push((retries.attempt(), retries.ended(life, || 0.0).as_secs()));
        }
        assert_eq!(seconds, [(1, 1), (2, 2), (3, 4), (4, 1), (2, 2)]);
    }
}
