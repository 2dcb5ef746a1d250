//! Any WebSocket that speaks JSON as a source: over real sockets, through the real pipeline.
#![allow(clippy::unwrap_used, clippy::panic)]

#[path = "support/running.rs"]
mod running;
#[path = "support/scripted.rs"]
#[allow(dead_code)]
mod scripted;

use std::time::Duration;

use bytes::Bytes;
use running::{PATIENCE, Running};
use scripted::{Server, Step, http, say};
use tokio::time::timeout;
use ttyscope::model::{
    Command, CommandId, CommandState, DropReason, EndReason, FaultKind, LaneKind, LinkState,
    Payload, Request, Rows, Value,
};
use ttyscope::protocol::rows::Picker;
use ttyscope::sources::json_feed::{self, JsonFeedOptions};
use ttyscope::sources::net::{Endpoint, Headers};

fn options(server: &Server) -> JsonFeedOptions {
    let mut options = JsonFeedOptions::new(Endpoint::plain("127.0.0.1", server.port));
    options.backoff.base = Duration::from_millis(1);
    options
}

fn start(options: JsonFeedOptions) -> Running {
    Running::start(|outlet, intake, stop| json_feed::run(options, outlet, intake, stop))
}

fn picker(rows: &str, key: &str) -> Picker {
    Picker::new(Some(rows), Some(key), None, false).unwrap()
}

fn keys(rows: &Rows) -> Vec<&str> {
    rows.rows.iter().map(|row| row.key.as_str()).collect()
}

#[tokio::test]
async fn messages_are_kept_and_their_rows_are_picked() {
    let feed = r#"{"data":[{"s":"A","p":1.5},{"s":"B","p":0.123456789012345678901}]}"#;
    let server = Server::start(vec![vec![
        Step::Upgrade,
        Step::Expect(r#"{"op":"subscribe"}"#),
        Step::Expect(r#"["more"]"#),
        say(r#"{"result":"ok"}"#),
        say(feed),
        Step::Send(Bytes::from_static(br#"{"data":[{"s":"C"}]}"#)),
        Step::Hold,
    ]])
    .await;
    let mut options = options(&server);
    options.target = "/feed?streams=a@b".to_owned();
    options.headers = Headers::from_pairs([("Authorization", "s3cret")]).unwrap();
    options.subscribe = vec![r#"{"op":"subscribe"}"#.to_owned(), r#"["more"]"#.to_owned()];
    options.picker = picker("$.data[*]", "s");
    assert!(!format!("{options:?}").contains("s3cret"));
    let running = start(options);

    assert_eq!(running.link().await, LinkState::Connecting { attempt: 1 });
    assert_eq!(running.link().await, LinkState::Connected);
    assert_eq!(running.link().await, LinkState::Live);
    let rows = running.rows().await;
    assert_eq!(
        (rows.table.as_str(), keys(&rows)),
        ("message", vec!["A", "B"])
    );
    assert_eq!(rows.rows[0].cells, [("p".into(), Value::Float(1.5))]);
    let exact = Value::from("0.123456789012345678901");
    assert_eq!(rows.rows[1].cells, [("p".into(), exact)]);
    // JSON in a binary message is JSON.
    assert_eq!(keys(&*running.rows().await), ["C"]);

    let requests = server.requests();
    assert!(
        requests[0].starts_with("GET /feed?streams=a@b HTTP/1.1\r\n"),
        "{requests:?}"
    );
    assert!(
        requests[0].contains("authorization: s3cret"),
        "{requests:?}"
    );
    let book = running.end().await;
    let samples = &book.lanes[LaneKind::Samples as usize];
    assert_eq!((samples.received, samples.dropped_total()), (5, 0));
    assert_eq!((book.residue(), book.total().in_flight), (0, 0));
    timeout(PATIENCE, server.finished()).await.unwrap();
}

#[tokio::test]
async fn what_is_not_json_is_counted_and_the_rest_goes_on() {
    let bad = [
        "hello",
        "",
        r#"{"data":[{"s":"A"#,
        r#"{"s":NaN}"#,
        "\u{1b}[2J",
    ];
    let mut steps = vec![Step::Upgrade];
    steps.extend(bad.map(say));
    steps.push(Step::Send(Bytes::from_static(b"\xff\xfe\x00")));
    steps.push(say(r#"[{"id":"x","p":1}]"#));
    steps.push(Step::Hold);
    let server = Server::start(vec![steps]).await;
    let running = start(options(&server));
    let fault = running.fault().await;
    assert_eq!(fault.kind, FaultKind::Malformed);
    assert_eq!(fault.sample, "hello");
    assert!(
        fault.text.contains("a text message of 5 bytes is not JSON"),
        "{fault:?}"
    );
    assert_eq!(keys(&*running.rows().await), ["x"]);
    let book = running.end().await;
    let samples = &book.lanes[LaneKind::Samples as usize];
    assert_eq!(samples.dropped[DropReason::Malformed as usize], 6);
    assert_eq!(book.residue(), 0);
}

#[tokio::test]
async fn a_connection_that_breaks_is_made_anew_and_subscribed_again() {
    let row = |id: &str| say(&format!(r#"{{"id":"{id}","p":1}}"#));
    let begin = |id: &str| vec![Step::Upgrade, Step::Expect(r#"{"op":1}"#), row(id)];
    let script = |id: &str, end: Step| {
        let mut steps = begin(id);
        steps.push(end);
        steps
    };
    let server = Server::start(vec![
        script("closed", Step::Close(1001)),
        // The head of a text frame of 100 bytes, and three of them.
        script("cut", Step::Raw(b"\x81\x64abc")),
        // A masked frame, which no server sends.
        script("masked", Step::Raw(b"\x81\x85\x00\x00\x00\x00hello")),
        // A text frame whose text is no UTF-8.
        script("bytes", Step::Raw(b"\x81\x02\xff\xfe")),
        // The head of a frame of 2^40 bytes.
        script(
            "huge",
            Step::Raw(b"\x81\x7f\x00\x00\x01\x00\x00\x00\x00\x00"),
        ),
        script("large", Step::Say("x".repeat(2_000))),
        vec![http("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")],
        vec![http(
            "HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n",
        )],
        vec![http("nonsense\r\n\r\n")],
        script("last", Step::Hold),
    ])
    .await;
    let mut options = options(&server);
    options.subscribe = vec![r#"{"op":1}"#.to_owned()];
    options.target = "/feed?token=s3cret".to_owned();
    options.limits.message_bytes = 1_000;
    let running = start(options);
    // States overtake rows on the way to the screen: each kind is looked at on its own.
    let (mut seen, mut ends) = (Vec::new(), Vec::new());
    while seen.last().map(String::as_str) != Some("last") {
        match running.next().await {
            Payload::Rows(rows) => seen.extend(keys(&rows).into_iter().map(str::to_owned)),
            Payload::Link(LinkState::Down {
                reason,
                detail,
                retry_in,
            }) => {
                assert!(retry_in.is_some() && !detail.contains("s3cret"), "{detail}");
                ends.push((reason, detail));
            }
            _ => {}
        }
    }
    assert_eq!(
        seen,
        ["closed", "cut", "masked", "bytes", "huge", "large", "last"]
    );
    use EndReason::{HandshakeFailed, TransportClose, TransportError};
    let expected = [
        (TransportClose, "code 1001 going away"),
        (TransportClose, "closed the connection"),
        (TransportError, "broke the rules of WebSocket"),
        (TransportError, "not UTF-8"),
        (TransportError, "more than the 1000 that are read"),
        (TransportError, "a message of 2000 bytes"),
        (HandshakeFailed, "at /feed with 404"),
        (HandshakeFailed, "such as Authorization?"),
        (HandshakeFailed, "127.0.0.1"),
    ];
    assert_eq!(ends.len(), expected.len(), "{ends:?}");
    for ((reason, detail), (wanted, words)) in ends.iter().zip(expected) {
        assert_eq!(*reason, wanted, "{detail}");
        assert!(
            detail.contains(words) && detail.starts_with("127.0.0.1:"),
            "{detail}"
        );
    }
    let book = running.end().await;
    assert_eq!((book.residue(), book.total().in_flight), (0, 0));
    timeout(PATIENCE, server.finished()).await.unwrap();
}

#[tokio::test]
async fn a_silent_server_is_stale_and_live_again_when_it_speaks() {
    let server = Server::start(vec![vec![
        Step::Upgrade,
        say("[]"),
        Step::Hear,
        say("[]"),
        Step::Hold,
    ]])
    .await;
    let mut options = options(&server);
    options.silence = Duration::from_millis(100);
    options.ping = Some(Duration::from_millis(200));
    let running = start(options);
    let states = async |count: usize| {
        let mut words = Vec::new();
        while words.len() < count {
            words.push(running.link().await);
        }
        words
    };
    let told = states(5).await;
    let words: Vec<&str> = told.iter().map(LinkState::word).collect();
    // The ping comes while it is stale, and is what the server waits for.
    assert_eq!(words, ["connecting", "connected", "live", "stale", "live"]);
    let LinkState::Stale { missing } = &told[3] else {
        panic!("not stale: {told:?}");
    };
    assert_eq!(missing.as_str(), "no message for 0.1 s, the link stands");
    running.end().await;
}

#[tokio::test]
async fn a_server_that_answers_no_ping_is_taken_for_gone() {
    let server = Server::start(vec![vec![Step::Upgrade, Step::Freeze]]).await;
    let mut options = options(&server);
    options.ping = Some(Duration::from_millis(50));
    let running = start(options);
    let down = running
        .until(|payload| match payload {
            Payload::Link(LinkState::Down { reason, detail, .. }) => Some((reason, detail)),
            _ => None,
        })
        .await;
    assert_eq!(down.0, EndReason::PingTimeout);
    assert!(down.1.contains("nothing was heard for 0.1 s"), "{}", down.1);
    running.end().await;
}

#[tokio::test]
async fn nothing_can_be_asked_of_it_connected_or_not() {
    let server = Server::start(vec![vec![Step::Upgrade, say("[]"), Step::Hold]]).await;
    let mut gone = options(&server);
    gone.endpoint = Endpoint::plain("127.0.0.1", 1);
    gone.backoff.base = Duration::from_secs(3_600);
    gone.backoff.cap = Duration::from_secs(3_600);
    for (options, state) in [(options(&server), "live"), (gone, "down")] {
        let running = start(options);
        while running.link().await.word() != state {}
        let request = Request {
            id: CommandId(1),
            command: Command::StartLiveView { protocol: None },
            operator: "test".into(),
            stop_number: 0,
        };
        running.requests.send(request).await.unwrap();
        let report = running
            .until(|payload| match payload {
                Payload::Command(report) => Some(report),
                _ => None,
            })
            .await;
        assert_eq!(report.state, CommandState::Refused);
        let why = report.detail.as_ref().map(ToString::to_string);
        assert!(why.is_some_and(|why| why.contains("nothing to ask")));
        running.end().await;
    }
}
