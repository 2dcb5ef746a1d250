//! One table for each topic, or some where a message has lists in it: opened as they are needed,
//! any number of them with a bounded number of open files and a bounded memory.

use std::borrow::Cow;
use std::collections::{BTreeMap, VecDeque};
use std::path::Path;

use super::table::{COMMON, Cell, Column, Table, TableWriter};
use super::{ExportError, ExportPlan, Exported, Item, OutDir, OutFile, Sink, json_lines, rows};

/// Files that are open at a time; systems allow 256 and more.
const MAX_OPEN: usize = 100;

/// Tables with a file of their own. Past this many, the topics share one for each kind of table,
/// which says the topic of each row as all do.
const MAX_TABLES: usize = 2000;

/// Bytes that all tables together hold in memory.
const MAX_HELD_BYTES: usize = 128 * 1024 * 1024;

/// Makes the writer of a table with these columns.
pub type MakeWriter = fn(OutFile, &[&'static Column]) -> Result<Box<dyn TableWriter>, ExportError>;

/// The tables of an export.
pub struct Tables {
    out: OutDir,
    ending: &'static str,
    make: MakeWriter,
    tables: Vec<Opened>,
    /// Places in `tables`, by topic.
    by_topic: BTreeMap<String, Vec<usize>>,
    /// Those whose files are open, the one that was used first in front.
    open: VecDeque<usize>,
    held_bytes: usize,
    metadata: Option<Opened>,
}

struct Opened {
    table: &'static Table,
    writer: Box<dyn TableWriter>,
    rows: u64,
}

impl Tables {
    /// Tables in the folder of the plan, whose files end like this.
    ///
    /// # Errors
    /// The folder cannot be made, or tables of another export are in it.
    pub fn create(
        plan: &ExportPlan,
        ending: &'static str,
        make: MakeWriter,
    ) -> Result<Self, ExportError> {
        let out = OutDir::make(&plan.out)?;
        out.refuse_others(ending)?;
        Ok(Self {
            out,
            ending,
            make,
            tables: Vec::new(),
            by_topic: BTreeMap::new(),
            open: VecDeque::new(),
            held_bytes: 0,
            metadata: None,
        })
    }

    fn row(
        &mut self,
        item: Item<'_>,
        table: &'static Table,
        common: &[Cell<'_>],
        cells: &[Cell<'_>],
    ) -> Result<(), ExportError> {
        let index = self.table_of(&item.message.channel.topic, table)?;
        let Some(opened) = self.tables.get_mut(index) else {
            return Ok(());
        };
        let before = opened.writer.held_bytes();
        opened.writer.row(&[common, cells])?;
        opened.rows += 1;
        self.held_bytes = self.held_bytes + opened.writer.held_bytes() - before;
        if self.open.back() != Some(&index) {
            self.touch(index)?;
        }
        while self.held_bytes > MAX_HELD_BYTES {
            self.write_out_the_largest()?;
        }
        Ok(())
    }

    /// The place of the table of a topic; it is made if there is none.
    fn table_of(&mut self, topic: &str, table: &'static Table) -> Result<usize, ExportError> {
        if let Some(index) = self.find(topic, table) {
            return Ok(index);
        }
        let (topic, stem) = match self.tables.len() < MAX_TABLES {
            true => (topic, format!("{topic}/{}", table.part)),
            false => ("", format!("other/{}/{}", table.name, table.part)),
        };
        if let Some(index) = self.find(topic, table) {
            return Ok(index);
        }
        let index = self.tables.len();
        let opened = self.make(&stem, table, COMMON)?;
        self.tables.push(opened);
        self.by_topic
            .entry(topic.to_owned())
            .or_default()
            .push(index);
        Ok(index)
    }

    fn find(&self, topic: &str, table: &'static Table) -> Option<usize> {
        let of_topic = self.by_topic.get(topic)?;
        of_topic.iter().copied().find(|index| {
            self.tables
                .get(*index)
                .is_some_and(|opened| std::ptr::eq(opened.table, table))
        })
    }

    fn make(
        &mut self,
        stem: &str,
        table: &'static Table,
        common: &'static [Column],
    ) -> Result<Opened, ExportError> {
        let file = self.out.create(stem, self.ending)?;
        let columns: Vec<&Column> = common.iter().chain(table.columns).collect();
        Ok(Opened {
            table,
            writer: (self.make)(file, &columns)?,
            rows: 0,
        })
    }

    /// Its file is open, and used last.
    fn touch(&mut self, index: usize) -> Result<(), ExportError> {
        self.open.retain(|open| *open != index);
        self.open.push_back(index);
        if self.open.len() > MAX_OPEN
            && let Some(oldest) = self.open.pop_front()
            && let Some(opened) = self.tables.get_mut(oldest)
        {
            opened.writer.park()?;
        }
        Ok(())
    }

    fn write_out_the_largest(&mut self) -> Result<(), ExportError> {
        let largest = self
            .tables
            .iter_mut()
            .max_by_key(|opened| opened.writer.held_bytes());
        if let Some(opened) = largest {
            let before = opened.writer.held_bytes();
            opened.writer.write_out()?;
            opened.writer.park()?;
            self.held_bytes -= before - opened.writer.held_bytes().min(before);
        }
        Ok(())
    }
}

impl Sink for Tables {
    fn metadata(
        &mut self,
        file: &Path,
        name: &str,
        values: &BTreeMap<String, String>,
    ) -> Result<(), ExportError> {
        let mut opened = match self.metadata.take() {
            Some(opened) => opened,
            None => self.make("metadata", &rows::METADATA, &[])?,
        };
        let file = file.to_string_lossy();
        for (key, value) in values {
            let cells = [
                Cell::from(&file),
                name.into(),
                key.as_str().into(),
                value.as_str().into(),
            ];
            opened.writer.row(&[&cells])?;
            opened.rows += 1;
        }
        self.metadata = Some(opened);
        Ok(())
    }

    fn message(&mut self, item: Item<'_>, exported: &mut Exported) -> Result<(), ExportError> {
        let message = item.message;
        if json_lines::is_picture(message) {
            exported.skip(message, json_lines::PIXELS);
            return Ok(());
        }
        let common = [
            Cell::Moment(message.log_time_ns),
            message.log_time_ns.into(),
            message.publish_time_ns.into(),
            item.source.into(),
            message.channel.topic.as_str().into(),
            message.sequence.into(),
        ];
        let mut failed = None;
        rows::of(message, &mut |table, cells| {
            if failed.is_none() {
                failed = self.row(item, table, &common, cells).err();
            }
        });
        failed.map_or(Ok(()), Err)
    }

    fn finish(self: Box<Self>, exported: &mut Exported) -> Result<(), ExportError> {
        // All are whole before the first one gets its name.
        let mut whole = Vec::new();
        for opened in self.tables.into_iter().chain(self.metadata) {
            let mut file = opened.writer.close()?;
            file.settle()?;
            file.park()?;
            whole.push((file, opened.rows));
        }
        for (file, rows) in whole {
            exported.wrote(file.finish(rows)?);
        }
        Ok(())
    }
}

/// The text of a cell that is JSON.
pub fn json_text(value: &impl serde::Serialize) -> Cell<'static> {
    // Lists of texts and numbers: there is nothing in them that JSON could not say.
    serde_json::to_string(value).map_or(Cell::Empty, |text| Cell::Text(Cow::Owned(text)))
}
