//! When the server is asked, and how what it answers compares with what was pushed.

use super::Monitor;
use crate::model::{FleetVerdict, PlainText, Stamp};
use crate::protocol::fleet::decode::{self, Decoded, Wrong};
use crate::protocol::fleet::pace::Pace;
use crate::protocol::fleet::server_time::ServerTime;
use crate::protocol::fleet::timing::{ALIGN_S, PAIR_S, START_INTERVAL_S, URGENT_PROBE_S};
use crate::protocol::fleet::watch::Seen;

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

/// When it was asked, and is to be asked again.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Probing {
    /// Seconds between probes while all is well; 0 for none.
    pub(super) every_s: f64,
    /// When the last one was begun.
    last: Option<Stamp>,
    in_flight: bool,
    /// One is wanted at once.
    pub(super) wanted: bool,
}

impl Probing {
    /// A probe every `every_s` seconds of the feed while all is well; none for 0 and what is no
    /// time.
    pub(super) fn every(every_s: f64) -> Self {
        let is_time = every_s.is_finite() && every_s > 0.0;
        Self {
            every_s: if is_time { every_s } else { 0.0 },
            ..Self::default()
        }
    }
}

impl Monitor {
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
        if self.probe.every_s <= 0.0 || self.probe.in_flight {
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
                ..self.probe
            };
        }
        is_due
    }

    fn probe_period_s(&self) -> f64 {
        match self.verdict {
            FleetVerdict::Live | FleetVerdict::Idle if !self.compare.is_in_doubt() => {
                self.probe.every_s
            }
            _ => self.probe.every_s.min(URGENT_PROBE_S),
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
    pub(super) fn is_time_to_pair(&self, at: Stamp) -> bool {
        let Some(last) = self.probe.last else {
            return true;
        };
        let interval_s = self
            .paces
            .last()
            .and_then(Pace::interval_s)
            .unwrap_or(START_INTERVAL_S);
        let next_s = self.timing.seconds(last, at) + interval_s;
        self.compare.is_in_doubt() || next_s > self.probe.every_s + ALIGN_S
    }
}
