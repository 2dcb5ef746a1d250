//! How the list of books looks.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::head;
use crate::panels::facts::Facts;
use crate::panels::market::panel::nothing_yet;
use crate::panels::market::{Lamp, MarketPanel, Row, digits, lamp};
use crate::panels::{Look, first_row};
use crate::ui::flow::flow;
use crate::ui::sparkline::trace;
use crate::ui::table::{Cell, Column, heading, places, row};
use crate::ui::text::{put, select};
use crate::ui::{Role, number, pane::pane};

/// In the order of reading; the last number says which leaves first on a narrow screen: updates,
/// sizes, gaps, resyncs, what holds it together, the curve of the mid, imbalance, rate, reason,
/// age, spread, venue. Light, symbol, state, bid and ask stay.
const COLUMNS: [Column; 18] = [
    Column::name("", 3, 0),
    Column::words("symbol", 7, 10),
    Column::name("venue", 6, 2),
    Column::words("state", 8, 11),
    Column::number("bid size", 8, 12),
    Column::number("bid", 7, 0),
    Column::number("ask", 7, 0),
    Column::number("ask size", 8, 13),
    Column::number("spread bp", 9, 3),
    Column::name("mid, 60 s", CURVE, 8),
    Column::number("rate/s", 6, 6),
    Column::number("imb 10", 6, 7),
    Column {
        readable: 15,
        ..Column::name("integrity", 9, 9)
    },
    Column::number("age", 5, 4),
    Column::number("resync", 6, 10),
    Column::number("gaps", 4, 11),
    Column::number("updates", 7, 14),
    Column {
        readable: 20,
        ..Column::name("reason", 6, 5)
    },
];
/// Columns of the mid's curve.
const CURVE: u16 = 12;
/// Samples that the curve is made of.
const CURVE_SAMPLES: usize = 60;

/// Draws the list.
pub fn draw(panel: &MarketPanel, facts: &Facts, look: &Look<'_>, area: Rect, buf: &mut Buffer) {
    let rows = panel.rows(facts, look.at);
    let title = match panel.filter.as_str() {
        "" => "markets".to_owned(),
        filter => format!("markets · /{filter}"),
    };
    let note = match rows.len() {
        0 => String::new(),
        1 => "1 book".to_owned(),
        books => format!(
            "{} books by {}",
            number::count(books as u64),
            panel.sort.as_str()
        ),
    };
    let inner = pane(buf, area, &title, &note, look.focused, look.theme);
    let inside = Rect {
        x: inner.x + 1,
        width: inner.width.saturating_sub(2),
        ..inner
    };
    let first_line = Rect {
        height: inside.height.min(1),
        ..inside
    };
    if rows.is_empty() {
        let words = match panel.filter.as_str() {
            "" => nothing_yet(facts, look).to_owned(),
            filter => format!("no book is called {filter}; esc takes the filter away"),
        };
        let style = look.theme.style(Role::Text);
        put(buf, inside, inside.left() + 2, inside.top(), &words, style);
        return;
    }
    flow(
        buf,
        first_line,
        &head(facts, look.replay, look.at),
        look.theme,
    );
    let table = Rect {
        y: inside.y + first_line.height,
        height: inside.height - first_line.height,
        ..inside
    };
    draw_table(panel, facts, &rows, look, table, buf);
}

fn draw_table(
    panel: &MarketPanel,
    facts: &Facts,
    rows: &[Row<'_>],
    look: &Look<'_>,
    area: Rect,
    buf: &mut Buffer,
) {
    let chosen = panel.chosen(facts, look.at);
    let cursor = chosen.and_then(|chosen| rows.iter().position(|row| row.is(&chosen)));
    let cursor = cursor.unwrap_or(0);
    let room = usize::from(area.height.saturating_sub(1));
    let first = first_row(cursor, rows.len(), room);
    let shown = &rows[first..rows.len().min(first + room)];
    let forms = Forms::of(rows);
    let cells: Vec<Vec<Cell>> = shown.iter().map(|row| cells(row, &forms, look)).collect();
    // Reasons take room from figures, and only while there are some.
    let has_reasons = cells.iter().any(|cells| {
        let reason = cells.last();
        reason.is_some_and(|reason| !reason.text.is_empty())
    });
    let columns = &COLUMNS[..COLUMNS.len() - usize::from(!has_reasons)];
    let places = places(columns, cells.iter().map(Vec::as_slice), area.width);
    heading(buf, area, area.top(), columns, &places, look.theme);
    for (y, (row_shown, cells)) in (area.top() + 1..).zip(shown.iter().zip(&cells)) {
        row(buf, area, y, columns, &places, cells, look.theme);
        if chosen.is_some_and(|chosen| chosen.is(row_shown)) {
            let line = Rect {
                x: area.x.saturating_sub(1),
                y,
                width: area.width + 2,
                height: 1,
            };
            // What the other panes are about is marked wherever the focus is.
            if look.focused {
                select(buf, line, look.theme.style(Role::Selection));
            } else {
                let style = look.theme.style(Role::Title);
                put(buf, line, line.left(), y, "▸", style);
            }
        }
    }
}

/// What prices of all rows have in common, so that they do not move when the list does.
struct Forms {
    price_decimals: u8,
    size_decimals: u8,
}

impl Forms {
    fn of(rows: &[Row<'_>]) -> Self {
        let prices = rows
            .iter()
            .map(|row| digits::price_decimals(&row.book.view));
        let sizes = rows.iter().map(|row| row.book.size_decimals);
        Self {
            price_decimals: prices.max().unwrap_or(0),
            size_decimals: sizes.max().unwrap_or(0),
        }
    }
}

fn cells(row: &Row<'_>, forms: &Forms, look: &Look<'_>) -> Vec<Cell> {
    let (book, view) = (row.book, &*row.book.view);
    let shown = book.shown();
    let lamp = Lamp::of(book, look.at);
    // What is not to be trusted is there, and looks like it.
    let quiet = match lamp.is_fresh() {
        true => Role::Text,
        false => Role::Dim,
    };
    let none = || Cell::new("-", Role::Dim);
    let decimals = digits::price_decimals(shown);
    let price = |price: Option<i64>, moved: bool| match price {
        Some(price) => {
            let text = digits::exact(i128::from(price), shown.scales.price, decimals);
            let role = match (lamp.is_fresh(), moved) {
                (true, true) => Role::Changed,
                (true, false) => Role::Value,
                (false, _) => Role::Dim,
            };
            Cell::new(digits::aligned(text, forms.price_decimals), role)
        }
        None => none(),
    };
    let size = |size: Option<i128>| match size {
        Some(size) => {
            let text = digits::exact(size, shown.scales.size, book.size_decimals);
            Cell::new(digits::aligned(text, forms.size_decimals), quiet)
        }
        None => none(),
    };
    let (bid, ask) = (shown.bids.first(), shown.asks.first());
    let metric = |text: Option<String>| text.map_or_else(none, |text| Cell::new(text, quiet));
    let metrics = shown.metrics.as_ref();
    let bad = |count: u64| match count {
        0 => Cell::new("0", Role::Dim),
        some => Cell::new(number::count(some), Role::Warning),
    };
    let (bid_moved, ask_moved) = book.best_moved(look.at);
    let light = format!("{} {}", lamp.glyph, lamp.letter);
    let age_role = match lamp.role {
        Role::Good => Role::Dim,
        role => role,
    };
    vec![
        Cell::new(light, lamp.role),
        Cell::new(view.display.as_str(), Role::Text),
        Cell::new(view.book.venue.as_str(), Role::Text),
        Cell::new(lamp.words.as_str(), lamp.role),
        size(bid.map(|level| level.size)),
        price(bid.map(|level| level.price), bid_moved),
        price(ask.map(|level| level.price), ask_moved),
        size(ask.map(|level| level.size)),
        metric(metrics.map(|m| format!("{:.2}", m.spread_bps))),
        Cell::new(curve(row), Role::Graph),
        Cell::new(number::rate(view.rate_hz), quiet),
        metric(metrics.map(|m| format!("{:+.2}", m.imbalance[2]))),
        Cell::new(view.integrity.as_str(), Role::Dim),
        Cell::new(lamp::age(view, look.at), age_role),
        bad(view.counters.resyncs),
        bad(view.counters.gaps),
        Cell::new(number::count(view.counters.updates_applied), quiet),
        Cell::new(row.reason(look.at).unwrap_or_default(), lamp.role),
    ]
}

/// The mids of the last minute, as many samples to a column as it takes.
fn curve(row: &Row<'_>) -> String {
    let all = row.book.samples();
    let skipped = all.len().saturating_sub(CURVE_SAMPLES);
    let mids: Vec<Option<f64>> = row
        .book
        .samples()
        .skip(skipped)
        .map(|sample| sample.quote.map(|quote| quote.mid_twice() as f64))
        .collect();
    let columns = usize::from(CURVE);
    let each = mids.len().div_ceil(columns).max(1);
    // Counted from the newest, so that columns fill up and then move on as one.
    let mut means: Vec<Option<f64>> = mids.rchunks(each).map(mean).collect();
    means.reverse();
    trace(&means, CURVE).trim_start().to_owned()
}

fn mean(values: &[Option<f64>]) -> Option<f64> {
    let known: Vec<f64> = values.iter().flatten().copied().collect();
    match known.len() {
        0 => None,
        count => Some(known.iter().sum::<f64>() / count as f64),
    }
}
