//! Commands from the keyboard, at the wire: what is sent, what is not, and what is left behind.
#![allow(clippy::unwrap_used, clippy::panic)]

mod support;

use rustix::process::Signal;
use support::lab::Lab;
use support::pty::Terminal;
use ttyscope::simulators::flamingo::{Axis, Deed, SimulatorOptions, What};
use ttyscope::simulators::imswitch;

/// Codes of the light-sheet server that only ask. Source: its protocol description, section 6.2.
const QUESTIONS: [u32; 9] = [
    0x1009, 0x1013, 0x2002, 0x300a, 0x3027, 0x3037, 0x6008, 0xa007, 0x3010,
];

fn start(lab: &Lab, dir: &std::path::Path, more: &[&str]) -> Terminal {
    let url = lab.lightsheet_url();
    let mut args = vec![url.as_str()];
    args.extend(more);
    let mut terminal = Terminal::start(&args, dir, 120, 36);
    terminal.wait_for_text("stop path: lightsheet");
    terminal.press("2");
    Lab::until_read(&terminal);
    terminal
}

fn end(mut terminal: Terminal) {
    terminal.signal(Signal::TERM);
    terminal.wait();
}

fn laser_came_on(lab: &Lab) -> bool {
    let came_on = |what: &What| matches!(what, What::Did(Deed::LaserOn { .. }));
    lab.lightsheet()
        .log()
        .iter()
        .any(|entry| came_on(&entry.what))
}

#[test]
fn read_only_sends_nothing_but_questions() {
    let lab = Lab::usual();
    let dir = tempfile::tempdir().unwrap();
    let mut terminal = start(&lab, dir.path(), &[]);
    terminal.wait_for_text("READ-ONLY");
    for line in [
        "move x 2mm",
        "laser 488 5% on",
        "led led-white 5%",
        "live start",
        "snap",
        "home x",
        "workflow stop",
        "raw 0x6005 d0=1 f=2",
    ] {
        terminal.press(&format!(":{line}\r"));
        terminal.wait_for_text("takes control");
        terminal.leave_the_prompt();
        terminal.press("!");
        terminal.wait_for_text("nothing is armed");
    }
    terminal.press("J");
    terminal.wait_for_text("takes control");
    terminal.press("llll!");
    terminal.wait_for_text("nothing is armed");
    let codes = lab.received(0);
    let more: Vec<&u32> = codes
        .iter()
        .filter(|code| !QUESTIONS.contains(code))
        .collect();
    assert!(more.is_empty(), "sent while read-only: {more:x?}");
    end(terminal);
}

#[test]
fn light_needs_arming_and_a_key_of_its_own_pressed_after_reading() {
    let lab = Lab::usual();
    let dir = tempfile::tempdir().unwrap();
    let mut terminal = start(&lab, dir.path(), &["--control"]);
    terminal.wait_for_text("CONTROL");
    // Typed ahead in one go: armed, and not fired.
    terminal.press(":laser 488 5% on\r!");
    terminal.wait_for_text("ARMED");
    terminal.press("\r\r  ");
    terminal.wait_for_text("STOPPED");
    assert!(
        !laser_came_on(&lab),
        "space is the stop, and nothing was fired"
    );
    terminal.press(":clear\r");
    terminal.wait_for_text("stop path: lightsheet");

    terminal.press(":laser 488 5% on\r");
    terminal.wait_for_text("ARMED");
    terminal.press("\r\r");
    // The countdown goes on: what was pressed before is handled.
    terminal.wait_for_text("disarmed in 9 s");
    assert!(!laser_came_on(&lab), "Enter fires nothing");
    terminal.wait_for_text("disarmed in 8 s");
    terminal.press("!");
    lab.until_lightsheet("the laser", |sheet| sheet.lights_on());
    terminal.wait_for_text("ON");
    end(terminal);
}

#[test]
fn what_is_refused_says_what_is_allowed_and_sends_nothing() {
    let lab = Lab::usual();
    let dir = tempfile::tempdir().unwrap();
    let mut terminal = start(&lab, dir.path(), &["--control"]);
    for (line, words) in [
        ("move x 16mm", "x may go from 1 to 15 mm"),
        ("move q 1mm", "there is no"),
        ("move x 3deg", "is no unit for it"),
        ("laser 488 101%", "0 to 100"),
        ("workflow start /nonexistent.txt", "it cannot be read"),
    ] {
        terminal.press(&format!(":{line}\r"));
        terminal.wait_for_text(words);
        terminal.leave_the_prompt();
    }
    let codes = lab.received(0);
    let more: Vec<&u32> = codes
        .iter()
        .filter(|code| !QUESTIONS.contains(code))
        .collect();
    assert!(more.is_empty(), "sent all the same: {more:x?}");
    end(terminal);
}

/// A key that is held makes one step after the other, never a motion without end: when the
/// terminal is killed the stage stops where the step ends that was on its way.
#[test]
fn a_held_key_and_a_killed_terminal_leave_the_stage_at_the_end_of_a_step() {
    let lab = Lab::start(
        SimulatorOptions {
            speeds: [1.0; 4],
            ..SimulatorOptions::default()
        },
        imswitch::SimulatorOptions::default(),
    );
    let dir = tempfile::tempdir().unwrap();
    let mut terminal = start(&lab, dir.path(), &["--control"]);
    let from = lab.lightsheet().positions()[0];
    terminal.press(":jog 100um\r");
    terminal.wait_for_text("JOG");
    let steps = |lab: &Lab| -> Vec<(f64, f64)> {
        let log = lab.lightsheet().log();
        log.into_iter()
            .filter_map(|entry| match entry.what {
                What::Did(Deed::MoveBegan {
                    axis: Axis::X,
                    from,
                    to,
                }) => Some((from, to)),
                _ => None,
            })
            .collect()
    };
    // Repeats at thirty a second while each step takes a tenth of a second.
    let mut repeats = 0;
    while steps(&lab).len() < 4 {
        terminal.press("l");
        repeats += 1;
        std::thread::sleep(std::time::Duration::from_millis(33));
        assert!(repeats < 2_000, "the stage does not move");
    }
    lab.until_lightsheet("a step on its way", |sheet| sheet.is_moving());
    terminal.vanish();
    terminal.wait();
    lab.until_lightsheet("rest", |sheet| !sheet.is_moving());
    let steps = steps(&lab);
    assert!(
        repeats > steps.len(),
        "repeats while a step is on its way are not queued"
    );
    for (index, (begun, to)) in steps.iter().enumerate() {
        let place = from + 0.1 * index as f64;
        assert!(
            (begun - place).abs() < 1e-6 && (to - place - 0.1).abs() < 1e-6,
            "{steps:?}"
        );
    }
    let last = steps.last().unwrap().1;
    assert!((lab.lightsheet().positions()[0] - last).abs() < 1e-6);
}
