//! Which levels of a book changed from one view to the next.

use crate::model::{Level, Side};

/// How long a changed level is marked, nanoseconds.
pub const MARKED_FOR_NS: u64 = 1_000_000_000;

/// What became of the size at a price.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moved {
    /// There is more, or a price where there was none.
    More,
    /// There is less.
    Less,
}

/// A level that changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    /// Which way.
    pub moved: Moved,
    /// When, monotonic nanoseconds.
    pub at_ns: u64,
}

impl Mark {
    /// The arrow, as long as it is marked at `now_ns`.
    pub fn arrow(self, now_ns: u64) -> Option<&'static str> {
        let is_new = now_ns.saturating_sub(self.at_ns) < MARKED_FOR_NS;
        is_new.then_some(match self.moved {
            Moved::More => "↑",
            Moved::Less => "↓",
        })
    }
}

/// The marks of the levels `now`, which follow `before` with the marks `old`. Both sides are sorted
/// best first.
pub fn marks(
    side: Side,
    before: &[Level],
    old: &[Option<Mark>],
    now: &[Level],
    at_ns: u64,
) -> Vec<Option<Mark>> {
    let is_better = |one: i64, other: i64| match side {
        Side::Bid => one > other,
        Side::Ask => one < other,
    };
    let mark = |moved| Some(Mark { moved, at_ns });
    let mut at = 0;
    let last = before.last().map(|level| level.price);
    now.iter()
        .map(|level| {
            while before
                .get(at)
                .is_some_and(|known| is_better(known.price, level.price))
            {
                at += 1;
            }
            match before.get(at) {
                Some(known) if known.price == level.price => match level.size.cmp(&known.size) {
                    std::cmp::Ordering::Greater => mark(Moved::More),
                    std::cmp::Ordering::Less => mark(Moved::Less),
                    std::cmp::Ordering::Equal => old.get(at).copied().flatten(),
                },
                // What comes up from below the end of the earlier view was there, unseen.
                _ if last.is_some_and(|last| is_better(last, level.price)) => None,
                _ => mark(Moved::More),
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn levels(rows: &[(i64, i128)]) -> Vec<Level> {
        let level = |&(price, size)| Level { price, size };
        rows.iter().map(level).collect()
    }

    #[test]
    fn only_what_changed_is_marked() {
        use Side::{Ask, Bid};
        type Rows = &'static [(i64, i128)];
        let cases: [(Side, Rows, Rows, &str); 6] = [
            (Bid, &[(9, 5), (8, 5)], &[(9, 6), (8, 4)], "↑↓"),
            (Bid, &[(9, 5), (8, 5)], &[(9, 5), (8, 5)], "  "),
            (Bid, &[(9, 5), (7, 5)], &[(9, 5), (8, 1), (7, 5)], " ↑ "),
            // The best left; one more came into sight at the end.
            (
                Bid,
                &[(9, 5), (8, 5), (7, 5)],
                &[(8, 5), (7, 5), (6, 5)],
                "   ",
            ),
            (Ask, &[(3, 1), (4, 1)], &[(2, 1), (3, 1), (4, 2)], "↑ ↑"),
            (Ask, &[], &[(2, 1)], "↑"),
        ];
        for (side, before, now, arrows) in cases {
            let found = marks(side, &levels(before), &[], &levels(now), 7);
            let found: String = found
                .iter()
                .map(|mark| mark.and_then(|mark| mark.arrow(7)).unwrap_or(" "))
                .collect();
            assert_eq!(found, arrows, "{before:?} to {now:?}");
        }
    }

    #[test]
    fn a_mark_stays_for_a_moment_while_its_level_does() {
        let (one, other) = (levels(&[(9, 5), (8, 5)]), levels(&[(9, 6), (8, 5)]));
        let first = marks(Side::Bid, &one, &[], &other, 0);
        let second = marks(Side::Bid, &other, &first, &other, 500_000_000);
        assert_eq!(second, first);
        let mark = second[0].unwrap();
        assert_eq!(mark.arrow(MARKED_FOR_NS - 1), Some("↑"));
        assert_eq!(mark.arrow(MARKED_FOR_NS), None);
    }
}
