use bytes::Bytes;

use super::*;
use crate::protocol::flamingo::{Message, SystemState};

const S: u64 = 1_000_000_000;

const SETTINGS: &str = "<Type>
 Microscope name = bench
</Type>
<Laser parameters>
 Laser 1 wave length (nm) = 488
 Laser 2 wave length (nm) = 488
 Laser 3 wave length (nm) = 561
</Laser parameters>
<Stage limits>
 Soft limit min x-axis = 1
 Soft limit max x-axis = 15
 Soft limit min r-axis = 0
 Soft limit max r-axis = 90
 Default velocity x-axis = 0.5
</Stage limits>
<LED settings>
 Intensity red = 32000
 Intensity blue = 65534
</LED settings>
";

fn known() -> Known {
    let profile = Profile::current();
    Known::new(&profile, BTreeMap::new(), Duration::from_secs(30))
}

fn read() -> Known {
    let mut known = known();
    let text = Bytes::from_static(SETTINGS.as_bytes());
    known.take(Event::Settings { text }, 0);
    known
}

fn positions(x: f64) -> Event {
    Event::Positions {
        positions: [Some(x), None, None, None],
    }
}

fn motion(known: &Known) -> Motion {
    known.axis(Axis::X).unwrap().motion
}

#[test]
fn an_update_that_is_only_rounded_does_not_make_an_axis_move() {
    let mut known = known();
    known.set_settled(Axis::X, 8.032_000_4, 0);
    known.take(positions(8.032), S);
    assert_eq!(motion(&known), Motion::Settled);
    assert_eq!(known.to_look_at(10 * S), None);
    known.take(positions(8.033), S);
    assert_eq!(motion(&known), Motion::Moving);
    // Not looked at as long as updates come.
    assert_eq!(known.to_look_at(S + 1), None);
    assert_eq!(known.to_look_at(2 * S), Some(Axis::X));
}

#[test]
fn a_server_that_always_says_stopped_is_not_asked_all_the_time() {
    let mut known = known();
    known.set_settled(Axis::Z, 19.0, 0);
    let stopped = || Event::MotionStopped {
        axis: Some(Axis::Z),
        status: 1,
    };
    for ms in 0..1_000 {
        known.take(stopped(), ms * 1_000_000);
    }
    assert_eq!(known.stops(Axis::Z), 1_000);
    assert_eq!(known.to_look_at(S), None);
    assert!(known.may_have_to_look());
    // But it is asked: the last one may have been the end of something.
    assert_eq!(known.to_look_at(3 * S), Some(Axis::Z));
    known.set_settled(Axis::Z, 19.0, 3 * S);
    assert!(!known.may_have_to_look());
    // Another status is none.
    let other = Event::MotionStopped {
        axis: Some(Axis::Z),
        status: 0,
    };
    known.take(other, 4 * S);
    assert_eq!(known.stops(Axis::Z), 1_000);
}

#[test]
fn lights_are_called_by_their_wavelength_unless_two_share_it() {
    let known = read();
    let names: Vec<&str> = known
        .instrument
        .lights
        .iter()
        .map(|light| light.name.as_str())
        .collect();
    assert_eq!(
        names,
        [
            "laser-1",
            "laser-2",
            "561",
            "led-red",
            "led-green",
            "led-blue",
            "led-white",
            "left",
            "right"
        ]
    );
    let level = |name| known.instrument.light(name).unwrap().level;
    assert_eq!(
        (level("led-red"), level("led-green"), level("led-blue")),
        (Some(0.0), None, Some(100.0))
    );
    assert_eq!(known.axis(Axis::Y).unwrap().limits, None);
    assert_eq!(known.axis(Axis::R).unwrap().limits, Limits::new(0.0, 90.0));
}

#[test]
fn settings_that_come_again_keep_what_is_known_of_lights() {
    let mut known = read();
    known.set_on(Lamp::Led(LedColour::Blue), true, Evidence::Read);
    known.set_level(Lamp::Led(LedColour::Blue), 7.0, Evidence::Read);
    let text = Bytes::from(SETTINGS.replace("561", "640"));
    known.take(Event::Settings { text }, 0);
    let blue = known.instrument.light("led-blue").unwrap();
    assert_eq!((blue.on, blue.level), (Some(true), Some(7.0)));
    assert!(known.instrument.light("640").is_some());
}

#[test]
fn a_workflow_runs_by_what_the_instrument_says_and_not_by_what_was_sent() {
    use SystemState::{Idle, Workflow as Runs};
    let mut known = known();
    known.set_state(Idle, 0);
    known.workflow_sent("stack".into(), S);
    assert_eq!(known.instrument.activity, Activity::Workflow);
    // Idle right after the start may be old.
    known.set_state(Idle, 2 * S);
    assert_eq!(known.workflow_state(), Some(WorkflowState::Starting));
    known.set_state(Runs, 3 * S);
    assert_eq!(known.workflow_state(), Some(WorkflowState::Running));
    known.set_state(Idle, 9 * S);
    assert_eq!(known.workflow_state(), Some(WorkflowState::Ended));
    assert_eq!(known.workflow_ended_ns, Some(9 * S));

    known.workflow_sent("again".into(), 10 * S);
    known.set_state(Idle, 39 * S);
    assert_eq!(known.workflow_state(), Some(WorkflowState::Starting));
    known.set_state(Idle, 40 * S);
    assert_eq!(known.workflow_state(), Some(WorkflowState::Failed));
    assert_eq!(known.instrument.activity, Activity::Idle);

    known.workflow_sent("third".into(), 50 * S);
    let gauge = Event::GaugeValue {
        acquired: 1,
        expected: 5,
    };
    known.take(gauge, 51 * S);
    assert_eq!(known.workflow_state(), Some(WorkflowState::Running));
    known.ask_to_stop();
    known.set_state(Idle, 52 * S);
    assert_eq!(known.workflow_state(), Some(WorkflowState::Stopped));
}

#[test]
fn a_workflow_goes_on_while_nobody_is_connected() {
    let mut known = known();
    known.set_state(SystemState::Workflow, 0);
    known.connection_lost();
    assert_eq!(known.workflow_state(), Some(WorkflowState::Unknown));
    assert_eq!(known.instrument.activity, Activity::Unknown);
    known.set_state(SystemState::Workflow, S);
    assert_eq!(known.workflow_state(), Some(WorkflowState::Running));
}

#[test]
fn what_many_messages_say_is_counted_and_told_once_a_second() {
    let mut known = known();
    for n in 0..5_000 {
        let gauge = Event::GaugeValue {
            acquired: n,
            expected: 5_000,
        };
        assert_eq!(known.take(gauge, 0), News::None);
    }
    let count = known.take_coalesced(S).unwrap();
    assert_eq!(count.value, Value::Int(5_000));
    known.take(positions(1.0), S);
    assert_eq!(known.take_coalesced(S + 1), None);
    assert!(known.take_coalesced(2 * S).is_some());
    // What means nothing here is kept as it is.
    let other = Event::Other(Message::new(0x9077));
    assert_eq!(known.take(other.clone(), 0), News::Keep(other));
}
