//! From JSON to neutral values. Unknown keys are passed over, any key may be missing, and a value
//! of the wrong kind is counted and left out: the rest is used.

use serde_json::{Map, Value};

use super::profile::{EventKind, Key, Profile};
use super::status::{class_of, wait_of};
use crate::model::{FleetTotals, LogLine, PlainText, Worker};

/// Workers that are kept; more are counted and left out.
const MOST_WORKERS: usize = 4_096;
/// Longest text that is kept of a peer, in bytes.
const LONGEST_TEXT: usize = 512;

/// What was read, and what in it was wrong.
#[derive(Clone, Debug, PartialEq)]
pub struct Decoded<T> {
    /// What could be used.
    pub value: T,
    /// What could not.
    pub wrong: Wrong,
}

/// Values that were of the wrong kind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wrong {
    /// How many.
    pub count: u64,
    /// The first of them, for people.
    pub first: Option<PlainText>,
}

impl Wrong {
    fn add(&mut self, key: &str, wanted: &str, found: &Value) {
        self.count = self.count.saturating_add(1);
        if self.first.is_none() {
            let kind = kind_of(found);
            self.first = Some(PlainText::from(format!(
                "\"{key}\" is {kind}, not {wanted}"
            )));
        }
    }

    fn too_many(&mut self, left_out: usize) {
        let left_out = u64::try_from(left_out).unwrap_or(u64::MAX);
        self.count = self.count.saturating_add(left_out);
        let text = format!("{left_out} workers more than {MOST_WORKERS} are left out");
        self.first.get_or_insert_with(|| PlainText::from(text));
    }

    /// Both together.
    pub(super) fn join(&mut self, other: Self) {
        self.count = self.count.saturating_add(other.count);
        self.first = self.first.take().or(other.first);
    }
}

/// An event, read.
#[derive(Clone, Debug, PartialEq)]
pub enum Report {
    /// The supervisor's loop.
    Loop(LoopState),
    /// The totals.
    Totals(FleetTotals),
    /// The workers, sorted.
    Workers(Vec<Worker>),
    /// A line of the log, and the server's time beside it.
    Log(LogLine, Option<PlainText>),
    /// A greeting, or a worker that was started.
    Other,
}

/// The supervisor's loop, as one event says it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LoopState {
    /// Whether it runs.
    pub is_supervising: Option<bool>,
    /// Its turns.
    pub turn: Option<u64>,
    /// Workers.
    pub workers: Option<u64>,
}

impl LoopState {
    /// Whether it is of a turn; else the loop was started or stopped between the turns.
    pub fn is_turn(self) -> bool {
        self.turn.is_some() || self.workers.is_some()
    }
}

/// Reads an event; `Err` where it is nothing that could be one.
pub(super) fn event(
    kind: EventKind,
    array: &[u8],
    profile: &Profile,
) -> Result<Decoded<Report>, PlainText> {
    let name = profile.event(kind);
    let arguments: Vec<Value> = serde_json::from_slice(array)
        .map_err(|error| PlainText::from(format!("{name} cannot be read: {error}")))?;
    let mut wrong = Wrong::default();
    let value = match (kind, arguments.get(1)) {
        (EventKind::Connected | EventKind::WorkerStarted, _) => Report::Other,
        (_, Some(Value::Object(map))) => {
            let mut fields = Fields {
                map,
                profile,
                wrong: &mut wrong,
            };
            match kind {
                EventKind::Status => Report::Loop(fields.loop_state()),
                EventKind::Statistics => Report::Totals(fields.totals()),
                EventKind::Workers => Report::Workers(fields.rows()),
                EventKind::Log => fields.log(),
                EventKind::Connected | EventKind::WorkerStarted => Report::Other,
            }
        }
        (_, other) => {
            let kind = other.map_or("nothing", kind_of);
            return Err(format!("{name} holds {kind} where an object should be").into());
        }
    };
    Ok(Decoded { value, wrong })
}

/// Reads the answer to the question for the totals.
pub(super) fn totals(body: &[u8], profile: &Profile) -> Result<Decoded<FleetTotals>, PlainText> {
    answer(body, profile, |fields| fields.totals())
}

/// Reads the answer to the question for the workers.
pub(super) fn rows(body: &[u8], profile: &Profile) -> Result<Decoded<Vec<Worker>>, PlainText> {
    answer(body, profile, |fields| fields.rows())
}

/// Reads the answer to the question for the server's health: whether the loop runs, and the
/// server's time.
pub(super) fn health(body: &[u8], profile: &Profile) -> Result<Decoded<Health>, PlainText> {
    answer(body, profile, |fields| Health {
        is_supervising: fields.boolean(Key::Supervising),
        time: fields.text(Key::Time),
        host: fields.text(Key::Host),
    })
}

fn answer<T>(
    body: &[u8],
    profile: &Profile,
    read: impl FnOnce(&mut Fields<'_>) -> T,
) -> Result<Decoded<T>, PlainText> {
    let value: Value = serde_json::from_slice(body)
        .map_err(|error| PlainText::from(format!("the answer is no JSON: {error}")))?;
    let Value::Object(map) = &value else {
        return Err(format!("the answer is {}, not an object", kind_of(&value)).into());
    };
    let mut wrong = Wrong::default();
    let value = read(&mut Fields {
        map,
        profile,
        wrong: &mut wrong,
    });
    Ok(Decoded { value, wrong })
}

/// What the server says of its own health.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Health {
    /// Whether the loop runs.
    pub(super) is_supervising: Option<bool>,
    /// Its time.
    pub(super) time: Option<PlainText>,
    /// Its name; our simulators say theirs.
    pub(super) host: Option<PlainText>,
}

/// One object, its keys asked for by neutral names.
struct Fields<'a> {
    map: &'a Map<String, Value>,
    profile: &'a Profile,
    wrong: &'a mut Wrong,
}

impl Fields<'_> {
    /// The value under a key, unless there is none; what `read` cannot use is counted.
    fn get<T>(&mut self, key: Key, wanted: &str, read: impl Fn(&Value) -> Option<T>) -> Option<T> {
        let name = self.profile.key(key);
        let value = self.map.get(name).filter(|value| !value.is_null())?;
        let found = read(value);
        if found.is_none() {
            self.wrong.add(name, wanted, value);
        }
        found
    }

    fn count(&mut self, key: Key) -> Option<u64> {
        self.get(key, "a count", Value::as_u64)
    }

    fn boolean(&mut self, key: Key) -> Option<bool> {
        self.get(key, "true or false", Value::as_bool)
    }

    fn text(&mut self, key: Key) -> Option<PlainText> {
        self.get(key, "text", |value| value.as_str().map(short))
    }

    fn loop_state(&mut self) -> LoopState {
        LoopState {
            is_supervising: self.boolean(Key::Supervising),
            turn: self.count(Key::Turn),
            workers: self.count(Key::Workers),
        }
    }

    fn totals(&mut self) -> FleetTotals {
        let (attempts, succeeded) = (self.count(Key::Attempts), self.count(Key::Succeeded));
        let success_percent = self.get(Key::SuccessRate, "a number", Value::as_f64);
        FleetTotals {
            attempts,
            succeeded,
            failed: self.count(Key::Failed),
            limited: self.count(Key::Limited),
            success_percent,
            is_percent_wrong: is_percent_wrong(attempts, succeeded, success_percent),
            workers: self.count(Key::Workers),
        }
    }

    fn rows(&mut self) -> Vec<Worker> {
        let name = self.profile.key(Key::Rows);
        let items = match self.map.get(name) {
            None | Some(Value::Null) => return Vec::new(),
            Some(Value::Array(items)) => items,
            Some(other) => {
                self.wrong.add(name, "a list", other);
                return Vec::new();
            }
        };
        let mut rows = Vec::new();
        for item in items.iter().take(MOST_WORKERS) {
            match item {
                Value::Object(map) => rows.push(
                    Fields {
                        map,
                        profile: self.profile,
                        wrong: &mut *self.wrong,
                    }
                    .row(),
                ),
                other => self.wrong.add(name, "a list of objects", other),
            }
        }
        if let Some(more @ 1..) = items.len().checked_sub(MOST_WORKERS) {
            self.wrong.too_many(more);
        }
        // Rows of one number keep the server's order.
        rows.sort_by_key(|row: &Worker| row.number.unwrap_or(i64::MAX));
        rows
    }

    fn row(&mut self) -> Worker {
        // The answer has a word where the event has nothing.
        let number = self.get(Key::Number, "a number", |value| match value {
            Value::String(word) if word == "Unknown" => Some(None),
            other => other.as_i64().map(Some),
        });
        let status = self.text(Key::Status).unwrap_or_else(|| "".into());
        let failure_kind = self.text(Key::FailureKind);
        Worker {
            number: number.flatten(),
            address: self.text(Key::Address).unwrap_or_else(|| "".into()),
            class: class_of(&status),
            status,
            is_paused: self.boolean(Key::Paused).unwrap_or(false),
            needs_operator: self.boolean(Key::NeedsOperator).unwrap_or(false),
            done: self.count(Key::Done),
            due_in_s: self.count(Key::DueIn),
            wait: wait_of(failure_kind.as_deref()),
            last_ok: self.text(Key::LastOk),
            last_try: self.text(Key::LastTry),
            last_ok_age_s: None,
            last_try_age_s: None,
            last_failure: self.text(Key::FailureReason).or(failure_kind),
            clock_jumped: false,
        }
    }

    fn log(&mut self) -> Report {
        let level = self.text(Key::Level);
        let line = self.text(Key::Message);
        let time = self.text(Key::Time);
        let line = super::split_log_line(line.as_deref().unwrap_or_default(), level.as_deref());
        Report::Log(line, time)
    }
}

/// Whether the sent per cent differ from succeeded / attempts by more than 0.01.
///
/// Source: statistics-feed specification, section 1.1.
#[expect(clippy::cast_precision_loss)] // counts stay far below 2^52
fn is_percent_wrong(attempts: Option<u64>, succeeded: Option<u64>, sent: Option<f64>) -> bool {
    let (Some(attempts), Some(succeeded), Some(sent)) = (attempts, succeeded, sent) else {
        return false;
    };
    let meant = match attempts {
        0 => 0.0,
        attempts => succeeded as f64 / attempts as f64 * 100.0,
    };
    (sent - meant).abs() > 0.01
}

/// A peer's text, no longer than is worth keeping.
pub(super) fn short(text: &str) -> PlainText {
    match text.get(..text.floor_char_boundary(LONGEST_TEXT)) {
        Some(head) if head.len() < text.len() => PlainText::from(format!("{head}…")),
        _ => PlainText::from_peer(text),
    }
}

fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

#[cfg(test)]
#[allow(clippy::indexing_slicing, clippy::arithmetic_side_effects)]
mod tests {
    use super::*;
    use crate::model::{Severity, WorkerClass, WorkerWait};

    fn read(kind: EventKind, array: &str) -> Result<Decoded<Report>, PlainText> {
        event(kind, array.as_bytes(), &Profile::default())
    }

    fn workers(array: &str) -> (Vec<Worker>, Wrong) {
        match read(EventKind::Workers, array) {
            Ok(Decoded {
                value: Report::Workers(rows),
                wrong,
            }) => (rows, wrong),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn every_key_may_be_missing_and_unknown_ones_are_passed_over() {
        let (rows, wrong) = workers(r#"["instances_update",{"instances":[{}],"new":{"x":1}}]"#);
        assert_eq!((rows.len(), wrong.count), (1, 0));
        assert_eq!(rows[0].number, None);
        for kind in [EventKind::Status, EventKind::Statistics, EventKind::Log] {
            let found = read(kind, r#"["x",{}]"#).unwrap();
            assert_eq!(found.wrong, Wrong::default(), "{kind:?}");
        }
        assert_eq!(workers(r#"["instances_update",{}]"#).0, []);
    }

    #[test]
    fn values_of_the_wrong_kind_are_counted_and_the_rest_is_used() {
        let (rows, wrong) = workers(
            r#"["instances_update",{"instances":[
                {"instance_id":"x","ip":7,"status":"Ready","vote_count":-1,"is_paused":"no"},
                3,
                {"instance_id":2,"ip":"192.0.2.12","seconds_remaining":1.5}]}]"#,
        );
        assert_eq!(wrong.count, 6);
        assert_eq!(
            wrong.first.as_deref(),
            Some("\"instance_id\" is text, not a number")
        );
        assert_eq!(rows.len(), 2);
        assert_eq!(&*rows[0].address, "192.0.2.12");
        assert_eq!(&*rows[1].status, "Ready");
    }

    #[test]
    fn what_is_no_object_is_no_event() {
        for (array, part) in [
            (r#"["status_update"]"#, "holds nothing"),
            (r#"["status_update",[1]]"#, "holds a list"),
            ("{", "cannot be read"),
            ("7", "cannot be read"),
        ] {
            let error = read(EventKind::Status, array).unwrap_err();
            assert!(error.contains(part), "{array}: {error}");
        }
    }

    #[test]
    fn workers_are_sorted_and_those_without_a_number_come_last() {
        let (rows, wrong) = workers(
            r#"["instances_update",{"instances":[
                {"instance_id":null,"ip":"a"},{"instance_id":"Unknown","ip":"b"},
                {"instance_id":12,"ip":"c"},{"instance_id":2,"ip":"d"},{"instance_id":2,"ip":"e"}]}]"#,
        );
        let order: Vec<&str> = rows.iter().map(|row| &*row.address).collect();
        assert_eq!(order, ["d", "e", "c", "a", "b"]);
        assert_eq!(wrong.count, 0);
    }

    #[test]
    fn a_row_is_read_in_neutral_words() {
        let (rows, _) = workers(
            r#"["instances_update",{"instances":[{"instance_id":1,"ip":"192.0.2.11",
                "status":"\u23f3 Cooldown (31 min)","is_paused":true,"waiting_for_login":true,
                "vote_count":4,"seconds_remaining":1282,"last_successful_vote":null,
                "last_attempted_vote":"2026-01-05T09:31:40","last_failure_reason":"why",
                "last_failure_type":"ip_cooldown"}]}]"#,
        );
        let worker = &rows[0];
        assert_eq!(worker.class, WorkerClass::Waiting);
        assert_eq!(worker.wait, WorkerWait::CoolDown);
        assert_eq!((worker.done, worker.due_in_s), (Some(4), Some(1282)));
        assert!(worker.is_paused && worker.needs_operator);
        assert_eq!(worker.last_failure.as_deref(), Some("why"));
    }

    #[test]
    fn per_cent_are_recomputed() {
        for (attempts, succeeded, sent, wrong) in [
            (Some(7), Some(6), Some(85.714_285_714), false),
            (Some(7), Some(6), Some(85.70), true),
            (Some(7), Some(6), Some(85.71), false),
            (Some(0), Some(0), Some(0.0), false),
            (Some(0), Some(0), Some(100.0), true),
            (None, Some(1), Some(3.0), false),
            (Some(7), Some(6), None, false),
        ] {
            assert_eq!(
                is_percent_wrong(attempts, succeeded, sent),
                wrong,
                "{sent:?}"
            );
        }
    }

    #[test]
    fn a_log_event_is_a_line_with_its_level() {
        let array = r#"["log_update",{"timestamp":"2026-01-05T09:00:40.032007","level":"ERROR",
            "message":"2026-01-05 09:00:40,000 - fleet - INFO - \u2705 done\u001b[2J"}]"#;
        let Ok(Decoded {
            value: Report::Log(line, time),
            ..
        }) = read(EventKind::Log, array)
        else {
            panic!("no line");
        };
        assert_eq!(
            (line.severity, &*line.text),
            (Severity::Error, "✅ done␛[2J")
        );
        assert_eq!(time.as_deref(), Some("2026-01-05T09:00:40.032007"));
    }

    #[test]
    fn a_flood_of_workers_and_text_is_bounded() {
        let row = format!(r#"{{"status":"{}"}}"#, "é".repeat(LONGEST_TEXT));
        let list = vec![row; MOST_WORKERS + 3].join(",");
        let (rows, wrong) = workers(&format!(r#"["instances_update",{{"instances":[{list}]}}]"#));
        assert_eq!((rows.len(), wrong.count), (MOST_WORKERS, 3));
        assert!(rows[0].status.len() <= LONGEST_TEXT + 3);
    }
}
