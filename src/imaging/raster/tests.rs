use super::*;

fn part(x: u32, width: u32) -> Roi {
    Roi {
        x,
        y: 0,
        width,
        height: 1,
    }
}

/// A layout, a size, its bytes, and the values of each pixel of a row.
type Case = (Layout, (u32, u32), Vec<u8>, Vec<Vec<u16>>);

/// Four pixels in each way of lying: two that are grey, then red and green.
fn all() -> Vec<Case> {
    let grey = |values: [u16; 4]| values.map(|value| vec![value]).to_vec();
    let color = || {
        let colors = [[128; 3], [255; 3], [254, 0, 0], [0, 255, 1]];
        colors.map(|rgb: [u16; 3]| rgb.to_vec()).to_vec()
    };
    let yuyv = vec![126, 128, 235, 128, 81, 90, 81, 240];
    let nv12 = vec![126, 235, 81, 81, 126, 235, 81, 81, 128, 128, 90, 240];
    let red_twice = || {
        let mut colors = color();
        colors[3] = colors[2].clone();
        colors
    };
    let rgb = color()
        .concat()
        .into_iter()
        .map(|value| value as u8)
        .collect();
    vec![
        (
            Layout::Grey8,
            (4, 1),
            vec![0, 7, 9, 255],
            grey([0, 7, 9, 255]),
        ),
        (
            Layout::Grey16,
            (4, 1),
            vec![0, 0, 7, 1, 0xff, 0xff, 9, 0],
            grey([0, 263, 65_535, 9]),
        ),
        (Layout::Rgb8, (4, 1), rgb, color()),
        (Layout::Yuyv, (4, 1), yuyv, red_twice()),
        (Layout::Nv12, (4, 2), nv12, red_twice()),
    ]
}

fn near(got: &[u16], want: &[u16]) -> bool {
    got.len() == want.len() && got.iter().zip(want).all(|(a, b)| a.abs_diff(*b) <= 1)
}

#[test]
fn every_layout_gives_its_pixels_and_their_brightness() {
    for (layout, (width, height), bytes, pixels) in all() {
        let raster = Raster::new(width, height, layout, &bytes).unwrap();
        assert_eq!(raster.bytes(), bytes);
        for y in 0..height {
            let mut row = Vec::new();
            raster.luma_row(y, part(0, u32::MAX), &mut row);
            assert_eq!(row.len(), 4);
            for (x, want) in (0..).zip(&pixels) {
                let got = raster.pixel((x, y)).unwrap();
                assert!(near(&got, want), "{layout:?} {x} {y}: {got:?} {want:?}");
                let luma = raster.luma((x, y)).unwrap();
                assert_eq!(row[x as usize], luma);
                let of_pixel = match got[..] {
                    [r, g, b] => yuv::luma_of([r, g, b]),
                    _ => got[0],
                };
                assert!(luma.abs_diff(of_pixel) <= 1, "{layout:?} {x} {y}");
            }
            raster.luma_row(y, part(1, 2), &mut row);
            assert_eq!(row.len(), 2);
            assert_eq!(Some(row[0]), raster.luma((1, y)));
        }
    }
}

#[test]
fn outside_there_is_nothing() {
    for (layout, (width, height), bytes, _) in all() {
        let raster = Raster::new(width, height, layout, &bytes).unwrap();
        for at in [(width, 0), (0, height), (u32::MAX, u32::MAX)] {
            assert_eq!(raster.pixel(at), None, "{layout:?} {at:?}");
            assert_eq!(raster.luma(at), None, "{layout:?} {at:?}");
        }
        assert!(raster.row(height).is_empty() && raster.row(u32::MAX).is_empty());
        let mut row = vec![1];
        for (y, part) in [(height, part(0, 1)), (0, part(width, 1)), (0, part(0, 0))] {
            raster.luma_row(y, part, &mut row);
            assert!(row.is_empty(), "{layout:?} {y} {part:?}");
        }
    }
}

#[test]
fn pixels_that_share_their_colour_are_of_an_even_number() {
    let cases = [
        (Layout::Yuyv, (3, 2), None),
        (Layout::Yuyv, (4, 3), Some(24)),
        (Layout::Nv12, (4, 3), None),
        (Layout::Nv12, (3, 4), None),
        (Layout::Nv12, (4, 4), Some(24)),
        (Layout::Rgb8, (3, 3), Some(27)),
    ];
    for (layout, size, bytes) in cases {
        assert_eq!(layout.bytes(size), bytes, "{layout:?} {size:?}");
    }
}
