//! Where other programs read the figures: `GET /metrics`. The loop leaves the newest ones here and
//! never waits; who asks gets those.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{ALLOW, CONTENT_TYPE, HeaderValue};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::time::timeout;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::exposition;
use super::figures::Figures;

/// Who asks at a time; a further one waits, and is forgotten by the system beyond its own bound.
const AT_A_TIME: usize = 8;
/// How long a connection may take, from its first byte to its last.
const PATIENCE: Duration = Duration::from_secs(3);
/// The longest head of a request that is read: no less is taken by the library.
const HEAD_BYTES: usize = 8_192;

/// The open door. Dropping it closes it, and whoever is being served with it.
#[derive(Debug)]
pub struct Endpoint {
    address: SocketAddr,
    _open: DropGuard,
}

impl Endpoint {
    /// Opens the door at `address`. `figures` always holds the newest.
    ///
    /// # Errors
    /// The address cannot be had.
    pub fn open(address: SocketAddr, figures: watch::Receiver<Arc<Figures>>) -> io::Result<Self> {
        let listener = std::net::TcpListener::bind(address)?;
        listener.set_nonblocking(true)?;
        let listener = TcpListener::from_std(listener)?;
        let address = listener.local_addr()?;
        let close = CancellationToken::new();
        let closed = close.clone();
        tokio::spawn(async move {
            closed
                .run_until_cancelled(serve(listener, figures, closed.clone()))
                .await;
        });
        Ok(Self {
            address,
            _open: close.drop_guard(),
        })
    }

    /// Where it is: another port than asked for if that was 0.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

async fn serve(
    listener: TcpListener,
    figures: watch::Receiver<Arc<Figures>>,
    closed: CancellationToken,
) {
    let room = Arc::new(Semaphore::new(AT_A_TIME));
    loop {
        // The semaphore is never closed.
        let Ok(place) = Arc::clone(&room).acquire_owned().await else {
            return;
        };
        match listener.accept().await {
            Ok((stream, _)) => {
                let (figures, closed) = (figures.clone(), closed.clone());
                tokio::spawn(async move {
                    let served = timeout(PATIENCE, serve_one(stream, figures));
                    closed.run_until_cancelled(served).await;
                    drop(place);
                });
            }
            Err(error) => {
                // Out of descriptors, most likely: the next may do.
                tracing::warn!("somebody who asked for figures was not heard: {error}");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

async fn serve_one(stream: TcpStream, figures: watch::Receiver<Arc<Figures>>) {
    let service = service_fn(move |request: Request<Incoming>| {
        let figures = figures.clone();
        async move { Ok::<_, Infallible>(answer(&request, &figures)) }
    });
    let served = hyper::server::conn::http1::Builder::new()
        .keep_alive(false)
        .max_buf_size(HEAD_BYTES)
        .serve_connection(TokioIo::new(stream), service)
        .await;
    if let Err(error) = served {
        tracing::debug!(%error, "somebody who asked for figures did so badly");
    }
}

fn answer(
    request: &Request<Incoming>,
    figures: &watch::Receiver<Arc<Figures>>,
) -> Response<Full<Bytes>> {
    let path = request.uri().path();
    let is_read = matches!(*request.method(), Method::GET | Method::HEAD);
    match path {
        "/metrics" if is_read => {
            let newest = Arc::clone(&figures.borrow());
            let page = exposition::text(&newest);
            reply(StatusCode::OK, exposition::CONTENT_TYPE, page)
        }
        "/metrics" => {
            let words = "figures are read with GET\n".to_owned();
            let mut answer = reply(StatusCode::METHOD_NOT_ALLOWED, "text/plain", words);
            let allowed = HeaderValue::from_static("GET, HEAD");
            answer.headers_mut().insert(ALLOW, allowed);
            answer
        }
        _ => {
            let words = "the figures are at /metrics\n".to_owned();
            reply(StatusCode::NOT_FOUND, "text/plain", words)
        }
    }
}

fn reply(status: StatusCode, kind: &'static str, body: String) -> Response<Full<Bytes>> {
    let mut answer = Response::new(Full::from(body));
    *answer.status_mut() = status;
    let kind = HeaderValue::from_static(kind);
    answer.headers_mut().insert(CONTENT_TYPE, kind);
    answer
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    /// A condition that has not come true by now never will.
    const EVENTUALLY: Duration = Duration::from_secs(60);

    fn door() -> (Endpoint, watch::Sender<Arc<Figures>>) {
        let (sender, figures) = watch::channel(Arc::new(Figures::default()));
        let address = "127.0.0.1:0".parse().unwrap();
        (Endpoint::open(address, figures).unwrap(), sender)
    }

    /// What comes back for these bytes, until the other side hangs up.
    async fn ask(address: SocketAddr, request: &[u8]) -> String {
        let exchange = async {
            let mut stream = TcpStream::connect(address).await.unwrap();
            stream.write_all(request).await.unwrap();
            let mut answer = Vec::new();
            // Who sent rubbish may be reset.
            let _ = stream.read_to_end(&mut answer).await;
            String::from_utf8(answer).unwrap()
        };
        timeout(EVENTUALLY, exchange).await.unwrap()
    }

    #[tokio::test]
    async fn only_the_figures_are_there() {
        let (door, figures) = door();
        let cases: [(&[u8], &str); 5] = [
            (b"GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 200 "),
            (b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 404 "),
            (
                b"POST /metrics HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx",
                "HTTP/1.1 405 ",
            ),
            (
                b"GET /../etc/passwd HTTP/1.1\r\nHost: a\r\n\r\n",
                "HTTP/1.1 404 ",
            ),
            (b"\x16\x03\x01rubbish\r\n\r\n", "HTTP/1.1 400 "),
        ];
        for (request, status) in cases {
            let answer = ask(door.address(), request).await;
            assert!(answer.starts_with(status), "{answer}");
        }
        let mut newer = Figures::default();
        newer.snapshot.recorder.part = 5;
        figures.send_replace(Arc::new(newer));
        let answer = ask(door.address(), cases[0].0).await;
        assert!(
            answer.contains("\nttyscope_recorder_parts_total 5\n"),
            "{answer}"
        );
        assert!(answer.contains("text/plain; version=0.0.4"), "{answer}");
    }

    #[tokio::test]
    async fn who_never_ends_a_request_keeps_nobody_else_out_for_long() {
        let (door, _figures) = door();
        let mut slow = Vec::new();
        for _ in 0..AT_A_TIME {
            let mut stream = TcpStream::connect(door.address()).await.unwrap();
            stream
                .write_all(b"GET /metrics HTTP/1.1\r\n")
                .await
                .unwrap();
            slow.push(stream);
        }
        let request = b"GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n";
        let answer = ask(door.address(), request).await;
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    }

    #[tokio::test]
    async fn a_door_that_is_closed_is_closed() {
        let (door, _figures) = door();
        let address = door.address();
        drop(door);
        let closed = async {
            while TcpStream::connect(address).await.is_ok() {
                tokio::task::yield_now().await;
            }
        };
        timeout(EVENTUALLY, closed).await.unwrap();
    }
}
