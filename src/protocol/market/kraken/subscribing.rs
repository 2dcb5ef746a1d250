//! What is sent to Kraken, and what is still to be acknowledged.
//!
//! Reference data is subscribed first, then the books, then the trades. A book is renewed by
//! unsubscribing, waiting for the acknowledgement (at most five seconds) and subscribing again: a
//! second subscription alone brings no snapshot.

use crate::protocol::market::{Ask, Sink};

/// How long an unsubscription may take before the subscription is sent all the same.
const UNSUBSCRIBE_NS: u64 = 5_000_000_000;
/// How long an acknowledgement may take.
const ACKNOWLEDGE_NS: u64 = 10_000_000_000;
/// Requests that are remembered, to tell whose refusal came.
const MOST_REQUESTS: usize = 256;

/// What a refusal is followed by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// It was handled here.
    Nothing,
    /// A subscription was refused.
    Renew,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Not asked for.
    Idle,
    /// Subscribed or about to be; acknowledged or not.
    Subscribed,
    /// Unsubscribed; if no acknowledgement comes, it is subscribed then all the same.
    Leaving { until_ns: u64 },
}

/// Reference data or all books, to be acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Owed {
    until_ns: u64,
    is_second: bool,
}

pub(super) struct Subscribing {
    symbols: Vec<String>,
    depth: u16,
    stages: Vec<Stage>,
    acknowledged: Vec<bool>,
    /// The reference data that has not come.
    reference: Option<Owed>,
    /// Acknowledgements of books that have not come.
    books: Option<Owed>,
    has_begun: bool,
    next_id: i64,
    /// Requests about books.
    requests: Vec<(i64, Of)>,
}

/// What a request was about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Of {
    Book(usize),
    /// Every book that is not acknowledged yet.
    Books,
    Nothing,
}

impl Subscribing {
    pub(super) fn new(symbols: &[String], depth: u16) -> Self {
        Self {
            symbols: symbols.to_vec(),
            depth,
            stages: vec![Stage::Idle; symbols.len()],
            acknowledged: vec![false; symbols.len()],
            reference: None,
            books: None,
            has_begun: false,
            next_id: 1,
            requests: Vec::new(),
        }
    }

    /// Levels subscribed.
    pub(super) fn depth(&self) -> u16 {
        self.depth
    }

    /// The connection stands: asks for the reference data.
    pub(super) fn open(&mut self, now_ns: u64, out: &mut dyn Sink) {
        self.closed();
        self.reference = Some(owed(now_ns, false));
        self.ask_reference(out);
    }

    /// The connection ended: nothing is subscribed any more.
    pub(super) fn closed(&mut self) {
        self.stages.fill(Stage::Idle);
        self.acknowledged.fill(false);
        self.reference = None;
        self.books = None;
        self.has_begun = false;
        self.requests.clear();
    }

    /// The reference data is there. Subscribes everything, the first time; returns whether.
    pub(super) fn begin_books(&mut self, now_ns: u64, out: &mut dyn Sink) -> bool {
        self.reference = None;
        if self.has_begun {
            return false;
        }
        self.has_begun = true;
        self.books = Some(owed(now_ns, false));
        self.stages.fill(Stage::Subscribed);
        let all: Vec<usize> = (0..self.symbols.len()).collect();
        self.subscribe(&all, out);
        let id = self.id(Of::Nothing);
        let symbols = self.names(&all);
        out.ask(Ask::Send(format!(
            r#"{{"method":"subscribe","params":{{"channel":"trade","symbol":{symbols},"snapshot":false}},"req_id":{id}}}"#,
        )));
        true
    }

    /// Asks for a book again. Nothing is sent while that is under way.
    pub(super) fn renew(&mut self, index: usize, now_ns: u64, out: &mut dyn Sink) {
        let Some(stage) = self.stages.get_mut(index) else {
            return;
        };
        if matches!(stage, Stage::Leaving { .. }) || !self.has_begun {
            return;
        }
        *stage = Stage::Leaving {
            until_ns: now_ns.saturating_add(UNSUBSCRIBE_NS),
        };
        let id = self.id(Of::Book(index));
        let symbols = self.names(&[index]);
        let depth = self.depth;
        out.ask(Ask::Send(format!(
            r#"{{"method":"unsubscribe","params":{{"channel":"book","symbol":{symbols},"depth":{depth}}},"req_id":{id}}}"#,
        )));
    }

    /// An unsubscription was acknowledged.
    pub(super) fn is_unsubscribed(
        &mut self,
        place: Option<usize>,
        req_id: Option<i64>,
        out: &mut dyn Sink,
    ) {
        if let Some(index) = place.or_else(|| self.book_of(req_id)) {
            self.come_back(index, out);
        }
    }

    /// A subscription was acknowledged.
    pub(super) fn is_acknowledged(&mut self, place: Option<usize>, req_id: Option<i64>) {
        if let Some(index) = place.or_else(|| self.book_of(req_id)) {
            self.is_there(index);
        }
    }

    /// The book is subscribed: a snapshot came, or the acknowledgement.
    pub(super) fn is_there(&mut self, index: usize) {
        if let Some(acknowledged) = self.acknowledged.get_mut(index) {
            *acknowledged = true;
        }
        if self.acknowledged.iter().all(|is_there| *is_there) {
            self.books = None;
        }
    }

    /// Something about the book at `index` was refused.
    pub(super) fn refused(&mut self, index: usize, out: &mut dyn Sink) -> Turn {
        // Whatever the answer, it is not owed any more.
        self.is_there(index);
        match self.stages.get(index) {
            Some(Stage::Leaving { .. }) => {
                self.come_back(index, out);
                Turn::Nothing
            }
            _ => Turn::Renew,
        }
    }

    /// The book that request `req_id` was about.
    fn book_of(&self, req_id: Option<i64>) -> Option<usize> {
        self.books_of(req_id).next()
    }

    /// The books that request `req_id` may have been about.
    pub(super) fn books_of(&self, req_id: Option<i64>) -> impl Iterator<Item = usize> {
        let known = self.requests.iter().find(|(id, _)| Some(*id) == req_id);
        let of = known.map_or(Of::Nothing, |request| request.1);
        let places = self.acknowledged.iter().enumerate();
        places
            .filter(move |(place, is_there)| match of {
                Of::Book(index) => *place == index,
                Of::Books => !**is_there,
                Of::Nothing => false,
            })
            .map(|(place, _)| place)
    }

    /// Asks whether the venue is there.
    pub(super) fn ping(&mut self, out: &mut dyn Sink) {
        let id = self.id(Of::Nothing);
        out.ask(Ask::Send(format!(r#"{{"method":"ping","req_id":{id}}}"#)));
    }

    /// When [`Subscribing::time`] is wanted, monotonic nanoseconds.
    pub(super) fn due(&self) -> Option<u64> {
        let leaving = self.stages.iter().filter_map(|stage| match stage {
            Stage::Leaving { until_ns } => Some(*until_ns),
            _ => None,
        });
        let owed = [self.reference, self.books].into_iter().flatten();
        leaving.chain(owed.map(|owed| owed.until_ns)).min()
    }

    /// Time has come to [`Subscribing::due`]. Returns whether something was asked for twice
    /// without an answer.
    pub(super) fn time(&mut self, now_ns: u64, out: &mut dyn Sink) -> bool {
        for index in 0..self.stages.len() {
            if let Some(Stage::Leaving { until_ns }) = self.stages.get(index)
                && *until_ns <= now_ns
            {
                self.come_back(index, out);
            }
        }
        let is_late = |owed: &Owed| owed.until_ns <= now_ns;
        let mut is_over = false;
        if let Some(late) = self.reference.filter(is_late) {
            is_over |= late.is_second;
            self.reference = (!late.is_second).then(|| owed(now_ns, true));
            if !late.is_second {
                self.ask_reference(out);
            }
        }
        if let Some(late) = self.books.filter(is_late) {
            is_over |= late.is_second;
            self.books = (!late.is_second).then(|| owed(now_ns, true));
            if !late.is_second {
                let missing = self.acknowledged.iter().enumerate();
                let missing: Vec<usize> = missing
                    .filter(|(_, is_there)| !**is_there)
                    .map(|(index, _)| index)
                    .collect();
                self.subscribe(&missing, out);
            }
        }
        is_over
    }

    fn come_back(&mut self, index: usize, out: &mut dyn Sink) {
        if let Some(stage @ Stage::Leaving { .. }) = self.stages.get_mut(index) {
            *stage = Stage::Subscribed;
            self.subscribe(&[index], out);
        }
    }

    fn subscribe(&mut self, books: &[usize], out: &mut dyn Sink) {
        let id = self.id(match books {
            [one] => Of::Book(*one),
            _ => Of::Books,
        });
        let symbols = self.names(books);
        let depth = self.depth;
        out.ask(Ask::Send(format!(
            r#"{{"method":"subscribe","params":{{"channel":"book","symbol":{symbols},"depth":{depth},"snapshot":true}},"req_id":{id}}}"#,
        )));
    }

    fn ask_reference(&mut self, out: &mut dyn Sink) {
        let id = self.id(Of::Nothing);
        out.ask(Ask::Send(format!(
            r#"{{"method":"subscribe","params":{{"channel":"instrument"}},"req_id":{id}}}"#,
        )));
    }

    /// The symbols as a JSON array.
    fn names(&self, books: &[usize]) -> serde_json::Value {
        let names = books.iter().filter_map(|index| self.symbols.get(*index));
        names.map(String::as_str).collect()
    }

    fn id(&mut self, of: Of) -> i64 {
        let id = self.next_id;
        self.next_id = id.saturating_add(1);
        if of != Of::Nothing {
            if self.requests.len() >= MOST_REQUESTS {
                self.requests.remove(0);
            }
            self.requests.push((id, of));
        }
        id
    }
}

fn owed(now_ns: u64, is_second: bool) -> Owed {
    Owed {
        until_ns: now_ns.saturating_add(ACKNOWLEDGE_NS),
        is_second,
    }
}
