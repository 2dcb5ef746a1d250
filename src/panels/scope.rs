//! One camera's picture with its figures, or two side by side, and the signals of its source.

pub mod draw;
mod figures;
mod plots;
mod readout;
mod room;
pub mod sight;
mod state;
mod verdict;

use std::collections::BTreeMap;

use super::Step;
use super::facts::{Facts, SourceFacts};
use super::signals::{Row, SortBy};
use crate::imaging::{Picture, PictureRequest};
use crate::model::{CameraKey, PlainText, SourceId};
use crate::pipeline::CameraSnapshot;
use crate::ui::Rect;
use sight::{Drawing, Point, Sight};

pub use room::{PictureRoom, Wants, picture_room};
pub use verdict::{Verdict, verdict};

/// Cameras whose sight is remembered. A peer may invent any number of names.
const MAX_SIGHTS: usize = 64;
/// From so many columns on a pane has room for two pictures.
const TWO_WIDE: u16 = 60;

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
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ScopePanel {
    subject: Option<Subject>,
    cursor: usize,
    sights: BTreeMap<CameraKey, Sight>,
    /// Whether the keys move a cursor on the picture.
    pub looking: bool,
    /// Whether two cameras are shown side by side where there is room.
    pub split: bool,
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
            let cameras = in_order(source);
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

    /// How a camera is looked at.
    pub fn sight(&self, camera: &CameraKey) -> Sight {
        self.sights.get(camera).copied().unwrap_or_default()
    }

    /// The same, to be changed.
    pub fn sight_mut(&mut self, camera: &CameraKey) -> &mut Sight {
        if self.sights.len() >= MAX_SIGHTS && !self.sights.contains_key(camera) {
            // Nobody looks closely at that many.
            self.sights.clear();
        }
        self.sights.entry(camera.clone()).or_default()
    }

    /// What stands where in the picture's pane: one subject, or two cameras side by side, the one
    /// that keys are for on the left.
    pub fn views(&self, facts: &Facts, pane: Rect) -> Vec<(Subject, Rect)> {
        let Some(subject) = self.subject(facts) else {
            return Vec::new();
        };
        let second = match self.split && pane.width >= TWO_WIDE && subject.detector.is_some() {
            true => Self::next_camera(&subject, facts),
            false => None,
        };
        let Some(second) = second else {
            return vec![(subject, pane)];
        };
        let width = pane.width / 2;
        let right = Rect {
            x: pane.x + width + 1,
            width: pane.width - width - 1,
            ..pane
        };
        vec![(subject, Rect { width, ..pane }), (second, right)]
    }

    /// The camera that follows, if there is another one.
    pub fn next_camera(subject: &Subject, facts: &Facts) -> Option<Subject> {
        let cameras = Self::subjects(facts).into_iter();
        let cameras: Vec<Subject> = cameras.filter(|s| s.detector.is_some()).collect();
        let at = cameras.iter().position(|camera| camera == subject)?;
        let next = cameras.get((at + 1) % cameras.len())?;
        (next != subject).then(|| next.clone())
    }

    /// Where the parts of a view stand.
    pub fn room(&self, subject: &Subject, pane: Rect) -> PictureRoom {
        let wants = subject.camera().map(|camera| {
            let sight = self.sight(&camera);
            Wants {
                numbers: true,
                // Also without a cursor, or a click would move the picture under the pointer.
                readout: true,
                profile: sight.shown_line().is_some(),
            }
        });
        picture_room(pane, wants.unwrap_or_default())
    }

    /// The pictures that are wanted for a pane.
    pub fn requests(&self, facts: &Facts, pane: Rect) -> Vec<PictureRequest> {
        let views = self.views(facts, pane).into_iter();
        let request = |(subject, pane): (Subject, Rect)| {
            let camera = subject.camera()?;
            let room = self.room(&subject, pane).picture;
            let sight = self.sight(&camera);
            let is_being_drawn = matches!(sight.drawing, Some(Drawing::Region(_)));
            (room.width > 0 && room.height > 0).then(|| PictureRequest {
                view: sight.view,
                // What is measured changes once it is drawn, not with every step of the cursor.
                roi: sight.region.filter(|_| !is_being_drawn),
                probe: sight.cursor,
                profile: sight.shown_line(),
                ..PictureRequest::plain(camera, room.width, room.height)
            })
        };
        views.filter_map(request).collect()
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

/// The cameras as the instrument lists them, else as they came: which picture was the first is
/// chance, and what a key shows should not be.
fn in_order(source: &SourceFacts) -> Vec<&CameraSnapshot> {
    let mut cameras: Vec<&CameraSnapshot> = source.cameras().iter().collect();
    if let Some(instrument) = source.instrument() {
        cameras.sort_by_key(|camera| {
            let mut listed = instrument.cameras.iter();
            let place = listed.position(|one| one.name == camera.detector);
            place.unwrap_or(usize::MAX)
        });
    }
    cameras
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

/// Columns and rows of a camera's frames, as far as they are known.
pub fn frame_size(facts: &Facts, camera: &CameraKey) -> Option<Point> {
    let picture = facts.pictures.get(camera);
    let known = || {
        facts
            .source(camera.source)?
            .camera(&camera.detector)?
            .size_px
    };
    picture.map(|picture| picture.frame_size_px).or_else(known)
}

/// A camera's newest picture.
pub fn picture<'a>(facts: &'a Facts, camera: &CameraKey) -> Option<&'a Picture> {
    facts.pictures.get(camera).map(AsRef::as_ref)
}
