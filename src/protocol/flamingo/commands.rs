//! The commands as a table: what each is called, what is answered, how long that may take.
//!
//! Only what ttyscope may send stands here, and no code is used from here: codes moved between
//! server releases, so `profile` holds those in force.
//!
//! Source: protocol description, sections 6, 8.2 and 10.

use std::time::Duration;

/// Something that can be asked of the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Command {
    /// Write the instrument's own settings file.
    SettingsSave,
    /// Read it; answered under another code.
    SettingsLoad,
    /// Where images can be stored.
    StoragePathGet,
    /// Brightness of a laser, percent.
    LaserLevelSet,
    /// Read it back.
    LaserLevelGet,
    /// One laser on for viewing, the others off.
    LaserPreviewEnable,
    /// One laser off.
    LaserDisable,
    /// Start an acquisition.
    WorkflowStart,
    /// End it.
    WorkflowStop,
    /// One picture.
    Snapshot,
    /// Pictures until told otherwise.
    LiveViewStart,
    /// No more pictures.
    LiveViewStop,
    /// Exposure, microseconds. Its code is not certain.
    ExposureSet,
    /// Read it.
    ExposureGet,
    /// Left edge of the region of interest.
    RoiLeftSet,
    /// Read it.
    RoiLeftGet,
    /// Top edge of the region of interest. Shares its code with the end of a stack.
    RoiTopSet,
    /// Read it.
    RoiTopGet,
    /// Size of the pictures.
    ImageSizeGet,
    /// Whether a workflow can be done.
    CheckStack,
    /// Millimetres per pixel in the sample.
    PixelFieldOfViewGet,
    /// Brightness of one colour of the LED.
    LedSet,
    /// LED on.
    LedEnable,
    /// LED off.
    LedDisable,
    /// Stop all motion.
    StageHalt,
    /// Move one axis, by the older of two codes. Not sent unless a profile swaps them.
    StageMove,
    /// Move one axis to an absolute position.
    StagePositionSet,
    /// Read the position of one axis.
    StagePositionGet,
    /// Light sheet from the left.
    IlluminationLeftEnable,
    /// No light sheet from the left.
    IlluminationLeftDisable,
    /// Light sheet from the right.
    IlluminationRightEnable,
    /// No light sheet from the right.
    IlluminationRightDisable,
    /// What the system is doing.
    SystemStateGet,
}

/// What a command is about, where its replies say so in their first result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Selector {
    /// One axis.
    Axis,
    /// One laser.
    Laser,
    /// Replies are known by their code alone.
    None,
}

/// What comes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReplyKind {
    /// The same code.
    Echo,
    /// The code of [`super::profile::Notice::Settings`], or the same one.
    EchoAsSettings,
    /// Nothing: written is all that can be known.
    None,
    /// Perhaps the same code. Without it the command counts as sent after 300 ms.
    Maybe,
}

/// Whether a command changes anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// It reads: asking again is harmless.
    Get,
    /// It changes something: never repeated unasked.
    Set,
}

/// One row of the table.
#[derive(Clone, Copy, Debug)]
pub struct CommandInfo {
    /// Which.
    pub command: Command,
    /// What it is called in a profile.
    pub name: &'static str,
    /// Its code in the current lists.
    pub code: u32,
    /// What its replies name.
    pub selector: Selector,
    /// What comes back.
    pub reply: ReplyKind,
    /// Whether it changes anything.
    pub access: Access,
    /// How long its reply may take.
    pub timeout: Duration,
    /// Whether a reply that may belong to an earlier request that timed out can complete a newer
    /// one, marked late. Not where it would claim that a value was taken or a light switched.
    pub late_may_complete: bool,
}

/// What is waited for a reply unless the table says otherwise.
const REPLY: Duration = Duration::from_secs(3);

/// The settings are long.
const SETTINGS: Duration = Duration::from_secs(5);

/// Whoever halts has to know at once.
const HALT: Duration = Duration::from_secs(1);

/// What is waited for an acknowledgement that may never come.
const MAYBE: Duration = Duration::from_millis(300);

const fn get(command: Command, name: &'static str, code: u32) -> CommandInfo {
    CommandInfo {
        command,
        name,
        code,
        selector: Selector::None,
        reply: ReplyKind::Echo,
        access: Access::Get,
        timeout: REPLY,
        late_may_complete: true,
    }
}

/// Takes a value or switches something: a late reply proves nothing about a newer request.
const fn set(command: Command, name: &'static str, code: u32, reply: ReplyKind) -> CommandInfo {
    CommandInfo {
        reply,
        access: Access::Set,
        late_may_complete: false,
        timeout: match reply {
            ReplyKind::Maybe => MAYBE,
            _ => REPLY,
        },
        ..get(command, name, code)
    }
}

/// Starts or stops something and takes no value: the same request twice is the same request.
const fn trigger(command: Command, name: &'static str, code: u32) -> CommandInfo {
    CommandInfo {
        late_may_complete: true,
        ..set(command, name, code, ReplyKind::Echo)
    }
}

const fn by(selector: Selector, info: CommandInfo) -> CommandInfo {
    CommandInfo { selector, ..info }
}

const fn within(timeout: Duration, info: CommandInfo) -> CommandInfo {
    CommandInfo { timeout, ..info }
}

use Command as C;
use ReplyKind::{Echo, EchoAsSettings, Maybe, None as Nothing};

/// Every command, in the order of its code.
#[rustfmt::skip]
pub const COMMANDS: [CommandInfo; 33] = [
    set(C::SettingsSave, "COMMON_SCOPE_SETTINGS_SAVE", 0x1008, Echo),
    within(SETTINGS, CommandInfo {
        reply: EchoAsSettings,
        ..get(C::SettingsLoad, "SCOPE_SETTINGS_LOAD", 0x1009)
    }),
    get(C::StoragePathGet, "STORAGE_PATH", 0x1013),
    set(C::LaserLevelSet, "LASER_LEVEL_SET", 0x2001, Nothing),
    by(Selector::Laser, get(C::LaserLevelGet, "LASER_LEVEL_GET", 0x2002)),
    set(C::LaserPreviewEnable, "LASER_PREVIEW_ENABLE", 0x2004, Nothing),
    set(C::LaserDisable, "LASER_ALL_DISABLE", 0x2007, Nothing),
    set(C::WorkflowStart, "CAMERA_WORK_FLOW_START", 0x3004, Nothing),
    trigger(C::WorkflowStop, "CAMERA_WORK_FLOW_STOP", 0x3005),
    trigger(C::Snapshot, "CAMERA_SNAPSHOT", 0x3006),
    trigger(C::LiveViewStart, "CAMERA_LIVE_VIEW_START", 0x3007),
    trigger(C::LiveViewStop, "CAMERA_LIVE_VIEW_STOP", 0x3008),
    set(C::ExposureSet, "CAMERA_EXPOSURE_SET", 0x3009, Maybe),
    get(C::ExposureGet, "CAMERA_EXPOSURE_GET", 0x300a),
    set(C::RoiLeftSet, "CAMERA_ROI_LEFT_SET", 0x300f, Echo),
    get(C::RoiLeftGet, "CAMERA_ROI_LEFT_GET", 0x3010),
    set(C::RoiTopSet, "CAMERA_ROI_TOP_SET", 0x3011, Echo),
    get(C::RoiTopGet, "CAMERA_ROI_TOP_GET", 0x3012),
    get(C::ImageSizeGet, "CAMERA_IMAGE_SIZE_GET", 0x3027),
    get(C::CheckStack, "CAMERA_CHECK_STACK", 0x302b),
    get(C::PixelFieldOfViewGet, "CAMERA_PIXEL_FIELD_OF_VIEW_GET", 0x3037),
    set(C::LedSet, "LED_SET", 0x4001, Maybe),
    set(C::LedEnable, "LED_ENABLE", 0x4002, Maybe),
    set(C::LedDisable, "LED_DISABLE", 0x4003, Maybe),
    within(HALT, trigger(C::StageHalt, "STAGE_HALT", 0x6002)),
    by(Selector::Axis, set(C::StageMove, "STAGE_POSITION_SET_MOVE", 0x6004, Echo)),
    by(Selector::Axis, set(C::StagePositionSet, "STAGE_POSITION_SET", 0x6005, Echo)),
    by(Selector::Axis, get(C::StagePositionGet, "STAGE_POSITION_GET", 0x6008)),
    set(C::IlluminationLeftEnable, "ILLUMINATION_LEFT_ENABLE", 0x7004, Maybe),
    set(C::IlluminationLeftDisable, "ILLUMINATION_LEFT_DISABLE", 0x7005, Maybe),
    set(C::IlluminationRightEnable, "ILLUMINATION_RIGHT_ENABLE", 0x7006, Maybe),
    set(C::IlluminationRightDisable, "ILLUMINATION_RIGHT_DISABLE", 0x7007, Maybe),
    get(C::SystemStateGet, "SYSTEM_STATE_GET", 0xa007),
];

impl Command {
    /// Its row of the table.
    pub fn info(self) -> &'static CommandInfo {
        // Every command has a row, which a test proves.
        COMMANDS
            .iter()
            .find(|info| info.command == self)
            .unwrap_or(&COMMANDS[0])
    }

    /// What it is called in a profile and in errors.
    pub fn name(self) -> &'static str {
        self.info().name
    }

    /// Whether it can only end motion, light or an acquisition. Such a command is never queued
    /// behind others.
    pub fn only_stops(self) -> bool {
        matches!(
            self,
            Self::StageHalt
                | Self::WorkflowStop
                | Self::LaserDisable
                | Self::LedDisable
                | Self::IlluminationLeftDisable
                | Self::IlluminationRightDisable
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_command_has_its_own_row_in_order() {
        // The discriminant of the last is the number of the others.
        assert_eq!(Command::SystemStateGet as usize, COMMANDS.len() - 1);
        for (place, info) in COMMANDS.iter().enumerate() {
            assert_eq!(info.command as usize, place, "{}", info.name);
            assert_eq!(info.command.info().name, info.name);
        }
        assert!(COMMANDS.is_sorted_by(|one, next| one.code < next.code));
    }

    #[test]
    fn a_late_reply_never_completes_what_takes_a_value() {
        let never: Vec<u32> = COMMANDS
            .iter()
            .filter(|info| info.reply != ReplyKind::None && !info.late_may_complete)
            .map(|info| info.code)
            .collect();
        // Source: section 10, rule 3.3, and the exposure, which is of the same kind.
        assert_eq!(
            never,
            [
                0x1008, 0x3009, 0x300f, 0x3011, 0x4001, 0x4002, 0x4003, 0x6004, 0x6005, 0x7004,
                0x7005, 0x7006, 0x7007
            ]
        );
        assert!(
            COMMANDS
                .iter()
                .all(|info| info.access == Access::Set || info.late_may_complete)
        );
    }
}
