//! The loop behind the server, and everything that connections and answers share.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::civil::DateTime;
use jiff::{SignedDuration, ToSpan as _};
use serde_json::{Value, json};
use tokio::sync::{broadcast, watch};
use tokio::time::{Instant, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::fault::Fault;
use super::options::SimulatorOptions;
use super::workers::{Line, Workers};
use crate::model::SIMULATOR_HOSTNAME;
use crate::simulators::fault::Faults;
use crate::simulators::python_json::{Spelling, json as spelled, object};

/// Packets that may wait for a connection that does not read.
const OUTBOX: usize = 1_024;
/// Lines of the log that are kept.
const LOG_LINES: usize = 1_000;
/// What was received and is kept for whoever looks.
const RECEIVED: usize = 10_000;
/// How far the clock goes back when it jumps, in seconds of the feed.
const JUMP_S: f64 = 60.0;

/// The supervised fleet and its connections.
pub(super) struct Supervisor {
    pub(super) options: SimulatorOptions,
    pub(super) faults: watch::Sender<Faults<Fault>>,
    pub(super) cancel: CancellationToken,
    pub(super) tasks: TaskTracker,
    /// Events for every connection, as Socket.IO packets.
    pub(super) packets: broadcast::Sender<Arc<str>>,
    started: Instant,
    state: Mutex<State>,
    received: Mutex<VecDeque<String>>,
}

struct State {
    workers: Workers,
    turn: u64,
    /// Added to the server's clock.
    clock_s: f64,
    log: VecDeque<LogEntry>,
}

struct LogEntry {
    timestamp: String,
    message: String,
    full: String,
}

impl Supervisor {
    pub(super) fn new(options: SimulatorOptions) -> Self {
        let workers = Workers::new(&options, 0.0);
        Self {
            faults: watch::Sender::new(Faults::new(&options.faults)),
            options,
            cancel: CancellationToken::new(),
            tasks: TaskTracker::new(),
            packets: broadcast::Sender::new(OUTBOX),
            started: Instant::now(),
            state: Mutex::new(State {
                workers,
                turn: 0,
                clock_s: 0.0,
                log: VecDeque::new(),
            }),
            received: Mutex::default(),
        }
    }

    /// Runs a task until the simulator ends.
    pub(super) fn background(&self, task: impl Future<Output = ()> + Send + 'static) {
        let cancel = self.cancel.clone();
        self.tasks.spawn(async move {
            cancel.run_until_cancelled(task).await;
        });
    }

    pub(super) fn has(&self, fault: Fault) -> bool {
        self.faults.borrow().has(fault)
    }

    /// Faults that happen once happen now.
    pub(super) fn set_faults(&self, faults: Faults<Fault>) {
        let is_new = |fault| faults.has(fault) && !self.has(fault);
        let (restarts, jumps) = (is_new(Fault::Restart), is_new(Fault::ClockJump));
        let mut state = self.lock();
        if restarts {
            state.turn = 0;
            state.workers = Workers::new(&self.options, self.now_s(&state));
        }
        if jumps {
            state.clock_s -= JUMP_S;
        }
        drop(state);
        self.faults.send_replace(faults);
    }

    pub(super) fn note(&self, what: String) {
        let mut received = self.received.lock().unwrap_or_else(PoisonError::into_inner);
        if received.len() == RECEIVED {
            received.pop_front();
        }
        received.push_back(what);
    }

    pub(super) fn received(&self) -> Vec<String> {
        let received = self.received.lock().unwrap_or_else(PoisonError::into_inner);
        received.iter().cloned().collect()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The server's clock, in seconds of the feed.
    fn now_s(&self, state: &State) -> f64 {
        self.started.elapsed().as_secs_f64() * self.options.speed + state.clock_s
    }

    /// Turns until the end.
    pub(super) async fn turns(self: Arc<Self>) {
        let period = Duration::from_secs_f64(self.options.turn_s / self.options.speed);
        let mut turns = interval(period);
        turns.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            turns.tick().await;
            let is_still = [Fault::LoopDead, Fault::LoopStuck, Fault::Gone];
            if !is_still.into_iter().any(|fault| self.has(fault)) {
                self.turn();
            }
        }
    }

    fn turn(&self) {
        let mut state = self.lock();
        state.turn += 1;
        let now_s = self.now_s(&state);
        let mut lines = state.workers.work(&self.options, now_s);
        if state.turn.is_multiple_of(6) {
            let (turn, workers) = (state.turn, state.workers.len());
            lines.push(Line {
                level: "INFO",
                text: format!("💓 loop heartbeat #{turn}, active instances: {workers}"),
            });
        }
        for line in lines {
            self.log(&mut state, now_s, line);
        }
        if self.has(Fault::PushSlow) && !state.turn.is_multiple_of(6) {
            return;
        }
        self.push(
            "status_update",
            &[
                ("monitoring_active", true.into()),
                ("loop_count", state.turn.into()),
                ("active_instances", state.workers.len().into()),
            ],
        );
        if !self.has(Fault::PushHalf) {
            let mut totals = state.workers.totals();
            for (key, value) in &mut totals {
                if self.has(Fault::PushZero) {
                    *value = if value.is_f64() { 0.0.into() } else { 0.into() };
                } else if self.has(Fault::PushWrong) && *key == "failed_votes" {
                    *value = (state.workers.failed + 5).into();
                }
            }
            self.push("statistics_update", &totals);
        }
        let rows = state.workers.rows(now_s, time_text);
        self.push("instances_update", &[("instances", rows.into())]);
    }

    fn log(&self, state: &mut State, now_s: f64, line: Line) {
        let second = time_text(now_s.floor()).replace('T', " ");
        let timestamp = format!("{second},000");
        let full = format!("{timestamp} - fleet - {} - {}", line.level, line.text);
        self.push(
            "log_update",
            &[
                ("timestamp", time_text(now_s).into()),
                ("level", line.level.into()),
                ("message", full.as_str().into()),
            ],
        );
        if state.log.len() == LOG_LINES {
            state.log.pop_front();
        }
        state.log.push_back(LogEntry {
            timestamp,
            message: line.text,
            full,
        });
    }

    fn push(&self, event: &str, fields: &[(&str, Value)]) {
        if self.has(Fault::PushSilent) {
            return;
        }
        let packet = format!("42[\"{event}\",{}]", object(fields, Spelling::Tight));
        // Nobody there is nobody's loss.
        let _ = self.packets.send(packet.into());
    }

    /// The body of an answer; `None` where there is no such path.
    pub(super) fn answer(&self, path: &str) -> Option<String> {
        let state = self.lock();
        let now_s = self.now_s(&state);
        let workers = state.workers.len();
        let rows = || state.workers.rows(now_s, time_text);
        let value = match path {
            "/api/health" => json!({
                "status": "healthy", "monitoring_active": !self.has(Fault::LoopDead),
                "timestamp": time_text(now_s), "hostname": SIMULATOR_HOSTNAME,
            }),
            "/api/status" => json!({
                "monitoring_active": true, "total_instances": workers, "active_instances": rows(),
            }),
            "/api/statistics" => Value::Object(
                state
                    .workers
                    .totals()
                    .into_iter()
                    .map(|(k, v)| (k.to_owned(), v))
                    .collect(),
            ),
            "/api/instances" => {
                let mut rows = rows();
                for (row, number) in rows.iter_mut().zip(1..) {
                    row["session_id"] = format!("session_{number:03}").into();
                }
                json!({ "instances": rows, "total": workers })
            }
            "/api/logs" => {
                let lines = state.log.iter().map(|line| {
                    json!({
                        "timestamp": line.timestamp, "message": line.message, "full": line.full,
                    })
                });
                let lines: Vec<Value> = lines.collect();
                json!({ "status": "success", "count": lines.len(), "logs": lines })
            }
            _ => return None,
        };
        Some(spelled(&value, Spelling::Tight) + "\n")
    }
}

/// A moment on the server's clock as it writes it: local time without a zone.
fn time_text(s: f64) -> String {
    let base = DateTime::constant(2026, 1, 5, 9, 0, 0, 0);
    let moment = SignedDuration::try_from_secs_f64(s)
        .ok()
        .and_then(|since| base.checked_add(since).ok())
        .unwrap_or_else(|| base.saturating_add(0.seconds()));
    let micros = moment.subsec_nanosecond() / 1_000;
    let whole = moment.strftime("%Y-%m-%dT%H:%M:%S");
    match micros {
        0 => whole.to_string(),
        micros => format!("{whole}.{micros:06}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Source: captured session `flask-stats`, its first turn.
    #[test]
    fn pushes_have_the_captured_form() {
        let supervisor = Supervisor::new(SimulatorOptions::default());
        let mut packets = supervisor.packets.subscribe();
        supervisor.turn();
        let mut next = || packets.try_recv().unwrap();
        let log = next();
        assert!(
            log.starts_with(r#"42["log_update",{"timestamp":"2026-01-05T09:00:00"#),
            "{log}"
        );
        assert!(log.contains(r"\u"), "{log}");
        assert_eq!(
            &*next(),
            r#"42["status_update",{"monitoring_active":true,"loop_count":1,"active_instances":6}]"#
        );
        let totals = next();
        assert!(
            totals.starts_with(r#"42["statistics_update",{"total_attempts":1,"successful_votes":"#),
            "{totals}"
        );
        assert!(next().starts_with(r#"42["instances_update",{"instances":[{"#));
    }

    #[test]
    fn answers_are_those_of_the_list_alone() {
        let supervisor = Supervisor::new(SimulatorOptions::default());
        let answer = supervisor.answer("/api/statistics").unwrap();
        assert!(
            answer.starts_with(r#"{"active_instances":6,"failed_votes":0,"#),
            "{answer}"
        );
        assert!(answer.ends_with("}\n"));
        assert_eq!(supervisor.answer("/api/config"), None);
    }
}
