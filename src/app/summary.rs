//! The one thing that is wrong, for a terminal that has room for nothing else.

use crate::model::{RecorderState, Severity, Stamp};
use crate::panels::{Facts, Standing};
use crate::ui::Role;

/// The worst state of all sources and the recorder, in words.
pub fn worst(facts: &Facts, at: Stamp, held: bool) -> (String, Role) {
    if let RecorderState::Failed(why) = &facts.recorder.state {
        return (format!("✕ recording failed: {why}"), Role::Error);
    }
    if facts.sources.is_empty() {
        return ("no source".to_owned(), Role::Dim);
    }
    let residue = facts
        .sources
        .iter()
        .find(|source| source.snapshot.as_ref().is_some_and(|s| s.residue() != 0));
    if let Some(source) = residue {
        let name = &source.info.name;
        return (
            format!("✕ {name}: the ledger does not balance"),
            Role::Error,
        );
    }
    let worst = facts
        .sources
        .iter()
        .map(|source| (source, Standing::of(source, at)))
        // Of equals the first: the order of the configuration is the order of importance.
        .rev()
        .max_by_key(|(_, standing)| standing.severity);
    match worst {
        Some((source, standing)) if standing.severity > Severity::Info => (
            format!("{} {} {}", standing.glyph, source.info.name, standing.words),
            standing.role,
        ),
        _ if held => ("‖ frozen".to_owned(), Role::Held),
        Some((source, standing)) if facts.sources.len() == 1 => (
            format!("{} {} {}", standing.glyph, source.info.name, standing.words),
            standing.role,
        ),
        _ => (
            format!("● {} sources, all well", facts.sources.len()),
            Role::Good,
        ),
    }
}
