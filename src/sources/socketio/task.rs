//! The task that owns the connection for its whole life: it connects, runs the protocol's session
//! over a transport, reconnects. It never waits for the consumer and never for a write.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use super::address::Address;
use super::client::{AckReply, Beat, ClientEvent, Order, ReceivedEvent, SendError};
use super::delivery::Delivery;
use super::options::ClientOptions;
use super::transport::{Incoming, LinkEnd, Transport};
use crate::model::{Clock, EndReason, Fault, FaultKind, PlainText, Severity, Stamp};
use crate::protocol::engineio::WireMessage;
use crate::protocol::socketio::{AckFailure, EmitError, Event, Output, Recovery, Session, Wanted};
use crate::sources::net::HttpClient;
use crate::sources::reconnect::{Retries, retries_after};

/// Everything the task has.
pub(super) struct Task {
    pub(super) beat: Beat,
    pub(super) options: ClientOptions,
    pub(super) clock: Clock,
    pub(super) orders: mpsc::Receiver<Order>,
    pub(super) delivery: Delivery,
    /// Cancelled when the consumer has gone.
    pub(super) stop: CancellationToken,
}

/// The server's ping. Source: Engine.IO revision 4, "Packet encoding".
const PING: &[u8] = b"2";

/// What is to be done after a connection.
enum Next {
    /// Another one, after the usual delay if there is to be one.
    Again(LinkEnd, Option<Duration>),
    /// Another one now: somebody asked for it.
    Now(LinkEnd),
    /// Nothing: somebody asked for the end.
    Stop,
}

impl Task {
    /// Runs until it is told to end.
    pub(super) async fn run(mut self) {
        let stop = self.stop.clone();
        // Nobody listens any more: what is under way is dropped where it stands.
        let _ = stop.run_until_cancelled(self.stay_connected()).await;
        self.delivery.close();
    }

    async fn stay_connected(&mut self) {
        let mut retries = Retries::new(self.options.backoff);
        let mut recoveries = BTreeMap::new();
        loop {
            self.tell(ClientEvent::Connecting {
                attempt: retries.attempt(),
            });
            let (end, retry_in) = match self.one_connection(&mut recoveries).await {
                Next::Stop => {
                    self.tell(ClientEvent::Down {
                        reason: EndReason::ClientDisconnect,
                        detail: format!("{}: closed as asked", self.options.endpoint),
                        retry_in: None,
                    });
                    return;
                }
                Next::Now(end) => {
                    retries.reset();
                    (end, Some(Duration::ZERO))
                }
                Next::Again(end, life) => {
                    let wanted = retries_after(end.reason) || self.options.retry_refused;
                    let delay = retries.ended(life, fastrand::f64);
                    (end, wanted.then_some(delay))
                }
            };
            self.tell(ClientEvent::Down {
                reason: end.reason,
                detail: end.detail,
                retry_in,
            });
            match self.pause(retry_in).await {
                Pause::Over => {}
                Pause::Asked => retries.reset(),
                Pause::Stop => return,
            }
        }
    }

    /// Waits for the next attempt, for ever if there is none to be. Orders fail meanwhile.
    async fn pause(&mut self, retry_in: Option<Duration>) -> Pause {
        let wake = retry_in.map(|delay| Instant::now() + delay);
        loop {
            tokio::select! {
                () = sleep_until_some(wake) => return Pause::Over,
                order = self.orders.recv() => match order {
                    None | Some(Order::Close) => return Pause::Stop,
                    Some(Order::Reconnect { .. }) => return Pause::Asked,
                    Some(order) => order.fail(SendError::NotConnected),
                },
            }
        }
    }

    /// One connection from the first attempt to its end.
    async fn one_connection(&mut self, recoveries: &mut BTreeMap<String, Recovery>) -> Next {
        let started = self.clock.now();
        let limit = self.options.limits.handshake;
        let mut http = HttpClient::new(self.options.endpoint.clone(), self.options.headers.clone());
        http.time_limit = limit;
        let address = Address::new(&self.options);

        let opened = {
            // Each request keeps to the limit itself and says what it waited for; asking why a
            // WebSocket was refused is a second one.
            let open = timeout(limit * 2, Transport::open(&self.options, &http, &address));
            tokio::pin!(open);
            loop {
                tokio::select! {
                    opened = &mut open => break opened,
                    order = self.orders.recv() => match order {
                        None | Some(Order::Close) => return Next::Stop,
                        // It is being done.
                        Some(Order::Reconnect { .. }) => {}
                        Some(order) => order.fail(SendError::NotConnected),
                    },
                }
            }
        };
        let transport = match opened {
            Ok(Ok(transport)) => transport,
            Ok(Err(detail)) => {
                return Next::Again(LinkEnd::new(EndReason::HandshakeFailed, detail), None);
            }
            Err(_) => {
                let detail = format!(
                    "{}: no session within {} s: is it the right port and path?",
                    self.options.endpoint,
                    limit.as_secs_f32()
                );
                return Next::Again(LinkEnd::new(EndReason::HandshakeFailed, detail), None);
            }
        };

        let wanted = self.wanted(recoveries);
        let mut session = Session::new(
            self.options.revision,
            self.options.limits.clone(),
            wanted,
            started,
        );
        session.set_polling(transport.is_polling());
        let mut connection = Connection {
            open_namespaces: self
                .options
                .namespaces
                .iter()
                .map(|n| n.name.clone())
                .collect(),
            session,
            acks: BTreeMap::new(),
            accepted: None,
            own_end: None,
            broke_below: false,
        };
        let next = self.drive(&mut connection, transport).await;
        self.keep_recoveries(&connection, recoveries);
        next
    }

    fn wanted(&self, recoveries: &BTreeMap<String, Recovery>) -> Vec<Wanted> {
        self.options
            .namespaces
            .iter()
            .map(|namespace| Wanted {
                namespace: namespace.name.clone(),
                auth: namespace.auth(),
                recovery: recoveries.get(&namespace.name).cloned(),
            })
            .collect()
    }

    fn keep_recoveries(
        &self,
        connection: &Connection,
        recoveries: &mut BTreeMap<String, Recovery>,
    ) {
        if !self.options.recovery {
            return;
        }
        if connection.accepted.is_none() {
            // A connection that broke before the namespaces were there leaves what the one before
            // left. One whose rules were broken meanwhile leaves nothing: a replay that is over a
            // limit would be over it for ever.
            if !connection.broke_below {
                recoveries.clear();
            }
            return;
        }
        recoveries.clear();
        for namespace in &self.options.namespaces {
            if let Some(recovery) = connection.session.recovery(&namespace.name) {
                recoveries.insert(namespace.name.clone(), recovery);
            }
        }
    }

    /// Runs an open transport to its end.
    async fn drive(&mut self, connection: &mut Connection, mut transport: Transport) -> Next {
        let ended = loop {
            match self.carry_out(connection, &mut transport) {
                Ok(None) => {}
                Ok(Some(end)) => break end,
                Err(end) => {
                    connection.transport_ended(&end);
                    continue;
                }
            }
            let now = self.clock.now();
            let wake = connection.session.deadline().map(|deadline| {
                Instant::now() + Duration::from_nanos(deadline.saturating_sub(now.mono_ns))
            });
            tokio::select! {
                incoming = transport.next() => {
                    let at = self.clock.now();
                    self.take(connection, incoming, &transport, at);
                }
                order = self.orders.recv() => {
                    let at = self.clock.now();
                    connection.obey(order, at);
                }
                () = sleep_until_some(wake) => {}
            }
            // Also when the others are always ready.
            let now_ns = self.clock.now().mono_ns;
            if connection.session.deadline().is_some_and(|at| at <= now_ns) {
                connection.session.on_tick(now_ns);
            }
        };
        let life = connection
            .accepted
            .map(|accepted| self.clock.now().since(accepted));
        connection.fail_acks();
        if connection.own_end.is_some() {
            transport.close().await;
        }
        let peer = &self.options.endpoint;
        match connection.own_end.take() {
            Some(OwnEnd::Close) => Next::Stop,
            Some(OwnEnd::Reconnect { why }) => Next::Now(LinkEnd::new(
                EndReason::ClientDisconnect,
                format!("{peer}: connecting anew: {why}"),
            )),
            Some(OwnEnd::NobodyLeft(end)) => Next::Again(end, life),
            None => Next::Again(
                LinkEnd::new(ended.reason, format!("{peer}: {}", ended.detail)),
                life,
            ),
        }
    }

    /// Feeds the session with what the transport brought.
    fn take(
        &self,
        connection: &mut Connection,
        incoming: Result<Incoming, LinkEnd>,
        transport: &Transport,
        at: Stamp,
    ) {
        let session = &mut connection.session;
        match incoming {
            Ok(Incoming::Message(WireMessage::Text(text))) => {
                if &*text == PING {
                    self.beat.set(at);
                }
                session.on_text(text, at);
            }
            Ok(Incoming::Message(WireMessage::Binary(binary))) => session.on_binary(binary, at),
            Ok(Incoming::Heard(bytes)) => session.heard(bytes, at),
            Ok(Incoming::Upgraded) => session.set_polling(transport.is_polling()),
            Ok(Incoming::UpgradeFailed(why)) => self.tell(ClientEvent::Fault(Fault::new(
                FaultKind::Link,
                Severity::Warning,
                format!(
                    "{}: no WebSocket ({why}); going on with long-polling",
                    self.options.endpoint
                ),
            ))),
            Err(end) => connection.transport_ended(&end),
        }
    }

    /// Does what the session wants done; says so when it is over.
    fn carry_out(
        &self,
        connection: &mut Connection,
        transport: &mut Transport,
    ) -> Result<Option<LinkEnd>, LinkEnd> {
        while let Some(output) = connection.session.poll_output() {
            match output {
                Output::Send(message) => transport.send(message)?,
                Output::Opened(open) => transport.opened(&open),
                Output::Connected {
                    namespace,
                    sid,
                    pid: _,
                    recovered,
                } => {
                    connection.accepted.get_or_insert(self.clock.now());
                    self.tell(ClientEvent::Connected {
                        namespace,
                        sid,
                        recovered,
                    });
                }
                Output::Event(event) => self.deliver(connection, event),
                Output::Acked {
                    namespace,
                    id,
                    array,
                    attachments,
                } => connection.settle_ack(
                    &namespace,
                    id,
                    Ok(AckReply {
                        received: self.clock.now(),
                        array,
                        attachments,
                    }),
                ),
                Output::AckFailed { namespace, id, why } => {
                    let error = match why {
                        AckFailure::TimedOut => SendError::NoAnswer {
                            after: self.options.limits.ack_answer,
                        },
                        AckFailure::Unreadable => SendError::Unreadable,
                        AckFailure::Disconnected => SendError::Lost,
                    };
                    connection.settle_ack(&namespace, id, Err(error));
                }
                Output::Refused {
                    namespace,
                    message,
                    data,
                } => {
                    let data = data
                        .map(|data| format!(" {}", PlainText::from_peer_bytes(&data)))
                        .unwrap_or_default();
                    let end = LinkEnd::new(
                        EndReason::Refused,
                        format!(
                            "{} refused the namespace {}: {}{data}",
                            self.options.endpoint,
                            PlainText::from_peer(&namespace),
                            PlainText::from_peer(&message)
                        ),
                    );
                    self.namespace_ended(connection, &namespace, end);
                }
                Output::NamespaceGone { namespace } => {
                    let end = LinkEnd::new(
                        EndReason::ServerDisconnect,
                        format!(
                            "{} ended the namespace {}",
                            self.options.endpoint,
                            PlainText::from_peer(&namespace)
                        ),
                    );
                    self.namespace_ended(connection, &namespace, end);
                }
                Output::Rejected {
                    reason,
                    count,
                    fault,
                } => self.tell(ClientEvent::Rejected {
                    received: self.clock.now(),
                    reason,
                    count,
                    fault,
                }),
                Output::Fault(fault) => self.tell(ClientEvent::Fault(fault)),
                Output::Ended { reason, detail } => {
                    return Ok(Some(LinkEnd::new(reason, detail)));
                }
            }
        }
        Ok(None)
    }

    fn deliver(&self, connection: &mut Connection, event: Event) {
        let orphans = self.delivery.push(ClientEvent::Event(ReceivedEvent {
            received: event.received,
            namespace: event.namespace,
            name: event.name,
            array: event.array,
            attachments: event.attachments,
            ack_id: event.ack_id,
        }));
        // A server with a window would wait for ever for the answer to an event that was dropped.
        for orphan in orphans {
            let _ = connection
                .session
                .ack(&orphan.namespace, orphan.id, "[]", &[]);
        }
    }

    /// One namespace less. The connection goes on as long as another is there.
    fn namespace_ended(&self, connection: &mut Connection, namespace: &str, end: LinkEnd) {
        connection.open_namespaces.remove(namespace);
        if connection.open_namespaces.is_empty() {
            connection.own_end.get_or_insert(OwnEnd::NobodyLeft(end));
            connection.session.close();
        } else {
            self.tell(ClientEvent::Fault(Fault::new(
                FaultKind::Peer,
                Severity::Error,
                end.detail,
            )));
        }
    }

    fn tell(&self, event: ClientEvent) {
        // Only events have acknowledgements.
        let _ = self.delivery.push(event);
    }
}

/// How a pause ended.
enum Pause {
    Over,
    Asked,
    Stop,
}

async fn sleep_until_some(wake: Option<Instant>) {
    match wake {
        Some(wake) => sleep_until(wake).await,
        None => std::future::pending().await,
    }
}

/// One session and what hangs on it.
struct Connection {
    session: Session,
    /// Wanted namespaces that are connected or may still be.
    open_namespaces: BTreeSet<String>,
    acks: BTreeMap<(String, u64), oneshot::Sender<Result<AckReply, SendError>>>,
    /// When the first namespace was connected.
    accepted: Option<Stamp>,
    own_end: Option<OwnEnd>,
    /// The transport failed, as opposed to what was said over it.
    broke_below: bool,
}

/// Why we ended a connection ourselves.
enum OwnEnd {
    Close,
    Reconnect { why: String },
    NobodyLeft(LinkEnd),
}

impl Connection {
    fn transport_ended(&mut self, end: &LinkEnd) {
        self.broke_below = !self.session.has_ended();
        self.session.transport_ended(end.reason, &end.detail);
    }

    fn obey(&mut self, order: Option<Order>, at: Stamp) {
        match order {
            None | Some(Order::Close) => {
                self.own_end = Some(OwnEnd::Close);
                self.session.close();
            }
            Some(Order::Reconnect { why }) => {
                self.own_end = Some(OwnEnd::Reconnect { why });
                self.session.close();
            }
            Some(Order::Emit {
                namespace,
                array,
                attachments,
                sent,
            }) => {
                let outcome = self.session.emit(&namespace, &array, &attachments);
                let _ = sent.send(outcome.map_err(SendError::from));
            }
            Some(Order::EmitWithAck {
                namespace,
                array,
                attachments,
                reply,
            }) => {
                match self
                    .session
                    .emit_with_ack(&namespace, &array, &attachments, at)
                {
                    Ok(id) => {
                        self.acks.insert((namespace, id), reply);
                    }
                    Err(error) => {
                        let _ = reply.send(Err(error.into()));
                    }
                }
            }
            Some(Order::Ack {
                namespace,
                id,
                array,
                sent,
            }) => {
                let outcome = self.session.ack(&namespace, id, &array, &[]);
                let _ = sent.send(outcome.map_err(SendError::from));
            }
        }
    }

    fn settle_ack(&mut self, namespace: &str, id: u64, outcome: Result<AckReply, SendError>) {
        if let Some(reply) = self.acks.remove(&(namespace.to_owned(), id)) {
            // Whoever asked may have lost interest.
            let _ = reply.send(outcome);
        }
    }

    fn fail_acks(&mut self) {
        for (_, reply) in std::mem::take(&mut self.acks) {
            let _ = reply.send(Err(SendError::Lost));
        }
    }
}

impl Order {
    /// Tells whoever gave the order that it was not carried out.
    fn fail(self, error: SendError) {
        match self {
            Self::Emit { sent, .. } | Self::Ack { sent, .. } => {
                let _ = sent.send(Err(error));
            }
            Self::EmitWithAck { reply, .. } => {
                let _ = reply.send(Err(error));
            }
            Self::Reconnect { .. } | Self::Close => {}
        }
    }
}

impl From<EmitError> for SendError {
    fn from(error: EmitError) -> Self {
        match error {
            EmitError::NotConnected { .. } => Self::NotConnected,
            other => Self::NotAllowed(PlainText::from_peer(&other.to_string()).to_string()),
        }
    }
}
