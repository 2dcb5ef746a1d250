//! Reads MCAP files from front to end, whole, unfinished or damaged.
//!
//! Uses no index, because a killed recording has none. Announced lengths are compared with what
//! the file has before they are believed; a chunk whose checksum is wrong is skipped and reported,
//! and reading goes on behind it.

use std::collections::{BTreeMap, VecDeque};
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;

use super::read_error::ReadError;
use chunk::unpack_chunk;
use fields::Fields;

mod chunk;
mod fields;

/// The first and last bytes of every file. Source: MCAP specification, "Magic".
const MAGIC: [u8; 8] = [0x89, b'M', b'C', b'A', b'P', 0x30, b'\r', b'\n'];

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
    pub(super) const METADATA: u8 = 0x0c;
    pub(super) const DATA_END: u8 = 0x0f;
}

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
    /// How its messages are encoded.
    pub encoding: String,
    /// What else is said of it.
    pub metadata: BTreeMap<String, String>,
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

/// Reads one file. An iterator of [`Entry`]; afterwards [`RecordingReader::ending`] says how it
/// ended.
#[derive(Debug)]
pub struct RecordingReader {
    path: PathBuf,
    file: BufReader<File>,
    size: u64,
    at: u64,
    hash: crc32fast::Hasher,
    damaged: bool,
    schemas: BTreeMap<u16, String>,
    channels: BTreeMap<u16, Arc<RecordedChannel>>,
    chunk: Option<Fields>,
    chunk_at: u64,
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
        let file = File::open(path).map_err(io)?;
        let about = file.metadata().map_err(io)?;
        if about.is_dir() {
            return Err(io(io::ErrorKind::IsADirectory.into()));
        }
        let mut reader = Self {
            path: path.to_owned(),
            file: BufReader::with_capacity(256 * 1024, file),
            size: about.len(),
            at: 0,
            hash: crc32fast::Hasher::new(),
            damaged: false,
            schemas: BTreeMap::new(),
            channels: BTreeMap::new(),
            chunk: None,
            chunk_at: 0,
            found: VecDeque::new(),
            data_ended: false,
            ending: None,
        };
        let start = reader.read(MAGIC.len() as u64).map_err(io)?;
        if start.is_empty() {
            return Err(ReadError::Empty {
                path: path.to_owned(),
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

    /// The next `len` bytes, or fewer if the file ends. What is allocated follows what is there.
    fn read(&mut self, len: u64) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        (&mut self.file).take(len).read_to_end(&mut bytes)?;
        self.hash.update(&bytes);
        self.at += bytes.len() as u64;
        Ok(bytes)
    }

    /// Reads `len` bytes without keeping them.
    fn skip(&mut self, mut len: u64) -> io::Result<()> {
        const STEP: u64 = 256 * 1024;
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

    /// Reads one record of the file itself.
    fn step(&mut self) -> io::Result<()> {
        let at = self.at;
        let before = self.hash.clone();
        let head = self.read(9)?;
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
            self.cut(
                at,
                format!("a record of {len} bytes begins there and the file has {left} more"),
            );
            return Ok(());
        }
        if opcode == 0 {
            self.cut(at, "what stands there is not a record");
            return Ok(());
        }
        match opcode {
            op::CHUNK if len > MAX_RECORD_BYTES => {
                self.skip(len)?;
                self.damage(at, len, "a chunk too large to be held in memory");
            }
            op::CHUNK => {
                let content = self.read(len)?;
                self.open_chunk(at, content);
            }
            op::SCHEMA | op::CHANNEL | op::MESSAGE | op::METADATA if !self.data_ended => {
                if len > MAX_RECORD_BYTES {
                    self.skip(len)?;
                    self.damage(at, len, "a record too large to be held in memory");
                } else {
                    let content = self.read(len)?;
                    self.record(at, opcode, Bytes::from(content));
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

    fn open_chunk(&mut self, at: u64, content: Vec<u8>) {
        let size = content.len() as u64;
        match unpack_chunk(Bytes::from(content)) {
            Ok(records) => {
                self.chunk = Some(Fields(records));
                self.chunk_at = at;
            }
            Err(what) => self.damage(at, size, what),
        }
    }

    /// One record inside the open chunk.
    fn chunk_step(&mut self) {
        let Some(chunk) = &mut self.chunk else { return };
        if chunk.0.is_empty() {
            self.chunk = None;
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
        let size = content.len() as u64;
        let mut fields = Fields(content);
        let understood = match opcode {
            op::SCHEMA => fields.schema().map(|(id, name)| {
                self.schemas.insert(id, name);
            }),
            op::CHANNEL => fields.channel(&self.schemas).map(|channel| {
                self.channels.insert(channel.id, Arc::new(channel));
            }),
            op::MESSAGE => self.message(fields),
            op::METADATA => fields
                .text()
                .and_then(|name| Some((name, fields.map()?)))
                .map(|(name, values)| {
                    self.found.push_back(Entry::Metadata { name, values });
                }),
            _ => Some(()),
        };
        if understood.is_none() {
            let what = match opcode {
                op::SCHEMA => "a schema that cannot be read",
                op::CHANNEL => "a channel that cannot be read",
                op::MESSAGE => "a message that cannot be read, or of a channel that was not opened",
                _ => "a metadata record that cannot be read",
            };
            self.damage(at, size, what);
        }
    }

    fn message(&mut self, mut fields: Fields) -> Option<()> {
        let id = fields.u16()?;
        let sequence = fields.u32()?;
        let log_time_ns = fields.u64()?;
        let publish_time_ns = fields.u64()?;
        let channel = Arc::clone(self.channels.get(&id)?);
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
