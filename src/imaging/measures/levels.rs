//! What the values of a picture are: extremes, mean, spread, percentiles, histogram.
//!
//! All of it comes from one count of every value there can be, so nothing is sampled or rounded.

/// Values there can be.
const VALUES: usize = 1 << 16;

/// Bins of the histogram that goes to the screen.
pub const BINS: usize = 256;

/// How often each value is there.
///
/// Two tables take turns, because neighbouring pixels are mostly alike and adding to the same
/// place twice in a row has to wait for the first to be done.
#[derive(Debug)]
pub(super) struct Tally {
    even: Box<[u32; VALUES]>,
    odd: Box<[u32; VALUES]>,
    min: u16,
    max: u16,
    bits: u16,
    pixels: u64,
}

impl Default for Tally {
    fn default() -> Self {
        let table = || {
            let table = vec![0; VALUES].into_boxed_slice();
            table.try_into().expect("it was made that long")
        };
        Self {
            even: table(),
            odd: table(),
            min: u16::MAX,
            max: 0,
            bits: 0,
            pixels: 0,
        }
    }
}

impl Tally {
    /// Counts nothing yet. Only what was used is cleaned.
    pub(super) fn clear(&mut self) {
        let used = usize::from(self.min)..usize::from(self.max) + 1;
        if self.pixels > 0 {
            self.even[used.clone()].fill(0);
            self.odd[used].fill(0);
        }
        (self.min, self.max) = (u16::MAX, 0);
        (self.bits, self.pixels) = (0, 0);
    }

    /// Counts a row.
    pub(super) fn add(&mut self, row: &[u16]) {
        let (mut min, mut max, mut bits) = (self.min, self.max, self.bits);
        for &value in row {
            min = min.min(value);
            max = max.max(value);
            bits |= value;
        }
        (self.min, self.max, self.bits) = (min, max, bits);
        let (pairs, rest) = row.as_chunks::<2>();
        for [first, second] in pairs {
            self.even[usize::from(*first)] += 1;
            self.odd[usize::from(*second)] += 1;
        }
        for value in rest {
            self.even[usize::from(*value)] += 1;
        }
        self.pixels += row.len() as u64;
    }

    /// Adds up the two tables; to be called once, after the last row.
    pub(super) fn finish(&mut self) {
        let used = usize::from(self.min)..usize::from(self.max) + 1;
        if self.pixels == 0 {
            return;
        }
        for (even, odd) in self.even[used.clone()].iter_mut().zip(&mut self.odd[used]) {
            *even += std::mem::take(odd);
        }
    }

    /// Smallest and largest value, and every bit that is set in any; `None` without pixels.
    pub(super) fn extent(&self) -> Option<(u16, u16, u16)> {
        (self.pixels > 0).then_some((self.min, self.max, self.bits))
    }

    /// All pixels.
    pub(super) fn pixels(&self) -> u64 {
        self.pixels
    }

    /// Pixels of `value` or more.
    pub(super) fn at_or_above(&self, value: u16) -> u64 {
        let from = usize::from(value.max(self.min));
        let used = self.even.get(from..usize::from(self.max) + 1);
        used.unwrap_or_default().iter().map(|&n| u64::from(n)).sum()
    }

    /// Pixels of that value.
    pub(super) fn of(&self, value: u16) -> u64 {
        u64::from(self.even[usize::from(value)])
    }

    fn counts(&self) -> impl DoubleEndedIterator<Item = (u16, u64)> {
        (self.min..=self.max).map(|value| (value, u64::from(self.even[usize::from(value)])))
    }

    /// Mean and variance, the latter with all pixels as divisor (numpy's `ddof=0`).
    pub(super) fn moments(&self) -> (f64, f64) {
        let (mut sum, mut squares) = (0_u64, 0_u64);
        for (value, count) in self.counts() {
            let value = u64::from(value);
            // At most 65535^2 times as many pixels as are ever decoded, 2^26: below 2^58.
            sum += value * count;
            squares += value * value * count;
        }
        let pixels = self.pixels.max(1);
        let (n, sum, squares) = (u128::from(pixels), u128::from(sum), u128::from(squares));
        let spread = (n * squares).saturating_sub(sum * sum);
        let n = pixels as f64;
        (sum as f64 / n, spread as f64 / n / n)
    }

    /// The value below which that percentage of the pixels lies, as numpy's `percentile` with
    /// `method="linear"`: between the two values around position `percent / 100 * (n - 1)`.
    pub(super) fn percentile(&self, percent: f64) -> f64 {
        let last = self.pixels.saturating_sub(1);
        let position = percent.clamp(0.0, 100.0) / 100.0 * last as f64;
        let below = (position as u64).min(last);
        let (low, high) = self.ranked(below, (below + 1).min(last));
        let (low, high) = (f64::from(low), f64::from(high));
        low + (high - low) * (position - below as f64)
    }

    /// The values at two places of the sorted pixels, the first before the second.
    fn ranked(&self, first: u64, second: u64) -> (u16, u16) {
        let (mut passed, mut found) = (0, None);
        for (value, count) in self.counts() {
            passed += count;
            if found.is_none() && passed > first {
                found = Some(value);
            }
            if let Some(low) = found
                && passed > second
            {
                return (low, value);
            }
        }
        (found.unwrap_or(self.max), self.max)
    }

    /// Median absolute deviation from the median, both as numpy's `median`.
    ///
    /// Source: Rousseeuw and Croux, "Alternatives to the median absolute deviation", 1993; times
    /// 1.4826 it is the standard deviation of values that are normally distributed.
    pub(super) fn median_deviation(&self) -> f64 {
        // Twice the median is whole.
        let (low, high) = self.middle();
        let twice = i64::from(low) + i64::from(high);
        let (mut below, mut above) = (i64::from(low), i64::from(low) + 1);
        let (first, second) = (self.pixels.saturating_sub(1) / 2, self.pixels / 2);
        let (mut passed, mut found) = (0, None);
        let count = |value: i64| u16::try_from(value).map_or(0, |value| self.of(value));
        // Outwards from the median, the nearer side first.
        while below >= i64::from(self.min) || above <= i64::from(self.max) {
            let (down, up) = (twice - 2 * below, 2 * above - twice);
            let distance = if down <= up {
                passed += count(below);
                below -= 1;
                down
            } else {
                passed += count(above);
                above += 1;
                up
            };
            if found.is_none() && passed > first {
                found = Some(distance);
            }
            if let Some(low) = found
                && passed > second
            {
                return (low + distance) as f64 / 4.0;
            }
        }
        0.0
    }

    fn middle(&self) -> (u16, u16) {
        self.ranked(self.pixels.saturating_sub(1) / 2, self.pixels / 2)
    }

    /// The histogram between the smallest and the largest value, in steps of `step`.
    pub(super) fn histogram(&self, step: u16) -> Histogram {
        let step = u32::from(step.max(1));
        let from = u32::from(self.min) / step;
        let steps = (u32::from(self.max) / step).saturating_sub(from) + 1;
        let bin = steps.div_ceil(BINS as u32);
        let mut counts = [0_u32; BINS];
        if self.pixels > 0 {
            for (value, count) in self.counts() {
                let index = (u32::from(value) / step - from) / bin;
                // As many pixels as fit a frame, which is far below 2^32.
                counts[index as usize] += count as u32;
            }
        }
        Histogram {
            from: from as u16,
            bin_counts: bin,
            used: steps.div_ceil(bin) as usize,
            counts,
        }
    }
}

/// How often values lie where, between the smallest and the largest one of a picture.
///
/// The same as numpy's `histogram` with the edges `from + bin_counts * (0..=len)`.
#[derive(Clone, Debug, PartialEq)]
pub struct Histogram {
    /// The smallest value, where the first bin begins, in counts of the camera.
    pub from: u16,
    /// Width of a bin in counts of the camera: whole, so that no bin can hold more values than
    /// its neighbour.
    pub bin_counts: u32,
    used: usize,
    counts: [u32; BINS],
}

impl Histogram {
    /// Pixels of each bin.
    pub fn counts(&self) -> &[u32] {
        self.counts.get(..self.used).unwrap_or_default()
    }

    /// The histogram as `columns` heights of `0.0..=1.0`, the highest being 1; logarithmic
    /// (`ln(1 + n)`) if asked for, so that few bright pixels are seen beside a large background.
    pub fn columns(&self, columns: usize, is_log: bool) -> Vec<f32> {
        let bins = self.counts();
        let sums: Vec<f64> = (0..columns)
            .map(|column| {
                let from = column * bins.len() / columns;
                let to = ((column + 1) * bins.len() / columns).max(from + 1);
                let most = bins.get(from..to).unwrap_or_default().iter().max();
                let most = f64::from(most.copied().unwrap_or(0));
                if is_log { most.ln_1p() } else { most }
            })
            .collect();
        let highest = sums.iter().copied().fold(0.0, f64::max);
        let scale = if highest > 0.0 { 1.0 / highest } else { 0.0 };
        sums.iter().map(|sum| (sum * scale) as f32).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally(values: &[u16]) -> Tally {
        let mut tally = Tally::default();
        // What was counted before must leave nothing behind.
        tally.add(&[7, 65_535, 0]);
        tally.finish();
        tally.clear();
        for row in values.chunks(5) {
            tally.add(row);
        }
        tally.finish();
        tally
    }

    #[test]
    fn percentiles_are_numpys() {
        // numpy.percentile(values, q), method "linear".
        let values = [10, 3, 7, 7, 42, 1000, 65_535, 0, 3, 12];
        let cases = [
            (0.0, 0.0),
            (1.0, 0.27),
            (25.0, 4.0),
            (50.0, 8.5),
            (90.0, 7453.5),
            (99.8, 64_373.37),
            (100.0, 65_535.0),
        ];
        let tally = tally(&values);
        for (percent, want) in cases {
            let got = tally.percentile(percent);
            assert!(
                (got - want).abs() < 1e-9 * want.max(1.0),
                "{percent}: {got}"
            );
        }
    }

    #[test]
    fn moments_are_those_of_all_pixels() {
        let (mean, variance) = tally(&[1, 2, 3, 4]).moments();
        assert_eq!((mean, variance), (2.5, 1.25));
        let (mean, variance) = tally(&[65_535; 1000]).moments();
        assert_eq!((mean, variance), (65_535.0, 0.0));
    }

    #[test]
    fn the_deviation_is_the_median_distance_from_the_median() {
        let by_hand = |values: &[u16]| {
            let median = |mut values: Vec<f64>| {
                values.sort_by(f64::total_cmp);
                let n = values.len();
                (values[(n - 1) / 2] + values[n / 2]) / 2.0
            };
            let values: Vec<f64> = values.iter().map(|&v| f64::from(v)).collect();
            let middle = median(values.clone());
            median(values.iter().map(|v| (v - middle).abs()).collect())
        };
        let cases: [&[u16]; 7] = [
            &[5],
            &[1, 2],
            &[1, 2, 3, 100],
            &[0, 0, 0, 9],
            &[0, 65_535],
            &[3, 3, 8, 9, 9, 9, 40, 2],
            &[10, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43],
        ];
        for values in cases {
            assert_eq!(
                tally(values).median_deviation(),
                by_hand(values),
                "{values:?}"
            );
        }
    }

    #[test]
    fn a_histogram_has_every_pixel_once() {
        let check = |values: &[u16], step: u16, begins: (u16, u32), counts: &[u32]| {
            let histogram = tally(values).histogram(step);
            assert_eq!((histogram.from, histogram.bin_counts), begins);
            assert_eq!(&histogram.counts()[..counts.len()], counts);
            let all: u32 = histogram.counts().iter().sum();
            assert_eq!(all as usize, values.len());
        };
        check(&[4, 4, 6], 1, (4, 1), &[2, 0, 1]);
        check(&[9], 1, (9, 1), &[1]);
        check(&[0x0500, 0x0700], 256, (5, 1), &[1, 0, 1]);
        check(&[100, 101, 355, 356], 1, (100, 2), &[2, 0]);
    }

    #[test]
    fn columns_are_as_high_as_their_highest_bin() {
        let histogram = tally(&[4, 4, 4, 6, 7, 7]).histogram(1);
        assert_eq!(histogram.columns(2, false), [1.0, 2.0 / 3.0]);
        assert_eq!(histogram.columns(4, false)[1], 0.0);
        let log = histogram.columns(4, true);
        assert!((log[2] - 0.5).abs() < 1e-6, "{log:?}");
        assert!(histogram.columns(0, true).is_empty());
        assert_eq!(histogram.columns(400, false).len(), 400);
    }
}
