#![allow(clippy::arithmetic_side_effects, clippy::indexing_slicing)]

use super::*;
use crate::protocol::market::scripted::{Scripted, streamed};

fn trade(symbol: &str, ms: i64, price: &str, size: &str) -> String {
    format!(
        r#"{{"data":[{{"c":null,"p":{price},"s":"{symbol}","t":{ms},"v":{size}}}],"type":"trade"}}"#
    )
}

#[test]
fn symbols_are_subscribed_one_at_a_time() {
    let mut scripted = Scripted::open(&KIND, &streamed(&["BINANCE:BTCUSDT", "AAPL"]));
    assert_eq!(
        scripted.sent(),
        [r#"{"type":"subscribe","symbol":"BINANCE:BTCUSDT"}"#]
    );
    scripted.pass(249);
    assert_eq!(scripted.sent(), [""; 0]);
    scripted.pass(1);
    assert_eq!(scripted.sent(), [r#"{"type":"subscribe","symbol":"AAPL"}"#]);
    scripted.pass(60_000);
    assert_eq!(scripted.sent(), [""; 0]);
}

#[test]
fn one_symbol_too_many_ends_the_subscribing() {
    let mut scripted = Scripted::open(&KIND, &streamed(&["A", "B", "C", "D"]));
    scripted.frame(&trade("A", 1_000, "1.5", "2"));
    scripted.pass(250);
    assert_eq!(scripted.sent().len(), 2);
    scripted.frame(r#"{"msg":"Subscribing to too many symbols","type":"error"}"#);
    scripted.pass(60_000);
    assert_eq!(scripted.sent(), [""; 0]);
    let states: Vec<&str> = (0..4).map(|index| scripted.state(index)).collect();
    assert_eq!(states, ["live", "failed", "failed", "failed"]);
    let state = scripted.view(3).state;
    assert_eq!(
        state.detail().unwrap().as_str(),
        "Subscribing to too many symbols"
    );
    scripted.close();
    scripted.reopen();
    scripted.pass(60_000);
    assert_eq!(scripted.sent(), [r#"{"type":"subscribe","symbol":"A"}"#]);
}

#[test]
fn the_last_price_is_that_of_the_greatest_time() {
    let mut scripted = Scripted::open(&KIND, &streamed(&["AAPL"]));
    let rows = [
        (10_000, "241.5", "3"),
        (9_001, "1", "3"),
        (9_000, "2", "3"),
        (8_999, "3", "3"),
        (10_000, "241.25", "1"),
        (10_001, "241.125", "0"),
    ];
    let prices: Vec<i64> = rows
        .iter()
        .map(|(ms, price, size)| {
            scripted.frame(&trade("AAPL", *ms, price, size));
            scripted.view(0).last_trade.unwrap().price
        })
        .collect();
    assert_eq!(prices, [2_415, 2_415, 2_415, 2_415, 24_125, 241_125]);
    let counters = scripted.counters(0);
    assert_eq!(
        (counters.trades, counters.price_updates, counters.late),
        (5, 1, 1),
        "late is more than a second"
    );
    assert!(
        scripted
            .heard
            .trades
            .iter()
            .all(|trade| trade.aggressor.is_none())
    );
}

#[test]
fn an_equal_frame_right_after_another_is_counted_and_kept() {
    let mut scripted = Scripted::open(&KIND, &streamed(&["AAPL"]));
    let frame = trade("AAPL", 1, "1", "1");
    scripted.frame(&frame);
    scripted.frame(&frame);
    scripted.frame(r#"{"type":"ping"}"#);
    scripted.frame(r#"{"type":"ping"}"#);
    scripted.frame(&frame);
    let feed = scripted.feed();
    assert_eq!((feed.repeated_frames, feed.heartbeats), (1, 2));
    assert_eq!(scripted.counters(0).trades, 3);
}

#[test]
fn one_bad_row_refuses_the_whole_frame() {
    for row in [
        r#"{"s":"AAPL","t":1,"v":1}"#,
        r#"{"p":1,"s":"AAPL","v":1}"#,
        r#"{"p":-1,"s":"AAPL","t":1,"v":1}"#,
        r#"{"p":1,"t":1,"v":1}"#,
        r#"{"p":1,"s":"AAPL","t":1.5,"v":1}"#,
        r#"{"p":99999999999999999999999,"s":"AAPL","t":1,"v":1}"#,
    ] {
        let mut scripted = Scripted::open(&KIND, &streamed(&["AAPL"]));
        scripted.frame(&format!(
            r#"{{"type":"trade","data":[{{"p":1,"s":"AAPL","t":1,"v":1}},{row}]}}"#
        ));
        assert_eq!(scripted.feed().schema_errors, 1, "{row}");
        assert_eq!(scripted.heard.trades.len(), 0, "{row}");
    }
}

#[test]
fn the_key_is_in_the_address_and_nowhere_else() {
    let subscription = streamed(&["AAPL"]);
    assert_eq!(
        (KIND.stream_path)(&subscription, Some("a b&c")),
        "/?token=a+b%26c"
    );
    assert_eq!((KIND.stream_path)(&subscription, None), "/?token=");
}
