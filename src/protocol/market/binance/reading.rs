//! The messages of Binance, read into a book's event.

use crate::model::decimal;
use crate::model::{Aggressor, BookChange, BookId, PlainText, Scales, Sequence, Side, Trade};
use crate::protocol::market::json::Json;
use crate::protocol::market::time::millis_ns;
use crate::protocol::market::tracked::Tracked;

/// Why a message is not used.
pub(super) enum Trouble {
    /// Of a type that is not known.
    Unknown,
    /// Of a book that was not asked for.
    Foreign,
    /// Something is missing or cannot be read: whose message it was, and what.
    Unreadable(Option<usize>, String),
}

/// What is missing or cannot be read.
pub(super) struct Lack(String);

impl Lack {
    pub(super) fn of(self, index: usize) -> Trouble {
        Trouble::Unreadable(Some(index), self.0)
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

fn lack(field: &str) -> Lack {
    Lack(format!("field {field:?} is missing or unreadable"))
}

/// The symbol and the rest of a stream's name, e.g. `btcusdt` and `depth20@100ms`.
pub(super) fn split_stream(name: &[u8]) -> (&[u8], &[u8]) {
    match name.iter().position(|&byte| byte == b'@') {
        Some(at) => {
            let (symbol, rest) = name.split_at(at);
            (symbol, rest.get(1..).unwrap_or_default())
        }
        None => (name, b""),
    }
}

/// Whether a stream brings complete top levels, e.g. `depth20@100ms`.
pub(super) fn is_partial(channel: &[u8]) -> bool {
    let levels = channel.strip_prefix(b"depth");
    levels.is_some_and(|rest| rest.first().is_some_and(u8::is_ascii_digit))
}

/// A `depthUpdate`.
pub(super) fn difference(tracked: &mut Tracked, data: Json<'_>) -> Result<(), Lack> {
    tracked.begin(BookChange::Delta { depth: None });
    let id = |field| {
        data.get(field)
            .and_then(Json::i64)
            .ok_or_else(|| lack(field))
    };
    tracked.event.sequence = Sequence {
        first: Some(id("U")?),
        last: Some(id("u")?),
        previous: None,
    };
    let time = data.get("E").and_then(Json::number).and_then(millis_ns);
    tracked.event.exchange_ns = Some(time.ok_or_else(|| lack("E"))?);
    rows(tracked, Side::Bid, data, "b")?;
    rows(tracked, Side::Ask, data, "a")
}

/// A complete picture, over the stream or over HTTP.
pub(super) fn picture(
    tracked: &mut Tracked,
    data: Json<'_>,
    change: BookChange,
) -> Result<(), Lack> {
    tracked.begin(change);
    let id = data.get("lastUpdateId").and_then(Json::i64);
    tracked.event.sequence.last = Some(id.ok_or_else(|| lack("lastUpdateId"))?);
    rows(tracked, Side::Bid, data, "bids")?;
    rows(tracked, Side::Ask, data, "asks")
}

/// Rows of `["price","size"]`; what else stands in one is ignored.
fn rows(tracked: &mut Tracked, side: Side, data: Json<'_>, field: &str) -> Result<(), Lack> {
    let list = data.get(field).filter(|list| list.is_array());
    for row in list.ok_or_else(|| lack(field))?.items() {
        let mut cells = row.items().map(Json::digits);
        let (Some(Some(price)), Some(Some(size))) = (cells.next(), cells.next()) else {
            return Err(Lack(format!(
                "a row of {field:?} is not a price and a size"
            )));
        };
        tracked.row(side, price, size).map_err(|error| {
            let price = String::from_utf8_lossy(price);
            Lack(format!("the row of {field:?} at {price:?} has {error}"))
        })?;
    }
    Ok(())
}

/// A `trade`. If the buyer's order was in the book, the seller came to it.
pub(super) fn trade(book: &BookId, data: Json<'_>) -> Result<Trade, Lack> {
    let digits = |field| {
        data.get(field)
            .and_then(Json::digits)
            .ok_or_else(|| lack(field))
    };
    let (price, size) = (digits("p")?, digits("q")?);
    let scales = Scales {
        price: decimal::decimals(price).map_err(|_| lack("p"))?,
        size: decimal::decimals(size).map_err(|_| lack("q"))?,
    };
    let is_buyer_maker = data.get("m").and_then(Json::bool);
    let time = data.get("T").and_then(Json::number).and_then(millis_ns);
    Ok(Trade {
        book: book.clone(),
        scales,
        id: data
            .get("t")
            .and_then(Json::number)
            .map(PlainText::from_peer_bytes),
        price: decimal::parse_i64(price, scales.price).map_err(|_| lack("p"))?,
        size: decimal::parse(size, scales.size).map_err(|_| lack("q"))?,
        aggressor: Some(match is_buyer_maker.ok_or_else(|| lack("m"))? {
            true => Aggressor::Sell,
            false => Aggressor::Buy,
        }),
        side: None,
        exchange_ns: Some(time.ok_or_else(|| lack("T"))?),
        is_late: false,
    })
}
