//! A binary packet whose attachments are still on their way.

use bytes::Bytes;

use super::Content;
use crate::protocol::socketio::limits::Limits;
use crate::protocol::socketio::packet::Packet;

/// So many bytes count as progress: more than heart-beats make in the time, less than any link
/// worth having.
const PROGRESS_BYTES: usize = 4096;

#[derive(Debug)]
pub(super) struct Assembly {
    pub(super) packet: Packet,
    pub(super) content: Content,
    /// In order of arrival, which is the order of placeholder numbers.
    pub(super) attachments: Vec<Bytes>,
    size_bytes: usize,
    /// When there was progress last.
    progress_ns: u64,
    /// Heard since then.
    heard_bytes: usize,
}

/// What an attachment did.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// More are to come.
    Waiting,
    /// That was the last.
    Complete,
    /// The packet is over a limit, and by what.
    TooLarge(String),
}

impl Assembly {
    pub(super) fn new(packet: Packet, content: Content, now_ns: u64) -> Self {
        Self {
            packet,
            content,
            attachments: Vec::new(),
            size_bytes: 0,
            progress_ns: now_ns,
            heard_bytes: 0,
        }
    }

    pub(super) fn push(&mut self, attachment: Bytes, limits: &Limits, now_ns: u64) -> Step {
        self.progress_ns = now_ns;
        self.heard_bytes = 0;
        self.size_bytes = self.size_bytes.saturating_add(attachment.len());
        if self.size_bytes > limits.attachments_bytes {
            return Step::TooLarge(format!(
                "a packet with over {} bytes of attachments",
                limits.attachments_bytes
            ));
        }
        // A packet that will be dropped needs them counted, not kept.
        self.attachments.push(match self.content {
            Content::Skip(_) => Bytes::new(),
            Content::Event(_) | Content::Ack => attachment,
        });
        if self.attachments.len() < self.packet.attachments {
            Step::Waiting
        } else {
            Step::Complete
        }
    }

    /// Bytes arrived on the link, of an attachment or not.
    pub(super) fn heard(&mut self, bytes: usize, now_ns: u64) {
        self.heard_bytes = self.heard_bytes.saturating_add(bytes);
        if self.heard_bytes >= PROGRESS_BYTES {
            self.heard_bytes = 0;
            self.progress_ns = self.progress_ns.max(now_ns);
        }
    }

    /// When it is given up.
    pub(super) fn deadline(&self, limits: &Limits) -> u64 {
        super::after(self.progress_ns, limits.binary_progress)
    }
}
