//! What an instrument is and does: axes, lights, cameras, its workflow and the commands given to it.

mod known;

use std::collections::BTreeMap;

use super::Step;
use super::facts::SourceFacts;
use crate::model::{PlainText, SourceId};

pub use known::{KnownInstrument, Times};

/// A part of an instrument that can be acted on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// An axis, by its name.
    Axis(PlainText),
    /// A light, by its name.
    Light(PlainText),
}

/// What the operator chose to act on, for each instrument.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InstrumentPanel {
    chosen: BTreeMap<SourceId, Part>,
}

impl InstrumentPanel {
    /// Everything that can be chosen, in the order of the rows.
    pub fn parts(source: &SourceFacts) -> Vec<Part> {
        let Some(known) = &source.instrument else {
            return Vec::new();
        };
        let axes = known.state.axes.iter().map(|a| Part::Axis(a.name.clone()));
        let lights = known.state.lights.iter();
        axes.chain(lights.map(|l| Part::Light(l.name.clone())))
            .collect()
    }

    /// The part that was chosen, as long as it is there, else the first one.
    pub fn selected(&self, source: &SourceFacts) -> Option<Part> {
        let parts = Self::parts(source);
        let place = self.place(source.info.id, &parts);
        parts.into_iter().nth(place)
    }

    /// Chooses the next part, or another one.
    pub fn step(&mut self, step: Step, source: &SourceFacts) {
        let parts = Self::parts(source);
        let place = step.apply(self.place(source.info.id, &parts), parts.len());
        if let Some(part) = parts.into_iter().nth(place) {
            self.chosen.insert(source.info.id, part);
        }
    }

    fn place(&self, source: SourceId, parts: &[Part]) -> usize {
        let chosen = self.chosen.get(&source);
        parts
            .iter()
            .position(|part| Some(part) == chosen)
            .unwrap_or(0)
    }
}
