//! Floor 1: pixels in, numbers and small pictures out.

pub mod picture;

pub use picture::{Picture, PictureRequest};
