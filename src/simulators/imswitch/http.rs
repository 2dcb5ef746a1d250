//! The port: TCP connections, and which requests are Socket.IO and which are REST.

use std::convert::Infallible;
use std::sync::Arc;

use http_body_util::{BodyExt as _, Limited};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};

use super::fault::Fault;
use super::microscope::Microscope;
use super::rest::{self, Purpose, Refusal};
use super::session;
use crate::simulators::web::{Answer, reply, switching, upgrade_key};

/// Longest body of a REST call.
const BODY_LIMIT: usize = 1 << 20;
/// Longest message a client may send, as announced in the open packet.
const MESSAGE_LIMIT: usize = 1_000_000;

/// What a port serves: releases up to 2.1.140 have one for REST and the next one for Socket.IO.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Door {
    Both,
    Rest,
    SocketIo,
}

/// Accepts connections until the simulator ends.
pub(super) async fn accept(microscope: Arc<Microscope>, listener: TcpListener, door: Door) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                let connection = serve(microscope.clone(), stream, door);
                let cancel = microscope.cancel.clone();
                microscope.tasks.spawn(async move {
                    cancel.run_until_cancelled(connection).await;
                });
            }
            Err(error) => {
                // Out of descriptors, most likely: give the others time to end.
                tracing::warn!(%error, "the simulator could not accept a connection");
                tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            }
        }
    }
}

async fn serve(microscope: Arc<Microscope>, stream: TcpStream, door: Door) {
    let mut faults = microscope.hub.faults.subscribe();
    if faults.borrow().has(Fault::NoAnswer) {
        // Held open and silent for as long as the fault is on.
        let _ = faults.wait_for(|faults| !faults.has(Fault::NoAnswer)).await;
        return;
    }
    // Refused by some systems on odd sockets; packets are then merely later.
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |request| {
        let microscope = microscope.clone();
        async move { Ok::<_, Infallible>(answer(microscope, request, door).await) }
    });
    let served = hyper::server::conn::http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades()
        .await;
    if let Err(error) = served {
        tracing::debug!(%error, "a connection to the simulator ended badly");
    }
}

async fn answer(microscope: Arc<Microscope>, request: Request<Incoming>, door: Door) -> Answer {
    let path = request.uri().path().to_owned();
    // A reverse proxy's prefix is accepted as well as none.
    let path = path.strip_prefix("/imswitch").unwrap_or(&path);
    if path == "/socket.io" || path.starts_with("/socket.io/") {
        if door == Door::Rest {
            return reply(StatusCode::FORBIDDEN, "text/plain", String::new());
        }
        return socket_io(microscope, path, request);
    }
    // From 2.1.191 on the calls are below /api, before that at the root.
    let prefix = if microscope.options.dialect.is_modern() {
        "/api/"
    } else {
        "/"
    };
    let call = path.strip_prefix(prefix).map(str::to_owned);
    let outcome = match call {
        Some(call) if door != Door::SocketIo => call_rest(microscope, &call, request).await,
        _ => Err(Refusal::NotFound),
    };
    match outcome {
        Ok(Said::Json(value)) => reply(StatusCode::OK, "application/json", value.to_string()),
        Ok(Said::Html) => reply(StatusCode::OK, "text/html", HTML.to_owned()),
        Err(refusal) => {
            let (status, kind, body) = refusal.into_parts();
            reply(status, kind, body)
        }
    }
}

/// What a proxy puts in the place of an answer.
const HTML: &str = "<!DOCTYPE html><html><body>The service is starting.</body></html>";

enum Said {
    Json(serde_json::Value),
    Html,
}

async fn call_rest(
    microscope: Arc<Microscope>,
    call: &str,
    request: Request<Incoming>,
) -> Result<Said, Refusal> {
    let post = match *request.method() {
        Method::GET => false,
        Method::POST => true,
        _ => return Err(Refusal::Method),
    };
    let query = request.uri().query().unwrap_or_default().to_owned();
    let body = Limited::new(request.into_body(), BODY_LIMIT)
        .collect()
        .await;
    let body = body
        .map_err(|_| Refusal::text("the body is too long"))?
        .to_bytes();
    let number = microscope.received(post, call, &query, &body);

    let delay = microscope.hub.faults.borrow().slow_rest();
    if let Some(delay) = delay {
        tokio::time::sleep(delay).await;
    }
    let busy = microscope.hub.faults.borrow().blocking_rest();
    if let (Some(busy), false) = (busy, post) {
        let _thread = microscope.server_thread.lock().await;
        tokio::time::sleep(busy).await;
    }
    let faults = microscope.hub.faults();
    let purpose = rest::purpose(call, &query);
    let hangs = match purpose {
        Purpose::Command => faults.has(Fault::RestHang),
        Purpose::Stop => faults.has(Fault::DeadStop),
        Purpose::Ask => false,
    };
    if hangs {
        std::future::pending::<()>().await;
    }
    if purpose == Purpose::Command && faults.has(Fault::Rest500) {
        return Err(Refusal::Internal);
    }
    if purpose == Purpose::Command && faults.has(Fault::RestHtml) {
        return Ok(Said::Html);
    }
    let value = rest::call(microscope, number, call, post, &query, &body).await?;
    let is_move = purpose == Purpose::Command && call.contains("/movePositioner");
    if is_move && faults.has(Fault::LostMoveAnswer) {
        std::future::pending::<()>().await;
    }
    Ok(Said::Json(value))
}

/// A request below `/socket.io/`.
fn socket_io(microscope: Arc<Microscope>, path: &str, mut request: Request<Incoming>) -> Answer {
    let query = request.uri().query().unwrap_or_default().to_owned();
    let value = |name: &str| {
        url::form_urlencoded::parse(query.as_bytes())
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.into_owned())
    };
    let refused = || reply(StatusCode::FORBIDDEN, "text/plain", String::new());
    let Some(accept) = upgrade_key(request.headers()) else {
        // Long-polling is not simulated; the words are those of the servers.
        let reason = match (value("EIO").as_deref(), value("sid")) {
            (Some("4"), None) => "\"Invalid transport\"",
            (Some("4"), Some(_)) => "\"Invalid session SID\"",
            _ => {
                "\"The client is using an unsupported version of the Socket.IO or Engine.IO protocols\""
            }
        };
        return reply(StatusCode::BAD_REQUEST, "text/plain", reason.to_owned());
    };
    // Without the slash, with another revision or a session nobody knows: 403, and no word why.
    if path != "/socket.io/"
        || value("EIO").as_deref() != Some("4")
        || value("transport").as_deref() != Some("websocket")
        || value("sid").is_some()
        || microscope.hub.faults.borrow().has(Fault::Refuse)
    {
        return refused();
    }
    let upgrade = hyper::upgrade::on(&mut request);
    let tasks = microscope.tasks.clone();
    tasks.spawn(async move {
        let upgraded = tokio::select! {
            upgraded = upgrade => upgraded,
            () = microscope.cancel.cancelled() => return,
        };
        let Ok(upgraded) = upgraded else { return };
        let config = WebSocketConfig::default().max_message_size(Some(MESSAGE_LIMIT));
        let io = TokioIo::new(upgraded);
        let socket = WebSocketStream::from_raw_socket(io, Role::Server, Some(config)).await;
        session::run(microscope, socket).await;
    });
    switching(&accept)
}
