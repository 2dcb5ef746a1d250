//! Going straight to a place in a file: which chunks there are, of what time, with messages of which
//! channels, and single messages out of them without reading the pictures between.
//!
//! The index at the end of a finished file says it all at once. Without one the records are walked
//! over, from head to head; what is in the chunks is not read for that either. Nothing here compares
//! checksums of chunks: whoever plays on from a place does.

use std::collections::BTreeMap;
use std::io::{self, Seek, SeekFrom};
use std::sync::Arc;

use bytes::Bytes;

use super::fields::Fields;
use super::thread::MESSAGE_INDEX;
use super::{Entry, HEAD_BYTES, MAX_RECORD_BYTES, RecordedChannel, RecordedMessage};
use super::{RecordingReader, op};

const CHUNK_INDEX: u8 = 0x08;

/// Places of one file that are remembered: a month and more of chunks of a second each.
const MAX_PLACES: usize = 4_000_000;
/// What stands between two wanted messages and is read with them rather than passed over.
const GAP_BYTES: u64 = 16 * 1024;
/// As much of a chunk as says what is in it.
const LOOK_BYTES: u64 = 64;

/// A chunk of a file, or a message outside of any.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Where it begins, in bytes from the start of the file.
    pub at: u64,
    /// The earliest message in it, Unix nanoseconds.
    pub first_ns: u64,
    /// The latest.
    pub last_ns: u64,
    /// The channels that have messages in it, if that is known.
    pub channels: Vec<u16>,
    /// Where its records stand, if they are not packed, and how many bytes they are.
    records: Option<(u64, u64)>,
    /// Where the index of its messages stands, and how many bytes it is; none: (0, 0).
    index: (u64, u64),
}

/// What a reader knows of a file's channels.
#[derive(Clone, Debug, Default)]
pub struct KnownChannels(BTreeMap<u16, Arc<RecordedChannel>>);

/// What was read at a place.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Placed {
    /// Every message there, in its order: its channel, and when it was received.
    pub all: Vec<(u16, u64)>,
    /// Those that were wanted, with their number among all.
    pub wanted: Vec<(u32, RecordedMessage)>,
}

/// What is known of one message by the index.
#[derive(Clone, Copy, Debug)]
struct Listed {
    channel: u16,
    log_time_ns: u64,
    /// From the beginning of the chunk's records.
    offset: u64,
}

impl RecordingReader {
    /// Where what came last stands: its chunk, or itself if it is in none.
    pub fn place_bytes(&self) -> u64 {
        self.record_at
    }

    /// A channel of the file, once it is known.
    pub fn channel(&self, id: u16) -> Option<&RecordedChannel> {
        self.channels.get(&id).map(|channel| &**channel)
    }

    /// The channels that are known so far.
    pub fn channels(&self) -> KnownChannels {
        KnownChannels(self.channels.clone())
    }

    /// Takes over what another reader of the same file knows of its channels: each is described once,
    /// which may be in front of the place that is read from.
    pub fn learn(&mut self, known: &KnownChannels) {
        self.channels.clone_from(&known.0);
    }

    /// Goes on with the record at `at`.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn go_to(&mut self, at: u64) -> io::Result<()> {
        self.file.seek(SeekFrom::Start(at))?;
        self.at = at;
        self.chunk = None;
        self.found.clear();
        self.data_ended = false;
        self.ending = None;
        // The checksum of all data is not to be had any more.
        self.damaged = true;
        Ok(())
    }

    /// The places of a finished file, by its index; `None` if there is none, or it is damaged.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn indexed_places(&mut self) -> io::Result<Option<Vec<Place>>> {
        let before = self.at;
        let index = self.whole_index()?;
        self.go_to(before)?;
        let Some(index) = index else {
            return Ok(None);
        };
        let mut places = Vec::new();
        let mut records = Fields(index);
        while let Some((opcode, len)) = records.u8().zip(records.u64())
            && let Some(content) = records.bytes(len)
        {
            if opcode != CHUNK_INDEX {
                continue;
            }
            let place = Fields(content).chunk_index();
            let is_inside = |place: &Place| {
                let end = place.records.map_or(place.at, |(at, len)| at + len);
                end <= self.size && place.index.0.saturating_add(place.index.1) <= self.size
            };
            match place.filter(is_inside) {
                Some(place) if places.len() < MAX_PLACES => places.push(place),
                // An index that is wrong in one place is believed in none.
                _ => return Ok(None),
            }
        }
        places.sort_by_key(|place| place.at);
        Ok((!places.is_empty()).then_some(places))
    }

    /// The next place from here on; `None` behind the last one. For files without an index.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn next_place(&mut self) -> io::Result<Option<Place>> {
        while self.ending.is_none() {
            let at = self.at;
            let head = self.peek(at, HEAD_BYTES + LOOK_BYTES)?;
            let mut fields = Fields(Bytes::from(head));
            let Some((opcode, len)) = fields.u8().zip(fields.u64()) else {
                return Ok(None);
            };
            let end = at.saturating_add(HEAD_BYTES).saturating_add(len);
            if opcode == 0 || end > self.size || !self.is_record_at(end)? {
                self.lose_thread(at, "no record".to_owned())?;
                self.found.clear();
                continue;
            }
            let place = match opcode {
                op::DATA_END | op::FOOTER => return Ok(None),
                op::CHUNK => fields.chunk_head(at, len),
                op::MESSAGE => fields.message_head(at),
                op::SCHEMA | op::CHANNEL if len <= MAX_RECORD_BYTES => {
                    let content = self.peek(at + HEAD_BYTES, len)?;
                    self.describe(opcode, Fields(Bytes::from(content)));
                    None
                }
                _ => None,
            };
            self.pass(end)?;
            if let Some(place) = place {
                return self.with_index(place).map(Some);
            }
        }
        Ok(None)
    }

    /// Moves on to `at` without reading what is between.
    fn pass(&mut self, at: u64) -> io::Result<()> {
        self.file.seek_relative(at as i64 - self.at as i64)?;
        self.at = at;
        Ok(())
    }

    /// The place with the index that stands behind it, and its channels described.
    fn with_index(&mut self, mut place: Place) -> io::Result<Place> {
        place.index = (self.at, 0);
        while place.records.is_some() {
            let head = self.peek(self.at, HEAD_BYTES + 2)?;
            let mut fields = Fields(Bytes::from(head));
            let (opcode, len) = (fields.u8(), fields.u64());
            let end = len.and_then(|len| self.at.checked_add(HEAD_BYTES)?.checked_add(len));
            let (Some(MESSAGE_INDEX), Some(end), Some(channel)) = (opcode, end, fields.u16())
            else {
                break;
            };
            if end > self.size {
                break;
            }
            place.channels.push(channel);
            self.pass(end)?;
            place.index.1 = end - place.index.0;
        }
        let unknown = |id: &u16| !self.channels.contains_key(id);
        if place.channels.iter().any(unknown) || place.channels.is_empty() {
            let next = self.at;
            // They are described in the chunk that first needs them.
            let read = self.read_place(&place, &mut |_| false)?;
            if place.channels.is_empty() {
                place.channels = read.all.iter().map(|(channel, _)| *channel).collect();
                place.channels.sort_unstable();
                place.channels.dedup();
            }
            self.go_to(next)?;
        }
        Ok(place)
    }

    /// The messages of a place, those of the `wanted` channels with what they say. What is not
    /// packed is read only where it is wanted.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn messages_at(
        &mut self,
        place: &Place,
        wanted: &mut dyn FnMut(&RecordedChannel) -> bool,
    ) -> io::Result<Placed> {
        let listed = self.listed(place)?;
        let (Some(records), Some(listed)) = (place.records, listed) else {
            return self.read_place(place, wanted);
        };
        let is_wanted: Vec<bool> = listed
            .iter()
            .map(|entry| self.channel(entry.channel).is_some_and(&mut *wanted))
            .collect();
        let mut placed = Placed {
            all: listed.iter().map(|e| (e.channel, e.log_time_ns)).collect(),
            wanted: Vec::new(),
        };
        let end_of = |nth: usize| listed.get(nth + 1).map_or(records.1, |next| next.offset);
        let mut nth = 0;
        while nth < listed.len() {
            if !is_wanted[nth] {
                nth += 1;
                continue;
            }
            // As many as stand close together are read at once.
            let (first, mut last) = (nth, nth);
            for next in nth + 1..listed.len() {
                if listed[next].offset.saturating_sub(end_of(last)) > GAP_BYTES {
                    break;
                }
                if is_wanted[next] {
                    last = next;
                }
            }
            let from = listed[first].offset;
            let len = end_of(last).saturating_sub(from).min(MAX_RECORD_BYTES);
            let bytes = self.bytes_at(records.0 + from, len)?;
            let together = listed.iter().enumerate().take(last + 1).skip(first);
            for (nth, entry) in together.filter(|(nth, _)| is_wanted[*nth]) {
                if let Some(message) = self.message_in(&bytes, entry.offset - from) {
                    placed.wanted.push((nth as u32, message));
                }
            }
            nth = last + 1;
        }
        Ok(placed)
    }

    /// The message whose record begins at `offset` of what was read.
    fn message_in(&self, bytes: &Bytes, offset: u64) -> Option<RecordedMessage> {
        let offset = usize::try_from(offset).ok()?;
        let rest = (offset <= bytes.len()).then(|| bytes.slice(offset..))?;
        let mut fields = Fields(rest);
        let (opcode, len) = (fields.u8()?, fields.u64()?);
        let mut message = Fields(fields.bytes(len)?);
        let channel = message.u16()?;
        let channel = (opcode == op::MESSAGE).then(|| self.channels.get(&channel))??;
        Some(RecordedMessage {
            channel: channel.clone(),
            sequence: message.u32()?,
            log_time_ns: message.u64()?,
            publish_time_ns: message.u64()?,
            data: message.0,
        })
    }

    /// What the index says of the messages of a place, in the order of the file.
    fn listed(&mut self, place: &Place) -> io::Result<Option<Vec<Listed>>> {
        let (at, len) = place.index;
        if len == 0 || len > MAX_RECORD_BYTES {
            return Ok(None);
        }
        let mut records = Fields(self.bytes_at(at, len)?);
        let mut listed = Vec::new();
        while let Some((opcode, len)) = records.u8().zip(records.u64())
            && let Some(content) = records.bytes(len)
        {
            let mut fields = Fields(content);
            let (Some(channel), Some(size)) = (fields.u16(), fields.u32()) else {
                return Ok(None);
            };
            let pairs = fields
                .bytes(u64::from(size))
                .filter(|_| opcode == MESSAGE_INDEX);
            let Some(pairs) = pairs else { return Ok(None) };
            let mut pairs = Fields(pairs);
            while let Some((log_time_ns, offset)) = pairs.u64().zip(pairs.u64()) {
                listed.push(Listed {
                    channel,
                    log_time_ns,
                    offset,
                });
            }
        }
        listed.sort_by_key(|entry| entry.offset);
        let fits = |entry: &Listed| place.records.is_none_or(|(_, len)| entry.offset < len);
        Ok(listed.iter().all(fits).then_some(listed))
    }

    /// The same by reading all of it.
    fn read_place(
        &mut self,
        place: &Place,
        wanted: &mut dyn FnMut(&RecordedChannel) -> bool,
    ) -> io::Result<Placed> {
        self.go_to(place.at)?;
        let mut placed = Placed::default();
        while let Some(entry) = self.next_of(place.at) {
            let Entry::Message(message) = entry else {
                continue;
            };
            let nth = placed.all.len() as u32;
            placed.all.push((message.channel.id, message.log_time_ns));
            if wanted(&message.channel) {
                placed.wanted.push((nth, message));
            }
        }
        Ok(placed)
    }

    /// The next entry, if it belongs to the place at `at`.
    fn next_of(&mut self, at: u64) -> Option<Entry> {
        loop {
            if let Some(entry) = self.found.pop_front() {
                return (self.record_at == at).then_some(entry);
            }
            if self.chunk.is_some() {
                self.chunk_step();
            } else if self.ending.is_some() || self.at > at {
                return None;
            } else if let Err(error) = self.step() {
                self.cut(at, format!("the system could not read on: {error}"));
            }
        }
    }
}

impl Fields {
    /// Source: MCAP specification, "Chunk Index".
    fn chunk_index(&mut self) -> Option<Place> {
        let (first_ns, last_ns) = (self.u64()?, self.u64()?);
        let (at, chunk_len) = (self.u64()?, self.u64()?);
        let map_len = self.u32()?;
        let mut map = Fields(self.bytes(u64::from(map_len))?);
        let index_len = self.u64()?;
        let compression = self.text()?;
        let (packed, _size) = (self.u64()?, self.u64()?);
        let mut channels = Vec::new();
        let mut index_at = None;
        while let Some((channel, offset)) = map.u16().zip(map.u64()) {
            channels.push(channel);
            index_at = Some(index_at.map_or(offset, |first: u64| first.min(offset)));
        }
        let end = at.checked_add(chunk_len)?;
        let records_at = end.checked_sub(packed)?;
        Some(Place {
            at,
            first_ns,
            last_ns,
            channels,
            records: compression.is_empty().then_some((records_at, packed)),
            index: index_at.map_or((0, 0), |at| (at, index_len)),
        })
    }

    /// The place of a chunk whose record at `at` has `len` bytes. Source: MCAP specification,
    /// "Chunk".
    fn chunk_head(&mut self, at: u64, len: u64) -> Option<Place> {
        let (first_ns, last_ns) = (self.u64()?, self.u64()?);
        let (_size, _checksum) = (self.u64()?, self.u32()?);
        let compression = self.text()?;
        let packed = self.u64()?;
        let end = at.checked_add(HEAD_BYTES)?.checked_add(len)?;
        let records_at = end.checked_sub(packed)?;
        Some(Place {
            at,
            first_ns,
            last_ns,
            channels: Vec::new(),
            records: compression.is_empty().then_some((records_at, packed)),
            index: (0, 0),
        })
    }

    /// The place of a message outside of any chunk.
    fn message_head(&mut self, at: u64) -> Option<Place> {
        let (channel, _sequence, log_time_ns) = (self.u16()?, self.u32()?, self.u64()?);
        Some(Place {
            at,
            first_ns: log_time_ns,
            last_ns: log_time_ns,
            channels: vec![channel],
            records: None,
            index: (0, 0),
        })
    }
}
