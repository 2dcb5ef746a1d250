//! How late a feed is: receive time less the venue's time, over the last minute.
//!
//! The two clocks differ, so a latency may be negative. The excess over the smallest of the last
//! five minutes needs no agreement of clocks.

use crate::model::FeedLatency;

const WINDOW_NS: u64 = 60_000_000_000;
const SECOND_NS: u64 = 1_000_000_000;
/// Seconds whose smallest value is kept, for the excess.
const MINIMA: u64 = 300;

/// The latencies of one book. It holds the last minute, or the newest [`Latencies::MOST`] where
/// more came in a minute.
#[derive(Debug, Default)]
pub struct Latencies {
    /// When (monotonic) and how late, in a ring.
    values: Vec<(u64, i64)>,
    next: usize,
    newest: Option<i64>,
    /// The smallest of each second, in a ring addressed by the second's number.
    minima: Vec<(u64, i64)>,
}

impl Latencies {
    /// How many values are kept at most.
    pub const MOST: usize = 4096;

    /// Takes one in that was received at `at_ns` on the monotonic clock.
    pub fn record(&mut self, at_ns: u64, latency_ns: i64) {
        if self.minima.is_empty() {
            self.values.reserve_exact(Self::MOST);
            self.minima.resize(MINIMA as usize, (u64::MAX, 0));
        }
        if self.values.len() < Self::MOST {
            self.values.push((at_ns, latency_ns));
        } else if let Some(slot) = self.values.get_mut(self.next) {
            *slot = (at_ns, latency_ns);
        }
        self.next = self.next.saturating_add(1) % Self::MOST;
        self.newest = Some(latency_ns);
        let second = at_ns / SECOND_NS;
        if let Some(slot) = self.minima.get_mut(slot_of(second)) {
            *slot = match *slot {
                (same, least) if same == second => (second, least.min(latency_ns)),
                _ => (second, latency_ns),
            };
        }
    }

    /// The figures at `now_ns` on the monotonic clock.
    pub fn figures(&self, now_ns: u64) -> FeedLatency {
        let since = now_ns.saturating_sub(WINDOW_NS);
        let recent = self.values.iter().filter(|(at, _)| *at >= since);
        let mut sorted: Vec<i64> = recent.map(|(_, latency)| *latency).collect();
        sorted.sort_unstable();
        FeedLatency {
            p50_ns: nearest_rank(&sorted, 50),
            p90_ns: nearest_rank(&sorted, 90),
            p99_ns: nearest_rank(&sorted, 99),
            max_ns: sorted.last().copied(),
            excess_ns: self.excess(now_ns),
        }
    }

    fn excess(&self, now_ns: u64) -> Option<i64> {
        let now = now_ns / SECOND_NS;
        let recent = self
            .minima
            .iter()
            .filter(|(second, _)| *second <= now && now.saturating_sub(*second) < MINIMA);
        let least = recent.map(|(_, least)| *least).min()?;
        self.newest?.checked_sub(least)
    }
}

fn slot_of(second: u64) -> usize {
    (second % MINIMA) as usize
}

/// `sorted[ceil(n p / 100) - 1]`; `None` of nothing.
pub fn nearest_rank(sorted: &[i64], percent: usize) -> Option<i64> {
    let rank = sorted.len().checked_mul(percent)?.div_ceil(100);
    sorted.get(rank.checked_sub(1)?).copied()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::arithmetic_side_effects)]

    use super::*;

    #[test]
    fn only_the_last_minute_counts_and_the_excess_looks_back_five() {
        let mut latencies = Latencies::default();
        latencies.record(0, -7);
        for i in 1..=100 {
            latencies.record(100 * SECOND_NS + i, i as i64);
        }
        let figures = latencies.figures(150 * SECOND_NS);
        assert_eq!(figures.p50_ns, Some(50));
        assert_eq!(figures.p90_ns, Some(90));
        assert_eq!(figures.p99_ns, Some(99));
        assert_eq!(figures.max_ns, Some(100));
        assert_eq!(figures.excess_ns, Some(107));
        let later = latencies.figures(350 * SECOND_NS);
        assert_eq!(later.p50_ns, None);
        assert_eq!(
            later.excess_ns,
            Some(99),
            "the -7 is older than five minutes"
        );
        assert_eq!(Latencies::default().figures(1), FeedLatency::default());
    }

    #[test]
    fn the_newest_push_out_the_oldest_beyond_the_bound() {
        let mut latencies = Latencies::default();
        latencies.record(5, 1_000);
        for i in 0..Latencies::MOST as u64 {
            latencies.record(6 + i, 1);
        }
        assert_eq!(latencies.figures(10_000).max_ns, Some(1));
        assert_eq!(latencies.values.len(), Latencies::MOST);
    }
}
