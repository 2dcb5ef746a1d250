//! Coinbase Advanced Trade: books and trades of its public stream, and its books over HTTP.
//!
//! Every frame of a connection carries one number, whatever its channel; a hole in the count may
//! have been any product's update, so it breaks every book of the connection. Source: order-book
//! specification, section 7.

mod sequence;

use sequence::{Counter, Verdict};

use super::json::Json;
use super::streamed::{Desk, Dialect, Message, Streamed, Wrong, json_texts, slashed};
use super::time::rfc3339_ns;
use super::{Ask, Pace, Sink, Subscription, Venue, VenueKind};
use crate::model::decimal::{self, DecimalError};
use crate::model::{
    Aggressor, BookChange, ClearReason, Fault, FaultKind, Integrity, PlainText, Scales, Sequence,
    Severity, Side, Stamp, Trade,
};

/// Coinbase Advanced Trade, as it is known by name.
pub const KIND: VenueKind = VenueKind {
    name: NAME,
    stream_url: "wss://advanced-trade-ws.coinbase.com",
    rest_url: "https://api.coinbase.com",
    stream_path: |_, _| String::new(),
    venue,
    pace: Pace {
        attempts: 1,
        attempts_ms: 1_000,
        messages: 8,
        messages_ms: 1_000,
        silence_ms: 5_000,
    },
    key_env: None,
    most_symbols: 100,
    can_poll: true,
};

const NAME: &str = "coinbase";

/// Levels asked for over HTTP unless others are wanted.
const POLLED_LEVELS: u16 = 50;

const DELTA: BookChange = BookChange::Delta { depth: None };

/// The books of a connection.
pub fn venue(subscription: &Subscription) -> Box<dyn Venue> {
    let desk = Desk::new(NAME, subscription, Integrity::Sequence, slashed);
    let dialect = Advanced {
        counter: Counter::default(),
        heartbeat: None,
        asked_for_trades: false,
        levels: subscription.depth.unwrap_or(POLLED_LEVELS),
    };
    Box::new(Streamed::new(desk, dialect))
}

struct Advanced {
    counter: Counter,
    /// The venue's count of its heartbeats.
    heartbeat: Option<i64>,
    /// Trades are subscribed once the books are.
    asked_for_trades: bool,
    levels: u16,
}

impl Dialect for Advanced {
    fn opened(&mut self, desk: &mut Desk, now: Stamp, out: &mut dyn Sink) {
        self.counter = Counter::default();
        self.heartbeat = None;
        self.asked_for_trades = false;
        refuse_twins(desk, now);
        // First, since without it the venue ends quiet channels.
        out.ask(Ask::Send(
            r#"{"type":"subscribe","channel":"heartbeats"}"#.to_owned(),
        ));
    }

    fn subscribe(&mut self, symbols: &[&str]) -> String {
        request("subscribe", symbols, "level2")
    }

    fn unsubscribe(&mut self, symbols: &[&str]) -> String {
        request("unsubscribe", symbols, "level2")
    }

    fn path(&self, symbol: &str) -> String {
        format!(
            "/api/v3/brokerage/market/product_book?product_id={symbol}&limit={}",
            self.levels
        )
    }

    fn message(&mut self, desk: &mut Desk, message: Message<'_>, out: &mut dyn Sink) {
        let json = message.json;
        let Some(channel) = json.get("channel") else {
            if json.get("type").is_some_and(|kind| kind.is("error")) {
                self.error(desk, message, out);
            } else {
                desk.count(|counters| &mut counters.unknown);
            }
            return;
        };
        // Before the channel is looked at: each frame counts, also one of a channel we do not know.
        let number = json.get("sequence_num").and_then(Json::i64);
        if let Some(number) = number {
            match self.counter.judge(number) {
                Verdict::First | Verdict::Next => {}
                Verdict::Duplicate => return desk.count(|counters| &mut counters.duplicates),
                Verdict::OutOfOrder => return desk.count(|counters| &mut counters.out_of_order),
                Verdict::Gap => {
                    desk.count(|counters| &mut counters.gaps);
                    desk.lose_all(ClearReason::Gap, message.received, out);
                }
            }
        }
        let channel = channel.plain().unwrap_or_default();
        match (channel, number) {
            (b"l2_data", Some(number)) => self.book(desk, message, number, out),
            (b"l2_data", None) => lost(desk, message, &"it has no sequence_num".into(), out),
            (b"market_trades", _) => {
                if let Err(wrong) = trades(desk, message, out) {
                    desk.wrong(&wrong, None, message.text, out);
                }
            }
            (b"heartbeats", _) => self.heartbeat(desk, json, out),
            (b"subscriptions", _) => self.acknowledged(desk, message, out),
            (b"ticker" | b"ticker_batch" | b"status" | b"candles", _) => {
                desk.count(|counters| &mut counters.control);
            }
            _ => desk.count(|counters| &mut counters.unknown),
        }
    }

    fn polled(
        &mut self,
        desk: &mut Desk,
        index: usize,
        message: Message<'_>,
        out: &mut dyn Sink,
    ) -> Result<(), Wrong> {
        let picture = message
            .json
            .get("pricebook")
            .filter(|picture| picture.is_object())
            .ok_or("it has no pricebook")?;
        label(desk, index, picture.get("product_id"));
        let Some(book) = desk.books.get_mut(index) else {
            return Ok(());
        };
        let time = match picture.get("time") {
            Some(time) => Some(read_time(time).ok_or("its time cannot be read")?),
            None => None,
        };
        book.begin(BookChange::Replace);
        for (side, name) in [(Side::Bid, "bids"), (Side::Ask, "asks")] {
            let rows = picture
                .get(name)
                .filter(|rows| rows.is_array())
                .ok_or("a side of the book is missing")?;
            for row in rows.items() {
                book.row(side, text(row, "price")?, text(row, "size")?)?;
            }
        }
        book.event.exchange_ns = time;
        desk.apply_newer(index, time, message.received, out)
    }
}

impl Advanced {
    fn book(&mut self, desk: &mut Desk, message: Message<'_>, number: i64, out: &mut dyn Sink) {
        if let Err(wrong) = read_all(desk, message, number, out) {
            lost(desk, message, &wrong, out);
        }
    }

    fn heartbeat(&mut self, desk: &mut Desk, json: Json<'_>, out: &mut dyn Sink) {
        desk.count(|counters| &mut counters.heartbeats);
        let events = json.get("events").into_iter().flat_map(Json::items);
        // An integer; older servers sent text.
        let counts = events.filter_map(|event| event.get("heartbeat_counter")?.digits());
        let Some(count) = counts.last().and_then(super::json::integer) else {
            return;
        };
        let last = self.heartbeat.replace(count);
        if last.is_some_and(|last| count != last.saturating_add(1)) {
            let words =
                format!("{NAME}: the venue's heartbeats jumped to {count}; no frame is missing");
            out.fault(None, Fault::new(FaultKind::Peer, Severity::Info, words));
        }
    }

    /// The venue lists what is subscribed on the connection now.
    fn acknowledged(&mut self, desk: &mut Desk, message: Message<'_>, out: &mut dyn Sink) {
        desk.count(|counters| &mut counters.control);
        let now_ns = message.received.mono_ns;
        let lists = message.json.get("events").into_iter().flat_map(Json::items);
        let lists = lists.filter_map(|event| event.get("subscriptions"));
        let Some(list) = lists.last() else {
            return;
        };
        let products = list.get("level2");
        let mut wanted = Vec::new();
        for index in 0..desk.books.len() {
            let listed = products
                .into_iter()
                .flat_map(Json::items)
                .any(|product| place(desk, product) == Some(index));
            if listed {
                desk.subscriptions.acknowledged(index, now_ns);
                wanted.push(index);
            } else {
                desk.subscriptions.left(index, now_ns);
            }
        }
        if !wanted.is_empty() && !self.asked_for_trades {
            self.asked_for_trades = true;
            let symbols = desk.symbols(&wanted);
            out.ask(Ask::Send(request("subscribe", &symbols, "market_trades")));
        }
    }

    /// An error of the venue. It is a refusal if a subscription waits for its answer.
    fn error(&mut self, desk: &mut Desk, message: Message<'_>, out: &mut dyn Sink) {
        let words = message.json.get("message").and_then(Json::str);
        let words = words.unwrap_or("an error without words".into());
        desk.refused_with(&words, message.received, out);
    }
}

/// The text of a request.
fn request(what: &str, symbols: &[&str], channel: &str) -> String {
    let products = json_texts(symbols);
    format!(r#"{{"type":"{what}","product_ids":{products},"channel":"{channel}"}}"#)
}

/// A frame of book data is lost with its number known: any book may have been in it.
fn lost(desk: &mut Desk, message: Message<'_>, wrong: &Wrong, out: &mut dyn Sink) {
    desk.wrong(wrong, None, message.text, out);
    desk.lose_all(ClearReason::Schema, message.received, out);
}

/// Reads a frame of book data whole, then applies it: one bad row, and nothing has changed.
fn read_all(
    desk: &mut Desk,
    message: Message<'_>,
    number: i64,
    out: &mut dyn Sink,
) -> Result<(), Wrong> {
    let time = message.json.get("timestamp").and_then(read_time);
    let time = time.ok_or("its timestamp is missing or cannot be read")?;
    let events = message
        .json
        .get("events")
        .filter(|events| events.is_array());
    let events = events.ok_or("it has no events")?;
    let mut count = 0_usize;
    for event in events.items() {
        read_event(desk, event, number, time)?;
        count = count.saturating_add(1);
    }
    for event in events.items() {
        // A book holds one message at a time: what several left there is read again.
        let index = match count {
            1 => event
                .get("product_id")
                .and_then(|product| place(desk, product)),
            _ => read_event(desk, event, number, time)?,
        };
        match index {
            Some(index) => desk.apply(index, message.received, out)?,
            None => desk.count(|counters| &mut counters.foreign_symbol),
        }
    }
    Ok(())
}

/// Reads the change of one product into its book's message. `None` if it is not subscribed.
fn read_event(
    desk: &mut Desk,
    event: Json<'_>,
    number: i64,
    time: i64,
) -> Result<Option<usize>, Wrong> {
    let change = match event.get("type").and_then(Json::plain) {
        Some(b"snapshot") => BookChange::Snapshot,
        Some(b"update") => DELTA,
        _ => return Err("an event is neither snapshot nor update".into()),
    };
    let product = event
        .get("product_id")
        .filter(|product| product.str().is_some());
    let product = product.ok_or("an event has no product_id")?;
    let rows = event.get("updates").filter(|rows| rows.is_array());
    let rows = rows.ok_or("an event has no updates")?;
    let index = place(desk, product);
    let is_snapshot = change == BookChange::Snapshot;
    let frame = desk.frame;
    let mut book = index.and_then(|index| desk.books.get_mut(index));
    if let Some(book) = &mut book {
        book.begin(change);
        book.event.sequence = Sequence {
            last: Some(number),
            ..Sequence::default()
        };
        book.event.exchange_ns = Some(time);
        book.event.frame = frame;
    }
    for row in rows.items() {
        let side = match row.get("side").and_then(Json::plain) {
            Some(b"bid") => Side::Bid,
            Some(b"offer" | b"ask") => Side::Ask,
            _ => return Err("a row has no side".into()),
        };
        let (price, size) = (text(row, "price_level")?, text(row, "new_quantity")?);
        match &mut book {
            Some(book) => book.row(side, price, size)?,
            None => check_numbers(price, size)?,
        }
    }
    if let Some(index) = index
        && is_snapshot
    {
        label(desk, index, Some(product));
    }
    Ok(index)
}

/// Checks a row of a book that nobody keeps.
fn check_numbers(price: &[u8], size: &[u8]) -> Result<(), DecimalError> {
    decimal::decimals(price)?;
    decimal::decimals(size)?;
    Ok(())
}

/// Reads the trades of a frame, then reports them. Sources do not agree whose side it is that the
/// venue names, so it is kept as such and nobody is said to have crossed the spread.
fn trades(desk: &mut Desk, message: Message<'_>, out: &mut dyn Sink) -> Result<(), Wrong> {
    let events = message
        .json
        .get("events")
        .filter(|events| events.is_array());
    let events = events.ok_or("it has no events")?;
    let rows = || {
        events
            .items()
            .filter_map(|event| event.get("trades"))
            .flat_map(Json::items)
    };
    if events
        .items()
        .any(|event| !event.get("trades").is_some_and(Json::is_array))
    {
        return Err("an event has no trades".into());
    }
    for row in rows() {
        read_trade(desk, row)?;
    }
    for row in rows() {
        match read_trade(desk, row)? {
            Some((index, trade)) => {
                if let Some(book) = desk.books.get_mut(index) {
                    book.trade(trade, message.received, out);
                }
            }
            None => desk.count(|counters| &mut counters.foreign_symbol),
        }
    }
    Ok(())
}

fn read_trade(desk: &Desk, row: Json<'_>) -> Result<Option<(usize, Trade)>, Wrong> {
    let product = row
        .get("product_id")
        .filter(|product| product.str().is_some());
    let product = product.ok_or("a trade has no product_id")?;
    let (price, size) = (text(row, "price")?, text(row, "size")?);
    let scales = Scales {
        price: decimal::decimals(price)?,
        size: decimal::decimals(size)?,
    };
    let side = match row.get("side").and_then(Json::plain) {
        Some(b"BUY") => Aggressor::Buy,
        Some(b"SELL") => Aggressor::Sell,
        _ => return Err("a trade has no side".into()),
    };
    let time = row.get("time").and_then(read_time);
    let time = time.ok_or("the time of a trade is missing or cannot be read")?;
    let Some(index) = place(desk, product) else {
        return Ok(None);
    };
    let Some(book) = desk.books.get(index) else {
        return Ok(None);
    };
    let own = book.book().scales();
    let scales = Scales {
        price: scales.price.max(own.price),
        size: scales.size.max(own.size),
    };
    let trade = Trade {
        book: book.id().clone(),
        scales,
        id: row
            .get("trade_id")
            .and_then(Json::str)
            .map(|id| PlainText::from_peer(&id)),
        price: decimal::parse_i64(price, scales.price)?,
        size: decimal::parse(size, scales.size)?,
        aggressor: None,
        side: Some(side),
        exchange_ns: Some(time),
        is_late: false,
    };
    Ok(Some((index, trade)))
}

/// A text of a row.
fn text<'a>(row: Json<'a>, name: &str) -> Result<&'a [u8], Wrong> {
    row.get(name)
        .and_then(Json::plain)
        .ok_or_else(|| Wrong(format!("a row has no readable {name}")))
}

fn read_time(json: Json<'_>) -> Option<i64> {
    rfc3339_ns(json.plain()?)
}

/// The book that a product's data belongs to. The venue answers for `BTC-USDC` with the data of
/// `BTC-USD`.
fn place(desk: &Desk, product: Json<'_>) -> Option<usize> {
    desk.find(product).or_else(|| {
        let name = product.str()?;
        let is_twin = |symbol: &str| symbol.strip_suffix('C') == Some(&*name);
        let usdc = |symbol: &str| symbol.ends_with("-USDC") && is_twin(symbol);
        desk.books.iter().position(|book| usdc(book.symbol()))
    })
}

/// Says what came where that is another product than was asked for.
fn label(desk: &mut Desk, index: usize, product: Option<Json<'_>>) {
    if let Some(product) = product.and_then(Json::str)
        && let Some(book) = desk.books.get_mut(index)
        && book.symbol() != product
    {
        let display = format!("{} ({} data)", slashed(book.symbol()), slashed(&product));
        book.set_display(PlainText::from_peer(&display));
    }
}

/// `BTC-USDC` beside `BTC-USD` would be the same book twice, and its frames name only one.
fn refuse_twins(desk: &mut Desk, now: Stamp) {
    for index in 0..desk.books.len() {
        let symbol = desk.books.get(index).map(|book| book.symbol());
        let twin = symbol
            .filter(|symbol| symbol.ends_with("-USDC"))
            .and_then(|symbol| symbol.strip_suffix('C'));
        if let Some(twin) = twin
            && desk.books.iter().any(|book| book.symbol() == twin)
        {
            let words =
                format!("the venue sends the data of {twin} for it, which is shown already");
            desk.refuse(index, &words, now);
        }
    }
}

#[cfg(test)]
mod tests;
