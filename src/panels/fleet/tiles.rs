//! The words of a fleet's screen: numbers to text, states to glyphs.

use std::time::Duration;

use crate::model::{FleetVerdict, PlainText, Probe, Stamp, Worker, WorkerClass};
use crate::ui::{Role, number};

/// A glyph and a role for a verdict; its word stands beside it.
pub(super) fn mark(verdict: FleetVerdict) -> (&'static str, Role) {
    match verdict {
        FleetVerdict::Live => ("●", Role::Good),
        FleetVerdict::Unknown => ("◌", Role::Starting),
        FleetVerdict::Late => ("◐", Role::Warning),
        FleetVerdict::Idle => ("‖", Role::Held),
        _ => ("✕", Role::Error),
    }
}

/// A class as glyph and word.
pub(super) fn class(class: WorkerClass) -> (&'static str, Role) {
    match class {
        WorkerClass::Ok => ("● ok", Role::Text),
        WorkerClass::Error => ("✕ error", Role::Error),
        WorkerClass::Waiting => ("◌ waiting", Role::Dim),
        WorkerClass::Operator => ("! operator", Role::Warning),
        WorkerClass::Neutral => ("· other", Role::Text),
    }
}

/// The countdown: `ready`, or what is waited for and `M:SS`.
///
/// - `elapsed`: since the list was received
///
/// Source: statistics-feed specification, section 3.1.
pub(super) fn countdown(worker: &Worker, elapsed: Duration) -> String {
    match worker.remaining_s(elapsed) {
        None => "-".to_owned(),
        Some(0) => "ready".to_owned(),
        Some(left) => format!("{} {}:{:02}", worker.wait.as_str(), left / 60, left % 60),
    }
}

/// How long ago the server's own time was; the time itself where its clock is not known.
///
/// - `age_s`: when the list was received
pub(super) fn ago(time: Option<&PlainText>, age_s: Option<u64>, elapsed: Duration) -> String {
    let Some(time) = time else {
        return "never".to_owned();
    };
    let Some(age_s) = age_s else {
        let clock = time.split(['T', ' ']).nth(1).unwrap_or(time);
        return clock.chars().take(8).collect();
    };
    let minutes = age_s.saturating_add(elapsed.as_secs()) / 60;
    match minutes {
        0..60 => format!("{minutes} min ago"),
        60..1_440 => format!("{} h ago", minutes / 60),
        _ => format!("{} d ago", minutes / 1_440),
    }
}

/// The server's words without the marks that make terminals disagree about widths.
pub(super) fn status(text: &str) -> String {
    text.chars().filter(|c| *c != '\u{fe0f}').collect()
}

/// What somebody has to know of a worker beside its state.
pub(super) fn flags(worker: &Worker) -> (String, Role) {
    let flags = [
        (worker.needs_operator, "operator", Role::Warning),
        (worker.is_paused, "paused", Role::Held),
        (worker.clock_jumped, "clock", Role::Warning),
    ];
    let there = flags.iter().filter(|(is_there, ..)| *is_there);
    let words: Vec<&str> = there.clone().map(|(_, word, _)| *word).collect();
    let role = there.clone().next().map_or(Role::Dim, |(.., role)| *role);
    (words.join(" "), role)
}

/// What the cross-check stands at.
pub(super) fn probe(probe: Option<&Probe>, at: Stamp) -> (String, Role) {
    let Some(probe) = probe else {
        return ("REST not asked".to_owned(), Role::Dim);
    };
    let age = number::age(at.since(probe.at));
    match (&probe.outcome, probe.failures) {
        (Ok(()), _) if probe.moved => (format!("REST moved {age} ago"), Role::Text),
        (Ok(()), _) => (format!("REST answered {age} ago"), Role::Dim),
        (Err(why), 0..3) => (format!("REST unknown {age} ago: {why}"), Role::Warning),
        (Err(why), failures) => (format!("REST down, failed {failures}×: {why}"), Role::Error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::WorkerWait;

    fn worker(due_in_s: Option<u64>, wait: WorkerWait) -> Worker {
        Worker {
            number: None,
            address: "a".into(),
            status: "".into(),
            class: WorkerClass::Neutral,
            is_paused: false,
            needs_operator: false,
            done: None,
            due_in_s,
            wait,
            last_ok: None,
            last_try: None,
            last_ok_age_s: None,
            last_try_age_s: None,
            last_failure: None,
            clock_jumped: false,
        }
    }

    #[test]
    fn countdowns_run_on_our_clock_and_stop_at_ready() {
        let cases = [
            (Some(1860), WorkerWait::Next, 0, "next 31:00"),
            (Some(1860), WorkerWait::CoolDown, 1, "cool-down 30:59"),
            (Some(4500), WorkerWait::Retry, 0, "retry in 75:00"),
            (Some(5), WorkerWait::Retry, 4_999, "retry in 0:01"),
            (Some(5), WorkerWait::Retry, 5_000, "ready"),
            (Some(0), WorkerWait::Next, 900, "ready"),
            (None, WorkerWait::Next, 0, "-"),
        ];
        for (due, wait, ms, text) in cases {
            let ms = if ms < 100 { ms * 1_000 } else { ms };
            let found = countdown(&worker(due, wait), Duration::from_millis(ms));
            assert_eq!(found, text);
        }
    }

    #[test]
    fn times_are_minutes_then_hours_then_days() {
        let time = PlainText::from("2026-01-05T09:31:40.257255");
        let cases = [
            (Some(&time), Some(0), 59, "0 min ago"),
            (Some(&time), Some(59 * 60), 59, "59 min ago"),
            (Some(&time), Some(59 * 60), 60, "1 h ago"),
            (Some(&time), Some(86_399), 1, "1 d ago"),
            (Some(&time), None, 5, "09:31:40"),
            (None, None, 5, "never"),
        ];
        for (time, age, elapsed, text) in cases {
            assert_eq!(ago(time, age, Duration::from_secs(elapsed)), text);
        }
    }
}
