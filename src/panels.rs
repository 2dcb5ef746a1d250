//! Floor 2: what is true on each part of the screen; `draw.rs` beside it says how it looks.
//!
//! [`Facts`] are what the sources said and are never changed by a key; a panel is what the
//! operator chose to see of them. Holding the screen still is keeping a copy of the facts.

pub mod commands;
pub mod facts;
pub mod fleet;
pub mod instrument;
pub mod journal;
pub mod market;
pub mod overview;
pub mod pace;
pub mod pipeline;
pub mod scope;
pub mod signals;
pub mod standing;
pub mod stops;
pub mod tables;

pub use commands::Commands;
pub use facts::{Facts, SourceFacts};
pub use fleet::FleetPanel;
pub use instrument::InstrumentPanel;
pub use journal::{Entry, EntryKind, Journal, JournalPanel};
pub use market::{Market, MarketPanel};
pub use overview::OverviewPanel;
pub use pipeline::PipelinePanel;
pub use scope::ScopePanel;
pub use standing::Standing;
pub use stops::Stops;
pub use tables::TablesPanel;

use crate::model::{PlainText, Stamp};
use crate::ui::{ColorDepth, Graphics, Theme};

/// What every panel needs to be drawn, beside its own state and the facts.
#[derive(Clone, Copy, Debug)]
pub struct Look<'a> {
    /// Roles to styles.
    pub theme: &'a Theme,
    /// How many colours pictures may use.
    pub color_depth: ColorDepth,
    /// How pictures are drawn.
    pub graphics: Graphics,
    /// The moment that ages are counted to: now, or when the screen was held.
    pub at: Stamp,
    /// Seconds to add to UTC for times of day.
    pub utc_offset_s: i32,
    /// Whether this pane has the focus.
    pub focused: bool,
    /// Whether the sources are played from a file.
    pub replay: bool,
    /// Whether the screen is held, so that nothing new comes onto it.
    pub held: bool,
}

/// The beginning of a text, so that a peer's megabytes do not stay in memory line by line.
fn shortened(text: &PlainText, most_bytes: usize) -> PlainText {
    if text.len() <= most_bytes {
        return text.clone();
    }
    PlainText::from_peer_head(text, most_bytes)
}

/// A step through the rows of a pane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// One row up.
    Up,
    /// One row down.
    Down,
    /// A screenful up.
    PageUp,
    /// A screenful down.
    PageDown,
    /// The first row.
    Top,
    /// The last row.
    Bottom,
}

impl Step {
    /// Rows a screenful moves by: less than any screen shows, so that nothing is passed over.
    pub const PAGE: usize = 10;

    /// Where a cursor at `row` of `rows` rows stands after this step.
    pub fn apply(self, row: usize, rows: usize) -> usize {
        let last = rows.saturating_sub(1);
        let row = match self {
            Self::Up => row.saturating_sub(1),
            Self::Down => row.saturating_add(1),
            Self::PageUp => row.saturating_sub(Self::PAGE),
            Self::PageDown => row.saturating_add(Self::PAGE),
            Self::Top => 0,
            Self::Bottom => last,
        };
        row.min(last)
    }
}

/// The first of `rows` rows to show in `room` rows so that `cursor` is among them, with the cursor
/// as near to the middle as the ends allow.
pub fn first_row(cursor: usize, rows: usize, room: usize) -> usize {
    cursor
        .saturating_sub(room / 2)
        .min(rows.saturating_sub(room))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_stay_among_the_rows() {
        let cases = [
            (Step::Up, 0, 5, 0),
            (Step::Up, 3, 5, 2),
            (Step::Down, 4, 5, 4),
            (Step::PageDown, 0, 5, 4),
            (Step::PageUp, 14, 20, 4),
            (Step::Top, 3, 5, 0),
            (Step::Bottom, 0, 5, 4),
            (Step::Down, 0, 0, 0),
        ];
        for (step, row, rows, after) in cases {
            assert_eq!(
                step.apply(row, rows),
                after,
                "{step:?} from {row} of {rows}"
            );
        }
    }

    #[test]
    fn the_cursor_is_among_the_rows_shown() {
        for rows in 0..12 {
            for room in 1..8 {
                for cursor in 0..rows {
                    let first = first_row(cursor, rows, room);
                    assert!(
                        first <= cursor && cursor < first + room,
                        "{rows} {room} {cursor}"
                    );
                }
            }
        }
    }
}
