//! `ttyscope export` of pictures and of reports, the real program: what is in its files is what was
//! recorded, bit by bit, and what has no place in them is said.
#![allow(clippy::unwrap_used, clippy::panic)]

mod support;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use serde_json::Value;
use support::headless::{Ended, run};
use tiff::decoder::DecodingResult;
use ttyscope::model::{
    Axis, Camera, CommandId, CommandKind, CommandReport, CommandState, Compression, Danger, Fault,
    FaultKind, Frame, FrameEncoding, Instrument, Motion, Origin, Payload, Reading, Sample,
    Severity, SourceId, SourceInfo, Stamp, StopEvent, StopLevel, StopOrigin, StopPress, StopReport,
    StopState, Unit,
};
use ttyscope::recording::{Account, RecordingWriter, Session};

const EPOCH_NS: u64 = 1_795_183_402_000_000_000;
/// From one message to the next.
const STEP_NS: u64 = 10_000_000;
const HOSTILE: &str = "<script src=\"http://x.example/\">alert('1')</script>";

/// A recording of what is said, ten milliseconds apart; sources by their place.
fn recorded(path: &Path, origin: Origin, said: &[(u16, Payload)]) {
    let source = |id: u16, name: &str| SourceInfo {
        id: SourceId(id),
        name: name.into(),
        address: "imswitch://lab:8001".into(),
        origin,
        caution: None,
    };
    let sources = [source(0, "scope"), source(1, HOSTILE)];
    let session = Session::new(&sources, EPOCH_NS);
    let mut writer = RecordingWriter::new(File::create(path).unwrap(), &session).unwrap();
    for ((source, payload), n) in said.iter().zip(1_u64..) {
        let sample = Sample {
            source: SourceId(*source),
            received: Stamp {
                mono_ns: n * STEP_NS,
                unix_ns: EPOCH_NS + n * STEP_NS,
            },
            payload: payload.clone(),
        };
        writer.stage(&sample, None);
        writer.commit().unwrap();
    }
    let account = Account {
        ended_unix_ns: EPOCH_NS,
        reason: "as asked".into(),
        ..Account::default()
    };
    writer.finish(&account).unwrap();
}

fn frame(camera: &str, encoding: FrameEncoding, size: (u32, u32), number: u64) -> Frame {
    let bytes = encoding.body_bytes(size.0, size.1).unwrap() as usize;
    // No two frames and no two pixels near each other are alike; 12 bits where there are more.
    let value = |i: usize| (i as u64 * 37 + number * 1_001) as u16 & 0x0fff;
    let body: Vec<u8> = match encoding {
        FrameEncoding::Mono16(_) => (0..bytes / 2)
            .flat_map(|i| value(i).to_le_bytes())
            .collect(),
        _ => (0..bytes).map(|i| value(i) as u8).collect(),
    };
    Frame {
        detector: camera.into(),
        number: Some(number),
        width_px: Some(size.0),
        height_px: Some(size.1),
        encoding,
        body: Bytes::from(body),
        pixel_size_um: Some(0.5),
        subsampling: 1,
        bit_depth: Some(12),
        device_ns: None,
        lost_before: 0,
    }
}

const DEEP: FrameEncoding = FrameEncoding::Mono16(Compression::None);

fn deep(number: u64, size: (u32, u32)) -> Frame {
    frame("Deep", DEEP, size, number)
}

fn jpeg(number: u64) -> Frame {
    let grey: Vec<u8> = (0..64 * 48)
        .map(|i| (i % 64 * 3 + number as usize) as u8)
        .collect();
    let mut body = Vec::new();
    jpeg_encoder::Encoder::new(&mut body, 90)
        .encode(&grey, 64, 48, jpeg_encoder::ColorType::Luma)
        .unwrap();
    Frame {
        encoding: FrameEncoding::Jpeg,
        body: Bytes::from(body),
        width_px: None,
        height_px: None,
        bit_depth: None,
        ..frame("Jpeg", FrameEncoding::Mono8, (64, 48), number)
    }
}

fn instrument() -> Instrument {
    Instrument {
        axes: vec![Axis {
            name: "x".into(),
            unit: Unit::Millimetre,
            position: Some(1.25),
            target: None,
            limits: None,
            motion: Motion::Settled,
        }],
        cameras: vec![Camera {
            name: "Deep".into(),
            exposure_ms: Some(20.0),
            exposure_range_ms: None,
            gain: None,
            gain_range: None,
            streaming: Some(true),
            controls: Vec::new(),
        }],
        ..Instrument::default()
    }
}

/// Six frames of one camera, of which the last two have another size, three of one that sends
/// JPEG, of which one is cut short, and one each of cameras that share colour.
fn shots() -> Vec<(u16, Payload)> {
    let mut cut = jpeg(2);
    cut.body = cut.body.slice(..cut.body.len() / 2);
    let deep = |number, size| Frame {
        // A device whose clock runs at its own pace.
        device_ns: Some(EPOCH_NS + 5 + number * 250_000_000),
        ..deep(number, size)
    };
    let frames = [
        deep(1, (40, 30)),
        jpeg(1),
        deep(2, (40, 30)),
        cut,
        deep(3, (40, 30)),
        jpeg(3),
        deep(4, (40, 30)),
        frame("Nv12", FrameEncoding::Nv12, (6, 4), 1),
        frame("Yuyv", FrameEncoding::Yuyv, (6, 3), 1),
        frame("Rgb", FrameEncoding::Rgb8, (5, 3), 1),
        deep(5, (20, 30)),
        deep(6, (20, 30)),
    ];
    let instrument = Payload::Instrument(Arc::new(instrument()));
    let mut said = vec![(0, instrument)];
    said.extend(frames.map(|frame| (0, Payload::Frame(frame))));
    said
}

fn export(recording: &Path, format: &str, out: &Path, more: &[&str]) -> Ended {
    let (recording, out) = (recording.to_str().unwrap(), out.to_str().unwrap());
    let args = ["export", recording, "--to", format, "--out", out, "--json"];
    run(&[&args, more].concat(), Path::new("/"))
}

/// What an export came to, in its own words.
fn exported(ended: &Ended, code: i32) -> Value {
    assert_eq!(ended.code, Some(code), "{ended:?}");
    serde_json::from_str(ended.stdout.last().unwrap()).unwrap()
}

fn names(dir: &Path) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// How many messages are in no file because of a reason.
fn skipped(said: &Value, why: &str) -> u64 {
    let all = said["skipped"].as_array().unwrap().iter();
    let same = all.filter(|skip| skip["why"].as_str().unwrap().contains(why));
    same.map(|skip| skip["messages"].as_u64().unwrap()).sum()
}

/// The pictures of a TIFF file as bytes, and its description.
fn tiff(path: &Path) -> (Vec<Vec<u16>>, String) {
    let file = BufReader::new(File::open(path).unwrap());
    let mut decoder = tiff::decoder::Decoder::new(file).unwrap();
    let tag = tiff::tags::Tag::ImageDescription;
    let xml = decoder.get_tag_ascii_string(tag).unwrap();
    let mut pictures = Vec::new();
    loop {
        pictures.push(match decoder.read_image().unwrap() {
            DecodingResult::U8(values) => values.into_iter().map(u16::from).collect(),
            DecodingResult::U16(values) => values,
            other => panic!("{other:?}"),
        });
        if !decoder.more_images() {
            return (pictures, xml);
        }
        decoder.next_image().unwrap();
    }
}

fn values(frame: &Frame) -> Vec<u16> {
    let pairs = frame.body.as_chunks::<2>().0.iter();
    pairs.map(|pair| u16::from_le_bytes(*pair)).collect()
}

#[test]
fn a_series_is_what_was_recorded_bit_by_bit() {
    let dir = tempfile::tempdir().unwrap();
    let (recording, out) = (dir.path().join("a.mcap"), dir.path().join("out"));
    recorded(&recording, Origin::Simulated, &shots());
    let said = exported(&export(&recording, "ome-tiff", &out, &[]), 3);
    assert_eq!(
        names(&out),
        [
            "scope.Deep.20x30.ome.tiff",
            "scope.Deep.40x30.ome.tiff",
            "scope.Jpeg.64x48.ome.tiff",
            "scope.Nv12.6x4.ome.tiff",
            "scope.Rgb.5x3.ome.tiff",
            "scope.Yuyv.6x3.ome.tiff",
        ]
    );
    let (pictures, xml) = tiff(&out.join("scope.Deep.40x30.ome.tiff"));
    let wanted: Vec<_> = (1..=4)
        .map(|number| values(&deep(number, (40, 30))))
        .collect();
    assert!(pictures == wanted);
    // By the device's clock, which counted a quarter of a second each time.
    for (index, passed) in ["0", "0.25", "0.5", "0.75"].iter().enumerate() {
        let plane = format!("TheT=\"{index}\" TheC=\"0\" DeltaT=\"{passed}\" DeltaTUnit=\"s\"");
        assert!(xml.contains(&plane), "{plane} is not in {xml}");
    }
    for part in [
        "SizeT=\"4\" SignificantBits=\"12\" PhysicalSizeX=\"0.5\"",
        "<Channel ID=\"Channel:0:0\" Name=\"Deep\"",
        "<TiffData IFD=\"0\" PlaneCount=\"4\"/>",
        "ExposureTime=\"20\" ExposureTimeUnit=\"ms\" PositionX=\"1.25\"",
        "<M K=\"origin\">replay</M><M K=\"caution\">SIMULATED</M>",
    ] {
        assert!(xml.contains(part), "{part} is not in {xml}");
    }
    let (pictures, _) = tiff(&out.join("scope.Deep.20x30.ome.tiff"));
    let wanted: Vec<_> = (5..=6)
        .map(|number| values(&deep(number, (20, 30))))
        .collect();
    assert!(pictures == wanted);
    // The one that cannot be read is missing, and said to be; the others of its camera are there.
    let (pictures, _) = tiff(&out.join("scope.Jpeg.64x48.ome.tiff"));
    assert_eq!(pictures.len(), 2);
    assert_eq!(skipped(&said, "a picture that cannot be read"), 1);
    let missing = said["missing"][0].as_str().unwrap();
    assert!(
        missing.starts_with("scope Jpeg frame 2 of 2026-11-20T14:03:22.050Z: "),
        "{missing}"
    );
    assert!(missing.contains("the JPEG is"), "{missing}");
    let note = said["notes"][0].as_str().unwrap();
    assert!(
        note.contains("the pictures became 20x30 of 12 bits"),
        "{note}"
    );
}

#[test]
fn pictures_keep_all_their_bits_and_never_replace_a_file() {
    let dir = tempfile::tempdir().unwrap();
    let (recording, out) = (dir.path().join("a.mcap"), dir.path().join("out"));
    recorded(&recording, Origin::Live, &shots());
    let said = exported(&export(&recording, "png", &out, &["--camera", "Deep"]), 0);
    assert_eq!(said["files"].as_array().unwrap().len(), 6);
    assert_eq!(skipped(&said, "of another camera"), 6);
    let names = names(&out);
    assert_eq!(
        names[0],
        "scope.Deep.000000-2026-11-20T14-03-22.020Z-frame1.png"
    );
    for (name, number) in names.iter().zip(1..) {
        let file = BufReader::new(File::open(out.join(name)).unwrap());
        let mut reader = png::Decoder::new(file).read_info().unwrap();
        let mut bytes = vec![0; reader.output_buffer_size().unwrap()];
        let info = reader.next_frame(&mut bytes).unwrap();
        assert_eq!(info.bit_depth, png::BitDepth::Sixteen);
        let pairs = bytes.as_chunks::<2>().0.iter();
        let found: Vec<u16> = pairs.map(|pair| u16::from_be_bytes(*pair)).collect();
        assert!(
            found == values(&deep(number, (info.width, info.height))),
            "{name}"
        );
    }
    let again = export(&recording, "png", &out, &[]);
    assert_eq!(again.code, Some(1), "{again:?}");
    assert!(
        again.stderr.contains("nothing is written over"),
        "{}",
        again.stderr
    );

    let few = dir.path().join("few");
    let args = ["--camera", "Deep", "--every", "3"];
    let said = exported(&export(&recording, "png", &few, &args), 0);
    let files = said["files"].as_array().unwrap();
    let numbers: Vec<_> = files
        .iter()
        .map(|file| {
            file["path"]
                .as_str()
                .unwrap()
                .rsplit_once("-frame")
                .unwrap()
                .1
        })
        .collect();
    assert_eq!(numbers, ["1.png", "4.png"]);
}

#[test]
fn a_camera_that_sends_jpeg_keeps_its_own_and_others_are_said_to_be_packed() {
    let dir = tempfile::tempdir().unwrap();
    let (recording, out) = (dir.path().join("a.mcap"), dir.path().join("out"));
    recorded(&recording, Origin::Live, &shots());
    let said = exported(&export(&recording, "jpeg", &out, &[]), 0);
    let own = out.join("scope.Jpeg.000000-2026-11-20T14-03-22.030Z-frame1.jpg");
    assert_eq!(std::fs::read(own).unwrap(), jpeg(1).body);
    let notes = said["notes"].to_string();
    assert!(
        notes.contains("scope Deep: 6 pictures of more than 8 bits"),
        "{notes}"
    );
    assert!(
        notes.contains("scope Nv12: the camera sent no JPEG; 1 pictures"),
        "{notes}"
    );
    assert!(!notes.contains("scope Jpeg"), "{notes}");
    assert_eq!(names(&out).len(), 12);
}

#[test]
fn a_preview_has_two_hundred_pictures_spread_over_all_of_it() {
    let dir = tempfile::tempdir().unwrap();
    let (recording, out) = (dir.path().join("a.mcap"), dir.path().join("out"));
    let frames = (0..700).map(|n| {
        (
            0,
            Payload::Frame(frame("Many", FrameEncoding::Mono8, (8, 6), n)),
        )
    });
    recorded(&recording, Origin::Live, &frames.collect::<Vec<_>>());
    let said = exported(&export(&recording, "preview", &out, &[]), 0);
    assert_eq!(said["files"][0]["items"], 200);
    let file = BufReader::new(File::open(out.join("scope.Many.preview.png")).unwrap());
    let mut reader = png::Decoder::new(file).read_info().unwrap();
    let control = reader.info().animation_control.unwrap();
    assert_eq!((control.num_frames, control.num_plays), (200, 0));
    assert_eq!(reader.info().size(), (8, 6));
    let mut bytes = vec![0; reader.output_buffer_size().unwrap()];
    let mut shown_ms = 0;
    for _ in 0..200 {
        reader.next_frame(&mut bytes).unwrap();
        let frame = reader.info().frame_control.unwrap();
        shown_ms += u64::from(frame.delay_num) * 1_000 / u64::from(frame.delay_den);
    }
    // Seven seconds, at the pace they were recorded at, and the last one is seen too.
    assert!((6_800..=7_200).contains(&shown_ms), "{shown_ms}");
    assert!(said.get("notes").is_none(), "{said}");
}

#[test]
fn a_long_recording_is_played_faster_and_it_is_said_how_much() {
    let dir = tempfile::tempdir().unwrap();
    let (recording, out) = (dir.path().join("a.mcap"), dir.path().join("out"));
    // Forty seconds: four thousand steps with a picture at each hundredth.
    let said: Vec<_> = (0..=4_000_u64)
        .map(|n| match n % 100 {
            0 => (
                0,
                Payload::Frame(frame("Slow", FrameEncoding::Mono8, (8, 6), n)),
            ),
            _ => (
                0,
                Payload::Readings(vec![Reading::new("x", n as f64, "um")]),
            ),
        })
        .collect();
    recorded(&recording, Origin::Live, &said);
    let said = exported(&export(&recording, "preview", &out, &[]), 0);
    assert_eq!(said["files"][0]["items"], 41);
    let note = said["notes"][0].as_str().unwrap();
    assert!(
        note.ends_with("40.000 s of recording in 20 s: 2.0 times as fast as it was"),
        "{note}"
    );
}

/// What a report has to tell of, with texts that try to become part of the page.
fn eventful() -> Vec<(u16, Payload)> {
    let mut said = shots();
    let command = |state, is_final| {
        Payload::Command(Arc::new(CommandReport {
            id: CommandId(7),
            command: "move x to 1.5 mm".into(),
            kind: CommandKind::Move,
            danger: Danger::Move,
            operator: HOSTILE.into(),
            state,
            is_final,
            detail: Some("\" onload=\"x".into()),
            axis: None,
            before: Vec::new(),
            after: Vec::new(),
        }))
    };
    let press = StopPress {
        number: 3,
        level: StopLevel::Halt,
        origin: StopOrigin::Key,
        mono_ns: 0,
    };
    let stop = |state| {
        Payload::Stop(StopEvent::Report(StopReport {
            press,
            state,
            detail: None,
        }))
    };
    let fault = Fault::new(FaultKind::Malformed, Severity::Error, HOSTILE);
    said.extend([
        (0, command(CommandState::Sent, false)),
        (0, command(CommandState::Done, true)),
        (
            0,
            stop(StopState::Sent {
                after_ns: 1_000_000,
            }),
        ),
        (
            0,
            stop(StopState::Acknowledged {
                after_ns: 4_000_000,
            }),
        ),
        (1, Payload::Fault(fault)),
        (
            1,
            Payload::Readings(vec![
                Reading::new(HOSTILE, 1.0, "um"),
                Reading::new("still <b>", 2.0, "um"),
            ]),
        ),
        (1, Payload::Readings(vec![Reading::new(HOSTILE, 4.5, "um")])),
        (
            1,
            Payload::Frame(frame(HOSTILE, FrameEncoding::Mono8, (32, 24), 1)),
        ),
    ]);
    said
}

/// The tags of a page, by name, each with its attributes as they stand there.
fn tags(page: &str) -> BTreeMap<String, Vec<String>> {
    let mut tags: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (at, _) in page.match_indices('<') {
        let tag = &page[at + 1..];
        let tag = &tag[..tag.find('>').unwrap()];
        let (name, attributes) = tag.split_once([' ', '\n']).unwrap_or((tag, ""));
        let attributes = attributes.to_owned();
        tags.entry(name.to_owned()).or_default().push(attributes);
    }
    tags
}

fn report(recording: &Path, out: &Path, code: i32) -> String {
    let said = exported(&export(recording, "report", out, &[]), code);
    std::fs::read_to_string(said["files"][0]["path"].as_str().unwrap()).unwrap()
}

#[test]
fn a_report_tells_everything_and_lets_no_text_into_its_markup() {
    let dir = tempfile::tempdir().unwrap();
    let recording = dir.path().join("a&<b>.mcap");
    recorded(&recording, Origin::Simulated, &eventful());
    let page = report(&recording, &dir.path().join("out"), 3);
    let tags = tags(&page);
    for foreign in ["script", "b>", "iframe", "link", "object"] {
        assert!(!tags.contains_key(foreign), "{foreign}");
    }
    let known = [
        "!doctype",
        "html",
        "head",
        "meta",
        "title",
        "style",
        "body",
        "main",
        "h1",
        "h2",
        "h3",
        "p",
        "span",
        "dl",
        "dt",
        "dd",
        "div",
        "table",
        "caption",
        "thead",
        "tbody",
        "tr",
        "th",
        "td",
        "figure",
        "figcaption",
        "svg",
        "path",
        "image",
        "text",
        "rect",
        "b",
        "ul",
        "li",
        "footer",
        "code",
    ];
    for (name, all) in &tags {
        let name = name.trim_start_matches('/');
        assert!(known.contains(&name), "<{name}>");
        for attributes in all {
            assert!(!attributes.contains("onload"), "<{name} {attributes}>");
        }
    }
    // Nothing is fetched: what it shows stands in it.
    for attributes in tags.values().flatten() {
        assert!(!attributes.contains("src=\""), "{attributes}");
        for (at, _) in attributes.match_indices("href=\"") {
            let rest = &attributes[at + 6..];
            assert!(rest.starts_with("data:image/"), "{}", &rest[..40]);
        }
    }
    assert!(!page.contains("url(") && !page.contains("@import"));
    assert!(tags["image"].len() > 8, "{}", tags["image"].len());
    // Everything that is drawn is also said.
    for svg in &tags["svg"] {
        assert!(
            svg.contains("role=\"img\"") && svg.contains("aria-label=\""),
            "{svg}"
        );
    }
    for part in [
        "<h1>a&amp;&lt;b&gt;.mcap<span class=\"tag\">SIMULATED</span></h1>",
        "WHOLE: everything",
        "move x to 1.5 mm",
        "done: &quot; onload=&quot;x",
        "halt (press 3)",
        "sent after 1.0 ms; acknowledged after 4.0 ms",
        "malformed: &lt;script",
        "axis x",
        ">5 µm<",
        "frame 1, 14:03:22.020, 40×30, 12 bit",
        "1 could not be read",
        "1 … 4.5 um",
        "still &lt;b&gt;",
        "as asked",
    ] {
        assert!(page.contains(part), "{part} is not in the page");
    }
}

#[test]
fn a_report_of_a_torn_file_says_that_it_is_not_whole() {
    let dir = tempfile::tempdir().unwrap();
    let (whole, torn) = (dir.path().join("a.mcap"), dir.path().join("torn.mcap"));
    recorded(&whole, Origin::Live, &eventful());
    let bytes = std::fs::read(&whole).unwrap();
    // The last byte of the last chunk: what is before it can be read.
    let end = bytes.len() - 2_000;
    std::fs::write(&torn, &bytes[..end]).unwrap();
    let page = report(&torn, &dir.path().join("out"), 3);
    assert!(page.contains("NOT WHOLE") && !page.contains("SIMULATED"));
    let missing = page.split("<h2>What is missing</h2>").nth(1).unwrap();
    assert!(
        missing.contains("<tr class=\"error\">"),
        "{}",
        &missing[..300]
    );
}

#[test]
fn a_session_of_two_parts_is_one_series_and_one_report() {
    let dir = tempfile::tempdir().unwrap();
    let parts = [dir.path().join("1.mcap"), dir.path().join("2.mcap")];
    for (part, numbers) in parts.iter().zip([1..=3, 4..=5]) {
        let said: Vec<_> = numbers
            .map(|number| (0, Payload::Frame(deep(number, (40, 30)))))
            .collect();
        recorded(part, Origin::Live, &said);
    }
    let second = parts[1].to_str().unwrap();
    let out = dir.path().join("out");
    exported(&export(&parts[0], "ome-tiff", &out, &[second]), 0);
    let (pictures, _) = tiff(&out.join("scope.Deep.40x30.ome.tiff"));
    let wanted: Vec<_> = (1..=5)
        .map(|number| values(&deep(number, (40, 30))))
        .collect();
    assert!(pictures == wanted);
    let said = exported(&export(&parts[0], "report", &out, &[second]), 0);
    let page = std::fs::read_to_string(said["files"][0]["path"].as_str().unwrap()).unwrap();
    assert!(page.contains("Parts of the session") && page.contains("5 pictures"));
}

#[test]
fn what_is_not_there_or_cannot_be_meant_is_said() {
    let dir = tempfile::tempdir().unwrap();
    let recording = dir.path().join("a.mcap");
    let readings = Payload::Readings(vec![Reading::new("x", 1.0, "um")]);
    recorded(&recording, Origin::Live, &[(0, readings)]);
    let out = dir.path().join("out");
    for format in ["png", "jpeg", "ome-tiff", "preview"] {
        let ended = export(&recording, format, &out, &[]);
        assert_eq!(ended.code, Some(1), "{ended:?}");
        assert!(ended.stderr.contains("no picture"), "{}", ended.stderr);
        assert!(!out.exists() || names(&out).is_empty());
    }
    let page = report(&recording, &out, 0);
    assert!(!page.contains("<h2>Pictures</h2>"));
    let cases: [(&str, &[&str], &str); 3] = [
        ("report", &["--every", "2"], "--every is for png and jpeg"),
        ("png", &["--every", "0"], "invalid value '0'"),
        ("jsonl", &["--camera", "a"], "--camera is for pictures"),
    ];
    for (format, more, words) in cases {
        let ended = export(&recording, format, &out, more);
        assert_eq!(ended.code, Some(2), "{ended:?}");
        assert!(ended.stderr.contains(words), "{}", ended.stderr);
    }
}

#[test]
fn the_samples_can_be_reported() {
    let dir = tempfile::tempdir().unwrap();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let sample = |name: &str| -> PathBuf { root.join("recordings").join(name) };
    let page = report(&sample("microscope.mcap"), dir.path(), 0);
    // It was recorded from a simulator that nobody had called one, and gave itself away.
    assert!(page.contains("<span class=\"tag\">SIMULATED</span>"));
    for part in ["stage/VirtualStage/X", "it closed the connection", "20 µm"] {
        assert!(page.contains(part), "{part}");
    }
    let page = report(&sample("market.mcap"), dir.path(), 0);
    for part in [
        "BTCUSDT spread",
        "not to be trusted: gap",
        "pushed every 10.0 s",
    ] {
        assert!(page.contains(part), "{part}");
    }
}
