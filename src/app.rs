//! Floor 3: what the operator is looking at. Plain code: no I/O, no clock, no channel.

pub mod event;

mod draw;

pub use event::{Effect, Event};

use crate::imaging::PictureRequest;
use crate::intent::Keymap;
use crate::model::{SourceInfo, Stamp};
use crate::ui::Theme;

/// What the app is told once, at the start.
#[derive(Clone, Debug)]
pub struct AppOptions {
    /// The sources of this run, by [`SourceId`](crate::model::SourceId).
    pub sources: Vec<SourceInfo>,
    /// How things look, already reduced to the terminal's colours.
    pub theme: Theme,
    /// Which keys do what.
    pub keymap: Keymap,
    /// Whether there is a recorder to start.
    pub can_record: bool,
    /// Whether the sources are played from a file.
    pub replay: bool,
    /// Columns and rows of the terminal.
    pub size: (u16, u16),
    /// The moment of the start.
    pub started: Stamp,
    /// Seconds to add to UTC for the clock on the screen.
    pub utc_offset_s: i32,
    /// Lines typed into the palette in earlier runs, oldest first.
    pub palette_history: Vec<String>,
}

/// Everything on the screen and everything the keys can change.
#[derive(Debug)]
pub struct App {
    options: AppOptions,
    dirty: bool,
}

impl App {
    /// The first screen, before anything has happened.
    pub fn new(options: AppOptions) -> Self {
        Self {
            options,
            dirty: true,
        }
    }

    /// Takes in what happened at `at` and says what should be done.
    pub fn update(&mut self, at: Stamp, event: Event) -> Vec<Effect> {
        let _ = (at, event);
        self.dirty = true;
        Vec::new()
    }

    /// Whether the screen would look different from the last [`App::drawn`].
    pub fn needs_draw(&self) -> bool {
        self.dirty
    }

    /// Notes that the screen shows everything so far.
    pub fn drawn(&mut self) {
        self.dirty = false;
    }

    /// The cameras whose pictures are on the screen; none while it is held.
    pub fn visible_cameras(&self) -> Vec<PictureRequest> {
        Vec::new()
    }

    /// What was typed into the palette, oldest first, to be kept for the next run.
    pub fn palette_history(&self) -> &[String] {
        &self.options.palette_history
    }
}
