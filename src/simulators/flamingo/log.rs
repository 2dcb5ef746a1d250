//! What a simulator received and what it did about it, for those who have to prove something.

use std::collections::VecDeque;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use tokio::sync::watch;

use super::lock;
use super::stage::Axis;

/// Entries kept; of a longer log only the end is there.
const KEPT: usize = 1 << 17;

/// Something that happened at the simulated instrument.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// Since the simulator started, on a clock that never jumps; never less than in the entry before.
    pub at: Duration,
    /// What it was.
    pub what: What,
}

/// What happened.
#[derive(Clone, Debug, PartialEq)]
pub enum What {
    /// A client has the command port.
    Connected {
        /// Command connections are counted from 1.
        connection: u64,
    },
    /// A client left it, or was cut off.
    Disconnected {
        /// Which.
        connection: u64,
        /// Bytes read from it.
        received_bytes: u64,
        /// Bytes handed to its socket.
        sent_bytes: u64,
    },
    /// A viewer has the live port.
    ViewerConnected {
        /// Viewers are counted from 1.
        viewer: u64,
    },
    /// A viewer left it, or was cut off.
    ViewerDisconnected {
        /// Which.
        viewer: u64,
    },
    /// A whole message came. What was understood of it follows as [`What::Did`].
    Received(Received),
    /// What came is no message; the connection is closed.
    Rubbish {
        /// From where.
        connection: u64,
    },
    /// The last byte of a reply was handed to the socket. The client may know it a moment before
    /// this entry is there.
    Replied {
        /// To whom.
        connection: u64,
        /// Code of the reply, which is not that of the request for the settings.
        code: u32,
        /// First argument of the reply.
        d0: i32,
    },
    /// The instrument did something.
    Did(Deed),
}

/// A message as it came.
#[derive(Clone, Debug, PartialEq)]
pub struct Received {
    /// From where.
    pub connection: u64,
    /// Command code.
    pub code: u32,
    /// Status field; requests have 0.
    pub status: i32,
    /// First argument: axis, laser, colour.
    pub d0: i32,
    /// Second argument.
    pub d1: i32,
    /// Third argument.
    pub d2: i32,
    /// Flag bits.
    pub bits: u32,
    /// Floating-point field: the target of a move.
    pub number: f64,
    /// Text in the buffer.
    pub text: String,
    /// Bytes that followed the message.
    pub payload_bytes: usize,
}

/// What the instrument did.
#[derive(Clone, Debug, PartialEq)]
pub enum Deed {
    /// An axis began to move.
    MoveBegan {
        /// Which.
        axis: Axis,
        /// Where it was, in mm or degrees.
        from: f64,
        /// Where it is to go, in mm or degrees.
        to: f64,
    },
    /// A motion came to its end.
    MoveEnded {
        /// Which axis.
        axis: Axis,
        /// Where, in mm or degrees.
        at: f64,
    },
    /// A motion was stopped on the way.
    MoveHalted {
        /// Which axis.
        axis: Axis,
        /// Where, in mm or degrees.
        at: f64,
    },
    /// A laser began to emit.
    LaserOn {
        /// 1 to 4.
        laser: i32,
    },
    /// A laser ceased to emit.
    LaserOff {
        /// 1 to 4.
        laser: i32,
    },
    /// A laser has another level.
    LaserLevel {
        /// 1 to 4.
        laser: i32,
        /// As the hardware has it.
        percent: f64,
    },
    /// The LED began to emit.
    LedOn,
    /// The LED ceased to emit.
    LedOff,
    /// The LED has another colour or brightness.
    LedSet {
        /// 0 red, 1 green, 2 blue, 3 white.
        colour: i32,
        /// As written to its converter; dark below 32000.
        value: i32,
    },
    /// The light sheet from the left has another state.
    LeftPath {
        /// Whether it is on now.
        on: bool,
    },
    /// The light sheet from the right has another state.
    RightPath {
        /// Whether it is on now.
        on: bool,
    },
    /// The camera has another exposure.
    Exposure {
        /// Microseconds.
        us: i32,
    },
    /// The camera delivers another part of its sensor.
    ImageSize {
        /// Columns.
        width: u32,
        /// Rows.
        height: u32,
    },
    /// The filter wheel has turned.
    Filter {
        /// Position, from 0.
        position: i32,
    },
    /// Settings were overwritten by a client.
    SettingsSaved {
        /// Length of the new text.
        bytes: usize,
    },
    /// One picture was asked for.
    Snapshot,
    /// Live view began.
    LiveStarted,
    /// Live view ended.
    LiveStopped,
    /// A workflow began.
    WorkflowStarted {
        /// Pictures it is going to take.
        images: u32,
    },
    /// A workflow was not begun.
    WorkflowRefused {
        /// Why.
        reason: String,
    },
    /// A stop was asked for while a workflow ran.
    WorkflowStopped {
        /// Pictures it had taken.
        images: u32,
    },
    /// A workflow came to its end, also after a stop.
    WorkflowEnded,
    /// The server stopped serving a connection that meddled with live view during a workflow.
    Hung {
        /// Which.
        connection: u64,
    },
}

/// The log, its clock, and the signal that something was written to it.
pub(super) struct Log {
    pub started: Instant,
    entries: Mutex<Kept>,
    changes: watch::Sender<u64>,
}

#[derive(Default)]
struct Kept {
    entries: VecDeque<Entry>,
    /// Entries that were dropped from the front.
    dropped: usize,
}

impl Log {
    pub(super) fn new() -> Self {
        Self {
            started: Instant::now(),
            entries: Mutex::default(),
            changes: watch::Sender::new(0),
        }
    }

    pub(super) fn push(&self, what: What) {
        {
            let mut kept = lock(&self.entries);
            if kept.entries.len() == KEPT {
                kept.entries.pop_front();
                kept.dropped += 1;
            }
            let at = self.started.elapsed();
            kept.entries.push_back(Entry { at, what });
        }
        self.touch();
    }

    /// Tells those who wait that something changed, a counter perhaps.
    pub(super) fn touch(&self) {
        self.changes
            .send_modify(|count| *count = count.wrapping_add(1));
    }

    pub(super) fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// The entries from number `first` on, counted from 0.
    pub(super) fn from(&self, first: usize) -> Vec<Entry> {
        let kept = lock(&self.entries);
        let skipped = first.saturating_sub(kept.dropped);
        kept.entries.iter().skip(skipped).cloned().collect()
    }

    /// How many entries there were.
    pub(super) fn len(&self) -> usize {
        let kept = lock(&self.entries);
        kept.dropped + kept.entries.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_keep_their_numbers_when_the_oldest_are_dropped() {
        let log = Log::new();
        for viewer in 0..KEPT as u64 + 3 {
            log.push(What::ViewerConnected { viewer });
        }
        assert_eq!(log.len(), KEPT + 3);
        assert_eq!(log.from(0).len(), KEPT);
        let last = log.from(KEPT + 2);
        let viewer = KEPT as u64 + 2;
        assert_eq!(last[0].what, What::ViewerConnected { viewer });
        assert!(log.from(KEPT + 3).is_empty());
    }
}
