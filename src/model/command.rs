//! What the operator may ask of an instrument, how dangerous it is, and what becomes of it.

use std::fmt;
use std::sync::Arc;

use super::instrument::Position;
use super::text::PlainText;
use super::unit::Quantity;

/// The number of a command in this run, counting from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CommandId(pub u64);

impl fmt::Display for CommandId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}", self.0)
    }
}

/// A command on its way to a source's own bounded queue.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    /// Its number.
    pub id: CommandId,
    /// What is asked.
    pub command: Command,
    /// Who asks.
    pub operator: PlainText,
    /// The number of the newest stop when it was asked. A stop that was pressed later makes it
    /// void, also after that stop was cleared.
    pub stop_number: u64,
}

/// One thing to ask of an instrument.
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    /// Read positions, lights, cameras and streams again. Sends nothing that changes anything.
    Refresh,
    /// Move one axis.
    Move {
        /// The axis, by its name.
        axis: PlainText,
        /// Where to.
        target: Target,
    },
    /// Find the reference position of an axis, or of all of them.
    Home {
        /// The axis; `None` for all.
        axis: Option<PlainText>,
    },
    /// Set a light's level, or switch it, or both (the level first).
    SetLight {
        /// The light, by its name.
        light: PlainText,
        /// Its new level, in percent of its range or in the device's own number.
        level: Option<Quantity>,
        /// Whether it shall shine.
        on: Option<bool>,
    },
    /// Set a camera's exposure time.
    SetExposure {
        /// The camera; `None` for the first.
        camera: Option<PlainText>,
        /// The time.
        exposure: Quantity,
    },
    /// Set a camera's gain, in the camera's own number.
    SetGain {
        /// The camera; `None` for the first.
        camera: Option<PlainText>,
        /// The gain.
        gain: f64,
    },
    /// Set another control of a camera, such as its focus.
    SetControl {
        /// The camera; `None` for the first.
        camera: Option<PlainText>,
        /// The control, by its name.
        control: PlainText,
        /// A number, `on`, `off` or a choice, as it is written; empty for one that is pressed.
        value: PlainText,
    },
    /// Start the live view.
    StartLiveView {
        /// How pictures are sent, e.g. `jpeg`; `None` for the source's own choice.
        protocol: Option<PlainText>,
    },
    /// Stop the live view that we started.
    StopLiveView,
    /// Set a parameter of the live view's stream.
    SetStream {
        /// Its name, as the server has it.
        parameter: PlainText,
        /// Its value, as JSON writes it or as plain text.
        value: PlainText,
    },
    /// Take one picture at full quality and keep it on the server.
    Snap {
        /// Its name without folder or suffix; `None` for the server's choice.
        name: Option<PlainText>,
    },
    /// Start the server's own recording.
    StartServerRecording {
        /// Its name without folder or suffix; `None` for the server's choice.
        name: Option<PlainText>,
    },
    /// Stop the server's own recording.
    StopServerRecording,
    /// Run a workflow: the instrument moves, emits light and takes pictures by itself.
    StartWorkflow {
        /// The file it came from, for people.
        name: PlainText,
        /// The whole text.
        text: Arc<str>,
    },
    /// End the workflow that runs.
    StopWorkflow,
    /// Overwrite the instrument's own settings.
    SaveSettings {
        /// The file they came from, for people.
        name: PlainText,
        /// The whole text.
        text: Arc<str>,
    },
    /// A call that has no name here, sent as it is written.
    Raw {
        /// A command code or the path of a call.
        call: PlainText,
        /// Names and values, as they are written.
        arguments: Vec<(PlainText, PlainText)>,
    },
}

/// Where an axis is to go.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Target {
    /// To this position.
    To(Quantity),
    /// By this distance from where it stands, in the direction of the sign.
    By(Quantity),
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::To(to) => write!(f, "to {to}"),
            Self::By(by) if by.value < 0.0 => write!(f, "by {by}"),
            Self::By(by) => write!(f, "by +{by}"),
        }
    }
}

/// What a command may do to the sample, the instrument or an eye.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Danger {
    /// Nothing: it looks, or it makes things quieter.
    Observe,
    /// It moves something, within limits.
    Move,
    /// It makes light. Has to be armed and fired.
    Emit,
    /// It changes what cannot be taken back easily. Has to be armed and fired.
    Destructive,
}

impl Danger {
    /// The word on the screen and in the audit log.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Observe => "observe",
            Self::Move => "move",
            Self::Emit => "emit",
            Self::Destructive => "destructive",
        }
    }

    /// Whether `Enter` alone must not send it.
    pub fn needs_arming(self) -> bool {
        self >= Self::Emit
    }
}

/// Kinds of commands, for what an instrument offers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum CommandKind {
    /// [`Command::Refresh`].
    Refresh,
    /// [`Command::Move`].
    Move,
    /// [`Command::Home`].
    Home,
    /// [`Command::SetLight`].
    Light,
    /// [`Command::SetExposure`].
    Exposure,
    /// [`Command::SetGain`].
    Gain,
    /// [`Command::SetControl`].
    Control,
    /// [`Command::StartLiveView`], [`Command::StopLiveView`].
    Live,
    /// [`Command::SetStream`].
    Stream,
    /// [`Command::Snap`].
    Snap,
    /// [`Command::StartServerRecording`], [`Command::StopServerRecording`].
    ServerRecording,
    /// [`Command::StartWorkflow`], [`Command::StopWorkflow`].
    Workflow,
    /// [`Command::SaveSettings`].
    Settings,
    /// [`Command::Raw`].
    Raw,
}

impl CommandKind {
    /// All of them, in the order of help.
    pub const ALL: [Self; 14] = [
        Self::Refresh,
        Self::Move,
        Self::Home,
        Self::Light,
        Self::Exposure,
        Self::Gain,
        Self::Control,
        Self::Live,
        Self::Stream,
        Self::Snap,
        Self::ServerRecording,
        Self::Workflow,
        Self::Settings,
        Self::Raw,
    ];

    /// The word on the screen, in the palette and in recordings.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Refresh => "refresh",
            Self::Move => "move",
            Self::Home => "home",
            Self::Light => "laser",
            Self::Exposure => "exposure",
            Self::Gain => "gain",
            Self::Control => "set",
            Self::Live => "live",
            Self::Stream => "stream",
            Self::Snap => "snap",
            Self::ServerRecording => "server-recording",
            Self::Workflow => "workflow",
            Self::Settings => "settings",
            Self::Raw => "raw",
        }
    }

    /// The kind of that word.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }
}

impl Command {
    /// Which kind it is of.
    pub fn kind(&self) -> CommandKind {
        match self {
            Self::Refresh => CommandKind::Refresh,
            Self::Move { .. } => CommandKind::Move,
            Self::Home { .. } => CommandKind::Home,
            Self::SetLight { .. } => CommandKind::Light,
            Self::SetExposure { .. } => CommandKind::Exposure,
            Self::SetGain { .. } => CommandKind::Gain,
            Self::SetControl { .. } => CommandKind::Control,
            Self::StartLiveView { .. } | Self::StopLiveView => CommandKind::Live,
            Self::SetStream { .. } => CommandKind::Stream,
            Self::Snap { .. } => CommandKind::Snap,
            Self::StartServerRecording { .. } | Self::StopServerRecording => {
                CommandKind::ServerRecording
            }
            Self::StartWorkflow { .. } | Self::StopWorkflow => CommandKind::Workflow,
            Self::SaveSettings { .. } => CommandKind::Settings,
            Self::Raw { .. } => CommandKind::Raw,
        }
    }

    /// What it may do. Darker, stopped and ended are never dangerous.
    pub fn danger(&self) -> Danger {
        match self {
            Self::Refresh
            | Self::SetExposure { .. }
            | Self::SetGain { .. }
            | Self::SetControl { .. }
            | Self::StartLiveView { .. }
            | Self::StopLiveView
            | Self::SetStream { .. }
            | Self::Snap { .. }
            | Self::StartServerRecording { .. }
            | Self::StopServerRecording
            | Self::StopWorkflow => Danger::Observe,
            Self::Move { .. } => Danger::Move,
            Self::SetLight { level, on, .. } => {
                let brighter = level.is_some_and(|level| level.value != 0.0);
                match on {
                    Some(false) => Danger::Observe,
                    Some(true) => Danger::Emit,
                    None if brighter => Danger::Emit,
                    None => Danger::Observe,
                }
            }
            Self::StartWorkflow { .. } => Danger::Emit,
            Self::Home { .. } | Self::SaveSettings { .. } | Self::Raw { .. } => Danger::Destructive,
        }
    }

    /// Whether it makes the instrument quieter, so that a latched stop lets it pass.
    pub fn is_calming(&self) -> bool {
        match self {
            Self::Refresh | Self::StopLiveView | Self::StopServerRecording | Self::StopWorkflow => {
                true
            }
            Self::SetLight { .. } => self.danger() == Danger::Observe,
            _ => false,
        }
    }
}

/// The words of a command, as on the screen and in the audit log.
impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let named = |f: &mut fmt::Formatter<'_>, what: &str, name: &Option<PlainText>| match name {
            Some(name) => write!(f, "{what} {name}"),
            None => f.write_str(what),
        };
        match self {
            Self::Refresh => f.write_str("refresh"),
            Self::Move { axis, target } => write!(f, "move {axis} {target}"),
            Self::Home { axis } => named(f, "home", axis),
            Self::SetLight { light, level, on } => {
                write!(f, "laser {light}")?;
                if let Some(level) = level {
                    write!(f, " {level}")?;
                }
                match on {
                    Some(true) => f.write_str(" on"),
                    Some(false) => f.write_str(" off"),
                    None => Ok(()),
                }
            }
            Self::SetExposure { camera, exposure } => {
                named(f, "exposure", camera)?;
                write!(f, " {exposure}")
            }
            Self::SetGain { camera, gain } => {
                named(f, "gain", camera)?;
                write!(f, " {gain}")
            }
            Self::SetControl {
                camera,
                control,
                value,
            } => {
                named(f, "set", camera)?;
                write!(f, " {control}")?;
                match value.is_empty() {
                    true => Ok(()),
                    false => write!(f, " {value}"),
                }
            }
            Self::StartLiveView { protocol } => named(f, "live start", protocol),
            Self::StopLiveView => f.write_str("live stop"),
            Self::SetStream { parameter, value } => write!(f, "stream {parameter} {value}"),
            Self::Snap { name } => named(f, "snap", name),
            Self::StartServerRecording { name } => named(f, "server-recording start", name),
            Self::StopServerRecording => f.write_str("server-recording stop"),
            Self::StartWorkflow { name, .. } => write!(f, "workflow start {name}"),
            Self::StopWorkflow => f.write_str("workflow stop"),
            Self::SaveSettings { name, .. } => write!(f, "settings save {name}"),
            Self::Raw { call, arguments } => {
                write!(f, "raw {call}")?;
                for (name, value) in arguments {
                    write!(f, " {name}={value}")?;
                }
                Ok(())
            }
        }
    }
}

/// Where a command is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CommandState {
    /// The source has it and has not sent it.
    Queued,
    /// It was handed to the connection whole.
    Sent,
    /// The instrument has said that it took it.
    Acknowledged,
    /// What was asked is so, by what the instrument itself says.
    Done,
    /// The instrument said no, or what was asked is not so.
    Failed,
    /// It was under way when a stop was pressed, which ended it: as meant, and not as asked.
    Stopped,
    /// Nothing was sent.
    Refused,
    /// Sent, and nothing proves what became of it.
    Unknown,
}

impl CommandState {
    /// All of them, in the order of a life.
    pub const ALL: [Self; 8] = [
        Self::Queued,
        Self::Sent,
        Self::Acknowledged,
        Self::Done,
        Self::Failed,
        Self::Stopped,
        Self::Refused,
        Self::Unknown,
    ];

    /// The word on the screen, in the audit log and in recordings.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Sent => "sent",
            Self::Acknowledged => "acknowledged",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Stopped => "stopped",
            Self::Refused => "refused",
            Self::Unknown => "unknown",
        }
    }

    /// The state of that word.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == name)
    }
}

/// A command came to another state.
#[derive(Clone, Debug, PartialEq)]
pub struct CommandReport {
    /// Its number.
    pub id: CommandId,
    /// What was asked; in a recording the words of it.
    pub command: PlainText,
    /// What kind of command it is.
    pub kind: CommandKind,
    /// What it may do.
    pub danger: Danger,
    /// Who asked.
    pub operator: PlainText,
    /// Where it is now.
    pub state: CommandState,
    /// Whether nothing more is expected. A command that has no answer ends as `Sent`; one that is
    /// `Unknown` and not final is being read back.
    pub is_final: bool,
    /// Why, or what the instrument said.
    pub detail: Option<PlainText>,
    /// The axis it moves, if it moves one.
    pub axis: Option<PlainText>,
    /// Where the axes stood before it was sent, as far as it was known.
    pub before: Vec<Position>,
    /// Where they stand after it; empty until it has ended.
    pub after: Vec<Position>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Unit;

    fn light(level: Option<f64>, on: Option<bool>) -> Command {
        Command::SetLight {
            light: "488".into(),
            level: level.map(|value| Quantity::new(value, Unit::Percent)),
            on,
        }
    }

    #[test]
    fn light_is_dangerous_only_where_it_may_come_on() {
        let cases = [
            (light(Some(5.0), None), Danger::Emit),
            (light(Some(5.0), Some(true)), Danger::Emit),
            (light(None, Some(true)), Danger::Emit),
            (light(Some(0.0), Some(true)), Danger::Emit),
            (light(Some(0.0), None), Danger::Observe),
            (light(None, Some(false)), Danger::Observe),
            (light(Some(5.0), Some(false)), Danger::Observe),
        ];
        for (command, danger) in cases {
            assert_eq!(command.danger(), danger, "{command}");
            assert_eq!(command.is_calming(), danger == Danger::Observe, "{command}");
        }
    }

    #[test]
    fn commands_read_as_they_are_typed() {
        let by = |value, unit| Target::By(Quantity::new(value, unit));
        let cases = [
            (
                Command::Move {
                    axis: "z".into(),
                    target: by(10.0, Unit::Micrometre),
                },
                "move z by +10 um",
            ),
            (light(Some(5.0), Some(true)), "laser 488 5 % on"),
            (Command::StartLiveView { protocol: None }, "live start"),
            (
                Command::Raw {
                    call: "0x6008".into(),
                    arguments: vec![("d0".into(), "1".into())],
                },
                "raw 0x6008 d0=1",
            ),
        ];
        for (command, words) in cases {
            assert_eq!(command.to_string(), words);
        }
    }

    #[test]
    fn words_lead_back_to_what_they_name() {
        for state in CommandState::ALL {
            assert_eq!(CommandState::from_name(state.as_str()), Some(state));
        }
        for kind in CommandKind::ALL {
            assert_eq!(CommandKind::from_name(kind.as_str()), Some(kind));
        }
    }
}
