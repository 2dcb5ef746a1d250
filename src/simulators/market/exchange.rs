//! The books of all venues, and what is heard from clients. Nothing here knows a wire format.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::sync::{broadcast, watch};
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::book::{Levels2, SimBook, Step};
use super::fault::{Fault, Troubles};
use super::options::{Listed, SimulatorOptions, Venue};

/// Steps that a client may be behind before it is cut off.
const BEHIND: usize = 16_384;
/// What was heard is kept this long.
const HEARD: usize = 10_000;

/// A step of one book, for every session.
#[derive(Debug)]
pub(super) struct Tick {
    /// Which book.
    pub index: usize,
    pub step: Step,
    /// The book afterwards.
    pub levels: Levels2,
    /// Nanoseconds since the Unix epoch.
    pub unix_ns: i64,
}

/// Something a client said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heard {
    /// To which venue.
    pub venue: Venue,
    /// On which connection, from 1; 0 for a request over HTTP.
    pub connection: u64,
    /// The text, `GET` and the path, or `connected`.
    pub what: String,
}

/// Everything that sessions share.
pub(super) struct Exchange {
    pub options: SimulatorOptions,
    pub cancel: CancellationToken,
    pub tasks: TaskTracker,
    pub ticks: broadcast::Sender<Arc<Tick>>,
    /// The open connection with Finnhub's key: a second one drops both.
    pub keyed: Mutex<Option<CancellationToken>>,
    faults: watch::Sender<Troubles>,
    paused: watch::Sender<bool>,
    books: Mutex<Vec<SimBook>>,
    heard: Mutex<VecDeque<Heard>>,
    changed: watch::Sender<u64>,
    connections: AtomicU64,
}

impl Exchange {
    pub(super) fn new(options: SimulatorOptions) -> Self {
        let books = options.listed.iter().cloned();
        let books = books.map(|listed| SimBook::new(listed, options.levels, options.seed));
        Self {
            cancel: CancellationToken::new(),
            tasks: TaskTracker::new(),
            ticks: broadcast::Sender::new(BEHIND),
            keyed: Mutex::default(),
            faults: watch::Sender::new(Troubles(options.faults.clone())),
            paused: watch::Sender::new(false),
            books: Mutex::new(books.collect()),
            heard: Mutex::default(),
            changed: watch::Sender::new(0),
            connections: AtomicU64::new(0),
            options,
        }
    }

    fn books(&self) -> MutexGuard<'_, Vec<SimBook>> {
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets every book live at its rate until the end.
    pub(super) async fn live(self: Arc<Self>) {
        let rate_hz = self.options.rate_hz;
        let count = self.options.listed.len();
        if rate_hz <= 0.0 || count == 0 {
            return;
        }
        // One after the other, so that clients are not flooded once in a while.
        let mut ticks = interval(Duration::from_secs_f64(1.0 / rate_hz / count as f64));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
        let mut paused = self.paused.subscribe();
        for index in (0..count).cycle() {
            tokio::select! {
                () = self.cancel.cancelled() => return,
                _ = ticks.tick() => {}
            }
            if *paused.borrow() {
                // The sender lives as long as `self`.
                let _ = paused.wait_for(|paused| !paused).await;
                ticks.reset();
            }
            self.step(index);
        }
    }

    /// One step of one book.
    pub(super) fn step(&self, index: usize) {
        let mut books = self.books();
        let Some(book) = books.get_mut(index) else {
            return;
        };
        let is_crossed = self.faults().strikes(Fault::Crossed, &book.listed.symbol);
        let step = book.step(is_crossed);
        let tick = Tick {
            index,
            step,
            levels: book.levels.clone(),
            unix_ns: unix_ns(),
        };
        // Under the lock, so that steps are heard in their order. Nobody may listen.
        let _ = self.ticks.send(Arc::new(tick));
    }

    pub(super) fn pause(&self, paused: bool) {
        self.paused.send_replace(paused);
        // A step that had begun is over when the lock can be had.
        drop(self.books());
    }

    pub(super) fn listed(&self, index: usize) -> Option<&Listed> {
        self.options.listed.get(index)
    }

    /// The place of a symbol.
    pub(super) fn find(&self, venue: Venue, symbol: &str) -> Option<usize> {
        let mut listed = self.options.listed.iter();
        listed.position(|listed| listed.venue == venue && listed.symbol == symbol)
    }

    /// Everything that is listed at a venue.
    pub(super) fn at(&self, venue: Venue) -> impl Iterator<Item = &Listed> {
        let listed = self.options.listed.iter();
        listed.filter(move |listed| listed.venue == venue)
    }

    /// A book as it is, and the id of its last change.
    pub(super) fn now(&self, index: usize) -> Option<(Levels2, u64)> {
        let books = self.books();
        let book = books.get(index)?;
        Some((book.levels.clone(), book.last))
    }

    pub(super) fn canonical(&self, venue: Venue, symbol: &str, depth: usize) -> Option<String> {
        let index = self.find(venue, symbol)?;
        Some(self.books().get(index)?.canonical(depth))
    }

    pub(super) fn faults(&self) -> Troubles {
        self.faults.borrow().clone()
    }

    pub(super) fn faults_changed(&self) -> watch::Receiver<Troubles> {
        self.faults.subscribe()
    }

    pub(super) fn set_faults(&self, faults: Troubles) {
        self.faults.send_replace(faults);
    }

    /// The number of a new connection.
    pub(super) fn connected(&self, venue: Venue) -> u64 {
        let connection = self.connections.fetch_add(1, Ordering::Relaxed) + 1;
        self.heard(venue, connection, "connected");
        connection
    }

    pub(super) fn heard(&self, venue: Venue, connection: u64, what: &str) {
        let mut heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        if heard.len() == HEARD {
            heard.pop_front();
        }
        heard.push_back(Heard {
            venue,
            connection,
            what: what.to_owned(),
        });
        drop(heard);
        self.changed.send_modify(|count| *count += 1);
    }

    pub(super) fn all_heard(&self) -> Vec<Heard> {
        let heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        heard.iter().cloned().collect()
    }

    pub(super) fn changes(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }
}

pub(super) fn unix_ns() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.map_or(0, |now| i64::try_from(now.as_nanos()).unwrap_or(i64::MAX))
}
