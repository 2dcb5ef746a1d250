//! What a session knows of one namespace.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};

use bytes::Bytes;
use url::form_urlencoded;

use crate::protocol::socketio::output::Event;
use crate::protocol::socketio::packet::{Packet, PacketKind};

/// A namespace the client wants to be connected to.
#[derive(Clone, PartialEq, Eq)]
pub struct Wanted {
    /// Its name: `/` for the default one, else it begins with `/`. Without `,` and a query.
    pub namespace: String,
    /// A JSON object, computed freshly for each connection. In revision 3 its members become the
    /// query behind the namespace's name.
    pub auth: Option<String>,
    /// What the connection before left behind, to have missed events sent again.
    pub recovery: Option<Recovery>,
}

impl Wanted {
    /// A namespace without credentials and past.
    pub fn new(namespace: impl Into<String>) -> Self {
        Self {
            namespace: namespace.into(),
            auth: None,
            recovery: None,
        }
    }
}

// Written by hand: credentials stay out of logs.
impl fmt::Debug for Wanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wanted")
            .field("namespace", &self.namespace)
            .field("has_auth", &self.auth.is_some())
            .field("has_recovery", &self.recovery.is_some())
            .finish()
    }
}

/// What lets a server send the events a client missed while it was away.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recovery {
    /// The server's private session id.
    pub pid: String,
    /// The offset of the last event that was received.
    pub offset: String,
}

/// Where a namespace is on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// The session is not open yet.
    Waiting,
    /// Asked for; the answer is due by then.
    Connecting { until_ns: u64 },
    /// Events go both ways.
    Connected,
    /// Refused or ended.
    Gone,
}

/// The recovery offset last seen.
#[derive(Debug)]
struct SeenOffset {
    offset: String,
    /// A hash of the event it came with; `None` if that was on the connection before.
    event: Option<u64>,
}

#[derive(Debug)]
pub(super) struct Namespace {
    pub(super) wanted: Wanted,
    pub(super) phase: Phase,
    /// Known while connected to a server that recovers sessions.
    pid: Option<String>,
    offset: Option<SeenOffset>,
    held: VecDeque<Event>,
    held_bytes: usize,
    next_ack: u64,
    /// Our acknowledgements under way and when each is given up. Numbers grow and all wait equally
    /// long, so the first one is due first.
    pub(super) pending: BTreeMap<u64, u64>,
}

/// Above it, Node's numbers are no longer exact.
const ACK_IDS: u64 = 1 << 53;

impl Namespace {
    pub(super) fn new(wanted: Wanted) -> Self {
        Self {
            wanted,
            phase: Phase::Waiting,
            pid: None,
            offset: None,
            held: VecDeque::new(),
            held_bytes: 0,
            next_ack: 0,
            pending: BTreeMap::new(),
        }
    }

    pub(super) fn name(&self) -> &str {
        &self.wanted.namespace
    }

    /// Whether the name can be told from what follows it on the wire.
    pub(super) fn has_valid_name(&self) -> bool {
        self.name().starts_with('/') && !self.name().contains([',', '?'])
    }

    /// Whether it is connected or may still become so.
    pub(super) fn is_alive(&self) -> bool {
        self.phase != Phase::Gone
    }

    /// The number for the next acknowledgement.
    pub(super) fn next_ack_id(&self) -> u64 {
        self.next_ack
    }

    /// The event with the next number was sent; its answer is due by then.
    pub(super) fn await_ack(&mut self, id: u64, until_ns: u64) {
        self.next_ack = id.saturating_add(1) % ACK_IDS;
        self.pending.insert(id, until_ns);
    }

    /// Keeps an event back until the answer; returns how many and how many bytes are kept.
    pub(super) fn hold(&mut self, event: Event) -> (usize, usize) {
        self.held_bytes = self.held_bytes.saturating_add(event.size_bytes());
        self.held.push_back(event);
        (self.held.len(), self.held_bytes)
    }

    /// The answer came. Returns whether the session before goes on.
    pub(super) fn connected(&mut self, pid: Option<String>) -> bool {
        self.phase = Phase::Connected;
        let before = self.wanted.recovery.take();
        self.pid = pid;
        match before {
            Some(before) if Some(&before.pid) == self.pid.as_ref() => {
                self.offset = Some(SeenOffset {
                    offset: before.offset,
                    event: None,
                });
                true
            }
            _ => {
                self.offset = None;
                false
            }
        }
    }

    /// It ended; returns how many held events end with it.
    pub(super) fn gone(&mut self) -> usize {
        self.phase = Phase::Gone;
        self.pid = None;
        self.offset = None;
        self.wanted.recovery = None;
        self.held_bytes = 0;
        std::mem::take(&mut self.held).len()
    }

    pub(super) fn take_held(&mut self) -> VecDeque<Event> {
        self.held_bytes = 0;
        std::mem::take(&mut self.held)
    }

    /// Remembers the recovery offset of an event. `false` for an event that came before: some
    /// adapters send one twice when they recover.
    ///
    /// An event that the server sent as volatile has no offset and may end in a genuine string.
    /// Two of them may follow one another with the same end, so the whole event is compared too.
    pub(super) fn is_new(&mut self, event: &mut Event, last_text: Option<String>) -> bool {
        let Some(offset) = last_text.filter(|_| self.pid.is_some() && event.ack_id.is_none())
        else {
            return true;
        };
        event.offset = Some(offset.clone());
        let mut hasher = DefaultHasher::new();
        event.array.hash(&mut hasher);
        let hash = hasher.finish();
        let is_new = self.offset.as_ref().is_none_or(|seen| {
            seen.offset != offset || seen.event.is_some_and(|event| event != hash)
        });
        self.offset = Some(SeenOffset {
            offset,
            event: Some(hash),
        });
        is_new
    }

    /// What the next connection may ask for.
    pub(super) fn recovery(&self) -> Option<Recovery> {
        // While the answer is awaited, what the connection before left behind still holds.
        if let Some(before) = &self.wanted.recovery {
            return Some(before.clone());
        }
        Some(Recovery {
            pid: self.pid.clone()?,
            offset: self.offset.as_ref()?.offset.clone(),
        })
    }

    /// The message that asks for the namespace in revision 4; `None` if the credentials are no JSON
    /// object.
    pub(super) fn connect_message(&self) -> Option<Bytes> {
        let mut packet = Packet::new(PacketKind::Connect, self.name());
        let mut members = String::new();
        if let Some(Recovery { pid, offset }) = &self.wanted.recovery {
            members = format!(r#""pid":{},"offset":{}"#, json_text(pid), json_text(offset));
        }
        let auth = match &self.wanted.auth {
            Some(auth) => {
                serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(auth).ok()?;
                // Kept as it was written, so what a server sees does not depend on a parser.
                let inner = auth.trim().strip_prefix('{')?.strip_suffix('}')?.trim();
                if !members.is_empty() && !inner.is_empty() {
                    members.push(',');
                }
                members.push_str(inner);
                Some(())
            }
            None => None,
        };
        if auth.is_some() || !members.is_empty() {
            packet.payload = format!("{{{members}}}").into();
        }
        Some(packet.encode())
    }

    /// The same in revision 3, where the credentials are a query: `40/secure?token=x,`. The default
    /// namespace is connected unasked, which is an empty message here.
    pub(super) fn connect_message_v3(&self) -> Option<Bytes> {
        if self.name() == "/" {
            return Some(Bytes::new());
        }
        let mut name = self.name().to_owned();
        if let Some(auth) = &self.wanted.auth {
            let members: serde_json::Map<String, serde_json::Value> =
                serde_json::from_str(auth).ok()?;
            if !members.is_empty() {
                let mut query = form_urlencoded::Serializer::new(String::new());
                for (key, value) in &members {
                    match value.as_str() {
                        Some(text) => query.append_pair(key, text),
                        None => query.append_pair(key, &value.to_string()),
                    };
                }
                name.push('?');
                name.push_str(&query.finish());
            }
        }
        Some(Packet::new(PacketKind::Connect, name).encode())
    }
}

fn json_text(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
