//! Which schema each kind of channel has, and its text or bytes as they go into the file.

use super::foxglove;

mod control;
mod fleet;
mod market;

/// A schema as MCAP wants it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SchemaKind {
    /// `foxglove.RawImage`, protobuf.
    RawImage,
    /// `foxglove.CompressedImage`, protobuf.
    CompressedImage,
    /// `foxglove.Log`, protobuf.
    Log,
    /// What belongs to a picture, JSON.
    Frame,
    /// Values, JSON.
    Readings,
    /// A named event, JSON.
    Message,
    /// The state of a connection, JSON.
    Link,
    /// Something went wrong, JSON.
    Fault,
    /// Something is missing, JSON.
    Loss,
    /// The state of an instrument, JSON.
    Instrument,
    /// A step of a command, JSON.
    Command,
    /// The stop path, or what became of a stop, JSON.
    Stop,
    /// A change of an order book, JSON.
    Book,
    /// A trade, JSON.
    Trade,
    /// How a venue's connections stand, JSON.
    Feed,
    /// What is known of a fleet, JSON.
    Fleet,
    /// Rows of a live table, JSON.
    Rows,
}

impl SchemaKind {
    /// All of them.
    #[cfg(test)]
    const ALL: [Self; 17] = [
        Self::RawImage,
        Self::CompressedImage,
        Self::Log,
        Self::Frame,
        Self::Readings,
        Self::Message,
        Self::Link,
        Self::Fault,
        Self::Loss,
        Self::Instrument,
        Self::Command,
        Self::Stop,
        Self::Book,
        Self::Trade,
        Self::Feed,
        Self::Fleet,
        Self::Rows,
    ];

    /// The name in the file.
    pub fn name(self) -> &'static str {
        match self {
            Self::RawImage => "foxglove.RawImage",
            Self::CompressedImage => "foxglove.CompressedImage",
            Self::Log => "foxglove.Log",
            Self::Frame => "ttyscope.Frame",
            Self::Readings => "ttyscope.Readings",
            Self::Message => "ttyscope.Message",
            Self::Link => "ttyscope.Link",
            Self::Fault => "ttyscope.Fault",
            Self::Loss => "ttyscope.Loss",
            Self::Instrument => "ttyscope.Instrument",
            Self::Command => "ttyscope.Command",
            Self::Stop => "ttyscope.Stop",
            Self::Book => "ttyscope.Book",
            Self::Trade => "ttyscope.Trade",
            Self::Feed => "ttyscope.Feed",
            Self::Fleet => "ttyscope.Fleet",
            Self::Rows => "ttyscope.Rows",
        }
    }

    /// The schema's own encoding. Source: MCAP registry of well-known schema encodings.
    pub fn encoding(self) -> &'static str {
        match self {
            Self::RawImage | Self::CompressedImage | Self::Log => "protobuf",
            _ => "jsonschema",
        }
    }

    /// The encoding of the messages. Source: MCAP registry of well-known message encodings.
    pub fn message_encoding(self) -> &'static str {
        match self {
            Self::RawImage | Self::CompressedImage | Self::Log => "protobuf",
            _ => "json",
        }
    }

    /// The schema itself.
    pub fn data(self) -> Vec<u8> {
        match self {
            Self::RawImage => foxglove::raw_image_schema(),
            Self::CompressedImage => foxglove::compressed_image_schema(),
            Self::Log => foxglove::log_schema(),
            Self::Frame => FRAME.into(),
            Self::Readings => READINGS.into(),
            Self::Message => MESSAGE.into(),
            Self::Link => LINK.into(),
            Self::Fault => FAULT.into(),
            Self::Loss => LOSS.into(),
            Self::Instrument => control::INSTRUMENT.into(),
            Self::Command => control::COMMAND.into(),
            Self::Stop => control::STOP.into(),
            Self::Book => market::BOOK.into(),
            Self::Trade => market::TRADE.into(),
            Self::Feed => market::FEED.into(),
            Self::Fleet => fleet::FLEET.into(),
            Self::Rows => fleet::ROWS.into(),
        }
    }
}

const FRAME: &str = r#"{
  "title": "ttyscope.Frame",
  "description": "What belongs to the picture with the same log time on the camera's image topic.",
  "type": "object",
  "required": ["detector", "received_as", "received_bytes", "subsampling", "lost_before"],
  "properties": {
    "detector": {"type": "string", "description": "the camera, as its source calls it"},
    "number": {"type": ["integer", "null"], "description": "the number the source gave the picture"},
    "width_px": {"type": ["integer", "null"]},
    "height_px": {"type": ["integer", "null"]},
    "received_as": {"type": "string", "enum": ["jpeg", "mono8", "mono16", "mono16 lz4", "mono16 zstd"]},
    "received_bytes": {"type": "integer"},
    "pixel_size_um": {"type": ["number", "null"], "description": "micrometres per pixel, subsampling included"},
    "subsampling": {"type": "integer", "description": "every how many-th sensor pixel is shown"},
    "bit_depth": {"type": "integer", "description": "bits of a value that the sensor fills, counted from the lowest one"},
    "device_ns": {"type": ["integer", "null"], "description": "the device's own time, Unix nanoseconds"},
    "lost_before": {"type": "integer", "description": "pictures of this camera that never came before this one"}
  }
}"#;

const READINGS: &str = r#"{
  "title": "ttyscope.Readings",
  "description": "Values of an instrument; each replaces the earlier one of its name.",
  "type": "object",
  "required": ["readings"],
  "properties": {
    "readings": {"type": "array", "items": {
      "type": "object",
      "required": ["name", "value", "unit"],
      "properties": {
        "name": {"type": "string"},
        "value": {"type": ["number", "integer", "boolean", "string", "null"]},
        "special": {"type": "string", "enum": ["NaN", "inf", "-inf"], "description": "which number null stands for"},
        "unit": {"type": "string"},
        "since_ns": {"type": "integer", "description": "received before the recording began, at this time, and still true then"}
      }
    }}
  }
}"#;

const MESSAGE: &str = r#"{
  "title": "ttyscope.Message",
  "description": "A named event of a peer with its arguments as they were received.",
  "type": "object",
  "required": ["name"],
  "properties": {
    "name": {"type": "string"},
    "args": {"description": "the arguments; a binary attachment stands as {\"_placeholder\":true,\"num\":n}"},
    "raw_base64": {"type": "string", "contentEncoding": "base64", "description": "in place of args if they are not one JSON value"},
    "attachments_base64": {"type": "array", "items": {"type": "string", "contentEncoding": "base64"}}
  }
}"#;

const LINK: &str = r#"{
  "title": "ttyscope.Link",
  "description": "The state of the connection to a source from here on.",
  "type": "object",
  "required": ["state"],
  "properties": {
    "state": {"type": "string", "enum": ["connecting", "connected", "live", "stale", "down", "ended"]},
    "attempt": {"type": "integer"},
    "missing": {"type": "string"},
    "reason": {"type": "string"},
    "detail": {"type": "string"},
    "retry_in_ns": {"type": "integer"},
    "since_ns": {"type": "integer", "description": "received before the recording began, at this time, and still true then"}
  }
}"#;

const FAULT: &str = r#"{
  "title": "ttyscope.Fault",
  "description": "Something went wrong; the reader went on.",
  "type": "object",
  "required": ["kind", "severity", "text"],
  "properties": {
    "kind": {"type": "string"},
    "severity": {"type": "string", "enum": ["debug", "info", "warning", "error"]},
    "text": {"type": "string"},
    "sample_base64": {"type": "string", "contentEncoding": "base64", "description": "the first bytes of what was wrong"}
  }
}"#;

const LOSS: &str = r#"{
  "title": "ttyscope.Loss",
  "description": "Something that was received is not in this recording, or never reached the recorder.",
  "type": "object",
  "required": ["lane", "reason", "count"],
  "properties": {
    "source": {"type": "string"},
    "lane": {"type": "string", "enum": ["control", "samples", "books", "frames"]},
    "reason": {"type": "string"},
    "count": {"type": "integer"}
  }
}"#;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_json_schema_is_json_that_names_itself() {
        for kind in SchemaKind::ALL {
            if kind.encoding() == "jsonschema" {
                let schema: serde_json::Value = serde_json::from_slice(&kind.data()).unwrap();
                assert_eq!(schema["title"], kind.name());
            }
        }
    }
}
