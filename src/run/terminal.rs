//! The terminal as a peer: entered, restored, and written to by a thread of its own.
//!
//! A terminal may stop taking bytes (Ctrl-S, a slow link, a stopped tmux) or vanish. So bytes go
//! to it through a thread with one picture in flight; while that waits nothing is drawn, and
//! nothing else waits. `/dev/tty` is opened anew so that it can be non-blocking for us alone: the
//! shell shares the descriptors we inherited.

use std::io::{self, IsTerminal};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, OnceLock};
use std::thread;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fd::OwnedFd;
use rustix::fs::{Mode, OFlags};
use tokio::sync::mpsc;

use crate::model::{Clock, RateMeter, Stamp};
use crate::pipeline::TerminalStats;

/// Alternate screen, cursor hidden, pastes marked as such.
const ENTER: &[u8] = b"\x1b[?1049h\x1b[?25l\x1b[?2004h\x1b[2J";
/// Presses, wheel and drags of the mouse are reported, in decimal numbers. Source: xterm's control
/// sequences, "Mouse Tracking". Text is selected with Shift held, which no terminal reports.
const MOUSE: &[u8] = b"\x1b[?1002h\x1b[?1006h";
/// The reverse of both, with the attributes reset and a synchronized update ended.
const LEAVE: &[u8] = b"\x1b[?2026l\x1b[0m\x1b[?1006l\x1b[?1002l\x1b[?2004l\x1b[?25h\x1b[?1049l";

/// How long a terminal that takes nothing is waited for when it is to be restored.
const RESTORE_PATIENCE: Timespec = Timespec {
    tv_sec: 0,
    tv_nsec: 500_000_000,
};

/// Whether the terminal is in our hands now. One process has one terminal.
static ENTERED: AtomicBool = AtomicBool::new(false);

/// A terminal in raw mode with our screen on it; dropping it puts everything back.
#[derive(Debug)]
pub struct Entered(());

impl Entered {
    /// Takes the terminal over, and its mouse if `mouse`, and asks it something; whoever reads the
    /// keys gets the answers.
    ///
    /// # Errors
    /// When input or output is no terminal, or it cannot be set up.
    pub fn enter(mouse: bool, questions: &[u8]) -> io::Result<Self> {
        if !io::stdin().is_terminal() || !io::stdout().is_terminal() {
            return Err(io::Error::other(
                "the screens need a terminal on standard input and output; \
                 without one, use `ttyscope record` or `ttyscope replay --headless`",
            ));
        }
        crossterm::terminal::enable_raw_mode()?;
        ENTERED.store(true, Ordering::SeqCst);
        let entered = Self(());
        let mouse = if mouse { MOUSE } else { &[] };
        write_patiently(&[ENTER, mouse, questions].concat())?;
        Ok(entered)
    }

    /// For tests of the loop, whose terminal is a pipe.
    #[cfg(test)]
    pub fn pretended() -> Self {
        Self(())
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        restore();
    }
}

/// What else is written when the terminal is put back; the first that was said counts.
static FAREWELL: OnceLock<Vec<u8>> = OnceLock::new();

/// Has `bytes` written when the terminal is put back, also in a panic.
pub fn say_at_the_end(bytes: Vec<u8>) {
    let _ = FAREWELL.set(bytes);
}

/// Puts the terminal back if it is in our hands. Also the first thing in a panic.
pub fn restore() {
    if ENTERED.swap(false, Ordering::SeqCst) {
        // Nothing can be done about a terminal that is gone or takes nothing.
        let farewell = FAREWELL.get().map_or(&[][..], Vec::as_slice);
        let _ = write_patiently(&[farewell, LEAVE].concat());
        let _ = crossterm::terminal::disable_raw_mode();
    }
}

/// Makes a panic of the loop restore the terminal before it is reported. One in another thread
/// goes to the log: the loop goes on, and who owned the thread says what is missing now.
pub fn restore_on_panic() {
    let report = std::panic::take_hook();
    let main_thread = thread::current().id();
    std::panic::set_hook(Box::new(move |info| {
        if thread::current().id() == main_thread {
            restore();
            report(info);
        } else {
            tracing::error!("internal error: {info}");
        }
    }));
}

/// Writes a few bytes unless the terminal takes none for half a second.
fn write_patiently(mut bytes: &[u8]) -> io::Result<()> {
    let tty = open_tty()?;
    while !bytes.is_empty() {
        let mut fds = [PollFd::new(&tty, PollFlags::OUT)];
        match poll(&mut fds, Some(&RESTORE_PATIENCE)) {
            Ok(0) => return Err(io::ErrorKind::TimedOut.into()),
            // A signal is no reason to leave a terminal half restored.
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        match rustix::io::write(&tty, bytes) {
            Ok(count) => bytes = bytes.get(count..).unwrap_or_default(),
            Err(rustix::io::Errno::INTR | rustix::io::Errno::AGAIN) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// The controlling terminal, non-blocking, for us alone.
///
/// # Errors
/// When the process has none.
pub fn open_tty() -> io::Result<OwnedFd> {
    let flags = OFlags::RDWR | OFlags::NONBLOCK | OFlags::CLOEXEC | OFlags::NOCTTY;
    Ok(rustix::fs::open("/dev/tty", flags, Mode::empty())?)
}

/// Columns and rows of the controlling terminal.
///
/// # Errors
/// When there is none.
pub fn size() -> io::Result<(u16, u16)> {
    let size = rustix::termios::tcgetwinsize(open_tty()?)?;
    Ok(usable_size(size.ws_col, size.ws_row))
}

/// Larger than any wall of screens; a size is only what the other end claims.
const LARGEST: (u16, u16) = (2_000, 1_000);

/// A serial line, or a container before its first resize, has the size 0 x 0, which means that
/// nobody knows.
fn usable_size(cols: u16, rows: u16) -> (u16, u16) {
    match (cols, rows) {
        (0, _) | (_, 0) => (80, 24),
        _ => (cols.min(LARGEST.0), rows.min(LARGEST.1)),
    }
}

/// What became of a picture that was handed to the writer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Written {
    /// The terminal took all of it.
    Whole,
    /// The terminal is gone.
    Gone,
}

/// The thread that writes pictures to the terminal, one at a time.
#[derive(Debug)]
pub struct Writer {
    pictures: Option<SyncSender<Vec<u8>>>,
    done: mpsc::Receiver<Written>,
    busy: bool,
    // Closing this end of the pipe ends a write that waits.
    stop: Option<OwnedFd>,
    thread: Option<thread::JoinHandle<()>>,
    /// When the write in progress began, monotonic nanoseconds; 0 while there is none.
    began_mono_ns: Arc<AtomicU64>,
    clock: Clock,
    rate: RateMeter,
    drawn: u64,
    skipped: u64,
}

impl Writer {
    /// Writes to `tty`, a non-blocking descriptor.
    ///
    /// # Errors
    /// When no pipe or thread can be had.
    pub fn start(tty: OwnedFd, clock: Clock) -> io::Result<Self> {
        let (stopped, stop) = rustix::pipe::pipe()?;
        let (pictures, queue) = sync_channel(1);
        let (report, done) = mpsc::channel(1);
        let began_mono_ns = Arc::new(AtomicU64::new(0));
        let began = Arc::clone(&began_mono_ns);
        let thread_clock = clock.clone();
        let thread = thread::Builder::new()
            .name("terminal".to_owned())
            .spawn(move || {
                write_pictures(&tty, &stopped, &queue, &report, &began, &thread_clock);
            })?;
        Ok(Self {
            pictures: Some(pictures),
            done,
            busy: false,
            stop: Some(stop),
            thread: Some(thread),
            began_mono_ns,
            clock,
            rate: RateMeter::default(),
            drawn: 0,
            skipped: 0,
        })
    }

    /// Whether the picture before is with the terminal, so that another may follow.
    pub fn is_idle(&self) -> bool {
        !self.busy
    }

    /// Hands a picture over; only while idle.
    pub fn submit(&mut self, now: Stamp, bytes: Vec<u8>) {
        debug_assert!(!self.busy, "one picture in flight");
        self.rate.record(now.mono_ns, bytes.len() as u64);
        self.busy = true;
        // A thread that has ended has reported `Gone`.
        if let Some(pictures) = &self.pictures {
            let _ = pictures.try_send(bytes);
        }
    }

    /// Waits for the picture in flight. Never returns while idle. Cancel safe.
    pub async fn done(&mut self) -> Written {
        if !self.busy {
            return std::future::pending().await;
        }
        let written = self.done.recv().await.unwrap_or(Written::Gone);
        self.busy = false;
        if written == Written::Whole {
            self.drawn += 1;
        }
        written
    }

    /// Counts pictures that a new one replaced before the terminal was ready for them.
    pub fn skip(&mut self, pictures: u64) {
        self.skipped += pictures;
    }

    /// The figures for the screens.
    pub fn stats(&self) -> TerminalStats {
        let now = self.clock.now().mono_ns;
        let blocked_ns = match self.began_mono_ns.load(Ordering::Relaxed) {
            0 => 0,
            began => now.saturating_sub(began),
        };
        TerminalStats {
            bytes_per_s: self.rate.per_second(now).1,
            blocked_ns,
            drawn: self.drawn,
            skipped: self.skipped,
            ..TerminalStats::default()
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.stop.take();
        self.pictures.take();
        self.done.close();
        if let Some(thread) = self.thread.take() {
            // It polls the pipe beside the terminal, so it ends at once.
            let _ = thread.join();
        }
    }
}

fn write_pictures(
    tty: &OwnedFd,
    stopped: &OwnedFd,
    queue: &Receiver<Vec<u8>>,
    report: &mpsc::Sender<Written>,
    began_mono_ns: &AtomicU64,
    clock: &Clock,
) {
    while let Ok(bytes) = queue.recv() {
        began_mono_ns.store(clock.now().mono_ns.max(1), Ordering::Relaxed);
        let result = write_whole(tty, stopped, &bytes);
        began_mono_ns.store(0, Ordering::Relaxed);
        let written = match result {
            Ok(true) => Written::Whole,
            Ok(false) => return,
            Err(_) => Written::Gone,
        };
        if report.blocking_send(written).is_err() || written == Written::Gone {
            return;
        }
    }
}

/// Writes everything; `false` if told to stop before the end.
fn write_whole(tty: &OwnedFd, stopped: &OwnedFd, mut bytes: &[u8]) -> rustix::io::Result<bool> {
    while !bytes.is_empty() {
        match rustix::io::write(tty, bytes) {
            Ok(count) => {
                bytes = bytes.get(count..).unwrap_or_default();
                continue;
            }
            Err(rustix::io::Errno::INTR) => continue,
            Err(rustix::io::Errno::AGAIN) => {}
            Err(error) => return Err(error),
        }
        let mut fds = [
            PollFd::new(tty, PollFlags::OUT),
            PollFd::new(stopped, PollFlags::IN),
        ];
        match poll(&mut fds, None) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error),
        }
        let (tty_events, stop_events) = (fds[0].revents(), fds[1].revents());
        if !stop_events.is_empty() {
            return Ok(false);
        }
        // A hang-up without room to write would be polled again and again.
        if tty_events.intersects(PollFlags::HUP | PollFlags::ERR | PollFlags::NVAL)
            && !tty_events.contains(PollFlags::OUT)
        {
            return Err(rustix::io::Errno::IO);
        }
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_that_cannot_be_is_not_believed() {
        let cases = [
            ((100, 30), (100, 30)),
            ((0, 0), (80, 24)),
            ((0, 30), (80, 24)),
            ((1, 1), (1, 1)),
            ((u16::MAX, u16::MAX), LARGEST),
        ];
        for ((cols, rows), used) in cases {
            assert_eq!(usable_size(cols, rows), used);
        }
    }

    fn pipe() -> (OwnedFd, OwnedFd) {
        rustix::pipe::pipe_with(rustix::pipe::PipeFlags::NONBLOCK).unwrap()
    }

    #[tokio::test]
    async fn a_picture_is_reported_when_the_terminal_took_it() {
        let (operator, tty) = pipe();
        let clock = Clock::system();
        let mut writer = Writer::start(tty, clock.clone()).unwrap();
        writer.submit(clock.now(), b"picture".to_vec());
        assert_eq!(writer.done().await, Written::Whole);
        let mut buffer = [0_u8; 16];
        let count = rustix::io::read(&operator, &mut buffer).unwrap();
        assert_eq!(&buffer[..count], b"picture");
        assert!(writer.is_idle());
        assert_eq!(writer.stats().drawn, 1);
    }

    #[tokio::test]
    async fn a_terminal_that_takes_nothing_does_not_keep_the_program() {
        let (_operator, tty) = pipe();
        let clock = Clock::system();
        let mut writer = Writer::start(tty, clock.clone()).unwrap();
        writer.submit(clock.now(), vec![b'x'; 1 << 20]);
        assert!(!writer.is_idle());
        drop(writer);
    }

    #[tokio::test]
    async fn a_terminal_that_goes_away_is_noticed() {
        let (operator, tty) = pipe();
        let clock = Clock::system();
        let mut writer = Writer::start(tty, clock.clone()).unwrap();
        writer.submit(clock.now(), vec![b'x'; 1 << 20]);
        drop(operator);
        assert_eq!(writer.done().await, Written::Gone);
    }
}
