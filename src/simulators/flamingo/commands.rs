//! What a command does and how it is answered. One file per kind of device.

use std::sync::Arc;

use super::client::Client;
use super::codes;
use super::fault::Fault;
use super::lock;
use super::log::{Deed, Received, What};
use super::message::Message;
use super::microscope::{Instrument, Microscope};
use super::stage::Axis;

mod camera;
mod light;
mod stage;
mod system;

/// One command while it is carried out. The instrument is locked for as long: replies and
/// announcements leave in the order in which things happened.
struct Turn<'a> {
    microscope: &'a Arc<Microscope>,
    client: &'a Client,
    instrument: &'a mut Instrument,
    request: Message,
}

/// Takes a message of a client: logs it, does what it asks, answers it.
pub(super) fn receive(microscope: &Arc<Microscope>, client: &Client, request: Message) {
    microscope.log.push(What::Received(Received {
        connection: client.number,
        code: request.code,
        status: request.status,
        d0: request.d0,
        d1: request.d1,
        d2: request.d2,
        bits: request.bits,
        number: request.number,
        text: request.text.clone(),
        payload_bytes: request.payload.len(),
    }));
    if client.is_hung() || microscope.has(Fault::SilentServer) {
        return;
    }
    let mut instrument = lock(&microscope.instrument);
    let mut turn = Turn {
        microscope,
        client,
        instrument: &mut instrument,
        request,
    };
    // Codes nobody knows, and those that are only ever sent by the server, do nothing and are not
    // answered. The kinds are told apart by the first digit of the code.
    match turn.request.code >> 12 {
        0x1 | 0xa => system::run(&mut turn),
        0x2 | 0x4 | 0x5 | 0x7 => light::run(&mut turn),
        0x3 => camera::run(&mut turn),
        0x6 => stage::run(&mut turn),
        _ => {}
    }
}

impl Turn<'_> {
    fn did(&self, deed: Deed) {
        self.microscope.did(deed);
    }

    /// Whether the request asks for a reply.
    fn wants_reply(&self) -> bool {
        self.request.bits & codes::CALL_BACK != 0
    }

    /// The reply to this request as it is when all went well: its code, its flags, its selector.
    fn success(&self) -> Message {
        Message {
            bits: self.request.bits,
            d0: self.request.d0,
            ..Message::new(self.request.code)
        }
    }

    fn failure(&self, text: &str) -> Message {
        Message {
            status: 0,
            text: text.to_owned(),
            ..self.success()
        }
    }

    /// Answers, if an answer was asked for.
    fn reply(&self, reply: Message) {
        if self.wants_reply() {
            self.reply_anyway(reply);
        }
    }

    /// Answers, asked or not.
    fn reply_anyway(&self, reply: Message) {
        let foreign = self.foreign(&reply);
        self.microscope.reply(self.client, reply, &foreign);
    }

    /// What another client might be told at this moment: the same about another axis or laser, or
    /// the answer to something else.
    fn foreign(&self, reply: &Message) -> Message {
        let other = reply.d0.rem_euclid(4) + 1;
        match reply.code {
            codes::STAGE_POSITION => {
                let axis = Axis::from_number(other).unwrap_or(Axis::X);
                let now_s = self.microscope.now_s();
                Message {
                    d0: other,
                    number: self.instrument.stage.position(axis, now_s),
                    ..reply.clone()
                }
            }
            codes::STAGE_MOVE | codes::STAGE_SLIDE | codes::LASER_LEVEL_GET => Message {
                d0: other,
                ..reply.clone()
            },
            codes::EXPOSURE_GET => Message {
                bits: codes::CALL_BACK,
                number: super::settings::PIXEL_UM / 1000.0,
                ..Message::new(codes::FIELD_OF_VIEW_GET)
            },
            _ => Message {
                bits: codes::CALL_BACK,
                d0: self.instrument.camera.exposure_us,
                ..Message::new(codes::EXPOSURE_GET)
            },
        }
    }
}
