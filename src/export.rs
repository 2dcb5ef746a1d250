//! Floor 2: recordings as files that other programs read.
//!
//! Here: which messages are exported, and the one walk over the files of a session. What is made of
//! them is the business of a [`Sink`], one file for each idea; how files get their names and are
//! never written over is in `out_dir.rs`.

use std::collections::BTreeMap;
use std::io;
use std::num::NonZeroU64;
use std::path::{Path, PathBuf};

use serde::{Serialize, Serializer};

use crate::model::PictureFormat;
use crate::model::text::printable;
use crate::picture_file::PictureFileError;
use crate::recording::records::LossRecord;
use crate::recording::{
    Decoder, Ending, Entry, Played, ReadError, RecordedMessage, RecordingReader, SESSION, Session,
};

mod json_lines;
mod out_dir;
mod pattern;
mod pictures;
mod preview;
mod report;
mod series;
mod shots;
mod survey;

pub use out_dir::{OutDir, OutFile};
pub use pattern::Pattern;

/// Sentences about what could not be read that are kept; a broken file could fill the memory.
const MAX_SENTENCES: usize = 1000;
/// Files that are listed; an export of pictures may have millions.
const MAX_FILES: usize = 10_000;

/// What recordings can be exported to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// One line of JSON for each message.
    JsonLines,
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
    pub const ALL: [Self; 6] = [
        Self::JsonLines,
        Self::Png,
        Self::Jpeg,
        Self::OmeTiff,
        Self::Preview,
        Self::Report,
    ];

    /// The word of the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::JsonLines => "jsonl",
            Self::Png => "png",
            Self::Jpeg => "jpeg",
            Self::OmeTiff => "ome-tiff",
            Self::Preview => "preview",
            Self::Report => "report",
        }
    }

    /// The format of a word of the command line.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.name() == name)
    }

    /// Whether pictures are in what is written.
    pub fn is_of_pictures(self) -> bool {
        match self {
            Self::JsonLines => false,
            Self::Png | Self::Jpeg | Self::OmeTiff | Self::Preview | Self::Report => true,
        }
    }

    /// How often the files are read: some things have to be known before anything is written.
    fn passes(self) -> u64 {
        match self {
            Self::JsonLines | Self::Png | Self::Jpeg => 1,
            Self::OmeTiff | Self::Preview => 2,
            Self::Report => 3,
        }
    }
}

/// What is exported, and where to.
#[derive(Clone, Debug, Default)]
pub struct ExportPlan {
    /// The recordings of one session, in their order.
    pub files: Vec<PathBuf>,
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
}

/// What an export came to.
#[derive(Debug, Default, Serialize)]
pub struct Exported {
    /// The files that were written.
    pub files: Vec<ExportedFile>,
    /// Files that were written and not listed because there are too many.
    #[serde(skip_serializing_if = "is_zero")]
    pub more_files: u64,
    /// What else has to be known of them, as sentences.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// Messages that were asked for.
    pub messages: u64,
    /// Of them, those that are in no file, and why. A format that has no place for them is no
    /// fault.
    #[serde(serialize_with = "skipped")]
    pub skipped: BTreeMap<Skip, u64>,
    /// What could not be read, as sentences: the recording itself is cut, damaged or wrong there.
    pub missing: Vec<String>,
    /// Such sentences that were not kept.
    pub more_missing: u64,
}

/// A file that was written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ExportedFile {
    /// Where.
    pub path: PathBuf,
    /// Rows, lines or pictures in it.
    pub items: u64,
    /// Its size.
    pub bytes: u64,
}

/// What was left out together.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Skip {
    /// Its topic.
    pub topic: String,
    /// Its schema.
    pub schema: String,
    /// Why, as a sentence.
    pub why: String,
}

impl Exported {
    /// Everything that was asked for could be read.
    pub fn is_whole(&self) -> bool {
        self.missing.is_empty()
    }

    /// A file was written.
    pub fn wrote(&mut self, file: ExportedFile) {
        if self.files.len() < MAX_FILES {
            self.files.push(file);
        } else {
            self.more_files += 1;
        }
    }

    /// Something has to be known of what was written.
    pub fn note(&mut self, what: String) {
        if self.notes.len() < MAX_SENTENCES {
            self.notes.push(what);
        }
    }

    /// A message is in no file.
    pub fn skip(&mut self, message: &RecordedMessage, why: &str) {
        let skip = Skip {
            topic: printable(&message.channel.topic).into_owned(),
            schema: printable(&message.channel.schema).into_owned(),
            why: why.to_owned(),
        };
        *self.skipped.entry(skip).or_default() += 1;
    }

    /// Something could not be read.
    pub fn miss(&mut self, what: String) {
        if self.missing.len() < MAX_SENTENCES {
            self.missing.push(what);
        } else {
            self.more_missing += 1;
        }
    }
}

fn is_zero(count: &u64) -> bool {
    *count == 0
}

fn skipped<S: Serializer>(skipped: &BTreeMap<Skip, u64>, serializer: S) -> Result<S::Ok, S::Error> {
    #[derive(Serialize)]
    struct Counted<'a> {
        #[serde(flatten)]
        skip: &'a Skip,
        messages: u64,
    }
    serializer.collect_seq(skipped.iter().map(|(skip, messages)| Counted {
        skip,
        messages: *messages,
    }))
}

/// Why an export came to nothing.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// A recording cannot be read at all.
    #[error(transparent)]
    Read(#[from] ReadError),
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
    /// A source was named that is not there.
    #[error("no source \"{name}\" is in the recording: it has {known}")]
    NoSource {
        /// What was named.
        name: String,
        /// What there is, for people.
        known: String,
    },
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
    // Whatever cannot be read at all is said before a file is made.
    let mut all_bytes = 0;
    for file in &plan.files {
        all_bytes += RecordingReader::open(file)?.size_bytes();
    }
    let all = all_bytes * format.passes();
    let looking = &mut |done| progress(done, all);
    let sink: Box<dyn Sink> = match format {
        Format::JsonLines => Box::new(json_lines::JsonLines::create(plan)?),
        Format::Png => Box::new(pictures::Pictures::create(plan, PictureFormat::Png)?),
        Format::Jpeg => Box::new(pictures::Pictures::create(plan, PictureFormat::Jpeg)?),
        Format::OmeTiff => Box::new(series::SeriesFiles::create(plan, looking)?),
        Format::Preview => Box::new(preview::Previews::create(plan, looking)?),
        Format::Report => Box::new(report::Report::create(plan, looking)?),
    };
    let before = all - all_bytes;
    walk(plan, sink, &mut |done| progress(before + done, all))
}

/// Takes a sink through the files once.
fn walk(
    plan: &ExportPlan,
    sink: Box<dyn Sink>,
    progress: &mut dyn FnMut(u64),
) -> Result<Exported, ExportError> {
    Walk {
        plan,
        sink,
        exported: Exported::default(),
        decoder: None,
        sources: Vec::new(),
    }
    .run(progress)
}

/// The walk over the files of a session.
struct Walk<'a> {
    plan: &'a ExportPlan,
    sink: Box<dyn Sink>,
    exported: Exported,
    decoder: Option<Decoder>,
    /// Names that were seen.
    sources: Vec<String>,
}

impl Walk<'_> {
    fn run(mut self, progress: &mut dyn FnMut(u64)) -> Result<Exported, ExportError> {
        let mut done_bytes = 0;
        for file in &self.plan.files {
            let mut reader = RecordingReader::open(file)?;
            self.decoder = None;
            while let Some(entry) = reader.next() {
                progress(done_bytes + reader.position_bytes());
                self.entry(file, entry)?;
            }
            done_bytes += reader.size_bytes();
            if let Some(Ending::Cut {
                readable_bytes,
                unreadable_bytes,
                why,
            }) = reader.ending()
            {
                self.exported.miss(format!(
                    "{}: not finished; byte {readable_bytes}: {why}; {unreadable_bytes} bytes left over",
                    file.display()
                ));
            }
        }
        self.check_sources()?;
        if self.exported.messages == 0 {
            return Err(ExportError::Nothing);
        }
        self.sink.finish(&mut self.exported)?;
        Ok(self.exported)
    }

    fn entry(&mut self, file: &Path, entry: Entry) -> Result<(), ExportError> {
        match entry {
            Entry::Message(message) => self.message(file, &message)?,
            Entry::Metadata { name, values } => {
                if name == SESSION {
                    let session = Session::from_map(&values);
                    for source in &session.sources {
                        self.know(&source.name);
                    }
                    self.sink.session(&session)?;
                    self.decoder = self.sink.wants_payload().then(|| Decoder::new(session));
                }
                self.sink.metadata(file, &name, &values)?;
            }
            Entry::Attachment(attachment) => {
                let skip = Skip {
                    topic: printable(&attachment.name).into_owned(),
                    schema: printable(&attachment.media_type).into_owned(),
                    why: "a file within the recording".to_owned(),
                };
                *self.exported.skipped.entry(skip).or_default() += 1;
            }
            Entry::Damage(damage) => self.exported.miss(format!(
                "{}: byte {}: {}; {} bytes skipped",
                file.display(),
                damage.at,
                damage.what,
                damage.skipped_bytes
            )),
        }
        Ok(())
    }

    fn message(&mut self, file: &Path, message: &RecordedMessage) -> Result<(), ExportError> {
        // Everything is decoded, because a picture is understood with what stands before it.
        let played = match self.decoder.as_mut().map(|decoder| decoder.decode(message)) {
            Some(Ok(played)) => played,
            Some(Err(what)) => {
                self.exported.miss(format!("{}: {what}", file.display()));
                None
            }
            None => None,
        };
        let shared_loss = shared_loss(message);
        let named = message.channel.metadata.get("source");
        let source = named.or(shared_loss.as_ref()).map_or("", String::as_str);
        self.know(source);
        if !self.plan.takes(message, source) {
            return Ok(());
        }
        self.exported.messages += 1;
        let item = Item {
            message,
            source,
            played: played.as_ref(),
        };
        self.sink.message(item, &mut self.exported)
    }

    /// Only those that somebody asked for are kept in mind where a file has any number.
    fn know(&mut self, source: &str) {
        const MOST: usize = 1024;
        let is_new = !source.is_empty() && !self.sources.iter().any(|known| known == source);
        if is_new && (self.sources.len() < MOST || self.plan.sources.iter().any(|s| s == source)) {
            self.sources.push(source.to_owned());
        }
    }

    fn check_sources(&self) -> Result<(), ExportError> {
        const SHOWN: usize = 20;
        let missing = self
            .plan
            .sources
            .iter()
            .find(|name| !self.sources.contains(name));
        let Some(name) = missing else { return Ok(()) };
        let shown: Vec<_> = self
            .sources
            .iter()
            .take(SHOWN)
            .map(|s| printable(s))
            .collect();
        let known = match (shown.len(), self.sources.len().saturating_sub(SHOWN)) {
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
}

/// Whose loss it is, on the topic that all sources share.
fn shared_loss(message: &RecordedMessage) -> Option<String> {
    if message.channel.schema != "ttyscope.Loss" {
        return None;
    }
    let loss: LossRecord<'_> = serde_json::from_slice(&message.data).ok()?;
    loss.source.map(|source| source.into_owned())
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
