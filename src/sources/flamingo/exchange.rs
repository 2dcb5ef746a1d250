//! What the task that owns the socket shares with the errands that it runs: requests and their
//! outcomes, what is known of the instrument, the commands' lives.
//!
//! The lock is only ever taken within the one task, for a few lines, and never across an `.await`.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use tokio::sync::{Notify, oneshot, watch};

use super::known::{Known, News};
use super::options::FlamingoOptions;
use super::outbox::Outbox;
use crate::control::Desk;
use crate::model::{
    Activity, Clock, CommandId, CommandReport, CommandState, Fault, FaultKind, PlainText, Position,
    Request as Order, Severity, Stamp,
};
use crate::protocol::flamingo::correlator::{Settled, SubmitError};
use crate::protocol::flamingo::reply;
use crate::protocol::flamingo::{
    Axis, Correlator, Event, Laser, Message, Outcome, Request, SystemState, Token,
};

/// What was asked for, so that it can be read back when nothing else tells what became of it.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Goal {
    /// An axis stands there.
    At(Axis, f64),
    /// A laser has this level, percent.
    Level(Laser, f64),
    /// A workflow of this name runs, or has run.
    WorkflowRuns(PlainText),
    /// No workflow runs.
    NoWorkflow,
    /// Pictures are being sent, or not.
    Live(bool),
    /// The settings are these.
    Settings(Bytes),
    /// Nothing can be read back.
    Nothing,
}

/// Who waits for a request's outcome.
#[derive(Debug)]
struct Waiting {
    tell: oneshot::Sender<Outcome>,
    /// The newest stop when it was asked for; `None` if no stop keeps it from being sent.
    stop_number: Option<u64>,
    /// The command of which this is a part.
    part: Option<Part>,
    /// It is a part of a stop.
    is_of_stop: bool,
}

/// How a part of a stop goes out.
#[derive(Debug)]
pub(super) enum StopPart {
    /// It was asked for.
    Asked(Token, oneshot::Receiver<Outcome>),
    /// The same part of an earlier press waits to be sent, and is sent for both.
    Waits(Token),
}

/// What a request is to a command.
#[derive(Clone, Debug)]
pub(super) struct Part {
    pub(super) id: CommandId,
    /// What it leads to.
    pub(super) goal: Goal,
    /// Its answer is the answer to the command.
    pub(super) counts: bool,
}

/// How the live socket stands.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct LiveState {
    /// The live view that we asked for runs.
    pub(super) view: bool,
    /// A workflow of ours sends its pictures there.
    pub(super) workflow: bool,
    /// How many commands want it.
    pub(super) holds: usize,
    pub(super) is_open: bool,
    /// Why it is not.
    pub(super) lost: Option<PlainText>,
    /// Pictures since the start.
    pub(super) frames: u64,
}

impl LiveState {
    /// Whether the socket is to be open.
    pub(super) fn is_wanted(&self) -> bool {
        self.view || self.workflow || self.holds > 0
    }
}

/// A message that no reply is matched to.
#[derive(Debug)]
pub(super) struct Stray {
    pub(super) id: CommandId,
    /// The newest stop when it was asked for.
    pub(super) stop_number: u64,
    pub(super) bytes: Bytes,
}

/// Everything behind the lock.
#[derive(Debug)]
pub(super) struct State {
    pub(super) correlator: Correlator,
    waiting: HashMap<Token, Waiting>,
    pub(super) desk: Desk,
    /// What the open commands want that were sent.
    goals: BTreeMap<CommandId, Goal>,
    /// The open commands that no stop ends.
    calming: BTreeSet<CommandId>,
    pub(super) known: Known,
    pub(super) outbox: Outbox,
    pub(super) live: LiveState,
    pub(super) strays: VecDeque<Stray>,
    /// The last message of a code that a stray one was sent with.
    pub(super) stray_reply: Option<Message>,
    /// The newest stop that was taken.
    pub(super) press: u64,
    /// How often light was switched off: whoever wants to switch it on looks here.
    pub(super) dark: u64,
    /// Which connection this is; 0 before the first.
    pub(super) connection: u64,
    /// Whether there is one.
    pub(super) is_connected: bool,
    /// The instrument was read on this connection.
    pub(super) is_read: bool,
    /// A valid message has come on this connection.
    pub(super) is_alive: bool,
    /// Something moved or shone when the connection was lost.
    was_active: bool,
    /// The connection is of no use any more.
    pub(super) give_up: Option<String>,
    clock: Clock,
}

/// The handle of everybody in the task.
#[derive(Clone, Debug)]
pub(super) struct Exchange {
    state: Arc<Mutex<State>>,
    changed: watch::Sender<u64>,
    kick: Arc<Notify>,
    pub(super) options: Arc<FlamingoOptions>,
}

impl Exchange {
    pub(super) fn new(options: FlamingoOptions, clock: Clock) -> Self {
        let state = State {
            correlator: Correlator::new(options.profile.clone()),
            waiting: HashMap::new(),
            desk: Desk::default(),
            goals: BTreeMap::new(),
            calming: BTreeSet::new(),
            known: Known::new(
                &options.profile,
                options.limits.clone(),
                options.patience.workflow_start,
            ),
            outbox: Outbox::default(),
            live: LiveState::default(),
            strays: VecDeque::new(),
            stray_reply: None,
            press: 0,
            dark: 0,
            connection: 0,
            is_connected: false,
            is_read: false,
            is_alive: false,
            was_active: false,
            give_up: None,
            clock,
        };
        Self {
            state: Arc::new(Mutex::new(state)),
            changed: watch::Sender::new(0),
            kick: Arc::new(Notify::new()),
            options: Arc::new(options),
        }
    }

    /// For a few lines.
    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells the errands that what they wait for may be so.
    pub(super) fn touch(&self) {
        self.changed.send_modify(|n| *n = n.wrapping_add(1));
    }

    pub(super) fn changes(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    /// Tells the task that there is something to do.
    pub(super) fn kick(&self) {
        self.kick.notify_one();
    }

    /// Waits for [`Exchange::kick`]. Cancel safe.
    pub(super) async fn kicked(&self) {
        self.kick.notified().await;
    }
}

impl State {
    pub(super) fn now(&self) -> Stamp {
        self.clock.now()
    }

    /// Takes in what an event says.
    pub(super) fn take(&mut self, event: Event) -> News {
        let now = self.now().mono_ns;
        let before = self.known.instrument.activity;
        let news = self.known.take(event, now);
        self.follow(before);
        news
    }

    /// Takes in an answer to the question for the state.
    pub(super) fn take_state(&mut self, found: SystemState) {
        let now = self.now().mono_ns;
        let before = self.known.instrument.activity;
        self.known.set_state(found, now);
        self.follow(before);
    }

    /// What ends with an activity.
    fn follow(&mut self, before: Activity) {
        let now = self.known.instrument.activity;
        if before == Activity::LiveView && now != before {
            self.live.view = false;
        }
        if before == Activity::Workflow && now != before {
            self.live.workflow = false;
        }
    }

    /// Asks for a request to be sent.
    pub(super) fn submit(
        &mut self,
        request: Request,
        stop_number: Option<u64>,
        part: Option<Part>,
    ) -> Result<oneshot::Receiver<Outcome>, SubmitError> {
        let token = self.correlator.submit(request)?;
        let (tell, outcome) = oneshot::channel();
        let waiting = Waiting {
            tell,
            stop_number,
            part,
            is_of_stop: false,
        };
        self.waiting.insert(token, waiting);
        Ok(outcome)
    }

    /// Asks for a part of a stop to be sent. What waits already is not asked for again: however
    /// often a stop is pressed, its lane does not fill while the server takes nothing.
    pub(super) fn submit_halt(&mut self, request: Request) -> Result<StopPart, SubmitError> {
        let waiting = &self.waiting;
        let is_of_stop = |token| waiting.get(&token).is_some_and(|w| w.is_of_stop);
        if let Some(token) = self.correlator.waiting_alike(&request, is_of_stop) {
            return Ok(StopPart::Waits(token));
        }
        let token = self.correlator.submit(request)?;
        let (tell, outcome) = oneshot::channel();
        let waiting = Waiting {
            tell,
            stop_number: None,
            part: None,
            is_of_stop: true,
        };
        self.waiting.insert(token, waiting);
        Ok(StopPart::Asked(token, outcome))
    }

    /// The newest stop when a request was asked for; `None` if no stop keeps it from being sent.
    pub(super) fn stop_number(&self, token: Token) -> Option<u64> {
        self.waiting.get(&token).and_then(|w| w.stop_number)
    }

    /// Takes a command: it is queued.
    pub(super) fn accept(&mut self, order: &Order) {
        let report = self.desk.take(order);
        if order.command.is_calming() {
            self.calming.insert(order.id);
        }
        self.report(Some(report));
    }

    /// Refuses every command that was not sent and that a stop forbids, and takes its requests
    /// back.
    pub(super) fn withdraw_for_stop(&mut self) {
        let queued: Vec<CommandId> = self
            .desk
            .open()
            .filter(|(id, state)| *state == CommandState::Queued && !self.calming.contains(id))
            .map(|(id, _)| id)
            .collect();
        for id in queued {
            let why = "stop pressed".into();
            self.end(id, CommandState::Refused, Some(why), Vec::new());
        }
        let waiting = &self.waiting;
        let forbidden = |token: Token| waiting.get(&token).is_none_or(|w| w.stop_number.is_some());
        let settled = self.correlator.withdraw(|token, _| forbidden(token));
        self.settle(settled);
        self.strays.clear();
    }

    /// The bytes of a request are in the kernel's hands.
    pub(super) fn written(&mut self, token: Token) {
        let now = self.now();
        let part = self.waiting.get(&token).and_then(|w| w.part.clone());
        if let Some(part) = part {
            self.sent(part.id, part.goal);
        }
        let settled = self.correlator.written(token, now.mono_ns);
        self.settle(settled);
    }

    /// A command's bytes have left.
    pub(super) fn sent(&mut self, id: CommandId, goal: Goal) {
        let now = self.now();
        let before = self.known.instrument.positions();
        match &goal {
            Goal::At(axis, target) => self.known.set_moving(*axis, *target, now.mono_ns),
            Goal::WorkflowRuns(name) => self.known.workflow_sent(name.clone(), now.mono_ns),
            Goal::NoWorkflow => self.known.ask_to_stop(),
            _ => {}
        }
        self.goals.insert(id, goal);
        let report = self.desk.sent(id, before);
        self.report(report);
    }

    /// Hands outcomes to those who wait for them.
    pub(super) fn settle(&mut self, settled: impl IntoIterator<Item = Settled>) {
        for one in settled {
            let Some(waiting) = self.waiting.remove(&one.token) else {
                continue;
            };
            let is_taken = matches!(
                &one.outcome,
                Outcome::Answered { message, .. } | Outcome::Oversize { message, .. }
                    if reply::accepted(message).is_ok()
            );
            if let (true, Some(part)) = (is_taken, waiting.part.filter(|part| part.counts)) {
                let report = self.desk.acknowledged(part.id);
                self.report(report);
            }
            // Whoever waits no longer does not want to know.
            let _ = waiting.tell.send(one.outcome);
        }
    }

    /// Publishes a command's new state, after the instrument that it has led to.
    pub(super) fn report(&mut self, report: Option<CommandReport>) {
        let Some(report) = report else { return };
        if report.is_final {
            self.goals.remove(&report.id);
            self.calming.remove(&report.id);
        }
        let now = self.now();
        self.publish_instrument(now);
        self.outbox.report(now, report);
    }

    pub(super) fn end(
        &mut self,
        id: CommandId,
        state: CommandState,
        detail: Option<PlainText>,
        after: Vec<Position>,
    ) {
        let report = self.desk.end(id, state, detail, after);
        self.report(report);
    }

    /// Puts the instrument out if it has changed.
    pub(super) fn publish_instrument(&mut self, now: Stamp) {
        if self.known.take_changed() {
            let readings = self.known.take_readings();
            let instrument = self.known.instrument.clone();
            self.outbox.instrument(now, instrument, readings);
        }
    }

    pub(super) fn fault(
        &mut self,
        kind: FaultKind,
        severity: Severity,
        text: impl Into<PlainText>,
    ) {
        let now = self.now();
        self.outbox.fault(now, Fault::new(kind, severity, text));
    }

    /// What the open commands want.
    pub(super) fn open_goals(&self) -> impl Iterator<Item = &Goal> {
        self.goals.values()
    }

    /// An open command of which nothing is known, and what it wants.
    pub(super) fn undecided(&self) -> Option<(CommandId, Goal)> {
        let mut unknown = self
            .desk
            .open()
            .filter(|(_, state)| *state == CommandState::Unknown);
        let (id, _) = unknown.next()?;
        Some((id, self.goals.get(&id).cloned().unwrap_or(Goal::Nothing)))
    }

    /// A new connection.
    pub(super) fn connected(&mut self, options: &FlamingoOptions) {
        self.correlator = Correlator::new(options.profile.clone());
        self.connection = self.connection.saturating_add(1);
        self.is_connected = true;
        self.is_read = false;
        self.is_alive = false;
        self.give_up = None;
    }

    /// It is gone, and with it everything that was known because of it.
    pub(super) fn connection_lost(&mut self, why: &str) {
        if self.is_read {
            self.was_active = self.is_active();
        }
        self.is_connected = false;
        self.is_read = false;
        let lost = self.correlator.fail_all();
        self.settle(lost);
        self.waiting.clear();
        self.strays.clear();
        self.known.connection_lost();
        for report in self.desk.connection_lost(why) {
            self.report(Some(report));
        }
        let now = self.now();
        self.publish_instrument(now);
    }

    /// Whether something moves or emits, as far as is known.
    pub(super) fn is_active(&self) -> bool {
        let instrument = &self.known.instrument;
        // What was under way when the connection was lost goes on until the contrary is read.
        let was_active = self.was_active && !self.is_read;
        was_active || instrument.may_move() || instrument.may_emit()
    }

    /// Nobody will read back any more what is open.
    pub(super) fn end_all(&mut self) {
        self.connection_lost("ttyscope ended");
        let open: Vec<CommandId> = self.desk.open().map(|(id, _)| id).collect();
        for id in open {
            let why = "ttyscope ended before it was known what became of it";
            self.end(id, CommandState::Unknown, Some(why.into()), Vec::new());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Command, StopLevel};
    use crate::protocol::flamingo::{Command as Code, MAX_FRONT, Profile};
    use crate::sources::flamingo::calm;
    use crate::sources::net::Endpoint;

    #[test]
    fn presses_that_nobody_takes_fill_no_lane() {
        let options = FlamingoOptions::new(Endpoint::plain("127.0.0.1", 1));
        let exchange = Exchange::new(options, Clock::manual(0));
        let profile = Profile::current();
        let mut state = exchange.lock();
        // A halt that somebody else asked for is his.
        let halt = || Request::halt(&profile).unwrap();
        state.submit(halt(), None, None).unwrap();
        let parts = calm::requests(&profile, StopLevel::Safe);
        let mut asked = Vec::new();
        for part in &parts {
            let StopPart::Asked(token, _) = state.submit_halt(part.clone()).unwrap() else {
                panic!("it waits already");
            };
            asked.push(token);
        }
        for _ in 0..MAX_FRONT {
            for (part, wanted) in parts.iter().zip(&asked) {
                let StopPart::Waits(token) = state.submit_halt(part.clone()).unwrap() else {
                    panic!("it is asked for again");
                };
                assert_eq!(token, *wanted);
            }
        }
        // Once it is on its way, the next press is one of its own.
        let first = state.correlator.next_write(0).unwrap();
        let second = state.correlator.next_write(0).unwrap();
        assert_eq!((first.command, second.token), (Code::StageHalt, asked[0]));
        let next = state.submit_halt(halt()).unwrap();
        assert!(matches!(next, StopPart::Asked(token, _) if token > asked[0]));
    }

    #[test]
    fn a_stop_neither_refuses_nor_withdraws_what_calms() {
        let options = FlamingoOptions::new(Endpoint::plain("127.0.0.1", 1));
        let exchange = Exchange::new(options, Clock::manual(0));
        let snap = Command::Snap { name: None };
        for (id, command) in [(1, Command::StopLiveView), (2, snap)] {
            let order = Order {
                id: CommandId(id),
                command,
                operator: "ada".into(),
                stop_number: 0,
            };
            let stop_number = (!order.command.is_calming()).then_some(0);
            let code = match id {
                1 => Code::LiveViewStop,
                _ => Code::Snapshot,
            };
            let request = Request::plain(&Profile::current(), code).unwrap();
            let mut state = exchange.lock();
            state.accept(&order);
            state.submit(request, stop_number, None).unwrap();
        }
        let mut state = exchange.lock();
        state.withdraw_for_stop();
        let open: Vec<_> = state.desk.open().collect();
        assert_eq!(open, [(CommandId(1), CommandState::Queued)]);
        let left = state.correlator.next_write(0).map(|out| out.command);
        assert_eq!(left, Some(Code::LiveViewStop));
        assert_eq!(state.correlator.next_write(0), None);
        state.end(CommandId(1), CommandState::Done, None, Vec::new());
        assert!(state.calming.is_empty());
    }
}
