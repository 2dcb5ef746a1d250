//! From what a camera delivers to what is sent: a UC2F packet or a JPEG, with the metadata both
//! have in every dialect.

use std::io;
use std::io::Write as _;
use std::time::Instant;

use bytes::Bytes;
use serde_json::Value;

use super::camera::{Picture, Pixels};
use super::stream_params::{Compression, StreamParams};

/// How a live view sends its pictures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Protocol {
    Binary,
    Jpeg,
}

impl Protocol {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Binary => "binary",
            Self::Jpeg => "jpeg",
        }
    }
}

/// How bright 16-bit pixels are made in JPEG: a shift that only ever grows while a stream runs.
#[derive(Clone, Copy, Debug)]
pub(super) struct JpegShift(u32);

impl Default for JpegShift {
    fn default() -> Self {
        Self(4)
    }
}

/// A picture ready to be put into a packet.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Encoded {
    pub detector: String,
    /// Micrometres per sensor pixel, without subsampling.
    pub pixel_um: f64,
    /// Unix seconds when the encoding was done.
    pub server_timestamp: f64,
    /// Counts the pictures of all streams; the older dialects tell it.
    pub number: u64,
    pub protocol: Protocol,
    /// The metadata that belong to the protocol, in the captured order.
    pub fields: Vec<(&'static str, Value)>,
    /// The UC2F packet or the JPEG file.
    pub body: Bytes,
}

impl Encoded {
    pub(super) fn is_jpeg(&self) -> bool {
        self.protocol == Protocol::Jpeg
    }
}

/// What the packet header and the metadata say of a picture besides its pixels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Taken {
    /// Unix nanoseconds.
    pub timestamp_ns: u64,
    /// Counts the pictures of all streams.
    pub number: u64,
}

/// Encodes `picture` as `protocol` with `params` ask.
///
/// # Errors
/// The picture is too large for JPEG (65535 pixels on a side), or a compressor failed.
pub(super) fn encode(
    picture: &Picture,
    protocol: Protocol,
    params: &StreamParams,
    taken: Taken,
    shift: &mut JpegShift,
) -> io::Result<Encoded> {
    let begun = Instant::now();
    let (fields, body) = match protocol {
        Protocol::Binary => packet(picture, params, taken.timestamp_ns, begun)?,
        Protocol::Jpeg => (
            vec![("jpeg_quality", params.jpeg_quality.into())],
            jpeg(picture, params.jpeg_quality, shift)?.into(),
        ),
    };
    let encoded_ns = taken.timestamp_ns as f64 + begun.elapsed().as_nanos() as f64;
    Ok(Encoded {
        detector: picture.detector.clone(),
        pixel_um: picture.pixel_um,
        server_timestamp: encoded_ns / 1e9,
        number: taken.number,
        protocol,
        fields,
        body,
    })
}

/// The magic, the version and three bytes of padding that begin every packet.
const HEAD: [u8; 8] = *b"UC2F\x01\0\0\0";

/// A UC2F packet, its 32 bytes of header written by hand.
fn packet(
    picture: &Picture,
    params: &StreamParams,
    timestamp_ns: u64,
    begun: Instant,
) -> io::Result<(Vec<(&'static str, Value)>, Bytes)> {
    let raw = picture.pixels.to_grey16_bytes();
    let body = match params.compression {
        Compression::None => raw.clone(),
        Compression::Lz4 => lz4(&raw)?,
        Compression::Zstd => zstd::bulk::compress(&raw, params.zstd_level())?,
    };
    let mut out = Vec::with_capacity(36 + body.len());
    out.extend(HEAD);
    out.extend(picture.width.to_le_bytes());
    out.extend(picture.height.to_le_bytes());
    out.extend(picture.width.saturating_mul(2).to_le_bytes());
    // The header says 12 bits, one channel, grey, whatever the camera delivers.
    out.extend([12, 0, 1, 0]);
    out.extend(timestamp_ns.to_le_bytes());
    out.extend((body.len() as u32).to_le_bytes());
    out.extend_from_slice(&body);

    let ratio = raw.len() as f64 / body.len().max(1) as f64;
    let fields = vec![
        ("width", picture.width.into()),
        ("height", picture.height.into()),
        ("original_width", picture.cropped_px.0.into()),
        ("original_height", picture.cropped_px.1.into()),
        ("subsampling_factor", picture.step.into()),
        ("compression_algorithm", params.compression.name().into()),
        ("compression_level", params.level.into()),
        ("raw_bytes", raw.len().into()),
        ("compressed_bytes", body.len().into()),
        ("packet_bytes", out.len().into()),
        ("compression_ratio", ratio.into()),
        (
            "encode_time_ms",
            (begun.elapsed().as_secs_f64() * 1e3).into(),
        ),
        ("timestamp_ns", timestamp_ns.into()),
    ];
    Ok((fields, out.into()))
}

/// An LZ4 frame as the captured ones: independent blocks of 64 KiB, content size, no checksums.
fn lz4(raw: &[u8]) -> io::Result<Vec<u8>> {
    use lz4_flex::frame::{BlockMode, BlockSize, FrameEncoder, FrameInfo};
    let info = FrameInfo::new()
        .block_mode(BlockMode::Independent)
        .block_size(BlockSize::Max64KB)
        .content_size(Some(raw.len() as u64));
    let mut encoder = FrameEncoder::with_frame_info(info, Vec::new());
    encoder.write_all(raw)?;
    encoder.finish().map_err(io::Error::other)
}

fn jpeg(picture: &Picture, quality: i64, shift: &mut JpegShift) -> io::Result<Vec<u8>> {
    use jpeg_encoder::{ColorType, Encoder};
    let side = |pixels: u32| u16::try_from(pixels).map_err(io::Error::other);
    let (width, height) = (side(picture.width)?, side(picture.height)?);
    let mut out = Vec::new();
    let encoder = Encoder::new(&mut out, quality.clamp(1, 100) as u8);
    let done = match &picture.pixels {
        Pixels::Grey8(pixels) => encoder.encode(pixels, width, height, ColorType::Luma),
        Pixels::Rgb8(pixels) => encoder.encode(pixels, width, height, ColorType::Rgb),
        Pixels::Grey16(pixels) => {
            let largest = pixels.iter().copied().max().unwrap_or(0);
            while largest >> shift.0 > 255 {
                shift.0 += 1;
            }
            let pixels: Vec<u8> = pixels.iter().map(|p| (p >> shift.0) as u8).collect();
            encoder.encode(&pixels, width, height, ColorType::Luma)
        }
    };
    done.map_err(io::Error::other)?;
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture(width: u32, height: u32, pixels: Pixels) -> Picture {
        Picture {
            detector: "Cam".to_owned(),
            pixel_um: 1.0,
            width,
            height,
            cropped_px: (width, height),
            step: 1,
            pixels,
        }
    }

    fn encode_binary(compression: Compression, pixels: Pixels, width: u32, height: u32) -> Encoded {
        let params = StreamParams {
            compression,
            ..StreamParams::default()
        };
        let taken = Taken {
            timestamp_ns: 1_700_000_000_123_456_789,
            number: 0,
        };
        let picture = picture(width, height, pixels);
        encode(
            &picture,
            Protocol::Binary,
            &params,
            taken,
            &mut JpegShift::default(),
        )
        .unwrap()
    }

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|b| format!("{b:02x}")).collect()
    }

    /// Source: the worked example of the protocol's description.
    #[test]
    fn the_packet_of_the_worked_example() {
        let pixels = vec![0, 1, 255, 256, 4095, 16, 4080, 65535];
        let header = "55433246010000000400000002000000080000000c00010015cd853dfe9c9717";
        let cases = [
            (
                Compression::None,
                "1000000000000100ff000001ff0f1000f00fffff",
            ),
            (
                Compression::Lz4,
                "2700000004224d1868401000000000000000651000008000000100ff000001ff0f1000f00fffff00000000",
            ),
            (
                Compression::Zstd,
                "1900000028b52ffd201081000000000100ff000001ff0f1000f00fffff",
            ),
        ];
        for (compression, body) in cases {
            let encoded = encode_binary(compression, Pixels::Grey16(pixels.clone()), 4, 2);
            assert_eq!(
                hex(&encoded.body),
                format!("{header}{body}"),
                "{compression:?}"
            );
        }
    }

    #[test]
    fn bytes_and_colours_are_sent_as_grey_shifted_up() {
        let grey = encode_binary(Compression::None, Pixels::Grey8(vec![0, 255]), 2, 1);
        assert_eq!(&grey.body[36..], [0, 0, 0, 255]);
        let colour = encode_binary(Compression::None, Pixels::Rgb8(vec![100, 200, 50]), 1, 1);
        // 0.2989 * 100 + 0.5870 * 200 + 0.1140 * 50 = 152.99
        assert_eq!(&colour.body[36..], [0, 152]);
    }

    #[test]
    fn jpeg_has_three_components_only_in_colour_and_dims_bright_pictures_for_good() {
        let mut shift = JpegShift::default();
        let params = StreamParams::default();
        let taken = Taken {
            timestamp_ns: 0,
            number: 0,
        };
        for (pixels, components, expected_shift) in [
            (Pixels::Grey16(vec![4095; 64]), 1, 4),
            (Pixels::Grey16(vec![65535; 64]), 1, 8),
            (Pixels::Grey16(vec![4095; 64]), 1, 8),
            (Pixels::Grey8(vec![7; 64]), 1, 8),
            (Pixels::Rgb8(vec![7; 192]), 3, 8),
        ] {
            let picture = picture(8, 8, pixels);
            let encoded = encode(&picture, Protocol::Jpeg, &params, taken, &mut shift).unwrap();
            let start = encoded
                .body
                .windows(2)
                .position(|w| w == [0xff, 0xc0])
                .unwrap();
            assert_eq!(encoded.body[start + 9], components);
            assert_eq!(shift.0, expected_shift);
        }
    }
}
