//! The thread that reads back what was recorded, and writes the manifest.
//!
//! Hashing does not stand in the way of writing: this thread follows the file that is being
//! written, over what was made durable already and is still in memory, so that little is left to
//! read when the file is closed. Measured, SHA-256 takes 1.8 GB for each second of a core that has
//! instructions for it, and 0.37 GB of one that has none: in the thread that writes, that would be
//! most of what a fast disk takes.

use std::collections::VecDeque;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use super::storage::Storage;
use crate::recording::{EndRecord, Fingerprint, Manifest, PartRecord};

/// What is read at once.
const STEP_BYTES: usize = 256 * 1024;
/// How long the hash of what was just closed may take when the program ends. A file that was
/// followed needs some milliseconds.
const PATIENCE: Duration = Duration::from_secs(4);

/// What there is to do, in turn.
enum Job {
    /// A recording began; its manifest goes there.
    Begin(PathBuf, Box<Manifest>),
    /// A file is being written.
    Open { part: u32, path: PathBuf },
    /// It is closed, has this path now, and this is known of it but its hash.
    Closed(PathBuf, Box<PartRecord>),
    /// The recording ended.
    End(Box<EndRecord>),
    /// Nothing more comes.
    Quit,
}

#[derive(Default)]
struct Board {
    /// Bounded by the number of parts that a recording may have: all of them end in the manifest.
    jobs: VecDeque<Job>,
    /// So many bytes of this part can be read.
    grown: (u32, u64),
    /// Nobody waits any longer for hashes.
    hurry: bool,
    /// What went wrong with the last manifest that was to be written.
    trouble: Option<String>,
}

struct Shared {
    board: Mutex<Board>,
    changed: Condvar,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Board> {
        self.board.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn post(&self, change: impl FnOnce(&mut Board)) {
        change(&mut self.lock());
        self.changed.notify_one();
    }
}

/// The thread as the recorder sees it. Nothing here waits but [`Archivist::end`].
pub struct Archivist {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
    ended: Receiver<()>,
}

impl Drop for Archivist {
    fn drop(&mut self) {
        self.job(Job::Quit);
    }
}

impl Archivist {
    /// Starts the thread.
    ///
    /// # Errors
    /// The system gives none.
    pub fn spawn(storage: Arc<dyn Storage>) -> io::Result<Self> {
        let shared = Arc::new(Shared {
            board: Mutex::default(),
            changed: Condvar::new(),
        });
        let (end, ended) = mpsc::sync_channel(1);
        let clerk = Clerk {
            shared: Arc::clone(&shared),
            storage,
            manifest: None,
            following: None,
            buffer: vec![0; STEP_BYTES],
        };
        let thread = std::thread::Builder::new()
            .name("recorder-archive".to_owned())
            .spawn(move || {
                clerk.run();
                drop(end);
            })?;
        Ok(Self {
            shared,
            thread: Some(thread),
            ended,
        })
    }

    /// A recording began, whose manifest goes to `path`.
    pub fn begin(&self, path: PathBuf, manifest: Manifest) {
        self.job(Job::Begin(path, Box::new(manifest)));
    }

    /// A file was opened that will be written.
    pub fn open(&self, part: u32, path: &Path) {
        let path = path.to_owned();
        self.job(Job::Open { part, path });
    }

    /// So many bytes of a part are written and will not be taken back.
    pub fn grown(&self, part: u32, bytes: u64) {
        self.shared.post(|board| board.grown = (part, bytes));
    }

    /// A part is closed; its hash is still to come.
    pub fn closed(&self, path: &Path, record: PartRecord) {
        self.job(Job::Closed(path.to_owned(), Box::new(record)));
    }

    /// The recording ended.
    pub fn finish(&self, end: EndRecord) {
        self.job(Job::End(Box::new(end)));
    }

    /// What went wrong with the manifest, if the last one could not be written.
    pub fn trouble(&self) -> Option<String> {
        self.shared.lock().trouble.clone()
    }

    /// Ends the thread. The manifest is written in any case; hashes that would take longer than
    /// is waited for here are left out of it.
    pub fn end(mut self) -> Option<String> {
        self.job(Job::Quit);
        // Nothing is ever sent: the sender goes with the thread.
        if self.ended.recv_timeout(PATIENCE) == Err(mpsc::RecvTimeoutError::Timeout) {
            self.shared.post(|board| board.hurry = true);
        }
        // A panic of the thread was reported by the panic hook.
        let _ = self.thread.take().map(JoinHandle::join);
        self.shared.lock().trouble.clone()
    }

    fn job(&self, job: Job) {
        self.shared.post(|board| board.jobs.push_back(job));
    }
}

/// What the thread has in hand.
struct Clerk {
    shared: Arc<Shared>,
    storage: Arc<dyn Storage>,
    manifest: Option<(PathBuf, Manifest)>,
    following: Option<Following>,
    buffer: Vec<u8>,
}

/// A file whose hash is being made.
struct Following {
    part: u32,
    file: Box<dyn Read + Send>,
    print: Fingerprint,
}

impl Clerk {
    fn run(mut self) {
        loop {
            match self.next_job() {
                None => self.follow(),
                Some(Job::Begin(path, manifest)) => self.manifest = Some((path, *manifest)),
                Some(Job::Open { part, path }) => {
                    // Without it the file is read when it is closed.
                    self.following = self.storage.read(&path).ok().map(|file| Following {
                        part,
                        file,
                        print: Fingerprint::default(),
                    });
                }
                Some(Job::Closed(path, record)) => self.close(&path, *record),
                Some(Job::End(end)) => {
                    if let Some((_, manifest)) = &mut self.manifest {
                        manifest.end = Some(*end);
                        self.write();
                    }
                    self.manifest = None;
                }
                Some(Job::Quit) => return,
            }
        }
    }

    /// The next job, or none once the file that is followed has grown.
    fn next_job(&self) -> Option<Job> {
        let mut board = self.shared.lock();
        loop {
            if let Some(job) = board.jobs.pop_front() {
                return Some(job);
            }
            if let Some(followed) = &self.following
                && board.grown.0 == followed.part
                && board.grown.1 > followed.print.bytes()
            {
                return None;
            }
            board = self
                .shared
                .changed
                .wait(board)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Takes in the next piece of what has grown; between two pieces jobs have their turn.
    fn follow(&mut self) {
        let grown = self.shared.lock().grown.1;
        let Some(followed) = &mut self.following else {
            return;
        };
        let left = grown.saturating_sub(followed.print.bytes());
        let most = usize::try_from(left).map_or(STEP_BYTES, |left| left.min(STEP_BYTES));
        let piece = self.buffer.get_mut(..most).unwrap_or_default();
        match followed.file.read(piece) {
            Ok(read) if read > 0 => followed.print.update(piece.get(..read).unwrap_or_default()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            // It is read anew when it is closed.
            Ok(_) | Err(_) => self.following = None,
        }
    }

    fn close(&mut self, path: &Path, mut record: PartRecord) {
        let followed = self.following.take_if(|file| file.part == record.part);
        record.sha256 = match self.hash(path, followed) {
            Ok(print) if print.bytes() == record.size_bytes => Some(print.finish()),
            Ok(print) => {
                tracing::warn!(
                    "{}: {} bytes were written and {} are in it: it is not in the manifest with a \
                     hash",
                    path.display(),
                    record.size_bytes,
                    print.bytes()
                );
                None
            }
            Err(error) => {
                tracing::warn!("{}: no hash was made of it: {error}", path.display());
                None
            }
        };
        if let Some((_, manifest)) = &mut self.manifest {
            manifest.parts.push(record);
            self.write();
        }
    }

    /// Reads what is left of a file that was closed.
    fn hash(&mut self, path: &Path, followed: Option<Following>) -> io::Result<Fingerprint> {
        let (mut file, mut print) = match followed {
            Some(followed) => (followed.file, followed.print),
            None => (self.storage.read(path)?, Fingerprint::default()),
        };
        loop {
            if self.shared.lock().hurry {
                let why = "the program ended before all of it was read back";
                return Err(io::Error::other(why));
            }
            match file.read(&mut self.buffer) {
                Ok(0) => return Ok(print),
                Ok(read) => print.update(self.buffer.get(..read).unwrap_or_default()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    fn write(&mut self) {
        let Some((path, manifest)) = &self.manifest else {
            return;
        };
        let written = self.storage.replace(path, &manifest.to_bytes());
        let trouble = written.err().map(|error| {
            format!(
                "the manifest {} could not be written: {error}",
                path.display()
            )
        });
        if let Some(sentence) = &trouble {
            tracing::error!("{sentence}");
        }
        self.shared.lock().trouble = trouble;
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;
    use crate::recorder::Disk;

    #[test]
    fn a_file_that_is_followed_has_the_hash_of_the_whole_one() {
        let dir = tempfile::tempdir().unwrap();
        let (partial, last) = (dir.path().join("a.partial"), dir.path().join("a"));
        let manifest = dir.path().join("a.manifest.json");
        let archive = Archivist::spawn(Arc::new(Disk)).unwrap();
        archive.begin(manifest.clone(), Manifest::new("ab12", "a", &[], 1));
        let mut file = Disk.create(&partial).unwrap();
        archive.open(1, &partial);
        let piece: Vec<u8> = (0..100_000_u32).map(|n| (n % 251) as u8).collect();
        for n in 1..=10 {
            file.write_all(&piece).unwrap();
            file.sync().unwrap();
            archive.grown(1, n * piece.len() as u64);
        }
        file.write_all(b"the end").unwrap();
        file.sync().unwrap();
        Disk.rename(&partial, &last).unwrap();
        let record = |part, file: &str, size_bytes| PartRecord {
            part,
            file: file.to_owned(),
            size_bytes,
            sha256: None,
            began_unix_ns: 1,
            ended_unix_ns: 2,
            messages: 3,
            durable: true,
            complete: true,
            ended: "as asked".to_owned(),
            accounts: Vec::new(),
        };
        archive.closed(&last, record(1, "a", 1_000_007));
        // A file that is not there, and one that is not what was written.
        archive.closed(&dir.path().join("b"), record(2, "b", 5));
        archive.closed(&last, record(3, "a", 5));
        assert_eq!(archive.end(), None);
        let manifest = Manifest::read(&manifest).unwrap();
        let whole = Fingerprint::of_file(&last, &mut |_, _| {})
            .unwrap()
            .finish();
        let hashes: Vec<_> = manifest.parts.iter().map(|p| p.sha256.clone()).collect();
        assert_eq!(hashes, [Some(whole), None, None]);
        assert_eq!(manifest.end, None, "nobody said that it ended");
    }

    #[test]
    fn a_manifest_that_cannot_be_written_is_told() {
        let dir = tempfile::tempdir().unwrap();
        let archive = Archivist::spawn(Arc::new(Disk)).unwrap();
        let path = dir.path().join("missing/a.manifest.json");
        archive.begin(path, Manifest::new("ab12", "a", &[], 1));
        archive.finish(EndRecord {
            ended_unix_ns: 2,
            reason: "as asked".to_owned(),
            complete: true,
            messages: 0,
            accounts: Vec::new(),
        });
        let trouble = archive.end().unwrap();
        assert!(
            trouble.contains("a.manifest.json could not be written"),
            "{trouble}"
        );
    }
}
