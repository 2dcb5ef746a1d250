use super::*;
use crate::protocol::flamingo::commands::COMMANDS;
use crate::protocol::flamingo::message::CALLBACK;
use crate::protocol::flamingo::vectors::vector;

#[test]
fn requests_are_the_bytes_on_record() {
    let profile = Profile::current();
    let laser = Laser::from_number(3).unwrap();
    let workflow = vector("V11")[128..].to_vec();
    let cases = [
        ("V1", Request::plain(&profile, Command::SystemStateGet)),
        ("V4", Request::position(&profile, Axis::X)),
        ("V6", Request::move_to(&profile, Axis::R, -217.965)),
        ("V8", Request::set_laser_level(&profile, laser, 11.49)),
        ("V9", Request::set_led(&profile, LedColour::Green, 50.0)),
        ("V11", Request::start_workflow(&profile, workflow)),
    ];
    for (name, request) in cases {
        let request = request.unwrap();
        assert_eq!(request.message().encode().unwrap(), vector(name), "{name}");
        let read = Message::decode(&vector(name).into()).unwrap();
        assert_eq!(&read, request.message(), "{name}");
    }
}

#[test]
fn every_command_that_takes_nothing_asks_for_its_reply() {
    let profile = Profile::current();
    for info in &COMMANDS {
        match Request::plain(&profile, info.command) {
            Ok(request) => {
                assert_eq!(request.message().bits, CALLBACK, "{}", info.name);
                assert_eq!(request.message().code, info.code);
                assert_eq!(request.timeout(), info.timeout);
                assert_eq!(info.selector, Selector::None, "{}", info.name);
            }
            Err(error) => {
                assert_eq!(error, RequestError::NeedsArgument { name: info.name });
            }
        }
    }
}

#[test]
fn arguments_that_cannot_be_are_refused_with_what_can() {
    let profile = Profile::current();
    let laser = Laser::ALL[0];
    let cases = [
        (
            Request::move_to(&profile, Axis::X, f64::NAN),
            "NaN is not a position",
        ),
        (
            Request::set_laser_level(&profile, laser, 101.0),
            "0 to 100 % are",
        ),
        (
            Request::set_led(&profile, LedColour::Red, -1.0),
            "0 to 100 % are",
        ),
        (
            Request::set_exposure(&profile, 0),
            "0 µs is not an exposure; 1 to 1000000 µs are",
        ),
        (Request::set_exposure(&profile, u32::MAX), "1 to 1000000"),
        (Request::set_roi_left(&profile, 0), "edges are 1 to 16384"),
        (
            Request::set_roi_top(&profile, 16_385),
            "edges are 1 to 16384",
        ),
        (
            Request::start_workflow(&profile, " \r\n"),
            "the text for CAMERA_WORK_FLOW_START is empty",
        ),
        (
            Request::plain(&profile, Command::StagePositionSet),
            "STAGE_POSITION_SET takes an argument",
        ),
        (
            Request::plain(&Profile::older(), Command::Snapshot),
            "the profile gives CAMERA_SNAPSHOT no code",
        ),
    ];
    for (made, part) in cases {
        let message = made.unwrap_err().to_string();
        assert!(message.contains(part), "{message}");
    }
    let over = vec![b'x'; super::super::message::MAX_PAYLOAD_BYTES + 1];
    assert!(Request::check_stack(&profile, over).is_err());
}

#[test]
fn a_profile_changes_what_is_sent() {
    let request = Request::plain(&Profile::older(), Command::WorkflowStop).unwrap();
    assert_eq!(request.message().code, 12294);
}
