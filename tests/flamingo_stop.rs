//! The light-sheet microscope's stop path against the simulator and scripted servers, over real
//! sockets on loopback.
#![allow(clippy::unwrap_used, clippy::panic)]

#[path = "flamingo_simulator/client.rs"]
#[allow(dead_code)]
mod client;

use std::time::Duration;

use client::{Ask, Client, PATIENCE};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use ttyscope::control::{StopBoard, StopReporter, StopReports, Watcher};
use ttyscope::model::{
    Clock, SourceId, StopEvent, StopLevel, StopOrigin, StopPath, StopPress, StopReport, StopState,
};
use ttyscope::protocol::flamingo::{Override, Profile};
use ttyscope::simulators::flamingo::{
    Axis, Deed, Fault, Lights, Simulator, SimulatorOptions, What,
};
use ttyscope::sources::flamingo::{FlamingoOptions, Patience, stop};
use ttyscope::sources::net::Endpoint;

const HALT: u32 = 0x6002;
/// Ends a workflow, which would go on to its next move after a halt.
const WORKFLOW_STOP: u32 = 0x3005;
const SAFE: [(u32, i32); 9] = [
    (0x6002, 0),
    (0x3005, 0),
    (0x2007, 1),
    (0x2007, 2),
    (0x2007, 3),
    (0x2007, 4),
    (0x4003, 0),
    (0x7005, 0),
    (0x7007, 0),
];

/// Options for a server on this port whose answers are never given up.
fn options(port: u16) -> FlamingoOptions {
    let mut options = FlamingoOptions::new(Endpoint::plain("127.0.0.1", port));
    options.patience = Patience {
        connect: PATIENCE,
        alive: PATIENCE,
        halt: PATIENCE,
        write: PATIENCE,
        path_check: Duration::from_millis(50),
        ..Patience::default()
    };
    options
}

/// A stop path on a thread and a runtime of its own, as in the program.
struct Stopper {
    board: StopBoard,
    reports: StopReports,
    seen: Vec<StopEvent>,
    end: CancellationToken,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Stopper {
    fn start(options: FlamingoOptions) -> Self {
        Self::start_pressed(options, 0)
    }

    /// A path that begins with so many presses waiting for it.
    fn start_pressed(options: FlamingoOptions, presses: usize) -> Self {
        let board = StopBoard::new(Clock::system(), 1);
        let watch = board.watch(SourceId(0), Watcher::Path);
        for _ in 0..presses {
            board.press(StopOrigin::Key);
        }
        let (tell, reports) = StopReporter::new();
        let end = CancellationToken::new();
        let token = end.clone();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build();
            runtime
                .unwrap()
                .block_on(stop::run(options, watch, tell, token));
        });
        Self {
            board,
            reports,
            seen: Vec::new(),
            end,
            thread: Some(thread),
        }
    }

    async fn ready(options: FlamingoOptions) -> Self {
        let mut stopper = Self::start(options);
        stopper.until_ready().await;
        stopper
    }

    fn press(&self) -> StopPress {
        self.board.press(StopOrigin::Key)
    }

    async fn event(&mut self) -> StopEvent {
        let Ok(event) = timeout(PATIENCE, self.reports.recv()).await else {
            panic!("nothing more is said; there was {:#?}", self.seen);
        };
        let (_, event) = event.unwrap();
        self.seen.push(event.clone());
        event
    }

    async fn report(&mut self) -> StopReport {
        loop {
            if let StopEvent::Report(report) = self.event().await {
                return report;
            }
        }
    }

    async fn until_ready(&mut self) {
        while !matches!(
            self.event().await,
            StopEvent::Path(StopPath::Ready { round_trip_ns: 1.. })
        ) {}
    }

    async fn until_down(&mut self) -> String {
        loop {
            if let StopEvent::Path(StopPath::Down { why }) = self.event().await {
                return why.to_string();
            }
        }
    }

    /// The next report is that `press` was sent; how it was worded.
    async fn sent(&mut self, press: StopPress) -> String {
        let report = self.report().await;
        assert_eq!(report.press, press);
        assert!(
            matches!(report.state, StopState::Sent { after_ns: 1.. }),
            "{report:?}"
        );
        report.detail.unwrap_or_else(|| "".into()).to_string()
    }

    async fn acknowledged(&mut self, press: StopPress) {
        let report = self.report().await;
        assert_eq!(report.press, press);
        assert!(
            matches!(report.state, StopState::Acknowledged { after_ns: 1.. }),
            "{report:?}"
        );
    }

    /// The next report is this.
    async fn says(&mut self, press: StopPress, state: StopState) -> String {
        let report = self.report().await;
        assert_eq!((report.press, report.state), (press, state));
        report.detail.unwrap_or_else(|| "".into()).to_string()
    }

    /// Ends the path and returns when it has ended.
    async fn end(mut self) {
        self.end.cancel();
        let thread = self.thread.take().unwrap();
        let joined = tokio::task::spawn_blocking(move || thread.join());
        timeout(PATIENCE, joined).await.unwrap().unwrap().unwrap();
    }
}

impl Drop for Stopper {
    fn drop(&mut self) {
        self.end.cancel();
    }
}

async fn simulator(options: SimulatorOptions) -> Simulator {
    Simulator::start(options).await.unwrap()
}

async fn usual() -> Simulator {
    simulator(SimulatorOptions::default()).await
}

/// A port pair that was free a moment ago.
async fn free_port() -> u16 {
    let simulator = usual().await;
    let port = simulator.address().port();
    simulator.stop().await;
    port
}

async fn on_port(port: u16) -> Simulator {
    simulator(SimulatorOptions {
        port,
        ..SimulatorOptions::default()
    })
    .await
}

async fn until(simulator: &Simulator, what: &str, reached: impl FnMut(&Simulator) -> bool) {
    let waited = timeout(PATIENCE, simulator.until(reached)).await;
    assert!(waited.is_ok(), "{what}: {:#?}", simulator.log());
}

/// The codes and first arguments of what was received, without the questions for the state.
fn received(simulator: &Simulator) -> Vec<(u32, i32)> {
    let log = simulator.log().into_iter();
    log.filter_map(|entry| match entry.what {
        What::Received(message) if message.code != 0xa007 => Some((message.code, message.d0)),
        _ => None,
    })
    .collect()
}

fn deeds(simulator: &Simulator) -> Vec<Deed> {
    let log = simulator.log().into_iter();
    log.filter_map(|entry| match entry.what {
        What::Did(deed) => Some(deed),
        _ => None,
    })
    .collect()
}

#[tokio::test]
async fn a_press_halts_a_moving_stage() {
    let simulator = usual().await;
    let mut stopper = Stopper::ready(options(simulator.address().port())).await;
    for axis in [Axis::X, Axis::R] {
        // Seconds away.
        simulator.move_by_other_client(axis, 15.0);
    }
    until(&simulator, "both move", |s| s.is_moving()).await;
    let press = stopper.press();
    stopper.sent(press).await;
    stopper.acknowledged(press).await;
    until(&simulator, "both are halted", |s| !s.is_moving()).await;
    let deeds = deeds(&simulator);
    for axis in [Axis::X, Axis::R] {
        let is_halted = |deed: &Deed| matches!(deed, Deed::MoveHalted { axis: a, at } if *a == axis && *at < 15.0);
        assert!(deeds.iter().any(is_halted), "{axis:?}: {deeds:?}");
    }
    let is_end = |deed: &Deed| matches!(deed, Deed::MoveEnded { .. });
    assert!(!deeds.iter().any(is_end), "{deeds:?}");
    let [x, _, _, r] = simulator.positions();
    assert!(x < 15.0 && r < 15.0, "{x} {r}");
}

#[tokio::test]
async fn a_move_that_overtakes_the_halt_is_halted_too() {
    let simulator = usual().await;
    let mut stopper = Stopper::ready(options(simulator.address().port())).await;
    let press = stopper.press();
    stopper.sent(press).await;
    stopper.acknowledged(press).await;
    // As if the source had written it before it saw the press.
    simulator.move_by_other_client(Axis::X, 15.0);
    until(&simulator, "it is halted", |s| {
        deeds(s)
            .iter()
            .any(|deed| matches!(deed, Deed::MoveHalted { axis: Axis::X, .. }))
    })
    .await;
    let once = [(HALT, 0), (WORKFLOW_STOP, 0)];
    assert_eq!(received(&simulator), [once, once].concat());
    // The repetition is no news.
    stopper.until_ready().await;
    let reports = stopper.seen.iter();
    let reports = reports.filter(|event| matches!(event, StopEvent::Report(_)));
    assert_eq!(reports.count(), 2, "{:?}", stopper.seen);
}

#[tokio::test]
async fn a_stop_that_was_cleared_is_not_repeated() {
    let simulator = usual().await;
    let mut stopper = Stopper::ready(options(simulator.address().port())).await;
    let press = stopper.press();
    stopper.board.clear(stopper.board.number());
    stopper.sent(press).await;
    stopper.acknowledged(press).await;
    // Questions begin again when nothing is to be repeated any more.
    stopper.until_ready().await;
    assert_eq!(received(&simulator), [(HALT, 0), (WORKFLOW_STOP, 0)]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_press_is_missed_in_a_flood() {
    let simulator = usual().await;
    let mut stopper = Stopper::ready(options(simulator.address().port())).await;
    simulator.set_faults(&[Fault::MotionFlood { per_s: 20_000 }]);
    let sent = simulator.counters().messages_sent;
    until(&simulator, "the flood", |s| {
        s.counters().messages_sent > sent + 10_000
    })
    .await;
    for number in 1..=200 {
        let press = stopper.board.press_level(StopLevel::Halt, StopOrigin::Key);
        assert_eq!(press.number, number);
        stopper.sent(press).await;
        stopper.acknowledged(press).await;
    }
    let all = received(&simulator);
    let halts = all.iter().filter(|one| **one == (HALT, 0)).count();
    assert!(halts >= 200, "{halts}");
    let is_stop = |one: &(u32, i32)| matches!(one, (HALT | WORKFLOW_STOP, 0));
    assert!(all.iter().all(is_stop));
    // Nothing has ended the connection.
    assert_eq!(simulator.counters().clients, 1);
}

fn workflow() -> String {
    let stack = "<Workflow Settings>
  <Experiment Settings>
    Plane spacing (um) = 1.0
    Frame rate (f/s) = 10.0
    Save image data = Raw
  </Experiment Settings>
  <Stack Settings>
    Number of planes = 400
    Stack option = ZStack
  </Stack Settings>
  <Start Position>
    X (mm) = 9.0
    Z (mm) = 20.0
  </Start Position>
  <End Position>
    X (mm) = 9.001
    Z (mm) = 20.4
  </End Position>
  <Illumination Source>
    Laser 2 2: 488 nm MLE = 7.50 1
  </Illumination Source>
  <Illumination Path>
    Left path = ON 1
  </Illumination Path>
</Workflow Settings>
";
    stack.to_owned()
}

#[tokio::test]
async fn a_second_press_switches_light_off_and_ends_a_workflow() {
    let simulator = usual().await;
    let mut stopper = Stopper::ready(options(simulator.address().port())).await;
    let mut other = Client::connect(simulator.address()).await;
    for ask in [
        Ask::new(0x4002),
        Ask::of(0x2004, 3),
        Ask::new(0x7006),
        Ask::with(0x3004, workflow()),
    ] {
        other.send(&ask).await;
    }
    until(&simulator, "the workflow takes pictures", |s| {
        s.state() == 0xa005 && s.lights_on()
    })
    .await;
    let first = stopper.press();
    stopper.sent(first).await;
    stopper.acknowledged(first).await;
    let second = stopper.press();
    assert_eq!(second.level, StopLevel::Safe);
    stopper.sent(second).await;
    stopper.acknowledged(second).await;
    until(&simulator, "all is dark and idle", |s| {
        s.state() == 0xa002 && s.lights() == Lights::default()
    })
    .await;
    let is_stop = |deed: &Deed| matches!(deed, Deed::WorkflowStopped { .. });
    assert!(deeds(&simulator).iter().any(is_stop));
}

#[tokio::test]
async fn a_halt_without_echo_is_no_answer() {
    let simulator = usual().await;
    let mut options = options(simulator.address().port());
    options.patience.halt = Duration::from_millis(20);
    let mut stopper = Stopper::ready(options).await;
    simulator.set_faults(&[Fault::NoHaltEcho]);
    simulator.move_by_other_client(Axis::Z, 12.0);
    let press = stopper.press();
    stopper.sent(press).await;
    stopper.says(press, StopState::NoAnswer).await;
    until(&simulator, "halted all the same", |s| !s.is_moving()).await;
    // The way is open all the same.
    stopper.until_ready().await;
}

#[tokio::test]
async fn an_answer_that_comes_late_is_told() {
    let simulator = usual().await;
    let mut options = options(simulator.address().port());
    options.patience.halt = Duration::from_millis(10);
    let mut stopper = Stopper::ready(options).await;
    simulator.set_faults(&[Fault::DelayedReplies {
        by: Duration::from_millis(300),
    }]);
    let press = stopper.press();
    stopper.sent(press).await;
    stopper.says(press, StopState::NoAnswer).await;
    stopper.acknowledged(press).await;
}

#[tokio::test]
async fn a_halt_that_the_server_declines_is_refused() {
    let simulator = usual().await;
    let mut stopper = Stopper::ready(options(simulator.address().port())).await;
    simulator.set_faults(&[Fault::WrongStatus { status: 0 }]);
    let press = stopper.press();
    stopper.sent(press).await;
    let why = stopper.says(press, StopState::Refused).await;
    assert!(why.contains("status 0"), "{why}");
}

#[tokio::test]
async fn what_is_not_the_answer_is_not_taken_for_it() {
    let simulator = usual().await;
    let mut stopper = Stopper::ready(options(simulator.address().port())).await;
    simulator.set_faults(&[
        Fault::ForeignReplies,
        Fault::DuplicatedReplies,
        Fault::JunkBytes { every: 1 },
    ]);
    for _ in 0..3 {
        let press = stopper.press();
        stopper.sent(press).await;
        stopper.acknowledged(press).await;
    }
    stopper.until_ready().await;
}

#[tokio::test]
async fn a_press_without_a_server_is_sent_when_there_is_one() {
    let port = free_port().await;
    let mut stopper = Stopper::start(options(port));
    let why = stopper.until_down().await;
    assert!(
        why.contains("refused the connection") && why.contains("source's own connection"),
        "{why}"
    );
    let press = stopper.press();
    let why = stopper.says(press, StopState::NotSent).await;
    assert!(why.contains("no connection"), "{why}");
    let simulator = on_port(port).await;
    let late = stopper.sent(press).await;
    assert!(late.contains("as soon as there was a connection"), "{late}");
    stopper.acknowledged(press).await;
    stopper.until_ready().await;
    assert_eq!(received(&simulator).first(), Some(&(HALT, 0)));
}

#[tokio::test]
async fn a_press_that_was_cleared_before_it_could_be_sent_is_not_sent() {
    let port = free_port().await;
    let mut stopper = Stopper::start(options(port));
    stopper.until_down().await;
    let press = stopper.press();
    stopper.says(press, StopState::NotSent).await;
    stopper.board.clear(stopper.board.number());
    let simulator = on_port(port).await;
    stopper.until_ready().await;
    assert_eq!(received(&simulator), []);
    let press = stopper.press();
    stopper.sent(press).await;
    stopper.acknowledged(press).await;
}

#[tokio::test]
async fn a_press_while_connecting_is_the_first_thing_that_is_sent() {
    let simulator = usual().await;
    let options = options(simulator.address().port());
    // Two presses: light too.
    let mut stopper = Stopper::start_pressed(options, 2);
    let press = stopper.board.latch().unwrap().press;
    assert_eq!((press.number, press.level), (2, StopLevel::Safe));
    stopper.says(press, StopState::NotSent).await;
    stopper.sent(press).await;
    stopper.acknowledged(press).await;
    until(&simulator, "all was received", |s| received(s).len() >= 9).await;
    let codes = simulator.log().into_iter().filter_map(|e| match e.what {
        What::Received(message) => Some((message.code, message.d0)),
        _ => None,
    });
    let first: Vec<(u32, i32)> = codes.take(9).collect();
    assert_eq!(first, SAFE);
}

#[tokio::test]
async fn a_path_that_breaks_is_said_and_comes_back() {
    let first = usual().await;
    let port = first.address().port();
    let mut stopper = Stopper::ready(options(port)).await;
    assert_eq!(
        stopper.seen.first(),
        Some(&StopEvent::Path(StopPath::Opening))
    );
    first.stop().await;
    let why = stopper.until_down().await;
    assert!(why.contains(&format!("127.0.0.1:{port}")), "{why}");
    let _second = on_port(port).await;
    stopper.until_ready().await;
    let press = stopper.press();
    stopper.sent(press).await;
    stopper.acknowledged(press).await;
}

#[tokio::test]
async fn a_server_that_takes_no_second_client_is_said() {
    let simulator = usual().await;
    let _other = Client::connect(simulator.address()).await;
    until(&simulator, "the other is in", |s| s.counters().clients == 1).await;
    simulator.set_faults(&[Fault::RefuseSecondClient]);
    let mut stopper = Stopper::start(options(simulator.address().port()));
    let why = stopper.until_down().await;
    assert!(
        why.contains("may take no more clients")
            && why.contains("source's own connection remains the only way"),
        "{why}"
    );
    let press = stopper.press();
    stopper.says(press, StopState::NotSent).await;
    simulator.set_faults(&[]);
    loop {
        let report = stopper.report().await;
        assert_eq!(report.press, press);
        if matches!(report.state, StopState::Acknowledged { .. }) {
            break;
        }
    }
}

#[tokio::test]
async fn a_server_that_says_nothing_is_down_and_is_sent_to() {
    let simulator = usual().await;
    simulator.set_faults(&[Fault::SilentServer]);
    let mut options = options(simulator.address().port());
    options.patience.alive = Duration::from_millis(150);
    options.patience.halt = Duration::from_millis(20);
    let mut stopper = Stopper::start(options);
    let why = stopper.until_down().await;
    assert!(why.contains("has not answered"), "{why}");
    let why = stopper.until_down().await;
    assert!(why.contains("is the control program running"), "{why}");
    simulator.set_faults(&[]);
    stopper.until_ready().await;
    simulator.set_faults(&[Fault::SilentServer]);
    let press = stopper.press();
    stopper.sent(press).await;
    stopper.says(press, StopState::NoAnswer).await;
    until(&simulator, "it was received", |s| {
        received(s).contains(&(HALT, 0))
    })
    .await;
}

#[tokio::test]
async fn a_way_that_nothing_shows_to_be_open_is_an_alarm_and_is_used() {
    let simulator = usual().await;
    let mut options = options(simulator.address().port());
    let none: Override = "SYSTEM_STATE_GET = none".parse().unwrap();
    options.profile = Profile::current().with(&[none]).unwrap();
    let mut stopper = Stopper::start(options);
    let why = stopper.until_down().await;
    assert!(why.contains("SYSTEM_STATE_GET"), "{why}");
    let press = stopper.press();
    stopper.sent(press).await;
    stopper.acknowledged(press).await;
    stopper.end().await;
}

/// A server that follows a script.
struct Peer(TcpStream);

impl Peer {
    async fn accept(listener: &TcpListener) -> Self {
        let accepted = timeout(PATIENCE, listener.accept()).await;
        Self(accepted.unwrap().unwrap().0)
    }

    /// The next message: its code and first argument.
    async fn next(&mut self) -> (u32, i32) {
        let mut bytes = [0; 128];
        let read = timeout(PATIENCE, self.0.read_exact(&mut bytes)).await;
        read.unwrap().unwrap();
        let word = |at: usize| i32::from_le_bytes(bytes[at..at + 4].try_into().unwrap());
        assert_eq!(word(48), 0, "no payload");
        (word(4) as u32, word(24))
    }

    async fn say(&mut self, code: u32) {
        let mut bytes = Ask::new(code).bytes();
        bytes[8] = 1;
        self.0.write_all(&bytes).await.unwrap();
    }
}

#[tokio::test]
async fn presses_wait_for_no_answer() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut stopper = Stopper::start(options(listener.local_addr().unwrap().port()));
    let mut peer = Peer::accept(&listener).await;
    // The question stays without an answer, and so does the first press.
    assert_eq!(peer.next().await, (0xa007, 0));
    let first = stopper.press();
    stopper.sent(first).await;
    assert_eq!(peer.next().await, (HALT, 0));
    assert_eq!(peer.next().await, (WORKFLOW_STOP, 0));
    let second = stopper.press();
    stopper.sent(second).await;
    // The first may have been repeated, on a slow machine.
    let mut next = peer.next().await;
    let mut all = Vec::new();
    while all.len() < SAFE.len() {
        all.push(next);
        if all == [(HALT, 0), (WORKFLOW_STOP, 0), (HALT, 0)] {
            all.drain(..2);
        }
        if all.len() < SAFE.len() {
            next = peer.next().await;
        }
    }
    assert_eq!(all, SAFE);
    peer.say(HALT).await;
    stopper.acknowledged(first).await;
    peer.say(HALT).await;
    stopper.acknowledged(second).await;
    // The question is still open, and another one comes after its answer.
    peer.say(0xa007).await;
    stopper.until_ready().await;
    while peer.next().await != (0xa007, 0) {}
}

#[tokio::test]
async fn a_connection_that_breaks_before_the_answer_gets_the_press_again() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut stopper = Stopper::start(options(listener.local_addr().unwrap().port()));
    let mut peer = Peer::accept(&listener).await;
    assert_eq!(peer.next().await, (0xa007, 0));
    let press = stopper.press();
    stopper.sent(press).await;
    assert_eq!(peer.next().await, (HALT, 0));
    drop(peer);
    let why = stopper.says(press, StopState::NoAnswer).await;
    assert!(why.contains("connection ended"), "{why}");
    let mut peer = Peer::accept(&listener).await;
    assert_eq!(peer.next().await, (HALT, 0));
    stopper.sent(press).await;
    peer.say(HALT).await;
    stopper.acknowledged(press).await;
}

#[tokio::test]
async fn at_the_end_the_server_can_read_what_was_sent() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut stopper = Stopper::start(options(listener.local_addr().unwrap().port()));
    let mut peer = Peer::accept(&listener).await;
    assert_eq!(peer.next().await, (0xa007, 0));
    let press = stopper
        .board
        .press_level(StopLevel::Safe, StopOrigin::Outside);
    stopper.sent(press).await;
    // Unread by us when we close; a reset would take the rest of the stop from the server.
    peer.0.write_all(&[0; 100_000]).await.unwrap();
    stopper.end.cancel();
    let mut rest = Vec::new();
    let read = timeout(PATIENCE, peer.0.read_to_end(&mut rest)).await;
    read.unwrap().unwrap();
    assert_eq!(rest.len() % 128, 0);
    assert!(rest.len() >= SAFE.len() * 128, "{}", rest.len());
    drop(peer);
    stopper.end().await;
}
