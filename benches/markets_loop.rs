//! Two hundred books on the screen: the real program reads them from simulated venues and draws
//! them in a terminal. Pictures a second, processor time, how soon a key is answered, and memory
//! over time.
//!
//! Run with `cargo bench --bench markets_loop`; `TTYSCOPE_BENCH_SECONDS` watches for longer than the
//! usual minute. Beside it, over the same frames: a bare WebSocket client that reads and drops them,
//! which is the least that anybody can do.
#![allow(clippy::unwrap_used)]

#[path = "../tests/support/pty.rs"]
#[allow(dead_code)]
mod pty;

#[path = "../tests/support/process.rs"]
mod process;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use futures_util::{SinkExt as _, StreamExt as _};
use process::{cpu_seconds, resident_mb, thread_cpu_seconds};
use pty::Terminal;
use tokio_tungstenite::tungstenite::Message;
use ttyscope::simulators::market::{Listed, Simulator, SimulatorOptions, Venue};

const BOOKS: usize = 200;
const RATE_HZ: f64 = 50.0;
const PRESSES: usize = 60;

fn main() {
    let watched = std::env::var("TTYSCOPE_BENCH_SECONDS");
    let watched = watched.ok().and_then(|text| text.parse().ok());
    let watched = Duration::from_secs(watched.unwrap_or(60));
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let venues = runtime.block_on(Simulator::start(SimulatorOptions {
        listed: listed(),
        rate_hz: RATE_HZ,
        ..SimulatorOptions::default()
    }));
    let venues = venues.unwrap();
    let symbols: Vec<String> = listed().into_iter().map(|listed| listed.symbol).collect();

    println!("{BOOKS} books at {RATE_HZ} changes a second each, Kraken with checksums");
    let (frames_per_s, cpu_per_s) = bare_client(&venues.endpoint(Venue::Kraken), &symbols);
    println!("  a bare client     {frames_per_s:8.0} frames/s   {cpu_per_s:5.3} CPU s/s");

    let source = format!(
        "kraken:{}?depth=25&{}",
        symbols.join(","),
        venues.endpoint(Venue::Kraken)
    );
    let dir = tempfile::tempdir().unwrap();
    for (cols, rows) in [(160, 48), (80, 24)] {
        let mut terminal = Terminal::start(&[&source], dir.path(), cols, rows);
        terminal.press("3");
        terminal.wait_for_text(&format!("{BOOKS}/{BOOKS}"));
        let began = Instant::now();
        let cpu_before = cpu_seconds(terminal.pid());
        let raw_before = terminal.raw().len();
        let mut resident = vec![resident_mb(terminal.pid())];
        let mut answers = Vec::new();
        while began.elapsed() < watched {
            if answers.len() < PRESSES {
                answers.push(answer(&mut terminal, "?", "Leave the program", true));
                answers.push(answer(&mut terminal, "\u{1b}", "Leave the program", false));
            } else {
                std::thread::sleep(Duration::from_millis(500));
            }
            resident.push(resident_mb(terminal.pid()));
        }
        let seconds = began.elapsed().as_secs_f64();
        let raw = terminal.raw();
        let new = &raw[raw_before..];
        // Each picture is one synchronized update.
        let is_picture = |bytes: &&[u8]| *bytes == b"\x1b[?2026h";
        let pictures = new.windows(8).filter(is_picture).count();
        answers.sort();
        let at = |part: f64| answers[((answers.len() - 1) as f64 * part) as usize];
        println!(
            "  ttyscope {cols:3}x{rows:2}   {:5.1} pictures/s (goal 30)   {:5.3} CPU s/s (goal under 1)   {:.0} kB/s to the terminal",
            pictures as f64 / seconds,
            (cpu_seconds(terminal.pid()) - cpu_before) / seconds,
            new.len() as f64 / seconds / 1e3,
        );
        println!(
            "  {:17} key to picture p50 {:.1} ms, p99 {:.1} ms (goal under 50), of {}",
            "",
            at(0.5).as_secs_f64() * 1e3,
            at(0.99).as_secs_f64() * 1e3,
            answers.len(),
        );
        println!(
            "  {:17} resident {:.1} MB after the first books, {:.1} MB {seconds:.0} s later, at most {:.1} MB",
            "",
            resident[0],
            resident[resident.len() - 1],
            resident.iter().copied().fold(0.0, f64::max),
        );
        terminal.press("q");
        terminal.wait();
    }
    runtime.block_on(venues.stop());
}

fn listed() -> Vec<Listed> {
    let listed = |n| {
        Listed::new(
            Venue::Kraken,
            &format!("C{n:03}"),
            "USD",
            10_000 + 37 * n as i64,
        )
    };
    (0..BOOKS).map(listed).collect()
}

/// How long after `key` the screen shows `text`, or shows it no more.
fn answer(terminal: &mut Terminal, key: &str, text: &str, shown: bool) -> Duration {
    let pressed = Instant::now();
    terminal.press(key);
    terminal.wait_for(text, |screen| screen.contents().contains(text) == shown);
    pressed.elapsed()
}

/// Frames a second that a client reads and drops for five seconds, and the processor time of the
/// thread that does it.
fn bare_client(endpoint: &str, symbols: &[String]) -> (f64, f64) {
    let url = endpoint
        .strip_prefix("endpoint=")
        .unwrap_or(endpoint)
        .to_owned();
    let url = url.split('&').next().unwrap_or_default().to_owned();
    let quoted: Vec<String> = symbols
        .iter()
        .map(|symbol| format!("\"{symbol}\""))
        .collect();
    let subscribe = format!(
        r#"{{"method":"subscribe","params":{{"channel":"book","symbol":[{}],"depth":25}},"req_id":1}}"#,
        quoted.join(",")
    );
    let (frames, over) = (AtomicU64::new(0), AtomicBool::new(false));
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(async {
                let address = url.trim_start_matches("ws://").split('/').next().unwrap();
                let socket = tokio::net::TcpStream::connect(address).await.unwrap();
                let (mut socket, _) = tokio_tungstenite::client_async(&url, socket).await.unwrap();
                socket.send(Message::text(subscribe)).await.unwrap();
                while !over.load(Ordering::Relaxed) {
                    let Some(Ok(_)) = socket.next().await else {
                        break;
                    };
                    frames.fetch_add(1, Ordering::Relaxed);
                }
            });
            thread_cpu_seconds()
        });
        let began = Instant::now();
        std::thread::sleep(Duration::from_secs(5));
        let seconds = began.elapsed().as_secs_f64();
        let count = frames.load(Ordering::Relaxed);
        over.store(true, Ordering::Relaxed);
        let cpu = reader.join().unwrap();
        (count as f64 / seconds, cpu / seconds)
    })
}
