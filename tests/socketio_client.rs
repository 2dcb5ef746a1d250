//! The client against servers on loopback that follow a script.
#![allow(clippy::unwrap_used)]

#[path = "support/scripted.rs"]
#[allow(dead_code)]
mod scripted;
#[path = "support/tls.rs"]
mod tls;

use std::time::Duration;

use bytes::Bytes;
use scripted::{Answers, Server, Step, accepted, http, open_packet, say};
use tokio::net::TcpListener;
use tokio::time::timeout;
use ttyscope::model::{Clock, EndReason};
use ttyscope::protocol::engineio::Revision;
use ttyscope::sources::net::{Endpoint, TlsOptions};
use ttyscope::sources::reconnect::Backoff;
use ttyscope::sources::socketio::{
    Client, ClientEvent, ClientEvents, ClientHandle, ClientOptions, Namespace, ReceivedEvent,
    SendError, TransportChoice,
};

/// Nothing in these tests takes this long unless it hangs.
const PATIENCE: Duration = Duration::from_secs(60);

fn options(port: u16) -> ClientOptions {
    let mut options = ClientOptions::new(Endpoint::plain("127.0.0.1", port));
    options.backoff = Backoff {
        base: Duration::from_millis(4),
        cap: Duration::from_millis(20),
        ..Backoff::default()
    };
    options
}

fn start(options: ClientOptions) -> (ClientHandle, ClientEvents) {
    Client::start(options, Clock::system())
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
        if let Some(found) = wanted(next(events).await) {
            return found;
        }
    }
}

async fn down(events: &mut ClientEvents) -> (EndReason, String, Option<Duration>) {
    until(events, |event| match event {
        ClientEvent::Down {
            reason,
            detail,
            retry_in,
        } => Some((reason, detail, retry_in)),
        _ => None,
    })
    .await
}

async fn connected(events: &mut ClientEvents) -> String {
    until(events, |event| match event {
        ClientEvent::Connected { sid, .. } => Some(sid),
        _ => None,
    })
    .await
}

async fn received(events: &mut ClientEvents) -> ReceivedEvent {
    until(events, |event| match event {
        ClientEvent::Event(event) => Some(event),
        _ => None,
    })
    .await
}

fn script(first: Vec<Step>, more: Vec<Step>) -> Vec<Step> {
    first.into_iter().chain(more).collect()
}

#[tokio::test]
async fn a_session_that_cannot_be_opened_says_why() {
    let mut quick = options(0);
    quick.limits.handshake = Duration::from_secs(1);
    let patient = options(0);
    let upgrade_then = |bytes: &'static [u8]| vec![Step::Upgrade, Step::Raw(bytes), Step::Hold];
    type Case = (ClientOptions, Vec<Vec<Step>>, &'static [&'static str]);
    let cases: Vec<Case> = vec![
        // A wrong path: python and Flask answer 404, a bare Node server nothing at all.
        (patient.clone(), vec![vec![http("HTTP/1.1 404 Not Found\r\nContent-Length: 9\r\n\r\nNot Found")]],
            &["refused a WebSocket at /socket.io/ with 404 Not Found", "is that its path?"]),
        (quick.clone(), vec![vec![Step::Freeze]], &["no HTTP answer came in time", "right port and path"]),
        // Some other server.
        (patient.clone(), vec![vec![http("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")]],
            &["200: hello", "no Socket.IO server"]),
        (patient.clone(), vec![vec![Step::Upgrade, say("welcome"), Step::Hold]], &["unknown type"]),
        (quick.clone(), vec![vec![Step::Upgrade, Step::Freeze]], &["did not open a session within 1 s"]),
        (patient.clone(), vec![vec![http("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n")]],
            &["answered the WebSocket hand-shake wrongly"]),
        // Node does not like the revision: first it upgrades, then it refuses in HTTP.
        (patient.clone(), vec![upgrade_then(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 2\r\n\r\n{\"code\":5,\"message\":\"Unsupported\x1b[2J protocol version\"}")],
            &["refused after the upgrade", "400 Bad Request", "Unsupported\u{241b}[2J protocol version"]),
        // python-socketio refuses without a word; over polling it gives the reason.
        (patient.clone(), vec![
            vec![http("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")],
            vec![http("HTTP/1.1 400 Bad Request\r\nContent-Length: 13\r\n\r\n\"unsupported\"")],
        ], &["403 Forbidden and no reason", "over long-polling it says 400 Bad Request: \"unsupported\""]),
    ];
    for (mut options, scripts, words) in cases {
        let server = Server::start(scripts).await;
        options.endpoint.port = server.port;
        options.query = vec![("token".to_owned(), "s3cret".to_owned())];
        let (_handle, mut events) = start(options);
        let (reason, detail, retry_in) = down(&mut events).await;
        assert_eq!(reason, EndReason::HandshakeFailed, "{detail}");
        assert!(!detail.contains("s3cret"), "{detail}");
        assert!(retry_in.is_some(), "{detail}");
        for word in words {
            assert!(detail.contains(word), "{word:?} is not in {detail:?}");
        }
        assert!(detail.contains("127.0.0.1:"), "{detail}");
    }
}

#[tokio::test]
async fn a_refused_connection_is_tried_again_until_the_server_is_there() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let (handle, mut events) = start(options(port));
    assert_eq!(
        next(&mut events).await,
        ClientEvent::Connecting { attempt: 1 }
    );
    let (reason, detail, retry_in) = down(&mut events).await;
    assert_eq!(reason, EndReason::HandshakeFailed);
    assert!(
        detail.contains("refused the connection: is the server running there?"),
        "{detail}"
    );
    assert!(retry_in.is_some());
    assert_eq!(
        next(&mut events).await,
        ClientEvent::Connecting { attempt: 2 }
    );
    assert_eq!(
        handle.emit("/", r#"["x"]"#.to_owned(), vec![]).await,
        Err(SendError::NotConnected)
    );
}

#[tokio::test]
async fn what_ends_a_session_has_its_reason() {
    let event_of = |bytes: usize| say(&format!(r#"42["big","{}"]"#, "x".repeat(bytes)));
    let cases: Vec<(Vec<Step>, EndReason, &str)> = vec![
        (
            vec![Step::Close(1012)],
            EndReason::TransportClose,
            "code 1012 service restart",
        ),
        (
            vec![Step::Close(1000)],
            EndReason::TransportClose,
            "code 1000",
        ),
        (vec![], EndReason::TransportClose, "without saying why"),
        (
            vec![say("1"), Step::Hold],
            EndReason::TransportClose,
            "the server closed the session",
        ),
        (
            vec![event_of(5_000), Step::Hold],
            EndReason::TransportError,
            "over the limit",
        ),
        (
            vec![event_of(50_000), Step::Hold],
            EndReason::TransportError,
            "message of 50012 bytes",
        ),
        (
            vec![say("42[\"cut"), Step::Hold],
            EndReason::TransportError,
            "sent",
        ),
        (
            vec![Step::Send(Bytes::from_static(b"stray")), Step::Hold],
            EndReason::TransportError,
            "belongs to no packet",
        ),
        (
            vec![Step::Raw(&[0xff; 64]), Step::Hold],
            EndReason::TransportError,
            "rules of WebSocket",
        ),
        // A frame that is announced and never whole.
        (
            vec![Step::Raw(&[0x82, 0x7e, 0x40, 0x00, 1, 2, 3])],
            EndReason::TransportClose,
            "without saying why",
        ),
    ];
    for (steps, expected, words) in cases {
        let server = Server::start(vec![script(accepted(), steps), accepted()]).await;
        let mut options = options(server.port);
        options.limits.text_bytes = 4_000;
        options.limits.attachment_bytes = 20_000;
        let (_handle, mut events) = start(options);
        let (reason, detail, retry_in) = down(&mut events).await;
        assert_eq!(reason, expected, "{detail}");
        assert!(detail.contains(words), "{detail}");
        assert!(retry_in.is_some(), "{detail}");
        // It always comes back.
        assert_eq!(connected(&mut events).await, "s1");
    }
}

#[tokio::test]
async fn a_server_that_means_it_is_not_asked_again() {
    let refused = vec![
        Step::Upgrade,
        open_packet(25_000, 20_000),
        Step::Expect("40"),
        say(r#"44{"message":"invalid token","data":{"code":4011}}"#),
        Step::Hold,
    ];
    let dismissed = script(accepted(), vec![say("41"), Step::Hold]);
    for (steps, expected, words) in [
        (
            refused,
            EndReason::Refused,
            r#"invalid token {"code":4011}"#,
        ),
        (
            dismissed,
            EndReason::ServerDisconnect,
            "ended the namespace /",
        ),
    ] {
        let again = || vec![steps.clone(), script(accepted(), vec![Step::Hold])];
        let server = Server::start(again()).await;
        let (handle, mut events) = start(options(server.port));
        let (reason, detail, retry_in) = down(&mut events).await;
        assert_eq!((reason, retry_in), (expected, None), "{detail}");
        assert!(detail.contains(words), "{detail}");
        // Unless somebody insists,
        handle.reconnect("the operator asked for it");
        assert_eq!(connected(&mut events).await, "s1");

        // or an option says so.
        let server = Server::start(again()).await;
        let mut stubborn = options(server.port);
        stubborn.retry_refused = true;
        let (_handle, mut events) = start(stubborn);
        assert!(down(&mut events).await.2.is_some());
        assert_eq!(connected(&mut events).await, "s1");
    }
}

#[tokio::test]
async fn one_refused_namespace_leaves_the_others() {
    let server = Server::start(vec![vec![
        Step::Upgrade,
        open_packet(25_000, 20_000),
        Step::Expect("40"),
        Step::Expect(r#"40/secure,{"token":"wrong"}"#),
        say(r#"40{"sid":"s1"}"#),
        say(r#"44/secure,{"message":"invalid token"}"#),
        say(r#"42["still","here"]"#),
        Step::Hold,
    ]])
    .await;
    let mut options = options(server.port);
    options
        .namespaces
        .push(Namespace::new("/secure").with_auth(r#"{"token":"wrong"}"#));
    let (_handle, mut events) = start(options);
    connected(&mut events).await;
    let fault = until(&mut events, |event| match event {
        ClientEvent::Fault(fault) => Some(fault.text.to_string()),
        _ => None,
    })
    .await;
    assert!(
        fault.contains("refused the namespace /secure: invalid token"),
        "{fault}"
    );
    assert!(!fault.contains("wrong"), "{fault}");
    assert_eq!(received(&mut events).await.name, "still");
}

#[tokio::test]
async fn a_server_that_goes_silent_is_left_and_found_again() {
    let silent = vec![
        Step::Upgrade,
        open_packet(100, 100),
        Step::Expect("40"),
        say(r#"40{"sid":"s1"}"#),
        Step::Freeze,
    ];
    let back = vec![
        Step::Upgrade,
        open_packet(25_000, 20_000),
        Step::Expect("40"),
        say(r#"40{"sid":"s2"}"#),
        Step::Hold,
    ];
    let server = Server::start(vec![silent, back]).await;
    let (_handle, mut events) = start(options(server.port));
    assert_eq!(connected(&mut events).await, "s1");
    let (reason, detail, _) = down(&mut events).await;
    assert_eq!(reason, EndReason::PingTimeout, "{detail}");
    assert_eq!(connected(&mut events).await, "s2");
}

#[tokio::test]
async fn a_connect_that_is_never_answered_ends_the_connection() {
    let steps = vec![
        Step::Upgrade,
        open_packet(25_000, 20_000),
        Step::Expect("40"),
        Step::Hold,
    ];
    let server = Server::start(vec![steps]).await;
    let mut options = options(server.port);
    options.limits.connect_answer = Duration::from_millis(50);
    let (_handle, mut events) = start(options);
    let (reason, detail, retry_in) = down(&mut events).await;
    assert_eq!(reason, EndReason::HandshakeFailed, "{detail}");
    assert!(
        detail.contains("was not answered within 0.05 s") && retry_in.is_some(),
        "{detail}"
    );
}

#[tokio::test]
async fn acknowledgements_go_both_ways() {
    let server = Server::start(vec![script(
        accepted(),
        vec![
            Step::Expect(r#"420["move",{"x":1}]"#),
            say(r#"430[{"ok":true}]"#),
            Step::Expect(r#"451-1["put",{"_placeholder":true,"num":0}]"#),
            Step::ExpectBinary(&[1, 2, 3]),
            say(r#"461-1[{"_placeholder":true,"num":0}]"#),
            Step::Send(Bytes::from_static(&[3, 2, 1])),
            say("2abc"),
            Step::Expect("3abc"),
            say(r#"427["question"]"#),
            Step::Expect(r#"437["yes"]"#),
            Step::Expect(r#"422["cut off"]"#),
            Step::Close(1000),
        ],
    )])
    .await;
    let (handle, mut events) = start(options(server.port));
    connected(&mut events).await;

    let reply = handle
        .emit_with_ack("/", r#"["move",{"x":1}]"#.to_owned(), vec![])
        .await
        .unwrap();
    assert_eq!(reply.array, r#"[{"ok":true}]"#);
    let array = r#"["put",{"_placeholder":true,"num":0}]"#.to_owned();
    let reply = handle
        .emit_with_ack("/", array, vec![Bytes::from_static(&[1, 2, 3])])
        .await
        .unwrap();
    assert_eq!(reply.attachments, [Bytes::from_static(&[3, 2, 1])]);

    let question = received(&mut events).await;
    assert_eq!(
        (question.name.as_str(), question.ack_id),
        ("question", Some(7))
    );
    handle.ack("/", 7, r#"["yes"]"#.to_owned()).await.unwrap();

    let reserved = handle
        .emit("/", r#"["disconnect"]"#.to_owned(), vec![])
        .await;
    assert!(
        matches!(reserved, Err(SendError::NotAllowed(_))),
        "{reserved:?}"
    );
    let elsewhere = handle.emit("/admin", r#"["x"]"#.to_owned(), vec![]).await;
    assert_eq!(elsewhere, Err(SendError::NotConnected));

    let lost = handle
        .emit_with_ack("/", r#"["cut off"]"#.to_owned(), vec![])
        .await;
    assert_eq!(lost, Err(SendError::Lost));
}

#[tokio::test]
async fn an_acknowledgement_that_does_not_come_is_given_up() {
    let server = Server::start(vec![script(
        accepted(),
        vec![Step::Expect(r#"420["never answered"]"#), Step::Hold],
    )])
    .await;
    let mut options = options(server.port);
    options.limits.ack_answer = Duration::from_millis(50);
    let (handle, mut events) = start(options.clone());
    connected(&mut events).await;
    let late = handle
        .emit_with_ack("/", r#"["never answered"]"#.to_owned(), vec![])
        .await;
    let after = options.limits.ack_answer;
    assert_eq!(late, Err(SendError::NoAnswer { after }));
}

#[tokio::test]
async fn a_consumer_that_stalls_loses_pictures_and_not_the_link() {
    const FRAMES: u64 = 200;
    let picture = Bytes::from(vec![0xff; 100_000]);
    let mut steps = accepted();
    for n in 0..FRAMES {
        steps.push(say(&format!(
            r#"451-["frame",{n},{{"_placeholder":true,"num":0}}]"#
        )));
        steps.push(Step::Send(picture.clone()));
        if n % 20 == 0 {
            // Each ping is answered although nobody takes the pictures.
            steps.push(say("2"));
            steps.push(Step::Expect("3"));
        }
    }
    steps.push(say("2"));
    steps.push(Step::Expect("3"));
    let server = Server::start(vec![steps]).await;
    let mut options = options(server.port);
    options.queue.bulk_events = 8;
    let (_handle, mut events) = start(options);
    connected(&mut events).await;
    // The consumer is away until the server has sent everything.
    timeout(PATIENCE, server.finished()).await.unwrap();
    let (mut dropped, mut taken) = (0, Vec::new());
    loop {
        match next(&mut events).await {
            ClientEvent::Overrun { name, count } => {
                assert_eq!(name, "frame");
                assert!(taken.is_empty(), "the gap comes before what is left");
                dropped += count;
            }
            ClientEvent::Event(event) => {
                assert_eq!(event.attachments, std::slice::from_ref(&picture));
                taken.push(event.array);
            }
            ClientEvent::Down { reason, .. } => {
                assert_eq!(reason, EndReason::TransportClose);
                break;
            }
            _ => {}
        }
    }
    assert_eq!((dropped, taken.len()), (FRAMES - 8, 8));
    assert!(taken[7].starts_with(b"[\"frame\",199,"), "{:?}", taken[7]);
}

#[tokio::test]
async fn the_question_of_a_dropped_event_is_answered_all_the_same() {
    let frame = |id: u64| {
        [
            say(&format!(
                r#"451-{id}["frame",{{"_placeholder":true,"num":0}}]"#
            )),
            Step::Send(Bytes::from_static(b"x")),
        ]
    };
    let mut steps = accepted();
    steps.extend((0..3).flat_map(frame));
    steps.extend([Step::Expect("430[]"), Step::Expect("431[]")]);
    let server = Server::start(vec![steps]).await;
    let mut options = options(server.port);
    options.queue.bulk_events = 1;
    // Taking nothing meanwhile is what lets the queue overflow.
    let (_handle, mut events) = start(options);
    timeout(PATIENCE, server.finished()).await.unwrap();
    let overrun = until(&mut events, |event| match event {
        ClientEvent::Overrun { name, count } => Some((name, count)),
        _ => None,
    })
    .await;
    assert_eq!(overrun, ("frame".to_owned(), 2));
}

#[tokio::test]
async fn events_before_the_connect_answer_follow_it() {
    let steps = vec![
        Step::Upgrade,
        open_packet(25_000, 20_000),
        Step::Expect("40"),
        say(r#"42["hello"]"#),
        say(r#"40{"sid":"s1"}"#),
        say(r#"42["after"]"#),
        Step::Hold,
    ];
    let server = Server::start(vec![steps]).await;
    let (_handle, mut events) = start(options(server.port));
    assert_eq!(
        next(&mut events).await,
        ClientEvent::Connecting { attempt: 1 }
    );
    assert!(matches!(
        next(&mut events).await,
        ClientEvent::Connected { .. }
    ));
    assert_eq!(received(&mut events).await.name, "hello");
    assert_eq!(received(&mut events).await.name, "after");
}

#[tokio::test]
async fn closing_says_good_bye_in_order() {
    let steps = script(
        accepted(),
        vec![Step::Expect("41"), Step::Expect("1"), Step::Hold],
    );
    let server = Server::start(vec![steps]).await;
    let (handle, mut events) = start(options(server.port));
    connected(&mut events).await;
    timeout(PATIENCE, handle.close()).await.unwrap();
    timeout(PATIENCE, server.finished()).await.unwrap();
    let (reason, _, retry_in) = down(&mut events).await;
    assert_eq!((reason, retry_in), (EndReason::ClientDisconnect, None));
    assert_eq!(events.recv().await, None);
}

#[tokio::test]
async fn dropping_the_events_ends_the_client() {
    let server = Server::start(vec![script(accepted(), vec![Step::Hold])]).await;
    let (handle, mut events) = start(options(server.port));
    connected(&mut events).await;
    drop(events);
    timeout(PATIENCE, server.finished()).await.unwrap();
    timeout(PATIENCE, handle.close()).await.unwrap();
}

#[tokio::test]
async fn missed_events_are_asked_for_after_a_loss() {
    let first = vec![
        Step::Upgrade,
        open_packet(25_000, 20_000),
        Step::Expect(r#"40{"user":"ana"}"#),
        say(r#"40{"sid":"s1","pid":"p1"}"#),
        say(r#"42["tick",0,"o1"]"#),
        Step::Raw(b""),
    ];
    let second = vec![
        Step::Upgrade,
        open_packet(25_000, 20_000),
        Step::Expect(r#"40{"pid":"p1","offset":"o1","user":"ana"}"#),
        say(r#"42["tick",1,"o2"]"#),
        say(r#"40{"sid":"s1","pid":"p1"}"#),
        Step::Hold,
    ];
    let server = Server::start(vec![first, second]).await;
    let mut options = options(server.port);
    options.namespaces = vec![Namespace::new("/").with_auth(r#"{"user":"ana"}"#)];
    let (_handle, mut events) = start(options);
    assert_eq!(received(&mut events).await.array, r#"["tick",0,"o1"]"#);
    let recovered = until(&mut events, |event| match event {
        ClientEvent::Connected { recovered, .. } => Some(recovered),
        _ => None,
    })
    .await;
    assert!(recovered);
    assert_eq!(received(&mut events).await.array, r#"["tick",1,"o2"]"#);
}

#[tokio::test]
async fn a_replay_over_the_limit_is_not_asked_for_again() {
    let session = |connect: &'static str, then: Vec<Step>| {
        let first = vec![
            Step::Upgrade,
            open_packet(25_000, 20_000),
            Step::Expect(connect),
        ];
        script(first, then)
    };
    let server = Server::start(vec![
        session(
            "40",
            vec![say(r#"40{"sid":"s1","pid":"p1"}"#), say(r#"42["a","o1"]"#)],
        ),
        // Cut during the replay: worth another try.
        session(
            r#"40{"pid":"p1","offset":"o1"}"#,
            vec![say(r#"42["b","o2"]"#)],
        ),
        session(
            r#"40{"pid":"p1","offset":"o1"}"#,
            vec![say(r#"42["b","o2"]"#), say(r#"42["c","o3"]"#), Step::Hold],
        ),
        session("40", vec![say(r#"40{"sid":"s2","pid":"p2"}"#), Step::Hold]),
    ])
    .await;
    let mut options = options(server.port);
    options.limits.held_events = 1;
    let (_handle, mut events) = start(options);
    assert_eq!(connected(&mut events).await, "s1");
    assert_eq!(connected(&mut events).await, "s2");
}

#[tokio::test]
async fn a_server_of_the_third_revision_is_pinged_by_us() {
    let steps = vec![
        Step::Upgrade,
        open_packet(20, 20_000),
        say("40"),
        Step::Expect("2"),
        say("3"),
        say(r#"451-["frame",{"_placeholder":true,"num":0}]"#),
        Step::Send(Bytes::from_static(&[4, 1, 2])),
        Step::Hold,
    ];
    let server = Server::start(vec![steps]).await;
    let mut options = options(server.port);
    options.revision = Revision::V3;
    let (_handle, mut events) = start(options);
    let frame = received(&mut events).await;
    assert_eq!(frame.attachments, [Bytes::from_static(&[1, 2])]);
    assert!(server.requests()[0].starts_with("GET /socket.io/?EIO=3&transport=websocket HTTP/1.1"));
}

#[tokio::test]
async fn tls_is_verified_unless_told_otherwise() {
    for (tls, works) in [
        (TlsOptions::NotVerified, true),
        (TlsOptions::PublicRoots, false),
    ] {
        let scripts = vec![script(accepted(), vec![Step::Hold])];
        let server =
            Server::start_with(scripts, Some(tls::acceptor("expired.pem", "server.key"))).await;
        let mut options = options(server.port);
        options.endpoint.tls = Some(tls);
        let (_handle, mut events) = start(options);
        if works {
            assert_eq!(connected(&mut events).await, "s1");
        } else {
            let (reason, detail, _) = down(&mut events).await;
            assert_eq!(reason, EndReason::HandshakeFailed);
            assert!(
                detail.contains("certificate") && detail.contains("tls_verify = false"),
                "{detail}"
            );
        }
    }
}

#[tokio::test]
async fn no_compression_is_offered_and_extra_headers_are_sent() {
    let server = Server::start(vec![script(accepted(), vec![Step::Hold])]).await;
    let mut options = options(server.port);
    options.path = "/feed/sio".to_owned();
    options.query = vec![("room".to_owned(), "a b".to_owned())];
    options.headers = ttyscope::sources::net::Headers::from_pairs([("X-Lab", "7")]).unwrap();
    let (_handle, mut events) = start(options);
    connected(&mut events).await;
    let head = server.requests()[0].to_ascii_lowercase();
    assert!(
        head.starts_with("get /feed/sio/?eio=4&transport=websocket&room=a+b http/1.1\r\n"),
        "{head}"
    );
    assert!(head.contains("x-lab: 7\r\n"), "{head}");
    assert!(
        !head.contains("extensions") && !head.contains("origin"),
        "{head}"
    );
}

#[tokio::test]
async fn long_polling_needs_no_websocket() {
    let open =
        r#"0{"sid":"a/b","upgrades":["websocket"],"pingInterval":25000,"pingTimeout":20000}"#;
    let answers = [
        open,
        r#"40{"sid":"s1"}"#,
        r#"451-["frame",{"_placeholder":true,"num":0}]"#,
        "bAQIDBA==\u{1e}42[\"b\"]",
    ];
    let answers = Answers::new(&answers);
    let server = Server::start(vec![vec![Step::Poll(answers)]; 10]).await;
    let mut options = options(server.port);
    options.transport = TransportChoice::Polling;
    let (_handle, mut events) = start(options);
    let frame = received(&mut events).await;
    assert_eq!(frame.attachments, [Bytes::from_static(&[1, 2, 3, 4])]);
    assert_eq!(received(&mut events).await.name, "b");
    let requests = server.requests();
    let posts: Vec<_> = requests.iter().filter(|r| r.starts_with("POST")).collect();
    assert_eq!(posts.len(), 1, "{requests:?}");
    assert!(posts[0].starts_with("POST /socket.io/?EIO=4&transport=polling&sid=a%2Fb HTTP/1.1"));
    assert!(posts[0].contains("content-type: text/plain;charset=UTF-8\r\n"));
    assert!(posts[0].contains("content-length: 2\r\n") && posts[0].ends_with("40"));
}

const POLLING_OPEN: &str =
    r#"0{"sid":"abc","upgrades":["websocket"],"pingInterval":25000,"pingTimeout":20000}"#;

#[tokio::test]
async fn a_session_moves_to_a_websocket_between_two_events() {
    let answers = Answers::new(&[POLLING_OPEN, "40{\"sid\":\"s1\"}\u{1e}42[\"a\"]"]);
    let script = vec![
        Step::Poll(answers.clone()),
        Step::Expect("2probe"),
        // News that come over the old way while the new one is tried.
        Step::Answer(answers, r#"42["b"]"#),
        say("3probe"),
        Step::Expect("5"),
        say(r#"42["c"]"#),
        Step::Expect(r#"42["d"]"#),
        Step::Close(1000),
    ];
    let server = Server::start(vec![script; 20]).await;
    let mut options = options(server.port);
    options.transport = TransportChoice::PollingThenUpgrade;
    let (handle, mut events) = start(options);
    for name in ["a", "b", "c"] {
        assert_eq!(received(&mut events).await.name, name);
    }
    handle
        .emit("/", r#"["d"]"#.to_owned(), vec![])
        .await
        .unwrap();
    let (reason, detail, _) = down(&mut events).await;
    assert_eq!(reason, EndReason::TransportClose, "{detail}");
    assert!(detail.contains("code 1000"), "{detail}");
    let upgrade = server.requests();
    let upgrade = upgrade
        .iter()
        .find(|head| head.contains("websocket"))
        .unwrap();
    assert!(upgrade.starts_with("GET /socket.io/?EIO=4&transport=websocket&sid=abc HTTP"));
}

#[tokio::test]
async fn an_upgrade_that_fails_leaves_long_polling_as_it_was() {
    let news = r#"42["b"]"#;
    for (broken, words) in [
        (
            vec![Step::Expect("2probe"), say("3wrong"), Step::Hold],
            "3wrong",
        ),
        (vec![Step::Expect("2probe"), Step::Close(1000)], "code 1000"),
        (
            vec![Step::Expect("2probe"), Step::Hold],
            "not answered within 1 s",
        ),
    ] {
        let answers = Answers::new(&[POLLING_OPEN, r#"40{"sid":"s1"}"#]);
        let poll = vec![Step::Poll(answers.clone())];
        let server = Server::start(vec![script(poll, broken); 20]).await;
        let mut options = options(server.port);
        options.transport = TransportChoice::PollingThenUpgrade;
        options.limits.handshake = Duration::from_secs(1);
        let (_handle, mut events) = start(options);
        let fault = until(&mut events, |event| match event {
            ClientEvent::Fault(fault) => Some(fault.text.to_string()),
            _ => None,
        })
        .await;
        assert!(
            fault.contains(words) && fault.contains("going on with long-polling"),
            "{fault}"
        );
        answers.add(news);
        assert_eq!(received(&mut events).await.name, "b");
    }
}

#[tokio::test]
async fn a_server_that_goes_down_during_the_upgrade_is_left_and_tried_again() {
    let answers = Answers::new(&[POLLING_OPEN, "40{\"sid\":\"s1\"}\u{1e}42[\"a\"]"]);
    let poll = vec![Step::Poll(answers.clone())];
    let upgrade = vec![Step::Expect("2probe"), Step::Hold];
    let server = Server::start(vec![script(poll, upgrade); 20]).await;
    let mut options = options(server.port);
    options.transport = TransportChoice::PollingThenUpgrade;
    let (_handle, mut events) = start(options);
    received(&mut events).await;
    let asked = async {
        while !server
            .requests()
            .iter()
            .any(|head| head.contains("websocket"))
        {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, asked).await.unwrap();
    drop(server);
    let (reason, detail, retry_in) = down(&mut events).await;
    assert!(
        matches!(
            reason,
            EndReason::TransportClose | EndReason::TransportError
        ),
        "{reason:?}: {detail}"
    );
    assert!(retry_in.is_some());
    let again = |event| matches!(event, ClientEvent::Connecting { .. }).then_some(());
    until(&mut events, again).await;
}

#[tokio::test]
async fn a_server_that_does_not_read_is_left_before_memory_fills() {
    let server = Server::start(vec![script(accepted(), vec![Step::Freeze])]).await;
    let (handle, mut events) = start(options(server.port));
    connected(&mut events).await;
    let event = format!(r#"["bulk","{}"]"#, "x".repeat(900_000));
    let mut sent = 0;
    while handle.emit("/", event.clone(), vec![]).await.is_ok() {
        sent += 1;
        assert!(sent < 1_000, "nothing stops us");
    }
    let (reason, detail, _) = down(&mut events).await;
    assert_eq!(reason, EndReason::TransportError);
    assert!(detail.contains("it does not read"), "{detail}");
}
