//! Marks on pictures, as text.

use proptest::prelude::*;
use ratatui::widgets::Widget;

use super::*;
use crate::ui::{ColorDepth, PictureWidget};

/// A grey picture of that many dots of a frame.
fn picture(dots: (u16, u16), frame: Point, part: Roi) -> Picture {
    let pixels = vec![[99; 3]; usize::from(dots.0) * usize::from(dots.1)];
    Picture {
        frame_size_px: frame,
        part,
        height_px: dots.1,
        ..Picture::of_pixels(dots.0, pixels)
    }
}

fn drawn(picture: &Picture, marks: &Marks, area: Rect) -> Buffer {
    let mut buf = Buffer::empty(Rect::new(0, 0, area.right(), area.bottom()));
    let theme = Theme::default();
    let widget = PictureWidget::new(picture, &theme, ColorDepth::True).scale_bar(false);
    let place = widget.place(area);
    widget.render(area, &mut buf);
    draw(marks, picture, place, &theme, &mut buf);
    buf
}

/// Dots of the picture as `.`.
fn text(buf: &Buffer) -> Vec<String> {
    buf.content()
        .chunks(usize::from(buf.area.width))
        .map(|row| row.iter().map(|cell| cell.symbol()).collect::<String>())
        .map(|row| row.replace('▀', "."))
        .collect()
}

fn roi(x: u32, y: u32, width: u32, height: u32) -> Roi {
    Roi {
        x,
        y,
        width,
        height,
    }
}

#[test]
fn marks_stand_on_their_pixels() {
    let frame = (120, 120);
    let whole = picture((12, 12), frame, Roi::all(frame));
    let area = Rect::new(0, 0, 12, 6);
    let cases = [
        (
            Marks {
                cursor: Some((45, 65)),
                ..Marks::default()
            },
            [
                "............",
                "............",
                "....│.......",
                "..──┼──.....",
                "....│.......",
                "............",
            ],
        ),
        (
            Marks {
                lines: Some((119, 0)),
                ..Marks::default()
            },
            [
                "───────────┼",
                "...........│",
                "...........│",
                "...........│",
                "...........│",
                "...........│",
            ],
        ),
        (
            Marks {
                region: Some(roi(10, 20, 50, 60)),
                ..Marks::default()
            },
            [
                "............",
                ".┌───┐......",
                ".│...│......",
                ".└───┘......",
                "............",
                "............",
            ],
        ),
        (
            Marks {
                line: Some(Segment {
                    from: (110, 0),
                    to: (10, 110),
                }),
                middle: true,
                ..Marks::default()
            },
            [
                "...........A",
                ".........••.",
                "......│••...",
                "....─••──...",
                "...••.│.....",
                ".B•.........",
            ],
        ),
    ];
    for (marks, rows) in cases {
        assert_eq!(text(&drawn(&whole, &marks, area)), rows, "{marks:?}");
    }
}

#[test]
fn a_zoomed_picture_has_its_marks_where_the_pixels_are() {
    let part = roi(60, 60, 30, 30);
    let zoomed = picture((12, 12), (120, 120), part);
    let marks = Marks {
        cursor: Some((0, 0)),
        region: Some(roi(50, 70, 30, 300)),
        line: Some(Segment {
            from: (0, 75),
            to: (119, 75),
        }),
        ..Marks::default()
    };
    let rows = text(&drawn(&zoomed, &marks, Rect::new(0, 0, 12, 6)));
    assert_eq!(
        rows,
        [
            "............",
            "............",
            "───────┐....",
            "••••••••••••",
            ".......│....",
            ".......│....",
        ]
    );
}

#[test]
fn which_part_is_seen_stands_in_the_corner() {
    let frame = (400, 200);
    let area = Rect::new(0, 0, 36, 9);
    let corner = |part: Roi| -> Vec<String> {
        let buf = drawn(&picture((36, 18), frame, part), &Marks::default(), area);
        let rows = text(&buf);
        rows.iter()
            .take(2)
            .map(|row| row.chars().skip(28).collect())
            .collect()
    };
    assert_eq!(corner(Roi::all(frame)), ["........", "........"]);
    assert_eq!(corner(roi(200, 0, 100, 50)), [".░░░██░.", ".░░░░░░."]);
    assert_eq!(corner(roi(0, 150, 100, 50)), [".░░░░░░.", ".██░░░░."]);
}

#[test]
fn the_scale_bar_stands_at_the_bottom_left_of_the_picture() {
    let picture = Picture {
        pixel_size_um: Some(1.0),
        ..picture((40, 40), (40, 40), Roi::all((40, 40)))
    };
    let marks = Marks {
        scale_bar: true,
        ..Marks::default()
    };
    let lines = text(&drawn(&picture, &marks, Rect::new(0, 0, 50, 20)));
    assert!(lines[19].starts_with("     .━━━━━━━━━━ 10 µm."));
}

#[test]
fn a_mark_is_seen_on_dark_and_bright() {
    let wish = Color::Rgb(240, 198, 116);
    let cases = [
        ([0, 0, 0], wish),
        ([250, 200, 120], Color::Black),
        ([255, 255, 255], Color::Black),
        ([180, 180, 180], Color::Black),
        ([0, 0, 255], wish),
    ];
    for (ground, color) in cases {
        assert_eq!(ink(Some(wish), ground), color, "{ground:?}");
    }
    assert_eq!(ink(None, [0, 0, 0]), Color::White);
}

proptest! {
    /// A cell shows the pixel that it is the place of.
    #[test]
    fn pixels_and_cells_are_each_others(
        (cols, rows) in (1..90_u16, 1..60_u16),
        part in (0..5_000_u32, 0..5_000_u32, 1..5_000_u32, 1..5_000_u32),
        at in (0..90_u16, 0..60_u16),
    ) {
        let part = roi(part.0, part.1, part.2, part.3);
        let picture = picture((cols, rows), (10_000, 10_000), part);
        let place = Rect::new(7, 3, cols, rows.div_ceil(2));
        let geometry = Geometry::new(&picture, place).unwrap();
        let (col, row) = (7 + at.0 % cols, 3 + at.1 % place.height);
        let pixel = geometry.pixel(col, row).unwrap();
        prop_assert!(pixel.0 >= part.x && pixel.0 < part.x + part.width);
        prop_assert!(pixel.1 >= part.y && pixel.1 < part.y + part.height);
        let cell = geometry.cell(pixel);
        // Where a cell has less than a pixel, several cells show the same one.
        if part.width >= u32::from(cols) {
            prop_assert_eq!(cell.0, i32::from(col - 7));
        }
        if part.height >= u32::from(rows) * 2 {
            prop_assert!((cell.1 - i32::from(row - 3)).abs() <= i32::from(rows % 2));
        }
        prop_assert_eq!(geometry.pixel(6, row), None);
        prop_assert_eq!(geometry.pixel(col, place.bottom()), None);
    }

    #[test]
    fn no_mark_panics_or_leaves_the_picture(
        size in (0_u16..40, 0_u16..40),
        part in any::<(u32, u32, u32, u32)>(),
        frame in any::<(u32, u32)>(),
        points in proptest::array::uniform4(any::<(u32, u32)>()),
        area in (0_u16..40, 0_u16..20, 0_u16..60, 0_u16..30),
    ) {
        let [cursor, lines, from, to] = points;
        let picture = picture(size, frame, roi(part.0, part.1, part.2, part.3));
        let marks = Marks {
            cursor: Some(cursor),
            lines: Some(lines),
            middle: true,
            region: Some(roi(from.0, from.1, to.0, to.1)),
            line: Some(Segment { from, to }),
            scale_bar: true,
        };
        let mut buf = Buffer::empty(Rect::new(0, 0, 50, 20));
        let place = Rect::new(area.0, area.1, area.2, area.3);
        draw(&marks, &picture, place, &Theme::default(), &mut buf);
        for (i, cell) in buf.content().iter().enumerate() {
            let at = ratatui::layout::Position::new((i % 50) as u16, (i / 50) as u16);
            prop_assert!(place.contains(at) || *cell == ratatui::buffer::Cell::EMPTY);
        }
    }
}
