//! The life of commands: taken, checked again right before they are sent, carried out beside the
//! task, judged by what the server says. Nothing is retried, and nothing outlives a connection but
//! the question what became of it.

mod ending;

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
use crate::sources::imswitch::motion::RunEnd;
use crate::sources::imswitch::script::{Circumstances, Goal, Script, Subject};

/// Commands that may wait for one that has the same subject.
const WAITING: usize = 64;

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
    is_calming: bool,
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
        let refused = match self.script(&request) {
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
    fn script(&self, request: &Request) -> Result<Script, Refusal> {
        let command = &request.command;
        if !self.connected {
            let command = command.to_string().into();
            return Err(Refusal::NotConnected { command });
        }
        if self.inventory.shown().offers.is_empty() {
            let text = format!("{command}: what this server has is being found out; ask again");
            return Err(Refusal::Other(text.into()));
        }
        check(self.inventory.shown(), command, self.board.is_latched())?;
        if !command.is_calming() && !self.board.lets_pass(request.stop_number) {
            let text = format!("{command}: a stop was pressed after it was asked; ask again");
            return Err(Refusal::Other(text.into()));
        }
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
            let script = match self.script(&request) {
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
        let flight = Arc::new(Flight::new(
            self.board.clone(),
            calming,
            request.stop_number,
        ));
        let flying = Flying {
            flight: Arc::clone(&flight),
            danger: request.command.danger(),
            is_calming: calming,
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
                let why = "a stop came first, nothing was sent; :clear lets commands pass again, this one has to be asked anew";
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
    pub(super) async fn call_off(
        &mut self,
        id: CommandId,
        state: CommandState,
        why: impl Into<PlainText>,
    ) {
        let now = self.now();
        self.commands.running.remove(&id);
        self.inventory.move_axes(|motions| motions.cancel(id, now));
        self.positions.stir(now);
        self.end(id, state, why).await;
    }

    pub(super) async fn end(
        &mut self,
        id: CommandId,
        state: CommandState,
        detail: impl Into<PlainText>,
    ) {
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
