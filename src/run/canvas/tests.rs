use super::*;
use crate::ui::picture::mark;
use ratatui::style::{Color, Style};

const COLS: u16 = 40;
const ROWS: u16 = 12;
const PICTURE: Rect = Rect::new(5, 2, 24, 8);

const ALL: Text = Text::Some(u64::MAX);

fn terminal() -> vt100::Parser {
    let size = |cells: u16| std::num::NonZeroU16::new(cells).unwrap();
    vt100::Parser::new(size(ROWS), size(COLS), 0)
}

/// A heading and a picture of greys around `value`, with noise.
fn scene(heading: &'static str, value: u8, noise: u8) -> impl FnOnce(Rect, &mut Buffer) {
    move |_, buffer| {
        let mut random = fastrand::Rng::with_seed(value.into());
        let mut grey = || {
            let value = value.saturating_add(random.u8(..=noise));
            Color::Rgb(value, value, value)
        };
        for (x, y) in PICTURE.positions().map(|at| (at.x, at.y)) {
            let style = Style::new().fg(grey()).bg(grey());
            buffer[(x, y)].set_symbol("▀").set_style(style);
        }
        mark(buffer, PICTURE);
        buffer.set_string(0, 0, heading, Style::new());
    }
}

/// Everything there is to write, in one piece.
fn all(canvas: &mut Canvas) -> Vec<u8> {
    let mut bytes = canvas.update(ALL, 0);
    canvas.begin_picture(|_| None);
    bytes.extend(canvas.update(Text::Nothing, u64::MAX));
    bytes
}

/// The grey of the upper pixel at a cell of the picture.
fn grey_at(terminal: &vt100::Parser, x: u16, y: u16) -> u8 {
    let cell = terminal.screen().cell(y, x).unwrap();
    let color = match cell.contents() {
        "▀" => cell.fgcolor(),
        _ => cell.bgcolor(),
    };
    match color {
        vt100::Color::Rgb(r, ..) => r,
        vt100::Color::Idx(index @ 232..) => 8 + (index - 232) * 10,
        vt100::Color::Idx(231) => 255,
        _ => 0,
    }
}

#[test]
fn only_what_differs_is_written() {
    let mut canvas = Canvas::new(COLS, ROWS);
    let mut terminal = terminal();
    let text = |words: &'static str| {
        move |_: Rect, buffer: &mut Buffer| {
            buffer.set_string(0, 0, words, Style::new());
        }
    };
    for words in ["rate 18.7", "rate 19.1", "x"] {
        canvas.render(text(words));
        terminal.process(&canvas.update(ALL, 0));
        assert_eq!(terminal.screen().contents().trim_end(), words);
    }
    canvas.render(text("x"));
    assert!(canvas.update(ALL, u64::MAX).is_empty());
    canvas.render(text("y"));
    assert!(canvas.update(ALL, 0).len() < 40);
}

#[test]
fn text_goes_out_while_a_picture_is_on_its_way() {
    let mut canvas = Canvas::new(COLS, ROWS);
    let mut terminal = terminal();
    canvas.render(scene("first", 100, 0));
    terminal.process(&canvas.update(ALL, 0));
    assert!(terminal.screen().contents().contains("first"));
    assert!(!terminal.screen().contents().contains('▀'));

    canvas.begin_picture(|_| None);
    terminal.process(&canvas.update(Text::Nothing, 200));
    let left = canvas.picture_left().unwrap();
    assert!(left > 0 && !canvas.is_free());
    assert_eq!(grey_at(&terminal, PICTURE.left(), PICTURE.top()), 100);
    assert_eq!(grey_at(&terminal, PICTURE.left(), PICTURE.bottom() - 1), 0);

    // A newer picture waits: the one on its way arrives whole.
    assert!(!canvas.render(scene("other", 200, 0)));
    terminal.process(&canvas.update(ALL, 0));
    assert!(terminal.screen().contents().contains("other"));
    while !canvas.is_free() {
        terminal.process(&canvas.update(Text::Nothing, 100));
    }
    for at in PICTURE.positions() {
        assert_eq!(grey_at(&terminal, at.x, at.y), 100);
    }
    terminal.process(&all(&mut canvas));
    for at in PICTURE.positions() {
        assert_eq!(grey_at(&terminal, at.x, at.y), 200);
    }
    assert!(all(&mut canvas).is_empty());
}

#[test]
fn what_lies_over_a_picture_is_text_and_stays() {
    let mut canvas = Canvas::new(COLS, ROWS);
    let mut terminal = terminal();
    canvas.render(scene("", 100, 0));
    terminal.process(&canvas.update(ALL, 0));
    canvas.begin_picture(|_| None);
    terminal.process(&canvas.update(Text::Nothing, 50));
    let over = Rect::new(8, 4, 10, 1);
    canvas.render(|area, buffer| {
        scene("", 100, 0)(area, buffer);
        crate::ui::text::clear(buffer, over, Style::new());
        buffer.set_string(over.x, over.y, "over it", Style::new());
    });
    terminal.process(&canvas.update(ALL, 0));
    assert!(terminal.screen().contents().contains("over it"));
    while !canvas.is_free() {
        terminal.process(&canvas.update(Text::Nothing, 100));
    }
    assert!(terminal.screen().contents().contains("over it   "));
    // And what was below comes back.
    canvas.render(scene("", 100, 0));
    terminal.process(&all(&mut canvas));
    assert_eq!(grey_at(&terminal, over.x, over.y), 100);
}

#[test]
fn a_picture_that_is_not_there_any_more_is_sent_no_further() {
    let mut canvas = Canvas::new(COLS, ROWS);
    canvas.render(scene("", 100, 0));
    canvas.update(ALL, 0);
    canvas.begin_picture(|_| None);
    canvas.update(Text::Nothing, 50);
    assert!(canvas.render(|_, buffer| {
        buffer.set_string(0, 0, "another screen", Style::new());
    }));
    assert!(canvas.is_free() && !canvas.has_picture());
    let mut terminal = terminal();
    terminal.process(&canvas.update(ALL, u64::MAX));
    assert!(canvas.update(Text::Nothing, u64::MAX).is_empty());
}

#[test]
fn a_slow_link_gets_fewer_colours_then_fewer_dots_and_all_of_them_once_it_has_time() {
    let mut last = (usize::MAX, PictureDetail::FULL);
    let mut details = Vec::new();
    for bytes_per_s in [10_000_000_u64, 60_000, 20_000, 10_000, 2_000] {
        let takes = |ns: u64| Some(bytes_per_s * ns / 1_000_000_000);
        let mut canvas = Canvas::new(COLS, ROWS);
        let mut terminal = terminal();
        canvas.render(scene("", 100, 100));
        terminal.process(&canvas.update(ALL, 0));
        canvas.begin_picture(takes);
        let first = canvas.update(Text::Nothing, u64::MAX);
        terminal.process(&first);
        assert!(first.len() <= last.0);
        last = (first.len(), canvas.detail());
        details.push(canvas.detail());

        // Nothing new comes: it becomes finer until nothing is left out.
        let mut passes = 0;
        while canvas.is_coarse() {
            canvas.begin_picture(takes);
            terminal.process(&canvas.update(Text::Nothing, u64::MAX));
            passes += 1;
            assert!(passes < 20);
        }
        let mut wanted = Buffer::empty(Rect::new(0, 0, COLS, ROWS));
        scene("", 100, 100)(wanted.area, &mut wanted);
        for at in PICTURE.positions() {
            let Color::Rgb(value, ..) = wanted[at].fg else {
                panic!("no grey");
            };
            assert_eq!(grey_at(&terminal, at.x, at.y), value);
        }
    }
    details.dedup();
    assert!(details.len() >= 4, "{details:?}");
    assert!(details[0].is_full() && last.1.block != (1, 1));
}

#[test]
fn noise_costs_a_slow_link_nothing() {
    let takes = |ns: u64| Some(10_000 * ns / 1_000_000_000);
    let mut canvas = Canvas::new(COLS, ROWS);
    canvas.render(scene("", 100, 3));
    canvas.update(ALL, 0);
    canvas.begin_picture(takes);
    canvas.update(Text::Nothing, u64::MAX);
    canvas.render(scene("", 101, 3));
    canvas.begin_picture(takes);
    assert!(canvas.is_free(), "what is left is refinement");
}

#[test]
fn a_picture_in_one_cell_goes_out_alone() {
    let mut canvas = Canvas::new(COLS, ROWS);
    let image = format!("\x1b_G{}\x1b\\", "x".repeat(500));
    canvas.render(|_, buffer| {
        for at in PICTURE.positions() {
            buffer[at].set_diff_option(ratatui::buffer::CellDiffOption::Skip);
        }
        buffer[PICTURE.as_position()]
            .set_symbol(&image)
            .set_diff_option(ratatui::buffer::CellDiffOption::None);
        mark(buffer, PICTURE);
        buffer.set_string(0, 0, "text", Style::new());
    });
    let text = canvas.update(ALL, 0);
    assert!(!text.windows(3).any(|bytes| bytes == b"\x1b_G"));
    canvas.begin_picture(|_| None);
    assert_eq!(canvas.whole_piece(), Some(image.len() as u64));
    let bytes = canvas.update(Text::Nothing, 1);
    assert!(
        bytes
            .windows(image.len())
            .any(|part| part == image.as_bytes())
    );
    assert!(canvas.is_free());
    assert!(all(&mut canvas).is_empty());
    // What comes in its place covers all of it.
    canvas.render(|_, _| {});
    let text = canvas.update(ALL, 0);
    let blanks = text.iter().filter(|byte| **byte == b' ').count();
    assert!(
        blanks >= usize::from(PICTURE.width * PICTURE.height),
        "{blanks}"
    );
}

#[test]
fn where_little_passes_a_letter_goes_out_before_the_list_that_follows_from_it() {
    let screen = |typed: &'static str, row: &'static str| {
        move |_: Rect, buffer: &mut Buffer| {
            for y in 0..ROWS - 1 {
                buffer.set_string(0, y, row, Style::new());
            }
            buffer.set_string(0, ROWS - 1, typed, Style::new());
        }
    };
    let mut canvas = Canvas::new(COLS, ROWS);
    let mut terminal = terminal();
    canvas.render(screen(":a", "one of the words"));
    terminal.process(&canvas.update(ALL, 0));
    canvas.remember(screen(":a", "one of the words"));
    canvas.render(screen(":ab", "ANOTHER ONE IN IT"));
    let echo = canvas.update(Text::Touched(1), 0);
    terminal.process(&echo);
    let contents = terminal.screen().contents();
    assert!(contents.contains(":ab") && !contents.contains("ANOTHER"));
    assert!(canvas.has_text_left());
    terminal.process(&canvas.update(ALL, 0));
    assert_eq!(
        terminal
            .screen()
            .contents()
            .matches("ANOTHER ONE IN IT")
            .count(),
        11
    );
    assert!(!canvas.has_text_left());
}

#[test]
fn text_of_before_does_not_stand_in_a_picture_that_is_still_to_come() {
    let mut canvas = Canvas::new(COLS, ROWS);
    canvas.render(|_, buffer| {
        for row in PICTURE.rows() {
            buffer.set_string(row.x, row.y, "old", Style::new());
        }
    });
    let mut terminal = terminal();
    terminal.process(&canvas.update(ALL, 0));
    assert!(terminal.screen().contents().contains("old"));
    canvas.render(scene("", 100, 1));
    canvas.begin_picture(|_| None);
    terminal.process(&canvas.update(ALL, 0));
    assert!(!terminal.screen().contents().contains("old"));
}

#[test]
fn what_a_key_brought_about_goes_out_before_other_text() {
    let screen = |typed: &'static str, figure: u8| {
        move |_: Rect, buffer: &mut Buffer| {
            for row in 0..ROWS - 1 {
                let figure = format!("row {row} figure {figure} 顕微鏡");
                buffer.set_string(0, row, figure, Style::new());
            }
            buffer.set_string(0, ROWS - 1, typed, Style::new());
        }
    };
    let mut canvas = Canvas::new(COLS, ROWS);
    let mut terminal = terminal();
    canvas.render(screen(":", 1));
    terminal.process(&canvas.update(ALL, 0));
    assert!(!canvas.has_text_left());

    // All figures have changed by the time of the key.
    canvas.remember(screen(":", 2));
    canvas.render(screen(":q", 2));
    let echo = canvas.update(Text::Touched(u64::MAX), 0);
    assert!(echo.len() < 50, "{} bytes", echo.len());
    terminal.process(&echo);
    let text = terminal.screen().contents();
    assert!(text.contains(":q") && !text.contains("figure 2"), "{text}");

    // The rest follows in parts, and none is forgotten though the first rows change again.
    let mut figure = 3;
    while canvas.has_text_left() {
        canvas.render(screen(":q", figure));
        terminal.process(&canvas.update(Text::Some(60), 0));
        figure += u8::from(figure < 5);
    }
    let mut whole = Buffer::empty(Rect::new(0, 0, COLS, ROWS));
    screen(":q", 5)(whole.area, &mut whole);
    let rows = terminal.screen().contents();
    for (row, text) in (0..).zip(rows.lines().take(usize::from(ROWS) - 1)) {
        assert_eq!(text, format!("row {row} figure 5 顕微鏡"));
    }
}
