//! How fast the feed's time goes, and every duration the verdict rests on.

use std::time::Duration;

use crate::model::Stamp;

/// How many seconds of the feed go by in one of ours: 1 for a real server, more for recordings
/// that were made with time compressed. Heart-beats are never compressed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Timing {
    speed: f64,
}

impl Default for Timing {
    fn default() -> Self {
        Self { speed: 1.0 }
    }
}

impl Timing {
    /// Time compressed `speed` times; what is no such number is taken for 1.
    pub fn compressed(speed: f64) -> Self {
        let is_usable = speed.is_finite() && (0.01..=10_000.0).contains(&speed);
        Self {
            speed: if is_usable { speed } else { 1.0 },
        }
    }

    /// Seconds of the feed from `earlier` to `later`; 0 if it was not later.
    pub(super) fn seconds(self, earlier: Stamp, later: Stamp) -> f64 {
        later.since(earlier).as_secs_f64() * self.speed
    }

    /// Our nanoseconds for these seconds of the feed.
    pub(super) fn ns(self, feed_s: f64) -> u64 {
        let seconds = (feed_s / self.speed).clamp(0.0, 1e9);
        Duration::from_secs_f64(seconds)
            .as_nanos()
            .try_into()
            .unwrap_or(u64::MAX)
    }
}

// Source of all of these: statistics-feed specification, section 5.

/// Samples closer than this are one.
pub(super) const MERGE_S: f64 = 0.5;
/// The interval before it was learned.
pub(super) const START_INTERVAL_S: f64 = 10.0;
/// The interval of versions that push on every sixth turn only.
pub(super) const SLOW_INTERVAL_S: f64 = 60.0;
/// Shortest interval that is believed.
pub(super) const SHORTEST_INTERVAL_S: f64 = 1.0;
/// Longest interval that is believed.
pub(super) const LONGEST_INTERVAL_S: f64 = 120.0;
/// Silence is never shorter than this.
pub(super) const LEAST_SILENCE_S: f64 = 15.0;
/// How long the first push after a connection may take where the interval is known.
pub(super) const FIRST_PUSH_S: f64 = 30.0;
/// How long it may take where nothing is known and the answers prove nothing.
pub(super) const UNKNOWN_SILENCE_S: f64 = 130.0;
/// An answer this soon after a push is compared with it.
pub(super) const PAIR_S: f64 = 1.0;
/// Between probes while all is well, unless something else is said. Source: statistics-feed
/// specification, section 5.3.
pub const PROBE_S: u32 = 30;
/// Between probes while something is wrong.
pub(super) const URGENT_PROBE_S: f64 = 5.0;
/// How far a probe is put off so that it comes right after a push, and can be compared with it.
pub(super) const ALIGN_S: f64 = 2.0;
/// A countdown may be off by this.
pub(super) const JUMP_S: f64 = 3.0;
/// At most one reconnection as a remedy in this time.
pub(super) const REMEDY_S: f64 = 300.0;
/// A connection that was closed gets this long to come back before it counts as dead.
pub(super) const GRACE_S: f64 = 5.0;
/// Failures in a row that mean down.
pub(super) const DOWN_AFTER: u32 = 3;
