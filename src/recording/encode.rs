//! From what a source said to the bytes of a record. Appends to a buffer that is used again and
//! again; knows no file and no channel.

use std::borrow::Cow;

use bytes::Bytes;
use serde::Serialize;
use serde_json::value::RawValue;

use super::foxglove::{self, CompressedImage, Log, RawImage};
use super::records::{
    Binary, FaultRecord, FrameRecord, LinkRecord, LossRecord, MessageRecord, ReadingRecord,
    ReadingsRecord, ValueRecord, special_name,
};
use crate::model::{Fault, Frame, FrameEncoding, LinkState, LogLine, Loss, Message, Reading};

mod control;
mod fleet;
mod market;

/// Encodes records one after the other. Holds what would otherwise be allocated for each picture.
#[derive(Debug, Default)]
pub struct Encoder {
    /// Where records are appended.
    pub out: Vec<u8>,
    raw: RawImage,
    compressed: CompressedImage,
}

impl Encoder {
    /// Appends the picture itself.
    ///
    /// - `pixels`: what stands in place of the frame's own body because that was packed
    /// - `at_ns`: when it was received, Unix nanoseconds; counts where the device says nothing
    pub fn picture(&mut self, frame: &Frame, pixels: Option<Bytes>, at_ns: u64) {
        let time = Some(foxglove::timestamp(frame.device_ns.unwrap_or(at_ns)));
        let data = pixels.unwrap_or_else(|| frame.body.clone());
        // Source of the names: `foxglove.RawImage`, field `data`. The row of a plane of luma is as
        // long as the picture is wide.
        let (name, bytes_per_pixel) = match frame.encoding {
            FrameEncoding::Jpeg => {
                self.compressed.timestamp = time;
                set(&mut self.compressed.format, "jpeg");
                set(&mut self.compressed.frame_id, &frame.detector);
                self.compressed.data = data;
                encode(&self.compressed, &mut self.out);
                // Not kept: it would hold the whole message the picture came in.
                self.compressed.data = Bytes::new();
                return;
            }
            FrameEncoding::Mono8 => ("mono8", 1),
            FrameEncoding::Mono16(_) => ("mono16", 2),
            FrameEncoding::Rgb8 => ("rgb8", 3),
            FrameEncoding::Yuyv => ("yuyv", 2),
            FrameEncoding::Nv12 => ("nv12", 1),
        };
        self.raw.timestamp = time;
        self.raw.width = frame.width_px.unwrap_or(0);
        self.raw.height = frame.height_px.unwrap_or(0);
        self.raw.step = self.raw.width.saturating_mul(bytes_per_pixel);
        set(&mut self.raw.encoding, name);
        set(&mut self.raw.frame_id, &frame.detector);
        self.raw.data = data;
        encode(&self.raw, &mut self.out);
        self.raw.data = Bytes::new();
    }

    /// Appends what belongs to a picture.
    pub fn frame(&mut self, frame: &Frame) {
        self.json(&FrameRecord {
            detector: Cow::Borrowed(&frame.detector),
            number: frame.number,
            width_px: frame.width_px,
            height_px: frame.height_px,
            received_as: Cow::Borrowed(frame.encoding.as_str()),
            received_bytes: frame.body.len() as u64,
            pixel_size_um: frame.pixel_size_um,
            subsampling: frame.subsampling,
            bit_depth: frame.bit_depth,
            device_ns: frame.device_ns,
            lost_before: frame.lost_before,
        });
    }

    /// Appends values; `since_ns` says since when, for those that were there before the recording.
    pub fn readings<'a>(&mut self, readings: impl Iterator<Item = (&'a Reading, Option<u64>)>) {
        let readings = readings
            .map(|(reading, since_ns)| ReadingRecord {
                name: Cow::Borrowed(&reading.name),
                value: ValueRecord(reading.value.clone()),
                special: special_name(&reading.value).map(Cow::Borrowed),
                unit: Cow::Borrowed(reading.unit),
                since_ns,
            })
            .collect();
        self.json(&ReadingsRecord { readings });
    }

    /// Appends a named event.
    pub fn message(&mut self, message: &Message) {
        // Only what is one JSON value and nothing around it comes back byte for byte.
        let args = serde_json::from_slice::<&RawValue>(&message.json)
            .ok()
            .filter(|args| args.get().len() == message.json.len());
        self.json(&MessageRecord {
            name: Cow::Borrowed(&message.name),
            args,
            raw_base64: match args {
                Some(_) => None,
                None => Some(Binary(Cow::Borrowed(&message.json))),
            },
            attachments_base64: message
                .attachments
                .iter()
                .map(|bytes| Binary(Cow::Borrowed(bytes)))
                .collect(),
        });
    }

    /// Appends a line of a log.
    pub fn log(&mut self, line: &LogLine, at_ns: u64) {
        let record = Log {
            timestamp: Some(foxglove::timestamp(at_ns)),
            level: foxglove::level_of(line.severity) as i32,
            message: line.text.to_string(),
            name: line.origin.to_string(),
            file: String::new(),
            line: 0,
        };
        encode(&record, &mut self.out);
    }

    /// Appends the state of a connection; `since_ns` if it was so before the recording.
    pub fn link(&mut self, state: &LinkState, since_ns: Option<u64>) {
        let mut record = LinkRecord {
            state: Cow::Borrowed(state.word()),
            attempt: None,
            missing: None,
            reason: None,
            detail: None,
            retry_in_ns: None,
            since_ns,
        };
        match state {
            LinkState::Connecting { attempt } => record.attempt = Some(*attempt),
            LinkState::Stale { missing } => record.missing = Some(Cow::Borrowed(missing)),
            LinkState::Down {
                reason,
                detail,
                retry_in,
            } => {
                record.reason = Some(Cow::Borrowed(reason.as_str()));
                record.detail = Some(Cow::Borrowed(detail));
                record.retry_in_ns =
                    retry_in.map(|wait| u64::try_from(wait.as_nanos()).unwrap_or(u64::MAX));
            }
            LinkState::Connected | LinkState::Live | LinkState::Ended => {}
        }
        self.json(&record);
    }

    /// Appends a fault.
    pub fn fault(&mut self, fault: &Fault) {
        self.json(&FaultRecord {
            kind: Cow::Borrowed(fault.kind.as_str()),
            severity: Cow::Borrowed(fault.severity.as_str()),
            text: Cow::Borrowed(&fault.text),
            sample_base64: Binary(Cow::Borrowed(&fault.sample)),
        });
    }

    /// Appends a loss; `source` where the topic does not say whose it is.
    pub fn loss(&mut self, loss: &Loss, source: Option<&str>) {
        self.json(&LossRecord {
            source: source.map(Cow::Borrowed),
            lane: Cow::Borrowed(loss.lane.as_str()),
            reason: Cow::Borrowed(loss.reason.as_str()),
            count: loss.count,
        });
    }

    fn json(&mut self, record: &impl Serialize) {
        serde_json::to_writer(&mut self.out, record)
            .expect("these records have no maps with odd keys, and a Vec takes every byte");
    }
}

fn encode(message: &impl prost::Message, out: &mut Vec<u8>) {
    message
        .encode(out)
        .expect("a Vec has room for every message");
}

fn set(field: &mut String, text: &str) {
    if field != text {
        field.clear();
        field.push_str(text);
    }
}
