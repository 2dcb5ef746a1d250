//! The pictures of a camera as one small animated PNG that every browser plays: at most 200 of
//! them, spread evenly over the recording, in the contrast that the screen would choose.
//!
//! A recording that takes longer is played faster, and it is said how much. A silence is a picture
//! that stands still.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use super::series::failed;
use super::shots::{CameraName, Shot, Shots};
use super::survey::{Census, Survey, survey};
use super::{ExportError, ExportPlan, Exported, Item, OutDir, OutFile, Sink};
use crate::imaging::{ImagingError, Picture, PictureMaker, PictureRequest};
use crate::model::{CameraKey, Clock, SourceId};
use crate::picture_file::{Animation, words_of};
use crate::recording::{Session, rfc3339};

/// Columns of a preview, and rows.
const SIDE_PX: u16 = 480;
/// Pictures of a camera.
const PICTURES: u64 = 200;
/// How long a preview plays at most; shorter ones play at the pace they were recorded at.
const PLAYS: Duration = Duration::from_secs(20);

/// Writes previews.
pub(super) struct Previews {
    out: OutDir,
    shots: Shots,
    survey: Survey,
    maker: Small,
    cameras: BTreeMap<CameraName, Camera>,
}

#[derive(Default)]
struct Camera {
    /// The part of the recording that the last picture was taken from.
    slot: Option<u64>,
    open: Option<Open>,
}

struct Open {
    file: Animation<OutFile>,
    path: PathBuf,
    size: (u16, u16),
    is_color: bool,
    /// It is written when the next one says how long it was there.
    last: (Vec<[u8; 3]>, u64),
}

impl Previews {
    /// Looks through the files for how many pictures there are, and makes the folder.
    pub(super) fn create(
        plan: &ExportPlan,
        progress: &mut dyn FnMut(u64),
    ) -> Result<Self, ExportError> {
        let survey = survey(plan, progress)?;
        if survey.is_empty() {
            return Err(ExportError::NoPictures);
        }
        let out = OutDir::make(&plan.out)?;
        Ok(Self {
            out,
            shots: Shots::new(plan),
            survey,
            maker: Small::default(),
            cameras: BTreeMap::new(),
        })
    }

    fn draw(
        &mut self,
        shot: &Shot<'_>,
        picture: Picture,
        at: u64,
        pace: Pace,
        exported: &mut Exported,
    ) -> Result<(), ExportError> {
        let is_color = self.maker.is_color();
        let size = (picture.width_px, picture.height_px);
        let camera = self.cameras.entry(shot.camera.clone()).or_default();
        if let Some(open) = &mut camera.open
            && open.size == size
            && open.is_color == is_color
        {
            let (pixels, since) = std::mem::replace(&mut open.last, (picture.pixels, at));
            let shown = pace.shown(since, at);
            let added = open.file.add(&pixels, shown);
            return added.map_err(|error| failed(&open.path, error));
        }
        if let Some(before) = camera.open.take() {
            exported.note(format!(
                "{}: at {} the pictures changed their size or colour and go on in another preview",
                shot.camera,
                rfc3339(at)
            ));
            before.finish(pace, exported)?;
        }
        let stem = format!("{}/preview", shot.camera.stem());
        let out = self.out.create(&stem, "png")?;
        let path = out.path().to_owned();
        let mut words = words_of(shot.frame, &shot.about);
        words.push(("pace".to_owned(), pace.words()));
        let file =
            Animation::new(out, size, is_color, &words).map_err(|error| failed(&path, error))?;
        if pace.faster > 1.0 {
            exported.note(format!("{} plays {}", path.display(), pace.words()));
        }
        camera.open = Some(Open {
            file,
            path,
            size,
            is_color,
            last: (picture.pixels, at),
        });
        Ok(())
    }
}

impl Open {
    fn finish(mut self, pace: Pace, exported: &mut Exported) -> Result<(), ExportError> {
        let (pixels, _) = &self.last;
        let end = |error| failed(&self.path, error);
        self.file.add(pixels, pace.least()).map_err(end)?;
        let pictures = u64::from(self.file.pictures());
        let out = self.file.finish().map_err(end)?;
        exported.wrote(out.finish(pictures)?);
        Ok(())
    }
}

impl Sink for Previews {
    fn wants_payload(&self) -> bool {
        true
    }

    fn session(&mut self, session: &Session) -> Result<(), ExportError> {
        self.shots.session(session);
        Ok(())
    }

    fn message(&mut self, item: Item<'_>, exported: &mut Exported) -> Result<(), ExportError> {
        let Some(shot) = self.shots.look(&item, exported) else {
            return Ok(());
        };
        let Some(census) = self.survey.get(&shot.camera).copied() else {
            return Ok(());
        };
        let at = item.message.log_time_ns;
        let slot = slot_of(census, shot.index, at);
        let camera = self.cameras.entry(shot.camera.clone()).or_default();
        if camera.slot == Some(slot) {
            exported.skip(item.message, "between the pictures of the preview");
            return Ok(());
        }
        match self.maker.draw(&shot, SIDE_PX) {
            Ok(picture) => {
                camera.slot = Some(slot);
                self.draw(&shot, picture, at, Pace::of(census), exported)?;
            }
            // The next one of the same part of the recording takes its place.
            Err(why) => shot.unreadable(&item, why, exported),
        }
        Ok(())
    }

    fn finish(self: Box<Self>, exported: &mut Exported) -> Result<(), ExportError> {
        let mut written = false;
        for (name, camera) in self.cameras {
            if let (Some(open), Some(census)) = (camera.open, self.survey.get(&name)) {
                open.finish(Pace::of(*census), exported)?;
                written = true;
            }
        }
        match written {
            false => Err(ExportError::NoPictures),
            true => Ok(()),
        }
    }
}

/// The part of the recording that a picture stands for: of few pictures each is one.
fn slot_of(census: Census, index: u64, at: u64) -> u64 {
    if census.frames <= PICTURES {
        return index;
    }
    let span = census.last_ns.saturating_sub(census.first_ns).max(1);
    let since = at.saturating_sub(census.first_ns).min(span);
    let slot = u128::from(since) * u128::from(PICTURES) / (u128::from(span) + 1);
    u64::try_from(slot).unwrap_or(PICTURES)
}

/// How fast a preview plays.
#[derive(Clone, Copy, Debug)]
struct Pace {
    faster: f64,
    pictures: u64,
    span_s: f64,
}

impl Pace {
    fn of(census: Census) -> Self {
        let span_s = census.last_ns.saturating_sub(census.first_ns) as f64 / 1e9;
        Self {
            faster: (span_s / PLAYS.as_secs_f64()).max(1.0),
            pictures: census.frames.min(PICTURES),
            span_s,
        }
    }

    fn shown(self, since: u64, until: u64) -> Duration {
        let real = Duration::from_nanos(until.saturating_sub(since));
        real.div_f64(self.faster)
    }

    /// How long the last picture is shown, behind which nothing comes.
    fn least(self) -> Duration {
        let between = self.span_s / self.faster / self.pictures.max(1) as f64;
        Duration::from_secs_f64(between.clamp(0.1, 1.0))
    }

    fn words(self) -> String {
        match self.faster {
            faster if faster > 1.0 => format!(
                "{:.3} s of recording in {:.0} s: {faster:.1} times as fast as it was",
                self.span_s,
                PLAYS.as_secs_f64()
            ),
            _ => "as fast as it was".to_owned(),
        }
    }
}

/// Makes small pictures in the screen's automatic contrast.
pub(super) struct Small {
    maker: PictureMaker,
    clock: Clock,
}

impl Default for Small {
    fn default() -> Self {
        Self {
            maker: PictureMaker::new(),
            clock: Clock::manual(0),
        }
    }
}

impl Small {
    /// A picture of at most that many columns and rows, and never larger than its frame.
    pub(super) fn draw(&mut self, shot: &Shot<'_>, side: u16) -> Result<Picture, ImagingError> {
        let camera = CameraKey {
            source: SourceId(shot.about.source.id.0),
            detector: shot.frame.detector.clone(),
        };
        let picture = self.of_side(&camera, shot, (side, side))?;
        let (width, height) = picture.frame_size_px;
        if u32::from(picture.width_px) <= width && u32::from(picture.height_px) <= height {
            return Ok(picture);
        }
        // Its pixels are there already; its size was not known before they were.
        let least = |px: u32| u16::try_from(px).unwrap_or(side).min(side);
        self.of_side(&camera, shot, (least(width), least(height)))
    }

    /// Whether the last picture has colours.
    pub(super) fn is_color(&self) -> bool {
        let raster = self.maker.raster();
        raster.is_some_and(|raster| raster.layout().is_color())
    }

    fn of_side(
        &mut self,
        camera: &CameraKey,
        shot: &Shot<'_>,
        (cols, rows): (u16, u16),
    ) -> Result<Picture, ImagingError> {
        let request = PictureRequest {
            dots: (1, 1),
            cell_px: (1, 1),
            ..PictureRequest::plain(camera.clone(), cols, rows)
        };
        self.maker.make(
            camera.clone(),
            shot.frame,
            shot.about.received,
            &request,
            &self.clock,
        )
    }
}
