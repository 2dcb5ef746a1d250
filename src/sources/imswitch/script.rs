//! What a command sends, what is read back after it, and what would prove it. No I/O.

mod stream;

use super::call::Call;
use super::inventory::{Inventory, LightSource};
use super::motion::{Aim, tolerance_um};
use super::options::StreamProtocol;
use crate::control::{Refusal, level_of, target_of};
use crate::model::{Command, PlainText, Quantity, Target, Unit};

pub(super) use stream::StreamValue;

/// Longer exposures are taken aside: a snap holds up everything else of the server while it works.
/// Source: the servers' own limit for live views.
const LONG_EXPOSURE_MS: f64 = 2_000.0;
/// The matrix' brightest. Source: the controller's default intensity.
const MATRIX_FULL: f64 = 255.0;

/// What is done for a command.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Script {
    pub(super) work: Work,
    /// What is read afterwards.
    pub(super) reads: Vec<Read>,
    /// What would prove it.
    pub(super) goal: Goal,
    /// What it has to itself.
    pub(super) subject: Subject,
}

/// What is sent.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Work {
    /// These calls, one after the other; the first that fails ends it.
    Calls(Vec<Call>),
    /// A live view with this protocol, unless one runs.
    StartLive {
        protocol: String,
        /// Whether another protocol would do as well.
        any: bool,
    },
    /// One picture, asked for again and again until it is taken.
    SnapAside(Call),
}

/// Something to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Read {
    /// Level and state of a laser or LED.
    Light(String),
    /// Settings of a camera, and whether it is the first.
    Camera { name: String, is_first: bool },
    /// Whether the server records.
    Recording,
}

/// What would prove a command.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Goal {
    /// Runs of these axes, by their places; they end in what is seen of the axes.
    Runs(Vec<(usize, Aim)>),
    /// A light reads like this.
    Light {
        light: String,
        level: Option<f64>,
        on: Option<bool>,
    },
    /// Nothing: the matrix cannot be read. It was told this.
    Matrix {
        place: usize,
        level: Option<f64>,
        on: Option<bool>,
    },
    /// A camera reads this exposure time.
    Exposure { camera: Option<PlainText>, ms: f64 },
    /// A camera reads this gain.
    Gain {
        camera: Option<PlainText>,
        gain: f64,
    },
    /// The answer says that the live view was started.
    LiveStarted,
    /// The answers say that these live views were stopped, or did not run.
    LiveStopped(Vec<String>),
    /// The answer holds the new value of a parameter.
    Stream(StreamValue),
    /// The answer says where the picture is.
    Picture,
    /// The server says that it records, or does not.
    Recording(bool),
    /// Nothing: the answer is shown as it is.
    Answer,
}

/// What a command has to itself: of two that share it the second waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Subject {
    /// These axes.
    Axes(Vec<usize>),
    /// A light.
    Light(String),
    /// The cameras' settings.
    Camera,
    /// The live view.
    Live,
    /// Pictures and the server's recording.
    Recording,
    /// Nothing.
    None,
}

impl Subject {
    /// Whether two commands must not be under way at the same time.
    pub(super) fn collides(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::None, _) | (_, Self::None) => false,
            (Self::Axes(ours), Self::Axes(theirs)) => ours.iter().any(|axis| theirs.contains(axis)),
            (one, other) => one == other,
        }
    }
}

/// What else decides what is sent.
#[derive(Debug)]
pub(super) struct Circumstances<'a> {
    /// How to ask for pictures if nobody says.
    pub(super) protocol: StreamProtocol,
    /// Live views that we started.
    pub(super) ours: Vec<String>,
    pub(super) inventory: &'a Inventory,
}

impl Circumstances<'_> {
    /// The script of a command that was checked.
    ///
    /// # Errors
    /// It cannot be sent to this server.
    pub(super) fn script(&self, command: &Command) -> Result<Script, Refusal> {
        let calls = |calls, goal, subject| Script {
            work: Work::Calls(calls),
            reads: Vec::new(),
            goal,
            subject,
        };
        Ok(match command {
            Command::Move { axis, target } => self.go(axis, *target)?,
            Command::Home { axis } => self.home(axis.as_deref())?,
            Command::SetLight { light, level, on } => self.light(light, *level, *on)?,
            Command::SetExposure { camera, exposure } => {
                let ms = match exposure.unit {
                    Unit::Raw => exposure.value,
                    _ => exposure.in_unit(Unit::Millisecond).unwrap_or(f64::NAN),
                };
                let camera = camera.clone();
                let goal = Goal::Exposure { camera, ms };
                self.camera("setDetectorExposureTime", "exposureTime", ms, goal)?
            }
            Command::SetGain { camera, gain } => {
                let (camera, gain) = (camera.clone(), *gain);
                let goal = Goal::Gain { camera, gain };
                self.camera("setDetectorGain", "gain", gain, goal)?
            }
            Command::StartLiveView { protocol } => self.start_live(protocol.as_deref())?,
            Command::StopLiveView => self.stop_live()?,
            Command::SetStream { parameter, value } => {
                let value = StreamValue::from_text(parameter, value)?;
                let body = value.body();
                let call = Call::post("LiveViewController/setStreamParameters", body);
                let call = call.with("protocol", self.stream_protocol());
                calls(vec![call], Goal::Stream(value), Subject::Live)
            }
            Command::Snap { name } => self.snap(name.as_deref()),
            Command::StartServerRecording { name } => {
                let call = Call::get("RecordingController/startRecording").with("mSaveFormat", 1);
                self.recording(named(call, name.as_deref()), true)
            }
            Command::StopServerRecording => {
                self.recording(Call::get("RecordingController/stopRecording"), false)
            }
            Command::Raw { call, arguments } => {
                calls(vec![raw(call, arguments)?], Goal::Answer, Subject::None)
            }
            Command::Refresh
            | Command::SetControl { .. }
            | Command::StartWorkflow { .. }
            | Command::StopWorkflow
            | Command::SaveSettings { .. } => {
                return Err(Refusal::Other("this server takes no such command".into()));
            }
        })
    }

    fn go(&self, axis: &str, target: Target) -> Result<Script, Refusal> {
        let inventory = self.inventory;
        let um = target_of(inventory.shown(), axis, target)?;
        let gone = || Refusal::PositionUnknown { axis: axis.into() };
        let place = inventory.axis(axis).ok_or_else(gone)?;
        let known = inventory.motions().axes().get(place).ok_or_else(gone)?;
        let from = known.position_um().ok_or_else(gone)?;
        // Always absolute: sent twice by whatever accident it is the same place.
        let call = Call::get("PositionerController/movePositioner")
            .with("positionerName", &known.name.stage)
            .with("axis", &known.name.axis)
            .with("dist", um)
            .with("isAbsolute", true)
            .with("isBlocking", false);
        let tolerance_um = tolerance_um(um - from);
        Ok(Script {
            work: Work::Calls(vec![call]),
            reads: Vec::new(),
            goal: Goal::Runs(vec![(place, Aim::To { um, tolerance_um })]),
            subject: Subject::Axes(vec![place]),
        })
    }

    fn home(&self, axis: Option<&str>) -> Result<Script, Refusal> {
        let axes = self.inventory.motions().axes();
        let places: Vec<usize> = match axis {
            Some(name) => self.inventory.axis(name).into_iter().collect(),
            None => (0..axes.len()).collect(),
        };
        let calls = places.iter().filter_map(|place| axes.get(*place));
        let calls = calls.map(|axis| {
            Call::get("PositionerController/homeAxis")
                .with("positionerName", &axis.name.stage)
                .with("axis", &axis.name.axis)
                .with("isBlocking", false)
        });
        Ok(Script {
            work: Work::Calls(calls.collect()),
            reads: Vec::new(),
            goal: Goal::Runs(places.iter().map(|place| (*place, Aim::Home)).collect()),
            subject: Subject::Axes(places),
        })
    }

    fn light(
        &self,
        name: &str,
        level: Option<Quantity>,
        on: Option<bool>,
    ) -> Result<Script, Refusal> {
        let unknown = || Refusal::Other(format!("there is no light \"{name}\"").into());
        let (place, source, _) = self.inventory.light(name).ok_or_else(unknown)?;
        let shown = self.inventory.shown().lights.get(place);
        let shown = shown.ok_or_else(unknown)?;
        if level.is_some() && shown.range.is_none() {
            // The servers take any number.
            let text = format!("light {name}: what levels it takes is not known; refresh asks");
            return Err(Refusal::Other(text.into()));
        }
        let level = level.map(|level| level_of(shown, level)).transpose()?;
        let (set_level, set_on, reads, goal) = match source {
            LightSource::Laser(laser) => {
                let call = |method: &str| {
                    Call::get(format!("LaserController/{method}")).with("laserName", laser)
                };
                (
                    level.map(|level| call("setLaserValue").with("value", level)),
                    on.map(|on| call("setLaserActive").with("active", on)),
                    vec![Read::Light(laser.clone())],
                    Goal::Light {
                        light: name.to_owned(),
                        level,
                        on,
                    },
                )
            }
            LightSource::Matrix => (
                level.map(|percent| {
                    let intensity = (percent / 100.0 * MATRIX_FULL).round();
                    Call::get("LEDMatrixController/setIntensity").with("intensity", intensity)
                }),
                on.map(|on| {
                    let method = if on { "setAllLEDOn" } else { "setAllLEDOff" };
                    Call::get(format!("LEDMatrixController/{method}"))
                }),
                Vec::new(),
                Goal::Matrix { place, level, on },
            ),
        };
        // The level first; but what is to be dark is not made brighter before.
        let calls = match on {
            Some(false) => set_on.into_iter().chain(set_level).collect(),
            _ => set_level.into_iter().chain(set_on).collect(),
        };
        Ok(Script {
            work: Work::Calls(calls),
            reads,
            goal,
            subject: Subject::Light(name.to_ascii_lowercase()),
        })
    }

    fn camera(
        &self,
        method: &str,
        parameter: &str,
        value: f64,
        goal: Goal,
    ) -> Result<Script, Refusal> {
        let named = match &goal {
            Goal::Exposure { camera, .. } | Goal::Gain { camera, .. } => camera.as_deref(),
            _ => None,
        };
        let none = || Refusal::Other("there is no such camera".into());
        let (place, name, _) = self.inventory.camera(named).ok_or_else(none)?;
        let call = Call::get(format!("SettingsController/{method}"))
            .with("detectorName", name)
            .with(parameter, value);
        Ok(Script {
            work: Work::Calls(vec![call]),
            reads: vec![Read::Camera {
                name: name.to_owned(),
                is_first: place == 0,
            }],
            goal,
            subject: Subject::Camera,
        })
    }

    fn start_live(&self, asked: Option<&str>) -> Result<Script, Refusal> {
        let known = StreamProtocol::ALL.map(StreamProtocol::as_str);
        if let Some(asked) = asked.filter(|asked| !known.contains(asked)) {
            let text =
                format!("live start: there is no protocol \"{asked}\"; there is binary and jpeg");
            return Err(Refusal::Other(text.into()));
        }
        Ok(Script {
            work: Work::StartLive {
                protocol: asked.unwrap_or(self.protocol.as_str()).to_owned(),
                any: asked.is_none(),
            },
            reads: Vec::new(),
            goal: Goal::LiveStarted,
            subject: Subject::Live,
        })
    }

    fn stop_live(&self) -> Result<Script, Refusal> {
        if self.ours.is_empty() {
            let text = "no live view was stopped: none of those running was started here";
            return Err(Refusal::Other(text.into()));
        }
        let calls = self.ours.iter().map(|detector| match detector.as_str() {
            // The one live view that releases before 2.1.134 have.
            "" => Call::get("ViewController/setLiveViewActive").with("active", false),
            detector => Call::get("LiveViewController/stopLiveView").with("detectorName", detector),
        });
        Ok(Script {
            work: Work::Calls(calls.collect()),
            reads: Vec::new(),
            goal: Goal::LiveStopped(self.ours.clone()),
            subject: Subject::Live,
        })
    }

    /// The protocol of our live view, of any that runs, or of the one that would be started.
    fn stream_protocol(&self) -> String {
        let streams = self.inventory.streams();
        let of_ours = self.ours.iter();
        let mut of_ours = of_ours.filter_map(|name| streams.get(&PlainText::from_peer(name)));
        let running = of_ours.next().or_else(|| streams.values().next());
        running.map_or_else(|| self.protocol.as_str().to_owned(), ToString::to_string)
    }

    fn snap(&self, name: Option<&str>) -> Script {
        let cameras = &self.inventory.shown().cameras;
        let exposure_ms = cameras.first().and_then(|camera| camera.exposure_ms);
        let is_long = exposure_ms.is_some_and(|ms| ms > LONG_EXPOSURE_MS);
        let call = |method: &str| named(Call::get(format!("RecordingController/{method}")), name);
        Script {
            work: match is_long {
                true => Work::SnapAside(call("startSnap")),
                false => Work::Calls(vec![call("snapImageToPath")]),
            },
            reads: Vec::new(),
            goal: Goal::Picture,
            subject: Subject::Recording,
        }
    }

    fn recording(&self, call: Call, on: bool) -> Script {
        Script {
            work: Work::Calls(vec![call]),
            reads: vec![Read::Recording],
            goal: Goal::Recording(on),
            subject: Subject::Recording,
        }
    }
}

fn named(call: Call, name: Option<&str>) -> Call {
    match name {
        Some(name) => call.with("fileName", name),
        None => call,
    }
}

/// `Controller/method`, or `POST:Controller/method` with the arguments as its body.
fn raw(text: &str, arguments: &[(PlainText, PlainText)]) -> Result<Call, Refusal> {
    let (post, path) = match text.split_once(':') {
        Some((method, path)) if method.eq_ignore_ascii_case("post") => (true, path),
        Some((method, path)) if method.eq_ignore_ascii_case("get") => (false, path),
        _ => (false, text),
    };
    let plain = |part: &str| {
        let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
        !part.is_empty() && part.chars().all(word)
    };
    let mut parts = path.split('/');
    if parts.clone().count() > 2 || !parts.all(plain) {
        let text = format!(
            "raw: \"{text}\" is no call; write Controller/method, or POST:Controller/method"
        );
        return Err(Refusal::Other(text.into()));
    }
    if post {
        let value = |value: &str| match serde_json::from_str(value) {
            Ok(json) => json,
            Err(_) => serde_json::Value::from(value),
        };
        let body = arguments
            .iter()
            .map(|(name, text)| (name.to_string(), value(text)))
            .collect::<serde_json::Map<_, _>>();
        return Ok(Call::post(path, body.into()));
    }
    let call = Call::get(path);
    let all = arguments.iter();
    Ok(all.fold(call, |call, (name, value)| call.with(name, value)))
}

#[cfg(test)]
mod tests;
