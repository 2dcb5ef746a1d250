//! A Socket.IO client, and any Socket.IO server as a source.

pub mod client;
pub mod options;

pub use client::{
    AckReply, Client, ClientEvent, ClientEvents, ClientHandle, ReceivedEvent, SendError,
};
pub use options::{ClientOptions, Namespace, QueueLimits, TransportChoice};
