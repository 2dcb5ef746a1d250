//! Keyed rows of a live table, from any feed that has some.

use super::sample::Value;
use super::text::PlainText;

mod table;

pub use table::Table;

/// Rows that a feed said; each cell replaces the earlier one of its row and column.
#[derive(Clone, Debug, PartialEq)]
pub struct Rows {
    /// The table, e.g. the name of an event.
    pub table: PlainText,
    /// The rows, in the order received.
    pub rows: Vec<Row>,
    /// Whether these are all rows there are: others have gone.
    pub is_whole: bool,
}

/// One row.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// What it is known by.
    pub key: PlainText,
    /// Columns and what stands there, in the order received.
    pub cells: Vec<(PlainText, Value)>,
}
