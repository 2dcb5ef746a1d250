//! The text that settings and workflows are written in: sections in angle brackets, `key = value`.
//!
//! A document keeps every byte it was read from: what is not changed is written back as it came,
//! unknown keys, order, comments and line endings included. What cannot be understood is kept too,
//! and named in [`Document::oddities`].
//!
//! Source: protocol description, section 13.1.

use std::borrow::Cow;
use std::collections::HashSet;
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
    /// A section of this name came before in the same one. The first one counts.
    SectionTwice {
        /// The name.
        name: PlainText,
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
            OddityKind::SectionTwice { name } => {
                write!(f, "<{name}> is there twice; leave one out")
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
            keys: HashSet::new(),
            names: HashSet::new(),
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
    keys: HashSet<(usize, String)>,
    /// Sections that were there, with the one around them.
    names: HashSet<(usize, String)>,
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
        let parent = self.open.last().copied().unwrap_or(0);
        if !self.names.insert((parent, name.clone())) {
            let name = PlainText::from_peer(&name);
            self.odd(line, OddityKind::SectionTwice { name });
        }
        let index = self.document.sections.len();
        self.document.sections.push(SectionData {
            name,
            parent,
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
mod tests;
