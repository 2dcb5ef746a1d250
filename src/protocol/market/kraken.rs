//! Kraken, WebSocket version 2: books that are cut to their depth and proved by a checksum.
//!
//! Reference data comes first, because the checksum needs its decimals; a book that fails the
//! checksum is unsubscribed and subscribed again, alone. Source: order-book specification,
//! section 6.

mod checksum;
mod reading;
mod subscribing;

use reading::Lack;
use subscribing::{Subscribing, Turn};

use super::json::{Json, Tape};
use super::poll::Poll;
use super::repair::{Step, Storm};
use super::symbols::Symbols;
use super::tracked::Tracked;
use super::{Answer, Ask, Fetch, Pace, Sink, Subscription, Venue, VenueKind, faults};
use crate::model::{
    BookChange, BookEvent, BookId, BookView, ClearReason, FeedCounters, FeedWay, Integrity, Stamp,
};

/// Short name in URLs, tables and sentences.
const NAME: &str = "kraken";

/// Kraken as it is known by name.
pub const KIND: VenueKind = VenueKind {
    name: NAME,
    stream_url: "wss://ws.kraken.com",
    rest_url: "https://api.kraken.com",
    stream_path: |_, _| "/v2".to_owned(),
    venue: |subscription| Box::new(Kraken::new(subscription)),
    pace: Pace {
        attempts: 60,
        attempts_ms: 600_000,
        messages: 1,
        messages_ms: 1_000,
        silence_ms: 10_000,
    },
    key_env: None,
    most_symbols: 100,
    can_poll: true,
};

/// Depths that can be subscribed.
const DEPTHS: [u16; 5] = [10, 25, 100, 500, 1_000];
/// Levels on each side that the checksum covers.
const PROVED_LEVELS: usize = 10;
/// Without a frame for this long a ping is sent.
const PING_AFTER_NS: u64 = 5_000_000_000;
/// Checksums that differ in a row, without an update accepted between them, until they are not
/// looked at any more.
const MOST_MISMATCHES: u8 = 3;
/// How long to wait at least after the venue said that it is being maintained.
const MAINTENANCE_MS: u64 = 5_000;

/// The books of one connection.
struct Kraken {
    books: Vec<One>,
    symbols: Symbols,
    subscribing: Subscribing,
    tape: Tape,
    counters: FeedCounters,
    /// Text frames of this connection.
    frame: u64,
    way: FeedWay,
    storm: Storm,
    /// What the venue said about itself, unless it is "online".
    notice: Option<String>,
    is_open: bool,
    last_frame_ns: u64,
    last_ping_ns: u64,
    /// Room for the text of a checksum.
    text: Vec<u8>,
}

struct One {
    tracked: Tracked,
    /// Checksums that differed in a row.
    mismatches: u8,
    is_checked: bool,
    poll: Option<Poll>,
}

impl Kraken {
    fn new(subscription: &Subscription) -> Self {
        let depth = depth(subscription.depth);
        let is_polled = subscription.way != FeedWay::Stream;
        let books = subscription.symbols.iter().map(|symbol| {
            let id = BookId {
                venue: NAME.into(),
                symbol: symbol.as_str().into(),
            };
            let integrity = if is_polled {
                Integrity::Complete
            } else {
                Integrity::ChecksumTop10
            };
            let mut tracked = Tracked::new(id, subscription.way, integrity);
            tracked.set_depth(Some(depth));
            One {
                tracked,
                mismatches: 0,
                is_checked: true,
                poll: is_polled.then(|| Poll::new(subscription.poll_ms)),
            }
        });
        Self {
            books: books.collect(),
            symbols: Symbols::new(subscription.symbols.iter().map(String::as_str)),
            subscribing: Subscribing::new(&subscription.symbols, depth),
            tape: Tape::default(),
            counters: FeedCounters::default(),
            frame: 0,
            way: subscription.way,
            storm: Storm::default(),
            notice: None,
            is_open: false,
            last_frame_ns: 0,
            last_ping_ns: 0,
            text: Vec::new(),
        }
    }

    fn message(&mut self, json: Json<'_>, text: &[u8], received: Stamp, out: &mut dyn Sink) {
        let channel = json.get("channel").and_then(Json::plain);
        let counter = match channel {
            Some(b"book") => return self.book_frame(json, text, received, out),
            Some(b"heartbeat") => &mut self.counters.heartbeats,
            Some(b"trade") => return self.trade_frame(json, text, received, out),
            Some(b"instrument") => {
                self.instruments(json);
                self.begin_books(received, out);
                &mut self.counters.control
            }
            Some(b"status") => {
                self.status(json);
                &mut self.counters.control
            }
            Some(b"ticker" | b"ohlc" | b"level3") => &mut self.counters.control,
            Some(_) => &mut self.counters.unknown,
            None if json.get("method").is_some() || json.get("error").is_some() => {
                return self.reply(json, received, out);
            }
            None => &mut self.counters.unknown,
        };
        add(counter);
    }

    /// Decimals, steps and names of the pairs. Whatever of it is missing is left as it was.
    fn instruments(&mut self, json: Json<'_>) {
        let pairs = json.get("data").and_then(|data| data.get("pairs"));
        for pair in pairs.into_iter().flat_map(Json::items) {
            let symbol = pair.get("symbol").and_then(Json::plain).unwrap_or_default();
            let place = self.symbols.find(symbol);
            if let Some(one) = place.and_then(|place| self.books.get_mut(place)) {
                reading::instrument(&mut one.tracked, pair);
            }
        }
    }

    fn status(&mut self, json: Json<'_>) {
        for entry in json.get("data").into_iter().flat_map(Json::items) {
            if let Some(system) = entry.get("system").and_then(Json::str) {
                self.notice = (system != "online").then(|| system.into_owned());
            }
        }
    }

    /// Subscribes the books once the reference data is there.
    fn begin_books(&mut self, now: Stamp, out: &mut dyn Sink) {
        if self.subscribing.begin_books(now.mono_ns, out) {
            for one in &mut self.books {
                one.tracked.repair.want(now.mono_ns);
                if !one.tracked.is_live() {
                    one.tracked.starting("waiting for snapshot");
                }
            }
        }
    }

    // --- book ---

    fn book_frame(&mut self, json: Json<'_>, text: &[u8], received: Stamp, out: &mut dyn Sink) {
        let change = match json.get("type").and_then(Json::plain) {
            Some(b"snapshot") => BookChange::Snapshot,
            Some(b"update") => BookChange::Delta {
                depth: Some(self.subscribing.depth()),
            },
            Some(_) => return add(&mut self.counters.unknown),
            None => return self.unreadable(None, &Lack::of("type"), text, out),
        };
        let Some(data) = json.get("data").filter(|data| data.is_array()) else {
            return self.unreadable(None, &Lack::of("data"), text, out);
        };
        let mut lack = None;
        for entry in data.items() {
            if let Err((index, found)) = self.book_entry(entry, change.clone(), received, out) {
                lack = Some((index, found));
            }
        }
        // A frame is counted once, however much of it is unreadable.
        if let Some((index, lack)) = lack {
            self.unreadable(index, &lack, text, out);
        }
    }

    fn book_entry(
        &mut self,
        entry: Json<'_>,
        change: BookChange,
        received: Stamp,
        out: &mut dyn Sink,
    ) -> Result<(), (Option<usize>, Lack)> {
        let symbol = entry.get("symbol").and_then(Json::plain);
        let symbol = symbol.ok_or_else(|| (None, Lack::of("symbol")))?;
        let place = self.symbols.find(symbol);
        let Some((index, one)) = place.and_then(|index| Some((index, self.books.get_mut(index)?)))
        else {
            add(&mut self.counters.foreign_symbol);
            return Ok(());
        };
        let checksum =
            reading::book(&mut one.tracked, entry, change).map_err(|lack| (Some(index), lack))?;
        one.tracked.event.frame = self.frame;
        let is_snapshot = one.tracked.event.change == BookChange::Snapshot;
        if is_snapshot {
            self.subscribing.is_there(index);
        } else if !one.tracked.is_live() {
            one.tracked.count(|counters| &mut counters.ignored_desync);
            return Ok(());
        }
        let staged = one.tracked.stage();
        staged.map_err(|error| (Some(index), Lack::new(error.to_string())))?;
        let is_equal = one.is_checked && {
            self.text.clear();
            checksum::push_text(one.tracked.book(), PROVED_LEVELS, &mut self.text);
            i64::from(crc32fast::hash(&self.text)) == checksum
        };
        if is_equal {
            one.tracked.count(|counters| &mut counters.crc_ok);
            if !is_snapshot {
                one.mismatches = 0;
            }
        } else if one.is_checked {
            return {
                self.mismatch(index, received, out);
                Ok(())
            };
        } else {
            one.tracked.event.checksum = None;
            one.tracked.count(|counters| &mut counters.crc_skipped);
        }
        one.tracked.accept(index, received, out);
        Ok(())
    }

    /// The staged message does not fit its checksum.
    fn mismatch(&mut self, index: usize, received: Stamp, out: &mut dyn Sink) {
        let books = self.books.len();
        let Some(one) = self.books.get_mut(index) else {
            return;
        };
        one.tracked.count(|counters| &mut counters.crc_fail);
        one.mismatches = one.mismatches.saturating_add(1);
        if one.mismatches >= MOST_MISMATCHES && one.tracked.is_live() {
            // Keep the book going, marked: three repairs in a row did not help.
            one.is_checked = false;
            one.tracked.set_integrity(Integrity::ChecksumOff);
            one.tracked.event.checksum = None;
            one.tracked.accept(index, received, out);
            let why = "three checksums in a row differed: checksums are not looked at any more";
            out.fault(
                Some(index),
                faults::venue_error(
                    NAME,
                    &format!("{}: {why}, and the book is marked", one.tracked.symbol()),
                ),
            );
            return;
        }
        one.tracked.reject();
        let was_live = one.tracked.is_live();
        one.tracked
            .clear(index, ClearReason::Checksum, received, out);
        let why = "the checksum of its ten best levels differs";
        out.fault(Some(index), faults::lost(NAME, one.tracked.symbol(), why));
        let step = if !was_live {
            one.tracked.repair.failed(received.mono_ns)
        } else if self.storm.lost(index, books, received.mono_ns) {
            Step::Reconnect
        } else {
            one.tracked.repair.want(received.mono_ns)
        };
        self.step(index, step, received, out);
    }

    fn step(&mut self, index: usize, step: Step, now: Stamp, out: &mut dyn Sink) {
        let Some(one) = self.books.get_mut(index) else {
            return;
        };
        match step {
            Step::Wait => {}
            Step::Ask => {
                one.is_checked = true;
                one.tracked.set_integrity(Integrity::ChecksumTop10);
                self.subscribing.renew(index, now.mono_ns, out);
            }
            Step::Reconnect => self.reconnect(
                format!("{NAME}: books could not be repaired on this connection"),
                out,
            ),
            Step::GiveUp => {
                let why = "no snapshot came after five requests";
                one.tracked.fail(why);
                let fault = faults::given_up(NAME, one.tracked.symbol(), why);
                out.fault(Some(index), fault);
            }
        }
    }

    fn reconnect(&self, why: String, out: &mut dyn Sink) {
        let is_maintained = self.notice.as_deref() == Some("maintenance");
        out.ask(Ask::Reconnect {
            why,
            at_least_ms: if is_maintained { MAINTENANCE_MS } else { 0 },
        });
    }

    // --- trades and replies ---

    fn trade_frame(&mut self, json: Json<'_>, text: &[u8], received: Stamp, out: &mut dyn Sink) {
        let Some(data) = json.get("data").filter(|data| data.is_array()) else {
            return self.unreadable(None, &Lack::of("data"), text, out);
        };
        let find = |entry: Json<'_>| {
            let symbol = entry.get("symbol").and_then(Json::plain);
            let symbol = symbol.ok_or_else(|| Lack::of("symbol"))?;
            Ok(self.symbols.find(symbol))
        };
        // All rows are read before the first counts.
        let read = data.items().map(|entry| {
            let place = find(entry)?;
            let Some((index, one)) = place.and_then(|at| Some((at, self.books.get(at)?))) else {
                return Ok(None);
            };
            reading::trade(one.tracked.id(), entry).map(|trade| Some((index, trade)))
        });
        match read.collect::<Result<Vec<_>, Lack>>() {
            Ok(rows) => {
                for row in rows {
                    match row.and_then(|(at, trade)| Some((self.books.get_mut(at)?, trade))) {
                        Some((one, trade)) => one.tracked.trade(trade, received, out),
                        None => add(&mut self.counters.foreign_symbol),
                    }
                }
            }
            Err(lack) => self.unreadable(None, &lack, text, out),
        }
    }

    /// An answer to something that was sent.
    fn reply(&mut self, json: Json<'_>, received: Stamp, out: &mut dyn Sink) {
        let error = json.get("error").and_then(Json::str);
        let is_refusal = error.is_some() || json.get("success").and_then(Json::bool) == Some(false);
        let symbol = json
            .get("symbol")
            .or_else(|| json.get("result").and_then(|result| result.get("symbol")))
            .and_then(Json::plain);
        let req_id = json.get("req_id").and_then(Json::i64);
        let place = symbol.and_then(|symbol| self.symbols.find(symbol));
        if !is_refusal {
            add(&mut self.counters.control);
            match json.get("method").and_then(Json::plain) {
                Some(b"unsubscribe") => {
                    self.subscribing.is_unsubscribed(place, req_id, out);
                }
                Some(b"subscribe") => self.subscribing.is_acknowledged(place, req_id),
                _ => {}
            }
            return;
        }
        add(&mut self.counters.venue_errors);
        let words = error.unwrap_or("a request was refused".into());
        // Without a symbol it may be about several books, or about none.
        let mut places: Vec<usize> = place.into_iter().collect();
        if places.is_empty() {
            places.extend(self.subscribing.books_of(req_id));
        }
        if places.is_empty() {
            out.fault(None, faults::venue_error(NAME, &words));
        }
        for index in places {
            self.refused(index, &words, received, out);
        }
    }

    fn refused(&mut self, index: usize, words: &str, received: Stamp, out: &mut dyn Sink) {
        let Some(one) = self.books.get_mut(index) else {
            return;
        };
        one.tracked.count(|counters| &mut counters.venue_errors);
        let sentence = format!("{}: {words}", one.tracked.symbol());
        out.fault(Some(index), faults::venue_error(NAME, &sentence));
        if self.subscribing.refused(index, out) == Turn::Nothing || one.tracked.is_live() {
            return;
        }
        if words == "Already subscribed" {
            // It is subscribed although we thought it was not: only leaving first helps.
            let step = one.tracked.repair.failed(received.mono_ns);
            self.step(index, step, received, out);
        } else {
            one.tracked.repair.give_up();
            one.tracked.fail(sentence);
        }
    }

    fn unreadable(&mut self, index: Option<usize>, lack: &Lack, text: &[u8], out: &mut dyn Sink) {
        add(&mut self.counters.schema_errors);
        if let Some(one) = index.and_then(|index| self.books.get_mut(index)) {
            one.tracked.count(|counters| &mut counters.schema_errors);
        }
        out.fault(index, faults::unreadable(NAME, lack.as_str(), text));
    }
}

/// The smallest depth that can be subscribed and has at least as many levels as wanted.
fn depth(wanted: Option<u16>) -> u16 {
    let wanted = wanted.unwrap_or(25);
    let fits = DEPTHS.into_iter().find(|depth| *depth >= wanted);
    fits.unwrap_or(1_000)
}

fn add(counter: &mut u64) {
    *counter = counter.saturating_add(1);
}

impl Venue for Kraken {
    fn open(&mut self, now: Stamp, out: &mut dyn Sink) {
        self.frame = 0;
        self.notice = None;
        self.last_frame_ns = now.mono_ns;
        for one in &mut self.books {
            one.tracked.repair.reset();
            one.tracked.starting("waiting for snapshot");
        }
        if self.way == FeedWay::Stream {
            add(&mut self.counters.connections);
            self.is_open = true;
            self.subscribing.open(now.mono_ns, out);
        } else {
            self.time(now, out);
        }
    }

    fn frame(&mut self, text: &[u8], received: Stamp, out: &mut dyn Sink) {
        add(&mut self.counters.frames);
        add(&mut self.frame);
        self.last_frame_ns = received.mono_ns;
        let mut tape = std::mem::take(&mut self.tape);
        match tape.read(text) {
            Ok(json) => self.message(json, text, received, out),
            Err(error) => {
                add(&mut self.counters.parse_errors);
                out.fault(None, faults::not_json(NAME, error.at, text));
            }
        }
        self.tape = tape;
    }

    fn answer(&mut self, answer: &Answer<'_>, received: Stamp, out: &mut dyn Sink) {
        let Some(one) = self.books.get_mut(answer.book) else {
            return;
        };
        if let Some(poll) = &mut one.poll {
            poll.answered(received.mono_ns, answer.status, answer.retry_after_s);
        }
        let mut tape = std::mem::take(&mut self.tape);
        let result = match tape.read(answer.body) {
            Ok(json) if answer.status == 200 => {
                reading::polled(&mut one.tracked, json).and_then(|()| {
                    let applied = one.tracked.apply(answer.book, received, out);
                    applied.map_err(|error| Lack::new(error.to_string()))
                })
            }
            _ => Err(Lack::http()),
        };
        self.tape = tape;
        let Err(lack) = result else {
            return;
        };
        if lack.is_http() {
            add(&mut self.counters.http_errors);
            one.tracked.count(|counters| &mut counters.http_errors);
            let fault = faults::http(NAME, one.tracked.symbol(), answer.status);
            out.fault(Some(answer.book), fault);
        } else {
            self.unreadable(Some(answer.book), &lack, answer.body, out);
        }
    }

    fn ping(&mut self, received: Stamp) {
        add(&mut self.counters.pings);
        self.last_frame_ns = received.mono_ns;
    }

    fn closed(&mut self, _why: &str, received: Stamp, out: &mut dyn Sink) {
        if self.way == FeedWay::Stream {
            add(&mut self.counters.closes);
        }
        self.is_open = false;
        self.subscribing.closed();
        for (index, one) in self.books.iter_mut().enumerate() {
            one.tracked.repair.reset();
            one.tracked.clear(index, ClearReason::Closed, received, out);
            one.mismatches = 0;
            one.is_checked = true;
            if one.poll.is_none() {
                one.tracked.set_integrity(Integrity::ChecksumTop10);
            }
        }
    }

    fn time(&mut self, now: Stamp, out: &mut dyn Sink) {
        for index in 0..self.books.len() {
            let Some(one) = self.books.get_mut(index) else {
                return;
            };
            if let Some(poll) = &mut one.poll {
                if poll.time(now.mono_ns) {
                    out.ask(Ask::Fetch(fetch(index, &one.tracked)));
                }
            } else {
                let step = one.tracked.repair.time(now.mono_ns);
                self.step(index, step, now, out);
            }
        }
        if !self.is_open {
            return;
        }
        if self.subscribing.time(now.mono_ns, out) {
            let why = format!("{NAME} did not acknowledge a subscription, asked for twice");
            self.reconnect(why, out);
        }
        if self.ping_due() <= now.mono_ns {
            self.last_ping_ns = now.mono_ns;
            self.subscribing.ping(out);
        }
    }

    fn due(&self) -> Option<u64> {
        let books = self.books.iter().filter_map(|one| match &one.poll {
            Some(poll) => Some(poll.due()),
            None => one.tracked.repair.due(),
        });
        let connection = self
            .is_open
            .then(|| self.ping_due())
            .into_iter()
            .chain(self.subscribing.due());
        books.chain(connection).min()
    }

    fn books(&self) -> usize {
        self.books.len()
    }

    fn view(&self, index: usize, levels: usize, now: Stamp) -> Option<BookView> {
        Some(self.books.get(index)?.tracked.view(levels, now))
    }

    fn version(&self, index: usize) -> u64 {
        self.books.get(index).map_or(0, |one| one.tracked.version())
    }

    fn whole(&self, index: usize) -> Option<BookEvent> {
        self.books.get(index)?.tracked.whole()
    }

    fn counters(&self) -> FeedCounters {
        self.counters
    }

    fn notice(&self) -> Option<&str> {
        self.notice.as_deref()
    }
}

impl Kraken {
    /// When a ping is due: five seconds after the last frame, and after the last ping.
    fn ping_due(&self) -> u64 {
        let last = self.last_frame_ns.max(self.last_ping_ns);
        last.saturating_add(PING_AFTER_NS)
    }
}

/// REST has names of its own: no slash, and `XBT` and `XDG` for two coins.
fn fetch(index: usize, tracked: &Tracked) -> Fetch {
    let pair = tracked.symbol().split('/').map(|coin| match coin {
        "BTC" => "XBT",
        "DOGE" => "XDG",
        same => same,
    });
    let pair: String = pair.collect();
    let count = tracked.depth().unwrap_or(25).min(500);
    Fetch {
        book: index,
        path: format!("/0/public/Depth?pair={pair}&count={count}"),
        after_ms: 0,
    }
}

#[cfg(test)]
mod tests;
