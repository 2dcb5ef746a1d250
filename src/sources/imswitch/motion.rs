//! Where the axes are, whether they move, and what became of moves: from the positions that are
//! heard in signals and read over HTTP. No I/O; time is an argument, monotonic nanoseconds.
//!
//! That a call was answered proves nothing. A move has ended when the axis is seen at rest after
//! the move was sent: done at its target, failed elsewhere.

use crate::model::{CommandId, Motion};

/// Differences up to this are no motion, micrometres.
const NOISE_UM: f64 = 0.05;
/// Seen at one place for this long, an axis rests.
const REST_NS: u64 = 100_000_000;

/// One axis, by the server's own names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct AxisName {
    pub(super) stage: String,
    pub(super) axis: String,
}

/// What a run of an axis is for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Aim {
    /// A place, and how far from it still counts, micrometres.
    To { um: f64, tolerance_um: f64 },
    /// Its reference.
    Home,
}

/// How far from its target a move of `distance_um` may end. Steppers round to steps of a fraction
/// of a micrometre, and what a long way costs in steps and in backlash grows with it; but a small
/// step is not done by standing still.
pub(super) fn tolerance_um(distance_um: f64) -> f64 {
    let distance = distance_um.abs();
    (distance / 2.0).min(0.5).max(distance * 0.000_5).max(0.001)
}

/// A run has ended.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct RunEnd {
    pub(super) id: CommandId,
    /// The place of its axis.
    pub(super) place: usize,
    pub(super) aim: Aim,
    /// Where the axis rests.
    pub(super) at_um: f64,
    /// Whether that is where it was to go.
    pub(super) arrived: bool,
    /// Whether a stop came while it ran.
    pub(super) stopped: bool,
}

#[derive(Clone, Debug)]
struct Run {
    id: CommandId,
    aim: Aim,
    /// The call has no answer yet: standing still proves nothing.
    waiting: bool,
    stopped: bool,
}

/// What is known of one axis.
#[derive(Clone, Debug)]
pub(super) struct AxisMotion {
    pub(super) name: AxisName,
    pub(super) motion: Motion,
    /// Where it was seen last, and when.
    seen: Option<(f64, u64)>,
    /// A place, and since when it has been seen there and nowhere else.
    still: Option<(f64, u64)>,
    /// What was seen earlier proves nothing.
    proof_from: u64,
    run: Option<Run>,
}

impl AxisMotion {
    fn new(name: AxisName, now_ns: u64) -> Self {
        Self {
            name,
            motion: Motion::Unknown,
            seen: None,
            still: None,
            proof_from: now_ns,
            run: None,
        }
    }

    /// Where it was seen last.
    pub(super) fn position_um(&self) -> Option<f64> {
        self.seen.map(|(um, _)| um)
    }

    /// Where it is going, while a move of ours runs.
    pub(super) fn target_um(&self) -> Option<f64> {
        match self.run.as_ref()?.aim {
            Aim::To { um, .. } => Some(um),
            Aim::Home => None,
        }
    }

    fn unprove(&mut self, now_ns: u64) {
        self.proof_from = now_ns;
        self.still = None;
    }

    /// It was at `um` at `at_ns`, or later.
    fn see(&mut self, place: usize, um: f64, at_ns: u64, proof: Proof) -> Option<RunEnd> {
        if self.seen.is_some_and(|(_, last)| at_ns < last) {
            return None;
        }
        self.seen = Some((um, at_ns));
        if at_ns < self.proof_from {
            return None;
        }
        let since = match self.still {
            Some((there, since)) if (there - um).abs() <= NOISE_UM => since,
            before => {
                if before.is_some() {
                    self.motion = Motion::Moving;
                }
                self.still = Some((um, at_ns));
                at_ns
            }
        };
        let rested = at_ns.saturating_sub(since);
        if proof.held {
            return None;
        }
        let Some(run) = &self.run else {
            if rested >= REST_NS {
                self.motion = Motion::Settled;
            }
            return None;
        };
        let arrived = match run.aim {
            Aim::To {
                um: target,
                tolerance_um,
            } => {
                let off = (um - target).abs();
                off <= NOISE_UM.min(tolerance_um) || (off <= tolerance_um && rested >= REST_NS)
            }
            Aim::Home => false,
        };
        // A server may tell positions late, so standing elsewhere is watched for longer.
        let patience = if run.stopped { REST_NS } else { proof.still_ns };
        if !arrived && (run.waiting || rested < patience) {
            return None;
        }
        let end = RunEnd {
            id: run.id,
            place,
            aim: run.aim,
            at_um: um,
            arrived,
            stopped: run.stopped,
        };
        self.run = None;
        self.motion = Motion::Settled;
        Some(end)
    }
}

/// What it takes to prove something.
#[derive(Clone, Copy, Debug)]
struct Proof {
    /// How long a run may be seen standing elsewhere before it has failed.
    still_ns: u64,
    /// After a stop nothing is proved until nothing can be on its way any more.
    held: bool,
}

/// All axes of a server.
#[derive(Clone, Debug)]
pub(super) struct Motions {
    axes: Vec<AxisMotion>,
    proof: Proof,
}

impl Motions {
    pub(super) fn new(still_ns: u64) -> Self {
        Self {
            axes: Vec::new(),
            proof: Proof {
                still_ns,
                held: false,
            },
        }
    }

    pub(super) fn axes(&self) -> &[AxisMotion] {
        &self.axes
    }

    /// There are these axes; what is known of them is kept. Returns the runs of axes that are gone.
    pub(super) fn set_axes(&mut self, names: Vec<AxisName>, now_ns: u64) -> Vec<CommandId> {
        let mut before = std::mem::take(&mut self.axes);
        for name in names {
            let known = before.iter().position(|axis| axis.name == name);
            self.axes.push(match known {
                Some(index) => before.swap_remove(index),
                None => AxisMotion::new(name, now_ns),
            });
        }
        let gone = before.into_iter().filter_map(|axis| axis.run);
        gone.map(|run| run.id).collect()
    }

    /// A run is about to be sent.
    pub(super) fn begin(&mut self, index: usize, id: CommandId, aim: Aim, now_ns: u64) {
        if let Some(axis) = self.axes.get_mut(index) {
            axis.unprove(now_ns);
            axis.motion = Motion::Moving;
            axis.run = Some(Run {
                id,
                aim,
                waiting: true,
                stopped: false,
            });
        }
    }

    /// The call of a run was answered: it may stand still from now on.
    pub(super) fn answered(&mut self, id: CommandId, now_ns: u64) {
        for axis in self.runs_of(id) {
            axis.unprove(now_ns);
            if let Some(run) = &mut axis.run {
                run.waiting = false;
            }
        }
    }

    /// The answer of a run was lost: nobody knows whether it moves.
    pub(super) fn lost(&mut self, id: CommandId, now_ns: u64) {
        self.answered(id, now_ns);
        for axis in self.runs_of(id) {
            axis.motion = Motion::Unknown;
        }
    }

    /// A run did not come about; where its axis is has to be seen again.
    pub(super) fn cancel(&mut self, id: CommandId, now_ns: u64) {
        for axis in self.runs_of(id) {
            axis.run = None;
            axis.unprove(now_ns);
            axis.motion = Motion::Unknown;
        }
    }

    /// Nothing is known any more of what moves.
    pub(super) fn unprove(&mut self, now_ns: u64) {
        for axis in &mut self.axes {
            axis.unprove(now_ns);
            axis.motion = Motion::Unknown;
        }
    }

    /// A stop came: runs end where they rest, but not before [`Motions::release`].
    pub(super) fn hold(&mut self, now_ns: u64) {
        self.proof.held = true;
        self.unprove(now_ns);
        for run in self.axes.iter_mut().filter_map(|axis| axis.run.as_mut()) {
            run.stopped = true;
        }
    }

    /// Nothing that was sent before a stop can move anything any more.
    pub(super) fn release(&mut self, now_ns: u64) {
        self.proof.held = false;
        self.unprove(now_ns);
    }

    /// An axis was seen. Returns the run that has ended by it.
    pub(super) fn see(&mut self, index: usize, um: f64, at_ns: u64) -> Option<RunEnd> {
        let axis = self.axes.get_mut(index)?;
        axis.see(index, um, at_ns, self.proof)
    }

    /// Whether positions have to be read: something moves, or nobody knows.
    pub(super) fn is_restless(&self) -> bool {
        self.axes.iter().any(|axis| axis.motion != Motion::Settled)
    }

    fn runs_of(&mut self, id: CommandId) -> impl Iterator<Item = &mut AxisMotion> {
        let is_it = move |axis: &&mut AxisMotion| axis.run.as_ref().is_some_and(|run| run.id == id);
        self.axes.iter_mut().filter(is_it)
    }
}

#[cfg(test)]
mod tests;
