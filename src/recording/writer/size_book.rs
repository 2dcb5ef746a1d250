//! How large the file will be, known before anything is added to it: a limit of size is kept by
//! counting, never by trying.

use std::collections::BTreeSet;

use super::super::schemas::SchemaKind;
use super::super::session::Session;

// Sizes of MCAP records around their contents. Source: MCAP specification, "Records"; each has one
// byte of opcode and eight of length.
const MESSAGE_OVERHEAD: u64 = 9 + 22;
const MESSAGE_INDEX_ENTRY: u64 = 16;
const MESSAGE_INDEX: u64 = 9 + 2 + 4;
const CHUNK_HEADER: u64 = 9 + 40;
const CHUNK_INDEX: u64 = 9 + 4 * 8 + 4 + 8 + 4 + 2 * 8;
const CHUNK_INDEX_ENTRY: u64 = 10;
/// Statistics, six summary offsets, the two ends and the magic.
const ENDING: u64 = (9 + 46) + 6 * (9 + 17) + (9 + 4) + (9 + 20) + 8;
pub(super) const CHANNEL: u64 = 9 + 2 + 2 + 4 + 4 + 4;
const SCHEMA: u64 = 9 + 2 + 4 + 4 + 4;
const METADATA_INDEX: u64 = 9 + 8 + 8 + 4;

/// The bytes of the open chunk, and those that finishing will add.
#[derive(Debug)]
pub(super) struct SizeBook {
    chunk: Chunk,
    /// Upper bound of what finishing will add, the open chunk's index excepted.
    summary_bytes: u64,
}

#[derive(Debug, Default)]
struct Chunk {
    bytes: u64,
    records: u64,
    channels: BTreeSet<u16>,
}

impl SizeBook {
    pub(super) fn new(session: &Session) -> Self {
        Self {
            chunk: Chunk::default(),
            summary_bytes: ENDING + account_bound(session),
        }
    }

    /// Bytes of the records in the open chunk.
    pub(super) fn chunk_bytes(&self) -> u64 {
        self.chunk.bytes
    }

    pub(super) fn add_schema(&mut self, kind: SchemaKind) {
        self.chunk.bytes += schema_bytes(kind);
        self.summary_bytes += schema_bytes(kind);
    }

    pub(super) fn add_channel(&mut self, record_bytes: u64) {
        self.chunk.bytes += record_bytes;
        self.summary_bytes += record_bytes + CHUNK_INDEX_ENTRY;
    }

    pub(super) fn add_message(&mut self, channel: u16, bytes: usize) {
        self.chunk.bytes += message_bytes(bytes);
        self.chunk.records += 1;
        self.chunk.channels.insert(channel);
    }

    pub(super) fn add_metadata(&mut self, name: &str) {
        self.summary_bytes += METADATA_INDEX + name.len() as u64;
    }

    pub(super) fn end_chunk(&mut self) {
        let chunk = std::mem::take(&mut self.chunk);
        self.summary_bytes += CHUNK_INDEX + chunk.channels.len() as u64 * CHUNK_INDEX_ENTRY;
    }

    /// What is still to come at most if the file were finished with `messages` more records, their
    /// own bytes excepted: see [`staged_message`] and [`staged_channel`].
    pub(super) fn to_come(&self, messages: usize) -> u64 {
        self.summary_bytes
            // The open chunk and the one that may have to follow it.
            + 2 * (CHUNK_HEADER + CHUNK_INDEX)
            + self.chunk.bytes
            + self.chunk.records * MESSAGE_INDEX_ENTRY
            + 2 * (self.chunk.channels.len() as u64 + messages as u64)
                * (MESSAGE_INDEX + CHUNK_INDEX_ENTRY)
    }
}

/// What a message takes in its chunk.
pub(super) fn message_bytes(bytes: usize) -> u64 {
    MESSAGE_OVERHEAD + bytes as u64
}

/// What a message takes in all.
pub(super) fn staged_message(bytes: usize) -> u64 {
    message_bytes(bytes) + MESSAGE_INDEX_ENTRY
}

/// What a new channel takes in all: it stands in its chunk and again at the end.
pub(super) fn staged_channel(record_bytes: u64) -> u64 {
    2 * record_bytes + CHUNK_INDEX_ENTRY
}

/// What a new schema takes in all.
pub(super) fn staged_schema(kind: SchemaKind) -> u64 {
    2 * schema_bytes(kind)
}

fn schema_bytes(kind: SchemaKind) -> u64 {
    SCHEMA + (kind.name().len() + kind.encoding().len() + kind.data().len()) as u64
}

/// The most that the books can take: texts of the reason and the names, escaped at worst six-fold,
/// and every loss reason with a twenty-digit count.
fn account_bound(session: &Session) -> u64 {
    let sources: usize = session.sources.iter().map(|s| 600 + 6 * s.name.len()).sum();
    1024 + sources as u64
}
