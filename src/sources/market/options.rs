//! What a market source is told before it starts.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;

use super::attempts::Timing;
use super::limit::Limit;
use crate::model::{FRESH_FOR_NS, Fault, FeedWay, PlainText};
use crate::protocol::market::{Subscription, VenueKind};
use crate::sources::net::{Endpoint, Headers};

/// Everything a market source needs to know. `Debug` shows no secrets.
#[derive(Clone)]
pub struct MarketOptions {
    /// The venue.
    pub venue: &'static VenueKind,
    /// Symbols as the venue writes them.
    pub symbols: Vec<String>,
    /// Where the stream is.
    pub stream: Endpoint,
    /// Path before that of the stream, empty or beginning with `/`.
    pub stream_path: String,
    /// Where HTTP requests go, if anywhere.
    pub rest: Option<Endpoint>,
    /// Path before every request's, empty or beginning with `/`.
    pub rest_path: String,
    /// More headers for the upgrade and every request.
    pub headers: Headers,
    /// The key that the venue wants.
    pub key: Option<Secret>,
    /// Levels wanted.
    pub depth: Option<u16>,
    /// Another channel than the usual one.
    pub channel: Option<String>,
    /// Stream or polling.
    pub transport: Transport,
    /// From one poll to the next.
    pub poll: Duration,
    /// How long a live book may be silent before it is called stale, nanoseconds.
    pub fresh_for_ns: u64,
    /// How often each book is written whole into a recording.
    pub snapshot: Duration,
    /// Attempts to connect, shared by everybody who connects to this venue.
    pub attempts: Limit,
    /// How long things take.
    pub timing: Timing,
}

/// How the books come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Transport {
    /// Over the WebSocket.
    #[default]
    Stream,
    /// Asked for over HTTP.
    Poll,
    /// Over the WebSocket, and asked for over HTTP while that does not stand.
    Auto,
}

impl MarketOptions {
    /// These symbols of a venue, at an address, as usual.
    pub fn new(venue: &'static VenueKind, symbols: Vec<String>, stream: Endpoint) -> Self {
        Self {
            venue,
            symbols,
            stream,
            stream_path: String::new(),
            rest: None,
            rest_path: String::new(),
            headers: Headers::new(),
            key: None,
            depth: None,
            channel: None,
            transport: Transport::default(),
            poll: Duration::from_millis(500),
            fresh_for_ns: FRESH_FOR_NS,
            snapshot: Duration::from_secs(60),
            attempts: Limit::attempts(venue.pace),
            timing: Timing::default(),
        }
    }

    /// What a connection for `symbols` is to bring.
    pub(super) fn subscription(&self, symbols: &[String], way: FeedWay) -> Subscription {
        Subscription {
            symbols: symbols.to_vec(),
            depth: self.depth,
            way,
            poll_ms: u64::try_from(self.poll.as_millis()).unwrap_or(u64::MAX),
            channel: self.channel.clone(),
        }
    }
}

impl fmt::Debug for MarketOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MarketOptions")
            .field("venue", &self.venue.name)
            .field("symbols", &self.symbols.len())
            .field("stream", &self.stream)
            .field("rest", &self.rest)
            .field("transport", &self.transport)
            .finish_non_exhaustive()
    }
}

/// A key. It is in no `Debug`, and [`Secret::hide`] takes it out of whatever is shown: a server may
/// repeat it in an error.
#[derive(Clone)]
pub struct Secret {
    plain: String,
    /// As it stands in a URL.
    encoded: String,
}

impl Secret {
    /// Keeps a key.
    pub fn new(plain: impl Into<String>) -> Self {
        let plain = plain.into();
        let encoded = url::form_urlencoded::byte_serialize(plain.as_bytes()).collect();
        Self { plain, encoded }
    }

    pub(super) fn as_str(&self) -> &str {
        &self.plain
    }

    /// The text without the key.
    pub(super) fn hide(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for form in [&self.plain, &self.encoded] {
            if !form.is_empty() {
                text = text.replace(form.as_str(), "REDACTED");
            }
        }
        text
    }

    /// The fault without the key, in words and sample.
    pub(super) fn hide_in(&self, mut fault: Fault) -> Fault {
        fault.text = PlainText::from(self.hide(&fault.text));
        let sample = String::from_utf8_lossy(&fault.sample);
        let hidden = self.hide(&sample);
        if hidden != sample {
            fault.sample = Bytes::from(hidden);
        }
        fault
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{FaultKind, Severity};

    #[test]
    fn a_key_is_taken_out_of_what_is_shown() {
        let key = Secret::new("a b+c");
        assert_eq!(format!("{key:?}"), "Secret");
        assert_eq!(
            key.hide("?token=a+b%2Bc is not a b+c"),
            "?token=REDACTED is not REDACTED"
        );
        let fault = Fault::new(FaultKind::Peer, Severity::Error, "no such key: a b+c")
            .with_sample(br#"{"token":"a b+c"}"#);
        let fault = key.hide_in(fault);
        assert_eq!(fault.text.as_str(), "no such key: REDACTED");
        assert_eq!(&fault.sample[..], br#"{"token":"REDACTED"}"#);
    }
}
