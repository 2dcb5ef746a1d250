//! What is where in the files of a session: every chunk with its time, and the faults and commands.
//!
//! Made of the files' indexes, or by walking over what has none. Pictures are not read for it.

use std::collections::BTreeSet;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use tokio_util::sync::CancellationToken;

use super::tape::{Part, Tape};
use crate::model::{LinkState, Mark, MarkKind, Payload, Severity, StopEvent};
use crate::recording::{
    Decoder, KnownChannels, Place, RecordedChannel, RecordingReader, SET_BACK_NS,
};

/// A chunk holds a second; one that says it holds more is looked into.
const LONG_CHUNK_NS: u64 = 2_000_000_000;
/// Marks that are remembered.
const MAX_MARKS: usize = 100_000;

/// Recorded time as time since the session's beginning, which never goes back: where the clock was
/// set back while it recorded, it goes on from there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Laps {
    started_ns: u64,
    /// What is added because the clock was set back.
    shift_ns: i128,
    /// The latest so far.
    latest_ns: u64,
}

impl Laps {
    pub fn new(started_ns: u64) -> Self {
        Self {
            started_ns,
            shift_ns: 0,
            latest_ns: 0,
        }
    }

    /// The time of what was received at `unix_ns`, next in the order of the files.
    pub fn take(&mut self, unix_ns: u64) -> u64 {
        let latest = i128::from(self.latest_ns);
        let mut since = self.since(unix_ns);
        if since + i128::from(SET_BACK_NS) < latest {
            self.shift_ns += latest - since;
            since = latest;
        }
        let elapsed = within(since);
        self.latest_ns = self.latest_ns.max(elapsed);
        elapsed
    }

    /// The time of an earlier moment that is only spoken of.
    pub fn of(&self, unix_ns: u64) -> u64 {
        within(self.since(unix_ns))
    }

    /// The latest so far.
    pub fn latest_ns(&self) -> u64 {
        self.latest_ns
    }

    fn since(&self, unix_ns: u64) -> i128 {
        i128::from(unix_ns) - i128::from(self.started_ns) + self.shift_ns
    }
}

fn within(ns: i128) -> u64 {
    u64::try_from(ns.max(0)).unwrap_or(u64::MAX)
}

/// A message of a file. They are in the order in which they are played.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Position {
    pub part: usize,
    /// Where its chunk begins, in bytes from the start of the file.
    pub at: u64,
    /// Its number in the chunk.
    pub nth: u32,
}

/// A chunk and the time at its beginning.
#[derive(Clone, Debug)]
pub(super) struct Spot {
    pub part: usize,
    pub place: Place,
    pub laps: Laps,
    /// The latest time in it.
    pub ends_ns: u64,
}

/// Up to where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Target {
    /// Nothing is said yet.
    Start,
    /// All is said up to this time, included.
    Elapsed(u64),
    /// All is said before this message.
    Before(Position),
}

/// What is where in all files of a tape.
#[derive(Debug)]
pub struct Timeline {
    pub(super) spots: Vec<Spot>,
    /// Of each file.
    pub(super) channels: Vec<KnownChannels>,
    /// As behind the last chunk.
    end: Laps,
    positions: Vec<Position>,
    marks: Arc<[Mark]>,
}

impl Timeline {
    /// Looks through the files. `looked` is told how far it has come, in millionths. `None` when
    /// `stop` is cancelled.
    ///
    /// # Errors
    /// A file cannot be read any more.
    pub fn read(
        tape: &Tape,
        looked: &AtomicU32,
        stop: &CancellationToken,
    ) -> io::Result<Option<Self>> {
        let mut maker = Maker {
            spots: Vec::new(),
            channels: Vec::new(),
            laps: Laps::new(tape.started_ns()),
            marks: Vec::new(),
            commands: BTreeSet::new(),
            presses: BTreeSet::new(),
        };
        let parts = tape.parts.len().max(1) as u64;
        for (number, part) in tape.parts.iter().enumerate() {
            let mut tell = |done: u64, of: u64| {
                let share = 1_000_000 * (number as u64 * of + done) / (parts * of).max(1);
                looked.store(share as u32, Ordering::Relaxed);
                !stop.is_cancelled()
            };
            if !maker.take_part(number, part, &mut tell)? {
                return Ok(None);
            }
        }
        maker.marks.sort_by_key(|(position, _)| *position);
        let (positions, marks): (Vec<Position>, Vec<Mark>) = maker.marks.into_iter().unzip();
        Ok(Some(Self {
            spots: maker.spots,
            channels: maker.channels,
            end: maker.laps,
            positions,
            marks: marks.into(),
        }))
    }

    /// A file to be read at places.
    pub(super) fn open(&self, tape: &Tape, part: usize) -> io::Result<RecordingReader> {
        let gone = || io::Error::from(io::ErrorKind::NotFound);
        let path = &tape.parts.get(part).ok_or_else(gone)?.path;
        let mut reader = RecordingReader::open(path).map_err(io::Error::other)?;
        if let Some(known) = self.channels.get(part) {
            reader.learn(known);
        }
        Ok(reader)
    }

    /// How long it is.
    pub fn whole_ns(&self) -> u64 {
        self.end.latest_ns()
    }

    /// Faults and commands, in the order in which they are played.
    pub fn marks(&self) -> Arc<[Mark]> {
        Arc::clone(&self.marks)
    }

    /// The chunk in which that place is; the number behind the last one at the end.
    pub(super) fn spot_of(&self, target: Target) -> usize {
        match target {
            Target::Start => 0,
            Target::Elapsed(ns) => self.spots.partition_point(|spot| spot.ends_ns <= ns),
            Target::Before(position) => self
                .spots
                .partition_point(|spot| (spot.part, spot.place.at) < (position.part, position.at)),
        }
    }

    /// The next mark of a kind behind what was said last, or the last one before it.
    pub(super) fn mark(
        &self,
        kind: MarkKind,
        said: Option<Position>,
        forward: bool,
    ) -> Option<(Position, Mark)> {
        let mut all = self
            .positions
            .iter()
            .copied()
            .zip(self.marks.iter().copied());
        let is_kind = |(_, mark): &(Position, Mark)| mark.kind == kind;
        match forward {
            true => all.find(|found| is_kind(found) && Some(found.0) > said),
            false => all
                .take_while(|(position, _)| Some(*position) < said)
                .filter(is_kind)
                .last(),
        }
    }

    /// The time of that moment of the recording: of the first message from then on.
    pub(super) fn elapsed_of(&self, unix_ns: u64) -> u64 {
        let holds = |spot: &&Spot| spot.place.first_ns <= unix_ns && unix_ns <= spot.place.last_ns;
        let spot = self.spots.iter().find(holds).or_else(|| {
            // Between two chunks: as of the one before it.
            let before = self.spots.iter().rev();
            before
                .into_iter()
                .find(|spot| spot.place.first_ns <= unix_ns)
        });
        let laps = spot.map_or_else(
            || self.spots.first().map_or(self.end, |spot| spot.laps),
            |spot| spot.laps,
        );
        laps.of(unix_ns).min(self.whole_ns())
    }
}

struct Maker {
    spots: Vec<Spot>,
    channels: Vec<KnownChannels>,
    laps: Laps,
    marks: Vec<(Position, Mark)>,
    /// Commands and presses of a stop that are marked already: only their first word counts.
    commands: BTreeSet<(usize, u64)>,
    presses: BTreeSet<u64>,
}

impl Maker {
    /// `false` when it was told to stop.
    fn take_part(
        &mut self,
        number: usize,
        part: &Part,
        tell: &mut dyn FnMut(u64, u64) -> bool,
    ) -> io::Result<bool> {
        let mut reader = RecordingReader::open(&part.path).map_err(io::Error::other)?;
        let size = reader.size_bytes();
        let places = match reader.indexed_places()? {
            Some(places) => places,
            None => {
                let mut places = Vec::new();
                // From the first record on: the index was looked for behind it.
                reader.go_to(FIRST_RECORD)?;
                while let Some(place) = reader.next_place()? {
                    if !tell(place.at, size) {
                        return Ok(false);
                    }
                    places.push(place);
                }
                places
            }
        };
        let mut decoder = Decoder::new(part.session.clone());
        for place in places {
            if !tell(place.at, size) {
                return Ok(false);
            }
            if place.channels.is_empty() {
                continue;
            }
            let mut spot = Spot {
                part: number,
                place,
                laps: self.laps,
                ends_ns: 0,
            };
            self.take_spot(&spot, part, &mut reader, &mut decoder)?;
            spot.ends_ns = self.laps.latest_ns();
            self.spots.push(spot);
        }
        self.channels.push(reader.channels());
        Ok(true)
    }

    fn take_spot(
        &mut self,
        spot: &Spot,
        part: &Part,
        reader: &mut RecordingReader,
        decoder: &mut Decoder,
    ) -> io::Result<()> {
        let place = &spot.place;
        let is_marked = |id: &u16| reader.channel(*id).is_some_and(may_be_marked);
        let has_marks = place.channels.iter().any(is_marked);
        let is_set_back = self.laps.since(place.first_ns) + i128::from(SET_BACK_NS)
            < i128::from(self.laps.latest_ns());
        let is_long = place.last_ns.saturating_sub(place.first_ns) > LONG_CHUNK_NS;
        if !has_marks && !is_set_back && !is_long {
            self.laps.take(place.first_ns);
            self.laps.take(place.last_ns);
            return Ok(());
        }
        let placed = reader.messages_at(place, &mut |channel| may_be_marked(channel))?;
        let mut wanted = placed.wanted.into_iter().peekable();
        for (nth, (_, log_time_ns)) in (0_u32..).zip(placed.all) {
            let at_ns = self.laps.take(log_time_ns);
            let Some((_, message)) = wanted.next_if(|(number, _)| *number == nth) else {
                continue;
            };
            // What cannot be read is counted when it is played.
            if let Ok(Some(played)) = decoder.decode(&message)
                && self.marks.len() < MAX_MARKS
                && let Some(source) = part.sources.get(played.source)
                && let Some(kind) = self.kind_of(*source, &played.payload)
            {
                let position = Position {
                    part: spot.part,
                    at: place.at,
                    nth,
                };
                self.marks.push((position, Mark { at_ns, kind }));
            }
        }
        Ok(())
    }

    fn kind_of(&mut self, source: usize, payload: &Payload) -> Option<MarkKind> {
        match payload {
            Payload::Fault(fault) if fault.severity >= Severity::Warning => Some(MarkKind::Fault),
            Payload::Loss(_) | Payload::Link(LinkState::Down { .. }) => Some(MarkKind::Fault),
            Payload::Command(report) => self
                .commands
                .insert((source, report.id.0))
                .then_some(MarkKind::Command),
            Payload::Stop(StopEvent::Report(report)) => self
                .presses
                .insert(report.press.number)
                .then_some(MarkKind::Command),
            _ => None,
        }
    }
}

/// Behind the first bytes, which are the same in every file.
const FIRST_RECORD: u64 = 8;

fn may_be_marked(channel: &RecordedChannel) -> bool {
    matches!(
        channel.schema.as_str(),
        "ttyscope.Fault" | "ttyscope.Loss" | "ttyscope.Link" | "ttyscope.Command" | "ttyscope.Stop"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_goes_on_where_the_clock_was_set_back() {
        let second = 1_000_000_000_u64;
        let mut laps = Laps::new(100 * second);
        // What was recorded, in the order of the file, and when that is in the replay.
        let steps = [
            (100, 0),
            (105, 5),
            (110, 10),
            // Set back by an hour's worth: it goes on from the latest.
            (20, 10),
            (21, 11),
            // Set forward again: that much time has passed, as far as anybody knows.
            (111, 101),
            // Before the beginning of the session.
            (0, 101),
        ];
        for (recorded, replayed) in steps {
            assert_eq!(
                laps.take(recorded * second),
                replayed * second,
                "{recorded}"
            );
        }
        // Sources that were heard in another order are no clock that was set.
        let mut laps = Laps::new(0);
        laps.take(5 * second);
        assert_eq!(laps.take(5 * second - 3), 5 * second - 3);
        assert_eq!(laps.latest_ns(), 5 * second);
    }
}
