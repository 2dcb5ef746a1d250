//! A venue whose books are subscribed to on one connection, acknowledged and repaired there.
//!
//! [`Streamed`] is all of a [`Venue`] but the words on the wire: those are a [`Dialect`]'s. What
//! both share is the [`Desk`] with the books, their subscriptions and the counters.

use super::json::{Json, Tape};
use super::poll::Poll;
use super::subscriptions::{Subscriptions, Todo};
use super::symbols::Symbols;
use super::tracked::Tracked;
use super::{Answer, Ask, Fetch, Sink, Subscription, Venue, faults};
use crate::model::{
    BookChange, BookEvent, BookId, BookView, ClearReason, FeedCounters, FeedWay, Integrity,
    PlainText, Side, Stamp,
};

/// What is on the wire of one venue.
pub trait Dialect: Send {
    /// A new connection stands, nothing is subscribed yet: ids of the old one mean nothing.
    fn opened(&mut self, desk: &mut Desk, now: Stamp, out: &mut dyn Sink);

    /// A message. It has been counted as a frame and as nothing else.
    fn message(&mut self, desk: &mut Desk, message: Message<'_>, out: &mut dyn Sink);

    /// A frame that is not JSON, counted as such. Returns whether its loss breaks every book.
    fn loses_by_noise(&self) -> bool {
        false
    }

    /// A frame that is no JSON by agreement; returns whether it was one.
    fn plain(&mut self, _desk: &mut Desk, _text: &[u8]) -> bool {
        false
    }

    /// The text that subscribes to `symbols`.
    fn subscribe(&mut self, symbols: &[&str]) -> String;

    /// The text that ends the subscription of `symbols`.
    fn unsubscribe(&mut self, symbols: &[&str]) -> String;

    /// Where the book of `symbol` is polled, path and query.
    fn path(&self, symbol: &str) -> String;

    /// The answer to a poll: reads it into the book at `index` and applies it. An error says what
    /// is wrong with it.
    fn polled(
        &mut self,
        desk: &mut Desk,
        index: usize,
        message: Message<'_>,
        out: &mut dyn Sink,
    ) -> Result<(), Wrong>;

    /// When silence asks for a message, and which: `(after nanoseconds, text)`.
    fn keep_alive(&self) -> Option<(u64, &'static str)> {
        None
    }
}

/// What is wrong with a message that is JSON.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrong(pub String);

impl From<&str> for Wrong {
    fn from(words: &str) -> Self {
        Self(words.to_owned())
    }
}

impl From<crate::model::decimal::DecimalError> for Wrong {
    fn from(error: crate::model::decimal::DecimalError) -> Self {
        Self(error.to_string())
    }
}

/// A message as received.
#[derive(Clone, Copy)]
pub struct Message<'a> {
    /// All of it.
    pub json: Json<'a>,
    /// The bytes, for a sample of what is wrong.
    pub text: &'a [u8],
    /// When it was received.
    pub received: Stamp,
}

/// The books of a connection and what became of its frames.
#[derive(Debug)]
pub struct Desk {
    /// The venue's name, for sentences.
    pub name: &'static str,
    /// The books.
    pub books: Vec<Tracked>,
    symbols: Symbols,
    /// When each book is polled next; empty where they are streamed.
    polls: Vec<Poll>,
    poll_ms: u64,
    /// What became of the frames.
    pub counters: FeedCounters,
    /// What is subscribed; unused where books are polled.
    pub subscriptions: Subscriptions,
    /// What the venue said last about itself.
    pub notice: Option<PlainText>,
    /// How the books come.
    pub way: FeedWay,
    /// Which text frame of the connection is being read, from 1.
    pub frame: u64,
    /// Which books the venue refused: only a person asks for those again.
    refused: Vec<bool>,
    /// When the last frame was received or the connection opened, monotonic nanoseconds.
    heard_ns: u64,
    /// The venue has been asked for a sign of life.
    is_nudged: bool,
    is_open: bool,
}

impl Desk {
    /// The books of `subscription`; nothing is known of them yet.
    pub fn new(
        name: &'static str,
        subscription: &Subscription,
        integrity: Integrity,
        display: fn(&str) -> String,
    ) -> Self {
        let books: Vec<Tracked> = subscription
            .symbols
            .iter()
            .map(|symbol| {
                let id = BookId {
                    venue: name.into(),
                    symbol: symbol.as_str().into(),
                };
                let integrity = match subscription.way {
                    FeedWay::Stream => integrity,
                    FeedWay::Polling | FeedWay::Fallback => Integrity::Complete,
                };
                let mut book = Tracked::new(id, subscription.way, integrity);
                book.set_display(display(symbol).into());
                book
            })
            .collect();
        Self {
            name,
            subscriptions: Subscriptions::new(books.len()),
            refused: vec![false; books.len()],
            symbols: Symbols::new(subscription.symbols.iter().map(String::as_str)),
            poll_ms: subscription.poll_ms,
            polls: match subscription.way {
                FeedWay::Stream => Vec::new(),
                _ => vec![Poll::new(subscription.poll_ms); books.len()],
            },
            books,
            counters: FeedCounters::default(),
            notice: None,
            way: subscription.way,
            frame: 0,
            heard_ns: 0,
            is_nudged: false,
            is_open: false,
        }
    }

    /// The index of the book of `symbol`.
    pub fn find(&self, symbol: Json<'_>) -> Option<usize> {
        match symbol.plain() {
            Some(symbol) => self.symbols.find(symbol),
            None => self.symbols.find(symbol.str()?.as_bytes()),
        }
    }

    /// Counts a frame of the connection that is known to be `which`.
    pub fn count(&mut self, which: fn(&mut FeedCounters) -> &mut u64) {
        let counter = which(&mut self.counters);
        *counter = counter.saturating_add(1);
    }

    /// A connection stands.
    ///
    /// - `waiting`: what is waited for, for people
    pub fn opened(&mut self, now: Stamp, waiting: &str) {
        self.count(|counters| &mut counters.connections);
        self.frame = 0;
        self.is_open = true;
        self.hear(now);
        for (book, refused) in self.books.iter_mut().zip(&self.refused) {
            if !refused {
                book.starting(waiting);
            }
        }
    }

    /// The connection ended.
    pub fn closed(&mut self, now: Stamp, out: &mut dyn Sink) {
        self.count(|counters| &mut counters.closes);
        self.is_open = false;
        self.subscriptions.closed();
        for (index, (book, refused)) in self.books.iter_mut().zip(&self.refused).enumerate() {
            if !refused {
                book.clear(index, ClearReason::Closed, now, out);
            }
        }
    }

    /// A text frame came.
    pub fn count_frame(&mut self, received: Stamp) {
        self.count(|counters| &mut counters.frames);
        self.frame = self.frame.saturating_add(1);
        self.hear(received);
    }

    /// The venue sent a ping of the WebSocket.
    pub fn ping(&mut self, received: Stamp) {
        self.count(|counters| &mut counters.pings);
        self.hear(received);
    }

    /// Whether the venue refused the book at `index`.
    pub fn is_refused(&self, index: usize) -> bool {
        self.refused.get(index).copied().unwrap_or(false)
    }

    fn hear(&mut self, now: Stamp) {
        self.heard_ns = now.mono_ns;
        self.is_nudged = false;
    }

    /// A frame that is not JSON.
    pub fn not_json(&mut self, at: usize, text: &[u8], out: &mut dyn Sink) {
        self.count(|counters| &mut counters.parse_errors);
        out.fault(None, faults::not_json(self.name, at, text));
    }

    /// A message of a known kind that cannot be used.
    pub fn wrong(&mut self, wrong: &Wrong, index: Option<usize>, text: &[u8], out: &mut dyn Sink) {
        self.count(|counters| &mut counters.schema_errors);
        if let Some(book) = index.and_then(|index| self.books.get_mut(index)) {
            book.count(|counters| &mut counters.schema_errors);
        }
        out.fault(index, faults::unreadable(self.name, &wrong.0, text));
    }

    /// The venue sent an error; `words` are its own.
    pub fn venue_error(&mut self, index: Option<usize>, words: &str, out: &mut dyn Sink) {
        self.count(|counters| &mut counters.venue_errors);
        if let Some(book) = index.and_then(|index| self.books.get_mut(index)) {
            book.count(|counters| &mut counters.venue_errors);
        }
        out.fault(index, faults::venue_error(self.name, words));
    }

    /// The venue refused the book: it shows the venue's words and is not asked for again.
    pub fn refuse(&mut self, index: usize, words: &str, now: Stamp) {
        self.subscriptions.refused(index, now.mono_ns);
        if let (Some(book), Some(refused)) =
            (self.books.get_mut(index), self.refused.get_mut(index))
            && !book.is_live()
        {
            *refused = true;
            book.fail(PlainText::from_peer(words));
        }
    }

    /// The book is not to be trusted: it leaves `live`, then its repair begins.
    pub fn lose(&mut self, index: usize, reason: ClearReason, now: Stamp, out: &mut dyn Sink) {
        if self.clear(index, reason, now, out) {
            self.subscriptions.broke(index, now.mono_ns);
        }
    }

    /// As [`Desk::lose`], for every book, because of one fault of the connection.
    pub fn lose_all(&mut self, reason: ClearReason, now: Stamp, out: &mut dyn Sink) {
        for index in 0..self.books.len() {
            self.clear(index, reason, now, out);
        }
        self.subscriptions.all_broke(now.mono_ns);
    }

    /// Returns whether the book was live.
    fn clear(&mut self, index: usize, reason: ClearReason, now: Stamp, out: &mut dyn Sink) -> bool {
        let Some(book) = self.books.get_mut(index).filter(|book| book.is_live()) else {
            return false;
        };
        let fault = faults::lost(self.name, book.symbol(), reason.as_str());
        book.clear(index, reason, now, out);
        out.fault(Some(index), fault);
        true
    }

    /// Applies the message that was read into the book at `index`: a snapshot always, an update
    /// only to a live book. Numbers that do not fit together are an error, and change nothing.
    pub fn apply(&mut self, index: usize, now: Stamp, out: &mut dyn Sink) -> Result<(), Wrong> {
        let Some(book) = self.books.get_mut(index) else {
            return Ok(());
        };
        if matches!(book.event.change, BookChange::Delta { .. }) && !book.is_live() {
            book.count(|counters| &mut counters.ignored_desync);
            return Ok(());
        }
        book.apply(index, now, out)?;
        if matches!(
            book.event.change,
            BookChange::Snapshot | BookChange::Replace
        ) {
            self.whole(index, now);
        }
        Ok(())
    }

    /// Applies a polled picture that was read into the book at `index`, unless `id` (whatever of
    /// the venue only grows) says that it is the last one or an older one.
    pub fn apply_newer(
        &mut self,
        index: usize,
        id: Option<i64>,
        now: Stamp,
        out: &mut dyn Sink,
    ) -> Result<(), Wrong> {
        let Some(book) = self.books.get_mut(index) else {
            return Ok(());
        };
        let last = book
            .sequence()
            .or(book.exchange_ns())
            .filter(|_| book.is_live());
        match (last, id) {
            (Some(last), Some(id)) if id == last => {
                book.count(|counters| &mut counters.duplicates);
                book.prove(now);
                Ok(())
            }
            (Some(last), Some(id)) if id < last => {
                book.count(|counters| &mut counters.out_of_order);
                Ok(())
            }
            _ => self.apply(index, now, out),
        }
    }

    /// An error of the venue that may be the answer to a subscription. If one waits for its answer,
    /// the book that the words name is refused, or the only one that can be meant.
    pub fn refused_with(&mut self, words: &str, now: Stamp, out: &mut dyn Sink) {
        let now_ns = now.mono_ns;
        let named = self.asked_in(words);
        // Too many requests is about us, not about a symbol.
        let is_pace = words.to_ascii_lowercase().contains("rate limit");
        let index = match named {
            Some(index) => Some(index),
            None if is_pace => None,
            None => self.subscriptions.refused_one(now_ns),
        };
        self.venue_error(index, words, out);
        if let Some(index) = index {
            self.refuse(index, words, now);
        }
        if named.is_some() {
            self.subscriptions.ask_again(now_ns);
        }
    }

    /// The book that `words` name among those whose subscription waits for its answer.
    pub fn asked_in(&self, words: &str) -> Option<usize> {
        (0..self.books.len()).find(|index| {
            let symbol = self.books.get(*index).map(Tracked::symbol);
            self.subscriptions.is_asked(*index) && symbol.is_some_and(|symbol| names(words, symbol))
        })
    }

    /// A snapshot made the book whole.
    pub fn whole(&mut self, index: usize, now: Stamp) {
        self.subscriptions.whole(index, now.mono_ns);
        if let Some(refused) = self.refused.get_mut(index) {
            *refused = false;
        }
    }

    /// The connection is to be renewed, for this reason.
    pub fn reconnect(&mut self, why: &str, at_least_ms: u64, out: &mut dyn Sink) {
        let why = format!("{}: {why}; connecting again", self.name);
        out.ask(Ask::Reconnect { why, at_least_ms });
    }

    /// The symbols of the books at `indexes`.
    pub fn symbols(&self, indexes: &[usize]) -> Vec<&str> {
        let symbol = |index: &usize| self.books.get(*index).map(Tracked::symbol);
        indexes.iter().filter_map(symbol).collect()
    }
}

/// Reads `[[price, size, ...], ...]` into the message of `book`; what follows in a row is ignored.
pub fn read_pairs(book: &mut Tracked, side: Side, rows: Option<Json<'_>>) -> Result<(), Wrong> {
    let rows = rows.filter(|rows| rows.is_array());
    for row in rows.ok_or("a side of the book is missing")?.items() {
        let mut cells = row.items().map(Json::plain);
        match (cells.next().flatten(), cells.next().flatten()) {
            (Some(price), Some(size)) => book.row(side, price, size)?,
            _ => return Err("a row is not a price and a size".into()),
        }
    }
    Ok(())
}

/// Whether `words` name `symbol`, and not one that only begins or ends like it.
fn names(words: &str, symbol: &str) -> bool {
    let is_part = |c: char| c.is_alphanumeric() || c == '-' || c == '_';
    words.split(|c| !is_part(c)).any(|word| word == symbol)
}

/// `BASE/QUOTE` of a symbol that is written `BASE-QUOTE`, with or without more behind it.
pub fn slashed(symbol: &str) -> String {
    symbol.replacen('-', "/", 1).to_uppercase()
}

/// The texts as a JSON array.
pub fn json_texts(texts: &[&str]) -> String {
    // Texts always can be written as JSON.
    serde_json::to_string(texts).unwrap_or_default()
}

/// A [`Venue`] that speaks `D`.
#[derive(Debug)]
pub struct Streamed<D> {
    desk: Desk,
    dialect: D,
    tape: Tape,
}

impl<D: Dialect> Streamed<D> {
    /// The books of `desk`, spoken of in `dialect`.
    pub fn new(desk: Desk, dialect: D) -> Self {
        Self {
            desk,
            dialect,
            tape: Tape::default(),
        }
    }

    /// Sends what the subscriptions want, books together that want the same.
    fn act(&mut self, out: &mut dyn Sink) {
        let (mut leaving, mut wanted) = (Vec::new(), Vec::new());
        while let Some(todo) = self.desk.subscriptions.next_todo() {
            match todo {
                Todo::Unsubscribe(index) => leaving.push(index),
                Todo::Subscribe(index) => wanted.push(index),
                Todo::GiveUp(index) => self.give_up(index, out),
                Todo::Reconnect(why) => self.desk.reconnect(why, 0, out),
            }
        }
        if !leaving.is_empty() {
            let symbols = self.desk.symbols(&leaving);
            out.ask(Ask::Send(self.dialect.unsubscribe(&symbols)));
        }
        if !wanted.is_empty() {
            let symbols = self.desk.symbols(&wanted);
            out.ask(Ask::Send(self.dialect.subscribe(&symbols)));
        }
    }

    fn give_up(&mut self, index: usize, out: &mut dyn Sink) {
        let name = self.desk.name;
        let Some(book) = self.desk.books.get_mut(index) else {
            return;
        };
        let why = "no snapshot came, though it was asked for five times";
        let fault = faults::given_up(name, book.symbol(), why);
        book.fail(why);
        out.fault(Some(index), fault);
    }

    /// Asks for the books whose poll is due.
    fn poll(&mut self, now: Stamp, out: &mut dyn Sink) {
        let Desk { polls, books, .. } = &mut self.desk;
        for (index, (poll, book)) in polls.iter_mut().zip(books.iter()).enumerate() {
            if poll.time(now.mono_ns) {
                out.ask(Ask::Fetch(Fetch {
                    book: index,
                    path: self.dialect.path(book.symbol()),
                    after_ms: 0,
                }));
            }
        }
    }
}

impl<D: Dialect> Venue for Streamed<D> {
    fn open(&mut self, now: Stamp, out: &mut dyn Sink) {
        self.desk.opened(now, "waiting for snapshot");
        if self.desk.way != FeedWay::Stream {
            // What the last connection asked for will not be answered any more.
            self.desk.polls.fill(Poll::new(self.desk.poll_ms));
            self.poll(now, out);
            return;
        }
        self.dialect.opened(&mut self.desk, now, out);
        let Desk {
            subscriptions,
            refused,
            ..
        } = &mut self.desk;
        subscriptions.opened(now.mono_ns, |index| {
            refused.get(index).copied().unwrap_or(false)
        });
        self.act(out);
    }

    fn frame(&mut self, text: &[u8], received: Stamp, out: &mut dyn Sink) {
        self.desk.count_frame(received);
        if self.dialect.plain(&mut self.desk, text) {
            return;
        }
        match self.tape.read(text) {
            Ok(json) => {
                let message = Message {
                    json,
                    text,
                    received,
                };
                self.dialect.message(&mut self.desk, message, out);
            }
            Err(error) => {
                self.desk.not_json(error.at, text, out);
                if self.dialect.loses_by_noise() {
                    self.desk.lose_all(ClearReason::Schema, received, out);
                }
            }
        }
        self.act(out);
    }

    fn answer(&mut self, answer: &Answer<'_>, received: Stamp, out: &mut dyn Sink) {
        let body = match answer.status {
            200 => self.tape.read(answer.body).ok(),
            _ => None,
        };
        let Some(book) = self.desk.books.get_mut(answer.book) else {
            return;
        };
        if let Some(poll) = self.desk.polls.get_mut(answer.book) {
            poll.answered(received.mono_ns, answer.status, answer.retry_after_s);
        }
        let Some(json) = body else {
            if matches!(answer.status, 400 | 404) && !book.is_live() {
                let words = String::from_utf8_lossy(answer.body.get(..200).unwrap_or(answer.body));
                let words = format!("HTTP status {}: {words}", answer.status);
                book.fail(PlainText::from_peer(&words));
            }
            book.count(|counters| &mut counters.http_errors);
            let fault = faults::http(self.desk.name, book.symbol(), answer.status);
            self.desk.count(|counters| &mut counters.http_errors);
            out.fault(Some(answer.book), fault.with_sample(answer.body));
            return;
        };
        let message = Message {
            json,
            text: answer.body,
            received,
        };
        if let Err(wrong) = self
            .dialect
            .polled(&mut self.desk, answer.book, message, out)
        {
            self.desk.wrong(&wrong, Some(answer.book), answer.body, out);
        }
    }

    fn ping(&mut self, received: Stamp) {
        self.desk.ping(received);
    }

    fn closed(&mut self, _why: &str, received: Stamp, out: &mut dyn Sink) {
        self.desk.closed(received, out);
    }

    fn time(&mut self, now: Stamp, out: &mut dyn Sink) {
        if self.desk.way != FeedWay::Stream {
            if self.desk.is_open {
                self.poll(now, out);
            }
            return;
        }
        self.desk.subscriptions.time(now.mono_ns);
        if let Some((after_ns, text)) = self.dialect.keep_alive()
            && self.desk.is_open
            && !self.desk.is_nudged
            && now.mono_ns >= self.desk.heard_ns.saturating_add(after_ns)
        {
            self.desk.is_nudged = true;
            out.ask(Ask::Send(text.to_owned()));
        }
        self.act(out);
    }

    fn due(&self) -> Option<u64> {
        let desk = &self.desk;
        if desk.way != FeedWay::Stream {
            let polls = desk.polls.iter().filter(|_| desk.is_open);
            return polls.map(Poll::due).min();
        }
        let nudge = self
            .dialect
            .keep_alive()
            .filter(|_| desk.is_open && !desk.is_nudged)
            .map(|(after_ns, _)| desk.heard_ns.saturating_add(after_ns));
        nudge.into_iter().chain(desk.subscriptions.due()).min()
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

    fn whole(&self, index: usize) -> Option<BookEvent> {
        self.desk.books.get(index)?.whole()
    }

    fn counters(&self) -> FeedCounters {
        self.desk.counters
    }

    fn notice(&self) -> Option<&str> {
        self.desk.notice.as_deref()
    }
}

#[cfg(test)]
mod tests;
