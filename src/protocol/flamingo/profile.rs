//! Which numbers are in force: the current lists, older ones, and what a user overrides.
//!
//! Every code that is sent or recognised is looked up here. A name may have no code: what is not
//! known for an older server is neither sent nor recognised, rather than taken for something else.
//!
//! Source: protocol description, sections 6.1, 7 and 7.1.

use super::commands::{COMMANDS, Command};

/// What the server says unasked, where its code is not that of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Notice {
    /// The settings: the reply to [`Command::SettingsLoad`], or a push.
    Settings,
    /// A stack is done. Shares its code with [`Command::RoiTopSet`].
    StackComplete,
    /// An axis has arrived.
    MotionStopped,
    /// How much there will be.
    GaugeSize,
    /// How much there is.
    GaugeValue,
    /// The live view now follows changes only.
    LiveViewOnChange,
    /// How many images are on the disk.
    ImagesSaved,
    /// The state is now disconnected.
    StateDisconnected,
    /// The state is now idle.
    StateIdle,
    /// The state is now snapshot.
    StateSnapshot,
    /// The state is now live view.
    StateLiveView,
    /// The state is now workflow.
    StateWorkflow,
}

/// Names and current codes, in the order of the enum.
const NOTICES: [(Notice, &str, u32); 12] = [
    (Notice::Settings, "COMMON_SCOPE_SETTINGS", 0x1007),
    (Notice::StackComplete, "CAMERA_STACK_COMPLETE", 0x3011),
    (Notice::MotionStopped, "STAGE_MOTION_STOPPED", 0x6010),
    (Notice::GaugeSize, "UI_SET_GAUGE_SIZE", 0x9003),
    (Notice::GaugeValue, "UI_SET_GAUGE_VALUE", 0x9004),
    (
        Notice::LiveViewOnChange,
        "UI_LIVE_VIEW_UPDATE_ON_CHANGE_ENABLED",
        0x9005,
    ),
    (Notice::ImagesSaved, "UI_IMAGES_SAVED_TO_STORAGE", 0x9008),
    (
        Notice::StateDisconnected,
        "SYSTEM_STATE_DISCONNECTED",
        0xa001,
    ),
    (Notice::StateIdle, "SYSTEM_STATE_IDLE", 0xa002),
    (Notice::StateSnapshot, "SYSTEM_STATE_SNAPSHOT", 0xa003),
    (Notice::StateLiveView, "SYSTEM_STATE_LIVE_VIEW", 0xa004),
    (
        Notice::StateWorkflow,
        "SYSTEM_STATE_WORKFLOW_RUNNING",
        0xa005,
    ),
];

/// Where older lists differ. Source: section 6.1.
const OLDER: [(&str, u32); 8] = [
    ("COMMON_SCOPE_SETTINGS", 4106),
    ("COMMON_SCOPE_SETTINGS_SAVE", 4107),
    ("CAMERA_IMAGE_SIZE_GET", 12331),
    ("CAMERA_CHECK_STACK", 12335),
    ("CAMERA_PIXEL_FIELD_OF_VIEW_GET", 12347),
    ("CAMERA_WORK_FLOW_START", 4136),
    ("CAMERA_WORK_FLOW_STOP", 12294),
    ("SYSTEM_STATE_IDLE", 40964),
];

/// What the system is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SystemState {
    /// The control program has no instrument.
    Disconnected,
    /// Nothing.
    Idle,
    /// Taking one picture.
    Snapshot,
    /// Taking pictures.
    LiveView,
    /// Running a workflow.
    Workflow,
}

impl SystemState {
    /// The name used on the screen and in recordings.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Disconnected => "disconnected",
            Self::Idle => "idle",
            Self::Snapshot => "snapshot",
            Self::LiveView => "live view",
            Self::Workflow => "workflow",
        }
    }

    /// How it is told.
    pub fn notice(self) -> Notice {
        match self {
            Self::Disconnected => Notice::StateDisconnected,
            Self::Idle => Notice::StateIdle,
            Self::Snapshot => Notice::StateSnapshot,
            Self::LiveView => Notice::StateLiveView,
            Self::Workflow => Notice::StateWorkflow,
        }
    }
}

impl Notice {
    /// What it is called in a profile.
    pub fn name(self) -> &'static str {
        NOTICES
            .iter()
            .find(|row| row.0 == self)
            .map_or("", |row| row.1)
    }

    /// The state it tells, if it tells one.
    pub fn state(self) -> Option<SystemState> {
        match self {
            Self::StateDisconnected => Some(SystemState::Disconnected),
            Self::StateIdle => Some(SystemState::Idle),
            Self::StateSnapshot => Some(SystemState::Snapshot),
            Self::StateLiveView => Some(SystemState::LiveView),
            Self::StateWorkflow => Some(SystemState::Workflow),
            _ => None,
        }
    }
}

/// What has a code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Item {
    Command(Command),
    Notice(Notice),
}

impl Item {
    fn name(self) -> &'static str {
        match self {
            Self::Command(command) => command.name(),
            Self::Notice(notice) => notice.name(),
        }
    }

    fn named(name: &str) -> Option<Self> {
        let command = COMMANDS.iter().find(|info| info.name == name);
        let notice = NOTICES.iter().find(|row| row.1 == name);
        command
            .map(|info| Self::Command(info.command))
            .or(notice.map(|row| Self::Notice(row.0)))
    }
}

/// The numbers in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profile {
    commands: [Option<u32>; COMMANDS.len()],
    notices: [Option<u32>; NOTICES.len()],
    /// Whether an override gave the command its code.
    chosen: [bool; COMMANDS.len()],
}

/// Why a profile is not accepted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProfileError {
    /// There is no such profile.
    #[error("there is no profile \"{name}\"; there are {}", Profile::NAMES.join(" and "))]
    NoProfile {
        /// What was written.
        name: String,
    },
    /// There is nothing of this name.
    #[error("there is no command \"{name}\"; {}", suggestion(.name))]
    NoName {
        /// What was written.
        name: String,
    },
    /// The line has another form.
    #[error("\"{line}\" is not an override; write NAME = CODE, e.g. CAMERA_SNAPSHOT = 0x3006")]
    NoOverride {
        /// What was written.
        line: String,
    },
    /// The number is none.
    #[error(
        "{name}: \"{written}\" is not a code; write 1 to 4294967295, decimal or as 0x3006, or none if the server has no such command"
    )]
    NoCode {
        /// Whose code it should be.
        name: &'static str,
        /// What was written.
        written: String,
    },
    /// Without it nothing can be stopped.
    #[error("{name} = none would leave no way to stop the stage; write its code")]
    Needed {
        /// The command.
        name: &'static str,
    },
    /// The same name, two codes.
    #[error("{name} is given twice; leave one out")]
    Twice {
        /// The name.
        name: &'static str,
    },
    /// Two names, one code.
    #[error(
        "{name} and {other} would both be {code} ({code:#x}); give {other} its own code, or write {other} = none if the server has no such command"
    )]
    Taken {
        /// The name that was given the code, or the first of two.
        name: &'static str,
        /// The one that has it.
        other: &'static str,
        /// The code.
        code: u32,
    },
}

/// `name = code` as a user writes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Override {
    item: Item,
    code: Option<u32>,
}

impl Override {
    /// One override by its two parts.
    ///
    /// - `written`: decimal, hexadecimal with `0x`, or `none`
    ///
    /// # Errors
    /// The name is unknown, the code is no code, or the halt would have none.
    pub fn new(name: &str, written: &str) -> Result<Self, ProfileError> {
        let name = name.trim();
        let item = Item::named(name).ok_or_else(|| ProfileError::NoName {
            name: name.to_owned(),
        })?;
        let written = written.trim();
        let parsed = match written.strip_prefix("0x").or(written.strip_prefix("0X")) {
            // from_str_radix would take a sign.
            Some(hex) if hex.starts_with('+') => None,
            Some(hex) => u32::from_str_radix(hex, 16).ok(),
            None if written.starts_with('+') => None,
            None => written.parse().ok(),
        };
        let code = match parsed {
            Some(code) if code > 0 => Some(code),
            None if written == "none" => None,
            _ => {
                return Err(ProfileError::NoCode {
                    name: item.name(),
                    written: written.to_owned(),
                });
            }
        };
        if code.is_none() && item == Item::Command(Command::StageHalt) {
            return Err(ProfileError::Needed { name: item.name() });
        }
        Ok(Self { item, code })
    }
}

impl std::str::FromStr for Override {
    type Err = ProfileError;

    fn from_str(line: &str) -> Result<Self, ProfileError> {
        let (name, code) = line
            .split_once('=')
            .ok_or_else(|| ProfileError::NoOverride {
                line: line.to_owned(),
            })?;
        Self::new(name, code)
    }
}

impl Default for Profile {
    fn default() -> Self {
        Self::current()
    }
}

impl Profile {
    /// The names that [`Profile::named`] knows.
    pub const NAMES: [&'static str; 2] = ["current", "older"];

    /// The codes of current servers.
    pub fn current() -> Self {
        Self {
            commands: COMMANDS.map(|info| Some(info.code)),
            notices: NOTICES.map(|row| Some(row.2)),
            chosen: [false; COMMANDS.len()],
        }
    }

    /// The codes of older lists, as far as they are on record. The rest is as it is today, except
    /// where an older code has taken its number: what `CAMERA_SNAPSHOT` and
    /// `SYSTEM_STATE_LIVE_VIEW` were is not on record, so they have none.
    pub fn older() -> Self {
        let mut profile = Self::current();
        for (name, code) in OLDER {
            let Some(item) = Item::named(name) else {
                continue;
            };
            if let Some(other) = profile.others_with(item, code) {
                profile.put(other, None);
            }
            profile.put(item, Some(code));
        }
        profile
    }

    /// A profile by its name.
    ///
    /// # Errors
    /// There is none of this name.
    pub fn named(name: &str) -> Result<Self, ProfileError> {
        match name {
            "current" => Ok(Self::current()),
            "older" => Ok(Self::older()),
            _ => Err(ProfileError::NoProfile {
                name: name.to_owned(),
            }),
        }
    }

    /// The same with these overrides, all at once, so that two names can swap their codes.
    ///
    /// # Errors
    /// A name is given twice, or two names would have one code. Only `CAMERA_ROI_TOP_SET` and
    /// `CAMERA_STACK_COMPLETE` may: they are told apart by what is pending.
    pub fn with(mut self, overrides: &[Override]) -> Result<Self, ProfileError> {
        for (place, one) in overrides.iter().enumerate() {
            let earlier = overrides.iter().take(place);
            if earlier.into_iter().any(|other| other.item == one.item) {
                return Err(ProfileError::Twice {
                    name: one.item.name(),
                });
            }
            self.put(one.item, one.code);
            if let Item::Command(command) = one.item
                && let Some(chosen) = self.chosen.get_mut(command as usize)
            {
                *chosen = one.code.is_some();
            }
        }
        for one in overrides {
            if let Some(code) = one.code
                && let Some(other) = self.others_with(one.item, code)
            {
                return Err(ProfileError::Taken {
                    name: one.item.name(),
                    other: other.name(),
                    code,
                });
            }
        }
        Ok(self)
    }

    /// The code of a command; `None` if the server has no such command.
    pub fn code(&self, command: Command) -> Option<u32> {
        self.commands.get(command as usize).copied().flatten()
    }

    /// Whether a user has given this command its code, be it the usual one. What the lists are not
    /// certain of is only offered then.
    pub fn is_chosen(&self, command: Command) -> bool {
        self.chosen.get(command as usize).copied().unwrap_or(false)
    }

    /// The code of a notice; `None` if the server has no such notice.
    pub fn notice_code(&self, notice: Notice) -> Option<u32> {
        self.notices.get(notice as usize).copied().flatten()
    }

    /// The command with this code.
    pub fn command(&self, code: u32) -> Option<Command> {
        let place = self.commands.iter().position(|c| *c == Some(code))?;
        COMMANDS.get(place).map(|info| info.command)
    }

    /// The notice with this code.
    pub fn notice(&self, code: u32) -> Option<Notice> {
        let place = self.notices.iter().position(|c| *c == Some(code))?;
        NOTICES.get(place).map(|row| row.0)
    }

    /// The state with this code, as a reply to [`Command::SystemStateGet`] states it. 0 is idle.
    pub fn state(&self, code: i32) -> Option<SystemState> {
        match u32::try_from(code).ok()? {
            0 => Some(SystemState::Idle),
            code => self.notice(code)?.state(),
        }
    }

    /// The code of a state.
    pub fn state_code(&self, state: SystemState) -> Option<u32> {
        self.notice_code(state.notice())
    }

    fn put(&mut self, item: Item, code: Option<u32>) {
        let place = match item {
            Item::Command(command) => self.commands.get_mut(command as usize),
            Item::Notice(notice) => self.notices.get_mut(notice as usize),
        };
        if let Some(place) = place {
            *place = code;
        }
    }

    /// Another one with this code that may not have it.
    fn others_with(&self, item: Item, code: u32) -> Option<Item> {
        let command = COMMANDS
            .iter()
            .map(|info| info.command)
            .filter(|command| self.code(*command) == Some(code))
            .map(Item::Command);
        let notice = NOTICES
            .iter()
            .map(|row| row.0)
            .filter(|notice| self.notice_code(*notice) == Some(code))
            .map(Item::Notice);
        command
            .chain(notice)
            .find(|other| *other != item && !may_share(item, *other))
    }
}

/// Source: section 7.2.
fn may_share(one: Item, other: Item) -> bool {
    let top = Item::Command(Command::RoiTopSet);
    let complete = Item::Notice(Notice::StackComplete);
    (one == top && other == complete) || (one == complete && other == top)
}

/// The names that are like what was written, or how names look.
fn suggestion(written: &str) -> String {
    let wanted = written.to_ascii_uppercase();
    let words: Vec<&str> = wanted
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|word| word.len() > 2)
        .collect();
    let names = COMMANDS
        .iter()
        .map(|info| info.name)
        .chain(NOTICES.iter().map(|row| row.1));
    let mut like: Vec<(usize, &str)> = names
        .map(|name| {
            let shared = words.iter().filter(|word| name.contains(**word)).count();
            (shared, name)
        })
        .filter(|(shared, _)| *shared > 0)
        .collect();
    like.sort_by_key(|(shared, _)| std::cmp::Reverse(*shared));
    let best: Vec<&str> = like.iter().take(3).map(|(_, name)| *name).collect();
    if best.is_empty() {
        "names are as in the server's list, e.g. CAMERA_SNAPSHOT".to_owned()
    } else {
        format!("did you mean {}?", best.join(" or "))
    }
}

#[cfg(test)]
#[allow(clippy::indexing_slicing, clippy::arithmetic_side_effects)]
mod tests;
