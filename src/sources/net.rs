//! TCP, TLS and HTTP connections with limits and clear sentences.
//!
//! Nothing here knows what is spoken above it, and nothing tries again: that is `reconnect`'s.

mod error;
pub mod http;
pub mod tls;
mod tls_words;

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};
use tokio_rustls::client::TlsStream;

pub use error::{NetError, Step};
pub use http::{Answer, Ask, Headers, HttpClient, Kept};
pub use tls::TlsOptions;

/// Where a server is and whether TLS is spoken there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// A name or an address; IPv6 without brackets.
    pub host: String,
    /// The TCP port.
    pub port: u16,
    /// How to check the server's certificate; `None` for no TLS.
    pub tls: Option<TlsOptions>,
}

impl Endpoint {
    /// A server that is spoken to without TLS.
    pub fn plain(host: impl Into<String>, port: u16) -> Self {
        Self::new(host, port, None)
    }

    /// A server, with brackets around an IPv6 address taken off.
    pub fn new(host: impl Into<String>, port: u16, tls: Option<TlsOptions>) -> Self {
        let host: String = host.into();
        let bare = host.strip_prefix('[').and_then(|h| h.strip_suffix(']'));
        Self {
            host: bare.map_or_else(|| host.clone(), str::to_owned),
            port,
            tls,
        }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

/// How many bytes were received and sent, over all connections that share it. A long message on a
/// slow link is a sign of life before it is whole.
#[derive(Clone, Debug, Default)]
pub struct Traffic(Arc<Counts>);

#[derive(Debug, Default)]
struct Counts {
    received: AtomicU64,
    written: AtomicU64,
    /// Written, and no longer in a buffer of ours.
    sent: AtomicU64,
    flushed: Notify,
}

impl Traffic {
    /// Bytes received so far, after decryption.
    pub fn received_bytes(&self) -> u64 {
        self.0.received.load(Ordering::Relaxed)
    }

    /// Bytes handed to the system so far, before encryption.
    pub fn sent_bytes(&self) -> u64 {
        self.0.sent.load(Ordering::Relaxed)
    }

    /// Waits until more than `mark` bytes were handed to the system. Cancel safe; one may wait.
    pub async fn sent_beyond(&self, mark: u64) {
        while self.sent_bytes() <= mark {
            self.0.flushed.notified().await;
        }
    }

    fn wrote(&self, polled: &Poll<io::Result<usize>>) {
        if let Poll::Ready(Ok(bytes)) = polled {
            self.0.written.fetch_add(*bytes as u64, Ordering::Relaxed);
        }
    }

    fn flushed(&self, polled: &Poll<io::Result<()>>) {
        if let Poll::Ready(Ok(())) = polled {
            let written = self.0.written.load(Ordering::Relaxed);
            self.0.sent.store(written, Ordering::Relaxed);
            self.0.flushed.notify_one();
        }
    }

    /// Bytes received since `mark` was moved the last time, if there are any; moves it.
    pub fn since(&self, mark: &mut u64) -> Option<usize> {
        let now = self.received_bytes();
        let fresh = now.saturating_sub(std::mem::replace(mark, now));
        usize::try_from(fresh).ok().filter(|bytes| *bytes > 0)
    }
}

/// A connection to a server, encrypted or not.
#[derive(Debug)]
pub struct Stream {
    layer: Layer,
    traffic: Traffic,
}

#[derive(Debug)]
enum Layer {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

/// Connects and, where the endpoint says so, does the TLS hand-shake; both before `deadline`.
/// What the connection receives is counted in `traffic`.
///
/// # Errors
/// Everything [`NetError`] can say up to [`Step::Tls`].
pub async fn connect(
    endpoint: &Endpoint,
    deadline: Instant,
    traffic: Traffic,
) -> Result<Stream, NetError> {
    let tcp = connect_tcp(endpoint, deadline, TcpStream::connect::<SocketAddr>).await?;
    // Acknowledgements are tiny and the next frame waits for them.
    tcp.set_nodelay(true).map_err(|source| NetError::Io {
        peer: endpoint.to_string(),
        source,
    })?;
    let layer = match &endpoint.tls {
        None => Layer::Plain(tcp),
        Some(options) => {
            let connector = tls::connector(options).await?;
            let name = tls::server_name(endpoint)?;
            match timeout_at(deadline, connector.connect(name, tcp)).await {
                Ok(Ok(stream)) => Layer::Tls(Box::new(stream)),
                Ok(Err(source)) => return Err(NetError::from_tls(endpoint, source)),
                Err(_) => return Err(NetError::timed_out(endpoint, Step::Tls)),
            }
        }
    };
    Ok(Stream { layer, traffic })
}

/// Tries every address of the name in turn. An address that does not answer at all may use only
/// its share of the time, so that a dead first one does not hide a live second one.
///
/// - `dial`: connects to one address, with the socket options of its protocol
///
/// # Errors
/// Everything [`NetError`] can say up to [`Step::Connect`].
pub async fn connect_tcp<F, C>(
    endpoint: &Endpoint,
    deadline: Instant,
    dial: F,
) -> Result<TcpStream, NetError>
where
    F: Fn(SocketAddr) -> C,
    C: Future<Output = io::Result<TcpStream>>,
{
    let lookup = tokio::net::lookup_host((endpoint.host.as_str(), endpoint.port));
    let addresses: Vec<SocketAddr> = match timeout_at(deadline, lookup).await {
        Ok(Ok(found)) => found.collect(),
        Ok(Err(source)) => {
            return Err(NetError::NameNotFound {
                host: endpoint.host.clone(),
                source,
            });
        }
        Err(_) => return Err(NetError::timed_out(endpoint, Step::Lookup)),
    };
    let mut failure = NetError::NameNotFound {
        host: endpoint.host.clone(),
        source: io::Error::new(io::ErrorKind::NotFound, "it has no address"),
    };
    for (index, address) in addresses.iter().enumerate() {
        let left = u32::try_from(addresses.len() - index).unwrap_or(u32::MAX);
        let share = Instant::now() + deadline.saturating_duration_since(Instant::now()) / left;
        failure = match timeout_at(share, dial(*address)).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(source)) => NetError::from_connect(endpoint, source),
            Err(_) => NetError::timed_out(endpoint, Step::Connect),
        };
    }
    Err(failure)
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let stream = self.get_mut();
        let before = buf.filled().len();
        let polled = match &mut stream.layer {
            Layer::Plain(tcp) => Pin::new(tcp).poll_read(cx, buf),
            Layer::Tls(tls) => Pin::new(tls).poll_read(cx, buf).map_err(tls_words::told),
        };
        let received = buf.filled().len().saturating_sub(before);
        stream
            .traffic
            .0
            .received
            .fetch_add(received as u64, Ordering::Relaxed);
        polled
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let stream = self.get_mut();
        let polled = match &mut stream.layer {
            Layer::Plain(tcp) => Pin::new(tcp).poll_write(cx, buf),
            Layer::Tls(tls) => Pin::new(tls).poll_write(cx, buf).map_err(tls_words::told),
        };
        stream.traffic.wrote(&polled);
        polled
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let stream = self.get_mut();
        let polled = match &mut stream.layer {
            Layer::Plain(tcp) => Pin::new(tcp).poll_flush(cx),
            Layer::Tls(tls) => Pin::new(tls).poll_flush(cx).map_err(tls_words::told),
        };
        stream.traffic.flushed(&polled);
        polled
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().layer {
            Layer::Plain(tcp) => Pin::new(tcp).poll_shutdown(cx),
            Layer::Tls(tls) => Pin::new(tls).poll_shutdown(cx).map_err(tls_words::told),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ipv6_address_has_brackets_only_for_people() {
        let endpoint = Endpoint::plain("[::1]", 8001);
        assert_eq!(endpoint.host, "::1");
        assert_eq!(endpoint.to_string(), "[::1]:8001");
        assert_eq!(Endpoint::plain("a.lab", 80).to_string(), "a.lab:80");
    }
}
