//! The rows of the signal table: readings and events in the chosen order, under headings.

use std::cmp::Reverse;

use super::relevance::Place;
use super::{EventRow, Signal, Signals};
use crate::model::{PlainText, Stamp};

/// How the signals are sorted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SortBy {
    /// What an operator looks at first: stage, lights, the camera on the screen.
    #[default]
    Relevance,
    /// By name, in groups.
    Name,
    /// The newest first.
    Age,
    /// Those that changed last first.
    Change,
}

impl SortBy {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Relevance, Self::Name, Self::Age, Self::Change];

    /// The word in the palette and in the pane's title.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Relevance => "relevance",
            Self::Name => "name",
            Self::Age => "age",
            Self::Change => "change",
        }
    }

    /// The next way.
    pub fn next(self) -> Self {
        match self {
            Self::Relevance => Self::Name,
            Self::Name => Self::Age,
            Self::Age => Self::Change,
            Self::Change => Self::Relevance,
        }
    }
}

/// A row of the signal table.
#[derive(Clone, Debug, PartialEq)]
pub enum Row<'a> {
    /// What the following rows have in common.
    Group(String),
    /// A reading, under the part of its name that is not in the group.
    Reading(&'a str, &'a Signal),
    /// A named event.
    Event(&'a PlainText, &'a EventRow),
}

impl Row<'_> {
    /// Whether it is a heading.
    pub fn is_group(&self) -> bool {
        matches!(self, Self::Group(_))
    }
}

impl Signals {
    /// The rows whose names contain every word of `filter`, while the picture of `shown` is looked
    /// at.
    pub fn rows(&self, sort: SortBy, filter: &str, shown: Option<&str>) -> Vec<Row<'_>> {
        let filter = filter.to_lowercase();
        let passes = |name: &str| {
            let name = name.to_lowercase();
            filter.split_whitespace().all(|word| name.contains(word))
        };
        let mut readings: Vec<(&PlainText, &Signal)> =
            self.readings().filter(|(name, _)| passes(name)).collect();
        let mut events: Vec<(&PlainText, &EventRow)> =
            self.events().filter(|(name, _)| passes(name)).collect();
        let newest_first = |stamp: Option<Stamp>| Reverse(stamp.map(|s| s.mono_ns));
        match sort {
            SortBy::Relevance => readings.sort_by_cached_key(|(name, _)| Place::of(name, shown)),
            SortBy::Name => {}
            SortBy::Age => {
                readings.sort_by_key(|(_, signal)| newest_first(Some(signal.updated)));
                events.sort_by_key(|(_, event)| newest_first(Some(event.updated)));
            }
            SortBy::Change => {
                readings.sort_by_key(|(_, signal)| newest_first(signal.changed));
                events.sort_by_key(|(_, event)| newest_first(Some(event.updated)));
            }
        }
        let mut rows = Vec::new();
        let mut group = String::new();
        for (name, signal) in readings {
            let (path, label) = match sort {
                SortBy::Relevance => Place::of(name, shown).heading(),
                SortBy::Name => name
                    .rsplit_once('/')
                    .map_or((String::new(), name.as_str()), |(path, last)| {
                        (path.to_owned(), last)
                    }),
                SortBy::Age | SortBy::Change => (String::new(), name.as_str()),
            };
            if path != group {
                rows.push(Row::Group(path.clone()));
                group = path;
            }
            rows.push(Row::Reading(label, signal));
        }
        if !events.is_empty() {
            rows.push(Row::Group("events".to_owned()));
        }
        rows.extend(
            events
                .into_iter()
                .map(|(name, event)| Row::Event(name, event)),
        );
        rows
    }
}
