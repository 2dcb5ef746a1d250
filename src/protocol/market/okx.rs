//! OKX: the public book channels of its fifth interface, and its books over HTTP.
//!
//! Each instrument's updates form a chain of ids that may start again after maintenance. The
//! checksum is 0 today, which means that there is none; where it is not it is checked. Source:
//! order-book specification, section 9.

mod checksum;
mod sequence;

use sequence::{Ids, Verdict};

use super::json::{Json, integer};
use super::streamed::{Desk, Dialect, Message, Streamed, Wrong, read_pairs, slashed};
use super::time::millis_ns;
use super::{Pace, Sink, Subscription, Venue, VenueKind};
use crate::model::{BookChange, ClearReason, Integrity, PlainText, Sequence, Side, Stamp};

/// OKX, as it is known by name.
pub const KIND: VenueKind = VenueKind {
    name: NAME,
    stream_url: "wss://ws.okx.com:8443",
    rest_url: "https://www.okx.com",
    stream_path: |_, _| "/ws/v5/public".to_owned(),
    venue,
    pace: Pace {
        attempts: 1,
        attempts_ms: 1_000,
        messages: 480,
        messages_ms: 3_600_000,
        silence_ms: 30_000,
    },
    key_env: None,
    most_symbols: 30,
    can_poll: true,
};

const NAME: &str = "okx";

/// Levels of each side that the deep channel holds.
const MOST_LEVELS: u16 = 400;

/// The venue is asked for a sign of life after this much silence.
const PING_AFTER_NS: u64 = 25_000_000_000;

/// "The connection will soon be closed for a service upgrade."
const UPGRADE: &str = "64008";

/// The books of a connection.
pub fn venue(subscription: &Subscription) -> Box<dyn Venue> {
    let channel = Channel::named(subscription.channel.as_deref().unwrap_or("books"));
    let integrity = match channel.is_complete {
        true => Integrity::Complete,
        false => Integrity::Sequence,
    };
    let mut desk = Desk::new(NAME, subscription, integrity, slashed);
    for book in &mut desk.books {
        book.set_depth(Some(MOST_LEVELS));
    }
    let dialect = Okx {
        channel,
        ids: vec![Ids::default(); subscription.symbols.len()],
        request: 0,
        levels: subscription
            .depth
            .unwrap_or(MOST_LEVELS)
            .clamp(1, MOST_LEVELS),
        text: Vec::new(),
    };
    Box::new(Streamed::new(desk, dialect))
}

struct Channel {
    name: String,
    /// Each message holds all of its levels, so none depends on the one before.
    is_complete: bool,
}

impl Channel {
    fn named(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            is_complete: matches!(name, "books5" | "bbo-tbt"),
        }
    }
}

struct Okx {
    channel: Channel,
    /// Where each book stands in the venue's count.
    ids: Vec<Ids>,
    /// The number of the last request.
    request: u64,
    levels: u16,
    /// Room for the text of a checksum.
    text: Vec<u8>,
}

impl Dialect for Okx {
    fn opened(&mut self, _desk: &mut Desk, _now: Stamp, _out: &mut dyn Sink) {
        self.ids.fill(Ids::default());
    }

    fn plain(&mut self, desk: &mut Desk, text: &[u8]) -> bool {
        let is_pong = text == b"pong";
        if is_pong {
            desk.count(|counters| &mut counters.control);
        }
        is_pong
    }

    fn keep_alive(&self) -> Option<(u64, &'static str)> {
        Some((PING_AFTER_NS, "ping"))
    }

    fn subscribe(&mut self, symbols: &[&str]) -> String {
        self.request = self.request.saturating_add(1);
        format!(
            r#"{{"id":"{}","op":"subscribe","args":{}}}"#,
            self.request,
            self.arguments(symbols)
        )
    }

    fn unsubscribe(&mut self, symbols: &[&str]) -> String {
        format!(
            r#"{{"op":"unsubscribe","args":{}}}"#,
            self.arguments(symbols)
        )
    }

    fn path(&self, symbol: &str) -> String {
        format!("/api/v5/market/books?instId={symbol}&sz={}", self.levels)
    }

    fn message(&mut self, desk: &mut Desk, message: Message<'_>, out: &mut dyn Sink) {
        let json = message.json;
        if let Some(event) = json.get("event") {
            return self.event(desk, event, message, out);
        }
        let channel = json.get("arg").and_then(|arg| arg.get("channel"));
        if !channel.is_some_and(|channel| channel.is(&self.channel.name)) {
            return desk.count(|counters| &mut counters.unknown);
        }
        if let Err(wrong) = self.books(desk, message, out) {
            let index = instrument(json).and_then(|name| desk.find(name));
            desk.wrong(&wrong, index, message.text, out);
        }
    }

    fn polled(
        &mut self,
        desk: &mut Desk,
        index: usize,
        message: Message<'_>,
        out: &mut dyn Sink,
    ) -> Result<(), Wrong> {
        let json = message.json;
        let code = json.get("code").and_then(Json::str);
        let code = code.ok_or("it has no code")?;
        if code != "0" {
            let words = json.get("msg").and_then(Json::str).unwrap_or_default();
            let words = format!("{code}: {words}");
            desk.venue_error(Some(index), &words, out);
            desk.refuse(index, &words, message.received);
            return Ok(());
        }
        let Some(book) = desk.books.get_mut(index) else {
            return Ok(());
        };
        let picture = json.get("data").and_then(|data| data.items().next());
        let picture = picture.ok_or("it has no data")?;
        let id = read_id(picture, "seqId");
        read(book, picture, BookChange::Replace)?;
        book.event.sequence.last = id;
        desk.apply_newer(index, id, message.received, out)
    }
}

impl Okx {
    fn arguments(&self, symbols: &[&str]) -> String {
        let argument = |symbol: &&str| {
            serde_json::json!({"channel": self.channel.name, "instId": symbol}).to_string()
        };
        let arguments: Vec<String> = symbols.iter().map(argument).collect();
        format!("[{}]", arguments.join(","))
    }

    fn event(
        &mut self,
        desk: &mut Desk,
        event: Json<'_>,
        message: Message<'_>,
        out: &mut dyn Sink,
    ) {
        let (json, now) = (message.json, message.received);
        let index = instrument(json).and_then(|name| desk.find(name));
        match event.plain().unwrap_or_default() {
            b"subscribe" => {
                desk.count(|counters| &mut counters.control);
                if let Some(index) = index {
                    desk.subscriptions.acknowledged(index, now.mono_ns);
                }
            }
            b"unsubscribe" => {
                desk.count(|counters| &mut counters.control);
                if let Some(index) = index {
                    desk.subscriptions.left(index, now.mono_ns);
                }
            }
            b"channel-conn-count" => desk.count(|counters| &mut counters.control),
            b"notice" => {
                desk.count(|counters| &mut counters.control);
                let words = json.get("msg").and_then(Json::str).unwrap_or_default();
                desk.notice = Some(PlainText::from_peer(&words));
                if json.get("code").is_some_and(|code| code.is(UPGRADE)) {
                    desk.reconnect(words.trim_end_matches('.'), 0, out);
                }
            }
            b"error" | b"channel-conn-count-error" => error(desk, message, index, out),
            _ => desk.count(|counters| &mut counters.unknown),
        }
    }

    fn books(
        &mut self,
        desk: &mut Desk,
        message: Message<'_>,
        out: &mut dyn Sink,
    ) -> Result<(), Wrong> {
        let json = message.json;
        let name = instrument(json).filter(|name| name.str().is_some());
        let name = name.ok_or("it names no instrument")?;
        let data = json.get("data").filter(|data| data.is_array());
        let data = data.ok_or("it has no data")?;
        let is_snapshot = match json.get("action").and_then(Json::plain) {
            _ if self.channel.is_complete => true,
            Some(b"snapshot") => true,
            Some(b"update") => false,
            _ => return Err("it is neither snapshot nor update".into()),
        };
        let change = match (self.channel.is_complete, is_snapshot) {
            (true, _) => BookChange::Replace,
            (false, true) => BookChange::Snapshot,
            (false, false) => BookChange::Delta {
                depth: Some(MOST_LEVELS),
            },
        };
        let Some(index) = desk.find(name) else {
            desk.count(|counters| &mut counters.foreign_symbol);
            return Ok(());
        };
        let mut count = 0_usize;
        for picture in data.items() {
            self.read(desk, index, picture, change.clone())?;
            count = count.saturating_add(1);
        }
        for picture in data.items() {
            // A book holds one message at a time: what several left there is read again.
            if count > 1 {
                self.read(desk, index, picture, change.clone())?;
            }
            if is_snapshot {
                self.verify(desk, index, message.received, out)?;
            } else {
                self.update(desk, index, message.received, out)?;
            }
        }
        Ok(())
    }

    /// Reads one message into its book, with its ids.
    fn read(
        &self,
        desk: &mut Desk,
        index: usize,
        picture: Json<'_>,
        change: BookChange,
    ) -> Result<(), Wrong> {
        let frame = desk.frame;
        let Some(book) = desk.books.get_mut(index) else {
            return Ok(());
        };
        read(book, picture, change)?;
        book.event.frame = frame;
        let (last, previous) = (read_id(picture, "seqId"), read_id(picture, "prevSeqId"));
        if (last.is_none() || previous.is_none()) && !self.channel.is_complete {
            return Err("its seqId or prevSeqId is missing".into());
        }
        book.event.sequence = Sequence {
            first: None,
            last,
            previous,
        };
        book.event.checksum = match picture.get("checksum") {
            None => None,
            Some(checksum) => Some(checksum.i64().ok_or("its checksum cannot be read")?),
        };
        Ok(())
    }

    /// An update, read: what its ids say of it.
    fn update(
        &mut self,
        desk: &mut Desk,
        index: usize,
        now: Stamp,
        out: &mut dyn Sink,
    ) -> Result<(), Wrong> {
        let (Some(book), Some(ids)) = (desk.books.get_mut(index), self.ids.get_mut(index)) else {
            return Ok(());
        };
        if !book.is_live() {
            book.count(|counters| &mut counters.ignored_desync);
            return Ok(());
        }
        let sequence = book.event.sequence;
        let (Some(seq), Some(previous)) = (sequence.last, sequence.previous) else {
            return Ok(());
        };
        match ids.judge(seq, previous) {
            Verdict::Next => self.verify(desk, index, now, out),
            Verdict::Reset => {
                book.count(|counters| &mut counters.seq_resets);
                self.verify(desk, index, now, out)
            }
            Verdict::KeepAlive => {
                book.count(|counters| &mut counters.keepalives);
                book.prove(now);
                ids.accept(seq, previous);
                if !self.fits(desk, index) {
                    desk.lose(index, ClearReason::Checksum, now, out);
                }
                Ok(())
            }
            Verdict::Duplicate => {
                book.count(|counters| &mut counters.duplicates);
                Ok(())
            }
            Verdict::Late => {
                book.count(|counters| &mut counters.out_of_order);
                Ok(())
            }
            Verdict::Gap => {
                book.count(|counters| &mut counters.gaps);
                desk.lose(index, ClearReason::Gap, now, out);
                Ok(())
            }
        }
    }

    /// Applies the message that was read, unless its checksum says otherwise.
    fn verify(
        &mut self,
        desk: &mut Desk,
        index: usize,
        now: Stamp,
        out: &mut dyn Sink,
    ) -> Result<(), Wrong> {
        let Some(book) = desk.books.get_mut(index) else {
            return Ok(());
        };
        book.stage()?;
        if !self.fits(desk, index) {
            if let Some(book) = desk.books.get_mut(index) {
                book.reject();
            }
            desk.lose(index, ClearReason::Checksum, now, out);
            desk.subscriptions.failed(index, now.mono_ns);
            return Ok(());
        }
        let Some(book) = desk.books.get_mut(index) else {
            return Ok(());
        };
        let sequence = book.event.sequence;
        let is_whole = !matches!(book.event.change, BookChange::Delta { .. });
        book.accept(index, now, out);
        if let (Some(ids), Some(seq), Some(previous)) =
            (self.ids.get_mut(index), sequence.last, sequence.previous)
        {
            ids.accept(seq, previous);
        }
        if is_whole {
            desk.whole(index, now);
        }
        Ok(())
    }

    /// Whether the levels fit the checksum that came; and counts it. 0 and none mean that there is
    /// nothing to be checked.
    fn fits(&mut self, desk: &mut Desk, index: usize) -> bool {
        let Some(book) = desk.books.get_mut(index) else {
            return false;
        };
        match book.event.checksum {
            None | Some(0) => {
                book.count(|counters| &mut counters.crc_skipped);
                true
            }
            Some(want) => {
                book.set_integrity(Integrity::ChecksumTop25);
                let fits = i64::from(checksum::of(book.book(), &mut self.text)) == want;
                book.count(if fits {
                    |counters| &mut counters.crc_ok
                } else {
                    |counters| &mut counters.crc_fail
                });
                fits
            }
        }
    }
}

/// Reads rows and time of one picture.
fn read(
    book: &mut super::tracked::Tracked,
    picture: Json<'_>,
    change: BookChange,
) -> Result<(), Wrong> {
    book.begin(change);
    read_pairs(book, Side::Bid, picture.get("bids"))?;
    read_pairs(book, Side::Ask, picture.get("asks"))?;
    let time = picture.get("ts").and_then(Json::digits);
    let time = time.and_then(millis_ns).ok_or("its ts cannot be read")?;
    book.event.exchange_ns = Some(time);
    Ok(())
}

fn read_id(picture: Json<'_>, name: &str) -> Option<i64> {
    picture.get(name).and_then(Json::digits).and_then(integer)
}

fn instrument(json: Json<'_>) -> Option<Json<'_>> {
    json.get("arg")?.get("instId")
}

/// An error event: by the symbol in its argument or its words, else by what waits for an answer.
fn error(desk: &mut Desk, message: Message<'_>, index: Option<usize>, out: &mut dyn Sink) {
    let text = |name| message.json.get(name).and_then(Json::str);
    let code = text("code").unwrap_or_default();
    let words = text("msg").unwrap_or_default();
    // The words may be about an instrument of somebody else's request.
    let words = format!("{code}: {words}");
    match index {
        Some(index) => {
            desk.venue_error(Some(index), &words, out);
            if desk.subscriptions.is_asked(index) {
                desk.refuse(index, &words, message.received);
            }
        }
        None if words.contains("instId:") => {
            let named = desk.asked_in(&words);
            desk.venue_error(named, &words, out);
            if let Some(index) = named {
                desk.refuse(index, &words, message.received);
            }
        }
        None => desk.refused_with(&words, message.received, out),
    }
}

#[cfg(test)]
mod tests;
