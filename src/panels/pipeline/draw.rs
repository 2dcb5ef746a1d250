//! How the pipeline looks.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::PipelinePanel;
use crate::model::ledger::DiskCounts;
use crate::model::{DropReason, LaneKind, Percentiles, Stamp};
use crate::panels::Look;
use crate::panels::facts::Facts;
use crate::pipeline::{LaneSnapshot, Stage};
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

/// A line of the ledger.
#[derive(Clone, Debug, PartialEq)]
pub enum LedgerLine {
    /// A row of the table; the age of the oldest item is filled in when drawn.
    Account(Vec<Cell>, Option<u64>),
    /// What is wrong with the account above.
    Note(String, Role),
}

/// All lines of the ledger.
pub fn ledger_lines(facts: &Facts) -> Vec<LedgerLine> {
    let mut lines = Vec::new();
    for source in &facts.sources {
        let Some(snapshot) = &source.snapshot else {
            continue;
        };
        let name = source.info.name.as_str();
        for (index, lane) in LaneKind::ALL.into_iter().enumerate() {
            let figures = snapshot.lane(lane);
            let shown_name = if index == 0 { name } else { "" };
            let oldest = figures.gauge.oldest_mono_ns;
            lines.push(LedgerLine::Account(
                lane_cells(shown_name, lane, figures),
                oldest,
            ));
            push_drops(&mut lines, lane.as_str(), &figures.counts.dropped);
        }
        lines.push(LedgerLine::Account(disk_cells(&snapshot.disk), None));
        push_drops(&mut lines, "recorder", &snapshot.disk.lost);
        let residue = snapshot.residue();
        if residue != 0 {
            lines.push(LedgerLine::Note(
                format!(
                    "✕ the books of {name} do not balance: {} unexplained; please report this",
                    number::signed(residue)
                ),
                Role::Error,
            ));
        }
    }
    lines
}

fn push_drops(lines: &mut Vec<LedgerLine>, lane: &str, dropped: &[u64]) {
    let reasons: Vec<String> = DropReason::ALL
        .into_iter()
        .zip(dropped)
        .filter(|(_, count)| **count > 0)
        .map(|(reason, count)| format!("{} {}", number::count(*count), reason.as_str()))
        .collect();
    if !reasons.is_empty() {
        let text = format!("! {lane} dropped: {}", reasons.join(", "));
        lines.push(LedgerLine::Note(text, Role::Warning));
    }
}

fn counted(value: u64) -> Cell {
    let role = if value == 0 { Role::Dim } else { Role::Text };
    Cell::new(number::count(value), role)
}

fn lost(value: u64) -> Cell {
    let role = if value == 0 { Role::Dim } else { Role::Warning };
    Cell::new(number::count(value), role)
}

fn residue(value: i64) -> Cell {
    let role = if value == 0 { Role::Dim } else { Role::Error };
    Cell::new(number::signed(value), role)
}

fn lane_cells(name: &str, lane: LaneKind, figures: &LaneSnapshot) -> Vec<Cell> {
    let counts = &figures.counts;
    let gauge = &figures.gauge;
    let depth = format!(
        "{}/{}",
        number::count(gauge.depth as u64),
        number::count(gauge.bound as u64)
    );
    let full = gauge.bound > 1 && gauge.depth * 10 >= gauge.bound * 9;
    let depth_role = match (full, gauge.depth) {
        (true, _) => Role::Warning,
        (_, 0) => Role::Dim,
        _ => Role::Text,
    };
    vec![
        Cell::new(name, Role::Text),
        Cell::new(lane.as_str(), Role::Text),
        counted(counts.received),
        counted(counts.shown),
        counted(counts.coalesced),
        counted(counts.recorded_only),
        lost(counts.dropped_total()),
        counted(counts.in_flight),
        residue(counts.residue()),
        Cell::new(depth, depth_role),
        counted(gauge.high_water as u64),
        Cell::new("-", Role::Dim),
    ]
}

/// The recorder's account in the same columns: accepted, written, lost, in flight.
fn disk_cells(disk: &DiskCounts) -> Vec<Cell> {
    let none = || Cell::new("-", Role::Dim);
    vec![
        Cell::new("", Role::Text),
        Cell::new("recorder", Role::Text),
        counted(disk.accepted),
        none(),
        none(),
        counted(disk.written),
        lost(disk.lost_total()),
        counted(disk.in_flight),
        residue(disk.residue()),
        none(),
        none(),
        none(),
    ]
}

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

/// A line of the latencies.
#[derive(Clone, Debug, PartialEq)]
pub enum LatencyLine {
    /// The source that the following lines belong to.
    Source(String),
    /// One stage.
    Stage(Stage, Percentiles),
}

/// All lines of the latencies.
pub fn latency_lines(facts: &Facts) -> Vec<LatencyLine> {
    let mut lines = Vec::new();
    for source in &facts.sources {
        let Some(snapshot) = &source.snapshot else {
            continue;
        };
        let stages: Vec<LatencyLine> = Stage::ALL
            .into_iter()
            .map(|stage| (stage, snapshot.stage(stage)))
            .filter(|(_, times)| times.count > 0)
            .map(|(stage, times)| LatencyLine::Stage(stage, times))
            .collect();
        if !stages.is_empty() {
            lines.push(LatencyLine::Source(source.info.name.to_string()));
            lines.extend(stages);
        }
    }
    lines
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
    let items = [
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
    let room = Rect {
        x: inner.x + 1,
        width: inner.width.saturating_sub(1),
        ..inner
    };
    flow(buf, room, &items, look.theme);
}
