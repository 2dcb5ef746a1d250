//! Coinbase Advanced Trade: every frame of a connection has the next number, heart-beats and
//! acknowledgements included.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{Dialect, Prices, Tamper, field, granted, text, texts, time_text};
use crate::simulators::market::book::{Row, Side, number};
use crate::simulators::market::exchange::{Exchange, Tick, unix_ns};
use crate::simulators::market::options::{Listed, Venue};

#[derive(Debug, Default)]
pub(super) struct Coinbase {
    sequence: u64,
    /// Books with the id of their snapshot.
    books: BTreeMap<usize, u64>,
    trades: BTreeSet<usize>,
    /// By channel, for acknowledgements.
    subscribed: BTreeMap<String, BTreeSet<String>>,
    beats: Option<u64>,
}

impl Coinbase {
    /// A frame with the next number.
    fn frame(&mut self, channel: &str, unix_ns: i64, events: &str) -> String {
        let number = self.sequence;
        self.sequence += 1;
        let time = time_text(unix_ns);
        format!(
            r#"{{"channel":"{channel}","timestamp":"{time}","sequence_num":{number},"events":[{events}]}}"#
        )
    }

    fn acknowledge(&mut self, out: &mut Vec<String>) {
        let channels = self.subscribed.iter().map(|(channel, products)| {
            let products = products.iter().map(|product| format!(r#""{product}""#));
            format!(
                r#""{channel}":[{}]"#,
                products.collect::<Vec<_>>().join(",")
            )
        });
        let channels = channels.collect::<Vec<_>>().join(",");
        let event = format!(r#"{{"subscriptions":{{{channels}}}}}"#);
        let frame = self.frame("subscriptions", unix_ns(), &event);
        out.push(frame);
    }

    fn snapshot(&mut self, index: usize, exchange: &Exchange, out: &mut Vec<String>) {
        let (Some((levels, from)), Some(listed)) = (exchange.now(index), exchange.listed(index))
        else {
            return;
        };
        self.books.insert(index, from);
        let side = |side| {
            let best = levels.best(side, usize::MAX).into_iter();
            best.map(move |(price, size)| Row { side, price, size })
        };
        let rows: Vec<Row> = side(Side::Bid).chain(side(Side::Ask)).collect();
        let prices = Prices::new(listed, Tamper::default());
        let updates = updates(&rows, &prices, "1970-01-01T00:00:00Z");
        let event = format!(
            r#"{{"type":"snapshot","product_id":"{}","updates":[{updates}]}}"#,
            listed.symbol
        );
        let frame = self.frame("l2_data", unix_ns(), &event);
        out.push(frame);
    }
}

fn updates(rows: &[Row], prices: &Prices<'_>, time: &str) -> String {
    let rows = rows.iter().map(|row| {
        let side = if row.side == Side::Bid { "bid" } else { "offer" };
        let (price, size) = (prices.price(row.price), prices.size(row.size));
        format!(
            r#"{{"side":"{side}","event_time":"{time}","price_level":"{price}","new_quantity":"{size}"}}"#
        )
    });
    rows.collect::<Vec<_>>().join(",")
}

impl Dialect for Coinbase {
    fn hear(&mut self, said: &str, exchange: &Exchange, out: &mut Vec<String>) {
        let asked = serde_json::from_str::<Value>(said).unwrap_or_default();
        let (kind, channel) = (text(&asked, "type"), text(&asked, "channel").to_owned());
        if !matches!(kind, "subscribe" | "unsubscribe") {
            out.push(r#"{"type":"error","message":"failure to parse request"}"#.into());
            return;
        }
        if channel == "heartbeats" {
            self.beats = (kind == "subscribe").then_some(0);
            let all = BTreeSet::from(["heartbeats".to_owned()]);
            self.subscribed.insert(channel, all);
            return self.acknowledge(out);
        }
        let mut fresh = Vec::new();
        for product in texts(asked.get("product_ids")) {
            let Some(index) = granted(exchange, Venue::Coinbase, &product) else {
                let product = product.escape_default();
                out.push(format!(
                    r#"{{"type":"error","message":"failure to subscribe","reason":"{product} is not a valid product"}}"#
                ));
                continue;
            };
            let products = self.subscribed.entry(channel.clone()).or_default();
            if kind == "unsubscribe" {
                products.remove(&product);
                match channel.as_str() {
                    "level2" => drop(self.books.remove(&index)),
                    _ => drop(self.trades.remove(&index)),
                }
                continue;
            }
            products.insert(product);
            match channel.as_str() {
                "level2" => fresh.push(index),
                _ => drop(self.trades.insert(index)),
            }
        }
        self.acknowledge(out);
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
        if from.is_some_and(|from| *from < tick.step.last) {
            let prices = Prices::new(listed, tamper);
            let updates = updates(&tick.step.rows, &prices, &time_text(tick.unix_ns));
            let name = field("updates", tamper);
            let event = format!(
                r#"{{"type":"update","product_id":"{}","{name}":[{updates}]}}"#,
                listed.symbol
            );
            let frame = self.frame("l2_data", tick.unix_ns, &event);
            out.push(frame);
        }
    }

    fn trade(&mut self, tick: &Tick, listed: &Listed, out: &mut Vec<String>) {
        let (Some(deal), true) = (tick.step.deal, self.trades.contains(&tick.index)) else {
            return;
        };
        let event = format!(
            r#"{{"type":"update","trades":[{{"trade_id":"{}","product_id":"{}","price":"{}","size":"{}","side":"{}","time":"{}"}}]}}"#,
            deal.id,
            listed.symbol,
            number(deal.price, listed.price_scale),
            number(deal.size, listed.size_scale),
            if deal.is_buy { "BUY" } else { "SELL" },
            time_text(tick.unix_ns),
        );
        let frame = self.frame("market_trades", tick.unix_ns, &event);
        out.push(frame);
    }

    fn beat(&mut self, out: &mut Vec<String>) {
        if let Some(beats) = self.beats {
            self.beats = Some(beats + 1);
            let now = unix_ns();
            let event = format!(
                r#"{{"current_time":"{}","heartbeat_counter":{beats}}}"#,
                time_text(now)
            );
            let frame = self.frame("heartbeats", now, &event);
            out.push(frame);
        }
    }

    fn maintenance(&mut self, out: &mut Vec<String>) {
        out.push(r#"{"type":"error","message":"the service is going down"}"#.into());
    }
}
