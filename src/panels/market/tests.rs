//! What is kept of a market: the newest, a bounded past, and holes where there was nothing.

use super::*;
use crate::model::{BookCounters, FeedLatency, FeedWay, Integrity, Level, Scales};

fn at(ms: u64) -> Stamp {
    Stamp {
        mono_ns: ms * 1_000_000,
        unix_ns: 0,
    }
}

fn id(symbol: &str) -> BookId {
    BookId {
        venue: "kraken".into(),
        symbol: symbol.into(),
    }
}

fn view(ms: u64, symbol: &str, bid: i64, state: BookState) -> Arc<BookView> {
    let side = |step: i64| -> Vec<Level> {
        (0..3)
            .map(|n| Level {
                price: bid + i64::from(step > 0) + step * n,
                size: 10,
            })
            .collect()
    };
    let has_levels = !matches!(state, BookState::Starting(_));
    Arc::new(BookView {
        book: id(symbol),
        display: symbol.into(),
        scales: Scales { price: 1, size: 0 },
        tick: 1,
        state,
        way: FeedWay::Stream,
        integrity: Integrity::Sequence,
        bids: if has_levels { side(-1) } else { Vec::new() },
        asks: if has_levels { side(1) } else { Vec::new() },
        bid_levels: 3,
        ask_levels: 3,
        known_range: None,
        sequence: None,
        exchange_ns: None,
        proved: Some(at(ms)),
        is_crossed: false,
        metrics: None,
        counters: BookCounters::default(),
        rate_hz: 0.0,
        last_minute: Vec::new(),
        latency: FeedLatency::default(),
        last_trade: None,
    })
}

fn live(ms: u64, symbol: &str, bid: i64) -> Arc<BookView> {
    view(ms, symbol, bid, BookState::Live)
}

#[test]
fn one_sample_for_each_interval_and_a_hole_where_the_book_was_not_live() {
    let mut market = Market::default();
    market.take_book(&live(0, "a", 100), at(0));
    // Four ticks a second make one sample.
    for ms in (0..3_000).step_by(250) {
        if ms == 1_000 {
            market.take_book(&view(ms, "a", 100, BookState::Desync("gap".into())), at(ms));
        }
        if ms == 1_500 {
            market.take_book(&live(ms, "a", 107), at(ms));
        }
        market.tick(at(ms));
    }
    let book = market.book(&id("a")).unwrap();
    let bids: Vec<Option<i64>> = book
        .samples()
        .map(|sample| sample.quote.map(|quote| quote.bid))
        .collect();
    assert_eq!(bids, [Some(100), None, Some(107)]);
    let depths: Vec<bool> = book.depths().map(|column| column.is_some()).collect();
    assert_eq!(depths, [true, false, true]);
}

#[test]
fn the_past_is_bounded() {
    let mut market = Market::default();
    market.take_book(&live(0, "a", 100), at(0));
    for second in 0..2_500 {
        market.tick(at(second * 1_000));
    }
    let book = market.book(&id("a")).unwrap();
    assert_eq!(book.samples().len(), KnownBook::MOST_SAMPLES);
    assert_eq!(book.depth_columns(), KnownBook::MOST_COLUMNS);
    // Many books share the room for depth.
    for n in 0..1_100 {
        market.take_book(&live(0, &format!("s{n}"), 100), at(0));
    }
    assert_eq!(market.books().len(), MOST_BOOKS);
    assert_eq!(market.passed_over(), 77);
    market.tick(at(3_000_000));
    let book = market.book(&id("a")).unwrap();
    assert_eq!(book.depth_columns(), MOST_COLUMNS / MOST_BOOKS);
}

#[test]
fn old_trades_give_way_and_are_counted() {
    let mut market = Market::default();
    for price in 0..150 {
        let trade = Trade {
            book: id("a"),
            scales: Scales::default(),
            id: None,
            price,
            size: 1,
            aggressor: None,
            side: None,
            exchange_ns: None,
            is_late: false,
        };
        market.take_trade(&Arc::new(trade), at(0));
    }
    let trades = market.trades(&id("a")).unwrap();
    assert_eq!((trades.newest().len(), trades.dropped), (Trades::LEN, 50));
    assert_eq!(trades.newest().next().unwrap().0.price, 149);
}

#[test]
fn a_book_that_comes_back_is_told_with_how_long_it_was_away() {
    let mut market = Market::default();
    let take =
        |market: &mut Market, ms, state| market.take_book(&view(ms, "a", 100, state), at(ms));
    let waiting = || BookState::Starting("waiting for snapshot".into());
    // The first time is nothing to tell.
    assert_eq!(take(&mut market, 0, waiting()), None);
    assert_eq!(take(&mut market, 100, BookState::Live), None);
    let gap = BookState::Desync("gap".into());
    assert_eq!(take(&mut market, 1_000, gap), None);
    assert_eq!(take(&mut market, 2_000, waiting()), None);
    let back = take(&mut market, 5_000, BookState::Live);
    assert_eq!(back.as_deref(), Some("kraken a: live again after 4 s"));
    assert_eq!(take(&mut market, 5_100, BookState::Live), None);
}

#[test]
fn the_last_good_levels_stay() {
    let mut market = Market::default();
    market.take_book(&live(0, "a", 100), at(0));
    let waiting = BookState::Starting("waiting for snapshot".into());
    market.take_book(&view(500, "a", 0, waiting), at(500));
    let book = market.book(&id("a")).unwrap();
    assert!(book.view.bids.is_empty());
    assert_eq!(book.shown().bids[0].price, 100);
}

#[test]
fn holding_the_screen_copies_only_what_changes() {
    let mut market = Market::default();
    market.take_book(&live(0, "a", 100), at(0));
    market.take_book(&live(0, "b", 100), at(0));
    let held = market.clone();
    market.take_book(&live(9, "a", 105), at(9));
    let same = |symbol| Arc::ptr_eq(&held.books[&id(symbol)], &market.books[&id(symbol)]);
    assert!(!same("a") && same("b"));
    assert_eq!(held.book(&id("a")).unwrap().view.bids[0].price, 100);
}

/// A live book of these levels, prices with one decimal and sizes with none.
fn book(bids: &[(i64, i128)], asks: &[(i64, i128)]) -> KnownBook {
    let levels = |rows: &[(i64, i128)]| {
        let level = |&(price, size)| Level { price, size };
        rows.iter().map(level).collect()
    };
    let mut view = (*live(0, "a", 0)).clone();
    (view.bids, view.asks) = (levels(bids), levels(asks));
    KnownBook::new(Arc::new(view), at(0), FRESH_FOR_NS)
}

/// Source: order-book specification, section 17, the small book.
fn small_book() -> KnownBook {
    book(
        &[(1_000, 2), (995, 1), (990, 4), (980, 10)],
        &[(1_005, 1), (1_010, 3), (1_020, 5)],
    )
}

#[test]
fn taking_levels_up_to_the_cursor_costs_what_the_specification_says() {
    use crate::model::Side::{Ask, Bid};
    let book = small_book();
    let cases = [
        (Ask, 3, Some((9, 913.5 / 9.0, 99.502_487_562))),
        (Ask, 1, Some((1, 100.5, 0.0))),
        (Bid, 2, Some((3, 299.5 / 3.0, 16.666_666_667))),
        // No more than there is.
        (Ask, 9, Some((9, 913.5 / 9.0, 99.502_487_562))),
        (Ask, 0, None),
    ];
    for (side, count, expected) in cases {
        let reach = ladder::reach(&book.view, side, count);
        let found = reach.map(|r| (r.size, r.walk.average, r.walk.slippage_bps));
        match (found, expected) {
            (Some((size, average, bps)), Some((want, mean, slip))) => {
                assert_eq!(size, want, "{side:?} {count}");
                assert!((average - mean).abs() < 1e-9, "{side:?} {count}: {average}");
                assert!((bps - slip).abs() < 1e-6, "{side:?} {count}: {bps}");
            }
            (found, expected) => assert_eq!(found, expected, "{side:?} {count}"),
        }
    }
}

#[test]
fn rungs_are_grouped_and_summed_from_the_best() {
    use crate::model::Side::{Ask, Bid};
    let book = small_book();
    let rungs = |side, group, depth| -> Vec<(i64, i128, i128, usize)> {
        let rungs = ladder::rungs(&book, side, group, depth);
        let row = |r: &ladder::Rung| (r.price, r.size, r.cumulative, r.levels);
        rungs.iter().map(row).collect()
    };
    assert_eq!(rungs(Ask, 1, 2), [(1_005, 1, 1, 1), (1_010, 3, 4, 2)]);
    assert_eq!(rungs(Ask, 10, 9), [(1_010, 4, 4, 2), (1_020, 5, 9, 3)]);
    let grouped = [(1_000, 2, 2, 1), (990, 5, 7, 3), (980, 10, 17, 4)];
    assert_eq!(rungs(Bid, 10, 9), grouped);
    assert_eq!(ladder::counts(&book.view, 10, 9), (3, 2));
    assert_eq!(rungs(Bid, 10_000, 5), [(0, 17, 17, 4)]);
}

#[test]
fn the_best_over_venues_counts_live_and_fresh_books_only() {
    use crate::model::{Origin, Side, SourceId, SourceInfo};
    use crate::panels::Facts;
    let info = SourceInfo {
        id: SourceId(0),
        name: "all".into(),
        address: "all".into(),
        origin: Origin::Live,
        caution: None,
    };
    let mut facts = Facts::new(vec![info], at(0));
    // Venue, decimals, bid, ask, milliseconds of the last proof, state.
    let rows = [
        ("a", 1, 1_000, 1_004, 9_000, BookState::Live),
        // 100.05 bid: better, though its integer is larger for another reason.
        ("b", 2, 10_005, 10_045, 9_000, BookState::Live),
        ("c", 1, 1_003, 1_002, 1_000, BookState::Live),
        ("d", 1, 1_003, 1_001, 9_000, BookState::Desync("gap".into())),
    ];
    for (venue, scale, bid, ask, ms, state) in rows {
        let mut view = (*view(ms, "x", 0, state)).clone();
        view.book.venue = venue.into();
        view.scales.price = scale;
        view.bids = vec![Level {
            price: bid,
            size: 1,
        }];
        view.asks = vec![Level {
            price: ask,
            size: 1,
        }];
        facts.sources[0].market.take_book(&Arc::new(view), at(ms));
    }
    let now = at(9_500);
    let chosen = panel::all(&facts).next().unwrap();
    let cross = venues::cross(&chosen, &facts, now);
    let best = |side| {
        let (price, entry) = cross.best(side).unwrap();
        (price.units, entry.row.book.view.book.venue.to_string())
    };
    assert_eq!(best(Side::Bid), (10_005, "b".to_owned()));
    assert_eq!(best(Side::Ask), (1_004, "a".to_owned()));
    assert_eq!(cross.spread(), Some((35, 2)));
    let counted: Vec<bool> = cross.entries.iter().map(|e| e.lamp.is_fresh()).collect();
    assert_eq!(counted, [true, true, false, false]);
    // When all are old there is no best.
    let cross = venues::cross(&chosen, &facts, at(60_000));
    assert!(cross.bid.is_none() && cross.spread().is_none());
}

#[test]
fn every_light_has_a_glyph_a_letter_and_words() {
    let now = at(10_000);
    let words = |state, ms, change: fn(&mut BookView)| {
        let mut view = (*view(ms, "a", 100, state)).clone();
        change(&mut view);
        let book = KnownBook::new(Arc::new(view), now, FRESH_FOR_NS);
        Lamp::of(&book, now).text()
    };
    let same = |_: &mut BookView| {};
    let cases = [
        (words(BookState::Live, 9_000, same), "● + live"),
        (words(BookState::Live, 5_001, same), "● + live"),
        // The border and whole seconds, cut. Source: order-book specification, section 14.
        (words(BookState::Live, 5_000, same), "◐ ! stale 5 s"),
        (words(BookState::Live, 1, same), "◐ ! stale 9 s"),
        (
            words(BookState::Live, 9_000, |v| v.is_crossed = true),
            "◐ ! crossed",
        ),
        (
            words(BookState::Live, 9_000, |v| {
                v.integrity = Integrity::ChecksumOff
            }),
            "◐ ! no checksum",
        ),
        (
            words(BookState::Live, 9_000, |v| v.way = FeedWay::Fallback),
            "◐ ! polling",
        ),
        (
            words(BookState::Desync("gap".into()), 9_000, same),
            "◐ ! resync",
        ),
        (
            words(BookState::Starting("x".into()), 9_000, same),
            "◌ ~ starting",
        ),
        (
            words(BookState::Closed("x".into()), 9_000, same),
            "✕ x closed",
        ),
        (
            words(BookState::Failed("x".into()), 9_000, same),
            "✕ x failed",
        ),
    ];
    for (found, expected) in cases {
        assert_eq!(found, expected);
    }
}

#[test]
fn the_strip_shows_the_best_of_every_sample_in_the_finest_bins_that_do() {
    let mut market = Market::default();
    for second in 0..40_i64 {
        let ms = second as u64 * 1_000;
        market.take_book(&live(ms, "a", 100 + 2 * second), at(ms));
        market.tick(at(ms));
    }
    let book = market.book(&id("a")).unwrap();
    let heat = heat::heat(book, 1, 30, 16).unwrap();
    assert_eq!(heat.columns.len(), 30);
    // 58 ticks from the first best to the last mid, in eight bins of one side.
    assert_eq!((heat.ticks, heat.step), (10, 10));
    for column in heat.columns.iter().flatten() {
        assert!(column.bid.is_some() && column.ask.is_some());
    }
    let newest = heat.columns.last().unwrap().as_ref().unwrap();
    // 178 and 179 share the bin from 170 on; all six levels are seen.
    assert_eq!(newest.bid, newest.ask);
    assert_eq!(newest.sizes.iter().sum::<f32>(), 60.0);
    assert_eq!(heat::heat(book, 50, 30, 16).unwrap().ticks, 50);
    assert_eq!(heat::heat(&small_book(), 1, 30, 16), None);
}
