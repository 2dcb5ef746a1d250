//! Order books, trades, venues, fleets and live tables in a recording: what they are made of in
//! these tests, and what becomes of them.

use super::*;
use ttyscope::model::decimal::{MOST_DECIMALS, MOST_PRICE_DECIMALS};
use ttyscope::model::{
    Aggressor, BookChange, BookEvent, BookId, BookNotes, ClearReason, EventPace, FeedCounters,
    FeedHealth, FeedWay, FiguresFrom, Fleet, FleetMark, FleetTotals, FleetVerdict, Level,
    Percentiles, Probe, Row, Rows, Scales, Sequence, Trade, Worker, WorkerClass, WorkerWait,
};

fn any_of<T: Copy + std::fmt::Debug + 'static>(all: &'static [T]) -> impl Strategy<Value = T> {
    proptest::sample::select(all)
}

fn maybe<T: std::fmt::Debug>(of: impl Strategy<Value = T>) -> impl Strategy<Value = Option<T>> {
    proptest::option::of(of)
}

/// A moment of the recording.
fn any_moment() -> impl Strategy<Value = Stamp> {
    (0..1_u64 << 40).prop_map(moment)
}

fn moment(mono_ns: u64) -> Stamp {
    Stamp {
        mono_ns,
        unix_ns: EPOCH_NS + mono_ns,
    }
}

fn any_number() -> impl Strategy<Value = f64> {
    any::<f64>().prop_filter("NaN is not equal to itself", |number| !number.is_nan())
}

fn any_scales() -> impl Strategy<Value = Scales> {
    (0..=MOST_PRICE_DECIMALS, 0..=MOST_DECIMALS).prop_map(|(price, size)| Scales { price, size })
}

/// Prices of a few steps, so that rows meet, and of every size that there is.
fn any_level() -> impl Strategy<Value = Level> {
    let price = prop_oneof![1..8_i64, 0..=i64::MAX];
    let size = prop_oneof![0..3_i128, 0..=i128::MAX];
    (price, size).prop_map(|(price, size)| Level { price, size })
}

fn any_change() -> impl Strategy<Value = BookChange> {
    prop_oneof![
        Just(BookChange::Snapshot),
        maybe(1..5_u16).prop_map(|depth| BookChange::Delta { depth }),
        Just(BookChange::Replace),
        any_of(&ClearReason::ALL).prop_map(BookChange::Clear),
    ]
}

fn any_book_id() -> impl Strategy<Value = BookId> {
    (any_of(&["kraken", "okx"]), any_text()).prop_map(|(venue, symbol)| BookId {
        venue: PlainText::from(venue),
        symbol,
    })
}

fn any_notes() -> impl Strategy<Value = BookNotes> {
    let end = |open| prop_oneof![Just(open), 0..i64::MAX];
    let range = (end(i64::MIN), end(i64::MAX));
    let is_limited = |range: &(i64, i64)| *range != (i64::MIN, i64::MAX);
    let range = maybe(range.prop_filter("it has an end", is_limited));
    (any_text(), 1..=i64::MAX, range).prop_map(|(display, tick, known_range)| BookNotes {
        display,
        tick,
        known_range,
    })
}

fn any_book_event() -> impl Strategy<Value = BookEvent> {
    let rows = || proptest::collection::vec(any_level(), 0..6);
    let sequence = (
        any::<Option<i64>>(),
        any::<Option<i64>>(),
        any::<Option<i64>>(),
    );
    (
        (any_book_id(), any_scales(), any_change()),
        (rows(), rows(), maybe(any_notes())),
        sequence,
        (any::<Option<i64>>(), any::<Option<i64>>(), any::<u64>()),
    )
        .prop_map(
            |((book, scales, change), (bids, asks, notes), sequence, more)| {
                let (first, last, previous) = sequence;
                BookEvent {
                    book,
                    scales,
                    change,
                    bids,
                    asks,
                    sequence: Sequence {
                        first,
                        last,
                        previous,
                    },
                    exchange_ns: more.0,
                    checksum: more.1,
                    frame: more.2,
                    notes,
                }
            },
        )
}

fn any_trade() -> impl Strategy<Value = Trade> {
    (
        (any_book_id(), any_scales(), maybe(any_text())),
        any_level(),
        (
            maybe(any_of(&Aggressor::ALL)),
            maybe(any_of(&Aggressor::ALL)),
        ),
        (any::<Option<i64>>(), any::<bool>()),
    )
        .prop_map(|((book, scales, id), level, aggressor, more)| Trade {
            book,
            scales,
            id,
            price: level.price,
            size: level.size,
            aggressor: aggressor.0,
            side: aggressor.1,
            exchange_ns: more.0,
            is_late: more.1,
        })
}

fn any_feed() -> impl Strategy<Value = FeedHealth> {
    let counters = proptest::collection::vec(any::<u64>(), FeedCounters::NAMES.len());
    let counters = counters.prop_map(|values| {
        let mut counters = FeedCounters::default();
        for (name, value) in FeedCounters::NAMES.into_iter().zip(values) {
            *counters.named_mut(name).unwrap() = value;
        }
        counters
    });
    (
        (any_text(), any_of(&FeedWay::ALL), maybe(any_text())),
        any::<[u16; 6]>(),
        (maybe(any_moment()), maybe((any_moment(), any::<u16>()))),
        (counters, any_number(), any::<[u64; 5]>()),
    )
        .prop_map(|(named, numbers, moments, figures)| FeedHealth {
            venue: named.0,
            way: named.1,
            connections_up: numbers[0],
            connections_wanted: numbers[1],
            books: numbers[2],
            books_live: numbers[3],
            last_frame: moments.0,
            counters: figures.0,
            rate_hz: figures.1,
            waiting_to_send: numbers[4],
            attempts_left: numbers[5],
            limited: moments.1,
            notice: named.2,
            apply: Percentiles {
                count: 3,
                p50_ns: figures.2[0],
                p90_ns: figures.2[1],
                p99_ns: figures.2[2],
                max_ns: figures.2[3],
            },
            fresh_for_ns: figures.2[4],
        })
}

fn any_worker() -> impl Strategy<Value = Worker> {
    (
        (any::<Option<i64>>(), any_text(), any_text()),
        (any_of(&WorkerClass::ALL), any_of(&WorkerWait::ALL)),
        any::<[bool; 3]>(),
        any::<[Option<u64>; 4]>(),
        (maybe(any_text()), maybe(any_text()), maybe(any_text())),
    )
        .prop_map(|(named, words, flags, numbers, texts)| Worker {
            number: named.0,
            address: named.1,
            status: named.2,
            class: words.0,
            is_paused: flags[0],
            needs_operator: flags[1],
            done: numbers[0],
            due_in_s: numbers[1],
            wait: words.1,
            last_ok: texts.0,
            last_try: texts.1,
            last_ok_age_s: numbers[2],
            last_try_age_s: numbers[3],
            last_failure: texts.2,
            clock_jumped: flags[2],
        })
}

fn any_fleet() -> impl Strategy<Value = Fleet> {
    let totals = (
        any::<[Option<u64>; 5]>(),
        maybe(any_number()),
        any::<bool>(),
    );
    let totals = totals.prop_map(|(counts, percent, wrong)| FleetTotals {
        attempts: counts[0],
        succeeded: counts[1],
        failed: counts[2],
        limited: counts[3],
        success_percent: percent,
        is_percent_wrong: wrong,
        workers: counts[4],
    });
    let pace = (
        any_text(),
        maybe(any_moment()),
        any::<u64>(),
        maybe(any_number()),
    );
    let pace = pace.prop_map(|(event, last, count, interval_s)| EventPace {
        event,
        last,
        count,
        interval_s,
    });
    let probe = (any_moment(), maybe(any_text()), any::<bool>(), any::<u32>());
    let probe = probe.prop_map(|(at, failure, moved, failures)| Probe {
        at,
        outcome: failure.map_or(Ok(()), Err),
        moved,
        failures,
    });
    let mark = (any_moment(), any_text()).prop_map(|(at, text)| FleetMark { at, text });
    (
        (any_of(&FleetVerdict::ALL), any_moment(), any_text()),
        (
            any::<Option<bool>>(),
            any::<Option<u64>>(),
            any_of(&FiguresFrom::ALL),
        ),
        (maybe(totals), maybe(any_moment())),
        (
            maybe(proptest::collection::vec(any_worker(), 0..4)),
            maybe(any_moment()),
        ),
        (
            proptest::collection::vec(pace, 0..3),
            maybe(probe),
            proptest::collection::vec(mark, 0..3),
        ),
    )
        .prop_map(|(verdict, supervisor, totals, workers, more)| Fleet {
            verdict: verdict.0,
            verdict_since: verdict.1,
            evidence: verdict.2,
            is_supervising: supervisor.0,
            turn: supervisor.1,
            figures_from: supervisor.2,
            totals: totals.0,
            totals_at: totals.1,
            heartbeat: totals.1,
            workers: workers.0,
            workers_at: workers.1,
            pace: more.0,
            probe: more.1,
            marks: more.2,
        })
}

fn any_rows() -> impl Strategy<Value = Rows> {
    let cells = proptest::collection::vec((any_text(), any_value()), 0..4);
    let row = (any_text(), cells).prop_map(|(key, cells)| Row { key, cells });
    (
        any_text(),
        proptest::collection::vec(row, 0..4),
        any::<bool>(),
    )
        .prop_map(|(table, rows, is_whole)| Rows {
            table,
            rows,
            is_whole,
        })
}

pub fn any_payload() -> impl Strategy<Value = Payload> {
    prop_oneof![
        any_book_event().prop_map(|event| Payload::BookEvent(Arc::new(event))),
        any_trade().prop_map(|trade| Payload::Trade(Arc::new(trade))),
        any_feed().prop_map(|feed| Payload::Feed(Arc::new(feed))),
        any_fleet().prop_map(|fleet| Payload::Fleet(Arc::new(fleet))),
        any_rows().prop_map(|rows| Payload::Rows(Arc::new(rows))),
    ]
}

// What the tests below are made of.

const SCALES: Scales = Scales { price: 1, size: 8 };

pub fn id(symbol: &str) -> BookId {
    BookId {
        venue: "kraken".into(),
        symbol: symbol.into(),
    }
}

fn levels(rows: &[(i64, i128)]) -> Vec<Level> {
    let level = |&(price, size)| Level { price, size };
    rows.iter().map(level).collect()
}

pub fn event(change: BookChange, bids: &[(i64, i128)], asks: &[(i64, i128)]) -> BookEvent {
    BookEvent {
        book: id("BTC/USD"),
        scales: SCALES,
        change,
        bids: levels(bids),
        asks: levels(asks),
        sequence: Sequence::default(),
        exchange_ns: None,
        checksum: None,
        frame: 0,
        notes: None,
    }
}

pub fn book(change: BookChange, bids: &[(i64, i128)], asks: &[(i64, i128)]) -> Payload {
    Payload::BookEvent(Arc::new(event(change, bids, asks)))
}

pub fn trade(price: i64, size: i128) -> Payload {
    Payload::Trade(Arc::new(Trade {
        book: id("BTC/USD"),
        scales: SCALES,
        id: Some("7".into()),
        price,
        size,
        aggressor: Some(Aggressor::Sell),
        side: None,
        exchange_ns: Some(EPOCH_NS as i64 - 5),
        is_late: false,
    }))
}

pub fn feed(books_live: u16) -> Payload {
    Payload::Feed(Arc::new(FeedHealth {
        venue: "kraken".into(),
        way: FeedWay::Stream,
        connections_up: 1,
        connections_wanted: 1,
        books: 1,
        books_live,
        last_frame: Some(moment(0)),
        counters: FeedCounters::default(),
        rate_hz: 3.5,
        waiting_to_send: 0,
        attempts_left: 10,
        limited: None,
        notice: None,
        apply: Percentiles::default(),
        fresh_for_ns: 5,
    }))
}

pub fn fleet(verdict: FleetVerdict) -> Payload {
    Payload::Fleet(Arc::new(Fleet {
        verdict,
        verdict_since: moment(0),
        evidence: "statistics_update 2.1 s old".into(),
        is_supervising: Some(true),
        turn: Some(4),
        figures_from: FiguresFrom::Push,
        totals: None,
        totals_at: None,
        heartbeat: None,
        workers: None,
        workers_at: None,
        pace: vec![],
        probe: None,
        marks: vec![],
    }))
}

pub fn rows(is_whole: bool, rows: &[(&str, &[(&str, f64)])]) -> Payload {
    let cells = |cells: &[(&str, f64)]| {
        let cell = |&(column, value): &(&str, f64)| (column.into(), Value::Float(value));
        cells.iter().map(cell).collect()
    };
    Payload::Rows(Arc::new(Rows {
        table: "orders".into(),
        rows: rows
            .iter()
            .map(|(key, row)| Row {
                key: (*key).into(),
                cells: cells(row),
            })
            .collect(),
        is_whole,
    }))
}

pub fn one_of_each() -> Vec<Payload> {
    let mut snapshot = event(BookChange::Snapshot, &[(630_123, 88_746_103)], &[]);
    snapshot.exchange_ns = Some(EPOCH_NS as i64 - 5);
    vec![
        Payload::BookEvent(Arc::new(snapshot)),
        trade(630_123, 1),
        feed(1),
        fleet(FleetVerdict::Live),
        rows(true, &[("7", &[("price", 1.5)])]),
    ]
}

// What becomes of them.

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn books_fleets_and_tables_come_back_as_they_were(
        list in proptest::collection::vec(any_payload(), 0..12),
    ) {
        let dir = tempfile::tempdir().unwrap();
        let path = control::written(dir.path(), list.clone());
        prop_assert_eq!(payloads(&path, 0), list);
    }
}

#[test]
fn prices_and_sizes_are_texts_with_the_instruments_decimals() {
    let dir = tempfile::tempdir().unwrap();
    let rows = [(630_123, 88_746_103), (5, 0)];
    let said = book(BookChange::Delta { depth: Some(25) }, &rows, &[]);
    let path = control::written(dir.path(), [said]);
    let Entry::Message(message) = is_readable(&path).into_iter().nth(1).unwrap() else {
        panic!("a message behind the session");
    };
    assert_eq!(
        std::str::from_utf8(&message.data).unwrap(),
        r#"{"venue":"kraken","symbol":"BTC/USD","change":"delta","depth":25,"price_scale":1,"size_scale":8,"bids":[["63012.3","0.88746103"],["0.5","0.00000000"]],"asks":[],"frame":0}"#
    );
    assert_eq!(message.channel.metadata["symbol"], "BTC/USD");
    assert!(message.channel.topic.starts_with("/scope/book/BTC_USD-"));
}

#[test]
fn the_notes_of_a_book_are_texts_too_and_need_not_be_there() {
    let dir = tempfile::tempdir().unwrap();
    let mut said = event(BookChange::Snapshot, &[], &[]);
    said.notes = Some(BookNotes {
        display: "BTC/USD".into(),
        tick: 5,
        known_range: Some((630_000, i64::MAX)),
    });
    let path = control::written(dir.path(), [Payload::BookEvent(Arc::new(said))]);
    let Entry::Message(message) = is_readable(&path).into_iter().nth(1).unwrap() else {
        panic!("a message behind the session");
    };
    let json = std::str::from_utf8(&message.data).unwrap();
    let notes = r#","display":"BTC/USD","tick":"0.5","known_low":"63000.0"}"#;
    let older = json.strip_suffix(notes).unwrap().to_owned() + "}";
    // A file of before there were notes.
    let read = control::decoded("ttyscope.Book", &older).unwrap();
    let bare = book(BookChange::Snapshot, &[], &[]);
    assert_eq!(read.unwrap().payload, bare);
}

#[test]
fn each_book_and_table_has_a_topic_of_its_own() {
    let other = |symbol: &str| {
        let mut event = event(BookChange::Snapshot, &[], &[]);
        event.book = id(symbol);
        Payload::BookEvent(Arc::new(event))
    };
    let dir = tempfile::tempdir().unwrap();
    let said = [other("BTCUSDT"), other("ETHUSDT"), trade(1, 1), feed(1)];
    let path = control::written(dir.path(), said);
    let summary = recording::inspect(&path).unwrap();
    let topics: Vec<&str> = summary.channels.iter().map(|c| c.topic.as_str()).collect();
    assert_eq!(topics[..2], ["/scope/book/BTCUSDT", "/scope/book/ETHUSDT"]);
    assert_eq!(topics[2], "/scope/feed");
    assert!(
        topics[3].starts_with("/scope/trades/BTC_USD-"),
        "{topics:?}"
    );
}

/// Every name in `record` stands in `schema`, and everything that it requires is there.
fn conforms(record: &serde_json::Value, schema: &serde_json::Value, root: &serde_json::Value) {
    use serde_json::Value as Json;
    let schema = match schema["$ref"].as_str() {
        Some(to) => root.pointer(to.trim_start_matches('#')).unwrap(),
        None => schema,
    };
    match record {
        Json::Object(fields) => {
            for name in schema["required"].as_array().into_iter().flatten() {
                assert!(
                    fields.contains_key(name.as_str().unwrap()),
                    "{name} in {record}"
                );
            }
            for (name, value) in fields {
                match schema["properties"].get(name) {
                    Some(of_it) => conforms(value, of_it, root),
                    None => conforms(value, &schema["additionalProperties"], root),
                }
            }
        }
        Json::Array(items) => {
            let most = schema["maxItems"].as_u64().unwrap_or(u64::MAX);
            assert!(items.len() as u64 <= most, "{record}");
            for item in items {
                conforms(item, &schema["items"], root);
            }
        }
        plain => {
            let is = match plain {
                Json::Null => "null",
                Json::Bool(_) => "boolean",
                Json::Number(number) if number.is_f64() => "number",
                Json::Number(_) => "integer",
                _ => "string",
            };
            let types = &schema["type"];
            let fits = |kind: &Json| kind == is || (kind == "number" && is == "integer");
            let allowed = types
                .as_array()
                .map_or_else(|| fits(types), |all| all.iter().any(fits));
            assert!(allowed, "{record} is {is}, not {types}");
            if let Some(words) = schema["enum"].as_array() {
                assert!(words.contains(plain), "{record} is not one of {words:?}");
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn every_record_is_what_its_schema_in_the_file_says(
        list in proptest::collection::vec(any_payload(), 1..8),
    ) {
        let dir = tempfile::tempdir().unwrap();
        let path = control::written(dir.path(), list);
        let file = std::fs::read(&path).unwrap();
        for message in mcap::MessageStream::new(&file).unwrap() {
            let message = message.unwrap();
            let schema = message.channel.schema.as_ref().unwrap();
            let schema: serde_json::Value = serde_json::from_slice(&schema.data).unwrap();
            let record: serde_json::Value = serde_json::from_slice(&message.data).unwrap();
            conforms(&record, &schema, &schema);
        }
    }
}

#[test]
fn a_record_that_says_what_cannot_be_costs_only_itself() {
    const BOOK: &str = r#"{"venue":"kraken","symbol":"X","change":"delta","price_scale":1,
        "size_scale":2,"bids":[["1.5","2.25"]],"asks":[],"frame":1}"#;
    const TRADE: &str = r#"{"venue":"kraken","symbol":"X","id":null,"price_scale":1,
        "size_scale":2,"price":"1.5","size":"2.25","aggressor":"buy","exchange_ns":null,"late":false}"#;
    assert!(control::decoded("ttyscope.Book", BOOK).unwrap().is_some());
    assert!(control::decoded("ttyscope.Trade", TRADE).unwrap().is_some());
    let bad = [
        ("Book", BOOK, "\"delta\"", "\"guess\""),
        ("Book", BOOK, "\"delta\"", "\"clear\""),
        ("Book", BOOK, "\"1.5\"", "\"1.55\""),
        ("Book", BOOK, "\"1.5\"", "\"-1.5\""),
        ("Book", BOOK, "\"1.5\"", "1.5"),
        ("Book", BOOK, "\"1.5\"", "\"99999999999999999999\""),
        ("Book", BOOK, "[\"1.5\",\"2.25\"]", "[\"1.5\"]"),
        ("Trade", TRADE, "\"buy\"", "\"both\""),
        ("Trade", TRADE, "\"2.25\"", "\"\\u001b[2J\""),
    ];
    for (schema, json, from, to) in bad {
        let json = json.replacen(from, to, 1);
        let why = control::decoded(&format!("ttyscope.{schema}"), &json).unwrap_err();
        assert!(!why.contains('\u{1b}'), "{why}");
    }
}

// A file that begins later.

/// What the file at `path` holds of source 0, in order.
fn begun_with(rig: &Rig) -> Vec<Payload> {
    rig.start(RecordingLimits::default());
    let outcome = rig.stop();
    assert!(outcome.complete, "{outcome:?}");
    payloads(&outcome.path, 0)
}

#[test]
fn a_recording_begun_later_starts_with_the_whole_book() {
    let rig = Rig::new();
    rig.say(
        0,
        book(
            BookChange::Snapshot,
            &[(100, 1), (99, 2), (98, 3)],
            &[(101, 4)],
        ),
    );
    let depth = Some(3);
    rig.say(
        0,
        book(
            BookChange::Delta { depth },
            &[(97, 9), (99, 0), (100, 7)],
            &[(102, 5)],
        ),
    );
    let mut last = event(BookChange::Delta { depth }, &[(96, 1)], &[]);
    let notes = BookNotes {
        display: "XBT/USD".into(),
        tick: 5,
        known_range: None,
    };
    last.notes = Some(notes.clone());
    last.sequence.last = Some(42);
    last.sequence.previous = Some(41);
    last.checksum = Some(7);
    last.exchange_ns = Some(5);
    rig.say(0, Payload::BookEvent(Arc::new(last)));
    rig.say(0, feed(0));
    rig.say(0, feed(1));
    rig.say(0, fleet(FleetVerdict::Late));
    rig.say(0, fleet(FleetVerdict::Live));
    let mut whole = event(
        BookChange::Snapshot,
        &[(100, 7), (98, 3), (97, 9)],
        &[(101, 4), (102, 5)],
    );
    whole.sequence.last = Some(42);
    whole.exchange_ns = Some(5);
    whole.notes = Some(notes.clone());
    let held = [
        feed(1),
        Payload::BookEvent(Arc::new(whole)),
        fleet(FleetVerdict::Live),
    ];
    assert_eq!(begun_with(&rig), held);

    // A second file stands alone too, with what the first one took.
    rig.clock.advance(Duration::from_secs(1));
    rig.start(RecordingLimits::default());
    rig.say(0, book(BookChange::Delta { depth: None }, &[(100, 0)], &[]));
    assert!(rig.stop().complete);
    rig.clock.advance(Duration::from_secs(1));
    let second = begun_with(&rig);
    let mut now = event(
        BookChange::Snapshot,
        &[(98, 3), (97, 9)],
        &[(101, 4), (102, 5)],
    );
    now.notes = Some(notes);
    assert_eq!(second[1], Payload::BookEvent(Arc::new(now)));
    rig.quit();
}

#[test]
fn a_book_that_is_not_live_is_said_to_be_so() {
    let delta = BookChange::Delta { depth: None };
    let snapshot = || book(BookChange::Snapshot, &[(100, 1)], &[(101, 4)]);
    let clear = |reason| book(BookChange::Clear(reason), &[], &[]);
    let cases = [
        // Changes without a beginning.
        (
            vec![book(delta.clone(), &[(100, 1)], &[])],
            clear(ClearReason::Gap),
        ),
        (
            vec![
                snapshot(),
                clear(ClearReason::Checksum),
                book(delta.clone(), &[(100, 1)], &[]),
            ],
            clear(ClearReason::Checksum),
        ),
        (
            vec![snapshot(), clear(ClearReason::Closed), snapshot()],
            snapshot(),
        ),
    ];
    for (said, held) in cases {
        let rig = Rig::new();
        for payload in said {
            rig.say(0, payload);
        }
        assert_eq!(begun_with(&rig), [held]);
        rig.quit();
    }
}

#[test]
fn a_recording_begun_later_starts_with_the_rows_of_each_table() {
    let rig = Rig::new();
    rig.say(
        0,
        rows(false, &[("a", &[("x", 1.0)]), ("b", &[("x", 2.0)])]),
    );
    rig.say(0, rows(false, &[("a", &[("y", 3.0), ("x", 4.0)])]));
    let held = rows(
        true,
        &[("a", &[("x", 4.0), ("y", 3.0)]), ("b", &[("x", 2.0)])],
    );
    assert_eq!(begun_with(&rig), [held]);
    rig.clock.advance(Duration::from_secs(1));
    rig.say(0, rows(true, &[("c", &[]), ("b", &[("x", 5.0)])]));
    assert_eq!(
        begun_with(&rig),
        [rows(true, &[("c", &[]), ("b", &[("x", 5.0)])])]
    );
    rig.quit();
}

#[test]
fn inspect_counts_the_changes_of_each_book_and_when_it_was_not_to_be_trusted() {
    let delta = BookChange::Delta { depth: None };
    let clear = |reason| book(BookChange::Clear(reason), &[], &[]);
    let snapshot = || book(BookChange::Snapshot, &[(100, 1)], &[]);
    let said = [
        snapshot(),
        book(delta.clone(), &[(99, 1)], &[]),
        clear(ClearReason::Gap),
        // A millisecond apart: three until it is whole again.
        trade(100, 1),
        clear(ClearReason::Gap),
        snapshot(),
        book(delta, &[(99, 0)], &[]),
        clear(ClearReason::Closed),
        trade(100, 2),
    ];
    let dir = tempfile::tempdir().unwrap();
    let summary = recording::inspect(&control::written(dir.path(), said)).unwrap();
    let [book] = summary.books.as_slice() else {
        panic!("{:?}", summary.books);
    };
    assert_eq!(
        (book.venue.as_str(), book.symbol.as_str()),
        ("kraken", "BTC/USD")
    );
    assert_eq!(
        (book.snapshots, book.deltas, book.trades, book.replacements),
        (2, 2, 2, 0)
    );
    assert_eq!(
        book.clears,
        [("closed".to_owned(), 1), ("gap".to_owned(), 2)].into()
    );
    assert_eq!(book.untrusted_ns, 3_000_000 + 1_000_000);
    assert_eq!(book.untrusted_since_ns, Some(EPOCH_NS + 7_000_000));
    let text = summary.to_string();
    let line = "kraken BTC/USD  2 snapshots, 2 changes, 2 trades; not to be trusted after: \
                closed 1, gap 2; for 0.004 s, to the end";
    assert!(text.contains(line), "{text}");
}

#[test]
fn a_book_that_was_not_live_before_the_recording_is_no_gap_in_it() {
    let rig = Rig::new();
    rig.say(0, book(BookChange::Clear(ClearReason::Gap), &[], &[]));
    rig.start(RecordingLimits::default());
    let path = rig.stop().path;
    let summary = recording::inspect(&path).unwrap();
    assert!(summary.books[0].clears.is_empty(), "{summary}");
    assert!(summary.books[0].untrusted_since_ns.is_some(), "{summary}");
    rig.quit();
}
