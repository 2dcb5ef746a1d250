//! The best bid and ask of one instrument over all venues that have it.

pub mod draw;

use std::cmp::Ordering;

use super::lamp::Lamp;
use super::panel::{Row, all};
use crate::model::{BookView, Level, Side, Stamp};
use crate::panels::facts::Facts;

/// A venue's book of the instrument.
#[derive(Clone, Debug)]
pub struct Entry<'a> {
    /// The book.
    pub row: Row<'a>,
    /// How it stands; only a live and fresh one counts.
    pub lamp: Lamp,
}

/// The instrument over its venues.
#[derive(Clone, Debug)]
pub struct Cross<'a> {
    /// Its books, by source and venue.
    pub entries: Vec<Entry<'a>>,
    /// Whose bid is the highest.
    pub bid: Option<usize>,
    /// Whose ask is the lowest.
    pub ask: Option<usize>,
}

/// A price and its decimals; prices of different decimals can be compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Price {
    /// In `10^-scale`.
    pub units: i64,
    /// Decimals.
    pub scale: u8,
}

impl Price {
    /// The same in `10^-scale`, if it fits.
    pub fn at_scale(self, scale: u8) -> Option<i128> {
        let power = scale.checked_sub(self.scale)?;
        let factor = 10_i128.checked_pow(power.into())?;
        i128::from(self.units).checked_mul(factor)
    }

    fn compare(self, other: Self) -> Ordering {
        let scale = self.scale.max(other.scale);
        match (self.at_scale(scale), other.at_scale(scale)) {
            (Some(one), Some(other)) => one.cmp(&other),
            // Decimals that no instrument has: nothing is claimed of them.
            _ => Ordering::Equal,
        }
    }
}

/// The best price of a side.
pub fn best(view: &BookView, side: Side) -> Option<Price> {
    let level: Option<&Level> = match side {
        Side::Bid => view.bids.first(),
        Side::Ask => view.asks.first(),
    };
    level.map(|level| Price {
        units: level.price,
        scale: view.scales.price,
    })
}

/// All venues that have the instrument of `chosen`.
pub fn cross<'a>(chosen: &Row<'_>, facts: &'a Facts, at: Stamp) -> Cross<'a> {
    let display = &chosen.book.view.display;
    let entries: Vec<Entry<'a>> = all(facts)
        .filter(|row| row.book.view.display == *display)
        .map(|row| Entry {
            lamp: Lamp::of(row.book, at),
            row,
        })
        .collect();
    let best_of = |side: Side| {
        let fresh = entries
            .iter()
            .enumerate()
            .filter(|(_, e)| e.lamp.is_fresh());
        let prices = fresh.filter_map(|(index, entry)| {
            let price = best(&entry.row.book.view, side)?;
            Some((index, price))
        });
        // Of equals the first: the order of the configuration is the order of importance.
        let better = |one: (usize, Price), other: (usize, Price)| {
            let order = other.1.compare(one.1);
            let is_better = match side {
                Side::Bid => order == Ordering::Greater,
                Side::Ask => order == Ordering::Less,
            };
            if is_better { other } else { one }
        };
        prices.reduce(better).map(|(index, _)| index)
    };
    Cross {
        bid: best_of(Side::Bid),
        ask: best_of(Side::Ask),
        entries,
    }
}

impl Cross<'_> {
    /// The best price of a side over all venues that count.
    pub fn best(&self, side: Side) -> Option<(Price, &Entry<'_>)> {
        let index = match side {
            Side::Bid => self.bid?,
            Side::Ask => self.ask?,
        };
        let entry = self.entries.get(index)?;
        Some((best(&entry.row.book.view, side)?, entry))
    }

    /// Best ask - best bid and its decimals; negative where one venue bids more than another asks.
    pub fn spread(&self) -> Option<(i128, u8)> {
        let (bid, _) = self.best(Side::Bid)?;
        let (ask, _) = self.best(Side::Ask)?;
        let scale = bid.scale.max(ask.scale);
        let spread = ask.at_scale(scale)?.checked_sub(bid.at_scale(scale)?)?;
        Some((spread, scale))
    }

    /// The spread in ten-thousandths of the mid of both.
    pub fn spread_bps(&self) -> Option<f64> {
        let (bid, _) = self.best(Side::Bid)?;
        let (ask, _) = self.best(Side::Ask)?;
        let scale = bid.scale.max(ask.scale);
        let (bid, ask) = (bid.at_scale(scale)? as f64, ask.at_scale(scale)? as f64);
        let mid = (bid + ask) / 2.0;
        (mid != 0.0).then(|| (ask - bid) / mid * 1e4)
    }
}
