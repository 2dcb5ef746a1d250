//! Whether the pipeline really works: the recorder comes for more, as often as it has to.

use std::time::Duration;

use tokio::time::Instant;

/// The recorder comes at least once a second while it is well; this leaves it a busy machine.
const GRACE: Duration = Duration::from_secs(3);

/// What is known of the recorder's turns.
#[derive(Clone, Copy, Debug)]
pub struct Watchdog {
    turns: u64,
    moved: Instant,
    grace: Duration,
}

impl Watchdog {
    /// One that expects a turn between two signs of life `period` apart.
    pub fn new(now: Instant, period: Duration) -> Self {
        Self {
            turns: 0,
            moved: now,
            grace: period.max(GRACE),
        }
    }

    /// Whether a sign of life may be given now. `turns` is how often the recorder has come for more.
    pub fn is_alive(&mut self, now: Instant, turns: u64) -> bool {
        if turns != self.turns {
            self.turns = turns;
            self.moved = now;
        }
        now.duration_since(self.moved) <= self.grace
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recorder_that_stands_still_is_not_covered_for() {
        let second = Duration::from_secs(1);
        let began = Instant::now();
        for (period, still_alive_s) in [(1, 3), (30, 30)] {
            let mut watchdog = Watchdog::new(began, period * second);
            assert!(watchdog.is_alive(began + second, 7));
            assert!(watchdog.is_alive(began + still_alive_s * second + second, 7));
            assert!(!watchdog.is_alive(began + still_alive_s * second + 2 * second, 7));
            // And is believed again once it moves.
            assert!(watchdog.is_alive(began + 100 * second, 8));
        }
    }
}
