//! Between the reader and the teller: bounded in messages and bytes. When it is full the oldest
//! message gives way and is counted; what else is said never does.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use tokio::sync::Notify;

use crate::model::{CommandReport, LinkState, Stamp};

/// One thing to be told.
#[derive(Debug, PartialEq)]
pub(super) enum Said {
    /// The connection's state. There are a few for each attempt, and attempts have pauses.
    Link(LinkState),
    /// A message as it was received.
    Message {
        received: Stamp,
        body: Bytes,
        is_text: bool,
    },
    /// What became of a command; as many as an operator types.
    Command(Box<CommandReport>),
    /// So many messages were dropped here.
    Lost(u64),
}

/// Messages that wait.
const MESSAGES: usize = 10_000;
/// Bytes that wait.
const BYTES: usize = 64 * 1024 * 1024;
/// A message below this is copied: a small slice keeps alive all that it was read with.
const SMALL: usize = 16 * 1024;

/// The queue, for one reader and one teller.
#[derive(Debug, Default)]
pub(super) struct Queue {
    waiting: Mutex<Waiting>,
    arrived: Notify,
}

#[derive(Debug, Default)]
struct Waiting {
    said: VecDeque<Said>,
    messages: usize,
    bytes: usize,
    closed: bool,
}

impl Queue {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts something in.
    pub(super) fn push(&self, mut said: Said) {
        let mut waiting = self.lock();
        if let Said::Message { body, .. } = &mut said {
            if body.len() < SMALL {
                *body = Bytes::copy_from_slice(body);
            }
            waiting.messages += 1;
            waiting.bytes += body.len();
        }
        waiting.said.push_back(said);
        while waiting.messages > MESSAGES || (waiting.bytes > BYTES && waiting.messages > 1) {
            waiting.drop_oldest();
        }
        drop(waiting);
        self.arrived.notify_one();
    }

    /// Nothing more will come.
    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.arrived.notify_one();
    }

    /// The next thing; `None` when closed and empty.
    pub(super) async fn next(&self) -> Option<Said> {
        loop {
            {
                let mut waiting = self.lock();
                if let Some(said) = waiting.said.pop_front() {
                    waiting.forget(&said);
                    return Some(said);
                }
                if waiting.closed {
                    return None;
                }
            }
            self.arrived.notified().await;
        }
    }
}

impl Waiting {
    fn forget(&mut self, said: &Said) {
        if let Said::Message { body, .. } = said {
            self.messages -= 1;
            self.bytes -= body.len();
        }
    }

    /// Drops the oldest message; the gap is told in its place.
    fn drop_oldest(&mut self) {
        let is_message = |said: &Said| matches!(said, Said::Message { .. });
        let Some(index) = self.said.iter().position(is_message) else {
            return;
        };
        let before = index.checked_sub(1).and_then(|at| self.said.get_mut(at));
        let merged = match before {
            Some(Said::Lost(count)) => {
                *count += 1;
                true
            }
            _ => false,
        };
        let dropped = match merged {
            true => self.said.remove(index),
            false => Some(std::mem::replace(&mut self.said[index], Said::Lost(1))),
        };
        if let Some(dropped) = dropped {
            self.forget(&dropped);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(body: &Bytes) -> Said {
        Said::Message {
            received: Stamp::default(),
            body: body.clone(),
            is_text: true,
        }
    }

    async fn taken(queue: &Queue) -> Vec<String> {
        queue.close();
        let mut taken = Vec::new();
        while let Some(said) = queue.next().await {
            taken.push(match said {
                Said::Message { body, .. } => format!("{} bytes", body.len()),
                Said::Link(state) => state.word().to_owned(),
                Said::Lost(count) => format!("-{count}"),
                Said::Command(_) => "command".to_owned(),
            });
        }
        taken
    }

    #[tokio::test]
    async fn the_oldest_messages_give_way_where_they_stood() {
        let queue = Queue::default();
        let large = Bytes::from(vec![b' '; BYTES / 2]);
        queue.push(message(&large));
        queue.push(Said::Link(LinkState::Live));
        for _ in 0..3 {
            queue.push(message(&large));
        }
        assert_eq!(
            taken(&queue).await,
            [
                "-1".to_owned(),
                "live".to_owned(),
                "-1".to_owned(),
                format!("{} bytes", BYTES / 2),
                format!("{} bytes", BYTES / 2),
            ]
        );
    }

    #[tokio::test]
    async fn so_many_small_ones_wait_and_no_more() {
        let queue = Queue::default();
        let read = Bytes::from(vec![b' '; 1_000]);
        for _ in 0..MESSAGES + 7 {
            queue.push(message(&read.slice(..1)));
        }
        assert!(read.is_unique(), "it holds on to what it was read from");
        let taken = taken(&queue).await;
        assert_eq!(taken[0], "-7");
        assert_eq!(taken.len(), MESSAGES + 1);
    }

    #[tokio::test]
    async fn one_message_always_fits() {
        let queue = Queue::default();
        queue.push(message(&Bytes::from(vec![b' '; BYTES + 1])));
        assert_eq!(taken(&queue).await, [format!("{} bytes", BYTES + 1)]);
    }
}
