//! Keeps the folder for recordings as large and as old as it may be: looks what is there, decides,
//! takes away. On a task beside the loop, with its disk work on a thread that may wait.

mod decide;
mod folder;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio::time::{MissedTickBehavior, interval};

pub use decide::{Plan, Removal, decide};
pub use folder::look;

use crate::config::Retention;
use crate::model::{Clock, size_text};

/// How often it is looked without being asked.
const EVERY: Duration = Duration::from_secs(600);

/// The one that tidies up. Dropping it ends it.
#[derive(Debug)]
pub struct Caretaker {
    policy: watch::Sender<Retention>,
    wanted: Arc<Notify>,
    removed: watch::Receiver<(u64, u64)>,
    task: tokio::task::JoinHandle<()>,
}

impl Caretaker {
    /// Tidies up in `dir` from now on: at once, every ten minutes, and when asked.
    pub fn start(dir: PathBuf, policy: Retention, clock: Clock) -> Self {
        let (policy, policies) = watch::channel(policy);
        let (count, removed) = watch::channel((0, 0));
        let wanted = Arc::new(Notify::new());
        let task = tokio::spawn(tidy_up(dir, policies, clock, Arc::clone(&wanted), count));
        Self {
            policy,
            wanted,
            removed,
            task,
        }
    }

    /// Keeps more or less from now on.
    pub fn set(&self, policy: Retention) {
        self.policy.send_replace(policy);
        self.wanted.notify_one();
    }

    /// Looks again soon: there is another file.
    pub fn look(&self) {
        self.wanted.notify_one();
    }

    /// Files taken away so far, and their bytes.
    pub fn removed(&self) -> (u64, u64) {
        *self.removed.borrow()
    }
}

impl Drop for Caretaker {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn tidy_up(
    dir: PathBuf,
    policies: watch::Receiver<Retention>,
    clock: Clock,
    wanted: Arc<Notify>,
    count: watch::Sender<(u64, u64)>,
) {
    let began = clock.now();
    let mut look = interval(EVERY);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = look.tick() => {}
            () = wanted.notified() => {}
        }
        let policy = *policies.borrow();
        if !policy.is_on() {
            continue;
        }
        let now = clock.now();
        // The wall clock may be set while we run, and must not make all recordings old at once.
        let passed_ns = now.mono_ns.saturating_sub(began.mono_ns);
        let now_ns = now.unix_ns.min(began.unix_ns.saturating_add(passed_ns));
        let folder = dir.clone();
        let tidied = tokio::task::spawn_blocking(move || tidy(&folder, &policy, now_ns)).await;
        if let Ok((files, bytes)) = tidied {
            count.send_modify(|sum| *sum = (sum.0 + files, sum.1 + bytes));
        }
    }
}

/// What would be taken away of the recordings in `dir`.
pub fn plan(dir: &Path, policy: &Retention, now_ns: u64) -> Plan {
    let recordings = match look(dir) {
        Ok(recordings) => recordings,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
        Err(error) => {
            let dir = dir.display();
            tracing::warn!("nothing is taken away: folder {dir} cannot be read: {error}");
            Vec::new()
        }
    };
    decide(recordings, policy, now_ns)
}

/// Takes away what is too old or too much. Returns files and bytes.
fn tidy(dir: &Path, policy: &Retention, now_ns: u64) -> (u64, u64) {
    let (mut files, mut bytes) = (0, 0);
    for removal in plan(dir, policy, now_ns).removals {
        for file in &removal.files {
            match folder::remove(dir, file) {
                Ok(()) => {
                    tracing::info!(
                        "taken away: {} ({}), {}",
                        dir.join(&file.name).display(),
                        size_text(file.size_bytes),
                        removal.why
                    );
                    files += 1;
                    bytes += file.size_bytes;
                }
                Err(error) => tracing::warn!(
                    "{} should be taken away, {}, and cannot: {error}",
                    dir.join(&file.name).display(),
                    removal.why
                ),
            }
        }
    }
    (files, bytes)
}

#[cfg(test)]
mod tests;
