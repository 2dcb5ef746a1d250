//! What many books cost the whole program: 200 books at 50 changes a second each, over real sockets,
//! decoded, checked, and drawn in a real terminal.
//!
//! Run with `cargo bench --bench markets_loop`. The venues are simulated in this process, so their
//! own work is not in the figures; on a machine with two cores it takes much of the other one.
#![allow(clippy::unwrap_used)]

#[path = "../tests/support/pty.rs"]
#[allow(dead_code)]
mod pty;

#[path = "../tests/support/process.rs"]
#[allow(dead_code)]
mod process;

use std::time::{Duration, Instant};

use process::{cpu_seconds, resident_mb};
use pty::Terminal;
use ttyscope::simulators::market::{Listed, Simulator, SimulatorOptions, Venue};

const COLS: u16 = 160;
const ROWS: u16 = 48;
const RATE_HZ: f64 = 50.0;
const BOOKS_EACH: usize = 40;
/// Those that send whole books of many levels.
const VENUES: [Venue; 5] = [
    Venue::Binance,
    Venue::Kraken,
    Venue::Coinbase,
    Venue::CoinbaseExchange,
    Venue::Okx,
];
/// Until everything has come once. The past of a book goes on to fill its ring for four minutes (depth)
/// and seventeen (charts): growth until then is mostly theirs, `tests/markets_bounded.rs` looks at what
/// comes after.
const SETTLED: Duration = Duration::from_secs(20);
const WATCHED: Duration = Duration::from_secs(30);
const KEYS: usize = 200;

/// Goals. Source: specification of the order books.
const FRAMES_PER_S: f64 = 30.0;
const CORES: f64 = 1.0;
const KEY_MS: f64 = 50.0;

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let books: Vec<Listed> = VENUES
        .iter()
        .flat_map(|venue| {
            let book = |n| Listed::new(*venue, &format!("C{n:02}"), "USD", 100_000 + 1_000 * n);
            (0..BOOKS_EACH as i64).map(book)
        })
        .collect();
    let options = SimulatorOptions {
        listed: books.clone(),
        rate_hz: RATE_HZ,
        ..SimulatorOptions::default()
    };
    let venues = runtime.block_on(Simulator::start(options)).unwrap();
    let sources = VENUES.map(|venue| {
        let own = books.iter().filter(|book| book.venue == venue);
        let symbols: Vec<&str> = own.map(|book| book.symbol.as_str()).collect();
        let endpoint = venues.endpoint(venue);
        format!("{}:{}?{endpoint}", venue.name(), symbols.join(","))
    });
    let dir = tempfile::tempdir().unwrap();
    let arguments: Vec<&str> = sources.iter().map(String::as_str).collect();
    let mut terminal = Terminal::start(&arguments, dir.path(), COLS, ROWS);
    terminal.wait_for_text("Overview");
    terminal.press("3");
    let all = format!("fresh {0}/{0}", books.len());
    terminal.wait_for_text(&all);
    std::thread::sleep(SETTLED);

    println!(
        "{} books at {} venues, {RATE_HZ} changes/s each, {COLS}x{ROWS} terminal, {} s\n",
        books.len(),
        VENUES.len(),
        WATCHED.as_secs()
    );
    let seen = watch(&terminal);
    let word = |reached| if reached { "reached" } else { "MISSED" };
    println!(
        "  pictures           {:>8.1} /s   goal {FRAMES_PER_S} /s: {}",
        seen.pictures_per_s,
        // The pace is 33 ms, which is a little less than thirty a second after rounding.
        word(seen.pictures_per_s.round() >= FRAMES_PER_S)
    );
    println!(
        "  processor          {:>8.2} cores   goal below {CORES}: {}",
        seen.cores,
        word(seen.cores < CORES)
    );
    println!(
        "  memory             {:>8.1} MB resident, {:+.1} MB over these {} s",
        seen.resident_mb,
        seen.grown_mb,
        WATCHED.as_secs()
    );
    let (median, p99) = keys(&mut terminal);
    println!(
        "  key to its picture {median:>8.1} ms median, {p99:.1} ms p99 of {KEYS}   goal {KEY_MS} ms: {}",
        word(p99 < KEY_MS)
    );
    terminal.press("q");
    terminal.wait();
    runtime.block_on(venues.stop());
}

struct Seen {
    pictures_per_s: f64,
    cores: f64,
    resident_mb: f64,
    grown_mb: f64,
}

fn watch(terminal: &Terminal) -> Seen {
    let pid = terminal.pid();
    let (before, cpu, resident) = (terminal.raw().len(), cpu_seconds(pid), resident_mb(pid));
    let began = Instant::now();
    std::thread::sleep(WATCHED);
    let seconds = began.elapsed().as_secs_f64();
    let raw = terminal.raw();
    // Each picture is one synchronized update.
    let pictures = raw[before..]
        .windows(8)
        .filter(|bytes| *bytes == b"\x1b[?2026h")
        .count();
    let now_mb = resident_mb(pid);
    Seen {
        pictures_per_s: pictures as f64 / seconds,
        cores: (cpu_seconds(pid) - cpu) / seconds,
        resident_mb: now_mb,
        grown_mb: now_mb - resident,
    }
}

/// From a key that shows another screen until that screen stands in the terminal: median and p99 in
/// milliseconds.
fn keys(terminal: &mut Terminal) -> (f64, f64) {
    let mut times: Vec<f64> = (0..KEYS)
        .map(|n| {
            let (key, sign) = match n % 2 {
                0 => ("7", "── journal"),
                _ => ("3", "── markets"),
            };
            let began = Instant::now();
            terminal.press(key);
            terminal.wait_for_text(sign);
            let took = began.elapsed().as_secs_f64() * 1e3;
            // Not in step with the pictures.
            std::thread::sleep(Duration::from_millis(20 + 7 * (n as u64 % 11)));
            took
        })
        .collect();
    times.sort_by(f64::total_cmp);
    (times[KEYS / 2], times[KEYS * 99 / 100])
}
