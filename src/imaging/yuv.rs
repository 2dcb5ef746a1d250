//! Luma and colour differences, and red, green and blue.
//!
//! Source: ITU-R BT.601-7, sections 2.5.1 to 2.5.3: 8-bit luma of 16 to 235, colour differences of
//! 16 to 240 around 128, which is what V4L2 means by these formats unless a driver says otherwise.

/// One pixel as red, green and blue.
pub(super) fn rgb(y: u8, u: u8, v: u8) -> [u8; 3] {
    let wide = |value: u8| u16::from(value) << 8;
    // Half a level, as the lowest byte is cut off.
    mixed(wide(y), wide(u), wide(v), 128).map(|value| (value >> 8) as u8)
}

/// The mean of pixels as red, green and blue. All values have their level in the high byte and its
/// fraction in the low one.
///
/// The mean of what pixels are is what the mean of their parts is, up to colours that no screen
/// can show and that are cut off once here instead of pixel by pixel.
pub(super) fn rgb_of_means(y: u16, u: u16, v: u16) -> [u16; 3] {
    mixed(y, u, v, 0)
}

fn mixed(y: u16, u: u16, v: u16, rounding: i64) -> [u16; 3] {
    // In units of 1/65536; 255/219 of luma, and so on for the differences.
    let luma = 76_309 * (i64::from(y) - (16 << 8));
    let (u, v) = (i64::from(u) - (128 << 8), i64::from(v) - (128 << 8));
    let level = |value: i64| (((value >> 16) + rounding).clamp(0, 0xffff)) as u16;
    [
        level(luma + 104_597 * v),
        level(luma - 25_675 * u - 53_279 * v),
        level(luma + 132_201 * u),
    ]
    .map(|value| value.min(0xff00 + rounding as u16))
}

/// Luma of 16 to 235 on the whole scale of a byte.
pub(super) fn full_range(y: u8) -> u8 {
    rgb(y, 128, 128)[0]
}

/// How bright a colour is: 0.299, 0.587 and 0.114 of red, green and blue. On whatever scale those
/// are.
pub(super) fn luma_of([r, g, b]: [u16; 3]) -> u16 {
    let sum = 19_595 * u32::from(r) + 38_470 * u32::from(g) + 7_471 * u32::from(b);
    // The weights add up to 65536, so it is at most the largest of the three.
    (sum.saturating_add(32_768) >> 16) as u16
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Source: the 100 % colour bars of BT.601 in 8 bits.
    const BARS: [([u8; 3], [u8; 3]); 6] = [
        ([16, 128, 128], [0, 0, 0]),
        ([235, 128, 128], [255, 255, 255]),
        ([81, 90, 240], [254, 0, 0]),
        ([145, 54, 34], [0, 255, 1]),
        ([41, 240, 110], [0, 0, 255]),
        ([126, 128, 128], [128, 128, 128]),
    ];

    #[test]
    fn colour_bars_come_out_as_themselves() {
        for ([y, u, v], want) in BARS {
            let near = |got: [u8; 3]| got.iter().zip(want).all(|(a, b)| a.abs_diff(b) <= 1);
            let got = rgb(y, u, v);
            assert!(near(got), "{got:?} {want:?}");
            let wide = |value: u8| u16::from(value) << 8;
            let mean = rgb_of_means(wide(y), wide(u), wide(v)).map(|v| (v >> 8) as u8);
            assert!(near(mean), "{mean:?} {want:?}");
        }
    }

    #[test]
    fn what_no_screen_can_show_is_cut_off() {
        for (y, u, v) in [(0, 0, 0), (255, 255, 255), (255, 0, 255), (0, 255, 0)] {
            let wide = |value: u8| u16::from(value) << 8 | 0xff;
            assert!(
                rgb_of_means(wide(y), wide(u), wide(v))
                    .iter()
                    .all(|v| *v <= 0xff00)
            );
        }
        assert_eq!((full_range(0), full_range(255)), (0, 255));
    }

    #[test]
    fn luma_weighs_the_colours_and_keeps_grey() {
        for grey in [0, 1, 127, 255, 0xff00, 0xffff] {
            assert_eq!(luma_of([grey; 3]), grey);
        }
        assert_eq!(luma_of([255, 0, 0]), 76);
        assert_eq!(luma_of([0, 255, 0]), 150);
        assert_eq!(luma_of([0, 0, 255]), 29);
    }
}
