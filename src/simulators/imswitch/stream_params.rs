//! What a live view can be asked for, under the names and with the defaults of the servers.

use serde_json::{Map, Value, json};

/// How the body of a packet is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Compression {
    None,
    Lz4,
    Zstd,
}

impl Compression {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Lz4 => "lz4",
            Self::Zstd => "zstd",
        }
    }

    /// Any name that is not known means none, also "zstandard".
    fn from_name(name: &str) -> Self {
        match name {
            "lz4" => Self::Lz4,
            "zstd" => Self::Zstd,
            _ => Self::None,
        }
    }
}

/// Parameters of one live view.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct StreamParams {
    pub compression: Compression,
    /// As asked for, even when out of range.
    pub level: i64,
    /// At least 1.
    pub subsampling: u32,
    pub throttle_ms: u64,
    /// Sensor pixels of the centred square; 0 is the whole sensor.
    pub crop_size: u32,
    /// As asked for, even when out of 1..100.
    pub jpeg_quality: i64,
}

impl Default for StreamParams {
    fn default() -> Self {
        Self {
            compression: Compression::Lz4,
            level: 0,
            subsampling: 4,
            throttle_ms: 50,
            crop_size: 0,
            jpeg_quality: 80,
        }
    }
}

impl StreamParams {
    /// Takes over what `body` names and this knows; the rest is ignored.
    pub(super) fn update(&mut self, body: &Map<String, Value>) {
        let whole = |name: &str| body.get(name).and_then(Value::as_f64).map(|v| v as i64);
        if let Some(name) = body.get("compression_algorithm").and_then(Value::as_str) {
            self.compression = Compression::from_name(name);
        }
        if let Some(level) = whole("compression_level") {
            self.level = level;
        }
        if let Some(factor) = whole("subsampling_factor") {
            self.subsampling = u32::try_from(factor).unwrap_or(1).max(1);
        }
        if let Some(throttle) = whole("throttle_ms") {
            self.throttle_ms = u64::try_from(throttle).unwrap_or(0);
        }
        if let Some(crop) = whole("crop_size") {
            self.crop_size = u32::try_from(crop).unwrap_or(0);
        }
        if let Some(quality) = whole("jpeg_quality") {
            self.jpeg_quality = quality;
        }
    }

    pub(super) fn zstd_level(&self) -> i32 {
        self.level.clamp(1, 22) as i32
    }

    /// As the REST calls answer it.
    pub(super) fn to_json(&self, detector: Option<&str>, protocol: &str) -> Value {
        json!({
            "detector_name": detector,
            "protocol": protocol,
            "compression_algorithm": self.compression.name(),
            "compression_level": self.level,
            "subsampling_factor": self.subsampling,
            "throttle_ms": self.throttle_ms,
            "crop_size": self.crop_size,
            "jpeg_quality": self.jpeg_quality,
            "stun_servers": [],
            "turn_servers": [],
            "max_width": 1280,
            "broadcast_frames": true,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_known_keys_change_anything() {
        let mut params = StreamParams::default();
        let body = json!({"compression_algorithm": "zstandard", "subsampling_factor": 0,
            "throttle_ms": -5, "crop_size": 101, "jpeg_quality": 500, "colour": "red"});
        params.update(body.as_object().unwrap());
        assert_eq!(
            params,
            StreamParams {
                compression: Compression::None,
                level: 0,
                subsampling: 1,
                throttle_ms: 0,
                crop_size: 101,
                jpeg_quality: 500,
            }
        );
    }
}
