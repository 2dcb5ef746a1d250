//! What the live stream says, made into pictures and readings. There is no number and no time in
//! it: pictures are counted here, per camera and over all connections, and stamped when they are
//! whole.

use std::collections::BTreeMap;

use super::PixelSize;
use crate::model::{Clock, Compression, Frame, FrameEncoding, PlainText, Reading};
use crate::protocol::flamingo::live::{LiveFrame, LiveHeader};
use crate::sources::frame_queue::Item;

/// The highest number of a camera that is believed: a stream that is read from a wrong byte on
/// has cameras by the thousand.
const MOST_CAMERAS: u32 = 63;

/// Makes pictures, and knows what was made before.
#[derive(Debug)]
pub(super) struct Pictures {
    clock: Clock,
    pixel_size: PixelSize,
    /// By number, and whether they are maximum projections.
    cameras: BTreeMap<(u32, bool), Camera>,
}

#[derive(Debug)]
struct Camera {
    name: PlainText,
    frames: u64,
    /// Black and white of the last picture.
    scale: Option<(u32, u32)>,
}

/// A camera that cannot be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a header names camera {got}, at most {MOST_CAMERAS} are believed; connecting again")]
pub(super) struct NoCamera {
    /// The number stated.
    got: u32,
}

/// A picture, and what else its header says that is new.
#[derive(Debug)]
pub(super) struct Picture {
    /// Its camera.
    pub detector: PlainText,
    /// What is to be handed on.
    pub item: Item,
    /// Readings that have changed.
    pub readings: Vec<Reading>,
}

impl Pictures {
    pub(super) fn new(clock: Clock, pixel_size: PixelSize) -> Self {
        Self {
            clock,
            pixel_size,
            cameras: BTreeMap::new(),
        }
    }

    /// The clock that pictures are stamped with.
    pub(super) fn clock(&self) -> &Clock {
        &self.clock
    }

    /// Makes the next picture.
    ///
    /// # Errors
    /// Its camera cannot be: what follows cannot be understood.
    pub(super) fn picture(&mut self, live: LiveFrame) -> Result<Picture, NoCamera> {
        let LiveFrame { header, pixels, .. } = live;
        let received = self.clock.now();
        let pixel_size_um = self.pixel_size.get();
        let camera = self.camera(&header)?;
        camera.frames = camera.frames.saturating_add(1);
        let frame = Frame {
            detector: camera.name.clone(),
            number: Some(camera.frames),
            width_px: Some(header.width_px),
            height_px: Some(header.height_px),
            encoding: FrameEncoding::Mono16(Compression::None),
            body: pixels,
            pixel_size_um,
            subsampling: 1,
            bit_depth: None,
            device_ns: None,
            lost_before: 0,
        };
        let scale = Some((header.scale_min, header.scale_max));
        let is_new = std::mem::replace(&mut camera.scale, scale) != scale;
        let readings = if is_new {
            camera.scale_readings(&header)
        } else {
            Vec::new()
        };
        Ok(Picture {
            detector: camera.name.clone(),
            item: Item::Frame { received, frame },
            readings,
        })
    }

    /// What a header without a picture says.
    ///
    /// # Errors
    /// As [`Pictures::picture`].
    pub(super) fn options(&mut self, header: &LiveHeader) -> Result<Vec<Reading>, NoCamera> {
        let camera = self.camera(header)?;
        camera.scale = Some((header.scale_min, header.scale_max));
        let mut readings = camera.scale_readings(header);
        let crosshair = match header.crosshair() {
            Some((x, y)) => format!("{x}, {y}"),
            None => "off".to_owned(),
        };
        let name = format!("live/{}/crosshair", camera.name);
        readings.push(Reading::new(name, crosshair.as_str(), "px"));
        Ok(readings)
    }

    fn camera(&mut self, header: &LiveHeader) -> Result<&mut Camera, NoCamera> {
        let got = header.device_index;
        if got > MOST_CAMERAS {
            return Err(NoCamera { got });
        }
        let is_projection = header.options.maximum_projection();
        let camera = self.cameras.entry((got, is_projection));
        Ok(camera.or_insert_with(|| {
            let kind = if is_projection {
                "projection"
            } else {
                "camera"
            };
            Camera {
                name: format!("{kind}-{got}").into(),
                frames: 0,
                scale: None,
            }
        }))
    }
}

impl Camera {
    fn scale_readings(&self, header: &LiveHeader) -> Vec<Reading> {
        let reading = |what: &str, value: u32| {
            Reading::new(format!("live/{}/{what}", self.name), i64::from(value), "")
        };
        vec![
            reading("black", header.scale_min),
            reading("white", header.scale_max),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::flamingo::live::LiveOptions;

    fn header(device_index: u32, options: u32) -> LiveHeader {
        LiveHeader {
            image_bytes: 4,
            width_px: 2,
            height_px: 1,
            scale_min: 100,
            scale_max: 4000,
            device_index,
            options: LiveOptions(options),
            ..LiveHeader::default()
        }
    }

    fn pictures() -> Pictures {
        Pictures::new(Clock::manual(0), PixelSize::default())
    }

    fn next(pictures: &mut Pictures, header: LiveHeader) -> (String, u64, usize) {
        let live = LiveFrame {
            number: 7,
            header,
            pixels: vec![0; 4].into(),
        };
        let picture = pictures.picture(live).unwrap();
        let Item::Frame { frame, .. } = picture.item else {
            panic!("a picture");
        };
        let name = picture.detector.to_string();
        (name, frame.number.unwrap(), picture.readings.len())
    }

    #[test]
    fn cameras_and_projections_are_counted_each_for_itself() {
        let mut pictures = pictures();
        let name = |text: &str| text.to_owned();
        let cases = [
            (header(1, 0), (name("camera-1"), 1, 2)),
            (header(1, 0x10), (name("camera-1"), 2, 0)),
            (header(1, 0x30), (name("projection-1"), 1, 2)),
            (header(2, 0x10), (name("camera-2"), 1, 2)),
            (header(1, 0x10), (name("camera-1"), 3, 0)),
        ];
        for (header, expected) in cases {
            assert_eq!(next(&mut pictures, header), expected);
        }
        let other_scale = LiveHeader {
            scale_max: 5000,
            ..header(1, 0)
        };
        let expected = (name("camera-1"), 4, 2);
        assert_eq!(next(&mut pictures, other_scale), expected);
    }

    #[test]
    fn a_header_without_a_picture_says_where_the_crosshair_is() {
        let mut pictures = pictures();
        let header = LiveHeader {
            crosshair_word: 300 << 16 | 200,
            ..header(1, LiveOptions::CROSSHAIR)
        };
        let readings = pictures.options(&header).unwrap();
        assert_eq!(
            readings,
            [
                Reading::new("live/camera-1/black", 100_i64, ""),
                Reading::new("live/camera-1/white", 4000_i64, ""),
                Reading::new("live/camera-1/crosshair", "300, 200", "px"),
            ]
        );
    }

    #[test]
    fn a_camera_that_cannot_be_is_no_camera() {
        let mut pictures = pictures();
        let got = 0x0fa0_0064;
        assert_eq!(pictures.options(&header(got, 0)), Err(NoCamera { got }));
        assert!(pictures.cameras.is_empty());
    }
}
