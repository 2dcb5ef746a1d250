//! The records of fleets and of live tables. Moments are Unix nanoseconds.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::{List, Number, ValueRecord};

/// Rows or columns that are read at most: more than any table on the screen.
pub const MAX_ROWS: usize = 100_000;

/// Everything known of a fleet.
#[derive(Debug, Serialize, Deserialize)]
pub struct FleetRecord<'a> {
    /// Whether what is pushed can be believed.
    #[serde(borrow)]
    pub verdict: Cow<'a, str>,
    /// Since when it is so.
    pub verdict_since_ns: u64,
    /// What it rests on.
    #[serde(borrow)]
    pub evidence: Cow<'a, str>,
    /// Whether the supervisor's loop runs.
    pub supervising: Option<bool>,
    /// Turns of the supervisor's loop.
    pub turn: Option<u64>,
    /// `push` or `rest`.
    #[serde(borrow)]
    pub figures_from: Cow<'a, str>,
    /// Totals since the process started.
    pub totals: Option<TotalsRecord>,
    /// When the totals were received.
    pub totals_at_ns: Option<u64>,
    /// When the connection last beat.
    #[serde(default)]
    pub heartbeat_ns: Option<u64>,
    /// The workers.
    #[serde(borrow)]
    pub workers: Option<List<WorkerRecord<'a>, MAX_ROWS>>,
    /// When the workers were received.
    pub workers_at_ns: Option<u64>,
    /// How the expected events come.
    #[serde(borrow)]
    pub pace: List<PaceRecord<'a>>,
    /// The last cross-check.
    #[serde(borrow)]
    pub probe: Option<ProbeRecord<'a>>,
    /// Restarts, lost pushes, clock jumps.
    #[serde(borrow)]
    pub marks: List<MarkRecord<'a>>,
    /// Received before the recording began, at this time, and still true then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since_ns: Option<u64>,
}

/// Totals since the process started.
#[derive(Debug, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct TotalsRecord {
    pub attempts: Option<u64>,
    pub succeeded: Option<u64>,
    pub failed: Option<u64>,
    pub limited: Option<u64>,
    /// As sent.
    pub success_percent: Option<Number>,
    /// The sent per cent differ from succeeded / attempts.
    pub percent_wrong: bool,
    pub workers: Option<u64>,
}

/// One worker.
#[derive(Debug, Serialize, Deserialize)]
pub struct WorkerRecord<'a> {
    /// Its number.
    pub number: Option<i64>,
    /// Its address.
    #[serde(borrow)]
    pub address: Cow<'a, str>,
    /// The server's words.
    #[serde(borrow)]
    pub status: Cow<'a, str>,
    /// What kind of words.
    #[serde(borrow)]
    pub class: Cow<'a, str>,
    /// Somebody paused it.
    pub paused: bool,
    /// Somebody has to look after it.
    pub needs_operator: bool,
    /// Units done.
    pub done: Option<u64>,
    /// Seconds until it is due, when the list was received.
    pub due_in_s: Option<u64>,
    /// What it waits for.
    #[serde(borrow)]
    pub wait: Cow<'a, str>,
    /// The server's own time of its last success.
    #[serde(borrow)]
    pub last_ok: Option<Cow<'a, str>>,
    /// The server's own time of its last attempt.
    #[serde(borrow)]
    pub last_try: Option<Cow<'a, str>>,
    /// Seconds since its last success.
    pub last_ok_age_s: Option<u64>,
    /// Seconds since its last attempt.
    pub last_try_age_s: Option<u64>,
    /// Why it last failed.
    #[serde(borrow)]
    pub last_failure: Option<Cow<'a, str>>,
    /// The countdown jumped against our clock.
    pub clock_jumped: bool,
}

/// How an expected event comes.
#[derive(Debug, Serialize, Deserialize)]
pub struct PaceRecord<'a> {
    /// The event's name.
    #[serde(borrow)]
    pub event: Cow<'a, str>,
    /// When it came last.
    pub last_ns: Option<u64>,
    /// How often it came.
    pub count: u64,
    /// Learned seconds from one to the next.
    pub interval_s: Option<Number>,
}

/// What a cross-check found.
#[derive(Debug, Serialize, Deserialize)]
pub struct ProbeRecord<'a> {
    /// When it was answered.
    pub at_ns: u64,
    /// The sentence of its failure; `null` if it was answered.
    #[serde(borrow)]
    pub failure: Option<Cow<'a, str>>,
    /// Whether the figures moved since the one before.
    pub moved: bool,
    /// Failures in a row.
    pub failures: u32,
}

/// Something that happened to a fleet's figures.
#[derive(Debug, Serialize, Deserialize)]
pub struct MarkRecord<'a> {
    /// When.
    pub at_ns: u64,
    /// What.
    #[serde(borrow)]
    pub text: Cow<'a, str>,
}

/// Rows of a live table.
#[derive(Debug, Serialize, Deserialize)]
pub struct RowsRecord<'a> {
    /// The table.
    #[serde(borrow)]
    pub table: Cow<'a, str>,
    /// These are all rows there are.
    pub whole: bool,
    /// The rows, in the order received.
    #[serde(borrow)]
    pub rows: List<RowRecord<'a>, MAX_ROWS>,
    /// The rows as they stood when the recording began; last changed at this time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since_ns: Option<u64>,
}

/// One row.
#[derive(Debug, Serialize, Deserialize)]
pub struct RowRecord<'a> {
    /// What it is known by.
    #[serde(borrow)]
    pub key: Cow<'a, str>,
    /// Columns and what stands there.
    #[serde(borrow)]
    pub cells: List<CellRecord<'a>>,
}

/// One cell.
#[derive(Debug, Serialize, Deserialize)]
pub struct CellRecord<'a> {
    /// The column.
    #[serde(borrow)]
    pub column: Cow<'a, str>,
    /// The value; `null` if it is not finite.
    pub value: ValueRecord,
    /// Which number `null` stands for.
    #[serde(default, borrow, skip_serializing_if = "Option::is_none")]
    pub special: Option<Cow<'a, str>>,
}
