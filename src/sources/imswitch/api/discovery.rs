//! Finding out what a server has, and reading how it stands.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{Api, CallError, News, Reporter};
use crate::model::{CommandKind, Fault, FaultKind, PlainText, Reading, Severity};
use crate::protocol::imswitch::{equipment, rest};
use crate::sources::imswitch::call::Call;
use crate::sources::imswitch::inventory::Part;
use crate::sources::imswitch::motion::AxisName;
use crate::sources::imswitch::options::StreamProtocol;
use crate::sources::imswitch::script::{Read, StreamValue};
use crate::sources::imswitch::watch::Streams;

impl Api {
    /// Reads everything, what is cheap and important first, and says that it is round `number`.
    pub(in crate::sources::imswitch) async fn refresh(&self, number: u64, to: &Reporter) {
        let read = match self.prefix().await {
            Ok(_) => self.read_everything(to).await,
            Err(error) => Err(format!("the state could not be read over HTTP: {error}")),
        };
        if let Err(text) = &read {
            let fault = Fault::new(FaultKind::Peer, Severity::Warning, text.clone());
            let _ = to.send(News::Fault(fault)).await;
        }
        let _ = to.send(News::Refreshed(number, read)).await;
    }

    async fn read_everything(&self, to: &Reporter) -> Result<(), String> {
        let mut reader = Reader {
            api: self,
            to,
            offers: vec![CommandKind::Refresh],
            missed: None,
        };
        let detectors = reader.names("SettingsController/getDetectorNames").await;
        if let Some(detectors) = &detectors {
            let _ = to.send(News::Detectors(detectors.clone())).await;
            reader.found(Part::Cameras(detectors.clone())).await;
        }
        let streams = self.streams().await;
        let _ = to.send(News::Streams(streams.clone())).await;
        let controllers = reader.ask(Call::get("getAvailableControllers")).await;
        let controllers = controllers.and_then(|answer| equipment::controllers(&answer));
        let controllers = controllers.unwrap_or_default();
        reader.found(Part::Controllers(controllers.clone())).await;
        reader.server("version").await;
        reader.server("hostname").await;
        reader.stages().await;
        reader
            .cameras(detectors.as_deref().unwrap_or_default())
            .await;
        reader.live(&streams, &controllers);
        reader.lights(&controllers).await;
        reader.recordings(&controllers).await;
        let objective = Call::get("ObjectiveController/getstatus");
        reader.read(objective, rest::objective).await;
        reader.offers.push(CommandKind::Raw);
        let mut offers = std::mem::take(&mut reader.offers);
        offers.sort_by_key(|kind| CommandKind::ALL.iter().position(|one| one == kind));
        // Where the stream takes no parameters, the release has but one way of sending.
        let has_streams = offers.contains(&CommandKind::Stream);
        let words = |all: &[&'static str]| match has_streams {
            true => all.iter().map(|word| PlainText::from(*word)).collect(),
            false => Vec::new(),
        };
        reader
            .found(Part::Offers {
                protocols: words(&StreamProtocol::ALL.map(StreamProtocol::as_str)),
                parameters: words(&StreamValue::names()),
                offers,
            })
            .await;
        reader.missed.map_or(Ok(()), Err)
    }

    /// Reads where the stages are.
    pub(in crate::sources::imswitch) async fn positions(&self) -> News {
        let asked_ns = self.now_ns();
        match self.ask(POSITIONS).await {
            Ok(answer) => News::Positions {
                asked_ns,
                readings: rest::positions(&answer),
            },
            Err(error) => News::NoPositions(error.to_string()),
        }
    }

    /// Reads one thing again.
    pub(super) async fn read(&self, read: &Read) -> Result<Vec<Reading>, CallError> {
        match read {
            Read::Light(name) => {
                let laser = |method: &str| {
                    Call::get(format!("LaserController/{method}")).with("laserName", name)
                };
                let level = self.call(&laser("getLaserValue")).await?;
                // The oldest release cannot tell whether a light is on.
                let on = match self.call(&laser("getLaserActive")).await {
                    Err(error) if error.is_no_such_call() => None,
                    on => Some(on?),
                };
                Ok(rest::light(name, Some(&level), on.as_ref()))
            }
            Read::Camera { name, is_first } => {
                let status = Call::get("SettingsController/getCameraStatus");
                match self.call(&status.with("detectorName", name)).await {
                    Err(error) if error.is_no_such_call() && *is_first => {
                        let answer = self.ask("SettingsController/getDetectorParameters").await?;
                        Ok(rest::camera_parameters(name, &answer))
                    }
                    status => Ok(rest::camera_status(name, &status?)),
                }
            }
            Read::Recording => Ok(rest::recording(&self.ask(RECORDING).await?)),
        }
    }
}

const POSITIONS: &str = "PositionerController/getPositionerPositions";
const RECORDING: &str = "RecordingController/getRecordingStatus";

/// Asks one question after the other. Calls that a release does not have are passed over in
/// silence.
struct Reader<'a> {
    api: &'a Api,
    to: &'a Reporter,
    offers: Vec<CommandKind>,
    /// The first question that had no answer.
    missed: Option<String>,
}

impl Reader<'_> {
    async fn found(&self, part: Part) {
        let _ = self.to.send(News::Found(part)).await;
    }

    async fn server(&mut self, field: &'static str) {
        let read = |answer: &Value| rest::server_field(answer, field).into_iter().collect();
        self.read(Call::get(field), read).await;
    }

    async fn stages(&mut self) {
        let Some(stages) = self.names("PositionerController/getPositionerNames").await else {
            return;
        };
        let asked_ns = self.api.now_ns();
        if let Some(answer) = self.ask(Call::get(POSITIONS)).await {
            let axes: Vec<AxisName> = equipment::axes(&answer, &stages)
                .into_iter()
                .map(|(stage, axis)| AxisName { stage, axis })
                .collect();
            if !axes.is_empty() {
                self.offers.extend([CommandKind::Move, CommandKind::Home]);
            }
            self.found(Part::Axes(axes)).await;
            self.readings(asked_ns, rest::positions(&answer)).await;
        }
        let status = Call::get("PositionerController/getHomingStatus");
        self.read(status, rest::homing).await;
    }

    async fn cameras(&mut self, detectors: &[String]) {
        if !detectors.is_empty() {
            let offers = [CommandKind::Exposure, CommandKind::Gain];
            self.offers.extend(offers);
        }
        for (place, detector) in detectors.iter().enumerate() {
            let asked_ns = self.api.now_ns();
            let status = Call::get("SettingsController/getCameraStatus");
            match self.ask(status.with("detectorName", detector)).await {
                Some(status) => {
                    self.found(Part::Ranges {
                        camera: detector.clone(),
                        exposure_ms: equipment::parameter_range(&status, "exposure"),
                        gain: equipment::parameter_range(&status, "gain"),
                    })
                    .await;
                    let readings = rest::camera_status(detector, &status);
                    self.readings(asked_ns, readings).await;
                }
                // Older releases tell of the first one.
                None if place == 0 => {
                    let call = Call::get("SettingsController/getDetectorParameters");
                    let read = |answer: &Value| rest::camera_parameters(detector, answer);
                    self.read(call, read).await;
                }
                None => {}
            }
        }
    }

    fn live(&mut self, streams: &Streams, controllers: &BTreeSet<String>) {
        match streams {
            Streams::Running(_) => {
                self.offers.extend([CommandKind::Live, CommandKind::Stream]);
            }
            Streams::CannotTell if controllers.contains("ViewController") => {
                self.offers.push(CommandKind::Live);
            }
            Streams::CannotTell => {}
            Streams::NoAnswer(why) => {
                self.missed.get_or_insert_with(|| why.clone());
            }
        }
    }

    async fn lights(&mut self, controllers: &BTreeSet<String>) {
        let lights = self.names("LaserController/getLaserNames").await;
        let lights = lights.unwrap_or_default();
        let mut ranges = Vec::new();
        for light in &lights {
            let call = Call::get("LaserController/getLaserValueRanges").with("laserName", light);
            let range = self.ask(call).await;
            ranges.push((light.clone(), range.as_ref().and_then(equipment::range)));
        }
        if !lights.is_empty() || controllers.contains("LEDMatrixController") {
            self.offers.push(CommandKind::Light);
        }
        self.found(Part::Lights(ranges)).await;
        for light in lights {
            let asked_ns = self.api.now_ns();
            match self.api.read(&Read::Light(light)).await {
                Ok(readings) => self.readings(asked_ns, readings).await,
                Err(error) => self.miss("LaserController", &error).await,
            }
        }
    }

    async fn recordings(&mut self, controllers: &BTreeSet<String>) {
        if controllers.contains("RecordingController") {
            self.offers.push(CommandKind::Snap);
        }
        let asked_ns = self.api.now_ns();
        if let Some(status) = self.ask(Call::get(RECORDING)).await {
            self.offers.push(CommandKind::ServerRecording);
            self.readings(asked_ns, rest::recording(&status)).await;
        }
    }

    async fn read(&mut self, call: Call, read: impl Fn(&Value) -> Vec<Reading>) {
        let asked_ns = self.api.now_ns();
        if let Some(answer) = self.ask(call).await {
            self.readings(asked_ns, read(&answer)).await;
        }
    }

    async fn readings(&self, asked_ns: u64, readings: Vec<Reading>) {
        if !readings.is_empty() {
            let _ = self.to.send(News::Readings { asked_ns, readings }).await;
        }
    }

    async fn names(&mut self, call: &str) -> Option<Vec<String>> {
        let answer = self.ask(Call::get(call)).await;
        answer.map(|answer| rest::names(&answer))
    }

    async fn ask(&mut self, call: Call) -> Option<Value> {
        match self.api.call(&call).await {
            Ok(answer) => Some(answer),
            Err(error) if error.is_no_such_call() => None,
            Err(error) => {
                self.miss(&call.path, &error).await;
                None
            }
        }
    }

    async fn miss(&mut self, what: &str, error: &CallError) {
        let text = format!("reading {what}: {error}");
        self.missed.get_or_insert_with(|| text.clone());
        let fault = Fault::new(FaultKind::Peer, Severity::Warning, text);
        let _ = self.to.send(News::Fault(fault)).await;
    }
}
