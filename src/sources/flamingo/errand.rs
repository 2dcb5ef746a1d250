//! Something that takes several questions and answers: a command, or a look at the instrument.
//!
//! An errand runs inside the task that owns the socket. It ends by itself when the connection does,
//! and, unless it makes the instrument quieter, when a stop is pressed.

use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use super::exchange::{Exchange, Goal, Part, State};
use crate::model::{CommandId, CommandState, PlainText, Position, Request as Order};
use crate::protocol::flamingo::correlator::SubmitError;
use crate::protocol::flamingo::reply::{self, ReplyError};
use crate::protocol::flamingo::request::RequestError;
use crate::protocol::flamingo::{Axis, Command, Message, Outcome, Profile, Request};

/// How often a question is asked again that was not answered.
const TRIES: usize = 3;

/// How long after the first look at an axis the second is taken.
const SECOND_LOOK: Duration = Duration::from_millis(150);

/// One errand's way to the instrument.
#[derive(Clone, Debug)]
pub(super) struct Errand {
    pub(super) exchange: Exchange,
    /// The command it carries out.
    pub(super) id: Option<CommandId>,
    /// It goes on although a stop is pressed.
    is_calming: bool,
    /// The newest stop when it was asked for.
    stop_number: u64,
    /// How often light was switched off when it began, where that ends it.
    dark: Option<u64>,
    connection: u64,
}

/// Why an errand ends before its end.
#[derive(Debug)]
pub(super) enum Cut {
    /// A stop was pressed.
    Stopped,
    /// The connection is gone.
    Lost,
    /// Light was switched off meanwhile.
    Dark,
    /// It cannot be sent.
    Impossible(PlainText),
}

impl From<SubmitError> for Cut {
    fn from(error: SubmitError) -> Self {
        Self::Impossible(error.to_string().into())
    }
}

impl From<RequestError> for Cut {
    fn from(error: RequestError) -> Self {
        Self::Impossible(error.to_string().into())
    }
}

/// How a command ended.
#[derive(Debug, PartialEq)]
pub(super) struct End {
    pub(super) state: CommandState,
    pub(super) detail: Option<PlainText>,
    pub(super) after: Vec<Position>,
}

impl End {
    pub(super) fn new(state: CommandState, detail: impl Into<PlainText>) -> Self {
        Self {
            state,
            detail: Some(detail.into()),
            after: Vec::new(),
        }
    }

    pub(super) fn done() -> Self {
        Self {
            state: CommandState::Done,
            detail: None,
            after: Vec::new(),
        }
    }

    pub(super) fn failed(detail: impl Into<PlainText>) -> Self {
        Self::new(CommandState::Failed, detail)
    }

    pub(super) fn refused(detail: impl Into<PlainText>) -> Self {
        Self::new(CommandState::Refused, detail)
    }

    pub(super) fn after(self, after: Vec<Position>) -> Self {
        Self { after, ..self }
    }
}

/// What the request that counts came to.
#[derive(Debug)]
pub(super) enum Answer {
    /// The instrument took it.
    Taken(Message),
    /// The instrument says no.
    Declined(PlainText),
    /// It is sent, and no answer is to be expected.
    Sent,
    /// No answer came.
    Silent,
}

impl Errand {
    /// A look at the instrument, which no stop ends.
    pub(super) fn look(exchange: &Exchange) -> Self {
        let state = exchange.lock();
        Self {
            exchange: exchange.clone(),
            id: None,
            is_calming: true,
            stop_number: state.press,
            dark: None,
            connection: state.connection,
        }
    }

    /// An errand that carries a command out.
    pub(super) fn of(exchange: &Exchange, order: &Order) -> Self {
        Self {
            id: Some(order.id),
            is_calming: order.command.is_calming(),
            stop_number: order.stop_number,
            ..Self::look(exchange)
        }
    }

    /// The same errand, ended by light being switched off.
    pub(super) fn until_dark(mut self) -> Self {
        self.dark = Some(self.with(|state| state.dark));
        self
    }

    /// The same errand, and no stop ends it.
    pub(super) fn calm(&self) -> Self {
        Self {
            is_calming: true,
            ..self.clone()
        }
    }

    /// The newest stop when it was asked for.
    pub(super) fn stop_number(&self) -> u64 {
        self.stop_number
    }

    pub(super) fn profile(&self) -> &Profile {
        &self.exchange.options.profile
    }

    pub(super) fn with<T>(&self, f: impl FnOnce(&mut State) -> T) -> T {
        f(&mut self.exchange.lock())
    }

    fn cut(&self, state: &State) -> Result<(), Cut> {
        if !state.is_connected || state.connection != self.connection {
            return Err(Cut::Lost);
        }
        if !self.is_calming && state.press > self.stop_number {
            return Err(Cut::Stopped);
        }
        if self.dark.is_some_and(|dark| dark != state.dark) {
            return Err(Cut::Dark);
        }
        Ok(())
    }

    /// Waits until `f` gives something; `None` at `deadline`.
    pub(super) async fn until<T>(
        &self,
        deadline: Option<Instant>,
        mut f: impl FnMut(&mut State) -> Option<T>,
    ) -> Result<Option<T>, Cut> {
        let mut changes = self.exchange.changes();
        loop {
            changes.mark_unchanged();
            {
                let mut state = self.exchange.lock();
                self.cut(&state)?;
                if let Some(found) = f(&mut state) {
                    return Ok(Some(found));
                }
            }
            let changed = changes.changed();
            let in_time = match deadline {
                Some(deadline) => timeout_at(deadline, changed).await.is_ok(),
                None => changed.await.is_ok(),
            };
            if !in_time {
                let mut state = self.exchange.lock();
                self.cut(&state)?;
                return Ok(f(&mut state));
            }
        }
    }

    pub(super) async fn pause(&self, time: Duration) -> Result<(), Cut> {
        let end = Instant::now() + time;
        self.until::<()>(Some(end), |_| None).await.map(drop)
    }

    async fn outcome(&self, request: Request, part: Option<Part>) -> Result<Outcome, Cut> {
        let stop_number = (!self.is_calming).then_some(self.stop_number);
        let outcome = {
            let mut state = self.exchange.lock();
            self.cut(&state)?;
            state.submit(request, stop_number, part)?
        };
        self.exchange.kick();
        match outcome.await {
            Ok(Outcome::Withdrawn) => Err(Cut::Stopped),
            Ok(Outcome::Lost { .. }) | Err(_) => Err(Cut::Lost),
            Ok(outcome) => Ok(outcome),
        }
    }

    /// Sends a request that changes nothing that was asked for.
    pub(super) async fn ask(&self, request: Request) -> Result<Answer, Cut> {
        self.outcome(request, None).await.map(Answer::of)
    }

    /// Sends the request that counts: with it the command is sent, and its echo acknowledges it.
    ///
    /// - `goal`: what it leads to
    pub(super) async fn send(&self, request: Request, goal: Goal) -> Result<Answer, Cut> {
        let part = self.part(goal, true);
        self.outcome(request, part).await.map(Answer::of)
    }

    /// Sends a request that prepares the one that counts: from here on the command is sent.
    pub(super) async fn prepare(&self, request: Request) -> Result<Answer, Cut> {
        let part = self.part(Goal::Nothing, false);
        self.outcome(request, part).await.map(Answer::of)
    }

    fn part(&self, goal: Goal, counts: bool) -> Option<Part> {
        self.id.map(|id| Part { id, goal, counts })
    }

    /// Asks a question until it is answered, some times; `None` if it never was.
    ///
    /// Where an axis is and what a laser gives has to be as of now. An answer that may be that to
    /// an earlier question which timed out is let pass while there are tries left: replies come in
    /// their order, so each brings the next one nearer to its question.
    pub(super) async fn question(&self, request: Request) -> Result<Option<Message>, Cut> {
        let tells_now = matches!(
            request.command(),
            Command::StagePositionGet | Command::LaserLevelGet
        );
        for tries_left in (0..TRIES).rev() {
            // A question changes nothing: no stop keeps it from being asked.
            let calm = self.calm();
            let outcome = calm.outcome(request.clone(), None).await?;
            {
                let state = self.exchange.lock();
                self.cut(&state)?;
            }
            match outcome {
                Outcome::Answered { late: true, .. } if tells_now && tries_left > 0 => {
                    self.pause(SECOND_LOOK).await?;
                }
                Outcome::Answered { message, .. } => return Ok(Some(message)),
                Outcome::Oversize { message, .. } => return Ok(Some(message)),
                _ => {}
            }
        }
        Ok(None)
    }

    /// Where an axis is; `None` if the server does not say.
    pub(super) async fn position(&self, axis: Axis) -> Result<Option<f64>, Cut> {
        let request = Request::position(self.profile(), axis)?;
        let Some(message) = self.question(request).await? else {
            return Ok(None);
        };
        match reply::position(&message, axis, false) {
            Ok(position) => {
                self.with(|state| state.known.set_position(axis, position));
                Ok(Some(position))
            }
            Err(_) => Ok(None),
        }
    }

    /// Looks at an axis until two looks find it at the same place, until `deadline`. `None`: it
    /// moves on, or the server does not say.
    pub(super) async fn rest(&self, axis: Axis, deadline: Instant) -> Result<Option<f64>, Cut> {
        let mut before = self.position(axis).await?;
        let mut unsaid = 0;
        loop {
            self.pause(SECOND_LOOK).await?;
            let stops = self.with(|state| state.known.stops(axis));
            let now = self.position(axis).await?;
            if let (Some(before), Some(now)) = (before, now)
                && (before - now).abs() <= axis.tolerance() / 20.0
            {
                self.with(|state| {
                    let at = state.now().mono_ns;
                    state.known.set_settled(axis, now, at);
                });
                return Ok(Some(now));
            }
            unsaid = if now.is_none() { unsaid + 1 } else { 0 };
            if Instant::now() >= deadline || unsaid >= TRIES {
                return Ok(None);
            }
            before = now;
            // While it moves it is looked at more seldom; the word that it stopped comes first.
            let later = Instant::now() + SECOND_LOOK * 4;
            let stopped = |state: &mut State| (state.known.stops(axis) > stops).then_some(());
            self.until(Some(later.min(deadline)), stopped).await?;
        }
    }

    /// Nothing tells what became of the command; it is read back.
    pub(super) fn unknown(&self, why: impl Into<PlainText>) {
        if let Some(id) = self.id {
            self.with(|state| {
                let report = state.desk.unknown(id, why);
                state.report(report);
            });
        }
    }

    pub(super) fn positions(&self) -> Vec<Position> {
        self.with(|state| state.known.instrument.positions())
    }
}

impl Answer {
    fn of(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Answered { message, .. } | Outcome::Oversize { message, .. } => {
                match reply::accepted(&message) {
                    Ok(()) => Self::Taken(message),
                    Err(error) => Self::Declined(error.to_string().into()),
                }
            }
            Outcome::Sent => Self::Sent,
            _ => Self::Silent,
        }
    }
}

/// A sentence for a reply that does not say what was asked.
pub(super) fn said(what: &str, error: &ReplyError) -> String {
    format!("{what}: {error}")
}
