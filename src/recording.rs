//! Floor 1: recordings on disk: channels, schemas, writing, reading back, saying what is missing.
//!
//! Files are MCAP, so that other tools open them. Nothing here owns a thread, a clock or a queue:
//! the recorder does, and it alone decides when something is written and made durable.

mod read_error;
pub mod summary;

pub use read_error::ReadError;
pub use summary::{Summary, inspect, sources_of};
