//! The stream under a WebSocket, and how the peer began on it.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::model::PlainText;
use crate::sources::net::Stream;

/// The stream under the WebSocket. It remembers how the server's side began, because Node writes
/// an HTTP refusal *into* the WebSocket when it does not like the protocol version.
#[derive(Debug)]
pub(super) struct Observed {
    stream: Stream,
    /// What came together with the 101 answer.
    first: Bytes,
    head: Vec<u8>,
}

/// As much as is remembered: a status line, a few headers and the words behind them.
const HEAD_BYTES: usize = 512;

impl Observed {
    pub(super) fn new(stream: Stream, first: Bytes) -> Self {
        Self {
            stream,
            first,
            head: Vec::new(),
        }
    }

    /// The status line and the body, if an HTTP answer came where frames should have.
    pub(super) fn http_answer(&self) -> Option<PlainText> {
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
