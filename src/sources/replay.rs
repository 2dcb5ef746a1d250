//! Recordings as a source: what was recorded comes again, through the same outlets.
//!
//! No socket is opened, and nothing here writes. The files are read and decoded on a thread of its
//! own, a few messages ahead. Order books are kept as a live source keeps them, from the recorded
//! changes. Whoever holds the remote may pause, step, seek and change the pace.

mod books;
mod clockwork;
mod held;
mod player;
mod reel;
mod tape;
mod timeline;

use std::sync::Arc;
use std::sync::atomic::AtomicU32;

use tokio::runtime::Handle;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use crate::model::{Clock, Pace, ReplayOrder, ReplayStatus, SeekTo};
use crate::pipeline::Outlet;
use player::Player;

pub use tape::{Tape, TapeError};
pub use timeline::Timeline;

/// How a replay begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Playing {
    /// How fast.
    pub pace: Pace,
    /// Where, if not at the beginning.
    pub from: Option<SeekTo>,
    /// Whether it holds there.
    pub paused: bool,
    /// Whether it begins again at the end.
    pub loops: bool,
    /// Whether views of the books are made: somebody looks at them.
    pub views: bool,
}

impl Playing {
    /// From beginning to end as fast as possible.
    pub const THROUGH: Self = Self {
        pace: Pace::Max,
        from: None,
        paused: false,
        loops: false,
        views: true,
    };
}

/// What was played.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Replayed {
    /// Messages handed to the outlets.
    pub played: u64,
    /// Messages and places of the files that could not be read, each once.
    pub unreadable: u64,
    /// It was played to the end, not stopped.
    pub to_the_end: bool,
}

/// Where a player takes its orders from and says how it stands.
#[derive(Debug)]
pub struct Remote {
    /// What the operator asks.
    pub orders: mpsc::Receiver<ReplayOrder>,
    /// How the player stands; none before it has begun.
    pub status: watch::Sender<Option<ReplayStatus>>,
}

/// Messages decoded ahead. Each may hold a picture.
const AHEAD: usize = 8;

/// Plays a session. `outlets` are those of [`Tape::sources`], in that order; `clock` is a
/// [`Clock::replayed`] that the pipeline goes by. Without a remote it ends at the end of the last
/// file, with one when `stop` is cancelled or the remote is dropped; each source's last word is
/// [`LinkState::Ended`](crate::model::LinkState::Ended) either way.
///
/// What is received carries the recorded wall-clock time, and on the monotonic clock the time since
/// the session's beginning counted from now. With every jump that beginning moves on, past all that
/// was ever stamped.
pub async fn run(
    tape: Tape,
    playing: Playing,
    clock: Clock,
    outlets: Vec<Outlet>,
    remote: Option<Remote>,
    stop: CancellationToken,
) -> Replayed {
    if outlets.is_empty() {
        return Replayed::default();
    }
    let tape = Arc::new(tape);
    let (send, journeys) = watch::channel(None);
    let reading = {
        let (tape, handle) = (Arc::clone(&tape), Handle::current());
        tokio::task::spawn_blocking(move || reel::run(&tape, journeys, &handle))
    };
    let looked = Arc::new(AtomicU32::new(0));
    let end = stop.child_token();
    let looking = (remote.is_some() || playing.from.is_some()).then(|| {
        let (tape, looked, end) = (Arc::clone(&tape), Arc::clone(&looked), end.clone());
        tokio::task::spawn_blocking(move || Timeline::read(&tape, &looked, &end))
    });
    let mut player = Player::new(&tape, playing, clock, outlets, send, stop);
    player.play(remote, looking, &looked).await;
    // The reader ends at its next message, and so does who looks through the files.
    end.cancel();
    let mut done = player.finish().await;
    if reading.await.is_err() {
        done.unreadable += 1;
        tracing::error!("replay: reading the files failed");
    }
    done
}
