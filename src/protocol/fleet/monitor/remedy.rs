//! What is tried against silence: the session is made anew, once, and it is said whether that helped.

use super::{Link, Monitor};
use crate::model::{FleetVerdict, Stamp};
use crate::protocol::fleet::pace::{self, Pace};
use crate::protocol::fleet::timing::{REMEDY_S, START_INTERVAL_S};

/// A session that was made anew.
#[derive(Clone, Debug)]
pub(super) struct Remedy {
    at: Stamp,
    /// When the connection stood again.
    pub(super) connected: Option<Stamp>,
    /// What became of it, once known.
    pub(super) outcome: Option<String>,
}

impl Monitor {
    /// Whether the session is to be made anew as a remedy; says so at most once in five minutes.
    pub fn begin_remedy(&mut self, now: Stamp) -> bool {
        let is_silent = matches!(self.verdict, FleetVerdict::Silent { .. });
        let is_rested = self
            .remedy
            .as_ref()
            .is_none_or(|remedy| self.timing.seconds(remedy.at, now) >= REMEDY_S);
        if !is_silent || !is_rested || self.link != Link::Up {
            return false;
        }
        self.link = Link::Remedy;
        self.remedy = Some(Remedy {
            at: now,
            connected: None,
            outcome: None,
        });
        self.marks
            .add(now, "silent: reconnecting once as a remedy".to_owned());
        true
    }

    /// Whether the connection is down only because of a remedy.
    pub fn is_in_remedy(&self) -> bool {
        self.link == Link::Remedy
    }

    /// Something was pushed after it.
    pub(super) fn remedy_helped(&mut self, at: Stamp) {
        if let Some(remedy) = &mut self.remedy
            && let (Some(connected), None) = (remedy.connected, &remedy.outcome)
        {
            let after_s = self.timing.seconds(connected, at);
            let outcome = format!("reconnecting helped: a push came {after_s:.1} s after it");
            remedy.outcome = Some(outcome.clone());
            self.marks.add(at, outcome);
        }
    }

    /// Nothing was, for longer than it may take.
    pub(super) fn judge_remedy(&mut self, now: Stamp) {
        let patience_s = self
            .paces
            .iter()
            .filter_map(Pace::interval_s)
            .fold(START_INTERVAL_S, f64::max);
        let patience_s = pace::silent_after_s(patience_s);
        let timing = self.timing;
        if let Some(remedy) = &mut self.remedy
            && let (Some(connected), None) = (remedy.connected, &remedy.outcome)
            && timing.seconds(connected, now) > patience_s
        {
            let outcome = format!("reconnecting did not help: no push {patience_s:.0} s after it");
            remedy.outcome = Some(outcome.clone());
            self.marks.add(now, outcome);
        }
    }
}
