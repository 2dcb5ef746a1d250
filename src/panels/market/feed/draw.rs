//! How the health of a feed looks.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::groups;
use crate::panels::Look;
use crate::panels::facts::Facts;
use crate::panels::market::panel::nothing_yet;
use crate::panels::market::{Lamp, MarketPanel};
use crate::ui::flow::flow;
use crate::ui::text::{put, wrap};
use crate::ui::{Role, pane::pane};

/// Lines that the reason may take.
const REASON_LINES: usize = 3;

/// Draws the health of the feed of the book under the cursor; what is wrong with the book stands
/// there in full.
pub fn draw(panel: &MarketPanel, facts: &Facts, look: &Look<'_>, area: Rect, buf: &mut Buffer) {
    let Some(row) = panel.chosen(facts, look.at) else {
        let inner = pane(buf, area, "feed", "", look.focused, look.theme);
        let style = look.theme.style(Role::Dim);
        let words = nothing_yet(facts, look);
        put(buf, inner, inner.left() + 1, inner.top(), words, style);
        return;
    };
    let view = &row.book.view;
    let (source, venue) = (&row.source.info.name, &view.book.venue);
    let title = match source == venue {
        true => format!("feed · {venue}"),
        false => format!("feed · {source} · {venue}"),
    };
    let note = view.integrity.as_str();
    let inner = pane(buf, area, &title, note, look.focused, look.theme);
    let inside = Rect {
        x: inner.x + 1,
        width: inner.width.saturating_sub(2),
        ..inner
    };
    let lamp = Lamp::of(row.book, look.at);
    let reason = row
        .reason(look.at)
        .map(|why| format!("{}: {why}", lamp.text()));
    let lines = reason.map(|text| wrap(&text, inside.width, REASON_LINES));
    let mut y = inside.top();
    for line in lines.into_iter().flatten() {
        put(
            buf,
            inside,
            inside.left(),
            y,
            &line,
            look.theme.style(lamp.role),
        );
        y += 1;
    }
    for group in groups(&row, look.at) {
        let rest = Rect {
            y: y.min(inside.bottom()),
            height: inside.bottom().saturating_sub(y),
            ..inside
        };
        y += flow(buf, rest, &group, look.theme);
    }
}
