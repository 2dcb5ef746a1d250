//! Made-up sessions of order-book venues: the frames that open a book, then small differences, all
//! with the ids and checksums that the venue would send. Wire formats: order-book specification.
#![allow(dead_code)]

use std::collections::BTreeMap;

use ttyscope::model::{FeedWay, Stamp};
use ttyscope::protocol::market::{Answer, Sink, Subscription, Venue, VenueKind};

/// Levels of a side.
const LEVELS: i64 = 25;
/// When the first frame comes; 15 January 2026, 09:00.
const BEGIN_NS: u64 = 1_768_467_600_000_000_000;
/// From one frame to the next.
const STEP_NS: u64 = 1_000_000;

/// What opens a book.
enum Opening {
    Frame(String),
    Answer(String),
}

/// One book at one venue, which changes on demand.
pub struct Session {
    venue: &'static str,
    symbol: &'static str,
    price_decimals: usize,
    size_decimals: usize,
    bids: BTreeMap<i64, i64>,
    asks: BTreeMap<i64, i64>,
    id: i64,
    /// Milliseconds since [`BEGIN_NS`].
    ms: u64,
    random: fastrand::Rng,
    opening: Vec<Opening>,
}

/// A change of a level: whether it is a bid, its price and its new size.
type Row = (bool, i64, i64);

impl Session {
    /// A book at this venue; `None` where a venue keeps none.
    pub fn at(kind: &VenueKind) -> Option<Self> {
        let (symbol, price_decimals, size_decimals) = match kind.name {
            "binance" => ("BTCUSDT", 2, 5),
            "kraken" => ("BTC/USD", 1, 8),
            "coinbase" | "coinbase_exchange" => ("BTC-USD", 2, 8),
            "okx" => ("BTC-USDT", 1, 8),
            "finnhub" => return None,
            other => panic!("how {other} writes its frames is not known here"),
        };
        let middle = 6_300_000;
        let mut random = fastrand::Rng::with_seed(1);
        let mut side = |sign: i64| -> BTreeMap<i64, i64> {
            let level = |n| (middle + sign * 3 * n, random.i64(1_000..9_000_000));
            (1..=LEVELS).map(level).collect()
        };
        let (bids, asks) = (side(-1), side(1));
        let mut session = Self {
            venue: kind.name,
            symbol,
            price_decimals,
            size_decimals,
            bids,
            asks,
            id: 70_000_000_000,
            ms: 0,
            random,
            opening: Vec::new(),
        };
        session.opening = session.open();
        Some(session)
    }

    pub fn subscription(&self) -> Subscription {
        Subscription {
            symbols: vec![self.symbol.to_owned()],
            depth: (self.venue == "kraken").then_some(25),
            way: FeedWay::Stream,
            poll_ms: 1_000,
            channel: None,
        }
    }

    /// The whole book that it begins with, as the venue sends it.
    pub fn opening_picture(&self) -> &str {
        match self.opening.last() {
            Some(Opening::Frame(text) | Opening::Answer(text)) => text,
            None => "",
        }
    }

    /// When the nth frame comes.
    pub fn at_frame(n: u64) -> Stamp {
        Stamp {
            mono_ns: n * STEP_NS,
            unix_ns: BEGIN_NS + n * STEP_NS,
        }
    }

    /// Opens the connection and the book on it.
    pub fn begin(&self, venue: &mut dyn Venue, out: &mut dyn Sink) {
        venue.open(Self::at_frame(0), out);
        for step in &self.opening {
            match step {
                Opening::Frame(text) => venue.frame(text.as_bytes(), Self::at_frame(0), out),
                Opening::Answer(body) => venue.answer(
                    &Answer {
                        book: 0,
                        status: 200,
                        retry_after_s: None,
                        body: body.as_bytes(),
                    },
                    Self::at_frame(0),
                    out,
                ),
            }
        }
    }

    /// The next differences, each of two to three levels near the best price.
    pub fn differences(&mut self, count: usize) -> Vec<String> {
        (0..count).map(|_| self.difference()).collect()
    }

    fn difference(&mut self) -> String {
        self.ms += 1;
        let mut rows: Vec<Row> = Vec::new();
        for is_bid in [true, false] {
            let side = if is_bid {
                &mut self.bids
            } else {
                &mut self.asks
            };
            let nth = self.random.usize(0..side.len());
            let (price, old) = side.iter().nth(nth).map(|(p, s)| (*p, *s)).unwrap();
            // A level that went comes back with the next difference of its side.
            let missing = (1..=LEVELS)
                .map(|n| 6_300_000 + if is_bid { -3 * n } else { 3 * n })
                .find(|price| !side.contains_key(price));
            match missing {
                Some(price) => {
                    let size = self.random.i64(1_000..9_000_000);
                    side.insert(price, size);
                    rows.push((is_bid, price, size));
                }
                None if self.random.u8(0..4) == 0 => {
                    side.remove(&price);
                    rows.push((is_bid, price, 0));
                }
                None => {
                    side.insert(price, old + 1);
                    rows.push((is_bid, price, old + 1));
                }
            }
        }
        self.frame(&rows, false)
    }

    fn open(&mut self) -> Vec<Opening> {
        let all = |side: &BTreeMap<i64, i64>, is_bid| -> Vec<Row> {
            let rows = side.iter().map(|(price, size)| (is_bid, *price, *size));
            if is_bid {
                rows.rev().collect()
            } else {
                rows.collect()
            }
        };
        let mut rows = all(&self.bids, true);
        rows.extend(all(&self.asks, false));
        let picture = self.frame(&rows, true);
        let symbol = self.symbol;
        match self.venue {
            // The snapshot is asked for once a difference waits for it.
            "binance" => {
                let first = self.difference();
                vec![Opening::Frame(first), Opening::Answer(picture)]
            }
            "kraken" => vec![
                Opening::Frame(format!(
                    r#"{{"channel":"instrument","type":"snapshot","data":{{"assets":[],"pairs":[{{"symbol":"{symbol}","base":"BTC","quote":"USD","price_precision":1,"qty_precision":8,"price_increment":0.1}}]}}}}"#
                )),
                Opening::Frame(picture),
            ],
            _ => vec![Opening::Frame(picture)],
        }
    }

    /// A frame of these rows, as a difference or as the whole book.
    fn frame(&mut self, rows: &[Row], is_whole: bool) -> String {
        let (symbol, last) = (self.symbol, self.id);
        self.id += 1;
        let id = self.id;
        let ms = BEGIN_NS / 1_000_000 + self.ms;
        let time = format!(
            "2026-01-15T09:{:02}:{:02}.{:03}Z",
            self.ms / 60_000 % 60,
            self.ms / 1_000 % 60,
            self.ms % 1_000
        );
        let quoted = |is_bid: bool, more: &str| {
            let cells = rows
                .iter()
                .filter(|row| row.0 == is_bid)
                .map(|row| format!(r#"["{}","{}"{more}]"#, self.price(row.1), self.size(row.2)));
            cells.collect::<Vec<_>>().join(",")
        };
        match self.venue {
            "binance" if is_whole => format!(
                r#"{{"lastUpdateId":{id},"bids":[{}],"asks":[{}]}}"#,
                quoted(true, ""),
                quoted(false, "")
            ),
            "binance" => format!(
                r#"{{"stream":"btcusdt@depth@100ms","data":{{"e":"depthUpdate","E":{ms},"s":"{symbol}","U":{id},"u":{id},"b":[{}],"a":[{}]}}}}"#,
                quoted(true, ""),
                quoted(false, "")
            ),
            "kraken" => {
                let side = |is_bid: bool| {
                    let cells = rows.iter().filter(|row| row.0 == is_bid).map(|row| {
                        let (price, size) = (self.price(row.1), self.size(row.2));
                        format!(r#"{{"price":{price},"qty":{size}}}"#)
                    });
                    cells.collect::<Vec<_>>().join(",")
                };
                let kind = if is_whole { "snapshot" } else { "update" };
                format!(
                    r#"{{"channel":"book","type":"{kind}","data":[{{"symbol":"{symbol}","bids":[{}],"asks":[{}],"checksum":{},"timestamp":"{time}"}}]}}"#,
                    side(true),
                    side(false),
                    self.kraken_checksum()
                )
            }
            "coinbase" => {
                let cells = rows.iter().map(|(is_bid, price, size)| {
                    let side = if *is_bid { "bid" } else { "offer" };
                    let (price, size) = (self.price(*price), self.size(*size));
                    format!(
                        r#"{{"side":"{side}","event_time":"{time}","price_level":"{price}","new_quantity":"{size}"}}"#
                    )
                });
                let cells = cells.collect::<Vec<_>>().join(",");
                let kind = if is_whole { "snapshot" } else { "update" };
                let number = id - 70_000_000_001;
                format!(
                    r#"{{"channel":"l2_data","timestamp":"{time}","sequence_num":{number},"events":[{{"type":"{kind}","product_id":"{symbol}","updates":[{cells}]}}]}}"#
                )
            }
            "coinbase_exchange" if is_whole => format!(
                r#"{{"type":"snapshot","product_id":"{symbol}","asks":[{}],"bids":[{}]}}"#,
                quoted(false, ""),
                quoted(true, "")
            ),
            "coinbase_exchange" => {
                let cells = rows.iter().map(|(is_bid, price, size)| {
                    let side = if *is_bid { "buy" } else { "sell" };
                    format!(
                        r#"["{side}","{}","{}"]"#,
                        self.price(*price),
                        self.size(*size)
                    )
                });
                let cells = cells.collect::<Vec<_>>().join(",");
                format!(
                    r#"{{"type":"l2update","product_id":"{symbol}","changes":[{cells}],"time":"{time}"}}"#
                )
            }
            "okx" => {
                let more = r#","0","3""#;
                let (action, previous) = match is_whole {
                    true => ("snapshot", -1),
                    false => ("update", last),
                };
                format!(
                    r#"{{"arg":{{"channel":"books","instId":"{symbol}"}},"action":"{action}","data":[{{"asks":[{}],"bids":[{}],"ts":"{ms}","checksum":0,"seqId":{id},"prevSeqId":{previous}}}]}}"#,
                    quoted(false, more),
                    quoted(true, more)
                )
            }
            other => panic!("how {other} writes its frames is not known here"),
        }
    }

    /// CRC-32 of the ten best asks and bids, numbers without the point.
    fn kraken_checksum(&self) -> u32 {
        let best = self
            .asks
            .iter()
            .take(10)
            .chain(self.bids.iter().rev().take(10));
        let text: String = best.map(|(price, size)| format!("{price}{size}")).collect();
        crc32fast::hash(text.as_bytes())
    }

    fn price(&self, price: i64) -> String {
        decimal(price, self.price_decimals)
    }

    fn size(&self, size: i64) -> String {
        decimal(size, self.size_decimals)
    }
}

fn decimal(number: i64, decimals: usize) -> String {
    let digits = format!("{number:0width$}", width = decimals + 1);
    let (whole, rest) = digits.split_at(digits.len() - decimals);
    format!("{whole}.{rest}")
}
