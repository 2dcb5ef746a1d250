//! An order between the keyboard and its source, while its line is being written.

use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;

use super::{Desk, LATE_NS, Refusal};
use crate::model::{Danger, PlainText, Request, SourceId};

/// An order that is not written yet.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) source: SourceId,
    pub(super) instrument: PlainText,
    pub(super) request: Request,
    pub(super) forward: mpsc::Sender<Request>,
    /// When it was given, monotonic nanoseconds.
    pub(super) at_ns: u64,
}

/// Whether something that began at `then_ns` has taken too long.
pub(super) fn is_late(then_ns: u64, now_ns: u64) -> bool {
    now_ns.saturating_sub(then_ns) >= LATE_NS
}

impl Waiting {
    /// Sends it on if it may be, now that its line is written or cannot be.
    ///
    /// - `log`: the log, as it is called in sentences
    /// - `trouble`: why its line is not written
    pub(super) fn settle(
        &self,
        log: &str,
        trouble: Option<&PlainText>,
        now_ns: u64,
    ) -> Result<(), Refusal> {
        if is_late(self.at_ns, now_ns) {
            return Err(self.refuse_late(log));
        }
        match trouble {
            Some(why) if self.request.command.danger() > Danger::Observe => Err(self.refuse(
                format!("{log} cannot be written: {why}; unsafe commands are refused until it can"),
            )),
            _ => self.send_on(),
        }
    }

    /// Hands it to its source without waiting.
    pub(super) fn send_on(&self) -> Result<(), Refusal> {
        let name = &self.instrument;
        match self.forward.try_send(self.request.clone()) {
            Ok(()) => Ok(()),
            Err(TrySendError::Full(_)) => Err(self.refuse(format!(
                "{name} has as many commands waiting as it takes; wait for one of them to end"
            ))),
            Err(TrySendError::Closed(_)) => {
                Err(self.refuse(format!("{name} takes no commands any more: it has ended")))
            }
        }
    }

    pub(super) fn refuse_late(&self, log: &str) -> Refusal {
        let seconds = LATE_NS / 1_000_000_000;
        self.refuse(format!(
            "{log} took more than {seconds} s to be written; it was not sent, give it again"
        ))
    }

    pub(super) fn refuse(&self, why: impl Into<PlainText>) -> Refusal {
        (self.source, Desk::refuse(&self.request, why).into())
    }
}
