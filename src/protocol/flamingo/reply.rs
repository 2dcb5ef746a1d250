//! What replies say, read with their doubts.
//!
//! A reply of status 0, or text where a number should be, is the device declining: an error with
//! what it said, and nothing is wrong with the message.
//!
//! Source: protocol description, sections 5 and 6.2.

use bytes::Bytes;

use super::light::laser_level_percent;
use super::message::Message;
use super::profile::{Profile, SystemState};
use super::stage::Axis;
use crate::model::PlainText;

/// Why a reply does not say what was asked.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ReplyError {
    /// The server says no.
    #[error("declined with status {status}{}", said(.text))]
    Declined {
        /// The raw status.
        status: i32,
        /// What it says about it.
        text: PlainText,
    },
    /// There is another value than can be.
    #[error("{what} cannot be {got}")]
    Impossible {
        /// What was asked for.
        what: &'static str,
        /// What came.
        got: String,
    },
    /// There is nothing.
    #[error("no {what} came with the reply")]
    Missing {
        /// What was asked for.
        what: &'static str,
    },
}

/// Size of the pictures and pitch of the sensor.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ImageSize {
    /// Columns.
    pub width_px: u32,
    /// Rows.
    pub height_px: u32,
    /// From one sensor pixel to the next, micrometres; `None` when not stated.
    pub pitch_um: Option<f64>,
}

/// Whether a command that was acknowledged was also accepted.
///
/// # Errors
/// Its status is 0.
pub fn accepted(message: &Message) -> Result<(), ReplyError> {
    if message.status == 0 {
        return Err(ReplyError::Declined {
            status: message.status,
            text: message.text.to_plain(),
        });
    }
    Ok(())
}

/// The state of the system.
///
/// # Errors
/// The server declines, or the state has no name in the profile.
pub fn system_state(message: &Message, profile: &Profile) -> Result<SystemState, ReplyError> {
    accepted(message)?;
    profile
        .state(message.d0())
        .ok_or_else(|| impossible("the system state", message.d0()))
}

/// Where an axis is, in its unit.
///
/// - `moving`: the axis may be moving. An exact 0 on x, y or z is no position then: servers send
///   it where they have none
///
/// # Errors
/// The server declines, or the value is no position.
pub fn position(message: &Message, axis: Axis, moving: bool) -> Result<f64, ReplyError> {
    accepted(message)?;
    let position = message.double;
    if !position.is_finite() || (moving && position == 0.0 && axis != Axis::R) {
        return Err(impossible("the position", position));
    }
    Ok(position)
}

/// The size of the pictures; `None` while the camera is idle and does not say, which leaves the
/// last known one in force.
///
/// # Errors
/// The server declines, or a side is negative.
pub fn image_size(message: &Message) -> Result<Option<ImageSize>, ReplyError> {
    accepted(message)?;
    let [width, height, _] = message.data;
    match (u32::try_from(width), u32::try_from(height)) {
        (Ok(0), Ok(0)) => Ok(None),
        (Ok(width_px @ 1..), Ok(height_px @ 1..)) => Ok(Some(ImageSize {
            width_px,
            height_px,
            pitch_um: positive(message.double),
        })),
        _ => Err(impossible(
            "the image size",
            format_args!("{width}x{height}"),
        )),
    }
}

/// Millimetres per pixel in the sample; `None` when the server does not know.
///
/// # Errors
/// The server declines.
pub fn pixel_size_mm(message: &Message) -> Result<Option<f64>, ReplyError> {
    accepted(message)?;
    Ok(positive(message.double))
}

/// The exposure, microseconds.
///
/// # Errors
/// The server declines, or the value is not above 0.
pub fn exposure_us(message: &Message) -> Result<u32, ReplyError> {
    accepted(message)?;
    u32::try_from(message.d0())
        .ok()
        .filter(|exposure| *exposure > 0)
        .ok_or_else(|| impossible("the exposure", message.d0()))
}

/// The left or top edge of the region of interest, pixels from 1.
///
/// # Errors
/// The server declines, or the value is not above 0.
pub fn roi_edge(message: &Message) -> Result<u32, ReplyError> {
    accepted(message)?;
    u32::try_from(message.d0())
        .ok()
        .filter(|edge| *edge > 0)
        .ok_or_else(|| impossible("the edge", message.d0()))
}

/// The level of a laser, percent.
///
/// # Errors
/// The server or the device declines: a text that is no number is an answer of the device.
pub fn laser_level(message: &Message) -> Result<f64, ReplyError> {
    accepted(message)?;
    laser_level_percent(&message.text.to_str()).ok_or_else(|| ReplyError::Declined {
        status: message.status,
        text: message.text.to_plain(),
    })
}

/// The text of the settings.
///
/// # Errors
/// The server declines, or nothing came.
pub fn settings(message: &Message) -> Result<Bytes, ReplyError> {
    accepted(message)?;
    if message.payload.is_empty() {
        return Err(ReplyError::Missing {
            what: "settings text",
        });
    }
    Ok(message.payload.clone())
}

/// Where images can be stored: mount points, one to a line.
///
/// # Errors
/// The server declines.
pub fn storage_paths(message: &Message) -> Result<Vec<PlainText>, ReplyError> {
    accepted(message)?;
    let text = match &message.payload[..] {
        [] => message.text.to_str().into_owned(),
        payload => String::from_utf8_lossy(payload).into_owned(),
    };
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    Ok(lines.map(PlainText::from_peer).collect())
}

/// What the server says to a workflow, line by line, when nothing is out of reach.
///
/// # Errors
/// The server declines, or its text speaks of a hard limit; the error holds the line that does.
pub fn checked_stack(message: &Message) -> Result<Vec<PlainText>, ReplyError> {
    let payload = String::from_utf8_lossy(&message.payload);
    let field = message.text.to_str();
    let lines = || {
        let all = payload.lines().chain(field.lines()).map(str::trim);
        all.filter(|line| !line.is_empty())
    };
    let limit = lines().find(|line| line.to_ascii_lowercase().contains("hard limit"));
    if let Some(line) = limit {
        return Err(ReplyError::Declined {
            status: message.status,
            text: PlainText::from_peer(line),
        });
    }
    accepted(message)?;
    Ok(lines().map(PlainText::from_peer).collect())
}

fn positive(value: f64) -> Option<f64> {
    (value.is_finite() && value > 0.0).then_some(value)
}

fn impossible(what: &'static str, got: impl std::fmt::Display) -> ReplyError {
    ReplyError::Impossible {
        what,
        got: got.to_string(),
    }
}

fn said(text: &PlainText) -> String {
    if text.is_empty() {
        String::new()
    } else {
        format!(": {text}")
    }
}

#[cfg(test)]
#[allow(clippy::indexing_slicing, clippy::arithmetic_side_effects)]
mod tests {
    use super::*;
    use crate::protocol::flamingo::vectors::vector;

    fn message(name: &str) -> Message {
        Message::decode(&vector(name).into()).unwrap()
    }

    #[test]
    fn the_replies_on_record_are_read() {
        let profile = Profile::current();
        let v2 = message("V2");
        assert_eq!((v2.code, v2.status, v2.d0()), (40967, 1, 40962));
        assert_eq!(system_state(&v2, &profile), Ok(SystemState::Idle));
        let size = ImageSize {
            width_px: 2048,
            height_px: 2048,
            pitch_um: Some(6.5),
        };
        assert_eq!(image_size(&message("V3")), Ok(Some(size)));
        assert_eq!(message("V3").hardware_id, 1);
        assert_eq!(position(&message("V5"), Axis::X, false), Ok(8.032));
        assert_eq!(message("V5").d0(), 1);
        let v7 = message("V7");
        assert_eq!((v7.hardware_id, v7.d0(), v7.status), (-1, 4, 1));
        assert_eq!(&message("V10").payload[..], b"LEDOFF");
        assert_eq!(message("V11").payload.len(), 105);
        for name in ["V2", "V3", "V5", "V7", "V10", "V12"] {
            assert_eq!(message(name).encode().unwrap(), vector(name), "{name}");
        }
    }

    #[test]
    fn status_zero_is_the_device_declining_with_its_words() {
        let profile = Profile::current();
        let mut no = Message::reply(1)
            .with_text("Live view thread\x1b not running")
            .unwrap();
        no.status = 0;
        let error = accepted(&no).unwrap_err();
        assert_eq!(
            error.to_string(),
            "declined with status 0: Live view thread␛ not running"
        );
        assert_eq!(system_state(&no, &profile), Err(error.clone()));
        assert_eq!(position(&no, Axis::X, false), Err(error.clone()));
        assert_eq!(image_size(&no), Err(error.clone()));
        assert_eq!(pixel_size_mm(&no), Err(error.clone()));
        assert_eq!(exposure_us(&no), Err(error.clone()));
        assert_eq!(roi_edge(&no), Err(error.clone()));
        assert_eq!(laser_level(&no), Err(error.clone()));
        assert_eq!(settings(&no), Err(error.clone()));
        assert_eq!(storage_paths(&no), Err(error.clone()));
        assert_eq!(checked_stack(&no), Err(error));
        // Another status than 1 does not take away what the reply says.
        no.status = 7;
        assert_eq!(accepted(&no), Ok(()));
    }

    #[test]
    fn values_that_cannot_be_are_named() {
        let zero = Message::reply(1);
        assert_eq!(position(&zero, Axis::X, false), Ok(0.0));
        assert_eq!(position(&zero, Axis::R, true), Ok(0.0));
        assert_eq!(
            position(&zero, Axis::X, true).unwrap_err().to_string(),
            "the position cannot be 0"
        );
        let nan = zero.clone().with_double(f64::NAN);
        assert!(position(&nan, Axis::R, false).is_err());
        assert_eq!(image_size(&zero), Ok(None));
        assert!(image_size(&zero.clone().with_d0(5)).is_err());
        assert!(image_size(&zero.clone().with_d0(-5).with_d1(3)).is_err());
        assert_eq!(pixel_size_mm(&zero.clone().with_double(-1.0)), Ok(None));
        assert_eq!(
            pixel_size_mm(&zero.clone().with_double(0.000253)),
            Ok(Some(0.000253))
        );
        assert!(exposure_us(&zero).is_err());
        assert_eq!(exposure_us(&zero.clone().with_d0(20_000)), Ok(20_000));
        let profile = Profile::current();
        assert_eq!(system_state(&zero, &profile), Ok(SystemState::Idle));
        assert!(system_state(&zero.clone().with_d0(5), &profile).is_err());
        assert_eq!(
            settings(&zero).unwrap_err().to_string(),
            "no settings text came with the reply"
        );
    }

    #[test]
    fn texts_are_read_from_where_they_are() {
        let reply = Message::reply(1);
        let level = |text| laser_level(&reply.clone().with_text(text).unwrap());
        assert_eq!(level("11.49"), Ok(11.49));
        assert_eq!(
            level("getLevel error").unwrap_err().to_string(),
            "declined with status 1: getLevel error"
        );
        let paths = |message: &Message| {
            let paths = storage_paths(message).unwrap();
            paths
                .iter()
                .map(|path| path.as_str().to_owned())
                .collect::<Vec<_>>()
        };
        let payload = reply.clone().with_payload("/media/a\r\n\n/media/b\n");
        assert_eq!(paths(&payload), ["/media/a", "/media/b"]);
        let field = reply.clone().with_text("/media/c").unwrap();
        assert_eq!(paths(&field), ["/media/c"]);
        assert!(checked_stack(&reply.clone().with_payload("fine\n")).is_ok());
        let refused = reply.with_payload("fine\nZ is over the Hard limit 25\n");
        assert_eq!(
            checked_stack(&refused).unwrap_err().to_string(),
            "declined with status 1: Z is over the Hard limit 25"
        );
    }
}
