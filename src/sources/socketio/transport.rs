//! What carries packets: a WebSocket, or long-polling that may become one. The connection's task
//! sees one interface and never waits for a write.

use std::time::Duration;

use super::address::Address;
use super::options::{ClientOptions, TransportChoice};
use super::polling::PollingLink;
use super::websocket::WebSocketLink;
use crate::protocol::engineio::{OpenPacket, Revision, WireMessage};
use crate::sources::net::HttpClient;

pub(super) use crate::sources::websocket::LinkEnd;

/// Bytes that may wait to be sent. A server that reads nothing must not fill our memory.
pub(super) const OUTGOING_BYTES: usize = 32 * 1024 * 1024;
/// Time for saying good-bye.
const CLOSE_LIMIT: Duration = Duration::from_secs(1);

/// What a transport brings.
#[derive(Debug)]
pub(super) enum Incoming {
    /// One packet.
    Message(WireMessage),
    /// This many bytes arrived, and no packet is whole yet.
    Heard(usize),
    /// From here on packets go over a WebSocket.
    Upgraded,
    /// The WebSocket did not come about; long-polling goes on.
    UpgradeFailed(String),
}

/// Why a session could not be opened: a sentence with the peer in it.
pub(super) type OpenFailure = String;

/// A connection to the server, of either kind.
#[derive(Debug)]
pub(super) enum Transport {
    WebSocket(Box<WebSocketLink>),
    Polling(Box<PollingLink>),
}

impl Transport {
    /// Connects, up to where the open packet is next.
    pub(super) async fn open(
        options: &ClientOptions,
        http: &HttpClient,
        address: &Address,
    ) -> Result<Self, OpenFailure> {
        // The length-prefixed bodies of revision 3 are not spoken here.
        let websocket =
            options.transport == TransportChoice::WebSocket || options.revision == Revision::V3;
        if websocket {
            WebSocketLink::open(http, address, None, &options.limits)
                .await
                .map(|link| Self::WebSocket(Box::new(link)))
        } else {
            let upgrade = options.transport == TransportChoice::PollingThenUpgrade;
            PollingLink::open(http, address, upgrade, &options.limits)
                .await
                .map(|link| Self::Polling(Box::new(link)))
        }
    }

    pub(super) fn is_polling(&self) -> bool {
        matches!(self, Self::Polling(_))
    }

    /// Tells the transport what the server said of the session.
    pub(super) fn opened(&mut self, open: &OpenPacket) {
        if let Self::Polling(polling) = self {
            polling.opened(open);
        }
    }

    /// What comes next. Writes what waits meanwhile. May be cancelled without loss.
    pub(super) async fn next(&mut self) -> Result<Incoming, LinkEnd> {
        match self {
            Self::WebSocket(link) => link.next().await,
            Self::Polling(link) => {
                let incoming = link.next().await?;
                if matches!(incoming, Incoming::Upgraded)
                    && let Some(websocket) = link.take_websocket()
                {
                    *self = Self::WebSocket(Box::new(websocket));
                }
                Ok(incoming)
            }
        }
    }

    /// Puts a packet behind those that wait to be sent.
    pub(super) fn send(&mut self, message: WireMessage) -> Result<(), LinkEnd> {
        match self {
            Self::WebSocket(link) => link.send(message),
            Self::Polling(link) => link.send(message),
        }
    }

    /// Sends what waits and closes, within a second; what arrives meanwhile is not looked at.
    pub(super) async fn close(self) {
        let close = async {
            match self {
                Self::WebSocket(link) => link.close().await,
                Self::Polling(link) => link.close().await,
            }
        };
        // A server that does not say good-bye is left standing.
        let _ = tokio::time::timeout(CLOSE_LIMIT, close).await;
    }
}
