//! Cells as bytes for a terminal: as few as will do.
//!
//! Only attributes that change are set, both colours in one sequence, and the cursor moves by the
//! shorter way. Where bytes are dear a cell of two pixels is written upside down or as a blank if
//! that needs fewer colours to be set. Sequences that some terminals lack (REP, ECH) are not used. Source: ECMA-48,
//! 8.3.117 (SGR), 8.3.21 (CUP), 8.3.20 (CUF); colours by ITU-T T.416, with semicolons, as all
//! terminals take them.

use std::io::Write;

use ratatui::buffer::{Cell, CellWidth};
use ratatui::style::{Color, Modifier};

/// Writes cells into a vector.
#[derive(Debug)]
pub struct Encoder<'a> {
    out: &'a mut Vec<u8>,
    cols: u16,
    /// Where the cursor is; at the right edge nobody knows.
    at: Option<(u16, u16)>,
    fg: Color,
    bg: Color,
    modifier: Modifier,
    /// Two pixels may be written in any way that looks the same.
    is_frugal: bool,
}

/// What each modifier is called. Source: ECMA-48, 8.3.117.
const MODIFIERS: [(Modifier, u8); 9] = [
    (Modifier::BOLD, 1),
    (Modifier::DIM, 2),
    (Modifier::ITALIC, 3),
    (Modifier::UNDERLINED, 4),
    (Modifier::SLOW_BLINK, 5),
    (Modifier::RAPID_BLINK, 6),
    (Modifier::REVERSED, 7),
    (Modifier::HIDDEN, 8),
    (Modifier::CROSSED_OUT, 9),
];

/// Modifiers that show on a blank in the colour of the text.
const SHOWN_ON_BLANK: Modifier = Modifier::REVERSED
    .union(Modifier::UNDERLINED)
    .union(Modifier::CROSSED_OUT);

impl<'a> Encoder<'a> {
    /// An encoder for a terminal of `cols` columns; `is_frugal` if every byte counts. Whatever was set
    /// before is reset.
    pub fn new(out: &'a mut Vec<u8>, cols: u16, is_frugal: bool) -> Self {
        out.extend_from_slice(b"\x1b[m");
        Self {
            out,
            cols,
            at: None,
            fg: Color::Reset,
            bg: Color::Reset,
            modifier: Modifier::empty(),
            is_frugal,
        }
    }

    /// Bytes so far.
    pub fn len(&self) -> usize {
        self.out.len()
    }

    /// Writes a cell at column `x` and row `y`, counted from 0.
    pub fn put(&mut self, x: u16, y: u16, cell: &Cell) {
        self.go(x, y);
        match cell.symbol() {
            "▀" if self.is_frugal && cell.modifier.is_empty() => {
                self.put_pixels(cell.fg, cell.bg)
            }
            " " if !cell.modifier.intersects(SHOWN_ON_BLANK) => {
                // Nobody sees what colour the text of a blank has.
                self.set(self.fg, cell.bg, cell.modifier);
                self.out.push(b' ');
            }
            symbol => {
                self.set(cell.fg, cell.bg, cell.modifier);
                self.out.extend_from_slice(symbol.as_bytes());
            }
        }
        let next = x.saturating_add(cell.cell_width().max(1));
        self.at = (next < self.cols).then_some((next, y));
    }

    /// Two pixels, one above the other.
    fn put_pixels(&mut self, top: Color, bottom: Color) {
        let changes = |fg: Color, bg: Color| u8::from(fg != self.fg) + u8::from(bg != self.bg);
        let symbol = if top == bottom {
            self.set(self.fg, bottom, Modifier::empty());
            " "
        } else if changes(bottom, top) < changes(top, bottom) {
            self.set(bottom, top, Modifier::empty());
            "▄"
        } else {
            self.set(top, bottom, Modifier::empty());
            "▀"
        };
        self.out.extend_from_slice(symbol.as_bytes());
    }

    fn go(&mut self, x: u16, y: u16) {
        match self.at {
            Some(at) if at == (x, y) => {}
            Some((from, row)) if row == y && from < x => match x - from {
                1 => self.write(format_args!("\x1b[C")),
                columns => self.write(format_args!("\x1b[{columns}C")),
            },
            _ if x == 0 => self.write(format_args!("\x1b[{}H", u32::from(y) + 1)),
            _ => self.write(format_args!(
                "\x1b[{};{}H",
                u32::from(y) + 1,
                u32::from(x) + 1
            )),
        }
    }

    fn set(&mut self, fg: Color, bg: Color, modifier: Modifier) {
        if (fg, bg, modifier) == (self.fg, self.bg, self.modifier) {
            return;
        }
        self.out.extend_from_slice(b"\x1b[");
        let from = self.out.len();
        // One that is to go takes all others with it: there is no shorter way.
        if !modifier.contains(self.modifier) {
            self.parameter(from, format_args!("0"));
            self.modifier = Modifier::empty();
            (self.fg, self.bg) = (Color::Reset, Color::Reset);
        }
        let new = modifier - self.modifier;
        for (_, number) in MODIFIERS.iter().filter(|(one, _)| new.contains(*one)) {
            self.parameter(from, format_args!("{number}"));
        }
        if fg != self.fg {
            self.color(from, 30, fg);
        }
        if bg != self.bg {
            self.color(from, 40, bg);
        }
        self.out.push(b'm');
        (self.fg, self.bg, self.modifier) = (fg, bg, modifier);
    }

    /// `base`: 30 for the text, 40 for the ground.
    fn color(&mut self, from: usize, base: u8, color: Color) {
        let (set, reset) = (base + 8, base + 9);
        match (color, index(color)) {
            (Color::Rgb(r, g, b), _) => self.parameter(from, format_args!("{set};2;{r};{g};{b}")),
            (_, Some(index)) => self.parameter(from, format_args!("{set};5;{index}")),
            _ => self.parameter(from, format_args!("{reset}")),
        }
    }

    fn parameter(&mut self, from: usize, text: std::fmt::Arguments<'_>) {
        if self.out.len() > from {
            self.out.push(b';');
        }
        self.write(text);
    }

    fn write(&mut self, text: std::fmt::Arguments<'_>) {
        // Writing into a vector does not fail.
        let _ = self.out.write_fmt(text);
    }
}

/// The place in the palette of 256 of a colour that is not given by its parts. The sixteen that
/// have names go the same way: `ESC [ 31 m` becomes another colour in bold on some terminals.
fn index(color: Color) -> Option<u8> {
    Some(match color {
        Color::Indexed(index) => index,
        Color::Black => 0,
        Color::Red => 1,
        Color::Green => 2,
        Color::Yellow => 3,
        Color::Blue => 4,
        Color::Magenta => 5,
        Color::Cyan => 6,
        Color::Gray => 7,
        Color::DarkGray => 8,
        Color::LightRed => 9,
        Color::LightGreen => 10,
        Color::LightYellow => 11,
        Color::LightBlue => 12,
        Color::LightMagenta => 13,
        Color::LightCyan => 14,
        Color::White => 15,
        Color::Reset | Color::Rgb(..) => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use ratatui::backend::{Backend, CrosstermBackend};
    use ratatui::buffer::Buffer;
    use ratatui::layout::Rect;
    use ratatui::style::Style;

    /// What is in a cell, the colour of the text and of the ground.
    type Symbol<'a> = (&'a str, Color, Color);

    fn terminal(bytes: &[u8]) -> vt100::Parser {
        let size = |cells: u16| std::num::NonZeroU16::new(cells).unwrap();
        let mut terminal = vt100::Parser::new(size(10), size(40), 0);
        terminal.process(bytes);
        terminal
    }

    fn encode(buffer: &Buffer) -> Vec<u8> {
        let blank = Buffer::empty(buffer.area);
        let mut bytes = Vec::new();
        let mut encoder = Encoder::new(&mut bytes, buffer.area.width, true);
        for (x, y, cell) in blank.diff(buffer) {
            encoder.put(x, y, cell);
        }
        bytes
    }

    /// Text of all kinds and a picture of half blocks, from random numbers.
    fn screen(seed: u64) -> Buffer {
        let mut buffer = Buffer::empty(Rect::new(0, 0, 40, 10));
        let mut random = fastrand::Rng::with_seed(seed);
        let color = |random: &mut fastrand::Rng| match random.u8(..4) {
            0 => Color::Reset,
            1 => Color::Indexed(random.u8(..)),
            2 => Color::LightBlue,
            _ => Color::Rgb(random.u8(..), 0, 9),
        };
        for _ in 0..30 {
            let style = Style::new()
                .fg(color(&mut random))
                .bg(color(&mut random))
                .add_modifier(Modifier::from_bits_truncate(1 << random.u8(..4)));
            let words = ["rate 18.7", "顕微鏡", " ", "▀▄", "é"];
            let text = words[random.usize(..words.len())];
            buffer.set_string(random.u16(..40), random.u16(..10), text, style);
        }
        for (x, y) in (5..20).flat_map(|x| (2..7).map(move |y| (x, y))) {
            let grey = |random: &mut fastrand::Rng| {
                let value = random.u8(..4) * 60;
                Color::Rgb(value, value, value)
            };
            let style = Style::new().fg(grey(&mut random)).bg(grey(&mut random));
            buffer[(x, y)].reset();
            buffer[(x, y)].set_symbol("▀").set_style(style);
        }
        buffer
    }

    /// The colours of the upper and the lower half of a cell.
    fn halves(cell: &vt100::Cell) -> (vt100::Color, vt100::Color) {
        match cell.contents() {
            "▀" => (cell.fgcolor(), cell.bgcolor()),
            "▄" => (cell.bgcolor(), cell.fgcolor()),
            _ => (cell.bgcolor(), cell.bgcolor()),
        }
    }

    #[test]
    fn a_terminal_shows_the_same_as_with_the_long_sequences_for_fewer_bytes() {
        for seed in 0..40 {
            let buffer = screen(seed);
            let short = encode(&buffer);
            let mut long = b"\x1b[m".to_vec();
            let changed = Buffer::empty(buffer.area).diff(&buffer);
            CrosstermBackend::new(&mut long)
                .draw(changed.into_iter())
                .unwrap();
            assert!(short.len() < long.len());
            let (short, long) = (terminal(&short), terminal(&long));
            for (row, col) in (0..10).flat_map(|row| (0..40).map(move |col| (row, col))) {
                let cell = |terminal: &vt100::Parser| terminal.screen().cell(row, col).cloned();
                let (got, want) = (cell(&short).unwrap(), cell(&long).unwrap());
                assert_eq!(halves(&got), halves(&want), "{seed}: {row} {col}");
                if !matches!(want.contents(), "▀" | "▄" | " " | "") {
                    assert_eq!(got, want, "{seed}: {row} {col}");
                }
            }
        }
    }

    #[test]
    fn nothing_is_set_twice() {
        let cases: &[(&[Symbol<'_>], &str)] = &[
            (&[("a", Color::Reset, Color::Reset)], "\x1b[m\x1b[1Ha"),
            (
                &[
                    ("a", Color::Red, Color::Reset),
                    ("b", Color::Red, Color::Reset),
                ],
                "\x1b[m\x1b[1H\x1b[38;5;1mab",
            ),
            (
                &[
                    ("▀", Color::Indexed(1), Color::Indexed(2)),
                    ("▀", Color::Indexed(2), Color::Indexed(1)),
                    ("▀", Color::Indexed(2), Color::Indexed(2)),
                ],
                "\x1b[m\x1b[1H\x1b[38;5;1;48;5;2m▀▄ ",
            ),
        ];
        for (cells, bytes) in cases {
            let mut out = Vec::new();
            let mut encoder = Encoder::new(&mut out, 40, true);
            for (x, (symbol, fg, bg)) in (0..).zip(*cells) {
                let mut cell = Cell::default();
                cell.set_symbol(symbol).set_fg(*fg).set_bg(*bg);
                encoder.put(x, 0, &cell);
            }
            assert_eq!(String::from_utf8_lossy(&out), *bytes);
        }
    }
}
