//! What the simulated HTTP servers have in common: answers, and the upgrade to a WebSocket.

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{
    CONNECTION, CONTENT_TYPE, HeaderMap, HeaderName, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY,
    UPGRADE,
};
use hyper::{Response, StatusCode};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

/// What a server answers.
pub(super) type Answer = Response<Full<Bytes>>;

/// The answer that turns a connection into a WebSocket; `accept` from [`upgrade_key`].
pub(super) fn switching(accept: &str) -> Answer {
    let mut answer = reply(StatusCode::SWITCHING_PROTOCOLS, "text/plain", String::new());
    let headers = answer.headers_mut();
    headers.clear();
    for (name, value) in [
        (CONNECTION, "Upgrade"),
        (UPGRADE, "websocket"),
        (SEC_WEBSOCKET_ACCEPT, accept),
    ] {
        insert(headers, name, value);
    }
    answer
}

/// The key that accepts the upgrade this request asks for, if it asks for one.
pub(super) fn upgrade_key(headers: &HeaderMap) -> Option<String> {
    let wanted = headers.get(UPGRADE)?.to_str().ok()?;
    let key = headers.get(SEC_WEBSOCKET_KEY)?;
    wanted
        .eq_ignore_ascii_case("websocket")
        .then(|| derive_accept_key(key.as_bytes()))
}

fn insert(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    if let Ok(value) = value.parse() {
        headers.insert(name, value);
    }
}

/// An answer with a body.
pub(super) fn reply(status: StatusCode, content_type: &str, body: String) -> Answer {
    let mut answer = Response::new(Full::from(body));
    *answer.status_mut() = status;
    insert(answer.headers_mut(), CONTENT_TYPE, content_type);
    answer
}
