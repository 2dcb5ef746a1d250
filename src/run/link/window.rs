//! How many bytes may be under way to the terminal, learned from how long answers take.
//!
//! An answer that takes longer than the shortest one has waited behind bytes of ours. While such
//! waits are short the window grows; when they become long it shrinks to what the link was seen to
//! deliver in one undisturbed round trip, and a little. Source of the idea: TCP Vegas (Brakmo,
//! O'Malley, Peterson, 1994) for growth by delay, and BBR (Cardwell et al., ACM Queue 14(5), 2016)
//! for delivery rates and for looking for the shortest round trip again from time to time.

use std::collections::VecDeque;

use super::questions::Question;

const MS: u64 = 1_000_000;
/// How long bytes may wait behind others of ours: what a key's echo may lose.
const QUEUE_NS: u64 = 25 * MS;
/// Waits longer than this make the window smaller.
const LONG_NS: u64 = 2 * QUEUE_NS;
/// Small enough for any link, large enough for the echo of a key.
pub const LEAST: u64 = 256;
/// What may be under way when answers have stayed away: little, but more than one piece. A terminal
/// that always answers the question before the last would else never be sent a second one.
const CLOSED: u64 = 4 * LEAST;
/// What is tried on a link of which nothing is known.
const FIRST: u64 = 8 * 1024;
/// No terminal needs more: whole screens of the largest size.
const MOST: u64 = 2 * 1024 * 1024;
/// A shortest round trip older than this is looked for again: routes change.
const FLOOR_HOLDS_NS: u64 = 10_000 * MS;
/// How long a delivery rate counts.
const RATE_HOLDS_NS: u64 = 2_000 * MS;
/// Rates kept; they fall from the front, so few are ever there.
const RATES: usize = 64;

/// The window and what it was learned from.
#[derive(Debug)]
pub struct Window {
    bytes: u64,
    /// Has not yet met the link's limit.
    starting: bool,
    /// The shortest round trip, and when it was last seen.
    floor: Option<(u64, u64)>,
    /// While it is looked for again: when that began, and the shortest since.
    search: Option<(u64, Option<u64>)>,
    smoothed_ns: Option<u64>,
    /// Not before this is the window made smaller again: what was changed has to show first.
    next_cut_ns: u64,
    /// Bytes a second and when, falling: the first is the largest of those that count.
    rates: VecDeque<(u64, f64)>,
}

impl Default for Window {
    fn default() -> Self {
        Self {
            bytes: FIRST,
            starting: true,
            floor: None,
            search: None,
            smoothed_ns: None,
            next_cut_ns: 0,
            rates: VecDeque::new(),
        }
    }
}

impl Window {
    /// Bytes that may be under way now.
    pub fn bytes(&self) -> u64 {
        match self.search {
            // With half of it nothing waits: the round trip is the link's own.
            Some(_) => (self.bytes / 2).max(LEAST),
            None => self.bytes,
        }
    }

    /// The smoothed round trip, nanoseconds.
    pub fn round_trip_ns(&self) -> Option<u64> {
        self.smoothed_ns
    }

    /// What the link is trusted to take, bytes a second. A lower bound: a link that has never been
    /// filled can do more.
    pub fn rate(&self) -> Option<f64> {
        let (floor_ns, _) = self.floor?;
        Some(self.bytes as f64 * 1e9 / (floor_ns + QUEUE_NS) as f64)
    }

    /// Whether the link has not yet been seen to be full.
    pub fn is_starting(&self) -> bool {
        self.starting
    }

    /// An answer came: learns from it. `delivered` bytes were answered for since the one before.
    pub fn learn(&mut self, now_ns: u64, question: &Question, delivered: u64) {
        let trip_ns = now_ns.saturating_sub(question.asked_ns).max(1);
        self.smoothed_ns = Some(match self.smoothed_ns {
            None => trip_ns,
            Some(smoothed) => (smoothed * 7 + trip_ns) / 8,
        });
        let floor_ns = self.find_floor(now_ns, question.asked_ns, trip_ns);
        self.note_rate(now_ns, question);
        let waited_ns = trip_ns - floor_ns.min(trip_ns);
        if waited_ns > LONG_NS {
            self.starting = false;
            if now_ns >= self.next_cut_ns {
                self.cut(now_ns, floor_ns, trip_ns);
            }
        } else if waited_ns <= QUEUE_NS && question.filled && self.search.is_none() {
            let more = if self.starting {
                delivered
            } else {
                delivered / 4
            };
            self.bytes = (self.bytes + more).min(MOST);
        }
    }

    /// Answers do not come any more: as little as possible goes out until they do.
    pub fn close(&mut self) {
        self.bytes = CLOSED;
        self.starting = true;
        self.search = None;
        self.rates.clear();
    }

    /// The shortest round trip with this one taken in.
    fn find_floor(&mut self, now_ns: u64, asked_ns: u64, trip_ns: u64) -> u64 {
        let (floor_ns, seen_ns) = self.floor.unwrap_or((trip_ns, now_ns));
        if trip_ns <= floor_ns {
            self.floor = Some((trip_ns, now_ns));
            self.search = None;
            return trip_ns;
        }
        self.search = match self.search {
            None if now_ns.saturating_sub(seen_ns) > FLOOR_HOLDS_NS => Some((now_ns, None)),
            Some((began_ns, least_ns)) if asked_ns >= began_ns => {
                let least_ns = least_ns.unwrap_or(trip_ns).min(trip_ns);
                Some((began_ns, Some(least_ns)))
            }
            search => search,
        };
        // What went out before the search began had to leave first: two round trips.
        if let Some((began_ns, Some(least_ns))) = self.search
            && now_ns.saturating_sub(began_ns) > 2 * trip_ns
        {
            self.floor = Some((least_ns, now_ns));
            self.search = None;
            return least_ns;
        }
        floor_ns
    }

    fn note_rate(&mut self, now_ns: u64, question: &Question) {
        let took_ns = now_ns.saturating_sub(question.delivered_ns).max(1);
        let bytes = question.sent.saturating_sub(question.delivered);
        let rate = bytes as f64 * 1e9 / took_ns as f64;
        while self.rates.back().is_some_and(|(_, older)| *older <= rate) {
            self.rates.pop_back();
        }
        let is_over = |at_ns: u64| now_ns.saturating_sub(at_ns) > RATE_HOLDS_NS;
        while self.rates.front().is_some_and(|(at_ns, _)| is_over(*at_ns)) {
            self.rates.pop_front();
        }
        if self.rates.len() < RATES {
            self.rates.push_back((now_ns, rate));
        }
    }

    fn cut(&mut self, now_ns: u64, floor_ns: u64, trip_ns: u64) {
        let rate = self.rates.front().map_or(0.0, |(_, rate)| *rate);
        let fits = rate * (floor_ns + QUEUE_NS) as f64 / 1e9;
        let waited_ns = trip_ns.saturating_sub(floor_ns);
        let fits = if waited_ns > 2 * LONG_NS {
            fits * 0.75
        } else {
            fits
        };
        self.bytes = self.bytes.min(fits as u64).max(LEAST);
        self.next_cut_ns = now_ns + trip_ns;
    }
}
