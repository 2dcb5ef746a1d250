//! What cameras this machine has, and what each of them can do: for `ttyscope cameras`.

use std::fmt::Write as _;

use serde::Serialize;

use super::mission::Exit;
use super::voice::{self, Patience, Voice, people};
use crate::model::{CameraControl, PlainText};
use crate::sources::camera::{
    Backend, Control, Format, Found, Interval, Intervals, Layer, Size, Trouble, backend,
    rate_words, size_words,
};

/// Lists them.
///
/// # Errors
/// Nobody can say which there are.
pub fn list(json: bool) -> anyhow::Result<Exit> {
    // What a device says may be too much for its library; that becomes a sentence and needs no
    // second report.
    std::panic::set_hook(Box::new(|info| tracing::debug!("{info}")));
    let cameras = look(backend(Layer::Native).as_ref())?;
    if json {
        voice::json_line(Patience::Word, &Listing { cameras: &cameras });
    } else {
        for camera in &cameras {
            voice::text(&format_args!("{}\n", camera.words()));
        }
    }
    if cameras.is_empty() {
        let voice = if json { Voice::Json } else { Voice::People };
        people(voice, Patience::Word, format_args!("ttyscope: {NONE}"));
        return Ok(Exit::Incomplete);
    }
    Ok(Exit::Done)
}

const NONE: &str = "no camera is attached to this machine: plug one in and ask again; into a \
                    container or a virtual machine it has to be passed (/dev/video0 and its like)";

/// A camera and what it says of itself.
#[derive(Debug)]
struct Camera {
    found: Found,
    can: Result<Can, Trouble>,
}

#[derive(Debug)]
struct Can {
    formats: Vec<Format>,
    /// Why they are not known, if they are not.
    controls: Result<Vec<Control>, Trouble>,
}

fn look(backend: &dyn Backend) -> Result<Vec<Camera>, Trouble> {
    let found = backend.list()?;
    let camera = |found: Found| {
        let can = backend.open(&found).and_then(|device| {
            Ok(Can {
                formats: device.formats()?,
                controls: device.controls(),
            })
        });
        Camera { found, can }
    };
    Ok(found.into_iter().map(camera).collect())
}

impl Camera {
    /// A block of lines.
    fn words(&self) -> String {
        let found = &self.found;
        let mut text = String::new();
        // Writing into a text cannot fail.
        let mut line = |head: &str, rest: &str| {
            let _ = writeln!(text, "  {head:<9} {rest}");
        };
        line(
            "source",
            &format!("camera:{} or camera:{}", found.path, found.index),
        );
        for alias in &found.aliases {
            line("also", &format!("camera:{}", PlainText::from_peer(alias)));
        }
        let bus = [&found.bus, &found.driver].map(PlainText::as_str);
        let bus: Vec<&str> = bus.into_iter().filter(|part| !part.is_empty()).collect();
        if !bus.is_empty() {
            line("bus", &bus.join(", driver "));
        }
        match &self.can {
            Err(trouble) => line("closed", &trouble.to_string()),
            Ok(can) => {
                let mut head = "formats";
                for format in &can.formats {
                    for (index, size) in format.sizes.iter().enumerate() {
                        let fourcc = match index {
                            0 => format.fourcc.to_string(),
                            _ => String::new(),
                        };
                        let rates = match rate_words(&size.intervals) {
                            rates if rates.is_empty() => String::new(),
                            rates => format!(" at {rates} a second"),
                        };
                        line(head, &format!("{fourcc:<5} {}{rates}", size_words(size)));
                        head = "";
                    }
                }
                match &can.controls {
                    Err(trouble) => line("controls", &trouble.to_string()),
                    Ok(controls) => {
                        let mut head = "controls";
                        for control in controls {
                            line(head, &control_words(&control.shown));
                            head = "";
                        }
                    }
                }
            }
        }
        format!(
            "{}  {}\n{text}",
            PlainText::from_peer(&found.path),
            found.name
        )
    }
}

fn control_words(control: &CameraControl) -> String {
    use crate::model::ControlAccess::{Free, Inactive, ReadOnly};
    let value = control
        .value
        .map(|value| format!(" {}", control.words(value)));
    let default = control
        .default
        .map(|value| format!(", at first {}", control.words(value)));
    let access = match control.access {
        Free => "",
        ReadOnly => ", read-only",
        Inactive => ", not in force now",
    };
    format!(
        "{}{} ({}{}{access})",
        control.name,
        value.unwrap_or_default(),
        control.takes(),
        default.unwrap_or_default()
    )
}

#[derive(Serialize)]
struct Listing<'a> {
    cameras: &'a [Camera],
}

impl Serialize for Camera {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let found = &self.found;
        let record = CameraRecord {
            source: format!("camera:{}", found.path),
            path: &found.path,
            index: found.index,
            aliases: &found.aliases,
            name: &found.name,
            bus: &found.bus,
            driver: &found.driver,
            trouble: self.can.as_ref().err().map(ToString::to_string),
            formats: match &self.can {
                Ok(can) => can.formats.iter().map(format_record).collect(),
                Err(_) => Vec::new(),
            },
            controls: match &self.can {
                Ok(Can {
                    controls: Ok(controls),
                    ..
                }) => controls
                    .iter()
                    .map(|one| control_record(&one.shown))
                    .collect(),
                _ => Vec::new(),
            },
        };
        record.serialize(to)
    }
}

#[derive(Serialize)]
struct CameraRecord<'a> {
    source: String,
    path: &'a str,
    index: u32,
    aliases: &'a [String],
    name: &'a str,
    bus: &'a str,
    driver: &'a str,
    trouble: Option<String>,
    formats: Vec<FormatRecord<'a>>,
    controls: Vec<ControlRecord<'a>>,
}

#[derive(Serialize)]
struct FormatRecord<'a> {
    fourcc: String,
    label: &'a str,
    sizes: Vec<SizeRecord>,
}

/// A single size has the same least and most.
#[derive(Serialize)]
struct SizeRecord {
    least_px: (u32, u32),
    most_px: (u32, u32),
    step_px: (u32, u32),
    /// Shortest and longest time between two pictures, each as a fraction of seconds.
    intervals: Vec<[(u32, u32); 2]>,
    /// The same as pictures a second, the most and the least.
    rates_hz: Vec<[Option<f64>; 2]>,
}

#[derive(Serialize)]
struct ControlRecord<'a> {
    name: &'a str,
    label: &'a str,
    kind: &'static str,
    value: Option<f64>,
    unit: &'a str,
    range: Option<[f64; 2]>,
    step: Option<f64>,
    default: Option<f64>,
    choices: Vec<(f64, &'a str)>,
    access: &'static str,
}

fn format_record(format: &Format) -> FormatRecord<'_> {
    FormatRecord {
        fourcc: format.fourcc.to_string(),
        label: &format.label,
        sizes: format.sizes.iter().map(size_record).collect(),
    }
}

fn size_record(size: &Size) -> SizeRecord {
    let fraction = |one: Interval| (one.numerator, one.denominator);
    let pair = |one: &Intervals| [fraction(one.shortest), fraction(one.longest)];
    let rates = |one: &Intervals| [one.shortest.rate_hz(), one.longest.rate_hz()];
    SizeRecord {
        least_px: size.least,
        most_px: size.most,
        step_px: size.step,
        intervals: size.intervals.iter().map(pair).collect(),
        rates_hz: size.intervals.iter().map(rates).collect(),
    }
}

fn control_record(control: &CameraControl) -> ControlRecord<'_> {
    let choices = control.choices.iter();
    ControlRecord {
        name: &control.name,
        label: &control.label,
        kind: control.kind.as_str(),
        value: control.value,
        unit: &control.unit,
        range: control.range.map(|range| [range.min, range.max]),
        step: control.step,
        default: control.default,
        choices: choices.map(|one| (one.value, one.name.as_str())).collect(),
        access: control.access.as_str(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Choice, ControlAccess, ControlKind, Limits};
    use crate::sources::camera::{FourCc, Role};

    fn camera() -> Camera {
        let at = |numerator, denominator| {
            let interval = Interval {
                numerator,
                denominator,
            };
            Intervals {
                shortest: interval,
                longest: interval,
            }
        };
        let menu = CameraControl {
            name: "power-line-frequency".into(),
            label: "Power Line Frequency".into(),
            kind: ControlKind::Choice,
            value: Some(1.0),
            unit: "".into(),
            range: None,
            step: None,
            default: Some(0.0),
            choices: [(0.0, "Disabled"), (1.0, "50 Hz")]
                .map(|(value, name)| Choice {
                    value,
                    name: name.into(),
                })
                .to_vec(),
            access: ControlAccess::Free,
        };
        let exposure = CameraControl {
            name: "exposure-time".into(),
            label: "Exposure Time".into(),
            kind: ControlKind::Number,
            value: Some(33.3),
            unit: "ms".into(),
            range: Limits::new(0.3, 204.7),
            step: Some(0.1),
            default: None,
            choices: Vec::new(),
            access: ControlAccess::Inactive,
        };
        let controls = [menu, exposure].map(|shown| Control {
            id: 0,
            shown,
            scale: 1.0,
            role: Role::Other,
        });
        Camera {
            found: Found {
                index: 2,
                path: "/dev/video2".to_owned(),
                aliases: vec!["/dev/v4l/by-id/usb-a-index0".to_owned()],
                name: "HD Webcam".into(),
                bus: "usb-1".into(),
                driver: "uvcvideo".into(),
            },
            can: Ok(Can {
                formats: vec![Format {
                    fourcc: FourCc(*b"YUYV"),
                    label: "YUYV 4:2:2".into(),
                    sizes: vec![
                        Size {
                            least: (640, 480),
                            most: (640, 480),
                            step: (0, 0),
                            intervals: vec![at(1, 30), at(2, 25)],
                        },
                        Size {
                            least: (32, 32),
                            most: (64, 64),
                            step: (8, 8),
                            intervals: Vec::new(),
                        },
                    ],
                }],
                controls: Ok(controls.to_vec()),
            }),
        }
    }

    #[test]
    fn a_camera_is_a_block_of_lines() {
        let expected = "\
/dev/video2  HD Webcam
  source    camera:/dev/video2 or camera:2
  also      camera:/dev/v4l/by-id/usb-a-index0
  bus       usb-1, driver uvcvideo
  formats   YUYV  640x480 at 12.5, 30 a second
                  32x32 to 64x64 in steps of 8x8
  controls  power-line-frequency 50 Hz (one of Disabled, 50 Hz, at first Disabled)
            exposure-time 33.3 ms (0.3 to 204.7 ms in steps of 0.1, not in force now)
";
        assert_eq!(camera().words(), expected);
    }

    #[test]
    fn a_camera_that_may_not_be_opened_says_who_may() {
        let mut camera = camera();
        camera.can = Err(Trouble::NoPermission {
            path: "/dev/video2".into(),
            group: Some("video".into()),
        });
        let words = camera.words();
        assert!(words.contains("closed    no permission"), "{words}");
        assert!(words.contains("usermod -aG video"), "{words}");
        let json = serde_json::to_value(&camera).unwrap();
        assert!(json["trouble"].as_str().unwrap().contains("video"));
        assert_eq!(json["formats"], serde_json::json!([]));
    }

    #[test]
    fn json_says_the_same() {
        let cameras = [camera()];
        let json = serde_json::to_value(Listing { cameras: &cameras }).unwrap();
        let one = &json["cameras"][0];
        assert_eq!(one["source"], "camera:/dev/video2");
        let size = &one["formats"][0]["sizes"][0];
        assert_eq!(size["intervals"][1], serde_json::json!([[2, 25], [2, 25]]));
        assert_eq!(size["rates_hz"][1], serde_json::json!([12.5, 12.5]));
        assert_eq!(
            one["controls"][0]["choices"][1],
            serde_json::json!([1.0, "50 Hz"])
        );
        assert_eq!(one["controls"][1]["access"], "inactive");
    }
}
