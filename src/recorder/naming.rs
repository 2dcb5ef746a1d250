//! What the files of a recording are called, while they are written and afterwards.
//!
//! `BASE.mcap` where there is one, `BASE.part00001.mcap` and so on where there are several, and
//! `BASE.manifest.json` beside them. `BASE` is chosen once, so it says when the recording began,
//! whatever the wall clock does later; names sort in the order of the parts.

use std::io;
use std::path::{Path, PathBuf};

use super::storage::{RecordFile, Storage};
use crate::recording::MANIFEST_ENDING;

/// Recordings begun within one second by one name, and files that took the name of a part.
const MAX_NAMES: u32 = 1000;

/// The names of one recording.
#[derive(Clone, Debug)]
pub struct Names {
    dir: PathBuf,
    base: String,
}

/// A file that was made: where it is while it is written, and itself.
pub type Made = (PathBuf, Box<dyn RecordFile>);

impl Names {
    /// Makes the first file of a recording, and with it claims names that are free. Until it is
    /// finished it is called the same whether others will follow it or not.
    ///
    /// - `mark`: stands behind the name and tells what is no usual recording, e.g. `.blackbox`
    ///
    /// # Errors
    /// It cannot be made; the path is what was tried.
    pub fn claim(
        storage: &dyn Storage,
        dir: &Path,
        stem: &str,
        mark: &str,
        unix_ns: u64,
    ) -> Result<(Self, Made), (PathBuf, io::Error)> {
        let mut path = dir.to_owned();
        for attempt in 1..=MAX_NAMES {
            let names = Self {
                dir: dir.to_owned(),
                base: file_stem(stem, unix_ns, attempt) + mark,
            };
            path = names.partial(&names.base);
            let later = [
                names.last(&names.base),
                names.last(&part_stem(&names.base, 1)),
                names.manifest(),
            ];
            if later.iter().any(|path| storage.exists(path)) {
                continue;
            }
            match storage.create(&path) {
                Ok(file) => return Ok((names, (path, file))),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err((path, error)),
            }
        }
        Err((path, io::ErrorKind::AlreadyExists.into()))
    }

    /// Makes the file of a later part, under a name that is free.
    ///
    /// # Errors
    /// It cannot be made; the path is what was tried.
    pub fn next(&self, storage: &dyn Storage, part: u32) -> Result<Made, (PathBuf, io::Error)> {
        let own = part_stem(&self.base, part);
        let mut path = self.partial(&own);
        for stem in alternatives(&own) {
            path = self.partial(&stem);
            if storage.exists(&self.last(&stem)) {
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

    /// Gives a finished file its last name, and returns that. `part`: which one of several it is;
    /// `None` for the only one.
    ///
    /// # Errors
    /// The name cannot be given.
    pub fn finish(
        &self,
        storage: &dyn Storage,
        partial: &Path,
        part: Option<u32>,
    ) -> io::Result<PathBuf> {
        // The name that goes with the partial one first, then the next that are free.
        let own = match part {
            None => self.base.clone(),
            Some(part) => part_stem(&self.base, part),
        };
        for stem in alternatives(&own) {
            let path = self.last(&stem);
            match storage.rename(partial, &path) {
                Ok(()) => return Ok(path),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
        Err(io::ErrorKind::AlreadyExists.into())
    }

    /// Where the recording's manifest is.
    pub fn manifest(&self) -> PathBuf {
        self.dir.join(format!("{}{MANIFEST_ENDING}", self.base))
    }

    /// What all its names begin with.
    pub fn base(&self) -> &str {
        &self.base
    }

    /// The path of a file while it is being written.
    fn partial(&self, stem: &str) -> PathBuf {
        self.dir.join(format!("{stem}.partial.mcap"))
    }

    /// The path of a file once it is finished.
    fn last(&self, stem: &str) -> PathBuf {
        self.dir.join(format!("{stem}.mcap"))
    }
}

/// Five digits, so that the parts of years sort.
fn part_stem(base: &str, part: u32) -> String {
    format!("{base}.part{part:05}")
}

fn alternatives(own: &str) -> impl Iterator<Item = String> {
    let numbered = (2..=MAX_NAMES).map(move |number| format!("{own}-{number}"));
    std::iter::once(own.to_owned()).chain(numbered)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recorder::Disk;
    use crate::recording::Manifest;

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

    #[test]
    fn no_name_is_given_twice() {
        let dir = tempfile::tempdir().unwrap();
        let at = 1_795_183_402_000_000_000;
        let base = "scope-2026-11-20T140322Z";
        let name = |path: &Path| path.file_name().unwrap().to_str().unwrap().to_owned();
        let touch = |name: String| std::fs::write(dir.path().join(name), "other").unwrap();
        // Each of these is another recording's.
        touch(format!("{base}.mcap"));
        touch(format!("{base}-2.part00001.mcap"));
        touch(format!("{base}-3.manifest.json"));
        touch(format!("{base}-4.partial.mcap"));
        let (names, (first, _)) = Names::claim(&Disk, dir.path(), "scope", "", at).unwrap();
        assert_eq!(name(&first), format!("{base}-5.partial.mcap"));
        let (second, _) = names.next(&Disk, 2).unwrap();
        assert_eq!(name(&second), format!("{base}-5.part00002.partial.mcap"));
        touch(format!("{base}-5.part00003.mcap"));
        let (third, _) = names.next(&Disk, 3).unwrap();
        assert_eq!(name(&third), format!("{base}-5.part00003-2.partial.mcap"));
        touch(format!("{base}-5.part00001.mcap"));
        let first = names.finish(&Disk, &first, Some(1)).unwrap();
        assert_eq!(name(&first), format!("{base}-5.part00001-2.mcap"));
        let manifest = name(&names.manifest());
        assert_eq!(manifest, format!("{base}-5.manifest.json"));
        for file in [first, second, third] {
            assert_eq!(Manifest::path_beside(&file), Some(names.manifest()));
        }
    }
}
