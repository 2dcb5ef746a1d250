//! The line of the stop, on every screen where something can be stopped: how a stop would go, or
//! how the one that holds has gone. It always tells of now, also while the screen is held.

use super::App;
use super::top_line::Piece;
use crate::control::Latch;
use crate::model::{Stamp, StopLevel, StopPath};
use crate::panels::SourceFacts;
use crate::panels::stops::Outcome;
use crate::ui::Role;
use crate::ui::text::{fit, width};

/// The key of the stop. It is in no keymap, so that no configuration can take it away.
pub const STOP_KEY: &str = "^X";

/// What stands on the line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StopLine {
    /// From the left edge, one piece directly behind another.
    pub left: Vec<Piece>,
    /// At the right edge.
    pub right: Option<Piece>,
}

impl App {
    /// Whether there is something that can be stopped, or a stop to be cleared.
    pub(super) fn has_stop_line(&self) -> bool {
        let mut sources = self.facts.sources.iter();
        self.latch.is_some() || sources.any(SourceFacts::is_stoppable)
    }
}

/// Composes the line for so many columns. What is wrong comes first and stays longest.
pub fn compose(app: &App, columns: u16) -> StopLine {
    let sources = stoppable(app);
    if let Some(latch) = &app.latch {
        return latched(latch, &sources, app.now, columns);
    }
    let troubled: Vec<&SourceFacts> = sources
        .iter()
        .copied()
        .filter(|source| source.stops.trouble().is_some())
        .collect();
    // What is played from a file cannot be stopped.
    if app.replay {
        let label = "recorded stop path:";
        let left = match each_path(label, &sources, app.data_now()) {
            each if fits(&each, None, columns) => each,
            _ => vec![counted_paths(label, &sources, app.data_now())],
        };
        return StopLine { left, right: None };
    }
    if troubled.is_empty() {
        return healthy(&sources, app.now, columns);
    }
    down(&troubled, columns)
}

fn stoppable(app: &App) -> Vec<&SourceFacts> {
    let sources = app.facts.sources.iter();
    sources.filter(|source| source.is_stoppable()).collect()
}

fn piece(text: impl Into<String>, role: Role) -> Piece {
    (text.into(), role)
}

fn line_width(pieces: &[Piece]) -> u16 {
    let widths = pieces.iter().map(|(text, _)| width(text));
    widths.fold(0, u16::saturating_add)
}

fn stop_hint(short: bool) -> Piece {
    let words = if short { "stop" } else { "stop everything" };
    piece(format!("{STOP_KEY} {words}"), Role::Key)
}

/// Whether `left` and `right` stand apart in so many columns.
fn fits(left: &[Piece], right: Option<&Piece>, columns: u16) -> bool {
    let right = right.map_or(0, |(text, _)| width(text) + 2);
    line_width(left).saturating_add(right) <= columns
}

fn healthy(sources: &[&SourceFacts], at: Stamp, columns: u16) -> StopLine {
    let label = "stop path:";
    let each = each_path(label, sources, at);
    let counted = vec![counted_paths(label, sources, at)];
    for left in [each, counted] {
        for short in [false, true] {
            let right = Some(stop_hint(short));
            if fits(&left, right.as_ref(), columns) {
                return StopLine { left, right };
            }
        }
    }
    StopLine {
        left: vec![stop_hint(true)],
        right: None,
    }
}

/// Each path with how long it takes to answer.
fn each_path(label: &str, sources: &[&SourceFacts], at: Stamp) -> Vec<Piece> {
    let mut left = vec![piece(label, Role::Dim)];
    for (index, source) in sources.iter().enumerate() {
        let gap = if index == 0 { " " } else { " · " };
        left.push(piece(format!("{gap}{} ", source.info.name), Role::Dim));
        let (words, words_role, glyph, role) = path_words(source, at);
        left.push(piece(words, words_role));
        left.push(piece(format!(" {glyph}"), role));
    }
    left
}

/// How many paths are ready, where there is too little room for each.
fn counted_paths(label: &str, sources: &[&SourceFacts], at: Stamp) -> Piece {
    let is_ready = |source: &&&SourceFacts| path_words(source, at).3 == Role::Good;
    let ready = sources.iter().filter(is_ready).count();
    let role = match ready == sources.len() {
        true => Role::Dim,
        false => Role::Warning,
    };
    piece(format!("{label} {ready} of {} ready", sources.len()), role)
}

/// How a path stands: in words, and as a glyph.
fn path_words(source: &SourceFacts, at: Stamp) -> (String, Role, &'static str, Role) {
    let Some(path) = source.stops.path() else {
        return ("none yet".to_owned(), Role::Warning, "◌", Role::Warning);
    };
    match &path.state {
        _ if path.trouble.is_some() => ("DOWN".to_owned(), Role::Error, "✕", Role::Error),
        StopPath::Ready { round_trip_ns } => {
            // Two digits wide, so that the line stands still.
            let words = match round_trip_ns / 1_000_000 {
                0 => "<1 ms".to_owned(),
                ms => format!("{ms:>2} ms"),
            };
            (words, Role::Dim, "●", Role::Good)
        }
        StopPath::Opening | StopPath::Down { .. } => {
            let role = match path.is_slow(at) {
                true => Role::Warning,
                false => Role::Starting,
            };
            ("opening".to_owned(), role, "◌", role)
        }
    }
}

fn down(troubled: &[&SourceFacts], columns: u16) -> StopLine {
    let names: Vec<&str> = troubled
        .iter()
        .map(|source| source.info.name.as_str())
        .collect();
    let why = troubled.first().and_then(|source| source.stops.trouble());
    let why = why.map_or("", |why| why.as_str());
    let full = format!("✕ STOP PATH DOWN: {}: {why}", names.join(", "));
    for (short, least) in [(false, 44), (true, 30)] {
        let right = stop_hint(short);
        let room = columns.saturating_sub(width(&right.0) + 2);
        if room >= least {
            return StopLine {
                left: vec![piece(fit(&full, room), Role::Error)],
                right: Some(right),
            };
        }
    }
    StopLine {
        left: vec![piece(fit(&full, columns), Role::Error)],
        right: None,
    }
}

/// How much is said of each instrument while a stop holds.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Say {
    Full,
    Short,
    Count,
}

/// What is tried in turn until it fits: of those that may be moving, of the others, and the hint.
const LATCHED: [(Say, Say, &str); 8] = [
    (Say::Full, Say::Full, ":clear lets commands pass again"),
    (Say::Full, Say::Full, ":clear"),
    (Say::Full, Say::Short, ":clear"),
    (Say::Full, Say::Short, ""),
    (Say::Full, Say::Count, ""),
    (Say::Short, Say::Short, ""),
    (Say::Short, Say::Count, ""),
    (Say::Count, Say::Count, ""),
];

fn latched(latch: &Latch, sources: &[&SourceFacts], at: Stamp, columns: u16) -> StopLine {
    let outcomes: Vec<(&str, Outcome)> = sources
        .iter()
        .map(|source| {
            let outcome = source.stops.outcome(&latch.press, at);
            (source.info.name.as_str(), outcome)
        })
        .collect();
    let (alarms, others): (Vec<_>, Vec<_>) = outcomes
        .into_iter()
        .partition(|(_, outcome)| outcome.is_alarm());
    let all_answered = alarms.is_empty() && others.iter().all(|(_, o)| o.is_acknowledged());
    let heads: &[&str] = match latch.press.level {
        StopLevel::Halt if all_answered => &["■ STOPPED"],
        // It was sent; that anything rests is for the instruments to say.
        StopLevel::Halt => &["■ STOP SENT"],
        StopLevel::Safe if all_answered => &[
            "■ STOPPED, light off, workflows ended",
            "■ STOPPED, light off",
        ],
        StopLevel::Safe => &[
            "■ STOP SENT, light and workflows too",
            "■ STOP SENT, light too",
        ],
    };
    for (of_alarms, of_others, hint) in LATCHED {
        for head in heads {
            let head_role = match alarms.is_empty() {
                true => Role::Banner,
                false => Role::Error,
            };
            let mut left = vec![piece(format!(" {head} "), head_role)];
            let mut devices = told(&alarms, of_alarms, Role::Error);
            devices.extend(told(&others, of_others, Role::Text));
            for (index, (text, role)) in devices.into_iter().enumerate() {
                left.push(piece(if index == 0 { " " } else { " · " }, Role::Dim));
                left.push((text, role));
            }
            let right = (!hint.is_empty()).then(|| piece(hint, Role::Key));
            if fits(&left, right.as_ref(), columns) {
                return StopLine { left, right };
            }
        }
    }
    let words = match alarms.len() {
        0 if all_answered => "■ STOPPED".to_owned(),
        0 => "■ STOP SENT".to_owned(),
        _ => "■ MAY BE MOVING".to_owned(),
    };
    let role = if alarms.is_empty() {
        Role::Banner
    } else {
        Role::Error
    };
    StopLine {
        left: vec![piece(fit(&words, columns), role)],
        right: None,
    }
}

fn told(devices: &[(&str, Outcome)], say: Say, role: Role) -> Vec<Piece> {
    if say == Say::Count {
        let answered = devices.iter().filter(|(_, o)| o.is_acknowledged()).count();
        let text = match (devices.len(), answered) {
            (0, _) => return Vec::new(),
            (many, _) if role == Role::Error => format!("{many} may be moving"),
            (many, answered) if many == answered => format!("{many} acknowledged"),
            (many, answered) => format!("{answered} of {many} acknowledged"),
        };
        return vec![piece(text, role)];
    }
    let text = |outcome: &Outcome| match say {
        Say::Full => outcome.words(),
        _ => outcome.short(),
    };
    devices
        .iter()
        .map(|(name, outcome)| piece(format!("{name} {}", text(outcome)), role))
        .collect()
}
