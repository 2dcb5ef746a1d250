//! What is in a folder for recordings, and how something is taken out of it.
//!
//! Only plain files of the folder itself that carry ttyscope's own record of their session count.
//! Links are not followed, and nothing outside the folder is ever named.

use std::collections::BTreeSet;
use std::fs::{self, Metadata};
use std::io;
use std::path::Path;
use std::time::UNIX_EPOCH;

use super::decide::{FileState, Recording};
use crate::recorder::is_being_written;
use crate::recording::{MANIFEST_ENDING, Manifest, session_of};

/// How names of recordings end, and of those that are not closed.
const ENDING: &str = ".mcap";
const UNFINISHED: &str = ".partial.mcap";
/// How names of files end that mark another one as to be kept.
const KEEP: &str = ".keep";

/// The recordings of ttyscope in `dir`.
///
/// # Errors
/// The folder cannot be read.
pub fn look(dir: &Path) -> io::Result<Vec<Recording>> {
    let mut plain = Vec::new();
    let mut names = BTreeSet::new();
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        // One that is gone by now, or has a name of another kind than ours.
        let Ok(name) = entry.file_name().into_string() else {
            continue;
        };
        // Of a link this is the link itself.
        if let Ok(about) = entry.metadata()
            && about.is_file()
        {
            plain.push((name.clone(), about));
        }
        names.insert(name);
    }
    let mut recordings: Vec<Recording> = plain
        .iter()
        .filter(|(name, _)| name.ends_with(ENDING))
        .filter_map(|(name, about)| recording(dir, name, about, &names))
        .collect();
    let manifests: Vec<Recording> = plain
        .iter()
        .filter_map(|(name, about)| {
            let base = name.strip_suffix(MANIFEST_ENDING)?;
            let mut parts = recordings.iter();
            let part = parts.find(|recording| Manifest::base_of(&recording.name) == Some(base))?;
            Some(Recording {
                name: name.clone(),
                session: part.session.clone(),
                size_bytes: about.len(),
                written_unix_ns: written_ns(about),
                state: FileState::Finished,
                is_kept: marks(name).any(|mark| names.contains(&mark)),
                is_manifest: true,
            })
        })
        .collect();
    recordings.extend(manifests);
    Ok(recordings)
}

fn recording(
    dir: &Path,
    name: &str,
    about: &Metadata,
    names: &BTreeSet<String>,
) -> Option<Recording> {
    let path = dir.join(name);
    // Files of others have none.
    let session = session_of(&path).ok()?;
    if session.version.is_empty() {
        return None;
    }
    let state = match (name.ends_with(UNFINISHED), is_being_written(&path)) {
        // Where nobody can tell, a file that is not closed may still be written.
        (_, Ok(true)) | (true, Err(_)) => FileState::Written,
        (true, Ok(false)) => FileState::Torn,
        (false, _) => FileState::Finished,
    };
    Some(Recording {
        name: name.to_owned(),
        session: match session.id.is_empty() {
            true => name.to_owned(),
            false => session.id,
        },
        size_bytes: about.len(),
        written_unix_ns: written_ns(about),
        state,
        is_kept: marks(name).any(|mark| names.contains(&mark)),
        is_manifest: false,
    })
}

/// The names of files that mark this one as to be kept: by its own name, with its ending or
/// without, or by that of its whole recording.
fn marks(name: &str) -> impl Iterator<Item = String> {
    let names = [
        Some(name),
        name.strip_suffix(ENDING),
        Manifest::base_of(name),
        name.strip_suffix(MANIFEST_ENDING),
    ];
    names.into_iter().flatten().map(|of| format!("{of}{KEEP}"))
}

fn written_ns(about: &Metadata) -> u64 {
    let since = about.modified().ok();
    let since = since.and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    since.map_or(0, |since| {
        u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
    })
}

/// Takes a file out of the folder, if it is still the one that was seen and nobody has marked it
/// or writes it by now.
///
/// # Errors
/// It is another one, or the system refuses.
pub fn remove(dir: &Path, seen: &Recording) -> io::Result<()> {
    let path = dir.join(&seen.name);
    let about = fs::symlink_metadata(&path)?;
    let is_same = about.is_file()
        && about.len() == seen.size_bytes
        && written_ns(&about) == seen.written_unix_ns;
    let is_kept = marks(&seen.name).any(|mark| fs::symlink_metadata(dir.join(mark)).is_ok());
    if !is_same || is_kept || is_being_written(&path).unwrap_or(false) {
        return Err(io::Error::other("it has changed since it was looked at"));
    }
    fs::remove_file(&path)
}
