#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::unwrap_used
)]

use proptest::prelude::*;

use super::*;
use crate::model::{BookState, Side};
use crate::protocol::market::heard::Heard;

fn subscription(symbols: &[&str]) -> Subscription {
    Subscription {
        symbols: symbols.iter().map(|symbol| (*symbol).to_owned()).collect(),
        depth: None,
        way: FeedWay::Stream,
        poll_ms: 500,
        channel: None,
    }
}

fn at(ms: u64) -> Stamp {
    Stamp {
        mono_ns: ms * 1_000_000,
        unix_ns: 1_768_467_600_000_000_000 + ms * 1_000_000,
    }
}

fn update(symbol: &str, first: i64, last: i64, rows: &str) -> String {
    let stream = symbol.to_lowercase();
    format!(
        r#"{{"stream":"{stream}@depth@100ms","data":{{"e":"depthUpdate","E":1768467600311,"s":"{symbol}","U":{first},"u":{last},"b":[{rows}],"a":[]}}}}"#
    )
}

fn answer(venue: &mut Binance, book: usize, status: u16, body: &str, now: Stamp, out: &mut Heard) {
    let answer = Answer {
        book,
        status,
        retry_after_s: (status == 429).then_some(3),
        body: body.as_bytes(),
    };
    venue.answer(&answer, now, out);
}

fn fetches(heard: &mut Heard) -> Vec<String> {
    let asks = std::mem::take(&mut heard.asks);
    let paths = asks.into_iter().filter_map(|ask| match ask {
        Ask::Fetch(fetch) => Some(fetch.path),
        _ => None,
    });
    paths.collect()
}

const BOOK: &str = r#"{"lastUpdateId":10,"bids":[["1.00","2"]],"asks":[["1.50","3"]]}"#;

#[test]
fn the_streams_of_a_subscription_are_named_in_its_path() {
    let mut wanted = subscription(&["BTCUSDT", "ETHUSDT"]);
    let usual =
        "/stream?streams=btcusdt@depth@100ms/btcusdt@trade/ethusdt@depth@100ms/ethusdt@trade";
    assert_eq!(stream_path(&wanted, None), usual);
    wanted.symbols.pop();
    wanted.channel = Some(PARTIAL.to_owned());
    for (depth, levels) in [(None, 20), (Some(4), 5), (Some(10), 10), (Some(400), 20)] {
        wanted.depth = depth;
        let path = format!("/stream?streams=btcusdt@depth{levels}@100ms/btcusdt@trade");
        assert_eq!(stream_path(&wanted, None), path);
    }
}

#[test]
fn the_snapshot_is_asked_for_once_the_first_event_is_held_back() {
    let (mut venue, mut heard) = (Binance::new(&subscription(&["AB"])), Heard::default());
    venue.open(at(0), &mut heard);
    assert!(fetches(&mut heard).is_empty());
    for last in 11..20 {
        venue.frame(update("AB", last, last, "").as_bytes(), at(1), &mut heard);
    }
    assert_eq!(fetches(&mut heard), ["/api/v3/depth?symbol=AB&limit=1000"]);
    answer(&mut venue, 0, 200, BOOK, at(50), &mut heard);
    let view = venue.view(0, 5, at(60)).unwrap();
    assert_eq!(view.state, BookState::Live);
    assert_eq!(view.sequence, Some(19));
    assert_eq!(view.counters.updates_applied, 9);
}

#[test]
fn a_symbol_that_does_not_exist_is_found_out_though_its_stream_says_nothing() {
    let (mut venue, mut heard) = (Binance::new(&subscription(&["NOPE"])), Heard::default());
    venue.open(at(0), &mut heard);
    assert_eq!(venue.due(), Some(at(15_000).mono_ns));
    venue.time(at(15_000), &mut heard);
    assert_eq!(fetches(&mut heard).len(), 1);
    let body = r#"{"code":-1121,"msg":"Invalid symbol."}"#;
    answer(&mut venue, 0, 400, body, at(15_100), &mut heard);
    let view = venue.view(0, 5, at(15_200)).unwrap();
    assert_eq!(view.state, BookState::Failed("Invalid symbol.".into()));
    // It is not asked for again until somebody tries anew.
    assert_eq!(venue.due(), None);
    venue.time(at(400_000), &mut heard);
    assert!(fetches(&mut heard).is_empty());
}

#[test]
fn a_polled_symbol_that_does_not_exist_is_asked_for_once_a_minute() {
    let polled = Subscription {
        way: FeedWay::Polling,
        ..subscription(&["NOPE"])
    };
    let (mut venue, mut heard) = (Binance::new(&polled), Heard::default());
    venue.open(at(0), &mut heard);
    assert_eq!(fetches(&mut heard).len(), 1);
    let body = r#"{"code":-1121,"msg":"Invalid symbol."}"#;
    answer(&mut venue, 0, 400, body, at(100), &mut heard);
    let view = venue.view(0, 5, at(200)).unwrap();
    assert_eq!(view.state, BookState::Failed("Invalid symbol.".into()));
    assert_eq!(venue.due(), Some(at(60_100).mono_ns));
    venue.time(at(60_099), &mut heard);
    assert!(fetches(&mut heard).is_empty());
    // It is listed at last.
    venue.time(at(60_100), &mut heard);
    assert_eq!(fetches(&mut heard).len(), 1);
    answer(&mut venue, 0, 200, BOOK, at(60_200), &mut heard);
    let view = venue.view(0, 5, at(60_200)).unwrap();
    assert_eq!(view.state, BookState::Live);
    let due_ns = venue.due().unwrap();
    assert!(due_ns < at(66_000).mono_ns, "{due_ns}");
}

#[test]
fn a_gap_leaves_live_first_and_asks_for_one_snapshot() {
    let (mut venue, mut heard) = (Binance::new(&subscription(&["AB"])), Heard::default());
    venue.open(at(0), &mut heard);
    venue.frame(update("AB", 11, 11, "").as_bytes(), at(1), &mut heard);
    answer(&mut venue, 0, 200, BOOK, at(2), &mut heard);
    fetches(&mut heard);
    for last in [15, 16, 18, 25] {
        venue.frame(
            update("AB", last, last, "").as_bytes(),
            at(3_000),
            &mut heard,
        );
    }
    assert_eq!(
        venue.view(0, 5, at(3_000)).unwrap().state.as_str(),
        "desync"
    );
    assert_eq!(fetches(&mut heard).len(), 1);
    answer(&mut venue, 0, 429, "{}", at(3_100), &mut heard);
    assert_eq!(
        venue.due(),
        Some(at(6_100).mono_ns),
        "as long as the venue says"
    );
    venue.time(at(6_100), &mut heard);
    assert_eq!(fetches(&mut heard).len(), 1);
    let later = BOOK.replace("10", "20");
    answer(&mut venue, 0, 200, &later, at(6_200), &mut heard);
    let view = venue.view(0, 5, at(6_200)).unwrap();
    assert_eq!(view.state.as_str(), "desync", "25 does not follow 20");
    assert_eq!(view.counters.gaps, 2);
    assert_eq!(venue.counters().http_errors, 1);
}

#[test]
fn a_snapshot_that_is_too_old_is_asked_for_again_a_quarter_second_later() {
    let (mut venue, mut heard) = (Binance::new(&subscription(&["AB"])), Heard::default());
    venue.open(at(0), &mut heard);
    venue.frame(update("AB", 50, 51, "").as_bytes(), at(1), &mut heard);
    answer(&mut venue, 0, 200, BOOK, at(100), &mut heard);
    assert_eq!(venue.due(), Some(at(350).mono_ns));
    assert_eq!(
        venue
            .view(0, 5, at(100))
            .unwrap()
            .counters
            .snapshots_rejected,
        1
    );
}

#[test]
fn one_bad_row_changes_nothing_and_the_intact_message_fits_after_it() {
    let (mut venue, mut heard) = (Binance::new(&subscription(&["AB"])), Heard::default());
    venue.open(at(0), &mut heard);
    answer(&mut venue, 0, 200, BOOK, at(1), &mut heard);
    let bad = update("AB", 11, 11, r#"["0.50","1"],["12,5","1"]"#);
    venue.frame(bad.as_bytes(), at(2), &mut heard);
    let view = venue.view(0, 5, at(2)).unwrap();
    assert_eq!((view.bid_levels, view.sequence), (1, Some(10)));
    assert_eq!(
        (venue.counters().schema_errors, view.counters.schema_errors),
        (1, 1)
    );
    let good = update("AB", 11, 11, r#"["0.505","1"]"#);
    venue.frame(good.as_bytes(), at(3), &mut heard);
    let view = venue.view(0, 5, at(3)).unwrap();
    assert_eq!(
        (view.bid_levels, view.sequence, view.scales.price),
        (2, Some(11), 3)
    );
}

#[test]
fn errors_come_in_two_shapes_and_a_shutdown_renews_the_connection() {
    let (mut venue, mut heard) = (Binance::new(&subscription(&["AB"])), Heard::default());
    venue.open(at(0), &mut heard);
    for frame in [
        r#"{"error":{"code":2,"msg":"Invalid request"},"id":8}"#,
        r#"{"code":3,"msg":"Invalid JSON"}"#,
        r#"{"result":null,"id":1}"#,
        r#"{"stream":"ab@bookTicker","data":{"u":7,"s":"AB","b":"1","B":"1","a":"2","A":"1"}}"#,
        r#"{"stream":"!serverShutdown","data":{"e":"serverShutdown","E":1770123456789}}"#,
        r#"{"stream":"ab@new","data":{"e":"new"}}"#,
        r#"{"stream":"xy@depth@100ms","data":{"e":"depthUpdate","E":1,"s":"XY","U":1,"u":1,"b":[],"a":[]}}"#,
        "[]",
        "pong",
    ] {
        venue.frame(frame.as_bytes(), at(1), &mut heard);
    }
    let counters = venue.counters();
    assert_eq!(counters.venue_errors, 2);
    assert_eq!(counters.control, 3);
    assert_eq!(counters.unknown, 2);
    assert_eq!(counters.foreign_symbol, 1);
    assert_eq!(counters.parse_errors, 1);
    assert!(matches!(
        heard.asks[..],
        [Ask::Reconnect { at_least_ms: 0, .. }]
    ));
    assert_eq!(venue.notice(), Some("server shutdown"));
}

#[test]
fn a_poll_that_brings_the_same_book_proves_it_alive() {
    let mut wanted = subscription(&["AB"]);
    wanted.way = FeedWay::Polling;
    let (mut venue, mut heard) = (Binance::new(&wanted), Heard::default());
    venue.open(at(1), &mut heard);
    assert_eq!(fetches(&mut heard), ["/api/v3/depth?symbol=AB&limit=20"]);
    answer(&mut venue, 0, 200, BOOK, at(10), &mut heard);
    answer(&mut venue, 0, 200, BOOK, at(4_000), &mut heard);
    answer(&mut venue, 0, 502, "<html>", at(5_000), &mut heard);
    let view = venue.view(0, 5, at(5_000)).unwrap();
    assert_eq!(
        (view.counters.updates_applied, view.counters.duplicates),
        (1, 1)
    );
    assert_eq!(view.proved, Some(at(4_000)));
    assert_eq!(view.state, BookState::Live, "the last book stays");
    assert_eq!(venue.counters().connections, 0);
}

#[test]
fn many_books_lost_at_once_renew_the_connection() {
    let symbols = ["AB", "CD", "EF"];
    let (mut venue, mut heard) = (Binance::new(&subscription(&symbols)), Heard::default());
    venue.open(at(0), &mut heard);
    for index in 0..3 {
        answer(&mut venue, index, 200, BOOK, at(1), &mut heard);
    }
    heard.asks.clear();
    for symbol in symbols {
        venue.frame(update(symbol, 20, 20, "").as_bytes(), at(5_000), &mut heard);
    }
    let renewals = heard
        .asks
        .iter()
        .filter(|ask| matches!(ask, Ask::Reconnect { .. }));
    assert_eq!(renewals.count(), 1);
    venue.closed("", at(5_100), &mut heard);
    venue.open(at(5_200), &mut heard);
    assert_eq!(
        venue.view(0, 5, at(5_200)).unwrap().state.as_str(),
        "starting"
    );
    assert_eq!(
        venue.view(0, 5, at(5_200)).unwrap().bids.len(),
        1,
        "the last levels stay"
    );
}

#[test]
fn a_seller_who_came_to_the_book_is_the_aggressor() {
    let (mut venue, mut heard) = (Binance::new(&subscription(&["AB"])), Heard::default());
    let frame = r#"{"stream":"ab@trade","data":{"e":"trade","E":2,"s":"AB","t":41,"p":"63012.30","q":"0.0021","T":1,"m":true,"M":true}}"#;
    venue.frame(frame.as_bytes(), at(1), &mut heard);
    let trade = &heard.trades[0];
    assert_eq!((trade.price, trade.scales.price), (630_123, 1));
    assert_eq!(trade.aggressor, Some(crate::model::Aggressor::Sell));
    assert_eq!(trade.id.as_deref(), Some("41"));
}

proptest! {
    #[test]
    fn no_bytes_panic_and_every_frame_is_counted_once(
        cuts in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), any::<bool>()), 1..20),
    ) {
        let (mut venue, mut heard) = (Binance::new(&subscription(&["AB"])), Heard::default());
        venue.open(at(0), &mut heard);
        answer(&mut venue, 0, 200, BOOK, at(1), &mut heard);
        for (i, (place, byte, is_cut)) in cuts.iter().enumerate() {
            let last = 11 + i as i64;
            let mut frame = update("AB", last, last, r#"["1.00","0"],["0.9","5"]"#).into_bytes();
            let place = place.index(frame.len());
            if *is_cut {
                frame.truncate(place);
            } else {
                frame[place] = *byte;
            }
            venue.frame(&frame, at(2), &mut heard);
        }
        let feed = venue.counters();
        let book = venue.view(0, 5, at(3)).unwrap();
        let of_book = book.counters.updates_applied + book.counters.updates_buffered
            + book.counters.duplicates + book.counters.out_of_order;
        let others = feed.parse_errors + feed.schema_errors + feed.unknown
            + feed.venue_errors + feed.control + feed.foreign_symbol;
        prop_assert_eq!(feed.frames, others + of_book);
        let mut replayed = Tracked::new(book.book.clone(), FeedWay::Stream, Integrity::Sequence);
        for (_, event) in &heard.events {
            replayed.replay(event, at(2)).unwrap();
        }
        prop_assert_eq!(replayed.view(5, at(3)).bids, book.bids);
        prop_assert_eq!(replayed.book().len(Side::Ask), book.ask_levels);
    }
}
