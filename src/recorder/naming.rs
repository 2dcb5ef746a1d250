//! What recordings are called, while they are written and afterwards.

use std::io;
use std::path::{Path, PathBuf};

use super::storage::{RecordFile, Storage};
use crate::pipeline::RecordingPlan;

/// Recordings begun within one second by one name.
const MAX_NAMES: u32 = 1000;

/// Makes the file of a recording, under a name that is free.
///
/// # Errors
/// It cannot be made; the path is what was tried.
pub fn create(
    storage: &dyn Storage,
    dir: &Path,
    stem: &str,
    unix_ns: u64,
) -> Result<(PathBuf, Box<dyn RecordFile>), (PathBuf, io::Error)> {
    let mut path = dir.to_owned();
    for attempt in 1..=MAX_NAMES {
        let stem = file_stem(stem, unix_ns, attempt);
        path = partial_path(dir, &stem);
        if storage.exists(&final_path(dir, &stem)) {
            continue;
        }
        match storage.create(&path) {
            Ok(file) => return Ok((path, file)),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err((path, error)),
        }
    }
    Err((path, io::ErrorKind::AlreadyExists.into()))
}

/// Gives a finished recording its last name, and returns that.
///
/// # Errors
/// The name cannot be given.
pub fn name_finished(
    storage: &dyn Storage,
    partial: &Path,
    plan: &RecordingPlan,
    unix_ns: u64,
) -> io::Result<PathBuf> {
    // The name that goes with the partial one first, then the next that are free.
    let own = partial
        .file_name()
        .map(|name| name.to_string_lossy().replace(".partial.mcap", ""))
        .unwrap_or_default();
    let others = (1..=MAX_NAMES).map(|attempt| file_stem(&plan.stem, unix_ns, attempt));
    for stem in std::iter::once(own).chain(others) {
        let path = final_path(&plan.dir, &stem);
        match storage.rename(partial, &path) {
            Ok(()) => return Ok(path),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::ErrorKind::AlreadyExists.into())
}

/// A name as it may stand in a file's name on any system: what could not becomes `_`, and it stays
/// in its folder. At most 65 characters.
pub fn safe_name(name: &str) -> String {
    let mut safe: String = name
        .chars()
        .map(|c| match c {
            c if c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-') => c,
            _ => '_',
        })
        .take(64)
        .collect();
    if safe.is_empty() || safe.starts_with(['.', '-']) {
        safe.insert(0, '_');
    }
    safe
}

/// The name of a recording begun at `unix_ns` without its ending, e.g.
/// `scope-2026-11-20T140322Z`, and `-2` and so on behind it for `attempt` 2 and so on.
fn file_stem(stem: &str, unix_ns: u64, attempt: u32) -> String {
    let safe = safe_name(stem);
    let time = jiff::Timestamp::from_nanosecond(i128::from(unix_ns)).map_or_else(
        |_| unix_ns.to_string(),
        |time| time.strftime("%Y-%m-%dT%H%M%SZ").to_string(),
    );
    match attempt {
        0 | 1 => format!("{safe}-{time}"),
        _ => format!("{safe}-{time}-{attempt}"),
    }
}

/// The path while it is being written.
fn partial_path(dir: &Path, stem: &str) -> PathBuf {
    dir.join(format!("{stem}.partial.mcap"))
}

/// The path once it is finished.
fn final_path(dir: &Path, stem: &str) -> PathBuf {
    dir.join(format!("{stem}.mcap"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_name_says_when_it_began_and_stays_in_its_folder() {
        let at = 1_795_183_402_000_000_000;
        let cases = [
            ("scope", 1, "scope-2026-11-20T140322Z"),
            ("scope", 2, "scope-2026-11-20T140322Z-2"),
            ("../../etc/x", 1, "_.._.._etc_x-2026-11-20T140322Z"),
            ("", 1, "_-2026-11-20T140322Z"),
            ("a\u{1b}[2J b", 1, "a__2J_b-2026-11-20T140322Z"),
        ];
        for (stem, attempt, name) in cases {
            assert_eq!(file_stem(stem, at, attempt), name);
        }
    }
}
