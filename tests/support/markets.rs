//! Markets with something on them: the same books, trades and feeds every time.
#![allow(dead_code, clippy::unwrap_used)]

use std::sync::Arc;

use crate::screens::{Scene, at, figures, options};
use ttyscope::app::AppOptions;
use ttyscope::model::{
    Aggressor, BookCounters, BookId, BookMetrics, BookState, BookView, DepthWithin, FRESH_FOR_NS,
    FeedCounters, FeedHealth, FeedLatency, FeedWay, Integrity, Level, LinkState, Origin, Payload,
    Percentiles, PlainText, Scales, SourceId, SourceInfo, Trade,
};

pub const KRAKEN: SourceId = SourceId(0);
pub const COINBASE: SourceId = SourceId(1);
pub const FINNHUB: SourceId = SourceId(2);

/// What the markets are shown with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Market {
    /// A source, and no market among them.
    Nothing,
    /// Connecting.
    Starting,
    /// All as it should be.
    Live,
    /// Nothing for twelve seconds.
    Stale,
    /// An update is missing; the book is being repaired.
    Gap,
    /// Best bid above best ask.
    Crossed,
    /// The venue refused one book; another venue's connection is closed.
    Refused,
    /// A checksum is not looked at any more.
    ChecksumOff,
    /// Asked for over HTTP because the stream does not stand, and told to wait.
    Fallback,
}

impl Market {
    pub const ALL: [Self; 9] = [
        Self::Nothing,
        Self::Starting,
        Self::Live,
        Self::Stale,
        Self::Gap,
        Self::Crossed,
        Self::Refused,
        Self::ChecksumOff,
        Self::Fallback,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::Nothing => "no_market",
            Self::Starting => "starting",
            Self::Live => "live",
            Self::Stale => "stale",
            Self::Gap => "gap",
            Self::Crossed => "crossed",
            Self::Refused => "refused",
            Self::ChecksumOff => "checksum_off",
            Self::Fallback => "fallback",
        }
    }
}

pub fn sources() -> Vec<SourceInfo> {
    let info = |id, name: &str, address: &str, origin| SourceInfo {
        id,
        name: name.into(),
        address: address.into(),
        origin,
        caution: None,
    };
    vec![
        info(KRAKEN, "kraken", "kraken:BTC/USD,ETH/USD", Origin::Live),
        info(COINBASE, "coinbase", "coinbase:BTC-USD", Origin::Live),
        info(FINNHUB, "finnhub", "finnhub:AAPL", Origin::Live),
    ]
}

pub fn id(venue: &str, symbol: &str) -> BookId {
    BookId {
        venue: venue.into(),
        symbol: symbol.into(),
    }
}

/// A live book around `mid`, which differs a little from one `ms` to the next.
pub fn view(ms: u64, venue: &str, symbol: &str, display: &str, mid: i64) -> BookView {
    let scales = match display {
        "BTC/USD" => Scales { price: 1, size: 8 },
        _ => Scales { price: 2, size: 8 },
    };
    let side = |sign: i64| -> Vec<Level> {
        (0..100)
            .map(|n: i64| {
                // Gaps of one to three ticks, sizes that repeat only after a long time.
                let far = 1 + 2 * n + (n * 7 + sign) % 3;
                let wobble = if n % 5 == 1 { ms as i64 / 100 % 9 } else { 0 };
                let size = 10_000_000 * (3 + (n * 37 + 11 * (sign + 1)) % 29 + wobble);
                Level {
                    price: mid + sign * far,
                    size: size.into(),
                }
            })
            .collect()
    };
    let (bids, asks) = (side(-1), side(1));
    let mut view = BookView {
        book: id(venue, symbol),
        display: display.into(),
        scales,
        tick: 1,
        state: BookState::Live,
        way: FeedWay::Stream,
        integrity: match venue {
            "kraken" => Integrity::ChecksumTop10,
            _ => Integrity::Sequence,
        },
        bid_levels: 1_000,
        ask_levels: 987,
        known_range: None,
        sequence: Some(81_223),
        exchange_ns: Some(1_795_183_200_000_000_000),
        proved: Some(at(ms)),
        is_crossed: false,
        metrics: None,
        counters: BookCounters {
            snapshots_applied: 1,
            updates_applied: 12_000 + ms / 10,
            crc_ok: if venue == "kraken" { 12_001 } else { 0 },
            ..BookCounters::default()
        },
        rate_hz: 42.5,
        last_minute: (0..60).map(|s| 40 + s % 5).collect(),
        latency: FeedLatency {
            p50_ns: Some(18_000_000),
            p90_ns: Some(25_400_000),
            p99_ns: Some(41_000_000),
            max_ns: Some(180_000_000),
            excess_ns: Some(2_100_000),
        },
        last_trade: None,
        bids,
        asks,
    };
    measure(&mut view);
    view
}

/// Figures that fit the levels, as far as screens show them.
pub fn measure(view: &mut BookView) {
    let (Some(bid), Some(ask)) = (view.bids.first(), view.asks.first()) else {
        view.metrics = None;
        return;
    };
    let price = |units: i64| units as f64 / 10_f64.powi(view.scales.price.into());
    let size = |units: i128| units as f64 / 10_f64.powi(view.scales.size.into());
    let (b, a) = (price(bid.price), price(ask.price));
    let (qb, qa) = (size(bid.size), size(ask.size));
    let mid = (b + a) / 2.0;
    let sum = |levels: &[Level], n: usize| -> f64 {
        let best = levels.iter().take(n);
        best.map(|level| size(level.size)).sum()
    };
    let imbalance = [1, 5, 10].map(|n| {
        let (bids, asks) = (sum(&view.bids, n), sum(&view.asks, n));
        (bids - asks) / (bids + asks)
    });
    let depth = [10, 50, 100].map(|bps| {
        let near = |units: i64| (price(units) - mid).abs() <= mid * f64::from(bps) / 1e4;
        let side = |levels: &[Level]| {
            let near = levels.iter().filter(|level| near(level.price));
            near.fold((0.0, 0.0), |(base, quote), level| {
                let q = size(level.size);
                (base + q, quote + q * price(level.price))
            })
        };
        let ((bid_size, bid_value), (ask_size, ask_value)) = (side(&view.bids), side(&view.asks));
        DepthWithin {
            bps,
            bid_size,
            bid_value,
            ask_size,
            ask_value,
        }
    });
    view.is_crossed = b >= a;
    view.metrics = Some(BookMetrics {
        mid,
        spread: a - b,
        spread_bps: (a - b) / mid * 1e4,
        microprice: (a * qb + b * qa) / (qa + qb),
        imbalance,
        depth,
    });
}

pub fn health(ms: u64, venue: &str, books: u16) -> FeedHealth {
    FeedHealth {
        venue: venue.into(),
        way: FeedWay::Stream,
        connections_up: 1,
        connections_wanted: 1,
        books,
        books_live: books,
        last_frame: Some(at(ms)),
        counters: FeedCounters {
            frames: 12_345,
            control: 4,
            heartbeats: 61,
            connections: 1,
            ..FeedCounters::default()
        },
        rate_hz: 42.5 * f64::from(books),
        waiting_to_send: 0,
        attempts_left: 149,
        limited: None,
        notice: None,
        fresh_for_ns: FRESH_FOR_NS,
        apply: Percentiles {
            count: 512,
            p50_ns: 2_400,
            p90_ns: 5_100,
            p99_ns: 11_000,
            max_ns: 80_000,
        },
    }
}

pub fn trade(book: BookId, price: i64, size: i128, aggressor: Option<Aggressor>) -> Trade {
    Trade {
        book,
        scales: Scales { price: 1, size: 8 },
        id: None,
        price,
        size,
        aggressor,
        side: None,
        exchange_ns: None,
        is_late: false,
    }
}

pub fn market_options(size: (u16, u16)) -> AppOptions {
    options(sources(), size)
}

/// The end of the minute that all scenes begin with.
pub const MINUTE: u64 = 90_000;

impl Scene {
    pub fn markets(market: Market, size: (u16, u16)) -> Self {
        Self::markets_with(market, market_options(size))
    }

    pub fn markets_with(market: Market, options: AppOptions) -> Self {
        let mut scene = Self::new(options);
        if market == Market::Nothing {
            scene.tick_of_markets(2_000);
            scene.press("3");
            return scene;
        }
        for source in [KRAKEN, COINBASE, FINNHUB] {
            let link = Payload::Link(LinkState::Connecting { attempt: 1 });
            scene.sample(100, source, link);
        }
        if market == Market::Starting {
            scene.starting();
        } else {
            for second in 1..=MINUTE / 1_000 {
                scene.second(second * 1_000);
            }
            // The last of them changes levels a moment before the screen is looked at.
            scene.second(MINUTE + 300);
            scene.trouble(market);
        }
        scene.press("3");
        scene
    }

    pub fn book(&mut self, ms: u64, source: SourceId, view: BookView) {
        self.sample(ms, source, Payload::Book(Arc::new(view)));
    }

    pub fn feed(&mut self, ms: u64, source: SourceId, feed: FeedHealth) {
        self.sample(ms, source, Payload::Feed(Arc::new(feed)));
    }

    pub fn tick_of_markets(&mut self, ms: u64) {
        let mut snapshot = figures(ms.max(60_000), 0);
        let mut one = snapshot.sources.pop().unwrap();
        one.stages = Default::default();
        one.lanes[1].counts = Default::default();
        snapshot.sources = [KRAKEN, COINBASE, FINNHUB]
            .into_iter()
            .map(|id| {
                let mut source = one.clone();
                source.id = id;
                source.last_received = Some(at(ms));
                source
            })
            .collect();
        self.tick(ms, snapshot);
    }

    fn starting(&mut self) {
        let words = "waiting for snapshot";
        for (source, venue, symbol, display) in BOOKS {
            let mut view = view(2_000, venue, symbol, display, 0);
            view.state = BookState::Starting(words.into());
            (view.bids, view.asks) = (Vec::new(), Vec::new());
            (view.metrics, view.is_crossed, view.proved) = (None, false, None);
            (view.bid_levels, view.ask_levels, view.rate_hz) = (0, 0, 0.0);
            view.counters = BookCounters::default();
            view.latency = FeedLatency::default();
            self.book(2_000, source, view);
        }
        for (source, venue) in FEEDS {
            let mut feed = health(2_000, venue, 2);
            (feed.connections_up, feed.books_live) = (0, 0);
            self.feed(2_000, source, feed);
        }
        self.tick_of_markets(2_500);
    }

    /// A second of all being well.
    pub fn second(&mut self, ms: u64) {
        let n = ms as i64 / 1_000;
        // There and back again within a minute.
        let wave = (n % 60 - 30).abs() - 15;
        for (source, venue, symbol, display) in BOOKS {
            let mid = match (display, venue) {
                ("BTC/USD", "kraken") => 641_197 + wave,
                ("BTC/USD", _) => 641_199 + wave,
                _ => 341_250 + 3 * wave,
            };
            self.book(ms, source, view(ms, venue, symbol, display, mid));
        }
        let mut shares = view(ms, "finnhub", "AAPL", "AAPL", 0);
        shares.integrity = Integrity::TradesOnly;
        (shares.bids, shares.asks, shares.metrics) = (Vec::new(), Vec::new(), None);
        (shares.bid_levels, shares.ask_levels) = (0, 0);
        shares.is_crossed = false;
        let last = trade(id("finnhub", "AAPL"), 2_714, 100_000_000, None);
        shares.last_trade = Some(last);
        self.book(ms, FINNHUB, shares);
        for (source, venue) in FEEDS {
            let books = if venue == "kraken" { 2 } else { 1 };
            self.feed(ms, source, health(ms, venue, books));
            if n < 2 {
                self.sample(ms, source, Payload::Link(LinkState::Live));
            }
        }
        let (side, price) = match n % 2 {
            0 => (Aggressor::Buy, 641_198 + wave),
            _ => (Aggressor::Sell, 641_196 + wave),
        };
        let size = i128::from(1_000_000 * (1 + n % 7));
        let trade = trade(id("kraken", "BTC/USD"), price, size, Some(side));
        self.sample(ms, KRAKEN, Payload::Trade(Arc::new(trade)));
        self.tick_of_markets(ms);
    }

    fn trouble(&mut self, market: Market) {
        let ms = MINUTE + 600;
        let mut view = view(ms, "kraken", "BTC/USD", "BTC/USD", 641_182);
        let mut feed = health(ms, "kraken", 2);
        match market {
            Market::Nothing | Market::Starting | Market::Live => return,
            Market::Stale => {
                self.tick_of_markets(MINUTE + 12_900);
                return;
            }
            Market::Gap => {
                let words = "an update is missing (after 81223 came 81225): asking for a snapshot";
                view.state = BookState::Desync(words.into());
                view.counters.gaps = 2;
                view.counters.resyncs = 2;
                feed.books_live = 1;
            }
            Market::Crossed => {
                view.bids[0].price = view.asks[0].price + 3;
                view.counters.crossed = 1;
                measure(&mut view);
            }
            Market::Refused => {
                let words = "kraken refused BTC/USD: EGeneral: currency pair not supported; look \
                             the name up in the venue's list of pairs";
                view.state = BookState::Failed(words.into());
                (view.bids, view.asks, view.metrics) = (Vec::new(), Vec::new(), None);
                view.counters.venue_errors = 1;
                feed.books_live = 1;
                feed.counters.venue_errors = 1;
                let mut other = self::view(ms, "coinbase", "BTC-USD", "BTC/USD", 641_184);
                other.state = BookState::Closed("connection reset by peer".into());
                self.book(ms, COINBASE, other);
            }
            Market::ChecksumOff => {
                view.integrity = Integrity::ChecksumOff;
                view.counters.crc_fail = 7;
                view.counters.resyncs = 6;
            }
            Market::Fallback => {
                view.way = FeedWay::Fallback;
                feed.way = FeedWay::Fallback;
                (feed.connections_up, feed.attempts_left) = (0, 0);
                feed.limited = Some((at(ms + 29_500), 429));
                feed.notice = Some("maintenance".into());
                feed.counters.http_errors = 3;
            }
        }
        self.book(ms, KRAKEN, view);
        self.feed(ms, KRAKEN, feed);
        self.tick_of_markets(ms + 200);
    }
}

const BOOKS: [(SourceId, &str, &str, &str); 3] = [
    (KRAKEN, "kraken", "BTC/USD", "BTC/USD"),
    (KRAKEN, "kraken", "ETH/USD", "ETH/USD"),
    (COINBASE, "coinbase", "BTC-USD", "BTC/USD"),
];
const FEEDS: [(SourceId, &str); 3] = [
    (KRAKEN, "kraken"),
    (COINBASE, "coinbase"),
    (FINNHUB, "finnhub"),
];

/// A name for a book of its own.
pub fn numbered(n: usize) -> PlainText {
    PlainText::from(format!("C{n:03}/USD"))
}
