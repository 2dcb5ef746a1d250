//! Keyed rows picked out of any JSON: what a generic feed says becomes a live table.
//!
//! A path says which values are rows: `$` is the whole message, `.name` and `["any name"]` a
//! member, `[3]` an item, `.*` every member and `[*]` every item. A row is an object (one cell for
//! each member, `a.b` for a member of a member), a list (cells `0`, `1`, …) or a single value
//! (the cell `value`). A key is the path of a member (`symbol`, `info.id`), a text with such paths
//! in braces (`{venue}/{symbol}`), with `$.…` for something in the message outside of the row and
//! `@` for the name or place that a `*` stands for. Without a path see [`auto`].

mod auto;
mod cells;
mod events;
mod json;
mod key;
mod path;

use serde_json::value::RawValue;

use crate::model::{PlainText, Row, Rows};

use auto::Found;
use cells::Collector;
pub use events::EventPickers;
use json::Node;
use key::Key;
use path::Path;

/// Rows taken from one message.
pub const MOST_ROWS: usize = 10_000;
/// Cells taken from one row.
pub const MOST_COLUMNS: usize = 64;
/// Cells taken from one message, all rows together.
pub const MOST_CELLS: usize = 65_536;
/// Members of members of a row that still become cells of their own; what is deeper inside is kept
/// as the text of its JSON.
pub const DEEPEST: usize = 6;
/// Bytes kept of the name of a table or a column.
pub const NAME_BYTES: usize = 64;
/// Bytes kept of a key.
pub const KEY_BYTES: usize = 128;
/// Bytes kept of a text in a cell.
pub const TEXT_BYTES: usize = 256;

/// Why an expression cannot be used as written: what, where, and what to write.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("\"{written}\", character {at}: {problem}; {advice}")]
pub struct ExpressionError {
    /// The expression.
    pub written: PlainText,
    /// Where in it, counting characters from 1.
    pub at: usize,
    /// What is wrong there.
    pub problem: String,
    /// What to write instead.
    pub advice: &'static str,
}

/// A message that is not JSON; what follows "not JSON: ".
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NotJson(pub PlainText);

/// What was found in one message.
#[derive(Clone, Debug, PartialEq)]
pub struct Picked {
    /// The rows; `None` if there are none, and none were meant to be.
    pub rows: Option<Rows>,
    /// What was found and could not be taken.
    pub passed_over: PassedOver,
}

/// What a message held beyond what is taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PassedOver {
    /// Rows over [`MOST_ROWS`], and those without room for a cell.
    pub rows: u64,
    /// Cells over [`MOST_COLUMNS`] and [`MOST_CELLS`].
    pub cells: u64,
    /// Rows without a key: a member that the key is made of is not there, or is no single value.
    pub without_key: u64,
    /// Values with a name that no text can hold (half a surrogate pair).
    pub unreadable: u64,
}

impl PassedOver {
    /// Whether everything was taken.
    pub fn is_nothing(&self) -> bool {
        *self == Self::default()
    }
}

/// Where the name of a table comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Table {
    /// The message's own name, e.g. that of an event.
    Given,
    /// A fixed name.
    Named(PlainText),
    /// A value of each message; the given name where there is none.
    From(Path),
}

/// What makes rows of messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picker {
    path: Option<Path>,
    key: Option<Key>,
    table: Table,
    is_whole: bool,
}

impl Default for Picker {
    /// The automatic mode.
    fn default() -> Self {
        Self {
            path: None,
            key: None,
            table: Table::Given,
            is_whole: false,
        }
    }
}

impl Picker {
    /// A picker as it is written. Each part may be left out: rows are then found by the rules of
    /// [`auto`], their keys too, and the table is called as the message is.
    ///
    /// - `rows`: which values are rows, e.g. `$.data[*]`
    /// - `key`: what a row is known by, e.g. `symbol` or `{venue}/{symbol}`
    /// - `table`: a fixed name, or where it stands in a message, e.g. `$.channel`
    /// - `is_whole`: whether a message has all rows there are, so that others have gone
    ///
    /// # Errors
    /// When one of them cannot be understood.
    pub fn new(
        rows: Option<&str>,
        key: Option<&str>,
        table: Option<&str>,
        is_whole: bool,
    ) -> Result<Self, ExpressionError> {
        let table = match table {
            None => Table::Given,
            Some(written) if written.starts_with('$') => Table::From(Path::one(written)?),
            Some(name) => Table::Named(PlainText::from_peer_head(name, NAME_BYTES)),
        };
        Ok(Self {
            path: rows.map(Path::from_root).transpose()?,
            key: key.map(Key::parse).transpose()?,
            table,
            is_whole,
        })
    }

    /// Whether rows are picked by an expression of the operator's, so that a feed in which it never
    /// finds any is worth a word.
    pub fn has_path(&self) -> bool {
        self.path.is_some()
    }

    /// The rows in a message that is called `name`.
    ///
    /// # Errors
    /// When the message is not JSON.
    pub fn pick(&self, message: &[u8], name: &str) -> Result<Picked, NotJson> {
        Ok(self.pick_in(json::parse(message)?, name))
    }

    /// The rows in an event of Socket.IO, given as its array with the name first. `$` is the first
    /// argument that is an object or a list and no attachment's placeholder.
    ///
    /// # Errors
    /// When the event is not a JSON array.
    pub fn pick_event(&self, event: &[u8], name: &str) -> Result<Picked, NotJson> {
        let Some(Node::Array(arguments)) = json::open(json::parse(event)?) else {
            return Err(NotJson(PlainText::from("an event is an array")));
        };
        let is_structure = |raw: &&RawValue| match json::open(raw) {
            Some(Node::Object(members)) => members.get("_placeholder").is_none(),
            Some(Node::Array(_)) => true,
            _ => false,
        };
        let mut arguments = arguments.items.into_iter().skip(1);
        Ok(match arguments.find(is_structure) {
            Some(argument) => self.pick_in(argument, name),
            None => Picked {
                rows: None,
                passed_over: PassedOver::default(),
            },
        })
    }

    fn pick_in(&self, root: &RawValue, name: &str) -> Picked {
        let mut collector = Collector::default();
        let table = match &self.table {
            Table::Given => PlainText::from_peer_head(name, NAME_BYTES),
            Table::Named(name) => name.clone(),
            Table::From(path) => match path.scalar_in(root) {
                Some(text) => PlainText::from_peer_head(&text, NAME_BYTES),
                None => PlainText::from_peer_head(name, NAME_BYTES),
            },
        };
        let mut found = Found::default();
        match &self.path {
            Some(path) => path.visit(root, &mut found),
            None => auto::visit(root, &mut found),
        }
        collector.passed_over.rows = found.more;
        collector.passed_over.unreadable = found.unreadable;
        let found_any = found.matched || !found.values.is_empty();
        for (places, value) in &found.values {
            let key = match &self.key {
                Some(key) => key.of(value, root, places),
                None => Some(auto::key(value, places, &table)),
            };
            let Some(key) = key.filter(|key| !key.text.is_empty()) else {
                collector.count_without_key();
                continue;
            };
            collector.take(key, value);
        }
        let rows: Vec<Row> = collector.rows;
        let is_said = !rows.is_empty() || (self.is_whole && found_any);
        Picked {
            rows: is_said.then_some(Rows {
                table,
                rows,
                is_whole: self.is_whole,
            }),
            passed_over: collector.passed_over,
        }
    }
}

#[cfg(test)]
mod tests;
