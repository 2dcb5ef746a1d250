//! How much of a server's sending is believed.

use std::time::Duration;

/// Bounds against hostile or broken servers. What a breach leads to stands at each field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// From the start of the connection to the open packet, TCP and TLS included: the connection
    /// ends.
    pub handshake: Duration,
    /// From a CONNECT to its answer: the connection ends.
    pub connect_answer: Duration,
    /// From an event of ours to its acknowledgement: the acknowledgement has failed.
    pub ack_answer: Duration,
    /// One text message, bytes: the connection ends.
    pub text_bytes: usize,
    /// One attachment, bytes: the connection ends.
    pub attachment_bytes: usize,
    /// Attachments of one packet: the connection ends.
    pub attachments: usize,
    /// All attachments of one packet together, bytes: the connection ends.
    pub attachments_bytes: usize,
    /// A packet waits for its attachments and nothing of them comes: the connection ends.
    pub binary_progress: Duration,
    /// Arrays and objects inside one another: the event is dropped; a CONNECT answer ends the
    /// connection.
    pub json_depth: usize,
    /// An event's name, bytes: the event is dropped.
    pub name_bytes: usize,
    /// A namespace's name, bytes: the packet is dropped.
    pub namespace_bytes: usize,
    /// Events held back until their namespace is connected: the connection ends.
    pub held_events: usize,
    /// Their bytes: the connection ends.
    pub held_bytes: usize,
    /// Acknowledgements of ours under way: the next one is refused.
    pub pending_acks: usize,
    /// One polling body, bytes: the connection ends.
    pub polling_bytes: usize,
    /// Packets in one polling body: the connection ends.
    pub polling_packets: usize,
}

const MIB: usize = 1024 * 1024;

impl Default for Limits {
    fn default() -> Self {
        Self {
            handshake: Duration::from_secs(10),
            connect_answer: Duration::from_secs(10),
            ack_answer: Duration::from_secs(10),
            text_bytes: 4 * MIB,
            attachment_bytes: 16 * MIB,
            attachments: 64,
            attachments_bytes: 64 * MIB,
            binary_progress: Duration::from_secs(10),
            json_depth: 64,
            name_bytes: 256,
            namespace_bytes: 256,
            held_events: 1_000,
            held_bytes: 16 * MIB,
            pending_acks: 1_024,
            polling_bytes: 16 * MIB,
            polling_packets: 4_096,
        }
    }
}
