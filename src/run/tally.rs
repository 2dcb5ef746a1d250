//! The verbs `stats` and `book`: watch one source for a while and say what the screens would show,
//! as data. They always end: after their time, at a signal, when the source has nothing more to
//! say, or when nobody reads.

mod seen;
mod sheet;
mod sheets;
mod stdout;

use std::sync::Arc;
use std::time::Duration;

use anyhow::bail;
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep_until};

use super::journal::{self, Journal};
use super::mission::{Exit, block_on};
use super::session::{Feed, Recording, Session};
use super::signals::{Signals, Told};
use super::voice::{Patience, Voice, people};
use crate::model::{BookState, Fate, LaneKind, LinkState, Stamp};
use crate::pipeline::{LoopStats, TerminalStats};
use crate::recording::rfc3339;
use seen::Seen;
use sheet::{Sheet, Writer};
use stdout::Gone;

pub use sheet::Format;

/// Items taken in before signals and the clock get their turn.
const TURN_LIMIT: usize = 512;
/// Whether anybody still reads is looked at this often.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// What is watched, and how it is said.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Where it comes from.
    pub feed: Feed,
    /// For how long at most.
    pub duration: Duration,
    /// How it is written.
    pub format: Format,
    /// Which tables.
    pub wanted: Wanted,
}

/// Which tables are written, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// All figures, at the end.
    Figures,
    /// The levels of every book.
    Ladders {
        /// Levels of each side at most.
        depth: usize,
        /// How often; only at the end if `None`.
        every: Option<Duration>,
    },
}

/// Why the watch ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ending {
    /// Its time is over, or the source has ended, or a signal asked for it.
    Done,
    /// Nobody reads any more.
    Unread,
}

/// Watches and writes.
///
/// # Errors
/// What is to be watched cannot be started, or standard output takes nothing.
pub fn run(plan: &Plan, _journal: Journal) -> anyhow::Result<Exit> {
    block_on(async move {
        let mut signals = Signals::listen()?;
        let session = Session::start(plan.feed.clone(), Recording::Never, None).await?;
        let measuring = session.measure_unseen();
        let mut watch = Watch::new(plan, &session);
        let watched = watch.watch(&mut signals).await;
        let exit = match watched {
            Ok(Ending::Done) => watch.say_end(&mut signals).await,
            Ok(Ending::Unread) => Ok(Exit::Done),
            Err(error) => Err(error),
        };
        drop(measuring);
        let remains = session.end().await;
        let exit = exit?;
        // The figures are of what could be read of a recording.
        for sentence in &remains.not_replayed {
            say(format_args!("ttyscope: {sentence}"));
        }
        Ok(match remains.not_replayed.is_empty() {
            true => exit,
            false => Exit::Incomplete,
        })
    })
}

struct Watch<'a> {
    plan: &'a Plan,
    session: &'a Session,
    seen: Vec<Seen>,
    writer: Writer,
    /// The newest stamp: a replay at full speed runs ahead of the clock.
    newest: Stamp,
}

impl<'a> Watch<'a> {
    fn new(plan: &'a Plan, session: &'a Session) -> Self {
        Self {
            plan,
            session,
            seen: session.sources.iter().cloned().map(Seen::new).collect(),
            writer: Writer::new(plan.format),
            newest: Stamp::default(),
        }
    }

    async fn watch(&mut self, signals: &mut Signals) -> anyhow::Result<Ending> {
        let began = Instant::now();
        let end = began + self.plan.duration;
        let every = match self.plan.wanted {
            Wanted::Ladders { every, .. } => every,
            Wanted::Figures => None,
        };
        let mut due = every.map(|every| began + every);
        let mut look = interval_at(began + LOOK_EVERY, LOOK_EVERY);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let lanes = Arc::clone(&self.session.lanes);
        loop {
            let taken = self.take();
            if self.seen.iter().all(Seen::has_ended) && taken == 0 {
                return Ok(Ending::Done);
            }
            let next = due.unwrap_or(end);
            tokio::select! {
                // No flood stands before a signal or the clock.
                biased;
                told = signals.recv() => match told {
                    Told::Interrupt | Told::Terminate | Told::HangUp => return Ok(Ending::Done),
                    Told::Dump | Told::Resize => {}
                },
                () = sleep_until(end) => return Ok(Ending::Done),
                () = sleep_until(next) => {
                    due = every.map(|every| next + every);
                    if !self.write(self.sheets(), signals).await? {
                        return Ok(Ending::Unread);
                    }
                }
                _ = look.tick() => {
                    self.session.tick();
                    if stdout::is_closed() {
                        return Ok(Ending::Unread);
                    }
                }
                () = tokio::task::yield_now(), if taken == TURN_LIMIT => {}
                () = lanes.ready(), if taken < TURN_LIMIT => {}
            }
        }
    }

    /// Takes in what has arrived, up to a turn's limit.
    fn take(&mut self) -> usize {
        let mut taken = 0;
        while taken < TURN_LIMIT
            && let Some(delivery) = self.session.lanes.try_take()
        {
            taken += 1;
            delivery.ticket.settle(Fate::Shown);
            let sample = delivery.sample;
            self.session.note(&sample);
            let Some(seen) = self.seen.get_mut(usize::from(sample.source.0)) else {
                continue;
            };
            if sample.received.mono_ns > self.newest.mono_ns {
                self.newest = sample.received;
            }
            if sample.payload.lane() == LaneKind::Control {
                journal::log_sample(seen.info.name.as_str(), &sample);
            }
            if let Some(change) = seen.take(&sample) {
                let (name, verdict) = (&seen.info.name, change.verdict.as_str());
                let at = rfc3339(change.at.unix_ns);
                say(format_args!("{at} {name}: {verdict}: {}", change.evidence));
            }
        }
        taken
    }

    fn now(&self) -> Stamp {
        let now = self.session.clock.now();
        match now.mono_ns > self.newest.mono_ns {
            true => now,
            false => self.newest,
        }
    }

    fn sheets(&self) -> Vec<Sheet> {
        match self.plan.wanted {
            Wanted::Ladders { depth, .. } => sheets::ladders(&self.seen, depth, self.now()),
            Wanted::Figures => {
                let (turns, terminal) = (LoopStats::default(), TerminalStats::default());
                let figures = self.session.snapshot(turns, terminal).sources;
                sheets::all(&self.seen, &figures, self.now())
            }
        }
    }

    /// Writes tables; `false` if nobody reads any more, or a signal came while nobody read.
    async fn write(&mut self, sheets: Vec<Sheet>, signals: &mut Signals) -> anyhow::Result<bool> {
        let mut text = String::new();
        self.writer.write(&sheets, &mut text);
        let mut writing = tokio::task::spawn_blocking(move || stdout::write_all(&text));
        loop {
            tokio::select! {
                written = &mut writing => return match written {
                    Ok(Ok(())) => Ok(true),
                    Ok(Err(Gone::Closed)) => Ok(false),
                    Ok(Err(Gone::Stuck)) => bail!("standard output was not read for 10 s"),
                    Err(error) => bail!("writing to standard output failed: {error}"),
                },
                told = signals.recv() => if !matches!(told, Told::Dump | Told::Resize) {
                    return Ok(false);
                },
            }
        }
    }

    /// The last tables, and what is missing in them.
    async fn say_end(&mut self, signals: &mut Signals) -> anyhow::Result<Exit> {
        self.take();
        let sheets = self.sheets();
        if !self.write(sheets, signals).await? {
            return Ok(Exit::Done);
        }
        let missing: Vec<String> = self
            .seen
            .iter()
            .flat_map(|seen| self.missing(seen))
            .collect();
        for sentence in &missing {
            say(format_args!("ttyscope: {sentence}"));
        }
        Ok(match missing.is_empty() {
            true => Exit::Done,
            false => Exit::Incomplete,
        })
    }

    /// What a reader of the tables has to know is not in them.
    fn missing(&self, seen: &Seen) -> Vec<String> {
        let name = &seen.info.name;
        let link = seen.link.as_ref().map_or("starting", LinkState::word);
        let trouble = match &seen.trouble {
            Some(trouble) => format!("; {trouble}"),
            None => String::new(),
        };
        let wants_books = matches!(self.plan.wanted, Wanted::Ladders { .. });
        if wants_books && seen.books.is_empty() {
            return vec![format!("{name}: no order book came; it is {link}{trouble}")];
        }
        if !wants_books && !seen.has_data() {
            return vec![format!("{name}: nothing came; it is {link}{trouble}")];
        }
        let mut missing = Vec::new();
        for view in seen.books.values() {
            let symbol = &view.book.symbol;
            match &view.state {
                BookState::Live => {}
                state => {
                    let word = state.as_str();
                    let detail = state.detail().map_or("", |detail| detail.as_str());
                    missing.push(format!("{name}: {symbol} is not live: {word}: {detail}"));
                }
            }
            if view.counters.gaps > 0 {
                let gaps = match view.counters.gaps {
                    1 => "1 gap".to_owned(),
                    gaps => format!("{gaps} gaps"),
                };
                missing.push(format!("{name}: {symbol} had {gaps}"));
            }
        }
        if !wants_books && let Some(trouble) = seen.fleet_trouble() {
            missing.push(format!("{name}: {trouble}"));
        }
        missing
    }
}

fn say(line: std::fmt::Arguments<'_>) {
    people(Voice::People, Patience::Status, line);
}
