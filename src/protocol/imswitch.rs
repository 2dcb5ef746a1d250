//! The ImSwitch dialects of Socket.IO: events in, payloads and acknowledgements out.
//!
//! [`Viewer`] is one connection's state. It does no I/O and knows no clock: its owner feeds it
//! events and carries out the [`Action`]s in order. [`rest`] and
//! [`equipment`] read the answers of the HTTP side.

pub mod equipment;
mod event;
mod jpeg;
mod msgpack;
mod numbers;
mod picture;
mod python;
mod readings;
pub mod rest;
mod signal;
mod viewer;

pub use event::Incoming;
pub use jpeg::JpegHeader;
pub use signal::{Signal, SignalError};
pub use viewer::{Action, Dialect, Viewer};

/// Whether a live view with this protocol sends its pictures over Socket.IO; the others have ways
/// of their own.
pub fn brings_frames(protocol: &str) -> bool {
    matches!(protocol, "binary" | "jpeg")
}
