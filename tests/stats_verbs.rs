//! `ttyscope stats` and `ttyscope book`: what the screens show, as data, and runs that always end.
#![allow(clippy::unwrap_used, clippy::panic)]

mod support;

use std::io::Read;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;

use rustix::process::Signal;
use serde_json::Value;
use support::headless::{Ended, Headless, command, run};
use ttyscope::model::{
    BookChange, BookEvent, BookId, ClearReason, Level, LinkState, Origin, Payload, Reading, Row,
    Rows, Sample, Scales, Sequence, SourceId, SourceInfo, Stamp, Trade, Value as Reported,
};
use ttyscope::recording::{Account, RecordingWriter, Session};

const EPOCH_NS: u64 = 1_795_183_402_000_000_000;

fn event(change: BookChange, bids: &[(i64, i128)], asks: &[(i64, i128)]) -> Payload {
    let level = |&(price, size): &(i64, i128)| Level { price, size };
    Payload::BookEvent(Arc::new(BookEvent {
        book: book_id(),
        scales: Scales { price: 1, size: 2 },
        change,
        bids: bids.iter().map(level).collect(),
        asks: asks.iter().map(level).collect(),
        sequence: Sequence::default(),
        exchange_ns: None,
        checksum: None,
        frame: 1,
        notes: None,
    }))
}

fn book_id() -> BookId {
    BookId {
        venue: "kraken".into(),
        symbol: "A,\"B\"".into(),
    }
}

/// The book of the specification's worked example.
fn snapshot() -> Payload {
    event(
        BookChange::Snapshot,
        &[(1000, 200), (995, 100), (990, 400), (980, 1000)],
        &[(1005, 100), (1010, 300), (1020, 500)],
    )
}

fn trade() -> Payload {
    Payload::Trade(Arc::new(Trade {
        book: book_id(),
        scales: Scales { price: 1, size: 2 },
        id: None,
        price: 1005,
        size: 7,
        aggressor: None,
        side: None,
        exchange_ns: Some(5),
        is_late: false,
    }))
}

/// A recording of what is said, a millisecond apart, by one source.
fn recorded(dir: &Path, said: &[Payload]) -> PathBuf {
    let source = SourceInfo {
        id: SourceId(0),
        name: "market".into(),
        address: "kraken:A/B".into(),
        origin: Origin::Live,
        caution: None,
    };
    let path = dir.join("said.mcap");
    let session = Session::new(&[source], EPOCH_NS);
    let file = std::fs::File::create(&path).unwrap();
    let mut writer = RecordingWriter::new(file, &session).unwrap();
    for (payload, n) in said.iter().zip(1_u64..) {
        let sample = Sample {
            source: SourceId(0),
            received: Stamp {
                mono_ns: n,
                unix_ns: EPOCH_NS + n * 1_000_000,
            },
            payload: payload.clone(),
        };
        writer.stage(&sample, None);
        writer.commit().unwrap();
    }
    writer.finish(&Account::default()).unwrap();
    path
}

/// What the verb says of a recording.
fn said_of(verb: &str, said: &[Payload], more: &[&str]) -> Ended {
    let dir = tempfile::tempdir().unwrap();
    let path = recorded(dir.path(), said);
    let args = [&[verb, path.to_str().unwrap(), "--for", "60s"], more].concat();
    run(&args, dir.path())
}

fn objects(ended: &Ended, table: &str) -> Vec<Value> {
    let lines = ended.stdout.iter();
    let objects = lines.map(|line| serde_json::from_str::<Value>(line).unwrap());
    objects.filter(|object| object["table"] == table).collect()
}

#[test]
fn figures_of_a_book_are_exact_where_they_can_be() {
    let ended = said_of("stats", &[snapshot(), trade()], &["--format", "json"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let [book] = objects(&ended, "books").try_into().unwrap();
    for (name, wanted) in [
        ("source", "market"),
        ("origin", "replay"),
        ("venue", "kraken"),
        ("symbol", "A,\"B\""),
        ("light", "fresh"),
        ("state", "live"),
        ("best_bid", "100.0"),
        ("best_bid_size", "2.00"),
        ("best_ask", "100.5"),
        ("last_price", "100.5"),
        ("last_size", "0.07"),
    ] {
        assert_eq!(book[name], wanted, "{name}");
    }
    assert_eq!(book["mid"], 100.25);
    assert_eq!(book["bid_value_100bps"], 299.5);
    assert_eq!(book["snapshots_applied"], 1);
    assert_eq!(book["trades"], 1);
    assert!(book["lob20_total_bid_volume"].is_number(), "{book}");
    assert_eq!(objects(&ended, "sources")[0]["link"], "ended");
}

#[test]
fn levels_add_up_exactly() {
    let ended = said_of("book", &[snapshot()], &["--depth", "2", "--format", "csv"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(
        ended.stdout[0],
        "table,source,origin,venue,symbol,light,state,at_ns,side,level,price,size,\
         cumulative_size,value,cumulative_value"
    );
    let start = "book,market,replay,kraken,\"A,\"\"B\"\"\",fresh,live,";
    let rows: Vec<&str> = ended.stdout[1..]
        .iter()
        .map(|line| line.strip_prefix(start).unwrap().split_once(',').unwrap().1)
        .collect();
    assert_eq!(
        rows,
        [
            "bid,1,100.0,2.00,2.00,200.000,200.000",
            "bid,2,99.5,1.00,3.00,99.500,299.500",
            "ask,1,100.5,1.00,1.00,100.500,100.500",
            "ask,2,101.0,3.00,4.00,303.000,403.500",
        ]
    );
}

#[test]
fn readings_and_rows_are_tables_too() {
    let cells = vec![("price".into(), Reported::Float(1.5))];
    let rows = Payload::Rows(Arc::new(Rows {
        table: "orders".into(),
        rows: vec![Row {
            key: "\u{1b}7".into(),
            cells,
        }],
        is_whole: true,
    }));
    let reading = Payload::Readings(vec![Reading::new("stage/X", 2_i64, "um")]);
    let ended = said_of("stats", &[rows, reading], &["--format", "csv"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let text = ended.stdout.join("\n");
    assert!(
        text.contains("\nrows,market,replay,orders,␛7,price,1.5,"),
        "{text}"
    );
    assert!(
        text.contains("\nreadings,market,replay,stage/X,2,um,"),
        "{text}"
    );
    assert!(!text.contains('\u{1b}'));
}

#[test]
fn what_is_missing_is_said_and_ends_with_3() {
    let gap = event(BookChange::Clear(ClearReason::Gap), &[], &[]);
    let link = Payload::Link(LinkState::Live);
    let cases: [(&str, &[Payload], &str); 4] = [
        (
            "stats",
            std::slice::from_ref(&link),
            "market: nothing came; it is ended",
        ),
        (
            "book",
            std::slice::from_ref(&link),
            "market: no order book came; it is ended",
        ),
        (
            "stats",
            &[snapshot(), gap.clone()],
            "is not live: desync: gap",
        ),
        ("book", &[snapshot(), gap, snapshot()], "A,\"B\" had 1 gap"),
    ];
    for (verb, said, sentence) in cases {
        let ended = said_of(verb, said, &[]);
        assert_eq!(ended.code, Some(3), "{ended:?}");
        let mut lines = ended.stderr.lines();
        assert!(lines.any(|line| line.ends_with(sentence)), "{ended:?}");
    }
}

#[test]
fn a_source_that_never_answers_is_left_after_the_time() {
    let dir = tempfile::tempdir().unwrap();
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("imswitch://{}", silent.local_addr().unwrap());
    let ended = run(&["stats", &url, "--for", "300ms"], dir.path());
    assert_eq!(ended.code, Some(3), "{ended:?}");
    assert!(ended.stderr.contains("imswitch: nothing came"), "{ended:?}");
}

#[test]
fn a_signal_ends_it_with_what_there_is() {
    for signal in [Signal::INT, Signal::TERM] {
        let dir = tempfile::tempdir().unwrap();
        let silent = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("imswitch://{}", silent.local_addr().unwrap());
        let running = Headless::start(
            &["stats", &url, "--for", "24h", "--format", "json"],
            dir.path(),
        );
        // It listens to signals before it connects.
        silent.accept().unwrap();
        running.signal(signal);
        let ended = running.wait();
        assert_eq!(ended.code, Some(3), "{ended:?}");
        assert_eq!(objects(&ended, "sources").len(), 1);
    }
}

#[test]
fn a_reader_that_has_gone_ends_it_quietly() {
    let dir = tempfile::tempdir().unwrap();
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("imswitch://{}", silent.local_addr().unwrap());
    let mut child = command(&["stats", &url, "--for", "24h"], dir.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let mut stderr = String::new();
    child
        .stderr
        .take()
        .unwrap()
        .read_to_string(&mut stderr)
        .unwrap();
    assert_eq!(
        (child.wait().unwrap().code(), stderr.as_str()),
        (Some(0), "")
    );
}
