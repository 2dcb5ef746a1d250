//! Sessions as transcripts: what is fed, and what comes of each line.
//!
//! `<` a message of the server (`#` and hex for a binary one), `!` a call of the client, `@` time in
//! milliseconds (`@ next n` asserts that the session asked for exactly that moment); then what the
//! session must say to it, `>` sent and `=` anything else, nothing more and nothing less.
#![allow(clippy::unwrap_used, clippy::panic)]
#![allow(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use std::collections::VecDeque;
use std::fmt::Write as _;

use proptest::prelude::*;

use super::*;
use crate::model::DropReason;
use crate::protocol::engineio::{self, PacketKind as EngineKind};
use crate::protocol::socketio::{EmitError, Packet, PacketKind};

const OPEN: &str = r#"0{"sid":"engine","upgrades":[],"pingTimeout":20000,"pingInterval":25000,"maxPayload":1000000}"#;

fn stamp(ms: u64) -> Stamp {
    Stamp {
        mono_ns: ms * 1_000_000,
        unix_ns: 0,
    }
}

fn wanted(namespace: &str) -> Wanted {
    Wanted::new(namespace)
}

fn session(revision: Revision, wanted: Vec<Wanted>) -> Session {
    Session::new(revision, Limits::default(), wanted, stamp(0))
}

fn connected() -> Session {
    let mut session = session(Revision::V4, vec![wanted("/")]);
    session.on_text(OPEN.into(), stamp(0));
    session.on_text(r#"40{"sid":"s"}"#.into(), stamp(0));
    drain(&mut session);
    session
}

fn drain(session: &mut Session) -> Vec<Output> {
    std::iter::from_fn(|| session.poll_output()).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold("#".to_owned(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}

fn unhex(text: &str) -> Bytes {
    let digits = text.strip_prefix('#').unwrap();
    (0..digits.len() / 2)
        .map(|i| u8::from_str_radix(&digits[2 * i..2 * i + 2], 16).unwrap())
        .collect::<Vec<_>>()
        .into()
}

fn with_hex(mut line: String, attachments: &[Bytes]) -> String {
    for attachment in attachments {
        line.push(' ');
        line.push_str(&hex(attachment));
    }
    line
}

fn show(output: &Output) -> String {
    match output {
        Output::Send(WireMessage::Text(text)) => {
            format!("> {}", std::str::from_utf8(text).unwrap())
        }
        Output::Send(WireMessage::Binary(bytes)) => format!("> {}", hex(bytes)),
        Output::Opened(open) => format!("= opened {}", open.sid),
        Output::Connected {
            namespace,
            sid,
            pid,
            recovered,
        } => {
            let mut line = format!("= connected {namespace} {sid}");
            if let Some(pid) = pid {
                write!(line, " pid={pid}").unwrap();
            }
            if *recovered {
                line.push_str(" recovered");
            }
            line
        }
        Output::Refused {
            namespace,
            message,
            data,
        } => {
            let data = data.as_deref().unwrap_or_default();
            let data = std::str::from_utf8(data).unwrap();
            format!("= refused {namespace} {message:?} {data}")
                .trim_end()
                .to_owned()
        }
        Output::Event(event) => {
            let array = std::str::from_utf8(&event.array).unwrap();
            let mut line = format!("= event {} {} {array}", event.namespace, event.name);
            if let Some(id) = event.ack_id {
                write!(line, " ack={id}").unwrap();
            }
            if let Some(offset) = &event.offset {
                write!(line, " offset={offset}").unwrap();
            }
            with_hex(line, &event.attachments)
        }
        Output::Acked {
            namespace,
            id,
            array,
            attachments,
        } => {
            let array = std::str::from_utf8(array).unwrap();
            with_hex(format!("= acked {namespace} {id} {array}"), attachments)
        }
        Output::AckFailed { namespace, id, why } => format!("= no ack {namespace} {id} {why:?}"),
        Output::NamespaceGone { namespace } => format!("= gone {namespace}"),
        Output::Rejected {
            reason,
            count,
            fault: _,
        } => format!("= rejected {count} {reason:?}"),
        Output::Fault(fault) => format!("= fault {}", fault.kind.as_str()),
        Output::Ended { reason, .. } => format!("= ended {reason}"),
    }
}

fn call(session: &mut Session, line: &str, now: Stamp) -> Option<String> {
    let mut words = line.split_whitespace();
    let verb = words.next().unwrap();
    let namespace = words.next().unwrap_or("/");
    let mut rest: Vec<&str> = words.collect();
    let attachments: Vec<Bytes> = {
        let first = rest.iter().position(|w| w.starts_with('#'));
        let hexes = first.map_or(Vec::new(), |at| rest.split_off(at));
        hexes.into_iter().map(unhex).collect()
    };
    let failed = match verb {
        "emit" => session.emit(namespace, &rest.join(" "), &attachments).err(),
        "ask" => session
            .emit_with_ack(namespace, &rest.join(" "), &attachments, now)
            .err(),
        "ack" => {
            let id = rest.remove(0).parse().unwrap();
            session
                .ack(namespace, id, &rest.join(" "), &attachments)
                .err()
        }
        "connect" => {
            session.connect(wanted(namespace), now);
            None
        }
        "leave" => {
            session.leave(namespace);
            None
        }
        "close" => {
            session.close();
            None
        }
        _ => panic!("no such call: {line}"),
    };
    failed.map(|error| {
        let debug = format!("{error:?}");
        let name = debug.split([' ', '{']).next().unwrap();
        format!("= {name}")
    })
}

/// Plays a transcript.
fn check(session: &mut Session, transcript: &str) {
    let mut now = stamp(0);
    let mut lines = transcript.lines().map(str::trim).peekable();
    while let Some(line) = lines.next() {
        if line.is_empty() {
            continue;
        }
        let (sign, rest) = line.split_at(1);
        let rest = rest.trim_start();
        let mut failed = None;
        match sign {
            "<" if rest.starts_with('#') => session.on_binary(unhex(rest), now),
            "<" if rest == "open" => session.on_text(OPEN.into(), now),
            "<" => session.on_text(Bytes::copy_from_slice(rest.as_bytes()), now),
            "!" => failed = call(session, rest, now),
            "@" => {
                let (asserted, ms) = match rest.strip_prefix("next ") {
                    Some(ms) => (true, ms),
                    None => (false, rest),
                };
                now = stamp(ms.parse().unwrap());
                if asserted {
                    assert_eq!(session.deadline(), Some(now.mono_ns), "{line}");
                }
                session.on_tick(now.mono_ns);
            }
            _ => panic!("the transcript holds {line:?}"),
        }
        let mut got: Vec<String> = drain(session).iter().map(show).collect();
        got.extend(failed);
        let mut want = Vec::new();
        while let Some(next) = lines.next_if(|next| next.starts_with(['>', '='])) {
            want.push(next.to_owned());
        }
        assert_eq!(got, want, "after {line}");
    }
}

fn auth(namespace: &str, auth: &str) -> Wanted {
    Wanted {
        auth: Some(auth.to_owned()),
        ..wanted(namespace)
    }
}

#[test]
fn an_event_before_the_connect_answer_comes_after_it() {
    check(
        &mut session(Revision::V4, vec![auth("/", r#"{"token":"abc"}"#)]),
        r#"
        < open
        = opened engine
        > 40{"token":"abc"}
        < 42["hello",{"server":"python-socketio","auth":{"token":"abc"}}]
        < 451-["frame",{"_placeholder":true,"num":0}]
        < #ffd8
        < 42["last"]
        < 40{"sid":"PW0UPwgBIuY0IsmiAAAB"}
        = connected / PW0UPwgBIuY0IsmiAAAB
        = event / hello ["hello",{"server":"python-socketio","auth":{"token":"abc"}}]
        = event / frame ["frame",{"_placeholder":true,"num":0}] #ffd8
        = event / last ["last"]
        "#,
    );
}

#[test]
fn acknowledgements_find_the_event_that_asked() {
    check(
        &mut connected(),
        r#"
        ! ask / ["echo"]
        > 420["echo"]
        ! ask / ["echo",{"a":1},"b"]
        > 421["echo",{"a":1},"b"]
        ! ask / ["echo","é€𝄞"]
        > 422["echo","é€𝄞"]
        < 431[{"a":1},"b"]
        = acked / 1 [{"a":1},"b"]
        < 432["\u00e9\u20ac\ud834\udd1e"]
        = acked / 2 ["\u00e9\u20ac\ud834\udd1e"]
        < 430[]
        = acked / 0 []
        < 430[]
        = fault peer
        < 4399[]
        = fault peer
        < 430[]
        "#,
    );
}

#[test]
fn an_acknowledgement_that_does_not_come_fails_in_time() {
    check(
        &mut connected(),
        r#"
        ! ask / ["one"]
        > 420["one"]
        @ 4000
        ! ask / ["two"]
        > 421["two"]
        @ next 10000
        = no ack / 0 TimedOut
        < 431[NaN]
        = fault malformed
        = no ack / 1 Unreadable
        ! ask / ["three"]
        > 422["three"]
        < 1
        = no ack / 2 Disconnected
        = ended transport close
        ! ask / ["four"]
        = NotConnected
        "#,
    );
}

#[test]
fn the_server_may_ask_and_is_answered_with_or_without_attachments() {
    check(
        &mut connected(),
        r#"
        < 421["question",{"n":1}]
        = event / question ["question",{"n":1}] ack=1
        ! ack / 1 ["yes",{"v":2}]
        > 431["yes",{"v":2}]
        < 42["answered","yes",{"v":2}]
        = event / answered ["answered","yes",{"v":2}]
        < 420["question",{"n":2}]
        = event / question ["question",{"n":2}] ack=0
        ! ack / 0 ["yes",{"_placeholder":true,"num":0}] #000102
        > 461-0["yes",{"_placeholder":true,"num":0}]
        > #000102
        < 451-3["frame",{"seq":0},{"_placeholder":true,"num":0}]
        < #ffd8ffd9
        = event / frame ["frame",{"seq":0},{"_placeholder":true,"num":0}] ack=3 #ffd8ffd9
        ! ack / 3 []
        > 433[]
        "#,
    );
}

#[test]
fn attachments_are_put_together_by_number() {
    check(
        &mut connected(),
        r#"
        < 456-["ordered",{"first":{"_placeholder":true,"num":0},"deep":{"list":[{"_placeholder":true,"num":1},"text",{"_placeholder":true,"num":2}]}},{"_placeholder":true,"num":3},[{"_placeholder":true,"num":4},{"last":{"_placeholder":true,"num":5}}]]
        < #01
        < #0202
        < #030303
        < #04040404
        < #
        < #1e1e1e1e1e
        = event / ordered ["ordered",{"first":{"_placeholder":true,"num":0},"deep":{"list":[{"_placeholder":true,"num":1},"text",{"_placeholder":true,"num":2}]}},{"_placeholder":true,"num":3},[{"_placeholder":true,"num":4},{"last":{"_placeholder":true,"num":5}}]] #01 #0202 #030303 #04040404 # #1e1e1e1e1e
        ! ask / ["echo",{"x":{"_placeholder":true,"num":0}},{"_placeholder":true,"num":1}] #010203 #1e1e
        > 452-0["echo",{"x":{"_placeholder":true,"num":0}},{"_placeholder":true,"num":1}]
        > #010203
        > #1e1e
        < 462-0[{"x":{"_placeholder":true,"num":0}},{"_placeholder":true,"num":1}]
        < #010203
        < #1e1e
        = acked / 0 [{"x":{"_placeholder":true,"num":0}},{"_placeholder":true,"num":1}] #010203 #1e1e
        ! ask / ["echo",{"_placeholder":true,"num":1},{"_placeholder":true,"num":0}] #414141 #4242
        > 452-1["echo",{"_placeholder":true,"num":1},{"_placeholder":true,"num":0}]
        > #414141
        > #4242
        ! ask / ["echo",{"_placeholder":true,"num":0},{"_placeholder":true,"num":0}] #414141
        > 451-2["echo",{"_placeholder":true,"num":0},{"_placeholder":true,"num":0}]
        > #414141
        < 452-["repeated",{"_placeholder":true,"num":1},{"_placeholder":true,"num":1}]
        < #4242
        < #414141
        = event / repeated ["repeated",{"_placeholder":true,"num":1},{"_placeholder":true,"num":1}] #4242 #414141
        "#,
    );
}

#[test]
fn a_placeholder_that_is_none_is_plain_data() {
    check(
        &mut connected(),
        r#"
        < 42["types",null,true,1,-1.5,"\u00e9\u20ac\ud834\udd1e \u2028 \u001e",[],{},{"_placeholder":"text"}]
        = event / types ["types",null,true,1,-1.5,"\u00e9\u20ac\ud834\udd1e \u2028 \u001e",[],{},{"_placeholder":"text"}]
        < 42["x",{"_placeholder":true,"num":7}]
        = event / x ["x",{"_placeholder":true,"num":7}]
        < 451-["x",{"_placeholder":"true","num":7},{"_placeholder":true,"_placeholder":false,"num":9},{"num":-1}]
        < #00
        = event / x ["x",{"_placeholder":"true","num":7},{"_placeholder":true,"_placeholder":false,"num":9},{"num":-1}] #00
        < 42["x","\"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[","\\",["NaN"]]
        = event / x ["x","\"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[","\\",["NaN"]]
        < 42[7,"number as a name"]
        = event / 7 [7,"number as a name"]
        "#,
    );
}

#[test]
fn namespaces_live_and_end_apart() {
    check(
        &mut session(
            Revision::V4,
            vec![
                wanted("/"),
                wanted("/admin"),
                wanted("/admin"),
                auth("/secure", r#"{"token":"wrong"}"#),
                wanted("/nope"),
            ],
        ),
        r#"
        < open
        = opened engine
        > 40
        > 40/admin,
        > 40/secure,{"token":"wrong"}
        > 40/nope,
        < 40{"sid":"a"}
        = connected / a
        < 40/admin,{"sid":"b"}
        = connected /admin b
        < 44/nope,"Unable to connect"
        = refused /nope "Unable to connect"
        < 42/secure,["granted",{"user":"ana"}]
        < 44/secure,{"message":"invalid token","data":{"code":4011,"retry":false}}
        = rejected 1 NoOutlet
        = refused /secure "invalid token" {"code":4011,"retry":false}
        ! connect /secure
        > 40/secure,
        < 44/secure,{"message":"authentication required"}
        = refused /secure "authentication required"
        ! connect /secure
        > 40/secure,
        < 40/secure,{"sid":"c"}
        = connected /secure c
        < 42/secure,["granted"]
        = event /secure granted ["granted"]
        ! ask /secure ["echo","q"]
        > 42/secure,0["echo","q"]
        < 43/secure,0["q"]
        = acked /secure 0 ["q"]
        ! emit /admin ["many",2]
        > 42/admin,["many",2]
        < 452-/admin,["many",[{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]]
        < #00
        < #01
        = event /admin many ["many",[{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]] #00 #01
        ! ask /admin ["late"]
        > 42/admin,0["late"]
        < 41/admin,
        = no ack /admin 0 Disconnected
        = gone /admin
        < 42/admin,["afterwards"]
        = fault peer
        < 451-/never,["x",{"_placeholder":true,"num":0}]
        < #00
        = fault peer
        < 40/never,{"sid":"d"}
        = fault peer
        ! emit /admin ["x"]
        = NotConnected
        ! ask /secure ["x"]
        > 42/secure,1["x"]
        ! leave /secure
        > 41/secure,
        = no ack /secure 1 Disconnected
        ! leave /secure
        ! connect /secure
        > 40/secure,
        < 40/secure,{"sid":"e"}
        = connected /secure e
        ! close
        > 41
        > 41/secure,
        > 1
        = ended client disconnect
        < 42["x"]
        "#,
    );
}

#[test]
fn the_last_namespace_takes_the_connection_with_it() {
    check(
        &mut connected(),
        "! connect /
         < 41
         = gone /
         > 1
         = ended server disconnect",
    );
    check(
        &mut session(Revision::V4, vec![wanted("/nope")]),
        r#"< open
         = opened engine
         > 40/nope,
         < 44/nope,{"message":"Invalid namespace"}
         = refused /nope "Invalid namespace"
         > 1
         = ended refused"#,
    );
    for name in ["", "admin", "/a,b", "/a?b"] {
        check(
            &mut session(Revision::V4, vec![wanted(name)]),
            &format!(
                "< open
                 = opened engine
                 = refused {name} \"its name does not begin with / or holds , or ?\"
                 > 1
                 = ended refused"
            ),
        );
    }
    check(
        &mut session(Revision::V4, vec![auth("/", "\"text\"")]),
        r#"< open
         = opened engine
         = refused / "its credentials are not a JSON object"
         > 1
         = ended refused"#,
    );
}

#[test]
fn pings_are_answered_at_once_even_while_attachments_are_missing() {
    check(
        &mut connected(),
        r#"
        < 2
        > 3
        < 451-["frame",{"_placeholder":true,"num":0}]
        < 2abc
        > 3abc
        < 6
        < #00
        = event / frame ["frame",{"_placeholder":true,"num":0}] #00
        < 3
        = fault peer
        <
        = fault peer
        "#,
    );
}

#[test]
fn time_limits_end_a_connection_that_does_not_come_to_life() {
    check(
        &mut session(Revision::V4, vec![wanted("/")]),
        "@ 9999
         @ next 10000
         = ended handshake failed",
    );
    check(
        &mut session(Revision::V4, vec![wanted("/")]),
        "@ 3000
         < open
         = opened engine
         > 40
         @ next 13000
         = ended handshake failed",
    );
}

#[test]
fn a_silent_link_is_dead_and_one_without_pings_is_suspect() {
    check(
        &mut connected(),
        r#"
        @ 44000
        < 42["x"]
        = event / x ["x"]
        @ next 89000
        = ended ping timeout
        "#,
    );
    check(
        &mut connected(),
        r#"
        @ 40000
        < 6
        @ 80000
        < 6
        @ 120000
        < 6
        @ next 135000
        = fault timeout
        @ 160000
        < 2
        > 3
        @ 200000
        < 6
        @ 240000
        < 6
        @ 280000
        < 6
        @ next 295000
        = fault timeout
        @ next 325000
        = ended ping timeout
        "#,
    );
    // Times that round to nothing give a second.
    let mut quick = session(Revision::V4, vec![wanted("/")]);
    check(
        &mut quick,
        r#"
        < 0{"sid":"e","pingTimeout":0,"pingInterval":0}
        = opened e
        > 40
        @ next 1000
        = ended ping timeout
        "#,
    );
    let mut slow = connected();
    slow.heard(1, stamp(40_000));
    assert_eq!(slow.deadline(), Some(stamp(85_000).mono_ns));
}

#[test]
fn an_attachment_that_does_not_come_ends_the_connection_and_a_slow_one_does_not() {
    let header = r#"451-["frame",{"_placeholder":true,"num":0}]"#;
    let mut session = connected();
    session.on_text(header.into(), stamp(0));
    session.heard(5_000, stamp(8_000));
    // Heart-beats alone are no progress.
    session.heard(10, stamp(17_000));
    check(
        &mut session,
        "@ 17999
         @ next 18000
         = ended transport error",
    );
}

#[test]
fn revision_3_pings_by_itself_and_marks_attachments() {
    check(
        &mut session(
            Revision::V3,
            vec![wanted("/"), auth("/secure", r#"{"token":"x y"}"#)],
        ),
        r#"
        < open
        = opened engine
        > 40/secure?token=x+y,
        < 40
        = connected / engine
        < 44/secure,{"code":4011,"retry":false}
        = refused /secure "no reason given" {"code":4011,"retry":false}
        @ next 25000
        > 2
        < 3
        ! ask / ["echo",{"_placeholder":true,"num":0}] #0102
        > 451-0["echo",{"_placeholder":true,"num":0}]
        > #040102
        < 461-0[{"_placeholder":true,"num":0}]
        < #040102
        = acked / 0 [{"_placeholder":true,"num":0}] #0102
        @ next 50000
        > 2
        @ next 70000
        = ended ping timeout
        "#,
    );
    let mut bare = session(Revision::V3, vec![wanted("/")]);
    check(
        &mut bare,
        r#"
        < open
        = opened engine
        < 40
        = connected / engine
        < 451-["frame",{"_placeholder":true,"num":0}]
        < #0102
        = fault malformed
        = ended transport error
        "#,
    );
}

#[test]
fn a_recovered_session_goes_on_where_it_was_cut() {
    let mut first = session(Revision::V4, vec![wanted("/")]);
    check(
        &mut first,
        r#"
        < open
        = opened engine
        > 40
        < 40{"sid":"s","pid":"p"}
        = connected / s pid=p
        "#,
    );
    assert_eq!(first.recovery("/"), None);
    check(
        &mut first,
        r#"
        < 42["tick",1,"Q7uKjOZ.0"]
        = event / tick ["tick",1,"Q7uKjOZ.0"] offset=Q7uKjOZ.0
        < 42["tick",2,"Q7uKjOZ.1"]
        = event / tick ["tick",2,"Q7uKjOZ.1"] offset=Q7uKjOZ.1
        < 421["asks","no offset"]
        = event / asks ["asks","no offset"] ack=1
        < 42["name alone"]
        = event / name alone ["name alone"]
        "#,
    );
    first.transport_ended(EndReason::TransportClose, "the connection was cut");
    let recovery = first.recovery("/").unwrap();
    assert_eq!((&*recovery.pid, &*recovery.offset), ("p", "Q7uKjOZ.1"));

    let back = Wanted {
        recovery: Some(recovery.clone()),
        ..auth("/", r#"{"token":"abc"}"#)
    };
    let mut second = session(Revision::V4, vec![back.clone()]);
    check(
        &mut second,
        r#"
        < open
        = opened engine
        > 40{"pid":"p","offset":"Q7uKjOZ.1","token":"abc"}
        "#,
    );
    // Not answered yet: the next connection may ask for the same.
    assert_eq!(second.recovery("/"), Some(recovery));
    check(
        &mut second,
        r#"
        < 42["tick",2,"Q7uKjOZ.1"]
        < 451-["frame",{"_placeholder":true,"num":0},"Q7uKjyw"]
        < #ffd8
        < 42["done",{},"Q7uKjzi"]
        < 42["done",{},"Q7uKjzi"]
        < 40{"sid":"s","pid":"p"}
        = connected / s pid=p recovered
        = fault peer
        = event / frame ["frame",{"_placeholder":true,"num":0},"Q7uKjyw"] offset=Q7uKjyw #ffd8
        = event / done ["done",{},"Q7uKjzi"] offset=Q7uKjzi
        = fault peer
        < 42["volatile","idle"]
        = event / volatile ["volatile","idle"] offset=idle
        < 42["another","idle"]
        = event / another ["another","idle"] offset=idle
        < 41
        = gone /
        > 1
        = ended server disconnect
        "#,
    );
    // What a DISCONNECT ended cannot be recovered.
    assert_eq!(second.recovery("/"), None);

    let mut third = session(Revision::V4, vec![back]);
    check(
        &mut third,
        r#"
        < open
        = opened engine
        > 40{"pid":"p","offset":"Q7uKjOZ.1","token":"abc"}
        < 40{"sid":"s2","pid":"p2"}
        = connected / s2 pid=p2
        "#,
    );
    assert_eq!(third.recovery("/"), None);
}

#[test]
fn credentials_are_in_no_debug_text() {
    for revision in [Revision::V3, Revision::V4] {
        let mut session = session(
            revision,
            vec![
                auth("/secure", r#"{"token":"s3cret"}"#),
                wanted("/"),
                wanted("/"),
            ],
        );
        session.on_text(OPEN.into(), stamp(0));
        let sent = format!("{session:?} {:?}", drain(&mut session));
        assert!(sent.contains("more bytes"), "{sent}");
        assert!(!sent.contains("s3cret"), "{sent}");
    }
}

#[test]
fn what_a_server_would_hang_up_on_is_refused_here() {
    check(
        &mut connected(),
        r#"
        ! emit / ["connect"]
        = ReservedName
        ! emit / ["removeListener",1]
        = ReservedName
        ! emit / {"not":"an array"}
        = BadArguments
        ! emit / []
        = BadArguments
        ! emit / [NaN]
        = BadArguments
        ! emit / ["x",{"_placeholder":true,"num":1}] #00
        = BadArguments
        ! emit / ["x"] #00 #01 #02 #03 #04 #05 #06 #07 #08 #09 #0a
        = TooManyAttachments
        ! emit /admin ["x"]
        = NotConnected
        ! ack / 0 {"not":"an array"}
        = BadArguments
        "#,
    );
    let mut session = connected();
    let long = format!("[\"{}\"]", "x".repeat(200));
    assert!(session.emit("/", &long, &[]).is_ok());
    let frame = Bytes::from(vec![0; 1_000_001]);
    let placeholder = r#"["x",{"_placeholder":true,"num":0}]"#;
    assert!(matches!(
        session.emit("/", placeholder, std::slice::from_ref(&frame)),
        Err(EmitError::TooLarge {
            got: 1_000_001,
            limit: 1_000_000
        })
    ));
    let frame = frame.slice(..900_000);
    assert!(
        session
            .emit("/", placeholder, std::slice::from_ref(&frame))
            .is_ok()
    );
    session.set_polling(true);
    assert!(matches!(
        session.emit("/", placeholder, &[frame]),
        Err(EmitError::TooLarge { got: 1_200_001, .. })
    ));
    drain(&mut session);
    session.limits.pending_acks = 2;
    check(
        &mut session,
        r#"
        ! ask / ["a"]
        > 420["a"]
        ! ask / ["disconnect"]
        = ReservedName
        ! ask / ["b"]
        > 421["b"]
        ! ask / ["c"]
        = TooManyAcks
        "#,
    );
}

#[test]
fn a_payload_that_cannot_be_used_costs_its_own_event() {
    let mut deep = "[".repeat(65);
    deep.push_str(&"]".repeat(65));
    let cases = [
        (
            r#"42["x \"NaN\\",NaN,-Infinity]"#.to_owned(),
            DropReason::Malformed,
        ),
        (r#"42["x",1,"\ud800"]"#.to_owned(), DropReason::Malformed),
        (format!(r#"42["x",{deep}]"#), DropReason::TooLarge),
        (
            format!(r#"42["a",{}"#, "[".repeat(5_000)),
            DropReason::TooLarge,
        ),
        (
            format!(r#"42["{}"]"#, "n".repeat(257)),
            DropReason::TooLarge,
        ),
        (
            format!(r#"42/{},["x"]"#, "n".repeat(256)),
            DropReason::TooLarge,
        ),
    ];
    for (message, want) in cases {
        let mut session = connected();
        session.on_text(message.clone().into(), stamp(0));
        // Half a surrogate pair is legal JSON; only an event's name must be a text.
        if message.contains("ud800") {
            assert!(matches!(drain(&mut session)[..], [Output::Event(_)]));
            continue;
        }
        let outputs = drain(&mut session);
        assert!(
            matches!(&outputs[..], [Output::Rejected { reason, count: 1, .. }] if *reason == want),
            "{message}: {outputs:?}"
        );
        check(&mut session, "< 42[\"next\"]\n= event / next [\"next\"]");
    }
    check(
        &mut connected(),
        r#"
        < 451-["x",NaN,{"_placeholder":true,"num":0}]
        < #00
        = rejected 1 Malformed
        < 42["\ud800"]
        = rejected 1 Malformed
        < 42["x"]
        = event / x ["x"]
        "#,
    );
}

#[test]
fn malformed_input_ends_the_connection_and_never_panics() {
    let many_digits = format!("42{}[\"a\"]", "1".repeat(120));
    let deep = format!("{}{}", "[".repeat(64), "]".repeat(64));
    let deep_answer = format!(r#"40{{"sid":"s","x":{deep}}}"#);
    let deep_refusal = format!(r#"44{{"message":"no","data":{deep}}}"#);
    let cases = [
        "4",
        "7",
        "x",
        "5",
        "4\u{20ac}",
        "47[\"x\"]",
        "42",
        "42[]",
        "42{\"a\":1}",
        "42[\"a\"",
        "42[1,2]x",
        "42[null]",
        "42[{}]",
        "42[\"a\",]",
        "42\"a\"",
        "43[\"x\"]",
        "430",
        "430{}",
        "450-[\"a\"]",
        "45-[\"a\"]",
        "451[\"a\"]",
        "4565-[\"a\"]",
        "4599999999999-[\"a\"]",
        "451-[\"a\",{\"_placeholder\":true,\"num\":1}]",
        "451-[\"a\",{\"_placeholder\":true,\"num\":-1}]",
        "451-[\"a\",{\"_placeholder\":true,\"num\":0.5}]",
        "451-[\"a\",{\"_placeholder\":true,\"num\":\"0\"}]",
        "451-[\"a\",{\"_placeholder\":true}]",
        "461-[]",
        "4201234567890123456789[\"a\"]",
        "429223372036854775808[\"a\"]",
        &many_digits,
        "40/admin{\"sid\":\"x\"}",
        "40",
        "40{}",
        "40[]",
        "40\"text\"",
        "40{\"sid\":1}",
        "405{\"sid\":\"x\"}",
        &deep_answer,
        &deep_refusal,
        "41{}",
        "44",
        "44[]",
        "445",
        OPEN,
        "#00",
    ];
    for case in cases {
        check(
            &mut connected(),
            &format!(
                "< {case}\n= fault {}\n= ended transport error",
                if case.starts_with("4565") {
                    "too large"
                } else {
                    "malformed"
                }
            ),
        );
    }
    for packet in [
        "42[\"x\"]",
        "40{\"sid\":\"x\"}",
        "430[]",
        "451-[\"x\"]",
        "41",
    ] {
        check(
            &mut connected(),
            &format!("< 451-[\"a\"]\n< {packet}\n= fault malformed\n= ended transport error"),
        );
    }
    let mut session = connected();
    session.on_text(Bytes::from_static(b"42[\"\xff\"]"), stamp(0));
    assert_eq!(
        drain(&mut session).iter().map(show).collect::<Vec<_>>(),
        ["= fault malformed", "= ended transport error"]
    );
}

#[test]
fn an_open_packet_is_believed_within_bounds() {
    let long_sid = format!(
        r#"0{{"sid":"{}","pingInterval":1,"pingTimeout":1}}"#,
        "x".repeat(257)
    );
    let cases = [
        "40",
        "2",
        "0",
        "0[]",
        "0{}",
        r#"0{"sid":"","pingInterval":1,"pingTimeout":1}"#,
        r#"0{"sid":"a b","pingInterval":1,"pingTimeout":1}"#,
        r#"0{"sid":"é","pingInterval":1,"pingTimeout":1}"#,
        r#"0{"sid":"a","pingTimeout":1}"#,
        r#"0{"sid":"a","pingInterval":"1","pingTimeout":1}"#,
        r#"0{"sid":"a","pingInterval":0.5,"pingTimeout":1}"#,
        r#"0{"sid":"a","pingInterval":-1,"pingTimeout":1}"#,
        r#"0{"sid":"a","pingInterval":1,"pingTimeout":86400001}"#,
        "HTTP/1.1 400 Bad Request",
        "#485454",
        &long_sid,
    ];
    for case in cases {
        check(
            &mut session(Revision::V4, vec![wanted("/")]),
            &format!("< {case}\n= fault malformed\n= ended handshake failed"),
        );
    }
    let mut session = session(Revision::V4, vec![]);
    session.on_text(
        r#"0{"new":[],"sid":"a","upgrades":["websocket"],"pingInterval":300,"pingTimeout":200}"#
            .into(),
        stamp(0),
    );
    let open = session.open_packet().unwrap();
    assert!(open.offers_websocket());
    assert_eq!(open.max_payload, 1_000_000);
}

#[test]
fn limits_end_the_connection() {
    let small = Limits {
        text_bytes: 100,
        attachment_bytes: 3,
        attachments_bytes: 5,
        attachments: 2,
        held_events: 2,
        ..Limits::default()
    };
    let long = format!("< 42[\"{}\"]", "x".repeat(100));
    let cases = [
        &*long,
        "< 451-[\"x\"]\n< #00010203",
        "< 452-[\"x\"]\n< #000102\n< #000102",
        "< 453-[\"x\"]",
        "< 42/held,[\"x\"]\n< 42/held,[\"x\"]\n< 42/held,[\"x\"]",
    ];
    for case in cases {
        let mut session = connected();
        session.limits = small.clone();
        session.connect(wanted("/held"), stamp(0));
        drain(&mut session);
        let lost = if case.contains("held") {
            "\n= rejected 3 NoOutlet"
        } else {
            ""
        };
        check(
            &mut session,
            &format!("{case}\n= fault too large{lost}\n= ended transport error"),
        );
    }
}

/// Pieces of the protocol, so that random messages get far.
fn message() -> impl Strategy<Value = (bool, Vec<u8>)> {
    let pieces = prop::sample::select(vec![
        "0",
        "1",
        "2",
        "3",
        "4",
        "5",
        "6",
        "-",
        "/a,",
        "/",
        ",",
        "[",
        "]",
        "{",
        "}",
        "\"a\"",
        "\"",
        ":",
        "\\",
        "true",
        "NaN",
        "null",
        "12",
        "{\"_placeholder\":true,\"num\":0}",
        "{\"sid\":\"x\"}",
        "42[\"a\"]",
        "451-[\"a\"]",
        "430[]",
        "40{\"sid\":\"x\",\"pid\":\"p\"}",
        OPEN,
        "\u{20ac}",
    ]);
    let text = prop::collection::vec(pieces, 0..6).prop_map(|p| p.concat().into_bytes());
    let bytes = prop::collection::vec(any::<u8>(), 0..24);
    (any::<bool>(), prop_oneof![4 => text, 1 => bytes])
}

proptest! {
    #[test]
    fn nothing_a_peer_sends_panics(
        opened in any::<bool>(),
        v3 in any::<bool>(),
        messages in prop::collection::vec(message(), 0..12),
    ) {
        let revision = if v3 { Revision::V3 } else { Revision::V4 };
        let mut session = session(revision, vec![wanted("/"), wanted("/a")]);
        if opened {
            session.on_text(OPEN.into(), stamp(0));
        }
        let mut ends = 0;
        for (at, (binary, message)) in messages.into_iter().enumerate() {
            let at = stamp(at as u64 * 3_000);
            if binary {
                session.on_binary(message.into(), at);
            } else {
                session.on_text(message.into(), at);
            }
            let _ = session.emit_with_ack("/", "[\"x\"]", &[], at);
            session.on_tick(at.mono_ns);
            for output in drain(&mut session) {
                prop_assert_eq!(ends, 0, "after the end: {:?}", output);
                ends += usize::from(matches!(output, Output::Ended { .. }));
            }
            prop_assert_eq!(session.has_ended(), ends == 1);
            prop_assert_eq!(session.deadline().is_none(), ends == 1);
        }
    }

    #[test]
    fn a_packet_decodes_to_what_was_encoded(
        kind in prop::sample::select(vec![
            PacketKind::Event, PacketKind::Ack, PacketKind::BinaryEvent, PacketKind::BinaryAck,
        ]),
        name in "/[a-zé{\"]{0,8}",
        id in prop::option::of(0..=u64::MAX >> 1),
        attachments in 1..=64_usize,
        text in any::<String>(),
    ) {
        let needs_id = matches!(kind, PacketKind::Ack | PacketKind::BinaryAck);
        let packet = Packet {
            kind,
            attachments: if kind.is_binary() { attachments } else { 0 },
            namespace: name,
            ack_id: if needs_id { id.or(Some(0)) } else { id },
            payload: serde_json::json!([text]).to_string().into(),
        };
        let wire = engineio::Packet::decode(&packet.encode()).unwrap();
        prop_assert_eq!(wire.kind, EngineKind::Message);
        prop_assert_eq!(Packet::decode(&wire.body, 64).unwrap(), packet);
    }

    #[test]
    fn what_is_emitted_arrives_whole(
        args in prop::collection::vec(any::<String>(), 0..4),
        attachments in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 0..=10),
        v3 in any::<bool>(),
        polling in any::<bool>(),
    ) {
        let revision = if v3 { Revision::V3 } else { Revision::V4 };
        let attachments: Vec<Bytes> = attachments.into_iter().map(Bytes::from).collect();
        let mut array: Vec<serde_json::Value> = vec!["name".into()];
        array.extend(args.into_iter().map(serde_json::Value::from));
        for num in 0..attachments.len() {
            array.push(serde_json::json!({"_placeholder": true, "num": num}));
        }
        let array = serde_json::Value::from(array).to_string();

        let answer = if v3 { "40" } else { r#"40{"sid":"s"}"# };
        let mut sender = session(revision, vec![wanted("/")]);
        let mut receiver = session(revision, vec![wanted("/")]);
        for end in [&mut sender, &mut receiver] {
            end.on_text(OPEN.into(), stamp(0));
            end.on_text(answer.into(), stamp(0));
            drain(end);
        }
        sender.emit("/", &array, &attachments).unwrap();
        let mut wire: VecDeque<WireMessage> = drain(&mut sender)
            .into_iter()
            .filter_map(|output| match output {
                Output::Send(message) => Some(message),
                _ => None,
            })
            .collect();
        if polling {
            let body = engineio::payload::next_post(&mut wire, 1_000_000).unwrap().unwrap();
            prop_assert!(wire.is_empty());
            wire = engineio::payload::split(&body, 1_000_000, 16).unwrap().into();
        }
        for message in wire {
            match message {
                WireMessage::Text(text) => receiver.on_text(text, stamp(0)),
                WireMessage::Binary(bytes) => receiver.on_binary(bytes, stamp(0)),
            }
        }
        let outputs = drain(&mut receiver);
        let [Output::Event(event)] = &outputs[..] else {
            return Err(TestCaseError::fail(format!("{outputs:?}")));
        };
        prop_assert_eq!(&event.array, array.as_bytes());
        prop_assert_eq!(&event.attachments, &attachments);
    }
}
