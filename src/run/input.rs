//! The thread that reads the keyboard. It writes to nothing, takes no lock and waits for nobody but
//! the operator: a stop is pressed before anything else is done with what was read, and keys that
//! the loop has no room for are dropped and counted. When the terminal hangs up it ends.

use std::io;
use std::thread;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fd::OwnedFd;
use tokio::sync::mpsc;

use super::keys::{KeyDecoder, Typed};
use super::reflex::Reflex;
use crate::model::{Clock, Stamp};

/// What the keyboard thread says.
#[derive(Debug, PartialEq, Eq)]
pub enum Input {
    /// A key or a paste, and when it was read.
    Typed(Typed, Stamp),
    /// The terminal is gone; nothing more follows.
    HungUp,
}

/// Keys that may wait for the loop: more than a person types, and a paste is one of them.
const BOUND: usize = 256;
/// After this long without a byte, a lone ESC was the key. Slow links split sequences; 50 ms is
/// what vim's `ttimeoutlen` is commonly set to.
const ESCAPE_MS: i64 = 50;
/// After this long without a piece of it, the end of a paste or of an answer got lost.
const SWALLOWING_NS: u64 = 1_000_000_000;
/// Pastes and answers come in pieces longer than what a person types.
const TYPED_BYTES: usize = 8;

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
    pub fn start(tty: OwnedFd, clock: Clock, reflex: Reflex) -> io::Result<Self> {
        let (stopped, stop) = rustix::pipe::pipe()?;
        let (sender, inputs) = mpsc::channel(BOUND);
        let thread = thread::Builder::new()
            .name("keyboard".to_owned())
            .spawn(move || {
                let mut reader = Reader {
                    clock,
                    reflex,
                    sender,
                    dropped: 0,
                };
                if reader.read_until_stopped(&tty, &stopped).is_err() {
                    // A loop that has no room for it finds the queue closed instead.
                    let _ = reader.sender.try_send(Input::HungUp);
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

/// What the thread has.
struct Reader {
    clock: Clock,
    reflex: Reflex,
    sender: mpsc::Sender<Input>,
    dropped: u64,
}

impl Reader {
    /// Runs until the pipe closes (`Ok`) or the terminal is gone (`Err`).
    fn read_until_stopped(&mut self, tty: &OwnedFd, stopped: &OwnedFd) -> io::Result<()> {
        let mut decoder = KeyDecoder::default();
        let mut buffer = [0_u8; 1024];
        // When the decoder last took in a piece of what it swallows.
        let mut swallowed_ns = 0;
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
                decoder.flush()
            } else {
                match rustix::io::read(tty, &mut buffer) {
                    Err(rustix::io::Errno::INTR | rustix::io::Errno::AGAIN) => Vec::new(),
                    // The end of the input is a hang-up too: reading on would spin.
                    Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                    Ok(count) => {
                        if count > TYPED_BYTES || !decoder.is_swallowing() {
                            swallowed_ns = self.clock.now().mono_ns;
                        }
                        decoder.push(&buffer[..count])
                    }
                    Err(error) => return Err(error.into()),
                }
            };
            // Also while somebody hammers on the keys.
            let now_ns = self.clock.now().mono_ns;
            if now_ns.saturating_sub(swallowed_ns) >= SWALLOWING_NS {
                decoder.give_up_swallowing();
            }
            // All stops first: what stands before one must not delay it, and is not done any more.
            let mut rest = Vec::new();
            for one in typed {
                if self.reflex.takes(&one) {
                    rest.push(one);
                } else {
                    self.reflex.given_up(rest.len());
                    rest.clear();
                }
            }
            let now = self.clock.now();
            for one in rest {
                if self.hand_on(one, now).is_err() {
                    return Ok(());
                }
            }
            if readable.contains(PollFlags::NVAL) {
                return Err(io::ErrorKind::NotConnected.into());
            }
        }
    }

    /// Gives an input to the loop. One that finds no room is dropped: a loop that is 256 keys
    /// behind must not do what was meant for a screen of long ago, and a stop never waits here.
    ///
    /// # Errors
    /// The loop is gone.
    fn hand_on(&mut self, typed: Typed, now: Stamp) -> Result<(), ()> {
        match self.sender.try_send(Input::Typed(typed, now)) {
            Ok(()) => Ok(()),
            Err(mpsc::error::TrySendError::Closed(_)) => Err(()),
            Err(mpsc::error::TrySendError::Full(_)) => {
                self.reflex.taken_back();
                self.dropped += 1;
                tracing::warn!(
                    "key {} was dropped: the screen is too far behind",
                    self.dropped
                );
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::{StopBoard, Watcher};
    use crate::intent::{Key, KeyChord, Keymap};
    use crate::model::{SourceId, StopOrigin};
    use crate::run::reflex::TypingState;

    #[test]
    fn keys_arrive_and_a_hang_up_ends_the_thread() {
        let (tty, operator) = rustix::pipe::pipe().unwrap();
        let (mut keyboard, _) = keyboard(tty);
        rustix::io::write(&operator, b"q\x1b").unwrap();
        for expected in [Key::Char('q'), Key::Esc].map(KeyChord::plain) {
            let got = keyboard.inputs.blocking_recv();
            assert!(
                matches!(got, Some(Input::Typed(Typed::Key(chord), _)) if chord == expected),
                "{got:?}"
            );
        }
        drop(operator);
        assert_eq!(keyboard.inputs.blocking_recv(), Some(Input::HungUp));
        assert_eq!(keyboard.inputs.blocking_recv(), None);
    }

    #[test]
    fn dropping_the_keyboard_ends_its_thread() {
        let (tty, _operator) = rustix::pipe::pipe().unwrap();
        drop(keyboard(tty));
    }

    #[test]
    fn a_stop_is_pressed_although_the_loop_takes_nothing() {
        let (tty, operator) = rustix::pipe::pipe().unwrap();
        let (mut keyboard, board) = keyboard(tty);
        let mut watch = board.watch(SourceId(0), Watcher::Path);
        rustix::io::write(&operator, &[b'j'; BOUND + 50]).unwrap();
        while keyboard.inputs.len() < BOUND {
            thread::yield_now();
        }
        rustix::io::write(&operator, b"\x18").unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().build();
        let press = runtime.unwrap().block_on(watch.pressed());
        assert_eq!((press.number, press.origin), (1, StopOrigin::Key));
        // The thread ends with its terminal, although nobody takes what it read.
        drop(operator);
        keyboard.thread.take().unwrap().join().unwrap();
        let mut waiting = 0;
        while keyboard.try_recv().is_some() {
            waiting += 1;
        }
        assert_eq!(waiting, BOUND, "the rest was dropped");
    }

    fn keyboard(tty: OwnedFd) -> (Keyboard, StopBoard) {
        let clock = Clock::system();
        let board = StopBoard::new(clock.clone(), 1);
        let reflex = Reflex::new(board.clone(), &Keymap::default(), TypingState::default());
        (Keyboard::start(tty, clock, reflex).unwrap(), board)
    }
}
