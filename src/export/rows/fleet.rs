//! Rows of fleets and of live tables.

use super::super::table::{Cell, Kind, Table, column};
use super::general::value;
use super::{Emit, SINCE, Why, record};
use crate::recording::RecordedMessage;
use crate::recording::records::{FleetRecord, RowsRecord};

static FLEET: Table = Table {
    name: "fleet",
    part: "",
    columns: &[
        column("verdict", Kind::Text),
        column("verdict_since_ns", Kind::Count),
        column("evidence", Kind::Text),
        column("supervising", Kind::Flag),
        column("turn", Kind::Count),
        column("figures_from", Kind::Text),
        column("attempts", Kind::Count),
        column("succeeded", Kind::Count),
        column("failed", Kind::Count),
        column("limited", Kind::Count),
        column("success_percent", Kind::Float),
        column("percent_wrong", Kind::Flag),
        column("worker_count", Kind::Count),
        column("totals_at_ns", Kind::Count),
        column("heartbeat_ns", Kind::Count),
        column("workers_at_ns", Kind::Count),
        column("probe_at_ns", Kind::Count),
        column("probe_failure", Kind::Text),
        column("probe_moved", Kind::Flag),
        column("probe_failures", Kind::Count),
        SINCE,
    ],
};

static WORKERS: Table = Table {
    name: "fleet",
    part: "workers",
    columns: &[
        column("number", Kind::Int),
        column("address", Kind::Text),
        column("status", Kind::Text),
        column("class", Kind::Text),
        column("paused", Kind::Flag),
        column("needs_operator", Kind::Flag),
        column("done", Kind::Count),
        column("due_in_s", Kind::Count),
        column("wait", Kind::Text),
        column("last_ok", Kind::Text),
        column("last_try", Kind::Text),
        column("last_ok_age_s", Kind::Count),
        column("last_try_age_s", Kind::Count),
        column("last_failure", Kind::Text),
        column("clock_jumped", Kind::Flag),
    ],
};

static PACE: Table = Table {
    name: "fleet",
    part: "pace",
    columns: &[
        column("event", Kind::Text),
        column("last_ns", Kind::Count),
        column("count", Kind::Count),
        column("interval_s", Kind::Float),
    ],
};

static MARKS: Table = Table {
    name: "fleet",
    part: "marks",
    columns: &[column("at_ns", Kind::Count), column("text", Kind::Text)],
};

pub fn fleet(message: &RecordedMessage, emit: &mut Emit<'_>) -> Result<(), Why> {
    let fleet: FleetRecord<'_> = record(message)?;
    let totals = fleet.totals.as_ref();
    let probe = fleet.probe.as_ref();
    let cells = [
        (&fleet.verdict).into(),
        fleet.verdict_since_ns.into(),
        (&fleet.evidence).into(),
        fleet.supervising.into(),
        fleet.turn.into(),
        (&fleet.figures_from).into(),
        totals.and_then(|totals| totals.attempts).into(),
        totals.and_then(|totals| totals.succeeded).into(),
        totals.and_then(|totals| totals.failed).into(),
        totals.and_then(|totals| totals.limited).into(),
        totals.and_then(|totals| totals.success_percent).into(),
        totals.map(|totals| totals.percent_wrong).into(),
        totals.and_then(|totals| totals.workers).into(),
        fleet.totals_at_ns.into(),
        fleet.heartbeat_ns.into(),
        fleet.workers_at_ns.into(),
        probe.map(|probe| probe.at_ns).into(),
        probe.and_then(|probe| probe.failure.as_ref()).into(),
        probe.map(|probe| probe.moved).into(),
        probe.map(|probe| probe.failures).into(),
        fleet.since_ns.into(),
    ];
    emit(&FLEET, &cells);
    for worker in fleet.workers.iter().flat_map(|workers| &workers.0) {
        let cells = [
            worker.number.into(),
            (&worker.address).into(),
            (&worker.status).into(),
            (&worker.class).into(),
            worker.paused.into(),
            worker.needs_operator.into(),
            worker.done.into(),
            worker.due_in_s.into(),
            (&worker.wait).into(),
            worker.last_ok.as_ref().into(),
            worker.last_try.as_ref().into(),
            worker.last_ok_age_s.into(),
            worker.last_try_age_s.into(),
            worker.last_failure.as_ref().into(),
            worker.clock_jumped.into(),
        ];
        emit(&WORKERS, &cells);
    }
    for pace in &fleet.pace.0 {
        let cells = [
            (&pace.event).into(),
            pace.last_ns.into(),
            pace.count.into(),
            pace.interval_s.into(),
        ];
        emit(&PACE, &cells);
    }
    for mark in &fleet.marks.0 {
        emit(&MARKS, &[mark.at_ns.into(), (&mark.text).into()]);
    }
    Ok(())
}

/// A row for each cell; a row of the table without cells, and a table without rows, have one that
/// says no more.
static ROWS: Table = Table {
    name: "rows",
    part: "",
    columns: &[
        column("table", Kind::Text),
        column("whole", Kind::Flag),
        column("row", Kind::Count),
        column("key", Kind::Text),
        column("column", Kind::Text),
        column("type", Kind::Text),
        column("value", Kind::Float),
        column("text", Kind::Text),
        SINCE,
    ],
};

pub fn rows(message: &RecordedMessage, emit: &mut Emit<'_>) -> Result<(), Why> {
    let table: RowsRecord<'_> = record(message)?;
    let mut put = |row: Option<u64>, key: Cell<'_>, column: Cell<'_>, value: [Cell<'_>; 3]| {
        let [kind, number, text] = value;
        let cells = [
            (&table.table).into(),
            table.whole.into(),
            row.into(),
            key,
            column,
            kind,
            number,
            text,
            table.since_ns.into(),
        ];
        emit(&ROWS, &cells);
    };
    const NOTHING: [Cell<'_>; 3] = [const { Cell::Empty }; 3];
    for (index, row) in (0..).zip(&table.rows.0) {
        for cell in &row.cells.0 {
            let value = value(&cell.value, cell.special.as_deref());
            put(Some(index), (&row.key).into(), (&cell.column).into(), value);
        }
        if row.cells.0.is_empty() {
            put(Some(index), (&row.key).into(), Cell::Empty, NOTHING);
        }
    }
    if table.rows.0.is_empty() {
        put(None, Cell::Empty, Cell::Empty, NOTHING);
    }
    Ok(())
}
