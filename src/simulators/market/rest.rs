//! What the venues answer over HTTP: books, in the shape of each.

use super::book::{Levels2, Side, number, short_number};
use super::exchange::{Exchange, unix_ns};
use super::http::Asked;
use super::options::{Listed, Venue};
use super::wire::time_text;

/// Status and body.
type Said = (u16, String);

pub(super) fn answer(exchange: &Exchange, venue: Venue, asked: &Asked) -> Said {
    match (venue, asked.path.as_str()) {
        (Venue::Binance, "/api/v3/depth") => binance(exchange, asked),
        (Venue::Kraken, "/0/public/Depth") => kraken(exchange, asked),
        (Venue::Coinbase, "/api/v3/brokerage/market/product_book") => coinbase(exchange, asked),
        (Venue::CoinbaseExchange, path) => coinbase_exchange(exchange, path),
        (Venue::Okx, "/api/v5/market/books") => okx(exchange, asked),
        _ => (404, r#"{"message":"NotFound"}"#.to_owned()),
    }
}

/// The book of a symbol and the id of its last change.
fn book<'a>(
    exchange: &'a Exchange,
    venue: Venue,
    symbol: &str,
) -> Option<(&'a Listed, Levels2, u64)> {
    let index = exchange.find(venue, symbol)?;
    let (levels, last) = exchange.now(index)?;
    Some((exchange.listed(index)?, levels, last))
}

fn depth(asked: &Asked, name: &str, usual: usize) -> usize {
    let written = asked.value(name).and_then(|written| written.parse().ok());
    written.unwrap_or(usual)
}

/// `["price","size"EXTRA],…`
fn pairs(levels: &Levels2, side: Side, depth: usize, listed: &Listed, extra: &str) -> String {
    let rows = levels.best(side, depth).into_iter().map(|(price, size)| {
        let price = number(price, listed.price_scale);
        let size = number(size, listed.size_scale);
        format!(r#"["{price}","{size}"{extra}]"#)
    });
    rows.collect::<Vec<_>>().join(",")
}

fn binance(exchange: &Exchange, asked: &Asked) -> Said {
    let symbol = asked.value("symbol").unwrap_or_default();
    let Some((listed, levels, last)) = book(exchange, Venue::Binance, symbol) else {
        return (400, r#"{"code":-1121,"msg":"Invalid symbol."}"#.to_owned());
    };
    let depth = depth(asked, "limit", 100);
    let bids = pairs(&levels, Side::Bid, depth, listed, "");
    let asks = pairs(&levels, Side::Ask, depth, listed, "");
    (
        200,
        format!(r#"{{"lastUpdateId":{last},"bids":[{bids}],"asks":[{asks}]}}"#),
    )
}

/// Its names are the old ones: bitcoin is `XBT`.
fn kraken(exchange: &Exchange, asked: &Asked) -> Said {
    let pair = asked.value("pair").unwrap_or_default();
    let mut all = exchange.at(Venue::Kraken);
    let found = all.find(|listed| {
        let old = listed.base.replace("BTC", "XBT");
        pair == format!("{old}{}", listed.quote)
            || pair == format!("{}{}", listed.base, listed.quote)
    });
    let found = found.and_then(|listed| book(exchange, Venue::Kraken, &listed.symbol));
    let Some((listed, levels, _)) = found else {
        return (200, r#"{"error":["EQuery:Unknown asset pair"]}"#.to_owned());
    };
    let depth = depth(asked, "count", 100);
    let extra = format!(",{}", unix_ns() / 1_000_000_000);
    let bids = pairs(&levels, Side::Bid, depth, listed, &extra);
    let asks = pairs(&levels, Side::Ask, depth, listed, &extra);
    let name = format!("X{}Z{}", listed.base.replace("BTC", "XBT"), listed.quote);
    (
        200,
        format!(r#"{{"error":[],"result":{{"{name}":{{"asks":[{asks}],"bids":[{bids}]}}}}}}"#),
    )
}

fn coinbase(exchange: &Exchange, asked: &Asked) -> Said {
    let product = asked.value("product_id").unwrap_or_default();
    let Some((listed, levels, _)) = book(exchange, Venue::Coinbase, product) else {
        return (404, r#"{"error":"NOT_FOUND"}"#.to_owned());
    };
    let depth = depth(asked, "limit", 50);
    let side = |side| {
        let rows = levels.best(side, depth).into_iter().map(|(price, size)| {
            let price = number(price, listed.price_scale);
            let size = number(size, listed.size_scale);
            format!(r#"{{"price":"{price}","size":"{size}"}}"#)
        });
        rows.collect::<Vec<_>>().join(",")
    };
    let (bids, asks, time) = (side(Side::Bid), side(Side::Ask), time_text(unix_ns()));
    (
        200,
        format!(
            r#"{{"pricebook":{{"product_id":"{product}","bids":[{bids}],"asks":[{asks}],"time":"{time}"}}}}"#
        ),
    )
}

fn coinbase_exchange(exchange: &Exchange, path: &str) -> Said {
    let product = path
        .strip_prefix("/products/")
        .and_then(|path| path.strip_suffix("/book"));
    let found = product.and_then(|product| book(exchange, Venue::CoinbaseExchange, product));
    let Some((listed, levels, last)) = found else {
        return (404, r#"{"message":"NotFound"}"#.to_owned());
    };
    let bids = pairs(&levels, Side::Bid, usize::MAX, listed, ",1");
    let asks = pairs(&levels, Side::Ask, usize::MAX, listed, ",1");
    let time = time_text(unix_ns());
    (
        200,
        format!(
            r#"{{"bids":[{bids}],"asks":[{asks}],"sequence":{last},"auction_mode":false,"auction":null,"time":"{time}"}}"#
        ),
    )
}

fn okx(exchange: &Exchange, asked: &Asked) -> Said {
    let symbol = asked.value("instId").unwrap_or_default();
    let Some((listed, levels, last)) = book(exchange, Venue::Okx, symbol) else {
        let words = "Instrument ID doesn't exist.";
        return (
            200,
            format!(r#"{{"code":"51001","msg":"{words}","data":[]}}"#),
        );
    };
    let depth = depth(asked, "sz", 1);
    let side = |side| {
        let rows = levels.best(side, depth).into_iter().map(|(price, size)| {
            let price = short_number(price, listed.price_scale);
            let size = short_number(size, listed.size_scale);
            format!(r#"["{price}","{size}","0","1"]"#)
        });
        rows.collect::<Vec<_>>().join(",")
    };
    let (bids, asks, ms) = (side(Side::Bid), side(Side::Ask), unix_ns() / 1_000_000);
    (
        200,
        format!(
            r#"{{"code":"0","msg":"","data":[{{"asks":[{asks}],"bids":[{bids}],"ts":"{ms}","seqId":{last}}}]}}"#
        ),
    )
}
