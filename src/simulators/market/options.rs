//! What can be chosen when the venues start.

use std::time::Duration;

use super::fault::Trouble;

/// The venues that are simulated, all on one port, each below a path of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Venue {
    /// Binance spot.
    Binance,
    /// Kraken, WebSocket version 2.
    Kraken,
    /// Coinbase Advanced Trade.
    Coinbase,
    /// Coinbase Exchange.
    CoinbaseExchange,
    /// OKX, API version 5.
    Okx,
    /// Finnhub's trades.
    Finnhub,
}

impl Venue {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Binance,
        Self::Kraken,
        Self::Coinbase,
        Self::CoinbaseExchange,
        Self::Okx,
        Self::Finnhub,
    ];

    /// Its name, in URLs of sources and as the first part of its path here.
    pub fn name(self) -> &'static str {
        match self {
            Self::Binance => "binance",
            Self::Kraken => "kraken",
            Self::Coinbase => "coinbase",
            Self::CoinbaseExchange => "coinbase-exchange",
            Self::Okx => "okx",
            Self::Finnhub => "finnhub",
        }
    }
}

/// Something that is traded at a venue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Where.
    pub venue: Venue,
    /// As the venue writes it.
    pub symbol: String,
    /// What is traded.
    pub base: String,
    /// In what it is paid.
    pub quote: String,
    /// Decimals of a price.
    pub price_scale: u8,
    /// Decimals of a size.
    pub size_scale: u8,
    /// Where its price begins, in `10^-price_scale`.
    pub start: i64,
    /// Smallest step of a price, in `10^-price_scale`.
    pub tick: i64,
}

impl Listed {
    /// `base`/`quote` at a venue, with two decimals of price and four of size.
    ///
    /// - `start`: price in hundredths
    pub fn new(venue: Venue, base: &str, quote: &str, start: i64) -> Self {
        let symbol = match venue {
            Venue::Binance => format!("{base}{quote}"),
            Venue::Kraken => format!("{base}/{quote}"),
            Venue::Finnhub => format!("BINANCE:{base}{quote}"),
            Venue::Coinbase | Venue::CoinbaseExchange | Venue::Okx => format!("{base}-{quote}"),
        };
        Self {
            venue,
            symbol,
            base: base.to_owned(),
            quote: quote.to_owned(),
            price_scale: 2,
            size_scale: 4,
            start,
            tick: 1,
        }
    }
}

/// How the venues start.
#[derive(Clone, Debug, PartialEq)]
pub struct SimulatorOptions {
    /// TCP port on 127.0.0.1; 0 takes any free one.
    pub port: u16,
    /// What is traded.
    pub listed: Vec<Listed>,
    /// Changes of each book per second; 0 for none but those asked for by
    /// [`Simulator::step`](super::Simulator::step).
    pub rate_hz: f64,
    /// Levels of each side.
    pub levels: usize,
    /// Equal seeds make equal books.
    pub seed: u64,
    /// The key that Finnhub wants.
    pub key: String,
    /// From one ping or heartbeat to the next.
    pub heartbeat: Duration,
    /// What goes wrong from the start.
    pub faults: Vec<Trouble>,
}

impl Default for SimulatorOptions {
    fn default() -> Self {
        Self {
            port: 0,
            listed: usual(),
            rate_hz: 8.0,
            levels: 40,
            seed: 1,
            key: "simulated".to_owned(),
            heartbeat: Duration::from_secs(1),
            faults: Vec::new(),
        }
    }
}

/// The same few instruments everywhere, so that venues can be compared.
fn usual() -> Vec<Listed> {
    let pairs = [
        ("BTC", 6_301_230),
        ("ETH", 318_453),
        ("SOL", 18_421),
        ("LTC", 8_412),
    ];
    let quote = |venue| match venue {
        Venue::Binance | Venue::Okx | Venue::Finnhub => "USDT",
        Venue::Kraken | Venue::Coinbase | Venue::CoinbaseExchange => "USD",
    };
    let all = Venue::ALL.into_iter().flat_map(|venue| {
        let pairs = pairs.into_iter();
        pairs.map(move |(base, start)| Listed::new(venue, base, quote(venue), start))
    });
    all.collect()
}
