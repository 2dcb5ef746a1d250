//! The thread that writes the last seconds into a file: one for each file, so that neither a slow
//! disk nor a large ring holds up the recorder or a recording that is running.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::ring::{Beginning, Ring, Slice};
use crate::model::{Clock, DropReason, Ledger, PlainText, SavedBlackBox, SourceInfo};
use crate::pipeline::RecordingPlan;
use crate::recorder::failure::failure;
use crate::recorder::open::{End, Open, Taken};
use crate::recorder::storage::Storage;

/// What tells these files from recordings, in their names.
const MARK: &str = ".blackbox";
/// How long the thread sleeps at most: then it looks whether something is due.
const PATIENCE: Duration = Duration::from_millis(100);

/// A file to be written.
pub struct Job {
    pub ring: Arc<Ring>,
    pub beginning: Beginning,
    pub plan: RecordingPlan,
    pub storage: Arc<dyn Storage>,
    pub sources: Vec<SourceInfo>,
    pub clock: Clock,
    pub because: String,
}

/// What went wrong, and how much of the file is whole.
struct Failed {
    path: PathBuf,
    size_bytes: u64,
    error: std::io::Error,
}

impl Job {
    /// Writes the file to its end.
    pub fn run(self) -> SavedBlackBox {
        let because = PlainText::from(self.because.as_str());
        let (ring, clock) = (Arc::clone(&self.ring), self.clock.clone());
        match self.write() {
            Ok(saved) => saved,
            Err(Failed {
                path,
                size_bytes,
                error,
            }) => {
                ring.abandon(clock.now());
                SavedBlackBox {
                    trouble: Some(failure(&path, size_bytes, &error)),
                    path: path.display().to_string().into(),
                    because,
                    span: Duration::ZERO,
                    size_bytes,
                    missing: 0,
                }
            }
        }
    }

    fn write(self) -> Result<SavedBlackBox, Failed> {
        let began = self.beginning.at;
        let begun = Open::first_marked(
            &*self.storage,
            self.plan,
            MARK,
            &self.sources,
            &self.beginning.before,
            began,
        );
        // The ring goes on with it.
        drop(self.beginning.before);
        let (mut open, parts) = begun.map_err(|(path, error)| Failed {
            path,
            size_bytes: 0,
            error,
        })?;
        // Its own books: for the run's nothing of this is recorded.
        let ledger = Ledger::new();
        let mut last_ns = began.mono_ns;
        let why = loop {
            let slice = self.ring.next(self.clock.now(), PATIENCE);
            let end = slice.end.clone();
            for sample in &slice.items {
                last_ns = last_ns.max(sample.received.mono_ns);
            }
            match take(&mut open, slice, &ledger, &self.clock) {
                Ok(true) => {}
                Ok(false) => {
                    self.ring.end("it has grown to its limit");
                }
                Err(error) => return Err(give_up(open, error, &self.clock)),
            }
            if let Some(why) = end {
                break why;
            }
        };
        let now = self.clock.now();
        if let Err(error) = open.settle(now) {
            return Err(give_up(open, error, &self.clock));
        }
        let end = End {
            reason: &why,
            names: &parts.names,
            part: None,
            goes_on: false,
        };
        let closed = open.close(&*self.storage, now, &end);
        match closed.trouble {
            Some(error) => Err(Failed {
                path: closed.path,
                size_bytes: closed.size_bytes,
                error,
            }),
            None => Ok(SavedBlackBox {
                path: closed.path.display().to_string().into(),
                because: self.because.into(),
                span: Duration::from_nanos(last_ns.saturating_sub(began.mono_ns)),
                size_bytes: closed.size_bytes,
                missing: closed.lost,
                trouble: None,
            }),
        }
    }
}

/// Writes a slice; `false` once the file has no room for more.
fn take(open: &mut Open, slice: Slice, ledger: &Ledger, clock: &Clock) -> std::io::Result<bool> {
    for cause in &slice.causes {
        open.note(cause)?;
    }
    for ((source, lane), count) in slice.overtaken {
        for _ in 0..count {
            let ticket = ledger.accept_for_disk(source);
            open.lose_of(source, lane, ticket, DropReason::ReaderBehind);
        }
    }
    let now = clock.now();
    let mut has_room = true;
    for sample in slice.items {
        let ticket = ledger.accept_for_disk(sample.source);
        match open.write(&sample, Some(ticket), now)? {
            Taken::LeftOut(ticket) | Taken::PartFull(ticket) => {
                ticket.lost(DropReason::Shutdown);
                has_room = false;
            }
            Taken::Written | Taken::Lost => {}
        }
    }
    open.keep_up(clock.now())?;
    Ok(has_room)
}

fn give_up(open: Open, error: std::io::Error, clock: &Clock) -> Failed {
    let closed = open.abandon(clock.now(), error, false);
    Failed {
        path: closed.path,
        size_bytes: closed.size_bytes,
        error: closed
            .trouble
            .unwrap_or_else(|| std::io::ErrorKind::Other.into()),
    }
}
