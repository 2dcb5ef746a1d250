//! Events as they come off the wire, before anybody knows what they mean.

use bytes::Bytes;
use serde_json::Value;

use super::picture::Metadata;
use super::signal::SignalError;
use crate::model::Stamp;

/// The longest text part of an event that is no picture in base64.
const MAX_TEXT_BYTES: usize = 1 << 16;

/// An event as it was received.
#[derive(Clone, Copy, Debug)]
pub struct Incoming<'a> {
    /// When its last byte was received.
    pub received: Stamp,
    /// Its name.
    pub name: &'a str,
    /// The whole JSON array, the name first, placeholders in place.
    pub array: &'a Bytes,
    /// Attachments by placeholder number.
    pub attachments: &'a [Bytes],
    /// The server wants an answer with this number.
    pub ack_id: Option<u64>,
}

/// A `frame` event by its form; the form does not depend on what was said before.
pub(super) enum FrameForm<'a> {
    Modern(&'a Bytes),
    Pair(Metadata, &'a Bytes),
    Raw(&'a Bytes),
}

pub(super) fn frame_form(event: Incoming<'_>) -> Result<FrameForm<'_>, String> {
    let args = arguments(event.array)?;
    let attachment = |place: &Value| {
        let number = place.get("num").and_then(Value::as_u64)?;
        event.attachments.get(usize::try_from(number).ok()?)
    };
    let first = args.first().ok_or("the event has no argument")?;
    // Old and new agree in putting an object before its packet, in an array of its own or not.
    let parts: Vec<&Value> = match first {
        Value::Array(parts) => parts.iter().collect(),
        _ => args.iter().collect(),
    };
    match parts[..] {
        [place, ..] if is_placeholder(place) => {
            let message = attachment(place).ok_or("the event's attachment is missing")?;
            if message.starts_with(b"UC2F") {
                Ok(FrameForm::Raw(message))
            } else {
                Ok(FrameForm::Modern(message))
            }
        }
        [metadata, place] if metadata.is_object() && is_placeholder(place) => {
            let packet = attachment(place).ok_or("the event's attachment is missing")?;
            Ok(FrameForm::Pair(Metadata::from_json(metadata), packet))
        }
        _ => Err("the event has no form of a picture".to_owned()),
    }
}

fn is_placeholder(value: &Value) -> bool {
    value.get("_placeholder") == Some(&Value::Bool(true))
}

/// The arguments behind the name, if they are short.
pub(super) fn arguments(array: &[u8]) -> Result<Vec<Value>, String> {
    if array.len() > MAX_TEXT_BYTES {
        let got = array.len();
        return Err(format!(
            "the event's text has {got} bytes, the limit is {MAX_TEXT_BYTES}"
        ));
    }
    let mut args: Vec<Value> = serde_json::from_slice(array)
        .map_err(|error| format!("the event's text is no JSON array: {error}"))?;
    args.drain(..args.len().min(1));
    Ok(args)
}

/// The one argument of a `signal`, text of any length (it may hold a picture).
pub(super) fn text_argument(array: &[u8]) -> Result<String, SignalError> {
    serde_json::from_slice::<(serde::de::IgnoredAny, String)>(array)
        .map(|(_, text)| text)
        .map_err(|error| SignalError::new(format!("its argument is no text: {error}")))
}
