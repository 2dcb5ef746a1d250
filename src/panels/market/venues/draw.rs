//! How the venues of an instrument look.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::{Cross, Entry, best, cross};
use crate::model::Side;
use crate::panels::Look;
use crate::panels::facts::Facts;
use crate::panels::market::panel::nothing_yet;
use crate::panels::market::{MarketPanel, digits, lamp};
use crate::ui::flow::{Item, flow};
use crate::ui::table::{Cell, Column, heading, places, row};
use crate::ui::text::put;
use crate::ui::{Role, pane::pane};

/// Of a narrow pane the age leaves first, then whether a venue counts: its light says that too.
const COLUMNS: [Column; 6] = [
    Column::name("", 3, 0),
    Column::words("venue", 6, 10),
    Column::number("bid", 7, 0),
    Column::number("ask", 7, 0),
    Column::number("age", 5, 2),
    Column::name("counts", 6, 1),
];

/// Draws the venues that have the instrument of the book under the cursor.
pub fn draw(panel: &MarketPanel, facts: &Facts, look: &Look<'_>, area: Rect, buf: &mut Buffer) {
    let Some(chosen) = panel.chosen(facts, look.at) else {
        let inner = pane(buf, area, "over venues", "", look.focused, look.theme);
        let style = look.theme.style(Role::Dim);
        let words = nothing_yet(facts, look);
        put(buf, inner, inner.left() + 1, inner.top(), words, style);
        return;
    };
    let cross = cross(&chosen, facts, look.at);
    let title = format!("over venues · {}", chosen.book.view.display);
    let counted = cross.entries.iter().filter(|e| e.lamp.is_fresh()).count();
    let note = format!("{counted} of {} count", cross.entries.len());
    let inner = pane(buf, area, &title, &note, look.focused, look.theme);
    let inside = Rect {
        x: inner.x + 1,
        width: inner.width.saturating_sub(2),
        ..inner
    };
    let used = flow(buf, inside, &summary(&cross, look), look.theme);
    let table = Rect {
        y: inside.y + used,
        height: inside.height - used,
        ..inside
    };
    if table.height < 2 {
        return;
    }
    let decimals = cross.entries.iter().map(|e| decimals_of(e)).max();
    let cells: Vec<Vec<Cell>> = cross
        .entries
        .iter()
        .enumerate()
        .map(|(index, entry)| cells(&cross, index, entry, decimals.unwrap_or(0), look))
        .collect();
    let places = places(&COLUMNS, cells.iter().map(Vec::as_slice), table.width);
    heading(buf, table, table.top(), &COLUMNS, &places, look.theme);
    for (y, cells) in (table.top() + 1..table.bottom()).zip(&cells) {
        row(buf, table, y, &COLUMNS, &places, cells, look.theme);
    }
}

fn decimals_of(entry: &Entry<'_>) -> u8 {
    digits::price_decimals(entry.row.book.shown())
}

fn summary(cross: &Cross<'_>, look: &Look<'_>) -> Vec<Item> {
    let side = |label, side| -> Item {
        match cross.best(side) {
            None => Item::new(label, "-", Role::Dim),
            Some((price, entry)) => {
                let view = &entry.row.book.view;
                let decimals = decimals_of(entry);
                let units = i128::from(price.units);
                let price = digits::exact(units, price.scale, decimals);
                let age = lamp::age(view, look.at);
                let text = format!("{price} {} {age}", view.book.venue);
                Item::new(label, text, Role::Value)
            }
        }
    };
    let spread = match (cross.spread(), cross.spread_bps()) {
        (Some((spread, scale)), Some(bps)) => {
            let text = digits::exact(spread, scale, 0);
            let text = format!("{text} ({bps:.2} bp)");
            // One venue bids more than another asks: rare, and gone soon.
            let role = if spread < 0 {
                Role::Changed
            } else {
                Role::Text
            };
            Item::new("spread", text, role)
        }
        _ => Item::new("spread", "-", Role::Dim),
    };
    vec![
        side("best bid", Side::Bid),
        side("best ask", Side::Ask),
        spread,
    ]
}

fn cells(
    cross: &Cross<'_>,
    index: usize,
    entry: &Entry<'_>,
    decimals: u8,
    look: &Look<'_>,
) -> Vec<Cell> {
    let view = entry.row.book.shown();
    let price = |side, is_best: bool| match best(view, side) {
        None => Cell::new("-", Role::Dim),
        Some(price) => {
            let own = decimals_of(entry);
            let text = digits::exact(i128::from(price.units), price.scale, own);
            let role = match (entry.lamp.is_fresh(), is_best) {
                (true, true) => Role::Value,
                (true, false) => Role::Text,
                (false, _) => Role::Dim,
            };
            let mark = if is_best { "▸" } else { "" };
            let text = digits::aligned(text, decimals);
            Cell::new(format!("{mark}{text}"), role)
        }
    };
    let lamp = &entry.lamp;
    let (counts, role) = match lamp.is_fresh() {
        true => ("yes", Role::Dim),
        false => ("no", lamp.role),
    };
    vec![
        Cell::new(format!("{} {}", lamp.glyph, lamp.letter), lamp.role),
        Cell::new(view.book.venue.as_str(), Role::Text),
        price(Side::Bid, cross.bid == Some(index)),
        price(Side::Ask, cross.ask == Some(index)),
        Cell::new(lamp::age(&entry.row.book.view, look.at), Role::Dim),
        Cell::new(counts, role),
    ]
}
