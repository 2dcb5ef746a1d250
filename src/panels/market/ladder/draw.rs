//! How a ladder looks: asks above, bids below, the spread between them in the middle.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::columns::{Columns, GAP, Widths, columns};
use super::{Place, Reach, Rung, reach, rungs};
use crate::model::{BookState, BookView, Side};
use crate::panels::Look;
use crate::panels::facts::Facts;
use crate::panels::market::panel::{Row, all, nothing_yet};
use crate::panels::market::{KnownBook, Lamp, MarketPanel, digits, lamp};
use crate::ui::flow::{Item, flow};
use crate::ui::sparkline::bar;
use crate::ui::text::{fit, put, put_right, select, width};
use crate::ui::{Role, Theme, pane::pane};

/// From so many columns each, several ladders stand side by side.
const LADDER: u16 = 50;
/// Books that are shown side by side at most.
const MOST_LADDERS: u16 = 4;
/// Draws the ladder of the book under the cursor and, where there is room, those of the same
/// instrument at other venues, then of those that follow in the list.
pub fn draw(panel: &MarketPanel, facts: &Facts, look: &Look<'_>, area: Rect, buf: &mut Buffer) {
    let Some(chosen) = panel.chosen(facts, look.at) else {
        let inner = pane(buf, area, "ladder", "", look.focused, look.theme);
        let style = look.theme.style(Role::Dim);
        let words = nothing_yet(facts, look);
        put(buf, inner, inner.left() + 1, inner.top(), words, style);
        return;
    };
    let room = ((area.width + GAP) / (LADDER + GAP)).clamp(1, MOST_LADDERS);
    let books = shown(&chosen, panel, facts, look, usize::from(room));
    let count = u16::try_from(books.len()).unwrap_or(1).max(1);
    let wide = (area.width - (count - 1) * GAP.min(area.width / count)) / count;
    for (index, row) in (0..).zip(&books) {
        let x = area.x + index * (wide + GAP);
        let is_last = index + 1 == count;
        let place = Rect {
            x,
            // What is left over by the division belongs to the last.
            width: if is_last { area.right() - x } else { wide },
            ..area
        };
        let is_chosen = index == 0;
        let look = Look {
            focused: look.focused && is_chosen,
            ..*look
        };
        let cursor = panel.level().filter(|_| is_chosen);
        draw_one(panel, row, cursor, &look, place, buf);
    }
}

/// The chosen book, then the same instrument elsewhere, then what follows in the list.
fn shown<'a>(
    chosen: &Row<'a>,
    panel: &MarketPanel,
    facts: &'a Facts,
    look: &Look<'_>,
    room: usize,
) -> Vec<Row<'a>> {
    let mut books = vec![*chosen];
    if room < 2 {
        return books;
    }
    let same = all(facts).filter(|row| row.book.view.display == chosen.book.view.display);
    let rows = panel.rows(facts, look.at);
    let at = rows.iter().position(|row| row.is(chosen)).unwrap_or(0);
    let (before, behind) = rows.split_at(at.min(rows.len()));
    for row in same.chain(behind.iter().chain(before).copied()) {
        if books.len() >= room {
            break;
        }
        if !books.iter().any(|known| known.is(&row)) {
            books.push(row);
        }
    }
    books
}

fn draw_one(
    panel: &MarketPanel,
    row: &Row<'_>,
    cursor: Option<Place>,
    look: &Look<'_>,
    area: Rect,
    buf: &mut Buffer,
) {
    let book = row.book;
    let view = book.shown();
    let lamp = Lamp::of(book, look.at);
    let (title, said) = title(book, &lamp, look, area.width.saturating_sub(8));
    let inner = pane(buf, area, &title, "", look.focused, look.theme);
    let mut room = Rect {
        x: inner.x + 1,
        width: inner.width.saturating_sub(2),
        ..inner
    };
    if let Some(reason) = row.reason(look.at) {
        let words = match view.bids.is_empty() && view.asks.is_empty() {
            false if book.view.state != BookState::Live => {
                format!(
                    "‖ last good book, {} old: {reason}",
                    lamp::age(view, look.at)
                )
            }
            _ => reason,
        };
        let style = look.theme.style(lamp.role);
        put(
            buf,
            room,
            room.left(),
            room.top(),
            &fit(&words, room.width),
            style,
        );
        room = below(room, 1);
    }
    let unsaid = figures(panel, book).split_off(said.min(3));
    let used = flow(
        buf,
        Rect {
            height: room.height.min(1),
            ..room
        },
        &unsaid,
        look.theme,
    );
    room = below(room, used);
    if view.bids.is_empty() && view.asks.is_empty() {
        draw_without_levels(view, look, room, buf);
        return;
    }
    let reach_line = cursor.and_then(|(side, index)| {
        let rung = *rungs(book, side, panel.grouping(), panel.depth()).get(index)?;
        reach(view, side, rung.levels)
    });
    if let Some(reach) = &reach_line {
        let items = reach_items(reach, view, book);
        let lines = if room.width >= 76 { 1 } else { 2 };
        let lines = lines.min(room.height);
        let place = Rect {
            y: room.bottom() - lines,
            height: lines,
            ..room
        };
        flow(buf, place, &items, look.theme);
        room.height -= lines;
    }
    draw_rungs(panel, book, &lamp, cursor, look, room, buf);
}

fn below(area: Rect, rows: u16) -> Rect {
    let rows = rows.min(area.height);
    Rect {
        y: area.y + rows,
        height: area.height - rows,
        ..area
    }
}

/// As much as fits into the title, whole, and how many of the [`figures`] that was.
fn title(book: &KnownBook, lamp: &Lamp, look: &Look<'_>, room: u16) -> (String, usize) {
    let view = &book.view;
    let mut title = format!("{} {}", view.display, view.book.venue);
    let age = match lamp.words.starts_with("stale") {
        true => String::new(),
        false => format!(" {}", lamp::age(view, look.at)),
    };
    let integrity = view.integrity.as_str();
    let mut parts = vec![format!("{}{age}", lamp.text())];
    let figures = title_figures(book);
    parts.push(integrity.to_owned());
    parts.extend(figures);
    let mut said = 0;
    for (index, part) in parts.iter().enumerate() {
        if width(&title) + width(part) + 3 > room {
            break;
        }
        title = format!("{title} · {part}");
        said = index;
    }
    (title, said)
}

/// Spread and imbalance, as a title has them.
fn title_figures(book: &KnownBook) -> Vec<String> {
    let mut parts = Vec::new();
    if let Some(spread) = spread(book.shown()) {
        parts.push(format!("spread {spread}"));
    }
    if let Some(metrics) = &book.shown().metrics {
        parts.push(format!("imb10 {:+.2}", metrics.imbalance[2]));
    }
    parts
}

/// What found no room in the title, in its order; then how the ladder is made.
fn figures(panel: &MarketPanel, book: &KnownBook) -> Vec<Item> {
    let view = book.shown();
    let or_none = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
    let imbalance = view.metrics.map(|m| format!("{:+.2}", m.imbalance[2]));
    let mut items = vec![
        Item::new("", book.view.integrity.as_str(), Role::Text),
        Item::new("spread", or_none(spread(view)), Role::Text),
        Item::new("imb10", or_none(imbalance), Role::Text),
    ];
    let step = super::step_of(view, panel.grouping());
    let step = digits::exact(i128::from(step), view.scales.price, 0);
    items.push(Item::new("step", step, Role::Text));
    items.push(Item::new("depth", panel.depth().to_string(), Role::Text));
    items
}

/// `0.1 (0.02 bp)`: exact, then in ten-thousandths of the mid.
fn spread(view: &BookView) -> Option<String> {
    let (bid, ask) = (view.bids.first()?, view.asks.first()?);
    let spread = i128::from(ask.price) - i128::from(bid.price);
    let text = digits::exact(spread, view.scales.price, 0);
    let bps = view.metrics.map(|m| format!(" ({:.2} bp)", m.spread_bps));
    Some(format!("{text}{}", bps.unwrap_or_default()))
}

/// A feed of trades has no levels; one that waits has none yet.
fn draw_without_levels(view: &BookView, look: &Look<'_>, area: Rect, buf: &mut Buffer) {
    let style = look.theme.style(Role::Dim);
    let words = match &view.last_trade {
        None => "no level yet".to_owned(),
        Some(trade) => {
            let price = digits::exact(i128::from(trade.price), trade.scales.price, 0);
            match trade.size {
                0 => format!("no levels; last price {price}"),
                size => {
                    let size = digits::exact(size, trade.scales.size, 0);
                    format!("no levels; last trade {size} at {price}")
                }
            }
        }
    };
    put(buf, area, area.left() + 1, area.top(), &words, style);
}

fn reach_items(reach: &Reach, view: &BookView, book: &KnownBook) -> Vec<Item> {
    let size = digits::exact(reach.size, view.scales.size, book.size_decimals);
    let decimals = digits::price_decimals(view);
    let value = digits::rounded(reach.walk.value, decimals);
    // An average lies between two ticks.
    let average = digits::rounded(reach.walk.average, decimals.saturating_add(2));
    let levels = match reach.walk.levels {
        1 => "1 level".to_owned(),
        many => format!("{many} levels"),
    };
    vec![
        Item::new("to here", format!("{size} in {levels}"), Role::Value),
        Item::new("VWAP", average, Role::Value),
        Item::new(
            "slippage",
            format!("{:.2} bp", reach.walk.slippage_bps),
            Role::Value,
        ),
        Item::new("value", value, Role::Text),
    ]
}

fn draw_rungs(
    panel: &MarketPanel,
    book: &KnownBook,
    lamp: &Lamp,
    cursor: Option<Place>,
    look: &Look<'_>,
    area: Rect,
    buf: &mut Buffer,
) {
    let view = book.shown();
    // A heading and the row of the spread; the rest belongs to both sides alike.
    let Some(room) = area.height.checked_sub(2).map(|rows| rows / 2) else {
        return;
    };
    let side_of = |side| rungs(book, side, panel.grouping(), panel.depth());
    let (bids, asks) = (side_of(Side::Bid), side_of(Side::Ask));
    let longest = bids.len().max(asks.len());
    let room = room.min(u16::try_from(longest).unwrap_or(u16::MAX));
    let (first_bid, first_ask) = first_shown(cursor, usize::from(room));
    let seen = |rungs: &[Rung], first: usize| -> Vec<Rung> {
        rungs
            .iter()
            .skip(first)
            .take(room.into())
            .copied()
            .collect()
    };
    let (bids, asks) = (seen(&bids, first_bid), seen(&asks, first_ask));
    let form = Form::of(book, bids.iter().chain(&asks));
    let (bid_columns, ask_columns) = columns(form.widths, area.width);
    if form.widths.price > area.width {
        let style = look.theme.style(Role::Dim);
        put(buf, area, area.left(), area.top(), "…", style);
        return;
    }
    draw_heading(bid_columns, ask_columns, look.theme, area, buf);
    let trusted = lamp.is_fresh();
    let middle = area.top() + 1 + room;
    let sides = [(&asks, Side::Ask, first_ask), (&bids, Side::Bid, first_bid)];
    for (shown, side, first) in sides {
        let columns = match side {
            Side::Bid => bid_columns,
            Side::Ask => ask_columns,
        };
        for (index, rung) in (0..).zip(shown) {
            let y = match side {
                Side::Ask => middle - 1 - index,
                Side::Bid => middle + 1 + index,
            };
            let line = Rect {
                y,
                height: 1,
                ..area
            };
            draw_rung(rung, columns, &form, trusted, look, line, buf);
            if cursor == Some((side, first + usize::from(index))) {
                select(buf, line, look.theme.style(Role::Selection));
            }
        }
    }
    let line = Rect {
        y: middle,
        height: 1,
        ..area
    };
    draw_middle(view, trusted, look, line, buf);
}

/// The first bid and the first ask to show in so many rows, so that the cursor is among them.
fn first_shown(cursor: Option<Place>, room: usize) -> (usize, usize) {
    let first = |index: usize| (index + 1).saturating_sub(room);
    match cursor {
        Some((Side::Bid, index)) => (first(index), 0),
        Some((Side::Ask, index)) => (0, first(index)),
        None => (0, 0),
    }
}

/// How the numbers of a ladder are written.
struct Form {
    price_scale: u8,
    price_decimals: u8,
    size_scale: u8,
    size_decimals: u8,
    widths: Widths,
    /// What a whole bar stands for.
    most: i128,
}

impl Form {
    fn of<'a>(book: &KnownBook, rungs: impl Iterator<Item = &'a Rung>) -> Self {
        let view = book.shown();
        let mut form = Self {
            price_scale: view.scales.price,
            price_decimals: digits::price_decimals(view),
            size_scale: view.scales.size,
            size_decimals: book.size_decimals,
            widths: Widths {
                size: width("size") + 1,
                cumulative: width("cum"),
                price: width("price"),
            },
            most: 0,
        };
        for rung in rungs {
            let widths = &form.widths;
            let widths = Widths {
                size: widths.size.max(width(&form.size(rung.size))),
                cumulative: widths.cumulative.max(width(&form.size(rung.cumulative))),
                price: widths.price.max(width(&form.price(rung.price))),
            };
            form.widths = widths;
            form.most = form.most.max(rung.cumulative);
        }
        form
    }

    fn size(&self, size: i128) -> String {
        digits::exact(size, self.size_scale, self.size_decimals)
    }

    fn price(&self, price: i64) -> String {
        digits::exact(i128::from(price), self.price_scale, self.price_decimals)
    }
}

fn draw_heading(bids: Columns, asks: Columns, theme: &Theme, area: Rect, buf: &mut Buffer) {
    let style = theme.style(Role::Dim);
    let (left, y) = (area.left(), area.top());
    put_right(buf, area, left + bids.price, y, "price", style);
    for columns in [bids, asks] {
        put_right(buf, area, left + columns.size, y, "size", style);
        if let Some(end) = columns.cumulative {
            put_right(buf, area, left + end, y, "cum", style);
        }
    }
}

fn draw_rung(
    rung: &Rung,
    columns: Columns,
    form: &Form,
    trusted: bool,
    look: &Look<'_>,
    line: Rect,
    buf: &mut Buffer,
) {
    let style = |role: Role| match trusted {
        true => look.theme.style(role),
        false => look.theme.style(Role::Dim),
    };
    let arrow = rung.mark.and_then(|mark| mark.arrow(look.at.mono_ns));
    let size_role = match arrow {
        Some(_) => Role::Changed,
        None => Role::Text,
    };
    let (left, y) = (line.left(), line.top());
    let size = form.size(rung.size);
    put_right(buf, line, left + columns.size, y, &size, style(size_role));
    if let Some(arrow) = arrow {
        put(
            buf,
            line,
            left + columns.size,
            y,
            arrow,
            style(Role::Changed),
        );
    }
    if let Some(end) = columns.cumulative {
        let sum = form.size(rung.cumulative);
        put_right(buf, line, left + end, y, &sum, style(Role::Dim));
    }
    let price = form.price(rung.price);
    put_right(
        buf,
        line,
        left + columns.price,
        y,
        &price,
        style(Role::Value),
    );
    if let Some((x, wide)) = columns.bar {
        let (value, most) = halved(rung.cumulative, form.most);
        match columns.leftward {
            false => {
                let text = bar(value, most, wide);
                put(buf, line, left + x, y, &text, style(Role::Graph));
            }
            true => {
                let text = bar_to_left(value, most, wide);
                put_right(buf, line, left + x + wide, y, &text, style(Role::Graph));
            }
        }
    }
}

/// Both numbers, as small as 64 bits take them: only their ratio is drawn.
fn halved(value: i128, most: i128) -> (u64, u64) {
    let (mut value, mut most) = (value.max(0), most.max(1));
    while most > i128::from(u64::MAX) {
        value /= 2;
        most /= 2;
    }
    let small = |number: i128| u64::try_from(number).unwrap_or(u64::MAX);
    (small(value), small(most))
}

/// A bar that grows from right to left, in halves of a column.
fn bar_to_left(value: u64, most: u64, columns: u16) -> String {
    let halves = u128::from(value.min(most)) * u128::from(columns) * 2 / u128::from(most.max(1));
    let halves = (halves as usize).max(usize::from(value > 0));
    format!("{}{}", "▐".repeat(halves % 2), "█".repeat(halves / 2))
}

/// The row of the spread: mid and microprice on a rule.
fn draw_middle(view: &BookView, trusted: bool, look: &Look<'_>, line: Rect, buf: &mut Buffer) {
    let rule = look.theme.style(Role::Rule);
    let (left, y) = (line.left(), line.top());
    let text = "─".repeat(usize::from(line.width));
    put(buf, line, left, y, &text, rule);
    let decimals = digits::price_decimals(view);
    let mid = match (view.bids.first(), view.asks.first()) {
        (Some(bid), Some(ask)) => {
            // Half of an odd number of the smallest units needs one decimal more.
            let twice = i128::from(bid.price) + i128::from(ask.price);
            let scale = view.scales.price.saturating_add(1);
            Some(digits::exact(twice * 5, scale, decimals))
        }
        _ => None,
    };
    let (words, role) = match (mid, view.is_crossed) {
        (Some(mid), true) => (
            vec![format!("mid {mid}"), "CROSSED".to_owned()],
            Role::Warning,
        ),
        (Some(mid), false) => {
            let micro = view.metrics.map(|m| {
                let micro = digits::rounded(m.microprice, decimals.saturating_add(1));
                format!("micro {micro}")
            });
            let words = std::iter::once(format!("mid {mid}")).chain(micro);
            (words.collect(), Role::Value)
        }
        (None, _) => (vec!["one side is empty".to_owned()], Role::Warning),
    };
    let role = match trusted || view.is_crossed {
        true => role,
        false => Role::Dim,
    };
    // What matters more stands first; what does not fit whole is left out.
    let mut shown = String::new();
    for part in words {
        let longer = match shown.is_empty() {
            true => format!(" {part} "),
            false => format!("{shown}── {part} "),
        };
        if width(&longer) + 4 <= line.width {
            shown = longer;
        }
    }
    let x = left + (line.width - width(&shown)) / 2;
    put(buf, line, x, y, &shown, look.theme.style(role));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cursor_is_among_the_rungs_shown() {
        let cases = [
            (None, 5, (0, 0)),
            (Some((Side::Bid, 4)), 5, (0, 0)),
            (Some((Side::Bid, 5)), 5, (1, 0)),
            (Some((Side::Ask, 9)), 5, (0, 5)),
        ];
        for (cursor, room, firsts) in cases {
            assert_eq!(first_shown(cursor, room), firsts, "{cursor:?}");
        }
    }

    #[test]
    fn bars_to_the_left_are_as_long_as_their_share() {
        let bars = [0, 1, 4, 8].map(|value| bar_to_left(value, 8, 2));
        assert_eq!(bars, ["", "▐", "█", "██"]);
    }
}
