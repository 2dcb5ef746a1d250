//! What goes wrong at a venue is seen, counted and repaired, and is one symbol's trouble where it
//! can be.

use ttyscope::model::{BookState, EndReason, LinkState};
use ttyscope::simulators::market::{Fault, Heard, Simulator, SimulatorOptions, Trouble, Venue};

use super::watched::{Watched, depth, options, pair, simulator};

/// Both symbols live, then a fault with the first until `seen`, then as it should be again.
async fn check(venue: Venue, fault: Fault, what: &str, seen: impl Fn(&Watched) -> bool) {
    let simulator = simulator().await;
    let symbols = pair(venue);
    let mut watched = Watched::start(options(&simulator, venue, &symbols));
    watched.live(&symbols).await;
    simulator.set_faults(&[fault.of(symbols[0])]);
    watched.until(&format!("{venue:?} {what}"), seen).await;
    simulator.set_faults(&[]);
    watched
        .equal(&simulator, venue, &symbols, depth(venue))
        .await;
    let other = watched.view(symbols[1]).unwrap();
    // Where one count is kept for all, or none, what is lost may have been anybody's.
    if !matches!(venue, Venue::Coinbase | Venue::CoinbaseExchange) {
        assert_eq!(
            (other.counters.resyncs, other.counters.gaps),
            (0, 0),
            "{venue:?} {what}: the other symbol"
        );
    }
    let feed = watched.feed.clone().unwrap();
    assert_eq!(
        feed.counters.connections, 1,
        "{venue:?} {what}: reconnected"
    );
}

fn first(venue: Venue) -> impl Fn(&Watched) -> Option<ttyscope::model::BookCounters> {
    move |watched: &Watched| watched.view(pair(venue)[0]).map(|view| view.counters)
}

#[tokio::test]
async fn a_hole_in_the_numbers_is_a_gap_and_is_repaired() {
    for venue in [Venue::Binance, Venue::Okx, Venue::Coinbase] {
        let counters = first(venue);
        check(venue, Fault::Gap { every: 10 }, "gap and resync", |w| {
            let gaps = w.feed.as_ref().map_or(0, |feed| feed.counters.gaps);
            counters(w).is_some_and(|c| c.gaps + gaps > 0 && c.resyncs > 0)
        })
        .await;
    }
}

#[tokio::test]
async fn without_numbers_the_checksum_finds_what_is_missing() {
    let counters = first(Venue::Kraken);
    check(
        Venue::Kraken,
        Fault::Gap { every: 3 },
        "crc and resync",
        |w| counters(w).is_some_and(|c| c.crc_fail > 0 && c.resyncs > 0),
    )
    .await;
    let counters = first(Venue::Kraken);
    let fault = Fault::BadChecksum { every: 10 };
    check(Venue::Kraken, fault, "crc and resync", |w| {
        counters(w).is_some_and(|c| c.crc_fail > 0 && c.resyncs > 0)
    })
    .await;
}

#[tokio::test]
async fn a_repeat_is_counted_and_changes_nothing() {
    for venue in [Venue::Binance, Venue::Okx, Venue::Coinbase] {
        let counters = first(venue);
        let fault = Fault::Duplicate { every: 5 };
        check(venue, fault, "a duplicate", |w| {
            let feed = w.feed.as_ref().map_or(0, |feed| feed.counters.duplicates);
            counters(w).is_some_and(|c| c.duplicates + feed > 0)
        })
        .await;
    }
}

#[tokio::test]
async fn a_message_that_is_none_is_counted_and_the_reader_goes_on() {
    for venue in [Venue::Binance, Venue::Kraken, Venue::Okx, Venue::Coinbase] {
        for fault in [Fault::Malformed { every: 7 }, Fault::Truncated { every: 7 }] {
            check(venue, fault, "a parse error", |w| {
                w.feed
                    .as_ref()
                    .is_some_and(|feed| feed.counters.parse_errors > 0)
                    && !w.faults.is_empty()
            })
            .await;
        }
    }
}

#[tokio::test]
async fn a_changed_schema_is_counted_and_repaired() {
    for venue in super::BOOKS {
        let fault = Fault::SchemaChanged { every: 7 };
        check(venue, fault, "a schema error", |w| {
            let feed = w.feed.as_ref();
            feed.is_some_and(|feed| feed.counters.schema_errors > 0) && !w.faults.is_empty()
        })
        .await;
    }
}

#[tokio::test]
async fn a_number_that_is_too_fine_leaves_the_book_right() {
    for venue in super::BOOKS {
        let counters = first(venue);
        let fault = Fault::TooFine { every: 7 };
        check(venue, fault, "a resync or a schema error", |w| {
            let schema = w
                .feed
                .as_ref()
                .map_or(0, |feed| feed.counters.schema_errors);
            counters(w).is_some_and(|c| c.resyncs > 0 || c.schema_errors + schema > 0)
        })
        .await;
    }
}

#[tokio::test]
async fn a_crossed_book_is_marked() {
    for venue in [Venue::Binance, Venue::Kraken, Venue::Okx] {
        let symbol = pair(venue)[0];
        check(venue, Fault::Crossed, "a crossed view", |w| {
            w.view(symbol).is_some_and(|view| view.is_crossed)
        })
        .await;
    }
    // Here nothing but this tells that something is missing.
    let counters = first(Venue::CoinbaseExchange);
    let venue = Venue::CoinbaseExchange;
    check(venue, Fault::Crossed, "a crossed desync", |w| {
        counters(w).is_some_and(|c| c.crossed_desyncs > 0)
    })
    .await;
}

#[tokio::test]
async fn a_cut_connection_is_made_again_and_begins_with_a_snapshot() {
    for venue in super::BOOKS {
        let simulator = simulator().await;
        let symbols = pair(venue);
        let mut watched = Watched::start(options(&simulator, venue, &symbols));
        watched.live(&symbols).await;
        simulator.set_faults(&[Fault::Disconnect { after: 5 }.into()]);
        watched
            .until("a loss", |w| {
                w.links
                    .iter()
                    .any(|link| matches!(link, LinkState::Down { .. }))
            })
            .await;
        simulator.set_faults(&[]);
        watched
            .equal(&simulator, venue, &symbols, depth(venue))
            .await;
        watched
            .until("the count of it", |w| {
                w.feed
                    .as_ref()
                    .is_some_and(|feed| feed.counters.connections >= 2 && feed.counters.closes >= 1)
            })
            .await;
    }
}

#[tokio::test]
async fn a_planned_close_is_no_error_and_a_policy_one_is() {
    for (code, is_error) in [(1001, false), (1008, true)] {
        let simulator = simulator().await;
        let symbols = pair(Venue::Kraken);
        let mut watched = Watched::start(options(&simulator, Venue::Kraken, &symbols));
        watched.live(&symbols).await;
        simulator.set_faults(&[Fault::Close { code }.into()]);
        watched
            .until("the close", |w| {
                let told = |link: &LinkState| match link {
                    LinkState::Down { detail, reason, .. } => {
                        *reason == EndReason::TransportClose && detail.contains(&code.to_string())
                    }
                    _ => false,
                };
                w.links.iter().any(told)
            })
            .await;
        simulator.set_faults(&[]);
        watched.equal(&simulator, Venue::Kraken, &symbols, 10).await;
        let errors = watched
            .faults
            .iter()
            .filter(|fault| fault.text.contains("code"));
        assert_eq!(errors.count() > 0, is_error, "{code}: {:?}", watched.faults);
    }
}

#[tokio::test]
async fn a_venue_that_accepts_and_says_nothing_is_left_and_found_again() {
    let simulator = Simulator::start(SimulatorOptions {
        faults: vec![Fault::Silent.into()],
        ..SimulatorOptions::default()
    })
    .await
    .unwrap();
    let symbols = pair(Venue::Coinbase);
    let mut watched = Watched::start(options(&simulator, Venue::Coinbase, &symbols));
    watched
        .until("a connection", |w| w.links.contains(&LinkState::Connected))
        .await;
    assert!(!watched.is_live(symbols[0]));
    watched
        .until("its end", |w| {
            let silent = |link: &LinkState| match link {
                LinkState::Down { reason, detail, .. } => {
                    *reason == EndReason::PingTimeout && detail.contains("nothing was heard")
                }
                _ => false,
            };
            w.links.iter().any(silent)
        })
        .await;
    simulator.set_faults(&[]);
    watched
        .equal(&simulator, Venue::Coinbase, &symbols, 40)
        .await;
}

#[tokio::test]
async fn a_refused_symbol_is_told_and_not_asked_for_again() {
    for (venue, nobody) in [(Venue::Kraken, "XBT/USD"), (Venue::Okx, "NOPE-USDT")] {
        let simulator = simulator().await;
        let [symbol, other] = pair(venue);
        let mut watched = Watched::start(options(&simulator, venue, &[symbol, nobody, other]));
        watched.live(&[symbol, other]).await;
        watched
            .until("the refusal", |w| {
                let view = w.view(nobody);
                view.is_some_and(|view| matches!(view.state, BookState::Failed(_)))
            })
            .await;
        watched.more(symbol, 60).await;
        watched.equal(&simulator, venue, &[symbol, other], 10).await;
        let asked = |heard: &Heard| {
            let book = heard.what.contains("book");
            book && heard.what.contains("subscribe") && heard.what.contains(nobody)
        };
        let times = simulator
            .heard()
            .iter()
            .filter(|heard| asked(heard))
            .count();
        assert_eq!(times, 1, "{venue:?}");
        assert_eq!(watched.feed.clone().unwrap().books_live, 2);
    }
}

#[tokio::test]
async fn one_symbol_that_never_stays_right_delays_no_other() {
    for venue in [Venue::Kraken, Venue::Okx, Venue::Binance] {
        let simulator = simulator().await;
        let [bad, good] = pair(venue);
        let mut watched = Watched::start(options(&simulator, venue, &[bad, good]));
        watched.live(&[bad, good]).await;
        let fault: Trouble = match venue {
            Venue::Kraken => Fault::BadChecksum { every: 2 }.of(bad),
            _ => Fault::Gap { every: 2 }.of(bad),
        };
        simulator.set_faults(&[fault]);
        watched
            .until("repairs", |w| {
                w.view(bad).is_some_and(|view| view.counters.resyncs >= 2)
            })
            .await;
        watched.more(good, 40).await;
        let view = watched.view(good).unwrap();
        assert_eq!((view.counters.resyncs, view.counters.gaps), (0, 0));
        assert_eq!(view.state, BookState::Live);
        watched
            .equal(&simulator, venue, &[good], depth(venue))
            .await;
        assert_eq!(watched.feed.clone().unwrap().counters.connections, 1);
    }
}

#[tokio::test]
async fn a_venue_that_wants_fewer_requests_is_left_alone_and_said_so() {
    for status in [429, 418] {
        let simulator = Simulator::start(SimulatorOptions {
            faults: vec![Fault::RateLimit { status }.into()],
            ..SimulatorOptions::default()
        })
        .await
        .unwrap();
        let [symbol, _] = pair(Venue::Binance);
        let mut watched = Watched::start(options(&simulator, Venue::Binance, &[symbol]));
        watched
            .until("the limit", |w| {
                let feed = w.feed.as_ref();
                feed.is_some_and(|feed| feed.limited.is_some_and(|(_, own)| own == status))
            })
            .await;
        let asked = simulator.heard().len();
        simulator.set_faults(&[]);
        watched
            .equal(&simulator, Venue::Binance, &[symbol], 40)
            .await;
        // `Retry-After` was a second: the 50 ms of these attempts would have made a dozen.
        assert!(asked <= 2, "{asked} attempts");
        let told = status.to_string();
        assert!(
            watched
                .faults
                .iter()
                .any(|fault| fault.text.contains(&told))
        );
    }
}

#[tokio::test]
async fn maintenance_is_announced_and_survived() {
    for venue in [Venue::Kraken, Venue::Binance, Venue::Okx] {
        let simulator = simulator().await;
        let symbols = pair(venue);
        let mut watched = Watched::start(options(&simulator, venue, &symbols));
        watched.live(&symbols).await;
        simulator.set_faults(&[Fault::Maintenance.into()]);
        watched
            .until("the loss", |w| {
                w.links
                    .iter()
                    .any(|link| matches!(link, LinkState::Down { .. }))
            })
            .await;
        simulator.set_faults(&[]);
        watched
            .equal(&simulator, venue, &symbols, depth(venue))
            .await;
    }
}
