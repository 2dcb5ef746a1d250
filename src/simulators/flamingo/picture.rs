//! From the state of the instrument to the pixels of a picture, without spending a processor on
//! it: pictures of what has not changed are kept and shown again.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::microscope::{Instrument, Microscope};
use super::settings::{HOME, PIXEL_UM};
use super::stage::Axis;
use crate::simulators::specimen::{Specimen, View};

/// Pictures of one view that are kept.
const KEPT: usize = 4;
/// From this many pixels on no more are made than are kept.
const LARGE_PX: usize = 1 << 20;
/// Making pictures takes at most one part in this many of one processor's time.
const SHARE: u32 = 10;
/// The exposure at which light has its usual brightness.
const USUAL_US: f64 = 10_000.0;
/// The specimen repeats itself along Z.
const LAYER_UM: f64 = 100.0;

/// What a picture shows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Scene {
    pub size_px: (u32, u32),
    /// X, Y and Z in mm, R in degrees.
    pub positions: [f64; 4],
    /// Light on the cells and on their surroundings, 1 is usual.
    pub light: (f64, f64),
}

impl Scene {
    /// What the camera would see now.
    pub(super) fn new(instrument: &Instrument, now_s: f64) -> Self {
        let (cells, background) = instrument.lamps.light();
        let exposure = f64::from(instrument.camera.exposure_us) / USUAL_US;
        Self {
            size_px: instrument.camera.size_px(),
            positions: instrument.stage.positions(now_s),
            light: (
                (cells * exposure).min(100.0),
                (background * exposure).min(100.0),
            ),
        }
    }

    /// The scene with the stage at another height.
    pub(super) fn at_z(self, z_mm: f64) -> Self {
        let mut positions = self.positions;
        positions[Axis::Z.index()] = z_mm;
        Self { positions, ..self }
    }

    /// Whether `other` differs in more than the position.
    fn is_lit_or_cut_otherwise(&self, other: &Self) -> bool {
        self.size_px != other.size_px || self.light != other.light
    }

    /// The pixels, 16-bit little-endian. Costs milliseconds: not for the tasks of the runtime.
    fn pixels(&self, specimen: &Specimen, time_s: f64) -> Vec<u16> {
        let [x, y, z, angle] = self.positions;
        let height_um = (z - HOME[Axis::Z.index()]) * 1000.0;
        let view = View {
            size_px: self.size_px,
            step: 1,
            pixel_um: PIXEL_UM,
            // Turning shows the specimen from a side that has other cells.
            centre_um: (bounded(x * 1000.0 + angle * 10.0), bounded(y * 1000.0)),
            z_um: (bounded(height_um) + LAYER_UM / 2.0).rem_euclid(LAYER_UM) - LAYER_UM / 2.0,
            time_s,
            cells: self.light.0,
            background: self.light.1,
            black_level: 100,
        };
        specimen.render(&view).2
    }
}

/// A length the specimen can be drawn at: nothing keeps a stage from being sent anywhere.
fn bounded(length_um: f64) -> f64 {
    length_um.clamp(-1e9, 1e9)
}

/// The sensor's size made even, so that a centred part has whole edges, and of a size it can have.
pub(super) fn even((width, height): (u32, u32)) -> (u32, u32) {
    let even = |pixels: u32| (pixels & !1).clamp(2, 16_384);
    (even(width), even(height))
}

fn to_bytes(pixels: &[u16]) -> Bytes {
    let mut bytes = vec![0; pixels.len() * 2];
    for (target, pixel) in bytes.chunks_exact_mut(2).zip(pixels) {
        target.copy_from_slice(&pixel.to_le_bytes());
    }
    bytes.into()
}

/// Takes one picture of this scene, freshly made.
pub(super) async fn take(microscope: &Arc<Microscope>, scene: Scene) -> Option<Bytes> {
    let time_s = microscope.now_s();
    let microscope = microscope.clone();
    let made = move || to_bytes(&scene.pixels(&microscope.specimen, time_s));
    tokio::task::spawn_blocking(made).await.ok()
}

/// The brightest of every pixel over heights from `scene` to `end_mm`.
pub(super) async fn project(
    microscope: &Arc<Microscope>,
    scene: Scene,
    end_mm: f64,
) -> Option<Bytes> {
    let time_s = microscope.now_s();
    let microscope = microscope.clone();
    let made = move || {
        let begin_mm = scene.positions[Axis::Z.index()];
        let mut brightest = scene.pixels(&microscope.specimen, time_s);
        for part in 1..KEPT {
            let way = part as f64 / (KEPT - 1) as f64;
            let scene = scene.at_z(begin_mm + (end_mm - begin_mm) * way);
            let other = scene.pixels(&microscope.specimen, time_s);
            for (pixel, other) in brightest.iter_mut().zip(other) {
                *pixel = other.max(*pixel);
            }
        }
        to_bytes(&brightest)
    };
    tokio::task::spawn_blocking(made).await.ok()
}

/// Takes the pictures of a stream.
pub(super) struct Photographer {
    kept: Option<Kept>,
    /// When the next picture may be made.
    rested_at: Instant,
}

struct Kept {
    scene: Scene,
    pictures: Vec<Bytes>,
    /// The one to be made anew, or shown again, next.
    next: usize,
}

impl Photographer {
    pub(super) fn new() -> Self {
        Self {
            kept: None,
            rested_at: Instant::now(),
        }
    }

    /// A picture of this scene, or of one from a moment ago. Another size or other light are always
    /// of now.
    pub(super) async fn take(
        &mut self,
        microscope: &Arc<Microscope>,
        scene: Scene,
    ) -> Option<Bytes> {
        let begun = Instant::now();
        if let Some(kept) = &mut self.kept
            && !kept.scene.is_lit_or_cut_otherwise(&scene)
        {
            let complete = kept.scene == scene
                && kept.pictures.len() == KEPT
                && kept.pictures[0].len() / 2 >= LARGE_PX;
            if complete || begun < self.rested_at {
                let picture = kept.pictures.get(kept.next % kept.pictures.len());
                kept.next += 1;
                return picture.cloned();
            }
        }
        let picture = take(microscope, scene).await?;
        let cost = begun.elapsed().min(Duration::from_secs(1));
        self.rested_at = Instant::now() + cost * (SHARE - 1);
        match &mut self.kept {
            Some(kept) if kept.scene == scene => {
                let slot = kept.next % KEPT;
                kept.next = slot + 1;
                match kept.pictures.get_mut(slot) {
                    Some(old) => *old = picture.clone(),
                    None => kept.pictures.push(picture.clone()),
                }
            }
            kept => {
                *kept = Some(Kept {
                    scene,
                    pictures: vec![picture.clone()],
                    next: 1,
                });
            }
        }
        Some(picture)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCENE: Scene = Scene {
        size_px: (128, 96),
        positions: [8.0, 24.0, 20.0, 0.0],
        light: (1.0, 0.2),
    };

    fn mean(scene: Scene) -> f64 {
        let pixels = scene.pixels(&Specimen::new(1), 0.0);
        assert_eq!(pixels.len(), 128 * 96);
        pixels.iter().map(|p| f64::from(*p)).sum::<f64>() / pixels.len() as f64
    }

    #[test]
    fn the_picture_depends_on_the_position_of_every_axis() {
        let specimen = Specimen::new(1);
        let here = SCENE.pixels(&specimen, 0.0);
        for axis in Axis::ALL {
            let mut there = SCENE;
            there.positions[axis.index()] += 0.02;
            assert_ne!(there.pixels(&specimen, 0.0), here, "{axis:?}");
        }
    }

    #[test]
    fn without_light_there_is_noise() {
        let dark = Scene {
            light: (0.0, 0.0),
            ..SCENE
        };
        assert!((90.0..110.0).contains(&mean(dark)), "{}", mean(dark));
        assert!(mean(SCENE) > 150.0, "{}", mean(SCENE));
        let pixels = dark.pixels(&Specimen::new(1), 0.0);
        assert!(pixels.iter().any(|p| *p != pixels[0]));
    }

    #[test]
    fn a_stage_sent_to_nowhere_is_drawn_all_the_same() {
        let mut scene = SCENE;
        scene.positions = [f64::MAX, f64::MIN, 1e300, -1e300];
        assert!(mean(scene) > 90.0);
    }

    #[test]
    fn sizes_are_even() {
        assert_eq!(even((513, 0)), (512, 2));
        assert_eq!(even((u32::MAX, 2048)), (16_384, 2048));
    }
}
