//! Commands of the ImSwitch source, each proved by the simulator's own log.
#![allow(clippy::unwrap_used, clippy::panic)]

#[path = "imswitch_commands/bench.rs"]
#[allow(dead_code)]
mod bench;
#[path = "imswitch_commands/cut.rs"]
mod cut;

use std::time::Duration;

use bench::{Bench, deeds, light, move_by, move_to, simulator, um, until};
use cut::{Cut, Proxy};
use ttyscope::model::{
    Activity, Command, CommandKind, CommandState, Evidence, Instrument, LinkState, Motion, Payload,
    Quantity, Unit,
};
use ttyscope::simulators::imswitch::{Dialect, Fault, SimulatorOptions, What};

use CommandState::{Acknowledged, Done, Failed, Queued, Refused, Sent, Unknown};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_server_has_is_found_out_at_run_time() {
    let bench = Bench::ready(SimulatorOptions::default()).await;
    let it = bench.last_instrument();
    let axes: Vec<&str> = it.axes.iter().map(|axis| axis.name.as_str()).collect();
    assert_eq!(axes, ["X", "Y", "Z", "A"]);
    assert!(it.axes[0].limits.is_some() && it.axes[3].limits.is_none());
    let lights: Vec<(&str, Evidence)> = it
        .lights
        .iter()
        .map(|light| (light.name.as_str(), light.evidence))
        .collect();
    assert_eq!(lights, [("LED", Evidence::Read), ("LASER", Evidence::Read)]);
    assert_eq!(it.lights[0].range.map(|range| range.max), Some(32_000.0));
    assert_eq!(
        (it.lights[0].level, it.lights[0].on),
        (Some(3_000.0), Some(true))
    );
    let cameras: Vec<&str> = it.cameras.iter().map(|one| one.name.as_str()).collect();
    assert_eq!(cameras, ["WidefieldCamera", "FocusLock"]);
    assert_eq!(it.cameras[0].exposure_ms, Some(20.0));
    assert_eq!(it.activity, Activity::Idle);
    for kind in CommandKind::ALL {
        use CommandKind::{Control, Settings, Workflow};
        let is_here = !matches!(kind, Control | Workflow | Settings);
        assert_eq!(it.offers.contains(&kind), is_here, "{kind:?}");
    }
    bench.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_server_has_not_is_not_offered() {
    let mut bench = Bench::ready(SimulatorOptions {
        dialect: Dialect::Json,
        ..SimulatorOptions::default()
    })
    .await;
    let offers = bench.last_instrument().offers;
    use CommandKind::{Light, Live, Move, ServerRecording, Snap, Stream};
    assert!([Move, Light, Live].iter().all(|kind| offers.contains(kind)));
    let absent = [Snap, ServerRecording, Stream];
    assert!(!absent.iter().any(|kind| offers.contains(kind)));
    let from = bench.log_len();
    let (state, why) = bench.outcome(Command::Snap { name: None }).await;
    assert_eq!(state, Refused);
    assert!(why.contains("this instrument offers"), "{why}");
    assert_eq!(bench.commands_since(from), Vec::<String>::new());
    bench.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_move_is_done_when_the_stage_is_there() {
    let mut bench = Bench::ready(SimulatorOptions::default()).await;
    let from = bench.log_len();
    let id = bench.ask(move_to("x", 500.0)).await;
    let done = bench.end(id).await;
    assert_eq!(bench.states(id), [Queued, Sent, Acknowledged, Done]);
    let at = |positions: &[ttyscope::model::Position]| positions[0].value;
    assert_eq!(
        (at(&done.before), at(&done.after)),
        (Some(0.0), Some(500.0))
    );
    assert_eq!(done.detail.as_deref(), Some("X is at 500 um"));
    assert_eq!(done.axis.as_deref(), Some("x"));
    let moving = bench.seen.iter().any(|payload| {
        matches!(payload, Payload::Instrument(it)
            if it.axes.first().is_some_and(|x| x.motion == Motion::Moving && x.target == Some(500.0)))
    });
    assert!(moving, "it was never shown on its way");
    let gaps = bench.shown_at.windows(2).map(|pair| pair[1] - pair[0]);
    assert!(gaps.min() >= Some(50_000_000), "{:?}", bench.shown_at);

    let (state, _) = bench.outcome(move_by("X", -20.0)).await;
    assert_eq!((state, bench.server.position_um("X")), (Done, Some(480.0)));
    let sent = bench.commands_since(from);
    let call = "PositionerController/movePositioner?positionerName=VirtualStage&axis=X";
    assert_eq!(
        sent,
        [500, 480].map(|um| format!("{call}&dist={um}&isAbsolute=true&isBlocking=false"))
    );
    bench.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stage_that_sends_nothing_is_read() {
    let mut bench = Bench::ready(SimulatorOptions {
        faults: vec![Fault::NoPositionSignals],
        ..SimulatorOptions::default()
    })
    .await;
    let id = bench.ask(move_to("Z", 150.0)).await;
    bench.end(id).await;
    assert_eq!(bench.states(id), [Queued, Sent, Acknowledged, Done]);
    bench.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_is_no_proof_of_a_move() {
    let mut bench = Bench::ready(SimulatorOptions {
        faults: vec![Fault::IgnoresMoves],
        ..SimulatorOptions::default()
    })
    .await;
    let id = bench.ask(move_to("X", 100.0)).await;
    let failed = bench.end(id).await;
    assert_eq!(bench.states(id), [Queued, Sent, Acknowledged, Failed]);
    let why = failed.detail.unwrap();
    assert_eq!(why.as_str(), "X stands at 0 um and not at 100 um");
    bench.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_may_not_be_sent_is_not_sent() {
    let mut bench = Bench::ready(SimulatorOptions::default()).await;
    let from = bench.log_len();
    let ms = |value| Quantity::new(value, Unit::Millisecond);
    let percent = |value| Quantity::new(value, Unit::Percent);
    let exposure = |camera: Option<&str>, exposure| Command::SetExposure {
        camera: camera.map(Into::into),
        exposure,
    };
    let stream = |parameter: &str, value: &str| Command::SetStream {
        parameter: parameter.into(),
        value: value.into(),
    };
    let raw = |call: &str| Command::Raw {
        call: call.into(),
        arguments: Vec::new(),
    };
    let cases = [
        (move_to("Q", 1.0), "there is X, Y, Z and A"),
        (move_to("X", 20_001.0), "X may go from -20000 to 20000 um"),
        (move_by("X", f64::NAN), "not a number"),
        (
            Command::Move {
                axis: "X".into(),
                target: ttyscope::model::Target::To(ms(5.0)),
            },
            "X is in um",
        ),
        (move_to("A", 1.0), "its limits are not known"),
        (light("UV", None, Some(true)), "there is LED and LASER"),
        (light("LED", Some(percent(101.0)), None), "0 to 100 %"),
        (
            light("LED", Some(Quantity::new(32_001.0, Unit::Raw)), None),
            "0 to 32000",
        ),
        (exposure(Some("Nope"), ms(5.0)), "there is WidefieldCamera"),
        (exposure(None, um(5.0)), "exposure is in ms"),
        (stream("colour", "red"), "there is compression_algorithm"),
        (stream("jpeg_quality", "0"), "takes 1 to 100"),
        (
            Command::StartLiveView {
                protocol: Some("h264".into()),
            },
            "there is binary and jpeg",
        ),
        (
            Command::StopLiveView,
            "none of those running was started here",
        ),
        (
            Command::Snap {
                name: Some("../x".into()),
            },
            "no plain name",
        ),
        (raw("../secret"), "write Controller/method"),
        (raw("A/b/c"), "write Controller/method"),
        (Command::StopWorkflow, "this instrument offers"),
    ];
    for (command, hint) in cases {
        let words = command.to_string();
        let (state, why) = bench.outcome(command).await;
        assert_eq!(state, Refused, "{words}: {why}");
        assert!(why.contains(hint), "{words}: {why}");
    }
    assert_eq!(bench.commands_since(from), Vec::<String>::new());
    bench.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_sent_while_there_is_no_connection() {
    let mut bench = Bench::ready(SimulatorOptions::default()).await;
    bench.server.set_faults(&[
        Fault::Refuse,
        Fault::DropLink {
            after: Duration::from_millis(1),
        },
    ]);
    let is_down = |payload: &Payload| match payload {
        Payload::Link(LinkState::Down { .. }) => Some(()),
        _ => None,
    };
    bench.until("loss", is_down).await;
    let is_unknown = |it: &Instrument| it.activity == Activity::Unknown;
    let lost = bench.shown(0, "loss", is_unknown).await;
    assert!(lost.axes.iter().all(|axis| axis.motion == Motion::Unknown));
    let from = bench.log_len();
    for command in [move_to("X", 10.0), light("LED", None, Some(false))] {
        let (state, why) = bench.outcome(command).await;
        assert_eq!(state, Refused);
        assert!(why.contains("not connected"), "{why}");
    }
    assert_eq!(bench.commands_since(from), Vec::<String>::new());
    // Reading goes over HTTP and needs no link.
    let (state, _) = bench.outcome(Command::Refresh).await;
    assert_eq!(state, Done);
    bench.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_fails_is_not_believed_anything() {
    for (fault, hint) in [
        (Fault::Rest500, "the server failed inside"),
        (Fault::RestHtml, "a page of HTML and no JSON"),
    ] {
        let mut bench = Bench::ready(SimulatorOptions {
            faults: vec![fault],
            ..SimulatorOptions::default()
        })
        .await;
        let from = bench.log_len();
        let commands = [
            move_to("X", 100.0),
            light("LED", None, Some(false)),
            Command::SetGain {
                camera: None,
                gain: 2.0,
            },
            Command::Snap { name: None },
            Command::StartServerRecording { name: None },
        ];
        let mut since = None;
        for command in commands {
            let words = command.to_string();
            let id = bench.ask(command).await;
            let report = bench.end(id).await;
            // The first is the move, after which nobody knows where the axis is.
            since.get_or_insert(bench.seen.len());
            assert_eq!(bench.states(id), [Queued, Sent, Failed], "{words}");
            let why = report.detail.unwrap();
            assert!(why.contains(hint), "{words}: {why}");
        }
        // Nothing was sent twice, and the axis is known again.
        assert_eq!(bench.commands_since(from).len(), 5);
        bench
            .shown(since.unwrap(), "rest", |it| {
                it.axes[0].motion == Motion::Settled
            })
            .await;
        assert_eq!(bench.last_instrument().axes[0].position, Some(0.0));
        assert_eq!(deeds(&bench.server, from), []);
        bench.finish().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_answer_is_unknown_until_the_position_is_read_back() {
    let mut bench = Bench::ready(SimulatorOptions {
        faults: vec![Fault::LostMoveAnswer, Fault::NoPositionSignals],
        ..SimulatorOptions::default()
    })
    .await;
    // Longer under way than a call may take.
    let id = bench.ask(move_to("Z", 500.0)).await;
    let unknown = bench.state(id, Unknown).await;
    assert!(!unknown.is_final);
    let again = bench.outcome(move_to("Z", 0.0)).await;
    assert_eq!(again.0, Refused, "{again:?}");
    let done = bench.end(id).await;
    assert_eq!(bench.states(id), [Queued, Sent, Unknown, Done]);
    assert_eq!(done.detail.as_deref(), Some("Z is at 500 um"));

    // A call that was never carried out: only after its time is over.
    bench.server.set_faults(&[Fault::RestHang]);
    let from = bench.log_len();
    let id = bench.ask(move_to("X", 300.0)).await;
    let failed = bench.end(id).await;
    assert_eq!(bench.states(id), [Queued, Sent, Unknown, Failed]);
    let why = failed.detail.unwrap();
    assert_eq!(why.as_str(), "X stands at 0 um and not at 300 um");
    assert_eq!(bench.commands_since(from).len(), 1);
    bench.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_else_was_lost_is_read_back_too() {
    let mut bench = Bench::ready(SimulatorOptions {
        faults: vec![Fault::RestHang],
        ..SimulatorOptions::default()
    })
    .await;
    let cases = [
        light("LED", Some(Quantity::new(50.0, Unit::Raw)), Some(true)),
        Command::SetExposure {
            camera: None,
            exposure: Quantity::new(7.0, Unit::Millisecond),
        },
        Command::StartServerRecording { name: None },
    ];
    for command in cases {
        let words = command.to_string();
        let id = bench.ask(command).await;
        let report = bench.end(id).await;
        assert_eq!(bench.states(id), [Queued, Sent, Unknown, Failed], "{words}");
        let why = report.detail.unwrap();
        assert!(why.starts_with("read back: "), "{words}: {why}");
    }
    // Of a picture nothing tells.
    let id = bench.ask(Command::Snap { name: None }).await;
    let report = bench.end(id).await;
    assert_eq!((report.state, report.is_final), (Unknown, true));
    bench.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_move_whose_link_is_lost_is_unknown_and_resolved_over_the_next() {
    let mut bench = Bench::ready(SimulatorOptions::default()).await;
    let from = bench.log_len();
    let id = bench.ask(move_to("Z", 400.0)).await;
    bench.state(id, Acknowledged).await;
    bench.server.set_faults(&[Fault::DropLink {
        after: Duration::from_millis(1),
    }]);
    let unknown = bench.state(id, Unknown).await;
    assert!(!unknown.is_final);
    bench.server.set_faults(&[]);
    let done = bench.end(id).await;
    assert_eq!(
        (done.state, done.detail.as_deref()),
        (Done, Some("Z is at 400 um"))
    );
    // Nothing was sent again.
    assert_eq!(bench.commands_since(from).len(), 1);
    bench.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_move_for_an_axis_at_a_time() {
    let mut bench = Bench::ready(SimulatorOptions::default()).await;
    let from = bench.log_len();
    let first = bench.ask(move_to("X", 1_000.0)).await;
    let (state, why) = bench.outcome(move_by("X", 1.0)).await;
    assert_eq!(state, Refused);
    assert!(why.contains("X is moving"), "{why}");
    // Another axis has nothing to do with it.
    let (state, _) = bench.outcome(move_to("Y", 5.0)).await;
    assert_eq!(state, Done);
    bench.end(first).await;
    assert_eq!(bench.commands_since(from).len(), 2);
    bench.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lights_are_set_and_read_back() {
    let mut bench = Bench::ready(SimulatorOptions::default()).await;
    let five = Quantity::new(5.0, Unit::Percent);
    let from = bench.log_len();
    let (state, detail) = bench.outcome(light("led", Some(five), Some(true))).await;
    assert_eq!((state, detail.as_str()), (Done, "LED reads 1600 on"));
    let (state, detail) = bench.outcome(light("LASER", None, Some(false))).await;
    assert_eq!((state, detail.as_str()), (Done, "LASER reads 10000 off"));
    let (lit, dark) = ("LED", "LASER");
    assert_eq!(
        deeds(&bench.server, from),
        [
            What::Level {
                light: lit,
                value: 1_600.0
            },
            What::Switched {
                light: lit,
                on: true
            },
            What::Switched {
                light: dark,
                on: false
            },
        ]
    );
    // Somebody else's change is seen without a question.
    let call = "LaserController/setLaserActive";
    let asked = Command::Raw {
        call: call.into(),
        arguments: vec![
            ("laserName".into(), "LED".into()),
            ("active".into(), "false".into()),
        ],
    };
    bench.outcome(asked).await;
    bench
        .shown(0, "dark", |it| it.lights[0].on == Some(false))
        .await;
    until("nothing is active", || !bench.board.any_active()).await;
    bench.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_matrix_is_one_more_light_that_cannot_be_read_back() {
    let mut bench = Bench::ready(SimulatorOptions {
        led_matrix: true,
        ..SimulatorOptions::default()
    })
    .await;
    let half = Quantity::new(50.0, Unit::Percent);
    let command = light("led-matrix", Some(half), Some(true));
    let (state, detail) = bench.outcome(command).await;
    assert_eq!(state, Acknowledged);
    assert!(detail.contains("cannot be read back"), "{detail}");
    assert_eq!(bench.server.light("LEDMatrix"), Some((128.0, true)));
    let it = bench
        .shown(0, "matrix", |it| {
            it.light("led-matrix")
                .is_some_and(|one| one.on == Some(true))
        })
        .await;
    assert_eq!(it.light("led-matrix").unwrap().evidence, Evidence::Assumed);
    bench.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cameras_are_set_and_read_back() {
    let mut bench = Bench::ready(SimulatorOptions::default()).await;
    let exposure = Command::SetExposure {
        camera: None,
        exposure: Quantity::new(0.03, Unit::Second),
    };
    let (state, detail) = bench.outcome(exposure).await;
    assert_eq!(
        (state, detail.as_str()),
        (Done, "WidefieldCamera reads 30 ms")
    );
    let gain = Command::SetGain {
        camera: Some("focuslock".into()),
        gain: 3.0,
    };
    let (state, detail) = bench.outcome(gain).await;
    assert_eq!((state, detail.as_str()), (Done, "FocusLock reads gain 3"));
    bench
        .shown(0, "gain", |it| it.cameras[1].gain == Some(3.0))
        .await;
    bench.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_live_view_and_its_parameters() {
    let mut bench = Bench::ready(SimulatorOptions::default()).await;
    let start = |protocol: Option<&str>| Command::StartLiveView {
        protocol: protocol.map(Into::into),
    };
    let (state, detail) = bench.outcome(start(Some("jpeg"))).await;
    assert_eq!(
        (state, detail.as_str()),
        (Done, "live view started of WidefieldCamera")
    );
    bench
        .shown(0, "live", |it| it.activity == Activity::LiveView)
        .await;
    let from = bench.log_len();
    let quality = Command::SetStream {
        parameter: "jpeg_quality".into(),
        value: "50".into(),
    };
    let (state, detail) = bench.outcome(quality).await;
    assert_eq!((state, detail.as_str()), (Done, "jpeg_quality is 50"));
    let call = "LiveViewController/setStreamParameters?protocol=jpeg";
    assert_eq!(bench.commands_since(from), [call]);
    for (asked, state) in [
        (Some("binary"), Refused),
        (Some("jpeg"), Done),
        (None, Done),
    ] {
        let outcome = bench.outcome(start(asked)).await;
        assert_eq!(outcome.0, state, "{outcome:?}");
        assert!(outcome.1.contains("runs already (jpeg)"));
    }
    let (state, _) = bench.outcome(Command::StopLiveView).await;
    assert_eq!(state, Done);
    bench
        .shown(0, "idle", |it| it.activity == Activity::Idle)
        .await;
    bench.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pictures_and_recordings_say_where_they_are() {
    let mut bench = Bench::ready(SimulatorOptions::default()).await;
    let snap = |name: &str| Command::Snap {
        name: Some(name.into()),
    };
    let (state, path) = bench.outcome(snap("short")).await;
    assert_eq!(state, Done);
    assert!(
        path.contains("SIMULATED") && path.contains("short"),
        "{path}"
    );

    let exposure = Command::SetExposure {
        camera: None,
        exposure: Quantity::new(2_100.0, Unit::Millisecond),
    };
    bench.outcome(exposure).await;
    let from = bench.log_len();
    let id = bench.ask(snap("long")).await;
    bench
        .shown(0, "snapshot", |it| it.activity == Activity::Snapshot)
        .await;
    let report = bench.end(id).await;
    assert_eq!(report.state, Done, "{report:?}");
    assert!(report.detail.unwrap().contains("long"));
    // Taken aside, so that nothing else has to wait for it.
    let call = "RecordingController/startSnap?fileName=long";
    assert_eq!(bench.commands_since(from), [call]);

    let record = Command::StartServerRecording {
        name: Some("run".into()),
    };
    let (state, detail) = bench.outcome(record).await;
    assert_eq!((state, detail.as_str()), (Done, "the server records"));
    let (state, detail) = bench.outcome(Command::StopServerRecording).await;
    assert_eq!(
        (state, detail.as_str()),
        (Done, "the server does not record")
    );
    bench.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn homing_is_done_only_where_the_server_says_so() {
    let home = |axis: &str| Command::Home {
        axis: Some(axis.into()),
    };
    let mut bench = Bench::ready(SimulatorOptions::default()).await;
    let (state, why) = bench.outcome(home("X")).await;
    assert_eq!(state, Failed);
    assert!(why.contains("the server failed inside"), "{why}");
    bench.finish().await;

    let mut bench = Bench::ready(SimulatorOptions {
        homes: true,
        ..SimulatorOptions::default()
    })
    .await;
    bench.outcome(move_to("X", 300.0)).await;
    let (state, detail) = bench.outcome(home("X")).await;
    assert_eq!((state, detail.as_str()), (Done, "homed; X is at 0 um"));
    let (state, detail) = bench.outcome(Command::Home { axis: None }).await;
    assert_eq!(state, Done, "{detail}");
    bench.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_raw_call_is_sent_as_it_is_written_and_its_answer_shown() {
    let mut bench = Bench::ready(SimulatorOptions::default()).await;
    let from = bench.log_len();
    let raw = |call: &str, arguments: &[(&str, &str)]| Command::Raw {
        call: call.into(),
        arguments: arguments
            .iter()
            .map(|(name, value)| ((*name).into(), (*value).into()))
            .collect(),
    };
    let slot = raw("ObjectiveController/moveToObjective", &[("slot", "1")]);
    let (state, answer) = bench.outcome(slot).await;
    assert_eq!(state, Acknowledged);
    assert!(answer.contains("\"accepted\":true"), "{answer}");
    let (state, _) = bench
        .outcome(raw(
            "POST:SettingsController/setDetectorParameterValue",
            &[
                ("detectorName", "WidefieldCamera"),
                ("name", "gain"),
                ("value", "2"),
            ],
        ))
        .await;
    assert_eq!(state, Acknowledged);
    bench
        .shown(0, "gain", |it| it.cameras[0].gain == Some(2.0))
        .await;
    for (call, why) in [
        ("Nope/nothing", "no such call"),
        ("LiveViewController/startLiveView", "another HTTP method"),
    ] {
        let (state, detail) = bench.outcome(raw(call, &[])).await;
        assert_eq!(state, Failed);
        assert!(detail.contains(why), "{detail}");
    }
    assert_eq!(bench.commands_since(from).len(), 4);
    bench.finish().await;
}

/// A call of a move and its answer are cut at these places, one after the other.
async fn no_state_claims_more_than_the_log(cuts: Vec<Cut>) {
    let server = simulator(SimulatorOptions::default()).await;
    let proxy = Proxy::start(server.address()).await;
    let mut bench = Bench::on(server, |options| {
        options.endpoint.port = proxy.port;
        options.patience.still = Duration::from_millis(150);
    })
    .await;
    let axes = ["X", "Y", "Z"];
    let mut target = 0.0;
    for cuts in cuts.chunks(axes.len()) {
        bench
            .instrument("rest", |it| {
                let rests = |axis: &&str| {
                    let axis = it.axis(axis);
                    axis.is_some_and(|axis| axis.motion == Motion::Settled)
                };
                !it.offers.is_empty() && axes.iter().all(rests)
            })
            .await;
        target = if target == 0.0 { 7.0 } else { 0.0 };
        let from = bench.log_len();
        let mut asked = Vec::new();
        for (axis, cut) in axes.iter().zip(cuts) {
            proxy.cut(
                &format!("movePositioner?positionerName=VirtualStage&axis={axis}"),
                *cut,
            );
            let stood = bench.server.position_um(axis).unwrap();
            // Always somewhere else than it stands.
            let to = if stood == target {
                target + 3.0
            } else {
                target
            };
            let id = bench.ask(move_to(axis, to)).await;
            asked.push((id, *axis, to, *cut));
        }
        for (id, axis, to, cut) in asked {
            let report = bench.ended(id).await;
            let calls = bench.commands_since(from);
            let came = calls
                .iter()
                .any(|call| call.contains(&format!("axis={axis}&")));
            let is_there = bench.server.position_um(axis) == Some(to);
            let said = format!("{cut:?}: {report:?}, there: {is_there}, came: {came}");
            assert_eq!(report.is_final && is_there, report.state == Done, "{said}");
            assert!(matches!(report.state, Done | Failed), "{said}");
            assert_eq!(came, is_there, "{said}");
            let acknowledged = bench.states(id).contains(&Acknowledged);
            assert!(!acknowledged || came, "{said}");
        }
    }
    bench.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cut_after_every_byte_no_state_claims_more_than_the_log() {
    // A few more than there are: those cut nothing.
    let cuts: Vec<Cut> = (0..210)
        .map(Cut::Request)
        .chain((0..150).map(Cut::Answer))
        .collect();
    let mut running = tokio::task::JoinSet::new();
    for part in cuts.chunks(36) {
        running.spawn(no_state_claims_more_than_the_log(part.to_vec()));
    }
    while let Some(ended) = running.join_next().await {
        ended.unwrap();
    }
}
