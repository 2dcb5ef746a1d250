//! Floor 1: how things look: roles, themes and widgets. Nothing here knows a panel.

pub mod picture;
pub mod svg;
pub mod theme;

pub use picture::PictureWidget;
pub use svg::svg;
pub use theme::{ColorDepth, Role, Theme};
