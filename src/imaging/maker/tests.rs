use bytes::Bytes;
use jpeg_encoder::{ColorType, Encoder};
use proptest::prelude::*;

use super::*;
use crate::imaging::color_map::{OVER, UNDER};
use crate::imaging::{ColorMap, Reference, Segment, View};
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
        let picture = Picture {
            frame: want.frame.clone(),
            ..make(&frame).unwrap()
        };
        assert!(picture == want, "{compression:?}");
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
        Just(FrameEncoding::Rgb8),
        Just(FrameEncoding::Yuyv),
        Just(FrameEncoding::Nv12),
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

fn view_of(maker: &mut PictureMaker, frame: &Frame, view: View) -> Picture {
    let request = PictureRequest {
        view,
        ..PictureRequest::plain(camera(), 40, 10)
    };
    let clock = Clock::manual(5);
    maker
        .make(camera(), frame, Stamp::default(), &request, &clock)
        .unwrap()
}

fn part(x: u32, y: u32, width: u32, height: u32) -> Option<Roi> {
    Some(Roi {
        x,
        y,
        width,
        height,
    })
}

/// 20 columns and 20 rows, 5 more each pixel.
fn ramp() -> Frame {
    mono16(20, &(0..400).map(|i| 100 + i * 5).collect::<Vec<u16>>())
}

#[test]
fn a_part_is_enlarged_and_drawn_as_in_the_whole() {
    let mut maker = PictureMaker::new();
    let whole = view_of(&mut maker, &ramp(), View::default());
    let cases = [
        (part(5, 5, 10, 5), (40, 20)),
        (part(0, 0, 1, 1), (20, 20)),
        (part(19, 19, 1, 1), (20, 20)),
        (part(10, 0, 99, 99), (10, 20)),
        (part(0, 18, u32::MAX, u32::MAX), (40, 4)),
    ];
    for (part, size) in cases {
        let view = View {
            part,
            ..View::default()
        };
        let picture = view_of(&mut maker, &ramp(), view);
        let shown = picture.part;
        assert_eq!(Some(shown), part.unwrap().within((20, 20)));
        assert_eq!((picture.width_px, picture.height_px), size, "{part:?}");
        // What is said of the frame is said of all of it, and the same value is drawn alike.
        assert_eq!(picture.window, whole.window);
        assert_eq!(picture.value_range, whole.value_range);
        let corner = shown.y as usize * 20 + shown.x as usize;
        assert_eq!(picture.pixels[0], whole.pixels[corner], "{part:?}");
    }
}

#[test]
fn a_part_outside_shows_the_whole_frame() {
    for part in [part(20, 0, 5, 5), part(0, 20, 5, 5), part(3, 3, 0, 9)] {
        let view = View {
            part,
            ..View::default()
        };
        let picture = view_of(&mut PictureMaker::new(), &ramp(), view);
        assert_eq!(picture.part, Roi::all((20, 20)));
    }
}

#[test]
fn contrast_is_what_was_chosen() {
    let bytes = frame(FrameEncoding::Mono8, Some((2, 1)), vec![16, 240]);
    let ten = Frame {
        bit_depth: Some(10),
        ..mono16(2, &[16, 900])
    };
    let fixed = |black, white| Contrast::Fixed { black, white };
    let cases = [
        (&bytes, Contrast::Auto, (16, 240)),
        (&bytes, Contrast::Full, (0, 255)),
        (&bytes, fixed(20, 100), (20, 100)),
        (&bytes, fixed(300, 100), (254, 255)),
        (&ten, Contrast::Full, (0, 1023)),
        (&ten, fixed(20, 20), (20, 21)),
        (&ten, fixed(u16::MAX, u16::MAX), (1022, 1023)),
    ];
    for (frame, contrast, want) in cases {
        let view = View {
            contrast,
            ..View::default()
        };
        let picture = view_of(&mut PictureMaker::new(), frame, view);
        assert_eq!(picture.window, want, "{contrast:?}");
    }
}

#[test]
fn levels_are_bent_turned_and_coloured() {
    let frame = Frame {
        bit_depth: Some(12),
        ..mono16(3, &[0, 2048, 4095])
    };
    let full = View {
        contrast: Contrast::Full,
        ..View::default()
    };
    let cases = [
        (full, [[0; 3], [128; 3], [255; 3]]),
        (View { gamma: 2.0, ..full }, [[0; 3], [180; 3], [255; 3]]),
        (
            View {
                invert: true,
                ..full
            },
            [[255; 3], [127; 3], [0; 3]],
        ),
        (
            View {
                color_map: ColorMap::Green,
                ..full
            },
            [[0; 3], [0, 128, 0], [0, 255, 0]],
        ),
        (
            View {
                mark_clipped: true,
                ..full
            },
            [UNDER, [128; 3], OVER],
        ),
    ];
    for (view, want) in cases {
        let picture = view_of(&mut PictureMaker::new(), &frame, view);
        let width = usize::from(picture.width_px);
        let thirds = [0, width / 2, width - 1].map(|x| picture.pixels[x]);
        let near = thirds.iter().flatten().zip(want.iter().flatten());
        assert!(
            near.clone().all(|(got, want)| got.abs_diff(*want) <= 1),
            "{view:?}: {thirds:?}"
        );
    }
}

#[test]
fn a_difference_is_drawn_around_its_zero() {
    let mut maker = PictureMaker::new();
    let difference = View {
        difference: true,
        ..View::default()
    };
    let before = mono16(3, &[100, 100, 100]);
    let after = mono16(3, &[100, 300, 50]);
    let picture = view_of(&mut maker, &after, difference);
    assert_eq!(picture.reference, Reference::Missing);
    assert_eq!(
        picture.pixels,
        view_of(&mut maker, &after, View::default()).pixels
    );

    let taken = Stamp {
        mono_ns: 3,
        unix_ns: 4,
    };
    maker
        .set_reference(camera(), before.clone(), taken)
        .unwrap();
    let picture = view_of(&mut maker, &after, difference);
    assert_eq!(
        picture.reference,
        Reference::Subtracted {
            number: Some(7),
            received: taken,
            span: 200,
        }
    );
    let width = usize::from(picture.width_px);
    let zero = [0x19, 0x0c, 0x09];
    assert_eq!(picture.pixels[0], zero);
    assert_eq!(picture.pixels[width / 2], [0xff, 0xad, 0xad]);
    let [r, _, b] = picture.pixels[width - 1];
    assert!(b > r, "less than before is blue: {r} {b}");
    // The same frame is zero everywhere, in a part as well.
    let zoomed = View {
        part: part(1, 0, 2, 1),
        ..difference
    };
    let same = view_of(&mut maker, &before, zoomed);
    assert!(same.pixels.iter().all(|pixel| *pixel == zero));
    // Another contrast is another span.
    let fixed = View {
        contrast: Contrast::Fixed {
            black: 0,
            white: 1000,
        },
        ..difference
    };
    let span = |picture: Picture| match picture.reference {
        Reference::Subtracted { span, .. } => span,
        other => panic!("{other:?}"),
    };
    assert_eq!(span(view_of(&mut maker, &after, fixed)), 500);
}

#[test]
fn what_cannot_be_compared_is_drawn_and_said() {
    let mut maker = PictureMaker::new();
    let difference = View {
        difference: true,
        ..View::default()
    };
    maker
        .set_reference(camera(), mono16(3, &[1, 2, 3]), Stamp::default())
        .unwrap();
    let others = [
        mono16(2, &[1, 2]),
        frame(FrameEncoding::Mono8, Some((3, 1)), vec![1, 2, 3]),
    ];
    for other in others {
        let picture = view_of(&mut maker, &other, difference);
        assert_eq!(picture.reference, Reference::Unlike { size_px: (3, 1) });
    }
    // A frame that cannot be decoded is no reference, and the one before stays.
    let broken = frame(FrameEncoding::Jpeg, None, vec![1]);
    maker
        .set_reference(camera(), broken, Stamp::default())
        .unwrap_err();
    let picture = view_of(&mut maker, &mono16(3, &[1, 2, 3]), difference);
    assert!(matches!(picture.reference, Reference::Subtracted { .. }));
}

#[test]
fn a_pixel_and_a_line_have_the_values_of_the_camera() {
    let ask = |frame: &Frame, at| {
        let request = PictureRequest {
            probe: Some(at),
            profile: Some(Segment {
                from: (0, 0),
                to: (1, 0),
            }),
            // What a pixel is does not depend on what the terminal can show.
            color: false,
            ..PictureRequest::plain(camera(), 40, 10)
        };
        let clock = Clock::manual(5);
        let mut maker = PictureMaker::new();
        let made = maker.make(camera(), frame, Stamp::default(), &request, &clock);
        let picture = made.unwrap();
        let line = picture.profile.map(|(_, values)| values);
        (picture.probe.map(|(_, values)| values), line.unwrap())
    };
    let rgb = vec![10, 20, 30, 40, 50, 60];
    let cases = [
        (mono16(2, &[7, 4001]), vec![4001], vec![7, 4001]),
        // Eight bits in the high byte are what the camera has.
        (mono16(2, &[0x0700, 0xf000]), vec![0xf0], vec![7, 0xf0]),
        (
            frame(FrameEncoding::Mono8, Some((2, 1)), vec![7, 9]),
            vec![9],
            vec![7, 9],
        ),
        (
            frame(FrameEncoding::Rgb8, Some((2, 1)), rgb),
            vec![40, 50, 60],
            vec![18, 48],
        ),
        (
            frame(FrameEncoding::Yuyv, Some((2, 1)), vec![126, 128, 235, 128]),
            vec![255; 3],
            vec![128, 255],
        ),
    ];
    for (frame, pixel, line) in cases {
        assert_eq!(ask(&frame, (1, 0)), (Some(pixel), line.clone()));
        assert_eq!(ask(&frame, (2, 0)), (None, line));
    }
    let red: Vec<u8> = [200, 10, 10].repeat(16 * 8);
    let jpeg = encoded(16, 8, ColorType::Rgb, &red);
    let (pixel, _) = ask(&frame(FrameEncoding::Jpeg, None, jpeg), (3, 3));
    let pixel = pixel.unwrap();
    assert!(
        pixel[0].abs_diff(200) < 5 && pixel[1].abs_diff(10) < 5,
        "{pixel:?}"
    );
}

#[test]
fn without_colours_a_colour_frame_is_drawn_by_its_luma() {
    let red: Vec<u8> = [255, 0, 0].repeat(32 * 16);
    let jpeg = encoded(32, 16, ColorType::Rgb, &red);
    let yuyv = [81, 90, 81, 240].repeat(16 * 16);
    let nv12 = [vec![81; 32 * 16], [90, 240].repeat(16 * 8)].concat();
    let size = Some((32, 16));
    let frames = [
        frame(FrameEncoding::Jpeg, None, jpeg),
        frame(FrameEncoding::Rgb8, size, red),
        frame(FrameEncoding::Yuyv, size, yuyv),
        frame(FrameEncoding::Nv12, size, nv12),
    ];
    for frame in frames {
        let view = View {
            contrast: Contrast::Full,
            ..View::default()
        };
        for color in [true, false, true] {
            let request = PictureRequest {
                view,
                color,
                ..PictureRequest::plain(camera(), 40, 10)
            };
            let clock = Clock::manual(5);
            let mut maker = PictureMaker::new();
            let made = maker.make(camera(), &frame, Stamp::default(), &request, &clock);
            let [r, g, b] = made.unwrap().pixels[0];
            if color {
                assert!(
                    r > 250 && g < 5 && b < 5,
                    "{:?}: {r} {g} {b}",
                    frame.encoding
                );
            } else {
                assert!(r.abs_diff(76) <= 2 && r == g && g == b, "{r} {g} {b}");
            }
        }
    }
}

#[test]
fn the_pixels_of_the_last_frame_are_there_for_its_numbers() {
    let mut maker = PictureMaker::new();
    assert_eq!(maker.raster(), None);
    let raw = ramp();
    make_with(&mut maker, &raw).unwrap();
    // Raw pixels are read where they lie.
    let raster = maker.raster().unwrap();
    assert_eq!(raster.bytes().as_ptr(), raw.body.as_ptr());
    let jpeg = frame(FrameEncoding::Jpeg, None, grey_jpeg(64, 48));
    make_with(&mut maker, &jpeg).unwrap();
    assert_eq!(maker.raster().unwrap().size(), (64, 48));
    let broken = frame(FrameEncoding::Jpeg, None, vec![]);
    make_with(&mut maker, &broken).unwrap_err();
    assert_eq!(maker.raster(), None);
}

#[test]
fn a_frame_is_decoded_once() {
    let mut decoder = Decoder::default();
    let jpeg = frame(FrameEncoding::Jpeg, None, grey_jpeg(64, 48));
    let other = Frame {
        body: Bytes::from(jpeg.body.to_vec()),
        ..jpeg.clone()
    };
    // A body that was changed behind its pointer cannot be; one that is equal but lies elsewhere
    // is another.
    let first = decoder.decode(&jpeg, true).unwrap().bytes().to_vec();
    assert!(decoder.holds(&jpeg, true) && decoder.holds(&jpeg, false));
    assert!(!decoder.holds(&other, false));
    assert_eq!(decoder.decode(&jpeg, false).unwrap().bytes(), first);
    let claims_more = Frame {
        width_px: Some(65),
        ..jpeg
    };
    decoder.decode(&claims_more, false).unwrap_err();
}

#[test]
fn shared_colours_of_an_odd_size_are_refused() {
    let cases = [
        (FrameEncoding::Yuyv, (3, 2), 12),
        (FrameEncoding::Nv12, (4, 3), 18),
        (FrameEncoding::Nv12, (3, 4), 18),
    ];
    for (encoding, size, bytes) in cases {
        let error = make(&frame(encoding, Some(size), vec![0; bytes])).unwrap_err();
        assert!(matches!(error, ImagingError::Odd { .. }), "{error}");
    }
    let short = frame(FrameEncoding::Nv12, Some((4, 4)), vec![0; 23]);
    let want = ImagingError::WrongLength { got: 23, want: 24 };
    assert_eq!(make(&short), Err(want));
}

#[test]
fn one_clipped_pixel_among_many_is_marked() {
    let mut values = vec![1000; 200 * 200];
    values[100 * 200 + 77] = 4095;
    let frame = Frame {
        bit_depth: Some(12),
        ..mono16(200, &values)
    };
    let view = View {
        contrast: Contrast::Full,
        mark_clipped: true,
        ..View::default()
    };
    let picture = view_of(&mut PictureMaker::new(), &frame, view);
    assert_eq!((picture.width_px, picture.height_px), (20, 20));
    let marked = picture.pixels.iter().filter(|pixel| **pixel == OVER);
    assert_eq!(marked.count(), 1);
    assert_eq!(picture.pixels[10 * 20 + 7], OVER);
}
