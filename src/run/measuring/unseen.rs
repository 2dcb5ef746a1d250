//! Measuring without a screen: a thread that takes frames out of their lane for nothing else.

use std::io;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::Measuring;
use crate::model::Payload;
use crate::pipeline::{Delivery, ScreenLanes};

/// How long the thread sleeps at most before it looks whether it shall end.
const PATIENCE: Duration = Duration::from_millis(200);

/// The thread. Dropping this ends it.
#[derive(Debug)]
pub struct Unseen {
    lanes: Arc<ScreenLanes>,
    stop: CancellationToken,
    thread: Option<thread::JoinHandle<()>>,
}

impl Unseen {
    /// Starts it on the frame lane of `lanes`, from which nobody else takes.
    ///
    /// # Errors
    /// The system gives no thread.
    pub fn start(lanes: Arc<ScreenLanes>, mut measuring: Measuring) -> io::Result<Self> {
        let stop = CancellationToken::new();
        let (frames, end) = (Arc::clone(&lanes), stop.clone());
        let thread = thread::Builder::new()
            .name("measuring".to_owned())
            .spawn(move || {
                while !end.is_cancelled() {
                    if let Some(delivery) = frames.take_frame(PATIENCE) {
                        take(&mut measuring, &frames, delivery);
                    }
                }
            })?;
        lanes.take_frames_unseen(true);
        Ok(Self {
            lanes,
            stop,
            thread: Some(thread),
        })
    }
}

/// A frame that is only measured is not shown, and its account does not wait for that.
fn take(measuring: &mut Measuring, lanes: &ScreenLanes, delivery: Delivery) {
    let Delivery { sample, ticket, .. } = delivery;
    ticket.settle(lanes.passed_over());
    if let (Some(camera), Payload::Frame(frame)) = (sample.camera(), &sample.payload) {
        measuring.take_unseen(&camera, frame, sample.received, None);
    }
}

impl Drop for Unseen {
    fn drop(&mut self) {
        self.stop.cancel();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
        self.lanes.take_frames_unseen(false);
    }
}
