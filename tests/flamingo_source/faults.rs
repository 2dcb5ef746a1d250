//! A server that does things wrong, and a connection that ends anywhere.

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use ttyscope::model::{
    Command, CommandReport, CommandState, FaultKind, Limits, Motion, Payload, StopOrigin,
};
use ttyscope::simulators::flamingo::{Axis, Cut, Deed, Fault, Simulator, SimulatorOptions, What};
use ttyscope::sources::flamingo::FlamingoOptions;
use ttyscope::sources::net::Endpoint;

use crate::watched::{Watched, deeds, options, quick, received, simulator, to};

/// Options whose times are short, for servers that do not answer.
fn impatient(simulator: &Simulator) -> FlamingoOptions {
    let mut options = options(simulator);
    options.patience.motion = Duration::from_millis(500);
    options
}

async fn with_faults(faults: &[Fault]) -> Simulator {
    simulator(SimulatorOptions {
        faults: faults.to_vec(),
        ..quick()
    })
    .await
}

#[tokio::test]
async fn moves_of_a_millisecond_are_never_missed() {
    let simulator = simulator(SimulatorOptions {
        speeds: [0.0; 4],
        ..quick()
    })
    .await;
    let mut watched = Watched::ready(&simulator).await;
    for round in 0..100_u32 {
        let to_x = if round % 2 == 0 { 9.0 } else { 9.001 };
        let ids = [
            watched.ask(to("x", to_x)).await,
            watched.ask(to("y", to_x)).await,
            watched.ask(to("z", to_x + 4.0)).await,
            watched.ask(to("r", to_x)).await,
        ];
        for id in ids {
            let end = watched.end_of(id).await;
            assert_eq!(end.state, CommandState::Done, "{round}: {end:?}");
            assert_eq!(end.detail, None, "the end of the motion was heard");
        }
    }
    watched.end().await;
}

#[tokio::test]
async fn every_axis_moves_at_once_under_a_flood_of_other_ends() {
    let simulator = with_faults(&[Fault::MotionFlood { per_s: 20_000 }]).await;
    let mut watched = Watched::ready(&simulator).await;
    for round in 0..5_u32 {
        let target = f64::from(round % 2) + 12.0;
        let ids = [
            watched.ask(to("x", target)).await,
            watched.ask(to("y", target + 8.0)).await,
            watched.ask(to("z", target + 3.0)).await,
            watched.ask(to("r", target)).await,
        ];
        for id in ids {
            let end = watched.end_of(id).await;
            assert_eq!(end.state, CommandState::Done, "{end:?}");
        }
        let [x, y, z, r] = simulator.positions();
        assert_eq!([x, y, z, r], [target, target + 8.0, target + 3.0, target]);
    }
    let press = watched.board.press(StopOrigin::Key);
    let report = watched.stop_report().await;
    assert_eq!(report.press, press);
    watched.end().await;
}

#[tokio::test]
async fn a_stop_during_a_move_under_a_flood_halts_it() {
    let simulator = simulator(SimulatorOptions {
        speeds: [0.1; 4],
        faults: vec![Fault::MotionFlood { per_s: 20_000 }],
        ..quick()
    })
    .await;
    let mut watched = Watched::ready(&simulator).await;
    let z = watched.ask(to("z", 12.0)).await;
    let x = watched.ask(to("x", 12.0)).await;
    watched.state_of(z, CommandState::Acknowledged).await;
    watched.state_of(x, CommandState::Acknowledged).await;
    watched.board.press(StopOrigin::Key);
    for id in [z, x] {
        let end = watched.end_of(id).await;
        assert_eq!(end.state, CommandState::Stopped, "{end:?}");
        let at = simulator.positions();
        assert_eq!(
            (end.after[0].value, end.after[2].value),
            (Some(at[0]), Some(at[2]))
        );
    }
    let halted = deeds(&simulator)
        .into_iter()
        .filter(|d| matches!(d, Deed::MoveHalted { .. }));
    assert_eq!(halted.count(), 2);
    watched.end().await;
}

#[tokio::test]
async fn junk_costs_nothing_but_a_line() {
    let simulator = with_faults(&[Fault::JunkBytes { every: 3 }]).await;
    let mut watched = Watched::ready(&simulator).await;
    for x in [9.0, 10.0, 9.0] {
        let end = watched.done(to("x", x)).await;
        assert_eq!(end.state, CommandState::Done, "{end:?}");
    }
    watched.fault("7 bytes that belong to no message").await;
    let seen = watched.end().await;
    let downs = seen
        .iter()
        .filter(|s| matches!(&s.payload, Payload::Link(l) if l.word() == "down"));
    assert_eq!(downs.count(), 0);
}

#[tokio::test]
async fn replies_of_others_and_twice_are_told_from_ours() {
    let faults = [Fault::ForeignReplies, Fault::DuplicatedReplies];
    let simulator = with_faults(&faults).await;
    let mut watched = Watched::ready(&simulator).await;
    assert_eq!(watched.position("x"), 8.032);
    assert_eq!(watched.position("z"), 19.753);
    for (axis, target) in [("x", 9.0), ("y", 20.0), ("z", 15.0), ("r", 3.0)] {
        let end = watched.done(to(axis, target)).await;
        assert_eq!(end.state, CommandState::Done, "{end:?}");
        assert_eq!(watched.position(axis), target);
    }
    watched.end().await;
}

#[tokio::test]
async fn a_move_of_which_nobody_says_that_it_ended_is_read_back() {
    let simulator = with_faults(&[Fault::NoMotionStopped]).await;
    let mut watched = Watched::start(impatient(&simulator));
    watched.read().await;
    let end = watched.done(to("x", 9.0)).await;
    assert_eq!(end.state, CommandState::Done, "{end:?}");
    assert_eq!(end.after[0].value, Some(9.0));
    watched.end().await;
}

#[tokio::test]
async fn a_move_that_is_declined_and_done_all_the_same_is_not_called_done() {
    let simulator = simulator(quick()).await;
    let mut watched = Watched::ready(&simulator).await;
    simulator.set_faults(&[Fault::WrongStatus { status: 0 }]);
    let end = watched.done(to("x", 9.0)).await;
    assert_eq!(end.state, CommandState::Failed, "{end:?}");
    assert!(end.detail.unwrap().contains("declined with status 0"));
    simulator.set_faults(&[]);
    watched
        .until_instrument("x at rest", |i| {
            let x = i.axis("x").unwrap();
            x.motion == Motion::Settled && x.position == Some(9.0)
        })
        .await;
    watched.end().await;
}

#[tokio::test]
async fn a_move_that_is_not_acknowledged_is_unknown_until_it_is_read_back() {
    let simulator = simulator(quick()).await;
    let mut watched = Watched::ready(&simulator).await;
    simulator.set_faults(&[Fault::DroppedReplies { every: 1 }]);
    let id = watched.ask(to("x", 9.0)).await;
    watched.state_of(id, CommandState::Unknown).await;
    // Nothing else of this axis passes before that is decided.
    let end = watched.done(to("x", 10.0)).await;
    assert_eq!(end.state, CommandState::Refused, "{end:?}");
    simulator.set_faults(&[]);
    let end = watched.end_of(id).await;
    assert_eq!(end.state, CommandState::Done, "{end:?}");
    watched.end().await;
}

#[tokio::test]
async fn another_clients_move_is_seen_until_it_rests() {
    let simulator = simulator(SimulatorOptions {
        speeds: [5.0; 4],
        ..quick()
    })
    .await;
    let mut watched = Watched::ready(&simulator).await;
    simulator.move_by_other_client(Axis::X, 10.0);
    watched
        .until_instrument("x on its way", |i| {
            i.axis("x").unwrap().motion == Motion::Moving
        })
        .await;
    watched
        .until_instrument("x at rest", |i| {
            let x = i.axis("x").unwrap();
            x.motion == Motion::Settled && x.position == Some(10.0)
        })
        .await;
    // R is in no position update: only its end is told.
    simulator.move_by_other_client(Axis::R, 2.0);
    watched
        .until_instrument("r there", |i| i.axis("r").unwrap().position == Some(2.0))
        .await;
    watched.end().await;
}

#[tokio::test]
async fn without_limits_nothing_is_moved() {
    let simulator = with_faults(&[Fault::SettingsWithoutLimits]).await;
    let mut watched = Watched::start(options(&simulator));
    watched.reading("server/storage").await;
    watched.fault("nothing may be moved").await;
    for command in [to("x", 9.0), Command::Home { axis: None }] {
        let end = watched.done(command).await;
        assert_eq!(end.state, CommandState::Refused);
        assert!(
            end.detail.as_ref().unwrap().contains("no usable limits"),
            "{end:?}"
        );
    }
    assert!(!received(&simulator, 0).contains(&0x6005));
    watched.end().await;
}

#[tokio::test]
async fn limits_of_our_own_may_only_narrow() {
    let simulator = simulator(quick()).await;
    let mut options = options(&simulator);
    options
        .limits
        .insert("x".to_owned(), Limits::new(8.0, 9.0).unwrap());
    options
        .limits
        .insert("Y".to_owned(), Limits::new(0.0, 24.0).unwrap());
    options
        .limits
        .insert("q".to_owned(), Limits::new(0.0, 1.0).unwrap());
    let mut watched = Watched::start(options);
    watched.reading("server/storage").await;
    watched
        .fault("limits of y: 0 to 24 mm is wider than the instrument's 5 to 25 mm")
        .await;
    let end = watched.done(to("x", 9.5)).await;
    assert!(end.detail.unwrap().contains("from 8 to 9 mm"));
    let end = watched.done(to("y", 20.0)).await;
    assert_eq!(end.state, CommandState::Refused);
    assert!(
        end.detail
            .unwrap()
            .contains("is wider than the instrument's")
    );
    assert_eq!(watched.done(to("x", 8.5)).await.state, CommandState::Done);
    watched.end().await;
}

#[tokio::test]
async fn escape_sequences_of_a_server_stay_text() {
    let simulator = with_faults(&[Fault::EscapeSettings]).await;
    let mut watched = Watched::ready(&simulator).await;
    watched.done(Command::Refresh).await;
    let seen = watched.end().await;
    let all: String = seen
        .iter()
        .filter_map(|sample| match &sample.payload {
            Payload::Readings(all) => Some(format!("{all:?}")),
            Payload::Fault(fault) => Some(fault.text.to_string()),
            Payload::Command(report) => report.detail.as_ref().map(|d| d.to_string()),
            _ => None,
        })
        .collect();
    assert!(!all.contains('\u{1b}') && !all.contains('\u{202e}'));
}

#[tokio::test]
async fn a_server_that_accepts_and_says_nothing_is_named() {
    let simulator = with_faults(&[Fault::SilentServer]).await;
    let mut options = options(&simulator);
    options.patience.alive = Duration::from_millis(50);
    let mut watched = Watched::start(options);
    let down = watched.link("down").await;
    assert!(down.contains("is the control program running?"), "{down}");
    simulator.set_faults(&[]);
    watched.read().await;
    watched.end().await;
}

#[tokio::test]
async fn a_server_that_hangs_later_is_left_and_tried_again() {
    let simulator = simulator(quick()).await;
    let mut options = options(&simulator);
    options.patience.state_poll = Duration::from_millis(20);
    let mut watched = Watched::start(options);
    watched.read().await;
    simulator.set_faults(&[Fault::SilentServer]);
    watched.link("stale").await;
    let down = watched.link("down").await;
    assert!(down.contains("the server hangs"), "{down}");
    watched.end().await;
}

#[tokio::test]
async fn a_peer_that_speaks_something_else_is_left() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let peer = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let junk = [b'x'; 4096];
        while stream.write_all(&junk).await.is_ok() {}
    });
    let mut watched = Watched::start(FlamingoOptions::new(Endpoint::plain("127.0.0.1", port)));
    let down = watched.link("down").await;
    assert!(down.contains("is it the right port?"), "{down}");
    watched.fault("belong to no message").await;
    peer.await.unwrap();
    watched.end().await;
}

#[tokio::test]
async fn a_payload_beyond_all_bounds_is_passed_over() {
    // 2 MiB behind a settings push: more than is kept, and no more than there may be.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let peer = tokio::spawn(async move {
        use ttyscope::protocol::flamingo::Message;
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = [0; 128];
        stream.read_exact(&mut request).await.unwrap();
        let push = Message::new(0x1007).with_payload(vec![b'x'; 2 << 20]);
        stream.write_all(&push.encode().unwrap()).await.unwrap();
        let state = Message::reply(0xa007).with_d0(0xa002);
        stream.write_all(&state.encode().unwrap()).await.unwrap();
        while matches!(stream.read(&mut request).await, Ok(1..)) {}
    });
    let mut watched = Watched::start(FlamingoOptions::new(Endpoint::plain("127.0.0.1", port)));
    watched.link("live").await;
    watched.fault("2097152 bytes, which was passed over").await;
    watched.end().await;
    peer.await.unwrap();
}

#[tokio::test]
async fn unknown_messages_are_kept_with_all_their_fields() {
    let simulator = with_faults(&[Fault::ForeignReplies]).await;
    let mut watched = Watched::start(options(&simulator));
    let is_it = |p: &Payload| matches!(p, Payload::Message(m) if m.name.starts_with("0x"));
    let Payload::Message(message) = watched.until("an unknown message", is_it).await else {
        unreachable!()
    };
    let fields: serde_json::Value = serde_json::from_slice(&message.json).unwrap();
    assert_eq!(fields["status"], 1);
    assert!(fields["code"].is_number() && fields["data"].as_array().unwrap().len() == 3);
    watched.end().await;
}

#[tokio::test]
async fn a_connection_that_is_cut_is_made_again_and_nothing_is_sent_twice() {
    let simulator = simulator(quick()).await;
    let mut watched = Watched::ready(&simulator).await;
    assert!(simulator.cut(1, Cut::AfterReceived(0)));
    let down = watched.link("down").await;
    assert!(down.contains("closed the connection"), "{down}");
    assert!(
        watched
            .instrument
            .axes
            .iter()
            .all(|axis| axis.motion == Motion::Unknown)
    );
    watched.link("live").await;
    let axes =
        |i: &ttyscope::model::Instrument| i.axes.iter().all(|axis| axis.motion == Motion::Settled);
    watched.until_instrument("positions again", axes).await;
    assert_eq!(simulator.counters().clients, 2);
    watched.end().await;
}

/// What the simulator's own log proves about a move of X to 9.
struct Proof {
    received: bool,
    replied: bool,
    arrived: bool,
}

fn proof(simulator: &Simulator, first: usize) -> Proof {
    let log = simulator.log_from(first);
    let any = |wanted: &dyn Fn(&What) -> bool| log.iter().any(|entry| wanted(&entry.what));
    Proof {
        received: any(&|what| matches!(what, What::Received(m) if m.code == 0x6005)),
        replied: any(&|what| matches!(what, What::Replied { code: 0x6005, .. })),
        arrived: any(&|what| {
            let arrived = Deed::MoveEnded {
                axis: Axis::X,
                at: 9.0,
            };
            matches!(what, What::Did(deed) if *deed == arrived)
        }),
    }
}

/// Whether a report claims more than is proved.
fn claims_too_much(report: &CommandReport, proof: &Proof) -> bool {
    match report.state {
        CommandState::Acknowledged => !proof.replied,
        CommandState::Done => !proof.arrived,
        // It was not sent: then nothing came.
        CommandState::Refused => proof.received,
        CommandState::Failed | CommandState::Stopped => proof.arrived,
        CommandState::Queued | CommandState::Sent | CommandState::Unknown => false,
    }
}

/// Cuts a move's exchange at one place and checks every state against the log as it was then.
async fn cut_at(cut: Cut) {
    let simulator = simulator(SimulatorOptions {
        speeds: [100.0; 4],
        ..quick()
    })
    .await;
    let mut watched = Watched::ready(&simulator).await;
    let first = simulator.log_len();
    assert!(simulator.cut(1, cut));
    let id = watched.ask(to("x", 9.0)).await;
    loop {
        let is_it = |p: &Payload| matches!(p, Payload::Command(r) if r.id == id);
        let Payload::Command(report) = watched.until("a report", is_it).await else {
            unreachable!()
        };
        // The simulator notes a reply a moment after the client may know of it.
        if report.state == CommandState::Acknowledged {
            simulator.until(|s| proof(s, first).replied).await;
        }
        let proof = proof(&simulator, first);
        assert!(!claims_too_much(&report, &proof), "{cut:?}: {report:?}");
        if report.is_final {
            let decided = [
                CommandState::Done,
                CommandState::Failed,
                CommandState::Refused,
            ];
            assert!(decided.contains(&report.state), "{cut:?}: {report:?}");
            break;
        }
    }
    // It was asked for once, and sent at most once.
    let moves = received(&simulator, first)
        .iter()
        .filter(|c| **c == 0x6005)
        .count();
    assert!(moves <= 1);
    watched.end().await;
}

/// Many at once: each waits half a second for its new connection.
async fn cut_everywhere(cuts: impl Iterator<Item = Cut>) {
    let mut tasks = tokio::task::JoinSet::new();
    for cut in cuts {
        tasks.spawn(cut_at(cut));
        if tasks.len() >= 32 {
            tasks.join_next().await.unwrap().unwrap();
        }
    }
    while let Some(ended) = tasks.join_next().await {
        ended.unwrap();
    }
}

#[tokio::test]
async fn no_state_claims_more_than_the_log_wherever_a_move_to_the_server_is_cut() {
    // The move and the first question after it.
    cut_everywhere((0..=256).map(Cut::AfterReceived)).await;
}

#[tokio::test]
async fn no_state_claims_more_than_the_log_wherever_the_answer_is_cut() {
    // The acknowledgement, the end of the motion and the position.
    cut_everywhere((0..=384).map(Cut::AfterSent)).await;
}

#[tokio::test]
async fn a_latched_stop_lets_nothing_pass_that_moves_or_shines() {
    let simulator = simulator(quick()).await;
    let mut watched = Watched::ready(&simulator).await;
    watched.board.press(StopOrigin::Signal);
    // Sent and acknowledged.
    watched.stop_report().await;
    watched.stop_report().await;
    simulator.until(|s| received(s, 0).contains(&0x3005)).await;
    let first = simulator.log_len();
    for command in [
        to("x", 9.0),
        Command::Home { axis: None },
        Command::SetLight {
            light: "488".into(),
            level: None,
            on: Some(true),
        },
        Command::Raw {
            call: "0x6001".into(),
            arguments: Vec::new(),
        },
        Command::Snap { name: None },
        Command::StartLiveView { protocol: None },
    ] {
        let end = watched.done(command).await;
        assert_eq!(end.state, CommandState::Refused, "{end:?}");
    }
    let dark = Command::SetLight {
        light: "488".into(),
        level: None,
        on: Some(false),
    };
    assert_eq!(watched.done(dark).await.state, CommandState::Sent);
    simulator
        .until(|s| received(s, first).contains(&0x2007))
        .await;
    let codes = received(&simulator, first);
    assert!(
        codes.iter().all(|code| [0x2007, 0x6008].contains(code)),
        "{codes:x?}"
    );
    watched.end().await;
}

#[tokio::test]
async fn a_halt_that_is_not_answered_is_said_to_be() {
    let simulator = with_faults(&[Fault::NoHaltEcho]).await;
    let mut watched = Watched::ready(&simulator).await;
    watched.board.press(StopOrigin::Key);
    use ttyscope::model::StopState;
    assert!(matches!(
        watched.stop_report().await.state,
        StopState::Sent { .. }
    ));
    assert_eq!(watched.stop_report().await.state, StopState::NoAnswer);
    watched.end().await;
}

#[tokio::test]
async fn commands_without_a_connection_are_refused() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let mut watched = Watched::start(FlamingoOptions::new(Endpoint::plain("127.0.0.1", port)));
    let down = watched.link("down").await;
    assert!(down.contains("refused the connection"), "{down}");
    let end = watched.done(to("x", 9.0)).await;
    assert_eq!(end.state, CommandState::Refused);
    assert!(end.detail.unwrap().contains("not connected"));
    let seen = watched.end().await;
    let faults = seen
        .iter()
        .filter(|s| matches!(&s.payload, Payload::Fault(f) if f.kind == FaultKind::Malformed));
    assert_eq!(faults.count(), 0);
}

#[tokio::test]
async fn a_stop_that_was_pressed_without_a_connection_is_sent_with_the_next() {
    let simulator = with_faults(&[Fault::SilentServer]).await;
    let mut options = options(&simulator);
    options.patience.alive = Duration::from_millis(50);
    let mut watched = Watched::start(options);
    watched.link("down").await;
    watched.board.press(StopOrigin::Key);
    simulator.set_faults(&[]);
    use ttyscope::model::StopState;
    assert!(matches!(
        watched.stop_report().await.state,
        StopState::Sent { .. }
    ));
    let report = watched.stop_report().await;
    assert!(matches!(report.state, StopState::Acknowledged { .. }));
    watched.read().await;
    watched.end().await;
}

#[tokio::test]
async fn what_is_open_when_the_source_ends_is_said_to_be_unknown() {
    let simulator = simulator(SimulatorOptions {
        speeds: [0.1; 4],
        ..quick()
    })
    .await;
    let mut watched = Watched::ready(&simulator).await;
    let id = watched.ask(to("x", 12.0)).await;
    watched.state_of(id, CommandState::Acknowledged).await;
    let seen = watched.end().await;
    let last = seen.iter().rev().find_map(|sample| match &sample.payload {
        Payload::Command(report) => Some(report.clone()),
        _ => None,
    });
    let last = last.unwrap();
    assert!(
        last.state == CommandState::Unknown && last.is_final,
        "{last:?}"
    );
}

#[tokio::test]
async fn a_command_from_before_a_stop_is_void_also_once_the_stop_is_cleared() {
    let simulator = simulator(quick()).await;
    let mut watched = Watched::ready(&simulator).await;
    let press = watched.board.press(StopOrigin::Key);
    watched.stop_report().await;
    watched.stop_report().await;
    watched.board.clear(press.number);
    let id = watched.ask_after(0, to("x", 9.0)).await;
    let end = watched.end_of(id).await;
    assert_eq!(end.state, CommandState::Refused, "{end:?}");
    let why = end.detail.as_deref().unwrap_or_default();
    assert!(why.contains("pressed after it was asked"), "{end:?}");
    assert!(!why.contains("holds"), "{end:?}");
    assert!(!received(&simulator, 0).contains(&0x6005));
    let end = watched.done(to("x", 9.0)).await;
    assert_eq!(end.state, CommandState::Done, "{end:?}");
    watched.end().await;
}
