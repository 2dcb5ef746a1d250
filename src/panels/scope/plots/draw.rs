//! How the histogram and the profile look: panes of a few rows, or one row each.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::{Place, place};
use crate::imaging::{Measures, Picture, Segment};
use crate::panels::Look;
use crate::panels::scope::readout::length;
use crate::panels::scope::sight::Sight;
use crate::ui::pane::pane;
use crate::ui::plot::{bars, columns, ends};
use crate::ui::text::{put, put_right, width};
use crate::ui::{Role, number};

/// Draws how often values are there, with the window that is drawn.
pub fn draw_histogram(
    picture: &Picture,
    sight: &Sight,
    look: &Look<'_>,
    area: Rect,
    buf: &mut Buffer,
) {
    let Some(measures) = picture.measures.as_deref() else {
        return;
    };
    let histogram = &measures.histogram;
    let counts = u32::try_from(histogram.counts().len()).unwrap_or(0);
    let from = u32::from(histogram.from);
    let range = (
        from,
        from.saturating_add(counts.saturating_mul(histogram.bin_counts)),
    );
    let dim = look.theme.style(Role::Dim);
    match area.height {
        0 => {}
        1 => {
            let x = put(buf, area, area.left(), area.top(), "hist", dim) + 1;
            let row = right_of(area, x);
            let row = Rect {
                width: row.width.min(48),
                ..row
            };
            draw_counts(measures, sight.log, look, row, buf);
        }
        2.. => {
            let title = match sight.log {
                true => "histogram log",
                false => "histogram",
            };
            let last = range.1.saturating_sub(1);
            let note = format!(
                "{}..{}",
                number::count(range.0.into()),
                number::count(last.into())
            );
            let inner = pane(buf, area, title, &note, false, look.theme);
            let (plot, axis) = above_axis(inner);
            draw_counts(measures, sight.log, look, plot, buf);
            draw_window(picture.window, range, look, axis, buf);
        }
    }
}

/// The bars; those of black and of saturated pixels are marked.
fn draw_counts(measures: &Measures, is_log: bool, look: &Look<'_>, area: Rect, buf: &mut Buffer) {
    let heights = measures.histogram.columns(area.width.into(), is_log);
    let heights: Vec<f64> = heights.iter().map(|height| f64::from(*height)).collect();
    bars(buf, area, &heights, look.theme);
    let mut mark = |x: u16| {
        let column = Rect {
            x,
            width: 1,
            ..area
        };
        buf.set_style(
            column.intersection(buf.area),
            look.theme.style(Role::Warning),
        );
    };
    if measures.black > 0.0 && area.width > 0 {
        mark(area.left());
    }
    if measures.saturated > 0.0 && area.width > 0 {
        mark(area.right() - 1);
    }
}

/// Where black and white are drawn.
fn draw_window(
    (black, white): (u16, u16),
    range: (u32, u32),
    look: &Look<'_>,
    axis: Rect,
    buf: &mut Buffer,
) {
    if axis.is_empty() {
        return;
    }
    let rule = "─".repeat(axis.width.into());
    let style = |role| look.theme.style(role);
    put(buf, axis, axis.left(), axis.top(), &rule, style(Role::Rule));
    for (value, outside) in [(black, "◂"), (white, "▸")] {
        let (x, glyph) = match place(value, range, axis.width) {
            Place::At(column) => (axis.left() + column, "▲"),
            Place::Left => (axis.left(), outside),
            Place::Right => (axis.right() - 1, outside),
        };
        put(buf, axis, x, axis.top(), glyph, style(Role::Value));
    }
}

/// Draws the values along the line.
pub fn draw_profile(
    picture: &Picture,
    line: Option<Segment>,
    look: &Look<'_>,
    area: Rect,
    buf: &mut Buffer,
) {
    let known = picture
        .profile
        .as_ref()
        .filter(|(_, values)| !values.is_empty());
    let (Some(line), Some((_, values))) = (line, known) else {
        return;
    };
    let least = values.iter().min().copied().unwrap_or(0);
    let most = values.iter().max().copied().unwrap_or(0);
    let span = f64::from(most.saturating_sub(least)).max(1.0);
    let values: Vec<f64> = values.iter().map(|value| f64::from(*value)).collect();
    let shares = |wide: u16| -> Vec<f64> {
        let columns = columns(&values, wide).into_iter();
        columns
            .map(|value| (value - f64::from(least)) / span)
            .collect()
    };
    let (low, high) = (number::count(least.into()), number::count(most.into()));
    let dim: Style = look.theme.style(Role::Dim);
    match area.height {
        0 => {}
        1 => {
            let x = put(buf, area, area.left(), area.top(), "A-B", dim) + 2;
            let x = put(buf, area, x, area.top(), &low, dim) + 1;
            put_right(buf, area, area.right(), area.top(), &high, dim);
            let mut row = right_of(area, x);
            row.width = row.width.saturating_sub(width(&high) + 1);
            bars(buf, row, &shares(row.width), look.theme);
        }
        2.. => {
            let words = length(line, picture.pixel_size_um);
            let inner = pane(buf, area, "profile", &words, false, look.theme);
            let (plot, axis) = above_axis(inner);
            let wide = width(&low).max(width(&high));
            if plot.height > 0 {
                let right = plot.left() + wide;
                put_right(buf, plot, right, plot.top(), &high, dim);
                if plot.height > 1 {
                    put_right(buf, plot, right, plot.bottom() - 1, &low, dim);
                }
            }
            let plot = right_of(plot, plot.left() + wide + 1);
            bars(buf, plot, &shares(plot.width), look.theme);
            ends(buf, right_of(axis, plot.left()), "A", "B", look.theme);
        }
    }
}

/// The plot, and the row of its axis below.
fn above_axis(inner: Rect) -> (Rect, Rect) {
    let axis = inner.height.min(1);
    let plot = Rect {
        height: inner.height - axis,
        ..inner
    };
    let axis = Rect {
        y: plot.bottom(),
        height: axis,
        ..inner
    };
    (plot, axis)
}

fn right_of(area: Rect, x: u16) -> Rect {
    let x = x.clamp(area.left(), area.right());
    Rect {
        x,
        width: area.right() - x,
        ..area
    }
}
