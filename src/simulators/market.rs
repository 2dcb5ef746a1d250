//! Order-book venues on one loopback port: six wire formats over WebSocket and HTTP, each below a
//! path with the venue's name, random books behind them, and faults on request.
//!
//! The messages are written here by hand and not with the client's own code: a mistake in that must
//! not be agreed on by both ends.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use tokio::net::TcpListener;

use exchange::Exchange;
use fault::Troubles;

mod book;
mod exchange;
mod fault;
mod http;
mod options;
mod rest;
mod session;
mod wire;

pub use exchange::Heard;
pub use fault::{Fault, Trouble};
pub use options::{Listed, SimulatorOptions, Venue};

/// A running simulator. Dropping it ends everything it started.
pub struct Simulator {
    address: SocketAddr,
    exchange: Arc<Exchange>,
}

impl std::fmt::Debug for Simulator {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Simulator")
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}

impl Simulator {
    /// Starts the venues on 127.0.0.1. Has to be called within a tokio runtime.
    ///
    /// # Errors
    /// The port cannot be bound.
    pub async fn start(options: SimulatorOptions) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, options.port)).await?;
        let address = listener.local_addr()?;
        let exchange = Arc::new(Exchange::new(options));
        let tasks = &exchange.tasks;
        tasks.spawn(http::accept(Arc::clone(&exchange), listener));
        tasks.spawn(Arc::clone(&exchange).live());
        Ok(Self { address, exchange })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What is behind `?` in a source that reads one of its venues.
    pub fn endpoint(&self, venue: Venue) -> String {
        format!("endpoint=ws://{}/{}", self.address, venue.name())
    }

    /// Makes these faults, and no others, happen from now on, on open connections too.
    pub fn set_faults(&self, faults: &[Trouble]) {
        self.exchange.set_faults(Troubles(faults.to_vec()));
    }

    /// Lets the books rest; returns when nothing more will change.
    pub fn pause(&self) {
        self.exchange.pause(true);
    }

    /// Lets them live again.
    pub fn resume(&self) {
        self.exchange.pause(false);
    }

    /// One change of one book, whether they rest or not. Nothing if there is no such symbol.
    pub fn step(&self, venue: Venue, symbol: &str) {
        if let Some(index) = self.exchange.find(venue, symbol) {
            self.exchange.step(index);
        }
    }

    /// A book as it is now, `price:size,…|price:size,…` with the best first; `None` if there is no
    /// such symbol.
    pub fn book(&self, venue: Venue, symbol: &str, depth: usize) -> Option<String> {
        self.exchange.canonical(venue, symbol, depth)
    }

    /// What clients said, oldest first; of very much the end.
    pub fn heard(&self) -> Vec<Heard> {
        self.exchange.all_heard()
    }

    /// Returns when `condition` holds; it is asked again whenever something was heard.
    pub async fn until(&self, mut condition: impl FnMut(&[Heard]) -> bool) {
        let mut changed = self.exchange.changes();
        // The sender lives as long as `self`.
        while !condition(&self.heard()) && changed.changed().await.is_ok() {}
    }

    /// Ends all connections and tasks, and returns when they are gone.
    pub async fn stop(self) {
        self.exchange.cancel.cancel();
        self.exchange.tasks.close();
        self.exchange.tasks.wait().await;
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        self.exchange.cancel.cancel();
    }
}
