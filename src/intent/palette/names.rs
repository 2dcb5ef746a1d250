//! Names in a line. A peer's names may hold blanks, so a known name is looked for before a word.

use std::sync::Arc;

use super::error::PaletteError;
use super::line::first_word;
use super::number;
use super::vocabulary::InstrumentWords;
use crate::model::{CameraControl, Instrument, Unit};

/// The names of an instrument's things, as they are typed.
#[derive(Debug, Default)]
pub(super) struct Names {
    pub state: Arc<Instrument>,
    pub axes: Vec<String>,
    pub lights: Vec<String>,
    pub cameras: Vec<String>,
    /// Of all cameras, each once.
    pub controls: Vec<String>,
    pub protocols: Vec<String>,
    pub parameters: Vec<String>,
}

impl Names {
    pub fn of(known: Option<&InstrumentWords>) -> Self {
        let Some(known) = known else {
            return Self::default();
        };
        let state = &known.state;
        let mut controls: Vec<String> = Vec::new();
        for control in state.cameras.iter().flat_map(|camera| &camera.controls) {
            if !controls.iter().any(|name| *name == control.name.as_str()) {
                controls.push(control.name.to_string());
            }
        }
        Self {
            controls,
            state: Arc::clone(state),
            axes: state.axes.iter().map(|a| a.name.to_string()).collect(),
            lights: state.lights.iter().map(|l| l.name.to_string()).collect(),
            cameras: state.cameras.iter().map(|c| c.name.to_string()).collect(),
            protocols: known.protocols.clone(),
            parameters: known.stream_parameters.clone(),
        }
    }

    /// A control of a camera, or of the first one that has it.
    pub fn control(&self, camera: Option<&str>, name: &str) -> Option<&CameraControl> {
        match camera {
            Some(camera) => self.state.camera(Some(camera))?.control(name),
            None => self.state.cameras.iter().find_map(|c| c.control(name)),
        }
    }

    /// The units in which an axis may be moved, its own first.
    pub fn units_of_axis(&self, name: &str) -> Vec<Unit> {
        match self.state.axis(name).map(|axis| axis.unit) {
            None => number::DISTANCES.to_vec(),
            Some(own) => {
                let others = number::DISTANCES.iter().copied();
                let fits = |unit: &Unit| *unit != own && own.convert(1.0, *unit).is_some();
                let own = std::iter::once(own).filter(|own| *own != Unit::Raw);
                own.chain(others.filter(fits)).collect()
            }
        }
    }
}

/// The one of `known` that was given; capitals do not matter.
pub(super) fn one_of(
    verb: &'static str,
    given: &str,
    known: &[String],
) -> Result<String, PaletteError> {
    if given.is_empty() {
        return Err(PaletteError::Missing {
            verb,
            known: known.to_vec(),
        });
    }
    let found = known.iter().find(|name| name.eq_ignore_ascii_case(given));
    found.cloned().ok_or_else(|| PaletteError::UnknownName {
        verb,
        got: given.to_owned(),
        known: known.to_vec(),
    })
}

/// The known name that a text begins with, the longest of them, and what follows it.
pub(super) fn leading<'k, 'a>(text: &'a str, known: &'k [String]) -> Option<(&'k str, &'a str)> {
    let begins = |name: &'k String| {
        let (head, rest) = text.split_at_checked(name.len())?;
        let ends_there = rest.is_empty() || rest.starts_with(char::is_whitespace);
        (!name.is_empty() && head.eq_ignore_ascii_case(name) && ends_there)
            .then_some((name.as_str(), rest))
    };
    let found = known.iter().filter_map(begins);
    found.max_by_key(|(name, _)| name.len())
}

/// A name at the beginning of a text, and the rest without blanks around it. While no names are
/// known any word is taken: whether there is such a thing is then seen when it is sent.
pub(super) fn take<'a>(
    verb: &'static str,
    text: &'a str,
    known: &[String],
) -> Result<(String, &'a str), PaletteError> {
    if let Some((name, rest)) = leading(text, known) {
        return Ok((name.to_owned(), rest.trim()));
    }
    let (word, rest) = first_word(text);
    if known.is_empty() && !word.is_empty() {
        return Ok((word.to_owned(), rest));
    }
    one_of(verb, word, known).map(|name| (name, rest))
}
