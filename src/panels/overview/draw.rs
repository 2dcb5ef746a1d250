//! How the overview looks.

use std::time::Duration;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::{INDENT, OverviewPanel, explanation};
use crate::model::{Origin, RecorderState, Stamp};
use crate::panels::facts::{Facts, SourceFacts};
use crate::panels::{Look, Standing};
use crate::pipeline::Stage;
use crate::ui::flow::{Item, flow};
use crate::ui::sparkline::sparkline;
use crate::ui::table::{Cell, Column, heading, places, row};
use crate::ui::text::{put, select, width};
use crate::ui::{Role, number, pane::pane};

/// In the order of reading; the last number says which leaves first on a narrow screen.
const COLUMNS: [Column; 9] = [
    Column::name("", 1, 0),
    Column::name("name", 6, 0),
    Column::words("state", 9, 24),
    Column::number("rate/s", 7, 1),
    Column::number("MB/s", 6, 4),
    Column::number("age", 6, 2),
    Column::number("lost", 5, 3),
    Column::number("latency p50", 8, 5),
    Column::number("p99", 7, 6),
];

/// A minute is worth showing from so many columns on.
const LEAST_SPARKLINE: u16 = 10;

/// Draws the table of sources.
pub fn draw(panel: &OverviewPanel, facts: &Facts, look: &Look<'_>, area: Rect, buf: &mut Buffer) {
    let inner = pane(buf, area, "sources", "", look.focused, look.theme);
    let table = Rect {
        x: inner.x + 1,
        width: inner.width.saturating_sub(2),
        ..inner
    };
    if facts.sources.is_empty() {
        draw_empty(look, inner, buf);
        return;
    }
    let standings: Vec<Standing> = facts
        .sources
        .iter()
        .map(|source| Standing::of(source, look.at))
        .collect();
    let rows: Vec<Vec<Cell>> = facts
        .sources
        .iter()
        .zip(&standings)
        .map(|(source, standing)| cells(source, standing, has_mixed_origins(facts), look.at))
        .collect();
    let places = places(&COLUMNS, rows.iter().map(Vec::as_slice), table.width);
    let behind = Behind::of(
        facts,
        table.width.saturating_sub(places.end),
        places.missing,
    );
    heading(buf, table, table.top(), &COLUMNS, &places, look.theme);
    let minute_at = table.left() + places.end;
    let where_at = minute_at + behind.minute + 2;
    let dim = look.theme.style(Role::Dim);
    if behind.minute > 0 {
        let title = format!("last {} s", behind.minute);
        put(buf, table, minute_at, table.top(), &title, dim);
    }
    if behind.has_address {
        put(buf, table, where_at, table.top(), "where", dim);
    }
    let selected = panel.selected(facts);
    let heights: Vec<u16> = standings
        .iter()
        .map(|standing| 1 + explanation(standing, inner.width).len() as u16)
        .collect();
    let mut y = table.top() + 1;
    for index in first_shown(&heights, selected, table.height.saturating_sub(1))..rows.len() {
        if y >= table.bottom() {
            break;
        }
        row(buf, table, y, &COLUMNS, &places, &rows[index], look.theme);
        let source = &facts.sources[index];
        if let Some(figures) = &source.snapshot {
            let text = sparkline(&figures.last_minute, behind.minute);
            put(
                buf,
                table,
                minute_at,
                y,
                &text,
                look.theme.style(Role::Graph),
            );
        }
        if behind.has_address {
            put(buf, table, where_at, y, &address(source), dim);
        }
        if index == selected && look.focused {
            let line = Rect {
                y,
                height: 1,
                ..inner
            };
            select(buf, line, look.theme.style(Role::Selection));
        }
        y += 1;
        for line in explanation(&standings[index], inner.width) {
            let style = look.theme.style(standings[index].role);
            put(buf, inner, inner.left() + INDENT, y, &line, style);
            y += 1;
        }
    }
}

/// What stands behind the columns, if there is room.
struct Behind {
    /// Seconds of the last minute, one column each.
    minute: u16,
    has_address: bool,
}

impl Behind {
    fn of(facts: &Facts, room: u16, missing: usize) -> Self {
        let longest = facts.sources.iter().map(|source| width(&address(source)));
        let addresses = longest.max().unwrap_or(0) + 2;
        let has_address = missing == 0 && room >= addresses + 30;
        let minute = room - if has_address { addresses } else { 0 };
        let has_minute = missing == 0 && minute >= LEAST_SPARKLINE;
        Self {
            minute: if has_minute { minute.min(60) } else { 0 },
            has_address,
        }
    }
}

/// Where a source is, and what has to be known about that.
fn address(source: &SourceFacts) -> String {
    match &source.info.caution {
        Some(caution) => format!("{} · {caution}", source.info.address),
        None => source.info.address.to_string(),
    }
}

/// The first source to show so that the selected one is whole on the screen.
fn first_shown(heights: &[u16], selected: usize, room: u16) -> usize {
    let mut first = 0;
    let until = |first: usize| -> u16 { heights[first..=selected].iter().sum() };
    while first < selected && until(first) > room {
        first += 1;
    }
    first
}

fn draw_empty(look: &Look<'_>, area: Rect, buf: &mut Buffer) {
    let words = [
        "no source yet: start with `ttyscope imswitch://host:8001`",
        "or write one into the configuration; `ttyscope check` says what is in it",
    ];
    for (y, line) in (area.top()..).zip(words) {
        put(
            buf,
            area,
            area.left() + 3,
            y,
            line,
            look.theme.style(Role::Text),
        );
    }
}

/// Whether the top line cannot speak for all sources.
fn has_mixed_origins(facts: &Facts) -> bool {
    let mut origins = facts.sources.iter().map(|source| source.info.origin);
    let first = origins.next();
    origins.any(|origin| Some(origin) != first)
}

fn cells(source: &SourceFacts, standing: &Standing, mixed: bool, at: Stamp) -> Vec<Cell> {
    let quiet = Role::Text;
    let name = if mixed && source.info.origin == Origin::Simulated {
        format!("{} SIM", source.info.name)
    } else {
        source.info.name.to_string()
    };
    let name = Cell::new(name, Role::Text);
    let glyph = Cell::new(standing.glyph, standing.role);
    let state = Cell::new(standing.words.as_str(), standing.role);
    let Some(figures) = &source.snapshot else {
        let none = || Cell::new("-", Role::Dim);
        let mut cells = vec![glyph, name, state];
        cells.extend((0..6).map(|_| none()));
        return cells;
    };
    let latency = match figures.stage(Stage::ReceivedToDrawn) {
        drawn if drawn.count > 0 => drawn,
        _ => figures.stage(Stage::ReceivedToTaken),
    };
    let timed = |ns: u64| match latency.count {
        0 => Cell::new("-", Role::Dim),
        _ => Cell::new(number::latency(ns), quiet),
    };
    let age = match figures.last_received {
        Some(last) => Cell::new(number::age(at.since(last)), age_role(standing)),
        None => Cell::new("-", Role::Dim),
    };
    let lost = figures.lost();
    let lost = Cell::new(
        number::count(lost),
        if lost > 0 { Role::Warning } else { Role::Dim },
    );
    vec![
        glyph,
        name,
        state,
        Cell::new(number::rate(figures.rate_hz), quiet),
        Cell::new(number::megabytes(figures.bytes_per_s), quiet),
        age,
        lost,
        timed(latency.p50_ns),
        timed(latency.p99_ns),
    ]
}

fn age_role(standing: &Standing) -> Role {
    match standing.role {
        Role::Warning | Role::Error => standing.role,
        _ => Role::Text,
    }
}

/// Draws what the recorder is doing.
pub fn draw_recorder(
    facts: &Facts,
    can_record: bool,
    look: &Look<'_>,
    area: Rect,
    buf: &mut Buffer,
) {
    let inner = pane(buf, area, "recorder", "", look.focused, look.theme);
    let room = Rect {
        x: inner.x + 1,
        width: inner.width.saturating_sub(1),
        ..inner
    };
    let status = &facts.recorder;
    let role = match status.state {
        RecorderState::Failed(_) => Role::Error,
        RecorderState::Recording => Role::Recording,
        RecorderState::Draining => Role::Warning,
        RecorderState::Off => Role::Dim,
    };
    let first = match (&status.state, &status.file) {
        (RecorderState::Failed(why), _) => format!("✕ failed: {why}"),
        (RecorderState::Off, _) if !can_record => "this run has no recorder".to_owned(),
        (RecorderState::Off, None) => "not recording: R starts".to_owned(),
        (RecorderState::Off, Some(file)) => format!("not recording; last file {file}"),
        (RecorderState::Draining, file) => {
            let file = file.as_ref().map_or("", |file| file.as_str());
            format!("stopping {file}: writing what waits")
        }
        (RecorderState::Recording, file) => {
            let file = file.as_ref().map_or("", |file| file.as_str());
            format!("● {file}")
        }
    };
    let lines = crate::ui::text::wrap(&first, room.width.saturating_sub(1), 2);
    let mut y = room.top();
    for line in &lines {
        put(buf, room, room.left(), y, line, look.theme.style(role));
        y += 1;
    }
    if status.state == RecorderState::Off && status.messages == 0 {
        return;
    }
    let rest = Rect {
        y: y.min(room.bottom()),
        height: room.bottom().saturating_sub(y),
        ..room
    };
    flow(buf, rest, &recorder_items(facts, look.at), look.theme);
}

fn recorder_items(facts: &Facts, at: Stamp) -> Vec<Item> {
    let status = &facts.recorder;
    let mut items = vec![Item::new(
        "",
        number::bytes(status.written_bytes),
        Role::Value,
    )];
    if matches!(
        status.state,
        RecorderState::Recording | RecorderState::Draining
    ) {
        let durable = Duration::from_nanos(at.mono_ns.saturating_sub(status.durable_mono_ns));
        // Every three seconds at most is promised; more is worth a look.
        let role = if durable > Duration::from_secs(10) {
            Role::Warning
        } else {
            Role::Text
        };
        items.push(Item::new(
            "durable to",
            format!("{} ago", number::age(durable)),
            role,
        ));
        items.push(Item::new(
            "",
            number::throughput(facts.recorder_bytes_per_s),
            Role::Text,
        ));
        if let Some(left) = time_left(facts) {
            items.push(Item::new("", format!("{left} left"), Role::Text));
        }
    }
    let lost = status.not_taken;
    items.push(Item::new(
        "not taken",
        number::count(lost),
        if lost > 0 { Role::Error } else { Role::Text },
    ));
    items.push(Item::new(
        "messages",
        number::count(status.messages),
        Role::Text,
    ));
    items.push(Item::new(
        "channels",
        number::count(u64::from(status.channels)),
        Role::Text,
    ));
    if status.waiting > 0 {
        let waiting = format!(
            "{} ({})",
            number::count(status.waiting),
            number::bytes(status.waiting_bytes)
        );
        items.push(Item::new("waiting", waiting, Role::Text));
    }
    if status.latency.count > 0 {
        let (usual, slow) = (status.latency.p50_ns, status.latency.p99_ns);
        let times = format!("{} (p99 {})", number::latency(usual), number::latency(slow));
        items.push(Item::new("written after", times, Role::Text));
    }
    items
}

/// How long the disk lasts at the present rate.
fn time_left(facts: &Facts) -> Option<String> {
    let free = facts.recorder.free_bytes? as f64;
    let rate = facts.recorder_bytes_per_s;
    if rate < 1.0 {
        return None;
    }
    Some(number::age(Duration::from_secs(
        (free / rate).min(1e9) as u64
    )))
}
