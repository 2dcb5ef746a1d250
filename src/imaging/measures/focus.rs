//! How sharp a picture is: three scores that are highest in focus, on the scale of the scene.
//!
//! They compare pictures of one scene with one another and say nothing across scenes, which is
//! why they are shown as a fraction of the best one seen (`trend.rs`).

use super::blocks::in_blocks;

/// Columns whose sums fit 32 bits: 4096 times a second difference of at most 4 * 65535.
const BLOCK: usize = 4096;

/// How sharp a picture is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Focus {
    /// Variance of the Laplacian, in counts squared: `scipy.ndimage.laplace(image)`, the kernel
    /// `0 1 0 / 1 -4 1 / 0 1 0`, on the pixels that have all four neighbours, divided by their
    /// number (`ddof=0`).
    ///
    /// Source: Pech-Pacheco et al., "Diatom autofocusing in brightfield microscopy", 2000.
    pub laplacian_variance: f64,
    /// Mean of the squared gradient `Gx² + Gy²`, in counts squared, of the Sobel kernels with the
    /// weights 1 2 1 and no divisor (`scipy.ndimage.sobel`), on the pixels that have all eight
    /// neighbours.
    ///
    /// Source: Tenenbaum, "Accommodation in computer vision", 1970; Krotkov, "Focusing", 1987.
    pub tenengrad: f64,
    /// Variance divided by mean, in counts; 0 of a picture that is black.
    ///
    /// Source: Groen, Young, Ligthart, "A comparison of different focus functions for use in
    /// autofocus algorithms", 1985.
    pub normalised_variance: f64,
}

/// What the scores are made of, added up row by row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Edges {
    laplacian: i64,
    laplacian_squares: u128,
    gradient_squares: u128,
    pixels: u64,
}

impl Edges {
    /// Adds the row `here`, less its ends, with the rows above and below it. All of one length.
    pub(super) fn add(&mut self, above: &[u16], here: &[u16], below: &[u16]) {
        in_blocks([above, here, below], BLOCK, |[above, here, below]| {
            self.add_block(above, here, below);
        });
    }

    fn add_block(&mut self, above: &[u16], here: &[u16], below: &[u16]) {
        let (mut sum, mut squares, mut gradients) = (0_i32, 0_u64, 0_u64);
        let Some(inner) = here.len().checked_sub(2) else {
            return;
        };
        // Slices of one length, so that the loop has no check inside and becomes vector code.
        let [a0, a1, a2] = [0, 1, 2].map(|x| &above[x..][..inner]);
        let [h0, h1, h2] = [0, 1, 2].map(|x| &here[x..][..inner]);
        let [b0, b1, b2] = [0, 1, 2].map(|x| &below[x..][..inner]);
        for x in 0..inner {
            let [a0, a1, a2] = [a0[x], a1[x], a2[x]].map(i32::from);
            let [h0, h1, h2] = [h0[x], h1[x], h2[x]].map(i32::from);
            let [b0, b1, b2] = [b0[x], b1[x], b2[x]].map(i32::from);
            let laplacian = a1 + b1 + h0 + h2 - 4 * h1;
            let across = (a2 + 2 * h2 + b2) - (a0 + 2 * h0 + b0);
            let down = (b0 + 2 * b1 + b2) - (a0 + 2 * a1 + a2);
            sum += laplacian;
            squares += square(laplacian);
            gradients += square(across) + square(down);
        }
        self.laplacian += i64::from(sum);
        self.laplacian_squares += u128::from(squares);
        self.gradient_squares += u128::from(gradients);
        self.pixels += inner as u64;
    }

    /// The scores; `None` of a picture with no pixel inside its border.
    ///
    /// - `mean`, `variance`: of all pixels
    pub(super) fn focus(&self, (mean, variance): (f64, f64)) -> Option<Focus> {
        if self.pixels == 0 {
            return None;
        }
        let n = self.pixels as f64;
        let sum = u128::from(self.laplacian.unsigned_abs());
        let spread = u128::from(self.pixels) * self.laplacian_squares - sum * sum;
        Some(Focus {
            laplacian_variance: spread as f64 / n / n,
            tenengrad: self.gradient_squares as f64 / n,
            normalised_variance: if mean > 0.0 { variance / mean } else { 0.0 },
        })
    }
}

/// The square of a difference, which does not fit 32 bits. Of unsigned values, because every
/// processor multiplies those in vectors.
fn square(difference: i32) -> u64 {
    let size = difference.unsigned_abs();
    u64::from(size) * u64::from(size)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edges(rows: &[Vec<u16>]) -> Edges {
        let mut edges = Edges::default();
        for three in rows.windows(3) {
            edges.add(&three[0], &three[1], &three[2]);
        }
        edges
    }

    #[test]
    fn a_single_point_has_the_kernels_own_numbers() {
        let mut rows = vec![vec![0_u16; 5]; 5];
        rows[2][2] = 65_535;
        let focus = edges(&rows).focus((1.0, 4.0)).unwrap();
        let point = 65_535.0 * 65_535.0;
        // The Laplacian is -4 once and 1 four times among nine; its mean is 0.
        assert_eq!(focus.laplacian_variance, point * 20.0 / 9.0);
        // Each Sobel kernel has the squares 1 4 1 twice.
        assert_eq!(focus.tenengrad, point * 24.0 / 9.0);
        assert_eq!(focus.normalised_variance, 4.0);
    }

    #[test]
    fn a_ramp_has_a_gradient_and_no_edge() {
        let rows: Vec<Vec<u16>> = (0..6).map(|_| (0..9).map(|x| 100 * x).collect()).collect();
        let focus = edges(&rows).focus((0.0, 0.0)).unwrap();
        assert_eq!(focus.laplacian_variance, 0.0);
        assert_eq!(focus.tenengrad, 800.0 * 800.0);
        assert_eq!(focus.normalised_variance, 0.0);
    }

    #[test]
    fn blocks_leave_no_seam() {
        let row = |seed: u64| -> Vec<u16> {
            let mut noise = fastrand::Rng::with_seed(seed);
            (0..BLOCK + 7).map(|_| noise.u16(..)).collect()
        };
        let rows = [row(1), row(2), row(3)];
        let whole = edges(&rows);
        let mut parts = Edges::default();
        for x in 0..rows[0].len() - 2 {
            let [a, h, b] = [0, 1, 2].map(|y| &rows[y][x..x + 3]);
            parts.add(a, h, b);
        }
        assert_eq!(whole, parts);
    }

    #[test]
    fn a_strip_has_no_inside() {
        assert_eq!(
            edges(&[vec![1; 2], vec![2; 2], vec![3; 2]]).focus((1.0, 1.0)),
            None
        );
        assert_eq!(edges(&[vec![1; 9], vec![2; 9]]).focus((1.0, 1.0)), None);
        assert_eq!(edges(&[vec![], vec![], vec![]]).focus((1.0, 1.0)), None);
    }
}
