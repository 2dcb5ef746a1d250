//! What a camera is to the rest of this source: what there is, what it can do, and a stream of
//! pictures as it took them. A back end fills these in; tests script one.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use crate::model::{CameraControl, PlainText};

/// The cameras of this machine.
pub trait Backend: Send + Sync {
    /// What is attached now, in the order of their numbers.
    ///
    /// # Errors
    /// Nobody can say.
    fn list(&self) -> Result<Vec<Found>, Trouble>;

    /// Opens one of them.
    ///
    /// # Errors
    /// It is gone, in use, or not for us.
    fn open(&self, found: &Found) -> Result<Arc<dyn Device>, Trouble>;
}

/// An open camera. Its controls may be used while it streams.
pub trait Device: Send + Sync {
    /// The formats it says it has.
    ///
    /// # Errors
    /// It does not say.
    fn formats(&self) -> Result<Vec<Format>, Trouble>;

    /// Its controls and their values.
    ///
    /// # Errors
    /// It does not say.
    fn controls(&self) -> Result<Vec<Control>, Trouble>;

    /// Sets a control to `value`, in the device's own number; 0 for one that is only pressed.
    ///
    /// # Errors
    /// It does not want it.
    fn set(&self, control: &Control, value: i64) -> Result<(), Trouble>;

    /// Asks for a mode. What is agreed may differ from it.
    ///
    /// # Errors
    /// It does not want it.
    fn configure(&self, mode: &Mode) -> Result<Agreed, Trouble>;

    /// Starts pictures.
    ///
    /// # Errors
    /// It does not want to.
    fn start(&self) -> Result<Box<dyn Stream>, Trouble>;
}

/// Pictures, one after the other. Dropping it ends them.
pub trait Stream {
    /// The next picture; `None` if none came within `patience`.
    ///
    /// # Errors
    /// There will be no more.
    fn next(&mut self, patience: Duration) -> Result<Option<Shot<'_>>, Trouble>;
}

/// A picture as the device gave it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shot<'a> {
    /// Its bytes, rows padded as agreed.
    pub bytes: &'a [u8],
    /// The driver's count of pictures, taken or lost; `None` if it does not count.
    pub sequence: Option<u32>,
    /// How long ago the device stamped it.
    pub age: Option<Duration>,
    /// The driver itself says that its contents are broken.
    pub is_damaged: bool,
}

/// A camera that is attached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Its number.
    pub index: u32,
    /// What opens it, e.g. `/dev/video0`; the number where there are no paths.
    pub path: String,
    /// Other paths to the same device, such as those by its serial number.
    pub aliases: Vec<String>,
    /// What it calls itself.
    pub name: PlainText,
    /// Where it is plugged in; empty if nobody says.
    pub bus: PlainText,
    /// Who drives it; empty if nobody says.
    pub driver: PlainText,
}

/// Four characters that name a pixel format. Source: Linux, "Image Formats".
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FourCc(pub [u8; 4]);

impl FourCc {
    /// The format of that name; capitals and blanks at the end do not matter.
    pub fn from_name(name: &str) -> Option<Self> {
        let name = name.trim_end();
        let fits = (1..=4).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_graphic());
        let mut code = [b' '; 4];
        for (to, from) in code.iter_mut().zip(name.bytes()) {
            *to = from.to_ascii_uppercase();
        }
        fits.then_some(Self(code))
    }
}

impl fmt::Display for FourCc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = PlainText::from_peer_bytes(&self.0);
        f.pad(text.as_str().trim_end())
    }
}

impl fmt::Debug for FourCc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FourCc({self})")
    }
}

/// A pixel format and what it comes in.
#[derive(Clone, Debug, PartialEq)]
pub struct Format {
    /// Which.
    pub fourcc: FourCc,
    /// What the driver calls it.
    pub label: PlainText,
    /// Sizes of it.
    pub sizes: Vec<Size>,
}

/// A size or a range of sizes, pixels, and how fast pictures of it come.
#[derive(Clone, Debug, PartialEq)]
pub struct Size {
    /// The least columns and rows.
    pub least: (u32, u32),
    /// The most columns and rows; the same for a single size.
    pub most: (u32, u32),
    /// From one to the next; 0 for a single size.
    pub step: (u32, u32),
    /// Times between two pictures, if it says.
    pub intervals: Vec<Intervals>,
}

/// A time between two pictures, or any from one to another.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Intervals {
    /// The shortest.
    pub shortest: Interval,
    /// The longest; the same for a single one.
    pub longest: Interval,
}

/// A time between two pictures: `numerator / denominator` seconds. A fraction, because cameras run
/// at 12.5 and 30000/1001 pictures a second.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Interval {
    /// Seconds, times the denominator.
    pub numerator: u32,
    /// By which they are divided.
    pub denominator: u32,
}

impl Interval {
    /// Pictures a second; `None` for a fraction that is no time.
    pub fn rate_hz(self) -> Option<f64> {
        let is_time = self.numerator > 0 && self.denominator > 0;
        is_time.then(|| f64::from(self.denominator) / f64::from(self.numerator))
    }

    /// The fraction nearest to `rate_hz` pictures a second, with thousandths of a picture.
    pub fn from_rate(rate_hz: f64) -> Option<Self> {
        let is_rate = rate_hz.is_finite() && (0.001..=1e6).contains(&rate_hz);
        // The cast keeps what the range above allows.
        is_rate.then(|| Self {
            numerator: 1_000,
            denominator: (rate_hz * 1_000.0).round() as u32,
        })
    }
}

/// What is asked of a camera.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Mode {
    /// Pixel format.
    pub fourcc: FourCc,
    /// Columns and rows.
    pub size: (u32, u32),
    /// Time between two pictures; `None` to leave it as it is.
    pub interval: Option<Interval>,
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (width, height) = self.size;
        write!(f, "{} {width}x{height}", self.fourcc)?;
        match self.interval.and_then(Interval::rate_hz) {
            Some(rate) => write!(f, " at {}/s", tidy(rate)),
            None => Ok(()),
        }
    }
}

/// A number without more digits than it is worth.
pub fn tidy(number: f64) -> f64 {
    (number * 1_000.0).round() / 1_000.0
}

/// What a camera will send.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Agreed {
    /// What came of what was asked.
    pub mode: Mode,
    /// Bytes from one row to the next; 0 if the driver does not say.
    pub stride: u32,
    /// The most bytes of a picture; 0 if the driver does not say.
    pub image_bytes: u32,
}

/// A control and how the device numbers it.
#[derive(Clone, Debug, PartialEq)]
pub struct Control {
    /// The device's name for it.
    pub id: u128,
    /// What people see of it. Its numbers are the device's times `scale`.
    pub shown: CameraControl,
    /// What one step of the device's number is worth, in the unit that is shown.
    pub scale: f64,
    /// What it is besides a control among others.
    pub role: Role,
}

/// Controls that have a name of their own in every camera.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Role {
    /// One among others.
    #[default]
    Other,
    /// The exposure time, shown in milliseconds.
    Exposure,
    /// The gain.
    Gain,
}

/// Why a camera does not do what it should. Each sentence says what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Trouble {
    /// There is none like that.
    #[error("{0}")]
    Absent(PlainText),
    /// It was there.
    #[error("{path} is gone: unplugged, or its driver gave it up; it is looked for every second")]
    Gone {
        /// What it was opened by.
        path: PlainText,
    },
    /// Not for us.
    #[error("no permission to open {path}: {}", permission(group.as_ref()))]
    NoPermission {
        /// What was opened.
        path: PlainText,
        /// The group that may.
        group: Option<PlainText>,
    },
    /// Somebody else has it.
    #[error("{path} is in use by another program: close that one (`fuser -v {path}` names it)")]
    Busy {
        /// What was opened.
        path: PlainText,
    },
    /// It says no.
    #[error("{path} does not take {what}: {why}")]
    Refused {
        /// Which.
        path: PlainText,
        /// What it was asked.
        what: PlainText,
        /// What it said.
        why: PlainText,
    },
    /// Something else went wrong.
    #[error("{path}: {what} failed: {why}")]
    Failed {
        /// Which.
        path: PlainText,
        /// What was tried.
        what: PlainText,
        /// What came of it.
        why: PlainText,
    },
}

fn permission(group: Option<&PlainText>) -> String {
    match group {
        Some(group) => format!(
            "it is for the group {group}; `sudo usermod -aG {group} $USER`, then log in again"
        ),
        None => "allow this program to use cameras in the system's settings".to_owned(),
    }
}

/// Linux's numbers of what the kernel says. Source: `errno-base.h`.
mod errno {
    pub(super) const EPERM: i32 = 1;
    pub(super) const ENOENT: i32 = 2;
    pub(super) const ENXIO: i32 = 6;
    pub(super) const EACCES: i32 = 13;
    pub(super) const EBUSY: i32 = 16;
    pub(super) const ENODEV: i32 = 19;
    pub(super) const EINVAL: i32 = 22;
    pub(super) const ENOTTY: i32 = 25;
    pub(super) const ERANGE: i32 = 34;
}

impl Trouble {
    /// What the kernel means by an error of `what` on the device at `path`.
    ///
    /// - `group`: who may open it, asked only if it may not be opened
    pub fn from_io(
        path: &str,
        what: &str,
        error: &io::Error,
        group: impl FnOnce() -> Option<PlainText>,
    ) -> Self {
        let path = PlainText::from_peer(path);
        match error.raw_os_error() {
            Some(errno::ENODEV | errno::ENXIO | errno::ENOENT) => Self::Gone { path },
            Some(errno::EPERM | errno::EACCES) => Self::NoPermission {
                path,
                group: group(),
            },
            Some(errno::EBUSY) => Self::Busy { path },
            Some(errno::EINVAL | errno::ENOTTY | errno::ERANGE) => Self::Refused {
                path,
                what: what.into(),
                why: PlainText::from(error.to_string()),
            },
            _ => Self::Failed {
                path,
                what: what.into(),
                why: PlainText::from(error.to_string()),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_are_known_by_what_people_write() {
        for (written, code) in [
            ("yuyv", Some(*b"YUYV")),
            ("Y16", Some(*b"Y16 ")),
            ("Y16 ", Some(*b"Y16 ")),
            ("MJPG", Some(*b"MJPG")),
            ("", None),
            ("YUYV2", None),
            ("Y\u{b5}", None),
        ] {
            assert_eq!(FourCc::from_name(written), code.map(FourCc), "{written:?}");
        }
        assert_eq!(FourCc(*b"Y16 ").to_string(), "Y16");
        assert_eq!(FourCc([0x1b, b'[', b'2', b'J']).to_string(), "␛[2J");
    }

    #[test]
    fn rates_are_fractions() {
        let ntsc = Interval {
            numerator: 1_001,
            denominator: 30_000,
        };
        assert_eq!(ntsc.rate_hz().map(tidy), Some(29.97));
        let half = Interval::from_rate(12.5);
        assert_eq!(half.and_then(Interval::rate_hz), Some(12.5));
        for none in [0.0, -1.0, f64::NAN, f64::INFINITY, 1e9] {
            assert_eq!(Interval::from_rate(none), None);
        }
        let never = Interval {
            numerator: 0,
            denominator: 30,
        };
        assert_eq!(never.rate_hz(), None);
    }

    #[test]
    fn what_the_kernel_says_becomes_what_to_do() {
        let said = |errno: i32| {
            let error = io::Error::from_raw_os_error(errno);
            let group = || Some("video".into());
            Trouble::from_io("/dev/video0", "the format", &error, group).to_string()
        };
        for (errno, part) in [
            (19, "is gone"),
            (13, "usermod -aG video"),
            (16, "another program"),
            (22, "does not take the format"),
            (5, "the format failed"),
        ] {
            assert!(said(errno).contains(part), "{errno}: {}", said(errno));
        }
    }
}
