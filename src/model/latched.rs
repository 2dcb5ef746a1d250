//! The state of things that holds until something newer is said: what is begun later, such as a
//! recording, starts with it.

mod held_book;

use std::collections::BTreeMap;
use std::sync::Arc;

use super::condition::Knowledge;
use super::{
    BookEvent, BookId, ClearReason, FeedHealth, Fleet, Instrument, LinkState, Payload, PlainText,
    Reading, Rows, Sample, SourceId, Stamp, StopEvent, StopPath, Table, Value,
};
use held_book::HeldBook;

/// The last link, readings, instrument, stop path, books, venues, fleet and tables of each source.
#[derive(Clone, Debug)]
pub struct Latched {
    sources: BTreeMap<SourceId, Held>,
    /// Levels of all books, and how many they may have together.
    levels: usize,
    most_levels: usize,
}

impl Default for Latched {
    fn default() -> Self {
        Self {
            sources: BTreeMap::new(),
            levels: 0,
            most_levels: MAX_ALL_LEVELS,
        }
    }
}

/// What holds for one source.
#[derive(Clone, Debug, Default)]
pub struct Held {
    /// Its link, and since when.
    pub link: Option<(LinkState, Stamp)>,
    /// Its instrument, and since when.
    pub instrument: Option<(Arc<Instrument>, Stamp)>,
    /// How its stop path stands, and since when.
    pub stop_path: Option<(StopPath, Stamp)>,
    /// What is known of its fleet, and since when.
    pub fleet: Option<(Arc<Fleet>, Stamp)>,
    readings: BTreeMap<PlainText, (Reading, Stamp)>,
    books: BTreeMap<BookId, HeldBook>,
    feeds: BTreeMap<PlainText, (Arc<FeedHealth>, Stamp)>,
    tables: BTreeMap<PlainText, Table>,
}

/// Names of readings remembered for each source: a peer may make up new ones without end.
const MAX_READINGS: usize = 4096;
/// Books remembered for each source: more than a program should watch.
const MAX_BOOKS: usize = 1024;
/// Levels of all books together, 32 bytes each.
const MAX_ALL_LEVELS: usize = 4_000_000;
/// Venues of a source.
const MAX_FEEDS: usize = 64;
/// Tables remembered for each source: a peer may make up new ones.
const MAX_TABLES: usize = 64;

impl Latched {
    /// Remembers what a latched sample says; others say nothing that lasts.
    pub fn remember(&mut self, sample: &Sample) {
        match &sample.payload {
            Payload::Link(state) => {
                let held = self.of(sample.source);
                held.link = Some((state.clone(), sample.received));
            }
            Payload::Readings(readings) => {
                let held = self.of(sample.source);
                for reading in readings {
                    held.remember(reading, sample.received);
                }
            }
            Payload::Instrument(instrument) => {
                let held = self.of(sample.source);
                held.instrument = Some((Arc::clone(instrument), sample.received));
            }
            Payload::Stop(StopEvent::Path(path)) => {
                let held = self.of(sample.source);
                held.stop_path = Some((path.clone(), sample.received));
            }
            Payload::BookEvent(event) => self.remember_book(sample, event),
            Payload::Feed(feed) => {
                let held = self.of(sample.source);
                if held.feeds.len() < MAX_FEEDS || held.feeds.contains_key(&feed.venue) {
                    let news = (Arc::clone(feed), sample.received);
                    held.feeds.insert(feed.venue.clone(), news);
                }
            }
            Payload::Fleet(fleet) => {
                let held = self.of(sample.source);
                held.fleet = Some((Arc::clone(fleet), sample.received));
            }
            Payload::Rows(rows) => {
                let held = self.of(sample.source);
                if held.tables.len() < MAX_TABLES || held.tables.contains_key(&rows.table) {
                    let table = held.tables.entry(rows.table.clone()).or_default();
                    table.take(rows, sample.received);
                }
            }
            _ => {}
        }
    }

    fn of(&mut self, source: SourceId) -> &mut Held {
        self.sources.entry(source).or_default()
    }

    fn remember_book(&mut self, sample: &Sample, event: &BookEvent) {
        let held = self.sources.entry(sample.source).or_default();
        let books = &mut held.books;
        if !books.contains_key(&event.book) {
            if books.len() >= MAX_BOOKS {
                return;
            }
            books.insert(event.book.clone(), HeldBook::new(event.scales));
        }
        let Some(book) = books.get_mut(&event.book) else {
            return;
        };
        let before = book.levels();
        book.take(event, sample.received);
        let after = book.levels();
        self.levels = self.levels.saturating_sub(before).saturating_add(after);
        if self.levels > self.most_levels {
            // Without its far levels it would not be the book; the next snapshot begins anew.
            book.give_up(ClearReason::Gap, sample.received);
            self.levels = self.levels.saturating_sub(after);
        }
    }

    /// What holds of a source that has said something.
    pub fn source(&self, id: SourceId) -> Option<&Held> {
        self.sources.get(&id)
    }

    /// What holds, by source.
    pub fn iter(&self) -> impl Iterator<Item = (SourceId, &Held)> {
        self.sources.iter().map(|(source, held)| (*source, held))
    }
}

impl Held {
    fn remember(&mut self, reading: &Reading, since: Stamp) {
        if let Some(known) = self.readings.get_mut(&reading.name) {
            *known = (reading.clone(), since);
        } else if self.readings.len() < MAX_READINGS {
            self.readings
                .insert(reading.name.clone(), (reading.clone(), since));
        }
    }

    /// Every book whole, and when it last changed.
    pub fn books(&self) -> impl Iterator<Item = (BookEvent, Stamp)> {
        let books = self.books.iter();
        books.map(|(id, book)| (book.whole(id), book.since()))
    }

    /// How each venue stands, and since when.
    pub fn feeds(&self) -> impl Iterator<Item = (&FeedHealth, Stamp)> {
        self.feeds.values().map(|(feed, since)| (&**feed, *since))
    }

    /// Every table whole, and when it last changed.
    pub fn tables(&self) -> impl Iterator<Item = (Rows, Stamp)> {
        let tables = self.tables.iter();
        tables.map(|(name, table)| (table.whole(name), table.since()))
    }

    /// The last value of each name, and since when.
    pub fn readings(&self) -> impl ExactSizeIterator<Item = (&Reading, Stamp)> {
        self.readings
            .values()
            .map(|(reading, since)| (reading, *since))
    }
}

impl Knowledge for Held {
    fn link(&self) -> Option<&LinkState> {
        self.link.as_ref().map(|(state, _)| state)
    }

    fn instrument(&self) -> Option<&Instrument> {
        self.instrument
            .as_ref()
            .map(|(instrument, _)| &**instrument)
    }

    fn reading(&self, name: &str) -> Option<(&Value, &str)> {
        let (reading, _) = self.readings.get(&PlainText::from(name))?;
        Some((&reading.value, reading.unit))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{BookChange, Level, Scales, Sequence};

    fn say(latched: &mut Latched, symbol: &str, change: BookChange, prices: &[i64]) {
        let level = |&price: &i64| Level { price, size: 1 };
        latched.remember(&Sample {
            source: SourceId(0),
            received: Stamp::default(),
            payload: Payload::BookEvent(Arc::new(BookEvent {
                book: BookId {
                    venue: "kraken".into(),
                    symbol: symbol.into(),
                },
                scales: Scales::default(),
                change,
                bids: prices.iter().map(level).collect(),
                asks: Vec::new(),
                sequence: Sequence::default(),
                exchange_ns: None,
                checksum: None,
                frame: 0,
                notes: None,
            })),
        });
    }

    #[test]
    fn books_too_deep_to_be_kept_are_not_kept_in_part() {
        let mut latched = Latched {
            most_levels: 5,
            ..Latched::default()
        };
        let delta = BookChange::Delta { depth: None };
        say(&mut latched, "A", BookChange::Snapshot, &[1, 2, 3]);
        say(&mut latched, "B", BookChange::Snapshot, &[1, 2]);
        say(&mut latched, "B", delta.clone(), &[3]);
        let held = |latched: &Latched| {
            let (_, held) = latched.iter().next().unwrap();
            let books = held.books().map(|(book, _)| (book.change, book.bids.len()));
            books.collect::<Vec<_>>()
        };
        let gone = BookChange::Clear(ClearReason::Gap);
        let whole = BookChange::Snapshot;
        assert_eq!(held(&latched), [(whole.clone(), 3), (gone.clone(), 0)]);
        // It says nothing until it begins anew, and then has the room that is there.
        say(&mut latched, "B", delta, &[4]);
        assert_eq!(held(&latched), [(whole.clone(), 3), (gone, 0)]);
        say(&mut latched, "B", whole.clone(), &[4, 5]);
        assert_eq!(held(&latched), [(whole.clone(), 3), (whole, 2)]);
    }
}
