//! A small HTTP/1.1 client: one connection for each request, every call with a time limit and a
//! limit on what it accepts. Nothing is ever sent twice.

mod kept;

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::{Either, select};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::client::conn::http1;
use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use hyper::{Method, Request, Response, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use tokio::time::{Instant, timeout_at};

use super::{Endpoint, NetError, Step, Stream, Traffic, connect};
use crate::model::PlainText;

pub use kept::Kept;

/// Most bytes accepted as the head of an answer.
pub const HEAD_LIMIT_BYTES: usize = 16 * 1024;
/// Most header lines accepted in an answer.
const HEADER_LINES: usize = 64;
/// Most bytes accepted as the body of an answer unless told otherwise.
pub const BODY_LIMIT_BYTES: usize = 16 * 1024 * 1024;
/// Time for one whole request unless told otherwise.
pub const TIME_LIMIT: Duration = Duration::from_secs(10);
/// Cookies a server may make us keep.
const COOKIES: usize = 64;

/// Extra headers for every request. Their values may be secret: `Debug` shows only the names.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Headers(HeaderMap);

impl Headers {
    /// No extra headers.
    pub fn new() -> Self {
        Self::default()
    }

    /// Headers from names and values.
    ///
    /// # Errors
    /// A name or value has characters that HTTP does not allow there. Names the header, never its
    /// value.
    pub fn from_pairs<'a>(
        pairs: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<Self, NetError> {
        let mut map = HeaderMap::new();
        for (name, value) in pairs {
            let wrong = || NetError::BadRequest {
                what: format!("the header \"{}\"", PlainText::from_peer(name)),
            };
            let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| wrong())?;
            let mut value = HeaderValue::from_str(value).map_err(|_| wrong())?;
            value.set_sensitive(true);
            map.append(name, value);
        }
        Ok(Self(map))
    }
}

impl fmt::Debug for Headers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// What a server answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The status code, e.g. 200.
    pub status: u16,
    /// The content type as sent, empty if there is none.
    pub content_type: String,
    /// What the server calls itself (`Server`), empty if it does not say.
    pub server: String,
    /// `Retry-After` in seconds; `None` where it is not there or is a date.
    pub retry_after_s: Option<u64>,
    /// The whole body.
    pub body: Bytes,
}

impl Answer {
    /// Whether the status is 2xx.
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// What a refusing answer says, for people: the status and the server's own words.
    pub fn refusal(&self) -> String {
        const SHOWN_BYTES: usize = 300;
        let head = self.body.get(..SHOWN_BYTES).unwrap_or(&self.body);
        let words = if self.content_type.contains("html") {
            // A page for a browser says no more than the status, at length.
            PlainText::from("")
        } else {
            PlainText::from_peer_bytes(head.trim_ascii())
        };
        let meaning = match self.status {
            400 => " Bad Request",
            401 => " Unauthorized",
            403 => " Forbidden",
            404 => " Not Found",
            429 => " Too Many Requests",
            500 => " Internal Server Error",
            _ => "",
        };
        // Some servers repeat the status as their words.
        if words.is_empty() || meaning.trim() == words.as_str() {
            format!("{}{meaning}", self.status)
        } else {
            format!("{}{meaning}: {words}", self.status)
        }
    }
}

/// What is asked of a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ask<'a> {
    /// Path and query; begins with `/`.
    pub path_and_query: &'a str,
    /// The JSON that is posted; without it the request is a GET.
    pub json: Option<Bytes>,
}

impl<'a> Ask<'a> {
    /// A GET.
    pub fn get(path_and_query: &'a str) -> Self {
        Self {
            path_and_query,
            json: None,
        }
    }
}

/// Speaks HTTP/1.1 with one server. Clones share the cookies the server set.
#[derive(Clone, Debug)]
pub struct HttpClient {
    endpoint: Endpoint,
    headers: Headers,
    cookies: Cookies,
    traffic: Traffic,
    /// Time for one whole request: connecting, asking, the last byte of the answer.
    pub time_limit: Duration,
    /// Most bytes accepted as a body.
    pub body_limit_bytes: usize,
}

impl HttpClient {
    /// A client with the default limits that has no cookies yet.
    pub fn new(endpoint: Endpoint, headers: Headers) -> Self {
        Self {
            endpoint,
            headers,
            cookies: Cookies::default(),
            traffic: Traffic::default(),
            time_limit: TIME_LIMIT,
            body_limit_bytes: BODY_LIMIT_BYTES,
        }
    }

    /// The same client (and cookies) with another time limit.
    pub fn with_time_limit(&self, time_limit: Duration) -> Self {
        Self {
            time_limit,
            ..self.clone()
        }
    }

    /// What was received in answers, shared by clones.
    pub fn traffic(&self) -> &Traffic {
        &self.traffic
    }

    /// Where requests go.
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// Asks for `path_and_query`, which starts with `/`. Any status is an `Ok`.
    ///
    /// # Errors
    /// There was no whole answer within the limits.
    pub async fn get(&self, path_and_query: &str) -> Result<Answer, NetError> {
        self.call(Method::GET, path_and_query, None, Bytes::new())
            .await
    }

    /// Sends `body` to `path_and_query`. Any status is an `Ok`.
    ///
    /// # Errors
    /// There was no whole answer within the limits; what the server did with the body is unknown.
    pub async fn post(
        &self,
        path_and_query: &str,
        content_type: &'static str,
        body: impl Into<Bytes>,
    ) -> Result<Answer, NetError> {
        self.call(
            Method::POST,
            path_and_query,
            Some(content_type),
            body.into(),
        )
        .await
    }

    async fn call(
        &self,
        method: Method,
        path_and_query: &str,
        content_type: Option<&'static str>,
        body: Bytes,
    ) -> Result<Answer, NetError> {
        let deadline = Instant::now() + self.time_limit;
        let mut request = self.request(method, path_and_query, body)?;
        let headers = request.headers_mut();
        headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
        if let Some(content_type) = content_type {
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
        }
        let (mut sender, connection) = self.open(deadline, self.traffic.clone()).await?;
        let exchange = self.exchange(&mut sender, request, deadline);
        drive(connection, exchange).await
    }

    /// Connects, asks `gate` whether to go on, and only then sends `ask`. `sent` is called when
    /// the request was handed to the connection whole. `None`: the gate was shut, and nothing was
    /// sent.
    ///
    /// # Errors
    /// There was no whole answer within the limits. Where `gate` was not even asked nothing was
    /// sent; else what the server did is unknown.
    pub async fn call_if(
        &self,
        ask: Ask<'_>,
        gate: impl FnOnce() -> bool,
        sent: impl FnOnce(),
    ) -> Result<Option<Answer>, NetError> {
        let deadline = Instant::now() + self.time_limit;
        let mut request = self.asking(ask)?;
        let close = HeaderValue::from_static("close");
        request.headers_mut().insert(header::CONNECTION, close);
        // Counted for itself, to see when this request has gone out.
        let traffic = Traffic::default();
        let (mut sender, connection) = self.open(deadline, traffic.clone()).await?;
        if !gate() {
            return Ok(None);
        }
        let mark = traffic.sent_bytes();
        let exchange = self.exchange(&mut sender, request, deadline);
        let exchange = kept::telling(exchange, &traffic, mark, sent);
        drive(connection, exchange).await.map(Some)
    }

    fn asking(&self, ask: Ask<'_>) -> Result<Request<Full<Bytes>>, NetError> {
        let Some(json) = ask.json else {
            return self.request(Method::GET, ask.path_and_query, Bytes::new());
        };
        let mut request = self.request(Method::POST, ask.path_and_query, json)?;
        let kind = HeaderValue::from_static("application/json");
        request.headers_mut().insert(header::CONTENT_TYPE, kind);
        Ok(request)
    }

    async fn exchange(
        &self,
        sender: &mut http1::SendRequest<Full<Bytes>>,
        request: Request<Full<Bytes>>,
        deadline: Instant,
    ) -> Result<Answer, NetError> {
        let response = match timeout_at(deadline, sender.send_request(request)).await {
            Ok(response) => response.map_err(|error| self.failed(&error))?,
            Err(_) => return Err(NetError::timed_out(&self.endpoint, Step::Answer)),
        };
        self.cookies.keep(response.headers());
        self.whole(response, deadline).await
    }

    /// Reads an answer to its end.
    async fn whole(
        &self,
        response: Response<hyper::body::Incoming>,
        deadline: Instant,
    ) -> Result<Answer, NetError> {
        let status = response.status().as_u16();
        let text = |name: HeaderName| {
            let value = response.headers().get(name);
            let text = value.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
            text.unwrap_or_default()
        };
        let (content_type, server) = (text(header::CONTENT_TYPE), text(header::SERVER));
        let retry_after_s = response.headers().get(header::RETRY_AFTER);
        let retry_after_s =
            retry_after_s.and_then(|value| value.to_str().ok()?.trim().parse().ok());
        let body = Limited::new(response.into_body(), self.body_limit_bytes);
        let body = match timeout_at(deadline, body.collect()).await {
            Ok(Ok(body)) => body.to_bytes(),
            Ok(Err(error)) if error.is::<LengthLimitError>() => {
                return Err(NetError::TooLarge {
                    peer: self.endpoint.to_string(),
                    what: "body",
                    limit_bytes: self.body_limit_bytes,
                });
            }
            Ok(Err(_)) => {
                return Err(NetError::CutShort {
                    peer: self.endpoint.to_string(),
                });
            }
            Err(_) => return Err(NetError::timed_out(&self.endpoint, Step::Body)),
        };
        Ok(Answer {
            status,
            content_type,
            server,
            retry_after_s,
            body,
        })
    }

    /// Asks the server to speak something else on this connection.
    ///
    /// # Errors
    /// No answer within the limits. A refusal is `Ok(Upgrade::Refused)`.
    pub(in crate::sources) async fn upgrade(
        &self,
        path_and_query: &str,
        extra: impl IntoIterator<Item = (HeaderName, HeaderValue)>,
    ) -> Result<Upgrade, NetError> {
        let deadline = Instant::now() + self.time_limit;
        let mut request = self.request(Method::GET, path_and_query, Bytes::new())?;
        request.headers_mut().extend(extra);
        let (mut sender, connection) = self.open(deadline, self.traffic.clone()).await?;
        let ask = async {
            let mut response = match timeout_at(deadline, sender.send_request(request)).await {
                Ok(response) => response.map_err(|error| self.failed(&error))?,
                Err(_) => return Err(NetError::timed_out(&self.endpoint, Step::Answer)),
            };
            self.cookies.keep(response.headers());
            if response.status() != StatusCode::SWITCHING_PROTOCOLS {
                return Ok(Upgrade::Refused(self.whole(response, deadline).await?));
            }
            let switched = hyper::upgrade::on(&mut response)
                .await
                .map_err(|error| self.failed(&error))?;
            let parts = switched
                .downcast::<TokioIo<Stream>>()
                .map_err(|_| NetError::NoAnswer {
                    peer: self.endpoint.to_string(),
                })?;
            Ok(Upgrade::Done {
                headers: response.headers().clone(),
                stream: Box::new(parts.io.into_inner()),
                first: parts.read_buf,
            })
        };
        drive(connection.with_upgrades(), ask).await
    }

    fn request(
        &self,
        method: Method,
        path_and_query: &str,
        body: Bytes,
    ) -> Result<Request<Full<Bytes>>, NetError> {
        let wrong = |what: &str| NetError::BadRequest {
            what: what.to_owned(),
        };
        let uri: Uri = path_and_query
            .parse()
            .map_err(|_| wrong("the path or query"))?;
        let length = body.len();
        let has_body = method == Method::POST;
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = method;
        *request.uri_mut() = uri;
        let headers = request.headers_mut();
        headers.clone_from(&self.headers.0);
        let host = HeaderValue::from_str(&self.endpoint.to_string());
        headers
            .entry(header::HOST)
            .or_insert(host.map_err(|_| wrong("the host's name"))?);
        if has_body {
            headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
        }
        self.cookies.add_to(headers);
        Ok(request)
    }

    async fn open(
        &self,
        deadline: Instant,
        traffic: Traffic,
    ) -> Result<
        (
            http1::SendRequest<Full<Bytes>>,
            http1::Connection<TokioIo<Stream>, Full<Bytes>>,
        ),
        NetError,
    > {
        let stream = connect(&self.endpoint, deadline, traffic).await?;
        http1::Builder::new()
            .max_headers(HEADER_LINES)
            .max_buf_size(HEAD_LIMIT_BYTES)
            .handshake(TokioIo::new(stream))
            .await
            .map_err(|error| self.failed(&error))
    }

    fn failed(&self, error: &hyper::Error) -> NetError {
        NetError::from_hyper(&self.endpoint, error, HEAD_LIMIT_BYTES)
    }
}

/// What became of a request to switch protocols.
pub(in crate::sources) enum Upgrade {
    /// The connection is ours.
    Done {
        /// The headers of the 101 answer.
        headers: HeaderMap,
        /// The connection.
        stream: Box<Stream>,
        /// What came behind the 101 answer already.
        first: Bytes,
    },
    /// The server answered something else.
    Refused(Answer),
}

/// Runs an exchange together with the connection it needs, without a task of its own: dropping
/// the future closes the connection.
async fn drive<T>(
    connection: impl Future<Output = hyper::Result<()>>,
    exchange: impl Future<Output = T>,
) -> T {
    let (connection, exchange) = (pin!(connection), pin!(exchange));
    match select(connection, exchange).await {
        // The connection may end first; what it had to say reaches the exchange.
        Either::Left((_, exchange)) => exchange.await,
        Either::Right((outcome, _)) => outcome,
    }
}

/// Cookies of one session, by name. Path and domain are not looked at: there is one server.
#[derive(Clone, Default)]
struct Cookies(Arc<Mutex<BTreeMap<Vec<u8>, Vec<u8>>>>);

impl fmt::Debug for Cookies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Cookies")
    }
}

impl Cookies {
    fn keep(&self, headers: &HeaderMap) {
        let mut jar = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for cookie in headers.get_all(header::SET_COOKIE) {
            let pair = cookie.as_bytes().split(|b| *b == b';').next();
            let Some(pair) = pair.map(<[u8]>::trim_ascii) else {
                continue;
            };
            let mut halves = pair.splitn(2, |b| *b == b'=');
            if let (Some(name), Some(value)) = (halves.next(), halves.next())
                && !name.is_empty()
                && (jar.len() < COOKIES || jar.contains_key(name))
            {
                jar.insert(name.to_vec(), value.to_vec());
            }
        }
    }

    fn add_to(&self, headers: &mut HeaderMap) {
        let jar = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if jar.is_empty() {
            return;
        }
        let mut line = headers
            .get(header::COOKIE)
            .map(|own| own.as_bytes().to_vec())
            .unwrap_or_default();
        for (name, value) in jar.iter() {
            if !line.is_empty() {
                line.extend_from_slice(b"; ");
            }
            line.extend_from_slice(name);
            line.push(b'=');
            line.extend_from_slice(value);
        }
        if let Ok(mut line) = HeaderValue::from_bytes(&line) {
            line.set_sensitive(true);
            headers.insert(header::COOKIE, line);
        }
    }
}
