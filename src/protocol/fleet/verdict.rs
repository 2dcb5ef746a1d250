//! The verdict: every rule in one place, over plain numbers in seconds of the feed.
//!
//! Source: statistics-feed specification, section 5. Where that leaves room the careful reading is
//! taken: a fleet that pushes once a minute must not be called silent before its second push.

use super::pace::{late_after_s, silent_after_s};
use super::timing::{
    DOWN_AFTER, FIRST_PUSH_S, GRACE_S, LEAST_SILENCE_S, SLOW_INTERVAL_S, START_INTERVAL_S,
    UNKNOWN_SILENCE_S,
};
use crate::model::FleetVerdict;

/// All that a verdict rests on.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Case {
    pub(super) link: LinkCase,
    /// Failed probes in a row.
    pub(super) rest_failures: u32,
    /// Whether there are probes at all.
    pub(super) has_probes: bool,
    pub(super) events: [EventCase; 3],
    /// Moves that the answers showed and no push told.
    pub(super) unpushed_moves: u32,
    /// Whether the loop runs, as far as anything said so.
    pub(super) is_supervising: Option<bool>,
    /// For how long a worker has been due while nothing was pushed and nothing moved.
    pub(super) due_for_s: Option<f64>,
    pub(super) is_zero: bool,
    pub(super) is_disagreeing: bool,
    /// The verdict before.
    pub(super) was: FleetVerdict,
}

/// The connection.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum LinkCase {
    /// The first attempt is under way.
    Starting,
    /// It stands.
    Up,
    /// It does not.
    Lost {
        /// For how long, in our own seconds.
        for_s: f64,
        /// It ended because it brought no heart-beat.
        by_silence: bool,
        /// Attempts since that failed.
        failed_attempts: u32,
    },
    /// It was ended by us as a remedy and is being made again.
    Remedy,
}

/// One expected event.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct EventCase {
    /// Since it came last, or since the connection if it has not come on it.
    pub(super) age_s: f64,
    /// Whether it has come since the connection.
    pub(super) has_come: bool,
    /// Learned, from this event or from its neighbours.
    pub(super) interval_s: Option<f64>,
    /// Without an interval: whether the one turn that is known may be a sixth.
    pub(super) may_be_slow: bool,
    /// Samples in a row that came in time.
    pub(super) on_time: u32,
}

/// Where an event stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    OnTime,
    Late,
    Silent,
}

impl EventCase {
    /// The interval that is counted with.
    pub(super) fn expected_s(&self) -> f64 {
        self.interval_s.unwrap_or(match self.may_be_slow {
            true => SLOW_INTERVAL_S,
            false => START_INTERVAL_S,
        })
    }

    /// How old it may be before it is silent; `None` while only the answers can prove it.
    fn standing(&self, unpushed_moves: u32) -> Standing {
        let age_s = self.age_s;
        let (late_s, silent_s) = match (self.has_come, self.interval_s) {
            (true, Some(interval_s)) => (late_after_s(interval_s), silent_after_s(interval_s)),
            (true, None) => {
                let interval_s = self.expected_s();
                let silent_s = silent_after_s(interval_s).min(UNKNOWN_SILENCE_S);
                (late_after_s(interval_s), silent_s)
            }
            (false, Some(interval_s)) => {
                let silent_s = silent_after_s(interval_s).max(FIRST_PUSH_S);
                (late_after_s(interval_s), silent_s)
            }
            // Twice, because one may have been under way while we connected.
            (false, None) if unpushed_moves >= 2 => (LEAST_SILENCE_S, LEAST_SILENCE_S),
            (false, None) => (UNKNOWN_SILENCE_S, UNKNOWN_SILENCE_S),
        };
        match () {
            () if age_s > silent_s => Standing::Silent,
            () if age_s > late_s => Standing::Late,
            () => Standing::OnTime,
        }
    }
}

impl Case {
    /// Where each expected event stands.
    pub(super) fn standings(&self) -> [Standing; 3] {
        self.events.map(|event| event.standing(self.unpushed_moves))
    }

    /// The verdict.
    pub(super) fn judge(&self) -> FleetVerdict {
        match self.link {
            LinkCase::Starting => FleetVerdict::Unknown,
            LinkCase::Remedy => self.was,
            LinkCase::Lost {
                for_s,
                by_silence,
                failed_attempts,
            } => {
                let failures = if self.has_probes {
                    self.rest_failures
                } else {
                    failed_attempts
                };
                match () {
                    () if failures >= DOWN_AFTER => FleetVerdict::Down,
                    // Until something answers it stays what it was.
                    () if self.was == FleetVerdict::Down && failures > 0 => FleetVerdict::Down,
                    () if by_silence || for_s > GRACE_S => FleetVerdict::DeadLink,
                    () if self.was == FleetVerdict::DeadLink => FleetVerdict::DeadLink,
                    () => FleetVerdict::Unknown,
                }
            }
            LinkCase::Up => self.judge_pushes(),
        }
    }

    fn judge_pushes(&self) -> FleetVerdict {
        let standings = self.standings();
        let are_all = |wanted: &[Standing]| standings.iter().all(|one| wanted.contains(one));
        let is_any = |wanted: Standing| standings.contains(&wanted);
        let nothing_comes = are_all(&[Standing::Late, Standing::Silent]);
        if nothing_comes && self.rest_failures >= DOWN_AFTER {
            return FleetVerdict::Down;
        }
        // What moved and was not told, although it is overdue, was lost.
        if nothing_comes && self.unpushed_moves > 0 {
            return FleetVerdict::Silent { confirmed: true };
        }
        if are_all(&[Standing::Silent]) {
            return self.judge_silence();
        }
        // Some are late already: rest does not take back what was proved.
        if nothing_comes && matches!(self.was, FleetVerdict::Silent { confirmed: true }) {
            return self.was;
        }
        let some_come = self
            .events
            .iter()
            .any(|event| event.has_come && event.age_s <= 2.0 * event.expected_s());
        if is_any(Standing::Silent) && some_come {
            return FleetVerdict::Half;
        }
        if self.is_zero {
            return FleetVerdict::Zero;
        }
        if self.is_disagreeing {
            return FleetVerdict::Disagree;
        }
        if !are_all(&[Standing::OnTime]) {
            // A loop that was stopped owes nothing.
            return match self.is_supervising {
                Some(false) => FleetVerdict::Idle,
                _ => FleetVerdict::Late,
            };
        }
        // Back in time is live only after two samples of each.
        if self.events.iter().all(|event| event.on_time >= 2) {
            return FleetVerdict::Live;
        }
        match self.was {
            FleetVerdict::Unknown | FleetVerdict::DeadLink | FleetVerdict::Down => {
                FleetVerdict::Unknown
            }
            // A reconnection as a remedy: nothing has come yet that would end the silence.
            FleetVerdict::Silent { .. } if self.events.iter().all(|event| !event.has_come) => {
                self.was
            }
            _ => FleetVerdict::Late,
        }
    }

    /// Nothing is pushed, and nothing proves that something should have been.
    fn judge_silence(&self) -> FleetVerdict {
        if self.was == (FleetVerdict::Silent { confirmed: true }) {
            return self.was;
        }
        if self.is_supervising == Some(false) {
            return FleetVerdict::Idle;
        }
        let patience_s = 3.0
            * self
                .events
                .iter()
                .map(EventCase::expected_s)
                .fold(0.0, f64::max);
        match self.due_for_s {
            Some(due_for_s) if due_for_s > patience_s => FleetVerdict::StalledProducer,
            _ => FleetVerdict::Silent { confirmed: false },
        }
    }
}

#[cfg(test)]
#[allow(clippy::indexing_slicing, clippy::arithmetic_side_effects)]
mod tests;
