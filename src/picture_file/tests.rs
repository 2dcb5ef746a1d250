use std::io::Cursor;

use bytes::Bytes;
use proptest::prelude::*;

use super::*;
use crate::imaging::Layout;
use crate::model::{Axis, Camera, Compression, Evidence, Light, Motion, Origin, SourceId, Unit};

fn frame(encoding: FrameEncoding, (width_px, height_px): (u32, u32), body: Vec<u8>) -> Frame {
    Frame {
        detector: "Cam µ<1>".into(),
        number: Some(81_223),
        width_px: Some(width_px),
        height_px: Some(height_px),
        encoding,
        body: Bytes::from(body),
        pixel_size_um: Some(0.325),
        subsampling: 1,
        bit_depth: Some(12),
        device_ns: None,
        lost_before: 2,
    }
}

fn about() -> About {
    let axis = |name: &str, position, motion, unit| Axis {
        name: name.into(),
        unit,
        position: Some(position),
        target: None,
        limits: None,
        motion,
    };
    About {
        source: SourceInfo {
            id: SourceId(0),
            name: "scope".into(),
            address: "imswitch://lab:8001".into(),
            origin: Origin::Simulated,
            caution: None,
        },
        received: Stamp {
            mono_ns: 5,
            unix_ns: 1_795_183_402_123_456_789,
        },
        since_first: Some(Duration::from_millis(1_500)),
        instrument: Some(Arc::new(Instrument {
            axes: vec![
                axis("x", 1.5, Motion::Settled, Unit::Millimetre),
                axis("y", 2.5, Motion::Unknown, Unit::Millimetre),
                axis("z", -40.25, Motion::Moving, Unit::Micrometre),
                axis("r", 90.0, Motion::Settled, Unit::Degree),
            ],
            lights: vec![Light {
                name: "488".into(),
                label: "laser".into(),
                level: Some(5.0),
                unit: Unit::Percent,
                range: None,
                on: Some(true),
                evidence: Evidence::Read,
            }],
            cameras: vec![Camera {
                name: "camera".into(),
                exposure_ms: Some(20.0),
                exposure_range_ms: None,
                gain: Some(3.0),
                gain_range: None,
                streaming: Some(true),
                controls: Vec::new(),
            }],
            ..Instrument::default()
        })),
    }
}

fn written(format: PictureFormat, frame: &Frame) -> Result<Vec<u8>, PictureFileError> {
    let mut into = Cursor::new(Vec::new());
    write(format, frame, &about(), &mut Decoder::default(), &mut into)?;
    Ok(into.into_inner())
}

/// Columns, rows, values and the description of a TIFF file.
fn read_tiff(file: &[u8]) -> ((u32, u32), Vec<u16>, String) {
    let mut decoder = tiff::decoder::Decoder::new(Cursor::new(file)).unwrap();
    let size = decoder.dimensions().unwrap();
    let xml = decoder
        .get_tag_ascii_string(tiff::tags::Tag::ImageDescription)
        .unwrap();
    let values = match decoder.read_image().unwrap() {
        tiff::decoder::DecodingResult::U8(values) => values.into_iter().map(u16::from).collect(),
        tiff::decoder::DecodingResult::U16(values) => values,
        other => panic!("{other:?}"),
    };
    (size, values, xml)
}

type Texts = Vec<(String, String)>;

/// Columns, rows, values and texts of a PNG file.
fn read_png(file: &[u8]) -> ((u32, u32), Vec<u16>, Texts) {
    let mut reader = ::png::Decoder::new(Cursor::new(file)).read_info().unwrap();
    let mut bytes = vec![0; reader.output_buffer_size().unwrap()];
    let output = reader.next_frame(&mut bytes).unwrap();
    let values = match output.bit_depth {
        ::png::BitDepth::Sixteen => {
            let values = bytes.as_chunks::<2>().0.iter();
            values.map(|value| u16::from_be_bytes(*value)).collect()
        }
        _ => bytes.into_iter().map(u16::from).collect(),
    };
    let texts = reader.info().utf8_text.iter();
    let texts = texts.map(|text| (text.keyword.clone(), text.get_text().unwrap()));
    ((output.width, output.height), values, texts.collect())
}

/// What the program itself reads of a frame.
fn read_frame(frame: &Frame) -> ((u32, u32), Vec<u16>) {
    let (mut decoder, mut unshared) = (Decoder::default(), Vec::new());
    let raster = decoder.decode(frame, true).unwrap();
    let raster = raster.unshared(&mut unshared);
    let bytes = raster.bytes();
    let values = match raster.layout() {
        Layout::Grey16 => {
            let values = bytes.as_chunks::<2>().0.iter();
            values.map(|value| u16::from_le_bytes(*value)).collect()
        }
        _ => bytes.iter().copied().map(u16::from).collect(),
    };
    (raster.size(), values)
}

fn jpeg(width: u16, height: u16) -> Vec<u8> {
    let pixels: Vec<u8> = (0..u32::from(width) * u32::from(height) * 3)
        .map(|i| (i * 7 % 251) as u8)
        .collect();
    let mut file = Vec::new();
    jpeg_encoder::Encoder::new(&mut file, 90)
        .encode(&pixels, width, height, jpeg_encoder::ColorType::Rgb)
        .unwrap();
    file
}

#[test]
fn every_kind_of_frame_comes_back_value_by_value() {
    let noise =
        |count: usize| -> Vec<u8> { (0..count).map(|i| (i * i % 253 + i / 3) as u8).collect() };
    let deep = noise(7 * 5 * 2);
    let lz4 = {
        let mut encoder = lz4_flex::frame::FrameEncoder::new(Vec::new());
        std::io::Write::write_all(&mut encoder, &deep).unwrap();
        encoder.finish().unwrap()
    };
    let zstd = zstd::bulk::compress(&deep, 1).unwrap();
    let cases = [
        (FrameEncoding::Mono8, (7, 5), noise(35)),
        (FrameEncoding::Mono16(Compression::None), (7, 5), deep),
        (FrameEncoding::Mono16(Compression::Lz4), (7, 5), lz4),
        (FrameEncoding::Mono16(Compression::Zstd), (7, 5), zstd),
        (FrameEncoding::Rgb8, (7, 5), noise(105)),
        (FrameEncoding::Yuyv, (6, 5), noise(60)),
        (FrameEncoding::Nv12, (6, 4), noise(36)),
        (FrameEncoding::Jpeg, (17, 9), jpeg(17, 9)),
        (FrameEncoding::Mono8, (1, 1), noise(1)),
        // Strips that do not end with the picture.
        (
            FrameEncoding::Mono16(Compression::None),
            (1_001, 977),
            noise(1_001 * 977 * 2),
        ),
    ];
    for (encoding, size, body) in cases {
        let frame = frame(encoding, size, body);
        let (found, values) = read_frame(&frame);
        assert_eq!(found, size);
        let (tiff_size, tiff_values, _) =
            read_tiff(&written(PictureFormat::OmeTiff, &frame).unwrap());
        assert_eq!(tiff_size, size, "{}", encoding.as_str());
        assert!(tiff_values == values, "{}", encoding.as_str());
        let (png_size, png_values, _) = read_png(&written(PictureFormat::Png, &frame).unwrap());
        assert_eq!(png_size, size, "{}", encoding.as_str());
        assert!(png_values == values, "{}", encoding.as_str());
    }
}

#[test]
fn a_camera_of_twenty_megapixels_keeps_its_values() {
    let (width, height) = (5_472, 3_648);
    let body: Vec<u8> = (0..width * height)
        .flat_map(|i: u32| (i.wrapping_mul(2_654_435_761) as u16 >> 4).to_le_bytes())
        .collect();
    let encoding = FrameEncoding::Mono16(Compression::None);
    let frame = frame(encoding, (width, height), body);
    let (size, values, xml) = read_tiff(&written(PictureFormat::OmeTiff, &frame).unwrap());
    assert_eq!(size, (width, height));
    assert!(values == read_frame(&frame).1);
    assert!(xml.contains("SizeX=\"5472\" SizeY=\"3648\""), "{xml}");
}

#[test]
fn the_description_says_what_is_known() {
    let frame = frame(FrameEncoding::Mono16(Compression::None), (2, 2), vec![1; 8]);
    let (_, _, xml) = read_tiff(&written(PictureFormat::OmeTiff, &frame).unwrap());
    for part in [
        "Type=\"uint16\"",
        "SizeX=\"2\" SizeY=\"2\" SizeZ=\"1\" SizeC=\"1\" SizeT=\"1\" SignificantBits=\"12\"",
        "PhysicalSizeX=\"0.325\" PhysicalSizeXUnit=\"&#181;m\"",
        "<AcquisitionDate>2026-11-20T14:03:22.123Z</AcquisitionDate>",
        "DeltaT=\"1.5\" DeltaTUnit=\"s\"",
        "ExposureTime=\"20\" ExposureTimeUnit=\"ms\"",
        "Gain=\"3\"",
        "PositionX=\"1.5\" PositionXUnit=\"mm\" PositionZ=\"-40.25\" PositionZUnit=\"&#181;m\"",
        "Model=\"Cam &#181;&lt;1&gt;\"",
        "<M K=\"origin\">simulated</M>",
        "<M K=\"received\">2026-11-20T14:03:22.123456789Z</M>",
        "<M K=\"frame\">81223</M>",
        "<M K=\"lost before\">2</M>",
        "<M K=\"axis z\">-40.25 um, moving</M>",
        "<M K=\"axis r\">90 deg</M>",
        "<M K=\"light 488\">5 %, on (read)</M>",
    ] {
        assert!(xml.contains(part), "{part} is not in {xml}");
    }
    // Nothing proves where that axis is.
    assert!(
        !xml.contains("PositionY") && !xml.contains("axis y"),
        "{xml}"
    );
    assert!(xml.is_ascii());
}

#[test]
fn what_is_not_known_is_not_said() {
    let mut bare = frame(FrameEncoding::Rgb8, (1, 1), vec![1, 2, 3]);
    (bare.pixel_size_um, bare.bit_depth, bare.number) = (Some(f64::NAN), Some(12), None);
    let about = About {
        instrument: None,
        since_first: None,
        ..about()
    };
    let mut file = Cursor::new(Vec::new());
    write(
        PictureFormat::OmeTiff,
        &bare,
        &about,
        &mut Decoder::default(),
        &mut file,
    )
    .unwrap();
    let (_, _, xml) = read_tiff(file.get_ref());
    for word in [
        "SignificantBits",
        "PhysicalSize",
        "DeltaT",
        "Exposure",
        "Gain",
        "Position",
        "K=\"frame\"",
        "axis",
    ] {
        assert!(!xml.contains(word), "{word} is in {xml}");
    }
    assert!(
        xml.contains("SizeC=\"3\"") && xml.contains("SamplesPerPixel=\"3\""),
        "{xml}"
    );
}

/// Frames of one camera, each half a second after the one before and another one than the others.
fn shots(encoding: FrameEncoding, count: u8) -> Vec<(Frame, About)> {
    let shot = |index: u8| {
        let bytes = encoding.body_bytes(6, 4).unwrap() as u8;
        let body = (0..bytes).map(|i| i.wrapping_mul(7) ^ index).collect();
        let mut about = about();
        about.received.unix_ns += u64::from(index) * 500_000_000;
        about.since_first = Some(Duration::from_millis(500) * u32::from(index));
        let frame = Frame {
            number: Some(u64::from(index) + 10),
            ..frame(encoding, (6, 4), body)
        };
        (frame, about)
    };
    (0..count).map(shot).collect()
}

#[test]
fn a_series_has_all_frames_one_after_the_other() {
    let mut decoder = Decoder::default();
    for encoding in [
        FrameEncoding::Mono8,
        FrameEncoding::Mono16(Compression::None),
        FrameEncoding::Nv12,
    ] {
        for big in [false, true] {
            let shots = shots(encoding, 4);
            let (first, about) = &shots[0];
            let mut unshared = Vec::new();
            let shape = Shape::of(&decoder.decode(first, true).unwrap(), first);
            let file = Cursor::new(Vec::new());
            let mut series = Series::new(file, shape, first, about, big).unwrap();
            for (frame, about) in &shots {
                assert!(series.has_room());
                let raster = decoder.decode(frame, true).unwrap().unshared(&mut unshared);
                series.add(&raster, frame, about).unwrap();
            }
            assert_eq!(series.len(), 4);
            let mut file = series.finish().unwrap();
            file.set_position(0);
            assert_eq!(file.get_ref()[2], if big { 43 } else { 42 });

            let mut reader = tiff::decoder::Decoder::new(file).unwrap();
            let tag = tiff::tags::Tag::ImageDescription;
            let xml = reader.get_tag_ascii_string(tag).unwrap();
            for part in [
                "SizeT=\"4\"",
                "<TiffData IFD=\"0\" PlaneCount=\"4\"/>",
                "<Plane TheZ=\"0\" TheT=\"0\" TheC=\"0\" DeltaT=\"0\"",
                "<Plane TheZ=\"0\" TheT=\"3\" TheC=\"0\" DeltaT=\"1.5\"",
                "<M K=\"3\">received 2026-11-20T14:03:23.623456789Z, frame 13, 2 lost before</M>",
            ] {
                assert!(xml.contains(part), "{part} is not in {xml}");
            }
            for (index, (frame, _)) in shots.iter().enumerate() {
                let values = match reader.read_image().unwrap() {
                    tiff::decoder::DecodingResult::U8(values) => {
                        values.into_iter().map(u16::from).collect()
                    }
                    tiff::decoder::DecodingResult::U16(values) => values,
                    other => panic!("{other:?}"),
                };
                assert_eq!(
                    values,
                    read_frame(frame).1,
                    "{index} as {}",
                    encoding.as_str()
                );
                assert_eq!(reader.more_images(), index < 3);
                if index < 3 {
                    reader.next_image().unwrap();
                }
            }
        }
    }
}

/// A file of any size of which only short pieces are kept: what is long is pictures, all of zeros.
#[derive(Default)]
struct Sparse {
    at: u64,
    end: u64,
    kept: std::collections::BTreeMap<u64, Vec<u8>>,
}

impl io::Write for Sparse {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if bytes.len() < 1 << 20 {
            self.kept.insert(self.at, bytes.to_vec());
        }
        self.at += bytes.len() as u64;
        self.end = self.end.max(self.at);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Seek for Sparse {
    fn seek(&mut self, to: io::SeekFrom) -> io::Result<u64> {
        self.at = match to {
            io::SeekFrom::Start(at) => at,
            io::SeekFrom::Current(by) => self.at.checked_add_signed(by).unwrap(),
            io::SeekFrom::End(by) => self.end.checked_add_signed(by).unwrap(),
        };
        Ok(self.at)
    }
}

impl io::Read for Sparse {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.end.saturating_sub(self.at)).unwrap();
        let len = into.len().min(left);
        into[..len].fill(0);
        // What was written over is found again: it is written in pieces that begin alike.
        let from = self
            .kept
            .range(..=self.at)
            .next_back()
            .map_or(0, |(at, _)| *at);
        for (at, piece) in self.kept.range(from..self.at + len as u64) {
            for (offset, byte) in (*at..).zip(piece) {
                if let Some(place) = offset.checked_sub(self.at)
                    && let Some(place) = into[..len].get_mut(place as usize)
                {
                    *place = *byte;
                }
            }
        }
        self.at += len as u64;
        Ok(len)
    }
}

#[test]
fn a_series_ends_before_four_gibibytes_unless_it_is_a_bigtiff() {
    let encoding = FrameEncoding::Mono8;
    let taken = frame(encoding, (8_192, 8_192), vec![0; 64 << 20]);
    let mut decoder = Decoder::default();
    let raster = decoder.decode(&taken, true).unwrap();
    let shape = Shape::of(&raster, &taken);
    for big in [false, true] {
        let mut series = Series::new(Sparse::default(), shape, &taken, &about(), big).unwrap();
        while series.has_room() && series.len() < 70 {
            series.add(&raster, &taken, &about()).unwrap();
        }
        assert_eq!(series.len(), if big { 70 } else { 63 });
        assert_eq!(shape.needs_big(series.len() as u64), big);
        let mut file = series.finish().unwrap();
        assert_eq!(file.end > 4 << 30, big, "{}", file.end);
        file.at = 0;
        let mut reader = tiff::decoder::Decoder::new(file).unwrap();
        let mut places = Vec::new();
        loop {
            let tag = tiff::tags::Tag::StripOffsets;
            places.push(reader.get_tag_u64(tag).unwrap());
            assert_eq!(reader.dimensions().unwrap(), (8_192, 8_192));
            if !reader.more_images() {
                break;
            }
            reader.next_image().unwrap();
        }
        assert_eq!(places.len(), if big { 70 } else { 63 });
        let apart = places.windows(2).all(|two| two[1] - two[0] >= 64 << 20);
        assert!(apart, "{places:?}");
        assert_eq!(places.last().is_some_and(|last| *last > 4 << 30), big);
    }
}

#[test]
fn frames_that_differ_in_what_a_file_says_once_have_another_shape() {
    let mut decoder = Decoder::default();
    let encoding = FrameEncoding::Mono16(Compression::None);
    let mut shape = |frame: &Frame| Shape::of(&decoder.decode(frame, true).unwrap(), frame);
    let one = frame(encoding, (2, 2), vec![1; 8]);
    let same = shape(&one);
    let others = [
        frame(encoding, (4, 1), vec![1; 8]),
        frame(FrameEncoding::Mono8, (4, 2), vec![1; 8]),
        Frame {
            bit_depth: Some(16),
            ..one.clone()
        },
        Frame {
            pixel_size_um: Some(0.65),
            ..one.clone()
        },
    ];
    for other in others {
        assert_ne!(shape(&other), same, "{other:?}");
    }
    let later = Frame {
        number: Some(5),
        device_ns: Some(7),
        ..one
    };
    assert_eq!(shape(&later), same);
    // 8 MiB each, of which 512 would be 4 GiB without their directories.
    let camera = frame(encoding, (2_048, 2_048), vec![0; 8 << 20]);
    let large = shape(&camera);
    assert!(!large.needs_big(511) && large.needs_big(512));
}

#[test]
fn what_is_no_jpeg_is_encoded_and_said_to_be() {
    let mut tone = JpegTone::default();
    let mut decoder = Decoder::default();
    let mut made = |frame: &Frame| {
        let mut file = Vec::new();
        let received = about().received;
        let made = write_jpeg(frame, received, &mut decoder, &mut tone, &mut file).unwrap();
        (made, file)
    };
    let body = jpeg(17, 9);
    let own = frame(FrameEncoding::Jpeg, (17, 9), body.clone());
    assert_eq!(made(&own), (JpegMade::Untouched, body));

    // From black to white in steps that packing keeps apart.
    let ramp: Vec<u16> = (0..64 * 64).map(|i| 200 + i % 64 * 40).collect();
    let deep = ramp.iter().flat_map(|value| value.to_le_bytes()).collect();
    let deep = frame(FrameEncoding::Mono16(Compression::None), (64, 64), deep);
    let (how, file) = made(&deep);
    let JpegMade::Drawn { black, white } = how else {
        panic!("{how:?}");
    };
    assert!(
        (200..=240).contains(&black) && (2_680..=2_720).contains(&white),
        "{how:?}"
    );
    let drawn = frame(FrameEncoding::Jpeg, (64, 64), file);
    let (_, levels) = read_frame(&drawn);
    assert!(levels[0] < 10 && levels[63] > 245, "{:?}", &levels[..64]);

    let grey = frame(FrameEncoding::Mono8, (8, 8), vec![90; 64]);
    let (how, file) = made(&grey);
    assert_eq!(how, JpegMade::Encoded);
    let (_, levels) = read_frame(&frame(FrameEncoding::Jpeg, (8, 8), file));
    assert!(
        levels.iter().all(|level| level.abs_diff(90) <= 2),
        "{levels:?}"
    );
}

#[test]
fn a_png_has_its_texts() {
    let frame = frame(FrameEncoding::Mono8, (2, 1), vec![1, 2]);
    let (_, _, texts) = read_png(&written(PictureFormat::Png, &frame).unwrap());
    let text = |name: &str| {
        let found = texts.iter().find(|(keyword, _)| keyword == name);
        found.map(|(_, text)| text.as_str())
    };
    assert_eq!(text("camera"), Some("Cam µ<1>"));
    assert_eq!(text("light 488"), Some("5 %, on (read)"));
    assert_eq!(text("received"), Some("2026-11-20T14:03:22.123456789Z"));
}

#[test]
fn a_jpeg_is_the_cameras_own_file() {
    let body = jpeg(17, 9);
    let taken = frame(FrameEncoding::Jpeg, (17, 9), body.clone());
    assert_eq!(written(PictureFormat::Jpeg, &taken).unwrap(), body);
    let raw = frame(FrameEncoding::Mono8, (1, 1), vec![0]);
    let error = written(PictureFormat::Jpeg, &raw).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the camera sends mono8, not JPEG: save it as tiff or png"
    );
}

#[test]
fn a_damaged_frame_is_refused_before_anything_is_written() {
    let mut cut = jpeg(32, 32);
    cut.truncate(cut.len() / 2);
    let mut scrambled = jpeg(32, 32);
    let middle = scrambled.len() / 2;
    scrambled[middle..middle + 40].fill(0xff);
    let deep = FrameEncoding::Mono16(Compression::None);
    let cases = [
        frame(FrameEncoding::Mono8, (3, 3), vec![0; 8]),
        frame(deep, (3, 3), vec![0; 19]),
        frame(FrameEncoding::Yuyv, (3, 2), vec![0; 12]),
        frame(FrameEncoding::Nv12, (2, 3), vec![0; 9]),
        frame(FrameEncoding::Mono8, (0, 3), vec![]),
        frame(FrameEncoding::Mono8, (u32::MAX, u32::MAX), vec![0; 8]),
        frame(FrameEncoding::Mono16(Compression::Lz4), (3, 3), vec![9; 18]),
        frame(FrameEncoding::Jpeg, (32, 32), cut),
        frame(FrameEncoding::Jpeg, (32, 32), scrambled),
        frame(FrameEncoding::Jpeg, (16, 16), jpeg(32, 32)),
    ];
    for bad in cases {
        for format in [PictureFormat::OmeTiff, PictureFormat::Png] {
            let mut file = Cursor::new(Vec::new());
            let error = write(format, &bad, &about(), &mut Decoder::default(), &mut file);
            let error = error.map(|()| format!("{} {:?}", bad.encoding.as_str(), bad.width_px));
            assert!(
                matches!(error, Err(PictureFileError::Unreadable(_))),
                "{error:?}"
            );
            assert!(file.get_ref().is_empty());
        }
    }
}

#[test]
fn a_writer_that_fails_is_said_to_have_failed() {
    /// Takes so many bytes and no more.
    struct Full(Cursor<Vec<u8>>, usize);
    impl std::io::Write for Full {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            if self.0.get_ref().len() + bytes.len() > self.1 {
                return Err(io::ErrorKind::StorageFull.into());
            }
            self.0.write(bytes)
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    impl Seek for Full {
        fn seek(&mut self, to: io::SeekFrom) -> io::Result<u64> {
            self.0.seek(to)
        }
    }
    let taken = frame(FrameEncoding::Mono8, (64, 64), vec![3; 4_096]);
    let jpeg = frame(FrameEncoding::Jpeg, (64, 64), jpeg(64, 64));
    for (format, frame) in [
        (PictureFormat::OmeTiff, &taken),
        (PictureFormat::Png, &taken),
        (PictureFormat::Jpeg, &jpeg),
    ] {
        let into = Full(Cursor::new(Vec::new()), 100);
        match write(format, frame, &about(), &mut Decoder::default(), into) {
            Err(PictureFileError::Write(error)) => {
                assert_eq!(error.kind(), io::ErrorKind::StorageFull);
            }
            other => panic!("{other:?}"),
        }
    }
}

proptest! {
    #[test]
    fn no_frame_panics_and_what_is_written_can_be_read(
        kind in 0_usize..8,
        width in 0_u32..9,
        height in 0_u32..9,
        body in prop::collection::vec(any::<u8>(), 0..260),
        fits in any::<bool>(),
    ) {
        let encoding = [
            FrameEncoding::Jpeg,
            FrameEncoding::Mono8,
            FrameEncoding::Mono16(Compression::None),
            FrameEncoding::Mono16(Compression::Lz4),
            FrameEncoding::Mono16(Compression::Zstd),
            FrameEncoding::Rgb8,
            FrameEncoding::Yuyv,
            FrameEncoding::Nv12,
        ][kind];
        let mut body = body;
        if fits && let Some(bytes) = encoding.body_bytes(width, height) {
            body.resize(bytes as usize, 1);
        }
        let frame = frame(encoding, (width, height), body);
        let tiff = written(PictureFormat::OmeTiff, &frame);
        let png = written(PictureFormat::Png, &frame);
        prop_assert_eq!(tiff.is_ok(), png.is_ok());
        if let (Ok(tiff), Ok(png)) = (tiff, png) {
            let (size, values) = read_frame(&frame);
            let (tiff_size, tiff_values, _) = read_tiff(&tiff);
            let (png_size, png_values, _) = read_png(&png);
            prop_assert_eq!((tiff_size, &tiff_values), (size, &values));
            prop_assert_eq!((png_size, &png_values), (size, &values));
        }
    }
}
