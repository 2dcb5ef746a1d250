//! The real program as a service: what its manager hears, what signals do to it, who may read its
//! figures, what it keeps, and that one source that fails costs the others nothing.
#![allow(clippy::unwrap_used, clippy::panic)]

mod support;

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::MetadataExt as _;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime};

use rustix::process::Signal;
use serde_json::Value;
use support::headless::{Ended, Headless, command, recordings, run};
use support::microscope::Microscope;
use support::pty::{PATIENCE, Terminal};
use ttyscope::recording;
use ttyscope::simulators::imswitch::Fault;

/// A service manager: a socket, and what was said to it.
struct Manager {
    path: PathBuf,
    heard: Arc<(Mutex<Vec<String>>, Condvar)>,
    listener: Option<JoinHandle<()>>,
}

impl Manager {
    fn new(dir: &Path) -> Self {
        let path = dir.join("notify.socket");
        let socket = UnixDatagram::bind(&path).unwrap();
        let heard = Arc::new((Mutex::new(Vec::new()), Condvar::new()));
        let all = Arc::clone(&heard);
        let listener = std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            loop {
                let size = socket.recv(&mut bytes).unwrap();
                // Ours, from below.
                if size == 0 {
                    return;
                }
                let said = String::from_utf8(bytes[..size].to_vec()).unwrap();
                all.0.lock().unwrap().push(said);
                all.1.notify_all();
            }
        });
        Self {
            path,
            heard,
            listener: Some(listener),
        }
    }

    /// Waits for something that was said at `from` or later; where it is, and what.
    fn wait_for(&self, from: usize, what: &str, wanted: impl Fn(&str) -> bool) -> (usize, String) {
        let deadline = Instant::now() + PATIENCE;
        let mut heard = self.heard.0.lock().unwrap();
        loop {
            let mut later = heard.iter().enumerate().skip(from);
            if let Some((at, said)) = later.find(|(_, said)| wanted(said)) {
                return (at, said.clone());
            }
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "waiting for {what}: {heard:#?}");
            heard = self.heard.1.wait_timeout(heard, left).unwrap().0;
        }
    }

    fn wait_for_word(&self, from: usize, word: &str) -> usize {
        self.wait_for(from, word, |said| said == word).0
    }

    /// How much was said so far.
    fn so_far(&self) -> usize {
        self.heard.0.lock().unwrap().len()
    }
}

impl Drop for Manager {
    fn drop(&mut self) {
        let ours = UnixDatagram::unbound().unwrap();
        let ended = ours.send_to(&[], &self.path);
        if let (Ok(_), Some(listener)) = (ended, self.listener.take()) {
            let _ = listener.join();
        }
    }
}

/// Configuration of one microscope, and more.
fn configuration(microscope: &Microscope, more: &str) -> String {
    let url = microscope.url();
    let url = url.strip_prefix("scope=").unwrap();
    format!("{more}\n[sources.scope]\nurl = \"{url}\"\n")
}

/// Every file in `dir`/out is whole.
fn assert_whole(dir: &Path) {
    for path in recordings(&dir.join("out")) {
        let file = recording::inspect(&path).unwrap();
        assert!(file.complete && file.finished, "{}: {file}", path.display());
    }
}

#[test]
fn a_manager_hears_how_its_recorder_is() {
    let microscope = Microscope::small();
    let dir = tempfile::tempdir().unwrap();
    let config = dir.path().join("lab.toml");
    fs::write(&config, configuration(&microscope, "")).unwrap();
    let manager = Manager::new(dir.path());
    let args = [
        "record", "--config", "lab.toml", "--out", "out", "--log-to", "journal",
    ];
    let mut command = command(&args, dir.path());
    command
        .env("NOTIFY_SOCKET", &manager.path)
        .env("WATCHDOG_USEC", "2000000");
    let recorder = Headless::spawn(command);

    // Ready, once there is a file.
    let ready = manager.wait_for_word(0, "READY=1");
    let files = recordings(&dir.path().join("out"));
    assert_eq!(files.len(), 1, "{files:?}");
    manager.wait_for(ready, "a status", |said| {
        said.starts_with("STATUS=recording part 1 (")
            && said.contains("messages ")
            && said.contains("durable to ")
            && said.ends_with("; sources 1, all well")
    });
    let alive = manager.wait_for_word(ready, "WATCHDOG=1");
    manager.wait_for_word(alive + 1, "WATCHDOG=1");

    // Another file, and another configuration.
    let more = "log = \"debug\"\n[record]\nkeep_total = \"1TB\"\nrotate_size = \"2GiB\"\n[sources.new]\nurl = \"ws://127.0.0.1:9\"";
    fs::write(&config, configuration(&microscope, more)).unwrap();
    let before = manager.so_far();
    recorder.signal(Signal::HUP);
    let (reloading, said) = manager.wait_for(before, "a reload", |said| {
        said.starts_with("RELOADING=1\nMONOTONIC_USEC=")
    });
    let usec: u64 = said.rsplit('=').next().unwrap().parse().unwrap();
    assert!(usec > 0);
    let reloaded = manager.wait_for_word(reloading, "READY=1");
    assert_eq!(recordings(&dir.path().join("out")).len(), 2);
    for words in [
        "<6>",
        "the log lets through debug",
        "recordings are kept up to 931 GiB",
        "another file is begun before one is over 2.00 GiB",
    ] {
        recorder.wait_for_word(words);
    }
    let restart = recorder.word("needs a restart: source new is new");
    assert!(restart.starts_with("<4>"), "{restart}");

    // A configuration that is broken changes nothing, and the file is another one all the same.
    fs::write(&config, "log = \"info\"\nrecord = 7\n").unwrap();
    recorder.signal(Signal::HUP);
    let again = manager.wait_for_word(reloaded + 1, "READY=1");
    let stays = recorder.word("the configuration stays as it was");
    assert!(stays.starts_with("<3>"), "{stays}");
    assert!(stays.contains("lab.toml, line 2"), "{stays}");
    assert_eq!(recordings(&dir.path().join("out")).len(), 3);

    recorder.signal(Signal::USR2);
    recorder.wait_for_word("the ledger is in");
    let ledger = fs::read_to_string(dir.path().join("state/ttyscope/ledger.txt")).unwrap();
    for words in [
        "source scope SIMULATED: live",
        "residue 0",
        "lane frames: received ",
        "to disk: accepted ",
        "recorder: recording, file ttyscope-",
    ] {
        assert!(ledger.contains(words), "{words}: {ledger}");
        recorder.wait_for_word(words);
    }

    recorder.signal(Signal::TERM);
    let ended = recorder.wait();
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    let (stopping, _) = manager.wait_for(again, "the end", |said| {
        said == "STOPPING=1\nEXTEND_TIMEOUT_USEC=30000000"
    });
    let last = manager.so_far();
    assert!(stopping < last);
    assert_whole(dir.path());
    // Under the journal every line has its priority, the verdict too.
    for line in ended.stderr.lines() {
        let ranked = ["<3>", "<4>", "<6>", "<7>"];
        assert!(ranked.iter().any(|rank| line.starts_with(rank)), "{line}");
    }
    assert!(ended.stderr.contains("complete"), "{ended:#?}");
}

#[test]
fn a_manager_that_is_not_there_is_not_missed() {
    let microscope = Microscope::small();
    let dir = tempfile::tempdir().unwrap();
    for name in ["/nowhere/notify", "@nobody-listens-here", "rubbish"] {
        let url = microscope.url();
        let mut command = command(
            &["record", &url, "--out", "out", "--max-messages", "20"],
            dir.path(),
        );
        command.env("NOTIFY_SOCKET", name);
        let ended = Headless::spawn(command).wait();
        assert_eq!(ended.code, Some(0), "{name}: {ended:#?}");
    }
}

#[test]
fn under_the_journal_the_log_goes_there_and_errors_have_a_priority() {
    let microscope = Microscope::small();
    let url = microscope.url();
    let dir = tempfile::tempdir().unwrap();
    let cases: [(&[&str], Option<i32>, &str); 2] = [
        (
            &["record", &url, "--out", "out", "--max-messages", "20"],
            Some(0),
            "link connected",
        ),
        (
            &["record", "--out", "out", "nonsense"],
            Some(2),
            "<3>ttyscope: ",
        ),
    ];
    for (args, code, words) in cases {
        let file = fs::File::create(dir.path().join("journal")).unwrap();
        let about = file.metadata().unwrap();
        let mut command = command(args, dir.path());
        let given = format!("{}:{}", about.dev(), about.ino());
        let status = command
            .env("JOURNAL_STREAM", given)
            .stderr(file)
            .status()
            .unwrap();
        let journal = fs::read_to_string(dir.path().join("journal")).unwrap();
        assert_eq!(status.code(), code, "{journal}");
        assert!(journal.contains(words), "{journal}");
        for line in journal.lines() {
            assert!(line.starts_with('<'), "{line}");
        }
        let logs = fs::read_dir(dir.path().join("state/ttyscope"))
            .into_iter()
            .flatten()
            .filter(|entry| {
                let name = entry.as_ref().unwrap().file_name();
                name.to_string_lossy().ends_with(".log")
            });
        assert_eq!(logs.count(), 0, "the journal has it");
    }
}

/// The answer to a request for the figures.
fn figures(address: SocketAddr) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(address)?;
    stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

/// Where a recorder says that its figures are.
fn figures_of(recorder: &Headless) -> SocketAddr {
    let line = recorder.word("figures are at http://");
    let (_, rest) = line.split_once("http://").unwrap();
    rest.strip_suffix("/metrics").unwrap().parse().unwrap()
}

#[test]
fn figures_are_there_while_the_configuration_says_so() {
    let microscope = Microscope::small();
    let dir = tempfile::tempdir().unwrap();
    let config = dir.path().join("lab.toml");
    let more = "[metrics]\nlisten = \"127.0.0.1:0\"";
    fs::write(&config, configuration(&microscope, more)).unwrap();
    let args = [
        "record", "--config", "lab.toml", "--out", "out", "--log-to", "stderr",
    ];
    let recorder = Headless::start(&args, dir.path());
    let address = figures_of(&recorder);
    let deadline = Instant::now() + PATIENCE;
    let wanted = [
        "\nttyscope_link_up{source=\"scope\"} 1\n",
        "\nttyscope_residue{source=\"scope\"} 0\n",
        "\nttyscope_recorder_state{state=\"recording\"} 1\n",
        "\nttyscope_camera_frames_total{source=\"scope\",camera=\"",
        "\nttyscope_durable_age_seconds ",
        "\nttyscope_disk_free_bytes ",
    ];
    loop {
        let page = figures(address).unwrap();
        assert!(page.starts_with("HTTP/1.1 200 "), "{page}");
        if wanted.iter().all(|words| page.contains(words)) {
            break;
        }
        assert!(Instant::now() < deadline, "{page}");
    }
    fs::write(&config, configuration(&microscope, "")).unwrap();
    recorder.signal(Signal::HUP);
    recorder.wait_for_word("figures are no longer to be had");
    let deadline = Instant::now() + PATIENCE;
    while figures(address).is_ok() {
        assert!(Instant::now() < deadline, "the door is still open");
    }
    recorder.signal(Signal::TERM);
    assert_eq!(recorder.wait().code, Some(0));
}

#[test]
fn figures_for_other_machines_have_to_be_meant() {
    let dir = tempfile::tempdir().unwrap();
    let args = [
        "record",
        "--simulate",
        "--out",
        "out",
        "--metrics",
        "0.0.0.0:0",
    ];
    let ended = run(&args, dir.path());
    assert_eq!(ended.code, Some(2), "{ended:#?}");
    assert!(ended.stderr.contains("allow_remote = true"), "{ended:#?}");
    assert!(recordings(&dir.path().join("out")).is_empty());
    // And one that somebody else has.
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let args = [
        "record",
        "--simulate",
        "--out",
        "out",
        "--metrics",
        &address,
    ];
    let ended = run(&args, dir.path());
    assert_eq!(ended.code, Some(1), "{ended:#?}");
    let words = format!("figures cannot be had at {address}");
    assert!(ended.stderr.contains(&words), "{ended:#?}");
    assert!(recordings(&dir.path().join("out")).is_empty());
}

#[test]
fn a_ledger_is_to_be_had_from_the_screens_as_well() {
    let microscope = Microscope::small();
    let dir = tempfile::tempdir().unwrap();
    let mut terminal = Terminal::start(&[&microscope.url()], dir.path(), 100, 30);
    terminal.wait_for_text("live");
    terminal.signal(Signal::USR2);
    let deadline = Instant::now() + PATIENCE;
    let logged = |words: &str| {
        let mut files = Vec::new();
        let mut folders = vec![dir.path().to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                match path.is_dir() {
                    true => folders.push(path),
                    false if path.extension().is_some_and(|end| end == "log") => files.push(path),
                    false => {}
                }
            }
        }
        let mut texts = files.iter().map(|file| fs::read_to_string(file).unwrap());
        texts.any(|text| text.contains(words))
    };
    while !logged("the ledger is in") {
        assert!(Instant::now() < deadline, "no ledger");
        std::thread::yield_now();
    }
    assert!(logged("source scope") && logged("terminal: "));
    terminal.press("qq");
    assert_eq!(terminal.wait(), 0);
}

// Several sources.

/// A server that answers whatever comes with what is no protocol at all. Lives as long as the test.
fn rubbish() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let mut head = [0; 1024];
            let _ = stream.read(&mut head);
            let _ = stream.write_all(&[0xff; 600]);
        }
    });
    address
}

#[test]
fn one_source_that_fails_costs_the_others_nothing() {
    let fine = Microscope::small();
    let refusing = Microscope::with_faults(&[Fault::Refuse]);
    let dir = tempfile::tempdir().unwrap();
    let refused = refusing.url();
    let refused = refused.strip_prefix("scope=").unwrap();
    let rubbish = rubbish();
    let more = format!(
        "[sources.locked]\nurl = \"{refused}\"\nheaders = {{ Authorization = \"$LAB_TOKEN\" }}\n\
         [sources.noise]\nurl = \"ws://{rubbish}/feed\"\n\
         [sources.sheet]\nurl = \"flamingo://{rubbish}\"\n"
    );
    fs::write(dir.path().join("lab.toml"), configuration(&fine, &more)).unwrap();
    let args = ["record", "--config", "lab.toml", "--out", "out", "--json"];
    let mut command = command(&args, dir.path());
    command.env("LAB_TOKEN", "Bearer not-the-right-one");
    let recorder = Headless::spawn(command);
    let source = |status: &Value, name: &str| -> Value {
        let sources = status["sources"].as_array().unwrap();
        sources.iter().find(|s| s["name"] == name).unwrap().clone()
    };
    recorder.wait_for_status("one recorded, three down", |status| {
        status["sources"].is_array()
            && source(status, "scope")["received"].as_u64() > Some(60)
            && ["locked", "noise", "sheet"].iter().all(|name| {
                let state = source(status, name)["state"].as_str().unwrap().to_owned();
                state == "down" || state == "connecting"
            })
    });
    recorder.signal(Signal::TERM);
    let ended = recorder.wait();
    assert_eq!(ended.code, Some(3), "{ended:#?}");
    let summary = ended.summary();
    for account in summary["sources"].as_array().unwrap() {
        assert_eq!(account["residue"], 0, "{account}");
        assert_eq!(account["accepted"], account["written"], "{account}");
    }
    let missing = summary["missing"].to_string();
    for name in ["locked", "noise", "sheet"] {
        assert!(missing.contains(&format!("{name}: ")), "{missing}");
    }
    assert!(!missing.contains("scope"), "{missing}");
    let file = &recordings(&dir.path().join("out"))[0];
    let recorded = recording::inspect(file).unwrap();
    let frames = recorded
        .channels
        .iter()
        .filter(|c| c.schema == "ttyscope.Frame");
    assert!(
        frames.map(|channel| channel.messages).sum::<u64>() > 30,
        "{recorded}"
    );
    assert!(recorded.finished, "{recorded}");
    // The secret is nowhere.
    let said = format!("{}{}", ended.stdout.join("\n"), ended.stderr);
    assert!(!said.contains("not-the-right-one"), "{said}");
    for path in everything_in(dir.path()) {
        let bytes = fs::read(&path).unwrap();
        let secret = b"not-the-right-one";
        let found = bytes.windows(secret.len()).any(|window| window == secret);
        assert!(!found, "{}", path.display());
    }
}

/// All plain files below a folder.
fn everything_in(dir: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let entry = entry.unwrap();
        let kind = entry.file_type().unwrap();
        if kind.is_dir() {
            files.extend(everything_in(&entry.path()));
        } else if kind.is_file() {
            files.push(entry.path());
        }
    }
    files
}

// What is kept.

fn record_some(microscope: &Microscope, dir: &Path, name: &str, more: &[&str]) -> Ended {
    let url = microscope.url();
    let mut args = vec!["record", &url, "--out", "out", "--name", name];
    args.extend(["--max-messages", "40", "--log-to", "stderr"]);
    args.extend(more);
    let ended = run(&args, dir);
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    ended
}

fn named(dir: &Path, name: &str) -> Option<PathBuf> {
    let files = recordings(&dir.join("out"));
    let mut files = files.into_iter();
    files.find(|path| {
        path.file_name()
            .unwrap()
            .to_string_lossy()
            .starts_with(name)
    })
}

#[test]
fn old_recordings_go_and_those_marked_stay() {
    let microscope = Microscope::small();
    let dir = tempfile::tempdir().unwrap();
    for name in ["old", "kept", "young"] {
        record_some(&microscope, dir.path(), name, &[]);
    }
    let then = SystemTime::now() - Duration::from_secs(40 * 86_400);
    for name in ["old", "kept"] {
        let path = named(dir.path(), name).unwrap();
        let file = fs::File::options().append(true).open(&path).unwrap();
        file.set_modified(then).unwrap();
    }
    let kept = named(dir.path(), "kept").unwrap();
    fs::write(kept.with_extension("keep"), "").unwrap();

    // What would go is said first.
    let config = "[record]\ndir = \"out\"\nkeep_days = 30\n";
    fs::write(dir.path().join("lab.toml"), config).unwrap();
    let check = run(&["check", "lab.toml"], dir.path());
    let said = check.stdout.join("\n");
    assert_eq!(check.code, Some(0), "{check:#?}");
    for words in [
        "recordings are kept for 30 days",
        "would be removed: old-",
        "as it is 40 days old",
        "marked as kept, not counted: files 1",
    ] {
        assert!(said.contains(words), "{words}: {said}");
    }
    // The recording and its manifest.
    assert_eq!(said.matches("would be removed").count(), 2, "{said}");
    assert!(named(dir.path(), "old").is_some());

    let url = microscope.url();
    let args = [
        "record",
        &url,
        "--out",
        "out",
        "--name",
        "now",
        "--keep-days",
        "30",
        "--log-to",
        "stderr",
    ];
    let recorder = Headless::start(&args, dir.path());
    let said = recorder.word("taken away: ");
    assert!(
        said.contains("/old-") || said.contains("out/old-"),
        "{said}"
    );
    recorder.signal(Signal::TERM);
    assert_eq!(recorder.wait().code, Some(0));
    assert_eq!(named(dir.path(), "old"), None);
    for name in ["kept", "young", "now"] {
        assert!(named(dir.path(), name).is_some(), "{name}");
    }
}

// The unit.

fn unit() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("contrib/ttyscope-record.service");
    fs::read_to_string(path).unwrap()
}

#[test]
fn the_unit_starts_what_there_is() {
    let microscope = Microscope::small();
    let dir = tempfile::tempdir().unwrap();
    let unit = unit();
    let mut lines = unit.lines();
    let words = lines
        .find_map(|line| line.strip_prefix("ExecStart="))
        .unwrap();
    let config = dir.path().join("config.toml");
    fs::write(&config, configuration(&microscope, "")).unwrap();
    let words = words
        .replace("/etc/ttyscope/config.toml", config.to_str().unwrap())
        .replace("%S", dir.path().to_str().unwrap());
    let mut words = words.split_whitespace();
    assert!(words.next().unwrap().ends_with("/ttyscope"));
    let args: Vec<&str> = words.collect();
    let manager = Manager::new(dir.path());
    let mut command = command(&args, dir.path());
    command.env("NOTIFY_SOCKET", &manager.path);
    let recorder = Headless::spawn(command);
    manager.wait_for_word(0, "READY=1");
    let folder = dir.path().join("ttyscope/recordings");
    assert_eq!(recordings(&folder).len(), 1);
    recorder.signal(Signal::TERM);
    assert_eq!(recorder.wait().code, Some(0));
}

#[test]
fn the_unit_is_one_to_systemd() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("ttyscope-record.service");
    let program = env!("CARGO_BIN_EXE_ttyscope");
    fs::write(&file, unit().replace("/usr/local/bin/ttyscope", program)).unwrap();
    let verified = Command::new("systemd-analyze")
        .args(["verify", "--man=no"])
        .arg(&file)
        .output();
    let verified = match verified {
        Ok(verified) => verified,
        Err(error) => {
            println!("skipped: systemd-analyze cannot be started: {error}");
            return;
        }
    };
    let said = String::from_utf8_lossy(&verified.stderr);
    let about_ours = said
        .lines()
        .filter(|line| line.contains("ttyscope-record.service"))
        // Before systemd 253 this kind is not known, and the line above it stands.
        .filter(|line| !line.contains("notify-reload"));
    assert_eq!(about_ours.collect::<Vec<_>>(), Vec::<&str>::new(), "{said}");
}
