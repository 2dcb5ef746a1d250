//! Floor 1: pixels in, numbers and small pictures out.

pub mod color_map;
pub mod decode;
mod huffman;
mod jpeg;
pub mod maker;
pub mod measures;
mod painter;
mod peaks;
pub mod picture;
pub mod pixels;
pub mod raster;
pub mod reduce;
mod reference;
mod tone;
pub mod trace;
pub mod unpack;
pub mod view;
pub mod window;
mod yuv;

pub use decode::{Decoder, ImagingError};
pub use maker::PictureMaker;
pub use measures::{Gauge, Measurer, Measures, Trends};
pub use picture::{Picture, PictureRequest, Reference, Segment};
pub use raster::{Layout, Raster};
pub use reduce::Room;
pub use unpack::{UnpackError, unpack};
pub use view::{ColorMap, Contrast, Roi, View};
