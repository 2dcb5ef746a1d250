use super::*;

/// Grey pixels of 16 bits: a background, noise of a few counts and squares that stand out.
fn picture(width: usize, height: usize, seed: u64) -> Vec<u16> {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut pixels: Vec<u16> = (0..width * height).map(|_| random.u16(190..210)).collect();
    for (x, y) in [(3, 4), (20, 9), (30, 22)] {
        for row in y..y + 3 {
            pixels[row * width + x..][..3].fill(3000);
        }
    }
    pixels
}

fn bytes(pixels: &[u16]) -> Vec<u8> {
    pixels
        .iter()
        .flat_map(|value| value.to_le_bytes())
        .collect()
}

fn grey16<'a>(width: u32, height: u32, bytes: &'a [u8]) -> Raster<'a> {
    Raster::new(width, height, Layout::Grey16, bytes).unwrap()
}

fn measured(frame: &Raster<'_>, roi: Option<Roi>, bit_depth: Option<u8>) -> Measures {
    Measurer::new().measure(&mut Gauge::new(), frame, roi, bit_depth)
}

const ROI: Roi = Roi {
    x: 2,
    y: 3,
    width: 24,
    height: 20,
};

#[test]
fn a_picture_has_the_numbers_that_were_drawn_into_it() {
    let bytes = bytes(&picture(40, 30, 1));
    let measures = measured(&grey16(40, 30, &bytes), None, None);
    assert_eq!((measures.min, measures.max), (190, 3000));
    assert_eq!(measures.full_scale, 4095);
    assert_eq!(measures.spots.count, 3);
    assert_eq!((measures.saturated, measures.black), (0.0, 0.0));
    assert!((195.0..205.0).contains(&measures.p50), "{}", measures.p50);
    assert_eq!(measures.p99_8, 3000.0);
    let drift = measures.drift.unwrap();
    assert_eq!((drift.x_px, drift.y_px, drift.quality), (0.0, 0.0, 1.0));
    assert_eq!(measures.trends.tenengrad.of_best(), 1.0);
}

#[test]
fn a_region_is_measured_as_if_it_were_all_there_is() {
    let pixels = picture(40, 30, 1);
    let cut: Vec<u16> = pixels
        .chunks(40)
        .skip(3)
        .take(20)
        .flat_map(|row| row[2..26].to_vec())
        .collect();
    let (all, cut) = (bytes(&pixels), bytes(&cut));
    let part = measured(&grey16(40, 30, &all), Some(ROI), None);
    let whole = measured(&grey16(24, 20, &cut), None, None);
    assert_eq!((part.roi, part.frame_size_px), (ROI, (40, 30)));
    let as_whole = Measures {
        frame_size_px: whole.frame_size_px,
        roi: whole.roi,
        ..part
    };
    assert_eq!(as_whole, whole);
}

#[test]
fn a_region_beside_the_frame_is_all_of_it() {
    let bytes = bytes(&picture(40, 30, 1));
    let beside = Roi { x: 40, ..ROI };
    let measures = measured(&grey16(40, 30, &bytes), Some(beside), None);
    assert_eq!(measures.roi, Roi::all((40, 30)));
}

#[test]
fn the_scale_is_the_stated_one_or_the_learned_one() {
    let cases: [(u16, Option<u8>, u16, f64); 9] = [
        (4095, None, 4095, 0.01),
        (4096, None, 65_535, 0.0),
        (65_535, None, 65_535, 0.01),
        (1023, Some(10), 1023, 0.01),
        (1022, Some(10), 1023, 0.0),
        (255, Some(8), 255, 0.01),
        (16_383, Some(14), 16_383, 0.01),
        (65_535, Some(99), 65_535, 0.01),
        (65_535, Some(12), 65_535, 0.01),
    ];
    for (brightest, bit_depth, full_scale, saturated) in cases {
        let mut pixels = vec![33; 100];
        pixels[50] = brightest;
        let bytes = bytes(&pixels);
        let measures = measured(&grey16(10, 10, &bytes), None, bit_depth);
        let got = (measures.full_scale, measures.saturated);
        assert_eq!(got, (full_scale, saturated), "{brightest} {bit_depth:?}");
    }
}

#[test]
fn what_lies_outside_the_region_tells_of_the_sensor_too() {
    let mut pixels = vec![33; 100];
    pixels[99] = 50_000;
    let bytes = bytes(&pixels);
    let roi = Roi {
        x: 0,
        y: 0,
        width: 5,
        height: 5,
    };
    let measures = measured(&grey16(10, 10, &bytes), Some(roi), None);
    assert_eq!((measures.max, measures.full_scale), (33, 65_535));
}

#[test]
fn the_width_of_a_value_changes_no_number() {
    let mut random = fastrand::Rng::with_seed(5);
    let narrow: Vec<u8> = (0..1200).map(|_| random.u8(..)).collect();
    let wide: Vec<u8> = narrow.iter().flat_map(|&value| [0, value]).collect();
    let colour: Vec<u8> = narrow.iter().flat_map(|&value| [value; 3]).collect();
    let of =
        |layout, bytes: &[u8]| measured(&Raster::new(40, 30, layout, bytes).unwrap(), None, None);
    let grey = of(Layout::Grey8, &narrow);
    assert_eq!((grey.full_scale, grey.max), (255, 255));
    assert_eq!(of(Layout::Rgb8, &colour), grey);
    assert_eq!(of(Layout::Grey16, &wide), grey);
}

#[test]
fn small_regions_have_what_they_can_have() {
    let cases = [
        (1, 1, false, false),
        (2, 9, false, false),
        (9, 2, false, false),
        (3, 3, true, false),
        (16, 16, true, true),
    ];
    for (width, height, has_inside, has_drift) in cases {
        let pixels: Vec<u16> = (0..width * height).map(|i| (i * i) as u16).collect();
        let bytes = bytes(&pixels);
        let measures = measured(&grey16(width, height, &bytes), None, Some(16));
        let has = (
            measures.focus.is_some(),
            measures.noise.is_some(),
            measures.drift.is_some(),
        );
        assert_eq!(has, (has_inside, has_inside, has_drift), "{width}x{height}");
        assert!(measures.mean.is_finite() && measures.std_dev.is_finite());
    }
}

#[test]
fn another_region_begins_anew() {
    let (one, other) = (bytes(&picture(40, 30, 1)), bytes(&vec![200; 1200]));
    let (one, other) = (grey16(40, 30, &one), grey16(40, 30, &other));
    let mut gauge = Gauge::new();
    let mut measurer = Measurer::new();
    let mut of_best = |frame: &Raster<'_>, roi: Option<Roi>, reset: bool| {
        if reset {
            gauge.reset();
        }
        let trend = measurer
            .measure(&mut gauge, frame, roi, None)
            .trends
            .tenengrad;
        (trend.recent().len(), trend.of_best())
    };
    assert_eq!(of_best(&one, None, false), (1, 1.0));
    assert_eq!(of_best(&other, None, false), (2, 0.0));
    assert_eq!(of_best(&one, None, false), (3, 1.0));
    assert_eq!(of_best(&one, Some(ROI), false), (1, 1.0));
    assert_eq!(of_best(&one, Some(ROI), true), (1, 1.0));
}

#[test]
fn measuring_takes_no_memory_once_it_runs() {
    let frames = [1, 2].map(|seed| bytes(&picture(200, 160, seed)));
    let mut gauge = Gauge::new();
    let mut measurer = Measurer::new();
    let mut measure = |roi| {
        for frame in &frames {
            let raster = grey16(200, 160, frame);
            std::hint::black_box(measurer.measure(&mut gauge, &raster, roi, None));
        }
    };
    measure(Some(ROI));
    measure(None);
    let taken = allocation_counter::measure(|| {
        measure(None);
        measure(Some(ROI));
    });
    assert_eq!(taken.count_total, 0, "{taken:?}");
}
