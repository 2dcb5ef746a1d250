//! The fields of MCAP records. Source: MCAP specification, "Records" and "Serialization".

use std::collections::BTreeMap;

use bytes::Bytes;

use super::RecordedChannel;

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

    pub(super) fn schema(&mut self) -> Option<(u16, String)> {
        Some((self.u16()?, self.text()?))
    }

    pub(super) fn channel(&mut self, schemas: &BTreeMap<u16, String>) -> Option<RecordedChannel> {
        let id = self.u16()?;
        let schema = self.u16()?;
        Some(RecordedChannel {
            id,
            schema: schemas.get(&schema).cloned().unwrap_or_default(),
            topic: self.text()?,
            encoding: self.text()?,
            metadata: self.map()?,
        })
    }
}
