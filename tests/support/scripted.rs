//! Servers on loopback that follow a script: what each connection hears and says is data.
#![allow(clippy::panic)]

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role};

/// One thing a server does on a connection.
#[derive(Clone, Debug)]
pub enum Step {
    /// Reads a request's head and answers with these bytes.
    Http(String),
    /// Answers a POST with `ok` and a GET with the next of these, waiting for one, and ends the
    /// script; where a WebSocket is asked for, accepts it and goes on with the script.
    Poll(Answers),
    /// One more answer for GETs.
    Answer(Answers, &'static str),
    /// Accepts the WebSocket.
    Upgrade,
    /// Says a text message.
    Say(String),
    /// Sends a binary message.
    Send(Bytes),
    /// Writes bytes that are no frame.
    Raw(&'static [u8]),
    /// The next text message must be this.
    Expect(&'static str),
    /// The next binary message must be this.
    ExpectBinary(&'static [u8]),
    /// Waits for anything, be it a ping.
    Hear,
    /// Waits until the client has gone.
    Hold,
    /// Reads nothing and says nothing until the server is dropped.
    Freeze,
    /// Closes with a code.
    Close(u16),
}

/// Answers for the GETs of a session, in order.
#[derive(Clone, Debug)]
pub struct Answers {
    give: mpsc::UnboundedSender<String>,
    take: Arc<tokio::sync::Mutex<mpsc::UnboundedReceiver<String>>>,
}

impl Answers {
    /// These bodies to begin with.
    pub fn new(bodies: &[&str]) -> Self {
        let (give, take) = mpsc::unbounded_channel();
        let answers = Self {
            give,
            take: Arc::new(tokio::sync::Mutex::new(take)),
        };
        bodies.iter().for_each(|body| answers.add(body));
        answers
    }

    /// One more.
    pub fn add(&self, body: &str) {
        self.give.send(ok(body)).unwrap();
    }

    async fn next(&self) -> String {
        self.take.lock().await.recv().await.unwrap()
    }
}

pub fn say(text: &str) -> Step {
    Step::Say(text.to_owned())
}

pub fn http(text: &str) -> Step {
    Step::Http(text.to_owned())
}

/// A whole answer with this body.
pub fn ok(body: &str) -> String {
    format!(
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// The open packet of a server with these heart-beat times.
pub fn open_packet(interval_ms: u32, timeout_ms: u32) -> Step {
    say(&format!(
        r#"0{{"sid":"abc","upgrades":[],"pingInterval":{interval_ms},"pingTimeout":{timeout_ms},"maxPayload":1000000}}"#
    ))
}

/// Up to the answer to the CONNECT of the default namespace.
pub fn accepted() -> Vec<Step> {
    vec![
        Step::Upgrade,
        open_packet(25_000, 20_000),
        Step::Expect("40"),
        say(r#"40{"sid":"s1"}"#),
    ]
}

/// A server that follows one script for each connection, in the order they come; connections
/// after the last script are closed at once.
#[derive(Debug)]
pub struct Server {
    pub port: u16,
    task: JoinHandle<()>,
    requests: Arc<Mutex<Vec<String>>>,
    finished: Arc<Semaphore>,
}

impl Server {
    pub async fn start(scripts: Vec<Vec<Step>>) -> Self {
        Self::start_with(scripts, None).await
    }

    pub async fn start_with(scripts: Vec<Vec<Step>>, tls: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let finished = Arc::new(Semaphore::new(0));
        let (log, count) = (Arc::clone(&requests), Arc::clone(&finished));
        let task = tokio::spawn(async move {
            let mut scripts = scripts.into_iter();
            // Aborts the connections with the server.
            let mut running = tokio::task::JoinSet::new();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let script = scripts.next().unwrap_or_default();
                let (log, count, tls) = (Arc::clone(&log), Arc::clone(&count), tls.clone());
                running.spawn(async move {
                    let kept = match tls {
                        None => follow(stream, script, log).await,
                        Some(tls) => match tls.accept(stream).await {
                            Ok(stream) => follow(stream, script, log).await,
                            Err(_) => false,
                        },
                    };
                    count.add_permits(usize::from(kept));
                });
            }
        });
        Self {
            port,
            task,
            requests,
            finished,
        }
    }

    /// Waits until one more script was followed to its end, every expectation met.
    pub async fn finished(&self) {
        self.finished.acquire().await.unwrap().forget();
    }

    /// The heads of the requests so far.
    pub fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A request's head and body.
async fn read_request(stream: &mut (impl AsyncRead + Unpin)) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => break,
        }
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let length = header(&head, "content-length").map_or(0, |length| length.parse().unwrap());
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.unwrap();
    head + &String::from_utf8_lossy(&body)
}

fn header<'a>(request: &'a str, name: &str) -> Option<&'a str> {
    request
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
}

async fn accept<S>(mut stream: S, request: &str) -> WebSocketStream<S>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let key = header(request, "sec-websocket-key").unwrap_or_default();
    let answer = format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {}\r\n\r\n",
        derive_accept_key(key.as_bytes())
    );
    stream.write_all(answer.as_bytes()).await.unwrap();
    WebSocketStream::from_raw_socket(stream, Role::Server, None).await
}

enum Peer<S> {
    Bare(S),
    WebSocket(Box<WebSocketStream<S>>),
}

/// Says whether the script came to its end.
async fn follow<S>(stream: S, script: Vec<Step>, log: Arc<Mutex<Vec<String>>>) -> bool
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut peer = Peer::Bare(stream);
    for step in script {
        peer = match (step, peer) {
            (Step::Http(answer), Peer::Bare(mut stream)) => {
                let request = read_request(&mut stream).await;
                log.lock().unwrap().push(request);
                stream.write_all(answer.as_bytes()).await.unwrap();
                Peer::Bare(stream)
            }
            (Step::Poll(answers), Peer::Bare(mut stream)) => {
                let request = read_request(&mut stream).await;
                log.lock().unwrap().push(request.clone());
                if request.contains("sec-websocket-key") {
                    Peer::WebSocket(Box::new(accept(stream, &request).await))
                } else {
                    let answer = match request.starts_with("POST") {
                        true => ok("ok"),
                        false => answers.next().await,
                    };
                    // Whoever asked may have gone meanwhile.
                    let _ = stream.write_all(answer.as_bytes()).await;
                    let _ = stream.shutdown().await;
                    return false;
                }
            }
            (Step::Answer(answers, body), peer) => {
                answers.add(body);
                peer
            }
            (Step::Upgrade, Peer::Bare(mut stream)) => {
                let request = read_request(&mut stream).await;
                log.lock().unwrap().push(request.clone());
                Peer::WebSocket(Box::new(accept(stream, &request).await))
            }
            (Step::Raw(bytes), Peer::WebSocket(mut socket)) => {
                let stream = socket.get_mut();
                stream.write_all(bytes).await.unwrap();
                stream.flush().await.unwrap();
                Peer::WebSocket(socket)
            }
            (Step::Raw(bytes), Peer::Bare(mut stream)) => {
                stream.write_all(bytes).await.unwrap();
                Peer::Bare(stream)
            }
            (Step::Say(text), Peer::WebSocket(mut socket)) => {
                // The client may have gone; the next expectation says so.
                let _ = socket.send(Message::text(text)).await;
                Peer::WebSocket(socket)
            }
            (Step::Send(bytes), Peer::WebSocket(mut socket)) => {
                let _ = socket.send(Message::Binary(bytes)).await;
                Peer::WebSocket(socket)
            }
            (Step::Expect(text), Peer::WebSocket(mut socket)) => {
                let got = socket.next().await;
                let heard =
                    matches!(&got, Some(Ok(Message::Text(heard))) if heard.as_str() == text);
                // A panic of this task reaches nobody: the client is told, and its test fails.
                if !heard {
                    let why = format!("expected {text:?}, got {got:?}");
                    eprintln!("scripted server: {why}");
                    let _ = socket.send(Message::text(why)).await;
                    return false;
                }
                Peer::WebSocket(socket)
            }
            (Step::ExpectBinary(bytes), Peer::WebSocket(mut socket)) => {
                let got = socket.next().await;
                if !matches!(&got, Some(Ok(Message::Binary(heard))) if heard == bytes) {
                    eprintln!("scripted server: expected {bytes:?}, got {got:?}");
                    return false;
                }
                Peer::WebSocket(socket)
            }
            (Step::Close(code), Peer::WebSocket(mut socket)) => {
                let frame = CloseFrame {
                    code: code.into(),
                    reason: "".into(),
                };
                let _ = socket.send(Message::Close(Some(frame))).await;
                Peer::WebSocket(socket)
            }
            (Step::Hear, Peer::WebSocket(mut socket)) => {
                if !matches!(socket.next().await, Some(Ok(_))) {
                    return false;
                }
                Peer::WebSocket(socket)
            }
            (Step::Hold, Peer::WebSocket(mut socket)) => {
                while let Some(Ok(_)) = socket.next().await {}
                Peer::WebSocket(socket)
            }
            (Step::Hold, Peer::Bare(mut stream)) => {
                let mut rest = Vec::new();
                let _ = stream.read_to_end(&mut rest).await;
                Peer::Bare(stream)
            }
            (Step::Freeze, peer) => {
                std::future::pending::<()>().await;
                peer
            }
            (step, Peer::Bare(_)) => panic!("{step:?} needs a WebSocket"),
            (step, Peer::WebSocket(_)) => panic!("{step:?} does not go over a WebSocket"),
        };
    }
    if let Peer::Bare(mut stream) = peer {
        let _ = stream.shutdown().await;
    }
    true
}
