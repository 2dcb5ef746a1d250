//! Which columns each table has. Names and order are for scripts: columns are added at the end of
//! their group, never renamed.
//!
//! Ages are seconds, latencies milliseconds, moments Unix nanoseconds. Every table begins with
//! `source` and `origin` (`live`, `simulated` or `replay`).

mod fleet;

use super::seen::Seen;
use super::sheet::{Cell, Line, Sheet};
use crate::model::decimal::Decimal;
use crate::model::order_book::metrics::lob20;
use crate::model::{Aggressor, BookView, Level, LinkState, Origin, Scales, Side, Stamp, Trade};
use crate::pipeline::SourceSnapshot;

/// All tables of what was seen.
pub fn all(seen: &[Seen], figures: &[SourceSnapshot], now: Stamp) -> Vec<Sheet> {
    let each = |lines: fn(&Seen, Stamp) -> Vec<Line>| -> Vec<Line> {
        seen.iter().flat_map(|seen| lines(seen, now)).collect()
    };
    let sheet = |name, shown, lines| Sheet { name, shown, lines };
    vec![
        sheet(
            "sources",
            &["source", "origin", "link", "received", "rate_hz", "lost"],
            sources(seen, figures, now),
        ),
        sheet(
            "feeds",
            &[
                "source",
                "venue",
                "way",
                "connections_up",
                "connections_wanted",
                "books_live",
                "books",
                "rate_hz",
                "last_frame_age_s",
            ],
            each(feeds),
        ),
        sheet(
            "books",
            &[
                "venue",
                "symbol",
                "light",
                "best_bid",
                "best_ask",
                "spread_bps",
                "rate_hz",
                "age_s",
                "integrity",
                "gaps",
                "state",
                "detail",
            ],
            each(books),
        ),
        sheet(
            "fleet",
            &[
                "source",
                "verdict",
                "since_s",
                "attempts",
                "succeeded",
                "failed",
                "limited",
                "workers",
                "figures_from",
            ],
            each(fleet::totals),
        ),
        sheet(
            "pace",
            &["event", "count", "interval_s", "last_age_s"],
            each(fleet::pace),
        ),
        sheet(
            "workers",
            &[
                "number", "address", "class", "status", "done", "wait", "due_in_s",
            ],
            each(fleet::workers),
        ),
        sheet("rows", &["name", "key", "column", "value"], each(rows)),
        sheet(
            "readings",
            &["name", "value", "unit", "age_s"],
            each(readings),
        ),
    ]
}

/// The levels of every book, at most `depth` of each side.
pub fn ladders(seen: &[Seen], depth: usize, now: Stamp) -> Vec<Sheet> {
    let lines = seen.iter().flat_map(|seen| {
        let books = seen.books.values();
        books.flat_map(move |view| ladder(seen, view, depth, now))
    });
    vec![Sheet {
        name: "book",
        shown: &[
            "symbol",
            "light",
            "side",
            "level",
            "price",
            "size",
            "cumulative_size",
            "cumulative_value",
        ],
        lines: lines.collect(),
    }]
}

/// A line with the columns that every table begins with.
fn begin(seen: &Seen) -> Line {
    let origin = match seen.info.origin {
        Origin::Replay => "replay",
        Origin::Simulated => "simulated",
        Origin::Live if seen.is_simulated => "simulated",
        Origin::Live => "live",
    };
    let mut line = Line::default();
    line.set("source", &seen.info.name).set("origin", origin);
    line
}

/// Seconds from `then` to `now`.
fn age_s(then: Stamp, now: Stamp) -> f64 {
    (now.since(then).as_secs_f64() * 1000.0).round() / 1000.0
}

fn milliseconds(ns: i64) -> f64 {
    ns as f64 / 1e6
}

fn price(units: i64, scales: Scales) -> Decimal {
    Decimal {
        units: units.into(),
        scale: scales.price,
    }
}

fn size(units: i128, scales: Scales) -> Decimal {
    Decimal {
        units,
        scale: scales.size,
    }
}

fn sources(seen: &[Seen], figures: &[SourceSnapshot], now: Stamp) -> Vec<Line> {
    let of = |seen: &Seen| figures.iter().find(|figures| figures.id == seen.info.id);
    let lines = seen.iter().map(|seen| {
        let mut line = begin(seen);
        line.set("address", &seen.info.address)
            .maybe("caution", seen.info.caution.as_ref())
            .set(
                "link",
                seen.link.as_ref().map_or("starting", LinkState::word),
            )
            .maybe("last_age_s", seen.last.map(|last| age_s(last, now)));
        let figures = of(seen);
        let total = figures.map(SourceSnapshot::total);
        line.maybe("received", total.as_ref().map(|total| total.received))
            .maybe("rate_hz", figures.map(|figures| figures.rate_hz))
            .maybe("bytes_per_s", figures.map(|figures| figures.bytes_per_s))
            .maybe("lost", figures.map(SourceSnapshot::lost))
            .maybe("in_flight", total.as_ref().map(|total| total.in_flight))
            .maybe("residue", figures.map(SourceSnapshot::residue));
        line
    });
    lines.collect()
}

fn feeds(seen: &Seen, now: Stamp) -> Vec<Line> {
    let lines = seen.feeds.values().map(|feed| {
        let mut line = begin(seen);
        let limited_s = feed.limited.map(|(until, _)| age_s(now, until));
        line.set("venue", &feed.venue)
            .set("way", feed.way.as_str())
            .set("connections_up", feed.connections_up)
            .set("connections_wanted", feed.connections_wanted)
            .set("books", feed.books)
            .set("books_live", feed.books_live)
            .maybe("last_frame_age_s", feed.last_frame.map(|at| age_s(at, now)))
            .set("rate_hz", feed.rate_hz)
            .set("waiting_to_send", feed.waiting_to_send)
            .set("attempts_left", feed.attempts_left)
            .maybe("limited_for_s", limited_s)
            .maybe("limited_status", feed.limited.map(|(_, status)| status))
            .maybe("notice", feed.notice.as_ref())
            .set("apply_p50_ms", feed.apply.p50_ns as f64 / 1e6)
            .set("apply_p99_ms", feed.apply.p99_ns as f64 / 1e6)
            .set("apply_max_ms", feed.apply.max_ns as f64 / 1e6);
        for (name, count) in feed.counters.named() {
            line.set(name, count);
        }
        line
    });
    lines.collect()
}

fn books(seen: &Seen, now: Stamp) -> Vec<Line> {
    let lines = seen.books.values().map(|view| book(seen, view, now));
    lines.collect()
}

fn book(seen: &Seen, view: &BookView, now: Stamp) -> Line {
    let mut line = begin(seen);
    standing(&mut line, seen, view, now);
    let scales = view.scales;
    let (bid, ask) = (view.bids.first(), view.asks.first());
    line.set("display", &view.display)
        .maybe("detail", view.state.detail())
        .set("way", view.way.as_str())
        .set("integrity", view.integrity.as_str())
        .maybe("age_s", view.proved.map(|proved| age_s(proved, now)))
        .maybe("best_bid", bid.map(|level| price(level.price, scales)))
        .maybe("best_bid_size", bid.map(|level| size(level.size, scales)))
        .maybe("best_ask", ask.map(|level| price(level.price, scales)))
        .maybe("best_ask_size", ask.map(|level| size(level.size, scales)))
        .set("bid_levels", view.bid_levels)
        .set("ask_levels", view.ask_levels)
        .set("crossed", view.is_crossed)
        .maybe("sequence", view.sequence)
        .maybe("exchange_ns", view.exchange_ns)
        .set("rate_hz", view.rate_hz);
    let metrics = view.metrics.as_ref();
    line.maybe("spread", metrics.map(|m| m.spread))
        .maybe("spread_bps", metrics.map(|m| m.spread_bps))
        .maybe("mid", metrics.map(|m| m.mid))
        .maybe("microprice", metrics.map(|m| m.microprice));
    let [one, five, ten] = ["imbalance_1", "imbalance_5", "imbalance_10"];
    for (index, name) in [one, five, ten].into_iter().enumerate() {
        line.maybe(name, metrics.and_then(|m| m.imbalance.get(index).copied()));
    }
    for (index, [bid_size, bid_value, ask_size, ask_value]) in DEPTHS.into_iter().enumerate() {
        let depth = metrics.and_then(|m| m.depth.get(index));
        line.maybe(bid_size, depth.map(|depth| depth.bid_size))
            .maybe(bid_value, depth.map(|depth| depth.bid_value))
            .maybe(ask_size, depth.map(|depth| depth.ask_size))
            .maybe(ask_value, depth.map(|depth| depth.ask_value));
    }
    let latency = &view.latency;
    line.maybe("latency_p50_ms", latency.p50_ns.map(milliseconds))
        .maybe("latency_p90_ms", latency.p90_ns.map(milliseconds))
        .maybe("latency_p99_ms", latency.p99_ns.map(milliseconds))
        .maybe("latency_max_ms", latency.max_ns.map(milliseconds))
        .maybe("latency_excess_ms", latency.excess_ns.map(milliseconds));
    last_trade(&mut line, view.last_trade.as_ref());
    for (name, count) in view.counters.named() {
        line.set(name, count);
    }
    of_20_levels(&mut line, view);
    line
}

/// Names of the depths within 10, 50 and 100 ten-thousandths of the mid.
const DEPTHS: [[&str; 4]; 3] = [
    [
        "bid_size_10bps",
        "bid_value_10bps",
        "ask_size_10bps",
        "ask_value_10bps",
    ],
    [
        "bid_size_50bps",
        "bid_value_50bps",
        "ask_size_50bps",
        "ask_value_50bps",
    ],
    [
        "bid_size_100bps",
        "bid_value_100bps",
        "ask_size_100bps",
        "ask_value_100bps",
    ],
];

fn standing(line: &mut Line, seen: &Seen, view: &BookView, now: Stamp) {
    let light = view.light(now, seen.fresh_for_ns(&view.book.venue));
    line.set("venue", &view.book.venue)
        .set("symbol", &view.book.symbol)
        .set("light", light.as_str())
        .set("state", view.state.as_str());
}

fn last_trade(line: &mut Line, trade: Option<&Trade>) {
    let side = |trade: &Trade| trade.aggressor.map(Aggressor::as_str);
    line.maybe("last_price", trade.map(|t| price(t.price, t.scales)))
        .maybe("last_size", trade.map(|t| size(t.size, t.scales)))
        .maybe("last_aggressor", trade.and_then(side))
        .maybe("last_exchange_ns", trade.and_then(|t| t.exchange_ns));
}

/// The figures of an older analytics page. Source: order-book specification, section 12, "lob20".
fn of_20_levels(line: &mut Line, view: &BookView) {
    let lob = view
        .metrics
        .and_then(|_| lob20(view.bids.iter(), view.asks.iter(), view.scales));
    let lob = lob.as_ref();
    let depths = [
        ("lob20_bid_depth_1", "lob20_ask_depth_1"),
        ("lob20_bid_depth_5", "lob20_ask_depth_5"),
        ("lob20_bid_depth_10", "lob20_ask_depth_10"),
    ];
    for (index, (bid, ask)) in depths.into_iter().enumerate() {
        line.maybe(bid, lob.and_then(|lob| lob.bid_depth.get(index).copied()))
            .maybe(ask, lob.and_then(|lob| lob.ask_depth.get(index).copied()));
    }
    line.maybe("lob20_total_bid_volume", lob.map(|lob| lob.total_bid_value))
        .maybe("lob20_total_ask_volume", lob.map(|lob| lob.total_ask_value))
        .maybe(
            "lob20_volume_imbalance",
            lob.map(|lob| lob.volume_imbalance),
        )
        .maybe(
            "lob20_depth_imbalance_1",
            lob.map(|lob| lob.depth_imbalance[0]),
        )
        .maybe(
            "lob20_depth_imbalance_5",
            lob.map(|lob| lob.depth_imbalance[1]),
        )
        .maybe("lob20_price_imbalance", lob.map(|lob| lob.price_imbalance))
        .maybe(
            "lob20_effective_spread_bps",
            lob.map(|lob| lob.effective_spread_bps),
        )
        .maybe(
            "lob20_market_impact_10k_bps",
            lob.map(|lob| lob.market_impact_10k_bps),
        )
        .maybe("lob20_bid_levels", lob.map(|lob| lob.bid_levels))
        .maybe("lob20_ask_levels", lob.map(|lob| lob.ask_levels))
        .maybe("lob20_thin", lob.map(|lob| lob.is_thin));
}

fn ladder(seen: &Seen, view: &BookView, depth: usize, now: Stamp) -> Vec<Line> {
    let mut lines = Vec::new();
    for (side, levels) in [(Side::Bid, &view.bids), (Side::Ask, &view.asks)] {
        let (mut sum, mut value_sum) = (Some(0_i128), Some(0_i128));
        for (level, number) in levels.iter().take(depth).zip(1_u32..) {
            let value = value_of(level);
            sum = sum.and_then(|sum| sum.checked_add(level.size));
            value_sum = value_sum.zip(value).and_then(|(sum, v)| sum.checked_add(v));
            let mut line = begin(seen);
            standing(&mut line, seen, view, now);
            line.set("at_ns", now.unix_ns)
                .set("side", if side == Side::Bid { "bid" } else { "ask" })
                .set("level", number)
                .set("price", price(level.price, view.scales))
                .set("size", size(level.size, view.scales))
                .maybe("cumulative_size", sum.map(|sum| size(sum, view.scales)))
                .maybe(
                    "value",
                    value.map(|value| in_quote_units(value, view.scales)),
                )
                .maybe(
                    "cumulative_value",
                    value_sum.map(|sum| in_quote_units(sum, view.scales)),
                );
            lines.push(line);
        }
    }
    lines
}

/// Price x size, in `10^-(price scale + size scale)`.
fn value_of(level: &Level) -> Option<i128> {
    i128::from(level.price).checked_mul(level.size)
}

fn in_quote_units(units: i128, scales: Scales) -> Decimal {
    Decimal {
        units,
        scale: scales.price.saturating_add(scales.size),
    }
}

fn rows(seen: &Seen, now: Stamp) -> Vec<Line> {
    let mut lines = Vec::new();
    for (name, table) in &seen.tables {
        for row in table.rows() {
            for (column, value) in &row.cells {
                let mut line = begin(seen);
                line.set("name", name)
                    .set("key", &row.key)
                    .set("column", column)
                    .set("value", value)
                    .set("age_s", age_s(table.since(), now));
                lines.push(line);
            }
        }
    }
    lines
}

fn readings(seen: &Seen, now: Stamp) -> Vec<Line> {
    let lines = seen.readings.values().map(|(reading, at)| {
        let mut line = begin(seen);
        line.set("name", &reading.name)
            .set("value", Cell::from(&reading.value))
            .set("unit", reading.unit)
            .set("age_s", age_s(*at, now));
        line
    });
    lines.collect()
}
