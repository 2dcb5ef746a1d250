//! The thread that makes pictures out of frames: only the newest, only of cameras on the screen.

use std::collections::BTreeMap;
use std::io;
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::Notify;

use crate::imaging::{Picture, PictureMaker, PictureRequest};
use crate::model::{
    CameraKey, Clock, DropReason, Fate, Fault, FaultKind, Payload, Severity, SourceInfo, Ticket,
};
use crate::pipeline::{Delivery, Outlet, Pipeline, ScreenLanes, Stage};

/// How long the thread sleeps at most before it looks whether it shall end.
const PATIENCE: Duration = Duration::from_millis(200);

/// A picture on its way to the loop, with what it owes the ledger.
#[derive(Debug)]
pub struct Ready {
    /// The picture.
    pub picture: Picture,
    /// Settled once the terminal has it.
    pub ticket: Ticket,
}

/// The loop's side of the picture thread. Dropping it ends the thread.
#[derive(Debug)]
pub struct Pictures {
    shared: Arc<Shared>,
    thread: Option<thread::JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    wanted: Mutex<Vec<PictureRequest>>,
    ready: Mutex<BTreeMap<CameraKey, Ready>>,
    arrived: Notify,
    stop: AtomicBool,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Pictures {
    /// Starts the thread on the frame lane of `lanes`. Needs a tokio runtime: faults go out
    /// through the sources' outlets.
    ///
    /// # Errors
    /// The system gives no thread.
    pub fn start(
        lanes: Arc<ScreenLanes>,
        pipeline: &Pipeline,
        sources: &[SourceInfo],
        clock: Clock,
    ) -> io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let worker = Worker {
            shared: Arc::clone(&shared),
            lanes,
            meters: pipeline.meters().clone(),
            outlets: sources.iter().map(|s| pipeline.outlet(s.id)).collect(),
            clock,
            runtime: Handle::current(),
            maker: PictureMaker::default(),
        };
        let thread = thread::Builder::new()
            .name("pictures".to_owned())
            .spawn(move || worker.run())?;
        Ok(Self {
            shared,
            thread: Some(thread),
        })
    }

    /// Which pictures are on the screen from now on.
    pub fn want(&self, requests: Vec<PictureRequest>) {
        *lock(&self.shared.wanted) = requests;
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
        self.shared.stop.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
        for (_, ready) in std::mem::take(&mut *lock(&self.shared.ready)) {
            ready.ticket.settle(Fate::NotShown(DropReason::Shutdown));
        }
    }
}

struct Worker {
    shared: Arc<Shared>,
    lanes: Arc<ScreenLanes>,
    meters: crate::pipeline::Meters,
    outlets: Vec<Outlet>,
    clock: Clock,
    runtime: Handle,
    maker: PictureMaker,
}

impl Worker {
    fn run(mut self) {
        while !self.shared.stop.load(Ordering::Acquire) {
            if let Some(delivery) = self.lanes.take_frame(PATIENCE) {
                self.make(delivery);
            }
        }
    }

    fn make(&mut self, delivery: Delivery) {
        let Delivery { sample, ticket, .. } = delivery;
        let (Some(camera), Payload::Frame(frame)) = (sample.camera(), &sample.payload) else {
            ticket.settle(Fate::Coalesced);
            return;
        };
        let wanted = lock(&self.shared.wanted)
            .iter()
            .find(|request| request.camera == camera)
            .cloned();
        let Some(request) = wanted else {
            // Not on the screen: its size, rate and number are counted already.
            ticket.settle(Fate::Coalesced);
            return;
        };
        let taken = self.clock.now();
        let waited = taken.mono_ns.saturating_sub(sample.received.mono_ns);
        self.meters
            .record(sample.source, Stage::ReceivedToTaken, waited);
        // A decoder that panics on hostile bytes costs this picture, not all that follow.
        let made = std::panic::catch_unwind(AssertUnwindSafe(|| {
            self.maker.make(
                camera.clone(),
                frame,
                sample.received,
                &request,
                &self.clock,
            )
        }));
        let made = match made {
            Ok(Ok(picture)) => Ok(picture),
            Ok(Err(error)) => Err(error.to_string()),
            Err(_) => {
                self.maker = PictureMaker::default();
                Err("the decoder failed; the log has the details".to_owned())
            }
        };
        match made {
            Ok(picture) => {
                let took = picture.decoded.mono_ns.saturating_sub(taken.mono_ns);
                self.meters.record(sample.source, Stage::Decode, took);
                let replaced = lock(&self.shared.ready).insert(camera, Ready { picture, ticket });
                if let Some(old) = replaced {
                    old.ticket.settle(Fate::Coalesced);
                }
                self.shared.arrived.notify_one();
            }
            Err(error) => {
                ticket.settle(Fate::Dropped(DropReason::Undecodable));
                let fault = Fault::new(
                    FaultKind::Undecodable,
                    Severity::Error,
                    format!("{}: {error}; the picture was skipped", camera.detector),
                )
                .with_sample(&frame.body);
                if let Some(outlet) = self.outlets.get(usize::from(sample.source.0)) {
                    self.runtime.block_on(outlet.fault(taken, fault));
                }
            }
        }
    }
}
