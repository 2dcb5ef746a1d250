//! How the feed of the book under the cursor goes: connections, limits, counters, latencies.

pub mod draw;

use super::lamp::seconds;
use super::panel::Row;
use crate::model::{BookView, FeedHealth, Stamp};
use crate::ui::flow::Item;
use crate::ui::{Role, number};

/// What there is to say, in groups of which each begins a line; the most important first.
pub fn groups(row: &Row<'_>, at: Stamp) -> Vec<Vec<Item>> {
    let view = &*row.book.view;
    let mut feeds = row.source.market.feeds();
    let feed = feeds.find(|(feed, _)| feed.venue == view.book.venue);
    let mut groups = vec![match feed {
        Some((feed, _)) => connections(feed, at),
        None => vec![Item::new("connections", "not said yet", Role::Dim)],
    }];
    groups.push(latencies(view));
    groups.push(book_counters(view));
    groups.extend(feed.map(|(feed, _)| feed_counters(feed)));
    groups
}

fn connections(feed: &FeedHealth, at: Stamp) -> Vec<Item> {
    let (up, wanted) = (feed.connections_up, feed.connections_wanted);
    let role = |bad: bool| if bad { Role::Warning } else { Role::Text };
    let mut items = vec![
        Item::new("connections", format!("{up}/{wanted}"), role(up < wanted)),
        Item::new(
            "books live",
            format!("{}/{}", feed.books_live, feed.books),
            role(feed.books_live < feed.books),
        ),
    ];
    if let Some((until, status)) = feed.limited
        && until.mono_ns > at.mono_ns
    {
        // Counted up, so that it never says 0 s while there is still time.
        let left = (until.mono_ns - at.mono_ns).div_ceil(1_000_000_000);
        let words = format!("{status}: asked to wait {left} s");
        items.insert(0, Item::new("limited", words, Role::Warning));
    }
    if let Some(notice) = &feed.notice {
        items.push(Item::new("notice", notice.as_str(), Role::Warning));
    }
    let last = feed.last_frame.map_or_else(
        || "-".to_owned(),
        |last| seconds(at.mono_ns.saturating_sub(last.mono_ns)),
    );
    items.push(Item::new("last frame", last, Role::Text));
    items.push(Item::new("rate/s", number::rate(feed.rate_hz), Role::Text));
    let left = feed.attempts_left;
    items.push(Item::new(
        "attempts left",
        left.to_string(),
        role(left == 0),
    ));
    let waiting = feed.waiting_to_send;
    items.push(Item::new("to send", waiting.to_string(), Role::Text));
    items
}

fn latencies(view: &BookView) -> Vec<Item> {
    let known = &view.latency;
    let mut items = Vec::new();
    let parts = [
        ("p50", known.p50_ns),
        ("p90", known.p90_ns),
        ("p99", known.p99_ns),
        ("max", known.max_ns),
    ];
    let said: Vec<String> = parts
        .into_iter()
        .filter_map(|(name, ns)| Some(format!("{name} {}", signed_latency(ns?))))
        .collect();
    match said.is_empty() {
        true => items.push(Item::new("latency", "no time sent", Role::Dim)),
        false => items.extend(said.into_iter().enumerate().map(|(index, text)| {
            let label = if index == 0 { "latency" } else { "" };
            Item::new(label, text, Role::Text)
        })),
    }
    if let Some(excess) = known.excess_ns {
        let text = format!("+{}", signed_latency(excess));
        items.push(Item::new("over the least", text, Role::Text));
    }
    items
}

/// A latency that is below zero where the venue's clock is ahead of ours.
fn signed_latency(ns: i64) -> String {
    let sign = if ns < 0 { "-" } else { "" };
    format!("{sign}{}", number::latency(ns.unsigned_abs()))
}

fn book_counters(view: &BookView) -> Vec<Item> {
    let known = &view.counters;
    let mut items = vec![Item::new(
        "book updates",
        number::count(known.updates_applied),
        Role::Text,
    )];
    let snapshots = number::count(known.snapshots_applied);
    items.push(Item::new("snapshots", snapshots, Role::Text));
    if known.crc_ok + known.crc_fail > 0 {
        let checked = number::count(known.crc_ok);
        items.push(Item::new("checksum ok", checked, Role::Text));
    }
    let troubles = [
        ("checksum failed", known.crc_fail),
        ("gaps", known.gaps),
        ("resyncs", known.resyncs),
        ("duplicates", known.duplicates),
        ("out of order", known.out_of_order),
        ("dropped waiting", known.ignored_desync),
        ("crossed", known.crossed),
        ("unreadable", known.schema_errors),
        ("venue errors", known.venue_errors),
        ("HTTP errors", known.http_errors),
        ("late trades", known.late),
    ];
    items.extend(counted(&troubles));
    items
}

fn feed_counters(feed: &FeedHealth) -> Vec<Item> {
    let known = &feed.counters;
    let mut items = vec![Item::new(
        "feed frames",
        number::count(known.frames),
        Role::Text,
    )];
    let troubles = [
        ("not JSON", known.parse_errors),
        ("unreadable", known.schema_errors),
        ("unknown", known.unknown),
        ("venue errors", known.venue_errors),
        ("gaps", known.gaps),
        ("HTTP errors", known.http_errors),
        ("foreign symbols", known.foreign_symbol),
    ];
    items.extend(counted(&troubles));
    let (opened, closed) = (known.connections, known.closes);
    items.push(Item::new("opened", number::count(opened), Role::Text));
    items.push(Item::new("closed", number::count(closed), Role::Text));
    let apply = &feed.apply;
    if apply.count > 0 {
        let (usual, slow) = (apply.p50_ns, apply.p99_ns);
        let times = format!("{} (p99 {})", number::latency(usual), number::latency(slow));
        items.push(Item::new("applied in", times, Role::Text));
    }
    items
}

/// Zeros are said, quietly: that nothing is wrong is worth knowing here.
fn counted(troubles: &[(&'static str, u64)]) -> Vec<Item> {
    let item = |(label, count): &(&'static str, u64)| {
        let role = match count {
            0 => Role::Dim,
            _ => Role::Warning,
        };
        Item::new(label, number::count(*count), role)
    };
    // What went wrong stands before what did not.
    let wrong = troubles.iter().filter(|(_, count)| *count > 0);
    let right = troubles.iter().filter(|(_, count)| *count == 0);
    wrong.chain(right).map(item).collect()
}
