//! The thread that makes pictures out of frames: only the newest, only of cameras on the screen.
//!
//! It keeps the newest frame of each camera as it was received, so that another look at it (a part
//! enlarged, other colours, the value of a pixel) needs no new one: the stream may have stopped,
//! and the screen may be held.

mod kept;

use std::collections::BTreeMap;
use std::io;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::measuring::Measuring;
use crate::imaging::{Picture, PictureMaker, PictureRequest, pixels};
use crate::model::{
    CameraKey, Clock, DropReason, Fate, Fault, FaultKind, Payload, Severity, SourceInfo, Stamp,
    Ticket,
};
use crate::pipeline::{Delivery, Meters, Outlet, Pipeline, ScreenLanes, Stage};
use kept::{Kept, KeptFrames};

/// A decoder that panics on hostile bytes costs one picture, not all that follow.
const DECODER_FAILED: &str = "the decoder failed; the log has the details";

/// How long the thread sleeps at most before it looks whether it shall end.
const PATIENCE: Duration = Duration::from_millis(200);

/// A picture on its way to the loop, with what it owes the ledger.
#[derive(Debug)]
pub struct Ready {
    /// The picture.
    pub picture: Picture,
    /// Settled once the terminal has it; `None` if it was made once more of a frame that owes
    /// nothing any more.
    pub ticket: Option<Ticket>,
}

/// The loop's side of the picture thread. Dropping it ends the thread.
#[derive(Debug)]
pub struct Pictures {
    shared: Arc<Shared>,
    lanes: Arc<ScreenLanes>,
    thread: Option<thread::JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    wanted: Mutex<Wanted>,
    ready: Mutex<BTreeMap<CameraKey, Ready>>,
    arrived: Notify,
    stop: CancellationToken,
}

/// What the loop asks of the thread.
#[derive(Debug, Default)]
struct Wanted {
    requests: Vec<PictureRequest>,
    /// Cameras whose pictures shall be compared with what is drawn now.
    references: Vec<CameraKey>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Pictures {
    /// Starts the thread on the frame lane of `lanes`. Needs a tokio runtime: faults go out
    /// through the sources' outlets.
    ///
    /// - `measuring`: who measures what is drawn, and what is not; `None` if nothing is measured
    ///
    /// # Errors
    /// The system gives no thread.
    pub fn start(
        lanes: Arc<ScreenLanes>,
        pipeline: &Pipeline,
        sources: &[SourceInfo],
        clock: Clock,
        measuring: Option<Measuring>,
    ) -> io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let worker = Worker {
            shared: Arc::clone(&shared),
            lanes: Arc::clone(&lanes),
            meters: pipeline.meters().clone(),
            outlets: sources.iter().map(|s| pipeline.outlet(s.id)).collect(),
            clock,
            runtime: Handle::current(),
            maker: PictureMaker::default(),
            kept: KeptFrames::default(),
            answered: Vec::new(),
            measuring,
        };
        let thread = thread::Builder::new()
            .name("pictures".to_owned())
            .spawn(move || worker.run())?;
        Ok(Self {
            shared,
            lanes,
            thread: Some(thread),
        })
    }

    /// Which pictures are on the screen from now on, and how they are looked at. What is there of
    /// them already is made anew at once.
    pub fn want(&self, requests: Vec<PictureRequest>) {
        lock(&self.shared.wanted).requests = requests;
        self.lanes.call_frame_taker();
    }

    /// Compares a camera's pictures with the frame that was drawn last, from now on.
    pub fn set_reference(&self, camera: CameraKey) {
        let mut wanted = lock(&self.shared.wanted);
        if !wanted.references.contains(&camera) {
            wanted.references.push(camera);
        }
        drop(wanted);
        self.lanes.call_frame_taker();
    }

    /// Waits until [`Pictures::take`] may have something. Cancel safe.
    pub async fn ready(&self) {
        self.shared.arrived.notified().await;
    }

    /// A picture that is ready.
    pub fn take(&self) -> Option<Ready> {
        lock(&self.shared.ready).pop_first().map(|(_, ready)| ready)
    }
}

impl Drop for Pictures {
    fn drop(&mut self) {
        self.shared.stop.cancel();
        self.lanes.call_frame_taker();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
        let ready = std::mem::take(&mut *lock(&self.shared.ready));
        for ticket in ready.into_values().filter_map(|ready| ready.ticket) {
            ticket.settle(Fate::NotShown(DropReason::Shutdown));
        }
    }
}

struct Worker {
    shared: Arc<Shared>,
    lanes: Arc<ScreenLanes>,
    meters: Meters,
    outlets: Vec<Outlet>,
    clock: Clock,
    runtime: Handle,
    maker: PictureMaker,
    kept: KeptFrames,
    /// The requests as they were when their pictures were made.
    answered: Vec<PictureRequest>,
    measuring: Option<Measuring>,
}

impl Worker {
    fn run(mut self) {
        while !self.shared.stop.is_cancelled() {
            if let Some(delivery) = self.lanes.take_frame(PATIENCE) {
                self.take(delivery);
            }
            self.set_references();
            self.answer_changes();
        }
    }

    fn request(&self, camera: &CameraKey) -> Option<PictureRequest> {
        let wanted = lock(&self.shared.wanted);
        let mut requests = wanted.requests.iter();
        requests.find(|request| request.camera == *camera).cloned()
    }

    /// A new frame: to be drawn, or to be kept only.
    fn take(&mut self, delivery: Delivery) {
        let Delivery { sample, ticket, .. } = delivery;
        let (Some(camera), Payload::Frame(frame)) = (sample.camera(), &sample.payload) else {
            ticket.settle(Fate::Coalesced);
            return;
        };
        let frame = Kept {
            frame: frame.clone(),
            received: sample.received,
        };
        self.kept.take(camera.clone(), frame.clone());
        let wanted = self.request(&camera);
        let roi = wanted.as_ref().and_then(|request| request.roi);
        let Some(request) = wanted.filter(|request| !request.held) else {
            // Not on the screen: its size, rate and number are counted already.
            ticket.settle(Fate::Coalesced);
            if let Some(measuring) = &mut self.measuring {
                measuring.take_unseen(&camera, &frame.frame, sample.received, roi);
            }
            return;
        };
        let taken = self.clock.now();
        let waited = taken.mono_ns.saturating_sub(sample.received.mono_ns);
        self.meters
            .record(sample.source, Stage::ReceivedToTaken, waited);
        match self.make(&frame, &request) {
            Ok(picture) => {
                let took = picture.decoded.mono_ns.saturating_sub(taken.mono_ns);
                self.meters.record(sample.source, Stage::Decode, took);
                self.kept.drawn(&camera, frame);
                self.hand_on(picture, Some(ticket));
            }
            Err(error) => {
                self.kept.refuse(&camera);
                ticket.settle(Fate::Dropped(DropReason::Undecodable));
                self.tell(&camera, &frame, taken, &error);
            }
        }
    }

    /// Makes the pictures anew that are wanted in another way than they were made in.
    fn answer_changes(&mut self) {
        let requests = lock(&self.shared.wanted).requests.clone();
        self.answered
            .retain(|answered| requests.iter().any(|request| request == answered));
        for request in requests {
            if self.answered.contains(&request) {
                continue;
            }
            let Some(kept) = self.kept.wanted(&request).cloned() else {
                continue;
            };
            match self.make(&kept, &request) {
                Ok(picture) => {
                    self.kept.drawn(&request.camera, kept);
                    self.hand_on(picture, None);
                }
                // Its fault was told when it came, if anybody wanted it then.
                Err(_) => self.kept.refuse(&request.camera),
            }
        }
    }

    fn set_references(&mut self) {
        let references = std::mem::take(&mut lock(&self.shared.wanted).references);
        for camera in references {
            let Some(kept) = self.kept.last_drawn(&camera).cloned() else {
                continue;
            };
            self.answered.retain(|answered| answered.camera != camera);
            let Kept { frame, received } = kept.clone();
            let set = std::panic::catch_unwind(AssertUnwindSafe(|| {
                self.maker.set_reference(camera.clone(), frame, received)
            }));
            let trouble = match set {
                Ok(Ok(())) => continue,
                Ok(Err(error)) => error.to_string(),
                Err(_) => {
                    self.maker = PictureMaker::default();
                    DECODER_FAILED.to_owned()
                }
            };
            self.tell(&camera, &kept, self.clock.now(), &trouble);
        }
    }

    /// Makes a picture and notes that the request is answered.
    fn make(&mut self, kept: &Kept, request: &PictureRequest) -> Result<Picture, String> {
        let Kept { frame, received } = kept;
        let camera = request.camera.clone();
        self.answered.retain(|answered| answered.camera != camera);
        self.answered.push(request.clone());
        let made = std::panic::catch_unwind(AssertUnwindSafe(|| {
            let made = self
                .maker
                .make(camera, frame, *received, request, &self.clock);
            made.map(|picture| {
                let encoding = request.encoding;
                let encoded = encoding.and_then(|how| pixels::encode(&picture, how));
                Picture { encoded, ..picture }
            })
        }));
        let mut picture = match made {
            Ok(made) => made.map_err(|error| error.to_string())?,
            Err(_) => {
                self.maker = PictureMaker::default();
                return Err(DECODER_FAILED.to_owned());
            }
        };
        if let (Some(measuring), Some(raster)) = (&mut self.measuring, self.maker.raster()) {
            let (camera, roi) = (&request.camera, request.roi);
            picture.measures = measuring.take(camera, &raster, frame, *received, roi);
        }
        Ok(picture)
    }

    fn hand_on(&self, picture: Picture, ticket: Option<Ticket>) {
        let mut ready = lock(&self.shared.ready);
        let replaced = ready.remove(&picture.camera);
        let is_same = |old: &Ready| old.picture.received == picture.received;
        let ticket = match (replaced, ticket) {
            // Once more, before anybody took it.
            (Some(old), None) if is_same(&old) => old.ticket,
            (Some(old), ticket) => {
                if let Some(old) = old.ticket {
                    old.settle(Fate::Coalesced);
                }
                ticket
            }
            (None, ticket) => ticket,
        };
        ready.insert(picture.camera.clone(), Ready { picture, ticket });
        drop(ready);
        self.shared.arrived.notify_one();
    }

    fn tell(&self, camera: &CameraKey, kept: &Kept, at: Stamp, error: &str) {
        let fault = Fault::new(
            FaultKind::Undecodable,
            Severity::Error,
            format!("{}: {error}; the picture was skipped", camera.detector),
        )
        .with_sample(&kept.frame.body);
        if let Some(outlet) = self.outlets.get(usize::from(camera.source.0)) {
            // The control lane may be full and its reader gone, who waits for us.
            let told = outlet.fault(at, fault);
            let stop = &self.shared.stop;
            self.runtime.block_on(stop.run_until_cancelled(told));
        }
    }
}

#[cfg(test)]
mod tests;
