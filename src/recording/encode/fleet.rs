//! Fleets and live tables as records.

use std::borrow::Cow;

use super::Encoder;
use crate::model::{
    EventPace, Fleet, FleetMark, FleetTotals, PlainText, Probe, Row, Rows, Value, Worker,
};
use crate::recording::records::{
    CellRecord, FleetRecord, List, MarkRecord, Number, PaceRecord, ProbeRecord, RowRecord,
    RowsRecord, TotalsRecord, ValueRecord, WorkerRecord, special_name,
};

impl Encoder {
    /// Appends what is known of a fleet; `since_ns` if it was known before the recording.
    pub fn fleet(&mut self, fleet: &Fleet, since_ns: Option<u64>) {
        let workers = fleet.workers.as_ref();
        self.json(&FleetRecord {
            verdict: Cow::Borrowed(fleet.verdict.as_str()),
            verdict_since_ns: fleet.verdict_since.unix_ns,
            evidence: Cow::Borrowed(&fleet.evidence),
            supervising: fleet.is_supervising,
            turn: fleet.turn,
            figures_from: Cow::Borrowed(fleet.figures_from.as_str()),
            totals: fleet.totals.as_ref().map(totals),
            totals_at_ns: fleet.totals_at.map(|at| at.unix_ns),
            heartbeat_ns: fleet.heartbeat.map(|at| at.unix_ns),
            workers: workers.map(|workers| List(workers.iter().map(worker).collect())),
            workers_at_ns: fleet.workers_at.map(|at| at.unix_ns),
            pace: List(fleet.pace.iter().map(pace).collect()),
            probe: fleet.probe.as_ref().map(probe),
            marks: List(fleet.marks.iter().map(mark).collect()),
            since_ns,
        });
    }

    /// Appends rows of a table; `since_ns` if they are all that stood there before the recording.
    pub fn rows(&mut self, rows: &Rows, since_ns: Option<u64>) {
        self.json(&RowsRecord {
            table: Cow::Borrowed(&rows.table),
            whole: rows.is_whole,
            rows: List(rows.rows.iter().map(row).collect()),
            since_ns,
        });
    }
}

fn totals(totals: &FleetTotals) -> TotalsRecord {
    TotalsRecord {
        attempts: totals.attempts,
        succeeded: totals.succeeded,
        failed: totals.failed,
        limited: totals.limited,
        success_percent: totals.success_percent.map(Number),
        percent_wrong: totals.is_percent_wrong,
        workers: totals.workers,
    }
}

fn worker(worker: &Worker) -> WorkerRecord<'_> {
    let text = |text: &'_ Option<PlainText>| text.as_ref().map(|t| Cow::Owned(t.to_string()));
    WorkerRecord {
        number: worker.number,
        address: Cow::Borrowed(&worker.address),
        status: Cow::Borrowed(&worker.status),
        class: Cow::Borrowed(worker.class.as_str()),
        paused: worker.is_paused,
        needs_operator: worker.needs_operator,
        done: worker.done,
        due_in_s: worker.due_in_s,
        wait: Cow::Borrowed(worker.wait.as_str()),
        last_ok: text(&worker.last_ok),
        last_try: text(&worker.last_try),
        last_ok_age_s: worker.last_ok_age_s,
        last_try_age_s: worker.last_try_age_s,
        last_failure: text(&worker.last_failure),
        clock_jumped: worker.clock_jumped,
    }
}

fn pace(pace: &EventPace) -> PaceRecord<'_> {
    PaceRecord {
        event: Cow::Borrowed(&pace.event),
        last_ns: pace.last.map(|at| at.unix_ns),
        count: pace.count,
        interval_s: pace.interval_s.map(Number),
    }
}

fn probe(probe: &Probe) -> ProbeRecord<'_> {
    ProbeRecord {
        at_ns: probe.at.unix_ns,
        failure: match &probe.outcome {
            Ok(()) => None,
            Err(why) => Some(Cow::Borrowed(why)),
        },
        moved: probe.moved,
        failures: probe.failures,
    }
}

fn mark(mark: &FleetMark) -> MarkRecord<'_> {
    MarkRecord {
        at_ns: mark.at.unix_ns,
        text: Cow::Borrowed(&mark.text),
    }
}

fn row(row: &Row) -> RowRecord<'_> {
    RowRecord {
        key: Cow::Borrowed(&row.key),
        cells: List(row.cells.iter().map(cell).collect()),
    }
}

fn cell((column, value): &(PlainText, Value)) -> CellRecord<'_> {
    CellRecord {
        column: Cow::Borrowed(column),
        value: ValueRecord(value.clone()),
        special: special_name(value).map(Cow::Borrowed),
    }
}
