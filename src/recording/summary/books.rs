//! What became of order books, counted in bounded memory.

use std::collections::BTreeMap;

use super::BookSummary;
use crate::recording::records::{BookRecord, TradeRecord};

/// Books that are told apart; a broken file could make up more.
const MAX_BOOKS: usize = 10_000;

/// A source, a venue and a symbol.
type Key = (String, String, String);

/// All books of a recording.
#[derive(Debug, Default)]
pub(super) struct Books(BTreeMap<Key, BookSummary>);

impl Books {
    pub(super) fn count(&mut self, source: String, record: &BookRecord<'_>, at_ns: u64) {
        let Some(book) = self.book(source, &record.venue, &record.symbol) else {
            return;
        };
        let is_held = record.since_ns.is_some();
        let since = book.untrusted_since_ns;
        match &*record.change {
            "snapshot" | "replace" => {
                let count = match &*record.change {
                    "snapshot" => &mut book.snapshots,
                    _ => &mut book.replacements,
                };
                *count = count.saturating_add(1);
                if let Some(since_ns) = book.untrusted_since_ns.take() {
                    let lasted_ns = at_ns.saturating_sub(since_ns);
                    book.untrusted_ns = book.untrusted_ns.saturating_add(lasted_ns);
                }
            }
            "delta" => book.deltas = book.deltas.saturating_add(1),
            "clear" => {
                book.untrusted_since_ns = Some(since.unwrap_or(at_ns));
                // It was so before the recording; nothing happened in it.
                if !is_held {
                    let reason = record.reason.as_deref().unwrap_or_default();
                    let reason = super::tally::printable(reason);
                    if book.clears.len() < 16 || book.clears.contains_key(&reason) {
                        let count = book.clears.entry(reason).or_default();
                        *count = count.saturating_add(1);
                    }
                }
            }
            _ => {}
        }
    }

    pub(super) fn trade(&mut self, source: String, record: &TradeRecord<'_>) {
        if let Some(book) = self.book(source, &record.venue, &record.symbol) {
            book.trades = book.trades.saturating_add(1);
        }
    }

    fn book(&mut self, source: String, venue: &str, symbol: &str) -> Option<&mut BookSummary> {
        let printable = super::tally::printable;
        let key = (source, printable(venue), printable(symbol));
        if self.0.len() >= MAX_BOOKS && !self.0.contains_key(&key) {
            return None;
        }
        let (source, venue, symbol) = key.clone();
        Some(self.0.entry(key).or_insert_with(|| BookSummary {
            source,
            venue,
            symbol,
            ..BookSummary::default()
        }))
    }

    /// The summaries; `end_ns` is the time of the last message.
    pub(super) fn into_summaries(self, end_ns: u64) -> Vec<BookSummary> {
        let books = self.0.into_values().map(|mut book| {
            if let Some(since_ns) = book.untrusted_since_ns {
                let lasted_ns = end_ns.saturating_sub(since_ns);
                book.untrusted_ns = book.untrusted_ns.saturating_add(lasted_ns);
            }
            book
        });
        books.collect()
    }
}
