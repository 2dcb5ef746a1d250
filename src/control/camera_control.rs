//! What a value that was written means to a control of a camera.

use super::check::{Refusal, within};
use crate::model::{Camera, CameraControl, ControlAccess, ControlKind, PlainText, Unit};

/// A value for a control in the control's own unit: 1 and 0 for on and off, the number of a choice,
/// 0 for one that is pressed.
///
/// # Errors
/// There is no such control, it may not be set now, or it does not take this.
pub fn control_value(camera: &Camera, name: &str, written: &str) -> Result<f64, Refusal> {
    let control = camera.control(name).ok_or_else(|| Refusal::NoSuch {
        what: "control",
        got: name.into(),
        known: camera.controls.iter().map(|c| c.name.to_string()).collect(),
    })?;
    match control.access {
        ControlAccess::Free => {}
        ControlAccess::ReadOnly => {
            return Err(Refusal::ReadOnly {
                control: control.name.clone(),
            });
        }
        ControlAccess::Inactive => {
            return Err(Refusal::Inactive {
                control: control.name.clone(),
                by: automatic(camera, control),
            });
        }
    }
    let written = written.trim();
    let value = match control.kind {
        ControlKind::Press => written.is_empty().then_some(0.0),
        ControlKind::Switch => match written.to_lowercase().as_str() {
            "on" | "true" | "1" => Some(1.0),
            "off" | "false" | "0" => Some(0.0),
            _ => None,
        },
        ControlKind::Choice => choice(control, written),
        ControlKind::Number => number(control, written),
    };
    let value = value.filter(|value| value.is_finite());
    let value = value.ok_or_else(|| Refusal::NotTaken {
        control: control.name.clone(),
        got: written.into(),
        takes: control.takes(),
    })?;
    // Units are few and known; whoever made one up gets its number alone.
    let unit = Unit::from_name(&control.unit).map_or("", Unit::as_str);
    within(control.name.clone(), value, control.range, unit)?;
    Ok(value)
}

/// Automatic controls that share a word with this one: `exposure-auto` may have `exposure-time`.
fn automatic(camera: &Camera, of: &CameraControl) -> Vec<PlainText> {
    let words: Vec<&str> = of.name.split('-').collect();
    let is_automatic = |name: &str| name.split('-').any(|word| word.starts_with("auto"));
    let shares = |name: &str| name.split('-').any(|word| words.contains(&word));
    let others = camera.controls.iter().map(|control| &control.name);
    others
        .filter(|name| **name != of.name && is_automatic(name) && shares(name))
        .cloned()
        .collect()
}

/// By its name, by the only one that begins so, or by its number.
fn choice(control: &CameraControl, written: &str) -> Option<f64> {
    let lower = written.to_lowercase();
    let named = |choice: &&crate::model::Choice| choice.name.to_lowercase() == lower;
    if let Some(found) = control.choices.iter().find(named) {
        return Some(found.value);
    }
    if let Ok(number) = written.parse::<f64>() {
        let numbered = control.choices.iter().find(|one| one.value == number);
        return numbered.map(|one| one.value);
    }
    let mut begun = control
        .choices
        .iter()
        .filter(|one| !lower.is_empty() && one.name.to_lowercase().starts_with(&lower));
    match (begun.next(), begun.next()) {
        (Some(only), None) => Some(only.value),
        _ => None,
    }
}

/// A number, with its own unit behind it or one that measures the same.
fn number(control: &CameraControl, written: &str) -> Option<f64> {
    let own = control.unit.as_str();
    if let Ok(number) = written
        .strip_suffix(own)
        .unwrap_or(written)
        .trim_end()
        .parse()
    {
        return Some(number);
    }
    let unit_at = written.rfind(|c: char| c.is_ascii_digit() || c == '.')?;
    let (number, unit) = written.split_at_checked(unit_at.checked_add(1)?)?;
    let unit = Unit::from_name(unit.trim())?;
    unit.convert(number.parse().ok()?, Unit::from_name(own)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Choice, Limits};

    fn control(name: &str, kind: ControlKind, unit: &str) -> CameraControl {
        CameraControl {
            name: name.into(),
            label: name.into(),
            kind,
            value: None,
            unit: unit.into(),
            range: match kind {
                ControlKind::Number => Limits::new(0.1, 500.0),
                _ => None,
            },
            step: Some(0.1),
            default: None,
            choices: Vec::new(),
            access: ControlAccess::Free,
        }
    }

    fn camera() -> Camera {
        let choices = ["Manual Mode", "Aperture Priority Mode", "Auto Mode"];
        let choices = choices.iter().zip([1.0, 3.0, 0.0]);
        let menu = CameraControl {
            choices: choices
                .map(|(name, value)| Choice {
                    value,
                    name: (*name).into(),
                })
                .collect(),
            ..control("auto-exposure", ControlKind::Choice, "")
        };
        let held = CameraControl {
            access: ControlAccess::Inactive,
            ..control("exposure-time", ControlKind::Number, "ms")
        };
        let fixed = CameraControl {
            access: ControlAccess::ReadOnly,
            ..control("temperature", ControlKind::Number, "")
        };
        Camera {
            name: "eye".into(),
            exposure_ms: None,
            exposure_range_ms: None,
            gain: None,
            gain_range: None,
            streaming: None,
            controls: vec![
                menu,
                held,
                fixed,
                control("delay", ControlKind::Number, "ms"),
                control("flip", ControlKind::Switch, ""),
                control("reset", ControlKind::Press, ""),
            ],
        }
    }

    #[test]
    fn a_value_is_what_the_control_takes() {
        for (name, written, value) in [
            ("delay", "12.5", 12.5),
            ("Delay", "12.5ms", 12.5),
            ("delay", "0.25 s", 250.0),
            ("delay", "250µs", 0.25),
            ("flip", "ON", 1.0),
            ("flip", "0", 0.0),
            ("auto-exposure", "aperture priority mode", 3.0),
            ("auto-exposure", "man", 1.0),
            ("auto-exposure", "3", 3.0),
            ("reset", "", 0.0),
        ] {
            assert_eq!(
                control_value(&camera(), name, written),
                Ok(value),
                "{name} {written}"
            );
        }
    }

    #[test]
    fn what_it_does_not_take_is_refused_with_what_it_does() {
        for (name, written, part) in [
            (
                "focus",
                "1",
                "there is no control \"focus\"; there is auto-exposure, exposure-time",
            ),
            ("delay", "", "takes 0.1 to 500 ms in steps of 0.1"),
            ("delay", "fast", "\"fast\" is not that"),
            ("delay", "NaN", "is not that"),
            ("delay", "3 mm", "is not that"),
            ("delay", "1e9", "1000000000 is outside"),
            ("flip", "2", "takes on or off"),
            (
                "auto-exposure",
                "a",
                "one of Manual Mode, Aperture Priority Mode, Auto Mode",
            ),
            ("auto-exposure", "2", "one of Manual Mode"),
            ("reset", "1", "takes nothing: it is pressed"),
            ("temperature", "1", "can only be read"),
            ("exposure-time", "10", "set auto-exposure by hand first"),
        ] {
            let refusal = control_value(&camera(), name, written)
                .unwrap_err()
                .to_string();
            assert!(refusal.contains(part), "{name} {written}: {refusal}");
        }
    }
}
