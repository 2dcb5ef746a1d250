//! The way to the screen: four lanes, served in order of importance.
//!
//! Control is bounded and makes the sender wait: nothing of it is ever dropped. Samples have a
//! queue per source in which the oldest gives way, so that a flood of one source costs no other
//! source anything. Books have one place per book for the newest view; their changes are folded into
//! it and take no place. Frames have one place per camera, and the newest wins.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

use crate::model::{
    BookId, CameraKey, Clock, DropReason, Fate, LaneKind, Sample, SourceId, Ticket,
};

/// A sample on its way, with what it owes the ledger.
#[derive(Debug)]
pub struct Delivery {
    /// What the source said.
    pub sample: Sample,
    /// To be settled by whoever takes it out.
    pub ticket: Ticket,
    /// When it was put into the lane, monotonic nanoseconds.
    pub queued_mono_ns: u64,
}

/// How full a lane is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LaneGauge {
    /// Items waiting.
    pub depth: usize,
    /// The most that may wait.
    pub bound: usize,
    /// The most that ever waited.
    pub high_water: usize,
    /// When the oldest of them was queued, monotonic nanoseconds.
    pub oldest_mono_ns: Option<u64>,
}

/// The lanes of one screen, shared by all outlets, the main loop and the picture worker.
#[derive(Debug)]
pub struct ScreenLanes {
    clock: Clock,
    bounds: Bounds,
    queues: Mutex<Queues>,
    control_room: Arc<Semaphore>,
    ready: Notify,
    frames: Mutex<Frames>,
    frame_ready: Condvar,
    /// Nobody looks: only what a log has to hold is taken.
    control_only: AtomicBool,
    /// Pictures are taken all the same: they are measured.
    frames_unseen: AtomicBool,
}

#[derive(Clone, Copy, Debug)]
struct Bounds {
    control: usize,
    samples: usize,
}

#[derive(Debug, Default)]
struct Queues {
    control: VecDeque<(Delivery, OwnedSemaphorePermit)>,
    control_high_water: usize,
    samples: Vec<SampleQueue>,
    books: Books,
    /// Whose turn it is: sources are served round robin.
    turn: usize,
    closed: bool,
}

/// The newest view of each book, and the order in which books got one: one busy book does not keep
/// the others waiting.
#[derive(Debug, Default)]
struct Books {
    places: BTreeMap<(SourceId, BookId), Delivery>,
    order: VecDeque<(SourceId, BookId)>,
    high_water: usize,
}

impl Books {
    /// Puts a view into its place; what stood there comes back.
    fn put(&mut self, key: (SourceId, BookId), delivery: Delivery) -> Option<Delivery> {
        let old = self.places.insert(key.clone(), delivery);
        if old.is_none() {
            self.order.push_back(key);
            self.high_water = self.high_water.max(self.places.len());
        }
        old
    }

    fn pop(&mut self) -> Option<Delivery> {
        let key = self.order.pop_front()?;
        self.places.remove(&key)
    }
}

#[derive(Debug, Default)]
struct SampleQueue {
    items: VecDeque<Delivery>,
    bytes: usize,
    high_water: usize,
}

impl SampleQueue {
    fn push(&mut self, delivery: Delivery) {
        self.bytes += delivery.sample.payload.size_bytes();
        self.items.push_back(delivery);
        self.high_water = self.high_water.max(self.items.len());
    }

    fn pop(&mut self) -> Option<Delivery> {
        let delivery = self.items.pop_front()?;
        self.bytes = self
            .bytes
            .saturating_sub(delivery.sample.payload.size_bytes());
        Some(delivery)
    }

    /// The oldest, one by one, while one more item of `size` would be too much. An empty queue
    /// takes anything.
    fn give_way(&mut self, size: usize, most: usize) -> Option<Delivery> {
        let full = self.items.len() >= most
            || self.bytes.saturating_add(size) > ScreenLanes::SAMPLES_BOUND_BYTES;
        if full { self.pop() } else { None }
    }
}

#[derive(Debug, Default)]
struct Frames {
    places: BTreeMap<CameraKey, Delivery>,
    closed: bool,
    /// Whoever waits for a frame shall wait no longer.
    called: bool,
}

impl ScreenLanes {
    /// Control messages that may wait, all sources together.
    pub const CONTROL_BOUND: usize = 1_024;
    /// Samples of one source that may wait. Source: limits table of the Socket.IO specification,
    /// "queue to the consumer".
    pub const SAMPLES_BOUND: usize = 10_000;

    /// Bytes of one source's samples that may wait, so that large messages fill no memory while
    /// the loop is busy.
    pub const SAMPLES_BOUND_BYTES: usize = 64 << 20;
    /// Books that may have a view waiting.
    pub const BOOKS_BOUND: usize = 4_096;
    /// Cameras that may have a picture waiting: a peer that invents a name for every picture
    /// fills no memory.
    pub const CAMERAS_BOUND: usize = 64;

    /// Empty lanes with the usual bounds.
    pub fn new(clock: Clock) -> Self {
        Self::with_bounds(clock, Self::CONTROL_BOUND, Self::SAMPLES_BOUND)
    }

    /// Empty lanes for `control` items in all and `samples` items of each source.
    pub fn with_bounds(clock: Clock, control: usize, samples: usize) -> Self {
        Self {
            clock,
            bounds: Bounds {
                control: control.max(1),
                samples: samples.max(1),
            },
            queues: Mutex::default(),
            control_room: Arc::new(Semaphore::new(control.max(1))),
            ready: Notify::new(),
            frames: Mutex::default(),
            frame_ready: Condvar::new(),
            control_only: AtomicBool::new(false),
            frames_unseen: AtomicBool::new(false),
        }
    }

    /// From now on nobody looks at a screen: links, faults and losses still come, for the log;
    /// samples and pictures are settled as not shown, those that wait included.
    pub fn take_control_only(&self) {
        self.control_only.store(true, Ordering::Release);
        let samples: Vec<Delivery> = self
            .queues()
            .samples
            .iter_mut()
            .flat_map(|queue| std::mem::take(queue).items)
            .collect();
        let books = std::mem::take(&mut self.queues().books).places;
        let places = std::mem::take(&mut self.frames().places);
        let waiting = samples.into_iter().chain(places.into_values());
        for delivery in books.into_values() {
            delivery.ticket.settle(Fate::Coalesced);
        }
        for delivery in waiting {
            delivery.ticket.settle(Fate::NotShown(DropReason::NoOutlet));
        }
    }

    /// Whether pictures are taken although nobody looks: somebody takes them out to measure them.
    /// Those that wait when that ends are settled as not shown.
    pub fn take_frames_unseen(&self, are_taken: bool) {
        let mut frames = self.frames();
        self.frames_unseen.store(are_taken, Ordering::Release);
        let places = match are_taken || self.is_watched() {
            true => BTreeMap::new(),
            false => std::mem::take(&mut frames.places),
        };
        drop(frames);
        for delivery in places.into_values() {
            delivery.ticket.settle(self.passed_over());
        }
    }

    /// What becomes of a picture that gives way to a newer one, or is only measured: without a
    /// screen it was not shown.
    pub fn passed_over(&self) -> Fate {
        match self.is_watched() {
            true => Fate::Coalesced,
            false => Fate::NotShown(DropReason::NoOutlet),
        }
    }

    /// Whether anybody looks at a screen.
    pub fn is_watched(&self) -> bool {
        !self.control_only.load(Ordering::Acquire)
    }

    fn queues(&self) -> MutexGuard<'_, Queues> {
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn frames(&self) -> MutexGuard<'_, Frames> {
        self.frames.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts a sample into its lane. Waits only for room in the control lane.
    pub async fn put(&self, sample: Sample, ticket: Ticket) {
        let lane = sample.payload.lane();
        let delivery = Delivery {
            queued_mono_ns: self.clock.now().mono_ns,
            sample,
            ticket,
        };
        match lane {
            LaneKind::Control => self.put_control(delivery).await,
            LaneKind::Samples => self.put_sample(delivery),
            LaneKind::Books => self.put_book(delivery),
            LaneKind::Frames => self.put_frame(delivery),
        }
    }

    async fn put_control(&self, mut delivery: Delivery) {
        let Ok(room) = Arc::clone(&self.control_room).acquire_owned().await else {
            delivery.ticket.settle(Fate::NotShown(DropReason::Shutdown));
            return;
        };
        delivery.ticket.if_cancelled(None);
        let mut queues = self.queues();
        if queues.closed {
            delivery.ticket.settle(Fate::NotShown(DropReason::Shutdown));
            return;
        }
        queues.control.push_back((delivery, room));
        queues.control_high_water = queues.control_high_water.max(queues.control.len());
        drop(queues);
        self.ready.notify_one();
    }

    /// Why samples and pictures are not taken. To be asked under the lane's lock, or one would slip
    /// in behind the last emptying and wait there for ever.
    fn refusal(&self, closed: bool) -> Option<DropReason> {
        if closed {
            Some(DropReason::Shutdown)
        } else if self.control_only.load(Ordering::Acquire) {
            Some(DropReason::NoOutlet)
        } else {
            None
        }
    }

    fn put_sample(&self, mut delivery: Delivery) {
        delivery.ticket.if_cancelled(None);
        let mut queues = self.queues();
        if let Some(reason) = self.refusal(queues.closed) {
            delivery.ticket.settle(Fate::NotShown(reason));
            return;
        }
        let index = usize::from(delivery.sample.source.0);
        if queues.samples.len() <= index {
            queues.samples.resize_with(index + 1, SampleQueue::default);
        }
        let queue = &mut queues.samples[index];
        let size = delivery.sample.payload.size_bytes();
        while let Some(old) = queue.give_way(size, self.bounds.samples) {
            old.ticket
                .settle(Fate::NotShown(DropReason::ScreenLaneFull));
        }
        queue.push(delivery);
        drop(queues);
        self.ready.notify_one();
    }

    fn put_book(&self, mut delivery: Delivery) {
        delivery.ticket.if_cancelled(None);
        let Some(book) = delivery.sample.view_of() else {
            // A change: the next view shows it.
            delivery.ticket.settle(Fate::Coalesced);
            return;
        };
        let key = (delivery.sample.source, book.clone());
        let mut queues = self.queues();
        let books = &mut queues.books;
        let is_new = !books.places.contains_key(&key);
        if is_new && books.places.len() >= Self::BOOKS_BOUND {
            drop(queues);
            let fate = Fate::NotShown(DropReason::ScreenLaneFull);
            delivery.ticket.settle(fate);
            return;
        }
        if self.refusal(queues.closed).is_some() {
            drop(queues);
            delivery.ticket.settle(Fate::Coalesced);
            return;
        }
        let replaced = queues.books.put(key, delivery);
        drop(queues);
        if let Some(old) = replaced {
            old.ticket.settle(Fate::Coalesced);
        }
        self.ready.notify_one();
    }

    fn put_frame(&self, mut delivery: Delivery) {
        delivery.ticket.if_cancelled(None);
        let Some(camera) = delivery.sample.camera() else {
            // `put` sends only frames here.
            delivery.ticket.settle(Fate::NotShown(DropReason::NoOutlet));
            return;
        };
        let mut frames = self.frames();
        let are_measured = self.frames_unseen.load(Ordering::Acquire);
        let refusal = self.refusal(frames.closed);
        if let Some(reason) = refusal.filter(|_| frames.closed || !are_measured) {
            delivery.ticket.settle(Fate::NotShown(reason));
            return;
        }
        let is_new = !frames.places.contains_key(&camera);
        if is_new && frames.places.len() >= Self::CAMERAS_BOUND {
            drop(frames);
            let fate = Fate::NotShown(DropReason::ScreenLaneFull);
            delivery.ticket.settle(fate);
            return;
        }
        let replaced = frames.places.insert(camera, delivery);
        drop(frames);
        if let Some(old) = replaced {
            old.ticket.settle(self.passed_over());
        }
        self.frame_ready.notify_one();
    }

    /// The most important item that waits, or `None`. Frames are not among them: they go through
    /// [`ScreenLanes::take_frame`] to whoever decodes.
    pub fn try_take(&self) -> Option<Delivery> {
        let mut queues = self.queues();
        if let Some((delivery, _room)) = queues.control.pop_front() {
            return Some(delivery);
        }
        let sources = queues.samples.len();
        for step in 0..sources {
            let index = (queues.turn + step) % sources;
            if let Some(delivery) = queues.samples[index].pop() {
                queues.turn = (index + 1) % sources;
                return Some(delivery);
            }
        }
        queues.books.pop()
    }

    /// Waits until [`ScreenLanes::try_take`] may have something. Cancel safe.
    pub async fn ready(&self) {
        self.ready.notified().await;
    }

    /// Wakes whoever waits in [`ScreenLanes::take_frame`], or who does next: there is something
    /// else to do.
    pub fn call_frame_taker(&self) {
        self.frames().called = true;
        self.frame_ready.notify_one();
    }

    /// The picture that has waited longest, waiting up to `patience` for one, or until called by
    /// [`ScreenLanes::call_frame_taker`].
    pub fn take_frame(&self, patience: Duration) -> Option<Delivery> {
        let frames = self.frames();
        let (mut frames, _) = self
            .frame_ready
            .wait_timeout_while(frames, patience, |frames| {
                frames.places.is_empty() && !frames.closed && !frames.called
            })
            .unwrap_or_else(PoisonError::into_inner);
        frames.called = false;
        let oldest = frames
            .places
            .iter()
            .min_by_key(|(_, delivery)| delivery.queued_mono_ns)
            .map(|(camera, _)| camera.clone())?;
        frames.places.remove(&oldest)
    }

    /// How full the lanes of a source are. The control lane is shared: its depth counts this
    /// source's items, its high-water mark everybody's.
    pub fn gauge(&self, source: SourceId, lane: LaneKind) -> LaneGauge {
        match lane {
            LaneKind::Control => {
                let queues = self.queues();
                let mut own = queues
                    .control
                    .iter()
                    .filter(|(delivery, _)| delivery.sample.source == source);
                let oldest = own.next().map(|(delivery, _)| delivery.queued_mono_ns);
                LaneGauge {
                    depth: own.count() + usize::from(oldest.is_some()),
                    bound: self.bounds.control,
                    high_water: queues.control_high_water,
                    oldest_mono_ns: oldest,
                }
            }
            LaneKind::Samples => {
                let queues = self.queues();
                let queue = queues.samples.get(usize::from(source.0));
                LaneGauge {
                    depth: queue.map_or(0, |queue| queue.items.len()),
                    bound: self.bounds.samples,
                    high_water: queue.map_or(0, |queue| queue.high_water),
                    oldest_mono_ns: queue
                        .and_then(|queue| queue.items.front())
                        .map(|delivery| delivery.queued_mono_ns),
                }
            }
            LaneKind::Books => {
                let queues = self.queues();
                let places = &queues.books.places;
                let own = places.iter().filter(|((of, _), _)| *of == source);
                let waiting: Vec<u64> = own.map(|(_, view)| view.queued_mono_ns).collect();
                LaneGauge {
                    depth: waiting.len(),
                    bound: Self::BOOKS_BOUND,
                    high_water: queues.books.high_water,
                    oldest_mono_ns: waiting.into_iter().min(),
                }
            }
            LaneKind::Frames => {
                let frames = self.frames();
                let own: Vec<u64> = frames
                    .places
                    .iter()
                    .filter(|(camera, _)| camera.source == source)
                    .map(|(_, delivery)| delivery.queued_mono_ns)
                    .collect();
                LaneGauge {
                    depth: own.len(),
                    bound: own.len().max(1),
                    high_water: own.len().max(1),
                    oldest_mono_ns: own.into_iter().min(),
                }
            }
        }
    }

    /// Ends the lanes: what waits and what still comes is settled as not shown.
    pub fn close(&self) {
        self.control_room.close();
        let mut queues = self.queues();
        queues.closed = true;
        let control = std::mem::take(&mut queues.control);
        let samples = std::mem::take(&mut queues.samples);
        let books = std::mem::take(&mut queues.books).places;
        drop(queues);
        for delivery in books.into_values() {
            delivery.ticket.settle(Fate::Coalesced);
        }
        let mut frames = self.frames();
        frames.closed = true;
        let places = std::mem::take(&mut frames.places);
        drop(frames);
        self.frame_ready.notify_all();
        let waiting = control
            .into_iter()
            .map(|(delivery, _)| delivery)
            .chain(samples.into_iter().flat_map(|queue| queue.items))
            .chain(places.into_values());
        for delivery in waiting {
            delivery.ticket.settle(Fate::NotShown(DropReason::Shutdown));
        }
    }
}
