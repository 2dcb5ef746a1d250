//! What the keyboard thread does by itself: it recognises a stop and presses it, whatever the loop
//! is doing. It writes to no device and takes no lock that the loop or drawing holds.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::keys::Typed;
use crate::control::StopBoard;
use crate::intent::{Action, KeyChord, Keymap, StopKeys};
use crate::model::StopOrigin;

/// What the loop tells the keyboard thread: how many inputs it has taken in, and whether letters
/// are typed into a text field after them. One word, so that it is read whole.
#[derive(Clone, Debug, Default)]
pub struct TypingState(Arc<AtomicU64>);

impl TypingState {
    /// The loop has taken in `inputs` inputs; a text field has the keys now, or none has.
    pub fn tell(&self, inputs: u64, is_typing: bool) {
        let word = inputs << 1 | u64::from(is_typing);
        self.0.store(word, Ordering::Release);
    }

    fn read(&self) -> (u64, bool) {
        let word = self.0.load(Ordering::Acquire);
        (word >> 1, word & 1 != 0)
    }
}

/// The stop as the keyboard thread knows it.
#[derive(Debug)]
pub struct Reflex {
    board: StopBoard,
    keys: StopKeys,
    /// Keys that open a text field.
    openers: Vec<KeyChord>,
    typing: TypingState,
    /// Inputs handed to the loop.
    handed: u64,
    /// The number of the last of them that may have opened a text field.
    opened: u64,
}

impl Reflex {
    /// A reflex for these keys. `typing` is what the loop tells.
    pub fn new(board: StopBoard, keymap: &Keymap, typing: TypingState) -> Self {
        let openers = [Action::Palette, Action::Filter]
            .into_iter()
            .flat_map(|action| keymap.keys(action))
            .filter_map(|keys| keys.chords().last().copied())
            .collect();
        Self {
            board,
            keys: keymap.stop_keys(),
            openers,
            typing,
            handed: 0,
            opened: 0,
        }
    }

    /// One where nothing can be stopped: every key is the loop's.
    pub fn without_stop(board: StopBoard, keymap: &Keymap, typing: TypingState) -> Self {
        let keys = StopKeys {
            always: Vec::new(),
            on_screens: Vec::new(),
        };
        Self {
            keys,
            ..Self::new(board, keymap, typing)
        }
    }

    /// Takes what was typed, in its order. Returns whether the loop shall have it; a stop it shall
    /// not.
    pub fn takes(&mut self, typed: &Typed) -> bool {
        if let Typed::Key(chord) = typed {
            if self.is_stop(*chord) {
                self.board.press(StopOrigin::Key);
                return false;
            }
            if self.openers.contains(chord) {
                self.opened = self.handed + 1;
            }
        }
        self.handed += 1;
        true
    }

    /// So many that the loop was to have were given up for a stop that was pressed after them.
    pub fn given_up(&mut self, inputs: usize) {
        self.handed = self.handed.saturating_sub(inputs as u64);
        if self.opened > self.handed {
            self.opened = 0;
        }
    }

    /// The loop's queue had no room for one that it was to have. Whether a text field is open is
    /// anybody's guess then, so that a space stops.
    pub fn taken_back(&mut self) {
        self.opened = 0;
        self.handed = self.handed.saturating_sub(1);
    }

    fn is_stop(&self, chord: KeyChord) -> bool {
        if chord == KeyChord::ctrl('c') {
            // The second press, with the stop in force, is the loop's: it quits.
            return self.board.any_active() && !self.board.is_latched();
        }
        self.keys.stops(chord, self.may_be_typing())
    }

    /// Whether a letter typed now may belong to a text field: one is open, or a key that opens one
    /// is still on its way to the loop.
    fn may_be_typing(&self) -> bool {
        let (taken, is_typing) = self.typing.read();
        is_typing || self.opened > taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::{StopWatch, Watcher};
    use crate::intent::Key;
    use crate::model::{Clock, SourceId, StopLevel};

    struct Keyboard {
        reflex: Reflex,
        typing: TypingState,
        board: StopBoard,
        watch: StopWatch,
    }

    fn keyboard() -> Keyboard {
        let board = StopBoard::new(Clock::manual(0), 1);
        let typing = TypingState::default();
        Keyboard {
            reflex: Reflex::new(board.clone(), &Keymap::default(), typing.clone()),
            typing,
            watch: board.watch(SourceId(0), Watcher::Source),
            board,
        }
    }

    impl Keyboard {
        /// Presses a key; whether the loop gets it.
        fn press(&mut self, key: &str) -> bool {
            let typed = Typed::Key(key.parse().unwrap());
            self.reflex.takes(&typed)
        }
    }

    #[test]
    fn ctrl_x_stops_whatever_has_the_keys() {
        let mut keyboard = keyboard();
        keyboard.typing.tell(0, true);
        assert!(!keyboard.press("ctrl-x"));
        assert_eq!(keyboard.watch.take().map(|press| press.number), Some(1));
        let alt = KeyChord {
            key: Key::Char('x'),
            ctrl: true,
            alt: true,
        };
        assert!(!keyboard.reflex.takes(&Typed::Key(alt)));
        let level = keyboard.watch.take().map(|press| press.level);
        assert_eq!(level, Some(StopLevel::Safe));
    }

    #[test]
    fn space_stops_on_screens_and_is_a_letter_in_text_fields() {
        let mut keyboard = keyboard();
        assert!(!keyboard.press("space"));
        assert!(keyboard.press(":"), "the loop opens the palette");
        assert!(keyboard.press("space"), "typed ahead into the palette");
        keyboard.typing.tell(1, true);
        assert!(keyboard.press("space"));
        keyboard.typing.tell(3, false);
        assert!(!keyboard.press("space"));
    }

    #[test]
    fn ctrl_c_stops_first_and_quits_next() {
        let mut keyboard = keyboard();
        assert!(keyboard.press("ctrl-c"), "nothing moves");
        keyboard.watch.set_active(true);
        assert!(!keyboard.press("ctrl-c"));
        assert!(keyboard.board.is_latched());
        assert!(keyboard.press("ctrl-c"), "the second one quits");
    }
}
