//! Coinbase Exchange: `level2_batch` without a number or a checksum, acknowledged as `level2_50`.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{Dialect, Prices, Tamper, field, granted, text, texts, time_text};
use crate::simulators::market::book::{Side, number};
use crate::simulators::market::exchange::{Exchange, Tick, unix_ns};
use crate::simulators::market::options::{Listed, Venue};

#[derive(Debug, Default)]
pub(super) struct CoinbaseExchange {
    /// Books with the id of their snapshot.
    books: BTreeMap<usize, u64>,
    trades: BTreeSet<usize>,
    /// Heart-beats: symbols with the last trade's id.
    beats: BTreeMap<String, u64>,
    sequence: u64,
}

impl CoinbaseExchange {
    fn snapshot(&mut self, index: usize, exchange: &Exchange, out: &mut Vec<String>) {
        let (Some((levels, from)), Some(listed)) = (exchange.now(index), exchange.listed(index))
        else {
            return;
        };
        self.books.insert(index, from);
        let prices = Prices::new(listed, Tamper::default());
        let side = |side| {
            let best = levels.best(side, usize::MAX).into_iter();
            let rows = best.map(|(price, size)| {
                format!(r#"["{}","{}"]"#, prices.price(price), prices.size(size))
            });
            rows.collect::<Vec<_>>().join(",")
        };
        let (asks, bids) = (side(Side::Ask), side(Side::Bid));
        out.push(format!(
            r#"{{"type":"snapshot","product_id":"{}","asks":[{asks}],"bids":[{bids}]}}"#,
            listed.symbol
        ));
    }
}

/// Channels are named, or objects with a name.
fn channels(asked: &Value) -> Vec<String> {
    let list = asked.get("channels").and_then(Value::as_array);
    let list = list.map_or(&[][..], Vec::as_slice);
    let name = |channel: &Value| match channel {
        Value::String(name) => name.clone(),
        object => text(object, "name").to_owned(),
    };
    list.iter().map(name).collect()
}

impl Dialect for CoinbaseExchange {
    fn hear(&mut self, said: &str, exchange: &Exchange, out: &mut Vec<String>) {
        let asked = serde_json::from_str::<Value>(said).unwrap_or_default();
        let channels = channels(&asked);
        let kind = text(&asked, "type");
        if !matches!(kind, "subscribe" | "unsubscribe") || channels.is_empty() {
            out.push(r#"{"type":"error","message":"Malformed JSON"}"#.into());
            return;
        }
        if channels
            .iter()
            .any(|channel| matches!(channel.as_str(), "level2" | "level3" | "full"))
        {
            out.push(r#"{"type":"error","message":"Failed to subscribe","reason":"level3, level2, and full channels now require authentication."}"#.into());
            return;
        }
        let products = texts(asked.get("product_ids"));
        let places: Vec<(usize, &String)> = products
            .iter()
            .filter_map(|product| {
                let index = granted(exchange, Venue::CoinbaseExchange, product);
                if index.is_none() {
                    let product = product.escape_default();
                    out.push(format!(
                        r#"{{"type":"error","message":"Failed to subscribe","reason":"{product} is not a valid product"}}"#
                    ));
                }
                Some((index?, product))
            })
            .collect();
        let mut fresh = Vec::new();
        for (index, product) in &places {
            for channel in &channels {
                match (kind, channel.as_str()) {
                    ("subscribe", "level2_batch") => fresh.push(*index),
                    ("subscribe", "matches") => drop(self.trades.insert(*index)),
                    ("subscribe", "heartbeat") => drop(self.beats.insert((*product).clone(), 0)),
                    (_, "level2_batch") => drop(self.books.remove(index)),
                    (_, "matches") => drop(self.trades.remove(index)),
                    (_, "heartbeat") => drop(self.beats.remove(*product)),
                    _ => {}
                }
            }
        }
        let names = places.iter().map(|(_, product)| format!(r#""{product}""#));
        let names = names.collect::<Vec<_>>().join(",");
        let listed = channels.iter().map(|channel| {
            let name = if channel == "level2_batch" {
                "level2_50"
            } else {
                channel
            };
            format!(r#"{{"name":"{name}","product_ids":[{names}],"account_ids":null}}"#)
        });
        let listed = listed.collect::<Vec<_>>().join(",");
        out.push(format!(
            r#"{{"type":"subscriptions","channels":[{listed}]}}"#
        ));
        for index in fresh {
            self.snapshot(index, exchange, out);
        }
    }

    fn wants(&self, tick: &Tick) -> bool {
        let from = self.books.get(&tick.index);
        from.is_some_and(|from| *from < tick.step.last) || self.trades.contains(&tick.index)
    }

    fn tick(&mut self, tick: &Tick, listed: &Listed, tamper: Tamper, out: &mut Vec<String>) {
        let from = self.books.get(&tick.index);
        if from.is_none_or(|from| *from >= tick.step.last) {
            return;
        }
        let prices = Prices::new(listed, tamper);
        let changes = tick.step.rows.iter().map(|row| {
            let side = if row.side == Side::Bid { "buy" } else { "sell" };
            let (price, size) = (prices.price(row.price), prices.size(row.size));
            format!(r#"["{side}","{price}","{size}"]"#)
        });
        let changes = changes.collect::<Vec<_>>().join(",");
        let (name, time) = (field("changes", tamper), time_text(tick.unix_ns));
        out.push(format!(
            r#"{{"type":"l2update","product_id":"{}","{name}":[{changes}],"time":"{time}"}}"#,
            listed.symbol
        ));
    }

    fn trade(&mut self, tick: &Tick, listed: &Listed, out: &mut Vec<String>) {
        let (Some(deal), true) = (tick.step.deal, self.trades.contains(&tick.index)) else {
            return;
        };
        if let Some(last) = self.beats.get_mut(&listed.symbol) {
            *last = deal.id;
        }
        // The side is the maker's.
        out.push(format!(
            r#"{{"type":"match","trade_id":{},"maker_order_id":"a","taker_order_id":"b","side":"{}","size":"{}","price":"{}","product_id":"{}","sequence":{},"time":"{}"}}"#,
            deal.id,
            if deal.is_buy { "sell" } else { "buy" },
            number(deal.size, listed.size_scale),
            number(deal.price, listed.price_scale),
            listed.symbol,
            tick.step.last,
            time_text(tick.unix_ns),
        ));
    }

    fn beat(&mut self, out: &mut Vec<String>) {
        let now = time_text(unix_ns());
        for (product, last) in &self.beats {
            // It jumps by design.
            self.sequence += 17;
            out.push(format!(
                r#"{{"type":"heartbeat","last_trade_id":{last},"product_id":"{product}","sequence":{},"time":"{now}"}}"#,
                91_000_000_000 + self.sequence
            ));
        }
    }

    fn maintenance(&mut self, out: &mut Vec<String>) {
        out.push(r#"{"type":"error","message":"the service is going down"}"#.into());
    }
}
