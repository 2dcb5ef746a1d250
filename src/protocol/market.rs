//! Order-book venues: frames in; changes, trades and requests out. No I/O, no clock.
//!
//! A [`Venue`] keeps the books of one connection and everything that proves them right. Whoever
//! owns the socket feeds it what arrives and does what it asks; a capture and a live connection
//! run through the same code.

pub mod binance;
pub mod canonical;
pub mod coinbase_advanced;
pub mod coinbase_exchange;
pub mod faults;
pub mod finnhub;
#[cfg(test)]
pub mod heard;
pub mod json;
pub mod kraken;
pub mod latency;
pub mod okx;
pub mod poll;
pub mod repair;
#[cfg(test)]
pub mod scripted;
pub mod streamed;
pub mod subscriptions;
pub mod symbols;
pub mod time;
pub mod tracked;
pub mod venues;

use crate::model::{BookEvent, BookView, Fault, FeedCounters, FeedWay, Stamp, Trade};

/// The books of one connection to a venue.
pub trait Venue: Send {
    /// The connection stands: subscribes.
    fn open(&mut self, now: Stamp, out: &mut dyn Sink);

    /// A text frame, whole, as received.
    fn frame(&mut self, text: &[u8], received: Stamp, out: &mut dyn Sink);

    /// The answer to a [`Ask::Fetch`], or to a poll.
    fn answer(&mut self, answer: &Answer<'_>, received: Stamp, out: &mut dyn Sink);

    /// The peer sent a WebSocket ping (answered by whoever owns the socket).
    fn ping(&mut self, received: Stamp);

    /// The connection ended: every book on it is closed.
    fn closed(&mut self, why: &str, received: Stamp, out: &mut dyn Sink);

    /// Time has come to [`Venue::due`]: keep-alives, retries, what is owed and did not come.
    fn time(&mut self, now: Stamp, out: &mut dyn Sink);

    /// When [`Venue::time`] is wanted next, monotonic nanoseconds.
    fn due(&self) -> Option<u64>;

    /// How many books there are; they keep their places.
    fn books(&self) -> usize;

    /// A view of the book at `index` as of `now`, with at most `levels` levels of each side.
    fn view(&self, index: usize, levels: usize, now: Stamp) -> Option<BookView>;

    /// A number that changes whenever the view of the book at `index` does.
    fn version(&self, index: usize) -> u64;

    /// The whole book at `index` as one snapshot event, for a recording that begins now; `None`
    /// unless it is live.
    fn whole(&self, index: usize) -> Option<BookEvent>;

    /// What became of the frames.
    fn counters(&self) -> FeedCounters;

    /// What the venue said last about itself, e.g. "maintenance".
    fn notice(&self) -> Option<&str>;
}

/// Where a venue's results go, in the order they happened.
pub trait Sink {
    /// A book changed. Borrowed, so that nobody who does not record pays for a copy.
    fn book(&mut self, change: Change<'_>);

    /// A trade.
    fn trade(&mut self, trade: Trade);

    /// Something went wrong; `book` is the index of whose trouble it is, `None` for all of the
    /// connection.
    fn fault(&mut self, book: Option<usize>, fault: Fault);

    /// Something is to be done.
    fn ask(&mut self, ask: Ask);
}

/// A change of a book, borrowed from where it is kept. The fields are those of [`BookEvent`].
#[derive(Clone, Copy, Debug)]
pub struct Change<'a> {
    /// The index of the book.
    pub index: usize,
    /// What changed, with the rows as checked.
    pub event: &'a BookEvent,
}

/// What a venue wants done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ask {
    /// Send this text. Sent in order, at the venue's pace.
    Send(String),
    /// Get this and hand the answer over.
    Fetch(Fetch),
    /// End the connection and open another one; the books have been closed.
    Reconnect {
        /// The sentence for people.
        why: String,
        /// How long to wait at least, milliseconds.
        at_least_ms: u64,
    },
}

/// A request over HTTP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fetch {
    /// The index of the book it is for.
    pub book: usize,
    /// Path and query below the venue's REST address, e.g. `/api/v3/depth?symbol=BTCUSDT`.
    pub path: String,
    /// How long to wait before it is sent, milliseconds.
    pub after_ms: u64,
}

/// What a [`Fetch`] brought.
#[derive(Clone, Copy, Debug)]
pub struct Answer<'a> {
    /// The index of the book it is for.
    pub book: usize,
    /// HTTP status; 0 if there was no answer.
    pub status: u16,
    /// `Retry-After` in seconds, if it was there.
    pub retry_after_s: Option<u64>,
    /// The body.
    pub body: &'a [u8],
}

/// What the books of a connection are to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscription {
    /// Symbols as the venue writes them.
    pub symbols: Vec<String>,
    /// Levels wanted; the venue's own default if `None`.
    pub depth: Option<u16>,
    /// Stream or polling.
    pub way: FeedWay,
    /// Milliseconds from one poll to the next.
    pub poll_ms: u64,
    /// Another channel than the usual one, where the venue has several, e.g. `partial` at Binance.
    pub channel: Option<String>,
}

/// A venue as it is known by name.
pub struct VenueKind {
    /// Short name in URLs and tables.
    pub name: &'static str,
    /// The stream's usual address.
    pub stream_url: &'static str,
    /// The usual address for HTTP; empty if it has none.
    pub rest_url: &'static str,
    /// Path and query of the stream for a subscription, behind `stream_url`; `key` is the secret
    /// that the venue wants there.
    pub stream_path: fn(&Subscription, key: Option<&str>) -> String,
    /// The books of a new connection.
    pub venue: fn(&Subscription) -> Box<dyn Venue>,
    /// What it takes from us at most.
    pub pace: Pace,
    /// Environment variable that holds the key, unless the configuration names another.
    pub key_env: Option<&'static str>,
    /// Symbols on one connection at most.
    pub most_symbols: usize,
    /// Whether it can be polled over HTTP.
    pub can_poll: bool,
}

/// What a venue takes from us. Source: order-book specification, section 4.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// Connection attempts in [`Pace::attempts_ms`].
    pub attempts: u16,
    /// Window of the attempts, milliseconds.
    pub attempts_ms: u64,
    /// Messages in [`Pace::messages_ms`].
    pub messages: u16,
    /// Window of the messages, milliseconds.
    pub messages_ms: u64,
    /// Without any frame or ping for this long the connection is dead, milliseconds.
    pub silence_ms: u64,
}
