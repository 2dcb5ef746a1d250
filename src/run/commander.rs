//! The way of a command out of the loop: written down first, then into the queue of its source.
//! What is refused on the way becomes a report like any other.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::mpsc;

use super::audit::{Audit, Refusal};
use crate::control::Desk;
use crate::model::{Clock, Payload, PlainText, Request, Sample, SourceInfo, StopEvent};

/// Where commands and stops are written down.
#[derive(Clone, Debug)]
pub struct Auditing {
    /// The file; `None` where no folder for it is known, and then unsafe commands are refused.
    pub path: Option<PathBuf>,
    /// Who is at the keyboard.
    pub operator: PlainText,
}

/// How long the last lines may take to be written.
const CLOSE: Duration = Duration::from_secs(2);
/// Refusals that may wait to be published.
const REFUSALS: usize = 64;

/// Gives commands to sources.
#[derive(Debug)]
pub struct Commander {
    /// `None` where nothing is commanded, as in a replay.
    audit: Option<Audit>,
    /// By source.
    queues: Vec<mpsc::Sender<Request>>,
    refused: mpsc::Sender<Refusal>,
    /// Why the audit log could not be written when that was last said.
    said: Mutex<Option<PlainText>>,
}

/// Reports of commands that were refused before a source had them, to be published.
#[derive(Debug)]
pub struct Refused {
    at_once: mpsc::Receiver<Refusal>,
    later: Option<mpsc::Receiver<Refusal>>,
}

impl Refused {
    /// The next one; `None` once there can be no more. Cancel safe.
    pub async fn recv(&mut self) -> Option<Refusal> {
        let later = async {
            match &mut self.later {
                Some(later) => later.recv().await,
                None => None,
            }
        };
        tokio::select! {
            Some(refusal) = self.at_once.recv() => Some(refusal),
            Some(refusal) = later => Some(refusal),
            else => None,
        }
    }
}

impl Commander {
    /// A commander without sources yet.
    pub fn start(auditing: Option<Auditing>, clock: &Clock) -> (Self, Refused) {
        let (refused, at_once) = mpsc::channel(REFUSALS);
        let (audit, later) = match auditing {
            Some(Auditing { path, operator }) => {
                let (audit, later) = Audit::start(path, operator, clock.clone());
                (Some(audit), Some(later))
            }
            None => (None, None),
        };
        let commander = Self {
            audit,
            queues: Vec::new(),
            refused,
            said: Mutex::default(),
        };
        (commander, Refused { at_once, later })
    }

    /// The queue of the next source.
    pub fn add(&mut self, queue: mpsc::Sender<Request>) {
        self.queues.push(queue);
    }

    /// Gives a source a command. What becomes of it is reported, also when it is not taken.
    pub fn order(&self, source: &SourceInfo, request: Request) {
        let queue = self.queues.get(usize::from(source.id.0));
        let refusal = match (&self.audit, queue) {
            (Some(audit), Some(queue)) => audit.order(source, request, queue.clone()).err(),
            _ => {
                let why = "nothing is commanded in this run";
                Some((source.id, Arc::new(Desk::refuse(&request, why))))
            }
        };
        self.publish(refusal);
    }

    /// Writes down what a source said of commands and stops.
    pub fn note(&self, source: &SourceInfo, sample: &Sample) {
        let Some(audit) = &self.audit else {
            return;
        };
        match &sample.payload {
            Payload::Command(report) => audit.outcome(source, report, sample.received),
            Payload::Stop(StopEvent::Report(report)) => audit.stop(source, report, sample.received),
            _ => {}
        }
    }

    /// To be called every now and then: takes back what waits too long for the disk, and says once
    /// when the audit log cannot be written, or can be again.
    pub fn tick(&self) {
        let Some(audit) = &self.audit else {
            return;
        };
        self.publish(audit.overdue());
        let why = audit.status().why;
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        if *said == why {
            return;
        }
        match &why {
            Some(why) => tracing::error!("unsafe commands are refused: {why}"),
            None => tracing::info!("the audit log is written"),
        }
        *said = why;
    }

    /// Writes what is still to be written. `false` if that took too long.
    pub async fn close(self) -> bool {
        match self.audit {
            Some(audit) => audit.close(CLOSE).await,
            None => true,
        }
    }

    fn publish(&self, refusals: impl IntoIterator<Item = Refusal>) {
        for refusal in refusals {
            if let Err(error) = self.refused.try_send(refusal) {
                let (_, report) = error.into_inner();
                tracing::error!(
                    "{} was refused, and there was no room to say so",
                    report.command
                );
            }
        }
    }
}
