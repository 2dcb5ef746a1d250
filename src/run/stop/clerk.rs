//! What became of each press, for whoever asks from outside. Lives on the stop's own thread.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::timeout;

use crate::control::{StopReporter, StopReports};
use crate::model::{PlainText, SourceId, StopEvent, StopReport, StopState};

/// Collects what the ways report and hands it on to be published.
#[derive(Clone, Debug)]
pub(super) struct Clerk(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    names: BTreeMap<SourceId, PlainText>,
    newest: Mutex<BTreeMap<SourceId, StopReport>>,
    changed: Notify,
}

/// After this long an instrument that has not answered is said not to have.
const PATIENCE: Duration = Duration::from_millis(1_500);

impl Clerk {
    pub(super) fn new(names: impl Iterator<Item = (SourceId, PlainText)>) -> Self {
        Self(Arc::new(Shared {
            names: names.collect(),
            newest: Mutex::default(),
            changed: Notify::new(),
        }))
    }

    /// Notes what one way reports, and hands it on, until it reports no more.
    pub(super) async fn collect(
        self,
        source: SourceId,
        mut reports: StopReports,
        publish: StopReporter,
    ) {
        while let Some((at, event)) = reports.recv().await {
            if let StopEvent::Report(report) = &event {
                self.note(source, report);
                self.0.changed.notify_waiters();
            }
            publish.say(at, event);
            let lost = reports.take_lost();
            if lost > 0 {
                tracing::warn!("{lost} reports of a stop found no room");
            }
        }
    }

    /// A press goes two ways, and an answer on either is an answer.
    fn note(&self, source: SourceId, report: &StopReport) {
        let mut newest = self.newest();
        let is_answered = newest.get(&source).is_some_and(|known| {
            known.press.number == report.press.number
                && matches!(known.state, StopState::Acknowledged { .. })
        });
        let is_old = newest
            .get(&source)
            .is_some_and(|known| known.press.number > report.press.number);
        if !is_answered && !is_old {
            newest.insert(source, report.clone());
        }
    }

    /// Waits until press `number` has an answer from every instrument, or for long enough.
    /// Returns name and state of each; `None` where nothing was reported.
    pub(super) async fn settled(&self, number: u64) -> Vec<(PlainText, Option<StopState>)> {
        self.settled_within(number, PATIENCE).await
    }

    /// As [`Clerk::settled`], waiting for `patience` at most. What could not be sent is tried
    /// again by its way, so only an answer counts as settled.
    pub(super) async fn settled_within(
        &self,
        number: u64,
        patience: Duration,
    ) -> Vec<(PlainText, Option<StopState>)> {
        let all_settled = async {
            loop {
                let changed = self.0.changed.notified();
                let is_settled = |(_, state): &(PlainText, Option<StopState>)| {
                    matches!(
                        state,
                        Some(StopState::Acknowledged { .. } | StopState::Refused)
                    )
                };
                if self.states(number).iter().all(is_settled) {
                    return;
                }
                changed.await;
            }
        };
        let _ = timeout(patience, all_settled).await;
        self.states(number)
    }

    fn states(&self, number: u64) -> Vec<(PlainText, Option<StopState>)> {
        let newest = self.newest();
        let state = |source: &SourceId| {
            let report = newest.get(source)?;
            (report.press.number >= number).then_some(report.state)
        };
        let names = self.0.names.iter();
        names
            .map(|(source, name)| (name.clone(), state(source)))
            .collect()
    }

    fn newest(&self) -> MutexGuard<'_, BTreeMap<SourceId, StopReport>> {
        self.0.newest.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Stamp, StopLevel, StopOrigin, StopPress};

    fn report(number: u64, state: StopState) -> StopEvent {
        StopEvent::Report(StopReport {
            press: StopPress {
                number,
                level: StopLevel::Halt,
                origin: StopOrigin::Outside,
                mono_ns: 0,
            },
            state,
            detail: None,
        })
    }

    #[tokio::test]
    async fn the_newest_report_of_each_instrument_counts_and_all_are_handed_on() {
        let names = [(SourceId(0), "a".into()), (SourceId(1), "b".into())];
        let clerk = Clerk::new(names.into_iter());
        let (reporter, reports) = StopReporter::new();
        let (publish, mut published) = StopReporter::new();
        tokio::spawn(clerk.clone().collect(SourceId(0), reports, publish));
        let acknowledged = StopState::Acknowledged { after_ns: 7 };
        reporter.say(Stamp::default(), report(1, StopState::NoAnswer));
        reporter.say(Stamp::default(), report(2, acknowledged));
        for expected in [(1, StopState::NoAnswer), (2, acknowledged)] {
            let next = published.recv().await.map(|(_, event)| event);
            assert_eq!(next, Some(report(expected.0, expected.1)));
        }
        assert_eq!(
            clerk.states(2),
            [("a".into(), Some(acknowledged)), ("b".into(), None)]
        );
        assert_eq!(clerk.states(3), [("a".into(), None), ("b".into(), None)]);
    }
}
