//! When something happened: on our own two clocks, and on the device's where it says so.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
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

/// Where stamps come from. Time is an input: tests use [`Clock::manual`], a replay
/// [`Clock::replayed`].
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
    Replayed {
        system: Box<Clock>,
        course: Arc<Mutex<Course>>,
    },
}

/// How a replayed clock goes: from a moment on, at a pace.
#[derive(Clone, Copy, Debug)]
struct Course {
    from: Stamp,
    /// What the system's clock said then.
    system_mono_ns: u64,
    thousandths: u32,
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

    /// A clock that tells the time of a recording. It goes on from this clock's present, and with
    /// it, until [`Clock::set_course`].
    pub fn replayed(&self) -> Self {
        let now = self.now();
        Self(Kind::Replayed {
            system: Box::new(self.clone()),
            course: Arc::new(Mutex::new(Course {
                from: now,
                system_mono_ns: now.mono_ns,
                thousandths: 1_000,
            })),
        })
    }

    /// From now on it goes from `from` on at so many thousandths of the real pace; 0 stands still.
    /// Does nothing to clocks that are not replayed.
    pub fn set_course(&self, from: Stamp, thousandths: u32) {
        if let Kind::Replayed { system, course } = &self.0 {
            let next = Course {
                from,
                system_mono_ns: system.now().mono_ns,
                thousandths,
            };
            *course.lock().unwrap_or_else(PoisonError::into_inner) = next;
        }
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
            Kind::Replayed { system, course } => {
                let course = *course.lock().unwrap_or_else(PoisonError::into_inner);
                let passed_ns = system.now().mono_ns.saturating_sub(course.system_mono_ns);
                let passed_ns = u128::from(passed_ns) * u128::from(course.thousandths) / 1_000;
                let passed_ns = u64::try_from(passed_ns).unwrap_or(u64::MAX);
                Stamp {
                    mono_ns: course.from.mono_ns.saturating_add(passed_ns),
                    unix_ns: course.from.unix_ns.saturating_add(passed_ns),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_replayed_clock_goes_at_its_pace_and_stands_where_it_is_held() {
        let system = Clock::manual(1_000);
        system.advance(Duration::from_nanos(50));
        let replayed = system.replayed();
        system.advance(Duration::from_nanos(10));
        assert_eq!(replayed.now(), system.now());
        let from = Stamp {
            mono_ns: 500,
            unix_ns: 9_000,
        };
        let after = |thousandths: u32| {
            replayed.set_course(from, thousandths);
            system.advance(Duration::from_nanos(100));
            let now = replayed.now();
            (now.mono_ns, now.unix_ns)
        };
        assert_eq!(after(0), (500, 9_000));
        assert_eq!(after(1_000), (600, 9_100));
        assert_eq!(after(2_500), (750, 9_250));
        system.set_course(from, 0);
        assert_eq!(system.now().mono_ns, 360, "a system's clock is nobody's");
    }
}
