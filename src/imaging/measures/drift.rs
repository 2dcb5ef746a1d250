//! How far a picture has moved since a reference: phase correlation of reduced pictures.
//!
//! A picture becomes one of at most 128 pixels a side (means of equal boxes around its centre),
//! its mean taken off, its borders faded out, and is compared by the phases of its spectrum alone.
//! Sources: Kuglin and Hines, "The phase correlation image alignment method", 1975; the refinement
//! is Guizar-Sicairos et al., "Efficient subpixel image registration algorithms", 2008, which is
//! what `skimage.registration.phase_cross_correlation` does.

use std::f64::consts::TAU;

use super::fourier::{Complex, Transform};

/// Longest side of a reduced picture.
const SIDE: usize = 128;

/// A region with a shorter side has too little in it to compare.
const LEAST_SIDE: usize = 16;

/// Steps of a reduced pixel that the peak is searched in; a parabola finds it between them.
const STEPS: usize = 10;

/// Places in each direction that are searched: one and a half reduced pixels.
const PLACES: usize = STEPS + STEPS / 2;

/// Pictures that have nothing in common have a peak as well, the highest of many sums of random
/// phases: 5.7 times `1 / sqrt(pixels)` in the middle and at most 7.7 in 1500 pairs of noise and
/// of smoothed noise, of 16 to 128 pixels a side. Below this many times it is another scene.
const OTHER_SCENE: f64 = 10.0;

/// Where a picture is compared with the reference.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Drift {
    /// Pixels of the frame to the right of where it was in the reference.
    pub x_px: f64,
    /// Pixels of the frame below where it was in the reference.
    pub y_px: f64,
    /// Height of the peak: 1 for the same picture moved by whole reduced pixels, less the more
    /// else has changed, about 0.05 for another scene.
    pub quality: f64,
}

/// A picture's region as it is reduced: equal boxes of whole pixels around its centre.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Boxes {
    /// Columns and rows of the reduced picture, powers of two.
    size: (usize, usize),
    /// Columns and rows of a box.
    each: (usize, usize),
    /// First column and row that is in a box.
    from: (usize, usize),
}

impl Boxes {
    /// How a region of that size is reduced; `None` if it is too small to be compared.
    fn of((width, height): (usize, usize)) -> Option<Self> {
        if width.min(height) < LEAST_SIDE {
            return None;
        }
        let along = |length: usize| {
            let size = SIDE.min(1 << length.ilog2());
            let each = length / size;
            (size, each, (length - size * each) / 2)
        };
        let (across, down) = (along(width), along(height));
        Some(Self {
            size: (across.0, down.0),
            each: (across.1, down.1),
            from: (across.2, down.2),
        })
    }
}

/// Reduces a picture row by row and compares it. Its buffers serve one camera after the other.
#[derive(Debug, Default)]
pub(super) struct Correlator {
    boxes: Option<Boxes>,
    /// Rows of the region so far.
    rows: usize,
    /// Of the rows of the boxes that are being filled, by column.
    sums: Vec<u32>,
    spectrum: Vec<Complex>,
    product: Vec<Complex>,
    plane: Vec<Complex>,
    transform: Transform,
}

/// What a picture is compared with.
#[derive(Debug, Default)]
pub(super) struct Reference {
    boxes: Option<Boxes>,
    spectrum: Vec<Complex>,
}

impl Reference {
    /// The next picture becomes the reference.
    pub(super) fn forget(&mut self) {
        self.boxes = None;
    }
}

impl Correlator {
    /// Begins a region of `width` x `height` pixels.
    pub(super) fn begin(&mut self, size: (usize, usize)) {
        self.boxes = Boxes::of(size);
        self.rows = 0;
        self.spectrum.clear();
        if let Some(boxes) = self.boxes {
            self.sums.clear();
            self.sums.resize(boxes.size.0 * boxes.each.0, 0);
        }
    }

    /// Takes in the next row of the region.
    pub(super) fn add(&mut self, row: &[u16]) {
        let Some(boxes) = self.boxes else {
            return;
        };
        let row_number = self.rows;
        self.rows += 1;
        let Some(inside) = row_number.checked_sub(boxes.from.1) else {
            return;
        };
        if inside >= boxes.size.1 * boxes.each.1 {
            return;
        }
        // Sums of at most 511 rows of 65535.
        for (sum, &value) in self.sums.iter_mut().zip(&row[boxes.from.0..]) {
            *sum += u32::from(value);
        }
        if (inside + 1).is_multiple_of(boxes.each.1) {
            let pixels = (boxes.each.0 * boxes.each.1) as f64;
            for columns in self.sums.chunks_exact(boxes.each.0) {
                let sum: u64 = columns.iter().map(|&sum| u64::from(sum)).sum();
                let re = sum as f64 / pixels;
                self.spectrum.push(Complex { re, im: 0.0 });
            }
            self.sums.fill(0);
        }
    }

    /// Compares the region with the reference, once all rows are in. `None` if there is nothing
    /// to compare: it is too small, or all of one brightness; and of a picture that does not look
    /// like the reference any more, which takes its place: how far it has moved nobody knows.
    ///
    /// A reference of another size is replaced by this picture, whose drift is 0.
    pub(super) fn drift(&mut self, reference: &mut Reference) -> Option<Drift> {
        let boxes = self.boxes?;
        if self.spectrum.len() != boxes.size.0 * boxes.size.1 || !self.fade(boxes.size) {
            return None;
        }
        self.transform.forward(&mut self.spectrum, boxes.size);
        if reference.boxes != Some(boxes) {
            self.become_reference(reference, boxes);
            return Some(Drift {
                x_px: 0.0,
                y_px: 0.0,
                quality: 1.0,
            });
        }
        let (x, y, quality) = self.compare(&reference.spectrum, boxes.size);
        let other = OTHER_SCENE / (self.spectrum.len() as f64).sqrt();
        if quality < other {
            self.become_reference(reference, boxes);
            return None;
        }
        Some(Drift {
            x_px: x * boxes.each.0 as f64,
            y_px: y * boxes.each.1 as f64,
            quality,
        })
    }

    fn become_reference(&self, reference: &mut Reference, boxes: Boxes) {
        reference.boxes = Some(boxes);
        reference.spectrum.clone_from(&self.spectrum);
    }

    /// Takes the mean off and fades the borders out with Hann's window, because a transform takes
    /// a picture to go on from its right border to its left. False of a picture without contrast.
    fn fade(&mut self, (width, height): (usize, usize)) -> bool {
        let mean = self.spectrum.iter().map(|value| value.re).sum::<f64>();
        let mean = mean / self.spectrum.len() as f64;
        let hann = |at: usize, of: usize| 0.5 - 0.5 * (TAU * at as f64 / of as f64).cos();
        let across: [f64; SIDE] = std::array::from_fn(|x| hann(x, width));
        let mut has_contrast = false;
        for (y, row) in self.spectrum.chunks_exact_mut(width).enumerate() {
            let down = hann(y, height);
            for (value, across) in row.iter_mut().zip(across) {
                let above = value.re - mean;
                has_contrast |= above.abs() > 1e-9 * mean;
                value.re = above * across * down;
            }
        }
        has_contrast
    }

    /// Reduced pixels that the picture has moved to the right and down, and the peak's height.
    fn compare(&mut self, reference: &[Complex], size: (usize, usize)) -> (f64, f64, f64) {
        let (width, height) = size;
        self.product.clear();
        let pairs = self.spectrum.iter().zip(reference);
        self.product.extend(pairs.map(|(&now, &then)| {
            let product = now * then.conj();
            // As scikit-image has it: where there is next to nothing, nothing is made of it.
            product.scaled(1.0 / product.abs().max(100.0 * f64::EPSILON))
        }));
        // The inverse transform is that of the conjugate; its size is all that is looked at.
        self.plane.clear();
        self.plane.extend(self.product.iter().map(|p| p.conj()));
        self.transform.forward(&mut self.plane, size);
        let highest = peak(self.plane.iter().copied());
        let centred = |at: usize, of: usize| {
            let at = at as f64;
            if at > of as f64 / 2.0 {
                at - of as f64
            } else {
                at
            }
        };
        let coarse = (
            centred(highest % width, width),
            centred(highest / width, height),
        );
        self.refine(coarse, size)
    }

    /// The peak between the pixels, near `coarse`: the inverse transform at [`STEPS`] places a
    /// pixel, by two products of matrices, and a parabola through the highest and its neighbours.
    fn refine(&mut self, coarse: (f64, f64), (width, height): (usize, usize)) -> (f64, f64, f64) {
        let middle = (PLACES / 2) as f64;
        let place = |coarse: f64, index: usize| coarse + (index as f64 - middle) / STEPS as f64;
        let frequency = |k: usize, of: usize| {
            let k = k as f64;
            (if k < of as f64 / 2.0 {
                k
            } else {
                k - of as f64
            }) / of as f64
        };
        // Down first: for each place, a row of the columns' sums.
        self.plane.clear();
        self.plane.resize(PLACES * width, Complex::default());
        for (index, sums) in self.plane.chunks_exact_mut(width).enumerate() {
            let y = place(coarse.1, index);
            for (v, row) in self.product.chunks_exact(width).enumerate() {
                let turn = Complex::turn(TAU * frequency(v, height) * y);
                for (sum, &value) in sums.iter_mut().zip(row) {
                    *sum = *sum + value * turn;
                }
            }
        }
        let mut turns = [[Complex::default(); SIDE]; PLACES];
        for (index, turns) in turns.iter_mut().enumerate() {
            let x = place(coarse.0, index);
            for (u, turn) in turns.iter_mut().take(width).enumerate() {
                *turn = Complex::turn(TAU * frequency(u, width) * x);
            }
        }
        let mut heights = [[0.0; PLACES]; PLACES];
        for (sums, heights) in self.plane.chunks_exact(width).zip(&mut heights) {
            for (turns, height) in turns.iter().zip(heights) {
                let products = sums.iter().zip(turns).map(|(&sum, &turn)| sum * turn);
                *height = products.fold(Complex::default(), |sum, p| sum + p).abs();
            }
        }
        let flat = heights.as_flattened();
        let highest =
            (0..flat.len()).fold(0, |best, at| if flat[at] > flat[best] { at } else { best });
        let (x, y) = (highest % PLACES, highest / PLACES);
        let across = |x: usize| heights[y][x];
        let down = |y: usize| heights[y][x];
        let quality = flat[highest] / (width * height) as f64;
        (
            place(coarse.0, x) + vertex(across, x) / STEPS as f64,
            place(coarse.1, y) + vertex(down, y) / STEPS as f64,
            quality,
        )
    }
}

/// Where the largest is; the first of equals.
fn peak(values: impl Iterator<Item = Complex>) -> usize {
    let mut best = (0, -1.0);
    for (index, value) in values.enumerate() {
        if value.square() > best.1 {
            best = (index, value.square());
        }
    }
    best.0
}

/// How far from `at` the top of the parabola through it and its neighbours is, in places.
fn vertex(height: impl Fn(usize) -> f64, at: usize) -> f64 {
    if at == 0 || at + 1 >= PLACES {
        return 0.0;
    }
    let (before, top, after) = (height(at - 1), height(at), height(at + 1));
    let bend = before - 2.0 * top + after;
    if bend < 0.0 {
        ((before - after) / (2.0 * bend)).clamp(-0.5, 0.5)
    } else {
        0.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A scene that can be looked at from anywhere: soft blobs, the same for all.
    fn scene((width, height): (usize, usize), (dx, dy): (f64, f64), seed: u64) -> Vec<Vec<u16>> {
        let mut random = fastrand::Rng::with_seed(seed);
        let blobs: Vec<[f64; 4]> = (0..160)
            .map(|_| {
                [
                    (random.f64() * 1.4 - 0.2) * width as f64,
                    (random.f64() * 1.4 - 0.2) * height as f64,
                    width as f64 * (0.01 + 0.02 * random.f64()),
                    200.0 + 800.0 * random.f64(),
                ]
            })
            .collect();
        (0..height)
            .map(|y| {
                (0..width)
                    .map(|x| {
                        let light = |[at_x, at_y, size, peak]: &[f64; 4]| {
                            let (x, y) = (x as f64 - at_x - dx, y as f64 - at_y - dy);
                            let far = (x * x + y * y) / (size * size);
                            if far > 16.0 {
                                0.0
                            } else {
                                peak * (-far / 2.0).exp()
                            }
                        };
                        (100.0 + blobs.iter().map(light).sum::<f64>()) as u16
                    })
                    .collect()
            })
            .collect()
    }

    fn drift(
        correlator: &mut Correlator,
        reference: &mut Reference,
        picture: &[Vec<u16>],
    ) -> Option<Drift> {
        correlator.begin((picture[0].len(), picture.len()));
        for row in picture {
            correlator.add(row);
        }
        correlator.drift(reference)
    }

    #[test]
    fn a_picture_that_moved_is_found_where_it_is() {
        let cases = [
            ((256, 256), (0.0, 0.0)),
            ((256, 256), (7.0, -3.0)),
            ((256, 256), (-20.5, 11.25)),
            ((300, 200), (4.0, 9.0)),
            ((64, 128), (-2.3, 1.6)),
        ];
        let mut correlator = Correlator::default();
        for (size, (dx, dy)) in cases {
            let mut reference = Reference::default();
            let first = drift(&mut correlator, &mut reference, &scene(size, (0.0, 0.0), 1));
            assert_eq!(first.unwrap().quality, 1.0);
            let moved = scene(size, (dx, dy), 1);
            let found = drift(&mut correlator, &mut reference, &moved).unwrap();
            let off = (found.x_px - dx).abs().max((found.y_px - dy).abs());
            assert!(off < 0.15, "{size:?} {dx} {dy}: {found:?}");
            assert!(found.quality > 0.1, "{found:?}");
        }
    }

    #[test]
    fn another_scene_becomes_the_reference() {
        let mut correlator = Correlator::default();
        let mut reference = Reference::default();
        let noise = |seed: u64| -> Vec<Vec<u16>> {
            let mut random = fastrand::Rng::with_seed(seed);
            (0..128)
                .map(|_| (0..128).map(|_| random.u16(..)).collect())
                .collect()
        };
        let (one, other) = (noise(1), noise(2));
        drift(&mut correlator, &mut reference, &one).unwrap();
        let again = drift(&mut correlator, &mut reference, &one).unwrap();
        assert!(again.quality > 0.99 && again.x_px.abs() < 1e-6, "{again:?}");
        let changed = drift(&mut correlator, &mut reference, &other);
        assert_eq!(changed, None, "how far that is nobody knows");
        let after = drift(&mut correlator, &mut reference, &other).unwrap();
        assert!(after.quality > 0.99, "{after:?}");
    }

    #[test]
    fn nothing_is_made_of_nothing() {
        let mut correlator = Correlator::default();
        let mut reference = Reference::default();
        for (width, height, value) in [(64, 64, 0), (64, 64, 900), (15, 400, 3), (400, 15, 3)] {
            let flat = vec![vec![value; width]; height];
            assert_eq!(drift(&mut correlator, &mut reference, &flat), None);
        }
        assert!(reference.boxes.is_none());
    }

    #[test]
    fn boxes_are_whole_and_centred() {
        let cases = [
            ((2048, 2048), (128, 128), (16, 16), (0, 0)),
            ((640, 480), (128, 128), (5, 3), (0, 48)),
            ((100, 16), (64, 16), (1, 1), (18, 0)),
            ((65_535, 255), (128, 128), (511, 1), (63, 63)),
        ];
        for (region, size, each, from) in cases {
            assert_eq!(Boxes::of(region), Some(Boxes { size, each, from }));
        }
    }
}
