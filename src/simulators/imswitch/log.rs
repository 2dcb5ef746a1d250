//! What came in over REST and what it did, in one order: the proof that tests need of what was
//! sent and of what came after it.

use std::collections::VecDeque;
use std::time::Duration;

/// Lines kept; the oldest go first.
const LINES: usize = 10_000;

/// One line of the log.
#[derive(Clone, Debug, PartialEq)]
pub struct Logged {
    /// Since the simulator started.
    pub at: Duration,
    /// The call that it belongs to, counting from 1.
    pub call: u64,
    /// What happened.
    pub what: What,
}

/// What a line of the log says. Axes and lights are named as the server names them.
#[derive(Clone, Debug, PartialEq)]
pub enum What {
    /// A call was received whole; nothing has been done yet.
    Received {
        /// Whether it was a POST; a GET otherwise.
        post: bool,
        /// Its path below the prefix and its query, e.g. `LaserController/getLaserValue?laserName=LED`.
        call: String,
        /// Its body.
        body: String,
    },
    /// An axis began to move to a position.
    Moves {
        /// The axis.
        axis: &'static str,
        /// From here, micrometres.
        from_um: f64,
        /// To here, micrometres.
        to_um: f64,
    },
    /// An axis began to move without end.
    Jogs {
        /// The axis.
        axis: &'static str,
        /// Micrometres per second, with the direction's sign.
        speed_um_s: f64,
    },
    /// An axis was stopped, moving or not.
    Stops {
        /// The axis.
        axis: &'static str,
        /// Where it stands, micrometres.
        at_um: f64,
    },
    /// A light was set to a level.
    Level {
        /// The light.
        light: &'static str,
        /// In the device's own number.
        value: f64,
    },
    /// A light was switched.
    Switched {
        /// The light.
        light: &'static str,
        /// On or off.
        on: bool,
    },
}

impl What {
    /// Whether something begins to move by it.
    pub fn is_motion(&self) -> bool {
        matches!(self, Self::Moves { .. } | Self::Jogs { .. })
    }
}

/// The log; kept with the instrument, under its lock, so that its order is that of the deeds.
#[derive(Clone, Debug, Default)]
pub(super) struct Log {
    lines: VecDeque<Logged>,
    /// Lines that were dropped from the front.
    dropped: usize,
    calls: u64,
}

impl Log {
    /// Writes a call down; returns its number.
    pub(super) fn received(&mut self, now_s: f64, post: bool, call: String, body: String) -> u64 {
        self.calls += 1;
        self.note(now_s, self.calls, What::Received { post, call, body });
        self.calls
    }

    /// Writes down what `call` did.
    pub(super) fn note(&mut self, now_s: f64, call: u64, what: What) {
        if self.lines.len() == LINES {
            self.lines.pop_front();
            self.dropped += 1;
        }
        self.lines.push_back(Logged {
            at: Duration::try_from_secs_f64(now_s).unwrap_or_default(),
            call,
            what,
        });
    }

    /// The lines from number `first` on, counted from 0.
    pub(super) fn from(&self, first: usize) -> Vec<Logged> {
        let skipped = first.saturating_sub(self.dropped);
        self.lines.iter().skip(skipped).cloned().collect()
    }

    /// How many lines there were.
    pub(super) fn len(&self) -> usize {
        self.dropped + self.lines.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_lines_go_first_and_the_others_keep_their_numbers() {
        let mut log = Log::default();
        for _ in 0..=LINES {
            log.received(0.5, false, "version".to_owned(), String::new());
        }
        let lines = log.from(0);
        assert_eq!((lines.len(), lines[0].call), (LINES, 2));
        assert_eq!(lines[0].at, Duration::from_millis(500));
        assert_eq!(log.len(), LINES + 1);
        let last = log.from(LINES);
        assert_eq!((last.len(), last[0].call), (1, LINES as u64 + 1));
        assert!(log.from(LINES + 1).is_empty());
    }
}
