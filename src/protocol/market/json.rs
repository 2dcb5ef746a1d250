//! JSON read in one pass into a flat list of nodes that is used again for the next text.
//!
//! The whole text is checked before anything is looked up, so that "not JSON" and "JSON that lacks
//! something" are told apart exactly. Numbers stay the text they came as, strings are borrowed, and
//! nothing allocates once the list has grown.

use std::borrow::Cow;

/// How deep arrays and objects may lie in one another.
const MOST_DEPTH: usize = 128;

/// The text is not JSON; `at` is the offset where that shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotJson {
    /// Bytes from the beginning.
    pub at: usize,
}

/// What a node is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `null`.
    Null,
    /// `true`.
    True,
    /// `false`.
    False,
    /// A number; its text is the number.
    Number,
    /// A string; its text is what stands between the quotes, without escapes.
    Text,
    /// A string with escapes in it.
    EscapedText,
    /// An array: its elements follow.
    Array,
    /// An object: keys and values follow, alternating.
    Object,
}

#[derive(Clone, Copy, Debug)]
struct Node {
    kind: Kind,
    /// Where its text begins and ends; for strings without the quotes.
    start: u32,
    end: u32,
    /// The node behind it and all it holds.
    next: u32,
}

/// The nodes of the text read last.
#[derive(Debug, Default)]
pub struct Tape {
    nodes: Vec<Node>,
    /// Arrays and objects that are open.
    open: Vec<u32>,
}

impl Tape {
    /// Reads `text`, which is to be one JSON value and nothing else.
    pub fn read<'a>(&'a mut self, text: &'a [u8]) -> Result<Json<'a>, NotJson> {
        self.nodes.clear();
        self.open.clear();
        if let Err(error) = std::str::from_utf8(text) {
            return Err(NotJson {
                at: error.valid_up_to(),
            });
        }
        if u32::try_from(text.len()).is_err() {
            return Err(NotJson { at: 0 });
        }
        let mut reader = Reader {
            text,
            at: 0,
            nodes: &mut self.nodes,
            open: &mut self.open,
        };
        match reader.document() {
            Some(()) => Ok(Json {
                text,
                nodes: &self.nodes,
                index: 0,
            }),
            None => Err(NotJson { at: reader.at }),
        }
    }
}

struct Reader<'a> {
    text: &'a [u8],
    at: usize,
    nodes: &'a mut Vec<Node>,
    open: &'a mut Vec<u32>,
}

impl Reader<'_> {
    fn document(&mut self) -> Option<()> {
        self.value()?;
        while let Some(&top) = self.open.last() {
            let is_object = self.node(top)?.kind == Kind::Object;
            let is_first = self.nodes.len() == index(top)?.saturating_add(1);
            self.space();
            match self.peek()? {
                b'}' if is_object => self.close(top)?,
                b']' if !is_object => self.close(top)?,
                b',' if !is_first => {
                    self.step();
                    self.space();
                    self.element(is_object)?;
                }
                _ if is_first => self.element(is_object)?,
                _ => return None,
            }
        }
        self.space();
        (self.at == self.text.len()).then_some(())
    }

    fn element(&mut self, is_object: bool) -> Option<()> {
        if is_object {
            if self.peek()? != b'"' {
                return None;
            }
            self.string()?;
            self.space();
            if self.peek()? != b':' {
                return None;
            }
            self.step();
        }
        self.value()
    }

    /// One value; of an array or an object only its opening.
    fn value(&mut self) -> Option<()> {
        self.space();
        match self.peek()? {
            b'"' => self.string(),
            b'{' => self.open(Kind::Object),
            b'[' => self.open(Kind::Array),
            b't' => self.word(b"true", Kind::True),
            b'f' => self.word(b"false", Kind::False),
            b'n' => self.word(b"null", Kind::Null),
            _ => self.number(),
        }
    }

    fn open(&mut self, kind: Kind) -> Option<()> {
        if self.open.len() >= MOST_DEPTH {
            return None;
        }
        let place = u32::try_from(self.nodes.len()).ok()?;
        let start = self.at;
        self.step();
        self.push(kind, start, start)?;
        self.open.push(place);
        Some(())
    }

    fn close(&mut self, place: u32) -> Option<()> {
        self.step();
        let end = u32::try_from(self.at).ok()?;
        let next = u32::try_from(self.nodes.len()).ok()?;
        let node = self.nodes.get_mut(index(place)?)?;
        node.end = end;
        node.next = next;
        self.open.pop();
        Some(())
    }

    fn word(&mut self, word: &[u8], kind: Kind) -> Option<()> {
        let start = self.at;
        if !self.text.get(start..)?.starts_with(word) {
            return None;
        }
        self.at = start.checked_add(word.len())?;
        self.push(kind, start, self.at)
    }

    fn number(&mut self) -> Option<()> {
        let start = self.at;
        if self.peek() == Some(b'-') {
            self.step();
        }
        match self.peek()? {
            b'0' => self.step(),
            b'1'..=b'9' => self.digits()?,
            _ => return None,
        }
        if self.peek() == Some(b'.') {
            self.step();
            self.digits()?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.step();
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.step();
            }
            self.digits()?;
        }
        self.push(Kind::Number, start, self.at)
    }

    /// One digit or more.
    fn digits(&mut self) -> Option<()> {
        let start = self.at;
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.step();
        }
        (self.at > start).then_some(())
    }

    fn string(&mut self) -> Option<()> {
        self.step();
        let start = self.at;
        let mut kind = Kind::Text;
        loop {
            let rest = self.text.get(self.at..)?;
            let plain = rest.iter().position(|&byte| ends_plain(byte))?;
            self.at = self.at.checked_add(plain)?;
            match self.peek()? {
                b'"' => {
                    self.push(kind, start, self.at)?;
                    self.step();
                    return Some(());
                }
                b'\\' => {
                    kind = Kind::EscapedText;
                    self.step();
                    self.escape()?;
                }
                _ => return None,
            }
        }
    }

    fn escape(&mut self) -> Option<()> {
        match self.peek()? {
            b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => self.step(),
            b'u' => {
                self.step();
                for _ in 0..4 {
                    if !self.peek()?.is_ascii_hexdigit() {
                        return None;
                    }
                    self.step();
                }
            }
            _ => return None,
        }
        Some(())
    }

    fn push(&mut self, kind: Kind, start: usize, end: usize) -> Option<()> {
        let next = u32::try_from(self.nodes.len()).ok()?.checked_add(1)?;
        self.nodes.push(Node {
            kind,
            start: u32::try_from(start).ok()?,
            end: u32::try_from(end).ok()?,
            next,
        });
        Some(())
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.step();
        }
    }

    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn step(&mut self) {
        self.at = self.at.saturating_add(1);
    }

    fn node(&self, place: u32) -> Option<&Node> {
        self.nodes.get(index(place)?)
    }
}

/// Whether a string is more than itself from this byte on: one look into a table, not three tests.
fn ends_plain(byte: u8) -> bool {
    // Filled by the compiler, which refuses an index that is out of bounds.
    #[allow(clippy::indexing_slicing)]
    const ENDS: [bool; 256] = {
        let mut ends = [false; 256];
        let mut byte = 0_u8;
        while byte < 0x20 {
            ends[byte as usize] = true;
            byte = byte.saturating_add(1);
        }
        ends[b'"' as usize] = true;
        ends[b'\\' as usize] = true;
        ends
    };
    ENDS.get(usize::from(byte)).copied().unwrap_or(true)
}

fn index(place: u32) -> Option<usize> {
    usize::try_from(place).ok()
}

/// A value in a text that was read.
#[derive(Clone, Copy)]
pub struct Json<'a> {
    text: &'a [u8],
    nodes: &'a [Node],
    index: u32,
}

impl<'a> Json<'a> {
    /// What it is.
    pub fn kind(self) -> Kind {
        self.node().map_or(Kind::Null, |node| node.kind)
    }

    /// The value behind `key`, if this is an object that has it; the last one if it is there twice.
    pub fn get(self, key: &str) -> Option<Json<'a>> {
        let object = self.node().filter(|node| node.kind == Kind::Object)?;
        let mut name = self.index.saturating_add(1);
        let mut found = None;
        // This is where most of a message's time goes, so nothing is looked at twice here.
        while name < object.next {
            let value = name.saturating_add(1);
            if self.is_named(self.nodes.get(index(name)?)?, key) {
                found = Some(value);
            }
            name = self.nodes.get(index(value)?)?.next;
        }
        found.map(|index| Json { index, ..self })
    }

    #[inline]
    fn is_named(self, name: &Node, key: &str) -> bool {
        if name.kind != Kind::Text {
            return self
                .text_of(name)
                .and_then(unescape)
                .is_some_and(|own| own == key);
        }
        let length = name.end.saturating_sub(name.start);
        if index(length) != Some(key.len()) {
            return false;
        }
        // Names of one length mostly differ in their first letter: that is cheaper than a call.
        self.text_of(name)
            .is_some_and(|own| own.first() == key.as_bytes().first() && own == key.as_bytes())
    }

    fn text_of(self, node: &Node) -> Option<&'a [u8]> {
        self.text.get(index(node.start)?..index(node.end)?)
    }

    /// The elements, if this is an array; nothing otherwise.
    pub fn items(self) -> Children<'a> {
        self.children(Kind::Array)
    }

    /// Keys and values, if this is an object; nothing otherwise.
    pub fn entries(self) -> impl Iterator<Item = (Json<'a>, Json<'a>)> {
        let mut children = self.children(Kind::Object);
        std::iter::from_fn(move || Some((children.next()?, children.next()?)))
    }

    /// Whether this is an array.
    pub fn is_array(self) -> bool {
        self.kind() == Kind::Array
    }

    /// Whether this is an object.
    pub fn is_object(self) -> bool {
        self.kind() == Kind::Object
    }

    /// Whether this is a string and reads `text`.
    pub fn is(self, text: &str) -> bool {
        match self.kind() {
            Kind::Text => self.raw() == text.as_bytes(),
            Kind::EscapedText => self.str().is_some_and(|own| own == text),
            _ => false,
        }
    }

    /// The string, if it is one. Halves of a surrogate pair alone become the replacement character.
    pub fn str(self) -> Option<Cow<'a, str>> {
        match self.kind() {
            Kind::Text => std::str::from_utf8(self.raw()).ok().map(Cow::Borrowed),
            Kind::EscapedText => unescape(self.raw()).map(Cow::Owned),
            _ => None,
        }
    }

    /// What a number text can be read from: the token of a number, or the contents of a string
    /// without escapes.
    pub fn digits(self) -> Option<&'a [u8]> {
        matches!(self.kind(), Kind::Number | Kind::Text).then(|| self.raw())
    }

    /// The token, if this is a number.
    pub fn number(self) -> Option<&'a [u8]> {
        (self.kind() == Kind::Number).then(|| self.raw())
    }

    /// The contents of a string without escapes.
    pub fn plain(self) -> Option<&'a [u8]> {
        (self.kind() == Kind::Text).then(|| self.raw())
    }

    /// The value of a number that is an integer and fits.
    pub fn i64(self) -> Option<i64> {
        integer(self.number()?)
    }

    /// The value, if this is `true` or `false`.
    pub fn bool(self) -> Option<bool> {
        match self.kind() {
            Kind::True => Some(true),
            Kind::False => Some(false),
            _ => None,
        }
    }

    /// The bytes it stands in, of strings without the quotes.
    pub fn raw(self) -> &'a [u8] {
        let node = self.node();
        node.and_then(|node| self.text_of(node)).unwrap_or_default()
    }

    fn node(self) -> Option<&'a Node> {
        self.nodes.get(index(self.index)?)
    }

    fn children(self, kind: Kind) -> Children<'a> {
        let end = match self.node() {
            Some(node) if node.kind == kind => node.next,
            _ => 0,
        };
        Children {
            json: Json {
                index: self.index.saturating_add(1),
                ..self
            },
            end,
        }
    }
}

/// The values that an array or an object holds.
#[derive(Clone)]
pub struct Children<'a> {
    json: Json<'a>,
    end: u32,
}

impl<'a> Iterator for Children<'a> {
    type Item = Json<'a>;

    fn next(&mut self) -> Option<Json<'a>> {
        if self.json.index >= self.end {
            return None;
        }
        let here = self.json;
        self.json.index = here.node()?.next;
        Some(here)
    }
}

/// An integer text of up to 19 digits with an optional minus.
pub fn integer(text: &[u8]) -> Option<i64> {
    let (is_negative, digits) = match text.split_first() {
        Some((b'-', digits)) => (true, digits),
        _ => (false, text),
    };
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0_i64, |value, byte| {
        let digit = i64::from(byte.checked_sub(b'0').filter(|&digit| digit < 10)?);
        let value = value.checked_mul(10)?;
        if is_negative {
            value.checked_sub(digit)
        } else {
            value.checked_add(digit)
        }
    })
}

fn unescape(raw: &[u8]) -> Option<String> {
    let mut text = String::with_capacity(raw.len());
    let mut rest = std::str::from_utf8(raw).ok()?.chars();
    let mut half = None;
    while let Some(c) = rest.next() {
        let code = match c {
            '\\' => match rest.next()? {
                'b' => 8,
                'f' => 12,
                'n' => 10,
                'r' => 13,
                't' => 9,
                'u' => {
                    let digits = rest.as_str().get(..4)?;
                    rest = rest.as_str().get(4..)?.chars();
                    u32::from_str_radix(digits, 16).ok()?
                }
                same => u32::from(same),
            },
            c => u32::from(c),
        };
        match (half.take(), code) {
            (Some(high), 0xdc00..=0xdfff) => {
                let pair = char::decode_utf16([high, u16::try_from(code).ok()?]);
                text.extend(pair.map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)));
            }
            (before, code) => {
                if before.is_some() {
                    text.push(char::REPLACEMENT_CHARACTER);
                }
                match code {
                    0xd800..=0xdbff => half = u16::try_from(code).ok(),
                    code => text.push(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER)),
                }
            }
        }
    }
    if half.is_some() {
        text.push(char::REPLACEMENT_CHARACTER);
    }
    Some(text)
}

#[cfg(test)]
mod tests;
