//! What a fleet source is told before it starts.

use crate::protocol::fleet::{PROBE_S, Profile, Timing};
use crate::sources::net::{Endpoint, Headers};
use crate::sources::socketio::{ClientOptions, TransportChoice};

/// Everything a fleet source needs to know.
#[derive(Clone, Debug)]
pub struct FleetOptions {
    /// Where the server is, with or without TLS.
    pub endpoint: Endpoint,
    /// Extra headers for every request.
    pub headers: Headers,
    /// Put before every path, e.g. `/fleet` behind a proxy; empty for none.
    pub prefix: String,
    /// What the server calls things.
    pub profile: Profile,
    /// Seconds between cross-checks while all is well; 0 for none.
    pub probe_s: f64,
    /// How fast the feed's time goes.
    pub timing: Timing,
}

impl FleetOptions {
    /// A server with the usual names and periods.
    pub fn new(endpoint: Endpoint) -> Self {
        Self {
            endpoint,
            headers: Headers::new(),
            prefix: String::new(),
            profile: Profile::default(),
            probe_s: f64::from(PROBE_S),
            timing: Timing::default(),
        }
    }

    /// What the Socket.IO client is told.
    pub(super) fn client(&self) -> ClientOptions {
        let mut client = ClientOptions::new(self.endpoint.clone());
        client.path = format!("{}/socket.io/", self.prefix);
        client.headers = self.headers.clone();
        client.transport = TransportChoice::WebSocket;
        // A session that is restored would be asked for what was missed: nothing is asked for here.
        client.recovery = false;
        client
    }
}
