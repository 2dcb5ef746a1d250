//! The presses that stop: what the thread that reads the keyboard compares each press with, before
//! anything else sees it.

use super::chord::{Key, KeyChord};

/// The presses that stop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StopKeys {
    /// Everywhere, also while text is typed and under a question. Ctrl-X is among them with and
    /// without Alt, which a slow link makes of an Escape just before it, and with Shift.
    pub always: Vec<KeyChord>,
    /// Where no text is typed.
    pub on_screens: Vec<KeyChord>,
}

/// Ctrl-X alone, which nothing can take away.
impl Default for StopKeys {
    fn default() -> Self {
        let chord = |c, alt| KeyChord {
            alt,
            ..KeyChord::ctrl(c)
        };
        Self {
            always: vec![
                chord('x', false),
                chord('x', true),
                chord('X', false),
                chord('X', true),
            ],
            on_screens: Vec::new(),
        }
    }
}

impl StopKeys {
    /// With these as well.
    pub(super) fn with(chords: impl IntoIterator<Item = KeyChord>) -> Self {
        let mut keys = Self::default();
        for chord in chords.into_iter().filter(|chord| !always_stops(*chord)) {
            match chord.key {
                // No text field has a use for one of these.
                Key::F(_) => keys.always.push(chord),
                _ => keys.on_screens.push(chord),
            }
        }
        keys
    }

    /// Whether this press stops. `is_typing`: text is being typed, so that a space is a space.
    pub fn stops(&self, chord: KeyChord, is_typing: bool) -> bool {
        self.always.contains(&chord) || (!is_typing && self.on_screens.contains(&chord))
    }
}

/// Whether this is the press that nothing can take away.
pub(super) fn always_stops(chord: KeyChord) -> bool {
    chord.ctrl && matches!(chord.key, Key::Char('x' | 'X'))
}
