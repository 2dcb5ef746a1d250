//! Tables of results, and how they are written: for people, as JSON lines, as CSV.

use std::fmt::Write as _;

use serde::ser::SerializeMap as _;
use serde::{Serialize, Serializer};

use crate::export::csv;
use crate::model::decimal::Decimal;
use crate::model::text::printable;
use crate::model::{PlainText, Value};

/// How results are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Aligned columns, the ones that people look at.
    Table,
    /// One JSON object for each row, on one line.
    Json,
    /// Comma-separated values with a line of names; fields quoted as in RFC 4180, lines ended by a
    /// line feed. An empty line stands between two tables.
    Csv,
}

/// What stands in one place.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell {
    /// Nothing is known: `null`, an empty field, `-`.
    None,
    /// Words.
    Text(PlainText),
    /// An exact number: decimal text in every format.
    Exact(Decimal),
    /// A measured or derived number.
    Float(f64),
    /// A count or a code.
    Int(i128),
    /// Yes or no.
    Bool(bool),
}

impl Cell {
    /// The cell of what may be there.
    pub fn maybe<T: Into<Self>>(value: Option<T>) -> Self {
        value.map_or(Self::None, Into::into)
    }

    /// As in CSV, without quotes.
    fn text(&self) -> String {
        match self {
            Self::None => String::new(),
            Self::Text(text) => printable(text).into_owned(),
            Self::Exact(number) => number.to_string(),
            Self::Float(number) if number.is_finite() => number.to_string(),
            Self::Float(_) => String::new(),
            Self::Int(number) => number.to_string(),
            Self::Bool(yes) => yes.to_string(),
        }
    }

    /// For people: few digits.
    fn short(&self) -> String {
        match self {
            Self::None => "-".to_owned(),
            Self::Float(number) if !number.is_finite() => "-".to_owned(),
            Self::Float(number) => format!("{number:.3}"),
            Self::Bool(yes) => if *yes { "yes" } else { "no" }.to_owned(),
            other => other.text(),
        }
    }

    fn is_number(&self) -> bool {
        matches!(self, Self::Exact(_) | Self::Float(_) | Self::Int(_))
    }
}

impl Serialize for Cell {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::None => serializer.serialize_unit(),
            Self::Text(text) => serializer.serialize_str(text),
            Self::Exact(number) => serializer.collect_str(number),
            // What is not finite becomes null.
            Self::Float(number) => serializer.serialize_f64(*number),
            Self::Int(number) => serializer.serialize_i128(*number),
            Self::Bool(yes) => serializer.serialize_bool(*yes),
        }
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self::Text(text.into())
    }
}

impl From<&PlainText> for Cell {
    fn from(text: &PlainText) -> Self {
        Self::Text(text.clone())
    }
}

impl From<Decimal> for Cell {
    fn from(number: Decimal) -> Self {
        Self::Exact(number)
    }
}

impl From<f64> for Cell {
    fn from(number: f64) -> Self {
        Self::Float(number)
    }
}

macro_rules! from_integers {
    ($($kind:ty),+) => {
        $(impl From<$kind> for Cell {
            fn from(number: $kind) -> Self {
                Self::Int(i128::from(number))
            }
        })+
    };
}

from_integers!(i64, u64, u32, u16, i128);

impl From<usize> for Cell {
    fn from(number: usize) -> Self {
        Self::Int(i128::try_from(number).unwrap_or(i128::MAX))
    }
}

impl From<bool> for Cell {
    fn from(yes: bool) -> Self {
        Self::Bool(yes)
    }
}

impl From<&Value> for Cell {
    fn from(value: &Value) -> Self {
        match value {
            Value::Float(number) => Self::Float(*number),
            Value::Int(number) => Self::from(*number),
            Value::Bool(yes) => Self::Bool(*yes),
            Value::Text(text) => Self::from(text),
        }
    }
}

/// One row: names and what stands there. Every row of a sheet has the same names in the same order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Line(Vec<(&'static str, Cell)>);

impl Line {
    /// Adds a column.
    pub fn set(&mut self, name: &'static str, cell: impl Into<Cell>) -> &mut Self {
        self.0.push((name, cell.into()));
        self
    }

    /// Adds a column of what may be there.
    pub fn maybe<T: Into<Cell>>(&mut self, name: &'static str, value: Option<T>) -> &mut Self {
        self.0.push((name, Cell::maybe(value)));
        self
    }
}

/// Rows of one kind.
#[derive(Clone, Debug, PartialEq)]
pub struct Sheet {
    /// The kind, e.g. `books`.
    pub name: &'static str,
    /// The columns that people see, of those of its rows.
    pub shown: &'static [&'static str],
    /// The rows.
    pub lines: Vec<Line>,
}

/// Writes sheets one after the other. What it has written so far decides where names and empty
/// lines are due.
#[derive(Debug)]
pub struct Writer {
    format: Format,
    last: Option<&'static str>,
}

impl Writer {
    /// A writer at the beginning of the output.
    pub fn new(format: Format) -> Self {
        Self { format, last: None }
    }

    /// Appends the sheets that have rows to `out`.
    pub fn write(&mut self, sheets: &[Sheet], out: &mut String) {
        for sheet in sheets.iter().filter(|sheet| !sheet.lines.is_empty()) {
            match self.format {
                Format::Json => json(sheet, out),
                Format::Csv => self.csv(sheet, out),
                Format::Table => self.table(sheet, out),
            }
            self.last = Some(sheet.name);
        }
    }

    fn csv(&self, sheet: &Sheet, out: &mut String) {
        if self.last != Some(sheet.name) {
            if self.last.is_some() {
                out.push('\n');
            }
            let names = sheet.lines.first().into_iter().flat_map(|line| &line.0);
            let names = names.map(|(name, _)| (*name).to_owned());
            record(std::iter::once("table".to_owned()).chain(names), out);
        }
        for line in &sheet.lines {
            let fields = line.0.iter().map(|(_, cell)| cell.text());
            record(std::iter::once(sheet.name.to_owned()).chain(fields), out);
        }
    }

    fn table(&self, sheet: &Sheet, out: &mut String) {
        if self.last.is_some() {
            out.push('\n');
        }
        let mut rows = vec![
            sheet
                .shown
                .iter()
                .map(|name| name.replace('_', " "))
                .collect(),
        ];
        let mut are_numbers = vec![false; sheet.shown.len()];
        for line in &sheet.lines {
            let cell = |name: &str| line.0.iter().find(|(known, _)| *known == name);
            let cells = sheet.shown.iter().zip(&mut are_numbers);
            let row: Vec<String> = cells
                .map(|(name, is_number)| {
                    let cell = cell(name).map_or(&Cell::None, |(_, cell)| cell);
                    *is_number |= cell.is_number();
                    cell.short()
                })
                .collect();
            rows.push(row);
        }
        let width = |column: usize| {
            let cells = rows.iter().filter_map(|row| row.get(column));
            cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..sheet.shown.len()).map(width).collect();
        for row in &rows {
            let start = out.len();
            for ((cell, width), is_number) in row.iter().zip(&widths).zip(&are_numbers) {
                // A String takes every write.
                let _ = match is_number {
                    true => write!(out, "{cell:>width$}  "),
                    false => write!(out, "{cell:width$}  "),
                };
            }
            let end = out.trim_end().len().max(start);
            out.truncate(end);
            out.push('\n');
        }
    }
}

fn json(sheet: &Sheet, out: &mut String) {
    for line in &sheet.lines {
        let object = Object {
            table: sheet.name,
            line,
        };
        if let Ok(text) = serde_json::to_string(&object) {
            out.push_str(&text);
            out.push('\n');
        }
    }
}

/// A line with the name of its sheet in front, its columns in their order.
struct Object<'a> {
    table: &'static str,
    line: &'a Line,
}

impl Serialize for Object<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("table", self.table)?;
        for (name, cell) in &self.line.0 {
            map.serialize_entry(name, cell)?;
        }
        map.end()
    }
}

/// One line of CSV.
fn record(fields: impl Iterator<Item = String>, out: &mut String) {
    for (index, field) in fields.enumerate() {
        if index > 0 {
            out.push(',');
        }
        csv::write_field(&field, out);
    }
    out.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sheet(texts: &[&str]) -> Sheet {
        let line = |text: &&str| {
            let mut line = Line::default();
            let exact = Decimal {
                units: 630_123,
                scale: 1,
            };
            line.set("symbol", *text)
                .set("best_bid", exact)
                .set("rate_hz", 0.5)
                .maybe("sequence", None::<u64>)
                .set("crossed", false);
            line
        };
        Sheet {
            name: "books",
            shown: &["symbol", "best_bid", "crossed"],
            lines: texts.iter().map(line).collect(),
        }
    }

    fn written(format: Format, times: usize, texts: &[&str]) -> String {
        let mut out = String::new();
        let mut writer = Writer::new(format);
        for _ in 0..times {
            writer.write(&[sheet(texts)], &mut out);
        }
        out
    }

    #[test]
    fn csv_quotes_what_it_must_and_shows_control_characters() {
        assert_eq!(
            written(Format::Csv, 2, &["BTC/USD", "a,\"b\"", "\u{1b}[2J\r\n"]),
            "table,symbol,best_bid,rate_hz,sequence,crossed\n\
             books,BTC/USD,63012.3,0.5,,false\n\
             books,\"a,\"\"b\"\"\",63012.3,0.5,,false\n\
             books,␛[2J␍␊,63012.3,0.5,,false\n\
             books,BTC/USD,63012.3,0.5,,false\n\
             books,\"a,\"\"b\"\"\",63012.3,0.5,,false\n\
             books,␛[2J␍␊,63012.3,0.5,,false\n"
        );
    }

    #[test]
    fn another_table_of_csv_stands_behind_an_empty_line_with_its_own_names() {
        let mut feeds = sheet(&["x"]);
        feeds.name = "feeds";
        let mut out = String::new();
        let empty = Sheet {
            lines: Vec::new(),
            ..sheet(&[])
        };
        Writer::new(Format::Csv).write(&[empty, sheet(&["x"]), feeds], &mut out);
        let lines: Vec<&str> = out.lines().collect();
        assert_eq!(lines.len(), 5);
        assert_eq!((lines[2], &lines[4][..6]), ("", "feeds,"));
    }

    #[test]
    fn json_keeps_the_order_and_the_decimals() {
        assert_eq!(
            written(Format::Json, 1, &["B\"TC"]),
            "{\"table\":\"books\",\"symbol\":\"B\\\"TC\",\"best_bid\":\"63012.3\",\"rate_hz\":0.5,\
             \"sequence\":null,\"crossed\":false}\n"
        );
    }

    #[test]
    fn people_see_aligned_columns() {
        assert_eq!(
            written(Format::Table, 1, &["BTC/USD", "X"]),
            "symbol   best bid  crossed\n\
             BTC/USD   63012.3  no\n\
             X         63012.3  no\n"
        );
    }

    #[test]
    fn what_is_no_number_is_nothing() {
        for (cell, json, text) in [
            (Cell::Float(f64::NAN), "null", ""),
            (Cell::Float(f64::INFINITY), "null", ""),
            (Cell::Int(-1), "-1", "-1"),
            (
                Cell::from(u64::MAX),
                "18446744073709551615",
                "18446744073709551615",
            ),
        ] {
            assert_eq!(serde_json::to_string(&cell).unwrap(), json);
            assert_eq!(cell.text(), text);
        }
    }
}
