//! What is found in a file, one thing at a time.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;

/// One thing found in a file.
#[derive(Clone, Debug, PartialEq)]
pub enum Entry {
    /// A message.
    Message(RecordedMessage),
    /// A metadata record.
    Metadata {
        /// Its name.
        name: String,
        /// Its entries.
        values: BTreeMap<String, String>,
    },
    /// A file within the file.
    Attachment(Attachment),
    /// Something that could not be read; reading goes on behind it if it can.
    Damage(Damage),
}

/// A message as it stands in the file.
#[derive(Clone, Debug, PartialEq)]
pub struct RecordedMessage {
    /// Where it belongs.
    pub channel: Arc<RecordedChannel>,
    /// Its number in its channel.
    pub sequence: u32,
    /// When it was received, Unix nanoseconds.
    pub log_time_ns: u64,
    /// The device's own time of it, or when it was received.
    pub publish_time_ns: u64,
    /// Its bytes, shared with the chunk they came in.
    pub data: Bytes,
}

/// A channel of a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RecordedChannel {
    /// Its number.
    pub id: u16,
    /// Its topic.
    pub topic: String,
    /// The name of its schema; empty if it has none.
    pub schema: String,
    /// The schema itself.
    pub definition: Option<Arc<RecordedSchema>>,
    /// How its messages are encoded.
    pub encoding: String,
    /// What else is said of it.
    pub metadata: BTreeMap<String, String>,
}

/// What the messages of a channel look like.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RecordedSchema {
    /// Its name.
    pub name: String,
    /// The language it is written in, e.g. `jsonschema` or `protobuf`.
    pub encoding: String,
    /// Its text or bytes.
    pub data: Bytes,
}

/// A file within a file. Ours have none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attachment {
    /// When it was put there, Unix nanoseconds.
    pub log_time_ns: u64,
    /// When it was made, Unix nanoseconds.
    pub create_time_ns: u64,
    /// Its name.
    pub name: String,
    /// What kind of file it is.
    pub media_type: String,
    /// Its bytes.
    pub data: Bytes,
}

/// What a finished file says that it holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Statistics {
    /// Messages.
    pub messages: u64,
    /// Attachments.
    pub attachments: u32,
    /// Metadata records.
    pub metadata: u32,
    /// Chunks.
    pub chunks: u32,
    /// Messages of each channel, by its number.
    pub by_channel: BTreeMap<u16, u64>,
}

/// A place in a file that could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    /// Where it begins, in bytes from the start of the file.
    pub at: u64,
    /// Bytes skipped because of it.
    pub skipped_bytes: u64,
    /// What is wrong.
    pub what: String,
}

/// How reading ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// With the footer and the last magic bytes: the file was finished.
    Finished,
    /// Before the file was finished.
    Cut {
        /// Everything before this byte could be read.
        readable_bytes: u64,
        /// Bytes behind it.
        unreadable_bytes: u64,
        /// What was found there.
        why: String,
    },
}
