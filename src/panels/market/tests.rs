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
