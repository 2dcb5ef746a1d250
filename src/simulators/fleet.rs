//! A server that supervises an invented fleet of workers: it pushes over Socket.IO and answers
//! over REST on one loopback port, and its pushes fail on request while its answers go on.
//!
//! Packets and answers are written here by hand and not with the client's own codecs: a mistake in
//! those must not be agreed on by both ends.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use tokio::net::TcpListener;

mod fault;
mod options;
mod server;
mod session;
mod supervisor;
mod workers;

pub use fault::Fault;
pub use options::SimulatorOptions;

use super::fault::Faults;
use supervisor::Supervisor;

/// A running simulator. Dropping it ends everything it started.
pub struct Simulator {
    address: SocketAddr,
    supervisor: Arc<Supervisor>,
}

impl std::fmt::Debug for Simulator {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Simulator")
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}

impl Simulator {
    /// Starts a simulator on 127.0.0.1. Has to be called within a tokio runtime.
    ///
    /// # Errors
    /// The port cannot be bound.
    pub async fn start(options: SimulatorOptions) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, options.port)).await?;
        let address = listener.local_addr()?;
        let supervisor = Arc::new(Supervisor::new(options));
        supervisor.background(server::accept(supervisor.clone(), listener));
        supervisor.background(supervisor.clone().turns());
        Ok(Self {
            address,
            supervisor,
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Makes these faults, and no others, happen from now on, on open connections too.
    pub fn set_faults(&self, faults: &[Fault]) {
        self.supervisor.set_faults(Faults::new(faults));
    }

    /// Every HTTP request so far, `METHOD TARGET`, and every message of a WebSocket client, as
    /// `> TEXT`; the last ten thousand.
    pub fn received(&self) -> Vec<String> {
        self.supervisor.received()
    }

    /// Ends all connections and tasks, and returns when they are gone.
    pub async fn stop(self) {
        self.supervisor.cancel.cancel();
        self.supervisor.tasks.close();
        self.supervisor.tasks.wait().await;
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        self.supervisor.cancel.cancel();
    }
}
