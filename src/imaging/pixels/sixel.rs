//! Sixels. They are as large as their pixels, so the picture is brought to the size of its cells.

use icy_sixel::{EncodeOptions, sixel_encode};

use super::Picture;

/// Longest side: more than any screen has.
const MOST_PX: usize = 4_096;

/// The picture for so many columns and rows of cells of `cell_px` pixels each.
pub(super) fn encode(
    picture: &Picture,
    (cols, rows): (u16, u16),
    cell_px: (u8, u8),
) -> Option<String> {
    let (width, height) = (
        usize::from(picture.width_px),
        usize::from(picture.height_px),
    );
    let wide = usize::from(cols) * usize::from(cell_px.0);
    let high = usize::from(rows) * usize::from(cell_px.1);
    if !(1..=MOST_PX).contains(&wide) || !(1..=MOST_PX).contains(&high) {
        return None;
    }
    let mut rgba = Vec::with_capacity(wide * high * 4);
    for y in 0..high {
        let from = y * height / high * width;
        let row = picture.pixels.get(from..from + width)?;
        for x in 0..wide {
            let [r, g, b] = *row.get(x * width / wide)?;
            rgba.extend_from_slice(&[r, g, b, u8::MAX]);
        }
    }
    // No diffusion: the noise of a camera hides the steps, and what is even stays short.
    let options = EncodeOptions {
        diffusion: 0.0,
        ..EncodeOptions::default()
    };
    sixel_encode(&rgba, wide, high, &options).ok()
}
