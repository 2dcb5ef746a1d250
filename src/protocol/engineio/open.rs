//! The open packet: the server's first word, and the bounds within which it is believed.

use std::time::Duration;

use serde::Deserialize;
use thiserror::Error;

/// What the server said when the session began.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenPacket {
    /// Engine session id, for the URL of later requests of this session: 1 to 256 visible ASCII
    /// characters.
    pub sid: String,
    /// Transports the session may be moved to, e.g. `websocket`.
    pub upgrades: Vec<String>,
    /// The server pings this often. python-engineio cuts it to whole seconds, so it may be zero:
    /// never divide by it and never use it as a timer without a floor.
    pub ping_interval: Duration,
    /// How long the server waits for the answer.
    pub ping_timeout: Duration,
    /// The largest message or polling body we may send, bytes.
    pub max_payload: u64,
}

/// Why an open packet was not believed.
#[derive(Debug, Error)]
pub enum OpenError {
    /// It is no JSON object with the fields an open packet has.
    #[error("an open packet that cannot be read: {0}")]
    Unreadable(#[from] serde_json::Error),
    /// The session id is empty, too long or not printable.
    #[error("an open packet whose sid is not 1 to 256 visible ASCII characters")]
    BadSid,
    /// A time is out of all reason.
    #[error("an open packet whose {field} is {got_ms} ms, over a day")]
    BadTime {
        /// Which field.
        field: &'static str,
        /// What it says.
        got_ms: u64,
    },
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Written {
    sid: String,
    #[serde(default)]
    upgrades: Vec<String>,
    ping_interval: u64,
    ping_timeout: u64,
    max_payload: Option<u64>,
}

impl OpenPacket {
    /// What a server without `maxPayload` accepts: the default of the servers that announce it.
    pub const DEFAULT_MAX_PAYLOAD: u64 = 1_000_000;

    const MAX_SID_BYTES: usize = 256;
    const MAX_TIME_MS: u64 = 86_400_000;

    /// Reads the JSON behind the type digit. Unknown fields are ignored.
    pub fn parse(json: &[u8]) -> Result<Self, OpenError> {
        let written: Written = serde_json::from_slice(json)?;
        let sid = written.sid;
        if !(1..=Self::MAX_SID_BYTES).contains(&sid.len())
            || !sid.bytes().all(|b| b.is_ascii_graphic())
        {
            return Err(OpenError::BadSid);
        }
        Ok(Self {
            sid,
            upgrades: written.upgrades,
            ping_interval: time("pingInterval", written.ping_interval)?,
            ping_timeout: time("pingTimeout", written.ping_timeout)?,
            max_payload: written.max_payload.unwrap_or(Self::DEFAULT_MAX_PAYLOAD),
        })
    }

    /// Whether a polling session may be moved to a WebSocket.
    pub fn offers_websocket(&self) -> bool {
        self.upgrades.iter().any(|name| name == "websocket")
    }
}

fn time(field: &'static str, got_ms: u64) -> Result<Duration, OpenError> {
    if got_ms > OpenPacket::MAX_TIME_MS {
        return Err(OpenError::BadTime { field, got_ms });
    }
    Ok(Duration::from_millis(got_ms))
}
