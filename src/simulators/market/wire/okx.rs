//! OKX, API version 5: ids that follow one another, no checksum any more, and `ping` as plain text.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{Dialect, Prices, Tamper, field, granted, text};
use crate::simulators::market::book::{Side, short_number};
use crate::simulators::market::exchange::{Exchange, Tick, unix_ns};
use crate::simulators::market::options::{Listed, Venue};

/// Deep channels of one connection at most. Source: order-book specification, section 9.
const MOST_DEEP: usize = 30;

#[derive(Debug, Default)]
pub(super) struct Okx {
    /// `books`: with the id of the last frame.
    deep: BTreeMap<usize, u64>,
    /// Channels of complete top levels, with how many.
    tops: BTreeMap<usize, (&'static str, usize)>,
    trades: BTreeSet<usize>,
}

const CONNECTION: &str = "a4d3ae55";

impl Okx {
    fn subscribe(&mut self, arg: &Value, id: &str, exchange: &Exchange, out: &mut Vec<String>) {
        let (channel, symbol) = (text(arg, "channel"), text(arg, "instId"));
        let error = |code: &str, words: &str| {
            format!(
                r#"{{{id}"event":"error","code":"{code}","msg":"{words}","connId":"{CONNECTION}"}}"#
            )
        };
        let (named, of) = (channel.escape_default(), symbol.escape_default());
        let is_known = matches!(channel, "books" | "books5" | "bbo-tbt" | "trades");
        if matches!(channel, "books-l2-tbt" | "books50-l2-tbt") {
            return out.push(error(
                "64003",
                "Your trading fee tier doesn't meet the requirement",
            ));
        }
        let place = granted(exchange, Venue::Okx, symbol).filter(|_| is_known);
        let Some(index) = place else {
            let words = format!("Wrong URL or channel:{named},instId:{of} doesn't exist.");
            return out.push(error("60018", &words));
        };
        if channel == "books" && self.deep.len() >= MOST_DEEP {
            return out.push(error("60012", "too many deep channels on this connection"));
        }
        out.push(format!(
            r#"{{{id}"event":"subscribe","arg":{{"channel":"{channel}","instId":"{symbol}"}},"connId":"{CONNECTION}"}}"#
        ));
        match channel {
            "books" => self.snapshot(index, exchange, out),
            "books5" => drop(self.tops.insert(index, ("books5", 5))),
            "bbo-tbt" => drop(self.tops.insert(index, ("bbo-tbt", 1))),
            _ => drop(self.trades.insert(index)),
        }
    }

    fn unsubscribe(&mut self, arg: &Value, id: &str, exchange: &Exchange, out: &mut Vec<String>) {
        let (channel, symbol) = (text(arg, "channel"), text(arg, "instId"));
        if let Some(index) = exchange.find(Venue::Okx, symbol) {
            match channel {
                "books" => drop(self.deep.remove(&index)),
                "trades" => drop(self.trades.remove(&index)),
                _ => drop(self.tops.remove(&index)),
            }
        }
        let (channel, symbol) = (channel.escape_default(), symbol.escape_default());
        out.push(format!(
            r#"{{{id}"event":"unsubscribe","arg":{{"channel":"{channel}","instId":"{symbol}"}},"connId":"{CONNECTION}"}}"#
        ));
    }

    fn snapshot(&mut self, index: usize, exchange: &Exchange, out: &mut Vec<String>) {
        let (Some((levels, last)), Some(listed)) = (exchange.now(index), exchange.listed(index))
        else {
            return;
        };
        self.deep.insert(index, last);
        let tamper = Tamper::default();
        let prices = Prices::new(listed, tamper);
        let data = data(
            &rows(levels.best(Side::Bid, 400), &prices),
            &rows(levels.best(Side::Ask, 400), &prices),
            unix_ns(),
            last,
            Some(-1),
            tamper,
        );
        out.push(format!(
            r#"{{"arg":{{"channel":"books","instId":"{}"}},"action":"snapshot","data":[{data}]}}"#,
            listed.symbol
        ));
    }
}

/// Numbers have no trailing zeros here.
fn rows(rows: Vec<(i64, i64)>, prices: &Prices<'_>) -> String {
    let rows = rows.into_iter().map(|(price, size)| {
        let is_fine = prices.is_fine.get();
        let price = match is_fine {
            true => prices.price(price),
            false => short_number(price, prices.listed.price_scale),
        };
        let size = short_number(size, prices.listed.size_scale);
        format!(r#"["{price}","{size}","0","1"]"#)
    });
    rows.collect::<Vec<_>>().join(",")
}

fn data(
    bids: &str,
    asks: &str,
    unix_ns: i64,
    id: u64,
    previous: Option<i64>,
    tamper: Tamper,
) -> String {
    let name = field("bids", tamper);
    let ms = unix_ns / 1_000_000;
    let previous = previous.map_or(String::new(), |id| format!(r#","prevSeqId":{id}"#));
    let checksum = i32::from(tamper.wrong_checksum) * 12_345;
    format!(
        r#"{{"asks":[{asks}],"{name}":[{bids}],"ts":"{ms}","checksum":{checksum},"seqId":{id}{previous}}}"#
    )
}

impl Dialect for Okx {
    fn hear(&mut self, said: &str, exchange: &Exchange, out: &mut Vec<String>) {
        if said == "ping" {
            return out.push("pong".to_owned());
        }
        let asked = serde_json::from_str::<Value>(said).unwrap_or_default();
        let id = text(&asked, "id");
        let id = match id.is_empty() {
            true => String::new(),
            false => format!(r#""id":"{}","#, id.escape_default()),
        };
        let args = asked.get("args").and_then(Value::as_array);
        for arg in args.map_or(&[][..], Vec::as_slice) {
            match text(&asked, "op") {
                "subscribe" => self.subscribe(arg, &id, exchange, out),
                "unsubscribe" => self.unsubscribe(arg, &id, exchange, out),
                _ => out.push(format!(
                    r#"{{{id}"event":"error","code":"60012","msg":"Illegal request","connId":"{CONNECTION}"}}"#
                )),
            }
        }
    }

    fn wants(&self, tick: &Tick) -> bool {
        let last = self.deep.get(&tick.index);
        last.is_some_and(|last| *last < tick.step.last)
            || self.tops.contains_key(&tick.index)
            || self.trades.contains(&tick.index)
    }

    fn tick(&mut self, tick: &Tick, listed: &Listed, tamper: Tamper, out: &mut Vec<String>) {
        let prices = Prices::new(listed, tamper);
        let last = self.deep.get_mut(&tick.index);
        if let Some(last) = last.filter(|last| **last < tick.step.last) {
            let side = |side| {
                let changed = tick.step.rows.iter().filter(|row| row.side == side);
                rows(changed.map(|row| (row.price, row.size)).collect(), &prices)
            };
            let previous = i64::try_from(*last).ok();
            *last = tick.step.last;
            let (bids, asks) = (side(Side::Bid), side(Side::Ask));
            let data = data(&bids, &asks, tick.unix_ns, *last, previous, tamper);
            out.push(format!(
                r#"{{"arg":{{"channel":"books","instId":"{}"}},"action":"update","data":[{data}]}}"#,
                listed.symbol
            ));
        }
        if let Some((channel, depth)) = self.tops.get(&tick.index) {
            let side = |side| rows(tick.levels.best(side, *depth), &prices);
            let (bids, asks) = (side(Side::Bid), side(Side::Ask));
            let data = data(&bids, &asks, tick.unix_ns, tick.step.last, None, tamper);
            out.push(format!(
                r#"{{"arg":{{"channel":"{channel}","instId":"{}"}},"data":[{data}]}}"#,
                listed.symbol
            ));
        }
    }

    fn trade(&mut self, tick: &Tick, listed: &Listed, out: &mut Vec<String>) {
        let (Some(deal), true) = (tick.step.deal, self.trades.contains(&tick.index)) else {
            return;
        };
        let symbol = &listed.symbol;
        out.push(format!(
            r#"{{"arg":{{"channel":"trades","instId":"{symbol}"}},"data":[{{"instId":"{symbol}","tradeId":"{}","px":"{}","sz":"{}","side":"{}","ts":"{}","count":"1"}}]}}"#,
            deal.id,
            short_number(deal.price, listed.price_scale),
            short_number(deal.size, listed.size_scale),
            if deal.is_buy { "buy" } else { "sell" },
            tick.unix_ns / 1_000_000,
        ));
    }

    fn beat(&mut self, _out: &mut Vec<String>) {}

    fn maintenance(&mut self, out: &mut Vec<String>) {
        out.push(format!(
            r#"{{"event":"notice","code":"64008","msg":"The connection will soon be closed for a service upgrade. Please reconnect.","connId":"{CONNECTION}"}}"#
        ));
    }
}
