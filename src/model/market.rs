//! What a market source shows: the newest view of each book, and how its connections stand.
//!
//! A view is a copy of the best levels with the figures of the whole book. It replaces the view
//! before; the changes themselves are [`BookEvent`](super::order_book::BookEvent)s.

use super::metrics::Percentiles;
use super::order_book::{BookId, Level, Scales, Trade};
use super::stamp::Stamp;
use super::text::PlainText;

mod counters;

/// A book as it was at one moment. Immutable and shared.
#[derive(Clone, Debug, PartialEq)]
pub struct BookView {
    /// Whose.
    pub book: BookId,
    /// `BASE/QUOTE` in upper case, the same for one instrument at every venue; the symbol itself
    /// where the venue does not say what it is made of.
    pub display: PlainText,
    /// Decimals of every number in it.
    pub scales: Scales,
    /// Smallest step of a price, in `10^-price_scale`; at least 1.
    pub tick: i64,
    /// Where it stands.
    pub state: BookState,
    /// How it comes.
    pub way: FeedWay,
    /// What holds its order together.
    pub integrity: Integrity,
    /// Best bids, best first: at most [`BookView::LEVELS`].
    pub bids: Vec<Level>,
    /// Best asks, best first: at most [`BookView::LEVELS`].
    pub asks: Vec<Level>,
    /// Levels of the whole bid side.
    pub bid_levels: usize,
    /// Levels of the whole ask side.
    pub ask_levels: usize,
    /// Prices beyond which nothing is known (lowest bid, highest ask), where the snapshot was
    /// limited: sums that reach there are not complete.
    pub known_range: Option<(i64, i64)>,
    /// The venue's id of the last message applied.
    pub sequence: Option<i64>,
    /// The venue's time of the last message applied, nanoseconds since 1970 UTC.
    pub exchange_ns: Option<i64>,
    /// When the last frame that proves the book alive was received.
    pub proved: Option<Stamp>,
    /// Best bid at or above best ask.
    pub is_crossed: bool,
    /// Figures of the whole book; `None` unless both sides have levels.
    pub metrics: Option<BookMetrics>,
    /// What became of its messages.
    pub counters: BookCounters,
    /// Messages applied per second, over the last ten seconds.
    pub rate_hz: f64,
    /// Messages applied in each of the last sixty seconds, oldest first.
    pub last_minute: Vec<u32>,
    /// Receive time minus the venue's time over the last minute. Negative where the clocks differ.
    pub latency: FeedLatency,
    /// The last trade, or price where the venue sends nothing else.
    pub last_trade: Option<Trade>,
}

impl BookView {
    /// Levels of a side that a view holds at most.
    pub const LEVELS: usize = 100;

    /// The light of this book at `now`; `fresh_for_ns` is how long a live book may be silent.
    pub fn light(&self, now: Stamp, fresh_for_ns: u64) -> Light {
        let age_ns = self.age_ns(now);
        match &self.state {
            BookState::Starting(_) => Light::Starting,
            BookState::Failed(_) | BookState::Closed(_) => Light::Failed,
            BookState::Desync(_) => Light::Stale,
            BookState::Live => {
                let is_old = age_ns.is_none_or(|age| age >= fresh_for_ns);
                let is_marked = self.is_crossed
                    || self.integrity == Integrity::ChecksumOff
                    || self.way == FeedWay::Fallback;
                if is_old || is_marked {
                    Light::Stale
                } else {
                    Light::Fresh
                }
            }
        }
    }

    /// Nanoseconds since the book was last proved alive.
    pub fn age_ns(&self, now: Stamp) -> Option<u64> {
        let proved = self.proved?;
        Some(now.mono_ns.saturating_sub(proved.mono_ns))
    }
}

/// How long a live book may be silent before it is called stale, unless configured otherwise.
/// Source: order-book specification, section 14.
pub const FRESH_FOR_NS: u64 = 5_000_000_000;

/// Where a book stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BookState {
    /// No snapshot yet; the words say what is being waited for.
    Starting(PlainText),
    /// Every change so far is in it.
    Live,
    /// Something is missing; the last good levels stay, marked. The words say what happened and
    /// what is being done.
    Desync(PlainText),
    /// The connection is down; the last good levels stay, marked.
    Closed(PlainText),
    /// The venue refused it, or repairs were given up: the sentence says so.
    Failed(PlainText),
}

impl BookState {
    /// The word in recordings and for scripts.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Starting(_) => "starting",
            Self::Live => "live",
            Self::Desync(_) => "desync",
            Self::Closed(_) => "closed",
            Self::Failed(_) => "failed",
        }
    }

    /// What is being waited for, or what went wrong.
    pub fn detail(&self) -> Option<&PlainText> {
        match self {
            Self::Live => None,
            Self::Starting(words)
            | Self::Desync(words)
            | Self::Closed(words)
            | Self::Failed(words) => Some(words),
        }
    }
}

/// The light of a book. Their order is from good to bad: the larger, the worse.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Light {
    /// Live and fresh.
    Fresh,
    /// Connecting, or waiting for a snapshot.
    Starting,
    /// Live and silent for too long, being repaired, crossed, not checked, or polled as a way out.
    Stale,
    /// Closed, failed or refused.
    Failed,
}

impl Light {
    /// The word on the screen and for scripts.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Fresh => "fresh",
            Self::Starting => "starting",
            Self::Stale => "stale",
            Self::Failed => "failed",
        }
    }
}

/// How a book comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FeedWay {
    /// Over a WebSocket.
    Stream,
    /// Asked for over HTTP, as configured.
    Polling,
    /// Asked for over HTTP because the stream does not stand.
    Fallback,
}

impl FeedWay {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Stream, Self::Polling, Self::Fallback];

    /// The word in recordings and for scripts.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Stream => "stream",
            Self::Polling => "polling",
            Self::Fallback => "fallback",
        }
    }
}

/// What holds a book's order together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Integrity {
    /// Ids without a hole.
    Sequence,
    /// A checksum over the ten best levels of each side.
    ChecksumTop10,
    /// A checksum over the 25 best levels of each side, beside ids.
    ChecksumTop25,
    /// A checksum that failed again and again and is not looked at any more.
    ChecksumOff,
    /// Each message is complete.
    Complete,
    /// Only the order of times and a look at crossing.
    Weak,
    /// There is no book here, only trades.
    TradesOnly,
}

impl Integrity {
    /// The words on the screen and for scripts.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sequence => "sequence",
            Self::ChecksumTop10 => "checksum top 10",
            Self::ChecksumTop25 => "checksum top 25",
            Self::ChecksumOff => "checksum off",
            Self::Complete => "complete",
            Self::Weak => "time only",
            Self::TradesOnly => "trades only",
        }
    }
}

/// Figures of a whole book. Floats, for showing and for statistics only.
///
/// Formulas: order-book specification, section 12.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct BookMetrics {
    /// (best bid + best ask) / 2, in quote units.
    pub mid: f64,
    /// Best ask - best bid, in quote units; negative when crossed.
    pub spread: f64,
    /// Spread in ten-thousandths of the mid.
    pub spread_bps: f64,
    /// (ask x bid size + bid x ask size) / (bid size + ask size).
    pub microprice: f64,
    /// Imbalance of the best 1, 5 and 10 levels, `-1.0..=1.0`; positive when bids are larger.
    pub imbalance: [f64; 3],
    /// Depth within 10, 50 and 100 bps of the mid.
    pub depth: [DepthWithin; 3],
}

/// What is offered near the mid.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct DepthWithin {
    /// How near, in ten-thousandths of the mid, border included.
    pub bps: u16,
    /// Base units of the bid side.
    pub bid_size: f64,
    /// Quote units of the bid side.
    pub bid_value: f64,
    /// Base units of the ask side.
    pub ask_size: f64,
    /// Quote units of the ask side.
    pub ask_value: f64,
}

/// Latencies of a feed, in nanoseconds; `None` without samples.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FeedLatency {
    /// Nearest rank 50 %.
    pub p50_ns: Option<i64>,
    /// Nearest rank 90 %.
    pub p90_ns: Option<i64>,
    /// Nearest rank 99 %.
    pub p99_ns: Option<i64>,
    /// The largest.
    pub max_ns: Option<i64>,
    /// The newest minus the smallest of the last five minutes: needs no agreement of clocks.
    pub excess_ns: Option<i64>,
}

/// What became of the messages of one book. Names and meaning: order-book specification, section
/// 14.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct BookCounters {
    pub snapshots_applied: u64,
    pub snapshots_rejected: u64,
    pub snapshots_unneeded: u64,
    pub updates_applied: u64,
    pub updates_buffered: u64,
    pub buffered_dropped: u64,
    pub duplicates: u64,
    pub out_of_order: u64,
    pub gaps: u64,
    pub keepalives: u64,
    pub seq_resets: u64,
    pub ignored_desync: u64,
    pub crc_ok: u64,
    pub crc_fail: u64,
    pub crc_skipped: u64,
    pub crossed: u64,
    pub crossed_desyncs: u64,
    pub deletes_of_absent_levels: u64,
    pub resyncs: u64,
    pub schema_errors: u64,
    pub venue_errors: u64,
    pub trades: u64,
    pub price_updates: u64,
    pub late: u64,
    pub repeated_frames: u64,
    pub http_errors: u64,
}

/// What became of the frames of one connection. Names and meaning: order-book specification,
/// section 14.
///
/// Every frame is counted here, also one whose book is known and counts it too. `duplicates`,
/// `out_of_order` and `gaps` are those of the connection as a whole, where it has a sequence of its
/// own; what a book's own ids show is counted by that book alone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct FeedCounters {
    pub frames: u64,
    pub parse_errors: u64,
    pub schema_errors: u64,
    pub unknown: u64,
    pub venue_errors: u64,
    pub control: u64,
    pub heartbeats: u64,
    pub pings: u64,
    pub foreign_symbol: u64,
    pub connections: u64,
    pub closes: u64,
    pub duplicates: u64,
    pub out_of_order: u64,
    pub gaps: u64,
    pub repeated_frames: u64,
    pub http_errors: u64,
}

/// How a venue's connections stand.
#[derive(Clone, Debug, PartialEq)]
pub struct FeedHealth {
    /// The venue's short name.
    pub venue: PlainText,
    /// How its books come.
    pub way: FeedWay,
    /// Connections that stand.
    pub connections_up: u16,
    /// Connections that should.
    pub connections_wanted: u16,
    /// Books subscribed.
    pub books: u16,
    /// Of them, live.
    pub books_live: u16,
    /// When the last frame of any kind was received.
    pub last_frame: Option<Stamp>,
    /// What became of its frames.
    pub counters: FeedCounters,
    /// Messages applied per second, all books.
    pub rate_hz: f64,
    /// Messages that wait to be sent at the venue's pace.
    pub waiting_to_send: u16,
    /// Connection attempts left in the venue's budget.
    pub attempts_left: u16,
    /// The venue told us to wait until then, and with which status.
    pub limited: Option<(Stamp, u16)>,
    /// What the venue said last about itself, e.g. "maintenance".
    pub notice: Option<PlainText>,
    /// From receipt to applied, in this process.
    pub apply: Percentiles,
    /// How long a live book of it may be silent before it is called stale, nanoseconds; for
    /// [`BookView::light`].
    pub fresh_for_ns: u64,
}
