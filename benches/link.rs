//! What a slow link leaves of the keyboard and of the picture.
//!
//! Run with `cargo bench --bench link [-- SECONDS]`. The program runs in a pseudo-terminal whose other
//! side is a link of a given rate with a hundred milliseconds each way and room for 64 kB before
//! it (what ssh and the system hold for a stalled connection is more). At its far end stands a
//! terminal that answers status requests once it has shown what stood before them. Somebody types
//! into the palette beside a live picture; an echo counts from the key at the far end to the
//! letter at the far end.
//!
//! The naive way is measured in the same run over the same kind of link: the same screen at thirty
//! updates a second at most, each written whole through one writer that is asked for the next when it
//! has done, as the program did before it knew its link.
#![allow(clippy::unwrap_used)]

use std::collections::VecDeque;
use std::io::{Read, Write};
use std::num::NonZeroU16;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};
use ttyscope::simulators::imswitch::{Simulator, SimulatorOptions};

const COLS: u16 = 120;
const ROWS: u16 = 40;
const ONE_WAY: Duration = Duration::from_millis(100);
/// What lies between a write and the link.
const BUFFER: usize = 64 * 1024;
/// What an echo may take beyond the round trip.
const ALLOWED: Duration = Duration::from_millis(100);
const FRAME: Duration = Duration::from_millis(33);

fn main() {
    let seconds = std::env::args()
        .skip(1)
        .find_map(|arg| arg.parse().ok())
        .unwrap_or(25);
    let watched = Duration::from_secs(seconds);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    // About one noisy pixel to a dot of the screen, so that all of it changes with every picture.
    let options = SimulatorOptions {
        sensor_px: (64, 64),
        throttle_ms: 25,
        ..SimulatorOptions::default()
    };
    let microscope = runtime.block_on(Simulator::start(options)).unwrap();
    let url = format!("scope=imswitch://{}", microscope.address());
    println!(
        "{COLS}x{ROWS} terminal, {} ms round trip, noisy 64x64 pictures at 30/s, {seconds} s each\n",
        2 * ONE_WAY.as_millis()
    );
    println!("  rate         way       echo p50     p95  keys  pictures/s    kB/s");
    let mut rates = Vec::new();
    for (name, bits_per_s) in [
        ("0.1 Mbit/s", 1e5),
        ("1 Mbit/s", 1e6),
        ("10 Mbit/s", 1e7),
        // Only to see that it stays usable.
        ("9600 baud", 7_680.0),
    ] {
        let wire = Wire {
            bytes_per_s: bits_per_s / 8.0,
        };
        let budget = measure_program(&url, wire, watched);
        println!("  {name:11}  budget {budget}");
        let naive = measure_naive(&url, wire, watched);
        println!("  {name:11}  naive  {naive}");
        rates.push((name, budget));
    }
    println!();
    let limit = 2 * ONE_WAY + ALLOWED;
    rates.truncate(3);
    for (name, seen) in &rates {
        let word = if seen.p95() < limit { "yes" } else { "NO" };
        println!("  {name}: echo p95 below {} ms: {word}", limit.as_millis());
    }
    let rises = rates
        .windows(2)
        .all(|pair| pair[0].1.pictures_per_s < pair[1].1.pictures_per_s);
    let word = if rises { "yes" } else { "NO" };
    println!("  pictures a second rise with the rate: {word}");
    runtime.block_on(microscope.stop());
}

/// What was seen at the far end.
struct Seen {
    /// Sorted.
    echoes: Vec<Duration>,
    pictures_per_s: f64,
    bytes_per_s: f64,
}

impl Seen {
    fn quantile(&self, share: f64) -> Duration {
        let last = self.echoes.len().saturating_sub(1);
        let at = (share * last as f64).ceil() as usize;
        self.echoes.get(at).copied().unwrap_or(Duration::MAX)
    }

    fn p95(&self) -> Duration {
        self.quantile(0.95)
    }
}

impl std::fmt::Display for Seen {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let ms = |time: Duration| format!("{} ms", time.as_millis());
        write!(
            f,
            "{:>11} {:>7}  {:4}  {:10.1}  {:6.1}",
            ms(self.quantile(0.5)),
            ms(self.p95()),
            self.echoes.len(),
            self.pictures_per_s,
            self.bytes_per_s / 1e3
        )
    }
}

#[derive(Clone, Copy)]
struct Wire {
    bytes_per_s: f64,
}

/// The terminal at the far end.
struct Far {
    screen: Mutex<Screen>,
    changed: Condvar,
}

struct Screen {
    parser: vt100::Parser<Answers>,
    bytes: u64,
}

/// What the terminal has to say, and the updates that were complete.
#[derive(Default)]
struct Answers {
    said: Vec<u8>,
    updates: u64,
}

impl vt100::Callbacks for Answers {
    fn unhandled_csi(
        &mut self,
        screen: &mut vt100::Screen,
        i1: Option<u8>,
        _: Option<u8>,
        params: &[&[u16]],
        c: char,
    ) {
        match (i1, params, c) {
            (None, [[5]], 'n') => self.said.extend_from_slice(b"\x1b[0n"),
            (None, [[6]], 'n') => {
                let (row, col) = screen.cursor_position();
                let answer = format!("\x1b[{};{}R", row + 1, col + 1);
                self.said.extend_from_slice(answer.as_bytes());
            }
            (Some(b'?'), [[2026]], 'l') => self.updates += 1,
            _ => {}
        }
    }
}

impl Far {
    fn new() -> Arc<Self> {
        let cells = |n: u16| NonZeroU16::new(n).unwrap();
        let parser =
            vt100::Parser::new_with_callbacks(cells(ROWS), cells(COLS), 0, Answers::default());
        Arc::new(Self {
            screen: Mutex::new(Screen { parser, bytes: 0 }),
            changed: Condvar::new(),
        })
    }

    /// Shows bytes that arrived and returns what the terminal answers.
    fn show(&self, bytes: &[u8]) -> Vec<u8> {
        let mut screen = self.screen.lock().unwrap();
        screen.parser.process(bytes);
        screen.bytes += bytes.len() as u64;
        self.changed.notify_all();
        std::mem::take(&mut screen.parser.callbacks_mut().said)
    }

    /// Waits until the screen is as wanted, for at most `patience`.
    fn wait_for(&self, patience: Duration, wanted: impl Fn(&vt100::Screen) -> bool) -> bool {
        let screen = self.screen.lock().unwrap();
        let (_screen, timeout) = self
            .changed
            .wait_timeout_while(screen, patience, |screen| !wanted(screen.parser.screen()))
            .unwrap();
        !timeout.timed_out()
    }

    fn wait_for_text(&self, text: &str) {
        let found = self.wait_for(Duration::from_secs(120), |screen| {
            screen.contents().contains(text)
        });
        assert!(found, "{text:?} never came:\n{}", self.text());
    }

    fn text(&self) -> String {
        self.screen.lock().unwrap().parser.screen().contents()
    }

    fn counted(&self) -> (u64, u64) {
        let screen = self.screen.lock().unwrap();
        (screen.bytes, screen.parser.callbacks().updates)
    }
}

/// What was written and has not left yet: a write waits while it is full.
#[derive(Default)]
struct Fifo {
    state: Mutex<(VecDeque<u8>, bool)>,
    changed: Condvar,
}

impl Fifo {
    fn push(&self, mut bytes: &[u8]) {
        let mut state = self.state.lock().unwrap();
        while !bytes.is_empty() && !state.1 {
            let room = BUFFER - state.0.len().min(BUFFER);
            let (now, later) = bytes.split_at(room.min(bytes.len()));
            state.0.extend(now);
            bytes = later;
            self.changed.notify_all();
            if !bytes.is_empty() {
                state = self.changed.wait(state).unwrap();
            }
        }
    }

    fn pop(&self, most: usize) -> Option<Vec<u8>> {
        let mut state = self.state.lock().unwrap();
        while state.0.is_empty() && !state.1 {
            state = self.changed.wait(state).unwrap();
        }
        if state.0.is_empty() {
            return None;
        }
        let count = most.min(state.0.len());
        let bytes = state.0.drain(..count).collect();
        self.changed.notify_all();
        Some(bytes)
    }

    fn close(&self) {
        self.state.lock().unwrap().1 = true;
        self.changed.notify_all();
    }
}

/// A link with a terminal at its far end: what is pushed into `fifo` arrives there, and what is
/// typed or answered there comes out of the receiver.
struct Link {
    fifo: Arc<Fifo>,
    far: Arc<Far>,
    typed: Sender<(Instant, Vec<u8>)>,
}

impl Link {
    fn start(wire: Wire) -> (Self, Receiver<(Instant, Vec<u8>)>) {
        let (fifo, far) = (Arc::<Fifo>::default(), Far::new());
        let (typed, keyboard) = channel();
        let (arriving, arrivals) = channel::<(Instant, Vec<u8>)>();
        let queue = Arc::clone(&fifo);
        thread::spawn(move || {
            // Five milliseconds' worth at a time: what a packet may be late.
            let most = ((wire.bytes_per_s * 0.005) as usize).max(1);
            let mut free = Instant::now();
            while let Some(bytes) = queue.pop(most) {
                let took = Duration::from_secs_f64(bytes.len() as f64 / wire.bytes_per_s);
                free = free.max(Instant::now() - Duration::from_millis(5)) + took;
                thread::sleep(free.saturating_duration_since(Instant::now()));
                if arriving.send((free + ONE_WAY, bytes)).is_err() {
                    return;
                }
            }
        });
        let (screen, answers) = (Arc::clone(&far), typed.clone());
        thread::spawn(move || {
            for (at, bytes) in arrivals {
                thread::sleep(at.saturating_duration_since(Instant::now()));
                let answer = screen.show(&bytes);
                let back = (Instant::now() + ONE_WAY, answer);
                if !back.1.is_empty() && answers.send(back).is_err() {
                    return;
                }
            }
        });
        (Self { fifo, far, typed }, keyboard)
    }

    fn press(&self, keys: &str) {
        let typed = (Instant::now() + ONE_WAY, keys.as_bytes().to_vec());
        self.typed.send(typed).unwrap();
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.fifo.close();
    }
}

/// The program in a pseudo-terminal of its own.
struct Program {
    child: Box<dyn Child + Send + Sync>,
    _master: Box<dyn MasterPty + Send>,
    _dir: tempfile::TempDir,
}

impl Program {
    /// `show` gets what it writes, `keyboard` is what is typed and when it is to arrive.
    fn start(
        url: &str,
        mut show: impl FnMut(&[u8]) + Send + 'static,
        keyboard: Receiver<(Instant, Vec<u8>)>,
    ) -> Self {
        let size = PtySize {
            rows: ROWS,
            cols: COLS,
            pixel_width: 0,
            pixel_height: 0,
        };
        let pair = native_pty_system().openpty(size).unwrap();
        let dir = tempfile::tempdir().unwrap();
        let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_ttyscope"));
        command.args([url]);
        command.cwd(dir.path());
        command.env("TERM", "xterm-256color");
        command.env("COLORTERM", "truecolor");
        for name in [
            "HOME",
            "XDG_CONFIG_HOME",
            "XDG_STATE_HOME",
            "XDG_DATA_HOME",
            "XDG_RUNTIME_DIR",
        ] {
            command.env(name, dir.path());
        }
        command.env_remove("NO_COLOR");
        let child = pair.slave.spawn_command(command).unwrap();
        drop(pair.slave);
        let mut reader = pair.master.try_clone_reader().unwrap();
        thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(count @ 1..) = reader.read(&mut buffer) {
                show(&buffer[..count]);
            }
        });
        let mut writer = pair.master.take_writer().unwrap();
        thread::spawn(move || {
            for (at, bytes) in keyboard {
                thread::sleep(at.saturating_duration_since(Instant::now()));
                if writer.write_all(&bytes).is_err() {
                    return;
                }
            }
        });
        Self {
            child,
            _master: pair.master,
            _dir: dir,
        }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn measure_program(url: &str, wire: Wire, watched: Duration) -> Seen {
    let (link, keyboard) = Link::start(wire);
    let fifo = Arc::clone(&link.fifo);
    let _program = Program::start(url, move |bytes| fifo.push(bytes), keyboard);
    watch(&link, watched, |far| {
        // The ledger says how many pictures it has written completely.
        link.press("6");
        far.wait_for_text("pictures skipped");
        // A slow link paints the row bit by bit; no picture is shown any more that would change it.
        let mut before = None;
        loop {
            thread::sleep(Duration::from_secs(1));
            let now = shown_pictures(&far.text());
            if let (Some(now), true) = (now, now == before) {
                return now;
            }
            before = now;
        }
    })
}

/// How many pictures of its source the ledger of the pipeline screen has as shown.
fn shown_pictures(text: &str) -> Option<u64> {
    let line = text.lines().find(|line| line.contains(" frames "))?;
    let (_, numbers) = line.split_once(" frames ")?;
    // Received, shown, and so on; blanks part thousands as well as columns, but two part columns.
    let columns = numbers.trim().split("  ").filter(|part| !part.is_empty());
    let mut numbers = columns.map(|part| part.replace(' ', "").parse::<u64>());
    let (_received, shown) = (numbers.next()?.ok()?, numbers.next()?.ok()?);
    // The whole row is there: its last column is an age or a dash.
    (numbers.count() >= 6).then_some(shown)
}

fn measure_naive(url: &str, wire: Wire, watched: Duration) -> Seen {
    let (link, keyboard) = Link::start(wire);
    // The program draws as fast as it likes on a screen that is then sent on.
    let near = Far::new();
    let screen = Arc::clone(&near);
    let (answers, answered) = channel();
    let keys = {
        let (both, keyboard_of_both) = channel();
        let typed = both.clone();
        thread::spawn(move || keyboard.iter().all(|key| typed.send(key).is_ok()));
        thread::spawn(move || answered.iter().all(|key| both.send(key).is_ok()));
        keyboard_of_both
    };
    let show = move |bytes: &[u8]| {
        let answer = screen.show(bytes);
        let _ = answers.send((Instant::now(), answer));
    };
    let _program = Program::start(url, show, keys);
    let fifo = Arc::clone(&link.fifo);
    thread::spawn(move || {
        let cells = |n: u16| NonZeroU16::new(n).unwrap();
        let mut shown = vt100::Parser::new(cells(ROWS), cells(COLS), 0)
            .screen()
            .clone();
        loop {
            let began = Instant::now();
            let next = near.screen.lock().unwrap().parser.screen().clone();
            let changes = next.contents_diff(&shown);
            if !changes.is_empty() {
                fifo.push(format!("\x1b[?2026h{changes}\x1b[?2026l").as_bytes());
                shown = next;
            }
            if fifo.state.lock().unwrap().1 {
                return;
            }
            thread::sleep(FRAME.saturating_sub(began.elapsed()));
        }
    });
    watch(&link, watched, |far| far.counted().1)
}

/// Types for so long beside a live picture; `pictures` says how many were shown so far.
fn watch(link: &Link, watched: Duration, pictures: impl Fn(&Far) -> u64) -> Seen {
    let far = &link.far;
    far.wait_for_text("live");
    let before = pictures(far);
    let opened = Instant::now();
    link.press("2");
    far.wait_for_text("to screen");
    // What the screen took at first is not what it takes from then on.
    thread::sleep(Duration::from_secs(3));
    link.press(":");
    let began = Instant::now();
    let bytes = far.counted().0;
    let mut echoes = Vec::new();
    let mut typed = String::from(":");
    let mut random = fastrand::Rng::with_seed(7);
    while began.elapsed() < watched {
        thread::sleep(Duration::from_millis(random.u64(150..350)));
        let is_long = typed.len() > 12;
        let pressed = Instant::now();
        let came = if is_long {
            link.press("\x15");
            let gone = std::mem::replace(&mut typed, ":".to_owned());
            far.wait_for(PATIENCE, |screen| !screen.contents().contains(&gone))
        } else {
            let letter = char::from(random.u8(b'a'..=b'z'));
            link.press(&letter.to_string());
            typed.push(letter);
            far.wait_for(PATIENCE, |screen| screen.contents().contains(&typed))
        };
        echoes.push(pressed.elapsed());
        if !came {
            break;
        }
    }
    let seconds = began.elapsed().as_secs_f64();
    let bytes_per_s = (far.counted().0 - bytes) as f64 / seconds;
    link.press("\x1b");
    far.wait_for(PATIENCE, |screen| !screen.contents().contains(&typed));
    echoes.sort_unstable();
    let open = opened.elapsed().as_secs_f64();
    Seen {
        pictures_per_s: (pictures(far) - before) as f64 / open,
        echoes,
        bytes_per_s,
    }
}

/// Longer is no echo waited for: nobody would.
const PATIENCE: Duration = Duration::from_secs(20);
