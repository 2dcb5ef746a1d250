use proptest::prelude::*;

use super::*;

fn grey16(values: &[u16]) -> Vec<u8> {
    values
        .iter()
        .flat_map(|value| value.to_le_bytes())
        .collect()
}

fn reduced(width: u32, values: &[u16], to: (u16, u16)) -> (Vec<u16>, Extent) {
    let bytes = grey16(values);
    let height = values.len() as u32 / width;
    let raster = Raster::new(width, height, Layout::Grey16, &bytes).unwrap();
    let mut small = Vec::new();
    let extent = Reducer::default().reduce(&raster, to, &mut small);
    (small, extent)
}

#[test]
fn known_pictures_have_exactly_these_means() {
    let ramp: Vec<u16> = (0..16).map(|i| i * 100).collect();
    let checks: Vec<u16> = (0..16)
        .map(|i| if (i + i / 4) % 2 == 0 { 0 } else { 4095 })
        .collect();
    let mut bright = vec![10; 16];
    bright[5] = 65_535;
    let cases = [
        ("gradient", &ramp, (2, 2), vec![250, 450, 1050, 1250]),
        ("gradient, one pixel", &ramp, (1, 1), vec![750]),
        ("gradient, as it is", &ramp, (4, 4), ramp.clone()),
        ("chequers", &checks, (2, 2), vec![2048; 4]),
        // (65535 + 3 * 10) / 4 = 16391.25
        (
            "one bright pixel",
            &bright,
            (2, 2),
            vec![16_391, 10, 10, 10],
        ),
        // Boxes of 1, 1 and 2 columns.
        ("boxes of two sizes", &ramp, (3, 1), vec![600, 700, 850]),
    ];
    for (name, values, to, want) in cases {
        assert_eq!(reduced(4, values, to).0, want, "{name}");
    }
}

#[test]
fn a_small_frame_is_enlarged_by_whole_pixels() {
    let (small, extent) = reduced(2, &[1, 2, 3, 4], (4, 4));
    assert_eq!(small, [1, 1, 2, 2, 1, 1, 2, 2, 3, 3, 4, 4, 3, 3, 4, 4]);
    assert_eq!((extent.min, extent.max, extent.bits), (1, 4, 7));
}

#[test]
fn eight_bits_keep_the_fraction_of_their_mean() {
    let raster = Raster::new(2, 1, Layout::Grey8, &[1, 2]).unwrap();
    let mut small = Vec::new();
    let extent = Reducer::default().reduce(&raster, (1, 1), &mut small);
    assert_eq!(small, [0x0180]);
    assert_eq!((extent.min, extent.max), (0x0100, 0x0200));
}

#[test]
fn colours_are_averaged_each_by_itself() {
    let raster = Raster::new(2, 1, Layout::Rgb8, &[255, 0, 10, 255, 100, 20]).unwrap();
    let mut small = Vec::new();
    Reducer::default().reduce(&raster, (1, 1), &mut small);
    assert_eq!(small, [0xff00, 50 << 8, 15 << 8]);
}

#[test]
fn the_tallest_box_does_not_overflow_its_sums() {
    let bytes = vec![0xff; MAX_SIDE_PX as usize * 2];
    let raster = Raster::new(1, MAX_SIDE_PX, Layout::Grey16, &bytes).unwrap();
    let mut small = Vec::new();
    Reducer::default().reduce(&raster, (1, 1), &mut small);
    assert_eq!(small, [u16::MAX]);
}

#[test]
fn a_picture_fills_the_room_and_keeps_its_aspect() {
    let cases = [
        // (frame, cells at hand, pixels)
        ((2048, 2048), (80, 24), (48, 48)),
        ((2048, 2048), (40, 48), (40, 40)),
        ((640, 480), (80, 24), (64, 48)),
        ((1920, 1080), (80, 24), (80, 45)),
        ((1, 1), (80, 24), (48, 48)),
        ((2, 1), (80, 24), (80, 40)),
        ((65_535, 1), (80, 24), (80, 1)),
        ((1, 65_535), (80, 24), (1, 48)),
        ((100, 100), (0, 0), (1, 1)),
        ((100, 100), (u16::MAX, u16::MAX), (2048, 2048)),
    ];
    for ((width, height), (cols, rows), want) in cases {
        assert_eq!(
            fit(width, height, (cols, rows), (1, 2)),
            want,
            "{width}x{height} in {cols}x{rows}"
        );
    }
}

#[test]
fn a_square_is_square_whatever_its_cells_are_made_of() {
    let cases = [
        // (dots of a cell, dots of a square in 80 x 10 cells)
        ((1, 1), (20, 10)),
        ((1, 2), (20, 20)),
        ((2, 2), (40, 20)),
        ((2, 3), (40, 30)),
        ((2, 4), (40, 40)),
        ((9, 18), (180, 180)),
        ((0, 0), (20, 10)),
    ];
    for (dots, want) in cases {
        assert_eq!(fit(512, 512, (80, 10), dots), want, "{dots:?}");
    }
    assert_eq!(fit(u32::MAX, 1, (80, 24), (255, 255)), (2048, 1));
    assert_eq!(fit(1, u32::MAX, (80, 24), (255, 255)), (1, 2048));
}

#[test]
fn a_size_that_its_bytes_do_not_have_is_no_raster() {
    let cases = [
        (0, 0, 0),
        (0, 1, 0),
        (2, 2, 7),
        (2, 2, 9),
        (65_536, 1, 131_072),
    ];
    for (width, height, len) in cases {
        let bytes = vec![0; len];
        assert!(
            Raster::new(width, height, Layout::Grey16, &bytes).is_none(),
            "{width}x{height} of {len} bytes"
        );
    }
    assert!(Raster::new(u32::MAX, u32::MAX, Layout::Rgb8, &[]).is_none());
}

/// Box by box, in floating point, as one would write it down.
fn plainly(values: &[u16], width: usize, to: (u16, u16)) -> Vec<u16> {
    let height = values.len() / width;
    let mut out = Vec::new();
    for y in 0..usize::from(to.1) {
        for x in 0..usize::from(to.0) {
            let (rows, columns) = (
                part(y, usize::from(to.1), height),
                part(x, usize::from(to.0), width),
            );
            let mut sum = 0.0;
            for row in rows.clone() {
                for column in columns.clone() {
                    sum += f64::from(values[row * width + column]);
                }
            }
            let mean = sum / (rows.len() * columns.len()) as f64;
            out.push((mean + 0.5).floor() as u16);
        }
    }
    out
}

proptest! {
    #[test]
    fn it_agrees_with_the_plain_way(
        width in 1_usize..40,
        height in 1_usize..40,
        to in (1_u16..50, 1_u16..50),
        seed in any::<u64>(),
    ) {
        let mut state = seed;
        let values: Vec<u16> = (0..width * height)
            .map(|_| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                (state >> 48) as u16
            })
            .collect();
        let (small, extent) = reduced(width as u32, &values, to);
        prop_assert_eq!(small, plainly(&values, width, to));
        prop_assert_eq!(Some(extent.min), values.iter().min().copied());
        prop_assert_eq!(Some(extent.max), values.iter().max().copied());
        prop_assert_eq!(extent.bits, values.iter().fold(0, |bits, value| bits | value));
    }

    #[test]
    fn boxes_leave_no_gap(length in 1_usize..5_000, steps in 1_usize..300) {
        prop_assume!(steps <= length);
        let mut next = 0;
        for index in 0..steps {
            let part = part(index, steps, length);
            prop_assert_eq!(part.start, next);
            next = part.end;
        }
        prop_assert_eq!(next, length);
    }
}
