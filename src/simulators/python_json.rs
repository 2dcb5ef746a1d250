//! JSON in the spelling of Python's `json`, as the servers that are simulated here write it.

use std::io;

use serde::Serialize;
use serde_json::Value;

/// How Python's `json` separates: packets are written tightly, the text inside `signal` is not.
#[derive(Clone, Copy)]
pub(super) enum Spelling {
    Tight,
    Spaced,
}

/// An object with its keys in this order.
pub(super) fn object(fields: &[(&str, Value)], spelling: Spelling) -> String {
    let (comma, colon) = spelling.separators();
    let fields: Vec<String> = fields
        .iter()
        .map(|(key, value)| format!("\"{key}\"{colon}{}", json(value, spelling)))
        .collect();
    format!("{{{}}}", fields.join(comma))
}

/// A value as Python writes it, everything but ASCII escaped.
pub(super) fn json(value: &Value, spelling: Spelling) -> String {
    let mut out = Vec::new();
    let mut serializer = serde_json::Serializer::with_formatter(&mut out, Python(spelling));
    value
        .serialize(&mut serializer)
        .expect("a JSON value can be written to a vector");
    String::from_utf8_lossy(&out).into_owned()
}

impl Spelling {
    fn separators(self) -> (&'static str, &'static str) {
        match self {
            Self::Tight => (",", ":"),
            Self::Spaced => (", ", ": "),
        }
    }
}

struct Python(Spelling);

impl serde_json::ser::Formatter for Python {
    fn begin_array_value<W: ?Sized + io::Write>(
        &mut self,
        writer: &mut W,
        first: bool,
    ) -> io::Result<()> {
        let comma = if first { "" } else { self.0.separators().0 };
        writer.write_all(comma.as_bytes())
    }

    fn begin_object_key<W: ?Sized + io::Write>(
        &mut self,
        writer: &mut W,
        first: bool,
    ) -> io::Result<()> {
        self.begin_array_value(writer, first)
    }

    fn begin_object_value<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        writer.write_all(self.0.separators().1.as_bytes())
    }

    fn write_string_fragment<W: ?Sized + io::Write>(
        &mut self,
        writer: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        if fragment.is_ascii() {
            return writer.write_all(fragment.as_bytes());
        }
        for c in fragment.chars() {
            if c.is_ascii() {
                write!(writer, "{c}")?;
            } else {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    write!(writer, "\\u{unit:04x}")?;
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json as value;

    use super::*;

    #[test]
    fn json_is_spelled_as_python_does() {
        let cases = [
            (
                value!({"a": [1, 2.0, null]}),
                r#"{"a":[1,2.0,null]}"#,
                r#"{"a": [1, 2.0, null]}"#,
            ),
            (
                value!("µ€𝄞\u{1b}"),
                r#""\u00b5\u20ac\ud834\udd1e\u001b""#,
                r#""\u00b5\u20ac\ud834\udd1e\u001b""#,
            ),
        ];
        for (given, tight, spaced) in cases {
            assert_eq!(json(&given, Spelling::Tight), tight);
            assert_eq!(json(&given, Spelling::Spaced), spaced);
        }
    }
}
