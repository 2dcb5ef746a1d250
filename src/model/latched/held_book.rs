//! An order book as the recorder keeps it beside its events, so that a file begun later can start
//! with the whole book.

use crate::model::{
    Book, BookChange, BookEvent, BookId, BookNotes, ClearReason, Scales, Sequence, Side, Stamp,
};

/// A book and whether it is to be trusted.
#[derive(Clone, Debug)]
pub struct HeldBook {
    book: Book,
    /// Why not, or that every change so far is in it.
    trust: Result<(), ClearReason>,
    last: Option<i64>,
    exchange_ns: Option<i64>,
    /// The newest notes, and the decimals of their prices.
    notes: Option<(BookNotes, u8)>,
    since: Stamp,
}

/// Levels of a side: as many as a book has at most and a record holds.
const MAX_LEVELS: usize = 100_000;

impl HeldBook {
    /// A book of which nothing is known yet.
    pub fn new(scales: Scales) -> Self {
        Self {
            book: Book::new(scales),
            trust: Err(ClearReason::Gap),
            last: None,
            exchange_ns: None,
            notes: None,
            since: Stamp::default(),
        }
    }

    /// Applies a change.
    pub fn take(&mut self, event: &BookEvent, received: Stamp) {
        if let Some(notes) = &event.notes {
            self.notes = Some((notes.clone(), event.scales.price));
        }
        match event.change {
            BookChange::Snapshot | BookChange::Replace => {
                // A source says in the event itself what the levels are counted in.
                if self.book.scales() != event.scales {
                    self.book = Book::new(event.scales);
                }
                self.book.replace(&event.bids, &event.asks);
                self.trust = Ok(());
            }
            // Changes of what is not there say nothing.
            BookChange::Delta { .. } if self.trust.is_err() => return,
            BookChange::Delta { depth } => {
                if !self.book.rescale(event.scales) {
                    return self.give_up(ClearReason::Scale, received);
                }
                self.book.apply(&event.bids, &event.asks);
                let depth = depth.map_or(MAX_LEVELS, usize::from);
                for side in [Side::Bid, Side::Ask] {
                    self.book.truncate(side, depth, |_| {});
                }
            }
            BookChange::Clear(reason) => return self.give_up(reason, received),
        }
        self.last = event.sequence.last;
        self.exchange_ns = event.exchange_ns;
        self.since = received;
    }

    /// Forgets the levels: they are not to be trusted, or there are too many of them.
    pub fn give_up(&mut self, why: ClearReason, received: Stamp) {
        self.book = Book::new(self.book.scales());
        self.trust = Err(why);
        self.since = received;
    }

    /// Levels of both sides.
    pub fn levels(&self) -> usize {
        self.book.len(Side::Bid) + self.book.len(Side::Ask)
    }

    /// When it last changed.
    pub fn since(&self) -> Stamp {
        self.since
    }

    /// The whole book as one event; that it is not to be trusted where it is not live.
    pub fn whole(&self, id: &BookId) -> BookEvent {
        let scales = self.book.scales();
        let event = BookEvent {
            book: id.clone(),
            scales,
            change: BookChange::Snapshot,
            bids: Vec::new(),
            asks: Vec::new(),
            sequence: Sequence::default(),
            exchange_ns: None,
            checksum: None,
            frame: 0,
            notes: self.notes.clone().map(|(mut notes, scale)| {
                notes.rescale(scale, scales.price);
                notes
            }),
        };
        match self.trust {
            Err(why) => BookEvent {
                change: BookChange::Clear(why),
                ..event
            },
            Ok(()) => BookEvent {
                bids: self.book.bids().copied().collect(),
                asks: self.book.asks().copied().collect(),
                sequence: Sequence {
                    last: self.last,
                    ..Sequence::default()
                },
                exchange_ns: self.exchange_ns,
                ..event
            },
        }
    }
}
