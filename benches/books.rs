//! How many changes of order books one core takes: read, checked, applied, and looked at.
//!
//! Run with `cargo bench --bench books`. Times are those on a core, so a busy machine changes little
//! in them. Each figure stands beside one of the same run, in turn, of the straightforward way:
//! `serde_json` into structs and ordered maps of exact decimals, without a look at scales, times and
//! counters. Where a Python can install it, `cryptofeed` reads the same frames as well
//! (`books_cryptofeed.py`).
#![allow(clippy::unwrap_used, clippy::panic)]

#[path = "../tests/support/captures.rs"]
mod captures;
#[path = "books/core_time.rs"]
mod core_time;
#[path = "../tests/support/market.rs"]
mod market;
#[path = "books/plain.rs"]
mod plain;
#[path = "books/sessions.rs"]
mod sessions;

use std::io::Write as _;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use core_time::on_core;
use market::Session;
use ttyscope::model::{Fault, Trade};
use ttyscope::protocol::market::{Ask, Change, Sink, Venue, venues};

const ROUNDS: usize = 7;
const FRAMES: usize = 100_000;
/// Levels of a view, as on the screen.
const SHOWN: usize = 20;

/// Goals of a core. Source: specification of the order books.
const BINANCE_PER_S: f64 = 500_000.0;
const KRAKEN_PER_S: f64 = 300_000.0;
const REPLAY_S: f64 = 0.3;

/// Looks at what it is told and keeps nothing.
#[derive(Default)]
struct Counting {
    changes: usize,
    faults: usize,
    asks: usize,
}

impl Sink for Counting {
    fn book(&mut self, _: Change<'_>) {
        self.changes += 1;
    }

    fn trade(&mut self, _: Trade) {}

    fn fault(&mut self, _: Option<usize>, _: Fault) {
        self.faults += 1;
    }

    fn ask(&mut self, _: Ask) {
        self.asks += 1;
    }
}

fn main() {
    println!(
        "{FRAMES} small differences a round, {ROUNDS} rounds in turn, medians of the time on a core\n"
    );
    differences("binance", "Binance, differences", BINANCE_PER_S);
    differences("kraken", "Kraken, with checksum", KRAKEN_PER_S);
    for kind in venues::VENUES {
        if !matches!(kind.name, "binance" | "kraken" | "finnhub") {
            alone(kind.name);
        }
    }
    views();
    sessions::replay(ROUNDS, REPLAY_S);
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

fn per_s(count: usize, time: Duration) -> f64 {
    count as f64 / time.as_secs_f64()
}

/// A book that is open, and what changes it.
fn opened(name: &str, count: usize) -> (Box<dyn Venue>, Vec<String>, Session) {
    let kind = venues::by_name(name).unwrap();
    let mut session = Session::at(kind).unwrap();
    let mut venue = (kind.venue)(&session.subscription());
    session.begin(&mut *venue, &mut Counting::default());
    let frames = session.differences(count);
    (venue, frames, session)
}

/// How long our reader takes for all frames; nothing may have been wrong with any.
fn ours(name: &str) -> Duration {
    let (mut venue, frames, _) = opened(name, FRAMES);
    let mut heard = Counting::default();
    let (took, ()) = on_core(|| {
        for (n, frame) in frames.iter().enumerate() {
            let now = Session::at_frame(n as u64 + 1);
            venue.frame(frame.as_bytes(), now, &mut heard);
        }
    });
    assert_eq!((heard.changes, heard.faults), (FRAMES, 0), "{name}");
    took
}

fn differences(name: &str, what: &str, goal: f64) {
    let (mut mine, mut plain, mut theirs) = (Vec::new(), Vec::new(), Vec::new());
    let (_, frames, session) = opened(name, FRAMES);
    let peer = Cryptofeed::find(name);
    for _ in 0..ROUNDS {
        mine.push(ours(name));
        let mut book = plain::Plain::open(session.opening_picture(), name == "kraken");
        let (took, is_right) = on_core(|| frames.iter().all(|frame| book.take(frame)));
        assert!(is_right, "{name}: a checksum differs");
        plain.push(took);
        if let Ok(peer) = &peer {
            theirs.extend(peer.round(session.opening_picture(), &frames));
        }
    }
    let (mine, plain) = (per_s(FRAMES, median(mine)), per_s(FRAMES, median(plain)));
    println!("{what}");
    println!(
        "  ttyscope           {mine:>12.0} /s   goal {goal:.0} /s: {}",
        word(mine >= goal)
    );
    println!(
        "  serde_json, maps   {plain:>12.0} /s   ttyscope is {:.1} times as fast",
        mine / plain
    );
    match (&peer, theirs.is_empty()) {
        (Ok(_), false) => {
            let theirs = per_s(FRAMES, median(theirs));
            println!(
                "  cryptofeed         {theirs:>12.0} /s   ttyscope is {:.1} times as fast",
                mine / theirs
            );
        }
        (Ok(_), true) => println!("  cryptofeed         skipped: it did not end well"),
        (Err(why), _) => println!("  cryptofeed         skipped: {why}"),
    }
}

fn alone(name: &str) {
    let rate = per_s(FRAMES, median((0..ROUNDS).map(|_| ours(name)).collect()));
    println!("{name}\n  ttyscope           {rate:>12.0} /s");
}

/// What a look at a book costs beside its changes.
fn views() {
    let (mut venue, frames, _) = opened("binance", FRAMES);
    let mut looks = Vec::new();
    let mut heard = Counting::default();
    for (n, frame) in frames.iter().enumerate() {
        let now = Session::at_frame(n as u64 + 1);
        venue.frame(frame.as_bytes(), now, &mut heard);
        if n % 33 == 0 {
            let began = Instant::now();
            let view = venue.view(0, SHOWN, now).unwrap();
            looks.push(began.elapsed());
            assert!(view.metrics.is_some() && view.bids.len() == SHOWN);
        }
    }
    println!("a view of {SHOWN} levels with its figures");
    println!(
        "  ttyscope           {:>12.1} us",
        median(looks).as_secs_f64() * 1e6
    );
}

fn word(reached: bool) -> &'static str {
    if reached { "reached" } else { "MISSED" }
}

/// A Python with cryptofeed.
struct Cryptofeed {
    python: std::path::PathBuf,
    script: std::path::PathBuf,
    venue: String,
}

impl Cryptofeed {
    /// Asks the script to make its own environment, once; its last line is the Python's path.
    fn find(venue: &str) -> Result<Self, String> {
        if venue == "kraken" {
            return Err(
                "it reads version 1 of Kraken's protocol, these are of version 2".to_owned(),
            );
        }
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let script = root.join("benches/books_cryptofeed.py");
        let out = Command::new("python3")
            .arg(&script)
            .arg("prepare")
            .arg(root.join("target/interop/cryptofeed"))
            .output()
            .map_err(|e| format!("python3: {e}"))?;
        let said = String::from_utf8_lossy(&out.stdout);
        let last = said
            .lines()
            .last()
            .unwrap_or("python3 said nothing")
            .to_owned();
        match out.status.success() {
            true => Ok(Self {
                python: last.into(),
                script,
                venue: venue.to_owned(),
            }),
            false => Err(last),
        }
    }

    /// The time that cryptofeed takes for these frames, by its own account.
    fn round(&self, picture: &str, frames: &[String]) -> Option<Duration> {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        writeln!(file, "{picture}").unwrap();
        for frame in frames {
            writeln!(file, "{frame}").unwrap();
        }
        let out = Command::new(&self.python)
            .arg(&self.script)
            .arg(&self.venue)
            .arg(file.path())
            .output()
            .ok()?;
        let seconds: f64 = String::from_utf8_lossy(&out.stdout).trim().parse().ok()?;
        Some(Duration::from_secs_f64(seconds))
    }
}
