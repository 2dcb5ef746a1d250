//! When a socket of the instrument is opened again. There is no random part: nobody else waits
//! for the same server by the thousand.

use std::time::Duration;

/// Source: protocol description, section 8.3.
const DELAYS_MS: [u64; 4] = [500, 1_000, 2_000, 5_000];

/// Counts attempts that failed.
#[derive(Debug, Default)]
pub(super) struct Retry {
    failed: usize,
}

impl Retry {
    /// How long to wait after one more failure.
    pub(super) fn after_failure(&mut self) -> Duration {
        let last = DELAYS_MS.len().saturating_sub(1);
        let ms = DELAYS_MS.get(self.failed.min(last)).copied();
        self.failed = self.failed.saturating_add(1);
        Duration::from_millis(ms.unwrap_or(5_000))
    }

    /// It works: the next failure is the first again.
    pub(super) fn worked(&mut self) {
        self.failed = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_stays_away_is_asked_every_five_seconds() {
        let mut retry = Retry::default();
        let five = [(); 5].map(|()| retry.after_failure().as_millis());
        assert_eq!(five, [500, 1_000, 2_000, 5_000, 5_000]);
        retry.worked();
        assert_eq!(retry.after_failure().as_millis(), 500);
    }
}
