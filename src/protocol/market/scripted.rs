//! A venue on a scripted clock, for the tests of venues.
#![allow(clippy::arithmetic_side_effects, clippy::indexing_slicing)]

use super::heard::Heard;
use super::{Answer, Ask, Subscription, Venue, VenueKind};
use crate::model::{BookCounters, BookView, FeedCounters, FeedWay, Stamp};

/// The venue, what it said, and the time.
pub struct Scripted {
    /// The venue.
    pub venue: Box<dyn Venue>,
    /// What it said.
    pub heard: Heard,
    now_ns: u64,
}

/// What is asked of a venue over its stream.
pub fn streamed(symbols: &[&str]) -> Subscription {
    Subscription {
        symbols: symbols.iter().map(|symbol| (*symbol).to_owned()).collect(),
        depth: None,
        way: FeedWay::Stream,
        poll_ms: 500,
        channel: None,
    }
}

impl Scripted {
    /// A venue that is connected.
    pub fn open(kind: &VenueKind, subscription: &Subscription) -> Self {
        let mut scripted = Self {
            venue: (kind.venue)(subscription),
            heard: Heard::default(),
            now_ns: 0,
        };
        scripted.reopen();
        scripted
    }

    /// Another connection stands.
    pub fn reopen(&mut self) {
        self.venue.open(self.now(), &mut self.heard);
    }

    /// The connection ends.
    pub fn close(&mut self) {
        self.venue.closed("gone", self.now(), &mut self.heard);
    }

    /// The scripted time.
    pub fn now(&self) -> Stamp {
        Stamp {
            mono_ns: self.now_ns,
            unix_ns: 1_768_467_600_000_000_000 + self.now_ns,
        }
    }

    /// Lets this many milliseconds pass; the venue is called whenever it wants to be.
    pub fn pass(&mut self, ms: u64) {
        let end = self.now_ns + ms * 1_000_000;
        while let Some(due) = self.venue.due().filter(|due| *due <= end) {
            self.now_ns = self.now_ns.max(due);
            let before = self.venue.due();
            self.venue.time(self.now(), &mut self.heard);
            assert_ne!(
                self.venue.due(),
                before,
                "it asks for the same moment again"
            );
        }
        self.now_ns = end;
    }

    /// A text frame comes.
    pub fn frame(&mut self, text: &str) {
        self.bytes(text.as_bytes());
    }

    /// A text frame comes that may not be text.
    pub fn bytes(&mut self, text: &[u8]) {
        self.venue.frame(text, self.now(), &mut self.heard);
    }

    /// A request of the book at this index is answered.
    pub fn answer(&mut self, book: usize, status: u16, body: &str) {
        let answer = Answer {
            book,
            status,
            retry_after_s: None,
            body: body.as_bytes(),
        };
        self.venue.answer(&answer, self.now(), &mut self.heard);
    }

    /// The texts it wanted sent since the last call.
    pub fn sent(&mut self) -> Vec<String> {
        self.heard.take_sent()
    }

    /// Whether it wanted another connection since the last look at what it asked for.
    pub fn wants_another(&self) -> bool {
        let is_reconnect = |ask: &Ask| matches!(ask, Ask::Reconnect { .. });
        self.heard.asks.iter().any(is_reconnect)
    }

    /// What became of the frames.
    pub fn feed(&self) -> FeedCounters {
        self.venue.counters()
    }

    /// The book at this index as it is shown.
    pub fn view(&self, index: usize) -> BookView {
        self.venue.view(index, 10, self.now()).unwrap()
    }

    /// What became of the messages of the book at this index.
    pub fn counters(&self, index: usize) -> BookCounters {
        self.view(index).counters
    }

    /// The word for the state of the book at this index.
    pub fn state(&self, index: usize) -> &'static str {
        self.view(index).state.as_str()
    }
}
