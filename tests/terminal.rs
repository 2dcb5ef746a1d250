//! The real program in a pseudo-terminal: what it shows, what it leaves behind, and what a
//! terminal that stalls or vanishes costs.
#![allow(clippy::unwrap_used, clippy::panic)]

mod support;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::process::Signal;
use support::process::cpu_seconds;
use support::pty::{PATIENCE, Terminal, cells};
use ttyscope::recording;
use ttyscope::simulators::imswitch::{Simulator, SimulatorOptions};

/// A simulator with a runtime of its own, so that tests are plain functions.
struct Microscope {
    runtime: tokio::runtime::Runtime,
    simulator: Option<Simulator>,
}

impl Microscope {
    /// Streams pictures of 256 x 256 at 30 a second.
    fn start() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let options = SimulatorOptions {
            port: 0,
            sensor_px: (256, 256),
            throttle_ms: 25,
            ..SimulatorOptions::default()
        };
        let simulator = runtime.block_on(Simulator::start(options)).unwrap();
        Self {
            runtime,
            simulator: Some(simulator),
        }
    }

    fn url(&self) -> String {
        let simulator = self.simulator.as_ref().unwrap();
        format!("scope=imswitch://{}", simulator.address())
    }

    fn sent(&self) -> u64 {
        self.simulator.as_ref().unwrap().counters().sent
    }

    /// Waits until `more` further pictures were sent.
    fn wait_for_pictures(&self, more: u64) {
        let target = self.sent() + more;
        let deadline = Instant::now() + PATIENCE + Duration::from_millis(100 * more);
        while self.sent() < target {
            assert!(Instant::now() < deadline, "the microscope stands still");
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Microscope {
    fn drop(&mut self) {
        if let Some(simulator) = self.simulator.take() {
            self.runtime.block_on(simulator.stop());
        }
    }
}

/// Shows the microscope's camera with thirty pictures a second, whichever came first.
fn show_widefield(terminal: &mut Terminal) {
    terminal.press("2");
    let is_list = |line: &str| {
        ["WidefieldCamera", "FocusLock", "["]
            .iter()
            .all(|it| line.contains(it))
    };
    terminal.wait_for("both cameras", |screen| {
        screen.contents().lines().any(is_list)
    });
    if terminal.text().contains("[FocusLock]") {
        terminal.press("n");
    }
    terminal.wait_for_text("[WidefieldCamera]");
    terminal.wait_for("a picture in half-blocks", |screen| {
        screen.contents().matches('▀').count() > 50
    });
}

fn recordings(dir: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|e| e == "mcap"))
        .collect();
    files.sort();
    files
}

/// The pictures in a recording, all cameras.
fn images(path: &Path) -> u64 {
    let summary = recording::inspect(path).unwrap();
    summary
        .channels
        .iter()
        .filter(|channel| channel.topic.contains("/image"))
        .map(|channel| channel.messages)
        .sum()
}

#[test]
fn the_first_run_shows_everything_and_leaves_the_terminal_as_it_was() {
    let dir = tempfile::tempdir().unwrap();
    let mut terminal = Terminal::start(&[], dir.path(), 100, 30);
    terminal.wait_for_text("SIMULATED");
    terminal.wait_for_text("live");
    assert!(!terminal.is_cooked());

    terminal.press("2");
    terminal.wait_for_text("WidefieldCamera");
    terminal.wait_for("a picture in half-blocks", |screen| {
        screen.contents().matches('▀').count() > 50
    });
    terminal.wait_for_text("SIMULATED");
    terminal.press("6");
    terminal.wait_for_text("residue");
    terminal.wait_for_text("SIMULATED");
    terminal.press("7");
    terminal.wait_for_text("connected");
    terminal.press("?");
    terminal.wait_for_text("Leave the program");
    let shows = |screen: &vt100::Screen, text: &str| screen.contents().contains(text);
    terminal.press("\x1b");
    terminal.wait_for("the help to close", |s| !shows(s, "Leave the program"));
    terminal.press(":qui");
    terminal.wait_for("a completion", |s| shows(s, ":qui") && shows(s, "quit"));
    terminal.press("\x1b");
    terminal.wait_for("the prompt to close", |s| !shows(s, ":qui"));

    for (cols, rows) in [(20, 5), (300, 100), (80, 24), (1, 1), (100, 30)] {
        terminal.resize(cols, rows);
        if cols >= 20 {
            terminal.wait_for("a picture of the new size", |screen| {
                screen.size() == (cells(rows), cells(cols)) && !screen.contents().trim().is_empty()
            });
        }
    }
    terminal.press("1");
    terminal.wait_for_text("sources");
    // Its light is on, so that it asks once more.
    terminal.press("qq");
    assert_eq!(terminal.wait(), 0);
    terminal.assert_restored();
    assert!(terminal.is_cooked());
}

#[test]
fn sigterm_ends_orderly() {
    let dir = tempfile::tempdir().unwrap();
    let mut terminal = Terminal::start(&[], dir.path(), 80, 24);
    terminal.wait_for_text("SIMULATED");
    terminal.signal(Signal::TERM);
    assert_eq!(terminal.wait(), 0);
    terminal.assert_restored();
}

#[test]
fn a_panic_restores_the_terminal_and_finishes_the_recording() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("out");
    let microscope = Microscope::start();
    let url = microscope.url();
    let args = [&url, "--record", "--out", out.to_str().unwrap()];
    let env = [("TTYSCOPE_PANIC_ON_F12", "1")];
    let mut terminal = Terminal::start_with(&args, dir.path(), 80, 24, &env);
    terminal.wait_for_text("● rec");
    // A source that never connected would be said to be missing.
    terminal.wait_for_text("live");
    terminal.press("\x1b[24~");
    assert_eq!(terminal.wait(), 1);
    terminal.assert_restored();
    let said = terminal.text().replace('\n', "");
    assert!(said.contains("TTYSCOPE_PANIC_ON_F12"), "{said}");
    let files = recordings(&out);
    let summary = recording::inspect(&files[0]).unwrap();
    assert_eq!(summary.incomplete_because, [""; 0], "{files:?}");
}

#[test]
fn a_wrong_start_says_what_to_do() {
    let dir = tempfile::tempdir().unwrap();
    for (args, code, part) in [
        (&["imswich://lab"][..], 2, "imswitch://HOST:PORT"),
        (&["--theme", "dusk"], 2, "colour-blind"),
        (&["--config", "/nowhere.toml"], 1, "/nowhere.toml"),
        (&["record"], 2, "--simulate"),
        (&["inspect", "/nowhere.mcap"], 1, "/nowhere.mcap"),
        (&["--no-such-flag"], 2, "--no-such-flag"),
    ] {
        let mut terminal = Terminal::start(args, dir.path(), 200, 24);
        assert_eq!(terminal.wait(), code, "{args:?}: {}", terminal.text());
        terminal.wait_for_text(part);
    }
}

#[test]
fn a_terminal_that_is_not_read_costs_pictures_and_no_data() {
    let microscope = Microscope::start();
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("out");
    let url = microscope.url();
    let args = [&url, "--record", "--out", out.to_str().unwrap()];
    let mut terminal = Terminal::start(&args, dir.path(), 120, 40);
    terminal.wait_for_text("● rec");
    show_widefield(&mut terminal);

    // Ten seconds at thirty pictures a second during which nobody reads.
    terminal.hold(true);
    microscope.wait_for_pictures(400);
    terminal.hold(false);

    terminal.press("6");
    terminal.wait_for_text("residue");
    terminal.wait_for("pictures that were skipped", |screen| {
        let text = screen.contents();
        // The top line has the word too, behind its number.
        let skipped = text.split("pictures skipped").nth(1).unwrap_or_default();
        let count = skipped.split_whitespace().next().unwrap_or_default();
        count.parse().unwrap_or(0) > 100
    });
    terminal.press("q");
    terminal.wait_for_text("?");
    terminal.press("y");
    assert_eq!(terminal.wait(), 0);
    // What is said at the end: everything balanced, nothing in flight, nothing dropped.
    let said = terminal.text().replace(['\n', '\r'], "");
    assert!(said.contains("dropped 0, in flight 0, residue 0"), "{said}");

    let files = recordings(&out);
    let summary = recording::inspect(&files[0]).unwrap();
    assert!(summary.complete, "{summary}");
    assert!(images(&files[0]) >= 400, "{summary}");
    // Every picture that was received is in the file.
    let received: u64 = said
        .split(" frames")
        .filter_map(|part| part.rsplit(' ').next()?.parse::<u64>().ok())
        .sum();
    assert_eq!(received, images(&files[0]), "{said} {summary}");
}

#[test]
fn keys_are_echoed_while_the_picture_waits_for_the_terminal() {
    let microscope = Microscope::start();
    let dir = tempfile::tempdir().unwrap();
    let mut terminal = Terminal::start(&[&microscope.url()], dir.path(), 120, 40);
    terminal.answer(true);
    show_widefield(&mut terminal);
    terminal.press("6");
    let round_trip = |text: &str| text.split("round trip ").nth(1)?.chars().next();
    let is_known = |screen: &vt100::Screen| {
        round_trip(&screen.contents()).is_some_and(|first| first.is_ascii_digit())
    };
    terminal.wait_for("a round trip", is_known);

    // Nothing says any more that anything arrives: the picture stops, the keyboard does not.
    terminal.press("2");
    terminal.answer(false);
    microscope.wait_for_pictures(60);
    for line in [":", ":q", ":qu", ":qui", ":quit"] {
        terminal.press(&line[line.len() - 1..]);
        terminal.wait_for_text(line);
    }
    terminal.leave_the_prompt();

    terminal.answer(true);
    terminal.press("6");
    terminal.wait_for("a round trip", is_known);
    // Its light is on, so that it asks once more.
    terminal.press("qq");
    assert_eq!(terminal.wait(), 0);
    terminal.assert_restored();
}

#[test]
fn a_terminal_that_vanishes_costs_nothing() {
    let microscope = Microscope::start();
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("out");
    let url = microscope.url();
    let args = [&url, "--record", "--out", out.to_str().unwrap()];
    let mut terminal = Terminal::start(&args, dir.path(), 100, 30);
    terminal.wait_for_text("● rec");
    microscope.wait_for_pictures(10);
    terminal.vanish();
    microscope.wait_for_pictures(30);
    // Nothing spins: over the next pictures it uses a fraction of one core.
    let (began, used_before) = (Instant::now(), cpu_seconds(terminal.pid()));
    microscope.wait_for_pictures(60);
    let share = (cpu_seconds(terminal.pid()) - used_before) / began.elapsed().as_secs_f64();
    assert!(share < 0.7, "{share:.2} of a core without a terminal");

    terminal.signal(Signal::TERM);
    assert_eq!(terminal.wait(), 0);
    let files = recordings(&out);
    let summary = recording::inspect(&files[0]).unwrap();
    assert!(summary.complete, "{summary}");
    assert!(images(&files[0]) >= 100, "{summary}");
}

#[test]
fn a_terminal_that_vanishes_ends_the_program_where_that_is_declared() {
    let dir = tempfile::tempdir().unwrap();
    let config = dir.path().join("quit.toml");
    std::fs::write(&config, "[record]\non_terminal_loss = \"quit\"\n").unwrap();
    let out = dir.path().join("out");
    let microscope = Microscope::start();
    let url = microscope.url();
    let args = [
        &url,
        "--config",
        config.to_str().unwrap(),
        "--record",
        "--out",
        out.to_str().unwrap(),
    ];
    let mut terminal = Terminal::start(&args, dir.path(), 100, 30);
    terminal.wait_for_text("● rec");
    terminal.wait_for_text("live");
    terminal.vanish();
    terminal.wait();
    let files = recordings(&out);
    let summary = recording::inspect(&files[0]).unwrap();
    assert_eq!(summary.incomplete_because, [""; 0]);
}

#[test]
fn a_simulator_started_elsewhere_is_marked_too() {
    let microscope = Microscope::start();
    let dir = tempfile::tempdir().unwrap();
    let url = microscope.url();
    let mut terminal = Terminal::start(&[&url], dir.path(), 100, 30);
    for key in ["1", "2", "3", "4", "5", "6", "7"] {
        terminal.press(key);
        terminal.wait_for_text("SIMULATED");
    }
    // Its light is on, so that it asks once more.
    terminal.press("qq");
    assert_eq!(terminal.wait(), 0);
}
