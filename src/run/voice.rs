//! What is said outside the screens: lines for people and for other programs.
//!
//! Whoever listens may have stopped reading. A full pipe or a stopped terminal must not hold the
//! loop, so a line is written only when it can be taken at once or soon.

use std::fmt::{Arguments, Display};
use std::io::{self, Write};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
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
        say(rustix::stdio::stderr(), patience, &format!("{line}\n"));
    }
}

/// One JSON object on one line of standard output.
pub fn json_line(patience: Patience, value: &impl Serialize) {
    if let Ok(line) = serde_json::to_string(value) {
        say(rustix::stdio::stdout(), patience, &format!("{line}\n"));
    }
}

/// Text that was asked for, on standard output. The one who asked is waited for.
pub fn text(text: &impl Display) {
    // Nobody is left to be told that standard output is gone.
    let _ = write!(io::stdout(), "{text}");
    let _ = io::stdout().flush();
}

fn say(fd: BorrowedFd<'_>, patience: Patience, text: &str) {
    let own = own_tty(fd);
    let fd = own.as_ref().map_or(fd, AsFd::as_fd);
    let mut rest = text.as_bytes();
    while !rest.is_empty() {
        let mut fds = [PollFd::new(&fd, PollFlags::OUT)];
        match poll(&mut fds, Some(&patience.time())) {
            Ok(1..) | Err(Errno::INTR) => {}
            _ => return,
        }
        let piece = rest.get(..PIECE).unwrap_or(rest);
        match rustix::io::write(fd, piece) {
            Ok(count) => rest = rest.get(count..).unwrap_or_default(),
            Err(Errno::INTR | Errno::AGAIN) => {}
            // As above: a listener that is gone is no reason to end.
            Err(_) => return,
        }
    }
}

/// A terminal polls as writable when it takes one byte, and a write of more then waits for the
/// rest. So it is opened anew to be non-blocking for us alone: the shell shares the other one.
fn own_tty(fd: BorrowedFd<'_>) -> Option<OwnedFd> {
    let name = rustix::termios::ttyname(fd, Vec::new()).ok()?;
    let flags = OFlags::WRONLY | OFlags::NONBLOCK | OFlags::CLOEXEC | OFlags::NOCTTY;
    rustix::fs::open(name, flags, Mode::empty()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use portable_pty::{PtySize, native_pty_system};
    use std::sync::mpsc::channel;
    use std::time::Duration;

    #[test]
    fn a_terminal_with_little_room_does_not_hold_the_loop() {
        let pair = native_pty_system().openpty(PtySize::default()).unwrap();
        let tty = std::fs::File::options()
            .write(true)
            .open(pair.master.tty_name().unwrap())
            .unwrap();
        let filled = own_tty(tty.as_fd()).unwrap();
        while rustix::io::write(&filled, &[b'x'; 4096]).is_ok() {}

        // Some room comes, less than the line takes: whoever writes it whole waits for ever.
        let mut operator = pair.master.try_clone_reader().unwrap();
        let (done, said) = channel();
        std::thread::spawn(move || {
            for _ in 0..16 {
                operator.read_exact(&mut [0; 1024]).unwrap();
                say(tty.as_fd(), Patience::Status, &"y".repeat(1 << 16));
            }
            done.send(()).unwrap();
        });
        said.recv_timeout(Duration::from_secs(60))
            .expect("the loop goes on");
    }
}
