use proptest::prelude::*;
use ratatui::buffer::Cell;
use ratatui::style::Color;

use super::*;
use crate::imaging::Roi;

fn picture(width: u16, pixels: Vec<[u8; 3]>) -> Picture {
    Picture::of_pixels(width, pixels)
}

fn grey(width: u16, levels: &[u8]) -> Picture {
    picture(width, levels.iter().map(|&level| [level; 3]).collect())
}

fn draw(picture: &Picture, depth: ColorDepth, cols: u16, rows: u16) -> Buffer {
    draw_with(Glyphs::HalfBlocks, picture, depth, cols, rows)
}

fn draw_with(glyphs: Glyphs, picture: &Picture, depth: ColorDepth, cols: u16, rows: u16) -> Buffer {
    let mut buf = Buffer::empty(Rect::new(0, 0, cols, rows));
    let theme = Theme::default();
    PictureWidget::new(picture, &theme, depth)
        .glyphs(glyphs)
        .render(buf.area, &mut buf);
    buf
}

/// One cell's worth of grey dots.
fn cell_of(glyphs: Glyphs, levels: &[u8]) -> Picture {
    let dots = glyphs.dots();
    Picture {
        dots,
        ..grey(dots.0.into(), levels)
    }
}

fn text(buf: &Buffer) -> Vec<String> {
    buf.content()
        .chunks(usize::from(buf.area.width))
        .map(|row| row.iter().map(Cell::symbol).collect())
        .collect()
}

#[test]
fn two_pixels_share_a_cell() {
    let buf = draw(&grey(2, &[0, 255, 64, 130]), ColorDepth::True, 2, 1);
    assert_eq!(text(&buf), ["▀▀"]);
    let colors: Vec<_> = buf
        .content()
        .iter()
        .map(|cell| (cell.fg, cell.bg))
        .collect();
    let level = |v| Color::Rgb(v, v, v);
    assert_eq!(colors, [(level(0), level(65)), (level(255), level(130))]);
}

#[test]
fn it_stands_in_the_middle_and_keeps_its_aspect() {
    let wide = grey(4, &[9; 8]);
    let buf = draw(&wide, ColorDepth::True, 4, 3);
    assert_eq!(text(&buf), ["    ", "▀▀▀▀", "    "]);
    let tall = grey(1, &[9; 4]);
    let buf = draw(&tall, ColorDepth::True, 5, 2);
    assert_eq!(text(&buf), ["  ▀  ", "  ▀  "]);
}

#[test]
fn an_odd_last_row_has_nothing_below_it() {
    let buf = draw(
        &grey(3, &[9, 9, 9, 9, 9, 9, 9, 9, 9]),
        ColorDepth::True,
        3,
        2,
    );
    assert_eq!(text(&buf), ["▀▀▀", "▀▀▀"]);
    assert_eq!(buf[(0, 0)].bg, Color::Rgb(8, 8, 8));
    assert_eq!(buf[(0, 1)].bg, Color::Reset);
}

#[test]
fn a_picture_made_for_another_size_is_stretched() {
    let buf = draw(&grey(2, &[0, 255, 0, 255]), ColorDepth::True, 4, 2);
    let fg: Vec<_> = (0..4).map(|x| buf[(x, 1)].fg).collect();
    let (black, white) = (Color::Rgb(0, 0, 0), Color::Rgb(255, 255, 255));
    assert_eq!(fg, [black, black, white, white]);
    let buf = draw(
        &grey(4, &[0, 0, 255, 255].repeat(4)),
        ColorDepth::True,
        2,
        1,
    );
    assert_eq!((buf[(0, 0)].fg, buf[(1, 0)].fg), (black, white));
}

#[test]
fn each_colour_depth_draws_what_it_can() {
    let ramp = grey(5, &[0, 64, 128, 192, 255, 0, 64, 128, 192, 255]);
    let of = |depth| draw(&ramp, depth, 5, 1);
    assert_eq!(text(&of(ColorDepth::None)), [" ░▒▓█"]);
    assert!(
        of(ColorDepth::None)
            .content()
            .iter()
            .all(|cell| cell.fg == Color::Reset && cell.bg == Color::Reset)
    );
    let indexed: Vec<_> = of(ColorDepth::Indexed256)
        .content()
        .iter()
        .map(|cell| cell.fg)
        .collect();
    let want = [16, 238, 244, 250, 231].map(Color::Indexed);
    assert_eq!(indexed, want);
    let named = of(ColorDepth::Ansi16);
    assert_eq!(named[(0, 0)].fg, Color::Black);
    assert_eq!(named[(4, 0)].fg, Color::White);
}

#[test]
fn four_greys_are_mixed_to_the_brightness_between_them() {
    // A sixth of the way up: half black, half dark grey.
    let buf = draw(&grey(4, &[43; 16]), ColorDepth::Ansi16, 4, 2);
    let colors: Vec<_> = buf
        .content()
        .iter()
        .flat_map(|cell| [cell.fg, cell.bg])
        .collect();
    let dark = colors.iter().filter(|c| **c == Color::Black).count();
    assert_eq!((colors.len(), dark), (16, 8));
}

#[test]
fn colours_without_a_grey_take_the_nearest_name() {
    let red = picture(1, vec![[200, 10, 10]; 2]);
    assert_eq!(draw(&red, ColorDepth::Ansi16, 1, 1)[(0, 0)].fg, Color::Red);
}

#[test]
fn two_colours_show_where_the_edge_is() {
    use Glyphs::{Quadrants, Sextants};
    let (black, white) = (Color::Rgb(0, 0, 0), Color::Rgb(255, 255, 255));
    let grey = |level| Color::Rgb(level, level, level);
    let cases: [(Glyphs, &[u8], &str, Color, Color); 7] = [
        (Quadrants, &[0, 255, 0, 255], "▌", black, white),
        (Quadrants, &[255, 255, 0, 0], "▀", white, black),
        (Quadrants, &[0, 255, 255, 0], "▞", white, black),
        (Quadrants, &[255, 255, 255, 0], "▛", white, black),
        // The two groups have the means of 0, 8 and of 200 to 216.
        (
            Sextants,
            &[208, 0, 200, 8, 216, 208],
            "🬉",
            grey(4),
            grey(211),
        ),
        (Sextants, &[9, 9, 9, 9, 10, 10], " ", Color::Reset, grey(8)),
        (Sextants, &[0, 255, 0, 255, 0, 255], "▌", black, white),
    ];
    for (glyphs, levels, sign, fg, bg) in cases {
        let buf = draw_with(glyphs, &cell_of(glyphs, levels), ColorDepth::True, 1, 1);
        let cell = &buf[(0, 0)];
        assert_eq!(
            (cell.symbol(), cell.fg, cell.bg),
            (sign, fg, bg),
            "{levels:?}"
        );
    }
}

#[test]
fn a_cell_at_the_edge_shows_no_dot_beyond_it() {
    let picture = Picture {
        dots: (2, 2),
        ..grey(3, &[0, 255, 80, 0, 255, 80])
    };
    let buf = draw_with(Glyphs::Quadrants, &picture, ColorDepth::True, 2, 1);
    assert_eq!(text(&buf), ["▌▌"]);
    assert_eq!(
        (buf[(1, 0)].fg, buf[(1, 0)].bg),
        (Color::Rgb(81, 81, 81), Color::Reset)
    );
}

#[test]
fn braille_sets_as_many_dots_as_it_is_bright() {
    let dots_set = |level| {
        let picture = Picture {
            dots: (2, 4),
            ..grey(4, &[level; 16])
        };
        let buf = draw_with(Glyphs::Braille, &picture, ColorDepth::True, 2, 1);
        let bits = |c: char| (u32::from(c).saturating_sub(0x2800) & 0xff).count_ones();
        text(&buf)[0]
            .chars()
            .filter(|c| *c != ' ')
            .map(bits)
            .sum::<u32>()
    };
    assert_eq!([0, 64, 128, 192, 255].map(dots_set), [0, 4, 8, 12, 16]);
}

#[test]
fn letters_get_thicker_and_have_no_colour() {
    let picture = Picture {
        dots: (1, 1),
        ..grey(5, &[0, 60, 120, 180, 255])
    };
    let buf = draw_with(Glyphs::Ascii, &picture, ColorDepth::True, 5, 1);
    assert_eq!(text(&buf), [" :=#@"]);
    let is_plain = |cell: &Cell| cell.fg == Color::Reset && cell.bg == Color::Reset;
    assert!(buf.content().iter().all(is_plain));
}

#[test]
fn numbers_say_how_bright_each_part_is() {
    let mut levels = [51; 64 * 32];
    for row in levels.chunks_mut(64).take(8) {
        row[48..].fill(255);
    }
    let picture = Picture {
        dots: (1, 1),
        window: (90, 3_000),
        ..grey(64, &levels)
    };
    let shown = |cols, rows| {
        let buf = draw_with(Glyphs::Numbers, &picture, ColorDepth::None, cols, rows);
        let lines = text(&buf)
            .into_iter()
            .map(|line| line.trim_end().to_owned());
        lines.collect::<Vec<_>>()
    };
    assert_eq!(
        shown(40, 7),
        [
            "Brightness: mean 25, brightest at the",
            "upper right. 0 is 90 or less, 100 is",
            "3000 or more.",
            " 20  20  20  20  20  20  31 100 100",
            " 20  20  20  20  20  20  20  20  20",
            " 20  20  20  20  20  20  20  20  20",
            " 20  20  20  20  20  20  20  20  20",
        ]
    );
    assert_eq!(
        shown(30, 2),
        ["Brightness: mean 25, brightest", "at the right."]
    );
    assert_eq!(shown(20, 1), [" 20  20  20  25  40"]);
}

#[test]
fn the_same_picture_stands_at_the_same_place_in_all_glyphs() {
    let picture = grey(64, &[99; 64 * 48]);
    let theme = Theme::default();
    for glyphs in Glyphs::ALL {
        let widget = PictureWidget::new(&picture, &theme, ColorDepth::True).glyphs(glyphs);
        let place = widget.place(Rect::new(0, 0, 80, 24));
        assert_eq!(place, Rect::new(8, 0, 64, 24), "{glyphs:?}");
    }
}

#[test]
fn the_scale_bar_has_a_round_length() {
    let cases = [
        // micrometres per pixel, columns of the part, columns of cells, bar
        (Some(0.1), 2000, 80, Some("━━━━━━━━━━━━━━━━━━━━ 50 µm")),
        (Some(0.1), 500, 80, Some("━━━━━━━━━━━━━━━━ 10 µm")),
        (Some(0.325), 2048, 48, Some("━━━━━━━ 100 µm")),
        (Some(1.0), 130, 40, Some("━━━━━━ 20 µm")),
        (Some(0.001), 2000, 60, Some("━━━━━━━━━━━━━━━ 500 nm")),
        (Some(10.0), 2000, 60, Some("━━━━━━━━━━━━━━━ 5 mm")),
        (Some(0.1), 2000, 10, None),
        (None, 2000, 80, None),
        (Some(0.0), 2000, 80, None),
        (Some(-1.0), 2000, 80, None),
        (Some(f64::NAN), 2000, 80, None),
        (Some(f64::INFINITY), 2000, 80, None),
        (Some(1e300), 2000, 80, None),
        (Some(1e-300), 2000, 80, None),
    ];
    for (pixel_size_um, width, cols, want) in cases {
        let picture = Picture {
            pixel_size_um,
            frame_size_px: (2_000, 2_000),
            part: Roi::all((width, width)),
            ..grey(1, &[0])
        };
        assert_eq!(
            scale_bar(&picture, cols).as_deref(),
            want,
            "{pixel_size_um:?} {width} in {cols}"
        );
    }
}

#[test]
fn the_scale_bar_stands_at_the_bottom_left_of_the_picture() {
    let picture = Picture {
        pixel_size_um: Some(1.0),
        frame_size_px: (40, 40),
        part: Roi::all((40, 40)),
        ..grey(40, &[99; 1600])
    };
    let lines = text(&draw(&picture, ColorDepth::True, 50, 20));
    assert_eq!(
        lines[19].trim().chars().take(17).collect::<String>(),
        "▀━━━━━━━━━━ 10 µm"
    );
}

#[test]
fn the_middle_can_be_marked() {
    let picture = grey(9, &[0; 81]);
    let mut buf = Buffer::empty(Rect::new(0, 0, 9, 5));
    let theme = Theme::default();
    PictureWidget::new(&picture, &theme, ColorDepth::True)
        .crosshair(true)
        .render(buf.area, &mut buf);
    assert_eq!(
        text(&buf),
        [
            "▀▀▀▀▀▀▀▀▀",
            "▀▀▀▀│▀▀▀▀",
            "▀▀──┼──▀▀",
            "▀▀▀▀│▀▀▀▀",
            "▀▀▀▀▀▀▀▀▀"
        ]
    );
}

proptest! {
    #[test]
    fn no_size_panics_and_nothing_is_drawn_outside(
        size in (0_u16..30, 0_u16..30),
        area in (0_u16..40, 0_u16..20, 0_u16..60, 0_u16..30),
        pixel_size_um in proptest::option::of(any::<f64>()),
        depth in prop_oneof![
            Just(ColorDepth::True),
            Just(ColorDepth::Indexed256),
            Just(ColorDepth::Ansi16),
            Just(ColorDepth::None),
        ],
        glyphs in prop::sample::select(&Glyphs::ALL[..]),
        dots in (0_u8..4, 0_u8..5),
    ) {
        let count = usize::from(size.0) * usize::from(size.1);
        let picture = Picture {
            width_px: size.0,
            height_px: size.1,
            pixel_size_um,
            pixels: vec![[200; 3]; count],
            dots,
            ..grey(1, &[0])
        };
        let mut buf = Buffer::empty(Rect::new(0, 0, 50, 20));
        let area = Rect::new(area.0, area.1, area.2, area.3);
        let theme = Theme::default();
        PictureWidget::new(&picture, &theme, depth)
            .glyphs(glyphs)
            .crosshair(true)
            .render(area, &mut buf);
        for (i, cell) in buf.content().iter().enumerate() {
            let at = ratatui::layout::Position::new((i % 50) as u16, (i / 50) as u16);
            prop_assert!(area.contains(at) || *cell == Cell::EMPTY);
        }
    }

    #[test]
    fn no_other_parting_of_the_dots_comes_nearer(
        levels in prop::collection::vec(any::<[u8; 3]>(), 6),
    ) {
        let picture = Picture { dots: (2, 3), ..picture(2, levels.clone()) };
        let buf = draw_with(Glyphs::Sextants, &picture, ColorDepth::True, 1, 1);
        let sign = buf[(0, 0)].symbol().chars().next().unwrap();
        let error_of = |way: u8| -> f64 {
            let part = |front: bool| {
                let mine: Vec<_> = levels
                    .iter()
                    .enumerate()
                    .filter(|(at, _)| (way >> at & 1 == 1) == front)
                    .map(|(_, dot)| dot.map(f64::from))
                    .collect();
                let mean = |c: usize| mine.iter().map(|dot| dot[c]).sum::<f64>() / mine.len() as f64;
                let off = |c: usize| mine.iter().map(|dot| (dot[c] - mean(c)).powi(2)).sum::<f64>();
                if mine.is_empty() { 0.0 } else { off(0) + off(1) + off(2) }
            };
            part(true) + part(false)
        };
        let chosen = (0..64).find(|way| Glyphs::Sextants.pattern(*way) == sign).unwrap();
        let best = (0..64).map(error_of).fold(f64::MAX, f64::min);
        // Whole numbers are counted with: the least of errors that differ by less is as good.
        prop_assert!(error_of(chosen) <= best + 2.0, "{} {}", error_of(chosen), best);
    }
}
