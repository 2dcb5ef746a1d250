//! Where a region of the sensor begins, and how many tiles cover a range.

/// The left or top edge, counted from 1, that centres a region on the sensor:
/// `(sensor - size) / 2 + 1`. `None` when the region is empty or larger than the sensor.
///
/// Source: protocol description, section 12.2; full frame is 1, 1024 of 2048 is 513.
pub fn roi_edge(sensor_px: u32, size_px: u32) -> Option<u32> {
    if size_px == 0 {
        return None;
    }
    sensor_px
        .checked_sub(size_px)
        .and_then(|free| free.checked_div(2)?.checked_add(1))
}

/// How many tiles cover the range between the centres of the first and the last:
/// `ceil((|start - end| + fov) / (fov * (100 - overlap) / 100))`.
///
/// - `start`, `end`: centres of the corner tiles, mm
/// - `fov`: the side of one tile, mm
/// - `overlap_percent`: how much neighbours share, 0 to 50
///
/// `None` when a value is no number, the field of view is not positive or the overlap is out of
/// its range. Source: protocol description, section 13.2.
pub fn tile_count(start: f64, end: f64, fov: f64, overlap_percent: f64) -> Option<u32> {
    if !start.is_finite() || !end.is_finite() || !fov.is_finite() || fov <= 0.0 {
        return None;
    }
    if !(0.0..=50.0).contains(&overlap_percent) {
        return None;
    }
    let step = fov * (100.0 - overlap_percent) / 100.0;
    let tiles = ((start - end).abs() + fov) / step;
    // What rounding adds to a whole number is not one more tile.
    let tiles = (tiles - 1e-9).ceil().max(1.0);
    (tiles <= f64::from(u32::MAX)).then_some(tiles as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_region_is_centred_on_the_sensor() {
        let cases = [
            (2048, 2048, Some(1)),
            (2048, 1024, Some(513)),
            (2048, 2047, Some(1)),
            (2048, 2049, None),
            (2048, 0, None),
            (u32::MAX, 1, Some(0x8000_0000)),
        ];
        for (sensor, size, edge) in cases {
            assert_eq!(roi_edge(sensor, size), edge, "{size} of {sensor}");
        }
    }

    #[test]
    fn tiles_cover_the_range_with_their_overlap() {
        let cases = [
            ((1.0, 1.0, 0.5, 0.0), Some(1)),
            ((1.0, 2.0, 0.5, 0.0), Some(3)),
            ((2.0, 1.0, 0.5, 0.0), Some(3)),
            ((1.0, 2.0, 0.5, 10.0), Some(4)),
            ((0.0, 0.3, 0.1, 0.0), Some(4)),
            ((1.0, 1.0, 0.5, 50.0), Some(2)),
            ((1.0, 2.0, 0.0, 0.0), None),
            ((1.0, 2.0, 0.5, 51.0), None),
            ((1.0, f64::NAN, 0.5, 0.0), None),
            ((0.0, 1e300, 1e-9, 0.0), None),
        ];
        for ((start, end, fov, overlap), tiles) in cases {
            assert_eq!(
                tile_count(start, end, fov, overlap),
                tiles,
                "{start} {end} {fov} {overlap}"
            );
        }
    }
}
