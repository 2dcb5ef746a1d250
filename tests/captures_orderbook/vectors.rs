//! The small vectors of the specification.

use serde_json::{Value, json};
use ttyscope::model::decimal::{self, DecimalError};
use ttyscope::model::{Book, BookState, FeedLight, FeedWay, Level, Scales, Stamp};
use ttyscope::protocol::market::json::{Json, Tape};
use ttyscope::protocol::market::time::rfc3339_ns;
use ttyscope::protocol::market::{Answer, Ask, Change, Sink, Subscription, Venue};

use super::{captures, compare, player};

fn text() -> Option<String> {
    let path = captures::folder("orderbook")?.join("vectors.json");
    Some(captures::read_text(&path))
}

fn vectors() -> Option<Value> {
    Some(serde_json::from_str(&text()?).unwrap())
}

fn list<'a>(vectors: &'a Value, name: &str) -> &'a Vec<Value> {
    let list = vectors[name].as_array().unwrap();
    assert!(!list.is_empty(), "{name}");
    list
}

fn rows(value: &Value, scales: Scales) -> Vec<Level> {
    let level = |row: &Value| {
        let text = |at: usize| row[at].as_str().unwrap().as_bytes();
        Level {
            price: decimal::parse_i64(text(0), scales.price).unwrap(),
            size: decimal::parse(text(1), scales.size).unwrap(),
        }
    };
    value.as_array().unwrap().iter().map(level).collect()
}

/// A book with the decimals its texts need.
fn book(value: &Value) -> Book {
    let sides = ["bids", "asks"]
        .iter()
        .flat_map(|side| value[*side].as_array().unwrap());
    let mut scales = Scales::default();
    for row in sides {
        let decimals = |at: usize| decimal::decimals(row[at].as_str().unwrap().as_bytes()).unwrap();
        scales.price = scales.price.max(decimals(0));
        scales.size = scales.size.max(decimals(1));
    }
    let mut book = Book::new(scales);
    book.replace(&rows(&value["bids"], scales), &rows(&value["asks"], scales));
    book
}

/// Takes what a venue says and keeps nothing of it.
struct Deaf;

impl Sink for Deaf {
    fn book(&mut self, _: Change<'_>) {}
    fn trade(&mut self, _: ttyscope::model::Trade) {}
    fn fault(&mut self, _: Option<usize>, _: ttyscope::model::Fault) {}
    fn ask(&mut self, _: Ask) {}
}

fn at(seconds: u64) -> Stamp {
    Stamp {
        mono_ns: seconds * 1_000_000_000,
        unix_ns: seconds * 1_000_000_000,
    }
}

/// An open connection with one book.
fn open(venue: &str, symbol: &str, depth: Option<u16>) -> Box<dyn Venue> {
    let known = player::kind_of(venue);
    let (kind, _) = known.unwrap_or_else(|| panic!("there is no venue {venue:?}"));
    let mut venue = (kind.venue)(&Subscription {
        symbols: vec![symbol.to_owned()],
        depth,
        way: FeedWay::Stream,
        poll_ms: 500,
        channel: None,
    });
    venue.open(at(0), &mut Deaf);
    venue
}

fn send(venue: &mut Box<dyn Venue>, frame: &Value) {
    venue.frame(frame.to_string().as_bytes(), at(1), &mut Deaf);
}

#[test]
fn number_texts_are_read_exactly_or_refused() {
    let (Some(text), Some(vectors)) = (text(), vectors()) else {
        return;
    };
    // Some of the numbers are larger than what a JSON library keeps exactly.
    let mut tape = Tape::default();
    let accepted = tape.read(text.as_bytes()).unwrap().get("decimal").unwrap();
    for vector in accepted.items() {
        let units = String::from_utf8_lossy(vector.get("units").and_then(Json::number).unwrap());
        let scale = u8::try_from(vector.get("scale").and_then(Json::i64).unwrap()).unwrap();
        let text = vector.get("text").and_then(Json::str).unwrap();
        assert_eq!(
            decimal::parse(text.as_bytes(), scale),
            Ok(units.parse().unwrap()),
            "{text}"
        );
    }
    assert!(accepted.items().count() > 5);
    for vector in list(&vectors, "decimal_reject") {
        let text = vector.as_str().unwrap();
        let read = decimal::parse(text.as_bytes(), 8);
        assert_eq!(read, Err(DecimalError::NotANumber), "{text:?}");
    }
    let too_fine = list(&vectors, "decimal_too_fine").iter().map(|vector| {
        let scale = u8::try_from(vector["scale"].as_u64().unwrap()).unwrap();
        decimal::parse(vector["text"].as_str().unwrap().as_bytes(), scale)
    });
    let too_fine: Vec<_> = too_fine.collect();
    assert_eq!(too_fine, [Err(DecimalError::TooFine), Ok(150)]);
}

#[test]
fn times_are_read_to_the_nanosecond() {
    let Some(vectors) = vectors() else { return };
    for vector in list(&vectors, "rfc3339_ns") {
        let text = vector["text"].as_str().unwrap();
        assert_eq!(rfc3339_ns(text.as_bytes()), vector["ns"].as_i64(), "{text}");
    }
}

#[test]
fn figures_of_the_small_books_are_those_worked_out_by_hand() {
    let Some(vectors) = vectors() else { return };
    for name in ["metrics_small_book", "metrics_border_book"] {
        let mut wrong = Vec::new();
        let vector = &vectors[name];
        compare::compare_figures(&book(vector), &vector["result"], &mut wrong);
        assert!(wrong.is_empty(), "{name}: {wrong:?}");
    }
}

/// A Kraken book message with the numbers as they stand in the vector.
fn kraken_snapshot(vector: &Value, checksum: u64) -> String {
    let rows = |side: &str| {
        let rows = vector[side].as_array().unwrap().iter().map(|row| {
            let (price, qty) = (row[0].as_str().unwrap(), row[1].as_str().unwrap());
            format!(r#"{{"price":{price},"qty":{qty}}}"#)
        });
        rows.collect::<Vec<_>>().join(",")
    };
    format!(
        r#"{{"channel":"book","type":"snapshot","data":[{{"symbol":"A/B","bids":[{}],"asks":[{}],"checksum":{checksum}}}]}}"#,
        rows("bids"),
        rows("asks"),
    )
}

#[test]
fn kraken_books_have_the_checksum_of_the_vectors_and_no_other() {
    let Some(vectors) = vectors() else { return };
    let books = list(&vectors, "kraken_v2");
    for vector in books {
        let right = vector["crc32"].as_u64().unwrap();
        let mistakes = list(&vectors, "kraken_v2_wrong_results").iter();
        let mistakes = mistakes.map(|mistake| mistake["crc32"].as_u64().unwrap());
        for checksum in mistakes.chain([right]) {
            let mut venue = open("kraken", "A/B", Some(25));
            let frame = kraken_snapshot(vector, checksum);
            venue.frame(frame.as_bytes(), at(1), &mut Deaf);
            let view = venue.view(0, 25, at(1)).unwrap();
            let want = u64::from(checksum == right);
            assert_eq!(view.counters.crc_ok, want, "{} {checksum}", vector["name"]);
            assert_eq!(
                view.counters.crc_fail,
                1 - want,
                "{} {checksum}",
                vector["name"]
            );
        }
    }
}

#[test]
fn okx_books_have_the_former_checksum_of_the_vectors() {
    let Some(vectors) = vectors() else { return };
    for vector in list(&vectors, "okx_legacy") {
        let right = vector["checksum_signed"].as_i64().unwrap();
        for (checksum, want) in [(right, 1), (right ^ 1, 0)] {
            let mut venue = open("okx", "A-B", None);
            let rows = |side: &str| {
                let rows = vector[side].as_array().unwrap().iter();
                rows.map(|row| json!([row[0], row[1], "0", "1"]))
                    .collect::<Value>()
            };
            let frame = json!({
                "arg": {"channel": "books", "instId": "A-B"},
                "action": "snapshot",
                "data": [{
                    "asks": rows("asks"), "bids": rows("bids"), "ts": "1768467600120",
                    "checksum": checksum, "seqId": 10, "prevSeqId": -1,
                }],
            });
            send(&mut venue, &frame);
            let counters = venue.view(0, 25, at(1)).unwrap().counters;
            assert_eq!(
                (counters.crc_ok, counters.crc_fail),
                (want, 1 - want),
                "{vector}"
            );
        }
    }
}

#[test]
fn binance_ids_are_judged_as_in_the_vectors() {
    let Some(vectors) = vectors() else { return };
    for vector in list(&vectors, "binance_sequence") {
        let mut venue = open("binance", "AB", None);
        let update = |first: &Value, last: &Value| {
            json!({"stream": "ab@depth@100ms", "data": {
                "e": "depthUpdate", "E": 1_768_467_600_311_u64, "s": "AB",
                "U": first, "u": last, "b": [["1.0", "1"]], "a": [],
            }})
        };
        send(&mut venue, &update(&vector["last_U"], &vector["last"]));
        snapshot(&mut venue, vector["last_U"].as_i64().unwrap() - 1);
        let before = venue.view(0, 1, at(1)).unwrap().counters;
        assert_eq!(before.updates_applied, 1, "the event held back joins");
        send(&mut venue, &update(&vector["U"], &vector["u"]));
        let after = venue.view(0, 1, at(1)).unwrap().counters;
        let decision = match () {
            () if after.updates_applied > before.updates_applied => "apply",
            () if after.gaps > 0 => "gap",
            () if after.duplicates > 0 => "duplicate",
            () if after.out_of_order > 0 => "out_of_order",
            () => "nothing",
        };
        let want = vector["decision"].as_str().unwrap();
        assert_eq!(decision, want.split(' ').next().unwrap(), "{vector}");
    }
    for vector in list(&vectors, "binance_snapshot") {
        let mut venue = open("binance", "AB", None);
        let first = vector["first_buffered_U"].as_i64().unwrap();
        let frame = json!({"stream": "ab@depth", "data": {
            "e": "depthUpdate", "E": 1, "s": "AB", "U": first, "u": first + 1, "b": [], "a": [],
        }});
        send(&mut venue, &frame);
        snapshot(&mut venue, vector["lastUpdateId"].as_i64().unwrap());
        let view = venue.view(0, 1, at(1)).unwrap();
        let is_rejected = vector["decision"].as_str().unwrap().starts_with("reject");
        assert_eq!(
            view.counters.snapshots_rejected,
            u64::from(is_rejected),
            "{vector}"
        );
        assert_eq!(view.state == BookState::Live, !is_rejected, "{vector}");
    }
}

fn snapshot(venue: &mut Box<dyn Venue>, id: i64) {
    let body = json!({"lastUpdateId": id, "bids": [["1.0", "2"]], "asks": [["2.0", "3"]]});
    let body = body.to_string();
    let answer = Answer {
        book: 0,
        status: 200,
        retry_after_s: None,
        body: body.as_bytes(),
    };
    venue.answer(&answer, at(1), &mut Deaf);
}

#[test]
fn okx_ids_are_judged_as_in_the_vectors() {
    let Some(vectors) = vectors() else { return };
    for vector in list(&vectors, "okx_sequence") {
        let mut venue = open("okx", "A-B", None);
        let id = |field: &str| vector[field].as_i64();
        let frame = |action: &str, prev: i64, seq: i64| {
            json!({"arg": {"channel": "books", "instId": "A-B"}, "action": action, "data": [{
                "asks": [["2", "1", "0", "1"]], "bids": [["1", "1", "0", "1"]],
                "ts": "1768467600120", "checksum": 0, "seqId": seq, "prevSeqId": prev,
            }]})
        };
        let (last, last_prev) = (id("last").unwrap(), id("last_prev").unwrap());
        send(&mut venue, &frame("snapshot", -1, last_prev));
        send(&mut venue, &frame("update", last_prev, last));
        if let Some(low) = id("low") {
            send(&mut venue, &frame("update", low - 1, low));
        }
        let before = venue.view(0, 1, at(1)).unwrap().counters;
        send(
            &mut venue,
            &frame("update", id("prevSeqId").unwrap(), id("seqId").unwrap()),
        );
        let after = venue.view(0, 1, at(1)).unwrap().counters;
        let decision = match () {
            () if after.seq_resets > before.seq_resets => "apply, sequence reset",
            () if after.updates_applied > before.updates_applied => "apply",
            () if after.keepalives > before.keepalives => "keepalive",
            () if after.gaps > before.gaps => "gap",
            () if after.duplicates > before.duplicates => "duplicate",
            () if after.out_of_order > before.out_of_order => "out_of_order",
            () => "nothing",
        };
        let want = vector["decision"].as_str().unwrap();
        assert!(want.starts_with(decision), "{decision}: {vector}");
        assert_eq!(want == "apply", decision == "apply", "{vector}");
    }
}

#[test]
fn coinbase_numbers_are_judged_as_in_the_vectors() {
    let Some(vectors) = vectors() else { return };
    for vector in list(&vectors, "coinbase_advanced_sequence") {
        let mut venue = open("coinbase_advanced", "A-B", None);
        let beat = |number: i64| {
            json!({"channel": "heartbeats", "timestamp": "2026-01-15T09:00:01Z",
                "sequence_num": number, "events": [{"heartbeat_counter": 2}]})
        };
        if let Some(last) = vector["last"].as_i64() {
            send(&mut venue, &beat(last));
        }
        send(&mut venue, &beat(vector["sequence_num"].as_i64().unwrap()));
        let counters = venue.counters();
        let decision = match (counters.gaps, counters.duplicates, counters.out_of_order) {
            (0, 0, 0) => "apply",
            (1, 0, 0) => "gap",
            (0, 1, 0) => "duplicate",
            (0, 0, 1) => "out_of_order",
            _ => "several",
        };
        let want = match vector["decision"].as_str().unwrap() {
            want if vector["last"].is_null() => {
                assert!(want.contains("first"), "{vector}");
                "apply"
            }
            want => want.split([' ', ':']).next().unwrap(),
        };
        assert_eq!(decision, want, "{vector}");
    }
}

#[test]
fn lights_are_those_of_the_vectors() {
    let Some(vectors) = vectors() else { return };
    for vector in list(&vectors, "status") {
        let venue = open("binance", "AB", None);
        let mut view = venue.view(0, 1, at(0)).unwrap();
        let age_ms = vector["age_ms"].as_u64();
        view.proved = age_ms.map(|_| at(100));
        view.is_crossed = vector["book"] == "crossed";
        view.state = match (
            vector["socket"].as_str().unwrap(),
            vector["book"].as_str().unwrap(),
        ) {
            ("failed", _) => BookState::Failed("refused".into()),
            ("closed", _) => BookState::Closed("closed".into()),
            (_, "none") => BookState::Starting("connecting".into()),
            (_, "desync") => BookState::Desync("gap".into()),
            _ => BookState::Live,
        };
        let now = Stamp {
            mono_ns: at(100).mono_ns + age_ms.unwrap_or(0) * 1_000_000,
            unix_ns: 0,
        };
        let light = match view.light(now, ttyscope::model::FRESH_FOR_NS) {
            FeedLight::Starting => "blue",
            FeedLight::Fresh => "green",
            FeedLight::Stale => "yellow",
            FeedLight::Failed => "red",
        };
        assert_eq!(light, vector["light"], "{vector}");
    }
}
