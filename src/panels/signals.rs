//! The newest value of everything a source names: readings and events.

pub mod draw;
mod relevance;
mod rows;

use std::collections::BTreeMap;

use super::shortened;
use crate::model::{Message, PlainText, Reading, Stamp, Value};
use crate::ui::number;

pub use rows::{Row, SortBy};

/// The newest value of a reading.
#[derive(Clone, Debug, PartialEq)]
pub struct Signal {
    /// The value.
    pub value: Value,
    /// Its unit as printed.
    pub unit: &'static str,
    /// When it was last said.
    pub updated: Stamp,
    /// When it last became another value; `None` while it has been the same from the start.
    pub changed: Option<Stamp>,
    /// Digits behind the decimal point: the most that were needed so far, so that the number
    /// stands still.
    decimals: usize,
}

impl Signal {
    /// The value as printed, without its unit.
    pub fn text(&self) -> String {
        match &self.value {
            Value::Float(value) => {
                let text = number::measured(*value);
                let missing = self.decimals.saturating_sub(number::decimals(&text));
                if missing == 0 || text.contains(['e', 'N', 'i']) {
                    return text;
                }
                let point = if text.contains('.') { "" } else { "." };
                format!("{text}{point}{}", "0".repeat(missing))
            }
            Value::Int(value) => value.to_string(),
            Value::Bool(true) => "on".to_owned(),
            Value::Bool(false) => "off".to_owned(),
            Value::Text(text) => text.to_string(),
        }
    }
}

/// What is known of an event.
#[derive(Clone, Debug, PartialEq)]
pub struct EventRow {
    /// How often it came.
    pub count: u64,
    /// The beginning of its newest arguments.
    pub newest: PlainText,
    /// When it last came.
    pub updated: Stamp,
}

/// All of a source's signals.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Signals {
    readings: BTreeMap<PlainText, Signal>,
    events: BTreeMap<PlainText, EventRow>,
    /// Names that found no room.
    passed_over: u64,
}

/// A peer that invents names without end fills the table, not the memory.
const MOST_NAMES: usize = 4_096;
/// How much of an event's arguments, or of a value that is a text, is kept for the table.
const NEWEST_BYTES: usize = 400;
/// How much of a name is kept; names that differ only behind it share a row.
const NAME_BYTES: usize = 200;

impl Signals {
    /// Takes in readings; each replaces the earlier one of its name.
    pub fn take_readings(&mut self, readings: &[Reading], at: Stamp) {
        for reading in readings {
            let needed = match &reading.value {
                Value::Float(value) => number::decimals(&number::measured(*value)).min(4),
                _ => 0,
            };
            let name = shortened(&reading.name, NAME_BYTES);
            let value = match &reading.value {
                Value::Text(text) => Value::Text(shortened(text, NEWEST_BYTES)),
                value => value.clone(),
            };
            if let Some(signal) = self.readings.get_mut(&name) {
                if signal.value != value {
                    signal.changed = Some(at);
                    signal.value = value;
                }
                signal.unit = reading.unit;
                signal.updated = at;
                signal.decimals = signal.decimals.max(needed);
            } else if self.readings.len() < MOST_NAMES {
                self.readings.insert(
                    name,
                    Signal {
                        value,
                        unit: reading.unit,
                        updated: at,
                        changed: None,
                        decimals: needed,
                    },
                );
            } else {
                self.passed_over = self.passed_over.saturating_add(1);
            }
        }
    }

    /// Takes in an event.
    pub fn take_message(&mut self, message: &Message, at: Stamp) {
        let head = message.json.get(..NEWEST_BYTES).unwrap_or(&message.json);
        let newest = PlainText::from_peer_bytes(head);
        let name = shortened(&message.name, NAME_BYTES);
        if let Some(row) = self.events.get_mut(&name) {
            row.count = row.count.saturating_add(1);
            row.newest = newest;
            row.updated = at;
        } else if self.events.len() < MOST_NAMES {
            self.events.insert(
                name,
                EventRow {
                    count: 1,
                    newest,
                    updated: at,
                },
            );
        } else {
            self.passed_over = self.passed_over.saturating_add(1);
        }
    }

    /// Readings by name.
    pub fn readings(&self) -> impl ExactSizeIterator<Item = (&PlainText, &Signal)> {
        self.readings.iter()
    }

    /// The newest value of a reading.
    pub fn reading(&self, name: &str) -> Option<&Signal> {
        self.readings.get(&PlainText::from(name))
    }

    /// Events by name.
    pub fn events(&self) -> impl ExactSizeIterator<Item = (&PlainText, &EventRow)> {
        self.events.iter()
    }

    /// Items whose names found no room in the table.
    pub fn passed_over(&self) -> u64 {
        self.passed_over
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Stamp {
        Stamp {
            mono_ns: ms * 1_000_000,
            unix_ns: ms * 1_000_000,
        }
    }

    fn text(signals: &Signals, name: &str) -> String {
        let found = signals.readings().find(|(known, _)| known.as_str() == name);
        found.unwrap().1.text()
    }

    #[test]
    fn a_number_keeps_its_decimals() {
        let mut signals = Signals::default();
        for (value, shown) in [
            (12.0, "12"),
            (12.347, "12.347"),
            (12.5, "12.500"),
            (-3.0, "-3.000"),
        ] {
            signals.take_readings(&[Reading::new("x", value, "mm")], at(0));
            assert_eq!(text(&signals, "x"), shown);
        }
    }

    #[test]
    fn only_another_value_is_a_change() {
        let mut signals = Signals::default();
        let changed = |signals: &Signals| signals.readings().next().unwrap().1.changed;
        signals.take_readings(&[Reading::new("x", 1.0, "")], at(1));
        signals.take_readings(&[Reading::new("x", 1.0, "")], at(2));
        assert_eq!(changed(&signals), None);
        signals.take_readings(&[Reading::new("x", 2.0, "")], at(3));
        assert_eq!(changed(&signals), Some(at(3)));
    }

    #[test]
    fn names_without_end_do_not_fill_the_memory() {
        let mut signals = Signals::default();
        for n in 0..5_000 {
            signals.take_readings(&[Reading::new(format!("n{n}"), 1.0, "")], at(0));
        }
        assert_eq!(signals.readings().len(), MOST_NAMES);
        assert_eq!(signals.passed_over(), 5_000 - MOST_NAMES as u64);
        let long = "é".repeat(1_000_000);
        let mut signals = Signals::default();
        signals.take_readings(&[Reading::new(long.as_str(), long.as_str(), "")], at(0));
        let (name, signal) = signals.readings().next().unwrap();
        assert!(name.len() <= NAME_BYTES + 3 && signal.text().len() <= NEWEST_BYTES + 3);
    }
}
