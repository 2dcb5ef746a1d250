//! How the scope looks.

use std::time::Duration;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::widgets::Widget;

use super::{ScopePanel, Subject, picture_room, subject_name, verdict};
use crate::imaging::Picture;
use crate::model::{LaneKind, LinkState, Severity, Stamp};
use crate::panels::facts::{Facts, SourceFacts};
use crate::panels::{Look, Standing};
use crate::pipeline::{CameraSnapshot, Stage};
use crate::ui::flow::{Item, flow};
use crate::ui::picture::finish;
use crate::ui::text::{clear, fit, put, width, wrap};
use crate::ui::{PictureWidget, Role, number, pane::pane};

/// A picture older than this is not live any more; slower cameras get four of their intervals.
const STALE_AFTER: Duration = Duration::from_secs(2);
/// A server says its count every five seconds; after three of them it says nothing any more.
const PACE_HOLDS: Duration = Duration::from_secs(16);

/// Draws the picture with its figures.
pub fn draw_picture(
    panel: &ScopePanel,
    facts: &Facts,
    look: &Look<'_>,
    area: Rect,
    buf: &mut Buffer,
) {
    let Some(subject) = panel.subject(facts) else {
        let inner = pane(buf, area, "scope", "", look.focused, look.theme);
        say(
            buf,
            inner,
            look,
            "no source yet: start with `ttyscope imswitch://host:8001`",
        );
        return;
    };
    let Some(source) = facts.source(subject.source) else {
        return;
    };
    let picture = subject.camera().and_then(|key| facts.pictures.get(&key));
    let camera = subject
        .detector
        .as_ref()
        .and_then(|name| source.camera(name));
    let parts = descriptions(&subject, source, camera, picture.map(AsRef::as_ref));
    let (title, said) = title(&parts, area.width.saturating_sub(8));
    pane(
        buf,
        area,
        &title,
        &place_among(&subject, facts),
        look.focused,
        look.theme,
    );
    let room = picture_room(area);
    match picture {
        Some(picture) => {
            widget(picture, look).render(room.picture, buf);
            if let Some(words) = held_words(source, camera, picture, look.at) {
                draw_held(&words, look, room.picture, buf);
            }
        }
        None => say(
            buf,
            room.picture,
            look,
            &why_no_picture(source, camera, look),
        ),
    }
    let mut items = figures(&subject, source, camera, picture.map(AsRef::as_ref), look);
    let behind_the_rates = 3.min(items.len());
    let unsaid = parts.into_iter().skip(said);
    items.splice(
        behind_the_rates..behind_the_rates,
        unsaid.map(|part| Item::new("", part, Role::Text)),
    );
    flow(buf, room.figures, &items, look.theme);
}

fn widget<'a>(picture: &'a Picture, look: &'a Look<'_>) -> PictureWidget<'a> {
    PictureWidget::new(picture, look.theme, look.color_depth)
        .glyphs(look.graphics.glyphs())
        .protocol(look.graphics.protocol())
}

/// Puts the pixels of the picture into the cells that [`draw_picture`] has kept for them, behind all
/// that was drawn over it since.
pub fn finish_picture(
    panel: &ScopePanel,
    facts: &Facts,
    look: &Look<'_>,
    area: Rect,
    buf: &mut Buffer,
) {
    let camera = panel.subject(facts).and_then(|subject| subject.camera());
    let picture = camera.and_then(|camera| facts.pictures.get(&camera));
    let room = picture_room(area).picture.intersection(buf.area);
    if let Some(picture) = picture
        && let Some((place, pixels)) = widget(picture, look).pixels(room)
    {
        finish(pixels, place, buf);
    }
}

/// What the title says of the picture, most important first. What finds no room there stands among
/// the figures, so that no number is ever cut.
fn descriptions(
    subject: &Subject,
    source: &SourceFacts,
    camera: Option<&CameraSnapshot>,
    picture: Option<&Picture>,
) -> Vec<String> {
    let mut parts = vec![match &subject.detector {
        Some(detector) => format!("{} · {detector}", source.info.name),
        None => source.info.name.to_string(),
    }];
    if let Some(number) = picture.and_then(|picture| picture.number) {
        parts.push(format!("frame {}", number::count(number)));
    }
    let size = camera
        .and_then(|camera| camera.size_px)
        .or(picture.map(|picture| picture.frame_size_px));
    if let Some((wide, high)) = size {
        parts.push(format!("{wide}x{high}"));
    }
    if let Some(picture) = picture {
        parts.push(format!("{} bit", picture.bit_depth));
    }
    parts
}

/// As many of the parts as fit, joined, and how many those are.
fn title(parts: &[String], room: u16) -> (String, usize) {
    let mut title = String::new();
    for (index, part) in parts.iter().enumerate() {
        let gap = if index == 0 { "" } else { "  " };
        if index > 0 && width(&title) + width(part) + 2 > room {
            return (title, index);
        }
        title.push_str(gap);
        title.push_str(part);
    }
    (title, parts.len())
}

fn place_among(subject: &Subject, facts: &Facts) -> String {
    let all = ScopePanel::subjects(facts);
    let place = all.iter().position(|other| other == subject).unwrap_or(0) + 1;
    match all.len() {
        0 | 1 => String::new(),
        many => format!("{place} of {many}"),
    }
}

/// What to say of a picture that is not live, if it is not.
fn held_words(
    source: &SourceFacts,
    camera: Option<&CameraSnapshot>,
    picture: &Picture,
    at: Stamp,
) -> Option<String> {
    let age = at.since(picture.received);
    let interval = camera
        .filter(|camera| camera.fps > 0.0)
        .map_or(Duration::ZERO, |camera| {
            Duration::from_secs_f64((4.0 / camera.fps).min(3_600.0))
        });
    match &source.link {
        Some(LinkState::Down { .. } | LinkState::Connecting { .. }) => Some(format!(
            "‖ held: last frame before the link was lost, {} ago",
            number::age(age)
        )),
        Some(LinkState::Ended) => Some("‖ held: last frame".to_owned()),
        _ if age > STALE_AFTER.max(interval) => {
            Some(format!("◐ stale: last frame {} ago", number::age(age)))
        }
        _ => None,
    }
}

fn draw_held(words: &str, look: &Look<'_>, area: Rect, buf: &mut Buffer) {
    if area.height == 0 {
        return;
    }
    let text = fit(&format!(" {words} "), area.width);
    let wide = width(&text);
    let line = Rect {
        x: area.left() + (area.width - wide) / 2,
        y: area.bottom() - 1,
        width: wide,
        height: 1,
    };
    clear(buf, line, look.theme.base());
    let role = if words.starts_with('‖') {
        Role::Held
    } else {
        Role::Warning
    };
    put(buf, line, line.x, line.y, &text, look.theme.style(role));
}

fn why_no_picture(
    source: &SourceFacts,
    camera: Option<&CameraSnapshot>,
    look: &Look<'_>,
) -> String {
    let standing = Standing::of(source, look.at);
    let name = &source.info.name;
    match (&source.link, camera) {
        // No picture is made for a held screen: to wait for one would be in vain.
        (_, Some(_)) if look.held => {
            "no picture was drawn before the screen was held: f lets it go on".to_owned()
        }
        (Some(LinkState::Live | LinkState::Connected | LinkState::Stale { .. }), Some(_)) => {
            "waiting for the picture".to_owned()
        }
        (Some(LinkState::Live | LinkState::Connected | LinkState::Stale { .. }), None)
            if look.replay =>
        {
            format!("no picture from {name} in the recording up to here")
        }
        (Some(LinkState::Live | LinkState::Connected | LinkState::Stale { .. }), None) => {
            // Of the kinds of sources only this one can be asked for pictures.
            if source.info.address.starts_with("imswitch") {
                format!("no picture from {name} yet: L asks it to start its live view")
            } else {
                format!("no picture from {name}")
            }
        }
        _ => {
            let mut text = standing.text();
            if let Some(why) = standing.explanation {
                text.push_str(&format!(" · {why}"));
            }
            text
        }
    }
}

/// A sentence in the middle of an empty room.
fn say(buf: &mut Buffer, area: Rect, look: &Look<'_>, words: &str) {
    let lines = wrap(words, area.width.saturating_sub(4), 4);
    let top = area.top() + (area.height.saturating_sub(lines.len() as u16)) / 2;
    for (y, line) in (top..).zip(lines) {
        let x = area.left() + area.width.saturating_sub(width(&line)) / 2;
        put(buf, area, x, y, &line, look.theme.style(Role::Dim));
    }
}

/// Most important first: what finds no room is left out.
fn figures(
    subject: &Subject,
    source: &SourceFacts,
    camera: Option<&CameraSnapshot>,
    picture: Option<&Picture>,
    look: &Look<'_>,
) -> Vec<Item> {
    let mut items = Vec::new();
    let (Some(camera), Some(snapshot)) = (camera, source.snapshot.as_ref()) else {
        return items;
    };
    let newest = picture.map_or(camera.last_received, |picture| picture.received);
    let age = look.at.since(newest);
    items.push(Item::new(
        "",
        format!("{} fps", number::rate(camera.fps)),
        Role::Value,
    ));
    items.push(Item::new(
        "",
        format!("{} MB/s", number::megabytes(camera.bytes_per_s)),
        Role::Text,
    ));
    items.push(Item::new(
        "",
        format!("{} old", number::age(age)),
        Role::Text,
    ));
    if let Some(pace) = subject
        .detector
        .as_ref()
        .and_then(|detector| source.paces.of(detector))
        .filter(|pace| source.link == Some(LinkState::Live) && look.at.since(pace.at) <= PACE_HOLDS)
    {
        let verdict = verdict(pace);
        let role = if verdict.severity >= Severity::Warning {
            Role::Warning
        } else {
            Role::Dim
        };
        items.push(Item::new("", verdict.text, role));
    }
    let counts = &snapshot.lane(LaneKind::Frames).counts;
    // The lane is the source's: with several cameras these count all of them.
    let (shown, skipped) = match source.cameras().len() {
        0 | 1 => ("shown", "skipped"),
        _ => ("all shown", "all skipped"),
    };
    items.push(Item::new(shown, number::count(counts.shown), Role::Text));
    items.push(Item::new(
        skipped,
        number::count(counts.coalesced),
        Role::Text,
    ));
    let lost_role = if camera.lost > 0 {
        Role::Warning
    } else {
        Role::Text
    };
    items.push(Item::new("lost", number::count(camera.lost), lost_role));
    if let Some(window) = snapshot.window {
        let size = match window.size {
            0 => "?".to_owned(),
            size => size.to_string(),
        };
        items.push(Item::new(
            "window",
            format!("{}/{size}", window.open),
            Role::Text,
        ));
    }
    let latency = snapshot.stage(Stage::ReceivedToDrawn);
    if latency.count > 0 {
        let (usual, slow) = (latency.p50_ns, latency.p99_ns);
        let times = format!("{} (p99 {})", number::latency(usual), number::latency(slow));
        items.push(Item::new("to screen", times, Role::Text));
    }
    items.push(Item::new("", camera.encoding.as_str(), Role::Text));
    if let Some(picture) = picture {
        let (low, high) = picture.value_range;
        items.push(Item::new(
            "values",
            format!(
                "{}..{}",
                number::count(low.into()),
                number::count(high.into())
            ),
            Role::Text,
        ));
        let (black, white) = picture.window;
        items.push(Item::new(
            "drawn",
            format!(
                "{}..{}",
                number::count(black.into()),
                number::count(white.into())
            ),
            Role::Text,
        ));
    }
    if let Some(size) = camera.pixel_size_um {
        items.push(Item::new(
            "",
            format!("{} um/px", number::measured(size)),
            Role::Text,
        ));
    }
    items
}

/// Draws the names of everything that can be shown, the present one marked.
pub fn draw_subjects(
    panel: &ScopePanel,
    facts: &Facts,
    look: &Look<'_>,
    area: Rect,
    buf: &mut Buffer,
) {
    let now = panel.subject(facts);
    let mut x = area.left() + 1;
    for subject in ScopePanel::subjects(facts) {
        let is_shown = Some(&subject) == now.as_ref();
        let name = subject_name(&subject, facts);
        let (text, role) = if is_shown {
            (format!("[{name}]"), Role::TitleFocused)
        } else {
            (format!(" {name} "), Role::Dim)
        };
        if x + width(&text) > area.right() {
            put(
                buf,
                area,
                x.min(area.right() - 1),
                area.top(),
                "…",
                look.theme.style(Role::Dim),
            );
            break;
        }
        x = put(buf, area, x, area.top(), &text, look.theme.style(role)) + 1;
    }
}
