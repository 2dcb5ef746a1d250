//! What is handed to the recorder is in the file, comes back as it was, and whatever is missing is
//! said: in the ledger, in the file and by `inspect`.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::io::{self, Seek, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use bytes::Bytes;
use proptest::prelude::*;
use tokio_util::sync::CancellationToken;
use ttyscope::model::{
    Clock, Compression, DropReason, EndReason, Fate, Fault, FaultKind, Frame, FrameEncoding,
    LaneKind, LinkState, LogLine, Loss, Message, Origin, Pace, Payload, PlainText, Reading,
    RecorderState, Sample, Severity, SourceId, Stamp, Value,
};
use ttyscope::pipeline::{Order, Pipeline, RecordingLimits, RecordingPlan, Rotation, ScreenLanes};
use ttyscope::recorder::{Disk, RecordFile, Storage};
use ttyscope::recording::{
    self, Account, Decoder, Entry, Played, RecordingReader, RecordingWriter, Session,
    SourceAccount, Summary,
};

use rig::{EPOCH_NS, LANE_BYTES, Rig, play, sources, wait_until};

#[path = "recording/black_box.rs"]
mod black_box;
#[path = "recording/control.rs"]
mod control;
#[path = "recording/disk_full.rs"]
mod disk_full;
#[path = "recording/market.rs"]
mod market;
#[path = "recording/missed.rs"]
mod missed;
#[path = "recording/rebuilt.rs"]
mod rebuilt;
#[path = "support/rig.rs"]
mod rig;

fn text(n: u64) -> Payload {
    Payload::Message(Message {
        name: PlainText::from("sigTick"),
        json: Bytes::from(format!("[{n}]")),
        attachments: vec![],
    })
}

fn frame(number: u64, encoding: FrameEncoding, body: Vec<u8>) -> Frame {
    Frame {
        detector: PlainText::from("WidefieldCamera"),
        number: Some(number),
        width_px: Some(4),
        height_px: Some(2),
        encoding,
        body: Bytes::from(body),
        pixel_size_um: Some(0.325),
        subsampling: 2,
        bit_depth: None,
        device_ns: Some(EPOCH_NS - 5),
        lost_before: 0,
    }
}

fn reading(name: &str, value: f64) -> Payload {
    Payload::Readings(vec![Reading::new(name, value, "um")])
}

fn one_of_each() -> Vec<Payload> {
    let mut all = few();
    all.extend(market::one_of_each());
    all
}

/// Enough kinds to try every byte of a file with.
fn few() -> Vec<Payload> {
    let mut all = vec![
        Payload::Link(LinkState::Live),
        reading("stage/X", 1.5),
        Payload::Frame(frame(1, FrameEncoding::Jpeg, b"\xff\xd8jpeg".to_vec())),
        Payload::Frame(frame(2, FrameEncoding::Mono8, vec![7; 8])),
        Payload::Frame(frame(
            3,
            FrameEncoding::Mono16(Compression::None),
            (0..16).collect(),
        )),
        text(1),
        Payload::Log(LogLine {
            severity: Severity::Warning,
            origin: PlainText::from("sigLog"),
            text: PlainText::from("laser warm"),
        }),
        Payload::Fault(Fault::new(FaultKind::Peer, Severity::Warning, "no").with_sample(b"\0\x01")),
        Payload::Loss(Loss {
            lane: LaneKind::Samples,
            reason: DropReason::ReaderBehind,
            count: 3,
        }),
    ];
    all.extend(control::one_of_each());
    all
}

fn is_readable(path: &Path) -> Vec<Entry> {
    RecordingReader::open(path).unwrap().collect()
}

fn played(path: &Path) -> Vec<Played> {
    let mut decoder = Decoder::new(recording::session_of(path).unwrap());
    is_readable(path)
        .into_iter()
        .filter_map(|entry| match entry {
            Entry::Message(message) => decoder.decode(&message).unwrap(),
            Entry::Metadata { .. } | Entry::Attachment(_) => None,
            Entry::Damage(damage) => panic!("{damage:?}"),
        })
        .collect()
}

fn payloads(path: &Path, source: usize) -> Vec<Payload> {
    played(path)
        .into_iter()
        .filter(|played| played.source == source)
        .map(|played| played.payload)
        .collect()
}

fn messages_of(summary: &Summary, topic: &str) -> u64 {
    summary
        .channels
        .iter()
        .find(|channel| channel.topic == topic)
        .map_or(0, |channel| channel.messages)
}

/// A small finished recording, made without a thread.
fn small_recording(dir: &Path) -> PathBuf {
    let path = dir.join("small.mcap");
    let session = Session::new(&sources(), EPOCH_NS);
    let mut writer = RecordingWriter::new(std::fs::File::create(&path).unwrap(), &session).unwrap();
    for (n, payload) in few().into_iter().enumerate() {
        writer.stage(&sample(n as u64, payload), None);
        writer.commit().unwrap();
        writer.flush().unwrap();
    }
    writer.finish(&whole(&session)).unwrap();
    path
}

fn sample(n: u64, payload: Payload) -> Sample {
    Sample {
        source: SourceId(0),
        received: Stamp {
            mono_ns: n,
            unix_ns: EPOCH_NS + n * 1_000_000,
        },
        payload,
    }
}

fn whole(session: &Session) -> Account {
    Account {
        ended_unix_ns: EPOCH_NS,
        reason: "done".to_owned(),
        sources: session
            .sources
            .iter()
            .map(|source| SourceAccount {
                name: source.name.clone(),
                ..SourceAccount::default()
            })
            .collect(),
        goes_on: false,
    }
}

// What was recorded comes back.

#[test]
fn one_of_each_comes_back_as_it_was() {
    let rig = Rig::new();
    rig.start(RecordingLimits::default());
    for payload in one_of_each() {
        rig.say(0, payload);
    }
    let outcome = rig.stop();
    assert!(outcome.complete, "{outcome:?}");
    assert_eq!(
        (outcome.accepted, outcome.written, outcome.lost),
        (18, 18, 0)
    );
    assert_eq!(payloads(&outcome.path, 0), one_of_each());
    let name = outcome.path.file_name().unwrap().to_str().unwrap();
    assert_eq!(name, "scope-2026-11-20T140322Z.mcap");
    rig.assert_balanced();

    let summary = recording::inspect(&outcome.path).unwrap();
    assert!(summary.complete, "{summary}");
    assert_eq!(summary.sources[1].origin, "simulated");
    let expected = [
        ("/scope/WidefieldCamera/image", 1),
        ("/scope/WidefieldCamera/image_raw", 2),
        ("/scope/WidefieldCamera/frame", 3),
        ("/scope/readings", 1),
        ("/scope/message/sigTick", 1),
        ("/scope/log", 1),
        ("/scope/link", 1),
        ("/scope/fault", 1),
        ("/scope/loss", 1),
        ("/scope/instrument", 1),
        ("/scope/command", 1),
        ("/scope/stop", 2),
        ("/scope/book/BTC_USD-b4b50b7b", 1),
        ("/scope/trades/BTC_USD-b4b50b7b", 1),
        ("/scope/feed", 1),
        ("/scope/fleet", 1),
        ("/scope/table/orders", 1),
    ];
    for (topic, count) in expected {
        assert_eq!(messages_of(&summary, topic), count, "{topic}\n{summary}");
    }
    assert_eq!(summary.losses[0].count, 3);
    assert!(rig.recorder.status().free_bytes.is_some());
    rig.quit();
}

#[test]
fn times_are_receipt_device_and_never_zero() {
    let rig = Rig::new();
    rig.start(RecordingLimits::default());
    rig.clock.advance(Duration::from_millis(1500));
    for payload in one_of_each() {
        rig.say(0, payload);
    }
    let outcome = rig.stop();
    let mut sequences = std::collections::BTreeMap::new();
    for entry in is_readable(&outcome.path) {
        let Entry::Message(message) = entry else {
            continue;
        };
        assert_eq!(message.log_time_ns, EPOCH_NS + 1_500_000_000);
        // Pictures, books and trades bear a time of their own.
        let topic = &message.channel.topic;
        let dated = ["WidefieldCamera", "/book/", "/trades/"];
        let publish = if dated.iter().any(|part| topic.contains(part)) {
            EPOCH_NS - 5
        } else {
            message.log_time_ns
        };
        assert_eq!(
            message.publish_time_ns, publish,
            "{}",
            message.channel.topic
        );
        let next = sequences.entry(message.channel.id).or_insert(0);
        *next += 1;
        assert_eq!(message.sequence, *next, "{}", message.channel.topic);
    }
    rig.quit();
}

fn any_text() -> impl Strategy<Value = PlainText> {
    prop_oneof!["[a-zA-Z/ é\u{1b}\"\\\\]{0,12}", "\\PC{0,8}"].prop_map(PlainText::from)
}

fn any_bytes(most: usize) -> impl Strategy<Value = Bytes> {
    proptest::collection::vec(any::<u8>(), 0..most).prop_map(Bytes::from)
}

fn any_value() -> impl Strategy<Value = Value> {
    prop_oneof![
        any::<f64>()
            .prop_filter("NaN is not equal to itself", |f| !f.is_nan())
            .prop_map(Value::Float),
        any::<i64>().prop_map(Value::Int),
        any::<bool>().prop_map(Value::Bool),
        any_text().prop_map(Value::Text),
    ]
}

fn any_readings() -> impl Strategy<Value = Payload> {
    let unit = prop_oneof![Just(""), Just("um"), Just("ms"), Just("1/s"), Just("lx")];
    proptest::collection::vec((any_text(), any_value(), unit), 0..5).prop_map(|list| {
        let readings = list
            .into_iter()
            .map(|(name, value, unit)| Reading { name, value, unit })
            .collect();
        Payload::Readings(readings)
    })
}

fn any_message() -> impl Strategy<Value = Payload> {
    let json = prop_oneof![
        Just(r#"[1.50, "a\u0000b", {"k":  [ ]}]"#.to_owned()),
        Just("null".to_owned()),
        Just(" [1]\n".to_owned()),
        Just("not json".to_owned()),
        Just(String::new()),
        "\\PC{0,10}",
    ];
    let attachments = proptest::collection::vec(any_bytes(20), 0..3);
    (any_text(), json, attachments).prop_map(|(name, json, attachments)| {
        Payload::Message(Message {
            name,
            json: Bytes::from(json),
            attachments,
        })
    })
}

fn any_frame() -> impl Strategy<Value = Payload> {
    let encoding = prop_oneof![
        Just(FrameEncoding::Jpeg),
        Just(FrameEncoding::Mono8),
        Just(FrameEncoding::Mono16(Compression::None)),
    ];
    (
        (any_text(), any::<Option<u64>>(), any::<Option<u64>>()),
        (1..6_u32, 1..6_u32, encoding),
        (
            proptest::option::of(-1e9..1e9_f64),
            any::<u32>(),
            any::<u64>(),
            any::<bool>(),
        ),
    )
        .prop_map(|(named, shape, more)| {
            let (width, height, encoding) = shape;
            let bytes = match encoding {
                FrameEncoding::Mono16(_) => width * height * 2,
                _ => width * height,
            };
            // Only a compressed picture may leave its size to be found inside.
            let known = encoding != FrameEncoding::Jpeg || more.3;
            Payload::Frame(Frame {
                detector: named.0,
                number: named.1,
                width_px: known.then_some(width),
                height_px: known.then_some(height),
                encoding,
                body: Bytes::from(vec![width as u8; bytes as usize]),
                pixel_size_um: more.0,
                subsampling: more.1,
                bit_depth: None,
                device_ns: named.2,
                lost_before: more.2,
            })
        })
}

fn any_link() -> impl Strategy<Value = Payload> {
    let state = prop_oneof![
        any::<u32>().prop_map(|attempt| LinkState::Connecting { attempt }),
        Just(LinkState::Connected),
        Just(LinkState::Live),
        Just(LinkState::Ended),
        any_text().prop_map(|missing| LinkState::Stale { missing }),
        (any_text(), any::<Option<u64>>()).prop_map(|(detail, wait)| LinkState::Down {
            reason: EndReason::PingTimeout,
            detail,
            retry_in: wait.map(Duration::from_nanos),
        }),
    ];
    state.prop_map(Payload::Link)
}

fn any_payload() -> impl Strategy<Value = Payload> {
    let severity = prop_oneof![
        Just(Severity::Debug),
        Just(Severity::Info),
        Just(Severity::Warning),
        Just(Severity::Error)
    ];
    let log = (severity.clone(), any_text(), any_text()).prop_map(|(severity, origin, text)| {
        Payload::Log(LogLine {
            severity,
            origin,
            text,
        })
    });
    let fault = (severity, any_text(), any_bytes(40)).prop_map(|(severity, text, sample)| {
        Payload::Fault(Fault::new(FaultKind::TooLarge, severity, text).with_sample(&sample))
    });
    let loss = (0..9_usize, any::<u64>()).prop_map(|(reason, count)| {
        Payload::Loss(Loss {
            lane: LaneKind::Frames,
            reason: DropReason::ALL[reason],
            count,
        })
    });
    prop_oneof![
        any_frame(),
        any_readings(),
        any_message(),
        any_link(),
        log,
        fault,
        loss,
        control::any_instrument(),
        control::any_command(),
        control::any_stop(),
        market::any_payload(),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn whatever_is_recorded_replays_and_records_again_the_same(
        list in proptest::collection::vec((0..2_usize, any_payload()), 0..40),
    ) {
        let rig = Rig::new();
        rig.start(RecordingLimits::default());
        for (source, payload) in &list {
            rig.clock.advance(Duration::from_millis(7));
            rig.say(*source, payload.clone());
        }
        let first = rig.stop();
        prop_assert!(first.complete, "{first:?}");
        prop_assert_eq!(first.written, list.len() as u64);
        rig.assert_balanced();

        let again = Rig::new();
        again.start(RecordingLimits::default());
        let outlets = again.outlets.clone();
        let done = again.runtime.block_on(play(
            &first.path,
            Pace::Max,
            outlets,
            CancellationToken::new(),
        ));
        prop_assert_eq!((done.played, done.unreadable), (list.len() as u64, 0));
        let second = again.stop();
        let mut once = played(&first.path);
        // The player's own last word.
        let ended_ns = once.last().map_or(EPOCH_NS, |played| played.received_ns);
        // Not for one that had ended when it was recorded.
        let open = (0..2).filter(|source| {
            let last = once.iter().rfind(|played| {
                played.source == *source && matches!(played.payload, Payload::Link(_))
            });
            last.is_none_or(|last| last.payload != Payload::Link(LinkState::Ended))
        });
        let open: Vec<usize> = open.collect();
        once.extend(open.into_iter().map(|source| Played {
            source,
            received_ns: ended_ns,
            payload: Payload::Link(LinkState::Ended),
        }));
        let twice = played(&second.path);
        for (played, (source, payload)) in once.iter().zip(&list) {
            prop_assert_eq!((&played.source, &played.payload), (source, payload));
        }
        prop_assert_eq!(once, twice);
        rig.quit();
        again.quit();
    }
}

#[test]
fn a_number_that_json_cannot_write_comes_back() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.mcap");
    let session = Session::new(&sources(), EPOCH_NS);
    let mut writer = RecordingWriter::new(std::fs::File::create(&path).unwrap(), &session).unwrap();
    writer.stage(&sample(1, reading("x", f64::NAN)), None);
    writer.commit().unwrap();
    writer.finish(&whole(&session)).unwrap();
    let Payload::Readings(readings) = &payloads(&path, 0)[0] else {
        panic!("not readings");
    };
    assert!(matches!(readings[0].value, Value::Float(f) if f.is_nan()));
}

#[test]
fn packed_pictures_are_recorded_unpacked() {
    let rig = Rig::new();
    rig.start(RecordingLimits::default());
    let pixels: Vec<u8> = (0..16).collect();
    let mut lz4 = lz4_flex::frame::FrameEncoder::new(Vec::new());
    lz4.write_all(&pixels).unwrap();
    let packed = [
        (Compression::Lz4, lz4.finish().unwrap()),
        (Compression::Zstd, zstd::bulk::compress(&pixels, 1).unwrap()),
    ];
    for (n, (compression, body)) in packed.into_iter().enumerate() {
        let encoding = FrameEncoding::Mono16(compression);
        rig.say(0, Payload::Frame(frame(n as u64, encoding, body)));
    }
    let outcome = rig.stop();
    assert!(outcome.complete, "{outcome:?}");
    let expected: Vec<Payload> = (0..2)
        .map(|n| {
            let encoding = FrameEncoding::Mono16(Compression::None);
            Payload::Frame(frame(n, encoding, pixels.clone()))
        })
        .collect();
    assert_eq!(payloads(&outcome.path, 0), expected);
    rig.quit();
}

#[test]
fn a_picture_that_cannot_be_read_is_a_fault_and_a_loss_in_the_file() {
    let rig = Rig::new();
    rig.start(RecordingLimits::default());
    let bad = FrameEncoding::Mono16(Compression::Lz4);
    for number in 0..3 {
        rig.say(1, Payload::Frame(frame(number, bad, b"rubbish".to_vec())));
    }
    rig.say(1, text(1));
    let outcome = rig.stop();
    assert!(!outcome.complete);
    assert_eq!((outcome.accepted, outcome.written, outcome.lost), (4, 1, 3));
    let disk = rig.pipeline.ledger().snapshot().source(SourceId(1)).disk;
    assert_eq!(disk.lost[DropReason::Undecodable as usize], 3);
    rig.assert_balanced();

    let found = payloads(&outcome.path, 1);
    let Payload::Fault(fault) = &found[0] else {
        panic!("{found:?}");
    };
    assert_eq!(fault.kind, FaultKind::Undecodable);
    assert_eq!(&fault.sample[..], b"rubbish");
    assert!(found.contains(&Payload::Loss(Loss {
        lane: LaneKind::Frames,
        reason: DropReason::Undecodable,
        count: 3,
    })));
    let summary = recording::inspect(&outcome.path).unwrap();
    assert!(summary.finished && !summary.complete);
    assert_eq!(
        summary.incomplete_because,
        ["demo: 1 of 4 messages are in it; lost: undecodable 3"]
    );
    rig.quit();
}

#[test]
fn a_recording_begins_with_the_state_of_things() {
    let rig = Rig::new();
    rig.say(0, Payload::Link(LinkState::Connected));
    rig.say(0, reading("stage/X", 1.0));
    rig.say(0, reading("stage/Y", 2.0));
    rig.clock.advance(Duration::from_secs(600));
    rig.say(0, reading("stage/X", 3.0));
    rig.say(0, Payload::Link(LinkState::Live));
    rig.clock.advance(Duration::from_secs(60));
    rig.start(RecordingLimits::default());
    rig.say(0, text(1));
    let outcome = rig.stop();
    assert_eq!((outcome.accepted, outcome.written), (1, 1));
    let state = Payload::Readings(vec![
        Reading::new("stage/X", 3.0, "um"),
        Reading::new("stage/Y", 2.0, "um"),
    ]);
    assert_eq!(
        payloads(&outcome.path, 0),
        [Payload::Link(LinkState::Live), state, text(1)]
    );
    // At the recording's beginning, not minutes before it.
    let began = EPOCH_NS + 660_000_000_000;
    assert!(played(&outcome.path).iter().all(|p| p.received_ns == began));
    rig.quit();
}

#[test]
fn a_peer_that_makes_up_names_cannot_open_channels_without_end() {
    let rig = Rig::new();
    rig.start(RecordingLimits::default());
    for n in 0..2000 {
        let name = format!("event/{n}");
        rig.say(
            0,
            Payload::Message(Message {
                name: PlainText::from(name),
                json: Bytes::from_static(b"[]"),
                attachments: vec![],
            }),
        );
    }
    let outcome = rig.stop();
    assert!(outcome.complete);
    let summary = recording::inspect(&outcome.path).unwrap();
    assert_eq!(summary.channels.len(), recording::MAX_NAMED_CHANNELS + 1);
    let rest = 2000 - recording::MAX_NAMED_CHANNELS as u64;
    assert_eq!(messages_of(&summary, "/scope/message/other"), rest);
    let last = payloads(&outcome.path, 0).pop();
    assert!(matches!(last, Some(Payload::Message(m)) if &*m.name == "event/1999"));
    rig.quit();
}

// Limits and stopping.

#[test]
fn a_limit_of_messages_is_exact() {
    for most in [0, 1, 100] {
        let rig = Rig::new();
        rig.lane.order(Order::Start(rig.plan(RecordingLimits {
            messages: Some(most),
            ..RecordingLimits::default()
        })));
        if most > 0 {
            wait_until("the recorder takes", || rig.lane.is_taking());
        }
        for n in 0..250 {
            rig.say(0, text(n));
        }
        let outcome = rig.outcome();
        assert_eq!((outcome.accepted, outcome.written), (most, most));
        assert!(outcome.complete, "{outcome:?}");
        let expected: Vec<Payload> = (0..most).map(text).collect();
        assert_eq!(payloads(&outcome.path, 0), expected);
        let disk = rig.pipeline.ledger().snapshot().source(SourceId(0)).disk;
        assert_eq!(disk.lost_total(), outcome.left_out);
        rig.assert_balanced();
        rig.quit();
    }
}

#[test]
fn a_file_never_grows_over_its_limit() {
    for limit in [20_000, 200_000, 3_000_000] {
        let rig = Rig::new();
        rig.start(RecordingLimits {
            size_bytes: Some(limit),
            ..RecordingLimits::default()
        });
        let mut n = 0;
        while rig.lane.is_taking() {
            let body = vec![n as u8; 1 + n as usize * 97 % 5_000];
            rig.say(0, Payload::Frame(frame(n, FrameEncoding::Jpeg, body)));
            rig.say(0, text(n));
            n += 1;
        }
        let outcome = rig.outcome();
        assert!(outcome.complete, "{outcome:?}");
        let size = std::fs::metadata(&outcome.path).unwrap().len();
        assert_eq!(size, outcome.size_bytes);
        assert!(size <= limit, "{size} of {limit}");
        assert!(size * 10 > limit * 6, "{size} of {limit}");
        assert!(recording::inspect(&outcome.path).unwrap().complete);
        rig.assert_balanced();
        rig.quit();
    }
}

#[test]
fn a_limit_of_time_ends_with_what_was_received_within_it() {
    let rig = Rig::new();
    rig.start(RecordingLimits {
        duration: Some(Duration::from_secs(5)),
        ..RecordingLimits::default()
    });
    for n in 0..4 {
        rig.clock.advance(Duration::from_secs(1));
        rig.say(0, text(n));
    }
    rig.clock.advance(Duration::from_secs(2));
    let outcome = rig.outcome();
    assert_eq!(outcome.written, 4);
    assert!(outcome.complete);
    assert_eq!(outcome.ended, "all 5.0 s asked for are recorded");
    assert_eq!(rig.recorder.status().state, RecorderState::Off);
    rig.quit();
}

#[test]
fn stopping_writes_what_was_handed_over_before() {
    let rig = Rig::new();
    rig.start(RecordingLimits::default());
    for n in 0..500 {
        let body = vec![0; 4096];
        rig.say(0, Payload::Frame(frame(n, FrameEncoding::Jpeg, body)));
    }
    rig.lane.order(Order::Quit);
    let outcomes = rig.recorder.join();
    assert_eq!(outcomes[0].written, 500);
    assert!(outcomes[0].complete);
}

#[test]
fn two_recordings_in_one_second_have_two_names() {
    let rig = Rig::new();
    let mut names = Vec::new();
    for _ in 0..3 {
        rig.start(RecordingLimits::default());
        rig.say(0, text(1));
        let outcome = rig.stop();
        let name = outcome.path.file_name().unwrap().to_owned();
        names.push(name.into_string().unwrap());
    }
    assert_eq!(
        names,
        [
            "scope-2026-11-20T140322Z.mcap",
            "scope-2026-11-20T140322Z-2.mcap",
            "scope-2026-11-20T140322Z-3.mcap"
        ]
    );
    let left: Vec<_> = std::fs::read_dir(rig.plan(RecordingLimits::default()).dir)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "mcap"))
        .collect();
    assert_eq!(left.len(), 3, "{left:?}");
    rig.quit();
}

#[test]
fn inspect_says_what_never_came() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("gaps.mcap");
    let session = Session::new(&sources(), EPOCH_NS);
    let mut writer = RecordingWriter::new(std::fs::File::create(&path).unwrap(), &session).unwrap();
    // Ten a second, with two seconds of silence and four pictures that never came.
    for n in 0..40_u64 {
        let mut picture = frame(n, FrameEncoding::Jpeg, vec![1]);
        picture.lost_before = if n == 20 { 4 } else { 0 };
        let late = if n < 20 { 0 } else { 2000 };
        writer.stage(&sample(n * 100 + late, Payload::Frame(picture)), None);
        writer.commit().unwrap();
    }
    writer.finish(&whole(&session)).unwrap();
    let summary = recording::inspect(&path).unwrap();
    let table = summary.to_string();
    let expected = "\
gaps
  2026-11-20T14:03:23.900Z  /scope/WidefieldCamera/image  silent for 2.100 s
  2026-11-20T14:03:23.900Z  /scope/WidefieldCamera/frame  4 pictures never came

complete
";
    assert!(table.ends_with(expected), "{table}");
    assert!(table.contains("source       demo  imswitch://demo.example:8001  SIMULATED"));
    let json: serde_json::Value =
        serde_json::from_str(&serde_json::to_string(&summary).unwrap()).unwrap();
    assert_eq!(json["gaps"][1]["missing"], 4);
    assert_eq!(json["channels"][1]["rate_hz"], 39.0 / 5.9);
}

// Files that end early, or are damaged.

#[test]
fn a_killed_recording_lacks_at_most_the_last_second() {
    let rig = Rig::new();
    rig.start(RecordingLimits::default());
    for n in 0..10 {
        rig.say(0, text(n));
    }
    wait_until("they are taken", || rig.recorder.status().messages == 10);
    // Everything so far is flushed and durable; what follows is in the open chunk.
    rig.pass(Duration::from_secs(3));
    rig.say(0, text(10));
    wait_until("it is taken", || rig.recorder.status().messages == 11);
    let dir = rig.plan(RecordingLimits::default()).dir;
    let partial = dir.join("scope-2026-11-20T140322Z.partial.mcap");
    let killed = rig.dir.path().join("killed.mcap");
    std::fs::copy(partial, &killed).unwrap();

    let summary = recording::inspect(&killed).unwrap();
    assert_eq!(messages_of(&summary, "/scope/message/sigTick"), 10);
    assert!(!summary.finished && !summary.complete);
    let why = &summary.incomplete_because[0];
    assert!(
        why.starts_with(
            "not finished; readable up to 2026-11-20T14:03:22.000Z; if its recorder was killed, or \
             still writes, at most 1.0 s after that is missing"
        ),
        "{why}"
    );
    assert_eq!(payloads(&killed, 0).len(), 10);
    rig.quit();
}

#[test]
fn a_file_cut_anywhere_is_read_up_to_there() {
    let dir = tempfile::tempdir().unwrap();
    let path = small_recording(dir.path());
    let whole = recording::inspect(&path).unwrap();
    assert!(whole.complete, "{whole}");
    let file = std::fs::File::options().write(true).open(&path).unwrap();
    let size = file.metadata().unwrap().len();
    let mut after = whole.messages;
    // Every place near both ends, every third between them.
    let ends = |at: &u64| *at < 300 || *at + 300 > size || at.is_multiple_of(3);
    for len in (0..size).rev().filter(ends) {
        file.set_len(len).unwrap();
        let Ok(summary) = recording::inspect(&path) else {
            assert!(len < 8, "{len} bytes of a recording were refused");
            continue;
        };
        assert!(!summary.finished && !summary.complete, "cut at {len}");
        assert!(summary.messages <= after, "cut at {len}");
        after = summary.messages;
    }
    assert_eq!((whole.messages, after), (16, 0));
}

#[test]
fn a_flipped_byte_anywhere_is_noticed() {
    let dir = tempfile::tempdir().unwrap();
    let path = small_recording(dir.path());
    let good = std::fs::read(&path).unwrap();
    let mut file = std::fs::File::options().write(true).open(&path).unwrap();
    let mut put = |at: usize, byte: u8| {
        file.seek(io::SeekFrom::Start(at as u64)).unwrap();
        file.write_all(&[byte]).unwrap();
    };
    for at in (0..good.len()).step_by(3) {
        put(at, good[at] ^ 0x55);
        if let Ok(summary) = recording::inspect(&path) {
            assert!(!summary.complete, "byte {at} of {}:\n{summary}", good.len());
        }
        put(at, good[at]);
    }
    assert!(recording::inspect(&path).unwrap().complete);
}

#[test]
fn a_bad_chunk_costs_only_itself() {
    let dir = tempfile::tempdir().unwrap();
    let path = small_recording(dir.path());
    let mut bytes = std::fs::read(&path).unwrap();
    let at = bytes
        .windows(10)
        .position(|window| window == b"laser warm")
        .unwrap();
    bytes[at] ^= 1;
    std::fs::write(&path, &bytes).unwrap();
    let summary = recording::inspect(&path).unwrap();
    assert_eq!((summary.messages, summary.damage.len()), (15, 1));
    assert!(summary.finished && !summary.complete);
    assert_eq!(
        summary.damage[0].what,
        "a chunk whose checksum does not match"
    );
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    #[test]
    fn no_file_makes_the_reader_panic(
        noise in proptest::collection::vec(any::<u8>(), 0..400),
        records in proptest::collection::vec((0..18_u8, proptest::collection::vec(any::<u8>(), 0..60)), 0..20),
    ) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("noise.mcap");
        let magic = [0x89, b'M', b'C', b'A', b'P', 0x30, b'\r', b'\n'];
        let mut bytes = magic.to_vec();
        for (opcode, content) in records {
            bytes.push(opcode);
            bytes.extend((content.len() as u64).to_le_bytes());
            bytes.extend(content);
        }
        bytes.extend(noise);
        std::fs::write(&path, bytes).unwrap();
        let summary = recording::inspect(&path).unwrap();
        prop_assert!(!summary.to_string().is_empty());
        let mut decoder = Decoder::new(Session::new(&sources(), EPOCH_NS));
        for entry in RecordingReader::open(&path).unwrap() {
            if let Entry::Message(message) = entry {
                // Whatever comes out of it: it has to come out.
                let _ = decoder.decode(&message);
            }
        }
    }
}

// Disks that fail.

/// A disk that stalls before each write, or each time it is to make something durable.
#[derive(Clone, Default)]
struct BadDisk {
    gate: Option<Arc<Gate>>,
    sync_gate: Option<Arc<Gate>>,
}

#[derive(Default)]
struct Gate {
    state: Mutex<GateState>,
    changed: Condvar,
}

#[derive(Default)]
struct GateState {
    open: bool,
    permits: u64,
    waiting: bool,
}

impl Gate {
    fn pass(&self) {
        let mut state = self.state.lock().unwrap();
        while !state.open && state.permits == 0 {
            state.waiting = true;
            state = self.changed.wait(state).unwrap();
        }
        state.waiting = false;
        state.permits = state.permits.saturating_sub(1);
    }

    fn set(&self, change: impl FnOnce(&mut GateState)) {
        change(&mut self.state.lock().unwrap());
        self.changed.notify_all();
    }

    fn is_waited_at(&self) -> bool {
        let state = self.state.lock().unwrap();
        state.waiting && !state.open && state.permits == 0
    }
}

struct BadFile {
    inner: Box<dyn RecordFile>,
    disk: BadDisk,
}

impl Storage for BadDisk {
    fn make_dir(&self, dir: &Path) -> io::Result<()> {
        Disk.make_dir(dir)
    }

    fn create(&self, path: &Path) -> io::Result<Box<dyn RecordFile>> {
        Ok(Box::new(BadFile {
            inner: Disk.create(path)?,
            disk: self.clone(),
        }))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        Disk.rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        Disk.remove(path)
    }

    fn exists(&self, path: &Path) -> bool {
        Disk.exists(path)
    }
}

impl Write for BadFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if let Some(gate) = &self.disk.gate
            && bytes.len() > 1000
        {
            gate.pass();
        }
        self.inner.write_all(bytes)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

impl RecordFile for BadFile {
    fn sync(&mut self) -> io::Result<()> {
        if let Some(gate) = &self.disk.sync_gate {
            gate.pass();
        }
        self.inner.sync()
    }
}

#[test]
fn nothing_is_claimed_to_be_durable_before_the_disk_has_said_so() {
    let gate = Arc::new(Gate::default());
    let disk = BadDisk {
        sync_gate: Some(Arc::clone(&gate)),
        ..BadDisk::default()
    };
    let rig = Rig::on(Box::new(disk), LANE_BYTES);
    rig.start(RecordingLimits::default());
    let claimed = || {
        let status = rig.recorder.status();
        (status.durable_mono_ns, status.durable_unix_ns)
    };
    let partial = rig
        .plan(RecordingLimits::default())
        .dir
        .join("scope-2026-11-20T140322Z.partial.mcap");
    let mut before = (0, None);
    for n in 0..3 {
        rig.clock.advance(Duration::from_millis(5));
        let said = rig.clock.now();
        rig.say(0, text(n));
        wait_until("it is taken", || rig.recorder.status().messages == n + 1);
        rig.clock.advance(Duration::from_secs(3));
        // It can be read by then, and is not called durable.
        wait_until("the disk syncs", || gate.is_waited_at());
        assert_eq!(claimed(), before);
        let summary = recording::inspect(&partial).unwrap();
        let span = summary.span.unwrap();
        assert_eq!((summary.messages, span.last_unix_ns), (n + 1, said.unix_ns));
        gate.set(|state| state.permits = 1);
        wait_until("it is durable", || claimed().1 == Some(said.unix_ns));
        assert!(claimed().0 >= said.mono_ns);
        before = claimed();
        wait_until("all is", || claimed().0 >= rig.clock.now().mono_ns);
        before.0 = claimed().0;
    }
    gate.set(|state| state.open = true);
    assert!(rig.stop().complete);
    rig.quit();
}

#[test]
fn a_folder_that_cannot_be_made_is_said() {
    let rig = Rig::new();
    let file = rig.dir.path().join("file");
    std::fs::write(&file, b"").unwrap();
    rig.lane.order(Order::Start(RecordingPlan {
        dir: file.join("recordings"),
        stem: "scope".to_owned(),
        limits: RecordingLimits::default(),
        rotation: Rotation::default(),
    }));
    let outcome = rig.outcome();
    assert!(outcome.ended.starts_with("recording not started: "));
    assert!(outcome.ended.contains("name another folder"));
    assert!(!rig.lane.is_taking());
    // It can be tried again elsewhere.
    rig.start(RecordingLimits::default());
    rig.say(0, text(1));
    assert!(rig.stop().complete);
    rig.quit();
}

#[test]
fn draining_ends_at_its_deadline_and_says_what_is_missing() {
    let gate = Arc::new(Gate::default());
    let disk = BadDisk {
        gate: Some(Arc::clone(&gate)),
        ..BadDisk::default()
    };
    let rig = Rig::on(Box::new(disk), LANE_BYTES);
    rig.start(RecordingLimits::default());
    for n in 0..6 {
        let body = vec![1; 600_000];
        rig.say(0, Payload::Frame(frame(n, FrameEncoding::Jpeg, body)));
    }
    // The second picture waits for the first one's chunk to be written.
    wait_until("the disk stalls", || gate.is_waited_at());
    rig.lane.order(Order::Stop);
    gate.set(|state| state.permits = 1);
    wait_until("the disk stalls again", || gate.is_waited_at());
    rig.clock.advance(Duration::from_secs(11));
    gate.set(|state| state.open = true);
    let outcome = rig.outcome();
    assert!(!outcome.complete);
    assert_eq!((outcome.accepted, outcome.lost), (6, 3), "{outcome:?}");
    assert!(outcome.ended.contains("3 messages are missing in it"));
    // Whose they are is known to who asks, and to the manifest.
    assert_eq!(outcome.sources[0].name, "scope");
    assert_eq!(outcome.sources[0].lost["shutdown"], 3);
    assert!(outcome.sources[1].is_complete());
    let manifest = outcome.manifest.clone().unwrap();
    wait_until("the manifest is written", || {
        recording::Manifest::read(&manifest).is_ok_and(|read| {
            read.end
                .is_some_and(|end| !end.complete && end.accounts == outcome.sources)
        })
    });
    let summary = recording::inspect(&outcome.path).unwrap();
    assert!(summary.finished && !summary.complete);
    assert_eq!(
        (summary.losses[0].reason.as_str(), summary.losses[0].count),
        ("shutdown", 3)
    );
    rig.assert_balanced();
    rig.quit();
}

// Replay.

#[test]
fn a_replayed_source_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let path = small_recording(dir.path());
    let sources = recording::sources_of(&path).unwrap();
    assert!(sources.iter().all(|s| s.origin == Origin::Replay));
    assert_eq!(sources[0].caution, None);
    assert_eq!(sources[1].caution, Some(PlainText::from("SIMULATED")));
    assert_eq!(&*sources[1].name, "demo");
}

#[test]
fn a_recording_of_another_program_is_inspected_and_not_replayed() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("foreign.mcap");
    let mut writer = mcap::Writer::new(std::fs::File::create(&path).unwrap()).unwrap();
    let channel = writer
        .add_channel(0, "/imu", "json", &std::collections::BTreeMap::new())
        .unwrap();
    for n in 0..3 {
        let header = mcap::records::MessageHeader {
            channel_id: channel,
            sequence: 0,
            log_time: n,
            publish_time: n,
        };
        writer.write_to_known_channel(&header, b"{}").unwrap();
    }
    writer.finish().unwrap();
    let summary = recording::inspect(&path).unwrap();
    assert_eq!((summary.messages, summary.version.is_none()), (3, true));
    assert!(summary.complete, "{summary}");
    let error = recording::sources_of(&path).unwrap_err();
    assert!(error.to_string().contains("not recorded by ttyscope"));
    let text = dir.path().join("text.mcap");
    std::fs::write(&text, "hello, this is no recording").unwrap();
    let error = recording::inspect(&text).unwrap_err();
    assert!(error.to_string().contains("not an MCAP file"));
}

#[test]
fn at_real_speed_a_pause_is_waited_for_and_can_be_stopped() {
    let rig = Rig::new();
    rig.start(RecordingLimits::default());
    rig.say(0, text(0));
    rig.clock.advance(Duration::from_secs(3600));
    rig.say(0, text(1));
    let path = rig.stop().path;

    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let done = runtime.block_on(async {
        let pipeline = Pipeline::new(Clock::manual(EPOCH_NS), 2, None, None);
        let outlets = (0..2).map(|n| pipeline.outlet(SourceId(n))).collect();
        let stop = CancellationToken::new();
        let playing = play(&path, Pace::REAL, outlets, stop.clone());
        let stopping = async {
            let said = || pipeline.ledger().snapshot().source(SourceId(0)).total();
            while said().received == 0 {
                tokio::task::yield_now().await;
            }
            stop.cancel();
            std::future::pending::<()>().await;
        };
        tokio::select! {
            done = playing => done,
            () = stopping => unreachable!("it waits for ever once it has stopped the player"),
        }
    });
    // The second one would have come an hour later.
    assert_eq!((done.played, done.to_the_end), (1, false));
    rig.quit();
}

#[test]
fn at_full_speed_a_slow_screen_loses_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("many.mcap");
    let session = Session::new(&sources(), EPOCH_NS);
    let mut writer = RecordingWriter::new(std::fs::File::create(&path).unwrap(), &session).unwrap();
    for n in 0..5_000 {
        writer.stage(&sample(n, text(n)), None);
        writer.commit().unwrap();
    }
    writer.finish(&whole(&session)).unwrap();

    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let clock = Clock::manual(EPOCH_NS);
    // Room for far fewer than there are.
    let screen = Arc::new(ScreenLanes::with_bounds(clock.clone(), 100, 1_500));
    let pipeline = Pipeline::new(clock, 2, None, Some(Arc::clone(&screen)));
    let outlets = (0..2).map(|n| pipeline.outlet(SourceId(n))).collect();
    let playing = play(&path, Pace::Max, outlets, CancellationToken::new());
    let watching = async {
        let mut shown = 0_u64;
        // One at a time, and the player has its turn after each.
        while shown < 5_000 {
            if let Some(delivery) = screen.try_take() {
                delivery.ticket.settle(Fate::Shown);
                // The last words of the links overtake what waits.
                shown += u64::from(delivery.sample.payload.lane() == LaneKind::Samples);
            }
            tokio::task::yield_now().await;
        }
    };
    let (done, ()) = runtime.block_on(async { tokio::join!(playing, watching) });
    assert_eq!(done.played, 5_000);
    let book = pipeline.ledger().snapshot().source(SourceId(0));
    let counts = &book.lanes[LaneKind::Samples as usize];
    assert_eq!((counts.shown, counts.dropped_total()), (5_000, 0));
}

#[test]
fn a_file_that_is_taken_away_while_it_is_written_is_noticed_and_another_one_begun() {
    let rig = Rig::new();
    rig.start(RecordingLimits::default());
    rig.say(0, text(1));
    rig.pass(Duration::from_secs(4));
    let named = |ending: &str| {
        let files = std::fs::read_dir(rig.dir.path().join("recordings")).unwrap();
        let mut paths = files.map(|entry| entry.unwrap().path());
        paths.find(|path| path.to_string_lossy().ends_with(ending))
    };
    let first = named(".partial.mcap").unwrap();
    std::fs::remove_file(&first).unwrap();
    rig.clock.advance(Duration::from_secs(2));
    wait_until("it is noticed", || {
        matches!(rig.recorder.status().state, RecorderState::Waiting(_))
    });
    let RecorderState::Waiting(why) = rig.recorder.status().state else {
        panic!("it is recording again before the clock was moved");
    };
    assert!(
        why.contains("removed or renamed while it was written"),
        "{why}"
    );
    assert!(!why.contains("can be read"), "{why}");

    rig.clock.advance(Duration::from_secs(2));
    wait_until("it goes on", || {
        rig.recorder.status().state == RecorderState::Recording
    });
    rig.say(0, text(2));
    let outcome = rig.stop();
    assert!(!outcome.complete, "{outcome:?}");
    assert_eq!(outcome.parts, 2);
    assert!(!first.exists());
    let second = named(".part00002.mcap").unwrap();
    let summary = recording::inspect(&second).unwrap();
    assert!(summary.complete, "{summary}");
    let said = summary.faults.iter().map(|fault| &*fault.first);
    assert!(
        said.clone().any(|said| said.contains("removed or renamed")),
        "{:?}",
        said.collect::<Vec<_>>()
    );
    rig.assert_balanced();
    rig.quit();
}
