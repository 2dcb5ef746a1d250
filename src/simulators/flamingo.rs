//! A Flamingo light-sheet microscope server: a command port and a live port on loopback, stage,
//! lights and camera behind them, a log of what was asked and done, and faults on request.
//!
//! The messages are written here by hand and not with the client's own codec: a mistake in that
//! must not be agreed on by both ends. Where the description of the wire leaves something open,
//! the most awkward of the plausible answers was taken.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use tokio::net::TcpListener;
use tokio::sync::watch;

use microscope::Microscope;

mod camera;
mod client;
mod codes;
mod commands;
mod fault;
mod lights;
mod live;
mod log;
mod message;
mod microscope;
mod motion;
mod options;
mod picture;
mod session;
mod settings;
mod stage;
mod viewer;
mod workflow;

pub use client::Cut;
pub use fault::Fault;
pub use lights::Lights;
pub use log::{Deed, Entry, Received, What};
pub use options::SimulatorOptions;
pub use stage::Axis;

/// Numbers since the start, over all connections.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Connections to the command port that were let in.
    pub clients: u64,
    /// Connections to the live port that were let in.
    pub viewers: u64,
    /// Connections to either port that were turned away.
    pub refused: u64,
    /// Connections to either port that were cut because they took nothing.
    pub cut: u64,
    /// Messages handed to the sockets of clients.
    pub messages_sent: u64,
    /// Images taken for viewers.
    pub frames_produced: u64,
    /// Images handed to the sockets of viewers.
    pub frames_sent: u64,
    /// Images dropped from the queues of viewers that were too slow.
    pub frames_dropped: u64,
}

/// A running simulator. Dropping it ends everything it started.
pub struct Simulator {
    command: SocketAddr,
    live: SocketAddr,
    microscope: Arc<Microscope>,
}

impl std::fmt::Debug for Simulator {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Simulator")
            .field("command", &self.command)
            .field("live", &self.live)
            .finish_non_exhaustive()
    }
}

impl Simulator {
    /// What the settings of every simulator have as `Microscope name`: by this a client knows that
    /// nothing real is behind them.
    pub const MICROSCOPE_NAME: &str = settings::MICROSCOPE_NAME;

    /// Starts a simulator on 127.0.0.1. Has to be called within a tokio runtime.
    ///
    /// # Errors
    /// The port or the one above it cannot be bound.
    pub async fn start(options: SimulatorOptions) -> io::Result<Self> {
        let (command, live) = listen(options.port).await?;
        let simulator = Self {
            command: command.local_addr()?,
            live: live.local_addr()?,
            microscope: Arc::new(Microscope::new(options)),
        };
        let microscope = &simulator.microscope;
        microscope.background(session::accept(microscope.clone(), command));
        microscope.background(viewer::accept(microscope.clone(), live));
        microscope.background(microscope.clone().run_stage());
        microscope.background(microscope.clone().run_floods());
        Ok(simulator)
    }

    /// Where it listens for commands.
    pub fn address(&self) -> SocketAddr {
        self.command
    }

    /// Where it listens for viewers: one port above.
    pub fn live_address(&self) -> SocketAddr {
        self.live
    }

    /// Makes these faults, and no others, happen from now on, on open connections too. Takes back
    /// what [`Self::cut`] asked for.
    pub fn set_faults(&self, faults: &[Fault]) {
        self.microscope.set_faults(faults);
    }

    /// Lets one command connection end after an exact number of bytes; `false` if there is none of
    /// that number.
    ///
    /// - `connection`: as [`What::Connected`] numbers them
    pub fn cut(&self, connection: u64, cut: Cut) -> bool {
        self.microscope.cut(connection, cut)
    }

    /// Moves an axis as another client's command would: everybody is told of the motion, nobody is
    /// answered.
    pub fn move_by_other_client(&self, axis: Axis, target: f64) {
        let mut instrument = lock(&self.microscope.instrument);
        self.microscope.begin_move(&mut instrument, axis, target);
    }

    /// What was received and done so far, oldest first; of a very long log the end.
    pub fn log(&self) -> Vec<Entry> {
        self.log_from(0)
    }

    /// The log without its first entries.
    ///
    /// - `first`: as [`Self::log_len`] was before
    pub fn log_from(&self, first: usize) -> Vec<Entry> {
        self.microscope.log.from(first)
    }

    /// How many entries there were so far.
    pub fn log_len(&self) -> usize {
        self.microscope.log.len()
    }

    /// The moment from which the times of the log count.
    pub fn started(&self) -> Instant {
        self.microscope.log.started
    }

    /// Where the axes are now: X, Y and Z in mm, R in degrees.
    pub fn positions(&self) -> [f64; 4] {
        let instrument = lock(&self.microscope.instrument);
        instrument.stage.positions(self.microscope.now_s())
    }

    /// Whether an axis moves, or has ended a motion that was not reported yet.
    pub fn is_moving(&self) -> bool {
        lock(&self.microscope.instrument).stage.is_moving()
    }

    /// What is switched on.
    pub fn lights(&self) -> Lights {
        lock(&self.microscope.instrument).lamps.on
    }

    /// Whether a laser or the LED emits.
    pub fn lights_on(&self) -> bool {
        self.lights().any()
    }

    /// The code of the state it says it is in, 0xA002 to 0xA005.
    pub fn state(&self) -> u32 {
        lock(&self.microscope.instrument).state()
    }

    /// Numbers so far.
    pub fn counters(&self) -> Counters {
        let counts = &self.microscope.counts;
        Counters {
            clients: self.microscope.connections(),
            viewers: self.microscope.viewers.count(),
            refused: counts.refused.load(Ordering::Relaxed),
            cut: counts.cut.load(Ordering::Relaxed),
            messages_sent: counts.messages.load(Ordering::Relaxed),
            frames_produced: counts.produced.load(Ordering::Relaxed),
            frames_sent: counts.frames.load(Ordering::Relaxed),
            frames_dropped: counts.dropped.load(Ordering::Relaxed),
        }
    }

    /// Changes whenever the log or a counter does, and at every position update of a moving stage.
    pub fn changed(&self) -> watch::Receiver<u64> {
        self.microscope.log.changes()
    }

    /// Returns when `condition` holds; it is asked again after every change.
    pub async fn until(&self, mut condition: impl FnMut(&Self) -> bool) {
        let mut changed = self.changed();
        // The sender lives as long as `self`.
        while !condition(self) && changed.changed().await.is_ok() {}
    }

    /// Ends all connections and tasks, and returns when they are gone.
    pub async fn stop(self) {
        self.microscope.cancel.cancel();
        self.microscope.tasks.close();
        self.microscope.tasks.wait().await;
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        self.microscope.cancel.cancel();
    }
}

/// Listens on `port` and on the one above it.
async fn listen(port: u16) -> io::Result<(TcpListener, TcpListener)> {
    let mut tries = 50;
    loop {
        let command = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
        let above = command.local_addr()?.port().checked_add(1);
        let error = match above {
            Some(above) => match TcpListener::bind((Ipv4Addr::LOCALHOST, above)).await {
                Ok(live) => return Ok((command, live)),
                Err(error) => error,
            },
            None => io::ErrorKind::AddrNotAvailable.into(),
        };
        // Any port was asked for, and this one has a neighbour: take another.
        if port != 0 || tries == 0 {
            return Err(error);
        }
        tries -= 1;
    }
}

/// Locks and goes on after a panic elsewhere: what is inside are plain values.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
