//! What is known of one fleet, and what follows from it.

use super::compare::{Compare, PairKey};
use super::countdown;
use super::decode::{self, Decoded, LoopState, Report, Wrong};
use super::evidence::{Material, place_of};
use super::marks::{Marks, Turns, fallen};
use super::pace::Pace;
use super::profile::{EventKind, Profile};
use super::server_time::ServerTime;
use super::timing::{
    ALIGN_S, PAIR_S, REMEDY_S, SLOW_INTERVAL_S, START_INTERVAL_S, Timing, URGENT_PROBE_S,
};
use super::verdict::{Case, EventCase, LinkCase};
use super::watch::{Seen, Watch};
use crate::model::{
    EventPace, FiguresFrom, Fleet, FleetTotals, FleetVerdict, LogLine, PlainText, Stamp, Worker,
};

/// Watches one fleet. Fed by hand: connection, events, answers and time.
#[derive(Clone, Debug)]
pub struct Monitor {
    profile: Profile,
    timing: Timing,
    /// Seconds between probes while all is well; 0 for none.
    probe_every_s: f64,
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

/// The answers to one probe: bodies, or the sentence of the failure.
#[derive(Clone, Debug)]
pub struct ProbeAnswer<'a> {
    /// When the first question went out.
    pub asked: Stamp,
    /// When the last answer was there.
    pub at: Stamp,
    /// The totals.
    pub statistics: Result<&'a [u8], PlainText>,
    /// The workers.
    pub workers: Result<&'a [u8], PlainText>,
    /// The server's health, where it was asked for.
    pub health: Option<Result<&'a [u8], PlainText>>,
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

#[derive(Clone, Copy, Debug, Default)]
struct Probing {
    /// When the last one was begun.
    last: Option<Stamp>,
    in_flight: bool,
    /// One is wanted at once.
    wanted: bool,
}

#[derive(Clone, Debug)]
struct Remedy {
    at: Stamp,
    /// When the connection stood again.
    connected: Option<Stamp>,
    /// What became of it, once known.
    outcome: Option<String>,
}

impl Monitor {
    /// A monitor that knows nothing yet.
    ///
    /// - `probe_every_s`: seconds of the feed between probes while all is well; 0 for no probes
    pub fn new(profile: Profile, timing: Timing, probe_every_s: f64, now: Stamp) -> Self {
        let mut monitor = Self {
            profile,
            timing,
            probe_every_s: if probe_every_s.is_finite() {
                probe_every_s.max(0.0)
            } else {
                0.0
            },
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
            probe: Probing::default(),
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
        if let Some(remedy) = &mut self.remedy
            && let (Some(connected), None) = (remedy.connected, &remedy.outcome)
        {
            let after_s = self.timing.seconds(connected, at);
            let outcome = format!("reconnecting helped: a push came {after_s:.1} s after it");
            remedy.outcome = Some(outcome.clone());
            self.marks.add(at, outcome);
        }
    }

    /// A probe was answered, or not.
    ///
    /// Returns what in the answers was of the wrong kind.
    pub fn probed(&mut self, answer: &ProbeAnswer<'_>) -> Wrong {
        self.probe.in_flight = false;
        let mut wrong = Wrong::default();
        match self.seen(answer, &mut wrong) {
            Ok(seen) => {
                self.take_pair(&seen);
                let last_push = self
                    .paces
                    .iter()
                    .filter_map(|pace| pace.last)
                    .max_by_key(|l| l.mono_ns);
                // What came on an earlier connection is no push of this one.
                let last_push = last_push.filter(|push| {
                    self.expect_from
                        .is_none_or(|from| push.mono_ns >= from.mono_ns)
                });
                let floor = last_push.or(self.expect_from);
                self.watch.answered(seen, floor);
            }
            Err(why) => self.watch.failed(answer.at, why),
        }
        if let Some(Ok(body)) = &answer.health {
            match decode::health(body, &self.profile) {
                Ok(Decoded { value, wrong: more }) => {
                    wrong.join(more);
                    self.is_supervising = value.is_supervising.or(self.is_supervising);
                    let told = value
                        .time
                        .and_then(|time| ServerTime::told(&time, answer.at));
                    self.server_time = told.or(self.server_time);
                    self.host = value.host;
                }
                Err(why) => wrong.join(Wrong {
                    count: 1,
                    first: Some(why),
                }),
            }
        }
        self.time(answer.at);
        wrong
    }

    fn seen(&self, answer: &ProbeAnswer<'_>, wrong: &mut Wrong) -> Result<Seen, PlainText> {
        let totals = decode::totals(answer.statistics.clone()?, &self.profile)?;
        let workers = decode::rows(answer.workers.clone()?, &self.profile)?;
        wrong.join(totals.wrong);
        wrong.join(workers.wrong);
        Ok(Seen {
            asked: answer.asked,
            at: answer.at,
            totals: totals.value,
            workers: workers.value,
        })
    }

    /// Compares an answer with what was pushed right before it.
    fn take_pair(&mut self, seen: &Seen) {
        let timing = self.timing;
        let is_after = |at: Stamp| at.mono_ns <= seen.asked.mono_ns;
        let is_pair = |at: Stamp| is_after(at) && timing.seconds(at, seen.asked) <= PAIR_S;
        let totals = self.totals.as_ref().filter(|pushed| is_pair(pushed.at));
        let workers = self.workers.as_ref().filter(|pushed| is_pair(pushed.at));
        if let Some(key) = totals.map(|t| t.key).or(workers.map(|w| w.key)) {
            self.compare.pair(
                key,
                (
                    totals.map(|t| &t.value),
                    workers.map(|w| w.value.as_slice()),
                ),
                (Some(&seen.totals), Some(&seen.workers)),
            );
        }
        if let Some(pushed) = self.totals.as_ref().filter(|pushed| is_after(pushed.at)) {
            let counted = |seen: &Seen| seen.totals.attempts.unwrap_or(0) > 0;
            let was_counting = is_pair(pushed.at)
                || self.watch.last.as_ref().is_some_and(|before| {
                    counted(before) && before.at.mono_ns <= pushed.at.mono_ns
                });
            self.compare
                .zeros(pushed.key, &pushed.value, &seen.totals, was_counting);
        }
    }

    /// Whether it is time for a probe. Says so once: the caller goes and asks.
    pub fn begin_probe(&mut self, now: Stamp) -> bool {
        if self.probe_every_s <= 0.0 || self.probe.in_flight {
            return false;
        }
        let is_due = match self.probe.last {
            None => true,
            // However many changes ask for one, they do not become a flood.
            Some(last) if self.probe.wanted => self.timing.seconds(last, now) >= 1.0,
            Some(last) => {
                self.timing.seconds(last, now) >= self.probe_period_s() && !self.is_push_near(now)
            }
        };
        if is_due {
            self.probe = Probing {
                last: Some(now),
                in_flight: true,
                wanted: false,
            };
        }
        is_due
    }

    fn probe_period_s(&self) -> f64 {
        match self.verdict {
            FleetVerdict::Live | FleetVerdict::Idle if !self.compare.is_in_doubt() => {
                self.probe_every_s
            }
            _ => self.probe_every_s.min(URGENT_PROBE_S),
        }
    }

    /// Whether a push is expected so soon that an answer right after it says more.
    fn is_push_near(&self, now: Stamp) -> bool {
        let Some(workers) = self
            .paces
            .last()
            .filter(|_| self.verdict == FleetVerdict::Live)
        else {
            return false;
        };
        let (Some(last), Some(interval_s)) = (workers.last, workers.interval_s()) else {
            return false;
        };
        let age_s = self.timing.seconds(last, now);
        age_s > interval_s - ALIGN_S && age_s < interval_s + ALIGN_S
    }

    /// A sample is whole: whether an answer should be compared with it now.
    fn is_time_to_pair(&self, at: Stamp) -> bool {
        let Some(last) = self.probe.last else {
            return true;
        };
        let interval_s = self
            .paces
            .last()
            .and_then(Pace::interval_s)
            .unwrap_or(START_INTERVAL_S);
        let next_s = self.timing.seconds(last, at) + interval_s;
        self.compare.is_in_doubt() || next_s > self.probe_every_s + ALIGN_S
    }

    /// Whether the session is to be made anew as a remedy; says so at most once in five minutes.
    pub fn begin_remedy(&mut self, now: Stamp) -> bool {
        let is_silent = matches!(self.verdict, FleetVerdict::Silent { .. });
        let is_rested = self
            .remedy
            .as_ref()
            .is_none_or(|remedy| self.timing.seconds(remedy.at, now) >= REMEDY_S);
        if !is_silent || !is_rested || self.link != Link::Up {
            return false;
        }
        self.link = Link::Remedy;
        self.remedy = Some(Remedy {
            at: now,
            connected: None,
            outcome: None,
        });
        self.marks
            .add(now, "silent: reconnecting once as a remedy".to_owned());
        true
    }

    /// Whether the connection is down only because of a remedy.
    pub fn is_in_remedy(&self) -> bool {
        self.link == Link::Remedy
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

    fn judge_remedy(&mut self, now: Stamp) {
        let patience_s = self
            .paces
            .iter()
            .filter_map(Pace::interval_s)
            .fold(START_INTERVAL_S, f64::max);
        let patience_s = super::pace::silent_after_s(patience_s);
        let timing = self.timing;
        if let Some(remedy) = &mut self.remedy
            && let (Some(connected), None) = (remedy.connected, &remedy.outcome)
            && timing.seconds(connected, now) > patience_s
        {
            let outcome = format!("reconnecting did not help: no push {patience_s:.0} s after it");
            remedy.outcome = Some(outcome.clone());
            self.marks.add(now, outcome);
        }
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
            has_probes: self.probe_every_s > 0.0,
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
