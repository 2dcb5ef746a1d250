//! JSON lines: one file with a line for each message, in the order of the recording. What was
//! recorded as JSON stands in it digit by digit; nothing is rounded.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::Path;

use prost::Message as _;
use serde::Serialize;
use serde_json::value::RawValue;

use super::{ExportError, ExportPlan, Exported, Item, OutDir, OutFile, Sink};
use crate::recording::RecordedMessage;
use crate::recording::foxglove::Log;
use crate::recording::records::Binary;

/// Why pictures are in no table.
pub const PIXELS: &str = "pixels are in no table: png, jpeg or ome-tiff exports them";

/// Whether a message is a picture, whose pixels a table has no place for.
pub fn is_picture(message: &RecordedMessage) -> bool {
    matches!(
        message.channel.schema.as_str(),
        "foxglove.RawImage" | "foxglove.CompressedImage"
    )
}

/// Writes the lines.
pub struct JsonLines {
    messages: Lines,
    /// In a file of its own, so that all lines of the first one have the same fields.
    metadata: Lines,
}

struct Lines {
    file: OutFile,
    count: u64,
}

impl JsonLines {
    /// Lines into the folder of the plan, in files named after its first recording.
    ///
    /// # Errors
    /// There are such files, or they cannot be made.
    pub fn create(plan: &ExportPlan) -> Result<Self, ExportError> {
        let mut out = OutDir::make(&plan.out)?;
        let first = plan.files.first().and_then(|file| file.file_name());
        let name = first.unwrap_or_default().to_string_lossy();
        let stem = name.strip_suffix(".mcap").unwrap_or(&name);
        let stem = stem.strip_suffix(".partial").unwrap_or(stem);
        let mut lines = |stem: &str| {
            Ok::<_, ExportError>(Lines {
                file: out.create(stem, "jsonl")?,
                count: 0,
            })
        };
        Ok(Self {
            messages: lines(stem)?,
            metadata: lines(&format!("{stem}.metadata"))?,
        })
    }
}

/// One line. Field names are part of the format.
#[derive(Serialize)]
struct Line<'a> {
    topic: &'a str,
    source: &'a str,
    schema: &'a str,
    encoding: &'a str,
    sequence: u32,
    log_time_ns: u64,
    publish_time_ns: u64,
    #[serde(flatten)]
    data: Data<'a>,
}

#[derive(Serialize)]
enum Data<'a> {
    /// JSON as it was recorded.
    #[serde(rename = "data")]
    Json(Cow<'a, RawValue>),
    /// A line of a log, which is protobuf in the recording.
    #[serde(rename = "data")]
    Log(LogData),
    /// Whatever it is.
    #[serde(rename = "data_base64")]
    Bytes(Binary<'a>),
}

#[derive(Serialize)]
struct LogData {
    level: &'static str,
    name: String,
    message: String,
    file: String,
    line: u32,
}

#[derive(Serialize)]
struct MetadataLine<'a> {
    recording: Cow<'a, str>,
    name: &'a str,
    values: &'a BTreeMap<String, String>,
}

impl Sink for JsonLines {
    fn metadata(
        &mut self,
        file: &Path,
        name: &str,
        values: &BTreeMap<String, String>,
    ) -> Result<(), ExportError> {
        self.metadata.write(&MetadataLine {
            recording: file.to_string_lossy(),
            name,
            values,
        })
    }

    fn message(&mut self, item: Item<'_>, exported: &mut Exported) -> Result<(), ExportError> {
        if is_picture(item.message) {
            exported.skip(item.message, PIXELS);
            return Ok(());
        }
        let message = item.message;
        self.messages.write(&Line {
            topic: &message.channel.topic,
            source: item.source,
            schema: &message.channel.schema,
            encoding: &message.channel.encoding,
            sequence: message.sequence,
            log_time_ns: message.log_time_ns,
            publish_time_ns: message.publish_time_ns,
            data: data(message),
        })
    }

    fn finish(self: Box<Self>, exported: &mut Exported) -> Result<(), ExportError> {
        for mut lines in [self.messages, self.metadata] {
            if lines.count > 0 {
                lines.file.settle()?;
                exported.wrote(lines.file.finish(lines.count)?);
            }
        }
        Ok(())
    }
}

impl Lines {
    fn write(&mut self, line: &impl Serialize) -> Result<(), ExportError> {
        let written = serde_json::to_writer(&mut self.file, line)
            .map_err(std::io::Error::from)
            .and_then(|()| self.file.write_all(b"\n"));
        written.map_err(|error| ExportError::at(self.file.path(), error))?;
        self.count += 1;
        Ok(())
    }
}

fn data(message: &RecordedMessage) -> Data<'_> {
    let channel = &message.channel;
    if channel.schema == "foxglove.Log"
        && channel.encoding == "protobuf"
        && let Ok(log) = Log::decode(message.data.clone())
    {
        return Data::Log(LogData {
            level: log.level().name(),
            name: log.name,
            message: log.message,
            file: log.file,
            line: log.line,
        });
    }
    match json(message) {
        Some(json) => Data::Json(json),
        None => Data::Bytes(Binary(Cow::Borrowed(&message.data))),
    }
}

/// The message as one line of JSON, if that is what it is.
pub fn json(message: &RecordedMessage) -> Option<Cow<'_, RawValue>> {
    if message.channel.encoding != "json" {
        return None;
    }
    let raw: &RawValue = serde_json::from_slice(&message.data).ok()?;
    match one_line(raw.get()) {
        Cow::Borrowed(_) => Some(Cow::Borrowed(raw)),
        Cow::Owned(line) => RawValue::from_string(line).ok().map(Cow::Owned),
    }
}

/// JSON without ends of lines. Only between its parts can it have a raw one, and any space is as
/// good there.
pub fn one_line(json: &str) -> Cow<'_, str> {
    match json.contains(['\n', '\r']) {
        true => Cow::Owned(json.replace(['\n', '\r'], " ")),
        false => Cow::Borrowed(json),
    }
}
