//! The loop without a screen: watches over the pipeline and says once a second how it is.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::Serialize;
use tokio::time::{Instant, MissedTickBehavior, interval_at};

use super::journal::{self, Journal};
use super::service::{self, Due, Figures, Service};
use super::session::Session;
use super::signals::{Signals, Told};
use super::voice::{Patience, Voice, json_line, people};
use crate::model::{
    BlackBoxStatus, CommandState, DiskRoom, Fate, LinkState, LogLine, Origin, Payload,
    RecorderState, Sample, SourceId, StopEvent, size_text,
};
use crate::pipeline::{LoopStats, PipelineSnapshot, TerminalStats};
use crate::recording::rfc3339;
use crate::ui::number;

/// Items taken in before signals and the clock get their turn.
const TURN_LIMIT: usize = 512;

/// When the watch is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    /// The recording has ended, or a signal.
    RecordingEnds,
    /// All sources have ended, or a signal.
    SourcesEnd,
}

/// Why the watch ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// What it was waiting for.
    Done,
    /// A signal asked for it.
    Asked,
}

/// Commands that are told apart for the verdict.
const MAX_COMMANDS: usize = 100_000;

/// What was told of a source beside what it measures, for the verdict.
#[derive(Clone, Debug, Default)]
pub struct Heard {
    /// Where each command was last, by its number.
    pub commands: BTreeMap<u64, CommandState>,
    /// The presses of the stop that it was to obey.
    pub stops: BTreeSet<u64>,
    /// Items that it, or the recorder, said were lost.
    pub lost: u64,
}

/// What was seen of the links, and told of commands, stops and losses, for the verdict.
#[derive(Clone, Debug, Default)]
pub struct Links {
    states: BTreeMap<SourceId, LinkState>,
    /// How often each was lost after it had been up.
    pub losses: BTreeMap<SourceId, u64>,
    /// Those that were up at least once.
    pub seen_up: BTreeMap<SourceId, bool>,
    /// What was told of each source.
    pub told: BTreeMap<SourceId, Heard>,
}

impl Heard {
    fn take(&mut self, payload: &Payload) {
        match payload {
            Payload::Command(report) => {
                let number = report.id.0;
                if self.commands.len() < MAX_COMMANDS || self.commands.contains_key(&number) {
                    self.commands.insert(number, report.state);
                }
            }
            Payload::Stop(StopEvent::Report(report)) if self.stops.len() < MAX_COMMANDS => {
                self.stops.insert(report.press.number);
            }
            Payload::Loss(loss) => self.lost = self.lost.saturating_add(loss.count),
            _ => {}
        }
    }
}

impl Links {
    /// Takes in what the control lane brought.
    pub fn take(&mut self, sample: &Sample) {
        let Payload::Link(state) = &sample.payload else {
            self.told
                .entry(sample.source)
                .or_default()
                .take(&sample.payload);
            return;
        };
        let was_up = matches!(
            self.states.get(&sample.source),
            Some(LinkState::Connected | LinkState::Live | LinkState::Stale { .. })
        );
        match state {
            LinkState::Connected | LinkState::Live => {
                self.seen_up.insert(sample.source, true);
            }
            LinkState::Down { .. } if was_up => {
                *self.losses.entry(sample.source).or_default() += 1;
            }
            _ => {}
        }
        self.states.insert(sample.source, state.clone());
    }

    /// What a source last said of its link.
    pub fn state(&self, source: SourceId) -> Option<&LinkState> {
        self.states.get(&source)
    }

    fn all_ended(&self, sources: usize) -> bool {
        let over = |state: &LinkState| {
            matches!(
                state,
                LinkState::Ended | LinkState::Down { retry_in: None, .. }
            )
        };
        self.states.len() == sources && self.states.values().all(over)
    }
}

/// Watches until it is over. Never waits for disk or network. A `service` is kept going.
pub async fn watch(
    session: &Session,
    signals: &mut Signals,
    mut journal: Option<&mut Journal>,
    mut service: Option<&mut Service>,
    voice: Voice,
    until: Until,
    links: &mut Links,
) -> Ending {
    let began = Instant::now();
    let second = Duration::from_secs(1);
    let mut said = 0;
    let mut status = interval_at(began + second, second);
    status.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let mut taken = 0;
        while taken < TURN_LIMIT
            && let Some(delivery) = session.lanes.try_take()
        {
            taken += 1;
            delivery.ticket.settle(Fate::Shown);
            links.take(&delivery.sample);
            session.note(&delivery.sample);
            say_sample(session, &delivery.sample, voice);
        }
        let recorded = until == Until::RecordingEnds && session.recording_ended();
        if recorded || links.all_ended(session.sources.len()) {
            return Ending::Done;
        }
        if let Some(service) = &mut service {
            service.look(&session.recorder());
            if service.take_once_more() {
                service.reload(session);
            }
        }
        tokio::select! {
            // As in the event loop: no flood stands before a signal or the clock.
            biased;
            told = signals.recv() => match told {
                Told::Terminate | Told::Interrupt => return Ending::Asked,
                // A recorder outlives its terminal.
                Told::HangUp => if let Some(service) = &mut service {
                    service.reload(session);
                },
                Told::Dump => service::dump(&Figures::of(session, snapshot(session), links)),
                Told::Resize => {}
            },
            () = session.recorder_changed() => say_saved(session, &mut said, voice),
            _ = status.tick() => {
                session.tick();
                let snapshot = snapshot(session);
                say_status(session, &snapshot, links, began.elapsed(), voice);
                if let Some(service) = &mut service {
                    service.tick(session, snapshot, links);
                }
            }
            due = service_due(&mut service) => if let Some(service) = &mut service {
                service.take(due, session);
            },
            Some(line) = next_line(&mut journal) => people(
                voice,
                Patience::Status,
                format_args!("{}: {}", line.severity.as_str(), line.text),
            ),
            () = tokio::task::yield_now(), if taken == TURN_LIMIT => {}
            () = session.lanes.ready() => {}
        }
    }
}

fn snapshot(session: &Session) -> PipelineSnapshot {
    session.snapshot(LoopStats::default(), TerminalStats::default())
}

async fn service_due(service: &mut Option<&mut Service>) -> Due {
    match service {
        Some(service) => service.due().await,
        None => std::future::pending().await,
    }
}

async fn next_line(journal: &mut Option<&mut Journal>) -> Option<LogLine> {
    match journal {
        Some(journal) => journal.recv().await,
        None => None,
    }
}

/// Tells of a link, a fault or a loss.
pub fn say_sample(session: &Session, sample: &Sample, voice: Voice) {
    let name = session
        .sources
        .get(usize::from(sample.source.0))
        .map_or("?", |source| source.name.as_str());
    journal::log_sample(name, sample);
    match &sample.payload {
        Payload::Link(state) => people(
            voice,
            Patience::Status,
            format_args!("{name}: {}", journal::describe(state)),
        ),
        Payload::Fault(fault) => people(
            voice,
            Patience::Status,
            format_args!("{name}: {}: {}", fault.severity.as_str(), fault.text),
        ),
        Payload::Loss(loss) => people(
            voice,
            Patience::Status,
            format_args!(
                "{name}: lost {} of {}: {}",
                loss.count,
                loss.lane.as_str(),
                loss.reason.as_str()
            ),
        ),
        _ => {}
    }
}

/// One status line as JSON.
#[derive(Debug, Serialize)]
struct Status<'a> {
    elapsed_s: f64,
    /// Tasks that run, of all connections and everything beside them.
    tasks: usize,
    sources: Vec<SourceStatus<'a>>,
    recorder: RecorderLine<'a>,
}

#[derive(Debug, Serialize)]
struct SourceStatus<'a> {
    name: &'a str,
    simulated: bool,
    state: &'static str,
    rate_hz: f64,
    bytes_per_s: f64,
    received: u64,
    lost: u64,
    in_flight: u64,
    residue: i64,
}

#[derive(Debug, Serialize)]
struct RecorderLine<'a> {
    file: Option<&'a str>,
    /// Which of the recording's files it is; 0 for one that is not made in parts.
    part: u32,
    trouble: Option<&'a str>,
    messages: u64,
    written_bytes: u64,
    waiting_bytes: u64,
    durable_age_s: Option<f64>,
    durable_unix_ns: Option<u64>,
    not_taken: u64,
    free_bytes: Option<u64>,
    /// What is still written: `roomy`, `frames held`, `only control` or `full`.
    disk: &'static str,
    /// Since when not everything is, Unix nanoseconds.
    disk_since_unix_ns: Option<u64>,
    /// What was not written since then for want of room.
    disk_missing: u64,
    /// Why nothing is being written, while the recorder waits for its disk.
    waits_because: Option<&'a str>,
    black_box: Option<BlackBoxLine>,
}

/// What is kept of the last seconds.
#[derive(Debug, Serialize)]
struct BlackBoxLine {
    held_s: f64,
    held_bytes: u64,
    is_saving: bool,
    saves: u64,
    held_back: u64,
    last: Option<SavedLine>,
}

/// The newest file of them.
#[derive(Debug, Serialize)]
struct SavedLine {
    path: String,
    because: String,
    span_s: f64,
    size_bytes: u64,
    missing: u64,
    trouble: Option<String>,
}

impl BlackBoxLine {
    fn of(kept: &BlackBoxStatus) -> Self {
        let last = kept.last.as_ref().map(|saved| SavedLine {
            path: saved.path.to_string(),
            because: saved.because.to_string(),
            span_s: round(saved.span.as_secs_f64()),
            size_bytes: saved.size_bytes,
            missing: saved.missing,
            trouble: saved.trouble.as_ref().map(ToString::to_string),
        });
        Self {
            held_s: round(kept.held.as_secs_f64()),
            held_bytes: kept.held_bytes,
            is_saving: kept.is_saving,
            saves: kept.saves,
            held_back: kept.held_back,
            last,
        }
    }
}

/// Says where the last seconds were saved, once for each file.
fn say_saved(session: &Session, said: &mut u64, voice: Voice) {
    let Some(kept) = session.recorder().black_box else {
        return;
    };
    if kept.saves > *said
        && let Some(saved) = &kept.last
    {
        people(voice, Patience::Word, format_args!("{}", saved.sentence()));
    }
    *said = kept.saves;
}

fn say_status(
    session: &Session,
    snapshot: &PipelineSnapshot,
    links: &Links,
    elapsed: Duration,
    voice: Voice,
) {
    let recorder = &snapshot.recorder;
    let durable_age_s = (recorder.durable_mono_ns > 0)
        .then(|| snapshot.at.mono_ns.saturating_sub(recorder.durable_mono_ns) as f64 / 1e9);
    let sources: Vec<SourceStatus<'_>> = session
        .sources
        .iter()
        .zip(&snapshot.sources)
        .map(|(info, figures)| {
            let total = figures.total();
            SourceStatus {
                name: &info.name,
                simulated: info.origin == Origin::Simulated || figures.simulated,
                state: links
                    .states
                    .get(&info.id)
                    .map_or("starting", LinkState::word),
                rate_hz: round(figures.rate_hz),
                bytes_per_s: figures.bytes_per_s.round(),
                received: total.received,
                lost: figures.lost(),
                in_flight: total.in_flight,
                residue: figures.residue(),
            }
        })
        .collect();
    match voice {
        Voice::Silent => {}
        Voice::Json => {
            let status = Status {
                elapsed_s: round(elapsed.as_secs_f64()),
                tasks: tokio::runtime::Handle::current()
                    .metrics()
                    .num_alive_tasks(),
                sources,
                recorder: RecorderLine {
                    file: recorder.file.as_ref().map(|file| file.as_str()),
                    part: recorder.part,
                    trouble: recorder.trouble.as_ref().map(|trouble| trouble.as_str()),
                    messages: recorder.messages,
                    written_bytes: recorder.written_bytes,
                    waiting_bytes: recorder.waiting_bytes,
                    durable_age_s: durable_age_s.map(round),
                    durable_unix_ns: recorder.durable_unix_ns,
                    not_taken: recorder.not_taken,
                    free_bytes: recorder.free_bytes,
                    disk: recorder.disk.as_str(),
                    disk_since_unix_ns: (recorder.disk_since_unix_ns > 0)
                        .then_some(recorder.disk_since_unix_ns),
                    disk_missing: recorder.disk_missing,
                    waits_because: match &recorder.state {
                        RecorderState::Waiting(why) => Some(why),
                        _ => None,
                    },
                    black_box: recorder.black_box.as_ref().map(BlackBoxLine::of),
                },
            };
            json_line(Patience::Status, &status);
        }
        Voice::People => {
            let mut line = number::elapsed(elapsed);
            for source in &sources {
                line.push_str(&format!(
                    "  {}{} {} {}/s {} MB/s",
                    source.name,
                    if source.simulated { " SIMULATED" } else { "" },
                    source.state,
                    number::rate(source.rate_hz),
                    number::megabytes(source.bytes_per_s)
                ));
            }
            let lost: u64 = sources.iter().map(|source| source.lost).sum();
            if recorder.state == RecorderState::Recording {
                let part = match recorder.part {
                    0 => String::new(),
                    part => format!(" part {part},"),
                };
                line.push_str(&format!(
                    "  rec{part} {} messages {}  waiting {}",
                    recorder.messages,
                    size_text(recorder.written_bytes),
                    size_text(recorder.waiting_bytes),
                ));
            }
            if recorder.state.is_under_way() && recorder.disk != DiskRoom::Roomy {
                line.push_str(&format!(
                    "  ✕ disk full: {} since {}, {} left",
                    recorder.disk.withheld(),
                    rfc3339(recorder.disk_since_unix_ns),
                    recorder
                        .free_bytes
                        .map_or_else(|| "little".to_owned(), size_text),
                ));
            } else if let RecorderState::Waiting(why) = &recorder.state {
                line.push_str(&format!("  ✕ {why}; goes on by itself"));
            }
            if let Some(age_s) = durable_age_s {
                line.push_str(&format!("  durable to {age_s:.1} s ago"));
            }
            line.push_str(&format!("  lost {lost}"));
            if let Some(trouble) = &recorder.trouble {
                line.push_str(&format!("  {trouble}"));
            }
            people(voice, Patience::Status, format_args!("{line}"));
        }
    }
}

fn round(value: f64) -> f64 {
    (value * 1000.0).round() / 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::SourceSpec;
    use crate::pipeline::{RecordingLimits, RecordingPlan, Rotation};
    use crate::run::session::{Feed, Recording};
    use std::path::Path;

    /// A condition that has not come true by now never will.
    const PATIENCE: Duration = Duration::from_secs(60);

    fn plan(dir: &Path, duration: Duration) -> RecordingPlan {
        RecordingPlan {
            dir: dir.to_owned(),
            stem: "t".to_owned(),
            limits: RecordingLimits {
                duration: Some(duration),
                ..RecordingLimits::default()
            },
            rotation: Rotation::default(),
        }
    }

    #[tokio::test]
    async fn a_recording_that_is_over_before_anybody_looks_ends_the_watch() {
        let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("imswitch://{}", silent.local_addr().unwrap());
        let feed = Feed::Sources(vec![SourceSpec::parse(&url).unwrap()]);
        let dir = tempfile::tempdir().unwrap();
        let plan = plan(dir.path(), Duration::from_nanos(1));
        let session = Session::start(feed, Recording::AtOnce(plan), None)
            .await
            .unwrap();
        let mut signals = Signals::listen().unwrap();
        let mut links = Links::default();
        let until = Until::RecordingEnds;
        let watched = watch(
            &session,
            &mut signals,
            None,
            None,
            Voice::Silent,
            until,
            &mut links,
        );
        let ending = tokio::time::timeout(PATIENCE, watched).await;
        assert_eq!(ending, Ok(Ending::Done));
        assert_eq!(session.end().await.outcomes.len(), 1);
    }

    #[tokio::test]
    async fn a_secret_that_is_not_there_leaves_no_file() {
        let url = "socketio://127.0.0.1:9?auth_env=TTYSCOPE_TEST_NEVER_SET";
        let feed = Feed::Sources(vec![SourceSpec::parse(url).unwrap()]);
        let dir = tempfile::tempdir().unwrap();
        let plan = plan(dir.path(), PATIENCE);
        let error = Session::start(feed, Recording::AtOnce(plan), None).await;
        let text = format!("{:#}", error.unwrap_err());
        assert!(text.contains("TTYSCOPE_TEST_NEVER_SET"), "{text}");
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
    }
}
