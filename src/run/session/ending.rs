//! The end of a session: what moves is stopped if that is wanted, sources say goodbye, the recorder
//! writes what waits, and nothing waits for ever.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use tokio::time::{Instant, timeout, timeout_at};

use super::Session;
use crate::config::OnExit;
use crate::model::{
    Fate, LedgerSnapshot, Payload, RecorderStatus, Sample, SavedBlackBox, SourceInfo, StopEvent,
    StopOrigin, StopState,
};
use crate::pipeline::{LoopStats, Order, PipelineSnapshot, TerminalStats};
use crate::recorder::RecordingOutcome;
use crate::run::commander::Commander;

/// How long instruments may take to answer the stop at the end.
const AT_REST: Duration = Duration::from_millis(1_500);
/// How long sources may take to say goodbye.
const GOODBYE: Duration = Duration::from_secs(3);
/// How long the recorder may take to write what waits and the manifest; a little more than its own
/// deadlines together.
const DRAIN: Duration = Duration::from_secs(16);

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
    /// What of a recording could not be played, as sentences.
    pub not_replayed: Vec<String>,
    /// The recorder did not end: how long it was waited for.
    pub recorder_hangs: Option<Duration>,
    /// The newest file of the last seconds.
    pub saved: Option<SavedBlackBox>,
}

impl Session {
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
        let mut saved = None;
        if let (Some(disk), Some(recorder)) = (&self.disk, self.recorder.take()) {
            let disk = disk.clone();
            disk.order(Order::Quit);
            let thread = tokio::task::spawn_blocking(move || recorder.last_words());
            let deadline = Instant::now() + DRAIN;
            // Readers that wait for the disk get their answer while the recorder drains.
            self.join_until(deadline, &mut last_words).await;
            if let Ok(Ok((more, status))) = timeout_at(deadline, thread).await {
                outcomes.extend(more);
                saved = status.black_box.and_then(|kept| kept.last);
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
            not_replayed: self
                .cautions
                .iter()
                .chain(self.replayed.get())
                .cloned()
                .collect(),
            recorder_hangs,
            saved,
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
                    && matches!(
                        report.state,
                        StopState::Acknowledged { .. } | StopState::Refused
                    )
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
