//! Order books as values: levels, what changed, and the exact integers they are counted in.
//!
//! A price is an integer count of `10^-price_scale`, a size one of `10^-size_scale`. No float is
//! ever a key, and nothing here rounds.

pub mod book;
pub mod metrics;
pub mod signal;

use super::decimal;
use super::text::PlainText;

pub use book::Book;

/// How many decimals prices and sizes of an instrument have. They never change while a book lives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Scales {
    /// Decimals of a price.
    pub price: u8,
    /// Decimals of a size.
    pub size: u8,
}

/// One price with what is offered there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Level {
    /// Price in `10^-price_scale`.
    pub price: i64,
    /// Size in `10^-size_scale`; zero only in a delta, where it removes the level.
    pub size: i128,
}

/// A side of a book.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Side {
    /// Who wants to buy; the best is the highest.
    Bid,
    /// Who wants to sell; the best is the lowest.
    Ask,
}

/// An instrument at a venue.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BookId {
    /// The venue's short name, e.g. `kraken`.
    pub venue: PlainText,
    /// The symbol as the venue writes it, e.g. `BTC/USD`.
    pub symbol: PlainText,
}

/// What happened to a book; together and in order they are the book.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BookEvent {
    /// Whose.
    pub book: BookId,
    /// Decimals of every number in it.
    pub scales: Scales,
    /// What kind of change.
    pub change: BookChange,
    /// Rows of the bid side, in the order received.
    pub bids: Vec<Level>,
    /// Rows of the ask side, in the order received.
    pub asks: Vec<Level>,
    /// The venue's own ids, as far as it has them.
    pub sequence: Sequence,
    /// The venue's time, nanoseconds since 1970 UTC.
    pub exchange_ns: Option<i64>,
    /// Checksum that came with it, as sent.
    pub checksum: Option<i64>,
    /// Which text frame of the connection it came in, from 1; 0 if it came over HTTP.
    pub frame: u64,
    /// What is true of the book from here on, beside its levels: with a whole book, and whenever
    /// it has changed.
    pub notes: Option<BookNotes>,
}

/// What is true of a book beside its levels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BookNotes {
    /// `BASE/QUOTE` in upper case, the same for one instrument at every venue; the symbol itself
    /// where the venue does not say what it is made of.
    pub display: PlainText,
    /// Smallest step of a price, in `10^-price_scale`; at least 1.
    pub tick: i64,
    /// Prices beyond which nothing is known (lowest bid, highest ask), where the snapshot was
    /// limited; `i64::MIN` and `i64::MAX` where a side was not.
    pub known_range: Option<(i64, i64)>,
}

impl BookNotes {
    /// Of a book of which only the symbol is known.
    pub fn new(symbol: &PlainText) -> Self {
        Self {
            display: symbol.clone(),
            tick: 1,
            known_range: None,
        }
    }

    /// Counts its prices with `to` decimals instead of `from`. What cannot be said in those is
    /// forgotten. A tick of 1 stays 1: no venue has said a larger one.
    pub fn rescale(&mut self, from: u8, to: u8) {
        if from == to {
            return;
        }
        let price = |units: i64| match units {
            i64::MIN | i64::MAX => Some(units),
            _ => decimal::rescale(i128::from(units), from, to)
                .and_then(|units| i64::try_from(units).ok()),
        };
        if self.tick != 1 {
            self.tick = price(self.tick).unwrap_or(1);
        }
        self.known_range = self
            .known_range
            .and_then(|(low, high)| Some((price(low)?, price(high)?)));
    }
}

/// The kind of change a [`BookEvent`] is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BookChange {
    /// Both sides are these rows now; rows of size zero are skipped.
    Snapshot,
    /// These rows were added, changed or (size zero) removed.
    Delta {
        /// Levels each side is cut to afterwards, where the venue has such a rule.
        depth: Option<u16>,
    },
    /// A complete picture of the top levels took the place of the one before.
    Replace,
    /// The book is not to be trusted from here on.
    Clear(ClearReason),
}

impl BookChange {
    /// The word in recordings.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Snapshot => "snapshot",
            Self::Delta { .. } => "delta",
            Self::Replace => "replace",
            Self::Clear(_) => "clear",
        }
    }
}

/// Why a book stopped being trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ClearReason {
    /// An update is missing.
    Gap,
    /// The checksum does not fit.
    Checksum,
    /// A message could not be understood, so its data is missing.
    Schema,
    /// The venue's time went back.
    OutOfOrder,
    /// It stayed crossed.
    Crossed,
    /// The scale has to grow.
    Scale,
    /// The connection ended.
    Closed,
}

impl ClearReason {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Gap,
        Self::Checksum,
        Self::Schema,
        Self::OutOfOrder,
        Self::Crossed,
        Self::Scale,
        Self::Closed,
    ];

    /// The words on the screen and in recordings.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Gap => "gap",
            Self::Checksum => "checksum",
            Self::Schema => "unreadable message",
            Self::OutOfOrder => "out of order",
            Self::Crossed => "crossed",
            Self::Scale => "finer numbers",
            Self::Closed => "closed",
        }
    }
}

/// The venue's ids of a change. What they mean differs: Binance `U` and `u`, OKX `seqId` and
/// `prevSeqId`, Coinbase Advanced `sequence_num`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sequence {
    /// First id covered.
    pub first: Option<i64>,
    /// Last id covered: where the book stands afterwards.
    pub last: Option<i64>,
    /// The id it follows.
    pub previous: Option<i64>,
}

/// Somebody bought and somebody sold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trade {
    /// At which book.
    pub book: BookId,
    /// Decimals of its numbers.
    pub scales: Scales,
    /// The venue's id, if it has one.
    pub id: Option<PlainText>,
    /// Price in `10^-price_scale`.
    pub price: i64,
    /// Size in `10^-size_scale`; zero for a price update without a trade.
    pub size: i128,
    /// Who crossed the spread, where the venue says so beyond doubt.
    pub aggressor: Option<Aggressor>,
    /// The side as the venue wrote it, where sources do not agree whose it is: to be shown as
    /// "side", never as who crossed.
    pub side: Option<Aggressor>,
    /// The venue's time, nanoseconds since 1970 UTC.
    pub exchange_ns: Option<i64>,
    /// Older than the newest trade of its symbol by more than a second.
    pub is_late: bool,
}

/// Who crossed the spread.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Aggressor {
    /// The buyer did.
    Buy,
    /// The seller did.
    Sell,
}

impl Aggressor {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Buy, Self::Sell];

    /// The word on the screen and in recordings.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Buy => "buy",
            Self::Sell => "sell",
        }
    }
}
