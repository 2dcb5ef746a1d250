//! The stage: moves, halts, and what is said of them.

use std::time::{Duration, Instant};

use super::client::{Ask, Client};
use super::{IDLE, STATE, both, has_done, small, until};
use ttyscope::simulators::flamingo::{Axis, Deed, SimulatorOptions, What};

#[tokio::test]
async fn every_move_ends_with_a_message_however_short_it_is() {
    let options = SimulatorOptions {
        speeds: [1.0, 0.0, 1.0, 50.0],
        ..small()
    };
    let (_simulator, mut client) = both(options).await;
    for nth in 0..100 {
        // No way at all, a thousandth of a millisecond, a millisecond.
        let way = [0.0, 1e-6, 1e-3][nth % 3];
        client.go(1, 8.032 + way).await;
    }
    // An axis that takes no time, over any way.
    for target in [5.0, 25.0, 1e12, 23.898] {
        client.go(2, target).await;
        assert_eq!(client.position(2).await, target);
    }
}

#[tokio::test]
async fn a_move_takes_its_time_and_tells_where_it_is() {
    let options = SimulatorOptions {
        speeds: [0.1, 0.1, 0.1, 5.0],
        ..small()
    };
    let (simulator, mut client) = both(options).await;
    let begun = Instant::now();
    client.send(&Ask::to(3, 19.783)).await;
    assert_eq!(client.message().await.code, 0x6005);
    let mut last = 19.753;
    let mut updates = 0;
    loop {
        let told = client.message().await;
        if told.code == 0x6010 {
            assert_eq!((told.status, told.d0, told.number), (1, 3, 0.0));
            break;
        }
        assert_eq!((told.code, told.bits, told.number), (0x6008, 2, 0.0));
        let lines: Vec<&str> = told.text.lines().collect();
        assert_eq!(lines[..2], ["1=8.032000", "2=23.898000"]);
        let z: f64 = lines[2].strip_prefix("3=").unwrap().parse().unwrap();
        assert!(z >= last && z <= 19.783, "{last} {z}");
        last = z;
        updates += 1;
        // In the middle of it a question is answered with the true position.
        if updates == 2 {
            client.send(&Ask::of(0x6008, 3)).await;
            let answer = client.reply().await;
            assert!(answer.number >= last && answer.number <= 19.783);
            assert_eq!((answer.bits, answer.text.as_str()), (0x8000_0000, ""));
            assert!(simulator.is_moving());
        }
    }
    assert!(begun.elapsed() >= Duration::from_millis(300));
    assert!((2..=12).contains(&updates), "{updates}");
    assert!(!simulator.is_moving());
    assert_eq!(simulator.positions()[2], 19.783);
}

#[tokio::test]
async fn halting_stops_every_axis_where_it_is() {
    let (simulator, mut client) = both(small()).await;
    let mut stopper = Client::connect(simulator.address()).await;
    for (axis, target) in [(1, 15.0), (4, 700.0)] {
        assert_eq!(client.ask(Ask::to(axis, target)).await.status, 1);
    }
    until(&simulator, "both axes have moved", |s| {
        s.positions()[0] > 8.032 && s.positions()[3] > 0.0
    })
    .await;
    let echo = stopper.ask(Ask::new(0x6002)).await;
    assert_eq!((echo.code, echo.status), (0x6002, 1));
    let still = simulator.positions();
    assert!(!simulator.is_moving() && still[0] < 15.0 && still[3] < 700.0);
    // Both are reported as stopped, to everybody.
    for client in [&mut client, &mut stopper] {
        let stopped = [client.event(0x6010).await, client.event(0x6010).await];
        assert_eq!(stopped.map(|told| (told.status, told.d0)), [(1, 1), (1, 4)]);
    }
    assert_eq!(stopper.position(1).await, still[0]);

    let log = simulator.log();
    let at = |find: &dyn Fn(&What) -> bool| log.iter().position(|e| find(&e.what)).unwrap();
    let halted = |axis, at| What::Did(Deed::MoveHalted { axis, at });
    let came =
        at(&|what| matches!(what, What::Received(r) if r.code == 0x6002 && r.connection == 2));
    let (x, r) = (halted(Axis::X, still[0]), halted(Axis::R, still[3]));
    let (x, r) = (at(&|what| *what == x), at(&|what| *what == r));
    let replied = What::Replied {
        connection: 2,
        code: 0x6002,
        d0: 0,
    };
    assert!(came < x && x < r);
    assert!(came < at(&|what| *what == replied));
    assert!(log.windows(2).all(|pair| pair[0].at <= pair[1].at));

    // With nothing to stop it is answered too, and nothing else happens.
    assert_eq!(stopper.ask(Ask::new(0x6002)).await.status, 1);
    assert_eq!(stopper.ask(Ask::new(STATE)).await.code, STATE);
    assert!(stopper.events.is_empty());
}

#[tokio::test]
async fn limits_are_not_enforced_and_nonsense_is_refused() {
    let options = SimulatorOptions {
        speeds: [0.0; 4],
        ..small()
    };
    let (simulator, mut client) = both(options).await;
    client.go(1, -3.0).await;
    assert_eq!(simulator.positions()[0], -3.0);
    for (axis, target) in [
        (0, 8.0),
        (5, 8.0),
        (-1, 8.0),
        (1, f64::NAN),
        (1, f64::INFINITY),
    ] {
        let reply = client.ask(Ask::to(axis, target)).await;
        assert_eq!((reply.code, reply.status), (0x6005, 0), "{axis} {target}");
    }
    // The other code for the same.
    let ask = Ask {
        code: 0x6004,
        ..Ask::to(2, 7.0)
    };
    assert_eq!(client.ask(ask).await.code, 0x6004);
    client.event(0x6010).await;
    assert_eq!(simulator.positions()[1], 7.0);
    let saved = client.ask(Ask::new(0x6009)).await.payload;
    assert!(saved.starts_with(b"1=7.500\n2="));
}

#[tokio::test]
async fn home_is_where_the_settings_have_it() {
    let options = SimulatorOptions {
        speeds: [0.0; 4],
        ..small()
    };
    let (simulator, mut client) = both(options).await;
    client.send(&Ask::of(0x6001, 3)).await;
    assert_eq!(client.event(0x6010).await.d0, 3);
    assert_eq!(simulator.positions(), [8.032, 23.898, 20.0, 0.0]);
    client.send(&Ask::new(0x6001)).await;
    for _ in 0..4 {
        client.event(0x6010).await;
    }
    assert_eq!(simulator.positions(), [7.5, 23.5, 20.0, 0.0]);
}

#[tokio::test]
async fn what_another_client_does_is_told_to_everybody() {
    let options = SimulatorOptions {
        speeds: [0.0; 4],
        ..small()
    };
    let (simulator, mut client) = both(options).await;
    assert_eq!(client.ask(Ask::new(STATE)).await.d0, IDLE);
    simulator.move_by_other_client(Axis::Y, 12.0);
    let told = client.message().await;
    assert_eq!((told.code, told.d0, told.status), (0x6010, 2, 1));
    assert_eq!(client.position(2).await, 12.0);
    let began = Deed::MoveBegan {
        axis: Axis::Y,
        from: 23.898,
        to: 12.0,
    };
    assert!(has_done(&simulator, &began));
}
