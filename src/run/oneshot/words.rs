//! The words that `ttyscope get` knows of a source.

use crate::model::condition::find;
use crate::panels::SourceFacts;

/// Every word that has a value now.
pub fn words(source: &SourceFacts) -> Vec<String> {
    let mut words = vec!["link".to_owned()];
    if let Some(instrument) = source.instrument() {
        words.push("activity".to_owned());
        words.push("settled".to_owned());
        words.extend(instrument.workflow.as_ref().map(|_| "workflow".to_owned()));
        for axis in &instrument.axes {
            words.push(axis.name.to_string());
            words.push(format!("{}.motion", axis.name));
        }
        for light in &instrument.lights {
            words.push(light.name.to_string());
            words.push(format!("{}.on", light.name));
        }
    }
    let readings = source.signals.readings();
    words.extend(readings.map(|(name, _)| name.to_string()));
    words.retain(|word| find(source, word).is_some());
    words
}
