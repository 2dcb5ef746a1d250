//! The live port: a queue of images for each viewer, and one task per viewer that writes them.

use std::collections::VecDeque;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::time::{sleep, timeout};

use super::fault::{Fault, Faults};
use super::lock;
use super::log::What;
use super::microscope::Microscope;

/// Source: a reading of the server.
const MOST_VIEWERS: usize = 5;
/// Images waiting for a viewer above which the oldest is dropped. Source: a reading of the server.
const QUEUE: usize = 64;
/// Bytes of an image's header.
const HEADER: usize = 40;
/// Flags of headers: an image of the camera, a maximum projection, the crosshair.
pub(super) const CAMERA_IMAGE: u32 = 0x10;
pub(super) const MAX_PROJECTION: u32 = 0x20;
const CROSSHAIR: u32 = 0x04;

/// An image on its way to viewers.
#[derive(Clone, Debug)]
pub(super) struct Frame {
    pub size_px: (u32, u32),
    pub options: u32,
    /// First and last plane of a projection, else 0.
    pub planes: (i32, i32),
    pub pixels: Bytes,
}

impl Frame {
    pub(super) fn new(size_px: (u32, u32), pixels: Bytes) -> Self {
        Self {
            size_px,
            options: 0,
            planes: (0, 0),
            pixels,
        }
    }

    fn header(&self, faults: &Faults, nth: u64) -> [u8; HEADER] {
        let bad = faults.find(|fault| match fault {
            Fault::BadImageSize { every } => Some(every),
            _ => None,
        });
        let excess = if is_due(bad, nth) { 2 } else { 0 };
        let bytes = u32::try_from(self.pixels.len() + excess).unwrap_or(u32::MAX);
        header(bytes, self.size_px, self.options, 0, self.planes)
    }
}

fn header(
    bytes: u32,
    (width, height): (u32, u32),
    options: u32,
    crosshair: u32,
    planes: (i32, i32),
) -> [u8; HEADER] {
    // The darkest and the brightest of a 12-bit camera, and the number of the camera.
    let (black, white, camera) = (100, 4000, 1);
    let (first, last) = (planes.0 as u32, planes.1 as u32);
    let words = [
        bytes, width, height, black, white, camera, options, crosshair, first, last,
    ];
    let mut header = [0; HEADER];
    for (target, word) in header.chunks_exact_mut(4).zip(words) {
        target.copy_from_slice(&word.to_le_bytes());
    }
    header
}

/// Whether something that happens to every n-th happens to this one, counted from 1.
fn is_due(every: Option<u32>, nth: u64) -> bool {
    every.is_some_and(|every| nth.is_multiple_of(u64::from(every.max(1))))
}

/// All viewers.
#[derive(Default)]
pub(super) struct Viewers {
    all: Mutex<Vec<Arc<Viewer>>>,
    /// Viewers that ever were.
    count: AtomicU64,
    /// Somebody came.
    pub joined: Notify,
}

struct Viewer {
    number: u64,
    queue: Mutex<VecDeque<Frame>>,
    filled: Notify,
}

impl Viewers {
    fn join(&self) -> Option<Arc<Viewer>> {
        let mut all = lock(&self.all);
        if all.len() >= MOST_VIEWERS {
            return None;
        }
        let viewer = Arc::new(Viewer {
            number: self.count.fetch_add(1, Ordering::Relaxed) + 1,
            queue: Mutex::default(),
            filled: Notify::new(),
        });
        all.push(viewer.clone());
        drop(all);
        self.joined.notify_waiters();
        Some(viewer)
    }

    pub(super) fn is_empty(&self) -> bool {
        lock(&self.all).is_empty()
    }

    /// Viewers that ever were.
    pub(super) fn count(&self) -> u64 {
        self.count.load(Ordering::Relaxed)
    }

    /// Puts an image into every queue; returns how many old ones had to go.
    fn show(&self, frame: &Frame) -> u64 {
        let mut dropped = 0;
        for viewer in lock(&self.all).iter() {
            let mut queue = lock(&viewer.queue);
            if queue.len() == QUEUE {
                queue.pop_front();
                dropped += 1;
            }
            queue.push_back(frame.clone());
            drop(queue);
            viewer.filled.notify_one();
        }
        dropped
    }

    /// Forgets what waits: it was taken by a live view that is over.
    pub(super) fn clear(&self) {
        for viewer in lock(&self.all).iter() {
            lock(&viewer.queue).clear();
        }
    }
}

impl Microscope {
    /// Hands an image to every viewer.
    pub(super) fn show(&self, frame: &Frame) {
        let dropped = self.viewers.show(frame);
        self.counts.dropped.fetch_add(dropped, Ordering::Relaxed);
        self.counts.produced.fetch_add(1, Ordering::Relaxed);
        self.log.touch();
    }
}

/// Accepts viewers until the simulator ends.
pub(super) async fn accept(microscope: Arc<Microscope>, listener: TcpListener) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                let viewer = if microscope.has(Fault::RefuseLive) {
                    None
                } else {
                    microscope.viewers.join()
                };
                let Some(viewer) = viewer else {
                    microscope.counts.refused.fetch_add(1, Ordering::Relaxed);
                    microscope.log.touch();
                    continue;
                };
                let number = viewer.number;
                microscope
                    .log
                    .push(What::ViewerConnected { viewer: number });
                let membership = Membership {
                    microscope: microscope.clone(),
                    viewer,
                };
                microscope.background(async move { membership.serve(stream).await });
            }
            Err(error) => {
                tracing::warn!(%error, "the simulator could not accept a viewer");
                sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

/// Leaves the list of viewers when its connection ends, however it ends.
struct Membership {
    microscope: Arc<Microscope>,
    viewer: Arc<Viewer>,
}

impl Drop for Membership {
    fn drop(&mut self) {
        let viewers = &self.microscope.viewers;
        lock(&viewers.all).retain(|other| !Arc::ptr_eq(other, &self.viewer));
        let viewer = self.viewer.number;
        self.microscope
            .log
            .push(What::ViewerDisconnected { viewer });
    }
}

impl Membership {
    async fn serve(&self, mut stream: TcpStream) {
        let _ = stream.set_nodelay(true);
        let (reader, writer) = stream.split();
        tokio::select! {
            () = until_gone(reader) => {}
            _ = self.write(writer) => {}
        }
    }

    /// Writes images as they come, until the viewer takes nothing any more or a fault ends it.
    async fn write(&self, mut writer: WriteHalf<'_>) -> io::Result<()> {
        let mut nth = 0_u64;
        loop {
            let next = lock(&self.viewer.queue).pop_front();
            let Some(frame) = next else {
                self.viewer.filled.notified().await;
                continue;
            };
            nth += 1;
            let faults = self.microscope.faults.borrow().clone();
            let options_only = faults.find(|fault| match fault {
                Fault::OptionsOnly { every } => Some(every),
                _ => None,
            });
            if is_due(options_only, nth) {
                // Column 300, row 200.
                let crosshair = 300 << 16 | 200;
                let header = header(0, (0, 0), CROSSHAIR, crosshair, (0, 0));
                self.put(&mut writer, &header).await?;
            }
            self.put(&mut writer, &frame.header(&faults, nth)).await?;
            let (first, second) = frame.pixels.split_at(frame.pixels.len() / 2);
            self.put(&mut writer, first).await?;
            let close = faults.find(|fault| match fault {
                Fault::CloseMidFrame { every } => Some(every),
                _ => None,
            });
            if is_due(close, nth) {
                return writer.shutdown().await;
            }
            let mut faults = self.microscope.faults.subscribe();
            let going_on = faults.wait_for(|faults| !faults.has(Fault::StalledLive));
            if going_on.await.is_err() {
                return Ok(());
            }
            self.put(&mut writer, second).await?;
            self.microscope
                .counts
                .frames
                .fetch_add(1, Ordering::Relaxed);
            self.microscope.log.touch();
        }
    }

    /// Writes all of it, as long as some of it is taken now and then.
    async fn put(&self, writer: &mut WriteHalf<'_>, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            let written = timeout(self.microscope.options.viewer_patience, writer.write(bytes));
            let Ok(written) = written.await else {
                self.microscope.counts.cut.fetch_add(1, Ordering::Relaxed);
                return Err(io::ErrorKind::TimedOut.into());
            };
            let written = written?;
            if written == 0 {
                return Err(io::ErrorKind::WriteZero.into());
            }
            bytes = &bytes[written..];
        }
        Ok(())
    }
}

/// Returns when the viewer is gone; what it says is of no interest.
async fn until_gone(mut reader: ReadHalf<'_>) {
    let mut ignored = [0; 256];
    while matches!(reader.read(&mut ignored).await, Ok(1..)) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_have_the_described_layout() {
        let frame = Frame {
            options: CAMERA_IMAGE | MAX_PROJECTION,
            planes: (0, 99),
            ..Frame::new((1024, 1024), vec![0; 2 << 20].into())
        };
        let header = frame.header(&Faults::default(), 1);
        let words: Vec<u32> = header
            .chunks(4)
            .map(|w| u32::from_le_bytes([w[0], w[1], w[2], w[3]]))
            .collect();
        assert_eq!(words, [2 << 20, 1024, 1024, 100, 4000, 1, 0x30, 0, 0, 99]);
    }

    #[test]
    fn a_queue_drops_its_oldest_image() {
        let viewers = Viewers::default();
        let viewer = viewers.join().unwrap();
        let frame = |width| Frame::new((width, 1), Bytes::new());
        let dropped: u64 = (0..66).map(|width| viewers.show(&frame(width))).sum();
        assert_eq!(dropped, 2);
        let queue = lock(&viewer.queue);
        let ends = (queue[0].size_px.0, queue[63].size_px.0);
        assert_eq!((queue.len(), ends), (64, (2, 65)));
    }

    #[test]
    fn there_is_room_for_five() {
        let viewers = Viewers::default();
        for number in 1..=5 {
            assert_eq!(viewers.join().map(|viewer| viewer.number), Some(number));
        }
        assert!(viewers.join().is_none());
    }
}
