//! The state of things that holds until something newer is said: a recording begun later starts
//! with it.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::model::{
    Instrument, LinkState, Payload, PlainText, Reading, Sample, SourceId, Stamp, StopEvent,
    StopPath,
};

/// The last link, readings, instrument and stop path of each source.
#[derive(Debug, Default)]
pub struct Latched(BTreeMap<SourceId, Held>);

/// What holds for one source.
#[derive(Debug, Default)]
pub struct Held {
    /// Its link, and since when.
    pub link: Option<(LinkState, Stamp)>,
    /// Its instrument, and since when.
    pub instrument: Option<(Arc<Instrument>, Stamp)>,
    /// How its stop path stands, and since when.
    pub stop_path: Option<(StopPath, Stamp)>,
    readings: BTreeMap<PlainText, (Reading, Stamp)>,
}

/// Names of readings remembered for each source: a peer may make up new ones without end.
const MAX_READINGS: usize = 4096;

impl Latched {
    /// Remembers what a latched sample says; others say nothing that lasts.
    pub fn remember(&mut self, sample: &Sample) {
        match &sample.payload {
            Payload::Link(state) => {
                let held = self.0.entry(sample.source).or_default();
                held.link = Some((state.clone(), sample.received));
            }
            Payload::Readings(readings) => {
                let held = self.0.entry(sample.source).or_default();
                for reading in readings {
                    held.remember(reading, sample.received);
                }
            }
            Payload::Instrument(instrument) => {
                let held = self.0.entry(sample.source).or_default();
                held.instrument = Some((Arc::clone(instrument), sample.received));
            }
            Payload::Stop(StopEvent::Path(path)) => {
                let held = self.0.entry(sample.source).or_default();
                held.stop_path = Some((path.clone(), sample.received));
            }
            _ => {}
        }
    }

    /// What holds, by source.
    pub fn iter(&self) -> impl Iterator<Item = (SourceId, &Held)> {
        self.0.iter().map(|(source, held)| (*source, held))
    }
}

impl Held {
    fn remember(&mut self, reading: &Reading, since: Stamp) {
        if let Some(known) = self.readings.get_mut(&reading.name) {
            *known = (reading.clone(), since);
        } else if self.readings.len() < MAX_READINGS {
            self.readings
                .insert(reading.name.clone(), (reading.clone(), since));
        }
    }

    /// The last value of each name, and since when.
    pub fn readings(&self) -> impl ExactSizeIterator<Item = (&Reading, Stamp)> {
        self.readings
            .values()
            .map(|(reading, since)| (reading, *since))
    }
}
