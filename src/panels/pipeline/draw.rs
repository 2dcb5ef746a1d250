//! How the pipeline looks.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::{LatencyLine, LedgerLine, PipelinePanel, latency_lines, ledger_lines};
use crate::model::Stamp;
use crate::panels::Look;
use crate::panels::facts::Facts;
use crate::pipeline::{PictureDetail, TerminalStats};
use crate::ui::flow::{Item, flow};
use crate::ui::sparkline::bar;
use crate::ui::table::{Cell, Column, heading, places, row};
use crate::ui::text::{put, put_right};
use crate::ui::{Role, number, pane::pane};

/// In the order of the sum; the last number says which leaves first on a narrow screen. What tells
/// of trouble stays longest.
const COLUMNS: [Column; 12] = [
    Column::name("source", 6, 0),
    Column::name("lane", 8, 0),
    Column::number("received", 8, 0),
    Column::number("shown", 7, 1),
    Column::number("coalesced", 9, 2),
    Column::number("rec only", 8, 3),
    Column::number("dropped", 7, 0),
    Column::number("in flight", 9, 4),
    Column::number("residue", 7, 0),
    Column::number("depth/bound", 11, 6),
    Column::number("most", 5, 7),
    Column::number("oldest", 6, 5),
];

/// Draws the ledger.
pub fn draw_ledger(
    panel: &PipelinePanel,
    facts: &Facts,
    look: &Look<'_>,
    area: Rect,
    buf: &mut Buffer,
) {
    let mut lines = ledger_lines(facts);
    for line in &mut lines {
        if let LedgerLine::Account(cells, Some(oldest)) = line
            && let Some(cell) = cells.last_mut()
        {
            let since = Stamp {
                mono_ns: *oldest,
                unix_ns: 0,
            };
            *cell = Cell::new(number::age(look.at.since(since)), Role::Text);
        }
    }
    let accounts = lines.iter().filter_map(|line| match line {
        LedgerLine::Account(cells, _) => Some(cells.as_slice()),
        LedgerLine::Note(..) => None,
    });
    let room = area.width.saturating_sub(2);
    let places = places(&COLUMNS, accounts, room);
    let note = match places.missing {
        0 => String::new(),
        1 => "1 column more on a wider screen".to_owned(),
        n => format!("{n} columns more on a wider screen"),
    };
    let inner = pane(buf, area, "ledger", &note, look.focused, look.theme);
    let table = Rect {
        x: inner.x + 1,
        width: inner.width.saturating_sub(2),
        ..inner
    };
    if lines.is_empty() {
        let words = "nothing received yet: every item will stand in exactly one column here";
        put(
            buf,
            table,
            table.left(),
            table.top(),
            words,
            look.theme.style(Role::Dim),
        );
        return;
    }
    heading(buf, table, table.top(), &COLUMNS, &places, look.theme);
    let rows = usize::from(table.height.saturating_sub(1));
    let first = panel.ledger_row().min(lines.len().saturating_sub(rows));
    for (y, line) in (table.top() + 1..table.bottom()).zip(lines.iter().skip(first)) {
        match line {
            LedgerLine::Account(cells, _) => {
                row(buf, table, y, &COLUMNS, &places, cells, look.theme)
            }
            LedgerLine::Note(text, role) => {
                put(
                    buf,
                    table,
                    table.left() + 2,
                    y,
                    text,
                    look.theme.style(*role),
                );
            }
        }
    }
}

/// Columns of a percentile.
const TIME: u16 = 9;
/// Columns of a stage's name.
const STAGE: u16 = 20;

/// Draws where the time goes: the bar reaches to p50 in full and to p99 in a thin line.
pub fn draw_latency(
    panel: &PipelinePanel,
    facts: &Facts,
    look: &Look<'_>,
    area: Rect,
    buf: &mut Buffer,
) {
    let inner = pane(
        buf,
        area,
        "where the time goes",
        "",
        look.focused,
        look.theme,
    );
    let lines = latency_lines(facts);
    let style = |role| look.theme.style(role);
    if lines.is_empty() {
        put(
            buf,
            inner,
            inner.left() + 1,
            inner.top(),
            "nothing timed yet",
            style(Role::Dim),
        );
        return;
    }
    let shown = Shown::of(inner.width);
    let left = inner.left() + 1 + STAGE;
    for (number, title) in (1..).zip(["p50", "p90", "p99"].into_iter().take(shown.times)) {
        put_right(
            buf,
            inner,
            left + number * TIME,
            inner.top(),
            title,
            style(Role::Dim),
        );
    }
    let most = lines
        .iter()
        .map(|line| match line {
            LatencyLine::Stage(_, times) => times.p90_ns,
            LatencyLine::Source(_) => 0,
        })
        .max()
        .unwrap_or(0);
    let rows = usize::from(inner.height.saturating_sub(1));
    let first = panel.latency_row().min(lines.len().saturating_sub(rows));
    for (y, line) in (inner.top() + 1..inner.bottom()).zip(lines.iter().skip(first)) {
        match line {
            LatencyLine::Source(name) => {
                put(buf, inner, inner.left() + 1, y, name, style(Role::Title));
            }
            LatencyLine::Stage(stage, times) => {
                put(
                    buf,
                    inner,
                    inner.left() + 3,
                    y,
                    stage.as_str(),
                    style(Role::Text),
                );
                let all = [times.p50_ns, times.p90_ns, times.p99_ns];
                for (number, ns) in (1..).zip(all.into_iter().take(shown.times)) {
                    let role = if number == 1 { Role::Value } else { Role::Text };
                    put_right(
                        buf,
                        inner,
                        left + number * TIME,
                        y,
                        &number::latency(ns),
                        style(role),
                    );
                }
                let at = left + shown.times as u16 * TIME + 2;
                let line = "╌".repeat(bar(times.p90_ns, most, shown.bar).chars().count());
                put(buf, inner, at, y, &line, style(Role::Dim));
                put(
                    buf,
                    inner,
                    at,
                    y,
                    &bar(times.p50_ns, most, shown.bar),
                    style(Role::Graph),
                );
            }
        }
    }
}

/// What there is room for.
struct Shown {
    times: usize,
    bar: u16,
}

impl Shown {
    fn of(columns: u16) -> Self {
        let room = columns.saturating_sub(1 + STAGE);
        let times = usize::from(room / TIME).min(3);
        let rest = room.saturating_sub(times as u16 * TIME);
        Self {
            times,
            bar: rest.saturating_sub(3).min(60),
        }
    }
}

/// Draws the loop and the terminal.
pub fn draw_loop(facts: &Facts, look: &Look<'_>, area: Rect, buf: &mut Buffer) {
    let inner = pane(buf, area, "loop and terminal", "", false, look.theme);
    let (turns, terminal) = (&facts.turns, &facts.terminal);
    let warn = |bad: bool| if bad { Role::Warning } else { Role::Text };
    let ms = |ns: u64| ns / 1_000_000;
    let mut items = vec![
        Item::new(
            "turns",
            format!("{}/s", number::rate(turns.turns_hz)),
            Role::Text,
        ),
        Item::new(
            "busy",
            format!("{:.0} %", turns.busy * 100.0),
            warn(turns.busy > 0.8),
        ),
        Item::new(
            "longest",
            number::latency(turns.longest_ns),
            warn(ms(turns.longest_ns) > 50),
        ),
        Item::new(
            "over 50 ms",
            number::count(turns.slow_turns),
            warn(turns.slow_turns > 0),
        ),
        Item::new("tty", number::throughput(terminal.bytes_per_s), Role::Text),
        Item::new(
            "blocked",
            number::latency(terminal.blocked_ns),
            warn(ms(terminal.blocked_ns) > 100),
        ),
        Item::new("drawn", number::count(terminal.drawn), Role::Text),
        Item::new(
            "pictures skipped",
            number::count(terminal.skipped),
            warn(terminal.skipped > 0),
        ),
    ];
    items.extend(link(terminal));
    let room = Rect {
        x: inner.x + 1,
        width: inner.width.saturating_sub(1),
        ..inner
    };
    flow(buf, room, &items, look.theme);
}

/// What is known of the link to the terminal, and what that costs the pictures.
fn link(terminal: &TerminalStats) -> Vec<Item> {
    let round_trip = terminal
        .round_trip_ns
        .map_or("-".to_owned(), number::latency);
    let takes = terminal
        .capacity_bytes_per_s
        .map_or("-".to_owned(), number::throughput);
    let PictureDetail { bits, block } = terminal.detail;
    let detail = match block {
        (1, 1) => format!("{bits} bit"),
        (cols, rows) => format!("{bits} bit, {cols}x{rows} cells a dot"),
    };
    let role = match terminal.detail.is_full() {
        true => Role::Text,
        false => Role::Warning,
    };
    vec![
        Item::new("round trip", round_trip, Role::Text),
        Item::new("takes", takes, Role::Text),
        Item::new(
            "img",
            format!("{} fps", number::rate(terminal.pictures_hz)),
            Role::Text,
        ),
        Item::new("detail", detail, role),
    ]
}
