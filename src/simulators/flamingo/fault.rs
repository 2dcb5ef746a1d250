//! What the simulator does wrong on request, by the names the command line uses.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// One thing the simulator does wrong for as long as it is switched on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fault {
    /// Every reply comes this much later; what the server says on its own does not.
    DelayedReplies {
        /// The delay.
        by: Duration,
    },
    /// The same, by more than a client waits.
    LateReplies {
        /// The delay.
        by: Duration,
    },
    /// Every n-th reply does not come.
    DroppedReplies {
        /// 1 drops every reply.
        every: u32,
    },
    /// Every reply comes twice.
    DuplicatedReplies,
    /// Before every reply comes one for another axis or laser, or for another client's request.
    ForeignReplies,
    /// Seven bytes of junk come before every n-th message.
    JunkBytes {
        /// 1 spoils every message.
        every: u32,
    },
    /// Every n-th reply announces more payload than a message may have, and none follows.
    OversizePayload {
        /// 1 spoils every reply.
        every: u32,
    },
    /// Payloads end two bytes before their announced length.
    ShortPayload,
    /// What was asked is done, and the reply has this status.
    WrongStatus {
        /// 1 would be right.
        status: i32,
    },
    /// A halt is done and not answered.
    NoHaltEcho,
    /// Connections are accepted and nothing is ever said; commands have no effect.
    SilentServer,
    /// A client is turned away while there is another.
    RefuseSecondClient,
    /// The command connection is closed when this many more bytes were received from it.
    CloseAfterReceived {
        /// Counted from when the fault is switched on or the connection is made.
        bytes: u64,
    },
    /// The command connection is closed when this many more bytes were sent to it.
    CloseAfterSent {
        /// Counted from when the fault is switched on or the connection is made.
        bytes: u64,
    },
    /// Messages say over and over that the Z axis has stopped.
    MotionFlood {
        /// Messages per second.
        per_s: u32,
    },
    /// Messages tell the progress of a workflow over and over.
    GaugeFlood {
        /// Messages per second.
        per_s: u32,
    },
    /// Nobody is told that a motion has ended.
    NoMotionStopped,
    /// The settings lack the limits of the stage.
    SettingsWithoutLimits,
    /// The settings are pushed to everybody when live view starts.
    SettingsPush,
    /// There are escape sequences in the settings and in the text of replies.
    EscapeSettings,
    /// The size of live images changes after every n images, and back.
    SizeChange {
        /// Images of one size.
        every: u32,
    },
    /// A header without an image comes before every n-th image.
    OptionsOnly {
        /// 1 precedes every image.
        every: u32,
    },
    /// The header of every n-th image announces two bytes more than its width and height make.
    BadImageSize {
        /// 1 spoils every image.
        every: u32,
    },
    /// Images stop in the middle of one, with the socket open.
    StalledLive,
    /// The live socket is closed in the middle of every n-th image.
    CloseMidFrame {
        /// 1 closes it in the first image.
        every: u32,
    },
    /// Viewers are turned away.
    RefuseLive,
}

impl Fault {
    /// Every fault with the value it has when none is given.
    pub const ALL: [Self; 26] = [
        Self::DelayedReplies {
            by: Duration::from_millis(500),
        },
        Self::LateReplies {
            by: Duration::from_millis(3500),
        },
        Self::DroppedReplies { every: 3 },
        Self::DuplicatedReplies,
        Self::ForeignReplies,
        Self::JunkBytes { every: 1 },
        Self::OversizePayload { every: 3 },
        Self::ShortPayload,
        Self::WrongStatus { status: 0 },
        Self::NoHaltEcho,
        Self::SilentServer,
        Self::RefuseSecondClient,
        Self::CloseAfterReceived { bytes: 1000 },
        Self::CloseAfterSent { bytes: 1000 },
        Self::MotionFlood { per_s: 5000 },
        Self::GaugeFlood { per_s: 5000 },
        Self::NoMotionStopped,
        Self::SettingsWithoutLimits,
        Self::SettingsPush,
        Self::EscapeSettings,
        Self::SizeChange { every: 10 },
        Self::OptionsOnly { every: 10 },
        Self::BadImageSize { every: 10 },
        Self::StalledLive,
        Self::CloseMidFrame { every: 10 },
        Self::RefuseLive,
    ];

    /// The name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::DelayedReplies { .. } => "delayed-replies",
            Self::LateReplies { .. } => "late-replies",
            Self::DroppedReplies { .. } => "dropped-replies",
            Self::DuplicatedReplies => "duplicated-replies",
            Self::ForeignReplies => "foreign-replies",
            Self::JunkBytes { .. } => "junk-bytes",
            Self::OversizePayload { .. } => "oversize-payload",
            Self::ShortPayload => "short-payload",
            Self::WrongStatus { .. } => "wrong-status",
            Self::NoHaltEcho => "no-halt-echo",
            Self::SilentServer => "silent-server",
            Self::RefuseSecondClient => "refuse-second-client",
            Self::CloseAfterReceived { .. } => "close-after-received",
            Self::CloseAfterSent { .. } => "close-after-sent",
            Self::MotionFlood { .. } => "motion-flood",
            Self::GaugeFlood { .. } => "gauge-flood",
            Self::NoMotionStopped => "no-motion-stopped",
            Self::SettingsWithoutLimits => "settings-without-limits",
            Self::SettingsPush => "settings-push",
            Self::EscapeSettings => "escape-settings",
            Self::SizeChange { .. } => "size-change",
            Self::OptionsOnly { .. } => "options-only",
            Self::BadImageSize { .. } => "bad-image-size",
            Self::StalledLive => "stalled-live",
            Self::CloseMidFrame { .. } => "close-mid-frame",
            Self::RefuseLive => "refuse-live",
        }
    }

    /// One sentence for the help text.
    pub fn summary(self) -> &'static str {
        match self {
            Self::DelayedReplies { .. } => "let replies come N milliseconds later (default 500)",
            Self::LateReplies { .. } => {
                "let replies come after the client's patience, N milliseconds later (default 3500)"
            }
            Self::DroppedReplies { .. } => "leave out every Nth reply (default 3)",
            Self::DuplicatedReplies => "send every reply twice",
            Self::ForeignReplies => {
                "send before each reply one for another axis or another client's request"
            }
            Self::JunkBytes { .. } => "put 7 bytes of junk before every Nth message (default 1)",
            Self::OversizePayload { .. } => {
                "announce an impossible payload with every Nth reply (default 3)"
            }
            Self::ShortPayload => "end payloads two bytes early",
            Self::WrongStatus { .. } => {
                "do what is asked and reply with the status 0, or N if one is given"
            }
            Self::NoHaltEcho => "halt, and leave out the reply",
            Self::SilentServer => "accept connections, do nothing and say nothing",
            Self::RefuseSecondClient => "turn a client away while there is another",
            Self::CloseAfterReceived { .. } => {
                "close a command connection after N bytes from it (default 1000)"
            }
            Self::CloseAfterSent { .. } => {
                "close a command connection after N bytes to it (default 1000)"
            }
            Self::MotionFlood { .. } => {
                "say N times a second that an axis has stopped (default 5000, at most 20000)"
            }
            Self::GaugeFlood { .. } => {
                "tell a workflow's progress N times a second (default 5000, at most 20000)"
            }
            Self::NoMotionStopped => "do not say that a motion has ended",
            Self::SettingsWithoutLimits => "leave the stage limits out of the settings",
            Self::SettingsPush => "push the settings to everybody when live view starts",
            Self::EscapeSettings => "put terminal escape sequences into settings and replies",
            Self::SizeChange { .. } => "change the size of live images every N images (default 10)",
            Self::OptionsOnly { .. } => {
                "send a header without image before every Nth image (default 10)"
            }
            Self::BadImageSize { .. } => "announce a wrong size with every Nth image (default 10)",
            Self::StalledLive => "stop in the middle of an image, with the socket open",
            Self::CloseMidFrame { .. } => {
                "close the live socket in the middle of every Nth image (default 10)"
            }
            Self::RefuseLive => "turn viewers away",
        }
    }

    /// This fault with `value` in place of its number; `None` if it takes none or not this one.
    fn with_value(self, value: u32) -> Option<Self> {
        let positive = (value > 0).then_some(value)?;
        let by = Duration::from_millis(u64::from(positive));
        let bytes = u64::from(positive);
        let per_s = positive.min(FLOOD_LIMIT);
        let every = positive;
        Some(match self {
            Self::DelayedReplies { .. } => Self::DelayedReplies { by },
            Self::LateReplies { .. } => Self::LateReplies { by },
            Self::DroppedReplies { .. } => Self::DroppedReplies { every },
            Self::JunkBytes { .. } => Self::JunkBytes { every },
            Self::OversizePayload { .. } => Self::OversizePayload { every },
            Self::WrongStatus { .. } => Self::WrongStatus {
                status: i32::try_from(positive).ok()?,
            },
            Self::CloseAfterReceived { .. } => Self::CloseAfterReceived { bytes },
            Self::CloseAfterSent { .. } => Self::CloseAfterSent { bytes },
            Self::MotionFlood { .. } => Self::MotionFlood { per_s },
            Self::GaugeFlood { .. } => Self::GaugeFlood { per_s },
            Self::SizeChange { .. } => Self::SizeChange { every },
            Self::OptionsOnly { .. } => Self::OptionsOnly { every },
            Self::BadImageSize { .. } => Self::BadImageSize { every },
            Self::CloseMidFrame { .. } => Self::CloseMidFrame { every },
            _ => return None,
        })
    }
}

/// Most messages per second of a flood.
const FLOOD_LIMIT: u32 = 20_000;

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A fault that could not be read from text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnknownFault {
    /// No fault has this name.
    #[error("\"{name}\" is no fault; write one of: {}", names())]
    Name {
        /// What was written.
        name: String,
    },
    /// The fault takes no number, or not this one.
    #[error(
        "\"{value}\" does not go with the fault \"{name}\"; write \"{name}\"{}",
        hint(name)
    )]
    Value {
        /// The fault.
        name: &'static str,
        /// What was written behind it.
        value: String,
    },
}

fn names() -> String {
    Fault::ALL.map(Fault::name).join(", ")
}

fn hint(name: &str) -> String {
    let takes_number = Fault::ALL
        .iter()
        .any(|fault| fault.name() == name && fault.with_value(1).is_some());
    if takes_number {
        format!(" or \"{name}=N\" with a whole number above 0")
    } else {
        " alone".to_owned()
    }
}

impl FromStr for Fault {
    type Err = UnknownFault;

    /// Reads `name` or `name=number`, e.g. `delayed-replies=200`.
    fn from_str(text: &str) -> Result<Self, UnknownFault> {
        let (name, value) = match text.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (text, None),
        };
        let fault = Self::ALL
            .into_iter()
            .find(|fault| fault.name() == name)
            .ok_or_else(|| UnknownFault::Name {
                name: name.to_owned(),
            })?;
        let Some(value) = value else { return Ok(fault) };
        value
            .parse()
            .ok()
            .and_then(|number| fault.with_value(number))
            .ok_or_else(|| UnknownFault::Value {
                name: fault.name(),
                value: value.to_owned(),
            })
    }
}

/// The faults that are switched on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Faults(Vec<Fault>);

impl Faults {
    /// These and no others.
    pub(super) fn new(faults: &[Fault]) -> Self {
        Self(faults.to_vec())
    }

    /// Whether `fault`, which has no number, is on.
    pub(super) fn has(&self, fault: Fault) -> bool {
        self.0.contains(&fault)
    }

    /// What `pick` finds in the first fault it accepts.
    pub(super) fn find<T>(&self, pick: impl Fn(Fault) -> Option<T>) -> Option<T> {
        self.0.iter().find_map(|&fault| pick(fault))
    }

    /// How much later replies come.
    pub(super) fn delay(&self) -> Option<Duration> {
        self.find(|fault| match fault {
            Fault::DelayedReplies { by } | Fault::LateReplies { by } => Some(by),
            _ => None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_is_read_back_from_its_name() {
        for fault in Fault::ALL {
            assert_eq!(fault.name().parse(), Ok(fault));
            assert!(!fault.summary().is_empty());
        }
    }

    #[test]
    fn no_name_is_that_of_another_simulator() {
        for fault in Fault::ALL {
            let other = fault.name().parse::<crate::simulators::imswitch::Fault>();
            assert!(other.is_err(), "{fault}");
        }
    }

    #[test]
    fn a_number_replaces_the_default() {
        let cases = [
            (
                "delayed-replies=20",
                Some(Fault::DelayedReplies {
                    by: Duration::from_millis(20),
                }),
            ),
            ("wrong-status=7", Some(Fault::WrongStatus { status: 7 })),
            (
                "motion-flood=99999",
                Some(Fault::MotionFlood { per_s: 20_000 }),
            ),
            ("junk-bytes=0", None),
            ("junk-bytes=x", None),
            ("no-halt-echo=3", None),
            ("nothing", None),
        ];
        for (text, expected) in cases {
            assert_eq!(text.parse::<Fault>().ok(), expected, "{text}");
        }
    }

    #[test]
    fn an_unknown_fault_names_the_known_ones() {
        let error = "halt".parse::<Fault>().unwrap_err().to_string();
        assert!(
            error.contains("\"halt\"") && error.contains("no-halt-echo"),
            "{error}"
        );
        let error = "stalled-live=3".parse::<Fault>().unwrap_err().to_string();
        assert!(error.contains("write \"stalled-live\" alone"), "{error}");
    }
}
