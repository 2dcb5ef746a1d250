//! Finnhub: trades and nothing else, no acknowledgement, and an error that names no symbol.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{Dialect, Prices, Tamper, field, granted, text};
use crate::simulators::market::exchange::{Exchange, Tick};
use crate::simulators::market::options::{Listed, Venue};

/// Source: order-book specification, section 10 (observed).
const MOST_SYMBOLS: usize = 50;

#[derive(Debug, Default)]
pub(super) struct Finnhub {
    subscribed: BTreeSet<usize>,
}

impl Dialect for Finnhub {
    fn hear(&mut self, said: &str, exchange: &Exchange, out: &mut Vec<String>) {
        let asked = serde_json::from_str::<Value>(said).unwrap_or_default();
        let place = granted(exchange, Venue::Finnhub, text(&asked, "symbol"));
        match (text(&asked, "type"), place) {
            ("subscribe", Some(_)) if self.subscribed.len() >= MOST_SYMBOLS => {
                out.push(r#"{"msg":"Subscribing to too many symbols","type":"error"}"#.into());
            }
            ("subscribe", Some(index)) => drop(self.subscribed.insert(index)),
            ("unsubscribe", Some(index)) => drop(self.subscribed.remove(&index)),
            _ => out.push(r#"{"msg":"Invalid symbol","type":"error"}"#.into()),
        }
    }

    fn wants(&self, tick: &Tick) -> bool {
        tick.step.deal.is_some() && self.subscribed.contains(&tick.index)
    }

    fn tick(&mut self, tick: &Tick, listed: &Listed, tamper: Tamper, out: &mut Vec<String>) {
        let Some(deal) = tick.step.deal else { return };
        let prices = Prices::new(listed, tamper);
        out.push(format!(
            r#"{{"data":[{{"c":null,"{}":{},"s":"{}","t":{},"v":{}}}],"type":"trade"}}"#,
            field("p", tamper),
            prices.price(deal.price),
            listed.symbol,
            tick.unix_ns / 1_000_000,
            prices.size(deal.size),
        ));
    }

    fn trade(&mut self, _tick: &Tick, _listed: &Listed, _out: &mut Vec<String>) {
        // Trades are all there is: they count as updates.
    }

    fn beat(&mut self, out: &mut Vec<String>) {
        out.push(r#"{"type":"ping"}"#.into());
    }

    fn maintenance(&mut self, _out: &mut Vec<String>) {}
}
