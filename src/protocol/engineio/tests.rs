#![allow(clippy::unwrap_used, clippy::panic)]
#![allow(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use std::collections::VecDeque;

use proptest::prelude::*;

use super::payload::{MAX_PACKETS_PER_POST, PayloadError, encoded_len, next_post, split};
use super::*;

fn text(text: &str) -> WireMessage {
    WireMessage::Text(Bytes::copy_from_slice(text.as_bytes()))
}

fn binary(bytes: &[u8]) -> WireMessage {
    WireMessage::Binary(Bytes::copy_from_slice(bytes))
}

#[test]
fn text_packets_are_taken_apart_at_the_first_character() {
    type Parts = Result<(PacketKind, &'static str), PacketError>;
    let cases: [(&str, Parts); 9] = [
        ("0{}", Ok((PacketKind::Open, "{}"))),
        ("1", Ok((PacketKind::Close, ""))),
        ("2probe", Ok((PacketKind::Ping, "probe"))),
        ("3", Ok((PacketKind::Pong, ""))),
        ("42[\"a\"]", Ok((PacketKind::Message, "2[\"a\"]"))),
        ("5", Ok((PacketKind::Upgrade, ""))),
        ("6", Ok((PacketKind::Noop, ""))),
        ("", Err(PacketError::Empty)),
        ("HTTP/1.1 400", Err(PacketError::UnknownKind { got: b'H' })),
    ];
    for (message, want) in cases {
        let got = Packet::decode(&Bytes::copy_from_slice(message.as_bytes()));
        if let Ok(packet) = &got {
            assert_eq!(Packet::encode(packet.kind, &packet.body), message);
        }
        let want = want.map(|(kind, body)| Packet {
            kind,
            body: Bytes::copy_from_slice(body.as_bytes()),
        });
        assert_eq!(got, want, "{message}");
    }
}

#[test]
fn attachments_have_a_prefix_in_revision_3_only() {
    let bytes = Bytes::from_static(&[4, 1, 2]);
    assert_eq!(decode_attachment(Revision::V4, &bytes).unwrap(), bytes);
    assert_eq!(decode_attachment(Revision::V3, &bytes).unwrap(), [1, 2][..]);
    for wrong in [&b""[..], b"\x01\x02", b"4"] {
        assert_eq!(
            decode_attachment(Revision::V3, &Bytes::from_static(wrong)),
            Err(PacketError::NoPrefix)
        );
    }
    assert_eq!(encode_attachment(Revision::V4, &bytes), bytes);
    assert_eq!(encode_attachment(Revision::V3, &bytes), [4, 4, 1, 2][..]);
}

#[test]
fn a_polling_body_is_split_and_joined_at_the_separator() {
    let echo = "451-14[\"echo\",{\"_placeholder\":true,\"num\":0}]";
    let cases = [
        (
            "4312[\"a\"]\u{1e}4313[\"b\"]".to_owned(),
            vec![text("4312[\"a\"]"), text("4313[\"b\"]")],
        ),
        (
            format!("{echo}\u{1e}bAQIDBA=="),
            vec![text(echo), binary(&[1, 2, 3, 4])],
        ),
        ("6".to_owned(), vec![text("6")]),
        ("b".to_owned(), vec![binary(&[])]),
        (
            "2\u{1e}b\u{1e}3".to_owned(),
            vec![text("2"), binary(&[]), text("3")],
        ),
    ];
    for (body, packets) in cases {
        let body = Bytes::from(body);
        assert_eq!(split(&body, 1000, 10).unwrap(), packets, "{body:?}");
        let mut queue = VecDeque::from(packets);
        assert_eq!(next_post(&mut queue, 1000).unwrap(), Some(body));
        assert!(queue.is_empty());
    }
    // An empty packet is for the session to count, not a reason to lose the others.
    let body = Bytes::from_static(b"2\x1e\x1e3");
    assert_eq!(
        split(&body, 1000, 10).unwrap(),
        [text("2"), text(""), text("3")]
    );
}

#[test]
fn a_body_over_a_limit_is_refused() {
    let body = Bytes::from_static(b"2\x1e2\x1e2");
    assert_eq!(
        split(&body, 4, 10),
        Err(PayloadError::TooLong { got: 5, limit: 4 })
    );
    assert_eq!(split(&body, 5, 2), Err(PayloadError::TooMany { limit: 2 }));
    assert_eq!(split(&body, 5, 3).unwrap().len(), 3);
    for wrong in ["2\u{1e}b*", "2\u{1e}bAQ", "2\u{1e}bAQIDBA", "2\u{1e}bAQ-_"] {
        assert_eq!(
            split(&Bytes::from(wrong), 100, 10),
            Err(PayloadError::NotBase64 { index: 1 }),
            "{wrong}"
        );
    }
}

#[test]
fn a_post_holds_what_every_server_takes() {
    let mut queue: VecDeque<_> = (0..40).map(|_| text("3")).collect();
    let mut sizes = Vec::new();
    while let Some(body) = next_post(&mut queue, 1_000_000).unwrap() {
        sizes.push(split(&body, 1000, 1000).unwrap().len());
    }
    assert_eq!(sizes, [16, 16, 8]);

    let mut queue = VecDeque::from([text("0123"), binary(&[1]), text("0123456")]);
    assert_eq!(next_post(&mut queue, 9).unwrap().unwrap(), "0123");
    assert_eq!(next_post(&mut queue, 9).unwrap().unwrap(), "bAQ==");
    assert_eq!(next_post(&mut queue, 9).unwrap().unwrap(), "0123456");
    assert_eq!(next_post(&mut queue, 9).unwrap(), None);
    queue.push_back(text("0123456789"));
    assert_eq!(
        next_post(&mut queue, 9),
        Err(PayloadError::DoesNotFit { got: 10, limit: 9 })
    );
}

fn packet() -> impl Strategy<Value = WireMessage> {
    prop_oneof![
        "[0-6][a-zé]{0,20}".prop_map(|t| text(&t)),
        prop::collection::vec(any::<u8>(), 0..40).prop_map(|b| binary(&b)),
    ]
}

proptest! {
    #[test]
    fn any_bytes_are_split_or_refused(body in prop::collection::vec(any::<u8>(), 0..200)) {
        let body = Bytes::from(body);
        if let Ok(packets) = split(&body, 150, 20) {
            prop_assert!(body.len() <= 150 && packets.len() <= 20);
        }
        let _ = Packet::decode(&body);
        let _ = OpenPacket::parse(&body);
    }

    #[test]
    fn however_packets_fall_into_bodies_they_arrive_the_same(
        packets in prop::collection::vec(packet(), 0..60),
        max_payload in 60_u64..400,
    ) {
        let mut queue = VecDeque::from(packets.clone());
        let mut arrived = Vec::new();
        while let Some(body) = next_post(&mut queue, max_payload).unwrap() {
            prop_assert!(body.len() as u64 <= max_payload);
            let some = split(&body, 1000, MAX_PACKETS_PER_POST).unwrap();
            let sizes: usize = some.iter().map(encoded_len).sum();
            prop_assert_eq!(sizes + some.len() - 1, body.len());
            arrived.extend(some);
        }
        prop_assert_eq!(arrived, packets);
    }
}
