//! What the recorder takes: pictures to disk, beside a bare writer of the same crate and `dd`.
//!
//! `cargo bench --bench recorder [-- MB [DIR]]`: MB megabytes in each run (1000), into DIR (a folder
//! in the temporary one). All three write the same bytes with the same sync policy, `sync_data` every
//! three seconds and at the end, taking turns; what is printed are medians. The processor time of the
//! recorder includes the thread that makes the hash for the manifest, as far as it keeps up. The goal
//! is 0.85 of the bare writer.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use bytes::Bytes;
use mcap::WriteOptions;
use mcap::records::MessageHeader;
use mcap::write::NoSeek;
use rustix::time::{ClockId, clock_gettime};
use ttyscope::model::{
    Clock, Compression, Frame, FrameEncoding, Origin, Payload, PlainText, SourceId, SourceInfo,
};
use ttyscope::pipeline::{
    DiskLane, Order, Outlet, Pipeline, RecordingLimits, RecordingPlan, Rotation,
};
use ttyscope::recorder::{Recorder, RecorderContext, RecorderHandle};
use ttyscope::recording::CHUNK_BYTES;

const ROUNDS: usize = 5;
const GOAL: f64 = 0.85;
const SYNC_EVERY: Duration = Duration::from_secs(3);
/// As the program has it.
const LANE_BYTES: usize = 64 * 1024 * 1024;
/// Different pictures, so that no cache holds the one that is written.
const PICTURES: u64 = 16;

/// What is recorded.
struct Kind {
    name: &'static str,
    encoding: FrameEncoding,
    size_px: (u32, u32),
    bytes: usize,
}

const KINDS: [Kind; 2] = [
    Kind {
        name: "2048x2048, 16 bit",
        encoding: FrameEncoding::Mono16(Compression::None),
        size_px: (2048, 2048),
        bytes: 2048 * 2048 * 2,
    },
    Kind {
        name: "JPEG of 500 kB",
        encoding: FrameEncoding::Jpeg,
        size_px: (1280, 1024),
        bytes: 500_000,
    },
];

/// One run.
#[derive(Clone, Copy, Default)]
struct Taken {
    seconds: f64,
    cpu_seconds: f64,
}

fn main() {
    let numbers: Vec<String> = std::env::args().skip(1).collect();
    let mut own = numbers.iter().filter(|word| !word.starts_with("--"));
    let megabytes: u64 = own.next().map_or(1000, |word| word.parse().unwrap());
    let temporary;
    let dir = match own.next() {
        Some(dir) => Path::new(dir),
        None => {
            temporary = tempfile::tempdir().unwrap();
            temporary.path()
        }
    };
    println!(
        "{megabytes} MB a run into {}, {ROUNDS} rounds taken in turns, medians; \
         sync every {} s and at the end",
        dir.display(),
        SYNC_EVERY.as_secs()
    );
    println!(
        "{:<20} {:<12} {:>9} {:>12} {:>9}",
        "", "", "MB/s", "CPU s per GB", "of bare"
    );
    for kind in &KINDS {
        compare(kind, megabytes, dir);
    }
}

fn compare(kind: &Kind, megabytes: u64, dir: &Path) {
    let count = (megabytes * 1_000_000).div_ceil(kind.bytes as u64).max(1);
    let bytes = count * kind.bytes as u64;
    let frames: Vec<Frame> = (0..PICTURES).map(|seed| picture(kind, seed)).collect();
    let mut runs: [Vec<Taken>; 3] = Default::default();
    let mut ratios = Vec::new();
    let before = peak_bytes();
    let mut grown = 0;
    for _ in 0..ROUNDS {
        let ours = record(&frames, count, dir);
        grown = grown.max(peak_bytes().saturating_sub(before));
        let bare = write_bare(&frames, count, dir);
        let plain = dd(kind.bytes, count, dir);
        ratios.push(bare.seconds / ours.seconds);
        for (runs, taken) in runs.iter_mut().zip([ours, bare, plain]) {
            runs.push(taken);
        }
    }
    let ratio = median(ratios);
    for (name, runs) in ["recorder", "bare writer", "dd"].into_iter().zip(&runs) {
        let per_s = median(runs.iter().map(|run| bytes as f64 / 1e6 / run.seconds));
        let cpu = median(runs.iter().map(|run| run.cpu_seconds * 1e9 / bytes as f64));
        let share = match name {
            "recorder" => format!("{ratio:.2}"),
            _ => String::new(),
        };
        println!(
            "{:<20} {name:<12} {per_s:>9.0} {cpu:>12.2} {share:>9}",
            kind.name
        );
    }
    println!(
        "{:<20} peak memory grew by {:.0} MB over what the pictures take; goal {GOAL}: {}",
        kind.name,
        grown as f64 / 1e6,
        if ratio >= GOAL { "reached" } else { "MISSED" }
    );
}

/// Noise, which nothing compresses.
fn picture(kind: &Kind, seed: u64) -> Frame {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut body = vec![0; kind.bytes];
    random.fill(&mut body);
    Frame {
        detector: PlainText::from("Camera"),
        number: Some(seed),
        width_px: Some(kind.size_px.0),
        height_px: Some(kind.size_px.1),
        encoding: kind.encoding,
        body: Bytes::from(body),
        pixel_size_um: None,
        subsampling: 1,
        bit_depth: None,
        device_ns: None,
        lost_before: 0,
    }
}

/// The recorder as the program has it, from its lane to a closed file.
fn record(frames: &[Frame], count: u64, dir: &Path) -> Taken {
    let dir = dir.join("recorder");
    let (lane, recorder, outlet, clock) = recorder();
    lane.order(Order::Start(RecordingPlan {
        dir: dir.clone(),
        stem: "bench".to_owned(),
        limits: RecordingLimits::default(),
        rotation: Rotation::default(),
    }));
    while !lane.is_taking() {
        std::thread::yield_now();
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let taken = measured(|| {
        runtime.block_on(async {
            for frame in frames.iter().cycle().take(count as usize) {
                outlet
                    .publish(clock.now(), Payload::Frame(frame.clone()))
                    .await;
            }
        });
        lane.order(Order::Stop);
        // Until the file is closed; the hash for the manifest is made by a thread beside it.
        let outcome = loop {
            match recorder.take_outcomes().pop() {
                Some(outcome) => break outcome,
                None => std::thread::sleep(Duration::from_millis(1)),
            }
        };
        assert_eq!(outcome.written, count, "{outcome:?}");
    });
    lane.order(Order::Quit);
    recorder.join();
    std::fs::remove_dir_all(dir).unwrap();
    taken
}

fn recorder() -> (DiskLane, RecorderHandle, Outlet, Clock) {
    let clock = Clock::system();
    let (lane, receiver) = DiskLane::new(LANE_BYTES);
    let source = SourceInfo {
        id: SourceId(0),
        name: PlainText::from("bench"),
        address: PlainText::from("bench://here"),
        origin: Origin::Simulated,
        caution: None,
    };
    let pipeline = Pipeline::new(clock.clone(), 1, Some(lane.clone()), None);
    let context = RecorderContext {
        sources: vec![source],
        clock: clock.clone(),
        meters: pipeline.meters().clone(),
    };
    let recorder = Recorder::spawn(receiver, context).unwrap();
    (lane, recorder, pipeline.outlet(SourceId(0)), clock)
}

/// The same bytes by the crate alone: one schema, one channel, no books.
fn write_bare(frames: &[Frame], count: u64, dir: &Path) -> Taken {
    let path = dir.join("bare.mcap");
    let taken = measured(|| {
        let file = File::create(&path).unwrap();
        let synced = file.try_clone().unwrap();
        let mut out = WriteOptions::new()
            .compression(None)
            .disable_seeking(true)
            .chunk_size(Some(CHUNK_BYTES))
            .create(NoSeek::new(BufWriter::with_capacity(64 * 1024, file)))
            .unwrap();
        let schema = out.add_schema("bench", "", b"").unwrap();
        let metadata = BTreeMap::new();
        let channel = out.add_channel(schema, "/bench", "raw", &metadata).unwrap();
        let mut last = Instant::now();
        let bodies = frames.iter().map(|frame| &frame.body).cycle();
        for (sequence, body) in (0..count).zip(bodies) {
            let header = MessageHeader {
                channel_id: channel,
                sequence: sequence as u32,
                log_time: sequence,
                publish_time: sequence,
            };
            out.write_to_known_channel(&header, body).unwrap();
            if last.elapsed() >= SYNC_EVERY {
                out.flush().unwrap();
                synced.sync_data().unwrap();
                last = Instant::now();
            }
        }
        out.finish().unwrap();
        out.into_inner().into_inner().flush().unwrap();
        synced.sync_data().unwrap();
    });
    std::fs::remove_file(path).unwrap();
    taken
}

/// Bytes from memory to the disk, and nothing else. Its processor time is that of a child.
fn dd(block: usize, count: u64, dir: &Path) -> Taken {
    let path = dir.join("dd");
    let children = children_cpu_seconds();
    let began = Instant::now();
    let status = Command::new("dd")
        .arg("if=/dev/zero")
        .arg(format!("of={}", path.display()))
        .arg(format!("bs={block}"))
        .arg(format!("count={count}"))
        .args(["conv=fdatasync", "status=none"])
        .status()
        .unwrap();
    let seconds = began.elapsed().as_secs_f64();
    assert!(status.success());
    std::fs::remove_file(path).unwrap();
    Taken {
        seconds,
        cpu_seconds: children_cpu_seconds() - children,
    }
}

fn measured(work: impl FnOnce()) -> Taken {
    let (began, cpu) = (Instant::now(), cpu_seconds());
    work();
    Taken {
        seconds: began.elapsed().as_secs_f64(),
        cpu_seconds: cpu_seconds() - cpu,
    }
}

/// All threads of this process, in it and in the system for it.
fn cpu_seconds() -> f64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

/// Children that have ended. Source: proc(5), fields 16 and 17 of `stat`, in hundredths of a second.
fn children_cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let behind_name = stat.rsplit(')').next().unwrap_or_default();
    let fields: Vec<f64> = behind_name
        .split_whitespace()
        .map(|field| field.parse().unwrap_or(0.0))
        .collect();
    (fields.get(13).unwrap_or(&0.0) + fields.get(14).unwrap_or(&0.0)) / 100.0
}

/// The most memory this process ever had. Source: proc(5), `VmHWM` of `status`.
fn peak_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmHWM:"));
    let kib = line.and_then(|line| line.split_whitespace().nth(1)?.parse::<u64>().ok());
    kib.unwrap_or(0) * 1024
}

fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
