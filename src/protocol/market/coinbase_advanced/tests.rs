#![allow(clippy::arithmetic_side_effects, clippy::indexing_slicing)]

use super::*;
use crate::model::FeedWay;
use crate::protocol::market::scripted::{Scripted, streamed};

/// The decision table of the specification's test vectors.
#[test]
fn numbers_are_judged_as_the_table_says() {
    for (last, number, want) in [
        (None, 0, Verdict::First),
        (Some(41), 42, Verdict::Next),
        (Some(41), 41, Verdict::Duplicate),
        (Some(41), 40, Verdict::OutOfOrder),
        (Some(41), 43, Verdict::Gap),
        (None, 7, Verdict::First),
    ] {
        let mut counter = Counter(last);
        assert_eq!(counter.judge(number), want, "{number} after {last:?}");
        assert_eq!(counter.0, last.max(Some(number)));
    }
}

fn subscriptions(number: i64, products: &str) -> String {
    format!(
        r#"{{"channel":"subscriptions","sequence_num":{number},"events":[{{"subscriptions":{{"level2":[{products}]}}}}]}}"#
    )
}

fn book(number: i64, kind: &str, product: &str, price: &str) -> String {
    format!(
        r#"{{"channel":"l2_data","timestamp":"2026-01-15T09:00:00.5Z","sequence_num":{number},"events":[{{"type":"{kind}","product_id":"{product}","updates":[{{"side":"bid","price_level":"{price}","new_quantity":"3"}}]}}]}}"#
    )
}

fn live() -> Scripted {
    let mut scripted = Scripted::open(&KIND, &streamed(&["ETH-USD", "SOL-USD"]));
    scripted.frame(&book(0, "snapshot", "ETH-USD", "100.5"));
    scripted.frame(&subscriptions(1, r#""ETH-USD","SOL-USD""#));
    scripted.frame(&book(2, "snapshot", "SOL-USD", "10.5"));
    scripted.pass(1_000);
    scripted
}

#[test]
fn heartbeats_are_subscribed_first_and_each_message_has_one_channel() {
    let mut scripted = live();
    assert_eq!(
        scripted.sent(),
        [
            r#"{"type":"subscribe","channel":"heartbeats"}"#,
            r#"{"type":"subscribe","product_ids":["ETH-USD","SOL-USD"],"channel":"level2"}"#,
            r#"{"type":"subscribe","product_ids":["ETH-USD","SOL-USD"],"channel":"market_trades"}"#,
        ]
    );
    assert_eq!([scripted.state(0), scripted.state(1)], ["live"; 2]);
}

#[test]
fn a_gap_that_shows_on_an_unknown_channel_breaks_every_book() {
    let mut scripted = live();
    scripted.sent();
    scripted.frame(r#"{"channel":"auctions","sequence_num":4}"#);
    assert_eq!([scripted.state(0), scripted.state(1)], ["desync"; 2]);
    assert_eq!((scripted.feed().gaps, scripted.feed().unknown), (1, 1));
    assert_eq!(
        scripted.sent(),
        [r#"{"type":"unsubscribe","product_ids":["ETH-USD","SOL-USD"],"channel":"level2"}"#]
    );
    scripted.frame(&book(5, "update", "ETH-USD", "100.4"));
    assert_eq!(scripted.counters(0).ignored_desync, 1);
    scripted.frame(&subscriptions(6, ""));
    assert_eq!(
        scripted.sent(),
        [r#"{"type":"subscribe","product_ids":["ETH-USD","SOL-USD"],"channel":"level2"}"#]
    );
    scripted.frame(&book(7, "snapshot", "ETH-USD", "100.4"));
    assert_eq!([scripted.state(0), scripted.state(1)], ["live", "desync"]);
    assert_eq!(scripted.counters(0).resyncs, 1);
}

#[test]
fn an_old_number_is_ignored_whole_and_an_error_has_none() {
    let mut scripted = live();
    scripted.frame(&book(2, "update", "ETH-USD", "1"));
    scripted.frame(&book(1, "update", "ETH-USD", "1"));
    scripted.frame(r#"{"type":"error","message":"rate limit exceeded"}"#);
    scripted.frame(&book(3, "update", "ETH-USD", "100.4"));
    let feed = scripted.feed();
    assert_eq!(
        (
            feed.duplicates,
            feed.out_of_order,
            feed.gaps,
            feed.venue_errors
        ),
        (1, 1, 0, 1)
    );
    assert_eq!(scripted.view(0).bid_levels, 2);
}

#[test]
fn an_unreadable_row_breaks_every_book_and_changes_none() {
    for wrong in [
        r#"{"type":"update","product_id":"SOL-USD","updates":[{"side":"bid","price_level":"1","new_quantity":null}]}"#,
        r#"{"type":"update","product_id":"SOL-USD","updates":[{"side":"middle","price_level":"1","new_quantity":"1"}]}"#,
        r#"{"type":"update","product_id":"SOL-USD","updates":[{"side":"bid","price_level":"-1","new_quantity":"1"}]}"#,
        r#"{"type":"other","product_id":"SOL-USD","updates":[]}"#,
        r#"{"type":"update","updates":[]}"#,
    ] {
        let mut scripted = live();
        scripted.frame(&format!(
            r#"{{"channel":"l2_data","timestamp":"2026-01-15T09:00:00Z","sequence_num":3,"events":[{{"type":"update","product_id":"ETH-USD","updates":[{{"side":"bid","price_level":"7","new_quantity":"1"}}]}},{wrong}]}}"#
        ));
        assert_eq!(scripted.feed().schema_errors, 1, "{wrong}");
        assert_eq!([scripted.state(0), scripted.state(1)], ["desync"; 2]);
        assert_eq!(scripted.view(0).bid_levels, 1);
        scripted.frame(r#"{"channel":"heartbeats","sequence_num":4,"events":[]}"#);
        assert_eq!(scripted.feed().gaps, 0, "its number was readable");
    }
}

#[test]
fn a_frame_may_change_one_book_twice() {
    let mut scripted = live();
    let event = |price: &str| {
        format!(
            r#"{{"type":"update","product_id":"ETH-USD","updates":[{{"side":"offer","price_level":"{price}","new_quantity":"1"}}]}}"#
        )
    };
    scripted.frame(&format!(
        r#"{{"channel":"l2_data","timestamp":"2026-01-15T09:00:00Z","sequence_num":3,"events":[{},{}]}}"#,
        event("101"),
        event("102")
    ));
    assert_eq!(scripted.view(0).ask_levels, 2);
    assert_eq!(scripted.counters(0).updates_applied, 2);
}

#[test]
fn the_side_of_a_trade_is_kept_and_nobody_is_said_to_have_crossed_the_spread() {
    let mut scripted = live();
    scripted.frame(
        r#"{"channel":"market_trades","sequence_num":3,"events":[{"type":"update","trades":[{"trade_id":"7","product_id":"ETH-USD","price":"100.53","size":"0.06","side":"SELL","time":"2026-01-15T09:00:01Z"}]}]}"#,
    );
    let [trade] = &scripted.heard.trades[..] else {
        panic!("{:?}", scripted.heard.trades);
    };
    assert_eq!((trade.aggressor, trade.side), (None, Some(Aggressor::Sell)));
    assert_eq!((trade.price, trade.scales.price), (10_053, 2));
    assert_eq!(scripted.counters(0).trades, 1);
}

#[test]
fn a_usdc_symbol_says_that_the_usd_book_came() {
    let mut scripted = Scripted::open(&KIND, &streamed(&["BTC-USDC"]));
    scripted.frame(&book(0, "snapshot", "BTC-USD", "100"));
    let view = scripted.view(0);
    assert_eq!(view.state.as_str(), "live");
    assert_eq!(&*view.book.symbol, "BTC-USDC");
    assert_eq!(&*view.display, "BTC/USDC (BTC/USD data)");
}

#[test]
fn the_same_book_is_not_shown_under_two_names() {
    let mut scripted = Scripted::open(&KIND, &streamed(&["BTC-USD", "BTC-USDC"]));
    assert_eq!(
        [scripted.state(0), scripted.state(1)],
        ["starting", "failed"]
    );
    assert!(!scripted.sent().iter().any(|text| text.contains("USDC")));
}

#[test]
fn a_refused_product_fails_and_the_others_are_asked_for_without_it() {
    let mut scripted = Scripted::open(&KIND, &streamed(&["BTC-USD", "NOPE-USD"]));
    scripted.sent();
    scripted.frame(r#"{"type":"error","message":"NOPE-USD is not a product"}"#);
    assert_eq!(
        [scripted.state(0), scripted.state(1)],
        ["starting", "failed"]
    );
    assert_eq!(
        scripted.sent(),
        [r#"{"type":"subscribe","product_ids":["BTC-USD"],"channel":"level2"}"#]
    );
}

#[test]
fn a_polled_book_is_newer_by_its_time() {
    let mut subscription = streamed(&["BTC-USD"]);
    subscription.way = FeedWay::Polling;
    let mut scripted = Scripted::open(&KIND, &subscription);
    for second in [1, 1, 0, 2] {
        scripted.answer(
            0,
            200,
            &format!(
                r#"{{"pricebook":{{"product_id":"BTC-USD","bids":[{{"price":"1","size":"2"}}],"asks":[],"time":"2026-01-15T09:00:0{second}Z"}}}}"#
            ),
        );
    }
    let counters = scripted.counters(0);
    assert_eq!(
        (
            counters.updates_applied,
            counters.duplicates,
            counters.out_of_order
        ),
        (2, 1, 1)
    );
}
