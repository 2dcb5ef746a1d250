use bytes::Bytes;
use jpeg_encoder::{ColorType, Encoder};
use proptest::prelude::*;

use super::*;
use crate::model::{Compression, FrameEncoding, PlainText, SourceId};

fn frame(encoding: FrameEncoding, size: Option<(u32, u32)>, body: Vec<u8>) -> Frame {
    Frame {
        detector: PlainText::from("cam"),
        number: Some(7),
        width_px: size.map(|(width, _)| width),
        height_px: size.map(|(_, height)| height),
        encoding,
        body: Bytes::from(body),
        pixel_size_um: Some(0.5),
        subsampling: 1,
        bit_depth: None,
        device_ns: None,
        lost_before: 0,
    }
}

fn mono16(width: u32, values: &[u16]) -> Frame {
    let body = values.iter().flat_map(|v| v.to_le_bytes()).collect();
    let size = (width, values.len() as u32 / width);
    frame(FrameEncoding::Mono16(Compression::None), Some(size), body)
}

fn encoded(width: u16, height: u16, color: ColorType, pixels: &[u8]) -> Vec<u8> {
    let mut file = Vec::new();
    Encoder::new(&mut file, 100)
        .encode(pixels, width, height, color)
        .unwrap();
    file
}

fn grey_jpeg(width: u16, height: u16) -> Vec<u8> {
    let pixels: Vec<u8> = (0..usize::from(width) * usize::from(height))
        .map(|i| (i % usize::from(width)) as u8)
        .collect();
    encoded(width, height, ColorType::Luma, &pixels)
}

fn camera() -> CameraKey {
    CameraKey {
        source: SourceId(0),
        detector: PlainText::from("cam"),
    }
}

fn make_with(maker: &mut PictureMaker, frame: &Frame) -> Result<Picture, ImagingError> {
    let request = PictureRequest::plain(camera(), 40, 10);
    let clock = Clock::manual(5);
    maker.make(camera(), frame, Stamp::default(), &request, &clock)
}

fn make(frame: &Frame) -> Result<Picture, ImagingError> {
    make_with(&mut PictureMaker::new(), frame)
}

#[test]
fn a_grey_picture_says_what_it_is() {
    let values: Vec<u16> = (0..400).map(|i| 100 + i * 5).collect();
    let picture = make(&mono16(20, &values)).unwrap();
    assert_eq!(picture.frame_size_px, (20, 20));
    assert_eq!((picture.width_px, picture.height_px), (20, 20));
    assert_eq!(picture.pixels.len(), 400);
    assert_eq!(picture.number, Some(7));
    assert_eq!(picture.pixel_size_um, Some(0.5));
    assert_eq!(picture.decoded.unix_ns, 5);
    assert_eq!(picture.bit_depth, 12);
    assert_eq!(picture.value_range, (100, 2095));
    assert_eq!(picture.window, (100, 2095));
    assert_eq!(picture.pixels.first(), Some(&[0; 3]));
    assert_eq!(picture.pixels.last(), Some(&[255; 3]));
}

#[test]
fn the_bit_depth_is_found_and_values_are_as_the_camera_has_them() {
    let cases: [(&str, Frame, u8, (u16, u16)); 5] = [
        ("12 bits", mono16(2, &[16, 4080]), 12, (16, 4080)),
        ("16 bits", mono16(2, &[16, 40_001]), 16, (16, 40_001)),
        (
            "8 bits in the high byte",
            mono16(2, &[0x1000, 0xf000]),
            8,
            (16, 240),
        ),
        (
            "8 bits",
            frame(FrameEncoding::Mono8, Some((2, 1)), vec![16, 240]),
            8,
            (16, 240),
        ),
        (
            "black of 8 bits",
            frame(FrameEncoding::Mono8, Some((2, 1)), vec![0, 0]),
            8,
            (0, 0),
        ),
    ];
    for (name, frame, bit_depth, range) in cases {
        let picture = make(&frame).unwrap();
        assert_eq!(picture.bit_depth, bit_depth, "{name}");
        assert_eq!(picture.value_range, range, "{name}");
    }
}

#[test]
fn a_camera_that_changes_its_encoding_starts_afresh() {
    let mut maker = PictureMaker::new();
    assert_eq!(
        make_with(&mut maker, &mono16(2, &[1, 60_000]))
            .unwrap()
            .bit_depth,
        16
    );
    assert_eq!(
        make_with(&mut maker, &mono16(2, &[1, 900]))
            .unwrap()
            .bit_depth,
        16
    );
    let eight = frame(FrameEncoding::Mono8, Some((1, 1)), vec![9]);
    assert_eq!(make_with(&mut maker, &eight).unwrap().bit_depth, 8);
    assert_eq!(
        make_with(&mut maker, &mono16(2, &[1, 900]))
            .unwrap()
            .bit_depth,
        12
    );
}

#[test]
fn jpegs_are_shown_in_grey_and_in_colour() {
    let body = grey_jpeg(40, 20);
    let picture = make(&frame(FrameEncoding::Jpeg, None, body)).unwrap();
    assert_eq!(picture.frame_size_px, (40, 20));
    assert_eq!(picture.bit_depth, 8);
    assert!(
        picture.value_range.1.abs_diff(39) <= 1,
        "{:?}",
        picture.value_range
    );
    assert!(picture.pixels.iter().all(|[r, g, b]| r == g && g == b));

    let red: Vec<u8> = [200, 10, 10].repeat(40 * 20);
    let body = encoded(40, 20, ColorType::Rgb, &red);
    let picture = make(&frame(FrameEncoding::Jpeg, Some((40, 20)), body)).unwrap();
    assert_eq!((picture.width_px, picture.height_px), (40, 20));
    assert!(
        picture
            .pixels
            .iter()
            .all(|[r, g, b]| *r > 240 && *g < 20 && *b < 20)
    );
}

#[test]
fn a_progressive_jpeg_is_shown() {
    let mut file = Vec::new();
    let mut encoder = Encoder::new(&mut file, 90);
    encoder.set_progressive(true);
    encoder
        .encode(&[77; 64 * 64], 64, 64, ColorType::Luma)
        .unwrap();
    assert_eq!(
        make(&frame(FrameEncoding::Jpeg, None, file))
            .unwrap()
            .frame_size_px,
        (64, 64)
    );
}

#[test]
fn a_flat_large_jpeg_is_not_taken_for_a_bomb() {
    let body = encoded(2048, 2048, ColorType::Luma, &vec![0; 2048 * 2048]);
    let mut file = Vec::new();
    let mut encoder = Encoder::new(&mut file, 1);
    encoder.set_optimized_huffman_tables(true);
    encoder
        .encode(&vec![0; 2048 * 2048], 2048, 2048, ColorType::Luma)
        .unwrap();
    for body in [body, file] {
        make(&frame(FrameEncoding::Jpeg, None, body)).unwrap();
    }
}

#[test]
fn compressed_pixels_are_unpacked() {
    use std::io::Write;
    let plain = mono16(4, &[0, 1, 255, 256, 4095, 16, 4080, 65_535]);
    let mut lz4 = lz4_flex::frame::FrameEncoder::new(Vec::new());
    lz4.write_all(&plain.body).unwrap();
    let cases = [
        (Compression::Lz4, lz4.finish().unwrap()),
        (
            Compression::Zstd,
            zstd::encode_all(&plain.body[..], 1).unwrap(),
        ),
    ];
    let want = make(&plain).unwrap();
    for (compression, body) in cases {
        let frame = frame(FrameEncoding::Mono16(compression), Some((4, 2)), body);
        assert_eq!(make(&frame).unwrap(), want, "{compression:?}");
    }
}

#[test]
fn sizes_at_the_edge_are_drawn() {
    let cases = [
        (1, 1),
        (1, 7),
        (7, 1),
        (3, 5),
        (101, 33),
        (65_535, 1),
        (1, 65_535),
    ];
    for (width, height) in cases {
        let values = vec![500; (width * height) as usize];
        let picture = make(&mono16(width, &values)).unwrap();
        assert_eq!(picture.frame_size_px, (width, height));
        assert!(picture.width_px <= 40 && picture.height_px <= 20);
        assert_eq!(
            picture.pixels.len(),
            usize::from(picture.width_px) * usize::from(picture.height_px)
        );
    }
}

#[test]
fn twenty_megapixels_are_drawn() {
    let body = vec![3; 5000 * 4000 * 2];
    let big = frame(
        FrameEncoding::Mono16(Compression::None),
        Some((5000, 4000)),
        body,
    );
    let picture = make(&big).unwrap();
    assert_eq!((picture.width_px, picture.height_px), (25, 20));
    assert_eq!(picture.value_range, (0x0303, 0x0303));
}

#[test]
fn what_cannot_be_shown_is_refused_with_its_reason() {
    use Compression::{Lz4, None as Plain};
    use FrameEncoding::{Jpeg, Mono8, Mono16};
    let whole = grey_jpeg(64, 64);
    let mut huge = whole.clone();
    let sof = huge
        .windows(2)
        .position(|pair| pair == [0xff, 0xc0])
        .unwrap();
    huge[sof + 5..sof + 9].copy_from_slice(&[0x20, 0, 0x20, 0]);
    let mut larger = huge.clone();
    larger[sof + 5..sof + 9].copy_from_slice(&[0xff, 0xff, 0xff, 0xff]);
    let cases = [
        (
            frame(Mono16(Plain), None, vec![]),
            "the frame does not say how many columns and rows it has",
        ),
        (
            frame(Mono16(Plain), Some((0, 0)), vec![]),
            "the frame is 0x0: there is nothing in it",
        ),
        (
            frame(Mono8, Some((2, 2)), vec![0; 3]),
            "the frame has 3 bytes of pixels where its size needs 4",
        ),
        (
            frame(Mono16(Plain), Some((2, 2)), vec![0; 9]),
            "the frame has 9 bytes of pixels where its size needs 8",
        ),
        (
            frame(Mono16(Lz4), Some((u32::MAX, u32::MAX)), vec![]),
            "the frame is 4294967295x4294967295; at most 64 Mpx and 65535 a side are shown",
        ),
        (
            frame(Mono8, Some((9000, 9000)), vec![]),
            "the frame is 9000x9000; at most 64 Mpx and 65535 a side are shown",
        ),
        (
            frame(Jpeg, Some((64, 32)), whole.clone()),
            "the frame was announced as 64x32 pixels and is 64x64",
        ),
        (
            frame(Jpeg, None, huge),
            "the JPEG claims 8192x8192 pixels, which its",
        ),
        (
            frame(Jpeg, None, larger),
            "the frame is 65535x65535; at most 64 Mpx",
        ),
        (
            frame(Jpeg, None, whole[..whole.len() - 2].to_vec()),
            "the JPEG is cut short: its",
        ),
        (frame(Jpeg, None, vec![]), "the JPEG is damaged: "),
        (
            frame(Jpeg, None, b"<html>404</html>".to_vec()),
            "the JPEG is damaged: ",
        ),
    ];
    for (frame, want) in cases {
        let got = make(&frame).unwrap_err().to_string();
        assert!(got.starts_with(want), "\n got {got}\nwant {want}");
    }
}

#[test]
fn a_jpeg_cut_anywhere_is_refused() {
    let whole = grey_jpeg(64, 48);
    for len in 0..whole.len() {
        let cut = frame(FrameEncoding::Jpeg, None, whole[..len].to_vec());
        assert!(make(&cut).is_err(), "cut to {len} of {} bytes", whole.len());
    }
}

#[test]
fn inventing_names_of_cameras_costs_no_memory() {
    let mut maker = PictureMaker::new();
    let request = PictureRequest::plain(camera(), 1, 1);
    for i in 0..1000 {
        let key = CameraKey {
            source: SourceId(0),
            detector: PlainText::from(format!("cam {i}")),
        };
        let clock = Clock::manual(0);
        maker
            .make(key, &mono16(1, &[1]), Stamp::default(), &request, &clock)
            .unwrap();
        assert!(maker.cameras.len() <= MAX_CAMERAS);
    }
}

fn encodings() -> impl Strategy<Value = FrameEncoding> {
    prop_oneof![
        Just(FrameEncoding::Jpeg),
        Just(FrameEncoding::Mono8),
        Just(FrameEncoding::Mono16(Compression::None)),
        Just(FrameEncoding::Mono16(Compression::Lz4)),
        Just(FrameEncoding::Mono16(Compression::Zstd)),
    ]
}

proptest! {
    #[test]
    fn no_bytes_panic(
        encoding in encodings(),
        size in proptest::option::of((0_u32..6, 0_u32..6)),
        body in proptest::collection::vec(any::<u8>(), 0..80),
    ) {
        let _ = make(&frame(encoding, size, body));
    }

    #[test]
    fn no_damage_to_a_jpeg_panics(
        progressive in any::<bool>(),
        color in any::<bool>(),
        changes in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 1..8),
    ) {
        let mut body = Vec::new();
        let mut encoder = Encoder::new(&mut body, 80);
        encoder.set_progressive(progressive);
        let kind = if color { ColorType::Rgb } else { ColorType::Luma };
        let pixels: Vec<u8> = (0..48 * 24).map(|i| (i * 7) as u8).collect();
        let width = if color { 16 } else { 48 };
        encoder.encode(&pixels, width, 24, kind).unwrap();
        for (index, value) in changes {
            let at = index.index(body.len());
            body[at] = value;
        }
        if let Ok(picture) = make(&frame(FrameEncoding::Jpeg, None, body)) {
            prop_assert!(picture.width_px <= 40 && picture.height_px <= 20);
        }
    }
}
