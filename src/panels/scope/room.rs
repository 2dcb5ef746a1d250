//! How the room of a picture's pane is divided: a pure function of its size and of what is asked for.
//!
//! Where there is little room, things go in this order: the pictures of histogram and profile
//! become one row each, then the lower rows of the figures go, the histogram, the numbers, the
//! figures. The readout at the cursor goes last, and the picture never.

use crate::ui::Rect;

/// What is asked for beside the picture.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wants {
    /// There is a camera, whose pictures have numbers and a histogram.
    pub numbers: bool,
    /// Something stands at the cursor.
    pub readout: bool,
    /// There is a line of values.
    pub profile: bool,
}

/// Where everything of a picture stands. What has no room is empty.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PictureRoom {
    /// Where the picture is drawn.
    pub picture: Rect,
    /// The value at the cursor, the length of the line: one row.
    pub readout: Rect,
    /// The numbers about the picture.
    pub numbers: Rect,
    /// How often values are there; in one row without its axis.
    pub histogram: Rect,
    /// Values along the line; in one row without its axis.
    pub profile: Rect,
    /// Rates and times.
    pub figures: Rect,
}

/// From so many columns on the numbers stand beside the picture.
const BESIDE: (u16, u16) = (88, 16);
/// Columns of the numbers beside the picture.
const NUMBERS_WIDE: u16 = 27;
/// A plot with its rule and its axis.
const PLOT_LEAST: u16 = 5;
/// More rows tell no more.
const PLOT_MOST: u16 = 10;
/// Rows of the numbers in a column of their own.
const NUMBER_ROWS: u16 = 7;

/// Divides a pane. Its first row is the rule with the title.
pub fn picture_room(pane: Rect, wants: Wants) -> PictureRoom {
    let rule = pane.height.min(1);
    let inner = Rect {
        y: pane.y + rule,
        height: pane.height - rule,
        ..pane
    };
    match inner.width >= BESIDE.0 && inner.height >= BESIDE.1 && wants.numbers {
        true => beside(inner, wants),
        false => below(inner, wants),
    }
}

fn beside(inner: Rect, wants: Wants) -> PictureRoom {
    let left = Rect {
        width: inner.width - NUMBERS_WIDE - 1,
        ..inner
    };
    let mut right = Rows(Rect {
        x: inner.x + left.width + 1,
        width: NUMBERS_WIDE,
        ..inner
    });
    let mut left = Rows(left);
    let figures = left.bottom(3);
    let readout = left.bottom(u16::from(wants.readout));
    let numbers = right.top(NUMBER_ROWS);
    let plots = match wants.profile {
        true => right.0.height / 2,
        false => right.0.height,
    };
    let histogram = right.top(plots.min(PLOT_MOST));
    let profile = match wants.profile {
        true => right.top(PLOT_MOST),
        false => Rect::default(),
    };
    PictureRoom {
        picture: left.0,
        readout: indented(readout),
        numbers,
        histogram,
        profile,
        figures: indented(figures),
    }
}

fn below(inner: Rect, wants: Wants) -> PictureRoom {
    let rows = inner.height;
    let narrow = inner.width < 66;
    let mut left = Rows(inner);
    let figures = match (rows, narrow) {
        (0..=5, _) => 0,
        (6..=10, _) => 2 - u16::from(wants.readout),
        (11..=17, _) => 2,
        (18..=23, _) | (_, false) => 3,
        (_, true) => 4,
    };
    let numbers = match (rows, narrow) {
        _ if !wants.numbers => 0,
        (0..=10, _) => 0,
        (11..=17, _) => 1,
        (_, true) => 3,
        (_, false) => 2,
    };
    let plot = |is_wanted: bool| match rows {
        _ if !is_wanted => 0,
        0..=13 => 0,
        14..=31 => 1,
        _ => PLOT_LEAST,
    };
    let readout = u16::from(wants.readout && rows >= 4);
    let figures = left.bottom(figures);
    let profile = left.bottom(plot(wants.profile));
    let histogram = left.bottom(plot(wants.numbers));
    let numbers = left.bottom(numbers);
    let readout = left.bottom(readout);
    PictureRoom {
        picture: left.0,
        readout: indented(readout),
        numbers: indented(numbers),
        histogram: indented(histogram),
        profile: indented(profile),
        figures: indented(figures),
    }
}

/// Texts stand one column in from the edge, as everywhere.
fn indented(area: Rect) -> Rect {
    let by = u16::from(area.width > 1);
    Rect {
        x: area.x + by,
        width: area.width - by,
        ..area
    }
}

/// What is left of an area, taken away row by row.
struct Rows(Rect);

impl Rows {
    fn top(&mut self, rows: u16) -> Rect {
        let rows = rows.min(self.0.height);
        let taken = Rect {
            height: rows,
            ..self.0
        };
        self.0.y += rows;
        self.0.height -= rows;
        taken
    }

    fn bottom(&mut self, rows: u16) -> Rect {
        let rows = rows.min(self.0.height);
        self.0.height -= rows;
        Rect {
            y: self.0.y + self.0.height,
            height: rows,
            ..self.0
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(room: &PictureRoom) -> [Rect; 6] {
        [
            room.picture,
            room.readout,
            room.numbers,
            room.histogram,
            room.profile,
            room.figures,
        ]
    }

    #[test]
    fn everything_lies_inside_and_apart_and_the_picture_is_the_largest() {
        for bits in 0..8_u8 {
            let wants = Wants {
                numbers: bits & 1 > 0,
                readout: bits & 2 > 0,
                profile: bits & 4 > 0,
            };
            for width in 0..130 {
                for height in 0..60 {
                    let pane = Rect::new(3, 2, width, height);
                    let room = picture_room(pane, wants);
                    let all = parts(&room);
                    for (index, one) in all.iter().enumerate() {
                        assert_eq!(one.intersection(pane).area(), one.area(), "{pane:?}");
                        for other in &all[..index] {
                            assert_eq!(one.intersection(*other).area(), 0, "{pane:?} {wants:?}");
                        }
                    }
                    let rows = height.saturating_sub(1);
                    assert!(room.picture.height * 5 >= rows * 2, "{pane:?} {room:?}");
                }
            }
        }
    }

    #[test]
    fn what_goes_first_where_there_is_little_room() {
        let all = Wants {
            numbers: true,
            readout: true,
            profile: true,
        };
        // Columns and rows of the pane; rows of readout, numbers, histogram, profile, figures.
        let cases = [
            ((99, 37), [1, 7, 10, 10, 3]),
            ((56, 34), [1, 3, 5, 5, 4]),
            ((40, 21), [1, 3, 1, 1, 3]),
            ((40, 17), [1, 1, 1, 1, 2]),
            ((40, 13), [1, 1, 0, 0, 2]),
            ((40, 9), [1, 0, 0, 0, 1]),
            ((40, 5), [1, 0, 0, 0, 0]),
            ((40, 4), [0, 0, 0, 0, 0]),
        ];
        for ((width, height), rows) in cases {
            let room = picture_room(Rect::new(0, 0, width, height), all);
            let [_, rest @ ..] = parts(&room).map(|part| part.height);
            assert_eq!(rest, rows, "{width}x{height}");
        }
    }
}
