//! A Socket.IO client, and any Socket.IO server as a source.

pub mod client;
