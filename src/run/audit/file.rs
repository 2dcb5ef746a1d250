//! The file of the audit log: made for its owner alone, refused if anybody else could change it.

use std::fs::{DirBuilder, File, Metadata};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, FileExt, MetadataExt};
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;

/// Where lines are appended. The real one is a file; tests need one that fails.
pub(super) trait LogFile: Send {
    /// Whether lines still go where the path says.
    fn is_current(&self) -> bool;

    /// Appends whole lines and makes them survive a loss of power.
    ///
    /// # Errors
    /// They are not, or not all, in it.
    fn append(&mut self, lines: &str) -> io::Result<()>;
}

/// Opens the file, again after each failure.
pub(super) type Opener = Box<dyn FnMut() -> io::Result<Box<dyn LogFile>> + Send>;

/// Opens the file at `path`.
pub(super) fn opener(path: Option<PathBuf>) -> Opener {
    Box::new(move || match &path {
        Some(path) => Ok(Box::new(AuditFile::open(path)?)),
        None => Err(io::Error::other(
            "no folder for it is known; set HOME or XDG_STATE_HOME",
        )),
    })
}

/// The file.
#[derive(Debug)]
struct AuditFile {
    file: File,
    path: PathBuf,
    /// It ends inside a line that somebody did not finish.
    torn: bool,
}

impl AuditFile {
    fn open(path: &Path) -> io::Result<Self> {
        let dir = path.parent().filter(|dir| !dir.as_os_str().is_empty());
        if let Some(dir) = dir {
            DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
        }
        // Without waiting, so that a pipe in its place does not hold the thread.
        let flags = OFlags::RDWR
            | OFlags::APPEND
            | OFlags::CREATE
            | OFlags::NOFOLLOW
            | OFlags::CLOEXEC
            | OFlags::NOCTTY
            | OFlags::NONBLOCK;
        let file = match rustix::fs::open(path, flags, Mode::RUSR | Mode::WUSR) {
            Ok(file) => File::from(file),
            Err(Errno::LOOP) => return Err(io::Error::other("it is a symbolic link")),
            Err(error) => return Err(error.into()),
        };
        let about = file.metadata()?;
        if let Some(why) = objection(&about) {
            return Err(io::Error::other(why));
        }
        let mut last = [b'\n'];
        if let Some(at) = about.len().checked_sub(1) {
            file.read_exact_at(&mut last, at)?;
        } else if let Some(dir) = dir {
            // So that the name survives a loss of power as well. Not every system can do it.
            let _ = File::open(dir).and_then(|dir| dir.sync_all());
        }
        Ok(Self {
            file,
            path: path.to_owned(),
            torn: last != *b"\n",
        })
    }
}

/// Why a file is not trusted.
fn objection(about: &Metadata) -> Option<&'static str> {
    let own = rustix::process::geteuid().as_raw();
    untrusted(about.is_file(), about.uid() == own, about.mode())
}

fn untrusted(is_file: bool, is_own: bool, mode: u32) -> Option<&'static str> {
    if !is_file {
        Some("it is not a regular file")
    } else if !is_own {
        Some("it belongs to another user")
    } else if mode & 0o022 != 0 {
        Some("others may write it; take that right from them with chmod go-w")
    } else {
        None
    }
}

impl LogFile for AuditFile {
    fn is_current(&self) -> bool {
        let (Ok(there), Ok(here)) = (self.path.symlink_metadata(), self.file.metadata()) else {
            return false;
        };
        (there.dev(), there.ino()) == (here.dev(), here.ino()) && objection(&there).is_none()
    }

    fn append(&mut self, lines: &str) -> io::Result<()> {
        // In one piece: another program may append to it too.
        if self.torn {
            self.file.write_all(format!("\n{lines}").as_bytes())?;
            self.torn = false;
        } else {
            self.file.write_all(lines.as_bytes())?;
        }
        self.file.sync_data()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_regular_file_that_nobody_else_may_write_is_trusted() {
        assert_eq!(untrusted(true, true, 0o100_600), None);
        // Who may read it is its owner's affair.
        assert_eq!(untrusted(true, true, 0o100_644), None);
        for (is_file, is_own, mode) in [
            (false, true, 0o600),
            (true, false, 0o600),
            (true, true, 0o620),
            (true, true, 0o602),
        ] {
            let why = untrusted(is_file, is_own, mode);
            assert!(why.is_some(), "{is_file} {is_own} {mode:o}");
        }
    }
}
