//! The task that ends motions when their time is over, and floods on request.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::time::{sleep, sleep_until};

use super::codes;
use super::fault::Fault;
use super::lock;
use super::log::Deed;
use super::message::Message;
use super::microscope::{Instrument, Microscope};
use super::stage::Axis;

/// Motions longer than this are looked at in between.
const LONGEST_WAIT: Duration = Duration::from_secs(3600);
/// How often a flood is continued.
const FLOOD_EVERY: Duration = Duration::from_millis(2);

impl Microscope {
    /// Begins to move an axis, and logs it.
    pub(super) fn begin_move(&self, instrument: &mut Instrument, axis: Axis, to: f64) {
        let from = instrument.stage.begin(axis, to, self.now_s());
        self.did(Deed::MoveBegan { axis, from, to });
        self.stage_commanded.notify_one();
    }

    /// Stops every axis where it is; those that moved are reported as stopped.
    pub(super) fn halt(&self, instrument: &mut Instrument) {
        for (axis, at) in instrument.stage.halt(self.now_s()) {
            self.did(Deed::MoveHalted { axis, at });
            self.announce_stop(axis);
        }
        self.stage_commanded.notify_one();
    }

    fn announce_stop(&self, axis: Axis) {
        if !self.has(Fault::NoMotionStopped) {
            self.announce(&self.motion_stopped(axis));
        }
    }

    fn motion_stopped(&self, axis: Axis) -> Message {
        Message {
            hardware_id: self.hardware(),
            d0: axis.number(),
            ..Message::new(codes::MOTION_STOPPED)
        }
    }

    fn announce_positions(&self, instrument: &Instrument) {
        let [x, y, z, _] = instrument.stage.positions(self.now_s());
        self.announce(&Message {
            bits: codes::POSITIONS_IN_BUFFER,
            text: format!("1={x:.6}\n2={y:.6}\n3={z:.6}\n"),
            ..Message::new(codes::STAGE_POSITION)
        });
        self.log.touch();
    }

    /// Ends motions when their time has come, and tells where the stage is as long as it moves.
    /// Sleeps while nothing moves.
    pub(super) async fn run_stage(self: Arc<Self>) {
        let mut update_at: Option<Instant> = None;
        loop {
            let now = Instant::now();
            let next = {
                let mut instrument = lock(&self.instrument);
                for (axis, at) in instrument.stage.arrivals(self.now_s()) {
                    self.did(Deed::MoveEnded { axis, at });
                    self.announce_stop(axis);
                }
                let arrival_s = instrument.stage.next_arrival_s();
                if arrival_s.is_some() && update_at.is_some_and(|at| at <= now) {
                    self.announce_positions(&instrument);
                    update_at = None;
                }
                arrival_s.map(|arrival_s| self.instant(arrival_s))
            };
            let Some(arrival) = next else {
                update_at = None;
                self.stage_commanded.notified().await;
                continue;
            };
            let update = *update_at.get_or_insert(now + self.options.position_interval);
            tokio::select! {
                () = sleep_until(arrival.min(update).into()) => {}
                () = self.stage_commanded.notified() => {}
            }
        }
    }

    /// When the simulator's clock will show this, at most an hour from now.
    fn instant(&self, at_s: f64) -> Instant {
        let latest = Instant::now() + LONGEST_WAIT;
        let since_start = Duration::try_from_secs_f64(at_s.max(0.0));
        let at = since_start
            .ok()
            .and_then(|since| self.log.started.checked_add(since));
        at.map_or(latest, |at| at.min(latest))
    }

    /// Says the same over and over, at its rate, as long as such a fault is on.
    pub(super) async fn run_floods(self: Arc<Self>) {
        let mut faults = self.faults.subscribe();
        let rate_of = |fault| match fault {
            Fault::MotionFlood { per_s } => Some((true, per_s)),
            Fault::GaugeFlood { per_s } => Some((false, per_s)),
            _ => None,
        };
        loop {
            let flood = faults
                .wait_for(|faults| faults.find(rate_of).is_some())
                .await;
            let Some((motion, per_s)) = flood.ok().and_then(|faults| faults.find(rate_of)) else {
                return;
            };
            let begun = Instant::now();
            let mut sent = 0_u64;
            while faults.borrow_and_update().find(rate_of) == Some((motion, per_s)) {
                let due = (begun.elapsed().as_secs_f64() * f64::from(per_s)) as u64;
                // After a pause of the machine nobody wants all of it at once.
                let times = (due - sent).min(u64::from(per_s) / 20 + 1);
                sent = due;
                let message = if motion {
                    self.motion_stopped(Axis::Z)
                } else {
                    Message {
                        d0: i32::try_from(due).unwrap_or(i32::MAX),
                        d1: i32::MAX,
                        ..Message::new(codes::GAUGE_VALUE)
                    }
                };
                self.flood(&message, usize::try_from(times).unwrap_or(0));
                sleep(FLOOD_EVERY).await;
            }
        }
    }
}
