//! Bars and axes: a histogram or a line of values in a few rows of cells.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::text::{put, put_right, width};
use super::{Role, Theme};

const EIGHTHS: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// Values as bars of at most the area's height, one to a column; a value is a share, `0.0..=1.0`.
/// What is not zero is seen, however little it is.
pub fn bars(buf: &mut Buffer, area: Rect, shares: &[f64], theme: &Theme) {
    let area = area.intersection(buf.area);
    let style = theme.style(Role::Graph);
    for (x, share) in (area.left()..area.right()).zip(shares) {
        let share = if share.is_finite() {
            share.clamp(0.0, 1.0)
        } else {
            0.0
        };
        let most = u32::from(area.height) * 8;
        let mut eighths = (share * f64::from(most)).round() as u32;
        if share > 0.0 {
            eighths = eighths.max(1);
        }
        for y in (area.top()..area.bottom()).rev() {
            let here = eighths.min(8);
            eighths -= here;
            let glyph = EIGHTHS.get(here as usize).copied().unwrap_or('█');
            if glyph != ' '
                && let Some(cell) = buf.cell_mut((x, y))
            {
                cell.set_char(glyph).set_style(style);
            }
        }
    }
}

/// The words at both ends of an axis, in one row.
pub fn ends(buf: &mut Buffer, area: Rect, left: &str, right: &str, theme: &Theme) {
    let style = theme.style(Role::Dim);
    if width(left) + width(right) < area.width {
        put(buf, area, area.left(), area.top(), left, style);
        put_right(buf, area, area.right(), area.top(), right, style);
    }
}

/// As many values as there are columns, each the mean of those that lie in it; where there are
/// fewer values than columns, the nearest one.
pub fn columns(values: &[f64], columns: u16) -> Vec<f64> {
    let (count, columns) = (values.len(), usize::from(columns));
    if count == 0 {
        return Vec::new();
    }
    let part = |index: usize| {
        let begin = index * count / columns;
        let end = ((index + 1) * count / columns).max(begin + 1);
        values.get(begin..end.min(count)).unwrap_or_default()
    };
    (0..columns)
        .map(|index| {
            let part = part(index);
            part.iter().sum::<f64>() / part.len().max(1) as f64
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(buf: &Buffer) -> Vec<String> {
        buf.content()
            .chunks(usize::from(buf.area.width))
            .map(|row| row.iter().map(|cell| cell.symbol()).collect())
            .collect()
    }

    #[test]
    fn bars_stand_on_the_ground() {
        let area = Rect::new(0, 0, 6, 2);
        let mut buf = Buffer::empty(area);
        let shares = [0.0, 1e-9, 0.25, 0.5, 0.75, 1.0, 1.0];
        bars(&mut buf, area, &shares, &Theme::monochrome());
        assert_eq!(rows(&buf), ["    ▄█", " ▁▄███"]);
        let mut buf = Buffer::empty(area);
        bars(&mut buf, area, &[f64::NAN, 7.0, -1.0], &Theme::monochrome());
        assert_eq!(rows(&buf), [" █    ", " █    "]);
    }

    #[test]
    fn every_value_is_in_one_column() {
        let cases: [(&[f64], u16, &[f64]); 5] = [
            (&[], 3, &[]),
            (&[1.0, 3.0, 5.0, 7.0], 2, &[2.0, 6.0]),
            (&[1.0, 2.0], 4, &[1.0, 1.0, 2.0, 2.0]),
            (&[1.0, 2.0, 6.0], 2, &[1.0, 4.0]),
            (&[1.0], 0, &[]),
        ];
        for (values, count, wanted) in cases {
            assert_eq!(columns(values, count), wanted, "{values:?} in {count}");
        }
    }

    #[test]
    fn words_at_the_ends_never_touch() {
        for (columns, row) in [(10, "0      255"), (5, "0 255"), (4, "    ")] {
            let area = Rect::new(0, 0, columns, 1);
            let mut buf = Buffer::empty(area);
            ends(&mut buf, area, "0", "255", &Theme::monochrome());
            assert_eq!(rows(&buf), [row]);
        }
    }
}
