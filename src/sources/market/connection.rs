//! One connection to a venue: a task that owns the socket, feeds the venue, does what it asks, and
//! connects again by the rules of the venue.

mod fed;
mod line;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::attempts::Attempts;
use super::health::{Line, Status};
use super::limit::Limit;
use super::options::{MarketOptions, Transport};
use super::rest::{Landed, RestLimit};
use crate::model::{
    EndReason, Fault, FaultKind, FeedWay, PlainText, SIMULATOR_HOSTNAME, Severity, Stamp,
};
use crate::pipeline::Outlet;
use crate::protocol::market::{Answer, Ask};
use crate::sources::net::HttpClient;
use crate::sources::websocket::{Incoming, LinkEnd, OpenError, WebSocket};
use fed::Fed;
use line::{Failure, Socket};

/// What all connections of a source share.
#[derive(Clone)]
pub(super) struct Shared {
    pub options: Arc<MarketOptions>,
    /// Messages of all connections; see `counts_by_address`.
    pub messages: Limit,
    /// Whether the venue counts messages by address and not by connection.
    pub counts_by_address: bool,
    pub rest: RestLimit,
    /// A status has changed.
    pub changed: Arc<Notify>,
}

/// A view of a book goes to the screen at most this often. Source: 30 pictures per second.
const SHOW_EVERY: Duration = Duration::from_millis(33);
/// How often changes are looked for where nobody looks at the books.
const SURVEY_EVERY: Duration = Duration::from_millis(250);
const SECOND: Duration = Duration::from_secs(1);
/// Polls that fail in a row until the venue is called away.
const FAILED_POLLS: u32 = 3;

/// Who asks, or is answered: the books of the stream, or those that are polled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Who {
    Stream,
    Poll,
}

/// What a turn waits for.
enum Happened {
    Opened(Box<Result<WebSocket, OpenError>>),
    Incoming(Result<Incoming, LinkEnd>),
    Landed(Who, Landed),
    TimeHasCome,
}

/// One connection, with its books.
pub(super) struct Connection {
    shared: Shared,
    symbols: Vec<String>,
    outlet: Outlet,
    http: HttpClient,
    socket: Socket,
    attempts: Attempts,
    /// The books of the stream; `None` where everything is polled.
    stream: Option<Fed>,
    /// The books that are polled.
    poll: Option<Fed>,
    outbox: VecDeque<String>,
    messages: Limit,
    /// When there is room for a message again.
    room_at: Option<Instant>,
    show_at: Option<Instant>,
    shown_at: Instant,
    second_at: Instant,
    seconds: usize,
    failed_polls: u32,
    /// The connection before had no live book: to come again is no news.
    was_silent: bool,
    status: Status,
    told: watch::Sender<Status>,
}

impl Connection {
    pub(super) fn new(
        shared: Shared,
        symbols: Vec<String>,
        outlet: Outlet,
        told: watch::Sender<Status>,
    ) -> Self {
        let options = &shared.options;
        let now = Instant::now();
        let mut http = HttpClient::new(options.stream.clone(), options.headers.clone());
        http.time_limit = options.timing.connect;
        let polls = options.transport == Transport::Poll;
        let way = if polls {
            FeedWay::Polling
        } else {
            FeedWay::Stream
        };
        let fed = Fed::new(&shared, &symbols, way, &outlet);
        let (stream, poll) = if polls {
            (None, Some(fed))
        } else {
            (Some(fed), None)
        };
        Self {
            socket: if polls {
                Socket::None
            } else {
                Socket::Idle { until: now }
            },
            attempts: Attempts::new(options.timing),
            messages: match shared.counts_by_address {
                true => shared.messages.clone(),
                false => Limit::messages(options.venue.pace),
            },
            status: Status::new(way, symbols.len()),
            shared,
            symbols,
            outlet,
            http,
            stream,
            poll,
            outbox: VecDeque::new(),
            room_at: None,
            show_at: Some(now),
            shown_at: now,
            second_at: now + SECOND,
            seconds: 0,
            failed_polls: 0,
            was_silent: false,
            told,
        }
    }

    /// Reads until `stop`, then leaves in order.
    pub(super) async fn run(mut self, stop: CancellationToken) {
        if self.stream.is_none() {
            self.open_poll().await;
        }
        loop {
            self.turn().await;
            let wake = self.next_wake();
            let happened = tokio::select! {
                () = stop.cancelled() => break,
                happened = self.socket.next() => happened,
                landed = Fed::landed(&mut self.stream) => Happened::Landed(Who::Stream, landed),
                landed = Fed::landed(&mut self.poll) => Happened::Landed(Who::Poll, landed),
                () = sleep_until(wake) => Happened::TimeHasCome,
            };
            self.take(happened).await;
        }
        if let Socket::Open(line) = std::mem::replace(&mut self.socket, Socket::None) {
            line.leave().await;
        }
        for fed in [&mut self.stream, &mut self.poll].into_iter().flatten() {
            fed.driver.closed("ttyscope ends").await;
        }
        self.show(true).await;
    }

    fn now(&self) -> Stamp {
        self.outlet.clock().now()
    }

    fn fed(&mut self, who: Who) -> Option<&mut Fed> {
        match who {
            Who::Stream => self.stream.as_mut(),
            Who::Poll => self.poll.as_mut(),
        }
    }

    /// Does everything whose time has come.
    async fn turn(&mut self) {
        let now = Instant::now();
        if let Socket::Idle { until } = self.socket
            && until <= now
        {
            self.connect(now);
        }
        for who in [Who::Stream, Who::Poll] {
            // What is asked for may be due at once; a venue that is due for ever must not hold us.
            let mono_ns = self.now().mono_ns;
            if let Some(fed) = self.fed(who)
                && fed.driver.due().is_some_and(|due| due <= mono_ns)
            {
                let asks = fed.driver.time().await;
                self.changed(now);
                self.answer_asks(who, asks).await;
            }
        }
        if let Some(quiet) = self.silence(now) {
            self.lost(Failure::silent(quiet)).await;
        }
        self.send_what_waits(now).await;
        for fed in [&mut self.stream, &mut self.poll].into_iter().flatten() {
            fed.requests.begin(now);
        }
        let second = self.second_at <= now;
        if second {
            self.second_at = now + SECOND;
            self.each_second().await;
        }
        if second || self.show_at.is_some_and(|at| at <= now) {
            self.show(second).await;
        }
    }

    fn next_wake(&self) -> Instant {
        let (now, mono_ns) = (Instant::now(), self.now().mono_ns);
        let mut wake = self.second_at;
        let mut sooner = |at: Option<Instant>| wake = at.map_or(wake, |at| wake.min(at));
        sooner(self.show_at);
        sooner(self.socket.next_due(self.shared.options.venue.pace));
        sooner(self.room_at);
        for fed in [&self.stream, &self.poll].into_iter().flatten() {
            sooner(fed.requests.next_due(now));
            let due = fed.driver.due();
            sooner(due.map(|due| now + Duration::from_nanos(due.saturating_sub(mono_ns))));
        }
        wake
    }

    async fn take(&mut self, happened: Happened) {
        match happened {
            Happened::TimeHasCome => {}
            Happened::Opened(opened) => match *opened {
                Ok(socket) => self.opened(socket).await,
                Err(error) => self.lost(Failure::from_open(&error)).await,
            },
            Happened::Incoming(Ok(incoming)) => self.incoming(incoming).await,
            Happened::Incoming(Err(end)) => self.lost(Failure::from_end(end)).await,
            Happened::Landed(who, landed) => self.landed(who, landed).await,
        }
    }

    fn connect(&mut self, now: Instant) {
        let options = &self.shared.options;
        if let Err(later) = options.attempts.take(now, 1) {
            self.socket = Socket::Idle { until: later };
            return;
        }
        let subscription = options.subscription(&self.symbols, FeedWay::Stream);
        let key = options.key.as_ref().map(|key| key.as_str());
        let path = (options.venue.stream_path)(&subscription, key);
        let target = match format!("{}{path}", options.stream_path) {
            target if target.starts_with('/') => target,
            target => format!("/{target}"),
        };
        self.socket = Socket::opening(self.http.clone(), target);
        self.status.line = Line::Connecting {
            attempt: self.attempts.number(),
        };
        self.tell();
    }

    async fn opened(&mut self, socket: WebSocket) {
        let now = Instant::now();
        self.recognise(socket.server().as_str());
        self.socket = Socket::open(socket, now);
        self.status.line = Line::Up;
        if !self.was_silent {
            self.status.nothing_live_since = Some(now);
        }
        self.changed(now);
        if let Some(fed) = &mut self.stream {
            let asks = fed.driver.open().await;
            self.answer_asks(Who::Stream, asks).await;
        }
        self.tell();
    }

    async fn incoming(&mut self, incoming: Incoming) {
        let received = self.now();
        let now = Instant::now();
        if let Socket::Open(line) = &mut self.socket {
            line.heard = now;
        }
        let asks = match (incoming, &mut self.stream) {
            (Incoming::Text(text) | Incoming::Binary(text), Some(fed)) => {
                self.status.last_frame = Some(received);
                fed.driver.frame(&text, received).await
            }
            (Incoming::Ping(_), Some(fed)) => {
                // The answer counts as a message of ours.
                self.messages.note(now, 1);
                self.status.last_frame = Some(received);
                fed.driver.ping(received);
                Vec::new()
            }
            _ => return,
        };
        self.changed(now);
        self.answer_asks(Who::Stream, asks).await;
    }

    /// A server that says it is one of our simulators is told as such.
    fn recognise(&mut self, server: &str) {
        if server.starts_with(SIMULATOR_HOSTNAME) && self.status.simulator.is_none() {
            self.status.simulator = Some(PlainText::from_peer(server));
        }
    }

    async fn answer_asks(&mut self, who: Who, asks: Vec<Ask>) {
        for ask in asks {
            match ask {
                Ask::Send(text) if who == Who::Stream && self.socket.is_open() => {
                    self.outbox.push_back(text);
                }
                Ask::Reconnect { why, at_least_ms }
                    if who == Who::Stream && self.socket.is_open() =>
                {
                    let at_least = Duration::from_millis(at_least_ms);
                    self.lost(Failure::asked_for(why, at_least)).await;
                }
                Ask::Fetch(fetch) => {
                    if let Some(fed) = self.fed(who) {
                        fed.requests.ask(fetch, Instant::now());
                    }
                }
                // There is no connection to say it on, or to end.
                Ask::Send(_) | Ask::Reconnect { .. } => {}
            }
        }
    }

    /// Sends at the venue's pace.
    async fn send_what_waits(&mut self, now: Instant) {
        self.room_at = None;
        while let (Socket::Open(line), Some(text)) = (&mut self.socket, self.outbox.front()) {
            if let Err(later) = self.messages.take(now, 1) {
                self.room_at = Some(later);
                return;
            }
            let sent = line.socket.send_text(Bytes::from(text.clone()));
            self.outbox.pop_front();
            if let Err(end) = sent {
                self.lost(Failure::from_end(end)).await;
            }
        }
    }

    /// How long nothing was heard, if that is too long.
    fn silence(&self, now: Instant) -> Option<Duration> {
        let limit = Duration::from_millis(self.shared.options.venue.pace.silence_ms);
        let Socket::Open(line) = &self.socket else {
            return None;
        };
        let quiet = now.saturating_duration_since(line.heard);
        (quiet >= limit).then_some(quiet)
    }

    /// The connection has ended, or did not come about.
    async fn lost(&mut self, failure: Failure) {
        let now = Instant::now();
        let was_good = match &self.socket {
            Socket::Open(line) => line.is_good(now, self.shared.options.timing.healthy),
            _ => false,
        };
        if let Socket::Open(line) = &self.socket {
            self.was_silent = !line.had_live;
        }
        if let Socket::Open(line) = std::mem::replace(&mut self.socket, Socket::None)
            && failure.leaves_politely
        {
            // It may be slow to say good-bye, and nobody waits for it.
            tokio::spawn(line.leave());
        }
        self.outbox.clear();
        self.room_at = None;
        if let Some(fed) = &mut self.stream {
            fed.requests.clear();
            fed.driver.closed(&failure.detail).await;
        }
        let mut delay = self.attempts.ended(was_good, fastrand::f64);
        delay = delay.max(failure.at_least);
        if let Some((status, retry_after_s)) = failure.limited {
            delay = delay.max(self.shared.rest.hold(self.now(), status, retry_after_s));
        }
        let retry_at = (!failure.is_permanent).then(|| now + delay);
        self.socket = match retry_at {
            Some(until) => Socket::Idle { until },
            None => Socket::None,
        };
        let detail = match &self.shared.options.key {
            Some(key) => key.hide(&failure.detail),
            None => failure.detail.clone(),
        };
        if let Some(severity) = failure.severity {
            let after = match retry_at {
                Some(_) => format!("; trying again in {:.1} s", delay.as_secs_f64()),
                None => "; not tried again".to_owned(),
            };
            let peer = &self.shared.options.stream;
            let venue = self.shared.options.venue.name;
            let text = format!("{venue} at {peer}: {detail}{after}");
            self.fault(Fault::new(failure.kind, severity, text)).await;
        }
        self.status.line = Line::Down {
            reason: failure.reason,
            detail,
            retry_at,
        };
        self.begin_fallback().await;
        self.changed(now);
        self.tell();
    }

    async fn fault(&mut self, fault: Fault) {
        let now = self.now();
        let feds = [&mut self.stream, &mut self.poll];
        match feds.into_iter().flatten().next() {
            Some(fed) => fed.driver.fault(now, fault).await,
            None => self.outlet.fault(now, fault).await,
        }
    }

    /// Polls while the stream does not stand, where that is wanted.
    async fn begin_fallback(&mut self) {
        let options = &self.shared.options;
        let is_time = self.attempts.failed() >= options.timing.fallback_after
            || matches!(self.socket, Socket::None);
        if options.transport != Transport::Auto || self.poll.is_some() || !is_time {
            return;
        }
        let way = FeedWay::Fallback;
        self.poll = Some(Fed::new(&self.shared, &self.symbols, way, &self.outlet));
        self.status.way = way;
        let text = format!(
            "{}: the stream failed {} times; its books are asked for over HTTP meanwhile",
            options.venue.name,
            self.attempts.failed()
        );
        self.fault(Fault::new(FaultKind::Link, Severity::Warning, text))
            .await;
        self.open_poll().await;
    }

    /// The stream has a live book again.
    async fn end_fallback(&mut self) {
        let (Some(mut poll), Some(stream)) = (self.poll.take(), &mut self.stream) else {
            return;
        };
        poll.driver.closed("the stream stands again").await;
        // Which closed the books for a recording too: what follows begins with them whole.
        stream.driver.write_whole(0, 1).await;
        stream.driver.forget_shown();
        self.status.way = FeedWay::Stream;
    }

    async fn open_poll(&mut self) {
        let Some(fed) = &mut self.poll else { return };
        for ask in fed.driver.open().await {
            if let Ask::Fetch(fetch) = ask {
                fed.requests.ask(fetch, Instant::now());
            }
        }
    }

    /// An answer over HTTP, or none.
    async fn landed(&mut self, who: Who, landed: Landed) {
        let now = Instant::now();
        let empty = Bytes::new();
        let (status, retry_after_s, body) = match &landed.result {
            Ok(answer) => (answer.status, answer.retry_after_s, &answer.body),
            Err(_) => (0, None, &empty),
        };
        if let Ok(answer) = &landed.result {
            self.recognise(&answer.server);
        }
        if matches!(status, 418 | 429) {
            let wait = self.shared.rest.hold(self.now(), status, retry_after_s);
            self.told_to_wait(status, wait).await;
        } else if let Err(error) = &landed.result {
            let venue = self.shared.options.venue.name;
            let fault = Fault::new(
                FaultKind::Timeout,
                Severity::Warning,
                format!("{venue}, over HTTP: {error}"),
            );
            self.fault(fault).await;
        }
        let answer = Answer {
            book: landed.book,
            status,
            retry_after_s,
            body,
        };
        if let Some(fed) = self.fed(who) {
            let asks = fed.driver.answer(&answer).await;
            self.answer_asks(who, asks).await;
        }
        if self.stream.is_none() {
            self.judge_poll(&landed, now);
        }
        self.changed(now);
    }

    async fn told_to_wait(&mut self, status: u16, wait: Duration) {
        let (word, severity) = match status {
            418 => ("banned this address", Severity::Error),
            _ => ("wants fewer requests", Severity::Warning),
        };
        let venue = self.shared.options.venue.name;
        let text = format!(
            "{venue} {word} (HTTP {status}): nothing is asked for {} s",
            wait.as_secs()
        );
        self.fault(Fault::new(FaultKind::Peer, severity, text))
            .await;
    }

    /// Whether the venue is there, where nothing but its answers tells.
    fn judge_poll(&mut self, landed: &Landed, now: Instant) {
        let why = match &landed.result {
            Ok(answer) if answer.is_success() => None,
            Ok(answer) => Some(format!("it answers {}", answer.refusal())),
            Err(error) => Some(error.to_string()),
        };
        let Some(detail) = why else {
            self.failed_polls = 0;
            self.status.line = Line::Up;
            return;
        };
        self.failed_polls = self.failed_polls.saturating_add(1);
        if self.failed_polls >= FAILED_POLLS || self.status.line != Line::Up {
            self.status.line = Line::Down {
                reason: EndReason::TransportError,
                detail,
                retry_at: Some(now + self.shared.options.poll),
            };
        }
    }

    /// The books may have changed: they are shown soon.
    fn changed(&mut self, now: Instant) {
        let every = if self.outlet.is_watched() {
            SHOW_EVERY
        } else {
            SURVEY_EVERY
        };
        let soon = (self.shown_at + every).max(now);
        self.show_at.get_or_insert(soon);
    }

    async fn each_second(&mut self) {
        self.seconds = self.seconds.wrapping_add(1);
        let of = usize::try_from(self.shared.options.snapshot.as_secs()).unwrap_or(usize::MAX);
        let of = of.max(1);
        for fed in [&mut self.stream, &mut self.poll].into_iter().flatten() {
            fed.driver.write_whole(self.seconds % of, of).await;
        }
    }

    /// Shows what changed and tells how things stand.
    ///
    /// - `all`: also what only time changes
    async fn show(&mut self, all: bool) {
        let now = Instant::now();
        self.show_at = None;
        self.shown_at = now;
        let streams = self.stream.as_ref().is_some_and(Fed::has_live);
        if streams && self.poll.is_some() {
            self.end_fallback().await;
        }
        match (&mut self.stream, &mut self.poll) {
            (Some(stream), Some(poll)) => {
                // A book is shown from where it is live; the others say why they are not.
                poll.driver.show(all, |_| true).await;
                let polled = poll.driver.live();
                let stands_in = |index| polled.get(index).copied().unwrap_or_default();
                stream.driver.show(all, |index| !stands_in(index)).await;
            }
            (Some(one), None) | (None, Some(one)) => one.driver.show(all, |_| true).await,
            (None, None) => {}
        }
        self.take_stock(now);
        self.tell();
    }

    fn take_stock(&mut self, now: Instant) {
        let serving = self.poll.as_ref().or(self.stream.as_ref());
        let standing = serving.map(|fed| fed.driver.standing()).unwrap_or_default();
        self.status.standing = standing;
        // What the venue refused is told by its book; it is not what silence means.
        if standing.live > 0 || standing.failed == standing.books {
            self.status.nothing_live_since = None;
        } else {
            self.status.nothing_live_since.get_or_insert(now);
        }
        if let (Socket::Open(line), Some(fed)) = (&mut self.socket, &self.stream) {
            line.is_live(fed.has_live(), now);
            if line.is_good(now, self.shared.options.timing.healthy) {
                self.attempts.was_good();
            }
        }
        let waiting = u16::try_from(self.outbox.len()).unwrap_or(u16::MAX);
        self.status.waiting_to_send = waiting;
        let feds = || [&self.stream, &self.poll].into_iter().flatten();
        self.status.notice = feds().find_map(|fed| fed.driver.notice());
        self.status.counters = Fed::counters(feds());
        if let Some(fed) = feds().next() {
            self.status.apply = fed.driver.apply();
        }
    }

    fn tell(&self) {
        let changed = self.told.send_if_modified(|told| {
            let changed = *told != self.status;
            if changed {
                told.clone_from(&self.status);
            }
            changed
        });
        if changed {
            self.shared.changed.notify_one();
        }
    }
}
