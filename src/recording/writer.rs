//! A recording being written: channels are opened as they are needed, records go into chunks, and
//! the size of the file is known before anything is added to it.
//!
//! When a chunk ends by the clock, when bytes become durable and what becomes of an error is the
//! recorder's business.

use std::collections::BTreeMap;
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
use super::session::{ACCOUNT, Account, BLACK_BOX, BlackBoxCause, SESSION, Session};
use crate::model::{
    BookEvent, Fault, FeedHealth, Fleet, FrameEncoding, Instrument, LinkState, Loss, Payload,
    PlainText, Reading, Rows, Sample, SourceId, Stamp, StopPath,
};
use channels::{ChannelKey, Channels};
use size_book::SizeBook;

pub use channels::{MAX_NAMED_CHANNELS, Numbering};

mod channels;
mod size_book;

/// The most a chunk holds, unless a single record is larger: what a reader has to take in at once,
/// and what a crash may cost beside the time since the last flush.
pub const CHUNK_BYTES: u64 = 1024 * 1024;

/// Writes one recording to `W`.
pub struct RecordingWriter<W: Write> {
    out: mcap::Writer<NoSeek<Counter<W>>>,
    handed_on: Arc<AtomicU64>,
    channels: Channels,
    schemas: BTreeMap<SchemaKind, u16>,
    encoder: Encoder,
    staged: Vec<Staged>,
    size: SizeBook,
    /// Size of the file when it was last flushed: up to here it is whole.
    flushed_bytes: u64,
    newest_ns: Option<u64>,
}

#[derive(Debug)]
struct Staged {
    key: ChannelKey,
    log_time_ns: u64,
    publish_time_ns: u64,
    bytes: Range<usize>,
}

impl<W: Write> RecordingWriter<W> {
    /// Begins a recording with its header and its session record.
    ///
    /// # Errors
    /// `out` takes no bytes.
    pub fn new(out: W, session: &Session) -> io::Result<Self> {
        Self::begin(out, session, Channels::new(session))
    }

    /// Begins the next file of a recording, whose channels count on from the file before it.
    ///
    /// # Errors
    /// `out` takes no bytes.
    pub fn going_on(out: W, session: &Session, numbering: Numbering) -> io::Result<Self> {
        Self::begin(out, session, numbering.into())
    }

    fn begin(out: W, session: &Session, channels: Channels) -> io::Result<Self> {
        let handed_on = Arc::new(AtomicU64::new(0));
        let counter = Counter {
            out,
            count: Arc::clone(&handed_on),
        };
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
            channels,
            schemas: BTreeMap::new(),
            encoder: Encoder::default(),
            staged: Vec::new(),
            size: SizeBook::new(session),
            flushed_bytes: 0,
            newest_ns: None,
        };
        writer.metadata(SESSION, session.to_map())?;
        writer.flush()?;
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
                    _ => SchemaKind::RawImage,
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
            Payload::Instrument(instrument) => {
                self.record(source, SchemaKind::Instrument, None, at, at, |e| {
                    e.instrument(instrument, None);
                });
            }
            Payload::Command(report) => {
                self.record(source, SchemaKind::Command, None, at, at, |e| {
                    e.command(report);
                });
            }
            Payload::Stop(event) => {
                self.record(source, SchemaKind::Stop, None, at, at, |e| e.stop(event));
            }
            Payload::BookEvent(event) => self.book(source, event, at, None),
            Payload::Trade(trade) => {
                let name = Some(trade.book.symbol.clone());
                let traded = exchange_time(trade.exchange_ns).unwrap_or(at);
                self.record(source, SchemaKind::Trade, name, at, traded, |e| {
                    e.trade(trade);
                });
            }
            Payload::Feed(feed) => {
                self.record(source, SchemaKind::Feed, None, at, at, |e| {
                    e.feed(feed, None);
                });
            }
            Payload::Fleet(fleet) => {
                self.record(source, SchemaKind::Fleet, None, at, at, |e| {
                    e.fleet(fleet, None);
                });
            }
            Payload::Rows(rows) => {
                let name = Some(rows.table.clone());
                self.record(source, SchemaKind::Rows, name, at, at, |e| {
                    e.rows(rows, None);
                });
            }
            // The events it was made of are written down.
            Payload::Book(_) => {}
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

    /// Encodes the state an instrument was in when the recording began, at `now_ns`.
    pub fn stage_held_instrument(
        &mut self,
        source: SourceId,
        instrument: &Instrument,
        since: Stamp,
        now_ns: u64,
    ) {
        let at = log_time(now_ns);
        self.record(source, SchemaKind::Instrument, None, at, at, |e| {
            e.instrument(instrument, Some(since.unix_ns));
        });
    }

    /// Encodes how a stop path stood when the recording began, at `now_ns`.
    pub fn stage_held_stop_path(
        &mut self,
        source: SourceId,
        path: &StopPath,
        since: Stamp,
        now_ns: u64,
    ) {
        let at = log_time(now_ns);
        self.record(source, SchemaKind::Stop, None, at, at, |e| {
            e.stop_path(path, Some(since.unix_ns));
        });
    }

    /// Encodes a whole book, or that it is not to be trusted, as it stood when the recording began,
    /// at `now_ns`.
    pub fn stage_held_book(
        &mut self,
        source: SourceId,
        event: &BookEvent,
        since: Stamp,
        now_ns: u64,
    ) {
        self.book(source, event, log_time(now_ns), Some(since.unix_ns));
    }

    /// Encodes how a venue's connections stood when the recording began, at `now_ns`.
    pub fn stage_held_feed(
        &mut self,
        source: SourceId,
        feed: &FeedHealth,
        since: Stamp,
        now_ns: u64,
    ) {
        let at = log_time(now_ns);
        self.record(source, SchemaKind::Feed, None, at, at, |e| {
            e.feed(feed, Some(since.unix_ns));
        });
    }

    /// Encodes what was known of a fleet when the recording began, at `now_ns`.
    pub fn stage_held_fleet(&mut self, source: SourceId, fleet: &Fleet, since: Stamp, now_ns: u64) {
        let at = log_time(now_ns);
        self.record(source, SchemaKind::Fleet, None, at, at, |e| {
            e.fleet(fleet, Some(since.unix_ns));
        });
    }

    /// Encodes the rows that a table had when the recording began, at `now_ns`.
    pub fn stage_held_rows(&mut self, source: SourceId, rows: &Rows, since: Stamp, now_ns: u64) {
        let at = log_time(now_ns);
        let name = Some(rows.table.clone());
        self.record(source, SchemaKind::Rows, name, at, at, |e| {
            e.rows(rows, Some(since.unix_ns));
        });
    }

    fn book(&mut self, source: SourceId, event: &BookEvent, at_ns: u64, since_ns: Option<u64>) {
        let name = Some(event.book.symbol.clone());
        let changed = match since_ns {
            None => exchange_time(event.exchange_ns).unwrap_or(at_ns),
            Some(_) => at_ns,
        };
        self.record(source, SchemaKind::Book, name, at_ns, changed, |e| {
            e.book(event, since_ns);
        });
    }

    /// Encodes what went wrong with the recorder itself, at `now_ns`.
    pub fn stage_own_fault(&mut self, fault: &Fault, now_ns: u64) {
        let at = log_time(now_ns);
        let key = ChannelKey {
            source: SourceId(0),
            kind: SchemaKind::Fault,
            name: None,
            ours: true,
        };
        self.record_to(key, at, at, |e| e.fault(fault));
    }

    /// Encodes what the recorder itself lost of `source`, noticed at `now_ns`.
    pub fn stage_own_loss(&mut self, source: SourceId, loss: &Loss, now_ns: u64) {
        let at = log_time(now_ns);
        let name = self.channels.name_of(source);
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
        let key = ChannelKey {
            source,
            kind,
            name,
            ours: false,
        };
        self.record_to(key, log_time_ns, publish_time_ns, encode);
    }

    fn record_to(
        &mut self,
        key: ChannelKey,
        log_time_ns: u64,
        publish_time_ns: u64,
        encode: impl FnOnce(&mut Encoder),
    ) {
        let key = self.channels.admit(key);
        let start = self.encoder.out.len();
        encode(&mut self.encoder);
        self.staged.push(Staged {
            key,
            log_time_ns,
            publish_time_ns,
            bytes: start..self.encoder.out.len(),
        });
    }

    /// Bytes that the file will still take at most if it ends now, with nothing staged.
    pub fn to_come(&self) -> u64 {
        self.size.to_come(0)
    }

    /// How large the finished file is at most if it ends with what is staged.
    pub fn size_with_staged(&self) -> u64 {
        let mut bytes =
            self.handed_on.load(Ordering::Relaxed) + self.size.to_come(self.staged.len());
        for staged in &self.staged {
            bytes += size_book::staged_message(staged.bytes.len());
            let kind = staged.key.kind;
            if let Some(channel) = self.channels.get(&staged.key)
                && channel.id.is_none()
            {
                bytes += size_book::staged_channel(channel.record_bytes(kind));
                if !self.schemas.contains_key(&kind) {
                    bytes += size_book::staged_schema(kind);
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
            .map(|staged| size_book::message_bytes(staged.bytes.len()))
            .sum();
        let full = self.has_unflushed() && self.size.chunk_bytes() + coming > CHUNK_BYTES;
        if full {
            self.flush()?;
        }
        for index in 0..self.staged.len() {
            self.write_staged(index)?;
        }
        let newest_ns = self.staged.iter().map(|staged| staged.log_time_ns).max();
        self.newest_ns = self.newest_ns.max(newest_ns);
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
                        self.size.add_schema(kind);
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
                self.size.add_channel(channel.record_bytes(kind));
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
        self.size.add_message(id, data.len());
        Ok(())
    }

    /// Whether anything was committed since the last flush.
    pub fn has_unflushed(&self) -> bool {
        self.size.chunk_bytes() > 0
    }

    /// Ends the chunk and hands everything to the operating system.
    ///
    /// # Errors
    /// The file takes no more; what was committed since the last flush is not in it.
    pub fn flush(&mut self) -> io::Result<()> {
        self.size.end_chunk();
        self.out.flush().map_err(io_error)?;
        self.flushed_bytes = self.size();
        Ok(())
    }

    /// How far its channels have counted, for the file that goes on with them. Nothing may be
    /// written here afterwards.
    pub fn numbering(&self) -> Numbering {
        self.channels.numbering()
    }

    /// Bytes of the file that are whole records with the operating system, whatever became of those
    /// behind them.
    pub fn flushed_bytes(&self) -> u64 {
        self.flushed_bytes
    }

    /// The newest time of what was committed, Unix nanoseconds; `None` before the first.
    pub fn newest_unix_ns(&self) -> Option<u64> {
        self.newest_ns
    }

    /// Bytes handed to the file so far.
    pub fn size(&self) -> u64 {
        self.handed_on.load(Ordering::Relaxed)
    }

    /// Channels opened so far.
    pub fn channels(&self) -> usize {
        self.channels.written()
    }

    /// Writes down what a black box is saved for, behind everything committed so far, and hands all
    /// of it to the operating system.
    ///
    /// # Errors
    /// As [`RecordingWriter::flush`].
    pub fn note(&mut self, cause: &BlackBoxCause) -> io::Result<()> {
        self.flush()?;
        self.metadata(BLACK_BOX, cause.to_map())?;
        self.flush()
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
        self.size.add_metadata(name);
        self.out
            .write_metadata(&Metadata {
                name: name.to_owned(),
                metadata,
            })
            .map_err(io_error)
    }
}

/// The venue's time, where it is one that a record can bear.
fn exchange_time(exchange_ns: Option<i64>) -> Option<u64> {
    exchange_ns
        .and_then(|ns| u64::try_from(ns).ok())
        .filter(|ns| *ns > 0)
}

/// No record bears the time 0, which readers take for "unknown".
fn log_time(unix_ns: u64) -> u64 {
    unix_ns.max(1)
}

pub(super) fn io_error(error: McapError) -> io::Error {
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
