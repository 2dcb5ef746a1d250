//! The ledger, where the time goes, the loop and the terminal.

pub mod draw;

use super::Step;
use super::facts::Facts;

/// What the operator chose to see.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PipelinePanel {
    ledger_row: usize,
    latency_row: usize,
}

impl PipelinePanel {
    /// The first row of the ledger to show, as far as there are rows.
    pub fn ledger_row(&self) -> usize {
        self.ledger_row
    }

    /// The first row of the latencies to show.
    pub fn latency_row(&self) -> usize {
        self.latency_row
    }

    /// Scrolls the ledger.
    pub fn step_ledger(&mut self, step: Step, facts: &Facts) {
        self.ledger_row = step.apply(self.ledger_row, ledger_rows(facts));
    }

    /// Scrolls the latencies.
    pub fn step_latency(&mut self, step: Step, facts: &Facts) {
        self.latency_row = step.apply(self.latency_row, latency_rows(facts));
    }
}

/// Rows of the ledger: three lanes and the recorder for each source, and what is wrong below.
pub fn ledger_rows(facts: &Facts) -> usize {
    draw::ledger_lines(facts).len()
}

/// Rows of the latencies.
pub fn latency_rows(facts: &Facts) -> usize {
    draw::latency_lines(facts).len()
}
