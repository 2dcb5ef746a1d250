//! The stop, at the wire: the real program in a pseudo-terminal against microscopes on loopback.
#![allow(clippy::unwrap_used, clippy::panic)]

mod support;

use std::process::Command;

use rustix::process::Signal;
use support::lab::{HALT, Lab};
use support::pty::Terminal;
use ttyscope::simulators::flamingo::{Axis, Deed, SimulatorOptions, What};
use ttyscope::simulators::imswitch;
use ttyscope::simulators::imswitch::What as Called;

const CTRL_X: &str = "\x18";

/// Ready: the way of every living instrument stands.
fn ready(terminal: &Terminal) {
    terminal.wait_for("both stop paths", |screen| {
        let text = screen.contents();
        let line = text.lines().find(|line| line.contains("stop path:"));
        line.is_some_and(|line| {
            ["lightsheet", "scope"].iter().all(|name| {
                line.split(name)
                    .nth(1)
                    .is_some_and(|rest| rest.split('·').next().is_some_and(|own| own.contains('●')))
            })
        })
    });
}

fn halts(lab: &Lab, first: usize) -> usize {
    lab.received(first)
        .iter()
        .filter(|code| **code == HALT)
        .count()
}

/// The calls of the ImSwitch microscope's REST side that stop its stage, from entry `first` on.
fn scope_stops(lab: &Lab, first: usize) -> usize {
    let log = lab.scope().log();
    log.iter()
        .skip(first)
        .filter(|entry| {
            matches!(&entry.what, Called::Received { call, .. } if call.contains("stopAllAxes"))
        })
        .count()
}

#[test]
fn no_stop_is_missed_behind_a_flood_and_a_terminal_that_takes_nothing() {
    let lab = Lab::start(
        SimulatorOptions::default(),
        imswitch::SimulatorOptions {
            sensor_px: (256, 256),
            throttle_ms: 25,
            ..imswitch::SimulatorOptions::default()
        },
    );
    let dir = tempfile::tempdir().unwrap();
    let urls = [lab.dead_url(), lab.lightsheet_url(), lab.scope_url()];
    let urls: Vec<&str> = urls.iter().map(String::as_str).collect();
    let mut terminal = Terminal::start(&urls, dir.path(), 160, 48);
    ready(&terminal);
    lab.flood(20_000);
    // The palette takes the keys, and nothing takes what the program writes.
    terminal.press(":");
    terminal.wait_for_text("do it");
    terminal.hold(true);
    for press in 0..100 {
        let (sheet, scope) = (lab.lightsheet().log_len(), lab.scope().log().len());
        terminal.press(CTRL_X);
        lab.until_lightsheet(&format!("halt {press}"), |_| halts(&lab, sheet) > 0);
        lab.poll(&format!("stop {press} at the scope"), || {
            scope_stops(&lab, scope) > 0
        });
    }
    terminal.hold(false);
    // Two have answered; the dead one has not.
    terminal.wait_for_text("STOP SENT");
    terminal.signal(Signal::TERM);
    terminal.wait();
}

#[test]
fn a_stop_in_a_dialog_halts_the_stage_where_it_is_and_latches() {
    let lab = Lab::start(
        SimulatorOptions {
            speeds: [0.5; 4],
            ..SimulatorOptions::default()
        },
        imswitch::SimulatorOptions::default(),
    );
    let dir = tempfile::tempdir().unwrap();
    let url = lab.lightsheet_url();
    let mut terminal = Terminal::start(&[&url, "--control"], dir.path(), 120, 36);
    terminal.wait_for_text("stop path: lightsheet");
    terminal.press("2");
    Lab::until_read(&terminal);
    terminal.press(":move x 1.5mm\r");
    lab.until_lightsheet("motion", |sheet| sheet.is_moving());
    // Quitting asks, because something moves; the stop goes through the question.
    terminal.wait_for_text("move x to 1.5 mm");
    terminal.wait_for("motion on the screen", |screen| {
        screen.contents().contains("▸")
    });
    terminal.press("q");
    terminal.wait_for_text("Quit?");
    terminal.press(CTRL_X);
    lab.until_lightsheet("the halt", |sheet| !sheet.is_moving());
    terminal.press("n");
    terminal.wait_for_text("STOPPED");
    let halted = lab.lightsheet().log().into_iter().any(
        |entry| matches!(entry.what, What::Did(Deed::MoveHalted { axis: Axis::X, at }) if at > 1.5),
    );
    assert!(halted, "{:#?}", lab.lightsheet().log());

    // Nothing that moves goes out until it is cleared.
    let first = lab.lightsheet().log_len();
    terminal.press(":move x 1.5mm\r");
    terminal.wait_for_text("a stop holds");
    terminal.leave_the_prompt();
    terminal.press(":clear\r");
    terminal.wait_for_text("stop path: lightsheet");
    terminal.press(":move y 12mm\r");
    lab.until_lightsheet("motion", |sheet| sheet.is_moving());
    let moved: Vec<Axis> = lab
        .lightsheet()
        .log_from(first)
        .into_iter()
        .filter_map(|entry| match entry.what {
            What::Did(Deed::MoveBegan { axis, .. }) => Some(axis),
            _ => None,
        })
        .collect();
    assert_eq!(moved, [Axis::Y]);
    terminal.press(CTRL_X);
    lab.until_lightsheet("the second halt", |sheet| !sheet.is_moving());
    terminal.signal(Signal::TERM);
    terminal.wait();
}

#[test]
fn stops_from_outside_reach_the_instruments() {
    let lab = Lab::usual();
    let dir = tempfile::tempdir().unwrap();
    let url = lab.lightsheet_url();
    let mut terminal = Terminal::start(&[&url], dir.path(), 100, 30);
    terminal.wait_for_text("stop path: lightsheet");

    let first = lab.lightsheet().log_len();
    terminal.signal(Signal::USR1);
    lab.until_lightsheet("the halt of SIGUSR1", |_| halts(&lab, first) > 0);
    terminal.wait_for_text("STOPPED");

    let first = lab.lightsheet().log_len();
    let mut stop = Command::new(env!("CARGO_BIN_EXE_ttyscope"));
    stop.args(["stop", "--safe", "--json"])
        .env("HOME", dir.path())
        .env("XDG_CONFIG_HOME", dir.path().join("config"))
        .env("XDG_RUNTIME_DIR", dir.path().join("run"));
    let output = stop.output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{text}");
    assert!(
        text.contains("\"acknowledged\"") && text.contains("lightsheet"),
        "{text}"
    );
    assert!(halts(&lab, first) > 0);
    lab.until_lightsheet("the end of all light", |_| {
        lab.received(first).contains(&0x4003)
    });

    // And without a running ttyscope, directly.
    terminal.signal(Signal::TERM);
    terminal.wait();
    let first = lab.lightsheet().log_len();
    let mut direct = Command::new(env!("CARGO_BIN_EXE_ttyscope"));
    direct
        .args(["stop", &url])
        .env("HOME", dir.path())
        .env("XDG_CONFIG_HOME", dir.path().join("config"))
        .env("XDG_RUNTIME_DIR", dir.path().join("run"));
    let output = direct.output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(0), "{text}");
    assert!(text.contains("lightsheet (direct): acknowledged"), "{text}");
    assert_eq!(halts(&lab, first), 1);
}
