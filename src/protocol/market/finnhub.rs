//! Finnhub: trades and last prices of stocks, currencies and crypto pairs. There are no books.
//!
//! A subscription is not acknowledged, and the refusal of one symbol too many does not name it, so
//! symbols are subscribed one at a time and the first such refusal ends that. Source: order-book
//! specification, section 10.

use super::json::{Json, NotJson, Tape};
use super::streamed::{Desk, Wrong};
use super::time::millis_ns;
use super::tracked::Tracked;
use super::{Answer, Ask, Pace, Sink, Subscription, Venue, VenueKind};
use crate::model::decimal;
use crate::model::{BookEvent, BookView, FeedCounters, Integrity, Scales, Stamp, Trade};

/// Finnhub, as it is known by name.
pub const KIND: VenueKind = VenueKind {
    name: NAME,
    stream_url: "wss://ws.finnhub.io",
    rest_url: "",
    stream_path: path,
    venue,
    pace: Pace {
        attempts: 1,
        attempts_ms: 5_000,
        messages: 4,
        messages_ms: 1_000,
        silence_ms: 90_000,
    },
    key_env: Some("FINNHUB_TOKEN"),
    most_symbols: 50,
    can_poll: false,
};

const NAME: &str = "finnhub";

/// Between one subscription and the next: long enough for a refusal to come before it.
const BETWEEN_SUBSCRIPTIONS_NS: u64 = 250_000_000;

/// A trade that is older than the newest of its symbol by more than this is late.
const LATE_NS: i64 = 1_000_000_000;

/// What the venue says when a symbol is one too many.
const TOO_MANY: &str = "too many symbols";

fn path(_subscription: &Subscription, key: Option<&str>) -> String {
    let key = key.unwrap_or_default().as_bytes();
    let token: String = url::form_urlencoded::byte_serialize(key).collect();
    format!("/?token={token}")
}

/// The symbols of a connection.
pub fn venue(subscription: &Subscription) -> Box<dyn Venue> {
    let desk = Desk::new(NAME, subscription, Integrity::TradesOnly, str::to_uppercase);
    Box::new(Finnhub {
        scales: vec![Scales::default(); desk.books.len()],
        desk,
        next: 0,
        next_ns: None,
        last: Vec::new(),
        tape: Tape::default(),
    })
}

struct Finnhub {
    desk: Desk,
    /// The most decimals that prices and sizes of each symbol had.
    scales: Vec<Scales>,
    /// The symbol that is subscribed next.
    next: usize,
    /// When, monotonic nanoseconds; `None` if there is nothing more to subscribe.
    next_ns: Option<u64>,
    /// The text of the last frame.
    last: Vec<u8>,
    tape: Tape,
}

impl Venue for Finnhub {
    fn open(&mut self, now: Stamp, out: &mut dyn Sink) {
        self.desk.opened(now, "waiting for the first trade");
        self.last.clear();
        self.next = 0;
        self.subscribe(now, out);
    }

    fn frame(&mut self, text: &[u8], received: Stamp, out: &mut dyn Sink) {
        self.desk.count_frame(received);
        let tape = std::mem::take(&mut self.tape);
        self.tape = self.read(tape, text, received, out);
        self.last.clear();
        self.last.extend_from_slice(text);
    }

    fn answer(&mut self, _answer: &Answer<'_>, _received: Stamp, _out: &mut dyn Sink) {}

    fn ping(&mut self, received: Stamp) {
        self.desk.ping(received);
    }

    fn closed(&mut self, _why: &str, received: Stamp, out: &mut dyn Sink) {
        self.next_ns = None;
        self.desk.closed(received, out);
    }

    fn time(&mut self, now: Stamp, out: &mut dyn Sink) {
        if self.next_ns.is_some_and(|at| at <= now.mono_ns) {
            self.subscribe(now, out);
        }
    }

    fn due(&self) -> Option<u64> {
        self.next_ns
    }

    fn books(&self) -> usize {
        self.desk.books.len()
    }

    fn view(&self, index: usize, levels: usize, now: Stamp) -> Option<BookView> {
        Some(self.desk.books.get(index)?.view(levels, now))
    }

    fn version(&self, index: usize) -> u64 {
        self.desk.books.get(index).map_or(0, Tracked::version)
    }

    fn whole(&self, _index: usize) -> Option<BookEvent> {
        None
    }

    fn counters(&self) -> FeedCounters {
        self.desk.counters
    }

    fn notice(&self) -> Option<&str> {
        self.desk.notice.as_deref()
    }
}

impl Finnhub {
    /// Subscribes to the next symbol that was not refused, and plans the one behind it.
    fn subscribe(&mut self, now: Stamp, out: &mut dyn Sink) {
        self.next_ns = None;
        while self.desk.is_refused(self.next) {
            self.next = self.next.saturating_add(1);
        }
        let Some(book) = self.desk.books.get(self.next) else {
            return;
        };
        let symbol = serde_json::Value::from(book.symbol());
        out.ask(Ask::Send(format!(
            r#"{{"type":"subscribe","symbol":{symbol}}}"#
        )));
        self.next = self.next.saturating_add(1);
        if self.next < self.desk.books.len() {
            self.next_ns = Some(now.mono_ns.saturating_add(BETWEEN_SUBSCRIPTIONS_NS));
        }
    }

    fn read(&mut self, mut tape: Tape, text: &[u8], received: Stamp, out: &mut dyn Sink) -> Tape {
        let json = match tape.read(text) {
            Ok(json) => json,
            Err(NotJson { at }) => {
                self.desk.not_json(at, text, out);
                return tape;
            }
        };
        match json.get("type").and_then(Json::plain) {
            Some(b"trade") => match self.trades(json, received, out) {
                Ok(()) if self.last == text => {
                    self.desk.count(|counters| &mut counters.repeated_frames);
                }
                Ok(()) => {}
                Err(wrong) => self.desk.wrong(&wrong, None, text, out),
            },
            Some(b"ping") => self.desk.count(|counters| &mut counters.heartbeats),
            Some(b"error") => self.error(json, received, out),
            _ => self.desk.count(|counters| &mut counters.unknown),
        }
        tape
    }

    /// Reads the rows of a frame, then reports them.
    fn trades(&mut self, json: Json<'_>, received: Stamp, out: &mut dyn Sink) -> Result<(), Wrong> {
        let rows = json.get("data").filter(|rows| rows.is_array());
        let rows = rows.ok_or("it has no data")?;
        for row in rows.items() {
            Row::read(row)?;
        }
        for row in rows.items() {
            let row = Row::read(row)?;
            let Some(index) = self.desk.find(row.symbol) else {
                self.desk.count(|counters| &mut counters.foreign_symbol);
                continue;
            };
            let (Some(book), Some(scales)) =
                (self.desk.books.get_mut(index), self.scales.get_mut(index))
            else {
                continue;
            };
            scales.price = scales.price.max(row.scales.price);
            scales.size = scales.size.max(row.scales.size);
            let newest = book.last_trade().and_then(|last| last.exchange_ns);
            let age_ns = newest.map(|newest| newest.saturating_sub(row.time_ns));
            let trade = Trade {
                book: book.id().clone(),
                scales: *scales,
                id: None,
                price: decimal::parse_i64(row.price, scales.price)?,
                size: decimal::parse(row.size, scales.size)?,
                aggressor: None,
                side: None,
                exchange_ns: Some(row.time_ns),
                is_late: age_ns.is_some_and(|age_ns| age_ns > LATE_NS),
            };
            book.trade(trade, received, out);
        }
        Ok(())
    }

    fn error(&mut self, json: Json<'_>, now: Stamp, out: &mut dyn Sink) {
        let words = json.get("msg").and_then(Json::str);
        let words = words.unwrap_or("an error without words".into());
        self.desk.venue_error(None, &words, out);
        if !words.to_ascii_lowercase().contains(TOO_MANY) {
            return;
        }
        self.next_ns = None;
        // The last one that was subscribed was too many, and so are those behind it. One whose
        // trades came is not meant.
        for index in self.next.saturating_sub(1)..self.desk.books.len() {
            self.desk.refuse(index, &words, now);
        }
    }
}

/// A row of a trade frame, as written.
struct Row<'a> {
    symbol: Json<'a>,
    price: &'a [u8],
    size: &'a [u8],
    scales: Scales,
    time_ns: i64,
}

impl<'a> Row<'a> {
    fn read(row: Json<'a>) -> Result<Self, Wrong> {
        let number = |name: &str| {
            let number = row.get(name).and_then(Json::number);
            number.ok_or_else(|| Wrong(format!("a trade has no number {name}")))
        };
        let symbol = row.get("s").filter(|symbol| symbol.str().is_some());
        let (price, size) = (number("p")?, number("v")?);
        let scales = Scales {
            price: decimal::decimals(price)?,
            size: decimal::decimals(size)?,
        };
        // Checked here, so that a number that does not fit refuses the frame and not half of it.
        decimal::parse_i64(price, scales.price)?;
        decimal::parse(size, scales.size)?;
        Ok(Self {
            symbol: symbol.ok_or("a trade has no symbol")?,
            price,
            size,
            scales,
            time_ns: millis_ns(number("t")?).ok_or("the time of a trade cannot be read")?,
        })
    }
}

#[cfg(test)]
mod tests;
