//! Figures of a book: mid, spread, imbalance, depth, what an order would pay.
//!
//! Borders and sums are exact integers; floats come last, for showing and statistics. A figure
//! whose sums do not fit 128 bits is absent rather than wrong. Formulas: order-book specification,
//! section 12.

use super::{Level, Scales};
use crate::model::decimal::to_f64;
use crate::model::market::{BookMetrics, DepthWithin};

/// How near the mid depth is summed, in ten-thousandths.
const DEPTHS_BPS: [u16; 3] = [10, 50, 100];

/// How many levels an imbalance looks at.
const IMBALANCE_LEVELS: [usize; 3] = [1, 5, 10];

/// The figures of a book whose levels come best first; `None` unless both sides have some.
pub fn metrics<'a, B, A>(bids: B, asks: A, scales: Scales) -> Option<BookMetrics>
where
    B: Iterator<Item = &'a Level> + Clone,
    A: Iterator<Item = &'a Level> + Clone,
{
    let (bid, ask) = (bids.clone().next()?, asks.clone().next()?);
    let (b, a) = (price(bid, scales), price(ask, scales));
    let (bid_size, ask_size) = (to_f64(bid.size, scales.size), to_f64(ask.size, scales.size));
    let twice_mid = i128::from(bid.price) + i128::from(ask.price);
    let mid = to_f64(twice_mid, scales.price) / 2.0;
    let spread = to_f64(i128::from(ask.price) - i128::from(bid.price), scales.price);
    let mut imbalance = [0.0; 3];
    for (figure, levels) in imbalance.iter_mut().zip(IMBALANCE_LEVELS) {
        let of_bids = sum_of_sizes(bids.clone().take(levels))?;
        let of_asks = sum_of_sizes(asks.clone().take(levels))?;
        let total = of_bids.checked_add(of_asks)?;
        *figure = of_bids.checked_sub(of_asks)? as f64 / total as f64;
    }
    let mut depth = [DepthWithin::default(); 3];
    for (figure, bps) in depth.iter_mut().zip(DEPTHS_BPS) {
        let below = twice_mid.checked_mul(10_000 - i128::from(bps))?;
        let above = twice_mid.checked_mul(10_000 + i128::from(bps))?;
        let bids = bids.clone().take_while(|level| scaled(level) >= below);
        let asks = asks.clone().take_while(|level| scaled(level) <= above);
        *figure = DepthWithin {
            bps,
            bid_size: to_f64(sum_of_sizes(bids.clone())?, scales.size),
            bid_value: value_f64(sum_of_values(bids)?, scales),
            ask_size: to_f64(sum_of_sizes(asks.clone())?, scales.size),
            ask_value: value_f64(sum_of_values(asks)?, scales),
        };
    }
    Some(BookMetrics {
        mid,
        spread,
        spread_bps: spread / mid * 1e4,
        microprice: (a * bid_size + b * ask_size) / (bid_size + ask_size),
        imbalance,
        depth,
    })
}

/// What walking a side comes to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Walk {
    /// Average price, quote units.
    pub average: f64,
    /// Base units filled.
    pub size: f64,
    /// Quote units paid.
    pub value: f64,
    /// How far the average lies from the first level's price, in ten-thousandths of that: what
    /// the order slips. Exact before it is divided, so that it holds where the book is deep.
    pub slippage_bps: f64,
    /// Levels touched.
    pub levels: usize,
    /// Whether the side was deep enough.
    pub is_complete: bool,
}

/// Walks a side, best first, until `size` units are filled. `None` if nothing is.
pub fn walk_for_size<'a>(
    side: impl Iterator<Item = &'a Level>,
    size: i128,
    scales: Scales,
) -> Option<Walk> {
    let mut walked = Walked::default();
    let mut rest = size;
    for level in side {
        if rest <= 0 {
            break;
        }
        let taken = level.size.min(rest);
        walked.take(level.price, taken)?;
        rest -= taken;
    }
    walked.finish(rest <= 0, scales)
}

/// Walks a side, best first, until `value` quote units are spent; the last level is taken in part,
/// (value - paid) / price of it. `None` if nothing is.
pub fn walk_for_value<'a>(
    side: impl Iterator<Item = &'a Level>,
    value: u64,
    scales: Scales,
) -> Option<Walk> {
    let unit = 10_i128.checked_pow(u32::from(scales.price) + u32::from(scales.size))?;
    let mut walked = Walked::default();
    let mut rest = i128::from(value).checked_mul(unit)?;
    for level in side {
        if rest <= 0 {
            break;
        }
        let cost = i128::from(level.price).checked_mul(level.size)?;
        if cost <= rest {
            walked.take(level.price, level.size)?;
            rest -= cost;
        } else {
            walked.take_worth(level.price, rest)?;
            rest = 0;
        }
    }
    walked.finish(rest <= 0, scales)
}

/// The sums of a walk, exact up to the part of a level that a value buys last.
#[derive(Default)]
struct Walked {
    first: Option<i64>,
    size: i128,
    value: i128,
    /// Sizes times how far their price is from the first.
    excess: i128,
    /// Size and excess of that part.
    part: (f64, f64),
    levels: usize,
}

impl Walked {
    fn step(&mut self, price: i64) -> i128 {
        self.levels += 1;
        let first = *self.first.get_or_insert(price);
        (i128::from(price) - i128::from(first)).abs()
    }

    fn take(&mut self, price: i64, size: i128) -> Option<()> {
        let away = self.step(price);
        let value = i128::from(price).checked_mul(size)?;
        self.size = self.size.checked_add(size)?;
        self.value = self.value.checked_add(value)?;
        self.excess = self.excess.checked_add(away.checked_mul(size)?)?;
        Some(())
    }

    fn take_worth(&mut self, price: i64, value: i128) -> Option<()> {
        let away = self.step(price);
        let size = value as f64 / price as f64;
        self.value = self.value.checked_add(value)?;
        self.part = (size, away as f64 * size);
        Some(())
    }

    fn finish(self, is_complete: bool, scales: Scales) -> Option<Walk> {
        let units = self.size as f64 + self.part.0;
        if units <= 0.0 {
            return None;
        }
        let size = units / 10_f64.powi(i32::from(scales.size));
        let value = value_f64(self.value, scales);
        let excess = self.excess as f64 + self.part.1;
        Some(Walk {
            average: value / size,
            size,
            value,
            slippage_bps: excess / units / self.first? as f64 * 1e4,
            levels: self.levels,
            is_complete,
        })
    }
}

/// The figures that an older analytics page showed, on the 20 best levels of each side: values are
/// price x size, and its depths reach from the best price of the same side.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Lob20 {
    /// Value of the bids within 0.1, 0.5 and 1 % of the best bid.
    pub bid_depth: [f64; 3],
    /// Value of the asks within 0.1, 0.5 and 1 % of the best ask.
    pub ask_depth: [f64; 3],
    /// Value of all bids.
    pub total_bid_value: f64,
    /// Value of all asks.
    pub total_ask_value: f64,
    /// (bids - asks) / (bids + asks) of the total values, `-1.0..=1.0`.
    pub volume_imbalance: f64,
    /// The same of the depths within 0.1 and 0.5 %.
    pub depth_imbalance: [f64; 2],
    /// (average bid - average ask) / mid, weighted with sizes.
    pub price_imbalance: f64,
    /// Average price of buying for 10 000 quote units less that of selling, in ten-thousandths of
    /// the mid.
    pub effective_spread_bps: f64,
    /// Mean of both averages' distance from the best price of their side, in ten-thousandths.
    pub market_impact_10k_bps: f64,
    /// Bids looked at.
    pub bid_levels: usize,
    /// Asks looked at.
    pub ask_levels: usize,
    /// Whether a side holds less than 10 000 quote units, so that the two figures of that order
    /// rest on what there is.
    pub is_thin: bool,
}

impl Lob20 {
    /// Levels of each side that are looked at.
    pub const LEVELS: usize = 20;

    /// The word for an imbalance: "Bullish" above 5 %, "Bearish" below -5 %, else "Neutral".
    pub fn leaning(imbalance: f64) -> &'static str {
        if imbalance > 0.05 {
            "Bullish"
        } else if imbalance < -0.05 {
            "Bearish"
        } else {
            "Neutral"
        }
    }
}

/// The figures of [`Lob20`] for levels that come best first; `None` unless both sides have some.
pub fn lob20<'a, B, A>(bids: B, asks: A, scales: Scales) -> Option<Lob20>
where
    B: Iterator<Item = &'a Level> + Clone,
    A: Iterator<Item = &'a Level> + Clone,
{
    let (bids, asks) = (bids.take(Lob20::LEVELS), asks.take(Lob20::LEVELS));
    let (bid, ask) = (bids.clone().next()?, asks.clone().next()?);
    let (b, a) = (price(bid, scales), price(ask, scales));
    let mid = (b + a) / 2.0;
    let spread = to_f64(i128::from(ask.price) - i128::from(bid.price), scales.price);
    let (mut bid_depth, mut ask_depth) = ([0.0; 3], [0.0; 3]);
    for ((bid_value, ask_value), permille) in
        bid_depth.iter_mut().zip(&mut ask_depth).zip([1, 5, 10])
    {
        let below = i128::from(bid.price) * (1000 - permille);
        let above = i128::from(ask.price) * (1000 + permille);
        let bids = bids.clone();
        let bids = bids.take_while(|level| i128::from(level.price) * 1000 >= below);
        let asks = asks.clone();
        let asks = asks.take_while(|level| i128::from(level.price) * 1000 <= above);
        *bid_value = value_f64(sum_of_values(bids)?, scales);
        *ask_value = value_f64(sum_of_values(asks)?, scales);
    }
    let total_bid_value = value_f64(sum_of_values(bids.clone())?, scales);
    let total_ask_value = value_f64(sum_of_values(asks.clone())?, scales);
    let average_bid = total_bid_value / to_f64(sum_of_sizes(bids.clone())?, scales.size);
    let average_ask = total_ask_value / to_f64(sum_of_sizes(asks.clone())?, scales.size);
    let buy = walk_for_value(asks.clone(), 10_000, scales)?;
    let sell = walk_for_value(bids.clone(), 10_000, scales)?;
    let balance = |bid: f64, ask: f64| (bid - ask) / (bid + ask + 1e-10);
    let [bid_1, bid_5, _] = bid_depth;
    let [ask_1, ask_5, _] = ask_depth;
    Some(Lob20 {
        bid_depth,
        ask_depth,
        total_bid_value,
        total_ask_value,
        volume_imbalance: balance(total_bid_value, total_ask_value),
        depth_imbalance: [balance(bid_1, ask_1), balance(bid_5, ask_5)],
        price_imbalance: (average_bid - average_ask) / mid,
        // The distances from the best prices are small and exact; averages are neither.
        effective_spread_bps: (spread * 1e4 + a * buy.slippage_bps + b * sell.slippage_bps) / mid,
        market_impact_10k_bps: (buy.slippage_bps + sell.slippage_bps) / 2.0,
        bid_levels: bids.count(),
        ask_levels: asks.count(),
        is_thin: !(buy.is_complete && sell.is_complete),
    })
}

fn price(level: &Level, scales: Scales) -> f64 {
    to_f64(i128::from(level.price), scales.price)
}

/// A price in the units that borders around twice the mid are counted in.
fn scaled(level: &Level) -> i128 {
    i128::from(level.price) * 20_000
}

fn value_f64(value: i128, scales: Scales) -> f64 {
    to_f64(value, scales.price.saturating_add(scales.size))
}

fn sum_of_sizes<'a>(mut levels: impl Iterator<Item = &'a Level>) -> Option<i128> {
    levels.try_fold(0_i128, |sum, level| sum.checked_add(level.size))
}

fn sum_of_values<'a>(mut levels: impl Iterator<Item = &'a Level>) -> Option<i128> {
    levels.try_fold(0_i128, |sum, level| {
        let value = i128::from(level.price).checked_mul(level.size)?;
        sum.checked_add(value)
    })
}
