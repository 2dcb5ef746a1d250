//! Where the parts of a rung stand: a pure function of their widths and of the room.

/// Blank columns between two things.
pub(super) const GAP: u16 = 2;
/// A bar is worth drawing from so many columns on.
const LEAST_BAR: u16 = 4;

/// Where the parts of a rung stand, from the left edge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Columns {
    /// Where sizes end; the arrow stands behind.
    pub size: u16,
    /// Where sums end, if there is room for them.
    pub cumulative: Option<u16>,
    /// Where prices end.
    pub price: u16,
    /// Where bars begin and how long they may be; none without room.
    pub bar: Option<(u16, u16)>,
    /// Whether bars grow to the left.
    pub leftward: bool,
}

/// Widths of the texts in a ladder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Widths {
    pub size: u16,
    pub cumulative: u16,
    pub price: u16,
}

/// Both sides of a ladder. With room enough bids stand left of the prices and asks right of them;
/// else both share their columns. Bars leave first, then the sums; sizes and prices stay.
pub(super) fn columns(widths: Widths, room: u16) -> (Columns, Columns) {
    let Widths {
        size,
        cumulative,
        price,
    } = widths;
    let half = size + GAP + cumulative + GAP;
    let mirrored = 2 * half + price + 2 * (LEAST_BAR + 3);
    if room >= mirrored {
        let bar = (room - price - 2 * half) / 2 - 3;
        let price_end = half + bar + 2 + price;
        let bids = Columns {
            size,
            cumulative: Some(size + GAP + cumulative),
            price: price_end,
            bar: Some((half - 1, bar)),
            leftward: true,
        };
        let bar_at = price_end + 2;
        let sums = bar_at + bar + 1 + cumulative;
        let asks = Columns {
            size: sums + GAP + size,
            cumulative: Some(sums),
            price: price_end,
            bar: Some((bar_at, bar)),
            leftward: false,
        };
        return (bids, asks);
    }
    let with_sums = half + price;
    let shows_sums = room >= with_sums;
    let price_end = match shows_sums {
        true => with_sums,
        false => size + GAP + price,
    };
    let bar = room.saturating_sub(price_end + 2);
    let both = Columns {
        size,
        cumulative: shows_sums.then_some(size + GAP + cumulative),
        price: price_end,
        bar: (bar >= LEAST_BAR).then_some((price_end + 2, bar)),
        leftward: false,
    };
    (both, both)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_leave_first_and_then_the_sums() {
        let widths = Widths {
            size: 9,
            cumulative: 10,
            price: 8,
        };
        let shown = |room: u16| {
            let (bids, asks) = columns(widths, room);
            let sums = bids.cumulative.is_some();
            (bids == asks, sums, bids.bar.map(|(_, wide)| wide))
        };
        assert_eq!(shown(90), (false, true, Some(15)));
        assert_eq!(shown(68), (false, true, Some(4)));
        assert_eq!(shown(67), (true, true, Some(34)));
        assert_eq!(shown(40), (true, true, Some(7)));
        assert_eq!(shown(35), (true, true, None));
        assert_eq!(shown(30), (true, false, Some(9)));
        assert_eq!(shown(20), (true, false, None));
        // All of it lies inside.
        for room in 19..200 {
            let (bids, asks) = columns(widths, room);
            for side in [bids, asks] {
                let bar = side.bar.map_or(0, |(x, wide)| x + wide);
                let ends = [side.size, side.price, bar, side.cumulative.unwrap_or(0)];
                assert!(ends.into_iter().all(|end| end <= room), "{room}: {side:?}");
            }
        }
    }
}
