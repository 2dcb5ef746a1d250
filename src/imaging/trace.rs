//! Values along a line of a frame.

use super::picture::Segment;
use super::raster::Raster;

/// The most points of a profile: more than any terminal has columns.
pub const MAX_POINTS: u32 = 4_096;

/// How bright the pixels along a line are: a value for each step along its longer side, both ends
/// included, of the pixel nearest to the line (the pixels that Bresenham's algorithm visits);
/// values of colour frames are luma. Of a line longer than [`MAX_POINTS`] as many points at equal
/// distances. No mean is taken across the line.
///
/// An end outside is moved to the nearest pixel inside. Returns the line as it was then.
///
/// Point `i` of `n` is at `from + (to - from) * i / (n - 1)`, rounded to the nearest pixel.
pub fn profile(raster: &Raster<'_>, segment: Segment) -> (Segment, Vec<u16>) {
    let (width, height) = raster.size();
    let inside = |(x, y): (u32, u32)| {
        (
            x.min(width.saturating_sub(1)),
            y.min(height.saturating_sub(1)),
        )
    };
    let segment = Segment {
        from: inside(segment.from),
        to: inside(segment.to),
    };
    let (from, to) = (segment.from, segment.to);
    let steps = from.0.abs_diff(to.0).max(from.1.abs_diff(to.1));
    let steps = steps.min(MAX_POINTS - 1);
    let at = |from: u32, to: u32, step: u32| {
        if steps == 0 {
            return from;
        }
        // Sides are at most 65535 and steps 4095: it fits.
        let moved = (from.abs_diff(to) * step + steps / 2) / steps;
        if to >= from {
            from + moved
        } else {
            from - moved
        }
    };
    let values = (0..=steps)
        .filter_map(|step| raster.luma((at(from.0, to.0, step), at(from.1, to.1, step))))
        .collect();
    (segment, values)
}

#[cfg(test)]
mod tests {
    use super::super::raster::Layout;
    use super::*;

    fn along(raster: &Raster<'_>, from: (u32, u32), to: (u32, u32)) -> Vec<u16> {
        profile(raster, Segment { from, to }).1
    }

    #[test]
    fn a_line_reads_the_pixels_next_to_it() {
        // A value says where it stands: ten times the row, plus the column.
        let bytes: Vec<u8> = (0..5)
            .flat_map(|y| (0..8).map(move |x| y * 10 + x))
            .collect();
        let raster = Raster::new(8, 5, Layout::Grey8, &bytes).unwrap();
        type Case = ((u32, u32), (u32, u32), &'static [u16]);
        let cases: [Case; 7] = [
            ((2, 1), (2, 1), &[12]),
            ((0, 0), (7, 0), &[0, 1, 2, 3, 4, 5, 6, 7]),
            ((3, 4), (3, 1), &[43, 33, 23, 13]),
            ((0, 0), (4, 4), &[0, 11, 22, 33, 44]),
            ((4, 4), (0, 0), &[44, 33, 22, 11, 0]),
            ((0, 0), (4, 2), &[0, 11, 12, 23, 24]),
            ((6, 0), (99, 99), &[6, 16, 27, 37, 47]),
        ];
        for (from, to, want) in cases {
            assert_eq!(along(&raster, from, to), want, "{from:?} to {to:?}");
        }
        let outside = Segment {
            from: (u32::MAX, 2),
            to: (0, u32::MAX),
        };
        let inside = Segment {
            from: (7, 2),
            to: (0, 4),
        };
        assert_eq!(profile(&raster, outside).0, inside);
    }

    #[test]
    fn a_long_line_has_no_more_points_than_can_be_drawn() {
        let bytes: Vec<u8> = (0..65_535_u32)
            .flat_map(|x| (x as u16).to_le_bytes())
            .collect();
        let raster = Raster::new(65_535, 1, Layout::Grey16, &bytes).unwrap();
        let values = along(&raster, (65_534, 0), (0, 0));
        assert_eq!(values.len(), MAX_POINTS as usize);
        assert_eq!((values[0], values[values.len() - 1]), (65_534, 0));
        assert!(values.is_sorted_by(|a, b| a > b));
    }

    #[test]
    fn colours_are_read_as_luma() {
        let raster = Raster::new(2, 1, Layout::Rgb8, &[255, 0, 0, 0, 255, 0]).unwrap();
        assert_eq!(along(&raster, (0, 0), (1, 0)), [76, 150]);
    }
}
