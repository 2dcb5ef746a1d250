//! One camera's picture with its figures, and the signals of its source.

pub mod draw;
mod verdict;

use super::Step;
use super::facts::{Facts, SourceFacts};
use super::signals::{Row, SortBy};
use crate::model::{CameraKey, PlainText, SourceId};
use crate::ui::Rect;

pub use verdict::{Verdict, verdict};

/// What the scope can show: a camera, or a source that has none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    /// The source.
    pub source: SourceId,
    /// Its camera.
    pub detector: Option<PlainText>,
}

impl Subject {
    /// The camera, if it is one.
    pub fn camera(&self) -> Option<CameraKey> {
        Some(CameraKey {
            source: self.source,
            detector: self.detector.clone()?,
        })
    }
}

/// What the operator chose to see.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ScopePanel {
    subject: Option<Subject>,
    cursor: usize,
    /// How the signals are sorted.
    pub sort: SortBy,
    /// What a signal's name must contain.
    pub filter: String,
}

impl ScopePanel {
    /// Everything that can be shown, in the order of the sources.
    pub fn subjects(facts: &Facts) -> Vec<Subject> {
        let mut subjects = Vec::new();
        for source in &facts.sources {
            let id = source.info.id;
            let cameras = source.cameras();
            // Books and fleets have screens of their own and nothing to see here.
            let has_screen = !source.market.is_empty() || source.fleet.is_some();
            if cameras.is_empty() && !has_screen {
                subjects.push(Subject {
                    source: id,
                    detector: None,
                });
            }
            subjects.extend(cameras.iter().map(|camera| Subject {
                source: id,
                detector: Some(camera.detector.clone()),
            }));
        }
        subjects
    }

    /// What is shown: what was chosen, as long as it is there, else the first camera of that
    /// source, else the first camera of all.
    pub fn subject(&self, facts: &Facts) -> Option<Subject> {
        let all = Self::subjects(facts);
        let chosen = self.subject.as_ref();
        let same = all.iter().find(|subject| Some(*subject) == chosen);
        let near = || {
            all.iter()
                .find(|subject| chosen.is_some_and(|chosen| chosen.source == subject.source))
        };
        let camera = || all.iter().find(|subject| subject.detector.is_some());
        same.or_else(near)
            .or_else(camera)
            .or_else(|| all.first())
            .cloned()
    }

    /// The source of what is shown.
    pub fn source<'a>(&self, facts: &'a Facts) -> Option<&'a SourceFacts> {
        facts.source(self.subject(facts)?.source)
    }

    /// Shows the next camera or source, or the one before.
    pub fn cycle(&mut self, forward: bool, facts: &Facts) {
        let all = Self::subjects(facts);
        let now = self.subject(facts);
        let Some(index) = all.iter().position(|subject| Some(subject) == now.as_ref()) else {
            return;
        };
        let index = if forward {
            (index + 1) % all.len()
        } else {
            (index + all.len() - 1) % all.len()
        };
        self.subject = all.into_iter().nth(index);
        self.cursor = 0;
    }

    /// Shows a source, its first camera if it has one.
    pub fn choose_source(&mut self, source: SourceId) {
        if self.subject.as_ref().map(|subject| subject.source) != Some(source) {
            self.subject = Some(Subject {
                source,
                detector: None,
            });
            self.cursor = 0;
        }
    }

    /// Shows a camera, or a source, of that name; says whether there is one.
    pub fn choose(&mut self, name: &str, facts: &Facts) -> bool {
        let found = Self::subjects(facts)
            .into_iter()
            .find(|subject| subject_name(subject, facts) == name);
        let is_there = found.is_some();
        if is_there {
            self.subject = found;
            self.cursor = 0;
        }
        is_there
    }

    /// The rows of the signal table.
    pub fn rows<'a>(&self, facts: &'a Facts) -> Vec<Row<'a>> {
        let Some(source) = self.source(facts) else {
            return Vec::new();
        };
        let shown = self.subject(facts).and_then(|subject| subject.detector);
        source
            .signals
            .rows(self.sort, &self.filter, shown.as_deref())
    }

    /// The row under the cursor.
    pub fn cursor(&self, rows: &[Row<'_>]) -> usize {
        let at = self.cursor.min(rows.len().saturating_sub(1));
        // Headings are passed over.
        match rows.get(at) {
            Some(row) if row.is_group() && at + 1 < rows.len() => at + 1,
            _ => at,
        }
    }

    /// Moves the cursor.
    pub fn step(&mut self, step: Step, facts: &Facts) {
        let rows = self.rows(facts);
        let from = self.cursor(&rows);
        let mut to = step.apply(from, rows.len());
        if step == Step::Up && rows.get(to).is_some_and(Row::is_group) {
            to = to.saturating_sub(1);
        }
        self.cursor = to;
        self.cursor = self.cursor(&rows);
    }
}

/// The name a subject goes by: its camera's, or its source's.
pub fn subject_name<'a>(subject: &'a Subject, facts: &'a Facts) -> &'a str {
    match &subject.detector {
        Some(detector) => detector,
        None => facts
            .source(subject.source)
            .map_or("", |source| source.info.name.as_str()),
    }
}

/// How the room of the picture pane is divided: the picture's cells, and the figures below.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PictureRoom {
    /// Where the picture is drawn.
    pub picture: Rect,
    /// Where its figures stand.
    pub figures: Rect,
}

/// Divides the picture pane. Its first row is the rule with the title.
pub fn picture_room(pane: Rect) -> PictureRoom {
    let rows = pane.height.saturating_sub(1);
    let figures = match (rows, pane.width) {
        (0..=5, _) => 0,
        (6..=10, _) => 2,
        (_, 90..) => 3,
        (11..=14, _) => 3,
        _ => 5,
    };
    let picture = Rect {
        x: pane.x,
        y: pane.y + u16::from(pane.height > 0),
        width: pane.width,
        height: rows - figures,
    };
    PictureRoom {
        picture,
        figures: Rect {
            x: pane.x + u16::from(pane.width > 1),
            y: picture.y + picture.height,
            width: pane.width.saturating_sub(1),
            height: figures,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_room_is_used_up_and_not_more() {
        for width in 0..130 {
            for height in 0..60 {
                let pane = Rect::new(3, 2, width, height);
                let room = picture_room(pane);
                let rows = room.picture.height + room.figures.height;
                assert_eq!(rows, height.saturating_sub(1));
                assert_eq!(room.picture.intersection(pane).area(), room.picture.area());
                assert_eq!(room.figures.intersection(pane).area(), room.figures.area());
            }
        }
    }
}
