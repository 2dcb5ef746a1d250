//! Workflows: one task moves the stage, counts pictures and tells everybody, until the plan is done
//! or a stop was asked for. A halt of the stage alone does not end it: the next plane moves on.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::time::sleep_until;
use tokio_util::sync::CancellationToken;

use super::codes;
use super::lock;
use super::log::Deed;
use super::message::Message;
use super::microscope::{Instrument, Microscope, Workflow};
use super::picture::{self, Photographer, Scene};
use super::stage::Axis;
use super::viewer::{CAMERA_IMAGE, Frame, MAX_PROJECTION};

mod plan;

pub(super) use plan::Plan;

/// After how many pictures it is told how many are on disk.
const SAVED_EVERY: u32 = 10;

impl Microscope {
    /// Begins a workflow. There must be none.
    pub(super) fn start_workflow(self: &Arc<Self>, instrument: &mut Instrument, plan: Plan) {
        self.stop_live(instrument);
        let stop = self.cancel.child_token();
        instrument.workflow = Some(Workflow {
            stop: stop.clone(),
            images: 0,
        });
        let images = plan.images();
        self.did(Deed::WorkflowStarted { images });
        self.announce_state(instrument);
        self.announce(&Message {
            d0: count(images),
            ..Message::new(codes::GAUGE_SIZE)
        });
        let microscope = self.clone();
        self.background(async move {
            microscope.run_workflow(&plan, &stop).await;
            microscope.end_workflow(&plan);
        });
    }

    /// Asks a workflow to end; it does before its next picture.
    pub(super) fn stop_workflow(&self, instrument: &mut Instrument) {
        if let Some(workflow) = &instrument.workflow
            && !workflow.stop.is_cancelled()
        {
            workflow.stop.cancel();
            let images = workflow.images;
            self.did(Deed::WorkflowStopped { images });
        }
    }

    fn end_workflow(&self, plan: &Plan) {
        let mut instrument = lock(&self.instrument);
        self.light_up(&mut instrument, plan, false);
        instrument.workflow = None;
        self.did(Deed::WorkflowEnded);
        self.announce_state(&instrument);
    }

    /// Switches what the workflow needs on or off, and tells what it always tells.
    fn light_up(&self, instrument: &mut Instrument, plan: &Plan, on: bool) {
        for (laser, level) in plan.lasers.iter().enumerate() {
            if let Some(level) = level {
                if on {
                    instrument.lamps.set_level(laser, level);
                }
                self.set_laser(instrument, laser, on);
                self.announce_level(instrument, laser);
            }
        }
        self.set_led(instrument, on && plan.led);
        if !instrument.lamps.on.led {
            self.announce_led_off();
        }
        if plan.left {
            self.set_left(instrument, on);
        }
        if plan.right {
            self.set_right(instrument, on);
        }
    }

    async fn run_workflow(self: &Arc<Self>, plan: &Plan, stop: &CancellationToken) {
        self.light_up(&mut lock(&self.instrument), plan, true);
        for corner in &plan.stacks {
            for (axis, target) in Axis::ALL.into_iter().zip(*corner) {
                if stop.is_cancelled() {
                    return;
                }
                self.go(axis, target).await;
            }
            let begun = Instant::now();
            let done = self.run_stack(plan, *corner, stop).await;
            self.announce(&Message {
                d0: count(done),
                d1: count(plan.planes),
                number: begun.elapsed().as_secs_f64() * 1e6,
                ..Message::new(codes::STACK_COMPLETE)
            });
            if stop.is_cancelled() {
                return;
            }
            if plan.project {
                self.show_projection(plan, *corner).await;
            }
        }
    }

    /// Takes the pictures of one stack; returns how many.
    async fn run_stack(
        self: &Arc<Self>,
        plan: &Plan,
        corner: [f64; 4],
        stop: &CancellationToken,
    ) -> u32 {
        let mut photographer = Photographer::new();
        let hz = self.options.workflow_hz.unwrap_or(plan.hz);
        let period = Duration::from_secs_f64(1.0 / hz.clamp(0.01, 10_000.0));
        for plane in 0..plan.planes {
            let due = Instant::now() + period;
            if plane > 0 {
                let z = corner[Axis::Z.index()] + f64::from(plane) * plan.step_mm;
                self.go(Axis::Z, z).await;
            }
            if plan.live {
                let scene = Scene::new(&lock(&self.instrument), self.now_s());
                if let Some(pixels) = photographer.take(self, scene).await {
                    self.show(&Frame {
                        options: CAMERA_IMAGE,
                        ..Frame::new(scene.size_px, pixels)
                    });
                }
            }
            tokio::select! {
                biased;
                () = stop.cancelled() => return plane,
                () = sleep_until(due.into()) => {}
            }
            self.count_image(plan);
        }
        plan.planes
    }

    fn count_image(&self, plan: &Plan) {
        let mut instrument = lock(&self.instrument);
        let Some(workflow) = &mut instrument.workflow else {
            return;
        };
        workflow.images = workflow.images.saturating_add(1);
        let (images, total) = (workflow.images, plan.images());
        // Source: tile runs are told to spare clients the progress.
        if !plan.is_tiled {
            self.announce(&Message {
                d0: count(images),
                d1: count(total),
                ..Message::new(codes::GAUGE_VALUE)
            });
        }
        if plan.saves && (images.is_multiple_of(SAVED_EVERY) || images == total) {
            self.announce(&Message {
                d0: count(images),
                d1: count(total),
                ..Message::new(codes::IMAGES_SAVED)
            });
        }
    }

    async fn show_projection(self: &Arc<Self>, plan: &Plan, corner: [f64; 4]) {
        let begin_mm = corner[Axis::Z.index()];
        let end_mm = begin_mm + f64::from(plan.planes.saturating_sub(1)) * plan.step_mm;
        let scene = Scene::new(&lock(&self.instrument), self.now_s()).at_z(begin_mm);
        if let Some(pixels) = picture::project(self, scene, end_mm).await {
            self.show(&Frame {
                options: CAMERA_IMAGE | MAX_PROJECTION,
                planes: (0, count(plan.planes.saturating_sub(1))),
                ..Frame::new(scene.size_px, pixels)
            });
        }
    }

    /// Moves an axis and returns when it has come to rest, there or elsewhere.
    async fn go(&self, axis: Axis, target: f64) {
        let mut changes = self.log.changes();
        self.begin_move(&mut lock(&self.instrument), axis, target);
        while lock(&self.instrument).stage.is_axis_moving(axis) {
            if changes.changed().await.is_err() {
                return;
            }
        }
    }
}

fn count(number: u32) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}
