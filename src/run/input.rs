//! The thread that reads the keyboard. It writes to nothing and takes no lock; when the terminal
//! hangs up it says so once and ends.

use std::io;
use std::thread;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fd::OwnedFd;
use tokio::sync::mpsc;

use super::keys::{KeyDecoder, Typed};

/// What the keyboard thread says.
#[derive(Debug, PartialEq, Eq)]
pub enum Input {
    /// A key or a paste.
    Typed(Typed),
    /// The terminal is gone; nothing more follows.
    HungUp,
}

/// Keys that may wait for the loop: more than a person types, and a paste is one of them.
const BOUND: usize = 256;
/// After this long without a byte, a lone ESC was the key. Slow links split sequences; 50 ms is
/// what vim's `ttimeoutlen` is commonly set to.
const ESCAPE_MS: i64 = 50;
/// After this long without a byte, the end of a paste got lost.
const PASTE_MS: i64 = 1_000;

/// The keyboard thread. Dropping it ends the thread.
#[derive(Debug)]
pub struct Keyboard {
    inputs: mpsc::Receiver<Input>,
    // Closing this end of the pipe wakes the thread and tells it to end.
    stop: Option<OwnedFd>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Keyboard {
    /// Reads keys from `tty`, a descriptor in raw mode.
    ///
    /// # Errors
    /// When no pipe or thread can be had.
    pub fn start(tty: OwnedFd) -> io::Result<Self> {
        let (stopped, stop) = rustix::pipe::pipe()?;
        let (sender, inputs) = mpsc::channel(BOUND);
        let thread = thread::Builder::new()
            .name("keyboard".to_owned())
            .spawn(move || {
                if read_until_stopped(&tty, &stopped, &sender).is_err() {
                    // The loop may be gone already, which is as well.
                    let _ = sender.blocking_send(Input::HungUp);
                }
            })?;
        Ok(Self {
            inputs,
            stop: Some(stop),
            thread: Some(thread),
        })
    }

    /// The next input; `None` after the thread has ended. Cancel safe.
    pub async fn recv(&mut self) -> Option<Input> {
        self.inputs.recv().await
    }

    /// An input that is there already.
    pub fn try_recv(&mut self) -> Option<Input> {
        self.inputs.try_recv().ok()
    }
}

impl Drop for Keyboard {
    fn drop(&mut self) {
        self.stop.take();
        self.inputs.close();
        if let Some(thread) = self.thread.take() {
            // It reacts to the pipe at once, and it cannot wait for the closed channel.
            let _ = thread.join();
        }
    }
}

/// Runs until the pipe closes (`Ok`) or the terminal is gone (`Err`).
fn read_until_stopped(
    tty: &OwnedFd,
    stopped: &OwnedFd,
    sender: &mpsc::Sender<Input>,
) -> io::Result<()> {
    let mut decoder = KeyDecoder::default();
    let mut buffer = [0_u8; 1024];
    let mut waited_ms = 0;
    loop {
        let patience = decoder.is_waiting().then_some(Timespec {
            tv_sec: 0,
            tv_nsec: ESCAPE_MS * 1_000_000,
        });
        let mut fds = [
            PollFd::new(tty, PollFlags::IN),
            PollFd::new(stopped, PollFlags::IN),
        ];
        match poll(&mut fds, patience.as_ref()) {
            Err(rustix::io::Errno::INTR) => continue,
            result => result?,
        };
        let (readable, stop) = (fds[0].revents(), fds[1].revents());
        if !stop.is_empty() {
            return Ok(());
        }
        let typed = if readable.is_empty() {
            waited_ms += ESCAPE_MS;
            if waited_ms >= PASTE_MS {
                decoder.abandon_paste();
            }
            decoder.flush()
        } else {
            waited_ms = 0;
            match rustix::io::read(tty, &mut buffer) {
                Err(rustix::io::Errno::INTR | rustix::io::Errno::AGAIN) => Vec::new(),
                // The end of the input is a hang-up too: reading on would spin.
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(count) => decoder.push(&buffer[..count]),
                Err(error) => return Err(error.into()),
            }
        };
        for one in typed {
            if sender.blocking_send(Input::Typed(one)).is_err() {
                return Ok(());
            }
        }
        if readable.contains(PollFlags::NVAL) {
            return Err(io::ErrorKind::NotConnected.into());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::intent::{Key, KeyChord};

    #[test]
    fn keys_arrive_and_a_hang_up_ends_the_thread() {
        let (tty, operator) = rustix::pipe::pipe().unwrap();
        let mut keyboard = Keyboard::start(tty).unwrap();
        rustix::io::write(&operator, b"q\x1b").unwrap();
        let expected = [Key::Char('q'), Key::Esc]
            .map(|key| Some(Input::Typed(Typed::Key(KeyChord::plain(key)))));
        let got = [0, 1].map(|_| keyboard.inputs.blocking_recv());
        assert_eq!(got, expected);
        drop(operator);
        assert_eq!(keyboard.inputs.blocking_recv(), Some(Input::HungUp));
        assert_eq!(keyboard.inputs.blocking_recv(), None);
    }

    #[test]
    fn dropping_the_keyboard_ends_its_thread() {
        let (tty, _operator) = rustix::pipe::pipe().unwrap();
        drop(Keyboard::start(tty).unwrap());
    }
}
