//! Lasers, LED and light sheets.

use super::client::Ask;
use super::{both, deeds, has_done, small};
use ttyscope::simulators::flamingo::{Deed, Lights, SimulatorOptions};

#[tokio::test]
async fn lasers_take_levels_and_turns() {
    let (simulator, mut client) = both(small()).await;
    client
        .tell(Ask {
            text: "11.49",
            ..Ask::of(0x2001, 3)
        })
        .await;
    let level = client.ask(Ask::of(0x2002, 3)).await;
    assert_eq!(
        (level.status, level.d0, level.text.as_str()),
        (1, 3, "11.50")
    );
    client
        .tell(Ask {
            text: "lots",
            ..Ask::of(0x2001, 3)
        })
        .await;
    assert_eq!(client.ask(Ask::of(0x2002, 3)).await.text, "11.50");
    let none = client.ask(Ask::of(0x2002, 5)).await;
    assert_eq!((none.status, none.text.as_str()), (0, "getLevel error"));

    client.tell(Ask::of(0x2004, 3)).await;
    let told = client.event(0x2002).await;
    assert_eq!((told.d0, told.bits, told.text.as_str()), (3, 0, "11.50"));
    let filter = client.ask(Ask::new(0x5002)).await.d0;
    client.tell(Ask::of(0x2004, 1)).await;
    assert_eq!(simulator.lights().lasers, [true, false, false, false]);
    assert_ne!(client.ask(Ask::new(0x5002)).await.d0, filter);

    // "All" with the argument 0 leaves it on.
    client.tell(Ask::of(0x2007, 0)).await;
    assert!(simulator.lights_on());
    for laser in 1..=4 {
        client.tell(Ask::of(0x2007, laser)).await;
    }
    assert!(!simulator.lights_on());
    let switched: Vec<Deed> = deeds(&simulator)
        .into_iter()
        .filter(|deed| matches!(deed, Deed::LaserOn { .. } | Deed::LaserOff { .. }))
        .collect();
    let on = |laser| Deed::LaserOn { laser };
    let off = |laser| Deed::LaserOff { laser };
    assert_eq!(switched, [on(3), off(3), on(1), off(1)]);
    client.tell(Ask::of(0x2003, 2)).await;
    assert!(simulator.lights().lasers[1]);
    client.tell(Ask::of(0x2006, 2)).await;
    assert!(!simulator.lights_on());
}

#[tokio::test]
async fn the_led_and_the_light_sheets_are_switched() {
    let (simulator, mut client) = both(small()).await;
    let set = Ask {
        d1: 48767,
        ..Ask::of(0x4001, 1)
    };
    assert_eq!(client.ask(set).await.code, 0x4001);
    for code in [0x4002, 0x7004, 0x7006] {
        assert_eq!(client.ask(Ask::new(code)).await.code, code);
    }
    let on = Lights {
        led: true,
        left: true,
        right: true,
        ..Lights::default()
    };
    assert_eq!(simulator.lights(), on);
    let off = client.ask(Ask::new(0x4003)).await;
    assert_eq!((off.code, off.payload.as_slice()), (0x4003, &b"LEDOFF"[..]));
    for code in [0x7005, 0x7007] {
        client.ask(Ask::new(code)).await;
    }
    assert_eq!(simulator.lights(), Lights::default());
    let deed = Deed::LedSet {
        colour: 1,
        value: 48767,
    };
    assert!(has_done(&simulator, &deed));
}

#[tokio::test]
async fn light_commands_can_go_unanswered() {
    let options = SimulatorOptions {
        acknowledge_lights: false,
        ..small()
    };
    let (simulator, mut client) = both(options).await;
    for code in [0x4002, 0x7004, 0x4003, 0x7006, 0x4001, 0x4006] {
        client.tell(Ask::new(code)).await;
    }
    let lights = simulator.lights();
    assert!(lights.left && lights.right && !lights.led);
}
