//! Any Socket.IO server as a source: what it says is kept as it is, and pictures are recognised.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::client::{Client, ClientEvent, ClientHandle, ReceivedEvent};
use super::options::ClientOptions;
use crate::control::{Desk, Intake};
use crate::model::{
    DropReason, EndReason, Fault, FaultKind, Frame, FrameEncoding, LaneKind, LinkState, Message,
    Payload, PlainText, Reading, Request, Severity, Stamp,
};
use crate::pipeline::Outlet;
use crate::protocol::rows::{EventPickers, Picked};
use crate::sources::rows::RowsOut;

/// Reads a server until `stop`, then leaves it in order and hands on what had arrived.
pub async fn run(
    options: ClientOptions,
    outlet: Outlet,
    mut intake: Intake,
    stop: CancellationToken,
) {
    let (greetings, pickers) = (options.greetings.clone(), options.events.clone());
    let (handle, mut events) = Client::start(options, outlet.clock().clone());
    let mut reader = Reader::new(outlet, handle.clone(), greetings, pickers);
    loop {
        tokio::select! {
            () = reader.unwanted.is_due() => reader.tell_unwanted().await,
            event = events.recv() => match event {
                Some(event) => reader.take(event).await,
                None => break,
            },
            Some(request) = intake.requests.recv() => reader.decline(request).await,
            () = stop.cancelled() => break,
        }
    }
    handle.close().await;
    while let Some(event) = events.recv().await {
        reader.take(event).await;
    }
    reader.tell_unwanted().await;
    reader.outlet.link(LinkState::Ended).await;
}

/// What turns events into payloads.
struct Reader {
    outlet: Outlet,
    handle: ClientHandle,
    greetings: Vec<String>,
    is_live: bool,
    /// The last number of each kind of picture, by the name it is shown under.
    cameras: BTreeMap<String, Option<u64>>,
    pickers: Box<EventPickers>,
    /// What was said of the rows of each event.
    rows: BTreeMap<String, RowsOut>,
    unwanted: Unwanted,
}

/// Events that nobody listens to, counted.
#[derive(Debug, Default)]
struct Unwanted {
    count: u64,
    /// When the count is told; there is something to tell while it is set.
    due: Option<Instant>,
}

/// A count that moves is told so often.
const TELL_EVERY: Duration = Duration::from_secs(1);

impl Unwanted {
    fn add(&mut self) {
        self.count = self.count.saturating_add(1);
        self.due.get_or_insert_with(|| Instant::now() + TELL_EVERY);
    }

    /// Waits until there is something to tell.
    async fn is_due(&self) {
        match self.due {
            Some(due) => sleep_until(due).await,
            None => std::future::pending().await,
        }
    }
}

/// Names of pictures that are told apart; a server may invent a new one each time.
const CAMERAS: usize = 256;
/// Events whose rows are told apart.
const EVENTS: usize = 256;
/// A jump in numbers larger than this is a new count, not a loss.
const LARGEST_GAP: u64 = 1_000_000;

impl Reader {
    fn new(
        outlet: Outlet,
        handle: ClientHandle,
        greetings: Vec<String>,
        pickers: Box<EventPickers>,
    ) -> Self {
        Self {
            outlet,
            handle,
            greetings,
            is_live: false,
            cameras: BTreeMap::new(),
            pickers,
            rows: BTreeMap::new(),
            unwanted: Unwanted::default(),
        }
    }

    async fn take(&mut self, event: ClientEvent) {
        match event {
            ClientEvent::Connecting { attempt } => {
                self.is_live = false;
                self.outlet.link(LinkState::Connecting { attempt }).await;
            }
            ClientEvent::Connected { namespace, .. } => {
                // A second namespace of a connection that is live already says nothing new.
                if !self.is_live {
                    self.rows.clear();
                    self.outlet.link(LinkState::Connected).await;
                }
                self.greet(&namespace).await;
            }
            ClientEvent::Event(event) => self.event(event).await,
            ClientEvent::Rejected {
                received,
                reason,
                count,
                fault,
            } => {
                let lane = LaneKind::Samples;
                self.outlet.reject(received, lane, reason, fault).await;
                if let Some(more @ 1..) = count.checked_sub(1) {
                    self.outlet.lose(lane, reason, more).await;
                }
            }
            ClientEvent::Fault(fault) => {
                self.outlet.fault(self.outlet.clock().now(), fault).await;
            }
            ClientEvent::Overrun { name, count } => {
                let lane = match self.cameras.contains_key(&name) {
                    true => LaneKind::Frames,
                    false => LaneKind::Samples,
                };
                self.outlet
                    .lose(lane, DropReason::ReaderBehind, count)
                    .await;
            }
            ClientEvent::Down {
                reason,
                detail,
                retry_in,
            } => {
                self.is_live = false;
                if reason != EndReason::ClientDisconnect || retry_in.is_some() {
                    let detail = PlainText::from(detail);
                    self.outlet
                        .link(LinkState::Down {
                            reason,
                            detail,
                            retry_in,
                        })
                        .await;
                }
            }
        }
    }

    /// Asks for what the server sends only when asked.
    async fn greet(&self, namespace: &str) {
        for (index, greeting) in self.greetings.iter().enumerate() {
            let sent = self.handle.emit(namespace, greeting.clone(), Vec::new());
            if let Err(error) = sent.await {
                // By its place, because what it says may be secret.
                let text = format!(
                    "greeting {} of {} for {}: {error}",
                    index + 1,
                    self.greetings.len(),
                    PlainText::from_peer(namespace)
                );
                let fault = Fault::new(FaultKind::Local, Severity::Error, text);
                self.outlet.fault(self.outlet.clock().now(), fault).await;
            }
        }
    }

    async fn event(&mut self, event: ReceivedEvent) {
        if !self.is_live {
            self.is_live = true;
            self.outlet.link(LinkState::Live).await;
        }
        let (received, ack_id, namespace) = (event.received, event.ack_id, event.namespace.clone());
        if self.pickers.wants(&event.name) {
            let name = event.name.clone();
            let payload = self.payload(event);
            let picked = self.picked(&name, &payload);
            self.outlet.publish(received, payload).await;
            if let Some(picked) = picked {
                self.publish_rows(received, name, picked).await;
            }
        } else {
            self.unwanted.add();
        }
        // Only now: a server with a window goes no faster than the recorder.
        if let Some(id) = ack_id {
            // Without a connection the server has forgotten the question.
            let _ = self.handle.ack(&namespace, id, "[]".to_owned()).await;
        }
    }

    fn payload(&mut self, event: ReceivedEvent) -> Payload {
        let name = match event.namespace.as_str() {
            "/" => PlainText::from_peer(&event.name),
            other => PlainText::from(format!("{other} {}", event.name)),
        };
        match event.attachments.as_slice() {
            [picture] if picture.starts_with(JPEG_START) => {
                let number = picture_number(&event.array);
                Payload::Frame(Frame {
                    lost_before: self.lost_before(&event.name, number),
                    detector: name,
                    number,
                    width_px: None,
                    height_px: None,
                    encoding: FrameEncoding::Jpeg,
                    body: picture.clone(),
                    pixel_size_um: None,
                    subsampling: 1,
                    bit_depth: None,
                    device_ns: None,
                })
            }
            _ => Payload::Message(Message {
                name,
                json: event.array,
                attachments: event.attachments,
            }),
        }
    }

    /// The rows of an event that is no picture.
    fn picked(&self, event: &str, payload: &Payload) -> Option<Picked> {
        let Payload::Message(message) = payload else {
            return None;
        };
        // The protocol's session has looked at it: it is JSON.
        let picker = self.pickers.of(event);
        picker.pick_event(&message.json, &message.name).ok()
    }

    async fn publish_rows(&mut self, received: Stamp, event: String, picked: Picked) {
        let is_asked = self.pickers.of(&event).has_path();
        // Names without end share what is said of them.
        let known = match self.rows.len() < EVENTS || self.rows.contains_key(&event) {
            true => event.clone(),
            false => String::new(),
        };
        let out = self.rows.entry(known).or_default();
        out.publish(&self.outlet, received, picked, &event, is_asked)
            .await;
    }

    /// Says how many events came that nobody listens to: they are not lost.
    async fn tell_unwanted(&mut self) {
        if self.unwanted.due.take().is_none() {
            return;
        }
        let count = i64::try_from(self.unwanted.count).unwrap_or(i64::MAX);
        let readings = vec![Reading::new("events/not wanted", count, "")];
        let now = self.outlet.clock().now();
        self.outlet.publish(now, Payload::Readings(readings)).await;
    }

    /// How many numbers are missing before this one; none where the count begins anew.
    fn lost_before(&mut self, name: &str, number: Option<u64>) -> u64 {
        if !self.cameras.contains_key(name) {
            if self.cameras.len() < CAMERAS {
                self.cameras.insert(name.to_owned(), number);
            }
            return 0;
        }
        let last = self.cameras.insert(name.to_owned(), number).flatten();
        match (last, number) {
            (Some(last), Some(number)) if number > last => {
                let missing = number - last - 1;
                if missing > LARGEST_GAP { 0 } else { missing }
            }
            _ => 0,
        }
    }

    async fn decline(&self, request: Request) {
        let what = "a plain Socket.IO server sends what it sends: there is nothing to ask of it";
        let report = Desk::refuse(&request, what);
        let now = self.outlet.clock().now();
        let payload = Payload::Command(Arc::new(report));
        self.outlet.publish(now, payload).await;
    }
}

/// The start-of-image marker.
const JPEG_START: &[u8] = &[0xff, 0xd8];

/// The number in the first object among an event's arguments, under one of the usual names.
fn picture_number(array: &Bytes) -> Option<u64> {
    #[derive(Deserialize)]
    struct Numbered {
        seq: Option<u64>,
        frame_id: Option<u64>,
        _placeholder: Option<IgnoredAny>,
    }
    let text = std::str::from_utf8(array).ok()?;
    let arguments: Vec<&RawValue> = serde_json::from_str(text).ok()?;
    arguments
        .iter()
        .filter(|value| value.get().starts_with('{'))
        .map(|object| serde_json::from_str::<Numbered>(object.get()))
        .find(|parsed| !matches!(parsed, Ok(numbered) if numbered._placeholder.is_some()))?
        .ok()
        .and_then(|numbered| numbered.seq.or(numbered.frame_id))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_is_numbered_by_the_first_object() {
        let cases: [(&'static str, Option<u64>); 8] = [
            (
                r#"["frame",{"seq":7,"w":1},{"_placeholder":true,"num":0}]"#,
                Some(7),
            ),
            (
                r#"["frame",{"_placeholder":true,"num":0},{"frame_id":8}]"#,
                Some(8),
            ),
            (
                r#"["frame",{"seq":9,"image":{"_placeholder":true,"num":0}}]"#,
                Some(9),
            ),
            (r#"["frame",{"seq":"7"}]"#, None),
            (r#"["frame",{"_placeholder":true,"num":0}]"#, None),
            (r#"["frame",{"seq":-1}]"#, None),
            (r#"["frame"]"#, None),
            ("nonsense", None),
        ];
        for (array, number) in cases {
            assert_eq!(
                picture_number(&Bytes::from_static(array.as_bytes())),
                number,
                "{array}"
            );
        }
    }
}
