//! Rows of order books, trades and venues. Prices and sizes are the exact decimal texts of the
//! recording.

use super::super::table::{Cell, Kind, Table, column};
use super::{Emit, SINCE, Why, record};
use crate::recording::RecordedMessage;
use crate::recording::records::{BookRecord, FeedRecord, TradeRecord};

/// A row for each level that an event carries, a delta's zero sizes among them; one row without a
/// side for an event that has none.
static BOOK: Table = Table {
    name: "book",
    part: "",
    columns: &[
        column("venue", Kind::Text),
        column("symbol", Kind::Text),
        column("change", Kind::Text),
        column("side", Kind::Text),
        column("level", Kind::Count),
        column("price", Kind::Text),
        column("size", Kind::Text),
        column("price_scale", Kind::Count),
        column("size_scale", Kind::Count),
        column("depth", Kind::Count),
        column("reason", Kind::Text),
        column("seq_first", Kind::Int),
        column("seq_last", Kind::Int),
        column("seq_prev", Kind::Int),
        column("exchange_ns", Kind::Int),
        column("checksum", Kind::Int),
        column("frame", Kind::Count),
        column("display", Kind::Text),
        column("tick", Kind::Text),
        column("known_low", Kind::Text),
        column("known_high", Kind::Text),
        SINCE,
    ],
};

pub fn book(message: &RecordedMessage, emit: &mut Emit<'_>) -> Result<(), Why> {
    let book: BookRecord<'_> = record(message)?;
    let mut row = |side: Cell<'_>, level: Cell<'_>, price: Cell<'_>, size: Cell<'_>| {
        let cells = [
            (&book.venue).into(),
            (&book.symbol).into(),
            (&book.change).into(),
            side,
            level,
            price,
            size,
            book.price_scale.into(),
            book.size_scale.into(),
            book.depth.into(),
            book.reason.as_ref().into(),
            book.seq_first.into(),
            book.seq_last.into(),
            book.seq_prev.into(),
            book.exchange_ns.into(),
            book.checksum.into(),
            book.frame.into(),
            book.display.as_ref().into(),
            book.tick.as_ref().into(),
            book.known_low.as_ref().into(),
            book.known_high.as_ref().into(),
            book.since_ns.into(),
        ];
        emit(&BOOK, &cells);
    };
    for (side, levels) in [("bid", &book.bids.0), ("ask", &book.asks.0)] {
        for (index, level) in levels.iter().enumerate() {
            let (price, size) = (&level.0, &level.1);
            row(
                side.into(),
                (index as u64).into(),
                price.into(),
                size.into(),
            );
        }
    }
    if book.bids.0.is_empty() && book.asks.0.is_empty() {
        row(Cell::Empty, Cell::Empty, Cell::Empty, Cell::Empty);
    }
    Ok(())
}

static TRADE: Table = Table {
    name: "trade",
    part: "",
    columns: &[
        column("venue", Kind::Text),
        column("symbol", Kind::Text),
        column("id", Kind::Text),
        column("price", Kind::Text),
        column("size", Kind::Text),
        column("price_scale", Kind::Count),
        column("size_scale", Kind::Count),
        column("aggressor", Kind::Text),
        column("side", Kind::Text),
        column("exchange_ns", Kind::Int),
        column("late", Kind::Flag),
    ],
};

pub fn trade(message: &RecordedMessage, emit: &mut Emit<'_>) -> Result<(), Why> {
    let trade: TradeRecord<'_> = record(message)?;
    let cells = [
        (&trade.venue).into(),
        (&trade.symbol).into(),
        trade.id.as_ref().into(),
        (&trade.price).into(),
        (&trade.size).into(),
        trade.price_scale.into(),
        trade.size_scale.into(),
        trade.aggressor.as_ref().into(),
        trade.side.as_ref().into(),
        trade.exchange_ns.into(),
        trade.late.into(),
    ];
    emit(&TRADE, &cells);
    Ok(())
}

static FEED: Table = Table {
    name: "feed",
    part: "",
    columns: &[
        column("venue", Kind::Text),
        column("way", Kind::Text),
        column("connections_up", Kind::Count),
        column("connections_wanted", Kind::Count),
        column("books", Kind::Count),
        column("books_live", Kind::Count),
        column("last_frame_ns", Kind::Count),
        column("rate_hz", Kind::Float),
        column("waiting_to_send", Kind::Count),
        column("attempts_left", Kind::Count),
        column("limited_until_ns", Kind::Count),
        column("limited_status", Kind::Count),
        column("notice", Kind::Text),
        column("apply_count", Kind::Count),
        column("apply_p50_ns", Kind::Count),
        column("apply_p90_ns", Kind::Count),
        column("apply_p99_ns", Kind::Count),
        column("apply_max_ns", Kind::Count),
        column("fresh_for_ns", Kind::Count),
        SINCE,
    ],
};

static COUNTERS: Table = Table {
    name: "feed",
    part: "counters",
    columns: &[column("counter", Kind::Text), column("value", Kind::Count)],
};

pub fn feed(message: &RecordedMessage, emit: &mut Emit<'_>) -> Result<(), Why> {
    let feed: FeedRecord<'_> = record(message)?;
    let cells = [
        (&feed.venue).into(),
        (&feed.way).into(),
        feed.connections_up.into(),
        feed.connections_wanted.into(),
        feed.books.into(),
        feed.books_live.into(),
        feed.last_frame_ns.into(),
        feed.rate_hz.into(),
        feed.waiting_to_send.into(),
        feed.attempts_left.into(),
        feed.limited_until_ns.into(),
        feed.limited_status.into(),
        feed.notice.as_ref().into(),
        feed.apply.count.into(),
        feed.apply.p50_ns.into(),
        feed.apply.p90_ns.into(),
        feed.apply.p99_ns.into(),
        feed.apply.max_ns.into(),
        feed.fresh_for_ns.into(),
        feed.since_ns.into(),
    ];
    emit(&FEED, &cells);
    for (name, value) in feed.counters.0.named() {
        emit(&COUNTERS, &[name.into(), value.into()]);
    }
    Ok(())
}
