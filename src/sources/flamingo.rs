//! A Flamingo light-sheet microscope as a source: commands and events over one socket, pictures
//! over another.

mod options;

pub use options::{DEFAULT_PORT, FlamingoOptions, Patience, address};
