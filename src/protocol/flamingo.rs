//! The Flamingo light-sheet protocol: messages of 128 bytes on one socket, pictures on another.
//!
//! Everything is fed by hand. There is no I/O and no clock: whoever owns the sockets reads into
//! the decoders and tells the correlator the time.

//!
//! | question | module |
//! |---|---|
//! | Where does a message end, what after junk? | [`stream`] |
//! | What is in a message? | [`message`] |
//! | Which numbers mean what? | [`commands`], [`profile`] |
//! | How is something asked? | [`request`] |
//! | Whose reply is this, what may be sent now? | [`correlator`] |
//! | What does a reply or an event say? | [`reply`], [`event`] |
//! | What do the pictures look like? | [`live`] |
//! | Where may the stage go, may this workflow be sent? | [`settings`], [`limits`], [`workflow`], [`text`] |

pub mod commands;
pub mod correlator;
pub mod event;
pub mod geometry;
pub mod light;
pub mod limits;
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
pub mod workflow;

pub use commands::Command;
pub use correlator::{Correlator, MAX_FRONT, Outcome, Routed, Settled, Token};
pub use event::Event;
pub use light::{Laser, LedColour, Side};
pub use limits::StageLimits;
pub use live::{LiveDecoder, LiveFrame, LiveHeader, LiveItem};
pub use message::Message;
pub use profile::{Override, Profile, SystemState};
pub use request::{LiveMode, Request};
pub use settings::Settings;
pub use stage::{Axis, Interval};
pub use stream::{Item, MessageDecoder};
pub use text::Document;
