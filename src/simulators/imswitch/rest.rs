//! The REST calls: a table of them, and how they refuse.

use std::sync::Arc;
use std::time::Duration;

use hyper::StatusCode;
use serde_json::{Value, json};

use super::microscope::Microscope;
use super::options::{Dialect, SimulatorOptions};
use query::Query;

mod laser;
mod live;
mod matrix;
mod other;
mod positioner;
mod query;
mod recording;
mod settings;

/// Why a call failed, and what is answered then.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Refusal {
    /// No such call, or its controller is not loaded.
    NotFound,
    /// GET for POST or the reverse.
    Method,
    /// A bad or missing parameter.
    Unprocessable(Value),
    /// A fault inside the server; unknown names are one.
    Internal,
}

impl Refusal {
    /// A refusal in words of the call itself.
    pub(super) fn text(detail: &str) -> Self {
        Self::Unprocessable(json!({ "detail": detail }))
    }

    /// Status, content type and body.
    pub(super) fn into_parts(self) -> (StatusCode, &'static str, String) {
        const JSON: &str = "application/json";
        let detail = |text: &str| json!({ "detail": text }).to_string();
        match self {
            Self::NotFound => (StatusCode::NOT_FOUND, JSON, detail("Not Found")),
            Self::Method => (
                StatusCode::METHOD_NOT_ALLOWED,
                JSON,
                detail("Method Not Allowed"),
            ),
            Self::Unprocessable(body) => (StatusCode::UNPROCESSABLE_ENTITY, JSON, body.to_string()),
            Self::Internal => (
                StatusCode::INTERNAL_SERVER_ERROR,
                "text/plain; charset=utf-8",
                "Internal Server Error".to_owned(),
            ),
        }
    }
}

/// What a call is given.
struct Call {
    microscope: Arc<Microscope>,
    /// Its number in the log.
    number: u64,
    query: Query,
    body: Value,
}

/// What a call answers: at once, after some time, or when the stage is at rest.
enum Reply {
    Now(Value),
    Later(Duration, Value),
    AtRest(Box<dyn FnOnce(&Microscope) -> Value + Send>),
}

impl From<Value> for Reply {
    fn from(value: Value) -> Self {
        Self::Now(value)
    }
}

type Outcome = Result<Reply, Refusal>;

/// Which releases have a call.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Since {
    Always,
    /// Not in the oldest package.
    Raw,
    /// With the live view controller.
    Pair,
    /// Only before it.
    UntilRaw,
}

impl Since {
    fn includes(self, dialect: Dialect) -> bool {
        match self {
            Self::Always => true,
            Self::Raw => dialect != Dialect::Json,
            Self::Pair => !matches!(dialect, Dialect::Json | Dialect::Raw),
            Self::UntilRaw => matches!(dialect, Dialect::Json | Dialect::Raw),
        }
    }
}

/// What a call is for, as far as faults tell calls apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// It only asks.
    Ask,
    /// It changes something.
    Command,
    /// It ends motion.
    Stop,
}

/// What the call `path` with `query` is for.
pub(super) fn purpose(path: &str, query: &str) -> Purpose {
    let method = path.rsplit('/').next().unwrap_or_default();
    let asks = ["get", "is", "uc2_", "version", "hostname"];
    let is_jog = method.starts_with("movePositionerForever");
    match method {
        "stopAxis" | "stopAllAxes" => Purpose::Stop,
        _ if is_jog && query.contains("is_stop=true") => Purpose::Stop,
        _ if asks.iter().any(|word| method.starts_with(word)) => Purpose::Ask,
        _ => Purpose::Command,
    }
}

struct Route {
    path: &'static str,
    post: bool,
    since: Since,
    run: fn(&Call) -> Outcome,
}

const fn get(path: &'static str, since: Since, run: fn(&Call) -> Outcome) -> Route {
    Route {
        path,
        post: false,
        since,
        run,
    }
}

const fn post(path: &'static str, since: Since, run: fn(&Call) -> Outcome) -> Route {
    Route {
        path,
        post: true,
        since,
        run,
    }
}

/// Every call there is.
const ROUTES: &[Route] = &[
    get("version", Since::Raw, other::version),
    get("hostname", Since::Always, other::hostname),
    get("getAvailableControllers", Since::Always, other::controllers),
    get(
        "UC2ConfigController/uc2_board_is_connected",
        Since::Always,
        other::board_is_connected,
    ),
    get(
        "UC2ConfigController/is_connected",
        Since::Always,
        other::board_is_connected,
    ),
    get(
        "ObjectiveController/getstatus",
        Since::Always,
        other::objective_status,
    ),
    get(
        "ObjectiveController/moveToObjective",
        Since::Always,
        other::move_to_objective,
    ),
    get(
        "StorageController/get_storage_status",
        Since::Pair,
        other::storage_status,
    ),
    get(
        "PositionerController/getPositionerNames",
        Since::Always,
        positioner::names,
    ),
    get(
        "PositionerController/getPositionerPositions",
        Since::Always,
        positioner::positions,
    ),
    get(
        "PositionerController/movePositioner",
        Since::Always,
        positioner::go,
    ),
    get(
        "PositionerController/movePositionerXYZ",
        Since::Raw,
        positioner::go_xyz,
    ),
    get(
        "PositionerController/movePositionerForever",
        Since::Always,
        positioner::jog,
    ),
    get(
        "PositionerController/movePositionerForeverXYZA",
        Since::Raw,
        positioner::jog_xyza,
    ),
    get(
        "PositionerController/stopAxis",
        Since::Always,
        positioner::stop_axis,
    ),
    get(
        "PositionerController/stopAllAxes",
        Since::Raw,
        positioner::stop_all,
    ),
    get(
        "PositionerController/homeAxis",
        Since::Always,
        positioner::home,
    ),
    get(
        "PositionerController/getHomingStatus",
        Since::Pair,
        positioner::homing_status,
    ),
    get(
        "PositionerController/setPositionerSpeed",
        Since::Always,
        positioner::set_speed,
    ),
    get(
        "PositionerController/getStageOffsetAxis",
        Since::Always,
        positioner::offset,
    ),
    get(
        "PositionerController/getDevicePositionAxis",
        Since::Always,
        positioner::device_position,
    ),
    get("LaserController/getLaserNames", Since::Always, laser::names),
    get(
        "LaserController/getLaserValueRanges",
        Since::Always,
        laser::range,
    ),
    get("LaserController/getLaserValue", Since::Always, laser::value),
    get(
        "LaserController/setLaserValue",
        Since::Always,
        laser::set_value,
    ),
    get("LaserController/getLaserActive", Since::Raw, laser::active),
    get(
        "LaserController/setLaserActive",
        Since::Always,
        laser::set_active,
    ),
    get(
        "SettingsController/getDetectorNames",
        Since::Always,
        settings::names,
    ),
    get(
        "SettingsController/getDetectorParameters",
        Since::Always,
        settings::parameters,
    ),
    get(
        "SettingsController/getCameraStatus",
        Since::Pair,
        settings::status,
    ),
    get(
        "SettingsController/setDetectorExposureTime",
        Since::Always,
        settings::set_exposure,
    ),
    get(
        "SettingsController/setDetectorGain",
        Since::Always,
        settings::set_gain,
    ),
    get(
        "SettingsController/setDetectorBlackLevel",
        Since::Always,
        settings::set_black_level,
    ),
    get(
        "SettingsController/setDetectorBinning",
        Since::Always,
        settings::set_binning,
    ),
    get(
        "SettingsController/setDetectorMode",
        Since::Always,
        settings::set_mode,
    ),
    post(
        "SettingsController/setDetectorParameterValue",
        Since::Pair,
        settings::set_parameter,
    ),
    post(
        "SettingsController/setStreamParams",
        Since::UntilRaw,
        live::old_parameters,
    ),
    get(
        "ViewController/setLiveViewActive",
        Since::UntilRaw,
        live::old_active,
    ),
    post("LiveViewController/startLiveView", Since::Pair, live::start),
    get("LiveViewController/stopLiveView", Since::Pair, live::stop),
    post(
        "LiveViewController/setStreamParameters",
        Since::Pair,
        live::set_parameters,
    ),
    post(
        "LiveViewController/setDetectorStreamParameters",
        Since::Pair,
        live::set_detector_parameters,
    ),
    get(
        "LiveViewController/getActiveStreams",
        Since::Pair,
        live::active_streams,
    ),
    get(
        "LiveViewController/getLiveViewActive",
        Since::Pair,
        live::is_active,
    ),
    get(
        "LiveViewController/getStreamStatus",
        Since::Pair,
        live::status,
    ),
    get(
        "LiveViewController/getStreamParameters",
        Since::Pair,
        live::parameters,
    ),
    get(
        "LiveViewController/getStreamDiagnostics",
        Since::Pair,
        live::diagnostics,
    ),
    get(
        "LiveViewController/getLongExposureInfo",
        Since::Pair,
        live::long_exposure,
    ),
    get(
        "RecordingController/snapImageToPath",
        Since::Pair,
        recording::snap_to_path,
    ),
    get(
        "RecordingController/snapImage",
        Since::Pair,
        recording::snap,
    ),
    get(
        "RecordingController/startSnap",
        Since::Pair,
        recording::start_snap,
    ),
    get(
        "RecordingController/getSnapStatus",
        Since::Pair,
        recording::snap_status,
    ),
    get(
        "RecordingController/cancelSnap",
        Since::Pair,
        recording::cancel_snap,
    ),
    get(
        "RecordingController/startRecording",
        Since::Pair,
        recording::start,
    ),
    get(
        "RecordingController/stopRecording",
        Since::Pair,
        recording::stop,
    ),
    get(
        "RecordingController/getRecordingStatus",
        Since::Pair,
        recording::status,
    ),
    get(
        "RecordingController/isRecording",
        Since::Pair,
        recording::is_recording,
    ),
    get(
        "LEDMatrixController/setAllLEDOn",
        Since::Pair,
        matrix::all_on,
    ),
    get(
        "LEDMatrixController/setAllLEDOff",
        Since::Pair,
        matrix::all_off,
    ),
    get(
        "LEDMatrixController/setAllLED",
        Since::Pair,
        matrix::set_all,
    ),
    get(
        "LEDMatrixController/setIntensity",
        Since::Pair,
        matrix::set_intensity,
    ),
];

/// Answers one request.
///
/// - `number`: of the call in the log
/// - `path`: below the prefix, e.g. `LaserController/getLaserNames`
/// - `body`: empty, or JSON
pub(super) async fn call(
    microscope: Arc<Microscope>,
    number: u64,
    path: &str,
    post: bool,
    query: &str,
    body: &[u8],
) -> Result<Value, Refusal> {
    let route = ROUTES
        .iter()
        .find(|route| route.path == path && route.exists(&microscope.options))
        .ok_or(Refusal::NotFound)?;
    if route.post != post {
        return Err(Refusal::Method);
    }
    let call = Call {
        microscope: microscope.clone(),
        number,
        query: Query::parse(query),
        body: query::body(body)?,
    };
    match (route.run)(&call)? {
        Reply::Now(value) => Ok(value),
        Reply::Later(wait, value) => {
            // As every GET does on the servers, it keeps everything else waiting meanwhile.
            let _thread = microscope.server_thread.lock().await;
            tokio::time::sleep(wait).await;
            Ok(value)
        }
        Reply::AtRest(answer) => {
            microscope.arrived().await;
            Ok(answer(&microscope))
        }
    }
}

impl Route {
    fn exists(&self, options: &SimulatorOptions) -> bool {
        self.since.includes(options.dialect)
            && (options.led_matrix || !self.path.starts_with("LEDMatrixController/"))
    }
}

/// The controllers that have a call.
fn controllers(options: &SimulatorOptions) -> Vec<&'static str> {
    let mut names: Vec<&str> = ROUTES
        .iter()
        .filter(|route| route.exists(options))
        .filter_map(|route| Some(route.path.split_once('/')?.0))
        .collect();
    names.sort_unstable();
    names.dedup();
    names
}
