//! One press of a key, whatever terminal it came from, and how it is written.

use std::fmt;
use std::str::FromStr;

/// A key without its modifiers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Key {
    /// A character, as typed (upper case when Shift made it so).
    Char(char),
    /// A function key, 1 to 12.
    F(u8),
    /// Return.
    Enter,
    /// Escape.
    Esc,
    /// Tabulator.
    Tab,
    /// Shift and tabulator.
    BackTab,
    /// Rub out to the left.
    Backspace,
    /// Rub out to the right.
    Delete,
    /// Insert.
    Insert,
    /// Up.
    Up,
    /// Down.
    Down,
    /// Left.
    Left,
    /// Right.
    Right,
    /// Home.
    Home,
    /// End.
    End,
    /// Page up.
    PageUp,
    /// Page down.
    PageDown,
}

/// A key with its modifiers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyChord {
    /// The key.
    pub key: Key,
    /// Control was held.
    pub ctrl: bool,
    /// Alt was held.
    pub alt: bool,
}

impl KeyChord {
    /// A key without modifiers.
    pub const fn plain(key: Key) -> Self {
        Self {
            key,
            ctrl: false,
            alt: false,
        }
    }

    /// A character with Control.
    pub const fn ctrl(c: char) -> Self {
        Self {
            key: Key::Char(c),
            ctrl: true,
            alt: false,
        }
    }
}

/// The keys that are written as a word: how they are shown, then other spellings that are
/// understood.
const NAMED: [(Key, &str, &[&str]); 16] = [
    (Key::Char(' '), "space", &[]),
    (Key::Enter, "enter", &["return"]),
    (Key::Esc, "esc", &["escape"]),
    (Key::Tab, "tab", &[]),
    (Key::BackTab, "shift-tab", &["s-tab", "backtab"]),
    (Key::Backspace, "backspace", &[]),
    (Key::Delete, "delete", &["del"]),
    (Key::Insert, "insert", &["ins"]),
    (Key::Up, "up", &[]),
    (Key::Down, "down", &[]),
    (Key::Left, "left", &[]),
    (Key::Right, "right", &[]),
    (Key::Home, "home", &[]),
    (Key::End, "end", &[]),
    (Key::PageUp, "pgup", &["pageup"]),
    (Key::PageDown, "pgdn", &["pagedown"]),
];

/// A key that cannot be understood.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "\"{got}\" is not a key; write a character such as \"f\" or \"G\", a name such as \"space\", \
     \"enter\", \"pgdn\" or \"F5\", with \"ctrl-\" or \"alt-\" before it if needed"
)]
pub struct ChordError {
    /// What was written.
    pub got: String,
}

impl FromStr for KeyChord {
    type Err = ChordError;

    fn from_str(text: &str) -> Result<Self, ChordError> {
        let wrong = || ChordError {
            got: text.to_owned(),
        };
        let (mut ctrl, mut alt) = (false, false);
        let mut rest = text;
        loop {
            let lower = rest.to_ascii_lowercase();
            // A lone "-" is a key, so a prefix counts only with something behind it.
            if lower.len() > 5 && lower.starts_with("ctrl-") && !ctrl {
                (ctrl, rest) = (true, &rest[5..]);
            } else if lower.len() > 4 && lower.starts_with("alt-") && !alt {
                (alt, rest) = (true, &rest[4..]);
            } else {
                break;
            }
        }
        let mut characters = rest.chars();
        let key = match (characters.next(), characters.next()) {
            (Some(c), None) if !c.is_control() => Key::Char(c),
            _ => named(rest).ok_or_else(wrong)?,
        };
        // Terminals report Control with the letter in lower case.
        let key = match key {
            Key::Char(c) if ctrl => Key::Char(c.to_ascii_lowercase()),
            key => key,
        };
        Ok(Self { key, ctrl, alt })
    }
}

fn named(word: &str) -> Option<Key> {
    let lower = word.to_ascii_lowercase();
    if let Some(number) = lower.strip_prefix('f')
        && let Ok(number @ 1..=12) = number.parse::<u8>()
    {
        return Some(Key::F(number));
    }
    NAMED
        .into_iter()
        .find(|(_, name, others)| *name == lower || others.contains(&lower.as_str()))
        .map(|(key, _, _)| key)
}

impl fmt::Display for KeyChord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = String::new();
        if self.ctrl {
            text.push_str("ctrl-");
        }
        if self.alt {
            text.push_str("alt-");
        }
        match self.key {
            Key::F(number) => text.push_str(&format!("F{number}")),
            Key::Char(c) if c != ' ' => text.push(c),
            key => {
                let name = NAMED.into_iter().find(|(named, _, _)| *named == key);
                text.push_str(name.map_or("?", |(_, name, _)| name));
            }
        }
        f.pad(&text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chords_are_read_and_written() {
        let cases = [
            ("f", "f"),
            ("G", "G"),
            ("-", "-"),
            ("ctrl-x", "ctrl-x"),
            ("Ctrl-X", "ctrl-x"),
            ("ctrl-alt-d", "ctrl-alt-d"),
            ("alt--", "alt--"),
            ("space", "space"),
            ("F5", "F5"),
            ("f12", "F12"),
            ("S-Tab", "shift-tab"),
            ("PageDown", "pgdn"),
            ("return", "enter"),
        ];
        for (written, shown) in cases {
            let chord: KeyChord = written.parse().unwrap();
            assert_eq!(chord.to_string(), shown, "{written}");
            assert_eq!(shown.parse(), Ok(chord), "{shown}");
        }
    }

    #[test]
    fn what_is_no_key_is_named_in_the_error() {
        for written in ["", "spc", "F13", "F0", "ctrl-", "ctrl-ctrl-x", "\u{7}"] {
            let error = written.parse::<KeyChord>().unwrap_err();
            assert_eq!(error.got, written);
            assert!(error.to_string().contains("write a character"));
        }
    }
}
