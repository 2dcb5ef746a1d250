//! The real program on a disk of 64 MiB that fills up: what stops first, what goes on, that it goes
//! on by itself, and that everything written is readable and what is missing is said.
#![allow(clippy::unwrap_used, clippy::panic)]

mod support;

use rustix::process::Signal;
use serde_json::Value;
use support::headless::{Ended, Headless, recordings};
use support::microscope::Microscope;
use support::small_disk::SmallDisk;
use ttyscope::recording::{self, Entry, RecordingReader, Verdict};
use ttyscope::simulators::imswitch::SimulatorOptions;

const DISK_MIB: u32 = 64;

/// A disk, or a line that says why there is none.
fn small_disk() -> Option<SmallDisk> {
    SmallDisk::mount(DISK_MIB)
        .inspect_err(|why| eprintln!("SKIPPED: no disk of {DISK_MIB} MiB can be mounted: {why}"))
        .ok()
}

/// Pictures of half a megabyte as they are recorded, some ten a second.
fn microscope() -> Microscope {
    Microscope::start(SimulatorOptions {
        sensor_px: (512, 512),
        throttle_ms: 40,
        ..SimulatorOptions::default()
    })
}

fn record(microscope: &Microscope, disk: &SmallDisk, home: &tempfile::TempDir) -> Headless {
    let out = disk.path().join("out");
    let source = microscope.url();
    let args = ["record", &source, "--out", out.to_str().unwrap(), "--json"];
    Headless::start(&args, home.path())
}

fn number(line: &Value, field: &str) -> u64 {
    line["recorder"][field].as_u64().unwrap_or(0)
}

/// Waits until the disk is as wanted; returns that line.
fn wait_for_disk(program: &Headless, room: &str) -> Value {
    program.wait_for_next(&format!("the disk to be {room}"), |line| {
        line["recorder"]["disk"] == room
    })
}

fn of_schema(verdict: &Verdict, schema: &str) -> u64 {
    let channels = verdict.summary.channels.iter();
    let of_schema = channels.filter(|channel| channel.schema == schema);
    of_schema.map(|channel| channel.messages).sum()
}

/// Every part of the file can be read, it ends as a file should, and it says what it lacks.
fn read_all(path: &std::path::Path) -> Verdict {
    let verdict = recording::verify(path, &mut |_, _| {}).unwrap();
    let summary = &verdict.summary;
    assert!(summary.finished && summary.damage.is_empty(), "{summary}");
    let lost: u64 = summary
        .accounts
        .iter()
        .map(|a| a.accepted - a.written)
        .sum();
    let said: u64 = summary
        .losses
        .iter()
        .filter(|loss| loss.reason == "disk full")
        .map(|loss| loss.count)
        .sum();
    // A file that was ended in the middle of a write has its books alone to say it.
    let is_torn = said == 0 && summary.ended.as_deref() == Some("the disk was full");
    assert!(said == lost || is_torn, "{summary}");
    assert!(lost > 0 && !verdict.whole);
    for finding in &verdict.findings {
        assert!(finding.what.contains("disk full"), "{finding:?}");
    }
    verdict
}

/// What the recorder itself says in the file.
fn own_words(path: &std::path::Path) -> Vec<String> {
    RecordingReader::open(path)
        .unwrap()
        .filter_map(|entry| match entry {
            Entry::Message(message) if message.channel.topic == "/ttyscope/fault" => {
                let fault: Value = serde_json::from_slice(&message.data).unwrap();
                Some(fault["text"].as_str().unwrap().to_owned())
            }
            _ => None,
        })
        .collect()
}

/// The program says that something is missing, and its books balance with those of its files.
fn assert_balanced(ended: &Ended, files: &[&Verdict]) {
    assert_eq!(ended.code, Some(3), "{ended:#?}");
    let said = ended.summary();
    assert_eq!(said["complete"], false);
    let source = &said["sources"][0];
    assert_eq!(
        (&source["residue"], &source["in_flight"]),
        (&0.into(), &0.into())
    );
    let accounts = || files.iter().flat_map(|file| &file.summary.accounts);
    let accepted: u64 = accounts().map(|account| account.accepted).sum();
    let written: u64 = accounts().map(|account| account.written).sum();
    assert_eq!(source["accepted"], accepted);
    assert_eq!(source["written"], written);
    let missing = said["missing"].to_string();
    assert!(missing.contains("not written: disk full"), "{missing}");
}

#[test]
fn pictures_stop_first_and_come_back_in_the_same_file() {
    let Some(disk) = small_disk() else { return };
    let (microscope, home) = (microscope(), tempfile::tempdir().unwrap());
    disk.put_ballast("ballast", 40);
    let program = record(&microscope, &disk, &home);

    let held = wait_for_disk(&program, "frames held");
    assert!(held["recorder"]["disk_since_unix_ns"].is_u64(), "{held}");
    assert!(number(&held, "free_bytes") > 4 << 20, "{held}");
    let (messages, missing) = (number(&held, "messages"), number(&held, "disk_missing"));
    program.wait_for_next("statistics to go on and pictures not to", |line| {
        line["recorder"]["disk"] == "frames held"
            && number(line, "messages") > messages + 5
            && number(line, "disk_missing") > missing + 5
    });

    // Somebody takes the rest: what was held in hand is for the stop.
    disk.put_ballast("greed", 64);
    let control = wait_for_disk(&program, "only control");
    program.signal(Signal::USR1);
    program.wait_for_next("the stop to be recorded", |line| {
        number(line, "messages") > number(&control, "messages")
    });

    disk.remove("greed");
    disk.remove("ballast");
    let roomy = wait_for_disk(&program, "roomy");
    let messages = number(&roomy, "messages");
    program.wait_for_next("pictures to be recorded again", |line| {
        number(line, "messages") > messages + 20
    });
    program.signal(Signal::TERM);
    let ended = program.wait();

    let files = recordings(&disk.path().join("out"));
    assert_eq!(files.len(), 1, "{files:?}");
    let verdict = read_all(&files[0]);
    assert_balanced(&ended, &[&verdict]);
    assert!(
        of_schema(&verdict, "ttyscope.Stop") > 0,
        "{}",
        verdict.summary
    );
    let frames = of_schema(&verdict, "ttyscope.Frame");
    assert!(frames > 20, "{}", verdict.summary);
    let words = own_words(&files[0]);
    assert!(
        words[0].contains("frames are not recorded since"),
        "{words:?}"
    );
    assert!(words[1].contains("only commands, stops"), "{words:?}");
    let last = words.last().unwrap();
    assert!(last.contains("everything is recorded"), "{words:?}");
}

#[test]
fn a_disk_filled_at_once_ends_the_file_and_another_one_begins_with_room() {
    let Some(disk) = small_disk() else { return };
    let (microscope, home) = (microscope(), tempfile::tempdir().unwrap());
    let program = record(&microscope, &disk, &home);
    program.wait_for_next("the first messages", |line| number(line, "messages") > 5);
    disk.put_ballast("greed", 64);

    let full = wait_for_disk(&program, "full");
    assert!(full["recorder"]["waits_because"].is_string(), "{full}");
    let missing = number(&full, "not_taken");
    program.wait_for_next("losses to be counted", |line| {
        line["recorder"]["disk"] == "full" && number(line, "not_taken") > missing + 5
    });
    disk.remove("greed");
    program.wait_for_next("another file", |line| {
        line["recorder"]["disk"] == "roomy" && number(line, "messages") > 5
    });
    program.signal(Signal::TERM);
    let ended = program.wait();

    let files = recordings(&disk.path().join("out"));
    assert_eq!(files.len(), 2, "{files:?}");
    let mut verdicts: Vec<Verdict> = files.iter().map(|file| read_all(file)).collect();
    verdicts.sort_by_key(|verdict| verdict.summary.part);
    assert_balanced(&ended, &[&verdicts[0], &verdicts[1]]);
    let words = own_words(&verdicts[1].summary.path);
    assert!(words[0].contains("nothing was recorded from"), "{words:?}");
    for verdict in &verdicts {
        assert!(
            of_schema(verdict, "ttyscope.Frame") > 0,
            "{}",
            verdict.summary
        );
    }
    assert_eq!(
        verdicts[0].summary.ended.as_deref(),
        Some("the disk was full")
    );
}
