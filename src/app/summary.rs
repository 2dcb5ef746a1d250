//! The one thing that is wrong, for a terminal that has room for nothing else.

use super::App;
use crate::model::{DiskRoom, RecorderState, Severity, Stamp};
use crate::panels::{Facts, Standing};
use crate::ui::Role;

/// The worst state of all, in words: a stop that holds, then a way to stop that does not stand,
/// then the sources and the recorder.
pub fn worst(app: &App) -> (String, Role) {
    stop(app).unwrap_or_else(|| worst_source(&app.facts, app.data_now(), app.held.is_some()))
}

fn stop(app: &App) -> Option<(String, Role)> {
    let sources = || app.facts.sources.iter();
    if let Some(latch) = &app.latch {
        let all_answered = sources()
            .filter(|source| source.is_stoppable())
            .all(|source| {
                source
                    .stops
                    .outcome(&latch.press, app.now)
                    .is_acknowledged()
            });
        let alarm = sources()
            .filter(|source| source.is_stoppable())
            .map(|source| (source, source.stops.outcome(&latch.press, app.now)))
            .find(|(_, outcome)| outcome.is_alarm());
        return Some(match alarm {
            Some((source, outcome)) => {
                let words = format!("■ STOP: {} {}", source.info.name, outcome.short());
                (words, Role::Error)
            }
            None if all_answered => ("■ STOPPED".to_owned(), Role::Banner),
            None => ("■ STOP SENT".to_owned(), Role::Banner),
        });
    }
    let down = sources().find(|source| source.stops.trouble().is_some());
    down.filter(|_| !app.replay).map(|source| {
        let words = format!("✕ STOP PATH DOWN: {}", source.info.name);
        (words, Role::Error)
    })
}

fn worst_source(facts: &Facts, at: Stamp, held: bool) -> (String, Role) {
    if let RecorderState::Failed(why) = &facts.recorder.state {
        return (format!("✕ recording failed: {why}"), Role::Error);
    }
    if let RecorderState::Waiting(why) = &facts.recorder.state {
        return (format!("✕ not recording: {why}"), Role::Error);
    }
    if facts.recorder.disk != DiskRoom::Roomy {
        let words = facts.recorder.disk.withheld();
        return (format!("✕ disk full: {words}"), Role::Error);
    }
    if let Some(trouble) = &facts.recorder.trouble {
        return (format!("✕ recording: {trouble}"), Role::Error);
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
