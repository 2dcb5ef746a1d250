//! The UC2F packet: a header of 32 bytes, a length, and one grey 16-bit picture.
//!
//! Everything is checked here that can be without unpacking the picture, so that what passes can
//! be kept, shown by its size and recorded as it is.

use bytes::Bytes;

use crate::model::Compression;

/// The most pixels a picture may claim to have unless told otherwise: 64 Mpx.
pub const MAX_PIXELS: u64 = 64 << 20;

const HEADER_BYTES: usize = 36;
const LZ4_MAGIC: [u8; 4] = [0x04, 0x22, 0x4d, 0x18];
const ZSTD_MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

/// A checked packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packet {
    /// Columns.
    pub width_px: u32,
    /// Rows.
    pub height_px: u32,
    /// What the header calls the bit depth. Servers write a constant: not to be trusted.
    pub stated_bit_depth: u16,
    /// When the server made the packet, Unix nanoseconds.
    pub timestamp_ns: u64,
    /// The picture, perhaps compressed, shared with the message.
    pub body: Bytes,
}

/// Why a packet is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PacketError {
    /// Not even a header.
    #[error("the packet has {got} bytes, its header alone needs {HEADER_BYTES}")]
    Short {
        /// Bytes there were.
        got: usize,
    },
    /// Something else.
    #[error("the packet begins with {got:02x?}, not with \"UC2F\"")]
    Magic {
        /// The first four bytes.
        got: [u8; 4],
    },
    /// A later version.
    #[error("the packet is of version {got}, known is 1")]
    Version {
        /// The version stated.
        got: u8,
    },
    /// Colour or Bayer pixels, defined and never seen.
    #[error(
        "the packet holds {channels} channels in pixel format {format}, known is 1 channel in format 0"
    )]
    PixelFormat {
        /// Channels per pixel.
        channels: u8,
        /// Code of the format.
        format: u8,
    },
    /// No pixels.
    #[error("the packet states a picture of {width}x{height} pixels")]
    Empty {
        /// Columns stated.
        width: u32,
        /// Rows stated.
        height: u32,
    },
    /// Over our own limit.
    #[error("the packet states a picture of {width}x{height} pixels, the limit is {limit} in all")]
    TooLarge {
        /// Columns stated.
        width: u32,
        /// Rows stated.
        height: u32,
        /// Most pixels allowed.
        limit: u64,
    },
    /// The message ends before the body does.
    #[error("the packet states a body of {stated} bytes, the message has {got} left")]
    BodyCut {
        /// Length in the header.
        stated: u32,
        /// Bytes after the header.
        got: usize,
    },
    /// An uncompressed body of the wrong length.
    #[error("the picture has {got} bytes uncompressed, its size needs {want}")]
    BodyLength {
        /// Bytes of the body.
        got: usize,
        /// `width * height * 2`.
        want: usize,
    },
    /// The body does not begin as its compression does.
    #[error("the picture is said to be {} and does not begin so", named.as_str())]
    NotCompressed {
        /// What the metadata says.
        named: Compression,
    },
}

impl Packet {
    /// Reads a packet from the start of `message`; what follows the body is ignored.
    ///
    /// - `max_pixels`: most pixels to accept, see [`MAX_PIXELS`]
    ///
    /// # Errors
    /// The header is not one of version 1, grey 16 bit; or its sizes do not fit the message or
    /// the limit.
    pub fn parse(message: &Bytes, max_pixels: u64) -> Result<Self, PacketError> {
        let Some(h) = message.first_chunk::<HEADER_BYTES>() else {
            return Err(match message.first_chunk::<4>() {
                Some(got) if got != b"UC2F" => PacketError::Magic { got: *got },
                _ => PacketError::Short { got: message.len() },
            });
        };
        let magic = [h[0], h[1], h[2], h[3]];
        if &magic != b"UC2F" {
            return Err(PacketError::Magic { got: magic });
        }
        if h[4] != 1 {
            return Err(PacketError::Version { got: h[4] });
        }
        let (channels, format) = (h[22], h[23]);
        if channels != 1 || format != 0 {
            return Err(PacketError::PixelFormat { channels, format });
        }
        let width = u32::from_le_bytes([h[8], h[9], h[10], h[11]]);
        let height = u32::from_le_bytes([h[12], h[13], h[14], h[15]]);
        let pixels = u64::from(width).saturating_mul(u64::from(height));
        if pixels == 0 {
            return Err(PacketError::Empty { width, height });
        }
        if pixels > max_pixels || usize::try_from(pixels.saturating_mul(2)).is_err() {
            return Err(PacketError::TooLarge {
                width,
                height,
                limit: max_pixels,
            });
        }
        let stated = u32::from_le_bytes([h[32], h[33], h[34], h[35]]);
        let rest = message.slice(HEADER_BYTES..);
        let cut = PacketError::BodyCut {
            stated,
            got: rest.len(),
        };
        let body = match usize::try_from(stated) {
            Ok(length) if length <= rest.len() => rest.slice(..length),
            _ => return Err(cut),
        };
        Ok(Self {
            width_px: width,
            height_px: height,
            stated_bit_depth: u16::from_le_bytes([h[20], h[21]]),
            timestamp_ns: u64::from_le_bytes([
                h[24], h[25], h[26], h[27], h[28], h[29], h[30], h[31],
            ]),
            body,
        })
    }

    /// Bytes of the picture once unpacked: `width * height * 2`.
    pub fn pixel_bytes(&self) -> usize {
        let pixels = u64::from(self.width_px).saturating_mul(u64::from(self.height_px));
        usize::try_from(pixels.saturating_mul(2)).unwrap_or(usize::MAX)
    }

    /// How the body is compressed.
    ///
    /// - `named`: what the metadata says, if there is any. It goes before the first bytes, because
    ///   an uncompressed picture may by chance begin like a compressed one
    ///
    /// # Errors
    /// The body begins otherwise than `named`, or is not compressed and has the wrong length.
    pub fn compression(&self, named: Option<&str>) -> Result<Compression, PacketError> {
        let begins = match self.body.first_chunk::<4>() {
            Some(&LZ4_MAGIC) => Compression::Lz4,
            Some(&ZSTD_MAGIC) => Compression::Zstd,
            _ => Compression::None,
        };
        let compression = match named {
            Some("none") => Compression::None,
            Some("lz4") => Compression::Lz4,
            Some("zstd") => Compression::Zstd,
            _ => begins,
        };
        match compression {
            Compression::None if self.body.len() != self.pixel_bytes() => {
                Err(PacketError::BodyLength {
                    got: self.body.len(),
                    want: self.pixel_bytes(),
                })
            }
            Compression::Lz4 | Compression::Zstd if begins != compression => {
                Err(PacketError::NotCompressed { named: compression })
            }
            fits => Ok(fits),
        }
    }
}

#[cfg(test)]
#[allow(clippy::indexing_slicing, clippy::arithmetic_side_effects)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Source: the worked example of the packet, four by two pixels, uncompressed.
    const EXAMPLE: [u8; 52] = [
        0x55, 0x43, 0x32, 0x46, 1, 0, 0, 0, 4, 0, 0, 0, 2, 0, 0, 0, 8, 0, 0, 0, 12, 0, 1, 0, 0x15,
        0xcd, 0x85, 0x3d, 0xfe, 0x9c, 0x97, 0x17, 16, 0, 0, 0, 0, 0, 1, 0, 0xff, 0, 0, 1, 0xff,
        0x0f, 0x10, 0, 0xf0, 0x0f, 0xff, 0xff,
    ];

    #[test]
    fn the_worked_example_is_read() {
        let packet = Packet::parse(&Bytes::from_static(&EXAMPLE), MAX_PIXELS).unwrap();
        assert_eq!((packet.width_px, packet.height_px), (4, 2));
        assert_eq!(packet.stated_bit_depth, 12);
        assert_eq!(packet.timestamp_ns, 1_700_000_000_123_456_789);
        assert_eq!(packet.body[..], EXAMPLE[36..]);
        assert_eq!(packet.compression(None), Ok(Compression::None));
        assert_eq!(packet.compression(Some("none")), Ok(Compression::None));
        assert_eq!(
            packet.compression(Some("lz4")),
            Err(PacketError::NotCompressed {
                named: Compression::Lz4
            })
        );
    }

    #[test]
    fn each_wrong_field_has_its_own_error() {
        // (offset, bytes put there, error)
        let cases: [(usize, &[u8], PacketError); 8] = [
            (3, b"G", PacketError::Magic { got: *b"UC2G" }),
            (4, &[2], PacketError::Version { got: 2 }),
            (
                22,
                &[3],
                PacketError::PixelFormat {
                    channels: 3,
                    format: 0,
                },
            ),
            (
                23,
                &[2],
                PacketError::PixelFormat {
                    channels: 1,
                    format: 2,
                },
            ),
            (
                8,
                &[0],
                PacketError::Empty {
                    width: 0,
                    height: 2,
                },
            ),
            (
                8,
                &[0xff; 8],
                PacketError::TooLarge {
                    width: u32::MAX,
                    height: u32::MAX,
                    limit: MAX_PIXELS,
                },
            ),
            (
                32,
                &[17],
                PacketError::BodyCut {
                    stated: 17,
                    got: 16,
                },
            ),
            (
                32,
                &[0xff; 4],
                PacketError::BodyCut {
                    stated: u32::MAX,
                    got: 16,
                },
            ),
        ];
        for (offset, bytes, error) in cases {
            let mut packet = EXAMPLE.to_vec();
            packet[offset..offset + bytes.len()].copy_from_slice(bytes);
            assert_eq!(
                Packet::parse(&packet.into(), MAX_PIXELS),
                Err(error),
                "{bytes:?} at {offset}"
            );
        }
    }

    #[test]
    fn an_uncompressed_picture_may_begin_like_a_compressed_one() {
        let mut bytes = EXAMPLE.to_vec();
        bytes[36..40].copy_from_slice(&LZ4_MAGIC);
        let packet = Packet::parse(&bytes.into(), MAX_PIXELS).unwrap();
        assert_eq!(packet.compression(Some("none")), Ok(Compression::None));
        assert_eq!(packet.compression(None), Ok(Compression::Lz4));
    }

    proptest! {
        #[test]
        fn no_header_panics_or_makes_a_packet_that_does_not_fit(
            change in proptest::collection::vec((0..52_usize, any::<u8>()), 0..8),
            cut in 0..=52_usize,
        ) {
            let mut bytes = EXAMPLE.to_vec();
            for (at, byte) in change {
                bytes[at] = byte;
            }
            bytes.truncate(cut);
            if let Ok(packet) = Packet::parse(&bytes.into(), 1000) {
                prop_assert!(packet.pixel_bytes() <= 2000);
                prop_assert!(packet.body.len() <= 16);
                let _ = packet.compression(None);
            }
        }
    }
}
