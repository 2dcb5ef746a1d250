//! What a verdict rests on, in one line of numbers: no cause is guessed.

use super::profile::EventKind;
use super::verdict::{Case, LinkCase, Standing};
use super::watch::Watch;
use crate::model::{FleetVerdict, Stamp};

/// What the line is made of.
pub(super) struct Material<'a> {
    pub(super) case: &'a Case,
    pub(super) verdict: FleetVerdict,
    /// Names of the expected events on the wire.
    pub(super) names: [&'a str; 3],
    pub(super) watch: &'a Watch,
    pub(super) heartbeat: Option<Stamp>,
    pub(super) now: Stamp,
    pub(super) turn: Option<u64>,
    /// What the pairs showed.
    pub(super) pairs: Option<&'a str>,
    /// Why the connection ended.
    pub(super) link_trouble: Option<&'a str>,
    /// What became of the last reconnection.
    pub(super) remedy: Option<&'a str>,
    /// Who has been due for longest.
    pub(super) due: Option<(&'a str, f64)>,
    /// Whether the last pair agreed.
    pub(super) has_agreed: bool,
}

impl Material<'_> {
    /// The line.
    pub(super) fn line(&self) -> String {
        let parts = match self.verdict {
            FleetVerdict::Live => vec![self.rhythm(), self.agreement()],
            FleetVerdict::Unknown => vec![self.beginning()],
            FleetVerdict::Late if self.is_coming_back() => vec![self.coming_back(), self.rest()],
            FleetVerdict::Late | FleetVerdict::Silent { .. } => {
                vec![format!("push: {}", self.oldest()), self.beat(), self.rest()]
            }
            FleetVerdict::Half => vec![self.overdue_and_coming(), self.rest()],
            FleetVerdict::Zero | FleetVerdict::Disagree => {
                vec![self.pairs.unwrap_or_default().to_owned(), self.at_turn()]
            }
            FleetVerdict::StalledProducer => {
                vec![
                    format!("push: {}", self.oldest()),
                    self.rest(),
                    self.who_is_due(),
                ]
            }
            FleetVerdict::Idle => vec![
                "the server says that its loop is stopped".to_owned(),
                format!("push: {}", self.oldest()),
            ],
            FleetVerdict::DeadLink | FleetVerdict::Down => vec![self.link(), self.rest()],
        };
        let mut parts: Vec<String> = parts.into_iter().filter(|part| !part.is_empty()).collect();
        parts.extend(self.remedy.map(str::to_owned));
        parts.join(", ")
    }

    fn rhythm(&self) -> String {
        let interval_s = self
            .case
            .events
            .iter()
            .map(|e| e.expected_s())
            .fold(0.0, f64::max);
        match self.turn {
            Some(turn) => format!("pushed every {interval_s:.1} s, turn {turn}"),
            None => format!("pushed every {interval_s:.1} s"),
        }
    }

    fn agreement(&self) -> String {
        match (self.has_agreed, self.watch.failures, &self.watch.last) {
            (_, failures @ 1.., _) => format!("REST failed {failures}×"),
            (true, ..) => "REST agrees".to_owned(),
            (false, _, Some(_)) => "REST answers".to_owned(),
            (false, _, None) => String::new(),
        }
    }

    fn beginning(&self) -> String {
        if self.case.link != LinkCase::Up {
            return match self.link_trouble {
                Some(why) => format!("not connected: {why}"),
                None => "connecting".to_owned(),
            };
        }
        let came = self
            .case
            .events
            .iter()
            .filter(|event| event.has_come)
            .count();
        if came > 0 {
            let least = self
                .case
                .events
                .iter()
                .map(|e| e.on_time)
                .min()
                .unwrap_or(0);
            return format!("{least} of 2 samples in time, {}", self.rest());
        }
        let since_s = self.case.events.iter().map(|e| e.age_s).fold(0.0, f64::max);
        format!(
            "no push in {since_s:.0} s since the connection, {}",
            self.rest()
        )
    }

    fn is_coming_back(&self) -> bool {
        self.case.standings() == [Standing::OnTime; 3]
    }

    fn coming_back(&self) -> String {
        let least = self
            .case
            .events
            .iter()
            .map(|e| e.on_time)
            .min()
            .unwrap_or(0);
        format!("pushes are back, {least} of 2 samples in time")
    }

    /// The event that is overdue by most.
    fn oldest(&self) -> String {
        let oldest = self
            .case
            .events
            .iter()
            .zip(self.names)
            .max_by(|(a, _), (b, _)| {
                (a.age_s / a.expected_s()).total_cmp(&(b.age_s / b.expected_s()))
            });
        let Some((event, name)) = oldest else {
            return String::new();
        };
        let expected = match event.interval_s {
            Some(interval_s) => format!("expected {interval_s:.1} s"),
            None => "interval unknown".to_owned(),
        };
        match event.has_come {
            true => format!("{name} {:.1} s old ({expected})", event.age_s),
            false => format!("no {name} in {:.1} s ({expected})", event.age_s),
        }
    }

    fn overdue_and_coming(&self) -> String {
        let fresh = self
            .case
            .events
            .iter()
            .zip(self.names)
            .zip(self.case.standings())
            .filter(|(_, standing)| *standing == Standing::OnTime)
            .map(|((event, name), _)| format!("{name} {:.1} s", event.age_s));
        let fresh: Vec<String> = fresh.collect();
        format!("{}, while {} old", self.oldest(), fresh.join(" and "))
    }

    fn beat(&self) -> String {
        match self.heartbeat {
            Some(at) => format!("heart-beat {:.1} s ago", self.now.since(at).as_secs_f64()),
            None => String::new(),
        }
    }

    fn rest(&self) -> String {
        let watch = self.watch;
        match (watch.failures, watch.moved_attempts, &watch.last) {
            (failures @ 1.., _, _) => {
                let why = watch
                    .probe
                    .as_ref()
                    .and_then(|probe| probe.outcome.as_ref().err());
                let why = why.map_or(String::new(), |why| format!(": {why}"));
                format!("REST failed {failures}×{why}")
            }
            (0, Some((from, to)), _) if from != to => format!("REST moved {from} → {to} attempts"),
            (0, _, Some(_)) => match watch.unpushed_moves {
                0 => "REST does not move".to_owned(),
                moves => format!("REST moved {moves}×"),
            },
            (0, _, None) if self.case.has_probes => "REST not asked yet".to_owned(),
            (0, _, None) => "no REST probes".to_owned(),
        }
    }

    fn at_turn(&self) -> String {
        self.turn
            .map_or(String::new(), |turn| format!("turn {turn}"))
    }

    fn who_is_due(&self) -> String {
        self.due.map_or(String::new(), |(who, for_s)| {
            format!("worker {who} due for {for_s:.0} s")
        })
    }

    fn link(&self) -> String {
        let why = self
            .link_trouble
            .map_or(String::new(), |why| format!(": {why}"));
        match self.case.link {
            LinkCase::Lost { for_s, .. } => format!("no connection for {for_s:.0} s{why}"),
            _ => format!("push: {}", self.oldest()),
        }
    }
}

/// The places of the expected events.
pub(super) fn place_of(kind: EventKind) -> Option<usize> {
    EventKind::EXPECTED
        .iter()
        .position(|expected| *expected == kind)
}
