//! What the venues' wire formats have in common for whoever writes them.

mod binance;
mod coinbase;
mod coinbase_exchange;
mod finnhub;
mod kraken;
mod okx;

use std::cell::Cell;

use serde_json::Value;

use super::book::number;
use super::exchange::{Exchange, Tick};
use super::fault::Fault;
use super::http::Asked;
use super::options::{Listed, Venue};

/// A client's connection in the words of one venue.
pub(super) trait Dialect: Send + Sync {
    /// What is said before anybody asks.
    fn greet(&mut self, _exchange: &Exchange, _out: &mut Vec<String>) {}

    /// The client said something.
    fn hear(&mut self, text: &str, exchange: &Exchange, out: &mut Vec<String>);

    /// Whether a change is one of what was subscribed, and newer than its snapshot.
    fn wants(&self, tick: &Tick) -> bool;

    /// The change of a book.
    fn tick(&mut self, tick: &Tick, listed: &Listed, tamper: Tamper, out: &mut Vec<String>);

    /// The trade that came with it, if one did and trades were asked for.
    fn trade(&mut self, tick: &Tick, listed: &Listed, out: &mut Vec<String>);

    /// A heart-beat is due.
    fn beat(&mut self, out: &mut Vec<String>);

    /// The venue goes down.
    fn maintenance(&mut self, out: &mut Vec<String>);
}

/// What is wrong with an update.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Tamper {
    /// A price has more decimals than the instrument.
    pub is_fine: bool,
    pub wrong_checksum: bool,
    /// A field has another name.
    pub renamed: bool,
}

pub(super) fn dialect(exchange: &Exchange, venue: Venue, asked: &Asked) -> Box<dyn Dialect> {
    match venue {
        Venue::Binance => Box::new(binance::Binance::new(exchange, asked)),
        Venue::Kraken => Box::new(kraken::Kraken::default()),
        Venue::Coinbase => Box::new(coinbase::Coinbase::default()),
        Venue::CoinbaseExchange => Box::new(coinbase_exchange::CoinbaseExchange::default()),
        Venue::Okx => Box::new(okx::Okx::default()),
        Venue::Finnhub => Box::new(finnhub::Finnhub::default()),
    }
}

/// Prints prices of one message, the first of them wrongly if that is wanted.
struct Prices<'a> {
    listed: &'a Listed,
    is_fine: Cell<bool>,
}

impl<'a> Prices<'a> {
    fn new(listed: &'a Listed, tamper: Tamper) -> Self {
        Self {
            listed,
            is_fine: Cell::new(tamper.is_fine),
        }
    }

    fn price(&self, price: i64) -> String {
        let text = number(price, self.listed.price_scale);
        match self.is_fine.replace(false) {
            // More than any integer of ours holds, so that nobody takes it for a finer scale.
            true => format!("{text}000000000000000000000001"),
            false => text,
        }
    }

    fn size(&self, size: i64) -> String {
        number(size, self.listed.size_scale)
    }
}

/// A field's name, or another one.
fn field(name: &'static str, tamper: Tamper) -> &'static str {
    if tamper.renamed { "levels_v3" } else { name }
}

/// RFC 3339 with nine digits.
pub(super) fn time_text(unix_ns: i64) -> String {
    match jiff::Timestamp::from_nanosecond(i128::from(unix_ns)) {
        Ok(time) => format!("{time:.9}"),
        Err(_) => "1970-01-01T00:00:00Z".to_owned(),
    }
}

/// The texts of a JSON list, or the one text.
fn texts(value: Option<&Value>) -> Vec<String> {
    match value {
        Some(Value::String(one)) => vec![one.clone()],
        Some(Value::Array(list)) => list
            .iter()
            .filter_map(|item| item.as_str().map(str::to_owned))
            .collect(),
        _ => Vec::new(),
    }
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}

/// The place of a symbol that may be subscribed.
fn granted(exchange: &Exchange, venue: Venue, symbol: &str) -> Option<usize> {
    let index = exchange.find(venue, symbol)?;
    let refused = exchange.faults().strikes(Fault::RefuseSubscription, symbol);
    (!refused).then_some(index)
}
