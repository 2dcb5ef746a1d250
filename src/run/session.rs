//! Everything that runs beside the loop: sources, simulators, recorder, and the lanes between.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::Duration;

use anyhow::Context as _;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_util::sync::CancellationToken;

use super::commander::{Auditing, Commander, Refused};
use super::connect;
use super::simulators::Simulators;
use super::stop::{StopCrew, Way};
use crate::config::{OnExit, SourceSpec};
use crate::control::{Intake, StopBoard, StopReporter, StopReports, Watcher};
use crate::model::{
    Clock, Fate, LedgerSnapshot, Origin, Payload, RecorderState, RecorderStatus, Request, Sample,
    SourceId, SourceInfo, StopEvent, StopOrigin, StopState,
};
use crate::pipeline::{
    DiskLane, LoopStats, Order, Outlet, Pipeline, PipelineSnapshot, RecordingPlan, ScreenLanes,
    TerminalStats,
};
use crate::recorder::{Recorder, RecorderContext, RecorderHandle, RecordingOutcome};
use crate::recording;
use crate::sources::replay;

/// What the recorder's lane may hold. At 20 MB/s this is a disk that stalls for three seconds
/// before the streams feel it.
const DISK_LANE_BYTES: usize = 64 * 1024 * 1024;
/// Commands that may wait for a source: more than a person gives.
const COMMANDS: usize = 16;
/// How long the recorder may take to open its file before sources connect all the same.
const RECORDER_ANSWERS: Duration = Duration::from_secs(5);
/// How long instruments may take to answer the stop at the end.
const AT_REST: Duration = Duration::from_millis(1_500);
/// How long sources may take to say goodbye.
const GOODBYE: Duration = Duration::from_secs(3);
/// How long the recorder may take to write what waits; a little more than its own deadline.
const DRAIN: Duration = Duration::from_secs(12);

/// Where the samples come from.
#[derive(Clone, Debug)]
pub enum Feed {
    /// Real servers.
    Sources(Vec<SourceSpec>),
    /// Our own simulators, on loopback.
    Simulators,
    /// A recording.
    Replay {
        /// The file.
        path: PathBuf,
        /// How fast.
        speed: replay::Speed,
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
    replayed: Arc<OnceLock<String>>,
    // Dropped last: its clients say goodbye first.
    simulators: Option<Simulators>,
}

/// What was made ready before anything runs.
#[derive(Default)]
struct Prepared {
    readers: Vec<BoxFuture<'static, ()>>,
    publishers: Vec<BoxFuture<'static, ()>>,
    ways: Vec<Way>,
}

/// What is left when a session has ended.
#[derive(Debug)]
pub struct Remains {
    /// All sources.
    pub sources: Vec<SourceInfo>,
    /// The final figures.
    pub snapshot: PipelineSnapshot,
    /// The final accounts.
    pub ledger: LedgerSnapshot,
    /// The recordings that were made.
    pub outcomes: Vec<RecordingOutcome>,
    /// What the control lane still brought, in order.
    pub last_words: Vec<Sample>,
    /// What of a replayed file could not be played, as a sentence.
    pub not_replayed: Option<String>,
    /// The recorder did not end: how long it was waited for.
    pub recorder_hangs: Option<Duration>,
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
        let (specs, sources) = match &feed {
            Feed::Sources(specs) => (specs.clone(), infos(specs, Origin::Live)?),
            Feed::Simulators => {
                let started = Simulators::start().await?;
                let specs = started.sources()?;
                simulators = Some(started);
                let sources = infos(&specs, Origin::Simulated)?;
                (specs, sources)
            }
            Feed::Replay { path, .. } => (Vec::new(), recorded_sources(path)?),
        };

        let lanes = Arc::new(ScreenLanes::new(clock.clone()));
        let (disk, receiver) = DiskLane::new(DISK_LANE_BYTES);
        let disk = can_record.then_some(disk);
        let pipeline = Pipeline::new(
            clock.clone(),
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
            replayed: Arc::default(),
            simulators,
        };
        // What can be refused is refused before there is a file.
        let prepared = session.prepare(&specs)?;
        // The stop is there before anything can move.
        let (stops, end) = (session.stops.clone(), session.end_of_stops.clone());
        session.crew = Some(StopCrew::start(stops, prepared.ways, end)?);
        if let Recording::AtOnce(plan) = recording {
            session.start_recording(plan);
            session.recorder_answers().await;
        }
        for task in prepared.readers {
            session.tasks.spawn(task);
        }
        let outlets = session
            .sources
            .iter()
            .map(|s| session.pipeline.outlet(s.id));
        let end = session.end_of_stops.clone();
        let publisher = publish_refused(outlets.collect(), refused, end);
        session.publishers.spawn(publisher);
        for task in prepared.publishers {
            session.publishers.spawn(task);
        }
        if let Feed::Replay { path, speed } = feed {
            session.play(path, speed);
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
        for (info, spec) in self.sources.iter().zip(specs) {
            let (publish, published) = StopReporter::new();
            let (sender, intake) = Intake::new(&self.stops, info.id, COMMANDS, publish.clone());
            let outlet = self.pipeline.outlet(info.id);
            let what = || format!("source \"{}\"", spec.name);
            let reader = connect::reader(spec, outlet.clone(), intake, self.stop.clone());
            prepared.readers.push(reader.with_context(what)?);
            self.commander.add(sender);
            let watch = self.stops.watch(info.id, Watcher::Path);
            let (tell, reports) = StopReporter::new();
            let work = connect::stop_path(spec, watch, tell, self.end_of_stops.clone());
            if let Some(work) = work.with_context(what)? {
                self.stoppable.insert(info.id);
                prepared.ways.push(Way {
                    source: info.id,
                    name: info.name.clone(),
                    work,
                    reports,
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

    fn play(&mut self, path: PathBuf, speed: replay::Speed) {
        let outlets = self.sources.iter().map(|s| self.pipeline.outlet(s.id));
        let outlets = outlets.collect();
        let stop = self.stop.clone();
        let trouble = Arc::clone(&self.replayed);
        self.tasks.spawn(async move {
            let sentence = match replay::run(&path, speed, outlets, stop).await {
                Ok(replayed) if replayed.unreadable == 0 => return,
                Ok(replayed) => format!(
                    "{} parts of {} could not be read; `ttyscope inspect` says which",
                    replayed.unreadable,
                    path.display()
                ),
                Err(error) => error.to_string(),
            };
            tracing::error!("replay: {sentence}");
            // The first sentence is the one that counts, and there is only one.
            let _ = trouble.set(sentence);
        });
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
            RecorderState::Recording | RecorderState::Draining => false,
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

    /// Ends everything in order: sources say goodbye, the recorder writes what waits.
    pub async fn end(mut self) -> Remains {
        let mut last_words = Vec::new();
        self.leave_at_rest(&mut last_words).await;
        self.stop.cancel();
        self.join_until(Instant::now() + GOODBYE, &mut last_words)
            .await;
        // From here on nothing is sent that would have to be stopped.
        self.end_stops().await;
        self.drain(&mut last_words);
        let mut outcomes = self.take_outcomes();
        let mut recorder_hangs = None;
        if let (Some(disk), Some(recorder)) = (&self.disk, self.recorder.take()) {
            let disk = disk.clone();
            disk.order(Order::Quit);
            let thread = tokio::task::spawn_blocking(move || recorder.join());
            let deadline = Instant::now() + DRAIN;
            // Readers that wait for the disk get their answer while the recorder drains.
            self.join_until(deadline, &mut last_words).await;
            if let Ok(Ok(more)) = timeout_at(deadline, thread).await {
                outcomes.extend(more);
            } else {
                tracing::error!("the recorder did not end within {} s", DRAIN.as_secs());
                recorder_hangs = Some(DRAIN);
                disk.close();
            }
        }
        self.tasks.shutdown().await;
        self.drain(&mut last_words);
        self.lanes.close();
        let snapshot = self.pipeline.snapshot(
            RecorderStatus::default(),
            LoopStats::default(),
            TerminalStats::default(),
        );
        let ledger = self.pipeline.ledger().snapshot();
        let unaudited =
            std::mem::replace(&mut self.commander, Commander::start(None, &self.clock).0);
        if !unaudited.close().await {
            tracing::error!("the last lines of the audit log were not written in time");
        }
        if let Some(simulators) = self.simulators.take() {
            simulators.stop().await;
        }
        Remains {
            sources: std::mem::take(&mut self.sources),
            snapshot,
            ledger,
            outcomes,
            last_words,
            not_replayed: self.replayed.get().cloned(),
            recorder_hangs,
        }
    }

    /// Stops what moves, if that is wanted, and waits for the answers; not for long.
    async fn leave_at_rest(&mut self, last_words: &mut Vec<Sample>) {
        if self.on_exit != OnExit::Halt || !self.stops.any_active() {
            return;
        }
        let press = self.stops.press(StopOrigin::Exit);
        let mut waiting = self.stoppable.clone();
        let deadline = Instant::now() + AT_REST;
        while !waiting.is_empty() {
            let seen = last_words.len();
            self.drain(last_words);
            for sample in last_words.iter().skip(seen) {
                if let Payload::Stop(StopEvent::Report(report)) = &sample.payload
                    && report.press.number >= press.number
                    && !matches!(report.state, StopState::Sent { .. })
                {
                    waiting.remove(&sample.source);
                }
            }
            let lanes = Arc::clone(&self.lanes);
            if timeout_at(deadline, lanes.ready()).await.is_err() {
                return;
            }
        }
    }

    /// Ends the stop's thread and publishes what it last said.
    async fn end_stops(&mut self) {
        self.end_of_stops.cancel();
        if let Some(mut crew) = self.crew.take() {
            // Joining a thread would hold this one.
            let ended = tokio::task::spawn_blocking(move || crew.end());
            let _ = timeout(GOODBYE, ended).await;
        }
        let published = async { while self.publishers.join_next().await.is_some() {} };
        let _ = timeout(GOODBYE, published).await;
        self.publishers.abort_all();
    }

    /// Waits for the readers, emptying their lanes so that none waits for us.
    async fn join_until(&mut self, deadline: Instant, last_words: &mut Vec<Sample>) {
        loop {
            self.drain(last_words);
            let lanes = Arc::clone(&self.lanes);
            tokio::select! {
                joined = self.tasks.join_next() => if joined.is_none() { break },
                () = lanes.ready() => {}
                () = tokio::time::sleep_until(deadline) => break,
            }
        }
        self.drain(last_words);
    }

    fn drain(&self, last_words: &mut Vec<Sample>) {
        while let Some(delivery) = self.lanes.try_take() {
            delivery.ticket.settle(Fate::Shown);
            self.note(&delivery.sample);
            last_words.push(delivery.sample);
        }
    }
}

impl Drop for Session {
    /// After a panic the file is finished all the same, if the disk answers. Otherwise only a
    /// second interrupt gets here with a recorder, and wants nothing to be waited for.
    fn drop(&mut self) {
        if self.on_exit == OnExit::Halt && self.stops.any_active() {
            // The stop's thread sends it before it ends.
            self.stops.press(StopOrigin::Exit);
        }
        self.stop.cancel();
        if let (Some(disk), Some(recorder)) = (&self.disk, self.recorder.take()) {
            disk.order(Order::Quit);
            if thread::panicking() {
                let (sender, ended) = std::sync::mpsc::channel();
                let joined = thread::Builder::new().spawn(move || sender.send(recorder.join()));
                let _ = joined.map(|_| ended.recv_timeout(DRAIN));
            }
        }
    }
}

/// Publishes what was refused before a source had it.
async fn publish_refused(outlets: Vec<Outlet>, mut refused: Refused, end: CancellationToken) {
    loop {
        let refusal = tokio::select! {
            biased;
            refusal = refused.recv() => refusal,
            () = end.cancelled() => None,
        };
        let Some((source, report)) = refusal else {
            return;
        };
        if let Some(outlet) = outlets.get(usize::from(source.0)) {
            let now = outlet.clock().now();
            outlet.publish(now, Payload::Command(report)).await;
        }
    }
}

/// Publishes what became of each stop, and at the end what is still to be said.
async fn publish_stops(outlet: Outlet, mut reports: StopReports, end: CancellationToken) {
    let publish = async |(at, event)| outlet.publish(at, Payload::Stop(event)).await;
    loop {
        tokio::select! {
            biased;
            report = reports.recv() => match report {
                Some(report) => publish(report).await,
                None => return,
            },
            () = end.cancelled() => break,
        }
    }
    while let Some(Some(report)) = reports.recv().now_or_never() {
        publish(report).await;
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
                origin,
                caution: spec.is_unverified().then(|| "TLS NOT VERIFIED".into()),
            })
        })
        .collect()
}

fn recorded_sources(path: &Path) -> anyhow::Result<Vec<SourceInfo>> {
    // The error names the file.
    Ok(recording::sources_of(path)?)
}
