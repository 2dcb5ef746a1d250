//! One WebSocket session: Engine.IO heart-beat, Socket.IO packets of the client, and the outbox.

use std::sync::Arc;
use std::time::Duration;

use futures_util::{Sink, SinkExt as _, Stream, StreamExt as _};
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{Notify, watch};
use tokio::time::Instant;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::{Error, Message};

use super::fault::{Fault, Faults};
use super::hub::Client;
use super::microscope::Microscope;
use super::wire::{self, Packet};

/// Source: uvicorn's default, observed.
const WEBSOCKET_PING_EVERY: Duration = Duration::from_secs(20);

/// How a session ends.
enum End {
    /// With a close frame.
    Close(u16),
    /// The TCP connection goes away.
    Vanish,
}

/// Serves one client until one of both ends it.
pub(super) async fn run<S>(microscope: Arc<Microscope>, socket: WebSocketStream<S>)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let client = Arc::new(Client::new(microscope.options.dialect));
    microscope.hub.join(client.clone());
    client.push(Packet::text(wire::open(
        &session_id(),
        &[],
        microscope.options.ping_interval.as_millis(),
        microscope.options.ping_timeout.as_millis(),
    )));
    let (mut sink, stream) = socket.split();
    let session = Session {
        faults: microscope.hub.faults.subscribe(),
        microscope: microscope.clone(),
        client: client.clone(),
        pong: Notify::new(),
    };
    let end = tokio::select! {
        end = session.read(stream) => end,
        end = session.write(&mut sink) => end,
        end = session.heartbeat() => end,
        end = session.drop_link() => end,
        () = microscope.cancel.cancelled() => End::Vanish,
    };
    microscope.hub.leave(&client);
    if let End::Close(code) = end {
        let frame = CloseFrame {
            code: code.into(),
            reason: "".into(),
        };
        // The client may not read any more: it gets a moment and no longer.
        let close = sink.send(Message::Close(Some(frame)));
        let _ = tokio::time::timeout(Duration::from_secs(1), close).await;
    }
}

/// Twenty characters, as the servers' ids have.
pub(super) fn session_id() -> String {
    (0..20).map(|_| fastrand::alphanumeric()).collect()
}

/// Waits until the session is to stand still, or to go on; `false` if that never comes.
async fn reached(faults: &mut watch::Receiver<Faults>, stalled: bool) -> bool {
    let changed = faults.wait_for(|faults| faults.has(Fault::Stall) == stalled);
    changed.await.is_ok()
}

struct Session {
    microscope: Arc<Microscope>,
    client: Arc<Client>,
    faults: watch::Receiver<Faults>,
    /// The client answered a ping.
    pong: Notify,
}

impl Session {
    /// Reads the client's messages one after the other.
    async fn read(&self, mut stream: impl Stream<Item = Result<Message, Error>> + Unpin) -> End {
        let (mut begin, mut end) = (self.faults.clone(), self.faults.clone());
        loop {
            let message = tokio::select! {
                message = stream.next() => message,
                // A stopped process does not read either.
                _ = reached(&mut begin, true) => {
                    if !reached(&mut end, false).await {
                        return End::Vanish;
                    }
                    continue;
                }
            };
            match message {
                Some(Ok(Message::Text(text))) => {
                    if let Some(end) = self.receive(&text) {
                        return end;
                    }
                }
                // Stray binary messages are ignored, control frames answered below us.
                Some(Ok(Message::Close(_))) | Some(Err(_)) | None => return End::Vanish,
                Some(Ok(_)) => {}
            }
        }
    }

    /// Writes what is in the outbox, a packet and its attachment without a gap.
    async fn write(&self, mut sink: impl Sink<Message, Error = Error> + Unpin) -> End {
        let mut faults = self.faults.clone();
        let mut ping_at = Instant::now() + WEBSOCKET_PING_EVERY;
        loop {
            if !reached(&mut faults, false).await {
                return End::Vanish;
            }
            drop(self.microscope.server_thread.lock().await);
            let sent = if let Some(packet) = self.client.next() {
                let mut sent = sink.feed(Message::text(packet.text)).await;
                if let (Ok(()), Some(attachment)) = (&sent, packet.attachment) {
                    sent = sink.feed(Message::binary(attachment)).await;
                }
                match sent {
                    Ok(()) => sink.flush().await,
                    failed => failed,
                }
            } else {
                tokio::select! {
                    () = self.client.filled.notified() => Ok(()),
                    _ = faults.changed() => Ok(()),
                    () = tokio::time::sleep_until(ping_at) => {
                        ping_at = Instant::now() + WEBSOCKET_PING_EVERY;
                        sink.send(Message::Ping(Vec::new().into())).await
                    }
                }
            };
            if sent.is_err() {
                return End::Vanish;
            }
        }
    }

    /// Pings at every interval, once the answer to the last ping came.
    async fn heartbeat(&self) -> End {
        let options = &self.microscope.options;
        let mut faults = self.faults.clone();
        loop {
            tokio::time::sleep(options.ping_interval).await;
            if !reached(&mut faults, false).await {
                return End::Vanish;
            }
            self.client.push(Packet::text("2"));
            let answer = tokio::time::timeout(options.ping_timeout, self.pong.notified()).await;
            if answer.is_err() && !faults.borrow().has(Fault::Stall) {
                return End::Close(1000);
            }
        }
    }

    /// Ends the session when its time is over, if that fault is on.
    async fn drop_link(&self) -> End {
        let begun = Instant::now();
        let mut faults = self.faults.clone();
        loop {
            let after = faults.borrow_and_update().drop_link();
            let due = async {
                match after {
                    Some(after) => tokio::time::sleep_until(begun + after).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = due => return End::Vanish,
                changed = faults.changed() => if changed.is_err() { return End::Vanish },
            }
        }
    }

    /// Takes one Engine.IO packet of the client.
    fn receive(&self, text: &str) -> Option<End> {
        match text.as_bytes().first() {
            Some(b'1') => return Some(End::Vanish),
            Some(b'3') => self.pong.notify_one(),
            Some(b'4') => return self.receive_packet(&text[1..]),
            Some(b'0' | b'2' | b'5' | b'6') => {}
            // The servers drop the connection on anything else, the empty message included.
            _ => return Some(End::Vanish),
        }
        None
    }

    /// Takes one Socket.IO packet.
    fn receive_packet(&self, packet: &str) -> Option<End> {
        let (kind, rest) = packet.split_at_checked(1)?;
        let faults = self.faults.borrow().clone();
        match kind {
            "0" => return self.connect(rest, &faults),
            "1" => self.client.set_connected(false),
            "2" if self.client.is_connected() => self.receive_event(rest, &faults),
            "3" if self.client.is_connected() => self.client.answered(&faults),
            _ => {}
        }
        None
    }

    fn connect(&self, rest: &str, faults: &Faults) -> Option<End> {
        if faults.has(Fault::CloseBeforeConnect) {
            return Some(End::Close(1000));
        }
        if rest.starts_with('/') {
            let namespace = rest.split_once(',').map_or(rest, |(name, _)| name);
            let refusal = format!("44{namespace},\"Unable to connect\"");
            self.client.push(Packet::text(refusal));
        } else if self.client.is_connected() {
            self.client.push(Packet::text("44\"Unable to connect\""));
        } else if rest.is_empty() || rest == "{}" {
            if self.microscope.options.dialect.is_modern() {
                self.client.push(Packet::text(wire::CAPABILITIES));
            }
            let answer = format!("40{{\"sid\":\"{}\"}}", session_id());
            self.client.push(Packet::text(answer));
            self.client.set_connected(true);
        }
        // A client that sends authentication gets no answer at all.
        None
    }

    fn receive_event(&self, rest: &str, faults: &Faults) {
        let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let (ack_id, array) = rest.split_at(digits);
        // Broken JSON and events nobody handles are ignored, and not acknowledged either.
        let Ok(Value::Array(array)) = serde_json::from_str(array) else {
            return;
        };
        if array.first().and_then(Value::as_str) != Some("frame_ack") {
            return;
        }
        self.client.acknowledge(&array[1..], faults);
        if !ack_id.is_empty() {
            self.client.push(Packet::text(format!("43{ack_id}[]")));
        }
    }
}
