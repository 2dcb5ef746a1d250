//! Floor 1: what the operator wants: keys, actions, the palette's words.

mod action;
mod chord;
mod keymap;
mod mouse;
mod palette;
mod stop_keys;

pub use action::{Action, Context, INTERRUPT, markdown_table};
pub use chord::{ChordError, Key, KeyChord};
pub use keymap::{KeySequence, Keymap, KeymapError, Lookup};
pub use mouse::{Mouse, MouseButton, MouseDeed};
pub use palette::{
    ADDRESS, CommandOrder, InstrumentWords, LookOrder, Order, PaletteError, Preview, VERBS, Verb,
    Vocabulary, completions, parse, place, preview,
};
pub use stop_keys::StopKeys;
