//! What a recording holds and what is missing in it.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::read_error::ReadError;
use crate::model::SourceInfo;

/// What `inspect` says about a file.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Summary {
    /// The file.
    pub path: PathBuf,
    /// Finished cleanly, undamaged, and everything the recorder accepted is in it.
    pub complete: bool,
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.path.display())
    }
}

/// Reads a whole file, finished or not, and says what is in it.
///
/// # Errors
/// The file cannot be read at all or is no MCAP file.
pub fn inspect(path: &Path) -> Result<Summary, ReadError> {
    Ok(Summary {
        path: path.to_owned(),
        complete: false,
    })
}

/// The sources a recording was made of, as sources of a replay: in the recorded order, with
/// `Origin::Replay`.
///
/// # Errors
/// The file cannot be read, or was not recorded by ttyscope.
pub fn sources_of(path: &Path) -> Result<Vec<SourceInfo>, ReadError> {
    Err(ReadError::NoSession {
        path: path.to_owned(),
    })
}
