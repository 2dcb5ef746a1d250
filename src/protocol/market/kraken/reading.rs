//! The messages of Kraken, read into a book's event. Numbers are taken as the text they came as.

use crate::model::decimal;
use crate::model::{Aggressor, BookChange, BookId, PlainText, Scales, Side, Trade};
use crate::protocol::market::json::Json;
use crate::protocol::market::time::rfc3339_ns;
use crate::protocol::market::tracked::Tracked;

/// What is missing or cannot be read.
pub(super) struct Lack(Option<String>);

impl Lack {
    pub(super) fn new(what: String) -> Self {
        Self(Some(what))
    }

    pub(super) fn of(field: &str) -> Self {
        Self(Some(format!("field {field:?} is missing or unreadable")))
    }

    /// An answer that is none: not status 200, not JSON, or an error in its own words.
    pub(super) fn http() -> Self {
        Self(None)
    }

    pub(super) fn is_http(&self) -> bool {
        self.0.is_none()
    }

    pub(super) fn as_str(&self) -> &str {
        self.0.as_deref().unwrap_or("no usable answer")
    }
}

/// One element of a book message's `data`; returns its checksum.
pub(super) fn book(
    tracked: &mut Tracked,
    entry: Json<'_>,
    change: BookChange,
) -> Result<i64, Lack> {
    if change == BookChange::Snapshot && !tracked.are_scales_fixed() {
        // No reference data: the wire itself has all decimals, also zeros at the end.
        if let Some(scales) = wire_scales(entry) {
            tracked.fix_scales(scales);
        }
    }
    tracked.begin(change);
    let checksum = entry.get("checksum").and_then(Json::i64);
    let checksum = checksum.ok_or_else(|| Lack::of("checksum"))?;
    tracked.event.checksum = Some(checksum);
    if let Some(time) = entry.get("timestamp") {
        let time = time.plain().and_then(rfc3339_ns);
        tracked.event.exchange_ns = Some(time.ok_or_else(|| Lack::of("timestamp"))?);
    }
    rows(tracked, Side::Bid, entry, "bids")?;
    rows(tracked, Side::Ask, entry, "asks")?;
    Ok(checksum)
}

fn rows(tracked: &mut Tracked, side: Side, entry: Json<'_>, field: &str) -> Result<(), Lack> {
    let list = entry.get(field).filter(|list| list.is_array());
    for row in list.ok_or_else(|| Lack::of(field))?.items() {
        let price = row.get("price").and_then(Json::digits);
        let size = row.get("qty").and_then(Json::digits);
        let price = price.ok_or_else(|| Lack::of("price"))?;
        let size = size.ok_or_else(|| Lack::of("qty"))?;
        tracked.row(side, price, size).map_err(|error| {
            let price = String::from_utf8_lossy(price);
            Lack::new(format!("the row of {field:?} at {price:?} has {error}"))
        })?;
    }
    Ok(())
}

/// The decimals of the first row that is there.
fn wire_scales(entry: Json<'_>) -> Option<Scales> {
    let sides = ["bids", "asks"]
        .into_iter()
        .filter_map(|side| entry.get(side));
    let row = sides.flat_map(Json::items).next()?;
    let decimals = |field| {
        let token = row.get(field).and_then(Json::digits)?;
        let point = token.iter().position(|&byte| byte == b'.');
        let decimals = point.map_or(0, |at| token.len().saturating_sub(at).saturating_sub(1));
        let is_plain = token
            .iter()
            .all(|&byte| byte.is_ascii_digit() || byte == b'.');
        u8::try_from(decimals).ok().filter(|_| is_plain)
    };
    let scales = Scales {
        price: decimals("price")?,
        size: decimals("qty")?,
    };
    is_possible(scales).then_some(scales)
}

fn is_possible(scales: Scales) -> bool {
    scales.price <= decimal::MOST_PRICE_DECIMALS && scales.size <= decimal::MOST_DECIMALS
}

/// Decimals, price step and name of a pair.
pub(super) fn instrument(tracked: &mut Tracked, pair: Json<'_>) {
    let precision = |field| u8::try_from(pair.get(field)?.i64()?).ok();
    if let (Some(price), Some(size)) = (precision("price_precision"), precision("qty_precision")) {
        let scales = Scales { price, size };
        if is_possible(scales) {
            tracked.fix_scales(scales);
            let step = pair
                .get("price_increment")
                .or_else(|| pair.get("tick_size"));
            let step = step.and_then(Json::digits);
            if let Some(Ok(tick)) = step.map(|step| decimal::parse_i64(step, price)) {
                tracked.set_tick(tick);
            }
        }
    }
    let name = |field| pair.get(field).and_then(Json::str);
    if let (Some(base), Some(quote)) = (name("base"), name("quote")) {
        tracked.set_display(PlainText::from(format!("{base}/{quote}").to_uppercase()));
    }
}

/// One element of a trade message's `data`. Its side is that of who came to the book.
pub(super) fn trade(book: &BookId, entry: Json<'_>) -> Result<Trade, Lack> {
    let digits = |field| {
        let token = entry.get(field).and_then(Json::digits);
        token.ok_or_else(|| Lack::of(field))
    };
    let (price, size) = (digits("price")?, digits("qty")?);
    let scales = Scales {
        price: decimal::decimals(price).map_err(|_| Lack::of("price"))?,
        size: decimal::decimals(size).map_err(|_| Lack::of("qty"))?,
    };
    let time = entry.get("timestamp").and_then(Json::plain);
    let time = time.and_then(rfc3339_ns);
    Ok(Trade {
        book: book.clone(),
        scales,
        id: entry
            .get("trade_id")
            .and_then(Json::number)
            .map(PlainText::from_peer_bytes),
        price: decimal::parse_i64(price, scales.price).map_err(|_| Lack::of("price"))?,
        size: decimal::parse(size, scales.size).map_err(|_| Lack::of("qty"))?,
        aggressor: match entry.get("side").and_then(Json::plain) {
            Some(b"buy") => Some(Aggressor::Buy),
            Some(b"sell") => Some(Aggressor::Sell),
            _ => return Err(Lack::of("side")),
        },
        side: None,
        exchange_ns: Some(time.ok_or_else(|| Lack::of("timestamp"))?),
        is_late: false,
    })
}

/// The answer to a poll: `result` has one key, whatever the venue calls the pair there.
pub(super) fn polled(tracked: &mut Tracked, json: Json<'_>) -> Result<(), Lack> {
    if json
        .get("error")
        .is_some_and(|list| list.items().next().is_some())
    {
        return Err(Lack::http());
    }
    let result = json.get("result").ok_or_else(|| Lack::of("result"))?;
    let (_, book) = result.entries().next().ok_or_else(|| Lack::of("result"))?;
    tracked.begin(BookChange::Replace);
    for (side, field) in [(Side::Bid, "bids"), (Side::Ask, "asks")] {
        let list = book.get(field).filter(|list| list.is_array());
        for row in list.ok_or_else(|| Lack::of(field))?.items() {
            let mut cells = row.items().map(Json::digits);
            let (Some(Some(price)), Some(Some(size))) = (cells.next(), cells.next()) else {
                return Err(Lack::of(field));
            };
            let read = tracked.row(side, price, size);
            read.map_err(|error| Lack::new(error.to_string()))?;
        }
    }
    Ok(())
}
