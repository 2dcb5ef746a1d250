//! Where everything stands: a pure function of the size and of how much there is to show.

use super::screen::{Pane, Screen};
use crate::panels::fleet::draw::ROWS as FLEET_ROWS;
use crate::ui::Rect;

/// How much there is to show.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Needs {
    /// Rows of the table of sources, in most and in less detail.
    pub source_rows: [u16; 4],
    /// Cameras and sources that the scope can show.
    pub subjects: usize,
    /// Whether the scope shows one that has pictures.
    pub has_camera: bool,
    /// Whether the scope shows two cameras side by side.
    pub split: bool,
    /// Rows that the instrument of what the scope shows would like to have; zero without one.
    pub instrument_rows: u16,
    /// Whether something can be stopped.
    pub stop_line: bool,
    /// Whether a recording is played.
    pub replay_line: bool,
    /// Live tables there are.
    pub tables: usize,
    /// Rows of the ledger, its heading included.
    pub ledger_rows: u16,
    /// Rows that the list of books would like to have.
    pub book_rows: u16,
    /// What is shown of a book where there is room for one thing only; the ladder if `None`.
    pub detail: Option<Pane>,
}

/// Where everything stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    /// The top line.
    pub top: Option<Rect>,
    /// The line of the stop, above that of keys.
    pub stop: Option<Rect>,
    /// The line of the player of a recording, above that of keys.
    pub replay: Option<Rect>,
    /// The line of keys.
    pub hints: Option<Rect>,
    /// Everything between them.
    pub body: Rect,
    /// The panes, none overlapping another.
    pub panes: Vec<(Pane, Rect)>,
}

impl Layout {
    /// Where a pane stands, if it is on the screen.
    pub fn of(&self, pane: Pane) -> Option<Rect> {
        self.panes
            .iter()
            .find(|(there, _)| *there == pane)
            .map(|(_, area)| *area)
    }
}

/// Below this there is room for one line only.
const TINY: (u16, u16) = (20, 5);
/// Below this there is room for one pane only.
const SMALL: (u16, u16) = (60, 18);
/// From so many columns on two panes stand side by side on the overview.
const WIDE: u16 = 100;
/// From so many columns on three panes do.
const BROAD: u16 = 140;
/// From so many rows between the first and the last on there is room for a third kind of thing.
const TALL: u16 = 36;

/// From so many rows on the instrument and the signals stand one below the other.
const TWO_BELOW: u16 = 22;
/// Rows that the instrument leaves to the signals.
const SIGNALS_LEAST: u16 = 6;

/// Divides `area` for a screen; `focus` is the pane that a small or expanded screen shows.
pub fn layout(area: Rect, screen: Screen, focus: Pane, expanded: bool, needs: Needs) -> Layout {
    if area.width < TINY.0 || area.height < TINY.1 {
        return Layout {
            top: None,
            stop: None,
            replay: None,
            hints: None,
            body: area,
            panes: vec![(Pane::Worst, area)],
        };
    }
    let (top, rest) = split_top(area, 1);
    let (rest, hints) = split_bottom(rest, 1);
    let (rest, replay) = split_bottom(rest, u16::from(needs.replay_line));
    let (body, stop) = split_bottom(rest, u16::from(needs.stop_line));
    let small = area.width < SMALL.0 || area.height < SMALL.1;
    let panes = if small || expanded {
        vec![(focus, body)]
    } else {
        match screen {
            Screen::Overview => overview(body, needs),
            Screen::Scope => scope(body, focus, needs),
            Screen::Markets => markets(body, needs),
            Screen::Tables => tables(body, needs),
            Screen::Fleet => fleet(body),
            Screen::Pipeline => pipeline(body, needs),
            Screen::Journal => vec![(Pane::Journal, body)],
        }
    };
    Layout {
        top: Some(top),
        stop: (stop.height > 0).then_some(stop),
        replay: (replay.height > 0).then_some(replay),
        hints: Some(hints),
        body,
        panes,
    }
}

fn overview(body: Rect, needs: Needs) -> Vec<(Pane, Rect)> {
    let most = body.height * 6 / 10;
    let wanted = needs.source_rows.map(|rows| rows.saturating_add(1));
    let rows = wanted.into_iter().find(|rows| *rows <= most);
    let (sources, rest) = split_top(body, rows.unwrap_or(most));
    let mut panes = vec![(Pane::Sources, sources)];
    if body.width < WIDE {
        let (recorder, rest) = split_top(rest, if rest.height >= 12 { 5 } else { 4 });
        panes.push((Pane::Recorder, recorder));
        let (values, recent) = split_top(rest, if rest.height >= 20 { 12 } else { 0 });
        if values.height > 0 {
            panes.push((Pane::Values, values));
        }
        panes.push((Pane::Recent, recent));
        return panes;
    }
    let tall = body.height >= TALL;
    let middle = match tall {
        true => 24.min(rest.height * 6 / 10),
        false => 12.min(rest.height / 2),
    };
    let (middle, recent) = split_top(rest, middle);
    if tall && body.width >= BROAD {
        let (recorder, right) = side_by_side(middle, middle.width * 32 / 100);
        let (values, latency) = side_by_side(right, right.width * 48 / 100);
        panes.push((Pane::Recorder, recorder));
        panes.push((Pane::Values, values));
        panes.push((Pane::Latency, latency));
    } else {
        let (recorder, values) = side_by_side(middle, middle.width * 50 / 100);
        panes.push((Pane::Recorder, recorder));
        panes.push((Pane::Values, values));
    }
    panes.push((Pane::Recent, recent));
    panes
}

fn scope(body: Rect, focus: Pane, needs: Needs) -> Vec<(Pane, Rect)> {
    let mut panes = Vec::new();
    let mut rest = body;
    if needs.subjects > 1 {
        let (subjects, below) = split_top(rest, 1);
        panes.push((Pane::Subjects, subjects));
        rest = below;
    }
    if body.height >= TALL {
        let (above, recent) = split_bottom(rest, 8);
        panes.push((Pane::Recent, recent));
        rest = above;
    }
    if needs.split && body.width < BROAD && focus == Pane::Picture {
        // Two pictures need it all; what has the focus comes back by itself.
        panes.push((Pane::Picture, rest));
    } else if needs.has_camera {
        let share = match body.width {
            0..100 => 50,
            100..140 => 56,
            _ => 62,
        };
        let (picture, right) = side_by_side(rest, rest.width * share / 100);
        panes.push((Pane::Picture, picture));
        panes.extend(instrument_and_signals(right, focus, needs));
    } else if needs.instrument_rows > 0 {
        if rest.width >= WIDE {
            let (instrument, signals) = side_by_side(rest, rest.width * 60 / 100);
            panes.push((Pane::Instrument, instrument));
            panes.push((Pane::Signals, signals));
        } else {
            panes.extend(instrument_and_signals(rest, focus, needs));
        }
    } else {
        let (picture, signals) = split_top(rest, 5);
        panes.push((Pane::Picture, picture));
        panes.push((Pane::Signals, signals));
    }
    panes
}

/// The instrument above the signals. Where there is no room for both, the one that has the focus.
fn instrument_and_signals(area: Rect, focus: Pane, needs: Needs) -> Vec<(Pane, Rect)> {
    if needs.instrument_rows == 0 {
        return vec![(Pane::Signals, area)];
    }
    let has_room = area.height >= needs.instrument_rows.saturating_add(SIGNALS_LEAST);
    if area.height < TWO_BELOW && !has_room {
        return match focus {
            Pane::Signals => vec![(Pane::Signals, area)],
            _ => vec![(Pane::Instrument, area)],
        };
    }
    let most = area.height - SIGNALS_LEAST;
    let (instrument, signals) = split_top(area, needs.instrument_rows.min(most));
    vec![(Pane::Instrument, instrument), (Pane::Signals, signals)]
}

/// The list above, what there is to see of the chosen book below: one thing on a narrow screen, two
/// side by side on a wide one, and on a broad and tall one all of it.
fn markets(body: Rect, needs: Needs) -> Vec<(Pane, Rect)> {
    let detail = needs.detail.unwrap_or(Pane::Ladder);
    let most = (body.height * 4 / 10).max(6);
    let (books, rest) = split_top(body, needs.book_rows.clamp(6, most));
    let mut panes = vec![(Pane::Books, books)];
    if body.width < WIDE {
        panes.push((detail, rest));
        return panes;
    }
    if body.width < BROAD || body.height < TALL {
        let beside = match detail {
            Pane::Ladder => Pane::Heat,
            other => other,
        };
        let (ladder, right) = side_by_side(rest, rest.width * 52 / 100);
        panes.push((Pane::Ladder, ladder));
        panes.push((beside, right));
        return panes;
    }
    let (middle, bottom) = split_top(rest, rest.height * 60 / 100);
    let (ladder, figures) = side_by_side(middle, middle.width * 66 / 100);
    let (heat, right) = side_by_side(bottom, bottom.width * 36 / 100);
    let (venues, feed) = side_by_side(right, right.width * 53 / 100);
    panes.push((Pane::Ladder, ladder));
    panes.push((Pane::Figures, figures));
    panes.push((Pane::Heat, heat));
    panes.push((Pane::Venues, venues));
    panes.push((Pane::Feed, feed));
    panes
}

/// The list of tables beside the one that is shown, or above it; none where there is one table.
fn tables(body: Rect, needs: Needs) -> Vec<(Pane, Rect)> {
    if needs.tables < 2 {
        return vec![(Pane::Rows, body)];
    }
    let (list, rows) = match body.width >= WIDE {
        true => side_by_side(body, 26),
        false => {
            let rows = u16::try_from(needs.tables).unwrap_or(u16::MAX);
            split_top(body, rows.min(body.height / 5).saturating_add(1))
        }
    };
    vec![(Pane::Rows, rows), (Pane::Tables, list)]
}

/// The verdict above, then workers and log: one below the other, or side by side with the marks.
fn fleet(body: Rect) -> Vec<(Pane, Rect)> {
    let (verdict, rest) = split_top(body, FLEET_ROWS);
    let mut panes = vec![(Pane::Fleet, verdict)];
    if body.width >= BROAD {
        let (workers, right) = side_by_side(rest, rest.width * 62 / 100);
        let (log, marks) = split_bottom_third(right);
        panes.push((Pane::Workers, workers));
        panes.push((Pane::FleetLog, log));
        panes.push((Pane::FleetMarks, marks));
        return panes;
    }
    let (workers, log) = split_bottom_third(rest);
    panes.push((Pane::Workers, workers));
    panes.push((Pane::FleetLog, log));
    panes
}

fn split_bottom_third(area: Rect) -> (Rect, Rect) {
    split_bottom(area, area.height / 3)
}

fn pipeline(body: Rect, needs: Needs) -> Vec<(Pane, Rect)> {
    let (rest, turns) = split_bottom(body, if body.width >= 100 { 3 } else { 4 });
    let most = rest.height * 6 / 10;
    let (ledger, latency) = split_top(rest, (needs.ledger_rows + 1).clamp(4, most.max(4)));
    vec![
        (Pane::Ledger, ledger),
        (Pane::Latency, latency),
        (Pane::Loop, turns),
    ]
}

fn split_top(area: Rect, rows: u16) -> (Rect, Rect) {
    let rows = rows.min(area.height);
    let top = Rect {
        height: rows,
        ..area
    };
    let rest = Rect {
        y: area.y + rows,
        height: area.height - rows,
        ..area
    };
    (top, rest)
}

fn split_bottom(area: Rect, rows: u16) -> (Rect, Rect) {
    let rows = rows.min(area.height);
    split_top(area, area.height - rows)
}

/// Two panes with a blank column between them.
fn side_by_side(area: Rect, left: u16) -> (Rect, Rect) {
    let left = left.min(area.width);
    let gap = u16::from(left < area.width);
    (
        Rect {
            width: left,
            ..area
        },
        Rect {
            x: area.x + left + gap,
            width: area.width - left - gap,
            ..area
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn panes_lie_inside_and_never_overlap() {
        let needs = [
            Needs::default(),
            Needs {
                source_rows: [200, 100, 50, 40],
                subjects: 9,
                has_camera: true,
                split: true,
                instrument_rows: 60,
                stop_line: true,
                replay_line: true,
                tables: 70,
                ledger_rows: 500,
                book_rows: 500,
                detail: Some(Pane::Feed),
            },
            Needs {
                instrument_rows: 9,
                stop_line: true,
                ..Needs::default()
            },
        ];
        for width in (0..200).step_by(7) {
            for height in 0..70 {
                let area = Rect::new(0, 0, width, height);
                for screen in Screen::ALL {
                    for (needs, expanded) in needs.into_iter().zip([false, true, false]) {
                        let focus = screen.panes()[0];
                        let layout = layout(area, screen, focus, expanded, needs);
                        let mut all: Vec<Rect> = layout.panes.iter().map(|(_, r)| *r).collect();
                        all.extend(layout.top);
                        all.extend(layout.stop);
                        all.extend(layout.replay);
                        all.extend(layout.hints);
                        for (index, one) in all.iter().enumerate() {
                            assert_eq!(one.intersection(area).area(), one.area(), "{screen:?}");
                            for other in &all[..index] {
                                assert_eq!(one.intersection(*other).area(), 0, "{screen:?}");
                            }
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn how_much_is_shown_depends_on_the_size() {
        let needs = Needs {
            source_rows: [9, 7, 5, 5],
            subjects: 1,
            has_camera: true,
            ledger_rows: 9,
            ..Needs::default()
        };
        let shown = |width, height, screen, focus, needs| -> Vec<Pane> {
            let area = Rect::new(0, 0, width, height);
            let layout = layout(area, screen, focus, false, needs);
            layout.panes.iter().map(|(pane, _)| *pane).collect()
        };
        let panes =
            |width, height, screen: Screen| shown(width, height, screen, screen.panes()[0], needs);
        assert_eq!(panes(19, 24, Screen::Scope), [Pane::Worst]);
        assert_eq!(panes(80, 4, Screen::Scope), [Pane::Worst]);
        assert_eq!(panes(59, 24, Screen::Scope), [Pane::Picture]);
        assert_eq!(panes(80, 24, Screen::Scope), [Pane::Picture, Pane::Signals]);
        assert!(panes(160, 48, Screen::Scope).contains(&Pane::Recent));
        assert!(panes(160, 48, Screen::Overview).contains(&Pane::Latency));
        use Pane::{Instrument, Picture, Signals};
        let with_instrument = Needs {
            instrument_rows: 16,
            stop_line: true,
            ..needs
        };
        let without_camera = Needs {
            has_camera: false,
            instrument_rows: 12,
            ..with_instrument
        };
        let cases = [
            (80, 24, Picture, with_instrument, vec![Picture, Instrument]),
            (80, 24, Signals, with_instrument, vec![Picture, Signals]),
            (
                100,
                30,
                Picture,
                with_instrument,
                vec![Picture, Instrument, Signals],
            ),
            (80, 18, Instrument, without_camera, vec![Instrument]),
            (
                80,
                24,
                Instrument,
                without_camera,
                vec![Instrument, Signals],
            ),
            (
                100,
                24,
                Instrument,
                without_camera,
                vec![Instrument, Signals],
            ),
        ];
        for (width, height, focus, needs, expected) in cases {
            let found = shown(width, height, Screen::Scope, focus, needs);
            assert_eq!(found, expected, "{width}x{height} with {focus:?}");
        }
    }
}
