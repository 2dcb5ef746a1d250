//! Rates and latency percentiles over a recent window, in constant memory.

/// Nearest-rank percentiles of a window of durations, in nanoseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Percentiles {
    /// How many values they rest on; the rest is zero when this is.
    pub count: usize,
    /// Half are at most this.
    pub p50_ns: u64,
    /// Nine tenths are at most this.
    pub p90_ns: u64,
    /// 99 of 100 are at most this.
    pub p99_ns: u64,
    /// The largest.
    pub max_ns: u64,
}

/// The last [`LatencyWindow::LEN`] durations. Exact over that window, which suits an operator's
/// question ("how is it now?") better than a histogram since the start.
#[derive(Clone, Debug, Default)]
pub struct LatencyWindow {
    values_ns: Vec<u64>,
    next: usize,
}

impl LatencyWindow {
    /// How many values are kept.
    pub const LEN: usize = 512;

    /// Takes one duration in; the oldest leaves when the window is full.
    pub fn record(&mut self, value_ns: u64) {
        if self.values_ns.len() < Self::LEN {
            self.values_ns.push(value_ns);
        } else if let Some(slot) = self.values_ns.get_mut(self.next) {
            *slot = value_ns;
        }
        self.next = (self.next + 1) % Self::LEN;
    }

    /// Percentiles of what is in the window, each value reduced by `floor_ns` (the smallest clock
    /// offset ever seen, or zero where both ends are on one clock).
    pub fn percentiles_above(&self, floor_ns: u64) -> Percentiles {
        let mut sorted: Vec<u64> = self
            .values_ns
            .iter()
            .map(|value| value.saturating_sub(floor_ns))
            .collect();
        sorted.sort_unstable();
        let rank = |percent: usize| {
            let index = (sorted.len() * percent).div_ceil(100).saturating_sub(1);
            sorted.get(index).copied().unwrap_or(0)
        };
        Percentiles {
            count: sorted.len(),
            p50_ns: rank(50),
            p90_ns: rank(90),
            p99_ns: rank(99),
            max_ns: sorted.last().copied().unwrap_or(0),
        }
    }

    /// Percentiles of what is in the window.
    pub fn percentiles(&self) -> Percentiles {
        self.percentiles_above(0)
    }
}

const BUCKET_NS: u64 = 250_000_000;
const BUCKETS: usize = 256;
/// The rate is taken over this many whole buckets: two seconds.
const RATE_BUCKETS: u64 = 8;

/// Items and bytes per second over the last two seconds, and the last minute second by second.
#[derive(Clone, Debug)]
pub struct RateMeter {
    /// Count and bytes of each quarter of a second, in a ring addressed by its number.
    buckets: Box<[(u64, u64, u64)]>,
    first_bucket: Option<u64>,
}

impl Default for RateMeter {
    fn default() -> Self {
        Self {
            buckets: vec![(u64::MAX, 0, 0); BUCKETS].into_boxed_slice(),
            first_bucket: None,
        }
    }
}

impl RateMeter {
    /// Counts one item of `bytes` that arrived at `now_ns` (monotonic).
    pub fn record(&mut self, now_ns: u64, bytes: u64) {
        let number = now_ns / BUCKET_NS;
        self.first_bucket.get_or_insert(number);
        let slot = (number % BUCKETS as u64) as usize;
        if let Some(bucket) = self.buckets.get_mut(slot) {
            if bucket.0 != number {
                *bucket = (number, 0, 0);
            }
            bucket.1 += 1;
            bucket.2 = bucket.2.saturating_add(bytes);
        }
    }

    fn bucket(&self, number: u64) -> (u64, u64) {
        let slot = (number % BUCKETS as u64) as usize;
        match self.buckets.get(slot) {
            Some(&(found, count, bytes)) if found == number => (count, bytes),
            _ => (0, 0),
        }
    }

    /// Items and bytes per second over the last two whole seconds before `now_ns`, or over what
    /// there is since the first item.
    pub fn per_second(&self, now_ns: u64) -> (f64, f64) {
        let Some(first) = self.first_bucket else {
            return (0.0, 0.0);
        };
        let end = now_ns / BUCKET_NS;
        let begin = end.saturating_sub(RATE_BUCKETS).max(first);
        if begin >= end {
            return (0.0, 0.0);
        }
        let (count, bytes) = (begin..end)
            .map(|number| self.bucket(number))
            .fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
        let seconds = (end - begin) as f64 * BUCKET_NS as f64 / 1e9;
        (count as f64 / seconds, bytes as f64 / seconds)
    }

    /// Items per second over the last `seconds` (at most 60) before `now_ns`, divided by all of
    /// them even where the first item is younger; exact to a quarter of a second.
    pub fn per_second_over(&self, now_ns: u64, seconds: u64) -> f64 {
        let seconds = seconds.clamp(1, 60);
        let end = now_ns / BUCKET_NS;
        let begin = (end + 1).saturating_sub(seconds * 1_000_000_000 / BUCKET_NS);
        let count: u64 = (begin..=end).map(|number| self.bucket(number).0).sum();
        count as f64 / seconds as f64
    }

    /// Items in each of the last `seconds` whole seconds, oldest first; at most 60. Seconds before
    /// that of the first item are left out: nothing is known of them.
    pub fn history(&self, now_ns: u64, seconds: usize) -> Vec<u64> {
        let per_second = 1_000_000_000 / BUCKET_NS;
        let Some(first) = self.first_bucket.map(|bucket| bucket / per_second) else {
            return Vec::new();
        };
        let end = now_ns / 1_000_000_000;
        let begin = end.saturating_sub(seconds.min(60) as u64).max(first);
        (begin..end)
            .map(|second| {
                (second * per_second..(second + 1) * per_second)
                    .map(|number| self.bucket(number).0)
                    .sum()
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_nearest_rank() {
        let mut window = LatencyWindow::default();
        for value in 1..=100 {
            window.record(value);
        }
        let p = window.percentiles();
        assert_eq!(
            (p.count, p.p50_ns, p.p90_ns, p.p99_ns, p.max_ns),
            (100, 50, 90, 99, 100)
        );
        assert_eq!(
            LatencyWindow::default().percentiles(),
            Percentiles::default()
        );
    }

    #[test]
    fn the_window_forgets_the_oldest() {
        let mut window = LatencyWindow::default();
        window.record(1_000_000);
        for _ in 0..LatencyWindow::LEN {
            window.record(7);
        }
        assert_eq!(window.percentiles().max_ns, 7);
    }

    #[test]
    fn a_steady_stream_has_its_rate_from_the_first_second_on() {
        let mut meter = RateMeter::default();
        for i in 0..100_u64 {
            meter.record(5_000_000_000 + i * 50_000_000, 10);
        }
        let (hz, bytes) = meter.per_second(6_000_000_000);
        assert!((hz - 20.0).abs() < 1e-9 && (bytes - 200.0).abs() < 1e-9);
        assert_eq!(meter.history(7_000_000_000, 3), [20, 20]);
        assert_eq!(meter.history(12_000_000_000, 3), [20, 0, 0]);
        assert!(RateMeter::default().history(9_000_000_000, 3).is_empty());
        assert_eq!(meter.per_second(60_000_000_000).0, 0.0);
        assert_eq!(meter.per_second_over(9_990_000_000, 10), 10.0);
        assert_eq!(meter.per_second_over(9_990_000_000, 5), 20.0);
        assert_eq!(meter.per_second_over(12_000_000_000, 5), 11.0);
    }
}
