//! How a frame is looked at: which part of it, and what its values look like. Chosen by the
//! operator, carried out by the maker.

/// A rectangle of a frame's own pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Roi {
    /// First column.
    pub x: u32,
    /// First row.
    pub y: u32,
    /// Columns, at least 1.
    pub width: u32,
    /// Rows, at least 1.
    pub height: u32,
}

impl Roi {
    /// All of a frame of that size.
    pub fn all((width, height): (u32, u32)) -> Self {
        Self {
            x: 0,
            y: 0,
            width: width.max(1),
            height: height.max(1),
        }
    }

    /// What of it lies in a frame of `width` x `height` pixels; `None` if nothing does.
    pub fn within(self, (width, height): (u32, u32)) -> Option<Self> {
        let columns = width.checked_sub(self.x)?.min(self.width);
        let rows = height.checked_sub(self.y)?.min(self.height);
        (columns > 0 && rows > 0).then_some(Self {
            width: columns,
            height: rows,
            ..self
        })
    }
}

/// Which values are drawn black and white.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Contrast {
    /// Between the percentiles of the whole frame, followed without flicker. A part that is
    /// enlarged changes nothing: the same value is drawn alike however it is looked at.
    #[default]
    Auto,
    /// The sensor's whole scale.
    Full,
    /// Between two values of the camera.
    Fixed {
        /// Drawn black.
        black: u16,
        /// Drawn white.
        white: u16,
    },
}

/// What a level between black and white looks like.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum ColorMap {
    /// Black to white.
    #[default]
    Grey,
    /// Perceptually uniform, dark violet to yellow.
    Viridis,
    /// Perceptually uniform, black over violet to pale yellow.
    Magma,
    /// Black over blue, red and orange to white, as ImageJ has it.
    Fire,
    /// Black to green, as a fluorophore.
    Green,
}

impl ColorMap {
    /// All of them, in the order of the key that changes them.
    pub const ALL: [Self; 5] = [
        Self::Grey,
        Self::Viridis,
        Self::Magma,
        Self::Fire,
        Self::Green,
    ];

    /// The word on the screen, in the palette and in the configuration.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Grey => "grey",
            Self::Viridis => "viridis",
            Self::Magma => "magma",
            Self::Fire => "fire",
            Self::Green => "green",
        }
    }

    /// The map of that word.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|map| map.as_str() == name)
    }
}

/// How a frame is looked at.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct View {
    /// The part that fills the room; all of the frame if there is none.
    pub part: Option<Roi>,
    /// Which values are drawn black and white.
    pub contrast: Contrast,
    /// Exponent of the display: a level `v` of `0.0..=1.0` is drawn as `v^(1/gamma)`. Between 0.1
    /// and 10; 1 changes nothing, more makes the dark parts brighter.
    pub gamma: f32,
    /// White is drawn black.
    pub invert: bool,
    /// Colours of grey frames.
    pub color_map: ColorMap,
    /// Values at or under what is drawn black, and at or over what is drawn white, get colours of
    /// their own.
    pub mark_clipped: bool,
    /// What is drawn is the difference to the reference frame, its zero in the middle of the scale.
    pub difference: bool,
}

impl Default for View {
    fn default() -> Self {
        Self {
            part: None,
            contrast: Contrast::default(),
            gamma: 1.0,
            invert: false,
            color_map: ColorMap::default(),
            mark_clipped: false,
            difference: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_region_is_cut_to_the_frame() {
        let roi = |x, y, width, height| Roi {
            x,
            y,
            width,
            height,
        };
        let cases = [
            (roi(0, 0, 8, 6), Some(roi(0, 0, 8, 6))),
            (roi(6, 5, 8, 6), Some(roi(6, 5, 2, 1))),
            (roi(8, 0, 1, 1), None),
            (roi(0, 9, 1, 1), None),
            (roi(3, 3, 0, 1), None),
            (roi(u32::MAX, 0, u32::MAX, 1), None),
            (roi(1, 1, u32::MAX, u32::MAX), Some(roi(1, 1, 7, 5))),
        ];
        for (roi, want) in cases {
            assert_eq!(roi.within((8, 6)), want, "{roi:?}");
        }
    }

    #[test]
    fn a_colour_map_is_found_by_its_name() {
        for map in ColorMap::ALL {
            assert_eq!(ColorMap::from_name(map.as_str()), Some(map));
        }
        assert_eq!(ColorMap::from_name("jet"), None);
    }
}
