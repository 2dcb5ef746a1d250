//! Every source on one row, the recorder, and what happened last.

pub mod draw;

use super::facts::{Facts, SourceFacts};
use super::signals::Signal;
use super::{Standing, Step};
use crate::model::{SourceId, Stamp};
use crate::pipeline::CameraSnapshot;
use crate::ui::Role;
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

/// How much is said of each source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Detail {
    /// Its row, and what is wrong on one line.
    Least,
    /// Its row, and what is wrong.
    Source,
    /// A row for each camera too.
    Cameras,
    /// Also where it is and what it says of itself.
    All,
}

impl Detail {
    /// The most first.
    pub const ALL: [Self; 4] = [Self::All, Self::Cameras, Self::Source, Self::Least];

    /// The most that fits into so many rows.
    pub fn fitting(facts: &Facts, at: Stamp, columns: u16, rows: u16) -> Self {
        Self::ALL
            .into_iter()
            .find(|detail| source_rows(facts, at, columns, *detail) <= rows)
            .unwrap_or(Self::Least)
    }
}

/// Rows the sources take with `columns`: a heading, and for each its row and what stands below.
pub fn source_rows(facts: &Facts, at: Stamp, columns: u16, detail: Detail) -> u16 {
    let rows: usize = facts
        .sources
        .iter()
        .map(|source| {
            let below = Below::of(source, &Standing::of(source, at), columns, detail);
            usize::from(below.rows()) + 1
        })
        .sum();
    u16::try_from(rows.max(2) + 1).unwrap_or(u16::MAX)
}

/// What stands below the row of a source.
struct Below<'a> {
    /// What is wrong, line by line.
    explanation: Vec<(String, Role)>,
    cameras: &'a [CameraSnapshot],
    about: Option<String>,
}

impl<'a> Below<'a> {
    fn of(source: &'a SourceFacts, standing: &Standing, columns: u16, detail: Detail) -> Self {
        Self {
            explanation: explanation(source, standing, columns, detail),
            cameras: match detail {
                Detail::Least | Detail::Source => &[],
                Detail::Cameras | Detail::All => source.cameras(),
            },
            about: (detail == Detail::All).then(|| about(source)),
        }
    }

    fn rows(&self) -> u16 {
        let rows = self.explanation.len() + self.cameras.len() + usize::from(self.about.is_some());
        u16::try_from(rows).unwrap_or(u16::MAX)
    }
}

/// Where a source is, what has to be known about that, and what it says of itself.
fn about(source: &SourceFacts) -> String {
    let mut parts = vec![source.info.address.to_string()];
    parts.extend(source.info.caution.as_ref().map(ToString::to_string));
    if let Some(known) = source
        .instrument
        .as_ref()
        .filter(|known| known.is_current())
    {
        parts.push(known.state.activity.as_str().to_owned());
    }
    let said = |name: &str| source.signals.reading(name).map(Signal::text);
    parts.extend(said("server/dialect").map(|dialect| format!("dialect {dialect}")));
    parts.extend(said("server/version"));
    let streams = source
        .signals
        .readings()
        .filter(|(name, signal)| {
            name.ends_with("/streaming") && signal.value == crate::model::Value::Bool(true)
        })
        .count();
    match streams {
        0 => {}
        1 => parts.push("1 stream runs".to_owned()),
        many => parts.push(format!("{many} streams run")),
    }
    parts.join(" · ")
}

/// A way to stop that does not stand is worse than anything else that can be wrong.
fn explanation(
    source: &SourceFacts,
    standing: &Standing,
    columns: u16,
    detail: Detail,
) -> Vec<(String, Role)> {
    let most = match detail {
        Detail::Least => 1,
        _ => EXPLANATION_LINES,
    };
    let columns = columns.saturating_sub(INDENT + 1);
    let stop = source.stops.trouble().map(|why| {
        let text = format!("STOP PATH DOWN: {why}");
        (text, Role::Error)
    });
    let link = standing
        .explanation
        .clone()
        .map(|text| (text, standing.role));
    stop.into_iter()
        .chain(link)
        .flat_map(|(text, role)| {
            let lines = wrap(&text, columns, most);
            lines.into_iter().map(move |line| (line, role))
        })
        .collect()
}
