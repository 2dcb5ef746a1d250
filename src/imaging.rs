//! Floor 1: pixels in, numbers and small pictures out.

pub mod picture;
pub mod unpack;

pub use picture::{Picture, PictureRequest};
pub use unpack::{UnpackError, unpack};
