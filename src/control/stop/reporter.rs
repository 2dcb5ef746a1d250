//! The way of stop reports to whoever publishes them. Nobody who stops an instrument ever waits
//! for it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::mpsc;

use crate::model::{Stamp, StopEvent};

/// Reports that may wait. A press makes two for each way, so this is many presses.
const BOUND: usize = 256;

/// Where reports are put; cheap to clone.
#[derive(Clone, Debug)]
pub struct StopReporter {
    sender: mpsc::Sender<(Stamp, StopEvent)>,
    lost: Arc<AtomicU64>,
}

/// Where reports are taken from.
#[derive(Debug)]
pub struct StopReports {
    receiver: mpsc::Receiver<(Stamp, StopEvent)>,
    lost: Arc<AtomicU64>,
}

impl StopReporter {
    /// Two ends of one queue.
    pub fn new() -> (Self, StopReports) {
        let (sender, receiver) = mpsc::channel(BOUND);
        let lost = Arc::new(AtomicU64::new(0));
        let reports = StopReports {
            receiver,
            lost: Arc::clone(&lost),
        };
        (Self { sender, lost }, reports)
    }

    /// Reports what happened at `at`. Never waits: what finds no room is counted.
    pub fn say(&self, at: Stamp, event: StopEvent) {
        if self.sender.try_send((at, event)).is_err() {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl StopReports {
    /// The next report; `None` once nobody can report any more. Cancel safe.
    pub async fn recv(&mut self) -> Option<(Stamp, StopEvent)> {
        self.receiver.recv().await
    }

    /// How many found no room since this was last asked.
    pub fn take_lost(&self) -> u64 {
        self.lost.swap(0, Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;
    use crate::model::StopPath;

    #[test]
    fn a_report_that_finds_no_room_is_counted() {
        let (reporter, mut reports) = StopReporter::new();
        let opening = StopEvent::Path(StopPath::Opening);
        for _ in 0..BOUND + 3 {
            reporter.say(Stamp::default(), opening.clone());
        }
        assert_eq!((reports.take_lost(), reports.take_lost()), (3, 0));
        let first = reports.recv().now_or_never();
        assert_eq!(first, Some(Some((Stamp::default(), opening))));
    }
}
