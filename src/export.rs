//! Floor 2: recordings as files that other programs read.
//!
//! Here: what is asked for, and what takes it. `walk.rs` goes over the files of a session; what is
//! made of their messages is the business of a [`Sink`], one file for each idea; how files get their
//! names and are never written over is in `out_dir.rs`.

use std::collections::BTreeMap;
use std::io;
use std::num::NonZeroU64;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use crate::model::PictureFormat;
use crate::model::text::printable;
use crate::picture_file::PictureFileError;
use crate::recording::{
    Entry, Played, ReadError, RecordedMessage, RecordingReader, SESSION, Session, session_of,
};

pub mod csv;
mod json_lines;
mod out_dir;
mod outcome;
#[cfg(feature = "parquet")]
mod parquet;
mod parts;
mod pattern;
mod pictures;
mod preview;
mod report;
mod rows;
mod series;
mod shots;
mod survey;
mod table;
mod tables;
mod walk;

pub use out_dir::{OutDir, OutFile};
pub use outcome::{Exported, ExportedFile, Skip};
pub use pattern::Pattern;
use tables::Tables;
use walk::walk;

/// What recordings can be exported to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// A table for each topic, as text.
    Csv,
    /// One line of JSON for each message.
    JsonLines,
    /// A table for each topic, with types, in columns.
    #[cfg(feature = "parquet")]
    Parquet,
    /// Each picture as PNG, with all bits.
    Png,
    /// Each picture as JPEG: the camera's own file where it is one.
    Jpeg,
    /// The pictures of a camera as a series in time, with all bits.
    OmeTiff,
    /// The pictures of a camera as a small animation.
    Preview,
    /// Everything that is known of the recording, as one page.
    Report,
}

impl Format {
    /// All of them.
    pub const ALL: &[Self] = &[
        Self::Csv,
        Self::JsonLines,
        #[cfg(feature = "parquet")]
        Self::Parquet,
        Self::Png,
        Self::Jpeg,
        Self::OmeTiff,
        Self::Preview,
        Self::Report,
    ];

    /// The word of the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::JsonLines => "jsonl",
            #[cfg(feature = "parquet")]
            Self::Parquet => "parquet",
            Self::Png => "png",
            Self::Jpeg => "jpeg",
            Self::OmeTiff => "ome-tiff",
            Self::Preview => "preview",
            Self::Report => "report",
        }
    }

    /// The words of the command line; also those of formats that this build was made without.
    pub fn names() -> impl Iterator<Item = &'static str> {
        let left_out: &[&str] = match cfg!(feature = "parquet") {
            true => &[],
            false => &["parquet"],
        };
        let names = Self::ALL.iter().copied().map(Self::name);
        names.chain(left_out.iter().copied())
    }

    /// The format of a word of the command line.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL
            .iter()
            .copied()
            .find(|format| format.name() == name)
    }

    /// Whether pictures are in what is written.
    pub fn is_of_pictures(self) -> bool {
        match self {
            Self::Csv | Self::JsonLines => false,
            #[cfg(feature = "parquet")]
            Self::Parquet => false,
            Self::Png | Self::Jpeg | Self::OmeTiff | Self::Preview | Self::Report => true,
        }
    }

    /// How often the files are read: some things have to be known before anything is written.
    fn passes(self) -> u64 {
        match self {
            Self::OmeTiff | Self::Preview => 2,
            Self::Report => 3,
            _ => 1,
        }
    }
}

/// What is exported, and where to.
#[derive(Clone, Debug, Default)]
pub struct ExportPlan {
    /// The files of one recording.
    pub files: Vec<PathBuf>,
    /// What of the recording is not among them, as sentences; found out by the export itself.
    pub absent: Vec<String>,
    /// The folder, made if it is missing.
    pub out: PathBuf,
    /// Only these sources; all if empty.
    pub sources: Vec<String>,
    /// Only topics that one of these fits; all if empty.
    pub topics: Vec<Pattern>,
    /// Only what was received at this time or later, Unix nanoseconds.
    pub from_unix_ns: Option<u64>,
    /// Only what was received before this time, Unix nanoseconds.
    pub until_unix_ns: Option<u64>,
    /// Only pictures of these cameras; of all if empty.
    pub cameras: Vec<String>,
    /// Of each camera only every so many-th picture, where each is a file of its own.
    pub every: Option<NonZeroU64>,
    /// Set by whoever wants the export to end early.
    pub interrupted: Arc<AtomicBool>,
}

/// Why an export came to nothing.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// A recording cannot be read at all.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The same part is there twice.
    #[error("{} and {} hold the same part of the recording: leave one of them out", first.display(), second.display())]
    Twice {
        /// One.
        first: PathBuf,
        /// The other.
        second: PathBuf,
    },
    /// They are not parts of one recording.
    #[error("{} and {} are of different recordings: export them one by one", first.display(), second.display())]
    Strangers {
        /// One.
        first: PathBuf,
        /// The other.
        second: PathBuf,
    },
    /// Nothing is ever written over.
    #[error("{} is there already, and nothing is written over: name another folder, --out DIR", path.display())]
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
    /// A source was named that is not there.
    #[error("no source \"{name}\" is in the recording: it has {known}")]
    NoSource {
        /// What was named.
        name: String,
        /// What there is, for people.
        known: String,
    },
    /// A file of pictures cannot be made.
    #[error("{} cannot be made: {error}", path.display())]
    Picture {
        /// The file.
        path: PathBuf,
        /// Why. Not its source: the sentence has it already.
        error: PictureFileError,
    },
    /// There is no picture to be written.
    #[error(
        "nothing was exported: no picture of the cameras and times that were asked for can be read"
    )]
    NoPictures,
    /// Somebody wanted it to end.
    #[error("interrupted: nothing was left of what was not finished")]
    Interrupted,
    /// No message is of the sources, topics and times that were asked for.
    #[error("nothing was exported: no message of the recording is what was asked for")]
    Nothing,
}

impl ExportError {
    /// What happened to a file on its way to the disk.
    pub fn at(path: &Path, error: io::Error) -> Self {
        let path = path.to_owned();
        match error.kind() {
            io::ErrorKind::AlreadyExists => Self::Taken { path },
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::Full { path },
            _ => Self::Disk { path, error },
        }
    }
}

/// A message that is to be exported.
#[derive(Clone, Copy, Debug)]
pub struct Item<'a> {
    /// As it stands in the file.
    pub message: &'a RecordedMessage,
    /// The source it came from; empty if the file does not say.
    pub source: &'a str,
    /// What it says, if the sink [wants](Sink::wants_payload) to know and it is of a source. A
    /// frame comes whole with the message that has its pixels.
    pub played: Option<&'a Played>,
}

/// Takes what is exported, in the order of the files.
pub trait Sink {
    /// Whether messages are to be decoded for it.
    fn wants_payload(&self) -> bool {
        false
    }

    /// The next messages are of this file; `session` is what it says of itself.
    ///
    /// # Errors
    /// As [`Sink::message`].
    fn session(&mut self, _session: &Session) -> Result<(), ExportError> {
        Ok(())
    }

    /// A metadata record of a file, the session's and the recorder's books among them.
    ///
    /// # Errors
    /// As [`Sink::message`].
    fn metadata(
        &mut self,
        _file: &Path,
        _name: &str,
        _values: &BTreeMap<String, String>,
    ) -> Result<(), ExportError> {
        Ok(())
    }

    /// One message. What has no place in this format is told to `exported`.
    ///
    /// # Errors
    /// It cannot be written; the export ends.
    fn message(&mut self, item: Item<'_>, exported: &mut Exported) -> Result<(), ExportError>;

    /// All messages have come: files get their last names, and are told to `exported`.
    ///
    /// # Errors
    /// A file cannot be finished.
    fn finish(self: Box<Self>, exported: &mut Exported) -> Result<(), ExportError>;
}

/// Exports recordings.
///
/// - `progress`: is told bytes read and bytes in all, now and then
///
/// # Errors
/// A recording cannot be read at all, or a file not be written. No file has its last name then
/// unless it is whole.
pub fn export(
    plan: &ExportPlan,
    format: Format,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<Exported, ExportError> {
    // Whatever cannot be right is said before a file is made.
    let plan = &parts::in_order(plan)?;
    let mut all_bytes = 0;
    let mut sources = Some(Vec::new());
    for file in &plan.files {
        all_bytes += RecordingReader::open(file)?.size_bytes();
        sources = match (sources, session_of(file)) {
            (Some(mut sources), Ok(session)) => {
                sources.extend(session.sources.into_iter().map(|source| source.name));
                Some(sources)
            }
            // Of another program: the sources are told by the channels, on the way.
            (None, _) | (_, Err(ReadError::NoSession { .. })) => None,
            (_, Err(error)) => return Err(error.into()),
        };
    }
    if let Some(sources) = &sources {
        plan.check_sources(sources)?;
    }
    let all = all_bytes * format.passes();
    let looking = &mut |done| progress(done, all);
    let sink: Box<dyn Sink> = match format {
        Format::Csv => Box::new(Tables::create(plan, "csv", csv::Csv::create)?),
        Format::JsonLines => Box::new(json_lines::JsonLines::create(plan)?),
        #[cfg(feature = "parquet")]
        Format::Parquet => Box::new(Tables::create(plan, "parquet", parquet::Parquet::create)?),
        Format::Png => Box::new(pictures::Pictures::create(plan, PictureFormat::Png)?),
        Format::Jpeg => Box::new(pictures::Pictures::create(plan, PictureFormat::Jpeg)?),
        Format::OmeTiff => Box::new(series::SeriesFiles::create(plan, looking)?),
        Format::Preview => Box::new(preview::Previews::create(plan, looking)?),
        Format::Report => Box::new(report::Report::create(plan, looking)?),
    };
    let before = all - all_bytes;
    walk(plan, sink, &mut |done| progress(before + done, all))
}

impl ExportPlan {
    /// Whether a message of this source is asked for.
    fn takes(&self, message: &RecordedMessage, source: &str) -> bool {
        let at = message.log_time_ns;
        self.from_unix_ns.is_none_or(|from| at >= from)
            && self.until_unix_ns.is_none_or(|until| at < until)
            && (self.sources.is_empty() || self.sources.iter().any(|name| name == source))
            && (self.topics.is_empty()
                || self
                    .topics
                    .iter()
                    .any(|pattern| pattern.fits(&message.channel.topic)))
    }

    /// Whether all named sources are among these.
    fn check_sources(&self, known: &[String]) -> Result<(), ExportError> {
        const SHOWN: usize = 20;
        let Some(name) = self.sources.iter().find(|name| !known.contains(name)) else {
            return Ok(());
        };
        let shown: Vec<_> = known
            .iter()
            .take(SHOWN)
            .map(|name| printable(name))
            .collect();
        let known = match (shown.len(), known.len().saturating_sub(SHOWN)) {
            (0, _) => "none".to_owned(),
            (_, 0) => shown.join(", "),
            (_, more) => format!("{} and {more} more", shown.join(", ")),
        };
        Err(ExportError::NoSource {
            name: name.clone(),
            known,
        })
    }
}

/// When a recording began, Unix nanoseconds: by its own word, or its first message if it says
/// nothing.
///
/// # Errors
/// It cannot be read at all.
pub fn beginning_of(path: &Path) -> Result<Option<u64>, ReadError> {
    Ok(RecordingReader::open(path)?.find_map(|entry| match entry {
        Entry::Metadata { name, values } if name == SESSION => {
            Some(Session::from_map(&values).started_unix_ns)
        }
        Entry::Message(message) => Some(message.log_time_ns),
        _ => None,
    }))
}
