//! Floor 1: bytes in, values out. No I/O, no clock, no runtime.
//!
//! Nothing a peer can send may panic here: indexing and unchecked arithmetic are denied.
#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

pub mod engineio;
pub mod flamingo;
pub mod fleet;
pub mod imswitch;
pub mod market;
pub mod rows;
pub mod socketio;
pub mod uc2f;
