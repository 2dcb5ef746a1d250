//! The thread on which instruments are stopped. It has a runtime of its own, so that nothing that
//! reads, draws or records can keep a stop waiting, and it hears of a press from whoever presses:
//! the keyboard thread, SIGUSR1, another process.

mod alone;
mod clerk;
mod outside;

use std::io;
use std::panic::AssertUnwindSafe;
use std::thread;
use std::time::Duration;

use anyhow::Context as _;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::control::{StopBoard, StopReporter, StopReports};
use crate::model::{PlainText, SourceId, StopEvent, StopOrigin, StopPath};
use clerk::Clerk;

pub use alone::stop;
pub use outside::Answer;

/// One instrument's way to be stopped.
pub struct Way {
    /// The instrument.
    pub source: SourceId,
    /// Its name, for who asks from outside.
    pub name: PlainText,
    /// What stops it, until it is cancelled.
    pub work: BoxFuture<'static, ()>,
    /// What `work` reports through `tell`.
    pub reports: StopReports,
    /// The near end of `reports`.
    pub tell: StopReporter,
    /// What the source reports of stops that it sent itself.
    pub source_reports: StopReports,
    /// Where it is published.
    pub publish: StopReporter,
}

impl std::fmt::Debug for Way {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Way")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// The running thread. Dropping it ends it.
#[derive(Debug)]
pub struct StopCrew {
    cancel: CancellationToken,
    thread: Option<thread::JoinHandle<()>>,
}

/// How long the thread may take to end: it may be in the middle of writing a stop.
const GOODBYE: Duration = Duration::from_millis(500);

impl StopCrew {
    /// Starts the thread. `cancel` ends the work of `ways`.
    ///
    /// # Errors
    /// No thread, no runtime or no signal can be had.
    pub fn start(
        board: StopBoard,
        ways: Vec<Way>,
        cancel: CancellationToken,
    ) -> anyhow::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .context("the stop's own runtime cannot be started")?;
        let token = cancel.clone();
        // Listening begins here: a signal before it would end the process.
        let signals = {
            let _inside = runtime.enter();
            signal(SignalKind::user_defined1())
        }
        .context("SIGUSR1 cannot be listened to")?;
        let thread = thread::Builder::new()
            .name("stop".to_owned())
            .spawn(move || {
                runtime.block_on(run(board, ways, signals, token));
                runtime.shutdown_background();
            })
            .context("the stop's own thread cannot be started")?;
        Ok(Self {
            cancel,
            thread: Some(thread),
        })
    }

    /// Ends the thread, not waiting for long.
    pub fn end(&mut self) {
        self.cancel.cancel();
        let Some(thread) = self.thread.take() else {
            return;
        };
        let (done, ended) = std::sync::mpsc::channel();
        let waiting = thread::Builder::new()
            .name("stop-end".to_owned())
            .spawn(move || done.send(thread.join()));
        if waiting.is_ok() {
            let _ = ended.recv_timeout(GOODBYE);
        }
    }
}

impl Drop for StopCrew {
    fn drop(&mut self) {
        self.end();
    }
}

async fn run(
    board: StopBoard,
    ways: Vec<Way>,
    mut signals: tokio::signal::unix::Signal,
    cancel: CancellationToken,
) {
    let names = ways.iter().map(|way| (way.source, way.name.clone()));
    let clerk = Clerk::new(names);
    let mut work = JoinSet::new();
    for way in ways {
        work.spawn(guarded(way.work, way.tell, board.clone()));
        for reports in [way.reports, way.source_reports] {
            let publish = way.publish.clone();
            work.spawn(clerk.clone().collect(way.source, reports, publish));
        }
    }
    match outside::Door::open() {
        Ok(door) => {
            work.spawn(door.serve(board.clone(), clerk));
        }
        Err(error) => tracing::warn!(
            "`ttyscope stop` cannot reach this process: {error}; its keys and SIGUSR1 do stop"
        ),
    }
    loop {
        tokio::select! {
            biased;
            Some(()) = signals.recv() => {
                board.press(StopOrigin::Signal);
            }
            () = cancel.cancelled() => break,
        }
    }
    // The ways are told by the same token; what they still write they write now.
    let _ = tokio::time::timeout(GOODBYE / 2, async {
        while work.join_next().await.is_some() {}
    })
    .await;
}

/// A way that panics is one that is down; the source's own connection remains.
async fn guarded(work: BoxFuture<'static, ()>, tell: StopReporter, board: StopBoard) {
    if AssertUnwindSafe(work).catch_unwind().await.is_err() {
        let why = "internal error of the stop path; the log has the details, and the source's own \
                   connection remains the only way";
        let down = StopPath::Down { why: why.into() };
        tell.say(board.now(), StopEvent::Path(down));
    }
}

/// An error of this module as `io::Error`, with what it is about in front.
fn about(what: &std::path::Path, error: impl Into<io::Error>) -> io::Error {
    let error = error.into();
    io::Error::new(error.kind(), format!("{}: {error}", what.display()))
}
