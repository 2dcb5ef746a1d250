//! Files of recordings: their names, their rights, and the one seam that tests need to make a
//! disk fail.

use std::fs::{self, File};
use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use super::lock;
use crate::recording::files;

/// Records are written field by field; chunks are larger than this and pass it by.
const BUFFER_BYTES: usize = 64 * 1024;

/// Where recordings go. The real one is [`Disk`].
pub trait Storage: Send + Sync {
    /// Makes the folder if it is missing.
    ///
    /// # Errors
    /// It cannot be made.
    fn make_dir(&self, dir: &Path) -> io::Result<()>;

    /// Makes a file that nobody else may read, marked as being written as long as it is open (see
    /// [`is_being_written`](super::is_being_written)). Never opens one that is there already.
    ///
    /// # Errors
    /// It is there already (`AlreadyExists`) or cannot be made.
    fn create(&self, path: &Path) -> io::Result<Box<dyn RecordFile>>;

    /// Gives a finished file its last name, unless that is taken.
    ///
    /// # Errors
    /// The name is taken (`AlreadyExists`) or cannot be given.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Takes away a file that came to nothing.
    ///
    /// # Errors
    /// It is not there, or cannot be taken away.
    fn remove(&self, path: &Path) -> io::Result<()>;

    /// Whether something of that name is there.
    fn exists(&self, path: &Path) -> bool;

    /// Opens a file for reading what was written into it, while it is written or afterwards.
    ///
    /// # Errors
    /// It cannot be read.
    fn read(&self, path: &Path) -> io::Result<Box<dyn Read + Send>> {
        Ok(Box::new(File::open(path)?))
    }

    /// Puts a file that nobody else may read in place of the one of that name, if there is one:
    /// whatever happens meanwhile, the old one or the new one is there, and whole.
    ///
    /// # Errors
    /// The new one cannot be made; the old one is as it was.
    fn replace(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let mut new = path.as_os_str().to_owned();
        new.push(".new");
        let new = PathBuf::from(new);
        // One that a killed process has left behind.
        let _ = fs::remove_file(&new);
        let mut file = files::create_private(&new)?;
        let done = file
            .write_all(bytes)
            .and_then(|()| file.sync_all())
            .and_then(|()| fs::rename(&new, path));
        match done {
            Ok(()) => files::sync_folder_of(path),
            Err(_) => {
                let _ = fs::remove_file(&new);
            }
        }
        done
    }

    /// Bytes that may still be written in a folder; `None` where that cannot be asked.
    fn free_bytes(&self, _dir: &Path) -> Option<u64> {
        None
    }
}

/// A file that is being recorded into.
pub trait RecordFile: Write + Send {
    /// Makes what was flushed survive a loss of power.
    ///
    /// # Errors
    /// The disk did not take it.
    fn sync(&mut self) -> io::Result<()>;

    /// Takes back everything behind the first `len` bytes, what is buffered too; the next write
    /// goes there.
    ///
    /// # Errors
    /// It cannot be taken back.
    fn cut(&mut self, _len: u64) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    /// Ends the file with these bytes in place of everything behind the first `len`, what is
    /// buffered too, and makes that durable.
    ///
    /// # Errors
    /// The disk does not even take that; then the file may have any end.
    fn end_with(&mut self, len: u64, bytes: &[u8]) -> io::Result<()> {
        self.cut(len)?;
        self.write_all(bytes)?;
        self.sync()
    }

    /// Holds room on the disk for the `bytes` behind the first `len`, so that nobody else can take
    /// it. The file does not become longer.
    ///
    /// # Errors
    /// There is no such room (a full disk or a quota), or it cannot be held here (`Unsupported`).
    fn hold(&mut self, _len: u64, _bytes: u64) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    /// Gives back the room held behind the first `len` bytes, which are the whole file.
    ///
    /// # Errors
    /// It stays held.
    fn release(&mut self, _len: u64) -> io::Result<()> {
        Ok(())
    }
}

/// The file system.
#[derive(Clone, Copy, Debug, Default)]
pub struct Disk;

impl Storage for Disk {
    fn make_dir(&self, dir: &Path) -> io::Result<()> {
        files::make_private_dir(dir)
    }

    fn create(&self, path: &Path) -> io::Result<Box<dyn RecordFile>> {
        let file = files::create_private(path)?;
        lock::mark(&file);
        Ok(Box::new(BufWriter::with_capacity(BUFFER_BYTES, file)))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        files::give_name(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn exists(&self, path: &Path) -> bool {
        files::is_there(path)
    }

    #[cfg(unix)]
    fn free_bytes(&self, dir: &Path) -> Option<u64> {
        // What is left for who is not root.
        let about = rustix::fs::statvfs(dir).ok()?;
        about.f_bavail.checked_mul(about.f_frsize)
    }
}

impl RecordFile for BufWriter<File> {
    fn sync(&mut self) -> io::Result<()> {
        self.flush()?;
        self.get_ref().sync_data()
    }

    fn cut(&mut self, len: u64) -> io::Result<()> {
        let file = self.get_ref().try_clone()?;
        let old = std::mem::replace(self, BufWriter::with_capacity(BUFFER_BYTES, file));
        // What was buffered goes with it unwritten, which dropping it would not do.
        let _ = old.into_parts();
        self.get_ref().set_len(len)?;
        self.get_mut().seek(SeekFrom::Start(len))?;
        Ok(())
    }

    fn end_with(&mut self, len: u64, bytes: &[u8]) -> io::Result<()> {
        let file = self.get_ref().try_clone()?;
        let old = std::mem::replace(self, BufWriter::with_capacity(BUFFER_BYTES, file));
        let _ = old.into_parts();
        // Written over what is to go, and only then cut: room that is given back on a full disk is
        // taken by whoever waits for it.
        self.get_mut().seek(SeekFrom::Start(len))?;
        self.get_mut().write_all(bytes)?;
        self.get_ref().set_len(len + bytes.len() as u64)?;
        self.get_ref().sync_data()
    }

    #[cfg(target_os = "linux")]
    fn hold(&mut self, len: u64, bytes: u64) -> io::Result<()> {
        use rustix::fs::{FallocateFlags, fallocate};
        let held = fallocate(self.get_ref(), FallocateFlags::KEEP_SIZE, len, bytes);
        held.map_err(|errno| match errno {
            rustix::io::Errno::OPNOTSUPP => io::ErrorKind::Unsupported.into(),
            other => other.into(),
        })
    }

    fn release(&mut self, len: u64) -> io::Result<()> {
        self.get_ref().set_len(len)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_taken_name_is_never_given_again() {
        let dir = tempfile::tempdir().unwrap();
        let (from, to) = (dir.path().join("a"), dir.path().join("b"));
        Disk.create(&from).unwrap().write_all(b"new").unwrap();
        assert!(Disk.create(&from).is_err());
        fs::write(&to, b"old").unwrap();
        let error = Disk.rename(&from, &to).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read(&to).unwrap(), b"old");
        fs::remove_file(&to).unwrap();
        Disk.rename(&from, &to).unwrap();
        assert!(!Disk.exists(&from));
    }

    #[test]
    fn what_is_taken_back_is_gone_buffered_or_not() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a");
        let mut file = Disk.create(&path).unwrap();
        file.write_all(b"kept gone").unwrap();
        file.flush().unwrap();
        file.write_all(b" too").unwrap();
        file.cut(4).unwrap();
        file.write_all(b" end").unwrap();
        file.sync().unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"kept end");
    }

    #[test]
    fn an_end_takes_the_place_of_what_was_torn() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a");
        for end in [&b" end"[..], b" and much more than was torn"] {
            let mut file = Disk.create(&path).unwrap();
            file.write_all(b"kept torn").unwrap();
            file.flush().unwrap();
            file.write_all(b" buffered").unwrap();
            file.end_with(4, end).unwrap();
            assert_eq!(fs::read(&path).unwrap(), [b"kept", end].concat());
            fs::remove_file(&path).unwrap();
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn room_that_is_held_makes_no_file_longer() {
        use std::os::unix::fs::MetadataExt as _;
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a");
        let mut file = Disk.create(&path).unwrap();
        file.write_all(b"kept").unwrap();
        file.flush().unwrap();
        match file.hold(4, 1 << 20) {
            // A file system that cannot.
            Err(error) if error.kind() == io::ErrorKind::Unsupported => return,
            held => held.unwrap(),
        }
        let about = fs::metadata(&path).unwrap();
        assert_eq!(about.len(), 4);
        assert!(about.blocks() * 512 >= 1 << 20);
        file.release(4).unwrap();
        let about = fs::metadata(&path).unwrap();
        assert_eq!(about.len(), 4);
        assert!(about.blocks() * 512 < 1 << 20);
    }

    #[cfg(unix)]
    #[test]
    fn a_folder_has_room_and_a_missing_one_has_none() {
        let dir = tempfile::tempdir().unwrap();
        assert!(Disk.free_bytes(dir.path()).is_some());
        assert_eq!(Disk.free_bytes(&dir.path().join("missing")), None);
    }

    #[cfg(unix)]
    #[test]
    fn only_the_owner_may_read_a_recording() {
        use std::os::unix::fs::PermissionsExt as _;
        let dir = tempfile::tempdir().unwrap();
        let inner = dir.path().join("recordings");
        Disk.make_dir(&inner).unwrap();
        let path = inner.join("a");
        drop(Disk.create(&path).unwrap());
        let manifest = inner.join("b");
        Disk.replace(&manifest, b"old").unwrap();
        Disk.replace(&manifest, b"new").unwrap();
        assert_eq!(fs::read(&manifest).unwrap(), b"new");
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&inner), mode(&path)), (0o700, 0o600));
        assert_eq!(mode(&manifest), 0o600);
        assert_eq!(
            fs::read_dir(&inner).unwrap().count(),
            2,
            "nothing else is left"
        );
    }
}
