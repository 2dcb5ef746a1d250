//! How the overview looks.

use std::time::Duration;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::{Below, Detail, INDENT, OverviewPanel};
use crate::model::{DiskRoom, Origin, Percentiles, RecorderState, Severity, Stamp, size_text};
use crate::panels::facts::{Facts, SourceFacts};
use crate::panels::{Look, Standing};
use crate::pipeline::{CameraSnapshot, SourceSnapshot, Stage};
use crate::ui::flow::{Item, flow, list};
use crate::ui::sparkline::sparkline;
use crate::ui::table::{Cell, Column, heading, places, row};
use crate::ui::text::{put, select};
use crate::ui::{Role, number, pane::pane};

/// In the order of reading; the last number says which leaves first on a narrow screen.
const COLUMNS: [Column; 9] = [
    Column::name("", 1, 0),
    Column::words("name", 6, 18),
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
    let detail = Detail::fitting(facts, look.at, inner.width, inner.height);
    let mixed = has_mixed_origins(facts);
    let blocks: Vec<Block<'_>> = facts
        .sources
        .iter()
        .map(|source| Block::of(source, mixed, look.at, inner.width, detail))
        .collect();
    let rows = blocks
        .iter()
        .flat_map(|block| std::iter::once(&block.cells).chain(&block.cameras))
        .map(Vec::as_slice);
    let places = places(&COLUMNS, rows, table.width);
    heading(buf, table, table.top(), &COLUMNS, &places, look.theme);
    let minute_at = table.left() + places.end;
    let room = table.width.saturating_sub(places.end);
    let minute = match places.missing {
        0 if room >= LEAST_SPARKLINE => room.min(60),
        _ => 0,
    };
    let dim = look.theme.style(Role::Dim);
    if minute > 0 {
        let title = format!("last {minute} s");
        put(buf, table, minute_at, table.top(), &title, dim);
    }
    let selected = panel.selected(facts);
    let heights: Vec<u16> = blocks.iter().map(|block| 1 + block.below.rows()).collect();
    let mut y = table.top() + 1;
    let room = table.height.saturating_sub(1);
    let first = first_shown(&heights, selected, room);
    let count = shown_from(&heights, first, room);
    let unseen = blocks.iter().enumerate();
    let unseen = unseen.filter(|(index, _)| !(first..first + count).contains(index));
    let note = not_shown(unseen.map(|(_, block)| block));
    pane(buf, area, "sources", &note, look.focused, look.theme);
    for (index, block) in blocks.iter().enumerate().skip(first) {
        if y >= table.bottom() {
            break;
        }
        row(buf, table, y, &COLUMNS, &places, &block.cells, look.theme);
        if let Some(figures) = &block.source.snapshot {
            let text = sparkline(&figures.last_minute, minute);
            let style = look.theme.style(Role::Graph);
            put(buf, table, minute_at, y, &text, style);
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
        for (line, role) in &block.below.explanation {
            let style = look.theme.style(*role);
            put(buf, inner, inner.left() + INDENT, y, line, style);
            y += 1;
        }
        for cells in &block.cameras {
            row(buf, table, y, &COLUMNS, &places, cells, look.theme);
            y += 1;
        }
        if let Some(about) = &block.below.about {
            put(buf, inner, inner.left() + INDENT + 1, y, about, dim);
            y += 1;
        }
    }
}

/// A source and everything below its row.
struct Block<'a> {
    is_wrong: bool,
    source: &'a SourceFacts,
    cells: Vec<Cell>,
    cameras: Vec<Vec<Cell>>,
    below: Below<'a>,
}

impl<'a> Block<'a> {
    fn of(source: &'a SourceFacts, mixed: bool, at: Stamp, columns: u16, detail: Detail) -> Self {
        let standing = Standing::of(source, at);
        let below = Below::of(source, &standing, columns, detail);
        Self {
            is_wrong: source.stops.trouble().is_some() || standing.severity >= Severity::Warning,
            source,
            cells: cells(source, &standing, mixed, at),
            cameras: below
                .cameras
                .iter()
                .map(|camera| camera_cells(camera, &standing, at))
                .collect(),
            below,
        }
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

/// How many sources from `first` on have their row on the screen.
fn shown_from(heights: &[u16], first: usize, room: u16) -> usize {
    let rows_before = heights.iter().skip(first).scan(0_u16, |sum, rows| {
        let before = *sum;
        *sum = sum.saturating_add(*rows);
        Some(before)
    });
    rows_before.take_while(|before| *before < room).count()
}

/// That there are more sources than rows, and whether something is wrong with those.
fn not_shown<'a, 'b: 'a>(unseen: impl Iterator<Item = &'a Block<'b>>) -> String {
    let (mut count, mut wrong) = (0, 0);
    for block in unseen {
        count += 1;
        wrong += usize::from(block.is_wrong);
    }
    match (count, wrong) {
        (0, _) => String::new(),
        (count, 0) => format!("{count} more"),
        (count, wrong) => format!("{count} more, {wrong} ✕"),
    }
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
    let glyph = match source.stops.trouble() {
        Some(_) => Cell::new("✕", Role::Error),
        None => Cell::new(standing.glyph, standing.role),
    };
    let state = Cell::new(standing.words.as_str(), standing.role);
    let Some(figures) = &source.snapshot else {
        let none = || Cell::new("-", Role::Dim);
        let mut cells = vec![glyph, name, state];
        cells.extend((0..6).map(|_| none()));
        return cells;
    };
    let (way, latency) = latency(figures);
    let timed = |way: &str, ns: u64| match latency.count {
        0 => Cell::new("-", Role::Dim),
        _ => Cell::new(format!("{way}{}", number::latency(ns)), quiet),
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
        timed(way, latency.p50_ns),
        timed("", latency.p99_ns),
    ]
}

/// The way that is timed: to the screen where pictures are drawn, else from the device, above the
/// quickest.
fn latency(figures: &SourceSnapshot) -> (&'static str, Percentiles) {
    [
        ("to screen ", Stage::ReceivedToDrawn),
        ("from device +", Stage::DeviceToReceived),
        ("in queue ", Stage::ReceivedToTaken),
    ]
    .map(|(way, stage)| (way, figures.stage(stage)))
    .into_iter()
    .find(|(_, times)| times.count > 0)
    .unwrap_or_default()
}

fn camera_cells(camera: &CameraSnapshot, standing: &Standing, at: Stamp) -> Vec<Cell> {
    let size = match camera.size_px {
        Some((wide, high)) => format!("{wide}x{high} {}", camera.encoding.as_str()),
        None => camera.encoding.as_str().to_owned(),
    };
    let lost_role = match camera.lost {
        0 => Role::Dim,
        _ => Role::Warning,
    };
    let age = number::age(at.since(camera.last_received));
    vec![
        Cell::new("", Role::Dim),
        Cell::new(format!("  {}", camera.detector), Role::Dim),
        Cell::new(size, Role::Dim),
        Cell::new(number::rate(camera.fps), Role::Dim),
        Cell::new(number::megabytes(camera.bytes_per_s), Role::Dim),
        Cell::new(
            age,
            match age_role(standing) {
                Role::Text => Role::Dim,
                trouble => trouble,
            },
        ),
        Cell::new(number::count(camera.lost), lost_role),
        Cell::new("", Role::Dim),
        Cell::new("", Role::Dim),
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
        RecorderState::Failed(_) | RecorderState::Waiting(_) => Role::Error,
        RecorderState::Recording if status.disk != DiskRoom::Roomy => Role::Error,
        RecorderState::Recording => Role::Recording,
        RecorderState::Draining => Role::Warning,
        RecorderState::Off => Role::Dim,
    };
    let first = match (&status.state, &status.file) {
        (RecorderState::Failed(why), _) => format!("✕ failed: {why}"),
        (RecorderState::Waiting(why), _) => format!(
            "✕ since {}: {why}; goes on by itself",
            number::clock(status.disk_since_unix_ns, look.utc_offset_s)
        ),
        (RecorderState::Recording, _) if status.disk != DiskRoom::Roomy => format!(
            "✕ disk full: {} since {}; {} left",
            status.disk.withheld(),
            number::clock(status.disk_since_unix_ns, look.utc_offset_s),
            status
                .free_bytes
                .map_or_else(|| "little".to_owned(), size_text)
        ),
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
    // What is wrong is said to its end.
    let most = if role == Role::Error { 4 } else { 2 };
    let mut y = room.top();
    let trouble = status
        .trouble
        .as_ref()
        .map(|why| (why.as_str(), Role::Error));
    for (words, role) in std::iter::once((first.as_str(), role)).chain(trouble) {
        for line in crate::ui::text::wrap(words, room.width.saturating_sub(1), most) {
            put(buf, room, room.left(), y, &line, look.theme.style(role));
            y += 1;
        }
    }
    let rest = Rect {
        y: y.min(room.bottom()),
        height: room.bottom().saturating_sub(y),
        ..room
    };
    let items = recorder_items(facts, can_record, look.at);
    let sources = facts.sources.len() + 1;
    if usize::from(rest.height) < items.len() {
        flow(buf, rest, &items, look.theme);
        return;
    }
    let y = rest.top() + list(buf, rest, &items, look.theme);
    if status.messages > 0 && usize::from(rest.bottom().saturating_sub(y)) >= sources {
        draw_taken(facts, look, y, rest, buf);
    }
}

/// What the recorder has of each source.
fn draw_taken(facts: &Facts, look: &Look<'_>, top: u16, area: Rect, buf: &mut Buffer) {
    const COLUMNS: [Column; 4] = [
        Column::words("from", 13, 13),
        Column::number("written", 8, 0),
        Column::number("lost", 5, 0),
        Column::number("waiting", 7, 1),
    ];
    let rows: Vec<Vec<Cell>> = facts
        .sources
        .iter()
        .filter_map(|source| {
            let disk = &source.snapshot.as_ref()?.disk;
            let lost_role = match disk.lost_total() {
                0 => Role::Dim,
                _ => Role::Error,
            };
            Some(vec![
                Cell::new(source.info.name.as_str(), Role::Text),
                Cell::new(number::count(disk.written), Role::Text),
                Cell::new(number::count(disk.lost_total()), lost_role),
                Cell::new(number::count(disk.in_flight), Role::Dim),
            ])
        })
        .collect();
    let places = places(&COLUMNS, rows.iter().map(Vec::as_slice), area.width);
    heading(buf, area, top, &COLUMNS, &places, look.theme);
    for (y, cells) in (top + 1..area.bottom()).zip(&rows) {
        row(buf, area, y, &COLUMNS, &places, cells, look.theme);
    }
}

fn recorder_items(facts: &Facts, can_record: bool, at: Stamp) -> Vec<Item> {
    let status = &facts.recorder;
    let is_writing = matches!(
        status.state,
        RecorderState::Recording | RecorderState::Draining
    );
    let mut items = Vec::new();
    let mut say = |label, value: String, role| items.push(Item::new(label, value, role));
    if is_writing && status.part > 0 {
        say("part", number::count(u64::from(status.part)), Role::Text);
    }
    if is_writing || status.messages > 0 {
        say("written", size_text(status.written_bytes), Role::Value);
    }
    if is_writing {
        let durable = Duration::from_nanos(at.mono_ns.saturating_sub(status.durable_mono_ns));
        // Every three seconds at most is promised; more is worth a look.
        let role = if durable > Duration::from_secs(10) {
            Role::Warning
        } else {
            Role::Text
        };
        let rate = number::throughput(facts.recorder_bytes_per_s);
        say("durable to", format!("{} ago", number::age(durable)), role);
        say("rate", rate, Role::Text);
    }
    if let (Some(free), true) = (status.free_bytes, can_record) {
        let rate = match is_writing {
            true => facts.recorder_bytes_per_s,
            false => arriving(facts),
        };
        // Frames stop before the disk is full; once they have, what is left is for the rest.
        let is_short = is_writing && status.disk != DiskRoom::Roomy;
        let usable = match is_short {
            true => free,
            false => free.saturating_sub(status.reserve_bytes),
        };
        let lasts = (rate >= 1.0).then(|| (usable as f64 / rate).min(1e9) as u64);
        let words = match lasts.map(Duration::from_secs) {
            Some(time) if is_short => format!("{} left without frames", number::age(time)),
            Some(time) => format!("{} left on the disk", number::age(time)),
            None => format!("{} free", size_text(free)),
        };
        let role = match lasts {
            Some(0..=1_800) => Role::Warning,
            _ => Role::Text,
        };
        say("room", words, role);
    }
    if is_writing || status.messages > 0 {
        let lost_role = match status.not_taken {
            0 => Role::Text,
            _ => Role::Error,
        };
        say("not taken", number::count(status.not_taken), lost_role);
        say("messages", number::count(status.messages), Role::Text);
        let channels = number::count(u64::from(status.channels));
        say("channels", channels, Role::Text);
    }
    if status.waiting > 0 {
        let (waiting, size) = (number::count(status.waiting), status.waiting_bytes);
        let words = format!("{waiting} ({})", size_text(size));
        say("waiting", words, Role::Text);
    }
    if let Some(kept) = &status.black_box {
        let (held, size) = (kept.held.as_secs(), size_text(kept.held_bytes));
        let (words, role) = match kept.is_saving {
            true => (format!("saving {held} s {size}"), Role::Recording),
            false => (format!("{held} s {size}"), Role::Text),
        };
        say("black box", words, role);
    }
    if status.latency.count > 0 {
        let (usual, slow) = (status.latency.p50_ns, status.latency.p99_ns);
        let times = format!("{} (p99 {})", number::latency(usual), number::latency(slow));
        say("written after", times, Role::Text);
    }
    items
}

/// Bytes per second that a recording begun now would have to take.
fn arriving(facts: &Facts) -> f64 {
    facts
        .sources
        .iter()
        .filter_map(|source| source.snapshot.as_ref())
        .map(|figures| figures.bytes_per_s)
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_is_shown_if_its_row_is_and_the_selected_one_whole() {
        let heights = [3, 1, 2, 3];
        let cases = [
            (6, 0, 0, 3),
            (6, 2, 0, 3),
            (6, 3, 1, 3),
            (9, 3, 0, 4),
            (0, 0, 0, 0),
        ];
        for (room, selected, first, shown) in cases {
            assert_eq!(first_shown(&heights, selected, room), first);
            assert_eq!(shown_from(&heights, first, room), shown, "of {room} rows");
        }
    }
}
