//! Finding the next record where the length of one before it cannot be true.
//!
//! One flipped byte in a length would otherwise cost everything behind it. A record is believed in
//! by what its own fields say of its length. Messages, and the schemas and channels that stand with
//! them, are not looked for: what looks like one may be the inside of a chunk whose checksum nobody
//! would have compared, or the pixels of a picture.

use std::io::{self, Read, Seek, SeekFrom};

use bytes::Bytes;

use super::fields::Fields;
use super::{HEAD_BYTES, RecordingReader, op};

/// Bytes that are looked through at a time.
const WINDOW_BYTES: u64 = 1 << 20;
/// As much of a record as says how long it has to be.
const LOOK_BYTES: u64 = 64;
/// No record begins with a zero, so this many are passed over at once.
const ZEROS: [u8; 4096] = [0; 4096];
/// The last kind of record that there is. Source: MCAP specification, "Records"; above are those
/// of private use.
const LAST_KNOWN: u8 = 0x0f;

impl RecordingReader {
    /// Whether a record, or the end of the file, may stand there.
    pub(super) fn is_record_at(&mut self, at: u64) -> io::Result<bool> {
        let head = self.peek(at, HEAD_BYTES)?;
        let Some((&opcode, len)) = head.split_first() else {
            return Ok(at == self.size);
        };
        let Some(len) = len.first_chunk::<8>().map(|len| u64::from_le_bytes(*len)) else {
            // Cut inside of a head: what is there may be the beginning of one.
            return Ok((1..=LAST_KNOWN).contains(&opcode) || opcode >= 0x80);
        };
        let is_kind = (1..=LAST_KNOWN).contains(&opcode) || opcode >= 0x80;
        // The last chunk of a file that was cut is longer than what is left.
        let has_room = opcode == op::CHUNK || len <= self.size.saturating_sub(at + HEAD_BYTES);
        Ok(is_kind && has_room)
    }

    /// What stands at `at` cannot be a record as it is: goes on at the next one behind it that
    /// can, or ends there.
    pub(super) fn lose_thread(&mut self, at: u64, why: String) -> io::Result<()> {
        match self.find_record(at + 1)? {
            Some(next) => {
                self.file.seek(SeekFrom::Start(next))?;
                self.at = next;
                self.damage(at, next - at, why);
            }
            None => self.cut(at, why),
        }
        Ok(())
    }

    /// The first place from `from` on where a record of a kind that is looked for begins.
    fn find_record(&mut self, from: u64) -> io::Result<Option<u64>> {
        let mut start = from;
        while start < self.size {
            let window = self.peek(start, WINDOW_BYTES + LOOK_BYTES)?;
            let most = (window.len() as u64).min(WINDOW_BYTES);
            let (mut offset, mut is_empty) = (0, true);
            while offset < most {
                let rest = window.get(offset as usize..).unwrap_or_default();
                if rest.starts_with(&ZEROS) {
                    offset += ZEROS.len() as u64;
                    continue;
                }
                is_empty = false;
                let look = rest.get(..LOOK_BYTES as usize).unwrap_or(rest);
                if let Some(end) = end_of_record(look, start + offset)
                    && self.may_follow(end, look)?
                {
                    return Ok(Some(start + offset));
                }
                offset += 1;
            }
            start += most.max(1);
            if is_empty {
                start = self.end_of_hole(start)?;
            }
        }
        Ok(None)
    }

    /// Where bytes that were ever written begin again, from `at` on: what a file system has never
    /// stored reads as zeros, and may be far larger than the disk.
    #[cfg(target_os = "linux")]
    fn end_of_hole(&mut self, at: u64) -> io::Result<u64> {
        let found = rustix::fs::seek(self.file.get_ref(), rustix::fs::SeekFrom::Data(at));
        // That was behind the buffer's back.
        self.file.seek(SeekFrom::Start(self.at))?;
        Ok(match found {
            Ok(data) => data.max(at),
            Err(rustix::io::Errno::NXIO) => self.size,
            Err(_) => at,
        })
    }

    #[cfg(not(target_os = "linux"))]
    fn end_of_hole(&mut self, at: u64) -> io::Result<u64> {
        Ok(at)
    }

    /// Whether what stands at `end` can stand behind the record that begins with `look`.
    fn may_follow(&mut self, end: u64, look: &[u8]) -> io::Result<bool> {
        match look.first() {
            Some(&op::FOOTER) => Ok(end + super::MAGIC.len() as u64 == self.size),
            _ => self.is_record_at(end),
        }
    }

    /// Up to `len` bytes from `at` on, without moving on.
    pub(super) fn peek(&mut self, at: u64, len: u64) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        if at < self.size {
            // Within what is buffered, where that is possible.
            let there = at as i64 - self.at as i64;
            self.file.seek_relative(there)?;
            (&mut self.file).take(len).read_to_end(&mut bytes)?;
            self.file.seek_relative(-there - bytes.len() as i64)?;
        }
        Ok(bytes)
    }
}

pub(super) const MESSAGE_INDEX: u8 = 0x07;

/// Where the record at `at` that begins with `look` ends, if it is of a kind that is looked for and
/// its own fields make up exactly the length it says.
fn end_of_record(look: &[u8], at: u64) -> Option<u64> {
    let by_fields: fn(&mut Fields) -> Option<u64> = match *look.first()? {
        op::CHUNK => chunk_bytes,
        op::METADATA => metadata_bytes,
        op::DATA_END => |_| Some(4),
        op::FOOTER => |_| Some(20),
        MESSAGE_INDEX => index_bytes,
        _ => return None,
    };
    let mut fields = Fields(Bytes::copy_from_slice(look.get(1..)?));
    let len = fields.u64()?;
    (by_fields(&mut fields)? == len).then(|| at.checked_add(HEAD_BYTES)?.checked_add(len))?
}

/// The length of a chunk by its own fields; `None` if they cannot be those of one.
fn chunk_bytes(fields: &mut Fields) -> Option<u64> {
    let (first, last) = (fields.u64()?, fields.u64()?);
    let (_size, _checksum) = (fields.u64()?, fields.u32()?);
    let compression = fields.text()?;
    let is_known = matches!(compression.as_str(), "" | "lz4" | "zstd");
    let records = fields.u64()?;
    let fixed = 8 + 8 + 8 + 4 + 4 + 8 + compression.len() as u64;
    (is_known && first <= last).then(|| records.checked_add(fixed))?
}

/// The same of the index of a chunk's messages of one channel.
fn index_bytes(fields: &mut Fields) -> Option<u64> {
    let _channel = fields.u16()?;
    let entries = u64::from(fields.u32()?);
    // A time and an offset each.
    (entries > 0 && entries.is_multiple_of(16)).then_some(2 + 4 + entries)
}

/// The same of a metadata record.
fn metadata_bytes(fields: &mut Fields) -> Option<u64> {
    let name = fields.text()?;
    let is_name = !name.is_empty() && name.chars().all(|c| !c.is_control());
    let map = u64::from(fields.u32()?);
    is_name.then_some(4 + name.len() as u64 + 4 + map)
}
