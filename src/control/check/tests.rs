use super::*;
use crate::model::{Camera, Evidence};

/// Two axes, a laser in percent and a lamp in its own number.
fn instrument() -> Instrument {
    let axis = |name: &str, unit, position, limits: Option<(f64, f64)>, motion| Axis {
        name: name.into(),
        unit,
        position,
        target: None,
        limits: limits.and_then(|(min, max)| Limits::new(min, max)),
        motion,
    };
    let light = |name: &str, unit, max| Light {
        name: name.into(),
        label: name.into(),
        level: None,
        unit,
        range: Limits::new(0.0, max),
        on: None,
        evidence: Evidence::None,
    };
    Instrument {
        activity: Activity::Idle,
        axes: vec![
            axis(
                "x",
                Unit::Millimetre,
                Some(5.0),
                Some((1.0, 15.0)),
                Motion::Settled,
            ),
            axis(
                "y",
                Unit::Millimetre,
                Some(5.0),
                Some((1.0, 15.0)),
                Motion::Moving,
            ),
            axis("z", Unit::Millimetre, Some(5.0), None, Motion::Settled),
            axis(
                "r",
                Unit::Degree,
                None,
                Some((-720.0, 720.0)),
                Motion::Unknown,
            ),
            axis(
                "o",
                Unit::Millimetre,
                Some(20.0),
                Some((1.0, 15.0)),
                Motion::Settled,
            ),
        ],
        lights: vec![
            light("488", Unit::Percent, 100.0),
            light("LED", Unit::Raw, 32_000.0),
        ],
        cameras: vec![Camera {
            name: "cam".into(),
            exposure_ms: None,
            exposure_range_ms: Limits::new(0.001, 1_000.0),
            gain: None,
            gain_range: None,
            streaming: None,
            controls: Vec::new(),
        }],
        workflow: None,
        offers: vec![
            CommandKind::Move,
            CommandKind::Light,
            CommandKind::Exposure,
            CommandKind::Snap,
            CommandKind::Workflow,
        ],
        ..Instrument::default()
    }
}

fn to(axis: &str, value: f64, unit: Unit) -> Command {
    Command::Move {
        axis: axis.into(),
        target: Target::To(Quantity::new(value, unit)),
    }
}

fn by(axis: &str, value: f64, unit: Unit) -> Command {
    Command::Move {
        axis: axis.into(),
        target: Target::By(Quantity::new(value, unit)),
    }
}

fn light(name: &str, value: f64, unit: Unit) -> Command {
    Command::SetLight {
        light: name.into(),
        level: Some(Quantity::new(value, unit)),
        on: None,
    }
}

#[test]
fn what_may_not_be_sent_says_what_may() {
    use Unit::*;
    let exposure = |value, unit| Command::SetExposure {
        camera: None,
        exposure: Quantity::new(value, unit),
    };
    let snap = |name: &str| Command::Snap {
        name: Some(name.into()),
    };
    let cases: Vec<(Command, Option<&str>)> = vec![
        (to("x", 1.5, Millimetre), None),
        (to("X", 1_500.0, Micrometre), None),
        (to("x", 15.0, Raw), None),
        (by("x", 10.0, Micrometre), None),
        (
            to("x", 15.1, Millimetre),
            Some("x may go from 1 to 15 mm; 15.1 mm is outside"),
        ),
        (
            by("x", -4.5, Millimetre),
            Some("x may go from 1 to 15 mm; 0.5 mm is outside"),
        ),
        (
            to("x", f64::NAN, Millimetre),
            Some("x: NaN is not a number"),
        ),
        (
            to("x", 2.0, Degree),
            Some("x is in mm: 2 deg does not fit; write 1mm"),
        ),
        (
            to("q", 2.0, Millimetre),
            Some("there is no axis \"q\"; there is x, y, z, r and o"),
        ),
        (to("y", 2.0, Millimetre), Some("y is moving")),
        (
            to("z", 2.0, Millimetre),
            Some("z: its limits are not known; write limits"),
        ),
        (to("r", 2.0, Degree), Some("r: its position is not known")),
        (to("o", 2.0, Millimetre), None),
        (by("o", -1.0, Millimetre), None),
        (
            by("o", 1.0, Millimetre),
            Some("o may go from 1 to 15 mm; 21 mm is outside"),
        ),
        (
            to("o", 0.5, Millimetre),
            Some("o may go from 1 to 15 mm; 0.5 mm is outside"),
        ),
        (light("488", 5.0, Percent), None),
        (
            light("488", 101.0, Percent),
            Some("light 488 takes 0 to 100 %; 101 is outside"),
        ),
        (light("led", 5.0, Percent), None),
        (
            light("LED", 999_999.0, Raw),
            Some("light LED takes 0 to 32000 ; 999999 is outside"),
        ),
        (
            light("LED", 5.0, Millimetre),
            Some("light LED is in its own number: 5 mm"),
        ),
        (
            light("561", 5.0, Percent),
            Some("there is no light \"561\"; there is 488 and LED"),
        ),
        (exposure(20.0, Millisecond), None),
        (exposure(0.5, Second), None),
        (
            exposure(2.0, Second),
            Some("exposure takes 0.001 to 1000 ms; 2000 is outside"),
        ),
        (exposure(1.0, Percent), Some("exposure is in ms")),
        (
            Command::SetGain {
                camera: None,
                gain: 2.0,
            },
            Some("gain: this instrument offers move, laser"),
        ),
        (snap("a.b-c"), None),
        (snap("../a"), Some("snap: \"../a\" is no plain name")),
        (snap(".hidden"), Some("snap: \".hidden\" is no plain name")),
    ];
    for (command, expected) in cases {
        let got = check(&instrument(), &command, false).map_err(|r| r.to_string());
        match (expected, got) {
            (None, got) => assert_eq!(got, Ok(()), "{command}"),
            (Some(head), Err(sentence)) => {
                assert!(sentence.starts_with(head), "{command}: {sentence}");
            }
            (Some(_), Ok(())) => panic!("{command} was not refused"),
        }
    }
}

#[test]
fn a_latched_stop_lets_only_what_calms_pass() {
    let off = Command::SetLight {
        light: "488".into(),
        level: None,
        on: Some(false),
    };
    for (command, passes) in [
        (to("x", 2.0, Unit::Millimetre), false),
        (light("488", 5.0, Unit::Percent), false),
        (Command::Snap { name: None }, false),
        (off, true),
        (Command::Refresh, true),
        (Command::StopWorkflow, true),
    ] {
        let got = check(&instrument(), &command, true);
        assert_eq!(got.is_ok(), passes, "{command}: {got:?}");
    }
}

#[test]
fn a_workflow_has_the_instrument_to_itself() {
    let mut instrument = instrument();
    instrument.activity = Activity::Workflow;
    for (command, passes) in [
        (to("x", 2.0, Unit::Millimetre), false),
        (light("488", 0.0, Unit::Percent), false),
        (Command::Refresh, true),
        (Command::StopWorkflow, true),
    ] {
        assert_eq!(
            check(&instrument, &command, false).is_ok(),
            passes,
            "{command}"
        );
    }
}

#[test]
fn percent_of_a_range_becomes_the_devices_number() {
    let instrument = instrument();
    let led = instrument.light("led").unwrap();
    assert_eq!(
        level_of(led, Quantity::new(50.0, Unit::Percent)),
        Ok(16_000.0)
    );
    assert_eq!(level_of(led, Quantity::new(7.0, Unit::Raw)), Ok(7.0));
}
