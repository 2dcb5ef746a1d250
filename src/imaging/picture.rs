//! A picture small enough for the cells it is drawn in.

use super::pixels::{Encoding, Pixels};
use super::view::{Roi, View};
use crate::model::{CameraKey, Stamp};

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
            view: View::default(),
            roi: None,
            probe: None,
            profile: None,
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

/// A frame reduced to the dots of the cells at hand, aspect ratio kept, ready to draw.
#[derive(Clone, Debug, PartialEq)]
pub struct Picture {
    /// Whose picture it is.
    pub camera: CameraKey,
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
    /// Smallest and largest value in the frame, before the window is applied.
    pub value_range: (u16, u16),
    /// The values drawn black and white.
    pub window: (u16, u16),
    /// Micrometres per pixel of the frame.
    pub pixel_size_um: Option<f64>,
    /// How it was looked at when it was made.
    pub view: View,
    /// The part of the frame that `pixels` show.
    pub part: Roi,
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
    /// The pixel that was asked for and its values: one of a grey frame, three of a colour one.
    pub probe: Option<((u32, u32), Vec<u16>)>,
    /// Values along the line that was asked for, luma where there is colour.
    pub profile: Option<(Segment, Vec<u16>)>,
}
