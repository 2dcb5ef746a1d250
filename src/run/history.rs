//! What was typed into the palette, kept from one run to the next. Losing it costs nothing, so
//! trouble with its file is only logged.

use std::path::PathBuf;

use crate::config;

/// Lines that are kept.
const KEPT: usize = 200;

fn path() -> Option<PathBuf> {
    config::state_dir().map(|dir| dir.join("palette-history"))
}

/// The lines of earlier runs, oldest first.
pub fn load() -> Vec<String> {
    let text = path().and_then(|path| std::fs::read_to_string(path).ok());
    let lines = text.unwrap_or_default();
    lines.lines().map(str::to_owned).collect()
}

/// Keeps the newest lines.
pub fn save(lines: &[String]) {
    let Some(path) = path().filter(|_| !lines.is_empty()) else {
        return;
    };
    let newest = &lines[lines.len().saturating_sub(KEPT)..];
    let text: String = newest.iter().map(|line| format!("{line}\n")).collect();
    let made = path.parent().map_or(Ok(()), std::fs::create_dir_all);
    if let Err(error) = made.and_then(|()| std::fs::write(&path, text)) {
        tracing::info!("the palette's history is not kept: {error}");
    }
}
