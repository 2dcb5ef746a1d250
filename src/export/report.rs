//! A recording as one page: what was recorded and when, whether it is whole, what went wrong, what
//! was commanded, and what it looked like. It is one HTML file that needs no network, no script and
//! no other file, so that it can be sent, printed and kept beside the recording.
//!
//! Here: in what order it comes about. The files are judged first, because a page is about the time
//! of all of them; then the pictures are counted; then everything is read once more.

mod html;
mod page;
mod photos;
mod plot;
mod story;

use std::io::Write as _;

use super::shots::Shots;
use super::survey::survey;
use super::walk::goes_on;
use super::{ExportError, ExportPlan, Exported, Item, OutDir, OutFile, Sink};
use crate::model::Payload;
use crate::recording::{Session, Verdict, verify};
use photos::Photos;
use plot::Bins;
use story::Story;

/// Writes a page.
pub(super) struct Report {
    file: OutFile,
    verdicts: Vec<Verdict>,
    /// What of the recording is not among the files.
    absent: Vec<String>,
    session: Option<Session>,
    shots: Shots,
    photos: Photos,
    story: Story,
}

impl Report {
    /// Judges the files, counts the pictures, and makes the folder.
    ///
    /// - `progress`: is told bytes of two passes
    pub(super) fn create(
        plan: &ExportPlan,
        progress: &mut dyn FnMut(u64),
    ) -> Result<Self, ExportError> {
        let mut verdicts = Vec::new();
        let mut done_bytes = 0;
        for file in &plan.files {
            let verdict = verify(file, &mut |done, _| progress(done_bytes + done))?;
            done_bytes += verdict.summary.size_bytes;
            verdicts.push(verdict);
        }
        let mut absent = plan.absent.clone();
        if let [_, .., last] = verdicts.as_slice()
            && last.summary.goes_on
        {
            absent.push(goes_on(last.summary.part));
        }
        let survey = survey(plan, &mut |done| progress(done_bytes + done))?;
        let spans = verdicts.iter().filter_map(|verdict| verdict.summary.span);
        let first = spans.clone().map(|span| span.first_unix_ns).min();
        let last = spans.map(|span| span.last_unix_ns).max();
        let bins = Bins {
            first_ns: first.unwrap_or(0).max(plan.from_unix_ns.unwrap_or(0)),
            last_ns: last
                .unwrap_or(0)
                .min(plan.until_unix_ns.unwrap_or(u64::MAX)),
        };
        let name = plan.files.first().and_then(|file| file.file_stem());
        let name = name.map_or("recording".into(), |name| name.to_string_lossy());
        let file = OutDir::make(&plan.out)?.create(&format!("{name}.report"), "html")?;
        Ok(Self {
            file,
            verdicts,
            absent,
            session: None,
            shots: Shots::new(plan),
            photos: Photos::new(&survey),
            story: Story::new(bins),
        })
    }
}

impl Sink for Report {
    fn wants_payload(&self) -> bool {
        true
    }

    fn session(&mut self, session: &Session) -> Result<(), ExportError> {
        self.shots.session(session);
        self.session.get_or_insert_with(|| session.clone());
        Ok(())
    }

    fn message(&mut self, item: Item<'_>, exported: &mut Exported) -> Result<(), ExportError> {
        self.story.take(&item);
        let told = item.played.map(|played| &played.payload);
        if let Some(Payload::Frame(_) | Payload::Instrument(_)) = told {
            // What has no place in the page was counted in it; only what cannot be read is said.
            let shot = self.shots.look(&item, &mut Exported::default());
            if let Some(shot) = shot
                && let Err(why) = self.photos.look(&shot)
            {
                shot.unreadable(&item, why, exported);
            }
        }
        Ok(())
    }

    fn finish(mut self: Box<Self>, exported: &mut Exported) -> Result<(), ExportError> {
        let page = page::page(
            &self.verdicts,
            &self.absent,
            self.session.as_ref(),
            &self.story,
            &self.photos,
        );
        let path = self.file.path().to_owned();
        let written = self.file.write_all(page.as_bytes());
        written.map_err(|error| ExportError::at(&path, error))?;
        exported.wrote(self.file.finish(1)?);
        Ok(())
    }
}
