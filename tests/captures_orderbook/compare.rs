//! Comparing what a venue ended with, and the book that follows from its changes, with the result
//! of the independent reader.

use std::collections::BTreeMap;

use serde_json::Value;
use ttyscope::model::decimal::{self, Decimal, to_f64};
use ttyscope::model::order_book::metrics::{
    Lob20, Walk, lob20, metrics, walk_for_size, walk_for_value,
};
use ttyscope::model::{Book, BookState, BookView, Level, Scales, Side};
use ttyscope::protocol::market::canonical;
use ttyscope::protocol::market::latency::nearest_rank;
use ttyscope::protocol::market::tracked::Tracked;

use super::player::Session;

/// The book after a number of updates, as the result files have it.
#[derive(Debug, PartialEq)]
pub struct Checkpoint {
    applied: u64,
    best_bid: Option<[String; 2]>,
    best_ask: Option<[String; 2]>,
    bid_levels: usize,
    ask_levels: usize,
    canon_crc32: u32,
}

impl Checkpoint {
    pub fn of(tracked: &Tracked, scales: Scales) -> Self {
        let book = tracked.book();
        let best = |side| book.best(side).map(|level| texts(&level, book, scales));
        Self {
            applied: tracked.counters().updates_applied,
            best_bid: best(Side::Bid),
            best_ask: best(Side::Ask),
            bid_levels: book.len(Side::Bid),
            ask_levels: book.len(Side::Ask),
            canon_crc32: canonical::crc32(book, scales, &mut Vec::new()),
        }
    }

    fn expected(value: &Value) -> Self {
        let best = |field: &str| {
            let texts = value[field].as_array()?;
            let text = |at: usize| texts[at].as_str().unwrap().to_owned();
            Some([text(0), text(1)])
        };
        Self {
            applied: value["applied"].as_u64().unwrap(),
            best_bid: best("best_bid"),
            best_ask: best("best_ask"),
            bid_levels: count(&value["bid_levels"]),
            ask_levels: count(&value["ask_levels"]),
            canon_crc32: u32::try_from(value["canon_crc32"].as_u64().unwrap()).unwrap(),
        }
    }
}

fn count(value: &Value) -> usize {
    usize::try_from(value.as_u64().unwrap()).unwrap()
}

/// Price and size with exactly the decimals of the instrument.
fn texts(level: &Level, book: &Book, scales: Scales) -> [String; 2] {
    let text = |units: i128, own: u8, wanted: u8| {
        // Exact: a number that does not fit the wanted decimals keeps its own.
        let mut text = Vec::new();
        decimal::push(&mut text, units, own);
        match decimal::parse(&text, wanted) {
            Ok(units) => Decimal {
                units,
                scale: wanted,
            },
            Err(_) => Decimal { units, scale: own },
        }
        .to_string()
    };
    let own = book.scales();
    [
        text(i128::from(level.price), own.price, scales.price),
        text(level.size, own.size, scales.size),
    ]
}

pub fn compare(session: &Session, expected: &Value, wrong: &mut Vec<String>) {
    compare_counters(session, expected, wrong);
    compare_checkpoints(session, expected, wrong);
    compare_latency(session, expected, wrong);
    for (symbol, want) in expected["books"].as_object().into_iter().flatten() {
        let mut faults = Vec::new();
        compare_book(session, symbol, want, &mut faults);
        let metrics = &expected["metrics"][symbol];
        if metrics.is_object() {
            compare_metrics(session, symbol, metrics, &mut faults);
        }
        wrong.extend(faults.into_iter().map(|fault| format!("{symbol}: {fault}")));
    }
    for (symbol, want) in expected["symbols"].as_object().into_iter().flatten() {
        let mut faults = Vec::new();
        compare_trades(session, symbol, want, &mut faults);
        wrong.extend(faults.into_iter().map(|fault| format!("{symbol}: {fault}")));
    }
    let placed = expected["faults"].as_array().map_or(0, Vec::len);
    if placed == 0 && session.heard.faults > 0 {
        wrong.push(format!(
            "{} faults in a clean session",
            session.heard.faults
        ));
    }
    if placed > 0 && session.heard.faults == 0 {
        wrong.push("none of the faults was reported".to_owned());
    }
}

/// Counts every frame once: what the feed and a book count both is the feed's, and what only books
/// see is the sum over them.
fn compare_counters(session: &Session, expected: &Value, wrong: &mut Vec<String>) {
    let of_feed = session.venue.counters().named();
    let mut totals: BTreeMap<&str, u64> = BTreeMap::new();
    for index in 0..session.venue.books() {
        let view = session.venue.view(index, 0, session.now).unwrap();
        for (name, value) in view.counters.named() {
            let is_connections = ["duplicates", "out_of_order", "gaps"].contains(&name);
            if is_connections || !of_feed.iter().any(|(other, _)| *other == name) {
                *totals.entry(name).or_default() += value;
            }
        }
    }
    for (name, value) in of_feed {
        *totals.entry(name).or_default() += value;
    }
    let wanted = expected["counters"].as_object().unwrap();
    for (name, value) in &totals {
        let want = wanted.get(*name).map_or(0, |want| want.as_u64().unwrap());
        if *value != want {
            wrong.push(format!("counter {name} is {value}, not {want}"));
        }
    }
    for name in wanted
        .keys()
        .filter(|name| !totals.contains_key(name.as_str()))
    {
        wrong.push(format!("there is no counter {name}"));
    }
}

fn compare_checkpoints(session: &Session, expected: &Value, wrong: &mut Vec<String>) {
    let wanted = expected["checkpoints"]
        .as_array()
        .map_or(&[][..], Vec::as_slice);
    let wanted: Vec<_> = wanted
        .iter()
        .map(|want| {
            let symbol = want["symbol"].as_str().unwrap().to_owned();
            (
                want["n"].as_u64().unwrap(),
                symbol,
                Checkpoint::expected(want),
            )
        })
        .collect();
    let found = &session.heard.checkpoints;
    for ((n, index, found), (want_n, want_symbol, want)) in found.iter().zip(&wanted) {
        let symbol = &session.symbols[*index];
        if (n, symbol, found) != (want_n, want_symbol, want) {
            // The first that differs tells where the reader went wrong.
            wrong.push(format!(
                "checkpoint {n} {symbol} {found:?}, not {want_n} {want_symbol} {want:?}"
            ));
            return;
        }
    }
    if found.len() != wanted.len() {
        wrong.push(format!("{} checkpoints, not {}", found.len(), wanted.len()));
    }
}

fn compare_latency(session: &Session, expected: &Value, wrong: &mut Vec<String>) {
    let mut sorted = session.heard.latencies.clone();
    sorted.sort_unstable();
    let want = &expected["latency_ns"];
    let figures = [
        ("count", i64::try_from(sorted.len()).ok()),
        ("min", sorted.first().copied()),
        ("p50", nearest_rank(&sorted, 50)),
        ("p90", nearest_rank(&sorted, 90)),
        ("p99", nearest_rank(&sorted, 99)),
        ("max", sorted.last().copied()),
    ];
    for (name, found) in figures {
        if !want[name].is_null() && want[name].as_i64() != found {
            wrong.push(format!("latency {name} is {found:?}, not {}", want[name]));
        }
    }
}

fn compare_book(session: &Session, symbol: &str, want: &Value, wrong: &mut Vec<String>) {
    let mut check = |what: &str, found: Value, want: &Value| {
        if found != *want {
            wrong.push(format!("{what} is {found}, not {want}"));
        }
    };
    let Some(index) = session.symbols.iter().position(|one| one == symbol) else {
        return check("place", Value::Null, &want["state"]);
    };
    let view = session
        .venue
        .view(index, BookView::LEVELS, session.now)
        .unwrap();
    let replica = &session.heard.replicas[index];
    let scales = session.scales(symbol);
    let has_been_live = replica.counters().snapshots_applied + replica.counters().updates_applied;
    let state = match &view.state {
        BookState::Live => "live",
        BookState::Starting(_) if has_been_live == 0 => "none",
        _ => "desync",
    };
    check("state", state.into(), &want["state"]);
    check("seq", view.sequence.into(), &want["seq"]);
    check(
        "exchange time",
        view.exchange_ns.into(),
        &want["exchange_time_ns"],
    );
    check("bid levels", view.bid_levels.into(), &want["bid_levels"]);
    check("ask levels", view.ask_levels.into(), &want["ask_levels"]);
    let crc32 = canonical::crc32(replica.book(), scales, &mut Vec::new());
    check(
        "hash of the replayed book",
        crc32.into(),
        &want["canon_crc32"],
    );
    let whole = session.venue.whole(index).map(|event| {
        let mut book = Book::new(event.scales);
        book.replace(&event.bids, &event.asks);
        book
    });
    check(
        "whole book",
        whole.is_some().into(),
        &view.state.eq(&BookState::Live).into(),
    );
    if let Some(book) = &whole {
        let crc32 = canonical::crc32(book, scales, &mut Vec::new());
        check("hash", crc32.into(), &want["canon_crc32"]);
    }
    let mut shown = Book::new(view.scales);
    shown.replace(&view.bids, &view.asks);
    for (side, levels) in [("bids", shown.bids()), ("asks", shown.asks())] {
        let best = levels.take(10).map(|level| {
            let [price, size] = texts(level, &shown, scales);
            Value::from(vec![price, size])
        });
        check(side, best.collect(), &want[side]);
    }
    // What follows from the changes alone is what the venue shows.
    let replayed = replica.view(BookView::LEVELS, session.now);
    check(
        "replayed bids",
        format!("{:?}", replayed.bids).into(),
        &format!("{:?}", view.bids).into(),
    );
    check(
        "replayed asks",
        format!("{:?}", replayed.asks).into(),
        &format!("{:?}", view.asks).into(),
    );
    check(
        "replayed crossed",
        replayed.is_crossed.into(),
        &view.is_crossed.into(),
    );
    if state == "live" {
        check(
            "replayed state",
            replayed.state.as_str().into(),
            &view.state.as_str().into(),
        );
    }
    let derivable = |view: &BookView| {
        let counters = view.counters;
        format!(
            "{:?}",
            [
                counters.snapshots_applied,
                counters.updates_applied,
                counters.resyncs,
                counters.crossed,
                counters.deletes_of_absent_levels,
                counters.trades,
            ]
        )
    };
    check(
        "replayed counters",
        derivable(&replayed).into(),
        &derivable(&view).into(),
    );
}

/// Adds what is not within a relative 1e-9 of the text `want`.
fn near(what: &str, found: f64, want: &Value, wrong: &mut Vec<String>) {
    let number: f64 = want.as_str().unwrap_or("NaN").parse().unwrap_or(f64::NAN);
    let is_near = (found - number).abs() <= 1e-9 * number.abs().max(1e-12) || found == number;
    if !is_near {
        wrong.push(format!("{what} is {found}, not {want}"));
    }
}

fn compare_metrics(session: &Session, symbol: &str, want: &Value, wrong: &mut Vec<String>) {
    let index = session
        .symbols
        .iter()
        .position(|one| one == symbol)
        .unwrap();
    let view = session.venue.view(index, 1, session.now).unwrap();
    let book = session.heard.replicas[index].book();
    compare_figures(book, want, wrong);
    let whole = metrics(book.bids(), book.asks(), book.scales());
    if view.metrics != whole {
        wrong.push(format!(
            "the view's figures are {:?}, not {whole:?}",
            view.metrics
        ));
    }
}

/// All figures of a book against the texts of a result file.
pub fn compare_figures(book: &Book, want: &Value, wrong: &mut Vec<String>) {
    let scales = book.scales();
    let (Some(bid), Some(ask)) = (book.best(Side::Bid), book.best(Side::Ask)) else {
        return wrong.push("a side is empty".to_owned());
    };
    let found = metrics(book.bids(), book.asks(), scales).unwrap();
    let price = |level: Level| to_f64(i128::from(level.price), scales.price);
    near("best_bid", price(bid), &want["best_bid"], wrong);
    near("best_ask", price(ask), &want["best_ask"], wrong);
    near(
        "best_bid_size",
        to_f64(bid.size, scales.size),
        &want["best_bid_size"],
        wrong,
    );
    near(
        "best_ask_size",
        to_f64(ask.size, scales.size),
        &want["best_ask_size"],
        wrong,
    );
    near("mid", found.mid, &want["mid"], wrong);
    near("spread", found.spread, &want["spread"], wrong);
    near("spread_bps", found.spread_bps, &want["spread_bps"], wrong);
    near("microprice", found.microprice, &want["microprice"], wrong);
    for (figure, levels) in found.imbalance.iter().zip([1, 5, 10]) {
        let name = format!("imbalance_{levels}");
        near(&name, *figure, &want[&name], wrong);
    }
    for depth in found.depth {
        let name = format!("depth_{}bps", depth.bps);
        let want = &want[&name];
        near(
            &format!("{name} bids"),
            depth.bid_size,
            &want["bid_base"],
            wrong,
        );
        near(
            &format!("{name} bid value"),
            depth.bid_value,
            &want["bid_quote"],
            wrong,
        );
        near(
            &format!("{name} asks"),
            depth.ask_size,
            &want["ask_base"],
            wrong,
        );
        near(
            &format!("{name} ask value"),
            depth.ask_value,
            &want["ask_quote"],
            wrong,
        );
    }
    let size = 3 * (bid.size + ask.size);
    near(
        "vwap_size",
        to_f64(size, scales.size),
        &want["vwap_size"],
        wrong,
    );
    for (name, walk) in [
        ("vwap_buy_base", walk_for_size(book.asks(), size, scales)),
        ("vwap_sell_base", walk_for_size(book.bids(), size, scales)),
        (
            "vwap_buy_quote_10000",
            walk_for_value(book.asks(), 10_000, scales),
        ),
        (
            "vwap_sell_quote_10000",
            walk_for_value(book.bids(), 10_000, scales),
        ),
    ] {
        compare_walk(name, walk.unwrap(), &want[name], wrong);
    }
    let found = lob20(book.bids(), book.asks(), scales).unwrap();
    compare_lob20(&found, &want["lob20"], wrong);
}

fn compare_walk(name: &str, walk: Walk, want: &Value, wrong: &mut Vec<String>) {
    near(
        &format!("{name} average"),
        walk.average,
        &want["avg"],
        wrong,
    );
    near(
        &format!("{name} size"),
        walk.size,
        &want["base_filled"],
        wrong,
    );
    near(
        &format!("{name} value"),
        walk.value,
        &want["quote_filled"],
        wrong,
    );
    // The independent reader divides decimals of 28 digits: a value that is spent exactly may leave
    // it a last digit over, for which it goes one level on.
    let levels = want["levels"].as_u64().map(|levels| levels as usize);
    let is_near = levels == Some(walk.levels)
        || (name.contains("quote") && walk.is_complete && levels == Some(walk.levels + 1));
    if !is_near || Some(walk.is_complete) != want["complete"].as_bool() {
        wrong.push(format!("{name} is {walk:?}, not {want}"));
    }
}

fn compare_lob20(found: &Lob20, want: &Value, wrong: &mut Vec<String>) {
    for (i, name) in ["1", "5", "10"].into_iter().enumerate() {
        near(
            name,
            found.bid_depth[i],
            &want[format!("bid_depth_{name}")],
            wrong,
        );
        near(
            name,
            found.ask_depth[i],
            &want[format!("ask_depth_{name}")],
            wrong,
        );
    }
    for (name, figure) in [
        ("total_bid_volume", found.total_bid_value),
        ("total_ask_volume", found.total_ask_value),
        ("volume_imbalance", found.volume_imbalance),
        ("depth_imbalance_1", found.depth_imbalance[0]),
        ("depth_imbalance_5", found.depth_imbalance[1]),
        ("price_imbalance", found.price_imbalance),
        ("effective_spread_bps", found.effective_spread_bps),
        ("market_impact_10k_bps", found.market_impact_10k_bps),
    ] {
        near(name, figure, &want[name], wrong);
    }
    let levels = (found.bid_levels as u64, found.ask_levels as u64);
    if (Some(levels.0), Some(levels.1))
        != (want["bid_levels"].as_u64(), want["ask_levels"].as_u64())
    {
        wrong.push(format!("lob20 looked at {levels:?} levels"));
    }
}

/// A symbol that has only trades.
fn compare_trades(session: &Session, symbol: &str, want: &Value, wrong: &mut Vec<String>) {
    let Some(index) = session.symbols.iter().position(|one| one == symbol) else {
        return wrong.push("not subscribed".to_owned());
    };
    let view = session.venue.view(index, 0, session.now).unwrap();
    for (name, found) in [
        ("trades", view.counters.trades),
        ("price_updates", view.counters.price_updates),
    ] {
        if Some(found) != want[name].as_u64() {
            wrong.push(format!("{name} is {found}, not {}", want[name]));
        }
    }
    let trades = session.heard.trades[index]
        .iter()
        .filter(|trade| trade.size != 0);
    let rows: Vec<(f64, f64)> = trades
        .map(|trade| {
            let price = to_f64(i128::from(trade.price), trade.scales.price);
            (price, to_f64(trade.size, trade.scales.size))
        })
        .collect();
    let volume: f64 = rows.iter().map(|(_, size)| size).sum();
    let value: f64 = rows.iter().map(|(price, size)| price * size).sum();
    near("volume", volume, &want["volume"], wrong);
    near("vwap", value / volume, &want["vwap"], wrong);
    let last = view.last_trade.unwrap();
    near(
        "last",
        to_f64(i128::from(last.price), last.scales.price),
        &want["last"],
        wrong,
    );
    let last_ms = last.exchange_ns.map(|ns| ns / 1_000_000);
    if last_ms != want["last_t_ms"].as_i64() {
        wrong.push(format!(
            "last time is {last_ms:?}, not {}",
            want["last_t_ms"]
        ));
    }
    let all = session.heard.trades[index].iter();
    let prices = all.map(|trade| to_f64(i128::from(trade.price), trade.scales.price));
    near(
        "high",
        prices.clone().fold(f64::MIN, f64::max),
        &want["high"],
        wrong,
    );
    near("low", prices.fold(f64::MAX, f64::min), &want["low"], wrong);
}
