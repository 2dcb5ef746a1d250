//! The pictures of a camera as one OME-TIFF file: a series in time with all bits.
//!
//! What differs in size, depth or pixel size is not one series: it gets a file of its own, to which
//! the camera may come back. A file that would grow too large for its kind is ended, and the next
//! one begins.

use std::collections::BTreeMap;

use super::shots::{CameraName, Shots};
use super::survey::{Survey, survey};
use super::{ExportError, ExportPlan, Exported, Item, OutDir, OutFile, Sink};
use crate::imaging::Decoder;
use crate::model::PictureFormat;
use crate::picture_file::{self, PictureFileError, Shape};
use crate::recording::{Session, rfc3339};

/// Files that are open at a time.
const MAX_OPEN: usize = 64;

/// Writes series.
pub(super) struct SeriesFiles {
    out: OutDir,
    shots: Shots,
    survey: Survey,
    decoder: Decoder,
    unshared: Vec<u8>,
    open: BTreeMap<(CameraName, Shape), Open>,
    written: u64,
}

struct Open {
    series: picture_file::Series<OutFile>,
    path: std::path::PathBuf,
}

impl SeriesFiles {
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
        out.refuse_others("tiff")?;
        Ok(Self {
            out,
            shots: Shots::new(plan),
            survey,
            decoder: Decoder::default(),
            unshared: Vec::new(),
            open: BTreeMap::new(),
            written: 0,
        })
    }
}

impl Sink for SeriesFiles {
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
        let raster = match self.decoder.decode(shot.frame, true) {
            Ok(raster) => raster.unshared(&mut self.unshared),
            Err(why) => {
                shot.unreadable(&item, why, exported);
                return Ok(());
            }
        };
        let shape = Shape::of(&raster, shot.frame);
        let key = (shot.camera.clone(), shape);
        if let Some(full) = self.open.get(&key)
            && !full.series.has_room()
            && let Some(full) = self.open.remove(&key)
        {
            exported.note(format!(
                "{}: {} was full at {} and goes on in another file",
                shot.camera,
                full.path.display(),
                rfc3339(item.message.log_time_ns)
            ));
            full.finish(exported)?;
        }
        if !self.open.contains_key(&key) {
            if self.open.len() >= MAX_OPEN {
                exported.skip(
                    item.message,
                    "more than 64 sizes and depths of pictures: name the cameras that are \
                     wanted, --camera NAME",
                );
                return Ok(());
            }
            if self.open.keys().any(|(camera, _)| *camera == shot.camera) {
                exported.note(format!(
                    "{}: at {} the pictures became {}x{}{}: they are in a file of their own",
                    shot.camera,
                    rfc3339(item.message.log_time_ns),
                    shape.width_px,
                    shape.height_px,
                    shape
                        .bit_depth
                        .map_or(String::new(), |bits| format!(" of {bits} bits")),
                ));
            }
            let frames = self.survey.get(&shot.camera).map_or(0, |all| all.frames);
            let big = shape.needs_big(frames);
            let stem = format!(
                "{}/{}x{}",
                shot.camera.stem(),
                shape.width_px,
                shape.height_px
            );
            let file = self.out.create(&stem, PictureFormat::OmeTiff.extension())?;
            let path = file.path().to_owned();
            if big {
                exported.note(format!(
                    "{} is a BigTIFF: it may become larger than 4 GiB",
                    path.display()
                ));
            }
            let series = picture_file::Series::new(file, shape, shot.frame, &shot.about, big)
                .map_err(|error| failed(&path, error))?;
            self.open.insert(key.clone(), Open { series, path });
        }
        if let Some(Open { series, path }) = self.open.get_mut(&key) {
            series
                .add(&raster, shot.frame, &shot.about)
                .map_err(|error| failed(path, error))?;
            self.written += 1;
        }
        Ok(())
    }

    fn finish(self: Box<Self>, exported: &mut Exported) -> Result<(), ExportError> {
        for open in self.open.into_values() {
            open.finish(exported)?;
        }
        match self.written {
            0 => Err(ExportError::NoPictures),
            _ => Ok(()),
        }
    }
}

impl Open {
    fn finish(self, exported: &mut Exported) -> Result<(), ExportError> {
        let frames = self.series.len() as u64;
        let file = self.series.finish();
        let file = file.map_err(|error| failed(&self.path, error))?;
        exported.wrote(file.finish(frames)?);
        Ok(())
    }
}

/// What ends an export because of a file of pictures.
pub(super) fn failed(path: &std::path::Path, error: PictureFileError) -> ExportError {
    match error {
        PictureFileError::Write(error) => ExportError::at(path, error),
        error => ExportError::Picture {
            path: path.to_owned(),
            error,
        },
    }
}
