//! A sink that keeps what it hears, for the tests of venues.

use super::{Ask, Change, Sink};
use crate::model::{BookEvent, Fault, Trade};

/// Everything that a venue said, in order of its kind.
#[derive(Debug, Default)]
pub struct Heard {
    /// Changes with the index of their book.
    pub events: Vec<(usize, BookEvent)>,
    /// Trades.
    pub trades: Vec<Trade>,
    /// Faults with the index of their book.
    pub faults: Vec<(Option<usize>, Fault)>,
    /// What is to be done.
    pub asks: Vec<Ask>,
}

impl Sink for Heard {
    fn book(&mut self, change: Change<'_>) {
        self.events.push((change.index, change.event.clone()));
    }

    fn trade(&mut self, trade: Trade) {
        self.trades.push(trade);
    }

    fn fault(&mut self, book: Option<usize>, fault: Fault) {
        self.faults.push((book, fault));
    }

    fn ask(&mut self, ask: Ask) {
        self.asks.push(ask);
    }
}

impl Heard {
    /// The texts that were to be sent since the last call.
    pub fn take_sent(&mut self) -> Vec<String> {
        let asks = std::mem::take(&mut self.asks);
        let sent = asks.into_iter().filter_map(|ask| match ask {
            Ask::Send(text) => Some(text),
            _ => None,
        });
        sent.collect()
    }
}
