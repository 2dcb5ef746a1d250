//! The colours terminals know by name and number.

use ratatui::style::Color;

/// Name in theme files, colour, and the red, green and blue xterm draws it with.
/// Source of the values: xterm's `XTerm-col.ad`.
pub(crate) const NAMED: [(&str, Color, [u8; 3]); 16] = [
    ("black", Color::Black, [0, 0, 0]),
    ("red", Color::Red, [205, 0, 0]),
    ("green", Color::Green, [0, 205, 0]),
    ("yellow", Color::Yellow, [205, 205, 0]),
    ("blue", Color::Blue, [0, 0, 238]),
    ("magenta", Color::Magenta, [205, 0, 205]),
    ("cyan", Color::Cyan, [0, 205, 205]),
    ("white", Color::Gray, [229, 229, 229]),
    ("bright-black", Color::DarkGray, [127, 127, 127]),
    ("bright-red", Color::LightRed, [255, 0, 0]),
    ("bright-green", Color::LightGreen, [0, 255, 0]),
    ("bright-yellow", Color::LightYellow, [255, 255, 0]),
    ("bright-blue", Color::LightBlue, [92, 92, 255]),
    ("bright-magenta", Color::LightMagenta, [255, 0, 255]),
    ("bright-cyan", Color::LightCyan, [0, 255, 255]),
    ("bright-white", Color::White, [255, 255, 255]),
];

/// The six levels of each axis of the colour cube, entries 16..=231 of xterm's 256.
const CUBE: [u8; 6] = [0, 95, 135, 175, 215, 255];

/// Red, green and blue of a colour in a terminal with xterm's palette; `None` for the terminal's
/// own ([`Color::Reset`]).
pub(crate) fn rgb_of(color: Color) -> Option<[u8; 3]> {
    match color {
        Color::Reset => None,
        Color::Rgb(r, g, b) => Some([r, g, b]),
        Color::Indexed(index @ 0..=15) => Some(NAMED[usize::from(index)].2),
        Color::Indexed(index @ 16..=231) => {
            let level = |step: u8| CUBE[usize::from((index - 16) / step % 6)];
            Some([level(36), level(6), level(1)])
        }
        Color::Indexed(index) => Some([8 + (index - 232) * 10; 3]),
        named => NAMED
            .iter()
            .find(|(_, color, _)| *color == named)
            .map(|(_, _, rgb)| *rgb),
    }
}

/// The nearest of the 240 colours of xterm's palette that no terminal changes; colours by name
/// stay.
pub(super) fn to_indexed(color: Color) -> Color {
    match color {
        Color::Rgb(r, g, b) => Color::Indexed(nearest_index([r, g, b])),
        other => other,
    }
}

/// The nearest entry of the cube or the grey ramp.
pub(crate) fn nearest_index(rgb: [u8; 3]) -> u8 {
    let steps = rgb.map(nearest_step);
    let cube = 16 + 36 * steps[0] + 6 * steps[1] + steps[2];
    let mean = rgb.iter().map(|&v| u16::from(v)).sum::<u16>() / 3;
    let grey = 232 + (mean.saturating_sub(3) / 10).min(23) as u8;
    let error = |index: u8| {
        rgb_of(Color::Indexed(index)).map_or(u32::MAX, |found| {
            rgb.iter()
                .zip(found)
                .map(|(&want, got)| u32::from(want.abs_diff(got)).pow(2))
                .sum()
        })
    };
    if error(grey) < error(cube) {
        grey
    } else {
        cube
    }
}

fn nearest_step(value: u8) -> u8 {
    (0..6_u8)
        .min_by_key(|&step| CUBE[usize::from(step)].abs_diff(value))
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_entry_of_the_palette_is_nearest_to_itself() {
        for index in 16..=255_u8 {
            let rgb = rgb_of(Color::Indexed(index)).unwrap();
            let found = rgb_of(Color::Indexed(nearest_index(rgb))).unwrap();
            assert_eq!(found, rgb, "entry {index}");
        }
    }
}
