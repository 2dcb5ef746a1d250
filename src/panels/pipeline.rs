//! The ledger, where the time goes, the loop and the terminal.

pub mod draw;

use super::Step;
use super::facts::Facts;
use crate::model::ledger::DiskCounts;
use crate::model::{DropReason, LaneKind, Percentiles};
use crate::pipeline::{LaneSnapshot, Stage};
use crate::ui::table::Cell;
use crate::ui::{Role, number};

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
    ledger_lines(facts).len()
}

/// Rows of the latencies.
pub fn latency_rows(facts: &Facts) -> usize {
    latency_lines(facts).len()
}

/// A line of the ledger.
#[derive(Clone, Debug, PartialEq)]
pub enum LedgerLine {
    /// A row of the table; the age of the oldest item is filled in when drawn.
    Account(Vec<Cell>, Option<u64>),
    /// What is wrong with the account above.
    Note(String, Role),
}

/// All lines of the ledger.
pub fn ledger_lines(facts: &Facts) -> Vec<LedgerLine> {
    let mut lines = Vec::new();
    for source in &facts.sources {
        let Some(snapshot) = &source.snapshot else {
            continue;
        };
        let name = source.info.name.as_str();
        for (index, lane) in LaneKind::ALL.into_iter().enumerate() {
            let figures = snapshot.lane(lane);
            // Only markets have books.
            if lane == LaneKind::Books && figures.counts.received == 0 {
                continue;
            }
            let shown_name = if index == 0 { name } else { "" };
            let oldest = figures.gauge.oldest_mono_ns;
            lines.push(LedgerLine::Account(
                lane_cells(shown_name, lane, figures),
                oldest,
            ));
            push_drops(&mut lines, lane.as_str(), &figures.counts.dropped);
        }
        if snapshot.disk.accepted > 0 {
            lines.push(disk_line(&snapshot.disk));
            push_drops(&mut lines, "recorder", &snapshot.disk.lost);
        }
        let residue = snapshot.residue();
        if residue != 0 {
            lines.push(LedgerLine::Note(
                format!(
                    "✕ the books of {name} do not balance: {} unexplained; please report this",
                    number::signed(residue)
                ),
                Role::Error,
            ));
        }
    }
    lines
}

fn push_drops(lines: &mut Vec<LedgerLine>, lane: &str, dropped: &[u64]) {
    let reasons: Vec<String> = DropReason::ALL
        .into_iter()
        .zip(dropped)
        .filter(|(_, count)| **count > 0)
        .map(|(reason, count)| format!("{} {}", number::count(*count), reason.as_str()))
        .collect();
    if !reasons.is_empty() {
        let text = format!("! {lane} dropped: {}", reasons.join(", "));
        lines.push(LedgerLine::Note(text, Role::Warning));
    }
}

fn counted(value: u64) -> Cell {
    let role = if value == 0 { Role::Dim } else { Role::Text };
    Cell::new(number::count(value), role)
}

fn lost(value: u64) -> Cell {
    let role = if value == 0 { Role::Dim } else { Role::Warning };
    Cell::new(number::count(value), role)
}

fn residue(value: i64) -> Cell {
    let role = if value == 0 { Role::Dim } else { Role::Error };
    Cell::new(number::signed(value), role)
}

fn lane_cells(name: &str, lane: LaneKind, figures: &LaneSnapshot) -> Vec<Cell> {
    let counts = &figures.counts;
    let gauge = &figures.gauge;
    let depth = format!(
        "{}/{}",
        number::count(gauge.depth as u64),
        number::count(gauge.bound as u64)
    );
    let full = gauge.bound > 1 && gauge.depth * 10 >= gauge.bound * 9;
    let depth_role = match (full, gauge.depth) {
        (true, _) => Role::Warning,
        (_, 0) => Role::Dim,
        _ => Role::Text,
    };
    vec![
        Cell::new(name, Role::Text),
        Cell::new(lane.as_str(), Role::Text),
        counted(counts.received),
        counted(counts.shown),
        counted(counts.coalesced),
        counted(counts.recorded_only),
        lost(counts.dropped_total()),
        counted(counts.in_flight),
        residue(counts.residue()),
        Cell::new(depth, depth_role),
        counted(gauge.high_water as u64),
        Cell::new("-", Role::Dim),
    ]
}

/// The recorder's account as the sum it has to be.
fn disk_line(disk: &DiskCounts) -> LedgerLine {
    let text = format!(
        "recorder took {} = {} written + {} lost + {} in flight",
        number::count(disk.accepted),
        number::count(disk.written),
        number::count(disk.lost_total()),
        number::count(disk.in_flight)
    );
    LedgerLine::Note(text, Role::Dim)
}

/// A line of the latencies.
#[derive(Clone, Debug, PartialEq)]
pub enum LatencyLine {
    /// The source that the following lines belong to.
    Source(String),
    /// One stage.
    Stage(Stage, Percentiles),
}

/// All lines of the latencies.
pub fn latency_lines(facts: &Facts) -> Vec<LatencyLine> {
    let mut lines = Vec::new();
    for source in &facts.sources {
        let Some(snapshot) = &source.snapshot else {
            continue;
        };
        let stages: Vec<LatencyLine> = Stage::ALL
            .into_iter()
            .map(|stage| (stage, snapshot.stage(stage)))
            .filter(|(_, times)| times.count > 0)
            .map(|(stage, times)| LatencyLine::Stage(stage, times))
            .collect();
        if !stages.is_empty() {
            lines.push(LatencyLine::Source(source.info.name.to_string()));
            lines.extend(stages);
        }
    }
    lines
}
