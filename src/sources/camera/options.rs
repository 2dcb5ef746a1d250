//! What a camera source is told before it starts.

use super::choose::Wanted;

/// Everything a camera source needs to know.
#[derive(Clone, Debug, PartialEq)]
pub struct CameraOptions {
    /// The camera: its number, a path to it, or a part of its name.
    pub device: String,
    /// What its pictures shall be like.
    pub wanted: Wanted,
    /// Who reads it.
    pub layer: Layer,
    /// Micrometres that a pixel shows, if somebody has measured it.
    pub pixel_size_um: Option<f64>,
}

/// Through what a camera is read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Layer {
    /// The kernel's own interface on Linux, nokhwa elsewhere.
    #[default]
    Native,
    /// nokhwa, also on Linux. It knows fewer formats, whole rates only, and no lost pictures.
    Nokhwa,
}

impl CameraOptions {
    /// A camera with everything chosen for it.
    pub fn new(device: impl Into<String>) -> Self {
        Self {
            device: device.into(),
            wanted: Wanted::default(),
            layer: Layer::default(),
            pixel_size_um: None,
        }
    }
}
