//! The Flamingo source against the simulator, over real sockets on loopback.
#![allow(clippy::unwrap_used, clippy::panic)]

#[path = "flamingo_source/faults.rs"]
mod faults;
#[path = "flamingo_source/orders.rs"]
mod orders;
#[path = "flamingo_source/watched.rs"]
mod watched;
#[path = "flamingo_source/workflows.rs"]
mod workflows;

use ttyscope::model::{CommandState, Motion, StopLevel, StopOrigin, StopState, Value};
use ttyscope::simulators::flamingo::{Deed, SimulatorOptions};
use watched::{Watched, by_um, deeds, quick, received, simulator, to};

const MOVE: u32 = 0x6005;
const HALT: u32 = 0x6002;

#[tokio::test]
async fn everything_is_read_in_the_order_of_the_description() {
    let simulator = simulator(quick()).await;
    let mut watched = Watched::ready(&simulator).await;
    let codes = received(&simulator, 0);
    assert_eq!(
        codes,
        [
            0xa007, 0x1009, 0x3037, 0x3027, 0x300a, 0x6008, 0x6008, 0x6008, 0x6008, 0x2002, 0x2002,
            0x2002, 0x2002, 0x1013
        ]
    );
    assert_eq!(watched.position("x"), 8.032);
    let hostname = watched.reading("server/hostname").await;
    assert_eq!(hostname.value, Value::from("ttyscope-simulator"));
    for (name, value, unit) in [
        ("stage/y", 23.898, "mm"),
        ("stage/r", 0.0, "deg"),
        ("camera/exposure", 1.0, "ms"),
        ("optics/pixel size", 0.5, "um"),
    ] {
        let reading = watched.reading(name).await;
        assert_eq!(
            (reading.value, reading.unit),
            (Value::Float(value), unit),
            "{name}"
        );
    }
    let lights: Vec<&str> = watched
        .instrument
        .lights
        .iter()
        .map(|l| l.name.as_str())
        .collect();
    assert_eq!(
        lights,
        [
            "405",
            "488",
            "561",
            "640",
            "led-red",
            "led-green",
            "led-blue",
            "led-white",
            "left",
            "right"
        ]
    );
    let seen = watched.end().await;
    assert!(seen.iter().any(|sample| sample.payload.tells_simulated()));
}

#[tokio::test]
async fn a_move_goes_through_its_life_and_ends_where_it_was_to() {
    let simulator = simulator(quick()).await;
    let mut watched = Watched::ready(&simulator).await;
    let id = watched.ask(to("x", 9.0)).await;
    let end = watched.end_of(id).await;
    use CommandState::{Acknowledged, Done, Queued, Sent};
    assert_eq!(
        watched.life(id),
        [Queued, Sent, Acknowledged, Done],
        "{end:?}"
    );
    assert_eq!(end.before[0].value, Some(8.032));
    assert_eq!(end.after[0].value, Some(9.0));
    assert_eq!(
        (watched.position("x"), watched.motion("x")),
        (9.0, Motion::Settled)
    );
    let end = watched.done(by_um("r", 10.0)).await;
    assert_eq!(end.state, CommandState::Refused, "{end:?}");
    let end = watched.done(by_um("z", -753.0)).await;
    assert_eq!(end.state, CommandState::Done);
    assert!((simulator.positions()[2] - 19.0).abs() < 1e-9);
    watched.end().await;
}

#[tokio::test]
async fn a_stop_ends_a_move_where_it_is_and_holds_the_next_back() {
    let options = SimulatorOptions {
        speeds: [0.5; 4],
        ..quick()
    };
    let simulator = simulator(options).await;
    let mut watched = Watched::ready(&simulator).await;
    let id = watched.ask(to("x", 14.0)).await;
    watched.state_of(id, CommandState::Acknowledged).await;
    let first = simulator.log_len();
    let press = watched.board.press(StopOrigin::Key);
    let sent = watched.stop_report().await;
    assert!(matches!(sent.state, StopState::Sent { .. }) && sent.press == press);
    let answered = watched.stop_report().await;
    assert!(
        matches!(answered.state, StopState::Acknowledged { .. }),
        "{answered:?}"
    );
    let end = watched.end_of(id).await;
    assert_eq!(end.state, CommandState::Stopped, "{end:?}");
    let at = simulator.positions()[0];
    assert!(at < 14.0);
    assert_eq!(end.after[0].value, Some(at));
    assert_eq!(received(&simulator, first).first(), Some(&HALT));
    let refused = watched.done(to("y", 20.0)).await;
    assert_eq!(refused.state, CommandState::Refused);
    assert!(refused.detail.unwrap().contains(":clear"));
    assert!(!received(&simulator, first).contains(&MOVE));
    watched.board.clear(watched.board.number());
    assert_eq!(
        watched.done(to("x", at + 0.1)).await.state,
        CommandState::Done
    );
    watched.end().await;
}

#[tokio::test]
async fn a_stop_that_is_safe_ends_light_too() {
    let simulator = simulator(quick()).await;
    let mut watched = Watched::ready(&simulator).await;
    let first = simulator.log_len();
    watched
        .board
        .press_level(StopLevel::Safe, StopOrigin::Outside);
    assert!(matches!(
        watched.stop_report().await.state,
        StopState::Sent { .. }
    ));
    simulator
        .until(|s| received(s, first).contains(&0x7007))
        .await;
    let codes: Vec<u32> = received(&simulator, first)
        .into_iter()
        .filter(|code| *code != 0x6008)
        .collect();
    assert_eq!(
        codes,
        [
            HALT, 0x3005, 0x2007, 0x2007, 0x2007, 0x2007, 0x4003, 0x7005, 0x7007
        ]
    );
    assert!(
        !deeds(&simulator)
            .iter()
            .any(|d| matches!(d, Deed::LaserOn { .. }))
    );
    watched.end().await;
}
