//! What holds for every venue of this kind, and for Finnhub: no input panics, each frame is counted
//! once, and one book that keeps breaking harms no other.
#![allow(clippy::arithmetic_side_effects, clippy::indexing_slicing)]

use proptest::prelude::*;

use super::*;
use crate::protocol::market::scripted::{Scripted, streamed};
use crate::protocol::market::{VenueKind, coinbase_advanced, coinbase_exchange, finnhub, okx};

/// A venue, two symbols, and messages of every kind it has.
struct Case {
    kind: VenueKind,
    symbols: [&'static str; 2],
    messages: &'static [&'static str],
}

const CASES: [Case; 4] = [
    Case {
        kind: coinbase_advanced::KIND,
        symbols: ["ETH-USD", "SOL-USD"],
        messages: &[
            r#"{"channel":"l2_data","timestamp":"2026-01-15T09:00:00Z","sequence_num":1,"events":[{"type":"snapshot","product_id":"ETH-USD","updates":[{"side":"bid","price_level":"3184.53","new_quantity":"3"},{"side":"offer","price_level":"3184.57","new_quantity":"0.42"}]}]}"#,
            r#"{"channel":"l2_data","timestamp":"2026-01-15T09:00:00Z","sequence_num":2,"events":[{"type":"snapshot","product_id":"SOL-USD","updates":[]},{"type":"update","product_id":"ETH-USD","updates":[{"side":"ask","price_level":"3184.573","new_quantity":"0"}]}]}"#,
            r#"{"channel":"l2_data","timestamp":"2026-01-15T09:00:00Z","sequence_num":3,"events":[{"type":"update","product_id":"XRP-USD","updates":[]}]}"#,
            r#"{"channel":"l2_data","timestamp":"2026-01-15T09:00:00Z","sequence_num":4,"events":[{"type":"update","product_id":"ETH-USD","updates":[{"side":"middle"}]}]}"#,
            r#"{"channel":"l2_data","events":[]}"#,
            r#"{"channel":"heartbeats","sequence_num":5,"events":[{"heartbeat_counter":"7"}]}"#,
            r#"{"channel":"market_trades","sequence_num":6,"events":[{"type":"update","trades":[{"trade_id":"1","product_id":"ETH-USD","price":"3184.53","size":"0.06","side":"SELL","time":"2026-01-15T09:00:01.19Z"}]}]}"#,
            r#"{"channel":"market_trades","sequence_num":6,"events":[{"trades":[{}]}]}"#,
            r#"{"channel":"subscriptions","sequence_num":7,"events":[{"subscriptions":{"level2":["ETH-USD"]}}]}"#,
            r#"{"type":"error","message":"rate limit exceeded"}"#,
            r#"{"type":"error","message":"no such product"}"#,
            r#"{"channel":"auctions","sequence_num":9}"#,
            r#"[{"channel":null}]"#,
        ],
    },
    Case {
        kind: coinbase_exchange::KIND,
        symbols: ["BTC-USD", "ETH-USD"],
        messages: &[
            r#"{"type":"snapshot","product_id":"BTC-USD","asks":[["62998.73","0.03000000"]],"bids":[["62998.70","1.2"]]}"#,
            r#"{"type":"snapshot","product_id":"ETH-USD","asks":[],"bids":[]}"#,
            r#"{"type":"l2update","product_id":"BTC-USD","changes":[["buy","62999.70","1"]],"time":"2026-01-15T09:00:01Z"}"#,
            r#"{"type":"l2update","product_id":"BTC-USD","changes":[],"time":"2026-01-15T09:00:00Z"}"#,
            r#"{"type":"l2update","product_id":"XRP-USD","changes":[],"time":"2026-01-15T09:00:00Z"}"#,
            r#"{"type":"l2update","product_id":"BTC-USD","changes":[["hold","1","2"]],"time":"2026-01-15T09:00:00Z"}"#,
            r#"{"type":"heartbeat","sequence":91000000210}"#,
            r#"{"type":"subscriptions","channels":[{"name":"level2_50","product_ids":["BTC-USD"]}]}"#,
            r#"{"type":"subscriptions","channels":[]}"#,
            r#"{"type":"error","message":"Failed to subscribe","reason":"ETH-USD is not a valid product"}"#,
            r#"{"type":"error"}"#,
            r#"{"type":"rfq_match"}"#,
            "7",
        ],
    },
    Case {
        kind: okx::KIND,
        symbols: ["BTC-USDT", "ETH-USDT"],
        messages: &[
            r#"{"arg":{"channel":"books","instId":"BTC-USDT"},"action":"snapshot","data":[{"asks":[["62987.5","3.5","0","17"]],"bids":[["62987.2","0.8","0","3"]],"ts":"1768467600120","checksum":0,"seqId":10,"prevSeqId":-1}]}"#,
            r#"{"arg":{"channel":"books","instId":"BTC-USDT"},"action":"update","data":[{"asks":[["62987.5","0","0","0"]],"bids":[],"ts":"1768467600284","checksum":0,"seqId":12,"prevSeqId":10}]}"#,
            r#"{"arg":{"channel":"books","instId":"BTC-USDT"},"action":"update","data":[{"asks":[],"bids":[],"ts":"1768467600284","seqId":12,"prevSeqId":12}]}"#,
            r#"{"arg":{"channel":"books","instId":"BTC-USDT"},"action":"update","data":[{"asks":[],"bids":[["1","2"]],"ts":"1768467600284","checksum":99,"seqId":3,"prevSeqId":12}]}"#,
            r#"{"arg":{"channel":"books","instId":"BTC-USDT"},"action":"update","data":[{"asks":[],"bids":[],"ts":"1768467600284","seqId":5,"prevSeqId":4}]}"#,
            r#"{"arg":{"channel":"books","instId":"XRP-USDT"},"action":"update","data":[{}]}"#,
            r#"{"arg":{"channel":"books","instId":"BTC-USDT"},"action":"update","data":[{"asks":[["1"]]}]}"#,
            r#"{"arg":{"channel":"tickers","instId":"BTC-USDT"},"data":[]}"#,
            r#"{"event":"subscribe","arg":{"channel":"books","instId":"ETH-USDT"}}"#,
            r#"{"event":"unsubscribe","arg":{"channel":"books","instId":"BTC-USDT"}}"#,
            r#"{"event":"error","code":"60018","msg":"Wrong URL or channel:books,instId:ETH-USDT doesn't exist."}"#,
            r#"{"event":"error","code":"60012","msg":"Illegal request"}"#,
            r#"{"event":"notice","code":"64008","msg":"The connection will soon be closed."}"#,
            r#"{"event":"fooBar"}"#,
            "pong",
        ],
    },
    Case {
        kind: finnhub::KIND,
        symbols: ["BINANCE:BTCUSDT", "AAPL"],
        messages: &[
            r#"{"data":[{"c":null,"p":63013.12,"s":"BINANCE:BTCUSDT","t":1768467600316,"v":0.01072},{"p":1.5,"s":"AAPL","t":1768467600315,"v":0}],"type":"trade"}"#,
            r#"{"data":[{"p":241.5,"s":"AAPL","t":1768467500315,"v":3}],"type":"trade"}"#,
            r#"{"data":[{"p":241.5,"s":"MSFT","t":1768467500315,"v":3}],"type":"trade"}"#,
            r#"{"data":[{"s":"AAPL","t":1768467500315,"v":3}],"type":"trade"}"#,
            r#"{"type":"ping"}"#,
            r#"{"msg":"Subscribing to too many symbols","type":"error"}"#,
            r#"{"type":"news"}"#,
            "null",
        ],
    },
];

#[derive(Clone, Debug)]
enum Happening {
    Message(usize),
    /// A message that ends at this share of its length, in 1/256.
    Cut(usize, u8),
    Noise(Vec<u8>),
    Pass(u64),
    Renewed,
}

fn happening() -> impl Strategy<Value = Happening> {
    prop_oneof![
        12 => any::<usize>().prop_map(Happening::Message),
        2 => (any::<usize>(), any::<u8>()).prop_map(|(which, at)| Happening::Cut(which, at)),
        2 => prop::collection::vec(any::<u8>(), 0..40).prop_map(Happening::Noise),
        2 => (0..30_000_u64).prop_map(Happening::Pass),
        1 => Just(Happening::Renewed),
    ]
}

/// What the frames so far were told to be: of a kind of their own, and rows or changes of books.
fn classes(scripted: &Scripted) -> (u64, u64) {
    let feed = scripted.feed();
    let own = feed.parse_errors
        + feed.schema_errors
        + feed.unknown
        + feed.venue_errors
        + feed.control
        + feed.heartbeats;
    let mut data = feed.duplicates + feed.out_of_order + feed.foreign_symbol;
    for index in 0..scripted.venue.books() {
        let book = scripted.counters(index);
        data += book.snapshots_applied
            + book.updates_applied
            + book.duplicates
            + book.out_of_order
            + book.gaps
            + book.keepalives
            + book.ignored_desync
            + book.crc_fail
            + book.trades
            + book.price_updates;
    }
    (own, data)
}

fn feed(case: &Case, scripted: &mut Scripted, text: &[u8]) -> Result<(), TestCaseError> {
    let (own, data) = classes(scripted);
    let frames = scripted.feed().frames;
    scripted.bytes(text);
    let (own_now, data_now) = classes(scripted);
    prop_assert_eq!(scripted.feed().frames, frames + 1);
    let is_data = data_now > data;
    let is_own = own_now - own;
    prop_assert!(
        is_own + u64::from(is_data) == 1,
        "{} counts {} and {} for {}",
        case.kind.name,
        is_own,
        data_now - data,
        String::from_utf8_lossy(text)
    );
    Ok(())
}

proptest! {
    #[test]
    fn no_order_of_messages_panics_and_each_frame_is_counted_once(
        happenings in prop::collection::vec(happening(), 0..60),
    ) {
        for case in &CASES {
            let mut scripted = Scripted::open(&case.kind, &streamed(&case.symbols));
            for happening in &happenings {
                match happening {
                    Happening::Message(which) => {
                        let text = case.messages[which % case.messages.len()];
                        feed(case, &mut scripted, text.as_bytes())?;
                    }
                    Happening::Cut(which, at) => {
                        let text = case.messages[which % case.messages.len()].as_bytes();
                        let end = text.len() * usize::from(*at) / 256;
                        feed(case, &mut scripted, &text[..end])?;
                    }
                    Happening::Noise(noise) => feed(case, &mut scripted, noise)?,
                    Happening::Pass(ms) => scripted.pass(*ms),
                    Happening::Renewed => {
                        scripted.close();
                        scripted.reopen();
                    }
                }
            }
        }
    }

    #[test]
    fn no_answer_to_a_poll_panics(
        which in any::<usize>(),
        status in prop_oneof![Just(200_u16), Just(0), Just(404), Just(429)],
        noise in prop::collection::vec(any::<u8>(), 0..60),
    ) {
        for case in &CASES {
            let mut subscription = streamed(&case.symbols);
            subscription.way = FeedWay::Polling;
            let mut scripted = Scripted::open(&case.kind, &subscription);
            scripted.answer(which % 3, status, case.messages[which % case.messages.len()]);
            scripted.answer(0, status, &String::from_utf8_lossy(&noise));
            scripted.pass(1_000);
        }
    }
}

/// The answers of an OKX that loses an update of its first symbol after every snapshot.
struct Peer {
    asked: i32,
    most_asked: i32,
    messages: usize,
    seq: i64,
}

impl Peer {
    fn answer(&mut self, scripted: &mut Scripted) {
        for text in scripted.sent() {
            self.messages += 1;
            let is_first = text.contains("BTC-USDT");
            if text.contains("unsubscribe") {
                assert!(is_first && !text.contains("ETH-USDT"), "{text}");
                self.asked += 1;
                self.most_asked = self.most_asked.max(self.asked);
                scripted.frame(
                    r#"{"event":"unsubscribe","arg":{"channel":"books","instId":"BTC-USDT"}}"#,
                );
            } else if text.contains("subscribe") {
                for symbol in ["BTC-USDT", "ETH-USDT", "SOL-USDT"] {
                    if text.contains(symbol) {
                        self.snapshot(scripted, symbol);
                    }
                }
            }
        }
    }

    fn snapshot(&mut self, scripted: &mut Scripted, symbol: &str) {
        let arg = format!(r#""arg":{{"channel":"books","instId":"{symbol}"}}"#);
        scripted.frame(&format!(r#"{{"event":"subscribe",{arg}}}"#));
        scripted.frame(&format!(
            r#"{{{arg},"action":"snapshot","data":[{{"asks":[["2","1"]],"bids":[["1","1"]],"ts":"1","checksum":0,"seqId":{},"prevSeqId":-1}}]}}"#,
            self.seq
        ));
        self.asked = 0;
    }

    fn update(&mut self, scripted: &mut Scripted, symbol: &str, previous: i64) {
        scripted.frame(&format!(
            r#"{{"arg":{{"channel":"books","instId":"{symbol}"}},"action":"update","data":[{{"asks":[],"bids":[["1","3"]],"ts":"1","checksum":0,"seqId":{},"prevSeqId":{previous}}}]}}"#,
            self.seq + 1
        ));
    }
}

#[test]
fn a_book_that_loses_an_update_again_and_again_harms_no_other() {
    let symbols = ["BTC-USDT", "ETH-USDT", "SOL-USDT"];
    let mut scripted = Scripted::open(&okx::KIND, &streamed(&symbols));
    let mut peer = Peer {
        asked: 0,
        most_asked: 0,
        messages: 0,
        seq: 100,
    };
    peer.answer(&mut scripted);
    for _ in 0..6_000 {
        scripted.pass(100);
        assert!(!scripted.wants_another());
        peer.answer(&mut scripted);
        peer.update(&mut scripted, "BTC-USDT", peer.seq - 7);
        for symbol in ["ETH-USDT", "SOL-USDT"] {
            peer.update(&mut scripted, symbol, peer.seq);
        }
        peer.seq += 1;
        assert!(!scripted.wants_another());
        peer.answer(&mut scripted);
    }
    assert_eq!(peer.most_asked, 1, "one repair is in flight");
    for index in [1, 2] {
        let counters = scripted.counters(index);
        assert_eq!(
            (counters.updates_applied, counters.ignored_desync),
            (6_000, 0)
        );
    }
    assert!(
        scripted.counters(0).gaps > 10,
        "it is tried again and again"
    );
    assert!(
        peer.messages < 60,
        "{} messages in ten minutes, of which the venue takes 80",
        peer.messages
    );
}

#[test]
fn an_exchange_book_whose_time_keeps_going_back_harms_no_other() {
    let mut scripted = Scripted::open(
        &coinbase_exchange::KIND,
        &streamed(&["BTC-USD", "ETH-USD", "SOL-USD"]),
    );
    let update = |symbol: &str, second: u64| {
        format!(
            r#"{{"type":"l2update","product_id":"{symbol}","changes":[["buy","1","2"]],"time":"2026-01-15T09:00:{second:02}Z"}}"#
        )
    };
    let mut requests = 0;
    for _ in 0..6_000 {
        for text in scripted.sent() {
            requests += 1;
            let listed: Vec<&str> = ["BTC-USD", "ETH-USD", "SOL-USD"]
                .into_iter()
                .filter(|symbol| !text.contains("unsubscribe") || !text.contains(symbol))
                .collect();
            scripted.frame(&format!(
                r#"{{"type":"subscriptions","channels":[{{"name":"level2_50","product_ids":{}}}]}}"#,
                json_texts(&listed)
            ));
            for symbol in listed.iter().filter(|_| !text.contains("unsubscribe")) {
                if text.contains(symbol) {
                    scripted.frame(&format!(
                        r#"{{"type":"snapshot","product_id":"{symbol}","bids":[["1","1"]],"asks":[["2","1"]]}}"#
                    ));
                }
            }
        }
        scripted.frame(&update("BTC-USD", 30));
        scripted.frame(&update("BTC-USD", 29));
        if scripted.feed().frames > 10 {
            scripted.frame(&update("ETH-USD", 30));
            scripted.frame(&update("SOL-USD", 30));
        }
        assert!(!scripted.wants_another());
        scripted.pass(100);
    }
    for index in [1, 2] {
        assert_eq!(scripted.counters(index).ignored_desync, 0);
        assert_eq!(scripted.state(index), "live");
    }
    assert!(scripted.counters(0).out_of_order > 10);
    assert!(requests < 60, "{requests} requests in ten minutes");
}

#[test]
fn an_advanced_connection_that_keeps_losing_frames_asks_for_all_books_in_one_exchange() {
    let symbols = ["ETH-USD", "SOL-USD"];
    let mut scripted = Scripted::open(&coinbase_advanced::KIND, &streamed(&symbols));
    let mut number = 0;
    let mut requests = 0;
    let mut in_flight = false;
    for _ in 0..6_000 {
        for text in scripted.sent() {
            if text.contains("heartbeats") || text.contains("market_trades") {
                continue;
            }
            requests += 1;
            assert!(symbols.iter().all(|symbol| text.contains(symbol)), "{text}");
            let listed = if text.contains("unsubscribe") {
                assert!(!in_flight);
                in_flight = true;
                "{}"
            } else {
                in_flight = false;
                r#"{"level2":["ETH-USD","SOL-USD"]}"#
            };
            number += 1;
            scripted.frame(&format!(
                r#"{{"channel":"subscriptions","sequence_num":{number},"events":[{{"subscriptions":{listed}}}]}}"#
            ));
            for symbol in symbols.iter().filter(|_| !in_flight) {
                number += 1;
                scripted.frame(&format!(
                    r#"{{"channel":"l2_data","timestamp":"2026-01-15T09:00:00Z","sequence_num":{number},"events":[{{"type":"snapshot","product_id":"{symbol}","updates":[{{"side":"bid","price_level":"1","new_quantity":"1"}}]}}]}}"#
                ));
            }
        }
        number += 2;
        scripted.frame(&format!(
            r#"{{"channel":"heartbeats","sequence_num":{number},"events":[]}}"#
        ));
        assert!(!scripted.wants_another());
        scripted.pass(100);
    }
    assert!(scripted.feed().gaps > 5_000);
    assert!(requests < 60, "{requests} requests in ten minutes");
}
