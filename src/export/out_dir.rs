//! The folder that an export is written into: names that stay in it, files that are whole or not
//! there, and never one that replaces another.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use super::{ExportError, ExportedFile};
use crate::recording::files::{create_private, give_name, is_there, make_private_dir};
use crate::recording::{Topics, part};

const BUFFER_BYTES: usize = 64 * 1024;

/// The longest name of a file without its ending, in bytes; systems take 255.
const MAX_STEM: usize = 200;

/// A folder for the files of one export.
#[derive(Debug)]
pub struct OutDir {
    dir: PathBuf,
    names: Topics,
}

impl OutDir {
    /// Makes the folder if it is missing.
    ///
    /// # Errors
    /// It cannot be made, or there is something else of that name.
    pub fn make(dir: &Path) -> Result<Self, ExportError> {
        let made = make_private_dir(dir);
        made.map_err(|error| ExportError::Disk {
            path: dir.to_owned(),
            error,
        })?;
        Ok(Self {
            dir: dir.to_owned(),
            names: Topics::default(),
        })
    }

    /// The first file in the folder that ends like this: what an earlier export left, which would
    /// be mixed up with the files of this one.
    ///
    /// # Errors
    /// There is one, or the folder cannot be read.
    pub fn refuse_others(&self, ending: &str) -> Result<(), ExportError> {
        let disk = |error| ExportError::at(&self.dir, error);
        for entry in fs::read_dir(&self.dir).map_err(disk)? {
            let path = entry.map_err(disk)?.path();
            if path.extension().is_some_and(|found| found == ending) {
                return Err(ExportError::Taken { path });
            }
        }
        Ok(())
    }

    /// A new file `STEM.ENDING`, which has that name only when it is [finished](OutFile::finish).
    /// What of `stem` may not stand in a name is replaced; a stem that was given before gets a
    /// number.
    ///
    /// # Errors
    /// There is such a file, or it cannot be made.
    pub fn create(&mut self, stem: &str, ending: &str) -> Result<OutFile, ExportError> {
        let stem = self.name(stem);
        let last = self.dir.join(format!("{stem}.{ending}"));
        let partial = self.dir.join(format!("{stem}.{ending}.partial"));
        if is_there(&last) {
            return Err(ExportError::Taken { path: last });
        }
        let file = create_private(&partial).map_err(|error| ExportError::at(&partial, error))?;
        Ok(OutFile {
            file: Some(BufWriter::with_capacity(BUFFER_BYTES, file)),
            partial,
            last,
            is_finished: false,
        })
    }

    /// Parts of topics become parts of names. Some systems take `A` and `a` for the same name.
    fn name(&mut self, stem: &str) -> String {
        let parts: Vec<String> = stem
            .split('/')
            .filter(|text| !text.is_empty())
            .map(part)
            .collect();
        let mut name = parts.join(".");
        if name.len() > MAX_STEM || name.is_empty() {
            name.truncate(MAX_STEM);
            name = format!("{name}-{:08x}", crc32fast::hash(stem.as_bytes()));
        }
        let claimed = self.names.claim(&name.to_ascii_lowercase());
        let number = claimed.get(name.len()..).unwrap_or_default();
        format!("{name}{number}")
    }
}

/// A file on its way. Dropped before it is finished, nothing is left of it.
#[derive(Debug)]
pub struct OutFile {
    /// `None` while it is [parked](Self::park).
    file: Option<BufWriter<File>>,
    partial: PathBuf,
    last: PathBuf,
    is_finished: bool,
}

impl OutFile {
    /// The name that it will have.
    pub fn path(&self) -> &Path {
        &self.last
    }

    /// Writes out what is buffered and lets go of the file until it is written again: the system
    /// has a bound for open ones.
    ///
    /// # Errors
    /// The disk does not take it.
    pub fn park(&mut self) -> Result<(), ExportError> {
        match self.file.take() {
            Some(mut file) => file
                .flush()
                .map_err(|error| ExportError::at(&self.last, error)),
            None => Ok(()),
        }
    }

    /// Makes what was written survive a loss of power.
    ///
    /// # Errors
    /// The disk does not take it.
    pub fn settle(&mut self) -> Result<(), ExportError> {
        let settled = self.writer().and_then(|file| {
            file.flush()?;
            file.get_ref().sync_data()
        });
        settled.map_err(|error| ExportError::at(&self.last, error))
    }

    /// Gives it its last name. `items` are in it.
    ///
    /// # Errors
    /// The disk does not take it, or there is such a file by now.
    pub fn finish(mut self, items: u64) -> Result<ExportedFile, ExportError> {
        self.settle()?;
        let bytes = self.writer().and_then(|file| file.get_ref().metadata());
        let bytes = bytes.map_err(|error| ExportError::at(&self.last, error))?;
        self.file = None;
        give_name(&self.partial, &self.last).map_err(|error| ExportError::at(&self.last, error))?;
        self.is_finished = true;
        Ok(ExportedFile {
            path: self.last.clone(),
            items,
            bytes: bytes.len(),
        })
    }

    fn writer(&mut self) -> io::Result<&mut BufWriter<File>> {
        let file = match self.file.take() {
            Some(file) => file,
            None => {
                let mut file = OpenOptions::new().write(true).open(&self.partial)?;
                file.seek(SeekFrom::End(0))?;
                BufWriter::with_capacity(BUFFER_BYTES, file)
            }
        };
        Ok(self.file.insert(file))
    }
}

impl Write for OutFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.writer()?.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.as_mut().map_or(Ok(()), Write::flush)
    }
}

impl Seek for OutFile {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.writer()?.seek(to)
    }
}

impl Drop for OutFile {
    fn drop(&mut self) {
        if !self.is_finished {
            // It holds nothing that the recording does not.
            let _ = self.file.take().map(BufWriter::into_parts);
            let _ = fs::remove_file(&self.partial);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(dir: &Path) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(dir)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn a_file_is_whole_or_not_there_and_replaces_none() {
        let dir = tempfile::tempdir().unwrap();
        let mut out = OutDir::make(&dir.path().join("a/b")).unwrap();
        let inner = dir.path().join("a/b");
        drop(out.create("/scope/log", "csv").unwrap());
        assert!(names(&inner).is_empty());
        let mut file = out.create("/scope/readings", "csv").unwrap();
        file.write_all(b"one ").unwrap();
        file.park().unwrap();
        file.write_all(b"two").unwrap();
        assert_eq!(names(&inner), ["scope.readings.csv.partial"]);
        let finished = file.finish(2).unwrap();
        assert_eq!((finished.items, finished.bytes), (2, 7));
        assert_eq!(fs::read(&finished.path).unwrap(), b"one two");
        assert_eq!(names(&inner), ["scope.readings.csv"]);
        let again = OutDir::make(&inner)
            .unwrap()
            .create("scope/readings", "csv");
        assert!(matches!(again, Err(ExportError::Taken { .. })));
        let other = OutDir::make(&inner).unwrap();
        assert!(other.refuse_others("csv").is_err());
        other.refuse_others("jsonl").unwrap();
    }

    #[test]
    fn no_name_leaves_the_folder_or_meets_another() {
        let dir = tempfile::tempdir().unwrap();
        let mut out = OutDir::make(dir.path()).unwrap();
        let long = format!("/{}", "x/".repeat(500));
        let hostile = [
            "/../../etc/passwd",
            "..",
            "",
            "/a/b",
            "/a.b",
            "/A/B",
            "\u{1b}[2J/\0",
            "C:\\x",
            &long,
        ];
        let files: Vec<OutFile> = hostile
            .iter()
            .map(|stem| out.create(stem, "csv").unwrap())
            .collect();
        for file in &files {
            assert_eq!(file.path().parent(), Some(dir.path()));
        }
        let lower: std::collections::BTreeSet<String> = names(dir.path())
            .iter()
            .map(|name| name.to_ascii_lowercase())
            .collect();
        assert_eq!(lower.len(), hostile.len());
    }
}
