//! The camera: its exposure and which part of the sensor it reads.

/// Longest exposure, microseconds.
const LONGEST_US: i32 = 1_000_000;

/// The camera's settings. The part it reads is centred: edges on the left and at the top decide
/// those on the right and at the bottom.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Camera {
    sensor_px: (u32, u32),
    pub exposure_us: i32,
    /// First column and row that are read, counted from 1.
    pub edges: (i32, i32),
}

impl Camera {
    pub(super) fn new(sensor_px: (u32, u32), exposure_us: i32) -> Self {
        Self {
            sensor_px,
            exposure_us: exposure_us.clamp(1, LONGEST_US),
            edges: (1, 1),
        }
    }

    /// Columns and rows that are read.
    pub(super) fn size_px(&self) -> (u32, u32) {
        let read = |sensor: u32, edge: i32| {
            let left_out = u32::try_from(edge.saturating_sub(1)).unwrap_or(0);
            sensor.saturating_sub(left_out.saturating_mul(2))
        };
        (
            read(self.sensor_px.0, self.edges.0),
            read(self.sensor_px.1, self.edges.1),
        )
    }

    /// Sets the first column; `false` if less than two would be left.
    pub(super) fn set_left(&mut self, edge: i32) -> bool {
        let fits = fits(edge, self.sensor_px.0);
        if fits {
            self.edges.0 = edge;
        }
        fits
    }

    /// Sets the first row; `false` if less than two would be left.
    pub(super) fn set_top(&mut self, edge: i32) -> bool {
        let fits = fits(edge, self.sensor_px.1);
        if fits {
            self.edges.1 = edge;
        }
        fits
    }

    /// Sets the exposure; `false` if the camera has no such.
    pub(super) fn set_exposure(&mut self, us: i32) -> bool {
        let fits = (1..=LONGEST_US).contains(&us);
        if fits {
            self.exposure_us = us;
        }
        fits
    }
}

fn fits(edge: i32, sensor: u32) -> bool {
    u32::try_from(edge).is_ok_and(|edge| edge >= 1 && edge <= sensor / 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edges_leave_a_centred_part() {
        let mut camera = Camera::new((2048, 1024), 10_000);
        assert_eq!(camera.size_px(), (2048, 1024));
        assert!(camera.set_left(513) && camera.set_top(512));
        assert_eq!(camera.size_px(), (1024, 2));
        for edge in [0, -1, i32::MIN, 1025, i32::MAX] {
            assert!(!camera.set_left(edge), "{edge}");
        }
        assert_eq!(camera.edges, (513, 512));
    }

    #[test]
    fn an_exposure_has_limits() {
        let mut camera = Camera::new((64, 64), 0);
        assert_eq!(camera.exposure_us, 1);
        assert!(camera.set_exposure(1_000_000));
        assert!(!camera.set_exposure(0) && !camera.set_exposure(1_000_001));
        assert_eq!(camera.exposure_us, 1_000_000);
    }
}
