//! Which reply belongs to which request, when replies carry no number.
//!
//! The owner of the socket asks [`Correlator::next_write`] for what may go out, tells
//! [`Correlator::written`] when it has, and hands every message to [`Correlator::on_message`]. A
//! request is known here before it is written, so that no reply is too early. Each one is settled
//! exactly once.
//!
//! Order is kept among requests of one code, and only there: a request that has to follow another
//! is submitted when the other is settled.
//!
//! Times are nanoseconds of any monotonic clock. Source: protocol description, section 10.

mod lanes;
mod route;

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;

use self::lanes::{Lanes, Queued};
use super::commands::{Access, Command, ReplyKind};
use super::event::Event;
use super::message::{Message, MessageError};
use super::profile::{Profile, SystemState};
use super::request::Request;

/// The most requests that wait to be written; one more is refused.
pub const MAX_QUEUED: usize = 64;

/// Their bytes together.
pub const MAX_QUEUED_BYTES: usize = 64 * 1024 * 1024;

/// The most requests that wait in the front lane, for what only makes things safer.
pub const MAX_FRONT: usize = 64;

/// How long a reply may still come for a request that timed out.
pub const TOMBSTONE: Duration = Duration::from_secs(10);

/// How long the same question is not asked again after it timed out, unless its reply comes.
pub const RETRY_PAUSE: Duration = Duration::from_secs(1);

/// Requests that timed out and are remembered; the oldest is forgotten first.
const MAX_TOMBSTONES: usize = 256;

/// One request of one correlator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Token(u64);

/// What to write next, in one piece.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outgoing {
    /// To be given to [`Correlator::written`] once it is.
    pub token: Token,
    /// What it is.
    pub command: Command,
    /// The message and its payload.
    pub bytes: Bytes,
}

/// A request that came to its end.
#[derive(Clone, Debug, PartialEq)]
pub struct Settled {
    /// Which.
    pub token: Token,
    /// What it was.
    pub command: Command,
    /// How it ended.
    pub outcome: Outcome,
}

/// How a request ended.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// Its reply came. For a move that is "accepted", not "arrived".
    Answered {
        /// The reply.
        message: Message,
        /// The reply may be that of an earlier request that had timed out: what it says may be
        /// seconds old.
        late: bool,
    },
    /// Its reply came with a payload over our limit, which is gone.
    Oversize {
        /// The reply without its payload.
        message: Message,
        /// How long the payload was.
        payload_bytes: usize,
    },
    /// It was written, and no reply is to be expected. That is "sent", not "done".
    Sent,
    /// No reply came in time. Whether it took effect is unknown.
    TimedOut,
    /// The connection ended. Nothing is known of it if it was `handed_out`; otherwise it was never
    /// sent.
    Lost {
        /// Whether any of its bytes may have left.
        handed_out: bool,
    },
    /// It was taken from the queue before it was written.
    Withdrawn,
}

/// What became of a message.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Routed {
    /// The request it completed.
    pub settled: Option<Settled>,
    /// It answers a request that had already timed out.
    pub late: Option<LateReply>,
    /// What it says to everybody.
    pub event: Option<Event>,
}

/// The reply to a request that had timed out. It settles nothing; it is for the journal, and tells
/// that the request was heard after all.
#[derive(Clone, Debug, PartialEq)]
pub struct LateReply {
    /// The request that had timed out.
    pub token: Token,
    /// What it was.
    pub command: Command,
    /// The reply.
    pub message: Message,
}

/// Why a request is not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SubmitError {
    /// Too many wait.
    #[error("{limit} commands are waiting to be sent; wait for one of them")]
    QueueFull {
        /// How many may wait.
        limit: usize,
    },
    /// They are too long together.
    #[error("the commands waiting to be sent hold {limit} bytes; wait for one of them")]
    QueueBytes {
        /// How many they may hold.
        limit: usize,
    },
    /// It does not fit a message.
    #[error(transparent)]
    Message(#[from] MessageError),
}

/// A request that was handed out and not settled.
#[derive(Debug)]
struct InFlight {
    token: Token,
    command: Command,
    code: u32,
    selector: Option<i32>,
    timeout: Duration,
    /// `None` where no reply is waited for.
    deadline_ns: Option<u64>,
}

/// A request that timed out and may yet be answered.
#[derive(Debug)]
struct Tombstone {
    token: Token,
    command: Command,
    code: u32,
    selector: Option<i32>,
    since_ns: u64,
}

/// Matches replies to requests and keeps requests in order.
#[derive(Debug)]
pub struct Correlator {
    profile: Profile,
    lanes: Lanes,
    /// Oldest first.
    in_flight: Vec<InFlight>,
    /// Oldest first.
    tombstones: VecDeque<Tombstone>,
    /// Codes whose replies were seen not to name their axis or laser: they are asked one by one.
    nameless: Vec<u32>,
    state: Option<SystemState>,
    next_token: u64,
}

impl Correlator {
    /// A correlator for a new connection.
    pub fn new(profile: Profile) -> Self {
        Self {
            profile,
            lanes: Lanes::default(),
            in_flight: Vec::new(),
            tombstones: VecDeque::new(),
            nameless: Vec::new(),
            state: None,
            next_token: 0,
        }
    }

    /// The codes in force.
    pub fn profile(&self) -> &Profile {
        &self.profile
    }

    /// What the server last said of its state on this connection.
    pub fn state(&self) -> Option<SystemState> {
        self.state
    }

    /// Queues a request. What only makes things safer (see [`Command::only_stops`]) goes before
    /// everything else, the halt first of all.
    ///
    /// # Errors
    /// [`MAX_QUEUED`] requests or [`MAX_QUEUED_BYTES`] are waiting; the front lane has its own
    /// [`MAX_FRONT`]. Or it does not fit a message.
    pub fn submit(&mut self, request: Request) -> Result<Token, SubmitError> {
        let bytes = request.message().encode()?;
        let token = Token(self.next_token);
        self.lanes.push(Queued {
            token,
            request,
            bytes,
        })?;
        self.next_token = self.next_token.saturating_add(1);
        Ok(token)
    }

    /// What may be written now; its reply is expected from this moment on. To be asked after each
    /// call of another method that may have made room, until it says `None`.
    pub fn next_write(&mut self, now_ns: u64) -> Option<Outgoing> {
        self.forget_old(now_ns);
        let (in_flight, tombstones, nameless) = (&self.in_flight, &self.tombstones, &self.nameless);
        let queued = self.lanes.take_first(|request| {
            may_go(request, in_flight, nameless)
                && retry_from(request, tombstones).is_none_or(|from| from <= now_ns)
        })?;
        let request = &queued.request;
        self.in_flight.push(InFlight {
            token: queued.token,
            command: request.command(),
            code: request.message().code,
            selector: request.selector(),
            timeout: request.timeout(),
            deadline_ns: (request.info().reply != ReplyKind::None)
                .then(|| later(now_ns, request.timeout())),
        });
        Some(Outgoing {
            token: queued.token,
            command: request.command(),
            bytes: queued.bytes,
        })
    }

    /// Tells that all of a request was written; the time for its reply counts from here. Settles
    /// one that has no reply. It may already have been answered.
    pub fn written(&mut self, token: Token, now_ns: u64) -> Option<Settled> {
        let place = self.in_flight.iter().position(|one| one.token == token)?;
        let one = self.in_flight.get_mut(place)?;
        if one.deadline_ns.is_some() {
            one.deadline_ns = Some(later(now_ns, one.timeout));
            return None;
        }
        Some(self.in_flight.remove(place).settled(Outcome::Sent))
    }

    /// Says what a message is: the reply to a request, a late one, an event, or two of them.
    pub fn on_message(&mut self, message: Message, now_ns: u64) -> Routed {
        self.forget_old(now_ns);
        self.route(message, None)
    }

    /// As [`Correlator::on_message`], for a message whose payload was over our limit.
    pub fn on_oversize(&mut self, message: Message, payload_bytes: usize, now_ns: u64) -> Routed {
        self.forget_old(now_ns);
        self.route(message, Some(payload_bytes))
    }

    /// Settles the requests whose time is over. One whose acknowledgement is not reliable counts
    /// as [`Outcome::Sent`].
    pub fn expire(&mut self, now_ns: u64) -> Vec<Settled> {
        self.forget_old(now_ns);
        let is_over = |one: &mut InFlight| one.deadline_ns.is_some_and(|at| at <= now_ns);
        let over: Vec<InFlight> = self.in_flight.extract_if(.., is_over).collect();
        let mut settled = Vec::with_capacity(over.len());
        for one in over {
            if self.tombstones.len() >= MAX_TOMBSTONES {
                self.tombstones.pop_front();
            }
            self.tombstones.push_back(Tombstone {
                token: one.token,
                command: one.command,
                code: one.code,
                selector: one.selector,
                since_ns: now_ns,
            });
            let outcome = match one.command.info().reply {
                ReplyKind::Maybe => Outcome::Sent,
                _ => Outcome::TimedOut,
            };
            settled.push(one.settled(outcome));
        }
        settled
    }

    /// When [`Correlator::expire`] and then [`Correlator::next_write`] are to be called next, if
    /// nothing else happens before.
    pub fn next_deadline(&self) -> Option<u64> {
        let replies = self.in_flight.iter().filter_map(|one| one.deadline_ns);
        let retries = self
            .lanes
            .iter()
            .filter(|queued| may_go(&queued.request, &self.in_flight, &self.nameless))
            .filter_map(|queued| retry_from(&queued.request, &self.tombstones));
        replies.chain(retries).min()
    }

    /// The first request that was not handed out yet, says the same as `request`, byte for byte,
    /// and is one of those meant.
    pub fn waiting_alike(
        &self,
        request: &Request,
        is_meant: impl Fn(Token) -> bool,
    ) -> Option<Token> {
        let bytes = request.message().encode().ok()?;
        let mut all = self.lanes.iter();
        let alike = all.find(|queued| queued.bytes == bytes && is_meant(queued.token))?;
        Some(alike.token)
    }

    /// Takes requests out that were not handed out yet, such as moves after a halt.
    pub fn withdraw(&mut self, mut which: impl FnMut(Token, &Request) -> bool) -> Vec<Settled> {
        self.lanes
            .extract(|queued| which(queued.token, &queued.request))
            .into_iter()
            .map(|queued| queued.settled(Outcome::Withdrawn))
            .collect()
    }

    /// Takes a request back that was handed out and of which no byte was written: it is as if it had
    /// never been asked for.
    pub fn recall(&mut self, token: Token) -> Option<Settled> {
        let place = self.in_flight.iter().position(|one| one.token == token)?;
        Some(self.in_flight.remove(place).settled(Outcome::Withdrawn))
    }

    /// The connection is gone: settles everything, what was handed out first, and forgets what was
    /// known of the server.
    pub fn fail_all(&mut self) -> Vec<Settled> {
        self.tombstones.clear();
        self.nameless.clear();
        self.state = None;
        let handed_out = self
            .in_flight
            .drain(..)
            .map(|one| one.settled(Outcome::Lost { handed_out: true }));
        let queued = self
            .lanes
            .extract(|_| true)
            .into_iter()
            .map(|one| one.settled(Outcome::Lost { handed_out: false }));
        handed_out.chain(queued).collect()
    }

    /// How many requests wait to be written.
    pub fn queued(&self) -> usize {
        self.lanes.len()
    }

    /// How many requests were handed out and are not settled.
    pub fn in_flight(&self) -> usize {
        self.in_flight.len()
    }

    fn forget_old(&mut self, now_ns: u64) {
        while self
            .tombstones
            .front()
            .is_some_and(|t| later(t.since_ns, TOMBSTONE) <= now_ns)
        {
            self.tombstones.pop_front();
        }
    }
}

impl InFlight {
    fn settled(self, outcome: Outcome) -> Settled {
        Settled {
            token: self.token,
            command: self.command,
            outcome,
        }
    }
}

/// Whether nothing under way forbids a request: one per code, or per code and selector where two
/// can be told apart. A halt waits for nothing.
fn may_go(request: &Request, in_flight: &[InFlight], nameless: &[u32]) -> bool {
    let command = request.command();
    if command == Command::StageHalt {
        return true;
    }
    let code = request.message().code;
    let apart = matches!(command, Command::StagePositionGet | Command::LaserLevelGet)
        && !nameless.contains(&code);
    !in_flight
        .iter()
        .any(|one| one.code == code && (!apart || one.selector == request.selector()))
}

/// From when a question may be asked again that has timed out and was not answered since.
fn retry_from(request: &Request, tombstones: &VecDeque<Tombstone>) -> Option<u64> {
    if request.info().access != Access::Get {
        return None;
    }
    tombstones
        .iter()
        .filter(|t| t.code == request.message().code && t.selector == request.selector())
        .map(|t| later(t.since_ns, RETRY_PAUSE))
        .max()
}

fn later(now_ns: u64, by: Duration) -> u64 {
    now_ns.saturating_add(u64::try_from(by.as_nanos()).unwrap_or(u64::MAX))
}

#[cfg(test)]
#[allow(clippy::indexing_slicing, clippy::arithmetic_side_effects)]
mod tests;
