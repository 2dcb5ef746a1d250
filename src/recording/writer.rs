//! A recording being written: channels are opened as they are needed, records go into chunks, and
//! the size of the file is known before anything is added to it.
//!
//! When a chunk ends by the clock, when bytes become durable and what becomes of an error is the
//! recorder's business.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use mcap::records::{MessageHeader, Metadata};
use mcap::write::NoSeek;
use mcap::{McapError, WriteOptions};

use super::encode::Encoder;
use super::schemas::SchemaKind;
use super::session::{ACCOUNT, Account, SESSION, Session};
use super::topics::{self, Topics};
use crate::model::{
    FrameEncoding, LinkState, Loss, Payload, PlainText, Reading, Sample, SourceId, Stamp,
};

/// The most a chunk holds, unless a single record is larger: what a reader has to take in at once,
/// and what a crash may cost beside the time since the last flush.
pub const CHUNK_BYTES: u64 = 1024 * 1024;

/// Channels whose name a peer chose (events, cameras). Past this many, the rest shares one per
/// source and kind.
pub const MAX_NAMED_CHANNELS: usize = 512;

/// Writes one recording to `W`.
pub struct RecordingWriter<W: Write> {
    out: mcap::Writer<NoSeek<Counter<W>>>,
    handed_on: Arc<AtomicU64>,
    /// First part of the topics of each source.
    roots: Vec<String>,
    names: Vec<String>,
    topics: Topics,
    channels: BTreeMap<ChannelKey, Channel>,
    named_channels: usize,
    schemas: BTreeMap<SchemaKind, u16>,
    encoder: Encoder,
    staged: Vec<Staged>,
    chunk: Chunk,
    /// Upper bound of what finishing will add, the open chunk's index excepted.
    summary_bytes: u64,
}

/// What makes a channel.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct ChannelKey {
    source: SourceId,
    kind: SchemaKind,
    /// The camera or event; `None` where there is one channel for all.
    name: Option<PlainText>,
    /// Kept by the recorder itself, for all sources.
    ours: bool,
}

#[derive(Debug)]
struct Channel {
    topic: String,
    metadata: BTreeMap<String, String>,
    id: Option<u16>,
    sequence: u32,
}

#[derive(Debug)]
struct Staged {
    key: ChannelKey,
    log_time_ns: u64,
    publish_time_ns: u64,
    bytes: Range<usize>,
}

#[derive(Debug, Default)]
struct Chunk {
    bytes: u64,
    records: u64,
    channels: BTreeSet<u16>,
}

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
const CHANNEL: u64 = 9 + 2 + 2 + 4 + 4 + 4;
const SCHEMA: u64 = 9 + 2 + 4 + 4 + 4;
const METADATA_INDEX: u64 = 9 + 8 + 8 + 4;

impl<W: Write> RecordingWriter<W> {
    /// Begins a recording with its header and its session record.
    ///
    /// # Errors
    /// `out` takes no bytes.
    pub fn new(out: W, session: &Session) -> io::Result<Self> {
        let handed_on = Arc::new(AtomicU64::new(0));
        let counter = Counter {
            out,
            count: Arc::clone(&handed_on),
        };
        let mut topics = Topics::default();
        // Ours; a source of that name becomes `ttyscope-2`.
        topics.claim("ttyscope");
        let roots = session
            .sources
            .iter()
            .map(|source| topics.claim(&topics::part(&source.name)))
            .collect();
        let mut writer = Self {
            out: WriteOptions::new()
                .compression(None)
                // Nothing of a chunk is in the file before all of it is, so a file that was cut
                // ends between two chunks or inside the bytes of one, never with a length that
                // was to be filled in later.
                .disable_seeking(true)
                .chunk_size(Some(CHUNK_BYTES))
                .library(concat!("ttyscope ", env!("CARGO_PKG_VERSION")))
                .create(NoSeek::new(counter))
                .map_err(io_error)?,
            handed_on,
            roots,
            names: session.sources.iter().map(|s| s.name.clone()).collect(),
            topics: Topics::default(),
            channels: BTreeMap::new(),
            named_channels: 0,
            schemas: BTreeMap::new(),
            encoder: Encoder::default(),
            staged: Vec::new(),
            chunk: Chunk::default(),
            summary_bytes: ENDING + account_bound(session),
        };
        writer.metadata(SESSION, session.to_map())?;
        writer.out.flush().map_err(io_error)?;
        Ok(writer)
    }

    /// Encodes what a source said, to be written by [`RecordingWriter::commit`] or forgotten by
    /// [`RecordingWriter::discard`].
    ///
    /// - `pixels`: the picture unpacked, in place of a packed body
    pub fn stage(&mut self, sample: &Sample, pixels: Option<Bytes>) {
        let source = sample.source;
        let at = log_time(sample.received.unix_ns);
        match &sample.payload {
            Payload::Frame(frame) => {
                let kind = match frame.encoding {
                    FrameEncoding::Jpeg => SchemaKind::CompressedImage,
                    FrameEncoding::Mono16(_) | FrameEncoding::Mono8 => SchemaKind::RawImage,
                };
                let taken = frame.device_ns.filter(|ns| *ns > 0).unwrap_or(at);
                let name = Some(frame.detector.clone());
                self.record(source, SchemaKind::Frame, name.clone(), at, taken, |e| {
                    e.frame(frame);
                });
                self.record(source, kind, name, at, taken, |e| {
                    e.picture(frame, pixels, at);
                });
            }
            Payload::Readings(readings) => {
                self.record(source, SchemaKind::Readings, None, at, at, |e| {
                    e.readings(readings.iter().map(|reading| (reading, None)));
                });
            }
            Payload::Message(message) => {
                let name = Some(message.name.clone());
                self.record(source, SchemaKind::Message, name, at, at, |e| {
                    e.message(message);
                });
            }
            Payload::Log(line) => {
                self.record(source, SchemaKind::Log, None, at, at, |e| e.log(line, at));
            }
            Payload::Link(state) => {
                self.record(source, SchemaKind::Link, None, at, at, |e| {
                    e.link(state, None);
                });
            }
            Payload::Fault(fault) => {
                self.record(source, SchemaKind::Fault, None, at, at, |e| e.fault(fault));
            }
            Payload::Loss(loss) => {
                self.record(source, SchemaKind::Loss, None, at, at, |e| {
                    e.loss(loss, None);
                });
            }
        }
    }

    /// Encodes the state a link was in when the recording began, at `now_ns`.
    pub fn stage_held_link(
        &mut self,
        source: SourceId,
        state: &LinkState,
        since: Stamp,
        now_ns: u64,
    ) {
        let at = log_time(now_ns);
        self.record(source, SchemaKind::Link, None, at, at, |e| {
            e.link(state, Some(since.unix_ns));
        });
    }

    /// Encodes the values that held when the recording began, at `now_ns`.
    pub fn stage_held_readings<'a>(
        &mut self,
        source: SourceId,
        readings: impl Iterator<Item = (&'a Reading, Stamp)>,
        now_ns: u64,
    ) {
        let at = log_time(now_ns);
        self.record(source, SchemaKind::Readings, None, at, at, |e| {
            e.readings(readings.map(|(reading, since)| (reading, Some(since.unix_ns))));
        });
    }

    /// Encodes what the recorder itself lost of `source`, noticed at `now_ns`.
    pub fn stage_own_loss(&mut self, source: SourceId, loss: &Loss, now_ns: u64) {
        let at = log_time(now_ns);
        let name = self.name_of(source);
        self.record_to(
            ChannelKey {
                source: SourceId(0),
                kind: SchemaKind::Loss,
                name: None,
                ours: true,
            },
            at,
            at,
            |e| e.loss(loss, Some(&name)),
        );
    }

    fn record(
        &mut self,
        source: SourceId,
        kind: SchemaKind,
        name: Option<PlainText>,
        log_time_ns: u64,
        publish_time_ns: u64,
        encode: impl FnOnce(&mut Encoder),
    ) {
        let mut key = ChannelKey {
            source,
            kind,
            name,
            ours: false,
        };
        if key.name.is_some()
            && self.named_channels >= MAX_NAMED_CHANNELS
            && !self.channels.contains_key(&key)
        {
            key.name = None;
        }
        self.record_to(key, log_time_ns, publish_time_ns, encode);
    }

    fn record_to(
        &mut self,
        key: ChannelKey,
        log_time_ns: u64,
        publish_time_ns: u64,
        encode: impl FnOnce(&mut Encoder),
    ) {
        if !self.channels.contains_key(&key) {
            let channel = self.describe(&key);
            if key.name.is_some() {
                self.named_channels += 1;
            }
            self.channels.insert(key.clone(), channel);
        }
        let start = self.encoder.out.len();
        encode(&mut self.encoder);
        self.staged.push(Staged {
            key,
            log_time_ns,
            publish_time_ns,
            bytes: start..self.encoder.out.len(),
        });
    }

    fn describe(&mut self, key: &ChannelKey) -> Channel {
        let root = match (key.ours, self.roots.get(usize::from(key.source.0))) {
            (true, _) => "ttyscope".to_owned(),
            (false, Some(root)) => root.clone(),
            (false, None) => format!("source-{}", key.source.0),
        };
        let name = key
            .name
            .as_ref()
            .map_or_else(|| "other".to_owned(), |n| topics::part(n));
        let wanted = match key.kind {
            SchemaKind::RawImage | SchemaKind::CompressedImage => {
                // The form a camera begins with has the plain topic.
                let other = match key.kind {
                    SchemaKind::RawImage => SchemaKind::CompressedImage,
                    _ => SchemaKind::RawImage,
                };
                let other = ChannelKey {
                    kind: other,
                    ..key.clone()
                };
                match (self.channels.contains_key(&other), key.kind) {
                    (false, _) => format!("/{root}/{name}/image"),
                    (true, SchemaKind::RawImage) => format!("/{root}/{name}/image_raw"),
                    (true, _) => format!("/{root}/{name}/image_compressed"),
                }
            }
            SchemaKind::Frame => format!("/{root}/{name}/frame"),
            SchemaKind::Message => format!("/{root}/message/{name}"),
            SchemaKind::Log => format!("/{root}/log"),
            SchemaKind::Readings => format!("/{root}/readings"),
            SchemaKind::Link => format!("/{root}/link"),
            SchemaKind::Fault => format!("/{root}/fault"),
            SchemaKind::Loss => format!("/{root}/loss"),
        };
        let mut metadata = BTreeMap::new();
        if !key.ours {
            metadata.insert("source".to_owned(), self.name_of(key.source));
            metadata.insert("source_index".to_owned(), key.source.0.to_string());
        }
        if let Some(name) = &key.name {
            let what = match key.kind {
                SchemaKind::Message => "event",
                _ => "camera",
            };
            metadata.insert(what.to_owned(), name.to_string());
        }
        Channel {
            topic: self.topics.claim(&wanted),
            metadata,
            id: None,
            sequence: 0,
        }
    }

    fn name_of(&self, source: SourceId) -> String {
        self.names
            .get(usize::from(source.0))
            .cloned()
            .unwrap_or_else(|| format!("source-{}", source.0))
    }

    /// How large the finished file is at most if it ends with what is staged.
    pub fn size_with_staged(&self) -> u64 {
        let mut bytes = self.handed_on.load(Ordering::Relaxed)
            + self.summary_bytes
            // The open chunk and the one that may have to follow it.
            + 2 * (CHUNK_HEADER + CHUNK_INDEX)
            + self.chunk.bytes
            + self.chunk.records * MESSAGE_INDEX_ENTRY
            + 2 * (self.chunk.channels.len() as u64 + self.staged.len() as u64)
                * (MESSAGE_INDEX + CHUNK_INDEX_ENTRY);
        for staged in &self.staged {
            bytes += MESSAGE_OVERHEAD + staged.bytes.len() as u64 + MESSAGE_INDEX_ENTRY;
            if let Some(channel) = self.channels.get(&staged.key)
                && channel.id.is_none()
            {
                bytes += 2 * channel.record_bytes(staged.key.kind) + CHUNK_INDEX_ENTRY;
                if !self.schemas.contains_key(&staged.key.kind) {
                    bytes += 2 * schema_bytes(staged.key.kind);
                }
            }
        }
        bytes
    }

    /// Forgets what is staged.
    pub fn discard(&mut self) {
        self.staged.clear();
        self.encoder.out.clear();
    }

    /// Writes what is staged, all of it into one chunk. `true` if the chunk before it was ended
    /// for that, so that everything committed earlier is with the operating system.
    ///
    /// # Errors
    /// The file takes no more; nothing of the open chunk is in it then.
    pub fn commit(&mut self) -> io::Result<bool> {
        let coming: u64 = self
            .staged
            .iter()
            .map(|staged| MESSAGE_OVERHEAD + staged.bytes.len() as u64)
            .sum();
        let full = self.chunk.bytes > 0 && self.chunk.bytes + coming > CHUNK_BYTES;
        if full {
            self.flush()?;
        }
        for index in 0..self.staged.len() {
            self.write_staged(index)?;
        }
        self.discard();
        Ok(full)
    }

    fn write_staged(&mut self, index: usize) -> io::Result<()> {
        let Some(staged) = self.staged.get(index) else {
            return Ok(());
        };
        let Some(channel) = self.channels.get_mut(&staged.key) else {
            return Ok(());
        };
        let kind = staged.key.kind;
        let id = match channel.id {
            Some(id) => id,
            None => {
                let schema = match self.schemas.get(&kind) {
                    Some(schema) => *schema,
                    None => {
                        let schema = self
                            .out
                            .add_schema(kind.name(), kind.encoding(), &kind.data())
                            .map_err(io_error)?;
                        self.schemas.insert(kind, schema);
                        self.chunk.bytes += schema_bytes(kind);
                        self.summary_bytes += schema_bytes(kind);
                        schema
                    }
                };
                let id = self
                    .out
                    .add_channel(
                        schema,
                        &channel.topic,
                        kind.message_encoding(),
                        &channel.metadata,
                    )
                    .map_err(io_error)?;
                channel.id = Some(id);
                self.chunk.bytes += channel.record_bytes(kind);
                self.summary_bytes += channel.record_bytes(kind) + CHUNK_INDEX_ENTRY;
                id
            }
        };
        channel.sequence = channel.sequence.wrapping_add(1);
        let header = MessageHeader {
            channel_id: id,
            sequence: channel.sequence,
            log_time: staged.log_time_ns,
            publish_time: staged.publish_time_ns,
        };
        let data = self
            .encoder
            .out
            .get(staged.bytes.clone())
            .unwrap_or_default();
        self.out
            .write_to_known_channel(&header, data)
            .map_err(io_error)?;
        self.chunk.bytes += MESSAGE_OVERHEAD + data.len() as u64;
        self.chunk.records += 1;
        self.chunk.channels.insert(id);
        Ok(())
    }

    /// Whether anything was committed since the last flush.
    pub fn has_unflushed(&self) -> bool {
        self.chunk.bytes > 0
    }

    /// Ends the chunk and hands everything to the operating system.
    ///
    /// # Errors
    /// The file takes no more; what was committed since the last flush is not in it.
    pub fn flush(&mut self) -> io::Result<()> {
        let entries = self.chunk.channels.len() as u64;
        self.summary_bytes += CHUNK_INDEX + entries * CHUNK_INDEX_ENTRY;
        self.chunk = Chunk::default();
        self.out.flush().map_err(io_error)
    }

    /// Bytes handed to the file so far.
    pub fn size(&self) -> u64 {
        self.handed_on.load(Ordering::Relaxed)
    }

    /// Channels opened so far.
    pub fn channels(&self) -> usize {
        self.channels.values().filter(|c| c.id.is_some()).count()
    }

    /// Writes the books and the index, and hands everything to the operating system.
    ///
    /// # Errors
    /// The file takes no more; what was flushed before can be read.
    pub fn finish(mut self, account: &Account) -> io::Result<u64> {
        self.metadata(ACCOUNT, account.to_map())?;
        self.out.finish().map_err(io_error)?;
        let mut counter = self.out.into_inner().into_inner();
        counter.flush()?;
        Ok(self.handed_on.load(Ordering::Relaxed))
    }

    fn metadata(&mut self, name: &str, metadata: BTreeMap<String, String>) -> io::Result<()> {
        self.summary_bytes += METADATA_INDEX + name.len() as u64;
        self.out
            .write_metadata(&Metadata {
                name: name.to_owned(),
                metadata,
            })
            .map_err(io_error)
    }
}

impl Channel {
    fn record_bytes(&self, kind: SchemaKind) -> u64 {
        let metadata: usize = self
            .metadata
            .iter()
            .map(|(k, v)| 8 + k.len() + v.len())
            .sum();
        CHANNEL + (self.topic.len() + kind.message_encoding().len() + metadata) as u64
    }
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

/// No record bears the time 0, which readers take for "unknown".
fn log_time(unix_ns: u64) -> u64 {
    unix_ns.max(1)
}

fn io_error(error: McapError) -> io::Error {
    match error {
        McapError::Io(error) => error,
        other => io::Error::other(other),
    }
}

/// Counts what is handed on.
struct Counter<W> {
    out: W,
    count: Arc<AtomicU64>,
}

impl<W: Write> Write for Counter<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = self.out.write(bytes)?;
        self.count.fetch_add(taken as u64, Ordering::Relaxed);
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}
