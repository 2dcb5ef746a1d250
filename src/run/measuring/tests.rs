use super::*;
use crate::config::SourceSpec;
use crate::model::{FrameEncoding, LaneKind, Payload, Value};
use crate::pipeline::{DiskItem, DiskLane, Pipeline, ScreenLanes};
use bytes::Bytes;
use std::time::Duration;

/// A source with cameras of 16x16 pixels, on a clock that stands still.
struct Rig {
    clock: Clock,
    pipeline: Pipeline,
    told: mpsc::Receiver<Found>,
    measuring: Measuring,
}

impl Rig {
    fn new(url: Option<&str>) -> Self {
        let clock = Clock::manual(1);
        let lanes = Arc::new(ScreenLanes::new(clock.clone()));
        let pipeline = Pipeline::new(clock.clone(), 1, None, Some(lanes));
        let specs: Vec<SourceSpec> = url
            .map(|url| SourceSpec::parse(url).unwrap())
            .into_iter()
            .collect();
        let meters = pipeline.meters().clone();
        let (setup, told) = Setup::new(1, &specs, clock.clone(), meters);
        let measuring = setup.measuring();
        Self {
            clock,
            pipeline,
            told,
            measuring,
        }
    }

    /// A frame comes, is counted and passes by unseen.
    async fn pass(&mut self, detector: &str, body: &[u8]) {
        let frame = frame(detector, body);
        let outlet = self.pipeline.outlet(SourceId(0));
        let payload = Payload::Frame(frame.clone());
        outlet.publish(self.clock.now(), payload).await;
        let received = self.clock.now();
        self.measuring
            .take_unseen(&key(detector), &frame, received, None);
    }

    /// The values of that name that were told, in order.
    fn values(&mut self, name: &str) -> Vec<Value> {
        let mut values = Vec::new();
        while let Ok(found) = self.told.try_recv() {
            if let What::Readings(readings) = found.what {
                let named = readings.into_iter().filter(|r| &*r.name == name);
                values.extend(named.map(|reading| reading.value));
            }
        }
        values
    }

    fn pass_time(&self, ms: u64) {
        self.clock.advance(Duration::from_millis(ms));
    }
}

fn key(detector: &str) -> CameraKey {
    CameraKey {
        source: SourceId(0),
        detector: detector.into(),
    }
}

fn frame(detector: &str, body: &[u8]) -> Frame {
    Frame {
        detector: detector.into(),
        number: Some(7),
        width_px: Some(16),
        height_px: Some(16),
        encoding: FrameEncoding::Mono8,
        body: Bytes::copy_from_slice(body),
        pixel_size_um: None,
        subsampling: 1,
        bit_depth: None,
        device_ns: None,
        lost_before: 0,
    }
}

const URL: &str = "imswitch://127.0.0.1:9";

#[tokio::test]
async fn a_camera_is_measured_ten_times_a_second_at_most() {
    let mut rig = Rig::new(Some(URL));
    for frame in 0..100_u8 {
        rig.pass("a", &[frame; 256]).await;
        rig.pass_time(10);
    }
    let want: Vec<Value> = (0..10).map(|n| Value::Float(f64::from(n) * 10.0)).collect();
    assert_eq!(rig.values("image/a/mean"), want);
}

#[tokio::test]
async fn how_many_frames_are_measured_is_said() {
    let mut rig = Rig::new(Some(URL));
    for (every_ms, want) in [(100, "every frame"), (25, "1 of 4 frames")] {
        for _ in 0..100 {
            rig.pass("a", &[9; 256]).await;
            rig.pass_time(every_ms);
        }
        let last = rig.values("image/a/measured").pop();
        assert_eq!(last, Some(Value::Text(want.into())));
    }
}

#[test]
fn measuring_rests_three_times_as_long_as_it_took() {
    let mut rig = Rig::new(Some(URL));
    let began = rig.measuring.due(&key("a")).unwrap();
    rig.pass_time(40);
    rig.measuring.rest(began);
    rig.pass_time(119);
    assert_eq!(rig.measuring.due(&key("a")), None);
    rig.pass_time(1);
    assert!(rig.measuring.due(&key("a")).is_some());
}

#[tokio::test]
async fn a_busy_camera_leaves_the_others_their_turn() {
    let mut rig = Rig::new(Some(URL));
    let mut turns: BTreeMap<&str, u32> = BTreeMap::new();
    for round in 0..200 {
        let camera = if round % 5 == 0 { "slow" } else { "busy" };
        if let Some(began) = rig.measuring.due(&key(camera)) {
            // Each takes so long that there is time for one in ten frames.
            rig.pass_time(25);
            rig.measuring.rest(began);
            *turns.entry(camera).or_insert(0) += 1;
        }
        rig.pass_time(10);
    }
    assert!(turns["slow"].abs_diff(turns["busy"]) <= 1, "{turns:?}");
    // One that is gone is not waited for.
    rig.pass_time(2_000);
    assert!(rig.measuring.due(&key("busy")).is_some());
}

#[tokio::test]
async fn what_cannot_be_decoded_is_told_and_the_next_one_measured() {
    let mut rig = Rig::new(Some(URL));
    rig.pass("a", b"no pixels").await;
    let fault = rig.told.try_recv().unwrap().what;
    let What::Fault(fault) = fault else {
        panic!("{fault:?}");
    };
    assert_eq!(fault.kind, FaultKind::Undecodable);
    assert!(fault.text.contains("not measured"), "{}", fault.text);
    rig.pass_time(100);
    rig.pass("a", &[3; 256]).await;
    assert_eq!(rig.values("image/a/max"), [Value::Int(3)]);
}

#[tokio::test]
async fn the_written_region_is_measured_unless_another_is_chosen() {
    let mut rig = Rig::new(Some("imswitch://127.0.0.1:9?roi=a:2,3,4,5"));
    let mut pixels = [9; 256];
    pixels[3 * 16 + 2] = 90;
    pixels[0] = 200;
    rig.pass("a", &pixels).await;
    rig.pass_time(100);
    let watched = frame("a", &pixels);
    let mut decoder = Decoder::default();
    let raster = decoder.decode(&watched, false).unwrap();
    let chosen = Some(region([0, 0, 2, 2]));
    let received = rig.clock.now();
    let newest = rig
        .measuring
        .take(&key("a"), &raster, &watched, received, chosen);
    assert_eq!(newest.map(|measures| measures.max), Some(200));
    assert_eq!(
        rig.values("image/a/roi"),
        ["[2, 3, 4, 5]", "[0, 0, 2, 2]"].map(|text| Value::Text(text.into()))
    );
}

#[tokio::test]
async fn a_source_that_is_switched_off_is_left_alone() {
    let mut rig = Rig::new(Some("imswitch://127.0.0.1:9?measure=false"));
    assert!(!rig.measuring.setup.is_needed_unseen());
    rig.pass("a", &[3; 256]).await;
    assert_eq!(rig.values("image/a/max"), []);
    assert!(rig.measuring.cameras.is_empty());
}

#[tokio::test]
async fn a_recording_is_measured_for_the_screen_and_not_told() {
    let mut rig = Rig::new(None);
    assert!(!rig.measuring.setup.is_needed_unseen());
    rig.pass("a", &[3; 256]).await;
    let watched = frame("a", &[5; 256]);
    let mut decoder = Decoder::default();
    let raster = decoder.decode(&watched, false).unwrap();
    let received = rig.clock.now();
    let newest = rig
        .measuring
        .take(&key("a"), &raster, &watched, received, None);
    assert_eq!(newest.map(|measures| measures.max), Some(5));
    assert_eq!(rig.values("image/a/max"), []);
}

#[tokio::test]
async fn while_nobody_takes_what_is_found_nothing_more_is_measured() {
    let mut rig = Rig::new(Some(URL));
    for frame in 0..100_u8 {
        rig.pass("a", &[frame; 256]).await;
        rig.pass_time(100);
    }
    let found = rig.values("image/a/max");
    assert_eq!(found.len(), WAITING);
    rig.pass("a", &[200; 256]).await;
    let later = rig.told.try_recv().unwrap();
    let What::Readings(readings) = later.what else {
        panic!("{later:?}");
    };
    // Those that were left out are not forgotten.
    let share = readings.iter().find(|r| r.name.ends_with("/measured"));
    let want = Value::Text("8 of 44 frames".into());
    assert_eq!(share.map(|share| &share.value), Some(&want));
}

#[tokio::test]
async fn invented_cameras_fill_no_memory() {
    let mut rig = Rig::new(Some(URL));
    for n in 0..1_000 {
        rig.measuring.due(&key(&format!("camera {n}")));
        rig.pass_time(1);
    }
    assert!(rig.measuring.cameras.len() <= MAX_CAMERAS);
}

#[tokio::test]
async fn what_is_found_is_not_taken_for_something_a_peer_has_sent() {
    let mut rig = Rig::new(Some(URL));
    rig.pass("a", &[3; 256]).await;
    let found = rig.told.try_recv().unwrap();
    let (telling, told) = mpsc::channel(1);
    telling.try_send(found).unwrap();
    drop(telling);
    let before = rig.pipeline.ledger().snapshot().source(SourceId(0));
    let outlets = vec![rig.pipeline.outlet(SourceId(0))];
    let sent = |rig: &Rig| {
        let snapshot = rig.pipeline.snapshot(
            crate::model::RecorderStatus::default(),
            crate::pipeline::LoopStats::default(),
            crate::pipeline::TerminalStats::default(),
        );
        let source = &snapshot.sources[0];
        (source.last_received, source.rate_hz.to_bits())
    };
    let quiet = sent(&rig);
    publish(outlets, told, CancellationToken::new()).await;
    assert_eq!(sent(&rig), quiet);
    let after = rig.pipeline.ledger().snapshot().source(SourceId(0));
    assert_eq!(after.total().received, before.total().received + 1);
    assert_eq!(after.total().residue(), 0);
}

#[tokio::test]
async fn a_frame_is_told_once_for_each_part_of_it() {
    let mut rig = Rig::new(Some(URL));
    let mut decoder = Decoder::default();
    let (old, new) = (frame("a", &[3; 256]), frame("a", &[5; 256]));
    let old_at = rig.clock.now();
    rig.pass_time(500);
    let new_at = rig.clock.now();
    let part = Some(region([1, 1, 2, 2]));
    let mut take = |rig: &mut Rig, frame: &Frame, at, roi| {
        let raster = decoder.decode(frame, false).unwrap();
        let measures = rig.measuring.take(&key("a"), &raster, frame, at, roi);
        measures.map(|measures| (measures.max, measures.roi.width))
    };
    // Looked at again, in other colours: nothing new. Of another part: at once.
    assert_eq!(take(&mut rig, &new, new_at, None), Some((5, 16)));
    rig.pass_time(500);
    assert_eq!(take(&mut rig, &new, new_at, None), Some((5, 16)));
    assert_eq!(take(&mut rig, &new, new_at, part), Some((5, 2)));
    assert_eq!(take(&mut rig, &new, new_at, part), Some((5, 2)));
    // A frame that was held while newer ones came.
    assert_eq!(take(&mut rig, &old, old_at, part), Some((3, 2)));
    let told = rig.values("image/a/max");
    assert_eq!(told, [Value::Int(5), Value::Int(5)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_screen_a_frame_is_recorded_and_measured_and_not_shown() {
    let clock = Clock::system();
    let lanes = Arc::new(ScreenLanes::new(clock.clone()));
    let (disk, receiver) = DiskLane::new(1 << 20);
    receiver.set_taking(true);
    lanes.take_control_only();
    let screen = Some(Arc::clone(&lanes));
    let pipeline = Pipeline::new(clock.clone(), 1, Some(disk), screen);
    let specs = [SourceSpec::parse(URL).unwrap()];
    let meters = pipeline.meters().clone();
    let (setup, told) = Setup::new(1, &specs, clock.clone(), meters);
    let unseen = Unseen::start(Arc::clone(&lanes), setup.measuring()).unwrap();
    let outlet = pipeline.outlet(SourceId(0));
    let stop = CancellationToken::new();
    let publisher = tokio::spawn(publish(vec![outlet.clone()], told, stop.clone()));

    let payload = Payload::Frame(frame("a", &[3; 256]));
    outlet.publish(clock.now(), payload).await;
    let mean = loop {
        let item = receiver.recv(Duration::from_secs(60));
        let Some(DiskItem::Record { sample, ticket, .. }) = item else {
            panic!("the readings never came: {item:?}");
        };
        ticket.unwrap().written();
        if let Payload::Readings(readings) = sample.payload {
            let mut means = readings.into_iter().filter(|r| &*r.name == "image/a/mean");
            break means.next().map(|reading| reading.value);
        }
    };
    assert_eq!(mean, Some(Value::Float(3.0)));

    drop(unseen);
    stop.cancel();
    publisher.await.unwrap();
    lanes.close();
    let book = pipeline.ledger().snapshot().source(SourceId(0));
    for lane in [LaneKind::Frames, LaneKind::Samples] {
        let counts = &book.lanes[lane as usize];
        let got = (counts.received, counts.recorded_only, counts.shown);
        assert_eq!(got, (1, 1, 0), "{lane:?}");
    }
    assert_eq!((book.residue(), book.total().in_flight), (0, 0));
}
