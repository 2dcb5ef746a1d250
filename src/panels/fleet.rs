//! A supervised fleet: whether its pushes can be believed, its totals over time, its workers.

pub mod draw;
mod tiles;

use std::collections::VecDeque;
use std::sync::Arc;

use super::facts::Facts;
use super::{SourceFacts, Step};
use crate::model::{Fleet, FleetTotals, PlainText, SourceId, Stamp, Worker};

/// Totals that are kept for the curves: an hour of a feed that comes every ten seconds.
const HISTORY: usize = 360;

/// What is known of one fleet.
#[derive(Clone, Debug, PartialEq)]
pub struct KnownFleet {
    /// As it is now.
    pub state: Arc<Fleet>,
    /// Totals and when they were received, newest last.
    history: VecDeque<(Stamp, FleetTotals)>,
}

impl KnownFleet {
    /// Takes in what replaces `before`; says which marks are new.
    pub(super) fn take(before: Option<Self>, state: &Arc<Fleet>) -> (Self, Vec<PlainText>) {
        let known = before.as_ref().map_or(0, |known| newest_mark(&known.state));
        let mut history = before.map_or_else(VecDeque::new, |known| known.history);
        if let (Some(totals), Some(at)) = (state.totals, state.totals_at)
            && history
                .back()
                .is_none_or(|(then, _)| then.mono_ns < at.mono_ns)
        {
            if history.len() == HISTORY {
                history.pop_front();
            }
            history.push_back((at, totals));
        }
        let marks = state.marks.iter().filter(|mark| mark.at.mono_ns > known);
        let marks = marks.map(|mark| mark.text.clone()).collect();
        let state = Arc::clone(state);
        (Self { state, history }, marks)
    }

    /// How much a total grew from one sample to the next, oldest first. Where it fell the process
    /// had started anew: that is no growth.
    fn growth(&self, total: fn(&FleetTotals) -> Option<u64>) -> Vec<u64> {
        let values: Vec<u64> = self.history.iter().filter_map(|(_, t)| total(t)).collect();
        values
            .windows(2)
            .map(|pair| pair[1].saturating_sub(pair[0]))
            .collect()
    }

    /// A total's growth per minute over the last ten minutes; `None` before two samples.
    fn per_minute(&self, total: fn(&FleetTotals) -> Option<u64>) -> Option<f64> {
        const WINDOW_S: u64 = 600;
        let (last, _) = self.history.back()?;
        let recent: Vec<(Stamp, u64)> = self
            .history
            .iter()
            .filter(|(at, _)| last.since(*at).as_secs() <= WINDOW_S)
            .filter_map(|(at, totals)| Some((*at, total(totals)?)))
            .collect();
        let (first, _) = recent.first()?;
        let minutes = last.since(*first).as_secs_f64() / 60.0;
        let grown: u64 = recent
            .windows(2)
            .map(|p| p[1].1.saturating_sub(p[0].1))
            .sum();
        (minutes > 0.0).then(|| grown as f64 / minutes)
    }
}

fn newest_mark(fleet: &Fleet) -> u64 {
    fleet.marks.last().map_or(0, |mark| mark.at.mono_ns)
}

/// What the operator chose to see of a fleet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FleetPanel {
    /// The source that was opened; without one the first that is a fleet.
    pub source: Option<SourceId>,
    /// What a worker or a line must contain.
    pub filter: String,
    /// Address of the worker under the cursor.
    selected: Option<PlainText>,
}

impl FleetPanel {
    /// The source that is shown.
    pub fn shown<'a>(&self, facts: &'a Facts) -> Option<&'a SourceFacts> {
        let chosen = self.source.and_then(|id| facts.source(id));
        let chosen = chosen.filter(|source| source.fleet.is_some());
        chosen.or_else(|| facts.sources.iter().find(|source| source.fleet.is_some()))
    }

    /// The workers that pass the filter, in their order.
    pub fn workers<'a>(&self, fleet: &'a Fleet) -> Vec<&'a Worker> {
        let filter = self.filter.to_lowercase();
        let workers = fleet.workers.as_deref().unwrap_or_default();
        workers
            .iter()
            .filter(|worker| filter.is_empty() || words(worker).contains(&filter))
            .collect()
    }

    /// The row of the cursor among [`FleetPanel::workers`].
    pub fn cursor(&self, workers: &[&Worker]) -> Option<usize> {
        let selected = self.selected.as_ref()?;
        workers
            .iter()
            .position(|worker| worker.address == *selected)
    }

    /// Moves the cursor.
    pub fn step(&mut self, step: Step, facts: &Facts) {
        let Some(known) = self.shown(facts).and_then(|source| source.fleet.as_ref()) else {
            return;
        };
        let workers = self.workers(&known.state);
        let row = match self.cursor(&workers) {
            Some(row) => step.apply(row, workers.len()),
            None if step == Step::Bottom => workers.len().saturating_sub(1),
            None => 0,
        };
        self.selected = workers.get(row).map(|worker| worker.address.clone());
    }
}

/// All that a filter looks at.
fn words(worker: &Worker) -> String {
    let number = worker.number.map_or(String::new(), |n| format!("#{n}"));
    let operator = if worker.needs_operator {
        "operator"
    } else {
        ""
    };
    let paused = if worker.is_paused { "paused" } else { "" };
    let failure = worker.last_failure.as_deref().unwrap_or_default();
    let (address, status) = (&worker.address, &worker.status);
    format!("{number} {address} {status} {operator} {paused} {failure}").to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(s: u64) -> Stamp {
        Stamp {
            mono_ns: s * 1_000_000_000,
            unix_ns: 0,
        }
    }

    fn fleet(s: u64, attempts: u64) -> Arc<Fleet> {
        let totals = FleetTotals {
            attempts: Some(attempts),
            ..FleetTotals::default()
        };
        Arc::new(Fleet {
            verdict: crate::model::FleetVerdict::Live,
            verdict_since: at(0),
            evidence: "".into(),
            is_supervising: None,
            turn: None,
            figures_from: crate::model::FiguresFrom::Push,
            totals: Some(totals),
            totals_at: Some(at(s)),
            workers: None,
            workers_at: None,
            pace: Vec::new(),
            probe: None,
            heartbeat: None,
            marks: Vec::new(),
        })
    }

    #[test]
    fn growth_is_never_negative_and_bounded() {
        let mut known = None;
        for (s, attempts) in [(0, 4), (10, 7), (10, 7), (20, 1), (30, 3)] {
            known = Some(KnownFleet::take(known, &fleet(s, attempts)).0);
        }
        let known = known.unwrap();
        assert_eq!(known.growth(|t| t.attempts), [3, 0, 2]);
        assert_eq!(known.per_minute(|t| t.attempts), Some(10.0));
        assert_eq!(known.per_minute(|t| t.failed), None);
        let mut known = Some(known);
        for s in 100..100 + 2 * HISTORY as u64 {
            known = Some(KnownFleet::take(known, &fleet(s, s)).0);
        }
        assert_eq!(known.unwrap().history.len(), HISTORY);
    }
}
