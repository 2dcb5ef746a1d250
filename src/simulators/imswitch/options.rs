//! What can be chosen when a simulator starts.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use super::fault::Fault;

/// The form of the wire, as the releases of ImSwitch spoke it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// MessagePack frames, window of four.
    #[default]
    Modern,
    /// MessagePack frames, window of two.
    ModernLag1,
    /// Frames as an array of metadata and packet, bare acknowledgements.
    Pair,
    /// Bare packets with their metadata in a signal of their own.
    Raw,
    /// Nothing but JSON: pictures are JPEG in signals.
    Json,
}

impl Dialect {
    /// Every dialect, newest first.
    pub const ALL: [Self; 5] = [
        Self::Modern,
        Self::ModernLag1,
        Self::Pair,
        Self::Raw,
        Self::Json,
    ];

    /// The name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Modern => "modern",
            Self::ModernLag1 => "modern-lag1",
            Self::Pair => "pair",
            Self::Raw => "raw",
            Self::Json => "json",
        }
    }

    /// Whether events are MessagePack.
    pub(super) fn is_modern(self) -> bool {
        matches!(self, Self::Modern | Self::ModernLag1)
    }

    /// How far the last id sent may be ahead of the last one acknowledged and another picture
    /// still be sent.
    pub(super) fn lag(self) -> f64 {
        match self {
            Self::ModernLag1 => 1.0,
            _ => 3.0,
        }
    }

    /// What the version call answers.
    pub(super) fn version(self) -> &'static str {
        match self {
            Self::Modern => "v26.0.0-simulated",
            Self::ModernLag1 => "v2.1.191-simulated",
            Self::Pair => "v2.1.141-simulated",
            Self::Raw => "v2.1.133-simulated",
            Self::Json => "v2.1.85-simulated",
        }
    }
}

impl fmt::Display for Dialect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A dialect that could not be read from text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("\"{name}\" is no dialect; write one of: {}", Dialect::ALL.map(Dialect::name).join(", "))]
pub struct UnknownDialect {
    /// What was written.
    pub name: String,
}

impl FromStr for Dialect {
    type Err = UnknownDialect;

    fn from_str(text: &str) -> Result<Self, UnknownDialect> {
        Self::ALL
            .into_iter()
            .find(|dialect| dialect.name() == text)
            .ok_or_else(|| UnknownDialect {
                name: text.to_owned(),
            })
    }
}

/// What the simulated camera delivers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Depth {
    /// One byte per pixel; binary streams send it shifted up by 8.
    Eight,
    /// 0..4095 in two bytes.
    #[default]
    Twelve,
    /// 0..65535 in two bytes.
    Sixteen,
    /// Three bytes per pixel; binary streams send its grey value shifted up by 8.
    Rgb,
}

/// How a simulator starts.
#[derive(Clone, Debug, PartialEq)]
pub struct SimulatorOptions {
    /// TCP port on 127.0.0.1; 0 takes any free one.
    pub port: u16,
    /// The form of the wire.
    pub dialect: Dialect,
    /// Whether Socket.IO has the port above the one for REST, as releases up to 2.1.140 had it.
    pub separate_ports: bool,
    /// Columns and rows of the sensor of `WidefieldCamera`.
    pub sensor_px: (u32, u32),
    /// What that camera delivers.
    pub depth: Depth,
    /// Whether both live views run from the start, every pixel of them.
    pub live: bool,
    /// Pause between two pictures of the first camera, milliseconds.
    pub throttle_ms: u64,
    /// What the specimen looks like; equal seeds look equal.
    pub seed: u64,
    /// Time between Engine.IO pings.
    pub ping_interval: Duration,
    /// How long the answer to one may take.
    pub ping_timeout: Duration,
    /// Whether it has an LED matrix; most microscopes have none.
    pub led_matrix: bool,
    /// Whether its stage can find its reference; the servers' virtual stage cannot.
    pub homes: bool,
    /// What goes wrong from the start.
    pub faults: Vec<Fault>,
}

impl Default for SimulatorOptions {
    fn default() -> Self {
        Self {
            port: 0,
            dialect: Dialect::Modern,
            separate_ports: false,
            sensor_px: (512, 512),
            depth: Depth::Twelve,
            live: true,
            throttle_ms: 50,
            seed: 1,
            // Source: the open packet of every captured session.
            ping_interval: Duration::from_secs(25),
            ping_timeout: Duration::from_secs(20),
            led_matrix: false,
            homes: false,
            faults: Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_dialect_is_read_back_from_its_name() {
        for dialect in Dialect::ALL {
            assert_eq!(dialect.name().parse(), Ok(dialect));
        }
        let error = "new".parse::<Dialect>().unwrap_err().to_string();
        assert!(error.contains("modern-lag1"), "{error}");
    }
}
