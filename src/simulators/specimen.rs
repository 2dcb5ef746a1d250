//! What lies under the microscope: fluorescent cells that drift over an uneven, noisy background,
//! out of focus now and then. A picture follows from the seed and the [`View`] alone, so that equal
//! views give equal pixels.
//!
//! Cells live on an endless plane cut into tiles; what is in a tile follows from its coordinates.
//! Everything costly (the noise, the shape of a cell at each focus) is computed once.

use std::sync::OnceLock;

/// Largest code of the 12-bit sensor.
pub(super) const FULL_SCALE: u16 = 4095;
/// Edge of a tile of the plane.
const TILE_UM: f64 = 128.0;
/// Cells in a tile.
const CELLS_PER_TILE: u64 = 4;
/// Radii of the sizes of cells.
const RADII_UM: [f64; 4] = [4.0, 7.0, 11.0, 17.0];
/// Steps of defocus for which a cell's shape is kept.
const BLURS: usize = 7;
/// Defocus from one step to the next.
const BLUR_STEP_UM: f64 = 2.0;
/// No cell's picture reaches further from its centre, drift included.
const REACH_UM: f64 = 70.0;
/// Values of ready-made noise; a power of two.
const NOISE_LEN: usize = 1 << 16;

/// Where the microscope looks, when, and with how much light.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct View {
    /// Columns and rows of the sensor region that is read out.
    pub size_px: (u32, u32),
    /// Every how many-th pixel of it is taken.
    pub step: u32,
    /// Micrometres per sensor pixel.
    pub pixel_um: f64,
    /// What is in the middle of the sensor.
    pub centre_um: (f64, f64),
    /// Height of the stage.
    pub z_um: f64,
    /// Seconds since the specimen was put there.
    pub time_s: f64,
    /// Brightness of the cells; 1 fills about half of the sensor's range.
    pub cells: f64,
    /// Brightness of the background; 1 is a tenth of the sensor's range.
    pub background: f64,
    /// Added to every pixel.
    pub black_level: u16,
}

/// The specimen.
pub(super) struct Specimen {
    seed: u64,
    /// Normally distributed, in 1/256 standard deviations.
    noise: Vec<i16>,
    /// Shapes for pixels of 1 and of 0.5 micrometres.
    stamps: [OnceLock<Vec<Stamp>>; 2],
}

/// The picture of one cell, square.
struct Stamp {
    /// Pixels from the centre to the edge.
    reach: i64,
    light: Vec<u16>,
}

impl Specimen {
    /// The specimen of this seed.
    pub(super) fn new(seed: u64) -> Self {
        let mut random = fastrand::Rng::with_seed(seed);
        let noise = (0..NOISE_LEN)
            .map(|_| {
                // Twelve uniform numbers make a good enough normal one.
                let sum: f64 = (0..12).map(|_| random.f64()).sum();
                ((sum - 6.0) * 256.0) as i16
            })
            .collect();
        Self {
            seed,
            noise,
            stamps: [OnceLock::new(), OnceLock::new()],
        }
    }

    /// Distance of the stage from focus at `time_s`: the focus breathes slowly around height 0.
    pub(super) fn defocus_um(z_um: f64, time_s: f64) -> f64 {
        z_um - 3.0 * (time_s / 41.0 * std::f64::consts::TAU).sin()
    }

    /// The picture: its columns, rows and 12-bit pixels row by row.
    pub(super) fn render(&self, view: &View) -> (usize, usize, Vec<u16>) {
        let (width, height) = (
            taken(view.size_px.0, view.step),
            taken(view.size_px.1, view.step),
        );
        let mut pixels = background(view, width, height);
        self.add_cells(view, width, height, &mut pixels);
        self.add_noise(view, &mut pixels);
        (width, height, pixels)
    }

    /// The picture of the focus lock: a laser's reflection that wanders sideways with defocus.
    pub(super) fn render_reflection(&self, view: &View) -> (usize, usize, Vec<u16>) {
        let (width, height) = (
            taken(view.size_px.0, view.step),
            taken(view.size_px.1, view.step),
        );
        let defocus = Self::defocus_um(view.z_um, view.time_s);
        let middle = f64::from(view.size_px.0) / 2.0 + defocus * 4.0;
        let across = |at: f64, from: f64, spread: f64| (-((at - from) / spread).powi(2)).exp();
        let column: Vec<f64> = (0..width)
            .map(|i| across(i as f64 * f64::from(view.step), middle, 18.0))
            .collect();
        let mut pixels = Vec::with_capacity(width * height);
        for j in 0..height {
            let row = across(
                j as f64 * f64::from(view.step),
                f64::from(view.size_px.1) / 2.0,
                11.0,
            );
            let black = f64::from(view.black_level) + 40.0;
            pixels.extend(column.iter().map(|c| (black + 3000.0 * c * row) as u16));
        }
        self.add_noise(view, &mut pixels);
        (width, height, pixels)
    }

    fn stamps(&self, pixel_um: f64) -> &[Stamp] {
        let (slot, pixel_um) = if pixel_um < 0.75 { (1, 0.5) } else { (0, 1.0) };
        self.stamps[slot].get_or_init(|| {
            RADII_UM
                .iter()
                .flat_map(|&radius_um| (0..BLURS).map(move |blur| (radius_um, blur)))
                .map(|(radius_um, blur)| {
                    Stamp::new(radius_um, blur as f64 * BLUR_STEP_UM, pixel_um)
                })
                .collect()
        })
    }

    fn add_cells(&self, view: &View, width: usize, height: usize, pixels: &mut [u16]) {
        if view.cells <= 0.0 {
            return;
        }
        let defocus = Self::defocus_um(view.z_um, view.time_s).abs();
        let blur = ((defocus / BLUR_STEP_UM).round() as usize).min(BLURS - 1);
        let stamps = self.stamps(view.pixel_um);
        let half = (
            f64::from(view.size_px.0) / 2.0 * view.pixel_um,
            f64::from(view.size_px.1) / 2.0 * view.pixel_um,
        );
        let tiles = |middle: f64, half: f64| {
            let first = ((middle - half - REACH_UM) / TILE_UM).floor() as i64;
            let last = ((middle + half + REACH_UM) / TILE_UM).floor() as i64;
            first..=last
        };
        for tile_y in tiles(view.centre_um.1, half.1) {
            for tile_x in tiles(view.centre_um.0, half.0) {
                for nth in 0..CELLS_PER_TILE {
                    let cell = Cell::new(self.seed, tile_x, tile_y, nth, view.time_s);
                    let x = ((cell.x_um - view.centre_um.0 + half.0) / view.pixel_um).round();
                    let y = ((cell.y_um - view.centre_um.1 + half.1) / view.pixel_um).round();
                    let stamp = &stamps[cell.size * BLURS + blur];
                    let light = (cell.brightness * view.cells * 256.0) as u32;
                    stamp.add(
                        (x as i64, y as i64),
                        light,
                        i64::from(view.step.max(1)),
                        (width, height),
                        pixels,
                    );
                }
            }
        }
    }

    /// Read noise plus the noise of light, which grows with the root of the signal.
    fn add_noise(&self, view: &View, pixels: &mut [u16]) {
        let spread: Vec<i32> = (0..=i32::from(FULL_SCALE >> 4))
            .map(|value| ((6.0 + 0.8 * f64::from(value << 4).sqrt()) * 4.0) as i32)
            .collect();
        let mut from = mix(self.seed ^ (view.time_s * 1e6) as u64);
        // Every stretch begins elsewhere in the noise, or stripes would show.
        for stretch in pixels.chunks_mut(509) {
            from = mix(from);
            let start = from as usize & (NOISE_LEN / 2 - 1);
            for (pixel, &noise) in stretch.iter_mut().zip(&self.noise[start..]) {
                let value = i32::from((*pixel).min(FULL_SCALE));
                let noisy = value + ((i32::from(noise) * spread[(value >> 4) as usize]) >> 10);
                *pixel = noisy.clamp(0, i32::from(FULL_SCALE)) as u16;
            }
        }
    }
}

/// How many of `pixels` are left when every `step`-th is taken from the first.
fn taken(pixels: u32, step: u32) -> usize {
    pixels.div_ceil(step.max(1)) as usize
}

/// The light of an uneven lamp: a product of two curves, so each needs computing once.
fn background(view: &View, width: usize, height: usize) -> Vec<u16> {
    let curve = |pixels: u32, count: usize, brightest: f64| -> Vec<f32> {
        (0..count)
            .map(|i| {
                let at = i as f64 * f64::from(view.step) / f64::from(pixels.max(1));
                (1.0 - 1.1 * (at - brightest).powi(2)) as f32
            })
            .collect()
    };
    let columns = curve(view.size_px.0, width, 0.42);
    let rows = curve(view.size_px.1, height, 0.55);
    let light = (view.background * f64::from(FULL_SCALE) / 10.0) as f32;
    let mut pixels = Vec::with_capacity(width * height);
    for row in rows {
        let (light, black) = (light * row, f32::from(view.black_level));
        pixels.extend(columns.iter().map(|column| (black + light * column) as u16));
    }
    pixels
}

/// One cell at one moment.
struct Cell {
    x_um: f64,
    y_um: f64,
    /// Index into [`RADII_UM`].
    size: usize,
    /// About 1.
    brightness: f64,
}

impl Cell {
    fn new(seed: u64, tile_x: i64, tile_y: i64, nth: u64, time_s: f64) -> Self {
        let mut state = mix(seed ^ mix(tile_x as u64 ^ mix(tile_y as u64 ^ mix(nth))));
        let mut next = || {
            state = mix(state);
            (state >> 11) as f64 / (1_u64 << 53) as f64
        };
        let (x, y) = (next(), next());
        // Small cells are common, large ones rare.
        let size = (next().powi(2) * RADII_UM.len() as f64) as usize;
        let brightness = 0.45 + 0.9 * next();
        // Two slow waves of unrelated periods look like an aimless walk and need no memory.
        let mut wander = || {
            let (period, phase) = (7.0 + 9.0 * next(), next());
            let (long_period, long_phase) = (31.0 + 40.0 * next(), next());
            4.0 * ((time_s / period + phase) * std::f64::consts::TAU).sin()
                + 12.0 * ((time_s / long_period + long_phase) * std::f64::consts::TAU).sin()
        };
        Self {
            x_um: (tile_x as f64 + x) * TILE_UM + wander(),
            y_um: (tile_y as f64 + y) * TILE_UM + wander(),
            size: size.min(RADII_UM.len() - 1),
            brightness,
        }
    }
}

impl Stamp {
    fn new(radius_um: f64, defocus_um: f64, pixel_um: f64) -> Self {
        let edge_um = 0.7 + defocus_um * 0.4;
        let reach = ((radius_um + edge_um * 5.0) / pixel_um).ceil().max(1.0);
        // Out of focus the same light is spread over more pixels.
        let peak = 1500.0 * (radius_um / (radius_um + edge_um)).powi(2);
        let side = reach as i64 * 2 + 1;
        let mut light = Vec::with_capacity((side * side) as usize);
        for row in 0..side {
            for column in 0..side {
                let (x, y) = (
                    (column as f64 - reach) * pixel_um,
                    (row as f64 - reach) * pixel_um,
                );
                let distance = x.hypot(y);
                let body = 1.0 / (1.0 + ((distance - radius_um) / edge_um).exp());
                let off_centre = (x - radius_um * 0.25).hypot(y + radius_um * 0.2);
                let nucleus = (-(off_centre / (radius_um * 0.35 + edge_um)).powi(2)).exp();
                light.push((peak * (body + 0.7 * nucleus)) as u16);
            }
        }
        Self {
            reach: reach as i64,
            light,
        }
    }

    /// Adds this cell, `light` 256ths as bright, with its centre at sensor pixel `at`, to a picture
    /// that has every `step`-th sensor pixel.
    fn add(
        &self,
        at: (i64, i64),
        light: u32,
        step: i64,
        (width, height): (usize, usize),
        pixels: &mut [u16],
    ) {
        let side = self.reach * 2 + 1;
        // Picture columns (or rows) whose sensor pixel lies inside the stamp.
        let span = |centre: i64, count: usize| {
            let first = (centre - self.reach).max(0).div_euclid(step)
                + i64::from((centre - self.reach).max(0) % step != 0);
            let last = (centre + self.reach).div_euclid(step).min(count as i64 - 1);
            first..=last
        };
        let columns = span(at.0, width);
        if columns.is_empty() {
            return;
        }
        for row in span(at.1, height) {
            let stamp_row = (row * step - at.1 + self.reach) * side;
            let from = (stamp_row + columns.start() * step - at.0 + self.reach) as usize;
            let row = row as usize * width;
            let target =
                &mut pixels[row + *columns.start() as usize..=row + *columns.end() as usize];
            for (pixel, value) in target
                .iter_mut()
                .zip(self.light[from..].iter().step_by(step as usize))
            {
                let value = (u32::from(*value) * light) >> 8;
                *pixel = pixel.saturating_add(value.min(u32::from(FULL_SCALE)) as u16);
            }
        }
    }
}

/// Turns a number into another that looks unrelated.
/// Source: the output function of SplitMix64 (Steele, Lea, Flood 2014).
fn mix(value: u64) -> u64 {
    let mut z = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    const VIEW: View = View {
        size_px: (200, 150),
        step: 1,
        pixel_um: 1.0,
        centre_um: (0.0, 0.0),
        z_um: 0.0,
        time_s: 0.0,
        cells: 1.0,
        background: 1.0,
        black_level: 100,
    };

    fn mean(pixels: &[u16]) -> f64 {
        pixels.iter().map(|&p| f64::from(p)).sum::<f64>() / pixels.len() as f64
    }

    /// Mean absolute difference between `a` and `b` shifted right by `shift` columns.
    fn difference(a: &[u16], b: &[u16], width: usize, shift: usize) -> f64 {
        let rows = a.chunks(width).zip(b.chunks(width));
        let parts: Vec<f64> = rows
            .flat_map(|(a, b)| {
                a[shift..]
                    .iter()
                    .zip(b)
                    .map(|(&a, &b)| f64::from(a.abs_diff(b)))
            })
            .collect();
        parts.iter().sum::<f64>() / parts.len() as f64
    }

    #[test]
    fn equal_views_give_equal_pixels_and_another_seed_does_not() {
        let first = Specimen::new(1).render(&VIEW);
        assert_eq!(first, Specimen::new(1).render(&VIEW));
        assert_ne!(first, Specimen::new(2).render(&VIEW));
    }

    #[test]
    fn moving_the_stage_moves_the_picture() {
        let specimen = Specimen::new(1);
        let view = View {
            background: 0.0,
            ..VIEW
        };
        let (width, _, before) = specimen.render(&view);
        let (_, _, after) = specimen.render(&View {
            centre_um: (20.0, 0.0),
            ..view
        });
        let (still, moved) = (
            difference(&before, &after, width, 0),
            difference(&before, &after, width, 20),
        );
        assert!(moved * 3.0 < still, "still {still}, moved {moved}");
    }

    #[test]
    fn time_light_and_focus_change_the_picture() {
        let specimen = Specimen::new(1);
        let (width, _, base) = specimen.render(&VIEW);
        let (_, _, later) = specimen.render(&View {
            time_s: 8.0,
            ..VIEW
        });
        assert!(difference(&base, &later, width, 0) > 30.0);
        let (_, _, dark) = specimen.render(&View {
            cells: 0.0,
            background: 0.0,
            ..VIEW
        });
        assert!((mean(&dark) - 100.0).abs() < 3.0, "{}", mean(&dark));
        let brightest = |z_um| {
            let (_, _, pixels) = specimen.render(&View { z_um, ..VIEW });
            pixels.into_iter().max()
        };
        assert!(brightest(0.0) > brightest(12.0));
    }

    #[test]
    fn taking_every_nth_pixel_rounds_the_size_up_and_keeps_the_cells() {
        let specimen = Specimen::new(3);
        let view = View {
            size_px: (101, 101),
            ..VIEW
        };
        let (width, _, full) = specimen.render(&view);
        let (small_width, small_height, small) = specimen.render(&View { step: 3, ..view });
        assert_eq!((small_width, small_height), (34, 34));
        let picked: Vec<u16> = full
            .chunks(width)
            .step_by(3)
            .flat_map(|row| row.iter().step_by(3).copied())
            .collect();
        // The noise differs, the cells must not.
        assert!(difference(&picked, &small, 34, 0) < 60.0);
        assert!((mean(&picked) - mean(&small)).abs() < 5.0);
    }

    #[test]
    fn odd_views_do_not_panic() {
        let specimen = Specimen::new(4);
        for size_px in [(0, 0), (1, 1), (3, 700)] {
            for step in [0, 1, 7, 5000] {
                for x in [-1e7, 0.0, 12345.6] {
                    let view = View {
                        size_px,
                        step,
                        centre_um: (x, -x),
                        z_um: 1e6,
                        cells: 100.0,
                        pixel_um: 0.5,
                        ..VIEW
                    };
                    specimen.render(&view);
                    specimen.render_reflection(&view);
                }
            }
        }
    }
}
