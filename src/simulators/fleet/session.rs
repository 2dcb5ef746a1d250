//! One WebSocket session: heart-beat, the connect of the namespace, and what is pushed.

use std::sync::Arc;

use futures_util::{SinkExt as _, StreamExt as _};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::broadcast::error::RecvError;
use tokio::time::{Instant, sleep_until};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;

use super::fault::Fault;
use super::supervisor::Supervisor;

/// Serves one client until one of both ends it.
pub(super) async fn run<S>(supervisor: Arc<Supervisor>, mut socket: WebSocketStream<S>)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let options = &supervisor.options;
    let mut faults = supervisor.faults.subscribe();
    let mut packets = supervisor.packets.subscribe();
    let mut is_connected = false;
    let mut ping_at = Instant::now() + options.ping_interval;
    let mut pong_by = None;
    let open = format!(
        r#"0{{"sid":"{}","upgrades":[],"pingTimeout":{},"pingInterval":{},"maxPayload":1000000}}"#,
        session_id(),
        options.ping_timeout.as_millis(),
        options.ping_interval.as_millis(),
    );
    if socket.send(Message::text(open)).await.is_err() {
        return;
    }
    loop {
        let wake = pong_by.unwrap_or(ping_at);
        let out: Vec<String> = tokio::select! {
            message = socket.next() => match message {
                Some(Ok(Message::Text(text))) => {
                    supervisor.note(format!("> {text}"));
                    match text.as_str() {
                        "3" => {
                            pong_by = None;
                            Vec::new()
                        }
                        "1" => return,
                        // What the server's own handler emits comes before the answer.
                        connect if connect.starts_with("40") && !is_connected => {
                            is_connected = true;
                            vec![
                                r#"42["connected",{"status":"connected"}]"#.to_owned(),
                                format!(r#"40{{"sid":"{}"}}"#, session_id()),
                            ]
                        }
                        _ => Vec::new(),
                    }
                }
                Some(Ok(Message::Close(_)) | Err(_)) | None => return,
                Some(Ok(_)) => Vec::new(),
            },
            packet = packets.recv() => match packet {
                Ok(packet) if is_connected => vec![packet.to_string()],
                Ok(_) | Err(RecvError::Lagged(_)) => Vec::new(),
                Err(RecvError::Closed) => return,
            },
            () = sleep_until(wake) => {
                if pong_by.is_some() && !faults.borrow().has(Fault::NoBeat) {
                    return;
                }
                pong_by = Some(Instant::now() + options.ping_timeout);
                ping_at = Instant::now() + options.ping_interval;
                vec!["2".to_owned()]
            }
            _ = faults.changed() => Vec::new(),
        };
        if faults.borrow().has(Fault::Gone) {
            return;
        }
        if faults.borrow().has(Fault::NoBeat) {
            continue;
        }
        for packet in out {
            if socket.send(Message::text(packet)).await.is_err() {
                return;
            }
        }
    }
}

/// Twenty characters, as the servers' ids have.
fn session_id() -> String {
    (0..20).map(|_| fastrand::alphanumeric()).collect()
}
