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
use crate::recording::session_of;

/// How names of recordings end, and of those that are not closed.
const ENDING: &str = ".mcap";
const UNFINISHED: &str = ".partial.mcap";
/// How names of the lists of a session's parts end.
const MANIFEST: &str = ".manifest.json";
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
            let base = name.strip_suffix(MANIFEST)?;
            let mut parts = recordings.iter();
            let part = parts.find(|recording| base_of(&recording.name) == base)?;
            Some(Recording {
                name: name.clone(),
                session: part.session.clone(),
                size_bytes: about.len(),
                written_unix_ns: written_ns(about),
                state: FileState::Finished,
                is_kept: names.contains(&format!("{name}{KEEP}")),
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
    let stem = name.strip_suffix(ENDING).unwrap_or(name);
    let marks = [name, stem, base_of(name)].map(|of| format!("{of}{KEEP}"));
    Some(Recording {
        name: name.to_owned(),
        session: match session.id.is_empty() {
            true => name.to_owned(),
            false => session.id,
        },
        size_bytes: about.len(),
        written_unix_ns: written_ns(about),
        state,
        is_kept: marks.iter().any(|mark| names.contains(mark)),
        is_manifest: false,
    })
}

/// What the names of all parts of a session begin with: `BASE` of `BASE.mcap` and
/// `BASE.part00002.mcap`, closed or not.
fn base_of(name: &str) -> &str {
    let stem = name.strip_suffix(ENDING).unwrap_or(name);
    let stem = stem.strip_suffix(".partial").unwrap_or(stem);
    match stem.rsplit_once(".part") {
        Some((base, number))
            if !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()) =>
        {
            base
        }
        _ => stem,
    }
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
    let stem = seen.name.strip_suffix(ENDING).unwrap_or(&seen.name);
    let marks = [seen.name.as_str(), stem, base_of(&seen.name)];
    let is_kept = marks
        .iter()
        .any(|of| fs::symlink_metadata(dir.join(format!("{of}{KEEP}"))).is_ok());
    if !is_same || is_kept || is_being_written(&path).unwrap_or(false) {
        return Err(io::Error::other("it has changed since it was looked at"));
    }
    fs::remove_file(&path)
}
