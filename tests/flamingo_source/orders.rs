//! Lights, camera, settings, home and raw calls.

use std::sync::Arc;

use tokio::net::TcpListener;
use ttyscope::model::{Command, CommandState, Evidence, Quantity, Unit, Value};
use ttyscope::protocol::flamingo::{Override, Profile};
use ttyscope::simulators::flamingo::{Deed, Fault, SimulatorOptions};

use crate::watched::{Watched, deeds, options, quick, received, simulator, to};

fn light(name: &str, percent: Option<f64>, on: Option<bool>) -> Command {
    Command::SetLight {
        light: name.into(),
        level: percent.map(|percent| Quantity::new(percent, Unit::Percent)),
        on,
    }
}

fn raw(call: &str, arguments: &[(&str, &str)]) -> Command {
    let arguments = arguments.iter();
    Command::Raw {
        call: call.into(),
        arguments: arguments.map(|(n, v)| ((*n).into(), (*v).into())).collect(),
    }
}

fn expose(value: f64, unit: Unit) -> Command {
    Command::SetExposure {
        camera: None,
        exposure: Quantity::new(value, unit),
    }
}

#[tokio::test]
async fn a_laser_is_switched_on_after_its_level_was_read_back() {
    let simulator = simulator(quick()).await;
    let mut watched = Watched::ready(&simulator).await;
    let first = simulator.log_len();
    let end = watched.done(light("488", Some(11.49), Some(true))).await;
    assert_eq!(end.state, CommandState::Sent, "{end:?}");
    assert!(end.detail.unwrap().contains("11.5 % read back"));
    simulator.until(|s| s.lights().lasers[1]).await;
    let codes = received(&simulator, first);
    assert_eq!(codes, [0x4003, 0x2001, 0x2002, 0x2004]);
    let lit = watched.instrument.light("488").unwrap().clone();
    assert_eq!((lit.on, lit.level), (Some(true), Some(11.5)));
    assert_eq!(lit.evidence, Evidence::Assumed);
    assert_eq!(watched.instrument.light("405").unwrap().on, Some(false));
    let end = watched.done(light("488", None, Some(false))).await;
    assert_eq!(end.state, CommandState::Sent);
    simulator.until(|s| !s.lights_on()).await;
    watched.end().await;
}

#[tokio::test]
async fn a_level_is_done_when_the_device_has_it() {
    let simulator = simulator(quick()).await;
    let mut watched = Watched::ready(&simulator).await;
    let end = watched.done(light("561", Some(20.0), None)).await;
    assert_eq!(end.state, CommandState::Done, "{end:?}");
    assert!(!simulator.lights_on());
    for (command, part) in [
        (light("561", Some(101.0), None), "0 to 100"),
        (light("300", None, Some(true)), "405, 488, 561"),
        (light("left", Some(5.0), None), "no level"),
    ] {
        let end = watched.done(command).await;
        assert_eq!(end.state, CommandState::Refused);
        assert!(end.detail.as_ref().unwrap().contains(part), "{end:?}");
    }
    watched.end().await;
}

#[tokio::test]
async fn the_led_comes_on_when_every_laser_is_off() {
    for acknowledge_lights in [true, false] {
        let simulator = simulator(SimulatorOptions {
            acknowledge_lights,
            ..quick()
        })
        .await;
        let mut watched = Watched::ready(&simulator).await;
        let first = simulator.log_len();
        let end = watched
            .done(light("led-green", Some(50.0), Some(true)))
            .await;
        let expected = match acknowledge_lights {
            true => CommandState::Done,
            false => CommandState::Sent,
        };
        assert_eq!(end.state, expected, "{end:?}");
        simulator.until(|s| s.lights().led).await;
        let codes = received(&simulator, first);
        assert_eq!(codes, [0x2007, 0x2007, 0x2007, 0x2007, 0x4001, 0x4002]);
        let set = Deed::LedSet {
            colour: 1,
            value: 48_767,
        };
        assert!(deeds(&simulator).contains(&set));
        assert_eq!(
            watched.done(light("right", None, Some(true))).await.state,
            expected
        );
        simulator.until(|s| s.lights().right).await;
        watched.done(light("led-green", None, Some(false))).await;
        simulator.until(|s| !s.lights_on()).await;
        watched.end().await;
    }
}

#[tokio::test]
async fn light_that_is_switched_off_meanwhile_does_not_come_on() {
    let simulator = simulator(SimulatorOptions {
        faults: vec![Fault::DelayedReplies {
            by: std::time::Duration::from_millis(50),
        }],
        ..quick()
    })
    .await;
    let mut watched = Watched::ready(&simulator).await;
    let first = simulator.log_len();
    let on = watched.ask(light("488", Some(5.0), Some(true))).await;
    watched.state_of(on, CommandState::Sent).await;
    let off = watched.ask(light("488", None, Some(false))).await;
    let end = watched.end_of(on).await;
    assert_eq!(end.state, CommandState::Failed, "{end:?}");
    watched.end_of(off).await;
    assert!(!received(&simulator, first).contains(&0x2004));
    watched.end().await;
}

#[tokio::test]
async fn an_exposure_is_offered_where_the_profile_names_its_code_and_read_back() {
    let simulator = simulator(quick()).await;
    let mut watched = Watched::ready(&simulator).await;
    let end = watched.done(expose(20.0, Unit::Millisecond)).await;
    assert_eq!(end.state, CommandState::Refused);
    watched.end().await;
    let mut options = options(&simulator);
    let chosen = Override::new("CAMERA_EXPOSURE_SET", "0x3009").unwrap();
    options.profile = Profile::current().with(&[chosen]).unwrap();
    let mut watched = Watched::start(options);
    watched.read().await;
    let end = watched.done(expose(20.0, Unit::Millisecond)).await;
    assert_eq!(end.state, CommandState::Done, "{end:?}");
    assert!(deeds(&simulator).contains(&Deed::Exposure { us: 20_000 }));
    let exposure = watched.instrument.cameras[0].exposure_ms;
    assert_eq!(exposure, Some(20.0));
    watched.end().await;
}

#[tokio::test]
async fn home_is_where_the_settings_say_axis_by_axis() {
    let simulator = simulator(quick()).await;
    let mut watched = Watched::ready(&simulator).await;
    let end = watched.done(Command::Home { axis: None }).await;
    assert_eq!(end.state, CommandState::Done, "{end:?}");
    assert_eq!(simulator.positions(), [7.5, 23.5, 20.0, 0.0]);
    let values: Vec<_> = end.after.iter().map(|p| p.value.unwrap()).collect();
    assert_eq!(values, [7.5, 23.5, 20.0, 0.0]);
    // Axis by axis: none begins before the one before it has ended.
    let motions: Vec<bool> = deeds(&simulator)
        .iter()
        .filter_map(|deed| match deed {
            Deed::MoveBegan { .. } => Some(true),
            Deed::MoveEnded { .. } => Some(false),
            _ => None,
        })
        .collect();
    assert_eq!(motions, [true, false].repeat(4));
    watched.end().await;
}

#[tokio::test]
async fn settings_that_widen_limits_are_refused_axis_by_axis_and_nothing_is_sent() {
    let simulator = simulator(quick()).await;
    let mut watched = Watched::ready(&simulator).await;
    let first = simulator.log_len();
    let text = settings(&watched.address).await;
    let wider = text
        .replace(
            "Soft limit max x-axis = 15.000",
            "Soft limit max x-axis = 16.000",
        )
        .replace(
            "Hard limit min z-axis = 11.000",
            "Hard limit min z-axis = 10.000",
        );
    let save = |text: &str| Command::SaveSettings {
        name: "scope.txt".into(),
        text: Arc::from(text),
    };
    let end = watched.done(save(&wider)).await;
    assert_eq!(end.state, CommandState::Refused);
    let why = end.detail.unwrap();
    assert!(
        why.contains("soft limits: x would be allowed up to 16 instead of 15"),
        "{why}"
    );
    assert!(
        why.contains("hard limits: z would be allowed down to 10 instead of 11"),
        "{why}"
    );
    let gone = text.replace("Soft limit min y-axis", "Soft limit lowest y-axis");
    let end = watched.done(save(&gone)).await;
    assert_eq!(end.state, CommandState::Refused);
    let long = text.clone() + "# " + &"x".repeat(1 << 20);
    let end = watched.done(save(&long)).await;
    assert!(end.detail.unwrap().contains("at most 1048576 bytes"));
    assert!(!received(&simulator, first).contains(&0x1008));

    let narrower = text.replace(
        "Soft limit max x-axis = 15.000",
        "Soft limit max x-axis = 9.000",
    );
    let end = watched.done(save(&narrower)).await;
    assert_eq!(end.state, CommandState::Done, "{end:?}");
    let end = watched.done(to("x", 10.0)).await;
    assert_eq!(end.state, CommandState::Refused);
    assert!(end.detail.unwrap().contains("from 1 to 9 mm"));
    watched.end().await;
}

/// The settings as a client reads them.
pub async fn settings(address: &str) -> String {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use ttyscope::protocol::flamingo::{Command, Item, MessageDecoder, Request};
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let request = Request::plain(&Profile::current(), Command::SettingsLoad).unwrap();
    stream
        .write_all(&request.message().encode().unwrap())
        .await
        .unwrap();
    let mut decoder = MessageDecoder::default();
    loop {
        match decoder.next_item() {
            Some(Item::Message(message)) if message.code == 0x1007 => {
                return String::from_utf8(message.payload.to_vec()).unwrap();
            }
            Some(_) => {}
            None => {
                stream.read_buf(decoder.buffer()).await.unwrap();
            }
        }
    }
}

#[tokio::test]
async fn a_raw_call_is_sent_as_it_is_written_and_its_reply_is_shown() {
    let simulator = simulator(quick()).await;
    let mut watched = Watched::ready(&simulator).await;
    let end = watched.done(raw("0x4006", &[("d0", "2")])).await;
    assert_eq!(end.state, CommandState::Done, "{end:?}");
    assert!(end.detail.unwrap().contains("d0 2"));
    let end = watched.done(raw("CAMERA_EXPOSURE_GET", &[])).await;
    assert!(end.detail.unwrap().contains("d0 1000"));
    let end = watched.done(raw("0x5001", &[("d0", "3")])).await;
    assert_eq!(end.state, CommandState::Sent, "{end:?}");
    let turned = Deed::Filter { position: 3 };
    simulator.until(|s| deeds(s).contains(&turned)).await;
    let first = simulator.log_len();
    for (call, arguments) in [
        ("0x6005", &[("d0", "1"), ("f", "100")][..]),
        ("0xa002", &[]),
        ("0x4006", &[("d9", "1")]),
    ] {
        let end = watched.done(raw(call, arguments)).await;
        assert_eq!(end.state, CommandState::Refused, "{call}");
    }
    // After a call of which nothing is known the axes are looked at.
    let codes = received(&simulator, first);
    assert!(codes.iter().all(|code| *code == 0x6008), "{codes:x?}");
    watched.end().await;
}

#[tokio::test]
async fn a_live_view_opens_the_live_socket_for_its_time() {
    let simulator = simulator(quick()).await;
    let mut watched = Watched::ready(&simulator).await;
    assert_eq!(simulator.counters().viewers, 0);
    let start = Command::StartLiveView { protocol: None };
    let end = watched.done(start).await;
    assert_eq!(end.state, CommandState::Done, "{end:?}");
    assert_eq!(simulator.counters().viewers, 1);
    simulator.until(|s| s.counters().frames_sent > 3).await;
    let streams = |i: &ttyscope::model::Instrument| i.cameras[0].streaming == Some(true);
    watched.until_instrument("streaming", streams).await;
    // Commands go on beside it.
    let end = watched.done(to("y", 20.0)).await;
    assert_eq!(end.state, CommandState::Done);
    let end = watched.done(Command::Snap { name: None }).await;
    assert_eq!(end.state, CommandState::Refused);
    assert!(end.detail.unwrap().contains(":live stop"));
    let end = watched.done(Command::StopLiveView).await;
    assert_eq!(end.state, CommandState::Done, "{end:?}");
    simulator
        .until(|s| {
            let log = s.log();
            let gone = |e: &ttyscope::simulators::flamingo::Entry| {
                matches!(
                    e.what,
                    ttyscope::simulators::flamingo::What::ViewerDisconnected { .. }
                )
            };
            log.iter().any(gone)
        })
        .await;
    let streams = |i: &ttyscope::model::Instrument| i.cameras[0].streaming == Some(false);
    watched.until_instrument("not streaming", streams).await;
    // It does not run any more: that is what was asked.
    let end = watched.done(Command::StopLiveView).await;
    assert_eq!(end.state, CommandState::Done, "{end:?}");
    watched.end().await;
}

#[tokio::test]
async fn a_snapshot_is_done_when_its_picture_has_come() {
    let simulator = simulator(quick()).await;
    let mut watched = Watched::ready(&simulator).await;
    for _ in 0..3 {
        let end = watched.done(Command::Snap { name: None }).await;
        assert_eq!(end.state, CommandState::Done, "{end:?}");
        simulator.until(|s| s.state() == 0xa002).await;
    }
    let end = watched
        .done(Command::Snap {
            name: Some("a".into()),
        })
        .await;
    assert_eq!(end.state, CommandState::Refused);
    assert_eq!(simulator.counters().frames_sent, 3);
    watched.end().await;
}

#[tokio::test]
async fn a_live_port_that_is_closed_takes_nothing_from_commands() {
    // A port that nobody listens on.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let simulator = simulator(quick()).await;
    let mut options = options(&simulator);
    options.live_port = Some(port);
    let mut watched = Watched::start(options);
    watched.read().await;
    let end = watched
        .done(Command::StartLiveView { protocol: None })
        .await;
    assert_eq!(end.state, CommandState::Refused, "{end:?}");
    assert!(end.detail.unwrap().contains("was not started"));
    assert!(!received(&simulator, 0).contains(&0x3007));
    let end = watched.done(to("x", 9.0)).await;
    assert_eq!(end.state, CommandState::Done);
    watched.end().await;
}

#[tokio::test]
async fn refresh_reads_everything_and_changes_nothing() {
    let simulator = simulator(quick()).await;
    let mut watched = Watched::ready(&simulator).await;
    let before = deeds(&simulator).len();
    let first = simulator.log_len();
    let end = watched.done(Command::Refresh).await;
    assert_eq!(end.state, CommandState::Done, "{end:?}");
    assert_eq!(received(&simulator, first).len(), 14);
    assert_eq!(deeds(&simulator).len(), before);
    let state = watched.reading("server/state").await;
    assert_eq!(state.value, Value::from("idle"));
    watched.end().await;
}
