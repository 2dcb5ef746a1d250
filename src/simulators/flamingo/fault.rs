//! What the simulator does wrong on request, by the names the command line uses.

use std::time::Duration;

use crate::simulators::fault::{self, every, faults, milliseconds};

faults! {
    /// Every reply comes this much later; what the server says on its own does not.
    DelayedReplies {
        /// The delay.
        by: Duration = milliseconds(500)
    } = "delayed-replies",
        "let replies come N milliseconds later (default 500)";
    /// The same, by more than a client waits.
    LateReplies {
        /// The delay.
        by: Duration = milliseconds(3500)
    } = "late-replies",
        "let replies come after the client's patience, N milliseconds later (default 3500)";
    /// Every n-th reply does not come.
    DroppedReplies {
        /// 1 drops every reply.
        every: u32 = every(3)
    } = "dropped-replies",
        "leave out every Nth reply (default 3)";
    /// Every reply comes twice.
    DuplicatedReplies = "duplicated-replies",
        "send every reply twice";
    /// Before every reply comes one for another axis or laser, or for another client's request.
    ForeignReplies = "foreign-replies",
        "send before each reply one for another axis or another client's request";
    /// Seven bytes of junk come before every n-th message.
    JunkBytes {
        /// 1 spoils every message.
        every: u32 = every(1)
    } = "junk-bytes",
        "put 7 bytes of junk before every Nth message (default 1)";
    /// Every n-th reply announces more payload than a message may have, and none follows.
    OversizePayload {
        /// 1 spoils every reply.
        every: u32 = every(3)
    } = "oversize-payload",
        "announce an impossible payload with every Nth reply (default 3)";
    /// Payloads end two bytes before their announced length.
    ShortPayload = "short-payload",
        "end payloads two bytes early";
    /// What was asked is done, and the reply has this status.
    WrongStatus {
        /// 1 would be right.
        status: i32 = status(0)
    } = "wrong-status",
        "do what is asked and reply with the status 0, or N if one is given";
    /// A halt is done and not answered.
    NoHaltEcho = "no-halt-echo",
        "halt, and leave out the reply";
    /// Connections are accepted and nothing is ever said; commands have no effect.
    SilentServer = "silent-server",
        "accept connections, do nothing and say nothing";
    /// A client is turned away while there is another.
    RefuseSecondClient = "refuse-second-client",
        "turn a client away while there is another";
    /// The command connection is closed when this many more bytes were received from it.
    CloseAfterReceived {
        /// Counted from when the fault is switched on or the connection is made.
        bytes: u64 = bytes(1000)
    } = "close-after-received",
        "close a command connection after N bytes from it (default 1000)";
    /// The command connection is closed when this many more bytes were sent to it.
    CloseAfterSent {
        /// Counted from when the fault is switched on or the connection is made.
        bytes: u64 = bytes(1000)
    } = "close-after-sent",
        "close a command connection after N bytes to it (default 1000)";
    /// Messages say over and over that the Z axis has stopped.
    MotionFlood {
        /// Messages per second.
        per_s: u32 = flood(5000)
    } = "motion-flood",
        "say N times a second that an axis has stopped (default 5000, at most 20000)";
    /// Messages tell the progress of a workflow over and over.
    GaugeFlood {
        /// Messages per second.
        per_s: u32 = flood(5000)
    } = "gauge-flood",
        "tell a workflow's progress N times a second (default 5000, at most 20000)";
    /// Nobody is told that a motion has ended.
    NoMotionStopped = "no-motion-stopped",
        "do not say that a motion has ended";
    /// The settings lack the limits of the stage.
    SettingsWithoutLimits = "settings-without-limits",
        "leave the stage limits out of the settings";
    /// The settings are pushed to everybody when live view starts.
    SettingsPush = "settings-push",
        "push the settings to everybody when live view starts";
    /// There are escape sequences in the settings and in the text of replies.
    EscapeSettings = "escape-settings",
        "put terminal escape sequences into settings and replies";
    /// The size of live images changes after every n images, and back.
    SizeChange {
        /// Images of one size.
        every: u32 = every(10)
    } = "size-change",
        "change the size of live images every N images (default 10)";
    /// A header without an image comes before every n-th image.
    OptionsOnly {
        /// 1 precedes every image.
        every: u32 = every(10)
    } = "options-only",
        "send a header without image before every Nth image (default 10)";
    /// The header of every n-th image announces two bytes more than its width and height make.
    BadImageSize {
        /// 1 spoils every image.
        every: u32 = every(10)
    } = "bad-image-size",
        "announce a wrong size with every Nth image (default 10)";
    /// Images stop in the middle of one, with the socket open.
    StalledLive = "stalled-live",
        "stop in the middle of an image, with the socket open";
    /// The live socket is closed in the middle of every n-th image.
    CloseMidFrame {
        /// 1 closes it in the first image.
        every: u32 = every(10)
    } = "close-mid-frame",
        "close the live socket in the middle of every Nth image (default 10)";
    /// Viewers are turned away.
    RefuseLive = "refuse-live",
        "turn viewers away";
}

/// Most messages per second of a flood.
const FLOOD_LIMIT: u32 = 20_000;

const fn flood(per_s: u32) -> u32 {
    if per_s < FLOOD_LIMIT {
        per_s
    } else {
        FLOOD_LIMIT
    }
}

const fn bytes(n: u32) -> u64 {
    n as u64
}

/// A status is any 32 bits.
const fn status(n: u32) -> i32 {
    n.cast_signed()
}

/// The faults that are switched on.
pub(super) type Faults = fault::Faults<Fault>;

impl Faults {
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
    fn a_number_replaces_the_default() {
        let by = Duration::from_millis(20);
        for (text, expected) in [
            ("delayed-replies=20", Fault::DelayedReplies { by }),
            ("wrong-status=7", Fault::WrongStatus { status: 7 }),
            ("motion-flood=99999", Fault::MotionFlood { per_s: 20_000 }),
            ("junk-bytes=2", Fault::JunkBytes { every: 2 }),
        ] {
            assert_eq!(text.parse(), Ok(expected));
        }
    }
}
