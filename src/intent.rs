//! Floor 1: what the operator wants: keys, actions, the palette's words.

mod chord;
mod keymap;

pub use chord::{Key, KeyChord};
pub use keymap::Keymap;
