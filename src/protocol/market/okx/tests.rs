#![allow(clippy::arithmetic_side_effects, clippy::indexing_slicing)]

use super::*;
use crate::model::{Book, FeedWay, Level, Scales, decimal};
use crate::protocol::market::Ask;
use crate::protocol::market::scripted::{Scripted, streamed};

/// The decision table of the specification's test vectors: last, last_prev, prevSeqId, seqId, low.
#[test]
fn ids_are_judged_as_the_table_says() {
    for (last, last_previous, previous, seq, low, want) in [
        (15, 10, 15, 20, None, Verdict::Next),
        (15, 10, 15, 15, None, Verdict::KeepAlive),
        (15, 10, 15, 3, None, Verdict::Reset),
        (15, 10, 10, 15, None, Verdict::Duplicate),
        (15, 10, 8, 10, None, Verdict::Late),
        (900, 880, 4, 9, None, Verdict::Late),
        (900, 880, 9, 15, Some(9), Verdict::Gap),
        (900, 880, 8, 15, Some(9), Verdict::Late),
        (15, 10, 18, 25, None, Verdict::Gap),
        (15, 10, 14, 25, None, Verdict::Gap),
    ] {
        let mut ids = Ids {
            last,
            last_previous,
            low,
        };
        let got = ids.judge(seq, previous);
        assert_eq!(
            got, want,
            "{previous} -> {seq} after {last_previous} -> {last}"
        );
        let want_low = if want == Verdict::Late {
            Some(seq)
        } else {
            low
        };
        assert_eq!(ids.low, want_low);
        ids.accept(seq, previous);
        assert_eq!(ids, Ids::start(seq, previous));
    }
}

/// The venue's published examples, and one of the specification's.
#[test]
fn the_former_checksum_is_that_of_the_published_examples() {
    type Rows = &'static [(&'static str, &'static str)];
    let cases: [(Rows, Rows, i32); 3] = [
        (
            &[("3366.1", "7"), ("3366", "6")],
            &[("3366.8", "9"), ("3368", "8")],
            -1_881_014_294,
        ),
        (
            &[("3366.1", "7")],
            &[("3366.8", "9"), ("3368", "8"), ("3372", "8")],
            831_078_360,
        ),
        (
            &[
                ("62987.2", "0.14420617"),
                ("62987", "0.8"),
                ("62986.5", "3"),
            ],
            &[("62987.7", "1.32590033")],
            460_899_875,
        ),
    ];
    let scales = Scales { price: 1, size: 8 };
    let levels = |rows: Rows| -> Vec<Level> {
        let level = |(price, size): &(&str, &str)| Level {
            price: decimal::parse_i64(price.as_bytes(), scales.price).unwrap(),
            size: decimal::parse(size.as_bytes(), scales.size).unwrap(),
        };
        rows.iter().map(level).collect()
    };
    for (bids, asks, want) in cases {
        let mut book = Book::new(scales);
        book.replace(&levels(bids), &levels(asks));
        assert_eq!(checksum::of(&book, &mut Vec::new()), want);
    }
    assert_eq!(checksum::of(&Book::default(), &mut b"old".to_vec()), 0);
}

const ARG: &str = r#""arg":{"channel":"books","instId":"BTC-USDT"}"#;

fn message(action: &str, rest: &str) -> String {
    format!(r#"{{{ARG},"action":"{action}","data":[{{{rest},"ts":"1768467600284"}}]}}"#)
}

fn live() -> Scripted {
    let mut scripted = Scripted::open(&KIND, &streamed(&["BTC-USDT"]));
    assert_eq!(
        scripted.sent(),
        [r#"{"id":"1","op":"subscribe","args":[{"channel":"books","instId":"BTC-USDT"}]}"#]
    );
    scripted.frame(&format!(r#"{{"id":"1","event":"subscribe",{ARG}}}"#));
    scripted.frame(&message(
        "snapshot",
        r#""asks":[["101","1","0","1"]],"bids":[["100","2","0","1"]],"checksum":0,"seqId":10,"prevSeqId":-1"#,
    ));
    assert_eq!(scripted.state(0), "live");
    scripted.pass(1_000);
    scripted
}

#[test]
fn a_wrong_checksum_breaks_the_book_and_leaves_its_levels_as_they_were() {
    let mut scripted = live();
    scripted.frame(&message(
        "update",
        r#""asks":[["101","9"]],"bids":[],"checksum":12345,"seqId":11,"prevSeqId":10"#,
    ));
    let counters = scripted.counters(0);
    assert_eq!((counters.crc_fail, counters.updates_applied), (1, 0));
    assert_eq!(scripted.state(0), "desync");
    assert_eq!(scripted.view(0).asks[0].size, 1);
    assert!(scripted.sent()[0].contains("unsubscribe"));
}

#[test]
fn a_bad_row_changes_neither_book_nor_ids() {
    let mut scripted = live();
    scripted.frame(&message(
        "update",
        r#""asks":[["100.5","1"],["1.0"]],"bids":[],"checksum":0,"seqId":11,"prevSeqId":10"#,
    ));
    scripted.frame(&message(
        "update",
        r#""asks":[["100.5","3"]],"bids":[],"checksum":0,"seqId":12,"prevSeqId":10"#,
    ));
    assert_eq!(scripted.feed().schema_errors, 1);
    assert_eq!(scripted.counters(0).updates_applied, 1);
    assert_eq!(scripted.view(0).asks[0].size, 3);
    assert_eq!(scripted.sent(), [""; 0]);
}

#[test]
fn a_side_keeps_its_400_best_levels() {
    let mut scripted = live();
    let rows: Vec<String> = (1..=500)
        .map(|i| format!(r#"["{}","1"]"#, 101 + i))
        .collect();
    scripted.frame(&message(
        "update",
        &format!(
            r#""asks":[{}],"bids":[],"checksum":0,"seqId":12,"prevSeqId":10"#,
            rows.join(",")
        ),
    ));
    assert_eq!(scripted.view(0).ask_levels, 400);
}

#[test]
fn a_silent_connection_is_asked_for_a_sign_of_life_after_25_seconds() {
    let mut scripted = live();
    scripted.pass(23_999);
    assert_eq!(scripted.sent(), [""; 0]);
    scripted.pass(1);
    assert_eq!(scripted.sent(), ["ping"]);
    scripted.pass(4_000);
    assert_eq!(scripted.sent(), [""; 0], "once");
    scripted.frame("pong");
    assert_eq!(scripted.feed().parse_errors, 0);
    scripted.pass(25_000);
    assert_eq!(scripted.sent(), ["ping"]);
}

#[test]
fn an_announced_upgrade_asks_for_another_connection_at_once() {
    let mut scripted = live();
    scripted.frame(r#"{"event":"notice","code":"64008","msg":"Closing soon. Please reconnect."}"#);
    let [Ask::Reconnect { at_least_ms: 0, .. }] = &scripted.heard.asks[..] else {
        panic!("{:?}", scripted.heard.asks);
    };
    assert_eq!(
        scripted.venue.notice(),
        Some("Closing soon. Please reconnect.")
    );
}

#[test]
fn a_refused_instrument_shows_the_venues_words_and_the_others_go_on() {
    let mut scripted = Scripted::open(&KIND, &streamed(&["BTC-USDT", "NOPE-USDT"]));
    scripted.sent();
    scripted.frame(&format!(r#"{{"event":"subscribe",{ARG}}}"#));
    scripted.frame(
        r#"{"id":"1","event":"error","code":"60018","msg":"Wrong URL or channel:books,instId:NOPE-USDT doesn't exist."}"#,
    );
    let view = scripted.view(1);
    assert_eq!(view.state.as_str(), "failed");
    assert!(view.state.detail().unwrap().contains("60018"));
    assert_eq!(scripted.state(0), "starting");
    scripted.pass(9_000);
    assert_eq!(scripted.sent(), [""; 0]);
    scripted.close();
    scripted.reopen();
    assert_eq!(scripted.state(1), "failed");
    let sent = scripted.sent();
    assert!(sent.iter().any(|text| text.contains("BTC-USDT")));
    assert!(
        !sent.iter().any(|text| text.contains("NOPE-USDT")),
        "{sent:?}"
    );
}

#[test]
fn an_error_about_another_instrument_refuses_nobody() {
    let mut scripted = Scripted::open(&KIND, &streamed(&["BTC-USDT"]));
    scripted.frame(
        r#"{"event":"error","code":"60018","msg":"channel:books,instId:NOPE-USDT doesn't exist."}"#,
    );
    assert_eq!(scripted.feed().venue_errors, 1);
    assert_eq!(scripted.state(0), "starting");
}

#[test]
fn five_levels_are_complete_each_time_and_need_no_order() {
    let mut subscription = streamed(&["BTC-USDT"]);
    subscription.channel = Some("books5".into());
    let mut scripted = Scripted::open(&KIND, &subscription);
    assert!(scripted.sent()[0].contains(r#""channel":"books5""#));
    for (seq, price) in [(9, 100), (4, 102), (90, 101)] {
        scripted.frame(&format!(
            r#"{{"arg":{{"channel":"books5","instId":"BTC-USDT"}},"data":[{{"asks":[["{price}","1","0","1"]],"bids":[],"ts":"1","seqId":{seq}}}]}}"#
        ));
        assert_eq!(scripted.view(0).asks.len(), 1);
        assert_eq!(scripted.view(0).asks[0].price, price);
    }
    assert_eq!(scripted.counters(0).updates_applied, 3);
    assert_eq!(scripted.counters(0).gaps, 0);
}

#[test]
fn a_polled_book_is_asked_for_over_http_and_older_answers_are_ignored() {
    let mut subscription = streamed(&["BTC-USDT"]);
    subscription.way = FeedWay::Polling;
    let mut scripted = Scripted::open(&KIND, &subscription);
    let [Ask::Fetch(fetch)] = &scripted.heard.asks[..] else {
        panic!("{:?}", scripted.heard.asks);
    };
    assert_eq!(fetch.path, "/api/v5/market/books?instId=BTC-USDT&sz=400");
    for seq in [10, 10, 9, 11] {
        scripted.answer(
            0,
            200,
            &format!(r#"{{"code":"0","data":[{{"asks":[["2","1","0","1"]],"bids":[["1","1","0","1"]],"ts":"1","seqId":{seq}}}]}}"#),
        );
    }
    scripted.answer(0, 502, "bad gateway");
    scripted.answer(0, 200, "not json");
    let counters = scripted.counters(0);
    assert_eq!(
        (
            counters.updates_applied,
            counters.duplicates,
            counters.out_of_order,
            counters.http_errors
        ),
        (2, 1, 1, 2)
    );
    assert_eq!(scripted.state(0), "live");
}
