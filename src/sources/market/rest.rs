//! What a venue is asked over HTTP: snapshots, and books where they are polled.
//!
//! One request of a symbol is in flight at a time, so that a slow one of one symbol delays no other.
//! A venue that says "slow down" is left alone by everything of this source.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use tokio::time::Instant;

use super::attempts::Timing;
use super::limit::Limit;
use crate::model::Stamp;
use crate::protocol::market::Fetch;
use crate::sources::net::{Answer, HttpClient, NetError};

/// Requests of one connection's symbols that are in flight at most.
const IN_FLIGHT: usize = 8;

/// What a venue lets be asked over HTTP, and whether it has told us to wait. Shared by all
/// connections of a source.
#[derive(Clone, Debug)]
pub(super) struct RestLimit {
    limit: Limit,
    cost: fn(&str) -> u32,
    held: Arc<Mutex<Held>>,
    timing: Timing,
}

#[derive(Debug, Default)]
struct Held {
    until: Option<Instant>,
    told: Option<(Stamp, u16)>,
}

impl RestLimit {
    /// - `venue`: its short name
    pub(super) fn new(venue: &str, timing: Timing) -> Self {
        // Four fifths of what is published: others may ask from this address too. Sources:
        // order-book specification, 5.4 (weights) and 9; of Kraken and Coinbase, what clients keep to.
        let (most, window_s, cost): (u32, u64, fn(&str) -> u32) = match venue {
            "binance" => (4_800, 60, binance_weight),
            "okx" => (32, 2, |_| 1),
            "kraken" => (8, 10, |_| 1),
            _ => (8, 1, |_| 1),
        };
        Self {
            limit: Limit::new(most, Duration::from_secs(window_s)),
            cost,
            held: Arc::default(),
            timing,
        }
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The venue said to wait, with this status.
    pub(super) fn hold(&self, now: Stamp, status: u16, retry_after_s: Option<u64>) -> Duration {
        let usual = match status {
            418 => self.timing.banned,
            _ => self.timing.limited,
        };
        // A day is as good as for ever, and cannot overflow a clock.
        let wait = retry_after_s.map_or(usual, |s| Duration::from_secs(s.min(86_400)));
        let mut held = self.held();
        let until = Instant::now() + wait;
        if held.until.is_none_or(|before| before < until) {
            held.until = Some(until);
            let wait_ns = u64::try_from(wait.as_nanos()).unwrap_or(u64::MAX);
            let until = Stamp {
                mono_ns: now.mono_ns.saturating_add(wait_ns),
                unix_ns: now.unix_ns.saturating_add(wait_ns),
            };
            held.told = Some((until, status));
        }
        wait
    }

    /// Until when the venue wants no request.
    pub(super) fn held_until(&self, now: Instant) -> Option<Instant> {
        self.held().until.filter(|until| *until > now)
    }

    /// The same for people, with the status it said so with.
    pub(super) fn limited(&self, now: Instant) -> Option<(Stamp, u16)> {
        let held = self.held();
        held.told
            .filter(|_| held.until.is_some_and(|until| until > now))
    }
}

/// Source: order-book specification, 5.4.
fn binance_weight(path: &str) -> u32 {
    let limit = path
        .split(['?', '&'])
        .find_map(|p| p.strip_prefix("limit="));
    let Some(limit) = limit else { return 20 };
    match limit.parse::<u32>().unwrap_or(u32::MAX) {
        0..=100 => 5,
        101..=500 => 25,
        501..=1000 => 50,
        _ => 250,
    }
}

/// What became of a request.
#[derive(Debug)]
pub(super) struct Landed {
    pub book: usize,
    pub result: Result<Answer, NetError>,
}

/// A request that waits.
#[derive(Debug)]
struct Waiting {
    path: String,
    at: Instant,
}

/// The requests of one connection's symbols.
pub(super) struct Requests {
    http: Option<HttpClient>,
    prefix: String,
    limit: RestLimit,
    waiting: BTreeMap<usize, Waiting>,
    flying: FuturesUnordered<BoxFuture<'static, Landed>>,
    in_flight: BTreeSet<usize>,
    /// When the limit has room again.
    room_at: Option<Instant>,
}

impl Requests {
    pub(super) fn new(http: Option<HttpClient>, prefix: String, limit: RestLimit) -> Self {
        Self {
            http,
            prefix,
            limit,
            waiting: BTreeMap::new(),
            flying: FuturesUnordered::new(),
            in_flight: BTreeSet::new(),
            room_at: None,
        }
    }

    /// Takes a request; one of the same book that waits gives way to it.
    pub(super) fn ask(&mut self, fetch: Fetch, now: Instant) {
        let at = now + Duration::from_millis(fetch.after_ms.min(86_400_000));
        let path = fetch.path;
        self.waiting.insert(fetch.book, Waiting { path, at });
    }

    /// Forgets what was asked for; what is in flight is dropped.
    pub(super) fn clear(&mut self) {
        self.waiting.clear();
        self.in_flight.clear();
        self.flying.clear();
    }

    /// When [`Requests::begin`] is wanted.
    pub(super) fn next_due(&self, now: Instant) -> Option<Instant> {
        if self.in_flight.len() >= IN_FLIGHT {
            return None;
        }
        let first = self.free().map(|(_, waiting)| waiting.at).min()?;
        let held = self.limit.held_until(now);
        Some(
            first
                .max(held.unwrap_or(first))
                .max(self.room_at.unwrap_or(first)),
        )
    }

    /// Sends what is due, the longest due first, as far as the venue lets us.
    pub(super) fn begin(&mut self, now: Instant) {
        if self.limit.held_until(now).is_some() {
            return;
        }
        self.room_at = None;
        while self.in_flight.len() < IN_FLIGHT {
            let Some((book, path)) = self.due(now) else {
                return;
            };
            let target = format!("{}{path}", self.prefix);
            if let Err(later) = self.limit.limit.take(now, (self.limit.cost)(&path)) {
                self.room_at = Some(later);
                return;
            }
            self.waiting.remove(&book);
            let Some(http) = self.http.clone() else {
                return;
            };
            self.in_flight.insert(book);
            self.flying.push(Box::pin(async move {
                let result = http.get(&target).await;
                Landed { book, result }
            }));
        }
    }

    /// Requests of books that have none in flight.
    fn free(&self) -> impl Iterator<Item = (&usize, &Waiting)> {
        let waiting = self.waiting.iter();
        waiting.filter(|(book, _)| !self.in_flight.contains(book))
    }

    fn due(&self, now: Instant) -> Option<(usize, String)> {
        self.free()
            .filter(|(_, waiting)| waiting.at <= now)
            .min_by_key(|(_, waiting)| waiting.at)
            .map(|(book, waiting)| (*book, waiting.path.clone()))
    }

    /// The next request that has come to its end; waits for ever if none is in flight. Cancel safe.
    pub(super) async fn landed(&mut self) -> Landed {
        match self.flying.next().await {
            Some(landed) => {
                self.in_flight.remove(&landed.book);
                landed
            }
            None => std::future::pending().await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_are_those_of_the_venue() {
        for (path, weight) in [
            ("/api/v3/depth?symbol=A&limit=20", 5),
            ("/api/v3/depth?limit=100&symbol=A", 5),
            ("/api/v3/depth?symbol=A&limit=500", 25),
            ("/api/v3/depth?symbol=A&limit=1000", 50),
            ("/api/v3/depth?symbol=A&limit=5000", 250),
            ("/api/v3/depth?symbol=A&limit=x", 250),
            ("/api/v3/exchangeInfo", 20),
        ] {
            assert_eq!(binance_weight(path), weight, "{path}");
        }
    }

    fn requests() -> Requests {
        let http = HttpClient::new(
            crate::sources::net::Endpoint::plain("127.0.0.1", 1),
            crate::sources::net::Headers::new(),
        );
        let limit = RestLimit::new("okx", Timing::default());
        Requests::new(Some(http), String::new(), limit)
    }

    fn fetch(book: usize, after_ms: u64) -> Fetch {
        Fetch {
            book,
            path: "/x".to_owned(),
            after_ms,
        }
    }

    #[test]
    fn one_of_a_symbol_is_in_flight_and_others_go_on() {
        let start = Instant::now();
        let mut requests = requests();
        requests.ask(fetch(0, 0), start);
        requests.begin(start);
        requests.ask(fetch(0, 0), start);
        assert_eq!(requests.next_due(start), None);
        requests.ask(fetch(1, 10), start);
        let later = start + Duration::from_millis(10);
        assert_eq!(requests.next_due(start), Some(later));
        requests.begin(later);
        assert_eq!(requests.in_flight.len(), 2);
    }

    #[test]
    fn nothing_is_asked_while_the_venue_wants_nothing() {
        let mut requests = requests();
        let now = Stamp::default();
        requests.limit.hold(now, 429, Some(7));
        let start = Instant::now();
        requests.ask(fetch(0, 0), start);
        requests.begin(start);
        assert!(requests.in_flight.is_empty());
        let due = requests.next_due(start).unwrap();
        assert!(due > start + Duration::from_secs(6));
        assert_eq!(
            requests.limit.limited(start).map(|(_, status)| status),
            Some(429)
        );
    }
}
