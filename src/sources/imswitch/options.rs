//! What an ImSwitch source is told before it starts.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::model::{Limits, PlainText};
use crate::protocol::uc2f;
use crate::sources::net::{Endpoint, Headers, TlsOptions};
use crate::sources::reconnect::Backoff;
use crate::sources::socketio::options::ClientOptions;

/// The port a server listens on unless it was told otherwise.
pub const DEFAULT_PORT: u16 = 8001;

/// Everything the source needs to know. `Debug` shows no secrets.
#[derive(Clone, Debug)]
pub struct ImSwitchOptions {
    /// The server's HTTP port.
    pub endpoint: Endpoint,
    /// What a proxy puts before the server's paths, e.g. `/imswitch`; empty for none.
    pub base_path: String,
    /// Extra headers for every request. Their values may be secret.
    pub headers: Headers,
    /// The port of the Socket.IO side; `None` to find out (old releases have it one above).
    pub socket_port: Option<u16>,
    /// How to ask for pictures when starting a live view.
    pub protocol: StreamProtocol,
    /// Pictures that claim more pixels are refused.
    pub max_pixels: u64,
    /// How far each axis may go, in micrometres, by its name; capitals do not matter. The server
    /// does not tell, and an axis without limits is not moved.
    pub limits: BTreeMap<String, Limits>,
    /// When to try again after a loss.
    pub backoff: Backoff,
    /// How long to wait for what.
    pub patience: Patience,
}

/// The forms in which a server can be asked to send pictures.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum StreamProtocol {
    /// 16-bit pixels.
    #[default]
    Binary,
    /// JPEG, 8 bit.
    Jpeg,
}

impl StreamProtocol {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Binary, Self::Jpeg];

    /// The server's word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Binary => "binary",
            Self::Jpeg => "jpeg",
        }
    }
}

/// How long to wait for what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// Without a picture although a stream runs, before the server is asked; and again before the
    /// connection is renewed.
    pub frame: Duration,
    /// For one HTTP call. A command of somebody else may keep the server busy for seconds.
    pub call: Duration,
    /// Between two looks at the server's own figures.
    pub diagnostics: Duration,
    /// For what is said about a picture that came alone.
    pub metadata: Duration,
    /// For an axis that was sent somewhere and is seen standing elsewhere, before the move has
    /// failed: some stages tell where they are only now and then.
    pub still: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            frame: Duration::from_secs(3),
            call: Duration::from_secs(10),
            diagnostics: Duration::from_secs(5),
            metadata: Duration::from_millis(250),
            still: Duration::from_secs(2),
        }
    }
}

/// Pictures of 20 Mpx have 40 MB, and nothing in the protocol forbids larger ones.
const MESSAGE_LIMIT_BYTES: usize = 256 << 20;

/// Signals come in bursts of dozens, each with its attachment; pictures are limited by
/// acknowledgement to four.
const WAITING_EVENTS: usize = 4096;

impl ImSwitchOptions {
    /// The usual options for the server at `endpoint`.
    pub fn new(endpoint: Endpoint) -> Self {
        Self {
            endpoint,
            base_path: String::new(),
            headers: Headers::new(),
            socket_port: None,
            protocol: StreamProtocol::default(),
            max_pixels: uc2f::MAX_PIXELS,
            limits: BTreeMap::new(),
            backoff: Backoff::default(),
            patience: Patience::default(),
        }
    }

    /// What the Socket.IO client is told, for the port its side was found at.
    pub(super) fn client(&self, port: u16) -> ClientOptions {
        let endpoint = Endpoint {
            port,
            ..self.endpoint.clone()
        };
        let mut client = ClientOptions::new(endpoint).with_message_limit(MESSAGE_LIMIT_BYTES);
        client.path = format!("{}/socket.io/", self.base_path.trim_end_matches('/'));
        client.headers = self.headers.clone();
        client.backoff = self.backoff;
        client.queue.bulk_events = WAITING_EVENTS;
        client.recovery = false;
        // A server that takes us answers at once; one that does not says nothing.
        client.limits.connect_answer = Duration::from_secs(5);
        // A server that shuts down says good-bye, and comes back.
        client.retry_refused = true;
        client
    }
}

/// The caution that stays on the screen as long as the source does.
pub fn caution(options: &ImSwitchOptions) -> Option<PlainText> {
    (options.endpoint.tls == Some(TlsOptions::NotVerified))
        .then(|| PlainText::from("TLS NOT VERIFIED"))
}

/// The address for people, without secrets.
pub fn address(options: &ImSwitchOptions) -> PlainText {
    let scheme = match options.endpoint.tls {
        Some(_) => "imswitchs",
        None => "imswitch",
    };
    let ImSwitchOptions {
        endpoint,
        base_path,
        ..
    } = options;
    PlainText::from(format!("{scheme}://{endpoint}{base_path}"))
}
