//! The task that reads the live socket, always and as fast as it can, and opens it again.

use std::io;
use std::sync::Arc;

use bytes::BufMut as _;
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;

use super::LiveEvent;
use super::news::News;
use super::pictures::Pictures;
use crate::model::{Fault, FaultKind, PlainText, Severity};
use crate::protocol::flamingo::live::HEADER_BYTES;
use crate::protocol::flamingo::{LiveDecoder, LiveItem};
use crate::sources::flamingo::options::{FlamingoOptions, Patience};
use crate::sources::flamingo::retry::Retry;
use crate::sources::flamingo::socket;
use crate::sources::frame_queue::{Item, Queue};
use crate::sources::net::{Endpoint, NetError};

/// Bytes read at once. More would keep commands waiting that run on the same thread.
const READ_BYTES: usize = 256 << 10;

/// The reader.
pub(super) struct Reader {
    endpoint: Option<Endpoint>,
    patience: Patience,
    pictures: Pictures,
    queue: Arc<Queue>,
    news: News,
    retry: Retry,
    /// Why the socket was lost the last time, while nothing has come since.
    told: Option<String>,
}

/// How a connection ended.
struct Lost {
    why: String,
    kind: FaultKind,
    /// Pictures that were broken by it.
    broken: u64,
}

impl Reader {
    pub(super) fn new(
        options: &FlamingoOptions,
        pictures: Pictures,
        queue: Arc<Queue>,
        news: News,
    ) -> Self {
        Self {
            endpoint: options.live_endpoint(),
            patience: options.patience,
            pictures,
            queue,
            news,
            retry: Retry::default(),
            told: None,
        }
    }

    /// Reads until `end` is cancelled.
    pub(super) async fn run(mut self, end: CancellationToken) {
        match self.endpoint.clone() {
            Some(endpoint) => {
                end.run_until_cancelled(self.read_on(&endpoint)).await;
            }
            None => {
                let why = "there is no port above 65535 for pictures; set live_port";
                self.lost(Lost::link(why.to_owned()));
                let now = Instant::now();
                self.news.state(LiveEvent::Closed, now);
            }
        }
        self.queue.close();
    }

    async fn read_on(&mut self, endpoint: &Endpoint) {
        loop {
            let lost = match self.connect(endpoint).await {
                Ok(stream) => self.read(endpoint, stream).await,
                Err(why) => Lost::link(why),
            };
            self.lost(lost);
            let pause = sleep(self.retry.after_failure());
            let mut pause = std::pin::pin!(pause);
            loop {
                tokio::select! {
                    () = &mut pause => break,
                    () = self.news.due() => self.news.tell_due(Instant::now()),
                }
            }
        }
    }

    async fn connect(&self, endpoint: &Endpoint) -> Result<TcpStream, String> {
        let deadline = Instant::now() + self.patience.connect;
        let connected = socket::connect(endpoint, deadline).await;
        connected.map_err(|error| match error {
            NetError::Refused { peer } => {
                format!("{peer} refuses the connection: the live port is in use or closed")
            }
            other => other.to_string(),
        })
    }

    /// Reads one connection to its end.
    async fn read(&mut self, endpoint: &Endpoint, mut stream: TcpStream) -> Lost {
        self.news.state(LiveEvent::Open, Instant::now());
        let mut decoder = LiveDecoder::default();
        let mut is_fresh = true;
        let mut last = Instant::now();
        loop {
            let is_amid = decoder.unfinished().is_some();
            let mut room = decoder.room().limit(READ_BYTES);
            let read = tokio::select! {
                biased;
                () = self.news.due() => {
                    self.news.tell_due(Instant::now());
                    continue;
                }
                read = stream.read_buf(&mut room) => read,
                // Silence is usual between pictures, and never in the middle of one.
                () = sleep_until(last + self.patience.alive), if is_amid => {
                    return stalled(endpoint, decoder.unfinished());
                }
            };
            last = Instant::now();
            let ended = match read {
                Ok(count @ 1..) => {
                    if count >= READ_BYTES / 2 {
                        // A server that is as fast as we are would leave nobody else a turn.
                        tokio::task::yield_now().await;
                    }
                    None
                }
                Ok(_) => Some(None),
                Err(error) => Some(Some(error)),
            };
            if let Some(error) = ended {
                return gone(endpoint, error.as_ref(), is_fresh, decoder.unfinished());
            }
            let item = match decoder.next_item() {
                Ok(None) => continue,
                Ok(Some(item)) => item,
                Err(error) => return Lost::malformed(endpoint, &error),
            };
            if let Err(error) = self.take(item) {
                return Lost::malformed(endpoint, &error);
            }
            if std::mem::take(&mut is_fresh) {
                self.retry.worked();
                self.told = None;
            }
        }
    }

    fn take(&mut self, item: LiveItem) -> Result<(), super::pictures::NoCamera> {
        match item {
            LiveItem::Frame(frame) => {
                let picture = self.pictures.picture(frame)?;
                self.queue.put(picture.item);
                self.news.frame(picture.detector);
                self.news.readings(picture.readings);
            }
            LiveItem::Options(header) => {
                let readings = self.pictures.options(&header)?;
                self.news.readings(readings);
            }
        }
        self.news.tell_due(Instant::now());
        Ok(())
    }

    /// Tells that the socket is lost; the fault only if that is news or cost a picture.
    fn lost(&mut self, lost: Lost) {
        let why = PlainText::from(lost.why.as_str());
        let is_news = self.told.as_ref() != Some(&lost.why);
        if is_news || lost.broken > 0 {
            self.queue.put(Item::Fault {
                received: self.pictures.clock().now(),
                fault: Fault::new(lost.kind, Severity::Warning, why.clone()),
                broken: lost.broken,
            });
        }
        self.told = Some(lost.why);
        let now = Instant::now();
        self.news.state(LiveEvent::Lost { why }, now);
    }
}

impl Lost {
    fn link(why: String) -> Self {
        Self {
            why,
            kind: FaultKind::Link,
            broken: 0,
        }
    }

    /// What cannot be a header: the picture behind it is lost with it.
    fn malformed(endpoint: &Endpoint, error: &dyn std::error::Error) -> Self {
        Self {
            why: format!("{endpoint}: {error}"),
            kind: FaultKind::Malformed,
            broken: 1,
        }
    }
}

/// The server has ended the connection.
///
/// - `is_fresh`: nothing whole came on it
/// - `unfinished`: bytes there are of a header or picture, and bytes it should have
fn gone(
    endpoint: &Endpoint,
    error: Option<&io::Error>,
    is_fresh: bool,
    unfinished: Option<(usize, usize)>,
) -> Lost {
    let how = match error {
        None => format!("{endpoint} closed the connection"),
        Some(error) => format!("{endpoint} broke the connection ({error})"),
    };
    match unfinished {
        Some(_) => half(&how, unfinished),
        None if is_fresh => Lost::link(format!(
            "{how} before anything came: the live port is in use or closed"
        )),
        None => Lost::link(how),
    }
}

/// The server has stopped in the middle of something, with the socket open.
fn stalled(endpoint: &Endpoint, unfinished: Option<(usize, usize)>) -> Lost {
    half(&format!("{endpoint} says nothing more"), unfinished)
}

fn half(how: &str, unfinished: Option<(usize, usize)>) -> Lost {
    match unfinished {
        Some((got, whole)) if whole > HEADER_BYTES => Lost {
            why: format!("{how} {got} bytes into a picture of {whole} bytes, which is lost"),
            kind: FaultKind::Link,
            broken: 1,
        },
        _ => Lost::link(format!("{how} in the middle of a header")),
    }
}
