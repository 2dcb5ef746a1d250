//! Order books, trades and venues as records.

use std::borrow::Cow;

use super::Encoder;
use crate::model::{BookChange, BookEvent, FeedHealth, Level, Scales, Trade};
use crate::recording::records::{
    BookRecord, CountersRecord, DecimalRecord, FeedRecord, LevelRecord, List, MAX_LEVELS, Number,
    PercentilesRecord, TradeRecord,
};

impl Encoder {
    /// Appends a change of a book; `since_ns` if it is the whole book as it stood before the
    /// recording.
    pub fn book(&mut self, event: &BookEvent, since_ns: Option<u64>) {
        let scales = event.scales;
        let notes = event.notes.as_ref();
        let price = |units: i64| DecimalRecord::Number(units.into(), scales.price);
        let (low, high) = notes
            .and_then(|notes| notes.known_range)
            .unwrap_or((i64::MIN, i64::MAX));
        self.json(&BookRecord {
            venue: Cow::Borrowed(&event.book.venue),
            symbol: Cow::Borrowed(&event.book.symbol),
            change: Cow::Borrowed(event.change.as_str()),
            depth: match event.change {
                BookChange::Delta { depth } => depth,
                _ => None,
            },
            reason: match event.change {
                BookChange::Clear(reason) => Some(Cow::Borrowed(reason.as_str())),
                _ => None,
            },
            price_scale: scales.price,
            size_scale: scales.size,
            bids: levels(&event.bids, scales),
            asks: levels(&event.asks, scales),
            seq_first: event.sequence.first,
            seq_last: event.sequence.last,
            seq_prev: event.sequence.previous,
            exchange_ns: event.exchange_ns,
            checksum: event.checksum,
            frame: event.frame,
            display: notes.map(|notes| Cow::Borrowed(&*notes.display)),
            tick: notes.map(|notes| price(notes.tick)),
            known_low: (low != i64::MIN).then(|| price(low)),
            known_high: (high != i64::MAX).then(|| price(high)),
            since_ns,
        });
    }

    /// Appends a trade.
    pub fn trade(&mut self, trade: &Trade) {
        let scales = trade.scales;
        self.json(&TradeRecord {
            venue: Cow::Borrowed(&trade.book.venue),
            symbol: Cow::Borrowed(&trade.book.symbol),
            id: trade.id.as_deref().map(Cow::Borrowed),
            price_scale: scales.price,
            size_scale: scales.size,
            price: DecimalRecord::Number(trade.price.into(), scales.price),
            size: DecimalRecord::Number(trade.size, scales.size),
            aggressor: trade.aggressor.map(|who| Cow::Borrowed(who.as_str())),
            side: trade.side.map(|side| Cow::Borrowed(side.as_str())),
            exchange_ns: trade.exchange_ns,
            late: trade.is_late,
        });
    }

    /// Appends how a venue's connections stand; `since_ns` if they stood so before the recording.
    pub fn feed(&mut self, feed: &FeedHealth, since_ns: Option<u64>) {
        self.json(&FeedRecord {
            venue: Cow::Borrowed(&feed.venue),
            way: Cow::Borrowed(feed.way.as_str()),
            connections_up: feed.connections_up,
            connections_wanted: feed.connections_wanted,
            books: feed.books,
            books_live: feed.books_live,
            last_frame_ns: feed.last_frame.map(|at| at.unix_ns),
            counters: CountersRecord(feed.counters),
            rate_hz: Number(feed.rate_hz),
            waiting_to_send: feed.waiting_to_send,
            attempts_left: feed.attempts_left,
            limited_until_ns: feed.limited.map(|(until, _)| until.unix_ns),
            limited_status: feed.limited.map(|(_, status)| status),
            notice: feed.notice.as_deref().map(Cow::Borrowed),
            apply: PercentilesRecord {
                count: feed.apply.count as u64,
                p50_ns: feed.apply.p50_ns,
                p90_ns: feed.apply.p90_ns,
                p99_ns: feed.apply.p99_ns,
                max_ns: feed.apply.max_ns,
            },
            fresh_for_ns: feed.fresh_for_ns,
            since_ns,
        });
    }
}

fn levels(levels: &[Level], scales: Scales) -> List<LevelRecord<'_>, MAX_LEVELS> {
    let records = levels.iter().map(|level| LevelRecord::new(level, scales));
    List(records.collect())
}
