//! What was pushed against what was answered right after it.

use std::collections::BTreeMap;

use crate::model::{FleetTotals, PlainText, Worker};

/// Pairs in a row that did not agree, each of another turn: one alone may be a race, because the
/// loop works between the two.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Compare {
    /// Different.
    differing: Streak,
    /// Zeros pushed while the answer counts.
    zero: Streak,
    /// The turn of the last pair that agreed.
    pub(super) agreed: Option<PairKey>,
}

/// What tells one sample from the next: its turn, or the moment it came where it has none.
pub(super) type PairKey = u64;

#[derive(Clone, Debug, Default, PartialEq)]
struct Streak {
    pairs: u32,
    last: Option<PairKey>,
    /// What the newest pair showed.
    text: Option<String>,
}

/// Pairs that it takes.
const PAIRS: u32 = 2;

impl Streak {
    fn add(&mut self, key: PairKey, text: String) {
        if self.last != Some(key) {
            self.pairs = self.pairs.saturating_add(1);
            self.last = Some(key);
        }
        self.text = Some(text);
    }

    fn proof(&self) -> Option<&str> {
        self.text.as_deref().filter(|_| self.pairs >= PAIRS)
    }
}

impl Compare {
    /// A push and an answer that was asked for within a second after it.
    pub(super) fn pair(
        &mut self,
        key: PairKey,
        pushed: (Option<&FleetTotals>, Option<&[Worker]>),
        answered: (Option<&FleetTotals>, Option<&[Worker]>),
    ) {
        let totals = match (pushed.0, answered.0) {
            (Some(pushed), Some(answered)) => difference(pushed, answered),
            _ => None,
        };
        let workers = match (pushed.1, answered.1) {
            (Some(pushed), Some(answered)) => rows_differ(pushed, answered),
            _ => None,
        };
        match totals.or(workers) {
            Some(text) => self.differing.add(key, text),
            None => {
                self.differing = Streak::default();
                self.agreed = Some(key);
            }
        }
    }

    /// A push of the totals, and an answer between it and the next; `was_counting` where the
    /// answer before it counted already, so that the push cannot have been ahead of it.
    pub(super) fn zeros(
        &mut self,
        key: PairKey,
        pushed: &FleetTotals,
        answered: &FleetTotals,
        was_counting: bool,
    ) {
        let counts = answered.attempts.unwrap_or(0);
        if !is_zero(pushed) {
            self.zero = Streak::default();
        } else if counts > 0 && was_counting {
            self.zero
                .add(key, format!("pushed 0 attempts, REST has {counts}"));
        }
    }

    /// What shows that pushes differ.
    pub(super) fn disagrees(&self) -> Option<&str> {
        self.differing.proof()
    }

    /// What shows that zeros are pushed.
    pub(super) fn is_zero(&self) -> Option<&str> {
        self.zero.proof()
    }

    /// Whether the next pair may settle something.
    pub(super) fn is_in_doubt(&self) -> bool {
        self.differing.pairs > 0 || self.zero.pairs > 0
    }
}

/// Whether every figure is zero, and there is one at all.
fn is_zero(totals: &FleetTotals) -> bool {
    let counts = [
        totals.attempts,
        totals.succeeded,
        totals.failed,
        totals.limited,
    ];
    counts.iter().any(Option::is_some)
        && counts.iter().flatten().all(|count| *count == 0)
        && totals.success_percent.unwrap_or(0.0) == 0.0
}

fn difference(pushed: &FleetTotals, answered: &FleetTotals) -> Option<String> {
    let pairs = [
        ("attempts", pushed.attempts, answered.attempts),
        ("succeeded", pushed.succeeded, answered.succeeded),
        ("failed", pushed.failed, answered.failed),
        ("rate-limited", pushed.limited, answered.limited),
        ("workers", pushed.workers, answered.workers),
    ];
    pairs.into_iter().find_map(|(name, pushed, answered)| {
        let (pushed, answered) = (pushed?, answered?);
        (pushed != answered).then(|| format!("{name}: pushed {pushed}, REST {answered}"))
    })
}

fn rows_differ(pushed: &[Worker], answered: &[Worker]) -> Option<String> {
    if pushed.len() != answered.len() {
        let (pushed, answered) = (pushed.len(), answered.len());
        return Some(format!("worker rows: pushed {pushed}, REST {answered}"));
    }
    let known: BTreeMap<&PlainText, &Worker> = answered
        .iter()
        .map(|worker| (&worker.address, worker))
        .collect();
    pushed.iter().find_map(|worker| {
        let who = &worker.address;
        let Some(other) = known.get(who) else {
            return Some(format!("worker {who} is pushed and not in REST"));
        };
        let (done, others) = (worker.done?, other.done?);
        (done != others).then(|| format!("worker {who}: pushed {done} done, REST {others}"))
    })
}

#[cfg(test)]
#[allow(clippy::indexing_slicing, clippy::arithmetic_side_effects)]
mod tests {
    use super::*;

    fn totals(attempts: u64, failed: u64) -> FleetTotals {
        FleetTotals {
            attempts: Some(attempts),
            succeeded: Some(attempts.saturating_sub(failed)),
            failed: Some(failed),
            ..FleetTotals::default()
        }
    }

    #[test]
    fn it_takes_two_pairs_of_different_turns() {
        let (a, b) = (totals(7, 1), totals(9, 1));
        let cases: [(&[(u64, bool)], bool); 6] = [
            (&[(1, false)], false),
            (&[(1, false), (1, false)], false),
            (&[(1, false), (2, false)], true),
            (&[(1, false), (2, true), (3, false)], false),
            (&[(1, false), (2, false), (3, true)], false),
            (&[(1, false), (2, false), (3, false)], true),
        ];
        for (pairs, disagrees) in cases {
            let mut compare = Compare::default();
            for (key, agrees) in pairs {
                let answered = if *agrees { &a } else { &b };
                compare.pair(*key, (Some(&a), None), (Some(answered), None));
            }
            assert_eq!(compare.disagrees().is_some(), disagrees, "{pairs:?}");
        }
        let mut compare = Compare::default();
        for key in 1..3 {
            compare.pair(key, (Some(&a), None), (Some(&b), None));
        }
        assert_eq!(compare.disagrees(), Some("attempts: pushed 7, REST 9"));
    }

    #[test]
    fn zeros_are_only_zeros_where_the_answers_count() {
        let (zero, some) = (totals(0, 0), totals(7, 1));
        let mut compare = Compare::default();
        compare.zeros(1, &zero, &some, false);
        compare.zeros(2, &zero, &some, true);
        compare.zeros(2, &zero, &some, true);
        assert_eq!(compare.is_zero(), None);
        compare.zeros(3, &zero, &some, true);
        assert_eq!(compare.is_zero(), Some("pushed 0 attempts, REST has 7"));
        compare.zeros(4, &some, &some, true);
        assert_eq!(compare.is_zero(), None);
        let mut compare = Compare::default();
        for key in 0..5 {
            compare.zeros(key, &zero, &zero, true);
            compare.zeros(key, &FleetTotals::default(), &some, true);
        }
        assert_eq!(compare.is_zero(), None);
    }
}
