//! The door for `ttyscope stop`: a socket in a folder that is the user's alone. What is written to
//! it is a level, what comes back is a line of JSON for each instrument.

use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::time::timeout;

use super::about;
use super::clerk::Clerk;
use crate::control::StopBoard;
use crate::model::{StopLevel, StopOrigin, StopState};

/// What an instrument answered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Answer {
    /// Its name.
    pub instrument: String,
    /// `acknowledged`, `sent`, `no answer`, `not sent`, `refused`.
    pub state: String,
    /// How long after the press, in milliseconds, where that is known.
    pub after_ms: Option<f64>,
}

impl Answer {
    /// What a report comes to; none at all is no answer.
    pub fn new(instrument: impl Into<String>, state: Option<StopState>) -> Self {
        let state = state.unwrap_or(StopState::NoAnswer);
        let after_ms = match state {
            StopState::Sent { after_ns } | StopState::Acknowledged { after_ns } => {
                Some(after_ns as f64 / 1e6)
            }
            _ => None,
        };
        Self {
            instrument: instrument.into(),
            state: state.as_str().to_owned(),
            after_ms,
        }
    }

    /// Whether the instrument said that it stops.
    pub fn is_acknowledged(&self) -> bool {
        self.state == "acknowledged"
    }
}

/// The longest line that is read from the socket.
const LONGEST_LINE: u64 = 4_096;
/// How long a peer may take to say what it wants.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long a running ttyscope may take to answer.
const ANSWER: Duration = Duration::from_secs(4);

/// The socket of this process. Dropping it removes it.
#[derive(Debug)]
pub(super) struct Door {
    listener: UnixListener,
    path: PathBuf,
}

impl Door {
    /// Opens this process's socket.
    pub(super) fn open() -> io::Result<Self> {
        Self::open_in(&folder()?)
    }

    fn open_in(folder: &Path) -> io::Result<Self> {
        static NUMBER: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let name = format!("{}-{number}.stop", std::process::id());
        let path = folder.join(name);
        // A process of that number that was killed may have left its own.
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(about(&path, error));
            }
            _ => {}
        }
        // Found only once somebody listens: who finds nobody takes it for a dead one's.
        let unseen = path.with_extension("new");
        let _ = std::fs::remove_file(&unseen);
        let listener = UnixListener::bind(&unseen).map_err(|error| about(&unseen, error))?;
        std::fs::rename(&unseen, &path).map_err(|error| about(&path, error))?;
        Ok(Self { listener, path })
    }

    /// Serves whoever comes.
    pub(super) async fn serve(self, board: StopBoard, clerk: Clerk) {
        loop {
            match self.listener.accept().await {
                Ok((stream, _)) => {
                    let (board, clerk) = (board.clone(), clerk.clone());
                    tokio::spawn(async move {
                        // Who hangs up before the end does not want to know.
                        let _ = serve_one(stream, &board, &clerk).await;
                    });
                }
                Err(error) => {
                    // Out of descriptors, for example: the next may do.
                    tracing::warn!("`ttyscope stop` could not be heard: {error}");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
        }
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

async fn serve_one(stream: UnixStream, board: &StopBoard, clerk: &Clerk) -> io::Result<()> {
    let (read, mut write) = stream.into_split();
    let mut line = String::new();
    let mut reader = BufReader::new(read.take(LONGEST_LINE));
    timeout(PATIENCE, reader.read_line(&mut line)).await??;
    let Some(level) = StopLevel::from_name(line.trim()) else {
        return Ok(());
    };
    let press = board.press_level(level, StopOrigin::Outside);
    for (name, state) in clerk.settled(press.number).await {
        let mut answer = serde_json::to_string(&Answer::new(name.as_str(), state))?;
        answer.push('\n');
        write.write_all(answer.as_bytes()).await?;
    }
    write.shutdown().await
}

/// A ttyscope of this user that runs, or ran and was killed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Instance {
    path: PathBuf,
    /// Its process.
    pub(super) pid: u32,
}

/// The ttyscopes of this user that can be told to stop their instruments.
///
/// # Errors
/// The folder of their sockets cannot be used.
pub(super) fn instances() -> io::Result<Vec<Instance>> {
    instances_in(&folder()?)
}

fn instances_in(folder: &Path) -> io::Result<Vec<Instance>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(|error| about(folder, error))? {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str());
        let pid = name
            .and_then(|name| name.strip_suffix(".stop")?.split('-').next()?.parse().ok())
            .filter(|_| path.extension().is_some_and(|ext| ext == "stop"));
        found.extend(pid.map(|pid| Instance { path, pid }));
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(found)
}

impl Instance {
    /// Tells it to stop. `None` if nobody is there any more; its socket is removed then.
    ///
    /// # Errors
    /// It is there and does not answer.
    pub(super) async fn stop(&self, level: StopLevel) -> io::Result<Option<Vec<Answer>>> {
        let stream = match UnixStream::connect(&self.path).await {
            Ok(stream) => stream,
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::ConnectionRefused | io::ErrorKind::NotFound
                ) =>
            {
                let _ = std::fs::remove_file(&self.path);
                return Ok(None);
            }
            Err(error) => return Err(about(&self.path, error)),
        };
        let exchange = async {
            let (read, mut write) = stream.into_split();
            write
                .write_all(format!("{}\n", level.as_str()).as_bytes())
                .await?;
            let mut text = String::new();
            let mut reader = BufReader::new(read.take(64 * LONGEST_LINE));
            reader.read_to_string(&mut text).await?;
            let answers: Result<Vec<Answer>, _> = text.lines().map(serde_json::from_str).collect();
            Ok(Some(answers.map_err(io::Error::other)?))
        };
        match timeout(ANSWER, exchange).await {
            Ok(answers) => answers,
            Err(_) => Err(about(
                &self.path,
                io::Error::new(io::ErrorKind::TimedOut, "no answer in time"),
            )),
        }
    }
}

/// The folder of the sockets: the user's alone, or it is not used.
fn folder() -> io::Result<PathBuf> {
    let uid = rustix::process::getuid().as_raw();
    let folder = match std::env::var_os("XDG_RUNTIME_DIR") {
        Some(dir) if Path::new(&dir).is_absolute() => PathBuf::from(dir).join("ttyscope"),
        _ => std::env::temp_dir().join(format!("ttyscope-{uid}")),
    };
    let made = std::fs::DirBuilder::new().mode(0o700).create(&folder);
    match made {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
            return Err(about(&folder, error));
        }
        _ => {}
    }
    // Not through a link: somebody else may have made it.
    let there = std::fs::symlink_metadata(&folder).map_err(|error| about(&folder, error))?;
    if !there.is_dir() || there.uid() != uid || there.mode() & 0o077 != 0 {
        let why = "it has to be a folder that is yours alone (mode 0700)";
        return Err(about(&folder, io::Error::other(why)));
    }
    Ok(folder)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::{StopReporter, Watcher};
    use crate::model::{Clock, SourceId, StopEvent, StopReport};

    #[tokio::test]
    async fn a_stop_from_outside_is_pressed_and_answered() {
        let folder = tempfile::tempdir().unwrap();
        let board = StopBoard::new(Clock::system(), 1);
        let clerk = Clerk::new([(SourceId(0), "scope".into())].into_iter());
        let (reporter, reports) = StopReporter::new();
        tokio::spawn(
            clerk
                .clone()
                .collect(SourceId(0), reports, StopReporter::new().0),
        );
        let mut watch = board.watch(SourceId(0), Watcher::Path);
        tokio::spawn(async move {
            let press = watch.pressed().await;
            let report = StopReport {
                press,
                state: StopState::Acknowledged {
                    after_ns: 2_500_000,
                },
                detail: None,
            };
            reporter.say(watch.now(), StopEvent::Report(report));
            std::future::pending::<()>().await
        });
        let door = Door::open_in(folder.path()).unwrap();
        let served = tokio::spawn(door.serve(board.clone(), clerk));
        let found = instances_in(folder.path()).unwrap();
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].pid, std::process::id());
        let answers = found[0].stop(StopLevel::Safe).await.unwrap().unwrap();
        assert_eq!(
            answers,
            [Answer {
                instrument: "scope".into(),
                state: "acknowledged".into(),
                after_ms: Some(2.5)
            }]
        );
        let press = board.latch().unwrap().press;
        assert_eq!(
            (press.level, press.origin),
            (StopLevel::Safe, StopOrigin::Outside)
        );
        served.abort();
        let _ = served.await;
        assert_eq!(instances_in(folder.path()).unwrap(), []);
    }

    #[tokio::test]
    async fn the_socket_of_a_killed_process_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        let left = folder.path().join("1-0.stop");
        drop(std::os::unix::net::UnixListener::bind(&left).unwrap());
        let found = instances_in(folder.path()).unwrap();
        assert_eq!(found[0].stop(StopLevel::Halt).await.unwrap(), None);
        assert!(!left.exists());
    }
}
