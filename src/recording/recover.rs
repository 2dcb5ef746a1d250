//! A readable file from one that was killed, cut or damaged: every message that can be read, under
//! its own channel, number and times, in a finished file that says what it lacks.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;

use mcap::WriteOptions;
use mcap::records::MessageHeader;
use mcap::write::NoSeek;
use serde::Serialize;

use super::read_error::ReadError;
use super::reader::{Damage, Ending, Entry, RecordedChannel, RecordingReader};
use super::session::rfc3339;
use super::writer::{CHUNK_BYTES, io_error};

/// Name of the metadata record that says where a recovered file comes from.
pub const RECOVERY: &str = "ttyscope.recovery";

/// Places that are listed.
const MAX_LISTED: usize = 1000;

/// What was kept of a file and what was lost.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Recovery {
    /// The file it was taken from.
    pub from: String,
    /// Messages that are in the new file.
    pub messages: u64,
    /// Channels that are in it.
    pub channels: usize,
    /// Whole chunks that were read.
    pub chunks: u64,
    /// Metadata records and attachments that were taken over.
    pub records: u64,
    /// Time of the last message, Unix nanoseconds.
    pub last_unix_ns: Option<u64>,
    /// Bytes that could not be read, those behind the last whole record among them.
    pub lost_bytes: u64,
    /// Why, place by place.
    pub lost: Vec<String>,
}

impl Recovery {
    /// Everything that was in the file is in the new one.
    pub fn lost_nothing(&self) -> bool {
        self.lost.is_empty()
    }

    fn to_map(&self) -> BTreeMap<String, String> {
        let lost = serde_json::to_string(&self.lost).unwrap_or_default();
        BTreeMap::from([
            ("from".to_owned(), self.from.clone()),
            ("messages".to_owned(), self.messages.to_string()),
            ("lost_bytes".to_owned(), self.lost_bytes.to_string()),
            ("lost".to_owned(), lost),
        ])
    }
}

/// What a recovered file says that it lacks; empty if nothing, or if it says nothing readable.
pub(super) fn lost_of(map: &BTreeMap<String, String>) -> Vec<String> {
    let lost = map.get("lost").map_or("", String::as_str);
    let mut lost: Vec<String> = serde_json::from_str(lost).unwrap_or_default();
    lost.truncate(MAX_LISTED);
    lost
}

/// Why nothing was recovered.
#[derive(Debug, thiserror::Error)]
pub enum RecoverError {
    /// The damaged file cannot be read at all.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The new file takes no more.
    #[error("the recovered file cannot be written: {0}")]
    Write(#[from] io::Error),
}

/// Writes what can be read of the file at `path` to `out`.
///
/// - `progress`: is told bytes read and bytes in all, now and then
///
/// # Errors
/// The file cannot be read at all, or `out` takes no more.
pub fn recover(
    path: &Path,
    out: impl Write,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<Recovery, RecoverError> {
    let mut reader = RecordingReader::open(path)?;
    let mut recovery = Recovery {
        from: path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into(),
        ..Recovery::default()
    };
    let mut copy = Copy::new(out)?;
    while let Some(entry) = reader.next() {
        progress(reader.position_bytes(), reader.size_bytes());
        match entry {
            Entry::Message(message) => {
                copy.message(
                    &message.channel,
                    message.sequence,
                    [message.log_time_ns, message.publish_time_ns],
                    &message.data,
                )?;
                recovery.messages += 1;
                recovery.last_unix_ns = recovery.last_unix_ns.max(Some(message.log_time_ns));
            }
            // One of an earlier recovery is told of by the new one.
            Entry::Metadata { name, values } if name == RECOVERY => {
                recovery.lost.extend(lost_of(&values));
            }
            Entry::Metadata { name, values } => {
                copy.metadata(name, values)?;
                recovery.records += 1;
            }
            Entry::Attachment(attachment) => {
                copy.attachment(&attachment)?;
                recovery.records += 1;
            }
            Entry::Damage(damage) => recovery.damage(&damage),
        }
    }
    recovery.chunks = reader.chunks();
    recovery.channels = copy.channels.len();
    if let Some(Ending::Cut {
        readable_bytes,
        unreadable_bytes,
        why,
    }) = reader.ending()
    {
        recovery.lost_bytes += unreadable_bytes;
        let until = recovery.last_unix_ns.map_or_else(
            || "before its first message".to_owned(),
            |ns| format!("after {}", rfc3339(ns)),
        );
        recovery.lost.push(format!(
            "it ended {until} without being finished (byte {readable_bytes}: {why})"
        ));
    }
    copy.finish(&recovery)?;
    Ok(recovery)
}

impl Recovery {
    fn damage(&mut self, damage: &Damage) {
        self.lost_bytes += damage.skipped_bytes;
        // An index that is wrong is made anew, and costs nothing.
        if damage.skipped_bytes > 0 && self.lost.len() < MAX_LISTED {
            let Damage {
                at,
                skipped_bytes,
                what,
            } = damage;
            self.lost
                .push(format!("byte {at}: {what}; {skipped_bytes} bytes"));
        }
    }
}

struct Copy<W: Write> {
    out: mcap::Writer<NoSeek<W>>,
    /// Numbers in the new file, by channel as it stands in the old one: the number of a channel may
    /// mean another one in another part of a damaged file.
    channels: BTreeMap<u16, (Arc<RecordedChannel>, u16)>,
}

impl<W: Write> Copy<W> {
    fn new(out: W) -> io::Result<Self> {
        let options = WriteOptions::new()
            .compression(None)
            .disable_seeking(true)
            .chunk_size(Some(CHUNK_BYTES))
            .library(concat!("ttyscope ", env!("CARGO_PKG_VERSION")));
        Ok(Self {
            out: options.create(NoSeek::new(out)).map_err(io_error)?,
            channels: BTreeMap::new(),
        })
    }

    fn message(
        &mut self,
        channel: &Arc<RecordedChannel>,
        sequence: u32,
        [log_time, publish_time]: [u64; 2],
        data: &[u8],
    ) -> io::Result<()> {
        let channel_id = self.channel(channel)?;
        let header = MessageHeader {
            channel_id,
            sequence,
            log_time,
            publish_time,
        };
        self.out
            .write_to_known_channel(&header, data)
            .map_err(io_error)
    }

    fn channel(&mut self, channel: &Arc<RecordedChannel>) -> io::Result<u16> {
        if let Some((known, id)) = self.channels.get(&channel.id)
            && (Arc::ptr_eq(known, channel) || known == channel)
        {
            return Ok(*id);
        }
        let schema = match &channel.definition {
            Some(schema) => self
                .out
                .add_schema(&schema.name, &schema.encoding, &schema.data),
            None => Ok(0),
        };
        let id = schema
            .and_then(|schema| {
                let (topic, encoding) = (&channel.topic, &channel.encoding);
                self.out
                    .add_channel(schema, topic, encoding, &channel.metadata)
            })
            .map_err(io_error)?;
        self.channels.insert(channel.id, (Arc::clone(channel), id));
        Ok(id)
    }

    fn metadata(&mut self, name: String, metadata: BTreeMap<String, String>) -> io::Result<()> {
        let record = mcap::records::Metadata { name, metadata };
        self.out.write_metadata(&record).map_err(io_error)
    }

    fn attachment(&mut self, attachment: &super::Attachment) -> io::Result<()> {
        let record = mcap::Attachment {
            log_time: attachment.log_time_ns,
            create_time: attachment.create_time_ns,
            name: attachment.name.clone(),
            media_type: attachment.media_type.clone(),
            data: attachment.data.to_vec().into(),
        };
        self.out.attach(&record).map_err(io_error)
    }

    fn finish(mut self, recovery: &Recovery) -> io::Result<()> {
        self.metadata(RECOVERY.to_owned(), recovery.to_map())?;
        self.out.finish().map_err(io_error)?;
        self.out.into_inner().flush()
    }
}
