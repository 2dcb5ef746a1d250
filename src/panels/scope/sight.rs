//! How one camera is looked at: the part that is seen, its contrast and colours, and what the
//! operator has put on it. Plain numbers: everything is in the frame's own columns and rows.

use crate::imaging::{ColorMap, Contrast, Roi, Segment, View};

/// A pixel of a frame: column and row.
pub type Point = (u32, u32);

/// The least that is seen of a frame's shorter side: more is one pixel as large as a pane.
const LEAST_SEEN_PX: u32 = 8;
/// What the zoom keys go through.
const ZOOMS: [f64; 24] = [
    1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0, 16.0, 24.0, 32.0, 48.0, 64.0, 96.0, 128.0, 192.0,
    256.0, 384.0, 512.0, 768.0, 1024.0, 1536.0, 2048.0, 4096.0,
];
/// What the gamma keys go through.
const GAMMAS: [f32; 13] = [
    0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.2, 1.5, 1.8, 2.2, 3.0,
];
/// Of what is seen, the cursor's keys go this share at a time.
const STEPS_SEEN: u32 = 64;

/// A line or a region of which one end follows the cursor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Drawing {
    /// A line from here.
    Line(Point),
    /// A region from here.
    Region(Point),
}

/// Lines that stand on the picture.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Cross {
    /// None.
    #[default]
    Off,
    /// A cross in the middle of the frame, to align by.
    Middle,
    /// Lines through the cursor from edge to edge.
    Lines,
}

/// A direction on the frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// To smaller columns.
    Left,
    /// To larger columns.
    Right,
    /// To larger rows.
    Down,
    /// To smaller rows.
    Up,
}

impl Direction {
    fn signs(self) -> (i64, i64) {
        match self {
            Self::Left => (-1, 0),
            Self::Right => (1, 0),
            Self::Down => (0, 1),
            Self::Up => (0, -1),
        }
    }
}

/// How one camera is looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Sight {
    /// The part that is seen, and how values are drawn.
    pub view: View,
    /// The pixel whose value is asked for.
    pub cursor: Option<Point>,
    /// The part that is measured, once it is drawn.
    pub region: Option<Roi>,
    /// The line along which values are asked for, once it is drawn.
    pub line: Option<Segment>,
    /// What is being drawn.
    pub drawing: Option<Drawing>,
    /// Lines on the picture.
    pub cross: Cross,
    /// Counts of the histogram are drawn as logarithms.
    pub log: bool,
    /// References taken so far; another number takes another one, 0 is none.
    pub references: u32,
}

impl Sight {
    /// The part that is seen of a frame of that size; sizes change under way.
    pub fn part(&self, frame: Point) -> Roi {
        let part = self.view.part.and_then(|part| part.within(frame));
        part.unwrap_or(Roi::all(frame))
    }

    /// How many times the frame is enlarged: 1 shows all of it.
    pub fn zoom(&self, frame: Point) -> f64 {
        let part = self.part(frame);
        let wide = f64::from(frame.0.max(1)) / f64::from(part.width.max(1));
        let high = f64::from(frame.1.max(1)) / f64::from(part.height.max(1));
        wide.min(high)
    }

    /// Zooms to a factor. `about` stays where it is on the screen; without one the cursor does, if
    /// it is seen, else the middle.
    pub fn zoom_to(&mut self, zoom: f64, about: Option<Point>, frame: Point) {
        let seen = self.part(frame);
        let most = f64::from(frame.0.min(frame.1)) / f64::from(LEAST_SEEN_PX);
        let zoom = zoom.clamp(1.0, most.max(1.0));
        if zoom <= 1.0 {
            self.view.part = None;
            return;
        }
        let about = about
            .or(self.cursor)
            .filter(|point| contains(seen, *point))
            .map_or(middle(seen), |(x, y)| {
                (f64::from(x) + 0.5, f64::from(y) + 0.5)
            });
        let side =
            |length: u32| ((f64::from(length) / zoom).round() as u32).clamp(1, length.max(1));
        let (width, height) = (side(frame.0), side(frame.1));
        let begin = |about: f64, first: u32, length: u32, new: u32, whole: u32| {
            let share = (about - f64::from(first)) / f64::from(length.max(1));
            let begin = (about - share * f64::from(new)).round().max(0.0) as u32;
            begin.min(whole.saturating_sub(new))
        };
        self.view.part = Some(Roi {
            x: begin(about.0, seen.x, seen.width, width, frame.0),
            y: begin(about.1, seen.y, seen.height, height, frame.1),
            width,
            height,
        });
    }

    /// The next larger or smaller zoom.
    pub fn step_zoom(&mut self, larger: bool, about: Option<Point>, frame: Point) {
        let now = self.zoom(frame);
        // Parts are whole pixels, so a zoom is met only nearly.
        let next = match larger {
            true => ZOOMS.into_iter().find(|zoom| *zoom > now * 1.1),
            false => ZOOMS.into_iter().rev().find(|zoom| *zoom < now / 1.1),
        };
        match next {
            Some(zoom) => self.zoom_to(zoom, about, frame),
            None if larger => {}
            None => self.view.part = None,
        }
    }

    /// Fills the picture with a part of the frame.
    pub fn show(&mut self, part: Roi, frame: Point) {
        self.view.part = part.within(frame).filter(|part| *part != Roi::all(frame));
    }

    /// Moves what is seen by so many pixels; the frame's edge stops it.
    pub fn pan(&mut self, (dx, dy): (i64, i64), frame: Point) {
        let part = self.part(frame);
        if self.view.part.is_none() {
            return;
        }
        self.view.part = Some(Roi {
            x: moved(part.x, dx, frame.0.saturating_sub(part.width)),
            y: moved(part.y, dy, frame.1.saturating_sub(part.height)),
            ..part
        });
    }

    /// Moves what is seen by half of it.
    pub fn pan_half(&mut self, direction: Direction, frame: Point) {
        let part = self.part(frame);
        let (x, y) = direction.signs();
        let half = |length: u32| i64::from((length / 2).max(1));
        self.pan((x * half(part.width), y * half(part.height)), frame);
    }

    /// Puts the cursor onto a pixel, within the frame.
    pub fn put_cursor(&mut self, (x, y): Point, frame: Point) {
        self.cursor = Some((
            x.min(frame.0.saturating_sub(1)),
            y.min(frame.1.saturating_sub(1)),
        ));
    }

    /// Puts the cursor into the middle of what is seen, unless it is seen already.
    pub fn find_cursor(&mut self, frame: Point) {
        let part = self.part(frame);
        if !self.cursor.is_some_and(|cursor| contains(part, cursor)) {
            self.put_cursor((part.x + part.width / 2, part.y + part.height / 2), frame);
        }
    }

    /// Moves the cursor by a dot of what is seen, or by one pixel. What is seen follows it.
    pub fn move_cursor(&mut self, direction: Direction, pixel: bool, frame: Point) {
        let part = self.part(frame);
        let Some((x, y)) = self.cursor else {
            return self.find_cursor(frame);
        };
        let by = match pixel {
            true => 1,
            false => i64::from((part.width.max(part.height) / STEPS_SEEN).max(1)),
        };
        let (right, down) = direction.signs();
        let x = moved(x, right * by, frame.0.saturating_sub(1));
        let y = moved(y, down * by, frame.1.saturating_sub(1));
        self.cursor = Some((x, y));
        let out = |at: u32, first: u32, length: u32| {
            let (at, first) = (i64::from(at), i64::from(first));
            let last = first + i64::from(length) - 1;
            (at - last).max(0) + (at - first).min(0)
        };
        let pan = (out(x, part.x, part.width), out(y, part.y, part.height));
        self.pan(pan, frame);
    }

    /// Begins a line at the cursor, ends the one that is being drawn, or removes the one there is.
    pub fn next_line(&mut self, frame: Point) {
        match (self.drawing, self.line) {
            (Some(Drawing::Line(_)), _) => self.keep(),
            (_, Some(_)) => self.line = None,
            _ => {
                self.find_cursor(frame);
                self.drawing = self.cursor.map(Drawing::Line);
            }
        }
    }

    /// The same with a region.
    pub fn next_region(&mut self, frame: Point) {
        match (self.drawing, self.region) {
            (Some(Drawing::Region(_)), _) => self.keep(),
            (_, Some(_)) => self.region = None,
            _ => {
                self.find_cursor(frame);
                self.drawing = self.cursor.map(Drawing::Region);
            }
        }
    }

    /// Keeps what is being drawn.
    pub fn keep(&mut self) {
        match self.drawing {
            Some(Drawing::Line(_)) => self.line = self.shown_line(),
            Some(Drawing::Region(_)) => self.region = self.shown_region(),
            None => {}
        }
        self.drawing = None;
    }

    /// The line on the picture: the one being drawn, else the one there is.
    pub fn shown_line(&self) -> Option<Segment> {
        match (self.drawing, self.cursor) {
            (Some(Drawing::Line(from)), Some(to)) => Some(Segment { from, to }),
            _ => self.line,
        }
    }

    /// The region on the picture: the one being drawn, else the one there is.
    pub fn shown_region(&self) -> Option<Roi> {
        match (self.drawing, self.cursor) {
            (Some(Drawing::Region(from)), Some(to)) => Some(between(from, to)),
            _ => self.region,
        }
    }

    /// The next contrast. What is fixed is the window that is drawn now.
    pub fn next_contrast(&mut self, window: Option<(u16, u16)>) {
        self.view.contrast = match (self.view.contrast, window) {
            (Contrast::Auto, _) => Contrast::Full,
            (Contrast::Full, Some((black, white))) if black < white => {
                Contrast::Fixed { black, white }
            }
            (Contrast::Full | Contrast::Fixed { .. }, _) => Contrast::Auto,
        };
    }

    /// The next larger or smaller gamma.
    pub fn step_gamma(&mut self, up: bool) {
        let now = self.view.gamma;
        let next = match up {
            true => GAMMAS.into_iter().find(|gamma| *gamma > now + 0.01),
            false => GAMMAS.into_iter().rev().find(|gamma| *gamma < now - 0.01),
        };
        self.view.gamma = next.unwrap_or(now);
    }

    /// The next colour map.
    pub fn next_map(&mut self) {
        let now = self.view.color_map;
        let at = ColorMap::ALL
            .iter()
            .position(|map| *map == now)
            .unwrap_or(0);
        self.view.color_map = ColorMap::ALL[(at + 1) % ColorMap::ALL.len()];
    }

    /// The next kind of lines on the picture.
    pub fn next_cross(&mut self) {
        self.cross = match self.cross {
            Cross::Off => Cross::Middle,
            Cross::Middle => Cross::Lines,
            Cross::Lines => Cross::Off,
        };
    }
}

/// The region with these two corners in it.
pub fn between(one: Point, other: Point) -> Roi {
    Roi {
        x: one.0.min(other.0),
        y: one.1.min(other.1),
        width: one.0.abs_diff(other.0).saturating_add(1),
        height: one.1.abs_diff(other.1).saturating_add(1),
    }
}

fn contains(part: Roi, (x, y): Point) -> bool {
    x.checked_sub(part.x).is_some_and(|x| x < part.width)
        && y.checked_sub(part.y).is_some_and(|y| y < part.height)
}

fn middle(part: Roi) -> (f64, f64) {
    (
        f64::from(part.x) + f64::from(part.width) / 2.0,
        f64::from(part.y) + f64::from(part.height) / 2.0,
    )
}

fn moved(from: u32, by: i64, last: u32) -> u32 {
    let to = i64::from(from).saturating_add(by).clamp(0, last.into());
    u32::try_from(to).unwrap_or(last)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const FRAME: Point = (2_048, 1_536);

    fn roi(x: u32, y: u32, width: u32, height: u32) -> Roi {
        Roi {
            x,
            y,
            width,
            height,
        }
    }

    #[test]
    fn what_lies_under_the_pointer_stays_there() {
        let mut sight = Sight::default();
        sight.step_zoom(true, Some((512, 384)), FRAME);
        sight.step_zoom(true, Some((512, 384)), FRAME);
        // A quarter of the width was left of it, and is.
        assert_eq!(sight.part(FRAME), roi(256, 192, 1_024, 768));
        sight.step_zoom(false, Some((512, 384)), FRAME);
        sight.step_zoom(false, Some((512, 384)), FRAME);
        assert_eq!(sight.view.part, None);
    }

    #[test]
    fn zooming_is_about_the_cursor_or_the_middle() {
        let cases = [
            (None, roi(768, 576, 512, 384)),
            (Some((0, 0)), roi(0, 0, 512, 384)),
            (Some((2_047, 1_535)), roi(1_536, 1_152, 512, 384)),
        ];
        for (cursor, part) in cases {
            let mut sight = Sight {
                cursor,
                ..Sight::default()
            };
            sight.zoom_to(4.0, None, FRAME);
            assert_eq!(sight.part(FRAME), part, "{cursor:?}");
            assert!((sight.zoom(FRAME) - 4.0).abs() < 0.01);
        }
    }

    #[test]
    fn the_zoom_has_an_end() {
        let mut sight = Sight::default();
        for _ in 0..40 {
            sight.step_zoom(true, None, FRAME);
        }
        assert_eq!(sight.part(FRAME).height, LEAST_SEEN_PX);
        sight.zoom_to(1.0, None, FRAME);
        assert_eq!(sight.part(FRAME), Roi::all(FRAME));
        // A frame of one pixel is all there is to see.
        sight.step_zoom(true, None, (1, 1));
        assert_eq!(sight.view.part, None);
    }

    #[test]
    fn panning_stops_at_the_edge() {
        let mut sight = Sight::default();
        sight.pan((100, 100), FRAME);
        assert_eq!(sight.view.part, None, "all of it is seen");
        sight.zoom_to(2.0, None, FRAME);
        sight.pan((-10_000, 10_000), FRAME);
        assert_eq!(sight.part(FRAME), roi(0, 768, 1_024, 768));
        sight.pan_half(Direction::Right, FRAME);
        assert_eq!(sight.part(FRAME).x, 512);
    }

    #[test]
    fn the_cursor_takes_what_is_seen_along() {
        let mut sight = Sight::default();
        sight.zoom_to(16.0, None, FRAME);
        sight.find_cursor(FRAME);
        assert_eq!(sight.cursor, Some((1_024, 768)));
        let before = sight.part(FRAME);
        for _ in 0..40 {
            sight.move_cursor(Direction::Right, false, FRAME);
        }
        let after = sight.part(FRAME);
        assert_eq!(after.x - before.x, 17, "no more than it has to");
        assert_eq!(sight.cursor, Some((1_104, 768)));
        sight.move_cursor(Direction::Left, true, FRAME);
        assert_eq!(sight.cursor, Some((1_103, 768)));
        for _ in 0..2_000 {
            sight.move_cursor(Direction::Up, false, FRAME);
        }
        assert_eq!((sight.cursor, sight.part(FRAME).y), (Some((1_103, 0)), 0));
    }

    #[test]
    fn a_line_and_a_region_are_begun_kept_and_removed() {
        let mut sight = Sight {
            cursor: Some((10, 20)),
            ..Sight::default()
        };
        sight.next_line(FRAME);
        sight.put_cursor((30, 5), FRAME);
        let line = Segment {
            from: (10, 20),
            to: (30, 5),
        };
        assert_eq!((sight.shown_line(), sight.line), (Some(line), None));
        sight.next_line(FRAME);
        assert_eq!((sight.drawing, sight.line), (None, Some(line)));
        sight.next_region(FRAME);
        sight.put_cursor((11, 15), FRAME);
        assert_eq!(sight.shown_region(), Some(roi(11, 5, 20, 11)));
        sight.keep();
        assert_eq!(sight.region, Some(roi(11, 5, 20, 11)));
        sight.next_region(FRAME);
        sight.next_line(FRAME);
        assert_eq!((sight.region, sight.line), (None, None));
    }

    #[test]
    fn what_is_fixed_is_what_is_drawn() {
        let mut sight = Sight::default();
        sight.next_contrast(Some((104, 3_120)));
        assert_eq!(sight.view.contrast, Contrast::Full);
        sight.next_contrast(Some((0, 4_095)));
        let fixed = Contrast::Fixed {
            black: 0,
            white: 4_095,
        };
        assert_eq!(sight.view.contrast, fixed);
        sight.next_contrast(Some((0, 4_095)));
        assert_eq!(sight.view.contrast, Contrast::Auto);
        sight.view.contrast = Contrast::Full;
        sight.next_contrast(None);
        assert_eq!(sight.view.contrast, Contrast::Auto);
    }

    #[test]
    fn gammas_and_maps_have_their_order() {
        let mut sight = Sight::default();
        sight.step_gamma(true);
        assert_eq!(sight.view.gamma, 1.2);
        for _ in 0..30 {
            sight.step_gamma(false);
        }
        assert_eq!(sight.view.gamma, 0.3);
        for map in ColorMap::ALL {
            assert_eq!(sight.view.color_map, map);
            sight.next_map();
        }
        assert_eq!(sight.view.color_map, ColorMap::Grey);
    }

    proptest! {
        /// Whatever is pressed, and whatever size the frame has by now: what is seen lies in it.
        #[test]
        fn what_is_seen_is_of_the_frame(
            steps in proptest::collection::vec((0..9_u8, any::<(u32, u32)>()), 0..40),
            frame in (1..5_000_u32, 1..5_000_u32),
            later in (1..5_000_u32, 1..5_000_u32),
        ) {
            let mut sight = Sight::default();
            for (index, (what, point)) in steps.iter().enumerate() {
                let frame = if index % 3 == 2 { later } else { frame };
                match what {
                    0 => sight.step_zoom(true, Some(*point), frame),
                    1 => sight.step_zoom(false, None, frame),
                    2 => sight.zoom_to(f64::from(point.0) / 1e6, Some(*point), frame),
                    3 => sight.pan((i64::from(point.0) - (1 << 31), i64::from(point.1)), frame),
                    4 => sight.put_cursor(*point, frame),
                    5 => sight.move_cursor(Direction::Down, false, frame),
                    6 => sight.move_cursor(Direction::Left, true, frame),
                    7 => sight.pan_half(Direction::Up, frame),
                    _ => sight.show(between(*point, (point.1, point.0)), frame),
                }
                let part = sight.part(frame);
                prop_assert_eq!(part.within(frame), Some(part));
                prop_assert!(sight.zoom(frame) >= 1.0);
            }
        }
    }
}
