//! What is sent: one constructor for each command, so that no argument lands in a wrong field.
//!
//! What can be judged without the instrument is checked here. Whether a target is within the
//! stage's limits is not: the limits are the instrument's.
//!
//! Source: protocol description, section 6.2.

use std::time::Duration;

use bytes::Bytes;

use super::commands::{Command, CommandInfo, Selector};
use super::light::{Laser, LedColour, PercentError, Side, laser_level_text, led_dac};
use super::message::{Message, MessageError};
use super::profile::Profile;
use super::stage::Axis;

/// The longest exposure, microseconds. Source: section 8.5, a convention of clients.
pub const MAX_EXPOSURE_US: u32 = 1_000_000;

/// A message to send, and what is known of its reply.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    command: Command,
    message: Message,
    timeout: Duration,
}

/// Which pictures a live view sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LiveMode {
    /// One after the other.
    Continuous,
    /// One after each change of a laser, the exposure, the region, the stage or the filter.
    OnChange,
}

/// Why a request cannot be made.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum RequestError {
    /// The profile gives the command no code.
    #[error("the profile gives {name} no code; write {name} = CODE into it")]
    NoCode {
        /// The command.
        name: &'static str,
    },
    /// The command has a constructor of its own.
    #[error("{name} takes an argument")]
    NeedsArgument {
        /// The command.
        name: &'static str,
    },
    /// A brightness is out of range.
    #[error(transparent)]
    Percent(#[from] PercentError),
    /// A position is infinite or NaN.
    #[error("{got} is not a position")]
    Position {
        /// The value.
        got: f64,
    },
    /// An exposure is out of range.
    #[error("{got} µs is not an exposure; 1 to {MAX_EXPOSURE_US} µs are")]
    Exposure {
        /// The value.
        got: u32,
    },
    /// Edges count from 1.
    #[error("{got} is not an edge; edges are 1 to 16384")]
    Edge {
        /// The value.
        got: u32,
    },
    /// A text to send is empty. The server would take it for no text at all.
    #[error("the text for {name} is empty")]
    Empty {
        /// The command.
        name: &'static str,
    },
    /// It does not fit.
    #[error(transparent)]
    Message(#[from] MessageError),
}

type Made = Result<Request, RequestError>;

impl Request {
    /// A command that takes no argument.
    ///
    /// # Errors
    /// It does take one, or the profile gives it no code.
    pub fn plain(profile: &Profile, command: Command) -> Made {
        match command {
            Command::SettingsLoad
            | Command::StoragePathGet
            | Command::WorkflowStop
            | Command::Snapshot
            | Command::LiveViewStop
            | Command::ExposureGet
            | Command::RoiLeftGet
            | Command::RoiTopGet
            | Command::ImageSizeGet
            | Command::PixelFieldOfViewGet
            | Command::LedEnable
            | Command::LedDisable
            | Command::StageHalt
            | Command::IlluminationLeftEnable
            | Command::IlluminationLeftDisable
            | Command::IlluminationRightEnable
            | Command::IlluminationRightDisable
            | Command::SystemStateGet => Self::of(profile, command),
            Command::SettingsSave
            | Command::LaserLevelSet
            | Command::LaserLevelGet
            | Command::LaserPreviewEnable
            | Command::LaserDisable
            | Command::WorkflowStart
            | Command::LiveViewStart
            | Command::ExposureSet
            | Command::RoiLeftSet
            | Command::RoiTopSet
            | Command::CheckStack
            | Command::LedSet
            | Command::StageMove
            | Command::StagePositionSet
            | Command::StagePositionGet => Err(RequestError::NeedsArgument {
                name: command.name(),
            }),
        }
    }

    /// Stop all motion.
    ///
    /// # Errors
    /// The profile gives it no code.
    pub fn halt(profile: &Profile) -> Made {
        Self::plain(profile, Command::StageHalt)
    }

    /// Where an axis is.
    ///
    /// # Errors
    /// The profile gives it no code.
    pub fn position(profile: &Profile, axis: Axis) -> Made {
        Ok(Self::of(profile, Command::StagePositionGet)?.d0(axis.number()))
    }

    /// Move an axis to an absolute position, in its unit.
    ///
    /// # Errors
    /// `target` is no number, or the profile gives the command no code.
    pub fn move_to(profile: &Profile, axis: Axis, target: f64) -> Made {
        if !target.is_finite() {
            return Err(RequestError::Position { got: target });
        }
        let mut request = Self::of(profile, Command::StagePositionSet)?.d0(axis.number());
        request.message.double = target;
        Ok(request)
    }

    /// How bright a laser is.
    ///
    /// # Errors
    /// The profile gives it no code.
    pub fn laser_level(profile: &Profile, laser: Laser) -> Made {
        Ok(Self::of(profile, Command::LaserLevelGet)?.d0(laser.number()))
    }

    /// Set the brightness of a laser, percent. It is not answered: read it back after 100 ms.
    ///
    /// # Errors
    /// `percent` is not between 0 and 100, or the profile gives the command no code.
    pub fn set_laser_level(profile: &Profile, laser: Laser, percent: f64) -> Made {
        let text = laser_level_text(percent)?;
        let mut request = Self::of(profile, Command::LaserLevelSet)?.d0(laser.number());
        request.message = request.message.with_text(&text)?;
        Ok(request)
    }

    /// One laser on for viewing; it turns the others off and moves the filter wheel.
    ///
    /// # Errors
    /// The profile gives it no code.
    pub fn laser_preview(profile: &Profile, laser: Laser) -> Made {
        Ok(Self::of(profile, Command::LaserPreviewEnable)?.d0(laser.number()))
    }

    /// One laser off. There is no message for all: 0 leaves them on.
    ///
    /// # Errors
    /// The profile gives it no code.
    pub fn laser_off(profile: &Profile, laser: Laser) -> Made {
        Ok(Self::of(profile, Command::LaserDisable)?.d0(laser.number()))
    }

    /// Set the brightness of one colour of the LED, percent.
    ///
    /// # Errors
    /// `percent` is not between 0 and 100, or the profile gives the command no code.
    pub fn set_led(profile: &Profile, colour: LedColour, percent: f64) -> Made {
        let value = led_dac(percent)?;
        let mut request = Self::of(profile, Command::LedSet)?.d0(colour.number());
        request.message = request.message.with_d1(value);
        Ok(request)
    }

    /// The light sheet of one side on or off.
    ///
    /// # Errors
    /// The profile gives it no code.
    pub fn illumination(profile: &Profile, side: Side, on: bool) -> Made {
        let command = match (side, on) {
            (Side::Left, true) => Command::IlluminationLeftEnable,
            (Side::Left, false) => Command::IlluminationLeftDisable,
            (Side::Right, true) => Command::IlluminationRightEnable,
            (Side::Right, false) => Command::IlluminationRightDisable,
        };
        Self::plain(profile, command)
    }

    /// Start the live view.
    ///
    /// # Errors
    /// The profile gives it no code.
    pub fn live_start(profile: &Profile, mode: LiveMode) -> Made {
        let value = match mode {
            LiveMode::Continuous => 0,
            LiveMode::OnChange => 1,
        };
        Ok(Self::of(profile, Command::LiveViewStart)?.d0(value))
    }

    /// Set the exposure, microseconds. Its code is not certain: read it back.
    ///
    /// # Errors
    /// `exposure_us` is not 1 to [`MAX_EXPOSURE_US`], or the profile gives the command no code.
    pub fn set_exposure(profile: &Profile, exposure_us: u32) -> Made {
        let got = exposure_us;
        let value = i32::try_from(got)
            .ok()
            .filter(|_| (1..=MAX_EXPOSURE_US).contains(&got))
            .ok_or(RequestError::Exposure { got })?;
        Ok(Self::of(profile, Command::ExposureSet)?.d0(value))
    }

    /// The left edge of the region of interest, from 1; see [`super::geometry::roi_edge`].
    ///
    /// # Errors
    /// The edge is 0 or beyond any sensor, or the profile gives the command no code.
    pub fn set_roi_left(profile: &Profile, edge_px: u32) -> Made {
        Self::edge(profile, Command::RoiLeftSet, edge_px)
    }

    /// The top edge of the region of interest, from 1.
    ///
    /// # Errors
    /// As [`Request::set_roi_left`].
    pub fn set_roi_top(profile: &Profile, edge_px: u32) -> Made {
        Self::edge(profile, Command::RoiTopSet, edge_px)
    }

    /// Ask whether a workflow can be done.
    ///
    /// # Errors
    /// The text is empty or too long, or the profile gives the command no code.
    pub fn check_stack(profile: &Profile, workflow: impl Into<Bytes>) -> Made {
        Self::text(profile, Command::CheckStack, workflow.into())
    }

    /// Start a workflow.
    ///
    /// # Errors
    /// As [`Request::check_stack`].
    pub fn start_workflow(profile: &Profile, workflow: impl Into<Bytes>) -> Made {
        Self::text(profile, Command::WorkflowStart, workflow.into())
    }

    /// Overwrite the instrument's own settings file. Read it back to know that it was taken.
    ///
    /// # Errors
    /// As [`Request::check_stack`].
    pub fn save_settings(profile: &Profile, settings: impl Into<Bytes>) -> Made {
        Self::text(profile, Command::SettingsSave, settings.into())
    }

    /// A command of the table with whatever arguments `fields` has. Nothing of them is checked: for
    /// calls that an operator writes out.
    ///
    /// # Errors
    /// The profile gives the command no code.
    pub fn raw(profile: &Profile, command: Command, fields: &Message) -> Made {
        let mut request = Self::of(profile, command)?;
        request.message.data = fields.data;
        request.message.double = fields.double;
        request.message.text = fields.text;
        Ok(request)
    }

    /// The same with another time for its reply.
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Which command it is.
    pub fn command(&self) -> Command {
        self.command
    }

    /// Its row of the table.
    pub fn info(&self) -> &'static CommandInfo {
        self.command.info()
    }

    /// What is sent.
    pub fn message(&self) -> &Message {
        &self.message
    }

    /// The axis or laser its reply has to name; `None` where the code is enough.
    pub fn selector(&self) -> Option<i32> {
        match self.info().selector {
            Selector::None => None,
            Selector::Axis | Selector::Laser => Some(self.message.d0()),
        }
    }

    /// How long its reply may take, from when it was written.
    pub fn timeout(&self) -> Duration {
        self.timeout
    }

    fn of(profile: &Profile, command: Command) -> Made {
        let info = command.info();
        let code = profile
            .code(command)
            .ok_or(RequestError::NoCode { name: info.name })?;
        Ok(Self {
            command,
            message: Message::request(code),
            timeout: info.timeout,
        })
    }

    fn d0(mut self, value: i32) -> Self {
        self.message = self.message.with_d0(value);
        self
    }

    fn edge(profile: &Profile, command: Command, got: u32) -> Made {
        let value = i32::try_from(got)
            .ok()
            .filter(|_| (1..=super::live::MAX_SIDE_PX).contains(&got))
            .ok_or(RequestError::Edge { got })?;
        Ok(Self::of(profile, command)?.d0(value))
    }

    fn text(profile: &Profile, command: Command, text: Bytes) -> Made {
        if text.trim_ascii().is_empty() {
            return Err(RequestError::Empty {
                name: command.name(),
            });
        }
        let got = text.len();
        if got > super::message::MAX_PAYLOAD_BYTES {
            return Err(MessageError::PayloadTooLong { got }.into());
        }
        let mut request = Self::of(profile, command)?;
        request.message = request.message.with_payload(text);
        Ok(request)
    }
}

#[cfg(test)]
#[allow(clippy::indexing_slicing, clippy::arithmetic_side_effects)]
mod tests;
