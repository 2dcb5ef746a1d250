//! Socket.IO: namespaces, named events, acknowledgements and attachments inside Engine.IO.
//!
//! [`Session`] is one connection as a state machine: it is fed messages and the time, and says
//! what to send and what was received. Sockets, reconnection and waiting live elsewhere.
//!
//! Source: Socket.IO protocol, revision 5 (and what differs in Socket.IO 2.x servers).

mod limits;
mod outgoing;
mod output;
mod packet;
mod payload;
mod session;

pub use limits::Limits;
pub use outgoing::{EmitError, MAX_ATTACHMENTS, RESERVED_NAMES, check_event};
pub use output::{AckFailure, Event, Output};
pub use packet::{Packet, PacketError, PacketKind};
pub use session::{Oddity, Recovery, Session, Wanted};
