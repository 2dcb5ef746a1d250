//! Workflows: progress, images, stops.

use super::client::{Ask, Client, Viewer};
use super::{both, deeds, has_done, small, until};
use ttyscope::simulators::flamingo::{Deed, SimulatorOptions};

const WORKFLOW: i32 = 0xa005;

/// A stack of `planes` at X 9, with one laser.
fn stack(planes: u32, experiment: &str, option: &str) -> String {
    format!(
        "<Workflow Settings>
  <Experiment Settings>
    Plane spacing (um) = 1.0
    Frame rate (f/s) = 40.0
    Save image data = Raw
    {experiment}
  </Experiment Settings>
  <Stack Settings>
    Number of planes = {planes}
    Stack option = {option}
  </Stack Settings>
  <Start Position>
    X (mm) = 9.0
    Z (mm) = 20.0
  </Start Position>
  <End Position>
    X (mm) = 9.001
    Z (mm) = 20.1
  </End Position>
  <Illumination Source>
    Laser 2 2: 488 nm MLE = 7.50 1
    Laser 3 3: 561 nm MLE = 5.88 0
  </Illumination Source>
  <Illumination Path>
    Left path = ON 1
    Right path = OFF 0
  </Illumination Path>
</Workflow Settings>
"
    )
}

fn quick() -> SimulatorOptions {
    SimulatorOptions {
        speeds: [100.0, 100.0, 100.0, 5000.0],
        workflow_hz: Some(1000.0),
        ..small()
    }
}

/// Everything the server says up to the idle state, but for position updates.
async fn all_until_idle(client: &mut Client) -> Vec<(u32, i32, i32)> {
    let mut told = Vec::new();
    loop {
        let next = client.message().await;
        if next.code == 0xa002 {
            return told;
        }
        if next.code != 0x6008 {
            told.push((next.code, next.d0, next.d1));
        }
    }
}

#[tokio::test]
async fn a_workflow_tells_its_progress_in_order() {
    let (simulator, mut client) = both(quick()).await;
    client
        .send(&Ask::with(0x3004, stack(20, "", "ZStack")))
        .await;
    let told = all_until_idle(&mut client).await;
    let codes = |code| told.iter().filter(move |t| t.0 == code).collect::<Vec<_>>();
    // It begins with its state and size, and is not answered.
    assert_eq!(told[..2], [(0xa005, 0, 0), (0x9003, 20, 0)]);
    let gauge: Vec<_> = codes(0x9004).iter().map(|t| (t.1, t.2)).collect();
    assert_eq!(gauge, (1..=20).map(|nth| (nth, 20)).collect::<Vec<_>>());
    assert_eq!(codes(0x9008), [&(0x9008, 10, 20), &(0x9008, 20, 20)]);
    assert_eq!(codes(0x3011), [&(0x3011, 20, 20)]);
    assert_eq!(codes(0x2002)[0].1, 2);
    assert!(!codes(0x4003).is_empty());
    // Four axes to the start, and one step for each plane after the first.
    assert_eq!(codes(0x6010).len(), 4 + 19);
    assert!(codes(0x3004).is_empty());

    let positions = simulator.positions();
    assert_eq!((positions[0], positions[3]), (9.0, 0.0));
    assert!((positions[2] - 20.019).abs() < 1e-9, "{positions:?}");
    let deeds = deeds(&simulator);
    let at = |deed: &Deed| deeds.iter().position(|d| d == deed).unwrap();
    let started = at(&Deed::WorkflowStarted { images: 20 });
    let (on, off) = (
        at(&Deed::LaserOn { laser: 2 }),
        at(&Deed::LaserOff { laser: 2 }),
    );
    let ended = at(&Deed::WorkflowEnded);
    assert!(started < on && on < off && off < ended);
    assert!(!simulator.lights_on() && !simulator.lights().left);
}

#[tokio::test]
async fn led_off_comes_with_six_bytes() {
    let (_simulator, mut client) = both(quick()).await;
    client
        .send(&Ask::with(0x3004, stack(1, "", "ZStack")))
        .await;
    let told = client.event(0x4003).await;
    let mut expected = vec![0; 128];
    expected[..12].copy_from_slice(&[0x54, 0xe6, 0x21, 0xf3, 3, 0x40, 0, 0, 1, 0, 0, 0]);
    expected[48] = 6;
    expected[124..].copy_from_slice(&[0x21, 0x43, 0xdc, 0xfe]);
    expected.extend(b"LEDOFF");
    assert_eq!(told.raw, expected);
}

#[tokio::test]
async fn images_of_a_workflow_come_if_its_text_says_so() {
    let (simulator, mut client) = both(quick()).await;
    let mut viewer = Viewer::connect(simulator.live_address()).await;
    until(&simulator, "the viewer is there", |s| {
        s.counters().viewers == 1
    })
    .await;
    let experiment = "Work flow live view enabled = true\n    Display max projection = true";
    client
        .send(&Ask::with(0x3004, stack(5, experiment, "ZStack")))
        .await;
    for _ in 0..5 {
        let image = viewer.next().await;
        assert_eq!((image.size(), image.header[6]), ((48, 32), 0x10));
    }
    let projection = viewer.next().await;
    assert_eq!(
        projection.header,
        [3072, 48, 32, 100, 4000, 1, 0x30, 0, 0, 4]
    );
    all_until_idle(&mut client).await;
    let produced = simulator.counters().frames_produced;
    client
        .send(&Ask::with(0x3004, stack(5, "", "ZStack")))
        .await;
    all_until_idle(&mut client).await;
    assert_eq!(simulator.counters().frames_produced, produced);
}

#[tokio::test]
async fn a_tile_run_does_not_tell_every_image() {
    let (_simulator, mut client) = both(quick()).await;
    client.send(&Ask::with(0x3004, stack(3, "", "Tile"))).await;
    let told = all_until_idle(&mut client).await;
    assert!(told.iter().all(|t| t.0 != 0x9004));
    let stacks = told.iter().filter(|t| t.0 == 0x3011).count();
    // (1 µm and a field of 24 µm) in fields of 24 µm, one row.
    assert_eq!(stacks, 2);
    assert!(told.contains(&(0x9003, 6, 0)));
}

#[tokio::test]
async fn a_stop_is_answered_and_ends_the_workflow() {
    let options = SimulatorOptions {
        workflow_hz: Some(100.0),
        ..quick()
    };
    let (simulator, mut client) = both(options).await;
    let idle = client.ask(Ask::new(0x3005)).await;
    assert_eq!((idle.code, idle.status), (0x3005, 1));
    client
        .send(&Ask::with(0x3004, stack(4000, "", "ZStack")))
        .await;
    client.event(0x9004).await;
    assert_eq!(client.ask(Ask::new(0xa007)).await.d0, WORKFLOW);
    // A second one is not begun.
    client
        .send(&Ask::with(0x3004, stack(3, "", "ZStack")))
        .await;
    let busy = client.ask(Ask::new(0x3006)).await;
    assert_eq!((busy.code, busy.status), (0x3006, 0));
    let stop = client.ask(Ask::new(0x3005)).await;
    assert_eq!((stop.code, stop.status), (0x3005, 1));
    client.event(0xa002).await;
    assert_eq!(client.ask(Ask::new(0xa007)).await.d0, 0xa002);
    assert!(has_done(&simulator, &Deed::WorkflowEnded));
    let refused = Deed::WorkflowRefused {
        reason: "a workflow runs".to_owned(),
    };
    assert!(has_done(&simulator, &refused));
    assert!(!simulator.lights_on());
}

#[tokio::test]
async fn a_halt_alone_does_not_end_a_workflow() {
    let options = SimulatorOptions {
        workflow_hz: Some(50.0),
        ..quick()
    };
    let (simulator, mut client) = both(options).await;
    client
        .send(&Ask::with(0x3004, stack(1000, "", "ZStack")))
        .await;
    client.event(0x9004).await;
    assert_eq!(client.ask(Ask::new(0x6002)).await.status, 1);
    client.events.clear();
    client.event(0x9004).await;
    assert_eq!(simulator.state(), WORKFLOW as u32);
}

#[tokio::test]
async fn what_is_out_of_reach_is_not_begun() {
    let (simulator, mut client) = both(quick()).await;
    let far = stack(3, "", "ZStack").replace("X (mm) = 9.0\n", "X (mm) = 15.5\n");
    let verdict = client.ask(Ask::with(0x302b, &far)).await;
    assert_eq!((verdict.code, verdict.status), (0x302b, 1));
    let text = String::from_utf8(verdict.payload).unwrap();
    assert!(
        text.contains("hard limit") && text.contains("X axis"),
        "{text}"
    );
    let fine = client.ask(Ask::with(0x302b, stack(3, "", "ZStack"))).await;
    assert!(
        !String::from_utf8(fine.payload)
            .unwrap()
            .contains("hard limit")
    );

    client.tell(Ask::with(0x3004, &far)).await;
    client.tell(Ask::with(0x3004, "")).await;
    let reasons: Vec<String> = deeds(&simulator)
        .into_iter()
        .map(|deed| match deed {
            Deed::WorkflowRefused { reason } => reason,
            other => panic!("{other:?}"),
        })
        .collect();
    assert!(
        reasons[0].contains("hard limit") && reasons[1].contains("empty"),
        "{reasons:?}"
    );
}

#[tokio::test]
async fn live_view_during_a_workflow_hangs_the_connection_that_asked_for_it() {
    for code in [0x3007, 0x3008] {
        let options = SimulatorOptions {
            workflow_hz: Some(100.0),
            ..quick()
        };
        let (simulator, mut client) = both(options).await;
        let mut other = Client::connect(simulator.address()).await;
        client
            .send(&Ask::with(0x3004, stack(4000, "", "ZStack")))
            .await;
        client.event(0x9004).await;
        client.send(&Ask::new(code)).await;
        until(&simulator, "the connection hangs", |s| {
            has_done(s, &Deed::Hung { connection: 1 })
        })
        .await;
        // Nothing it says has an effect any more; others are served.
        client.send(&Ask::new(0x3005)).await;
        assert_eq!(other.ask(Ask::new(0xa007)).await.d0, WORKFLOW);
        assert_eq!(other.ask(Ask::new(0x3005)).await.status, 1);
        other.event(0xa002).await;
        drop(client);
        let mut again = Client::connect(simulator.address()).await;
        assert_eq!(again.ask(Ask::new(0xa007)).await.d0, 0xa002);
    }
}

#[tokio::test]
async fn a_workflow_goes_on_while_its_client_is_away() {
    let options = SimulatorOptions {
        workflow_hz: Some(500.0),
        ..quick()
    };
    let (simulator, mut client) = both(options).await;
    client
        .send(&Ask::with(0x3004, stack(50, "", "ZStack")))
        .await;
    client.event(0x9004).await;
    drop(client);
    until(&simulator, "it ends", |s| has_done(s, &Deed::WorkflowEnded)).await;
    let mut again = Client::connect(simulator.address()).await;
    assert_eq!(again.ask(Ask::new(0xa007)).await.d0, 0xa002);
}
