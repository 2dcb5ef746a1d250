//! A knob of a camera: what it is called, what it takes, how it stands.

use super::instrument::Limits;
use super::text::PlainText;

/// A control of a camera, such as its focus or whether it minds its white balance itself.
#[derive(Clone, Debug, PartialEq)]
pub struct CameraControl {
    /// Its name, short enough to type and one word.
    pub name: PlainText,
    /// What the camera calls it.
    pub label: PlainText,
    /// What it takes.
    pub kind: ControlKind,
    /// How it stands, in `unit`: 1 and 0 for on and off, the number of a choice. `None` if nobody
    /// can say.
    pub value: Option<f64>,
    /// The unit of its numbers; empty for the camera's own.
    pub unit: PlainText,
    /// What it takes at least and at most.
    pub range: Option<Limits>,
    /// From one number that it takes to the next.
    pub step: Option<f64>,
    /// How it stands while nobody has touched it.
    pub default: Option<f64>,
    /// What there is to choose from.
    pub choices: Vec<Choice>,
    /// Whether it may be set.
    pub access: ControlAccess,
}

/// What a control takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ControlKind {
    /// A number.
    Number,
    /// On or off.
    Switch,
    /// One of its choices.
    Choice,
    /// Nothing: it is pressed.
    Press,
}

impl ControlKind {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Number, Self::Switch, Self::Choice, Self::Press];

    /// The word in recordings.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Number => "number",
            Self::Switch => "switch",
            Self::Choice => "choice",
            Self::Press => "press",
        }
    }

    /// The kind of that word.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }
}

/// Whether a control may be set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ControlAccess {
    /// It may.
    Free,
    /// Never.
    ReadOnly,
    /// Not now: another control, such as an automatic one, has it.
    Inactive,
}

impl ControlAccess {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Free, Self::ReadOnly, Self::Inactive];

    /// The words on the screen and in recordings.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Free => "free",
            Self::ReadOnly => "read-only",
            Self::Inactive => "inactive",
        }
    }

    /// The access of those words.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.as_str() == name)
    }
}

/// One of the things to choose from.
#[derive(Clone, Debug, PartialEq)]
pub struct Choice {
    /// Its number.
    pub value: f64,
    /// What the camera calls it.
    pub name: PlainText,
}

impl CameraControl {
    /// A value in words: a number and its unit, `on`, or the choice by name.
    pub fn words(&self, value: f64) -> String {
        let choice = || self.choices.iter().find(|choice| choice.value == value);
        match self.kind {
            ControlKind::Switch if value == 0.0 => "off".to_owned(),
            ControlKind::Switch => "on".to_owned(),
            ControlKind::Choice => {
                choice().map_or_else(|| value.to_string(), |c| c.name.to_string())
            }
            _ if self.unit.is_empty() => value.to_string(),
            _ => format!("{value} {}", self.unit),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_said_as_people_say_them() {
        let mut control = CameraControl {
            name: "focus".into(),
            label: "Focus".into(),
            kind: ControlKind::Number,
            value: None,
            unit: "ms".into(),
            range: None,
            step: None,
            default: None,
            choices: vec![Choice {
                value: 3.0,
                name: "Aperture Priority".into(),
            }],
            access: ControlAccess::Free,
        };
        assert_eq!(control.words(12.5), "12.5 ms");
        control.kind = ControlKind::Choice;
        assert_eq!(control.words(3.0), "Aperture Priority");
        assert_eq!(control.words(4.0), "4");
        control.kind = ControlKind::Switch;
        assert_eq!(
            (control.words(0.0), control.words(1.0)),
            ("off".into(), "on".into())
        );
    }

    #[test]
    fn words_in_recordings_are_read_back() {
        for kind in ControlKind::ALL {
            assert_eq!(ControlKind::from_name(kind.as_str()), Some(kind));
        }
        for access in ControlAccess::ALL {
            assert_eq!(ControlAccess::from_name(access.as_str()), Some(access));
        }
    }
}
