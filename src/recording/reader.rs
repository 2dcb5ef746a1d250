//! Reads MCAP files from front to end, whole, unfinished or damaged.
//!
//! Uses no index, because a killed recording has none. Announced lengths are compared with what
//! the file has before they are believed; a chunk whose checksum is wrong is skipped and reported,
//! and reading goes on behind it.

use std::collections::{BTreeMap, VecDeque};
use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::mem::take;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;

use super::read_error::ReadError;
use chunk::unpack_chunk;
use fields::Fields;

mod chunk;
mod entry;
mod fields;
mod index;
mod places;
mod thread;

pub use entry::{
    Attachment, Damage, Ending, Entry, RecordedChannel, RecordedMessage, RecordedSchema, Statistics,
};
pub use places::{KnownChannels, Place, Placed};

/// The first and last bytes of every file. Source: MCAP specification, "Magic".
const MAGIC: [u8; 8] = [0x89, b'M', b'C', b'A', b'P', 0x30, b'\r', b'\n'];

/// Where the version stands in them.
const VERSION_AT: usize = 5;

/// What stands before every record: its kind and its length.
const HEAD_BYTES: u64 = 9;

/// A single record or unpacked chunk larger than this is skipped: no recording of ours has one,
/// and it would have to be held in memory whole.
const MAX_RECORD_BYTES: u64 = 1024 * 1024 * 1024;

/// Kinds of records. Source: MCAP specification, "Records".
mod op {
    pub(super) const FOOTER: u8 = 0x02;
    pub(super) const SCHEMA: u8 = 0x03;
    pub(super) const CHANNEL: u8 = 0x04;
    pub(super) const MESSAGE: u8 = 0x05;
    pub(super) const CHUNK: u8 = 0x06;
    pub(super) const ATTACHMENT: u8 = 0x09;
    pub(super) const STATISTICS: u8 = 0x0b;
    pub(super) const METADATA: u8 = 0x0c;
    pub(super) const DATA_END: u8 = 0x0f;
}

/// Reads one file. An iterator of [`Entry`]; afterwards [`RecordingReader::ending`] says how it
/// ended.
#[derive(Debug)]
pub struct RecordingReader {
    path: PathBuf,
    file: BufReader<File>,
    size: u64,
    at: u64,
    /// Where the record that was read last stands: its chunk, or itself.
    record_at: u64,
    hash: crc32fast::Hasher,
    damaged: bool,
    schemas: BTreeMap<u16, Arc<RecordedSchema>>,
    channels: BTreeMap<u16, Arc<RecordedChannel>>,
    chunk: Option<Fields>,
    chunk_at: u64,
    chunks: u64,
    unchecked: u64,
    /// Messages of channels that nothing describes, since that was last said.
    orphans: u64,
    orphan_bytes: u64,
    statistics: Option<Statistics>,
    found: VecDeque<Entry>,
    data_ended: bool,
    ending: Option<Ending>,
}

impl RecordingReader {
    /// Opens a file of any state: finished, being written, cut or damaged.
    ///
    /// # Errors
    /// It cannot be opened, or does not begin as an MCAP file.
    pub fn open(path: &Path) -> Result<Self, ReadError> {
        let io = |error| ReadError::Io {
            path: path.to_owned(),
            error,
        };
        // Asked before it is opened: a pipe would be waited for.
        let kind = std::fs::metadata(path).map_err(io)?.file_type();
        if !kind.is_file() {
            return Err(ReadError::NotAFile {
                path: path.to_owned(),
                what: match kind.is_dir() {
                    true => "a folder",
                    false => "a pipe or a device",
                },
            });
        }
        let file = File::open(path).map_err(io)?;
        let about = file.metadata().map_err(io)?;
        let mut reader = Self {
            path: path.to_owned(),
            file: BufReader::with_capacity(256 * 1024, file),
            size: about.len(),
            at: 0,
            record_at: 0,
            hash: crc32fast::Hasher::new(),
            damaged: false,
            schemas: BTreeMap::new(),
            channels: BTreeMap::new(),
            chunk: None,
            chunk_at: 0,
            chunks: 0,
            unchecked: 0,
            orphans: 0,
            orphan_bytes: 0,
            statistics: None,
            found: VecDeque::new(),
            data_ended: false,
            ending: None,
        };
        reader.read_ahead().map_err(io)?;
        let start = reader.read(MAGIC.len() as u64).map_err(io)?;
        if start.is_empty() {
            return Err(ReadError::Empty {
                path: path.to_owned(),
            });
        }
        // One of the magic bytes is the version, as a digit.
        if let [head @ .., version @ b'1'..=b'9', _, _] = &start[..]
            && head == &MAGIC[..VERSION_AT]
        {
            return Err(ReadError::Newer {
                path: path.to_owned(),
                version: char::from(*version),
            });
        }
        if start != MAGIC {
            return Err(ReadError::NotMcap {
                path: path.to_owned(),
            });
        }
        Ok(reader)
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its size when it was opened.
    pub fn size_bytes(&self) -> u64 {
        self.size
    }

    /// How reading ended; `None` while it has not.
    pub fn ending(&self) -> Option<&Ending> {
        self.ending.as_ref()
    }

    /// What the file says that it holds, once its index was read.
    pub fn statistics(&self) -> Option<&Statistics> {
        self.statistics.as_ref()
    }

    /// Whole chunks found so far.
    pub fn chunks(&self) -> u64 {
        self.chunks
    }

    /// Those of them that have no checksum.
    pub fn unchecked_chunks(&self) -> u64 {
        self.unchecked
    }

    /// How far it was read, in bytes from the start of the file.
    pub fn position_bytes(&self) -> u64 {
        self.at
    }

    /// The next `len` bytes, or fewer if the file ends. What is allocated follows what is there.
    fn read(&mut self, len: u64) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        (&mut self.file).take(len).read_to_end(&mut bytes)?;
        self.hash.update(&bytes);
        self.at += bytes.len() as u64;
        Ok(bytes)
    }

    /// Passes over `len` bytes.
    fn skip(&mut self, mut len: u64) -> io::Result<()> {
        const STEP: u64 = 256 * 1024;
        if self.damaged && !self.data_ended {
            // No checksum that these bytes are part of is compared any more.
            self.at = self.at.saturating_add(len).min(self.size);
            self.file.seek(SeekFrom::Start(self.at))?;
            return Ok(());
        }
        while len > 0 {
            let got = self.read(len.min(STEP))?.len() as u64;
            if got == 0 {
                break;
            }
            len -= got;
        }
        Ok(())
    }

    fn cut(&mut self, at: u64, why: impl Into<String>) {
        self.ending = Some(Ending::Cut {
            readable_bytes: at,
            unreadable_bytes: self.size.saturating_sub(at),
            why: why.into(),
        });
    }

    fn damage(&mut self, at: u64, skipped_bytes: u64, what: impl Into<String>) {
        self.damaged = true;
        self.found.push_back(Entry::Damage(Damage {
            at,
            skipped_bytes,
            what: what.into(),
        }));
    }

    fn tell_orphans(&mut self, at: u64) {
        let (orphans, bytes) = (take(&mut self.orphans), take(&mut self.orphan_bytes));
        if orphans > 0 {
            let what = format!("{orphans} messages whose channel is described nowhere");
            self.damage(at, bytes, what);
        }
    }

    /// Reads one record of the file itself.
    fn step(&mut self) -> io::Result<()> {
        let at = self.at;
        let before = self.hash.clone();
        let head = self.read(HEAD_BYTES)?;
        let Some((&opcode, len)) = head.split_first() else {
            self.cut(at, "the file ends without its closing records");
            return Ok(());
        };
        let Some(len) = len.first_chunk::<8>().map(|len| u64::from_le_bytes(*len)) else {
            self.cut(at, "the file ends inside the head of a record");
            return Ok(());
        };
        let left = self.size.saturating_sub(self.at);
        if len > left {
            let why = format!("a record of {len} bytes begins there and the file has {left} more");
            return self.lose_thread(at, why);
        }
        if opcode == 0 {
            return self.lose_thread(at, "what stands there is not a record".to_owned());
        }
        if opcode == op::CHUNK {
            return self.chunk_record(at, len);
        }
        // It has no checksum of its own, so its length is believed if something stands behind it.
        if opcode != op::FOOTER && !self.is_record_at(self.at + len)? {
            let why = format!("the record behind the one of {len} bytes there is none");
            return self.lose_thread(at, why);
        }
        match opcode {
            op::SCHEMA | op::CHANNEL | op::MESSAGE | op::METADATA | op::ATTACHMENT
                if !self.data_ended =>
            {
                if len > MAX_RECORD_BYTES {
                    self.damage(at, len, "a record too large to be held in memory");
                    self.skip(len)?;
                } else {
                    let content = self.read(len)?;
                    self.record(at, opcode, Bytes::from(content));
                    self.tell_orphans(at);
                }
            }
            op::DATA_END => {
                let content = self.read(len.min(64))?;
                self.skip(len.saturating_sub(64))?;
                let saved = content.first_chunk::<4>().map(|c| u32::from_le_bytes(*c));
                let real = before.finalize();
                match saved {
                    Some(saved) if saved == 0 || saved == real || self.damaged => {}
                    _ => self.damage(at, 0, "the checksum of all data does not match"),
                }
                self.data_ended = true;
                // The summary has a checksum of its own.
                self.hash = crc32fast::Hasher::new();
            }
            op::STATISTICS if self.data_ended && len <= MAX_RECORD_BYTES => {
                let content = self.read(len)?;
                self.statistics = Fields(Bytes::from(content)).statistics();
            }
            op::FOOTER => self.footer(at, len, &head, before)?,
            _ => self.skip(len)?,
        }
        Ok(())
    }

    fn footer(
        &mut self,
        at: u64,
        len: u64,
        head: &[u8],
        before: crc32fast::Hasher,
    ) -> io::Result<()> {
        let content = self.read(len.min(64))?;
        self.skip(len.saturating_sub(64))?;
        let mut hash = before;
        hash.update(head);
        hash.update(content.get(..16).unwrap_or_default());
        let real = hash.finalize();
        let saved = content
            .get(16..20)
            .and_then(|c| c.first_chunk::<4>())
            .map(|c| u32::from_le_bytes(*c));
        match saved {
            Some(saved) if saved == 0 || saved == real => {}
            _ => self.damage(at, 0, "the checksum of the index does not match"),
        }
        if !self.data_ended {
            self.damage(at, 0, "the end of the data is not marked");
        }
        let end = self.read(MAGIC.len() as u64)?;
        let behind = self.size.saturating_sub(self.at);
        if end != MAGIC {
            self.cut(at, "the file does not end as an MCAP file does");
        } else {
            if behind > 0 {
                self.damage(self.at, behind, "there are bytes behind the end");
            }
            self.ending = Some(Ending::Finished);
        }
        Ok(())
    }

    fn chunk_record(&mut self, at: u64, len: u64) -> io::Result<()> {
        let end = self.at + len;
        if len > MAX_RECORD_BYTES {
            if !self.is_record_at(end)? {
                let why = "a chunk too large to be held in memory".to_owned();
                return self.lose_thread(at, why);
            }
            self.damage(at, len, "a chunk too large to be held in memory");
            self.skip(len)?;
            return Ok(());
        }
        let content = self.read(len)?;
        match unpack_chunk(Bytes::from(content)) {
            Ok((records, is_checked)) => {
                self.chunk = Some(Fields(records));
                self.unchecked += u64::from(!is_checked);
                self.chunk_at = at;
                self.chunks += 1;
            }
            // Its length may be what is wrong.
            Err(what) if !self.is_record_at(end)? => return self.lose_thread(at, what),
            Err(what) => self.damage(at, len, what),
        }
        Ok(())
    }

    /// One record inside the open chunk.
    fn chunk_step(&mut self) {
        let Some(chunk) = &mut self.chunk else { return };
        if chunk.0.is_empty() {
            self.chunk = None;
            self.tell_orphans(self.chunk_at);
            return;
        }
        let left = chunk.0.len() as u64;
        let record = chunk
            .u8()
            .and_then(|opcode| Some((opcode, chunk.u64()?)))
            .and_then(|(opcode, len)| Some((opcode, chunk.bytes(len)?)));
        match record {
            Some((opcode, content)) => self.record(self.chunk_at, opcode, content),
            None => {
                self.chunk = None;
                self.damage(self.chunk_at, left, "a record in a chunk is cut short");
            }
        }
    }

    fn record(&mut self, at: u64, opcode: u8, content: Bytes) {
        self.record_at = at;
        let size = content.len() as u64;
        let mut fields = Fields(content);
        let understood = match opcode {
            op::SCHEMA | op::CHANNEL => self.describe(opcode, fields),
            op::MESSAGE => self.message(fields),
            op::METADATA => fields
                .text()
                .and_then(|name| Some((name, fields.map()?)))
                .map(|(name, values)| {
                    self.found.push_back(Entry::Metadata { name, values });
                }),
            op::ATTACHMENT => fields.attachment().map(|attachment| {
                self.found.push_back(Entry::Attachment(attachment));
            }),
            _ => Some(()),
        };
        if understood.is_none() {
            let what = match opcode {
                op::SCHEMA => "a schema that cannot be read",
                op::CHANNEL => "a channel that cannot be read",
                op::ATTACHMENT => {
                    "an attachment that cannot be read, or whose checksum does not match"
                }
                op::MESSAGE => "a message that cannot be read",
                _ => "a metadata record that cannot be read",
            };
            self.damage(at, size, what);
        }
    }

    /// Takes a schema or a channel in.
    fn describe(&mut self, opcode: u8, mut fields: Fields) -> Option<()> {
        match opcode {
            op::SCHEMA => {
                let (id, schema) = fields.schema()?;
                if self.schemas.get(&id).is_none_or(|known| **known != schema) {
                    self.schemas.insert(id, Arc::new(schema));
                }
            }
            _ => {
                let channel = fields.channel(&self.schemas)?;
                let known = self.channels.get(&channel.id);
                if known.is_none_or(|known| **known != channel) {
                    self.channels.insert(channel.id, Arc::new(channel));
                }
            }
        }
        Some(())
    }

    fn message(&mut self, mut fields: Fields) -> Option<()> {
        let id = fields.u16()?;
        let sequence = fields.u32()?;
        let log_time_ns = fields.u64()?;
        let publish_time_ns = fields.u64()?;
        let Some(channel) = self.channels.get(&id).map(Arc::clone) else {
            self.orphans += 1;
            self.orphan_bytes += fields.0.len() as u64;
            return Some(());
        };
        self.found.push_back(Entry::Message(RecordedMessage {
            channel,
            sequence,
            log_time_ns,
            publish_time_ns,
            data: fields.0,
        }));
        Some(())
    }
}

impl Iterator for RecordingReader {
    type Item = Entry;

    fn next(&mut self) -> Option<Entry> {
        loop {
            if let Some(entry) = self.found.pop_front() {
                return Some(entry);
            }
            if self.chunk.is_some() {
                self.chunk_step();
            } else if self.ending.is_some() {
                return None;
            } else {
                let at = self.at;
                if let Err(error) = self.step() {
                    self.cut(at, format!("the system could not read on: {error}"));
                }
            }
        }
    }
}
