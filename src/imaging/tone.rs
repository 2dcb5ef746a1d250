//! From values to colours: the window, what lies outside it, and differences.

use super::color_map::{OVER, TOP, UNDER};

/// How values of one picture are drawn.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tone<'a> {
    /// The values drawn black and white; the second is the larger.
    pub window: (u16, u16),
    /// If values at the ends and beyond get colours of their own: the largest of all the values
    /// that each pixel is the mean of. A pixel is clipped above if one of them is, and below only
    /// if they all are.
    pub peaks: Option<&'a [u16]>,
}

impl Tone<'_> {
    /// The colours of `values`, of which each pixel has one or three.
    ///
    /// - `table`: from black to white, of which colour frames use the greys
    pub(super) fn draw(self, values: &[u16], channels: usize, table: &[[u8; 3]]) -> Vec<[u8; 3]> {
        let (black, white) = self.window;
        let span = u32::from(white.saturating_sub(black)).max(1);
        let color = |value: u16| {
            let above = u32::from(value.saturating_sub(black)).min(span);
            level(table, above, span)
        };
        let mut colors: Vec<[u8; 3]> = match channels {
            3 => {
                let pixels = values.as_chunks::<3>().0.iter();
                pixels.map(|rgb| rgb.map(|value| color(value)[0])).collect()
            }
            _ => values.iter().map(|&value| color(value)).collect(),
        };
        for (color, peak) in colors.iter_mut().zip(self.peaks.unwrap_or_default()) {
            if *peak >= white {
                *color = OVER;
            } else if *peak <= black {
                *color = UNDER;
            }
        }
        colors
    }
}

/// The colours of how much `values` differ from `reference`.
///
/// - `span`: the difference drawn at the ends of the table, at least 1
pub(super) fn draw_difference(
    values: &[u16],
    reference: &[u16],
    span: u16,
    mark_clipped: bool,
    table: &[[u8; 3]],
) -> Vec<[u8; 3]> {
    let span = i32::from(span.max(1));
    let color = |(value, reference): (&u16, &u16)| {
        let difference = i32::from(*value) - i32::from(*reference);
        match mark_clipped {
            true if difference >= span => OVER,
            true if difference <= -span => UNDER,
            // Within 0 and twice the span.
            _ => level(
                table,
                (difference.clamp(-span, span) + span) as u32,
                2 * span as u32,
            ),
        }
    };
    values.iter().zip(reference).map(color).collect()
}

/// The colour of `above` of `span` steps.
fn level(table: &[[u8; 3]], above: u32, span: u32) -> [u8; 3] {
    let index = (above * TOP + span / 2) / span;
    table.get(index as usize).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::super::color_map::Table;
    use super::super::view::View;
    use super::*;

    fn drawn(peaks: Option<&[u16]>, channels: usize, values: &[u16]) -> Vec<[u8; 3]> {
        let tone = Tone {
            window: (100, 200),
            peaks,
        };
        let mut table = Table::default();
        tone.draw(
            values,
            channels,
            table.of_levels(&View::default(), channels == 3),
        )
    }

    #[test]
    fn values_are_drawn_between_black_and_white() {
        let values = [0, 100, 150, 200, 65_535];
        assert_eq!(
            drawn(None, 1, &values),
            [[0; 3], [0; 3], [128; 3], [255; 3], [255; 3]]
        );
        assert_eq!(drawn(None, 3, &[0, 150, 999]), [[0, 128, 255]]);
    }

    #[test]
    fn what_is_clipped_has_colours_of_its_own() {
        let values = [0, 100, 101, 150, 199, 200, 65_535];
        assert_eq!(
            drawn(Some(&values), 1, &values),
            [UNDER, UNDER, [3; 3], [128; 3], [252; 3], OVER, OVER]
        );
        // What the mean hides.
        assert_eq!(drawn(Some(&[200, 101]), 1, &[101, 100]), [OVER, [0; 3]]);
        let colors = drawn(
            Some(&[200, 150, 100]),
            3,
            &[0, 100, 150, 0, 100, 150, 9, 9, 9],
        );
        assert_eq!(colors, [OVER, [0, 0, 128], UNDER]);
    }

    #[test]
    fn a_difference_has_its_zero_in_the_middle() {
        let view = View::default();
        let mut table = Table::default();
        let table = table.of_differences(&view);
        let (values, reference) = ([5, 100, 0, 300, 7], [5, 0, 100, 0, 307]);
        let plain = draw_difference(&values, &reference, 100, false, table);
        let (low, zero, high) = (table[0], table[TOP as usize / 2], table[TOP as usize]);
        assert_eq!(plain, [zero, high, low, high, low]);
        let marked = draw_difference(&values, &reference, 100, true, table);
        assert_eq!(marked, [zero, OVER, UNDER, OVER, UNDER]);
        // The widest there is, and a span that is none.
        let ends = draw_difference(&[0, 65_535], &[65_535, 0], 65_535, false, table);
        assert_eq!(ends, [low, high]);
        assert_eq!(draw_difference(&[1], &[1], 0, false, table), [zero]);
    }
}
