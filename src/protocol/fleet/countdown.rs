//! The countdowns of the workers, checked against our own clock.

use std::collections::BTreeMap;

use super::timing::{JUMP_S, Timing};
use crate::model::{PlainText, Stamp, Worker};

/// Marks the workers whose countdown is not where ours would be by now, although they have not
/// tried again; says how many and by how much.
///
/// - `before`, `before_at`: the workers as they were told before, and when
/// - `now`, `at`: as they are told now; they are marked
///
/// Source: statistics-feed specification, section 3.1.
pub(super) fn check(
    before: &[Worker],
    before_at: Stamp,
    now: &mut [Worker],
    at: Stamp,
    timing: Timing,
) -> Option<String> {
    let known: BTreeMap<&PlainText, &Worker> = before
        .iter()
        .filter(|worker| !worker.address.is_empty())
        .map(|worker| (&worker.address, worker))
        .collect();
    let elapsed_s = timing.seconds(before_at, at).floor();
    let mut jumped = 0_usize;
    let mut largest = 0.0_f64;
    for worker in now {
        let Some(earlier) = known.get(&worker.address) else {
            continue;
        };
        let (Some(due), Some(was)) = (worker.due_in_s, earlier.due_in_s) else {
            continue;
        };
        if worker.last_try != earlier.last_try {
            continue;
        }
        #[expect(clippy::cast_precision_loss)] // seconds of a countdown
        let off = due as f64 - (was as f64 - elapsed_s).max(0.0);
        if off.abs() > JUMP_S {
            worker.clock_jumped = true;
            jumped = jumped.saturating_add(1);
            if off.abs() > largest.abs() {
                largest = off;
            }
        }
    }
    let workers = if jumped == 1 { "worker" } else { "workers" };
    (jumped > 0).then(|| format!("clock jump: {jumped} {workers}, up to {largest:+.0} s"))
}

#[cfg(test)]
#[allow(clippy::indexing_slicing, clippy::arithmetic_side_effects)]
mod tests {
    use super::*;
    use crate::protocol::fleet::decode;
    use crate::protocol::fleet::profile::Profile;

    fn workers(due: &[(u64, &str)]) -> Vec<Worker> {
        let rows: Vec<String> = due
            .iter()
            .enumerate()
            .map(|(index, (due, tried))| {
                format!(
                    r#"{{"ip":"{index}","seconds_remaining":{due},"last_attempted_vote":"{tried}"}}"#
                )
            })
            .collect();
        let body = format!(r#"{{"instances":[{}]}}"#, rows.join(","));
        decode::rows(body.as_bytes(), &Profile::default())
            .unwrap()
            .value
    }

    #[test]
    fn a_countdown_may_be_off_by_three_seconds() {
        let at = |s: u64| Stamp {
            mono_ns: s.saturating_mul(1_000_000_000),
            unix_ns: 0,
        };
        let cases: [(u64, u64, &str, Option<&str>); 8] = [
            (100, 90, "a", None),
            (100, 93, "a", None),
            (100, 94, "a", Some("clock jump: 1 worker, up to +4 s")),
            (100, 87, "a", None),
            (100, 86, "a", Some("clock jump: 1 worker, up to -4 s")),
            // It has tried again: a new wait.
            (100, 1_860, "b", None),
            // At 0 it stays.
            (4, 0, "a", None),
            (0, 60, "a", Some("clock jump: 1 worker, up to +60 s")),
        ];
        for (was, is, tried, found) in cases {
            let before = workers(&[(was, "a"), (50, "x")]);
            let mut now = workers(&[(is, tried), (40, "x")]);
            let text = check(&before, at(5), &mut now, at(15), Timing::default());
            assert_eq!(text.as_deref(), found, "{was} {is}");
            assert_eq!(now[0].clock_jumped, found.is_some());
            assert!(!now[1].clock_jumped);
        }
    }
}
