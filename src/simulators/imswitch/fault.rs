//! What the simulator does wrong on request, by the names the command line uses.

use std::time::Duration;

use crate::simulators::fault::{self, every, faults, seconds};

faults! {
    /// Drop every connection this long after it was made, without a close frame.
    DropLink {
        /// Life of a connection.
        after: Duration = seconds(10)
    } = "drop-link",
        "drop each connection after N seconds (default 10)";
    /// Answer the WebSocket upgrade with 403.
    Refuse = "refuse",
        "answer the WebSocket upgrade with 403";
    /// Stop sending; the socket stays open and no ping comes.
    Stall = "stall",
        "stop sending, pings too, with the socket open";
    /// Send pings and nothing else.
    Silent = "silent",
        "send pings and nothing else";
    /// Break every n-th picture packet, each time in the next way of [`Damage`].
    CorruptFrame {
        /// 1 breaks every packet.
        every: u32 = every(10)
    } = "corrupt-frame",
        "break every Nth picture packet (default 10), each time in another way";
    /// Cut every n-th MessagePack message in half.
    TruncatedMsgpack {
        /// 1 cuts every message.
        every: u32 = every(10)
    } = "truncated-msgpack",
        "cut every Nth MessagePack message (default 10) short";
    /// Ignore every acknowledgement but a connection's first, so that its window never moves again.
    IgnoreAcks = "ignore-acks",
        "let acknowledgements have no effect after the first";
    /// Send pictures without regard to acknowledgements or throttle.
    Flood = "flood",
        "send pictures as fast as possible, acknowledged or not";
    /// Append zeros to every picture message up to this size.
    LongFrames {
        /// Size of the message in MiB.
        mib: u32 = mib(300)
    } = "long-frames",
        "pad picture messages to N MiB (default 300)";
    /// Swap the ids of neighbouring pictures: 1, 0, 3, 2 and so on.
    IdsOutOfOrder = "ids-out-of-order",
        "swap the ids of neighbouring pictures";
    /// Put escape sequences into names and log lines.
    EscapeText = "escape-text",
        "put terminal escape sequences into names and log lines";
    /// Answer REST calls this much later.
    SlowRest {
        /// The delay.
        by: Duration = seconds(3)
    } = "slow-rest",
        "answer REST calls N seconds late (default 3)";
    /// Let every GET take this long, and nothing pass on any connection meanwhile: the servers
    /// run commands on the thread that serves the WebSocket.
    BlockingRest {
        /// How long a command takes.
        by: Duration = seconds(1)
    } = "blocking-rest",
        "let each GET take N seconds (default 1) and everything else wait for it";
    /// Accept TCP connections and say nothing.
    NoAnswer = "no-answer",
        "accept connections and say nothing";
    /// Close the WebSocket when the client asks to connect.
    CloseBeforeConnect = "close-before-connect",
        "close the WebSocket when the client asks to connect";
    /// Answer commands over REST with 500 and do nothing.
    Rest500 = "rest-500",
        "answer REST commands with 500 and do nothing";
    /// Answer commands over REST with a page of HTML and do nothing.
    RestHtml = "rest-html",
        "answer REST commands with a page of HTML and do nothing";
    /// Take commands over REST and never answer or do anything; stops are none.
    RestHang = "rest-hang",
        "take REST commands but stops, and neither do nor answer them";
    /// Carry moves out and never answer them.
    LostMoveAnswer = "lost-move-answer",
        "carry moves out and never answer them";
    /// Send no position signals.
    NoPositionSignals = "no-position-signals",
        "send no position signals";
    /// Answer moves as if they were carried out, and do not move.
    IgnoresMoves = "ignores-moves",
        "answer moves and do not move";
    /// Never answer or carry out what stops motion.
    DeadStop = "dead-stop",
        "neither carry out nor answer what stops motion";
}

/// Most a message is padded to.
const PAD_LIMIT_MIB: u32 = 1024;

const fn mib(n: u32) -> u32 {
    if n < PAD_LIMIT_MIB { n } else { PAD_LIMIT_MIB }
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

/// The faults that are switched on.
pub type Faults = fault::Faults<Fault>;

impl Faults {
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
    fn a_number_replaces_the_default() {
        let after = Duration::from_secs(5);
        for (text, expected) in [
            ("drop-link=5", Fault::DropLink { after }),
            ("corrupt-frame=1", Fault::CorruptFrame { every: 1 }),
            ("long-frames=5000", Fault::LongFrames { mib: 1024 }),
        ] {
            assert_eq!(text.parse(), Ok(expected));
        }
    }
}
