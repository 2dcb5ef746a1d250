//! The names that a line may refer to.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::verbs::Verb;
use crate::model::{CommandKind, Instrument, PlainText};

/// The names a command may refer to just now.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Vocabulary {
    /// Screens.
    pub screens: Vec<String>,
    /// Sources.
    pub sources: Vec<String>,
    /// Cameras and sources without one.
    pub cameras: Vec<String>,
    /// Ways to sort.
    pub columns: Vec<String>,
    /// Themes.
    pub themes: Vec<String>,
    /// Ways to draw pictures.
    pub graphics: Vec<String>,
    /// Colour maps of grey pictures.
    pub color_maps: Vec<String>,
    /// The source that a command without an address goes to.
    pub addressee: Option<String>,
    /// Whether a recording is played.
    pub replay: bool,
    /// What is known of the instruments, by the name of their source.
    pub instruments: BTreeMap<String, InstrumentWords>,
}

/// What an instrument can be asked for, and by which names.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct InstrumentWords {
    /// Its axes, lights and cameras, and the kinds of commands that it offers.
    pub state: Arc<Instrument>,
    /// Ways in which it can send its live view.
    pub protocols: Vec<String>,
    /// Parameters of its live view's stream.
    pub stream_parameters: Vec<String>,
}

impl InstrumentWords {
    /// The words of an instrument.
    pub fn of(state: Arc<Instrument>) -> Self {
        let words = |names: &[PlainText]| names.iter().map(ToString::to_string).collect();
        Self {
            protocols: words(&state.stream_protocols),
            stream_parameters: words(&state.stream_parameters),
            state,
        }
    }
}

impl Vocabulary {
    /// The words of a run with one source, whose name is `source`.
    pub fn of_instrument(source: &str, state: Arc<Instrument>) -> Self {
        Self {
            sources: vec![source.to_owned()],
            addressee: Some(source.to_owned()),
            instruments: BTreeMap::from([(source.to_owned(), InstrumentWords::of(state))]),
            ..Self::default()
        }
    }

    /// The instrument of a source, or of the one that a command without an address goes to.
    pub(super) fn instrument(&self, source: Option<&str>) -> Option<&InstrumentWords> {
        self.instruments.get(source.or(self.addressee.as_deref())?)
    }

    /// The source of that name as it is called; capitals do not matter.
    pub(super) fn source(&self, name: &str) -> Option<&str> {
        let same = |source: &&String| source.eq_ignore_ascii_case(name);
        self.sources.iter().find(same).map(String::as_str)
    }

    /// Whether a word is worth offering: what an instrument does not offer is hidden. Of one that
    /// has said nothing yet only what any source can be asked for is shown.
    pub(super) fn shows(&self, verb: &Verb, source: Option<&str>) -> bool {
        if verb.is_of_replay() && !self.replay {
            return false;
        }
        match (verb.kind(), self.instrument(source)) {
            (None, _) => source.is_none() || verb.is_addressed(),
            (Some(_), _) if source.is_some() && !verb.is_addressed() => false,
            (Some(CommandKind::Refresh), _) => true,
            (Some(kind), Some(known)) => known.state.offers.contains(&kind),
            (Some(kind), None) => kind == CommandKind::Live,
        }
    }
}
