//! Why a recording could not be read at all.

use std::io;
use std::path::PathBuf;

/// Why a recording could not be read at all. Damage inside a file is not among these: it is
/// reported where it stands, and reading goes on behind it.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The file could not be opened or read.
    #[error("{}: {error}{}", path.display(), hint(error))]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// It is something else than a file.
    #[error("{}: {what}, not a recording; name a file that ends in .mcap", path.display())]
    NotAFile {
        /// What was named.
        path: PathBuf,
        /// What it is.
        what: &'static str,
    },
    /// Nothing was ever written into it.
    #[error("{}: the file is empty: its recorder was ended before it had written anything", path.display())]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// It does not begin as an MCAP file does.
    #[error("{}: not an MCAP file; recordings of ttyscope end in .mcap", path.display())]
    NotMcap {
        /// The file.
        path: PathBuf,
    },
    /// It is an MCAP file of a version that came later.
    #[error("{}: an MCAP file of version {version}, and only version 0 is known; a newer ttyscope may read it", path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// The version, as it is written in the file.
        version: char,
    },
    /// It is an MCAP file that says nothing of its sources.
    #[error("{}: not recorded by ttyscope (there is no \"ttyscope.session\" record); `ttyscope inspect` reads it, replay cannot", path.display())]
    NoSession {
        /// The file.
        path: PathBuf,
    },
}

/// What may be done about it, where that is known.
fn hint(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::PermissionDenied => {
            "; recordings may be read by who made them: read it as that user, or ask for a copy"
        }
        _ => "",
    }
}
