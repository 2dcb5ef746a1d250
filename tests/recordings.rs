//! Every file in `recordings/` replays without a screen to the same summary, holds what is pinned
//! here, and is played without a network.
#![allow(clippy::unwrap_used, clippy::panic)]

mod support;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;
use support::headless::{command, recordings, run};
use support::pty::Terminal;
use ttyscope::model::{LaneKind, LinkState, Payload};
use ttyscope::recording::{Decoder, Entry, RecordingReader, session_of, verify};

fn samples() -> Vec<PathBuf> {
    let files = recordings(&Path::new(env!("CARGO_MANIFEST_DIR")).join("recordings"));
    assert!(!files.is_empty(), "no recordings");
    files
}

fn replay_args(file: &Path) -> [&str; 6] {
    let file = file.to_str().unwrap();
    ["replay", file, "--headless", "--speed", "max", "--json"]
}

#[test]
fn a_recording_replays_to_the_same_summary_twice() {
    let dir = tempfile::tempdir().unwrap();
    for file in samples() {
        let [first, second] = [(); 2].map(|()| run(&replay_args(&file), dir.path()));
        assert_eq!(first.code, Some(0), "{first:#?}");
        assert_eq!(first.stdout, second.stdout);
        assert_eq!((first.stdout.len(), second.code), (1, Some(0)));

        // What was played is what is in the file, and the end of each source where it lacks that.
        let said = first.summary();
        let about = inspect(&file, dir.path());
        let held = held_in(&file);
        assert_eq!(said["sources"].as_array().unwrap().len(), held.len());
        for ((source, account), (held, ended)) in said["sources"]
            .as_array()
            .unwrap()
            .iter()
            .zip(accounts(&about))
            .zip(held)
        {
            let written = account["written"].as_u64().unwrap();
            let in_it = held.values().sum::<u64>();
            match about.get("black_box") {
                None => assert_eq!(written, in_it),
                // It begins with what held already, which nobody had written.
                Some(_) => assert!(written < in_it),
            }
            assert_eq!(source["residue"], 0);
            assert_eq!(source["in_flight"], 0);
            for lane in LaneKind::ALL {
                let held = held.get(&lane).copied().unwrap_or(0);
                let received = received_by(source, lane);
                match lane {
                    // The end of each source, which was there after the recording.
                    LaneKind::Control => assert_eq!(received, held + u64::from(!ended)),
                    LaneKind::Samples | LaneKind::Frames | LaneKind::Books => {
                        assert_eq!(received, held);
                    }
                }
            }
        }
    }
}

/// Messages of each source of a recording, by lane, and whether the last word of its link is that it
/// has ended.
fn held_in(file: &Path) -> Vec<(BTreeMap<LaneKind, u64>, bool)> {
    let session = session_of(file).unwrap();
    let mut held = vec![(BTreeMap::new(), false); session.sources.len()];
    let mut decoder = Decoder::new(session);
    for entry in RecordingReader::open(file).unwrap() {
        if let Entry::Message(message) = entry
            && let Some(played) = decoder.decode(&message).unwrap()
        {
            let (counts, ended) = &mut held[played.source];
            *counts.entry(played.payload.lane()).or_default() += 1;
            if let Payload::Link(state) = &played.payload {
                *ended = *state == LinkState::Ended;
            }
        }
    }
    held
}

/// Items of a lane that a source received, by the summary.
fn received_by(source: &Value, lane: LaneKind) -> u64 {
    let lanes = source["received_by"].as_array().unwrap();
    let lane = lanes.iter().find(|pair| pair[0] == lane.as_str());
    lane.map_or(0, |pair| pair[1].as_u64().unwrap())
}

fn inspect(file: &Path, dir: &Path) -> Value {
    let ended = run(&["inspect", file.to_str().unwrap(), "--json"], dir);
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    assert_eq!(ended.stdout.len(), 1);
    serde_json::from_str(&ended.stdout[0]).unwrap()
}

fn accounts(about: &Value) -> &Vec<Value> {
    about["accounts"].as_array().unwrap()
}

#[test]
fn a_recording_holds_what_is_pinned() {
    let dir = tempfile::tempdir().unwrap();
    for file in samples() {
        let mut about = inspect(&file, dir.path());
        let name = file.file_name().unwrap().to_str().unwrap();
        assert!(about["path"].as_str().unwrap().ends_with(name));
        about["path"] = name.into();
        let pinned = serde_json::to_string_pretty(&about).unwrap();
        insta::assert_snapshot!(name, pinned);
    }
}

/// The rows of the README's table, as the texts of their cells.
fn described() -> Vec<Vec<String>> {
    let readme = Path::new(env!("CARGO_MANIFEST_DIR")).join("recordings/README.md");
    let readme = std::fs::read_to_string(readme).unwrap();
    let rows = readme.lines().filter(|line| line.starts_with("| `"));
    let cells = |row: &str| {
        let cells = row.trim_matches('|').split('|');
        cells.map(|cell| cell.trim().replace('`', "")).collect()
    };
    rows.map(cells).collect()
}

#[test]
fn a_recording_is_what_the_readme_says() {
    let dir = tempfile::tempdir().unwrap();
    let described = described();
    for file in samples() {
        let name = file.file_name().unwrap().to_str().unwrap();
        let row = described.iter().find(|row| row[0] == name);
        let row =
            row.unwrap_or_else(|| panic!("{name} is not in the table of recordings/README.md"));
        let verdict = verify(&file, &mut |_, _| {}).unwrap();
        assert!(verdict.whole, "{name}: {verdict:?}");
        let about = &verdict.summary;
        let sources: Vec<&str> = about.sources.iter().map(|s| s.name.as_str()).collect();
        // Nothing in these is real, and they say so.
        assert!(
            about.sources.iter().all(|s| s.origin == "simulated"),
            "{name}: {about}"
        );
        let sum = |of: &mut dyn Iterator<Item = u64>| of.sum::<u64>().to_string();
        let said = [
            name.to_owned(),
            sources.join(", "),
            format!("{:.0} s", about.span.unwrap().seconds()),
            about.messages.to_string(),
            sum(&mut about.commands.iter().map(|one| one.commands)),
            sum(&mut about.stops.iter().map(|one| one.acknowledged)),
        ];
        assert_eq!(row[..said.len()], said, "{name}");
        let size = std::fs::metadata(&file).unwrap().len();
        assert!(
            size < 600_000,
            "{name} has {size} bytes: samples are to be small"
        );
        // `verify` says the same.
        let ended = run(&["verify", file.to_str().unwrap()], dir.path());
        assert_eq!(ended.code, Some(0), "{ended:#?}");
    }
    assert_eq!(
        described.len(),
        samples().len(),
        "the README lists what is not there"
    );
}

/// Runs the program in a network of its own, in which nothing can be reached, and returns how it
/// ended and how often it tried: connections begun, datagrams sent, and packets that found no way.
/// An error is the reason why this cannot be had here.
fn in_an_empty_network(args: &[&str], dir: &Path) -> Result<(i32, u64), String> {
    const SCRIPT: &str = r#""$@"; code=$?; cat /proc/net/snmp; echo "code $code""#;
    let program = command(args, dir);
    let mut unshare = Command::new("unshare");
    unshare.args(["--map-root-user", "--net", "sh", "-c", SCRIPT, "sh"]);
    unshare.arg(program.get_program()).args(args);
    unshare.current_dir(dir).stdin(Stdio::null());
    for (name, value) in program.get_envs() {
        match value {
            Some(value) => unshare.env(name, value),
            None => unshare.env_remove(name),
        };
    }
    let output = unshare
        .output()
        .map_err(|error| format!("unshare cannot be run: {error}"))?;
    let said = String::from_utf8(output.stdout).unwrap();
    let code = said
        .lines()
        .find_map(|line| line.strip_prefix("code ")?.parse().ok())
        .ok_or_else(|| {
            let why = String::from_utf8_lossy(&output.stderr);
            format!("no network of one's own is given: {}", why.trim())
        })?;
    Ok((code, attempts(&said)))
}

/// Source: RFC 1213 (`tcpActiveOpens`, `udpOutDatagrams`, `ipOutRequests`, `ipOutNoRoutes`), as
/// Linux shows them in /proc/net/snmp: a line of names above a line of numbers.
fn attempts(snmp: &str) -> u64 {
    let lines: Vec<Vec<&str>> = snmp
        .lines()
        .map(|line| line.split_whitespace().collect())
        .collect();
    let count = |proto: &str, name: &str| {
        let mut of_proto = lines.iter().filter(|line| line.first() == Some(&proto));
        let (names, numbers) = (of_proto.next().unwrap(), of_proto.next().unwrap());
        let at = names.iter().position(|n| *n == name).unwrap();
        numbers[at].parse::<u64>().unwrap()
    };
    count("Tcp:", "ActiveOpens")
        + count("Udp:", "OutDatagrams")
        + count("Ip:", "OutRequests")
        + count("Ip:", "OutNoRoutes")
}

#[test]
fn replay_uses_no_network() {
    let dir = tempfile::tempdir().unwrap();
    // Whether an attempt would be seen: this one has to try.
    let source = "scope=imswitch://127.0.0.1:9";
    let recorder = ["record", source, "--out", "out", "--for", "1s"];
    match in_an_empty_network(&recorder, dir.path()) {
        Err(why) => return eprintln!("skipped: {why}"),
        Ok((_, 0)) => return eprintln!("skipped: this system does not count what is sent"),
        Ok((code, _)) => assert_eq!(code, 3),
    }
    for file in samples() {
        let (code, attempts) = in_an_empty_network(&replay_args(&file), dir.path()).unwrap();
        assert_eq!((code, attempts), (0, 0), "{}", file.display());
    }
}

#[test]
fn replay_is_marked_on_every_screen() {
    let dir = tempfile::tempdir().unwrap();
    for file in samples() {
        let args = ["replay", file.to_str().unwrap(), "--speed", "1"];
        let mut terminal = Terminal::start(&args, dir.path(), 100, 30);
        for (title, part) in screens(&inspect(&file, dir.path())) {
            // A screen's title stands behind its key.
            terminal.press(&title[..1]);
            let marked = format!("{title} with {part}, marked REPLAY and SIMULATED");
            terminal.wait_for(&marked, |screen| {
                let text = screen.contents();
                [title, &*part, "REPLAY", "SIMULATED"]
                    .iter()
                    .all(|wanted| text.contains(wanted))
            });
        }
        terminal.press("q");
        assert_eq!(terminal.wait(), 0);
    }
}

/// The screens that a recording has something for, and what has to be seen there.
fn screens(about: &Value) -> Vec<(&'static str, String)> {
    let topics = |schema: &str| -> Vec<&str> {
        let channels = about["channels"].as_array().unwrap().iter();
        let channels = channels.filter(|channel| channel["schema"] == schema);
        channels
            .map(|channel| channel["topic"].as_str().unwrap())
            .collect()
    };
    let mut screens = vec![
        ("1 Overview", "sources".to_owned()),
        ("6 Pipeline", "residue".to_owned()),
        ("7 Journal", "connected".to_owned()),
    ];
    if let Some(topic) = topics("foxglove.RawImage").first() {
        // `/SOURCE/CAMERA/image`
        screens.push(("2 Scope", topic.split('/').nth(2).unwrap().to_owned()));
    }
    for book in about["books"].as_array().unwrap() {
        screens.push(("3 Markets", book["symbol"].as_str().unwrap().to_owned()));
    }
    if let Some(topic) = topics("ttyscope.Rows").first() {
        // `/SOURCE/table/NAME`
        screens.push(("5 Tables", topic.split('/').nth(3).unwrap().to_owned()));
    }
    if !topics("ttyscope.Fleet").is_empty() {
        screens.push(("4 Fleet", "Attempts".to_owned()));
    }
    screens
}
