#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::unwrap_used
)]

use proptest::prelude::*;

use super::*;
use crate::protocol::market::heard::Heard;

fn tracked() -> Tracked {
    let id = BookId {
        venue: "venue".into(),
        symbol: "BTC-USD".into(),
    };
    Tracked::new(id, FeedWay::Stream, Integrity::Sequence)
}

fn at(seconds: u64) -> Stamp {
    Stamp {
        mono_ns: seconds * 1_000_000_000,
        unix_ns: (1_000 + seconds) * 1_000_000_000,
    }
}

fn read(book: &mut Tracked, change: BookChange, bids: &[(&str, &str)], asks: &[(&str, &str)]) {
    book.begin(change);
    for (side, rows) in [(Side::Bid, bids), (Side::Ask, asks)] {
        for (price, size) in rows {
            book.row(side, price.as_bytes(), size.as_bytes()).unwrap();
        }
    }
}

const DELTA: BookChange = BookChange::Delta { depth: None };

#[test]
fn a_finer_number_grows_the_scale_of_message_and_book() {
    let (mut book, mut heard) = (tracked(), Heard::default());
    read(
        &mut book,
        BookChange::Snapshot,
        &[("100", "1"), ("99.5", "2.00")],
        &[("101", "3")],
    );
    book.apply(0, at(1), &mut heard).unwrap();
    assert_eq!(book.book().scales(), Scales { price: 1, size: 0 });
    read(&mut book, DELTA, &[("99.125", "0.25")], &[]);
    book.apply(0, at(2), &mut heard).unwrap();
    assert_eq!(book.book().scales(), Scales { price: 3, size: 2 });
    assert_eq!(
        book.book().best(Side::Bid),
        Some(Level {
            price: 100_000,
            size: 100
        })
    );
    assert_eq!(heard.events[1].1.scales, Scales { price: 3, size: 2 });
    book.fix_scales(Scales { price: 3, size: 2 });
    book.begin(DELTA);
    assert_eq!(
        book.row(Side::Bid, b"99.1251", b"1"),
        Err(DecimalError::TooFine)
    );
}

#[test]
fn a_rejected_message_leaves_the_levels_as_they_were() {
    let (mut book, mut heard) = (tracked(), Heard::default());
    read(
        &mut book,
        BookChange::Snapshot,
        &[("3", "1"), ("2", "1"), ("1", "1")],
        &[("4", "1")],
    );
    book.apply(0, at(1), &mut heard).unwrap();
    let before = book.book().clone();
    let change = BookChange::Delta { depth: Some(2) };
    read(
        &mut book,
        change,
        &[("3", "0"), ("2.5", "7"), ("3", "9"), ("2.5", "0")],
        &[("5", "0")],
    );
    book.stage().unwrap();
    assert_ne!(book.book(), &before);
    book.reject();
    let mut same = before.clone();
    assert!(same.rescale(book.book().scales()));
    assert_eq!(book.book(), &same);
    read(&mut book, BookChange::Snapshot, &[("8", "1")], &[]);
    book.stage().unwrap();
    book.reject();
    assert_eq!(book.book(), &same);
    assert_eq!(book.counters().updates_applied, 0);
    assert_eq!(book.counters().deletes_of_absent_levels, 0);
}

#[test]
fn a_return_to_live_is_a_resync_and_a_first_snapshot_is_not() {
    let (mut book, mut heard) = (tracked(), Heard::default());
    for (second, reason) in [(1, ClearReason::Gap), (2, ClearReason::Closed)] {
        read(&mut book, BookChange::Snapshot, &[("1", "1")], &[]);
        book.apply(0, at(second), &mut heard).unwrap();
        book.clear(0, reason, at(second), &mut heard);
        book.clear(0, reason, at(second), &mut heard);
        assert!(!book.is_live());
        assert_eq!(book.book().len(Side::Bid), 1, "the last good levels stay");
    }
    read(&mut book, BookChange::Snapshot, &[("1", "1")], &[]);
    book.apply(0, at(3), &mut heard).unwrap();
    assert_eq!(book.counters().resyncs, 2);
    let clears = heard
        .events
        .iter()
        .filter(|(_, event)| matches!(event.change, BookChange::Clear(_)));
    assert_eq!(clears.count(), 2);
}

#[test]
fn a_snapshot_longer_than_the_depth_is_reported_as_it_is_kept() {
    let (mut book, mut heard) = (tracked(), Heard::default());
    book.set_depth(Some(2));
    read(
        &mut book,
        BookChange::Snapshot,
        &[("1", "1"), ("3", "1"), ("2", "1")],
        &[],
    );
    book.apply(0, at(1), &mut heard).unwrap();
    assert_eq!(heard.events[0].1.bids.len(), 2);
    assert_eq!(book.book().len(Side::Bid), 2);
}

#[test]
fn the_view_has_figures_only_while_the_book_is_live() {
    let (mut book, mut heard) = (tracked(), Heard::default());
    read(
        &mut book,
        BookChange::Snapshot,
        &[("100", "2"), ("99", "1")],
        &[("101", "1")],
    );
    book.set_limit(2);
    book.apply(0, at(1), &mut heard).unwrap();
    book.begin(DELTA);
    book.event.exchange_ns = Some(1_001_000_000_000);
    book.apply(0, at(2), &mut heard).unwrap();
    let view = book.view(1, at(3));
    assert_eq!((view.bids.len(), view.bid_levels), (1, 2));
    assert_eq!(view.known_range, Some((99, i64::MAX)));
    assert_eq!(view.metrics.unwrap().mid, 100.5);
    assert_eq!(view.latency.p50_ns, Some(1_000_000_000));
    assert_eq!(view.rate_hz, 0.1);
    assert_eq!(view.age_ns(at(3)), Some(1_000_000_000));
    book.clear(0, ClearReason::Gap, at(3), &mut heard);
    let view = book.view(9, at(4));
    assert_eq!(view.metrics, None);
    assert_eq!(view.bids.len(), 2);
}

#[derive(Clone, Debug)]
struct Message {
    kind: u8,
    rows: Vec<(bool, String, String)>,
}

fn message() -> impl Strategy<Value = Message> {
    let row = (
        any::<bool>(),
        "[1-9]{1,2}(\\.[0-9]{1,3})?",
        "[0-3](\\.[0-9]{1,2})?",
    );
    (0..8_u8, prop::collection::vec(row, 0..6)).prop_map(|(kind, rows)| Message { kind, rows })
}

proptest! {
    #[test]
    fn recorded_events_replay_to_the_same_view(messages in prop::collection::vec(message(), 0..30)) {
        let (mut live, mut replayed) = (tracked(), tracked());
        for (i, message) in messages.iter().enumerate() {
            let now = at(i as u64);
            let mut heard = Heard::default();
            let change = match message.kind {
                0 => BookChange::Snapshot,
                1 => BookChange::Replace,
                2 => BookChange::Delta { depth: Some(4) },
                3 => {
                    live.clear(0, ClearReason::Crossed, now, &mut heard);
                    DELTA
                }
                _ => DELTA,
            };
            if message.kind != 3 {
                if message.rows.len() == 5 {
                    live.set_tick(i as i64);
                    live.set_display("A/B".into());
                }
                live.begin(change);
                for (is_bid, price, size) in &message.rows {
                    let side = if *is_bid { Side::Bid } else { Side::Ask };
                    live.row(side, price.as_bytes(), size.as_bytes()).unwrap();
                }
                live.event.exchange_ns = Some(i as i64);
                live.event.sequence.last = Some(i as i64);
                if message.kind == 0 {
                    live.set_limit(2);
                }
                live.apply(0, now, &mut heard).unwrap();
            }
            for (_, event) in &heard.events {
                replayed.replay(event, now).unwrap();
            }
            let (mut one, other) = (live.view(50, now), replayed.view(50, now));
            one.counters.crossed_desyncs = other.counters.crossed_desyncs;
            prop_assert_eq!(one, other);
        }
    }
}
