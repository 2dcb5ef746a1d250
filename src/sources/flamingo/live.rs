//! The live socket: for now it only connects, so that the rest can be built against it.

use std::collections::BTreeMap;

use tokio::sync::mpsc;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::options::FlamingoOptions;
use crate::model::{PlainText, Reading};
use crate::pipeline::Outlet;
use crate::protocol::flamingo::{LiveDecoder, LiveItem};

/// What the live socket says.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum LiveEvent {
    /// It is open.
    Open,
    /// A picture of a camera.
    Frame {
        /// Which.
        detector: PlainText,
        /// How many there were.
        count: u64,
    },
    /// Display values.
    Options(Vec<Reading>),
    /// It is lost.
    Lost {
        /// Why.
        why: PlainText,
    },
    /// It is closed for good.
    Closed,
}

/// An open live socket.
#[derive(Debug)]
pub(super) struct Live {
    _end: DropGuard,
}

impl Live {
    /// Opens the live socket.
    pub(super) fn open(
        options: &FlamingoOptions,
        _outlet: Outlet,
        _pixel_size_um: Option<f64>,
        events: mpsc::Sender<LiveEvent>,
    ) -> Self {
        let end = CancellationToken::new();
        let token = end.clone();
        let endpoint = options.live_endpoint();
        tokio::spawn(async move {
            token.run_until_cancelled(read(endpoint, events)).await;
        });
        Self {
            _end: end.drop_guard(),
        }
    }

    /// Closes it.
    pub(super) async fn close(self) {}

    /// The size of a pixel in the sample.
    pub(super) fn set_pixel_size_um(&self, _um: Option<f64>) {}
}

async fn read(endpoint: Option<crate::sources::net::Endpoint>, events: mpsc::Sender<LiveEvent>) {
    use tokio::io::AsyncReadExt as _;
    let Some(endpoint) = endpoint else { return };
    let address = (endpoint.host.as_str(), endpoint.port);
    let why = match tokio::net::TcpStream::connect(address).await {
        Err(error) => error.to_string(),
        Ok(mut stream) => {
            let _ = events.try_send(LiveEvent::Open);
            let mut decoder = LiveDecoder::default();
            let mut counts = BTreeMap::new();
            loop {
                match stream.read_buf(&mut decoder.room()).await {
                    Ok(1..) => {}
                    _ => break "live port in use or closed".to_owned(),
                }
                match decoder.next_item() {
                    Ok(Some(LiveItem::Frame(frame))) => {
                        let count = counts.entry(frame.header.device_index).or_insert(0_u64);
                        *count = count.saturating_add(1);
                        let detector = format!("camera-{}", frame.header.device_index).into();
                        let count = *count;
                        let _ = events.try_send(LiveEvent::Frame { detector, count });
                    }
                    Ok(Some(LiveItem::Options(_))) => {
                        let _ = events.try_send(LiveEvent::Options(Vec::new()));
                    }
                    Ok(None) => {}
                    Err(error) => break error.to_string(),
                }
            }
        }
    };
    let _ = events.try_send(LiveEvent::Lost { why: why.into() });
    let _ = events.try_send(LiveEvent::Closed);
}
