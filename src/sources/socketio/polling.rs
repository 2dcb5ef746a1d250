//! HTTP long-polling as transport, and its change into a WebSocket.
//!
//! At most one GET and one POST are under way: a second GET ends the session on Node. Requests are
//! futures that [`PollingLink::next`] drives; dropping the link drops them and their connections.

use std::collections::VecDeque;
use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use tokio::time::timeout;

use super::address::Address;
use super::transport::{Incoming, LinkEnd, OUTGOING_BYTES, OpenFailure};
use super::websocket::WebSocketLink;
use crate::model::EndReason;
use crate::protocol::engineio::{OpenPacket, PacketKind, WireMessage, payload};
use crate::protocol::socketio::Limits;
use crate::sources::net::{Answer, HttpClient, NetError};

/// Node destroys the session on any other content type.
const CONTENT_TYPE: &str = "text/plain;charset=UTF-8";

type Request = Pin<Box<dyn Future<Output = Result<Answer, NetError>> + Send>>;
type Probe = Pin<Box<dyn Future<Output = Result<WebSocketLink, OpenFailure>> + Send>>;

/// A session over long-polling.
pub(super) struct PollingLink {
    http: HttpClient,
    address: Address,
    limits: Limits,
    session: Option<Opened>,
    get: Option<Request>,
    post: Option<Request>,
    /// Whether anything was sent yet: the upgrade begins after the namespaces were asked for.
    has_posted: bool,
    outgoing: VecDeque<WireMessage>,
    outgoing_bytes: usize,
    arrived: VecDeque<WireMessage>,
    upgrade: Upgrade,
    told_bytes: u64,
}

/// What is known of the session once it is open.
#[derive(Debug)]
struct Opened {
    sid: String,
    max_payload: u64,
    /// A GET waits for the next ping at most.
    get_limit: Duration,
    /// A server that hears nothing of us for its `pingTimeout` gives up, so that a probe that
    /// hangs must be over well before.
    probe_limit: Duration,
}

/// How far the change to a WebSocket is.
enum Upgrade {
    /// Not wanted, not offered, or tried in vain.
    No,
    /// As soon as the first POST is answered and nothing waits.
    Wanted,
    /// The hand-shake and the probe are under way; no new request begins.
    Probing(Probe),
    /// The probe was answered; the requests under way come to their end.
    Settling(Box<WebSocketLink>),
    /// The WebSocket is to be taken.
    Done(Option<Box<WebSocketLink>>),
}

impl fmt::Debug for PollingLink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PollingLink")
            .field("http", &self.http)
            .field("session", &self.session)
            .finish_non_exhaustive()
    }
}

impl PollingLink {
    /// Opens a session: the first GET, whose answer holds the open packet.
    pub(super) async fn open(
        http: &HttpClient,
        address: &Address,
        upgrade: bool,
        limits: &Limits,
    ) -> Result<Self, OpenFailure> {
        let mut http = http.clone();
        http.body_limit_bytes = limits.polling_bytes;
        let told_bytes = http.traffic().received_bytes();
        let answer = http
            .get(&address.target("polling", None))
            .await
            .map_err(|error| error.to_string())?;
        if !answer.is_success() {
            let hint = match answer.status {
                404 => ": is there a Socket.IO server, and is that its path?",
                _ => "",
            };
            return Err(format!(
                "{} refused long-polling at {} with {}{hint}",
                http.endpoint(),
                address.path(),
                answer.refusal()
            ));
        }
        let mut link = Self {
            http,
            address: address.clone(),
            limits: limits.clone(),
            session: None,
            get: None,
            post: None,
            has_posted: false,
            outgoing: VecDeque::new(),
            outgoing_bytes: 0,
            arrived: VecDeque::new(),
            upgrade: if upgrade {
                Upgrade::Wanted
            } else {
                Upgrade::No
            },
            told_bytes,
        };
        link.take_body(&answer.body).map_err(|end| end.detail)?;
        Ok(link)
    }

    pub(super) fn opened(&mut self, open: &OpenPacket) {
        if !open.offers_websocket() {
            self.upgrade = Upgrade::No;
        }
        let half_timeout = open.ping_timeout / 2;
        self.session = Some(Opened {
            sid: open.sid.clone(),
            max_payload: open.max_payload,
            get_limit: open.ping_interval + open.ping_timeout + self.limits.handshake,
            probe_limit: half_timeout
                .min(self.limits.handshake)
                .max(Duration::from_millis(500)),
        });
    }

    pub(super) fn take_websocket(&mut self) -> Option<WebSocketLink> {
        match &mut self.upgrade {
            Upgrade::Done(websocket) => websocket.take().map(|boxed| *boxed),
            _ => None,
        }
    }

    pub(super) fn send(&mut self, message: WireMessage) -> Result<(), LinkEnd> {
        self.outgoing_bytes += message.as_bytes().len();
        self.outgoing.push_back(message);
        if self.outgoing_bytes > OUTGOING_BYTES {
            return Err(LinkEnd::new(
                EndReason::TransportError,
                "it does not take what we send: too much waits",
            ));
        }
        Ok(())
    }

    pub(super) async fn next(&mut self) -> Result<Incoming, LinkEnd> {
        poll_fn(|cx| self.poll_next(cx)).await
    }

    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Result<Incoming, LinkEnd>> {
        loop {
            if let Some(message) = self.arrived.pop_front() {
                let _ = self.http.traffic().since(&mut self.told_bytes);
                return Poll::Ready(Ok(Incoming::Message(message)));
            }
            self.begin_get();
            self.begin_post()?;
            let mut moved = self.poll_post(cx)?;
            moved |= self.poll_get(cx)?;
            if moved {
                continue;
            }
            if let Some(told) = self.poll_upgrade(cx)? {
                return Poll::Ready(Ok(told));
            }
            // Beginning to probe needs one more round, so that the new future is polled.
            if self.begin_probe() {
                continue;
            }
            if let Some(bytes) = self.http.traffic().since(&mut self.told_bytes) {
                return Poll::Ready(Ok(Incoming::Heard(bytes)));
            }
            return Poll::Pending;
        }
    }

    /// Nothing begins before the session is open, and nothing once the probe is on its way.
    fn may_begin(&self) -> Option<&Opened> {
        match self.upgrade {
            Upgrade::No | Upgrade::Wanted => self.session.as_ref(),
            _ => None,
        }
    }

    fn begin_get(&mut self) {
        if let (None, Some(session)) = (&self.get, self.may_begin()) {
            let http = self.http.with_time_limit(session.get_limit);
            let target = self.address.target("polling", Some(&session.sid));
            self.get = Some(Box::pin(async move { http.get(&target).await }));
        }
    }

    fn begin_post(&mut self) -> Result<(), LinkEnd> {
        let (None, Some(session)) = (&self.post, self.may_begin()) else {
            return Ok(());
        };
        let target = self.address.target("polling", Some(&session.sid));
        let max_payload = session.max_payload;
        let body = payload::next_post(&mut self.outgoing, max_payload)
            .map_err(|error| LinkEnd::new(EndReason::TransportError, error.to_string()))?;
        self.outgoing_bytes = self.outgoing.iter().map(|m| m.as_bytes().len()).sum();
        if let Some(body) = body {
            // Without an answer (python-engineio gives none to a body over its limit) what became
            // of it is unknown, so the time limit ends the session.
            let http = self.http.with_time_limit(self.limits.handshake);
            self.post = Some(Box::pin(async move {
                http.post(&target, CONTENT_TYPE, body).await
            }));
            self.has_posted = true;
        }
        Ok(())
    }

    fn poll_post(&mut self, cx: &mut Context<'_>) -> Result<bool, LinkEnd> {
        let Some(Poll::Ready(answer)) = self.post.as_mut().map(|post| post.as_mut().poll(cx))
        else {
            return Ok(false);
        };
        self.post = None;
        // The body is `ok` or `OK`, which says nothing that the status does not.
        accepted(answer, "what we sent")?;
        Ok(true)
    }

    fn poll_get(&mut self, cx: &mut Context<'_>) -> Result<bool, LinkEnd> {
        let Some(Poll::Ready(answer)) = self.get.as_mut().map(|get| get.as_mut().poll(cx)) else {
            return Ok(false);
        };
        self.get = None;
        let answer = accepted(answer, "a request for news")?;
        self.take_body(&answer.body)?;
        Ok(true)
    }

    fn take_body(&mut self, body: &Bytes) -> Result<(), LinkEnd> {
        if body.is_empty() {
            return Ok(());
        }
        let packets = payload::split(body, self.limits.polling_bytes, self.limits.polling_packets)
            .map_err(|error| LinkEnd::new(EndReason::TransportError, error.to_string()))?;
        self.arrived.extend(packets);
        Ok(())
    }

    fn begin_probe(&mut self) -> bool {
        let Some(session) = &self.session else {
            return false;
        };
        let is_quiet = self.post.is_none() && self.outgoing.is_empty();
        if !matches!(self.upgrade, Upgrade::Wanted) || !self.has_posted || !is_quiet {
            return false;
        }
        let http = self.http.with_time_limit(session.probe_limit);
        let (address, limits) = (self.address.clone(), self.limits.clone());
        let (sid, limit) = (session.sid.clone(), session.probe_limit);
        self.upgrade = Upgrade::Probing(Box::pin(async move {
            let probe = async {
                let mut link = WebSocketLink::open(&http, &address, Some(&sid), &limits).await?;
                link.send(text(PacketKind::Ping, "probe"))
                    .map_err(|end| end.detail)?;
                link.expect_text("3probe").await?;
                Ok(link)
            };
            timeout(limit, probe).await.unwrap_or_else(|_| {
                Err(format!(
                    "the probe was not answered within {} s",
                    limit.as_secs_f32()
                ))
            })
        }));
        true
    }

    fn poll_upgrade(&mut self, cx: &mut Context<'_>) -> Result<Option<Incoming>, LinkEnd> {
        if let Upgrade::Probing(probe) = &mut self.upgrade {
            match probe.as_mut().poll(cx) {
                Poll::Pending => {}
                Poll::Ready(Ok(link)) => self.upgrade = Upgrade::Settling(Box::new(link)),
                Poll::Ready(Err(why)) => {
                    self.upgrade = Upgrade::No;
                    return Ok(Some(Incoming::UpgradeFailed(why)));
                }
            }
        }
        if self.get.is_some() || self.post.is_some() {
            return Ok(None);
        }
        match std::mem::replace(&mut self.upgrade, Upgrade::No) {
            Upgrade::Settling(mut link) => {
                link.send(text(PacketKind::Upgrade, ""))?;
                for message in self.outgoing.drain(..) {
                    link.send(message)?;
                }
                self.upgrade = Upgrade::Done(Some(link));
                Ok(Some(Incoming::Upgraded))
            }
            other => {
                self.upgrade = other;
                Ok(None)
            }
        }
    }

    /// Sends what waits; the last of it is the close packet, which ends the session.
    pub(super) async fn close(mut self) {
        self.upgrade = Upgrade::No;
        poll_fn(|cx| {
            loop {
                if self.begin_post().is_err() || self.post.is_none() {
                    return Poll::Ready(());
                }
                match self.poll_post(cx) {
                    Ok(true) => {}
                    Ok(false) => return Poll::Pending,
                    Err(_) => return Poll::Ready(()),
                }
            }
        })
        .await;
    }
}

fn text(kind: PacketKind, body: &'static str) -> WireMessage {
    WireMessage::Text(crate::protocol::engineio::Packet::encode(
        kind,
        body.as_bytes(),
    ))
}

/// The answer, if it is a success; else how the session ended.
fn accepted(answer: Result<Answer, NetError>, what: &str) -> Result<Answer, LinkEnd> {
    match answer {
        Ok(answer) if answer.is_success() => Ok(answer),
        Ok(answer) => Err(LinkEnd::new(
            EndReason::TransportClose,
            format!("it refused {what} with {}", answer.refusal()),
        )),
        Err(error @ (NetError::Refused { .. } | NetError::NoAnswer { .. })) => {
            Err(LinkEnd::new(EndReason::TransportClose, error.to_string()))
        }
        Err(error) => Err(LinkEnd::new(EndReason::TransportError, error.to_string())),
    }
}
