//! What a client is told before it starts.

use std::fmt;
use std::sync::Arc;

use url::Url;

use crate::protocol::engineio::Revision;
use crate::protocol::rows::EventPickers;
use crate::protocol::socketio::Limits;
use crate::sources::net::{Endpoint, Headers, TlsOptions};
use crate::sources::reconnect::Backoff;

/// Everything a client needs to know. `Debug` shows no secrets.
#[derive(Clone)]
pub struct ClientOptions {
    /// Where the server is, with or without TLS.
    pub endpoint: Endpoint,
    /// The Engine.IO path; a slash is put at its end if there is none (servers insist on it).
    pub path: String,
    /// Extra query parameters for every request, not yet escaped. Values may be secret.
    pub query: Vec<(String, String)>,
    /// Extra headers for every request, the WebSocket hand-shake included.
    pub headers: Headers,
    /// The namespaces to connect, in this order.
    pub namespaces: Vec<Namespace>,
    /// Events that a source emits in each namespace as soon as it is connected, for servers that
    /// send nothing until asked: JSON arrays, the name first. They may hold secrets.
    pub greetings: Vec<String>,
    /// Which events a source listens to, and what of them are rows.
    pub events: Box<EventPickers>,
    /// How packets travel.
    pub transport: TransportChoice,
    /// When to try again.
    pub backoff: Backoff,
    /// Which Engine.IO the server speaks. Revision 3 goes over WebSocket only.
    pub revision: Revision,
    /// How much of the server's sending is believed, and how long its answers are waited for.
    pub limits: Limits,
    /// What is kept for a consumer that is slow.
    pub queue: QueueLimits,
    /// Whether events missed during a short loss are asked for (servers that keep them).
    pub recovery: bool,
    /// Whether to try again also after the server refused us or ended the namespace.
    pub retry_refused: bool,
}

/// The largest message limit that may be asked for.
pub const LARGEST_MESSAGE_BYTES: usize = 256 * 1024 * 1024;

impl ClientOptions {
    /// The default namespace of a server, over WebSocket, without auth.
    pub fn new(endpoint: Endpoint) -> Self {
        Self {
            endpoint,
            path: "/socket.io/".to_owned(),
            query: Vec::new(),
            headers: Headers::new(),
            namespaces: vec![Namespace::new("/")],
            greetings: Vec::new(),
            events: Box::default(),
            transport: TransportChoice::default(),
            backoff: Backoff::default(),
            revision: Revision::default(),
            limits: Limits::default(),
            queue: QueueLimits::default(),
            recovery: true,
            retry_refused: false,
        }
    }

    /// The options that an address on the command line stands for:
    /// `socketio://host[:port][/path][?query]`, or `socketios://` for TLS. The path is the
    /// Engine.IO path, never a namespace.
    ///
    /// # Errors
    /// A sentence that says what to write instead. It holds neither user, password nor query.
    pub fn from_url(written: &str) -> Result<Self, String> {
        let shape = "write socketio://HOST:PORT/PATH, or socketios:// for TLS";
        let url = Url::parse(written).map_err(|error| format!("{error}: {shape}"))?;
        let (tls, port) = match url.scheme() {
            "socketio" => (None, 80),
            "socketios" => (Some(TlsOptions::PublicRoots), 443),
            other => return Err(format!("{other}:// is no Socket.IO address: {shape}")),
        };
        if !url.username().is_empty() || url.password().is_some() {
            return Err(format!(
                "user and password do not belong into an address: {shape}, and put credentials into the configuration"
            ));
        }
        let host = url
            .host_str()
            .filter(|host| !host.is_empty())
            .ok_or_else(|| format!("the host is missing: {shape}"))?;
        let mut options = Self::new(Endpoint::new(host, url.port().unwrap_or(port), tls));
        if !matches!(url.path(), "" | "/") {
            url.path().clone_into(&mut options.path);
        }
        options.query = url.query_pairs().into_owned().collect();
        Ok(options)
    }

    /// The same options with room for attachments of `bytes`, up to 256 MiB. One message larger
    /// than the limit ends the connection.
    pub fn with_message_limit(mut self, bytes: usize) -> Self {
        let bytes = bytes.min(LARGEST_MESSAGE_BYTES);
        self.limits.attachment_bytes = bytes;
        self.limits.attachments_bytes = self.limits.attachments_bytes.max(bytes);
        self.queue.bytes = self.queue.bytes.max(bytes);
        self
    }
}

impl fmt::Debug for ClientOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let query: Vec<&str> = self.query.iter().map(|(name, _)| name.as_str()).collect();
        f.debug_struct("ClientOptions")
            .field("endpoint", &self.endpoint)
            .field("path", &self.path)
            .field("query", &query)
            .field("headers", &self.headers)
            .field("namespaces", &self.namespaces)
            .field("transport", &self.transport)
            .finish_non_exhaustive()
    }
}

/// How packets travel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TransportChoice {
    /// A WebSocket from the start.
    #[default]
    WebSocket,
    /// HTTP long-polling, then a WebSocket if the server offers one and it works.
    PollingThenUpgrade,
    /// HTTP long-polling for good.
    Polling,
}

/// A namespace to connect and what to show at its door.
#[derive(Clone)]
pub struct Namespace {
    /// Its name, starting with `/`.
    pub name: String,
    auth: Option<Auth>,
}

type Auth = Arc<dyn Fn() -> String + Send + Sync>;

impl Namespace {
    /// A namespace without auth.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            auth: None,
        }
    }

    /// The same namespace with an auth object, as JSON text.
    pub fn with_auth(self, json: impl Into<String>) -> Self {
        let json: String = json.into();
        self.with_auth_from(move || json.clone())
    }

    /// The same namespace with an auth object that is made anew for every connection.
    pub fn with_auth_from(mut self, auth: impl Fn() -> String + Send + Sync + 'static) -> Self {
        self.auth = Some(Arc::new(auth));
        self
    }

    /// The auth object for a connection that is made now.
    pub(super) fn auth(&self) -> Option<String> {
        self.auth.as_ref().map(|auth| auth())
    }
}

impl fmt::Debug for Namespace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let auth = if self.auth.is_some() { "given" } else { "none" };
        write!(f, "{:?} (auth {auth})", self.name)
    }
}

/// What is kept between the connection and its consumer. When one is full the oldest of its kind
/// gives way, counted by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueueLimits {
    /// Events without attachments.
    pub events: usize,
    /// Events with attachments, and large ones without.
    pub bulk_events: usize,
    /// Bytes of either kind.
    pub bytes: usize,
}

impl Default for QueueLimits {
    fn default() -> Self {
        Self {
            events: 10_000,
            bulk_events: 64,
            bytes: 64 * 1024 * 1024,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_says_where_and_how() {
        let cases = [
            (
                "socketio://10.0.0.5:8001",
                "10.0.0.5:8001 false /socket.io/ 0",
            ),
            ("socketio://lab/feed/sio", "lab:80 false /feed/sio 0"),
            ("socketios://lab/?token=x", "lab:443 true /socket.io/ 1"),
            ("socketio://[::1]:7001/", "[::1]:7001 false /socket.io/ 0"),
        ];
        for (written, meant) in cases {
            let options = ClientOptions::from_url(written).unwrap();
            let found = format!(
                "{} {} {} {}",
                options.endpoint,
                options.endpoint.tls.is_some(),
                options.path,
                options.query.len()
            );
            assert_eq!(found, meant, "{written}");
        }
        for (written, part) in [
            ("10.0.0.5:8001", "write socketio://"),
            ("http://lab", "http:// is no Socket.IO address"),
            (
                "socketio://ana:pw@lab",
                "put credentials into the configuration",
            ),
            ("socketio:///path", "host is missing"),
        ] {
            let error = ClientOptions::from_url(written).unwrap_err();
            assert!(error.contains(part), "{written}: {error}");
            assert!(!error.contains("pw"), "{error}");
        }
    }

    #[test]
    fn secrets_are_not_in_debug() {
        let mut options = ClientOptions::new(Endpoint::plain("h", 1));
        options.query = vec![("token".to_owned(), "s3cret".to_owned())];
        options.headers = Headers::from_pairs([("Authorization", "s3cret")]).unwrap();
        options.namespaces = vec![Namespace::new("/secure").with_auth(r#"{"token":"s3cret"}"#)];
        let shown = format!("{options:?}");
        assert!(!shown.contains("s3cret"), "{shown}");
        assert!(
            shown.contains("authorization") && shown.contains("/secure"),
            "{shown}"
        );
    }
}
