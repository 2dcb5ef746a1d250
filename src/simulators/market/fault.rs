//! What the simulated venues do wrong on request, by the names the command line uses.

use std::fmt;
use std::str::FromStr;

/// One thing they do wrong for as long as it is switched on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// What.
    pub kind: FaultKind,
    /// How often, or which number; see [`FaultKind::summary`].
    pub number: u32,
    /// Only with this symbol; `None` for all.
    pub symbol: Option<String>,
}

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[allow(missing_docs)]
pub enum FaultKind {
    Gap,
    Duplicate,
    Disconnect,
    Close,
    Silent,
    Stall,
    Crossed,
    BadChecksum,
    Malformed,
    Truncated,
    TooFine,
    SchemaChanged,
    RateLimit,
    RefuseSubscription,
    RefuseKey,
    Maintenance,
}

impl FaultKind {
    /// All of them.
    pub const ALL: [Self; 16] = [
        Self::Gap,
        Self::Duplicate,
        Self::Disconnect,
        Self::Close,
        Self::Silent,
        Self::Stall,
        Self::Crossed,
        Self::BadChecksum,
        Self::Malformed,
        Self::Truncated,
        Self::TooFine,
        Self::SchemaChanged,
        Self::RateLimit,
        Self::RefuseSubscription,
        Self::RefuseKey,
        Self::Maintenance,
    ];

    /// The name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Gap => "gap",
            Self::Duplicate => "duplicate",
            Self::Disconnect => "disconnect",
            Self::Close => "close",
            Self::Silent => "silent",
            Self::Stall => "stall",
            Self::Crossed => "crossed",
            Self::BadChecksum => "bad-checksum",
            Self::Malformed => "malformed",
            Self::Truncated => "truncated",
            Self::TooFine => "too-fine",
            Self::SchemaChanged => "schema-changed",
            Self::RateLimit => "rate-limit",
            Self::RefuseSubscription => "refuse-subscription",
            Self::RefuseKey => "refuse-key",
            Self::Maintenance => "maintenance",
        }
    }

    /// What it does, in a line.
    pub fn summary(self) -> &'static str {
        match self {
            Self::Gap => "every n-th update is not sent (n = 20)",
            Self::Duplicate => "every n-th update is sent twice (n = 20)",
            Self::Disconnect => "the socket is cut behind the n-th update (n = 50)",
            Self::Close => "the socket is closed at once with this code (1001)",
            Self::Silent => "connections are accepted and nothing is ever said",
            Self::Stall => "nothing more is said, with the socket open",
            Self::Crossed => "a bid stands above the best ask",
            Self::BadChecksum => "every n-th checksum is wrong (n = 20)",
            Self::Malformed => "every n-th update is no JSON (n = 20)",
            Self::Truncated => "every n-th update ends half-way (n = 20)",
            Self::TooFine => "every n-th update has a price with too many decimals (n = 20)",
            Self::SchemaChanged => "every n-th update has a field under another name (n = 20)",
            Self::RateLimit => "requests and upgrades are answered with this status (429)",
            Self::RefuseSubscription => "every subscription is refused",
            Self::RefuseKey => "upgrades are answered with this status (401)",
            Self::Maintenance => "the venue says that it goes down, and closes",
        }
    }

    /// The number where none is written; `None` where there is none to write.
    fn usual(self) -> Option<u32> {
        match self {
            Self::Disconnect => Some(50),
            Self::Close => Some(1001),
            Self::RateLimit => Some(429),
            Self::RefuseKey => Some(401),
            Self::Gap
            | Self::Duplicate
            | Self::BadChecksum
            | Self::Malformed
            | Self::Truncated
            | Self::TooFine
            | Self::SchemaChanged => Some(20),
            Self::Silent
            | Self::Stall
            | Self::Crossed
            | Self::RefuseSubscription
            | Self::Maintenance => None,
        }
    }
}

impl Fault {
    /// A fault with its usual number and all symbols.
    pub fn new(kind: FaultKind) -> Self {
        Self {
            kind,
            number: kind.usual().unwrap_or_default(),
            symbol: None,
        }
    }

    /// The same with another number.
    pub fn with_number(mut self, number: u32) -> Self {
        self.number = number;
        self
    }

    /// The same with one symbol only.
    pub fn of(mut self, symbol: &str) -> Self {
        self.symbol = Some(symbol.to_owned());
        self
    }
}

/// Why a fault cannot be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UnknownFault {
    /// Nobody knows the name.
    Name {
        /// What was written.
        written: String,
    },
    /// The number is none of its.
    Value {
        /// What was written.
        written: String,
        /// What to write.
        shape: String,
    },
}

impl fmt::Display for UnknownFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name { written } => {
                let names = FaultKind::ALL.map(FaultKind::name).join(", ");
                write!(f, "\"{written}\" is no fault; write one of: {names}")
            }
            Self::Value { written, shape } => write!(f, "\"{written}\": write {shape}"),
        }
    }
}

impl std::error::Error for UnknownFault {}

impl FromStr for Fault {
    type Err = UnknownFault;

    /// `NAME[=N][@SYMBOL]`.
    fn from_str(written: &str) -> Result<Self, UnknownFault> {
        let (head, symbol) = match written.split_once('@') {
            Some((head, symbol)) => (head, Some(symbol.to_owned())),
            None => (written, None),
        };
        let (name, number) = match head.split_once('=') {
            Some((name, number)) => (name, Some(number)),
            None => (head, None),
        };
        let kind = FaultKind::ALL.into_iter().find(|kind| kind.name() == name);
        let kind = kind.ok_or_else(|| UnknownFault::Name {
            written: written.to_owned(),
        })?;
        let wrong = || UnknownFault::Value {
            written: written.to_owned(),
            shape: match kind.usual() {
                Some(_) => format!("{name}=N with a number from 1 on, or \"{name}\" alone"),
                None => format!("\"{name}\" alone, or {name}@SYMBOL"),
            },
        };
        let number = match (number, kind.usual()) {
            (None, usual) => usual.unwrap_or_default(),
            (Some(_), None) => return Err(wrong()),
            (Some(number), Some(_)) => {
                let number = number.parse().ok().filter(|number| *number > 0);
                number.ok_or_else(wrong)?
            }
        };
        if symbol.as_deref() == Some("") {
            return Err(wrong());
        }
        Ok(Self {
            kind,
            number,
            symbol,
        })
    }
}

/// The faults that are on.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Faults(pub Vec<Fault>);

impl Faults {
    /// The number of a fault that is on, whatever the symbol.
    pub(super) fn number(&self, kind: FaultKind) -> Option<u32> {
        let fault = self.0.iter().find(|fault| fault.kind == kind);
        fault.map(|fault| fault.number)
    }

    pub(super) fn has(&self, kind: FaultKind, symbol: &str) -> bool {
        self.0.iter().any(|fault| fault.is_of(kind, symbol))
    }

    /// Whether a fault that strikes now and then strikes at this count, which begins with 1.
    pub(super) fn strikes(&self, kind: FaultKind, symbol: &str, count: u64) -> bool {
        let mut faults = self.0.iter().filter(|fault| fault.is_of(kind, symbol));
        faults.any(|fault| count.is_multiple_of(u64::from(fault.number.max(1))))
    }
}

impl Fault {
    fn is_of(&self, kind: FaultKind, symbol: &str) -> bool {
        self.kind == kind && self.symbol.as_deref().is_none_or(|own| own == symbol)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_are_read_as_they_are_written() {
        for kind in FaultKind::ALL {
            assert_eq!(kind.name().parse(), Ok(Fault::new(kind)));
        }
        assert_eq!(
            "gap=7".parse(),
            Ok(Fault::new(FaultKind::Gap).with_number(7))
        );
        assert_eq!(
            "gap=7@BTC/USD".parse(),
            Ok(Fault::new(FaultKind::Gap).with_number(7).of("BTC/USD"))
        );
        for wrong in ["hiccup", "gap=0", "gap=x", "stall=1", "gap@"] {
            assert!(wrong.parse::<Fault>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_fault_of_one_symbol_leaves_the_others() {
        let faults = Faults(vec![Fault::new(FaultKind::Gap).with_number(3).of("A")]);
        let at = |symbol: &str| {
            (1..=6)
                .filter(|n| faults.strikes(FaultKind::Gap, symbol, *n))
                .count()
        };
        assert_eq!((at("A"), at("B")), (2, 0));
    }
}
