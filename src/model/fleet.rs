//! A supervised fleet of workers, in neutral words: totals, workers, and whether what is pushed
//! can be believed.

use std::time::Duration;

use super::stamp::Stamp;
use super::status::Severity;
use super::text::PlainText;

/// Everything known of a fleet; replaces what was known before.
#[derive(Clone, Debug, PartialEq)]
pub struct Fleet {
    /// Whether pushes arrive and agree with what is asked for.
    pub verdict: FleetVerdict,
    /// Since when it is so.
    pub verdict_since: Stamp,
    /// What it rests on, as numbers with their ages: one line.
    pub evidence: PlainText,
    /// Whether the supervisor's loop runs, as it said last.
    pub is_supervising: Option<bool>,
    /// Turns of the supervisor's loop since it started.
    pub turn: Option<u64>,
    /// Where the figures come from now.
    pub figures_from: FiguresFrom,
    /// Totals since the process started.
    pub totals: Option<FleetTotals>,
    /// When the totals were received.
    pub totals_at: Option<Stamp>,
    /// The workers, by number; those without come last. `None` before the first list.
    pub workers: Option<Vec<Worker>>,
    /// When the workers were received: their countdowns run from here.
    pub workers_at: Option<Stamp>,
    /// Learned interval of each expected event.
    pub pace: Vec<EventPace>,
    /// The last cross-check.
    pub probe: Option<Probe>,
    /// When the connection last beat, as far as it says so.
    pub heartbeat: Option<Stamp>,
    /// Restarts, lost pushes, clock jumps: newest last, bounded.
    pub marks: Vec<FleetMark>,
}

/// Whether pushes arrive and agree with what is asked for. Source of the words: statistics-feed
/// specification, section 5.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FleetVerdict {
    /// Nothing can be said yet.
    Unknown,
    /// Every expected event comes in time and agrees.
    Live,
    /// An expected event is late.
    Late,
    /// Connected, and nothing is pushed; `true` once the cross-check saw figures move meanwhile.
    Silent {
        /// Whether the cross-check proves that something should have been pushed.
        confirmed: bool,
    },
    /// Some expected events come, others do not.
    Half,
    /// What is pushed differs from what is answered.
    Disagree,
    /// Zeros are pushed while the answers count.
    Zero,
    /// Nothing is pushed and nothing moves although work is due.
    StalledProducer,
    /// The supervisor says that its loop is stopped.
    Idle,
    /// The connection brings no heart-beat.
    DeadLink,
    /// Neither connection nor answers.
    Down,
}

impl FleetVerdict {
    /// All of them.
    pub const ALL: [Self; 12] = [
        Self::Unknown,
        Self::Live,
        Self::Late,
        Self::Silent { confirmed: false },
        Self::Silent { confirmed: true },
        Self::Half,
        Self::Disagree,
        Self::Zero,
        Self::StalledProducer,
        Self::Idle,
        Self::DeadLink,
        Self::Down,
    ];

    /// The words on the screen, in recordings and for scripts.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Live => "live",
            Self::Late => "late",
            Self::Silent { confirmed: false } => "silent",
            Self::Silent { confirmed: true } => "silent (confirmed)",
            Self::Half => "half",
            Self::Disagree => "disagree",
            Self::Zero => "zero",
            Self::StalledProducer => "stalled producer",
            Self::Idle => "idle",
            Self::DeadLink => "dead link",
            Self::Down => "down",
        }
    }

    /// What a headless run ends with that saw these verdicts, in their order: 0 live to the end,
    /// 3 what was pushed could not be believed, 4 down, 5 no more than a dead link, 1 never a
    /// verdict. The worst wins: a loss that nothing shows comes before one that everybody sees.
    ///
    /// Source: statistics-feed specification, section 5.4.
    pub fn exit_code(seen: impl IntoIterator<Item = Self>) -> u8 {
        let (mut last, mut worst) = (Self::Unknown, 0);
        for verdict in seen {
            last = verdict;
            let (rank, code) = match verdict {
                Self::Silent { .. }
                | Self::Half
                | Self::Disagree
                | Self::Zero
                | Self::StalledProducer => (3, 3),
                Self::Down => (2, 4),
                Self::DeadLink => (1, 5),
                Self::Unknown | Self::Live | Self::Late | Self::Idle => (0, 0),
            };
            worst = worst.max(rank * 10 + code);
        }
        match (worst % 10, last) {
            (0, Self::Unknown) => 1,
            (code, _) => code,
        }
    }

    /// How bad it is.
    pub fn severity(self) -> Severity {
        match self {
            Self::Live | Self::Idle => Severity::Info,
            Self::Unknown | Self::Late => Severity::Warning,
            _ => Severity::Error,
        }
    }
}

/// Where figures come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FiguresFrom {
    /// They were pushed.
    Push,
    /// They were asked for, because pushes do not come or cannot be believed.
    Rest,
}

impl FiguresFrom {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Push, Self::Rest];

    /// The word in recordings and for scripts.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Push => "push",
            Self::Rest => "rest",
        }
    }
}

/// Totals since the process started.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct FleetTotals {
    /// Attempts.
    pub attempts: Option<u64>,
    /// Of them, succeeded.
    pub succeeded: Option<u64>,
    /// Of them, failed.
    pub failed: Option<u64>,
    /// Held back by a limit.
    pub limited: Option<u64>,
    /// Per cent, as sent.
    pub success_percent: Option<f64>,
    /// Whether the sent per cent differ from succeeded / attempts.
    pub is_percent_wrong: bool,
    /// Workers.
    pub workers: Option<u64>,
}

/// One worker.
#[derive(Clone, Debug, PartialEq)]
pub struct Worker {
    /// Its number; `None` where the server does not say.
    pub number: Option<i64>,
    /// Its address: the server's own identity for it.
    pub address: PlainText,
    /// The server's words.
    pub status: PlainText,
    /// What kind of words.
    pub class: WorkerClass,
    /// Somebody paused it.
    pub is_paused: bool,
    /// Somebody has to look after it.
    pub needs_operator: bool,
    /// Units done.
    pub done: Option<u64>,
    /// Seconds until it is due, when the list was received; 0 is ready.
    pub due_in_s: Option<u64>,
    /// What it waits for.
    pub wait: WorkerWait,
    /// The server's own times, as text without a zone.
    pub last_ok: Option<PlainText>,
    /// When it last tried.
    pub last_try: Option<PlainText>,
    /// Seconds since its last success when the list was received, where the server's clock is
    /// known.
    pub last_ok_age_s: Option<u64>,
    /// Seconds since its last attempt, likewise.
    pub last_try_age_s: Option<u64>,
    /// Why it last failed.
    pub last_failure: Option<PlainText>,
    /// The countdown jumped against our clock.
    pub clock_jumped: bool,
}

impl Worker {
    /// Seconds until it is due, `elapsed` after the list was received; it stops at 0.
    ///
    /// Source: statistics-feed specification, section 3.1.
    pub fn remaining_s(&self, elapsed: Duration) -> Option<u64> {
        self.due_in_s
            .map(|due| due.saturating_sub(elapsed.as_secs()))
    }
}

/// Classes of a worker's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum WorkerClass {
    /// It failed.
    Error,
    /// Somebody has to look after it.
    Operator,
    /// It waits.
    Waiting,
    /// Nothing special.
    Neutral,
    /// It succeeded.
    Ok,
}

impl WorkerClass {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Error,
        Self::Operator,
        Self::Waiting,
        Self::Neutral,
        Self::Ok,
    ];

    /// The word in recordings and for scripts.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Operator => "operator",
            Self::Waiting => "waiting",
            Self::Neutral => "neutral",
            Self::Ok => "ok",
        }
    }
}

/// What a worker waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum WorkerWait {
    /// Its next turn.
    Next,
    /// To try again after a technical failure.
    Retry,
    /// The end of a limit.
    CoolDown,
}

impl WorkerWait {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Next, Self::Retry, Self::CoolDown];

    /// The words before a countdown.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Next => "next",
            Self::Retry => "retry in",
            Self::CoolDown => "cool-down",
        }
    }
}

/// How an expected event comes.
#[derive(Clone, Debug, PartialEq)]
pub struct EventPace {
    /// The event's name.
    pub event: PlainText,
    /// When it came last.
    pub last: Option<Stamp>,
    /// How often it came.
    pub count: u64,
    /// Learned seconds from one to the next; `None` until learned.
    pub interval_s: Option<f64>,
}

/// What a cross-check found.
#[derive(Clone, Debug, PartialEq)]
pub struct Probe {
    /// When it was answered.
    pub at: Stamp,
    /// Whether it was answered, or the sentence of the failure.
    pub outcome: Result<(), PlainText>,
    /// Whether the figures moved since the one before.
    pub moved: bool,
    /// Failures in a row.
    pub failures: u32,
}

/// Something that happened to a fleet's figures.
#[derive(Clone, Debug, PartialEq)]
pub struct FleetMark {
    /// When.
    pub at: Stamp,
    /// What.
    pub text: PlainText,
}

#[cfg(test)]
mod tests {
    use super::FleetVerdict::{self, *};

    #[test]
    fn the_worst_verdict_decides_how_a_run_ends() {
        let silent = Silent { confirmed: true };
        let cases: [(&[FleetVerdict], u8); 9] = [
            (&[], 1),
            (&[Unknown], 1),
            (&[Unknown, Live], 0),
            (&[Unknown, Live, Late, Live], 0),
            (&[Live, silent, Live], 3),
            (&[Live, Down, Zero], 3),
            (&[Live, DeadLink, Down, Unknown], 4),
            (&[Live, DeadLink, Unknown, Live], 5),
            (&[Live, Unknown], 1),
        ];
        for (seen, code) in cases {
            assert_eq!(
                FleetVerdict::exit_code(seen.iter().copied()),
                code,
                "{seen:?}"
            );
        }
    }
}
