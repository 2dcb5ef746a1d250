//! The task of one camera: starts its thread, hands pictures on, says how it stands, looks for it
//! every second while it is not there.

mod commands;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use tokio::sync::{oneshot, watch};
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::capture::{Job, Opened, Status};
use super::controls;
use super::device::{Backend, Found, Trouble, tidy};
use super::options::CameraOptions;
use crate::control::{Desk, Intake};
use crate::model::{
    CommandReport, EndReason, Fault, FaultKind, Instrument, LinkState, Payload, PlainText, Reading,
    Request, Severity,
};
use crate::pipeline::Outlet;
use crate::sources::frame_queue::{Queue, hand_on};
use crate::sources::reconnect::Backoff;
use commands::{Answer, Commands};

/// How often a camera that is not there is looked for.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How often its controls are read: automatic ones change by themselves.
const READ_EVERY: Duration = Duration::from_secs(2);
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

/// Does `work` on a thread of its own: asking a driver may take as long as the driver likes. Its
/// answer never comes if there is no thread to be had, or it panics.
fn beside<T: Send + 'static>(
    name: &str,
    work: impl FnOnce() -> T + Send + 'static,
) -> oneshot::Receiver<T> {
    let (answer, answered) = oneshot::channel();
    let thread = thread::Builder::new().name(name.to_owned());
    let spawned = thread.spawn(move || {
        let _ = answer.send(work());
    });
    if let Err(error) = spawned {
        tracing::error!("no thread for {name}: {error}");
    }
    answered
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
        let is_over = Arc::new(AtomicBool::new(false));
        let (job, told_to_end) = (self.job(), Arc::clone(&is_over));
        let mut ended = beside("camera", move || job.run(&told_to_end, &status));
        let mut open: Option<Commands> = None;
        let mut look = interval(READ_EVERY);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let end = loop {
            tokio::select! {
                biased;
                () = self.stop.cancelled() => {
                    is_over.store(true, Ordering::Relaxed);
                    let _ = timeout(FAREWELL, &mut ended).await;
                    break None;
                }
                Ok(()) = statuses.changed() => {
                    let status = statuses.borrow_and_update().clone();
                    self.status(status, &mut open).await;
                }
                result = &mut ended => break Some(match result {
                    Ok(Err(trouble)) => trouble,
                    Ok(Ok(())) => return None,
                    Err(_) => self.internal("reading it"),
                }),
                answer = answered(&mut open) => {
                    if let Some(commands) = &mut open {
                        let news = commands.conclude(answer, &self.intake);
                        let instrument = commands.instrument().clone();
                        let readings = controls::readings(commands.controls());
                        self.reports(news.reports).await;
                        if news.has_changed {
                            self.show(instrument, readings).await;
                        }
                    }
                }
                Some(request) = self.intake.requests.recv() => match &mut open {
                    None => self.refuse(&request, "there is no camera").await,
                    Some(commands) => {
                        let news = commands.request(request, &self.intake);
                        self.reports(news.reports).await;
                    }
                },
                _ = look.tick() => if let Some(commands) = &mut open {
                    commands.look();
                },
            }
        };
        if let Some(commands) = open {
            let why = match &end {
                Some(trouble) => trouble.to_string(),
                None => "the program ends".to_owned(),
            };
            let (reports, closed) = commands.gone(&why);
            self.reports(reports).await;
            self.show(closed, Vec::new()).await;
        }
        end
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

    fn internal(&self, what: &str) -> Trouble {
        Trouble::Failed {
            path: self.options.device.as_str().into(),
            what: what.into(),
            why: "internal error; the log has it".into(),
        }
    }

    async fn status(&mut self, status: Status, open: &mut Option<Commands>) {
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
        if open.is_none() {
            self.opened(&opened).await;
            let commands = open.insert(Commands::new(opened));
            let readings = controls::readings(commands.controls());
            self.show(commands.instrument().clone(), readings).await;
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
        let about = controls::about(&opened.found, &opened.agreed);
        self.outlet.publish(now, Payload::Readings(about)).await;
    }

    /// Publishes the camera and how its controls stand.
    async fn show(&self, instrument: Instrument, readings: Vec<Reading>) {
        let now = self.outlet.clock().now();
        let payload = Payload::Instrument(Arc::new(instrument));
        self.outlet.publish(now, payload).await;
        if !readings.is_empty() {
            self.outlet.publish(now, Payload::Readings(readings)).await;
        }
    }

    async fn reports(&self, reports: Vec<CommandReport>) {
        for report in reports {
            let payload = Payload::Command(Arc::new(report));
            let now = self.outlet.clock().now();
            self.outlet.publish(now, payload).await;
        }
    }

    async fn refuse(&self, request: &Request, why: &str) {
        self.reports(vec![Desk::refuse(request, why)]).await;
    }
}

/// The answer to what is under way; never while there is no camera. Cancel safe.
async fn answered(open: &mut Option<Commands>) -> Option<Answer> {
    match open {
        Some(commands) => commands.answered().await,
        None => std::future::pending().await,
    }
}
