//! How pictures come onto the screen: in cells, or in pixels where the terminal has a way.

use super::picture::Glyphs;
pub use crate::imaging::pixels::Protocol;

/// How pictures are drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Graphics {
    /// As signs in cells, which every terminal can show.
    Cells(Glyphs),
    /// As pixels.
    Pixels(Protocol),
}

/// What is known of the terminal's pictures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terminal {
    /// The best it can do.
    pub best: Graphics,
    /// Columns and rows of pixels of a cell.
    pub cell_px: (u8, u8),
    /// Pixels have to be handed on by tmux.
    pub through_tmux: bool,
    /// How that is known, for people.
    pub why: String,
}

/// What a cell has where the terminal does not say: common, and as high as twice its width.
pub const USUAL_CELL_PX: (u8, u8) = (10, 20);

impl Graphics {
    /// All of them, in the order of the help.
    pub const ALL: [Self; 9] = [
        Self::Cells(Glyphs::HalfBlocks),
        Self::Cells(Glyphs::Quadrants),
        Self::Cells(Glyphs::Sextants),
        Self::Cells(Glyphs::Braille),
        Self::Cells(Glyphs::Ascii),
        Self::Cells(Glyphs::Numbers),
        Self::Pixels(Protocol::Kitty),
        Self::Pixels(Protocol::ITerm2),
        Self::Pixels(Protocol::Sixel),
    ];

    /// The word in the palette and in the configuration.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Cells(glyphs) => glyphs.as_str(),
            Self::Pixels(Protocol::Kitty) => "kitty",
            Self::Pixels(Protocol::ITerm2) => "iterm2",
            Self::Pixels(Protocol::Sixel) => "sixel",
        }
    }

    /// The graphics of that word.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.as_str() == name)
    }

    /// What the operator may write: `auto`, or one of all.
    pub fn words() -> impl Iterator<Item = &'static str> {
        std::iter::once(AUTO).chain(Self::ALL.map(Self::as_str))
    }

    /// The signs of a picture for which there are no pixels.
    pub fn glyphs(self) -> Glyphs {
        match self {
            Self::Cells(glyphs) => glyphs,
            Self::Pixels(_) => Glyphs::HalfBlocks,
        }
    }

    /// How pixels are sent, if they are and the program was built with that.
    pub fn protocol(self) -> Option<Protocol> {
        match self {
            Self::Cells(_) => None,
            Self::Pixels(protocol) => Some(protocol).filter(|protocol| protocol.is_built_in()),
        }
    }
}

/// The word for: what the terminal can.
pub const AUTO: &str = "auto";

impl Default for Graphics {
    fn default() -> Self {
        Self::Cells(Glyphs::default())
    }
}

impl Default for Terminal {
    /// One that has said nothing.
    fn default() -> Self {
        Self {
            best: Graphics::default(),
            cell_px: USUAL_CELL_PX,
            through_tmux: false,
            why: "it was not asked".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_is_found_by_its_word() {
        for graphics in Graphics::ALL {
            assert_eq!(Graphics::from_name(graphics.as_str()), Some(graphics));
        }
        assert_eq!(Graphics::from_name(AUTO), None);
        assert_eq!(Graphics::words().count(), 10);
    }
}
