//! The simulated instrument, shared by its connections, REST calls and live views.

use std::collections::BTreeMap;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime};

use serde_json::{Map, Value, json};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::camera::{Camera, Scene, Scenery};
use super::encode::Protocol;
use super::fault::{Fault, Faults};
use super::hub::{ESCAPES, Hub, lock};
use super::live_view::Stream;
use super::log::Log;
use super::options::{Depth, SimulatorOptions};
use super::stage::{AXES, Stage};
use super::stream_params::StreamParams;
use crate::simulators::specimen::Specimen;

/// The one stage there is.
pub(super) const STAGE: &str = "VirtualStage";
/// Protocols that `getStreamParameters` knows; only the first two can be started here.
pub(super) const PROTOCOLS: [&str; 4] = ["binary", "jpeg", "mjpeg", "webrtc"];
/// How often a moving stage tells where it is.
const POSITION_EVERY: Duration = Duration::from_millis(100);
/// Source: observed servers.
const STORAGE_EVERY: Duration = Duration::from_secs(5);

/// A light source.
#[derive(Clone, Debug)]
pub(super) struct Laser {
    pub name: &'static str,
    /// As set, of any size: the servers do not enforce the range.
    pub value: f64,
    pub active: bool,
}

/// Largest value a laser says it takes.
pub(super) const LASER_RANGE: i64 = 32_000;

/// An objective of the turret.
pub(super) struct Objective {
    pub name: &'static str,
    pub magnification: u32,
    pub aperture: f64,
    pub pixel_um: f64,
}

/// The objectives, by slot.
pub(super) const OBJECTIVES: [Objective; 2] = [
    Objective {
        name: "10x",
        magnification: 10,
        aperture: 0.5,
        pixel_um: 1.0,
    },
    Objective {
        name: "20x",
        magnification: 20,
        aperture: 0.8,
        pixel_um: 0.5,
    },
];

/// Everything that can be set.
pub(super) struct Instrument {
    pub stage: Stage,
    pub lasers: [Laser; 2],
    pub cameras: [Camera; 2],
    /// The live view of each camera, while it runs.
    pub streams: [Option<Stream>; 2],
    /// What a live view starts with, by protocol.
    pub defaults: BTreeMap<&'static str, StreamParams>,
    /// What the live view of the older releases sends.
    pub old_protocol: Protocol,
    pub objective: usize,
    /// Requests to change the objective, counted.
    pub objective_requests: u64,
    /// The LED matrix, if there is one.
    pub matrix: Laser,
    /// Axes that are on their way to their reference.
    pub homing: [bool; AXES.len()],
    /// Whether any axis has found its reference since the start.
    pub homed: bool,
    /// The server's own recording, while it runs.
    pub recording: Option<Recording>,
    /// The last picture that is taken aside.
    pub snap: Option<SnapJob>,
    /// Files that were named so far.
    pub files: u64,
    pub log: Log,
}

/// The server's own recording.
#[derive(Clone, Debug)]
pub(super) struct Recording {
    pub paths: Map<String, Value>,
    pub started_s: f64,
}

impl Recording {
    /// As the calls that start and stop it tell it.
    pub(super) fn told(&self) -> Value {
        let mut told = Value::from(self.paths.clone());
        told["saveFormat"] = 1.into();
        told["isDownloadableFile"] = false.into();
        told
    }
}

/// A picture that is taken aside.
#[derive(Clone, Debug)]
pub(super) struct SnapJob {
    pub id: String,
    pub started_s: f64,
    pub takes_s: f64,
    pub cancelled: bool,
    pub result: Map<String, Value>,
}

impl SnapJob {
    pub(super) fn remaining_s(&self, now_s: f64) -> f64 {
        (self.started_s + self.takes_s - now_s).max(0.0)
    }
}

/// The instrument and those it talks to.
pub(super) struct Microscope {
    pub options: SimulatorOptions,
    pub specimen: Specimen,
    pub hub: Hub,
    pub instrument: Mutex<Instrument>,
    /// Numbers the pictures of all live views.
    pub pictures: AtomicU64,
    /// A stage command was given.
    pub stage_commanded: Notify,
    /// Held while something runs on the thread that serves all connections.
    pub server_thread: tokio::sync::Mutex<()>,
    pub cancel: CancellationToken,
    pub tasks: TaskTracker,
    pub started: Instant,
}

impl Microscope {
    pub(super) fn new(options: SimulatorOptions) -> Self {
        let wide = Camera::new(
            "WidefieldCamera",
            Scene::Cells,
            options.depth,
            options.sensor_px,
        );
        let lock_on = Camera::new("FocusLock", Scene::Reflection, Depth::Twelve, (320, 240));
        let defaults = PROTOCOLS.map(|protocol| (protocol, StreamParams::default()));
        Self {
            specimen: Specimen::new(options.seed),
            hub: Hub::new(options.dialect, Faults::new(&options.faults)),
            instrument: Mutex::new(Instrument {
                stage: Stage::new(),
                lasers: [("LED", 3_000.0), ("LASER", 10_000.0)].map(|(name, value)| Laser {
                    name,
                    value,
                    active: true,
                }),
                cameras: [wide, lock_on],
                streams: [None, None],
                defaults: defaults.into_iter().collect(),
                old_protocol: Protocol::Binary,
                objective: 0,
                objective_requests: 0,
                matrix: Laser {
                    name: "LEDMatrix",
                    value: 255.0,
                    active: false,
                },
                homing: [false; AXES.len()],
                homed: false,
                recording: None,
                snap: None,
                files: 0,
                log: Log::default(),
            }),
            pictures: AtomicU64::new(0),
            stage_commanded: Notify::new(),
            server_thread: tokio::sync::Mutex::default(),
            cancel: CancellationToken::new(),
            tasks: TaskTracker::new(),
            started: Instant::now(),
            options,
        }
    }

    /// Runs `task` until it ends or the simulator does.
    pub(super) fn background(&self, task: impl Future<Output = ()> + Send + 'static) {
        let cancel = self.cancel.clone();
        self.tasks.spawn(async move {
            cancel.run_until_cancelled(task).await;
        });
    }

    /// Writes a call down before anything is done about it; returns its number.
    pub(super) fn received(&self, post: bool, path: &str, query: &str, body: &[u8]) -> u64 {
        let call = match query {
            "" => path.to_owned(),
            query => format!("{path}?{query}"),
        };
        let body = String::from_utf8_lossy(body).into_owned();
        let now_s = self.now_s();
        lock(&self.instrument).log.received(now_s, post, call, body)
    }

    /// Seconds since the start, on a clock that never jumps.
    pub(super) fn now_s(&self) -> f64 {
        self.started.elapsed().as_secs_f64()
    }

    /// What a picture taken now shows.
    pub(super) fn scenery(&self) -> Scenery {
        let now_s = self.now_s();
        let instrument = lock(&self.instrument);
        let light = |laser: &Laser, usual: f64| {
            let on = if laser.active { laser.value } else { 0.0 };
            (on / usual).clamp(0.0, 10.0)
        };
        let [led, laser] = &instrument.lasers;
        Scenery {
            position_um: (
                instrument.stage.position_um(0, now_s),
                instrument.stage.position_um(1, now_s),
                instrument.stage.position_um(2, now_s),
            ),
            time_s: now_s,
            pixel_um: OBJECTIVES[instrument.objective].pixel_um,
            light: (light(laser, 10_000.0), light(led, 3_000.0)),
        }
    }

    /// The camera of this name, with or without escape sequences.
    pub(super) fn camera_index(&self, name: &str) -> Option<usize> {
        let name = name.strip_suffix(ESCAPES).unwrap_or(name);
        let instrument = lock(&self.instrument);
        instrument
            .cameras
            .iter()
            .position(|camera| camera.name == name)
    }

    /// Micrometres per pixel with the present objective.
    pub(super) fn pixel_um(&self) -> f64 {
        OBJECTIVES[lock(&self.instrument).objective].pixel_um
    }

    pub(super) fn announce_position(&self) {
        let positions = lock(&self.instrument).stage.positions(self.now_s());
        let stage = self.hub.label(STAGE);
        self.hub
            .signal("sigUpdateMotorPosition", &[json!({ stage: positions })]);
    }

    /// Says that an attribute was set, its path as Python prints a tuple.
    pub(super) fn announce_attribute(&self, path: &[&str], value: Value) {
        let path: Vec<String> = path.iter().map(|part| format!("'{part}'")).collect();
        let path = format!("({})", path.join(", "));
        self.hub.signal("sigAttributeSet", &[path.into(), value]);
    }

    /// Tells the position while the stage moves, and once when it has come to rest.
    pub(super) async fn report_motion(self: Arc<Self>) {
        loop {
            self.stage_commanded.notified().await;
            loop {
                self.announce_position();
                self.finish_homing();
                if !self.is_moving() {
                    break;
                }
                tokio::time::sleep(POSITION_EVERY).await;
            }
        }
    }

    /// Axes that have come to rest have found their reference, or were stopped on the way to it.
    fn finish_homing(&self) {
        let now_s = self.now_s();
        let mut ended = None;
        {
            let instrument = &mut *lock(&self.instrument);
            for axis in 0..AXES.len() {
                if !instrument.homing[axis] || instrument.stage.is_axis_moving(axis, now_s) {
                    continue;
                }
                instrument.homing[axis] = false;
                let found = instrument.stage.position_um(axis, now_s) == 0.0;
                instrument.homed |= found;
                ended = Some(!found || ended.unwrap_or(false));
            }
            if instrument.homing.contains(&true) {
                return;
            }
        }
        if let Some(cancelled) = ended {
            self.announce_homing(cancelled, false);
        }
    }

    /// Says how homing stands.
    pub(super) fn announce_homing(&self, cancelled: bool, active: bool) {
        let homing = lock(&self.instrument).homing;
        let axes = AXES.iter().zip(homing).map(|(axis, homing)| {
            let state = if homing { "homing" } else { "idle" };
            ((*axis).to_owned(), Value::from(state))
        });
        let phase = match (active, cancelled) {
            (true, _) => "homing",
            (false, true) => "cancelled",
            (false, false) => "done",
        };
        let state = json!({
            "active": active,
            "cancelled": cancelled,
            "phase": phase,
            "axes": axes.collect::<Map<_, _>>(),
            "message": "",
        });
        self.hub.signal("sigHomingState", &[state]);
    }

    pub(super) fn is_moving(&self) -> bool {
        lock(&self.instrument).stage.is_moving(self.now_s())
    }

    /// Returns when the stage is at rest.
    pub(super) async fn arrived(&self) {
        while self.is_moving() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Tells the state of the disks now and then, as the servers do.
    pub(super) async fn report_storage(self: Arc<Self>) {
        loop {
            tokio::time::sleep(STORAGE_EVERY).await;
            self.hub
                .signal("sigStorageStatusUpdate", &[storage_status()]);
        }
    }

    /// Writes log lines with escape sequences as long as that fault is on.
    pub(super) async fn report_escapes(self: Arc<Self>) {
        let mut faults = self.hub.faults.subscribe();
        loop {
            if faults
                .wait_for(|faults| faults.has(Fault::EscapeText))
                .await
                .is_err()
            {
                return;
            }
            let line = format!("warning{ESCAPES}: not a prompt\r\n\u{1b}[31m$ ");
            self.hub.log(&[line.into()]);
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    }

    /// Says what the settings of a camera are, with everything a server says besides.
    pub(super) fn announce_camera(&self, camera: usize) {
        let pixel_um = self.pixel_um();
        let camera = lock(&self.instrument).cameras[camera].clone();
        let name = self.hub.label(camera.name);
        let parameters = camera.parameters(pixel_um);
        for (key, value) in [
            ("exposure", camera.exposure_ms.into()),
            ("exposure_mode", camera.mode().into()),
            ("gain", camera.gain.into()),
            ("blacklevel", camera.black_level.into()),
            ("binning", Value::from(1)),
            ("image_width", camera.sensor_px.0.into()),
            ("image_height", camera.sensor_px.1.into()),
            ("Camera pixel size", pixel_um.into()),
        ] {
            self.announce_attribute(&["Detector", &name, "Param", key], value);
        }
        let parameters = json!({"detectorName": name, "parameters": parameters});
        // Twice per change, as observed.
        for _ in 0..2 {
            let arguments = [parameters.clone()];
            self.hub.signal("sigDetectorParametersUpdated", &arguments);
        }
    }

    /// As `ObjectiveController/getstatus` tells it.
    pub(super) fn objective_status(&self) -> Value {
        let instrument = lock(&self.instrument);
        let slot = instrument.objective;
        let objective = &OBJECTIVES[slot];
        let (width, height) = instrument.cameras[0].sensor_px;
        json!({
            "currentObjective": slot,
            "isHomed": true,
            "objectiveName": self.hub.label(objective.name),
            "pixelsize": objective.pixel_um,
            "NA": objective.aperture,
            "magnification": objective.magnification,
            "FOV": [f64::from(width) * objective.pixel_um, f64::from(height) * objective.pixel_um],
            "availableObjectives": [0, 1],
            "availableObjectivesNames": OBJECTIVES.each_ref().map(|o| o.name),
            "availableObjectiveMagnifications": OBJECTIVES.each_ref().map(|o| o.magnification),
            "availableObjectiveNAs": OBJECTIVES.each_ref().map(|o| o.aperture),
            "availableObjectivePixelSizes": OBJECTIVES.each_ref().map(|o| o.pixel_um),
            "detectorWidth": width,
            "detectorHeight": height,
            "hasMotor": true,
            "isActive": true,
            "isMovingObjective": false,
        })
    }
}

/// Unix nanoseconds: the servers put wall-clock time on their pictures.
pub(super) fn unix_ns() -> u64 {
    SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .ok()
        .and_then(|since| since.as_nanos().try_into().ok())
        .unwrap_or(0)
}

/// As `StorageController/get_storage_status` tells it. No real path is told.
pub(super) fn storage_status() -> Value {
    let (total, used) = (270_550_727_393_u64, 197_783_243_981_u64);
    let gb = |bytes: u64| (bytes as f64 / f64::from(1 << 30) * 100.0).round() / 100.0;
    let used_fraction = used as f64 / total as f64;
    let seconds = i64::try_from(unix_ns() / 1_000_000_000).unwrap_or(0);
    let updated_at = jiff::Timestamp::from_second(seconds).unwrap_or_default();
    json!({
        "active_path": "/simulated",
        "active_data_path": "/simulated",
        "active_device_path": "/simulated",
        "config_path": "/simulated",
        "default_device_path": "/simulated",
        "fallback_path": "/simulated",
        "scan_enabled": false,
        "mount_paths": [],
        "storage_devices": [{
            "path": "/simulated",
            "mount_point": "/simulated",
            "label": "Simulated Storage",
            "kind": "internal",
            "is_internal": true,
            "is_default": true,
            "is_fallback": true,
            "is_active": true,
            "exists": true,
            "writable": true,
            "filesystem": "local",
            "usage": {
                "free": total - used,
                "used": used,
                "total": total,
                "free_gb": gb(total - used),
                "used_gb": gb(used),
                "total_gb": gb(total),
                "percent_used": (used_fraction * 10_000.0).round() / 100.0,
            },
        }],
        "updated_at": updated_at.to_string(),
    })
}

/// Whether `name` is the stage, with or without escape sequences.
pub(super) fn is_stage(name: &str) -> bool {
    name.strip_suffix(ESCAPES).unwrap_or(name) == STAGE
}

/// The speeds of all axes are told whenever the stage is commanded, as observed.
pub(super) fn announce_speeds(microscope: &Microscope) {
    let speeds: Vec<f64> = {
        let instrument = lock(&microscope.instrument);
        (0..AXES.len())
            .map(|axis| instrument.stage.speed_um_s(axis))
            .collect()
    };
    let stage = microscope.hub.label(STAGE);
    for (axis, speed) in AXES.iter().zip(speeds) {
        microscope.announce_attribute(&["Positioner", &stage, axis, "Speed"], speed.into());
    }
}
