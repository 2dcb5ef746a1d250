//! A recorder at the end of a pipeline without a screen, with a clock that the test moves.
#![allow(dead_code)]

use std::path::Path;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use ttyscope::model::{Clock, Origin, Pace, Payload, PlainText, SourceId, SourceInfo};
use ttyscope::pipeline::{
    DiskLane, Order, Outlet, Pipeline, RecordingLimits, RecordingPlan, Rotation,
};
use ttyscope::recorder::{
    Disk, Recorder, RecorderContext, RecorderHandle, RecordingOutcome, Storage,
};
use ttyscope::sources::replay::{self, Playing, Replayed, Tape};

pub const EPOCH_NS: u64 = 1_795_183_402_000_000_000;
pub const LANE_BYTES: usize = 64 * 1024 * 1024;

pub fn sources() -> Vec<SourceInfo> {
    [("scope", Origin::Live), ("demo", Origin::Simulated)]
        .into_iter()
        .zip(0..)
        .map(|((name, origin), id)| SourceInfo {
            id: SourceId(id),
            name: PlainText::from(name),
            address: PlainText::from(format!("imswitch://{name}.example:8001")),
            origin,
            caution: None,
        })
        .collect()
}

/// A pipeline without a screen, and a recorder at its end.
pub struct Rig {
    pub clock: Clock,
    pub lane: DiskLane,
    pub pipeline: Pipeline,
    pub recorder: RecorderHandle,
    pub outlets: Vec<Outlet>,
    pub runtime: tokio::runtime::Runtime,
    pub dir: tempfile::TempDir,
}

impl Rig {
    pub fn new() -> Self {
        Self::on(Box::new(Disk), LANE_BYTES)
    }

    pub fn on(storage: Box<dyn Storage>, lane_bytes: usize) -> Self {
        let clock = Clock::manual(EPOCH_NS);
        let (lane, receiver) = DiskLane::new(lane_bytes);
        let sources = sources();
        let pipeline = Pipeline::new(clock.clone(), sources.len(), Some(lane.clone()), None);
        let context = RecorderContext {
            sources: sources.clone(),
            clock: clock.clone(),
            meters: pipeline.meters().clone(),
        };
        Self {
            recorder: Recorder::spawn_on(receiver, context, storage).unwrap(),
            outlets: sources.iter().map(|s| pipeline.outlet(s.id)).collect(),
            runtime: tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap(),
            dir: tempfile::tempdir().unwrap(),
            clock,
            lane,
            pipeline,
        }
    }

    pub fn plan(&self, limits: RecordingLimits) -> RecordingPlan {
        RecordingPlan {
            dir: self.dir.path().join("recordings"),
            stem: "scope".to_owned(),
            limits,
            rotation: Rotation::default(),
        }
    }

    pub fn start(&self, limits: RecordingLimits) {
        self.lane.order(Order::Start(self.plan(limits)));
        wait_until("the recorder takes", || self.lane.is_taking());
    }

    pub fn say(&self, source: usize, payload: Payload) {
        let now = self.clock.now();
        self.runtime
            .block_on(self.outlets[source].publish(now, payload));
    }

    /// Moves the clock on and waits until the recorder has seen it with nothing left to do.
    pub fn pass(&self, time: Duration) {
        self.clock.advance(time);
        let now = self.clock.now().mono_ns;
        wait_until("everything is durable", || {
            self.recorder.status().durable_mono_ns >= now
        });
    }

    pub fn outcome(&self) -> RecordingOutcome {
        let mut found = None;
        wait_until("the recording ends", || {
            found = self.recorder.take_outcomes().pop();
            found.is_some()
        });
        found.unwrap()
    }

    pub fn stop(&self) -> RecordingOutcome {
        self.lane.order(Order::Stop);
        self.outcome()
    }

    /// Nothing in flight and nothing unexplained.
    pub fn assert_balanced(&self) {
        for (index, book) in self.pipeline.ledger().snapshot().sources.iter().enumerate() {
            assert_eq!(book.residue(), 0, "source {index}: {book:?}");
            assert_eq!(book.disk.in_flight, 0, "source {index}: {book:?}");
        }
    }

    pub fn quit(self) {
        self.lane.order(Order::Quit);
        self.recorder.join();
    }
}

pub fn wait_until(what: &str, mut done: impl FnMut() -> bool) {
    for _ in 0..30_000 {
        if done() {
            return;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    panic!("waited in vain until {what}");
}

/// Plays a recording into outlets, from its beginning to its end.
pub async fn play(
    path: &Path,
    pace: Pace,
    outlets: Vec<Outlet>,
    stop: CancellationToken,
) -> Replayed {
    let tape = Tape::open(&[path.to_owned()]).unwrap();
    let clock = outlets[0].clock().clone();
    let playing = Playing {
        pace,
        ..Playing::THROUGH
    };
    replay::run(tape, playing, clock, outlets, None, stop).await
}
