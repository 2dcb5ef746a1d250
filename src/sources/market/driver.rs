//! A venue together with what leaves it: changes to the recorder, views to the screen.
//!
//! A venue says what happened while it is fed and cannot wait; what it said is gathered here and
//! handed on when it has returned.

use std::sync::Arc;

use super::options::Secret;
use crate::model::{
    BookEvent, BookState, BookView, Clock, Fault, FeedCounters, LatencyWindow, Payload,
    Percentiles, Stamp, Trade,
};
use crate::pipeline::Outlet;
use crate::protocol::market::{Answer, Ask, Change, Sink, Venue};

/// What a venue said, in order.
#[derive(Debug, Default)]
struct Gathered {
    items: Vec<Item>,
    asks: Vec<Ask>,
    /// Whether somebody takes copies of changes.
    copies: bool,
}

#[derive(Debug)]
enum Item {
    Change(Arc<BookEvent>),
    /// A change that nobody takes, by its size in a lane.
    Folded(usize),
    Trade(Trade),
    Fault(Fault),
}

impl Sink for Gathered {
    fn book(&mut self, change: Change<'_>) {
        self.items.push(if self.copies {
            Item::Change(Arc::new(change.event.clone()))
        } else {
            Item::Folded(size_bytes(change.event))
        });
    }

    fn trade(&mut self, trade: Trade) {
        self.items.push(Item::Trade(trade));
    }

    fn fault(&mut self, _book: Option<usize>, fault: Fault) {
        self.items.push(Item::Fault(fault));
    }

    fn ask(&mut self, ask: Ask) {
        self.asks.push(ask);
    }
}

/// What a change would cost in a lane, without a copy of it. As `Payload::size_bytes` has it.
fn size_bytes(event: &BookEvent) -> usize {
    256 + (event.bids.len() + event.asks.len()) * 32
}

/// What is known of a book since it was last looked at.
#[derive(Clone, Copy, Debug, Default)]
struct Known {
    /// The version that was surveyed last.
    version: Option<u64>,
    /// The version that is on the screen.
    shown: Option<u64>,
    is_live: bool,
    is_failed: bool,
    rate_hz: f64,
}

/// How the books of a venue stand.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Standing {
    pub books: u16,
    pub live: u16,
    /// Refused or given up.
    pub failed: u16,
    pub rate_hz: f64,
}

/// A venue, fed and heard.
pub(super) struct Driver {
    venue: Box<dyn Venue>,
    outlet: Outlet,
    secret: Option<Secret>,
    gathered: Gathered,
    known: Vec<Known>,
    apply: LatencyWindow,
}

impl Driver {
    pub(super) fn new(venue: Box<dyn Venue>, outlet: Outlet, secret: Option<Secret>) -> Self {
        let known = vec![Known::default(); venue.books()];
        Self {
            venue,
            outlet,
            secret,
            gathered: Gathered::default(),
            known,
            apply: LatencyWindow::default(),
        }
    }

    fn clock(&self) -> &Clock {
        self.outlet.clock()
    }

    pub(super) async fn open(&mut self) -> Vec<Ask> {
        let now = self.clock().now();
        self.gathered.copies = self.outlet.keeps_evidence();
        self.venue.open(now, &mut self.gathered);
        self.hand_on(now).await
    }

    pub(super) async fn frame(&mut self, text: &[u8], received: Stamp) -> Vec<Ask> {
        self.gathered.copies = self.outlet.keeps_evidence();
        self.venue.frame(text, received, &mut self.gathered);
        let applied = self.clock().now().since(received);
        self.apply
            .record(u64::try_from(applied.as_nanos()).unwrap_or(u64::MAX));
        self.hand_on(received).await
    }

    pub(super) async fn answer(&mut self, answer: &Answer<'_>) -> Vec<Ask> {
        let received = self.clock().now();
        self.gathered.copies = self.outlet.keeps_evidence();
        self.venue.answer(answer, received, &mut self.gathered);
        self.hand_on(received).await
    }

    pub(super) fn ping(&mut self, received: Stamp) {
        self.venue.ping(received);
    }

    pub(super) async fn closed(&mut self, why: &str) {
        let now = self.clock().now();
        self.gathered.copies = self.outlet.keeps_evidence();
        self.venue.closed(why, now, &mut self.gathered);
        // There is no connection any more for what it asks.
        let _ = self.hand_on(now).await;
    }

    pub(super) async fn time(&mut self) -> Vec<Ask> {
        let now = self.clock().now();
        self.gathered.copies = self.outlet.keeps_evidence();
        self.venue.time(now, &mut self.gathered);
        self.hand_on(now).await
    }

    /// When [`Driver::time`] is wanted, monotonic nanoseconds of the clock.
    pub(super) fn due(&self) -> Option<u64> {
        self.venue.due()
    }

    async fn hand_on(&mut self, received: Stamp) -> Vec<Ask> {
        let mut items = std::mem::take(&mut self.gathered.items);
        for item in items.drain(..) {
            let payload = match item {
                Item::Folded(size_bytes) => {
                    self.outlet.fold(received, size_bytes);
                    continue;
                }
                Item::Fault(fault) => {
                    self.fault(received, fault).await;
                    continue;
                }
                Item::Change(event) => Payload::BookEvent(event),
                Item::Trade(trade) => Payload::Trade(Arc::new(trade)),
            };
            self.outlet.publish(received, payload).await;
        }
        // Its room is used again.
        self.gathered.items = items;
        std::mem::take(&mut self.gathered.asks)
    }

    /// Tells of a fault, without the key.
    pub(super) async fn fault(&mut self, received: Stamp, fault: Fault) {
        let fault = match &self.secret {
            Some(secret) => secret.hide_in(fault),
            None => fault,
        };
        self.outlet.fault(received, fault).await;
    }

    /// Hands the newest view of each book that changed to the screen. What only time changes (rates)
    /// is shown again when `all`.
    ///
    /// - `wanted`: whether the book of an index is to be shown from here
    pub(super) async fn show(&mut self, all: bool, wanted: impl Fn(usize) -> bool) {
        let now = self.clock().now();
        let is_watched = self.outlet.is_watched();
        for index in 0..self.known.len() {
            let version = self.venue.version(index);
            let Some(known) = self.known.get(index).copied() else {
                continue;
            };
            let shows = is_watched && wanted(index);
            let is_new = shows && (known.shown != Some(version) || (all && known.rate_hz > 0.0));
            if !is_new && known.version == Some(version) && !all {
                continue;
            }
            let levels = if is_new { BookView::LEVELS } else { 0 };
            let Some(view) = self.venue.view(index, levels, now) else {
                continue;
            };
            if let Some(known) = self.known.get_mut(index) {
                *known = Known {
                    version: Some(version),
                    shown: if is_new { Some(version) } else { known.shown },
                    is_live: view.state == BookState::Live,
                    is_failed: matches!(view.state, BookState::Failed(_)),
                    rate_hz: view.rate_hz,
                };
            }
            if is_new {
                let view = Payload::Book(Arc::new(view));
                self.outlet.publish(now, view).await;
            }
        }
    }

    /// The next [`Driver::show`] shows every book again: another venue stood in for this one.
    pub(super) fn forget_shown(&mut self) {
        for known in &mut self.known {
            known.shown = None;
        }
    }

    /// Which books are live, as of the last [`Driver::show`].
    pub(super) fn live(&self) -> Vec<bool> {
        self.known.iter().map(|known| known.is_live).collect()
    }

    /// As of the last [`Driver::show`].
    pub(super) fn standing(&self) -> Standing {
        let count = |is: fn(&Known) -> bool| {
            let those = self.known.iter().filter(|known| is(known)).count();
            u16::try_from(those).unwrap_or(u16::MAX)
        };
        Standing {
            books: count(|_| true),
            live: count(|known| known.is_live),
            failed: count(|known| known.is_failed),
            rate_hz: self.known.iter().map(|known| known.rate_hz).sum(),
        }
    }

    /// Writes every `of`-th live book whole, from number `turn` on, so that a recording can be read
    /// from anywhere.
    pub(super) async fn write_whole(&mut self, turn: usize, of: usize) {
        if !self.outlet.keeps_evidence() {
            return;
        }
        let now = self.clock().now();
        for index in (turn..self.known.len()).step_by(of.max(1)) {
            if let Some(event) = self.venue.whole(index) {
                let event = Payload::BookEvent(Arc::new(event));
                self.outlet.publish(now, event).await;
            }
        }
    }

    pub(super) fn counters(&self) -> FeedCounters {
        self.venue.counters()
    }

    pub(super) fn notice(&self) -> Option<String> {
        let notice = self.venue.notice()?;
        Some(match &self.secret {
            Some(secret) => secret.hide(notice),
            None => notice.to_owned(),
        })
    }

    /// From receipt to applied.
    pub(super) fn apply(&self) -> Percentiles {
        self.apply.percentiles_above(0)
    }
}
