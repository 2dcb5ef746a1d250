use proptest::prelude::*;

use super::*;

fn grey16(values: &[u16]) -> Vec<u8> {
    values
        .iter()
        .flat_map(|value| value.to_le_bytes())
        .collect()
}

fn whole(frame: &Raster<'_>, to: (u16, u16), color: bool, into: &mut Vec<u16>) -> Reduced {
    Reducer::default().reduce(frame, Roi::all(frame.size()), to, color, into)
}

fn reduced(width: u32, values: &[u16], to: (u16, u16)) -> (Vec<u16>, Extent) {
    let bytes = grey16(values);
    let height = values.len() as u32 / width;
    let raster = Raster::new(width, height, Layout::Grey16, &bytes).unwrap();
    let mut small = Vec::new();
    let all = Roi::all(raster.size());
    let reduced = Reducer::default().reduce(&raster, all, to, true, &mut small);
    (small, reduced.extent)
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
    let extent = whole(&raster, (1, 1), true, &mut small).extent;
    assert_eq!(small, [0x0180]);
    assert_eq!((extent.min, extent.max), (0x0100, 0x0200));
}

#[test]
fn colours_are_averaged_each_by_itself() {
    let raster = Raster::new(2, 1, Layout::Rgb8, &[255, 0, 10, 255, 100, 20]).unwrap();
    let mut small = Vec::new();
    whole(&raster, (1, 1), true, &mut small);
    assert_eq!(small, [0xff00, 50 << 8, 15 << 8]);
}

#[test]
fn the_tallest_box_does_not_overflow_its_sums() {
    let bytes = vec![0xff; MAX_SIDE_PX as usize * 2];
    let raster = Raster::new(1, MAX_SIDE_PX, Layout::Grey16, &bytes).unwrap();
    let mut small = Vec::new();
    whole(&raster, (1, 1), true, &mut small);
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
            fit(width, height, cols, rows),
            want,
            "{width}x{height} in {cols}x{rows}"
        );
    }
}

#[test]
fn narrow_dots_keep_the_aspect_of_the_frame() {
    let room = |dots, cell_px| Room {
        cells: (80, 24),
        dots,
        cell_px,
    };
    // A square frame fills the 24 rows, which are as high as 48 columns are wide.
    let cases = [
        ((1, 2), (1, 2), (48, 48)),
        ((2, 2), (1, 2), (96, 48)),
        ((2, 3), (1, 2), (96, 72)),
        ((2, 4), (1, 2), (96, 96)),
        ((8, 16), (8, 16), (384, 384)),
        ((10, 20), (10, 20), (480, 480)),
        // A cell that is not quite twice as high as it is wide: 24 * 17 / 9 columns.
        ((1, 2), (9, 17), (45, 48)),
        ((9, 17), (9, 17), (408, 408)),
        ((0, 0), (0, 0), (24, 24)),
    ];
    for (dots, cell_px, want) in cases {
        assert_eq!(
            room(dots, cell_px).fit((500, 500)),
            want,
            "{dots:?} {cell_px:?}"
        );
    }
    let absurd = Room {
        cells: (u16::MAX, u16::MAX),
        dots: (255, 255),
        cell_px: (u16::MAX, 1),
    };
    let (width, height) = absurd.fit((MAX_SIDE_PX, 1));
    assert!((1..=MAX_SMALL_PX).contains(&width) && (1..=MAX_SMALL_PX).contains(&height));
}

#[test]
fn a_part_is_reduced_as_if_it_were_a_frame() {
    let values: Vec<u16> = (0..48).map(|i| i * i).collect();
    let bytes = grey16(&values);
    let raster = Raster::new(8, 6, Layout::Grey16, &bytes).unwrap();
    let part = Roi {
        x: 3,
        y: 2,
        width: 4,
        height: 3,
    };
    let cut: Vec<u16> = (2..5)
        .flat_map(|y| values[y * 8 + 3..y * 8 + 7].to_vec())
        .collect();
    for to in [(1, 1), (2, 3), (4, 3), (9, 9)] {
        let mut small = Vec::new();
        let got = Reducer::default().reduce(&raster, part, to, true, &mut small);
        assert_eq!((small, got.extent), reduced(4, &cut, to), "{to:?}");
    }
}

#[test]
fn a_part_outside_is_the_whole_frame() {
    let bytes = grey16(&[1, 2, 3, 4]);
    let raster = Raster::new(2, 2, Layout::Grey16, &bytes).unwrap();
    let part = |x, y, width, height| Roi {
        x,
        y,
        width,
        height,
    };
    let cases: [(Roi, &[u16]); 4] = [
        (part(2, 0, 5, 5), &[1, 2, 3, 4]),
        (part(0, 0, 0, 1), &[1, 2, 3, 4]),
        (part(1, 1, u32::MAX, u32::MAX), &[4, 4, 4, 4]),
        (part(0, 1, 2, 9), &[3, 4, 3, 4]),
    ];
    for (part, want) in cases {
        let mut small = Vec::new();
        Reducer::default().reduce(&raster, part, (2, 2), true, &mut small);
        assert_eq!(small, want, "{part:?}");
    }
}

/// Two rows of four pixels with a colour each; the pairs share theirs.
const YUYV: [u8; 16] = [
    81, 90, 81, 240, 145, 54, 145, 34, 81, 90, 81, 240, 145, 54, 145, 34,
];
const NV12: [u8; 12] = [81, 81, 145, 145, 81, 81, 145, 145, 90, 240, 54, 34];

#[test]
fn shared_colours_are_reduced_from_where_they_lie() {
    let (red, green) = ([0xfe, 0, 0], [0, 0xff, 1]);
    for (layout, bytes) in [(Layout::Yuyv, &YUYV[..]), (Layout::Nv12, &NV12)] {
        let raster = Raster::new(4, 2, layout, bytes).unwrap();
        // From the middle of a pair to the middle of the next, and all of it.
        let parts = [
            (0, 4, vec![red, red, green, green]),
            (1, 2, vec![red, green]),
        ];
        for (x, width, want) in parts {
            let part = Roi {
                x,
                y: 0,
                width,
                height: 2,
            };
            let mut small = Vec::new();
            let to = (width as u16, 1);
            let got = Reducer::default().reduce(&raster, part, to, true, &mut small);
            assert_eq!(got.channels, 3);
            for (got, want) in small.as_chunks::<3>().0.iter().zip(want) {
                let near = got
                    .iter()
                    .zip(want)
                    .all(|(got, want)| (got >> 8).abs_diff(want) <= 1);
                assert!(near, "{layout:?} {got:x?} {want:x?}");
            }
            let got = Reducer::default().reduce(&raster, part, to, false, &mut small);
            assert_eq!((got.channels, small.len()), (1, usize::from(to.0)));
            // (81 - 16) and (145 - 16), of 219 levels of luma.
            assert_eq!((small[0] >> 8, small[small.len() - 1] >> 8), (75, 150));
            assert_eq!((got.extent.min >> 8, got.extent.max >> 8), (76, 150));
        }
    }
}

#[test]
fn the_mean_of_two_colours_is_between_them() {
    for (layout, bytes) in [(Layout::Yuyv, &YUYV[..]), (Layout::Nv12, &NV12)] {
        let raster = Raster::new(4, 2, layout, bytes).unwrap();
        let mut small = Vec::new();
        whole(&raster, (1, 1), true, &mut small);
        let got: Vec<u16> = small.iter().map(|value| value >> 8).collect();
        assert!(
            got[0].abs_diff(127) <= 1 && got[1].abs_diff(127) <= 1,
            "{got:?}"
        );
    }
}

#[test]
fn colours_that_are_not_wanted_are_reduced_to_luma() {
    let raster = Raster::new(2, 1, Layout::Rgb8, &[255, 0, 0, 255, 0, 0]).unwrap();
    let mut small = Vec::new();
    assert_eq!(whole(&raster, (1, 1), false, &mut small).channels, 1);
    let want = (0.299 * 65_280.0_f64) as u16;
    assert!(small[0].abs_diff(want) <= 1, "{small:?} {want}");
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
                step_of(y, usize::from(to.1), height),
                step_of(x, usize::from(to.0), width),
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
            let part = step_of(index, steps, length);
            prop_assert_eq!(part.start, next);
            next = part.end;
        }
        prop_assert_eq!(next, length);
    }
}
