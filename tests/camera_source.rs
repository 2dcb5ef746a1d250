//! A camera of this machine as a source: through the real pipeline, from a device that does what a
//! script says.
#![cfg(feature = "camera")]
#![allow(clippy::unwrap_used, clippy::panic)]

#[path = "support/cameras.rs"]
mod cameras;
#[path = "support/running.rs"]
mod running;

use std::sync::Arc;

use cameras::{Machine, Step, format, found};
use running::{PATIENCE, Running};
use ttyscope::model::{
    Activity, Command, CommandId, CommandKind, CommandReport, CommandState, DropReason, EndReason,
    Fate, FaultKind, Frame, FrameEncoding, Instrument, LaneKind, LinkState, Payload, Quantity,
    Request, Unit, Value,
};
use ttyscope::sources::camera::{self, Agreed, CameraOptions, FourCc, Mode, Trouble, Wanted};

fn start(machine: &Machine) -> Running {
    start_with(machine, CameraOptions::new("0"))
}

fn start_with(machine: &Machine, options: CameraOptions) -> Running {
    let backend = machine.backend();
    Running::start(|outlet, intake, stop| camera::run_on(backend, options, outlet, intake, stop))
}

/// Plays steps, the last of which is a picture, and gives that back.
async fn frame(machine: &Machine, running: &Running, steps: Vec<Step>) -> Frame {
    machine.play(steps);
    let screen = Arc::clone(&running.screen);
    let taken = tokio::task::spawn_blocking(move || screen.take_frame(PATIENCE));
    let delivery = taken.await.unwrap().unwrap();
    delivery.ticket.settle(Fate::Shown);
    match delivery.sample.payload {
        Payload::Frame(frame) => frame,
        other => panic!("no frame: {other:?}"),
    }
}

fn picture(number: u32) -> Step {
    Step::Picture(number, vec![number as u8; 4])
}

async fn until_live(running: &Running) {
    while running.link().await != LinkState::Live {}
}

async fn down(running: &Running) -> (EndReason, String) {
    running
        .until(|payload| match payload {
            Payload::Link(LinkState::Down { reason, detail, .. }) => {
                Some((reason, detail.to_string()))
            }
            _ => None,
        })
        .await
}

async fn instrument(running: &Running) -> Arc<Instrument> {
    running
        .until(|payload| match payload {
            Payload::Instrument(instrument) => Some(instrument),
            _ => None,
        })
        .await
}

async fn outcome(running: &Running, command: Command) -> CommandReport {
    let request = Request {
        id: CommandId(1),
        command,
        operator: "ada".into(),
        stop_number: 0,
    };
    running.requests.send(request).await.unwrap();
    let ended = running.until(|payload| match payload {
        Payload::Command(report) if report.is_final => Some(report),
        _ => None,
    });
    Arc::unwrap_or_clone(ended.await)
}

fn set(control: &str, value: &str) -> Command {
    Command::SetControl {
        camera: None,
        control: control.into(),
        value: value.into(),
    }
}

#[tokio::test]
async fn pictures_come_with_their_numbers_and_times() {
    let machine = Machine::new(2);
    let mut options = CameraOptions::new("lab eye");
    options.pixel_size_um = Some(0.325);
    let running = start_with(&machine, options);
    let first = frame(&machine, &running, vec![picture(7)]).await;
    assert_eq!((&*first.detector, first.number), ("lab-eye", Some(7)));
    assert_eq!((first.width_px, first.height_px), (Some(2), Some(2)));
    assert_eq!(
        (first.encoding, first.bit_depth),
        (FrameEncoding::Mono8, Some(8))
    );
    assert_eq!(
        (first.body.as_ref(), first.lost_before),
        (&[7_u8; 4][..], 0)
    );
    assert_eq!((first.pixel_size_um, first.subsampling), (Some(0.325), 1));
    assert!(first.device_ns.is_some());
    let next = frame(&machine, &running, vec![picture(8)]).await;
    assert_eq!((next.number, next.lost_before), (Some(8), 0));
    let jumped = frame(&machine, &running, vec![picture(12)]).await;
    assert_eq!((jumped.number, jumped.lost_before), (Some(12), 3));
    // A driver that counts anew has lost nothing.
    let anew = frame(&machine, &running, vec![picture(0)]).await;
    assert_eq!((anew.number, anew.lost_before), (Some(13), 0));
    // Where pictures come at once there is no time to say that it is open.
    let first = running.link().await;
    assert_eq!(first, LinkState::Connecting { attempt: 1 });
    until_live(&running).await;
    let book = running.end().await;
    let counts = &book.lanes[LaneKind::Frames as usize];
    assert_eq!((counts.received, counts.residue()), (4, 0));
}

#[tokio::test]
async fn a_camera_says_what_it_is_and_what_can_be_set() {
    let machine = Machine::new(2);
    let running = start(&machine);
    let about = running
        .until(|payload| match payload {
            Payload::Readings(readings) => Some(readings),
            _ => None,
        })
        .await;
    let of = |name: &str| {
        let reading = about.iter().find(|one| &*one.name == name);
        reading.map(|one| (one.value.clone(), one.unit))
    };
    assert_eq!(of("camera/name"), Some((Value::from("Lab Eye"), "")));
    assert_eq!(of("camera/format"), Some((Value::from("GREY"), "")));
    assert_eq!(of("camera/size"), Some((Value::from("2x2"), "px")));
    assert_eq!(of("camera/rate"), Some((Value::Float(12.5), "1/s")));
    let known = instrument(&running).await;
    assert_eq!(known.activity, Activity::LiveView);
    use CommandKind::{Control, Exposure, Refresh};
    assert_eq!(known.offers, [Refresh, Exposure, Control]);
    let camera = &known.cameras[0];
    assert_eq!((&*camera.name, camera.exposure_ms), ("lab-eye", Some(20.0)));
    assert_eq!(camera.controls.len(), 5);
    running.end().await;
}

#[tokio::test]
async fn broken_pictures_are_counted_and_the_rest_goes_on() {
    let machine = Machine::new(2);
    let running = start(&machine);
    frame(&machine, &running, vec![picture(1)]).await;
    let broken = vec![
        Step::Picture(2, vec![0; 3]),
        Step::Picture(3, Vec::new()),
        Step::Picture(4, vec![0; 5_000_000]),
        Step::Damaged(5),
        picture(6),
    ];
    let whole = frame(&machine, &running, broken).await;
    // They came, so they are not lost on the way.
    assert_eq!((whole.number, whole.lost_before), (Some(6), 0));
    let fault = running.fault().await;
    assert_eq!(fault.kind, FaultKind::Malformed);
    assert!(
        fault
            .text
            .contains("picture 2 is none: it has 3 bytes and must have 4")
    );
    let book = running.end().await;
    let counts = &book.lanes[LaneKind::Frames as usize];
    assert_eq!(counts.dropped[DropReason::Malformed as usize], 4);
    assert_eq!((counts.received, counts.residue()), (6, 0));
}

#[tokio::test]
async fn a_camera_that_vanishes_is_found_again_under_another_number() {
    let machine = Machine::new(2);
    let running = start(&machine);
    frame(&machine, &running, vec![picture(1)]).await;
    machine.attach(vec![found(1, "usb-9")]);
    // Another camera of the same name is there too: which one it was nobody knows.
    machine.attach(vec![found(1, "usb-9"), found(2, "usb-8")]);
    machine.play([Step::Vanish]);
    let (reason, detail) = down(&running).await;
    assert_eq!(reason, EndReason::TransportClose);
    assert!(detail.contains("/dev/video0 is gone"), "{detail}");
    machine.attach(vec![found(3, "usb-1")]);
    let again = frame(&machine, &running, vec![picture(5)]).await;
    assert_eq!((&*again.detector, again.number), ("lab-eye", Some(5)));
    let path = running
        .until(|payload| match payload {
            Payload::Readings(readings) => {
                let path = readings.iter().find(|one| &*one.name == "camera/path");
                path.map(|one| one.value.clone())
            }
            _ => None,
        })
        .await;
    assert_eq!(path, Value::from("/dev/video3"));
    let known = instrument(&running).await;
    assert_eq!(known.cameras[0].streaming, Some(true));
    running.end().await;
}

#[tokio::test]
async fn a_camera_that_may_not_be_opened_says_what_to_do_and_is_tried_again() {
    let machine = Machine::new(2);
    let path = || "/dev/video0".into();
    let denied = Trouble::NoPermission {
        path: path(),
        group: Some("video".into()),
    };
    let busy = Trouble::Busy { path: path() };
    machine.close([denied.clone(), denied, busy]);
    let running = start(&machine);
    let (reason, detail) = down(&running).await;
    assert_eq!(reason, EndReason::Refused);
    assert!(detail.contains("usermod -aG video"), "{detail}");
    // Said once although it was tried twice.
    let (_, detail) = down(&running).await;
    assert!(detail.contains("in use by another program"), "{detail}");
    until_live_after(&machine, &running).await;
    running.end().await;
}

async fn until_live_after(machine: &Machine, running: &Running) {
    machine.play([picture(1)]);
    until_live(running).await;
}

#[tokio::test]
async fn no_camera_is_no_end() {
    let machine = Machine::new(2);
    machine.attach(Vec::new());
    let running = start(&machine);
    let (reason, detail) = down(&running).await;
    assert_eq!(reason, EndReason::HandshakeFailed);
    assert!(detail.contains("no camera is attached"), "{detail}");
    let refused = outcome(&running, set("focus", "1")).await;
    assert_eq!(refused.state, CommandState::Refused);
    machine.attach(vec![found(0, "usb-1")]);
    until_live_after(&machine, &running).await;
    running.end().await;
}

fn refused(what: &str) -> Trouble {
    Trouble::Refused {
        path: "/dev/video0".into(),
        what: what.into(),
        why: "Invalid argument".into(),
    }
}

#[tokio::test]
async fn what_is_listed_and_refused_gives_way_to_the_next_best() {
    let machine = Machine::new(2);
    let formats = [b"Y16 ", b"Y12 ", b"Y10 ", b"GREY"].map(|fourcc| format(fourcc, 2, 2));
    machine.formats(formats.to_vec());
    let other = |fourcc: &[u8; 4], size| {
        Ok(Agreed {
            mode: Mode {
                fourcc: FourCc(*fourcc),
                size,
                interval: None,
            },
            stride: 0,
            image_bytes: 0,
        })
    };
    machine.agree([
        Err(refused("this format")),
        other(b"GREY", (2, 2)),
        other(b"Y10 ", (0, 0)),
    ]);
    let running = start(&machine);
    let frame = frame(&machine, &running, vec![picture(1)]).await;
    assert_eq!(frame.encoding, FrameEncoding::Mono8);
    let asked: Vec<String> = machine
        .asked()
        .iter()
        .map(|m| m.fourcc.to_string())
        .collect();
    assert_eq!(asked, ["Y16", "Y12", "Y10", "GREY"]);
    let fault = running.fault().await;
    assert!(
        fault.text.contains("Y16 2x2 at 12.5/s is listed"),
        "{}",
        fault.text
    );
    running.end().await;
}

#[tokio::test]
async fn a_size_that_cannot_be_is_refused_in_words() {
    for (fourcc, size, part) in [
        (b"GREY", (0, 0), "a picture of 0x0 in GREY cannot be"),
        (b"GREY", (60_000, 60_000), "60000x60000 in GREY cannot be"),
    ] {
        let machine = Machine::new(2);
        machine.agree([Ok(Agreed {
            mode: Mode {
                fourcc: FourCc(*fourcc),
                size,
                interval: None,
            },
            stride: 0,
            image_bytes: 0,
        })]);
        let running = start(&machine);
        let (reason, detail) = down(&running).await;
        assert_eq!(reason, EndReason::Refused);
        assert!(detail.contains(part), "{detail}");
        running.end().await;
    }
}

#[tokio::test]
async fn what_the_camera_makes_of_a_wish_is_said() {
    let machine = Machine::new(2);
    let mut options = CameraOptions::new("0");
    options.wanted = Wanted {
        rate_hz: Some(30.0),
        ..Wanted::default()
    };
    let running = start_with(&machine, options);
    let fault = running.fault().await;
    let expected = "rate=30 was asked, the camera sends 12.5 a second";
    assert!(fault.text.contains(expected), "{}", fault.text);
    running.end().await;
}

#[tokio::test]
async fn a_silent_camera_is_stale_and_live_again() {
    let machine = Machine::new(2);
    let running = start(&machine);
    frame(&machine, &running, vec![picture(1)]).await;
    until_live(&running).await;
    machine.play(vec![Step::Silence; 10]);
    let link = running.link().await;
    let LinkState::Stale { missing } = link else {
        panic!("not stale: {link:?}");
    };
    assert_eq!(&*missing, "no picture for 3 s, the camera is open");
    machine.play([picture(2)]);
    assert_eq!(running.link().await, LinkState::Live);
    running.end().await;
}

#[tokio::test]
async fn a_control_is_done_when_the_camera_says_so() {
    let machine = Machine::new(2);
    let running = start(&machine);
    instrument(&running).await;
    let report = outcome(&running, set("focus", "120")).await;
    assert_eq!((report.state, report.detail), (CommandState::Done, None));
    assert_eq!(machine.value("focus"), Some(120.0));
    let changed = instrument(&running).await;
    let focus = changed.cameras[0].control("focus").unwrap();
    assert_eq!(focus.value, Some(120.0));
    let exposure = Command::SetExposure {
        camera: Some("lab-eye".into()),
        exposure: Quantity::new(12_500.0, Unit::Microsecond),
    };
    let report = outcome(&running, exposure).await;
    assert_eq!(report.state, CommandState::Done, "{:?}", report.detail);
    assert_eq!(machine.value("exposure-time"), Some(12.5));
    for (command, state, value) in [
        (
            set("autofocus", "on"),
            CommandState::Done,
            ("autofocus", Some(1.0)),
        ),
        (set("mode", "fast"), CommandState::Done, ("mode", Some(1.0))),
        // There is nothing to read back of it.
        (set("reset", ""), CommandState::Sent, ("reset", None)),
        (Command::Refresh, CommandState::Done, ("focus", Some(120.0))),
    ] {
        let report = outcome(&running, command).await;
        assert_eq!(
            report.state, state,
            "{}: {:?}",
            report.command, report.detail
        );
        assert_eq!(machine.value(value.0), value.1);
    }
    running.end().await;
}

#[tokio::test]
async fn a_rounded_value_is_done_and_says_what_it_became() {
    let machine = Machine::new(2);
    machine.coarse();
    let running = start(&machine);
    instrument(&running).await;
    // The second is where it stands already.
    for value in ["123", "124"] {
        let report = outcome(&running, set("focus", value)).await;
        assert_eq!(report.state, CommandState::Done);
        assert_eq!(report.detail.as_deref(), Some("it became 120"));
    }
    running.end().await;
}

#[tokio::test]
async fn what_the_camera_ignores_has_failed_and_what_it_lacks_is_refused() {
    let machine = Machine::new(2);
    machine.stubborn();
    let running = start(&machine);
    instrument(&running).await;
    let report = outcome(&running, set("focus", "120")).await;
    assert_eq!(report.state, CommandState::Failed);
    assert_eq!(
        report.detail.as_deref(),
        Some("the camera took it, and focus stands at 30")
    );
    for (command, part) in [
        (set("zoom", "1"), "there is no control \"zoom\""),
        (set("focus", "501"), "outside"),
        (
            Command::SetGain {
                camera: None,
                gain: 1.0,
            },
            "this instrument offers refresh",
        ),
    ] {
        let report = outcome(&running, command).await;
        assert_eq!(report.state, CommandState::Refused);
        let detail = report.detail.unwrap();
        assert!(detail.contains(part), "{detail}");
    }
    running.end().await;
}

#[tokio::test]
async fn an_exposure_that_the_camera_minds_itself_is_refused() {
    let machine = Machine::new(2);
    machine.hold("exposure-time");
    let running = start(&machine);
    instrument(&running).await;
    let exposure = Command::SetExposure {
        camera: None,
        exposure: Quantity::new(30.0, Unit::Millisecond),
    };
    let report = outcome(&running, exposure).await;
    assert_eq!(report.state, CommandState::Refused);
    let detail = report.detail.unwrap();
    assert!(
        detail.contains("exposure-time is not in force now"),
        "{detail}"
    );
    assert_eq!(machine.value("exposure-time"), Some(20.0));
    running.end().await;
}

#[tokio::test]
async fn what_the_camera_changes_by_itself_is_seen() {
    let machine = Machine::new(2);
    let running = start(&machine);
    instrument(&running).await;
    machine.set_value("exposure-time", 33.3);
    let changed = instrument(&running).await;
    assert_eq!(changed.cameras[0].exposure_ms, Some(33.3));
    running.end().await;
}
