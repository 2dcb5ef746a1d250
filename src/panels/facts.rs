//! What the sources said so far: the one thing all panels look at.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use super::commands::{self, Commands};
use super::fleet::KnownFleet;
use super::instrument::KnownInstrument;
use super::journal::{Entry, EntryKind, Journal};
use super::market::Market;
use super::pace::Paces;
use super::signals::Signals;
use super::stops::{self, Stops};
use super::tables::Tables;
use crate::imaging::Picture;
use crate::model::condition::Knowledge;
use crate::model::{
    CameraKey, Instrument, LinkState, LogLine, Origin, Payload, PlainText, RecorderState,
    RecorderStatus, Sample, Severity, SourceId, SourceInfo, Stamp, Value, size_text,
};
use crate::pipeline::{CameraSnapshot, LoopStats, PipelineSnapshot, SourceSnapshot, TerminalStats};
use crate::ui::number;

/// One source.
#[derive(Clone, Debug, PartialEq)]
pub struct SourceFacts {
    /// What was known before it said anything.
    pub info: SourceInfo,
    /// The state of its connection, once it was told.
    pub link: Option<LinkState>,
    /// Since when.
    pub link_since: Stamp,
    /// Since when it has brought nothing, once it was lost.
    pub lost_since: Option<Stamp>,
    /// Why the connection was last lost, until it stands again.
    pub last_trouble: Option<String>,
    /// Its figures in the pipeline.
    pub snapshot: Option<SourceSnapshot>,
    /// Its readings and events.
    pub signals: Signals,
    /// Its pictures, counted there and here.
    pub paces: Paces,
    /// Its instrument, once it described one.
    pub instrument: Option<KnownInstrument>,
    /// Its workers, once it described them.
    pub fleet: Option<KnownFleet>,
    /// The commands given to it.
    pub commands: Commands,
    /// Its books and feeds, if it is a market.
    pub market: Market,
    /// Its stop path, and what became of stops.
    pub stops: Stops,
    /// Its live tables.
    pub tables: Tables,
}

impl SourceFacts {
    /// A camera's figures.
    pub fn camera(&self, detector: &PlainText) -> Option<&CameraSnapshot> {
        let cameras = &self.snapshot.as_ref()?.cameras;
        cameras.iter().find(|camera| camera.detector == *detector)
    }

    /// Its cameras.
    pub fn cameras(&self) -> &[CameraSnapshot] {
        self.snapshot
            .as_ref()
            .map_or(&[], |snapshot| snapshot.cameras.as_slice())
    }

    /// The instrument as it last described itself.
    pub fn instrument(&self) -> Option<&Instrument> {
        self.instrument.as_ref().map(|known| &*known.state)
    }

    /// Whether it can be stopped: it has described an instrument, or a way to stop one.
    pub fn is_stoppable(&self) -> bool {
        self.instrument.is_some() || self.stops.path().is_some()
    }

    /// Whether pictures are coming in.
    pub fn is_streaming(&self) -> bool {
        self.cameras().iter().any(|camera| camera.fps > 0.0)
    }
}

impl Knowledge for SourceFacts {
    fn link(&self) -> Option<&LinkState> {
        self.link.as_ref()
    }

    fn instrument(&self) -> Option<&Instrument> {
        self.instrument()
    }

    fn reading(&self, name: &str) -> Option<(&Value, &str)> {
        let signal = self.signals.reading(name)?;
        Some((&signal.value, signal.unit))
    }
}

/// All of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Facts {
    /// By [`SourceId`].
    pub sources: Vec<SourceFacts>,
    /// The newest picture of each camera that was watched.
    pub pictures: BTreeMap<CameraKey, Arc<Picture>>,
    /// What happened, line by line.
    pub journal: Journal,
    /// What the recorder is doing.
    pub recorder: RecorderStatus,
    /// Bytes per second to its file, over the last seconds.
    pub recorder_bytes_per_s: f64,
    /// The main loop.
    pub turns: LoopStats,
    /// The terminal.
    pub terminal: TerminalStats,
    written: VecDeque<(u64, u64)>,
}

/// The recorder writes in chunks of up to a second; over five its rate stands still.
const WRITE_RATE_NS: u64 = 5_000_000_000;

impl Facts {
    /// Before anything was said.
    pub fn new(sources: Vec<SourceInfo>, started: Stamp) -> Self {
        Self {
            sources: sources
                .into_iter()
                .map(|info| SourceFacts {
                    info,
                    link: None,
                    link_since: started,
                    lost_since: None,
                    last_trouble: None,
                    snapshot: None,
                    signals: Signals::default(),
                    paces: Paces::default(),
                    instrument: None,
                    fleet: None,
                    commands: Commands::default(),
                    market: Market::default(),
                    stops: Stops::default(),
                    tables: Tables::default(),
                })
                .collect(),
            pictures: BTreeMap::new(),
            journal: Journal::default(),
            recorder: RecorderStatus::default(),
            recorder_bytes_per_s: 0.0,
            turns: LoopStats::default(),
            terminal: TerminalStats::default(),
            written: VecDeque::new(),
        }
    }

    /// Forgets all that was said, as of `since`: what comes next is of another time. What our own
    /// loop, terminal and recorder do goes on.
    pub fn forget(&mut self, since: Stamp) {
        let infos = self.sources.iter().map(|source| source.info.clone());
        let fresh = Self::new(infos.collect(), since);
        self.sources = fresh.sources;
        self.pictures = fresh.pictures;
        self.journal = fresh.journal;
    }

    /// The source of that number.
    pub fn source(&self, id: SourceId) -> Option<&SourceFacts> {
        self.sources.get(usize::from(id.0))
    }

    /// Takes in what a source said. One that is not in the list is a mistake of the caller and is
    /// passed over.
    pub fn take_sample(&mut self, sample: &Sample) {
        let index = usize::from(sample.source.0);
        let Some(source) = self.sources.get_mut(index) else {
            return;
        };
        let at = sample.received;
        match &sample.payload {
            Payload::Readings(readings) => {
                source.signals.take_readings(readings, at);
                source.paces.take_readings(readings, at);
            }
            Payload::Message(message) => source.signals.take_message(message, at),
            // Pictures come by `take_picture`, made for the cells they are drawn in.
            Payload::Frame(_) => {}
            Payload::Instrument(state) => {
                let known = source.instrument.take();
                source.instrument = Some(KnownInstrument::take(known, state, at));
            }
            Payload::Command(report) => {
                let outcome = commands::outcome(report);
                if source.commands.take(report, at)
                    && let Some((severity, text)) = outcome
                {
                    let who = source.info.name.clone();
                    self.journal
                        .add(Entry::new(at, severity, EntryKind::Command, who, text));
                }
            }
            Payload::Fleet(state) => {
                let (known, marks) = KnownFleet::take(source.fleet.take(), state);
                source.fleet = Some(known);
                for text in marks {
                    let who = source.info.name.clone();
                    let kind = EntryKind::Fault;
                    self.journal
                        .add(Entry::new(at, Severity::Warning, kind, who, text));
                }
            }
            Payload::Stop(event) => {
                let change = source.stops.take(event, at);
                if let Some((severity, text)) = change.and_then(stops::line) {
                    let who = source.info.name.clone();
                    self.journal
                        .add(Entry::new(at, severity, EntryKind::Stop, who, text));
                }
            }
            Payload::Link(state) => take_link(source, &mut self.journal, state, at),
            Payload::Fault(fault) => self.journal.add(Entry::new(
                at,
                fault.severity,
                EntryKind::Fault,
                source.info.name.clone(),
                fault.text.clone(),
            )),
            Payload::Loss(loss) => self.journal.add(Entry::new(
                at,
                Severity::Warning,
                EntryKind::Loss,
                source.info.name.clone(),
                PlainText::from(format!(
                    "{} of the {} lane lost: {}",
                    number::count(loss.count),
                    loss.lane.as_str(),
                    loss.reason.as_str()
                )),
            )),
            Payload::Log(line) => self.journal.add(Entry::new(
                at,
                line.severity,
                EntryKind::Log,
                source.info.name.clone(),
                PlainText::from(format!("{}: {}", line.origin, line.text)),
            )),
            Payload::Book(view) => {
                if let Some(text) = source.market.take_book(view, at) {
                    let who = source.info.name.clone();
                    let text = PlainText::from(text);
                    let severity = Severity::Info;
                    self.journal
                        .add(Entry::new(at, severity, EntryKind::Link, who, text));
                }
            }
            Payload::Trade(trade) => source.market.take_trade(trade, at),
            Payload::Feed(feed) => source.market.take_feed(feed, at),
            // The screen has the book as a view; the changes are evidence, for the disk.
            Payload::BookEvent(_) => {}
            Payload::Rows(rows) => source.tables.take(rows, at),
        }
    }

    /// Takes in a line of our own log.
    pub fn take_log(&mut self, at: Stamp, line: &LogLine) {
        self.journal.add(Entry::new(
            at,
            line.severity,
            EntryKind::Log,
            line.origin.clone(),
            line.text.clone(),
        ));
    }

    /// Takes in a picture, unless one that was received later is there already.
    pub fn take_picture(&mut self, picture: Picture) {
        let newer_is_there = self
            .pictures
            .get(&picture.camera)
            .is_some_and(|there| there.received.mono_ns > picture.received.mono_ns);
        if !newer_is_there {
            self.pictures
                .insert(picture.camera.clone(), Arc::new(picture));
        }
    }

    /// Takes in the figures of the pipeline.
    pub fn take_snapshot(&mut self, snapshot: PipelineSnapshot) {
        self.note_recorder(&snapshot);
        self.recorder = snapshot.recorder;
        self.turns = snapshot.turns;
        self.terminal = snapshot.terminal;
        for source in &mut self.sources {
            source.market.tick(snapshot.at);
            source.tables.tick(snapshot.at);
        }
        for figures in snapshot.sources {
            if let Some(source) = self.sources.get_mut(usize::from(figures.id.0)) {
                if figures.simulated {
                    mark_simulated(&mut source.info);
                }
                source.paces.take_cameras(&figures.cameras, snapshot.at);
                source.snapshot = Some(figures);
            }
        }
    }

    fn note_recorder(&mut self, snapshot: &PipelineSnapshot) {
        let now = &snapshot.recorder;
        let words = match (&self.recorder.state, &now.state) {
            (before, after) if before == after => None,
            (_, RecorderState::Recording) => {
                let file = now.file.as_ref().map_or("", |file| file.as_str());
                Some((Severity::Info, format!("recording to {file}")))
            }
            (_, RecorderState::Draining) => {
                Some((Severity::Info, "stopping: writing what waits".to_owned()))
            }
            (_, RecorderState::Off) => {
                let written = size_text(self.recorder.written_bytes.max(now.written_bytes));
                Some((Severity::Info, format!("recording ended after {written}")))
            }
            // The recorder's own line says why, and what follows.
            (_, RecorderState::Waiting(_)) => None,
            (_, RecorderState::Failed(why)) => {
                Some((Severity::Error, format!("recording failed: {why}")))
            }
        };
        if let Some((severity, text)) = words {
            self.journal.add(Entry::new(
                snapshot.at,
                severity,
                EntryKind::Recorder,
                PlainText::from("recorder"),
                PlainText::from(text),
            ));
        }
        let saves =
            |status: &RecorderStatus| status.black_box.as_ref().map_or(0, |kept| kept.saves);
        let newest = now.black_box.as_ref().and_then(|kept| kept.last.as_ref());
        if saves(now) > saves(&self.recorder)
            && let Some(saved) = newest
        {
            let severity = match saved.trouble {
                Some(_) => Severity::Error,
                None => Severity::Info,
            };
            self.journal.add(Entry::new(
                snapshot.at,
                severity,
                EntryKind::Recorder,
                PlainText::from("recorder"),
                PlainText::from(saved.sentence()),
            ));
        }
        if now.state != RecorderState::Recording || now.began_mono_ns != self.recorder.began_mono_ns
        {
            self.written.clear();
        }
        let at = snapshot.at.mono_ns;
        self.written.push_back((at, now.written_bytes));
        while self.written.len() > 2
            && self
                .written
                .get(1)
                .is_some_and(|(then, _)| at.saturating_sub(*then) >= WRITE_RATE_NS)
        {
            self.written.pop_front();
        }
        self.recorder_bytes_per_s = match self.written.front() {
            Some((then, bytes)) if at > *then => {
                now.written_bytes.saturating_sub(*bytes) as f64 * 1e9 / (at - then) as f64
            }
            _ => 0.0,
        };
    }
}

/// A simulator that somebody else started is no instrument either, and what it said no more so when
/// it is played.
fn mark_simulated(info: &mut SourceInfo) {
    const WORD: &str = "SIMULATED";
    match (info.origin, &info.caution) {
        (Origin::Live, _) => info.origin = Origin::Simulated,
        (Origin::Simulated, _) => {}
        (Origin::Replay, None) => info.caution = Some(WORD.into()),
        (Origin::Replay, Some(said)) if said.contains(WORD) => {}
        (Origin::Replay, Some(said)) => info.caution = Some(format!("{WORD}, {said}").into()),
    }
}

fn take_link(source: &mut SourceFacts, journal: &mut Journal, state: &LinkState, at: Stamp) {
    let lasted = number::age(at.since(source.link_since));
    let text = match state {
        LinkState::Connecting { .. } => "connecting".to_owned(),
        LinkState::Connected => "connected".to_owned(),
        LinkState::Live => match (source.lost_since.take(), &source.link) {
            (Some(lost), _) => format!("live again after {}", number::age(at.since(lost))),
            (None, Some(LinkState::Stale { .. })) => format!("live again after {lasted}"),
            (None, _) => "live".to_owned(),
        },
        LinkState::Stale { missing } => format!("stale: {missing}"),
        LinkState::Down {
            reason,
            detail,
            retry_in,
        } => {
            // When the next try is stands on the overview; without it equal lines are folded.
            let follows = match retry_in {
                Some(_) => "",
                None => " (no further try)",
            };
            format!("down: {reason}: {detail}{follows}")
        }
        LinkState::Ended => "ended".to_owned(),
    };
    source.last_trouble = match state {
        LinkState::Down { detail, .. } => Some(detail.to_string()),
        LinkState::Connecting { .. } => source.last_trouble.take(),
        _ => None,
    };
    let same_kind = source.link.as_ref().map(LinkState::word) == Some(state.word());
    if !same_kind || matches!(state, LinkState::Down { .. }) {
        source.link_since = at;
    }
    if matches!(state, LinkState::Down { .. }) {
        source.paces.reset();
        source.lost_since.get_or_insert(at);
    }
    if matches!(state, LinkState::Down { .. } | LinkState::Ended)
        && let Some(instrument) = &mut source.instrument
    {
        instrument.lose(at);
    }
    source.link = Some(state.clone());
    // A source that is away all night would fill the journal with tries; each that fails counts in
    // the line that says why.
    if matches!(state, LinkState::Connecting { attempt: 2.. }) {
        return;
    }
    journal.add(Entry::new(
        at,
        match state {
            // The first try is nothing to look at.
            LinkState::Connecting { .. } => Severity::Info,
            state => state.severity(),
        },
        EntryKind::Link,
        source.info.name.clone(),
        PlainText::from(text),
    ));
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::model::{EndReason, Origin};

    #[test]
    fn the_journal_says_how_long_a_source_was_away() {
        let info = SourceInfo {
            id: SourceId(0),
            name: "scope".into(),
            address: "imswitch://scope".into(),
            origin: Origin::Live,
            caution: None,
        };
        let mut facts = Facts::new(vec![info], Stamp::default());
        let down = || LinkState::Down {
            reason: EndReason::Refused,
            detail: "nobody there".into(),
            retry_in: Some(Duration::from_secs(1)),
        };
        let stale = LinkState::Stale {
            missing: "no frame".into(),
        };
        let states = [
            LinkState::Connecting { attempt: 1 },
            LinkState::Live,
            down(),
            LinkState::Connecting { attempt: 2 },
            down(),
            LinkState::Connecting { attempt: 3 },
            LinkState::Connected,
            LinkState::Live,
            stale,
            LinkState::Live,
        ];
        for (second, state) in (1..).zip(states) {
            let received = Stamp {
                mono_ns: second * 1_000_000_000,
                unix_ns: 0,
            };
            facts.take_sample(&Sample {
                source: SourceId(0),
                received,
                payload: Payload::Link(state),
            });
        }
        let lines: Vec<String> = facts
            .journal
            .entries()
            .map(|entry| format!("{} x{}", entry.text, entry.count))
            .collect();
        assert_eq!(
            lines,
            [
                "connecting x1",
                "live x1",
                "down: refused: nobody there x2",
                "connected x1",
                "live again after 5 s x1",
                "stale: no frame x1",
                "live again after 1 s x1",
            ]
        );
    }
}
