//! The subscriptions of one streaming connection: which book is asked for, acknowledged, left or
//! owed a snapshot, and what is to be sent next.
//!
//! One exchange of messages is in flight per book. A book that keeps breaking is asked for ever
//! more rarely, and holds up no other. Times are monotonic nanoseconds. Nothing is sent here: a
//! venue turns each [`Todo`] into its own message, several books in one where it can.
//!
//! Source: order-book specification, section 4.

use std::collections::VecDeque;

use super::repair::{Repair, Step, Storm};

const SECOND_NS: u64 = 1_000_000_000;

/// A subscription is to be acknowledged within this.
const ACKNOWLEDGED_WITHIN_NS: u64 = 10 * SECOND_NS;

/// The end of a subscription is to be acknowledged within this; then we go on without.
const LEFT_WITHIN_NS: u64 = 5 * SECOND_NS;

/// How long after a snapshot a book may be asked for again that broke once more, by how often it
/// did. The first five are the specification's; a book that is worse than that waits longer, since
/// some venues count requests by the hour.
const BETWEEN_BREAKS_NS: [u64; 8] = [
    SECOND_NS / 2,
    SECOND_NS,
    2 * SECOND_NS,
    4 * SECOND_NS,
    8 * SECOND_NS,
    16 * SECOND_NS,
    32 * SECOND_NS,
    60 * SECOND_NS,
];

/// A book that held for this long is a good one again.
const HELD_NS: u64 = 60 * SECOND_NS;

/// What is to be done now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Todo {
    /// Subscribe to the book of this index.
    Subscribe(usize),
    /// Unsubscribe from it; to subscribe again is said when the venue has acknowledged.
    Unsubscribe(usize),
    /// Its snapshot never came, however often it was asked for: it has failed.
    GiveUp(usize),
    /// Renew the connection, for this reason.
    Reconnect(&'static str),
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Stage {
    /// No message is to be sent: the book is whole, refused or given up, or its repair plans.
    #[default]
    Idle,
    /// It broke soon after the last snapshot; it is asked for then.
    Resting { at_ns: u64 },
    /// It waits until another one is answered, because a refusal did not say whose it was.
    Queued,
    /// Unsubscribed; subscribes on the acknowledgement, or then.
    Leaving { at_ns: u64 },
    /// Subscribed, not acknowledged; sent again then, once.
    Asked { at_ns: u64, again: bool },
    /// Acknowledged; the repair knows how long its snapshot may be owed.
    Owed,
}

#[derive(Clone, Debug, Default)]
struct Subscription {
    stage: Stage,
    repair: Repair,
    /// It was subscribed on this connection, so it has to be left before it is asked for again.
    was_asked: bool,
    /// It was whole on this connection, so what is owed is a repair and not the first snapshot.
    was_whole: bool,
    /// When it became whole last.
    whole_ns: u64,
    /// How often it broke since it last held.
    breaks: usize,
}

impl Subscription {
    fn due(&self) -> Option<u64> {
        match self.stage {
            Stage::Resting { at_ns } | Stage::Leaving { at_ns } | Stage::Asked { at_ns, .. } => {
                Some(at_ns)
            }
            Stage::Queued => None,
            Stage::Idle | Stage::Owed => self.repair.due(),
        }
    }

    fn is_idle(&self) -> bool {
        self.stage == Stage::Idle && self.repair.due().is_none()
    }
}

/// The subscriptions of one connection.
#[derive(Debug, Default)]
pub struct Subscriptions {
    books: Vec<Subscription>,
    storm: Storm,
    todo: VecDeque<Todo>,
    /// Books that are asked for one at a time; the first is being asked for.
    alone: VecDeque<usize>,
    is_ending: bool,
    due: Option<u64>,
}

impl Subscriptions {
    /// For `books` books. Nothing is asked for before [`Subscriptions::opened`].
    pub fn new(books: usize) -> Self {
        Self {
            books: vec![Subscription::default(); books],
            ..Self::default()
        }
    }

    /// The connection stands: every book is asked for, except those that `skip` names.
    pub fn opened(&mut self, now_ns: u64, skip: impl Fn(usize) -> bool) {
        self.closed();
        for index in 0..self.books.len() {
            if !skip(index) {
                self.want(index, now_ns);
            }
        }
        self.plan();
    }

    /// The connection ended: nothing is owed on it.
    pub fn closed(&mut self) {
        *self = Self::new(self.books.len());
    }

    /// The book is not to be trusted any more. Does nothing if it is being repaired: a busy book
    /// brings faults faster than a repair takes.
    pub fn broke(&mut self, index: usize, now_ns: u64) {
        if !self.begin(index, now_ns) {
            return;
        }
        if self.storm.lost(index, self.books.len(), now_ns) {
            self.end("more than half of its books broke within a second");
        }
        self.plan();
    }

    /// One fault of the connection broke every book. All of them are asked for in one exchange of
    /// messages, so it is no storm.
    pub fn all_broke(&mut self, now_ns: u64) {
        for index in 0..self.books.len() {
            self.begin(index, now_ns);
        }
        self.plan();
    }

    /// The venue acknowledged that the book is not subscribed any more.
    pub fn left(&mut self, index: usize, now_ns: u64) {
        if matches!(self.stage(index), Some(Stage::Leaving { .. })) {
            self.subscribe(index, now_ns);
            self.plan();
        }
    }

    /// The venue acknowledged the subscription of the book.
    pub fn acknowledged(&mut self, index: usize, now_ns: u64) {
        if let Some(book) = self.books.get_mut(index)
            && matches!(book.stage, Stage::Asked { .. })
        {
            book.stage = Stage::Owed;
            self.answered(index, now_ns);
            self.plan();
        }
    }

    /// A snapshot made the book whole.
    pub fn whole(&mut self, index: usize, now_ns: u64) {
        let Some(book) = self.books.get_mut(index) else {
            return;
        };
        let was_idle = book.is_idle();
        book.stage = Stage::Idle;
        book.repair.done();
        book.was_whole = true;
        book.whole_ns = now_ns;
        if !was_idle {
            self.answered(index, now_ns);
            self.plan();
        }
    }

    /// The snapshot that was asked for came and is wrong.
    pub fn failed(&mut self, index: usize, now_ns: u64) {
        if let Some(book) = self.books.get_mut(index)
            && book.repair.is_in_flight()
            && matches!(book.stage, Stage::Asked { .. } | Stage::Owed)
        {
            book.stage = Stage::Idle;
            let step = book.repair.failed(now_ns);
            self.follow(index, step, now_ns);
            self.answered(index, now_ns);
            self.plan();
        }
    }

    /// The venue refused the book: it is not asked for again on this connection.
    pub fn refused(&mut self, index: usize, now_ns: u64) {
        if let Some(book) = self.books.get_mut(index) {
            book.stage = Stage::Idle;
            book.repair.give_up();
            self.answered(index, now_ns);
            self.plan();
        }
    }

    /// The venue refused a subscription and did not say whose. If only one book can be meant it is
    /// refused, and its index is returned; otherwise those that can be meant are asked for one by
    /// one, so that the next refusal tells.
    pub fn refused_one(&mut self, now_ns: u64) -> Option<usize> {
        let asked: VecDeque<usize> = (0..self.books.len())
            .filter(|index| self.is_asked(*index))
            .collect();
        match (asked.front().copied(), asked.len()) {
            (Some(only), 1) => {
                self.refused(only, now_ns);
                Some(only)
            }
            (Some(first), _) => {
                for index in &asked {
                    if let Some(book) = self.books.get_mut(*index) {
                        book.stage = Stage::Queued;
                    }
                }
                self.alone = asked;
                self.subscribe(first, now_ns);
                self.plan();
                None
            }
            (None, _) => None,
        }
    }

    /// A message that asked for several books was refused because of another of them: those still
    /// unanswered are asked for anew.
    pub fn ask_again(&mut self, now_ns: u64) {
        for index in 0..self.books.len() {
            if self.is_asked(index) {
                self.subscribe(index, now_ns);
            }
        }
        self.plan();
    }

    /// Whether a subscription of the book waits for its acknowledgement.
    pub fn is_asked(&self, index: usize) -> bool {
        matches!(self.stage(index), Some(Stage::Asked { .. }))
    }

    /// Renews the connection, once.
    pub fn end(&mut self, why: &'static str) {
        if !self.is_ending {
            self.is_ending = true;
            self.todo.clear();
            self.todo.push_back(Todo::Reconnect(why));
            self.due = None;
        }
    }

    /// The next thing to do.
    pub fn next_todo(&mut self) -> Option<Todo> {
        self.todo.pop_front()
    }

    /// When [`Subscriptions::time`] is wanted.
    pub fn due(&self) -> Option<u64> {
        self.due
    }

    /// Time has come to [`Subscriptions::due`].
    pub fn time(&mut self, now_ns: u64) {
        if self.due.is_none_or(|due| due > now_ns) {
            return;
        }
        for index in 0..self.books.len() {
            let due = self.books.get(index).and_then(Subscription::due);
            if due.is_some_and(|due| due <= now_ns) {
                self.late(index, now_ns);
            }
        }
        self.plan();
    }

    fn stage(&self, index: usize) -> Option<Stage> {
        self.books.get(index).map(|book| book.stage)
    }

    /// What the book waited for did not come in time.
    fn late(&mut self, index: usize, now_ns: u64) {
        let Some(book) = self.books.get_mut(index) else {
            return;
        };
        match book.stage {
            Stage::Queued => {}
            Stage::Resting { .. } => {
                book.stage = Stage::Idle;
                self.want(index, now_ns);
            }
            Stage::Leaving { .. } => self.subscribe(index, now_ns),
            Stage::Asked { again: false, .. } => {
                book.stage = Stage::Asked {
                    at_ns: now_ns.saturating_add(ACKNOWLEDGED_WITHIN_NS),
                    again: true,
                };
                self.push(Todo::Subscribe(index));
            }
            Stage::Asked { again: true, .. } => self.end("a subscription was not acknowledged"),
            Stage::Idle | Stage::Owed => {
                // A repair that brings nothing has failed; a first snapshot is only late.
                let step = if book.was_whole && book.repair.is_in_flight() {
                    book.stage = Stage::Idle;
                    match book.repair.failed(now_ns) {
                        // Waiting took longer than the pause between attempts.
                        Step::Wait => book.repair.time(now_ns),
                        step => step,
                    }
                } else {
                    book.repair.time(now_ns)
                };
                self.follow(index, step, now_ns);
            }
        }
    }

    /// Whether the book was not being repaired already.
    fn begin(&mut self, index: usize, now_ns: u64) -> bool {
        let Some(book) = self.books.get_mut(index) else {
            return false;
        };
        if !book.is_idle() || !book.was_whole {
            return false;
        }
        if now_ns.saturating_sub(book.whole_ns) >= HELD_NS {
            book.breaks = 0;
        }
        let pause_ns = match book.breaks.checked_sub(1) {
            None => 0,
            Some(place) => BETWEEN_BREAKS_NS
                .get(place)
                .or(BETWEEN_BREAKS_NS.last())
                .copied()
                .unwrap_or(HELD_NS),
        };
        book.breaks = book.breaks.saturating_add(1);
        let at_ns = book.whole_ns.saturating_add(pause_ns);
        if at_ns > now_ns {
            book.stage = Stage::Resting { at_ns };
        } else {
            self.want(index, now_ns);
        }
        true
    }

    fn want(&mut self, index: usize, now_ns: u64) {
        if let Some(book) = self.books.get_mut(index) {
            let step = book.repair.want(now_ns);
            self.follow(index, step, now_ns);
        }
    }

    fn follow(&mut self, index: usize, step: Step, now_ns: u64) {
        match step {
            Step::Wait => {}
            Step::Ask => self.ask(index, now_ns),
            Step::Reconnect => self.end("repairs of a book brought no snapshot"),
            Step::GiveUp => {
                if let Some(book) = self.books.get_mut(index) {
                    book.stage = Stage::Idle;
                }
                self.push(Todo::GiveUp(index));
            }
        }
    }

    fn ask(&mut self, index: usize, now_ns: u64) {
        match self.books.get_mut(index) {
            Some(book) if book.was_asked => {
                book.stage = Stage::Leaving {
                    at_ns: now_ns.saturating_add(LEFT_WITHIN_NS),
                };
                self.push(Todo::Unsubscribe(index));
            }
            _ => self.subscribe(index, now_ns),
        }
    }

    fn subscribe(&mut self, index: usize, now_ns: u64) {
        if let Some(book) = self.books.get_mut(index) {
            book.was_asked = true;
            book.stage = Stage::Asked {
                at_ns: now_ns.saturating_add(ACKNOWLEDGED_WITHIN_NS),
                again: false,
            };
            self.push(Todo::Subscribe(index));
        }
    }

    /// The book asked for alone was answered: the next one may be asked for.
    fn answered(&mut self, index: usize, now_ns: u64) {
        if self.alone.front() != Some(&index) {
            return;
        }
        self.alone.pop_front();
        while let Some(next) = self.alone.front().copied() {
            if self.stage(next) == Some(Stage::Queued) {
                self.subscribe(next, now_ns);
                return;
            }
            self.alone.pop_front();
        }
    }

    fn push(&mut self, todo: Todo) {
        if !self.is_ending {
            self.todo.push_back(todo);
        }
    }

    fn plan(&mut self) {
        self.due = if self.is_ending {
            None
        } else {
            self.books.iter().filter_map(Subscription::due).min()
        };
    }
}

#[cfg(test)]
mod tests;
