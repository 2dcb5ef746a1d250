//! The thread that makes pictures out of frames: only the newest, only of cameras on the screen.

use std::collections::BTreeMap;
use std::io;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::imaging::{Picture, PictureMaker, PictureRequest, pixels};
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
    stop: CancellationToken,
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
        self.shared.stop.cancel();
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
        while !self.shared.stop.is_cancelled() {
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
            let made = self.maker.make(
                camera.clone(),
                frame,
                sample.received,
                &request,
                &self.clock,
            );
            made.map(|picture| Picture {
                encoded: request
                    .encoding
                    .and_then(|how| pixels::encode(&picture, how)),
                ..picture
            })
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
                    // The control lane may be full and its reader gone, who waits for us.
                    let told = outlet.fault(taken, fault);
                    let stop = &self.shared.stop;
                    self.runtime.block_on(stop.run_until_cancelled(told));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Frame, FrameEncoding, LinkState, Origin, SourceId};
    use bytes::Bytes;
    use std::sync::mpsc::channel;

    #[tokio::test(flavor = "multi_thread")]
    async fn the_thread_ends_although_nobody_takes_what_it_says() {
        let clock = Clock::manual(1);
        let lanes = Arc::new(ScreenLanes::with_bounds(clock.clone(), 1, 1));
        let pipeline = Pipeline::new(clock.clone(), 1, None, Some(Arc::clone(&lanes)));
        let source = SourceInfo {
            id: SourceId(0),
            name: "scope".into(),
            address: "".into(),
            origin: Origin::Live,
            caution: None,
        };
        let outlet = pipeline.outlet(source.id);
        // The control lane is full now, and the frame cannot be decoded: that has to be told.
        outlet.link(LinkState::Live).await;
        let pictures = Pictures::start(Arc::clone(&lanes), &pipeline, &[source], clock).unwrap();
        let camera = CameraKey {
            source: SourceId(0),
            detector: "camera".into(),
        };
        pictures.want(vec![PictureRequest::plain(camera.clone(), 10, 10)]);
        let frame = Frame {
            detector: camera.detector,
            number: None,
            width_px: None,
            height_px: None,
            encoding: FrameEncoding::Jpeg,
            body: Bytes::from_static(b"no picture"),
            pixel_size_um: None,
            subsampling: 1,
            bit_depth: None,
            device_ns: None,
            lost_before: 0,
        };
        outlet
            .publish(outlet.clock().now(), Payload::Frame(frame))
            .await;
        while pipeline
            .ledger()
            .snapshot()
            .source(SourceId(0))
            .total()
            .in_flight
            < 2
            || outlet.in_flight(crate::model::LaneKind::Frames) > 0
        {
            tokio::task::yield_now().await;
        }
        let (done, ended) = channel();
        thread::spawn(move || {
            drop(pictures);
            done.send(()).unwrap();
        });
        ended
            .recv_timeout(Duration::from_secs(60))
            .expect("the thread ends");
        lanes.close();
        let total = pipeline.ledger().snapshot().source(SourceId(0)).total();
        assert_eq!((total.in_flight, total.residue()), (0, 0));
    }
}
