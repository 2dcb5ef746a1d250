//! What the simulator does wrong on request, by the names the command line uses.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// One thing the simulator does wrong for as long as it is switched on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fault {
    /// Drop every connection this long after it was made, without a close frame.
    DropLink {
        /// Life of a connection.
        after: Duration,
    },
    /// Answer the WebSocket upgrade with 403.
    Refuse,
    /// Stop sending; the socket stays open and no ping comes.
    Stall,
    /// Send pings and nothing else.
    Silent,
    /// Break every n-th picture packet, each time in the next way of [`Damage`].
    CorruptFrame {
        /// 1 breaks every packet.
        every: u32,
    },
    /// Cut every n-th MessagePack message in half.
    TruncatedMsgpack {
        /// 1 cuts every message.
        every: u32,
    },
    /// Ignore every acknowledgement but a connection's first, so that its window never moves again.
    IgnoreAcks,
    /// Send pictures without regard to acknowledgements or throttle.
    Flood,
    /// Append zeros to every picture message up to this size.
    LongFrames {
        /// Size of the message in MiB.
        mib: u32,
    },
    /// Swap the ids of neighbouring pictures: 1, 0, 3, 2 and so on.
    IdsOutOfOrder,
    /// Put escape sequences into names and log lines.
    EscapeText,
    /// Answer REST calls this much later.
    SlowRest {
        /// The delay.
        by: Duration,
    },
    /// Let every GET take this long, and nothing pass on any connection meanwhile: the servers
    /// run commands on the thread that serves the WebSocket.
    BlockingRest {
        /// How long a command takes.
        by: Duration,
    },
    /// Accept TCP connections and say nothing.
    NoAnswer,
    /// Close the WebSocket when the client asks to connect.
    CloseBeforeConnect,
    /// Answer commands over REST with 500 and do nothing.
    Rest500,
    /// Answer commands over REST with a page of HTML and do nothing.
    RestHtml,
    /// Take commands over REST and never answer or do anything; stops are none.
    RestHang,
    /// Carry moves out and never answer them.
    LostMoveAnswer,
    /// Send no position signals.
    NoPositionSignals,
    /// Answer moves as if they were carried out, and do not move.
    IgnoresMoves,
    /// Never answer or carry out what stops motion.
    DeadStop,
}

/// How [`Fault::CorruptFrame`] breaks a packet, in this order, over and over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Damage {
    /// The first four bytes are not the magic.
    BadMagic,
    /// The message ends in the middle of the body.
    ShortBody,
    /// The header announces more pixels than the body holds.
    SizeMismatch,
    /// The body begins like LZ4 and goes on with rubbish.
    BrokenLz4,
    /// The body is small and unpacks to 256 MiB.
    Bomb,
    /// Width times height does not fit 32 bits.
    OverflowingSize,
}

impl Damage {
    /// Every way, in the order in which they come.
    pub const ALL: [Self; 6] = [
        Self::BadMagic,
        Self::ShortBody,
        Self::SizeMismatch,
        Self::BrokenLz4,
        Self::Bomb,
        Self::OverflowingSize,
    ];
}

impl Fault {
    /// Every fault with the value it has when none is given.
    pub const ALL: [Self; 22] = [
        Self::DropLink {
            after: Duration::from_secs(10),
        },
        Self::Refuse,
        Self::Stall,
        Self::Silent,
        Self::CorruptFrame { every: 10 },
        Self::TruncatedMsgpack { every: 10 },
        Self::IgnoreAcks,
        Self::Flood,
        Self::LongFrames { mib: 300 },
        Self::IdsOutOfOrder,
        Self::EscapeText,
        Self::SlowRest {
            by: Duration::from_secs(3),
        },
        Self::BlockingRest {
            by: Duration::from_secs(1),
        },
        Self::NoAnswer,
        Self::CloseBeforeConnect,
        Self::Rest500,
        Self::RestHtml,
        Self::RestHang,
        Self::LostMoveAnswer,
        Self::NoPositionSignals,
        Self::IgnoresMoves,
        Self::DeadStop,
    ];

    /// The name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::DropLink { .. } => "drop-link",
            Self::Refuse => "refuse",
            Self::Stall => "stall",
            Self::Silent => "silent",
            Self::CorruptFrame { .. } => "corrupt-frame",
            Self::TruncatedMsgpack { .. } => "truncated-msgpack",
            Self::IgnoreAcks => "ignore-acks",
            Self::Flood => "flood",
            Self::LongFrames { .. } => "long-frames",
            Self::IdsOutOfOrder => "ids-out-of-order",
            Self::EscapeText => "escape-text",
            Self::SlowRest { .. } => "slow-rest",
            Self::BlockingRest { .. } => "blocking-rest",
            Self::NoAnswer => "no-answer",
            Self::CloseBeforeConnect => "close-before-connect",
            Self::Rest500 => "rest-500",
            Self::RestHtml => "rest-html",
            Self::RestHang => "rest-hang",
            Self::LostMoveAnswer => "lost-move-answer",
            Self::NoPositionSignals => "no-position-signals",
            Self::IgnoresMoves => "ignores-moves",
            Self::DeadStop => "dead-stop",
        }
    }

    /// One sentence for the help text.
    pub fn summary(self) -> &'static str {
        match self {
            Self::DropLink { .. } => "drop each connection after N seconds (default 10)",
            Self::Refuse => "answer the WebSocket upgrade with 403",
            Self::Stall => "stop sending, pings too, with the socket open",
            Self::Silent => "send pings and nothing else",
            Self::CorruptFrame { .. } => {
                "break every Nth picture packet (default 10), each time in another way"
            }
            Self::TruncatedMsgpack { .. } => "cut every Nth MessagePack message (default 10) short",
            Self::IgnoreAcks => "let acknowledgements have no effect after the first",
            Self::Flood => "send pictures as fast as possible, acknowledged or not",
            Self::LongFrames { .. } => "pad picture messages to N MiB (default 300)",
            Self::IdsOutOfOrder => "swap the ids of neighbouring pictures",
            Self::EscapeText => "put terminal escape sequences into names and log lines",
            Self::SlowRest { .. } => "answer REST calls N seconds late (default 3)",
            Self::BlockingRest { .. } => {
                "let each GET take N seconds (default 1) and everything else wait for it"
            }
            Self::NoAnswer => "accept connections and say nothing",
            Self::CloseBeforeConnect => "close the WebSocket when the client asks to connect",
            Self::Rest500 => "answer REST commands with 500 and do nothing",
            Self::RestHtml => "answer REST commands with a page of HTML and do nothing",
            Self::RestHang => "take REST commands but stops, and neither do nor answer them",
            Self::LostMoveAnswer => "carry moves out and never answer them",
            Self::NoPositionSignals => "send no position signals",
            Self::IgnoresMoves => "answer moves and do not move",
            Self::DeadStop => "neither carry out nor answer what stops motion",
        }
    }

    /// This fault with `value` in place of its number; `None` if it takes none or not this one.
    fn with_value(self, value: u32) -> Option<Self> {
        let positive = (value > 0).then_some(value)?;
        Some(match self {
            Self::DropLink { .. } => Self::DropLink {
                after: Duration::from_secs(u64::from(positive)),
            },
            Self::SlowRest { .. } => Self::SlowRest {
                by: Duration::from_secs(u64::from(positive)),
            },
            Self::BlockingRest { .. } => Self::BlockingRest {
                by: Duration::from_secs(u64::from(positive)),
            },
            Self::CorruptFrame { .. } => Self::CorruptFrame { every: positive },
            Self::TruncatedMsgpack { .. } => Self::TruncatedMsgpack { every: positive },
            Self::LongFrames { .. } => Self::LongFrames {
                mib: positive.min(1024),
            },
            _ => return None,
        })
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A fault that could not be read from text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnknownFault {
    /// No fault has this name.
    #[error("\"{name}\" is no fault; write one of: {}", names())]
    Name {
        /// What was written.
        name: String,
    },
    /// The fault takes no number, or not this one.
    #[error(
        "\"{value}\" does not go with the fault \"{name}\"; write \"{name}\"{}",
        hint(name)
    )]
    Value {
        /// The fault.
        name: &'static str,
        /// What was written behind it.
        value: String,
    },
}

fn names() -> String {
    Fault::ALL.map(Fault::name).join(", ")
}

fn hint(name: &str) -> String {
    let takes_number = Fault::ALL
        .iter()
        .any(|fault| fault.name() == name && fault.with_value(1).is_some());
    if takes_number {
        format!(" or \"{name}=N\" with a whole number above 0")
    } else {
        " alone".to_owned()
    }
}

impl FromStr for Fault {
    type Err = UnknownFault;

    /// Reads `name` or `name=number`, e.g. `drop-link=5`.
    fn from_str(text: &str) -> Result<Self, UnknownFault> {
        let (name, value) = match text.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (text, None),
        };
        let fault = Self::ALL
            .into_iter()
            .find(|fault| fault.name() == name)
            .ok_or_else(|| UnknownFault::Name {
                name: name.to_owned(),
            })?;
        let Some(value) = value else { return Ok(fault) };
        value
            .parse()
            .ok()
            .and_then(|number| fault.with_value(number))
            .ok_or_else(|| UnknownFault::Value {
                name: fault.name(),
                value: value.to_owned(),
            })
    }
}

/// The faults that are switched on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Faults(Vec<Fault>);

impl Faults {
    /// These and no others.
    pub fn new(faults: &[Fault]) -> Self {
        Self(faults.to_vec())
    }

    /// Whether `fault`, which has no number, is on.
    pub(super) fn has(&self, fault: Fault) -> bool {
        self.0.contains(&fault)
    }

    /// What `pick` finds in the first fault it accepts.
    fn find<T>(&self, pick: impl Fn(Fault) -> Option<T>) -> Option<T> {
        self.0.iter().find_map(|&fault| pick(fault))
    }

    pub(super) fn drop_link(&self) -> Option<Duration> {
        self.find(|fault| match fault {
            Fault::DropLink { after } => Some(after),
            _ => None,
        })
    }

    pub(super) fn slow_rest(&self) -> Option<Duration> {
        self.find(|fault| match fault {
            Fault::SlowRest { by } => Some(by),
            _ => None,
        })
    }

    pub(super) fn blocking_rest(&self) -> Option<Duration> {
        self.find(|fault| match fault {
            Fault::BlockingRest { by } => Some(by),
            _ => None,
        })
    }

    pub(super) fn corrupt_every(&self) -> Option<u32> {
        self.find(|fault| match fault {
            Fault::CorruptFrame { every } => Some(every),
            _ => None,
        })
    }

    pub(super) fn truncate_every(&self) -> Option<u32> {
        self.find(|fault| match fault {
            Fault::TruncatedMsgpack { every } => Some(every),
            _ => None,
        })
    }

    pub(super) fn long_frames_bytes(&self) -> Option<usize> {
        self.find(|fault| match fault {
            Fault::LongFrames { mib } => usize::try_from(mib).ok()?.checked_mul(1 << 20),
            _ => None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_is_read_back_from_its_name() {
        for fault in Fault::ALL {
            assert_eq!(fault.name().parse(), Ok(fault));
            assert!(!fault.summary().is_empty());
        }
    }

    #[test]
    fn a_number_replaces_the_default() {
        let cases = [
            (
                "drop-link=5",
                Some(Fault::DropLink {
                    after: Duration::from_secs(5),
                }),
            ),
            ("corrupt-frame=1", Some(Fault::CorruptFrame { every: 1 })),
            ("corrupt-frame=0", None),
            ("corrupt-frame=x", None),
            ("stall=3", None),
            ("nothing", None),
        ];
        for (text, expected) in cases {
            assert_eq!(text.parse::<Fault>().ok(), expected, "{text}");
        }
    }

    #[test]
    fn an_unknown_fault_names_the_known_ones() {
        let error = "stal".parse::<Fault>().unwrap_err().to_string();
        assert!(
            error.contains("\"stal\"") && error.contains("stall"),
            "{error}"
        );
        let error = "stall=3".parse::<Fault>().unwrap_err().to_string();
        assert!(error.contains("write \"stall\" alone"), "{error}");
    }
}
