//! The file of a recording, in the hands of both its writer and the recorder.

use std::cell::RefCell;
use std::io::{self, Write};
use std::rc::Rc;

use super::storage::RecordFile;

/// The file, owned by the writer and reached by us for syncing. One thread has both.
#[derive(Clone)]
pub(super) struct SharedFile(Rc<RefCell<Box<dyn RecordFile>>>);

impl SharedFile {
    pub(super) fn new(file: Box<dyn RecordFile>) -> Self {
        Self(Rc::new(RefCell::new(file)))
    }

    pub(super) fn sync(&mut self) -> io::Result<()> {
        self.0.borrow_mut().sync()
    }
}

impl Write for SharedFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.borrow_mut().flush()
    }
}
