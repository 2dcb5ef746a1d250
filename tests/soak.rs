//! A recorder at ten times the rates of the first run's simulators, for long: its memory stays
//! flat, every item is accounted for, and no file descriptor, thread or task is left behind by
//! links that break and parts that are finished.
//!
//! `TTYSCOPE_SOAK` is for how many seconds (5 without it). What the microscopes and venues send is
//! asked for ten times as often, and pictures are small: what is looked for are leaks of a message, a
//! connection or a file, and not the bytes of a picture. The light sheet's camera is off, as it is in
//! the first run. What rates came of it is printed.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::panic)]

mod support;

use std::path::Path;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::Value;
use support::headless::{Headless, recordings};
use support::process::resident_mb;
use ttyscope::simulators::{flamingo, fleet, imswitch, market};

/// Against the defaults of the simulators.
const TIMES: u32 = 10;
/// Until buffers, windows and rings have the size that they keep.
const WARM_UP: Duration = Duration::from_secs(60);
/// Memory that may be more in the last quarter of a long run than in the second.
const MAY_GROW_MB: f64 = 8.0;
/// In one of so many seconds each link to the microscope is broken that is older than this.
const BREAK_EVERY_S: u64 = 10;
const LINK_LIVES: Duration = Duration::from_millis(300);
/// A condition that has not come true by now never will.
const PATIENCE: Duration = Duration::from_secs(120);

/// What the first run starts, sped up.
struct Lab {
    runtime: tokio::runtime::Runtime,
    scope: imswitch::Simulator,
    lightsheet: flamingo::Simulator,
    venues: market::Simulator,
    fleet: fleet::Simulator,
}

impl Lab {
    fn start() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let scope = imswitch::SimulatorOptions::default();
        let scope = imswitch::SimulatorOptions {
            sensor_px: (64, 48),
            throttle_ms: scope.throttle_ms / u64::from(TIMES),
            ..scope
        };
        let lightsheet = flamingo::SimulatorOptions::default();
        let lightsheet = flamingo::SimulatorOptions {
            sensor_px: (64, 48),
            live_hz: lightsheet.live_hz * f64::from(TIMES),
            exposure_us: lightsheet.exposure_us / TIMES as i32,
            position_interval: lightsheet.position_interval / TIMES,
            ..lightsheet
        };
        let venues = market::SimulatorOptions::default();
        let venues = market::SimulatorOptions {
            rate_hz: venues.rate_hz * f64::from(TIMES),
            ..venues
        };
        let fleet = fleet::SimulatorOptions::lively();
        let fleet = fleet::SimulatorOptions {
            speed: fleet.speed * f64::from(TIMES),
            ..fleet
        };
        let (scope, lightsheet, venues, fleet) = runtime.block_on(async {
            (
                imswitch::Simulator::start(scope).await.unwrap(),
                flamingo::Simulator::start(lightsheet).await.unwrap(),
                market::Simulator::start(venues).await.unwrap(),
                fleet::Simulator::start(fleet).await.unwrap(),
            )
        });
        Self {
            runtime,
            scope,
            lightsheet,
            venues,
            fleet,
        }
    }

    /// The sources of the first run.
    fn sources(&self) -> Vec<String> {
        let venue = |venue: market::Venue, symbols: &str| {
            format!("{}:{symbols}?{}", venue.name(), self.venues.endpoint(venue))
        };
        let rows = "rows=instances_update:$.instances[*]&key=instances_update:instance_id";
        vec![
            format!("scope=imswitch://{}", self.scope.address()),
            format!("lightsheet=flamingo://{}", self.lightsheet.address()),
            venue(market::Venue::Kraken, "BTC/USD,ETH/USD,SOL/USD"),
            venue(market::Venue::Binance, "BTCUSDT,ETHUSDT,LTCUSDT"),
            venue(market::Venue::Okx, "BTC-USDT,ETH-USDT"),
            venue(market::Venue::Coinbase, "BTC-USD,ETH-USD"),
            format!("fleet=fleet://{}", self.fleet.address()),
            format!(
                "workers=socketio://{}?events=instances_update&{rows}",
                self.fleet.address()
            ),
        ]
    }

    /// Breaks the links to the microscope, or lets them be.
    fn break_links(&self, breaking: bool) {
        let fault = imswitch::Fault::DropLink { after: LINK_LIVES };
        match breaking {
            true => self.scope.set_faults(&[fault]),
            false => self.scope.set_faults(&[]),
        }
    }

    fn stop(self) {
        self.runtime.block_on(async {
            self.scope.stop().await;
            self.lightsheet.stop().await;
            self.venues.stop().await;
            self.fleet.stop().await;
        });
    }
}

/// What a process holds.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Held {
    descriptors: usize,
    threads: usize,
    tasks: u64,
}

impl Held {
    /// By the kernel, and by its own last status line.
    fn of(recorder: &Headless) -> Option<Self> {
        let count = |what: &str| {
            let path = format!("/proc/{}/{what}", recorder.pid());
            std::fs::read_dir(path).unwrap().count()
        };
        let status = recorder.last_status()?;
        Some(Self {
            descriptors: count("fd"),
            threads: count("task"),
            tasks: status["tasks"]
                .as_u64()
                .unwrap_or_else(|| panic!("it has ended: {status:#}")),
        })
    }

    fn fits_into(self, other: Self) -> bool {
        self.descriptors <= other.descriptors
            && self.threads <= other.threads
            && self.tasks <= other.tasks
    }
}

/// All links are up and bring something.
fn all_is_live(status: &Value) -> bool {
    let mut sources = status["sources"].as_array().unwrap().iter();
    sources.all(|source| source["state"] == "live" || source["state"] == "connected")
}

/// Waits until all links are up, and what is held then is as wanted.
fn settled(recorder: &Headless, what: &str, wanted: impl Fn(Held) -> bool) -> Held {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let held = Held::of(recorder);
        let is_live = recorder.last_status().is_some_and(|s| all_is_live(&s));
        if let Some(held) = held
            && is_live
            && wanted(held)
        {
            return held;
        }
        assert!(Instant::now() < deadline, "waiting for {what}: {held:?}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// Parts that are finished and older than the last two: a long run would fill the disk.
fn make_room(dir: &Path) {
    let files = recordings(dir);
    let finished = files
        .iter()
        .filter(|file| !file.to_string_lossy().contains(".partial."));
    let finished: Vec<_> = finished.collect();
    for file in finished.iter().take(finished.len().saturating_sub(2)) {
        std::fs::remove_file(file).unwrap();
    }
}

/// By least squares: how fast `values` grow, in their unit per second of their times.
fn slope(values: &[(f64, f64)]) -> f64 {
    let n = values.len() as f64;
    let mean = |of: fn(&(f64, f64)) -> f64| values.iter().map(of).sum::<f64>() / n;
    let (x, y) = (mean(|v| v.0), mean(|v| v.1));
    let over: f64 = values.iter().map(|v| (v.0 - x) * (v.1 - y)).sum();
    let under: f64 = values.iter().map(|v| (v.0 - x).powi(2)).sum();
    if under == 0.0 { 0.0 } else { over / under }
}

/// The mean of what lies between two parts of the run.
fn mean_between(values: &[(f64, f64)], from: f64, to: f64) -> f64 {
    let at = |part: f64| (values.len() as f64 * part) as usize;
    let part = &values[at(from)..at(to).max(at(from) + 1)];
    part.iter().map(|value| value.1).sum::<f64>() / part.len() as f64
}

#[test]
fn for_as_long_as_it_runs_memory_is_flat_and_nothing_is_left_behind() {
    let seconds = std::env::var("TTYSCOPE_SOAK").map_or(5, |text| text.parse().unwrap());
    let time = Duration::from_secs(seconds);
    let is_long = time >= 5 * WARM_UP;
    let lab = Lab::start();
    let dir = tempfile::tempdir().unwrap();
    let sources = lab.sources();
    let mut args = vec!["record", "--out", "out", "--json"];
    args.extend(["--rotate-every", if is_long { "60s" } else { "2s" }]);
    args.extend(sources.iter().map(String::as_str));
    let recorder = Headless::start(&args, dir.path());

    let before = settled(&recorder, "the beginning", |_| true);
    let began = Instant::now();
    let mut memory = Vec::new();
    for second in 0.. {
        if began.elapsed() >= time {
            break;
        }
        lab.break_links(second % BREAK_EVERY_S == 0);
        std::thread::sleep(Duration::from_secs(1));
        make_room(&dir.path().join("out"));
        let at = began.elapsed();
        if !is_long || at >= WARM_UP {
            memory.push((at.as_secs_f64(), resident_mb(recorder.pid())));
        }
    }
    lab.break_links(false);
    let rates = recorder.last_status().unwrap();
    let took_s = rates["elapsed_s"].as_f64().unwrap();
    // What came and went is gone; something that is left after each link would have added up.
    let after = settled(&recorder, "nothing more than at the beginning", |held| {
        held.fits_into(before)
    });
    let (first, last) = (
        mean_between(&memory, 0.25, 0.5),
        mean_between(&memory, 0.75, 1.0),
    );
    eprintln!(
        "{seconds} s: held {before:?}, then {after:?}; memory {first:.1} MB in the second quarter, \
         {last:.1} MB in the last, slope {:+.3} MB/min",
        60.0 * slope(&memory)
    );
    for source in rates["sources"].as_array().unwrap() {
        let (name, received) = (&source["name"], &source["received"]);
        let rate = received.as_f64().unwrap() / took_s;
        eprintln!("  {name}: {received} received, {rate:.1}/s");
        assert_eq!(source["residue"], 0, "{source}");
    }
    if is_long {
        assert!(
            last - first <= MAY_GROW_MB,
            "it grew by {} MB",
            last - first
        );
    }

    recorder.signal(Signal::TERM);
    let ended = recorder.wait();
    // The links that were broken are what it lacks.
    assert!(matches!(ended.code, Some(0 | 3)), "{:?}", ended.code);
    let summary = ended.summary();
    let mut received = 0;
    for source in summary["sources"].as_array().unwrap() {
        assert_eq!(source["residue"], 0, "{source}");
        assert_eq!(source["in_flight"], 0, "{source}");
        received += source["received"].as_u64().unwrap();
    }
    assert!(received > 100 * seconds, "only {received} in {seconds} s");
    for file in summary["files"].as_array().unwrap() {
        assert_eq!(file["accepted"], file["written"], "{file}");
    }
    lab.stop();
}
