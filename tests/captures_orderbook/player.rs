//! The player: feeds a session's records to a venue, keeps a second book from the changes that the
//! venue reports, and watches what the venue asks for.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use serde_json::Value;
use ttyscope::model::{
    BookChange, BookId, BookState, ClearReason, Fault, FeedWay, Integrity, Scales, Stamp, Trade,
};
use ttyscope::protocol::market::tracked::Tracked;
use ttyscope::protocol::market::venues::VENUES;
use ttyscope::protocol::market::{Answer, Ask, Change, Sink, Subscription, Venue, VenueKind};

use super::{captures, compare};

/// Where the result of a session is, if this is the path of one.
pub fn expected_path(path: &Path) -> Option<PathBuf> {
    let name = path.file_name()?.to_str()?;
    let stem = name
        .strip_suffix(".jsonl.gz")
        .or_else(|| name.strip_suffix(".jsonl"))?;
    Some(path.with_file_name(format!("{stem}.expected.json")))
}

/// A venue's repair may be asked for again after this long without a book.
const OWED_NS: u64 = 10_000_000_000;

/// A session being played.
pub struct Session {
    pub header: Value,
    pub venue: Box<dyn Venue>,
    pub symbols: Vec<String>,
    pub now: Stamp,
    pub heard: Heard,
}

impl Session {
    /// Decimals of a symbol, as the session's head gives them.
    pub fn scales(&self, symbol: &str) -> Scales {
        let scale = |field| {
            let scale = self.header["instruments"][symbol][field].as_u64();
            u8::try_from(scale.unwrap_or(0)).unwrap()
        };
        Scales {
            price: scale("price_scale"),
            size: scale("size_scale"),
        }
    }
}

/// What the venue said, and what follows from it.
pub struct Heard {
    /// Record and receive time of each text frame of the connection.
    frames: Vec<(u64, Stamp)>,
    /// The record being played.
    record: u64,
    now: Stamp,
    pub replicas: Vec<Tracked>,
    pub trades: Vec<Vec<Trade>>,
    /// Every applied update's latency.
    pub latencies: Vec<i64>,
    pub checkpoints: Vec<(u64, usize, compare::Checkpoint)>,
    scales: Vec<Scales>,
    pub faults: u64,
    /// Requests over HTTP that are not answered: book and path.
    fetches: Vec<(usize, String, u64)>,
    /// When each book was last lost, and whether something was asked for since.
    lost: Vec<Option<bool>>,
    /// When each book was last asked for by unsubscribing.
    left: Vec<Option<u64>>,
    pub wrong: Vec<String>,
}

impl Heard {
    fn new(ids: &[BookId], way: FeedWay, integrity: &[Integrity], scales: Vec<Scales>) -> Self {
        let replicas = ids.iter().zip(integrity);
        Self {
            frames: Vec::new(),
            record: 0,
            now: Stamp::default(),
            replicas: replicas
                .map(|(id, integrity)| Tracked::new(id.clone(), way, *integrity))
                .collect(),
            trades: vec![Vec::new(); ids.len()],
            latencies: Vec::new(),
            checkpoints: Vec::new(),
            scales,
            faults: 0,
            fetches: Vec::new(),
            lost: vec![None; ids.len()],
            left: vec![None; ids.len()],
            wrong: Vec::new(),
        }
    }

    fn note(&mut self, what: String) {
        self.wrong.push(format!("record {}: {what}", self.record));
    }

    /// Somebody was asked for the books at `places`.
    fn asked(&mut self, places: impl Iterator<Item = usize>) {
        for place in places {
            if let Some(asked) = &mut self.lost[place] {
                *asked = true;
            }
        }
    }

    /// The books whose symbol stands in a text.
    fn named_in(&self, text: &str) -> Vec<usize> {
        let quoted = |tracked: &Tracked| text.contains(&format!("\"{}\"", tracked.symbol()));
        let places = self.replicas.iter().enumerate();
        let places = places.filter(|(_, tracked)| quoted(tracked));
        places.map(|(place, _)| place).collect()
    }
}

impl Sink for Heard {
    fn book(&mut self, change: Change<'_>) {
        let (index, event) = (change.index, change.event);
        let frame = usize::try_from(event.frame).unwrap();
        let (record, received) = match frame.checked_sub(1) {
            Some(at) => self.frames[at],
            None => (self.record, self.now),
        };
        let replica = &mut self.replicas[index];
        if let Err(error) = replica.replay(event, received) {
            self.wrong.push(format!("record {record}: replay: {error}"));
            return;
        }
        match event.change {
            BookChange::Clear(ClearReason::Closed) => self.lost[index] = None,
            BookChange::Clear(_) => self.lost[index] = Some(false),
            BookChange::Snapshot | BookChange::Replace => {
                if self.lost[index].take() == Some(false) {
                    self.note(format!("book {index} came back without being asked for"));
                }
                self.left[index] = None;
            }
            BookChange::Delta { .. } => {}
        }
        if matches!(event.change, BookChange::Delta { .. } | BookChange::Replace) {
            if let Some(exchange_ns) = event.exchange_ns {
                let received_ns = i64::try_from(received.unix_ns).unwrap();
                self.latencies.push(received_ns - exchange_ns);
            }
            let replica = &self.replicas[index];
            if replica.counters().updates_applied.is_multiple_of(500) {
                let checkpoint = compare::Checkpoint::of(replica, self.scales[index]);
                self.checkpoints.push((record, index, checkpoint));
            }
        }
    }

    fn trade(&mut self, trade: Trade) {
        let place = self.replicas.iter().position(|one| *one.id() == trade.book);
        let Some(place) = place else {
            return self.note(format!("a trade of {:?}, which is no book", trade.book));
        };
        if self.replicas[place].integrity() == Integrity::TradesOnly
            && let Some(exchange_ns) = trade.exchange_ns
        {
            let received_ns = i64::try_from(self.now.unix_ns).unwrap();
            self.latencies.push(received_ns - exchange_ns);
        }
        self.replicas[place].replay_trade(&trade, self.now);
        self.trades[place].push(trade);
    }

    fn fault(&mut self, _book: Option<usize>, _fault: Fault) {
        self.faults += 1;
    }

    fn ask(&mut self, ask: Ask) {
        match ask {
            Ask::Fetch(fetch) => {
                let at = self.now.mono_ns;
                let is_owed = |other: &(usize, String, u64)| {
                    other.0 == fetch.book && at.saturating_sub(other.2) < OWED_NS
                };
                if self.fetches.iter().any(is_owed) {
                    self.note(format!("{} is asked for while it is owed", fetch.path));
                }
                self.asked(std::iter::once(fetch.book));
                self.fetches.push((fetch.book, fetch.path, at));
            }
            Ask::Send(text) => {
                let places = self.named_in(&text);
                if text.contains("unsubscribe") {
                    for &place in &places {
                        let at = self.now.mono_ns;
                        let before = self.left[place].replace(at);
                        if before.is_some_and(|before| at.saturating_sub(before) < OWED_NS) {
                            self.note(format!("book {place} is left twice without coming back"));
                        }
                    }
                }
                self.asked(places.into_iter());
            }
            Ask::Reconnect { .. } => self.asked(0..self.lost.len()),
        }
    }
}

/// Plays a session and says what is not as it should be.
pub fn play(path: &Path) -> Vec<String> {
    let expected = expected_path(path).unwrap();
    let expected: Value = serde_json::from_str(&captures::read_text(&expected)).unwrap();
    let text = captures::read_text(path);
    let mut lines = text.lines().filter(|line| !line.trim().is_empty());
    let header: Value = serde_json::from_str(lines.next().unwrap()).unwrap();
    let records: Vec<Value> = lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let name = header["venue"].as_str().unwrap();
    let Some((kind, channel)) = kind_of(name) else {
        return vec![format!("there is no venue {name:?}")];
    };
    let subscription = subscription(&header, channel, &records);
    let mut session = session(header, kind, &subscription);
    for record in &records {
        play_record(&mut session, record, &records);
    }
    let mut wrong = std::mem::take(&mut session.heard.wrong);
    compare::compare(&session, &expected, &mut wrong);
    wrong
}

fn session(header: Value, kind: &VenueKind, subscription: &Subscription) -> Session {
    let venue = (kind.venue)(subscription);
    let views: Vec<_> = (0..venue.books())
        .map(|index| venue.view(index, 0, Stamp::default()).unwrap())
        .collect();
    let ids: Vec<BookId> = views.iter().map(|view| view.book.clone()).collect();
    let integrity: Vec<Integrity> = views.iter().map(|view| view.integrity).collect();
    let heard = Heard::new(&ids, subscription.way, &integrity, Vec::new());
    let mut session = Session {
        header,
        venue,
        symbols: subscription.symbols.clone(),
        now: Stamp::default(),
        heard,
    };
    let scales = session.symbols.iter().map(|symbol| session.scales(symbol));
    session.heard.scales = scales.collect();
    session
}

/// The venue of a session, and the channel that its name adds: `binance_partial` is `binance` with
/// the channel `partial`.
pub fn kind_of(name: &str) -> Option<(&'static VenueKind, Option<&str>)> {
    let exact = VENUES.iter().find(|kind| kind.name == name);
    if let Some(kind) = exact {
        return Some((kind, None));
    }
    let prefixes = VENUES.iter().filter_map(|kind| {
        let rest = name.strip_prefix(kind.name)?.strip_prefix('_')?;
        Some((kind, Some(rest)))
    });
    prefixes.max_by_key(|(kind, _)| kind.name.len())
}

fn subscription(header: &Value, channel: Option<&str>, records: &[Value]) -> Subscription {
    let config = &header["config"];
    let instruments = header["instruments"].as_object().unwrap();
    let mut symbols: Vec<String> = instruments.keys().cloned().collect();
    if let Some(named) = config["symbols"].as_array() {
        let named = named
            .iter()
            .map(|symbol| symbol.as_str().unwrap().to_owned());
        symbols.extend(named.filter(|symbol| !instruments.contains_key(symbol)));
    }
    let open = records.iter().find(|record| record["k"] == "open");
    // A stream of complete top levels says how many in its name.
    let of_stream = open
        .and_then(|record| record["url"].as_str()?.split("@depth").nth(1))
        .and_then(|rest| {
            rest.split(|c: char| !c.is_ascii_digit())
                .next()?
                .parse()
                .ok()
        });
    let of_config = ["depth", "limit", "snapshot_limit"]
        .iter()
        .find_map(|field| u16::try_from(config[*field].as_u64()?).ok());
    Subscription {
        symbols,
        depth: of_stream.or(of_config),
        way: match open {
            Some(_) => FeedWay::Stream,
            None => FeedWay::Polling,
        },
        poll_ms: config["poll_ms"].as_u64().unwrap_or(500),
        channel: channel.map(str::to_owned),
    }
}

fn play_record(session: &mut Session, record: &Value, records: &[Value]) {
    let rx = record["rx"].as_u64().unwrap();
    let first = records[0]["rx"].as_u64().unwrap();
    let now = |mono_ns| Stamp {
        mono_ns,
        unix_ns: first + mono_ns,
    };
    run_timers(session, rx - first, now);
    session.now = now(rx - first);
    session.heard.now = session.now;
    session.heard.record = record["n"].as_u64().unwrap();
    let (venue, heard) = (&mut session.venue, &mut session.heard);
    let stamp = session.now;
    let data = record["data"].as_str().unwrap_or_default();
    match record["k"].as_str().unwrap() {
        "open" => {
            heard.frames.clear();
            venue.open(stamp, heard);
        }
        "in" => {
            heard.frames.push((heard.record, stamp));
            venue.frame(data.as_bytes(), stamp, heard);
        }
        "http" => play_answer(venue.as_mut(), heard, record, stamp),
        "ping" => venue.ping(stamp),
        "close" => {
            heard.fetches.clear();
            heard.left.fill(None);
            venue.closed(record["reason"].as_str().unwrap_or_default(), stamp, heard);
        }
        // What a client sent is for people.
        "out" | "pong" => {}
        other => heard.note(format!("unknown kind of record {other:?}")),
    }
}

/// Lets every timer fire that is due before `until` on the monotonic clock.
fn run_timers(session: &mut Session, until: u64, now: impl Fn(u64) -> Stamp) {
    for _ in 0..10_000 {
        let Some(due) = session.venue.due().filter(|due| *due <= until) else {
            return;
        };
        // A timer that was due long ago fires when it is looked at.
        let at = now(due.max(session.now.mono_ns));
        session.now = at;
        session.heard.now = at;
        session.venue.time(at, &mut session.heard);
    }
    let due = session.venue.due();
    session.heard.note(format!(
        "timers do not come to rest: due {due:?}, now {until}"
    ));
}

fn play_answer(venue: &mut dyn Venue, heard: &mut Heard, record: &Value, stamp: Stamp) {
    let url = record["url"].as_str().unwrap();
    let asked = heard
        .fetches
        .iter()
        .position(|(_, path, _)| url.ends_with(path));
    let book = match asked {
        Some(at) => heard.fetches.remove(at).0,
        None => {
            let place = heard.fetches.first().map_or(0, |fetch| fetch.0);
            let view = venue.view(place, 0, stamp).unwrap();
            if view.state != BookState::Live {
                let owed: Vec<&String> = heard.fetches.iter().map(|fetch| &fetch.1).collect();
                heard.note(format!("{url} was not asked for, but {owed:?}"));
            }
            place
        }
    };
    let headers: HashMap<String, String> = record["headers"]
        .as_object()
        .into_iter()
        .flatten()
        .map(|(name, value)| {
            (
                name.to_lowercase(),
                value.as_str().unwrap_or_default().to_owned(),
            )
        })
        .collect();
    let answer = Answer {
        book,
        status: u16::try_from(record["status"].as_u64().unwrap()).unwrap(),
        retry_after_s: headers
            .get("retry-after")
            .and_then(|text| text.parse().ok()),
        body: record["data"].as_str().unwrap_or_default().as_bytes(),
    };
    venue.answer(&answer, stamp, heard);
}
