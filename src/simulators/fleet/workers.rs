//! The invented workers: the same run every time, with every kind of status in it.

use serde_json::{Value, json};

use super::options::SimulatorOptions;

/// Seconds of the feed between the first tries of neighbours, in turns.
const STAGGER_TURNS: f64 = 3.5;

/// The fleet.
pub(super) struct Workers {
    workers: Vec<Worker>,
    pub(super) attempts: u64,
    pub(super) succeeded: u64,
    pub(super) failed: u64,
    pub(super) limited: u64,
}

struct Worker {
    number: u64,
    status: &'static str,
    paused: bool,
    login: bool,
    tries: u64,
    done: u64,
    due_s: f64,
    is_waiting: bool,
    last_ok_s: Option<f64>,
    last_try_s: Option<f64>,
    failure: Option<(&'static str, &'static str)>,
}

/// A line for the server's log.
pub(super) struct Line {
    pub(super) level: &'static str,
    pub(super) text: String,
}

impl Workers {
    /// Before the first turn, which is at `now_s` on the server's clock.
    pub(super) fn new(options: &SimulatorOptions, now_s: f64) -> Self {
        let workers = (1..=u64::from(options.workers)).map(|number| Worker {
            number,
            status: "Initializing",
            paused: false,
            login: false,
            tries: 0,
            done: 0,
            due_s: now_s + (number - 1) as f64 * options.turn_s * STAGGER_TURNS,
            is_waiting: false,
            last_ok_s: None,
            last_try_s: None,
            failure: None,
        });
        Self {
            workers: workers.collect(),
            attempts: 0,
            succeeded: 0,
            failed: 0,
            limited: 0,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.workers.len()
    }

    /// Everybody who is due tries.
    pub(super) fn work(&mut self, options: &SimulatorOptions, now_s: f64) -> Vec<Line> {
        let mut lines = Vec::new();
        for worker in &mut self.workers {
            if now_s < worker.due_s || worker.paused || worker.login {
                continue;
            }
            worker.tries += 1;
            worker.is_waiting = true;
            worker.last_try_s = Some(now_s);
            self.attempts += 1;
            let number = worker.number;
            let mut say = |level, text: String| lines.push(Line { level, text });
            // Scattered, and the same in every run.
            match (number * 7 + worker.tries * 11) % 12 {
                0..=6 => {
                    self.succeeded += 1;
                    worker.done += 1;
                    worker.last_ok_s = Some(now_s);
                    worker.failure = None;
                    worker.status = "✅ Success";
                    worker.due_s = now_s + options.long_wait_s;
                    let done = worker.done;
                    say(
                        "INFO",
                        format!("✅ worker #{number} finished, count {done}"),
                    );
                }
                7 | 8 => {
                    self.failed += 1;
                    worker.failure = Some(("technical", "Could not find the target element"));
                    worker.status = "🔄 Retry in 5 min";
                    worker.due_s = now_s + options.short_wait_s;
                    say("WARNING", format!("⚠️ worker #{number} failed: technical"));
                }
                9 | 10 => {
                    self.failed += 1;
                    self.limited += 1;
                    worker.failure = Some(("ip_cooldown", "Cooldown detected"));
                    worker.status = "⏳ Cooldown (31 min)";
                    worker.due_s = now_s + options.long_wait_s;
                    say("INFO", format!("⏳ worker #{number} is cooling down"));
                }
                _ => {
                    self.failed += 1;
                    worker.login = true;
                    worker.failure = Some(("login", "Session expired"));
                    worker.status = "🔑 Waiting for Login";
                    say("ERROR", format!("🔑 worker #{number} needs an operator"));
                }
            }
        }
        lines
    }

    /// The totals, in the order of the pushed object.
    pub(super) fn totals(&self) -> [(&'static str, Value); 6] {
        let rate = match self.attempts {
            0 => 0.0,
            attempts => self.succeeded as f64 / attempts as f64 * 100.0,
        };
        [
            ("total_attempts", self.attempts.into()),
            ("successful_votes", self.succeeded.into()),
            ("failed_votes", self.failed.into()),
            ("hourly_limits", self.limited.into()),
            ("success_rate", rate.into()),
            ("active_instances", self.workers.len().into()),
        ]
    }

    /// The rows as of `now_s` on the server's clock.
    ///
    /// - `time`: how the server writes a moment
    pub(super) fn rows(&self, now_s: f64, time: impl Fn(f64) -> String) -> Vec<Value> {
        let moment = |s: Option<f64>| s.map_or(Value::Null, |s| time(s).into());
        let rows = self.workers.iter().map(|worker| {
            let due = worker.is_waiting.then_some(worker.due_s);
            let remaining = due.map_or(0.0, |due| (due - now_s).max(0.0).floor());
            json!({
                "instance_id": worker.number,
                "ip": format!("192.0.2.{}", 10 + worker.number),
                "status": worker.status,
                "is_paused": worker.paused,
                "waiting_for_login": worker.login,
                "vote_count": worker.done,
                "seconds_remaining": remaining as u64,
                "next_vote_time": moment(due),
                "last_vote_time": moment(worker.last_ok_s),
                "last_successful_vote": moment(worker.last_ok_s),
                "last_attempted_vote": moment(worker.last_try_s),
                "last_failure_reason": worker.failure.map(|(_, why)| why),
                "last_failure_type": worker.failure.map(|(kind, _)| kind),
            })
        });
        rows.collect()
    }
}
