//! Instruments, commands and stops: what they are made of in these tests, and what becomes of them
//! in a recording.

use super::*;
use ttyscope::model::{
    Activity, Axis, Camera, CommandId, CommandKind, CommandReport, CommandState, Danger, Evidence,
    Instrument, Light, Limits, Motion, Position, StopEvent, StopLevel, StopOrigin, StopPath,
    StopPress, StopReport, StopState, Unit, Workflow, WorkflowState,
};

fn any_of<T: Copy + std::fmt::Debug + 'static>(all: &'static [T]) -> impl Strategy<Value = T> {
    proptest::sample::select(all)
}

fn any_number() -> impl Strategy<Value = f64> {
    // What JSON has no number for is among them; NaN alone would not be equal to itself.
    any::<f64>().prop_filter("NaN", |number| !number.is_nan())
}

fn maybe<T: std::fmt::Debug>(of: impl Strategy<Value = T>) -> impl Strategy<Value = Option<T>> {
    proptest::option::of(of)
}

fn any_limits() -> impl Strategy<Value = Option<Limits>> {
    (-1e6..1e6_f64, 0.0..1e6_f64).prop_map(|(min, span)| Limits::new(min, min + span))
}

fn any_axis() -> impl Strategy<Value = Axis> {
    (
        any_text(),
        any_of(&Unit::ALL),
        maybe(any_number()),
        maybe(any_number()),
        any_limits(),
        any_of(&Motion::ALL),
    )
        .prop_map(|(name, unit, position, target, limits, motion)| Axis {
            name,
            unit,
            position,
            target,
            limits,
            motion,
        })
}

fn any_light() -> impl Strategy<Value = Light> {
    (
        (any_text(), any_text()),
        maybe(any_number()),
        any_of(&Unit::ALL),
        any_limits(),
        any::<Option<bool>>(),
        any_of(&Evidence::ALL),
    )
        .prop_map(|((name, label), level, unit, range, on, evidence)| Light {
            name,
            label,
            level,
            unit,
            range,
            on,
            evidence,
        })
}

fn any_camera() -> impl Strategy<Value = Camera> {
    (
        any_text(),
        maybe(any_number()),
        any_limits(),
        maybe(any_number()),
        any_limits(),
        any::<Option<bool>>(),
    )
        .prop_map(
            |(name, exposure_ms, exposure_range_ms, gain, gain_range, streaming)| Camera {
                name,
                exposure_ms,
                exposure_range_ms,
                gain,
                gain_range,
                streaming,
            },
        )
}

fn any_workflow() -> impl Strategy<Value = Workflow> {
    let counts = any::<[Option<u64>; 3]>();
    (maybe(any_text()), any_of(&WorkflowState::ALL), counts).prop_map(
        |(name, state, [acquired, expected, saved])| Workflow {
            name,
            state,
            acquired,
            expected,
            saved,
        },
    )
}

pub fn any_instrument() -> impl Strategy<Value = Payload> {
    use proptest::collection::vec;
    (
        any_of(&Activity::ALL),
        vec(any_axis(), 0..4),
        vec(any_light(), 0..4),
        vec(any_camera(), 0..3),
        maybe(any_workflow()),
        vec(any_of(&CommandKind::ALL), 0..14),
        vec(any_text(), 0..3),
    )
        .prop_map(
            |(activity, axes, lights, cameras, workflow, offers, words)| {
                Payload::Instrument(Arc::new(Instrument {
                    activity,
                    axes,
                    lights,
                    cameras,
                    workflow,
                    offers,
                    stream_protocols: words.clone(),
                    stream_parameters: words,
                }))
            },
        )
}

fn any_positions() -> impl Strategy<Value = Vec<Position>> {
    let position = (any_text(), maybe(any_number()), any_of(&Unit::ALL))
        .prop_map(|(axis, value, unit)| Position { axis, value, unit });
    proptest::collection::vec(position, 0..4)
}

pub fn any_command() -> impl Strategy<Value = Payload> {
    const DANGERS: [Danger; 4] = [
        Danger::Observe,
        Danger::Move,
        Danger::Emit,
        Danger::Destructive,
    ];
    (
        (any::<u64>(), any_text(), any_text()),
        any_of(&CommandKind::ALL),
        any_of(&DANGERS),
        (any_of(&CommandState::ALL), any::<bool>()),
        (maybe(any_text()), maybe(any_text())),
        (any_positions(), any_positions()),
    )
        .prop_map(|(named, kind, danger, state, said, positions)| {
            Payload::Command(Arc::new(CommandReport {
                id: CommandId(named.0),
                command: named.1,
                kind,
                danger,
                operator: named.2,
                state: state.0,
                is_final: state.1,
                detail: said.0,
                axis: said.1,
                before: positions.0,
                after: positions.1,
            }))
        })
}

pub fn any_stop() -> impl Strategy<Value = Payload> {
    let path = prop_oneof![
        Just(StopPath::Opening),
        any::<u64>().prop_map(|round_trip_ns| StopPath::Ready { round_trip_ns }),
        any_text().prop_map(|why| StopPath::Down { why }),
    ];
    let state = prop_oneof![
        any::<u64>().prop_map(|after_ns| StopState::Sent { after_ns }),
        any::<u64>().prop_map(|after_ns| StopState::Acknowledged { after_ns }),
        Just(StopState::NoAnswer),
        Just(StopState::NotSent),
        Just(StopState::Refused),
    ];
    let press = (
        any::<[u64; 2]>(),
        any_of(&[StopLevel::Halt, StopLevel::Safe]),
        any_of(&StopOrigin::ALL),
    )
        .prop_map(|([number, mono_ns], level, origin)| StopPress {
            number,
            level,
            origin,
            mono_ns,
        });
    let report = (press, state, maybe(any_text())).prop_map(|(press, state, detail)| StopReport {
        press,
        state,
        detail,
    });
    prop_oneof![
        path.prop_map(StopEvent::Path),
        report.prop_map(StopEvent::Report)
    ]
    .prop_map(Payload::Stop)
}

/// An instrument that has one of everything.
pub fn instrument() -> Payload {
    Payload::Instrument(Arc::new(Instrument {
        activity: Activity::LiveView,
        axes: vec![Axis {
            name: "x".into(),
            unit: Unit::Micrometre,
            position: Some(1.5),
            target: None,
            limits: Limits::new(0.0, 1000.0),
            motion: Motion::Settled,
        }],
        lights: vec![Light {
            name: "488".into(),
            label: "laser 2, 488 nm".into(),
            level: Some(5.0),
            unit: Unit::Percent,
            range: Limits::new(0.0, 100.0),
            on: Some(true),
            evidence: Evidence::Assumed,
        }],
        cameras: vec![Camera {
            name: "WidefieldCamera".into(),
            exposure_ms: Some(20.0),
            exposure_range_ms: None,
            gain: None,
            gain_range: None,
            streaming: Some(true),
        }],
        workflow: Some(Workflow {
            name: None,
            state: WorkflowState::Running,
            acquired: Some(3),
            expected: Some(u64::MAX),
            saved: None,
        }),
        offers: CommandKind::ALL.to_vec(),
        stream_protocols: vec!["binary".into(), "jpeg".into()],
        stream_parameters: vec!["throttle_ms".into()],
    }))
}

pub fn command(id: u64, state: CommandState, is_final: bool) -> Payload {
    let position = |value| {
        vec![Position {
            axis: "x".into(),
            value,
            unit: Unit::Micrometre,
        }]
    };
    Payload::Command(Arc::new(CommandReport {
        id: CommandId(id),
        command: "move x by +10 um".into(),
        kind: CommandKind::Move,
        danger: Danger::Move,
        operator: "ada".into(),
        state,
        is_final,
        detail: None,
        axis: Some("x".into()),
        before: position(Some(1.5)),
        after: position(None),
    }))
}

pub fn stop_path(path: StopPath) -> Payload {
    Payload::Stop(StopEvent::Path(path))
}

pub fn pressed(number: u64, state: StopState) -> Payload {
    Payload::Stop(StopEvent::Report(StopReport {
        press: StopPress {
            number,
            level: StopLevel::Halt,
            origin: StopOrigin::Key,
            mono_ns: 7,
        },
        state,
        detail: None,
    }))
}

/// What is said of an instrument, one of each kind.
pub fn one_of_each() -> Vec<Payload> {
    vec![
        instrument(),
        command(1, CommandState::Done, true),
        stop_path(StopPath::Ready { round_trip_ns: 9 }),
        pressed(1, StopState::Acknowledged { after_ns: 4 }),
    ]
}

/// Writes `payloads` of source 0, a millisecond apart, and gives the file's path.
pub fn written(dir: &Path, payloads: impl IntoIterator<Item = Payload>) -> PathBuf {
    let path = dir.join("control.mcap");
    let session = Session::new(&sources(), EPOCH_NS);
    let mut writer = RecordingWriter::new(std::fs::File::create(&path).unwrap(), &session).unwrap();
    for (payload, n) in payloads.into_iter().zip(0..) {
        writer.stage(&sample(n, payload), None);
        writer.commit().unwrap();
    }
    writer.finish(&whole(&session)).unwrap();
    path
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    #[test]
    fn instruments_commands_and_stops_come_back_as_they_were(
        list in proptest::collection::vec(
            prop_oneof![any_instrument(), any_command(), any_stop()],
            0..12,
        ),
    ) {
        let dir = tempfile::tempdir().unwrap();
        let path = written(dir.path(), list.clone());
        prop_assert_eq!(payloads(&path, 0), list);
    }
}

#[test]
fn every_word_of_an_instrument_comes_back() {
    let axes = Unit::ALL.into_iter().flat_map(|unit| {
        Motion::ALL.map(|motion| Axis {
            name: "x".into(),
            unit,
            position: None,
            target: None,
            limits: None,
            motion,
        })
    });
    let axes: Vec<Axis> = axes.collect();
    let workflows = WorkflowState::ALL.into_iter().map(Some).chain([None]);
    let instruments = Activity::ALL.into_iter().flat_map(|activity| {
        let axes = axes.clone();
        workflows.clone().map(move |state| {
            Payload::Instrument(Arc::new(Instrument {
                activity,
                axes: axes.clone(),
                workflow: state.map(|state| Workflow {
                    name: None,
                    state,
                    acquired: None,
                    expected: None,
                    saved: None,
                }),
                ..Instrument::default()
            }))
        })
    });
    let commands = CommandState::ALL
        .into_iter()
        .flat_map(|state| [false, true].map(|is_final| command(3, state, is_final)));
    let said: Vec<Payload> = instruments.chain(commands).collect();
    let dir = tempfile::tempdir().unwrap();
    let path = written(dir.path(), said.clone());
    assert_eq!(payloads(&path, 0), said);
}

#[test]
fn a_position_that_json_cannot_write_comes_back() {
    let Payload::Instrument(one) = instrument() else {
        panic!("an instrument");
    };
    let mut odd = (*one).clone();
    odd.axes[0].position = Some(f64::NAN);
    odd.axes[0].target = Some(f64::NEG_INFINITY);
    odd.lights[0].level = Some(-0.0);
    let dir = tempfile::tempdir().unwrap();
    let path = written(dir.path(), [Payload::Instrument(Arc::new(odd))]);
    let Payload::Instrument(back) = &payloads(&path, 0)[0] else {
        panic!("an instrument");
    };
    assert!(back.axes[0].position.is_some_and(f64::is_nan));
    assert_eq!(back.axes[0].target, Some(f64::NEG_INFINITY));
    assert!(back.lights[0].level.is_some_and(f64::is_sign_negative));
}

/// What the decoder makes of `data` on the channel `topic` of the first source.
pub fn decoded(schema: &str, data: &str) -> Result<Option<Played>, String> {
    let channel = recording::RecordedChannel {
        id: 1,
        topic: "/scope/x".to_owned(),
        schema: schema.to_owned(),
        definition: None,
        encoding: "json".to_owned(),
        metadata: [("source_index".to_owned(), "0".to_owned())].into(),
    };
    Decoder::new(Session::new(&sources(), EPOCH_NS)).decode(&recording::RecordedMessage {
        channel: Arc::new(channel),
        sequence: 1,
        log_time_ns: EPOCH_NS,
        publish_time_ns: EPOCH_NS,
        data: Bytes::from(data.to_owned()),
    })
}

#[test]
fn what_is_not_known_costs_only_its_own_message() {
    const COMMAND: &str = r#"{"id":1,"command":"snap","kind":"snap","danger":"observe",
        "operator":"ada","state":"done","final":true,"before":[],"after":[]}"#;
    const INSTRUMENT: &str = r#"{"activity":"idle","axes":[{"name":"x","unit":"um",
        "limits":{"min":1,"max":2.5},"motion":"settled"}],"lights":[],"cameras":[],"offers":["snap"]}"#;
    const PRESS: &str = r#"{"about":"press","state":"sent","press":1,"level":"halt",
        "origin":"key","pressed_mono_ns":5,"after_ns":3}"#;
    let good = [
        ("ttyscope.Command", COMMAND),
        ("ttyscope.Instrument", INSTRUMENT),
        ("ttyscope.Stop", PRESS),
    ];
    for (schema, json) in good {
        assert!(matches!(decoded(schema, json), Ok(Some(_))), "{json}");
    }
    let bad = [
        (
            "Command",
            COMMAND,
            "\"observe\"",
            "\"harmless\"",
            "harmless",
        ),
        ("Command", COMMAND, "\"done\"", "\"\u{1b}[2J\"", "␛[2J"),
        (
            "Command",
            COMMAND,
            "\"kind\":\"snap\"",
            "\"kind\":\"dance\"",
            "dance",
        ),
        ("Command", COMMAND, "\"final\":true,", "", "missing field"),
        ("Command", COMMAND, "\"id\":1", "\"id\":-1", "invalid value"),
        ("Instrument", INSTRUMENT, "\"um\"", "\"furlong\"", "furlong"),
        ("Instrument", INSTRUMENT, "\"idle\"", "\"asleep\"", "asleep"),
        (
            "Instrument",
            INSTRUMENT,
            "\"min\":1",
            "\"min\":9",
            "limits from 9 to 2.5",
        ),
        (
            "Instrument",
            INSTRUMENT,
            "\"min\":1",
            "\"min\":\"-inf\"",
            "limits from -inf",
        ),
        (
            "Instrument",
            INSTRUMENT,
            "\"min\":1",
            "\"min\":\"low\"",
            "low",
        ),
        (
            "Instrument",
            INSTRUMENT,
            "[\"snap\"]",
            "[\"dance\"]",
            "dance",
        ),
        (
            "Stop",
            PRESS,
            ",\"after_ns\":3",
            "",
            "missing field `after_ns`",
        ),
        ("Stop", PRESS, "\"key\"", "\"ghost\"", "ghost"),
        ("Stop", PRESS, "\"press\",", "\"dream\",", "dream"),
        ("Stop", PRESS, "\"sent\"", "\"lost\"", "lost"),
    ];
    for (schema, json, from, to, why) in bad {
        let json = json.replacen(from, to, 1);
        let json = json.replace('\u{1b}', "\\u001b");
        let error = decoded(&format!("ttyscope.{schema}"), &json).unwrap_err();
        assert!(error.contains(why), "{json}\n{error}");
        assert!(!error.contains('\u{1b}'), "{error:?}");
    }
}

#[test]
fn a_list_without_end_is_refused() {
    let offers = |count| {
        let snaps = vec!["\"snap\""; count].join(",");
        let json = format!(
            r#"{{"activity":"idle","axes":[],"lights":[],"cameras":[],"offers":[{snaps}]}}"#
        );
        decoded("ttyscope.Instrument", &json)
    };
    assert!(offers(4096).is_ok());
    let error = offers(4097).unwrap_err();
    assert!(error.contains("a list of more than 4096"), "{error}");
}

#[test]
fn text_of_a_file_is_made_printable() {
    let json = r#"{"about":"path","state":"down","why":"\u001b[2Jfine"}"#;
    let played = decoded("ttyscope.Stop", json).unwrap().unwrap();
    let why = "␛[2Jfine".into();
    assert_eq!(played.payload, stop_path(StopPath::Down { why }));
}

#[test]
fn a_recording_begins_with_the_instrument_and_its_stop_path() {
    let rig = Rig::new();
    let idle = Payload::Instrument(Arc::new(Instrument::default()));
    let down = stop_path(StopPath::Down { why: "cut".into() });
    let ready = stop_path(StopPath::Ready { round_trip_ns: 9 });
    for payload in [idle, ready.clone(), instrument(), down.clone()] {
        rig.say(0, payload);
        rig.clock.advance(Duration::from_secs(60));
    }
    rig.say(1, ready.clone());
    // These are over.
    rig.say(0, pressed(1, StopState::NoAnswer));
    rig.say(0, command(1, CommandState::Done, true));
    rig.start(RecordingLimits::default());
    rig.say(0, text(1));
    let outcome = rig.stop();
    assert_eq!((outcome.accepted, outcome.written), (1, 1));
    assert_eq!(payloads(&outcome.path, 0), [instrument(), down, text(1)]);
    assert_eq!(payloads(&outcome.path, 1), [ready]);
    // Since the newest word of each, not since the first.
    let since = |topic: &str| {
        is_readable(&outcome.path)
            .into_iter()
            .find_map(|entry| match entry {
                Entry::Message(message) if message.channel.topic == topic => {
                    serde_json::from_slice::<serde_json::Value>(&message.data).unwrap()["since_ns"]
                        .as_u64()
                }
                _ => None,
            })
    };
    let minutes = |count: u64| Some(EPOCH_NS + count * 60_000_000_000);
    assert_eq!(since("/scope/instrument"), minutes(2));
    assert_eq!(since("/scope/stop"), minutes(3));
    rig.quit();
}

#[test]
fn the_end_of_a_command_and_a_stop_are_durable_at_once() {
    let urgent = [
        command(1, CommandState::Refused, true),
        pressed(1, StopState::Sent { after_ns: 1 }),
        stop_path(StopPath::Down { why: "cut".into() }),
    ];
    for payload in urgent {
        let rig = Rig::new();
        rig.start(RecordingLimits::default());
        rig.say(0, payload);
        // Far sooner than a chunk ends, and than anything else is made durable.
        rig.pass(Duration::from_millis(110));
        rig.quit();
    }
}

#[test]
fn inspect_counts_commands_by_outcome_and_stops_by_their_worst() {
    let acknowledged = |ms: u64| StopState::Acknowledged {
        after_ns: ms * 1_000_000,
    };
    let dir = tempfile::tempdir().unwrap();
    let path = written(
        dir.path(),
        [
            stop_path(StopPath::Opening),
            command(1, CommandState::Queued, false),
            command(1, CommandState::Sent, false),
            command(2, CommandState::Refused, true),
            command(1, CommandState::Done, true),
            command(3, CommandState::Sent, true),
            command(4, CommandState::Done, true),
            command(5, CommandState::Unknown, false),
            pressed(1, StopState::Sent { after_ns: 1 }),
            pressed(1, acknowledged(2)),
            pressed(1, acknowledged(9)),
            pressed(2, StopState::Sent { after_ns: 1 }),
            pressed(2, StopState::NoAnswer),
            pressed(2, acknowledged(30)),
            pressed(3, StopState::Sent { after_ns: 1 }),
        ],
    );
    let summary = recording::inspect(&path).unwrap();
    let table = summary.to_string();
    let expected = "
commands
  scope  5 commands: 2 done, 1 refused, 1 sent without an answer, 1 not ended in it

stops
  scope  3 presses, 2 acknowledged within 30.0 ms, worst: no answer

complete
";
    assert!(table.ends_with(expected), "{table}");
    let json = serde_json::to_value(&summary).unwrap();
    assert_eq!(json["commands"][0]["source"], "scope");
    assert_eq!(json["commands"][0]["outcomes"]["done"], 2);
    assert_eq!(json["commands"][0]["open"], 1);
    assert_eq!(json["stops"][0]["presses"], 3);
    assert_eq!(json["stops"][0]["slowest_ns"], 30_000_000);
    assert_eq!(json["stops"][0]["worst"], "no answer");
}

#[test]
fn a_press_that_got_through_is_no_trouble_and_no_press_is_no_line() {
    let dir = tempfile::tempdir().unwrap();
    let ready = stop_path(StopPath::Ready { round_trip_ns: 9 });
    let path = written(dir.path(), [ready.clone()]);
    let summary = recording::inspect(&path).unwrap();
    assert!(summary.stops.is_empty() && summary.commands.is_empty());
    let acknowledged = StopState::Acknowledged { after_ns: 500_000 };
    let said = [
        ready,
        pressed(1, StopState::Sent { after_ns: 1 }),
        pressed(1, acknowledged),
    ];
    let table = recording::inspect(&written(dir.path(), said))
        .unwrap()
        .to_string();
    let line = "scope  1 press, 1 acknowledged within 0.5 ms, worst: acknowledged";
    assert!(table.contains(line), "{table}");
}
