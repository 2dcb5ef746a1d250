use bytes::Bytes;
use proptest::prelude::*;

use super::*;
use crate::model::{LinkState, Message, Payload, Reading};

const SECOND: u64 = 1_000_000_000;
/// What a message of [`text`] costs in a lane.
const EACH: u64 = 1256;
const AFTER: Duration = Duration::from_secs(10);
const MOST: Duration = Duration::from_secs(60);

fn at(seconds: u64) -> Stamp {
    Stamp {
        mono_ns: seconds * SECOND,
        unix_ns: seconds * SECOND + 7,
    }
}

fn said(seconds: u64, payload: Payload) -> Sample {
    Sample {
        source: SourceId(0),
        received: at(seconds),
        payload,
    }
}

fn text(seconds: u64) -> Sample {
    let message = Message {
        name: "m".into(),
        json: Bytes::from(vec![b'1'; 1000]),
        attachments: vec![],
    };
    said(seconds, Payload::Message(message))
}

fn reading(seconds: u64, value: f64) -> Sample {
    let readings = vec![Reading::new("x", value, "um")];
    said(seconds, Payload::Readings(readings))
}

fn ring(seconds: u64, bytes: u64) -> Ring {
    let bounds = Bounds {
        span_ns: seconds * SECOND,
        bytes,
    };
    Ring::new(bounds, Latched::default())
}

fn cause(because: &str) -> BlackBoxCause {
    BlackBoxCause {
        at_unix_ns: 1,
        because: because.to_owned(),
    }
}

/// When the items of a slice were received, in seconds.
fn times(slice: &Slice) -> Vec<u64> {
    let times = slice.items.iter().map(|sample| sample.received.mono_ns);
    times.map(|ns| ns / SECOND).collect()
}

/// The value of the reading that holds before the oldest item.
fn held(before: &Latched) -> Option<f64> {
    let (reading, _) = before.source(SourceId(0))?.readings().next()?;
    match reading.value {
        crate::model::Value::Float(value) => Some(value),
        _ => None,
    }
}

#[test]
fn what_is_too_old_or_too_much_falls_out_the_oldest_first() {
    let ring = ring(10, 5 * EACH);
    for second in 1..=4 {
        ring.push(text(second), at(second));
    }
    assert_eq!(ring.figures(at(4)).1, 4 * EACH);
    ring.trim(at(12));
    assert_eq!(
        ring.figures(at(12)),
        (Duration::from_secs(10), 3 * EACH, false)
    );
    for second in 12..=16 {
        ring.push(text(second), at(second));
    }
    let begun = ring.save(cause("asked"), at(16), AFTER, MOST).unwrap();
    assert_eq!(begun.at, at(12));
    assert_eq!(
        times(&ring.next(at(16), Duration::ZERO)),
        [12, 13, 14, 15, 16]
    );
}

#[test]
fn a_file_begins_with_what_held_before_its_first_item() {
    let ring = ring(10, 1 << 20);
    ring.push(said(1, Payload::Link(LinkState::Live)), at(1));
    ring.push(reading(2, 2.0), at(2));
    ring.push(reading(5, 5.0), at(5));
    ring.push(text(14), at(14));
    let begun = ring.save(cause("asked"), at(14), AFTER, MOST).unwrap();
    assert_eq!(held(&begun.before), Some(2.0));
    let (link, _) = begun
        .before
        .source(SourceId(0))
        .unwrap()
        .link
        .clone()
        .unwrap();
    assert_eq!(link, LinkState::Live);
    let slice = ring.next(at(14), Duration::ZERO);
    assert_eq!(times(&slice), [5, 14]);
    // The state of that file is its own: what falls out now does not change it.
    ring.trim(at(100));
    assert_eq!(held(&begun.before), Some(2.0));
}

#[test]
fn what_is_not_in_the_file_yet_does_not_fall_out() {
    let ring = ring(10, 8 * EACH);
    for second in 1..=8 {
        ring.push(text(second), at(second));
    }
    ring.save(cause("asked"), at(8), AFTER, MOST).unwrap();
    // Two more fit into the slack; then the oldest go, and the file says so.
    for second in 9..=13 {
        ring.push(text(second), at(second));
    }
    assert_eq!(ring.figures(at(13)).1, 10 * EACH);
    let slice = ring.next(at(13), Duration::ZERO);
    let lost = BTreeMap::from([((SourceId(0), LaneKind::Samples), 3)]);
    assert_eq!((slice.overtaken, slice.end), (lost, None));
    assert_eq!(slice.items.len(), 10);
    // They are in the file, and the bound holds again.
    assert_eq!(ring.figures(at(13)).1, 8 * EACH);
}

#[test]
fn a_file_ends_when_nothing_more_was_asked_for() {
    let ring = ring(30, 1 << 20);
    ring.push(text(1), at(1));
    ring.save(cause("first"), at(1), AFTER, MOST).unwrap();
    let slice = ring.next(at(2), Duration::ZERO);
    assert_eq!((slice.causes, slice.end), (vec![cause("first")], None));
    // A second cause makes it longer, and does not begin another.
    assert!(ring.save(cause("second"), at(8), AFTER, MOST).is_none());
    ring.push(text(12), at(12));
    let slice = ring.next(at(12), Duration::ZERO);
    assert_eq!((times(&slice), &slice.end), (vec![12], &None));
    assert_eq!(slice.causes, [cause("second")]);
    ring.push(text(18), at(18));
    let slice = ring.next(at(18), Duration::ZERO);
    assert_eq!((times(&slice), slice.end.is_some()), (vec![18], true));
    // From here on it is another file.
    assert!(ring.save(cause("third"), at(19), AFTER, MOST).is_some());
}

#[test]
fn no_file_goes_on_for_ever() {
    let ring = ring(30, 1 << 20);
    ring.save(cause("first"), at(0), AFTER, MOST).unwrap();
    for second in 1..60 {
        assert!(ring.save(cause("again"), at(second), AFTER, MOST).is_none());
        assert_eq!(ring.next(at(second), Duration::ZERO).end, None);
    }
    assert!(ring.next(at(60), Duration::ZERO).end.is_some());
}

#[test]
fn a_file_that_is_ended_has_what_came_before_that() {
    let ring = ring(30, 1 << 20);
    ring.push(text(1), at(1));
    ring.save(cause("asked"), at(1), AFTER, MOST).unwrap();
    ring.push(text(2), at(2));
    ring.end("the program ended");
    ring.push(text(3), at(3));
    let slice = ring.next(at(3), Duration::ZERO);
    assert_eq!(times(&slice), [1, 2]);
    assert_eq!(slice.end.as_deref(), Some("the program ended"));
}

proptest! {
    /// Whatever comes: every item is in the file or counted as overtaken, in its order, and the
    /// memory is bounded.
    #[test]
    fn nothing_is_forgotten(steps in prop::collection::vec((0_u8..4, 0_u64..3), 1..200)) {
        let ring = ring(5, 6 * EACH);
        let mut now = 0;
        let (mut begun, mut seen, mut lost) = (None, Vec::new(), 0);
        let mut number = 0_u64;
        for (what, seconds) in steps {
            now += seconds;
            match what {
                0 | 1 => {
                    number += 1;
                    let mut sample = text(now);
                    sample.received.unix_ns = number;
                    ring.push(sample, at(now));
                }
                2 if begun.is_none() => {
                    ring.save(cause("asked"), at(now), Duration::from_secs(1_000_000), MOST * 100_000);
                    begun = Some(number);
                    // What is held now has to be in it.
                    lost = 0;
                }
                _ => {
                    if begun.is_some() {
                        let slice = ring.next(at(now), Duration::ZERO);
                        seen.extend(slice.items.iter().map(|s| s.received.unix_ns));
                        lost += slice.overtaken.values().sum::<u64>();
                    }
                }
            }
            prop_assert!(ring.figures(at(now)).1 <= 6 * EACH + 6 * EACH / SLACK);
        }
        if begun.is_some() {
            let slice = ring.next(at(now), Duration::ZERO);
            seen.extend(slice.items.iter().map(|s| s.received.unix_ns));
            lost += slice.overtaken.values().sum::<u64>();
            prop_assert!(seen.windows(2).all(|pair| pair[0] < pair[1]));
            if let (Some(first), Some(last)) = (seen.first(), seen.last()) {
                prop_assert_eq!(*last, number);
                let holes = last - first + 1 - seen.len() as u64;
                prop_assert!(holes <= lost, "{} holes, {} counted", holes, lost);
            }
        }
    }
}
