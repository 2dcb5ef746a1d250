//! What comes in: messages are taken in before anybody who waits for them goes on.

use bytes::Bytes;
use serde_json::{Value as Json, json};
use tokio::time::Instant;

use super::{Session, Source, broken};
use crate::model::{EndReason, Fault, FaultKind, Message as Event, Severity};
use crate::protocol::flamingo::correlator::Routed;
use crate::protocol::flamingo::stream::Framing;
use crate::protocol::flamingo::{Event as Notice, Item, Message};
use crate::sources::flamingo::known::News;
use crate::sources::flamingo::wire::Found;

impl Source {
    /// What is there, up to the size of the buffer.
    pub(super) fn read(&mut self, session: &mut Session) -> Result<(), (EndReason, String)> {
        match session.wire.read() {
            Ok(Found::Nothing) => {}
            Ok(Found::Bytes) => {
                if self.take_items(session) {
                    self.exchange.touch();
                }
            }
            Ok(Found::End) => {
                let inside = match session.wire.decoder.incomplete_bytes() {
                    0 => String::new(),
                    bytes => format!(", {bytes} bytes into a message"),
                };
                let detail = format!("closed the connection{inside}");
                return Err((EndReason::TransportClose, detail));
            }
            Err(error) => return Err(broken(&error)),
        }
        session.searching = match session.wire.decoder.is_searching() {
            true => session.searching.or_else(|| Some(Instant::now())),
            false => None,
        };
        Ok(())
    }

    /// Takes in what has become whole. Whether there was anything.
    pub(super) fn take_items(&mut self, session: &mut Session) -> bool {
        let mut any = false;
        while let Some(item) = session.wire.decoder.next_item() {
            any = true;
            let mut state = self.exchange.lock();
            let now = state.now();
            let routed = match item {
                Item::Framing(framing) => {
                    drop(state);
                    self.framing(&framing);
                    continue;
                }
                Item::Message(message) => {
                    state.is_alive = true;
                    state.correlator.on_message(message, now.mono_ns)
                }
                Item::Oversize {
                    message,
                    payload_bytes,
                } => {
                    state.is_alive = true;
                    let correlator = &mut state.correlator;
                    correlator.on_oversize(message, payload_bytes, now.mono_ns)
                }
            };
            drop(state);
            self.routed(routed);
        }
        any
    }

    pub(super) fn routed(&mut self, routed: Routed) {
        let mut state = self.exchange.lock();
        let now = state.now();
        // What it says is known before those who waited for it go on.
        let news = routed.event.map(|event| state.take(event));
        match news {
            None | Some(News::None) => {}
            Some(News::Doubts(doubts)) => {
                for doubt in doubts {
                    state.fault(FaultKind::Peer, Severity::Warning, doubt);
                }
            }
            Some(News::Keep(Notice::Oversize {
                message,
                payload_bytes,
            })) => {
                let text = format!(
                    "message {:#06x} came with a payload of {payload_bytes} bytes, which was passed over",
                    message.code
                );
                state.fault(FaultKind::TooLarge, Severity::Warning, text);
            }
            Some(News::Keep(event)) => {
                if let Notice::Other(message) = &event {
                    state.stray_reply = Some(message.clone());
                }
                if let Some(event) = kept(&event) {
                    state.outbox.event(now, event);
                }
            }
        }
        if let Some(late) = routed.late {
            let mut event = as_event(&late.message);
            event.name = format!("late reply to {}", late.command.name()).into();
            state.outbox.event(now, event);
        }
        state.settle(routed.settled);
    }

    pub(super) fn framing(&mut self, framing: &Framing) {
        let mut state = self.exchange.lock();
        let now = state.now();
        let text = format!(
            "{} bytes that belong to no message were passed over; the next message was found",
            framing.discarded_bytes
        );
        let fault = Fault::new(FaultKind::Malformed, Severity::Warning, text);
        state.outbox.fault(now, fault.with_sample(&framing.sample));
    }
}

/// An event that is worth keeping as it is.
fn kept(event: &Notice) -> Option<Event> {
    match event {
        Notice::Other(message) => Some(as_event(message)),
        Notice::StackComplete {
            acquired,
            expected,
            errors,
            duration_us,
        } => Some(named(
            "stack complete",
            &json!({
                "acquired": acquired,
                "expected": expected,
                "errors": errors,
                "duration_us": number(*duration_us),
            }),
        )),
        _ => None,
    }
}

/// A message with all its fields.
fn as_event(message: &Message) -> Event {
    let fields = json!({
        "code": message.code,
        "status": message.status,
        "hardware_id": message.hardware_id,
        "subsystem_id": message.subsystem_id,
        "client_id": message.client_id,
        "data": message.data,
        "bits": message.bits,
        "double": number(message.double),
        "text": message.text.to_plain().as_str(),
        "payload_bytes": message.payload.len(),
    });
    named(&format!("{:#06x}", message.code), &fields)
}

fn named(name: &str, fields: &Json) -> Event {
    Event {
        name: name.into(),
        json: Bytes::from(fields.to_string()),
        attachments: Vec::new(),
    }
}

/// JSON has no infinity.
fn number(value: f64) -> Json {
    serde_json::Number::from_f64(value).map_or(Json::Null, Json::Number)
}
