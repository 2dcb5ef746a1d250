//! The socket of a connection, from one attempt to the next, and how it failed.

use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use tokio::time::{Instant, timeout};

use super::Happened;
use crate::model::{EndReason, FaultKind, Severity};
use crate::protocol::market::Pace;
use crate::sources::net::HttpClient;
use crate::sources::websocket::{LinkEnd, OpenError, WebSocket, WebSocketLimits};

/// Time for saying good-bye.
const CLOSE_LIMIT: Duration = Duration::from_secs(1);

/// The socket.
pub(super) enum Socket {
    /// There is none and will be none.
    None,
    /// The next attempt waits.
    Idle { until: Instant },
    /// The hand-shake is under way.
    Opening(BoxFuture<'static, Result<WebSocket, OpenError>>),
    /// It stands.
    Open(Box<Open>),
}

/// A socket that stands.
pub(super) struct Open {
    pub socket: WebSocket,
    /// When anything was heard last.
    pub heard: Instant,
    /// There has been a live book since then.
    live_since: Option<Instant>,
    /// A book of it has been live.
    pub had_live: bool,
}

impl Socket {
    pub(super) fn opening(http: HttpClient, target: String) -> Self {
        Self::Opening(
            async move { WebSocket::open(&http, &target, WebSocketLimits::default()).await }
                .boxed(),
        )
    }

    pub(super) fn open(socket: WebSocket, now: Instant) -> Self {
        Self::Open(Box::new(Open {
            socket,
            heard: now,
            live_since: None,
            had_live: false,
        }))
    }

    pub(super) fn is_open(&self) -> bool {
        matches!(self, Self::Open(_))
    }

    /// What happens next; waits for ever where nothing can. Cancel safe.
    pub(super) async fn next(&mut self) -> Happened {
        match self {
            Self::None | Self::Idle { .. } => std::future::pending().await,
            Self::Opening(opening) => Happened::Opened(Box::new(opening.await)),
            Self::Open(open) => Happened::Incoming(open.socket.next().await),
        }
    }

    /// When it wants to be looked at.
    pub(super) fn next_due(&self, pace: Pace) -> Option<Instant> {
        match self {
            Self::None | Self::Opening(_) => None,
            Self::Idle { until } => Some(*until),
            Self::Open(open) => Some(open.heard + Duration::from_millis(pace.silence_ms)),
        }
    }
}

impl Open {
    pub(super) fn is_live(&mut self, is_live: bool, now: Instant) {
        self.had_live |= is_live;
        if is_live {
            self.live_since.get_or_insert(now);
        } else {
            self.live_since = None;
        }
    }

    /// Whether it has had a live book for long enough.
    pub(super) fn is_good(&self, now: Instant, healthy: Duration) -> bool {
        let since = self.live_since;
        since.is_some_and(|since| now.saturating_duration_since(since) >= healthy)
    }

    /// Says good-bye, and waits a second for the same.
    pub(super) async fn leave(self: Box<Self>) {
        // A server that does not say good-bye is left standing.
        let _ = timeout(CLOSE_LIMIT, self.socket.close()).await;
    }
}

/// How a connection ended, or why there is none, and what follows from it.
pub(super) struct Failure {
    pub reason: EndReason,
    pub kind: FaultKind,
    /// One clause about the peer.
    pub detail: String,
    /// How bad it is; `None` for what is no trouble at all.
    pub severity: Option<Severity>,
    pub at_least: Duration,
    /// Trying again would change nothing.
    pub is_permanent: bool,
    /// The venue told us to wait: the status, and for how many seconds.
    pub limited: Option<(u16, Option<u64>)>,
    /// The peer is there to be said good-bye to.
    pub leaves_politely: bool,
}

impl Failure {
    fn new(reason: EndReason, detail: String) -> Self {
        Self {
            reason,
            kind: FaultKind::Link,
            detail,
            severity: Some(Severity::Warning),
            at_least: Duration::ZERO,
            is_permanent: false,
            limited: None,
            leaves_politely: false,
        }
    }

    /// Nothing was heard for too long.
    pub(super) fn silent(quiet: Duration) -> Self {
        let mut failure = Self::new(
            EndReason::PingTimeout,
            format!("nothing was heard for {} s", quiet.as_secs()),
        );
        failure.kind = FaultKind::Timeout;
        failure
    }

    /// The venue's books want another connection.
    pub(super) fn asked_for(why: String, at_least: Duration) -> Self {
        let mut failure = Self::new(EndReason::ClientDisconnect, why);
        failure.at_least = at_least;
        failure.leaves_politely = true;
        failure
    }

    /// Source of what the codes mean: order-book specification, section 4.
    pub(super) fn from_end(end: LinkEnd) -> Self {
        let mut failure = Self::new(end.reason, end.detail);
        failure.severity = match end.code {
            Some(1000 | 1001 | 1012) => None,
            Some(1008 | 1009) => Some(Severity::Error),
            _ => Some(Severity::Warning),
        };
        failure
    }

    pub(super) fn from_open(error: &OpenError) -> Self {
        let mut failure = Self::new(EndReason::HandshakeFailed, error.to_string());
        let OpenError::Refused { answer, .. } = error else {
            return failure;
        };
        match answer.status {
            401 | 403 => {
                failure.is_permanent = true;
                failure.kind = FaultKind::Peer;
                failure.reason = EndReason::Refused;
                failure.severity = Some(Severity::Error);
                failure.detail += ": check the key, and whether the venue serves this region";
            }
            418 | 429 => {
                failure.limited = Some((answer.status, answer.retry_after_s));
                failure.kind = FaultKind::Peer;
                failure.severity = Some(Severity::Error);
            }
            _ => {}
        }
        failure
    }
}
