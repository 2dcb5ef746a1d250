//! What is known of the instrument, from what it says: no socket, no command.
//!
//! Whatever changes what is published marks it as changed; that many messages said so between two
//! publications is counted and not kept.

mod readings;
mod settings;

use std::collections::BTreeMap;
use std::time::Duration;

use crate::model::{
    Activity, Axis as AxisState, Camera, CommandKind, Evidence, Instrument, Limits, Motion,
    PlainText, Reading, Unit, Value, Workflow, WorkflowState,
};
use crate::protocol::flamingo::{
    Axis, Event, Laser, LedColour, Profile, Settings, Side, SystemState,
};

/// The pause that the server wants between workflows. Source: protocol description, section 13.3.
pub(super) const WORKFLOW_PAUSE_NS: u64 = 3_000_000_000;

/// An axis that rests is not looked at again sooner because something said once more that it
/// stopped: some servers say so all the time.
const LOOK_AGAIN_NS: u64 = 2_000_000_000;

/// An axis of which no position update came for so long is looked at.
const QUIET_NS: u64 = 500_000_000;

/// The shortest time between two publications of how many messages were coalesced.
const COALESCED_EVERY_NS: u64 = 1_000_000_000;

/// A light by what it is on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lamp {
    Laser(Laser),
    Led(LedColour),
    Sheet(Side),
}

/// What is remembered of one axis beside what is published.
#[derive(Clone, Debug, Default)]
pub(super) struct Track {
    /// How often it was said that it stopped, with status 1.
    pub(super) stops: u64,
    /// A command of ours has it.
    pub(super) is_ours: bool,
    /// It is to be looked at until it rests.
    pub(super) look: bool,
    /// The same, but not at once.
    look_later: bool,
    /// When an update of its position came last, monotonic nanoseconds.
    updated_ns: u64,
    /// When it was seen at rest last.
    settled_ns: u64,
    /// Why it may not be moved, if our own limits are wrong.
    pub(super) forbidden: Option<PlainText>,
    /// Units per second.
    pub(super) velocity: Option<f64>,
    pub(super) home: Option<f64>,
}

/// All of it.
#[derive(Debug)]
pub(super) struct Known {
    pub(super) instrument: Instrument,
    /// What the lights of `instrument` are, in their order.
    lamps: Vec<Lamp>,
    pub(super) tracks: [Track; 4],
    pub(super) settings: Option<Settings>,
    pub(super) settings_text: bytes::Bytes,
    /// Limits of our own.
    own_limits: BTreeMap<String, Limits>,
    pub(super) pixel_size_um: Option<f64>,
    /// Values beside those of `instrument`, by their names.
    values: BTreeMap<&'static str, (Value, &'static str)>,
    /// What was published of all values.
    published: BTreeMap<PlainText, (Value, &'static str)>,
    /// The workflow was told to stop.
    pub(super) stop_asked: bool,
    /// When a workflow was sent last, monotonic nanoseconds.
    workflow_sent_ns: u64,
    /// How long it may take to begin.
    workflow_start_ns: u64,
    /// When a workflow ended last, monotonic nanoseconds.
    pub(super) workflow_ended_ns: Option<u64>,
    /// Messages that only changed a value which a later one changed again.
    coalesced: u64,
    /// How many of them were published, and when.
    told: (u64, u64),
    changed: bool,
}

/// What an event is besides a change of what is known.
#[derive(Debug, PartialEq)]
pub(super) enum News {
    /// Nothing more.
    None,
    /// To be kept as it is.
    Keep(Event),
    /// Worth telling: one sentence each.
    Doubts(Vec<String>),
}

impl Known {
    /// Nothing is known yet.
    ///
    /// - `own_limits`: limits of our own, by the letters of the axes
    /// - `workflow_start`: how long a workflow may take to begin
    pub(super) fn new(
        profile: &Profile,
        own_limits: BTreeMap<String, Limits>,
        workflow_start: Duration,
    ) -> Self {
        let axis = |axis: Axis| AxisState {
            name: axis.letter().into(),
            unit: unit(axis),
            position: None,
            target: None,
            limits: None,
            motion: Motion::Unknown,
        };
        let camera = Camera {
            name: "camera-1".into(),
            exposure_ms: None,
            exposure_range_ms: Some(Limits {
                min: 0.001,
                max: 1000.0,
            }),
            gain: None,
            gain_range: None,
            streaming: None,
        };
        let mut known = Self {
            instrument: Instrument {
                axes: Axis::ALL.map(axis).into(),
                cameras: vec![camera],
                offers: offers(profile),
                ..Instrument::default()
            },
            lamps: Vec::new(),
            tracks: Default::default(),
            settings: None,
            settings_text: bytes::Bytes::new(),
            own_limits,
            pixel_size_um: None,
            values: BTreeMap::new(),
            published: BTreeMap::new(),
            stop_asked: false,
            workflow_sent_ns: 0,
            workflow_start_ns: nanos(workflow_start),
            workflow_ended_ns: None,
            coalesced: 0,
            told: (0, 0),
            changed: true,
        };
        known.name_lamps();
        known
    }

    /// The instrument, if it changed since this was last asked.
    pub(super) fn take_changed(&mut self) -> bool {
        std::mem::take(&mut self.changed)
    }

    pub(super) fn is_changed(&self) -> bool {
        self.changed
    }

    pub(super) fn set_value(
        &mut self,
        name: &'static str,
        value: impl Into<Value>,
        unit: &'static str,
    ) {
        let new = (value.into(), unit);
        if self.values.get(name) != Some(&new) {
            self.values.insert(name, new);
            self.changed = true;
        }
    }

    /// Takes in what an event says.
    pub(super) fn take(&mut self, event: Event, now_ns: u64) -> News {
        match event {
            Event::MotionStopped { axis, status } => {
                self.count();
                if let (Some(axis), 1) = (axis, status) {
                    self.stopped(axis, now_ns);
                }
            }
            Event::Positions { positions } => {
                self.count();
                for (axis, position) in Axis::ALL.into_iter().zip(positions) {
                    if let Some(position) = position {
                        self.moving(axis, position, now_ns);
                    }
                }
            }
            Event::AxisPosition { axis, position } => self.set_position(axis, position),
            Event::GaugeSize { maximum } => self.progress(|w| w.expected = count_of(maximum)),
            Event::GaugeValue { acquired, expected } => {
                self.count();
                self.progress(|workflow| {
                    workflow.acquired = count_of(acquired);
                    workflow.expected = count_of(expected).or(workflow.expected);
                    is_begun(workflow);
                });
            }
            Event::ImagesSaved { written, .. } => {
                self.count();
                self.progress(|workflow| workflow.saved = count_of(written));
            }
            Event::StackComplete { .. } => {
                self.progress(is_begun);
                return News::Keep(event);
            }
            Event::LaserLevel { laser, percent, .. } => {
                self.count();
                if let (Some(laser), Some(percent)) = (Laser::from_number(laser), percent) {
                    self.set_level(Lamp::Laser(laser), percent, Evidence::Read);
                }
            }
            Event::LedOff { .. } => {
                self.count();
                for colour in LedColour::ALL {
                    self.set_on(Lamp::Led(colour), false, Evidence::Read);
                }
            }
            Event::State(state) => self.set_state(state, now_ns),
            Event::Settings { text } => return News::Doubts(self.set_settings(text)),
            Event::LiveViewOnChange => self.set_value("camera/live mode", "on change", ""),
            Event::Other(_) | Event::Oversize { .. } => return News::Keep(event),
        }
        News::None
    }

    fn count(&mut self) {
        self.coalesced = self.coalesced.saturating_add(1);
    }

    pub(super) fn track(&mut self, axis: Axis) -> Option<&mut Track> {
        self.tracks.get_mut(axis.index())
    }

    pub(super) fn stops(&self, axis: Axis) -> u64 {
        self.tracks.get(axis.index()).map_or(0, |track| track.stops)
    }

    pub(super) fn axis(&self, axis: Axis) -> Option<&AxisState> {
        self.instrument.axes.get(axis.index())
    }

    fn runs_workflow(&self) -> bool {
        self.instrument.activity == Activity::Workflow
    }

    fn change_axis(&mut self, axis: Axis, change: impl FnOnce(&mut AxisState)) {
        if let Some(state) = self.instrument.axes.get_mut(axis.index()) {
            let before = state.clone();
            change(state);
            self.changed |= before != *state;
        }
    }

    fn stopped(&mut self, axis: Axis, now_ns: u64) {
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
    fn moving(&mut self, axis: Axis, position: f64, now_ns: u64) {
        let before = self.axis(axis).and_then(|state| state.position);
        if before == Some(position) {
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
    pub(super) fn set_position(&mut self, axis: Axis, position: f64) {
        self.change_axis(axis, |state| state.position = Some(position));
    }

    /// A move of it has left.
    pub(super) fn set_moving(&mut self, axis: Axis, target: f64, now_ns: u64) {
        if let Some(track) = self.track(axis) {
            track.updated_ns = now_ns;
        }
        self.change_axis(axis, |state| {
            state.motion = Motion::Moving;
            state.target = Some(target);
        });
    }

    /// It rests there.
    pub(super) fn set_settled(&mut self, axis: Axis, position: f64, now_ns: u64) {
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
    pub(super) fn look_at(&mut self, axis: Axis) {
        if let Some(track) = self.track(axis) {
            track.look = true;
        }
    }

    /// The axes that nobody but the steward looks after, and that have to be looked at now.
    pub(super) fn to_look_at(&self, now_ns: u64) -> Option<Axis> {
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
    pub(super) fn may_have_to_look(&self) -> bool {
        let axes = self.instrument.axes.iter();
        axes.map(|axis| axis.motion == Motion::Moving)
            .zip(&self.tracks)
            .any(|(moves, track)| moves || track.look_later)
    }

    pub(super) fn lamp(&self, name: &str) -> Option<Lamp> {
        let lights = self.instrument.lights.iter().zip(&self.lamps);
        let mut named = lights.filter(|(light, _)| light.name.eq_ignore_ascii_case(name));
        named.next().map(|(_, lamp)| *lamp)
    }

    fn change_light(&mut self, lamp: Lamp, change: impl FnOnce(&mut crate::model::Light)) {
        let place = self.lamps.iter().position(|other| *other == lamp);
        if let Some(light) = place.and_then(|place| self.instrument.lights.get_mut(place)) {
            let before = light.clone();
            change(light);
            self.changed |= before != *light;
        }
    }

    pub(super) fn level(&self, lamp: Lamp) -> Option<f64> {
        let place = self.lamps.iter().position(|other| *other == lamp)?;
        self.instrument.lights.get(place)?.level
    }

    pub(super) fn set_level(&mut self, lamp: Lamp, percent: f64, evidence: Evidence) {
        self.change_light(lamp, |light| {
            light.level = Some(percent);
            if light.on.is_none() {
                light.evidence = evidence;
            }
        });
    }

    pub(super) fn set_on(&mut self, lamp: Lamp, on: bool, evidence: Evidence) {
        self.change_light(lamp, |light| {
            light.on = Some(on);
            light.evidence = evidence;
        });
    }

    /// Every light was switched off, and none has said so.
    pub(super) fn darkened(&mut self) {
        for lamp in self.lamps.clone() {
            self.set_on(lamp, false, Evidence::Assumed);
        }
    }

    pub(super) fn set_exposure_us(&mut self, exposure_us: u32) {
        let ms = f64::from(exposure_us) / 1000.0;
        self.change_camera(|camera| camera.exposure_ms = Some(ms));
    }

    pub(super) fn change_camera(&mut self, change: impl FnOnce(&mut Camera)) {
        if let Some(camera) = self.instrument.cameras.first_mut() {
            let before = camera.clone();
            change(camera);
            self.changed |= before != *camera;
        }
    }

    fn progress(&mut self, change: impl FnOnce(&mut Workflow)) {
        let live =
            |w: &&mut Workflow| matches!(w.state, WorkflowState::Starting | WorkflowState::Running);
        if let Some(workflow) = self.instrument.workflow.as_mut().filter(live) {
            let before = workflow.clone();
            change(workflow);
            self.changed |= before != *workflow;
        }
    }

    /// A workflow has been sent. From here on the instrument counts as busy with it.
    pub(super) fn workflow_sent(&mut self, name: PlainText, now_ns: u64) {
        self.stop_asked = false;
        self.workflow_sent_ns = now_ns;
        self.instrument.workflow = Some(Workflow {
            name: Some(name),
            state: WorkflowState::Starting,
            acquired: None,
            expected: None,
            saved: None,
        });
        self.instrument.activity = Activity::Workflow;
        self.changed = true;
    }

    /// The workflow, if there is one, is told to stop.
    pub(super) fn ask_to_stop(&mut self) {
        let state = self.workflow_state();
        self.stop_asked = matches!(
            state,
            Some(WorkflowState::Starting | WorkflowState::Running)
        );
    }

    pub(super) fn workflow_state(&self) -> Option<WorkflowState> {
        self.instrument.workflow.as_ref().map(|w| w.state)
    }

    pub(super) fn end_workflow(&mut self, state: WorkflowState, now_ns: u64) {
        if let Some(workflow) = &mut self.instrument.workflow {
            workflow.state = state;
        }
        self.workflow_ended_ns = Some(now_ns);
        self.stop_asked = false;
        self.changed = true;
        for axis in Axis::ALL {
            self.look_at(axis);
        }
    }

    pub(super) fn set_state(&mut self, state: SystemState, now_ns: u64) {
        let is_starting = self.workflow_state() == Some(WorkflowState::Starting);
        if is_starting && state == SystemState::Idle {
            let since = now_ns.saturating_sub(self.workflow_sent_ns);
            if self.stop_asked {
                self.end_workflow(WorkflowState::Stopped, now_ns);
            } else if since >= self.workflow_start_ns {
                self.end_workflow(WorkflowState::Failed, now_ns);
            }
        }
        let is_starting = self.workflow_state() == Some(WorkflowState::Starting);
        let activity = match state {
            SystemState::Disconnected => Activity::Disconnected,
            // Right after the start it may be old, and what was sent may begin any moment.
            SystemState::Idle if is_starting => Activity::Workflow,
            SystemState::Idle => Activity::Idle,
            SystemState::Snapshot => Activity::Snapshot,
            SystemState::LiveView => Activity::LiveView,
            SystemState::Workflow => Activity::Workflow,
        };
        self.set_value("server/state", state.as_str(), "");
        self.changed |= self.instrument.activity != activity;
        self.instrument.activity = activity;
        let streams = state == SystemState::LiveView;
        self.change_camera(|camera| camera.streaming = Some(streams));
        match (state, self.workflow_state()) {
            (
                SystemState::Workflow,
                Some(WorkflowState::Starting | WorkflowState::Unknown | WorkflowState::Running),
            ) => {
                if let Some(workflow) = &mut self.instrument.workflow {
                    self.changed |= workflow.state != WorkflowState::Running;
                    workflow.state = WorkflowState::Running;
                }
            }
            // Somebody else's, or one from before we came.
            (SystemState::Workflow, _) => {
                self.instrument.workflow = Some(Workflow {
                    name: None,
                    state: WorkflowState::Running,
                    acquired: None,
                    expected: None,
                    saved: None,
                });
                self.changed = true;
            }
            (_, Some(WorkflowState::Running | WorkflowState::Unknown)) => {
                let end = if self.stop_asked {
                    WorkflowState::Stopped
                } else {
                    WorkflowState::Ended
                };
                self.end_workflow(end, now_ns);
            }
            _ => {}
        }
    }

    /// Nothing proves any more where things are.
    pub(super) fn connection_lost(&mut self) {
        for axis in &mut self.instrument.axes {
            axis.motion = Motion::Unknown;
            axis.target = None;
        }
        for track in &mut self.tracks {
            track.is_ours = false;
            track.look = false;
        }
        for light in &mut self.instrument.lights {
            light.evidence = match light.on {
                Some(_) => Evidence::Assumed,
                None => Evidence::None,
            };
        }
        for camera in &mut self.instrument.cameras {
            camera.streaming = None;
        }
        if let Some(workflow) = &mut self.instrument.workflow
            && matches!(
                workflow.state,
                WorkflowState::Starting | WorkflowState::Running
            )
        {
            workflow.state = WorkflowState::Unknown;
        }
        self.instrument.activity = Activity::Unknown;
        self.changed = true;
    }

    /// Values that are not as they were published, and the number of messages behind them.
    pub(super) fn take_readings(&mut self) -> Vec<Reading> {
        let all = readings::of(self);
        let mut changed = Vec::new();
        for reading in all {
            let new = (reading.value.clone(), reading.unit);
            if self.published.get(&reading.name) != Some(&new) {
                self.published.insert(reading.name.clone(), new);
                changed.push(reading);
            }
        }
        changed
    }

    /// How many messages only changed what a later one changed again, once a second if it has
    /// changed.
    pub(super) fn take_coalesced(&mut self, now_ns: u64) -> Option<Reading> {
        let (count, at_ns) = self.told;
        if count == self.coalesced || now_ns.saturating_sub(at_ns) < COALESCED_EVERY_NS {
            return None;
        }
        self.told = (self.coalesced, now_ns);
        let count = i64::try_from(self.coalesced).unwrap_or(i64::MAX);
        Some(Reading::new("server/coalesced events", count, ""))
    }
}

fn is_begun(workflow: &mut Workflow) {
    if workflow.state == WorkflowState::Starting {
        workflow.state = WorkflowState::Running;
    }
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

fn count_of(number: i32) -> Option<u64> {
    u64::try_from(number).ok()
}

/// The unit of an axis in the model.
pub(super) fn unit(axis: Axis) -> Unit {
    match axis {
        Axis::R => Unit::Degree,
        _ => Unit::Millimetre,
    }
}

/// What can be asked for with these codes.
fn offers(profile: &Profile) -> Vec<CommandKind> {
    use crate::protocol::flamingo::Command as C;
    let has = |command| profile.code(command).is_some();
    let offered = |kind: &CommandKind| match kind {
        CommandKind::Refresh | CommandKind::Raw => true,
        CommandKind::Move | CommandKind::Home => has(C::StagePositionSet),
        CommandKind::Light => has(C::LaserLevelSet) || has(C::LedSet),
        // Its code is doubtful: whoever is certain writes it down.
        CommandKind::Exposure => profile.is_chosen(C::ExposureSet),
        CommandKind::Live => has(C::LiveViewStart) && has(C::LiveViewStop),
        CommandKind::Snap => has(C::Snapshot),
        CommandKind::Workflow => has(C::WorkflowStart) && has(C::WorkflowStop),
        CommandKind::Settings => has(C::SettingsSave),
        CommandKind::Gain | CommandKind::Stream | CommandKind::ServerRecording => false,
    };
    CommandKind::ALL.into_iter().filter(offered).collect()
}
