//! The three well-known messages that other tools draw: a raw picture, a compressed picture and a
//! line of a log, with the schemas that go into the file.
//!
//! Source of names, numbers and types: Foxglove's published schemas in their protobuf form
//! (`foxglove.RawImage`, `foxglove.CompressedImage`, `foxglove.Log`).

use bytes::Bytes;
use prost::Message as _;
use prost_types::field_descriptor_proto::{Label, Type};
use prost_types::{
    DescriptorProto, EnumDescriptorProto, EnumValueDescriptorProto, FieldDescriptorProto,
    FileDescriptorProto, FileDescriptorSet, Timestamp,
};

use crate::model::Severity;

/// A picture whose pixels stand as they are.
#[derive(Clone, PartialEq, prost::Message)]
pub struct RawImage {
    /// When the picture was taken.
    #[prost(message, optional, tag = "1")]
    pub timestamp: Option<Timestamp>,
    /// Columns.
    #[prost(fixed32, tag = "2")]
    pub width: u32,
    /// Rows.
    #[prost(fixed32, tag = "3")]
    pub height: u32,
    /// `mono8` or `mono16` (little-endian).
    #[prost(string, tag = "4")]
    pub encoding: String,
    /// Bytes of a row.
    #[prost(fixed32, tag = "5")]
    pub step: u32,
    /// `step * height` bytes.
    #[prost(bytes = "bytes", tag = "6")]
    pub data: Bytes,
    /// The camera.
    #[prost(string, tag = "7")]
    pub frame_id: String,
}

/// A picture as a file in memory.
#[derive(Clone, PartialEq, prost::Message)]
pub struct CompressedImage {
    /// When the picture was taken.
    #[prost(message, optional, tag = "1")]
    pub timestamp: Option<Timestamp>,
    /// The file, untouched.
    #[prost(bytes = "bytes", tag = "2")]
    pub data: Bytes,
    /// `jpeg`.
    #[prost(string, tag = "3")]
    pub format: String,
    /// The camera.
    #[prost(string, tag = "4")]
    pub frame_id: String,
}

/// A line of a log.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Log {
    /// When it was received.
    #[prost(message, optional, tag = "1")]
    pub timestamp: Option<Timestamp>,
    /// How bad it is, see [`level_of`].
    #[prost(enumeration = "Level", tag = "2")]
    pub level: i32,
    /// What it says.
    #[prost(string, tag = "3")]
    pub message: String,
    /// Who wrote it.
    #[prost(string, tag = "4")]
    pub name: String,
    /// Not known to us, always empty.
    #[prost(string, tag = "5")]
    pub file: String,
    /// Not known to us, always 0.
    #[prost(fixed32, tag = "6")]
    pub line: u32,
}

/// How bad a line of a log is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, prost::Enumeration)]
#[repr(i32)]
pub enum Level {
    /// Not said.
    Unknown = 0,
    /// For who looks for it.
    Debug = 1,
    /// As it should be.
    Info = 2,
    /// Worth a look.
    Warning = 3,
    /// Something does not work.
    Error = 4,
    /// Nothing works; never written by us.
    Fatal = 5,
}

impl Level {
    /// Its name, as the schema has it in small letters.
    pub fn name(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
            Self::Fatal => "fatal",
        }
    }
}

/// The level of our severity.
pub fn level_of(severity: Severity) -> Level {
    match severity {
        Severity::Debug => Level::Debug,
        Severity::Info => Level::Info,
        Severity::Warning => Level::Warning,
        Severity::Error => Level::Error,
    }
}

/// Our severity of a level.
pub fn severity_of(level: Level) -> Severity {
    match level {
        Level::Debug => Severity::Debug,
        Level::Unknown | Level::Info => Severity::Info,
        Level::Warning => Severity::Warning,
        Level::Error | Level::Fatal => Severity::Error,
    }
}

/// Unix nanoseconds as protobuf wants them.
pub fn timestamp(unix_ns: u64) -> Timestamp {
    const NS: u64 = 1_000_000_000;
    Timestamp {
        // u64::MAX nanoseconds are 584 years, so both fit.
        seconds: i64::try_from(unix_ns / NS).unwrap_or(i64::MAX),
        nanos: i32::try_from(unix_ns % NS).unwrap_or(0),
    }
}

/// `foxglove.RawImage` as the `FileDescriptorSet` that MCAP asks for.
pub fn raw_image_schema() -> Vec<u8> {
    schema_file(
        "RawImage",
        vec![
            time_field("timestamp", 1),
            field("frame_id", 7, Type::String),
            field("width", 2, Type::Fixed32),
            field("height", 3, Type::Fixed32),
            field("encoding", 4, Type::String),
            field("step", 5, Type::Fixed32),
            field("data", 6, Type::Bytes),
        ],
        vec![],
    )
}

/// `foxglove.CompressedImage` as a `FileDescriptorSet`.
pub fn compressed_image_schema() -> Vec<u8> {
    schema_file(
        "CompressedImage",
        vec![
            time_field("timestamp", 1),
            field("frame_id", 4, Type::String),
            field("data", 2, Type::Bytes),
            field("format", 3, Type::String),
        ],
        vec![],
    )
}

/// `foxglove.Log` as a `FileDescriptorSet`.
pub fn log_schema() -> Vec<u8> {
    let level = FieldDescriptorProto {
        type_name: Some(".foxglove.Log.Level".to_owned()),
        ..field("level", 2, Type::Enum)
    };
    let values = [
        ("UNKNOWN", 0),
        ("DEBUG", 1),
        ("INFO", 2),
        ("WARNING", 3),
        ("ERROR", 4),
        ("FATAL", 5),
    ];
    let levels = EnumDescriptorProto {
        name: Some("Level".to_owned()),
        value: values
            .map(|(name, number)| EnumValueDescriptorProto {
                name: Some(name.to_owned()),
                number: Some(number),
                options: None,
            })
            .into(),
        ..EnumDescriptorProto::default()
    };
    schema_file(
        "Log",
        vec![
            time_field("timestamp", 1),
            level,
            field("message", 3, Type::String),
            field("name", 4, Type::String),
            field("file", 5, Type::String),
            field("line", 6, Type::Fixed32),
        ],
        vec![levels],
    )
}

fn field(name: &str, number: i32, kind: Type) -> FieldDescriptorProto {
    FieldDescriptorProto {
        name: Some(name.to_owned()),
        number: Some(number),
        label: Some(Label::Optional as i32),
        r#type: Some(kind as i32),
        json_name: Some(json_name(name)),
        ..FieldDescriptorProto::default()
    }
}

/// `frame_id` is `frameId` in protobuf's JSON form.
fn json_name(name: &str) -> String {
    let mut upper = false;
    name.chars()
        .filter_map(|c| {
            if c == '_' {
                upper = true;
                return None;
            }
            let c = if upper { c.to_ascii_uppercase() } else { c };
            upper = false;
            Some(c)
        })
        .collect()
}

fn time_field(name: &str, number: i32) -> FieldDescriptorProto {
    FieldDescriptorProto {
        type_name: Some(".google.protobuf.Timestamp".to_owned()),
        ..field(name, number, Type::Message)
    }
}

fn schema_file(
    message: &str,
    fields: Vec<FieldDescriptorProto>,
    enums: Vec<EnumDescriptorProto>,
) -> Vec<u8> {
    const TIMESTAMP_FILE: &str = "google/protobuf/timestamp.proto";
    let time = FileDescriptorProto {
        name: Some(TIMESTAMP_FILE.to_owned()),
        package: Some("google.protobuf".to_owned()),
        message_type: vec![DescriptorProto {
            name: Some("Timestamp".to_owned()),
            field: vec![
                field("seconds", 1, Type::Int64),
                field("nanos", 2, Type::Int32),
            ],
            ..DescriptorProto::default()
        }],
        syntax: Some("proto3".to_owned()),
        ..FileDescriptorProto::default()
    };
    let own = FileDescriptorProto {
        name: Some(format!("foxglove/{message}.proto")),
        package: Some("foxglove".to_owned()),
        dependency: vec![TIMESTAMP_FILE.to_owned()],
        message_type: vec![DescriptorProto {
            name: Some(message.to_owned()),
            field: fields,
            enum_type: enums,
            ..DescriptorProto::default()
        }],
        syntax: Some("proto3".to_owned()),
        ..FileDescriptorProto::default()
    };
    FileDescriptorSet {
        file: vec![time, own],
    }
    .encode_to_vec()
}
