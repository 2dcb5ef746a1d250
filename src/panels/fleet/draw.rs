//! How a fleet looks: the verdict first, then figures, workers and log.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::{FleetPanel, KnownFleet, tiles};
use crate::model::{EventPace, FiguresFrom, Fleet, FleetTotals, Stamp, Worker};
use crate::panels::journal::{self, Entry, EntryKind};
use crate::panels::{Facts, Look, first_row};
use crate::ui::sparkline::sparkline;
use crate::ui::table::{self, Cell, Column};
use crate::ui::text::{put, select, width, wrap};
use crate::ui::{Role, number, pane::pane};

/// Rows of the upper pane: rule, verdict, tiles, pace, cross-check, mark.
pub const ROWS: u16 = 9;

/// Draws verdict, totals, pace and cross-check.
pub fn draw(panel: &FleetPanel, facts: &Facts, look: &Look<'_>, area: Rect, buf: &mut Buffer) {
    let theme = look.theme;
    let Some((name, known)) = shown(panel, facts) else {
        let inner = pane(buf, area, "fleet", "", look.focused, theme);
        let words = "no fleet yet: start with `ttyscope fleet://host:5000`";
        let (x, y) = (inner.left() + 1, inner.top());
        put(buf, inner, x, y, words, theme.style(Role::Dim));
        return;
    };
    let fleet = &*known.state;
    let since = number::age(look.at.since(fleet.verdict_since));
    let note = match fleet.figures_from {
        FiguresFrom::Push => format!("for {since}"),
        FiguresFrom::Rest => format!("figures from REST · for {since}"),
    };
    let inner = pane(
        buf,
        area,
        &format!("fleet · {name}"),
        &note,
        look.focused,
        theme,
    );
    draw_verdict(fleet, look, inner, buf);
    draw_tiles(known, look, below(inner, 2), buf);
    draw_pace(fleet, look, below(inner, 5), buf);
    draw_probe(fleet, look, below(inner, 6), buf);
    if let Some(mark) = fleet.marks.last() {
        let row = below(inner, 7);
        let when = number::clock(mark.at.unix_ns, look.utc_offset_s);
        let older = match fleet.marks.len() {
            1 => String::new(),
            all => format!(" ({all} marks)"),
        };
        let text = format!("{when}  {}{older}", mark.text);
        put(
            buf,
            row,
            row.left() + 1,
            row.top(),
            &text,
            theme.style(Role::Text),
        );
    }
}

fn shown<'a>(panel: &FleetPanel, facts: &'a Facts) -> Option<(&'a str, &'a KnownFleet)> {
    let source = panel.shown(facts)?;
    Some((&source.info.name, source.fleet.as_ref()?))
}

fn below(area: Rect, rows: u16) -> Rect {
    let rows = rows.min(area.height);
    Rect {
        y: area.y + rows,
        height: area.height - rows,
        ..area
    }
}

/// The one thing the eye must find.
fn draw_verdict(fleet: &Fleet, look: &Look<'_>, area: Rect, buf: &mut Buffer) {
    let (glyph, role) = tiles::mark(fleet.verdict);
    let word = format!("{glyph} {}", fleet.verdict.as_str().to_uppercase());
    let x = put(
        buf,
        area,
        area.left() + 1,
        area.top(),
        &word,
        look.theme.style(role),
    ) + 2;
    let role = if role == Role::Good {
        Role::Dim
    } else {
        Role::Text
    };
    let room = area.right().saturating_sub(x + 1);
    for (row, line) in (0..).zip(wrap(&fleet.evidence, room, 2)) {
        let y = area.top() + row;
        put(buf, area, x, y, &line, look.theme.style(role));
    }
}

type Total = (&'static str, fn(&FleetTotals) -> Option<u64>);

const TILES: [Total; 4] = [
    ("Attempts", |totals| totals.attempts),
    ("Succeeded", |totals| totals.succeeded),
    ("Failed", |totals| totals.failed),
    ("Workers", |totals| totals.workers),
];

fn draw_tiles(known: &KnownFleet, look: &Look<'_>, area: Rect, buf: &mut Buffer) {
    let style = |role| look.theme.style(role);
    let wide = area.width / 4;
    let fleet = &*known.state;
    for (place, (title, total)) in (0..).zip(TILES) {
        let tile = Rect {
            x: area.left() + place * wide,
            width: wide,
            height: area.height.min(3),
            ..area
        };
        let (x, y) = (tile.left() + 1, tile.top());
        let value = fleet.totals.as_ref().and_then(total);
        let value = value.map_or("-".to_owned(), number::count);
        let end = put(buf, tile, x, y, title, style(Role::Dim));
        put(buf, tile, end + 1, y, &value, style(Role::Value));
        put(
            buf,
            tile,
            x,
            y + 1,
            &beside(known, title, total),
            style(Role::Dim),
        );
        if title != "Workers" {
            let curve = sparkline(&known.growth(total), wide.saturating_sub(3));
            put(buf, tile, x, y + 2, &curve, style(Role::Graph));
            continue;
        }
        let paused = workers_that(fleet, |worker| worker.is_paused);
        let is_wrong = fleet.totals.is_some_and(|totals| totals.is_percent_wrong);
        let (text, role) = match is_wrong {
            // Of the tile beside: there is no room for it there.
            true => ("! wrong success %".to_owned(), Role::Warning),
            false => (format!("{paused} paused"), Role::Dim),
        };
        put(buf, tile, x, y + 2, &text, style(role));
    }
}

fn workers_that(fleet: &Fleet, is: impl Fn(&&Worker) -> bool) -> usize {
    let workers = fleet.workers.as_deref().unwrap_or_default();
    workers.iter().filter(is).count()
}

/// What stands below a tile's number.
fn beside(known: &KnownFleet, title: &str, total: fn(&FleetTotals) -> Option<u64>) -> String {
    let fleet = &*known.state;
    let rate = known.per_minute(total).map(|rate| format!("{rate:.1}/min"));
    let totals = fleet.totals.unwrap_or_default();
    let more = match title {
        "Succeeded" => totals
            .success_percent
            .map(|percent| format!("{percent:.1} %")),
        "Failed" => totals.limited.map(|limited| format!("{limited} limited")),
        "Workers" => {
            let operator = workers_that(fleet, |worker| worker.needs_operator);
            return format!("{operator} for the operator");
        }
        _ => None,
    };
    [rate, more]
        .into_iter()
        .flatten()
        .collect::<Vec<_>>()
        .join(", ")
}

/// Age and learned interval of each expected event: in a phrase where there is room for it.
fn draw_pace(fleet: &Fleet, look: &Look<'_>, area: Rect, buf: &mut Buffer) {
    const GAP: u16 = 3;
    let name = |pace: &EventPace| pace.event.trim_end_matches("_update").to_owned();
    let wide = |pace: &EventPace| {
        let words = width(&pace_words(pace, look.at, true));
        width(&name(pace)) + 1 + words + GAP
    };
    let in_full = fleet.pace.iter().map(wide).sum::<u16>() < area.width + GAP;
    let mut x = area.left() + 1;
    for pace in &fleet.pace {
        let age_s = pace.last.map(|last| look.at.since(last).as_secs_f64());
        let is_late = match (age_s, pace.interval_s) {
            (Some(age), Some(interval)) => age > 2.0 * interval + 1.0,
            _ => false,
        };
        let role = if is_late { Role::Warning } else { Role::Text };
        let dim = look.theme.style(Role::Dim);
        x = put(buf, area, x, area.top(), &name(pace), dim) + 1;
        let text = pace_words(pace, look.at, in_full);
        x = put(buf, area, x, area.top(), &text, look.theme.style(role)) + GAP;
    }
}

/// `2 s ago, every 10 s`, or shorter `2 s of 10 s`; without the interval while it is not known.
fn pace_words(pace: &EventPace, at: Stamp, in_full: bool) -> String {
    let age = match pace.last {
        None => "never".to_owned(),
        Some(last) => format!("{:.0} s", at.since(last).as_secs_f64()),
    };
    let ago = if pace.last.is_some() { " ago" } else { "" };
    match pace.interval_s {
        None => format!("{age}{ago}"),
        Some(every) if in_full => format!("{age}{ago}, every {every:.0} s"),
        Some(every) => format!("{age} of {every:.0} s"),
    }
}

fn draw_probe(fleet: &Fleet, look: &Look<'_>, area: Rect, buf: &mut Buffer) {
    let (text, role) = tiles::probe(fleet.probe.as_ref(), look.at);
    let y = area.top();
    let beat = match fleet.heartbeat {
        Some(at) => format!("heart-beat {} ago", number::age(look.at.since(at))),
        None => "no heart-beat yet".to_owned(),
    };
    let x = put(
        buf,
        area,
        area.left() + 1,
        y,
        &beat,
        look.theme.style(Role::Dim),
    ) + 3;
    put(buf, area, x, y, &text, look.theme.style(role));
}

const COLUMNS: [Column; 10] = [
    Column::number("no", 2, 0),
    Column::name("address", 8, 0),
    Column::words("state", 10, 10),
    Column::number("due", 5, 1),
    Column::number("done", 4, 2),
    Column::number("last OK", 9, 3),
    Column::number("last try", 9, 4),
    Column::name("marks", 5, 5),
    Column::name("status", 8, 6),
    Column::name("last failure", 12, 7),
];

/// Draws the table of workers.
pub fn draw_workers(
    panel: &FleetPanel,
    facts: &Facts,
    look: &Look<'_>,
    area: Rect,
    buf: &mut Buffer,
) {
    let theme = look.theme;
    let Some((_, known)) = shown(panel, facts) else {
        pane(buf, area, "workers", "", look.focused, theme);
        return;
    };
    let fleet = &*known.state;
    let workers = panel.workers(fleet);
    let all = fleet.workers.as_ref().map_or(0, Vec::len);
    let mut title = "workers".to_owned();
    if !panel.filter.is_empty() {
        title.push_str(&format!(" · /{}", panel.filter));
    }
    let note = match (workers.len(), fleet.workers_at) {
        (_, None) => String::new(),
        (shown, Some(at)) => {
            let age = number::age(look.at.since(at));
            let from = match fleet.figures_from {
                FiguresFrom::Push => "",
                FiguresFrom::Rest => "REST, ",
            };
            format!("{shown} of {all} · {from}{age} old")
        }
    };
    let inner = pane(buf, area, &title, &note, look.focused, theme);
    if workers.is_empty() {
        let words = match (&fleet.workers, all) {
            (None, _) => "no list of workers yet",
            (_, 0) => "no active workers",
            _ => "no worker matches: press Esc to see all of them",
        };
        let (x, y) = (inner.left() + 1, inner.top());
        put(buf, inner, x, y, words, theme.style(Role::Dim));
        return;
    }
    draw_rows(panel, &workers, fleet.workers_at, look, inner, buf);
}

fn draw_rows(
    panel: &FleetPanel,
    workers: &[&Worker],
    received: Option<Stamp>,
    look: &Look<'_>,
    inner: Rect,
    buf: &mut Buffer,
) {
    let theme = look.theme;
    let cursor = panel.cursor(workers);
    let list = below(inner, 1);
    let room = usize::from(list.height);
    let first = first_row(cursor.unwrap_or(0), workers.len(), room);
    let shown = workers.get(first..).unwrap_or(&[]);
    let cells: Vec<[Cell; 10]> = shown
        .iter()
        .take(room)
        .map(|worker| cells(worker, received, look.at))
        .collect();
    let table_area = Rect {
        x: inner.x + 1,
        width: inner.width.saturating_sub(1),
        ..inner
    };
    let rows = cells.iter().map(<[Cell; 10]>::as_slice);
    let places = table::places(&COLUMNS, rows, table_area.width);
    table::heading(buf, table_area, inner.top(), &COLUMNS, &places, theme);
    for (y, (index, row)) in (list.top()..).zip(cells.iter().enumerate()) {
        table::row(buf, table_area, y, &COLUMNS, &places, row, theme);
        if cursor == Some(first + index) {
            let row = Rect {
                y,
                height: 1,
                ..inner
            };
            select(buf, row, theme.style(Role::Selection));
        }
    }
}

fn cells(worker: &Worker, received: Option<Stamp>, at: Stamp) -> [Cell; 10] {
    let elapsed = received.map_or_else(Default::default, |received| at.since(received));
    let (state, role) = tiles::class(worker.class);
    let (flags, flags_role) = tiles::flags(worker);
    let text = |text: String| Cell::new(text, Role::Text);
    let failure = worker.last_failure.as_deref().unwrap_or_default();
    [
        text(worker.number.map_or("-".to_owned(), |n| n.to_string())),
        text(worker.address.to_string()),
        Cell::new(state, role),
        text(tiles::countdown(worker, elapsed)),
        text(worker.done.map_or("-".to_owned(), number::count)),
        text(tiles::ago(
            worker.last_ok.as_ref(),
            worker.last_ok_age_s,
            elapsed,
        )),
        text(tiles::ago(
            worker.last_try.as_ref(),
            worker.last_try_age_s,
            elapsed,
        )),
        Cell::new(flags, flags_role),
        text(tiles::status(&worker.status)),
        Cell::new(failure, Role::Dim),
    ]
}

/// Draws the newest lines of the server's log that pass the filter.
pub fn draw_log(panel: &FleetPanel, facts: &Facts, look: &Look<'_>, area: Rect, buf: &mut Buffer) {
    let who = panel.shown(facts).map(|source| source.info.name.clone());
    let filter = panel.filter.to_lowercase();
    let mine = |entry: &&Entry| {
        entry.kind == EntryKind::Log && Some(&entry.who) == who.as_ref() && entry.matches(&filter)
    };
    let inner = pane(buf, area, "server log", "", look.focused, look.theme);
    let room = usize::from(inner.height);
    let mut lines: Vec<&Entry> = facts
        .journal
        .entries()
        .rev()
        .filter(mine)
        .take(room)
        .collect();
    lines.reverse();
    if lines.is_empty() {
        let (x, y) = (inner.left() + 1, inner.top());
        put(buf, inner, x, y, "no line yet", look.theme.style(Role::Dim));
    }
    journal::draw::draw_lines(&lines, None, look, inner, buf);
}

/// Draws restarts, lost pushes and jumps, the newest below.
pub fn draw_marks(
    panel: &FleetPanel,
    facts: &Facts,
    look: &Look<'_>,
    area: Rect,
    buf: &mut Buffer,
) {
    let inner = pane(buf, area, "marks", "", look.focused, look.theme);
    let marks = shown(panel, facts).map_or(&[][..], |(_, known)| &known.state.marks);
    let style = |role| look.theme.style(role);
    if marks.is_empty() {
        let words = "no restart, loss or jump so far";
        put(
            buf,
            inner,
            inner.left() + 1,
            inner.top(),
            words,
            style(Role::Dim),
        );
    }
    let first = marks.len().saturating_sub(usize::from(inner.height));
    for (y, mark) in (inner.top()..).zip(marks.get(first..).unwrap_or(&[])) {
        let when = number::clock(mark.at.unix_ns, look.utc_offset_s);
        let x = put(buf, inner, inner.left() + 1, y, &when, style(Role::Dim)) + 2;
        let room = inner.right().saturating_sub(x);
        let text = match width(&mark.text) > room {
            true => crate::ui::text::fit(&mark.text, room),
            false => mark.text.to_string(),
        };
        put(buf, inner, x, y, &text, style(Role::Text));
    }
}
