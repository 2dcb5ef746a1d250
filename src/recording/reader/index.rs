//! What the end of a finished file says of its channels. Each is described once among the data, in
//! the chunk that first needs it; if that chunk is damaged, this is what tells the messages of all
//! the others apart.

use std::io::{self, Read, Seek, SeekFrom};

use bytes::Bytes;

use super::fields::Fields;
use super::{HEAD_BYTES, MAGIC, MAX_RECORD_BYTES, RecordingReader, op};

/// The footer's fields. Source: MCAP specification, "Footer".
const FOOTER_BYTES: u64 = 20;

impl RecordingReader {
    /// Takes the schemas and channels of the index in, if there is one whose checksum matches; the
    /// file is left at its start.
    ///
    /// # Errors
    /// The file cannot be read.
    pub(super) fn read_ahead(&mut self) -> io::Result<()> {
        let index = self.whole_index()?;
        self.take_channels(index.unwrap_or_default());
        self.file.rewind()
    }

    /// The records of the index, if there is one whose checksum matches. The file is left anywhere.
    pub(super) fn whole_index(&mut self) -> io::Result<Option<Bytes>> {
        let end = HEAD_BYTES + FOOTER_BYTES + MAGIC.len() as u64;
        match self.size.checked_sub(end) {
            Some(footer_at) => self.index(footer_at),
            None => Ok(None),
        }
    }

    /// The records of the index.
    fn index(&mut self, footer_at: u64) -> io::Result<Option<Bytes>> {
        let footer = self.bytes_at(footer_at, HEAD_BYTES + FOOTER_BYTES)?;
        let mut fields = Fields(footer.clone());
        let is_footer = fields.u8() == Some(op::FOOTER) && fields.u64() == Some(FOOTER_BYTES);
        let (start, _offsets) = (fields.u64(), fields.u64());
        let saved = fields.u32();
        let Some((start, saved)) = start
            .zip(saved)
            .filter(|(start, _)| is_footer && *start > 0)
        else {
            return Ok(None);
        };
        let size = footer_at.checked_sub(start);
        let Some(size) = size.filter(|size| *size <= MAX_RECORD_BYTES) else {
            return Ok(None);
        };
        let index = self.bytes_at(start, size)?;
        let mut hash = crc32fast::Hasher::new();
        hash.update(&index);
        // The checksum covers all of the footer but itself.
        hash.update(
            footer
                .get(..footer.len().saturating_sub(4))
                .unwrap_or_default(),
        );
        Ok((hash.finalize() == saved).then_some(index))
    }

    fn take_channels(&mut self, index: Bytes) {
        let mut records = Fields(index);
        while let Some((opcode, len)) = records.u8().zip(records.u64())
            && let Some(content) = records.bytes(len)
        {
            if matches!(opcode, op::SCHEMA | op::CHANNEL) {
                self.describe(opcode, Fields(content));
            }
        }
    }

    pub(super) fn bytes_at(&mut self, at: u64, len: u64) -> io::Result<Bytes> {
        let mut bytes = Vec::new();
        // Past the buffer, which is for what stands in front of it.
        let file = self.file.get_mut();
        file.seek(SeekFrom::Start(at))?;
        file.take(len).read_to_end(&mut bytes)?;
        Ok(bytes.into())
    }
}
