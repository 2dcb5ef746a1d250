//! What is known of the instrument, from what it says: no socket, no command.
//!
//! Whatever changes what is published marks it as changed; that many messages said so between two
//! publications is counted and not kept.

mod axes;
mod lights;
mod readings;
mod settings;
mod workflow;

use axes::Track;
pub(super) use lights::Lamp;
use workflow::is_begun;

use std::collections::BTreeMap;
use std::time::Duration;

use crate::model::{
    Activity, Axis as AxisState, Camera, CommandKind, Evidence, Instrument, Limits, Motion,
    PlainText, Reading, Unit, Value, WorkflowState,
};
use crate::protocol::flamingo::{Axis, Event, Laser, LedColour, Profile, Settings};

/// The pause that the server wants between workflows. Source: protocol description, section 13.3.
pub(super) const WORKFLOW_PAUSE_NS: u64 = 3_000_000_000;

/// The shortest time between two publications of how many messages were coalesced.
const COALESCED_EVERY_NS: u64 = 1_000_000_000;

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
            controls: Vec::new(),
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
        self.set_value("server/state", Activity::Unknown.as_str(), "");
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
        CommandKind::Gain
        | CommandKind::Control
        | CommandKind::Stream
        | CommandKind::ServerRecording => false,
    };
    CommandKind::ALL.into_iter().filter(offered).collect()
}

#[cfg(test)]
mod tests;
