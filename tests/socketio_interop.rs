//! The client against the servers people run: python-socketio, Flask-SocketIO and Node's
//! socket.io. `tests/interop/socketio.sh` installs them and runs this; alone it skips.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use sha2::{Digest, Sha256};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use ttyscope::control::{Intake, StopBoard, StopReporter};
use ttyscope::model::{Clock, EndReason, Fate, FleetVerdict, Payload, SourceId};
use ttyscope::pipeline::{Pipeline, ScreenLanes};
use ttyscope::protocol::engineio::Revision;
use ttyscope::protocol::fleet::Timing;
use ttyscope::sources::fleet::{self, FleetOptions};
use ttyscope::sources::net::Endpoint;
use ttyscope::sources::reconnect::Backoff;
use ttyscope::sources::socketio::{
    Client, ClientEvent, ClientEvents, ClientHandle, ClientOptions, Namespace, ReceivedEvent,
    TransportChoice,
};

const PATIENCE: Duration = Duration::from_secs(60);

/// The makers, as the specification marks them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Maker {
    /// python-socketio under uvicorn.
    P,
    /// Flask-SocketIO with threads.
    F,
    /// Node's socket.io.
    N,
}

use Maker::{F, N, P};

/// A server in a process of its own, ended with this value.
struct Peer {
    child: Child,
    port: u16,
}

impl Peer {
    /// Starts one on a free port; `None`, after saying so, where they are not installed.
    fn start(maker: Maker, args: &[&str]) -> Option<Self> {
        let port = {
            let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
            listener.local_addr().unwrap().port()
        };
        Self::start_at(maker, port, args)
    }

    fn start_at(maker: Maker, port: u16, args: &[&str]) -> Option<Self> {
        let (Ok(peers), Ok(python), Ok(modules)) = (
            std::env::var("TTYSCOPE_INTEROP_PEERS"),
            std::env::var("TTYSCOPE_INTEROP_PYTHON"),
            std::env::var("TTYSCOPE_INTEROP_MODULES"),
        ) else {
            eprintln!("skipped: no foreign servers (run tests/interop/socketio.sh)");
            return None;
        };
        let mut command = match maker {
            P => Command::new(&python),
            F => Command::new(&python),
            N => Command::new("node"),
        };
        match maker {
            P => command.arg(format!("{peers}/frame_server.py")),
            F => command.arg(format!("{peers}/stats_server.py")),
            N => command
                .arg(format!("{peers}/node_server.mjs"))
                .args(["--modules", &modules]),
        };
        let child = command
            .args(["--port", &port.to_string()])
            .args(args)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Some(Self { child, port })
    }

    /// Sends the process a signal by name.
    fn signal(&self, name: &str) {
        let status = Command::new("kill")
            .args([format!("-{name}"), self.child.id().to_string()])
            .status()
            .unwrap();
        assert!(status.success());
    }

    fn wait(&mut self) {
        self.child.wait().unwrap();
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn options(port: u16) -> ClientOptions {
    let mut options = ClientOptions::new(Endpoint::plain("127.0.0.1", port));
    // A server takes a second to start; the client finds out by itself when it is there.
    options.backoff = Backoff {
        base: Duration::from_millis(50),
        cap: Duration::from_millis(100),
        ..Backoff::default()
    };
    options
}

async fn next(events: &mut ClientEvents) -> ClientEvent {
    timeout(PATIENCE, events.recv())
        .await
        .expect("the client says nothing")
        .expect("the client has ended")
}

async fn until<T>(
    events: &mut ClientEvents,
    mut wanted: impl FnMut(ClientEvent) -> Option<T>,
) -> T {
    loop {
        let event = next(events).await;
        if let ClientEvent::Overrun { name, count } = &event {
            panic!("{count} of {name} were dropped");
        }
        if let Some(found) = wanted(event) {
            return found;
        }
    }
}

async fn connected(events: &mut ClientEvents, namespace: &str) -> (String, bool) {
    until(events, |event| match event {
        ClientEvent::Connected {
            namespace: found,
            sid,
            recovered,
        } if found == namespace => Some((sid, recovered)),
        _ => None,
    })
    .await
}

/// The next end of a connection that had been made (a server that is just starting refuses).
async fn down(events: &mut ClientEvents) -> (EndReason, String, Option<Duration>) {
    until(events, |event| match event {
        ClientEvent::Down {
            reason,
            detail,
            retry_in,
        } if !detail.contains("refused the connection") => Some((reason, detail, retry_in)),
        _ => None,
    })
    .await
}

async fn received(events: &mut ClientEvents, name: &str) -> ReceivedEvent {
    until(events, |event| match event {
        ClientEvent::Event(event) if event.name == name => Some(event),
        _ => None,
    })
    .await
}

async fn start(options: ClientOptions) -> (ClientHandle, ClientEvents) {
    let (handle, mut events) = Client::start(options, Clock::system());
    connected(&mut events, "/").await;
    (handle, events)
}

fn text(event: &ReceivedEvent) -> &str {
    std::str::from_utf8(&event.array).unwrap()
}

fn seq(event: &ReceivedEvent) -> u64 {
    let (_, rest) = text(event).split_once("\"seq\":").unwrap();
    let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().unwrap()
}

/// Asks for frames and takes them all; each must be there once, in order and whole.
async fn take_frames(
    handle: &ClientHandle,
    events: &mut ClientEvents,
    spec: &str,
    frames: u64,
    size: usize,
) {
    let order = format!(r#"["start",{spec}]"#);
    handle.emit("/", order, vec![]).await.unwrap();
    let mut first: Option<Vec<Bytes>> = None;
    for expected in 0..frames {
        let frame = received(events, "frame").await;
        assert_eq!(seq(&frame), expected);
        assert_eq!(
            frame.attachments.iter().map(Bytes::len).sum::<usize>(),
            size
        );
        if let Some(id) = frame.ack_id {
            handle.ack("/", id, "[]".to_owned()).await.unwrap();
        }
        match &first {
            None => first = Some(frame.attachments),
            // All frames of a run are the same.
            Some(first) => assert!(*first == frame.attachments, "frame {expected} differs"),
        }
    }
    let done = received(events, "done").await;
    let mut hash = Sha256::new();
    for part in first.unwrap() {
        hash.update(&part);
    }
    let digest: String = hash.finalize().iter().map(|b| format!("{b:02x}")).collect();
    assert!(text(&done).contains(&digest), "{}", text(&done));
}

#[tokio::test]
async fn a_thousand_large_frames_arrive_whole_and_in_order() {
    for maker in [P, N] {
        let Some(peer) = Peer::start(maker, &[]) else {
            return;
        };
        let mut options = options(peer.port);
        // This test sees every frame, however fast the server is.
        options.queue.bulk_events = 2_000;
        options.queue.bytes = 2_000_000_000;
        let (handle, mut events) = start(options).await;
        for (spec, frames, size) in [
            (r#"{"count":1000,"size":500000}"#, 1_000, 500_000),
            (
                r#"{"count":1000,"size":500000,"attachments":3}"#,
                1_000,
                500_000,
            ),
            (
                r#"{"count":100,"size":500000,"ack_window":4}"#,
                100,
                500_000,
            ),
            (r#"{"count":20,"size":5000000}"#, 20, 5_000_000),
        ] {
            take_frames(&handle, &mut events, spec, frames, size).await;
        }
    }
}

#[tokio::test]
async fn a_frame_over_the_limit_ends_the_connection_and_it_comes_back() {
    for maker in [P, N] {
        let Some(peer) = Peer::start(maker, &[]) else {
            return;
        };
        let mut options = options(peer.port).with_message_limit(1_000_000);
        options.limits.text_bytes = 1_000_000;
        let (handle, mut events) = start(options).await;
        let order = r#"["start",{"count":1,"size":5000000}]"#.to_owned();
        handle.emit("/", order, vec![]).await.unwrap();
        let (reason, detail, _) = down(&mut events).await;
        assert_eq!(reason, EndReason::TransportError, "{detail}");
        assert!(
            detail.contains("5000000 bytes") && detail.contains("more than the 1000000 "),
            "{detail}"
        );
        connected(&mut events, "/").await;
    }
}

#[tokio::test]
async fn acknowledgements_go_both_ways() {
    for maker in [P, N] {
        let Some(peer) = Peer::start(maker, &[]) else {
            return;
        };
        let (handle, mut events) = start(options(peer.port)).await;
        let echo = async |array: &str, attachments: Vec<Bytes>| {
            handle
                .emit_with_ack("/", array.to_owned(), attachments)
                .await
                .unwrap()
        };
        let reply = echo(r#"["echo",{"a":1},"é€𝄞"]"#, vec![]).await;
        let values: serde_json::Value = serde_json::from_slice(&reply.array).unwrap();
        assert_eq!(values, serde_json::json!([{"a": 1}, "é€𝄞"]));
        assert_eq!(echo(r#"["echo"]"#, vec![]).await.array, "[]");
        let attachments = vec![
            Bytes::from_static(&[1, 2, 3]),
            Bytes::from_static(&[0x1e, 0x1e]),
        ];
        let array = r#"["echo",{"x":{"_placeholder":true,"num":0}},{"_placeholder":true,"num":1}]"#;
        assert_eq!(
            echo(array, attachments.clone()).await.attachments,
            attachments
        );

        handle
            .emit("/", r#"["ask"]"#.to_owned(), vec![])
            .await
            .unwrap();
        let question = received(&mut events, "question").await;
        let id = question.ack_id.unwrap();
        handle
            .ack("/", id, r#"["yes",{"v":2}]"#.to_owned())
            .await
            .unwrap();
        let answered = received(&mut events, "answered").await;
        assert_eq!(text(&answered), r#"["answered","yes",{"v":2}]"#);
    }
}

#[tokio::test]
async fn every_kind_of_value_arrives() {
    for maker in [P, N] {
        let Some(peer) = Peer::start(maker, &[]) else {
            return;
        };
        let (handle, mut events) = start(options(peer.port)).await;
        for name in ["types", "order"] {
            handle
                .emit("/", format!("[{name:?}]"), vec![])
                .await
                .unwrap();
        }
        handle
            .emit("/", r#"["many",20]"#.to_owned(), vec![])
            .await
            .unwrap();
        let types = received(&mut events, "types").await;
        let values: serde_json::Value = serde_json::from_slice(&types.array).unwrap();
        assert_eq!(
            values,
            serde_json::json!(["types", null, true, 1, -1.5, "é€𝄞 \u{2028} \u{1e}", [], {},
                {"_placeholder": "text"}])
        );
        let ordered = received(&mut events, "ordered").await;
        let lengths: Vec<usize> = ordered.attachments.iter().map(Bytes::len).collect();
        assert_eq!(lengths, [1, 2, 3, 4, 0, 5]);
        let many = received(&mut events, "many").await;
        assert_eq!(many.attachments.len(), 20);
    }
}

#[tokio::test]
async fn namespaces_are_entered_with_the_right_token() {
    for maker in [P, N] {
        let Some(peer) = Peer::start(maker, &[]) else {
            return;
        };
        let with = |token: &str| {
            let mut options = options(peer.port);
            let auth = format!(r#"{{"token":{token:?},"user":"ana"}}"#);
            options
                .namespaces
                .push(Namespace::new("/secure").with_auth(auth));
            options
        };
        let (handle, mut events) = Client::start(with("s3cret"), Clock::system());
        // The answers come in any order, and on python the event before the answer.
        let granted = received(&mut events, "granted").await;
        assert_eq!(text(&granted), r#"["granted",{"user":"ana"}]"#);
        assert_eq!(granted.namespace, "/secure");
        let reply = handle
            .emit_with_ack("/secure", r#"["echo","q"]"#.to_owned(), vec![])
            .await
            .unwrap();
        assert_eq!(reply.array, r#"["q"]"#);

        let mut alone = with("wrong");
        alone.namespaces.remove(0);
        let (_handle, mut events) = Client::start(alone, Clock::system());
        let (reason, detail, retry_in) = down(&mut events).await;
        assert_eq!((reason, retry_in), (EndReason::Refused, None), "{detail}");
        assert!(
            detail.contains("invalid token") && detail.contains("4011"),
            "{detail}"
        );
        assert!(!detail.contains("wrong"), "{detail}");

        let mut unknown = options(peer.port);
        unknown.namespaces = vec![Namespace::new("/nope")];
        let (_handle, mut events) = Client::start(unknown, Clock::system());
        let (reason, detail, _) = down(&mut events).await;
        assert_eq!(reason, EndReason::Refused, "{detail}");
    }
}

#[tokio::test]
async fn a_handler_that_raises_is_found_by_the_clock() {
    let Some(peer) = Peer::start(P, &[]) else {
        return;
    };
    let mut options = options(peer.port);
    options.namespaces = vec![Namespace::new("/secure").with_auth(r#"{"token":"boom"}"#)];
    options.limits.connect_answer = Duration::from_secs(1);
    let (_handle, mut events) = Client::start(options, Clock::system());
    let (reason, detail, retry_in) = down(&mut events).await;
    assert_eq!(reason, EndReason::HandshakeFailed, "{detail}");
    assert!(
        detail.contains("not answered") && retry_in.is_some(),
        "{detail}"
    );
}

#[tokio::test]
async fn long_polling_alone_and_with_upgrade_loses_nothing() {
    for maker in [P, N] {
        for transport in [
            TransportChoice::Polling,
            TransportChoice::PollingThenUpgrade,
        ] {
            let Some(peer) = Peer::start(maker, &[]) else {
                return;
            };
            let mut options = options(peer.port);
            options.transport = transport;
            options.queue.bulk_events = 1_000;
            let (handle, mut events) = start(options).await;
            // The load begins before the change and goes on beyond it.
            let burst = r#"["burst",3000]"#.to_owned();
            handle.emit("/", burst, vec![]).await.unwrap();
            for number in 0..3_000 {
                let tick = received(&mut events, "tick").await;
                assert_eq!(
                    text(&tick),
                    format!(r#"["tick",{number}]"#),
                    "{maker:?} {transport:?}"
                );
            }
            let spec = r#"{"count":60,"size":100000,"attachments":3,"fps":60}"#;
            take_frames(&handle, &mut events, spec, 60, 100_000).await;
            let reply = handle
                .emit_with_ack("/", r#"["echo","up"]"#.to_owned(), vec![])
                .await
                .unwrap();
            assert_eq!(reply.array, r#"["up"]"#);
            handle.close().await;
        }
    }
}

#[tokio::test]
async fn a_flask_server_is_heard_over_either_transport() {
    for transport in [
        TransportChoice::WebSocket,
        TransportChoice::PollingThenUpgrade,
    ] {
        let Some(peer) = Peer::start(F, &["--speed", "50"]) else {
            return;
        };
        let mut options = options(peer.port);
        options.transport = transport;
        let (_handle, mut events) = Client::start(options, Clock::system());
        let mut heard = 0;
        while heard < 5 {
            if let ClientEvent::Event(_) = next(&mut events).await {
                heard += 1;
            }
        }
    }
}

#[tokio::test]
async fn a_server_that_ends_or_hangs_is_left_with_the_right_reason() {
    use EndReason::{PingTimeout, TransportClose};
    for (maker, beat) in [
        (P, ["--ping-interval", "1", "--ping-timeout", "1"]),
        (F, ["--ping-interval", "1", "--ping-timeout", "1"]),
        (N, ["--ping-interval", "1000", "--ping-timeout", "1000"]),
    ] {
        for (signal, expected) in [
            ("TERM", TransportClose),
            ("KILL", TransportClose),
            ("STOP", PingTimeout),
        ] {
            let Some(mut peer) = Peer::start(maker, &beat) else {
                return;
            };
            let (_handle, mut events) = Client::start(options(peer.port), Clock::system());
            let (before, _) = connected(&mut events, "/").await;
            peer.signal(signal);
            let (reason, detail, retry_in) = down(&mut events).await;
            // A killed process may leave a reset instead of an end.
            let as_expected =
                reason == expected || (signal == "KILL" && reason == EndReason::TransportError);
            assert!(as_expected, "{maker:?} {signal}: {reason} {detail}");
            assert!(retry_in.is_some());
            eprintln!("{maker:?} {signal}: {reason}: {detail}");

            let _again;
            if signal == "STOP" {
                peer.signal("CONT");
            } else {
                peer.wait();
                _again = Peer::start_at(maker, peer.port, &beat).unwrap();
            }
            let (after, _) = connected(&mut events, "/").await;
            assert_ne!(before, after);
        }
    }
}

/// A way to a server that can be cut without a word, as a pulled cable does.
struct Cable {
    port: u16,
    cut: watch::Sender<u32>,
}

impl Cable {
    async fn to(port: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let own = listener.local_addr().unwrap().port();
        let (cut, cuts) = watch::channel(0);
        tokio::spawn(async move {
            loop {
                let Ok((mut near, _)) = listener.accept().await else {
                    return;
                };
                let mut cuts = cuts.clone();
                cuts.mark_unchanged();
                tokio::spawn(async move {
                    let Ok(mut far) = TcpStream::connect(("127.0.0.1", port)).await else {
                        return;
                    };
                    tokio::select! {
                        _ = tokio::io::copy_bidirectional(&mut near, &mut far) => {}
                        _ = cuts.changed() => {}
                    }
                });
            }
        });
        Self { port: own, cut }
    }

    fn cut(&self) {
        self.cut.send_modify(|cuts| *cuts += 1);
    }
}

#[tokio::test]
async fn what_was_missed_during_a_loss_is_sent_again() {
    const TICKS: u32 = 20_000;
    let Some(peer) = Peer::start(N, &["--recovery", "on"]) else {
        return;
    };
    let cable = Cable::to(peer.port).await;
    let mut options = options(cable.port);
    options.queue.events = 100_000;
    // The replay comes before the answer to the CONNECT.
    options.limits.held_events = 100_000;
    let (handle, mut events) = Client::start(options, Clock::system());
    let (before, recovered) = connected(&mut events, "/").await;
    assert!(!recovered);
    let burst = format!(r#"["burst",{TICKS}]"#);
    handle.emit("/", burst, vec![]).await.unwrap();
    let (mut expected, mut recoveries) = (0, 0);
    while expected < TICKS || recoveries < 2 {
        match next(&mut events).await {
            ClientEvent::Event(event) if event.name == "tick" => {
                let start = format!(r#"["tick",{expected},"#);
                assert!(text(&event).starts_with(&start), "{}", text(&event));
                expected += 1;
                // Most of what the server has sent is under way.
                if expected == 1_000 || expected == 5_000 {
                    cable.cut();
                }
            }
            ClientEvent::Connected { sid, recovered, .. } => {
                assert!(recovered && sid == before);
                recoveries += 1;
            }
            ClientEvent::Overrun { name, count } => panic!("{count} of {name} were dropped"),
            _ => {}
        }
    }
}

#[tokio::test]
async fn a_consumer_that_stalls_costs_pictures_and_not_the_link() {
    for (maker, beat) in [
        (P, ["--ping-interval", "1", "--ping-timeout", "1"]),
        (N, ["--ping-interval", "1000", "--ping-timeout", "1000"]),
    ] {
        let Some(peer) = Peer::start(maker, &beat) else {
            return;
        };
        let (handle, mut events) = start(options(peer.port)).await;
        let spec = r#"["start",{"count":240,"size":200000,"fps":30}]"#.to_owned();
        handle.emit("/", spec, vec![]).await.unwrap();
        // The stall is the subject: three times what the server lets a client be silent.
        tokio::time::sleep(Duration::from_secs(6)).await;
        let (mut taken, mut dropped) = (0, 0);
        loop {
            match next(&mut events).await {
                ClientEvent::Event(event) if event.name == "frame" => taken += 1,
                ClientEvent::Event(event) if event.name == "done" => break,
                ClientEvent::Overrun { count, .. } => dropped += count,
                ClientEvent::Down { detail, .. } => panic!("{maker:?}: {detail}"),
                _ => {}
            }
        }
        assert_eq!(taken + dropped, 240, "{maker:?}");
        assert!(dropped > 0);
    }
}

#[tokio::test]
async fn a_wrong_revision_or_path_is_explained() {
    for (maker, revision_words) in [
        (P, "unsupported version"),
        (F, "unsupported version"),
        (N, "Unsupported protocol version"),
    ] {
        let Some(peer) = Peer::start(maker, &[]) else {
            return;
        };
        let mut old = options(peer.port);
        old.revision = Revision::V3;
        let (_handle, mut events) = Client::start(old, Clock::system());
        let (reason, detail, _) = down(&mut events).await;
        assert_eq!(reason, EndReason::HandshakeFailed);
        assert!(detail.contains(revision_words), "{maker:?}: {detail}");
        eprintln!("{maker:?} wrong revision: {detail}");

        for transport in [TransportChoice::WebSocket, TransportChoice::Polling] {
            let mut lost = options(peer.port);
            lost.path = "/elsewhere/".to_owned();
            lost.transport = transport;
            lost.limits.handshake = Duration::from_secs(2);
            let (_handle, mut events) = Client::start(lost, Clock::system());
            let (reason, detail, _) = down(&mut events).await;
            assert_eq!(reason, EndReason::HandshakeFailed);
            assert!(detail.contains("path"), "{maker:?} {transport:?}: {detail}");
            eprintln!("{maker:?} wrong path: {detail}");
        }
    }
}

#[tokio::test]
async fn a_server_of_the_third_revision_is_spoken_to_when_asked() {
    let Some(peer) = Peer::start(N, &["--eio3", "on"]) else {
        return;
    };
    let mut options = options(peer.port);
    options.revision = Revision::V3;
    let (handle, mut events) = start(options).await;
    let spec = r#"{"count":20,"size":10000}"#;
    take_frames(&handle, &mut events, spec, 20, 10_000).await;
}

/// The causes that the feed's specification reproduced: each loses every push without an error on
/// either side, or (the last) loses nothing.
#[tokio::test]
async fn a_fleet_whose_pushes_die_silently_is_found_out() {
    let silent = FleetVerdict::Silent { confirmed: true };
    for (fault, wanted) in [
        ("silent", silent),
        ("bad-kwarg", silent),
        ("other-object", silent),
        ("half", FleetVerdict::Half),
        ("zero", FleetVerdict::Zero),
        ("no-context", FleetVerdict::Live),
    ] {
        let args = ["--speed", "40", "--fault-after", "6", "--fault", fault];
        let beat = [
            "--ping-interval",
            "1",
            "--ping-timeout",
            "1",
            "--wait-client",
        ];
        let Some(peer) = Peer::start(F, &[&args[..], &beat].concat()) else {
            return;
        };
        let mut options = FleetOptions::new(Endpoint::plain("127.0.0.1", peer.port));
        options.timing = Timing::compressed(40.0);
        let clock = Clock::system();
        let screen = Arc::new(ScreenLanes::new(clock.clone()));
        let pipeline = Pipeline::new(clock.clone(), 1, None, Some(Arc::clone(&screen)));
        let board = StopBoard::new(clock, 1);
        let (_, intake) = Intake::new(&board, SourceId(0), 4, StopReporter::new().0);
        let stop = CancellationToken::new();
        let outlet = pipeline.outlet(SourceId(0));
        let task = tokio::spawn(fleet::run(options, outlet, intake, stop.clone()));
        let found = timeout(PATIENCE, async {
            loop {
                while let Some(delivery) = screen.try_take() {
                    delivery.ticket.settle(Fate::Shown);
                    if let Payload::Fleet(fleet) = delivery.sample.payload
                        && fleet.verdict == wanted
                        && fleet.turn >= Some(6)
                    {
                        return fleet;
                    }
                }
                screen.ready().await;
            }
        });
        let found = found
            .await
            .unwrap_or_else(|_| panic!("{fault}: never {wanted:?}"));
        eprintln!("{fault}: {}", found.evidence);
        stop.cancel();
        task.await.unwrap();
    }
}
