//! One task for one fleet: takes what is pushed, asks when the monitor wants to know, and hands on
//! what follows.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, OptionFuture};
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use super::options::FleetOptions;
use super::probe::{Asker, Probed};
use crate::control::{Desk, Intake};
use crate::model::{
    DropReason, EndReason, Fault, FaultKind, FleetVerdict, LaneKind, LinkState, Message, Payload,
    PlainText, Reading, Request, Severity, Stamp,
};
use crate::pipeline::Outlet;
use crate::protocol::fleet::{Monitor, RestPath, Wrong, log_lines};
use crate::sources::socketio::{Client, ClientEvent, ClientHandle, ReceivedEvent};

/// What has changed is shown at most this often where nothing else makes it worth it.
const QUIET: Duration = Duration::from_secs(1);

/// Watches a fleet until `stop`, then leaves in order and hands on what had arrived.
pub async fn run(
    options: FleetOptions,
    outlet: Outlet,
    mut intake: Intake,
    stop: CancellationToken,
) {
    let (handle, mut events) = Client::start(options.client(), outlet.clock().clone());
    let mut watcher = Watcher::new(&options, outlet, handle.clone());
    let mut tick = interval(Duration::from_nanos(watcher.monitor.tick_ns()));
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut probe: Option<BoxFuture<'static, Probed>> = None;
    let mut logs: Option<BoxFuture<'static, Result<Bytes, PlainText>>> = None;
    loop {
        if probe.is_none() {
            probe = watcher.begin_probe();
        }
        if logs.is_none() {
            logs = watcher.begin_logs();
        }
        tokio::select! {
            event = events.recv() => match event {
                Some(event) => watcher.take(event).await,
                None => break,
            },
            Some(probed) = OptionFuture::from(probe.as_mut()) => {
                probe = None;
                watcher.take_probe(&probed).await;
            }
            Some(answer) = OptionFuture::from(logs.as_mut()) => {
                logs = None;
                watcher.take_logs(answer).await;
            }
            _ = tick.tick() => watcher.time().await,
            Some(request) = intake.requests.recv() => watcher.decline(request).await,
            () = stop.cancelled() => break,
        }
    }
    handle.close().await;
    while let Some(event) = events.recv().await {
        watcher.take(event).await;
    }
    watcher.outlet.link(LinkState::Ended).await;
}

struct Watcher {
    outlet: Outlet,
    handle: ClientHandle,
    asker: Asker,
    monitor: Monitor,
    /// Old lines have been asked for.
    has_old_lines: bool,
    is_connected: bool,
    told_host: bool,
    told_verdict: FleetVerdict,
    published: Stamp,
    /// Something is known that the last view did not show.
    is_dirty: bool,
}

impl Watcher {
    fn new(options: &FleetOptions, outlet: Outlet, handle: ClientHandle) -> Self {
        let now = outlet.clock().now();
        let profile = options.profile.clone();
        Self {
            asker: Asker::new(options),
            monitor: Monitor::new(profile, options.timing, options.probe_s, now),
            outlet,
            handle,
            has_old_lines: false,
            is_connected: false,
            told_host: false,
            told_verdict: FleetVerdict::Unknown,
            published: now,
            is_dirty: false,
        }
    }

    fn now(&self) -> Stamp {
        self.outlet.clock().now()
    }

    fn begin_probe(&mut self) -> Option<BoxFuture<'static, Probed>> {
        let now = self.now();
        self.monitor.begin_probe(now).then(|| {
            let with_health = !self.told_host || self.monitor.verdict() != FleetVerdict::Live;
            self.asker.clone().probe(now, with_health).boxed()
        })
    }

    /// Old lines are asked for once, when the server is first there.
    fn begin_logs(&mut self) -> Option<BoxFuture<'static, Result<Bytes, PlainText>>> {
        if self.has_old_lines || !self.is_connected {
            return None;
        }
        self.has_old_lines = true;
        let asker = self.asker.clone();
        Some(async move { asker.get(RestPath::Logs).await }.boxed())
    }

    async fn take(&mut self, event: ClientEvent) {
        match event {
            ClientEvent::Connecting { attempt } => {
                self.outlet.link(LinkState::Connecting { attempt }).await;
            }
            ClientEvent::Connected { .. } => {
                self.is_connected = true;
                self.monitor.connected(self.now());
                self.outlet.link(LinkState::Connected).await;
                // What was wrong before and goes on is said again: the link alone is no news.
                self.told_verdict = FleetVerdict::Unknown;
                self.tell().await;
            }
            ClientEvent::Event(event) => self.event(event).await,
            ClientEvent::Rejected {
                received,
                reason,
                count,
                fault,
            } => {
                let lane = LaneKind::Samples;
                self.outlet.reject(received, lane, reason, fault).await;
                if let Some(more @ 1..) = count.checked_sub(1) {
                    self.outlet.lose(lane, reason, more).await;
                }
            }
            ClientEvent::Fault(fault) => self.outlet.fault(self.now(), fault).await,
            ClientEvent::Overrun { count, .. } => {
                let reason = DropReason::ReaderBehind;
                self.outlet.lose(LaneKind::Samples, reason, count).await;
            }
            ClientEvent::Down {
                reason,
                detail,
                retry_in,
            } => self.down(reason, detail, retry_in).await,
        }
    }

    async fn down(&mut self, reason: EndReason, detail: String, retry_in: Option<Duration>) {
        self.is_connected = false;
        let is_ours = reason == EndReason::ClientDisconnect;
        if is_ours && (retry_in.is_none() || self.monitor.is_in_remedy()) {
            return;
        }
        let detail = PlainText::from(detail);
        let by_silence = reason == EndReason::PingTimeout;
        self.monitor.disconnected(by_silence, &detail, self.now());
        self.outlet
            .link(LinkState::Down {
                reason,
                detail,
                retry_in,
            })
            .await;
        self.publish().await;
    }

    async fn event(&mut self, event: ReceivedEvent) {
        let (at, name) = (event.received, event.name.clone());
        let array = event.array.clone();
        self.outlet.publish(at, evidence(event)).await;
        self.beat();
        let taken = match self.monitor.event(&name, &array, at) {
            Ok(taken) => taken,
            Err(why) => {
                let fault = Fault::new(FaultKind::Malformed, Severity::Warning, why);
                self.outlet.fault(at, fault.with_sample(&array)).await;
                return;
            }
        };
        self.count_wrong(&taken.wrong, &name, at).await;
        if let Some(line) = taken.log {
            self.outlet.publish(at, Payload::Log(line)).await;
        }
        self.is_dirty = true;
        match taken.is_sample {
            true => self.publish().await,
            false => self.tell().await,
        }
    }

    async fn take_probe(&mut self, probed: &Probed) {
        let at = self.now();
        self.beat();
        let wrong = self.monitor.probed(&probed.answer(at));
        self.count_wrong(&wrong, "the answers", at).await;
        if let Some(host) = self.monitor.host().filter(|_| !self.told_host).cloned() {
            let reading = Reading::new("server/hostname", host, "");
            self.outlet
                .publish(at, Payload::Readings(vec![reading]))
                .await;
        }
        self.told_host |= matches!(probed.health, Some(Ok(_)));
        self.publish().await;
    }

    async fn take_logs(&mut self, answer: Result<Bytes, PlainText>) {
        let at = self.now();
        let lines = answer.and_then(|body| log_lines(&body, self.monitor.profile()));
        match lines {
            Ok((lines, wrong)) => {
                for line in lines {
                    self.outlet.publish(at, Payload::Log(line)).await;
                }
                let first = Some("an old log line has no text".into());
                let wrong = Wrong {
                    count: wrong,
                    first,
                };
                self.count_wrong(&wrong, "the old log lines", at).await;
            }
            Err(why) => {
                let text = format!("old log lines are missing: {why}");
                let fault = Fault::new(FaultKind::Peer, Severity::Warning, text);
                self.outlet.fault(at, fault).await;
            }
        }
    }

    async fn count_wrong(&self, wrong: &Wrong, place: &str, at: Stamp) {
        if wrong.count == 0 {
            return;
        }
        let first = wrong.first.as_deref().unwrap_or_default();
        let place = PlainText::from_peer(place);
        let text = match wrong.count {
            1 => format!("{place}: {first}; left out"),
            count => format!("{place}: {count} values of the wrong kind, the first: {first}"),
        };
        let fault = Fault::new(FaultKind::Malformed, Severity::Warning, text);
        self.outlet.fault(at, fault).await;
    }

    fn beat(&mut self) {
        if let Some(at) = self.handle.last_beat() {
            self.monitor.beat(at);
        }
    }

    async fn time(&mut self) {
        let now = self.now();
        self.beat();
        self.is_dirty |= self.monitor.time(now);
        if self.monitor.begin_remedy(now) {
            self.handle
                .reconnect("nothing is pushed: tried once as a remedy");
            self.is_dirty = true;
        }
        let is_news = self.monitor.verdict() != self.told_verdict;
        if self.is_dirty && (is_news || now.since(self.published) >= QUIET) {
            self.publish().await;
        }
    }

    /// Shows everything as it is now.
    async fn publish(&mut self) {
        let now = self.now();
        self.is_dirty = false;
        self.published = now;
        let fleet = Arc::new(self.monitor.fleet(now));
        self.outlet.publish(now, Payload::Fleet(fleet)).await;
        self.tell().await;
    }

    /// Says how the link stands where the verdict has changed it.
    async fn tell(&mut self) {
        let verdict = self.monitor.verdict();
        if verdict == self.told_verdict || !self.is_connected {
            return;
        }
        self.told_verdict = verdict;
        let state = match verdict {
            FleetVerdict::Live => LinkState::Live,
            FleetVerdict::Unknown | FleetVerdict::Idle => LinkState::Connected,
            _ => LinkState::Stale {
                missing: format!("{}: {}", verdict.as_str(), self.monitor.evidence()).into(),
            },
        };
        self.outlet.link(state).await;
    }

    async fn decline(&self, request: Request) {
        let what = "a fleet is only watched: there is nothing to ask of it";
        let report = Desk::refuse(&request, what);
        let payload = Payload::Command(Arc::new(report));
        self.outlet.publish(self.now(), payload).await;
    }
}

/// An event as it was received. That it wanted an acknowledgement changes nothing: none is sent.
fn evidence(event: ReceivedEvent) -> Payload {
    Payload::Message(Message {
        name: PlainText::from_peer(&event.name),
        json: event.array,
        attachments: event.attachments,
    })
}
