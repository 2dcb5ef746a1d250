//! A writer that an encoder writes to and does not give back.

use std::cell::RefCell;
use std::io::{self, Seek, SeekFrom, Write};
use std::rc::Rc;

/// One writer in several hands of one thread, so that it is still there when the encoder is gone.
pub(super) struct Shared<W>(Rc<RefCell<W>>);

impl<W> Shared<W> {
    pub(super) fn new(into: W) -> Self {
        Self(Rc::new(RefCell::new(into)))
    }

    /// The writer, once nobody else holds it.
    pub(super) fn into_inner(self) -> io::Result<W> {
        Rc::try_unwrap(self.0)
            .map(RefCell::into_inner)
            .map_err(|_| io::Error::other("the encoder has not let go of the file"))
    }
}

impl<W> Clone for Shared<W> {
    fn clone(&self) -> Self {
        Self(Rc::clone(&self.0))
    }
}

impl<W: Write> Write for Shared<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.borrow_mut().flush()
    }
}

impl<W: Seek> Seek for Shared<W> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.0.borrow_mut().seek(to)
    }
}
