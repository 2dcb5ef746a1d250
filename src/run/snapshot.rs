//! Pictures on their way to disk: what their files are called, and that a file is either whole or
//! not there. What is in them is the business of `picture_file`.

use std::future;
use std::io::{self, Cursor, ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::task::{JoinSet, spawn_blocking};
use tokio::time::timeout;

use crate::app::Snapshot;
use crate::imaging::Decoder;
use crate::model::{Frame, LogLine, Payload, PictureFormat, PlainText, Severity, Stamp};
use crate::picture_file::{self, About, PictureFileError};
use crate::pipeline::Outlet;
use crate::recorder::{Disk, Storage, safe_name};

/// Pictures that are written at a time; each may hold three copies of a large frame.
const AT_A_TIME: usize = 4;
/// Pictures saved of one frame by one name.
const MAX_NAMES: u32 = 1000;

/// Where pictures go unless something else is said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SnapshotPlan {
    /// The folder; `None` where the platform has none.
    pub dir: Option<PathBuf>,
    /// What they are written as.
    pub format: PictureFormat,
}

/// Where one picture goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// Into a folder, which is made if it is missing, under a name of its own that begins like
    /// this.
    Folder {
        /// The folder.
        dir: PathBuf,
        /// The beginning of the name.
        name: String,
    },
    /// This file and no other.
    File(PathBuf),
}

/// Why a picture was not saved.
#[derive(Debug, thiserror::Error)]
pub enum SaveError {
    /// It cannot be made a file.
    #[error(transparent)]
    Picture(#[from] PictureFileError),
    /// Nothing is ever written over.
    #[error("{} is there already, and nothing is written over", path.display())]
    Taken {
        /// The file.
        path: PathBuf,
    },
    /// There is no more room.
    #[error("no room for {}: the disk is full; nothing was left of it", path.display())]
    Full {
        /// The file it was to become.
        path: PathBuf,
    },
    /// The disk does not take it.
    #[error("{} cannot be written: {error}", path.display())]
    Disk {
        /// What was tried.
        path: PathBuf,
        /// Why. Not its source: the sentence has it already.
        error: io::Error,
    },
}

impl SaveError {
    fn at(path: &Path, error: io::Error) -> Self {
        let path = path.to_owned();
        match error.kind() {
            ErrorKind::AlreadyExists => Self::Taken { path },
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded => Self::Full { path },
            _ => Self::Disk { path, error },
        }
    }
}

/// Saves a frame, and returns the file; waits for the disk. It is made whole before the disk is
/// touched, written under another name, made to survive a loss of power, and named last.
///
/// # Errors
/// It cannot be made a file, or the disk does not take it. Nothing is left of it then.
pub fn save(
    storage: &dyn Storage,
    frame: &Frame,
    about: &About,
    format: PictureFormat,
    place: &Place,
) -> Result<PathBuf, SaveError> {
    let mut file = Cursor::new(Vec::new());
    picture_file::write(format, frame, about, &mut Decoder::default(), &mut file)?;
    if let Place::Folder { dir, .. } = place {
        let made = storage.make_dir(dir);
        made.map_err(|error| SaveError::at(dir, error))?;
    }
    let paths = paths(place, frame, about.received, format);
    let partial = write_partial(storage, &paths, file.get_ref())?;
    let mut last = None;
    for path in &paths {
        match storage.rename(&partial, path) {
            Ok(()) => return Ok(path.clone()),
            Err(error) => {
                let is_taken = error.kind() == ErrorKind::AlreadyExists;
                last = Some(SaveError::at(path, error));
                if !is_taken {
                    break;
                }
            }
        }
    }
    let _ = storage.remove(&partial);
    Err(last.unwrap_or(SaveError::Taken { path: partial }))
}

/// Writes the bytes under a name that none of `paths` is, and returns that.
fn write_partial(
    storage: &dyn Storage,
    paths: &[PathBuf],
    bytes: &[u8],
) -> Result<PathBuf, SaveError> {
    let mut last = None;
    for path in paths {
        if storage.exists(path) {
            last = Some(SaveError::Taken { path: path.clone() });
            continue;
        }
        let mut partial = path.clone().into_os_string();
        partial.push(".partial");
        let partial = PathBuf::from(partial);
        let mut file = match storage.create(&partial) {
            Ok(file) => file,
            // Somebody else is writing one, or was killed while doing so.
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                last = Some(SaveError::at(&partial, error));
                continue;
            }
            Err(error) => return Err(SaveError::at(path, error)),
        };
        let written = file.write_all(bytes).and_then(|()| file.sync());
        drop(file);
        return match written {
            Ok(()) => Ok(partial),
            Err(error) => {
                let _ = storage.remove(&partial);
                Err(SaveError::at(path, error))
            }
        };
    }
    Err(last.unwrap_or(SaveError::Taken {
        path: PathBuf::new(),
    }))
}

/// The names that a picture may get, best first.
fn paths(place: &Place, frame: &Frame, received: Stamp, format: PictureFormat) -> Vec<PathBuf> {
    match place {
        Place::File(path) => vec![path.clone()],
        Place::Folder { dir, name } => {
            let stem = stem(name, frame, received);
            let ending = format.extension();
            let name = |attempt| match attempt {
                1 => dir.join(format!("{stem}.{ending}")),
                _ => dir.join(format!("{stem}-{attempt}.{ending}")),
            };
            (1..=MAX_NAMES).map(name).collect()
        }
    }
}

/// The name of a file without its ending, e.g.
/// `scope-WidefieldCamera-2026-11-27T14-03-22.123Z-frame81223`.
fn stem(name: &str, frame: &Frame, received: Stamp) -> String {
    let (name, camera) = (safe_name(name), safe_name(&frame.detector));
    let time = jiff::Timestamp::from_nanosecond(i128::from(received.unix_ns)).map_or_else(
        |_| received.unix_ns.to_string(),
        |time| time.strftime("%Y-%m-%dT%H-%M-%S%.3fZ").to_string(),
    );
    match frame.number {
        Some(number) => format!("{name}-{camera}-{time}-frame{number}"),
        None => format!("{name}-{camera}-{time}"),
    }
}

/// Saves what the screens ask for, on threads that may wait for the disk.
#[derive(Debug)]
pub struct Saver {
    plan: SnapshotPlan,
    tasks: JoinSet<Result<PlainText, String>>,
}

impl Saver {
    /// A saver with nothing to do.
    pub fn new(plan: SnapshotPlan) -> Self {
        Self {
            plan,
            tasks: JoinSet::new(),
        }
    }

    /// Saves a picture; [`Saver::done`] says what became of it, and so do the journal and the
    /// recording through `outlet`, which is that of its source.
    ///
    /// # Errors
    /// Why it is not even tried.
    pub fn save(&mut self, snapshot: Snapshot, outlet: Outlet) -> Result<(), String> {
        if self.tasks.len() >= AT_A_TIME {
            return Err(format!(
                "not saved: {AT_A_TIME} pictures are still on their way to the disk"
            ));
        }
        let Snapshot {
            frame,
            about,
            format,
            name,
        } = snapshot;
        let Some(dir) = self.plan.dir.clone() else {
            return Err("not saved: no folder for pictures: set dir in [snapshot]".to_owned());
        };
        let format = format.unwrap_or(self.plan.format);
        let name = name.unwrap_or_else(|| about.source.name.to_string());
        self.tasks.spawn(async move {
            let place = Place::Folder { dir, name };
            let saving = spawn_blocking(move || save(&Disk, &frame, &about, format, &place));
            let saved = match saving.await {
                Ok(saved) => saved.map_err(|error| format!("not saved: {error}")),
                Err(_) => Err("not saved: the encoder failed; the log has the details".to_owned()),
            };
            let saved = saved.map(|path| PlainText::from(path.display().to_string()));
            let (severity, text) = match &saved {
                Ok(path) => (Severity::Info, format!("picture saved as {path}")),
                Err(why) => (Severity::Warning, format!("picture {why}")),
            };
            let line = LogLine {
                severity,
                origin: "ttyscope".into(),
                text: text.into(),
            };
            let now = outlet.clock().now();
            outlet.publish(now, Payload::Log(line)).await;
            saved
        });
        Ok(())
    }

    /// What became of a picture: its file, or why there is none. Waits for one, for ever if none is
    /// being saved. Cancel safe.
    pub async fn done(&mut self) -> Result<PlainText, String> {
        match self.tasks.join_next().await {
            Some(saved) => saved.unwrap_or_else(|error| Err(format!("not saved: {error}"))),
            None => future::pending().await,
        }
    }

    /// Waits until all are saved, but not for a disk that does not answer.
    pub async fn finish(mut self, patience: Duration) {
        let all = async { while self.tasks.join_next().await.is_some() {} };
        if timeout(patience, all).await.is_err() {
            tracing::warn!("pictures were still being saved at the end");
        }
    }
}

#[cfg(test)]
mod tests;
