//! The port: which requests are for which venue, and which become a WebSocket.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{
    CONNECTION, CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER, SEC_WEBSOCKET_ACCEPT,
    SEC_WEBSOCKET_KEY, SERVER, UPGRADE,
};
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};
use url::form_urlencoded;

use super::exchange::Exchange;
use super::fault::Fault;
use super::options::Venue;
use super::{rest, session};
use crate::model::SIMULATOR_HOSTNAME;

type Answer = Response<Full<Bytes>>;

/// Longest message a client may send.
const MESSAGE_LIMIT: usize = 1 << 20;

/// Accepts connections until the simulator ends.
pub(super) async fn accept(exchange: Arc<Exchange>, listener: TcpListener) {
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = exchange.cancel.cancelled() => return,
        };
        match accepted {
            Ok((stream, _)) => {
                let connection = serve(Arc::clone(&exchange), stream);
                let cancel = exchange.cancel.clone();
                exchange.tasks.spawn(async move {
                    cancel.run_until_cancelled(connection).await;
                });
            }
            Err(error) => {
                // Out of descriptors, most likely: give the others time to end.
                tracing::warn!(%error, "the simulated venues could not accept a connection");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

async fn serve(exchange: Arc<Exchange>, stream: TcpStream) {
    // Refused by some systems on odd sockets; messages are then merely later.
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |request| {
        let answer = answer(&exchange, request);
        async move { Ok::<_, Infallible>(answer) }
    });
    let served = hyper::server::conn::http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades()
        .await;
    if let Err(error) = served {
        tracing::debug!(%error, "a connection to the simulated venues ended badly");
    }
}

/// What a request says, without its head.
pub(super) struct Asked {
    /// Behind the venue's own path.
    pub path: String,
    pub query: Vec<(String, String)>,
}

impl Asked {
    pub(super) fn value(&self, name: &str) -> Option<&str> {
        let found = self.query.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value.as_str())
    }
}

fn answer(exchange: &Arc<Exchange>, request: Request<Incoming>) -> Answer {
    let path = request.uri().path().trim_start_matches('/');
    let (first, rest) = path.split_once('/').unwrap_or((path, ""));
    let Some(venue) = Venue::ALL.into_iter().find(|venue| venue.name() == first) else {
        return reply(StatusCode::NOT_FOUND, "no such venue".to_owned());
    };
    let query = request.uri().query().unwrap_or_default();
    let asked = Asked {
        path: format!("/{rest}"),
        query: form_urlencoded::parse(query.as_bytes())
            .into_owned()
            .collect(),
    };
    let faults = exchange.faults();
    let is_upgrade = request.headers().contains_key(UPGRADE);
    let limit = |fault| match fault {
        Fault::RateLimit { status } => Some(status),
        _ => None,
    };
    if let Some(status) = faults.find(limit) {
        exchange.heard(venue, 0, "limited");
        let mut answer = reply(
            code(status),
            r#"{"code":-1003,"msg":"Too many requests."}"#.into(),
        );
        insert(&mut answer, RETRY_AFTER, "1");
        return answer;
    }
    if !is_upgrade {
        exchange.heard(venue, 0, &format!("GET {}", asked.path));
        let (status, body) = rest::answer(exchange, venue, &asked);
        return reply(code(status), body);
    }
    let refused = |fault| match fault {
        Fault::RefuseKey { status } => Some(status),
        _ => None,
    };
    if let Some(status) = faults.find(refused) {
        return reply(code(status), "refused".to_owned());
    }
    // The words repeat the key, as careless servers do.
    if let (Venue::Finnhub, token) = (venue, asked.value("token").unwrap_or_default())
        && token != exchange.options.key
    {
        return reply(StatusCode::UNAUTHORIZED, format!("Invalid API key {token}"));
    }
    upgrade(exchange, venue, asked, request)
}

fn upgrade(
    exchange: &Arc<Exchange>,
    venue: Venue,
    asked: Asked,
    mut request: Request<Incoming>,
) -> Answer {
    let Some(key) = request.headers().get(SEC_WEBSOCKET_KEY) else {
        return reply(StatusCode::BAD_REQUEST, "no key".to_owned());
    };
    let accept = derive_accept_key(key.as_bytes());
    let upgrade = hyper::upgrade::on(&mut request);
    let own = Arc::clone(exchange);
    exchange.tasks.spawn(async move {
        let upgraded = tokio::select! {
            upgraded = upgrade => upgraded,
            () = own.cancel.cancelled() => return,
        };
        let Ok(upgraded) = upgraded else { return };
        let config = WebSocketConfig::default().max_message_size(Some(MESSAGE_LIMIT));
        let io = TokioIo::new(upgraded);
        let socket = WebSocketStream::from_raw_socket(io, Role::Server, Some(config)).await;
        let cancel = own.cancel.clone();
        let session = session::run(own, venue, asked, socket);
        cancel.run_until_cancelled(session).await;
    });
    let mut answer = reply(StatusCode::SWITCHING_PROTOCOLS, String::new());
    answer.headers_mut().remove(CONTENT_TYPE);
    insert(&mut answer, CONNECTION, "Upgrade");
    insert(&mut answer, UPGRADE, "websocket");
    insert(&mut answer, SEC_WEBSOCKET_ACCEPT, &accept);
    answer
}

fn code(status: u16) -> StatusCode {
    StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

fn insert(answer: &mut Answer, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        answer.headers_mut().insert(name, value);
    }
}

fn reply(status: StatusCode, body: String) -> Answer {
    let mut answer = Response::new(Full::from(body));
    *answer.status_mut() = status;
    insert(&mut answer, CONTENT_TYPE, "application/json");
    // By this a client knows that nothing here is real.
    insert(&mut answer, SERVER, SIMULATOR_HOSTNAME);
    answer
}
