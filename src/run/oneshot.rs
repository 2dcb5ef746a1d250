//! The verbs for scripts: `get`, `wait`, `send` and `snap`. Each connects, waits for what is real, says it
//! and ends; none of them guesses.

mod snap;
mod words;

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, anyhow, bail};
use serde::Serialize;
use tokio::time::{Instant, timeout_at};

use super::commander::Auditing;
use super::files;
use super::journal::{self, Journal};
use super::mission::{Exit, block_on};
use super::session::{Feed, Recording, Session};
use super::signals::{Signals, Told};
use super::voice::{self, Patience, Voice, people};
use crate::config::SourceSpec;
use crate::control::{Desk, Refusal, check};
use crate::intent::{self, Order, Vocabulary};
use crate::model::condition::{Answer, Condition, find};
use crate::model::{
    Command, CommandId, CommandReport, CommandState, Fate, LaneKind, LinkState, Motion, Origin,
    Payload, PlainText, Request, Sample, SourceId, StopOrigin, Value,
};
use crate::panels::{Facts, SourceFacts};

pub use snap::{Wish, snap, snap_recorded};

/// The only source of such a run.
const SOURCE: SourceId = SourceId(0);
/// An instrument that has just connected tells its axes and limits one after the other.
const TELLING: Duration = Duration::from_secs(5);

/// How long a command waits for a connection: whoever gives it wants it now.
const CONNECTING: Duration = Duration::from_secs(15);

/// What was written is no command.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct WrongWords(String);

/// What all of these verbs are told.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Where to connect.
    pub source: SourceSpec,
    /// How long to wait at most.
    pub patience: Duration,
    /// How the outcome is said.
    pub voice: Voice,
}

/// A session with one source, and what it has said so far.
struct Run {
    session: Session,
    facts: Facts,
    reports: Vec<Arc<CommandReport>>,
    /// Commands given so far.
    commands: u64,
    deadline: Instant,
}

impl Run {
    async fn start(plan: &Plan, auditing: Option<Auditing>) -> anyhow::Result<Self> {
        let feed = Feed::Sources(vec![plan.source.clone()]);
        let session = Session::start(feed, Recording::Never, auditing).await?;
        let facts = Facts::new(session.sources.clone(), session.clock.now());
        Ok(Self {
            session,
            facts,
            reports: Vec::new(),
            commands: 0,
            deadline: Instant::now() + plan.patience,
        })
    }

    fn source(&self) -> anyhow::Result<&SourceFacts> {
        self.facts.source(SOURCE).context("there is one source")
    }

    /// Takes in what has arrived.
    fn take(&mut self) {
        while let Some(delivery) = self.session.lanes.try_take() {
            delivery.ticket.settle(Fate::Shown);
            self.take_sample(delivery.sample);
        }
    }

    fn take_sample(&mut self, sample: Sample) {
        if sample.payload.lane() == LaneKind::Control {
            let name = self.session.sources.first();
            journal::log_sample(name.map_or("?", |source| source.name.as_str()), &sample);
        }
        if let Payload::Command(report) = &sample.payload {
            self.reports.push(Arc::clone(report));
        }
        self.session.note(&sample);
        self.facts.take_sample(&sample);
    }

    /// Waits until `found` finds something, or until `deadline`.
    async fn until<T>(
        &mut self,
        deadline: Instant,
        mut found: impl FnMut(&Self) -> anyhow::Result<Option<T>>,
    ) -> anyhow::Result<Option<T>> {
        loop {
            self.take();
            if let Some(found) = found(self)? {
                return Ok(Some(found));
            }
            let lanes = Arc::clone(&self.session.lanes);
            if timeout_at(deadline, lanes.ready()).await.is_err() {
                return Ok(None);
            }
        }
    }

    /// Why nothing came, as far as the link knows.
    fn trouble(&self) -> String {
        let Ok(source) = self.source() else {
            return String::new();
        };
        let state = source.link.as_ref().map_or("starting", LinkState::word);
        match &source.last_trouble {
            Some(trouble) => format!("{}: {state}: {trouble}", source.info.name),
            None => format!("{}: {state}", source.info.name),
        }
    }

    fn is_simulated(&self) -> bool {
        let info = self.session.sources.first();
        let told = self.facts.source(SOURCE).is_some_and(|source| {
            source
                .signals
                .reading("server/hostname")
                .is_some_and(|signal| match &signal.value {
                    Value::Text(name) => name.starts_with(crate::model::SIMULATOR_HOSTNAME),
                    _ => false,
                })
        });
        told || info.is_some_and(|info| info.origin == Origin::Simulated)
    }
}

#[derive(Debug, Serialize)]
struct Got<'a> {
    source: &'a str,
    simulated: bool,
    what: &'a str,
    value: serde_json::Value,
    unit: &'a str,
}

fn got<'a>(run: &Run, plan: &'a Plan, what: &'a str, answer: &'a Answer) -> Got<'a> {
    Got {
        source: &plan.source.name,
        simulated: run.is_simulated(),
        what,
        value: match &answer.value {
            Value::Float(number) => serde_json::json!(number),
            Value::Int(number) => serde_json::json!(number),
            Value::Bool(on) => serde_json::json!(on),
            Value::Text(text) => serde_json::json!(text.as_str()),
        },
        unit: &answer.unit,
    }
}

fn say(run: &Run, plan: &Plan, what: &str, answer: &Answer) {
    match plan.voice {
        Voice::Json => voice::json_line(Patience::Word, &got(run, plan, what, answer)),
        Voice::People | Voice::Silent => {
            let space = if answer.unit.is_empty() { "" } else { " " };
            let mark = if run.is_simulated() {
                "  SIMULATED"
            } else {
                ""
            };
            voice::text(&format_args!(
                "{}{space}{}{mark}\n",
                answer.text(),
                answer.unit
            ));
        }
    }
}

/// Says the value of `what`, or of everything for `all`.
///
/// # Errors
/// It did not come in time; the sentence lists what did.
pub fn get(plan: &Plan, what: &str, _journal: Journal) -> anyhow::Result<Exit> {
    block_on(async move {
        let mut run = Run::start(plan, None).await?;
        let measuring = run.session.measure_unseen();
        let all = what.eq_ignore_ascii_case("all");
        // Everything has come when nothing new came for a while after the link stood.
        let deadline = match all {
            true => run.deadline.min(Instant::now() + TELLING),
            false => run.deadline,
        };
        let found = run
            .until(deadline, |run| {
                Ok((!all).then(|| find(run.source().ok()?, what)).flatten())
            })
            .await?;
        let exit = match found {
            Some(answer) => {
                say(&run, plan, what, &answer);
                Ok(Exit::Done)
            }
            None if all => {
                let words = words::words(run.source()?);
                for word in &words {
                    if let Some(answer) = find(run.source()?, word) {
                        match plan.voice {
                            Voice::Json => {}
                            _ => voice::text(&format_args!("{word} = ")),
                        }
                        say(&run, plan, word, &answer);
                    }
                }
                Ok(Exit::Done)
            }
            None => {
                let known = words::words(run.source()?).join(", ");
                Err(anyhow!(
                    "{}; no \"{what}\" came; there is {known}",
                    run.trouble()
                ))
            }
        };
        drop(measuring);
        run.session.end().await;
        exit
    })
}

/// Waits until `condition` holds. [`Exit::Incomplete`] if it did not in time.
///
/// # Errors
/// What was written cannot be compared with what there is.
pub fn wait(plan: &Plan, condition: &Condition, _journal: Journal) -> anyhow::Result<Exit> {
    block_on(async move {
        let mut run = Run::start(plan, None).await?;
        let measuring = run.session.measure_unseen();
        let mut last = None;
        let deadline = run.deadline;
        let outcome = run
            .until(deadline, |run| {
                let now = condition.holds(run.source()?).map_err(|why| anyhow!(why))?;
                let holds = now.as_ref().is_some_and(|(holds, _)| *holds);
                last = now.map(|(_, answer)| answer);
                Ok(holds.then_some(()))
            })
            .await;
        let what = condition.to_string();
        let exit = match (outcome, last) {
            (Err(error), _) => Err(error),
            (Ok(Some(())), Some(answer)) => {
                say(&run, plan, &what, &answer);
                Ok(Exit::Done)
            }
            (Ok(_), last) => {
                let state = match last {
                    Some(answer) => format!("it is {} {}", answer.text(), answer.unit),
                    None => run.trouble(),
                };
                let words = format_args!("{what} did not come true in time: {}", state.trim());
                people(plan.voice, Patience::Word, words);
                Ok(Exit::Incomplete)
            }
        };
        drop(measuring);
        run.session.end().await;
        exit
    })
}

#[derive(Debug, Serialize)]
struct Outcome<'a> {
    source: &'a str,
    simulated: bool,
    command: &'a str,
    state: &'a str,
    detail: Option<&'a str>,
    before: Vec<Place<'a>>,
    after: Vec<Place<'a>>,
}

#[derive(Debug, Serialize)]
struct Place<'a> {
    axis: &'a str,
    value: Option<f64>,
    unit: &'a str,
}

fn places(positions: &[crate::model::Position]) -> Vec<Place<'_>> {
    let place = |position: &'_ crate::model::Position| (position.value, position.unit.as_str());
    positions
        .iter()
        .map(|position| {
            let (value, unit) = place(position);
            Place {
                axis: &position.axis,
                value,
                unit,
            }
        })
        .collect()
}

/// Sends a command, as it is typed into the palette, and waits for what really became of it.
///
/// - `fire`: light, homing and the like are meant; without it they are refused
///
/// Returns [`Exit::Done`] for done (or sent, where a command has no answer), [`Exit::Failed`],
/// [`Exit::Refused`], or [`Exit::Incomplete`] for an unknown outcome.
///
/// # Errors
/// There is no such command, or nothing to command.
pub fn send(
    plan: &Plan,
    line: &str,
    fire: bool,
    auditing: Auditing,
    _journal: Journal,
) -> anyhow::Result<Exit> {
    block_on(async move {
        let mut signals = Signals::listen()?;
        let operator = auditing.operator.clone();
        let mut run = Run::start(plan, Some(auditing)).await?;
        let outcome = carry_out(&mut run, &mut signals, line, fire, &operator).await;
        let simulated = run.is_simulated();
        run.session.end().await;
        let report = outcome?;
        say_report(plan, simulated, &report);
        Ok(match report.state {
            CommandState::Done => Exit::Done,
            CommandState::Sent if report.is_final => Exit::Done,
            CommandState::Failed | CommandState::Stopped => Exit::Failed,
            CommandState::Refused => Exit::Refused,
            _ => Exit::Incomplete,
        })
    })
}

async fn carry_out(
    run: &mut Run,
    signals: &mut Signals,
    line: &str,
    fire: bool,
    operator: &PlainText,
) -> anyhow::Result<Arc<CommandReport>> {
    run.commands += 1;
    let id = CommandId(run.commands);
    let request = |command| Request {
        id,
        command,
        operator: operator.clone(),
        stop_number: 0,
    };
    let refused = |command: Command, why: String| Arc::new(Desk::refuse(&request(command), why));
    let command = tokio::select! {
        biased;
        command = ready(run, line) => command?,
        () = asked_to_end(signals) => bail!("interrupted before anything was sent"),
    };
    let command = match command {
        Ok(command) => command,
        Err((command, refusal)) => return Ok(refused(command, refusal.to_string())),
    };
    if command.danger().needs_arming() && !fire {
        let danger = command.danger().as_str();
        let why = format!("it is in the class {danger}: add --fire to send it");
        return Ok(refused(command, why));
    }
    let request = request(command);
    let words = request.command.to_string();
    run.session.order(SOURCE, request);
    let (deadline, stops) = (run.deadline, run.session.stops.clone());
    loop {
        let ended = run.until(deadline, |run| {
            let mut of_it = run.reports.iter().filter(|report| report.id == id);
            Ok(of_it.find(|report| report.is_final).cloned())
        });
        tokio::select! {
            biased;
            ended = ended => match ended? {
                Some(report) => return Ok(report),
                None => break,
            },
            told = signals.recv() => match told {
                // The first one stops what was begun; its outcome is still waited for.
                Told::Interrupt | Told::Terminate if !stops.is_latched() => {
                    stops.press(StopOrigin::Signal);
                }
                Told::Interrupt | Told::Terminate => break,
                Told::HangUp | Told::Dump | Told::Resize => {}
            },
        }
    }
    // Time is over: the last that is known of it counts.
    match run.reports.iter().rev().find(|report| report.id == id) {
        Some(last) => Ok(Arc::clone(last)),
        None => bail!("{words}: nothing is known of it; {}", run.trouble()),
    }
}

/// Waits for somebody who wants it ended.
async fn asked_to_end(signals: &mut Signals) {
    while !matches!(signals.recv().await, Told::Interrupt | Told::Terminate) {}
}

/// The command that `line` means, once the instrument has told enough to judge it.
async fn ready(run: &mut Run, line: &str) -> anyhow::Result<Result<Command, (Command, Refusal)>> {
    let deadline = run.deadline;
    let connecting = deadline.min(Instant::now() + CONNECTING);
    let connected = run
        .until(connecting, |run| Ok(run.source()?.instrument().map(|_| ())))
        .await?;
    if connected.is_none() {
        bail!(
            "nothing there can be commanded, or it did not answer: {}",
            run.trouble()
        );
    }
    let telling = deadline.min(Instant::now() + TELLING);
    let mut last = Err(anyhow!("nothing was said"));
    // Allowed already, while not everything has been told.
    let mut hasty = None;
    let judged = run
        .until(telling, |run| {
            let source = run.source()?;
            let known = source.instrument.as_ref().context("it was there")?;
            let instrument = &*known.state;
            let name = source.info.name.as_str();
            let vocabulary = Vocabulary::of_instrument(name, Arc::clone(&known.state));
            let command = match intent::parse(line, &vocabulary) {
                Ok(Order::Command { command, .. }) => {
                    files::command(command).map_err(|why| anyhow!(why))?
                }
                Ok(_) => {
                    let words = format!(
                        "\"{line}\" asks nothing of an instrument: write for example move x 1mm; \
                         to stop, ttyscope stop {name}"
                    );
                    return Err(WrongWords(words).into());
                }
                // A name may be told yet.
                Err(error) => {
                    last = Err(WrongWords(error.to_string()).into());
                    return Ok(None);
                }
            };
            Ok(match check(instrument, &command, false) {
                Ok(()) if instrument.axes.iter().any(|a| a.motion == Motion::Unknown) => {
                    hasty = Some(command);
                    None
                }
                Ok(()) => Some(Ok(command)),
                Err(
                    refusal @ (Refusal::NotOffered { .. }
                    | Refusal::NoSuch { .. }
                    | Refusal::PositionUnknown { .. }
                    | Refusal::LimitsUnknown { .. }),
                ) => {
                    last = Ok((command, refusal));
                    None
                }
                Err(refusal) => Some(Err((command, refusal))),
            })
        })
        .await?;
    match (judged, hasty) {
        (Some(judged), _) => Ok(judged),
        (None, Some(command)) => Ok(Ok(command)),
        (None, None) => Ok(Err(last?)),
    }
}

fn say_report(plan: &Plan, simulated: bool, report: &CommandReport) {
    let detail = report.detail.as_ref().map(PlainText::as_str);
    match plan.voice {
        Voice::Json => voice::json_line(
            Patience::Word,
            &Outcome {
                source: &plan.source.name,
                simulated,
                command: &report.command,
                state: report.state.as_str(),
                detail,
                before: places(&report.before),
                after: places(&report.after),
            },
        ),
        Voice::People | Voice::Silent => {
            let mark = if simulated { "  SIMULATED" } else { "" };
            let detail = detail.map_or(String::new(), |detail| format!(": {detail}"));
            let words = format_args!(
                "{}: {}{detail}{mark}\n",
                report.command,
                report.state.as_str()
            );
            voice::text(&words);
        }
    }
}
