//! From the records of fleets and live tables back to what was said.

use std::borrow::Cow;
use std::sync::Arc;

use super::{Moments, find, json};
use crate::model::{
    EventPace, FiguresFrom, Fleet, FleetMark, FleetTotals, FleetVerdict, Payload, PlainText, Probe,
    Row, Rows, Value, Worker, WorkerClass, WorkerWait,
};
use crate::recording::records::{
    CellRecord, FleetRecord, Number, PaceRecord, ProbeRecord, RowRecord, RowsRecord, TotalsRecord,
    WorkerRecord, special_value,
};

/// What is known of a fleet.
pub fn fleet(data: &[u8], moments: Moments) -> Result<Payload, String> {
    let record: FleetRecord<'_> = json(data)?;
    let workers = record.workers.map(|list| list.0.into_iter().map(worker));
    let fleet = Fleet {
        verdict: find(&FleetVerdict::ALL, FleetVerdict::as_str, &record.verdict)?,
        verdict_since: moments.at(record.verdict_since_ns),
        evidence: plain(record.evidence),
        is_supervising: record.supervising,
        turn: record.turn,
        figures_from: find(&FiguresFrom::ALL, FiguresFrom::as_str, &record.figures_from)?,
        totals: record.totals.map(totals),
        totals_at: record.totals_at_ns.map(|ns| moments.at(ns)),
        heartbeat: record.heartbeat_ns.map(|ns| moments.at(ns)),
        workers: workers.map(Iterator::collect::<Result<_, _>>).transpose()?,
        workers_at: record.workers_at_ns.map(|ns| moments.at(ns)),
        pace: record
            .pace
            .0
            .into_iter()
            .map(|p| pace(p, moments))
            .collect(),
        probe: record.probe.map(|record| probe(record, moments)),
        marks: record
            .marks
            .0
            .into_iter()
            .map(|mark| FleetMark {
                at: moments.at(mark.at_ns),
                text: plain(mark.text),
            })
            .collect(),
    };
    Ok(Payload::Fleet(Arc::new(fleet)))
}

/// Rows of a table.
pub fn rows(data: &[u8]) -> Result<Payload, String> {
    let record: RowsRecord<'_> = json(data)?;
    Ok(Payload::Rows(Arc::new(Rows {
        table: plain(record.table),
        rows: record.rows.0.into_iter().map(row).collect(),
        is_whole: record.whole,
    })))
}

fn plain(text: Cow<'_, str>) -> PlainText {
    PlainText::from_peer(&text)
}

fn totals(record: TotalsRecord) -> FleetTotals {
    FleetTotals {
        attempts: record.attempts,
        succeeded: record.succeeded,
        failed: record.failed,
        limited: record.limited,
        success_percent: record.success_percent.map(|Number(number)| number),
        is_percent_wrong: record.percent_wrong,
        workers: record.workers,
    }
}

fn worker(record: WorkerRecord<'_>) -> Result<Worker, String> {
    Ok(Worker {
        number: record.number,
        address: plain(record.address),
        status: plain(record.status),
        class: find(&WorkerClass::ALL, WorkerClass::as_str, &record.class)?,
        is_paused: record.paused,
        needs_operator: record.needs_operator,
        done: record.done,
        due_in_s: record.due_in_s,
        wait: find(&WorkerWait::ALL, WorkerWait::as_str, &record.wait)?,
        last_ok: record.last_ok.map(plain),
        last_try: record.last_try.map(plain),
        last_ok_age_s: record.last_ok_age_s,
        last_try_age_s: record.last_try_age_s,
        last_failure: record.last_failure.map(plain),
        clock_jumped: record.clock_jumped,
    })
}

fn pace(record: PaceRecord<'_>, moments: Moments) -> EventPace {
    EventPace {
        event: plain(record.event),
        last: record.last_ns.map(|ns| moments.at(ns)),
        count: record.count,
        interval_s: record.interval_s.map(|Number(number)| number),
    }
}

fn probe(record: ProbeRecord<'_>, moments: Moments) -> Probe {
    Probe {
        at: moments.at(record.at_ns),
        outcome: match record.failure {
            None => Ok(()),
            Some(why) => Err(plain(why)),
        },
        moved: record.moved,
        failures: record.failures,
    }
}

fn row(record: RowRecord<'_>) -> Row {
    Row {
        key: plain(record.key),
        cells: record.cells.0.into_iter().map(cell).collect(),
    }
}

fn cell(record: CellRecord<'_>) -> (PlainText, Value) {
    let value = match record.special {
        Some(name) => Value::Float(special_value(&name)),
        None => record.value.0,
    };
    (plain(record.column), value)
}
