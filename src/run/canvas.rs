//! Two buffers and what has to be written to turn one picture into the next.

use ratatui::backend::{Backend, CrosstermBackend};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

/// What the terminal shows, and what it shall show.
#[derive(Debug)]
pub struct Canvas {
    shown: Buffer,
    next: Buffer,
    /// The terminal's content is not known: after a change of size, or because somebody asked.
    blank: bool,
}

impl Canvas {
    /// A canvas for a terminal of this size, which is blank.
    pub fn new(cols: u16, rows: u16) -> Self {
        let area = Rect::new(0, 0, cols, rows);
        Self {
            shown: Buffer::empty(area),
            next: Buffer::empty(area),
            blank: true,
        }
    }

    /// Takes a new size; the next picture is written whole.
    pub fn resize(&mut self, cols: u16, rows: u16) {
        *self = Self::new(cols, rows);
    }

    /// Draws the next picture and returns the bytes that show it. Empty if nothing differs.
    pub fn draw(&mut self, draw: impl FnOnce(Rect, &mut Buffer)) -> Vec<u8> {
        self.next.reset();
        draw(self.next.area, &mut self.next);
        let changed = self.shown.diff(&self.next);
        if changed.is_empty() && !self.blank {
            return Vec::new();
        }
        // A synchronized update: terminals that know it show the picture at once, others ignore it.
        let mut bytes = b"\x1b[?2026h".to_vec();
        if self.blank {
            bytes.extend_from_slice(b"\x1b[0m\x1b[2J");
        }
        // Writing into a vector does not fail.
        let _ = CrosstermBackend::new(&mut bytes).draw(changed.into_iter());
        bytes.extend_from_slice(b"\x1b[?2026l");
        std::mem::swap(&mut self.shown, &mut self.next);
        self.blank = false;
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ratatui::style::Style;

    fn text(words: &'static str) -> impl FnOnce(Rect, &mut Buffer) {
        move |_, buffer| {
            buffer.set_string(0, 0, words, Style::new());
        }
    }

    #[test]
    fn only_what_differs_is_written() {
        let mut canvas = Canvas::new(20, 2);
        let mut terminal = {
            let size = |cells: u16| std::num::NonZeroU16::new(cells).unwrap();
            vt100::Parser::new(size(2), size(20), 0)
        };
        for words in ["rate 18.7", "rate 19.1", "x"] {
            terminal.process(&canvas.draw(text(words)));
            assert_eq!(terminal.screen().contents().trim_end(), words);
        }
        assert!(canvas.draw(text("x")).is_empty());
        assert!(canvas.draw(text("y")).len() < 60);
    }
}
