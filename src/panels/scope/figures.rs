//! Rates, times and settings of a picture: what stands in its title and below it.

use std::time::Duration;

use super::sight::Sight;
use super::{ScopePanel, Subject, verdict};
use crate::imaging::{ColorMap, Contrast, Picture, Reference};
use crate::model::{LaneKind, LinkState, Severity};
use crate::panels::Look;
use crate::panels::facts::{Facts, SourceFacts};
use crate::pipeline::{CameraSnapshot, Stage};
use crate::ui::flow::Item;
use crate::ui::text::width;
use crate::ui::{Role, number};

/// A server says its count every five seconds; after three of them it says nothing any more.
const PACE_HOLDS: Duration = Duration::from_secs(16);

/// What the title says of the picture, most important first. What finds no room there stands among
/// the figures, so that no number is ever cut.
pub fn descriptions(
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
pub fn title(parts: &[String], room: u16) -> (String, usize) {
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

/// Which of all cameras and sources it is.
pub fn place_among(subject: &Subject, facts: &Facts) -> String {
    let all = ScopePanel::subjects(facts);
    let place = all.iter().position(|other| other == subject).unwrap_or(0) + 1;
    match all.len() {
        0 | 1 => String::new(),
        many => format!("{place} of {many}"),
    }
}

/// Most important first: what finds no room is left out.
pub fn figures(
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
    let lost = Item::new("lost", number::count(camera.lost), Role::Warning);
    items.extend((camera.lost > 0).then_some(lost));
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
    if let Some(size) = camera.pixel_size_um {
        items.push(Item::new(
            "",
            format!("{} um/px", number::measured(size)),
            Role::Text,
        ));
    }
    items
}

/// How the picture is drawn, as far as it is not as always.
pub fn settings(sight: &Sight, picture: &Picture) -> Vec<Item> {
    let view = &sight.view;
    let (black, white) = picture.window;
    let window = format!(
        "{}..{}",
        number::count(black.into()),
        number::count(white.into())
    );
    let contrast = match view.contrast {
        Contrast::Auto => "auto",
        Contrast::Full => "full",
        Contrast::Fixed { .. } => "fixed",
    };
    let mut items = Vec::new();
    // What changes the meaning of the colours first: what finds no room is left out.
    if let Reference::Subtracted { number, span, .. } = picture.reference {
        let which = number.map_or(String::new(), |number| {
            format!("frame {} ", number::count(number))
        });
        let text = format!("{which}±{}", number::count(span.into()));
        items.push(Item::new("difference to", text, Role::Value));
    }
    if view.invert {
        items.push(Item::new("", "inverted", Role::Text));
    }
    if view.mark_clipped {
        items.push(Item::new("", "clipped marked", Role::Text));
    }
    let zoom = sight.zoom(picture.frame_size_px);
    if zoom > 1.01 {
        items.push(Item::new("zoom", number::rate(zoom), Role::Text));
    }
    if view.color_map != ColorMap::default() {
        items.push(Item::new("map", view.color_map.as_str(), Role::Text));
    }
    if (view.gamma - 1.0).abs() > f32::EPSILON {
        items.push(Item::new("gamma", view.gamma.to_string(), Role::Text));
    }
    items.push(Item::new(contrast, window, Role::Text));
    items
}
