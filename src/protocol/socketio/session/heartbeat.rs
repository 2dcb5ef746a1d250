//! Whether the link is alive, from what was heard and when.

use std::time::Duration;

use crate::protocol::engineio::{OpenPacket, Revision};

/// A server may announce times that round to nothing.
const SHORTEST_LIFE: Duration = Duration::from_secs(1);

/// Revision 3: we ping no more often than this, whatever the server announces.
const SHORTEST_PING: Duration = Duration::from_millis(250);

/// Pings are missed after this many times the life of a silent link.
const PATIENCE: u64 = 3;

/// What time has brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Beat {
    /// Nothing was heard for this long: the link is dead.
    Dead { silent: Duration },
    /// Something is heard, and no ping for this long.
    PingsMissing { since: Duration },
    /// Revision 3: our ping is due.
    Ping,
}

#[derive(Debug)]
pub(super) struct Heartbeat {
    revision: Revision,
    /// How long a silent link is taken for alive.
    life_ns: u64,
    /// Revision 3: between our pings.
    interval_ns: u64,
    last_heard_ns: u64,
    /// Revision 4: the server's last ping, or the opening; revision 3: our own last ping.
    last_ping_ns: u64,
    /// That pings are missing was said.
    warned: bool,
}

impl Heartbeat {
    pub(super) fn new(revision: Revision, open: &OpenPacket, now_ns: u64) -> Self {
        let life = open.ping_interval.saturating_add(open.ping_timeout);
        Self {
            revision,
            life_ns: nanos(life.max(SHORTEST_LIFE)),
            interval_ns: nanos(open.ping_interval.max(SHORTEST_PING)),
            last_heard_ns: now_ns,
            last_ping_ns: now_ns,
            warned: false,
        }
    }

    pub(super) fn heard(&mut self, now_ns: u64) {
        self.last_heard_ns = self.last_heard_ns.max(now_ns);
    }

    pub(super) fn pinged(&mut self, now_ns: u64) {
        self.last_ping_ns = now_ns;
        self.warned = false;
    }

    pub(super) fn last_ping_ns(&self) -> u64 {
        self.last_ping_ns
    }

    pub(super) fn deadline(&self) -> u64 {
        let dead = self.last_heard_ns.saturating_add(self.life_ns);
        dead.min(self.ping_deadline().unwrap_or(u64::MAX))
    }

    /// What is due at `now_ns`, once.
    pub(super) fn tick(&mut self, now_ns: u64) -> Option<Beat> {
        if now_ns >= self.last_heard_ns.saturating_add(self.life_ns) {
            return Some(Beat::Dead {
                silent: Duration::from_nanos(now_ns.saturating_sub(self.last_heard_ns)),
            });
        }
        if self.ping_deadline().is_none_or(|due| now_ns < due) {
            return None;
        }
        match self.revision {
            Revision::V3 => {
                self.last_ping_ns = now_ns;
                Some(Beat::Ping)
            }
            Revision::V4 => {
                self.warned = true;
                Some(Beat::PingsMissing {
                    since: Duration::from_nanos(now_ns.saturating_sub(self.last_ping_ns)),
                })
            }
        }
    }

    fn ping_deadline(&self) -> Option<u64> {
        let wait_ns = match self.revision {
            Revision::V3 => self.interval_ns,
            Revision::V4 if self.warned => return None,
            Revision::V4 => self.life_ns.saturating_mul(PATIENCE),
        };
        Some(self.last_ping_ns.saturating_add(wait_ns))
    }
}

/// Nanoseconds of a duration; the longest there is if it is longer.
pub(super) fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
