//! The live socket: pictures from the instrument, read as fast as they come.
//!
//! The server drops pictures of a viewer that falls behind and may cut it off. So one task does
//! nothing but read, another hands the pictures on and may have to wait for the recorder, and the
//! queue between them has a bound: the oldest picture gives way, and is counted. The socket is
//! opened again until it is closed from here; the command session knows nothing of its troubles.

mod news;
mod pictures;
mod reader;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::options::FlamingoOptions;
use crate::model::{PlainText, Reading};
use crate::pipeline::Outlet;
use crate::sources::frame_queue::{Queue, hand_on};

use news::News;
use pictures::Pictures;
use reader::Reader;

/// What there is to know about the live socket, for who owns the instrument. It was published
/// already where it has to be: pictures, losses and faults need nothing more.
#[derive(Clone, Debug, PartialEq)]
pub enum LiveEvent {
    /// The socket is open; nothing proves yet that the server means it.
    Open,
    /// Pictures came. Told a few times a second, the first at once.
    Frame {
        /// Of which camera.
        detector: PlainText,
        /// How many since this was last told of it.
        count: u64,
    },
    /// How the server's own viewer would show them; to be published.
    Options(Vec<Reading>),
    /// There is no socket; another attempt follows.
    Lost {
        /// Why, as a sentence.
        why: PlainText,
    },
    /// It is closed for good: by [`Live::close`], or because there is no port to connect to.
    Closed,
}

/// The live socket for as long as it is wanted. Dropping it closes the socket too; then what was
/// read is handed on behind the caller's back, and nothing more is told.
#[derive(Debug)]
pub struct Live {
    pixel_size: PixelSize,
    events: mpsc::Sender<LiveEvent>,
    end: DropGuard,
    tasks: [JoinHandle<()>; 2],
}

impl Live {
    /// Opens the socket, and again whenever it is lost. Has to be called within a tokio runtime.
    ///
    /// - `pixel_size_um`: micrometres per pixel in the sample, if that is known yet
    /// - `events`: told without waiting; what finds no room is told later, as it is then
    pub fn open(
        options: &FlamingoOptions,
        outlet: Outlet,
        pixel_size_um: Option<f64>,
        events: mpsc::Sender<LiveEvent>,
    ) -> Self {
        let pixel_size = PixelSize::default();
        pixel_size.set(pixel_size_um);
        let queue = Arc::new(Queue::default());
        let end = CancellationToken::new();
        let reader = Reader::new(
            options,
            Pictures::new(outlet.clock().clone(), pixel_size.clone()),
            Arc::clone(&queue),
            News::new(events.clone()),
        );
        let tasks = [
            tokio::spawn(reader.run(end.clone())),
            tokio::spawn(hand_on(queue, outlet, end.clone())),
        ];
        Self {
            pixel_size,
            events,
            end: end.drop_guard(),
            tasks,
        }
    }

    /// Says how large a pixel of the next pictures is in the sample, micrometres.
    pub fn set_pixel_size_um(&self, um: Option<f64>) {
        self.pixel_size.set(um);
    }

    /// Closes the socket and returns when what was read is handed on or, after two seconds, counted
    /// as lost.
    pub async fn close(self) {
        drop(self.end);
        for task in self.tasks {
            let _ = task.await;
        }
        let _ = self.events.try_send(LiveEvent::Closed);
    }
}

/// Micrometres per pixel, shared with the task that makes pictures; not a number while unknown.
#[derive(Clone, Debug)]
struct PixelSize(Arc<AtomicU64>);

impl Default for PixelSize {
    fn default() -> Self {
        Self(Arc::new(AtomicU64::new(f64::NAN.to_bits())))
    }
}

impl PixelSize {
    fn set(&self, um: Option<f64>) {
        let bits = um.unwrap_or(f64::NAN).to_bits();
        self.0.store(bits, Ordering::Relaxed);
    }

    fn get(&self) -> Option<f64> {
        let um = f64::from_bits(self.0.load(Ordering::Relaxed));
        (um.is_finite() && um > 0.0).then_some(um)
    }
}
