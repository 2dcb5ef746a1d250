//! Floor 1: pixels in, numbers and small pictures out.

mod jpeg;
pub mod maker;
pub mod picture;
pub mod reduce;
pub mod unpack;
pub mod window;

pub use maker::{ImagingError, PictureMaker};
pub use picture::{Picture, PictureRequest};
pub use unpack::{UnpackError, unpack};
