//! One book: its newest view, what changed in it, and samples of its past.

use std::collections::VecDeque;
use std::sync::Arc;

use super::digits;
use super::marks::{MARKED_FOR_NS, Mark, marks};
use super::paper::Paper;
use crate::model::market::Light;
use crate::model::order_book::signal::{self, QuoteStatistics};
use crate::model::{BookState, BookView, Level, Side, Stamp, decimal};

/// A book and its past, all of it bounded.
#[derive(Clone, Debug, PartialEq)]
pub struct KnownBook {
    /// The newest view.
    pub view: Arc<BookView>,
    /// When it was received.
    pub received: Stamp,
    /// How long it may be silent before it is called stale, nanoseconds.
    pub fresh_for_ns: u64,
    /// The last view that was live and had levels, where the newest has none.
    last_good: Option<Arc<BookView>>,
    /// Since when it has not been live, once it was.
    lost_since: Option<Stamp>,
    /// What changed in the bids of the newest view, by their places.
    pub bid_marks: Vec<Option<Mark>>,
    /// What changed in the asks of the newest view, by their places.
    pub ask_marks: Vec<Option<Mark>>,
    best_bid_moved_ns: Option<u64>,
    best_ask_moved_ns: Option<u64>,
    /// Decimals of a size: the most that were needed so far, so that numbers stand still.
    pub size_decimals: u8,
    /// Names in small letters, for filters.
    pub words: String,
    /// What the z-score signal says. Paper only: nothing here can place an order.
    pub paper: Paper,
    samples: VecDeque<ChartSample>,
    depths: VecDeque<Option<Arc<DepthColumn>>>,
}

/// A book at one moment, for charts and statistics.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ChartSample {
    /// When.
    pub at_ns: u64,
    /// What it was; `None` where the book was not live or had an empty side.
    pub quote: Option<Quote>,
}

/// The figures of a [`ChartSample`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Quote {
    /// Best bid, in `10^-price_scale`.
    pub bid: i64,
    /// Best ask, in `10^-price_scale`.
    pub ask: i64,
    /// Imbalance of the ten best levels.
    pub imbalance: f32,
}

impl Quote {
    /// In quote units.
    pub fn at_scale(&self, price_scale: u8) -> signal::Quote {
        let price = |units: i64| decimal::to_f64(i128::from(units), price_scale);
        signal::Quote {
            bid: price(self.bid),
            ask: price(self.ask),
        }
    }

    /// Twice the mid, exact, in `10^-price_scale`.
    pub fn mid_twice(&self) -> i128 {
        i128::from(self.bid) + i128::from(self.ask)
    }
}

/// The best levels at one moment: price, and size as far as a colour can show it.
#[derive(Clone, Debug, PartialEq)]
pub struct DepthColumn {
    /// Best first.
    pub bids: Box<[(i64, f32)]>,
    /// Best first.
    pub asks: Box<[(i64, f32)]>,
}

impl DepthColumn {
    /// Levels of a side that are kept.
    pub const LEVELS: usize = 50;

    fn of(view: &BookView) -> Self {
        let side = |levels: &[Level]| {
            let best = levels.iter().take(Self::LEVELS);
            best.map(|level| (level.price, level.size as f32)).collect()
        };
        Self {
            bids: side(&view.bids),
            asks: side(&view.asks),
        }
    }
}

impl KnownBook {
    /// Samples kept for charts. Source: order-book specification, section 13.
    pub const MOST_SAMPLES: usize = 1_000;
    /// Columns of the depth's past that are kept, at most.
    pub const MOST_COLUMNS: usize = 240;

    pub(super) fn new(view: Arc<BookView>, at: Stamp, fresh_for_ns: u64) -> Self {
        let names = [&view.display, &view.book.symbol, &view.book.venue];
        let words = names.map(|name| name.to_lowercase()).join(" ");
        Self {
            bid_marks: vec![None; view.bids.len()],
            ask_marks: vec![None; view.asks.len()],
            size_decimals: size_decimals(&view),
            last_good: has_levels(&view).then(|| Arc::clone(&view)),
            lost_since: None,
            best_bid_moved_ns: None,
            best_ask_moved_ns: None,
            view,
            received: at,
            fresh_for_ns,
            words,
            paper: Paper::default(),
            samples: VecDeque::new(),
            depths: VecDeque::new(),
        }
    }

    /// Takes in a newer view; when it is live again, says since when it was not.
    pub(super) fn take(&mut self, view: Arc<BookView>, at: Stamp) -> Option<Stamp> {
        let before = std::mem::replace(&mut self.view, view);
        self.received = at;
        let now = &self.view;
        if now.scales != before.scales {
            // Integers of another scale: nothing of before can be compared or drawn with them.
            self.samples.clear();
            self.paper = Paper::default();
            self.depths.clear();
            self.size_decimals = 0;
            self.last_good = None;
        }
        // A snapshot after a loss changes everything, and so marks nothing.
        let is_next = now.scales == before.scales
            && before.state == BookState::Live
            && now.state == BookState::Live;
        if is_next {
            let price = |levels: &[Level]| levels.first().map(|level| level.price);
            if price(&before.bids) != price(&now.bids) {
                self.best_bid_moved_ns = Some(at.mono_ns);
            }
            if price(&before.asks) != price(&now.asks) {
                self.best_ask_moved_ns = Some(at.mono_ns);
            }
            let (bids, asks) = (&self.bid_marks, &self.ask_marks);
            self.bid_marks = marks(Side::Bid, &before.bids, bids, &now.bids, at.mono_ns);
            self.ask_marks = marks(Side::Ask, &before.asks, asks, &now.asks, at.mono_ns);
        } else {
            self.bid_marks = vec![None; now.bids.len()];
            self.ask_marks = vec![None; now.asks.len()];
        }
        self.size_decimals = self.size_decimals.max(size_decimals(now));
        if has_levels(now) {
            self.last_good = Some(Arc::clone(now));
        }
        match (&now.state, self.lost_since) {
            (BookState::Live, Some(_)) => self.lost_since.take(),
            (BookState::Live, None) => None,
            (_, None) if before.state == BookState::Live => {
                self.lost_since = Some(at);
                None
            }
            (_, _) => None,
        }
    }

    /// Its light at `at`.
    pub fn light(&self, at: Stamp) -> Light {
        self.view.light(at, self.fresh_for_ns)
    }

    /// The view whose levels are shown: the newest, or the last that had any.
    pub fn shown(&self) -> &BookView {
        match &self.last_good {
            Some(good) if !has_levels(&self.view) => good,
            _ => &self.view,
        }
    }

    /// Whether the best bid and the best ask became other prices a moment ago.
    pub fn best_moved(&self, at: Stamp) -> (bool, bool) {
        let is_new = |moved: Option<u64>| {
            moved.is_some_and(|then| at.mono_ns.saturating_sub(then) < MARKED_FOR_NS)
        };
        (
            is_new(self.best_bid_moved_ns),
            is_new(self.best_ask_moved_ns),
        )
    }

    pub(super) fn sample(&mut self, now: Stamp, columns: usize) {
        let view = &self.view;
        let is_live = view.state == BookState::Live;
        let quote = match (view.bids.first(), view.asks.first()) {
            (Some(bid), Some(ask)) if is_live => Some(Quote {
                bid: bid.price,
                ask: ask.price,
                imbalance: view.metrics.map_or(0.0, |m| m.imbalance[2] as f32),
            }),
            _ => None,
        };
        let at_ns = now.mono_ns;
        if let Some(quote) = quote {
            let mid = quote.at_scale(view.scales.price).mid();
            self.paper.sample(mid, now);
        }
        push(
            &mut self.samples,
            ChartSample { at_ns, quote },
            Self::MOST_SAMPLES,
        );
        let depth = quote.map(|_| Arc::new(DepthColumn::of(view)));
        push(&mut self.depths, depth, columns);
    }

    /// Samples, oldest first.
    pub fn samples(&self) -> impl DoubleEndedIterator<Item = &ChartSample> + ExactSizeIterator {
        self.samples.iter()
    }

    /// Statistics over all samples; `None` before there is one.
    pub fn statistics(&self) -> Option<(usize, QuoteStatistics)> {
        let scale = self.view.scales.price;
        let quotes = self.samples.iter().filter_map(|sample| sample.quote);
        let quotes = quotes.map(|quote| quote.at_scale(scale));
        let statistics = QuoteStatistics::of(quotes.clone())?;
        Some((quotes.count(), statistics))
    }

    /// The depth's past, oldest first; `None` where the book was not live.
    pub fn depths(&self) -> impl DoubleEndedIterator<Item = Option<&DepthColumn>> {
        self.depths.iter().map(Option::as_deref)
    }

    /// How much of the depth's past there is.
    pub fn depth_columns(&self) -> usize {
        self.depths.len()
    }
}

fn push<T>(ring: &mut VecDeque<T>, value: T, most: usize) {
    while ring.len() >= most.max(1) {
        ring.pop_front();
    }
    ring.push_back(value);
}

fn has_levels(view: &BookView) -> bool {
    !view.bids.is_empty() || !view.asks.is_empty()
}

fn size_decimals(view: &BookView) -> u8 {
    let sizes = view.bids.iter().chain(&view.asks);
    let needed = sizes.map(|level| digits::needed(level.size, view.scales.size));
    needed.max().unwrap_or(0)
}
