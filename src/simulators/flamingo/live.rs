//! Live view and snapshots: the tasks that take pictures until they are stopped.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::time::{sleep, sleep_until};
use tokio_util::sync::CancellationToken;

use super::codes;
use super::fault::Fault;
use super::lights::Lights;
use super::lock;
use super::log::Deed;
use super::message::Message;
use super::microscope::{Instrument, Microscope};
use super::picture::{self, Photographer, Scene};
use super::viewer::Frame;

/// What the camera looks at.
struct Look {
    scene: Scene,
    /// Exposure, filter and lights: a change of them is one even where it cannot be seen.
    setting: (i32, i32, Lights),
    moving: bool,
    /// From one picture to the next.
    period: Duration,
}

impl Microscope {
    /// Begins live view, if there is none.
    ///
    /// - `on_change`: whether a picture is taken when something has changed, and not in between
    pub(super) fn start_live(self: &Arc<Self>, instrument: &mut Instrument, on_change: bool) {
        if instrument.live.is_some() {
            return;
        }
        let stop = self.cancel.child_token();
        instrument.live = Some(stop.clone());
        self.did(Deed::LiveStarted);
        self.announce_state(instrument);
        if on_change {
            self.announce(&Message::new(codes::UPDATE_ON_CHANGE));
        }
        if self.has(Fault::SettingsPush) {
            self.announce(&self.settings(instrument));
        }
        let microscope = self.clone();
        self.tasks.spawn(async move {
            // The stop comes first: no picture may follow the reply that says it has stopped.
            tokio::select! {
                biased;
                () = stop.cancelled() => {}
                () = microscope.run_live(on_change, &stop) => {}
            }
        });
    }

    /// Ends live view; `false` if there was none.
    pub(super) fn stop_live(&self, instrument: &mut Instrument) -> bool {
        let Some(stop) = instrument.live.take() else {
            return false;
        };
        stop.cancel();
        self.viewers.clear();
        self.did(Deed::LiveStopped);
        true
    }

    async fn run_live(self: &Arc<Self>, on_change: bool, stop: &CancellationToken) {
        let mut photographer = Photographer::new();
        let mut changes = self.log.changes();
        let mut shown = None;
        let mut nth = 0_u64;
        let mut due = Instant::now();
        loop {
            self.viewer_came().await;
            changes.mark_unchanged();
            let look = self.look();
            let key = (look.scene, look.setting);
            if on_change && (look.moving || shown == Some(key)) {
                // Nothing to show before something happens.
                if changes.changed().await.is_err() {
                    return;
                }
                continue;
            }
            shown = Some(key);
            let mut scene = look.scene;
            if self.has_small_turn(nth) {
                let (width, height) = scene.size_px;
                scene.size_px = picture::even((width / 2, height / 4 * 3));
            }
            nth += 1;
            let Some(pixels) = photographer.take(self, scene).await else {
                return;
            };
            self.show_unless(stop, &Frame::new(scene.size_px, pixels));
            if !on_change {
                let now = Instant::now();
                due += look.period;
                if due + look.period < now {
                    // Behind by more than one: what was missed is not made up for.
                    due = now;
                }
                // A sleep of nothing still lets the other tasks run.
                sleep_until(due.into()).await;
            }
        }
    }

    /// Shows a picture of a live view that has not been stopped meanwhile.
    fn show_unless(&self, stop: &CancellationToken, frame: &Frame) {
        // Stopping takes the same lock.
        let _instrument = lock(&self.instrument);
        if !stop.is_cancelled() {
            self.show(frame);
        }
    }

    fn look(&self) -> Look {
        let instrument = lock(&self.instrument);
        let hz = self.options.live_hz.clamp(0.01, 1000.0);
        let lamps = &instrument.lamps;
        Look {
            scene: Scene::new(&instrument, self.now_s()),
            setting: (instrument.camera.exposure_us, lamps.filter, lamps.on),
            moving: instrument.stage.is_moving(),
            period: Duration::from_secs_f64(1.0 / hz).max(exposure(&instrument)),
        }
    }

    /// Whether the picture after `nth` others is one of those with another size.
    fn has_small_turn(&self, nth: u64) -> bool {
        let every = self.faults.borrow().find(|fault| match fault {
            Fault::SizeChange { every } => Some(u64::from(every.max(1))),
            _ => None,
        });
        every.is_some_and(|every| nth / every % 2 == 1)
    }

    async fn viewer_came(&self) {
        loop {
            let joined = self.viewers.joined.notified();
            if !self.viewers.is_empty() {
                return;
            }
            joined.await;
        }
    }

    /// Takes one picture and shows it.
    pub(super) fn start_snapshot(self: &Arc<Self>, instrument: &mut Instrument) {
        instrument.snapshot = true;
        self.did(Deed::Snapshot);
        self.announce_state(instrument);
        let microscope = self.clone();
        let exposure = exposure(instrument);
        self.background(async move {
            sleep(exposure).await;
            let scene = Scene::new(&lock(&microscope.instrument), microscope.now_s());
            let pixels = picture::take(&microscope, scene).await;
            let mut instrument = lock(&microscope.instrument);
            microscope.show(&Frame::new(
                scene.size_px,
                pixels.unwrap_or_else(Bytes::new),
            ));
            instrument.snapshot = false;
            microscope.announce_state(&instrument);
        });
    }
}

fn exposure(instrument: &Instrument) -> Duration {
    Duration::from_micros(instrument.camera.exposure_us.max(0) as u64)
}
