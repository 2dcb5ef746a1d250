//! Lines of the server's log: a formatted line taken apart again.

use serde_json::Value;

use super::decode::short;
use super::profile::{Key, Profile};
use crate::model::{LogLine, PlainText, Severity};

/// Lines taken from one answer; the server is asked for a thousand.
const MOST_LINES: usize = 5_000;
/// Who wrote a line that does not say it.
const NOBODY: &str = "log";

/// A formatted line, `TIME - NAME - LEVEL - TEXT`; whole where it has no such four parts.
///
/// - `level`: the level that was told beside it, where there was one
///
/// Source: statistics-feed specification, section 1.1.
pub fn split_log_line(line: &str, level: Option<&str>) -> LogLine {
    let mut parts = line.splitn(4, " - ");
    let parts = (parts.next(), parts.next(), parts.next(), parts.next());
    let (origin, own_level, text) = match parts {
        (Some(_), Some(origin), Some(level), Some(text)) => (origin, Some(level), text),
        _ => (NOBODY, None, line),
    };
    LogLine {
        severity: severity(level.or(own_level).unwrap_or_default()),
        origin: short(origin),
        text: short(text),
    }
}

/// The lines in the answer to the question for old ones, oldest first; what is no line is counted.
pub fn log_lines(body: &[u8], profile: &Profile) -> Result<(Vec<LogLine>, u64), PlainText> {
    let value: Value = serde_json::from_slice(body)
        .map_err(|error| PlainText::from(format!("the old log lines cannot be read: {error}")))?;
    let Some(items) = value.get(profile.key(Key::Lines)).and_then(Value::as_array) else {
        return Err("the answer to the question for old log lines has none".into());
    };
    let skip = items.len().saturating_sub(MOST_LINES);
    let mut wrong = 0_u64;
    let mut lines = Vec::new();
    for item in items.iter().skip(skip) {
        let text = |key: Key| item.get(profile.key(key)).and_then(Value::as_str);
        match text(Key::FullLine).or_else(|| text(Key::Message)) {
            Some(line) => lines.push(split_log_line(line, None)),
            None => wrong = wrong.saturating_add(1),
        }
    }
    Ok((lines, wrong))
}

/// Python's names of levels.
fn severity(level: &str) -> Severity {
    match level.trim() {
        "DEBUG" => Severity::Debug,
        "WARNING" | "WARN" => Severity::Warning,
        "ERROR" | "CRITICAL" | "FATAL" => Severity::Error,
        _ => Severity::Info,
    }
}

#[cfg(test)]
#[allow(clippy::indexing_slicing, clippy::arithmetic_side_effects)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_split_at_the_first_three_dashes() {
        let cases = [
            (
                "2026-01-05 09:00:40,000 - fleet - INFO - ✅ worker #1 finished - count 1",
                None,
                (Severity::Info, "fleet", "✅ worker #1 finished - count 1"),
            ),
            (
                "2026-01-05 09:00:40,000 - fleet - WARNING - x",
                Some("ERROR"),
                (Severity::Error, "fleet", "x"),
            ),
            (
                "a - b - c",
                Some("DEBUG"),
                (Severity::Debug, "log", "a - b - c"),
            ),
            ("", None, (Severity::Info, "log", "")),
        ];
        for (line, level, (severity, origin, text)) in cases {
            let split = split_log_line(line, level);
            assert_eq!(
                (split.severity, &*split.origin, &*split.text),
                (severity, origin, text),
                "{line}"
            );
        }
    }

    #[test]
    fn old_lines_come_whole_or_in_part() {
        let profile = Profile::default();
        let body = br#"{"status":"success","count":3,"logs":[
            {"timestamp":"t","message":"b","full":"t - fleet - ERROR - b"},
            {"timestamp":"","message":"only this"}, 7]}"#;
        let (lines, wrong) = log_lines(body, &profile).unwrap();
        let found: Vec<_> = lines.iter().map(|l| (l.severity, &*l.text)).collect();
        assert_eq!(
            found,
            [(Severity::Error, "b"), (Severity::Info, "only this")]
        );
        assert_eq!(wrong, 1);
        for body in [&b"{}"[..], b"[", b"{\"logs\":{}}"] {
            assert!(log_lines(body, &profile).is_err(), "{body:?}");
        }
        let empty = br#"{"status":"success","logs":[],"message":"no log yet"}"#;
        assert_eq!(log_lines(empty, &profile), Ok((vec![], 0)));
    }
}
