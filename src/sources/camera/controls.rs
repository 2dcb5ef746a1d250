//! Controls as people see them: one word for each name, units where the device's number has one,
//! and which of them are the exposure and the gain.

use super::device::{Agreed, Control, Found, Interval, Role, tidy};
use crate::model::{
    Activity, Camera, CameraControl, Choice, Command, CommandKind, ControlAccess, ControlKind,
    Instrument, Limits, PlainText, Reading, Unit, Value,
};

/// What a number of the device is worth. Source: Linux, "Camera Control Reference" and "User
/// Control IDs", `v4l2-controls.h`.
struct Meaning {
    id: u32,
    unit: &'static str,
    scale: f64,
    role: Role,
}

const fn meaning(id: u32, unit: &'static str, scale: f64, role: Role) -> Meaning {
    Meaning {
        id,
        unit,
        scale,
        role,
    }
}

const MEANINGS: [Meaning; 8] = [
    // Steps of 100 microseconds.
    meaning(0x009a_0902, "ms", 0.1, Role::Exposure),
    meaning(0x0098_0913, "", 1.0, Role::Gain),
    // An image sensor's own gain.
    meaning(0x009e_0903, "", 1.0, Role::Gain),
    // White balance and pan, tilt.
    meaning(0x0098_091a, "K", 1.0, Role::Other),
    meaning(0x009a_0908, "arcsec", 1.0, Role::Other),
    meaning(0x009a_0909, "arcsec", 1.0, Role::Other),
    // Exposure bias is a menu of thousandths.
    meaning(0x009a_0913, "mEV", 1.0, Role::Other),
    // JPEG quality.
    meaning(0x009d_0903, "%", 1.0, Role::Other),
];

/// What a device says of a control, in its own numbers.
#[derive(Clone, Debug)]
pub(super) struct Described {
    pub id: u128,
    pub label: PlainText,
    pub kind: ControlKind,
    pub value: Option<i64>,
    pub least: i64,
    pub most: i64,
    pub step: u64,
    pub default: i64,
    pub choices: Vec<Choice>,
    pub access: ControlAccess,
}

impl Described {
    /// The control as it is shown.
    pub(super) fn control(self) -> Control {
        let known = MEANINGS.iter().find(|one| u128::from(one.id) == self.id);
        let (unit, scale, role) = known.map_or(("", 1.0, Role::Other), |one| {
            (one.unit, one.scale, one.role)
        });
        let number = |raw: i64| shown(raw, scale);
        let is_number = self.kind == ControlKind::Number;
        let shown = CameraControl {
            name: word(&self.label).into(),
            label: self.label,
            kind: self.kind,
            value: self.value.map(number),
            unit: unit.into(),
            range: is_number
                .then(|| Limits::new(number(self.least), number(self.most)))
                .flatten(),
            step: (is_number && self.step > 0).then(|| exact(self.step as f64 * scale)),
            default: (self.kind != ControlKind::Press).then(|| number(self.default)),
            choices: self.choices,
            access: self.access,
        };
        Control {
            id: self.id,
            shown,
            scale,
            role,
        }
    }
}

/// A number of the device in the unit that is shown.
fn shown(raw: i64, scale: f64) -> f64 {
    exact(raw as f64 * scale)
}

/// Without the noise of a scale that is no binary fraction.
fn exact(value: f64) -> f64 {
    (value * 1e6).round() / 1e6
}

impl Control {
    /// A number that is shown in the device's own; the nearest that it takes.
    pub(super) fn raw(&self, shown: f64) -> i64 {
        // The cast saturates, and what is out of range has been refused before.
        (shown / self.scale).round() as i64
    }
}

/// What a command sets, and to which number; `None` if it is none that sets something.
///
/// The command has been checked: what it names is there.
pub(super) fn target<'a>(controls: &'a [Control], command: &Command) -> Option<(&'a Control, f64)> {
    let of_role = |role: Role| controls.iter().find(|control| control.role == role);
    match command {
        Command::SetExposure { exposure, .. } => {
            let ms = match exposure.unit {
                Unit::Raw => exposure.value,
                _ => exposure.in_unit(Unit::Millisecond)?,
            };
            of_role(Role::Exposure).map(|control| (control, ms))
        }
        Command::SetGain { gain, .. } => of_role(Role::Gain).map(|control| (control, *gain)),
        Command::SetControl { control, value, .. } => {
            let same = |one: &&Control| one.shown.name.eq_ignore_ascii_case(control);
            let found = controls.iter().find(same)?;
            let camera = camera("", controls);
            let value = crate::control::control_value(&camera, control, value).ok()?;
            Some((found, value))
        }
        _ => None,
    }
}

/// The camera as an instrument. It has nothing that moves or emits.
pub(super) fn instrument(detector: &str, controls: &[Control], is_open: bool) -> Instrument {
    let has = |role: Role| controls.iter().any(|control| control.role == role);
    let offers = [
        (CommandKind::Refresh, true),
        (CommandKind::Exposure, has(Role::Exposure)),
        (CommandKind::Gain, has(Role::Gain)),
        (CommandKind::Control, !controls.is_empty()),
    ];
    let offers = offers.into_iter().filter(|(_, offered)| *offered);
    Instrument {
        activity: match is_open {
            true => Activity::LiveView,
            false => Activity::Disconnected,
        },
        cameras: vec![Camera {
            streaming: is_open.then_some(true),
            ..camera(detector, controls)
        }],
        offers: offers.map(|(kind, _)| kind).collect(),
        ..Instrument::default()
    }
}

fn camera(detector: &str, controls: &[Control]) -> Camera {
    let of_role = |role: Role| controls.iter().find(|control| control.role == role);
    let (exposure, gain) = (of_role(Role::Exposure), of_role(Role::Gain));
    Camera {
        name: detector.into(),
        exposure_ms: exposure.and_then(|control| control.shown.value),
        exposure_range_ms: exposure.and_then(|control| control.shown.range),
        gain: gain.and_then(|control| control.shown.value),
        gain_range: gain.and_then(|control| control.shown.range),
        streaming: None,
        controls: controls
            .iter()
            .map(|control| control.shown.clone())
            .collect(),
    }
}

/// How the controls stand, as readings.
pub(super) fn readings(controls: &[Control]) -> Vec<Reading> {
    let mut readings: Vec<Reading> = Vec::new();
    for control in controls {
        let shown = &control.shown;
        let Some(value) = shown.value else {
            continue;
        };
        let value = match shown.kind {
            ControlKind::Switch => Value::Bool(value != 0.0),
            ControlKind::Choice => Value::Text(PlainText::from(shown.words(value))),
            ControlKind::Number | ControlKind::Press => Value::Float(value),
        };
        let unit = unit_of(control.id);
        let role = match control.role {
            Role::Exposure => Some("exposure"),
            Role::Gain => Some("gain"),
            Role::Other => None,
        };
        for name in role.into_iter().chain([shown.name.as_str()]) {
            let name = PlainText::from(format!("camera/{name}"));
            // Two controls of one name: the first has it.
            if readings.iter().all(|one| one.name != name) {
                readings.push(Reading::new(name, value.clone(), unit));
            }
        }
    }
    readings
}

fn unit_of(id: u128) -> &'static str {
    let known = MEANINGS.iter().find(|one| u128::from(one.id) == id);
    known.map_or("", |one| one.unit)
}

/// What a camera is and what it sends, as readings.
pub(super) fn about(found: &Found, agreed: &Agreed) -> Vec<Reading> {
    let (width, height) = agreed.mode.size;
    let mut readings = vec![
        Reading::new("camera/name", found.name.clone(), ""),
        Reading::new("camera/path", found.path.as_str(), ""),
        Reading::new("camera/bus", found.bus.clone(), ""),
        Reading::new("camera/driver", found.driver.clone(), ""),
        Reading::new("camera/format", agreed.mode.fourcc.to_string().as_str(), ""),
        Reading::new("camera/size", format!("{width}x{height}").as_str(), "px"),
    ];
    if let Some(rate) = agreed.mode.interval.and_then(Interval::rate_hz) {
        readings.push(Reading::new("camera/rate", tidy(rate), "1/s"));
    }
    readings
}

/// A name as one word: small letters and digits with `-` between them.
pub(super) fn word(name: &str) -> String {
    const MOST: usize = 40;
    let mut word = String::new();
    for c in name.chars() {
        match c.is_alphanumeric() {
            true => word.extend(c.to_lowercase()),
            false if word.is_empty() || word.ends_with('-') => {}
            false => word.push('-'),
        }
    }
    let end = word.floor_char_boundary(MOST);
    word.truncate(end);
    word.trim_end_matches('-').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Quantity;

    fn described(id: u32, label: &str, kind: ControlKind, value: i64) -> Described {
        Described {
            id: u128::from(id),
            label: label.into(),
            kind,
            value: Some(value),
            least: 3,
            most: 2_047,
            step: 1,
            default: 250,
            choices: Vec::new(),
            access: ControlAccess::Free,
        }
    }

    fn controls() -> Vec<Control> {
        let number = ControlKind::Number;
        vec![
            described(0x009a_0902, "Exposure Time, Absolute", number, 333).control(),
            described(0x0098_0913, "Gain", number, 16).control(),
            described(0x0098_091a, "White Balance Temperature", number, 2_000).control(),
            described(0x0098_0914, "Horizontal Flip", ControlKind::Switch, 1).control(),
        ]
    }

    #[test]
    fn names_become_words() {
        for (name, expected) in [
            ("Exposure Time, Absolute", "exposure-time-absolute"),
            ("  HD Pro: Webcam (C920) ", "hd-pro-webcam-c920"),
            ("\u{b5}Eye", "\u{b5}eye"),
            ("///", ""),
            ("", ""),
        ] {
            assert_eq!(word(name), expected, "{name:?}");
        }
        assert!(word(&"long ".repeat(50)).len() <= 40);
    }

    #[test]
    fn numbers_have_units_and_exposure_is_a_time() {
        let controls = controls();
        let exposure = &controls[0].shown;
        assert_eq!((exposure.value, exposure.unit.as_str()), (Some(33.3), "ms"));
        assert_eq!(exposure.range, Limits::new(0.3, 204.7));
        assert_eq!((exposure.step, exposure.default), (Some(0.1), Some(25.0)));
        let camera = instrument("eye", &controls, true).cameras.remove(0);
        assert_eq!((camera.exposure_ms, camera.gain), (Some(33.3), Some(16.0)));
        let readings: Vec<(String, Value, &str)> = readings(&controls)
            .into_iter()
            .map(|one| (one.name.to_string(), one.value, one.unit))
            .collect();
        let reading = |name: &str, value: Value, unit| (name.to_owned(), value, unit);
        assert_eq!(
            readings,
            [
                reading("camera/exposure", 33.3.into(), "ms"),
                reading("camera/exposure-time-absolute", 33.3.into(), "ms"),
                reading("camera/gain", 16.0.into(), ""),
                reading("camera/white-balance-temperature", 2_000.0.into(), "K"),
                reading("camera/horizontal-flip", true.into(), ""),
            ]
        );
    }

    #[test]
    fn commands_set_the_number_of_the_device() {
        let controls = controls();
        let exposure = |value, unit| Command::SetExposure {
            camera: None,
            exposure: Quantity::new(value, unit),
        };
        let set = |control: &str, value: &str| Command::SetControl {
            camera: None,
            control: control.into(),
            value: value.into(),
        };
        for (command, index, raw) in [
            (exposure(10.0, Unit::Millisecond), 0, 100),
            (exposure(10.04, Unit::Raw), 0, 100),
            (exposure(1_250.0, Unit::Microsecond), 0, 13),
            (set("exposure-time-absolute", "0.02s"), 0, 200),
            (
                Command::SetGain {
                    camera: None,
                    gain: 7.0,
                },
                1,
                7,
            ),
            (set("horizontal-flip", "off"), 3, 0),
        ] {
            let (control, value) = target(&controls, &command).unwrap();
            assert_eq!(
                (control, control.raw(value)),
                (&controls[index], raw),
                "{command}"
            );
        }
        assert_eq!(target(&controls, &Command::Refresh), None);
    }

    #[test]
    fn only_what_a_camera_has_is_offered() {
        let offers = |controls: &[Control]| instrument("eye", controls, true).offers;
        use CommandKind::{Control as Set, Exposure, Gain, Refresh};
        assert_eq!(offers(&controls()), [Refresh, Exposure, Gain, Set]);
        assert_eq!(offers(&controls()[3..]), [Refresh, Set]);
        assert_eq!(offers(&[]), [Refresh]);
        assert!(!instrument("eye", &controls(), true).may_move());
    }
}
