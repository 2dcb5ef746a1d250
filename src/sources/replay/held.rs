//! The state at a place of a recording: what holds there, what was said last, the last pictures.
//!
//! It is read from the beginning of the place's own file, which says what held then, and is handed
//! on at once. Of pictures only the last of each camera is read.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::io;
use std::sync::Arc;

use super::tape::{Part, Tape};
use super::timeline::{Laps, Position, Spot, Target, Timeline};
use crate::model::{
    BookEvent, Latched, LinkState, Payload, PlainText, Sample, SourceId, Stamp, StopEvent,
};
use crate::recording::{
    Decoder, Placed, RecordedChannel, RecordedMessage, RecordingReader, held_since, is_said,
};

/// Lines of the journal that a place begins with.
const LINES: usize = 200;
/// Trades that it begins with.
const TRADES: usize = 100;
/// Events of different names that it begins with.
const EVENTS: usize = 1_024;
/// Cameras whose last picture is looked for.
const CAMERAS: usize = 64;

/// The state at a place.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// The time of the place, from the session's beginning.
    pub elapsed_ns: u64,
    /// The moment it was recorded, Unix nanoseconds.
    pub unix_ns: u64,
    /// What is to be said again, in its order.
    pub samples: Vec<Sample>,
    /// The books as they stood.
    pub books: Vec<(SourceId, BookEvent, Stamp)>,
    /// The last message before the place.
    pub said: Option<Position>,
    /// Where to read on.
    pub on: On,
    /// Messages before the place that could not be read.
    pub unreadable: u64,
}

impl Found {
    /// The beginning: nothing is said yet.
    pub fn start(tape: &Tape) -> Self {
        Self {
            unix_ns: tape.started_ns(),
            ..Self::default()
        }
    }
}

/// Where reading goes on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct On {
    pub part: usize,
    /// Where the next chunk begins; `None` for the beginning of the file.
    pub at: Option<u64>,
    /// Messages at the front of it that are said already.
    pub skip: u32,
    /// The time at the beginning of the chunk.
    pub laps: Option<Laps>,
}

/// Finds the state at `target`. `base_ns` is the session's beginning on the monotonic clock. `None`
/// when `is_over` says that nobody waits any more.
///
/// # Errors
/// A file cannot be read any more.
pub(super) fn find(
    tape: &Tape,
    timeline: &Timeline,
    target: Target,
    base_ns: u64,
    is_over: &dyn Fn() -> bool,
) -> io::Result<Option<Found>> {
    let index = timeline.spot_of(target);
    let all = &timeline.spots;
    let (Some(last), false) = (all.get(index).or(all.last()), target == Target::Start) else {
        return Ok(Some(Found::start(tape)));
    };
    let number = last.part;
    let Some(part) = tape.parts.get(number) else {
        return Ok(Some(Found::default()));
    };
    let mut reader = timeline.open(tape, number)?;
    let begin = all.partition_point(|spot| spot.part < number);
    let until = (index + 1).min(all.len());
    let spots = all.get(begin..until).unwrap_or_default();
    let mut state = State::new(part, base_ns, target);
    for spot in spots {
        if is_over() {
            return Ok(None);
        }
        // Where no picture is, it is the whole chunk that is wanted.
        let placed = reader.messages_at(&spot.place, &mut |channel| is_state(channel))?;
        state.take(spot, placed, &|id| reader.channel(id).is_some_and(is_said));
    }
    state.pictures(&mut reader, spots, is_over)?;
    let mut found = state.into_found();
    if found.said.is_none() && begin > 0 {
        // The place is the very beginning of a part: what was said last is in the one before it.
        found.said = last_said(tape, timeline, begin - 1)?;
    }
    if index >= all.len() {
        // Behind everything.
        found.on = On {
            part: tape.parts.len(),
            ..On::default()
        };
    }
    Ok(Some(found))
}

/// The last message of a chunk.
fn last_said(tape: &Tape, timeline: &Timeline, spot: usize) -> io::Result<Option<Position>> {
    let Some(spot) = timeline.spots.get(spot) else {
        return Ok(None);
    };
    let mut reader = timeline.open(tape, spot.part)?;
    let placed = reader.messages_at(&spot.place, &mut |_| false)?;
    let said = (0_u32..).zip(&placed.all);
    let said = said.filter(|(_, (id, _))| reader.channel(*id).is_some_and(is_said));
    Ok(said.last().map(|(nth, _)| Position {
        part: spot.part,
        at: spot.place.at,
        nth,
    }))
}

/// What is worth knowing of what was said earlier. Pictures are not among it.
fn is_state(channel: &RecordedChannel) -> bool {
    is_said(channel) && !is_picture(channel)
}

fn is_picture(channel: &RecordedChannel) -> bool {
    let schema = channel.schema.as_str();
    matches!(schema, "foxglove.RawImage" | "foxglove.CompressedImage")
}

struct State<'a> {
    part: &'a Part,
    decoder: Decoder,
    base_ns: u64,
    target: Target,
    latched: Latched,
    /// The last words of links, faults, losses, commands, stops and logs.
    lines: VecDeque<Sample>,
    trades: VecDeque<Sample>,
    events: BTreeMap<(SourceId, PlainText), Sample>,
    pictures: Vec<Sample>,
    found: Found,
    /// The laps behind the last message before the place.
    laps: Laps,
    /// So far the file only told what held when it was begun.
    opening: bool,
}

impl<'a> State<'a> {
    fn new(part: &'a Part, base_ns: u64, target: Target) -> Self {
        Self {
            part,
            decoder: Decoder::new(part.session.clone()),
            base_ns,
            target,
            latched: Latched::default(),
            lines: VecDeque::new(),
            trades: VecDeque::new(),
            events: BTreeMap::new(),
            pictures: Vec::new(),
            found: Found::default(),
            laps: Laps::new(part.session.started_unix_ns),
            opening: true,
        }
    }

    /// Whether the message at that time and place is before the target.
    fn is_before(&self, latest_ns: u64, position: Position) -> bool {
        match self.target {
            Target::Start => false,
            Target::Elapsed(ns) => latest_ns <= ns,
            Target::Before(end) => position < end,
        }
    }

    fn take(&mut self, spot: &Spot, placed: Placed, is_said: &dyn Fn(u16) -> bool) {
        self.laps = spot.laps;
        let before = self.laps;
        let mut wanted = placed.wanted.into_iter().peekable();
        let mut count = 0_u32;
        for (nth, (_, log_time_ns)) in (0_u32..).zip(&placed.all) {
            let mut laps = self.laps;
            let elapsed_ns = laps.take(*log_time_ns);
            let position = Position {
                part: spot.part,
                at: spot.place.at,
                nth,
            };
            if !self.is_before(laps.latest_ns(), position) {
                break;
            }
            self.laps = laps;
            count = nth + 1;
            self.found.unix_ns = *log_time_ns;
            if let Some((_, message)) = wanted.next_if(|(number, _)| *number == nth) {
                let at = Stamp {
                    mono_ns: self.base_ns.saturating_add(elapsed_ns),
                    unix_ns: *log_time_ns,
                };
                self.decoder.set_moment(at.unix_ns, at.mono_ns);
                self.say(&message, at);
            }
        }
        let said = placed.all.iter().take(count as usize);
        let said = (0_u32..).zip(said).filter(|(_, (id, _))| is_said(*id));
        if let Some((nth, _)) = said.last() {
            self.found.said = Some(Position {
                part: spot.part,
                at: spot.place.at,
                nth,
            });
        }
        self.found.on = On {
            part: spot.part,
            at: Some(spot.place.at),
            skip: count,
            laps: Some(before),
        };
    }
}

impl State<'_> {
    /// Remembers what a message says.
    fn say(&mut self, message: &RecordedMessage, mut at: Stamp) {
        let Ok(played) = self.decoder.decode(message) else {
            self.found.unreadable += 1;
            return;
        };
        let Some(source) = played.as_ref().and_then(|p| self.source(p.source)) else {
            return;
        };
        if self.opening {
            match held_since(message) {
                Some(since_ns) => {
                    at = Stamp {
                        mono_ns: self.base_ns.saturating_add(self.laps.of(since_ns)),
                        unix_ns: since_ns,
                    };
                }
                None => self.opening = false,
            }
        }
        let Some(payload) = played.map(|played| played.payload) else {
            return;
        };
        let sample = Sample {
            source,
            received: at,
            payload,
        };
        let bounded = |list: &mut VecDeque<Sample>, most: usize, sample: Sample| {
            if list.len() >= most {
                list.pop_front();
            }
            list.push_back(sample);
        };
        match &sample.payload {
            Payload::Trade(_) => bounded(&mut self.trades, TRADES, sample),
            Payload::Message(message) => {
                let key = (source, message.name.clone());
                if self.events.len() < EVENTS || self.events.contains_key(&key) {
                    self.events.insert(key, sample);
                }
            }
            Payload::Link(_) => {
                self.latched.remember(&sample);
                bounded(&mut self.lines, LINES, sample);
            }
            Payload::Fault(_)
            | Payload::Loss(_)
            | Payload::Command(_)
            | Payload::Log(_)
            | Payload::Stop(StopEvent::Report(_)) => bounded(&mut self.lines, LINES, sample),
            _ => self.latched.remember(&sample),
        }
    }

    fn source(&self, local: usize) -> Option<SourceId> {
        let number = self.part.sources.get(local)?;
        u16::try_from(*number).ok().map(SourceId)
    }

    /// Finds the last picture of each camera before the place.
    fn pictures(
        &mut self,
        reader: &mut RecordingReader,
        spots: &[Spot],
        is_over: &dyn Fn() -> bool,
    ) -> io::Result<()> {
        let mut sought: BTreeSet<u16> = BTreeSet::new();
        for id in spots.iter().flat_map(|spot| &spot.place.channels) {
            let is_one = reader.channel(*id).is_some_and(is_picture);
            if is_one && sought.len() < CAMERAS {
                sought.insert(*id);
            }
        }
        for spot in spots.iter().rev() {
            let here = spot.place.channels.iter().copied();
            let here: Vec<u16> = here.filter(|id| sought.contains(id)).collect();
            for id in here {
                if is_over() {
                    return Ok(());
                }
                if let Some(sample) = self.picture(reader, spot, id)? {
                    self.pictures.push(sample);
                    sought.remove(&id);
                }
            }
            if sought.is_empty() {
                break;
            }
        }
        Ok(())
    }

    /// The last picture of a channel in a chunk, if one is before the place.
    fn picture(
        &mut self,
        reader: &mut RecordingReader,
        spot: &Spot,
        id: u16,
    ) -> io::Result<Option<Sample>> {
        // Which one it is, before any pixels are read.
        let placed = reader.messages_at(&spot.place, &mut |_| false)?;
        let mut laps = spot.laps;
        let mut last = None;
        for (nth, (channel, log_time_ns)) in (0_u32..).zip(&placed.all) {
            let elapsed_ns = laps.take(*log_time_ns);
            let position = Position {
                part: spot.part,
                at: spot.place.at,
                nth,
            };
            if !self.is_before(laps.latest_ns(), position) {
                break;
            }
            if *channel == id {
                last = Some((nth, elapsed_ns));
            }
        }
        let Some((number, elapsed_ns)) = last else {
            return Ok(None);
        };
        let camera = reader
            .channel(id)
            .and_then(|c| c.metadata.get("camera").cloned());
        let mut of_camera = |channel: &RecordedChannel| {
            channel.id == id
                || (channel.schema == "ttyscope.Frame"
                    && channel.metadata.get("camera").cloned() == camera)
        };
        let placed = reader.messages_at(&spot.place, &mut of_camera)?;
        let mut payload = None;
        for (nth, message) in placed.wanted {
            if nth > number {
                break;
            }
            let at = Stamp {
                mono_ns: self.base_ns.saturating_add(elapsed_ns),
                unix_ns: message.log_time_ns,
            };
            if let Ok(Some(played)) = self.decoder.decode(&message)
                && nth == number
            {
                payload = self.source(played.source).map(|source| Sample {
                    source,
                    received: at,
                    payload: played.payload,
                });
            }
        }
        Ok(payload)
    }

    fn into_found(self) -> Found {
        let mut found = self.found;
        found.elapsed_ns = match self.target {
            Target::Elapsed(ns) => ns,
            Target::Start | Target::Before(_) => self.laps.latest_ns(),
        };
        let told: BTreeSet<SourceId> = self
            .lines
            .iter()
            .filter(|sample| matches!(sample.payload, Payload::Link(_)))
            .map(|sample| sample.source)
            .collect();
        let mut samples = Vec::new();
        for (source, held) in self.latched.iter() {
            let mut say = |received: Stamp, payload: Payload| {
                samples.push(Sample {
                    source,
                    received,
                    payload,
                });
            };
            if let Some((state, since)) = &held.link
                && !told.contains(&source)
            {
                say(*since, Payload::Link(LinkState::clone(state)));
            }
            if let Some((instrument, since)) = &held.instrument {
                say(*since, Payload::Instrument(Arc::clone(instrument)));
            }
            if let Some((path, since)) = &held.stop_path {
                say(*since, Payload::Stop(StopEvent::Path(path.clone())));
            }
            for (feed, since) in held.feeds() {
                say(since, Payload::Feed(Arc::new(feed.clone())));
            }
            if let Some((fleet, since)) = &held.fleet {
                say(*since, Payload::Fleet(Arc::clone(fleet)));
            }
            for (rows, since) in held.tables() {
                say(since, Payload::Rows(Arc::new(rows)));
            }
            let mut by_time: BTreeMap<(u64, u64), Vec<_>> = BTreeMap::new();
            for (reading, since) in held.readings() {
                let key = (since.mono_ns, since.unix_ns);
                by_time.entry(key).or_default().push(reading.clone());
            }
            for ((mono_ns, unix_ns), readings) in by_time {
                say(Stamp { mono_ns, unix_ns }, Payload::Readings(readings));
            }
            let books = held.books();
            found
                .books
                .extend(books.map(|(book, since)| (source, book, since)));
        }
        samples.extend(self.lines);
        samples.extend(self.trades);
        samples.extend(self.events.into_values());
        samples.extend(self.pictures);
        samples.sort_by_key(|sample| sample.received.mono_ns);
        found.samples = samples;
        found
    }
}
