//! What a level between black and white looks like, as a table.

use super::view::{ColorMap, View};

/// The last index of a [`Table`]; its half is the middle of the scale.
pub(super) const TOP: u32 = 4_096;

/// Drawn where values are at or under what is drawn black, and at or over what is drawn white.
/// Source: the HiLo table of ImageJ, which microscopists know.
pub const UNDER: [u8; 3] = [0, 0, 255];
/// See [`UNDER`].
pub const OVER: [u8; 3] = [255, 0, 0];

/// Dark violet over green to yellow. Source: matplotlib 3.11, `_cm_listed.py` (CC0), van der Walt
/// and Smith, every 8th of 256; between them it is never more than 2 of 255 off.
const VIRIDIS: [u32; 33] = [
    0x440154, 0x470d60, 0x48186a, 0x482374, 0x472d7b, 0x453681, 0x424086, 0x3f4989, 0x3b528b,
    0x375a8d, 0x33638d, 0x2f6a8e, 0x2c728e, 0x297a8e, 0x26818e, 0x23898e, 0x21908c, 0x1f988b,
    0x1f9f88, 0x21a685, 0x28ae80, 0x31b57b, 0x3ebc74, 0x4cc26c, 0x5dc963, 0x6ece58, 0x82d34c,
    0x96d83f, 0xabdc32, 0xc0df24, 0xd5e21a, 0xeae51a, 0xfde725,
];

/// Black over violet to pale yellow. Source: as of [`VIRIDIS`].
const MAGMA: [u32; 33] = [
    0x000004, 0x030311, 0x0a0822, 0x130d33, 0x1d1146, 0x28115a, 0x36106a, 0x430f76, 0x50127c,
    0x5d177f, 0x691c81, 0x762181, 0x822681, 0x8f2a81, 0x9c2e7f, 0xa9327d, 0xb63779, 0xc33b75,
    0xcf4170, 0xdb486a, 0xe65163, 0xee5c5e, 0xf5695c, 0xf9785d, 0xfb8761, 0xfd9668, 0xfea571,
    0xfeb47b, 0xfec387, 0xfed194, 0xfde0a2, 0xfceeb0, 0xfcfdbf,
];

/// Black over blue, red and orange to white. Source: ImageJ (public domain), `LutLoader`, "Fire".
const FIRE: [u32; 32] = [
    0x000000, 0x00003d, 0x010060, 0x190082, 0x3100a5, 0x4900c0, 0x6200dc, 0x7a00e3, 0x9200d2,
    0xa200b5, 0xad0097, 0xb8007a, 0xc3005d, 0xcf0e40, 0xd92323, 0xe53905, 0xf04f00, 0xfc6500,
    0xff7500, 0xff8500, 0xff9300, 0xffa100, 0xffaf00, 0xffbe00, 0xffcd00, 0xffdb00, 0xffea00,
    0xfff823, 0xffff62, 0xffffa0, 0xffffdf, 0xffffff,
];

/// Light blue over black to light red, for differences. Source: Crameri, Scientific colour maps,
/// "berlin" (MIT), as matplotlib 3.11 has it, every 8th of 256.
const BERLIN: [u32; 33] = [
    0x9eb0ff, 0x8caef6, 0x79abed, 0x65a7e2, 0x529fd3, 0x4194c1, 0x3686ad, 0x2e779a, 0x286886,
    0x235a74, 0x1d4b61, 0x183e50, 0x14313f, 0x11252f, 0x111a20, 0x121214, 0x190c09, 0x210b03,
    0x2a0e01, 0x351000, 0x401201, 0x4c1602, 0x5a1c07, 0x6a2610, 0x7c331d, 0x8d412c, 0x9c503d,
    0xac5e4f, 0xbc6e61, 0xcc7d74, 0xdd8d86, 0xee9d9a, 0xffadad,
];

impl ColorMap {
    /// The colour of a level of `0.0..=1.0`.
    pub fn color(self, level: f32) -> [u8; 3] {
        match self {
            Self::Grey => [byte(level); 3],
            Self::Green => [0, byte(level), 0],
            Self::Viridis => between(&VIRIDIS, level),
            Self::Magma => between(&MAGMA, level),
            Self::Fire => between(&FIRE, level),
        }
    }
}

/// The colour of a difference: 0.5 is none.
pub fn diverging(level: f32) -> [u8; 3] {
    between(&BERLIN, level)
}

fn byte(level: f32) -> u8 {
    (level.clamp(0.0, 1.0) * 255.0).round() as u8
}

/// Between the two nearest of some colours of equal distance.
fn between(colors: &[u32], level: f32) -> [u8; 3] {
    let last = colors.len().saturating_sub(1);
    let at = level.clamp(0.0, 1.0) * last as f32;
    let index = (at as usize).min(last.saturating_sub(1));
    let part = at - index as f32;
    let [_, r, g, b] = colors.get(index).copied().unwrap_or(0).to_be_bytes();
    let [_, r2, g2, b2] = colors.get(index + 1).copied().unwrap_or(0).to_be_bytes();
    [(r, r2), (g, g2), (b, b2)].map(|(from, to)| {
        let (from, to) = (f32::from(from), f32::from(to));
        (from + (to - from) * part).round() as u8
    })
}

/// What a table is made of; while it is the same, so is the table.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Made {
    gamma: f32,
    invert: bool,
    map: Option<ColorMap>,
}

/// The colours of [`TOP`] + 1 levels from black to white.
#[derive(Debug, Default)]
pub(super) struct Table {
    colors: Vec<[u8; 3]>,
    made: Option<Made>,
}

impl Table {
    /// The colours of levels from black to white, as a view has them.
    ///
    /// - `color`: the frame has colours of its own; each of the three is one of the table's greys
    pub(super) fn of_levels(&mut self, view: &View, color: bool) -> &[[u8; 3]] {
        let map = if color {
            ColorMap::Grey
        } else {
            view.color_map
        };
        self.make(view, Some(map))
    }

    /// The colours of differences from the most negative to the most positive one.
    pub(super) fn of_differences(&mut self, view: &View) -> &[[u8; 3]] {
        self.make(view, None)
    }

    fn make(&mut self, view: &View, map: Option<ColorMap>) -> &[[u8; 3]] {
        let made = Made {
            gamma: sound(view.gamma),
            invert: view.invert,
            map,
        };
        if self.made != Some(made) {
            let levels = (0..=TOP).map(|index| index as f32 / TOP as f32);
            self.colors.clear();
            self.colors.extend(levels.map(|level| made.color(level)));
            self.made = Some(made);
        }
        &self.colors
    }
}

impl Made {
    fn color(self, level: f32) -> [u8; 3] {
        let bent = |level: f32| {
            if self.gamma == 1.0 {
                level
            } else {
                level.powf(self.gamma.recip())
            }
        };
        let turned = |level: f32| if self.invert { 1.0 - level } else { level };
        match self.map {
            // The curve belongs to the values: inverting comes after it.
            Some(map) => map.color(turned(bent(level))),
            None => {
                let from_zero = 2.0 * level - 1.0;
                diverging(turned(
                    0.5 + 0.5 * bent(from_zero.abs()).copysign(from_zero),
                ))
            }
        }
    }
}

/// A gamma that can be used: what is no number is 1, and what is too much is as much as there is.
pub(super) fn sound(gamma: f32) -> f32 {
    match gamma.is_nan() {
        true => 1.0,
        false => gamma.clamp(0.1, 10.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view() -> View {
        View::default()
    }

    fn levels(view: &View) -> [[u8; 3]; 3] {
        let mut table = Table::default();
        let colors = table.of_levels(view, false);
        assert_eq!(colors.len(), TOP as usize + 1);
        [0, TOP as usize / 2, TOP as usize].map(|index| colors[index])
    }

    #[test]
    fn every_map_has_its_ends_and_its_middle() {
        let cases = [
            (ColorMap::Grey, [[0; 3], [128; 3], [255; 3]]),
            (
                ColorMap::Viridis,
                [[68, 1, 84], [33, 144, 140], [253, 231, 37]],
            ),
            (
                ColorMap::Magma,
                [[0, 0, 4], [182, 55, 121], [252, 253, 191]],
            ),
            (ColorMap::Fire, [[0; 3], [235, 68, 3], [255; 3]]),
            (ColorMap::Green, [[0; 3], [0, 128, 0], [0, 255, 0]]),
        ];
        assert_eq!(cases.map(|(map, _)| map), ColorMap::ALL);
        for (color_map, want) in cases {
            assert_eq!(
                levels(&View {
                    color_map,
                    ..view()
                }),
                want,
                "{color_map:?}"
            );
            let inverted = View {
                color_map,
                invert: true,
                ..view()
            };
            let [black, middle, white] = want;
            assert_eq!(levels(&inverted), [white, middle, black], "{color_map:?}");
        }
    }

    #[test]
    fn the_perceptual_maps_grow_brighter_all_the_way() {
        for color_map in [ColorMap::Grey, ColorMap::Viridis, ColorMap::Magma] {
            let mut table = Table::default();
            let colors = table.of_levels(
                &View {
                    color_map,
                    ..view()
                },
                false,
            );
            let luma = |color: &[u8; 3]| super::super::yuv::luma_of(color.map(u16::from));
            let mut brightest = 0;
            for color in colors {
                assert!(luma(color) + 1 >= brightest, "{color_map:?} {color:?}");
                brightest = brightest.max(luma(color));
            }
        }
    }

    #[test]
    fn gamma_bends_the_middle_and_leaves_the_ends() {
        // 0.5^(1/2) and 0.5^2 of 255.
        for (gamma, want) in [(1.0, 128), (2.0, 180), (0.5, 64), (f32::NAN, 128)] {
            assert_eq!(
                levels(&View { gamma, ..view() }),
                [[0; 3], [want; 3], [255; 3]]
            );
        }
        for (gamma, same) in [(0.0, 0.1), (-3.0, 0.1), (99.0, 10.0), (f32::INFINITY, 10.0)] {
            assert_eq!(
                levels(&View { gamma, ..view() }),
                levels(&View {
                    gamma: same,
                    ..view()
                })
            );
        }
    }

    #[test]
    fn an_inverted_picture_is_the_same_picture_the_other_way_round() {
        let plain = View {
            gamma: 2.0,
            ..view()
        };
        let inverted = View {
            invert: true,
            ..plain
        };
        let (mut one, mut other) = (Table::default(), Table::default());
        let pairs = one
            .of_levels(&plain, false)
            .iter()
            .zip(other.of_levels(&inverted, false));
        for ([value, ..], [inverse, ..]) in pairs {
            assert!((i32::from(*value) + i32::from(*inverse) - 255).abs() <= 1);
        }
    }

    #[test]
    fn no_difference_is_the_middle_whatever_the_gamma() {
        let zero = [0x19, 0x0c, 0x09];
        for gamma in [0.3, 1.0, 2.2] {
            for invert in [false, true] {
                let mut table = Table::default();
                let view = View {
                    gamma,
                    invert,
                    ..view()
                };
                let colors = table.of_differences(&view);
                assert_eq!(colors[TOP as usize / 2], zero);
                let mut ends = [colors[0], colors[TOP as usize]];
                if invert {
                    ends.reverse();
                }
                assert_eq!(ends, [[0x9e, 0xb0, 0xff], [0xff, 0xad, 0xad]]);
            }
        }
    }

    #[test]
    fn colour_frames_keep_their_colours() {
        let view = View {
            color_map: ColorMap::Fire,
            ..view()
        };
        let mut table = Table::default();
        assert!(
            table
                .of_levels(&view, true)
                .iter()
                .all(|[r, g, b]| r == g && g == b)
        );
        // And the table is made anew when the next frame is grey.
        assert_eq!(
            table.of_levels(&view, false)[TOP as usize / 2],
            [235, 68, 3]
        );
    }
}
