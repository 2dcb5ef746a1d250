//! All recorded sessions of order-book venues, played as fast as one core can.

use std::time::Duration;

use serde_json::Value;
use ttyscope::model::{FeedWay, Stamp};
use ttyscope::protocol::market::venues::VENUES;
use ttyscope::protocol::market::{Answer, Subscription, VenueKind};

use super::core_time::on_core;
use super::{Counting, captures, median, word};

enum Step {
    Open,
    Frame(String),
    Answer(u16, String),
    Ping,
    Close,
}

/// One session, ready to be played.
struct Recorded {
    kind: &'static VenueKind,
    subscription: Subscription,
    steps: Vec<(Stamp, Step)>,
}

pub fn replay(rounds: usize, goal_s: f64) {
    let Some(dir) = captures::folder("orderbook") else {
        println!("replay of the recorded sessions: skipped, there are none (TTYSCOPE_CAPTURES)");
        return;
    };
    let mut paths: Vec<_> = std::fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.to_string_lossy().ends_with(".jsonl.gz"))
        .collect();
    paths.sort();
    let all: Vec<_> = paths.iter().map(|path| captures::read_text(path)).collect();
    let known: Vec<Recorded> = all.iter().filter_map(|text| recorded(text)).collect();
    let is_text = |step: &&(Stamp, Step)| matches!(step.1, Step::Frame(_) | Step::Answer(..));
    let frames: usize = known
        .iter()
        .map(|one| one.steps.iter().filter(is_text).count())
        .sum();
    let times = (0..rounds).map(|_| on_core(|| known.iter().for_each(play)).0);
    let took = median(times.collect::<Vec<Duration>>()).as_secs_f64();
    println!(
        "replay of {} of {} recorded sessions, {frames} frames",
        known.len(),
        all.len()
    );
    println!(
        "  ttyscope           {took:>12.3} s    goal {goal_s} s: {}",
        word(took <= goal_s)
    );
}

fn recorded(text: &str) -> Option<Recorded> {
    let mut lines = text
        .lines()
        .map(|line| -> Value { serde_json::from_str(line).unwrap() });
    let header = lines.next()?;
    let name = header["venue"].as_str()?;
    // `binance_partial` is `binance` with another channel.
    let kinds = VENUES.iter().filter_map(|kind| {
        let rest = name.strip_prefix(kind.name)?;
        let channel = rest.strip_prefix('_');
        (rest.is_empty() || channel.is_some()).then_some((kind, channel))
    });
    let (kind, channel) = kinds.max_by_key(|(kind, _)| kind.name.len())?;
    let records: Vec<Value> = lines.collect();
    let config = &header["config"];
    let mut symbols: Vec<String> = header["instruments"].as_object()?.keys().cloned().collect();
    for symbol in config["symbols"].as_array().into_iter().flatten() {
        symbols.push(symbol.as_str()?.to_owned());
    }
    let is_stream = records.iter().any(|record| record["k"] == "open");
    let depth = ["depth", "limit"]
        .iter()
        .find_map(|field| config[*field].as_u64());
    let subscription = Subscription {
        symbols,
        depth: depth.and_then(|depth| u16::try_from(depth).ok()),
        way: match is_stream {
            true => FeedWay::Stream,
            false => FeedWay::Polling,
        },
        poll_ms: config["poll_ms"].as_u64().unwrap_or(500),
        channel: channel.filter(|_| is_stream).map(str::to_owned),
    };
    let first_ns = records.first()?["rx"].as_u64()?;
    let steps = records.iter().filter_map(|record| {
        let unix_ns = record["rx"].as_u64()?;
        let stamp = Stamp {
            mono_ns: unix_ns - first_ns,
            unix_ns,
        };
        let data = record["data"].as_str().unwrap_or_default().to_owned();
        let step = match record["k"].as_str()? {
            "open" => Step::Open,
            "in" => Step::Frame(data),
            "http" => Step::Answer(u16::try_from(record["status"].as_u64()?).ok()?, data),
            "ping" => Step::Ping,
            "close" => Step::Close,
            _ => return None,
        };
        Some((stamp, step))
    });
    Some(Recorded {
        kind,
        subscription,
        steps: steps.collect(),
    })
}

fn play(recorded: &Recorded) {
    let mut venue = (recorded.kind.venue)(&recorded.subscription);
    let mut heard = Counting::default();
    for (now, step) in &recorded.steps {
        if venue.due().is_some_and(|due| due <= now.mono_ns) {
            venue.time(*now, &mut heard);
        }
        match step {
            Step::Open => venue.open(*now, &mut heard),
            Step::Frame(text) => venue.frame(text.as_bytes(), *now, &mut heard),
            Step::Answer(status, body) => {
                let answer = Answer {
                    book: 0,
                    status: *status,
                    retry_after_s: None,
                    body: body.as_bytes(),
                };
                venue.answer(&answer, *now, &mut heard);
            }
            Step::Ping => venue.ping(*now),
            Step::Close => venue.closed("", *now, &mut heard),
        }
    }
}
