//! What may be asked of the player of a recording, and what it says of itself.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::{PlainText, Stamp};

/// How fast a recording is played.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Pace {
    /// So many thousandths of the pace it was recorded at: 1000 is as it was.
    Thousandths(u32),
    /// As fast as the pipeline takes it; nothing but pictures is skipped.
    Max,
}

impl Pace {
    /// As it was recorded.
    pub const REAL: Self = Self::Thousandths(1_000);
    /// The slowest, thousandths.
    pub const SLOWEST: u32 = 100;
    /// The fastest that is not [`Pace::Max`], thousandths.
    pub const FASTEST: u32 = 100_000;
    /// What the keys step through, thousandths.
    const STEPS: [u32; 10] = [
        100, 200, 500, 1_000, 2_000, 5_000, 10_000, 20_000, 50_000, 100_000,
    ];

    /// The pace of that many times, 0.1 to 100; `None` outside.
    pub fn from_times(times: f64) -> Option<Self> {
        let thousandths = (times * 1_000.0).round();
        let is_there = (f64::from(Self::SLOWEST)..=f64::from(Self::FASTEST)).contains(&thousandths);
        // Within the range it fits, and has no fraction.
        is_there.then_some(Self::Thousandths(thousandths as u32))
    }

    /// The next faster one; above the fastest is [`Pace::Max`].
    pub fn faster(self) -> Self {
        match self {
            Self::Max => Self::Max,
            Self::Thousandths(now) => {
                let next = Self::STEPS.into_iter().find(|step| *step > now);
                next.map_or(Self::Max, Self::Thousandths)
            }
        }
    }

    /// The next slower one.
    pub fn slower(self) -> Self {
        match self {
            Self::Max => Self::Thousandths(Self::FASTEST),
            Self::Thousandths(now) => {
                let next = Self::STEPS.into_iter().rev().find(|step| *step < now);
                Self::Thousandths(next.unwrap_or(Self::SLOWEST))
            }
        }
    }

    /// How many times as fast as recorded; `None` for as fast as possible.
    pub fn times(self) -> Option<f64> {
        match self {
            Self::Thousandths(thousandths) => Some(f64::from(thousandths) / 1_000.0),
            Self::Max => None,
        }
    }
}

/// `2.0x`, `0.25x`, `max`.
impl fmt::Display for Pace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Max => f.write_str("max"),
            Self::Thousandths(t) if t % 100 == 0 => write!(f, "{:.1}x", f64::from(*t) / 1e3),
            Self::Thousandths(t) => write!(f, "{}x", f64::from(*t) / 1e3),
        }
    }
}

/// What is marked on the time of a recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum MarkKind {
    /// A fault, a loss, or a link that went down.
    Fault,
    /// A command that was given, or a stop that was pressed.
    Command,
}

impl MarkKind {
    /// The word of it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Fault => "fault",
            Self::Command => "command",
        }
    }
}

/// Something worth going to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    /// When, from the session's beginning, nanoseconds.
    pub at_ns: u64,
    /// What.
    pub kind: MarkKind,
}

/// A place in a recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SeekTo {
    /// The beginning.
    Start,
    /// The end.
    End,
    /// So long after the beginning.
    At(Duration),
    /// So much later than now.
    Forward(Duration),
    /// So much earlier than now.
    Back(Duration),
    /// So many millionths of the whole time.
    Millionths(u32),
    /// This moment, Unix nanoseconds.
    Clock(u64),
    /// The first such time of day (UTC) in the recording, nanoseconds since midnight.
    TimeOfDay(u64),
    /// The next or last mark of a kind.
    Mark {
        /// Of which kind.
        kind: MarkKind,
        /// Later than now, or earlier.
        forward: bool,
    },
}

/// What the operator asks of the player.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReplayOrder {
    /// Go on, or hold.
    Toggle,
    /// Go on.
    Play,
    /// Hold.
    Pause,
    /// Hold, and say one message more, or one less.
    Step {
        /// One more.
        forward: bool,
    },
    /// Go elsewhere.
    Seek(SeekTo),
    /// Play at this pace.
    Pace(Pace),
    /// The next faster pace.
    Faster,
    /// The next slower one.
    Slower,
    /// Begin again at the end, or not; `None` for the other way.
    Loop(Option<bool>),
}

/// What the player is doing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ReplayState {
    /// It plays.
    #[default]
    Playing,
    /// It holds.
    Paused,
    /// It looks for the place it was sent to.
    Seeking,
    /// All was said.
    Ended,
}

/// Where a replay stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplayStatus {
    /// What the player is doing.
    pub state: ReplayState,
    /// The pace that is wanted.
    pub pace: Pace,
    /// The pace that is reached, thousandths; `None` while it is not known.
    pub achieved: Option<u32>,
    /// Whether it begins again at the end.
    pub loops: bool,
    /// The place, from the session's beginning, nanoseconds.
    pub at_ns: u64,
    /// The moment it was recorded, Unix nanoseconds.
    pub unix_ns: u64,
    /// How long the whole session is, once that is known.
    pub whole_ns: Option<u64>,
    /// Which file it is in, from 1 on.
    pub part: usize,
    /// How many files there are.
    pub parts: usize,
    /// Faults and commands, once they are known, in their order.
    pub marks: Arc<[Mark]>,
    /// Everything stamped earlier than this belongs to what was played before the last jump. Moves
    /// with every jump.
    pub since: Stamp,
    /// Millionths of the files that were looked through for what is where, until all were.
    pub looked_through: Option<u32>,
    /// Messages and places that could not be read.
    pub unreadable: u64,
    /// What was last said of an order that could not be carried out as asked, and how many such
    /// there were.
    pub notice: (u64, PlainText),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pace_goes_from_a_tenth_to_all_there_is_and_back() {
        let mut pace = Pace::Thousandths(100);
        let mut up = vec![pace.to_string()];
        while pace != Pace::Max {
            pace = pace.faster();
            up.push(pace.to_string());
        }
        assert_eq!(
            up.join(" "),
            "0.1x 0.2x 0.5x 1.0x 2.0x 5.0x 10.0x 20.0x 50.0x 100.0x max"
        );
        let mut down = vec![pace.to_string()];
        while pace != Pace::Thousandths(100) {
            pace = pace.slower();
            down.push(pace.to_string());
        }
        down.reverse();
        assert_eq!(up, down);
        assert_eq!(Pace::Thousandths(100).slower(), Pace::Thousandths(100));
        assert_eq!(Pace::Max.faster(), Pace::Max);
        assert_eq!(Pace::Thousandths(1_250).faster(), Pace::Thousandths(2_000));
        assert_eq!(Pace::Thousandths(1_250).to_string(), "1.25x");
    }

    #[test]
    fn only_a_pace_between_a_tenth_and_a_hundred_is_one() {
        for (times, pace) in [
            (0.1, Some(Pace::Thousandths(100))),
            (1.0, Some(Pace::REAL)),
            (100.0, Some(Pace::Thousandths(100_000))),
            (0.09, None),
            (100.1, None),
            (-1.0, None),
            (f64::NAN, None),
            (f64::INFINITY, None),
        ] {
            assert_eq!(Pace::from_times(times), pace, "{times}");
        }
    }
}
