//! Floor 1: what the operator wants: keys, actions, the palette's words.

mod chord;

pub use chord::{Key, KeyChord};
