//! How the connections of a source stand, in one state: the worst that is true of all of them.

use std::time::Duration;

use tokio::time::Instant;

use super::driver::Standing;
use crate::model::{
    EndReason, FeedCounters, FeedHealth, FeedWay, LinkState, Percentiles, PlainText, Stamp,
};

/// How one connection stands.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Status {
    pub line: Line,
    /// How its books come now.
    pub way: FeedWay,
    pub standing: Standing,
    /// None of its books has been live since then.
    pub nothing_live_since: Option<Instant>,
    pub last_frame: Option<Stamp>,
    pub counters: FeedCounters,
    pub waiting_to_send: u16,
    pub notice: Option<String>,
    pub apply: Percentiles,
    /// What the server calls itself, if it is one of our simulators.
    pub simulator: Option<PlainText>,
}

/// How its socket, or its polling, stands.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Line {
    Connecting {
        attempt: u32,
    },
    Up,
    Down {
        reason: EndReason,
        detail: String,
        retry_at: Option<Instant>,
    },
}

impl Status {
    pub(super) fn new(way: FeedWay, books: usize) -> Self {
        Self {
            line: Line::Connecting { attempt: 1 },
            way,
            standing: Standing {
                books: u16::try_from(books).unwrap_or(u16::MAX),
                ..Standing::default()
            },
            nothing_live_since: None,
            last_frame: None,
            counters: FeedCounters::default(),
            waiting_to_send: 0,
            notice: None,
            apply: Percentiles::default(),
            simulator: None,
        }
    }
}

/// Connected, and no book is live for this long: that is told as what it is.
const SILENT_AFTER: Duration = Duration::from_secs(10);

/// The state of the source.
pub(super) fn link(connections: &[Status], now: Instant) -> LinkState {
    let stands_in = |c: &Status| c.way == FeedWay::Fallback && c.standing.live > 0;
    let serves = |c: &&Status| c.line == Line::Up || stands_in(c);
    let up = connections.iter().filter(serves).count();
    if up == 0 {
        return nothing_up(connections, now);
    }
    let missing = |missing: String| LinkState::Stale {
        missing: PlainText::from(missing),
    };
    let why = connections.iter().find_map(|c| match &c.line {
        Line::Down { detail, .. } => Some(format!("; {detail}")),
        _ => None,
    });
    let why = why.unwrap_or_default();
    if up < connections.len() {
        return missing(format!("{up} of {} connections{why}", connections.len()));
    }
    if connections.iter().any(stands_in) {
        return missing(format!(
            "asked for over HTTP, because the stream does not stand{why}"
        ));
    }
    let is_silent = |c: &Status| {
        let since = c.nothing_live_since;
        since.is_some_and(|since| now.saturating_duration_since(since) >= SILENT_AFTER)
    };
    match connections.iter().filter(|c| is_silent(c)).count() {
        0 if connections.iter().all(|c| c.standing.live == 0) => LinkState::Connected,
        0 => LinkState::Live,
        silent if silent == connections.len() => {
            missing("connected, and no book is live".to_owned())
        }
        silent => missing(format!(
            "{silent} of {} connections have no live book",
            connections.len()
        )),
    }
}

fn nothing_up(connections: &[Status], now: Instant) -> LinkState {
    let mut down = None;
    let mut first_try: Option<Instant> = None;
    let mut attempt = None;
    for connection in connections {
        match &connection.line {
            Line::Up => {}
            Line::Connecting { attempt: number } => attempt = attempt.max(Some(*number)),
            Line::Down {
                reason,
                detail,
                retry_at,
            } => {
                down.get_or_insert((*reason, detail));
                if let Some(at) = retry_at {
                    first_try = Some(first_try.map_or(*at, |first| first.min(*at)));
                }
            }
        }
    }
    match (attempt, down) {
        (Some(attempt), _) => LinkState::Connecting { attempt },
        (None, Some((reason, detail))) => LinkState::Down {
            reason,
            detail: PlainText::from(detail.clone()),
            retry_in: first_try.map(|at| at.saturating_duration_since(now)),
        },
        (None, None) => LinkState::Connecting { attempt: 1 },
    }
}

/// Whether two states tell an operator the same: how long a retry takes changes all the time.
pub(super) fn is_same(one: &LinkState, other: &LinkState) -> bool {
    match (one, other) {
        (
            LinkState::Down {
                reason,
                detail,
                retry_in,
            },
            LinkState::Down {
                reason: other_reason,
                detail: other_detail,
                retry_in: other_retry,
            },
        ) => {
            reason == other_reason
                && detail == other_detail
                && retry_in.is_some() == other_retry.is_some()
        }
        _ => one == other,
    }
}

/// What is the same for all connections of a source.
pub(super) struct Whole {
    pub venue: PlainText,
    pub fresh_for_ns: u64,
    pub attempts_left: u32,
    pub limited: Option<(Stamp, u16)>,
}

/// The figures of the source.
pub(super) fn feed(connections: &[Status], whole: Whole) -> FeedHealth {
    let narrow = |number: usize| u16::try_from(number).unwrap_or(u16::MAX);
    let sum = |of: fn(&Status) -> u16| {
        let all = connections.iter().map(of);
        all.fold(0_u16, u16::saturating_add)
    };
    let mut counters = FeedCounters::default();
    let mut apply = Percentiles::default();
    for connection in connections {
        counters.add(&connection.counters);
        worst(&mut apply, &connection.apply);
    }
    let way = |way| connections.iter().any(|c| c.way == way);
    FeedHealth {
        venue: whole.venue,
        way: if way(FeedWay::Fallback) {
            FeedWay::Fallback
        } else if way(FeedWay::Polling) {
            FeedWay::Polling
        } else {
            FeedWay::Stream
        },
        connections_up: narrow(connections.iter().filter(|c| c.line == Line::Up).count()),
        connections_wanted: narrow(connections.len()),
        books: sum(|c| c.standing.books),
        books_live: sum(|c| c.standing.live),
        last_frame: connections
            .iter()
            .filter_map(|c| c.last_frame)
            .max_by_key(|stamp| stamp.mono_ns),
        counters,
        rate_hz: connections.iter().map(|c| c.standing.rate_hz).sum(),
        waiting_to_send: sum(|c| c.waiting_to_send),
        attempts_left: u16::try_from(whole.attempts_left).unwrap_or(u16::MAX),
        limited: whole.limited,
        notice: connections
            .iter()
            .find_map(|c| c.notice.as_deref())
            .map(PlainText::from_peer),
        apply,
        fresh_for_ns: whole.fresh_for_ns,
    }
}

/// Percentiles of several windows cannot be added; the worst of each is what matters.
fn worst(all: &mut Percentiles, one: &Percentiles) {
    all.count += one.count;
    all.p50_ns = all.p50_ns.max(one.p50_ns);
    all.p90_ns = all.p90_ns.max(one.p90_ns);
    all.p99_ns = all.p99_ns.max(one.p99_ns);
    all.max_ns = all.max_ns.max(one.max_ns);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(line: Line, live: u16) -> Status {
        let mut status = Status::new(FeedWay::Stream, 5);
        status.line = line;
        status.standing.live = live;
        status
    }

    fn down(retry_at: Option<Instant>) -> Line {
        Line::Down {
            reason: EndReason::TransportClose,
            detail: "it closed".to_owned(),
            retry_at,
        }
    }

    #[test]
    fn the_worst_that_is_true_of_all() {
        let now = Instant::now();
        let words = |connections: &[Status]| match link(connections, now) {
            LinkState::Stale { missing } => missing.to_string(),
            other => other.word().to_owned(),
        };
        let up = || status(Line::Up, 5);
        assert_eq!(words(&[up(), up()]), "live");
        assert_eq!(
            words(&[status(Line::Up, 0), status(Line::Up, 0)]),
            "connected"
        );
        assert_eq!(
            words(&[up(), up(), up(), status(down(Some(now)), 0)]),
            "3 of 4 connections; it closed"
        );
        assert_eq!(
            words(&[up(), status(Line::Connecting { attempt: 3 }, 0)]),
            "1 of 2 connections"
        );
        assert_eq!(
            words(&[status(down(None), 0), status(down(Some(now)), 0)]),
            "down"
        );
        let connecting = status(Line::Connecting { attempt: 2 }, 0);
        assert_eq!(words(&[status(down(None), 0), connecting]), "connecting");
        let mut silent = status(Line::Up, 0);
        silent.nothing_live_since = Some(now - SILENT_AFTER);
        assert_eq!(words(&[silent.clone()]), "connected, and no book is live");
        assert_eq!(
            words(&[silent, up()]),
            "1 of 2 connections have no live book"
        );
    }

    #[test]
    fn the_next_try_of_any_is_told_and_none_if_there_is_none() {
        let now = Instant::now();
        let at = |s| Some(now + Duration::from_secs(s));
        let retry = |connections: &[Status]| match link(connections, now) {
            LinkState::Down { retry_in, .. } => retry_in,
            other => panic!("{other:?}"),
        };
        assert_eq!(
            retry(&[status(down(at(5)), 0), status(down(at(2)), 0)]),
            Some(Duration::from_secs(2))
        );
        assert_eq!(retry(&[status(down(None), 0)]), None);
    }
}
