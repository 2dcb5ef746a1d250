//! The Flamingo light-sheet protocol: messages of 128 bytes on one socket, pictures on another.
//!
//! Everything is fed by hand. There is no I/O and no clock: whoever owns the sockets reads into
//! the decoders and tells the correlator the time.

pub mod commands;
pub mod correlator;
pub mod event;
pub mod geometry;
pub mod light;
pub mod live;
pub mod message;
pub mod profile;
pub mod reply;
pub mod request;
pub mod settings;
pub mod stage;
pub mod stream;
pub mod text;
#[cfg(test)]
mod vectors;
