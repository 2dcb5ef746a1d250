//! The order books of a recording: recorded changes and trades go into the same book that a live
//! source keeps, and come out as the same views, at the same pace.

use std::collections::BTreeMap;

use crate::model::decimal::DecimalError;
use crate::model::{
    BookChange, BookEvent, BookId, BookView, FeedWay, Integrity, Payload, PlainText, Stamp,
};
use crate::protocol::market::tracked::Tracked;

/// One view of a book in this time at most: as often as the screen is drawn.
const VIEW_EVERY_NS: u64 = 33_000_000;
/// Books that are rebuilt: as many as a recorder keeps of one source.
const MAX_BOOKS: usize = 1024;

/// The venue that sends trades and nothing else.
const TRADES_ONLY: &str = "finnhub";

/// The books of all sources of a recording.
#[derive(Debug, Default)]
pub struct Books {
    books: BTreeMap<Key, Played>,
    /// How the books of each source and venue come, as it said last.
    ways: BTreeMap<(usize, PlainText), FeedWay>,
}

/// A source's place in the recording, and its book.
type Key = (usize, BookId);

#[derive(Debug)]
struct Played {
    tracked: Tracked,
    /// The moment of its last view, and of what version that was.
    shown: Option<(u64, u64)>,
}

impl Played {
    fn new(id: BookId) -> Self {
        // The first event says more. One venue has no books, and its trades alone are news.
        let integrity = match id.venue.as_str() {
            TRADES_ONLY => Integrity::TradesOnly,
            _ => Integrity::Weak,
        };
        let mut tracked = Tracked::new(id, FeedWay::Stream, integrity);
        tracked.starting("no snapshot in the recording so far");
        Self {
            tracked,
            shown: None,
        }
    }

    /// When its next view is due; `None` if nothing has changed.
    fn due_ns(&self) -> Option<u64> {
        match self.shown {
            None => Some(0),
            Some((_, version)) if version == self.tracked.version() => None,
            Some((shown_ns, _)) => Some(shown_ns.saturating_add(VIEW_EVERY_NS)),
        }
    }
}

/// Why an event could not be taken in.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// There are more books than are rebuilt.
    #[error("{symbol}: there are more than {MAX_BOOKS} books in it; this one is not shown")]
    TooMany {
        /// Of which this is one.
        symbol: PlainText,
    },
    /// Its numbers do not fit those before.
    #[error("{symbol}: a change that does not fit the book: {why}")]
    Numbers {
        /// Of this book.
        symbol: PlainText,
        /// In which way.
        why: DecimalError,
    },
}

impl Books {
    /// Takes in what the source at place `source` said at `at`.
    ///
    /// # Errors
    /// The event makes no sense to its book; the book is as it was.
    pub fn take(&mut self, source: usize, payload: &Payload, at: Stamp) -> Result<(), Refused> {
        match payload {
            Payload::BookEvent(event) => {
                let tracked = &mut self.book(source, &event.book)?.tracked;
                if let Some(integrity) = integrity_of(event, tracked.integrity()) {
                    tracked.set_integrity(integrity);
                }
                tracked.replay(event, at).map_err(|why| Refused::Numbers {
                    symbol: event.book.symbol.clone(),
                    why,
                })?;
            }
            Payload::Trade(trade) => {
                let tracked = &mut self.book(source, &trade.book)?.tracked;
                tracked.replay_trade(trade, at);
            }
            Payload::Feed(feed) => {
                let key = (source, feed.venue.clone());
                if self.ways.len() < MAX_BOOKS || self.ways.contains_key(&key) {
                    self.ways.insert(key, feed.way);
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn book(&mut self, source: usize, id: &BookId) -> Result<&mut Played, Refused> {
        let key = (source, id.clone());
        if self.books.len() >= MAX_BOOKS && !self.books.contains_key(&key) {
            return Err(Refused::TooMany {
                symbol: id.symbol.clone(),
            });
        }
        let new = || Played::new(id.clone());
        Ok(self.books.entry(key).or_insert_with(new))
    }

    /// When the next view is due, on the clock of the stamps; `None` if nothing has changed.
    pub fn next_due_ns(&self) -> Option<u64> {
        self.books.values().filter_map(Played::due_ns).min()
    }

    /// The views that are due at `now`, with their source's place.
    pub fn due(&mut self, now: Stamp) -> Vec<(usize, BookView)> {
        self.views(now, |due_ns| due_ns <= now.mono_ns)
    }

    /// The last views of all books that have changed since they were shown.
    pub fn last(&mut self, now: Stamp) -> Vec<(usize, BookView)> {
        self.views(now, |_| true)
    }

    fn views(&mut self, now: Stamp, is_wanted: impl Fn(u64) -> bool) -> Vec<(usize, BookView)> {
        let mut views = Vec::new();
        for ((source, id), played) in &mut self.books {
            if !played.due_ns().is_some_and(&is_wanted) {
                continue;
            }
            played.shown = Some((now.mono_ns, played.tracked.version()));
            let mut view = played.tracked.view(BookView::LEVELS, now);
            if let Some(way) = self.ways.get(&(*source, id.venue.clone())) {
                view.way = *way;
            }
            views.push((*source, view));
        }
        views
    }
}

/// What holds a book's order together, as far as its events show it; `None` where one does not.
///
/// - `before`: what held it until this event
fn integrity_of(event: &BookEvent, before: Integrity) -> Option<Integrity> {
    let is_numbered = event.sequence.last.is_some();
    match event.change {
        BookChange::Clear(_) => None,
        BookChange::Replace => Some(Integrity::Complete),
        // A venue that has given up its checksum sends zero.
        _ if event.checksum.is_some_and(|sum| sum != 0) => Some(match is_numbered {
            true => Integrity::ChecksumTop25,
            false => Integrity::ChecksumTop10,
        }),
        _ if is_numbered => Some(Integrity::Sequence),
        // A whole book at the beginning of a file has none and says nothing of the changes.
        BookChange::Snapshot => None,
        // Changes had a checksum and have none any more: it is not looked at.
        _ if matches!(before, Integrity::ChecksumTop10 | Integrity::ChecksumOff) => {
            Some(Integrity::ChecksumOff)
        }
        _ => Some(Integrity::Weak),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{ClearReason, Scales, Sequence};

    #[test]
    fn a_checksum_that_is_given_up_is_seen_in_a_replay() {
        let delta = || BookChange::Delta { depth: None };
        let id = BookId {
            venue: "kraken".into(),
            symbol: "BTC/USD".into(),
        };
        let event = |change: BookChange, last: Option<i64>, checksum: Option<i64>| BookEvent {
            book: id.clone(),
            scales: Scales { price: 1, size: 1 },
            change,
            bids: Vec::new(),
            asks: Vec::new(),
            sequence: Sequence {
                last,
                ..Sequence::default()
            },
            exchange_ns: None,
            checksum,
            frame: 1,
            notes: None,
        };
        // What came, and how the book is held together from then on.
        let steps = [
            (BookChange::Snapshot, None, None, Integrity::Weak),
            (delta(), None, None, Integrity::Weak),
            (delta(), None, Some(7), Integrity::ChecksumTop10),
            (delta(), None, None, Integrity::ChecksumOff),
            (
                BookChange::Clear(ClearReason::Gap),
                None,
                None,
                Integrity::ChecksumOff,
            ),
            (BookChange::Snapshot, None, None, Integrity::ChecksumOff),
            (delta(), None, None, Integrity::ChecksumOff),
            // It was asked for anew, and is looked at again.
            (
                BookChange::Snapshot,
                None,
                Some(5),
                Integrity::ChecksumTop10,
            ),
            // Another venue's way: numbers go on where the checksum is zero.
            (delta(), Some(1), Some(3), Integrity::ChecksumTop25),
            (delta(), Some(2), Some(0), Integrity::Sequence),
        ];
        let mut integrity = Integrity::Weak;
        for (place, (change, last, checksum, want)) in steps.into_iter().enumerate() {
            let event = event(change, last, checksum);
            integrity = integrity_of(&event, integrity).unwrap_or(integrity);
            assert_eq!(integrity, want, "step {place}");
        }
    }
}
