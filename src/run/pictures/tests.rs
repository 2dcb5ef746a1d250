use super::*;
use crate::imaging::{Contrast, Reference, Roi, View};
use crate::model::{Compression, Frame, FrameEncoding, LaneKind, LinkState, Origin, SourceId};
use bytes::Bytes;
use std::sync::mpsc::channel;

/// The thread with what feeds it.
struct Scene {
    lanes: Arc<ScreenLanes>,
    pipeline: Pipeline,
    outlet: Outlet,
    pictures: Pictures,
}

impl Scene {
    fn new(lanes: impl FnOnce(Clock) -> ScreenLanes) -> Self {
        let clock = Clock::manual(1);
        let lanes = Arc::new(lanes(clock.clone()));
        let pipeline = Pipeline::new(clock.clone(), 1, None, Some(Arc::clone(&lanes)));
        let source = SourceInfo {
            id: SourceId(0),
            name: "scope".into(),
            address: "".into(),
            origin: Origin::Live,
            caution: None,
        };
        let outlet = pipeline.outlet(source.id);
        let pictures =
            Pictures::start(Arc::clone(&lanes), &pipeline, &[source], clock, None).unwrap();
        Self {
            lanes,
            pipeline,
            outlet,
            pictures,
        }
    }

    async fn publish(&self, frame: Frame) {
        let now = self.outlet.clock().now();
        self.outlet.publish(now, Payload::Frame(frame)).await;
    }

    async fn next(&self) -> Ready {
        loop {
            if let Some(ready) = self.pictures.take() {
                return ready;
            }
            self.pictures.ready().await;
        }
    }

    /// Waits until the thread has taken every frame.
    async fn quiet(&self) {
        while self.outlet.in_flight(LaneKind::Frames) > 0 {
            tokio::task::yield_now().await;
        }
    }

    /// Ends all and says how many frames were shown.
    fn end(self) -> u64 {
        drop(self.pictures);
        self.lanes.close();
        let total = self
            .pipeline
            .ledger()
            .snapshot()
            .source(SourceId(0))
            .total();
        assert_eq!((total.in_flight, total.residue()), (0, 0));
        total.shown
    }
}

fn camera(name: &str) -> CameraKey {
    CameraKey {
        source: SourceId(0),
        detector: name.into(),
    }
}

/// Four columns and two rows of one value, in which the pixel at the top left has its number.
fn frame(name: &str, number: u16, value: u16) -> Frame {
    let mut values = [value; 8];
    values[0] = number;
    Frame {
        detector: name.into(),
        number: Some(number.into()),
        width_px: Some(4),
        height_px: Some(2),
        encoding: FrameEncoding::Mono16(Compression::None),
        body: Bytes::from_iter(values.iter().flat_map(|value| value.to_le_bytes())),
        pixel_size_um: None,
        subsampling: 1,
        bit_depth: Some(12),
        device_ns: None,
        lost_before: 0,
    }
}

fn plain(name: &str) -> PictureRequest {
    PictureRequest::plain(camera(name), 10, 10)
}

fn probing(name: &str, at: (u32, u32)) -> PictureRequest {
    PictureRequest {
        probe: Some(at),
        ..plain(name)
    }
}

fn shown(ready: Ready) -> Picture {
    if let Some(ticket) = ready.ticket {
        ticket.settle(Fate::Shown);
    }
    ready.picture
}

fn probed(picture: &Picture) -> Option<u16> {
    picture.probe.as_ref().map(|(_, values)| values[0])
}

#[tokio::test(flavor = "multi_thread")]
async fn the_thread_ends_although_nobody_takes_what_it_says() {
    let scene = Scene::new(|clock| ScreenLanes::with_bounds(clock, 1, 1));
    // The control lane is full now, and the frame cannot be decoded: that has to be told.
    scene.outlet.link(LinkState::Live).await;
    scene.pictures.want(vec![plain("camera")]);
    let broken = Frame {
        encoding: FrameEncoding::Jpeg,
        body: Bytes::from_static(b"no picture"),
        ..frame("camera", 1, 1)
    };
    scene.publish(broken).await;
    let in_flight = || {
        scene
            .pipeline
            .ledger()
            .snapshot()
            .source(SourceId(0))
            .total()
            .in_flight
    };
    while in_flight() < 2 || scene.outlet.in_flight(LaneKind::Frames) > 0 {
        tokio::task::yield_now().await;
    }
    let (done, ended) = channel();
    thread::spawn(move || {
        done.send(scene.end()).unwrap();
    });
    ended
        .recv_timeout(Duration::from_secs(60))
        .expect("the thread ends");
}

#[tokio::test(flavor = "multi_thread")]
async fn another_look_at_a_frame_needs_no_new_one() {
    let scene = Scene::new(ScreenLanes::new);
    scene.pictures.want(vec![plain("camera")]);
    scene.publish(frame("camera", 7, 100)).await;
    let first = scene.next().await;
    assert!(first.ticket.is_some());
    assert_eq!(probed(&shown(first)), None);

    scene.pictures.want(vec![probing("camera", (0, 0))]);
    let second = scene.next().await;
    // The frame was shown already.
    assert!(second.ticket.is_none());
    assert_eq!(probed(&second.picture), Some(7));
    let zoomed = View {
        part: Some(Roi {
            x: 1,
            y: 0,
            width: 1,
            height: 1,
        }),
        contrast: Contrast::Full,
        ..View::default()
    };
    scene.pictures.want(vec![PictureRequest {
        view: zoomed,
        ..plain("camera")
    }]);
    let third = shown(scene.next().await);
    assert_eq!(third.part.x, 1);
    assert_eq!(third.window, (0, 4095));
    assert_eq!(scene.end(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_camera_that_comes_onto_the_screen_shows_its_newest_frame_at_once() {
    let scene = Scene::new(ScreenLanes::new);
    for number in [1, 2] {
        scene.publish(frame("camera", number, 100)).await;
        scene.quiet().await;
    }
    scene.pictures.want(vec![plain("camera")]);
    let ready = scene.next().await;
    assert_eq!(
        (ready.picture.number, ready.ticket.is_some()),
        (Some(2), false)
    );
    assert_eq!(scene.end(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_held_frame_can_still_be_looked_at() {
    let scene = Scene::new(ScreenLanes::new);
    scene.pictures.want(vec![plain("camera")]);
    scene.publish(frame("camera", 1, 100)).await;
    assert!(!shown(scene.next().await).held);

    let held = PictureRequest {
        held: true,
        ..probing("camera", (0, 0))
    };
    scene.pictures.want(vec![held.clone()]);
    assert_eq!(probed(&shown(scene.next().await)), Some(1));
    scene.publish(frame("camera", 2, 100)).await;
    scene.quiet().await;
    scene.pictures.want(vec![PictureRequest {
        probe: Some((1, 1)),
        ..held
    }]);
    let picture = shown(scene.next().await);
    assert_eq!((picture.number, picture.held), (Some(1), true));
    assert_eq!(probed(&picture), Some(100));

    // Let go, it shows what has come since.
    scene.pictures.want(vec![plain("camera")]);
    assert_eq!(shown(scene.next().await).number, Some(2));
    assert_eq!(scene.end(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn several_cameras_all_get_their_pictures() {
    let scene = Scene::new(ScreenLanes::new);
    let names = ["a", "b", "c", "d"];
    scene.pictures.want(names.map(plain).to_vec());
    for number in 1..=5 {
        for name in names {
            scene.publish(frame(name, number, 100)).await;
        }
        let mut seen: Vec<String> = Vec::new();
        while seen.len() < names.len() {
            let picture = shown(scene.next().await);
            assert_eq!(picture.number, Some(number.into()));
            seen.push(picture.camera.detector.to_string());
        }
        seen.sort();
        assert_eq!(seen, names);
    }
    // Another look at one of them does not make the others anew.
    let mut requests = names.map(plain).to_vec();
    requests[2] = probing("c", (0, 0));
    scene.pictures.want(requests);
    assert_eq!(probed(&shown(scene.next().await)), Some(5));
    scene.publish(frame("a", 6, 100)).await;
    assert_eq!(shown(scene.next().await).camera, camera("a"));
    assert_eq!(scene.end(), 21);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reference_is_the_frame_on_the_screen() {
    let scene = Scene::new(ScreenLanes::new);
    let difference = PictureRequest {
        view: View {
            difference: true,
            ..View::default()
        },
        ..plain("camera")
    };
    scene.pictures.want(vec![difference]);
    scene.publish(frame("camera", 1, 100)).await;
    assert_eq!(shown(scene.next().await).reference, Reference::Missing);

    scene.pictures.set_reference(camera("camera"));
    let compared = |picture: &Picture| match picture.reference {
        Reference::Subtracted { number, .. } => number,
        _ => None,
    };
    // It is made anew at once, and compared with itself.
    assert_eq!(compared(&shown(scene.next().await)), Some(1));
    scene.publish(frame("camera", 2, 300)).await;
    let picture = shown(scene.next().await);
    assert_eq!((picture.number, compared(&picture)), (Some(2), Some(1)));
    scene.end();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_frame_leaves_the_one_before() {
    let scene = Scene::new(ScreenLanes::new);
    scene.pictures.want(vec![plain("camera")]);
    scene.publish(frame("camera", 1, 100)).await;
    shown(scene.next().await);
    let short = Frame {
        body: Bytes::from_static(b"short"),
        ..frame("camera", 2, 100)
    };
    scene.publish(short).await;
    scene.quiet().await;
    scene.pictures.want(vec![probing("camera", (0, 0))]);
    assert_eq!(probed(&shown(scene.next().await)), Some(1));
    while let Some(told) = scene.lanes.try_take() {
        told.ticket.settle(Fate::Shown);
    }
    scene.end();
}
