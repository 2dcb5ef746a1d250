//! How much, as a shade and a colour; without colours as a letter.

use ratatui::style::{Color, Style};

use super::theme::{nearest_index, rgb_of};
use super::{ColorDepth, Role, Theme};

const STEPS: usize = 8;
/// Told apart by density, so that they are read without any colour.
const LETTERS: [char; STEPS] = [' ', '.', ':', ';', '+', 'x', 'X', '#'];
const SHADES: [char; STEPS] = [' ', '░', '░', '▒', '▒', '▓', '▓', '█'];

/// Eight steps from nothing to the colour of a role.
#[derive(Clone, Debug, PartialEq)]
pub struct Ramp {
    glyphs: [char; STEPS],
    styles: [Style; STEPS],
}

impl Ramp {
    /// From the theme's background to `role`, in the colours of the terminal. Where colours have
    /// names only, or none are known, the shades alone tell the steps.
    pub fn new(theme: &Theme, depth: ColorDepth, role: Role) -> Self {
        let full = theme.style(role);
        let ends = rgb_of(theme.background()).zip(full.fg.and_then(rgb_of));
        let mix = |step: usize| -> Style {
            let (Some((from, to)), ColorDepth::True | ColorDepth::Indexed256) = (ends, depth)
            else {
                return full;
            };
            // The first step is seen against the background already.
            let part = (step + 2) as f64 / (STEPS + 1) as f64;
            let mut rgb = [0; 3];
            for (mixed, (from, to)) in rgb.iter_mut().zip(from.into_iter().zip(to)) {
                *mixed = (f64::from(from) + (f64::from(to) - f64::from(from)) * part) as u8;
            }
            full.fg(match depth {
                ColorDepth::True => Color::Rgb(rgb[0], rgb[1], rgb[2]),
                _ => Color::Indexed(nearest_index(rgb)),
            })
        };
        Self {
            glyphs: match depth {
                ColorDepth::None => LETTERS,
                _ => SHADES,
            },
            styles: std::array::from_fn(mix),
        }
    }

    /// The cell for a part of the most, `0.0..=1.0`. Small parts are raised (by the square root), and
    /// whatever is more than nothing shows.
    pub fn cell(&self, part: f64) -> (char, Style) {
        let last = STEPS - 1;
        let step = if part > 0.0 {
            ((part.min(1.0).sqrt() * last as f64).round() as usize).clamp(1, last)
        } else {
            0
        };
        (self.glyphs[step], self.styles[step])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_is_denser_and_a_little_still_shows() {
        let theme = Theme::default();
        let shown = |depth| {
            let ramp = Ramp::new(&theme, depth, Role::Graph);
            [0.0, 1e-9, 0.1, 0.5, 1.0, 7.0].map(|part| ramp.cell(part).0)
        };
        assert_eq!(shown(ColorDepth::None), [' ', '.', ':', 'x', '#', '#']);
        assert_eq!(shown(ColorDepth::True), [' ', '░', '░', '▓', '█', '█']);
        let full = Ramp::new(&theme, ColorDepth::True, Role::Graph).cell(1.0).1;
        assert_eq!(full.fg, theme.style(Role::Graph).fg);
        let low = Ramp::new(&theme, ColorDepth::True, Role::Graph)
            .cell(0.01)
            .1;
        assert_ne!(low.fg, full.fg);
    }
}
