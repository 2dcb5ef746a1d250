//! How much may be asked of a venue: at most so much in any window of time. Shared by everything
//! that asks, because venues count by address.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::protocol::market::Pace;

/// At most `most` in any `window`: venues ban for a burst across the border of two windows, which
/// a bucket that fills evenly would allow.
#[derive(Debug)]
struct Window {
    most: u32,
    window: Duration,
    taken: VecDeque<(Instant, u32)>,
    used: u32,
}

impl Window {
    fn forget(&mut self, now: Instant) {
        while let Some((at, cost)) = self.taken.front() {
            if now.saturating_duration_since(*at) < self.window {
                break;
            }
            self.used = self.used.saturating_sub(*cost);
            self.taken.pop_front();
        }
    }

    fn note(&mut self, now: Instant, cost: u32) {
        self.used = self.used.saturating_add(cost);
        self.taken.push_back((now, cost));
    }

    /// When there is room for `cost`.
    fn free_at(&self, now: Instant, cost: u32) -> Instant {
        let mut used = self.used;
        // What costs more than all there is goes alone.
        let cost = cost.min(self.most);
        for (at, taken) in &self.taken {
            if used.saturating_add(cost) <= self.most {
                break;
            }
            used = used.saturating_sub(*taken);
            if used.saturating_add(cost) <= self.most {
                return *at + self.window;
            }
        }
        now
    }
}

/// A limit, shared by its clones.
#[derive(Clone, Debug)]
pub struct Limit(Arc<Mutex<Window>>);

impl Limit {
    /// At most `most` in any `window`, and at least one.
    pub fn new(most: u32, window: Duration) -> Self {
        Self(Arc::new(Mutex::new(Window {
            most: most.max(1),
            window,
            taken: VecDeque::new(),
            used: 0,
        })))
    }

    /// How often a venue lets us connect.
    pub fn attempts(pace: Pace) -> Self {
        Self::new(
            u32::from(pace.attempts),
            Duration::from_millis(pace.attempts_ms),
        )
    }

    /// How many messages a venue takes from us.
    pub fn messages(pace: Pace) -> Self {
        Self::new(
            u32::from(pace.messages),
            Duration::from_millis(pace.messages_ms),
        )
    }

    fn window(&self) -> MutexGuard<'_, Window> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes `cost`.
    ///
    /// # Errors
    /// There is no room; says when there will be.
    pub fn take(&self, now: Instant, cost: u32) -> Result<(), Instant> {
        let mut window = self.window();
        window.forget(now);
        match window.free_at(now, cost) {
            free if free <= now => {
                window.note(now, cost);
                Ok(())
            }
            later => Err(later),
        }
    }

    /// Counts what went out without being asked for, such as the answer to a ping.
    pub fn note(&self, now: Instant, cost: u32) {
        let mut window = self.window();
        window.forget(now);
        window.note(now, cost);
    }

    /// What is left now.
    pub fn left(&self, now: Instant) -> u32 {
        let mut window = self.window();
        window.forget(now);
        window.most.saturating_sub(window.used)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_window_holds_at_most_so_much() {
        let start = Instant::now();
        let at = |ms: u64| start + Duration::from_millis(ms);
        let limit = Limit::new(3, Duration::from_millis(100));
        for ms in [0, 50, 99] {
            assert_eq!(limit.take(at(ms), 1), Ok(()));
        }
        assert_eq!(limit.take(at(99), 1), Err(at(100)));
        assert_eq!(limit.left(at(99)), 0);
        // The first is over; the second and third still count.
        assert_eq!(limit.take(at(100), 1), Ok(()));
        assert_eq!(limit.take(at(101), 2), Err(at(199)));
        assert_eq!(limit.take(at(200), 2), Ok(()));
    }

    #[test]
    fn what_is_dearer_than_all_goes_alone() {
        let start = Instant::now();
        let limit = Limit::new(3, Duration::from_millis(100));
        assert_eq!(limit.take(start, 1), Ok(()));
        let later = start + Duration::from_millis(100);
        assert_eq!(limit.take(start, 250), Err(later));
        assert_eq!(limit.take(later, 250), Ok(()));
    }
}
