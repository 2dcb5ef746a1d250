//! The real program without a terminal.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal};
use serde_json::Value;

use super::pty::PATIENCE;

/// A program that runs, and what it has said.
pub struct Headless {
    child: Child,
    stdout: Arc<Lines>,
    readers: Vec<JoinHandle<()>>,
    stderr: Arc<Lines>,
}

/// How it ended.
#[derive(Debug)]
pub struct Ended {
    pub code: Option<i32>,
    pub stdout: Vec<String>,
    pub stderr: String,
}

#[derive(Default)]
struct Lines {
    lines: Mutex<Vec<String>>,
    more: Condvar,
}

/// The program with `args`; logs and state go into `dir`.
pub fn command(args: &[&str], dir: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ttyscope"));
    command
        .args(args)
        .current_dir(dir)
        .env("HOME", dir)
        .env("XDG_CONFIG_HOME", dir.join("config"))
        .env("XDG_STATE_HOME", dir.join("state"))
        .env("XDG_DATA_HOME", dir.join("data"))
        .env("XDG_RUNTIME_DIR", dir)
        .env_remove("TTYSCOPE_LOG")
        .env_remove("TTYSCOPE_LOG_DIR")
        .env_remove("STATE_DIRECTORY")
        .env_remove("NOTIFY_SOCKET")
        .env_remove("WATCHDOG_USEC")
        .stdin(Stdio::null());
    command
}

/// Runs the program to its end.
pub fn run(args: &[&str], dir: &Path) -> Ended {
    Headless::start(args, dir).wait()
}

impl Headless {
    pub fn start(args: &[&str], dir: &Path) -> Self {
        Self::spawn(command(args, dir))
    }

    pub fn spawn(mut command: Command) -> Self {
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut readers = Vec::new();
        let stdout = Lines::of(child.stdout.take().unwrap(), &mut readers);
        let stderr = Lines::of(child.stderr.take().unwrap(), &mut readers);
        Self {
            child,
            stdout,
            stderr,
            readers,
        }
    }

    pub fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(i32::try_from(self.child.id()).unwrap()).unwrap();
        rustix::process::kill_process(pid, signal).unwrap();
    }

    /// Waits for a status line of `--json` that is as wanted.
    pub fn wait_for_status(&self, what: &str, wanted: impl Fn(&Value) -> bool) {
        self.stdout.wait_for(what, |line| {
            serde_json::from_str(line).is_ok_and(|v| wanted(&v))
        });
    }

    /// Waits for a status line of `--json` that is as wanted and comes from now on; returns it.
    pub fn wait_for_next(&self, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let mut found = None;
        self.stdout.wait_from(self.stdout.len(), what, |line| {
            found = serde_json::from_str(line).ok().filter(|v| wanted(v));
            found.is_some()
        });
        found.unwrap_or_default()
    }

    /// Waits for a line on standard error.
    pub fn wait_for_word(&self, part: &str) {
        self.stderr.wait_for(part, |line| line.contains(part));
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The last whole status line of `--json` so far.
    pub fn last_status(&self) -> Option<Value> {
        let lines = self.stdout.take();
        let line = lines.last()?;
        serde_json::from_str(line).ok()
    }

    /// Whether it has said that on standard error by now.
    pub fn has_said(&self, part: &str) -> bool {
        self.stderr.take().iter().any(|line| line.contains(part))
    }

    /// Waits for a line on standard error and returns it.
    pub fn word(&self, part: &str) -> String {
        self.wait_for_word(part);
        let said = self.stderr.take();
        said.into_iter().find(|line| line.contains(part)).unwrap()
    }

    pub fn wait(mut self) -> Ended {
        let deadline = Instant::now() + PATIENCE;
        let code = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status.code();
            }
            let said = self.stderr.take();
            assert!(Instant::now() < deadline, "it does not end:\n{said:?}");
            std::thread::sleep(Duration::from_millis(5));
        };
        for reader in self.readers.drain(..) {
            reader.join().unwrap();
        }
        Ended {
            code,
            stdout: self.stdout.take(),
            stderr: self.stderr.take().join("\n"),
        }
    }
}

impl Drop for Headless {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

impl Ended {
    /// The object of the last line.
    pub fn summary(&self) -> Value {
        let last = self.stdout.last().unwrap_or_else(|| panic!("{self:?}"));
        let mut last: Value = serde_json::from_str(last).unwrap();
        last["summary"].take()
    }
}

impl Lines {
    fn of(stream: impl Read + Send + 'static, readers: &mut Vec<JoinHandle<()>>) -> Arc<Self> {
        let lines = Arc::new(Self::default());
        let kept = Arc::clone(&lines);
        readers.push(std::thread::spawn(move || {
            let mut stream = BufReader::new(stream);
            let mut line = Vec::new();
            while stream.read_until(b'\n', &mut line).is_ok_and(|n| n > 0) {
                let text = String::from_utf8(std::mem::take(&mut line)).unwrap();
                kept.lines
                    .lock()
                    .unwrap()
                    .push(text.trim_end_matches('\n').to_owned());
                kept.more.notify_all();
            }
        }));
        lines
    }

    fn len(&self) -> usize {
        self.lines.lock().unwrap().len()
    }

    fn wait_for(&self, what: &str, wanted: impl FnMut(&str) -> bool) {
        self.wait_from(0, what, wanted);
    }

    /// Waits for a line behind the first `seen`.
    fn wait_from(&self, seen: usize, what: &str, mut wanted: impl FnMut(&str) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        let mut lines = self.lines.lock().unwrap();
        while !lines.iter().skip(seen).any(|line| wanted(line)) {
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "waiting for {what}: {lines:#?}");
            lines = self.more.wait_timeout(lines, left).unwrap().0;
        }
    }

    fn take(&self) -> Vec<String> {
        self.lines.lock().unwrap().clone()
    }
}

/// The recordings in a folder, unfinished ones too, by name.
pub fn recordings(dir: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(dir) else {
        return Vec::new();
    };
    let mut files: Vec<PathBuf> = entries
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|e| e == "mcap"))
        .collect();
    files.sort();
    files
}
