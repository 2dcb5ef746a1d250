//! Between the connection and its consumer: bounded, in order, never in the reader's way. When one
//! kind of events is full the oldest of it gives way, and the consumer learns how many of which
//! name it missed.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use tokio::sync::Notify;

use super::client::{ClientEvent, ReceivedEvent};
use super::options::QueueLimits;
use crate::model::{Fault, FaultKind, Severity};

/// An event as large as this is counted with those that have attachments.
const BULK_BYTES: usize = 16 * 1024;
/// Connection states that may wait, and faults; far more than a consumer that lives leaves behind.
/// Of states only the newest matter.
const NOTICES: usize = 1_000;
/// Names that are told apart when events are dropped; a server may invent a new one each time.
const NAMES: usize = 256;

/// What stands for the names of events that could not be read.
const UNREADABLE: &str = "(unreadable events)";

/// The queue, seen from both ends.
#[derive(Clone, Debug)]
pub(super) struct Delivery(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    limits: QueueLimits,
    lanes: Mutex<Lanes>,
    arrived: Notify,
    closed: AtomicBool,
}

/// One queue for each kind; the numbers tell the order among them.
#[derive(Debug, Default)]
struct Lanes {
    next: u64,
    states: Lane,
    faults: Lane,
    events: Lane,
    bulk: Lane,
    dropped: BTreeMap<String, u64>,
    dropped_faults: u64,
}

#[derive(Debug, Default)]
struct Lane {
    queue: VecDeque<(u64, ClientEvent)>,
    bytes: usize,
}

/// An acknowledgement that nobody will give, because its event was dropped.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct OrphanedAck {
    pub(super) namespace: String,
    pub(super) id: u64,
}

impl Delivery {
    pub(super) fn new(limits: QueueLimits) -> Self {
        Self(Arc::new(Shared {
            limits,
            lanes: Mutex::default(),
            arrived: Notify::new(),
            closed: AtomicBool::new(false),
        }))
    }

    fn lock(&self) -> MutexGuard<'_, Lanes> {
        self.0.lanes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts an event in, and says which acknowledgements are now nobody's business.
    pub(super) fn push(&self, mut event: ClientEvent) -> Vec<OrphanedAck> {
        let limits = self.0.limits;
        let (mut orphans, mut lost, mut lost_faults) = (Vec::new(), Vec::new(), 0);
        let mut lanes = self.lock();
        let number = lanes.next;
        lanes.next += 1;
        let (lane, most) = match &mut event {
            ClientEvent::Event(event) => {
                let is_bulk = !event.attachments.is_empty() || event.array.len() >= BULK_BYTES;
                // A small slice would keep the whole buffer alive that it was read into.
                let parts = std::iter::once(&mut event.array).chain(&mut event.attachments);
                for part in parts.filter(|part| part.len() < BULK_BYTES) {
                    *part = Bytes::copy_from_slice(part);
                }
                if is_bulk {
                    (&mut lanes.bulk, limits.bulk_events)
                } else {
                    (&mut lanes.events, limits.events)
                }
            }
            ClientEvent::Fault(_) | ClientEvent::Rejected { .. } => (&mut lanes.faults, NOTICES),
            _ => (&mut lanes.states, NOTICES),
        };
        lane.bytes += size_bytes(&event);
        lane.queue.push_back((number, event));
        while lane.queue.len() > most.max(1) || (lane.bytes > limits.bytes && lane.queue.len() > 1)
        {
            let Some((_, oldest)) = lane.queue.pop_front() else {
                break;
            };
            lane.bytes -= size_bytes(&oldest);
            match oldest {
                ClientEvent::Event(event) => {
                    if let Some(id) = event.ack_id {
                        orphans.push(OrphanedAck {
                            namespace: event.namespace,
                            id,
                        });
                    }
                    lost.push((event.name, 1));
                }
                ClientEvent::Rejected { count, .. } => {
                    lost.push((UNREADABLE.to_owned(), count));
                }
                ClientEvent::Fault(_) => lost_faults += 1,
                _ => {}
            }
        }
        lanes.dropped_faults += lost_faults;
        for (name, count) in lost {
            lanes.count_dropped(name, count);
        }
        drop(lanes);
        self.0.arrived.notify_one();
        orphans
    }

    /// No more events will come.
    pub(super) fn close(&self) {
        self.0.closed.store(true, Ordering::Release);
        self.0.arrived.notify_one();
    }

    /// The next event; `None` when closed and empty. For one consumer.
    pub(super) async fn recv(&self) -> Option<ClientEvent> {
        loop {
            // Read first: what is pushed before closing must not be missed.
            let closed = self.0.closed.load(Ordering::Acquire);
            if let Some(event) = self.lock().pop() {
                return Some(event);
            }
            if closed {
                return None;
            }
            self.0.arrived.notified().await;
        }
    }
}

impl Lanes {
    fn count_dropped(&mut self, name: String, count: u64) {
        let name = if self.dropped.len() < NAMES || self.dropped.contains_key(&name) {
            name
        } else {
            "(other names)".to_owned()
        };
        *self.dropped.entry(name).or_default() += count;
    }

    fn pop(&mut self) -> Option<ClientEvent> {
        // What was dropped was older than what is left of its kind: the gap comes first.
        if let Some((name, count)) = self.dropped.pop_first() {
            return Some(ClientEvent::Overrun { name, count });
        }
        if self.dropped_faults > 0 {
            let count = std::mem::take(&mut self.dropped_faults);
            return Some(ClientEvent::Fault(Fault::new(
                FaultKind::Overflow,
                Severity::Warning,
                format!("{count} faults were not told: nobody took them in time"),
            )));
        }
        let lane = [
            &mut self.states,
            &mut self.faults,
            &mut self.events,
            &mut self.bulk,
        ]
        .into_iter()
        .min_by_key(|lane| lane.queue.front().map_or(u64::MAX, |(number, _)| *number))?;
        let (_, event) = lane.queue.pop_front()?;
        lane.bytes -= size_bytes(&event);
        Some(event)
    }
}

fn size_bytes(event: &ClientEvent) -> usize {
    match event {
        ClientEvent::Event(ReceivedEvent {
            array, attachments, ..
        }) => array.len() + attachments.iter().map(Bytes::len).sum::<usize>(),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{DropReason, Stamp};

    fn event(name: &str, attachment: usize, ack_id: Option<u64>) -> ClientEvent {
        ClientEvent::Event(ReceivedEvent {
            received: Stamp::default(),
            namespace: "/".to_owned(),
            name: name.to_owned(),
            array: Bytes::from_static(b"[]"),
            attachments: match attachment {
                0 => Vec::new(),
                size => vec![Bytes::from(vec![0; size])],
            },
            ack_id,
        })
    }

    fn taken(delivery: &Delivery) -> Vec<String> {
        let mut taken = Vec::new();
        while let Some(event) = delivery.lock().pop() {
            taken.push(match event {
                ClientEvent::Event(event) => event.name,
                ClientEvent::Overrun { name, count } => format!("-{count} {name}"),
                ClientEvent::Connecting { attempt } => format!("try {attempt}"),
                ClientEvent::Fault(fault) => fault.text.to_string(),
                other => format!("{other:?}"),
            });
        }
        taken
    }

    const SMALL: QueueLimits = QueueLimits {
        events: 2,
        bulk_events: 2,
        bytes: 1_000,
    };

    #[test]
    fn the_order_among_kinds_is_kept() {
        let delivery = Delivery::new(SMALL);
        delivery.push(event("a", 0, None));
        delivery.push(ClientEvent::Connecting { attempt: 1 });
        delivery.push(event("frame", 10, None));
        delivery.push(event("b", 0, None));
        assert_eq!(taken(&delivery), ["a", "try 1", "frame", "b"]);
    }

    #[test]
    fn the_oldest_of_its_kind_gives_way_and_is_counted() {
        let delivery = Delivery::new(SMALL);
        delivery.push(event("a", 0, None));
        for id in 0..5 {
            assert_eq!(
                delivery.push(event("frame", 10, Some(id))),
                match id {
                    0 | 1 => vec![],
                    _ => vec![OrphanedAck {
                        namespace: "/".to_owned(),
                        id: id - 2
                    }],
                }
            );
        }
        assert_eq!(taken(&delivery), ["-3 frame", "a", "frame", "frame"]);
        assert_eq!(delivery.lock().bulk.bytes, 0);
    }

    #[test]
    fn bytes_are_bounded_but_one_event_always_fits() {
        let delivery = Delivery::new(SMALL);
        delivery.push(event("x", 5_000, None));
        delivery.push(event("y", 5_000, None));
        assert_eq!(taken(&delivery), ["-1 x", "y"]);
    }

    #[test]
    fn what_is_small_does_not_keep_what_is_large_alive() {
        let delivery = Delivery::new(SMALL);
        let read = Bytes::from(vec![0; 1_000_000]);
        let ClientEvent::Event(mut small) = event("note", 0, None) else {
            return;
        };
        small.array = read.slice(..10);
        small.attachments = vec![read.slice(10..30)];
        delivery.push(ClientEvent::Event(small));
        assert!(
            read.is_unique(),
            "the queue holds on to what it was read from"
        );
    }

    #[test]
    fn a_flood_of_faults_drops_no_state_and_no_count() {
        let delivery = Delivery::new(SMALL);
        let fault = || Fault::new(FaultKind::Malformed, Severity::Warning, "bad");
        delivery.push(ClientEvent::Connecting { attempt: 1 });
        delivery.push(ClientEvent::Rejected {
            received: Stamp::default(),
            reason: DropReason::Malformed,
            count: 3,
            fault: fault(),
        });
        for _ in 0..NOTICES + 5 {
            delivery.push(ClientEvent::Fault(fault()));
        }
        let taken = taken(&delivery);
        assert_eq!(
            taken[..3],
            [
                "-3 (unreadable events)",
                "5 faults were not told: nobody took them in time",
                "try 1"
            ]
        );
        assert_eq!(taken.len(), 3 + NOTICES);
    }

    #[test]
    fn a_server_that_invents_names_does_not_fill_the_memory() {
        let delivery = Delivery::new(SMALL);
        for n in 0..1_000 {
            delivery.push(event(&n.to_string(), 0, None));
        }
        let lanes = delivery.lock();
        assert!(lanes.dropped.len() <= NAMES + 1);
        assert_eq!(lanes.dropped.values().sum::<u64>(), 998);
    }
}
