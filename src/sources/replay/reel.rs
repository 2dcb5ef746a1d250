//! The thread that reads: a few messages ahead of the player, from wherever it was sent.

use std::sync::Arc;

use tokio::runtime::Handle;
use tokio::sync::{mpsc, watch};

use super::held::{self, Found, On};
use super::tape::Tape;
use super::timeline::{Laps, Position, Target, Timeline};
use crate::model::Stamp;
use crate::recording::{
    Decoder, Ending, Entry, Played, RecordedMessage, RecordingReader, held_since,
};

/// Where to read from.
#[derive(Clone, Debug)]
pub(super) struct Journey {
    /// `None` to begin at the beginning, and not to say that it was found.
    pub to: Option<(Target, Option<Arc<Timeline>>)>,
    /// The session's beginning on the monotonic clock.
    pub base_ns: u64,
    pub steps: mpsc::Sender<Step>,
}

/// What is read.
#[derive(Debug)]
pub(super) enum Step {
    /// The state at the place that was asked for.
    Found(Box<Found>),
    /// A message.
    Say {
        /// Its source is a number among all.
        played: Played,
        at: Stamp,
        position: Position,
    },
    /// Something that could not be read.
    Unreadable { position: Position, wrong: String },
    /// The place cannot be found.
    Lost(String),
    /// All was read.
    End,
}

/// Nobody listens any more.
struct Gone;

/// Reads for whoever sends journeys; each ends the one before. Returns when there is nobody to send
/// any.
pub(super) fn run(tape: &Tape, mut journeys: watch::Receiver<Option<Journey>>, handle: &Handle) {
    while handle.block_on(journeys.changed()).is_ok() {
        let journey = journeys.borrow_and_update().clone();
        if let Some(journey) = journey {
            // Who has gone has sent another journey, or nobody is left.
            let _ = travel(tape, &journey);
        }
    }
}

fn travel(tape: &Tape, journey: &Journey) -> Result<(), Gone> {
    let send = |step: Step| journey.steps.blocking_send(step).map_err(|_| Gone);
    let mut on = On::default();
    if let Some((target, timeline)) = &journey.to {
        let is_over = || journey.steps.is_closed();
        let found = match timeline {
            // The beginning can be found without looking through the files.
            None => Ok(Some(Found::start(tape))),
            Some(timeline) => held::find(tape, timeline, *target, journey.base_ns, &is_over),
        };
        match found {
            Ok(Some(found)) => {
                on = found.on;
                send(Step::Found(Box::new(found)))?;
            }
            Ok(None) => return Err(Gone),
            Err(error) => return send(Step::Lost(error.to_string())),
        }
    }
    let mut laps = on.laps.unwrap_or(Laps::new(tape.started_ns()));
    let mut is_whole = false;
    for number in on.part..tape.parts.len() {
        let from = match number == on.part {
            true => on,
            false => On {
                part: number,
                ..On::default()
            },
        };
        let mut reading = Reading {
            tape,
            number,
            timeline: journey
                .to
                .as_ref()
                .and_then(|(_, timeline)| timeline.as_deref()),
            laps,
            base_ns: journey.base_ns,
            // What a file repeats of the one before it is known, if that was read to its end.
            repeats: is_whole,
            chunk: (0, 0),
            is_damaged: false,
        };
        reading.read(from, &send)?;
        is_whole = !reading.is_damaged;
        laps = reading.laps;
    }
    send(Step::End)
}

/// Reading one file.
struct Reading<'a> {
    tape: &'a Tape,
    number: usize,
    timeline: Option<&'a Timeline>,
    laps: Laps,
    base_ns: u64,
    /// At its beginning it tells only what the file before it has said.
    repeats: bool,
    /// Where the chunk begins that is read, and how many messages came of it.
    chunk: (u64, u32),
    is_damaged: bool,
}

impl Reading<'_> {
    fn read(&mut self, from: On, send: &dyn Fn(Step) -> Result<(), Gone>) -> Result<(), Gone> {
        let Some(part) = self.tape.parts.get(self.number) else {
            return Ok(());
        };
        let opened = open_at(self.tape, self.number, from.at, self.timeline);
        let mut reader = match opened {
            Ok(reader) => reader,
            Err(wrong) => return self.unreadable(0, 0, wrong, send),
        };
        let mut decoder = Decoder::new(part.session.clone());
        let mut skip = from.skip;
        while let Some(entry) = reader.next() {
            let at = reader.place_bytes();
            match entry {
                Entry::Metadata { .. } | Entry::Attachment(_) => {}
                Entry::Damage(damage) => {
                    let wrong = format!("byte {}: {}", damage.at, damage.what);
                    // Behind all messages of its chunk, for that chunk may have been read in part.
                    self.unreadable(damage.at, u32::MAX, wrong, send)?;
                }
                Entry::Message(message) => {
                    let nth = self.next_in(at);
                    let position = Position {
                        part: self.number,
                        at,
                        nth,
                    };
                    let elapsed_ns = self.laps.take(message.log_time_ns);
                    if from.at == Some(at) && skip > 0 {
                        skip -= 1;
                        // A picture may be told of before the place and come behind it.
                        let _ = decoder.decode(&message);
                        continue;
                    }
                    self.message(&message, elapsed_ns, position, &mut decoder, send)?;
                }
            }
        }
        if let Some(Ending::Cut {
            readable_bytes,
            why,
            ..
        }) = reader.ending()
        {
            let text = format!("the recording was not finished: byte {readable_bytes}: {why}");
            let at = *readable_bytes;
            self.unreadable(at, u32::MAX, text, send)?;
        }
        Ok(())
    }

    fn message(
        &mut self,
        message: &RecordedMessage,
        elapsed_ns: u64,
        position: Position,
        decoder: &mut Decoder,
        send: &dyn Fn(Step) -> Result<(), Gone>,
    ) -> Result<(), Gone> {
        let at = Stamp {
            mono_ns: self.base_ns.saturating_add(elapsed_ns),
            unix_ns: message.log_time_ns,
        };
        decoder.set_moment(at.unix_ns, at.mono_ns);
        let mut played = match decoder.decode(message) {
            Ok(Some(played)) => played,
            Ok(None) => return Ok(()),
            Err(wrong) => return self.unreadable(position.at, position.nth, wrong, send),
        };
        if self.repeats {
            if held_since(message).is_some() {
                return Ok(());
            }
            self.repeats = false;
        }
        let sources = self.tape.parts.get(self.number).map(|part| &part.sources);
        let Some(source) = sources.and_then(|sources| sources.get(played.source)) else {
            return Ok(());
        };
        played.source = *source;
        send(Step::Say {
            played,
            at,
            position,
        })
    }

    /// The number of the next message in the chunk at `at`.
    fn next_in(&mut self, at: u64) -> u32 {
        let nth = match self.chunk {
            (chunk, count) if chunk == at => count,
            _ => 0,
        };
        self.chunk = (at, nth.saturating_add(1));
        nth
    }

    fn unreadable(
        &mut self,
        at: u64,
        nth: u32,
        wrong: String,
        send: &dyn Fn(Step) -> Result<(), Gone>,
    ) -> Result<(), Gone> {
        self.is_damaged = true;
        let position = Position {
            part: self.number,
            at,
            nth,
        };
        let path = self.tape.parts.get(self.number).map(|part| &part.path);
        let wrong = match (path, self.tape.parts.len()) {
            (Some(path), 2..) => format!("{}: {wrong}", path.display()),
            _ => wrong,
        };
        send(Step::Unreadable { position, wrong })
    }
}

fn open_at(
    tape: &Tape,
    part: usize,
    at: Option<u64>,
    timeline: Option<&Timeline>,
) -> Result<RecordingReader, String> {
    let (Some(at), Some(timeline)) = (at, timeline) else {
        let path = tape.parts.get(part).map(|part| part.path.clone());
        return RecordingReader::open(&path.unwrap_or_default()).map_err(|error| error.to_string());
    };
    let reader = timeline.open(tape, part).and_then(|mut reader| {
        reader.go_to(at)?;
        Ok(reader)
    });
    reader.map_err(|error| error.to_string())
}
