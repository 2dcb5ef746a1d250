//! A WebSocket client for any server: the hand-shake by our own HTTP client, frames by tungstenite.
//!
//! Whoever owns a [`WebSocket`] polls [`WebSocket::next`] and never waits for a write: what is to be
//! sent waits in a bounded queue that is written whenever it is polled. Pings are answered here, at
//! once, and reported. Compression (permessage-deflate) is not offered: tungstenite has none, and
//! servers would compress each picture at a tenth of the rate.

mod end;
mod handshake;
mod observed;

use std::collections::VecDeque;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use futures_util::{Sink, Stream as _};
use tokio::time::{Instant, Sleep, sleep_until};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::error::Error;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};

use crate::model::{EndReason, PlainText};
use crate::sources::net::{HttpClient, Traffic};
use observed::Observed;

pub use end::LinkEnd;
pub use handshake::OpenError;

/// How much is read and kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WebSocketLimits {
    /// The largest message that is read. A frame's announced length is reserved at once, so this is
    /// also what a header alone can make us reserve.
    pub message_bytes: usize,
    /// Bytes of a message that its sender does not count, for the sentence about a larger one.
    pub envelope_bytes: usize,
    /// Bytes that may wait to be sent. A server that reads nothing must not fill our memory.
    pub outgoing_bytes: usize,
    /// How long the socket may take nothing of what waits to be sent; `None` where something else
    /// notices.
    pub write_limit: Option<Duration>,
}

impl Default for WebSocketLimits {
    fn default() -> Self {
        Self {
            message_bytes: 16 << 20,
            envelope_bytes: 0,
            outgoing_bytes: 1 << 20,
            write_limit: Some(Duration::from_secs(10)),
        }
    }
}

/// What a WebSocket brings. To be stamped by whoever gets it: it is returned as soon as it is whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Incoming {
    /// A text message; always UTF-8.
    Text(Bytes),
    /// A binary message.
    Binary(Bytes),
    /// A ping, which has been answered.
    Ping(Bytes),
    /// The answer to a ping of ours.
    Pong(Bytes),
    /// This many bytes arrived, and no message is whole yet: a sign of life.
    Heard(usize),
}

/// An open WebSocket.
#[derive(Debug)]
pub struct WebSocket {
    socket: WebSocketStream<Observed>,
    server: PlainText,
    limits: WebSocketLimits,
    outgoing: VecDeque<Message>,
    outgoing_bytes: usize,
    needs_flush: bool,
    /// Runs while the socket takes nothing.
    stuck: Option<Pin<Box<Sleep>>>,
    traffic: Traffic,
    told_bytes: u64,
}

impl WebSocket {
    /// Connects and shakes hands, within the time limit and with the headers of `http`. Its traffic
    /// counts what the WebSocket receives.
    ///
    /// # Errors
    /// No connection, or the server did not want a WebSocket there.
    pub async fn open(
        http: &HttpClient,
        path_and_query: &str,
        limits: WebSocketLimits,
    ) -> Result<Self, OpenError> {
        let (stream, server) = handshake::shake_hands(http, path_and_query).await?;
        let traffic = http.traffic().clone();
        let config = WebSocketConfig::default()
            .max_message_size(Some(limits.message_bytes))
            .max_frame_size(Some(limits.message_bytes))
            .write_buffer_size(0);
        let socket = WebSocketStream::from_raw_socket(stream, Role::Client, Some(config)).await;
        Ok(Self {
            socket,
            server,
            limits,
            outgoing: VecDeque::new(),
            outgoing_bytes: 0,
            needs_flush: false,
            stuck: None,
            told_bytes: traffic.received_bytes(),
            traffic,
        })
    }

    /// What the server calls itself, empty if it does not say.
    pub fn server(&self) -> &PlainText {
        &self.server
    }

    /// What comes next; writes what waits meanwhile. Cancel safe.
    ///
    /// # Errors
    /// The connection has ended.
    pub async fn next(&mut self) -> Result<Incoming, LinkEnd> {
        poll_fn(|cx| self.poll_next(cx)).await
    }

    /// [`WebSocket::next`] for whoever polls by hand.
    pub fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Result<Incoming, LinkEnd>> {
        // A write that fails is reported by the read below, with what the server said before.
        match self.poll_write(cx) {
            Poll::Ready(Err(error)) if !matches!(error, Error::Io(_)) => {
                return Poll::Ready(Err(self.ended_by(&error)));
            }
            Poll::Ready(_) => self.stuck = None,
            Poll::Pending => {
                if let Some(end) = self.poll_stuck(cx) {
                    return Poll::Ready(Err(end));
                }
            }
        }
        match Pin::new(&mut self.socket).poll_next(cx) {
            Poll::Ready(Some(Ok(message))) => {
                let _ = self.traffic.since(&mut self.told_bytes);
                Poll::Ready(self.take(message, cx))
            }
            Poll::Ready(Some(Err(error))) => Poll::Ready(Err(self.ended_by(&error))),
            Poll::Ready(None) => Poll::Ready(Err(LinkEnd::without_a_word())),
            Poll::Pending => match self.traffic.since(&mut self.told_bytes) {
                Some(bytes) => Poll::Ready(Ok(Incoming::Heard(bytes))),
                None => Poll::Pending,
            },
        }
    }

    fn take(&mut self, message: Message, cx: &mut Context<'_>) -> Result<Incoming, LinkEnd> {
        match message {
            Message::Text(text) => Ok(Incoming::Text(text.into())),
            Message::Binary(binary) => Ok(Incoming::Binary(binary)),
            Message::Ping(payload) => {
                // tungstenite has queued the pong; what does not go out now goes with the next poll.
                self.needs_flush = true;
                let _ = self.poll_write(cx);
                Ok(Incoming::Ping(payload))
            }
            Message::Pong(payload) => Ok(Incoming::Pong(payload)),
            Message::Close(frame) => Err(LinkEnd::closed_by(frame.as_ref())),
            // Only for who reads frame by frame.
            Message::Frame(_) => Ok(Incoming::Heard(0)),
        }
    }

    /// Writes as much as the socket takes.
    fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        while !self.outgoing.is_empty() {
            ready!(Pin::new(&mut self.socket).poll_ready(cx))?;
            if let Some(message) = self.outgoing.pop_front() {
                self.stuck = None;
                self.outgoing_bytes = self.outgoing_bytes.saturating_sub(message.len());
                Pin::new(&mut self.socket).start_send(message)?;
                self.needs_flush = true;
            }
        }
        if self.needs_flush {
            ready!(Pin::new(&mut self.socket).poll_flush(cx))?;
            self.needs_flush = false;
        }
        Poll::Ready(Ok(()))
    }

    /// Whether the socket has taken nothing for too long.
    fn poll_stuck(&mut self, cx: &mut Context<'_>) -> Option<LinkEnd> {
        let limit = self.limits.write_limit?;
        let stuck = self
            .stuck
            .get_or_insert_with(|| Box::pin(sleep_until(Instant::now() + limit)));
        stuck.as_mut().poll(cx).is_ready().then(|| {
            LinkEnd::new(
                EndReason::TransportError,
                format!("it has taken nothing for {} s", limit.as_secs()),
            )
        })
    }

    /// Puts a text behind those that wait to be sent.
    ///
    /// # Errors
    /// It is not UTF-8, or too much waits already.
    pub fn send_text(&mut self, text: Bytes) -> Result<(), LinkEnd> {
        let text = Utf8Bytes::try_from(text).map_err(|_| {
            LinkEnd::new(
                EndReason::TransportError,
                "a text of ours was not UTF-8 and could not be sent",
            )
        })?;
        self.send(Message::Text(text))
    }

    /// Puts a binary message behind those that wait to be sent.
    ///
    /// # Errors
    /// Too much waits already.
    pub fn send_binary(&mut self, binary: Bytes) -> Result<(), LinkEnd> {
        self.send(Message::Binary(binary))
    }

    /// Puts a ping behind what waits to be sent. RFC 6455 allows 125 bytes of payload.
    ///
    /// # Errors
    /// Too much waits already.
    pub fn send_ping(&mut self, payload: Bytes) -> Result<(), LinkEnd> {
        self.send(Message::Ping(payload))
    }

    fn send(&mut self, message: Message) -> Result<(), LinkEnd> {
        self.outgoing_bytes += message.len();
        self.outgoing.push_back(message);
        if self.outgoing_bytes > self.limits.outgoing_bytes {
            return Err(LinkEnd::new(
                EndReason::TransportError,
                format!(
                    "it does not read: {} MiB wait to be sent",
                    self.limits.outgoing_bytes / 1024 / 1024
                ),
            ));
        }
        Ok(())
    }

    /// Sends what waits, then a close frame, and waits for the server's. Not bounded in time.
    pub async fn close(mut self) {
        self.outgoing.push_back(Message::Close(Some(CloseFrame {
            code: CloseCode::Normal,
            reason: Utf8Bytes::from_static(""),
        })));
        while self.next().await.is_ok() {}
    }

    fn ended_by(&self, error: &Error) -> LinkEnd {
        let answer = self.socket.get_ref().http_answer();
        LinkEnd::by_error(error, answer.as_ref(), self.limits.envelope_bytes)
    }
}
