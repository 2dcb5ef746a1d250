//! What a report tells, collected in one walk over the messages: bounded, however long the
//! recording is.

use std::collections::BTreeMap;

use super::plot::{BINS, Bins, Mark, Track};
use crate::export::Item;
use crate::model::{
    Book, BookChange, BookEvent, CommandReport, Fleet, FleetVerdict, Instrument, LinkState, Motion,
    Payload, PlainText, Reading, Severity, Side, StopEvent, StopReport, Value, decimal,
};

/// Things of one kind that are listed; the rest is counted.
const MOST_LISTED: usize = 500;
/// Numbers of one source that are followed.
const MOST_TRACKS: usize = 256;
/// Order books of one source that are followed, and levels of a side that are kept of each.
const MOST_BOOKS: usize = 32;
const MOST_LEVELS: usize = 5_000;
/// Sources that are told apart.
const MOST_SOURCES: usize = 256;

/// Everything that a page is made of beside the verdicts and the pictures.
pub(super) struct Story {
    pub bins: Bins,
    pub sources: BTreeMap<String, SourceStory>,
    pub happened: Listed<Happening>,
    pub commands: Listed<CommandRow>,
    pub stops: Listed<StopRow>,
    pub fleets: Listed<FleetRow>,
}

/// What is said of one source.
pub(super) struct SourceStory {
    pub messages: Vec<u64>,
    pub frames: Vec<u64>,
    pub bytes: u64,
    pub marks: BTreeMap<Mark, Vec<u64>>,
    /// Axes, then readings, by name.
    pub tracks: BTreeMap<(Kind, String), Track>,
    /// Numbers that were not followed.
    pub left_out: u64,
    /// What it said gave it away as a simulator, whatever it was called.
    pub is_simulated: bool,
    books: BTreeMap<String, Book>,
    link: Option<&'static str>,
    verdict: Option<FleetVerdict>,
}

/// Where a number comes from, the most telling first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Axis,
    Light,
    Spread,
    Middle,
    Reading,
}

/// The first of something, and how many more there were.
pub(super) struct Listed<T> {
    pub items: Vec<T>,
    pub more: u64,
}

impl<T> Default for Listed<T> {
    fn default() -> Self {
        Self {
            items: Vec::new(),
            more: 0,
        }
    }
}

impl<T> Listed<T> {
    fn push(&mut self, item: T) {
        if self.items.len() < MOST_LISTED {
            self.items.push(item);
        } else {
            self.more += 1;
        }
    }
}

/// Something that happened at a moment.
pub(super) struct Happening {
    pub at_ns: u64,
    pub source: String,
    pub mark: Mark,
    pub severity: Severity,
    pub text: String,
}

/// A command and what became of it.
pub(super) struct CommandRow {
    pub source: String,
    pub first_ns: u64,
    pub last_ns: u64,
    pub report: CommandReport,
}

/// A press of the stop at one instrument and what became of it.
pub(super) struct StopRow {
    pub source: String,
    pub at_ns: u64,
    pub report: StopReport,
    /// Everything that was said of it, in order.
    pub answers: String,
    pub is_answered: bool,
}

/// A verdict on a fleet, from when it held.
pub(super) struct FleetRow {
    pub at_ns: u64,
    pub source: String,
    pub verdict: FleetVerdict,
    pub evidence: PlainText,
}

impl SourceStory {
    fn new() -> Self {
        Self {
            messages: vec![0; BINS],
            frames: vec![0; BINS],
            bytes: 0,
            marks: BTreeMap::new(),
            tracks: BTreeMap::new(),
            left_out: 0,
            is_simulated: false,
            books: BTreeMap::new(),
            link: None,
            verdict: None,
        }
    }

    fn follow(&mut self, kind: Kind, name: &str, unit: &str, bin: usize, value: f64) {
        let key = (kind, name.to_owned());
        if self.tracks.len() >= MOST_TRACKS && !self.tracks.contains_key(&key) {
            self.left_out += 1;
            return;
        }
        let track = self.tracks.entry(key).or_insert_with(|| Track::new(unit));
        track.add(bin, value);
    }

    fn mark(&mut self, mark: Mark, bin: usize) {
        let counts = self.marks.entry(mark).or_insert_with(|| vec![0; BINS]);
        if let Some(count) = counts.get_mut(bin) {
            *count += 1;
        }
    }

    fn instrument(&mut self, bin: usize, instrument: &Instrument) {
        for axis in &instrument.axes {
            let proved = axis.position.filter(|_| axis.motion != Motion::Unknown);
            if let Some(position) = proved {
                let unit = axis.unit.as_str();
                self.follow(
                    Kind::Axis,
                    &format!("axis {}", axis.name),
                    unit,
                    bin,
                    position,
                );
            }
        }
        for light in &instrument.lights {
            let name = format!("light {}", light.name);
            match (light.on, light.level) {
                // What does not shine has no level that anything would show.
                (Some(false), Some(_)) => {
                    self.follow(Kind::Light, &name, light.unit.as_str(), bin, 0.0)
                }
                (_, Some(level)) => {
                    self.follow(Kind::Light, &name, light.unit.as_str(), bin, level);
                }
                (Some(on), None) => {
                    self.follow(Kind::Light, &name, "", bin, f64::from(u8::from(on)));
                }
                (None, None) => {}
            }
        }
    }

    fn readings(&mut self, bin: usize, readings: &[Reading]) {
        for reading in readings {
            let value = match &reading.value {
                Value::Float(value) => *value,
                Value::Int(value) => *value as f64,
                Value::Bool(_) | Value::Text(_) => continue,
            };
            self.follow(Kind::Reading, &reading.name, reading.unit, bin, value);
        }
    }

    /// Applies a change of a book and follows what lies between its best prices.
    fn book(&mut self, bin: usize, event: &BookEvent) {
        let name = format!("{} {}", event.book.venue, event.book.symbol);
        if self.books.len() >= MOST_BOOKS && !self.books.contains_key(&name) {
            return;
        }
        let book = self
            .books
            .entry(name.clone())
            .or_insert_with(|| Book::new(event.scales));
        if book.scales() != event.scales && !book.rescale(event.scales) {
            *book = Book::new(event.scales);
        }
        match event.change {
            BookChange::Clear(_) => book.clear(),
            BookChange::Snapshot | BookChange::Replace => book.replace(&event.bids, &event.asks),
            BookChange::Delta { depth } => {
                book.apply(&event.bids, &event.asks);
                for side in [Side::Bid, Side::Ask] {
                    let depth = depth.map_or(MOST_LEVELS, usize::from);
                    book.truncate(side, depth.min(MOST_LEVELS), |_| {});
                }
            }
        }
        let (Some(bid), Some(ask)) = (book.best(Side::Bid), book.best(Side::Ask)) else {
            return;
        };
        let price = |units: i128| decimal::to_f64(units, event.scales.price);
        let (bid, ask) = (i128::from(bid.price), i128::from(ask.price));
        self.follow(
            Kind::Spread,
            &format!("{name} spread"),
            "",
            bin,
            price(ask - bid),
        );
        self.follow(
            Kind::Middle,
            &format!("{name} middle"),
            "",
            bin,
            price(ask + bid) / 2.0,
        );
    }
}

impl Story {
    pub(super) fn new(bins: Bins) -> Self {
        Self {
            bins,
            sources: BTreeMap::new(),
            happened: Listed::default(),
            commands: Listed::default(),
            stops: Listed::default(),
            fleets: Listed::default(),
        }
    }

    /// Takes in one message.
    pub(super) fn take(&mut self, item: &Item<'_>) {
        let at_ns = item.message.log_time_ns;
        let bin = self.bins.of(at_ns);
        let name = item.source;
        if self.sources.len() >= MOST_SOURCES && !self.sources.contains_key(name) {
            return;
        }
        let source = self
            .sources
            .entry(name.to_owned())
            .or_insert_with(SourceStory::new);
        source.bytes += item.message.data.len() as u64;
        if let Some(count) = source.messages.get_mut(bin) {
            // A picture is two messages, and one thing that came.
            *count += u64::from(item.message.channel.schema != "ttyscope.Frame");
        }
        let Some(played) = item.played else { return };
        source.is_simulated |= played.payload.tells_simulated();
        match &played.payload {
            Payload::Frame(_) => {
                if let Some(count) = source.frames.get_mut(bin) {
                    *count += 1;
                }
            }
            Payload::Readings(readings) => source.readings(bin, readings),
            Payload::Instrument(instrument) => source.instrument(bin, instrument),
            Payload::BookEvent(event) => {
                source.book(bin, event);
                if let BookChange::Clear(reason) = event.change {
                    let text = format!(
                        "{}: not to be trusted: {}",
                        event.book.symbol,
                        reason.as_str()
                    );
                    self.happens(at_ns, name, Mark::Fault, Severity::Warning, text);
                }
            }
            Payload::Link(state) => self.link(at_ns, name, state),
            Payload::Fault(fault) => {
                let text = format!("{}: {}", fault.kind.as_str(), fault.text);
                self.happens(at_ns, name, Mark::Fault, fault.severity, text);
            }
            Payload::Loss(loss) => {
                let text = format!(
                    "{} of the {} lane lost: {}",
                    loss.count,
                    loss.lane.as_str(),
                    loss.reason.as_str()
                );
                self.happens(at_ns, name, Mark::Loss, Severity::Error, text);
            }
            Payload::Command(report) => self.command(at_ns, name, report),
            Payload::Stop(StopEvent::Report(report)) => self.stop(at_ns, name, report),
            Payload::Fleet(fleet) => self.fleet(at_ns, name, fleet),
            Payload::Stop(StopEvent::Path(_))
            | Payload::Message(_)
            | Payload::Log(_)
            | Payload::Book(_)
            | Payload::Trade(_)
            | Payload::Feed(_)
            | Payload::Rows(_) => {}
        }
    }

    fn mark(&mut self, at_ns: u64, source: &str, mark: Mark) {
        let bin = self.bins.of(at_ns);
        if let Some(source) = self.sources.get_mut(source) {
            source.mark(mark, bin);
        }
    }

    fn happens(&mut self, at_ns: u64, source: &str, mark: Mark, severity: Severity, text: String) {
        self.mark(at_ns, source, mark);
        self.happened.push(Happening {
            at_ns,
            source: source.to_owned(),
            mark,
            severity,
            text,
        });
    }

    fn link(&mut self, at_ns: u64, source: &str, state: &LinkState) {
        let known = self.sources.get_mut(source);
        // Each part of a session begins with the state that holds.
        let is_new =
            known.is_none_or(|known| known.link.replace(state.word()) != Some(state.word()));
        if !is_new {
            return;
        }
        let text = match state {
            LinkState::Down { reason, detail, .. } => format!("down: {reason}: {detail}"),
            LinkState::Stale { missing } => format!("stale: {missing}"),
            other => other.word().to_owned(),
        };
        self.happens(at_ns, source, Mark::Link, state.severity(), text);
    }

    fn command(&mut self, at_ns: u64, source: &str, report: &CommandReport) {
        let same = |row: &&mut CommandRow| row.report.id == report.id && row.source == source;
        if let Some(row) = self.commands.items.iter_mut().rev().find(same) {
            row.last_ns = at_ns;
            row.report = report.clone();
            return;
        }
        // What came after the list was full is counted when it is first heard of.
        self.mark(at_ns, source, Mark::Command);
        self.commands.push(CommandRow {
            source: source.to_owned(),
            first_ns: at_ns,
            last_ns: at_ns,
            report: report.clone(),
        });
    }

    fn stop(&mut self, at_ns: u64, source: &str, report: &StopReport) {
        let is_answered = matches!(report.state, crate::model::StopState::Acknowledged { .. });
        let said = match &report.detail {
            Some(detail) => format!("{} ({detail})", report.state),
            None => report.state.to_string(),
        };
        let same = |row: &&mut StopRow| {
            row.report.press.number == report.press.number && row.source == source
        };
        if let Some(row) = self.stops.items.iter_mut().rev().find(same) {
            // A stop goes more than one way; a peer may still say any number of things.
            if row.answers.len() < 1_000 {
                row.answers.push_str("; ");
                row.answers.push_str(&said);
            }
            row.is_answered |= is_answered;
            row.report = report.clone();
            return;
        }
        self.mark(at_ns, source, Mark::Stop);
        self.stops.push(StopRow {
            source: source.to_owned(),
            at_ns,
            report: report.clone(),
            answers: said,
            is_answered,
        });
    }

    fn fleet(&mut self, at_ns: u64, source: &str, fleet: &Fleet) {
        let known = self.sources.get_mut(source);
        let verdict = fleet.verdict;
        if known.is_some_and(|known| known.verdict.replace(verdict) == Some(verdict)) {
            return;
        }
        if verdict.severity() >= Severity::Error {
            self.mark(at_ns, source, Mark::Fault);
        }
        self.fleets.push(FleetRow {
            at_ns,
            source: source.to_owned(),
            verdict,
            evidence: fleet.evidence.clone(),
        });
    }
}
