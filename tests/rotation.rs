//! A recording in several files: nothing is lost or doubled between two of them, each stands alone,
//! and the manifest beside them names them all.
#![allow(clippy::unwrap_used, clippy::panic)]

mod support;

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use serde_json::Value;
use support::headless::{Headless, recordings};
use support::rig::{EPOCH_NS, LANE_BYTES, Rig, play, wait_until};
use tokio_util::sync::CancellationToken;
use ttyscope::model::{
    FaultKind, Frame, FrameEncoding, LinkState, Message, Pace, Payload, PlainText, Reading,
    Severity,
};
use ttyscope::pipeline::{Order, RecordingLimits, Rotation};
use ttyscope::recorder::{Disk, RecordFile, RecordingOutcome, Storage};
use ttyscope::recording::{
    self, Beside, Decoder, Entry, Manifest, Played, RecordingReader, SessionVerdict, Verdict,
};

/// How long the recording of real time is; the suite has no time for the minute it was made for.
const SECONDS: &str = "TTYSCOPE_ROTATION_SECONDS";

fn tick(n: u64) -> Payload {
    Payload::Message(Message {
        name: PlainText::from("sigTick"),
        json: Bytes::from(format!("[{n}]")),
        attachments: vec![],
    })
}

fn picture(number: u64) -> Payload {
    Payload::Frame(frame(number, 1024))
}

fn frame(number: u64, bytes: usize) -> Frame {
    Frame {
        detector: PlainText::from("WidefieldCamera"),
        number: Some(number),
        width_px: Some(64),
        height_px: Some(16),
        encoding: FrameEncoding::Jpeg,
        body: Bytes::from(vec![(number % 251) as u8; bytes]),
        pixel_size_um: None,
        subsampling: 1,
        bit_depth: None,
        device_ns: None,
        lost_before: 0,
    }
}

fn x_um(value: f64) -> Payload {
    Payload::Readings(vec![Reading::new("stage/X", value, "um")])
}

fn every(seconds: u64) -> Rotation {
    Rotation {
        every: Some(Duration::from_secs(seconds)),
        size_bytes: None,
    }
}

fn at_most(size_bytes: u64) -> Rotation {
    Rotation {
        every: None,
        size_bytes: Some(size_bytes),
    }
}

fn start(rig: &Rig, limits: RecordingLimits, rotation: Rotation) {
    let mut plan = rig.plan(limits);
    plan.rotation = rotation;
    rig.lane.order(Order::Start(plan));
    wait_until("the recorder takes", || rig.lane.is_taking());
}

/// Waits until so many messages are written: the clock may move on.
fn wait_for_messages(rig: &Rig, messages: u64) {
    wait_until("everything is written", || {
        rig.recorder.status().messages >= messages
    });
}

/// Waits until so many parts were begun.
fn wait_for_part(rig: &Rig, part: u32) {
    wait_until("the next part is written", || {
        rig.recorder.status().part >= part
    });
}

/// The manifest of a recording that ended, once it is written.
fn manifest_of(outcome: &RecordingOutcome) -> Manifest {
    let path = outcome.manifest.clone().unwrap();
    let mut found = None;
    wait_until("the manifest says that it ended", || {
        found = Manifest::read(&path).ok().filter(|m| m.end.is_some());
        found.is_some()
    });
    found.unwrap()
}

/// The files of a recording, by its manifest.
fn files_of(outcome: &RecordingOutcome) -> Vec<PathBuf> {
    let folder = outcome.path.parent().unwrap();
    let parts = manifest_of(outcome).parts;
    parts.iter().map(|part| folder.join(&part.file)).collect()
}

fn verdicts(files: &[PathBuf]) -> Vec<Verdict> {
    let judge = |file: &PathBuf| {
        let mut verdict = recording::verify(file, &mut |_, _| {}).unwrap();
        recording::check_hash(&mut verdict, file, &Beside::of(file), &mut |_, _| {});
        verdict
    };
    files.iter().map(judge).collect()
}

fn together(files: &[PathBuf]) -> SessionVerdict {
    let verdicts = verdicts(files);
    let session = verdicts[0].summary.session.clone().unwrap();
    let beside = Beside::of(&files[0]);
    let verdicts: Vec<&Verdict> = verdicts.iter().collect();
    recording::judge(&session, &verdicts, beside.manifest())
}

/// What a file says, without the states that it begins with.
fn items(path: &Path) -> Vec<Played> {
    let mut decoder = Decoder::new(recording::session_of(path).unwrap());
    let entries = RecordingReader::open(path).unwrap();
    let played = entries.filter_map(|entry| match entry {
        Entry::Message(message) => {
            let is_held = String::from_utf8_lossy(&message.data).contains("since_ns");
            let played = decoder.decode(&message).unwrap();
            played.filter(|_| !is_held)
        }
        Entry::Metadata { .. } | Entry::Attachment(_) => None,
        Entry::Damage(damage) => panic!("{damage:?}"),
    });
    played.collect()
}

/// Each file is whole by itself and plays alone, the manifest names it, and all together have every
/// number once.
fn assert_whole(files: &[PathBuf]) {
    let mut next: BTreeMap<String, u32> = BTreeMap::new();
    for (file, verdict) in files.iter().zip(verdicts(files)) {
        assert!(verdict.whole, "{verdict:#?}");
        assert_eq!(verdict.hash_matches, Some(true), "{file:?}");
        for entry in RecordingReader::open(file).unwrap() {
            let Entry::Message(message) = entry else {
                continue;
            };
            let number = next.entry(message.channel.topic.clone()).or_insert(1);
            assert_eq!(
                message.sequence, *number,
                "{file:?} {}",
                message.channel.topic
            );
            *number += 1;
        }
        let rig = Rig::new();
        let (outlets, stop) = (rig.outlets.clone(), CancellationToken::new());
        let played = play(file, Pace::Max, outlets, stop);
        let played = rig.runtime.block_on(played);
        assert!(played.to_the_end && played.unreadable == 0, "{file:?}");
        assert!(played.played >= items(file).len() as u64);
        rig.quit();
    }
    let verdict = together(files);
    assert!(verdict.whole, "{verdict:#?}");
    assert_eq!(verdict.parts.len(), files.len());
}

/// The numbers of the ticks in these files, in their order.
fn ticks(files: &[PathBuf]) -> Vec<u64> {
    let said = files.iter().flat_map(|file| items(file));
    let ticks = said.filter_map(|played| match played.payload {
        Payload::Message(message) => {
            let text = String::from_utf8(message.json.to_vec()).unwrap();
            text.trim_matches(['[', ']']).parse().ok()
        }
        _ => None,
    });
    ticks.collect()
}

/// A minute of 200 messages and 30 pictures a second, as fast as the recorder takes them. Returns
/// how many items there were.
fn a_minute(rig: &Rig, mut each: impl FnMut(u64)) -> u64 {
    let mut pictures = 0;
    for n in 0..12_000_u64 {
        rig.say(0, tick(n));
        if n * 3 / 20 >= pictures {
            rig.say(0, picture(pictures));
            pictures += 1;
        }
        if n % 100 == 0 {
            rig.say(1, x_um(n as f64));
        }
        rig.clock.advance(Duration::from_millis(5));
        each(n);
    }
    12_000 + pictures + 120
}

fn check_a_minute(rotation: Rotation, each: impl Fn(&Rig, u64)) -> usize {
    let rig = Rig::new();
    start(&rig, RecordingLimits::default(), rotation);
    rig.say(0, Payload::Link(LinkState::Live));
    rig.say(1, Payload::Link(LinkState::Live));
    let all = a_minute(&rig, |n| each(&rig, n)) + 2;
    let outcome = rig.stop();
    assert!(outcome.complete, "{outcome:?}");
    assert_eq!(
        (outcome.accepted, outcome.written, outcome.lost),
        (all, all, 0)
    );
    rig.assert_balanced();
    let files = files_of(&outcome);
    assert_eq!(files.len(), outcome.parts as usize);
    assert_eq!(
        recordings(outcome.path.parent().unwrap()),
        files,
        "names sort"
    );
    assert_whole(&files);
    assert_eq!(ticks(&files), (0..12_000).collect::<Vec<_>>());
    let found: usize = files.iter().map(|file| items(file).len()).sum();
    assert_eq!(found as u64, all);
    rig.quit();
    files.len()
}

#[test]
fn a_minute_by_the_clock_has_every_number_once() {
    assert_eq!(check_a_minute(every(2), |_, _| {}), 30);
}

#[test]
fn a_minute_by_size_has_every_number_once() {
    let parts = check_a_minute(at_most(300_000), |_, _| {});
    assert!(parts > 5, "{parts}");
}

#[test]
fn a_minute_by_orders_has_every_number_once() {
    let order = |rig: &Rig, n| {
        if n % 1000 == 999 {
            rig.lane.order(Order::Rotate);
        }
    };
    // Orders behind the last message too.
    let parts = check_a_minute(Rotation::default(), order);
    assert!((12..=13).contains(&parts), "{parts}");
}

#[test]
fn a_part_begins_with_what_holds_and_says_nothing_twice() {
    let rig = Rig::new();
    start(&rig, RecordingLimits::default(), Rotation::default());
    rig.say(0, Payload::Link(LinkState::Live));
    rig.say(0, x_um(1.0));
    wait_for_messages(&rig, 2);
    rig.pass(Duration::from_secs(4));
    assert_eq!(rig.recorder.status().part, 0, "it is not made in parts yet");
    rig.lane.order(Order::Rotate);
    wait_for_part(&rig, 2);
    rig.say(0, x_um(2.0));
    let outcome = rig.stop();
    let files = files_of(&outcome);
    let names: Vec<_> = files
        .iter()
        .map(|f| f.file_name().unwrap().to_str().unwrap())
        .collect();
    assert_eq!(
        names,
        [
            "scope-2026-11-20T140322Z.part00001.mcap",
            "scope-2026-11-20T140322Z.part00002.mcap"
        ]
    );
    let mut decoder = Decoder::new(recording::session_of(&files[1]).unwrap());
    let mut said = Vec::new();
    for entry in RecordingReader::open(&files[1]).unwrap() {
        if let Entry::Message(message) = entry {
            let text = String::from_utf8_lossy(&message.data);
            let held = text.contains(&format!("\"since_ns\":{EPOCH_NS}"));
            let played = decoder.decode(&message).unwrap().unwrap();
            said.push((held, message.sequence, played.payload));
        }
    }
    let expected = [
        (true, 2, Payload::Link(LinkState::Live)),
        (true, 2, x_um(1.0)),
        (false, 3, x_um(2.0)),
    ];
    assert_eq!(said, expected);
    assert_whole(&files);
    rig.quit();
}

#[test]
fn an_item_that_fills_a_part_is_only_in_the_next_one() {
    let rig = Rig::new();
    // A file has room for one picture, and for the last one none has.
    start(&rig, RecordingLimits::default(), at_most(30_000));
    for n in 0..4 {
        rig.say(0, x_um(n as f64));
        rig.say(0, Payload::Frame(frame(n, 12_000)));
    }
    rig.say(0, Payload::Frame(frame(4, 50_000)));
    let outcome = rig.stop();
    assert!(outcome.complete && outcome.written == 9, "{outcome:?}");
    let files = files_of(&outcome);
    assert_whole(&files);
    assert!(files.len() > 4, "{files:?}");
    let sizes = |file: &PathBuf| std::fs::metadata(file).unwrap().len();
    let last = files.len() - 1;
    assert!(files[..last].iter().all(|file| sizes(file) <= 30_000));
    assert_eq!(
        items(&files[last]).len(),
        1,
        "too large for any part: one of its own"
    );
    rig.quit();
}

#[test]
fn limits_count_over_all_parts() {
    let rig = Rig::new();
    let limits = RecordingLimits {
        messages: Some(50),
        ..RecordingLimits::default()
    };
    start(&rig, limits, at_most(5_000));
    (0..60).for_each(|n| rig.say(0, tick(n)));
    let outcome = rig.outcome();
    assert_eq!((outcome.written, outcome.left_out), (50, 10), "{outcome:?}");
    assert!(outcome.parts > 1 && outcome.complete, "{outcome:?}");
    assert_whole(&files_of(&outcome));

    let limits = RecordingLimits {
        size_bytes: Some(400_000),
        ..RecordingLimits::default()
    };
    start(&rig, limits, at_most(50_000));
    for n in 0.. {
        if !rig.lane.is_taking() {
            break;
        }
        rig.say(0, picture(n));
    }
    let outcome = rig.outcome();
    assert!(
        outcome.ended.contains("would not have fitted"),
        "{outcome:?}"
    );
    let files = files_of(&outcome);
    let sum: u64 = files
        .iter()
        .map(|f| std::fs::metadata(f).unwrap().len())
        .sum();
    assert!(files.len() > 4 && sum <= 400_000, "{sum} in {files:?}");
    assert_eq!(outcome.size_bytes, sum);
    assert_whole(&files);

    let limits = RecordingLimits {
        duration: Some(Duration::from_secs(6)),
        ..RecordingLimits::default()
    };
    start(&rig, limits, every(2));
    for n in 0..80 {
        rig.say(0, tick(n));
        rig.clock.advance(Duration::from_millis(100));
    }
    let outcome = rig.outcome();
    assert_eq!((outcome.parts, outcome.written), (3, 60), "{outcome:?}");
    assert_whole(&files_of(&outcome));
    rig.quit();
}

#[test]
fn a_recording_without_rotation_keeps_its_plain_name_and_has_a_manifest() {
    let rig = Rig::new();
    start(&rig, RecordingLimits::default(), Rotation::default());
    rig.say(0, tick(1));
    let outcome = rig.stop();
    let name = outcome.path.file_name().unwrap();
    assert_eq!(name, "scope-2026-11-20T140322Z.mcap");
    let manifest = manifest_of(&outcome);
    assert_eq!(manifest.parts.len(), 1);
    assert_eq!(manifest.sources[1].origin, "simulated");
    let (part, end) = (&manifest.parts[0], manifest.end.as_ref().unwrap());
    assert!(part.durable && part.complete && end.complete);
    assert_eq!((part.messages, end.messages), (1, 1));
    assert_eq!(end.accounts[0].written, 1);
    assert_eq!(end.reason, "stopped as asked");
    assert_whole(&[outcome.path]);
    rig.quit();
}

/// The file system, except that files may be refused and that somebody looks at each step.
#[derive(Clone, Default)]
struct Moody {
    refuses: Arc<AtomicBool>,
    tried: Arc<AtomicU64>,
    /// Copies everything there before a new file is made or renamed.
    copies: Arc<Mutex<Vec<tempfile::TempDir>>>,
    copying: Arc<AtomicBool>,
    /// Manifests cannot be written.
    forgets: Arc<AtomicBool>,
}

impl Moody {
    fn look(&self, path: &Path) {
        if self.copying.load(Ordering::Acquire) {
            let copy = tempfile::tempdir().unwrap();
            for file in recordings(path.parent().unwrap()) {
                std::fs::copy(&file, copy.path().join(file.file_name().unwrap())).unwrap();
            }
            self.copies.lock().unwrap().push(copy);
        }
    }
}

impl Storage for Moody {
    fn make_dir(&self, dir: &Path) -> io::Result<()> {
        Disk.make_dir(dir)
    }

    fn create(&self, path: &Path) -> io::Result<Box<dyn RecordFile>> {
        self.look(path);
        self.tried.fetch_add(1, Ordering::AcqRel);
        match self.refuses.load(Ordering::Acquire) {
            true => Err(io::ErrorKind::PermissionDenied.into()),
            false => Disk.create(path),
        }
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.look(from);
        Disk.rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        Disk.remove(path)
    }

    fn exists(&self, path: &Path) -> bool {
        Disk.exists(path)
    }

    fn replace(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        match self.forgets.load(Ordering::Acquire) {
            true => Err(io::ErrorKind::StorageFull.into()),
            false => Disk.replace(path, bytes),
        }
    }
}

#[test]
fn a_next_file_that_cannot_be_opened_is_said_and_tried_again() {
    let disk = Moody::default();
    let rig = Rig::on(Box::new(disk.clone()), LANE_BYTES);
    start(&rig, RecordingLimits::default(), every(10));
    rig.say(0, tick(0));
    disk.refuses.store(true, Ordering::Release);
    let tried = disk.tried.load(Ordering::Acquire);
    rig.clock.advance(Duration::from_secs(10));
    rig.say(0, tick(1));
    let trouble = || rig.recorder.status().trouble;
    wait_until("it is said", || trouble().is_some());
    let said = trouble().unwrap();
    assert!(
        said.contains("part 2 of the recording could not be begun"),
        "{said}"
    );
    assert!(
        said.contains("part 1 is written on, and it is tried again in 1 s"),
        "{said}"
    );
    assert!(rig.lane.is_taking());
    // Not with every message.
    (2..50).for_each(|n| rig.say(0, tick(n)));
    wait_for_messages(&rig, 50);
    rig.pass(Duration::from_millis(900));
    assert_eq!(disk.tried.load(Ordering::Acquire), tried + 1);
    rig.pass(Duration::from_millis(200));
    wait_until("it is tried again", || {
        disk.tried.load(Ordering::Acquire) == tried + 2
    });
    wait_until("that is said", || {
        trouble().is_some_and(|t| t.contains("in 2 s"))
    });
    disk.refuses.store(false, Ordering::Release);
    rig.say(0, tick(50));
    rig.clock.advance(Duration::from_secs(2));
    wait_for_part(&rig, 2);
    wait_until("the trouble is over", || trouble().is_none());
    rig.say(0, tick(51));
    let outcome = rig.stop();
    assert!(outcome.complete, "{outcome:?}");
    let files = files_of(&outcome);
    assert_eq!(files.len(), 2);
    assert_whole(&files);
    assert_eq!(ticks(&files), (0..52).collect::<Vec<_>>());
    // The recording itself says what went wrong.
    let summary = recording::inspect(&files[0]).unwrap();
    let fault = &summary.faults[0];
    assert_eq!(
        (fault.kind.as_str(), fault.count),
        (FaultKind::Recorder.as_str(), 2)
    );
    assert_eq!(fault.severity, Severity::Error.as_str());
    assert!(fault.first.contains("could not be begun"), "{fault:?}");
    rig.assert_balanced();
    rig.quit();
}

#[test]
fn a_manifest_that_cannot_be_written_stops_nothing_and_is_said() {
    let disk = Moody::default();
    disk.forgets.store(true, Ordering::Release);
    let rig = Rig::on(Box::new(disk), LANE_BYTES);
    start(&rig, RecordingLimits::default(), every(10));
    rig.say(0, tick(0));
    rig.clock.advance(Duration::from_secs(10));
    rig.say(0, tick(1));
    wait_until("it is said", || {
        let trouble = rig.recorder.status().trouble;
        trouble.is_some_and(|said| said.contains("manifest.json could not be written"))
    });
    rig.lane.order(Order::Quit);
    let outcome = rig.recorder.join().pop().unwrap();
    assert!(
        outcome.complete && outcome.manifest.is_none(),
        "{outcome:?}"
    );
    assert!(
        outcome.ended.contains("manifest.json could not be written"),
        "{outcome:?}"
    );
}

#[test]
fn a_crash_at_any_step_of_a_turn_leaves_readable_files() {
    let disk = Moody::default();
    let rig = Rig::on(Box::new(disk.clone()), LANE_BYTES);
    start(&rig, RecordingLimits::default(), every(10));
    rig.say(0, Payload::Link(LinkState::Live));
    (0..100).for_each(|n| rig.say(0, tick(n)));
    disk.copying.store(true, Ordering::Release);
    rig.clock.advance(Duration::from_secs(10));
    rig.say(0, tick(100));
    wait_for_part(&rig, 2);
    disk.copying.store(false, Ordering::Release);
    let outcome = rig.stop();
    let copies = std::mem::take(&mut *disk.copies.lock().unwrap());
    // Before the next file was made, and before the old one got its last name.
    let counts: Vec<usize> = copies
        .iter()
        .map(|copy| recordings(copy.path()).len())
        .collect();
    assert_eq!(counts, [1, 2]);
    for copy in &copies {
        let mut files = Vec::new();
        for (n, file) in recordings(copy.path()).iter().enumerate() {
            let to = copy.path().join(format!("recovered-{n}"));
            let out = std::fs::File::create(&to).unwrap();
            let kept = recording::recover(file, out, &mut |_, _| {}).unwrap();
            assert!(kept.messages > 0, "{file:?} {kept:?}");
            files.push(to);
        }
        // What stood before the turn is in the old file, whole, whenever it happened.
        assert_eq!(ticks(&files), (0..100).collect::<Vec<_>>());
        for file in &files {
            let summary = recording::inspect(file).unwrap();
            let links = summary.channels.iter().any(|c| c.topic == "/scope/link");
            assert!(links, "each stands alone: {summary}");
        }
    }
    assert_whole(&files_of(&outcome));
    rig.quit();
}

#[test]
fn nothing_is_called_durable_before_its_file_is() {
    let rig = Rig::new();
    start(&rig, RecordingLimits::default(), every(10));
    rig.say(0, tick(0));
    rig.pass(Duration::from_secs(4));
    rig.clock.advance(Duration::from_secs(7));
    let turned = rig.clock.now().mono_ns;
    rig.say(0, tick(1));
    wait_for_part(&rig, 2);
    // Part 1 is on the disk. Of part 2 nothing is called so until it was synced.
    let status = rig.recorder.status();
    assert!(status.durable_mono_ns <= turned, "{status:?}");
    assert_eq!(
        status.durable_unix_ns,
        Some(EPOCH_NS),
        "of part 1, which had a sync"
    );
    rig.pass(Duration::from_secs(4));
    assert!(rig.stop().complete);
    rig.quit();
}

#[test]
fn a_wall_clock_that_is_set_back_costs_nothing() {
    let rig = Rig::new();
    start(&rig, RecordingLimits::default(), every(10));
    let mut n = 0;
    for hour in 0..4 {
        for _ in 0..50 {
            rig.say(0, tick(n));
            rig.clock.advance(Duration::from_millis(200));
            n += 1;
        }
        // Once past the name of the recording, then again and again past each part's.
        rig.clock.set_back(Duration::from_secs(3_600 * (4 - hour)));
    }
    let outcome = rig.stop();
    assert!(outcome.complete, "{outcome:?}");
    let manifest = manifest_of(&outcome);
    let files = files_of(&outcome);
    // Ten seconds each by the clock that only goes on; the last may have ended by itself.
    assert!((4..=5).contains(&files.len()), "{files:?}");
    assert!(manifest.parts[1].began_unix_ns < manifest.parts[0].began_unix_ns);
    assert_whole(&files);
    assert_eq!(ticks(&files), (0..n).collect::<Vec<_>>());
    // Names do not meet: of a recording that begins in a second that was there already either.
    rig.clock.advance(Duration::from_secs(10 * 3_600 - 40));
    assert_eq!(rig.clock.now().unix_ns, EPOCH_NS);
    start(&rig, RecordingLimits::default(), Rotation::default());
    let second = rig.stop();
    assert!(second.complete && !files.contains(&second.path));
    assert!(files.iter().all(|file| file.exists()));
    rig.quit();
}

#[test]
fn what_is_missing_between_parts_is_found() {
    let rig = Rig::new();
    start(&rig, RecordingLimits::default(), every(1));
    for n in 0..40 {
        rig.say(0, tick(n));
        rig.clock.advance(Duration::from_millis(100));
    }
    let outcome = rig.stop();
    let manifest = outcome.manifest.clone().unwrap();
    let files = files_of(&outcome);
    assert!(files.len() >= 4, "{files:?}");
    assert_whole(&files);
    let whole: Vec<Vec<u8>> = files
        .iter()
        .map(|file| std::fs::read(file).unwrap())
        .collect();
    let listed = std::fs::read(&manifest).unwrap();

    let findings = |files: &[PathBuf]| {
        let verdict = together(files);
        assert!(!verdict.whole, "{verdict:#?}");
        let alone = verdicts(files)
            .into_iter()
            .flat_map(|verdict| verdict.findings);
        let lines = verdict.findings.into_iter().chain(alone);
        lines
            .map(|f| format!("{}: {}", f.of, f.what))
            .collect::<Vec<_>>()
            .join("\n")
    };
    // A part that is not there, with and without the manifest that names it.
    let without = [files[0].clone(), files[2].clone(), files[3].clone()];
    let said = findings(&without);
    assert!(said.contains("part 2: it is missing: scope-"), "{said}");
    std::fs::remove_file(&manifest).unwrap();
    let said = findings(&without);
    assert!(said.contains("part 2: it is missing"), "{said}");
    let said = findings(&files[..2]);
    assert!(
        said.contains("goes on in a part that is not here"),
        "{said}"
    );
    let said = findings(&files[1..]);
    assert!(said.contains("part 1: it is missing"), "{said}");
    let twice = [&files[..], &files[1..2]].concat();
    let said = findings(&twice);
    assert!(said.contains("part 2: it is there 2 times"), "{said}");
    // A file that was changed after it was closed, wherever that was.
    std::fs::write(&manifest, &listed).unwrap();
    for at in [20, whole[1].len() / 2, whole[1].len() - 4] {
        let mut changed = whole[1].clone();
        changed[at] ^= 1;
        std::fs::write(&files[1], changed).unwrap();
        let said = findings(&files);
        assert!(
            said.contains("it is not the file that was closed"),
            "{said}"
        );
    }
    std::fs::write(&files[1], &whole[1]).unwrap();
    // A manifest that was cut says nothing, and that is said.
    for len in [0, 1, listed.len() / 2, listed.len() - 3] {
        std::fs::write(&manifest, &listed[..len]).unwrap();
        let said = findings(&files);
        assert!(said.contains("is no manifest of a recording"), "{said}");
    }
    std::fs::write(&manifest, &listed).unwrap();
    assert_whole(&files);
    rig.quit();
}

#[test]
fn a_hole_between_two_parts_is_found() {
    let dir = tempfile::tempdir().unwrap();
    let rig = Rig::new();
    start(&rig, RecordingLimits::default(), every(10));
    (0..10).for_each(|n| rig.say(0, tick(n)));
    rig.clock.advance(Duration::from_secs(10));
    (10..20).for_each(|n| rig.say(0, tick(n)));
    let outcome = rig.stop();
    let files = files_of(&outcome);
    // The same recording as far as the files say, with the first part ending too early.
    let first = dir.path().join("first");
    let reader = RecordingReader::open(&files[0]).unwrap();
    let mut out = mcap::WriteOptions::new()
        .create(std::io::BufWriter::new(
            std::fs::File::create(&first).unwrap(),
        ))
        .unwrap();
    for entry in reader {
        match entry {
            Entry::Message(message) if message.sequence <= 7 => {
                let channel = &message.channel;
                let id = out
                    .add_channel(0, &channel.topic, &channel.encoding, &channel.metadata)
                    .unwrap();
                let header = mcap::records::MessageHeader {
                    channel_id: id,
                    sequence: message.sequence,
                    log_time: message.log_time_ns,
                    publish_time: message.publish_time_ns,
                };
                out.write_to_known_channel(&header, &message.data).unwrap();
            }
            Entry::Metadata { name, values } => {
                let record = mcap::records::Metadata {
                    name,
                    metadata: values,
                };
                out.write_metadata(&record).unwrap();
            }
            _ => {}
        }
    }
    out.finish().unwrap();
    let verdict = together(&[first, files[1].clone()]);
    let hole = verdict.findings.iter().find(|f| f.of.contains("sigTick"));
    let what = &hole.unwrap_or_else(|| panic!("{verdict:#?}")).what;
    assert!(
        what.contains("3 messages are in neither part 1 nor part 2"),
        "{what}"
    );
}

#[test]
fn the_verb_judges_a_recording_by_its_manifest() {
    let rig = Rig::new();
    start(&rig, RecordingLimits::default(), every(1));
    for n in 0..30 {
        rig.say(0, tick(n));
        rig.clock.advance(Duration::from_millis(100));
    }
    let outcome = rig.stop();
    let files = files_of(&outcome);
    let manifest = outcome.manifest.clone().unwrap();
    let verify = |args: &[&Path]| {
        let output = Command::new(env!("CARGO_BIN_EXE_ttyscope"))
            .arg("verify")
            .args(args)
            .output()
            .unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let error = String::from_utf8(output.stderr).unwrap();
        (output.status.code(), text + &error)
    };
    let (code, said) = verify(&[&manifest]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("the recording is whole"), "{said}");
    assert!(
        said.contains("hash         is the one in its manifest"),
        "{said}"
    );
    // One of several is judged alone, as ever.
    let (code, said) = verify(&[&files[1]]);
    assert_eq!(code, Some(0), "{said}");
    assert!(!said.contains("recording is"), "{said}");
    std::fs::remove_file(&files[1]).unwrap();
    let (code, said) = verify(&[&manifest]);
    assert_eq!(code, Some(3), "{said}");
    assert!(said.contains("part 2  it is missing"), "{said}");
    assert!(said.contains("THE RECORDING IS NOT WHOLE"), "{said}");
    std::fs::write(&manifest, "{").unwrap();
    let (code, said) = verify(&[&manifest]);
    assert_eq!(code, Some(1), "{said}");
    assert!(
        said.contains("no manifest of a recording, or a damaged one"),
        "{said}"
    );
    rig.quit();
}

#[test]
fn real_sources_are_recorded_in_parts_without_a_hole() {
    let seconds = std::env::var(SECONDS).map_or(6, |text| text.parse::<u64>().unwrap());
    let dir = tempfile::tempdir().unwrap();
    let length = format!("{seconds}s");
    let args = [
        "record",
        "--simulate",
        "--out",
        "out",
        "--json",
        "--rotate-every",
        "2s",
        "--for",
        &length,
    ];
    let recorder = Headless::start(&args, dir.path());
    recorder.wait_for_status("a second part", |status| {
        status["recorder"]["part"].as_u64() >= Some(2)
    });
    let ended = recorder.wait();
    let said = ended.summary();
    let account = &said["files"][0];
    assert_eq!(account["complete"], Value::Bool(true), "{ended:#?}");
    assert_eq!(account["accepted"], account["written"]);
    let files = recordings(&dir.path().join("out"));
    assert_eq!(files.len() as u64, account["parts"].as_u64().unwrap());
    assert!(files.len() as u64 >= seconds / 2, "{files:?}");
    let verdict = together(&files);
    assert!(verdict.whole, "{verdict:#?}");
    let mut pictures = 0;
    for verdict in verdicts(&files) {
        // Nothing of the recorder's is missing in any of them.
        assert!(verdict.findings.is_empty(), "{verdict:#?}");
        assert_eq!(verdict.hash_matches, Some(true));
        let frames = verdict
            .summary
            .channels
            .iter()
            .filter(|c| c.schema == "ttyscope.Frame");
        pictures += frames.map(|channel| channel.messages).sum::<u64>();
    }
    println!(
        "{} parts of {seconds} s: {:.0} messages/s, {:.0} pictures/s of them",
        files.len(),
        verdict.messages as f64 / seconds as f64,
        pictures as f64 / seconds as f64
    );
}

#[test]
fn a_replay_says_which_part_is_not_there() {
    let rig = Rig::new();
    start(&rig, RecordingLimits::default(), every(1));
    for n in 0..30 {
        rig.say(0, tick(n));
        rig.clock.advance(Duration::from_millis(100));
    }
    let files = files_of(&rig.stop());
    let state = rig.dir.path().join("state");
    let replay = |files: &[&Path]| {
        let output = Command::new(env!("CARGO_BIN_EXE_ttyscope"))
            .args(["replay", "--headless", "--speed", "max", "--log-dir"])
            .arg(&state)
            .args(files)
            .output()
            .unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        (output.status.code(), said)
    };
    let (code, said) = replay(&[&files[0], &files[1]]);
    assert_eq!(code, Some(0), "{said}");
    let (code, said) = replay(&[&files[2], &files[0]]);
    assert_eq!(code, Some(3), "{said}");
    let words = "a file is missing between part 1 and part 3";
    assert!(said.contains(words), "{said}");
    rig.quit();
}
