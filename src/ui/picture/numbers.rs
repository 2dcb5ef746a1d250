//! A picture without a picture: how bright each part of it is, in rows of plain numbers.
//!
//! For somebody who listens to a screen instead of looking at it, and for lines so slow that a
//! picture of letters takes seconds. A sentence says what the numbers are and where it is brightest;
//! the rows are few, so that they can be heard to the end.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::cell::luma;
use crate::imaging::Picture;
use crate::ui::text::{fit, wrap};

/// Columns of cells that a number takes: "100 ".
const NUMBER: u16 = 4;
/// Parts across and down at most.
const MOST: (u16, u16) = (9, 6);
/// Lines of the sentence at most.
const SENTENCE: usize = 3;

/// Draws it at the top left of `area`.
pub(super) fn draw(picture: &Picture, style: Style, area: Rect, buf: &mut Buffer) {
    let lines = lines(picture, area.width, area.height);
    for (y, line) in (area.top()..area.bottom()).zip(lines) {
        buf.set_string(area.x, y, fit(&line, area.width), style);
    }
}

/// The sentence and the rows, for so many columns and rows of cells.
fn lines(picture: &Picture, cols: u16, rows: u16) -> Vec<String> {
    let (width, height) = (picture.width_px, picture.height_px);
    let across = (cols / NUMBER).clamp(1, MOST.0).min(width);
    let room = usize::from(rows).saturating_sub(SENTENCE).max(1);
    let down = MOST.1.min(height).min(room as u16);
    let parts = percents(picture, across, down);
    let Some(mean) = mean(&parts) else {
        return Vec::new();
    };
    let (black, white) = picture.window;
    let brightest = match brightest(&parts, usize::from(across)) {
        Some(place) => format!("brightest {place}"),
        None => "even".to_owned(),
    };
    let short = format!("Brightness: mean {mean:.0}, {brightest}.");
    let whole = format!("{short} 0 is {black} or less, 100 is {white} or more.");
    // A number that is cut would be another number.
    let room = SENTENCE.min(usize::from(rows));
    let mut lines = [whole, short]
        .iter()
        .map(|sentence| wrap(sentence, cols, room))
        .find(|lines| lines.last().is_some_and(|last| !last.ends_with('…')))
        .unwrap_or_default();
    lines.extend(parts.chunks(usize::from(across)).map(|row| {
        let numbers = row.iter().map(|percent| format!("{percent:>3.0} "));
        numbers.collect::<String>().trim_end().to_owned()
    }));
    lines
}

/// The mean brightness of each part, row by row, in percent of the way from black to white.
fn percents(picture: &Picture, across: u16, down: u16) -> Vec<f64> {
    let (width, height) = (picture.width_px, picture.height_px);
    let bound = |at: u16, of: u16, length: u16| {
        usize::from(at) * usize::from(length) / usize::from(of.max(1))
    };
    let mut percents = Vec::new();
    for row in 0..down {
        for col in 0..across {
            let (mut sum, mut count) = (0_u64, 0_u64);
            for y in bound(row, down, height)..bound(row + 1, down, height) {
                for x in bound(col, across, width)..bound(col + 1, across, width) {
                    if let Some(pixel) = picture.pixels.get(y * usize::from(width) + x) {
                        sum += u64::from(luma(*pixel));
                        count += 1;
                    }
                }
            }
            percents.push(sum as f64 / count.max(1) as f64 / 2.55);
        }
    }
    percents
}

fn mean(parts: &[f64]) -> Option<f64> {
    (!parts.is_empty()).then(|| parts.iter().sum::<f64>() / parts.len() as f64)
}

/// Where the brightest part lies, in words; `None` if none stands out by a whole percent.
fn brightest(parts: &[f64], across: usize) -> Option<&'static str> {
    let most = parts.iter().copied().fold(f64::MIN, f64::max);
    let least = parts.iter().copied().fold(f64::MAX, f64::min);
    if most - least < 1.0 {
        return None;
    }
    let at = parts.iter().position(|part| *part >= most)?;
    let down = parts.len() / across.max(1);
    let third = |at: usize, of: usize| (2 * at + 1) * 3 / (2 * of.max(1));
    Some(
        match (
            third(at / across.max(1), down),
            third(at % across.max(1), across),
        ) {
            (0, 0) => "at the upper left",
            (0, 1) => "at the top",
            (0, _) => "at the upper right",
            (1, 0) => "at the left",
            (1, 1) => "in the middle",
            (1, _) => "at the right",
            (_, 0) => "at the lower left",
            (_, 1) => "at the bottom",
            _ => "at the lower right",
        },
    )
}
