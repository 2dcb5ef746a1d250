//! What the simulator is told before it starts.

use std::time::Duration;

use super::fault::Fault;

/// How the simulator is started.
#[derive(Clone, Debug)]
pub struct SimulatorOptions {
    /// TCP port on 127.0.0.1; 0 for any free one.
    pub port: u16,
    /// Workers.
    pub workers: u16,
    /// Seconds of the feed from one turn to the next.
    pub turn_s: f64,
    /// Seconds of the feed in one of ours; heart-beats are not compressed.
    pub speed: f64,
    /// Seconds of the feed that a worker waits after a success or a limit.
    pub long_wait_s: f64,
    /// The same after a technical failure.
    pub short_wait_s: f64,
    /// Time between pings.
    pub ping_interval: Duration,
    /// Time for their answer.
    pub ping_timeout: Duration,
    /// Faults from the start on.
    pub faults: Vec<Fault>,
}

impl Default for SimulatorOptions {
    /// The periods of the real servers. Source: statistics-feed specification, section 2.
    fn default() -> Self {
        Self {
            port: 0,
            workers: 6,
            turn_s: 10.0,
            speed: 1.0,
            long_wait_s: 31.0 * 60.0,
            short_wait_s: 5.0 * 60.0,
            ping_interval: Duration::from_secs(25),
            ping_timeout: Duration::from_secs(20),
            faults: Vec::new(),
        }
    }
}

impl SimulatorOptions {
    /// Everything fast enough that something is seen in the first minute.
    pub fn lively() -> Self {
        Self {
            workers: 8,
            turn_s: 2.0,
            long_wait_s: 50.0,
            short_wait_s: 15.0,
            ping_interval: Duration::from_secs(5),
            ping_timeout: Duration::from_secs(5),
            ..Self::default()
        }
    }
}
