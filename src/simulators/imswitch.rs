//! A microscope server in the dialects of ImSwitch: Socket.IO and REST on one loopback port, a
//! moving synthetic specimen behind them, and faults on request.
//!
//! The packets are written here by hand and not with the client's own codecs: a mistake in those
//! must not be agreed on by both ends.

use std::io;
use std::net::SocketAddr;

mod camera;
mod encode;
mod fault;
mod options;
mod specimen;
mod stream_params;
mod window;
mod wire;

pub use fault::{Damage, Fault, Faults, UnknownFault};
pub use options::{Depth, Dialect, SimulatorOptions, UnknownDialect};

/// Pictures since the start, over all streams and connections.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Pictures taken by live views.
    pub produced: u64,
    /// Pictures handed to connections.
    pub sent: u64,
    /// Pictures a connection missed because it had not acknowledged enough or did not read.
    pub skipped: u64,
    /// Connections that were accepted by Socket.IO.
    pub connections: u64,
}

/// A running simulator. Dropping it ends everything it started.
pub struct Simulator {
    address: SocketAddr,
}

impl Simulator {
    /// Starts a simulator on 127.0.0.1. Needs a tokio runtime.
    ///
    /// # Errors
    /// The port cannot be bound.
    pub async fn start(options: SimulatorOptions) -> io::Result<Self> {
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", options.port)).await?;
        Ok(Self {
            address: listener.local_addr()?,
        })
    }

    /// Where it listens, for REST and WebSocket both.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Makes these faults, and no others, happen from now on, on open connections too.
    pub fn set_faults(&self, _faults: &[Fault]) {}

    /// What was produced, sent and skipped so far.
    pub fn counters(&self) -> Counters {
        Counters::default()
    }

    /// Ends all connections and tasks, and returns when they are gone.
    pub async fn stop(self) {}
}
