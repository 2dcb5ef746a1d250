//! The HTTP calls of the source, each one after the other and each with a time limit.
//!
//! A GET runs on the thread that serves the WebSocket: what is not asked does not delay a picture.

mod carry;
mod discovery;

use std::time::Duration;

use serde_json::Value;
use tokio::sync::{OnceCell, mpsc};

use super::call::Call;
use super::inventory::Part;
use super::options::ImSwitchOptions;
use super::watch::Streams;
use crate::model::{Clock, CommandId, Fault, FaultKind, Reading, Severity};
use crate::protocol::imswitch::rest::{self, RestError};
use crate::sources::net::{Answer, HttpClient, NetError};

pub(super) use carry::Outcome;

/// What a call brought, for the task that publishes.
#[derive(Debug)]
pub(super) enum News {
    /// Values of the instrument, true when they were asked for or later.
    Readings {
        /// Monotonic nanoseconds.
        asked_ns: u64,
        readings: Vec<Reading>,
    },
    /// Positions, and nothing else, true when they were asked for or later.
    Positions {
        /// Monotonic nanoseconds.
        asked_ns: u64,
        readings: Vec<Reading>,
    },
    /// Positions could not be read.
    NoPositions(String),
    /// Something that the server has.
    Found(Part),
    /// The detectors there are.
    Detectors(Vec<String>),
    /// Which streams run.
    Streams(Streams),
    /// Everything was read, for the last time this number, or this is why not.
    Refreshed(u64, Result<(), String>),
    /// The server's own figures of its streams.
    Diagnostics(Figures),
    /// A command was handed to the connection.
    Sent(CommandId),
    /// What became of the calls of a command.
    Landed(CommandId, Outcome),
    /// A stop of our own is over.
    Halted,
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
    pub(super) fn is_no_such_call(&self) -> bool {
        matches!(self, Self::Rest(RestError::NoSuchCall))
    }
}

/// The server's HTTP side, as one connection found it.
#[derive(Debug)]
pub(super) struct Api {
    http: HttpClient,
    base_path: String,
    clock: Clock,
    /// Found at the first call; a server that comes back may be another release.
    prefix: OnceCell<&'static str>,
}

impl Api {
    pub(super) fn new(options: &ImSwitchOptions, clock: Clock) -> Self {
        let http = HttpClient::new(options.endpoint.clone(), options.headers.clone());
        Self {
            http: http.with_time_limit(options.patience.call),
            base_path: options.base_path.trim_end_matches('/').to_owned(),
            clock,
            prefix: OnceCell::new(),
        }
    }

    /// What requests go out on.
    pub(super) fn http(&self) -> &HttpClient {
        &self.http
    }

    /// Which streams run.
    pub(super) async fn streams(&self) -> Streams {
        match self.ask("LiveViewController/getActiveStreams").await {
            Ok(answer) => Streams::Running(rest::active_streams(&answer)),
            Err(error) if error.is_no_such_call() => Streams::CannotTell,
            Err(error) => Streams::NoAnswer(error.to_string()),
        }
    }

    /// The server's own figures of its streams.
    pub(super) async fn diagnostics(&self) -> Figures {
        match self.ask("LiveViewController/getStreamDiagnostics").await {
            Ok(answer) => Figures::Read(rest::diagnostics(&answer)),
            Err(error) if error.is_no_such_call() => Figures::None,
            Err(error) => {
                let text = format!("the server's own figures could not be read: {error}");
                Figures::Failed(Fault::new(FaultKind::Peer, Severity::Warning, text))
            }
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

    /// What stands before the paths of this release.
    ///
    /// # Errors
    /// The server does not answer, or not as one of its releases.
    pub(super) async fn prefix(&self) -> Result<&'static str, CallError> {
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

    /// The path of a call as it is requested.
    ///
    /// # Errors
    /// As [`Api::prefix`].
    pub(super) async fn path(&self, call: &Call) -> Result<String, CallError> {
        let prefix = self.prefix().await?;
        Ok(format!("{}{prefix}/{}", self.base_path, call.target()))
    }

    /// Asks something without parameters.
    async fn ask(&self, path: &str) -> Result<Value, CallError> {
        self.call(&Call::get(path)).await
    }

    /// Makes a call, whatever is going on.
    ///
    /// # Errors
    /// There was no answer, or not the one that was wanted.
    pub(super) async fn call(&self, call: &Call) -> Result<Value, CallError> {
        let path = self.path(call).await?;
        let answer = match &call.body {
            None => self.http.get(&path).await?,
            Some(body) => {
                let body = body.to_string();
                self.http.post(&path, "application/json", body).await?
            }
        };
        Ok(value(&answer)?)
    }

    fn now_ns(&self) -> u64 {
        self.clock.now().mono_ns
    }
}

/// Time for one question about the port.
const PROBE_LIMIT: Duration = Duration::from_secs(5);

/// The value of an answer.
pub(super) fn value(answer: &Answer) -> Result<Value, RestError> {
    rest::outcome(answer.status, &answer.body)
}
