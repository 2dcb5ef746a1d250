//! Coinbase Exchange: the batched level-2 channel, which needs no key, and books over HTTP.
//!
//! Book messages carry no number, so whatever cannot be read may have been an update, and a time
//! that goes back or a book that stays crossed is taken as proof that one is missing. Source:
//! order-book specification, section 8.

use super::json::Json;
use super::streamed::{Desk, Dialect, Message, Streamed, Wrong, json_texts, read_pairs, slashed};
use super::time::rfc3339_ns;
use super::{Pace, Sink, Subscription, Venue, VenueKind};
use crate::model::{BookChange, ClearReason, Integrity, Sequence, Side, Stamp, decimal};

/// Coinbase Exchange, as it is known by name.
pub const KIND: VenueKind = VenueKind {
    name: NAME,
    stream_url: "wss://ws-feed.exchange.coinbase.com",
    rest_url: "https://api.exchange.coinbase.com",
    stream_path: |_, _| String::new(),
    venue,
    pace: Pace {
        attempts: 1,
        attempts_ms: 1_000,
        messages: 100,
        messages_ms: 1_000,
        silence_ms: 5_000,
    },
    key_env: None,
    most_symbols: 100,
    can_poll: true,
};

const NAME: &str = "coinbase_exchange";

/// Messages in a row that may leave the book crossed; with the last of them it is given up.
const CROSSED_IN_A_ROW: u32 = 3;

/// The names of the channel: as it is asked for, as it is acknowledged, and with a key.
const BOOK_CHANNELS: [&[u8]; 3] = [b"level2_batch", b"level2_50", b"level2"];

/// The books of a connection.
pub fn venue(subscription: &Subscription) -> Box<dyn Venue> {
    let desk = Desk::new(NAME, subscription, Integrity::Weak, slashed);
    let dialect = Exchange {
        applied: vec![None; subscription.symbols.len()],
    };
    Box::new(Streamed::new(desk, dialect))
}

struct Exchange {
    /// The time of the update applied last, of each book; `None` after it went back, so that a
    /// venue whose clock was set costs one repair and not one after the other.
    applied: Vec<Option<i64>>,
}

impl Dialect for Exchange {
    fn opened(&mut self, _desk: &mut Desk, _now: Stamp, _out: &mut dyn Sink) {
        self.applied.fill(None);
    }

    fn loses_by_noise(&self) -> bool {
        true
    }

    fn subscribe(&mut self, symbols: &[&str]) -> String {
        let products = json_texts(symbols);
        format!(
            r#"{{"type":"subscribe","product_ids":{products},"channels":["level2_batch","heartbeat"]}}"#
        )
    }

    fn unsubscribe(&mut self, symbols: &[&str]) -> String {
        let products = json_texts(symbols);
        format!(r#"{{"type":"unsubscribe","product_ids":{products},"channels":["level2_batch"]}}"#)
    }

    fn path(&self, symbol: &str) -> String {
        format!("/products/{symbol}/book?level=2")
    }

    fn message(&mut self, desk: &mut Desk, message: Message<'_>, out: &mut dyn Sink) {
        let kind = message.json.get("type").and_then(Json::plain);
        let read = match kind {
            Some(b"l2update") => self.update(desk, message, out),
            Some(b"snapshot") => snapshot(desk, message, out),
            Some(b"heartbeat") => return desk.count(|counters| &mut counters.heartbeats),
            Some(b"subscriptions") => return acknowledged(desk, message),
            Some(b"error") => return error(desk, message, out),
            Some(b"ticker" | b"ticker_batch" | b"status") => {
                return desk.count(|counters| &mut counters.control);
            }
            _ => return desk.count(|counters| &mut counters.unknown),
        };
        if let Err(wrong) = read {
            desk.wrong(&wrong, None, message.text, out);
            desk.lose_all(ClearReason::Schema, message.received, out);
        }
    }

    fn polled(
        &mut self,
        desk: &mut Desk,
        index: usize,
        message: Message<'_>,
        out: &mut dyn Sink,
    ) -> Result<(), Wrong> {
        let Some(book) = desk.books.get_mut(index) else {
            return Ok(());
        };
        let json = message.json;
        let number = json.get("sequence").and_then(Json::i64);
        book.begin(BookChange::Replace);
        read_pairs(book, Side::Bid, json.get("bids"))?;
        read_pairs(book, Side::Ask, json.get("asks"))?;
        book.event.exchange_ns = read_time(json)?;
        book.event.sequence = Sequence {
            last: number,
            ..Sequence::default()
        };
        desk.apply_newer(index, number, message.received, out)
    }
}

impl Exchange {
    fn update(
        &mut self,
        desk: &mut Desk,
        message: Message<'_>,
        out: &mut dyn Sink,
    ) -> Result<(), Wrong> {
        let json = message.json;
        let time = read_time(json)?.ok_or("it has no time")?;
        let changes = json.get("changes").filter(|changes| changes.is_array());
        let changes = changes.ok_or("it has no changes")?;
        let index = begin(desk, json, BookChange::Delta { depth: None })?;
        let mut book = index.and_then(|index| desk.books.get_mut(index));
        for change in changes.items() {
            let mut cells = change.items().map(Json::plain);
            let mut cell = || cells.next().flatten();
            let side = match cell() {
                Some(b"buy") => Side::Bid,
                Some(b"sell") => Side::Ask,
                _ => return Err("a change has no side".into()),
            };
            let (Some(price), Some(size)) = (cell(), cell()) else {
                return Err("a change is not a side, a price and a size".into());
            };
            match &mut book {
                Some(book) => book.row(side, price, size)?,
                None => {
                    decimal::decimals(price)?;
                    decimal::decimals(size)?;
                }
            }
        }
        let (Some(index), Some(book)) = (index, book) else {
            return Ok(());
        };
        book.event.exchange_ns = Some(time);
        let is_live = book.is_live();
        let applied = self.applied.get_mut(index);
        if is_live && applied.as_deref().copied().flatten() > Some(time) {
            book.count(|counters| &mut counters.out_of_order);
            if let Some(applied) = applied {
                *applied = None;
            }
            desk.lose(index, ClearReason::OutOfOrder, message.received, out);
            return Ok(());
        }
        desk.apply(index, message.received, out)?;
        if !is_live {
            return Ok(());
        }
        if let Some(applied) = applied {
            *applied = Some(time);
        }
        if let Some(book) = desk.books.get_mut(index)
            && book.crossed_in_a_row() >= CROSSED_IN_A_ROW
        {
            book.count(|counters| &mut counters.crossed_desyncs);
            desk.lose(index, ClearReason::Crossed, message.received, out);
        }
        Ok(())
    }
}

fn snapshot(desk: &mut Desk, message: Message<'_>, out: &mut dyn Sink) -> Result<(), Wrong> {
    let json = message.json;
    let time = read_time(json)?;
    let Some(index) = begin(desk, json, BookChange::Snapshot)? else {
        return Ok(());
    };
    if let Some(book) = desk.books.get_mut(index) {
        read_pairs(book, Side::Bid, json.get("bids"))?;
        read_pairs(book, Side::Ask, json.get("asks"))?;
        book.event.exchange_ns = time;
    }
    desk.apply(index, message.received, out)
}

/// Begins a message of the product that `json` names. `None`, and counted, if it is not subscribed.
fn begin(desk: &mut Desk, json: Json<'_>, change: BookChange) -> Result<Option<usize>, Wrong> {
    let product = json
        .get("product_id")
        .filter(|product| product.str().is_some());
    let index = desk.find(product.ok_or("it has no product_id")?);
    let frame = desk.frame;
    match index.and_then(|index| desk.books.get_mut(index)) {
        Some(book) => {
            book.begin(change);
            book.event.frame = frame;
        }
        None => desk.count(|counters| &mut counters.foreign_symbol),
    }
    Ok(index)
}

/// The time of a message; `None` if it has none, which only a snapshot may.
fn read_time(json: Json<'_>) -> Result<Option<i64>, Wrong> {
    match json.get("time") {
        None => Ok(None),
        Some(time) => {
            let time = time.plain().and_then(rfc3339_ns);
            Ok(Some(time.ok_or("its time cannot be read")?))
        }
    }
}

/// The venue lists what is subscribed on the connection now.
fn acknowledged(desk: &mut Desk, message: Message<'_>) {
    desk.count(|counters| &mut counters.control);
    let now_ns = message.received.mono_ns;
    let channels = message
        .json
        .get("channels")
        .into_iter()
        .flat_map(Json::items);
    let books = channels.filter(|channel| {
        let name = channel.get("name").and_then(Json::plain);
        name.is_some_and(|name| BOOK_CHANNELS.contains(&name))
    });
    let products: Vec<Json<'_>> = books
        .filter_map(|channel| channel.get("product_ids"))
        .flat_map(Json::items)
        .collect();
    for index in 0..desk.books.len() {
        let symbol = desk.books.get(index).map(|book| book.symbol());
        if symbol.is_some_and(|symbol| products.iter().any(|product| product.is(symbol))) {
            desk.subscriptions.acknowledged(index, now_ns);
        } else {
            desk.subscriptions.left(index, now_ns);
        }
    }
}

/// An error of the venue. It is a refusal if a subscription waits for its answer.
fn error(desk: &mut Desk, message: Message<'_>, out: &mut dyn Sink) {
    let text = |name| message.json.get(name).and_then(Json::str);
    let words = match (text("message"), text("reason")) {
        (Some(message), Some(reason)) => format!("{message}: {reason}"),
        (Some(words), None) | (None, Some(words)) => words.into_owned(),
        (None, None) => "an error without words".to_owned(),
    };
    desk.refused_with(&words, message.received, out);
}

#[cfg(test)]
mod tests;
