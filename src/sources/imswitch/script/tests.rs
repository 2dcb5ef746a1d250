use std::collections::BTreeMap;

use super::*;
use crate::model::{CommandKind, Limits, Reading};
use crate::sources::imswitch::inventory::Part;
use crate::sources::imswitch::motion::AxisName;

/// Two stages that share an axis, at rest; two lights, one without a range; two cameras.
fn inventory() -> Inventory {
    let limits = Limits::new(0.0, 1_000.0).unwrap();
    let limits = ["A/1.X", "B.X", "Z"].map(|axis| (axis.to_owned(), limits));
    let mut inventory = Inventory::new(BTreeMap::from(limits), 2_000_000_000);
    inventory.set_connected(true, 0);
    let axes = [("A/1", "X"), ("A/1", "Z"), ("B", "X")];
    let axes = axes.map(|(stage, axis)| AxisName {
        stage: stage.to_owned(),
        axis: axis.to_owned(),
    });
    let range = Limits::new(0.0, 255.0);
    let lights = vec![("488 nm".to_owned(), range), ("old".to_owned(), None)];
    for part in [
        Part::Axes(axes.to_vec()),
        Part::Lights(lights),
        Part::Cameras(vec!["Wide".to_owned(), "Lock".to_owned()]),
        Part::Offers {
            offers: CommandKind::ALL.to_vec(),
            protocols: Vec::new(),
            parameters: Vec::new(),
        },
    ] {
        inventory.found(part, 0);
    }
    for at_ns in [1, 200_000_000] {
        let positions = ["A_1/X", "A_1/Z", "B/X"]
            .into_iter()
            .zip([10.0, 20.0, 30.0]);
        let readings: Vec<Reading> = positions
            .map(|(name, um)| Reading::new(format!("stage/{name}"), um, "um"))
            .collect();
        inventory.read(&readings, at_ns);
    }
    inventory
}

fn targets(inventory: &Inventory, command: &Command) -> Result<Vec<String>, String> {
    let circumstances = Circumstances {
        protocol: StreamProtocol::Binary,
        ours: Vec::new(),
        inventory,
    };
    let script = circumstances
        .script(command)
        .map_err(|why| why.to_string())?;
    match script.work {
        Work::Calls(calls) => Ok(calls.iter().map(Call::target).collect()),
        Work::SnapAside(call) => Ok(vec![call.target()]),
        Work::StartLive { .. } => Ok(Vec::new()),
    }
}

#[test]
fn a_move_goes_to_the_stage_that_was_meant_and_to_a_place() {
    let inventory = inventory();
    let by = |axis: &str| Command::Move {
        axis: axis.into(),
        target: Target::By(Quantity::new(0.5, Unit::Micrometre)),
    };
    let call = |stage: &str, axis: &str, um: f64| {
        format!(
            "PositionerController/movePositioner?positionerName={stage}&axis={axis}&dist={um}&isAbsolute=true&isBlocking=false"
        )
    };
    for (axis, wanted) in [
        ("A/1.X", call("A%2F1", "X", 10.5)),
        ("b.x", call("B", "X", 30.5)),
        ("z", call("A%2F1", "Z", 20.5)),
    ] {
        assert_eq!(targets(&inventory, &by(axis)), Ok(vec![wanted]));
    }
    let why = targets(&inventory, &by("X")).unwrap_err();
    assert!(why.contains("there is A/1.X, Z and B.X"), "{why}");
}

#[test]
fn what_is_to_be_dark_is_not_made_brighter_first() {
    let inventory = inventory();
    let light = |name: &str, percent: Option<f64>, on| Command::SetLight {
        light: name.into(),
        level: percent.map(|value| Quantity::new(value, Unit::Percent)),
        on,
    };
    let level = "LaserController/setLaserValue?laserName=488+nm&value=127.5".to_owned();
    let switch = |on: bool| format!("LaserController/setLaserActive?laserName=488+nm&active={on}");
    for (on, wanted) in [
        (None, vec![level.clone()]),
        (Some(true), vec![level.clone(), switch(true)]),
        (Some(false), vec![switch(false), level.clone()]),
    ] {
        let command = light("488 NM", Some(50.0), on);
        assert_eq!(targets(&inventory, &command), Ok(wanted));
    }
    // The servers take any number: without a range none is sent.
    let why = targets(&inventory, &light("old", Some(5.0), None)).unwrap_err();
    assert!(why.contains("is not known"), "{why}");
    assert!(targets(&inventory, &light("old", None, Some(true))).is_ok());
}

#[test]
fn a_raw_call_cannot_leave_its_controller() {
    let inventory = inventory();
    let raw = |call: &str| Command::Raw {
        call: call.into(),
        arguments: vec![("a b".into(), "&c=d".into())],
    };
    let sent = targets(&inventory, &raw("get:A/b"));
    assert_eq!(sent, Ok(vec!["A/b?a+b=%26c%3Dd".to_owned()]));
    for wrong in [
        "", "A/", "A//b", "../b", "A/b?c=d", "A/b#", "PUT:A/b", "A b/c",
    ] {
        assert!(targets(&inventory, &raw(wrong)).is_err(), "{wrong}");
    }
}

#[test]
fn of_two_commands_with_one_subject_the_second_waits() {
    let axes = |places: &[usize]| Subject::Axes(places.to_vec());
    assert!(axes(&[0, 1]).collides(&axes(&[1])));
    assert!(!axes(&[0]).collides(&axes(&[1])));
    assert!(Subject::Live.collides(&Subject::Live));
    assert!(!Subject::Live.collides(&Subject::Camera));
    assert!(!Subject::None.collides(&Subject::None));
}
