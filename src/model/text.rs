//! Text that came from outside, made safe to print.
//!
//! A peer's text may hold escape sequences that would move the cursor, set the title or fake a
//! prompt. [`PlainText`] can only be built by replacing every such character with something
//! visible, so whatever holds one may print it, log it or put it into a file name's label.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

/// Text without control characters, cheap to clone.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PlainText(Arc<str>);

impl PlainText {
    /// Makes a peer's text printable: C0 controls and DEL become their Unicode control pictures
    /// (ESC shows as `␛`), C1 controls, line separators and bidirectional overrides become `�`.
    pub fn from_peer(text: &str) -> Self {
        match printable(text) {
            Cow::Borrowed(same) => Self(Arc::from(same)),
            Cow::Owned(changed) => Self(Arc::from(changed)),
        }
    }

    /// As [`PlainText::from_peer`], for the beginning of `text` where it is longer than
    /// `most_bytes`; `…` stands for the rest.
    pub fn from_peer_head(text: &str, most_bytes: usize) -> Self {
        if text.len() <= most_bytes {
            return Self::from_peer(text);
        }
        let end = text.floor_char_boundary(most_bytes);
        let head = text.get(..end).unwrap_or_default();
        Self::from(format!("{head}…"))
    }

    /// As [`PlainText::from_peer`], for bytes that may not be UTF-8.
    pub fn from_peer_bytes(bytes: &[u8]) -> Self {
        Self::from_peer(&String::from_utf8_lossy(bytes))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Replaces what a terminal would interpret; borrows when there is nothing to replace.
pub fn printable(text: &str) -> Cow<'_, str> {
    if !text.chars().any(|c| replacement(c).is_some()) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.chars().map(|c| replacement(c).unwrap_or(c)).collect())
}

fn replacement(c: char) -> Option<char> {
    match c {
        '\u{0}'..='\u{1f}' => char::from_u32(0x2400 + u32::from(c)),
        '\u{7f}' => Some('\u{2421}'),
        '\u{80}'..='\u{9f}' => Some('\u{fffd}'),
        // Separators that some terminals break lines at, and marks that reorder what follows.
        '\u{2028}' | '\u{2029}' | '\u{feff}' => Some('\u{fffd}'),
        '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
            Some('\u{fffd}')
        }
        _ => None,
    }
}

impl std::ops::Deref for PlainText {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for PlainText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for PlainText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl From<&str> for PlainText {
    fn from(text: &str) -> Self {
        Self::from_peer(text)
    }
}

impl From<String> for PlainText {
    fn from(text: String) -> Self {
        Self::from_peer(&text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_escape_sequence_becomes_visible_text() {
        let cases = [
            ("plain é€𝄞", "plain é€𝄞"),
            ("\x1b[2Jgone", "␛[2Jgone"),
            ("a\r\nb\x07", "a␍␊b␇"),
            ("\u{9b}31m", "\u{fffd}31m"),
            ("\u{202e}txt", "\u{fffd}txt"),
            ("\x7f", "␡"),
        ];
        for (before, after) in cases {
            assert_eq!(PlainText::from_peer(before).as_str(), after, "{before:?}");
        }
    }

    #[test]
    fn a_long_text_is_cut_between_characters() {
        for (before, most, after) in [
            ("price", 5, "price"),
            ("price", 4, "pric…"),
            ("é€", 4, "é…"),
            ("é€", 1, "…"),
            ("\x1b[2J", 1, "␛…"),
        ] {
            let head = PlainText::from_peer_head(before, most);
            assert_eq!(head.as_str(), after, "{before:?} {most}");
        }
    }

    #[test]
    fn bytes_that_are_not_utf8_are_kept_readable() {
        assert_eq!(
            PlainText::from_peer_bytes(b"a\xff\x1b").as_str(),
            "a\u{fffd}␛"
        );
    }
}
