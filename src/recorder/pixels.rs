//! Making pictures readable for other tools: packed pixels are unpacked before they are written.

use bytes::Bytes;

use crate::imaging::unpack;
use crate::model::{Compression, Frame, FrameEncoding};

/// The most a picture may unpack to: 128 million pixels of 16 bits. Whoever sends more is refused
/// before anything is made room for.
pub const MAX_PICTURE_BYTES: usize = 256 * 1024 * 1024;

/// Checks a frame's size against its body, and unpacks the body where it is packed.
///
/// - `buffer`: reused from picture to picture; it comes back by [`give_back`]
///
/// Returns what is to be written in place of the body, `None` for the body itself.
///
/// # Errors
/// Why its pixels cannot be read.
pub fn readable(frame: &Frame, buffer: &mut Vec<u8>) -> Result<Option<Bytes>, String> {
    let compression = match frame.encoding {
        FrameEncoding::Jpeg => return Ok(None),
        FrameEncoding::Mono16(compression) => compression,
        FrameEncoding::Mono8 | FrameEncoding::Rgb8 | FrameEncoding::Yuyv | FrameEncoding::Nv12 => {
            Compression::None
        }
    };
    let (Some(width), Some(height)) = (frame.width_px, frame.height_px) else {
        return Err("nothing says how wide and high it is".to_owned());
    };
    let name = frame.encoding.as_str();
    let bytes = frame
        .encoding
        .body_bytes(width, height)
        .ok_or_else(|| format!("there are no {name} pictures of {width}x{height} pixels"))?;
    let bytes = usize::try_from(bytes)
        .ok()
        .filter(|bytes| *bytes <= MAX_PICTURE_BYTES)
        .ok_or_else(|| format!("{width}x{height} pixels are more than is taken"))?;
    if compression == Compression::None {
        return if frame.body.len() == bytes {
            Ok(None)
        } else {
            Err(format!(
                "it has {} bytes, {width}x{height} pixels need {bytes}",
                frame.body.len()
            ))
        };
    }
    unpack(compression, &frame.body, bytes, buffer).map_err(|error| error.to_string())?;
    Ok(Some(Bytes::from(std::mem::take(buffer))))
}

/// Takes the buffer back after the pixels were copied from it.
pub fn give_back(pixels: Bytes, buffer: &mut Vec<u8>) {
    // No copy, unless somebody still holds the pixels.
    *buffer = Vec::from(pixels);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::PlainText;

    fn frame(encoding: FrameEncoding, size: Option<(u32, u32)>, body: &'static [u8]) -> Frame {
        Frame {
            detector: PlainText::from("Cam"),
            number: None,
            width_px: size.map(|size| size.0),
            height_px: size.map(|size| size.1),
            encoding,
            body: Bytes::from_static(body),
            pixel_size_um: None,
            subsampling: 1,
            bit_depth: None,
            device_ns: None,
            lost_before: 0,
        }
    }

    #[test]
    fn only_pictures_that_fit_their_size_are_readable() {
        const RAW: FrameEncoding = FrameEncoding::Mono16(Compression::None);
        const LZ4: FrameEncoding = FrameEncoding::Mono16(Compression::Lz4);
        let check = |encoding, size, body, good: bool| {
            let found = readable(&frame(encoding, size, body), &mut Vec::new());
            assert_eq!(found.is_ok(), good, "{encoding:?} {size:?}: {found:?}");
        };
        check(FrameEncoding::Jpeg, None, b"anything", true);
        check(FrameEncoding::Mono8, Some((2, 2)), b"abcd", true);
        check(FrameEncoding::Mono8, Some((2, 3)), b"abcd", false);
        check(FrameEncoding::Mono8, None, b"abcd", false);
        check(RAW, Some((1, 2)), b"abcd", true);
        check(RAW, Some((u32::MAX, u32::MAX)), b"abcd", false);
        check(LZ4, Some((1, 2)), b"abcd", false);
        check(LZ4, Some((40_000, 40_000)), b"abcd", false);
    }

    #[test]
    fn the_buffer_is_used_again() {
        let packed = zstd_of(b"abcd");
        let mut zstd = frame(FrameEncoding::Mono16(Compression::Zstd), Some((1, 2)), b"");
        zstd.body = Bytes::from(packed);
        let mut buffer = Vec::with_capacity(1000);
        let pixels = readable(&zstd, &mut buffer).unwrap().unwrap();
        assert_eq!(&pixels[..], b"abcd");
        give_back(pixels, &mut buffer);
        assert!(buffer.capacity() >= 1000);
    }

    fn zstd_of(bytes: &[u8]) -> Vec<u8> {
        zstd::bulk::compress(bytes, 1).unwrap()
    }
}
