//! How others know that a recording is still being written: its recorder holds an advisory lock on
//! the file as long as it has it open, and the system takes that back however the recorder ends.
//!
//! Only on Unix: elsewhere such a lock would keep readers out.

use std::fs::File;
use std::io;
use std::path::Path;

/// Who looks whether a file is locked holds it for a moment; so often is it tried again.
#[cfg(unix)]
const ATTEMPTS: u32 = 200;
/// And so long waited in between.
#[cfg(unix)]
const PAUSE: std::time::Duration = std::time::Duration::from_millis(5);

/// Marks a file as being written, for as long as it is open. A file system without locks leaves it
/// unmarked.
pub(super) fn mark(file: &File) {
    #[cfg(unix)]
    for _ in 0..ATTEMPTS {
        match file.try_lock() {
            Err(std::fs::TryLockError::WouldBlock) => std::thread::sleep(PAUSE),
            Ok(()) | Err(std::fs::TryLockError::Error(_)) => return,
        }
    }
    #[cfg(not(unix))]
    let _ = file;
}

/// Whether a recorder of this or any other process on this machine is writing that file now. What
/// is no plain file is not. Does not wait, and changes nothing.
///
/// # Errors
/// The file cannot be opened, or its file system knows no locks: then nobody can tell.
#[cfg(unix)]
pub fn is_being_written(path: &Path) -> io::Result<bool> {
    use std::fs::{OpenOptions, TryLockError};
    use std::os::unix::fs::OpenOptionsExt as _;

    // Opening a pipe would wait for who writes into it.
    let no_wait = rustix::fs::OFlags::NONBLOCK.bits().cast_signed();
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(no_wait)
        .open(path)?;
    if !file.metadata()?.is_file() {
        return Ok(false);
    }
    match file.try_lock_shared() {
        Ok(()) => Ok(false),
        Err(TryLockError::WouldBlock) => Ok(true),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// The same where nobody can tell.
///
/// # Errors
/// Always.
#[cfg(not(unix))]
pub fn is_being_written(_path: &Path) -> io::Result<bool> {
    Err(io::ErrorKind::Unsupported.into())
}

#[cfg(all(test, unix))]
mod tests {
    use std::io::Write as _;

    use super::*;
    use crate::recorder::{Disk, Storage as _};

    #[test]
    fn a_file_is_being_written_until_its_recorder_lets_go() {
        let dir = tempfile::tempdir().unwrap();
        let (partial, last) = (dir.path().join("a.partial.mcap"), dir.path().join("a.mcap"));
        let mut file = Disk.create(&partial).unwrap();
        file.write_all(b"begun").unwrap();
        file.sync().unwrap();
        assert!(is_being_written(&partial).unwrap());
        // Whoever looked left nothing behind, and reading goes on as ever.
        assert!(is_being_written(&partial).unwrap());
        assert_eq!(std::fs::read(&partial).unwrap(), b"begun");
        // Taking something back opens the file a second time.
        file.cut(2).unwrap();
        assert!(is_being_written(&partial).unwrap());
        Disk.rename(&partial, &last).unwrap();
        assert!(is_being_written(&last).unwrap());
        drop(file);
        assert!(!is_being_written(&last).unwrap());
    }

    #[test]
    fn what_is_no_file_is_not_being_written() {
        let dir = tempfile::tempdir().unwrap();
        assert!(!is_being_written(dir.path()).unwrap());
        let missing = is_being_written(&dir.path().join("missing"));
        assert_eq!(missing.unwrap_err().kind(), io::ErrorKind::NotFound);
        let pipe = dir.path().join("pipe");
        rustix::fs::mkfifoat(rustix::fs::CWD, &pipe, rustix::fs::Mode::RUSR).unwrap();
        assert!(!is_being_written(&pipe).unwrap());
    }
}
