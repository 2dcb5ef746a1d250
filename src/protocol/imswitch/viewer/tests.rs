use bytes::Bytes;

use super::*;

/// A packet of one pixel, time 7, uncompressed.
fn packet() -> Vec<u8> {
    let mut packet = b"UC2F\x01\0\0\0\x01\0\0\0\x01\0\0\0\x02\0\0\0\x0c\0\x01\0".to_vec();
    packet.extend(7_u64.to_le_bytes());
    packet.extend([2, 0, 0, 0, 0xff, 0x0f]);
    packet
}

/// MessagePack of short maps, texts and binaries, enough for what servers send.
fn map(entries: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let mut bytes = vec![0x80 | entries.len() as u8];
    for (key, value) in entries {
        bytes.extend(text(key));
        bytes.extend(value);
    }
    bytes
}

fn text(text: &str) -> Vec<u8> {
    [&[0xd9, text.len() as u8], text.as_bytes()].concat()
}

fn binary(bytes: &[u8]) -> Vec<u8> {
    [&[0xc4, bytes.len() as u8], bytes].concat()
}

/// A frame event's attachment with this value as its number.
fn frame(number: Vec<u8>) -> Vec<u8> {
    let metadata = map(&[("frame_id", number), ("detector_name", text("Cam"))]);
    map(&[("metadata", metadata), ("data", binary(&packet()))])
}

/// Feeds events, given by name, text behind the name and attachment; each action as one word.
fn words(viewer: &mut Viewer, events: &[(&str, &str, Vec<u8>)]) -> Vec<String> {
    let mut words = Vec::new();
    for (name, rest, attachment) in events {
        let array = Bytes::from(format!("[{name:?}{rest}]"));
        let attachments = [Bytes::from(attachment.clone())];
        let actions = viewer.on_event(Incoming {
            received: Stamp::default(),
            name,
            array: &array,
            attachments: &attachments,
            ack_id: None,
        });
        words.extend(actions.iter().map(word));
    }
    words
}

fn word(action: &Action) -> String {
    match action {
        Action::Publish { payload, .. } => match payload {
            Payload::Frame(frame) => format!(
                "frame {} {:?} lost {}",
                frame.detector, frame.number, frame.lost_before
            ),
            Payload::Readings(readings) => {
                let names: Vec<&str> = readings.iter().map(|r| r.name.as_str()).collect();
                names.join(" ")
            }
            Payload::Message(message) => {
                let json = String::from_utf8_lossy(&message.json).into_owned();
                format!("message {} {json}", message.name)
            }
            other => format!("{other:?}"),
        },
        Action::Reject { reason, .. } => format!("reject {}", reason.as_str()),
        Action::Fault(fault) => format!("fault {}", fault.kind.as_str()),
        Action::Prime { array } => format!("prime {array}"),
        Action::Ack { array, reply_to } => {
            format!("ack {} {reply_to:?}", array.as_deref().unwrap_or("-"))
        }
        Action::Stream { detector, running } => format!("stream {detector} {running}"),
    }
}

const PLACE: &str = r#",{"_placeholder":true,"num":0}"#;
const CAPABLE: &str = r#",{"messagepack":true,"binary_streaming":true,"protocol_version":"1.0"}"#;

fn modern() -> Viewer {
    let mut viewer = Viewer::default();
    viewer.connected();
    words(&mut viewer, &[("server_capabilities", CAPABLE, vec![])]);
    viewer
}

#[test]
fn capabilities_prime_the_window_on_either_side_of_the_connection() {
    let prime = r#"prime ["frame_ack",{"frame_id":255}]"#;
    let mut before = Viewer::default();
    let found = words(&mut before, &[("server_capabilities", CAPABLE, vec![])]);
    assert_eq!(found, ["server/dialect", "server/protocol_version"]);
    let then: Vec<String> = before.connected().iter().map(word).collect();
    assert_eq!(then, [prime]);

    let mut after = Viewer::default();
    assert_eq!(after.connected(), []);
    let found = words(&mut after, &[("server_capabilities", CAPABLE, vec![])]);
    assert_eq!(found, ["server/dialect", "server/protocol_version", prime]);

    let later = r#",{"messagepack":true,"protocol_version":"2.0"}"#;
    let found = words(
        &mut Viewer::default(),
        &[("server_capabilities", later, vec![])],
    );
    assert_eq!(
        found,
        ["server/dialect", "server/protocol_version", "fault peer"]
    );
}

#[test]
fn whatever_the_number_is_a_whole_number_goes_back() {
    // (number as it came, what is acknowledged)
    let cases = [
        (vec![0x05], 5),
        (vec![0xcc, 255], 255),
        (vec![0xd3, 0, 0, 0, 0, 0, 0, 0, 5], 5),
        (vec![0xcd, 1, 4], 4),
        (vec![0xca, 0x40, 0xa0, 0, 0], 5),
        // Text would stop the stream of everybody: the number expected goes back instead.
        (text("5"), 0),
        (vec![0xc0], 0),
        (vec![0xff], 0),
        (vec![0xca, 0x7f, 0xc0, 0, 0], 0),
    ];
    for (number, acked) in cases {
        let found = words(&mut modern(), &[("frame", PLACE, frame(number.clone()))]);
        let ack = format!(r#"ack ["frame_ack",{{"frame_id":{acked}}}] None"#);
        assert_eq!(found.last(), Some(&ack), "{number:?}");
        assert!(found[0].starts_with("frame Cam"), "{found:?}");
    }
}

#[test]
fn a_picture_that_cannot_be_used_is_counted_and_acknowledged() {
    let good = |number: u8| frame(vec![0xcc, number]);
    let mut broken_packet = packet();
    broken_packet[4] = 2;
    let metadata = || map(&[("frame_id", vec![1])]);
    let cases = [
        vec![],
        vec![0xc1],
        b"\x82\xa8metadata".to_vec(),
        map(&[("metadata", metadata())]),
        map(&[("metadata", metadata()), ("data", binary(&broken_packet))]),
        map(&[("metadata", metadata()), ("data", text("UC2F"))]),
        map(&[("metadata", metadata()), ("image", text("%%%"))]),
        map(&[("metadata", metadata()), ("image", binary(b"GIF8"))]),
    ];
    for broken in cases {
        let events = [
            ("frame", PLACE, good(0)),
            ("frame", PLACE, broken.clone()),
            ("frame", PLACE, good(2)),
        ];
        assert_eq!(
            words(&mut modern(), &events),
            [
                "frame Cam Some(0) lost 0",
                r#"ack ["frame_ack",{"frame_id":0}] None"#,
                "reject malformed",
                r#"ack ["frame_ack",{"frame_id":1}] None"#,
                "frame Cam Some(2) lost 0",
                r#"ack ["frame_ack",{"frame_id":2}] None"#,
            ],
            "{broken:02x?}"
        );
    }
}

#[test]
fn more_pixels_than_the_limit_are_too_large() {
    let mut viewer = Viewer::new(0);
    let found = words(&mut viewer, &[("frame", PLACE, frame(vec![0]))]);
    assert_eq!(found[1], "reject too large");
}

#[test]
fn what_the_client_dropped_is_not_missing_again() {
    let mut viewer = modern();
    words(&mut viewer, &[("frame", PLACE, frame(vec![0]))]);
    viewer.skipped(2);
    let found = words(&mut viewer, &[("frame", PLACE, frame(vec![5]))]);
    assert_eq!(found[0], "frame Cam Some(5) lost 2");
}

#[test]
fn unknown_and_unreadable_events_are_kept() {
    let nan = r#","{\"name\":\"a\",\"args\":{\"p0\":NaN}}""#;
    let cases: [(&str, &str, &[&str]); 4] = [
        ("novel", ",1", &[r#"message novel ["novel",1]"#]),
        (
            "signal",
            r#","{\"name\":\"sigNew\",\"args\":{\"p0\":[1]}}""#,
            &[r#"message sigNew {"p0":[1]}"#],
        ),
        (
            "signal",
            r#","{\"name\":\"sigUpdateMotorPosition\",\"args\":{\"p0\":\"?\"}}""#,
            &[r#"message sigUpdateMotorPosition {"p0":"?"}"#],
        ),
        (
            "signal",
            nan,
            &[
                r#"message signal ["signal","{\"name\":\"a\",\"args\":{\"p0\":NaN}}"]"#,
                "fault malformed",
            ],
        ),
    ];
    for (name, rest, wanted) in cases {
        let found = words(&mut Viewer::default(), &[(name, rest, vec![])]);
        assert_eq!(found, wanted, "{name}{rest}");
    }
}

#[test]
fn a_raw_packet_waits_for_its_name_but_not_for_ever() {
    let said = |stamp: u64, name: &str| {
        format!(
            r#","{{\"name\":\"frame_meta\",\"detectorname\":\"{name}\",\"metadata\":{{\"timestamp_ns\":{stamp},\"image_id\":{stamp}}}}}""#
        )
    };
    let mut viewer = Viewer::default();
    let ack = r#"ack ["frame_ack"] None"#;
    let found = words(&mut viewer, &[("frame", PLACE, packet())]);
    assert_eq!(found, ["server/dialect", ack]);
    assert!(viewer.holding_since().is_some());
    // Of another picture.
    assert_eq!(
        words(&mut viewer, &[("signal", &said(6, "B"), vec![])]),
        [""; 0]
    );
    let found = words(&mut viewer, &[("signal", &said(7, "A"), vec![])]);
    assert_eq!(found, ["frame A Some(7) lost 0"]);

    // The next one goes without, under the last name, when another comes or time is over.
    words(&mut viewer, &[("frame", PLACE, packet())]);
    let found = words(&mut viewer, &[("frame", PLACE, packet())]);
    assert_eq!(found, ["frame A None lost 0", ack]);
    let found: Vec<String> = viewer.release().iter().map(word).collect();
    assert_eq!(found, ["frame A None lost 0"]);
    assert_eq!(viewer.release(), []);
}

#[test]
fn the_last_acknowledgement_can_be_repeated() {
    let mut viewer = modern();
    assert_eq!(
        viewer.acknowledge_again().as_deref(),
        Some(r#"["frame_ack",{"frame_id":255}]"#)
    );
    words(&mut viewer, &[("frame", PLACE, frame(vec![9]))]);
    assert_eq!(
        viewer.acknowledge_again().as_deref(),
        Some(r#"["frame_ack",{"frame_id":9}]"#)
    );
    assert_eq!(Viewer::default().acknowledge_again(), None);
}
