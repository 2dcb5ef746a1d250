//! A camera: its settings, and what it delivers of the specimen.

use serde_json::{Value, json};

use super::options::Depth;
use crate::simulators::specimen::{FULL_SCALE, Specimen, View};

/// What a camera looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scene {
    /// The specimen.
    Cells,
    /// The reflection of the focus lock's laser.
    Reflection,
}

/// One detector and its settings.
#[derive(Clone, Debug)]
pub(super) struct Camera {
    pub name: &'static str,
    pub scene: Scene,
    pub depth: Depth,
    pub sensor_px: (u32, u32),
    pub exposure_ms: f64,
    pub gain: f64,
    pub black_level: f64,
    pub automatic: bool,
}

/// What a camera delivered, cropped and subsampled.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Picture {
    pub detector: String,
    /// Micrometres per sensor pixel.
    pub pixel_um: f64,
    pub width: u32,
    pub height: u32,
    /// Size after the crop and before subsampling.
    pub cropped_px: (u32, u32),
    pub step: u32,
    pub pixels: Pixels,
}

/// Row by row, without padding.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Pixels {
    Grey16(Vec<u16>),
    Grey8(Vec<u8>),
    Rgb8(Vec<u8>),
}

impl Pixels {
    /// Little-endian 16-bit grey: bytes are shifted up, colours weighted first.
    /// Source of the weights: the servers' own conversion, ITU-R BT.601.
    pub(super) fn to_grey16_bytes(&self) -> Vec<u8> {
        match self {
            Self::Grey16(pixels) => pixels.iter().flat_map(|p| p.to_le_bytes()).collect(),
            Self::Grey8(pixels) => pixels.iter().flat_map(|&p| [0, p]).collect(),
            Self::Rgb8(pixels) => pixels
                .chunks_exact(3)
                .flat_map(|rgb| {
                    let weighted = 0.2989 * f64::from(rgb[0])
                        + 0.5870 * f64::from(rgb[1])
                        + 0.1140 * f64::from(rgb[2]);
                    [0, weighted as u8]
                })
                .collect(),
        }
    }
}

/// What of the instrument a picture shows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Scenery {
    pub position_um: (f64, f64, f64),
    pub time_s: f64,
    pub pixel_um: f64,
    /// Light on the cells and on the background, 1 is usual.
    pub light: (f64, f64),
}

impl Camera {
    pub(super) fn new(
        name: &'static str,
        scene: Scene,
        depth: Depth,
        sensor_px: (u32, u32),
    ) -> Self {
        Self {
            name,
            scene,
            depth,
            sensor_px,
            exposure_ms: 20.0,
            gain: 1.0,
            black_level: 100.0,
            automatic: false,
        }
    }

    /// Takes a picture of every `step`-th pixel of the centred square of `crop` sensor pixels (0:
    /// the whole sensor).
    pub(super) fn capture(
        &self,
        specimen: &Specimen,
        scenery: &Scenery,
        crop: u32,
        step: u32,
    ) -> Picture {
        let (width, height) = self.sensor_px;
        let cropped_px = if crop == 0 {
            self.sensor_px
        } else {
            let side = crop.min(width).min(height);
            (side, side)
        };
        let amplification = if self.automatic {
            1.0
        } else {
            (self.exposure_ms / 20.0 * self.gain.max(0.0)).clamp(0.0, 100.0)
        };
        let view = View {
            size_px: cropped_px,
            step,
            pixel_um: scenery.pixel_um,
            centre_um: (scenery.position_um.0, scenery.position_um.1),
            z_um: scenery.position_um.2,
            time_s: scenery.time_s,
            cells: scenery.light.0 * amplification,
            background: scenery.light.1 * amplification,
            black_level: self.black_level.clamp(0.0, 1000.0) as u16,
        };
        let (width, height, pixels) = match self.scene {
            Scene::Cells => specimen.render(&view),
            Scene::Reflection => specimen.render_reflection(&view),
        };
        Picture {
            detector: self.name.to_owned(),
            pixel_um: scenery.pixel_um,
            width: width as u32,
            height: height as u32,
            cropped_px,
            step: step.max(1),
            pixels: self.deliver(pixels),
        }
    }

    /// From the 12 bits of the specimen to what this camera's driver hands over.
    fn deliver(&self, pixels: Vec<u16>) -> Pixels {
        match self.depth {
            Depth::Twelve => Pixels::Grey16(pixels),
            Depth::Sixteen => {
                Pixels::Grey16(pixels.into_iter().map(|p| (p << 4) | (p >> 8)).collect())
            }
            Depth::Eight => Pixels::Grey8(pixels.into_iter().map(|p| (p >> 4) as u8).collect()),
            Depth::Rgb => Pixels::Rgb8(pixels.into_iter().flat_map(stained).collect()),
        }
    }

    /// As `sigDetectorParametersUpdated` and `getDetectorParameters` tell it.
    pub(super) fn parameters(&self, pixel_um: f64) -> Value {
        json!({
            "exposure": self.exposure_ms,
            "gain": self.gain,
            "pixelSize": pixel_um,
            "binning": 1,
            "supportedBinnings": [1],
            "blacklevel": self.black_level,
            "isRGB": i32::from(self.depth == Depth::Rgb),
            "mode": self.mode(),
            "exposureMin": null,
            "exposureMax": null,
            "gainMin": null,
            "gainMax": null,
        })
    }

    pub(super) fn mode(&self) -> &'static str {
        if self.automatic { "Auto" } else { "Manual" }
    }

    /// As `getCameraStatus` tells it.
    pub(super) fn status(&self, pixel_um: f64) -> Value {
        let (width, height) = self.sensor_px;
        let number = |value: Value, units: &str, editable: bool| {
            json!({"value": value, "group": "Misc", "editable": editable, "type": "number",
                "units": units, "min": null, "max": null})
        };
        json!({
            "model": "ttyscope simulated camera",
            "isMock": true,
            "isConnected": true,
            "isRGB": i32::from(self.depth == Depth::Rgb),
            "sensorWidth": width,
            "sensorHeight": height,
            "currentWidth": width,
            "currentHeight": height,
            "pixelSizeUm": [1, pixel_um, pixel_um],
            "binning": 1,
            "supportedBinnings": [1],
            "frameStart": [0, 0],
            "croppable": false,
            "forAcquisition": self.scene == Scene::Cells,
            "forFocusLock": self.scene == Scene::Reflection,
            "parameters": {
                "exposure": number(self.exposure_ms.into(), "ms", true),
                "exposure_mode": {"value": self.mode(), "group": "Misc", "editable": true,
                    "type": "list", "options": ["Auto", "Manual"]},
                "gain": number(self.gain.into(), "arb.u.", true),
                "blacklevel": number(self.black_level.into(), "arb.u.", true),
                "binning": number(1.into(), "arb.u.", true),
                "image_width": number(width.into(), "arb.u.", false),
                "image_height": number(height.into(), "arb.u.", false),
                "Camera pixel size": number(pixel_um.into(), "µm", true),
            },
        })
    }
}

/// Dark is pale violet and bright is green, as a stained slide might look.
fn stained(value: u16) -> [u8; 3] {
    let grey = u32::from(value.min(FULL_SCALE) >> 4);
    [
        (grey * 3 / 4 + 20).min(255) as u8,
        grey as u8,
        (grey / 2 + 40).min(255) as u8,
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCENERY: Scenery = Scenery {
        position_um: (0.0, 0.0, 0.0),
        time_s: 0.0,
        pixel_um: 1.0,
        light: (1.0, 1.0),
    };

    #[test]
    fn crop_and_subsampling_give_the_servers_sizes() {
        let specimen = Specimen::new(1);
        let camera = Camera::new("Cam", Scene::Cells, Depth::Twelve, (400, 300));
        for (crop, step, size, cropped) in [
            (0, 1, (400, 300), (400, 300)),
            (0, 4, (100, 75), (400, 300)),
            (101, 3, (34, 34), (101, 101)),
            (1000, 1, (300, 300), (300, 300)),
        ] {
            let picture = camera.capture(&specimen, &SCENERY, crop, step);
            assert_eq!((picture.width, picture.height), size);
            assert_eq!(picture.cropped_px, cropped);
            assert_eq!(
                picture.pixels.to_grey16_bytes().len(),
                (size.0 * size.1 * 2) as usize
            );
        }
    }

    #[test]
    fn exposure_and_depth_change_the_values() {
        let specimen = Specimen::new(1);
        let largest = |depth, exposure_ms| {
            let mut camera = Camera::new("Cam", Scene::Cells, depth, (128, 128));
            camera.exposure_ms = exposure_ms;
            let bytes = camera
                .capture(&specimen, &SCENERY, 0, 1)
                .pixels
                .to_grey16_bytes();
            bytes
                .chunks(2)
                .map(|p| u16::from_le_bytes([p[0], p[1]]))
                .max()
                .unwrap()
        };
        let twelve = largest(Depth::Twelve, 20.0);
        assert!(largest(Depth::Twelve, 5.0) < twelve && twelve <= FULL_SCALE);
        assert!(largest(Depth::Sixteen, 20.0) > FULL_SCALE);
        assert_eq!(largest(Depth::Eight, 20.0) & 0xff, 0);
        assert_eq!(largest(Depth::Twelve, 20_000.0), FULL_SCALE);
    }
}
