//! The life of commands: taken, checked again right before they are sent, carried out beside the
//! task, judged by what the server says. Nothing is retried, and nothing outlives a connection but
//! the question what became of it.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use super::Source;
use crate::control::{Desk, Refusal, check};
use crate::model::{
    Command, CommandId, CommandReport, CommandState, Danger, Payload, PlainText, Position, Request,
};
use crate::sources::imswitch::api::{News, Outcome};
use crate::sources::imswitch::flight::Flight;
use crate::sources::imswitch::judge::{self, Verdict};
use crate::sources::imswitch::motion::{Aim, RunEnd};
use crate::sources::imswitch::script::{Circumstances, Goal, Script, Subject};

/// Commands that may wait for one that has the same subject.
const WAITING: usize = 64;
/// Between two tries to find out what became of a command.
const RESOLVE_EVERY_NS: u64 = 2_000_000_000;

/// The commands that have not ended.
#[derive(Debug, Default)]
pub(super) struct Commands {
    desk: Desk,
    /// Checked, and waiting for another one with the same subject.
    waiting: VecDeque<Request>,
    /// Being carried out beside the task.
    pub(super) flying: BTreeMap<CommandId, Flying>,
    /// Answered: runs of axes that end by themselves.
    running: BTreeMap<CommandId, Running>,
    /// Of these nobody knows what became.
    unresolved: BTreeMap<CommandId, Unresolved>,
    resolve_at_ns: u64,
    /// Rounds of reading everything, and who waits for them.
    round: u64,
    refreshing: BTreeMap<u64, CommandId>,
    /// Homing whose axis rests; how it went is read in a round from this number on.
    homed: Vec<(u64, RunEnd, Running)>,
}

/// A command whose calls are being made.
#[derive(Debug)]
pub(super) struct Flying {
    pub(super) flight: Arc<Flight>,
    pub(super) danger: Danger,
    goal: Goal,
    subject: Subject,
    before: Vec<Position>,
}

/// Runs of axes of one command, and how those went that have ended.
#[derive(Debug)]
struct Running {
    danger: Danger,
    homed_before: bool,
    since_ns: u64,
    left: usize,
    worst: Option<Verdict>,
}

#[derive(Debug)]
struct Unresolved {
    goal: Goal,
    danger: Danger,
    since_ns: u64,
}

impl Commands {
    /// The number of the next round of reading everything.
    pub(super) fn next_round(&mut self) -> u64 {
        self.round += 1;
        self.round
    }

    /// What the commands that may be at work may do.
    pub(super) fn open_dangers(&self) -> impl Iterator<Item = Danger> {
        let flying = self.flying.values().map(|one| one.danger);
        let running = self.running.values().map(|one| one.danger);
        let unresolved = self.unresolved.values().map(|one| one.danger);
        flying.chain(running).chain(unresolved)
    }

    fn is_busy(&self, subject: &Subject) -> bool {
        let mut flying = self.flying.values();
        flying.any(|one| one.subject.collides(subject))
    }
}

impl Source {
    /// Takes a request, or says why not.
    pub(super) async fn request(&mut self, request: Request) {
        if request.command == Command::Refresh {
            return self.refresh_for(&request).await;
        }
        let refused = match self.script(&request.command) {
            Ok(_) if self.commands.waiting.len() < WAITING => None,
            Ok(_) => Some(format!("{WAITING} commands wait already")),
            Err(refusal) => Some(refusal.to_string()),
        };
        if let Some(why) = refused {
            return self.report(Some(Desk::refuse(&request, why))).await;
        }
        let queued = self.commands.desk.take(&request);
        self.report(Some(queued)).await;
        self.commands.waiting.push_back(request);
        self.launch().await;
    }

    async fn refresh_for(&mut self, request: &Request) {
        let queued = self.commands.desk.take(request);
        self.report(Some(queued)).await;
        let round = self.refresh();
        self.commands.refreshing.insert(round, request.id);
        let sent = self.commands.desk.sent(request.id, Vec::new());
        self.report(sent).await;
    }

    /// What a command sends, if it may be sent now.
    fn script(&self, command: &Command) -> Result<Script, Refusal> {
        if !self.connected {
            let command = command.to_string().into();
            return Err(Refusal::NotConnected { command });
        }
        if self.inventory.shown().offers.is_empty() {
            let text = format!("{command}: what this server has is being found out; ask again");
            return Err(Refusal::Other(text.into()));
        }
        check(self.inventory.shown(), command, self.board.is_latched())?;
        let circumstances = Circumstances {
            protocol: self.options.protocol,
            ours: self.ours.iter().cloned().collect(),
            inventory: &self.inventory,
        };
        circumstances.script(command)
    }

    /// Sends what waits and may go.
    async fn launch(&mut self) {
        let mut held_back: Vec<Subject> = Vec::new();
        let mut kept = VecDeque::new();
        while let Some(request) = self.commands.waiting.pop_front() {
            // Looked at again: what was known when it was asked may have changed.
            let script = match self.script(&request.command) {
                Ok(script) => script,
                Err(refusal) => {
                    let why = refusal.to_string();
                    self.end(request.id, CommandState::Refused, why).await;
                    continue;
                }
            };
            let waits = held_back.iter().any(|one| one.collides(&script.subject));
            if waits || self.commands.is_busy(&script.subject) {
                held_back.push(script.subject);
                kept.push_back(request);
                continue;
            }
            self.fly(&request, script);
        }
        self.commands.waiting = kept;
    }

    fn fly(&mut self, request: &Request, script: Script) {
        let id = request.id;
        let since_ns = self.now();
        let before = self.inventory.shown().positions();
        if let Goal::Runs(runs) = &script.goal {
            self.inventory.move_axes(|motions| {
                for (place, aim) in runs {
                    motions.begin(*place, id, *aim, since_ns);
                }
            });
            self.positions.stir(since_ns);
            let homed = self.inventory.homing.homed.unwrap_or(false);
            let running = Running {
                danger: request.command.danger(),
                homed_before: homed,
                since_ns,
                left: runs.len(),
                worst: None,
            };
            self.commands.running.insert(id, running);
        }
        self.inventory.set_snapping(script.goal == Goal::Picture);
        let calming = request.command.is_calming();
        let flight = Arc::new(Flight::new(self.board.clone(), calming));
        let flying = Flying {
            flight: Arc::clone(&flight),
            danger: request.command.danger(),
            goal: script.goal.clone(),
            subject: script.subject.clone(),
            before,
        };
        self.commands.flying.insert(id, flying);
        let (api, to) = (Arc::clone(&self.api), self.report.clone());
        self.lasting.spawn(async move {
            // If there is no room for it now it is told when the calls are over.
            let sent = || drop(to.try_send(News::Sent(id)));
            let outcome = api.carry_out(&script, &flight, sent).await;
            let _ = to.send(News::Landed(id, outcome)).await;
        });
    }

    pub(super) async fn sent(&mut self, id: CommandId) {
        let flying = self.commands.flying.get(&id);
        let before = flying.map(|one| one.before.clone()).unwrap_or_default();
        let sent = self.commands.desk.sent(id, before);
        self.report(sent).await;
    }

    pub(super) async fn landed(&mut self, id: CommandId, outcome: Outcome) {
        let Some(flying) = self.commands.flying.remove(&id) else {
            return;
        };
        if flying.goal == Goal::Picture {
            self.inventory.set_snapping(false);
        }
        let now = self.now();
        if outcome.is_sent() {
            let sent = self.commands.desk.sent(id, flying.before.clone());
            self.report(sent).await;
        }
        match outcome {
            Outcome::Answered {
                answers,
                asked_ns,
                readings,
                unread,
            } => {
                let acknowledged = self.commands.desk.acknowledged(id);
                self.report(acknowledged).await;
                let stamp = self.outlet.clock().now();
                self.readings(stamp, asked_ns, readings).await;
                self.note_answers(&flying.goal, &answers);
                self.inventory
                    .move_axes(|motions| motions.answered(id, now));
                let (inventory, unread) = (&self.inventory, unread.as_deref());
                let verdict =
                    judge::of_answers(&flying.goal, &answers, inventory, asked_ns, unread);
                if let Some(verdict) = verdict {
                    if flying.goal == Goal::Answer {
                        // Whatever it was, it may have moved something.
                        self.inventory.move_axes(|motions| motions.unprove(now));
                        self.positions.stir(now);
                        self.refresh();
                    }
                    self.end(id, verdict.state, verdict.detail).await;
                }
            }
            Outcome::Runs { protocol, will_do } => {
                let text = format!("a live view runs already ({protocol}); left as it is");
                let state = match will_do {
                    true => CommandState::Done,
                    false => CommandState::Refused,
                };
                self.end(id, state, text).await;
            }
            Outcome::Shut { done: 0 } => {
                let why = "a stop came first, nothing was sent; :clear lets commands pass again";
                self.call_off(id, CommandState::Refused, why).await;
            }
            Outcome::NotSent { done: 0, why } => {
                let why = format!("nothing was sent: {why}");
                self.call_off(id, CommandState::Refused, why).await;
            }
            Outcome::Shut { done } => {
                let why = format!("a stop came after {done} of its calls");
                self.call_off(id, CommandState::Failed, why).await;
                self.refresh();
            }
            Outcome::NotSent { done, why } => {
                let why = format!("only {done} of its calls were made: {why}");
                self.call_off(id, CommandState::Failed, why).await;
                self.refresh();
            }
            Outcome::Refused { done, why } => {
                let why = match done {
                    0 => why.to_string(),
                    done => format!("{why} (after {done} of its calls)"),
                };
                self.call_off(id, CommandState::Failed, why).await;
                // Nothing is assumed of what a failed call did.
                self.refresh();
            }
            Outcome::Lost { why } => self.lose(id, flying, why).await,
        }
        self.after_landing(id).await;
        self.launch().await;
    }

    /// What answers say beside their verdict.
    fn note_answers(&mut self, goal: &Goal, answers: &[serde_json::Value]) {
        match goal {
            Goal::Matrix { place, level, on } => {
                self.inventory.assume_light(*place, *level, *on);
            }
            Goal::LiveStarted => {
                let answer = answers.last().unwrap_or(&serde_json::Value::Null);
                if let Some(detector) = judge::started(answer) {
                    self.ours.insert(detector);
                }
            }
            Goal::LiveStopped(detectors) => {
                for detector in detectors {
                    self.ours.remove(detector);
                }
            }
            _ => {}
        }
    }

    /// A command that did not come about as a whole.
    async fn call_off(&mut self, id: CommandId, state: CommandState, why: impl Into<PlainText>) {
        let now = self.now();
        self.commands.running.remove(&id);
        self.inventory.move_axes(|motions| motions.cancel(id, now));
        self.positions.stir(now);
        self.end(id, state, why).await;
    }

    /// The answer of a command is missing: what became of it is read back.
    async fn lose(&mut self, id: CommandId, flying: Flying, why: String) {
        let now = self.now();
        self.inventory.move_axes(|motions| motions.lost(id, now));
        self.positions.stir(now);
        let lost = self.commands.desk.unknown(id, why.clone());
        self.report(lost).await;
        let resolvable = match &flying.goal {
            // Positions are looked at until it rests.
            Goal::Runs(runs) if runs.iter().all(|(_, aim)| matches!(aim, Aim::To { .. })) => return,
            Goal::Light { light, .. } => {
                if let Some((place, ..)) = self.inventory.light(light) {
                    self.inventory.doubt_light(place);
                }
                true
            }
            Goal::Exposure { .. } | Goal::Gain { .. } | Goal::Recording(_) => true,
            _ => false,
        };
        if resolvable {
            let unresolved = Unresolved {
                goal: flying.goal,
                danger: flying.danger,
                since_ns: now,
            };
            self.commands.unresolved.insert(id, unresolved);
            self.commands.resolve_at_ns = now;
        } else {
            self.commands.running.remove(&id);
            self.inventory.move_axes(|motions| motions.cancel(id, now));
            let why = format!("{why}; nothing can tell what became of it");
            self.end(id, CommandState::Unknown, why).await;
        }
    }

    /// When something is read again to find out what became of a command.
    pub(super) fn resolve_at(&self) -> Option<u64> {
        let any = self.connected && !self.commands.unresolved.is_empty();
        any.then_some(self.commands.resolve_at_ns)
    }

    pub(super) fn resolve(&mut self, now_ns: u64) {
        if self.resolve_at().is_some_and(|at| at <= now_ns) {
            self.commands.resolve_at_ns = now_ns.saturating_add(RESOLVE_EVERY_NS);
            self.refresh();
        }
    }

    /// A round of reading everything is over.
    pub(super) async fn refreshed(&mut self, round: u64, read: Result<(), String>) {
        let open = std::mem::take(&mut self.commands.unresolved);
        for (id, one) in open {
            match judge::of_state(&one.goal, &self.inventory, one.since_ns) {
                Some(verdict) => {
                    let detail = format!("read back: {}", verdict.detail);
                    self.end(id, verdict.state, detail).await;
                }
                None => {
                    self.commands.unresolved.insert(id, one);
                }
            }
        }
        for (from, end, running) in std::mem::take(&mut self.commands.homed) {
            if round < from {
                self.commands.homed.push((from, end, running));
                continue;
            }
            let axis = self.inventory.shown().axes.get(end.place);
            let axis = axis.map(|axis| axis.name.to_string()).unwrap_or_default();
            let homing = self.inventory.homing;
            let told = homing.ended.filter(|told| told.at_ns >= running.since_ns);
            let homed = homing.homed == Some(true) && !running.homed_before;
            let cancelled = told.map(|told| told.cancelled);
            let verdict = judge::of_home(&axis, end, cancelled, homed);
            self.end_run(end.id, running, verdict).await;
        }
        if let Some(id) = self.commands.refreshing.remove(&round) {
            let (state, detail) = match read {
                Ok(()) => (CommandState::Done, "everything was read again".to_owned()),
                Err(why) => (CommandState::Failed, why),
            };
            self.end(id, state, detail).await;
        }
    }

    /// Runs of axes have ended.
    pub(super) async fn end_runs(&mut self, ends: Vec<RunEnd>) {
        for end in ends {
            let Some(running) = self.commands.running.remove(&end.id) else {
                continue;
            };
            let axis = self.inventory.shown().axes.get(end.place);
            let axis = axis.map(|axis| axis.name.to_string()).unwrap_or_default();
            let verdict = match end.aim {
                Aim::To { .. } => judge::of_move(&axis, end),
                Aim::Home => {
                    let told = self.inventory.homing.ended;
                    let told = told.filter(|told| told.at_ns >= running.since_ns);
                    let told = told.map(|told| told.cancelled);
                    if told.is_none() && running.left == 1 && self.connected {
                        // Not every stage tells it in a signal.
                        let round = self.refresh();
                        self.commands.homed.push((round, end, running));
                        continue;
                    }
                    judge::of_home(&axis, end, told, false)
                }
            };
            self.end_run(end.id, running, verdict).await;
        }
    }

    async fn end_run(&mut self, id: CommandId, mut running: Running, verdict: Verdict) {
        let verdict = judge::worse(running.worst.take(), verdict);
        running.left = running.left.saturating_sub(1);
        if running.left > 0 {
            running.worst = Some(verdict);
            self.commands.running.insert(id, running);
        } else {
            self.end(id, verdict.state, verdict.detail).await;
        }
    }

    /// Nobody knows where the axes of running moves are.
    pub(super) async fn doubt_runs(&mut self, why: &str) {
        let now = self.now();
        let running: Vec<CommandId> = self.commands.running.keys().copied().collect();
        let states: BTreeMap<_, _> = self.commands.desk.open().collect();
        for id in running {
            let is_known = states.get(&id).is_some_and(|s| *s != CommandState::Unknown);
            if is_known && !self.commands.flying.contains_key(&id) {
                self.inventory.move_axes(|motions| motions.lost(id, now));
                let why = format!("where it is cannot be read: {why}");
                let unknown = self.commands.desk.unknown(id, why);
                self.report(unknown).await;
            }
        }
    }

    /// There are no such axes any more.
    pub(super) async fn lose_axes(&mut self, gone: Vec<CommandId>) {
        for id in gone {
            self.commands.running.remove(&id);
            let why = "the server does not have its axis any more";
            self.end(id, CommandState::Unknown, why).await;
        }
    }

    /// The connection is gone: what was not sent is refused, of the rest nobody knows.
    pub(super) async fn lose_commands(&mut self, detail: &str) {
        let now = self.now();
        self.withdraw(&format!("the connection was lost: {detail}"))
            .await;
        let why = format!("the connection was lost: {detail}");
        for report in self.commands.desk.connection_lost(&why) {
            self.report(Some(report)).await;
        }
        for (_, id) in std::mem::take(&mut self.commands.refreshing) {
            self.end(id, CommandState::Failed, why.clone()).await;
        }
        for (_, end, _) in std::mem::take(&mut self.commands.homed) {
            let why = format!("{why}; nothing says whether it is homed");
            self.end(end.id, CommandState::Unknown, why).await;
        }
        self.inventory.set_connected(false, now);
        self.forget_positions();
    }

    /// Refuses everything of which nothing was sent. What may be on the wire is called sent.
    pub(super) async fn withdraw(&mut self, why: &str) {
        let waiting = std::mem::take(&mut self.commands.waiting);
        for request in waiting {
            self.end(request.id, CommandState::Refused, why).await;
        }
        let flying: Vec<_> = self.commands.flying.iter().collect();
        let flights = flying
            .into_iter()
            .map(|(id, one)| (*id, one.flight.withdraw()));
        let flights: Vec<(CommandId, bool)> = flights.collect();
        for (id, is_withdrawn) in flights {
            if is_withdrawn {
                self.call_off(id, CommandState::Refused, why).await;
            } else {
                self.sent(id).await;
            }
        }
    }

    /// The source ends: what is open stays unknown for good.
    pub(super) async fn abandon_commands(&mut self) {
        self.withdraw("the program ends").await;
        let open: Vec<CommandId> = self.commands.desk.open().map(|(id, _)| id).collect();
        for id in open {
            let why = "the program ended before it was known what became of it";
            self.end(id, CommandState::Unknown, why).await;
        }
    }

    async fn end(&mut self, id: CommandId, state: CommandState, detail: impl Into<PlainText>) {
        let after = self.inventory.shown().positions();
        let detail = Some(detail.into());
        let ended = self.commands.desk.end(id, state, detail, after);
        self.report(ended).await;
    }

    pub(super) async fn report(&mut self, report: Option<CommandReport>) {
        if let Some(report) = report {
            let now = self.outlet.clock().now();
            let payload = Payload::Command(Arc::new(report));
            self.outlet.publish(now, payload).await;
        }
    }
}
