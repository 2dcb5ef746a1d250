//! The live port and what fills it.

use super::client::{Ask, Client, Viewer};
use super::{both, has_done, small, start, until};
use std::time::Duration;
use ttyscope::simulators::flamingo::{Axis, Deed, SimulatorOptions, What};

const LIVE: u32 = 0xa004;

/// A laser and a light sheet.
pub async fn light_up(client: &mut Client) {
    let level = Ask {
        text: "20.00",
        ..Ask::of(0x2001, 2)
    };
    client.tell(level).await;
    client.tell(Ask::of(0x2004, 2)).await;
    assert_eq!(client.ask(Ask::new(0x7004)).await.code, 0x7004);
}

#[tokio::test]
async fn a_snapshot_is_one_image_between_two_states() {
    let (simulator, mut client) = both(small()).await;
    let mut viewer = Viewer::connect(simulator.live_address()).await;
    until(&simulator, "the viewer is there", |s| {
        s.counters().viewers == 1
    })
    .await;
    client.send(&Ask::new(0x3006)).await;
    let codes = [0x3006, 0xa003, 0xa002];
    for code in codes {
        let told = client.message().await;
        assert_eq!((told.code, told.status), (code, 1));
    }
    let image = viewer.next().await;
    let header = [48 * 32 * 2, 48, 32, 100, 4000, 1, 0, 0, 0, 0];
    assert_eq!(image.header, header);
    // Nobody has switched on a light: noise around the black level.
    assert!((90.0..110.0).contains(&image.mean()), "{}", image.mean());
    let first = image.pixels[0];
    assert!(image.pixels.iter().any(|pixel| *pixel != first));

    light_up(&mut client).await;
    let exposure = Ask::of(0x3009, 50_000);
    assert_eq!(client.ask(exposure).await.status, 1);
    client.ask(Ask::new(0x3006)).await;
    let lit = viewer.next().await;
    assert!(
        lit.mean() > image.mean() + 20.0,
        "{} {}",
        lit.mean(),
        image.mean()
    );
}

#[tokio::test]
async fn live_view_runs_from_its_start_to_its_stop() {
    let (simulator, mut client) = both(small()).await;
    let mut viewer = Viewer::connect(simulator.live_address()).await;
    let idle = client.ask(Ask::new(0x3008)).await;
    assert_eq!(
        (idle.status, idle.text.as_str()),
        (0, "Live view thread not running")
    );
    assert_eq!(client.ask(Ask::new(0x3007)).await.status, 1);
    assert_eq!(client.event(LIVE).await.status, 1);
    assert_eq!(client.ask(Ask::new(0xa007)).await.d0, LIVE as i32);
    for _ in 0..20 {
        assert_eq!(viewer.next().await.size(), (48, 32));
    }
    // A second start changes nothing.
    assert_eq!(client.ask(Ask::new(0x3007)).await.status, 1);
    assert_eq!(client.ask(Ask::new(0x3008)).await.status, 1);
    assert_eq!(client.event(0xa002).await.status, 1);
    let produced = simulator.counters().frames_produced;
    // A snapshot is the next that is produced: live view is over.
    client.ask(Ask::new(0x3006)).await;
    client.event(0xa002).await;
    assert_eq!(simulator.counters().frames_produced, produced + 1);
    assert!(has_done(&simulator, &Deed::LiveStarted) && has_done(&simulator, &Deed::LiveStopped));
}

#[tokio::test]
async fn the_picture_follows_the_stage_and_the_light() {
    let options = SimulatorOptions {
        speeds: [0.0; 4],
        sensor_px: (200, 160),
        exposure_us: 10_000,
        ..small()
    };
    let (simulator, mut client) = both(options).await;
    let mut viewer = Viewer::connect(simulator.live_address()).await;
    client.ask(Ask::new(0x3007)).await;
    let dark = viewer.next().await;
    light_up(&mut client).await;
    let mut lit = viewer.next().await;
    while lit.mean() < dark.mean() + 10.0 {
        lit = viewer.next().await;
    }
    client.go(1, 3.0).await;
    // The mean depends on the cells in view; wait for one that is clearly another.
    let mut moved = viewer.next().await;
    while (moved.mean() - lit.mean()).abs() < 0.5 {
        moved = viewer.next().await;
    }
    for laser in 1..=4 {
        client.tell(Ask::of(0x2007, laser)).await;
    }
    let mut off = viewer.next().await;
    while off.mean() > dark.mean() + 1.0 {
        off = viewer.next().await;
    }
}

#[tokio::test]
async fn the_region_and_the_exposure_are_set_and_read_back() {
    let options = SimulatorOptions {
        sensor_px: (64, 48),
        ..small()
    };
    let (simulator, mut client) = both(options).await;
    let size = client.ask(Ask::new(0x3027)).await;
    assert_eq!(
        (size.d0, size.d1, size.number, size.hardware_id),
        (64, 48, 6.5, 1)
    );
    for (code, edge) in [(0x300f, 17), (0x3011, 9)] {
        let reply = client.ask(Ask::of(code, edge)).await;
        assert_eq!((reply.code, reply.status, reply.d0), (code, 1, edge));
        assert_eq!(client.ask(Ask::new(code + 1)).await.d0, edge);
        assert_eq!(client.ask(Ask::of(code, 0)).await.status, 0);
        assert_eq!(client.ask(Ask::of(code, 4000)).await.status, 0);
    }
    let size = client.ask(Ask::new(0x3027)).await;
    assert_eq!((size.d0, size.d1), (32, 32));
    let mut viewer = Viewer::connect(simulator.live_address()).await;
    until(&simulator, "the viewer is there", |s| {
        s.counters().viewers == 1
    })
    .await;
    client.ask(Ask::new(0x3006)).await;
    assert_eq!(viewer.next().await.size(), (32, 32));

    assert_eq!(client.ask(Ask::new(0x300a)).await.d0, 1000);
    assert_eq!(client.ask(Ask::of(0x3009, 2500)).await.status, 1);
    assert_eq!(client.ask(Ask::new(0x300a)).await.d0, 2500);
    assert_eq!(client.ask(Ask::of(0x3009, 0)).await.status, 0);
    assert_eq!(client.ask(Ask::new(0x300a)).await.d0, 2500);
    let field = client.ask(Ask::new(0x3037)).await;
    assert_eq!(field.number, 0.0005);
}

#[tokio::test]
async fn update_on_change_shows_what_has_changed_and_nothing_else() {
    let options = SimulatorOptions {
        speeds: [0.0; 4],
        ..small()
    };
    let (simulator, mut client) = both(options).await;
    let mut viewer = Viewer::connect(simulator.live_address()).await;
    client.ask(Ask::of(0x3007, 1)).await;
    assert_eq!(client.event(0x9005).await.status, 1);
    viewer.next().await;
    // Talk changes nothing that could be seen.
    for _ in 0..20 {
        client.ask(Ask::new(0xa007)).await;
    }
    assert_eq!(simulator.counters().frames_produced, 1);
    // One image for each change, also of what makes no difference in the dark.
    client.go(3, 12.0).await;
    viewer.next().await;
    client.ask(Ask::of(0x3009, 2000)).await;
    viewer.next().await;
    client.tell(Ask::of(0x2003, 1)).await;
    viewer.next().await;
    client.ask(Ask::new(0x3008)).await;
    assert_eq!(simulator.counters().frames_produced, 4);
}

#[tokio::test]
async fn a_viewer_that_does_not_read_loses_the_oldest_images_and_is_cut() {
    let options = SimulatorOptions {
        sensor_px: (1024, 1024),
        live_hz: 200.0,
        viewer_patience: Duration::from_millis(300),
        ..small()
    };
    let (simulator, mut client) = both(options).await;
    let _idle = Viewer::connect(simulator.live_address()).await;
    let mut busy = Viewer::connect(simulator.live_address()).await;
    client.ask(Ask::new(0x3007)).await;
    let cut = async {
        until(&simulator, "the idle one is cut", |s| {
            let gone = |what: &What| matches!(what, What::ViewerDisconnected { .. });
            s.log().iter().any(|entry| gone(&entry.what))
        })
        .await;
    };
    tokio::pin!(cut);
    loop {
        tokio::select! {
            () = &mut cut => break,
            image = busy.next() => assert_eq!(image.size(), (1024, 1024)),
        }
    }
    assert_eq!(simulator.counters().cut, 1);
    // Who reads goes on seeing.
    let sent = simulator.counters().frames_sent;
    assert!(sent > 0);
}

#[tokio::test]
async fn a_sixth_viewer_is_turned_away() {
    let simulator = start(small()).await;
    let mut viewers = Vec::new();
    for nth in 1..=5 {
        viewers.push(Viewer::connect(simulator.live_address()).await);
        until(&simulator, "it is let in", |s| s.counters().viewers == nth).await;
    }
    let mut sixth = Viewer::connect(simulator.live_address()).await;
    assert!(sixth.image().await.is_none());
    assert_eq!(simulator.counters().refused, 1);
}

#[tokio::test]
async fn large_pictures_are_prepared_and_sent_quickly() {
    let options = SimulatorOptions {
        sensor_px: (1024, 1024),
        live_hz: 100.0,
        ..small()
    };
    let (simulator, mut client) = both(options).await;
    let mut viewer = Viewer::connect(simulator.live_address()).await;
    client.ask(Ask::new(0x3007)).await;
    let mut seen = Vec::new();
    for _ in 0..24 {
        let image = viewer.next().await;
        if !seen.contains(&image.pixels) {
            seen.push(image.pixels);
        }
    }
    // It moves, but is not drawn anew every time.
    assert!((2..=8).contains(&seen.len()), "{}", seen.len());
    assert!(simulator.counters().frames_sent >= 24);
}

#[tokio::test]
async fn nobody_watching_costs_no_pictures() {
    let (simulator, mut client) = both(small()).await;
    client.ask(Ask::new(0x3007)).await;
    simulator.move_by_other_client(Axis::X, 8.05);
    client.event(0x6010).await;
    assert_eq!(simulator.counters().frames_produced, 0);
    let mut viewer = Viewer::connect(simulator.live_address()).await;
    viewer.next().await;
}
