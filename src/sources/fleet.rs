//! A supervised fleet of workers as a source: what it pushes over Socket.IO, and what it answers
//! when asked whether that is true.
//!
//! Nothing but this leaves for the server: the connect and the heart-beats of Socket.IO, and GETs
//! of the few paths in [`RestPath`](crate::protocol::fleet::RestPath).

mod options;
mod probe;
mod source;

pub use options::FleetOptions;
pub use source::run;
