//! Any Socket.IO server as a source, through the real pipeline.
#![allow(clippy::unwrap_used, clippy::panic)]

#[path = "support/scripted.rs"]
#[allow(dead_code)]
mod scripted;

#[path = "support/running.rs"]
mod running;

use std::time::Duration;

use bytes::Bytes;
use running::{PATIENCE, Running, SOURCE};
use scripted::{Server, Step, accepted, say};
use tokio::time::timeout;
use ttyscope::model::{
    Command, CommandId, CommandState, DropReason, EndReason, Fate, LaneKind, LinkState, Payload,
    Request, Value,
};
use ttyscope::protocol::rows::EventPickers;
use ttyscope::sources::net::Endpoint;
use ttyscope::sources::socketio::{ClientOptions, source};

fn start(options: ClientOptions) -> Running {
    Running::start(|outlet, intake, stop| source::run(options, outlet, intake, stop))
}

#[tokio::test]
async fn events_become_messages_and_pictures() {
    let picture = |n: u8| Bytes::from(vec![0xff, 0xd8, n]);
    let mut steps = accepted();
    for (seq, n) in [(7, 1), (8, 2), (12, 3)] {
        steps.push(say(&format!(
            r#"451-{n}["frame",{{"seq":{seq}}},{{"_placeholder":true,"num":0}}]"#
        )));
        steps.push(Step::Send(picture(n)));
    }
    // Answered in their order, each after the pipeline took it.
    steps.extend([
        Step::Expect("431[]"),
        Step::Expect("432[]"),
        Step::Expect("433[]"),
    ]);
    steps.push(say(r#"451-["blob",{"_placeholder":true,"num":0}]"#));
    steps.push(Step::Send(Bytes::from_static(b"not a picture")));
    steps.push(say(r#"42["no\u001b[2Jte",NaN]"#));
    steps.push(say(r#"42["st\u001b[2Jatus",{"a":1}]"#));
    steps.extend([Step::Expect("41"), Step::Expect("1"), Step::Hold]);
    let server = Server::start(vec![steps]).await;
    let running = start(ClientOptions::new(Endpoint::plain(
        "127.0.0.1",
        server.port,
    )));

    let message = |payload| match payload {
        Payload::Message(message) => Some(message),
        _ => None,
    };
    let blob = running.until(message).await;
    assert_eq!(blob.name.as_str(), "blob");
    assert_eq!(blob.attachments, [Bytes::from_static(b"not a picture")]);
    let status = running.until(message).await;
    assert_eq!(status.name.as_str(), "st\u{241b}[2Jatus");
    assert_eq!(status.json, r#"["st\u001b[2Jatus",{"a":1}]"#);

    // The newest picture took the place of the others.
    let delivery = running.screen.take_frame(Duration::ZERO).unwrap();
    let Payload::Frame(frame) = &delivery.sample.payload else {
        panic!("no frame in the lane of frames");
    };
    assert_eq!((frame.detector.as_str(), frame.number), ("frame", Some(12)));
    assert_eq!((&frame.body, frame.lost_before), (&picture(3), 3));
    delivery.ticket.settle(Fate::Shown);

    running.stop.cancel();
    timeout(PATIENCE, running.task).await.unwrap().unwrap();
    timeout(PATIENCE, server.finished()).await.unwrap();
    while let Some(delivery) = running.screen.try_take() {
        delivery.ticket.settle(Fate::Shown);
    }
    let book = running.pipeline.ledger().snapshot().source(SOURCE);
    assert_eq!((book.residue(), book.total().in_flight), (0, 0));
    let frames = &book.lanes[LaneKind::Frames as usize];
    assert_eq!((frames.received, frames.shown, frames.coalesced), (3, 1, 2));
    let samples = &book.lanes[LaneKind::Samples as usize];
    // Three messages, and the row of the one that holds an object.
    assert_eq!(samples.received, 4);
    assert_eq!(samples.dropped[DropReason::Malformed as usize], 1);
}

#[tokio::test]
async fn every_connection_is_greeted_and_a_refused_greeting_is_told() {
    let session = || {
        let mut steps = accepted();
        steps.push(Step::Expect(r#"42["start",{"fps":30}]"#));
        steps.push(Step::Expect(r#"42["more"]"#));
        steps
    };
    let mut second = session();
    second.extend([Step::Expect("41"), Step::Expect("1"), Step::Hold]);
    let server = Server::start(vec![session(), second]).await;
    let mut options = ClientOptions::new(Endpoint::plain("127.0.0.1", server.port));
    options.greetings = vec![
        r#"["start",{"fps":30}]"#.to_owned(),
        r#"["connect","s3cret"]"#.to_owned(),
        r#"["more"]"#.to_owned(),
    ];
    options.backoff.base = Duration::from_millis(1);
    let running = start(options);
    let told = running
        .until(|payload| match payload {
            Payload::Fault(fault) => Some(fault.text.to_string()),
            _ => None,
        })
        .await;
    assert!(told.contains("greeting 2 of 3 for /"), "{told}");
    assert!(!told.contains("s3cret"), "{told}");
    // The connection made anew is greeted again.
    running
        .until(|payload| (payload == Payload::Link(LinkState::Connected)).then_some(()))
        .await;
    running.stop.cancel();
    timeout(PATIENCE, running.task).await.unwrap().unwrap();
    timeout(PATIENCE, server.finished()).await.unwrap();
}

#[tokio::test]
async fn the_link_is_told_step_by_step() {
    let mut steps = accepted();
    steps.push(say(r#"42["hello"]"#));
    steps.push(say("41"));
    let server = Server::start(vec![steps]).await;
    let running = start(ClientOptions::new(Endpoint::plain(
        "127.0.0.1",
        server.port,
    )));
    let link = |payload| match payload {
        Payload::Link(state) => Some(state),
        _ => None,
    };
    assert_eq!(
        running.until(link).await,
        LinkState::Connecting { attempt: 1 }
    );
    assert_eq!(running.until(link).await, LinkState::Connected);
    assert_eq!(running.until(link).await, LinkState::Live);
    let LinkState::Down {
        reason, retry_in, ..
    } = running.until(link).await
    else {
        panic!("the link should be down");
    };
    assert_eq!((reason, retry_in), (EndReason::ServerDisconnect, None));

    let request = Request {
        id: CommandId(1),
        command: Command::StartLiveView { protocol: None },
        operator: "test".into(),
        stop_number: 0,
    };
    running.requests.send(request).await.unwrap();
    let answer = running
        .until(|payload| match payload {
            Payload::Command(report) => Some(report),
            _ => None,
        })
        .await;
    assert_eq!(answer.state, CommandState::Refused);
    let why = answer.detail.as_ref().map(|why| why.to_string());
    assert!(why.is_some_and(|why| why.contains("nothing to ask")));
    running.stop.cancel();
    assert_eq!(running.until(link).await, LinkState::Ended);
    timeout(PATIENCE, running.task).await.unwrap().unwrap();
}

#[tokio::test]
async fn wanted_events_become_rows_and_others_are_counted_apart() {
    let mut steps = accepted();
    steps.push(say(r#"421["noise",{"x":1}]"#));
    // Nobody listens to it, and the server is answered all the same.
    steps.push(Step::Expect("431[]"));
    for text in [
        r#"42["noise",5]"#,
        r#"42["workers",{"w1":{"load":0.5,"jobs":{"done":7}},"w2":{"load":1}}]"#,
        r#"42["tick",{"data":[{"s":"A","p":"1.50"},{"p":2}]}]"#,
        r#"42["tick",{"data":[]}]"#,
        r#"42["note","words alone"]"#,
    ] {
        steps.push(say(text));
    }
    steps.extend([Step::Expect("41"), Step::Expect("1"), Step::Hold]);
    let server = Server::start(vec![steps]).await;
    let mut options = ClientOptions::new(Endpoint::plain("127.0.0.1", server.port));
    let texts = |list: &[&str]| -> Vec<String> { list.iter().map(ToString::to_string).collect() };
    *options.events = EventPickers::parse(
        &texts(&["workers,tick", "note"]),
        &texts(&["tick:$.data[*]"]),
        &texts(&["tick:s"]),
        &texts(&["workers"]),
    )
    .unwrap();
    let running = start(options);

    // Faults overtake rows on the way to the screen: each kind is looked at on its own.
    let (mut tables, mut faults) = (Vec::new(), Vec::new());
    let unwanted = running
        .until(|payload| {
            match payload {
                Payload::Readings(readings) => return Some(readings),
                Payload::Rows(rows) => tables.push(rows),
                Payload::Fault(fault) => faults.push(fault.text.to_string()),
                _ => {}
            }
            None
        })
        .await;
    assert_eq!(unwanted[0].name.as_str(), "events/not wanted");
    assert_eq!(unwanted[0].value, Value::Int(2));
    assert_eq!(faults.len(), 1, "{faults:?}");
    assert!(
        faults[0].contains("tick: 1 rows are not in the table"),
        "{faults:?}"
    );

    let [workers, tick] = tables.as_slice() else {
        panic!("two tables: {tables:?}");
    };
    assert_eq!(
        (workers.table.as_str(), workers.is_whole),
        ("workers", true)
    );
    let keys: Vec<&str> = workers.rows.iter().map(|row| row.key.as_str()).collect();
    assert_eq!(keys, ["w1", "w2"]);
    assert_eq!(
        workers.rows[0].cells[1],
        ("jobs.done".into(), Value::Int(7))
    );
    assert_eq!((tick.table.as_str(), tick.is_whole), ("tick", false));
    assert_eq!(tick.rows.len(), 1);
    assert_eq!(tick.rows[0].cells, [("p".into(), "1.50".into())]);

    let book = running.end().await;
    timeout(PATIENCE, server.finished()).await.unwrap();
    let samples = &book.lanes[LaneKind::Samples as usize];
    // Four messages, the rows of two, one reading; nothing is lost.
    assert_eq!((samples.received, samples.dropped_total()), (7, 0));
    assert_eq!((book.residue(), book.total().in_flight), (0, 0));
}
