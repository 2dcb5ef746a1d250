//! The half that owns the connection for its whole life: it connects, subscribes, reads, pings and
//! notices silence. It never waits for whoever takes what it read.

use std::time::Duration;

use bytes::Bytes;
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use super::JsonFeedOptions;
use super::queue::{Queue, Said};
use crate::control::{Desk, Intake};
use crate::model::{Clock, EndReason, LinkState, PlainText, Request};
use crate::sources::net::HttpClient;
use crate::sources::reconnect::Retries;
use crate::sources::websocket::{Incoming, LinkEnd, OpenError, WebSocket};

/// How long the server may take to answer our good-bye.
const FAREWELL: Duration = Duration::from_secs(2);

/// Reads until `stop`.
pub(super) async fn run(
    options: JsonFeedOptions,
    clock: Clock,
    intake: Intake,
    queue: &Queue,
    stop: CancellationToken,
) {
    let mut reader = Reader {
        options,
        clock,
        intake,
        queue,
        stop,
    };
    reader.stay_connected().await;
    queue.push(Said::Link(LinkState::Ended));
    queue.close();
}

struct Reader<'a> {
    options: JsonFeedOptions,
    clock: Clock,
    intake: Intake,
    queue: &'a Queue,
    stop: CancellationToken,
}

/// When things are due on one connection.
struct Times {
    /// When something was last heard, of whatever kind.
    heard: Instant,
    /// When the last message came, or the connection began.
    message: Instant,
    ping: Option<Instant>,
    is_stale: bool,
}

impl Reader<'_> {
    async fn stay_connected(&mut self) {
        let mut retries = Retries::new(self.options.backoff);
        loop {
            let attempt = retries.attempt();
            self.link(LinkState::Connecting { attempt });
            let (end, life) = match self.one_connection().await {
                Some(ended) => ended,
                None => return,
            };
            let retry_in = retries.ended(life, fastrand::f64);
            self.link(LinkState::Down {
                reason: end.reason,
                detail: PlainText::from(end.detail),
                retry_in: Some(retry_in),
            });
            if self.or_stop(sleep(retry_in)).await.is_none() {
                return;
            }
        }
    }

    /// One connection from the first attempt to its end and how long it lived; `None` if the source
    /// is to end.
    async fn one_connection(&mut self) -> Option<(LinkEnd, Option<Duration>)> {
        let endpoint = self.options.endpoint.clone();
        let http = HttpClient::new(endpoint.clone(), self.options.headers.clone())
            .with_time_limit(self.options.patience);
        let (target, limits) = (self.options.target.clone(), self.options.limits);
        let opening = WebSocket::open(&http, &target, limits);
        let mut socket = match self.or_stop(opening).await? {
            Ok(socket) => socket,
            Err(error) => {
                let detail = refusal(&error, &target);
                return Some((LinkEnd::new(EndReason::HandshakeFailed, detail), None));
            }
        };
        let began = Instant::now();
        self.link(LinkState::Connected);
        let end = match self.subscribe(&mut socket) {
            Ok(()) => self.read(&mut socket).await,
            Err(end) => Some(end),
        };
        match end {
            Some(mut end) => {
                end.detail = format!("{endpoint}: {}", end.detail);
                Some((end, Some(began.elapsed())))
            }
            None => {
                // Whether it says good-bye too is its own matter.
                let _ = timeout(FAREWELL, socket.close()).await;
                None
            }
        }
    }

    fn subscribe(&self, socket: &mut WebSocket) -> Result<(), LinkEnd> {
        let mut texts = self.options.subscribe.iter();
        texts.try_for_each(|text| socket.send_text(Bytes::copy_from_slice(text.as_bytes())))
    }

    /// Reads to the end of the connection; `None` if the source is to end before.
    async fn read(&mut self, socket: &mut WebSocket) -> Option<LinkEnd> {
        let now = Instant::now();
        let mut times = Times {
            heard: now,
            message: now,
            ping: self.options.ping.map(|every| now + every),
            is_stale: false,
        };
        let mut is_live = false;
        loop {
            let due = self.due(&times);
            tokio::select! {
                () = self.stop.cancelled() => return None,
                Some(request) = self.intake.requests.recv() => self.decline(&request),
                incoming = socket.next() => {
                    let received = self.clock.now();
                    times.heard = Instant::now();
                    let (body, is_text) = match incoming {
                        Ok(Incoming::Text(body)) => (body, true),
                        Ok(Incoming::Binary(body)) => (body, false),
                        Ok(Incoming::Ping(_) | Incoming::Pong(_) | Incoming::Heard(_)) => continue,
                        Err(end) => return Some(end),
                    };
                    times.message = times.heard;
                    if !is_live || times.is_stale {
                        (is_live, times.is_stale) = (true, false);
                        self.link(LinkState::Live);
                    }
                    self.queue.push(Said::Message { received, body, is_text });
                }
                () = sleep_until(due) => {
                    if let Err(end) = self.on_time(&mut times, socket) {
                        return Some(end);
                    }
                }
            }
        }
    }

    /// When something has to be done although nothing comes.
    fn due(&self, times: &Times) -> Instant {
        let silence = times.message + self.options.silence;
        match (times.ping, times.is_stale) {
            (Some(ping), true) => ping,
            (Some(ping), false) => ping.min(silence),
            (None, false) => silence,
            // Nothing is; the loop comes by now and then.
            (None, true) => Instant::now() + self.options.silence,
        }
    }

    fn on_time(&self, times: &mut Times, socket: &mut WebSocket) -> Result<(), LinkEnd> {
        let now = Instant::now();
        if !times.is_stale && now >= times.message + self.options.silence {
            times.is_stale = true;
            let seconds = self.options.silence.as_secs_f32();
            self.link(LinkState::Stale {
                missing: PlainText::from(format!("no message for {seconds} s, the link stands")),
            });
        }
        if let (Some(due), Some(every)) = (times.ping, self.options.ping)
            && now >= due
        {
            if now >= times.heard + every * 2 {
                let seconds = (every * 2).as_secs_f32();
                let detail = format!("nothing was heard for {seconds} s, not even a pong");
                return Err(LinkEnd::new(EndReason::PingTimeout, detail));
            }
            times.ping = Some(now + every);
            socket.send_ping(Bytes::new())?;
        }
        Ok(())
    }

    /// Waits for something while there is no connection; `None` if the source is to end.
    async fn or_stop<T>(&mut self, something: impl Future<Output = T>) -> Option<T> {
        tokio::pin!(something);
        loop {
            tokio::select! {
                () = self.stop.cancelled() => return None,
                found = &mut something => return Some(found),
                Some(request) = self.intake.requests.recv() => self.decline(&request),
            }
        }
    }

    fn link(&self, state: LinkState) {
        self.queue.push(Said::Link(state));
    }

    fn decline(&self, request: &Request) {
        let what = "a plain WebSocket sends what it sends: there is nothing to ask of it";
        let report = Desk::refuse(request, what);
        self.queue.push(Said::Command(Box::new(report)));
    }
}

/// Why there is no WebSocket, and what to look at.
fn refusal(error: &OpenError, target: &str) -> String {
    let path = target.split('?').next().unwrap_or(target);
    match error {
        OpenError::Refused { peer, answer } => {
            let hint = match answer.status {
                401 | 403 => ": does it want a header such as Authorization?",
                404 | 405 => ": is that its path?",
                200..=299 => ": there is no WebSocket at this path",
                _ => "",
            };
            format!(
                "{peer} refused a WebSocket at {path} with {}{hint}",
                answer.refusal()
            )
        }
        other => other.to_string(),
    }
}
