//! What makes a recorder without a screen a service: what it tells its manager and who asks for
//! figures, what it does when it is told to read its configuration again, and how much of its
//! recordings it keeps. The loop calls it; nothing here waits for a disk or a peer.

mod exposition;
mod figures;
mod ledger;
mod manager;
mod metrics;
pub mod retention;
mod settings;
mod status;
mod watchdog;

use std::fmt;
use std::future::Future;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval};

use super::headless::Links;
use super::journal::FilterChange;
use super::session::Session;
use crate::model::{PlainText, RecorderState, RecorderStatus};
use crate::pipeline::{DiskLane, PipelineSnapshot};
use manager::{Manager, News};
use metrics::Endpoint;
use retention::Caretaker;
use settings::Changes;
use watchdog::Watchdog;

pub use figures::Figures;
pub use ledger::dump;
pub use settings::Settings;

/// How often signs of life are given if nobody says how often.
const BEAT: Duration = Duration::from_secs(1);
/// More often than this no manager wants to hear anything.
const SHORTEST_BEAT: Duration = Duration::from_millis(10);
/// How long the end may take: stops, goodbyes, the recorder's own deadline, and some air.
const END: Duration = Duration::from_secs(30);
/// How long a manager is kept waiting for the file that was asked for.
const TURN: Duration = Duration::from_secs(10);

/// Reads the configuration again, together with the command line. May wait for the disk.
pub type Reread = Arc<dyn Fn() -> anyhow::Result<Settings> + Send + Sync>;

/// How a recorder serves.
#[derive(Clone)]
pub struct ServicePlan {
    /// The folder of the recordings.
    pub dir: PathBuf,
    /// What it was told at the start.
    pub settings: Settings,
    /// What it is told when asked again.
    pub reread: Reread,
}

impl fmt::Debug for ServicePlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServicePlan")
            .field("dir", &self.dir)
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

/// The service while it runs.
pub struct Service {
    manager: Manager,
    is_ready: bool,
    beat: Interval,
    watchdog: Watchdog,
    lane: Option<DiskLane>,
    figures: watch::Sender<Arc<Figures>>,
    endpoint: Option<Endpoint>,
    dir: PathBuf,
    caretaker: Option<Caretaker>,
    filter: FilterChange,
    settings: Settings,
    reread: Reread,
    reload: Option<Reload>,
    /// It was told to read again while it did.
    once_more: bool,
    /// The file that was written when it was last looked.
    file: Option<PlainText>,
}

/// What is due of its own accord.
#[derive(Debug)]
pub enum Due {
    /// A sign of life.
    Beat,
    /// The configuration was read again.
    Read(anyhow::Result<Settings>),
}

/// A reload under way.
struct Reload {
    reading: Option<JoinHandle<anyhow::Result<Settings>>>,
    /// The file that is to be followed by another.
    turn: Option<PlainText>,
    /// When neither that nor a busy manager is waited for any longer.
    deadline: Instant,
}

impl fmt::Debug for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Service")
            .field("manager", &self.manager)
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

impl Service {
    /// Makes ready whatever can be refused; nothing is recorded yet.
    ///
    /// # Errors
    /// Figures are to be had at an address that cannot be had.
    pub fn prepare(plan: ServicePlan, filter: FilterChange) -> anyhow::Result<Self> {
        let manager = Manager::of_environment();
        let every = manager.watchdog().map_or(BEAT, |period| period / 2);
        let mut beat = interval(every.max(SHORTEST_BEAT));
        beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (figures, _) = watch::channel(Arc::default());
        let endpoint = match plan.settings.metrics {
            Some(address) => Some(open(address, &figures)?),
            None => None,
        };
        Ok(Self {
            manager,
            is_ready: false,
            beat,
            watchdog: Watchdog::new(Instant::now(), every),
            lane: None,
            figures,
            endpoint,
            dir: plan.dir,
            caretaker: None,
            filter,
            settings: plan.settings,
            reread: plan.reread,
            reload: None,
            once_more: false,
            file: None,
        })
    }

    /// Begins to serve a session that was just started.
    pub fn attend(&mut self, session: &Session) {
        self.lane = session.disk_lane();
        let (dir, policy) = (self.dir.clone(), self.settings.retention);
        self.caretaker = Some(Caretaker::start(dir, policy, session.clock.clone()));
    }

    /// To be called at every turn of the loop: what the recorder's state asks for.
    pub fn look(&mut self, recorder: &RecorderStatus) {
        if !self.is_ready && recorder.state == RecorderState::Recording {
            self.is_ready = self.manager.say(&News::Ready);
        }
        if recorder.file != self.file {
            let is_first = self.file.is_none();
            self.file.clone_from(&recorder.file);
            // One more is finished.
            if let Some(caretaker) = self.caretaker.as_ref().filter(|_| !is_first) {
                caretaker.look();
            }
        }
        self.finish_reload(recorder);
    }

    /// To be called once a second: how it stands.
    pub fn tick(&mut self, session: &Session, snapshot: PipelineSnapshot, links: &Links) {
        let mut figures = Figures::of(session, snapshot, links);
        figures.removed = self.caretaker.as_ref().map_or((0, 0), Caretaker::removed);
        self.manager.say(&News::Status(status::line(&figures)));
        self.figures.send_replace(Arc::new(figures));
    }

    /// Waits for what is due of its own accord. Cancel safe.
    pub async fn due(&mut self) -> Due {
        let reading = self.reload.as_mut().and_then(|r| r.reading.as_mut());
        let read = async {
            match reading {
                Some(reading) => match reading.await {
                    Ok(read) => read,
                    Err(error) => Err(anyhow::anyhow!("reading it failed: {error}")),
                },
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            _ = self.beat.tick() => Due::Beat,
            read = read => Due::Read(read),
        }
    }

    /// Does what is due.
    pub fn take(&mut self, due: Due, session: &Session) {
        match due {
            Due::Beat => self.beat(),
            Due::Read(read) => {
                if let Some(reload) = &mut self.reload {
                    reload.reading = None;
                }
                self.apply(read, session);
            }
        }
    }

    /// Gives a sign of life, if there is life. The loop calls this, and thereby shows its own.
    fn beat(&mut self) {
        let turns = self.lane.as_ref().map_or(0, DiskLane::turns);
        if self.watchdog.is_alive(Instant::now(), turns) && self.manager.watchdog().is_some() {
            // One that is not heard is followed by another.
            self.manager.say(&News::Alive);
        }
    }

    /// Goes on in another file and reads the configuration again.
    pub fn reload(&mut self, session: &Session) {
        if self.reload.is_some() {
            self.once_more = true;
            return;
        }
        self.manager.say(&News::Reloading { at: monotonic() });
        let recorder = session.recorder();
        let is_recording = recorder.state == RecorderState::Recording;
        let before = recorder.file.filter(|_| is_recording);
        session.rotate_recording();
        let reread = Arc::clone(&self.reread);
        self.reload = Some(Reload {
            reading: Some(tokio::task::spawn_blocking(move || reread())),
            turn: before,
            deadline: Instant::now() + TURN,
        });
    }

    /// Does what is safe of what was read.
    fn apply(&mut self, read: anyhow::Result<Settings>, session: &Session) {
        let new = match read {
            Ok(new) => new,
            Err(error) => {
                tracing::error!("the configuration stays as it was: {error:#}");
                return;
            }
        };
        let mut changes = Changes::between(&self.settings, &new);
        if changes.is_empty() {
            tracing::info!("the configuration was read again and is as it was");
            return;
        }
        if let Some(filter) = &changes.filter {
            match self.filter.to(filter) {
                Ok(()) => tracing::info!("the log lets through {filter}"),
                Err(error) => tracing::error!("the log stays as it was: {error:#}"),
            }
        }
        if let Some(retention) = changes.retention {
            if let Some(caretaker) = &self.caretaker {
                caretaker.set(retention);
            }
            tracing::info!("{retention}");
        }
        if let Some(rotation) = changes.rotation {
            session.set_rotation(rotation);
            tracing::info!("{rotation}");
        }
        match changes.metrics {
            Some(Some(address)) => match open(address, &self.figures) {
                Ok(endpoint) => self.endpoint = Some(endpoint),
                Err(error) => {
                    tracing::error!("figures stay where they were: {error:#}");
                    changes.metrics = None;
                }
            },
            Some(None) => {
                self.endpoint = None;
                tracing::info!("figures are no longer to be had");
            }
            None => {}
        }
        if !changes.restart.is_empty() {
            let what = changes.restart.join(", ");
            tracing::warn!("needs a restart: {what}");
        }
        changes.apply(&mut self.settings);
    }

    /// Says that a reload is over once everything of it is.
    fn finish_reload(&mut self, recorder: &RecorderStatus) {
        let Some(reload) = &mut self.reload else {
            return;
        };
        let is_late = Instant::now() >= reload.deadline;
        if let Some(before) = &reload.turn {
            let is_over = match recorder.state {
                RecorderState::Recording => recorder.file.as_ref().map(stem) != Some(stem(before)),
                RecorderState::Draining => false,
                // There will be none.
                RecorderState::Off | RecorderState::Waiting(_) | RecorderState::Failed(_) => true,
            };
            if !is_over && !is_late && recorder.trouble.is_none() {
                return;
            }
            if !is_over {
                tracing::warn!("no other file yet: the recording goes on in {before}");
            }
            reload.turn = None;
        }
        // One that is not ready yet says so when it is.
        if reload.reading.is_none() && (!self.is_ready || self.manager.say(&News::Ready) || is_late)
        {
            self.reload = None;
        }
    }

    /// Whether it was told to reload while it did; it is then to do so again.
    pub fn take_once_more(&mut self) -> bool {
        self.reload.is_none() && std::mem::take(&mut self.once_more)
    }

    /// Gives signs of life while the session ends.
    pub async fn while_ending<T>(mut self, end: impl Future<Output = T>) -> T {
        self.manager.say(&News::Stopping { within: END });
        self.manager
            .say(&News::Status("stopping: writing what waits".to_owned()));
        tokio::pin!(end);
        loop {
            tokio::select! {
                ended = &mut end => return ended,
                _ = self.beat.tick() => self.beat(),
            }
        }
    }
}

fn open(address: SocketAddr, figures: &watch::Sender<Arc<Figures>>) -> anyhow::Result<Endpoint> {
    use anyhow::Context as _;
    let endpoint = Endpoint::open(address, figures.subscribe())
        .with_context(|| format!("figures cannot be had at {address}"))?;
    let address = endpoint.address();
    if address.ip().is_loopback() {
        tracing::info!("figures are at http://{address}/metrics");
    } else {
        tracing::warn!(
            "figures are at http://{address}/metrics, for whoever reaches this machine: nobody is \
             asked who he is"
        );
    }
    Ok(endpoint)
}

/// A file's name without what tells a finished one from one that is written.
fn stem(file: &PlainText) -> &str {
    let name = file.as_str();
    let name = name.strip_suffix(".mcap").unwrap_or(name);
    name.strip_suffix(".partial").unwrap_or(name)
}

/// CLOCK_MONOTONIC, as a manager wants to have it.
fn monotonic() -> Duration {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    let seconds = u64::try_from(now.tv_sec).unwrap_or(0);
    let nanos = u32::try_from(now.tv_nsec).unwrap_or(0);
    Duration::new(seconds, nanos)
}
