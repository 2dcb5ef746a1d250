use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

fn level(price: i64, size: i128) -> Level {
    Level { price, size }
}

#[test]
fn rows_are_applied_in_their_order_and_the_last_wins() {
    let mut book = Book::default();
    book.apply(&[level(10, 1), level(11, 2), level(10, 3)], &[level(12, 4)]);
    assert_eq!(book.best(Side::Bid), Some(level(11, 2)));
    assert!(book.bids().copied().eq([level(11, 2), level(10, 3)]));
    assert_eq!(book.apply(&[level(11, 0), level(9, 0)], &[]), 1);
    assert_eq!(book.best(Side::Bid), Some(level(10, 3)));
    assert!(!book.is_crossed());
    book.apply(&[level(12, 1)], &[]);
    assert!(book.is_crossed(), "equal prices count");
}

#[test]
fn a_cut_hands_over_the_worst_levels() {
    let mut book = Book::default();
    book.replace(&[], &[level(5, 1), level(6, 1), level(7, 1)]);
    let mut gone = Vec::new();
    book.truncate(Side::Ask, 1, |level| gone.push(level.price));
    assert_eq!(gone, [7, 6]);
    assert_eq!(book.len(Side::Ask), 1);
}

#[test]
fn a_scale_grows_only_if_every_number_fits() {
    let scales = |price, size| Scales { price, size };
    let mut book = Book::new(scales(1, 2));
    book.replace(&[level(15, 250)], &[level(i64::MAX / 10, 1)]);
    assert!(book.rescale(scales(2, 3)));
    assert_eq!(book.best(Side::Bid), Some(level(150, 2500)));
    let before = book.clone();
    assert!(!book.rescale(scales(3, 3)), "the ask no longer fits");
    assert!(!book.rescale(scales(1, 3)), "scales do not shrink");
    assert_eq!(book, before);
}

#[derive(Clone, Debug)]
enum Step {
    Apply(Vec<(bool, i64, i128)>),
    Replace(Vec<(bool, i64, i128)>),
    Truncate(usize),
}

fn rows() -> impl Strategy<Value = Vec<(bool, i64, i128)>> {
    prop::collection::vec((any::<bool>(), 0..60_i64, 0..3_i128), 0..30)
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => rows().prop_map(Step::Apply),
        1 => rows().prop_map(Step::Replace),
        1 => (0..20_usize).prop_map(Step::Truncate),
    ]
}

proptest! {
    #[test]
    fn a_book_is_a_sorted_map(steps in prop::collection::vec(step(), 0..20)) {
        let mut book = Book::default();
        let mut bids = BTreeMap::new();
        let mut asks = BTreeMap::new();
        for step in steps {
            let (rows, is_new) = match &step {
                Step::Apply(rows) => (&rows[..], false),
                Step::Replace(rows) => (&rows[..], true),
                Step::Truncate(_) => (&[][..], false),
            };
            if is_new {
                bids.clear();
                asks.clear();
            }
            let mut absent = 0;
            for &(is_bid, price, size) in rows {
                let map = if is_bid { &mut bids } else { &mut asks };
                if size != 0 {
                    map.insert(price, size);
                } else if !is_new {
                    absent += u64::from(map.remove(&price).is_none());
                }
            }
            let side = |wanted| {
                let rows = rows.iter().filter(move |row| row.0 == wanted);
                rows.map(|row| level(row.1, row.2)).collect::<Vec<_>>()
            };
            match step {
                Step::Apply(_) => prop_assert_eq!(book.apply(&side(true), &side(false)), absent),
                Step::Replace(_) => book.replace(&side(true), &side(false)),
                Step::Truncate(depth) => {
                    book.truncate(Side::Bid, depth, |_| {});
                    book.truncate(Side::Ask, depth, |_| {});
                    while bids.len() > depth {
                        bids.pop_first();
                    }
                    while asks.len() > depth {
                        asks.pop_last();
                    }
                }
            }
            let model_bids = bids.iter().rev().map(|(&price, &size)| level(price, size));
            let model_asks = asks.iter().map(|(&price, &size)| level(price, size));
            prop_assert!(book.bids().copied().eq(model_bids));
            prop_assert!(book.asks().copied().eq(model_asks));
        }
    }
}
