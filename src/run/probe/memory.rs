//! What terminals could do in earlier runs, so that the next one need not wait for answers. Losing
//! it costs a second of half blocks, so trouble with its file is only logged.

use std::fs;
use std::path::PathBuf;

use super::{Environment, Multiplexer};
use crate::config;
use crate::ui::{Graphics, Terminal};

/// Terminals that are remembered.
const KEPT: usize = 32;
/// What separates the fields of a line.
const TAB: char = '\t';

/// The file, read once.
#[derive(Debug, Default)]
pub struct Memory {
    path: Option<PathBuf>,
    /// Oldest first.
    lines: Vec<String>,
    has_news: bool,
}

impl Memory {
    /// Reads the file in the folder for what is kept between runs.
    pub(super) fn load() -> Self {
        let path = config::state_dir().map(|dir| dir.join("terminals"));
        let text = path.as_ref().and_then(|path| fs::read_to_string(path).ok());
        Self::of(path, &text.unwrap_or_default())
    }

    pub(super) fn of(path: Option<PathBuf>, text: &str) -> Self {
        let lines: Vec<String> = text.lines().map(str::to_owned).collect();
        let from = lines.len().saturating_sub(KEPT);
        Self {
            path,
            lines: lines[from..].to_vec(),
            has_news: false,
        }
    }

    /// What the terminal could do when it was last asked.
    pub(super) fn recall(&self, environment: &Environment) -> Option<Terminal> {
        let key = key(environment);
        let line = self.lines.iter().rev().find(|line| {
            let rest = line.strip_prefix(&key);
            rest.is_some_and(|rest| rest.starts_with(TAB))
        })?;
        let mut fields = line.get(key.len() + 1..)?.split(TAB);
        let best = Graphics::from_name(fields.next()?)?;
        let (columns, rows) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
        let is_cell = (4..=64).contains(&columns) && (6..=128).contains(&rows);
        is_cell.then(|| Terminal {
            best,
            cell_px: (columns, rows),
            through_tmux: environment.multiplexer == Multiplexer::Tmux,
            why: "as it answered last time".to_owned(),
        })
    }

    /// Notes what it answered this time.
    pub(super) fn keep(&mut self, environment: &Environment, terminal: &Terminal) {
        let key = key(environment);
        let (columns, rows) = terminal.cell_px;
        let best = terminal.best.as_str();
        let line = format!("{key}{TAB}{best}{TAB}{columns}{TAB}{rows}");
        if self.lines.last() == Some(&line) {
            return;
        }
        let of_another = |line: &String| !line.starts_with(&format!("{key}{TAB}"));
        self.lines.retain(of_another);
        self.lines.push(line);
        let from = self.lines.len().saturating_sub(KEPT);
        self.lines.drain(..from);
        self.has_news = true;
    }

    /// Whether there is something that [`Memory::save`] should write.
    pub(super) fn has_news(&self) -> bool {
        self.has_news
    }

    /// Writes the file. May wait for the disk.
    pub fn save(&self) {
        let Some(path) = &self.path else {
            return;
        };
        let made = path.parent().map_or(Ok(()), fs::create_dir_all);
        let text: String = self.lines.iter().map(|line| format!("{line}\n")).collect();
        if let Err(error) = made.and_then(|()| fs::write(path, text)) {
            tracing::info!("what the terminal can is not kept: {error}");
        }
    }
}

/// What tells terminals apart before they have answered.
fn key(environment: &Environment) -> String {
    let between = match environment.multiplexer {
        Multiplexer::None => "direct",
        Multiplexer::Tmux => "tmux",
        Multiplexer::Screen => "screen",
    };
    let placeholders = if environment.has_placeholders {
        "+"
    } else {
        "-"
    };
    let colors = if environment.no_color {
        "plain"
    } else {
        "colour"
    };
    let key = format!(
        "{} {} {between}{placeholders} {colors}",
        environment.term, environment.program
    );
    key.replace(|c: char| c.is_control(), "?")
}
