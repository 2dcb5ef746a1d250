//! What is said outside the screens: lines for people and for other programs.
//!
//! Whoever listens may have stopped reading. A full pipe or a stopped terminal must not hold the
//! loop, so a line is written only when it can be taken at once or soon.

use std::fmt::{Arguments, Display};
use std::io::{self, Write};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fd::BorrowedFd;
use serde::Serialize;

/// Where the status goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Voice {
    /// Lines for people on standard error.
    People,
    /// JSON lines on standard output.
    Json,
    /// Nowhere but the log: there is no terminal any more.
    Silent,
}

/// How long a listener is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Patience {
    /// A line that the next one replaces: hardly.
    Status,
    /// A last word: some seconds.
    Word,
}

impl Patience {
    fn time(self) -> Timespec {
        match self {
            Self::Status => Timespec {
                tv_sec: 0,
                tv_nsec: 5_000_000,
            },
            Self::Word => Timespec {
                tv_sec: 3,
                tv_nsec: 0,
            },
        }
    }
}

/// A pipe that polls as writable takes this much without blocking. Source: pipe(7), `PIPE_BUF` is
/// at least 512 bytes and 4096 on Linux.
const PIECE: usize = 512;

/// A line for people on standard error; in the voice for programs too, which read the other one.
pub fn people(voice: Voice, patience: Patience, line: Arguments<'_>) {
    if voice != Voice::Silent {
        say(
            rustix::stdio::stderr(),
            io::stderr(),
            patience,
            &format!("{line}\n"),
        );
    }
}

/// One JSON object on one line of standard output.
pub fn json_line(patience: Patience, value: &impl Serialize) {
    if let Ok(line) = serde_json::to_string(value) {
        say(
            rustix::stdio::stdout(),
            io::stdout(),
            patience,
            &format!("{line}\n"),
        );
    }
}

/// Text that was asked for, on standard output. The one who asked is waited for.
pub fn text(text: &impl Display) {
    // Nobody is left to be told that standard output is gone.
    let _ = write!(io::stdout(), "{text}");
    let _ = io::stdout().flush();
}

fn say(fd: BorrowedFd<'_>, mut stream: impl Write, patience: Patience, text: &str) {
    for piece in text.as_bytes().chunks(PIECE) {
        let mut fds = [PollFd::new(&fd, PollFlags::OUT)];
        let ready = poll(&mut fds, Some(&patience.time()));
        if !matches!(ready, Ok(1..)) || stream.write_all(piece).is_err() {
            return;
        }
    }
    // As above: a listener that is gone is no reason to end.
    let _ = stream.flush();
}
