//! Everything that runs beside the loop: sources, simulators, recorder, and the lanes between.

mod ending;
mod publishers;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use anyhow::Context as _;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::commander::{Auditing, Commander};
use super::connect;
use super::measuring::{self, Measuring, Unseen};
use super::simulators::Simulators;
use super::stop::{StopCrew, Way};
use crate::config::{OnExit, SourceSpec};
use crate::control::{Intake, StopBoard, StopReporter, Watcher};
use crate::model::{
    Clock, Origin, RecorderState, RecorderStatus, ReplayOrder, ReplayStatus, Request, Sample,
    SourceId, SourceInfo,
};
use crate::pipeline::{
    BlackBoxPlan, DiskLane, LoopStats, Order, Outlet, Pipeline, PipelineSnapshot, RecordingPlan,
    Rotation, ScreenLanes, TerminalStats,
};
use crate::recorder::{Recorder, RecorderContext, RecorderHandle, RecordingOutcome};
use crate::sources::replay::{self, Playing, Remote, Tape};

pub use ending::Remains;
use publishers::{publish_refused, publish_stops};

/// What the recorder's lane may hold. At 20 MB/s this is a disk that stalls for three seconds
/// before the streams feel it.
const DISK_LANE_BYTES: usize = 64 * 1024 * 1024;
/// Commands that may wait for a source: more than a person gives.
const COMMANDS: usize = 16;
/// Orders that may wait for the player of a recording: more than a person gives.
const REPLAY_ORDERS: usize = 32;
/// How long the recorder may take to open its file before sources connect all the same.
const RECORDER_ANSWERS: Duration = Duration::from_secs(5);

/// Where the samples come from.
#[derive(Clone, Debug)]
pub enum Feed {
    /// Real servers.
    Sources(Vec<SourceSpec>),
    /// Our own simulators, on loopback.
    Simulators,
    /// The recordings of one session.
    Replay {
        /// The files.
        paths: Vec<PathBuf>,
        /// How they are played.
        playing: Playing,
        /// Whether somebody gives the player orders: then it waits for them at the end.
        controlled: bool,
    },
}

/// Whether a session has a recorder.
#[derive(Clone, Debug)]
pub enum Recording {
    /// It has none: a recording is not recorded again.
    Never,
    /// It waits for its order.
    OnDemand,
    /// It writes before the first source connects, so that nothing comes too early for it.
    AtOnce(RecordingPlan),
}

/// What runs beside the loop.
#[derive(Debug)]
pub struct Session {
    /// The clock everything is stamped with.
    pub clock: Clock,
    /// All sources, by [`SourceId`].
    pub sources: Vec<SourceInfo>,
    /// The lanes to the loop.
    pub lanes: Arc<ScreenLanes>,
    /// The accounts.
    pub pipeline: Pipeline,
    disk: Option<DiskLane>,
    recorder: Option<RecorderHandle>,
    commander: Commander,
    /// Where a stop is pressed.
    pub stops: StopBoard,
    crew: Option<StopCrew>,
    /// Whether what moves is stopped when the session ends.
    pub on_exit: OnExit,
    /// Sources that have a stop path.
    stoppable: BTreeSet<SourceId>,
    stop: CancellationToken,
    tasks: JoinSet<()>,
    /// Ends what stops instruments, and what publishes it: after everything else.
    end_of_stops: CancellationToken,
    publishers: JoinSet<()>,
    measuring: measuring::Setup,
    replayed: Arc<OnceLock<String>>,
    /// What is not among the files of a replay, as sentences.
    cautions: Vec<String>,
    player: Option<PlayerHandle>,
    // Dropped last: its clients say goodbye first.
    simulators: Option<Simulators>,
}

/// The way to the player of a recording.
#[derive(Debug)]
struct PlayerHandle {
    orders: mpsc::Sender<ReplayOrder>,
    status: watch::Receiver<Option<ReplayStatus>>,
}

/// What was made ready before anything runs.
#[derive(Default)]
struct Prepared {
    readers: Vec<BoxFuture<'static, ()>>,
    publishers: Vec<BoxFuture<'static, ()>>,
    ways: Vec<Way>,
}

impl Session {
    /// Starts everything.
    ///
    /// # Errors
    /// A recording cannot be read, a port or a thread cannot be had.
    pub async fn start(
        feed: Feed,
        recording: Recording,
        auditing: Option<Auditing>,
    ) -> anyhow::Result<Self> {
        let can_record = !matches!(recording, Recording::Never);
        let clock = Clock::system();
        let mut simulators = None;
        let mut tape = None;
        let (specs, sources) = match &feed {
            Feed::Sources(specs) => (specs.clone(), infos(specs, Origin::Live)?),
            Feed::Simulators => {
                let started = Simulators::start().await?;
                let specs = started.sources()?;
                simulators = Some(started);
                let sources = infos(&specs, Origin::Simulated)?;
                (specs, sources)
            }
            Feed::Replay { paths, .. } => {
                // The error names the file.
                let opened = Tape::open(paths)?;
                let sources = opened.sources().to_vec();
                tape = Some(opened);
                (Vec::new(), sources)
            }
        };

        // What was recorded is told in the time of the recording, not in ours.
        let data_clock = match tape {
            Some(_) => clock.replayed(),
            None => clock.clone(),
        };
        let lanes = Arc::new(ScreenLanes::new(data_clock.clone()));
        let (disk, receiver) = DiskLane::new(DISK_LANE_BYTES);
        let disk = can_record.then_some(disk);
        let pipeline = Pipeline::new(
            data_clock,
            sources.len(),
            disk.clone(),
            Some(Arc::clone(&lanes)),
        );
        let recorder = if can_record {
            let context = RecorderContext {
                sources: sources.clone(),
                clock: clock.clone(),
                meters: pipeline.meters().clone(),
            };
            Some(Recorder::spawn(receiver, context).context("the recorder cannot be started")?)
        } else {
            None
        };

        let (commander, refused) = Commander::start(auditing, &clock);
        let meters = pipeline.meters().clone();
        let (measuring, found) =
            measuring::Setup::new(sources.len(), &specs, clock.clone(), meters);
        let mut session = Self {
            stops: StopBoard::new(clock.clone(), sources.len()),
            crew: None,
            on_exit: OnExit::Leave,
            stoppable: BTreeSet::new(),
            clock,
            sources,
            lanes,
            pipeline,
            disk,
            recorder,
            commander,
            stop: CancellationToken::new(),
            tasks: JoinSet::new(),
            end_of_stops: CancellationToken::new(),
            publishers: JoinSet::new(),
            measuring,
            replayed: Arc::default(),
            cautions: Vec::new(),
            player: None,
            simulators,
        };
        // What can be refused is refused before there is a file.
        let prepared = session.prepare(&specs)?;
        // The stop is there before anything can move. What is played from a file does not.
        if !matches!(feed, Feed::Replay { .. }) {
            let (stops, end) = (session.stops.clone(), session.end_of_stops.clone());
            session.crew = Some(StopCrew::start(stops, prepared.ways, end)?);
        }
        if let Recording::AtOnce(plan) = recording {
            session.start_recording(plan);
            session.recorder_answers().await;
        }
        for task in prepared.readers {
            session.tasks.spawn(task);
        }
        let outlets: Vec<Outlet> = session
            .sources
            .iter()
            .map(|s| session.pipeline.outlet(s.id))
            .collect();
        let stop = session.stop.clone();
        let publisher = measuring::publish(outlets.clone(), found, stop);
        session.tasks.spawn(publisher);
        let end = session.end_of_stops.clone();
        let publisher = publish_refused(outlets, refused, end);
        session.publishers.spawn(publisher);
        for task in prepared.publishers {
            session.publishers.spawn(task);
        }
        if let (
            Feed::Replay {
                playing,
                controlled,
                ..
            },
            Some(tape),
        ) = (feed, tape)
        {
            session.play(tape, playing, controlled);
        }
        Ok(session)
    }

    /// Waits until the recorder writes or has said why it cannot; not for ever, because its disk
    /// may hang, which is shown like any other state.
    async fn recorder_answers(&self) {
        let answers = async {
            while self.recorder().state == RecorderState::Off && !self.recording_ended() {
                self.recorder_changed().await;
            }
        };
        let _ = timeout(RECORDER_ANSWERS, answers).await;
    }

    /// The tasks that will read the sources and those that will stop them, and those that publish
    /// what became of a stop; they do nothing yet.
    fn prepare(&mut self, specs: &[SourceSpec]) -> anyhow::Result<Prepared> {
        let mut prepared = Prepared::default();
        let mut budgets = connect::Budgets::default();
        for (info, spec) in self.sources.iter().zip(specs) {
            let (publish, published) = StopReporter::new();
            let (source_tells, source_reports) = StopReporter::new();
            let (sender, intake) = Intake::new(&self.stops, info.id, COMMANDS, source_tells);
            let outlet = self.pipeline.outlet(info.id);
            let what = || format!("source \"{}\"", spec.name);
            let stop = self.stop.clone();
            let reader = connect::reader(spec, &mut budgets, outlet.clone(), intake, stop);
            prepared.readers.push(reader.with_context(what)?);
            self.commander.add(sender);
            let watch = self.stops.watch(info.id, Watcher::Path);
            let (tell, reports) = StopReporter::new();
            let work = connect::stop_path(spec, watch, tell.clone(), self.end_of_stops.clone());
            if let Some(work) = work.with_context(what)? {
                self.stoppable.insert(info.id);
                prepared.ways.push(Way {
                    source: info.id,
                    name: info.name.clone(),
                    work,
                    reports,
                    tell,
                    source_reports,
                    publish,
                });
            }
            let end = self.end_of_stops.clone();
            prepared
                .publishers
                .push(publish_stops(outlet, published, end).boxed());
        }
        Ok(prepared)
    }

    fn play(&mut self, tape: Tape, playing: Playing, controlled: bool) {
        for caution in tape.cautions() {
            tracing::warn!("replay: {caution}");
        }
        self.cautions = tape.cautions().to_vec();
        let outlets = self.sources.iter().map(|s| self.pipeline.outlet(s.id));
        let outlets: Vec<Outlet> = outlets.collect();
        let remote = controlled.then(|| {
            let (send, orders) = mpsc::channel(REPLAY_ORDERS);
            let (tell, status) = watch::channel(None);
            self.player = Some(PlayerHandle {
                orders: send,
                status,
            });
            Remote {
                orders,
                status: tell,
            }
        });
        let clock = self.pipeline.clock().clone();
        let (stop, trouble) = (self.stop.clone(), Arc::clone(&self.replayed));
        self.tasks.spawn(async move {
            let files = tape.to_string();
            let replayed = replay::run(tape, playing, clock, outlets, remote, stop).await;
            if replayed.unreadable == 0 {
                return;
            }
            let parts = match replayed.unreadable {
                1 => "one place".to_owned(),
                more => format!("{more} places"),
            };
            let sentence =
                format!("{parts} of {files} could not be read; `ttyscope inspect` says which");
            tracing::error!("replay: {sentence}");
            // The first sentence is the one that counts, and there is only one.
            let _ = trouble.set(sentence);
        });
    }

    /// Asks the player of a recording for something; `false` if there is none, or it has too much
    /// to do already.
    pub fn order_replay(&self, order: ReplayOrder) -> bool {
        let player = self.player.as_ref();
        player.is_some_and(|player| player.orders.try_send(order).is_ok())
    }

    /// How the player of a recording stands, whenever that changes; `None` if there is none.
    pub fn replay_status(&self) -> Option<watch::Receiver<Option<ReplayStatus>>> {
        self.player.as_ref().map(|player| player.status.clone())
    }

    /// One who measures pictures as the sources are configured. There is to be one at a time, or
    /// numbers would be told twice.
    pub fn measuring(&self) -> Measuring {
        self.measuring.measuring()
    }

    /// Measures pictures from now on without a screen, until what comes back is dropped; `None` if
    /// nothing is to be measured, or its thread cannot be had, which costs the numbers alone.
    pub fn measure_unseen(&self) -> Option<Unseen> {
        if !self.measuring.is_needed_unseen() {
            return None;
        }
        let started = Unseen::start(Arc::clone(&self.lanes), self.measuring());
        started
            .inspect_err(|error| tracing::error!("pictures are not measured: no thread: {error}"))
            .ok()
    }

    /// Gives a source a command, once it is written down. What becomes of it is published.
    pub fn order(&self, source: SourceId, request: Request) {
        if let Some(info) = self.sources.get(usize::from(source.0)) {
            self.commander.order(info, request);
        }
    }

    /// To be called every now and then: what cannot be written down does not wait for ever.
    pub fn tick(&self) {
        self.commander.tick();
    }

    /// Writes down what was said of commands and stops. To be called for every sample that is
    /// taken out of the lanes.
    pub fn note(&self, sample: &Sample) {
        if let Some(info) = self.sources.get(usize::from(sample.source.0)) {
            self.commander.note(info, sample);
        }
    }

    /// Orders a recording to begin.
    pub fn start_recording(&self, plan: RecordingPlan) {
        if let Some(disk) = &self.disk {
            disk.order(Order::Start(plan));
        }
    }

    /// Orders the recording to end behind what was handed over so far.
    pub fn stop_recording(&self) {
        if let Some(disk) = &self.disk {
            disk.order(Order::Stop);
        }
    }

    /// Orders the recording to go on in another file.
    pub fn rotate_recording(&self) {
        if let Some(disk) = &self.disk {
            disk.order(Order::Rotate);
        }
    }

    /// Orders the recording to go on in another file when this says so.
    pub fn set_rotation(&self, rotation: Rotation) {
        if let Some(disk) = &self.disk {
            disk.order(Order::Pace(rotation));
        }
    }

    /// The lane to the recorder, for who has to see that it moves; `None` if there is no recorder.
    pub fn disk_lane(&self) -> Option<DiskLane> {
        self.disk.clone()
    }

    /// Keeps the last seconds of everything from now on, or nothing any more.
    pub fn keep_recent(&self, plan: Option<BlackBoxPlan>) {
        if let Some(disk) = &self.disk {
            disk.order(Order::Remember(plan));
        }
    }

    /// Orders the last seconds, and what follows, to be saved because of this.
    pub fn save_black_box(&self, because: &str) {
        if let Some(disk) = &self.disk {
            disk.order(Order::SaveBlackBox(because.into()));
        }
    }

    /// What the recorder is doing.
    pub fn recorder(&self) -> RecorderStatus {
        let mut status = self
            .recorder
            .as_ref()
            .map(RecorderHandle::status)
            .unwrap_or_default();
        if let Some(disk) = &self.disk {
            (status.waiting, status.waiting_bytes) = disk.waiting();
            if disk.is_closed() && self.recorder.is_some() {
                let why = "the recorder's thread has ended by itself; the log has the details";
                status.state = RecorderState::Failed(why.into());
            }
        }
        status
    }

    /// Whether a recording was begun, or tried, and is over.
    pub fn recording_ended(&self) -> bool {
        let status = self.recorder();
        match status.state {
            RecorderState::Off => status.file.is_some(),
            RecorderState::Recording | RecorderState::Draining | RecorderState::Waiting(_) => false,
            RecorderState::Failed(_) => true,
        }
    }

    /// Waits until [`Session::recorder`] may say something else. Cancel safe.
    pub async fn recorder_changed(&self) {
        match &self.disk {
            Some(disk) => disk.recorder_changed().await,
            None => std::future::pending().await,
        }
    }

    /// The recordings that ended since this was last asked.
    pub fn take_outcomes(&self) -> Vec<RecordingOutcome> {
        self.recorder
            .as_ref()
            .map(RecorderHandle::take_outcomes)
            .unwrap_or_default()
    }

    /// All figures now.
    pub fn snapshot(&self, turns: LoopStats, terminal: TerminalStats) -> PipelineSnapshot {
        self.pipeline.snapshot(self.recorder(), turns, terminal)
    }
}

fn infos(specs: &[SourceSpec], origin: Origin) -> anyhow::Result<Vec<SourceInfo>> {
    specs
        .iter()
        .enumerate()
        .map(|(index, spec)| {
            let id = u16::try_from(index).context("more sources than can be numbered")?;
            Ok(SourceInfo {
                id: SourceId(id),
                name: spec.name.as_str().into(),
                address: spec.to_string().into(),
                origin: match spec.is_simulated {
                    true => Origin::Simulated,
                    false => origin,
                },
                caution: spec.is_unverified().then(|| "TLS NOT VERIFIED".into()),
            })
        })
        .collect()
}

#[cfg(test)]
mod tests;
