//! Recorders that are killed at random moments while pictures, books, commands and stops are
//! recorded: what is left is whole up to a second before, no less than was claimed to be durable,
//! and `recover` keeps all of it.
//!
//! `TTYSCOPE_KILLS` is how many are killed (12 without it), `TTYSCOPE_KILLS_KEEP` a folder in which
//! the recovered files stay, each beside what `inspect --json` says of it, for other readers.
#![allow(clippy::unwrap_used, clippy::panic)]

mod support;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use mcap::read::{ChunkReader, LinearReader, Options};
use mcap::records::Record;
use rustix::process::Signal;
use serde_json::Value;
use support::headless::{Headless, recordings, run};
use support::pty::Terminal;
use ttyscope::recording::{self, Entry, GapKind, RecordingReader, Summary};
use ttyscope::simulators::{imswitch, market};

/// Killed without being asked for another number.
const KILLS: u64 = 12;
/// Killed side by side, each with servers of its own.
const BENCHES: u64 = 2;
/// What a killed recording may lack.
const MAY_LACK: Duration = Duration::from_secs(1);
/// From one stop to the next.
const PRESSING: Duration = Duration::from_millis(40);
/// From one command to the next: the screen has to show what became of the one before.
const TYPING: Duration = Duration::from_millis(300);
/// Ctrl-U.
const CLEAR_LINE: &str = "\x15";

/// What is recorded from: raw pictures, JPEGs, and books that change often.
struct Bench {
    runtime: tokio::runtime::Runtime,
    scope: Option<imswitch::Simulator>,
    older: Option<imswitch::Simulator>,
    venues: Option<market::Simulator>,
}

impl Bench {
    fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let small = |dialect| imswitch::SimulatorOptions {
            dialect,
            sensor_px: (64, 48),
            throttle_ms: 20,
            ..imswitch::SimulatorOptions::default()
        };
        let (scope, older, venues) = runtime.block_on(async {
            let venues = market::SimulatorOptions {
                rate_hz: 20.0,
                ..market::SimulatorOptions::default()
            };
            (
                imswitch::Simulator::start(small(imswitch::Dialect::Modern)).await,
                imswitch::Simulator::start(small(imswitch::Dialect::Json)).await,
                market::Simulator::start(venues).await,
            )
        });
        Self {
            scope: Some(scope.unwrap()),
            older: Some(older.unwrap()),
            venues: Some(venues.unwrap()),
            runtime,
        }
    }

    fn sources(&self) -> Vec<String> {
        let limits = "limit=X:-10000..10000&limit=Y:-10000..10000";
        let venues = self.venues.as_ref().unwrap();
        let book = |venue: market::Venue, symbols: &str| {
            format!("{}:{symbols}?{}", venue.name(), venues.endpoint(venue))
        };
        let scope = |name: &str, simulator: &Option<imswitch::Simulator>| {
            let address = simulator.as_ref().unwrap().address();
            format!("{name}=imswitch://{address}?{limits}")
        };
        vec![
            scope("scope", &self.scope),
            scope("older", &self.older),
            book(market::Venue::Kraken, "BTC/USD,ETH/USD"),
            book(market::Venue::Binance, "BTCUSDT"),
        ]
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        let (scope, older, venues) = (self.scope.take(), self.older.take(), self.venues.take());
        self.runtime.block_on(async {
            for simulator in scope.into_iter().chain(older) {
                simulator.stop().await;
            }
            if let Some(venues) = venues {
                venues.stop().await;
            }
        });
    }
}

/// A recorder that was killed.
struct Killed {
    /// Right before the signal was sent.
    at_unix_ns: u64,
    /// The last time that it claimed to be durable.
    claimed_unix_ns: Option<u64>,
}

fn unix_ns() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    u64::try_from(since.as_nanos()).unwrap()
}

/// Records without a screen; with `stops` they are pressed by signals all the time, each of which
/// is made durable at once.
fn kill_headless(bench: &Bench, dir: &Path, life: Duration, stops: bool) -> Killed {
    let sources = bench.sources();
    let mut args = vec!["record", "--out", "out", "--json"];
    args.extend(sources.iter().map(String::as_str));
    let end = Instant::now() + life;
    let recorder = Headless::start(&args, dir);
    while Instant::now() < end {
        // The signal is listened to before anything connects.
        if stops && recorder.has_said("connected") {
            recorder.signal(Signal::USR1);
        }
        std::thread::sleep(PRESSING.min(end.saturating_duration_since(Instant::now())));
    }
    let at_unix_ns = unix_ns();
    recorder.signal(Signal::KILL);
    let ended = recorder.wait();
    assert_eq!(ended.code, None, "{ended:#?}");
    let claims = ended.stdout.iter().filter_map(|line| {
        // The last one may have been cut by the signal.
        let status: Value = serde_json::from_str(line).ok()?;
        status["recorder"]["durable_unix_ns"].as_u64()
    });
    Killed {
        at_unix_ns,
        claimed_unix_ns: claims.max(),
    }
}

/// Records behind the screens; commands are typed all the time.
fn kill_on_screen(bench: &Bench, dir: &Path, life: Duration) -> Killed {
    let sources = bench.sources();
    let mut args = vec!["--record", "--control", "--out", "out"];
    args.extend(sources.iter().map(String::as_str));
    let end = Instant::now() + life;
    let mut terminal = Terminal::start(&args, dir, 120, 36);
    let mut typed = 0;
    while Instant::now() < end {
        let screen = terminal.text();
        // What was refused stays in the prompt.
        let opens = match screen.contains("enter do it") {
            true => CLEAR_LINE,
            false => ":",
        };
        if screen.contains("CONTROL") {
            typed += 1;
            let command = match typed % 2 {
                0 => format!("move X {}um", 10 + typed % 7),
                _ => format!("exposure {}ms", 10 + typed % 9),
            };
            terminal.press(&format!("{opens}scope:{command}\r"));
        }
        std::thread::sleep(TYPING.min(end.saturating_duration_since(Instant::now())));
    }
    let at_unix_ns = unix_ns();
    terminal.signal(Signal::KILL);
    terminal.wait();
    Killed {
        at_unix_ns,
        claimed_unix_ns: None,
    }
}

/// One message, as far as it can be compared: topic, number, time, and its bytes.
type Message = (String, u32, u64, Vec<u8>);

/// The messages of all finished chunks of a file that was cut, by another reader, and how many
/// chunks these are.
fn finished_chunks(file: &[u8]) -> (u64, Vec<Message>) {
    let mut topics = BTreeMap::new();
    let (mut chunks, mut messages) = (0, Vec::new());
    let records = LinearReader::new_with_options(file, Options::IgnoreEndMagic.into()).unwrap();
    // It ends with an error where the file was cut.
    for record in records.map_while(Result::ok) {
        let Record::Chunk { header, data } = record else {
            continue;
        };
        let inner: Result<Vec<Record<'_>>, _> = ChunkReader::new(header, &data).unwrap().collect();
        let Ok(inner) = inner else { break };
        chunks += 1;
        for record in inner {
            match record {
                Record::Channel(channel) => {
                    topics.insert(channel.id, channel.topic);
                }
                Record::Message { header, data } => messages.push((
                    topics[&header.channel_id].clone(),
                    header.sequence,
                    header.log_time,
                    data.into_owned(),
                )),
                _ => {}
            }
        }
    }
    (chunks, messages)
}

fn messages(path: &Path) -> Vec<Message> {
    let message = |entry| match entry {
        Entry::Message(m) => Some((
            m.channel.topic.clone(),
            m.sequence,
            m.log_time_ns,
            m.data.to_vec(),
        )),
        Entry::Damage(damage) => panic!("{}: {damage:?}", path.display()),
        Entry::Metadata { .. } | Entry::Attachment(_) => None,
    };
    let reader = RecordingReader::open(path).unwrap();
    reader.filter_map(message).collect()
}

fn count(summary: &Summary, schema: &str) -> u64 {
    let of_schema = summary.channels.iter().filter(|c| c.schema == schema);
    of_schema.map(|channel| channel.messages).sum()
}

fn by_channel(summary: &Summary) -> BTreeMap<&str, u64> {
    let counts = summary.channels.iter();
    counts.map(|c| (c.topic.as_str(), c.messages)).collect()
}

/// What came of all the kills.
#[derive(Default)]
struct Found {
    kills: u64,
    /// Killed before they had written a message.
    too_early: u64,
    chunks: u64,
    messages: u64,
    pictures: u64,
    books: u64,
    commands: u64,
    stops: u64,
    claims: u64,
    lacked_s: Vec<f64>,
    /// From the last durable time claimed to the last message there was.
    ahead_s: Vec<f64>,
}

impl Found {
    fn add(&mut self, other: Self) {
        self.kills += other.kills;
        self.too_early += other.too_early;
        self.chunks += other.chunks;
        self.messages += other.messages;
        self.pictures += other.pictures;
        self.books += other.books;
        self.commands += other.commands;
        self.stops += other.stops;
        self.claims += other.claims;
        self.lacked_s.extend(other.lacked_s);
        self.ahead_s.extend(other.ahead_s);
    }

    fn take_text(&mut self) -> String {
        self.lacked_s.sort_by(f64::total_cmp);
        self.ahead_s.sort_by(f64::total_cmp);
        let at = |sorted: &[f64], part: f64| {
            let index = (sorted.len().saturating_sub(1) as f64 * part) as usize;
            sorted.get(index).copied().unwrap_or(0.0)
        };
        let mut text = format!(
            "{} kills, {} of them before the first message; {} chunks with {} messages were kept: \
             {} pictures, {} book events, {} of commands, {} of stops\n",
            self.kills,
            self.too_early,
            self.chunks,
            self.messages,
            self.pictures,
            self.books,
            self.commands,
            self.stops
        );
        let _ = writeln!(
            text,
            "lacking: median {:.3} s, most {:.3} s; {} claimed to be durable up to between {:.3} \
             and {:.3} s before the last message there was",
            at(&self.lacked_s, 0.5),
            at(&self.lacked_s, 1.0),
            self.claims,
            at(&self.ahead_s, 0.0),
            at(&self.ahead_s, 1.0),
        );
        text
    }
}

/// Holds what a killed recorder left against what has to be there.
fn examine(dir: &Path, killed: &Killed) -> Found {
    let mut found = Found {
        kills: 1,
        ..Found::default()
    };
    let mut files = recordings(&dir.join("out"));
    // A stop has the last seconds saved as well, once those that follow it have come.
    files.retain(|file| !file.to_string_lossy().contains(".blackbox"));
    assert!(files.len() <= 1, "{files:?}");
    let bytes = files.first().map(|file| std::fs::read(file).unwrap());
    let (Some(file), Some(bytes)) = (files.first(), bytes.filter(|bytes| !bytes.is_empty())) else {
        assert_eq!(killed.claimed_unix_ns, None, "claimed, and nothing there");
        found.too_early = 1;
        return found;
    };
    assert!(file.to_string_lossy().ends_with(".partial.mcap"));
    assert!(!ttyscope::recorder::is_being_written(file).unwrap());
    let (chunks, kept) = finished_chunks(&bytes);
    let summary = recording::inspect(file).unwrap();
    assert_eq!(summary.messages, kept.len() as u64, "{summary}");
    let holes: Vec<_> = summary
        .gaps
        .iter()
        .filter(|gap| gap.kind == GapKind::Sequence)
        .collect();
    assert!(holes.is_empty(), "{holes:?}");

    let last_ns = kept.iter().map(|message| message.2).max();
    if let Some(claimed_ns) = killed.claimed_unix_ns {
        let last_ns = last_ns.expect("claimed to be durable, and nothing there");
        assert!(
            claimed_ns <= last_ns,
            "durable up to {claimed_ns}, and there is nothing after {last_ns}"
        );
        found.claims = 1;
        found.ahead_s.push((last_ns - claimed_ns) as f64 / 1e9);
    }
    match last_ns {
        Some(last_ns) => {
            let lacking = Duration::from_nanos(killed.at_unix_ns.saturating_sub(last_ns));
            assert!(
                lacking <= MAY_LACK,
                "{} lacks {lacking:?}: {summary}",
                file.display()
            );
            found.lacked_s.push(lacking.as_secs_f64());
        }
        None => found.too_early = 1,
    }

    // The verb, as an operator would use it.
    let recovered = run(&["recover", file.to_str().unwrap(), "--json"], dir);
    assert_eq!(recovered.code, Some(3), "{recovered:#?}");
    let said: Value = serde_json::from_str(&recovered.stdout[0]).unwrap();
    assert_eq!(said["chunks"], chunks);
    let to = PathBuf::from(said["to"].as_str().unwrap());
    assert!(
        messages(&to) == kept,
        "{} is not what was kept",
        to.display()
    );
    assert_eq!(std::fs::read(file).unwrap(), bytes, "it was changed");
    let verdict = recording::verify(&to, &mut |_, _| {}).unwrap();
    assert!(verdict.summary.finished && verdict.summary.damage.is_empty());
    assert_eq!(by_channel(&verdict.summary), by_channel(&summary));
    // What it lacks is its end, the recorder's books among it, and nothing else.
    let findings: Vec<_> = verdict.findings.iter().map(|f| f.what.as_str()).collect();
    let is_end = |what: &str| {
        what.contains("without being finished")
            || what == "the recorder's own books are missing in it"
    };
    assert!(
        findings.len() <= 2 && findings.into_iter().all(is_end),
        "{verdict:?}"
    );
    found.chunks = chunks;
    found.messages = summary.messages;
    found.pictures = count(&summary, "ttyscope.Frame");
    found.books = count(&summary, "ttyscope.Book");
    found.commands = count(&summary, "ttyscope.Command");
    found.stops = count(&summary, "ttyscope.Stop");
    keep(&to, &verdict.summary);
    found
}

/// Leaves a recovered file where other readers find it, if that is wanted.
fn keep(recovered: &Path, summary: &Summary) {
    let Some(dir) = std::env::var_os("TTYSCOPE_KILLS_KEEP").map(PathBuf::from) else {
        return;
    };
    // Two may have begun in the same second.
    for number in 1.. {
        let to = dir.join(format!("killed-{number}.mcap"));
        if std::fs::hard_link(recovered, &to).is_ok() {
            let json = serde_json::to_string(summary).unwrap();
            return std::fs::write(to.with_extension("json"), json).unwrap();
        }
        assert!(to.exists(), "{} cannot be made", to.display());
    }
}

#[test]
fn whenever_a_recorder_is_killed_its_file_is_whole_up_to_a_second_before() {
    let kills = std::env::var("TTYSCOPE_KILLS").map_or(KILLS, |n| n.parse().unwrap());
    let seed = fastrand::u64(..);
    eprintln!("{kills} kills with seed {seed}");
    let began = Instant::now();
    let mut found = Found::default();
    std::thread::scope(|scope| {
        let benches: Vec<_> = (0..BENCHES)
            .map(|number| {
                let of_it = kills / BENCHES + u64::from(number < kills % BENCHES);
                let mut random = fastrand::Rng::with_seed(seed ^ number);
                scope.spawn(move || {
                    let bench = Bench::new();
                    let mut found = Found::default();
                    for kill in 0..of_it {
                        let dir = tempfile::tempdir_in(keep_dir()).unwrap();
                        // From before there is a file to after something was made durable twice.
                        let life = Duration::from_millis(random.u64(50..6_000));
                        let killed = match kill % 3 {
                            0 => kill_on_screen(&bench, dir.path(), life),
                            1 => kill_headless(&bench, dir.path(), life, true),
                            _ => kill_headless(&bench, dir.path(), life, false),
                        };
                        found.add(examine(dir.path(), &killed));
                    }
                    found
                })
            })
            .collect();
        for bench in benches {
            found.add(bench.join().unwrap());
        }
    });
    eprintln!(
        "{}in {:.0} s",
        found.take_text(),
        began.elapsed().as_secs_f64()
    );
    assert_eq!(found.kills, kills);
    assert!(found.pictures > kills && found.books > kills);
    assert!(found.commands > 0 && found.stops > 0 && found.claims > 0);
}

/// Where the recordings are made: on the disk where those that stay will be.
fn keep_dir() -> PathBuf {
    std::env::var_os("TTYSCOPE_KILLS_KEEP").map_or_else(std::env::temp_dir, PathBuf::from)
}
