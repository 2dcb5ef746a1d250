//! The queue between who reads pictures and who hands them on. It has a bound in pictures and in
//! bytes; the oldest picture gives way, and the next one of its camera says how many did.
//!
//! Who reads never waits for who hands on, which may have to wait for the recorder.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::model::{DropReason, Fault, Frame, LaneKind, Payload, PlainText, Stamp};
use crate::pipeline::Outlet;

/// Time to hand on what was read when the end has come.
const FAREWELL: Duration = Duration::from_secs(2);

/// Pictures that may wait.
pub(super) const MOST_FRAMES: usize = 32;

/// Bytes that may wait; a single picture may have more.
const MOST_BYTES: usize = 64 << 20;

/// Faults that may wait; more are folded into the last.
const MOST_FAULTS: usize = 16;

/// Something to be handed on.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Item {
    /// A picture.
    Frame {
        /// When it was whole.
        received: Stamp,
        /// The picture; the queue adds those that gave way to the ones that were lost before it.
        frame: Frame,
    },
    /// Trouble.
    Fault {
        /// When it came.
        received: Stamp,
        /// What it is.
        fault: Fault,
        /// Pictures that it broke.
        broken: u64,
    },
}

/// The queue. One reads from it.
#[derive(Debug, Default)]
pub(super) struct Queue {
    inner: Mutex<Inner>,
    arrived: Notify,
}

#[derive(Debug, Default)]
struct Inner {
    items: VecDeque<Item>,
    frames: usize,
    bytes: usize,
    /// Pictures that gave way and were not told yet.
    lost: u64,
    /// The same by camera, for the next picture of each.
    lost_by_camera: BTreeMap<PlainText, u64>,
    is_closed: bool,
}

impl Queue {
    /// Puts something at the end, and lets old pictures go if it has no room.
    pub(super) fn put(&self, item: Item) {
        self.lock().put(item);
        self.arrived.notify_one();
    }

    /// Nothing more will be put in.
    pub(super) fn close(&self) {
        self.lock().is_closed = true;
        self.arrived.notify_one();
    }

    /// The oldest item, and how many pictures gave way since the last; `None` when the queue is
    /// closed and empty. Cancel safe.
    pub(super) async fn next(&self) -> Option<(u64, Item)> {
        loop {
            {
                let mut inner = self.lock();
                if let Some(next) = inner.take() {
                    return Some(next);
                }
                if inner.is_closed {
                    return None;
                }
            }
            self.arrived.notified().await;
        }
    }

    /// Forgets what waits: how many pictures that are, and for what reason they are lost.
    pub(super) fn abandon(&self) -> [(DropReason, u64); 3] {
        let mut inner = self.lock();
        let broken = inner.items.drain(..).map(|item| match item {
            Item::Frame { .. } => 0,
            Item::Fault { broken, .. } => broken,
        });
        let broken = broken.sum();
        let waiting = u64::try_from(std::mem::take(&mut inner.frames)).unwrap_or(u64::MAX);
        inner.bytes = 0;
        [
            (DropReason::Shutdown, waiting),
            (DropReason::ReaderBehind, std::mem::take(&mut inner.lost)),
            (DropReason::Malformed, broken),
        ]
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn put(&mut self, item: Item) {
        match &item {
            Item::Frame { frame, .. } => {
                let size = frame.body.len();
                while self.frames > 0
                    && (self.frames >= MOST_FRAMES || self.bytes.saturating_add(size) > MOST_BYTES)
                {
                    self.drop_oldest();
                }
                self.frames = self.frames.saturating_add(1);
                self.bytes = self.bytes.saturating_add(size);
            }
            Item::Fault { broken, .. } => {
                let faults = self.items.len().saturating_sub(self.frames);
                let more = *broken;
                let mut newest_first = self.items.iter_mut().rev();
                let last = newest_first.find_map(|item| match item {
                    Item::Fault { broken, .. } => Some(broken),
                    Item::Frame { .. } => None,
                });
                if let (MOST_FAULTS.., Some(broken)) = (faults, last) {
                    *broken = broken.saturating_add(more);
                    return;
                }
            }
        }
        self.items.push_back(item);
    }

    fn drop_oldest(&mut self) {
        let is_frame = |item: &Item| matches!(item, Item::Frame { .. });
        let oldest = self.items.iter().position(is_frame);
        if let Some(Item::Frame { frame, .. }) = oldest.and_then(|at| self.items.remove(at)) {
            self.forget(&frame);
            self.lost = self.lost.saturating_add(1);
            let lost = self.lost_by_camera.entry(frame.detector).or_default();
            *lost = lost.saturating_add(1);
        } else {
            self.frames = 0;
        }
    }

    fn forget(&mut self, frame: &Frame) {
        self.frames = self.frames.saturating_sub(1);
        self.bytes = self.bytes.saturating_sub(frame.body.len());
    }

    fn take(&mut self) -> Option<(u64, Item)> {
        let mut item = self.items.pop_front()?;
        if let Item::Frame { frame, .. } = &mut item {
            self.forget(frame);
            let gave_way = self.lost_by_camera.remove(&frame.detector).unwrap_or(0);
            frame.lost_before = frame.lost_before.saturating_add(gave_way);
        }
        Some((std::mem::take(&mut self.lost), item))
    }
}

/// Publishes what the reader puts into the queue, until it is closed and empty. After the end
/// there is little time left.
pub(super) async fn hand_on(queue: Arc<Queue>, outlet: Outlet, end: CancellationToken) {
    let all = async {
        while let Some((lost, item)) = queue.next().await {
            publish(&outlet, lost, item).await;
        }
    };
    let time_is_over = async {
        end.cancelled().await;
        sleep(FAREWELL).await;
    };
    tokio::select! {
        () = all => return,
        () = time_is_over => {}
    }
    for (reason, count) in queue.abandon() {
        if count > 0 {
            // Counted at once; written down if the recorder takes it.
            let lost = outlet.lose(LaneKind::Frames, reason, count);
            let _ = timeout(Duration::ZERO, lost).await;
        }
    }
}

async fn publish(outlet: &Outlet, lost: u64, item: Item) {
    let lane = LaneKind::Frames;
    if lost > 0 {
        outlet.lose(lane, DropReason::ReaderBehind, lost).await;
    }
    match item {
        Item::Frame { received, frame } => {
            outlet.publish(received, Payload::Frame(frame)).await;
        }
        Item::Fault {
            received,
            fault,
            broken: 0,
        } => outlet.fault(received, fault).await,
        Item::Fault {
            received,
            fault,
            broken,
        } => {
            let reason = DropReason::Malformed;
            outlet.reject(received, lane, reason, fault).await;
            if let Some(more @ 1..) = broken.checked_sub(1) {
                outlet.lose(lane, reason, more).await;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use futures_util::FutureExt as _;

    use super::*;
    use crate::model::{Compression, FaultKind, FrameEncoding, Severity};

    fn picture(detector: &str, number: u64, bytes: usize) -> Item {
        Item::Frame {
            received: Stamp::default(),
            frame: Frame {
                detector: detector.into(),
                number: Some(number),
                width_px: None,
                height_px: None,
                encoding: FrameEncoding::Mono16(Compression::None),
                body: Bytes::from(vec![0; bytes]),
                pixel_size_um: None,
                subsampling: 1,
                bit_depth: None,
                device_ns: None,
                lost_before: 0,
            },
        }
    }

    fn fault(broken: u64) -> Item {
        Item::Fault {
            received: Stamp::default(),
            fault: Fault::new(FaultKind::Link, Severity::Warning, "it broke"),
            broken,
        }
    }

    /// What comes out now: losses told, camera, number and pictures lost before.
    fn out(queue: &Queue) -> Vec<(u64, String, u64, u64)> {
        std::iter::from_fn(|| queue.next().now_or_never().flatten())
            .map(|(lost, item)| match item {
                Item::Frame { frame, .. } => {
                    let name = frame.detector.to_string();
                    (lost, name, frame.number.unwrap(), frame.lost_before)
                }
                Item::Fault { broken, .. } => (lost, "fault".to_owned(), broken, 0),
            })
            .collect()
    }

    #[test]
    fn the_oldest_gives_way_and_the_next_of_its_camera_says_so() {
        let queue = Queue::default();
        queue.put(picture("a", 1, 1));
        queue.put(picture("b", 1, 1));
        queue.put(fault(0));
        for number in 2..=u64::try_from(MOST_FRAMES).unwrap() + 1 {
            queue.put(picture("a", number, 1));
        }
        let out = out(&queue);
        assert_eq!(out[0], (2, "fault".to_owned(), 0, 0));
        assert_eq!(out[1], (0, "a".to_owned(), 2, 1));
        assert_eq!(out[2], (0, "a".to_owned(), 3, 0));
        assert_eq!(out.len(), MOST_FRAMES + 1);
        queue.put(picture("b", 2, 1));
        assert_eq!(self::out(&queue), [(0, "b".to_owned(), 2, 1)]);
    }

    #[test]
    fn the_bound_in_bytes_lets_one_large_picture_in() {
        let queue = Queue::default();
        queue.put(picture("a", 1, MOST_BYTES / 2));
        queue.put(picture("a", 2, MOST_BYTES / 2));
        queue.put(picture("a", 3, 1));
        assert_eq!(
            out(&queue),
            [(1, "a".to_owned(), 2, 1), (0, "a".to_owned(), 3, 0)]
        );
        queue.put(picture("a", 4, MOST_BYTES + 1));
        assert_eq!(out(&queue), [(0, "a".to_owned(), 4, 0)]);
        let inner = queue.lock();
        assert_eq!((inner.frames, inner.bytes), (0, 0));
    }

    #[test]
    fn faults_without_end_are_folded_and_none_of_their_pictures_forgotten() {
        let queue = Queue::default();
        let many = u64::try_from(MOST_FAULTS).unwrap() + 5;
        for _ in 0..many {
            queue.put(fault(1));
        }
        let broken: Vec<u64> = out(&queue).into_iter().map(|one| one.2).collect();
        assert_eq!(broken.len(), MOST_FAULTS);
        assert_eq!(broken.iter().sum::<u64>(), many);
    }

    #[test]
    fn a_closed_queue_is_emptied_first() {
        let queue = Queue::default();
        queue.put(picture("a", 1, 1));
        queue.close();
        assert_eq!(out(&queue).len(), 1);
        assert_eq!(queue.next().now_or_never(), Some(None));
        let open = Queue::default();
        assert_eq!(open.next().now_or_never(), None);
    }

    #[test]
    fn what_is_abandoned_is_counted_by_its_reason() {
        let queue = Queue::default();
        for number in 0..u64::try_from(MOST_FRAMES).unwrap() + 3 {
            queue.put(picture("a", number, 1));
        }
        queue.put(fault(2));
        use DropReason::{Malformed, ReaderBehind, Shutdown};
        let waiting = u64::try_from(MOST_FRAMES).unwrap();
        let counts = [(Shutdown, waiting), (ReaderBehind, 3), (Malformed, 2)];
        assert_eq!(queue.abandon(), counts);
        assert_eq!(queue.abandon().map(|(_, count)| count), [0; 3]);
    }
}
