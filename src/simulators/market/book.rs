//! A book that lives by chance: levels come, change and go around a price that wanders. Equal seeds
//! and equal numbers of steps make equal books.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::options::Listed;

/// Price to size, in the instrument's own units. The best bid is the last, the best ask the first.
pub(super) type Levels = BTreeMap<i64, i64>;

/// A side of a book.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Bid,
    Ask,
}

/// A level that changed; size 0 when it is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Row {
    pub side: Side,
    pub price: i64,
    pub size: i64,
}

/// Both sides at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Levels2 {
    pub bids: Levels,
    pub asks: Levels,
}

impl Levels2 {
    /// The best levels of a side, best first.
    pub(super) fn best(&self, side: Side, depth: usize) -> Vec<(i64, i64)> {
        let pair = |(price, size): (&i64, &i64)| (*price, *size);
        match side {
            Side::Bid => self.bids.iter().rev().take(depth).map(pair).collect(),
            Side::Ask => self.asks.iter().take(depth).map(pair).collect(),
        }
    }

    fn side(&mut self, side: Side) -> &mut Levels {
        match side {
            Side::Bid => &mut self.bids,
            Side::Ask => &mut self.asks,
        }
    }

    pub(super) fn holds(&self, side: Side, price: i64) -> bool {
        match side {
            Side::Bid => self.bids.contains_key(&price),
            Side::Ask => self.asks.contains_key(&price),
        }
    }
}

/// A trade.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Deal {
    pub id: u64,
    pub price: i64,
    pub size: i64,
    /// The buyer took an offer.
    pub is_buy: bool,
}

/// What one step changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Step {
    /// First and last id covered.
    pub first: u64,
    pub last: u64,
    pub rows: Vec<Row>,
    pub deal: Option<Deal>,
}

/// A living book.
#[derive(Debug)]
pub(super) struct SimBook {
    pub listed: Listed,
    pub levels: Levels2,
    /// The id of the last change.
    pub last: u64,
    random: fastrand::Rng,
    depth: usize,
    deals: u64,
    steps: u64,
    /// The bid that crosses it, while it is to be crossed.
    crossing: Option<i64>,
}

/// Trades come with every so many steps.
const DEAL_EVERY: u64 = 5;

impl SimBook {
    pub(super) fn new(listed: Listed, depth: usize, seed: u64) -> Self {
        // The same name has the same life at whatever place in the list it stands.
        let name = format!("{} {}", listed.venue.name(), listed.symbol);
        let own = u64::from(crc32fast::hash(name.as_bytes()));
        let mut book = Self {
            levels: Levels2::default(),
            last: 1_000 + own % 1_000,
            random: fastrand::Rng::with_seed(seed ^ (own << 16)),
            depth: depth.max(1),
            deals: 0,
            steps: 0,
            crossing: None,
            listed,
        };
        book.fill(&mut Vec::new());
        book
    }

    fn size(&mut self) -> i64 {
        let unit = 10_i64.pow(u32::from(self.listed.size_scale.min(15)));
        self.random.i64(1..=unit * 3)
    }

    /// Adds levels at the far ends until there are enough.
    fn fill(&mut self, rows: &mut Vec<Row>) {
        for side in [Side::Bid, Side::Ask] {
            while self.levels.side(side).len() < self.depth {
                let tick = self.listed.tick.max(1);
                let step = tick * self.random.i64(1..=3);
                let price = match side {
                    Side::Bid => {
                        let far = self.levels.bids.keys().next().copied();
                        far.unwrap_or(self.listed.start) - step
                    }
                    Side::Ask => {
                        let far = self.levels.asks.keys().next_back().copied();
                        far.unwrap_or(self.listed.start) + step
                    }
                };
                if price <= 0 {
                    // A cheap thing has only so many prices below it.
                    break;
                }
                let size = self.size();
                self.set(side, price, size, rows);
            }
        }
    }

    fn set(&mut self, side: Side, price: i64, size: i64, rows: &mut Vec<Row>) {
        if size == 0 {
            self.levels.side(side).remove(&price);
        } else {
            self.levels.side(side).insert(price, size);
        }
        rows.push(Row { side, price, size });
    }

    fn best(&self, side: Side) -> Option<i64> {
        match side {
            Side::Bid => self.levels.bids.keys().next_back().copied(),
            Side::Ask => self.levels.asks.keys().next().copied(),
        }
    }

    /// Lets time pass.
    pub(super) fn step(&mut self, is_crossed: bool) -> Step {
        self.steps += 1;
        let mut rows = Vec::new();
        self.uncross(&mut rows);
        for _ in 0..self.random.usize(1..=3) {
            let side = if self.random.bool() {
                Side::Bid
            } else {
                Side::Ask
            };
            match self.random.u8(0..10) {
                // The best goes: the price wanders.
                0 => self.take_best(side, &mut rows),
                1 | 2 => self.improve(side, &mut rows),
                _ => self.change(side, &mut rows),
            }
        }
        self.fill(&mut rows);
        let deal = self
            .steps
            .is_multiple_of(DEAL_EVERY)
            .then(|| self.deal(&mut rows));
        if is_crossed {
            self.cross(&mut rows);
        }
        let first = self.last + 1;
        self.last += self.random.u64(1..=3);
        Step {
            first,
            last: self.last,
            rows,
            deal: deal.flatten(),
        }
    }

    fn take_best(&mut self, side: Side, rows: &mut Vec<Row>) {
        if let Some(price) = self.best(side)
            && self.levels.side(side).len() > 1
        {
            self.set(side, price, 0, rows);
        }
    }

    /// A level between the two best, where there is room; the far end gives way.
    fn improve(&mut self, side: Side, rows: &mut Vec<Row>) {
        let (Some(bid), Some(ask)) = (self.best(Side::Bid), self.best(Side::Ask)) else {
            return;
        };
        let tick = self.listed.tick.max(1);
        if ask - bid <= tick {
            return;
        }
        let price = match side {
            Side::Bid => bid + tick,
            Side::Ask => ask - tick,
        };
        let size = self.size();
        self.set(side, price, size, rows);
        let far = match side {
            Side::Bid => self.levels.bids.keys().next().copied(),
            Side::Ask => self.levels.asks.keys().next_back().copied(),
        };
        if let Some(far) = far.filter(|_| self.levels.side(side).len() > self.depth) {
            self.set(side, far, 0, rows);
        }
    }

    fn change(&mut self, side: Side, rows: &mut Vec<Row>) {
        let level = self.random.usize(0..self.depth.min(15));
        let best = self.levels.best(side, level + 1);
        if let Some((price, _)) = best.last().copied() {
            let size = self.size();
            self.set(side, price, size, rows);
        }
    }

    fn deal(&mut self, rows: &mut Vec<Row>) -> Option<Deal> {
        let is_buy = self.random.bool();
        let side = if is_buy { Side::Ask } else { Side::Bid };
        let price = self.best(side)?;
        let there = *self.levels.side(side).get(&price)?;
        let size = (there / 2).max(1);
        self.set(side, price, there - size, rows);
        self.deals += 1;
        Some(Deal {
            id: 700_000_000 + self.deals,
            price,
            size,
            is_buy,
        })
    }

    fn cross(&mut self, rows: &mut Vec<Row>) {
        if let Some(ask) = self.best(Side::Ask) {
            let price = ask + self.listed.tick.max(1);
            self.crossing = Some(price);
            self.set(Side::Bid, price, 1, rows);
        }
    }

    fn uncross(&mut self, rows: &mut Vec<Row>) {
        if let Some(price) = self.crossing.take() {
            self.set(Side::Bid, price, 0, rows);
        }
    }

    /// The text that two readers of one book agree on. Source: order-book specification, section 3.
    pub(super) fn canonical(&self, depth: usize) -> String {
        let side = |side| {
            let levels = self.levels.best(side, depth).into_iter();
            let rows = levels.map(|(price, size)| {
                let price = number(price, self.listed.price_scale);
                format!("{price}:{}", number(size, self.listed.size_scale))
            });
            rows.collect::<Vec<_>>().join(",")
        };
        format!("{}|{}", side(Side::Bid), side(Side::Ask))
    }
}

/// `units` of `10^-scale` with all its decimals. Negative ones do not occur.
pub(super) fn number(units: i64, scale: u8) -> String {
    let scale = usize::from(scale);
    let digits = format!("{units:0width$}", width = scale + 1);
    let (whole, fraction) = digits.split_at(digits.len() - scale);
    let mut text = whole.to_owned();
    if !fraction.is_empty() {
        // Writing to a string does not fail.
        let _ = write!(text, ".{fraction}");
    }
    text
}

/// The same without trailing zeros, as OKX writes it.
pub(super) fn short_number(units: i64, scale: u8) -> String {
    let text = number(units, scale);
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text,
    }
}

#[cfg(test)]
mod tests {
    use super::super::options::Venue;
    use super::*;

    fn book(seed: u64) -> SimBook {
        SimBook::new(
            Listed::new(Venue::Kraken, "BTC", "USD", 6_301_230),
            40,
            seed,
        )
    }

    #[test]
    fn equal_seeds_make_equal_books_and_others_do_not() {
        let after = |seed| {
            let mut book = book(seed);
            let steps: Vec<Step> = (0..500).map(|_| book.step(false)).collect();
            (steps, book.canonical(100))
        };
        assert_eq!(after(7), after(7));
        assert_ne!(after(7).1, after(8).1);
    }

    #[test]
    fn a_book_is_what_its_steps_make_of_it_and_never_crossed_unasked() {
        let mut book = book(3);
        let mut copy = book.levels.clone();
        let mut last = book.last;
        for index in 0..2_000 {
            let step = book.step(false);
            assert_eq!(step.first, last + 1);
            last = step.last;
            for row in &step.rows {
                match row.size {
                    0 => copy.side(row.side).remove(&row.price),
                    size => copy.side(row.side).insert(row.price, size),
                };
            }
            assert_eq!(copy, book.levels, "step {index}");
            assert!(book.best(Side::Bid) < book.best(Side::Ask), "step {index}");
            assert!(book.levels.bids.len() >= 40 && book.levels.asks.len() >= 40);
        }
        book.step(true);
        assert!(book.best(Side::Bid) > book.best(Side::Ask));
        book.step(false);
        assert!(book.best(Side::Bid) < book.best(Side::Ask));
    }

    #[test]
    fn numbers_have_the_decimals_of_their_scale() {
        assert_eq!(number(6_301_230, 2), "63012.30");
        assert_eq!(number(7, 4), "0.0007");
        assert_eq!(number(7, 0), "7");
        assert_eq!(short_number(6_301_230, 2), "63012.3");
        assert_eq!(short_number(300, 2), "3");
        assert_eq!(short_number(300, 0), "300");
    }
}
