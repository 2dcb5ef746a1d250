//! Figures of the whole book under the cursor, and its last trades.

pub mod draw;

use super::digits;
use super::known::KnownBook;
use crate::model::order_book::metrics::{Lob20, lob20};
use crate::model::order_book::signal::QuoteStatistics;
use crate::model::{BookMetrics, DepthWithin, Stamp};
use crate::ui::Role;
use crate::ui::flow::Item;

/// Figures of the whole book, statistics of its samples, and the signal, each group on lines of its
/// own; figures of an empty side are absent, not zero.
pub fn items(book: &KnownBook, at: Stamp) -> Vec<Vec<Item>> {
    let view = book.shown();
    let mut items = Vec::new();
    match &view.metrics {
        Some(metrics) => items.extend(metric_items(metrics, digits::price_decimals(view))),
        None => items.push(Item::new("", "a side is empty: no figures", Role::Dim)),
    }
    let (bids, asks) = (view.bids.iter(), view.asks.iter());
    if let Some(figures) = lob20(bids, asks, view.scales) {
        items.extend(near_items(&figures));
    }
    let levels = format!("{} bid, {} ask", view.bid_levels, view.ask_levels);
    items.push(Item::new("levels", levels, Role::Text));
    if view.known_range.is_some() {
        let words = "the snapshot was limited: sums far out are not complete";
        items.push(Item::new("", words, Role::Dim));
    }
    let decimals = digits::price_decimals(view);
    let mut groups = vec![items];
    if let Some((count, statistics)) = book.statistics() {
        groups.push(statistic_items(count, &statistics, decimals));
        groups.push(book.paper.items(decimals, at));
    }
    groups
}

/// Statistics over the chart's samples, one each second.
fn statistic_items(count: usize, known: &QuoteStatistics, decimals: u8) -> Vec<Item> {
    let finer = decimals.saturating_add(1);
    let price = |value: f64| digits::rounded(value, finer);
    let range = format!("{} to {}", price(known.min_mid), price(known.max_mid));
    let mut items = vec![
        Item::new("samples", count.to_string(), Role::Text),
        Item::new("mid", range, Role::Text),
        Item::new("mean bid", price(known.mean_bid), Role::Text),
        Item::new("mean ask", price(known.mean_ask), Role::Text),
        Item::new("mean spread", price(known.mean_spread), Role::Text),
    ];
    if let Some(volatility) = known.volatility {
        let text = digits::rounded(volatility, decimals.saturating_add(2));
        items.push(Item::new("volatility", text, Role::Text));
    }
    items
}

fn metric_items(metrics: &BookMetrics, decimals: u8) -> Vec<Item> {
    let [one, five, ten] = metrics.imbalance;
    let micro = digits::rounded(metrics.microprice, decimals.saturating_add(1));
    let mut items = vec![
        Item::new("microprice", micro, Role::Text),
        Item::new("imbalance", format!("{one:+.2}"), Role::Text),
        Item::new("of 5", format!("{five:+.2}"), Role::Text),
        Item::new("of 10", format!("{ten:+.2}"), Role::Text),
    ];
    items.extend(metrics.depth.iter().filter_map(within));
    items
}

/// What an order of 10 000 quote units would meet, and which way the best 20 levels lean.
fn near_items(figures: &Lob20) -> Vec<Item> {
    let thin = if figures.is_thin { " (thin)" } else { "" };
    let (impact, spread) = (figures.market_impact_10k_bps, figures.effective_spread_bps);
    let lean = figures.volume_imbalance;
    let word = Lob20::leaning(lean);
    vec![
        Item::new("impact of 10k", format!("{impact:.2} bp{thin}"), Role::Text),
        Item::new("effective spread", format!("{spread:.2} bp"), Role::Text),
        Item::new("20 levels", format!("{lean:+.2} {word}"), Role::Text),
    ]
}

/// What is offered near the mid, in quote units.
fn within(depth: &DepthWithin) -> Option<Item> {
    let label = match depth.bps {
        10 => "in 10 bp",
        50 => "in 50 bp",
        100 => "in 100 bp",
        _ => return None,
    };
    let value = |value: f64| digits::rounded(value, 0);
    let (bid, ask) = (value(depth.bid_value), value(depth.ask_value));
    Some(Item::new(
        label,
        format!("bid {bid}, ask {ask}"),
        Role::Text,
    ))
}
