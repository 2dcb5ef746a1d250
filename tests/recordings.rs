//! Every file in `recordings/` replays without a screen to the same summary, holds what is pinned
//! here, and is played without a network.
#![allow(clippy::unwrap_used, clippy::panic)]

mod support;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;
use support::headless::{command, recordings, run};
use support::pty::Terminal;

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

        // What was played is what is in the file, and the end of each source.
        let said = first.summary();
        let about = inspect(&file, dir.path());
        for (source, account) in said["sources"]
            .as_array()
            .unwrap()
            .iter()
            .zip(accounts(&about))
        {
            assert_eq!(source["received"], account["written"].as_u64().unwrap() + 1);
            assert_eq!(source["residue"], 0);
            assert_eq!(source["in_flight"], 0);
        }
    }
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
        let screens = [
            ("1", "sources"),
            ("2", "WidefieldCamera"),
            ("3", "residue"),
            ("4", "connected"),
        ];
        for (key, part) in screens {
            terminal.press(key);
            terminal.wait_for(&format!("screen {key}, marked REPLAY"), |screen| {
                let text = screen.contents();
                text.contains(part) && text.contains("REPLAY")
            });
        }
        terminal.press("q");
        assert_eq!(terminal.wait(), 0);
    }
}
