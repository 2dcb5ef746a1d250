//! Controls as people see them: one word for each name, units where the device's number has one,
//! and which of them are the exposure and the gain.

use super::device::{Control, Role};
use crate::model::{CameraControl, ControlAccess, ControlKind, Limits, PlainText};

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

/// Automatic exposure: 1 is by hand, 0, 2 and 3 mind the time themselves in part or in whole.
pub(super) const EXPOSURE_AUTO: u128 = 0x009a_0901;

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
    pub choices: Vec<crate::model::Choice>,
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
            step: (is_number && self.step > 0).then(|| tidy(self.step as f64 * scale)),
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
pub(super) fn shown(raw: i64, scale: f64) -> f64 {
    tidy(raw as f64 * scale)
}

/// Without the noise of a scale that is no binary fraction.
fn tidy(value: f64) -> f64 {
    (value * 1e6).round() / 1e6
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
