//! All books of all markets, a row each, and the line that speaks of all of them.

pub mod draw;

use super::lamp;
use super::panel::all;
use crate::model::market::Light;
use crate::model::{FeedWay, Origin, Stamp};
use crate::panels::facts::{Facts, SourceFacts};
use crate::ui::flow::Item;
use crate::ui::{Role, number};

/// Rows that the list needs for `books` books: the title, the line above, the heading.
pub fn rows_for(books: usize) -> u16 {
    u16::try_from(books.max(1) + 3).unwrap_or(u16::MAX)
}

/// What is true of all markets together.
pub fn head(facts: &Facts, replay: bool, at: Stamp) -> Vec<Item> {
    let (mut books, mut fresh, mut failed) = (0_u64, 0_u64, 0_u64);
    let (mut updates, mut rate, mut worst_ns) = (0_u64, 0.0, None);
    for row in all(facts) {
        let view = &row.book.view;
        books += 1;
        match row.book.light(at) {
            Light::Fresh => fresh += 1,
            Light::Failed => failed += 1,
            Light::Starting | Light::Stale => {}
        }
        updates = updates.saturating_add(view.counters.updates_applied);
        rate += view.rate_hz;
        worst_ns = worst_ns.max(view.age_ns(at));
    }
    let feeds = || {
        let markets = facts.sources.iter().map(|source| &source.market);
        markets.flat_map(|market| market.feeds().map(|(feed, _)| feed))
    };
    let up: u64 = feeds().map(|feed| u64::from(feed.connections_up)).sum();
    let wanted: u64 = feeds().map(|feed| u64::from(feed.connections_wanted)).sum();
    let role = |bad: bool| if bad { Role::Warning } else { Role::Text };
    let fresh_role = match failed {
        0 => role(fresh < books),
        _ => Role::Error,
    };
    let passed_over: u64 = facts.sources.iter().map(|s| s.market.passed_over()).sum();
    let mut items = vec![
        match (up, wanted) {
            (0, 1..) if !replay => Item::new("", "NOT CONNECTED", Role::Error),
            _ => Item::new("", way(facts, replay), Role::Value),
        },
        Item::new("connections", format!("{up}/{wanted}"), role(up < wanted)),
        Item::new("fresh", format!("{fresh}/{books}"), fresh_role),
        Item::new("worst age", age_text(worst_ns), Role::Text),
        Item::new("rate/s", number::rate(rate), Role::Text),
        Item::new("updates", number::count(updates), Role::Text),
    ];
    if passed_over > 0 {
        let words = number::count(passed_over);
        items.insert(1, Item::new("no room for", words, Role::Warning));
    }
    items
}

fn age_text(ns: Option<u64>) -> String {
    ns.map_or_else(|| "-".to_owned(), lamp::seconds)
}

/// `LIVE (WebSocket)`, `LIVE (REST)`, `SIM` or `REPLAY`; several where the sources differ.
fn way(facts: &Facts, replay: bool) -> String {
    if replay {
        return "REPLAY".to_owned();
    }
    let mut words: Vec<&'static str> = Vec::new();
    for source in facts.sources.iter().filter(|s| !s.market.is_empty()) {
        let word = match source.info.origin {
            Origin::Replay => "REPLAY",
            Origin::Simulated => "SIM",
            Origin::Live if is_polled(source) => "LIVE (REST)",
            Origin::Live => "LIVE (WebSocket)",
        };
        if !words.contains(&word) {
            words.push(word);
        }
    }
    words.join(" + ")
}

fn is_polled(source: &SourceFacts) -> bool {
    let market = &source.market;
    let books = market.books().map(|book| book.view.way);
    let mut ways = market.feeds().map(|(feed, _)| feed.way).chain(books);
    ways.all(|way| way != FeedWay::Stream)
}
