//! How the whole screen looks.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::App;
use crate::ui::Role;

impl App {
    /// Draws everything into `area`. Decides nothing: the same app gives the same cells.
    pub fn draw(&self, area: Rect, buf: &mut Buffer) {
        buf.set_style(area, self.options.theme.style(Role::Text));
    }
}
