//! How often an event comes: learned, never assumed.

use std::collections::VecDeque;

use super::timing::{LONGEST_INTERVAL_S, MERGE_S, SHORTEST_INTERVAL_S, Timing};
use crate::model::Stamp;

/// Gaps the interval is learned from.
const GAPS: usize = 5;

/// The comings of one event.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Pace {
    /// When it came last, on a turn.
    pub(super) last: Option<Stamp>,
    /// How often it came, announcements between the turns included.
    pub(super) count: u64,
    /// Seconds of the feed, newest last.
    gaps: VecDeque<f64>,
    /// Samples in a row that came in time.
    pub(super) on_time: u32,
}

impl Pace {
    /// It came on a turn of the loop; `expected_s` is what was expected before.
    ///
    /// - `from`: since when it was expected at all, if it has not come since then
    pub(super) fn came(&mut self, at: Stamp, from: Option<Stamp>, expected_s: f64, timing: Timing) {
        self.count = self.count.saturating_add(1);
        let Some(last) = self.last else {
            self.last = Some(at);
            self.on_time = 1;
            return;
        };
        let gap_s = timing.seconds(last, at);
        if gap_s < MERGE_S {
            return;
        }
        self.last = Some(at);
        // The first after a connection comes when it comes; what went by before is no pace.
        let is_first = from.is_some_and(|from| last.mono_ns < from.mono_ns);
        if is_first {
            self.on_time = 1;
            return;
        }
        self.on_time = match gap_s <= late_after_s(expected_s) {
            true => self.on_time.saturating_add(1),
            false => 0,
        };
        if self.gaps.len() == GAPS {
            self.gaps.pop_front();
        }
        self.gaps.push_back(gap_s);
    }

    /// It came beside the turns: counted, and nothing else.
    pub(super) fn announced(&mut self) {
        self.count = self.count.saturating_add(1);
    }

    /// Seconds from one to the next: the median of the last gaps, the shorter of two middle ones
    /// so that one long silence after one good gap teaches nothing. `None` before the first gap.
    pub(super) fn interval_s(&self) -> Option<f64> {
        let mut gaps: Vec<f64> = self.gaps.iter().copied().collect();
        gaps.sort_by(f64::total_cmp);
        let middle = gaps.len().saturating_sub(1) / 2;
        let median = gaps.get(middle)?;
        Some(median.clamp(SHORTEST_INTERVAL_S, LONGEST_INTERVAL_S))
    }

    /// What came before says nothing of what comes now.
    pub(super) fn begin_anew(&mut self) {
        self.on_time = 0;
    }
}

/// An event older than this is late, in seconds of the feed.
pub(super) fn late_after_s(interval_s: f64) -> f64 {
    2.0 * interval_s + 1.0
}

/// An event older than this is silent, in seconds of the feed.
pub(super) fn silent_after_s(interval_s: f64) -> f64 {
    (3.0 * interval_s).max(super::timing::LEAST_SILENCE_S)
}

#[cfg(test)]
#[allow(clippy::indexing_slicing, clippy::arithmetic_side_effects)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Stamp {
        Stamp {
            mono_ns: ms.saturating_mul(1_000_000),
            unix_ns: 0,
        }
    }

    fn pace(gaps_ms: &[u64]) -> Pace {
        let mut pace = Pace::default();
        let mut now = 0;
        for gap in [0].iter().chain(gaps_ms) {
            now += gap;
            let expected = pace.interval_s().unwrap_or(10.0);
            pace.came(at(now), None, expected, Timing::default());
        }
        pace
    }

    #[test]
    fn the_interval_is_the_median_of_five_gaps() {
        let cases: [(&[u64], Option<f64>, u32); 10] = [
            (&[], None, 1),
            (&[10_000], Some(10.0), 2),
            (&[10_000, 300_000], Some(10.0), 0),
            (&[10_000, 60_000, 60_000], Some(60.0), 0),
            // Closer than half a second: one sample.
            (&[400, 9_600], Some(10.0), 2),
            (&[10_000, 300, 9_700], Some(10.0), 3),
            // Never outside of 1 s to 120 s.
            (&[600, 600], Some(1.0), 3),
            (&[500_000], Some(120.0), 0),
            // The oldest of six is forgotten.
            (&[1_000, 1_000, 1_000, 5_000, 5_000, 5_000], Some(5.0), 0),
            (&[10_000, 21_000, 10_000], Some(10.0), 4),
        ];
        for (gaps, interval, on_time) in cases {
            let pace = pace(gaps);
            assert_eq!(pace.interval_s(), interval, "{gaps:?}");
            assert_eq!(pace.on_time, on_time, "{gaps:?}");
        }
    }

    #[test]
    fn the_gap_over_a_reconnection_is_no_pace() {
        let mut pace = pace(&[10_000, 10_000]);
        pace.came(at(200_000), Some(at(190_000)), 10.0, Timing::default());
        assert_eq!((pace.interval_s(), pace.on_time), (Some(10.0), 1));
    }

    #[test]
    fn time_may_be_compressed() {
        let mut pace = Pace::default();
        for ms in [0, 167, 333, 500] {
            pace.came(at(ms), None, 10.0, Timing::compressed(60.0));
        }
        let learned = pace.interval_s().unwrap();
        assert!((learned - 10.0).abs() < 0.1, "{learned}");
    }
}
