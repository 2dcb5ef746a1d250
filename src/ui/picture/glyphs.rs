//! The signs that a picture in cells is made of, and how many dots a cell of each shows.

/// What a picture is made of where the terminal draws text only.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Glyphs {
    /// Two dots one above the other, a colour each.
    #[default]
    HalfBlocks,
    /// Two by two dots in two colours.
    Quadrants,
    /// Two by three dots in two colours. Unicode 13: older fonts do not have them.
    Sextants,
    /// Two by four dots, there or not: fine shape, no brightness of its own.
    Braille,
    /// Letters of 7 bits, from thin to thick.
    Ascii,
    /// No picture: brightness in words and figures, to be read aloud or over a slow line.
    Numbers,
}

/// The characters of a quadrant cell. Bit 0 is the upper left, 1 the upper right, 2 and 3 below.
const QUADRANTS: [char; 16] = [
    ' ', '▘', '▝', '▀', '▖', '▌', '▞', '▛', '▗', '▚', '▐', '▜', '▄', '▙', '▟', '█',
];
/// From thin to thick.
const RAMP: &[u8; 10] = b" .:-=+*#%@";

impl Glyphs {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::HalfBlocks,
        Self::Quadrants,
        Self::Sextants,
        Self::Braille,
        Self::Ascii,
        Self::Numbers,
    ];

    /// The word in the palette and in the configuration.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::HalfBlocks => "half-blocks",
            Self::Quadrants => "quadrants",
            Self::Sextants => "sextants",
            Self::Braille => "braille",
            Self::Ascii => "ascii",
            Self::Numbers => "numbers",
        }
    }

    /// The glyphs of that word.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|glyphs| glyphs.as_str() == name)
    }

    /// Dots that a cell shows, across and down.
    pub fn dots(self) -> (u8, u8) {
        match self {
            Self::HalfBlocks => (1, 2),
            Self::Quadrants => (2, 2),
            Self::Sextants => (2, 3),
            Self::Braille => (2, 4),
            Self::Ascii | Self::Numbers => (1, 1),
        }
    }

    /// Whether the terminal may know no sign but those of 7 bits: then the whole screen has no
    /// other.
    pub fn is_ascii(self) -> bool {
        matches!(self, Self::Ascii | Self::Numbers)
    }

    /// The sign whose dots are set as the bits of `pattern` are, row by row, the lowest bit first.
    /// Only of those that are made of dots; a blank for the others.
    pub(super) fn pattern(self, pattern: u8) -> char {
        match self {
            Self::HalfBlocks => [' ', '▀', '▄', '█'][usize::from(pattern & 3)],
            Self::Quadrants => QUADRANTS[usize::from(pattern & 15)],
            Self::Sextants => sextant(pattern & 63),
            Self::Braille => braille(pattern),
            Self::Ascii | Self::Numbers => ' ',
        }
    }
}

/// Source: Unicode 13, "Symbols for Legacy Computing", U+1FB00 to U+1FB3B: in the order of their
/// bits, without those that are blocks already.
fn sextant(pattern: u8) -> char {
    const LEFT: u8 = 0b01_01_01;
    const RIGHT: u8 = 0b10_10_10;
    match pattern {
        0 => ' ',
        LEFT => '▌',
        RIGHT => '▐',
        63.. => '█',
        _ => {
            let left_out = 1 + u8::from(pattern > LEFT) + u8::from(pattern > RIGHT);
            char::from_u32(0x1_fb00 + u32::from(pattern - left_out)).unwrap_or(' ')
        }
    }
}

/// Source: Unicode, "Braille Patterns": dots 1 to 3 down the left, 4 to 6 down the right, 7 and 8
/// below, bit by bit from U+2800.
fn braille(pattern: u8) -> char {
    if pattern == 0 {
        return ' ';
    }
    const BITS: [u8; 8] = [0, 3, 1, 4, 2, 5, 6, 7];
    let bits = BITS.iter().enumerate().fold(0_u32, |bits, (at, bit)| {
        bits | u32::from(pattern >> at & 1) << bit
    });
    char::from_u32(0x2800 + bits).unwrap_or(' ')
}

/// A letter as thick as a level is bright, for bright text on dark ground.
pub(super) fn ramp(level: u8) -> char {
    let step = usize::from(level) * RAMP.len() / 256;
    char::from(RAMP[step])
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;
    use unicode_width::UnicodeWidthChar;

    #[test]
    fn every_pattern_has_a_sign_of_its_own_and_of_one_column() {
        for glyphs in [
            Glyphs::HalfBlocks,
            Glyphs::Quadrants,
            Glyphs::Sextants,
            Glyphs::Braille,
        ] {
            let (across, down) = glyphs.dots();
            let count = 1_u16 << (across * down);
            let signs: BTreeSet<char> = (0..count)
                .map(|pattern| glyphs.pattern(u8::try_from(pattern).unwrap()))
                .collect();
            assert_eq!(signs.len(), usize::from(count), "{glyphs:?}");
            assert!(signs.iter().all(|sign| sign.width() == Some(1)));
        }
    }

    #[test]
    fn signs_are_those_that_unicode_names() {
        let cases = [
            // BLOCK SEXTANT-1, -2, -12, -135 is a half, -1235, -6, -23456
            (Glyphs::Sextants, 0b00_00_01, '\u{1fb00}'),
            (Glyphs::Sextants, 0b00_00_10, '\u{1fb01}'),
            (Glyphs::Sextants, 0b00_00_11, '\u{1fb02}'),
            (Glyphs::Sextants, 0b01_01_01, '▌'),
            (Glyphs::Sextants, 0b01_01_11, '\u{1fb15}'),
            (Glyphs::Sextants, 0b10_00_00, '\u{1fb1e}'),
            (Glyphs::Sextants, 0b11_11_10, '\u{1fb3b}'),
            (Glyphs::Quadrants, 0b01_10, '▞'),
            // BRAILLE PATTERN DOTS-1, -4, -7, -8, -2, -123456
            (Glyphs::Braille, 0b00_00_00_01, '⠁'),
            (Glyphs::Braille, 0b00_00_00_10, '⠈'),
            (Glyphs::Braille, 0b01_00_00_00, '⡀'),
            (Glyphs::Braille, 0b10_00_00_00, '⢀'),
            (Glyphs::Braille, 0b00_00_01_00, '⠂'),
            (Glyphs::Braille, 0b00_11_11_11, '⠿'),
        ];
        for (glyphs, pattern, sign) in cases {
            assert_eq!(glyphs.pattern(pattern), sign, "{glyphs:?} {pattern:b}");
        }
    }

    #[test]
    fn names_are_found_again_and_the_ramp_rises() {
        for glyphs in Glyphs::ALL {
            assert_eq!(Glyphs::from_name(glyphs.as_str()), Some(glyphs));
        }
        assert_eq!(Glyphs::from_name("tea-leaves"), None);
        let signs: String = [0, 25, 26, 128, 255].map(ramp).into_iter().collect();
        assert_eq!(signs, "  .+@");
    }
}
