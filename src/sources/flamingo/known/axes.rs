//! The axes: where they are, whether they move, and which of them has to be looked at.

use super::Known;
use crate::model::{Activity, Axis as AxisState, Motion, PlainText};
use crate::protocol::flamingo::Axis;

/// An axis that rests is not looked at again sooner because something said once more that it
/// stopped: some servers say so all the time.
const LOOK_AGAIN_NS: u64 = 2_000_000_000;

/// An axis of which no position update came for so long is looked at.
const QUIET_NS: u64 = 500_000_000;

/// What is remembered of one axis beside what is published.
#[derive(Clone, Debug, Default)]
pub(in crate::sources::flamingo) struct Track {
    /// How often it was said that it stopped, with status 1.
    pub(in crate::sources::flamingo) stops: u64,
    /// A command of ours has it.
    pub(in crate::sources::flamingo) is_ours: bool,
    /// It is to be looked at until it rests.
    pub(in crate::sources::flamingo) look: bool,
    /// The same, but not at once.
    look_later: bool,
    /// When an update of its position came last, monotonic nanoseconds.
    updated_ns: u64,
    /// When it was seen at rest last.
    settled_ns: u64,
    /// Why it may not be moved, if our own limits are wrong.
    pub(in crate::sources::flamingo) forbidden: Option<PlainText>,
    /// Units per second.
    pub(in crate::sources::flamingo) velocity: Option<f64>,
    pub(in crate::sources::flamingo) home: Option<f64>,
}

impl Known {
    pub(in crate::sources::flamingo) fn track(&mut self, axis: Axis) -> Option<&mut Track> {
        self.tracks.get_mut(axis.index())
    }

    pub(in crate::sources::flamingo) fn stops(&self, axis: Axis) -> u64 {
        self.tracks.get(axis.index()).map_or(0, |track| track.stops)
    }

    pub(in crate::sources::flamingo) fn axis(&self, axis: Axis) -> Option<&AxisState> {
        self.instrument.axes.get(axis.index())
    }

    pub(super) fn runs_workflow(&self) -> bool {
        self.instrument.activity == Activity::Workflow
    }

    pub(super) fn change_axis(&mut self, axis: Axis, change: impl FnOnce(&mut AxisState)) {
        if let Some(state) = self.instrument.axes.get_mut(axis.index()) {
            let before = state.clone();
            change(state);
            self.changed |= before != *state;
        }
    }

    pub(super) fn stopped(&mut self, axis: Axis, now_ns: u64) {
        let is_moving = self.axis(axis).is_some_and(|a| a.motion == Motion::Moving);
        let in_workflow = self.runs_workflow();
        let Some(track) = self.track(axis) else {
            return;
        };
        track.stops = track.stops.saturating_add(1);
        if !track.is_ours && !in_workflow {
            track.look |= is_moving || now_ns.saturating_sub(track.settled_ns) > LOOK_AGAIN_NS;
            track.look_later = true;
        }
    }

    /// An update: it is on its way, if it is elsewhere than it was.
    pub(super) fn moving(&mut self, axis: Axis, position: f64, now_ns: u64) {
        let before = self.axis(axis).map(|state| (state.position, state.motion));
        if let Some((Some(before), Motion::Settled)) = before
            && (before - position).abs() <= axis.tolerance() / 4.0
        {
            // Updates are rounded, and name the axes that rest too.
            return;
        }
        if before.is_some_and(|(before, _)| before == Some(position)) {
            return;
        }
        if let Some(track) = self.track(axis) {
            track.updated_ns = now_ns;
        }
        self.change_axis(axis, |state| {
            state.position = Some(position);
            state.motion = Motion::Moving;
        });
    }

    /// Where it is, of which nothing follows about whether it moves.
    pub(in crate::sources::flamingo) fn set_position(&mut self, axis: Axis, position: f64) {
        self.change_axis(axis, |state| state.position = Some(position));
    }

    /// A move of it has left.
    pub(in crate::sources::flamingo) fn set_moving(
        &mut self,
        axis: Axis,
        target: f64,
        now_ns: u64,
    ) {
        if let Some(track) = self.track(axis) {
            track.updated_ns = now_ns;
        }
        self.change_axis(axis, |state| {
            state.motion = Motion::Moving;
            state.target = Some(target);
        });
    }

    /// It rests there.
    pub(in crate::sources::flamingo) fn set_settled(
        &mut self,
        axis: Axis,
        position: f64,
        now_ns: u64,
    ) {
        if let Some(track) = self.track(axis) {
            track.settled_ns = now_ns;
            track.look = false;
            track.look_later = false;
        }
        self.change_axis(axis, |state| {
            state.position = Some(position);
            state.motion = Motion::Settled;
            state.target = None;
        });
    }

    /// Where it is going is not known any more, or whether.
    pub(in crate::sources::flamingo) fn look_at(&mut self, axis: Axis) {
        if let Some(track) = self.track(axis) {
            track.look = true;
        }
    }

    /// The axes that nobody but the steward looks after, and that have to be looked at now.
    pub(in crate::sources::flamingo) fn to_look_at(&self, now_ns: u64) -> Option<Axis> {
        if self.runs_workflow() {
            return None;
        }
        Axis::ALL.into_iter().find(|axis| {
            let Some((track, state)) = self.tracks.get(axis.index()).zip(self.axis(*axis)) else {
                return false;
            };
            let is_quiet = now_ns.saturating_sub(track.updated_ns) >= QUIET_NS;
            let is_left = state.motion == Motion::Moving && is_quiet;
            let is_later = now_ns.saturating_sub(track.settled_ns) > LOOK_AGAIN_NS;
            !track.is_ours && (track.look || is_left || (track.look_later && is_later))
        })
    }

    /// Whether [`Known::to_look_at`] may name an axis later, without anything being said before.
    pub(in crate::sources::flamingo) fn may_have_to_look(&self) -> bool {
        let axes = self.instrument.axes.iter();
        axes.map(|axis| axis.motion == Motion::Moving)
            .zip(&self.tracks)
            .any(|(moves, track)| moves || track.look_later)
    }
}
