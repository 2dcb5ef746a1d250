//! What the system tells the process, as values for the loop.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

/// What the system said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    /// SIGTERM: end orderly.
    Terminate,
    /// SIGINT: a person wants to end; the second one means at once.
    Interrupt,
    /// SIGHUP: the terminal is gone; to a recorder without one: begin another file, and read the
    /// configuration again.
    HangUp,
    /// SIGUSR2: say how the accounts stand.
    Dump,
    /// SIGWINCH: the terminal has another size.
    Resize,
}

/// The signals we listen to.
#[derive(Debug)]
pub struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hang_up: Signal,
    dump: Signal,
    resize: Signal,
}

impl Signals {
    /// Starts listening; from now on none of these ends the process by itself.
    ///
    /// # Errors
    /// The system refuses.
    pub fn listen() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hang_up: signal(SignalKind::hangup())?,
            dump: signal(SignalKind::user_defined2())?,
            resize: signal(SignalKind::window_change())?,
        })
    }

    /// The next signal. Cancel safe.
    pub async fn recv(&mut self) -> Told {
        tokio::select! {
            _ = self.terminate.recv() => Told::Terminate,
            _ = self.interrupt.recv() => Told::Interrupt,
            _ = self.hang_up.recv() => Told::HangUp,
            _ = self.dump.recv() => Told::Dump,
            _ = self.resize.recv() => Told::Resize,
        }
    }
}
