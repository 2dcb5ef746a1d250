//! Kraken, WebSocket version 2: numbers and not texts, a checksum over the ten best levels, and no
//! word about a level that falls out of the subscribed depth.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Dialect, Prices, Tamper, field, granted, text, texts, time_text};
use crate::simulators::market::book::{Levels2, Side, number};
use crate::simulators::market::exchange::{Exchange, Tick, unix_ns};
use crate::simulators::market::options::{Listed, Venue};

/// What a subscription of a book may be.
const DEPTHS: [u64; 5] = [10, 25, 100, 500, 1000];

#[derive(Debug, Default)]
pub(super) struct Kraken {
    books: BTreeMap<usize, Sub>,
    trades: BTreeMap<usize, ()>,
    /// Something was said since the last heart-beat.
    has_spoken: bool,
}

#[derive(Debug)]
struct Sub {
    depth: usize,
    /// The id of the snapshot.
    from: u64,
    /// What the client has, best first.
    bids: Vec<(i64, i64)>,
    asks: Vec<(i64, i64)>,
}

impl Dialect for Kraken {
    fn greet(&mut self, _exchange: &Exchange, out: &mut Vec<String>) {
        out.push(status("online"));
    }

    fn hear(&mut self, said: &str, exchange: &Exchange, out: &mut Vec<String>) {
        let Ok(asked) = serde_json::from_str::<Value>(said) else {
            out.push(r#"{"error":"Malformed request","success":false}"#.into());
            return;
        };
        self.has_spoken = true;
        let id = asked.get("req_id").and_then(Value::as_u64);
        let id = id.map_or(String::new(), |id| format!(r#""req_id":{id},"#));
        let now = time_text(unix_ns());
        let params = asked.get("params").cloned().unwrap_or_default();
        let method = text(&asked, "method");
        match (method, text(&params, "channel")) {
            ("ping", _) => out.push(format!(
                r#"{{"method":"pong",{id}"time_in":"{now}","time_out":"{now}"}}"#
            )),
            ("subscribe", "instrument") => {
                out.push(format!(
                    r#"{{"method":"subscribe",{id}"result":{{"channel":"instrument","snapshot":true}},"success":true,"time_in":"{now}","time_out":"{now}"}}"#
                ));
                out.push(instruments(exchange));
            }
            ("subscribe" | "unsubscribe", "book" | "trade") => {
                for symbol in texts(params.get("symbol")) {
                    self.symbol(&symbol, method, &params, &id, exchange, out);
                }
            }
            _ => out.push(format!(
                r#"{{"error":"Unsupported method",{id}"success":false,"time_in":"{now}","time_out":"{now}"}}"#
            )),
        }
    }

    fn wants(&self, tick: &Tick) -> bool {
        let is_new = |sub: &Sub| sub.from < tick.step.last;
        self.books.get(&tick.index).is_some_and(is_new) || self.trades.contains_key(&tick.index)
    }

    fn tick(&mut self, tick: &Tick, listed: &Listed, tamper: Tamper, out: &mut Vec<String>) {
        let sub = self.books.get_mut(&tick.index);
        let Some(sub) = sub.filter(|sub| sub.from < tick.step.last) else {
            return;
        };
        let bids = sub.change(Side::Bid, &tick.levels);
        let asks = sub.change(Side::Ask, &tick.levels);
        if bids.is_empty() && asks.is_empty() {
            return;
        }
        self.has_spoken = true;
        let checksum = sub.checksum() ^ u32::from(tamper.wrong_checksum);
        let prices = Prices::new(listed, tamper);
        let (bids, asks) = (rows(&bids, &prices), rows(&asks, &prices));
        let (symbol, name) = (&listed.symbol, field("bids", tamper));
        let time = time_text(tick.unix_ns);
        out.push(format!(
            r#"{{"channel":"book","type":"update","data":[{{"symbol":"{symbol}","{name}":[{bids}],"asks":[{asks}],"checksum":{checksum},"timestamp":"{time}"}}]}}"#
        ));
    }

    fn trade(&mut self, tick: &Tick, listed: &Listed, out: &mut Vec<String>) {
        let (Some(deal), true) = (tick.step.deal, self.trades.contains_key(&tick.index)) else {
            return;
        };
        self.has_spoken = true;
        out.push(format!(
            r#"{{"channel":"trade","type":"update","data":[{{"symbol":"{}","side":"{}","qty":{},"price":{},"ord_type":"market","trade_id":{},"timestamp":"{}"}}]}}"#,
            listed.symbol,
            if deal.is_buy { "buy" } else { "sell" },
            number(deal.size, listed.size_scale),
            number(deal.price, listed.price_scale),
            deal.id,
            time_text(tick.unix_ns),
        ));
    }

    fn beat(&mut self, out: &mut Vec<String>) {
        let subscribed = !self.books.is_empty() || !self.trades.is_empty();
        if subscribed && !std::mem::take(&mut self.has_spoken) {
            out.push(r#"{"channel":"heartbeat"}"#.into());
        }
    }

    fn maintenance(&mut self, out: &mut Vec<String>) {
        out.push(status("maintenance"));
    }
}

impl Kraken {
    fn symbol(
        &mut self,
        symbol: &str,
        method: &str,
        params: &Value,
        id: &str,
        exchange: &Exchange,
        out: &mut Vec<String>,
    ) {
        let now = time_text(unix_ns());
        let channel = text(params, "channel");
        let shown = symbol.escape_default();
        let refuse = |error: &str| {
            format!(
                r#"{{"error":"{error}","method":"{method}",{id}"success":false,"symbol":"{shown}","time_in":"{now}","time_out":"{now}"}}"#
            )
        };
        let depth = params.get("depth").and_then(Value::as_u64).unwrap_or(10);
        let Some(index) = granted(exchange, Venue::Kraken, symbol) else {
            out.push(refuse(&format!("Currency pair not supported {shown}")));
            return;
        };
        if channel == "book" && !DEPTHS.contains(&depth) {
            // Without a symbol: it is the same for all of them.
            out.push(format!(
                r#"{{"error":"Subscription depth not supported","method":"{method}",{id}"success":false,"time_in":"{now}","time_out":"{now}"}}"#
            ));
            return;
        }
        let is_there = match channel {
            "book" => self.books.contains_key(&index),
            _ => self.trades.contains_key(&index),
        };
        match (method, is_there) {
            ("subscribe", true) => return out.push(refuse("Already subscribed")),
            ("unsubscribe", false) => return out.push(refuse("Subscription Not Found")),
            _ => {}
        }
        let result = match channel {
            "book" => format!(
                r#"{{"channel":"book","depth":{depth},"snapshot":true,"symbol":"{symbol}"}}"#
            ),
            _ => format!(r#"{{"channel":"trade","snapshot":false,"symbol":"{symbol}"}}"#),
        };
        out.push(format!(
            r#"{{"method":"{method}",{id}"result":{result},"success":true,"time_in":"{now}","time_out":"{now}"}}"#
        ));
        match (method, channel) {
            ("subscribe", "book") => self.begin(index, depth, exchange, out),
            ("subscribe", _) => {
                self.trades.insert(index, ());
            }
            (_, "book") => {
                self.books.remove(&index);
            }
            _ => {
                self.trades.remove(&index);
            }
        }
    }

    fn begin(&mut self, index: usize, depth: u64, exchange: &Exchange, out: &mut Vec<String>) {
        let (Some((levels, from)), Some(listed)) = (exchange.now(index), exchange.listed(index))
        else {
            return;
        };
        let depth = usize::try_from(depth).unwrap_or(usize::MAX);
        let sub = Sub {
            depth,
            from,
            bids: levels.best(Side::Bid, depth),
            asks: levels.best(Side::Ask, depth),
        };
        let prices = Prices::new(listed, Tamper::default());
        let (bids, asks) = (rows(&sub.bids, &prices), rows(&sub.asks, &prices));
        let (symbol, checksum) = (&listed.symbol, sub.checksum());
        out.push(format!(
            r#"{{"channel":"book","type":"snapshot","data":[{{"symbol":"{symbol}","bids":[{bids}],"asks":[{asks}],"checksum":{checksum},"timestamp":"{}"}}]}}"#,
            time_text(unix_ns())
        ));
        self.books.insert(index, sub);
    }
}

impl Sub {
    /// The rows that bring a side to `levels`, as the venue sends them: a level that merely falls
    /// out of the depth is not mentioned.
    fn change(&mut self, side: Side, levels: &Levels2) -> Vec<(i64, i64)> {
        let now = levels.best(side, self.depth);
        let before = match side {
            Side::Bid => &mut self.bids,
            Side::Ask => &mut self.asks,
        };
        let gone = before
            .iter()
            .filter(|(price, _)| !levels.holds(side, *price))
            .map(|(price, _)| (*price, 0));
        let mut rows: Vec<(i64, i64)> = gone.collect();
        rows.extend(now.iter().filter(|level| !before.contains(level)));
        *before = now;
        rows
    }

    /// Source: order-book specification, 6.5.
    fn checksum(&self) -> u32 {
        let mut line = String::new();
        let best = self.asks.iter().take(10).chain(self.bids.iter().take(10));
        for (price, size) in best {
            // Units have neither a point nor zeros in front.
            line.push_str(&price.to_string());
            line.push_str(&size.to_string());
        }
        crc32fast::hash(line.as_bytes())
    }
}

fn rows(rows: &[(i64, i64)], prices: &Prices<'_>) -> String {
    let rows = rows.iter().map(|(price, size)| {
        let (price, size) = (prices.price(*price), prices.size(*size));
        format!(r#"{{"price":{price},"qty":{size}}}"#)
    });
    rows.collect::<Vec<_>>().join(",")
}

fn status(system: &str) -> String {
    format!(
        r#"{{"channel":"status","type":"update","data":[{{"version":"2.0.10","system":"{system}","api_version":"v2","connection_id":16174536464690282295,"upcoming_maintenance":[],"emergency":[]}}]}}"#
    )
}

fn instruments(exchange: &Exchange) -> String {
    let pairs = exchange.at(Venue::Kraken).map(|listed| {
        let tick = number(listed.tick, listed.price_scale);
        format!(
            r#"{{"symbol":"{}","base":"{}","quote":"{}","status":"online","qty_precision":{},"qty_increment":1e-{},"price_precision":{},"cost_precision":5,"tick_size":{tick},"price_increment":{tick},"qty_min":0.0001}}"#,
            listed.symbol,
            listed.base,
            listed.quote,
            listed.size_scale,
            listed.size_scale,
            listed.price_scale,
        )
    });
    let pairs = pairs.collect::<Vec<_>>().join(",");
    format!(
        r#"{{"channel":"instrument","type":"snapshot","data":{{"assets":[],"pairs":[{pairs}]}}}}"#
    )
}
