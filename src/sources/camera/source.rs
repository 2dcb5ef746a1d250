//! The task of one camera: starts its thread, hands pictures on, says how it stands, looks for it
//! every second while it is not there.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use tokio::sync::{oneshot, watch};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::capture::{Job, Opened, Status};
use super::device::{Backend, Found, Interval, Trouble, tidy};
use super::options::CameraOptions;
use crate::control::{Desk, Intake};
use crate::model::{
    EndReason, Fault, FaultKind, LinkState, Payload, PlainText, Reading, Request, Severity,
};
use crate::pipeline::Outlet;
use crate::sources::frame_queue::{Queue, hand_on};
use crate::sources::reconnect::Backoff;

/// How often a camera that is not there is looked for.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How long its thread may take to end. A driver that hangs must not hold the program.
const FAREWELL: Duration = Duration::from_secs(2);

/// Reads the camera until `stop`, then hands on what it had sent.
pub(super) async fn run(
    backend: Arc<dyn Backend>,
    options: CameraOptions,
    outlet: Outlet,
    intake: Intake,
    stop: CancellationToken,
) {
    let queue = Arc::new(Queue::default());
    let pictures = hand_on(Arc::clone(&queue), outlet.clone(), stop.clone());
    let stay = async {
        let mut source = Source {
            backend,
            options,
            outlet: outlet.clone(),
            intake,
            stop,
            queue: Arc::clone(&queue),
            before: None,
            told: None,
            failed: 0,
        };
        source.stay().await;
        queue.close();
    };
    tokio::join!(pictures, stay);
    outlet.link(LinkState::Ended).await;
}

struct Source {
    backend: Arc<dyn Backend>,
    options: CameraOptions,
    outlet: Outlet,
    intake: Intake,
    stop: CancellationToken,
    queue: Arc<Queue>,
    /// The camera that was open last.
    before: Option<Found>,
    /// Why there is none, as it was told last.
    told: Option<Trouble>,
    /// Attempts since it was open last.
    failed: u32,
}

impl Source {
    async fn stay(&mut self) {
        // The same moment for everybody would be no harm here: it is our own machine.
        let backoff = Backoff {
            base: LOOK_EVERY,
            cap: LOOK_EVERY,
            reset_after: Duration::ZERO,
        };
        loop {
            if self.told.is_none() {
                let attempt = self.failed.saturating_add(1);
                self.outlet.link(LinkState::Connecting { attempt }).await;
            }
            let Some(trouble) = self.one_session().await else {
                return;
            };
            self.failed = self.failed.saturating_add(1);
            let retry_in = backoff.delay(0, || 0.0);
            self.tell(trouble, retry_in).await;
            if self.pause(retry_in).await.is_none() {
                return;
            }
        }
    }

    /// Says why there is no camera, once.
    async fn tell(&mut self, trouble: Trouble, retry_in: Duration) {
        if self.told.as_ref() == Some(&trouble) {
            return;
        }
        let reason = match &trouble {
            Trouble::Absent(_) => EndReason::HandshakeFailed,
            Trouble::Gone { .. } => EndReason::TransportClose,
            Trouble::NoPermission { .. } | Trouble::Busy { .. } | Trouble::Refused { .. } => {
                EndReason::Refused
            }
            Trouble::Failed { .. } => EndReason::TransportError,
        };
        let detail = PlainText::from(trouble.to_string());
        self.told = Some(trouble);
        self.outlet
            .link(LinkState::Down {
                reason,
                detail,
                retry_in: Some(retry_in),
            })
            .await;
    }

    /// Waits, and answers meanwhile; `None` if the source is to end.
    async fn pause(&mut self, time: Duration) -> Option<()> {
        let over = sleep(time);
        tokio::pin!(over);
        loop {
            tokio::select! {
                () = self.stop.cancelled() => return None,
                () = &mut over => return Some(()),
                Some(request) = self.intake.requests.recv() => {
                    self.refuse(&request, "there is no camera").await;
                }
            }
        }
    }

    /// One camera from looking for it to its end, and why it ended; `None` if the source is to end.
    async fn one_session(&mut self) -> Option<Trouble> {
        let (status, mut statuses) = watch::channel(Status::default());
        let (end, mut ended) = oneshot::channel();
        let is_over = Arc::new(AtomicBool::new(false));
        let (job, told_to_end) = (self.job(), Arc::clone(&is_over));
        let thread = thread::Builder::new().name("camera".to_owned());
        let spawned = thread.spawn(move || {
            let result = job.run(&told_to_end, &status);
            drop(job);
            let _ = end.send(result);
        });
        if let Err(error) = spawned {
            return Some(self.failed("starting a thread", &error.to_string()));
        }
        let mut known: Option<Arc<Opened>> = None;
        loop {
            tokio::select! {
                biased;
                () = self.stop.cancelled() => {
                    is_over.store(true, Ordering::Relaxed);
                    let _ = timeout(FAREWELL, ended).await;
                    return None;
                }
                Ok(()) = statuses.changed() => {
                    let status = statuses.borrow_and_update().clone();
                    self.status(status, &mut known).await;
                }
                result = &mut ended => {
                    return Some(match result {
                        Ok(Err(trouble)) => trouble,
                        Ok(Ok(())) => return None,
                        Err(_) => self.failed("reading it", "internal error; the log has it"),
                    });
                }
                Some(request) = self.intake.requests.recv() => {
                    self.refuse(&request, "a camera is only watched").await;
                }
            }
        }
    }

    fn job(&self) -> Job {
        Job {
            backend: Arc::clone(&self.backend),
            written: self.options.device.clone(),
            before: self.before.clone(),
            wanted: self.options.wanted,
            pixel_size_um: self.options.pixel_size_um,
            clock: self.outlet.clock().clone(),
            queue: Arc::clone(&self.queue),
        }
    }

    fn failed(&self, what: &str, why: &str) -> Trouble {
        Trouble::Failed {
            path: self.options.device.as_str().into(),
            what: what.into(),
            why: why.into(),
        }
    }

    async fn status(&mut self, status: Status, known: &mut Option<Arc<Opened>>) {
        let (opened, state) = match status {
            Status::Looking => return,
            Status::Open(opened) => (opened, LinkState::Connected),
            Status::Live(opened) => (opened, LinkState::Live),
            Status::Silent(opened, silence) => {
                let seconds = tidy(silence.as_secs_f64());
                let missing = format!("no picture for {seconds} s, the camera is open");
                let missing = PlainText::from(missing);
                (opened, LinkState::Stale { missing })
            }
        };
        if known.is_none() {
            *known = Some(Arc::clone(&opened));
            self.opened(&opened).await;
        }
        self.outlet.link(state).await;
    }

    /// The camera is open: what it is, and what is not as it was asked.
    async fn opened(&mut self, opened: &Opened) {
        self.told = None;
        self.failed = 0;
        self.before = Some(opened.found.clone());
        let now = self.outlet.clock().now();
        for note in &opened.notes {
            let fault = Fault::new(FaultKind::Peer, Severity::Warning, note.clone());
            self.outlet.fault(now, fault).await;
        }
        let readings = about(opened);
        self.outlet.publish(now, Payload::Readings(readings)).await;
    }

    async fn refuse(&self, request: &Request, why: &str) {
        let report = Desk::refuse(request, why);
        let payload = Payload::Command(Arc::new(report));
        self.outlet
            .publish(self.outlet.clock().now(), payload)
            .await;
    }
}

/// What a camera is and what it sends.
fn about(opened: &Opened) -> Vec<Reading> {
    let Opened { found, agreed, .. } = opened;
    let (width, height) = agreed.mode.size;
    let mut readings = vec![
        Reading::new("camera/name", found.name.clone(), ""),
        Reading::new("camera/path", found.path.as_str(), ""),
        Reading::new("camera/bus", found.bus.clone(), ""),
        Reading::new("camera/driver", found.driver.clone(), ""),
        Reading::new("camera/format", agreed.mode.fourcc.to_string().as_str(), ""),
        Reading::new("camera/size", format!("{width}x{height}").as_str(), "px"),
    ];
    if let Some(rate) = agreed.mode.interval.and_then(Interval::rate_hz) {
        readings.push(Reading::new("camera/rate", tidy(rate), "1/s"));
    }
    readings
}
