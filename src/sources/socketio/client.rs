//! The client: one task owns the connection, its consumer gets events through a bounded queue.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::delivery::Delivery;
use super::options::ClientOptions;
use super::task::Task;
use crate::model::{Clock, DropReason, EndReason, Fault, Stamp};

/// What the client tells its consumer, in order.
#[derive(Clone, Debug, PartialEq)]
pub enum ClientEvent {
    /// An attempt starts; counts from 1 since the last success.
    Connecting {
        /// Which try this is.
        attempt: u32,
    },
    /// A namespace was connected. Events that came before this answer follow it.
    Connected {
        /// The namespace.
        namespace: String,
        /// Socket.IO session of the namespace.
        sid: String,
        /// Whether the server restored the session before (missed events follow).
        recovered: bool,
    },
    /// An event of the server.
    Event(ReceivedEvent),
    /// Events were received and cannot be delivered; the connection goes on.
    Rejected {
        /// When the last was received.
        received: Stamp,
        /// Why, for the ledger.
        reason: DropReason,
        /// How many.
        count: u64,
        /// Why, for people.
        fault: Fault,
    },
    /// Something else was wrong and the connection goes on.
    Fault(Fault),
    /// Events that were dropped because the consumer did not take them, oldest first.
    Overrun {
        /// Their name.
        name: String,
        /// How many.
        count: u64,
    },
    /// The connection ended or could not be made.
    Down {
        /// How.
        reason: EndReason,
        /// What happened, where, what follows: one sentence.
        detail: String,
        /// When the next attempt starts; `None` if none will.
        retry_in: Option<Duration>,
    },
}

/// One event as it was received.
#[derive(Clone, Debug, PartialEq)]
pub struct ReceivedEvent {
    /// When its last byte was received.
    pub received: Stamp,
    /// The namespace it came in.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// The whole JSON array as received, the name first, placeholders in place.
    pub array: Bytes,
    /// Attachments by placeholder number.
    pub attachments: Vec<Bytes>,
    /// The server wants an acknowledgement with this number.
    pub ack_id: Option<u64>,
}

/// An acknowledgement as it was received.
#[derive(Clone, Debug, PartialEq)]
pub struct AckReply {
    /// When its last byte was received.
    pub received: Stamp,
    /// The whole JSON array of the arguments, placeholders in place.
    pub array: Bytes,
    /// Attachments by placeholder number.
    pub attachments: Vec<Bytes>,
}

/// Why something was not sent, or why its outcome is not known.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// There is no connection, or not to this namespace. Nothing is kept for later.
    #[error("nothing was sent: not connected")]
    NotConnected,
    /// More orders are waiting than the queue holds.
    #[error("nothing was sent: too many orders are waiting")]
    Busy,
    /// It may not be sent like this.
    #[error("nothing was sent: {0}")]
    NotAllowed(String),
    /// The acknowledgement did not come in time.
    #[error("no answer within {} s: the outcome is unknown", after.as_secs_f32())]
    NoAnswer {
        /// The time limit.
        after: Duration,
    },
    /// The connection ended before the acknowledgement came.
    #[error("the connection ended before the answer came: the outcome is unknown")]
    Lost,
    /// The acknowledgement came and cannot be read.
    #[error("the answer cannot be read: the outcome is unknown")]
    Unreadable,
}

/// Starts clients.
#[derive(Debug)]
pub struct Client;

impl Client {
    /// Starts the task that connects, stays connected and owns the connection. It must be called
    /// within a runtime.
    ///
    /// The task ends when the last handle or the events are dropped, or after
    /// [`ClientHandle::close`].
    pub fn start(options: ClientOptions, clock: Clock) -> (ClientHandle, ClientEvents) {
        let (orders, inbox) = mpsc::channel(ORDERS);
        let delivery = Delivery::new(options.queue);
        let (stop, ended) = (CancellationToken::new(), CancellationToken::new());
        let beat = Beat::default();
        let task = Task {
            beat: beat.clone(),
            options,
            clock,
            orders: inbox,
            delivery: delivery.clone(),
            stop: stop.clone(),
        };
        let end = ended.clone().drop_guard();
        tokio::spawn(async move {
            task.run().await;
            drop(end);
        });
        let events = ClientEvents {
            delivery,
            _stop: stop.drop_guard(),
        };
        let handle = ClientHandle {
            orders,
            ended,
            beat,
        };
        (handle, events)
    }
}

/// Orders that may wait for the connection's task.
const ORDERS: usize = 256;

/// What the task is asked to do.
#[derive(Debug)]
pub(super) enum Order {
    Emit {
        namespace: String,
        array: String,
        attachments: Vec<Bytes>,
        sent: oneshot::Sender<Result<(), SendError>>,
    },
    EmitWithAck {
        namespace: String,
        array: String,
        attachments: Vec<Bytes>,
        reply: oneshot::Sender<Result<AckReply, SendError>>,
    },
    Ack {
        namespace: String,
        id: u64,
        array: String,
        sent: oneshot::Sender<Result<(), SendError>>,
    },
    Reconnect {
        why: String,
    },
    Close,
}

/// The way to the connection's task; cheap to clone.
#[derive(Clone, Debug)]
pub struct ClientHandle {
    orders: mpsc::Sender<Order>,
    ended: CancellationToken,
    beat: Beat,
}

/// When the server last sent a heart-beat; shared with the task.
#[derive(Clone, Debug, Default)]
pub(super) struct Beat(Arc<Mutex<Option<Stamp>>>);

impl Beat {
    pub(super) fn set(&self, at: Stamp) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(at);
    }

    fn get(&self) -> Option<Stamp> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ClientHandle {
    /// Sends an event: `array` is the JSON array with its name first and placeholders for the
    /// attachments. Returns when the packet is on its way, in the order of the calls.
    ///
    /// # Errors
    /// Nothing was sent, and nothing will be later.
    pub async fn emit(
        &self,
        namespace: &str,
        array: String,
        attachments: Vec<Bytes>,
    ) -> Result<(), SendError> {
        let (sent, outcome) = oneshot::channel();
        self.order(Order::Emit {
            namespace: namespace.to_owned(),
            array,
            attachments,
            sent,
        })?;
        outcome.await.unwrap_or(Err(SendError::NotConnected))
    }

    /// As [`ClientHandle::emit`], and waits for the server's acknowledgement.
    ///
    /// # Errors
    /// [`SendError::NoAnswer`] and [`SendError::Lost`] mean that it was sent and the outcome is
    /// unknown; all others that nothing was sent.
    pub async fn emit_with_ack(
        &self,
        namespace: &str,
        array: String,
        attachments: Vec<Bytes>,
    ) -> Result<AckReply, SendError> {
        let (reply, outcome) = oneshot::channel();
        self.order(Order::EmitWithAck {
            namespace: namespace.to_owned(),
            array,
            attachments,
            reply,
        })?;
        outcome.await.unwrap_or(Err(SendError::Lost))
    }

    /// Answers an event that asked for an acknowledgement; `array` is the JSON array of the
    /// arguments. A second answer to the same event is ignored by servers.
    ///
    /// # Errors
    /// Nothing was sent, and nothing will be later.
    pub async fn ack(&self, namespace: &str, id: u64, array: String) -> Result<(), SendError> {
        let (sent, outcome) = oneshot::channel();
        self.order(Order::Ack {
            namespace: namespace.to_owned(),
            id,
            array,
            sent,
        })?;
        outcome.await.unwrap_or(Err(SendError::NotConnected))
    }

    /// When the server last sent a heart-beat (revision 4, where it is the server's to begin).
    pub fn last_beat(&self) -> Option<Stamp> {
        self.beat.get()
    }

    /// Drops the connection, if there is one, and makes a new one at once; also after the client
    /// had given up. `why` goes into the journal.
    pub fn reconnect(&self, why: &str) {
        // A full queue belongs to a connection that is in use; whoever asks will ask again.
        let _ = self.orders.try_send(Order::Reconnect {
            why: why.to_owned(),
        });
    }

    /// Says good-bye to the server and waits until the task has ended.
    pub async fn close(&self) {
        if self.orders.send(Order::Close).await.is_ok() {
            self.ended.cancelled().await;
        }
    }

    fn order(&self, order: Order) -> Result<(), SendError> {
        self.orders.try_send(order).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => SendError::Busy,
            mpsc::error::TrySendError::Closed(_) => SendError::NotConnected,
        })
    }
}

/// What the client tells, for one consumer. Dropping it ends the client at once.
#[derive(Debug)]
pub struct ClientEvents {
    delivery: Delivery,
    _stop: DropGuard,
}

impl ClientEvents {
    /// The next event in order; `None` after the client has ended and everything was taken. May be
    /// cancelled without loss.
    pub async fn recv(&mut self) -> Option<ClientEvent> {
        self.delivery.recv().await
    }
}
