//! Rows of what every kind of source says: pictures' records, readings, events, links, faults,
//! losses and lines of the log.

use prost::Message as _;

use super::super::json_lines::one_line;
use super::super::table::{Cell, Kind, Table, column};
use super::super::tables::json_text;
use super::{Emit, SINCE, Why, record};
use crate::model::Value;
use crate::recording::RecordedMessage;
use crate::recording::foxglove::Log;
use crate::recording::records::{
    FaultRecord, FrameRecord, LinkRecord, LossRecord, MessageRecord, ReadingsRecord, ValueRecord,
};

static FRAME: Table = Table {
    name: "frame",
    part: "",
    columns: &[
        column("detector", Kind::Text),
        column("number", Kind::Count),
        column("width_px", Kind::Count),
        column("height_px", Kind::Count),
        column("received_as", Kind::Text),
        column("received_bytes", Kind::Count),
        column("pixel_size_um", Kind::Float),
        column("subsampling", Kind::Count),
        column("bit_depth", Kind::Count),
        column("device_ns", Kind::Count),
        column("lost_before", Kind::Count),
    ],
};

pub fn frame(message: &RecordedMessage, emit: &mut Emit<'_>) -> Result<(), Why> {
    let frame: FrameRecord<'_> = record(message)?;
    let cells = [
        (&frame.detector).into(),
        frame.number.into(),
        frame.width_px.into(),
        frame.height_px.into(),
        (&frame.received_as).into(),
        frame.received_bytes.into(),
        frame.pixel_size_um.into(),
        frame.subsampling.into(),
        frame.bit_depth.into(),
        frame.device_ns.into(),
        frame.lost_before.into(),
    ];
    emit(&FRAME, &cells);
    Ok(())
}

static READINGS: Table = Table {
    name: "readings",
    part: "",
    columns: &[
        column("name", Kind::Text),
        column("type", Kind::Text),
        column("value", Kind::Float),
        column("text", Kind::Text),
        column("unit", Kind::Text),
        SINCE,
    ],
};

pub fn readings(message: &RecordedMessage, emit: &mut Emit<'_>) -> Result<(), Why> {
    let record: ReadingsRecord<'_> = record(message)?;
    for reading in &record.readings {
        let [kind, value, text] = value(&reading.value, reading.special.as_deref());
        let cells = [
            (&reading.name).into(),
            kind,
            value,
            text,
            (&reading.unit).into(),
            reading.since_ns.into(),
        ];
        emit(&READINGS, &cells);
    }
    if record.readings.is_empty() {
        emit(&READINGS, &[const { Cell::Empty }; 6]);
    }
    Ok(())
}

/// The type of a value, the value as a number if it is one, and its exact text. True is 1.
pub fn value<'a>(value: &'a ValueRecord, special: Option<&str>) -> [Cell<'a>; 3] {
    match &value.0 {
        Value::Text(text) => ["text".into(), Cell::Empty, text.as_str().into()],
        Value::Bool(on) => [
            "bool".into(),
            Cell::Float(f64::from(u8::from(*on))),
            on.to_string().into(),
        ],
        // Beyond 2^53 the text has more digits than the number.
        Value::Int(number) => [
            "int".into(),
            Cell::Float(*number as f64),
            number.to_string().into(),
        ],
        Value::Float(number) => {
            let number = special.map_or(*number, crate::recording::records::special_value);
            [
                "float".into(),
                Cell::Float(number),
                format!("{number:?}").into(),
            ]
        }
    }
}

static MESSAGE: Table = Table {
    name: "message",
    part: "",
    columns: &[
        column("event", Kind::Text),
        column("args", Kind::Text),
        column("raw_base64", Kind::Text),
        column("attachments", Kind::Count),
        column("attachments_base64", Kind::Text),
    ],
};

pub fn message(message: &RecordedMessage, emit: &mut Emit<'_>) -> Result<(), Why> {
    let event: MessageRecord<'_> = record(message)?;
    let raw = event.raw_base64.as_ref().map(ToString::to_string);
    let attachments = event.attachments_base64.len() as u64;
    let args = event.args.map(|args| one_line(args.get()));
    let cells = [
        (&event.name).into(),
        args.as_ref().into(),
        raw.into(),
        attachments.into(),
        match attachments {
            0 => Cell::Empty,
            _ => json_text(&event.attachments_base64),
        },
    ];
    emit(&MESSAGE, &cells);
    Ok(())
}

static LINK: Table = Table {
    name: "link",
    part: "",
    columns: &[
        column("state", Kind::Text),
        column("attempt", Kind::Count),
        column("missing", Kind::Text),
        column("reason", Kind::Text),
        column("detail", Kind::Text),
        column("retry_in_ns", Kind::Count),
        SINCE,
    ],
};

pub fn link(message: &RecordedMessage, emit: &mut Emit<'_>) -> Result<(), Why> {
    let link: LinkRecord<'_> = record(message)?;
    let cells = [
        (&link.state).into(),
        link.attempt.into(),
        link.missing.as_ref().into(),
        link.reason.as_ref().into(),
        link.detail.as_ref().into(),
        link.retry_in_ns.into(),
        link.since_ns.into(),
    ];
    emit(&LINK, &cells);
    Ok(())
}

static FAULT: Table = Table {
    name: "fault",
    part: "",
    columns: &[
        column("kind", Kind::Text),
        column("severity", Kind::Text),
        column("text", Kind::Text),
        column("sample_base64", Kind::Text),
    ],
};

pub fn fault(message: &RecordedMessage, emit: &mut Emit<'_>) -> Result<(), Why> {
    let fault: FaultRecord<'_> = record(message)?;
    let cells = [
        (&fault.kind).into(),
        (&fault.severity).into(),
        (&fault.text).into(),
        fault.sample_base64.to_string().into(),
    ];
    emit(&FAULT, &cells);
    Ok(())
}

static LOSS: Table = Table {
    name: "loss",
    part: "",
    columns: &[
        column("lane", Kind::Text),
        column("reason", Kind::Text),
        column("count", Kind::Count),
    ],
};

pub fn loss(message: &RecordedMessage, emit: &mut Emit<'_>) -> Result<(), Why> {
    let loss: LossRecord<'_> = record(message)?;
    let cells = [
        (&loss.lane).into(),
        (&loss.reason).into(),
        loss.count.into(),
    ];
    emit(&LOSS, &cells);
    Ok(())
}

static LOG: Table = Table {
    name: "log",
    part: "",
    columns: &[
        column("level", Kind::Text),
        column("name", Kind::Text),
        column("message", Kind::Text),
        column("file", Kind::Text),
        column("line", Kind::Count),
    ],
};

pub fn log(message: &RecordedMessage, emit: &mut Emit<'_>) -> Result<(), Why> {
    let log = Log::decode(message.data.clone()).map_err(|error| error.to_string())?;
    let cells = [
        log.level().name().into(),
        log.name.as_str().into(),
        log.message.as_str().into(),
        log.file.as_str().into(),
        log.line.into(),
    ];
    emit(&LOG, &cells);
    Ok(())
}
