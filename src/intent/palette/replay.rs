//! Words about a recording that is played: where to go in it, and how fast.

use std::time::Duration;

use super::error::PaletteError;
use super::line::first_word;
use super::names::one_of;
use super::verbs::ReplayVerb;
use crate::model::{MarkKind, Pace, ReplayOrder, SeekTo};

/// What `:seek` takes, for messages.
const PLACES: &str = "seek 00:01:30, +10s, -10s, 50%, 14:03:22Z, start, end, fault or command";
const SECOND_NS: u64 = 1_000_000_000;

/// Understands what follows a word about a recording.
pub(super) fn parse(
    which: ReplayVerb,
    verb: &'static str,
    rest: &str,
) -> Result<ReplayOrder, PaletteError> {
    let named = |words: &[&str]| {
        let known: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        one_of(verb, rest, &known)
    };
    match which {
        ReplayVerb::Play | ReplayVerb::Pause if !rest.is_empty() => Err(PaletteError::TooMuch {
            verb,
            got: rest.to_owned(),
        }),
        ReplayVerb::Play => Ok(ReplayOrder::Play),
        ReplayVerb::Pause => Ok(ReplayOrder::Pause),
        ReplayVerb::Step if rest.is_empty() => Ok(ReplayOrder::Step { forward: true }),
        ReplayVerb::Step => named(&["back"]).map(|_| ReplayOrder::Step { forward: false }),
        ReplayVerb::Loop if rest.is_empty() => Ok(ReplayOrder::Loop(None)),
        ReplayVerb::Loop => named(&["on", "off"]).map(|word| ReplayOrder::Loop(Some(word == "on"))),
        ReplayVerb::Speed if rest == "max" => Ok(ReplayOrder::Pace(Pace::Max)),
        ReplayVerb::Speed => pace(verb, rest).map(ReplayOrder::Pace),
        ReplayVerb::Seek if rest.is_empty() => Err(PaletteError::Unfinished {
            verb,
            question: "where to".to_owned(),
            example: PLACES.to_owned(),
        }),
        ReplayVerb::Seek => {
            place(rest)
                .map(ReplayOrder::Seek)
                .ok_or_else(|| PaletteError::WrongNumber {
                    verb,
                    got: rest.to_owned(),
                    problem: "no place in a recording",
                    example: PLACES.to_owned(),
                })
        }
    }
}

fn pace(verb: &'static str, rest: &str) -> Result<Pace, PaletteError> {
    let example = || "speed 2, 0.1 to 100, or speed max".to_owned();
    if rest.is_empty() {
        return Err(PaletteError::Unfinished {
            verb,
            question: "how fast".to_owned(),
            example: example(),
        });
    }
    let number = rest.strip_suffix(['x', 'X']).unwrap_or(rest);
    let times: f64 = number.parse().map_err(|_| PaletteError::NotANumber {
        verb,
        got: rest.to_owned(),
        example: example(),
    })?;
    Pace::from_times(times).ok_or_else(|| PaletteError::WrongNumber {
        verb,
        got: rest.to_owned(),
        problem: "no pace that can be kept",
        example: example(),
    })
}

/// The place that a text names: a time since the beginning (`00:01:30`, `90s`), a step (`+10s`), a
/// percentage, a clock time (`14:03:22Z`, or with a date), the beginning, the end, or the next or
/// last fault or command.
pub fn place(text: &str) -> Option<SeekTo> {
    let (word, behind) = first_word(text);
    let kind = match word {
        "start" if behind.is_empty() => return Some(SeekTo::Start),
        "end" if behind.is_empty() => return Some(SeekTo::End),
        "fault" => Some(MarkKind::Fault),
        "command" => Some(MarkKind::Command),
        _ => None,
    };
    if let Some(kind) = kind {
        let forward = match behind {
            "" | "next" => true,
            "back" => false,
            _ => return None,
        };
        return Some(SeekTo::Mark { kind, forward });
    }
    if let Some(number) = text.strip_suffix('%') {
        let percent: f64 = number.trim_end().parse().ok()?;
        let is_one = (0.0..=100.0).contains(&percent);
        return is_one.then_some(SeekTo::Millionths((percent * 10_000.0).round() as u32));
    }
    if let Some(step) = text.strip_prefix('+') {
        return duration(step).map(SeekTo::Forward);
    }
    if let Some(step) = text.strip_prefix('-') {
        return duration(step).map(SeekTo::Back);
    }
    if let Some(clock) = text.strip_suffix(['Z', 'z']) {
        return clock_time(clock);
    }
    duration(text).map(SeekTo::At)
}

/// `01:30`, `00:01:30.5`, `90s`, `1m30s`, `500ms`, `2h`; a bare number is seconds.
fn duration(text: &str) -> Option<Duration> {
    if text.contains(':') {
        return colons(text).map(Duration::from_nanos);
    }
    let mut rest = text;
    let mut sum = Duration::ZERO;
    while !rest.is_empty() {
        let digits = rest
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .unwrap_or(rest.len());
        let (number, behind) = rest.split_at_checked(digits)?;
        let end = behind
            .find(|c: char| c.is_ascii_digit())
            .unwrap_or(behind.len());
        let (unit, next) = behind.split_at_checked(end)?;
        let seconds = match unit {
            "" | "s" => 1.0,
            "ms" => 0.001,
            "m" | "min" => 60.0,
            "h" => 3_600.0,
            _ => return None,
        };
        let part = number.parse::<f64>().ok()? * seconds;
        sum = sum.checked_add(Duration::try_from_secs_f64(part).ok()?)?;
        rest = next;
    }
    (!text.is_empty()).then_some(sum)
}

/// Hours, minutes and seconds, or minutes and seconds, in nanoseconds.
fn colons(text: &str) -> Option<u64> {
    let mut parts = text.rsplit(':');
    let seconds: f64 = parts.next()?.parse().ok()?;
    let minutes: u64 = parts.next()?.parse().ok()?;
    let hours: u64 = parts.next().map_or(Some(0), |hours| hours.parse().ok())?;
    let is_time = (0.0..60.0).contains(&seconds) && minutes < 60 && parts.next().is_none();
    let whole = hours.checked_mul(3_600)?.checked_add(minutes * 60)?;
    let nanos = (seconds * 1e9).round() as u64;
    is_time.then_some(whole.checked_mul(SECOND_NS)?.checked_add(nanos)?)
}

/// A time of day, or a moment with its date: `2026-11-20T14:03:22`, or with a blank between.
fn clock_time(text: &str) -> Option<SeekTo> {
    let Some((date, time)) = text.trim_end().split_once(['T', 't', ' ']) else {
        let ns = colons(text).filter(|ns| *ns < 86_400 * SECOND_NS)?;
        return Some(SeekTo::TimeOfDay(ns));
    };
    let ns = colons(time.trim_start()).filter(|ns| *ns < 86_400 * SECOND_NS)?;
    let mut parts = date.split('-').map(|part| part.parse::<u64>().ok());
    let (year, month, day) = (parts.next()??, parts.next()??, parts.next()??);
    let days = days_since_epoch(year, month, day).filter(|_| parts.next().is_none())?;
    let day_ns = days.checked_mul(86_400 * SECOND_NS)?;
    Some(SeekTo::Clock(day_ns.checked_add(ns)?))
}

/// Days since 1970-01-01. Source: Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms",
/// `days_from_civil`.
fn days_since_epoch(year: u64, month: u64, day: u64) -> Option<u64> {
    if !(1970..=9_999).contains(&year) || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    let year = if month <= 2 { year - 1 } else { year };
    let (era, of_era) = (year / 400, year % 400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let days = of_era * 365 + of_era / 4 - of_era / 100 + of_year;
    (era * 146_097 + days).checked_sub(719_468)
}

/// What may follow such a word.
pub(super) fn choices(which: ReplayVerb) -> &'static [&'static str] {
    match which {
        ReplayVerb::Play | ReplayVerb::Pause => &[],
        ReplayVerb::Step => &["back"],
        ReplayVerb::Seek => &[
            "fault",
            "fault back",
            "command",
            "command back",
            "start",
            "end",
            "+10s",
            "-10s",
            "50%",
        ],
        ReplayVerb::Speed => &["0.1", "0.5", "1", "2", "10", "100", "max"],
        ReplayVerb::Loop => &["on", "off"],
    }
}

/// What Enter would do, in one short sentence.
pub(super) fn sentence(order: &ReplayOrder) -> String {
    let text = match order {
        ReplayOrder::Toggle => "play the recording, or hold it",
        ReplayOrder::Play => "play the recording on",
        ReplayOrder::Pause => "hold the recording",
        ReplayOrder::Step { forward: true } => "hold, and say one message more",
        ReplayOrder::Step { forward: false } => "hold, and go back by one message",
        ReplayOrder::Loop(Some(true)) => "begin again at the end",
        ReplayOrder::Loop(Some(false)) => "stay at the end",
        ReplayOrder::Loop(None) => "begin again at the end, or not",
        ReplayOrder::Faster => "play faster",
        ReplayOrder::Slower => "play slower",
        ReplayOrder::Pace(Pace::Max) => "play as fast as possible",
        ReplayOrder::Pace(pace) => return format!("play at {pace} the pace it was recorded at"),
        ReplayOrder::Seek(to) => return destination(to),
    };
    text.to_owned()
}

fn destination(to: &SeekTo) -> String {
    let time = |time: &Duration| {
        let ms = time.as_millis();
        let (seconds, ms) = (ms / 1_000, ms % 1_000);
        let (hours, minutes) = (seconds / 3_600, seconds / 60 % 60);
        let fraction = if ms > 0 {
            format!(".{ms:03}")
        } else {
            String::new()
        };
        format!("{hours:02}:{minutes:02}:{:02}{fraction}", seconds % 60)
    };
    match to {
        SeekTo::Start => "go to the beginning".to_owned(),
        SeekTo::End => "go to the end".to_owned(),
        SeekTo::At(at) => format!("go to {} after the beginning", time(at)),
        SeekTo::Forward(by) => format!("go forward by {}", time(by)),
        SeekTo::Back(by) => format!("go back by {}", time(by)),
        SeekTo::Millionths(part) => format!("go to {}% of it", f64::from(*part) / 1e4),
        SeekTo::Clock(_) => "go to that moment, UTC".to_owned(),
        SeekTo::TimeOfDay(ns) => format!("go to {} UTC", time(&Duration::from_nanos(*ns))),
        SeekTo::Mark { kind, forward } => {
            let which = if *forward { "next" } else { "last" };
            format!("go to the {which} {}", kind.as_str())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_written_in_many_ways() {
        let s = Duration::from_secs;
        let at = |seconds| Some(SeekTo::At(s(seconds)));
        let mark = |kind, forward| Some(SeekTo::Mark { kind, forward });
        let noon = 12 * 3_600 * SECOND_NS;
        let cases = [
            ("00:01:30", at(90)),
            ("1:30", at(90)),
            ("90s", at(90)),
            ("90", at(90)),
            ("1m30s", at(90)),
            ("1h", at(3_600)),
            ("00:00:01.5", Some(SeekTo::At(Duration::from_millis(1_500)))),
            ("250ms", Some(SeekTo::At(Duration::from_millis(250)))),
            ("+10s", Some(SeekTo::Forward(s(10)))),
            ("-1:00", Some(SeekTo::Back(s(60)))),
            ("50%", Some(SeekTo::Millionths(500_000))),
            ("0.1 %", Some(SeekTo::Millionths(1_000))),
            ("start", Some(SeekTo::Start)),
            ("end", Some(SeekTo::End)),
            ("fault", mark(MarkKind::Fault, true)),
            ("fault back", mark(MarkKind::Fault, false)),
            ("command next", mark(MarkKind::Command, true)),
            ("12:00:00Z", Some(SeekTo::TimeOfDay(noon))),
            (
                "1970-01-02T12:00:00Z",
                Some(SeekTo::Clock(noon + 86_400 * SECOND_NS)),
            ),
            (
                "2026-11-20 14:00:00Z",
                Some(SeekTo::Clock(1_795_183_200 * SECOND_NS)),
            ),
            ("", None),
            ("soon", None),
            ("101%", None),
            ("-5%", None),
            ("+", None),
            ("00:61:00", None),
            ("25:00:00Z", None),
            ("2026-13-01 00:00:00Z", None),
            ("1.2.3s", None),
            ("99999999999999999999h", None),
            ("fault soon", None),
        ];
        for (text, wanted) in cases {
            assert_eq!(place(text), wanted, "{text}");
        }
    }
}
