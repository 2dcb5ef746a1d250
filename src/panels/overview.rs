//! Every source on one row, the recorder, and what happened last.

pub mod draw;

use super::facts::Facts;
use super::{Standing, Step};
use crate::model::{SourceId, Stamp};
use crate::ui::text::wrap;

/// What the operator chose to see of the sources.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OverviewPanel {
    selected: usize,
}

/// Lines that an explanation may take under its source.
const EXPLANATION_LINES: usize = 2;
/// Where an explanation begins.
const INDENT: u16 = 5;

impl OverviewPanel {
    /// The row under the cursor.
    pub fn selected(&self, facts: &Facts) -> usize {
        self.selected.min(facts.sources.len().saturating_sub(1))
    }

    /// The source under the cursor.
    pub fn source(&self, facts: &Facts) -> Option<SourceId> {
        Some(facts.sources.get(self.selected(facts))?.info.id)
    }

    /// Moves the cursor.
    pub fn step(&mut self, step: Step, facts: &Facts) {
        self.selected = step.apply(self.selected(facts), facts.sources.len());
    }
}

/// Rows the sources take with `columns`: a heading, a row each, and what is wrong below it.
pub fn source_rows(facts: &Facts, at: Stamp, columns: u16) -> u16 {
    let rows: usize = facts
        .sources
        .iter()
        .map(|source| 1 + explanation(&Standing::of(source, at), columns).len())
        .sum();
    u16::try_from(rows.max(2) + 1).unwrap_or(u16::MAX)
}

fn explanation(standing: &Standing, columns: u16) -> Vec<String> {
    match &standing.explanation {
        Some(text) => wrap(text, columns.saturating_sub(INDENT + 1), EXPLANATION_LINES),
        None => Vec::new(),
    }
}
