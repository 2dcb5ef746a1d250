//! Which of the things that happen have the black box saved.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::model::condition::Condition;
use crate::model::{
    Cause, Latched, LinkState, Payload, Sample, Severity, SourceId, SourceInfo, Stamp, StopEvent,
    Trigger,
};

/// Between two files that rules asked for.
const PAUSE_NS: u64 = 60_000_000_000;
/// Files that rules may ask for within an hour.
const MOST_PER_HOUR: usize = 12;
const HOUR_NS: u64 = 3_600_000_000_000;

/// The rules, and what they have seen.
#[derive(Debug, Default)]
pub struct Rules {
    stop: bool,
    /// About faults and links, and whose; `None` for everybody's.
    faults: Vec<Option<SourceId>>,
    links: Vec<Option<SourceId>>,
    conditions: Vec<Watched>,
    names: Vec<String>,
    /// The newest press that was seen.
    pressed: u64,
    /// Sources that are connected.
    up: BTreeSet<SourceId>,
    /// When files were begun because of rules, in the last hour.
    begun_ns: VecDeque<u64>,
}

/// A condition, and at whom it held when it was last looked at.
#[derive(Debug)]
struct Watched {
    condition: Condition,
    source: Option<SourceId>,
    held: BTreeMap<SourceId, bool>,
}

/// Something that a rule is about has happened.
#[derive(Clone, Debug, PartialEq)]
pub struct Fired {
    /// What, as a part of a sentence behind "because".
    pub because: String,
    /// A person did it: no pause between files holds it back.
    pub by_hand: bool,
}

impl Rules {
    /// Rules about these sources. One about a source that is not there says nothing.
    pub fn new(triggers: &[Trigger], sources: &[SourceInfo]) -> Self {
        let id = |name: &str| {
            let found = sources.iter().find(|source| source.name.as_str() == name);
            found.map(|source| source.id)
        };
        let mut rules = Self {
            names: sources
                .iter()
                .map(|source| source.name.to_string())
                .collect(),
            ..Self::default()
        };
        for trigger in triggers {
            let source = trigger.source.as_deref().map(id);
            if source == Some(None) {
                continue;
            }
            let source = source.flatten();
            match &trigger.cause {
                Cause::Stop => rules.stop = true,
                Cause::Fault => rules.faults.push(source),
                Cause::LinkDown => rules.links.push(source),
                Cause::Condition(condition) => {
                    let named = sources.iter().find_map(|source| {
                        Some((condition.within(&source.name)?, Some(source.id)))
                    });
                    let (condition, source) = named.unwrap_or((condition.clone(), source));
                    rules.conditions.push(Watched {
                        condition,
                        source,
                        held: BTreeMap::new(),
                    });
                }
            }
        }
        rules
    }

    /// Looks at an item; what of it the rules are about.
    ///
    /// - `latched`: what holds, with the item
    pub fn look(&mut self, sample: &Sample, latched: &Latched) -> Vec<Fired> {
        let mut fired = Vec::new();
        let source = sample.source;
        let concerns = |of: &[Option<SourceId>]| {
            let mut of = of.iter();
            of.any(|of| of.is_none_or(|of| of == source))
        };
        match &sample.payload {
            Payload::Stop(StopEvent::Report(report)) if report.press.number > self.pressed => {
                self.pressed = report.press.number;
                if self.stop {
                    let (level, origin) = (report.press.level, report.press.origin);
                    fired.push(Fired {
                        because: format!(
                            "a stop was pressed ({}, {})",
                            level.as_str(),
                            origin.as_str()
                        ),
                        by_hand: true,
                    });
                }
            }
            Payload::Fault(fault)
                if fault.severity >= Severity::Error && concerns(&self.faults) =>
            {
                let name = self.name(source);
                fired.push(Fired::by_rule(format!(
                    "{name} had a fault: {}",
                    fault.text
                )));
            }
            Payload::Link(LinkState::Down { reason, .. }) => {
                let was_up = self.up.remove(&source);
                if was_up && concerns(&self.links) {
                    let name = self.name(source);
                    fired.push(Fired::by_rule(format!(
                        "the link to {name} was lost: {reason}"
                    )));
                }
            }
            Payload::Link(LinkState::Connected | LinkState::Live) => {
                self.up.insert(source);
            }
            _ => {}
        }
        let may_hold = matches!(
            sample.payload,
            Payload::Link(_) | Payload::Readings(_) | Payload::Instrument(_)
        );
        if may_hold && !self.conditions.is_empty() {
            self.weigh(source, latched, &mut fired);
        }
        fired
    }

    fn weigh(&mut self, source: SourceId, latched: &Latched, fired: &mut Vec<Fired>) {
        let Some(known) = latched.source(source) else {
            return;
        };
        let name = self.name(source);
        for watched in &mut self.conditions {
            if watched.source.is_some_and(|of| of != source) {
                continue;
            }
            // What cannot be compared, or is not known any more, is as it was.
            let Ok(Some((holds, answer))) = watched.condition.holds(known) else {
                continue;
            };
            let held = watched.held.insert(source, holds);
            if holds && held != Some(true) {
                let (value, unit) = (answer.text(), &answer.unit);
                let space = if unit.is_empty() { "" } else { " " };
                let because = format!("{name}.{} ({value}{space}{unit})", watched.condition);
                fired.push(Fired::by_rule(because));
            }
        }
    }

    /// Whether a rule may begin a file now, and notes that it does.
    pub fn may_begin(&mut self, now: Stamp) -> bool {
        let now_ns = now.mono_ns;
        while let Some(first) = self.begun_ns.front()
            && now_ns.saturating_sub(*first) >= HOUR_NS
        {
            self.begun_ns.pop_front();
        }
        let last = self.begun_ns.back();
        let is_soon = last.is_some_and(|last| now_ns.saturating_sub(*last) < PAUSE_NS);
        if is_soon || self.begun_ns.len() >= MOST_PER_HOUR {
            return false;
        }
        self.begun_ns.push_back(now_ns);
        true
    }

    fn name(&self, source: SourceId) -> String {
        let name = self.names.get(usize::from(source.0));
        name.cloned().unwrap_or_default()
    }
}

impl Fired {
    fn by_rule(because: String) -> Self {
        Self {
            because,
            by_hand: false,
        }
    }
}

#[cfg(test)]
mod tests;
