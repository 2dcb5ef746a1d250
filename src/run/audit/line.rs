//! A line of the audit log. Field names are part of its format.

use serde::Serialize;

use super::{Entry, Item};
use crate::model::{
    Command, CommandReport, PlainText, Position, Request, Stamp, StopOrigin, StopReport, StopState,
};
use crate::recording::rfc3339;

/// One line.
#[derive(Debug, Serialize)]
pub(super) struct Line<'a> {
    /// UTC, to the millisecond.
    time: String,
    /// More than one program may write to the file, and each counts its commands from 1.
    process: u32,
    #[serde(flatten)]
    body: Body<'a>,
}

/// What a line says.
#[derive(Debug, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(super) enum Body<'a> {
    /// Writing begins, or begins again.
    Opened { operator: &'a str, version: &'a str },
    /// The program ends in order.
    Closed { operator: &'a str },
    /// Lines are missing before this one.
    Gap { missing: u64, detail: &'a str },
    /// A command was asked for; nothing of it was sent yet unless it is harmless.
    Ordered {
        operator: &'a str,
        instrument: &'a str,
        id: u64,
        command: String,
        danger: &'static str,
        /// The whole workflow or the settings that it sends.
        #[serde(skip_serializing_if = "Option::is_none")]
        text: Option<&'a str>,
    },
    /// A command came to another state.
    Outcome {
        operator: &'a str,
        instrument: &'a str,
        id: u64,
        command: &'a str,
        danger: &'static str,
        state: &'static str,
        #[serde(rename = "final")]
        is_final: bool,
        detail: Option<&'a str>,
        before: Vec<Place<'a>>,
        after: Vec<Place<'a>>,
    },
    /// What became of a stop.
    Stop {
        /// `null` if it came from outside.
        operator: Option<&'a str>,
        instrument: &'a str,
        press: u64,
        level: &'static str,
        origin: &'static str,
        state: &'static str,
        /// After the press.
        after_ms: Option<f64>,
        detail: Option<&'a str>,
    },
}

/// Where an axis stood.
#[derive(Debug, Serialize)]
pub(super) struct Place<'a> {
    axis: &'a str,
    value: Option<f64>,
    unit: &'static str,
}

impl<'a> Line<'a> {
    /// A line of this process.
    pub(super) fn new(at: Stamp, body: Body<'a>) -> Self {
        Self {
            time: rfc3339(at.unix_ns),
            process: std::process::id(),
            body,
        }
    }

    /// The line of something that was handed over; `operator` is who is at the keyboard.
    pub(super) fn of(item: &'a Item, operator: &'a str) -> Self {
        let instrument = &item.instrument;
        let body = match &item.entry {
            Entry::Order(request, _) => ordered(instrument, request),
            Entry::Outcome(report) => outcome(instrument, report),
            Entry::Stop(report) => stop(instrument, report, operator),
        };
        Self::new(item.at, body)
    }

    /// Appends it and the end of the line. Characters that a terminal would interpret are escaped.
    pub(super) fn write_to(&self, text: &mut String) {
        // Strings and numbers only: there is nothing in it that JSON could not say.
        let json = serde_json::to_string(self).unwrap_or_default();
        for c in json.chars() {
            if is_odd(c) {
                text.push_str(&format!("\\u{:04x}", u32::from(c)));
            } else {
                text.push(c);
            }
        }
        text.push('\n');
    }
}

/// What JSON allows in a text and a terminal may obey. None of it is outside the basic plane.
fn is_odd(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}'
        )
}

fn ordered<'a>(instrument: &'a str, request: &'a Request) -> Body<'a> {
    Body::Ordered {
        operator: &request.operator,
        instrument,
        id: request.id.0,
        command: PlainText::from(request.command.to_string()).to_string(),
        danger: request.command.danger().as_str(),
        text: match &request.command {
            Command::StartWorkflow { text, .. } | Command::SaveSettings { text, .. } => Some(text),
            _ => None,
        },
    }
}

fn outcome<'a>(instrument: &'a str, report: &'a CommandReport) -> Body<'a> {
    Body::Outcome {
        operator: &report.operator,
        instrument,
        id: report.id.0,
        command: &report.command,
        danger: report.danger.as_str(),
        state: report.state.as_str(),
        is_final: report.is_final,
        detail: report.detail.as_deref(),
        before: report.before.iter().map(place).collect(),
        after: report.after.iter().map(place).collect(),
    }
}

fn stop<'a>(instrument: &'a str, report: &'a StopReport, operator: &'a str) -> Body<'a> {
    Body::Stop {
        operator: (report.press.origin == StopOrigin::Key).then_some(operator),
        instrument,
        press: report.press.number,
        level: report.press.level.as_str(),
        origin: report.press.origin.as_str(),
        state: report.state.as_str(),
        after_ms: match report.state {
            StopState::Sent { after_ns } | StopState::Acknowledged { after_ns } => {
                Some(after_ns as f64 / 1e6)
            }
            StopState::NoAnswer | StopState::NotSent | StopState::Refused => None,
        },
        detail: report.detail.as_deref(),
    }
}

fn place(position: &Position) -> Place<'_> {
    Place {
        axis: &position.axis,
        // JSON has no number for what is not finite: nothing is proved by it either.
        value: position.value.filter(|value| value.is_finite()),
        unit: position.unit.as_str(),
    }
}
