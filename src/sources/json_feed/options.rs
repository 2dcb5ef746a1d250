//! What the source is told before it starts.

use std::fmt;
use std::time::Duration;

use crate::protocol::rows::Picker;
use crate::sources::net::{Endpoint, Headers};
use crate::sources::reconnect::Backoff;
use crate::sources::websocket::WebSocketLimits;

/// Everything the source needs to know. `Debug` shows no secrets.
#[derive(Clone)]
pub struct JsonFeedOptions {
    /// Where the server is, with or without TLS.
    pub endpoint: Endpoint,
    /// Path and query of the WebSocket. The query may hold secrets.
    pub target: String,
    /// Extra headers of the hand-shake.
    pub headers: Headers,
    /// Texts to send as soon as the WebSocket is open. They may hold secrets.
    pub subscribe: Vec<String>,
    /// What makes rows of messages.
    pub picker: Picker,
    /// How often a ping is sent; `None` for never. A server that is silent for two of them, pongs
    /// included, is taken for gone.
    pub ping: Option<Duration>,
    /// After how long without a message the feed is called stale.
    pub silence: Duration,
    /// When to try again.
    pub backoff: Backoff,
    /// How much is read and kept.
    pub limits: WebSocketLimits,
    /// How long the hand-shake may take.
    pub patience: Duration,
}

impl JsonFeedOptions {
    /// How often a ping is sent unless somebody says otherwise.
    pub const PING: Duration = Duration::from_secs(20);
    /// When a feed is called stale unless somebody says otherwise.
    pub const SILENCE: Duration = Duration::from_secs(30);

    /// The feed at the root of a server, in the automatic mode.
    pub fn new(endpoint: Endpoint) -> Self {
        Self {
            endpoint,
            target: "/".to_owned(),
            headers: Headers::new(),
            subscribe: Vec::new(),
            picker: Picker::default(),
            ping: Some(Self::PING),
            silence: Self::SILENCE,
            backoff: Backoff::default(),
            limits: WebSocketLimits::default(),
            patience: Duration::from_secs(10),
        }
    }
}

impl fmt::Debug for JsonFeedOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JsonFeedOptions")
            .field("endpoint", &self.endpoint)
            .field("headers", &self.headers)
            .field("subscribe", &self.subscribe.len())
            .field("picker", &self.picker)
            .finish_non_exhaustive()
    }
}
