//! Floor 1: how things look: roles, themes and widgets. Nothing here knows a panel.

pub mod ascii;
pub mod flow;
pub mod graphics;
pub mod grid;
pub mod heat;
pub mod number;
pub mod pane;
pub mod picture;
pub mod plot;
pub mod sparkline;
pub mod svg;
pub mod table;
pub mod text;
pub mod theme;

pub use graphics::{Graphics, Protocol, Terminal};
pub use picture::{Glyphs, PictureWidget};
/// A rectangle of cells: plain numbers, so also those who decide about room may speak of it.
pub use ratatui::layout::Rect;
pub use svg::svg;
pub use theme::{ColorDepth, Role, Theme};
