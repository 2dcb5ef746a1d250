use proptest::prelude::*;

use super::*;
use crate::protocol::flamingo::vectors::vector;

/// Everything in `chunks`, and what was dropped at the end.
fn items(payload_limit: usize, chunks: &[&[u8]]) -> Vec<Item> {
    let mut decoder = MessageDecoder::new(payload_limit);
    let mut items = Vec::new();
    for chunk in chunks {
        decoder.push(chunk);
        while let Some(item) = decoder.next_item() {
            items.push(item);
        }
    }
    items.extend(decoder.take_framing().map(Item::Framing));
    items
}

fn words(items: &[Item]) -> Vec<String> {
    items
        .iter()
        .map(|item| match item {
            Item::Message(m) => format!("{:#x} {:02x?}", m.code, &m.payload[..]),
            Item::Oversize {
                message,
                payload_bytes,
            } => format!("{:#x} without {payload_bytes}", message.code),
            Item::Framing(f) => format!("dropped {} {:02x?}", f.discarded_bytes, &f.sample[..]),
        })
        .collect()
}

fn v16() -> Vec<u8> {
    [b"JUNK123", &vector("V7")[..]].concat()
}

fn v17() -> Vec<u8> {
    [&vector("V10")[..132], &vector("V7"), &vector("V2")].concat()
}

#[test]
fn seven_bytes_of_junk_cost_nothing_after_the_next_start_marker() {
    let items = items(1000, &[&v16()]);
    assert_eq!(
        words(&items),
        ["dropped 7 [4a, 55, 4e, 4b, 31, 32, 33]", "0x6010 []"]
    );
    let Item::Message(stopped) = &items[1] else {
        panic!("not a message");
    };
    assert_eq!((stopped.d0(), stopped.status), (4, 1));
}

#[test]
fn a_payload_cut_short_loses_only_the_message_it_swallows() {
    let items = items(1000, &[&v17()]);
    assert_eq!(words(&items[..1]), ["0x4003 [4c, 45, 44, 4f, 54, e6]"]);
    assert_eq!(
        items[1],
        Item::Framing(Framing {
            discarded_bytes: 126,
            sample: vector("V7")[2..34].to_vec().into(),
        })
    );
    assert_eq!(words(&items[2..]), ["0xa007 []"]);
}

#[test]
fn the_message_after_a_payload_starts_at_its_end() {
    let stream = [vector("V10"), vector("V11"), vector("V12")].concat();
    let items = items(1000, &[&stream]);
    let messages: Vec<(u32, usize)> = items
        .iter()
        .map(|item| match item {
            Item::Message(m) => (m.code, m.payload.len()),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(messages, [(0x4003, 6), (0x3004, 105), (0x6008, 0)]);
}

#[test]
fn a_start_marker_without_its_end_is_junk() {
    let v2 = vector("V2");
    let cases: [(&str, Vec<u8>, u64); 5] = [
        ("marker alone", START.to_vec(), 4),
        ("marker twice", [START, START].concat(), 8),
        ("half a marker", START[..2].to_vec(), 2),
        ("a message cut short", vector("V7")[..60].to_vec(), 60),
        ("127 bytes of one", vector("V7")[..127].to_vec(), 127),
    ];
    for (name, junk, dropped) in cases {
        let items = items(1000, &[&junk, &v2, &v2]);
        let [Item::Framing(framing), rest @ ..] = &items[..] else {
            panic!("{name}: {items:?}");
        };
        assert_eq!(framing.discarded_bytes, dropped, "{name}");
        assert_eq!(words(rest), ["0xa007 []", "0xa007 []"], "{name}");
    }
}

#[test]
fn an_impossible_length_makes_no_message_and_costs_no_other() {
    for length in [-1, i32::MIN, 33_554_433, i32::MAX] {
        let mut bad = vector("V10");
        bad[48..52].copy_from_slice(&i32::to_le_bytes(length));
        let items = items(1000, &[&bad, &vector("V2")]);
        assert!(
            matches!(&items[..], [Item::Framing(f), Item::Message(m)]
                if f.discarded_bytes == 134 && m.code == 0xa007),
            "{length}: {items:?}"
        );
    }
}

#[test]
fn a_payload_over_the_limit_is_passed_over_and_framing_holds() {
    let big = Message::new(0x1007)
        .with_payload([&vector("V7")[..], &[0; 3000]].concat())
        .encode()
        .unwrap();
    let stream = [&big, &vector("V2")[..]].concat();
    let want = ["0x1007 without 3128", "0xa007 []"];
    assert_eq!(words(&items(3127, &[&stream])), want);
    let bytes: Vec<&[u8]> = stream.chunks(1).collect();
    assert_eq!(words(&items(3127, &bytes)), want);
    assert_eq!(items(3128, &[&stream]).len(), 2);
}

#[test]
fn what_was_dropped_and_what_is_missing_is_known_at_any_time() {
    let mut decoder = MessageDecoder::default();
    assert_eq!(decoder.incomplete_bytes(), 0);
    decoder.push(&vector("V10")[..131]);
    assert_eq!(decoder.next_item(), None);
    assert_eq!(decoder.missing_payload_bytes(), 3);
    assert_eq!(decoder.incomplete_bytes(), 131);
    decoder.push(b"OFF");
    assert!(decoder.next_item().is_some());
    for _ in 0..70 {
        decoder.push(&[0; 1000]);
        assert_eq!(decoder.next_item(), None);
    }
    assert!(decoder.is_searching());
    assert!(decoder.discarded_bytes() > GIVE_UP_BYTES);
    decoder.push(&vector("V2"));
    assert!(matches!(decoder.next_item(), Some(Item::Framing(f)) if f.discarded_bytes == 70_000));
    assert!(!decoder.is_searching());
    assert!(matches!(decoder.next_item(), Some(Item::Message(_))));
}

#[test]
fn reading_into_the_buffer_is_the_same_as_pushing() {
    let mut decoder = MessageDecoder::default();
    for byte in v17() {
        decoder.buffer().extend_from_slice(&[byte]);
    }
    let mut taken = Vec::new();
    while let Some(item) = decoder.next_item() {
        taken.push(item);
    }
    assert_eq!(taken, items(1000, &[&v17()]));
}

/// What the rule says in its plainest form, on the whole stream: at each place a message or one
/// byte of junk.
fn by_the_rule(stream: &[u8], payload_limit: usize) -> Vec<Item> {
    let mut items = Vec::new();
    let mut at = 0;
    let mut junk = Vec::new();
    while at < stream.len() {
        let fixed = stream[at..].first_chunk::<MESSAGE_BYTES>();
        let read = fixed.and_then(|fixed| Message::decode_fixed(fixed).ok());
        let Some((mut message, length)) = read else {
            junk.push(stream[at]);
            at += 1;
            continue;
        };
        if !junk.is_empty() {
            items.push(framing(&mut junk));
        }
        at += MESSAGE_BYTES;
        if length > payload_limit {
            items.push(Item::Oversize {
                message,
                payload_bytes: length,
            });
        } else if let Some(payload) = stream.get(at..at + length) {
            message.payload = payload.to_vec().into();
            items.push(Item::Message(message));
        }
        at = at.saturating_add(length);
    }
    if !junk.is_empty() {
        items.push(framing(&mut junk));
    }
    items
}

fn framing(junk: &mut Vec<u8>) -> Item {
    let junk = std::mem::take(junk);
    Item::Framing(Framing {
        discarded_bytes: junk.len() as u64,
        sample: junk[..junk.len().min(SAMPLE_BYTES)].to_vec().into(),
    })
}

/// A piece of a stream: a message, a message damaged, or junk that likes markers.
fn piece() -> impl Strategy<Value = Vec<u8>> {
    let message = (any::<u16>(), proptest::collection::vec(any::<u8>(), 0..300)).prop_map(
        |(code, payload)| {
            let message = Message::new(code.into()).with_payload(payload);
            message.encode().unwrap().to_vec()
        },
    );
    prop_oneof![
        4 => message.clone(),
        1 => (message.clone(), any::<prop::sample::Index>()).prop_map(|(mut wire, cut)| {
            wire.truncate(cut.index(wire.len()));
            wire
        }),
        1 => (message, any::<prop::sample::Index>(), any::<u8>()).prop_map(|(mut wire, at, byte)| {
            let at = at.index(wire.len());
            wire[at] = byte;
            wire
        }),
        2 => proptest::collection::vec(any::<u8>(), 1..200),
        1 => proptest::collection::vec(
            prop_oneof![
                Just(START.to_vec()),
                Just(START[..3].to_vec()),
                Just(crate::protocol::flamingo::message::END.to_vec()),
                Just(vec![0x54]),
                Just(vec![0; 116]),
            ],
            1..8,
        ).prop_map(|parts| parts.concat()),
    ]
}

/// `stream` cut at these places.
fn cut<'a>(stream: &'a [u8], cuts: &[prop::sample::Index]) -> Vec<&'a [u8]> {
    let mut at: Vec<usize> = cuts.iter().map(|c| c.index(stream.len() + 1)).collect();
    at.extend([0, stream.len()]);
    at.sort_unstable();
    at.windows(2).map(|w| &stream[w[0]..w[1]]).collect()
}

proptest! {
    #[test]
    fn any_cut_gives_the_same_items(
        pieces in proptest::collection::vec(piece(), 0..12),
        cuts in proptest::collection::vec(any::<prop::sample::Index>(), 0..20),
    ) {
        let stream = pieces.concat();
        let whole = items(200, &[&stream]);
        prop_assert_eq!(&items(200, &cut(&stream, &cuts)), &whole);
        let bytes: Vec<&[u8]> = stream.chunks(1).collect();
        prop_assert_eq!(&items(200, &bytes), &whole);
    }

    #[test]
    fn what_comes_out_is_what_the_rule_says(
        pieces in proptest::collection::vec(piece(), 0..12),
        cuts in proptest::collection::vec(any::<prop::sample::Index>(), 0..20),
    ) {
        let mut stream = pieces.concat();
        // A message at the end, so that nothing waits to be judged.
        stream.extend(vec![0; 400]);
        stream.extend(vector("V2"));
        let want = by_the_rule(&stream, 200);
        prop_assert_eq!(items(200, &cut(&stream, &cuts)), want);
    }

    #[test]
    fn random_bytes_never_panic_nor_cost_a_later_message(
        junk in proptest::collection::vec(any::<u8>(), 0..600),
    ) {
        let mut stream = junk.clone();
        stream.extend(vector("V7"));
        stream.extend(vector("V2"));
        let found = words(&items(200, &[&stream]));
        prop_assert!(found.ends_with(&["0x6010 []".to_owned(), "0xa007 []".to_owned()]), "{found:?}");
    }
}
