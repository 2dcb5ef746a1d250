//! Which camera, and which of its formats, sizes and rates. Pure: from what there is and what was
//! written to what is tried, in order.

use std::cmp::Ordering;

use super::device::{Format, Found, FourCc, Interval, Intervals, Mode, Size, Trouble, tidy};
use super::pixels;
use crate::model::PlainText;

/// What was asked of the camera's format; what was not is chosen.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Wanted {
    /// Pixel format.
    pub format: Option<FourCc>,
    /// Columns and rows.
    pub size: Option<(u32, u32)>,
    /// Pictures a second.
    pub rate_hz: Option<f64>,
}

/// Fewer pictures a second than this do not look like a moving picture: a smaller size or JPEG is
/// taken instead, unless something else was asked.
const LEAST_HZ: f64 = 10.0;
/// Raw pixels a second beyond which JPEG is taken where there is both. Copying and recording them
/// is a load that nobody has asked for.
const RAW_BYTES_PER_S: f64 = 100e6;
/// Modes that are tried before a camera is given up.
const TRIES: usize = 8;

/// The camera that was written: by number, by path, or by a part of its name.
///
/// # Errors
/// There is none like that, or there are several.
pub fn find<'a>(written: &str, cameras: &'a [Found]) -> Result<&'a Found, Trouble> {
    let absent = |text: String| Err(Trouble::Absent(PlainText::from(text)));
    let there_is = || match cameras {
        [] => "no camera is attached to this machine".to_owned(),
        some => {
            let names = some
                .iter()
                .map(|one| format!("{} ({})", one.path, one.name));
            format!("there is {}", names.collect::<Vec<_>>().join(", "))
        }
    };
    if let Ok(index) = written.parse::<u32>() {
        let found = cameras.iter().find(|one| one.index == index);
        return found.map_or_else(|| absent(format!("no camera {index}; {}", there_is())), Ok);
    }
    if written.starts_with('/') {
        let is_it = |one: &&Found| one.path == written || one.aliases.iter().any(|a| a == written);
        let found = cameras.iter().find(is_it);
        return found.map_or_else(
            || absent(format!("no camera {written}; {}", there_is())),
            Ok,
        );
    }
    let wanted = written.to_lowercase();
    let whole = |one: &&Found| one.name.to_lowercase() == wanted || one.bus.as_str() == written;
    let part = |one: &&Found| {
        let file_name = |path: &String| path.rsplit('/').next().is_some_and(|n| n == written);
        one.name.to_lowercase().contains(&wanted)
            || file_name(&one.path)
            || one.aliases.iter().any(file_name)
    };
    let mut fitting: Vec<&Found> = cameras.iter().filter(whole).collect();
    if fitting.is_empty() {
        fitting = cameras.iter().filter(part).collect();
    }
    match fitting.as_slice() {
        [only] => Ok(only),
        [] => absent(format!("no camera is called \"{written}\"; {}", there_is())),
        several => {
            let paths: Vec<&str> = several.iter().map(|one| one.path.as_str()).collect();
            let text = format!(
                "\"{written}\" may be any of {}: write the path or a name from /dev/v4l/by-id",
                paths.join(", ")
            );
            absent(text)
        }
    }
}

/// The same camera as before, which may have another number now; `None` while it is not there.
/// Where it is plugged in tells two alike apart; plugged in elsewhere it is known by its name
/// alone if there is only one.
pub fn find_again<'a>(before: &Found, cameras: &'a [Found]) -> Option<&'a Found> {
    let named: Vec<&Found> = cameras.iter().filter(|c| c.name == before.name).collect();
    let same_place = named.iter().find(|camera| camera.bus == before.bus);
    match (same_place, named.as_slice()) {
        (Some(same), _) => Some(same),
        (None, [only]) => Some(only),
        (None, _) => None,
    }
}

/// Modes to try, the best first.
///
/// # Errors
/// None of them is what was asked, or none can be shown; the sentence says what there is.
pub fn modes(path: &str, formats: &[Format], wanted: &Wanted) -> Result<Vec<Mode>, Trouble> {
    let refuse = |what: String, why: String| Trouble::Refused {
        path: path.into(),
        what: what.into(),
        why: why.into(),
    };
    let names = || {
        let names: Vec<String> = formats.iter().map(|f| f.fourcc.to_string()).collect();
        match names.as_slice() {
            [] => "it has no format at all".to_owned(),
            names => format!("it has {}", names.join(", ")),
        }
    };
    let asked = formats
        .iter()
        .filter(|format| wanted.format.is_none_or(|fourcc| fourcc == format.fourcc));
    let asked: Vec<&Format> = asked.collect();
    if let (Some(fourcc), true) = (wanted.format, asked.is_empty()) {
        return Err(refuse(format!("format={fourcc}"), names()));
    }
    let known: Vec<&Format> = asked
        .into_iter()
        .filter(|format| pixels::quality(format.fourcc).is_some())
        .collect();
    if known.is_empty() {
        let what = wanted
            .format
            .map_or("a format that can be shown".to_owned(), |fourcc| {
                format!("format={fourcc} in a way that can be shown")
            });
        return Err(refuse(
            what,
            format!("{}; known are {}", names(), pixels::KNOWN),
        ));
    }
    let mut modes: Vec<Mode> = known
        .iter()
        .flat_map(|format| format.sizes.iter().map(|size| (format.fourcc, size)))
        .filter_map(|(fourcc, size)| mode(fourcc, size, wanted))
        .collect();
    if modes.is_empty() {
        let sizes = sizes_text(&known);
        let (width, height) = wanted.size.unwrap_or_default();
        return Err(refuse(
            format!("size={width}x{height}"),
            format!("it has {sizes}"),
        ));
    }
    modes.sort_by(|a, b| better(a, b, wanted));
    modes.dedup();
    modes.truncate(TRIES);
    Ok(modes)
}

/// The best mode of this size, if that is what was asked.
fn mode(fourcc: FourCc, size: &Size, wanted: &Wanted) -> Option<Mode> {
    let size_px = match wanted.size {
        Some(asked) => size.takes(asked).then_some(asked)?,
        None => size.most,
    };
    (size_px.0 > 0 && size_px.1 > 0).then(|| Mode {
        fourcc,
        size: size_px,
        interval: size.interval(wanted.rate_hz),
    })
}

impl Size {
    /// Whether it may be this one.
    fn takes(&self, (width, height): (u32, u32)) -> bool {
        let fits = |value: u32, least: u32, most: u32, step: u32| {
            let over = value.checked_sub(least);
            over.is_some_and(|over| value <= most && (step == 0 || over.is_multiple_of(step)))
        };
        fits(width, self.least.0, self.most.0, self.step.0)
            && fits(height, self.least.1, self.most.1, self.step.1)
    }

    /// The time between two pictures that is nearest to what was asked, else the shortest.
    fn interval(&self, rate_hz: Option<f64>) -> Option<Interval> {
        let Some(wanted) = rate_hz else {
            let shortest = self.intervals.iter().map(|one| one.shortest);
            return shortest.max_by(|a, b| a.rate_hz().total_cmp_or_less(b.rate_hz()));
        };
        let nearest_in = |one: &Intervals| {
            let (most, least) = (one.shortest.rate_hz()?, one.longest.rate_hz()?);
            let interval = match wanted {
                rate if rate >= most => one.shortest,
                rate if rate <= least => one.longest,
                rate => Interval::from_rate(rate)?,
            };
            let off = (interval.rate_hz()? / wanted).ln().abs();
            Some((off, interval))
        };
        let nearest = self.intervals.iter().filter_map(nearest_in);
        let nearest = nearest.min_by(|(a, _), (b, _)| a.total_cmp(b));
        // It does not say what it can: then it is asked all the same.
        nearest.map_or_else(
            || Interval::from_rate(wanted),
            |(_, interval)| Some(interval),
        )
    }
}

/// Numbers that may be missing; what is missing is the least.
trait OrLess {
    fn total_cmp_or_less(self, other: Self) -> Ordering;
}

impl OrLess for Option<f64> {
    fn total_cmp_or_less(self, other: Self) -> Ordering {
        let value = |one: Option<f64>| one.unwrap_or(f64::NEG_INFINITY);
        value(self).total_cmp(&value(other))
    }
}

/// The better of two comes first.
fn better(a: &Mode, b: &Mode, wanted: &Wanted) -> Ordering {
    let rank = |mode: &Mode| {
        let rate = mode.interval.and_then(Interval::rate_hz);
        let pixels = f64::from(mode.size.0) * f64::from(mode.size.1);
        let is_smooth = rate.is_none_or(|rate| rate >= wanted.rate_hz.unwrap_or(LEAST_HZ) * 0.99);
        let bytes = pixels * pixels::bytes_per_pixel(mode.fourcc);
        let is_light = bytes * rate.unwrap_or(30.0) <= RAW_BYTES_PER_S;
        let quality = pixels::quality(mode.fourcc).unwrap_or(0);
        (is_smooth, pixels, is_light, quality, rate.unwrap_or(0.0))
    };
    let (a, b) = (rank(a), rank(b));
    b.0.cmp(&a.0)
        .then(b.1.total_cmp(&a.1))
        .then(b.2.cmp(&a.2))
        .then(b.3.cmp(&a.3))
        .then(b.4.total_cmp(&a.4))
}

/// Sizes in words, each once, the first dozen.
fn sizes_text(formats: &[&Format]) -> String {
    const MOST: usize = 12;
    let sizes = formats.iter().flat_map(|format| &format.sizes);
    let mut words: Vec<String> = Vec::new();
    for word in sizes.map(size_words) {
        if !words.contains(&word) {
            words.push(word);
        }
    }
    let rest = words.len().saturating_sub(MOST);
    words.truncate(MOST);
    match (words.is_empty(), rest) {
        (true, _) => "no size".to_owned(),
        (false, 0) => words.join(", "),
        (false, rest) => format!("{} and {rest} more", words.join(", ")),
    }
}

/// A size in words: `640x480`, or `32x32 to 4096x2160 in steps of 8x2`.
pub fn size_words(size: &Size) -> String {
    let (least, most, step) = (size.least, size.most, size.step);
    match least == most {
        true => format!("{}x{}", most.0, most.1),
        false => format!(
            "{}x{} to {}x{} in steps of {}x{}",
            least.0,
            least.1,
            most.0,
            most.1,
            step.0.max(1),
            step.1.max(1)
        ),
    }
}

/// Rates in words, the slowest first: `5, 12.5, 30`.
pub fn rate_words(intervals: &[Intervals]) -> String {
    let mut sorted: Vec<&Intervals> = intervals.iter().collect();
    sorted.sort_by(|a, b| a.shortest.rate_hz().total_cmp_or_less(b.shortest.rate_hz()));
    let words = sorted.into_iter().filter_map(|one| {
        let (most, least) = (one.shortest.rate_hz()?, one.longest.rate_hz()?);
        Some(match most == least {
            true => tidy(most).to_string(),
            false => format!("{} to {}", tidy(least), tidy(most)),
        })
    });
    words.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests;
