//! The hand-shake of a WebSocket, by our own HTTP client: its limits and sentences are the same as
//! those of any other request.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use super::observed::Observed;
use crate::model::PlainText;
use crate::sources::net::http::Upgrade;
use crate::sources::net::{Answer, HttpClient, NetError};

/// Why there is no WebSocket.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// It never came to a whole answer.
    #[error("{0}")]
    Net(#[from] NetError),
    /// The server answered the request with something else than a WebSocket.
    #[error("{peer} refused a WebSocket with {}", answer.refusal())]
    Refused {
        /// Host and port.
        peer: String,
        /// What it answered.
        answer: Answer,
    },
    /// It said yes and did not mean it.
    #[error("{peer} answered the WebSocket hand-shake wrongly: {what}")]
    Wrong {
        /// Host and port.
        peer: String,
        /// What is wrong.
        what: &'static str,
    },
}

/// The stream for frames, and what the server calls itself.
pub(super) async fn shake_hands(
    http: &HttpClient,
    path_and_query: &str,
) -> Result<(Observed, PlainText), OpenError> {
    let key = BASE64.encode(random_key());
    let peer = || http.endpoint().to_string();
    match http.upgrade(path_and_query, request_headers(&key)).await? {
        Upgrade::Refused(answer) => Err(OpenError::Refused {
            peer: peer(),
            answer,
        }),
        Upgrade::Done {
            headers,
            stream,
            first,
        } => {
            check_answer(&headers, &key).map_err(|what| OpenError::Wrong { peer: peer(), what })?;
            let server = headers.get(header::SERVER);
            let server = server.map_or(&b""[..], HeaderValue::as_bytes);
            let server = PlainText::from_peer_bytes(server);
            Ok((Observed::new(*stream, first), server))
        }
    }
}

/// Sixteen bytes that are new each time; they guard against caches, not against people.
fn random_key() -> [u8; 16] {
    let mut key = [0; 16];
    fastrand::fill(&mut key);
    key
}

fn request_headers(key: &str) -> Vec<(HeaderName, HeaderValue)> {
    let mut headers = vec![
        (header::CONNECTION, HeaderValue::from_static("Upgrade")),
        (header::UPGRADE, HeaderValue::from_static("websocket")),
        (
            header::SEC_WEBSOCKET_VERSION,
            HeaderValue::from_static("13"),
        ),
    ];
    // Base64 is always a header value.
    if let Ok(key) = HeaderValue::from_str(key) {
        headers.push((header::SEC_WEBSOCKET_KEY, key));
    }
    headers
}

/// Source: RFC 6455, section 4.1, the client's checks of the answer.
fn check_answer(headers: &HeaderMap, key: &str) -> Result<(), &'static str> {
    let says = |name: HeaderName, word: &str| {
        headers.get_all(name).iter().any(|value| {
            value.to_str().is_ok_and(|value| {
                value
                    .split(',')
                    .any(|part| part.trim().eq_ignore_ascii_case(word))
            })
        })
    };
    if !says(header::UPGRADE, "websocket") || !says(header::CONNECTION, "upgrade") {
        return Err("it switched to something that is not WebSocket");
    }
    let accept = headers.get(header::SEC_WEBSOCKET_ACCEPT);
    if accept.is_none_or(|accept| accept.as_bytes() != derive_accept_key(key.as_bytes()).as_bytes())
    {
        return Err("Sec-WebSocket-Accept does not fit our key");
    }
    if headers.contains_key(header::SEC_WEBSOCKET_EXTENSIONS) {
        return Err("it uses an extension that was not offered");
    }
    Ok(())
}
