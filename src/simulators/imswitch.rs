//! A microscope server in the dialects of ImSwitch: Socket.IO and REST on one loopback port, a
//! moving synthetic specimen behind them, and faults on request.
//!
//! The packets are written here by hand and not with the client's own codecs: a mistake in those
//! must not be agreed on by both ends.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Instant;

use tokio::net::TcpListener;

use encode::Protocol;
use http::Door;
use microscope::Microscope;
use stream_params::StreamParams;

mod camera;
mod damage;
mod encode;
mod fault;
mod http;
mod hub;
mod live_view;
mod log;
mod microscope;
mod options;
mod rest;
mod session;
mod stage;
mod stream_params;
mod window;
mod wire;

pub use fault::{Damage, Fault, Faults};
pub use log::{Logged, What};
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
    microscope: Arc<Microscope>,
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
    /// The port, or the one above it where it is needed, cannot be bound.
    pub async fn start(options: SimulatorOptions) -> io::Result<Self> {
        let (listener, above) = listen(options.port, options.separate_ports).await?;
        let address = listener.local_addr()?;
        let live = options.live;
        let throttle_ms = options.throttle_ms;
        let microscope = Arc::new(Microscope::new(options));
        let door = if let Some(above) = above {
            microscope.background(http::accept(microscope.clone(), above, Door::SocketIo));
            Door::Rest
        } else {
            Door::Both
        };
        microscope.background(http::accept(microscope.clone(), listener, door));
        microscope.background(microscope.clone().report_motion());
        microscope.background(microscope.clone().report_storage());
        microscope.background(microscope.clone().report_escapes());
        if live {
            // Every pixel: this is what somebody sees first.
            let params = StreamParams {
                subsampling: 1,
                throttle_ms,
                ..StreamParams::default()
            };
            let slower = StreamParams {
                throttle_ms: 200,
                ..params.clone()
            };
            microscope.start_stream(0, Protocol::Binary, params);
            microscope.start_stream(1, Protocol::Jpeg, slower);
        }
        Ok(Self {
            address,
            microscope,
        })
    }

    /// Where it listens for REST, and for Socket.IO unless that has the port above.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Makes these faults, and no others, happen from now on, on open connections too.
    pub fn set_faults(&self, faults: &[Fault]) {
        self.microscope.hub.faults.send_replace(Faults::new(faults));
    }

    /// What was produced, sent and skipped so far.
    pub fn counters(&self) -> Counters {
        self.microscope.hub.counters()
    }

    /// Every REST call so far and what it did, in order; the last ten thousand lines.
    pub fn log(&self) -> Vec<Logged> {
        self.log_from(0)
    }

    /// The log without its first lines.
    ///
    /// - `first`: as [`Self::log_len`] was before
    pub fn log_from(&self, first: usize) -> Vec<Logged> {
        hub::lock(&self.microscope.instrument).log.from(first)
    }

    /// How many lines there were so far.
    pub fn log_len(&self) -> usize {
        hub::lock(&self.microscope.instrument).log.len()
    }

    /// The moment from which the times of the log count.
    pub fn started(&self) -> Instant {
        self.microscope.started
    }

    /// Where an axis of the stage is now, micrometres; `None` if there is no such axis.
    pub fn position_um(&self, axis: &str) -> Option<f64> {
        let axis = stage::axis_index(axis)?;
        let now_s = self.microscope.now_s();
        let instrument = hub::lock(&self.microscope.instrument);
        Some(instrument.stage.position_um(axis, now_s))
    }

    /// Whether the stage moves.
    pub fn is_moving(&self) -> bool {
        self.microscope.is_moving()
    }

    /// The level of a light in its own number, and whether it is on; `None` if there is no such
    /// light. The matrix is `LEDMatrix`.
    pub fn light(&self, name: &str) -> Option<(f64, bool)> {
        let instrument = hub::lock(&self.microscope.instrument);
        let mut lights = instrument.lasers.iter().chain([&instrument.matrix]);
        let light = lights.find(|light| light.name == name)?;
        Some((light.value, light.active))
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

/// Listens on `port`, and on the one above it if `both` are wanted.
async fn listen(port: u16, both: bool) -> io::Result<(TcpListener, Option<TcpListener>)> {
    let mut tries = 50;
    loop {
        let first = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
        if !both {
            return Ok((first, None));
        }
        let above = first.local_addr()?.port().checked_add(1);
        let above = above.ok_or(io::ErrorKind::AddrNotAvailable)?;
        match TcpListener::bind((Ipv4Addr::LOCALHOST, above)).await {
            Ok(second) => return Ok((first, Some(second))),
            // Any port was asked for, and this one has a neighbour: take another.
            Err(_) if port == 0 && tries > 0 => tries -= 1,
            Err(error) => return Err(error),
        }
    }
}
