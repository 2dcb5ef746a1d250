//! A WebSocket as transport of Engine.IO: one packet in each message.

use std::time::Duration;

use super::address::Address;
use super::transport::{Incoming, LinkEnd, OUTGOING_BYTES, OpenFailure};
use crate::model::PlainText;
use crate::protocol::engineio::WireMessage;
use crate::protocol::socketio::Limits;
use crate::sources::net::HttpClient;
use crate::sources::websocket::{self, OpenError, WebSocket, WebSocketLimits};

/// An open WebSocket.
#[derive(Debug)]
pub(super) struct WebSocketLink(WebSocket);

/// Revision 3 of Engine.IO puts one byte before an attachment.
const PREFIX_BYTES: usize = 1;
/// The heart-beat notices a server that does not read, in the time that it asks for itself.
const WRITE_LIMIT: Option<Duration> = None;

impl WebSocketLink {
    /// The hand-shake; with `sid` for an upgrade of that session.
    pub(super) async fn open(
        http: &HttpClient,
        address: &Address,
        sid: Option<&str>,
        limits: &Limits,
    ) -> Result<Self, OpenFailure> {
        let limits = WebSocketLimits {
            message_bytes: limits.text_bytes.max(limits.attachment_bytes) + PREFIX_BYTES,
            envelope_bytes: PREFIX_BYTES,
            outgoing_bytes: OUTGOING_BYTES,
            write_limit: WRITE_LIMIT,
        };
        match WebSocket::open(http, &address.target("websocket", sid), limits).await {
            Ok(socket) => Ok(Self(socket)),
            Err(OpenError::Refused { peer, answer }) => {
                let mut words = answer.refusal();
                if answer.body.is_empty() && sid.is_none() {
                    words = explained(http, address, &words).await;
                }
                let hint = match answer.status {
                    // uvicorn answers 500 where the application has no WebSocket at that path.
                    404 | 500 => ": is there a Socket.IO server, and is that its path?",
                    200..=299 => ": it is no Socket.IO server, or not at this path",
                    _ => "",
                };
                Err(format!(
                    "{peer} refused a WebSocket at {} with {words}{hint}",
                    address.path()
                ))
            }
            Err(other) => Err(other.to_string()),
        }
    }

    pub(super) async fn next(&mut self) -> Result<Incoming, LinkEnd> {
        loop {
            return Ok(match self.0.next().await? {
                websocket::Incoming::Text(text) => Incoming::Message(WireMessage::Text(text)),
                websocket::Incoming::Binary(binary) => {
                    Incoming::Message(WireMessage::Binary(binary))
                }
                websocket::Incoming::Heard(bytes) => Incoming::Heard(bytes),
                // Engine.IO has heart-beats of its own.
                websocket::Incoming::Ping(_) | websocket::Incoming::Pong(_) => continue,
            });
        }
    }

    pub(super) fn send(&mut self, message: WireMessage) -> Result<(), LinkEnd> {
        match message {
            WireMessage::Text(text) => self.0.send_text(text),
            WireMessage::Binary(binary) => self.0.send_binary(binary),
        }
    }

    /// Sends what waits, then a close frame, and waits for the server's.
    pub(super) async fn close(self) {
        self.0.close().await;
    }

    /// Waits for one text message; anything else is an error. For the probe of an upgrade.
    pub(super) async fn expect_text(&mut self, wanted: &str) -> Result<(), OpenFailure> {
        loop {
            match self.next().await {
                Ok(Incoming::Message(WireMessage::Text(text))) if text == wanted => return Ok(()),
                Ok(Incoming::Message(other)) => {
                    let head = other.as_bytes().get(..32).unwrap_or(other.as_bytes());
                    return Err(format!(
                        "the server answered \"{}\" to the probe",
                        PlainText::from_peer_bytes(head)
                    ));
                }
                Ok(_) => {}
                Err(end) => return Err(end.detail),
            }
        }
    }
}

/// python-socketio refuses a WebSocket with 403 and no word whatever the cause is; over polling it
/// gives the reason.
async fn explained(http: &HttpClient, address: &Address, refusal_words: &str) -> String {
    match http.get(&address.target("polling", None)).await {
        Ok(answer) if answer.is_success() => format!(
            "{refusal_words} and no reason, but answers long-polling: try the polling transport"
        ),
        Ok(answer) => format!(
            "{refusal_words} and no reason; over long-polling it says {}",
            answer.refusal()
        ),
        Err(_) => refusal_words.to_owned(),
    }
}
