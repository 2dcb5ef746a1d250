//! What a server has and how it is known to stand: the instrument for people, and behind each of
//! its names the server's own. No I/O; fed with what is found, read and heard.

mod names;

use std::collections::{BTreeMap, BTreeSet};

use super::motion::{AxisName, Motions, RunEnd};
use crate::model::{
    Activity, Axis, Camera, CommandId, CommandKind, Evidence, Instrument, Light, Limits, Motion,
    PlainText, Reading, Unit, Value,
};
use crate::protocol::imswitch::equipment::names as reading;

/// The name of the LED matrix; a server has one at most.
const MATRIX: &str = "led-matrix";

/// One thing that was found out about a server.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Part {
    /// Its controllers.
    Controllers(BTreeSet<String>),
    /// Its stages, and the axes they have.
    Axes(Vec<AxisName>),
    /// Its lasers and LEDs, with the levels they take.
    Lights(Vec<(String, Option<Limits>)>),
    /// Its cameras.
    Cameras(Vec<String>),
    /// What a camera takes: exposure times in milliseconds, and gains.
    Ranges {
        camera: String,
        exposure_ms: Option<Limits>,
        gain: Option<Limits>,
    },
    /// What it can be asked for, and what its live view and its stream can be told.
    Offers {
        offers: Vec<CommandKind>,
        protocols: Vec<PlainText>,
        parameters: Vec<PlainText>,
    },
}

/// Where a light is on the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum LightSource {
    /// Under this name.
    Laser(String),
    /// The whole matrix, of which nothing can be read.
    Matrix,
}

/// When a light was known last; monotonic nanoseconds, 0 for never.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct LightKnown {
    pub(super) level_ns: u64,
    pub(super) on_ns: u64,
}

/// When a camera was known last.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct CameraKnown {
    pub(super) exposure_ns: u64,
    pub(super) gain_ns: u64,
}

/// The inventory of one server.
#[derive(Debug)]
pub(super) struct Inventory {
    shown: Instrument,
    motions: Motions,
    lights: Vec<(LightSource, LightKnown)>,
    /// By the server's names.
    cameras: Vec<(String, CameraKnown)>,
    controllers: BTreeSet<String>,
    limits: BTreeMap<String, Limits>,
    connected: bool,
    snapping: bool,
    /// Protocol of each stream that runs.
    streams: BTreeMap<PlainText, PlainText>,
    recording: Option<(bool, u64)>,
    pub(super) homing: Homing,
}

/// What the server has said about homing.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Homing {
    /// Whether anything was homed since the server started.
    pub(super) homed: Option<bool>,
    /// Whether the last run that it told of has ended, and was cancelled.
    pub(super) ended: Option<Ended>,
}

/// The end of a homing run, and when it was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ended {
    pub(super) at_ns: u64,
    pub(super) cancelled: bool,
}

impl Inventory {
    pub(super) fn new(limits: BTreeMap<String, Limits>, still_ns: u64) -> Self {
        Self {
            shown: Instrument::default(),
            motions: Motions::new(still_ns),
            lights: Vec::new(),
            cameras: Vec::new(),
            controllers: BTreeSet::new(),
            limits,
            connected: false,
            snapping: false,
            streams: BTreeMap::new(),
            recording: None,
            homing: Homing::default(),
        }
    }

    /// The instrument as it is known now.
    pub(super) fn shown(&self) -> &Instrument {
        &self.shown
    }

    pub(super) fn motions(&self) -> &Motions {
        &self.motions
    }

    /// Changes what is known of motion.
    pub(super) fn move_axes<T>(&mut self, change: impl FnOnce(&mut Motions) -> T) -> T {
        let changed = change(&mut self.motions);
        self.show_axes();
        changed
    }

    /// There is a connection, or there is none any more: then nothing is known.
    pub(super) fn set_connected(&mut self, connected: bool, now_ns: u64) {
        self.connected = connected;
        self.move_axes(|motions| motions.unprove(now_ns));
        if !connected {
            for light in &mut self.shown.lights {
                light.evidence = Evidence::None;
            }
            for camera in &mut self.shown.cameras {
                camera.streaming = None;
            }
            self.streams.clear();
            self.homing = Homing::default();
        }
        self.show_activity();
    }

    /// A picture is being taken, or not any more.
    pub(super) fn set_snapping(&mut self, snapping: bool) {
        self.snapping = snapping;
        self.show_activity();
    }

    /// Takes what was found. Returns runs of axes that there are no longer.
    pub(super) fn found(&mut self, part: Part, now_ns: u64) -> Vec<CommandId> {
        match part {
            Part::Controllers(controllers) => self.controllers = controllers,
            Part::Axes(axes) => return self.move_axes(|motions| motions.set_axes(axes, now_ns)),
            Part::Lights(lights) => self.show_lights(lights),
            Part::Cameras(cameras) => self.show_cameras(cameras),
            Part::Ranges {
                camera,
                exposure_ms,
                gain,
            } => {
                let place = self.cameras.iter().position(|(name, _)| *name == camera);
                if let Some(shown) = place.and_then(|at| self.shown.cameras.get_mut(at)) {
                    shown.exposure_range_ms = exposure_ms;
                    shown.gain_range = gain;
                }
            }
            Part::Offers {
                offers,
                protocols,
                parameters,
            } => {
                self.shown.offers = offers;
                self.shown.stream_protocols = protocols;
                self.shown.stream_parameters = parameters;
            }
        }
        self.show_activity();
        Vec::new()
    }

    /// Takes values that were true at `at_ns` or later. Returns the runs that ended by them.
    pub(super) fn read(&mut self, readings: &[Reading], at_ns: u64) -> Vec<RunEnd> {
        let mut ends = Vec::new();
        for one in readings {
            let name = one.name.as_str();
            match name.split('/').next() {
                Some("stage") => ends.extend(self.read_axis(one, at_ns)),
                Some("light") => self.read_light(one, at_ns),
                Some("camera") => self.read_camera(one, at_ns),
                Some("homing") => self.read_homing(one, at_ns),
                _ if name == "server/recording" => {
                    self.recording = flag(&one.value).map(|on| (on, at_ns));
                }
                _ => {}
            }
        }
        self.show_axes();
        self.show_activity();
        ends
    }

    fn read_axis(&mut self, one: &Reading, at_ns: u64) -> Option<RunEnd> {
        let is_it = |name: &AxisName| reading::position(&name.stage, &name.axis) == one.name;
        let mut axes = self.motions.axes().iter();
        let place = axes.position(|axis| is_it(&axis.name))?;
        self.motions.see(place, number(&one.value)?, at_ns)
    }

    fn read_light(&mut self, one: &Reading, at_ns: u64) {
        for ((source, known), shown) in self.lights.iter_mut().zip(&mut self.shown.lights) {
            let LightSource::Laser(name) = source else {
                continue;
            };
            if reading::light(name, "value") == one.name && at_ns >= known.level_ns {
                shown.level = number(&one.value);
                known.level_ns = at_ns;
                shown.evidence = Evidence::Read;
            } else if reading::light(name, "enabled") == one.name && at_ns >= known.on_ns {
                shown.on = flag(&one.value);
                known.on_ns = at_ns;
                shown.evidence = Evidence::Read;
            }
        }
    }

    fn read_camera(&mut self, one: &Reading, at_ns: u64) {
        for ((name, known), shown) in self.cameras.iter_mut().zip(&mut self.shown.cameras) {
            let is = |value: &str| reading::camera(name, value) == one.name;
            if is("exposure") && at_ns >= known.exposure_ns {
                shown.exposure_ms = number(&one.value);
                known.exposure_ns = at_ns;
            } else if is("gain") && at_ns >= known.gain_ns {
                shown.gain = number(&one.value);
                known.gain_ns = at_ns;
            } else if is("streaming") {
                shown.streaming = flag(&one.value);
                if shown.streaming == Some(false) {
                    self.streams.remove(&shown.name);
                }
            } else if is("protocol")
                && let (Value::Text(protocol), Some(true)) = (&one.value, shown.streaming)
            {
                self.streams.insert(shown.name.clone(), protocol.clone());
            }
        }
    }

    fn read_homing(&mut self, one: &Reading, at_ns: u64) {
        match (one.name.as_str(), flag(&one.value)) {
            ("homing/has_homed_since_startup", homed) => self.homing.homed = homed,
            ("homing/active", Some(true)) => self.homing.ended = None,
            ("homing/active", Some(false)) => {
                let cancelled = false;
                self.homing.ended = Some(Ended { at_ns, cancelled });
            }
            ("homing/cancelled", Some(cancelled)) => {
                if let Some(ended) = &mut self.homing.ended {
                    ended.cancelled = cancelled;
                }
            }
            _ => {}
        }
    }

    /// What a light was told that cannot be read back.
    pub(super) fn assume_light(&mut self, place: usize, level: Option<f64>, on: Option<bool>) {
        if let Some(shown) = self.shown.lights.get_mut(place) {
            shown.level = level.or(shown.level);
            shown.on = on.or(shown.on);
            shown.evidence = Evidence::Assumed;
        }
    }

    /// Nobody knows any more how a light stands.
    pub(super) fn doubt_light(&mut self, place: usize) {
        if let Some(shown) = self.shown.lights.get_mut(place) {
            shown.evidence = Evidence::None;
        }
    }

    /// The place of an axis in the lists.
    pub(super) fn axis(&self, name: &str) -> Option<usize> {
        let mut axes = self.shown.axes.iter();
        axes.position(|axis| axis.name.eq_ignore_ascii_case(name))
    }

    /// The place of a light, where it is on the server, and when it was known.
    pub(super) fn light(&self, name: &str) -> Option<(usize, &LightSource, LightKnown)> {
        let mut lights = self.shown.lights.iter();
        let place = lights.position(|light| light.name.eq_ignore_ascii_case(name))?;
        let (source, known) = self.lights.get(place)?;
        Some((place, source, *known))
    }

    /// The server's name of a camera, the first without a name, and when it was known.
    pub(super) fn camera(&self, name: Option<&str>) -> Option<(usize, &str, CameraKnown)> {
        let place = match name {
            None => 0,
            Some(name) => {
                let mut cameras = self.shown.cameras.iter();
                cameras.position(|camera| camera.name.eq_ignore_ascii_case(name))?
            }
        };
        let (name, known) = self.cameras.get(place)?;
        Some((place, name, *known))
    }

    /// Protocols of the streams that run, by camera.
    pub(super) fn streams(&self) -> &BTreeMap<PlainText, PlainText> {
        &self.streams
    }

    /// Whether the server records, and when that was known.
    pub(super) fn recording(&self) -> Option<(bool, u64)> {
        self.recording
    }

    /// Whether the server has this controller.
    pub(super) fn has(&self, controller: &str) -> bool {
        self.controllers.contains(controller)
    }

    /// The server's names of its stages.
    pub(super) fn stages(&self) -> Vec<String> {
        let mut stages: Vec<String> = Vec::new();
        for axis in self.motions.axes() {
            if !stages.contains(&axis.name.stage) {
                stages.push(axis.name.stage.clone());
            }
        }
        stages
    }

    /// The server's names of its lasers and LEDs.
    pub(super) fn lasers(&self) -> impl Iterator<Item = &str> {
        self.lights.iter().filter_map(|(source, _)| match source {
            LightSource::Laser(name) => Some(name.as_str()),
            LightSource::Matrix => None,
        })
    }

    fn show_axes(&mut self) {
        let labels = names::axes(self.motions.axes().iter().map(|axis| &axis.name));
        let axes = labels.into_iter().zip(self.motions.axes());
        self.shown.axes = axes
            .map(|(name, axis)| Axis {
                limits: names::limits(&self.limits, &name),
                name,
                unit: Unit::Micrometre,
                position: axis.position_um(),
                target: axis.target_um(),
                motion: match self.connected {
                    true => axis.motion,
                    false => Motion::Unknown,
                },
            })
            .collect();
    }

    fn show_lights(&mut self, found: Vec<(String, Option<Limits>)>) {
        let mut found: Vec<_> = found
            .into_iter()
            .map(|(name, range)| (LightSource::Laser(name), Unit::Raw, range))
            .collect();
        if self.has("LEDMatrixController") {
            let range = Limits::new(0.0, 100.0);
            found.push((LightSource::Matrix, Unit::Percent, range));
        }
        let labels = names::unlike(found.iter().map(|(source, ..)| match source {
            LightSource::Laser(name) => name.as_str(),
            LightSource::Matrix => MATRIX,
        }));
        let before = std::mem::take(&mut self.lights);
        let shown_before = std::mem::take(&mut self.shown.lights);
        for ((source, unit, range), name) in found.into_iter().zip(labels) {
            let same = before.iter().position(|(other, _)| *other == source);
            let was = same.and_then(|place| shown_before.get(place));
            let label = match (&source, range) {
                (LightSource::Matrix, _) => "LED matrix".into(),
                (_, Some(range)) => format!("{name}, {} to {}", range.min, range.max).into(),
                (_, None) => name.clone(),
            };
            self.shown.lights.push(Light {
                name,
                label,
                level: was.and_then(|was| was.level),
                unit,
                range,
                on: was.and_then(|was| was.on),
                evidence: was.map_or(Evidence::None, |was| was.evidence),
            });
            let known = same.and_then(|place| before.get(place)).map(|(_, k)| *k);
            self.lights.push((source, known.unwrap_or_default()));
        }
    }

    fn show_cameras(&mut self, found: Vec<String>) {
        let labels = names::unlike(found.iter().map(String::as_str));
        let before = std::mem::take(&mut self.cameras);
        let shown_before = std::mem::take(&mut self.shown.cameras);
        for (server, name) in found.into_iter().zip(labels) {
            let same = before.iter().position(|(other, _)| *other == server);
            let was = same.and_then(|place| shown_before.get(place)).cloned();
            self.shown.cameras.push(Camera {
                name: name.clone(),
                ..was.unwrap_or(Camera {
                    name,
                    exposure_ms: None,
                    exposure_range_ms: None,
                    gain: None,
                    gain_range: None,
                    streaming: None,
                    controls: Vec::new(),
                })
            });
            let known = same.and_then(|place| before.get(place)).map(|(_, k)| *k);
            self.cameras.push((server, known.unwrap_or_default()));
        }
    }

    fn show_activity(&mut self) {
        let streams = |camera: &Camera| camera.streaming == Some(true);
        self.shown.activity = if !self.connected || self.shown.offers.is_empty() {
            Activity::Unknown
        } else if self.snapping {
            Activity::Snapshot
        } else if self.shown.cameras.iter().any(streams) {
            Activity::LiveView
        } else {
            Activity::Idle
        };
    }
}

fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Float(number) => Some(*number).filter(|number| number.is_finite()),
        Value::Int(number) => Some(*number as f64),
        Value::Bool(_) | Value::Text(_) => None,
    }
}

fn flag(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(on) => Some(*on),
        Value::Int(number) => Some(*number != 0),
        Value::Float(_) | Value::Text(_) => None,
    }
}
