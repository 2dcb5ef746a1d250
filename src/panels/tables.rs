//! Live tables of all sources: which one is shown, how it is sorted and filtered, where the cursor
//! stands, and since when changes are marked.

pub mod draw;
pub mod known;

use std::cmp::Ordering;
use std::time::Duration;

use super::Step;
use super::facts::{Facts, SourceFacts};
use crate::model::{PlainText, SourceId, Stamp};

pub use known::{KnownCell, KnownRow, Table, Tables};

/// A column of what is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shown {
    /// What rows are known by.
    Key,
    /// A column of the table, by its name.
    Cell(PlainText),
    /// How long ago a row was last said.
    Age,
}

/// Which changes are marked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Since {
    /// Those of the last moment.
    #[default]
    Moment,
    /// Those after a mark.
    Mark(Stamp),
    /// Those after a mark, and rows without one are not shown.
    OnlyAfter(Stamp),
}

/// What the operator chose to see.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TablesPanel {
    chosen: Option<(SourceId, PlainText)>,
    /// The row under the cursor and where it stood, for when it is gone.
    row: Option<(PlainText, usize)>,
    column: usize,
    sort: Option<(Shown, bool)>,
    /// What a row must contain.
    pub filter: String,
    /// Which changes are marked.
    pub since: Since,
}

/// A table and whose it is.
pub type Owned<'a> = (&'a SourceFacts, &'a Table);

impl TablesPanel {
    /// Every table there is, in the order of the sources.
    pub fn all(facts: &Facts) -> Vec<Owned<'_>> {
        let tables = |source| {
            let source: &SourceFacts = source;
            source.tables.iter().map(move |table| (source, table))
        };
        facts.sources.iter().flat_map(tables).collect()
    }

    /// The table that is shown: the chosen one while it is there, else the first.
    pub fn table<'a>(&self, facts: &'a Facts) -> Option<Owned<'a>> {
        let chosen = self.chosen.as_ref().and_then(|(id, name)| {
            let source = facts.source(*id)?;
            Some((source, source.tables.get(name)?))
        });
        chosen.or_else(|| Self::all(facts).first().copied())
    }

    /// Moves among the tables.
    pub fn step_table(&mut self, step: Step, facts: &Facts) {
        let all = Self::all(facts);
        let at = self.place(&all, facts);
        self.choose(all.get(step.apply(at, all.len())));
    }

    /// Shows the next table or the one before, around the end.
    pub fn cycle(&mut self, forward: bool, facts: &Facts) {
        let all = Self::all(facts);
        let step = if forward {
            1
        } else {
            all.len().saturating_sub(1)
        };
        let at = self.place(&all, facts) + step;
        self.choose(at.checked_rem(all.len()).and_then(|at| all.get(at)));
    }

    /// Where the shown table stands among all.
    fn place(&self, all: &[Owned<'_>], facts: &Facts) -> usize {
        let shown = self.table(facts);
        let is_shown = |(source, table): &Owned<'_>| {
            shown.is_some_and(|(s, t)| s.info.id == source.info.id && t.name == table.name)
        };
        all.iter().position(is_shown).unwrap_or(0)
    }

    /// Shows the first table of a source, unless one of its tables is shown.
    pub fn choose_source(&mut self, source: SourceId, facts: &Facts) {
        let is_of = |(owner, _): &Owned<'_>| owner.info.id == source;
        if !self.table(facts).as_ref().is_some_and(is_of) {
            let all = Self::all(facts);
            self.choose(all.iter().find(|table| is_of(table)));
        }
    }

    fn choose(&mut self, table: Option<&Owned<'_>>) {
        let chosen = table.map(|(source, table)| (source.info.id, table.name.clone()));
        if chosen.is_some() && chosen != self.chosen {
            *self = Self {
                chosen,
                since: self.since,
                ..Self::default()
            };
        }
    }

    /// The rows that are shown, in their order.
    pub fn rows<'a>(&self, table: &'a Table) -> Vec<&'a KnownRow> {
        let filter = self.filter.to_lowercase();
        let columns = table.columns.len();
        let contains = |row: &KnownRow| {
            let cells = (0..columns).filter_map(|column| row.cell(column));
            filter.is_empty()
                || row.key.to_lowercase().contains(&filter)
                || cells
                    .map(KnownCell::text)
                    .any(|text| text.to_lowercase().contains(&filter))
        };
        let mut rows: Vec<&KnownRow> = table
            .rows()
            .filter(|row| match self.since {
                Since::OnlyAfter(mark) => row.changed_after(mark),
                Since::Moment | Since::Mark(_) => true,
            })
            .filter(|row| contains(row))
            .collect();
        rows.sort_by(|a, b| self.order(table, a, b).then(a.number.cmp(&b.number)));
        rows
    }

    fn order(&self, table: &Table, a: &KnownRow, b: &KnownRow) -> Ordering {
        let Some((by, is_reversed)) = &self.sort else {
            return Ordering::Equal;
        };
        let turned = |order: Ordering| if *is_reversed { order.reverse() } else { order };
        match by {
            Shown::Key => turned(a.key.cmp(&b.key)),
            Shown::Age => turned(b.updated.mono_ns.cmp(&a.updated.mono_ns)),
            Shown::Cell(name) => {
                let column = table.columns.iter().position(|column| column == name);
                let cell = |row| column.and_then(|column| KnownRow::cell(row, column));
                match (cell(a), cell(b)) {
                    (Some(a), Some(b)) => turned(compared(a, b)),
                    // A row without the cell stands last, whichever way round.
                    (a, b) => b.is_some().cmp(&a.is_some()),
                }
            }
        }
    }

    /// Where the cursor stands among `rows`.
    pub fn cursor(&self, rows: &[&KnownRow]) -> usize {
        let Some((key, place)) = &self.row else {
            return 0;
        };
        let there = rows.iter().position(|row| row.key == *key);
        there.unwrap_or(*place).min(rows.len().saturating_sub(1))
    }

    /// Moves the cursor; it then stays on its row wherever that goes.
    pub fn step(&mut self, step: Step, facts: &Facts) {
        let Some((_, table)) = self.table(facts) else {
            return;
        };
        let rows = self.rows(table);
        let place = step.apply(self.cursor(&rows), rows.len());
        self.row = rows.get(place).map(|row| (row.key.clone(), place));
    }

    /// The columns of a table: its keys, its cells, the ages.
    pub fn columns(table: &Table) -> Vec<Shown> {
        let cells = table.columns.iter().cloned().map(Shown::Cell);
        std::iter::once(Shown::Key)
            .chain(cells)
            .chain([Shown::Age])
            .collect()
    }

    /// The column under the cursor, counted in [`TablesPanel::columns`].
    pub fn column(&self, table: &Table) -> usize {
        self.column.min(table.columns.len() + 1)
    }

    /// Moves the cursor to the next column or the one before.
    pub fn step_column(&mut self, forward: bool, facts: &Facts) {
        let Some((_, table)) = self.table(facts) else {
            return;
        };
        let step = if forward { Step::Down } else { Step::Up };
        self.column = step.apply(self.column(table), table.columns.len() + 2);
    }

    /// Sorts by the column under the cursor; if it is sorted by that already, not at all.
    pub fn sort(&mut self, facts: &Facts) {
        let Some((_, table)) = self.table(facts) else {
            return;
        };
        let by = Self::columns(table).swap_remove(self.column(table));
        self.sort = match &self.sort {
            Some((sorted, _)) if *sorted == by => None,
            _ => Some((by, false)),
        };
    }

    /// Turns the order round.
    pub fn reverse(&mut self, facts: &Facts) {
        if self.sort.is_none() {
            self.sort(facts);
        }
        if let Some((_, is_reversed)) = &mut self.sort {
            *is_reversed = !*is_reversed;
        }
    }

    /// What it is sorted by, and whether the other way round.
    pub fn sorted_by(&self) -> Option<&(Shown, bool)> {
        self.sort.as_ref()
    }

    /// Marks what changes from `at` on; again: shows only such rows; again: neither.
    pub fn mark(&mut self, at: Stamp) {
        self.since = match self.since {
            Since::Moment => Since::Mark(at),
            Since::Mark(mark) => Since::OnlyAfter(mark),
            Since::OnlyAfter(_) => Since::Moment,
        };
    }

    /// Whether a cell is to be marked at a moment.
    pub fn is_marked(&self, cell: &KnownCell, at: Stamp) -> bool {
        match self.since {
            Since::Moment => cell
                .changed
                .is_some_and(|changed| at.since(changed) < MARKED_FOR),
            Since::Mark(mark) | Since::OnlyAfter(mark) => cell.changed_after(mark),
        }
    }
}

/// Numbers by size before texts by letter.
fn compared(a: &KnownCell, b: &KnownCell) -> Ordering {
    match (a.number(), b.number()) {
        (Some(a), Some(b)) => a.total_cmp(&b),
        (Some(_), None) => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
        (None, None) => a.text().cmp(&b.text()),
    }
}

/// How long a change is marked where no mark is set.
const MARKED_FOR: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests;
