//! The file of a recording, in the hands of both its writer and the recorder.

use std::cell::RefCell;
use std::io::{self, Write};
use std::rc::Rc;

use super::storage::RecordFile;

/// The file, owned by the writer and reached by us for syncing. One thread has both.
///
/// Once it has failed it takes no more from the writer: what came behind a torn chunk could not be
/// read, and the writer tries to finish the file when it is dropped.
#[derive(Clone)]
pub(super) struct SharedFile(Rc<RefCell<State>>);

struct State {
    file: Box<dyn RecordFile>,
    failed: Option<io::ErrorKind>,
}

impl SharedFile {
    pub(super) fn new(file: Box<dyn RecordFile>) -> Self {
        Self(Rc::new(RefCell::new(State { file, failed: None })))
    }

    pub(super) fn sync(&mut self) -> io::Result<()> {
        self.0.borrow_mut().attempt(|file| file.sync())
    }

    /// Ends a file that has failed: with these bytes in place of everything behind `len`.
    ///
    /// # Errors
    /// The disk does not even take that; then the file stays as it is, or ends at `len`.
    pub(super) fn end_with(&mut self, len: u64, bytes: &[u8]) -> io::Result<()> {
        let mut state = self.0.borrow_mut();
        state.failed.get_or_insert(io::ErrorKind::Other);
        let written = state.file.end_with(len, bytes);
        if written.is_err() {
            // Better no end than half of one; if this fails too the file is torn as before.
            let _ = state.file.cut(len);
        }
        written
    }

    /// Holds room for the `bytes` behind `len`; that there is none is no failure of the file.
    ///
    /// # Errors
    /// As [`RecordFile::hold`].
    pub(super) fn hold(&mut self, len: u64, bytes: u64) -> io::Result<()> {
        self.0.borrow_mut().file.hold(len, bytes)
    }

    /// Gives back what is held behind `len`.
    ///
    /// # Errors
    /// As [`RecordFile::release`].
    pub(super) fn release(&mut self, len: u64) -> io::Result<()> {
        self.0.borrow_mut().file.release(len)
    }
}

impl State {
    fn attempt<T>(
        &mut self,
        work: impl FnOnce(&mut dyn RecordFile) -> io::Result<T>,
    ) -> io::Result<T> {
        if let Some(kind) = self.failed {
            return Err(kind.into());
        }
        let done = work(&mut *self.file);
        if let Err(error) = &done
            && error.kind() != io::ErrorKind::Interrupted
        {
            self.failed = Some(error.kind());
        }
        done
    }
}

impl Write for SharedFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().attempt(|file| file.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.borrow_mut().attempt(|file| file.flush())
    }
}
