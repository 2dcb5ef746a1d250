//! From values to colours: the window, what lies outside it, and differences.

use super::color_map::{OVER, TOP, UNDER};

/// How values of one picture are drawn.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tone {
    /// The values drawn black and white; the second is the larger.
    pub window: (u16, u16),
    /// Whether values at the ends and beyond get colours of their own.
    pub mark_clipped: bool,
}

impl Tone {
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
        let clipped = |lowest: u16, highest: u16| match self.mark_clipped {
            true if lowest >= white || highest >= white => Some(OVER),
            true if highest <= black => Some(UNDER),
            _ => None,
        };
        match channels {
            3 => values
                .as_chunks::<3>()
                .0
                .iter()
                .map(|&[r, g, b]| {
                    clipped(r.min(g).min(b), r.max(g).max(b))
                        .unwrap_or_else(|| [r, g, b].map(|value| color(value)[0]))
                })
                .collect(),
            _ => values
                .iter()
                .map(|&value| clipped(value, value).unwrap_or_else(|| color(value)))
                .collect(),
        }
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

    fn drawn(mark_clipped: bool, channels: usize, values: &[u16]) -> Vec<[u8; 3]> {
        let tone = Tone {
            window: (100, 200),
            mark_clipped,
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
            drawn(false, 1, &values),
            [[0; 3], [0; 3], [128; 3], [255; 3], [255; 3]]
        );
        assert_eq!(drawn(false, 3, &[0, 150, 999]), [[0, 128, 255]]);
    }

    #[test]
    fn what_is_clipped_has_colours_of_its_own() {
        assert_eq!(
            drawn(true, 1, &[0, 100, 101, 199, 200, 65_535]),
            [UNDER, UNDER, [3; 3], [252; 3], OVER, OVER]
        );
        // One channel that is too bright is enough; dark are only all three.
        let colors = drawn(true, 3, &[0, 100, 200, 0, 100, 150, 100, 0, 100]);
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
