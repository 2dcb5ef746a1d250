//! From the key to the instrument: how long a stop takes when everything else is in its way.
//!
//! Run with `cargo bench --bench stop [-- PRESSES]`. The real program runs in a pseudo-terminal
//! that nobody reads, in front of two simulated microscopes and an address that answers nothing,
//! while 20,000 messages and twice 30 pictures come every second. Ctrl-X is pressed with the
//! palette open and with the question whether to quit; every press is waited for at both
//! instruments, by the times in their own logs.
//!
//! Beside it stand, of the same run: 128 bytes written to the same simulator by a client that does
//! nothing else, which is the least the machine allows; and the way that a stop does not take, of
//! a key through the program's loop and the source that reads the instrument.
#![allow(clippy::unwrap_used, clippy::panic)]

#[path = "../tests/support/lab.rs"]
#[allow(dead_code)]
mod lab;
#[path = "../tests/support/pty.rs"]
#[allow(dead_code)]
mod pty;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use lab::{HALT, Lab};
use pty::Terminal;
use rustix::process::Signal;
use ttyscope::simulators::flamingo::{self, What};
use ttyscope::simulators::imswitch::{self, What as Called};

/// Messages a second, of each connection.
const FLOOD: u32 = 20_000;
/// Keys that go the ordinary way.
const KEYS: usize = 200;
/// Without a stop at the instrument for so long, it was missed.
const MISSED: Duration = Duration::from_secs(5);
/// Time for the second stop of a press, which the source sends beside the stop path.
const SECOND: Duration = Duration::from_millis(150);
/// A halt is sent once more 200 ms after the last press: it is not to be taken for the next one.
const QUIET: Duration = Duration::from_millis(500);

const STATE_GET: u32 = 0xa007;
const SETTINGS_LOAD: u32 = 0x1009;
const STORAGE_PATH: u32 = 0x1013;

fn main() {
    // Cargo itself passes `--bench`.
    let presses = std::env::args()
        .skip(1)
        .find_map(|arg| arg.parse().ok())
        .unwrap_or(1000);
    println!(
        "a key to the instrument's own log, ms; {presses} presses of Ctrl-X each, the terminal not \
         read, {FLOOD} messages/s and 30 pictures/s from each microscope, a third one dead.\n\
         The simulators share the machine. Presses within 2 s also switch off all light."
    );
    measure("palette open", presses, |terminal| {
        terminal.press(":");
        terminal.wait_for_text("do it");
        "do it"
    });
    measure("quit question open", presses, |terminal| {
        terminal.press(":move x 14mm\r");
        terminal.wait_for("motion on the screen", |screen| {
            screen.contents().contains('▸')
        });
        terminal.press("q");
        terminal.wait_for_text("Quit?");
        "Quit?"
    });
}

fn measure(what: &str, presses: usize, open: impl FnOnce(&mut Terminal) -> &'static str) {
    let lab = Lab::start(
        flamingo::SimulatorOptions {
            live_hz: 30.0,
            // The move is to outlast all presses, were it not for them.
            speeds: [0.005; 4],
            ..flamingo::SimulatorOptions::default()
        },
        imswitch::SimulatorOptions {
            sensor_px: (256, 256),
            throttle_ms: 33,
            ..imswitch::SimulatorOptions::default()
        },
    );
    let dir = tempfile::tempdir().unwrap();
    let (sheet, scope, dead) = (lab.lightsheet_url(), lab.scope_url(), lab.dead_url());
    let args = [&sheet, &scope, &dead, "--control"];
    let mut terminal = Terminal::start(&args, dir.path(), 160, 48);
    terminal.wait_for("both stop paths", |screen| {
        let text = screen.contents();
        let line = text.lines().find(|line| line.contains("stop path:"));
        line.is_some_and(|line| {
            ["lightsheet", "scope"].iter().all(|name| {
                let own = line
                    .split(name)
                    .nth(1)
                    .and_then(|rest| rest.split('·').next());
                own.is_some_and(|own| own.contains('●'))
            })
        })
    });
    terminal.press("2");
    terminal.wait_for_text("settled");
    terminal.press(":live start\r");
    lab.until_lightsheet("pictures", |sheet| sheet.counters().frames_sent > 30);

    // The program's own two connections are there.
    let mut bare = Bare::connect(&lab);
    lab.flood(FLOOD);
    terminal.hold(true);
    let keys = ordinary(&lab, &mut terminal);
    terminal.hold(false);
    let sign = open(&mut terminal);
    terminal.hold(true);

    let began = Instant::now();
    let before = lab.lightsheet().counters();
    let scope_before = lab.scope().counters();
    let [mut sheet, mut scope] = [Times::default(), Times::default()];
    let mut limit = Times::default();
    for number in 0..presses {
        // Not always at the same place between two pictures.
        std::thread::sleep(Duration::from_micros(
            2_000 + (number as u64 * 1_237) % 20_000,
        ));
        limit.0.push(bare.ask(&lab));
        let (halts, stops) = (Halts::begin(&lab), Stops::begin(&lab));
        let pressed = Instant::now();
        terminal.press("\x18");
        wait(MISSED, || {
            halts.after(&lab, pressed).next().is_some()
                && stops.after(&lab, pressed).next().is_some()
        });
        sheet.0.push(halts.after(&lab, pressed).next());
        scope.0.push(stops.after(&lab, pressed).next());
        let is_over = wait(SECOND, || {
            halts.after(&lab, pressed).count() > 1 && stops.after(&lab, pressed).count() > 1
        });
        if !is_over || pressed.elapsed() >= SECOND {
            std::thread::sleep(QUIET.saturating_sub(pressed.elapsed()));
        }
    }
    let seconds = began.elapsed().as_secs_f64();
    let after = lab.lightsheet().counters();
    let scope_after = lab.scope().counters();

    terminal.hold(false);
    terminal.wait_for_text(sign);
    // The dead one has not answered.
    terminal.wait_for_text("STOP SENT");
    terminal.signal(Signal::TERM);
    terminal.wait();

    println!(
        "\n{what}: {seconds:.0} s, {:.0} messages/s to each connection, {:.0} and {:.0} pictures/s",
        (after.messages_sent - before.messages_sent) as f64 / 3.0 / seconds,
        (after.frames_sent - before.frames_sent) as f64 / seconds,
        (scope_after.sent - scope_before.sent) as f64 / seconds,
    );
    println!("                                        p50     p90     p99     max   missed");
    limit.row("128 bytes to the light sheet, bare");
    sheet.row("stop, light sheet: 0x6002");
    scope.row("stop, scope: GET stopAllAxes");
    keys.row("r through the loop: 0xA007");
    println!(
        "  the stop takes {:.1} times the bare write and {:.2} of the key's way (p50); p99 {:.1} and {:.2}",
        sheet.part(0.5) / limit.part(0.5),
        sheet.part(0.5) / keys.part(0.5),
        sheet.part(0.99) / limit.part(0.99),
        sheet.part(0.99) / keys.part(0.99),
    );
}

/// Presses `r`, which asks for everything anew, and times its first question.
fn ordinary(lab: &Lab, terminal: &mut Terminal) -> Times {
    let mut times = Times::default();
    for number in 0..KEYS {
        std::thread::sleep(Duration::from_micros(
            2_000 + (number as u64 * 1_237) % 20_000,
        ));
        let first = lab.lightsheet().log_len();
        let pressed = Instant::now();
        terminal.press("r");
        wait(MISSED, || lab.received(first).contains(&STORAGE_PATH));
        let log = lab.lightsheet().log_from(first);
        let received: Vec<_> = log
            .iter()
            .filter_map(|entry| match &entry.what {
                What::Received(message) => Some((entry.at, message.connection, message.code)),
                _ => None,
            })
            .collect();
        // The same question is asked at rest; this one is followed by the next of a refresh.
        let second = received.iter().position(|one| one.2 == SETTINGS_LOAD);
        let question = second.and_then(|second| {
            let connection = received[second].1;
            let mut before = received[..second].iter().rev();
            before.find(|one| one.1 == connection && one.2 == STATE_GET)
        });
        times
            .0
            .push(question.map(|one| since(lab.lightsheet().started() + one.0, pressed)));
    }
    times
}

/// Halts that the light sheet received.
struct Halts(usize);

impl Halts {
    fn begin(lab: &Lab) -> Self {
        Self(lab.lightsheet().log_len())
    }

    /// How long after `pressed`.
    fn after(&self, lab: &Lab, pressed: Instant) -> impl Iterator<Item = Duration> {
        let started = lab.lightsheet().started();
        let log = lab.lightsheet().log_from(self.0).into_iter();
        log.filter(|entry| matches!(&entry.what, What::Received(m) if m.code == HALT))
            .map(move |entry| since(started + entry.at, pressed))
    }
}

/// Calls that stop the stage of the other microscope.
struct Stops(usize);

impl Stops {
    fn begin(lab: &Lab) -> Self {
        Self(lab.scope().log_len())
    }

    fn after(&self, lab: &Lab, pressed: Instant) -> impl Iterator<Item = Duration> {
        let started = lab.scope().started();
        let log = lab.scope().log_from(self.0).into_iter();
        log.filter(|line| {
            matches!(&line.what, Called::Received { call, .. } if call.contains("stopAllAxes"))
        })
        .map(move |line| since(started + line.at, pressed))
    }
}

/// A client that does nothing but write one question at a time; another thread takes what comes.
struct Bare {
    stream: TcpStream,
    connection: u64,
}

impl Bare {
    fn connect(lab: &Lab) -> Self {
        let first = lab.lightsheet().log_len();
        let stream = TcpStream::connect(lab.lightsheet().address()).unwrap();
        stream.set_nodelay(true).unwrap();
        let find = || {
            let log = lab.lightsheet().log_from(first);
            log.iter().find_map(|entry| match entry.what {
                What::Connected { connection } => Some(connection),
                _ => None,
            })
        };
        lab.poll("the bare connection", || find().is_some());
        let mut reader = stream.try_clone().unwrap();
        std::thread::spawn(move || {
            let mut bytes = vec![0; 64 << 10];
            while matches!(reader.read(&mut bytes), Ok(1..)) {}
        });
        Self {
            stream,
            connection: find().unwrap(),
        }
    }

    fn ask(&mut self, lab: &Lab) -> Option<Duration> {
        let first = lab.lightsheet().log_len();
        let question = question();
        let written = Instant::now();
        self.stream.write_all(&question).unwrap();
        let find = || {
            let log = lab.lightsheet().log_from(first);
            log.into_iter().find_map(|entry| match entry.what {
                What::Received(message) if message.connection == self.connection => Some(entry.at),
                _ => None,
            })
        };
        wait(MISSED, || find().is_some());
        Some(since(lab.lightsheet().started() + find()?, written))
    }
}

impl Drop for Bare {
    fn drop(&mut self) {
        let _ = self.stream.shutdown(std::net::Shutdown::Both);
    }
}

/// A question for the state. Source: protocol description of the light-sheet server, section 4.
fn question() -> [u8; 128] {
    let mut bytes = [0; 128];
    bytes[..4].copy_from_slice(&[0x54, 0xe6, 0x21, 0xf3]);
    bytes[4..8].copy_from_slice(&STATE_GET.to_le_bytes());
    bytes[36..40].copy_from_slice(&0x8000_0000_u32.to_le_bytes());
    bytes[124..].copy_from_slice(&[0x21, 0x43, 0xdc, 0xfe]);
    bytes
}

fn since(at: Instant, pressed: Instant) -> Duration {
    at.saturating_duration_since(pressed)
}

/// Waits for a condition; `false` if it does not come true in time. The times are those of the
/// logs, so how often it is asked counts for nothing.
fn wait(limit: Duration, reached: impl Fn() -> bool) -> bool {
    let deadline = Instant::now() + limit;
    while !reached() {
        if Instant::now() > deadline {
            return false;
        }
        std::thread::sleep(Duration::from_micros(500));
    }
    true
}

/// What each took; nothing for one that was missed.
#[derive(Default)]
struct Times(Vec<Option<Duration>>);

impl Times {
    /// Milliseconds that so many of those that came did not exceed.
    fn part(&self, part: f64) -> f64 {
        let mut came: Vec<f64> = self
            .0
            .iter()
            .flatten()
            .map(|t| t.as_secs_f64() * 1e3)
            .collect();
        came.sort_by(f64::total_cmp);
        let last = came.len().saturating_sub(1);
        let at = (came.len() as f64 * part).ceil() as usize;
        came.get(at.saturating_sub(1).min(last))
            .copied()
            .unwrap_or(f64::NAN)
    }

    fn row(&self, what: &str) {
        let [p50, p90, p99, max] = [0.5, 0.9, 0.99, 1.0].map(|part| self.part(part));
        let missed = self.0.iter().filter(|one| one.is_none()).count();
        println!(
            "  {what:34} {p50:7.2} {p90:7.2} {p99:7.2} {max:7.2} {missed:6} of {}",
            self.0.len()
        );
    }
}
