//! How noisy a picture is, told from the picture alone.
//!
//! Source: Immerkær, "Fast noise variance estimation", Computer Vision and Image Understanding
//! 64(2), 1996. The kernel is the difference of two Laplacians, so edges and slopes mostly fall
//! out of it and independent noise of the pixels stays. The same as scikit-image's formula for
//! `sqrt(pi / 2) / 6 * mean(|convolve(image, kernel)|)` on the pixels that have all neighbours.

use super::blocks::in_blocks;

/// Columns whose sum fits 32 bits: 4096 times at most 8 * 65535.
const BLOCK: usize = 4096;

/// The sum that the estimate is made of, added up row by row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Grain {
    sum: u64,
    pixels: u64,
}

impl Grain {
    /// Adds the row `here`, less its ends, with the rows above and below it. All of one length.
    pub(super) fn add(&mut self, above: &[u16], here: &[u16], below: &[u16]) {
        in_blocks([above, here, below], BLOCK, |[above, here, below]| {
            self.add_block(above, here, below);
        });
    }

    /// The kernel `1 -2 1 / -2 4 -2 / 1 -2 1`: the second difference down, then across.
    fn add_block(&mut self, above: &[u16], here: &[u16], below: &[u16]) {
        let Some(inner) = here.len().checked_sub(2) else {
            return;
        };
        let column = |x: usize| {
            let rows = [above, here, below].map(|row| &row[x..][..inner]);
            move |x: usize| {
                let [above, here, below] = rows.map(|row| i32::from(row[x]));
                above - 2 * here + below
            }
        };
        let (left, middle, right) = (column(0), column(1), column(2));
        let mut sum = 0_u32;
        for x in 0..inner {
            sum += (left(x) - 2 * middle(x) + right(x)).unsigned_abs();
        }
        self.sum += u64::from(sum);
        self.pixels += inner as u64;
    }

    /// Standard deviation of the noise, in counts; `None` of a picture with no pixel inside its
    /// border. A picture of fine detail reads higher than its noise is.
    pub(super) fn noise(&self) -> Option<f64> {
        let mean = self.sum as f64 / self.pixels as f64;
        (self.pixels > 0).then(|| std::f64::consts::FRAC_PI_2.sqrt() / 6.0 * mean)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_point_counts_sixteen_times() {
        let mut rows = vec![vec![0_u16; 5]; 5];
        rows[2][2] = 900;
        let mut grain = Grain::default();
        for three in rows.windows(3) {
            grain.add(&three[0], &three[1], &three[2]);
        }
        let want = (std::f64::consts::PI / 2.0).sqrt() / 6.0 * (16.0 * 900.0 / 9.0);
        assert!((grain.noise().unwrap() - want).abs() < 1e-9);
    }

    #[test]
    fn the_spread_of_noise_on_a_slope_is_found() {
        let mut noise = fastrand::Rng::with_seed(11);
        // The sum of twelve even ones is nearly normal, with a standard deviation of 1.
        let mut normal = || (0..12).map(|_| noise.f64()).sum::<f64>() - 6.0;
        let rows: Vec<Vec<u16>> = (0..128_u16)
            .map(|y| {
                (0..BLOCK as u16 + 40)
                    .map(|x| (1000.0 + f64::from(3 * y + x) + 25.0 * normal()) as u16)
                    .collect()
            })
            .collect();
        let mut grain = Grain::default();
        for three in rows.windows(3) {
            grain.add(&three[0], &three[1], &three[2]);
        }
        let found = grain.noise().unwrap();
        assert!((found - 25.0).abs() < 0.25, "{found}");
        assert_eq!(Grain::default().noise(), None);
    }
}
