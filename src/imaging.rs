//! Floor 1: pixels in, numbers and small pictures out.

mod jpeg;
pub mod maker;
pub mod picture;
pub mod pixels;
pub mod reduce;
pub mod unpack;
pub mod view;
pub mod window;
mod yuv;

pub use maker::{ImagingError, PictureMaker};
pub use picture::{Picture, PictureRequest, Segment};
pub use unpack::{UnpackError, unpack};
pub use view::{ColorMap, Contrast, Roi, View};
