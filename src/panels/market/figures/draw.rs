//! How the figures of a book and its last trades look.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::items;
use crate::model::{Stamp, Trade};
use crate::panels::Look;
use crate::panels::facts::Facts;
use crate::panels::market::panel::{Row, nothing_yet};
use crate::panels::market::{KnownBook, MarketPanel, digits, lamp};
use crate::ui::flow::flow;
use crate::ui::table::{Cell, Column, heading, places, row};
use crate::ui::text::put;
use crate::ui::{Role, number, pane::pane};

/// Of a narrow pane the time of day leaves first, then the age.
const TRADES: [Column; 5] = [
    Column::number("price", 7, 0),
    Column::number("size", 6, 0),
    Column::name("taker", 9, 1),
    Column::number("age", 5, 2),
    Column::name("received", 8, 3),
];

/// Rows of the trades: a line about them, the heading, three trades.
const TRADES_LEAST: u16 = 5;

/// Draws the figures, and below them as many trades as there is room for.
pub fn draw(panel: &MarketPanel, facts: &Facts, look: &Look<'_>, area: Rect, buf: &mut Buffer) {
    let Some(chosen) = panel.chosen(facts, look.at) else {
        let inner = pane(buf, area, "figures", "", look.focused, look.theme);
        let style = look.theme.style(Role::Dim);
        let words = nothing_yet(facts, look);
        put(buf, inner, inner.left() + 1, inner.top(), words, style);
        return;
    };
    let view = chosen.book.shown();
    let title = format!("figures · {} {}", view.display, view.book.venue);
    let inner = pane(buf, area, &title, "", look.focused, look.theme);
    let inside = Rect {
        x: inner.x + 1,
        width: inner.width.saturating_sub(2),
        ..inner
    };
    // Trades take what is left, three of them at least where there is room for anything beside.
    let most = match inside.height {
        0..12 => inside.height,
        high => high - TRADES_LEAST,
    };
    let mut used = 0;
    for group in items(chosen.book, look.at) {
        let figures = Rect {
            y: inside.y + used,
            height: most - used,
            ..inside
        };
        used += flow(buf, figures, &group, look.theme);
    }
    let rest = Rect {
        y: inside.y + used,
        height: inside.height - used,
        ..inside
    };
    draw_trades(&chosen, look, rest, buf);
}

fn draw_trades(chosen: &Row<'_>, look: &Look<'_>, area: Rect, buf: &mut Buffer) {
    let dim = look.theme.style(Role::Dim);
    let Some(trades) = chosen.source.market.trades(&chosen.book.view.book) else {
        put(buf, area, area.left(), area.top(), "no trade yet", dim);
        return;
    };
    if area.height < 3 {
        return;
    }
    let words = match trades.dropped {
        0 => "last trades".to_owned(),
        dropped => format!("last trades, {} dropped", number::count(dropped)),
    };
    put(buf, area, area.left(), area.top(), &words, dim);
    let table = Rect {
        y: area.y + 1,
        height: area.height - 1,
        ..area
    };
    let room = usize::from(table.height - 1);
    let shown: Vec<(&Trade, Stamp)> = trades.newest().take(room).collect();
    let most = |decimals: fn(&Trade, &KnownBook) -> u8| {
        let needed = shown.iter().map(|(trade, _)| decimals(trade, chosen.book));
        needed.max().unwrap_or(0)
    };
    let decimals = (
        most(|trade, book| {
            let own = digits::needed(i128::from(trade.price), trade.scales.price);
            own.max(digits::price_decimals(&book.view))
        }),
        most(|trade, book| digits::needed(trade.size, trade.scales.size).max(book.size_decimals)),
    );
    let cells: Vec<Vec<Cell>> = shown
        .iter()
        .map(|(trade, at)| cells(trade, *at, decimals, look))
        .collect();
    let places = places(&TRADES, cells.iter().map(Vec::as_slice), table.width);
    heading(buf, table, table.top(), &TRADES, &places, look.theme);
    for (y, cells) in (table.top() + 1..table.bottom()).zip(&cells) {
        row(buf, table, y, &TRADES, &places, cells, look.theme);
    }
}

/// Who crossed the spread; where only a side was sent whose meaning is in doubt, it is called that.
fn taker(trade: &Trade) -> String {
    match (trade.aggressor, trade.side) {
        (Some(taker), _) => taker.as_str().to_owned(),
        (None, Some(side)) => format!("side {}", side.as_str()),
        (None, None) => String::new(),
    }
}

fn cells(trade: &Trade, at: Stamp, (price, size): (u8, u8), look: &Look<'_>) -> Vec<Cell> {
    let price = digits::exact(i128::from(trade.price), trade.scales.price, price);
    let size = match trade.size {
        0 => "-".to_owned(),
        some => digits::exact(some, trade.scales.size, size),
    };
    let role = match trade.is_late {
        true => Role::Dim,
        false => Role::Text,
    };
    let age = look.at.mono_ns.saturating_sub(at.mono_ns);
    vec![
        Cell::new(price, role),
        Cell::new(size, role),
        Cell::new(taker(trade), role),
        Cell::new(lamp::seconds(age), Role::Dim),
        Cell::new(number::clock(at.unix_ns, look.utc_offset_s), Role::Dim),
    ]
}
