//! Pixels of cameras that send luma and shared colour, as red, green and blue.
//!
//! Source: ITU-R BT.601-7, sections 2.5.1 to 2.5.3: 8-bit luma of 16 to 235, colour differences of
//! 16 to 240 around 128, which is what V4L2 means by these formats unless a driver says otherwise.

/// Replaces `into` by the pixels of packed 4:2:2, `Y U Y V` for each two.
pub(super) fn from_yuyv(bytes: &[u8], into: &mut Vec<u8>) {
    into.clear();
    into.reserve(bytes.len() / 2 * 3);
    for [first, u, second, v] in bytes.as_chunks::<4>().0 {
        into.extend(rgb(*first, *u, *v));
        into.extend(rgb(*second, *u, *v));
    }
}

/// Replaces `into` by the pixels of a plane of luma and one of `U V` pairs.
///
/// - `width`, `height`: even; `bytes` is exactly the two planes
pub(super) fn from_nv12(bytes: &[u8], (width, height): (usize, usize), into: &mut Vec<u8>) {
    into.clear();
    into.reserve(width * height * 3);
    let (luma, color) = bytes.split_at(width * height);
    for (y, row) in luma.chunks_exact(width).enumerate() {
        let pairs = &color[y / 2 * width..][..width];
        for (two, [u, v]) in row.as_chunks::<2>().0.iter().zip(pairs.as_chunks().0) {
            into.extend(rgb(two[0], *u, *v));
            into.extend(rgb(two[1], *u, *v));
        }
    }
}

fn rgb(y: u8, u: u8, v: u8) -> [u8; 3] {
    // In units of 1/65536; 255/219 of luma, and so on for the differences.
    let luma = 76_309 * (i32::from(y) - 16) + 32_768;
    let (u, v) = (i32::from(u) - 128, i32::from(v) - 128);
    let level = |value: i32| (value >> 16).clamp(0, 255) as u8;
    [
        level(luma + 104_597 * v),
        level(luma - 25_675 * u - 53_279 * v),
        level(luma + 132_201 * u),
    ]
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
            let mut packed = Vec::new();
            from_yuyv(&[y, u, y, v], &mut packed);
            let near = |got: &[u8]| got.iter().zip(want).all(|(a, b)| a.abs_diff(b) <= 1);
            assert!(
                near(&packed[..3]) && near(&packed[3..]),
                "{packed:?} {want:?}"
            );
            let mut planes = Vec::new();
            from_nv12(&[y, y, y, y, u, v], (2, 2), &mut planes);
            assert_eq!(planes, [packed.clone(), packed].concat());
        }
    }
}
