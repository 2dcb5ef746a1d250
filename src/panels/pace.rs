//! Pictures counted at both ends of a link over the same seconds: what the server says it sent
//! and what arrived here. A server's own rate would not do: it is the average since the start.

use std::collections::{BTreeMap, VecDeque};

use super::shortened;
use crate::model::{PlainText, Reading, Stamp, Value};
use crate::pipeline::CameraSnapshot;

/// Pictures per second at both ends, over the time between two statements of the server.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pace {
    /// Sent, as the server's counter says.
    pub server_fps: f64,
    /// The most it sent lately.
    pub usual_fps: f64,
    /// Arrived here.
    pub here_fps: f64,
    /// When the later statement came.
    pub at: Stamp,
}

/// The counters of one camera.
#[derive(Clone, Debug, Default, PartialEq)]
struct Counters {
    /// Our own count at each of the last ticks, oldest first.
    here: VecDeque<(Stamp, u64)>,
    server: Option<(Stamp, u64)>,
    pace: Option<Pace>,
}

/// The counters of all cameras of a source.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Paces(BTreeMap<PlainText, Counters>);

/// Cameras that are followed; a peer may invent names without end.
const MOST_CAMERAS: usize = 64;
/// Four ticks a second: more than a minute.
const TICKS: usize = 300;
/// Statements nearer to each other than this, in nanoseconds, say more about chance than about
/// the link.
const LEAST_NS: u64 = 2_000_000_000;
/// How far a tick may be from the statement it stands for, in nanoseconds.
const NEAR_NS: u64 = 600_000_000;

impl Paces {
    /// The latest comparison for a camera, once there are two statements.
    pub fn of(&self, detector: &str) -> Option<Pace> {
        self.0.get(&segment(detector))?.pace
    }

    /// Takes in our own counts.
    pub fn take_cameras(&mut self, cameras: &[CameraSnapshot], at: Stamp) {
        for camera in cameras {
            let Some(counters) = self.counters(&camera.detector) else {
                continue;
            };
            if counters.here.len() >= TICKS {
                counters.here.pop_front();
            }
            counters.here.push_back((at, camera.frames));
        }
    }

    /// Takes in what the server says: `server/CAMERA/frames_emitted`.
    pub fn take_readings(&mut self, readings: &[Reading], at: Stamp) {
        for reading in readings {
            let detector = reading
                .name
                .strip_prefix("server/")
                .and_then(|rest| rest.strip_suffix("/frames_emitted"));
            let (Some(detector), Value::Int(sent)) = (detector, &reading.value) else {
                continue;
            };
            let sent = u64::try_from(*sent).unwrap_or(0);
            if let Some(counters) = self.counters(detector) {
                counters.take_statement(at, sent);
            }
        }
    }

    /// Forgets all statements: the link was lost, and the server may have been started again.
    pub fn reset(&mut self) {
        self.0.clear();
    }

    fn counters(&mut self, detector: &str) -> Option<&mut Counters> {
        let name = segment(detector);
        if self.0.len() >= MOST_CAMERAS && !self.0.contains_key(&name) {
            return None;
        }
        Some(self.0.entry(name).or_default())
    }
}

impl Counters {
    fn take_statement(&mut self, at: Stamp, sent: u64) {
        let Some((then, sent_then)) = self.server else {
            self.server = Some((at, sent));
            return;
        };
        let span_ns = at.mono_ns.saturating_sub(then.mono_ns);
        if span_ns < LEAST_NS && sent >= sent_then {
            return;
        }
        self.server = Some((at, sent));
        // A counter that went back was started again.
        let usual = self.pace.map_or(0.0, |pace| pace.usual_fps);
        self.pace = match (sent.checked_sub(sent_then), self.here_fps(then, at)) {
            (Some(sent), Some(here_fps)) => {
                let server_fps = sent as f64 * 1e9 / span_ns as f64;
                Some(Pace {
                    server_fps,
                    // Forgotten by 1 % with each statement: a longer exposure becomes the usual.
                    usual_fps: server_fps.max(usual * 0.99),
                    here_fps,
                    at,
                })
            }
            _ => None,
        };
    }

    /// What arrived per second between the ticks nearest to two moments.
    fn here_fps(&self, from: Stamp, to: Stamp) -> Option<f64> {
        let near = |wanted: Stamp| {
            let distance = |at: &Stamp| at.mono_ns.abs_diff(wanted.mono_ns);
            let nearest = self.here.iter().min_by_key(|(at, _)| distance(at))?;
            (distance(&nearest.0) <= NEAR_NS).then_some(nearest)
        };
        let ((from, before), (to, after)) = (near(from)?, near(to)?);
        let span_ns = to.mono_ns.checked_sub(from.mono_ns).filter(|ns| *ns > 0)?;
        Some(after.checked_sub(*before)? as f64 * 1e9 / span_ns as f64)
    }
}

/// Paths have `_` where a camera's own name has a slash.
fn segment(detector: &str) -> PlainText {
    shortened(&PlainText::from(detector.replace('/', "_")), 200)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::FrameEncoding;

    fn at(ms: u64) -> Stamp {
        Stamp {
            mono_ns: ms * 1_000_000,
            unix_ns: 0,
        }
    }

    fn camera(frames: u64) -> CameraSnapshot {
        CameraSnapshot {
            detector: "a/b".into(),
            frames,
            lost: 0,
            fps: 0.0,
            bytes_per_s: 0.0,
            last_received: at(0),
            number: None,
            size_px: None,
            encoding: FrameEncoding::Jpeg,
            pixel_size_um: None,
            body_bytes: 0,
        }
    }

    /// Ten seconds of ticks at `here_fps`, and statements `(ms, sent)`.
    fn paces(here_fps: u64, statements: &[(u64, i64)]) -> Paces {
        let mut paces = Paces::default();
        for ms in (0..=10_000).step_by(250) {
            paces.take_cameras(&[camera(ms * here_fps / 1_000)], at(ms));
            for (_, sent) in statements.iter().filter(|(when, _)| *when == ms) {
                let sent = Reading::new("server/a_b/frames_emitted", *sent, "");
                paces.take_readings(&[sent], at(ms + 40));
            }
        }
        paces
    }

    #[test]
    fn both_ends_are_counted_over_the_same_seconds() {
        type Case = (u64, &'static [(u64, i64)], Option<(f64, f64)>);
        let cases: [Case; 5] = [
            (20, &[(1_000, 500)], None),
            (20, &[(1_000, 500), (6_000, 600)], Some((20.0, 20.0))),
            (12, &[(1_000, 500), (6_000, 600)], Some((20.0, 12.0))),
            (20, &[(1_000, 500), (1_500, 600)], None),
            (20, &[(1_000, 500), (6_000, 3)], None),
        ];
        for (here, statements, wanted) in cases {
            let found = paces(here, statements).of("a/b");
            let found = found.map(|pace| (pace.server_fps, pace.here_fps));
            assert_eq!(found, wanted, "{here} {statements:?}");
        }
    }

    #[test]
    fn after_a_restart_two_more_statements_are_needed() {
        let statements = [(1_000, 500), (4_000, 2), (8_000, 82)];
        let pace = paces(20, &statements).of("a/b").unwrap();
        assert_eq!((pace.server_fps, pace.usual_fps), (20.0, 20.0));
        let mut paces = paces(20, &statements);
        paces.reset();
        assert_eq!(paces.of("a/b"), None);
    }
}
