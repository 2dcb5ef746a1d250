//! Binance spot: streams named in the address or subscribed later, frames wrapped with their name.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Dialect, Prices, Tamper, field, texts};
use crate::simulators::market::book::{Side, number};
use crate::simulators::market::exchange::{Exchange, Tick};
use crate::simulators::market::fault::Fault;
use crate::simulators::market::http::Asked;
use crate::simulators::market::options::{Listed, Venue};

#[derive(Debug)]
pub(super) struct Binance {
    /// Names of streams, by the book they tell of.
    streams: BTreeMap<usize, Vec<String>>,
}

/// More are not on one connection.
const MOST_STREAMS: usize = 1024;

impl Binance {
    pub(super) fn new(exchange: &Exchange, asked: &Asked) -> Self {
        let mut own = Self {
            streams: BTreeMap::new(),
        };
        let streams = asked.value("streams").unwrap_or_default();
        for stream in streams.split('/') {
            own.add(exchange, stream);
        }
        own
    }

    /// A stream of a symbol that nobody knows is taken, and silent.
    fn add(&mut self, exchange: &Exchange, stream: &str) {
        let count: usize = self.streams.values().map(Vec::len).sum();
        let symbol = stream.split('@').next().unwrap_or_default();
        let index = exchange.find(Venue::Binance, &symbol.to_ascii_uppercase());
        if let (Some(index), true) = (index, count < MOST_STREAMS) {
            let streams = self.streams.entry(index).or_default();
            if !streams.iter().any(|own| own == stream) {
                streams.push(stream.to_owned());
            }
        }
    }

    fn named(&self, index: usize) -> &[String] {
        self.streams.get(&index).map_or(&[], Vec::as_slice)
    }
}

/// How many levels a stream of complete top levels has; `None` if it is one of differences.
fn levels(stream: &str) -> Option<usize> {
    let kind = stream.split('@').nth(1)?;
    kind.strip_prefix("depth")?.parse().ok()
}

fn is_depth(stream: &str) -> bool {
    stream.contains("@depth")
}

impl Dialect for Binance {
    fn hear(&mut self, text: &str, exchange: &Exchange, out: &mut Vec<String>) {
        let Ok(asked) = serde_json::from_str::<Value>(text) else {
            out.push(
                r#"{"code":3,"msg":"Invalid JSON: expected value at line 1 column 1"}"#.into(),
            );
            return;
        };
        let id = asked.get("id").cloned().unwrap_or(Value::Null);
        let streams = texts(asked.get("params"));
        match super::text(&asked, "method") {
            "SUBSCRIBE" => {
                let faults = exchange.faults();
                if faults.has(Fault::RefuseSubscription) {
                    out.push(format!(
                        r#"{{"error":{{"code":2,"msg":"Invalid request: refused"}},"id":{id}}}"#
                    ));
                    return;
                }
                for stream in &streams {
                    self.add(exchange, stream);
                }
                out.push(format!(r#"{{"result":null,"id":{id}}}"#));
            }
            "UNSUBSCRIBE" => {
                for own in self.streams.values_mut() {
                    own.retain(|stream| !streams.contains(stream));
                }
                out.push(format!(r#"{{"result":null,"id":{id}}}"#));
            }
            other => out.push(format!(
                r#"{{"error":{{"code":2,"msg":"Invalid request: unknown variant `{}`"}},"id":{id}}}"#,
                other.escape_default()
            )),
        }
    }

    fn wants(&self, tick: &Tick) -> bool {
        !self.named(tick.index).is_empty()
    }

    fn tick(&mut self, tick: &Tick, listed: &Listed, tamper: Tamper, out: &mut Vec<String>) {
        let prices = Prices::new(listed, tamper);
        let pairs = |rows: Vec<(i64, i64)>| {
            let rows = rows.into_iter().map(|(price, size)| {
                format!(r#"["{}","{}"]"#, prices.price(price), prices.size(size))
            });
            rows.collect::<Vec<_>>().join(",")
        };
        let changed = |side| {
            let rows = tick.step.rows.iter().filter(|row| row.side == side);
            rows.map(|row| (row.price, row.size)).collect()
        };
        for stream in self.named(tick.index).iter().filter(|s| is_depth(s)) {
            let data = match levels(stream) {
                Some(depth) => format!(
                    r#"{{"lastUpdateId":{},"{}":[{}],"asks":[{}]}}"#,
                    tick.step.last,
                    field("bids", tamper),
                    pairs(tick.levels.best(Side::Bid, depth)),
                    pairs(tick.levels.best(Side::Ask, depth)),
                ),
                None => format!(
                    r#"{{"e":"depthUpdate","E":{},"s":"{}","U":{},"u":{},"{}":[{}],"a":[{}]}}"#,
                    tick.unix_ns / 1_000_000,
                    listed.symbol,
                    tick.step.first,
                    tick.step.last,
                    field("b", tamper),
                    pairs(changed(Side::Bid)),
                    pairs(changed(Side::Ask)),
                ),
            };
            out.push(format!(r#"{{"stream":"{stream}","data":{data}}}"#));
        }
    }

    fn trade(&mut self, tick: &Tick, listed: &Listed, out: &mut Vec<String>) {
        let mut streams = self.named(tick.index).iter();
        let stream = streams.find(|stream| stream.ends_with("@trade"));
        if let (Some(stream), Some(deal)) = (stream, tick.step.deal) {
            let (ms, symbol) = (tick.unix_ns / 1_000_000, &listed.symbol);
            out.push(format!(
                r#"{{"stream":"{stream}","data":{{"e":"trade","E":{ms},"s":"{symbol}","t":{},"p":"{}","q":"{}","T":{ms},"m":{},"M":true}}}}"#,
                deal.id,
                number(deal.price, listed.price_scale),
                number(deal.size, listed.size_scale),
                !deal.is_buy,
            ));
        }
    }

    fn beat(&mut self, _out: &mut Vec<String>) {
        // It pings; see the session.
    }

    fn maintenance(&mut self, out: &mut Vec<String>) {
        out.push(
            r#"{"stream":"!serverShutdown","data":{"e":"serverShutdown","E":1770123456789}}"#
                .into(),
        );
    }
}
