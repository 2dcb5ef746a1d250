//! A picture small enough for the cells it is drawn in.

use super::pixels::{Encoding, Pixels};
use std::sync::Arc;

use super::measures::Measures;
use super::reduce::Room;
use super::view::{Roi, View};
use crate::model::{CameraKey, Frame, Stamp};

/// Which camera is wanted, how large it will be drawn, and how it is looked at.
#[derive(Clone, Debug, PartialEq)]
pub struct PictureRequest {
    /// The camera.
    pub camera: CameraKey,
    /// Columns of cells at hand.
    pub cols: u16,
    /// Rows of cells at hand.
    pub rows: u16,
    /// Dots that a cell shows, across and down: 1 and 2 for half blocks.
    pub dots: (u8, u8),
    /// How it is encoded for a terminal that draws pixels.
    pub encoding: Option<Encoding>,
    /// Width and height of a cell in the terminal's pixels, or anything of the same proportion:
    /// 1 and 2 where the terminal does not say.
    pub cell_px: (u16, u16),
    /// Whether the terminal shows colours. Where it does not, luma is enough and costs less.
    pub color: bool,
    /// The screen is held: the frame that was drawn last is meant, however many have come since.
    pub held: bool,
    /// How it is looked at.
    pub view: View,
    /// The part whose numbers are wanted; of the whole frame if there is none.
    pub roi: Option<Roi>,
    /// The pixel whose value is wanted, in the frame's own columns and rows.
    pub probe: Option<(u32, u32)>,
    /// The line along which values are wanted.
    pub profile: Option<Segment>,
}

impl PictureRequest {
    /// All of a camera's frame in that many cells of half blocks, with nothing else.
    pub fn plain(camera: CameraKey, cols: u16, rows: u16) -> Self {
        Self {
            camera,
            cols,
            rows,
            dots: (1, 2),
            encoding: None,
            cell_px: (1, 2),
            color: true,
            held: false,
            view: View::default(),
            roi: None,
            probe: None,
            profile: None,
        }
    }

    /// The room that the picture has.
    pub fn room(&self) -> Room {
        Room {
            cells: (self.cols, self.rows),
            dots: self.dots,
            cell_px: self.cell_px,
        }
    }
}

/// A line between two pixels of a frame, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Segment {
    /// Column and row where it begins.
    pub from: (u32, u32),
    /// Column and row where it ends.
    pub to: (u32, u32),
}

/// What a picture says of the frame that others are compared with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reference {
    /// No difference was asked for.
    #[default]
    NotAsked,
    /// None was chosen, so the frame itself is drawn.
    Missing,
    /// It cannot be compared with this frame: its size is another one, or the kind of its values.
    /// So the frame itself is drawn.
    Unlike {
        /// Columns and rows of the reference.
        size_px: (u32, u32),
    },
    /// It was subtracted.
    Subtracted {
        /// Its number at the source.
        number: Option<u64>,
        /// When it was received.
        received: Stamp,
        /// The difference that is drawn at the end of the scale, in the camera's values; as much
        /// below 0 is drawn at its beginning.
        span: u16,
    },
}

/// A frame reduced to the dots of the cells at hand, aspect ratio kept, ready to draw.
#[derive(Clone, Debug, PartialEq)]
pub struct Picture {
    /// Whose picture it is.
    pub camera: CameraKey,
    /// The frame it was made of, as it was received: what is on the screen can be saved, held or
    /// not.
    pub frame: Frame,
    /// When the frame was received.
    pub received: Stamp,
    /// When it was decoded.
    pub decoded: Stamp,
    /// The frame's number at the source.
    pub number: Option<u64>,
    /// Columns and rows of the frame itself.
    pub frame_size_px: (u32, u32),
    /// Bits that the values of the frame need: 8 to 16.
    pub bit_depth: u8,
    /// Smallest and largest value in the frame, before the window is applied; luma where pixels
    /// share colour or none was asked for.
    pub value_range: (u16, u16),
    /// The values drawn black and white; what they would be, where a difference is drawn.
    pub window: (u16, u16),
    /// Micrometres per pixel of the frame.
    pub pixel_size_um: Option<f64>,
    /// How it was looked at when it was made.
    pub view: View,
    /// The part of the frame that `pixels` show.
    pub part: Roi,
    /// Whether it was asked for while the screen was held.
    pub held: bool,
    /// Dots of a cell that it was made for, across and down.
    pub dots: (u8, u8),
    /// Columns of `pixels`.
    pub width_px: u16,
    /// Rows of `pixels`.
    pub height_px: u16,
    /// Red, green, blue, row-major, `width_px * height_px` of them.
    pub pixels: Vec<[u8; 3]>,
    /// The same as pixels of the terminal, where that was asked for.
    pub encoded: Option<Pixels>,
    /// What became of the difference that was asked for.
    pub reference: Reference,
    /// The pixel that was asked for and its values: one of a grey frame, three of a colour one.
    pub probe: Option<((u32, u32), Vec<u16>)>,
    /// The line that was asked for, as far as it is inside, and the values along it, luma where
    /// there is colour.
    pub profile: Option<(Segment, Vec<u16>)>,
    /// Numbers about the newest frame that was measured, which may be one before this; `None`
    /// until there are some, and where measuring is switched off.
    pub measures: Option<Arc<Measures>>,
}

#[cfg(test)]
impl Picture {
    /// A picture of so many columns whose frame is the picture itself, for tests of what draws it.
    pub(crate) fn of_pixels(width: u16, pixels: Vec<[u8; 3]>) -> Self {
        use crate::model::{FrameEncoding, SourceId};
        let detector = crate::model::PlainText::from("cam");
        let height = (pixels.len() as u16).checked_div(width).unwrap_or(0);
        Self {
            camera: CameraKey {
                source: SourceId(0),
                detector: detector.clone(),
            },
            frame: Frame {
                detector,
                number: None,
                width_px: Some(width.into()),
                height_px: Some(height.into()),
                encoding: FrameEncoding::Rgb8,
                body: pixels.concat().into(),
                pixel_size_um: None,
                subsampling: 1,
                bit_depth: None,
                device_ns: None,
                lost_before: 0,
            },
            received: Stamp::default(),
            decoded: Stamp::default(),
            number: None,
            frame_size_px: (width.into(), height.into()),
            bit_depth: 8,
            value_range: (0, 255),
            window: (0, 255),
            pixel_size_um: None,
            view: View::default(),
            part: Roi::all((width.into(), height.into())),
            dots: (1, 2),
            held: false,
            encoded: None,
            reference: Reference::NotAsked,
            probe: None,
            profile: None,
            measures: None,
            width_px: width,
            height_px: height,
            pixels,
        }
    }
}
