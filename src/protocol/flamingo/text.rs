//! The text that settings and workflows are written in: sections in angle brackets, `key = value`.
//!
//! A document keeps every byte it was read from: what is not changed is written back as it came,
//! unknown keys, order, comments and line endings included. What cannot be understood is kept too,
//! and named in [`Document::oddities`].
//!
//! Source: protocol description, section 13.1.

use std::borrow::Cow;
use std::fmt;

use bytes::Bytes;

use crate::model::PlainText;

/// Sections inside one another; deeper ones are read as if they were siblings.
pub const MAX_DEPTH: usize = 16;

/// A text taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    lines: Vec<Line>,
    /// In the order in which they open; the first is the document itself.
    sections: Vec<SectionData>,
    oddities: Vec<Oddity>,
}

/// One line with its ending.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Line {
    raw: Bytes,
    /// The section it is in; for `<Name>` and `</Name>` that section itself.
    section: usize,
    key: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct SectionData {
    name: String,
    parent: usize,
    /// From 1; 0 for the document.
    line: usize,
    /// The line up to which it is open, from 1.
    end: usize,
}

/// A line that is not as the syntax has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Oddity {
    /// From 1.
    pub line: usize,
    /// What is wrong with it.
    pub kind: OddityKind,
}

/// What is wrong with a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OddityKind {
    /// It is neither a section, an entry, a comment nor blank.
    NoEntry,
    /// It closes a section that is not open.
    NotOpen {
        /// The name.
        name: PlainText,
    },
    /// It opens a section that is never closed, or not before the one around it.
    NotClosed {
        /// The name.
        name: PlainText,
    },
    /// The same key came before in the same section. The first one counts.
    Twice {
        /// The key.
        key: PlainText,
    },
    /// It opens a section too deep inside others.
    TooDeep,
}

impl fmt::Display for Oddity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: ", self.line)?;
        match &self.kind {
            OddityKind::NoEntry => {
                write!(
                    f,
                    "neither <Section>, </Section>, key = value nor # comment"
                )
            }
            OddityKind::NotOpen { name } => write!(f, "</{name}> closes what is not open"),
            OddityKind::NotClosed { name } => {
                write!(f, "<{name}> is not closed; write </{name}> where it ends")
            }
            OddityKind::Twice { key } => {
                write!(f, "\"{key}\" is there twice; leave one out")
            }
            OddityKind::TooDeep => write!(f, "sections are at most {MAX_DEPTH} deep"),
        }
    }
}

/// `key = value` at a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry<'a> {
    /// From 1.
    pub line: usize,
    /// Without blanks around it.
    pub key: &'a str,
    value: &'a [u8],
}

impl<'a> Entry<'a> {
    /// The value without blanks around it; what is not UTF-8 is replaced. Not fit for a screen.
    pub fn value(&self) -> Cow<'a, str> {
        String::from_utf8_lossy(self.value)
    }

    /// The value as a number; thousands may be set off by commas, as in old files.
    pub fn number(&self) -> Option<f64> {
        number(&self.value())
    }
}

/// A section, or the document itself.
#[derive(Clone, Copy, Debug)]
pub struct Section<'a> {
    document: &'a Document,
    index: usize,
}

impl Document {
    /// Takes a text apart. Any text is one; see [`Document::oddities`].
    pub fn parse(text: &[u8]) -> Self {
        let mut reader = Reader {
            document: Self {
                lines: Vec::new(),
                sections: vec![SectionData {
                    name: String::new(),
                    parent: 0,
                    line: 0,
                    end: 0,
                }],
                oddities: Vec::new(),
            },
            open: Vec::new(),
            keys: std::collections::HashSet::new(),
        };
        let text = Bytes::copy_from_slice(text);
        for raw in text.split_inclusive(|byte| *byte == b'\n') {
            reader.line(text.slice_ref(raw));
        }
        reader.finish()
    }

    /// The text: what was read, with the changes made.
    pub fn to_bytes(&self) -> Bytes {
        let length = self
            .lines
            .iter()
            .fold(0_usize, |sum, line| sum.saturating_add(line.raw.len()));
        let mut bytes = Vec::with_capacity(length);
        for line in &self.lines {
            bytes.extend_from_slice(&line.raw);
        }
        bytes.into()
    }

    /// Lines that are not as they should be, by their number.
    pub fn oddities(&self) -> &[Oddity] {
        &self.oddities
    }

    /// The document as the section around all others.
    pub fn root(&self) -> Section<'_> {
        Section {
            document: self,
            index: 0,
        }
    }

    /// The first section of this name, however deep.
    pub fn find(&self, name: &str) -> Option<Section<'_>> {
        self.all().find(|section| section.name() == name)
    }

    /// All sections in their order, however deep.
    pub fn all(&self) -> impl Iterator<Item = Section<'_>> {
        (1..self.sections.len()).map(|index| Section {
            document: self,
            index,
        })
    }

    /// Changes the value in a line that is an entry; blanks and the line's ending stay.
    ///
    /// - `line`: as [`Entry::line`] has it
    /// - `value`: one line of text
    ///
    /// Returns whether there is an entry in that line and `value` can stand there.
    pub fn set(&mut self, line: usize, value: &str) -> bool {
        if value.contains(['\n', '\r']) {
            return false;
        }
        let Some(line) = line
            .checked_sub(1)
            .and_then(|index| self.lines.get_mut(index))
        else {
            return false;
        };
        if line.key.is_none() {
            return false;
        }
        let Some(equals) = line.raw.iter().position(|byte| *byte == b'=') else {
            return false;
        };
        let (before, old) = line.raw.split_at(equals.saturating_add(1));
        let ending = old
            .iter()
            .rposition(|byte| !matches!(byte, b'\r' | b'\n'))
            .map_or(0, |last| last.saturating_add(1));
        let blanks = old
            .iter()
            .take(ending)
            .take_while(|byte| byte.is_ascii_whitespace())
            .count();
        let mut raw = before.to_vec();
        if ending == 0 {
            raw.push(b' ');
        }
        raw.extend(old.iter().take(blanks));
        raw.extend_from_slice(value.trim().as_bytes());
        raw.extend(old.iter().skip(ending));
        line.raw = raw.into();
        true
    }
}

impl<'a> Section<'a> {
    /// Its name; empty for the document.
    pub fn name(self) -> &'a str {
        let data = self.document.sections.get(self.index);
        data.map_or("", |data| data.name.as_str())
    }

    /// The line that opens it, from 1; 0 for the document.
    pub fn line(self) -> usize {
        let data = self.document.sections.get(self.index);
        data.map_or(0, |data| data.line)
    }

    /// The sections directly in it.
    pub fn sections(self) -> impl Iterator<Item = Section<'a>> {
        let (document, parent) = (self.document, self.index);
        let inside = document.sections.iter().enumerate().skip(1);
        inside
            .filter(move |(_, data)| data.parent == parent)
            .map(move |(index, _)| Section { document, index })
    }

    /// The first section of this name directly in it.
    pub fn section(self, name: &str) -> Option<Section<'a>> {
        self.sections().find(|section| section.name() == name)
    }

    /// The entries directly in it.
    pub fn entries(self) -> impl Iterator<Item = Entry<'a>> {
        let section = self.index;
        let data = self.document.sections.get(section);
        let (first, end) = data.map_or((0, 0), |data| (data.line, data.end));
        self.document
            .lines
            .iter()
            .enumerate()
            .take(end)
            .skip(first)
            .filter(move |(_, line)| line.section == section)
            .filter_map(|(index, line)| {
                let key = line.key.as_deref()?;
                let (_, value) = split_entry(&line.raw)?;
                Some(Entry {
                    line: index.saturating_add(1),
                    key,
                    value,
                })
            })
    }

    /// The first entry with this key directly in it.
    pub fn get(self, key: &str) -> Option<Entry<'a>> {
        self.entries().find(|entry| entry.key == key)
    }

    /// Whether there is nothing in it.
    pub fn is_empty(self) -> bool {
        self.entries().next().is_none() && self.sections().next().is_none()
    }
}

struct Reader {
    document: Document,
    /// The sections that are open, from the outside.
    open: Vec<usize>,
    /// Keys that were there, with their section.
    keys: std::collections::HashSet<(usize, String)>,
}

impl Reader {
    fn line(&mut self, raw: Bytes) {
        let number = self.document.lines.len().saturating_add(1);
        let inside = self.open.last().copied().unwrap_or(0);
        let mut line = Line {
            raw: raw.clone(),
            section: inside,
            key: None,
        };
        let content = raw.trim_ascii();
        let bracketed = content
            .strip_prefix(b"<")
            .and_then(|rest| rest.strip_suffix(b">"));
        match bracketed {
            _ if content.is_empty() || content.starts_with(b"#") => {}
            Some(name) => match name.strip_prefix(b"/") {
                Some(name) => line.section = self.close(number, &text(name)),
                None => line.section = self.open(number, text(name)),
            },
            None => match split_entry(&raw) {
                Some((key, _)) => {
                    let key = text(key);
                    if !self.keys.insert((inside, key.clone())) {
                        let key = PlainText::from_peer(&key);
                        self.odd(number, OddityKind::Twice { key });
                    }
                    line.key = Some(key);
                }
                None => self.odd(number, OddityKind::NoEntry),
            },
        }
        self.document.lines.push(line);
    }

    fn open(&mut self, line: usize, name: String) -> usize {
        if self.open.len() >= MAX_DEPTH {
            self.odd(line, OddityKind::TooDeep);
            if let Some(sibling) = self.open.pop() {
                self.ends(sibling);
            }
        }
        let index = self.document.sections.len();
        self.document.sections.push(SectionData {
            name,
            parent: self.open.last().copied().unwrap_or(0),
            line,
            end: line,
        });
        self.open.push(index);
        index
    }

    /// Closes the innermost open section of this name and what is open inside it.
    fn close(&mut self, line: usize, name: &str) -> usize {
        let sections = &self.document.sections;
        let is_it = |index: &usize| sections.get(*index).is_some_and(|s| s.name == name);
        let Some(place) = self.open.iter().rposition(is_it) else {
            let name = PlainText::from_peer(name);
            self.odd(line, OddityKind::NotOpen { name });
            return self.open.last().copied().unwrap_or(0);
        };
        let closed = self.open.get(place).copied().unwrap_or(0);
        let inner = self.open.split_off(place.saturating_add(1));
        self.not_closed(inner);
        self.open.pop();
        self.ends(closed);
        closed
    }

    /// A section is open up to the line before the one being read.
    fn ends(&mut self, section: usize) {
        let lines = self.document.lines.len();
        if let Some(section) = self.document.sections.get_mut(section) {
            section.end = lines;
        }
    }

    fn not_closed(&mut self, sections: Vec<usize>) {
        for index in sections {
            self.ends(index);
            if let Some(section) = self.document.sections.get(index) {
                let name = PlainText::from_peer(&section.name);
                let line = section.line;
                self.odd(line, OddityKind::NotClosed { name });
            }
        }
    }

    fn odd(&mut self, line: usize, kind: OddityKind) {
        self.document.oddities.push(Oddity { line, kind });
    }

    fn finish(mut self) -> Document {
        let open = std::mem::take(&mut self.open);
        self.not_closed(open);
        self.ends(0);
        self.document.oddities.sort_by_key(|oddity| oddity.line);
        self.document
    }
}

/// Key and value of a line, each without blanks around it; an entry has a key.
fn split_entry(raw: &[u8]) -> Option<(&[u8], &[u8])> {
    let equals = raw.iter().position(|byte| *byte == b'=')?;
    let (key, value) = raw.split_at_checked(equals)?;
    let key = key.trim_ascii();
    let value = value.strip_prefix(b"=")?.trim_ascii();
    (!key.is_empty()).then_some((key, value))
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes.trim_ascii()).into_owned()
}

/// A number as files have it: `1234.5` or `1,234.5`. `None` for what is no finite number; a comma
/// is never a decimal point.
pub fn number(written: &str) -> Option<f64> {
    let written = written.trim();
    let plain: Cow<'_, str> = if written.contains(',') {
        let (whole, fraction) = match written.split_once('.') {
            Some((whole, fraction)) => (whole, Some(fraction)),
            None => (written, None),
        };
        let mut groups = whole.trim_start_matches(['-', '+']).split(',');
        let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        let first = groups.next()?;
        let ordered = (1..=3).contains(&first.len())
            && is_number(first)
            && groups.all(|group| group.len() == 3 && is_number(group))
            && fraction.is_none_or(is_number);
        if !ordered {
            return None;
        }
        Cow::Owned(written.replace(',', ""))
    } else {
        Cow::Borrowed(written)
    };
    plain.parse().ok().filter(|value: &f64| value.is_finite())
}

#[cfg(test)]
#[allow(clippy::indexing_slicing, clippy::arithmetic_side_effects)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TEXT: &str = "# made by hand\r\n<Scope Settings>\r\n  <Type>\r\n    Microscope name = n7\r\n    \
        Ratio = a = b\r\n  </Type>\r\n\r\n  <Stage limits>\n\tSoft limit min x-axis =1.0\n    \
        Empty =\n  </Stage limits>\n</Scope Settings>";

    #[test]
    fn a_text_is_a_tree_and_stays_the_text_it_was() {
        let document = Document::parse(TEXT.as_bytes());
        assert_eq!(document.oddities(), []);
        assert_eq!(document.to_bytes(), TEXT);
        let scope = document.root().section("Scope Settings").unwrap();
        let names: Vec<&str> = scope.sections().map(|section| section.name()).collect();
        assert_eq!(names, ["Type", "Stage limits"]);
        let kind = scope.section("Type").unwrap();
        let entries: Vec<(usize, &str, String)> = kind
            .entries()
            .map(|entry| (entry.line, entry.key, entry.value().into_owned()))
            .collect();
        assert_eq!(
            entries,
            [
                (4, "Microscope name", "n7".to_owned()),
                (5, "Ratio", "a = b".to_owned()),
            ]
        );
        let limits = document.find("Stage limits").unwrap();
        assert_eq!(limits.line(), 8);
        let x = limits.get("Soft limit min x-axis").unwrap();
        assert_eq!(x.number(), Some(1.0));
        assert_eq!(limits.get("Empty").unwrap().value(), "");
        assert!(document.find("Nothing").is_none());
        assert!(document.root().get("Ratio").is_none());
    }

    #[test]
    fn a_changed_value_changes_nothing_else() {
        let mut document = Document::parse(TEXT.as_bytes());
        assert!(document.set(4, "n8"));
        assert!(document.set(9, "2.5"));
        assert!(document.set(10, "no more"));
        for (line, value) in [(0, "x"), (1, "x"), (2, "x"), (99, "x"), (4, "a\nb")] {
            assert!(!document.set(line, value), "{line} {value:?}");
        }
        let want = TEXT
            .replace("= n7\r", "= n8\r")
            .replace("=1.0\n", "=2.5\n")
            .replace("Empty =\n", "Empty = no more\n");
        assert_eq!(document.to_bytes(), want);
        assert_eq!(Document::parse(want.as_bytes()), document);
    }

    #[test]
    fn bytes_that_are_not_utf8_are_kept() {
        let text = b"<A>\nv (\xb0/s) = 1\nb = \xff\n</A>\n";
        let mut document = Document::parse(text);
        let section = document.find("A").unwrap();
        assert_eq!(section.get("v (\u{fffd}/s)").unwrap().number(), Some(1.0));
        assert_eq!(document.to_bytes(), &text[..]);
        assert!(document.set(2, "3"));
        assert_eq!(
            document.to_bytes(),
            &b"<A>\nv (\xb0/s) = 3\nb = \xff\n</A>\n"[..]
        );
    }

    #[test]
    fn lines_that_are_wrong_are_named_by_number() {
        let cases = [
            ("<A>\nno entry\n</A>\n", "line 2: neither <Section>"),
            ("<A>\n= 5\n</A>\n", "line 2: neither <Section>"),
            ("</A>\n", "line 1: </A> closes what is not open"),
            ("<A>\n", "line 1: <A> is not closed; write </A>"),
            ("<A>\n<B>\n</A>\n", "line 2: <B> is not closed"),
            ("<A>\nk=1\nk=2\n</A>\n", "line 3: \"k\" is there twice"),
            (&"<A>\n".repeat(17), "line 17: sections are at most 16 deep"),
        ];
        for (text, want) in cases {
            let document = Document::parse(text.as_bytes());
            let found: Vec<String> = document.oddities().iter().map(Oddity::to_string).collect();
            assert!(
                found.iter().any(|line| line.starts_with(want)),
                "{text:?}: {found:?}"
            );
            assert_eq!(document.to_bytes(), text);
        }
        let twice = Document::parse(b"k = 1\nk = 2\n<A>\nk = 3\n</A>\n");
        assert_eq!(twice.root().get("k").unwrap().value(), "1");
        assert_eq!(twice.oddities().len(), 1, "another section, another key");
    }

    #[test]
    fn numbers_may_have_commas_at_thousands_only() {
        let cases = [
            ("1234.5", Some(1234.5)),
            (" -3 ", Some(-3.0)),
            ("1,234.5", Some(1234.5)),
            ("-12,345,678", Some(-12_345_678.0)),
            ("40,000.00", Some(40_000.0)),
            ("1,5", None),
            ("1234,567", None),
            (",123", None),
            ("1,234.5,678", None),
            ("1,234e5", None),
            ("", None),
            ("nan", None),
            ("inf", None),
            ("5 mm", None),
        ];
        for (written, value) in cases {
            assert_eq!(number(written), value, "{written:?}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_come_back_as_they_were(
            pieces in proptest::collection::vec(prop_oneof![
                Just(b"<A>".to_vec()), Just(b"</A>".to_vec()), Just(b"<B>\r\n".to_vec()),
                Just(b"\n".to_vec()), Just(b"k = v".to_vec()), Just(b"# c".to_vec()),
                proptest::collection::vec(any::<u8>(), 0..20),
            ], 0..40),
            line in 0..20_usize,
        ) {
            let text = pieces.concat();
            let mut document = Document::parse(&text);
            prop_assert_eq!(document.to_bytes(), &text[..]);
            if document.set(line, "new") {
                let again = Document::parse(&document.to_bytes());
                let all = again.all().chain([again.root()]);
                let mut entries = all.flat_map(|section| section.entries().collect::<Vec<_>>());
                prop_assert!(entries.any(|e| e.line == line && e.value() == "new"));
            }
        }
    }
}
