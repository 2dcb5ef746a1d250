//! What a source's books and feeds were last seen as, and a bounded past of each.
//!
//! A book is held behind an `Arc`: holding the screen still copies pointers, and only a book that
//! changes while it is held is copied. How it looks is in the folders beside this file.

pub mod digits;
pub mod feed;
pub mod figures;
pub mod heat;
pub mod known;
pub mod ladder;
pub mod lamp;
pub mod list;
pub mod marks;
pub mod panel;
pub mod paper;
pub mod venues;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use crate::model::market::FRESH_FOR_NS;
use crate::model::{BookId, BookState, BookView, FeedHealth, PlainText, Stamp, Trade};
use crate::ui::number;

pub use known::{ChartSample, KnownBook};
pub use lamp::Lamp;
pub use panel::{BookSort, MarketPanel, Row};
pub use paper::Paper;

/// Books of one source that are kept; the rest are counted.
const MOST_BOOKS: usize = 1_024;
/// Venues of one source whose health is kept.
const MOST_FEEDS: usize = 64;
/// Columns of the past that the depth histories of one source may have together: with 50 levels of
/// 12 bytes on each side this is about 64 MiB.
const MOST_COLUMNS: usize = 56_000;

/// The books and feeds of one source.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Market {
    books: BTreeMap<BookId, Arc<KnownBook>>,
    trades: BTreeMap<BookId, Trades>,
    feeds: BTreeMap<PlainText, (Arc<FeedHealth>, Stamp)>,
    passed_over: u64,
    sampled: Option<u64>,
}

/// The last trades of one book.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Trades {
    ring: VecDeque<(Arc<Trade>, Stamp)>,
    /// Older ones that gave way.
    pub dropped: u64,
}

impl Trades {
    /// How many are kept.
    pub const LEN: usize = 100;

    fn push(&mut self, trade: Arc<Trade>, at: Stamp) {
        if self.ring.len() >= Self::LEN {
            self.ring.pop_front();
            self.dropped = self.dropped.saturating_add(1);
        }
        self.ring.push_back((trade, at));
    }

    /// The newest first, with when each was received.
    pub fn newest(&self) -> impl ExactSizeIterator<Item = (&Trade, Stamp)> {
        let newest_first = self.ring.iter().rev();
        newest_first.map(|(trade, at)| (&**trade, *at))
    }
}

impl Market {
    /// One sample for the charts in so many nanoseconds. Source: order-book specification, section
    /// 15, interval of the charts.
    pub const SAMPLE_EVERY_NS: u64 = 1_000_000_000;

    /// Whether the source is a market at all.
    pub fn is_empty(&self) -> bool {
        self.books.is_empty() && self.feeds.is_empty() && self.trades.is_empty()
    }

    /// Its books by venue and symbol.
    pub fn books(&self) -> impl ExactSizeIterator<Item = &KnownBook> {
        self.books.values().map(|book| &**book)
    }

    /// One book.
    pub fn book(&self, id: &BookId) -> Option<&KnownBook> {
        self.books.get(id).map(|book| &**book)
    }

    /// The last trades of a book.
    pub fn trades(&self, id: &BookId) -> Option<&Trades> {
        self.trades.get(id)
    }

    /// The health of its feeds by venue, with when it was said.
    pub fn feeds(&self) -> impl ExactSizeIterator<Item = (&FeedHealth, Stamp)> {
        self.feeds.values().map(|(feed, at)| (&**feed, *at))
    }

    /// Views of books, trades and feeds that found no room.
    pub fn passed_over(&self) -> u64 {
        self.passed_over
    }

    /// Takes in a view. A book that is live again is worth a line in the journal; why it was not
    /// has been said by its fault.
    pub fn take_book(&mut self, view: &Arc<BookView>, at: Stamp) -> Option<String> {
        let Some(known) = self.books.get_mut(&view.book) else {
            if self.books.len() >= MOST_BOOKS {
                self.passed_over = self.passed_over.saturating_add(1);
                return None;
            }
            let feed = self.feeds.get(&view.book.venue);
            let fresh_for_ns = feed.map_or(FRESH_FOR_NS, |(feed, _)| feed.fresh_for_ns);
            let known = KnownBook::new(Arc::clone(view), at, fresh_for_ns);
            let known = Arc::new(known);
            self.books.insert(view.book.clone(), known);
            return None;
        };
        let was_live = known.view.state == BookState::Live;
        let known = Arc::make_mut(known);
        let lost = known.take(Arc::clone(view), at);
        let back = lost.filter(|_| !was_live)?;
        let BookId { venue, symbol } = &view.book;
        let away = number::age(at.since(back));
        Some(format!("{venue} {symbol}: live again after {away}"))
    }

    /// Takes in a trade.
    pub fn take_trade(&mut self, trade: &Arc<Trade>, at: Stamp) {
        if let Some(trades) = self.trades.get_mut(&trade.book) {
            trades.push(Arc::clone(trade), at);
        } else if self.trades.len() < MOST_BOOKS {
            let mut trades = Trades::default();
            trades.push(Arc::clone(trade), at);
            self.trades.insert(trade.book.clone(), trades);
        } else {
            self.passed_over = self.passed_over.saturating_add(1);
        }
    }

    /// Takes in the health of a venue's connections.
    pub fn take_feed(&mut self, feed: &Arc<FeedHealth>, at: Stamp) {
        if self.feeds.len() < MOST_FEEDS || self.feeds.contains_key(&feed.venue) {
            let patience = feed.fresh_for_ns;
            for book in self.books.values_mut() {
                if book.view.book.venue == feed.venue && book.fresh_for_ns != patience {
                    Arc::make_mut(book).fresh_for_ns = patience;
                }
            }
            let known = (Arc::clone(feed), at);
            self.feeds.insert(feed.venue.clone(), known);
        } else {
            self.passed_over = self.passed_over.saturating_add(1);
        }
    }

    /// Takes a sample of every book when one is due: whatever came in between, the newest view
    /// counts. A book that is not live leaves a hole.
    pub fn tick(&mut self, now: Stamp) {
        let interval = now.mono_ns / Self::SAMPLE_EVERY_NS;
        if self.books.is_empty() || self.sampled == Some(interval) {
            return;
        }
        self.sampled = Some(interval);
        let columns = (MOST_COLUMNS / self.books.len()).clamp(1, KnownBook::MOST_COLUMNS);
        for book in self.books.values_mut() {
            Arc::make_mut(book).sample(now, columns);
        }
    }
}

#[cfg(test)]
mod tests;
