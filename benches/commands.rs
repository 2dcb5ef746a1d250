//! A command through the light-sheet source and back: at rest, while large pictures stream, and
//! while the instrument says 20,000 things a second.
//!
//! Run with `cargo bench --bench commands [-- ROUNDS]`. Every round has all three situations, and
//! in each of them the command and a bare connection take turns: the same 128 bytes, written and
//! read by a client that does nothing else, which is the least that machine and simulator allow.
//! The command is `raw SYSTEM_STATE_GET`, which changes nothing and is answered by its echo; its
//! time is from handing it to the source until its last report is at the screen's lane.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use ttyscope::control::{Intake, StopBoard, StopReporter};
use ttyscope::model::{
    Clock, Command, CommandId, CommandReport, CommandState, Fate, LaneKind, Payload, Request,
    SourceId,
};
use ttyscope::pipeline::{Pipeline, ScreenLanes};
use ttyscope::simulators::flamingo::{Fault, Simulator, SimulatorOptions, What};
use ttyscope::sources::flamingo::{FlamingoOptions, run};
use ttyscope::sources::net::Endpoint;

const SIDE: u32 = 2048;
const HZ: f64 = 30.0;
const FLOOD: u32 = 20_000;
/// Commands of one situation in one round.
const COMMANDS: u64 = 50;
/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(30);

const STATE_GET: u32 = 0xa007;
const LIVE_STOP: u32 = 0x3008;

fn main() {
    // Cargo itself passes `--bench`.
    let rounds = std::env::args()
        .skip(1)
        .find_map(|arg| arg.parse().ok())
        .unwrap_or(20);
    let lab = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let simulator = lab
        .block_on(Simulator::start(SimulatorOptions {
            sensor_px: (SIDE, SIDE),
            live_hz: HZ,
            ..SimulatorOptions::default()
        }))
        .unwrap();
    // As the program has it.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    let mut source = {
        let _inside = runtime.enter();
        Source::start(simulator.address())
    };
    let mut bare = Bare::connect(simulator.address());
    source.wait_until("the first look", |source| source.is_read);

    let [mut rest, mut live, mut flood] = [Both::default(), Both::default(), Both::default()];
    let mut ends = Vec::new();
    let [mut frames, mut live_s, mut messages, mut flood_s] = [0.0; 4];
    for _ in 0..rounds {
        rest.measure(&mut source, &mut bare);

        source.done(Command::StartLiveView { protocol: None });
        let first = source.frames();
        source.wait_until("pictures", |source| source.frames() > first + 5);
        let (first, began) = (source.frames(), Instant::now());
        live.measure(&mut source, &mut bare);
        frames += (source.frames() - first) as f64;
        live_s += began.elapsed().as_secs_f64();
        ends.push(source.stop_live(&simulator));

        simulator.set_faults(&[Fault::MotionFlood { per_s: FLOOD }]);
        std::thread::sleep(Duration::from_millis(50));
        let (first, began) = (simulator.counters().messages_sent, Instant::now());
        flood.measure(&mut source, &mut bare);
        messages += (simulator.counters().messages_sent - first) as f64;
        flood_s += began.elapsed().as_secs_f64();
        simulator.set_faults(&[]);
        // What is still in the sockets belongs to no other situation.
        for _ in 0..10 {
            source.command();
            bare.ask();
        }
    }

    println!(
        "SYSTEM_STATE_GET and back, ms; {rounds} rounds of {COMMANDS} in each situation. \
         The simulator shares the machine."
    );
    println!("                                             p50     p99     max");
    rest.rows("at rest");
    live.rows(&format!("{SIDE}x{SIDE} at {:.0}/s", frames / live_s));
    // Two connections get it.
    flood.rows(&format!("{:.0} messages/s", messages / flood_s / 2.0));
    for (what, situation, goal) in [("pictures", &live, 2), ("messages", &flood, 20)] {
        println!(
            "  {what} add {:.2} ms to the command's p99 (goal: {goal}), {:.2} to that of the bare connection",
            part(&situation.command, 0.99) - part(&rest.command, 0.99),
            part(&situation.bare, 0.99) - part(&rest.bare, 0.99),
        );
    }
    let (received, replied): (Vec<_>, Vec<_>) = ends.into_iter().unzip();
    println!("  stopping the live view (goal: 100)");
    row("until 0x3008 is received", &received);
    row("until its reply is back", &replied);
    source.end();
    lab.block_on(simulator.stop());
}

/// Times of the command and of the bare connection in one situation, milliseconds.
#[derive(Default)]
struct Both {
    command: Vec<f64>,
    bare: Vec<f64>,
}

impl Both {
    fn measure(&mut self, source: &mut Source, bare: &mut Bare) {
        for number in 0..COMMANDS {
            // At another place between two pictures each time.
            std::thread::sleep(Duration::from_micros(1_000 + (number * 1_237) % 5_000));
            self.command.push(source.command());
            std::thread::sleep(Duration::from_micros(1_000 + (number * 2_371) % 5_000));
            self.bare.push(bare.ask());
        }
    }

    fn rows(&self, situation: &str) {
        println!("  {situation}");
        row("command", &self.command);
        row("bare connection", &self.bare);
    }
}

fn row(what: &str, times_ms: &[f64]) {
    let [p50, p99, max] = [0.5, 0.99, 1.0].map(|at| part(times_ms, at));
    println!("    {what:36} {p50:7.2} {p99:7.2} {max:7.2}");
}

/// What so many of the times did not exceed.
fn part(times_ms: &[f64], part: f64) -> f64 {
    let mut sorted = times_ms.to_vec();
    sorted.sort_by(f64::total_cmp);
    let at = (sorted.len() as f64 * part).ceil() as usize;
    sorted[at.saturating_sub(1)]
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

/// The source, with the screen's end of its pipeline: pictures are taken and not drawn.
struct Source {
    pipeline: Pipeline,
    lanes: Arc<ScreenLanes>,
    requests: mpsc::Sender<Request>,
    reports: std::sync::mpsc::Receiver<Told>,
    /// The last thing of the first look was read.
    is_read: bool,
    ids: u64,
    stop: CancellationToken,
    gone: Arc<AtomicBool>,
    _board: StopBoard,
}

enum Told {
    Report(Arc<CommandReport>, Instant),
    Storage,
}

impl Source {
    /// Has to be called within a runtime.
    fn start(address: SocketAddr) -> Self {
        let clock = Clock::system();
        let lanes = Arc::new(ScreenLanes::new(clock.clone()));
        let pipeline = Pipeline::new(clock.clone(), 1, None, Some(Arc::clone(&lanes)));
        let board = StopBoard::new(clock, 1);
        let (reporter, mut stops) = StopReporter::new();
        let (requests, intake) = Intake::new(&board, SourceId(0), 64, reporter);
        let stop = CancellationToken::new();
        let options =
            FlamingoOptions::new(Endpoint::plain(address.ip().to_string(), address.port()));
        let outlet = pipeline.outlet(SourceId(0));
        tokio::spawn(run(options, outlet, intake, stop.clone()));
        tokio::spawn(async move { while stops.recv().await.is_some() {} });
        let (tell, reports) = std::sync::mpsc::channel();
        tokio::spawn(take(Arc::clone(&lanes), tell));
        let gone = Arc::new(AtomicBool::new(false));
        std::thread::spawn({
            let (lanes, gone) = (Arc::clone(&lanes), Arc::clone(&gone));
            move || {
                while !gone.load(Ordering::Relaxed) {
                    if let Some(delivery) = lanes.take_frame(Duration::from_millis(100)) {
                        delivery.ticket.settle(Fate::Shown);
                    }
                }
            }
        });
        Self {
            pipeline,
            lanes,
            requests,
            reports,
            is_read: false,
            ids: 0,
            stop,
            gone,
            _board: board,
        }
    }

    /// Pictures that came whole.
    fn frames(&self) -> u64 {
        let book = self.pipeline.ledger().snapshot().source(SourceId(0));
        book.lanes[LaneKind::Frames as usize].received
    }

    /// One command; how long it took, milliseconds.
    fn command(&mut self) -> f64 {
        let began = Instant::now();
        let ended = self.done(Command::Raw {
            call: "SYSTEM_STATE_GET".into(),
            arguments: Vec::new(),
        });
        ms(ended - began)
    }

    /// Asks to stop the live view: until it was received, and until its end is reported.
    fn stop_live(&mut self, simulator: &Simulator) -> (f64, f64) {
        let first = simulator.log_len();
        let began = Instant::now();
        let ended = self.done(Command::StopLiveView);
        let log = simulator.log_from(first).into_iter();
        let received = log
            .filter(|entry| matches!(&entry.what, What::Received(m) if m.code == LIVE_STOP))
            .map(|entry| simulator.started() + entry.at)
            .next();
        (ms(received.unwrap() - began), ms(ended - began))
    }

    /// Asks, and waits until it is done; when that was known.
    fn done(&mut self, command: Command) -> Instant {
        self.ids += 1;
        let id = CommandId(self.ids);
        let words = command.to_string();
        let request = Request {
            id,
            command,
            operator: "bench".into(),
            stop_number: 0,
        };
        self.requests.blocking_send(request).unwrap();
        loop {
            if let Told::Report(report, at) = self.reports.recv_timeout(PATIENCE).unwrap()
                && report.id == id
                && report.is_final
            {
                assert_eq!(report.state, CommandState::Done, "{words}: {report:?}");
                return at;
            }
        }
    }

    fn wait_until(&mut self, what: &str, reached: impl Fn(&Self) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !reached(self) {
            assert!(Instant::now() < deadline, "waiting for {what}");
            let told = self.reports.recv_timeout(Duration::from_millis(2));
            self.is_read |= matches!(told, Ok(Told::Storage));
        }
    }

    fn end(self) {
        self.stop.cancel();
        self.gone.store(true, Ordering::Relaxed);
        self.lanes.close();
    }
}

/// What the loop does with samples, without a screen.
async fn take(lanes: Arc<ScreenLanes>, tell: std::sync::mpsc::Sender<Told>) {
    loop {
        let Some(delivery) = lanes.try_take() else {
            lanes.ready().await;
            continue;
        };
        delivery.ticket.settle(Fate::Shown);
        let told = match delivery.sample.payload {
            Payload::Command(report) => Told::Report(report, Instant::now()),
            Payload::Readings(all) if all.iter().any(|r| r.name.as_str() == "server/storage") => {
                Told::Storage
            }
            _ => continue,
        };
        if tell.send(told).is_err() {
            return;
        }
    }
}

/// A client that shares nothing with the source: a thread of its own reads, so that what the
/// simulator says unasked is always taken.
struct Bare {
    stream: TcpStream,
    replies: std::sync::mpsc::Receiver<Instant>,
}

impl Bare {
    fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_nodelay(true).unwrap();
        let mut reader = std::io::BufReader::with_capacity(64 << 10, stream.try_clone().unwrap());
        let (tell, replies) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            let mut message = [0; 128];
            while reader.read_exact(&mut message).is_ok() {
                let word = |at: usize| u32::from_le_bytes(message[at..at + 4].try_into().unwrap());
                let mut payload = vec![0; word(48) as usize];
                if reader.read_exact(&mut payload).is_err() {
                    return;
                }
                if word(4) == STATE_GET && tell.send(Instant::now()).is_err() {
                    return;
                }
            }
        });
        Self { stream, replies }
    }

    /// Asks, and waits for the reply; how long it took, milliseconds.
    fn ask(&mut self) -> f64 {
        let question = question();
        let began = Instant::now();
        self.stream.write_all(&question).unwrap();
        ms(self.replies.recv_timeout(PATIENCE).unwrap() - began)
    }
}

/// A question for the state. Source: protocol description of the light-sheet server, section 4.
fn question() -> [u8; 128] {
    let mut bytes = [0; 128];
    bytes[..4].copy_from_slice(&[0x54, 0xe6, 0x21, 0xf3]);
    bytes[4..8].copy_from_slice(&STATE_GET.to_le_bytes());
    bytes[36..40].copy_from_slice(&0x8000_0000_u32.to_le_bytes());
    bytes[124..].copy_from_slice(&[0x21, 0x43, 0xdc, 0xfe]);
    bytes
}
