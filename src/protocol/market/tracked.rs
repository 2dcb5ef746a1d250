//! One book with everything that is the same at every venue: its state, counters, times and view.
//!
//! A venue reads a whole message into the event kept here, row by row, and then either applies it
//! or drops it, so that a message with one bad row changes nothing. A replay hands over recorded
//! events instead and comes to the same book.

use super::latency::Latencies;
use super::repair::Repair;
use super::{Change, Sink};
use crate::model::decimal::{self, DecimalError};
use crate::model::order_book::metrics::metrics;
use crate::model::{
    Book, BookChange, BookCounters, BookEvent, BookId, BookNotes, BookState, BookView, ClearReason,
    FeedWay, Integrity, Level, PlainText, RateMeter, Scales, Sequence, Side, Stamp, Trade,
};

/// Levels of a side that are kept at most, whatever a venue sends.
const MOST_LEVELS: usize = 100_000;

/// Seconds of the update rate and of the counts per second.
const RATE_SECONDS: u64 = 10;
const COUNTED_SECONDS: usize = 60;

/// A book at a venue.
///
/// [`Tracked::event`] is the message being read: [`Tracked::begin`] empties it, [`Tracked::row`]
/// adds to it, [`Tracked::apply`] makes it count. It keeps its room, so a small message allocates
/// nothing.
#[derive(Debug)]
pub struct Tracked {
    /// The message being read, or the one applied last. A venue fills in ids, time and checksum.
    pub event: BookEvent,
    /// What became of its messages, for what the venue alone can tell; see [`Tracked::count`].
    counters: BookCounters,
    /// Its repairs.
    pub repair: Repair,
    book: Book,
    /// The levels before a snapshot, until it is accepted.
    before: Book,
    /// What brings the levels back to where they were before the rows of a delta.
    undo: Vec<(Side, Level)>,
    /// Rows of the staged delta that removed a level that was not there.
    absent: u64,
    notes: BookNotes,
    /// Whether the notes have changed since an event said them.
    has_news: bool,
    /// Levels that each side of the snapshot being read is limited to.
    limit: Option<usize>,
    are_scales_fixed: bool,
    depth: Option<u16>,
    state: BookState,
    has_been_live: bool,
    way: FeedWay,
    integrity: Integrity,
    sequence: Option<i64>,
    exchange_ns: Option<i64>,
    proved: Option<Stamp>,
    is_crossed: bool,
    crossed_in_a_row: u32,
    rate: RateMeter,
    latencies: Latencies,
    last_trade: Option<Trade>,
    version: u64,
}

impl Tracked {
    /// A book of which nothing is known yet. Its scales grow with the numbers that come until
    /// [`Tracked::fix_scales`].
    pub fn new(id: BookId, way: FeedWay, integrity: Integrity) -> Self {
        Self {
            notes: BookNotes::new(&id.symbol),
            has_news: true,
            limit: None,
            event: BookEvent {
                book: id,
                scales: Scales::default(),
                change: BookChange::Snapshot,
                bids: Vec::new(),
                asks: Vec::new(),
                sequence: Sequence::default(),
                exchange_ns: None,
                checksum: None,
                frame: 0,
                notes: None,
            },
            counters: BookCounters::default(),
            repair: Repair::default(),
            book: Book::default(),
            before: Book::default(),
            undo: Vec::new(),
            absent: 0,
            are_scales_fixed: false,
            depth: None,
            state: BookState::Starting("connecting".into()),
            has_been_live: false,
            way,
            integrity,
            sequence: None,
            exchange_ns: None,
            proved: None,
            is_crossed: false,
            crossed_in_a_row: 0,
            rate: RateMeter::default(),
            latencies: Latencies::default(),
            last_trade: None,
            version: 0,
        }
    }

    /// Whose book it is.
    pub fn id(&self) -> &BookId {
        &self.event.book
    }

    /// The symbol as the venue writes it.
    pub fn symbol(&self) -> &str {
        &self.event.book.symbol
    }

    /// The levels.
    pub fn book(&self) -> &Book {
        &self.book
    }

    /// Where it stands.
    pub fn state(&self) -> &BookState {
        &self.state
    }

    /// Whether every change so far is in it.
    pub fn is_live(&self) -> bool {
        self.state == BookState::Live
    }

    /// The venue's id of the last message applied.
    pub fn sequence(&self) -> Option<i64> {
        self.sequence
    }

    /// The venue's time of the last message applied, nanoseconds since 1970 UTC.
    pub fn exchange_ns(&self) -> Option<i64> {
        self.exchange_ns
    }

    /// Messages applied in a row that left it crossed.
    pub fn crossed_in_a_row(&self) -> u32 {
        self.crossed_in_a_row
    }

    /// The last trade, which is the one of the greatest time.
    pub fn last_trade(&self) -> Option<&Trade> {
        self.last_trade.as_ref()
    }

    /// What became of its messages.
    pub fn counters(&self) -> &BookCounters {
        &self.counters
    }

    /// A number that changes whenever the view does.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// Counts one, e.g. `count(|counters| &mut counters.duplicates)`. What is applied or cleared
    /// is counted by [`Tracked::apply`] itself: snapshots, updates, resyncs, crossed, absent
    /// levels.
    pub fn count(&mut self, which: fn(&mut BookCounters) -> &mut u64) {
        let counter = which(&mut self.counters);
        *counter = counter.saturating_add(1);
        self.touch();
    }

    /// `BASE/QUOTE`, where the venue says what the symbol is made of.
    pub fn set_display(&mut self, display: PlainText) {
        self.notes.display = display;
        self.has_news = true;
        self.touch();
    }

    /// The venue's own scales, which hold from here on: a finer number is an error. If the book
    /// has levels already, they are kept where they fit and dropped where they do not.
    pub fn fix_scales(&mut self, scales: Scales) {
        if !self.book.rescale(scales) {
            self.book = Book::new(scales);
        }
        self.are_scales_fixed = true;
        self.notes.known_range = None;
        self.has_news = true;
        self.touch();
    }

    /// The smallest step of a price, in `10^-price_scale`.
    pub fn set_tick(&mut self, tick: i64) {
        self.notes.tick = tick.max(1);
        self.has_news = true;
        self.touch();
    }

    /// Levels that each side is cut to after every message, where the venue has such a rule.
    pub fn set_depth(&mut self, depth: Option<u16>) {
        self.depth = depth;
    }

    /// Levels that each side is cut to.
    pub fn depth(&self) -> Option<u16> {
        self.depth
    }

    /// Whether the venue said how many decimals its numbers have.
    pub fn are_scales_fixed(&self) -> bool {
        self.are_scales_fixed
    }

    /// What holds its order together now.
    pub fn set_integrity(&mut self, integrity: Integrity) {
        if self.integrity != integrity {
            self.integrity = integrity;
            self.touch();
        }
    }

    /// What holds its order together.
    pub fn integrity(&self) -> Integrity {
        self.integrity
    }

    /// Says that each side of the snapshot being read is limited to `levels`: beyond the last of
    /// them nothing is known.
    pub fn set_limit(&mut self, levels: usize) {
        self.limit = Some(levels);
    }

    // --- reading a message ---

    /// Empties [`Tracked::event`] for a message of this kind.
    pub fn begin(&mut self, change: BookChange) {
        let event = &mut self.event;
        event.scales = self.book.scales();
        event.change = change;
        event.bids.clear();
        event.asks.clear();
        event.sequence = Sequence::default();
        event.exchange_ns = None;
        event.checksum = None;
        event.frame = 0;
        event.notes = None;
        self.limit = None;
    }

    /// Reads one row into [`Tracked::event`]. A number finer than the scales makes them grow with
    /// the message, unless they are fixed.
    pub fn row(&mut self, side: Side, price: &[u8], size: &[u8]) -> Result<(), DecimalError> {
        let scales = self.event.scales;
        let level = match level(price, size, scales) {
            Err(DecimalError::TooFine) if !self.are_scales_fixed => {
                let needed = Scales {
                    price: decimal::decimals(price)?.max(scales.price),
                    size: decimal::decimals(size)?.max(scales.size),
                };
                grow(&mut self.event, needed)?;
                level(price, size, needed)?
            }
            result => result?,
        };
        match side {
            Side::Bid => self.event.bids.push(level),
            Side::Ask => self.event.asks.push(level),
        }
        Ok(())
    }

    /// Makes [`Tracked::event`] what was read earlier.
    pub fn recall(&mut self, event: &BookEvent) {
        let own = &mut self.event;
        own.scales = event.scales;
        own.change = event.change.clone();
        own.bids.clone_from(&event.bids);
        own.asks.clone_from(&event.asks);
        own.sequence = event.sequence;
        own.exchange_ns = event.exchange_ns;
        own.checksum = event.checksum;
        own.frame = event.frame;
        own.notes = None;
    }

    // --- applying it ---

    /// Applies [`Tracked::event`] and reports it. An error (numbers that do not fit together)
    /// leaves the book as it was.
    pub fn apply(
        &mut self,
        index: usize,
        received: Stamp,
        out: &mut dyn Sink,
    ) -> Result<(), DecimalError> {
        self.stage()?;
        self.accept(index, received, out);
        Ok(())
    }

    /// Applies the rows of [`Tracked::event`] to the levels and nothing else, so that a checksum
    /// can be taken. [`Tracked::accept`] or [`Tracked::reject`] has to follow.
    pub fn stage(&mut self) -> Result<(), DecimalError> {
        self.align()?;
        self.undo.clear();
        self.absent = 0;
        let event = &mut self.event;
        match event.change {
            BookChange::Snapshot | BookChange::Replace => {
                std::mem::swap(&mut self.book, &mut self.before);
                self.book.clear();
                let fits = self.book.rescale(event.scales);
                if !fits {
                    self.book = Book::new(event.scales);
                }
                self.book.replace(&event.bids, &event.asks);
                let depth = self.depth.map_or(MOST_LEVELS, usize::from);
                for (side, rows) in [(Side::Bid, &mut event.bids), (Side::Ask, &mut event.asks)] {
                    self.book.truncate(side, depth, |_| {});
                    // Whoever replays the event has to come to the same levels.
                    if rows.len() > self.book.len(side) {
                        rows.clear();
                        match side {
                            Side::Bid => rows.extend(self.book.bids()),
                            Side::Ask => rows.extend(self.book.asks()),
                        }
                    }
                }
            }
            BookChange::Delta { depth } => {
                for (side, rows) in [(Side::Bid, &event.bids), (Side::Ask, &event.asks)] {
                    for row in rows {
                        let size = self.book.set(side, *row);
                        if size.is_none() && row.size == 0 {
                            self.absent = self.absent.saturating_add(1);
                        } else {
                            let size = size.unwrap_or(0);
                            self.undo.push((side, Level { size, ..*row }));
                        }
                    }
                    let depth = depth.map_or(MOST_LEVELS, usize::from);
                    let undo = &mut self.undo;
                    self.book
                        .truncate(side, depth, |level| undo.push((side, level)));
                }
            }
            BookChange::Clear(_) => {}
        }
        Ok(())
    }

    /// The staged message is right: it counts, and is reported.
    pub fn accept(&mut self, index: usize, received: Stamp, out: &mut dyn Sink) {
        self.fold(received);
        // Notes are few texts and numbers; those of a delta cost only when they are news.
        if self.has_news || self.event.change == BookChange::Snapshot {
            self.event.notes = Some(self.notes.clone());
            self.has_news = false;
        }
        out.book(Change {
            index,
            event: &self.event,
        });
    }

    /// The staged message is wrong: the levels are what they were before.
    pub fn reject(&mut self) {
        match self.event.change {
            BookChange::Snapshot | BookChange::Replace => {
                std::mem::swap(&mut self.book, &mut self.before);
            }
            BookChange::Delta { .. } => {
                while let Some((side, level)) = self.undo.pop() {
                    self.book.set(side, level);
                }
            }
            BookChange::Clear(_) => {}
        }
        self.touch();
    }

    /// The book is not to be trusted from here on; the words of its state follow from `reason`.
    /// Nothing happens if it is not live, unless the connection ended.
    pub fn clear(
        &mut self,
        index: usize,
        reason: ClearReason,
        received: Stamp,
        out: &mut dyn Sink,
    ) {
        let is_news = match (&self.state, reason) {
            (BookState::Closed(_), _) => false,
            (_, ClearReason::Closed) => true,
            (BookState::Live, _) => true,
            _ => false,
        };
        if is_news {
            self.begin(BookChange::Clear(reason));
            self.accept(index, received, out);
        }
    }

    /// The venue proved the book alive without changing it.
    pub fn prove(&mut self, received: Stamp) {
        self.proved = Some(received);
        self.touch();
    }

    /// Nothing has come yet; the words say what is being waited for.
    pub fn starting(&mut self, words: &str) {
        self.state = BookState::Starting(words.into());
        self.touch();
    }

    /// The venue refused it, or repairs were given up: the sentence says so. The levels stay.
    pub fn fail(&mut self, sentence: impl Into<PlainText>) {
        self.state = BookState::Failed(sentence.into());
        self.touch();
    }

    /// Takes a trade in and reports it.
    pub fn trade(&mut self, trade: Trade, received: Stamp, out: &mut dyn Sink) {
        self.replay_trade(&trade, received);
        out.trade(trade);
    }

    // --- replaying ---

    /// Takes a recorded event in, in place of [`Tracked::apply`] and [`Tracked::clear`]. Counters
    /// that follow from events are kept: those of [`Tracked::apply`], and gaps and checksums.
    pub fn replay(&mut self, event: &BookEvent, received: Stamp) -> Result<(), DecimalError> {
        self.recall(event);
        self.stage()?;
        self.fold(received);
        if let Some(notes) = &event.notes {
            self.notes.clone_from(notes);
            let scale = self.book.scales().price;
            self.notes.rescale(event.scales.price, scale);
        }
        match event.change {
            BookChange::Clear(ClearReason::Gap) => self.count(|counters| &mut counters.gaps),
            BookChange::Clear(ClearReason::Checksum) => {
                self.count(|counters| &mut counters.crc_fail);
            }
            BookChange::Clear(ClearReason::Crossed) => {
                self.count(|counters| &mut counters.crossed_desyncs);
            }
            BookChange::Clear(_) => {}
            _ => match event.checksum {
                None => {}
                Some(0) => self.count(|counters| &mut counters.crc_skipped),
                Some(_) => self.count(|counters| &mut counters.crc_ok),
            },
        }
        Ok(())
    }

    /// Takes a recorded trade in.
    pub fn replay_trade(&mut self, trade: &Trade, received: Stamp) {
        if trade.size == 0 {
            self.count(|counters| &mut counters.price_updates);
        } else {
            self.count(|counters| &mut counters.trades);
        }
        if trade.is_late {
            self.count(|counters| &mut counters.late);
        }
        if self.integrity == Integrity::TradesOnly {
            // Nothing else proves that it comes.
            self.state = BookState::Live;
            self.prove(received);
            self.rate.record(received.mono_ns, 0);
            self.take_latency(trade.exchange_ns, received);
        }
        // The last price belongs to the greatest time, and of equal ones to the later arrival.
        let newest = self.last_trade.as_ref().and_then(|last| last.exchange_ns);
        if trade.exchange_ns >= newest {
            self.last_trade = Some(trade.clone());
        }
    }

    // --- showing ---

    /// A view as of `now` with at most `levels` levels of each side.
    pub fn view(&self, levels: usize, now: Stamp) -> BookView {
        let levels = levels.min(BookView::LEVELS);
        let scales = self.book.scales();
        BookView {
            book: self.event.book.clone(),
            display: self.notes.display.clone(),
            scales,
            tick: self.notes.tick,
            state: self.state.clone(),
            way: self.way,
            integrity: self.integrity,
            bids: self.book.bids().take(levels).copied().collect(),
            asks: self.book.asks().take(levels).copied().collect(),
            bid_levels: self.book.len(Side::Bid),
            ask_levels: self.book.len(Side::Ask),
            known_range: self.notes.known_range,
            sequence: self.sequence,
            exchange_ns: self.exchange_ns,
            proved: self.proved,
            is_crossed: self.is_crossed,
            metrics: self
                .is_live()
                .then(|| metrics(self.book.bids(), self.book.asks(), scales))
                .flatten(),
            counters: self.counters,
            rate_hz: self.rate.per_second_over(now.mono_ns, RATE_SECONDS),
            last_minute: self
                .rate
                .history(now.mono_ns, COUNTED_SECONDS)
                .into_iter()
                .map(|count| u32::try_from(count).unwrap_or(u32::MAX))
                .collect(),
            latency: self.latencies.figures(now.mono_ns),
            last_trade: self.last_trade.clone(),
        }
    }

    /// Messages applied per second over the last ten seconds before `now`.
    pub fn rate_hz(&self, now: Stamp) -> f64 {
        self.rate.per_second_over(now.mono_ns, RATE_SECONDS)
    }

    /// The whole book as one snapshot event; `None` unless it is live.
    pub fn whole(&self) -> Option<BookEvent> {
        self.is_live().then(|| BookEvent {
            book: self.event.book.clone(),
            scales: self.book.scales(),
            change: BookChange::Snapshot,
            bids: self.book.bids().copied().collect(),
            asks: self.book.asks().copied().collect(),
            sequence: Sequence {
                last: self.sequence,
                ..Sequence::default()
            },
            exchange_ns: self.exchange_ns,
            checksum: None,
            frame: 0,
            notes: Some(self.notes.clone()),
        })
    }

    // --- inside ---

    /// Brings the event and the book to the larger of their scales.
    fn align(&mut self) -> Result<(), DecimalError> {
        let (book, event) = (self.book.scales(), self.event.scales);
        if book == event {
            return Ok(());
        }
        let scales = Scales {
            price: book.price.max(event.price),
            size: book.size.max(event.size),
        };
        grow(&mut self.event, scales)?;
        if !matches!(self.event.change, BookChange::Delta { .. }) && !self.book.rescale(scales) {
            // What is replaced need not fit.
            self.book = Book::new(scales);
        }
        if !self.book.rescale(scales) {
            return Err(DecimalError::TooLarge);
        }
        self.notes.rescale(book.price, scales.price);
        Ok(())
    }

    /// State, counters and times after the event, whose rows are in the levels.
    fn fold(&mut self, received: Stamp) {
        self.touch();
        let counters = &mut self.counters;
        let is_update = match self.event.change {
            BookChange::Clear(reason) => {
                self.state = match reason {
                    ClearReason::Closed => BookState::Closed(reason.as_str().into()),
                    _ => BookState::Desync(reason.as_str().into()),
                };
                self.crossed_in_a_row = 0;
                return;
            }
            BookChange::Snapshot => {
                counters.snapshots_applied = counters.snapshots_applied.saturating_add(1);
                self.notes.known_range = self
                    .limit
                    .take()
                    .and_then(|levels| known_range(&self.book, levels));
                false
            }
            BookChange::Delta { .. } | BookChange::Replace => {
                counters.updates_applied = counters.updates_applied.saturating_add(1);
                true
            }
        };
        counters.deletes_of_absent_levels = counters
            .deletes_of_absent_levels
            .saturating_add(self.absent);
        let is_whole = !matches!(self.event.change, BookChange::Delta { .. });
        if is_whole && self.state != BookState::Live {
            if self.has_been_live {
                counters.resyncs = counters.resyncs.saturating_add(1);
            }
            self.state = BookState::Live;
            self.has_been_live = true;
            self.repair.done();
        }
        self.is_crossed = self.book.is_crossed();
        if self.is_crossed {
            counters.crossed = counters.crossed.saturating_add(1);
            self.crossed_in_a_row = self.crossed_in_a_row.saturating_add(1);
        } else {
            self.crossed_in_a_row = 0;
        }
        self.sequence = self.event.sequence.last;
        self.exchange_ns = self.event.exchange_ns;
        self.proved = Some(received);
        if is_update {
            self.rate.record(received.mono_ns, 0);
            self.take_latency(self.event.exchange_ns, received);
        }
    }

    fn take_latency(&mut self, exchange_ns: Option<i64>, received: Stamp) {
        let received_ns = i64::try_from(received.unix_ns).ok();
        if let (Some(exchange_ns), Some(received_ns)) = (exchange_ns, received_ns) {
            let latency = received_ns.saturating_sub(exchange_ns);
            self.latencies.record(received.mono_ns, latency);
        }
    }

    fn touch(&mut self) {
        self.version = self.version.wrapping_add(1);
    }
}

fn level(price: &[u8], size: &[u8], scales: Scales) -> Result<Level, DecimalError> {
    Ok(Level {
        price: decimal::parse_i64(price, scales.price)?,
        size: decimal::parse(size, scales.size)?,
    })
}

/// Beyond which prices nothing is known of a book whose sides were limited to `levels`.
fn known_range(book: &Book, levels: usize) -> Option<(i64, i64)> {
    let ends = |side| book.len(side) >= levels;
    let low = book.bids().next_back().filter(|_| ends(Side::Bid));
    let high = book.asks().next_back().filter(|_| ends(Side::Ask));
    (low.is_some() || high.is_some()).then(|| {
        let price = |end: Option<&Level>, open| end.map_or(open, |level| level.price);
        (price(low, i64::MIN), price(high, i64::MAX))
    })
}

/// Counts every row of `event` in `scales`, which are not smaller than its own. On an error some
/// rows may have been converted: the message is void.
fn grow(event: &mut BookEvent, scales: Scales) -> Result<(), DecimalError> {
    if scales.price > decimal::MOST_PRICE_DECIMALS || scales.size > decimal::MOST_DECIMALS {
        return Err(DecimalError::TooFine);
    }
    for row in event.bids.iter_mut().chain(&mut event.asks) {
        *row = row
            .rescaled(event.scales, scales)
            .ok_or(DecimalError::TooLarge)?;
    }
    event.scales = scales;
    Ok(())
}

#[cfg(test)]
mod tests;
