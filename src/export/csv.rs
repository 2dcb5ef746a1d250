//! Tables as CSV. Source: RFC 4180; lines end with a line feed alone, and no cell has one in it.
//!
//! A text that a spreadsheet would take for a formula gets an apostrophe in front, and so does one
//! that begins with an apostrophe: whoever takes one away has the text as it was.

use std::fmt::Write as _;
use std::io::Write as _;

use super::table::{Cell, Column, TableWriter};
use super::{ExportError, OutFile};
use crate::model::text::printable;
use crate::recording::rfc3339_exact;

/// Writes one table.
#[derive(Debug)]
pub struct Csv {
    file: OutFile,
    line: String,
    /// The last time that was written, in words.
    moment: (u64, String),
}

impl Csv {
    /// Writes the line of names.
    ///
    /// # Errors
    /// The disk does not take it.
    pub fn create(
        file: OutFile,
        columns: &[&'static Column],
    ) -> Result<Box<dyn TableWriter>, ExportError> {
        let mut csv = Self {
            file,
            line: String::new(),
            moment: (0, rfc3339_exact(0)),
        };
        let names: Vec<Cell<'_>> = columns.iter().map(|column| column.name.into()).collect();
        csv.row(&[&names])?;
        Ok(Box::new(csv))
    }

    fn cell(&mut self, cell: &Cell<'_>) {
        // Writing to a text cannot fail.
        let _ = match cell {
            Cell::Empty => Ok(()),
            Cell::Moment(unix_ns) => {
                if self.moment.0 != *unix_ns {
                    self.moment = (*unix_ns, rfc3339_exact(*unix_ns));
                }
                self.line.write_str(&self.moment.1)
            }
            Cell::Int(number) => write!(self.line, "{number}"),
            Cell::Count(number) => write!(self.line, "{number}"),
            // The shortest text that is read as the same number again; always with a point or an
            // exponent.
            Cell::Float(number) => write!(self.line, "{number:?}"),
            Cell::Flag(on) => write!(self.line, "{on}"),
            Cell::Text(text) => {
                // So that a row is a line, and nothing moves the cursor of who prints the file.
                let text = printable(text);
                if is_taken_for_a_formula(&text) {
                    write_field(&format!("'{text}"), &mut self.line);
                } else {
                    write_field(&text, &mut self.line);
                }
                Ok(())
            }
        };
    }
}

impl TableWriter for Csv {
    fn row(&mut self, pieces: &[&[Cell<'_>]]) -> Result<(), ExportError> {
        self.line.clear();
        for (index, cell) in pieces.iter().copied().flatten().enumerate() {
            if index > 0 {
                self.line.push(',');
            }
            self.cell(cell);
        }
        self.line.push('\n');
        self.file
            .write_all(self.line.as_bytes())
            .map_err(|error| ExportError::at(self.file.path(), error))
    }

    fn park(&mut self) -> Result<(), ExportError> {
        self.file.park()
    }

    fn close(self: Box<Self>) -> Result<OutFile, ExportError> {
        Ok(self.file)
    }
}

/// One field of a line. Source: RFC 4180, sections 2.5 to 2.7.
pub fn write_field(field: &str, line: &mut String) {
    if field.contains([',', '"', '\r', '\n']) {
        line.push('"');
        line.push_str(&field.replace('"', "\"\""));
        line.push('"');
    } else {
        line.push_str(field);
    }
}

/// Source: OWASP, "CSV Injection". A number that is a text because it must stay exact is none.
fn is_taken_for_a_formula(text: &str) -> bool {
    text.starts_with(['=', '+', '-', '@', '\'']) && !is_negative_number(text)
}

fn is_negative_number(text: &str) -> bool {
    text.strip_prefix('-').is_some_and(|digits| {
        let digit = |c: char| c.is_ascii_digit();
        digits == "inf"
            || (digits.starts_with(digit)
                && digits.ends_with(digit)
                && digits
                    .chars()
                    .all(|c| digit(c) || matches!(c, '.' | 'e' | 'E' | '-' | '+'))
                && digits.parse::<f64>().is_ok())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_becomes_a_formula_and_every_number_stays_one() {
        let cases = [
            ("=HYPERLINK(\"x\")", true),
            ("+1", true),
            ("-1+1", true),
            ("-cmd|'/c calc'!A0", true),
            ("@SUM(A1)", true),
            ("'quoted", true),
            ("-", true),
            ("-1", false),
            ("-0.50", false),
            ("-1.5e10", false),
            ("-1e-7", false),
            ("-inf", false),
            ("1", false),
            ("a=b", false),
            ("", false),
        ];
        for (text, is_taken) in cases {
            assert_eq!(is_taken_for_a_formula(text), is_taken, "{text}");
        }
    }

    #[test]
    fn what_has_to_be_quoted_is() {
        let mut line = String::new();
        for field in ["a,b", "say \"x\"", "plain", "two\nlines"] {
            write_field(field, &mut line);
            line.push('|');
        }
        assert_eq!(line, "\"a,b\"|\"say \"\"x\"\"\"|plain|\"two\nlines\"|");
    }
}
