//! Plots as SVG inside the page: values over the time of the recording, and what happened when.

use std::fmt::Write as _;

use super::html::{Safe, length, number_within};

/// Parts that the time of a recording is cut into: about as many as a plot has columns.
pub(super) const BINS: usize = 240;

/// The time of a recording, cut into equal parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Bins {
    pub first_ns: u64,
    pub last_ns: u64,
}

impl Bins {
    /// The part that a moment lies in; what lies outside counts to the nearest.
    pub(super) fn of(self, at_ns: u64) -> usize {
        let span = u128::from(self.span_ns()) + 1;
        let since = u128::from(at_ns.saturating_sub(self.first_ns));
        let bin = since * BINS as u128 / span;
        usize::try_from(bin).unwrap_or(BINS).min(BINS - 1)
    }

    /// Where a moment lies, 0 to 1.
    pub(super) fn part(self, at_ns: u64) -> f64 {
        let since = at_ns.saturating_sub(self.first_ns) as f64;
        (since / self.span_ns().max(1) as f64).min(1.0)
    }

    /// How long a part is.
    pub(super) fn seconds(self) -> f64 {
        // A recording of one moment has no rate that anything could be divided by.
        (self.span_ns() as f64 / 1e9 / BINS as f64).max(1e-9)
    }

    fn span_ns(self) -> u64 {
        self.last_ns.saturating_sub(self.first_ns)
    }

    fn label(self) -> String {
        length(self.span_ns() as f64 / 1e9)
    }
}

/// A number over time: what it was at least, at most and last in each part.
#[derive(Clone, Debug)]
pub(super) struct Track {
    pub unit: String,
    pub count: u64,
    pub first: f64,
    pub last: f64,
    pub min: f64,
    pub max: f64,
    cells: Vec<Option<(f64, f64, f64)>>,
}

impl Track {
    pub(super) fn new(unit: &str) -> Self {
        Self {
            unit: unit.to_owned(),
            count: 0,
            first: 0.0,
            last: 0.0,
            min: f64::INFINITY,
            max: f64::NEG_INFINITY,
            cells: vec![None; BINS],
        }
    }

    /// Takes in a value; one that is no number is no value.
    pub(super) fn add(&mut self, bin: usize, value: f64) {
        if !value.is_finite() {
            return;
        }
        if self.count == 0 {
            self.first = value;
        }
        self.count += 1;
        self.last = value;
        self.min = self.min.min(value);
        self.max = self.max.max(value);
        if let Some(cell) = self.cells.get_mut(bin) {
            let (low, high, last) = cell.get_or_insert((value, value, value));
            (*low, *high, *last) = (low.min(value), high.max(value), value);
        }
    }

    /// Whether it ever was another value.
    pub(super) fn moves(&self) -> bool {
        self.count > 1 && self.min < self.max
    }
}

const WIDE: f64 = 300.0;
const HIGH: f64 = 64.0;

/// A number over time as a small figure with its name, its range and its last value. A value holds
/// until the next one, so between them the line is level.
pub(super) fn small(page: &mut String, name: &str, track: &Track, bins: Bins) {
    let unit = match track.unit.as_str() {
        "" => String::new(),
        unit => format!(" {unit}"),
    };
    let text = |value: f64| number_within(value, track.max - track.min);
    let (least, most, last) = (text(track.min), text(track.max), text(track.last));
    let said = format!("{name}: {least} to {most}{unit}, last {last}");
    let _ = write!(
        page,
        "<figure class=\"plot\"><figcaption>{} <b>{}{}</b></figcaption>{}",
        Safe(name),
        last,
        Safe(&unit),
        head(&said, HIGH)
    );
    let span = match track.max - track.min {
        span if span > 0.0 => span,
        _ => 1.0,
    };
    let y = |value: f64| 4.0 + (HIGH - 8.0) * (1.0 - (value - track.min) / span);
    let x = |bin: usize| WIDE * bin as f64 / BINS as f64;
    let (mut band, mut line) = (String::new(), String::new());
    let mut before: Option<f64> = None;
    for (bin, cell) in track.cells.iter().enumerate() {
        let Some((low, high, last)) = *cell else {
            continue;
        };
        if high > low {
            let _ = write!(
                band,
                "M{:.1} {:.1}V{:.1}",
                x(bin),
                y(high),
                y(low).max(y(high) + 0.5)
            );
        }
        let _ = match before {
            None => write!(line, "M{:.1} {:.1}", x(bin), y(last)),
            Some(_) => write!(line, "H{:.1}V{:.1}", x(bin), y(last)),
        };
        before = Some(last);
    }
    if before.is_some() {
        let _ = write!(line, "H{WIDE}");
    }
    let _ = writeln!(
        page,
        "<path class=\"band\" d=\"{band}\"/><path class=\"line\" d=\"{line}\"/></svg>\
         <p class=\"range\"><span>{least} … {most}{}</span><span>{}</span></p></figure>",
        Safe(&unit),
        Safe(bins.label())
    );
}

/// How long a column of a rate is at least: of less time a rate tells only how messages lie.
const COLUMN_S: f64 = 0.5;

/// Counts over time as columns, as a rate.
pub(super) fn rate(page: &mut String, name: &str, unit: &str, counts: &[u64], bins: Bins) {
    let together = (COLUMN_S / bins.seconds())
        .ceil()
        .clamp(2.0, BINS as f64 / 4.0) as usize;
    let columns: Vec<u64> = counts
        .chunks(together)
        .map(|some| some.iter().sum())
        .collect();
    let most = columns.iter().copied().max().unwrap_or(0).max(1);
    let total: u64 = counts.iter().sum();
    let per_s = number_within(most as f64 / (bins.seconds() * together as f64), 10.0);
    let said = format!("{name}: {total} in all, at most {per_s} {unit}");
    let _ = write!(
        page,
        "<figure class=\"plot\"><figcaption>{} <b>{total}</b></figcaption>{}<path class=\"area\" d=\"M0 {HIGH}",
        Safe(name),
        head(&said, HIGH)
    );
    for (column, count) in columns.iter().enumerate() {
        let y = HIGH - (HIGH - 4.0) * *count as f64 / most as f64;
        let right = WIDE * ((column + 1) * together).min(BINS) as f64 / BINS as f64;
        let _ = write!(page, "V{y:.1}H{right:.1}");
    }
    let _ = writeln!(
        page,
        "V{HIGH}Z\"/></svg><p class=\"range\"><span>at most {per_s} {}</span><span>{}</span></p></figure>",
        Safe(unit),
        Safe(bins.label())
    );
}

/// A mark in the timeline.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Mark {
    Command,
    Link,
    Fault,
    Loss,
    Stop,
}

impl Mark {
    pub(super) const ALL: [Self; 5] = [
        Self::Command,
        Self::Link,
        Self::Fault,
        Self::Loss,
        Self::Stop,
    ];

    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Command => "command",
            Self::Link => "link",
            Self::Fault => "fault",
            Self::Loss => "loss",
            Self::Stop => "stop",
        }
    }
}

/// What happened at each source: one line of marks for each kind of thing.
///
/// - `counts`: by source and kind, how often in each part of the time
/// - `gaps`: from when to when something is missing
pub(super) fn timeline(
    page: &mut String,
    lanes: &[(String, Mark, Vec<u64>)],
    gaps: &[(u64, u64)],
    bins: Bins,
) {
    const LEFT: f64 = 170.0;
    const ROW: f64 = 16.0;
    const TIME: f64 = 720.0;
    let high = ROW * lanes.len() as f64 + 24.0;
    let said = format!(
        "What happened when: {} lines of marks over {}; the tables below say the same in words",
        lanes.len(),
        bins.label()
    );
    let _ = write!(
        page,
        "<svg class=\"time\" role=\"img\" viewBox=\"0 0 {} {high}\" aria-label=\"{}\"><title>{}</title>",
        LEFT + TIME + 10.0,
        Safe(&said),
        Safe(&said)
    );
    for (from, to) in gaps.iter().take(BINS) {
        let (left, right) = (bins.part(*from), bins.part(*to));
        let _ = write!(
            page,
            "<rect class=\"gap\" x=\"{:.1}\" y=\"0\" width=\"{:.1}\" height=\"{:.1}\"/>",
            LEFT + TIME * left,
            (TIME * (right - left)).max(1.0),
            high - 20.0
        );
    }
    for (row, (source, mark, counts)) in lanes.iter().enumerate() {
        let y = ROW * row as f64;
        let _ = write!(
            page,
            "<text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{} {}</text>\
             <path class=\"rule\" d=\"M{LEFT} {:.1}H{}\"/><path class=\"mark {}\" d=\"",
            LEFT - 8.0,
            y + 12.0,
            Safe(source),
            mark.word(),
            y + 8.0,
            LEFT + TIME,
            mark.word(),
        );
        for (bin, count) in counts.iter().enumerate().filter(|(_, count)| **count > 0) {
            // Taller where there is more of it, and never so small that it is not seen.
            let half = 3.0 + (*count as f64).ln().min(3.5);
            let x = LEFT + TIME * (bin as f64 + 0.5) / BINS as f64;
            let _ = write!(page, "M{x:.1} {:.1}V{:.1}", y + 8.0 - half, y + 8.0 + half);
        }
        page.push_str("\"/>");
    }
    let bottom = high - 6.0;
    let _ = writeln!(
        page,
        "<text x=\"{LEFT}\" y=\"{bottom}\">0</text><text x=\"{}\" y=\"{bottom}\" \
         text-anchor=\"end\">{}</text></svg>",
        LEFT + TIME,
        Safe(bins.label())
    );
}

fn head(said: &str, high: f64) -> String {
    format!(
        "<svg role=\"img\" viewBox=\"0 0 {WIDE} {high}\" preserveAspectRatio=\"none\" \
         aria-label=\"{0}\"><title>{0}</title>",
        Safe(said)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_moment_has_its_part() {
        let bins = Bins {
            first_ns: 1_000,
            last_ns: 1_000 + BINS as u64 * 10 - 1,
        };
        assert_eq!(bins.of(0), 0);
        assert_eq!(bins.of(1_000), 0);
        assert_eq!(bins.of(1_010), 1);
        assert_eq!(bins.of(bins.last_ns), BINS - 1);
        assert_eq!(bins.of(u64::MAX), BINS - 1);
        let one = Bins {
            first_ns: 5,
            last_ns: 5,
        };
        assert_eq!((one.of(5), one.of(9)), (0, BINS - 1));
        assert!(one.seconds() > 0.0);
        let all = Bins {
            first_ns: 0,
            last_ns: u64::MAX,
        };
        assert_eq!(all.of(u64::MAX), BINS - 1);
    }

    #[test]
    fn a_track_knows_its_range_and_draws_only_numbers() {
        let bins = Bins {
            first_ns: 0,
            last_ns: 1_000,
        };
        let mut track = Track::new("um");
        for (at, value) in [(0, 5.0), (500, f64::NAN), (500, f64::INFINITY), (900, 7.5)] {
            track.add(bins.of(at), value);
        }
        assert_eq!((track.count, track.min, track.max), (2, 5.0, 7.5));
        assert!(track.moves());
        let mut page = String::new();
        small(&mut page, "a <b>", &track, bins);
        assert!(
            page.contains("a &lt;b&gt;: 5 to 7.5 um, last 7.5"),
            "{page}"
        );
        assert!(!page.contains("NaN") && !page.contains("inf"), "{page}");
        // From the bottom at the left, level, then up to the top, and on to the end.
        assert!(page.contains("d=\"M0.0 60.0H268.8V4.0H300\""), "{page}");
        rate(&mut page, "messages", "1/s", &[0; BINS], bins);
        timeline(&mut page, &[], &[(0, u64::MAX)], bins);
        assert!(!page.contains("NaN") && !page.contains("inf"), "{page}");
    }
}
