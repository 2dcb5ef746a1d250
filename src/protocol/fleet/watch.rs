//! What the answers say over time: whether they come, whether they move, who is due.

use std::collections::BTreeMap;

use super::timing::Timing;
use crate::model::{FleetTotals, PlainText, Probe, Stamp, Worker};

/// The answers so far.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Watch {
    /// The newest answer that came whole.
    pub(super) last: Option<Seen>,
    /// The newest probe, answered or not.
    pub(super) probe: Option<Probe>,
    /// Failures in a row.
    pub(super) failures: u32,
    /// Moves seen between two probes without a push between or after them.
    pub(super) unpushed_moves: u32,
    /// Attempts when the first of these moves began, and after the last.
    pub(super) moved_attempts: Option<(u64, u64)>,
    /// Workers that have been due since, by address, while nothing was pushed and nothing moved.
    due: BTreeMap<PlainText, Stamp>,
}

/// One answer.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Seen {
    pub(super) asked: Stamp,
    pub(super) at: Stamp,
    pub(super) totals: FleetTotals,
    pub(super) workers: Vec<Worker>,
}

impl Watch {
    /// The server answered.
    ///
    /// - `last_push`: when anything expected was last pushed
    pub(super) fn answered(&mut self, seen: Seen, last_push: Option<Stamp>) {
        let before = self.last.take();
        let moved = before.as_ref().is_some_and(|before| moved(before, &seen));
        self.failures = 0;
        self.probe = Some(Probe {
            at: seen.at,
            outcome: Ok(()),
            moved,
            failures: 0,
        });
        let unpushed = before.as_ref().is_some_and(|before| {
            last_push.is_none_or(|push| push.mono_ns <= before.asked.mono_ns)
        });
        if let Some(before) = before.filter(|_| moved && unpushed) {
            self.unpushed_moves = self.unpushed_moves.saturating_add(1);
            let from = self.moved_attempts.map(|(from, _)| from);
            self.moved_attempts = from.or(before.totals.attempts).zip(seen.totals.attempts);
        }
        if moved {
            self.due.clear();
        }
        let due: Vec<&PlainText> = seen
            .workers
            .iter()
            .filter(|w| w.due_in_s == Some(0) && !w.is_paused && !w.needs_operator)
            .map(|worker| &worker.address)
            .collect();
        self.due.retain(|address, _| due.contains(&address));
        for address in due {
            self.due.entry(address.clone()).or_insert(seen.at);
        }
        self.last = Some(seen);
    }

    /// No usable answer came.
    pub(super) fn failed(&mut self, at: Stamp, why: PlainText) {
        self.failures = self.failures.saturating_add(1);
        self.probe = Some(Probe {
            at,
            outcome: Err(why),
            moved: false,
            failures: self.failures,
        });
    }

    /// Something expected was pushed: what moved before is told now.
    pub(super) fn pushed(&mut self) {
        self.unpushed_moves = 0;
        self.moved_attempts = None;
        self.due.clear();
    }

    /// The worker that has been due for longest while nothing was pushed and nothing moved, and
    /// for how many seconds of the feed as the last answer saw it.
    pub(super) fn longest_due(&self, timing: Timing) -> Option<(&PlainText, f64)> {
        let seen = self.last.as_ref()?.at;
        let (who, since) = self.due.iter().min_by_key(|(_, since)| since.mono_ns)?;
        Some((who, timing.seconds(*since, seen)))
    }
}

/// Whether work was done between two answers. Falling countdowns are none: the server computes
/// them when it is asked, whether its loop lives or not.
///
/// Source: statistics-feed specification, section 5.3.
fn moved(before: &Seen, now: &Seen) -> bool {
    let counts = |totals: &FleetTotals| {
        [
            totals.attempts,
            totals.succeeded,
            totals.failed,
            totals.limited,
        ]
    };
    if counts(&before.totals) != counts(&now.totals) {
        return true;
    }
    let known: BTreeMap<&PlainText, &Worker> = before
        .workers
        .iter()
        .map(|worker| (&worker.address, worker))
        .collect();
    now.workers.iter().any(|worker| {
        known.get(&worker.address).is_some_and(|earlier| {
            worker.last_try != earlier.last_try || worker.done != earlier.done
        })
    })
}

#[cfg(test)]
#[allow(clippy::indexing_slicing, clippy::arithmetic_side_effects)]
mod tests {
    use super::*;
    use crate::protocol::fleet::decode;
    use crate::protocol::fleet::profile::Profile;

    fn at(s: u64) -> Stamp {
        Stamp {
            mono_ns: s.saturating_mul(1_000_000_000),
            unix_ns: 0,
        }
    }

    fn seen(s: u64, attempts: u64, rows: &str) -> Seen {
        let body = format!(r#"{{"instances":[{rows}]}}"#);
        Seen {
            asked: at(s),
            at: at(s),
            totals: FleetTotals {
                attempts: Some(attempts),
                ..FleetTotals::default()
            },
            workers: decode::rows(body.as_bytes(), &Profile::default())
                .unwrap()
                .value,
        }
    }

    #[test]
    fn work_is_a_move_and_a_countdown_is_none() {
        let row = r#"{"ip":"a","seconds_remaining":9,"vote_count":1,"last_attempted_vote":"x"}"#;
        let cases = [
            (7, row, false),
            (8, row, true),
            (
                7,
                r#"{"ip":"a","seconds_remaining":4,"vote_count":1,"last_attempted_vote":"x"}"#,
                false,
            ),
            (
                7,
                r#"{"ip":"a","seconds_remaining":9,"vote_count":2,"last_attempted_vote":"x"}"#,
                true,
            ),
            (
                7,
                r#"{"ip":"a","seconds_remaining":9,"vote_count":1,"last_attempted_vote":"y"}"#,
                true,
            ),
            (
                7,
                r#"{"ip":"b","seconds_remaining":9,"vote_count":5}"#,
                false,
            ),
        ];
        for (attempts, rows, is_move) in cases {
            assert_eq!(
                moved(&seen(0, 7, row), &seen(5, attempts, rows)),
                is_move,
                "{rows}"
            );
        }
    }

    #[test]
    fn a_move_counts_against_the_pushes_only_where_none_came_between() {
        let mut watch = Watch::default();
        watch.answered(seen(0, 1, ""), None);
        watch.answered(seen(5, 2, ""), Some(at(3)));
        assert_eq!(watch.unpushed_moves, 0);
        watch.answered(seen(10, 3, ""), Some(at(3)));
        watch.answered(seen(15, 5, ""), Some(at(3)));
        assert_eq!(
            (watch.unpushed_moves, watch.moved_attempts),
            (2, Some((2, 5)))
        );
        watch.failed(at(20), "refused".into());
        assert_eq!((watch.failures, watch.unpushed_moves), (1, 2));
        watch.pushed();
        assert_eq!((watch.unpushed_moves, watch.moved_attempts), (0, None));
        watch.answered(seen(25, 5, ""), Some(at(22)));
        assert_eq!(watch.failures, 0);
    }

    #[test]
    fn who_is_due_is_watched_until_something_moves() {
        let rows = r#"{"ip":"a","seconds_remaining":0},{"ip":"b","seconds_remaining":0,"is_paused":true},
            {"ip":"c","seconds_remaining":0,"waiting_for_login":true},{"ip":"d","seconds_remaining":7}"#;
        let due = |watch: &Watch| {
            let longest = watch.longest_due(Timing::default());
            longest.map(|(who, for_s)| (who.to_string(), for_s))
        };
        let mut watch = Watch::default();
        watch.answered(seen(0, 1, rows), None);
        watch.answered(seen(40, 1, rows), None);
        assert_eq!(due(&watch), Some(("a".to_owned(), 40.0)));
        watch.answered(seen(45, 2, rows), None);
        assert_eq!(due(&watch), Some(("a".to_owned(), 0.0)));
        watch.answered(seen(50, 2, ""), None);
        assert_eq!(due(&watch), None);
    }
}
