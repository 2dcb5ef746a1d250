//! How the depth over time looks.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::{Heat, heat, reaches_back_s};
use crate::panels::facts::Facts;
use crate::panels::market::panel::nothing_yet;
use crate::panels::market::{KnownBook, MarketPanel, digits};
use crate::panels::{Look, market::lamp};
use crate::ui::heat::Ramp;
use crate::ui::text::{put, put_right, width};
use crate::ui::{Role, pane::pane};

/// Columns that are worth drawing at all.
const LEAST_COLUMNS: u16 = 4;

/// Draws the strip of the book under the cursor.
pub fn draw(panel: &MarketPanel, facts: &Facts, look: &Look<'_>, area: Rect, buf: &mut Buffer) {
    let Some(row) = panel.chosen(facts, look.at) else {
        let inner = pane(buf, area, "depth over time", "", look.focused, look.theme);
        let style = look.theme.style(Role::Dim);
        let words = nothing_yet(facts, look);
        put(buf, inner, inner.left() + 1, inner.top(), words, style);
        return;
    };
    let book = row.book;
    let view = book.shown();
    let decimals = digits::price_decimals(view);
    let text = |price: i64| digits::exact(i128::from(price), view.scales.price, decimals);
    let sides = [view.bids.first(), view.asks.first()];
    let best = sides.into_iter().flatten().map(|level| level.price).max();
    let label = width(&text(best.unwrap_or(0))) + 2;
    let columns = area.width.saturating_sub(label + 1);
    let rows = area.height.saturating_sub(1);
    let found = match columns {
        LEAST_COLUMNS.. => heat(book, panel.grouping(), columns.into(), rows.into()),
        _ => None,
    };
    let note = match &found {
        Some(heat) => note(book, heat, columns, look),
        None => String::new(),
    };
    let title = format!("depth over time · {}", view.display);
    let inner = pane(buf, area, &title, &note, look.focused, look.theme);
    let Some(heat) = found else {
        let words = match columns {
            LEAST_COLUMNS.. => "no sample yet: one each second while the book is live",
            _ => "no room",
        };
        let style = look.theme.style(Role::Dim);
        put(buf, inner, inner.left() + 1, inner.top(), words, style);
        return;
    };
    draw_labels(&heat, &text, label, look, inner, buf);
    let room = Rect {
        x: inner.x + label,
        width: columns,
        ..inner
    };
    draw_columns(&heat, look, room, buf);
}

fn note(book: &KnownBook, heat: &Heat, columns: u16, look: &Look<'_>) -> String {
    let view = book.shown();
    let step = digits::exact(i128::from(heat.step), view.scales.price, 0);
    let back = reaches_back_s(book, columns.into(), look.at);
    let back = lamp::seconds(back.saturating_mul(1_000_000_000));
    format!("bin {step} · {back} back")
}

/// Prices of the first, the middle and the last bin.
fn draw_labels(
    heat: &Heat,
    text: &dyn Fn(i64) -> String,
    label: u16,
    look: &Look<'_>,
    area: Rect,
    buf: &mut Buffer,
) {
    let style = look.theme.style(Role::Dim);
    let last = area.height.saturating_sub(1);
    for row in [0, area.height / 2, last] {
        let price = heat
            .top
            .saturating_sub(heat.step.saturating_mul(row.into()));
        let right = area.left() + label.saturating_sub(1);
        put_right(buf, area, right, area.top() + row, &text(price), style);
    }
}

fn draw_columns(heat: &Heat, look: &Look<'_>, area: Rect, buf: &mut Buffer) {
    let ramp = Ramp::new(look.theme, look.color_depth, Role::Graph);
    let line = look.theme.style(Role::Value);
    let most = f64::from(heat.most.max(f32::MIN_POSITIVE));
    // The newest stands at the right edge.
    let columns = u16::try_from(heat.columns.len()).unwrap_or(u16::MAX);
    let left = area.right().saturating_sub(columns).max(area.left());
    for (x, column) in (left..area.right()).zip(&heat.columns) {
        let Some(column) = column else {
            // A hole says that it is one.
            put(
                buf,
                area,
                x,
                area.top(),
                "?",
                look.theme.style(Role::Warning),
            );
            continue;
        };
        for (index, (y, size)) in (area.top()..area.bottom()).zip(&column.sizes).enumerate() {
            let Some(cell) = buf.cell_mut((x, y)) else {
                continue;
            };
            let is_best = |row: Option<usize>| row == Some(index);
            let glyph = match (is_best(column.bid), is_best(column.ask)) {
                (true, true) => Some('═'),
                (true, false) | (false, true) => Some('─'),
                (false, false) => None,
            };
            match glyph {
                Some(glyph) => cell.set_char(glyph).set_style(line),
                None => {
                    let (glyph, style) = ramp.cell(f64::from(*size) / most);
                    cell.set_char(glyph).set_style(style)
                }
            };
        }
    }
}
