//! A Socket.IO client, and any Socket.IO server as a source.

mod address;
pub mod client;
mod delivery;
pub mod options;
mod polling;
pub mod source;
mod task;
mod transport;
mod websocket;

pub use client::{
    AckReply, Client, ClientEvent, ClientEvents, ClientHandle, ReceivedEvent, SendError,
};
pub use options::{ClientOptions, Namespace, QueueLimits, TransportChoice};
