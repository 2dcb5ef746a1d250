//! What the operator chose to see of the markets.

use std::cmp::{Ordering, Reverse};

use super::known::KnownBook;
use super::ladder::{self, Place};
use super::lamp::reason;
use crate::model::market::Light;
use crate::model::{BookId, BookState, SourceId, Stamp};
use crate::panels::facts::{Facts, SourceFacts};
use crate::panels::{Look, Step};

/// How the books are sorted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BookSort {
    /// By source, venue and symbol: a book keeps its place.
    #[default]
    Name,
    /// What is wrong first.
    Trouble,
    /// The busiest first.
    Rate,
    /// The widest spread first.
    Spread,
    /// The largest imbalance of the ten best levels first, whichever way it leans.
    Imbalance,
    /// The oldest first.
    Age,
}

impl BookSort {
    /// The word in the pane's title.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Trouble => "trouble",
            Self::Rate => "rate",
            Self::Spread => "spread",
            Self::Imbalance => "imbalance",
            Self::Age => "age",
        }
    }

    /// The next way.
    pub fn next(self) -> Self {
        match self {
            Self::Name => Self::Trouble,
            Self::Trouble => Self::Rate,
            Self::Rate => Self::Spread,
            Self::Spread => Self::Imbalance,
            Self::Imbalance => Self::Age,
            Self::Age => Self::Name,
        }
    }
}

/// A book and the source it comes from.
#[derive(Clone, Copy, Debug)]
pub struct Row<'a> {
    /// The source.
    pub source: &'a SourceFacts,
    /// The book.
    pub book: &'a KnownBook,
}

impl Row<'_> {
    /// What is wrong with it; where its connection has ended, why that has.
    pub fn reason(&self, at: Stamp) -> Option<String> {
        let is_closed = matches!(self.book.view.state, BookState::Closed(_));
        let why = self.source.last_trouble.as_ref().filter(|_| is_closed);
        why.cloned().or_else(|| reason(self.book, at))
    }

    /// Whether it is this book.
    pub fn is(&self, other: &Row<'_>) -> bool {
        self.source.info.id == other.source.info.id && self.book.view.book == other.book.view.book
    }
}

/// What the operator chose to see.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MarketPanel {
    chosen: Option<(SourceId, BookId)>,
    /// Where the cursor was last, for when its book is gone.
    row: usize,
    /// How the books are sorted.
    pub sort: BookSort,
    /// What a book's names must contain.
    pub filter: String,
    depth: usize,
    group: usize,
    level: Option<Place>,
}

/// Levels of a side that a ladder shows at most.
const DEPTHS: [usize; 4] = [10, 20, 50, 5];
/// Ticks that are put together into one level.
const GROUPS: [i64; 13] = [
    1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000,
];

impl MarketPanel {
    /// The books that pass the filter, in their order. Looks at numbers only: nothing is written
    /// out for a book that is not on the screen.
    pub fn rows<'a>(&self, facts: &'a Facts, at: Stamp) -> Vec<Row<'a>> {
        let filter = self.filter.to_lowercase();
        let mut rows: Vec<Row<'a>> = all(facts).filter(|row| passes(row.book, &filter)).collect();
        match self.sort {
            BookSort::Name => {}
            BookSort::Trouble => rows.sort_by_key(|row| Reverse(trouble(row.book, at))),
            BookSort::Rate => rows.sort_by(|a, b| falling(rate(a), rate(b))),
            BookSort::Spread => rows.sort_by(|a, b| falling(spread(a), spread(b))),
            BookSort::Imbalance => rows.sort_by(|a, b| falling(imbalance(a), imbalance(b))),
            BookSort::Age => {
                let age = |row: &Row<'_>| row.book.view.age_ns(at).unwrap_or(u64::MAX);
                rows.sort_by_key(|row| Reverse(age(row)));
            }
        }
        rows
    }

    /// The book under the cursor: the chosen one while it passes the filter, else whatever has come
    /// to stand in its place.
    pub fn chosen<'a>(&self, facts: &'a Facts, at: Stamp) -> Option<Row<'a>> {
        if let Some((id, book)) = &self.chosen
            && let Some(source) = facts.source(*id)
            && let Some(book) = source.market.book(book)
            && passes(book, &self.filter.to_lowercase())
        {
            return Some(Row { source, book });
        }
        let rows = self.rows(facts, at);
        let last = rows.len().checked_sub(1)?;
        rows.get(self.row.min(last)).copied()
    }

    /// Moves the cursor among the books.
    pub fn step(&mut self, step: Step, facts: &Facts, at: Stamp) {
        let rows = self.rows(facts, at);
        let now = self.chosen(facts, at);
        let now = now.and_then(|now| rows.iter().position(|row| row.is(&now)));
        self.choose(&rows, step.apply(now.unwrap_or(0), rows.len()));
    }

    /// Chooses the first book of a source.
    pub fn choose_source(&mut self, source: SourceId, facts: &Facts, at: Stamp) {
        let rows = self.rows(facts, at);
        let first = rows.iter().position(|row| row.source.info.id == source);
        if let Some(first) = first {
            self.choose(&rows, first);
        }
    }

    fn choose(&mut self, rows: &[Row<'_>], index: usize) {
        if let Some(row) = rows.get(index) {
            let chosen = (row.source.info.id, row.book.view.book.clone());
            if self.chosen.as_ref() != Some(&chosen) {
                self.level = None;
            }
            self.chosen = Some(chosen);
            self.row = index;
        }
    }

    /// Moves the cursor of the ladder.
    pub fn step_level(&mut self, step: Step, facts: &Facts, at: Stamp) {
        let Some(row) = self.chosen(facts, at) else {
            return;
        };
        let view = row.book.shown();
        let counts = ladder::counts(view, self.grouping(), self.depth());
        self.level = ladder::step(self.level, step, counts);
    }

    /// The level under the ladder's cursor, once it was moved there.
    pub fn level(&self) -> Option<Place> {
        self.level
    }

    /// Takes the ladder's cursor away; says whether there was one.
    pub fn leave_level(&mut self) -> bool {
        self.level.take().is_some()
    }

    /// Levels of a side that a ladder shows at most.
    pub fn depth(&self) -> usize {
        DEPTHS[self.depth % DEPTHS.len()]
    }

    /// The next number of levels: 10, 20, 50, 5.
    pub fn next_depth(&mut self) {
        self.depth = (self.depth + 1) % DEPTHS.len();
    }

    /// Ticks that are put together into one level.
    pub fn grouping(&self) -> i64 {
        GROUPS[self.group.min(GROUPS.len() - 1)]
    }

    /// More ticks to a level, or fewer.
    pub fn change_grouping(&mut self, coarser: bool) {
        let last = GROUPS.len() - 1;
        self.group = match coarser {
            true => (self.group + 1).min(last),
            false => self.group.saturating_sub(1),
        };
        self.level = None;
    }

    /// The coarsest grouping there is, and those before it.
    pub fn groupings() -> impl Iterator<Item = i64> {
        GROUPS.into_iter()
    }
}

/// All books, by source, venue and symbol.
pub fn all(facts: &Facts) -> impl Iterator<Item = Row<'_>> {
    let sources = facts.sources.iter();
    sources.flat_map(|source| source.market.books().map(move |book| Row { source, book }))
}

/// How the panes of a screen that has no market say so.
pub fn nothing_yet(facts: &Facts, look: &Look<'_>) -> &'static str {
    let is_market = |source: &SourceFacts| !source.market.is_empty();
    match facts.sources.iter().any(is_market) {
        _ if look.held => "no book yet; held",
        true => "no book yet: its connection is being made",
        false => "no market yet: start with `ttyscope kraken:BTC/USD` or `binance:BTCUSDT`",
    }
}

fn passes(book: &KnownBook, filter: &str) -> bool {
    let mut words = filter.split_whitespace();
    words.all(|word| book.words.contains(word))
}

/// Larger is worse.
fn trouble(book: &KnownBook, at: Stamp) -> (Light, bool) {
    let light = book.light(at);
    (light, light > Light::Fresh && reason(book, at).is_some())
}

fn rate(row: &Row<'_>) -> f64 {
    row.book.view.rate_hz
}

fn spread(row: &Row<'_>) -> f64 {
    row.book
        .view
        .metrics
        .map_or(f64::NEG_INFINITY, |m| m.spread_bps)
}

fn imbalance(row: &Row<'_>) -> f64 {
    let metrics = row.book.view.metrics;
    metrics.map_or(f64::NEG_INFINITY, |m| m.imbalance[2].abs())
}

fn falling(a: f64, b: f64) -> Ordering {
    b.total_cmp(&a)
}
