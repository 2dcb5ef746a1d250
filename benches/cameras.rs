//! What four cameras of one megapixel at 30 frames a second cost, all of them on the screen: from
//! the outlet over the lanes and the picture thread to the bytes for a terminal.
//!
//! Run with `cargo bench --bench cameras [-- SECONDS]`. The frames are made before; each is copied
//! once, as a socket would have it, and that is in the figures too.
#![allow(clippy::unwrap_used)]

#[path = "../tests/support/process.rs"]
#[allow(dead_code)]
mod process;

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use jpeg_encoder::{ColorType, Encoder};
use process::{cpu_seconds, resident_mb};
use ratatui::layout::Rect;
use ratatui::widgets::Widget;
use tokio::time::{Instant, MissedTickBehavior, interval};
use ttyscope::imaging::{Picture, PictureRequest};
use ttyscope::model::{
    CameraKey, Clock, Compression, Fate, Frame, FrameEncoding, LaneKind, Origin, Payload,
    PlainText, SourceId, SourceInfo, Ticket,
};
use ttyscope::pipeline::{Outlet, Pipeline, ScreenLanes};
use ttyscope::run::canvas::Canvas;
use ttyscope::run::pictures::{Pictures, Ready};
use ttyscope::ui::{ColorDepth, PictureWidget, Theme};

const SIDE: usize = 1024;
const CAMERAS: u16 = 4;
const RATE_HZ: f64 = 30.0;
/// A quarter of a terminal of 160x48 for each.
const CELLS: (u16, u16) = (80, 24);
/// Until buffers are as large as they get.
const SETTLED: Duration = Duration::from_secs(2);

/// Goals. Source: specification of the picture.
const CORES: f64 = 1.0;
const GROWN_MB: f64 = 8.0;

fn main() {
    // Cargo itself passes `--bench`.
    let seconds = std::env::args()
        .skip(1)
        .find_map(|arg| arg.parse().ok())
        .unwrap_or(20);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(run(Duration::from_secs(seconds)));
}

async fn run(watched: Duration) {
    let clock = Clock::system();
    let lanes = Arc::new(ScreenLanes::new(clock.clone()));
    let count = usize::from(CAMERAS);
    let pipeline = Pipeline::new(clock.clone(), count, None, Some(Arc::clone(&lanes)));
    let sources: Vec<SourceInfo> = (0..CAMERAS).map(info).collect();
    let pictures = Pictures::start(Arc::clone(&lanes), &pipeline, &sources, clock, None).unwrap();
    let requests = (0..CAMERAS).map(|n| PictureRequest::plain(key(n), CELLS.0, CELLS.1));
    pictures.want(requests.collect());
    let cameras: Vec<_> = (0..CAMERAS)
        .map(|n| tokio::spawn(camera(pipeline.outlet(SourceId(n)), n, moving(n))))
        .collect();

    let mut screen = Screen::new();
    screen.show(&pictures, SETTLED).await;
    let pid = std::process::id();
    let (cpu, before_mb) = (cpu_seconds(pid), resident_mb(pid));
    let (drawn, written) = (screen.drawn, screen.written);
    let began = Instant::now();
    screen.show(&pictures, watched).await;
    let took = began.elapsed().as_secs_f64();
    let (cores, after_mb) = ((cpu_seconds(pid) - cpu) / took, resident_mb(pid));
    for camera in cameras {
        camera.abort();
        let _ = camera.await;
    }
    screen.settle();
    drop(pictures);
    lanes.close();

    let word = |reached| if reached { "reached" } else { "MISSED" };
    println!(
        "{CAMERAS} cameras of {SIDE}x{SIDE} at {RATE_HZ}/s (two JPEG, two 16-bit LZ4), \
         all on the screen, {took:.0} s\n"
    );
    println!(
        "  processor  {cores:>8.2} cores   goal below {CORES}: {}",
        word(cores < CORES)
    );
    println!(
        "  memory     {before_mb:>8.1} MB resident at the start, {after_mb:.1} MB at the end   \
         goal not {GROWN_MB} MB more: {}",
        word(after_mb - before_mb < GROWN_MB)
    );
    println!(
        "  pictures   {:>8.1} /s of each camera, {:.0} kB/s for the terminal",
        (screen.drawn - drawn) as f64 / took / f64::from(CAMERAS),
        (screen.written - written) as f64 / took / 1e3
    );
    println!("\n  camera        received     shown  coalesced   dropped  unexplained");
    let ledger = pipeline.ledger().snapshot();
    let mut is_clean = true;
    for n in 0..CAMERAS {
        let source = ledger.source(SourceId(n));
        let mut lanes = LaneKind::ALL.into_iter().zip(&source.lanes);
        let frames = lanes.find(|(kind, _)| *kind == LaneKind::Frames).unwrap().1;
        let dropped: u64 = source.total().dropped.iter().sum();
        println!(
            "  {:<12} {:>9} {:>9} {:>10} {:>9} {:>12}",
            key(n).detector,
            frames.received,
            frames.shown,
            frames.coalesced,
            dropped,
            source.residue()
        );
        is_clean &= source.residue() == 0 && source.total().in_flight == 0;
        // All there is went through the lane of frames.
        is_clean &= source.total().received == frames.received;
    }
    println!("  every frame accounted for: {}", word(is_clean));
}

/// A terminal that takes everything.
struct Screen {
    canvas: Canvas,
    theme: Theme,
    pictures: BTreeMap<CameraKey, Picture>,
    /// Of pictures that are not written yet.
    tickets: BTreeMap<CameraKey, Ticket>,
    drawn: u64,
    written: u64,
}

impl Screen {
    fn new() -> Self {
        Self {
            canvas: Canvas::new(CELLS.0 * 2, CELLS.1 * 2),
            theme: Theme::default(),
            pictures: BTreeMap::new(),
            tickets: BTreeMap::new(),
            drawn: 0,
            written: 0,
        }
    }

    async fn show(&mut self, pictures: &Pictures, time: Duration) {
        let end = Instant::now() + time;
        let mut frames = interval(Duration::from_secs_f64(1.0 / RATE_HZ));
        frames.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while Instant::now() < end {
            tokio::select! {
                () = pictures.ready() => {
                    while let Some(ready) = pictures.take() {
                        self.take(ready);
                    }
                }
                _ = frames.tick() => self.draw(),
            }
        }
    }

    fn take(&mut self, Ready { picture, ticket }: Ready) {
        let camera = picture.camera.clone();
        if let Some(ticket) = ticket
            && let Some(old) = self.tickets.insert(camera.clone(), ticket)
        {
            old.settle(Fate::Coalesced);
        }
        self.pictures.insert(camera, picture);
    }

    fn draw(&mut self) {
        let (pictures, theme) = (&self.pictures, &self.theme);
        let bytes = self.canvas.draw(|_, buffer| {
            for (n, picture) in (0..).zip(pictures.values()) {
                let (x, y) = (n % 2 * CELLS.0, n / 2 * CELLS.1);
                PictureWidget::new(picture, theme, ColorDepth::True)
                    .render(Rect::new(x, y, CELLS.0, CELLS.1), buffer);
            }
        });
        std::io::sink().write_all(&bytes).unwrap();
        self.written += bytes.len() as u64;
        self.drawn += self.tickets.len() as u64;
        self.settle();
    }

    fn settle(&mut self) {
        for ticket in std::mem::take(&mut self.tickets).into_values() {
            ticket.settle(Fate::Shown);
        }
    }
}

fn key(n: u16) -> CameraKey {
    CameraKey {
        source: SourceId(n),
        detector: PlainText::from(format!("camera {n}")),
    }
}

fn info(n: u16) -> SourceInfo {
    SourceInfo {
        id: SourceId(n),
        name: format!("camera {n}").into(),
        address: "".into(),
        origin: Origin::Simulated,
        caution: None,
    }
}

/// Sends its frames round and round.
async fn camera(outlet: Outlet, n: u16, bodies: Vec<Vec<u8>>) {
    let mut pace = interval(Duration::from_secs_f64(1.0 / RATE_HZ));
    for (number, body) in (0..).zip(bodies.iter().cycle()) {
        pace.tick().await;
        let frame = Frame {
            detector: key(n).detector,
            number: Some(number),
            width_px: Some(SIDE as u32),
            height_px: Some(SIDE as u32),
            encoding: encoding(n),
            body: Bytes::copy_from_slice(body),
            pixel_size_um: None,
            subsampling: 1,
            bit_depth: None,
            device_ns: None,
            lost_before: 0,
        };
        let now = outlet.clock().now();
        outlet.publish(now, Payload::Frame(frame)).await;
    }
}

fn encoding(n: u16) -> FrameEncoding {
    match n % 2 {
        0 => FrameEncoding::Jpeg,
        _ => FrameEncoding::Mono16(Compression::Lz4),
    }
}

/// A bright spot that goes round on a noisy ground, encoded.
fn moving(n: u16) -> Vec<Vec<u8>> {
    let mut state = u64::from(n) + 1;
    let mut noise = move || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 58) as u16
    };
    let steps = 8;
    (0..steps)
        .map(|step| {
            let angle = f64::from(step) / f64::from(steps) * std::f64::consts::TAU;
            let middle = SIDE as f64 / 2.0;
            let (x, y) = (
                middle * (1.0 + angle.cos() / 2.0),
                middle * (1.0 + angle.sin() / 2.0),
            );
            let value = |at: usize| {
                let (dx, dy) = ((at % SIDE) as f64 - x, (at / SIDE) as f64 - y);
                let bright = 3000.0 * (-(dx * dx + dy * dy) / 5_000.0).exp();
                200 + bright as u16 + 4 * noise()
            };
            let values: Vec<u16> = (0..SIDE * SIDE).map(value).collect();
            encoded(n, &values)
        })
        .collect()
}

fn encoded(n: u16, values: &[u16]) -> Vec<u8> {
    if encoding(n) == FrameEncoding::Jpeg {
        let grey: Vec<u8> = values.iter().map(|value| (value >> 4) as u8).collect();
        let mut file = Vec::new();
        Encoder::new(&mut file, 80)
            .encode(&grey, SIDE as u16, SIDE as u16, ColorType::Luma)
            .unwrap();
        return file;
    }
    let bytes: Vec<u8> = values
        .iter()
        .flat_map(|value| value.to_le_bytes())
        .collect();
    let mut encoder = lz4_flex::frame::FrameEncoder::new(Vec::new());
    encoder.write_all(&bytes).unwrap();
    encoder.finish().unwrap()
}
