//! The line under the picture: what is at the cursor, how long the line is, what is measured.

use super::sight::{Drawing, Sight};
use crate::imaging::{Picture, Segment};
use crate::ui::flow::Item;
use crate::ui::{Role, number};

/// The most important first; what finds no room is left out.
pub fn readout(sight: &Sight, picture: &Picture) -> Vec<Item> {
    let mut items = Vec::new();
    let (width, height) = picture.frame_size_px;
    if let Some((x, y)) = sight.cursor {
        items.push(Item::new("x", place(x, width), Role::Value));
        items.push(Item::new("y", place(y, height), Role::Value));
        if x >= width || y >= height {
            items.push(Item::new("", "outside of the frame", Role::Warning));
        } else {
            items.extend(values(sight, picture));
        }
    }
    let is_begun = |drawing: fn(&Drawing) -> bool| sight.drawing.as_ref().is_some_and(drawing);
    if let Some(line) = sight.shown_line() {
        let role = role(is_begun(|drawing| matches!(drawing, Drawing::Line(_))));
        items.push(Item::new("A-B", length(line, picture.pixel_size_um), role));
    }
    if let Some(region) = sight.shown_region() {
        let role = role(is_begun(|drawing| matches!(drawing, Drawing::Region(_))));
        let text = format!(
            "{}x{} at {},{}",
            region.width, region.height, region.x, region.y
        );
        items.push(Item::new("region", text, role));
    }
    if let (Some((x, y)), Some(um)) = (sight.cursor, picture.pixel_size_um) {
        let at = |pixel: u32| format!("{:.1}", f64::from(pixel) * um);
        items.push(Item::new("", format!("{}, {} um", at(x), at(y)), Role::Dim));
    }
    items
}

fn role(is_begun: bool) -> Role {
    match is_begun {
        true => Role::Held,
        false => Role::Text,
    }
}

/// A column or row, as wide as the largest one.
fn place(at: u32, length: u32) -> String {
    let most = number::count(length.saturating_sub(1).into());
    format!("{:>1$}", number::count(at.into()), most.len())
}

fn values(sight: &Sight, picture: &Picture) -> Vec<Item> {
    let most = u16::MAX >> (16 - u32::from(picture.bit_depth.clamp(1, 16)));
    let wide = number::count(most.into()).len();
    let value = |value: u16| format!("{:>wide$}", number::count(value.into()));
    match &picture.probe {
        Some((at, values)) if Some(*at) == sight.cursor => match values[..] {
            [r, g, b] => vec![
                Item::new("r", value(r), Role::Value),
                Item::new("g", value(g), Role::Value),
                Item::new("b", value(b), Role::Value),
            ],
            [grey, ..] => vec![Item::new("=", value(grey), Role::Value)],
            [] => Vec::new(),
        },
        // Asked for, and on its way.
        _ => vec![Item::new("=", format!("{:>wide$}", "…"), Role::Dim)],
    }
}

/// The length of a line in pixels, and in micrometres if the size of a pixel is known.
pub fn length(line: Segment, pixel_size_um: Option<f64>) -> String {
    let side = |from: u32, to: u32| f64::from(from.abs_diff(to));
    let (x, y) = (side(line.from.0, line.to.0), side(line.from.1, line.to.1));
    let px = x.hypot(y);
    match pixel_size_um {
        Some(um) => format!("{px:.1} px = {:.1} um", px * um),
        None => format!("{px:.1} px"),
    }
}
