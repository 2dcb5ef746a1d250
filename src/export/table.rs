//! What a table is: its columns, and one row of cells, whatever it is written as.
//!
//! Names and types of columns are part of the format: they are added to, and never changed.

use std::borrow::Cow;

use super::{ExportError, OutFile};
use crate::recording::records::{DecimalRecord, Number};

/// A kind of table.
#[derive(Debug, PartialEq, Eq)]
pub struct Table {
    /// What stands in it.
    pub name: &'static str,
    /// Which of the tables of its topic it is; empty for the one that has a row for each message
    /// at least.
    pub part: &'static str,
    /// Its own columns; those of [`COMMON`] stand before them.
    pub columns: &'static [Column],
}

/// One column.
#[derive(Debug, PartialEq, Eq)]
pub struct Column {
    /// Its name, with the unit where there is one.
    pub name: &'static str,
    /// What stands in it.
    pub kind: Kind,
}

/// What stands in a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A time, given as Unix nanoseconds.
    Moment,
    /// A whole number that may be negative.
    Int,
    /// A whole number from 0.
    Count,
    /// A 64-bit float.
    Float,
    /// True or false.
    Flag,
    /// A text, an exact decimal number or JSON.
    Text,
}

/// A column of a kind; tables are written down with these.
pub const fn column(name: &'static str, kind: Kind) -> Column {
    Column { name, kind }
}

/// What every row begins with.
pub const COMMON: &[Column] = &[
    column("time", Kind::Moment),
    column("time_ns", Kind::Count),
    column("published_ns", Kind::Count),
    column("source", Kind::Text),
    column("topic", Kind::Text),
    column("sequence", Kind::Count),
];

/// What stands in one place of a row.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell<'a> {
    /// Nothing.
    Empty,
    /// A time, Unix nanoseconds.
    Moment(u64),
    /// A whole number.
    Int(i64),
    /// A whole number from 0.
    Count(u64),
    /// A float; it may be not finite.
    Float(f64),
    /// True or false.
    Flag(bool),
    /// A text.
    Text(Cow<'a, str>),
}

/// Writes one table. A row has as many cells as the table has columns, of their kinds or empty.
pub trait TableWriter {
    /// One row; its cells may come in pieces.
    ///
    /// # Errors
    /// The disk does not take it.
    fn row(&mut self, pieces: &[&[Cell<'_>]]) -> Result<(), ExportError>;

    /// Bytes that it holds in memory.
    fn held_bytes(&self) -> usize {
        0
    }

    /// Writes out what it holds.
    ///
    /// # Errors
    /// The disk does not take it.
    fn write_out(&mut self) -> Result<(), ExportError> {
        Ok(())
    }

    /// Lets go of the system's file until the next row.
    ///
    /// # Errors
    /// The disk does not take it.
    fn park(&mut self) -> Result<(), ExportError>;

    /// There are no more rows: the file is whole but for its name.
    ///
    /// # Errors
    /// The disk does not take it.
    fn close(self: Box<Self>) -> Result<OutFile, ExportError>;
}

impl<'a, T: Into<Cell<'a>>> From<Option<T>> for Cell<'a> {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Empty, Into::into)
    }
}

impl From<u64> for Cell<'_> {
    fn from(value: u64) -> Self {
        Self::Count(value)
    }
}

impl From<u32> for Cell<'_> {
    fn from(value: u32) -> Self {
        Self::Count(value.into())
    }
}

impl From<u16> for Cell<'_> {
    fn from(value: u16) -> Self {
        Self::Count(value.into())
    }
}

impl From<u8> for Cell<'_> {
    fn from(value: u8) -> Self {
        Self::Count(value.into())
    }
}

impl From<i64> for Cell<'_> {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}

impl From<f64> for Cell<'_> {
    fn from(value: f64) -> Self {
        Self::Float(value)
    }
}

impl From<Number> for Cell<'_> {
    fn from(value: Number) -> Self {
        Self::Float(value.0)
    }
}

impl From<bool> for Cell<'_> {
    fn from(value: bool) -> Self {
        Self::Flag(value)
    }
}

impl<'a> From<&'a str> for Cell<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(Cow::Borrowed(text))
    }
}

impl From<String> for Cell<'_> {
    fn from(text: String) -> Self {
        Self::Text(Cow::Owned(text))
    }
}

impl<'a> From<&'a Cow<'_, str>> for Cell<'a> {
    fn from(text: &'a Cow<'_, str>) -> Self {
        Self::Text(Cow::Borrowed(text))
    }
}

impl<'a> From<&'a DecimalRecord<'_>> for Cell<'a> {
    fn from(number: &'a DecimalRecord<'_>) -> Self {
        match number {
            DecimalRecord::Text(text) => Self::Text(Cow::Borrowed(text)),
            DecimalRecord::Number(units, scale) => {
                let (units, scale) = (*units, *scale);
                crate::model::decimal::Decimal { units, scale }
                    .to_string()
                    .into()
            }
        }
    }
}
