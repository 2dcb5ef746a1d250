//! What is known of the live tables of a source: the newest cell of every row and column, when it
//! changed, how often its row comes. Bounded in tables, rows, columns, cells and history.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use crate::model::{History, PlainText, Rows, Stamp, Value};

/// Tables of one source; a server may invent event names without end.
const MOST_TABLES: usize = 64;
/// Rows of one table. When it is full the row that was not said for longest leaves.
pub const MOST_ROWS: usize = 2_000;
/// Columns of one table.
pub const MOST_COLUMNS: usize = 128;
/// Cells of all tables of one source, at some 400 bytes each.
const MOST_CELLS: usize = 100_000;
/// Numbers of a cell that are remembered.
const HISTORY: usize = 32;
/// Pauses between the last updates of a row that its usual pace is learned from.
const PAUSES: usize = 8;
/// How long a row that has gone is still shown.
const GONE_FOR: Duration = Duration::from_secs(10);

/// The tables of a source.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tables {
    tables: Vec<Table>,
    cells: usize,
    passed_over: u64,
}

/// One table.
#[derive(Clone, Debug, PartialEq)]
pub struct Table {
    /// Its name.
    pub name: PlainText,
    /// Its columns, in the order they appeared in.
    pub columns: Vec<PlainText>,
    /// When it was last said something about.
    pub updated: Stamp,
    /// Rows that left because the table was full.
    pub forgotten: u64,
    /// Cells that found no room.
    pub passed_over: u64,
    /// Shared with a screen that is held, so that holding it copies no rows.
    rows: BTreeMap<PlainText, Arc<KnownRow>>,
    /// Keys by when they were last said.
    by_use: BTreeMap<u64, PlainText>,
    said: u64,
}

/// One row.
#[derive(Clone, Debug, PartialEq)]
pub struct KnownRow {
    /// What it is known by.
    pub key: PlainText,
    /// Its place in the order of appearance.
    pub number: u64,
    /// When it was first said.
    pub first: Stamp,
    /// When it was last said.
    pub updated: Stamp,
    /// Since when it is not among the rows any more.
    pub gone: Option<Stamp>,
    cells: Vec<Option<KnownCell>>,
    last_use: u64,
    pauses: [Duration; PAUSES],
    updates: usize,
}

/// One cell.
#[derive(Clone, Debug, PartialEq)]
pub struct KnownCell {
    /// What stands there.
    pub value: Value,
    /// When something first stood there.
    pub first: Stamp,
    /// When it last became something else.
    pub changed: Option<Stamp>,
    /// Its numbers, if it had any.
    history: Option<History>,
}

impl Tables {
    /// All of them, in the order they appeared in.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Table> {
        self.tables.iter()
    }

    /// The table of that name.
    pub fn get(&self, name: &PlainText) -> Option<&Table> {
        self.tables.iter().find(|table| table.name == *name)
    }

    /// Messages whose tables found no room.
    pub fn passed_over(&self) -> u64 {
        self.passed_over
    }

    /// Takes rows in.
    pub fn take(&mut self, rows: &Rows, at: Stamp) {
        let known = self.tables.iter().position(|t| t.name == rows.table);
        let index = match known {
            Some(index) => index,
            None if self.tables.len() < MOST_TABLES => {
                self.tables.push(Table::new(rows.table.clone(), at));
                self.tables.len() - 1
            }
            None => {
                self.passed_over = self.passed_over.saturating_add(1);
                return;
            }
        };
        self.tables[index].take(rows, at, &mut self.cells);
    }

    /// Removes the rows that have been gone for a while.
    pub fn tick(&mut self, at: Stamp) {
        for table in &mut self.tables {
            table.remove_gone(at, &mut self.cells);
        }
    }
}

impl Table {
    fn new(name: PlainText, at: Stamp) -> Self {
        Self {
            name,
            columns: Vec::new(),
            updated: at,
            forgotten: 0,
            passed_over: 0,
            rows: BTreeMap::new(),
            by_use: BTreeMap::new(),
            said: 0,
        }
    }

    /// Its rows, by key.
    pub fn rows(&self) -> impl ExactSizeIterator<Item = &KnownRow> {
        self.rows.values().map(Arc::as_ref)
    }

    /// The row of that key.
    pub fn row(&self, key: &PlainText) -> Option<&KnownRow> {
        self.rows.get(key).map(Arc::as_ref)
    }

    fn take(&mut self, said: &Rows, at: Stamp, cells: &mut usize) {
        self.updated = at;
        for row in &said.rows {
            self.said += 1;
            let known = match self.rows.get_mut(&row.key) {
                Some(known) => known,
                None => {
                    if self.rows.len() >= MOST_ROWS {
                        self.forget_oldest(cells);
                    }
                    let fresh = Arc::new(KnownRow::new(row.key.clone(), self.said, at));
                    self.rows.entry(row.key.clone()).or_insert(fresh)
                }
            };
            let known = Arc::make_mut(known);
            self.by_use.remove(&known.last_use);
            self.by_use.insert(self.said, row.key.clone());
            known.said(self.said, at);
            for (index, (name, value)) in row.cells.iter().enumerate() {
                // Rows of one feed have their cells in one order, most of the time.
                let place = match self.columns.get(index) == Some(name) {
                    true => Some(index),
                    false => self.columns.iter().position(|column| column == name),
                };
                let column = match place {
                    Some(column) => column,
                    None if self.columns.len() < MOST_COLUMNS => {
                        self.columns.push(name.clone());
                        self.columns.len() - 1
                    }
                    None => {
                        self.passed_over = self.passed_over.saturating_add(1);
                        continue;
                    }
                };
                if !known.set(column, value, at, cells) {
                    self.passed_over = self.passed_over.saturating_add(1);
                }
            }
        }
        if said.is_whole {
            let there: BTreeSet<&PlainText> = said.rows.iter().map(|row| &row.key).collect();
            for (key, row) in &mut self.rows {
                if row.gone.is_none() && !there.contains(key) {
                    Arc::make_mut(row).gone = Some(at);
                }
            }
        }
    }

    fn forget_oldest(&mut self, cells: &mut usize) {
        if let Some((_, key)) = self.by_use.pop_first()
            && let Some(row) = self.rows.remove(&key)
        {
            *cells -= row.count();
            self.forgotten = self.forgotten.saturating_add(1);
        }
    }

    fn remove_gone(&mut self, at: Stamp, cells: &mut usize) {
        let by_use = &mut self.by_use;
        self.rows.retain(|_, row| {
            let stays = row.gone.is_none_or(|gone| at.since(gone) < GONE_FOR);
            if !stays {
                *cells -= row.count();
                by_use.remove(&row.last_use);
            }
            stays
        });
    }
}

impl KnownRow {
    fn new(key: PlainText, number: u64, at: Stamp) -> Self {
        Self {
            key,
            number,
            first: at,
            updated: at,
            gone: None,
            cells: Vec::new(),
            last_use: number,
            pauses: [Duration::ZERO; PAUSES],
            updates: 0,
        }
    }

    /// What stands in a column.
    pub fn cell(&self, column: usize) -> Option<&KnownCell> {
        self.cells.get(column)?.as_ref()
    }

    /// How long it may usually be silent: the longest of its last pauses, no less than a second.
    /// `None` before there were two.
    pub fn usual_pause(&self) -> Option<Duration> {
        // The first update follows nothing.
        let known = self.updates.saturating_sub(1).min(PAUSES);
        let longest = self.pauses.iter().take(known).max().copied()?;
        (known >= 2).then(|| longest.max(Duration::from_secs(1)))
    }

    /// Whether it was silent for three times its usual pause.
    pub fn is_stale(&self, at: Stamp) -> bool {
        self.usual_pause()
            .is_some_and(|pause| at.since(self.updated) > pause * 3)
    }

    /// Whether it, or a cell of it, is newer than a moment.
    pub fn changed_after(&self, mark: Stamp) -> bool {
        self.cells
            .iter()
            .flatten()
            .any(|cell| cell.changed_after(mark))
            || self.first.mono_ns > mark.mono_ns
            || self.gone.is_some_and(|gone| gone.mono_ns > mark.mono_ns)
    }

    fn count(&self) -> usize {
        self.cells.iter().flatten().count()
    }

    fn said(&mut self, number: u64, at: Stamp) {
        if self.updates > 0 {
            let place = (self.updates - 1) % PAUSES;
            self.pauses[place] = at.since(self.updated);
        }
        self.updates = self.updates.saturating_add(1);
        (self.last_use, self.updated, self.gone) = (number, at, None);
    }

    /// Puts a value into a column; says whether there was room.
    fn set(&mut self, column: usize, value: &Value, at: Stamp, cells: &mut usize) -> bool {
        let number = number_of(value);
        if let Some(Some(cell)) = self.cells.get_mut(column) {
            if cell.value != *value {
                cell.value.clone_from(value);
                cell.changed = Some(at);
            }
            if let Some(number) = number {
                let history = cell.history.get_or_insert_with(|| History::new(HISTORY));
                history.push(number);
            }
            return true;
        }
        if *cells >= MOST_CELLS {
            return false;
        }
        *cells += 1;
        if self.cells.len() <= column {
            self.cells.resize(column + 1, None);
        }
        self.cells[column] = Some(KnownCell {
            value: value.clone(),
            first: at,
            changed: None,
            history: number.map(|number| {
                let mut history = History::new(HISTORY);
                history.push(number);
                history
            }),
        });
        true
    }
}

impl KnownCell {
    /// Its last numbers, oldest first.
    pub fn numbers(&self) -> Vec<f64> {
        self.history.iter().flat_map(History::iter).collect()
    }

    /// Whether it became what it is after a moment.
    pub fn changed_after(&self, mark: Stamp) -> bool {
        self.changed.unwrap_or(self.first).mono_ns > mark.mono_ns
    }

    /// As printed: numbers with all their digits.
    pub fn text(&self) -> String {
        match &self.value {
            Value::Float(value) => {
                let size = value.abs();
                match size == 0.0 || (1e-9..1e15).contains(&size) {
                    true => value.to_string(),
                    false => format!("{value:e}"),
                }
            }
            Value::Int(value) => value.to_string(),
            Value::Bool(value) => value.to_string(),
            Value::Text(text) => text.to_string(),
        }
    }

    /// Its number, if it is one or a text that says one.
    pub fn number(&self) -> Option<f64> {
        number_of(&self.value)
    }
}

/// Venues and Python servers write numbers as texts.
fn number_of(value: &Value) -> Option<f64> {
    match value {
        Value::Float(value) => Some(*value),
        Value::Int(value) => Some(*value as f64),
        Value::Bool(_) => None,
        Value::Text(text) => {
            let is_number = text.starts_with(|c: char| c.is_ascii_digit() || c == '-');
            let number = is_number.then(|| text.parse::<f64>().ok()).flatten();
            number.filter(|number| number.is_finite())
        }
    }
}
