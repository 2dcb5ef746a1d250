//! Text in a page: nothing of a peer or a file gets into it but through [`Safe`].

use std::fmt::{self, Display, Write as _};

use crate::model::text::printable;
use crate::recording::rfc3339;

/// A text as it may stand in an element or in an attribute in quotes.
pub(super) struct Safe<T>(pub T);

impl<T: Display> Display for Safe<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        /// Lets every piece that is written through it come out harmless.
        struct Escaping<'a, 'b>(&'a mut fmt::Formatter<'b>);
        impl fmt::Write for Escaping<'_, '_> {
            fn write_str(&mut self, text: &str) -> fmt::Result {
                for c in printable(text).chars() {
                    match c {
                        '&' => self.0.write_str("&amp;")?,
                        '<' => self.0.write_str("&lt;")?,
                        '>' => self.0.write_str("&gt;")?,
                        '"' => self.0.write_str("&quot;")?,
                        '\'' => self.0.write_str("&#39;")?,
                        other => self.0.write_char(other)?,
                    }
                }
                Ok(())
            }
        }
        write!(Escaping(f), "{}", self.0)
    }
}

/// A table that is left out while nothing is in it.
pub(super) struct Table {
    head: &'static [&'static str],
    /// Columns whose cells are numbers, from 0.
    numbers: &'static [usize],
    rows: String,
    count: u64,
    more: u64,
}

/// Rows of a table that are written; the rest is counted.
const MOST_ROWS: u64 = 500;

impl Table {
    pub(super) fn new(head: &'static [&'static str], numbers: &'static [usize]) -> Self {
        Self {
            head,
            numbers,
            rows: String::new(),
            count: 0,
            more: 0,
        }
    }

    /// Adds a row. The first cell names it.
    ///
    /// - `class`: how it looks; `""` for plain
    pub(super) fn row(&mut self, class: &'static str, cells: &[&dyn Display]) {
        if self.count >= MOST_ROWS {
            self.more += 1;
            return;
        }
        self.count += 1;
        let _ = write!(self.rows, "<tr class=\"{class}\">");
        for (index, cell) in cells.iter().enumerate() {
            let kind = if self.numbers.contains(&index) {
                " class=\"n\""
            } else {
                ""
            };
            let _ = match index {
                0 => write!(self.rows, "<th scope=\"row\"{kind}>{}</th>", Safe(cell)),
                _ => write!(self.rows, "<td{kind}>{}</td>", Safe(cell)),
            };
        }
        self.rows.push_str("</tr>\n");
    }

    /// Rows that were counted and not written.
    pub(super) fn and_more(&mut self, more: u64) {
        self.more += more;
    }

    pub(super) fn is_empty(&self) -> bool {
        self.count + self.more == 0
    }

    /// Writes it, or nothing if it is empty.
    pub(super) fn into(self, page: &mut String, caption: &str) {
        if self.is_empty() {
            return;
        }
        let _ = write!(
            page,
            "<div class=\"wide\"><table><caption>{}</caption><thead><tr>",
            Safe(caption)
        );
        for (index, name) in self.head.iter().enumerate() {
            let kind = if self.numbers.contains(&index) {
                " class=\"n\""
            } else {
                ""
            };
            let _ = write!(page, "<th scope=\"col\"{kind}>{}</th>", Safe(name));
        }
        let _ = write!(page, "</tr></thead><tbody>\n{}</tbody></table>", self.rows);
        if self.more > 0 {
            let _ = write!(page, "<p class=\"more\">and {} more</p>", self.more);
        }
        page.push_str("</div>\n");
    }
}

/// The time of day of a moment, to the millisecond, in UTC; a page says its day once.
pub(super) fn clock(unix_ns: u64) -> String {
    let whole = rfc3339(unix_ns);
    match whole.split_once('T') {
        Some((_, time)) => time.trim_end_matches('Z').to_owned(),
        None => whole,
    }
}

/// A moment and how long after the beginning it was, which stay on one line.
pub(super) fn moment(unix_ns: u64, began_ns: u64) -> String {
    let since = unix_ns.saturating_sub(began_ns) as f64 / 1e9;
    format!("{}\u{a0}(+{since:.3}\u{a0}s)", clock(unix_ns))
}

/// How long something took, for people.
pub(super) fn length(seconds: f64) -> String {
    match seconds {
        s if s < 60.0 => format!("{s:.3} s"),
        s if s < 3600.0 => format!("{:.0} min {:.0} s", (s / 60.0).floor(), s % 60.0),
        s => format!("{:.0} h {:.0} min", (s / 3600.0).floor(), s % 3600.0 / 60.0),
    }
}

/// A number with as many digits as tell it from others that lie so far apart as `span` in all.
pub(super) fn number_within(value: f64, span: f64) -> String {
    if !value.is_finite() || !span.is_finite() || span <= 0.0 || value.abs() >= 1e12 {
        return number(value);
    }
    let decimals = (2.0 - span.log10().floor()).clamp(0.0, 9.0) as usize;
    if span < 1e-6 {
        return number(value);
    }
    trimmed(format!("{value:.decimals$}"))
}

/// Without zeros that say nothing.
fn trimmed(text: String) -> String {
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text,
    }
}

/// A number with as many digits as tell something.
pub(super) fn number(value: f64) -> String {
    let size = value.abs();
    match size {
        _ if !value.is_finite() => value.to_string(),
        0.0 => "0".to_owned(),
        _ if !(1e-4..1e7).contains(&size) => format!("{value:.3e}"),
        _ => {
            let decimals = (4.0 - size.log10().floor()).clamp(0.0, 7.0) as usize;
            trimmed(format!("{value:.decimals$}"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_ends_its_element_or_attribute() {
        let hostile = "<script>alert('x')</script>\" onload=\"&\u{1b}[2J";
        let safe = Safe(hostile).to_string();
        assert_eq!(
            safe,
            "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;&quot; onload=&quot;&amp;␛[2J"
        );
        let mut table = Table::new(&["a"], &[]);
        table.row("", &[&hostile]);
        let mut page = String::new();
        table.into(&mut page, hostile);
        assert!(!page.contains("<script"), "{page}");
    }

    #[test]
    fn a_table_is_bounded_and_an_empty_one_is_left_out() {
        let mut page = String::new();
        Table::new(&["a"], &[]).into(&mut page, "none");
        assert_eq!(page, "");
        let mut table = Table::new(&["a"], &[]);
        for _ in 0..MOST_ROWS + 7 {
            table.row("", &[&1]);
        }
        table.into(&mut page, "many");
        assert_eq!(page.matches("<tr class").count() as u64, MOST_ROWS);
        assert!(page.contains("and 7 more"));
    }

    #[test]
    fn numbers_have_as_many_digits_as_tell_something() {
        let cases = [
            (0.0, "0"),
            (1.0, "1"),
            (12.3456789, "12.346"),
            (-0.001_234_56, "-0.0012346"),
            (123_456.7, "123457"),
            (1e9, "1.000e9"),
            (f64::NAN, "NaN"),
        ];
        for (value, want) in cases {
            assert_eq!(number(value), want);
        }
        let cases = [
            (63_012.345, 0.25, "63012.345"),
            (63_012.345, 40.0, "63012.3"),
            (0.5, 1e-9, "0.5"),
            (7.0, 0.0, "7"),
            (-0.25, 3.0, "-0.25"),
        ];
        for (value, span, want) in cases {
            assert_eq!(number_within(value, span), want);
        }
        assert_eq!(length(59.5), "59.500 s");
        assert_eq!(length(3_599.0), "59 min 59 s");
        assert_eq!(length(7_260.0), "2 h 1 min");
    }
}
