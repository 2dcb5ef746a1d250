//! The journal: links, faults, losses and log lines, newest last.

pub mod draw;

use std::collections::VecDeque;
use std::sync::Arc;

use super::{Step, shortened};
use crate::model::{PlainText, Severity, Stamp};

/// What kind of thing a line tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EntryKind {
    /// A connection changed its state.
    Link,
    /// Something was wrong.
    Fault,
    /// Something is missing.
    Loss,
    /// A log line, a peer's or our own.
    Log,
    /// The recorder began, ended or failed.
    Recorder,
    /// What became of a command.
    Command,
    /// The stop path, or what became of a stop.
    Stop,
}

impl EntryKind {
    /// One word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Link => "link",
            Self::Fault => "fault",
            Self::Loss => "loss",
            Self::Log => "log",
            Self::Recorder => "rec",
            Self::Command => "cmd",
            Self::Stop => "stop",
        }
    }
}

/// One line, perhaps for several equal ones.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its place in the order of all lines ever added; a folded line has that of its newest.
    serial: u64,
    /// When it last happened.
    pub at: Stamp,
    /// How often.
    pub count: u64,
    /// How bad it is.
    pub severity: Severity,
    /// What kind.
    pub kind: EntryKind,
    /// The source, or who else.
    pub who: PlainText,
    /// What happened.
    pub text: PlainText,
}

impl Entry {
    /// How much of a text is kept. 10,000 lines of this length are 20 MB.
    const TEXT_BYTES: usize = 2_000;

    /// A line that happened once.
    pub fn new(
        at: Stamp,
        severity: Severity,
        kind: EntryKind,
        who: PlainText,
        text: PlainText,
    ) -> Self {
        Self {
            serial: 0,
            at,
            count: 1,
            severity,
            kind,
            who: shortened(&who, 100),
            text: shortened(&text, Self::TEXT_BYTES),
        }
    }

    fn is_same_as(&self, other: &Self) -> bool {
        (self.severity, self.kind, &self.who, &self.text)
            == (other.severity, other.kind, &other.who, &other.text)
    }

    /// Whether every word of `filter` (in lower case) occurs in the line, its severity and kind
    /// included.
    pub(super) fn matches(&self, filter: &str) -> bool {
        filter.split_whitespace().all(|word| {
            self.text.to_lowercase().contains(word)
                || self.who.to_lowercase().contains(word)
                || self.severity.as_str() == word
                || self.kind.as_str() == word
        })
    }
}

/// The lines, bounded; the oldest leaves when full.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Journal {
    // Shared with held copies of the facts: copying 10,000 lines is copying as many pointers.
    entries: VecDeque<Arc<Entry>>,
    added: u64,
    forgotten: u64,
}

impl Journal {
    /// The most lines that are kept.
    pub const BOUND: usize = 10_000;
    /// Among so many newest lines a fault or log line is looked for to be folded with.
    const FOLD_DEPTH: usize = 8;

    /// Adds a line. One that says the same as a recent one is folded into it and moves to the end.
    /// A change of a link or of a stop is folded only with the latest of the same source, because
    /// their order matters; losses, commands and the recorder's lines only with their direct
    /// neighbour.
    pub fn add(&mut self, mut entry: Entry) {
        let depth = match entry.kind {
            EntryKind::Fault | EntryKind::Log | EntryKind::Link | EntryKind::Stop => {
                Self::FOLD_DEPTH
            }
            EntryKind::Loss | EntryKind::Recorder | EntryKind::Command => 1,
        };
        let is_near = |known: &Entry| match entry.kind {
            EntryKind::Link | EntryKind::Stop => known.kind == entry.kind && known.who == entry.who,
            _ => known.is_same_as(&entry),
        };
        let same = self
            .entries
            .iter()
            .enumerate()
            .rev()
            .take(depth)
            .find(|(_, known)| is_near(known))
            .filter(|(_, known)| known.is_same_as(&entry))
            .map(|(index, _)| index);
        if let Some(folded) = same.and_then(|index| self.entries.remove(index)) {
            entry.count = entry.count.saturating_add(folded.count);
        }
        if self.entries.len() >= Self::BOUND {
            self.entries.pop_front();
            self.forgotten = self.forgotten.saturating_add(1);
        }
        self.added = self.added.saturating_add(1);
        entry.serial = self.added;
        self.entries.push_back(Arc::new(entry));
    }

    /// The lines, oldest first.
    pub fn entries(&self) -> impl DoubleEndedIterator<Item = &Entry> + ExactSizeIterator {
        self.entries.iter().map(Arc::as_ref)
    }

    /// Lines that left because the journal was full.
    pub fn forgotten(&self) -> u64 {
        self.forgotten
    }
}

/// What the operator chose to see of the journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JournalPanel {
    /// The selected line; `None` follows the newest.
    selected: Option<u64>,
    /// What a line must contain.
    pub filter: String,
    /// How bad a line must be.
    pub least: Severity,
}

impl Default for JournalPanel {
    fn default() -> Self {
        Self {
            selected: None,
            filter: String::new(),
            least: Severity::Debug,
        }
    }
}

impl JournalPanel {
    /// The lines that pass filter and severity, oldest first.
    pub fn lines<'a>(&self, journal: &'a Journal) -> Vec<&'a Entry> {
        let filter = self.filter.to_lowercase();
        journal
            .entries()
            .filter(|entry| entry.severity >= self.least && entry.matches(&filter))
            .collect()
    }

    /// The place of the selected line, or of what came after it when it is gone, among
    /// [`JournalPanel::lines`]; `None` while following the newest.
    pub fn cursor(&self, lines: &[&Entry]) -> Option<usize> {
        let selected = self.selected?;
        let place = lines.partition_point(|entry| entry.serial < selected);
        Some(place.min(lines.len().checked_sub(1)?))
    }

    /// Moves the cursor; past the last line it follows the newest again.
    pub fn step(&mut self, step: Step, journal: &Journal) {
        let lines = self.lines(journal);
        let last = lines.len().saturating_sub(1);
        let row = self.cursor(&lines);
        let at_end = row.is_none_or(|row| row == last);
        self.selected = match step {
            Step::Bottom => None,
            Step::Down | Step::PageDown if at_end => None,
            step => lines
                .get(step.apply(row.unwrap_or(last), lines.len()))
                .map(|entry| entry.serial),
        };
    }

    /// Whether it follows the newest line.
    pub fn follows(&self) -> bool {
        self.selected.is_none()
    }

    /// Shows all, then warnings and errors, then errors alone.
    pub fn next_severity(&mut self) {
        self.least = match self.least {
            Severity::Debug | Severity::Info => Severity::Warning,
            Severity::Warning => Severity::Error,
            Severity::Error => Severity::Debug,
        };
        self.selected = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(second: u64, severity: Severity, kind: EntryKind, text: &str) -> Entry {
        let at = Stamp {
            mono_ns: second * 1_000_000_000,
            unix_ns: 0,
        };
        Entry::new(at, severity, kind, "scope".into(), text.into())
    }

    fn texts(journal: &Journal) -> Vec<String> {
        journal
            .entries()
            .map(|entry| format!("{} x{}", entry.text, entry.count))
            .collect()
    }

    #[test]
    fn repeated_lines_are_folded() {
        let mut journal = Journal::default();
        for (second, text) in [(1, "a"), (2, "b"), (3, "a"), (4, "a"), (5, "c")] {
            journal.add(entry(second, Severity::Warning, EntryKind::Fault, text));
        }
        assert_eq!(texts(&journal), ["b x1", "a x3", "c x1"]);
    }

    #[test]
    fn the_order_of_link_changes_is_kept() {
        let mut journal = Journal::default();
        for (second, text) in [(1, "live"), (2, "down"), (3, "live"), (4, "live")] {
            journal.add(entry(second, Severity::Info, EntryKind::Link, text));
        }
        assert_eq!(texts(&journal), ["live x1", "down x1", "live x2"]);
    }

    #[test]
    fn two_links_that_fail_in_turn_take_two_lines() {
        let mut journal = Journal::default();
        for (second, who) in [(1, "a"), (2, "b"), (3, "a"), (4, "b"), (5, "a")] {
            let mut line = entry(second, Severity::Error, EntryKind::Link, "down: refused");
            line.who = who.into();
            journal.add(line);
        }
        assert_eq!(texts(&journal), ["down: refused x2", "down: refused x3"]);
    }

    #[test]
    fn the_journal_is_bounded_and_says_what_it_forgot() {
        let mut journal = Journal::default();
        for n in 0..Journal::BOUND + 5 {
            journal.add(entry(
                0,
                Severity::Info,
                EntryKind::Log,
                &format!("line {n}"),
            ));
        }
        assert_eq!(journal.entries().len(), Journal::BOUND);
        assert_eq!(journal.forgotten(), 5);
        assert_eq!(journal.entries().next().unwrap().text.as_str(), "line 5");
    }

    #[test]
    fn a_line_of_megabytes_is_kept_short() {
        let mut journal = Journal::default();
        let long = "x".repeat(5_000_000);
        journal.add(entry(0, Severity::Info, EntryKind::Log, &long));
        assert!(journal.entries().next().unwrap().text.len() <= Entry::TEXT_BYTES + 3);
    }

    #[test]
    fn filters_find_text_severity_and_kind() {
        let mut journal = Journal::default();
        journal.add(entry(1, Severity::Info, EntryKind::Link, "Live"));
        journal.add(entry(
            2,
            Severity::Error,
            EntryKind::Fault,
            "frame cut short",
        ));
        journal.add(entry(
            3,
            Severity::Warning,
            EntryKind::Loss,
            "3 of the frames lane lost",
        ));
        let cases = [
            ("", Severity::Debug, 3),
            ("live", Severity::Debug, 1),
            ("frame", Severity::Debug, 2),
            ("frame error", Severity::Debug, 1),
            ("loss", Severity::Debug, 1),
            ("scope", Severity::Warning, 2),
            ("", Severity::Error, 1),
            ("nothing", Severity::Debug, 0),
        ];
        for (filter, least, found) in cases {
            let panel = JournalPanel {
                filter: filter.to_owned(),
                least,
                ..JournalPanel::default()
            };
            assert_eq!(panel.lines(&journal).len(), found, "{filter} {least:?}");
        }
    }

    #[test]
    fn moving_up_leaves_the_end_and_moving_past_it_follows_again() {
        let mut journal = Journal::default();
        for n in 0..30 {
            journal.add(entry(
                n,
                Severity::Info,
                EntryKind::Log,
                &format!("line {n}"),
            ));
        }
        let mut panel = JournalPanel::default();
        let cases = [
            (Step::Up, Some(28)),
            (Step::Up, Some(27)),
            (Step::PageUp, Some(17)),
            (Step::Top, Some(0)),
            (Step::PageDown, Some(10)),
            (Step::Bottom, None),
            (Step::Down, None),
            (Step::Up, Some(28)),
            (Step::Down, Some(29)),
            (Step::Down, None),
        ];
        for (step, cursor) in cases {
            panel.step(step, &journal);
            assert_eq!(panel.cursor(&panel.lines(&journal)), cursor, "{step:?}");
        }
        panel.step(Step::Up, &journal);
        journal.add(entry(40, Severity::Info, EntryKind::Log, "one more"));
        assert_eq!(panel.cursor(&panel.lines(&journal)), Some(28));
    }
}
