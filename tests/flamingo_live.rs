//! The light-sheet microscope's live socket against the simulator and scripted servers, over real
//! sockets on loopback.
#![allow(clippy::unwrap_used, clippy::panic)]

#[path = "flamingo_simulator/client.rs"]
#[allow(dead_code)]
mod client;

use std::time::Duration;

use client::{Ask, Client, PATIENCE, Viewer};
use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::time::timeout;
use ttyscope::model::{
    Clock, Compression, DropReason, FaultKind, Frame, FrameEncoding, LaneKind, Payload, Sample,
    SourceId, Value,
};
use ttyscope::pipeline::{DiskItem, DiskLane, DiskReceiver, Pipeline};
use ttyscope::simulators::flamingo::{Fault, Simulator, SimulatorOptions, What};
use ttyscope::sources::flamingo::live::{Live, LiveEvent};
use ttyscope::sources::flamingo::{FlamingoOptions, Patience};
use ttyscope::sources::net::Endpoint;

const LIVE_START: u32 = 0x3007;
const SNAPSHOT: u32 = 0x3006;

fn options(live_port: u16) -> FlamingoOptions {
    let mut options = FlamingoOptions::new(Endpoint::plain("127.0.0.1", 1));
    options.live_port = Some(live_port);
    options.patience = Patience {
        connect: PATIENCE,
        alive: PATIENCE,
        ..Patience::default()
    };
    options
}

/// A live socket whose every sample and event is seen, in order.
struct Watched {
    live: Live,
    pipeline: Pipeline,
    samples: mpsc::UnboundedReceiver<Sample>,
    events: mpsc::Receiver<LiveEvent>,
    seen: Vec<String>,
}

impl Watched {
    fn open(options: &FlamingoOptions) -> Self {
        let (disk, receiver) = DiskLane::new(64 << 20);
        let (tell, samples) = mpsc::unbounded_channel();
        receiver.set_taking(true);
        std::thread::spawn(move || drain(&receiver, &tell));
        Self::with_disk(options, disk, samples)
    }

    fn with_disk(
        options: &FlamingoOptions,
        disk: DiskLane,
        samples: mpsc::UnboundedReceiver<Sample>,
    ) -> Self {
        let pipeline = Pipeline::new(Clock::system(), 1, Some(disk), None);
        let (to, events) = mpsc::channel(8);
        let live = Live::open(options, pipeline.outlet(SourceId(0)), Some(0.25), to);
        Self {
            live,
            pipeline,
            samples,
            events,
            seen: Vec::new(),
        }
    }

    /// The next thing that was published.
    async fn payload(&mut self) -> Payload {
        let Ok(sample) = timeout(PATIENCE, self.samples.recv()).await else {
            panic!("nothing more is published; there was {:#?}", self.seen);
        };
        let payload = sample.unwrap().payload;
        self.seen.push(match &payload {
            Payload::Frame(frame) => format!("{} {:?}", frame.detector, frame.number),
            other => format!("{other:?}"),
        });
        payload
    }

    async fn frame(&mut self) -> Frame {
        loop {
            if let Payload::Frame(frame) = self.payload().await {
                check_whole(&frame);
                return frame;
            }
        }
    }

    /// The next thing that was published is a fault; what it says.
    async fn fault(&mut self, kind: FaultKind) -> String {
        match self.payload().await {
            Payload::Fault(fault) if fault.kind == kind => fault.text.to_string(),
            other => panic!("{other:?} after {:#?}", self.seen),
        }
    }

    async fn event(&mut self) -> LiveEvent {
        let event = timeout(PATIENCE, self.events.recv()).await;
        event.expect("something is told").unwrap()
    }

    async fn until_open(&mut self) {
        while self.event().await != LiveEvent::Open {}
    }

    async fn until_lost(&mut self) -> String {
        loop {
            if let LiveEvent::Lost { why } = self.event().await {
                return why.to_string();
            }
        }
    }

    /// Pictures that the source's books have under a reason.
    fn dropped(&self, reason: DropReason) -> u64 {
        let book = self.pipeline.ledger().snapshot().source(SourceId(0));
        book.lanes[LaneKind::Frames as usize].dropped[reason as usize]
    }
}

/// Empties the recorder's lane.
fn drain(receiver: &DiskReceiver, tell: &mpsc::UnboundedSender<Sample>) {
    while !tell.is_closed() {
        let item = receiver.recv(Duration::from_millis(20));
        if let Some(DiskItem::Record { sample, ticket, .. }) = item {
            if let Some(ticket) = ticket {
                ticket.written();
            }
            let _ = tell.send(sample);
        }
    }
}

fn check_whole(frame: &Frame) {
    let (width, height) = (frame.width_px.unwrap(), frame.height_px.unwrap());
    let bytes = usize::try_from(2 * width * height).unwrap();
    assert_eq!(frame.body.len(), bytes, "{width} x {height}");
    assert_eq!(frame.encoding, FrameEncoding::Mono16(Compression::None));
    assert_eq!((frame.device_ns, frame.subsampling), (None, 1));
}

fn small() -> SimulatorOptions {
    SimulatorOptions {
        sensor_px: (48, 32),
        live_hz: 200.0,
        exposure_us: 1000,
        ..SimulatorOptions::default()
    }
}

/// A simulator that takes pictures as soon as somebody looks.
async fn imaging(faults: &[Fault]) -> Simulator {
    let simulator = Simulator::start(small()).await.unwrap();
    let mut client = Client::connect(simulator.address()).await;
    client.ask(Ask::new(LIVE_START)).await;
    simulator.set_faults(faults);
    simulator
}

async fn watch(faults: &[Fault]) -> (Simulator, Watched) {
    let simulator = imaging(faults).await;
    let watched = Watched::open(&options(simulator.live_address().port()));
    (simulator, watched)
}

async fn until(simulator: &Simulator, what: &str, reached: impl FnMut(&Simulator) -> bool) {
    let waited = timeout(PATIENCE, simulator.until(reached)).await;
    assert!(waited.is_ok(), "{what}: {:#?}", simulator.log());
}

#[tokio::test]
async fn pictures_arrive_as_they_were_sent() {
    let simulator = Simulator::start(small()).await.unwrap();
    let mut client = Client::connect(simulator.address()).await;
    for ask in [Ask::new(0x4002), Ask::new(0x7004)] {
        client.ask(ask).await;
    }
    let mut watched = Watched::open(&options(simulator.live_address().port()));
    let mut viewer = Viewer::connect(simulator.live_address()).await;
    until(&simulator, "both look", |s| s.counters().viewers == 2).await;
    for number in 1..=3 {
        client.ask(Ask::new(SNAPSHOT)).await;
        let image = viewer.next().await;
        let frame = watched.frame().await;
        assert_eq!(
            (frame.detector.as_str(), frame.number, frame.lost_before),
            ("camera-1", Some(number), 0)
        );
        assert_eq!((frame.width_px, frame.height_px), (Some(48), Some(32)));
        let pixels = frame.body.chunks(2);
        let pixels: Vec<u16> = pixels.map(|p| u16::from_le_bytes([p[0], p[1]])).collect();
        assert_eq!(pixels, image.pixels);
        assert!(image.mean() > 0.0, "not all black");
    }
    assert_eq!(watched.event().await, LiveEvent::Open);
    let mut told = 0;
    while told < 3 {
        match watched.event().await {
            LiveEvent::Frame { detector, count } if detector.as_str() == "camera-1" => {
                told += count;
            }
            LiveEvent::Options(_) => {}
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(told, 3);
}

#[tokio::test]
async fn a_picture_has_the_pixel_size_that_is_known_when_it_comes() {
    let (_simulator, mut watched) = watch(&[]).await;
    assert_eq!(watched.frame().await.pixel_size_um, Some(0.25));
    watched.live.set_pixel_size_um(Some(0.5));
    while watched.frame().await.pixel_size_um != Some(0.5) {}
    for unknown in [None, Some(-1.0), Some(f64::NAN)] {
        watched.live.set_pixel_size_um(Some(0.5));
        while watched.frame().await.pixel_size_um != Some(0.5) {}
        watched.live.set_pixel_size_um(unknown);
        while watched.frame().await.pixel_size_um.is_some() {}
    }
}

#[tokio::test]
async fn pictures_may_change_their_size() {
    let (_simulator, mut watched) = watch(&[Fault::SizeChange { every: 2 }]).await;
    let mut sizes = Vec::new();
    for number in 1..=8 {
        let frame = watched.frame().await;
        assert_eq!((frame.number, frame.lost_before), (Some(number), 0));
        sizes.push((frame.width_px.unwrap(), frame.height_px.unwrap()));
    }
    sizes.dedup();
    assert!(sizes.len() >= 4, "{sizes:?}");
}

#[tokio::test]
async fn a_header_without_a_picture_does_not_end_the_stream() {
    let (simulator, mut watched) = watch(&[Fault::OptionsOnly { every: 1 }]).await;
    for number in 1..=5 {
        assert_eq!(watched.frame().await.number, Some(number));
    }
    let crosshair = loop {
        let LiveEvent::Options(readings) = watched.event().await else {
            continue;
        };
        let is_it = |r: &&ttyscope::model::Reading| r.name.ends_with("/crosshair");
        if let Some(reading) = readings.iter().find(is_it) {
            break reading.value.clone();
        }
    };
    assert_eq!(crosshair, Value::Text("300, 200".into()));
    assert_eq!(simulator.counters().viewers, 1);
}

#[tokio::test]
async fn a_header_that_cannot_be_true_makes_a_new_connection() {
    let (simulator, mut watched) = watch(&[Fault::BadImageSize { every: 3 }]).await;
    assert_eq!(watched.frame().await.number, Some(1));
    assert_eq!(watched.frame().await.number, Some(2));
    let why = watched.fault(FaultKind::Malformed).await;
    assert!(why.contains("48x32") && why.contains("3074"), "{why}");
    assert_eq!(watched.until_lost().await, why);
    // The numbers go on.
    assert_eq!(watched.frame().await.number, Some(3));
    until(&simulator, "a second viewer", |s| s.counters().viewers == 2).await;
    assert_eq!(watched.dropped(DropReason::Malformed), 1);
}

#[tokio::test]
async fn half_a_picture_is_no_picture() {
    let (simulator, mut watched) = watch(&[Fault::CloseMidFrame { every: 3 }]).await;
    assert_eq!(watched.frame().await.number, Some(1));
    assert_eq!(watched.frame().await.number, Some(2));
    let why = watched.fault(FaultKind::Link).await;
    assert!(why.contains("1576 bytes into a picture of 3112"), "{why}");
    assert_eq!(watched.until_lost().await, why);
    assert_eq!(watched.frame().await.number, Some(3));
    until(&simulator, "a second viewer", |s| s.counters().viewers == 2).await;
    assert_eq!(watched.dropped(DropReason::Malformed), 1);
}

#[tokio::test]
async fn a_picture_that_never_ends_makes_a_new_connection() {
    let simulator = imaging(&[Fault::StalledLive]).await;
    let mut options = options(simulator.live_address().port());
    options.patience.alive = Duration::from_millis(100);
    let mut watched = Watched::open(&options);
    let why = watched.fault(FaultKind::Link).await;
    assert!(why.contains("says nothing more 1576 bytes into"), "{why}");
    simulator.set_faults(&[]);
    watched.frame().await;
}

#[tokio::test]
async fn viewers_that_are_turned_away_are_told_and_let_in_later() {
    let (simulator, mut watched) = watch(&[Fault::RefuseLive]).await;
    let why = watched.until_lost().await;
    assert!(why.contains("live port is in use or closed"), "{why}");
    assert_eq!(watched.fault(FaultKind::Link).await, why);
    // Said once, however often it happens.
    watched.until_lost().await;
    simulator.set_faults(&[]);
    assert!(matches!(watched.payload().await, Payload::Frame(_)));
}

#[tokio::test]
async fn a_port_without_a_server_is_tried_again() {
    let simulator = Simulator::start(small()).await.unwrap();
    let port = simulator.address().port();
    let live_port = simulator.live_address().port();
    simulator.stop().await;
    let mut watched = Watched::open(&options(live_port));
    let why = watched.until_lost().await;
    assert!(
        why.contains("refuses the connection") && why.contains("in use or closed"),
        "{why}"
    );
    let again = SimulatorOptions { port, ..small() };
    let simulator = Simulator::start(again).await.unwrap();
    watched.until_open().await;
    until(&simulator, "it looks", |s| s.counters().viewers == 1).await;
}

#[tokio::test]
async fn without_a_port_above_there_are_no_pictures() {
    let mut options = options(0);
    options.endpoint.port = u16::MAX;
    options.live_port = None;
    let mut watched = Watched::open(&options);
    let why = watched.until_lost().await;
    assert!(why.contains("live_port"), "{why}");
    assert_eq!(watched.event().await, LiveEvent::Closed);
    timeout(PATIENCE, watched.live.close()).await.unwrap();
}

/// Waits until the reader has taken so many pictures since `taken`.
async fn until_taken(watched: &mut Watched, taken: &mut u64, wanted: u64) {
    while *taken < wanted {
        if let LiveEvent::Frame { count, .. } = watched.event().await {
            *taken += count;
        }
    }
}

#[tokio::test]
async fn a_slow_recorder_costs_old_pictures_and_each_is_counted() {
    let simulator = imaging(&[]).await;
    // Room for two pictures.
    let (disk, receiver) = DiskLane::new(8_000);
    let (tell, samples) = mpsc::unbounded_channel();
    receiver.set_taking(true);
    let options = options(simulator.live_address().port());
    let mut watched = Watched::with_disk(&options, disk, samples);
    let mut taken = 0;
    until_taken(&mut watched, &mut taken, 100).await;
    assert_eq!(
        simulator.counters().frames_dropped,
        0,
        "the reader reads on"
    );
    std::thread::spawn(move || drain(&receiver, &tell));

    let mut told = 0;
    let mut last = 0;
    let mut skipped = 0;
    while last < 120 {
        match watched.payload().await {
            Payload::Frame(frame) => {
                let number = frame.number.unwrap();
                assert_eq!(number, last + 1 + frame.lost_before);
                skipped += frame.lost_before;
                last = number;
            }
            Payload::Loss(loss) => {
                assert_eq!(loss.lane, LaneKind::Frames);
                assert_eq!(loss.reason, DropReason::ReaderBehind);
                told += loss.count;
            }
            other => panic!("{other:?}"),
        }
    }
    assert!(skipped >= 60, "{skipped}");
    assert_eq!(told, skipped, "every one is written down");
    let Watched { live, pipeline, .. } = watched;
    timeout(PATIENCE, live.close()).await.unwrap();
    let book = pipeline.ledger().snapshot().source(SourceId(0));
    let frames = &book.lanes[LaneKind::Frames as usize];
    assert_eq!((frames.residue(), frames.in_flight), (0, 0));
    // More may have given way since.
    assert!(frames.dropped[DropReason::ReaderBehind as usize] >= skipped);
}

#[tokio::test]
async fn a_recorder_that_takes_nothing_does_not_keep_it_open() {
    let simulator = imaging(&[]).await;
    let (disk, receiver) = DiskLane::new(8_000);
    receiver.set_taking(true);
    let (_, samples) = mpsc::unbounded_channel();
    let options = options(simulator.live_address().port());
    let mut watched = Watched::with_disk(&options, disk, samples);
    let mut taken = 0;
    until_taken(&mut watched, &mut taken, 50).await;
    let Watched { live, pipeline, .. } = watched;
    timeout(PATIENCE, live.close()).await.unwrap();
    let book = pipeline.ledger().snapshot().source(SourceId(0));
    let frames = &book.lanes[LaneKind::Frames as usize];
    assert_eq!((frames.residue(), frames.in_flight), (0, 0));
    assert!(frames.received >= 50, "{frames:?}");
    // Those that waited, and the one that was being handed on.
    let lost = frames.dropped[DropReason::Shutdown as usize];
    assert!((2..=40).contains(&lost), "{frames:?}");
    drop(receiver);
}

#[tokio::test]
async fn whoever_does_not_listen_keeps_nothing_up() {
    let (simulator, mut watched) = watch(&[]).await;
    // Far more pictures than the events have room for.
    for number in 1..=50 {
        assert_eq!(watched.frame().await.number, Some(number));
    }
    assert_eq!(simulator.counters().frames_dropped, 0);
    assert_eq!(watched.event().await, LiveEvent::Open);
}

#[tokio::test]
async fn closing_ends_the_connection_and_hands_on_what_was_read() {
    let (simulator, mut watched) = watch(&[]).await;
    watched.frame().await;
    let Watched {
        live,
        mut events,
        pipeline,
        ..
    } = watched;
    timeout(PATIENCE, live.close()).await.unwrap();
    let gone = What::ViewerDisconnected { viewer: 1 };
    until(&simulator, "the viewer has left", |s| {
        s.log().iter().any(|entry| entry.what == gone)
    })
    .await;
    let mut last = None;
    while let Some(event) = events.recv().await {
        last = Some(event);
    }
    assert_eq!(last, Some(LiveEvent::Closed));
    let book = pipeline.ledger().snapshot().source(SourceId(0));
    let frames = &book.lanes[LaneKind::Frames as usize];
    // No screen and a recorder that takes all.
    assert_eq!(frames.received, frames.recorded_only, "{frames:?}");
}

#[tokio::test]
async fn dropping_it_closes_it_and_tells_nothing_more() {
    let (simulator, mut watched) = watch(&[]).await;
    watched.frame().await;
    let Watched {
        live, mut events, ..
    } = watched;
    drop(live);
    let gone = What::ViewerDisconnected { viewer: 1 };
    until(&simulator, "the viewer has left", |s| {
        s.log().iter().any(|entry| entry.what == gone)
    })
    .await;
    while let Some(event) = events.recv().await {
        assert!(!matches!(event, LiveEvent::Closed | LiveEvent::Lost { .. }));
    }
}

/// A picture of 2 x 1 pixels.
fn picture(device: u32, flags: u32, pixels: [u8; 4]) -> Vec<u8> {
    let words = [4, 2, 1, 100, 4000, device, flags, 0, 0, 99];
    let mut bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
    bytes.extend(pixels);
    bytes
}

async fn accept(listener: &TcpListener) -> TcpStream {
    let accepted = timeout(PATIENCE, listener.accept()).await;
    accepted.unwrap().unwrap().0
}

#[tokio::test]
async fn cameras_and_projections_are_told_apart() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut watched = Watched::open(&options(listener.local_addr().unwrap().port()));
    let mut peer = accept(&listener).await;
    let all = [
        picture(1, 0x10, [1, 0, 2, 0]),
        picture(2, 0x10, [3, 0, 4, 0]),
        picture(1, 0x30, [5, 0, 6, 0]),
        picture(1, 0, [7, 0, 8, 0]),
    ];
    // Byte by byte: no read ends where a picture does.
    for byte in all.concat() {
        peer.write_all(&[byte]).await.unwrap();
    }
    let expected = [
        ("camera-1", 1, [1, 0, 2, 0]),
        ("camera-2", 1, [3, 0, 4, 0]),
        ("projection-1", 1, [5, 0, 6, 0]),
        ("camera-1", 2, [7, 0, 8, 0]),
    ];
    for (detector, number, pixels) in expected {
        let frame = watched.frame().await;
        assert_eq!(frame.detector.as_str(), detector);
        assert_eq!((frame.number, &frame.body[..]), (Some(number), &pixels[..]));
    }
}

#[tokio::test]
async fn a_camera_that_cannot_be_makes_a_new_connection() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut watched = Watched::open(&options(listener.local_addr().unwrap().port()));
    let mut peer = accept(&listener).await;
    peer.write_all(&picture(0x0fa0_0064, 0, [0; 4]))
        .await
        .unwrap();
    let why = watched.fault(FaultKind::Malformed).await;
    assert!(why.contains("camera 262144100"), "{why}");
    let mut peer = accept(&listener).await;
    peer.write_all(&picture(1, 0, [0; 4])).await.unwrap();
    assert_eq!(watched.frame().await.number, Some(1));
}
