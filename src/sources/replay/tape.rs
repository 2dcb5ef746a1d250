//! The files of a replay: one session, in the order of its parts, with one list of sources.

use std::fmt;
use std::path::{Path, PathBuf};

use crate::model::{PlainText, SourceId, SourceInfo};
use crate::recording::{ReadError, RecordingReader, Session, replayed, rfc3339, session_record};

/// Two files whose times overlap by more than this are not parts of one session: at a rotation the
/// next file is opened while the last one is still written.
const OVERLAP_NS: u64 = 2_000_000_000;

/// What is played: one file, or the parts of one session.
#[derive(Debug)]
pub struct Tape {
    /// In their order.
    pub(super) parts: Vec<Part>,
    sources: Vec<SourceInfo>,
    cautions: Vec<String>,
}

/// One file.
#[derive(Clone, Debug)]
pub(super) struct Part {
    pub path: PathBuf,
    pub session: Session,
    /// The number among all sources of each source of this file.
    pub sources: Vec<usize>,
    id: Option<String>,
    number: Option<u64>,
    /// The time of the last message, where an index says so.
    ended_ns: Option<u64>,
}

/// Why files cannot be played as one.
#[derive(Debug, thiserror::Error)]
pub enum TapeError {
    /// One of them cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// They are of different sessions.
    #[error("{} and {} are of different sessions ({first_id}, {second_id}); replay them one by one", first.display(), second.display())]
    Sessions {
        /// One.
        first: PathBuf,
        /// Its session.
        first_id: String,
        /// The other.
        second: PathBuf,
        /// Its session.
        second_id: String,
    },
    /// The same part twice.
    #[error("{} and {} are both part {number} of the session; leave one of them out", first.display(), second.display())]
    SamePart {
        /// One.
        first: PathBuf,
        /// The other.
        second: PathBuf,
        /// The number of both.
        number: u64,
    },
    /// They were recorded at the same time.
    #[error("{} begins at {begins}, before {} ends at {ends}: parts of one session follow one another; replay them one by one", second.display(), first.display())]
    Overlap {
        /// The earlier one.
        first: PathBuf,
        /// Its end.
        ends: String,
        /// The later one.
        second: PathBuf,
        /// Its beginning.
        begins: String,
    },
    /// Nothing in them is from the same source.
    #[error("{} and {} have no source in common, by name and address; replay them one by one", first.display(), second.display())]
    Strangers {
        /// One.
        first: PathBuf,
        /// The other.
        second: PathBuf,
    },
}

impl Tape {
    /// Looks at the files, and puts them into their order.
    ///
    /// # Errors
    /// One cannot be read or was not recorded by ttyscope, or they do not belong together.
    pub fn open(paths: &[PathBuf]) -> Result<Self, TapeError> {
        let mut parts = Vec::new();
        for path in paths {
            parts.push(Part::open(path)?);
        }
        let mut cautions = Vec::new();
        let numbered = parts.iter().all(|part| part.number.is_some());
        match numbered {
            true => parts.sort_by_key(|part| (part.number, part.session.started_unix_ns)),
            false => parts.sort_by_key(|part| part.session.started_unix_ns),
        }
        for pair in parts.windows(2) {
            let [first, second] = pair else { continue };
            cautions.extend(follow(first, second)?);
        }
        let sources = merge(&mut parts);
        Ok(Self {
            parts,
            sources,
            cautions,
        })
    }

    /// All sources, in the order in which the files name them first.
    pub fn sources(&self) -> &[SourceInfo] {
        &self.sources
    }

    /// What has to be said of the files before they are played.
    pub fn cautions(&self) -> &[String] {
        &self.cautions
    }

    /// When the session began, Unix nanoseconds.
    pub(super) fn started_ns(&self) -> u64 {
        self.parts
            .first()
            .map_or(0, |part| part.session.started_unix_ns)
    }
}

/// Its files, for a sentence.
impl fmt::Display for Tape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.parts.as_slice() {
            [only] => write!(f, "{}", only.path.display()),
            [first, ..] => write!(
                f,
                "{} and {} more",
                first.path.display(),
                self.parts.len() - 1
            ),
            [] => f.write_str("no file"),
        }
    }
}

impl Part {
    fn open(path: &Path) -> Result<Self, ReadError> {
        let record = session_record(path)?;
        let io = |error| ReadError::Io {
            path: path.to_owned(),
            error,
        };
        let mut reader = RecordingReader::open(path)?;
        let places = reader.indexed_places().map_err(io)?;
        Ok(Self {
            path: path.to_owned(),
            session: Session::from_map(&record),
            sources: Vec::new(),
            id: record.get("session").filter(|id| !id.is_empty()).cloned(),
            number: record.get("part").and_then(|part| part.parse().ok()),
            ended_ns: places
                .and_then(|places| places.iter().map(|place| place.last_ns).max())
                .filter(|last_ns| *last_ns > 0),
        })
    }
}

/// Whether `second` can follow `first`; what has to be said of it.
fn follow(first: &Part, second: &Part) -> Result<Option<String>, TapeError> {
    let (first_path, second_path) = (first.path.clone(), second.path.clone());
    let is_one_session = match (&first.id, &second.id) {
        (Some(one), Some(other)) if one != other => {
            return Err(TapeError::Sessions {
                first: first_path,
                first_id: PlainText::from_peer(one).to_string(),
                second: second_path,
                second_id: PlainText::from_peer(other).to_string(),
            });
        }
        (Some(_), Some(_)) => true,
        _ => false,
    };
    match (first.number, second.number) {
        (Some(one), Some(other)) if is_one_session && one == other => {
            return Err(TapeError::SamePart {
                first: first_path,
                second: second_path,
                number: one,
            });
        }
        // Its parts follow one another whatever the clock did meanwhile.
        (Some(one), Some(other)) if is_one_session => {
            let missing = other.saturating_sub(one).saturating_sub(1);
            let caution = || {
                let between = format!("between part {one} and part {other} of the session");
                match missing {
                    1 => format!("a file is missing {between}"),
                    many => format!("{many} files are missing {between}"),
                }
            };
            return Ok((missing > 0).then(caution));
        }
        _ => {}
    }
    let begins = second.session.started_unix_ns;
    if let Some(ends) = first
        .ended_ns
        .filter(|ends| begins.saturating_add(OVERLAP_NS) < *ends)
    {
        return Err(TapeError::Overlap {
            first: first_path,
            ends: rfc3339(ends),
            second: second_path,
            begins: rfc3339(begins),
        });
    }
    let mut known = first.session.sources.iter();
    let is_known = known.any(|one| {
        let mut others = second.session.sources.iter();
        others.any(|other| other.name == one.name && other.address == one.address)
    });
    if !is_known && !is_one_session {
        return Err(TapeError::Strangers {
            first: first_path,
            second: second_path,
        });
    }
    Ok(None)
}

/// One list of the sources of all parts; each part learns where its own are in it.
fn merge(parts: &mut [Part]) -> Vec<SourceInfo> {
    let mut all: Vec<SourceInfo> = Vec::new();
    for part in parts {
        for source in replayed(&part.session) {
            let known = all
                .iter()
                .position(|there| there.name == source.name && there.address == source.address);
            part.sources.push(known.unwrap_or(all.len()));
            // Sources of one file are within the numbers; those of many files have an end too.
            if known.is_none()
                && let Ok(number) = u16::try_from(all.len())
            {
                let id = SourceId(number);
                all.push(SourceInfo { id, ..source });
            }
        }
    }
    all
}
