//! How differences are joined to a snapshot and to one another.
//!
//! Events are held back until a snapshot comes that they continue. From then on each has to
//! continue the one before; where one does not, the book is lost and the procedure starts again
//! with that event. Source: order-book specification, section 5.4.

use std::collections::VecDeque;

use crate::model::{BookEvent, ClearReason, Stamp};
use crate::protocol::market::Sink;
use crate::protocol::market::tracked::Tracked;

/// Events held back at most; more, and the connection is renewed.
const MOST_HELD: usize = 5_000;
/// When a snapshot that was too old is asked for again.
const TOO_OLD_NS: u64 = 250_000_000;

/// A stream that says nothing for this long may be that of a symbol that does not exist, which only a
/// request for the book tells.
pub(super) const QUIET_NS: u64 = 15_000_000_000;

/// What is to be done next.
pub(super) enum Next {
    Nothing,
    /// A snapshot is wanted.
    Want,
    /// The book lost its thread, for this reason.
    Lost(String),
    /// The snapshot asked for does not do; another may be asked for from then on.
    Failed {
        may_ns: u64,
    },
    /// More events are held back than there is room for.
    Overflow,
}

/// Where an event stands to the last one applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Next,
    Duplicate,
    OutOfOrder,
    Gap,
}

/// Judges an event that covers `first..=until` after one that covered `last_first..=last`.
pub(super) fn place(last: i64, last_first: Option<i64>, first: i64, until: i64) -> Place {
    if until == last && Some(first) == last_first {
        Place::Duplicate
    } else if until <= last {
        Place::OutOfOrder
    } else if first > last.saturating_add(1) {
        Place::Gap
    } else {
        Place::Next
    }
}

/// Whether a snapshot that ends at `last` joins events that begin at `first`.
pub(super) fn joins(last: i64, first: Option<i64>) -> bool {
    first.is_none_or(|first| last.saturating_add(1) >= first)
}

/// The ids of one book.
#[derive(Default)]
pub(super) struct Differences {
    /// The last id applied, and the first of the event it came with; `None` while events are held
    /// back.
    last: Option<(i64, Option<i64>)>,
    held: VecDeque<(BookEvent, Stamp)>,
    /// No room was left: nothing more is taken until the connection is renewed.
    has_overflowed: bool,
    /// When the book is asked for though no event has come, monotonic nanoseconds.
    pub(super) ask_anyway_ns: Option<u64>,
}

impl Differences {
    /// The event that was read into `tracked`.
    pub(super) fn update(
        &mut self,
        tracked: &mut Tracked,
        index: usize,
        received: Stamp,
        out: &mut dyn Sink,
    ) -> Next {
        let Some((last, last_first)) = self.last else {
            return self.hold(tracked, received);
        };
        let sequence = tracked.event.sequence;
        let (Some(first), Some(until)) = (sequence.first, sequence.last) else {
            return Next::Nothing;
        };
        match place(last, last_first, first, until) {
            Place::Duplicate => tracked.count(|counters| &mut counters.duplicates),
            Place::OutOfOrder => tracked.count(|counters| &mut counters.out_of_order),
            Place::Next => match tracked.apply(index, received, out) {
                Ok(()) => self.last = Some((until, Some(first))),
                Err(_) => tracked.count(|counters| &mut counters.schema_errors),
            },
            Place::Gap => {
                self.last = None;
                let held = self.hold(tracked, received);
                return self.lose(tracked, index, (last, first), received, out, held);
            }
        }
        Next::Nothing
    }

    fn hold(&mut self, tracked: &mut Tracked, received: Stamp) -> Next {
        if self.has_overflowed {
            return Next::Nothing;
        }
        if self.held.len() >= MOST_HELD {
            self.has_overflowed = true;
            return Next::Overflow;
        }
        self.ask_anyway_ns = None;
        self.held.push_back((tracked.event.clone(), received));
        tracked.count(|counters| &mut counters.updates_buffered);
        Next::Want
    }

    fn lose(
        &mut self,
        tracked: &mut Tracked,
        index: usize,
        (last, first): (i64, i64),
        received: Stamp,
        out: &mut dyn Sink,
        held: Next,
    ) -> Next {
        tracked.count(|counters| &mut counters.gaps);
        tracked.clear(index, ClearReason::Gap, received, out);
        match held {
            Next::Overflow => Next::Overflow,
            _ => Next::Lost(format!("an update is missing: {first} came after {last}")),
        }
    }

    /// The snapshot that was read into `tracked`; it was limited to `limit` levels.
    pub(super) fn snapshot(
        &mut self,
        tracked: &mut Tracked,
        limit: usize,
        index: usize,
        received: Stamp,
        out: &mut dyn Sink,
    ) -> Next {
        if self.last.is_some() {
            tracked.count(|counters| &mut counters.snapshots_unneeded);
            return Next::Nothing;
        }
        let Some(id) = tracked.event.sequence.last else {
            return Next::Nothing;
        };
        let oldest = self
            .held
            .front()
            .and_then(|(event, _)| event.sequence.first);
        if !joins(id, oldest) {
            tracked.count(|counters| &mut counters.snapshots_rejected);
            return Next::Failed {
                may_ns: received.mono_ns.saturating_add(TOO_OLD_NS),
            };
        }
        tracked.set_limit(limit);
        if tracked.apply(index, received, out).is_err() {
            tracked.count(|counters| &mut counters.snapshots_rejected);
            return Next::Failed {
                may_ns: received.mono_ns,
            };
        }
        self.catch_up(tracked, id, index, out)
    }

    /// Applies what was held back, from the snapshot that ends at `id` on.
    fn catch_up(
        &mut self,
        tracked: &mut Tracked,
        id: i64,
        index: usize,
        out: &mut dyn Sink,
    ) -> Next {
        let mut last = (id, None);
        while let Some((event, received)) = self.held.pop_front() {
            let (Some(first), Some(until)) = (event.sequence.first, event.sequence.last) else {
                continue;
            };
            match place(last.0, last.1, first, until) {
                Place::Duplicate | Place::OutOfOrder => {
                    tracked.count(|counters| &mut counters.buffered_dropped);
                }
                Place::Gap => {
                    self.held.push_front((event, received));
                    return self.lose(tracked, index, (last.0, first), received, out, Next::Want);
                }
                Place::Next => {
                    tracked.recall(&event);
                    match tracked.apply(index, received, out) {
                        Ok(()) => last = (until, Some(first)),
                        Err(_) => tracked.count(|counters| &mut counters.schema_errors),
                    }
                }
            }
        }
        self.last = Some(last);
        Next::Nothing
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_judged_by_what_it_covers() {
        for ((first, until), want) in [
            ((98, 100), Place::Duplicate),
            ((90, 95), Place::OutOfOrder),
            ((99, 100), Place::OutOfOrder),
            ((101, 101), Place::Next),
            ((101, 130), Place::Next),
            ((95, 105), Place::Next),
            ((100, 101), Place::Next),
            ((102, 110), Place::Gap),
            ((103, 103), Place::Gap),
        ] {
            assert_eq!(
                place(100, Some(98), first, until),
                want,
                "{first}..={until}"
            );
        }
    }

    #[test]
    fn a_snapshot_has_to_reach_the_first_event_held_back() {
        assert!(!joins(498, Some(500)));
        assert!(joins(499, Some(500)));
        assert!(joins(500, Some(500)));
        assert!(joins(730, Some(500)));
        assert!(joins(1, None));
    }
}
