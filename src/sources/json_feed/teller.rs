//! The half that hands things on: each message as evidence, then its rows.

use std::sync::Arc;

use bytes::Bytes;

use super::queue::{Queue, Said};
use crate::model::{
    DropReason, Fault, FaultKind, LaneKind, LinkState, Message, Payload, PlainText, Severity, Stamp,
};
use crate::pipeline::Outlet;
use crate::protocol::rows::Picker;
use crate::sources::rows::RowsOut;

/// What a message of a feed without names is called.
const NAME: &str = "message";

/// Tells everything until the queue is closed and empty.
pub(super) async fn run(picker: Picker, outlet: Outlet, queue: &Queue) {
    let mut teller = Teller {
        picker,
        outlet,
        rows: RowsOut::default(),
    };
    while let Some(said) = queue.next().await {
        teller.tell(said).await;
    }
}

struct Teller {
    picker: Picker,
    outlet: Outlet,
    rows: RowsOut,
}

impl Teller {
    async fn tell(&mut self, said: Said) {
        match said {
            Said::Link(state) => {
                if state == LinkState::Connected {
                    self.rows.begin();
                }
                self.outlet.link(state).await;
            }
            Said::Message {
                received,
                body,
                is_text,
            } => self.message(received, body, is_text).await,
            Said::Command(report) => {
                let payload = Payload::Command(Arc::new(*report));
                self.outlet
                    .publish(self.outlet.clock().now(), payload)
                    .await;
            }
            Said::Lost(count) => {
                self.outlet
                    .lose(LaneKind::Samples, DropReason::ReaderBehind, count)
                    .await;
            }
        }
    }

    async fn message(&mut self, received: Stamp, body: Bytes, is_text: bool) {
        let picked = match self.picker.pick(&body, NAME) {
            Ok(picked) => picked,
            Err(error) => {
                let kind = if is_text { "text" } else { "binary" };
                let text = format!(
                    "a {kind} message of {} bytes is not JSON ({error}): it was counted and left out",
                    body.len()
                );
                let fault = Fault::new(FaultKind::Malformed, Severity::Warning, text);
                self.outlet
                    .reject(
                        received,
                        LaneKind::Samples,
                        DropReason::Malformed,
                        fault.with_sample(&body),
                    )
                    .await;
                return;
            }
        };
        let message = Payload::Message(Message {
            name: PlainText::from(NAME),
            json: body,
            attachments: Vec::new(),
        });
        self.outlet.publish(received, message).await;
        let is_asked = self.picker.has_path();
        self.rows
            .publish(&self.outlet, received, picked, NAME, is_asked)
            .await;
    }
}
