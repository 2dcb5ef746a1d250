//! The task that owns the Socket.IO side, the viewer and the outlet.

mod commands;
mod http_side;
mod instrument;
mod stopping;

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::api::{Api, News};
use super::inventory::Inventory;
use super::options::ImSwitchOptions;
use super::watch::{Step, Watch};
use crate::control::{Intake, StopBoard, StopReporter};
use crate::model::{
    DropReason, EndReason, Frame, LaneKind, LinkState, Payload, PlainText, Reading, Request, Stamp,
    StopPress, Value,
};
use crate::pipeline::Outlet;
use crate::protocol::imswitch::{Action, Incoming, Viewer};
use crate::sources::socketio::client::{
    Client, ClientEvent, ClientEvents, ClientHandle, ReceivedEvent,
};
use commands::Commands;
use instrument::{Positions, Shown};
use stopping::Stopping;

/// Answers that may wait to be published.
const NEWS: usize = 16;

/// Time to say good-bye to a server that may not listen.
const FAREWELL: Duration = Duration::from_secs(2);

/// The only namespace the server has.
const NAMESPACE: &str = "/";

/// Everything of one source.
pub(super) struct Source {
    options: ImSwitchOptions,
    outlet: Outlet,
    client: ClientHandle,
    events: ClientEvents,
    socket_port: u16,
    /// Whether a connection was ever made: then the port is right.
    ever_connected: bool,
    /// Whether the right port is being looked for.
    looking: bool,
    connected: bool,
    link: LinkState,
    viewer: Viewer,
    watch: Watch,
    api: Arc<Api>,
    /// Calls under way for this connection; dropped with it.
    calls: JoinSet<()>,
    /// Calls that outlive a connection: the outcome of a command has to be told, and the port is
    /// looked for while there is none.
    lasting: JoinSet<()>,
    report: mpsc::Sender<News>,
    news: mpsc::Receiver<News>,
    diagnostics: Diagnostics,
    detectors: Vec<String>,
    /// Live views that we started and may stop; the empty name is an old release's only one.
    ours: BTreeSet<String>,
    inventory: Inventory,
    shown: Shown,
    positions: Positions,
    commands: Commands,
    board: StopBoard,
    stop_reports: StopReporter,
    stopping: Option<Stopping>,
}

/// When the server's own figures are read next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Diagnostics {
    /// Not before this moment, monotonic nanoseconds.
    NotBefore(u64),
    /// Asked, and not answered yet.
    Asked,
    /// The server has none.
    Unavailable,
}

/// What woke the task.
enum Wake {
    Client(Option<ClientEvent>),
    News(News),
    Request(Request),
    /// Whether a stop of our own is on its way for it.
    Press(StopPress, bool),
    Timer,
    Stop,
}

impl Source {
    pub(super) fn new(options: ImSwitchOptions, outlet: Outlet, intake: &Intake) -> Self {
        let clock = outlet.clock().clone();
        let still_ns = nanos(options.patience.still);
        let socket_port = options.socket_port.unwrap_or(options.endpoint.port);
        let (client, events) = Client::start(options.client(socket_port), outlet.clock().clone());
        let (report, news) = mpsc::channel(NEWS);
        Self {
            socket_port,
            client,
            events,
            ever_connected: false,
            looking: false,
            connected: false,
            link: LinkState::Connecting { attempt: 1 },
            viewer: Viewer::new(options.max_pixels),
            watch: Watch::new(options.patience.frame),
            api: Arc::new(Api::new(&options, clock)),
            calls: JoinSet::new(),
            lasting: JoinSet::new(),
            report,
            news,
            diagnostics: Diagnostics::NotBefore(0),
            detectors: Vec::new(),
            ours: BTreeSet::new(),
            inventory: Inventory::new(options.limits.clone(), still_ns),
            shown: Shown::default(),
            positions: Positions::default(),
            commands: Commands::default(),
            board: intake.stops.board().clone(),
            stop_reports: intake.stop_reports.clone(),
            stopping: None,
            options,
            outlet,
        }
    }

    pub(super) async fn run(mut self, intake: Intake, stop: CancellationToken) {
        let Intake {
            mut requests,
            mut stops,
            ..
        } = intake;
        // Stops of our own, which go out whatever the task waits for.
        let mut halting = JoinSet::new();
        let mut pressed = VecDeque::new();
        loop {
            let due = sleep_until(self.next_deadline(), self.now());
            // Only waiting happens inside the selection; what was taken is handled to its end.
            // A stop goes before everything, and the rare before the plenty.
            let wake = match pressed.pop_front() {
                Some((press, is_sent)) => Wake::Press(press, is_sent),
                None => tokio::select! {
                    biased;
                    press = stops.pressed() => {
                        let is_sent = self.own_stop().send(press, &mut halting);
                        Wake::Press(press, is_sent)
                    }
                    () = stop.cancelled() => Wake::Stop,
                    Some(request) = requests.recv() => Wake::Request(request),
                    Some(news) = self.news.recv() => Wake::News(news),
                    event = self.events.recv() => Wake::Client(event),
                    () = due => Wake::Timer,
                },
            };
            if matches!(wake, Wake::Client(None) | Wake::Stop) {
                break;
            }
            let own_stop = self.own_stop();
            {
                // The recorder may let it wait for long; a stop does not.
                let handled = self.wake(wake, &mut requests);
                tokio::pin!(handled);
                loop {
                    tokio::select! {
                        biased;
                        press = stops.pressed() => {
                            let is_sent = own_stop.send(press, &mut halting);
                            pressed.push_back((press, is_sent));
                        }
                        () = &mut handled => break,
                    }
                }
            }
            while halting.try_join_next().is_some() {}
            stops.set_active(self.is_active());
        }
        self.abandon_commands().await;
        stops.set_active(false);
        let _ = timeout(FAREWELL, self.client.close()).await;
        // What had arrived while the recorder took nothing is handed on all the same.
        while let Some(Some(event)) = self.events.recv().now_or_never() {
            if !matches!(event, ClientEvent::Down { .. }) {
                self.client_event(event).await;
            }
        }
        let left = self.viewer.release();
        self.carry_out(left).await;
        self.outlet.link(LinkState::Ended).await;
    }

    async fn wake(&mut self, wake: Wake, requests: &mut mpsc::Receiver<Request>) {
        match wake {
            Wake::Client(Some(event)) => self.client_event(event).await,
            Wake::News(news) => self.news(news).await,
            Wake::Request(request) => self.request(request).await,
            Wake::Press(press, is_sent) => self.press(press, is_sent, requests).await,
            Wake::Client(None) | Wake::Stop | Wake::Timer => {}
        }
        // Also when events come without a pause.
        self.timers().await;
    }

    fn now(&self) -> u64 {
        self.outlet.clock().now().mono_ns
    }

    async fn client_event(&mut self, event: ClientEvent) {
        match event {
            ClientEvent::Connecting { attempt } => {
                self.set_link(LinkState::Connecting { attempt }).await;
            }
            ClientEvent::Connected { .. } => self.connected().await,
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
            ClientEvent::Fault(fault) => {
                let now = self.outlet.clock().now();
                self.outlet.fault(now, fault).await;
            }
            ClientEvent::Overrun { name, count } => self.overrun(&name, count).await,
            ClientEvent::Down {
                reason,
                detail,
                retry_in,
            } => self.down(reason, detail, retry_in).await,
        }
    }

    async fn connected(&mut self) {
        self.ever_connected = true;
        self.connected = true;
        self.viewer = Viewer::new(self.options.max_pixels);
        let clock = self.outlet.clock().clone();
        self.api = Arc::new(Api::new(&self.options, clock));
        self.inventory.set_connected(true, self.now());
        self.diagnostics = Diagnostics::NotBefore(self.now());
        self.set_link(LinkState::Connected).await;
        let actions = self.viewer.connected();
        self.carry_out(actions).await;
        self.refresh();
    }

    async fn down(&mut self, reason: EndReason, detail: String, retry_in: Option<Duration>) {
        let left = self.viewer.release();
        self.carry_out(left).await;
        self.calls = JoinSet::new();
        if std::mem::take(&mut self.connected) {
            self.lose_commands(&detail).await;
        }
        self.watch.disconnected();
        self.set_link(LinkState::Down {
            reason,
            detail: PlainText::from(detail),
            retry_in,
        })
        .await;
        if !self.ever_connected && !self.looking && self.options.socket_port.is_none() {
            self.look_for_the_port();
        }
    }

    /// Events that the client dropped because we were waiting for the recorder.
    async fn overrun(&mut self, name: &str, count: u64) {
        let lane = match name {
            "frame" => {
                self.viewer.skipped(count);
                LaneKind::Frames
            }
            _ => LaneKind::Samples,
        };
        self.outlet
            .lose(lane, DropReason::ReaderBehind, count)
            .await;
    }

    async fn event(&mut self, event: ReceivedEvent) {
        let is_frame = event.name == "frame";
        let is_signal = matches!(event.name.as_str(), "signal" | "signal_msgpack");
        let actions = self.viewer.on_event(Incoming {
            received: event.received,
            name: &event.name,
            array: &event.array,
            attachments: &event.attachments,
            ack_id: event.ack_id,
        });
        if is_frame {
            self.outlet.set_window(self.viewer.window(1));
        }
        if is_signal && self.link == LinkState::Connected {
            self.set_link(LinkState::Live).await;
        }
        self.carry_out(actions).await;
        if is_frame {
            self.outlet.set_window(self.viewer.window(0));
        }
    }

    /// Carries out what the viewer wants, in its order: an acknowledgement goes out when the
    /// pipeline has taken what came before it.
    async fn carry_out(&mut self, actions: Vec<Action>) {
        for action in actions {
            let now = self.outlet.clock().now();
            match action {
                Action::Publish { received, payload } => self.publish(received, payload).await,
                Action::Reject {
                    lane,
                    reason,
                    fault,
                } => self.outlet.reject(now, lane, reason, fault).await,
                Action::Fault(fault) => self.outlet.fault(now, fault).await,
                Action::Prime { array } => self.emit(array).await,
                Action::Ack { array, reply_to } => {
                    if let Some(array) = array {
                        self.emit(array).await;
                    }
                    if let Some(id) = reply_to {
                        // Without a connection there is nobody to answer.
                        let _ = self.client.ack(NAMESPACE, id, "[]".to_owned()).await;
                    }
                }
                Action::Stream { detector, running } => {
                    if !running {
                        // Whatever runs under this name next may be somebody else's.
                        self.ours.remove(detector.as_str());
                    }
                    self.watch.stream(detector, running, now.mono_ns);
                    if !self.watch.is_streaming() {
                        self.all_quiet().await;
                    }
                }
            }
        }
    }

    async fn emit(&self, array: String) {
        // Without a connection there is nobody to tell; the next one starts from the beginning.
        let _ = self.client.emit(NAMESPACE, array, Vec::new()).await;
    }

    async fn publish(&mut self, received: Stamp, payload: Payload) {
        match &payload {
            Payload::Frame(frame) => self.see_frame(frame).await,
            Payload::Readings(readings) => {
                self.see_readings(readings);
                let ends = self.read_inventory(readings, received.mono_ns);
                self.end_runs(ends).await;
            }
            _ => {}
        }
        self.outlet.publish(received, payload).await;
    }

    async fn see_frame(&mut self, frame: &Frame) {
        // Released at the end of a connection, it is no sign of life.
        if !self.connected {
            return;
        }
        let now = self.now();
        self.watch.frame(&frame.detector, now);
        if self.link != LinkState::Live {
            self.set_link(LinkState::Live).await;
        }
    }

    fn see_readings(&mut self, readings: &[Reading]) {
        for reading in readings {
            let detector = reading
                .name
                .strip_prefix("camera/")
                .and_then(|rest| rest.strip_suffix("/exposure"));
            if let (Some(detector), Value::Float(ms)) = (detector, &reading.value) {
                self.watch.exposure(PlainText::from_peer(detector), *ms);
            }
        }
    }

    async fn set_link(&mut self, state: LinkState) {
        self.link = state.clone();
        self.outlet.link(state).await;
    }

    fn next_deadline(&self) -> Option<u64> {
        let diagnostics = match self.diagnostics {
            Diagnostics::NotBefore(at) if self.connected && self.watch.is_streaming() => Some(at),
            _ => None,
        };
        let watch = self.connected.then(|| self.watch.deadline()).flatten();
        let deadlines = [
            watch,
            diagnostics,
            self.release_at(),
            self.show_at(),
            self.read_positions_at(),
            self.resolve_at(),
        ];
        deadlines.into_iter().flatten().min()
    }

    fn release_at(&self) -> Option<u64> {
        let since = self.viewer.holding_since()?;
        let patience = nanos(self.options.patience.metadata);
        Some(since.mono_ns.saturating_add(patience))
    }

    async fn timers(&mut self) {
        let now = self.now();
        if self.release_at().is_some_and(|at| at <= now) {
            let actions = self.viewer.release();
            self.carry_out(actions).await;
        }
        // Finished calls leave their places.
        while self.calls.try_join_next().is_some() {}
        while self.lasting.try_join_next().is_some() {}
        if self.show_at().is_some_and(|at| at <= now) {
            self.show_instrument().await;
        }
        if !self.connected {
            return;
        }
        self.read_positions(now);
        self.resolve(now);
        if let Some(step) = self.watch.tick(now) {
            self.step(step).await;
        }
        if self.watch.is_streaming()
            && matches!(self.diagnostics, Diagnostics::NotBefore(at) if at <= now)
        {
            self.diagnostics = Diagnostics::Asked;
            let (api, to) = (Arc::clone(&self.api), self.report.clone());
            self.calls.spawn(async move {
                let figures = api.diagnostics().await;
                let _ = to.send(News::Diagnostics(figures)).await;
            });
        }
    }

    async fn step(&mut self, step: Step) {
        match step {
            Step::Ask { missing } => {
                self.stale(missing).await;
                let (api, to) = (Arc::clone(&self.api), self.report.clone());
                self.calls.spawn(async move {
                    let streams = api.streams().await;
                    let _ = to.send(News::Streams(streams)).await;
                });
            }
            Step::AcknowledgeAgain { missing } => {
                self.stale(missing).await;
                if let Some(array) = self.viewer.acknowledge_again() {
                    self.emit(array).await;
                }
            }
            Step::Wait { missing } => self.stale(missing).await,
            Step::Reconnect { why } => self.client.reconnect(&why),
            Step::AllQuiet => self.all_quiet().await,
        }
    }

    async fn stale(&mut self, missing: String) {
        let missing = PlainText::from(missing);
        self.set_link(LinkState::Stale { missing }).await;
    }

    /// Nothing is missing any more.
    async fn all_quiet(&mut self) {
        if matches!(self.link, LinkState::Stale { .. }) {
            self.set_link(LinkState::Live).await;
        }
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// Sleeps until a moment on our monotonic clock, for ever if there is none.
async fn sleep_until(deadline_ns: Option<u64>, now_ns: u64) {
    match deadline_ns {
        Some(at) => tokio::time::sleep(Duration::from_nanos(at.saturating_sub(now_ns))).await,
        None => std::future::pending().await,
    }
}
