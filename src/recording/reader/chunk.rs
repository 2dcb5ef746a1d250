//! The records inside a chunk: unpacked within bounds, and checked.

use std::io::Read;

use bytes::Bytes;

use super::MAX_RECORD_BYTES;
use super::fields::Fields;

/// The records of a chunk, unpacked and checked. Source: MCAP specification, "Chunk".
///
/// Returns them, and whether there was a checksum to compare.
pub(super) fn unpack_chunk(content: Bytes) -> Result<(Bytes, bool), String> {
    const SHORT: &str = "a chunk whose head is cut short";
    let mut fields = Fields(content);
    let _start = fields.u64().ok_or(SHORT)?;
    let _end = fields.u64().ok_or(SHORT)?;
    let size = fields.u64().ok_or(SHORT)?;
    let saved = fields.u32().ok_or(SHORT)?;
    let compression = fields.text().ok_or(SHORT)?;
    let packed_size = fields.u64().ok_or(SHORT)?;
    let packed = fields.bytes(packed_size).ok_or(SHORT)?;
    if !fields.0.is_empty() {
        return Err("a chunk that is longer than what is in it".to_owned());
    }
    if size > MAX_RECORD_BYTES {
        return Err("a chunk too large to be held in memory".to_owned());
    }
    let records = match compression.as_str() {
        "" => packed,
        "lz4" => inflate(lz4_flex::frame::FrameDecoder::new(&packed[..]), size)?,
        "zstd" => {
            let decoder = zstd::stream::read::Decoder::with_buffer(&packed[..])
                .map_err(|error| format!("a chunk that cannot be unpacked: {error}"))?;
            inflate(decoder, size)?
        }
        other => {
            let other = crate::model::PlainText::from_peer(other);
            return Err(format!(
                "a chunk packed with \"{other}\", which is not known"
            ));
        }
    };
    if records.len() as u64 != size {
        return Err(format!(
            "a chunk of {} bytes that should have {size}",
            records.len()
        ));
    }
    // 0 stands for "not computed".
    if saved != 0 && crc32fast::hash(&records) != saved {
        return Err("a chunk whose checksum does not match".to_owned());
    }
    Ok((records, saved != 0))
}

/// At most one byte more than announced, which is enough to see that there is more.
fn inflate(from: impl Read, size: u64) -> Result<Bytes, String> {
    let mut records = Vec::new();
    from.take(size.saturating_add(1))
        .read_to_end(&mut records)
        .map_err(|error| format!("a chunk that cannot be unpacked: {error}"))?;
    Ok(Bytes::from(records))
}
