//! Market sources against the simulated venues, over real sockets on loopback.
#![allow(clippy::unwrap_used, clippy::panic)]

#[path = "market_source/faults.rs"]
mod faults;
#[path = "market_source/watched.rs"]
mod watched;

use std::time::Duration;

use ttyscope::model::{BookChange, BookState, FeedWay, LinkState};
use ttyscope::simulators::market::{Fault, Listed, SimulatorOptions, Venue};
use ttyscope::sources::market::{Secret, Transport};
use watched::{BOOKS, Watched, depth, options, pair, simulator, simulator_with};

#[tokio::test]
async fn every_venue_comes_live_and_its_books_are_the_venues_own() {
    let simulator = simulator().await;
    for venue in BOOKS {
        let symbols = pair(venue);
        let mut watched = Watched::start(options(&simulator, venue, &symbols));
        watched.live(&symbols).await;
        watched.more(symbols[0], 30).await;
        watched
            .equal(&simulator, venue, &symbols, depth(venue))
            .await;
        // Of the others only books are subscribed.
        if matches!(venue, Venue::Binance | Venue::Kraken | Venue::Coinbase) {
            watched.until("a trade", |w| !w.trades.is_empty()).await;
        }
        watched
            .until("live link", |w| w.links.last() == Some(&LinkState::Live))
            .await;
        watched
            .until("figures", |w| {
                w.feed.as_ref().is_some_and(|feed| {
                    (feed.connections_up, feed.connections_wanted) == (1, 1)
                        && (feed.books, feed.books_live) == (2, 2)
                        && feed.apply.count > 0
                        && feed.counters.frames > 30
                })
            })
            .await;
        assert!(watched.texts.contains("ttyscope-simulator"), "{venue:?}");
        let watched = watched.end().await;
        assert_eq!(watched.links.last(), Some(&LinkState::Ended));
        assert!(matches!(
            watched.view(symbols[0]).unwrap().state,
            BookState::Closed(_)
        ));
    }
}

#[tokio::test]
async fn finnhubs_trades_come_with_the_key_and_without_a_book() {
    let simulator = simulator().await;
    let symbols = pair(Venue::Finnhub);
    let mut watched = Watched::start(options(&simulator, Venue::Finnhub, &symbols));
    watched.until("trades", |w| w.trades.len() > 3).await;
    watched.live(&symbols).await;
    assert!(watched.view(symbols[0]).unwrap().last_trade.is_some());
    assert_eq!(watched.view(symbols[0]).unwrap().bid_levels, 0);
}

#[tokio::test]
async fn a_wrong_key_ends_it_and_is_in_no_text() {
    let simulator = simulator().await;
    let mut options = options(&simulator, Venue::Finnhub, &pair(Venue::Finnhub));
    options.key = Some(Secret::new("hunter2 with+signs"));
    assert!(!format!("{options:?}").contains("hunter2"));
    let mut watched = Watched::start(options);
    watched
        .until("an end for good", |w| {
            matches!(w.links.last(), Some(LinkState::Down { retry_in: None, .. }))
        })
        .await;
    watched
        .until("a fault", |w| {
            w.faults
                .iter()
                .any(|fault| fault.text.contains("not tried again"))
        })
        .await;
    let watched = watched.end().await;
    assert!(watched.texts.contains("REDACTED"), "{}", watched.texts);
    assert!(!watched.texts.contains("hunter2"), "{}", watched.texts);
    assert!(!watched.texts.contains("with+signs"), "{}", watched.texts);
}

#[tokio::test]
async fn venues_are_polled_to_the_same_books() {
    let simulator = simulator().await;
    for venue in BOOKS {
        let symbols = pair(venue);
        let mut options = options(&simulator, venue, &symbols);
        options.transport = Transport::Poll;
        options.poll = Duration::from_millis(200);
        let mut watched = Watched::start(options);
        watched.live(&symbols).await;
        watched.equal(&simulator, venue, &symbols, 10).await;
        watched
            .until("a polled feed", |w| {
                let feed = w.feed.as_ref();
                feed.is_some_and(|f| f.way == FeedWay::Polling && f.connections_up == 1)
            })
            .await;
        assert!(simulator.heard().iter().all(|heard| heard.connection == 0));
    }
}

#[tokio::test]
async fn five_hundred_symbols_are_shared_out_and_all_come_live() {
    for (venue, connections) in [(Venue::Binance, 1), (Venue::Kraken, 5)] {
        let listed: Vec<Listed> = (0..500)
            .map(|n| Listed::new(venue, &format!("T{n}"), "USD", 10_000 + n))
            .collect();
        let names: Vec<String> = listed.iter().map(|listed| listed.symbol.clone()).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let simulator = ttyscope::simulators::market::Simulator::start(SimulatorOptions {
            listed,
            levels: 12,
            rate_hz: 0.5,
            ..SimulatorOptions::default()
        })
        .await
        .unwrap();
        let mut options = options(&simulator, venue, &names);
        // Five hundred snapshots would take as many seconds as the venue's budget says.
        options.channel = (venue == Venue::Binance).then(|| "partial".to_owned());
        let mut watched = Watched::start(options);
        watched
            .until("500 live books", |w| {
                w.feed.as_ref().is_some_and(|feed| feed.books_live == 500)
            })
            .await;
        let feed = watched.feed.clone().unwrap();
        assert_eq!(feed.connections_wanted, connections, "{venue:?}");
        watched
            .equal(&simulator, venue, &[names[0], names[499]], 10)
            .await;
    }
}

#[tokio::test]
async fn books_are_written_whole_from_time_to_time() {
    let simulator = simulator().await;
    let [symbol, _] = pair(Venue::Kraken);
    let mut options = options(&simulator, Venue::Kraken, &[symbol]);
    options.snapshot = Duration::from_secs(1);
    let mut watched = Watched::start(options);
    let snapshots = |w: &Watched| {
        let events = w.events.iter();
        events
            .filter(|event| event.change == BookChange::Snapshot)
            .count()
    };
    watched
        .until("three snapshots", |w| snapshots(w) >= 3)
        .await;
    // None of them came from the venue but the first.
    assert_eq!(watched.view(symbol).unwrap().counters.snapshots_applied, 1);
    assert_eq!(watched.view(symbol).unwrap().counters.resyncs, 0);
}

#[tokio::test]
async fn polling_stands_in_for_a_stream_that_does_not_stand() {
    let simulator = simulator().await;
    let [symbol, _] = pair(Venue::Binance);
    simulator.set_faults(&[Fault::RefuseKey { status: 503 }.into()]);
    let mut options = options(&simulator, Venue::Binance, &[symbol]);
    options.transport = Transport::Auto;
    let mut watched = Watched::start(options);
    watched
        .until("a polled book", |w| {
            let view = w.view(symbol);
            view.is_some_and(|v| v.way == FeedWay::Fallback && v.state == BookState::Live)
        })
        .await;
    watched
        .until("words about it", |w| {
            matches!(w.links.last(), Some(LinkState::Stale { missing }) if missing.contains("HTTP"))
        })
        .await;
    simulator.set_faults(&[]);
    watched
        .until("the stream", |w| {
            let view = w.view(symbol);
            view.is_some_and(|v| v.way == FeedWay::Stream && v.state == BookState::Live)
        })
        .await;
    watched
        .equal(&simulator, Venue::Binance, &[symbol], 40)
        .await;
    watched
        .until("a live link", |w| w.links.last() == Some(&LinkState::Live))
        .await;
    // A recording ends up with the stream's book, not with the closing of the polled one.
    let last = watched
        .events
        .iter()
        .rev()
        .find(|event| !matches!(event.change, BookChange::Delta { .. }));
    assert_eq!(last.unwrap().change, BookChange::Snapshot);
}

#[tokio::test]
async fn what_the_ledger_counts_is_balanced_at_the_end() {
    let simulator = simulator_with(SimulatorOptions::default()).await;
    let symbols = pair(Venue::Okx);
    let mut watched = Watched::start(options(&simulator, Venue::Okx, &symbols));
    watched.live(&symbols).await;
    watched.more(symbols[0], 20).await;
    let watched = watched.end().await;
    let ledger = watched.pipeline.ledger().snapshot();
    for lane in &ledger.source(ttyscope::model::SourceId(0)).lanes {
        assert_eq!(lane.in_flight, 0);
    }
}
