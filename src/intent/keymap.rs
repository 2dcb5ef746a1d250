//! Which keys do what: the table's defaults with the operator's changes.

use std::str::FromStr;

use super::action::{Action, Context};
use super::chord::{ChordError, Key, KeyChord};
use super::stop_keys::{StopKeys, always_stops};

/// One or more chords pressed one after the other, such as `gg`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct KeySequence(Vec<KeyChord>);

impl KeySequence {
    /// The chords, in order.
    pub fn chords(&self) -> &[KeyChord] {
        &self.0
    }

    fn overlaps(&self, other: &Self) -> bool {
        self.0.starts_with(&other.0) || other.0.starts_with(&self.0)
    }
}

impl FromStr for KeySequence {
    type Err = ChordError;

    /// Chords stand apart (`g g`); only the same letter twice may be written together (`gg`),
    /// since a misspelt name must not become a sequence nobody can press.
    fn from_str(text: &str) -> Result<Self, ChordError> {
        let mut letters = text.chars();
        if let (Some(a), Some(b), None) = (letters.next(), letters.next(), letters.next())
            && a == b
            && !a.is_whitespace()
            && !a.is_control()
        {
            return Ok(Self(vec![KeyChord::plain(Key::Char(a)); 2]));
        }
        let chords: Result<Vec<KeyChord>, _> =
            text.split_whitespace().map(KeyChord::from_str).collect();
        match chords {
            Ok(chords) if !chords.is_empty() => Ok(Self(chords)),
            Ok(_) => Err(ChordError {
                got: text.to_owned(),
            }),
            Err(error) => Err(error),
        }
    }
}

impl std::fmt::Display for KeySequence {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let words: Vec<String> = self.0.iter().map(KeyChord::to_string).collect();
        let together = words.iter().all(|word| word.chars().count() == 1);
        f.pad(&words.join(if together { "" } else { " " }))
    }
}

/// What is wrong with the keys in a configuration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeymapError {
    /// There is no such action.
    #[error("keys: there is no action \"{got}\"; {}", suggestion(.got))]
    UnknownAction {
        /// What was written.
        got: String,
    },
    /// The key is not one.
    #[error("keys: {action} = \"{}\": {source}", .source.got)]
    Chord {
        /// The action it was written for.
        action: &'static str,
        /// What was written.
        source: ChordError,
    },
    /// Two actions would have the same key.
    #[error(
        "keys: \"{key}\" would be both \"{first}\" and \"{second}\" {}; give one of \
         them another key, or \"none\"",
        .context.place()
    )]
    Taken {
        /// The key, or the shorter of two sequences of which one begins with the other.
        key: String,
        /// One action's name.
        first: &'static str,
        /// The other's.
        second: &'static str,
        /// Where both count.
        context: Context,
    },
    /// Without this the program could not be left or understood.
    #[error("keys: {action} = \"none\": \"{action}\" needs a key; write one, e.g. \"{default}\"")]
    Needed {
        /// The action.
        action: &'static str,
        /// Its default key.
        default: &'static str,
    },
    /// The key that always stops would do something else.
    #[error("keys: {action} = \"{key}\": ctrl-x always stops; give \"{action}\" another key")]
    StopTaken {
        /// The action.
        action: &'static str,
        /// What was written.
        key: String,
    },
    /// The key that always stops would be left out.
    #[error("keys: stop without ctrl-x: ctrl-x always stops; write stop = {}", list(.others))]
    StopNeeded {
        /// The keys that were written.
        others: Vec<String>,
    },
    /// A stop that takes more than one press.
    #[error("keys: stop = \"{key}\": a stop is one press; write a single key, e.g. \"F12\"")]
    StopIsOnePress {
        /// What was written.
        key: String,
    },
    /// The key that arms would fire.
    #[error("keys: fire = \"{key}\": Enter arms and must not fire; write another key, e.g. \"!\"")]
    EnterFires {
        /// What was written.
        key: String,
    },
}

/// The keys of a stop, as the configuration has them: with the one that always is.
fn list(others: &[String]) -> String {
    if others.is_empty() {
        return "\"ctrl-x\"".to_owned();
    }
    let others: Vec<String> = others.iter().map(|key| format!(", \"{key}\"")).collect();
    format!("[\"ctrl-x\"{}]", others.concat())
}

impl KeymapError {
    /// Whether it is about this action, as it was written.
    pub fn concerns(&self, written: &str) -> bool {
        match self {
            Self::UnknownAction { got } => got == written,
            Self::Chord { action, .. }
            | Self::Needed { action, .. }
            | Self::StopTaken { action, .. } => *action == written,
            Self::StopNeeded { .. } | Self::StopIsOnePress { .. } => written == Action::Stop.name(),
            Self::EnterFires { .. } => written == Action::Fire.name(),
            Self::Taken { first, second, .. } => *first == written || *second == written,
        }
    }
}

fn suggestion(got: &str) -> String {
    let begins = |length: usize| {
        let head: String = got.chars().take(length).collect();
        let found: Vec<&str> = Action::ALL
            .iter()
            .map(|action| action.name())
            .filter(|name| !head.is_empty() && name.starts_with(&head))
            .collect();
        found
    };
    let near = [4, 3, 2, 1]
        .into_iter()
        .map(begins)
        .find(|found| !found.is_empty());
    match near {
        Some(names) => format!("did you mean \"{}\"?", names.join("\" or \"")),
        None => {
            let names: Vec<&str> = Action::ALL.iter().map(|action| action.name()).collect();
            format!("write one of {}", names.join(", "))
        }
    }
}

/// What a press means, after those that came just before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lookup {
    /// This.
    Action(Action),
    /// The beginning of a longer sequence.
    Pending,
    /// Nothing.
    Unbound,
}

/// Which keys do what.
#[derive(Clone, Debug, PartialEq)]
pub struct Keymap {
    bindings: Vec<(KeySequence, Action)>,
}

impl Default for Keymap {
    fn default() -> Self {
        // The table's own keys are checked by a test.
        Self::from_bindings(std::iter::empty()).unwrap_or(Self {
            bindings: Vec::new(),
        })
    }
}

impl Keymap {
    /// The default keys with changes: pairs of an action's name and a key. The keys given for an
    /// action replace all its defaults; several pairs give it several keys; `none` leaves it
    /// without one.
    pub fn from_bindings<'a>(
        changes: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<Self, KeymapError> {
        let mut changed: Vec<(Action, Option<KeySequence>)> = Vec::new();
        for (name, key) in changes {
            let action = Action::from_name(name).ok_or_else(|| KeymapError::UnknownAction {
                got: name.to_owned(),
            })?;
            changed.push((action, parse_key(action, key)?));
        }
        let mut bindings = Vec::new();
        for action in Action::ALL.iter().copied() {
            let mut own = changed.iter().filter(|(of, _)| *of == action).peekable();
            if own.peek().is_some() {
                bindings.extend(own.filter_map(|(_, key)| Some((key.clone()?, action))));
                continue;
            }
            for key in action.default_keys() {
                if let Some(key) = parse_key(action, key)? {
                    bindings.push((key, action));
                }
            }
        }
        check_safety(&bindings)?;
        check(&bindings)?;
        Ok(Self { bindings })
    }

    /// What the chords pressed so far mean in a context.
    pub fn look_up(&self, pressed: &[KeyChord], context: Context) -> Lookup {
        if pressed.last().copied().is_some_and(always_stops) {
            return Lookup::Action(Action::Stop);
        }
        let here = || {
            self.bindings
                .iter()
                .filter(move |(_, action)| action.contexts().contains(&context))
        };
        if let Some((_, action)) = here().find(|(keys, _)| keys.0 == pressed) {
            return Lookup::Action(*action);
        }
        if here().any(|(keys, _)| keys.0.starts_with(pressed)) {
            return Lookup::Pending;
        }
        Lookup::Unbound
    }

    /// The keys that stop, for the thread that reads the keyboard.
    pub fn stop_keys(&self) -> StopKeys {
        let chords = self.keys(Action::Stop).flat_map(KeySequence::chords);
        StopKeys::with(chords.copied())
    }

    /// The keys of an action, the one to show first.
    pub fn keys(&self, action: Action) -> impl Iterator<Item = &KeySequence> {
        self.bindings
            .iter()
            .filter(move |(_, of)| *of == action)
            .map(|(keys, _)| keys)
    }
}

/// What no configuration may do: take the stop's key away, make a stop of two presses, or let the
/// key that arms fire.
fn check_safety(bindings: &[(KeySequence, Action)]) -> Result<(), KeymapError> {
    let mut stops = Vec::new();
    for (keys, action) in bindings {
        let key = keys.to_string();
        match action {
            Action::Stop if keys.0.len() > 1 => return Err(KeymapError::StopIsOnePress { key }),
            Action::Stop => stops.push(keys),
            _ if keys.0.iter().copied().any(always_stops) => {
                let action = action.name();
                return Err(KeymapError::StopTaken { action, key });
            }
            Action::Fire if keys.0.iter().any(|chord| chord.key == Key::Enter) => {
                return Err(KeymapError::EnterFires { key });
            }
            _ => {}
        }
    }
    let ctrl_x = [KeyChord::ctrl('x')];
    if stops.iter().any(|keys| keys.0 == ctrl_x) {
        return Ok(());
    }
    let others = stops.iter().map(ToString::to_string).collect();
    Err(KeymapError::StopNeeded { others })
}

fn parse_key(action: Action, key: &str) -> Result<Option<KeySequence>, KeymapError> {
    if key == "none" {
        return match action {
            Action::Quit | Action::Help | Action::Palette => Err(KeymapError::Needed {
                action: action.name(),
                default: action.default_keys().first().copied().unwrap_or_default(),
            }),
            _ => Ok(None),
        };
    }
    key.parse().map(Some).map_err(|source| KeymapError::Chord {
        action: action.name(),
        source,
    })
}

fn check(bindings: &[(KeySequence, Action)]) -> Result<(), KeymapError> {
    for (index, (keys, action)) in bindings.iter().enumerate() {
        for (other_keys, other) in &bindings[..index] {
            if other == action {
                continue;
            }
            let shared = action
                .contexts()
                .iter()
                .find(|context| other.contexts().contains(context));
            if let Some(context) = shared
                && keys.overlaps(other_keys)
            {
                let shorter = if keys.0.len() < other_keys.0.len() {
                    keys
                } else {
                    other_keys
                };
                return Err(KeymapError::Taken {
                    key: shorter.to_string(),
                    first: other.name(),
                    second: action.name(),
                    context: *context,
                });
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
