//! The levels of a book as a ladder: grouped, summed from the best outward, with a cursor.
//!
//! All sums are exact integers: prices in `10^-price_scale`, sizes in `10^-size_scale`.

mod columns;
pub mod draw;

use super::known::KnownBook;
use super::marks::Mark;
use crate::model::order_book::metrics::{Walk, walk_for_size};
use crate::model::{BookView, Level, Side};
use crate::panels::Step;

/// One price of a ladder: all levels that fall together there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rung {
    /// The price: of a group that which is farthest from the spread, so that nothing in it is
    /// farther away than it says.
    pub price: i64,
    /// What is offered there.
    pub size: i128,
    /// What is offered from the best to here.
    pub cumulative: i128,
    /// The newest change in it.
    pub mark: Option<Mark>,
    /// Levels from the best to here.
    pub levels: usize,
}

/// A level under the cursor: side and place, 0 being the best.
pub type Place = (Side, usize);

/// At most `depth` rungs of a side, best first, with `group` ticks in each.
pub fn rungs(book: &KnownBook, side: Side, group: i64, depth: usize) -> Vec<Rung> {
    let view = book.shown();
    let is_newest = std::ptr::eq(view, &*book.view);
    let marks = match side {
        _ if !is_newest => &[][..],
        Side::Bid => &book.bid_marks,
        Side::Ask => &book.ask_marks,
    };
    let step = step_of(view, group);
    let mut rungs: Vec<Rung> = Vec::new();
    for (index, level) in levels(view, side).iter().enumerate() {
        let price = group_of(level.price, side, step);
        let mark = marks.get(index).copied().flatten();
        let newer = |one: Option<Mark>| one.map(|mark| mark.at_ns) < mark.map(|mark| mark.at_ns);
        match rungs.last_mut() {
            Some(last) if last.price == price => {
                last.size = last.size.saturating_add(level.size);
                last.cumulative = last.cumulative.saturating_add(level.size);
                last.levels = index + 1;
                if newer(last.mark) {
                    last.mark = mark;
                }
            }
            last => {
                let before = last.map_or(0, |last| last.cumulative);
                if rungs.len() >= depth {
                    break;
                }
                rungs.push(Rung {
                    price,
                    size: level.size,
                    cumulative: before.saturating_add(level.size),
                    mark,
                    levels: index + 1,
                });
            }
        }
    }
    rungs
}

/// What taking everything from the best to a level comes to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Reach {
    /// The sizes together, exact.
    pub size: i128,
    /// Average price, slippage, value and levels.
    pub walk: Walk,
}

/// What the first `count` levels of a side come to; `None` if there is nothing.
pub fn reach(view: &BookView, side: Side, count: usize) -> Option<Reach> {
    let levels = levels(view, side);
    let taken = levels.get(..count.min(levels.len()))?;
    let size = taken
        .iter()
        .try_fold(0_i128, |sum, level| sum.checked_add(level.size))?;
    let walk = walk_for_size(taken.iter(), size, view.scales)?;
    Some(Reach { size, walk })
}

/// Rungs of bids and asks, without making them.
pub fn counts(view: &BookView, group: i64, depth: usize) -> (usize, usize) {
    let step = step_of(view, group);
    let count = |side| {
        let mut prices: Vec<i64> = levels(view, side)
            .iter()
            .map(|level| group_of(level.price, side, step))
            .collect();
        prices.dedup();
        prices.len().min(depth)
    };
    (count(Side::Bid), count(Side::Ask))
}

/// The levels of a side.
pub fn levels(view: &BookView, side: Side) -> &[Level] {
    match side {
        Side::Bid => &view.bids,
        Side::Ask => &view.asks,
    }
}

/// The step of a ladder whose rungs hold `group` ticks, in `10^-price_scale`.
pub fn step_of(view: &BookView, group: i64) -> i64 {
    view.tick.max(1).saturating_mul(group.max(1))
}

fn group_of(price: i64, side: Side, step: i64) -> i64 {
    let floor = price.div_euclid(step).saturating_mul(step);
    match side {
        Side::Ask if floor < price => floor.saturating_add(step),
        Side::Bid | Side::Ask => floor,
    }
}

/// Where the cursor stands after a step, with so many rungs of bids and asks. Asks stand above.
pub fn step(now: Option<Place>, step: Step, (bids, asks): (usize, usize)) -> Option<Place> {
    let rows = bids + asks;
    if rows == 0 {
        return None;
    }
    let place = |row: usize| match row.checked_sub(asks) {
        None => (Side::Ask, asks - 1 - row),
        Some(bid) => (Side::Bid, bid),
    };
    let Some((side, index)) = now else {
        // It comes in from the spread.
        let first = match step {
            Step::Up | Step::PageUp => asks.saturating_sub(1),
            Step::Down | Step::PageDown => asks.min(rows - 1),
            Step::Top => 0,
            Step::Bottom => rows - 1,
        };
        return Some(place(first));
    };
    let row = match side {
        Side::Ask => asks.saturating_sub(index + 1),
        Side::Bid => asks + index,
    };
    Some(place(step.apply(row.min(rows - 1), rows)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_end_away_from_the_spread() {
        let cases = [
            (Side::Bid, 107, 5, 105),
            (Side::Bid, 105, 5, 105),
            (Side::Ask, 107, 5, 110),
            (Side::Ask, 110, 5, 110),
            (Side::Bid, -3, 5, -5),
            (Side::Ask, -3, 5, 0),
            (Side::Ask, i64::MAX, 2, i64::MAX),
        ];
        for (side, price, step, group) in cases {
            assert_eq!(group_of(price, side, step), group, "{side:?} {price}");
        }
    }

    #[test]
    fn the_cursor_comes_in_from_the_spread_and_stays_on_the_ladder() {
        use Side::{Ask, Bid};
        let cases = [
            (None, Step::Down, (3, 2), Some((Bid, 0))),
            (None, Step::Up, (3, 2), Some((Ask, 0))),
            (None, Step::Up, (3, 0), Some((Bid, 0))),
            (None, Step::Down, (0, 2), Some((Ask, 0))),
            (None, Step::Down, (0, 0), None),
            (Some((Ask, 0)), Step::Down, (3, 2), Some((Bid, 0))),
            (Some((Ask, 1)), Step::Up, (3, 2), Some((Ask, 1))),
            (Some((Bid, 0)), Step::Up, (3, 2), Some((Ask, 0))),
            (Some((Bid, 9)), Step::Down, (3, 2), Some((Bid, 2))),
            (Some((Ask, 9)), Step::Down, (3, 2), Some((Ask, 0))),
            (Some((Bid, 1)), Step::Top, (3, 2), Some((Ask, 1))),
            (Some((Bid, 1)), Step::Bottom, (3, 2), Some((Bid, 2))),
        ];
        for (now, by, counts, after) in cases {
            assert_eq!(step(now, by, counts), after, "{now:?} {by:?} {counts:?}");
        }
    }
}
