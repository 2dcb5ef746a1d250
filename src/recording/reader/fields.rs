//! The fields of MCAP records. Source: MCAP specification, "Records" and "Serialization".

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;

use super::{Attachment, RecordedChannel, RecordedSchema, Statistics};

/// The fields of a record, taken from its front. `None` where it is too short.
#[derive(Debug)]
pub(super) struct Fields(pub(super) Bytes);

impl Fields {
    pub(super) fn bytes(&mut self, len: u64) -> Option<Bytes> {
        let len = usize::try_from(len).ok()?;
        (len <= self.0.len()).then(|| self.0.split_to(len))
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let array = *self.0.first_chunk::<N>()?;
        let _ = self.0.split_to(N);
        Some(array)
    }

    pub(super) fn u8(&mut self) -> Option<u8> {
        self.array().map(u8::from_le_bytes)
    }

    pub(super) fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_le_bytes)
    }

    pub(super) fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }

    pub(super) fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_le_bytes)
    }

    pub(super) fn text(&mut self) -> Option<String> {
        let len = self.u32()?;
        let bytes = self.bytes(u64::from(len))?;
        Some(String::from_utf8_lossy(&bytes).into_owned())
    }

    pub(super) fn map(&mut self) -> Option<BTreeMap<String, String>> {
        let len = self.u32()?;
        let mut entries = Fields(self.bytes(u64::from(len))?);
        let mut map = BTreeMap::new();
        while !entries.0.is_empty() {
            map.insert(entries.text()?, entries.text()?);
        }
        Some(map)
    }

    pub(super) fn schema(&mut self) -> Option<(u16, RecordedSchema)> {
        let id = self.u16()?;
        let name = self.text()?;
        let encoding = self.text()?;
        let len = self.u32()?;
        let schema = RecordedSchema {
            name,
            encoding,
            data: self.bytes(u64::from(len))?,
        };
        Some((id, schema))
    }

    pub(super) fn channel(
        &mut self,
        schemas: &BTreeMap<u16, Arc<RecordedSchema>>,
    ) -> Option<RecordedChannel> {
        let id = self.u16()?;
        let schema = schemas.get(&self.u16()?);
        Some(RecordedChannel {
            id,
            schema: schema.map(|schema| schema.name.clone()).unwrap_or_default(),
            definition: schema.cloned(),
            topic: self.text()?,
            encoding: self.text()?,
            metadata: self.map()?,
        })
    }

    pub(super) fn attachment(&mut self) -> Option<Attachment> {
        let whole = self.0.clone();
        let (log_time_ns, create_time_ns) = (self.u64()?, self.u64()?);
        let (name, media_type) = (self.text()?, self.text()?);
        let len = self.u64()?;
        let data = self.bytes(len)?;
        let covered = whole.len().checked_sub(self.0.len())?;
        let saved = self.u32()?;
        let is_right = saved == 0 || crc32fast::hash(whole.get(..covered)?) == saved;
        is_right.then_some(Attachment {
            log_time_ns,
            create_time_ns,
            name,
            media_type,
            data,
        })
    }

    pub(super) fn statistics(&mut self) -> Option<Statistics> {
        let messages = self.u64()?;
        let (_schemas, _channels) = (self.u16()?, self.u32()?);
        let (attachments, metadata, chunks) = (self.u32()?, self.u32()?, self.u32()?);
        let (_first, _last) = (self.u64()?, self.u64()?);
        let len = self.u32()?;
        let mut counts = Fields(self.bytes(u64::from(len))?);
        let mut by_channel = BTreeMap::new();
        while !counts.0.is_empty() {
            by_channel.insert(counts.u16()?, counts.u64()?);
        }
        Some(Statistics {
            messages,
            attachments,
            metadata,
            chunks,
            by_channel,
        })
    }
}
