//! The straightforward way to keep a book: `serde_json` into structs, numbers as exact decimals,
//! each side an ordered map. It allocates what comes along.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::value::RawValue;

/// An exact decimal: `digits * 10^-decimals`.
#[derive(Clone, Copy, Debug)]
pub struct Decimal {
    digits: i128,
    decimals: u32,
}

impl Decimal {
    fn parse(text: &str) -> Self {
        let (whole, rest) = text.split_once('.').unwrap_or((text, ""));
        Self {
            digits: format!("{whole}{rest}").parse().unwrap(),
            decimals: rest.len() as u32,
        }
    }

    fn is_zero(self) -> bool {
        self.digits == 0
    }

    /// Both with the decimals of the finer one.
    fn aligned(self, other: Self) -> (i128, i128) {
        let most = self.decimals.max(other.decimals);
        let scaled = |one: Self| one.digits * 10_i128.pow(most - one.decimals);
        (scaled(self), scaled(other))
    }
}

impl PartialEq for Decimal {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Decimal {}

impl PartialOrd for Decimal {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Decimal {
    fn cmp(&self, other: &Self) -> Ordering {
        let (own, other) = self.aligned(*other);
        own.cmp(&other)
    }
}

#[derive(Deserialize)]
struct BinanceFrame {
    data: BinanceDifference,
}

#[derive(Deserialize)]
struct BinanceDifference {
    #[serde(rename = "U")]
    first: i64,
    #[serde(rename = "u")]
    last: i64,
    b: Vec<(String, String)>,
    a: Vec<(String, String)>,
}

#[derive(Deserialize)]
struct BinancePicture {
    #[serde(rename = "lastUpdateId")]
    last: i64,
    bids: Vec<(String, String)>,
    asks: Vec<(String, String)>,
}

#[derive(Deserialize)]
struct KrakenFrame {
    data: Vec<KrakenBook>,
}

#[derive(Deserialize)]
struct KrakenBook {
    bids: Vec<KrakenRow>,
    asks: Vec<KrakenRow>,
    checksum: u32,
}

#[derive(Deserialize)]
struct KrakenRow {
    price: Box<RawValue>,
    qty: Box<RawValue>,
}

/// A book.
#[derive(Default)]
pub struct Plain {
    bids: BTreeMap<Decimal, Decimal>,
    asks: BTreeMap<Decimal, Decimal>,
    last: Option<i64>,
    is_kraken: bool,
}

impl Plain {
    /// From the picture that a book begins with.
    pub fn open(picture: &str, is_kraken: bool) -> Self {
        let mut book = Self {
            is_kraken,
            ..Self::default()
        };
        if is_kraken {
            assert!(book.take(picture));
        } else {
            let picture: BinancePicture = serde_json::from_str(picture).unwrap();
            book.apply(&picture.bids, &picture.asks);
            book.last = Some(picture.last);
        }
        book
    }

    /// Applies a difference; whether the book is proved right after it.
    pub fn take(&mut self, frame: &str) -> bool {
        if self.is_kraken {
            let frame: KrakenFrame = serde_json::from_str(frame).unwrap();
            frame.data.iter().all(|book| self.take_kraken(book))
        } else {
            let frame: BinanceFrame = serde_json::from_str(frame).unwrap();
            let joins = self.last.is_some_and(|last| frame.data.first <= last + 2);
            self.apply(&frame.data.b, &frame.data.a);
            self.last = Some(frame.data.last);
            joins
        }
    }

    fn apply(&mut self, bids: &[(String, String)], asks: &[(String, String)]) {
        for (side, rows) in [(&mut self.bids, bids), (&mut self.asks, asks)] {
            for (price, size) in rows {
                set(side, Decimal::parse(price), Decimal::parse(size));
            }
        }
    }

    fn take_kraken(&mut self, book: &KrakenBook) -> bool {
        for (side, rows) in [(&mut self.bids, &book.bids), (&mut self.asks, &book.asks)] {
            for row in rows {
                set(
                    side,
                    Decimal::parse(row.price.get()),
                    Decimal::parse(row.qty.get()),
                );
            }
        }
        while self.bids.len() > 25 {
            self.bids.pop_first();
        }
        while self.asks.len() > 25 {
            self.asks.pop_last();
        }
        let best = self.asks.iter().take(10);
        let best = best.chain(self.bids.iter().rev().take(10));
        // The decimals are those of the wire, so the digits are its digits.
        let text: String = best
            .map(|(price, size)| format!("{}{}", price.digits, size.digits))
            .collect();
        crc32fast::hash(text.as_bytes()) == book.checksum
    }
}

fn set(side: &mut BTreeMap<Decimal, Decimal>, price: Decimal, size: Decimal) {
    if size.is_zero() {
        side.remove(&price);
    } else {
        side.insert(price, size);
    }
}
