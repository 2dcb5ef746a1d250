//! In place of the sixels of a program that was built without the feature `graphics`.

use super::Picture;

/// No picture: it is drawn in cells.
pub(super) fn encode(_: &Picture, _: (u16, u16), _: (u8, u8)) -> Option<String> {
    None
}
