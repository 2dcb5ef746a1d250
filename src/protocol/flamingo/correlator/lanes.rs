//! Requests that wait to be written: a front lane for what makes things safer, and the others.

use std::collections::VecDeque;

use bytes::Bytes;

use super::{MAX_FRONT, MAX_QUEUED, MAX_QUEUED_BYTES, Outcome, Settled, SubmitError, Token};
use crate::protocol::flamingo::commands::Command;
use crate::protocol::flamingo::request::Request;

/// A request with its bytes.
#[derive(Debug)]
pub(super) struct Queued {
    pub(super) token: Token,
    pub(super) request: Request,
    pub(super) bytes: Bytes,
}

/// Both lanes. In the front one the halts come before the others.
#[derive(Debug, Default)]
pub(super) struct Lanes {
    front: VecDeque<Queued>,
    rest: VecDeque<Queued>,
    /// Bytes in `rest`; what is in `front` is short.
    rest_bytes: usize,
}

impl Queued {
    pub(super) fn settled(self, outcome: Outcome) -> Settled {
        Settled {
            token: self.token,
            command: self.request.command(),
            outcome,
        }
    }
}

impl Lanes {
    pub(super) fn push(&mut self, queued: Queued) -> Result<(), SubmitError> {
        let command = queued.request.command();
        if command.only_stops() {
            if self.front.len() >= MAX_FRONT {
                return Err(SubmitError::QueueFull { limit: MAX_FRONT });
            }
            let place = if command == Command::StageHalt {
                self.front
                    .iter()
                    .position(|other| other.request.command() != Command::StageHalt)
            } else {
                None
            };
            self.front.insert(place.unwrap_or(self.front.len()), queued);
            return Ok(());
        }
        if self.rest.len() >= MAX_QUEUED {
            return Err(SubmitError::QueueFull { limit: MAX_QUEUED });
        }
        let bytes = self.rest_bytes.saturating_add(queued.bytes.len());
        if bytes > MAX_QUEUED_BYTES {
            return Err(SubmitError::QueueBytes {
                limit: MAX_QUEUED_BYTES,
            });
        }
        self.rest_bytes = bytes;
        self.rest.push_back(queued);
        Ok(())
    }

    /// The first request that may go.
    pub(super) fn take_first(&mut self, may_go: impl Fn(&Request) -> bool) -> Option<Queued> {
        if let Some(place) = self.front.iter().position(|one| may_go(&one.request)) {
            return self.front.remove(place);
        }
        let place = self.rest.iter().position(|one| may_go(&one.request))?;
        let queued = self.rest.remove(place)?;
        self.rest_bytes = self.rest_bytes.saturating_sub(queued.bytes.len());
        Some(queued)
    }

    /// Takes out what `which` says.
    pub(super) fn extract(&mut self, mut which: impl FnMut(&Queued) -> bool) -> Vec<Queued> {
        let mut taken = Vec::new();
        for lane in [&mut self.front, &mut self.rest] {
            for queued in std::mem::take(lane) {
                if which(&queued) {
                    taken.push(queued);
                } else {
                    lane.push_back(queued);
                }
            }
        }
        self.rest_bytes = self
            .rest
            .iter()
            .fold(0, |sum: usize, one| sum.saturating_add(one.bytes.len()));
        taken
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Queued> {
        self.front.iter().chain(&self.rest)
    }

    pub(super) fn len(&self) -> usize {
        self.front.len().saturating_add(self.rest.len())
    }
}
