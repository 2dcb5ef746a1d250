//! What an instrument is and does: axes, lights, cameras, its workflow and the commands given to it.

pub mod draw;
mod figures;
mod known;
mod lines;
mod sections;

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

    /// The place of what is selected among the axes and lights, if there are any.
    fn place_in(&self, source: &SourceFacts) -> Option<usize> {
        let parts = Self::parts(source);
        (!parts.is_empty()).then(|| self.place(source.info.id, &parts))
    }

    fn place(&self, source: SourceId, parts: &[Part]) -> usize {
        let chosen = self.chosen.get(&source);
        parts
            .iter()
            .position(|part| Some(part) == chosen)
            .unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::model::{
        Axis, Evidence, Instrument, Light, Motion, Origin, Payload, Sample, SourceInfo, Stamp, Unit,
    };
    use crate::panels::Facts;

    fn instrument(axes: &[&str], lights: &[&str]) -> Instrument {
        let axis = |name: &&str| Axis {
            name: (*name).into(),
            unit: Unit::Millimetre,
            position: Some(1.0),
            target: None,
            limits: None,
            motion: Motion::Settled,
        };
        let light = |name: &&str| Light {
            name: (*name).into(),
            label: (*name).into(),
            level: None,
            unit: Unit::Percent,
            range: None,
            on: None,
            evidence: Evidence::None,
        };
        Instrument {
            axes: axes.iter().map(axis).collect(),
            lights: lights.iter().map(light).collect(),
            ..Instrument::default()
        }
    }

    fn describe(facts: &mut Facts, source: SourceId, instrument: Instrument) {
        facts.take_sample(&Sample {
            source,
            received: Stamp::default(),
            payload: Payload::Instrument(Arc::new(instrument)),
        });
    }

    #[test]
    fn a_choice_is_kept_for_each_instrument_and_by_name() {
        let info = |id| SourceInfo {
            id: SourceId(id),
            name: "scope".into(),
            address: "imswitch://scope".into(),
            origin: Origin::Live,
            caution: None,
        };
        let mut facts = Facts::new(vec![info(0), info(1)], Stamp::default());
        let mut panel = InstrumentPanel::default();
        assert_eq!(panel.selected(&facts.sources[0]), None);
        for id in [0, 1] {
            describe(&mut facts, SourceId(id), instrument(&["x", "y"], &["488"]));
        }
        let axis = |name: &str| Some(Part::Axis(name.into()));
        let light = Some(Part::Light("488".into()));
        let cases = [
            (Step::Up, axis("x")),
            (Step::Down, axis("y")),
            (Step::Down, light.clone()),
            (Step::Down, light.clone()),
            (Step::Top, axis("x")),
            (Step::Bottom, light),
            (Step::Up, axis("y")),
        ];
        for (step, selected) in cases {
            panel.step(step, &facts.sources[0]);
            assert_eq!(panel.selected(&facts.sources[0]), selected, "{step:?}");
        }
        assert_eq!(panel.selected(&facts.sources[1]), axis("x"));
        // Another list with the same axis in it, then one without.
        describe(&mut facts, SourceId(0), instrument(&["z", "x", "y"], &[]));
        assert_eq!(panel.selected(&facts.sources[0]), axis("y"));
        describe(&mut facts, SourceId(0), instrument(&["z"], &[]));
        assert_eq!(panel.selected(&facts.sources[0]), axis("z"));
    }
}
