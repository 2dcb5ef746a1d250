//! A replay asks the system for no network, opens no device and writes nothing but its log: its
//! system calls are traced, without a screen and with one.
#![allow(clippy::unwrap_used, clippy::panic)]

mod support;

use std::path::{Path, PathBuf};
use std::process::Command;

use support::headless::command;
use support::pty::Terminal;

const TRACED: &str = "trace=%network,open,openat,openat2,creat,mkdir,mkdirat,unlink,unlinkat,\
                      rename,renameat,renameat2,truncate,ioctl";

fn tracer(into: &Path) -> Vec<String> {
    let into = into.to_str().unwrap();
    ["strace", "-f", "-qq", "-s", "256", "-e", TRACED, "-o", into]
        .map(str::to_owned)
        .to_vec()
}

/// Why calls cannot be traced here.
fn why_not(dir: &Path) -> Option<String> {
    let tracer = tracer(&dir.join("try"));
    let tried = Command::new(&tracer[0])
        .args(&tracer[1..])
        .arg("true")
        .output();
    match tried {
        Err(error) => Some(format!("strace cannot be run: {error}")),
        Ok(output) if !output.status.success() => {
            Some(String::from_utf8_lossy(&output.stderr).trim().to_owned())
        }
        Ok(_) => None,
    }
}

/// The calls of a trace that a replay must not make.
fn forbidden(trace: &Path, dir: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(trace).unwrap();
    assert!(text.contains("openat("), "nothing was traced: {text}");
    let dir = dir.to_str().unwrap();
    let is_of_network = |call: &str| {
        // What a thread and its runtime wake each other with is no network.
        let names = [
            "socket(", "connect(", "bind(", "listen(", "accept", "sendto(", "sendmsg(",
        ];
        names.iter().any(|name| call.starts_with(name))
    };
    let is_device = |call: &str| call.contains("\"/dev/video") || call.contains("\"/dev/media");
    let writes = |call: &str| {
        let is_change = ["creat(", "mkdir", "unlink", "rename", "truncate("]
            .iter()
            .any(|name| call.starts_with(name));
        let is_open = ["O_WRONLY", "O_RDWR", "O_CREAT"]
            .iter()
            .any(|flag| call.contains(flag));
        let into_log = call.contains(&format!("\"{dir}/log"));
        // The terminal is what it is shown on; what is read of it is not written to disk.
        let into_tty = ["\"/dev/tty\"", "\"/dev/pts/", "\"/dev/null\""]
            .iter()
            .any(|tty| call.contains(tty));
        (is_change || is_open) && !into_log && !into_tty && !call.contains(" = -1 ")
    };
    text.lines()
        .filter_map(|line| line.split_once(' '))
        .map(|(_, call)| call.trim_start())
        .filter(|call| is_of_network(call) || is_device(call) || writes(call))
        .map(str::to_owned)
        .collect()
}

fn samples() -> [PathBuf; 2] {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("recordings");
    ["microscope.mcap", "market.mcap"].map(|name| dir.join(name))
}

#[test]
fn a_replay_without_a_screen_asks_for_no_network_and_writes_only_its_log() {
    let dir = tempfile::tempdir().unwrap();
    let home = dir.path().canonicalize().unwrap();
    if let Some(why) = why_not(&home) {
        return eprintln!("skipped: {why}");
    }
    let log = home.join("log");
    for file in samples() {
        let trace = home.join("trace");
        let args = [
            "replay",
            file.to_str().unwrap(),
            "--headless",
            "--speed",
            "max",
            "--log-dir",
        ];
        let program = command(&args, &home);
        let tracer = tracer(&trace);
        let mut traced = Command::new(&tracer[0]);
        traced
            .args(&tracer[1..])
            .arg(program.get_program())
            .args(args)
            .arg(&log);
        for (name, value) in program.get_envs() {
            match value {
                Some(value) => traced.env(name, value),
                None => traced.env_remove(name),
            };
        }
        let output = traced.current_dir(&home).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        assert_eq!(
            forbidden(&trace, &home),
            Vec::<String>::new(),
            "{}",
            file.display()
        );
    }
    // Whether such calls would be seen: a recorder has to make them.
    let trace = home.join("live");
    let args = [
        "record",
        "scope=imswitch://127.0.0.1:9",
        "--out",
        "out",
        "--for",
        "1s",
    ];
    let program = command(&args, &home);
    let tracer = tracer(&trace);
    let mut traced = Command::new(&tracer[0]);
    traced
        .args(&tracer[1..])
        .arg(program.get_program())
        .args(args);
    for (name, value) in program.get_envs() {
        match value {
            Some(value) => traced.env(name, value),
            None => traced.env_remove(name),
        };
    }
    traced.current_dir(&home).output().unwrap();
    let seen = forbidden(&trace, &home);
    for name in ["socket(", "connect(", "O_CREAT"] {
        assert!(
            seen.iter().any(|call| call.contains(name)),
            "{name} in {seen:#?}"
        );
    }
}

#[test]
fn a_replay_on_the_screen_asks_for_no_network_whatever_is_pressed() {
    let dir = tempfile::tempdir().unwrap();
    let home = dir.path().canonicalize().unwrap();
    if let Some(why) = why_not(&home) {
        return eprintln!("skipped: {why}");
    }
    let (log, trace) = (home.join("log"), home.join("trace"));
    let [microscope, _] = samples();
    let mut program = tracer(&trace);
    program.extend([
        env!("CARGO_BIN_EXE_ttyscope").to_owned(),
        "replay".to_owned(),
        microscope.display().to_string(),
        "--paused".to_owned(),
        "--log-dir".to_owned(),
        log.display().to_string(),
    ]);
    let program: Vec<&str> = program.iter().map(String::as_str).collect();
    let mut terminal = Terminal::start_program(&program, &home, 100, 30, &[]);
    terminal.wait_for("it holds", |screen| screen.contents().contains("paused"));
    // What a live source would be asked for is refused with a sentence.
    let refused = [
        (":control\r", "a replay asks nothing of an instrument"),
        (":record\r", "a replay is not recorded again"),
        (":live start\r", "a replay asks nothing of an instrument"),
        (":stop\r", "a replay has nothing to stop"),
    ];
    for (line, sentence) in refused {
        terminal.press(line);
        terminal.wait_for(sentence, |screen| screen.contents().contains(sentence));
        terminal.press("\x1b");
        terminal.wait_for("the line is gone", |screen| {
            !screen.contents().contains(sentence)
        });
    }
    for (key, sentence) in [
        ("R", "a replay is not recorded again"),
        ("\x18", "a replay has nothing to stop"),
        ("L", "a replay asks nothing of an instrument"),
    ] {
        terminal.press(key);
        terminal.wait_for(sentence, |screen| screen.contents().contains(sentence));
    }
    terminal.press(":seek end\r");
    terminal.wait_for("the end", |screen| screen.contents().contains("■ ended"));
    terminal.press(":seek start\r");
    terminal.wait_for("the beginning", |screen| {
        screen.contents().contains("00:00:00.000")
    });
    terminal.press("q");
    assert_eq!(terminal.wait(), 0);
    assert_eq!(forbidden(&trace, &home), Vec::<String>::new());
}
