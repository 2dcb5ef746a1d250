//! From what the server sent to a [`Frame`], in every dialect. No pixel is looked at.

use base64::Engine as _;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use bytes::Bytes;
use serde_json::Value;

use super::jpeg::JpegHeader;
use super::msgpack::Raw;
use super::signal::OldFields;
use crate::model::{Frame, FrameEncoding, PlainText};
use crate::protocol::uc2f::{Packet, PacketError};

/// The longest metadata that is looked into. The longest seen have five hundred bytes.
const MAX_METADATA_BYTES: usize = 1 << 16;

/// The camera's name where the server does not tell.
const NAMELESS: &str = "camera";

/// Standard base64; what one server pads another does not.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// What is said about a picture, under its new or its old names.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Metadata {
    /// The picture's number for this client.
    pub(super) number: Option<u64>,
    /// Which camera.
    pub(super) detector: Option<PlainText>,
    /// Micrometres per sensor pixel.
    pub(super) pixel_size_um: Option<f64>,
    /// Every how many-th sensor pixel; `None` where it is not told.
    pub(super) subsampling: Option<u32>,
    /// What was done to the pixels.
    pub(super) compression: Option<String>,
    /// Unix nanoseconds.
    pub(super) timestamp_ns: Option<u64>,
    /// Unix seconds.
    pub(super) server_timestamp: Option<f64>,
}

/// Why a picture cannot be used.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub(super) enum PictureError {
    /// The event's own form.
    #[error("{0}")]
    Form(String),
    /// The packet.
    #[error(transparent)]
    Packet(#[from] PacketError),
    /// Text that should be base64.
    #[error("its JPEG is no base64: {0}")]
    Base64(String),
    /// Something else than a JPEG.
    #[error("its JPEG begins with {head:02x?}")]
    NotJpeg {
        /// The first bytes.
        head: Vec<u8>,
    },
}

impl PictureError {
    /// Whether it is refused for its size alone.
    pub(super) fn is_too_large(&self) -> bool {
        matches!(self, Self::Packet(PacketError::TooLarge { .. }))
    }
}

impl Metadata {
    /// Takes what is known out of a map. A float counts as a number if it is a whole one; text
    /// never does.
    pub(super) fn from_json(map: &Value) -> Self {
        let either = |new: &str, old: &str| map.get(new).or_else(|| map.get(old));
        let float = |value: Option<&Value>| value.and_then(Value::as_f64);
        let text = |value: Option<&Value>| value.and_then(Value::as_str).map(str::to_owned);
        Self {
            number: either("frame_id", "image_id").and_then(whole_number),
            detector: text(either("detector_name", "detectorname"))
                .map(|name| PlainText::from_peer(&name)),
            pixel_size_um: float(either("pixel_size", "pixelsize")),
            subsampling: map
                .get("subsampling_factor")
                .and_then(whole_number)
                .and_then(|factor| u32::try_from(factor).ok())
                .filter(|factor| *factor > 0),
            compression: text(map.get("compression_algorithm")),
            timestamp_ns: map.get("timestamp_ns").and_then(whole_number),
            server_timestamp: float(map.get("server_timestamp")),
        }
    }

    /// The same from a signal that carries a picture or follows one.
    pub(super) fn from_signal(fields: &OldFields) -> Self {
        let mut metadata = fields
            .metadata
            .as_ref()
            .map(Self::from_json)
            .unwrap_or_default();
        metadata.number = metadata.number.or(fields.image_id);
        metadata.pixel_size_um = metadata.pixel_size_um.or(fields.pixel_size_um);
        metadata.server_timestamp = metadata.server_timestamp.or(fields.server_timestamp);
        if let Some(name) = &fields.detector {
            metadata.detector = Some(PlainText::from_peer(name));
        }
        metadata
    }

    /// Enters into `frame` what this says of it.
    pub(super) fn describe(&self, frame: &mut Frame) {
        if let Some(detector) = &self.detector {
            frame.detector = detector.clone();
        }
        frame.number = self.number;
        frame.device_ns = frame
            .device_ns
            .or(self.timestamp_ns)
            .or_else(|| self.server_timestamp.and_then(nanoseconds));
        frame.subsampling = self.subsampling.unwrap_or(1);
        // Without the subsampling the size of a pixel is not known: a wrong scale is worse than
        // none.
        frame.pixel_size_um = self
            .pixel_size_um
            .zip(self.subsampling)
            .map(|(size, factor)| size * f64::from(factor))
            .filter(|size| size.is_finite() && *size > 0.0);
    }
}

/// A frame event of the newest dialect: `{metadata, data}` or `{metadata, image}`. The number is
/// given also when the picture cannot be used: it has to be acknowledged all the same.
pub(super) fn from_msgpack(
    message: &Bytes,
    max_pixels: u64,
) -> (Option<u64>, Result<Frame, PictureError>) {
    let entries = match Raw::new(message)
        .ok_or_else(|| "its MessagePack ends early".to_owned())
        .and_then(Raw::entries)
    {
        Ok(entries) => entries,
        Err(error) => return (None, Err(PictureError::Form(error))),
    };
    let get = |key: &str| {
        entries
            .iter()
            .find_map(|(name, value)| (*name == key).then_some(*value))
    };
    let metadata = match get("metadata") {
        None => Metadata::default(),
        Some(raw) => match raw.to_json(MAX_METADATA_BYTES, message, &mut Vec::new()) {
            Ok(map) => Metadata::from_json(&map),
            Err(error) => return (None, Err(PictureError::Form(error))),
        },
    };
    let picture = if let Some(packet) = get("data").and_then(Raw::binary) {
        from_packet(&message.slice_ref(packet), Some(&metadata), max_pixels)
    } else if let Some(jpeg) = get("image").and_then(Raw::binary) {
        from_jpeg(message.slice_ref(jpeg), &metadata)
    } else if let Some(text) = get("image").and_then(Raw::text) {
        from_base64(text, &metadata)
    } else {
        let error = "it has neither \"data\" nor \"image\"".to_owned();
        Err(PictureError::Form(error))
    };
    (metadata.number, picture)
}

/// A picture that came as a UC2F packet.
pub(super) fn from_packet(
    message: &Bytes,
    metadata: Option<&Metadata>,
    max_pixels: u64,
) -> Result<Frame, PictureError> {
    let packet = Packet::parse(message, max_pixels)?;
    let named = metadata.and_then(|metadata| metadata.compression.as_deref());
    let compression = packet.compression(named)?;
    let mut frame = Frame {
        detector: PlainText::from(NAMELESS),
        number: None,
        width_px: Some(packet.width_px),
        height_px: Some(packet.height_px),
        encoding: FrameEncoding::Mono16(compression),
        body: packet.body,
        pixel_size_um: None,
        subsampling: 1,
        bit_depth: None,
        device_ns: Some(packet.timestamp_ns).filter(|stamp| *stamp > 0),
        lost_before: 0,
    };
    if let Some(metadata) = metadata {
        metadata.describe(&mut frame);
    }
    Ok(frame)
}

/// A picture that came as a JPEG in base64.
pub(super) fn from_base64(text: &str, metadata: &Metadata) -> Result<Frame, PictureError> {
    let jpeg = BASE64
        .decode(text)
        .map_err(|error| PictureError::Base64(error.to_string()))?;
    from_jpeg(jpeg.into(), metadata)
}

fn from_jpeg(body: Bytes, metadata: &Metadata) -> Result<Frame, PictureError> {
    if !body.starts_with(&[0xff, 0xd8]) {
        let head = body.iter().take(4).copied().collect();
        return Err(PictureError::NotJpeg { head });
    }
    let header = JpegHeader::find(&body);
    let mut frame = Frame {
        detector: PlainText::from(NAMELESS),
        number: None,
        width_px: header.map(|header| u32::from(header.width_px)),
        height_px: header.map(|header| u32::from(header.height_px)),
        encoding: FrameEncoding::Jpeg,
        body,
        pixel_size_um: None,
        subsampling: 1,
        bit_depth: None,
        device_ns: None,
        lost_before: 0,
    };
    metadata.describe(&mut frame);
    Ok(frame)
}

fn whole_number(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| {
        let float = value.as_f64()?;
        // Exact in a float: below 2^53.
        let whole = float >= 0.0 && float.fract() == 0.0 && float < 9_007_199_254_740_992.0;
        whole.then_some(float as u64)
    })
}

/// Unix seconds in nanoseconds, as exact as the float is (a quarter of a microsecond today).
fn nanoseconds(seconds: f64) -> Option<u64> {
    let plausible = seconds.is_finite() && seconds > 0.0 && seconds < 1e10;
    plausible.then_some((seconds * 1e9) as u64)
}
