//! Frames of 500 kB from the python-socketio frame server: our reader with the whole pipeline and
//! ledger behind it, with and without recording, against python-socketio's own AsyncClient.
//!
//! That server is Python and shares the machine with its client, so the same is measured once more
//! with a server that has everything prepared, and with a reader that looks at nothing: no client
//! that lives on this kernel's sockets (and files) can cost less.
//!
//! Needs the servers' folder (`TTYSCOPE_PEERS`, default `../shared/peers`) and a Python with
//! `python-socketio uvicorn websockets aiohttp` (`TTYSCOPE_PYTHON`, default the one that
//! `tests/interop/socketio.sh` installs). Rounds alternate, so that both see the same machine.

mod replay;

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use ttyscope::control::{Intake, StopBoard, StopReporter};
use ttyscope::model::{Clock, Fate, LaneKind, Origin, Payload, SourceId, SourceInfo};
use ttyscope::pipeline::{
    DiskLane, Order, Pipeline, RecordingLimits, RecordingPlan, Rotation, ScreenLanes,
};
use ttyscope::recorder::{Recorder, RecorderContext};
use ttyscope::sources::net::Endpoint;
use ttyscope::sources::socketio::{ClientOptions, source};

const SIZE_BYTES: usize = 500_000;
const ROUNDS: usize = 5;

fn main() {
    let args: Vec<String> = std::env::args().collect();
    let words: Vec<&str> = args.iter().skip(1).map(String::as_str).collect();
    match *words {
        ["serve", port] => replay::serve(port.parse().expect("a port")).expect("a listener"),
        [verb @ ("receive" | "drain"), port, spec, dir] => {
            let port = port.parse().expect("a port");
            let spec = serde_json::from_str(spec).expect("JSON");
            let dir = Some(Path::new(dir)).filter(|dir| dir.is_dir());
            let report = match verb {
                "receive" => receive(port, &spec, dir),
                _ => replay::drain(port, &spec, dir, cpu_seconds).expect("a server"),
            };
            println!("{report}");
        }
        _ => compare_all(),
    }
}

fn compare_all() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let peers = std::env::var_os("TTYSCOPE_PEERS")
        .map_or_else(|| root.join("../shared/peers"), PathBuf::from)
        .join("socketio");
    let python = std::env::var_os("TTYSCOPE_PYTHON").map_or_else(
        || root.join("target/interop/venv/bin/python"),
        PathBuf::from,
    );
    if !peers.join("frame_server.py").is_file() || !python.is_file() {
        println!(
            "skipped: needs {} (TTYSCOPE_PEERS) and {} (TTYSCOPE_PYTHON)",
            peers.display(),
            python.display()
        );
        return;
    }
    let bench = Bench {
        own: std::env::current_exe().expect("a program has a path"),
        python,
        peers,
    };
    println!("{SIZE_BYTES} bytes a frame, {ROUNDS} rounds in turn, medians; loopback\n");
    // As fast as the server can; then with at most eight frames under way, so that a slow disk
    // slows the server instead of losing frames, and both sides acknowledge the same.
    let free = json!({"count": 3001, "size": SIZE_BYTES, "fps": 0});
    let windowed = json!({"count": 1501, "size": SIZE_BYTES, "fps": 0, "ack_window": 8});
    use Server::{Prepared, Python};
    bench.compare("as fast as possible, shown", Python, &free, false);
    bench.compare("window of 8, shown", Python, &windowed, false);
    bench.compare("window of 8, recorded", Python, &windowed, true);
    bench.compare("prepared bytes, shown", Prepared, &free, false);
    bench.compare("prepared bytes, recorded", Prepared, &free, true);
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Server {
    /// python-socketio under uvicorn.
    Python,
    /// Ours, with everything prepared.
    Prepared,
}

/// The programs that take part.
struct Bench {
    own: PathBuf,
    python: PathBuf,
    peers: PathBuf,
}

#[derive(Default)]
struct Series {
    fps: Vec<f64>,
    cpu_per_1000: Vec<f64>,
    server_cpu_per_1000: Vec<f64>,
    frames: Vec<f64>,
}

impl Series {
    fn push(&mut self, report: &Value) {
        let number = |key: &str| report[key].as_f64().unwrap_or(f64::NAN);
        self.fps.push(number("fps"));
        self.cpu_per_1000.push(number("cpu_per_1000"));
        self.server_cpu_per_1000.push(number("server_cpu_per_1000"));
        self.frames.push(number("frames"));
    }
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
}

impl Bench {
    fn compare(&self, what: &str, server: Server, spec: &Value, record: bool) {
        let (mut theirs, mut ours, mut floor) =
            (Series::default(), Series::default(), Series::default());
        let dir = std::env::temp_dir().join(format!("ttyscope-bench-{}", std::process::id()));
        let own = |verb: &'static str| {
            let dir = dir.clone();
            move |port: u16| {
                let mut command = Command::new(&self.own);
                command.args([verb, &port.to_string(), &spec.to_string()]);
                command.arg(&dir);
                command
            }
        };
        for _ in 0..ROUNDS {
            theirs.push(&self.round(server, |port| {
                let mut command = Command::new(&self.python);
                command
                    .arg(self.peers.join("client_py.py"))
                    .arg(format!("http://127.0.0.1:{port}"))
                    .arg(spec.to_string())
                    .arg("120");
                command
            }));
            // Without the folder nothing is recorded.
            let prepare = || {
                let _ = std::fs::remove_dir_all(&dir);
                if record {
                    std::fs::create_dir_all(&dir).expect("a folder");
                }
            };
            prepare();
            ours.push(&self.round(server, own("receive")));
            if server == Server::Prepared {
                prepare();
                floor.push(&self.round(server, own("drain")));
            }
        }
        let _ = std::fs::remove_dir_all(&dir);
        println!("{what}");
        let line = |who: &str, series: &Series| {
            println!(
                "  {who:28} {:6.0} frames/s  {:6.3} CPU s per 1,000   server {:6.3}   {:.0} frames",
                median(&series.fps),
                median(&series.cpu_per_1000),
                median(&series.server_cpu_per_1000),
                median(&series.frames),
            );
        };
        line("python-socketio AsyncClient", &theirs);
        line("ttyscope", &ours);
        if server == Server::Prepared {
            line("bytes alone", &floor);
        }
        println!(
            "  ttyscope to python-socketio  {:6.2} of the rate {:6.2} of the CPU\n",
            median(&ours.fps) / median(&theirs.fps),
            median(&ours.cpu_per_1000) / median(&theirs.cpu_per_1000),
        );
    }

    /// A fresh server, one client, the client's report with the server's processor time.
    fn round(&self, server: Server, client: impl Fn(u16) -> Command) -> Value {
        let port = free_port();
        let mut command = match server {
            Server::Python => {
                let mut command = Command::new(&self.python);
                command.arg(self.peers.join("frame_server.py")).args([
                    "--port",
                    &port.to_string(),
                    "--deflate",
                    "off",
                ]);
                command
            }
            Server::Prepared => {
                let mut command = Command::new(&self.own);
                command.args(["serve", &port.to_string()]);
                command
            }
        };
        let mut server = command
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("the server starts");
        wait_for_port(port);
        let before = cpu_seconds_of(server.id());
        let output = client(port)
            .stderr(Stdio::inherit())
            .output()
            .expect("the client starts");
        let served = cpu_seconds_of(server.id()) - before;
        end(&mut server);
        let text = String::from_utf8_lossy(&output.stdout);
        let report = text
            .lines()
            .rev()
            .find_map(|line| serde_json::from_str(line).ok());
        let mut report: Value = report.unwrap_or_else(|| json!({}));
        let frames = report["frames"].as_f64().unwrap_or(f64::NAN);
        report["server_cpu_per_1000"] = json!(served * 1000.0 / frames);
        report
    }
}

fn end(child: &mut Child) {
    let _ = child.kill();
    let _ = child.wait();
}

fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    listener.local_addr().expect("an address").port()
}

fn wait_for_port(port: u16) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(Instant::now() < deadline, "the server does not listen");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// The child: source, outlet, lanes, ledger and, with `dir`, the recorder; its report.
fn receive(port: u16, spec: &Value, dir: Option<&Path>) -> Value {
    // The program's own runtime.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(receive_frames(port, spec, dir))
}

async fn receive_frames(port: u16, spec: &Value, dir: Option<&Path>) -> Value {
    let clock = Clock::system();
    let lanes = Arc::new(ScreenLanes::new(clock.clone()));
    let (disk, receiver) = DiskLane::new(64 << 20);
    let pipeline = Pipeline::new(
        clock.clone(),
        1,
        Some(disk.clone()),
        Some(Arc::clone(&lanes)),
    );
    let context = RecorderContext {
        sources: vec![SourceInfo {
            id: SourceId(0),
            name: "frames".into(),
            address: "loopback".into(),
            origin: Origin::Live,
            caution: None,
        }],
        clock: clock.clone(),
        meters: pipeline.meters().clone(),
    };
    let recorder = Recorder::spawn(receiver, context).expect("a thread");
    if let Some(dir) = dir {
        disk.order(Order::Start(RecordingPlan {
            dir: dir.to_owned(),
            stem: "bench".to_owned(),
            limits: RecordingLimits::default(),
            rotation: Rotation::default(),
        }));
        while !disk.is_taking() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
    let mut options = ClientOptions::new(Endpoint::plain("127.0.0.1", port));
    options.greetings = vec![format!("[\"start\",{spec}]")];
    let stop = CancellationToken::new();
    let board = StopBoard::new(clock.clone(), 1);
    let (_requests, intake) = Intake::new(&board, SourceId(0), 1, StopReporter::new().0);
    let outlet = pipeline.outlet(SourceId(0));
    let reader = tokio::spawn(source::run(options, outlet, intake, stop.clone()));

    // The screen's side: pictures are taken and thrown away as fast as they come.
    let viewer = std::thread::spawn({
        let lanes = Arc::clone(&lanes);
        let stop = stop.clone();
        move || {
            while !stop.is_cancelled() {
                if let Some(delivery) = lanes.take_frame(Duration::from_millis(100)) {
                    delivery.ticket.settle(Fate::Shown);
                }
            }
        }
    });
    let first = loop {
        if frames(&pipeline) > 0 {
            break Instant::now();
        }
        tokio::time::sleep(Duration::from_micros(200)).await;
    };
    let (cpu_before, frames_before) = (cpu_seconds(), frames(&pipeline));
    let last = 'done: loop {
        lanes.ready().await;
        while let Some(delivery) = lanes.try_take() {
            let done =
                matches!(&delivery.sample.payload, Payload::Message(m) if &*m.name == "done");
            delivery.ticket.settle(Fate::Shown);
            if done {
                break 'done Instant::now();
            }
        }
    };
    let cpu = cpu_seconds() - cpu_before;
    let counted = frames(&pipeline) - frames_before;
    stop.cancel();
    let _ = reader.await;
    let _ = viewer.join();
    lanes.close();
    disk.order(Order::Quit);
    let outcomes = recorder.join();
    let residue = pipeline.ledger().snapshot().source(SourceId(0)).residue();
    assert_eq!(residue, 0, "the ledger balances");
    let seconds = last.duration_since(first).as_secs_f64();
    json!({
        "frames": counted,
        "fps": counted as f64 / seconds,
        "cpu_per_1000": cpu * 1000.0 / counted as f64,
        "written": outcomes.first().map(|outcome| outcome.written),
    })
}

fn frames(pipeline: &Pipeline) -> u64 {
    let book = pipeline.ledger().snapshot().source(SourceId(0));
    let frames = &book.lanes[LaneKind::Frames as usize];
    frames.received - frames.dropped_total()
}

/// Processor time of all threads. Source: the first field of Linux's `schedstat`, nanoseconds;
/// threads that have ended are not in it, and none ends while it counts.
fn cpu_seconds() -> f64 {
    cpu_seconds_of(std::process::id())
}

/// The same of another process.
fn cpu_seconds_of(pid: u32) -> f64 {
    let tasks = std::fs::read_dir(format!("/proc/{pid}/task"));
    let tasks = tasks.into_iter().flatten();
    let sum: u64 = tasks
        .flatten()
        .filter_map(|task| std::fs::read_to_string(task.path().join("schedstat")).ok())
        .filter_map(|text| text.split_whitespace().next()?.parse::<u64>().ok())
        .sum();
    sum as f64 / 1e9
}
