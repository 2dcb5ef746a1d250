//! Standard output for results: a listener that is gone ends the run quietly, one that does not
//! read holds it only for a while.

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

/// Why nothing more can be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gone {
    /// Whoever read has closed it.
    Closed,
    /// Nobody has read for a long time.
    Stuck,
}

/// A pipe that polls as writable takes this much without blocking. Source: pipe(7), `PIPE_BUF` is
/// at least 512 bytes.
const PIECE: usize = 512;
/// How long a listener may pause.
const PATIENCE: Timespec = Timespec {
    tv_sec: 10,
    tv_nsec: 0,
};

/// Writes all of it, waiting for a listener that pauses. Blocks.
pub fn write_all(text: &str) -> Result<(), Gone> {
    let fd = rustix::stdio::stdout();
    let mut rest = text.as_bytes();
    while !rest.is_empty() {
        let mut fds = [PollFd::new(&fd, PollFlags::OUT)];
        match poll(&mut fds, Some(&PATIENCE)) {
            Ok(0) => return Err(Gone::Stuck),
            Ok(_) | Err(Errno::INTR) => {}
            Err(_) => return Err(Gone::Closed),
        }
        let piece = rest.get(..PIECE).unwrap_or(rest);
        match rustix::io::write(fd, piece) {
            Ok(count) => rest = rest.get(count..).unwrap_or_default(),
            Err(Errno::INTR | Errno::AGAIN) => {}
            Err(_) => return Err(Gone::Closed),
        }
    }
    Ok(())
}

/// Whether whoever read has closed it. Does not block.
pub fn is_closed() -> bool {
    let fd = rustix::stdio::stdout();
    let mut fds = [PollFd::new(&fd, PollFlags::empty())];
    let now = Timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    poll(&mut fds, Some(&now)).is_ok_and(|count| count > 0)
        && fds
            .iter()
            .any(|fd| fd.revents().intersects(PollFlags::ERR | PollFlags::NVAL))
}
