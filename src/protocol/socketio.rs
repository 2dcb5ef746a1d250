//! Socket.IO: namespaces, named events, acknowledgements and attachments inside Engine.IO.
//!
//! [`Session`] is one connection as a state machine: it is fed messages and the time, and says
//! what to send and what was received. Sockets, reconnection and waiting live elsewhere.
//!
//! Source: Socket.IO protocol, revision 5 (and what differs in Socket.IO 2.x servers).

mod limits;
mod session;

pub use limits::Limits;
pub use session::{AckFailure, EmitError, Event, Output, Recovery, Session, Wanted};
