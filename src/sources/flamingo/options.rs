//! What a Flamingo source is told before it starts.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::model::{Limits, PlainText};
use crate::protocol::flamingo::Profile;
use crate::sources::net::Endpoint;

/// The command port of a server that was not told otherwise; pictures come from the one above.
pub const DEFAULT_PORT: u16 = 53_717;

/// Everything the source needs to know.
#[derive(Clone, Debug)]
pub struct FlamingoOptions {
    /// The command socket. There is no encryption in the protocol.
    pub endpoint: Endpoint,
    /// The port of the pictures; `None` for the one above the command port.
    pub live_port: Option<u16>,
    /// The numbers of commands and events in this server's release.
    pub profile: Profile,
    /// Limits of our own, by axis (`x`, `y`, `z` in mm, `r` in degrees). They may only narrow what
    /// the instrument says.
    pub limits: BTreeMap<String, Limits>,
    /// How long to wait for what.
    pub patience: Patience,
}

/// How long to wait for what. Source of the defaults: protocol description, section 8.2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// For the connection.
    pub connect: Duration,
    /// For the answer that proves that a control program is alive.
    pub alive: Duration,
    /// For a stop's answer.
    pub halt: Duration,
    /// For the end of a motion, beyond what its way and its velocity ask for.
    pub motion: Duration,
    /// For a write that the server does not take.
    pub write: Duration,
    /// Between two questions for the state while nothing else is said.
    pub state_poll: Duration,
    /// Between two questions that show that the stop path works.
    pub path_check: Duration,
    /// For a workflow to begin.
    pub workflow_start: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(2),
            alive: Duration::from_secs(3),
            halt: Duration::from_secs(1),
            motion: Duration::from_secs(30),
            write: Duration::from_secs(1),
            state_poll: Duration::from_secs(15),
            path_check: Duration::from_secs(5),
            workflow_start: Duration::from_secs(30),
        }
    }
}

impl FlamingoOptions {
    /// The usual options for the server at `endpoint`.
    pub fn new(endpoint: Endpoint) -> Self {
        Self {
            endpoint,
            live_port: None,
            profile: Profile::current(),
            limits: BTreeMap::new(),
            patience: Patience::default(),
        }
    }

    /// Where the pictures come from; `None` if there is no port above the command port.
    pub fn live_endpoint(&self) -> Option<Endpoint> {
        let port = self.live_port.or(self.endpoint.port.checked_add(1))?;
        Some(Endpoint {
            port,
            ..self.endpoint.clone()
        })
    }
}

/// The address for people.
pub fn address(options: &FlamingoOptions) -> PlainText {
    PlainText::from(format!("flamingo://{}", options.endpoint))
}
