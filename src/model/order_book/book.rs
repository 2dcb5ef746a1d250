//! The levels of one order book, sorted, and how changes are applied to them.
//!
//! Each side is a vector with the best level last: most changes happen near the best price, so
//! little moves when a level comes or goes. Once the vectors have grown, nothing allocates.

use super::{Level, Scales, Side};
use crate::model::decimal;

/// Both sides of a book.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Book {
    scales: Scales,
    bids: Vec<Level>,
    asks: Vec<Level>,
}

impl Book {
    /// An empty book whose numbers have these decimals.
    pub fn new(scales: Scales) -> Self {
        Self {
            scales,
            ..Self::default()
        }
    }

    /// Decimals of its numbers.
    pub fn scales(&self) -> Scales {
        self.scales
    }

    /// The bids, best (highest) first.
    pub fn bids(&self) -> Levels<'_> {
        self.bids.iter().rev()
    }

    /// The asks, best (lowest) first.
    pub fn asks(&self) -> Levels<'_> {
        self.asks.iter().rev()
    }

    /// The best level of a side.
    pub fn best(&self, side: Side) -> Option<Level> {
        self.levels(side).last().copied()
    }

    /// How many levels a side has.
    pub fn len(&self, side: Side) -> usize {
        self.levels(side).len()
    }

    /// Whether neither side has a level.
    pub fn is_empty(&self) -> bool {
        self.bids.is_empty() && self.asks.is_empty()
    }

    /// Whether the best bid is at or above the best ask.
    pub fn is_crossed(&self) -> bool {
        match (self.bids.last(), self.asks.last()) {
            (Some(bid), Some(ask)) => bid.price >= ask.price,
            _ => false,
        }
    }

    /// Empties both sides; the scales stay.
    pub fn clear(&mut self) {
        self.bids.clear();
        self.asks.clear();
    }

    /// Inserts, overwrites or (size zero) removes one level, and returns the size that stood
    /// there.
    pub fn set(&mut self, side: Side, level: Level) -> Option<i128> {
        let levels = self.levels_mut(side);
        let at = place(levels, side, level.price);
        match levels
            .get_mut(at)
            .filter(|there| there.price == level.price)
        {
            Some(_) if level.size == 0 => Some(levels.remove(at).size),
            Some(there) => Some(std::mem::replace(&mut there.size, level.size)),
            None => {
                if level.size != 0 {
                    levels.insert(at, level);
                }
                None
            }
        }
    }

    /// Applies rows in their order and returns how many removed a level that was not there.
    pub fn apply(&mut self, bids: &[Level], asks: &[Level]) -> u64 {
        let mut absent = 0;
        for (side, rows) in [(Side::Bid, bids), (Side::Ask, asks)] {
            for row in rows {
                let before = self.set(side, *row);
                absent += u64::from(row.size == 0 && before.is_none());
            }
        }
        absent
    }

    /// Makes both sides these rows and nothing else; rows of size zero are skipped, and of rows
    /// with one price the last counts.
    pub fn replace(&mut self, bids: &[Level], asks: &[Level]) {
        for (side, rows) in [(Side::Bid, bids), (Side::Ask, asks)] {
            self.levels_mut(side).clear();
            // From the worst to the best each row goes to the end, as venues send them best first.
            if rows.is_sorted_by(|a, b| key(side, a.price) > key(side, b.price)) {
                let filled = rows.iter().rev().filter(|row| row.size != 0);
                self.levels_mut(side).extend(filled);
            } else {
                for row in rows.iter().filter(|row| row.size != 0) {
                    self.set(side, *row);
                }
            }
        }
    }

    /// Keeps the best `depth` levels of a side and hands the others over, worst first.
    pub fn truncate(&mut self, side: Side, depth: usize, mut cut: impl FnMut(Level)) {
        let levels = self.levels_mut(side);
        let excess = levels.len().saturating_sub(depth);
        if excess > 0 {
            levels.drain(..excess).for_each(&mut cut);
        }
    }

    /// Counts every number in `scales` from here on. Returns whether that was possible: scales
    /// only grow, and every number has to fit. If not, nothing has changed.
    pub fn rescale(&mut self, scales: Scales) -> bool {
        if scales == self.scales {
            return true;
        }
        let old = self.scales;
        let levels = || self.bids.iter().chain(&self.asks);
        if scales.price < old.price
            || scales.size < old.size
            || levels().any(|level| level.rescaled(old, scales).is_none())
        {
            return false;
        }
        for level in self.bids.iter_mut().chain(&mut self.asks) {
            if let Some(same) = level.rescaled(old, scales) {
                *level = same;
            }
        }
        self.scales = scales;
        true
    }

    fn levels(&self, side: Side) -> &Vec<Level> {
        match side {
            Side::Bid => &self.bids,
            Side::Ask => &self.asks,
        }
    }

    fn levels_mut(&mut self, side: Side) -> &mut Vec<Level> {
        match side {
            Side::Bid => &mut self.bids,
            Side::Ask => &mut self.asks,
        }
    }
}

/// Levels of one side, best first.
pub type Levels<'a> = std::iter::Rev<std::slice::Iter<'a, Level>>;

impl Level {
    /// The same level counted in larger scales; `None` if it does not fit.
    pub fn rescaled(self, from: Scales, to: Scales) -> Option<Self> {
        let price = decimal::rescale(i128::from(self.price), from.price, to.price)?;
        Some(Self {
            price: i64::try_from(price).ok()?,
            size: decimal::rescale(self.size, from.size, to.size)?,
        })
    }
}

/// A number that is larger the better a price is.
fn key(side: Side, price: i64) -> i64 {
    match side {
        Side::Bid => price,
        Side::Ask => !price,
    }
}

/// Where `price` is or belongs. Looks in ever longer steps from the best end, then halves.
fn place(levels: &[Level], side: Side, price: i64) -> usize {
    let wanted = key(side, price);
    let mut high = levels.len();
    let mut step = 1;
    let low = loop {
        let Some(probe) = levels.len().checked_sub(step) else {
            break 0;
        };
        if key(side, levels[probe].price) < wanted {
            break probe + 1;
        }
        high = probe;
        step *= 2;
    };
    low + levels[low..high].partition_point(|level| key(side, level.price) < wanted)
}

#[cfg(test)]
mod tests;
