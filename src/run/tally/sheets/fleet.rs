//! The tables of a fleet: its totals, the rhythm of its events, its workers.

use super::{age_s, begin};
use crate::model::{FleetTotals, Stamp};
use crate::run::tally::seen::Seen;
use crate::run::tally::sheet::Line;

/// One line for each fleet.
pub fn totals(seen: &Seen, now: Stamp) -> Vec<Line> {
    let Some(fleet) = &seen.fleet else {
        return Vec::new();
    };
    let mut line = begin(seen);
    line.set("verdict", fleet.verdict.as_str())
        .set("since_s", age_s(fleet.verdict_since, now))
        .set("evidence", &fleet.evidence)
        .maybe("supervising", fleet.is_supervising)
        .maybe("turn", fleet.turn)
        .set("figures_from", fleet.figures_from.as_str());
    let totals = fleet.totals.as_ref();
    let mut count = |name, of: fn(&FleetTotals) -> Option<u64>| {
        line.maybe(name, totals.and_then(of));
    };
    count("attempts", |totals| totals.attempts);
    count("succeeded", |totals| totals.succeeded);
    count("failed", |totals| totals.failed);
    count("limited", |totals| totals.limited);
    count("workers", |totals| totals.workers);
    let at = |stamp: Option<Stamp>| stamp.map(|stamp| age_s(stamp, now));
    line.maybe("success_percent", totals.and_then(|t| t.success_percent))
        .maybe("percent_wrong", totals.map(|t| t.is_percent_wrong))
        .maybe("totals_age_s", at(fleet.totals_at))
        .maybe("workers_age_s", at(fleet.workers_at))
        .maybe("heartbeat_age_s", at(fleet.heartbeat));
    let probe = fleet.probe.as_ref();
    line.maybe("probe_age_s", at(probe.map(|probe| probe.at)))
        .maybe(
            "probe_failure",
            probe.and_then(|probe| probe.outcome.as_ref().err()),
        )
        .maybe("probe_moved", probe.map(|probe| probe.moved))
        .maybe("probe_failures", probe.map(|probe| probe.failures))
        .maybe("last_mark", fleet.marks.last().map(|mark| &mark.text));
    vec![line]
}

/// One line for each expected event.
pub fn pace(seen: &Seen, now: Stamp) -> Vec<Line> {
    let pace = seen.fleet.iter().flat_map(|fleet| &fleet.pace);
    let lines = pace.map(|pace| {
        let mut line = begin(seen);
        line.set("event", &pace.event)
            .set("count", pace.count)
            .maybe("interval_s", pace.interval_s)
            .maybe("last_age_s", pace.last.map(|last| age_s(last, now)));
        line
    });
    lines.collect()
}

/// One line for each worker.
pub fn workers(seen: &Seen, now: Stamp) -> Vec<Line> {
    let Some(fleet) = &seen.fleet else {
        return Vec::new();
    };
    // A countdown and an age run on from where the list left them.
    let passed_s = fleet.workers_at.map_or(0, |at| now.since(at).as_secs());
    let workers = fleet.workers.iter().flatten();
    let lines = workers.map(|worker| {
        let mut line = begin(seen);
        let older = |age_s: Option<u64>| age_s.map(|age_s| age_s.saturating_add(passed_s));
        line.maybe("number", worker.number)
            .set("address", &worker.address)
            .set("status", &worker.status)
            .set("class", worker.class.as_str())
            .set("paused", worker.is_paused)
            .set("needs_operator", worker.needs_operator)
            .maybe("done", worker.done)
            .set("wait", worker.wait.as_str())
            .maybe(
                "due_in_s",
                worker.due_in_s.map(|s| s.saturating_sub(passed_s)),
            )
            .maybe("last_ok", worker.last_ok.as_ref())
            .maybe("last_ok_age_s", older(worker.last_ok_age_s))
            .maybe("last_try", worker.last_try.as_ref())
            .maybe("last_try_age_s", older(worker.last_try_age_s))
            .maybe("last_failure", worker.last_failure.as_ref())
            .set("clock_jumped", worker.clock_jumped);
        line
    });
    lines.collect()
}
