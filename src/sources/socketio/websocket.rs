//! A WebSocket as transport: the hand-shake by our own HTTP client, frames by tungstenite.
//!
//! Compression is never offered: servers would compress each picture, at a tenth of the rate.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::{Buf, Bytes};
use futures_util::{Sink, Stream as _};
use hyper::header::{self, HeaderMap, HeaderValue};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::error::{CapacityError, Error, ProtocolError};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};

use super::address::Address;
use super::transport::{Incoming, LinkEnd, OUTGOING_BYTES, OpenFailure, refusal};
use crate::model::{EndReason, PlainText};
use crate::protocol::engineio::WireMessage;
use crate::protocol::socketio::Limits;
use crate::sources::net::http::Upgrade;
use crate::sources::net::{HttpClient, Stream, Traffic};

/// An open WebSocket.
#[derive(Debug)]
pub(super) struct WebSocketLink {
    socket: WebSocketStream<Observed>,
    outgoing: VecDeque<Message>,
    outgoing_bytes: usize,
    needs_flush: bool,
    traffic: Traffic,
    told_bytes: u64,
}

impl WebSocketLink {
    /// The hand-shake; with `sid` for an upgrade of that session.
    pub(super) async fn open(
        http: &HttpClient,
        address: &Address,
        sid: Option<&str>,
        limits: &Limits,
    ) -> Result<Self, OpenFailure> {
        let peer = http.endpoint();
        let key = BASE64.encode(random_key());
        let answer = http
            .upgrade(&address.target("websocket", sid), request_headers(&key))
            .await
            .map_err(|error| error.to_string())?;
        let (headers, stream, first) = match answer {
            Upgrade::Done {
                headers,
                stream,
                first,
            } => (headers, stream, first),
            Upgrade::Refused(answer) => {
                let mut words = refusal(&answer);
                if answer.body.is_empty() && sid.is_none() {
                    words = explained(http, address, &words).await;
                }
                let hint = match answer.status {
                    // uvicorn answers 500 where the application has no WebSocket at that path.
                    404 | 500 => ": is there a Socket.IO server, and is that its path?",
                    200..=299 => ": it is no Socket.IO server, or not at this path",
                    _ => "",
                };
                return Err(format!(
                    "{peer} refused a WebSocket at {} with {words}{hint}",
                    address.path()
                ));
            }
        };
        check_answer(&headers, &key)
            .map_err(|what| format!("{peer} answered the WebSocket hand-shake wrongly: {what}"))?;
        let traffic = http.traffic().clone();
        let socket = WebSocketStream::from_raw_socket(
            Observed::new(*stream, first),
            Role::Client,
            Some(config(limits)),
        )
        .await;
        Ok(Self {
            socket,
            outgoing: VecDeque::new(),
            outgoing_bytes: 0,
            needs_flush: false,
            told_bytes: traffic.received_bytes(),
            traffic,
        })
    }

    pub(super) async fn next(&mut self) -> Result<Incoming, LinkEnd> {
        poll_fn(|cx| self.poll_next(cx)).await
    }

    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Result<Incoming, LinkEnd>> {
        // A write that fails is reported by the read below, with what the server said before.
        if let Poll::Ready(Err(error)) = self.poll_write(cx) {
            let lost = self.ended_by(&error);
            if !matches!(error, Error::Io(_)) {
                return Poll::Ready(Err(lost));
            }
        }
        loop {
            let polled = match Pin::new(&mut self.socket).poll_next(cx) {
                Poll::Ready(polled) => polled,
                Poll::Pending => break,
            };
            let message = match polled {
                Some(Ok(message)) => message,
                Some(Err(error)) => return Poll::Ready(Err(self.ended_by(&error))),
                None => return Poll::Ready(Err(no_close_frame())),
            };
            match message {
                Message::Text(text) => {
                    let _ = self.traffic.since(&mut self.told_bytes);
                    let message = WireMessage::Text(text.into());
                    return Poll::Ready(Ok(Incoming::Message(message)));
                }
                Message::Binary(binary) => {
                    let _ = self.traffic.since(&mut self.told_bytes);
                    let message = WireMessage::Binary(binary);
                    return Poll::Ready(Ok(Incoming::Message(message)));
                }
                Message::Close(frame) => return Poll::Ready(Err(closed_by(frame.as_ref()))),
                // tungstenite has queued the pong; it goes out with the next flush.
                Message::Ping(_) => {
                    self.needs_flush = true;
                    let _ = self.poll_write(cx);
                }
                Message::Pong(_) | Message::Frame(_) => {}
            }
        }
        if let Some(bytes) = self.traffic.since(&mut self.told_bytes) {
            return Poll::Ready(Ok(Incoming::Heard(bytes)));
        }
        Poll::Pending
    }

    /// Writes as much as the socket takes.
    fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        while !self.outgoing.is_empty() {
            ready!(Pin::new(&mut self.socket).poll_ready(cx))?;
            if let Some(message) = self.outgoing.pop_front() {
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

    pub(super) fn send(&mut self, message: WireMessage) -> Result<(), LinkEnd> {
        let message = match message {
            WireMessage::Text(text) => Message::Text(Utf8Bytes::try_from(text).map_err(|_| {
                LinkEnd::new(
                    EndReason::TransportError,
                    "a text of ours was not UTF-8 and could not be sent",
                )
            })?),
            WireMessage::Binary(binary) => Message::Binary(binary),
        };
        self.outgoing_bytes += message.len();
        self.outgoing.push_back(message);
        if self.outgoing_bytes > OUTGOING_BYTES {
            return Err(LinkEnd::new(
                EndReason::TransportError,
                format!(
                    "it does not read: {} MiB wait to be sent",
                    OUTGOING_BYTES / 1024 / 1024
                ),
            ));
        }
        Ok(())
    }

    /// Sends what waits, then a close frame, and waits for the server's.
    pub(super) async fn close(mut self) {
        self.outgoing.push_back(Message::Close(Some(CloseFrame {
            code: CloseCode::Normal,
            reason: Utf8Bytes::from_static(""),
        })));
        while self.next().await.is_ok() {}
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

    fn ended_by(&self, error: &Error) -> LinkEnd {
        use EndReason::{HandshakeFailed, TransportClose, TransportError};
        if let Some(words) = self.socket.get_ref().http_answer() {
            return LinkEnd::new(
                HandshakeFailed,
                format!("it refused after the upgrade to WebSocket: {words}"),
            );
        }
        match error {
            Error::Protocol(ProtocolError::ResetWithoutClosingHandshake)
            | Error::ConnectionClosed
            | Error::AlreadyClosed => no_close_frame(),
            Error::Io(error) if error.kind() == io::ErrorKind::UnexpectedEof => no_close_frame(),
            Error::Io(error) => {
                LinkEnd::new(TransportError, format!("the connection broke: {error}"))
            }
            Error::Capacity(CapacityError::MessageTooLong { size, max_size }) => LinkEnd::new(
                TransportError,
                format!(
                    "it sent a message of {size} bytes, more than the {} that are read: let it send \
                     smaller ones",
                    max_size.saturating_sub(PREFIX_BYTES)
                ),
            ),
            Error::Utf8(_) => LinkEnd::new(TransportError, "it sent text that is not UTF-8"),
            Error::Protocol(error) => LinkEnd::new(
                TransportError,
                format!(
                    "it broke the rules of WebSocket: {}",
                    PlainText::from_peer(&error.to_string())
                ),
            ),
            other => LinkEnd::new(
                TransportClose,
                PlainText::from_peer(&other.to_string()).to_string(),
            ),
        }
    }
}

fn no_close_frame() -> LinkEnd {
    LinkEnd::new(
        EndReason::TransportClose,
        "it closed the connection without saying why",
    )
}

/// A close frame. Its code says nothing about success: servers close with 1000 and 1005 for all
/// kinds of trouble.
fn closed_by(frame: Option<&CloseFrame>) -> LinkEnd {
    let detail = match frame {
        None => "it closed the connection without saying why".to_owned(),
        Some(frame) => {
            let code = u16::from(frame.code);
            let words = PlainText::from_peer(&frame.reason);
            let words = match (words.is_empty(), code) {
                (false, _) => format!(" {words}"),
                (true, 1001) => " going away".to_owned(),
                (true, 1009) => " message too big".to_owned(),
                (true, 1012) => " service restart".to_owned(),
                (true, _) => String::new(),
            };
            format!("it closed the connection (code {code}{words})")
        }
    };
    LinkEnd::new(EndReason::TransportClose, detail)
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
            refusal(&answer)
        ),
        Err(_) => refusal_words.to_owned(),
    }
}

/// Sixteen bytes that are new each time; they guard against caches, not against people.
fn random_key() -> [u8; 16] {
    let mut key = [0; 16];
    fastrand::fill(&mut key);
    key
}

fn request_headers(key: &str) -> Vec<(header::HeaderName, HeaderValue)> {
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
    let says = |name: header::HeaderName, word: &str| {
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

/// Revision 3 of Engine.IO puts one byte before an attachment.
const PREFIX_BYTES: usize = 1;

fn config(limits: &Limits) -> WebSocketConfig {
    // A frame's announced length is reserved at once, so this limit is also the bound of what a
    // header alone can make us reserve.
    let largest = limits.text_bytes.max(limits.attachment_bytes) + PREFIX_BYTES;
    WebSocketConfig::default()
        .max_message_size(Some(largest))
        .max_frame_size(Some(largest))
        .write_buffer_size(0)
}

/// The stream under the WebSocket. It remembers how the server's side began, because Node writes
/// an HTTP refusal *into* the WebSocket when it does not like the protocol version.
#[derive(Debug)]
struct Observed {
    stream: Stream,
    /// What came together with the 101 answer.
    first: Bytes,
    head: Vec<u8>,
}

/// As much as is remembered: a status line, a few headers and the words behind them.
const HEAD_BYTES: usize = 512;

impl Observed {
    fn new(stream: Stream, first: Bytes) -> Self {
        Self {
            stream,
            first,
            head: Vec::new(),
        }
    }

    /// The status line and the body, if an HTTP answer came where frames should have.
    fn http_answer(&self) -> Option<PlainText> {
        if !self.head.starts_with(b"HTTP/") {
            return None;
        }
        let text = String::from_utf8_lossy(&self.head);
        let status = text.split("\r\n").next().unwrap_or_default();
        let body = text.split_once("\r\n\r\n").map_or("", |(_, body)| body);
        Some(PlainText::from_peer(format!("{status} {body}").trim()))
    }

    fn remember(&mut self, bytes: &[u8]) {
        let room = HEAD_BYTES.saturating_sub(self.head.len());
        self.head.extend(bytes.iter().take(room));
    }
}

impl AsyncRead for Observed {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buf.filled().len();
        if this.first.has_remaining() {
            let part = this.first.len().min(buf.remaining());
            buf.put_slice(&this.first.split_to(part));
        } else {
            ready!(Pin::new(&mut this.stream).poll_read(cx, buf))?;
        }
        if this.head.len() < HEAD_BYTES {
            let fresh = buf.filled().get(before..).unwrap_or_default();
            this.remember(fresh);
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Observed {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write(cx, buf)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }
}
