//! Whether pictures come that should, and what to do if they do not.
//!
//! A connection can be alive and bring nothing: another client's mistake stops everybody's stream,
//! a slow command blocks the server's thread, an acknowledgement got lost. So after some silence
//! the server is asked over HTTP; if it says that the stream runs, the last acknowledgement is
//! repeated; if that brings nothing either, the connection is renewed, once.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::model::PlainText;
use crate::protocol::imswitch::brings_frames;

/// What is to be done about the silence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Say so, and ask the server which streams run.
    Ask {
        /// What is missing.
        missing: String,
    },
    /// Say so, and acknowledge again.
    AcknowledgeAgain {
        /// What is missing.
        missing: String,
    },
    /// Say so and wait.
    Wait {
        /// What is missing.
        missing: String,
    },
    /// Make a new connection.
    Reconnect {
        /// Why.
        why: String,
    },
    /// Nothing is missing after all.
    AllQuiet,
}

/// What the server said about its streams.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Streams {
    /// These run, with these protocols.
    Running(Vec<(PlainText, PlainText)>),
    /// It has no way of telling.
    CannotTell,
    /// It did not answer, for this reason.
    NoAnswer(String),
}

/// The watch over one connection's pictures. All times are monotonic nanoseconds.
#[derive(Debug)]
pub(super) struct Watch {
    patience_ns: u64,
    /// Detectors whose pictures should come.
    streams: BTreeSet<PlainText>,
    /// When detectors were stopped: a picture may still have been under way.
    stopped: BTreeMap<PlainText, u64>,
    exposures_ms: BTreeMap<PlainText, f64>,
    /// Last picture, or since when one should come.
    since_ns: u64,
    last_frame_ns: Option<u64>,
    /// Between the last two pictures: a stream may be slow on purpose.
    interval_ns: u64,
    phase: Phase,
    /// A new connection was tried and brought no picture either.
    renewed: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Pictures come, or none should.
    Content,
    /// An exposure takes longer than the patience; until then nothing can be missing.
    Exposing { until_ns: u64 },
    /// The server was asked.
    Asked,
    /// Acknowledged again.
    Nudged { at_ns: u64 },
    /// Everything was tried; asking again now and then.
    Resigned { at_ns: u64 },
}

/// Detectors that are told apart; a server may invent a new name for each picture.
const DETECTORS: usize = 64;
/// Between two questions to a server that has no better answer.
const RESIGNED_NS: u64 = 30_000_000_000;

impl Watch {
    pub(super) fn new(patience: Duration) -> Self {
        Self {
            patience_ns: nanos(patience),
            streams: BTreeSet::new(),
            stopped: BTreeMap::new(),
            exposures_ms: BTreeMap::new(),
            since_ns: 0,
            last_frame_ns: None,
            interval_ns: 0,
            phase: Phase::Content,
            renewed: false,
        }
    }

    /// A picture came.
    pub(super) fn frame(&mut self, detector: &PlainText, now_ns: u64) {
        if let Some(last) = self.last_frame_ns.replace(now_ns) {
            self.interval_ns = now_ns.saturating_sub(last);
        }
        self.since_ns = now_ns;
        self.phase = Phase::Content;
        self.renewed = false;
        let was_stopped = self
            .stopped
            .get(detector)
            .is_some_and(|at| now_ns.saturating_sub(*at) < self.patience_ns);
        if !was_stopped {
            self.watch_over(detector);
        }
    }

    /// The server said that a stream began or ended.
    pub(super) fn stream(&mut self, detector: PlainText, running: bool, now_ns: u64) {
        if running {
            self.stopped.remove(&detector);
            self.expect(detector, now_ns);
        } else {
            self.streams.remove(&detector);
            if self.stopped.len() < DETECTORS || self.stopped.contains_key(&detector) {
                self.stopped.insert(detector, now_ns);
            }
            self.rest_if_nothing_runs();
        }
    }

    /// The exposure time of a camera, as far as is known.
    pub(super) fn exposure(&mut self, detector: PlainText, ms: f64) {
        if self.exposures_ms.len() < DETECTORS || self.exposures_ms.contains_key(&detector) {
            self.exposures_ms.insert(detector, ms);
        }
    }

    /// Whether any stream should bring pictures.
    pub(super) fn is_streaming(&self) -> bool {
        !self.streams.is_empty()
    }

    /// The connection was lost: what runs will be asked anew.
    pub(super) fn disconnected(&mut self) {
        self.streams.clear();
        self.stopped.clear();
        self.phase = Phase::Content;
    }

    /// The server answered which streams run, asked by us or not.
    pub(super) fn answered(&mut self, streams: &Streams, now_ns: u64) -> Option<Step> {
        let asked = self.phase == Phase::Asked;
        let said = match streams {
            Streams::Running(running) => {
                let names: Vec<&PlainText> = running
                    .iter()
                    .filter(|(_, protocol)| brings_frames(protocol))
                    .map(|(detector, _)| detector)
                    .collect();
                self.streams.retain(|detector| names.contains(&detector));
                for name in names {
                    self.expect(name.clone(), now_ns);
                }
                if self.streams.is_empty() {
                    self.phase = Phase::Content;
                    return asked.then_some(Step::AllQuiet);
                }
                "the server says that the stream runs".to_owned()
            }
            Streams::CannotTell if asked => {
                // Without knowing whether a stream runs a renewed connection is no remedy.
                self.renewed = true;
                "this server cannot say whether its live view runs".to_owned()
            }
            Streams::NoAnswer(why) if asked => why.clone(),
            _ => return None,
        };
        if !asked {
            return None;
        }
        self.phase = Phase::Nudged { at_ns: now_ns };
        Some(Step::AcknowledgeAgain {
            missing: format!("{}; {said}", self.silence(now_ns)),
        })
    }

    /// When [`Watch::tick`] has something to do.
    pub(super) fn deadline(&self) -> Option<u64> {
        let (from, wait) = match self.phase {
            Phase::Content if self.streams.is_empty() => return None,
            Phase::Content => (self.since_ns, self.first_patience_ns()),
            Phase::Exposing { until_ns } => (until_ns, 0),
            Phase::Asked => return None,
            Phase::Nudged { at_ns } => (at_ns, self.patience_ns),
            Phase::Resigned { at_ns } => (at_ns, RESIGNED_NS),
        };
        Some(from.saturating_add(wait))
    }

    /// What to do now, if the deadline is over.
    pub(super) fn tick(&mut self, now_ns: u64) -> Option<Step> {
        if self.deadline().is_none_or(|deadline| now_ns < deadline) {
            return None;
        }
        let silence = self.silence(now_ns);
        match self.phase {
            Phase::Content => {
                let exposure_ms = self.longest_exposure_ms();
                let exposure_ns = (exposure_ms * 1e6) as u64;
                let until_ns = self
                    .since_ns
                    .saturating_add(exposure_ns)
                    .saturating_add(self.patience_ns);
                if exposure_ns >= self.patience_ns {
                    self.phase = Phase::Exposing { until_ns };
                    let missing = format!("{silence}: an exposure takes {exposure_ms} ms");
                    return Some(Step::Wait { missing });
                }
                self.phase = Phase::Asked;
                Some(Step::Ask { missing: silence })
            }
            Phase::Exposing { .. } | Phase::Resigned { .. } => {
                self.phase = Phase::Asked;
                Some(Step::Ask { missing: silence })
            }
            Phase::Nudged { .. } if self.renewed => {
                self.phase = Phase::Resigned { at_ns: now_ns };
                Some(Step::Wait { missing: silence })
            }
            Phase::Nudged { .. } => {
                self.renewed = true;
                self.phase = Phase::Content;
                // The new connection gets its own time.
                self.since_ns = now_ns;
                Some(Step::Reconnect { why: silence })
            }
            Phase::Asked => None,
        }
    }

    /// How long nothing need come before it is missed: at least two of the usual intervals.
    fn first_patience_ns(&self) -> u64 {
        self.patience_ns.max(self.interval_ns.saturating_mul(2))
    }

    fn expect(&mut self, detector: PlainText, now_ns: u64) {
        if self.streams.is_empty() && self.phase == Phase::Content {
            self.since_ns = now_ns;
        }
        self.watch_over(&detector);
    }

    fn watch_over(&mut self, detector: &PlainText) {
        if self.streams.len() < DETECTORS && !self.streams.contains(detector) {
            self.streams.insert(detector.clone());
        }
    }

    fn rest_if_nothing_runs(&mut self) {
        // A question under way keeps its phase: its answer will come.
        if self.streams.is_empty() && self.phase != Phase::Asked {
            self.phase = Phase::Content;
        }
    }

    fn longest_exposure_ms(&self) -> f64 {
        let of_streams = self.streams.iter().filter_map(|d| self.exposures_ms.get(d));
        of_streams.copied().fold(0.0, f64::max)
    }

    fn silence(&self, now_ns: u64) -> String {
        let seconds = now_ns.saturating_sub(self.since_ns) / 1_000_000_000;
        let names: Vec<&str> = self.streams.iter().map(PlainText::as_str).collect();
        format!("no frame for {seconds} s from {}", names.join(", "))
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What happens at a second, and the step it leads to.
    enum What {
        Frame,
        Started,
        Stopped,
        Exposure(f64),
        Says(Streams),
        Tick,
        Lost,
    }

    fn up() -> What {
        What::Says(Streams::Running(vec![("Cam".into(), "binary".into())]))
    }

    fn down() -> What {
        What::Says(Streams::Running(vec![("Cam".into(), "mjpeg".into())]))
    }

    /// Each step as a word and what is told.
    fn words(step: Option<Step>) -> Option<String> {
        step.map(|step| match step {
            Step::Ask { missing } => format!("ask: {missing}"),
            Step::AcknowledgeAgain { missing } => format!("nudge: {missing}"),
            Step::Wait { missing } => format!("wait: {missing}"),
            Step::Reconnect { why } => format!("reconnect: {why}"),
            Step::AllQuiet => "quiet".to_owned(),
        })
    }

    fn check(name: &str, story: Vec<(u64, What, Option<&str>)>) {
        let mut watch = Watch::new(Duration::from_secs(3));
        for (second, what, wanted) in story {
            let now = second * 1_000_000_000;
            let step = match what {
                What::Frame => {
                    watch.frame(&"Cam".into(), now);
                    None
                }
                What::Started => {
                    watch.stream("Cam".into(), true, now);
                    None
                }
                What::Stopped => {
                    watch.stream("Cam".into(), false, now);
                    None
                }
                What::Exposure(ms) => {
                    watch.exposure("Cam".into(), ms);
                    None
                }
                What::Says(streams) => watch.answered(&streams, now),
                What::Tick => watch.tick(now),
                What::Lost => {
                    watch.disconnected();
                    None
                }
            };
            assert_eq!(words(step).as_deref(), wanted, "{name} at {second} s");
        }
    }

    #[test]
    fn silence_is_asked_about_then_nudged_then_the_connection_renewed_once() {
        use What::{Frame, Lost, Tick};
        check(
            "silence",
            vec![
                (0, Frame, None),
                (2, Tick, None),
                (3, Tick, Some("ask: no frame for 3 s from Cam")),
                (9, Tick, None),
                (
                    9,
                    up(),
                    Some("nudge: no frame for 9 s from Cam; the server says that the stream runs"),
                ),
                (11, Tick, None),
                (12, Tick, Some("reconnect: no frame for 12 s from Cam")),
                (12, Lost, None),
                (13, up(), None),
                (15, Tick, None),
                (16, Tick, Some("ask: no frame for 3 s from Cam")),
                (
                    16,
                    up(),
                    Some("nudge: no frame for 3 s from Cam; the server says that the stream runs"),
                ),
                (19, Tick, Some("wait: no frame for 6 s from Cam")),
                (48, Tick, None),
                (49, Tick, Some("ask: no frame for 36 s from Cam")),
            ],
        );
    }

    #[test]
    fn a_server_that_invents_detectors_does_not_fill_the_memory() {
        let mut watch = Watch::new(Duration::from_secs(3));
        for n in 0..1_000 {
            let name = PlainText::from(format!("Cam{n}"));
            watch.frame(&name, n);
            watch.exposure(name.clone(), 1.0);
            watch.stream(name, n % 2 == 0, n);
        }
        let kept = [
            watch.streams.len(),
            watch.stopped.len(),
            watch.exposures_ms.len(),
        ];
        assert!(kept.iter().all(|kept| *kept <= DETECTORS), "{kept:?}");
    }

    #[test]
    fn a_stream_that_does_not_run_is_not_missed() {
        use What::{Frame, Started, Stopped, Tick};
        check("never started", vec![(100, Tick, None)]);
        check(
            "stopped, with a picture still under way",
            vec![
                (0, Started, None),
                (1, Frame, None),
                (2, Stopped, None),
                (2, Frame, None),
                (20, Tick, None),
            ],
        );
        check(
            "stopped without a word",
            vec![
                (0, Frame, None),
                (3, Tick, Some("ask: no frame for 3 s from Cam")),
                (3, down(), Some("quiet")),
                (20, Tick, None),
            ],
        );
    }

    #[test]
    fn a_long_exposure_is_named_and_waited_for() {
        use What::{Exposure, Frame, Tick};
        check(
            "exposure",
            vec![
                (0, Exposure(5000.0), None),
                (0, Frame, None),
                (
                    3,
                    Tick,
                    Some("wait: no frame for 3 s from Cam: an exposure takes 5000 ms"),
                ),
                (7, Tick, None),
                (8, Tick, Some("ask: no frame for 8 s from Cam")),
            ],
        );
    }

    #[test]
    fn a_slow_stream_is_given_time() {
        use What::{Frame, Tick};
        check(
            "one picture in ten seconds",
            vec![
                (0, Frame, None),
                (10, Frame, None),
                (29, Tick, None),
                (30, Tick, Some("ask: no frame for 20 s from Cam")),
            ],
        );
    }

    #[test]
    fn a_server_that_cannot_tell_is_not_reconnected() {
        use What::{Frame, Says, Tick};
        check(
            "old server",
            vec![
                (0, Frame, None),
                (3, Tick, Some("ask: no frame for 3 s from Cam")),
                (
                    3,
                    Says(Streams::CannotTell),
                    Some(
                        "nudge: no frame for 3 s from Cam; \
                         this server cannot say whether its live view runs",
                    ),
                ),
                (6, Tick, Some("wait: no frame for 6 s from Cam")),
            ],
        );
    }

    #[test]
    fn a_server_that_does_not_answer_is_left_after_the_nudge() {
        use What::{Frame, Says, Tick};
        let hung = Streams::NoAnswer("it does not answer".to_owned());
        check(
            "hung",
            vec![
                (0, Frame, None),
                (3, Tick, Some("ask: no frame for 3 s from Cam")),
                (
                    13,
                    Says(hung),
                    Some("nudge: no frame for 13 s from Cam; it does not answer"),
                ),
                (16, Tick, Some("reconnect: no frame for 16 s from Cam")),
            ],
        );
    }
}
