//! A picture small enough for the cells it is drawn in.

use crate::model::{CameraKey, Stamp};

/// Which camera is wanted, and how large it will be drawn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PictureRequest {
    /// The camera.
    pub camera: CameraKey,
    /// Columns of cells at hand.
    pub cols: u16,
    /// Rows of cells at hand; a half-block cell shows two pixels, one above the other.
    pub rows: u16,
}

/// A frame reduced to at most two pixels a cell, aspect ratio kept, ready to draw.
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
    /// Bits that the values of the frame need: 8, 12 or 16.
    pub bit_depth: u8,
    /// Smallest and largest value in the frame, before the window is applied.
    pub value_range: (u16, u16),
    /// The values drawn black and white.
    pub window: (u16, u16),
    /// Micrometres per pixel of the frame.
    pub pixel_size_um: Option<f64>,
    /// Columns of `pixels`; as many cells wide.
    pub width_px: u16,
    /// Rows of `pixels`; two for each row of cells, so it may be odd by one.
    pub height_px: u16,
    /// Red, green, blue, row-major, `width_px * height_px` of them.
    pub pixels: Vec<[u8; 3]>,
}
