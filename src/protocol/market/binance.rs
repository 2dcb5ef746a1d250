//! Binance spot: differences joined to a snapshot, complete top levels, trades, or polling.
//!
//! Frames come wrapped with the name of their stream, because complete top levels carry no symbol.
//! Source: order-book specification, section 5.

mod differences;
mod reading;

use differences::Differences;
use reading::Trouble;

use super::json::{Json, Tape};
use super::poll::Poll;
use super::repair::{Step, Storm};
use super::symbols::Symbols;
use super::tracked::Tracked;
use super::{Answer, Ask, Fetch, Pace, Sink, Subscription, Venue, VenueKind, faults};
use crate::model::{
    BookChange, BookEvent, BookId, BookView, ClearReason, FeedCounters, FeedWay, Integrity, Stamp,
};

/// Short name in URLs, tables and sentences.
const NAME: &str = "binance";

/// Binance as it is known by name.
pub const KIND: VenueKind = VenueKind {
    name: NAME,
    stream_url: "wss://stream.binance.com:9443",
    rest_url: "https://api.binance.com",
    stream_path,
    venue: |subscription| Box::new(Binance::new(subscription)),
    pace: Pace {
        attempts: 60,
        attempts_ms: 300_000,
        messages: 5,
        messages_ms: 1_000,
        silence_ms: 30_000,
    },
    key_env: None,
    most_symbols: 512,
    can_poll: true,
};

/// The channel of complete top levels in a [`Subscription`].
const PARTIAL: &str = "partial";

fn stream_path(subscription: &Subscription, _key: Option<&str>) -> String {
    let mut path = String::from("/stream?streams=");
    for (i, symbol) in subscription.symbols.iter().enumerate() {
        let symbol = symbol.to_ascii_lowercase();
        let levels = partial_levels(subscription).map_or(String::new(), |n| n.to_string());
        let slash = if i == 0 { "" } else { "/" };
        path.push_str(&format!(
            "{slash}{symbol}@depth{levels}@100ms/{symbol}@trade"
        ));
    }
    path
}

/// Levels of the complete pictures, if it is they that are wanted.
fn partial_levels(subscription: &Subscription) -> Option<u16> {
    let is_partial = subscription.channel.as_deref() == Some(PARTIAL);
    is_partial.then_some(match subscription.depth {
        Some(..=5) => 5,
        Some(6..=10) => 10,
        _ => 20,
    })
}

/// The books of one connection.
struct Binance {
    books: Vec<One>,
    symbols: Symbols,
    tape: Tape,
    counters: FeedCounters,
    /// Text frames of this connection.
    frame: u64,
    way: FeedWay,
    /// Levels asked for over HTTP.
    limit: u16,
    storm: Storm,
    notice: Option<String>,
}

struct One {
    tracked: Tracked,
    kind: Keeping,
}

/// How a book is kept.
enum Keeping {
    /// From differences and a snapshot.
    Differences(Differences),
    /// From complete pictures; the id of the last.
    Partial(Option<i64>),
    /// From polls; the id of the last picture.
    Polled(Poll, Option<i64>),
}

impl Binance {
    fn new(subscription: &Subscription) -> Self {
        let is_polled = subscription.way != FeedWay::Stream;
        let is_partial = partial_levels(subscription).is_some();
        let books = subscription.symbols.iter().map(|symbol| {
            let id = BookId {
                venue: NAME.into(),
                symbol: symbol.to_ascii_uppercase().into(),
            };
            let (kind, integrity) = if is_polled {
                let poll = Poll::new(subscription.poll_ms);
                (Keeping::Polled(poll, None), Integrity::Complete)
            } else if is_partial {
                (Keeping::Partial(None), Integrity::Complete)
            } else {
                let kept = Differences::default();
                (Keeping::Differences(kept), Integrity::Sequence)
            };
            One {
                tracked: Tracked::new(id, subscription.way, integrity),
                kind,
            }
        });
        Self {
            books: books.collect(),
            symbols: Symbols::new(subscription.symbols.iter().map(String::as_str)),
            tape: Tape::default(),
            counters: FeedCounters::default(),
            frame: 0,
            way: subscription.way,
            limit: match (is_polled, subscription.depth) {
                (true, depth) => depth.unwrap_or(20).clamp(1, 5_000),
                (false, Some(1_001..)) => 5_000,
                (false, _) => 1_000,
            },
            storm: Storm::default(),
            notice: None,
        }
    }

    fn message(&mut self, json: Json<'_>, text: &[u8], received: Stamp, out: &mut dyn Sink) {
        let stream = json.get("stream").and_then(Json::plain);
        let data = match (stream, json.get("data")) {
            (Some(_), Some(data)) => data,
            _ => json,
        };
        let result = match data.get("e") {
            Some(event) if event.is("depthUpdate") => self.difference(data, received, out),
            Some(event) if event.is("trade") => self.trade(data, received, out),
            Some(event) if event.is("serverShutdown") => {
                self.shutdown(out);
                Ok(())
            }
            Some(_) => Err(Trouble::Unknown),
            None => match stream.map(reading::split_stream) {
                Some((symbol, channel)) if reading::is_partial(channel) => {
                    self.picture(symbol, data, received, out)
                }
                Some((_, b"bookTicker")) => {
                    add(&mut self.counters.control);
                    Ok(())
                }
                Some(_) => Err(Trouble::Unknown),
                None => self.control(json, out),
            },
        };
        match result {
            Ok(()) => {}
            Err(Trouble::Unknown) => add(&mut self.counters.unknown),
            Err(Trouble::Foreign) => add(&mut self.counters.foreign_symbol),
            Err(Trouble::Unreadable(index, what)) => {
                add(&mut self.counters.schema_errors);
                if let Some(one) = index.and_then(|index| self.books.get_mut(index)) {
                    one.tracked.count(|counters| &mut counters.schema_errors);
                }
                out.fault(index, faults::unreadable(NAME, &what, text));
            }
        }
    }

    /// Answers to what was sent, and errors in both of their shapes.
    fn control(&mut self, json: Json<'_>, out: &mut dyn Sink) -> Result<(), Trouble> {
        let error = json.get("error").unwrap_or(json);
        if let Some(words) = error.get("msg").and_then(Json::str) {
            add(&mut self.counters.venue_errors);
            let code = error.get("code").and_then(Json::i64);
            let code = code.map_or(String::new(), |code| format!(" (code {code})"));
            out.fault(None, faults::venue_error(NAME, &format!("{words}{code}")));
            return Ok(());
        }
        if json.get("result").is_some() && json.get("id").is_some() {
            add(&mut self.counters.control);
            return Ok(());
        }
        Err(Trouble::Unknown)
    }

    fn shutdown(&mut self, out: &mut dyn Sink) {
        add(&mut self.counters.control);
        self.notice = Some("server shutdown".to_owned());
        out.ask(Ask::Reconnect {
            why: "binance announced that this connection will be shut down".to_owned(),
            at_least_ms: 0,
        });
    }

    fn difference(
        &mut self,
        data: Json<'_>,
        received: Stamp,
        out: &mut dyn Sink,
    ) -> Result<(), Trouble> {
        let index = self.symbol(data)?;
        let Some(one) = self.books.get_mut(index) else {
            return Err(Trouble::Foreign);
        };
        reading::difference(&mut one.tracked, data).map_err(|what| what.of(index))?;
        one.tracked.event.frame = self.frame;
        let Keeping::Differences(kept) = &mut one.kind else {
            return Err(Trouble::Unknown);
        };
        let step = kept.update(&mut one.tracked, index, received, out);
        self.follow(index, step, received, out);
        Ok(())
    }

    fn picture(
        &mut self,
        symbol: &[u8],
        data: Json<'_>,
        received: Stamp,
        out: &mut dyn Sink,
    ) -> Result<(), Trouble> {
        let index = self.symbols.find(symbol).ok_or(Trouble::Foreign)?;
        let Some(One { tracked, kind }) = self.books.get_mut(index) else {
            return Err(Trouble::Foreign);
        };
        reading::picture(tracked, data, BookChange::Replace).map_err(|what| what.of(index))?;
        tracked.event.frame = self.frame;
        match kind {
            Keeping::Partial(last) | Keeping::Polled(_, last) => {
                show_picture(tracked, last, index, received, out);
                Ok(())
            }
            Keeping::Differences(_) => Err(Trouble::Unknown),
        }
    }

    fn trade(
        &mut self,
        data: Json<'_>,
        received: Stamp,
        out: &mut dyn Sink,
    ) -> Result<(), Trouble> {
        let index = self.symbol(data)?;
        let Some(one) = self.books.get_mut(index) else {
            return Err(Trouble::Foreign);
        };
        let trade = reading::trade(one.tracked.id(), data).map_err(|what| what.of(index))?;
        one.tracked.trade(trade, received, out);
        Ok(())
    }

    fn symbol(&self, data: Json<'_>) -> Result<usize, Trouble> {
        let symbol = data.get("s").and_then(Json::plain);
        let symbol =
            symbol.ok_or_else(|| Trouble::Unreadable(None, "there is no symbol".into()))?;
        self.symbols.find(symbol).ok_or(Trouble::Foreign)
    }

    /// Does what the repairs of a book want done.
    fn follow(&mut self, index: usize, step: differences::Next, now: Stamp, out: &mut dyn Sink) {
        let books = self.books.len();
        let Some(one) = self.books.get_mut(index) else {
            return;
        };
        let step = match step {
            differences::Next::Nothing => return,
            differences::Next::Lost(why) => {
                out.fault(Some(index), faults::lost(NAME, one.tracked.symbol(), &why));
                if self.storm.lost(index, books, now.mono_ns) {
                    Step::Reconnect
                } else {
                    one.tracked.repair.want(now.mono_ns)
                }
            }
            differences::Next::Want => one.tracked.repair.want(now.mono_ns),
            differences::Next::Overflow => Step::Reconnect,
            differences::Next::Failed { may_ns } => {
                one.tracked.repair.failed_until(now.mono_ns, may_ns)
            }
        };
        self.step(index, step, out);
    }

    fn step(&mut self, index: usize, step: Step, out: &mut dyn Sink) {
        let Some(one) = self.books.get_mut(index) else {
            return;
        };
        match step {
            Step::Wait => {}
            Step::Ask => out.ask(Ask::Fetch(fetch(index, &one.tracked, self.limit))),
            Step::Reconnect => out.ask(Ask::Reconnect {
                why: format!(
                    "the book of {} could not be repaired on this connection",
                    one.tracked.symbol()
                ),
                at_least_ms: 0,
            }),
            Step::GiveUp => {
                let why = "no snapshot came in five requests";
                one.tracked.fail(why);
                let fault = faults::given_up(NAME, one.tracked.symbol(), why);
                out.fault(Some(index), fault);
            }
        }
    }

    /// The answer to a request for a book, if it is one.
    fn read_answer(&mut self, answer: &Answer<'_>, received: Stamp, out: &mut dyn Sink) -> bool {
        if answer.status != 200 {
            return false;
        }
        let mut tape = std::mem::take(&mut self.tape);
        let is_json = match tape.read(answer.body) {
            Ok(json) => {
                self.snapshot(answer.book, json, answer.body, received, out);
                true
            }
            Err(_) => false,
        };
        self.tape = tape;
        is_json
    }

    fn snapshot(
        &mut self,
        index: usize,
        json: Json<'_>,
        body: &[u8],
        received: Stamp,
        out: &mut dyn Sink,
    ) {
        let limit = usize::from(self.limit);
        let Some(One { tracked, kind }) = self.books.get_mut(index) else {
            return;
        };
        let change = match kind {
            Keeping::Differences(_) => BookChange::Snapshot,
            _ => BookChange::Replace,
        };
        let read = reading::picture(tracked, json, change);
        let next = match (kind, read) {
            (kind, Err(what)) => {
                add(&mut self.counters.schema_errors);
                tracked.count(|counters| &mut counters.schema_errors);
                out.fault(Some(index), faults::unreadable(NAME, what.as_str(), body));
                match kind {
                    Keeping::Differences(_) => differences::Next::Failed { may_ns: 0 },
                    _ => differences::Next::Nothing,
                }
            }
            (Keeping::Differences(kept), Ok(())) => {
                kept.snapshot(tracked, limit, index, received, out)
            }
            (Keeping::Partial(last) | Keeping::Polled(_, last), Ok(())) => {
                show_picture(tracked, last, index, received, out);
                differences::Next::Nothing
            }
        };
        self.follow(index, next, received, out);
    }
}

/// Shows a complete picture unless it is not newer than the one before.
fn show_picture(
    tracked: &mut Tracked,
    last: &mut Option<i64>,
    index: usize,
    received: Stamp,
    out: &mut dyn Sink,
) {
    let id = tracked.event.sequence.last;
    match (id, *last) {
        (Some(id), Some(last)) if id == last => {
            tracked.count(|counters| &mut counters.duplicates);
            tracked.prove(received);
        }
        (Some(id), Some(last)) if id < last => {
            tracked.count(|counters| &mut counters.out_of_order);
        }
        _ => match tracked.apply(index, received, out) {
            Ok(()) => *last = id,
            Err(_) => tracked.count(|counters| &mut counters.schema_errors),
        },
    }
}

/// What the venue says of a symbol that it does not know. Source: its error codes, -1121 "Invalid
/// symbol".
fn refusal(tape: &mut Tape, answer: &Answer<'_>) -> Option<String> {
    if answer.status != 400 {
        return None;
    }
    let json = tape.read(answer.body).ok()?;
    let is_unknown = json.get("code").and_then(Json::i64) == Some(-1121);
    let words = json.get("msg").and_then(Json::str)?;
    is_unknown.then(|| words.to_string())
}

fn fetch(index: usize, tracked: &Tracked, limit: u16) -> Fetch {
    Fetch {
        book: index,
        path: format!("/api/v3/depth?symbol={}&limit={limit}", tracked.symbol()),
        after_ms: 0,
    }
}

fn add(counter: &mut u64) {
    *counter = counter.saturating_add(1);
}

impl Venue for Binance {
    fn open(&mut self, now: Stamp, out: &mut dyn Sink) {
        if self.way == FeedWay::Stream {
            add(&mut self.counters.connections);
        }
        self.frame = 0;
        self.notice = None;
        for one in &mut self.books {
            one.tracked.repair.reset();
            one.tracked.starting("waiting for snapshot");
            if let Keeping::Differences(kept) = &mut one.kind {
                let quiet = now.mono_ns.saturating_add(differences::QUIET_NS);
                kept.ask_anyway_ns = Some(quiet);
            }
        }
        self.time(now, out);
    }

    fn frame(&mut self, text: &[u8], received: Stamp, out: &mut dyn Sink) {
        add(&mut self.counters.frames);
        add(&mut self.frame);
        let mut tape = std::mem::take(&mut self.tape);
        match tape.read(text) {
            Ok(json) => self.message(json, text, received, out),
            Err(error) => {
                add(&mut self.counters.parse_errors);
                out.fault(None, faults::not_json(NAME, error.at, text));
            }
        }
        self.tape = tape;
    }

    fn answer(&mut self, answer: &Answer<'_>, received: Stamp, out: &mut dyn Sink) {
        let now_ns = received.mono_ns;
        if let Some(One {
            kind: Keeping::Polled(poll, _),
            ..
        }) = self.books.get_mut(answer.book)
        {
            poll.answered(now_ns, answer.status, answer.retry_after_s);
        }
        if self.read_answer(answer, received, out) {
            return;
        }
        let Some(one) = self.books.get_mut(answer.book) else {
            return;
        };
        add(&mut self.counters.http_errors);
        one.tracked.count(|counters| &mut counters.http_errors);
        if let Some(words) = refusal(&mut self.tape, answer) {
            match &mut one.kind {
                Keeping::Polled(poll, _) => poll.refused(now_ns),
                Keeping::Differences(_) | Keeping::Partial(_) => one.tracked.repair.give_up(),
            }
            one.tracked.count(|counters| &mut counters.venue_errors);
            one.tracked.fail(words.as_str());
            let words = format!("{}: {words}", one.tracked.symbol());
            out.fault(Some(answer.book), faults::venue_error(NAME, &words));
            return;
        }
        let fault = faults::http(NAME, one.tracked.symbol(), answer.status);
        out.fault(Some(answer.book), fault);
        if matches!(one.kind, Keeping::Differences(_)) {
            let wait_ns = answer
                .retry_after_s
                .unwrap_or(0)
                .saturating_mul(1_000_000_000);
            let may_ns = now_ns.saturating_add(wait_ns);
            let next = differences::Next::Failed { may_ns };
            self.follow(answer.book, next, received, out);
        }
    }

    fn ping(&mut self, _received: Stamp) {
        add(&mut self.counters.pings);
    }

    fn closed(&mut self, _why: &str, received: Stamp, out: &mut dyn Sink) {
        if self.way == FeedWay::Stream {
            add(&mut self.counters.closes);
        }
        for (index, one) in self.books.iter_mut().enumerate() {
            one.tracked.repair.reset();
            one.tracked.clear(index, ClearReason::Closed, received, out);
            match &mut one.kind {
                Keeping::Differences(kept) => *kept = Differences::default(),
                Keeping::Partial(last) | Keeping::Polled(_, last) => *last = None,
            }
        }
    }

    fn time(&mut self, now: Stamp, out: &mut dyn Sink) {
        for index in 0..self.books.len() {
            let Some(one) = self.books.get_mut(index) else {
                return;
            };
            if let Keeping::Polled(poll, _) = &mut one.kind {
                if poll.time(now.mono_ns) {
                    out.ask(Ask::Fetch(fetch(index, &one.tracked, self.limit)));
                }
            } else {
                let mut step = one.tracked.repair.time(now.mono_ns);
                if let Keeping::Differences(kept) = &mut one.kind
                    && kept.ask_anyway_ns.is_some_and(|at| at <= now.mono_ns)
                {
                    kept.ask_anyway_ns = None;
                    step = one.tracked.repair.want(now.mono_ns);
                }
                self.step(index, step, out);
            }
        }
    }

    fn due(&self) -> Option<u64> {
        let due = self.books.iter().filter_map(|one| match &one.kind {
            Keeping::Polled(poll, _) => Some(poll.due()),
            Keeping::Differences(kept) => {
                let due = [kept.ask_anyway_ns, one.tracked.repair.due()];
                due.into_iter().flatten().min()
            }
            Keeping::Partial(_) => one.tracked.repair.due(),
        });
        due.min()
    }

    fn books(&self) -> usize {
        self.books.len()
    }

    fn view(&self, index: usize, levels: usize, now: Stamp) -> Option<BookView> {
        Some(self.books.get(index)?.tracked.view(levels, now))
    }

    fn version(&self, index: usize) -> u64 {
        self.books.get(index).map_or(0, |one| one.tracked.version())
    }

    fn whole(&self, index: usize) -> Option<BookEvent> {
        self.books.get(index)?.tracked.whole()
    }

    fn counters(&self) -> FeedCounters {
        self.counters
    }

    fn notice(&self) -> Option<&str> {
        self.notice.as_deref()
    }
}

#[cfg(test)]
mod tests;
