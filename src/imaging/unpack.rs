//! Undoing the compression of a 16-bit picture: for the screen, for snapshots, for exports.
//!
//! The picture's size comes from a header that may lie, so the output is bounded by what the
//! caller expects and never by what the compressed data announces.

use std::io::Read;

use crate::model::{Compression, PlainText};

/// Why a picture could not be unpacked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnpackError {
    /// It ended early.
    #[error("the picture unpacks to {got} bytes, its size needs {want}")]
    TooShort {
        /// Bytes there were.
        got: usize,
        /// Bytes the size of the picture asks for.
        want: usize,
    },
    /// There was more than the size of the picture holds. How much more was not looked at: it may
    /// be a decompression bomb.
    #[error("the picture unpacks to more than the {want} bytes that its size needs")]
    TooLong {
        /// Bytes the size of the picture asks for.
        want: usize,
    },
    /// The compressed data is damaged.
    #[error("the picture's {} data is damaged: {detail}", compression.as_str())]
    Damaged {
        /// What it was said to be.
        compression: Compression,
        /// What the decompressor found.
        detail: PlainText,
    },
}

/// Replaces the contents of `into` by the `expected_bytes` that `body` unpacks to.
///
/// - `expected_bytes`: `width * height * 2` for 16-bit grey, checked against a limit by the caller;
///   no more than this is ever written
/// - `into`: reused from picture to picture, so that a stream allocates once
///
/// # Errors
/// The data is damaged or does not unpack to exactly `expected_bytes`; `into` then holds nothing
/// of use.
pub fn unpack(
    compression: Compression,
    body: &[u8],
    expected_bytes: usize,
    into: &mut Vec<u8>,
) -> Result<(), UnpackError> {
    match compression {
        Compression::None => {
            check_length(body.len(), expected_bytes)?;
            into.clear();
            into.extend_from_slice(body);
            Ok(())
        }
        Compression::Lz4 => lz4(body, expected_bytes, into),
        Compression::Zstd => zstd(body, expected_bytes, into),
    }
}

fn lz4(body: &[u8], want: usize, into: &mut Vec<u8>) -> Result<(), UnpackError> {
    into.clear();
    // Grows as pixels come out, so a few bytes that claim to be a large picture cost little.
    // One byte more than expected tells a picture that is too long from one that fits.
    let limit = u64::try_from(want).unwrap_or(u64::MAX).saturating_add(1);
    lz4_flex::frame::FrameDecoder::new(body)
        .take(limit)
        .read_to_end(into)
        .map_err(|error| damaged(Compression::Lz4, &error))?;
    check_length(into.len(), want)
}

fn zstd(body: &[u8], want: usize, into: &mut Vec<u8>) -> Result<(), UnpackError> {
    // The frame usually says how long it is: a wrong length is refused before room is made.
    if let Ok(Some(announced)) = zstd::zstd_safe::get_frame_content_size(body) {
        check_length(usize::try_from(announced).unwrap_or(usize::MAX), want)?;
    }
    into.resize(want, 0);
    // In one piece: the decompressor then needs no window of its own, whose size the data would
    // choose, and it stops at the end of the buffer.
    let got = zstd::bulk::Decompressor::new()
        .and_then(|mut decompressor| decompressor.decompress_to_buffer(body, &mut into[..]))
        .map_err(|error| damaged(Compression::Zstd, &error))?;
    check_length(got, want)
}

fn check_length(got: usize, want: usize) -> Result<(), UnpackError> {
    match got.cmp(&want) {
        std::cmp::Ordering::Less => Err(UnpackError::TooShort { got, want }),
        std::cmp::Ordering::Equal => Ok(()),
        std::cmp::Ordering::Greater => Err(UnpackError::TooLong { want }),
    }
}

fn damaged(compression: Compression, error: &std::io::Error) -> UnpackError {
    UnpackError::Damaged {
        compression,
        detail: PlainText::from(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // Source: the worked example of the UC2F packet, eight 16-bit pixels in three packings.
    const PIXELS: [u8; 16] = [
        0, 0, 1, 0, 0xff, 0, 0, 1, 0xff, 0x0f, 0x10, 0, 0xf0, 0x0f, 0xff, 0xff,
    ];
    const LZ4: [u8; 39] = [
        0x04, 0x22, 0x4d, 0x18, 0x68, 0x40, 0x10, 0, 0, 0, 0, 0, 0, 0, 0x65, 0x10, 0, 0, 0x80, 0,
        0, 1, 0, 0xff, 0, 0, 1, 0xff, 0x0f, 0x10, 0, 0xf0, 0x0f, 0xff, 0xff, 0, 0, 0, 0,
    ];
    const ZSTD: [u8; 25] = [
        0x28, 0xb5, 0x2f, 0xfd, 0x20, 0x10, 0x81, 0, 0, 0, 0, 1, 0, 0xff, 0, 0, 1, 0xff, 0x0f,
        0x10, 0, 0xf0, 0x0f, 0xff, 0xff,
    ];
    const ALL: [(Compression, &[u8]); 3] = [
        (Compression::None, &PIXELS),
        (Compression::Lz4, &LZ4),
        (Compression::Zstd, &ZSTD),
    ];

    #[test]
    fn the_worked_example_unpacks_to_the_same_pixels() {
        // One buffer for all, as in use: what was in it before must not show.
        let mut pixels = vec![7; 99];
        for (compression, body) in ALL {
            assert_eq!(unpack(compression, body, 16, &mut pixels), Ok(()));
            assert_eq!(pixels, PIXELS, "{compression:?}");
        }
    }

    #[test]
    fn a_length_that_does_not_match_is_refused() {
        for (compression, body) in ALL {
            let mut pixels = Vec::new();
            assert!(
                unpack(compression, body, 14, &mut pixels).is_err(),
                "{compression:?} holds more than 14 bytes"
            );
            assert_eq!(
                unpack(compression, body, 18, &mut pixels),
                Err(UnpackError::TooShort { got: 16, want: 18 }),
                "{compression:?}"
            );
        }
    }

    #[test]
    fn a_picture_that_ends_early_is_refused() {
        // LZ4 ends with four zeros that hold no pixel; without them the picture is still whole.
        let holding_pixels = [16, LZ4.len() - 4, ZSTD.len()];
        for ((compression, body), holding) in ALL.into_iter().zip(holding_pixels) {
            for end in 0..holding {
                let mut pixels = Vec::new();
                assert!(
                    unpack(compression, &body[..end], 16, &mut pixels).is_err(),
                    "{compression:?} cut at {end}"
                );
            }
        }
    }

    #[test]
    fn a_bomb_is_stopped_at_the_expected_size() {
        let zeros = vec![0_u8; 8 << 20];
        let mut lz4 = lz4_flex::frame::FrameEncoder::new(Vec::new());
        std::io::Write::write_all(&mut lz4, &zeros).unwrap();
        let bombs = [
            (Compression::Lz4, lz4.finish().unwrap()),
            (Compression::Zstd, zstd::bulk::compress(&zeros, 1).unwrap()),
        ];
        for (compression, bomb) in bombs {
            let mut pixels = Vec::new();
            assert_eq!(
                unpack(compression, &bomb, 32, &mut pixels),
                Err(UnpackError::TooLong { want: 32 }),
                "{compression:?}"
            );
            assert!(pixels.capacity() < 1 << 20, "{compression:?}");
        }
    }

    #[test]
    fn a_few_bytes_do_not_make_room_for_a_large_picture() {
        // Announces 128 MiB and holds 16 bytes.
        for (compression, body) in ALL {
            let mut pixels = Vec::new();
            assert!(unpack(compression, body, 128 << 20, &mut pixels).is_err());
            assert!(pixels.capacity() < 1 << 20, "{compression:?}");
        }
    }
}
