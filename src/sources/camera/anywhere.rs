//! Cameras of any platform, through nokhwa. It knows whole rates and no lost pictures, a silent
//! camera cannot be told from a slow one, and a control waits for the picture under way.
//!
//! It is asked for bytes as they are: decoding is ours.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use nokhwa::utils::{
    ApiBackend, CameraControl as RawControl, CameraFormat, CameraIndex, ControlValueDescription,
    ControlValueSetter, FrameFormat, KnownCameraControl, KnownCameraControlFlag, RequestedFormat,
    RequestedFormatType, frame_formats,
};
use nokhwa::{Camera as RawCamera, NokhwaError};

use super::controls::Described;
use super::device::{
    Agreed, Backend, Control, Device, Format, Found, FourCc, Interval, Intervals, Mode, Role, Shot,
    Size, Stream, Trouble,
};
use crate::model::{Choice, ControlAccess, ControlKind, PlainText};

/// The cameras that nokhwa knows.
#[derive(Debug)]
pub struct Anywhere;

/// Before anything else: macOS asks its user, the others are ready.
fn permission() -> Result<(), Trouble> {
    let (answer, answered) = std::sync::mpsc::sync_channel(1);
    nokhwa::nokhwa_initialize(move |is_granted| {
        let _ = answer.try_send(is_granted);
    });
    match answered.recv_timeout(Duration::from_secs(60)) {
        Ok(true) => Ok(()),
        Ok(false) | Err(_) => Err(Trouble::NoPermission {
            path: "the cameras".into(),
            group: None,
        }),
    }
}

fn failed(path: &str, what: &str, error: &NokhwaError) -> Trouble {
    Trouble::Failed {
        path: path.into(),
        what: what.into(),
        why: PlainText::from(error.to_string()),
    }
}

impl Backend for Anywhere {
    fn list(&self) -> Result<Vec<Found>, Trouble> {
        permission()?;
        let listed = nokhwa::query(ApiBackend::Auto);
        let listed = listed.map_err(|error| failed("nokhwa", "looking for cameras", &error))?;
        let mut found: Vec<Found> = listed
            .iter()
            .filter_map(|info| {
                let index = info.index().as_index().ok()?;
                Some(Found {
                    index,
                    path: match cfg!(target_os = "linux") {
                        true => format!("/dev/video{index}"),
                        false => index.to_string(),
                    },
                    aliases: Vec::new(),
                    name: PlainText::from_peer(&info.human_name()),
                    bus: PlainText::from_peer(&info.misc()),
                    driver: PlainText::from_peer(info.description()),
                })
            })
            .collect();
        found.sort_by_key(|one| one.index);
        Ok(found)
    }

    fn open(&self, found: &Found) -> Result<Arc<dyn Device>, Trouble> {
        permission()?;
        let any = RequestedFormat::with_formats(RequestedFormatType::None, frame_formats());
        let camera = RawCamera::new(CameraIndex::Index(found.index), any);
        let camera = camera.map_err(|error| failed(&found.path, "opening it", &error))?;
        Ok(Arc::new(Camera {
            path: found.path.clone(),
            camera: Arc::new(Mutex::new(camera)),
        }))
    }
}

struct Camera {
    path: String,
    camera: Arc<Mutex<RawCamera>>,
}

fn lock(camera: &Mutex<RawCamera>) -> MutexGuard<'_, RawCamera> {
    camera.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Which of nokhwa's formats is which of ours.
const FORMATS: [(FrameFormat, FourCc); 6] = [
    (FrameFormat::MJPEG, FourCc(*b"MJPG")),
    (FrameFormat::YUYV, FourCc(*b"YUYV")),
    (FrameFormat::NV12, FourCc(*b"NV12")),
    (FrameFormat::GRAY, FourCc(*b"GREY")),
    (FrameFormat::RAWRGB, FourCc(*b"RGB3")),
    (FrameFormat::RAWBGR, FourCc(*b"BGR3")),
];

fn fourcc(format: FrameFormat) -> Option<FourCc> {
    let found = FORMATS.iter().find(|(theirs, _)| *theirs == format);
    found.map(|(_, ours)| *ours)
}

fn whole_rate(rate: u32) -> Interval {
    Interval {
        numerator: 1,
        denominator: rate,
    }
}

impl Device for Camera {
    fn formats(&self) -> Result<Vec<Format>, Trouble> {
        let listed = lock(&self.camera).compatible_camera_formats();
        let listed = listed.map_err(|error| failed(&self.path, "listing its formats", &error))?;
        let mut formats: Vec<Format> = Vec::new();
        for (theirs, ours) in FORMATS {
            let mut sizes: Vec<Size> = Vec::new();
            for one in listed.iter().filter(|one| one.format() == theirs) {
                let size_px = (one.width(), one.height());
                let interval = whole_rate(one.frame_rate());
                let intervals = Intervals {
                    shortest: interval,
                    longest: interval,
                };
                match sizes.iter_mut().find(|size| size.most == size_px) {
                    Some(size) => size.intervals.push(intervals),
                    None => sizes.push(Size {
                        least: size_px,
                        most: size_px,
                        step: (0, 0),
                        intervals: vec![intervals],
                    }),
                }
            }
            if !sizes.is_empty() {
                formats.push(Format {
                    fourcc: ours,
                    label: PlainText::from(theirs.to_string()),
                    sizes,
                });
            }
        }
        Ok(formats)
    }

    fn controls(&self) -> Result<Vec<Control>, Trouble> {
        let listed = lock(&self.camera).camera_controls();
        let listed = listed.map_err(|error| failed(&self.path, "listing its controls", &error))?;
        Ok(listed.iter().filter_map(control).collect())
    }

    fn set(&self, control: &Control, value: i64) -> Result<(), Trouble> {
        let what = control.shown.name.as_str();
        let setter = match control.shown.kind {
            ControlKind::Switch => ControlValueSetter::Boolean(value != 0),
            ControlKind::Choice => ControlValueSetter::EnumValue(value),
            ControlKind::Number | ControlKind::Press => ControlValueSetter::Integer(value),
        };
        let id = known_of(control.id);
        let set = lock(&self.camera).set_camera_control(id, setter);
        match set {
            // It has set another value than was asked; what it is now is read by whoever asked.
            Ok(()) => Ok(()),
            Err(NokhwaError::SetPropertyError { error, .. }) if error == REJECTED => Ok(()),
            Err(error) => Err(failed(&self.path, what, &error)),
        }
    }

    fn configure(&self, mode: &Mode) -> Result<Agreed, Trouble> {
        let refused = |why: &str| Trouble::Refused {
            path: self.path.as_str().into(),
            what: PlainText::from(mode.to_string()),
            why: why.into(),
        };
        let theirs = FORMATS.iter().find(|(_, ours)| *ours == mode.fourcc);
        let (format, _) = theirs.ok_or_else(|| refused("nokhwa does not know this format"))?;
        let rate = mode.interval.and_then(Interval::rate_hz);
        let mut camera = lock(&self.camera);
        // The cast keeps what a rate can be.
        let rate = rate.map_or_else(|| camera.frame_rate(), |rate| rate.round() as u32);
        let wanted = CameraFormat::new_from(mode.size.0, mode.size.1, *format, rate);
        let exact = RequestedFormatType::Exact(wanted);
        let set = camera.set_camera_requset(RequestedFormat::with_formats(exact, &[*format]));
        set.map_err(|error| failed(&self.path, &mode.to_string(), &error))?;
        let got = camera.camera_format();
        Ok(Agreed {
            mode: Mode {
                fourcc: fourcc(got.format()).ok_or_else(|| refused("it sets another format"))?,
                size: (got.width(), got.height()),
                interval: Some(whole_rate(got.frame_rate())),
            },
            stride: 0,
            image_bytes: 0,
        })
    }

    fn start(&self) -> Result<Box<dyn Stream>, Trouble> {
        let opened = lock(&self.camera).open_stream();
        opened.map_err(|error| failed(&self.path, "starting", &error))?;
        Ok(Box::new(Streaming {
            path: self.path.clone(),
            camera: Arc::clone(&self.camera),
            last: Vec::new(),
        }))
    }
}

/// nokhwa's own controls are numbered from here, so that none is taken for one of Linux.
const OWN: u128 = 1 << 96;
/// nokhwa's word for a control that has taken another value than was asked.
const REJECTED: &str = "Rejected";
const KNOWN: [KnownCameraControl; 15] = nokhwa::utils::all_known_camera_controls();

fn id_of(control: KnownCameraControl) -> u128 {
    match control {
        KnownCameraControl::Other(id) => id,
        known => {
            let place = KNOWN.iter().position(|one| *one == known).unwrap_or(0);
            OWN.saturating_add(place as u128)
        }
    }
}

fn known_of(id: u128) -> KnownCameraControl {
    let place = id
        .checked_sub(OWN)
        .and_then(|place| usize::try_from(place).ok());
    let known = place.and_then(|place| KNOWN.get(place).copied());
    known.unwrap_or(KnownCameraControl::Other(id))
}

fn control(raw: &RawControl) -> Option<Control> {
    let plain = |kind, value, least, most, step, default, choices| Described {
        id: id_of(raw.control()),
        label: PlainText::from_peer(raw.name()),
        kind,
        value: Some(value),
        least,
        most,
        step: u64::try_from(step).unwrap_or(0),
        default,
        choices,
        access: access(raw),
    };
    let described = match raw.description() {
        ControlValueDescription::Integer {
            value,
            default,
            step,
        } => plain(
            ControlKind::Number,
            *value,
            i64::MIN,
            i64::MAX,
            *step,
            *default,
            Vec::new(),
        ),
        ControlValueDescription::IntegerRange {
            min,
            max,
            value,
            step,
            default,
        } => plain(
            ControlKind::Number,
            *value,
            *min,
            *max,
            *step,
            *default,
            Vec::new(),
        ),
        ControlValueDescription::Boolean { value, default } => plain(
            ControlKind::Switch,
            i64::from(*value),
            0,
            1,
            1,
            i64::from(*default),
            Vec::new(),
        ),
        ControlValueDescription::Enum {
            value,
            possible,
            default,
        } => {
            let choices = possible.iter().map(|number| Choice {
                value: *number as f64,
                name: PlainText::from(number.to_string()),
            });
            plain(
                ControlKind::Choice,
                *value,
                0,
                0,
                1,
                *default,
                choices.collect(),
            )
        }
        // Points, colours, texts: nothing that one number sets.
        _ => return None,
    };
    let mut control = described.control();
    if raw.control() == KnownCameraControl::Gain {
        control.role = Role::Gain;
    }
    Some(control)
}

fn access(raw: &RawControl) -> ControlAccess {
    let has = |flag| raw.flag().contains(&flag);
    if has(KnownCameraControlFlag::ReadOnly) {
        ControlAccess::ReadOnly
    } else if has(KnownCameraControlFlag::Disabled) || !raw.active() {
        ControlAccess::Inactive
    } else {
        ControlAccess::Free
    }
}

struct Streaming {
    path: String,
    camera: Arc<Mutex<RawCamera>>,
    last: Vec<u8>,
}

impl Stream for Streaming {
    fn next(&mut self, _: Duration) -> Result<Option<Shot<'_>>, Trouble> {
        let mut camera = lock(&self.camera);
        let taken = camera.frame_raw();
        let bytes = taken.map_err(|error| failed(&self.path, "taking a picture", &error))?;
        self.last.clear();
        self.last.extend_from_slice(&bytes);
        Ok(Some(Shot {
            bytes: &self.last,
            sequence: None,
            age: None,
            is_damaged: false,
        }))
    }
}

impl Drop for Streaming {
    fn drop(&mut self) {
        if let Err(error) = lock(&self.camera).stop_stream() {
            tracing::warn!("{} does not stop: {error}", self.path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn controls_are_known_again_by_their_number() {
        for control in KNOWN {
            assert_eq!(known_of(id_of(control)), control);
        }
        let exposure = KnownCameraControl::Other(0x009a_0902);
        assert_eq!(known_of(id_of(exposure)), exposure);
    }

    #[test]
    fn every_format_of_nokhwa_has_its_name() {
        for format in frame_formats() {
            assert!(fourcc(*format).is_some(), "{format}");
        }
    }
}
