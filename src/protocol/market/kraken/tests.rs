#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::unwrap_used
)]

use proptest::prelude::*;

use super::*;
use crate::model::{BookState, Level};
use crate::protocol::market::heard::Heard;

const S: u64 = 1_000;

fn at(ms: u64) -> Stamp {
    Stamp {
        mono_ns: ms * 1_000_000,
        unix_ns: 1_768_467_600_000_000_000 + ms * 1_000_000,
    }
}

fn kraken(symbols: &[&str], way: FeedWay) -> Kraken {
    Kraken::new(&Subscription {
        symbols: symbols.iter().map(|symbol| (*symbol).to_owned()).collect(),
        depth: Some(10),
        way,
        poll_ms: 500,
        channel: None,
    })
}

fn say(venue: &mut Kraken, text: &str, now: Stamp, heard: &mut Heard) {
    venue.frame(text.as_bytes(), now, heard);
}

fn instruments(symbols: &[&str]) -> String {
    let pairs = symbols.iter().map(|symbol| {
        format!(r#"{{"symbol":"{symbol}","base":"BTC","quote":"USD","qty_precision":2,"qty_increment":1e-02,"price_precision":1,"price_increment":0.5}}"#)
    });
    let pairs = pairs.collect::<Vec<_>>().join(",");
    format!(
        r#"{{"channel":"instrument","type":"snapshot","data":{{"assets":[],"pairs":[{pairs}]}}}}"#
    )
}

/// A snapshot of one bid and one ask, with the checksum that belongs to it.
fn snapshot(symbol: &str) -> String {
    let checksum = crc32fast::hash(b"1010300995200");
    format!(
        r#"{{"channel":"book","type":"snapshot","data":[{{"symbol":"{symbol}","bids":[{{"price":99.5,"qty":2.00}}],"asks":[{{"price":101.0,"qty":3.00}}],"checksum":{checksum}}}]}}"#
    )
}

fn update(symbol: &str, bid: &str, checksum: u32) -> String {
    format!(
        r#"{{"channel":"book","type":"update","data":[{{"symbol":"{symbol}","bids":[{{"price":{bid},"qty":1.00}}],"asks":[],"checksum":{checksum},"timestamp":"2026-01-15T09:00:00.125040Z"}}]}}"#
    )
}

fn live(symbols: &[&str]) -> (Kraken, Heard) {
    let (mut venue, mut heard) = (kraken(symbols, FeedWay::Stream), Heard::default());
    venue.open(at(0), &mut heard);
    say(&mut venue, &instruments(symbols), at(1), &mut heard);
    for symbol in symbols {
        say(&mut venue, &snapshot(symbol), at(2), &mut heard);
    }
    heard.asks.clear();
    (venue, heard)
}

#[test]
fn reference_data_is_asked_for_before_the_books() {
    let (mut venue, mut heard) = (kraken(&["BTC/USD"], FeedWay::Stream), Heard::default());
    venue.open(at(0), &mut heard);
    let sent = heard.take_sent();
    assert_eq!(
        sent,
        [r#"{"method":"subscribe","params":{"channel":"instrument"},"req_id":1}"#]
    );
    say(&mut venue, &instruments(&["BTC/USD"]), at(1), &mut heard);
    let sent = heard.take_sent();
    assert_eq!(
        sent[0],
        r#"{"method":"subscribe","params":{"channel":"book","symbol":["BTC/USD"],"depth":10,"snapshot":true},"req_id":2}"#
    );
    assert!(sent[1].contains(r#""channel":"trade""#));
    say(&mut venue, &snapshot("BTC/USD"), at(2), &mut heard);
    let view = venue.view(0, 5, at(2)).unwrap();
    assert_eq!(view.state, BookState::Live);
    assert_eq!(view.scales, crate::model::Scales { price: 1, size: 2 });
    assert_eq!((view.tick, view.display.as_str()), (5, "BTC/USD"));
    assert_eq!(view.counters.crc_ok, 1);
}

#[test]
fn without_reference_data_the_wire_says_the_decimals() {
    let (mut venue, mut heard) = (kraken(&["A/B"], FeedWay::Stream), Heard::default());
    venue.open(at(0), &mut heard);
    say(&mut venue, &snapshot("A/B"), at(1), &mut heard);
    let view = venue.view(0, 5, at(1)).unwrap();
    assert_eq!((view.counters.crc_ok, view.scales.size), (1, 2));
}

#[test]
fn a_book_that_fails_its_checksum_is_renewed_alone_and_once() {
    let (mut venue, mut heard) = live(&["A/B", "C/D", "E/F"]);
    for ms in 0..50 {
        say(
            &mut venue,
            &update("A/B", "99.6", 7),
            at(5 * S + ms),
            &mut heard,
        );
    }
    let view = venue.view(0, 5, at(6 * S)).unwrap();
    assert_eq!(view.state.as_str(), "desync");
    assert_eq!(
        view.bids,
        [Level {
            price: 995,
            size: 200
        }],
        "the last good levels stay"
    );
    assert_eq!(
        (view.counters.crc_fail, view.counters.ignored_desync),
        (1, 49)
    );
    assert_eq!(venue.view(1, 5, at(6 * S)).unwrap().state, BookState::Live);
    let sent = heard.take_sent();
    assert_eq!(sent.len(), 1);
    assert!(
        sent[0]
            .contains(r#""unsubscribe","params":{"channel":"book","symbol":["A/B"],"depth":10}"#)
    );
    let left = r#"{"method":"unsubscribe","result":{"channel":"book","depth":10,"symbol":"A/B"},"success":true}"#;
    say(&mut venue, left, at(6 * S), &mut heard);
    assert!(heard.take_sent()[0].contains(r#"{"method":"subscribe""#));
    say(&mut venue, &snapshot("A/B"), at(7 * S), &mut heard);
    let view = venue.view(0, 5, at(7 * S)).unwrap();
    assert_eq!((view.state, view.counters.resyncs), (BookState::Live, 1));
}

#[test]
fn an_unsubscription_that_is_not_acknowledged_is_followed_all_the_same() {
    let (mut venue, mut heard) = live(&["A/B"]);
    say(&mut venue, &update("A/B", "99.6", 7), at(S), &mut heard);
    heard.take_sent();
    venue.time(at(6 * S), &mut heard);
    assert!(
        heard
            .take_sent()
            .iter()
            .any(|text| text.contains(r#""channel":"book","symbol":["A/B"]"#))
    );
}

#[test]
fn three_mismatches_in_a_row_turn_the_check_off_and_mark_the_book() {
    let (mut venue, mut heard) = live(&["A/B"]);
    for round in 1..=3 {
        let now = at(round * 100 * S);
        say(&mut venue, &update("A/B", "99.6", 7), now, &mut heard);
        if round < 3 {
            say(&mut venue, &snapshot("A/B"), now, &mut heard);
        }
    }
    let view = venue.view(0, 5, at(300 * S)).unwrap();
    assert_eq!(view.state, BookState::Live);
    assert_eq!(view.integrity, Integrity::ChecksumOff);
    assert_eq!((view.counters.crc_fail, view.bid_levels), (3, 2));
    say(
        &mut venue,
        &update("A/B", "99.7", 7),
        at(301 * S),
        &mut heard,
    );
    assert_eq!(
        venue.view(0, 5, at(301 * S)).unwrap().counters.crc_skipped,
        1
    );
    venue.closed("", at(302 * S), &mut heard);
    venue.open(at(303 * S), &mut heard);
    say(&mut venue, &snapshot("A/B"), at(304 * S), &mut heard);
    let view = venue.view(0, 5, at(304 * S)).unwrap();
    assert_eq!(
        view.integrity,
        Integrity::ChecksumTop10,
        "a new subscription is checked"
    );
}

#[test]
fn a_refusal_without_a_symbol_is_known_by_its_request() {
    let (mut venue, mut heard) = (kraken(&["A/B"], FeedWay::Stream), Heard::default());
    venue.open(at(0), &mut heard);
    say(&mut venue, &instruments(&["A/B"]), at(1), &mut heard);
    let refusal = r#"{"error":"Subscription depth not supported","method":"subscribe","req_id":2,"success":false}"#;
    say(&mut venue, refusal, at(2), &mut heard);
    let view = venue.view(0, 5, at(2)).unwrap();
    assert_eq!(view.state.as_str(), "failed");
    assert!(view.state.detail().unwrap().contains("depth not supported"));
    assert_eq!(
        (venue.counters().venue_errors, view.counters.venue_errors),
        (1, 1)
    );
    heard.take_sent();
    venue.time(at(60 * S), &mut heard);
    let again = heard
        .take_sent()
        .into_iter()
        .filter(|text| text.contains("book"));
    assert_eq!(again.count(), 0, "what was refused is not asked for again");
}

#[test]
fn a_refusal_of_a_live_book_leaves_it_alone() {
    let (mut venue, mut heard) = live(&["A/B"]);
    let refusal = r#"{"error":"Already subscribed","method":"subscribe","req_id":109,"success":false,"symbol":"A/B"}"#;
    say(&mut venue, refusal, at(S), &mut heard);
    assert_eq!(venue.view(0, 5, at(S)).unwrap().state, BookState::Live);
    assert!(heard.asks.is_empty());
}

#[test]
fn silence_is_answered_with_a_ping_and_a_missing_acknowledgement_with_a_renewal() {
    let (mut venue, mut heard) = (kraken(&["A/B"], FeedWay::Stream), Heard::default());
    venue.open(at(0), &mut heard);
    heard.take_sent();
    assert_eq!(venue.due(), Some(at(5 * S).mono_ns));
    venue.time(at(5 * S), &mut heard);
    assert!(heard.take_sent()[0].starts_with(r#"{"method":"ping""#));
    venue.time(at(10 * S), &mut heard);
    assert!(
        heard
            .take_sent()
            .iter()
            .any(|text| text.contains("instrument"))
    );
    venue.time(at(20 * S), &mut heard);
    assert!(
        heard
            .asks
            .iter()
            .any(|ask| matches!(ask, Ask::Reconnect { .. }))
    );
}

#[test]
fn maintenance_is_shown_and_waited_for() {
    let (mut venue, mut heard) = live(&["A/B", "C/D"]);
    let status = r#"{"channel":"status","type":"update","data":[{"system":"maintenance","connection_id":16174536464690282295}]}"#;
    say(&mut venue, status, at(S), &mut heard);
    assert_eq!(venue.notice(), Some("maintenance"));
    for symbol in ["A/B", "C/D"] {
        say(&mut venue, &update(symbol, "99.6", 7), at(S), &mut heard);
    }
    assert!(heard.asks.iter().any(|ask| matches!(
        ask,
        Ask::Reconnect {
            at_least_ms: 5_000,
            ..
        }
    )));
}

#[test]
fn polled_books_have_the_one_key_of_the_result() {
    let (mut venue, mut heard) = (kraken(&["BTC/USD"], FeedWay::Polling), Heard::default());
    venue.open(at(0), &mut heard);
    let Ask::Fetch(fetch) = &heard.asks[0] else {
        unreachable!("a poll begins with a request");
    };
    assert_eq!(fetch.path, "/0/public/Depth?pair=XBTUSD&count=10");
    let body = r#"{"error":[],"result":{"XXBTZUSD":{"asks":[["101.0","3.0",1768467600]],"bids":[["99.5","2",1768467600]]}}}"#;
    let failure = r#"{"error":["EQuery:Unknown asset pair"]}"#;
    for body in [body, failure] {
        let answer = Answer {
            book: 0,
            status: 200,
            retry_after_s: None,
            body: body.as_bytes(),
        };
        venue.answer(&answer, at(10), &mut heard);
    }
    let view = venue.view(0, 5, at(11)).unwrap();
    assert_eq!((view.state, view.bid_levels), (BookState::Live, 1));
    assert_eq!(
        (venue.counters().http_errors, view.counters.http_errors),
        (1, 1)
    );
}

#[test]
fn trades_say_who_came_to_the_book() {
    let (mut venue, mut heard) = live(&["A/B"]);
    let frame = r#"{"channel":"trade","type":"update","data":[{"symbol":"A/B","side":"sell","price":0.5117,"qty":40.0,"ord_type":"market","trade_id":4665906,"timestamp":"2023-09-25T07:49:37.708706Z"},{"symbol":"A/B","side":"buy","price":1,"qty":2,"trade_id":2,"timestamp":"2023-09-25T07:49:37.708706Z"}]}"#;
    say(&mut venue, frame, at(1), &mut heard);
    assert_eq!(heard.trades.len(), 2);
    assert_eq!(
        heard.trades[0].aggressor,
        Some(crate::model::Aggressor::Sell)
    );
    assert_eq!(
        (heard.trades[0].price, heard.trades[0].scales.price),
        (5117, 4)
    );
    let bad = frame.replace(r#""qty":2,"#, "");
    say(&mut venue, &bad, at(2), &mut heard);
    assert_eq!(heard.trades.len(), 2, "one bad row and none of them counts");
    assert_eq!(venue.counters().schema_errors, 1);
}

proptest! {
    #[test]
    fn no_bytes_panic(
        cuts in prop::collection::vec((0..4_u8, any::<prop::sample::Index>(), any::<u8>(), any::<bool>()), 1..20),
    ) {
        let (mut venue, mut heard) = live(&["A/B"]);
        for (kind, place, byte, is_cut) in cuts {
            let frame = match kind {
                0 => snapshot("A/B"),
                1 => update("A/B", "99.6", 7),
                2 => instruments(&["A/B"]),
                _ => r#"{"error":"x","method":"subscribe","req_id":2,"success":false,"symbol":"A/B"}"#.to_owned(),
            };
            let mut frame = frame.into_bytes();
            let place = place.index(frame.len());
            if is_cut {
                frame.truncate(place);
            } else {
                frame[place] = byte;
            }
            venue.frame(&frame, at(S), &mut heard);
            venue.time(at(S), &mut heard);
        }
        prop_assert!(venue.view(0, 5, at(S)).is_some());
    }
}
