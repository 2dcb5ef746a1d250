//! When something happened: on our own two clocks, and on the device's where it says so.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// The moment something was received.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stamp {
    /// Nanoseconds on the process's monotonic clock. Ages and latencies are differences of these:
    /// the wall clock may be set while an experiment runs.
    pub mono_ns: u64,
    /// Nanoseconds since the Unix epoch on this machine's wall clock.
    pub unix_ns: u64,
}

impl Stamp {
    /// How long after `earlier` this was; zero if it was not after it.
    pub fn since(self, earlier: Stamp) -> Duration {
        Duration::from_nanos(self.mono_ns.saturating_sub(earlier.mono_ns))
    }
}

/// Where stamps come from. Time is an input: tests and replay use [`Clock::manual`].
#[derive(Clone, Debug)]
pub struct Clock(Kind);

#[derive(Clone, Debug)]
enum Kind {
    System {
        origin: Instant,
    },
    Manual {
        now: Arc<AtomicU64>,
        epoch_ns: Arc<AtomicU64>,
    },
}

impl Clock {
    /// The machine's clocks; monotonic time counts from this call.
    pub fn system() -> Self {
        Self(Kind::System {
            origin: Instant::now(),
        })
    }

    /// A clock that stands still until [`Clock::advance`]; wall time is `epoch_ns` plus what was
    /// advanced.
    pub fn manual(epoch_ns: u64) -> Self {
        Self(Kind::Manual {
            now: Arc::new(AtomicU64::new(0)),
            epoch_ns: Arc::new(AtomicU64::new(epoch_ns)),
        })
    }

    /// The present.
    pub fn now(&self) -> Stamp {
        match &self.0 {
            Kind::System { origin } => Stamp {
                mono_ns: nanos(origin.elapsed()),
                unix_ns: SystemTime::now()
                    .duration_since(UNIX_EPOCH)
                    .map(nanos)
                    .unwrap_or(0),
            },
            Kind::Manual { now, epoch_ns } => {
                let mono_ns = now.load(Ordering::Relaxed);
                Stamp {
                    mono_ns,
                    unix_ns: epoch_ns.load(Ordering::Relaxed).saturating_add(mono_ns),
                }
            }
        }
    }

    /// Moves a manual clock on; does nothing to the system's.
    pub fn advance(&self, by: Duration) {
        if let Kind::Manual { now, .. } = &self.0 {
            now.fetch_add(nanos(by), Ordering::Relaxed);
        }
    }

    /// Sets the wall clock of a manual clock back, as an operator or a time server may; monotonic
    /// time goes on. Does nothing to the system's.
    pub fn set_back(&self, by: Duration) {
        if let Kind::Manual { epoch_ns, .. } = &self.0 {
            epoch_ns.fetch_sub(nanos(by), Ordering::Relaxed);
        }
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
