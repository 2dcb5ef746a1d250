//! What the rows of a live table come to: every row with its newest cells, within bounds.

use std::collections::BTreeMap;

use super::{Row, Rows};
use crate::model::sample::Value;
use crate::model::stamp::Stamp;
use crate::model::text::PlainText;

/// Rows of a table that are kept: as many as a record of a recording holds.
const MAX_ROWS: usize = 100_000;
/// Columns of a row that are kept: as many as a record of a recording holds.
const MAX_CELLS: usize = 4096;
/// Cells of a table that are kept.
const MAX_ALL_CELLS: usize = 200_000;

/// The rows of a table, in the order in which they came first.
#[derive(Clone, Debug, Default)]
pub struct Table {
    rows: Vec<Row>,
    places: BTreeMap<PlainText, usize>,
    cells: usize,
    since: Stamp,
}

impl Table {
    /// Takes rows in. What is more than a table may hold is not kept.
    pub fn take(&mut self, rows: &Rows, received: Stamp) {
        if rows.is_whole {
            let mut before = std::mem::take(self);
            for row in &rows.rows {
                if let Some(at) = before.places.remove(&row.key)
                    && let Some(known) = before.rows.get_mut(at)
                {
                    let cells = std::mem::take(&mut known.cells);
                    self.set(&row.key, &cells);
                }
                self.set(&row.key, &row.cells);
            }
        } else {
            for row in &rows.rows {
                self.set(&row.key, &row.cells);
            }
        }
        self.since = received;
    }

    fn set(&mut self, key: &PlainText, cells: &[(PlainText, Value)]) {
        let at = match self.places.get(key) {
            Some(at) => *at,
            None if self.rows.len() >= MAX_ROWS => return,
            None => {
                self.places.insert(key.clone(), self.rows.len());
                self.rows.push(Row {
                    key: key.clone(),
                    cells: Vec::new(),
                });
                self.rows.len() - 1
            }
        };
        let Some(row) = self.rows.get_mut(at) else {
            return;
        };
        for (column, value) in cells {
            let has_room = row.cells.len() < MAX_CELLS && self.cells < MAX_ALL_CELLS;
            match row.cells.iter_mut().find(|(name, _)| name == column) {
                Some((_, known)) => *known = value.clone(),
                None if has_room => {
                    row.cells.push((column.clone(), value.clone()));
                    self.cells += 1;
                }
                None => {}
            }
        }
    }

    /// When it last changed.
    pub fn since(&self) -> Stamp {
        self.since
    }

    /// The rows.
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// All rows as one piece of news.
    pub fn whole(&self, table: &PlainText) -> Rows {
        Rows {
            table: table.clone(),
            rows: self.rows.clone(),
            is_whole: true,
        }
    }
}
