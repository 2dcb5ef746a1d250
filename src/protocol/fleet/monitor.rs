//! What is known of one fleet, and what follows from it: what was pushed and when. When it is asked,
//! and how the answers compare, stands in `probing`; what is tried against silence in `remedy`.

mod probing;
mod remedy;

pub use probing::ProbeAnswer;

use probing::Probing;
use remedy::Remedy;

use super::compare::{Compare, PairKey};
use super::countdown;
use super::decode::{self, Decoded, LoopState, Report, Wrong};
use super::evidence::{Material, place_of};
use super::marks::{Marks, Turns, fallen};
use super::pace::Pace;
use super::profile::{EventKind, Profile};
use super::server_time::ServerTime;
use super::timing::{SLOW_INTERVAL_S, Timing};
use super::verdict::{Case, EventCase, LinkCase};
use super::watch::Watch;
use crate::model::{
    EventPace, FiguresFrom, Fleet, FleetTotals, FleetVerdict, LogLine, PlainText, Stamp, Worker,
};

/// Watches one fleet. Fed by hand: connection, events, answers and time.
#[derive(Clone, Debug)]
pub struct Monitor {
    profile: Profile,
    timing: Timing,
    link: Link,
    heartbeat: Option<Stamp>,
    paces: [Pace; 3],
    /// Since when pushes are expected: the connection, unless it was made in silence.
    expect_from: Option<Stamp>,
    turns: Turns,
    is_supervising: Option<bool>,
    totals: Option<Pushed<FleetTotals>>,
    workers: Option<Pushed<Vec<Worker>>>,
    watch: Watch,
    compare: Compare,
    marks: Marks,
    server_time: Option<ServerTime>,
    host: Option<PlainText>,
    probe: Probing,
    remedy: Option<Remedy>,
    verdict: FleetVerdict,
    verdict_since: Stamp,
    /// As of the last change or tick.
    evidence: String,
}

/// What an event brought beside the fleet's figures.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Taken {
    /// A line of the server's log.
    pub log: Option<LogLine>,
    /// Values of the wrong kind in it.
    pub wrong: Wrong,
    /// It ends the sample of its turn, so that the view is worth publishing.
    pub is_sample: bool,
}

#[derive(Clone, Debug, PartialEq)]
enum Link {
    Starting,
    Up,
    Lost {
        since: Stamp,
        by_silence: bool,
        failed_attempts: u32,
        why: String,
    },
    Remedy,
}

#[derive(Clone, Debug)]
struct Pushed<T> {
    value: T,
    at: Stamp,
    key: PairKey,
}

impl Monitor {
    /// A monitor that knows nothing yet.
    ///
    /// - `probe_every_s`: seconds of the feed between probes while all is well; 0 for no probes
    pub fn new(profile: Profile, timing: Timing, probe_every_s: f64, now: Stamp) -> Self {
        let mut monitor = Self {
            profile,
            timing,
            link: Link::Starting,
            heartbeat: None,
            paces: Default::default(),
            expect_from: None,
            turns: Turns::default(),
            is_supervising: None,
            totals: None,
            workers: None,
            watch: Watch::default(),
            compare: Compare::default(),
            marks: Marks::default(),
            server_time: None,
            host: None,
            probe: Probing::every(probe_every_s),
            remedy: None,
            verdict: FleetVerdict::Unknown,
            verdict_since: now,
            evidence: String::new(),
        };
        monitor.time(now);
        monitor
    }

    /// The profile it reads by.
    pub fn profile(&self) -> &Profile {
        &self.profile
    }

    /// The verdict now.
    pub fn verdict(&self) -> FleetVerdict {
        self.verdict
    }

    /// The name of the server's machine, where its health tells it.
    pub fn host(&self) -> Option<&PlainText> {
        self.host.as_ref()
    }

    /// The line beside the verdict.
    pub fn evidence(&self) -> &str {
        &self.evidence
    }

    /// The connection stands.
    pub fn connected(&mut self, now: Stamp) {
        self.link = Link::Up;
        let is_silent = matches!(self.verdict, FleetVerdict::Silent { .. });
        match &mut self.remedy {
            // Silence goes on through it: what is expected is expected since before.
            Some(remedy) if is_silent && remedy.outcome.is_none() => {
                remedy.connected.get_or_insert(now);
            }
            _ => {
                self.expect_from = Some(now);
                self.watch.pushed();
            }
        }
        for pace in &mut self.paces {
            pace.begin_anew();
        }
        self.probe.wanted = true;
        self.time(now);
    }

    /// The connection ended, or an attempt to make it failed.
    ///
    /// - `by_silence`: it brought no heart-beat for longer than agreed
    pub fn disconnected(&mut self, by_silence: bool, why: &str, now: Stamp) {
        self.link = match std::mem::replace(&mut self.link, Link::Starting) {
            Link::Lost {
                since,
                by_silence,
                failed_attempts,
                ..
            } => Link::Lost {
                since,
                by_silence,
                failed_attempts: failed_attempts.saturating_add(1),
                why: why.to_owned(),
            },
            before => Link::Lost {
                since: now,
                by_silence,
                failed_attempts: u32::from(before != Link::Up),
                why: why.to_owned(),
            },
        };
        self.time(now);
    }

    /// The connection beat.
    pub fn beat(&mut self, at: Stamp) {
        self.heartbeat = Some(at);
    }

    /// An event came. Names that the profile does not know are passed over.
    ///
    /// - `array`: the whole JSON array, the name first
    ///
    /// # Errors
    /// It cannot be read at all; nothing has changed.
    pub fn event(&mut self, name: &str, array: &[u8], at: Stamp) -> Result<Taken, PlainText> {
        let Some(kind) = self.profile.event_called(name) else {
            return Ok(Taken::default());
        };
        let Decoded { value, wrong } = decode::event(kind, array, &self.profile)?;
        let mut taken = Taken {
            wrong,
            ..Taken::default()
        };
        match value {
            Report::Loop(state) => self.take_loop(state, at),
            Report::Totals(totals) => self.take_totals(totals, at),
            Report::Workers(workers) => {
                self.take_workers(workers, at);
                taken.is_sample = true;
            }
            Report::Log(line, time) => {
                if let Some(told) = time.and_then(|time| ServerTime::told(&time, at)) {
                    self.server_time = Some(told);
                }
                taken.log = Some(line);
            }
            Report::Other => {}
        }
        self.time(at);
        Ok(taken)
    }

    fn take_loop(&mut self, state: LoopState, at: Stamp) {
        let was = self.is_supervising;
        self.is_supervising = state.is_supervising.or(was);
        if !state.is_turn() {
            if let Some(pace) = self.paces.first_mut() {
                pace.announced();
            }
            match (was, state.is_supervising) {
                (Some(true), Some(false)) => self.marks.add(at, "the loop was stopped".to_owned()),
                (Some(false), Some(true)) => self.marks.add(at, "the loop was started".to_owned()),
                _ => {}
            }
            return;
        }
        if let Some(text) = state.turn.and_then(|turn| self.turns.take(turn)) {
            self.marks.add(at, text);
        }
        self.came(EventKind::Status, at);
    }

    fn take_totals(&mut self, totals: FleetTotals, at: Stamp) {
        if let Some(before) = &self.totals
            && let Some(text) = fallen(&before.value, &totals)
        {
            // The turn of this sample has been told by the event before.
            let has_restarted = self.turns.last.is_none_or(|turn| turn < before.key);
            self.marks.add(
                at,
                match has_restarted {
                    true => format!("restart: {text}"),
                    false => format!("counters fell while the turns went on: {text}"),
                },
            );
        }
        self.came(EventKind::Statistics, at);
        let key = self.key(at);
        self.totals = Some(Pushed {
            value: totals,
            at,
            key,
        });
    }

    fn take_workers(&mut self, mut workers: Vec<Worker>, at: Stamp) {
        if let Some(before) = &self.workers {
            let jump = countdown::check(&before.value, before.at, &mut workers, at, self.timing);
            if let Some(text) = jump {
                self.marks.add(at, text);
            }
        }
        self.came(EventKind::Workers, at);
        let key = self.key(at);
        self.workers = Some(Pushed {
            value: workers,
            at,
            key,
        });
        if self.is_time_to_pair(at) {
            self.probe.wanted = true;
        }
    }

    /// What tells this sample from the next.
    fn key(&self, at: Stamp) -> PairKey {
        self.turns.last.unwrap_or(at.mono_ns)
    }

    fn came(&mut self, kind: EventKind, at: Stamp) {
        let Some(place) = place_of(kind) else {
            return;
        };
        let expected_s = self.event_case(place, at).expected_s();
        let from = self.expect_from;
        if let Some(pace) = self.paces.get_mut(place) {
            pace.came(at, from, expected_s, self.timing);
        }
        self.watch.pushed();
        self.remedy_helped(at);
    }

    /// Time went by: judges anew. Says whether verdict or evidence changed.
    pub fn time(&mut self, now: Stamp) -> bool {
        self.judge_remedy(now);
        let case = self.case(now);
        let verdict = case.judge();
        let is_new = verdict != self.verdict;
        if is_new {
            self.verdict = verdict;
            self.verdict_since = now;
            if !matches!(verdict, FleetVerdict::Live | FleetVerdict::Unknown) {
                self.probe.wanted = true;
            }
        }
        let line = self.line(&case, now);
        let has_changed = is_new || line != self.evidence;
        self.evidence = line;
        has_changed
    }

    fn event_case(&self, place: usize, now: Stamp) -> EventCase {
        let own = self.paces.get(place);
        let from = self.expect_from.unwrap_or(now);
        let last = own
            .and_then(|pace| pace.last)
            .filter(|last| last.mono_ns >= from.mono_ns);
        let learned = own.and_then(Pace::interval_s).or_else(|| {
            let others = self.paces.iter().filter_map(Pace::interval_s);
            others.max_by(f64::total_cmp)
        });
        EventCase {
            age_s: self.timing.seconds(last.unwrap_or(from), now),
            has_come: last.is_some(),
            interval_s: learned,
            // A feed that pushes every sixth turn begins with one of them.
            may_be_slow: self
                .turns
                .last
                .is_none_or(|turn| turn.checked_rem(6) == Some(0)),
            on_time: own.map_or(0, |pace| pace.on_time),
        }
    }

    fn case(&self, now: Stamp) -> Case {
        Case {
            link: match &self.link {
                Link::Starting => LinkCase::Starting,
                Link::Up => LinkCase::Up,
                Link::Remedy => LinkCase::Remedy,
                Link::Lost {
                    since,
                    by_silence,
                    failed_attempts,
                    ..
                } => LinkCase::Lost {
                    for_s: now.since(*since).as_secs_f64(),
                    by_silence: *by_silence,
                    failed_attempts: *failed_attempts,
                },
            },
            rest_failures: self.watch.failures,
            has_probes: self.probe.every_s > 0.0,
            events: [0, 1, 2].map(|place| self.event_case(place, now)),
            unpushed_moves: self.watch.unpushed_moves,
            is_supervising: self.is_supervising,
            due_for_s: self.watch.longest_due(self.timing).map(|(_, for_s)| for_s),
            is_zero: self.compare.is_zero().is_some(),
            is_disagreeing: self.compare.disagrees().is_some(),
            was: self.verdict,
        }
    }

    fn line(&self, case: &Case, now: Stamp) -> String {
        let longest_due = self.watch.longest_due(self.timing);
        let remedy = self.remedy.as_ref().filter(|_| {
            matches!(
                self.verdict,
                FleetVerdict::Silent { .. } | FleetVerdict::Late
            )
        });
        Material {
            case,
            verdict: self.verdict,
            names: EventKind::EXPECTED.map(|kind| self.profile.event(kind)),
            watch: &self.watch,
            heartbeat: self.heartbeat,
            now,
            turn: self.turns.last,
            pairs: self.compare.is_zero().or(self.compare.disagrees()),
            link_trouble: match &self.link {
                Link::Lost { why, .. } => Some(why),
                _ => None,
            },
            remedy: remedy.and_then(|remedy| remedy.outcome.as_deref()),
            due: longest_due.map(|(who, for_s)| (who.as_str(), for_s)),
            has_agreed: self.compare.agreed.is_some(),
        }
        .line()
    }

    /// Everything, as of `now`.
    pub fn fleet(&self, now: Stamp) -> Fleet {
        let trusts_pushes = matches!(self.verdict, FleetVerdict::Live | FleetVerdict::Unknown);
        let answer = self.watch.last.as_ref();
        let newer = |pushed: Option<Stamp>| {
            answer.filter(|seen| {
                let are_values_wrong =
                    matches!(self.verdict, FleetVerdict::Zero | FleetVerdict::Disagree);
                pushed.is_none_or(|at| {
                    !trusts_pushes && (are_values_wrong || at.mono_ns < seen.asked.mono_ns)
                })
            })
        };
        let totals_at = self.totals.as_ref().map(|pushed| pushed.at);
        let workers_at = self.workers.as_ref().map(|pushed| pushed.at);
        let (rest_totals, rest_workers) = (newer(totals_at), newer(workers_at));
        let workers_at = rest_workers.map(|seen| seen.at).or(workers_at);
        let workers = rest_workers
            .map(|seen| &seen.workers)
            .or(self.workers.as_ref().map(|pushed| &pushed.value));
        Fleet {
            verdict: self.verdict,
            verdict_since: self.verdict_since,
            evidence: self.evidence.as_str().into(),
            is_supervising: self.is_supervising,
            turn: self.turns.last,
            figures_from: match rest_totals.or(rest_workers) {
                Some(_) => FiguresFrom::Rest,
                None => FiguresFrom::Push,
            },
            totals: rest_totals
                .map(|seen| seen.totals)
                .or(self.totals.as_ref().map(|pushed| pushed.value)),
            totals_at: rest_totals.map(|seen| seen.at).or(totals_at),
            workers: workers.map(|workers| {
                let at = workers_at.unwrap_or(now);
                workers.iter().map(|worker| self.aged(worker, at)).collect()
            }),
            workers_at,
            pace: EventKind::EXPECTED
                .iter()
                .zip(&self.paces)
                .map(|(kind, pace)| EventPace {
                    event: self.profile.event(*kind).into(),
                    last: pace.last,
                    count: pace.count,
                    interval_s: pace.interval_s(),
                })
                .collect(),
            probe: self.watch.probe.clone(),
            heartbeat: self.heartbeat,
            marks: self.marks.all().to_vec(),
        }
    }

    fn aged(&self, worker: &Worker, at: Stamp) -> Worker {
        let age = |text: &Option<PlainText>| {
            let told = self.server_time?;
            told.age_s(text.as_deref()?, at, self.timing)
        };
        Worker {
            last_ok_age_s: age(&worker.last_ok),
            last_try_age_s: age(&worker.last_try),
            ..worker.clone()
        }
    }

    /// The longest time that may go by until [`Monitor::time`] finds something new, in our own
    /// nanoseconds.
    pub fn tick_ns(&self) -> u64 {
        self.timing.ns(SLOW_INTERVAL_S / 240.0)
    }
}
