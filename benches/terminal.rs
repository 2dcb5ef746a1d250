//! What the program costs a terminal and a machine: start to the first picture, bytes a second on
//! the overview and with a live picture, processor time and memory at rest.
//!
//! Run with `cargo bench --bench terminal`. Each figure stands beside one of the same run that
//! bounds it or is the naive way: starting `true` in the same kind of terminal, and writing the
//! whole screen for every picture.
#![allow(clippy::unwrap_used)]

#[path = "../tests/support/pty.rs"]
#[allow(dead_code)]
mod pty;

#[path = "../tests/support/process.rs"]
#[allow(dead_code)]
mod process;

use std::time::{Duration, Instant};

use portable_pty::{CommandBuilder, PtySize, native_pty_system};
use process::{cpu_seconds, resident_mb};
use pty::Terminal;
use ttyscope::simulators::imswitch::{Simulator, SimulatorOptions};

const COLS: u16 = 160;
const ROWS: u16 = 48;
const ROUNDS: usize = 15;
const WATCHED: Duration = Duration::from_secs(10);

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let dir = tempfile::tempdir().unwrap();

    let nothing = median((0..ROUNDS).map(|_| start_of_true()).collect());
    let first = median((0..ROUNDS).map(|_| first_picture(dir.path())).collect());
    println!("start to the first picture, median of {ROUNDS}");
    println!("  ttyscope          {:7.1} ms", first * 1e3);
    println!(
        "  true, to its end  {:7.1} ms   ttyscope takes {:.1} times that\n",
        nothing * 1e3,
        first / nothing
    );

    let start = |live| {
        let options = SimulatorOptions {
            live,
            ..SimulatorOptions::default()
        };
        runtime.block_on(Simulator::start(options)).unwrap()
    };
    let microscope = start(true);
    let url = format!("scope=imswitch://{}", microscope.address());
    println!(
        "{COLS}x{ROWS} terminal, 512x512 pictures at about 19/s, {} s each",
        WATCHED.as_secs()
    );
    for (what, key, sign) in [("overview", "1", "sources"), ("picture", "2", "▀")] {
        let mut terminal = Terminal::start(&[&url], dir.path(), COLS, ROWS);
        terminal.wait_for_text("live");
        terminal.press(key);
        terminal.wait_for_text(sign);
        let seen = watch(&terminal);
        let whole = whole_screen_bytes(&terminal);
        println!(
            "  {what:9} {:8.1} kB/s   {:5.1} pictures/s   {:5.3} CPU s/s   {:5.1} MB resident",
            seen.bytes_per_s / 1e3,
            seen.pictures_per_s,
            seen.cpu_per_s,
            seen.resident_mb
        );
        println!(
            "  {:9} {:8.1} kB/s if each were written whole: {:.2} of that",
            "",
            whole * seen.pictures_per_s / 1e3,
            seen.bytes_per_s / (whole * seen.pictures_per_s)
        );
        terminal.press("q");
        terminal.wait();
    }
    runtime.block_on(microscope.stop());

    let microscope = start(false);
    let url = format!("scope=imswitch://{}", microscope.address());
    let mut terminal = Terminal::start(&[&url], dir.path(), COLS, ROWS);
    terminal.wait_for_text("connected");
    let seen = watch(&terminal);
    println!(
        "\nat rest: connected, nothing streams, {} s",
        WATCHED.as_secs()
    );
    println!(
        "  {:.3} CPU s/s   {:.1} MB resident   {:.2} kB/s to the terminal (the clock)",
        seen.cpu_per_s,
        seen.resident_mb,
        seen.bytes_per_s / 1e3
    );
    terminal.press("q");
    terminal.wait();
    runtime.block_on(microscope.stop());
}

struct Seen {
    bytes_per_s: f64,
    pictures_per_s: f64,
    cpu_per_s: f64,
    resident_mb: f64,
}

fn watch(terminal: &Terminal) -> Seen {
    let (before, cpu_before) = (terminal.raw().len(), cpu_seconds(terminal.pid()));
    let began = Instant::now();
    std::thread::sleep(WATCHED);
    let seconds = began.elapsed().as_secs_f64();
    let raw = terminal.raw();
    let new = &raw[before..];
    // Each picture is one synchronized update.
    let pictures = new
        .windows(8)
        .filter(|bytes| *bytes == b"\x1b[?2026h")
        .count();
    Seen {
        bytes_per_s: new.len() as f64 / seconds,
        pictures_per_s: pictures as f64 / seconds,
        cpu_per_s: (cpu_seconds(terminal.pid()) - cpu_before) / seconds,
        resident_mb: resident_mb(terminal.pid()),
    }
}

/// What it costs to write the whole screen: a change of size makes the program do it.
fn whole_screen_bytes(terminal: &Terminal) -> f64 {
    let before = terminal.raw().len();
    terminal.resize(COLS, ROWS - 1);
    let marker = b"\x1b[2J";
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        let raw = terminal.raw();
        let new = &raw[before..];
        if let Some(at) = new.windows(marker.len()).position(|bytes| bytes == marker)
            && let Some(end) = new[at..]
                .windows(8)
                .position(|bytes| bytes == b"\x1b[?2026l")
        {
            return end as f64;
        }
        assert!(
            Instant::now() < deadline,
            "no whole picture after a change of size"
        );
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn first_picture(dir: &std::path::Path) -> f64 {
    let began = Instant::now();
    let mut terminal = Terminal::start(&[], dir, COLS, ROWS);
    terminal.wait_for_text("Overview");
    let took = began.elapsed().as_secs_f64();
    terminal.press("q");
    terminal.wait();
    took
}

fn start_of_true() -> f64 {
    let began = Instant::now();
    let pair = native_pty_system()
        .openpty(PtySize {
            rows: ROWS,
            cols: COLS,
            pixel_width: 0,
            pixel_height: 0,
        })
        .unwrap();
    let mut child = pair
        .slave
        .spawn_command(CommandBuilder::new("true"))
        .unwrap();
    child.wait().unwrap();
    began.elapsed().as_secs_f64()
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
