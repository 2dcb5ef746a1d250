//! Silences in a channel: found in one pass, without keeping every interval.

use super::{Gap, GapKind};

/// A silence is longer than this many times the channel's usual interval ...
const TIMES_USUAL: u64 = 5;
/// ... and longer than this.
const AT_LEAST_NS: u64 = 1_000_000_000;
/// Fewer intervals than this show no rhythm.
const FEWEST: u64 = 4;
/// Silences listed for each channel.
const MAX_SILENCES: usize = 1000;
/// Intervals are counted in bins that grow by a sixteenth of a doubling each: the median is right
/// to within 5 %.
const BINS_PER_OCTAVE: u64 = 16;

/// The intervals of one channel.
#[derive(Debug, Default)]
pub(super) struct Rhythm {
    bins: Vec<u64>,
    count: u64,
    candidates: Vec<(u64, u64)>,
}

impl Rhythm {
    /// Enters the time between two messages.
    pub(super) fn interval(&mut self, from_ns: u64, to_ns: u64) {
        let length = to_ns.saturating_sub(from_ns);
        let bin = bin_of(length);
        if self.bins.len() <= bin {
            self.bins.resize(bin + 1, 0);
        }
        self.bins[bin] += 1;
        self.count += 1;
        if length > AT_LEAST_NS && self.candidates.len() < MAX_SILENCES {
            self.candidates.push((from_ns, to_ns));
        }
    }

    fn median_ns(&self) -> u64 {
        let mut seen = 0;
        for (bin, count) in self.bins.iter().enumerate() {
            seen += count;
            if seen * 2 >= self.count {
                return upper_edge(bin);
            }
        }
        0
    }

    /// The silences, longest first, the one that lasts to the end of the recording included.
    pub(super) fn gaps(&self, topic: &str, last_ns: u64, end_ns: u64) -> Vec<Gap> {
        if self.count < FEWEST {
            return Vec::new();
        }
        let limit = self
            .median_ns()
            .saturating_mul(TIMES_USUAL)
            .max(AT_LEAST_NS);
        let is_long = |from: u64, to: u64| to.saturating_sub(from) > limit;
        let gap = |kind, from_unix_ns, to_unix_ns| Gap {
            topic: topic.to_owned(),
            kind,
            from_unix_ns,
            to_unix_ns,
            missing: 0,
        };
        let mut gaps: Vec<Gap> = self
            .candidates
            .iter()
            .filter(|(from, to)| is_long(*from, *to))
            .map(|(from, to)| gap(GapKind::Silence, *from, *to))
            .collect();
        if is_long(last_ns, end_ns) {
            gaps.push(gap(GapKind::SilenceToEnd, last_ns, end_ns));
        }
        gaps.sort_by_key(|gap| std::cmp::Reverse(gap.to_unix_ns - gap.from_unix_ns));
        gaps
    }
}

fn bin_of(length_ns: u64) -> usize {
    let octave = u64::from(length_ns.max(1).ilog2());
    // The four bits behind the leading one.
    let scaled = if octave >= 4 {
        length_ns >> (octave - 4)
    } else {
        length_ns.max(1) << (4 - octave)
    };
    let fraction = scaled & (BINS_PER_OCTAVE - 1);
    usize::try_from(octave * BINS_PER_OCTAVE + fraction).unwrap_or(0)
}

fn upper_edge(bin: usize) -> u64 {
    let bin = bin as u64;
    let (octave, fraction) = (bin / BINS_PER_OCTAVE, bin % BINS_PER_OCTAVE);
    let edge = (1_u128 << octave) * u128::from(BINS_PER_OCTAVE + fraction + 1)
        / u128::from(BINS_PER_OCTAVE);
    u64::try_from(edge).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: u64 = 1_000_000_000;

    fn check(times: &[u64], end_ns: u64, expected: &[(GapKind, u64, u64)]) {
        let mut rhythm = Rhythm::default();
        for pair in times.windows(2) {
            rhythm.interval(pair[0], pair[1]);
        }
        let gaps = rhythm.gaps("/t", *times.last().unwrap_or(&0), end_ns);
        let found: Vec<_> = gaps
            .iter()
            .map(|gap| (gap.kind, gap.from_unix_ns, gap.to_unix_ns))
            .collect();
        assert_eq!(found, expected, "{times:?}");
    }

    #[test]
    fn a_silence_is_long_for_its_channel_and_for_people() {
        let tenth = S / 10;
        let steady: Vec<u64> = (0..50).map(|n| n * tenth).collect();
        check(&steady, 49 * tenth, &[]);
        // 0.9 s: many times the usual, but nobody waits for it.
        let mut short = steady.clone();
        short.extend((0..50).map(|n| 49 * tenth + 9 * tenth + n * tenth));
        check(&short, 0, &[]);
        let mut long = steady.clone();
        long.extend((0..50).map(|n| 49 * tenth + 2 * S + n * tenth));
        check(
            &long,
            0,
            &[(GapKind::Silence, 49 * tenth, 49 * tenth + 2 * S)],
        );
        // Slow by nature: 4 s apart, a pause of 12 s is nothing.
        let slow: Vec<u64> = [0, 4, 8, 12, 24, 28].map(|s| s * S).to_vec();
        check(&slow, 0, &[]);
        check(
            &steady,
            49 * tenth + 3 * S,
            &[(GapKind::SilenceToEnd, 49 * tenth, 49 * tenth + 3 * S)],
        );
        check(&[0, 9 * S], 100 * S, &[]);
    }

    #[test]
    fn the_median_is_nearly_right() {
        for length in [1, 15, 16, 999, 33_333_333, 5 * S, u64::MAX / 2] {
            let mut rhythm = Rhythm::default();
            rhythm.interval(0, length);
            let median = rhythm.median_ns() as f64;
            assert!(median >= length as f64, "{length}: {median}");
            let most = (length as f64 * 1.07).max(16.0);
            assert!(median <= most, "{length}: {median}");
        }
    }
}
