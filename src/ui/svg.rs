//! A screen as a picture file: the buffer a terminal would have shown, as self-contained SVG.
//!
//! Cells are exactly twice as high as wide. Blocks, shades, braille and rules are drawn as areas,
//! so they meet without seams in any font; areas of one colour share one element, which keeps a
//! camera picture small. Text is pinned to its cells, whatever font the viewer has.

use std::collections::BTreeMap;
use std::fmt::Write;

use ratatui::buffer::{Buffer, Cell};
use ratatui::style::{Color, Modifier};
use unicode_width::UnicodeWidthStr;

use super::theme::{Role, Theme, rgb_of};

const CELL_WIDTH: u32 = 8;
const CELL_HEIGHT: u32 = 16;
/// Monospaced fonts are 0.6 as wide as high, so this one is [`CELL_WIDTH`] wide.
const FONT_SIZE: &str = "13.33";
/// From the top of a cell to the line the letters stand on.
const BASELINE: u32 = 12;

/// What stands for the terminal's own colours: background and text.
const TERMINAL: ([u8; 3], [u8; 3]) = ([0x12, 0x12, 0x12], [0xd8, 0xd8, 0xd8]);

type Rgb = [u8; 3];

/// Draws a buffer. `theme` says what is behind cells that have no background of their own.
pub fn svg(buffer: &Buffer, theme: &Theme) -> String {
    let screen = rgb_of(theme.background()).unwrap_or(TERMINAL.0);
    let text = theme.style(Role::Text).fg.and_then(rgb_of);
    let text = text.unwrap_or(match theme.background() {
        Color::Reset => TERMINAL.1,
        _ => [255 - screen[0]; 3],
    });
    let mut page = Page::default();
    let cols = usize::from(buffer.area.width).max(1);
    for (y, row) in buffer.content().chunks(cols).enumerate() {
        page.row(y as u32, row, (screen, text));
    }
    page.finish(
        u32::from(buffer.area.width),
        u32::from(buffer.area.height),
        screen,
    )
}

/// How a cell looks once reverse, dim and the terminal's own colours are resolved.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Look {
    fg: Rgb,
    bg: Rgb,
    bold: bool,
    italic: bool,
}

impl Look {
    fn of(cell: &Cell, (screen, text): (Rgb, Rgb)) -> Self {
        let mut fg = rgb_of(cell.fg).unwrap_or(text);
        let mut bg = rgb_of(cell.bg).unwrap_or(screen);
        if cell.modifier.contains(Modifier::REVERSED) {
            std::mem::swap(&mut fg, &mut bg);
        }
        if cell.modifier.contains(Modifier::DIM) {
            fg = mix(fg, bg, 0.6);
        }
        Self {
            fg,
            bg,
            bold: cell.modifier.contains(Modifier::BOLD),
            italic: cell.modifier.contains(Modifier::ITALIC),
        }
    }
}

/// `part` of `a`, the rest of `b`.
fn mix(a: Rgb, b: Rgb, part: f32) -> Rgb {
    let mut out = a;
    for (value, other) in out.iter_mut().zip(b) {
        *value = (f32::from(*value) * part + f32::from(other) * (1.0 - part)).round() as u8;
    }
    out
}

/// A rectangle inside a cell, in its pixels: left, top, width, height.
type Area = (u32, u32, u32, u32);

/// Pieces of text side by side that look the same.
struct Run {
    x: u32,
    cols: u32,
    look: Look,
    text: String,
}

#[derive(Default)]
struct Page {
    /// Path data by colour, below everything else.
    backgrounds: BTreeMap<Rgb, String>,
    /// Path data by colour.
    shapes: BTreeMap<Rgb, String>,
    texts: String,
}

impl Page {
    fn row(&mut self, y: u32, cells: &[Cell], own: (Rgb, Rgb)) {
        let mut background = Strip::default();
        let mut shape = Strip::default();
        let mut run: Option<Run> = None;
        let mut covered = 0;
        for (x, cell) in cells.iter().enumerate() {
            let x = x as u32;
            let look = Look::of(cell, own);
            let bg = (look.bg != own.0).then_some((look.bg, WHOLE));
            background.put(x, y, bg, &mut self.backgrounds);
            // The right half of a wide glyph belongs to its left half.
            if x < covered {
                shape.put(x, y, None, &mut self.shapes);
                continue;
            }
            let symbol = cell.symbol();
            if cell.modifier.contains(Modifier::UNDERLINED) {
                let line = (0, CELL_HEIGHT - 2, CELL_WIDTH, 1);
                add(&mut self.shapes, look.fg, x, y, 1, line);
            }
            match shapes_of(symbol, look) {
                Some((color, areas)) => {
                    self.end(run.take(), y);
                    let (first, rest) = match areas.as_slice() {
                        [first, rest @ ..] => (Some((color, *first)), rest),
                        [] => (None, &[][..]),
                    };
                    shape.put(x, y, first, &mut self.shapes);
                    for area in rest {
                        add(&mut self.shapes, color, x, y, 1, *area);
                    }
                }
                None => {
                    shape.put(x, y, None, &mut self.shapes);
                    let cols = symbol.width().max(1) as u32;
                    covered = x + cols;
                    run = self.text(run, x, y, cols, symbol, look);
                }
            }
        }
        background.end(y, &mut self.backgrounds);
        shape.end(y, &mut self.shapes);
        self.end(run, y);
    }

    /// Adds a cell's text to the run before it, or begins a new one.
    fn text(
        &mut self,
        run: Option<Run>,
        x: u32,
        y: u32,
        cols: u32,
        symbol: &str,
        look: Look,
    ) -> Option<Run> {
        // Glyphs beyond ASCII may come from another font, of another width: each is pinned alone.
        let plain = symbol.is_ascii();
        match run {
            Some(mut run) if plain && run.text.is_ascii() && run.look == look => {
                run.text.push_str(symbol);
                run.cols += cols;
                Some(run)
            }
            before => {
                self.end(before, y);
                (symbol != " ").then(|| Run {
                    x,
                    cols,
                    look,
                    text: symbol.to_owned(),
                })
            }
        }
    }

    fn end(&mut self, run: Option<Run>, y: u32) {
        let Some(run) = run else { return };
        let text = run.text.trim_end();
        let cols = run.cols - (run.text.len() - text.len()) as u32;
        let bold = if run.look.bold {
            " font-weight=\"bold\""
        } else {
            ""
        };
        let italic = if run.look.italic {
            " font-style=\"italic\""
        } else {
            ""
        };
        // Writing to a string cannot fail.
        let _ = writeln!(
            self.texts,
            "<text x=\"{}\" y=\"{}\" textLength=\"{}\" fill=\"{}\"{bold}{italic}>{}</text>",
            run.x * CELL_WIDTH,
            y * CELL_HEIGHT + BASELINE,
            cols * CELL_WIDTH,
            hex(run.look.fg),
            escaped(text),
        );
    }

    fn finish(self, cols: u32, rows: u32, screen: Rgb) -> String {
        let (width, height) = (cols * CELL_WIDTH, rows * CELL_HEIGHT);
        let mut out = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
             viewBox=\"0 0 {width} {height}\">\n\
             <rect width=\"100%\" height=\"100%\" fill=\"{}\"/>\n\
             <g shape-rendering=\"crispEdges\">\n",
            hex(screen)
        );
        for (color, path) in self.backgrounds.iter().chain(&self.shapes) {
            let _ = writeln!(out, "<path fill=\"{}\" d=\"{path}\"/>", hex(*color));
        }
        let _ = write!(
            out,
            "</g>\n<g font-family=\"ui-monospace,Menlo,Consolas,'DejaVu Sans Mono',monospace\" \
             font-size=\"{FONT_SIZE}\" style=\"white-space:pre\" xml:space=\"preserve\">\n\
             {}</g>\n</svg>\n",
            self.texts
        );
        out
    }
}

const WHOLE: Area = (0, 0, CELL_WIDTH, CELL_HEIGHT);

/// Equal areas in neighbouring cells, drawn as one if they reach from edge to edge.
#[derive(Default)]
struct Strip {
    open: Option<(u32, u32, Rgb, Area)>,
}

impl Strip {
    fn put(&mut self, x: u32, y: u32, cell: Option<(Rgb, Area)>, into: &mut BTreeMap<Rgb, String>) {
        if let (Some((_, cols, color, area)), Some(next)) = (&mut self.open, cell)
            && (*color, *area) == next
            && area.2 == CELL_WIDTH
        {
            *cols += 1;
            return;
        }
        self.end(y, into);
        self.open = cell.map(|(color, area)| (x, 1, color, area));
    }

    fn end(&mut self, y: u32, into: &mut BTreeMap<Rgb, String>) {
        if let Some((x, cols, color, area)) = self.open.take() {
            add(into, color, x, y, cols, area);
        }
    }
}

/// Adds an area, repeated over `cols` cells, to the path of its colour.
fn add(paths: &mut BTreeMap<Rgb, String>, color: Rgb, x: u32, y: u32, cols: u32, area: Area) {
    let (left, top, width, height) = area;
    let width = width + (cols - 1) * CELL_WIDTH;
    let path = paths.entry(color).or_default();
    let _ = write!(
        path,
        "M{} {}h{width}v{height}h-{width}z",
        x * CELL_WIDTH + left,
        y * CELL_HEIGHT + top
    );
}

/// The areas a glyph consists of, if it is one that is drawn rather than written.
fn shapes_of(symbol: &str, look: Look) -> Option<(Rgb, Vec<Area>)> {
    const W: u32 = CELL_WIDTH;
    const H: u32 = CELL_HEIGHT;
    let mut chars = symbol.chars();
    let (Some(glyph), None) = (chars.next(), chars.next()) else {
        return None;
    };
    let code = u32::from(glyph);
    let areas = match glyph {
        '▀' => vec![(0, 0, W, H / 2)],
        // One to eight eighths from below.
        '▁'..='█' => {
            let height = (code - 0x2580) * H / 8;
            vec![(0, H - height, W, height)]
        }
        // Seven to one eighths from the left.
        '▉'..='▏' => vec![(0, 0, (0x2590 - code) * W / 8, H)],
        '▐' => vec![(W / 2, 0, W / 2, H)],
        '▔' => vec![(0, 0, W, H / 8)],
        '▕' => vec![(W - W / 8, 0, W / 8, H)],
        '░' | '▒' | '▓' => {
            let part = (code - 0x2590) as f32 / 4.0;
            return Some((mix(look.fg, look.bg, part), vec![WHOLE]));
        }
        '▖'..='▟' => quadrants(code),
        '\u{2800}'..='\u{28ff}' => dots(code - 0x2800),
        '─' => vec![(0, H / 2, W, 1)],
        '━' => vec![(0, H / 2 - 1, W, 2)],
        '╸' => vec![(0, H / 2 - 1, W / 2, 2)],
        '│' => vec![(W / 2, 0, 1, H)],
        '┼' => vec![(0, H / 2, W, 1), (W / 2, 0, 1, H)],
        _ => return None,
    };
    Some((look.fg, areas))
}

fn quadrants(code: u32) -> Vec<Area> {
    /// Upper left, upper right, lower left, lower right are 8, 4, 2, 1; in the order of U+2596.
    const PARTS: [u32; 10] = [2, 1, 8, 11, 9, 14, 13, 4, 6, 7];
    let parts = PARTS.get((code - 0x2596) as usize).copied().unwrap_or(0);
    let (w, h) = (CELL_WIDTH / 2, CELL_HEIGHT / 2);
    [(8, 0, 0), (4, w, 0), (2, 0, h), (1, w, h)]
        .into_iter()
        .filter(|(bit, _, _)| parts & bit != 0)
        .map(|(_, x, y)| (x, y, w, h))
        .collect()
}

fn dots(bits: u32) -> Vec<Area> {
    /// Column and row of each bit. Source: Unicode, "Braille Patterns".
    const PLACES: [(u32, u32); 8] = [
        (0, 0),
        (0, 1),
        (0, 2),
        (1, 0),
        (1, 1),
        (1, 2),
        (0, 3),
        (1, 3),
    ];
    PLACES
        .into_iter()
        .enumerate()
        .filter(|(bit, _)| bits >> bit & 1 == 1)
        .map(|(_, (col, row))| (col * CELL_WIDTH / 2 + 1, row * CELL_HEIGHT / 4 + 1, 2, 2))
        .collect()
}

fn hex([r, g, b]: Rgb) -> String {
    format!("#{r:02x}{g:02x}{b:02x}")
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            // XML has no way to write these at all.
            c if c.is_control() => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use ratatui::layout::Rect;
    use ratatui::style::Style;

    use super::*;

    fn page(lines: &[(&str, Style)]) -> String {
        let cols = lines.iter().map(|(text, _)| text.width()).max().unwrap() as u16;
        let mut buffer = Buffer::empty(Rect::new(0, 0, cols, lines.len() as u16));
        for (y, (text, style)) in lines.iter().enumerate() {
            buffer.set_string(0, y as u16, text, *style);
        }
        svg(&buffer, &Theme::built_in("dark").unwrap())
    }

    fn check(text: &str, style: Style, want: &[&str]) {
        let page = page(&[(text, style)]);
        for want in want {
            assert!(page.contains(want), "{text:?}: no {want} in\n{page}");
        }
    }

    #[test]
    fn text_is_pinned_to_its_cells_and_escaped() {
        let red = Style::new()
            .fg(Color::Rgb(255, 0, 0))
            .add_modifier(Modifier::BOLD);
        check(
            " a<b & c  ",
            red,
            &[
                "<text x=\"8\" y=\"12\" textLength=\"56\" fill=\"#ff0000\" font-weight=\"bold\">a&lt;b &amp; c</text>",
            ],
        );
    }

    #[test]
    fn glyphs_of_another_font_stand_alone_and_wide_ones_take_two_cells() {
        check(
            "a●日b",
            Style::new(),
            &[
                "<text x=\"0\" y=\"12\" textLength=\"8\" fill=\"#c8ccd4\">a<",
                "<text x=\"8\" y=\"12\" textLength=\"8\" fill=\"#c8ccd4\">●<",
                "<text x=\"16\" y=\"12\" textLength=\"16\" fill=\"#c8ccd4\">日<",
                "<text x=\"32\" y=\"12\" textLength=\"8\" fill=\"#c8ccd4\">b<",
            ],
        );
    }

    #[test]
    fn blocks_are_areas_that_meet() {
        let style = Style::new().fg(Color::Rgb(1, 2, 3));
        let cases = [
            ("▀▀", "M0 0h16v8h-16z"),
            ("▄", "M0 8h8v8h-8z"),
            ("█", "M0 0h8v16h-8z"),
            ("▁", "M0 14h8v2h-8z"),
            ("▇", "M0 2h8v14h-8z"),
            ("▏", "M0 0h1v16h-1z"),
            ("▉", "M0 0h7v16h-7z"),
            ("▐", "M4 0h4v16h-4z"),
            ("▚", "M0 0h4v8h-4zM4 8h4v8h-4z"),
            ("⣀", "M1 13h2v2h-2zM5 13h2v2h-2z"),
            ("───", "M0 8h24v1h-24z"),
        ];
        for (text, path) in cases {
            // What is merged is written when the run ends, what follows the first area at once.
            let page = page(&[(text, style)]);
            for part in path.split_inclusive('z') {
                assert!(page.contains(part), "{text}: no {part} in\n{page}");
            }
            assert!(page.contains("fill=\"#010203\""), "{page}");
            assert!(!page.contains("<text"), "{page}");
        }
    }

    #[test]
    fn reverse_and_dim_are_resolved_into_colours() {
        let style = Style::new()
            .fg(Color::Rgb(10, 20, 30))
            .bg(Color::Rgb(110, 120, 130));
        check(
            "x",
            style.add_modifier(Modifier::REVERSED),
            &[
                "fill=\"#6e7882\">x<",
                "<path fill=\"#0a141e\" d=\"M0 0h8v16h-8z\"/>",
            ],
        );
        check(
            "x",
            style.add_modifier(Modifier::DIM),
            &["fill=\"#323c46\">x<"],
        );
        check(
            "x",
            style.add_modifier(Modifier::UNDERLINED),
            &["M0 14h8v1h-8z"],
        );
    }

    #[test]
    fn the_terminals_own_colours_have_a_stand_in() {
        let buffer = Buffer::with_lines(["a"]);
        let page = svg(&buffer, &Theme::built_in("ansi").unwrap());
        assert!(page.contains("height=\"100%\" fill=\"#121212\""), "{page}");
        assert!(page.contains("fill=\"#d8d8d8\">a<"), "{page}");
    }

    #[test]
    fn an_empty_buffer_is_a_page_all_the_same() {
        let page = svg(&Buffer::empty(Rect::ZERO), &Theme::default());
        assert!(
            page.starts_with("<svg ") && page.ends_with("</svg>\n"),
            "{page}"
        );
    }
}
