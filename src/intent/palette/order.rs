//! What a typed line asks for.

use std::fmt;
use std::path::PathBuf;

use crate::model::{Command, CommandKind, Danger, PictureFormat, Quantity, ReplayOrder, StopLevel};

/// A command typed into the palette.
#[derive(Clone, Debug, PartialEq)]
pub enum Order {
    /// Go to the screen of this name.
    Screen(String),
    /// Start writing to disk.
    Record,
    /// Stop writing to disk.
    StopRecording,
    /// Save the last seconds of everything.
    BlackBox,
    /// Ask an instrument for something.
    Command {
        /// The source that was named; `None` for the one that the screen is about.
        source: Option<String>,
        /// What is asked.
        command: CommandOrder,
    },
    /// Take control of the instruments, or give it back.
    Control {
        /// Whether to take it.
        take: bool,
    },
    /// Stop every instrument, as the key does.
    Stop(StopLevel),
    /// End a stop that holds.
    Clear,
    /// Jog in steps of this size: a length or an angle above zero.
    JogStep(Quantity),
    /// Show only what contains this text; empty shows all.
    Filter(String),
    /// Sort the signals.
    Sort(String),
    /// Look different.
    Theme(String),
    /// Draw pictures that way.
    Graphics(String),
    /// Show the camera of this name.
    Camera(String),
    /// Look at the picture in another way.
    Look(LookOrder),
    /// Save the picture shown to a file.
    Save {
        /// What it is written as, if not as usual.
        format: Option<PictureFormat>,
        /// The beginning of its name, if not the source's.
        name: Option<String>,
    },
    /// Hold the screen, or let it go on.
    Freeze,
    /// Ask the player of the recording for something.
    Replay(ReplayOrder),
    /// Show the help.
    Help,
    /// Leave the program.
    Quit,
}

/// How the picture is to be looked at. Places are pixels of the frame.
#[derive(Clone, Debug, PartialEq)]
pub enum LookOrder {
    /// So many times as large; 1 shows the whole frame.
    Zoom(f32),
    /// The region that is measured: first column and row, columns, rows; none measures all.
    Region(Option<[u32; 4]>),
    /// The line of the profile: column and row of both ends.
    Profile(Option<[u32; 4]>),
    /// Black and white follow the picture.
    AutoContrast,
    /// Black and white are the ends of the camera's scale.
    FullContrast,
    /// Black and white are these values.
    Contrast(u16, u16),
    /// Exponent of the display, 0.1 to 10.
    Gamma(f32),
    /// The colour map of this name.
    ColorMap(String),
    /// Take the frame as the reference.
    Reference,
    /// Show the difference to the reference, or the frame.
    Difference(bool),
    /// Two cameras side by side, or one.
    Split(bool),
}

/// A command for an instrument; one that sends a file still names it.
#[derive(Clone, Debug, PartialEq)]
pub enum CommandOrder {
    /// Ready to be sent.
    Send(Command),
    /// [`Command::StartWorkflow`] with the text of this file.
    StartWorkflow {
        /// The file, as it was typed.
        path: PathBuf,
    },
    /// [`Command::SaveSettings`] with the text of this file.
    SaveSettings {
        /// The file, as it was typed.
        path: PathBuf,
    },
}

impl CommandOrder {
    /// Which kind of command it is.
    pub fn kind(&self) -> CommandKind {
        match self {
            Self::Send(command) => command.kind(),
            Self::StartWorkflow { .. } => CommandKind::Workflow,
            Self::SaveSettings { .. } => CommandKind::Settings,
        }
    }

    /// What it may do; the file makes no difference.
    pub fn danger(&self) -> Danger {
        match self {
            Self::Send(command) => command.danger(),
            Self::StartWorkflow { .. } => Danger::Emit,
            Self::SaveSettings { .. } => Danger::Destructive,
        }
    }
}

/// The words of a command, as they may be typed again.
impl fmt::Display for CommandOrder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Send(command) => write!(f, "{command}"),
            Self::StartWorkflow { path } => write!(f, "workflow start {}", path.display()),
            Self::SaveSettings { path } => write!(f, "settings save {}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_as_dangerous_as_what_is_made_of_it() {
        let (name, text) = ("w".into(), "".into());
        let path = PathBuf::from("w");
        let cases = [
            (
                CommandOrder::StartWorkflow { path: path.clone() },
                Command::StartWorkflow { name, text },
            ),
            (
                CommandOrder::SaveSettings { path },
                Command::SaveSettings {
                    name: "w".into(),
                    text: "".into(),
                },
            ),
        ];
        for (order, command) in cases {
            assert_eq!(order.danger(), command.danger());
            assert_eq!(order.kind(), command.kind());
            assert_eq!(order.to_string(), command.to_string());
        }
    }
}
