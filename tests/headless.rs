//! The real program as a recorder without a screen: how it ends, what it says, what it leaves on
//! the disk, and what is left when it is killed.
#![allow(clippy::unwrap_used, clippy::panic)]

mod support;

use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::time::{Duration, Instant};

use futures_util::{SinkExt, StreamExt};
use rustix::process::Signal;
use serde_json::Value;
use support::headless::{Ended, Headless, recordings, run};
use support::microscope::Microscope;
use support::pty::{PATIENCE, Terminal};
use tokio_tungstenite::tungstenite::Message;
use ttyscope::recording::{self, Summary};
use ttyscope::simulators::imswitch::Fault;

/// Records `source` into `dir`/out with `--json` and `more`.
fn recorder(source: &str, dir: &Path, more: &[&str]) -> Headless {
    let mut args = vec!["record", source, "--out", "out", "--json"];
    args.extend(more);
    Headless::start(&args, dir)
}

/// The books of the whole file: what the recorder says it wrote.
fn booked(summary: &Summary) -> u64 {
    summary.accounts.iter().map(|account| account.written).sum()
}

/// What stands in the file as one item each: a picture has a record beside it.
fn items(summary: &Summary) -> u64 {
    let beside: u64 = channels(summary, "ttyscope.Frame");
    summary.messages - beside
}

fn pictures(summary: &Summary) -> u64 {
    channels(summary, "ttyscope.Frame")
}

fn channels(summary: &Summary, schema: &str) -> u64 {
    let of_schema = summary.channels.iter().filter(|c| c.schema == schema);
    of_schema.map(|channel| channel.messages).sum()
}

/// A recording that ended as asked: said so, and is so.
fn assert_whole(ended: &Ended, dir: &Path) -> Summary {
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    let files = recordings(&dir.join("out"));
    assert_eq!(files.len(), 1, "{files:?}");
    let file = recording::inspect(&files[0]).unwrap();
    assert!(file.complete && file.finished, "{file}");
    assert!(!files[0].to_string_lossy().contains(".partial"));

    let said = ended.summary();
    assert_eq!(said["complete"], true);
    let account = &said["files"][0];
    assert!(files[0].ends_with(account["path"].as_str().unwrap()));
    assert_eq!(account["size_bytes"], file.size_bytes);
    assert_eq!(account["ended"], *file.ended.as_ref().unwrap());
    assert_eq!(account["written"], booked(&file));
    assert_eq!(account["written"], account["accepted"]);
    assert_eq!(items(&file), booked(&file), "{file}");
    for source in said["sources"].as_array().unwrap() {
        assert_eq!(source["residue"], 0);
        assert_eq!(source["in_flight"], 0);
    }
    file
}

/// Every line on standard output is an object; all but the last have the documented fields.
fn assert_json_lines(ended: &Ended) {
    let lines: Vec<Value> = ended
        .stdout
        .iter()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line:?}")))
        .collect();
    let (last, status) = lines.split_last().unwrap();
    assert_eq!(last.as_object().unwrap().len(), 1);
    assert!(last["summary"].is_object(), "{last}");
    assert!(!status.is_empty());
    for line in status {
        assert!(line["elapsed_s"].is_f64(), "{line}");
        assert!(line["tasks"].as_u64() > Some(0), "{line}");
        let source = &line["sources"][0];
        assert_eq!(source["name"], "scope");
        assert!(source["state"].is_string(), "{line}");
        for field in [
            "rate_hz",
            "bytes_per_s",
            "received",
            "lost",
            "in_flight",
            "residue",
        ] {
            assert!(source[field].is_number(), "{field}: {line}");
        }
        let recorder = &line["recorder"];
        assert!(recorder["file"].is_string(), "{line}");
        for field in [
            "messages",
            "written_bytes",
            "waiting_bytes",
            "not_taken",
            "free_bytes",
        ] {
            assert!(recorder[field].is_number(), "{field}: {line}");
        }
        for field in ["durable_age_s", "durable_unix_ns"] {
            assert!(recorder.get(field).is_some(), "{field}: {line}");
        }
    }
}

#[test]
fn a_recording_ends_as_asked_and_is_whole() {
    let microscope = Microscope::small();
    let cases: [(&[&str], &str); 3] = [
        (&["--for", "2s"], "2.0 s"),
        (&["--max-size", "200kB"], "195 KiB"),
        (&["--max-messages", "60"], "60 messages"),
    ];
    for (limit, reason) in cases {
        let dir = tempfile::tempdir().unwrap();
        let ended = recorder(&microscope.url(), dir.path(), limit).wait();
        let file = assert_whole(&ended, dir.path());
        assert!(file.ended.as_ref().unwrap().contains(reason), "{file}");
        match limit[0] {
            "--for" => {
                assert!(file.span.unwrap().seconds() < 2.0, "{file}");
                assert_json_lines(&ended);
            }
            "--max-size" => assert!(file.size_bytes <= 200_000, "{file}"),
            _ => assert_eq!(booked(&file), 60),
        }
    }
}

#[test]
fn a_signal_ends_a_recording_orderly() {
    let microscope = Microscope::small();
    for signal in [Signal::TERM, Signal::INT] {
        let dir = tempfile::tempdir().unwrap();
        let recorder = recorder(&microscope.url(), dir.path(), &[]);
        recorder.wait_for_status("a recording under way", |status| {
            status["recorder"]["messages"].as_u64() > Some(20)
        });
        recorder.signal(signal);
        let ended = recorder.wait();
        let file = assert_whole(&ended, dir.path());
        assert!(pictures(&file) > 10, "{file}");
        assert_json_lines(&ended);
    }
}

#[test]
fn people_are_told_once_a_second_and_at_the_end() {
    let microscope = Microscope::small();
    let dir = tempfile::tempdir().unwrap();
    let url = microscope.url();
    let ended = run(
        &["record", &url, "--out", "out", "--for", "2500ms"],
        dir.path(),
    );
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    assert!(ended.stdout.is_empty(), "{ended:#?}");
    for part in [
        "scope: connected",
        "00:00:01  scope SIMULATED live",
        "  rec ",
        "lost 0",
        "\ncomplete",
    ] {
        assert!(ended.stderr.contains(part), "{part}: {}", ended.stderr);
    }
}

// Servers that are none, and links that break.

/// A port that nobody listens at.
fn deserted() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

/// A web server that knows nothing of Socket.IO. Lives as long as the test.
fn web_server() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let mut head = [0; 4096];
            let _ = stream.read(&mut head);
            let answer = "HTTP/1.1 404 Not Found\r\nContent-Length: 9\r\nConnection: close\r\n\r\nnot here\n";
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    port
}

#[test]
fn what_kept_a_source_away_is_a_sentence_and_an_exit_code() {
    let refusing = Microscope::with_faults(&[Fault::Refuse]);
    let dropping = Microscope::with_faults(&[Fault::DropLink {
        after: Duration::from_secs(1),
    }]);
    let cases = [
        (
            format!("scope=imswitch://127.0.0.1:{}", deserted()),
            "refused the connection: is the server running there?",
            "scope: never connected",
        ),
        (
            format!("scope=socketio://127.0.0.1:{}", web_server()),
            "404",
            "scope: never connected",
        ),
        (refusing.url(), "403", "scope: never connected"),
        (
            dropping.url(),
            "trying again in",
            "scope: the link was lost",
        ),
    ];
    for (url, sentence, missing) in cases {
        let dir = tempfile::tempdir().unwrap();
        let ended = run(&["record", &url, "--out", "out", "--for", "3s"], dir.path());
        assert_eq!(ended.code, Some(3), "{url}: {ended:#?}");
        assert!(
            ended.stderr.contains(sentence),
            "{sentence}: {}",
            ended.stderr
        );
        let verdict = ended.stderr.lines().last().unwrap();
        assert!(verdict.starts_with("NOT COMPLETE: "), "{verdict}");
        assert!(verdict.contains(missing), "{verdict}");
        // The file tells of the trouble, and is only whole if there was ever a link.
        let files = recordings(&dir.path().join("out"));
        let file = recording::inspect(&files[0]).unwrap();
        assert_eq!(
            file.complete,
            !missing.contains("never connected"),
            "{file}"
        );
        assert!(channels(&file, "ttyscope.Link") > 1, "{file}");
    }
}

#[test]
fn a_folder_that_cannot_be_written_is_named() {
    let microscope = Microscope::small();
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("notes"), "a file").unwrap();
    let url = microscope.url();
    for json in [&[][..], &["--json"]] {
        let mut args = vec!["record", &url, "--out", "notes/recordings", "--for", "60s"];
        args.extend(json);
        let ended = run(&args, dir.path());
        assert_eq!(ended.code, Some(1), "{ended:#?}");
        for part in ["notes/recordings", "name another folder"] {
            assert!(ended.stderr.contains(part), "{ended:#?}");
        }
    }
}

#[test]
fn interrupted_twice_ends_at_once() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (port, asked_to_end) = runtime.block_on(deaf_server());
    let dir = tempfile::tempdir().unwrap();
    let url = format!("scope=socketio://127.0.0.1:{port}");
    let recorder = recorder(&url, dir.path(), &[]);
    recorder.wait_for_word("scope: connected");
    recorder.signal(Signal::INT);
    // The first one was understood: the client says good-bye, and nobody answers.
    runtime.block_on(async {
        tokio::time::timeout(PATIENCE, asked_to_end)
            .await
            .unwrap()
            .unwrap();
    });
    recorder.signal(Signal::INT);
    let ended = recorder.wait();
    assert_eq!(ended.code, Some(130), "{ended:#?}");
    assert!(ended.stderr.contains("interrupted again"), "{ended:#?}");
}

/// A Socket.IO server that never answers a good-bye. The second value tells when one came.
async fn deaf_server() -> (u16, tokio::sync::oneshot::Receiver<()>) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let (tell, told) = tokio::sync::oneshot::channel();
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let mut socket = tokio_tungstenite::accept_async(stream).await.unwrap();
        let open = r#"0{"sid":"a","upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}"#;
        socket.send(Message::text(open)).await.unwrap();
        while let Some(Ok(message)) = socket.next().await {
            match message.to_text() {
                Ok("40") => socket
                    .send(Message::text(r#"40{"sid":"b"}"#))
                    .await
                    .unwrap(),
                Ok("41") => break,
                _ => {}
            }
        }
        tell.send(()).unwrap();
        std::future::pending::<()>().await;
    });
    (port, told)
}

// Text from outside.

/// What the simulator's `escape-text` puts behind names: set the title, the control sequence
/// introducer in one character, turn the text around.
const INJECTED: [&str; 3] = ["\u{1b}]0;owned", "\u{9b}31m", "\u{202e}"];

#[test]
fn escape_sequences_reach_neither_the_log_nor_standard_error() {
    let microscope = Microscope::with_faults(&[Fault::EscapeText]);
    let dir = tempfile::tempdir().unwrap();
    let url = microscope.url();
    let args = [
        "record",
        &url,
        "--out",
        "out",
        "--for",
        "3s",
        "--log-dir",
        "logs",
        "--log",
        "debug",
    ];
    let ended = run(&args, dir.path());
    assert!(matches!(ended.code, Some(0 | 3)), "{ended:#?}");
    let log: String = std::fs::read_dir(dir.path().join("logs"))
        .unwrap()
        .map(|entry| std::fs::read_to_string(entry.unwrap().path()).unwrap())
        .collect();
    let file = &recordings(&dir.path().join("out"))[0];
    let inspected = run(&["inspect", file.to_str().unwrap()], dir.path());
    // They came this far: the names are in the file.
    assert!(ended.stderr.contains("owned"), "{}", ended.stderr);
    assert!(
        inspected.stdout.join("\n").contains("owned"),
        "{inspected:#?}"
    );
    assert!(log.contains("connected"), "{log}");
    for (whose, text) in [
        ("log", &log),
        ("standard error", &ended.stderr),
        ("inspect", &inspected.stdout.join("\n")),
    ] {
        for raw in INJECTED.into_iter().chain(["\u{1b}", "\u{7}", "\r"]) {
            assert!(!text.contains(raw), "{raw:?} in {whose}: {text:?}");
        }
    }
}

#[test]
fn escape_sequences_do_not_reach_the_terminal() {
    let microscope = Microscope::with_faults(&[Fault::EscapeText]);
    let dir = tempfile::tempdir().unwrap();
    let mut terminal = Terminal::start(&[&microscope.url()], dir.path(), 160, 48);
    for screen in ["1", "2", "4", "5"] {
        terminal.press(screen);
        // Once it shows the name, and a while longer.
        terminal.wait_for_text("scope");
        if screen == "2" {
            terminal.wait_for_text("owned");
        }
        microscope.wait_for_pictures(60);
    }
    // Its light is on, so that it asks once more.
    terminal.press("qq");
    assert_eq!(terminal.wait(), 0);
    let raw = String::from_utf8_lossy(&terminal.raw()).into_owned();
    for injected in INJECTED {
        assert!(!raw.contains(injected), "{injected:?} reached the terminal");
    }
}

// Killed.

/// What a killed recorder left behind, and what `inspect` says of it.
fn autopsy(dir: &Path) -> Summary {
    let files = recordings(&dir.join("out"));
    assert_eq!(files.len(), 1, "{files:?}");
    assert!(files[0].to_string_lossy().ends_with(".partial.mcap"));
    let path = files[0].to_str().unwrap();
    let (people, json) = (
        run(&["inspect", path], dir),
        run(&["inspect", path, "--json"], dir),
    );
    let summary = recording::inspect(&files[0]).unwrap();
    for ended in [&people, &json] {
        assert_eq!(ended.code, Some(3), "{ended:#?}");
    }
    let said: Value = serde_json::from_str(&json.stdout[0]).unwrap();
    assert_eq!(said["finished"], false);
    assert_eq!(said["messages"], summary.messages);
    let people = people.stdout.join("\n");
    assert!(people.contains("NOT COMPLETE\n  not finished"), "{people}");
    summary
}

#[test]
fn a_killed_recorder_has_everything_up_to_a_second_before() {
    // After so many pictures: within the first chunk, at its end, and later.
    let mut most_due = 0;
    for pictures_before in [5, 31, 60, 85, 113] {
        let microscope = Microscope::small();
        let dir = tempfile::tempdir().unwrap();
        let protocol = microscope.protocol();
        let recorder = recorder(&microscope.url(), dir.path(), &[]);
        microscope.wait_for_pictures(pictures_before);
        let killed = Instant::now();
        recorder.signal(Signal::KILL);
        let ended = recorder.wait();
        assert_eq!(ended.code, None, "{ended:#?}");
        let summary = autopsy(dir.path());
        let due = protocol
            .end()
            .into_iter()
            .filter(|(when, _)| killed.saturating_duration_since(*when) >= Duration::from_secs(1))
            .map(|(_, sent)| sent)
            .max()
            .unwrap_or(0);
        most_due = most_due.max(due);
        let found = pictures(&summary);
        assert!(found >= due, "{found} of {due} pictures; {summary}");
        // Every picture is whole: its record and its pixels are in one chunk.
        let images = channels(&summary, "foxglove.RawImage")
            + channels(&summary, "foxglove.CompressedImage");
        assert_eq!(images, found);
        if let Some(span) = summary.span {
            let until = summary.incomplete_because[0].contains("readable up to 20");
            assert!(until && span.last_unix_ns > 0, "{summary}");
        }
    }
    assert!(
        most_due > 20,
        "only {most_due} pictures were older than a second"
    );
}

#[test]
fn a_recorder_killed_before_anything_came_leaves_a_file_that_says_so() {
    let silent = Microscope::with_faults(&[Fault::NoAnswer]);
    let dir = tempfile::tempdir().unwrap();
    // As soon as there is a file; and once it has its beginning and waits for a slow server.
    for wait_for_link in [false, true] {
        let dir = tempfile::tempdir_in(dir.path()).unwrap();
        let recorder = recorder(&silent.url(), dir.path(), &[]);
        if wait_for_link {
            recorder.wait_for_status("a status", |_| true);
        } else {
            let deadline = Instant::now() + PATIENCE;
            while recordings(&dir.path().join("out")).is_empty() {
                assert!(Instant::now() < deadline, "no file");
                std::thread::yield_now();
            }
        }
        recorder.signal(Signal::KILL);
        recorder.wait();
        let files = recordings(&dir.path().join("out"));
        let ended = run(&["inspect", files[0].to_str().unwrap()], dir.path());
        let said = format!("{}\n{}", ended.stdout.join("\n"), ended.stderr);
        match ended.code {
            Some(3) => assert!(said.contains("not finished"), "{said}"),
            Some(1) if !wait_for_link => assert!(said.contains("the file is empty"), "{said}"),
            _ => panic!("{ended:#?}"),
        }
    }
}

#[test]
fn what_a_killed_recorder_left_is_reported_at_the_next_start() {
    let microscope = Microscope::small();
    let dir = tempfile::tempdir().unwrap();
    let killed = recorder(&microscope.url(), dir.path(), &["--name", "killed"]);
    let living = recorder(&microscope.url(), dir.path(), &["--name", "living"]);
    for recorder in [&killed, &living] {
        recorder.wait_for_status("a recording under way", |status| {
            status["recorder"]["messages"].as_u64() > Some(20)
        });
    }
    killed.signal(Signal::KILL);
    killed.wait();
    let files = recordings(&dir.path().join("out"));
    let left = files[0].file_name().unwrap().to_str().unwrap().to_owned();
    assert!(left.starts_with("killed-"), "{files:?}");

    let next = recorder(&microscope.url(), dir.path(), &["--name", "next"]);
    next.wait_for_word("was not finished by its recorder");
    next.signal(Signal::TERM);
    let ended = next.wait();
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    let told: Vec<&str> = ended
        .stderr
        .lines()
        .filter(|line| line.contains("not finished"))
        .collect();
    // Neither what another one writes nor its own.
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].starts_with(&format!("warning: out/{left} was not")));
    let recover = format!("`ttyscope recover out/{left}` makes a finished file of it");
    assert!(told[0].ends_with(&recover), "{told:?}");

    // On the screens it is a line of the journal.
    let mut terminal = Terminal::start(&[&microscope.url(), "--out", "out"], dir.path(), 200, 48);
    terminal.press("7");
    terminal.wait_for_text(&format!("{left} was not finished"));
    terminal.press("qq");
    terminal.wait();

    // What was done about it is not asked for again.
    let path = format!("out/{left}");
    assert_eq!(run(&["recover", &path], dir.path()).code, Some(3));
    let next = run(
        &["record", &microscope.url(), "--out", "out", "--for", "2s"],
        dir.path(),
    );
    assert!(!next.stderr.contains("not finished"), "{next:#?}");
    living.signal(Signal::TERM);
    assert_whole_alone(&living.wait());
}

/// A recording that ended as asked, beside others.
fn assert_whole_alone(ended: &Ended) {
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    assert_eq!(ended.summary()["complete"], true);
}
