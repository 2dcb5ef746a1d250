//! The HTTP calls of the source, each one after the other and each with a time limit.
//!
//! A GET runs on the thread that serves the WebSocket: what is not asked does not delay a picture.

use std::time::Duration;

use serde_json::Value;
use tokio::sync::{OnceCell, mpsc};

use super::options::{ImSwitchOptions, StreamProtocol};
use super::watch::Streams;
use crate::model::{Fault, FaultKind, PlainText, Reading, Severity};
use crate::protocol::imswitch::rest::{self, RestError, StartAnswer};
use crate::sources::net::{Answer, HttpClient, NetError};

/// What a call brought, for the task that publishes.
#[derive(Debug)]
pub(super) enum News {
    /// Values of the instrument.
    Readings(Vec<Reading>),
    /// The detectors there are.
    Detectors(Vec<String>),
    /// Which streams run.
    Streams(Streams),
    /// The server's own figures of its streams.
    Diagnostics(Figures),
    /// Asking for a live view led to this.
    Start(StartAnswer),
    /// The live view of this detector was stopped, or did not run.
    Stopped(String),
    /// Something did not work.
    Fault(Fault),
    /// The Socket.IO side is at this port, if it was found.
    SocketPort(Option<u16>),
}

/// What asking for the server's own figures led to.
#[derive(Debug)]
pub(super) enum Figures {
    /// These; none while nothing streams.
    Read(Vec<Reading>),
    /// This release has none.
    None,
    /// They could not be read this time.
    Failed(Fault),
}

/// Where news go. If the source has gone nobody wants them.
pub(super) type Reporter = mpsc::Sender<News>;

/// Why a call failed.
#[derive(Debug, thiserror::Error)]
pub(super) enum CallError {
    /// No answer.
    #[error(transparent)]
    Net(#[from] NetError),
    /// The wrong answer.
    #[error(transparent)]
    Rest(#[from] RestError),
}

impl CallError {
    fn is_no_such_call(&self) -> bool {
        matches!(self, Self::Rest(RestError::NoSuchCall))
    }
}

/// The server's HTTP side, as one connection found it.
#[derive(Debug)]
pub(super) struct Api {
    http: HttpClient,
    base_path: String,
    /// Found at the first call; a server that comes back may be another release.
    prefix: OnceCell<&'static str>,
}

impl Api {
    pub(super) fn new(options: &ImSwitchOptions) -> Self {
        let http = HttpClient::new(options.endpoint.clone(), options.headers.clone());
        Self {
            http: http.with_time_limit(options.patience.call),
            base_path: options.base_path.trim_end_matches('/').to_owned(),
            prefix: OnceCell::new(),
        }
    }

    /// Reads the state of the instrument, what is cheap and important first.
    pub(super) async fn refresh(&self, to: &Reporter) {
        if let Err(error) = self.prefix().await {
            let text = format!("the state could not be read over HTTP: {error}");
            let fault = Fault::new(FaultKind::Peer, Severity::Warning, text);
            let _ = to.send(News::Fault(fault)).await;
            return;
        }
        let mut readings = Readings { api: self, to };
        let detectors = readings.names("SettingsController/getDetectorNames").await;
        let _ = to.send(News::Detectors(detectors.clone())).await;
        let streams = self.streams().await;
        let _ = to.send(News::Streams(streams)).await;
        readings.read("version", &[], server("version")).await;
        readings.read("hostname", &[], server("hostname")).await;
        let positions = "PositionerController/getPositionerPositions";
        readings.read(positions, &[], rest::positions).await;

        for detector in &detectors {
            readings
                .read(
                    "SettingsController/getCameraStatus",
                    &[("detectorName", detector)],
                    |status| rest::camera_status(detector, status),
                )
                .await;
        }
        let lights = readings.names("LaserController/getLaserNames").await;
        for light in &lights {
            let named: &[(&str, &str)] = &[("laserName", light)];
            let value = |value: &Value| rest::light(light, Some(value), None);
            let active = |on: &Value| rest::light(light, None, Some(on));
            readings
                .read("LaserController/getLaserValue", named, value)
                .await;
            readings
                .read("LaserController/getLaserActive", named, active)
                .await;
        }
        let objective = "ObjectiveController/getstatus";
        readings.read(objective, &[], rest::objective).await;
    }

    /// Which streams run.
    pub(super) async fn streams(&self) -> Streams {
        match self.get("LiveViewController/getActiveStreams", &[]).await {
            Ok(answer) => Streams::Running(rest::active_streams(&answer)),
            Err(error) if error.is_no_such_call() => Streams::CannotTell,
            Err(error) => Streams::NoAnswer(error.to_string()),
        }
    }

    /// The server's own figures of its streams.
    pub(super) async fn diagnostics(&self) -> Figures {
        let call = "LiveViewController/getStreamDiagnostics";
        match self.get(call, &[]).await {
            Ok(answer) => Figures::Read(rest::diagnostics(&answer)),
            Err(error) if error.is_no_such_call() => Figures::None,
            Err(error) => {
                let text = format!("the server's own figures could not be read: {error}");
                Figures::Failed(Fault::new(FaultKind::Peer, Severity::Warning, text))
            }
        }
    }

    /// Starts a live view unless one runs.
    pub(super) async fn start(&self, protocol: StreamProtocol) -> News {
        // The stream belongs to all clients: one that runs is left as it is.
        match self.streams().await {
            Streams::Running(running) => {
                if let Some((_, protocol)) = running.into_iter().next() {
                    return News::Start(StartAnswer::AlreadyRunning { protocol });
                }
            }
            Streams::CannotTell => return self.set_live_view(true).await,
            Streams::NoAnswer(why) => {
                let text = format!("the live view was not started: {why}");
                return News::Fault(Fault::new(FaultKind::Peer, Severity::Error, text));
            }
        }
        let call = "LiveViewController/startLiveView";
        match self.post(call, &[("protocol", protocol.as_str())]).await {
            Ok(answer) => News::Start(rest::start_answer(&answer)),
            Err(error) => News::Fault(trouble("starting the live view", &error)),
        }
    }

    /// Stops the live view of one detector.
    pub(super) async fn stop(&self, detector: String) -> News {
        if detector.is_empty() {
            return self.set_live_view(false).await;
        }
        let call = "LiveViewController/stopLiveView";
        match self.get(call, &[("detectorName", &detector)]).await {
            Ok(_) => News::Stopped(detector),
            Err(error) => News::Fault(trouble("stopping the live view", &error)),
        }
    }

    /// Switches the one live view that releases before 2.1.134 have.
    async fn set_live_view(&self, active: bool) -> News {
        let call = "ViewController/setLiveViewActive";
        let active_text = if active { "true" } else { "false" };
        match self.get(call, &[("active", active_text)]).await {
            Ok(_) if active => News::Start(StartAnswer::Started { detector: None }),
            Ok(_) => News::Stopped(String::new()),
            Err(error) => News::Fault(trouble("switching the live view", &error)),
        }
    }

    /// The port of the Socket.IO side: up to release 2.1.140 one above HTTP's. `None` if neither
    /// answers as one.
    pub(super) async fn find_socket_port(options: &ImSwitchOptions) -> Option<u16> {
        let base_path = options.base_path.trim_end_matches('/');
        // A transport that there is not: the refusal shows who is there, and no session is left
        // behind.
        let path = format!("{base_path}/socket.io/?EIO=4&transport=none");
        let port = options.endpoint.port;
        for port in [Some(port), port.checked_add(1)] {
            let mut endpoint = options.endpoint.clone();
            endpoint.port = port?;
            let http = HttpClient::new(endpoint, options.headers.clone());
            let answer = http.with_time_limit(PROBE_LIMIT).get(&path).await;
            if answer.is_ok_and(|answer| answer.status == 400 && answer.body.starts_with(b"\"")) {
                return port;
            }
        }
        None
    }

    async fn prefix(&self) -> Result<&'static str, CallError> {
        self.prefix
            .get_or_try_init(|| async {
                let mut last = CallError::Rest(RestError::NoSuchCall);
                for (prefix, path) in rest::PROBES {
                    let path = format!("{}{path}", self.base_path);
                    // A server that does not answer at all is not asked three times.
                    match value(&self.http.get(&path).await?) {
                        Ok(_) => return Ok(prefix),
                        Err(error) => last = error.into(),
                    }
                }
                Err(last)
            })
            .await
            .copied()
    }

    async fn path(&self, call: &str, query: &[(&str, &str)]) -> Result<String, CallError> {
        let mut path = format!("{}{}/{call}", self.base_path, self.prefix().await?);
        if !query.is_empty() {
            let query = url::form_urlencoded::Serializer::new(String::new())
                .extend_pairs(query)
                .finish();
            path = format!("{path}?{query}");
        }
        Ok(path)
    }

    async fn get(&self, call: &str, query: &[(&str, &str)]) -> Result<Value, CallError> {
        let path = self.path(call, query).await?;
        Ok(value(&self.http.get(&path).await?)?)
    }

    async fn post(&self, call: &str, query: &[(&str, &str)]) -> Result<Value, CallError> {
        let path = self.path(call, query).await?;
        let answer = self.http.post(&path, "application/json", "{}").await?;
        Ok(value(&answer)?)
    }
}

/// Time for one question about the port.
const PROBE_LIMIT: Duration = Duration::from_secs(5);

fn value(answer: &Answer) -> Result<Value, RestError> {
    rest::outcome(answer.status, &answer.body)
}

fn server(field: &'static str) -> impl Fn(&Value) -> Vec<Reading> {
    move |answer| rest::server_field(answer, field).into_iter().collect()
}

fn trouble(what: &str, error: &CallError) -> Fault {
    let kind = match error {
        CallError::Net(NetError::TimedOut { .. }) => FaultKind::Timeout,
        CallError::Net(_) => FaultKind::Link,
        CallError::Rest(_) => FaultKind::Peer,
    };
    let text = match error {
        CallError::Net(_) => format!("{what}: {error}; the outcome is unknown"),
        CallError::Rest(_) => format!("{what}: {error}"),
    };
    Fault::new(kind, Severity::Error, PlainText::from(text))
}

/// Reads one call after the other. Calls that a release does not have are passed over in silence.
struct Readings<'a> {
    api: &'a Api,
    to: &'a Reporter,
}

impl Readings<'_> {
    async fn read(
        &mut self,
        call: &str,
        query: &[(&str, &str)],
        read: impl Fn(&Value) -> Vec<Reading>,
    ) {
        if let Some(answer) = self.ask(call, query).await {
            let readings = read(&answer);
            if !readings.is_empty() {
                let _ = self.to.send(News::Readings(readings)).await;
            }
        }
    }

    async fn names(&mut self, call: &str) -> Vec<String> {
        let answer = self.ask(call, &[]).await;
        answer
            .map(|answer| rest::names(&answer))
            .unwrap_or_default()
    }

    async fn ask(&mut self, call: &str, query: &[(&str, &str)]) -> Option<Value> {
        match self.api.get(call, query).await {
            Ok(answer) => Some(answer),
            Err(error) if error.is_no_such_call() => None,
            Err(error) => {
                let text = format!("reading {call}: {error}");
                let fault = Fault::new(FaultKind::Peer, Severity::Warning, text);
                let _ = self.to.send(News::Fault(fault)).await;
                None
            }
        }
    }
}
