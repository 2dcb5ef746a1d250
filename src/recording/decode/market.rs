//! From the records of order books, trades and venues back to what was said.

use std::borrow::Cow;
use std::sync::Arc;

use super::{Moments, find, json, unknown};
use crate::model::decimal;
use crate::model::{
    Aggressor, BookChange, BookEvent, BookId, BookNotes, ClearReason, FeedHealth, FeedWay, Level,
    Payload, Percentiles, PlainText, Scales, Sequence, Trade,
};
use crate::recording::records::{
    BookRecord, DecimalRecord, FeedRecord, LevelRecord, List, MAX_LEVELS, TradeRecord,
};

/// A change of a book.
pub fn book(data: &[u8]) -> Result<Payload, String> {
    let record: BookRecord<'_> = json(data)?;
    let scales = Scales {
        price: record.price_scale,
        size: record.size_scale,
    };
    let event = BookEvent {
        book: book_id(&record.venue, &record.symbol),
        scales,
        change: change(&record)?,
        bids: levels(&record.bids, scales)?,
        asks: levels(&record.asks, scales)?,
        sequence: Sequence {
            first: record.seq_first,
            last: record.seq_last,
            previous: record.seq_prev,
        },
        exchange_ns: record.exchange_ns,
        checksum: record.checksum,
        frame: record.frame,
        notes: notes(&record, scales)?,
    };
    Ok(Payload::BookEvent(Arc::new(event)))
}

fn book_id(venue: &str, symbol: &str) -> BookId {
    BookId {
        venue: PlainText::from_peer(venue),
        symbol: PlainText::from_peer(symbol),
    }
}

fn change(record: &BookRecord<'_>) -> Result<BookChange, String> {
    Ok(match &*record.change {
        "snapshot" => BookChange::Snapshot,
        "delta" => BookChange::Delta {
            depth: record.depth,
        },
        "replace" => BookChange::Replace,
        "clear" => {
            let reason = record.reason.as_deref().unwrap_or_default();
            BookChange::Clear(find(&ClearReason::ALL, ClearReason::as_str, reason)?)
        }
        other => return Err(unknown(other)),
    })
}

/// The notes; `None` where the change says none, as in files of before there were any.
fn notes(record: &BookRecord<'_>, scales: Scales) -> Result<Option<BookNotes>, String> {
    let (Some(display), Some(tick)) = (&record.display, &record.tick) else {
        return Ok(None);
    };
    let end = |end: &Option<DecimalRecord<'_>>, open| {
        let end = end.as_ref().map(|end| price(end, scales));
        end.unwrap_or(Ok(open))
    };
    let range = (
        end(&record.known_low, i64::MIN)?,
        end(&record.known_high, i64::MAX)?,
    );
    Ok(Some(BookNotes {
        display: PlainText::from_peer(display),
        tick: price(tick, scales)?.max(1),
        known_range: (range != (i64::MIN, i64::MAX)).then_some(range),
    }))
}

fn levels(
    records: &List<LevelRecord<'_>, MAX_LEVELS>,
    scales: Scales,
) -> Result<Vec<Level>, String> {
    let level = |record: &LevelRecord<'_>| {
        Ok(Level {
            price: price(&record.0, scales)?,
            size: number(&record.1, scales.size)?,
        })
    };
    records.0.iter().map(level).collect()
}

fn price(record: &DecimalRecord<'_>, scales: Scales) -> Result<i64, String> {
    let price = number(record, scales.price)?;
    i64::try_from(price).map_err(|_| format!("a price of {price} ticks"))
}

fn number(record: &DecimalRecord<'_>, scale: u8) -> Result<i128, String> {
    match record {
        DecimalRecord::Number(value, _) => Ok(*value),
        DecimalRecord::Text(text) => decimal::parse(text.as_bytes(), scale)
            .map_err(|why| format!("\"{}\": {why}", PlainText::from_peer(text))),
    }
}

/// A trade.
pub fn trade(data: &[u8]) -> Result<Payload, String> {
    let record: TradeRecord<'_> = json(data)?;
    let scales = Scales {
        price: record.price_scale,
        size: record.size_scale,
    };
    let side = |word: Option<&str>| {
        word.map(|word| find(&Aggressor::ALL, Aggressor::as_str, word))
            .transpose()
    };
    let trade = Trade {
        book: book_id(&record.venue, &record.symbol),
        scales,
        id: record.id.as_deref().map(PlainText::from_peer),
        price: price(&record.price, scales)?,
        size: number(&record.size, scales.size)?,
        aggressor: side(record.aggressor.as_deref())?,
        side: side(record.side.as_deref())?,
        exchange_ns: record.exchange_ns,
        is_late: record.late,
    };
    Ok(Payload::Trade(Arc::new(trade)))
}

/// How a venue's connections stand.
pub fn feed(data: &[u8], moments: Moments) -> Result<Payload, String> {
    let record: FeedRecord<'_> = json(data)?;
    let plain = |text: Cow<'_, str>| PlainText::from_peer(&text);
    let feed = FeedHealth {
        venue: plain(record.venue),
        way: find(&FeedWay::ALL, FeedWay::as_str, &record.way)?,
        connections_up: record.connections_up,
        connections_wanted: record.connections_wanted,
        books: record.books,
        books_live: record.books_live,
        last_frame: record.last_frame_ns.map(|ns| moments.at(ns)),
        counters: record.counters.0,
        rate_hz: record.rate_hz.0,
        waiting_to_send: record.waiting_to_send,
        attempts_left: record.attempts_left,
        limited: record
            .limited_until_ns
            .zip(record.limited_status)
            .map(|(until_ns, status)| (moments.at(until_ns), status)),
        notice: record.notice.map(plain),
        apply: Percentiles {
            count: usize::try_from(record.apply.count).unwrap_or(usize::MAX),
            p50_ns: record.apply.p50_ns,
            p90_ns: record.apply.p90_ns,
            p99_ns: record.apply.p99_ns,
            max_ns: record.apply.max_ns,
        },
        fresh_for_ns: record.fresh_for_ns,
    };
    Ok(Payload::Feed(Arc::new(feed)))
}
