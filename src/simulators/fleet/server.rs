//! The port: TCP connections, and which requests are Socket.IO and which are REST.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};

use super::fault::Fault;
use super::session;
use super::supervisor::Supervisor;
use crate::simulators::web::{Answer, reply, switching, upgrade_key};

/// Longest message a client may send, as announced in the open packet.
const MESSAGE_LIMIT: usize = 1_000_000;

/// Accepts connections until the simulator ends.
pub(super) async fn accept(supervisor: Arc<Supervisor>, listener: TcpListener) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => supervisor.background(serve(supervisor.clone(), stream)),
            Err(error) => {
                // Out of descriptors, most likely: give the others time to end.
                tracing::warn!(%error, "the simulator could not accept a connection");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

async fn serve(supervisor: Arc<Supervisor>, stream: TcpStream) {
    let mut faults = supervisor.faults.subscribe();
    if faults.borrow().has(Fault::Gone) {
        return;
    }
    let service = service_fn(move |request| {
        let supervisor = supervisor.clone();
        async move { Ok::<_, Infallible>(answer(&supervisor, request)) }
    });
    let served = hyper::server::conn::http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    tokio::select! {
        served = served => if let Err(error) = served {
            tracing::debug!(%error, "a connection to the simulator ended badly");
        },
        _ = faults.wait_for(|faults| faults.has(Fault::Gone)) => {}
    }
}

fn answer(supervisor: &Arc<Supervisor>, request: Request<Incoming>) -> Answer {
    let path = request.uri().path().to_owned();
    supervisor.note(format!("{} {}", request.method(), request.uri()));
    if path.starts_with("/socket.io/") {
        return socket_io(supervisor.clone(), request);
    }
    let json = "application/json";
    if request.method() != Method::GET {
        return reply(StatusCode::METHOD_NOT_ALLOWED, "text/html", String::new());
    }
    if supervisor.has(Fault::RestFails) {
        let body = "{\"message\":\"database is locked\",\"status\":\"error\"}\n";
        return reply(StatusCode::INTERNAL_SERVER_ERROR, json, body.to_owned());
    }
    match supervisor.answer(&path) {
        Some(body) => reply(StatusCode::OK, json, body),
        None => reply(StatusCode::NOT_FOUND, "text/html", String::new()),
    }
}

/// A request below `/socket.io/`. Long-polling is not simulated.
fn socket_io(supervisor: Arc<Supervisor>, mut request: Request<Incoming>) -> Answer {
    let Some(accept) = upgrade_key(request.headers()) else {
        return reply(
            StatusCode::BAD_REQUEST,
            "text/plain",
            "\"Invalid transport\"".to_owned(),
        );
    };
    let upgrade = hyper::upgrade::on(&mut request);
    supervisor.clone().background(async move {
        let Ok(upgraded) = upgrade.await else { return };
        let config = WebSocketConfig::default().max_message_size(Some(MESSAGE_LIMIT));
        let io = TokioIo::new(upgraded);
        let socket = WebSocketStream::from_raw_socket(io, Role::Server, Some(config)).await;
        session::run(supervisor, socket).await;
    });
    switching(&accept)
}
