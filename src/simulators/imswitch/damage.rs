//! Pictures broken on purpose.

use bytes::Bytes;

use super::encode::Encoded;
use super::fault::Damage;

/// Where things are in a UC2F packet.
const WIDTH_AT: usize = 8;
const HEIGHT_AT: usize = 12;
const BODY_LENGTH_AT: usize = 32;
const BODY_AT: usize = 36;

/// A copy of `picture`, broken in the `nth` way of [`Damage::ALL`], starting over at its end. A
/// JPEG is cut short or loses its first bytes.
pub(super) fn apply(picture: &Encoded, nth: u64) -> Encoded {
    let way = Damage::ALL[(nth % Damage::ALL.len() as u64) as usize];
    let mut broken = picture.clone();
    let mut body = picture.body.to_vec();
    if picture.is_jpeg() {
        match way {
            Damage::BadMagic => body.iter_mut().take(4).for_each(|byte| *byte = 0),
            _ => body.truncate(body.len() / 2),
        }
        broken.body = body.into();
        return broken;
    }
    match way {
        Damage::BadMagic => put(&mut body, 0, b"NOPE"),
        Damage::ShortBody => body.truncate(BODY_AT + (body.len() - BODY_AT) / 2),
        Damage::SizeMismatch => {
            let width = field(&broken, "width").saturating_mul(2);
            put(&mut body, WIDTH_AT, &width.to_le_bytes());
        }
        Damage::BrokenLz4 => {
            // A good frame header and a block that refers to what was never there.
            let mut rubbish = vec![0x04, 0x22, 0x4d, 0x18, 0x60, 0x40, 0x82];
            rubbish.extend([8, 0, 0, 0, 0x0f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]);
            replace_body(&mut body, &rubbish);
            rename_compression(&mut broken, "lz4");
        }
        Damage::Bomb => {
            replace_body(&mut body, &bomb());
            rename_compression(&mut broken, "zstd");
        }
        Damage::OverflowingSize => {
            put(&mut body, WIDTH_AT, &0x0001_0000_u32.to_le_bytes());
            put(&mut body, HEIGHT_AT, &0x0001_0000_u32.to_le_bytes());
        }
    }
    broken.body = body.into();
    broken
}

/// Appends zeros until the message is `size` bytes long.
pub(super) fn pad(message: &mut Bytes, size: usize) {
    if message.len() < size {
        let mut padded = message.to_vec();
        padded.resize(size, 0);
        *message = padded.into();
    }
}

fn put(body: &mut [u8], at: usize, bytes: &[u8]) {
    if let Some(target) = body.get_mut(at..at + bytes.len()) {
        target.copy_from_slice(bytes);
    }
}

fn replace_body(packet: &mut Vec<u8>, body: &[u8]) {
    packet.truncate(BODY_AT);
    put(packet, BODY_LENGTH_AT, &(body.len() as u32).to_le_bytes());
    packet.extend_from_slice(body);
}

fn field(picture: &Encoded, name: &str) -> u32 {
    let fields = picture.fields.iter();
    let value = fields
        .filter(|(key, _)| *key == name)
        .find_map(|(_, value)| value.as_u64());
    value.and_then(|value| value.try_into().ok()).unwrap_or(0)
}

fn rename_compression(picture: &mut Encoded, name: &str) {
    for (key, value) in &mut picture.fields {
        if *key == "compression_algorithm" {
            *value = name.into();
        }
    }
}

/// 256 MiB of zeros in 8 KiB: a Zstandard frame of 2048 blocks that each repeat one byte.
/// Source: RFC 8878, sections 3.1.1.1 and 3.1.1.2.
fn bomb() -> Vec<u8> {
    const BLOCK: u32 = 128 << 10;
    const BLOCKS: u32 = 2048;
    // Content size in four bytes, a window of one block.
    let mut frame = vec![0x28, 0xb5, 0x2f, 0xfd, 0x80, 0x38];
    frame.extend((BLOCK * BLOCKS).to_le_bytes());
    for nth in 1..=BLOCKS {
        let header = BLOCK << 3 | 1 << 1 | u32::from(nth == BLOCKS);
        frame.extend(&header.to_le_bytes()[..3]);
        frame.push(0);
    }
    frame
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    #[test]
    fn the_bomb_unpacks_to_256_mib() {
        let bomb = bomb();
        assert!(bomb.len() < 9000);
        let mut unpacked = zstd::stream::read::Decoder::new(&bomb[..]).unwrap();
        let (mut total, mut buffer) = (0, vec![1; 1 << 20]);
        loop {
            match unpacked.read(&mut buffer).unwrap() {
                0 => break,
                read => {
                    assert!(buffer[..read].iter().all(|byte| *byte == 0));
                    total += read;
                }
            }
        }
        assert_eq!(total, 256 << 20);
    }
}
