//! Each picture as a file of its own: PNG with all bits, or JPEG.

use std::collections::BTreeMap;
use std::num::NonZeroU64;

use super::shots::{CameraName, Shot, Shots};
use super::{ExportError, ExportPlan, Exported, Item, OutDir, Sink};
use crate::imaging::Decoder;
use crate::model::PictureFormat;
use crate::picture_file::{self, JpegMade, JpegTone, PictureFileError};
use crate::recording::Session;

/// Writes pictures one by one.
pub(super) struct Pictures {
    format: PictureFormat,
    every: u64,
    out: OutDir,
    shots: Shots,
    decoder: Decoder,
    cameras: BTreeMap<CameraName, Camera>,
    written: u64,
}

#[derive(Default)]
struct Camera {
    tone: JpegTone,
    encoded: u64,
    drawn: u64,
    /// The least that was drawn black, and the most that was drawn white.
    between: Option<(u16, u16)>,
}

impl Pictures {
    /// Makes the folder.
    pub(super) fn create(plan: &ExportPlan, format: PictureFormat) -> Result<Self, ExportError> {
        let out = OutDir::make(&plan.out)?;
        out.refuse_others(format.extension())?;
        Ok(Self {
            format,
            every: plan.every.map_or(1, NonZeroU64::get),
            out,
            shots: Shots::new(plan),
            decoder: Decoder::default(),
            cameras: BTreeMap::new(),
            written: 0,
        })
    }

    fn write(&mut self, shot: &Shot<'_>, item: &Item<'_>) -> Result<super::ExportedFile, Failed> {
        let mut file = self
            .out
            .create(&stem(shot, item), self.format.extension())?;
        let path = file.path().to_owned();
        let result = match self.format {
            PictureFormat::Jpeg => {
                let camera = self.cameras.entry(shot.camera.clone()).or_default();
                let tone = &mut camera.tone;
                let received = shot.about.received;
                picture_file::write_jpeg(shot.frame, received, &mut self.decoder, tone, &mut file)
                    .map(|made| camera.note(made))
            }
            format => {
                let (frame, about) = (shot.frame, &shot.about);
                picture_file::write(format, frame, about, &mut self.decoder, &mut file)
            }
        };
        match result {
            Ok(()) => Ok(file.finish(1)?),
            Err(PictureFileError::Write(error)) => Err(ExportError::at(&path, error).into()),
            Err(other) => Err(Failed::Picture(other)),
        }
    }
}

/// Why a picture has no file.
enum Failed {
    /// Because of it alone.
    Picture(PictureFileError),
    /// The export ends.
    Export(ExportError),
}

impl From<ExportError> for Failed {
    fn from(error: ExportError) -> Self {
        Self::Export(error)
    }
}

impl Camera {
    fn note(&mut self, made: JpegMade) {
        match made {
            JpegMade::Untouched => {}
            JpegMade::Encoded => self.encoded += 1,
            JpegMade::Drawn { black, white } => {
                self.drawn += 1;
                let (least, most) = self.between.get_or_insert((black, white));
                (*least, *most) = ((*least).min(black), (*most).max(white));
            }
        }
    }
}

impl Sink for Pictures {
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
        if !shot.index.is_multiple_of(self.every) {
            exported.skip(item.message, "between those that --every asks for");
            return Ok(());
        }
        match self.write(&shot, &item) {
            Ok(file) => {
                self.written += 1;
                exported.wrote(file);
            }
            Err(Failed::Picture(why)) => shot.unreadable(&item, why, exported),
            Err(Failed::Export(error)) => return Err(error),
        }
        Ok(())
    }

    fn finish(self: Box<Self>, exported: &mut Exported) -> Result<(), ExportError> {
        for (name, camera) in &self.cameras {
            if camera.encoded > 0 {
                exported.note(format!(
                    "{name}: the camera sent no JPEG; {} pictures were packed with loss",
                    camera.encoded
                ));
            }
            if let Some((black, white)) = camera.between {
                exported.note(format!(
                    "{name}: {} pictures of more than 8 bits were drawn with automatic contrast, \
                     black from {black}, white up to {white}, and packed with loss: for looking \
                     at, not for measuring",
                    camera.drawn
                ));
            }
        }
        match self.written {
            0 => Err(ExportError::NoPictures),
            _ => Ok(()),
        }
    }
}

/// What a picture's file is called, e.g.
/// `scope.WidefieldCamera.000012-2026-11-27T14-03-22.123Z-frame81223`.
fn stem(shot: &Shot<'_>, item: &Item<'_>) -> String {
    let at = item.message.log_time_ns;
    let time = jiff::Timestamp::from_nanosecond(i128::from(at)).map_or_else(
        |_| at.to_string(),
        |time| time.strftime("%Y-%m-%dT%H-%M-%S%.3fZ").to_string(),
    );
    let stem = format!("{}/{:06}-{time}", shot.camera.stem(), shot.index);
    match shot.frame.number {
        Some(number) => format!("{stem}-frame{number}"),
        None => stem,
    }
}
