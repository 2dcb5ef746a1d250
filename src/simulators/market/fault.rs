//! What the simulated venues do wrong on request, by the names the command line uses: with all
//! symbols, or with one.

use std::fmt;
use std::str::FromStr;

use crate::simulators::fault::{Named as _, UnknownFault, every, faults};

faults! {
    /// Every n-th update is not sent.
    Gap {
        /// 1 sends none.
        every: u32 = every(20)
    } = "gap",
        "leave out every Nth update (default 20)";
    /// Every n-th update is sent twice.
    Duplicate {
        /// 1 repeats all.
        every: u32 = every(20)
    } = "duplicate",
        "send every Nth update twice (default 20)";
    /// The socket is cut behind an update.
    Disconnect {
        /// Behind how many.
        after: u32 = every(50)
    } = "disconnect",
        "cut the socket behind the Nth update (default 50)";
    /// Sockets are closed with this code.
    Close {
        /// The close code.
        code: u16 = code(1001)
    } = "close",
        "close sockets at once with the code N (default 1001)";
    /// Connections are accepted and nothing is ever said.
    Silent = "silent",
        "accept connections and never say anything";
    /// Nothing is said any more.
    Stall = "stall",
        "say nothing more, with the sockets open";
    /// A bid stands above the best ask.
    Crossed = "crossed",
        "let a bid stand above the best ask";
    /// Every n-th checksum is wrong.
    BadChecksum {
        /// 1 spoils all.
        every: u32 = every(20)
    } = "bad-checksum",
        "send a wrong checksum with every Nth update (default 20)";
    /// Every n-th update is no JSON.
    Malformed {
        /// 1 spoils all.
        every: u32 = every(20)
    } = "malformed",
        "send a page of HTML in place of every Nth update (default 20)";
    /// Every n-th update ends half-way.
    Truncated {
        /// 1 spoils all.
        every: u32 = every(20)
    } = "truncated",
        "end every Nth update half-way (default 20)";
    /// Every n-th update has a price with more decimals than its instrument.
    TooFine {
        /// 1 spoils all.
        every: u32 = every(20)
    } = "too-fine",
        "send too many decimals in every Nth update (default 20)";
    /// Every n-th update has a field under another name.
    SchemaChanged {
        /// 1 spoils all.
        every: u32 = every(20)
    } = "schema-changed",
        "rename a field of every Nth update (default 20)";
    /// Requests and upgrades are answered with this status.
    RateLimit {
        /// 429, or 418 for a ban.
        status: u16 = code(429)
    } = "rate-limit",
        "answer requests and upgrades with the status N (default 429)";
    /// Every subscription is refused.
    RefuseSubscription = "refuse-subscription",
        "refuse every subscription";
    /// Upgrades are answered with this status.
    RefuseKey {
        /// 401 or 403.
        status: u16 = code(401)
    } = "refuse-key",
        "answer upgrades with the status N (default 401)";
    /// The venue says that it goes down, and closes.
    Maintenance = "maintenance",
        "announce maintenance, and close sockets";
}

/// A unit of the table: statuses and close codes. More than there are is the largest.
const fn code(n: u32) -> u16 {
    if n > u16::MAX as u32 {
        u16::MAX
    } else {
        n as u16
    }
}

impl Fault {
    /// The same with one symbol only.
    pub fn of(self, symbol: &str) -> Trouble {
        Trouble {
            fault: self,
            symbol: Some(symbol.to_owned()),
        }
    }

    /// How often it strikes, if it does so now and then.
    fn every(self) -> Option<u32> {
        match self {
            Self::Gap { every }
            | Self::Duplicate { every }
            | Self::Disconnect { after: every }
            | Self::BadChecksum { every }
            | Self::Malformed { every }
            | Self::Truncated { every }
            | Self::TooFine { every }
            | Self::SchemaChanged { every } => Some(every),
            _ => None,
        }
    }
}

/// A fault, and whom it strikes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// What goes wrong.
    pub fault: Fault,
    /// With this symbol; `None` for all.
    pub symbol: Option<String>,
}

impl From<Fault> for Trouble {
    fn from(fault: Fault) -> Self {
        Self {
            fault,
            symbol: None,
        }
    }
}

impl FromStr for Trouble {
    type Err = UnknownFault;

    /// `NAME[=N][@SYMBOL]`.
    fn from_str(written: &str) -> Result<Self, UnknownFault> {
        let (fault, symbol) = match written.split_once('@') {
            Some((fault, symbol)) if !symbol.is_empty() => (fault, Some(symbol.to_owned())),
            _ => (written, None),
        };
        Ok(Self {
            fault: fault.parse()?,
            symbol,
        })
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.fault.name())
    }
}

/// What is switched on.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Troubles(pub Vec<Trouble>);

impl Troubles {
    /// What `pick` finds in the first fault it accepts, whomever that strikes.
    pub(super) fn find<T>(&self, pick: impl Fn(Fault) -> Option<T>) -> Option<T> {
        self.0.iter().find_map(|trouble| pick(trouble.fault))
    }

    /// Whether `fault`, which has no number, is on for anybody.
    pub(super) fn has(&self, fault: Fault) -> bool {
        self.0.iter().any(|trouble| trouble.fault == fault)
    }

    /// Whether `fault`, which has no number, is on for this symbol.
    pub(super) fn strikes(&self, fault: Fault, symbol: &str) -> bool {
        self.of(symbol).any(|own| own == fault)
    }

    /// The faults that strike the update of this count, which begins with 1.
    pub(super) fn at(&self, count: u64, symbol: &str) -> Vec<Fault> {
        let now = |fault: &Fault| {
            let every = fault.every();
            every.is_some_and(|every| count.is_multiple_of(u64::from(every.max(1))))
        };
        self.of(symbol).filter(now).collect()
    }

    fn of(&self, symbol: &str) -> impl Iterator<Item = Fault> {
        let own = self.0.iter().filter(move |trouble| {
            let only = trouble.symbol.as_deref();
            only.is_none_or(|only| only == symbol)
        });
        own.map(|trouble| trouble.fault)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_may_be_one_symbols() {
        let gap = Fault::Gap { every: 7 };
        assert_eq!("gap=7@BTC/USD".parse(), Ok(gap.of("BTC/USD")));
        assert_eq!("gap=7".parse(), Ok(Trouble::from(gap)));
        assert_eq!("stall@A".parse(), Ok(Fault::Stall.of("A")));
        for wrong in ["hiccup", "gap=0@A", "stall=1", "gap@"] {
            assert!(wrong.parse::<Trouble>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_fault_of_one_symbol_leaves_the_others() {
        let troubles = Troubles(vec![
            Fault::Gap { every: 3 }.of("A"),
            Fault::Crossed.of("B"),
        ]);
        let times = |symbol: &str| {
            (1..=6)
                .filter(|n| !troubles.at(*n, symbol).is_empty())
                .count()
        };
        assert_eq!((times("A"), times("B")), (2, 0));
        assert!(troubles.strikes(Fault::Crossed, "B") && !troubles.strikes(Fault::Crossed, "A"));
    }
}
