#![allow(clippy::arithmetic_side_effects, clippy::indexing_slicing)]

use super::*;
use crate::model::FeedWay;
use crate::protocol::market::scripted::{Scripted, streamed};

const SNAPSHOT: &str = r#"{"type":"snapshot","product_id":"BTC-USD","asks":[["101","1"],["103","1"]],"bids":[["100.00","1.2"]]}"#;

fn update(change: &str, second: u32) -> String {
    format!(
        r#"{{"type":"l2update","product_id":"BTC-USD","changes":[{change}],"time":"2026-01-15T09:00:{second:02}Z"}}"#
    )
}

fn live() -> Scripted {
    let mut scripted = Scripted::open(&KIND, &streamed(&["BTC-USD"]));
    assert_eq!(
        scripted.sent(),
        [
            r#"{"type":"subscribe","product_ids":["BTC-USD"],"channels":["level2_batch","heartbeat"]}"#
        ]
    );
    scripted.frame(
        r#"{"type":"subscriptions","channels":[{"name":"level2_50","product_ids":["BTC-USD"],"account_ids":null}]}"#,
    );
    scripted.frame(SNAPSHOT);
    scripted.pass(1_000);
    scripted
}

#[test]
fn whatever_cannot_be_read_breaks_the_book() {
    for frame in [
        r#"{"type":"l2update","product_id":"BTC-USD","chan"#,
        r#"{"type":"l2update","product_id":"BTC-USD","changes":[["hold","1","2"]],"time":"2026-01-15T09:00:00Z"}"#,
        r#"{"type":"l2update","product_id":"BTC-USD","changes":[["buy","1"]],"time":"2026-01-15T09:00:00Z"}"#,
        r#"{"type":"l2update","product_id":"BTC-USD","changes":[]}"#,
        r#"{"type":"snapshot","product_id":"BTC-USD","asks":[]}"#,
    ] {
        let mut scripted = live();
        scripted.frame(frame);
        assert_eq!(scripted.state(0), "desync", "{frame}");
        assert_eq!(
            scripted.sent(),
            [r#"{"type":"unsubscribe","product_ids":["BTC-USD"],"channels":["level2_batch"]}"#]
        );
        scripted.frame(r#"{"type":"subscriptions","channels":[]}"#);
        assert_eq!(scripted.sent().len(), 1);
        scripted.frame(SNAPSHOT);
        assert_eq!(scripted.state(0), "live");
        assert_eq!(scripted.counters(0).resyncs, 1);
    }
}

#[test]
fn a_time_that_goes_back_breaks_the_book_and_an_equal_one_does_not() {
    let mut scripted = live();
    scripted.frame(&update(r#"["buy","99","1"]"#, 10));
    scripted.frame(&update(r#"["buy","98","1"]"#, 10));
    assert_eq!(scripted.counters(0).updates_applied, 2);
    scripted.frame(&update(r#"["buy","97","1"]"#, 9));
    assert_eq!(scripted.state(0), "desync");
    let counters = scripted.counters(0);
    assert_eq!((counters.out_of_order, counters.updates_applied), (1, 2));
    assert_eq!(scripted.view(0).bid_levels, 3);
}

#[test]
fn a_venue_whose_clock_was_set_back_costs_one_repair() {
    let mut scripted = live();
    scripted.frame(&update(r#"["buy","99","1"]"#, 50));
    for second in 1..40 {
        scripted.frame(&update(r#"["buy","99","2"]"#, second));
        if scripted.state(0) == "desync" {
            scripted.frame(SNAPSHOT);
        }
    }
    assert_eq!(scripted.counters(0).resyncs, 1);
}

#[test]
fn the_third_crossed_message_in_a_row_breaks_the_book() {
    let mut scripted = live();
    scripted.frame(&update(r#"["buy","102","1"]"#, 1));
    scripted.frame(&update(r#"["buy","90","1"]"#, 1));
    scripted.frame(&update(r#"["buy","102","0"]"#, 1));
    assert_eq!(
        scripted.state(0),
        "live",
        "two in a row, and then it was right"
    );
    for _ in 0..3 {
        assert_eq!(scripted.state(0), "live");
        scripted.frame(&update(r#"["buy","101","1"]"#, 1));
    }
    assert_eq!(scripted.state(0), "desync");
    let counters = scripted.counters(0);
    assert_eq!((counters.crossed, counters.crossed_desyncs), (5, 1));
    assert_eq!(counters.updates_applied, 6);
}

#[test]
fn an_error_while_nothing_is_asked_for_refuses_nobody() {
    let mut scripted = live();
    scripted.frame(r#"{"type":"error","message":"Failed to subscribe","reason":"level3, level2, and full channels now require authentication."}"#);
    assert_eq!(scripted.state(0), "live");
    assert_eq!(scripted.feed().venue_errors, 1);
}

#[test]
fn a_refusal_shows_the_venues_words_and_is_not_retried() {
    let mut scripted = Scripted::open(&KIND, &streamed(&["BTC-USD", "NOPE-USD"]));
    scripted.sent();
    scripted.frame(r#"{"type":"error","message":"Failed to subscribe","reason":"NOPE-USD is not a valid product"}"#);
    let state = scripted.view(1).state;
    assert_eq!(
        state.detail().unwrap().as_str(),
        "Failed to subscribe: NOPE-USD is not a valid product"
    );
    let again = scripted.sent();
    assert_eq!(again.len(), 1);
    assert!(!again[0].contains("NOPE"), "{again:?}");
    scripted.pass(60_000);
    assert!(!scripted.sent().iter().any(|text| text.contains("NOPE")));
}

#[test]
fn a_polled_book_is_newer_by_its_sequence() {
    let mut subscription = streamed(&["BTC-USD"]);
    subscription.way = FeedWay::Polling;
    let mut scripted = Scripted::open(&KIND, &subscription);
    for sequence in [5, 5, 4, 6] {
        scripted.answer(
            0,
            200,
            &format!(
                r#"{{"bids":[["1","2",3]],"asks":[],"sequence":{sequence},"auction_mode":false,"time":"2026-01-15T09:00:00Z"}}"#
            ),
        );
    }
    scripted.answer(0, 404, r#"{"message":"NotFound"}"#);
    let counters = scripted.counters(0);
    assert_eq!(
        (
            counters.updates_applied,
            counters.duplicates,
            counters.out_of_order,
            counters.http_errors
        ),
        (2, 1, 1, 1)
    );
    assert_eq!(scripted.state(0), "live", "the last book is kept");
}
