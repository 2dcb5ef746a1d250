//! A source that runs on the real pipeline, and the screen's end of it.
#![allow(dead_code, clippy::unwrap_used)]

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use ttyscope::control::{Intake, StopBoard, StopReporter};
use ttyscope::model::ledger::SourceBook;
use ttyscope::model::{Clock, Fate, Fault, LinkState, Payload, Request, Rows, SourceId};
use ttyscope::pipeline::{Outlet, Pipeline, ScreenLanes};

/// How long anything may take before a test gives up.
pub const PATIENCE: Duration = Duration::from_secs(60);
/// The one source there is.
pub const SOURCE: SourceId = SourceId(0);

pub struct Running {
    pub pipeline: Pipeline,
    pub screen: Arc<ScreenLanes>,
    pub requests: mpsc::Sender<Request>,
    pub stop: CancellationToken,
    pub task: tokio::task::JoinHandle<()>,
}

impl Running {
    /// Starts what `run` makes of an outlet, an intake and a stop.
    pub fn start<F>(run: impl FnOnce(Outlet, Intake, CancellationToken) -> F) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let clock = Clock::system();
        let screen = Arc::new(ScreenLanes::new(clock.clone()));
        let pipeline = Pipeline::new(clock.clone(), 1, None, Some(Arc::clone(&screen)));
        let board = StopBoard::new(clock, 1);
        let (requests, intake) = Intake::new(&board, SOURCE, 4, StopReporter::new().0);
        let stop = CancellationToken::new();
        let outlet = pipeline.outlet(SOURCE);
        let task = tokio::spawn(run(outlet, intake, stop.clone()));
        Self {
            pipeline,
            screen,
            requests,
            stop,
            task,
        }
    }

    /// The next thing said to the screen, frames aside.
    pub async fn next(&self) -> Payload {
        timeout(PATIENCE, async {
            loop {
                if let Some(delivery) = self.screen.try_take() {
                    delivery.ticket.settle(Fate::Shown);
                    return delivery.sample.payload;
                }
                self.screen.ready().await;
            }
        })
        .await
        .unwrap()
    }

    pub async fn until<T>(&self, mut wanted: impl FnMut(Payload) -> Option<T>) -> T {
        loop {
            if let Some(found) = wanted(self.next().await) {
                return found;
            }
        }
    }

    pub async fn link(&self) -> LinkState {
        self.until(|payload| match payload {
            Payload::Link(state) => Some(state),
            _ => None,
        })
        .await
    }

    pub async fn rows(&self) -> Arc<Rows> {
        self.until(|payload| match payload {
            Payload::Rows(rows) => Some(rows),
            _ => None,
        })
        .await
    }

    pub async fn fault(&self) -> Fault {
        self.until(|payload| match payload {
            Payload::Fault(fault) => Some(fault),
            _ => None,
        })
        .await
    }

    /// Stops the source, takes what is left, and gives back its accounts.
    pub async fn end(self) -> SourceBook {
        self.stop.cancel();
        timeout(PATIENCE, self.task).await.unwrap().unwrap();
        while let Some(delivery) = self.screen.try_take() {
            delivery.ticket.settle(Fate::Shown);
        }
        self.pipeline.ledger().snapshot().source(SOURCE)
    }
}
