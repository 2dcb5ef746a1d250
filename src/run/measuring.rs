//! Who is measured when: every camera's newest frame at full resolution, as often as a quarter of
//! one core allows, at most ten times a second; and the readings that come of it.
//!
//! With a screen this is done on the picture thread, which has the pixels of what is watched;
//! without one on a thread of its own ([`Unseen`]). What is measured is told to a task that hands
//! it on, because that may have to wait for the disk, and a picture must not.

mod readings;
mod unseen;

use std::collections::{BTreeMap, VecDeque};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::config;
use crate::imaging::{Decoder, Gauge, Measurer, Measures, Raster, Roi, Trends};
use crate::model::{CameraKey, Clock, Fault, FaultKind, Frame, Reading, Severity, SourceId, Stamp};
use crate::pipeline::{Meters, Outlet};

pub use unseen::Unseen;

/// Shortest time between two measurements of one camera.
const EVERY_NS: u64 = 100_000_000;

/// How many times as long as a measurement took none follows: a quarter of a core is spent.
const REST: u64 = 3;

/// A camera that has sent nothing for so long does not keep the others waiting for its turn.
const GONE_NS: u64 = 1_000_000_000;

/// Measurements over which is told how many frames are measured.
const COUNTED: usize = 8;

/// Cameras that are measured. A peer may invent any number of names.
const MAX_CAMERAS: usize = 64;

/// Findings on their way to the recorder; while there is no room, fewer frames are measured.
const WAITING: usize = 64;

/// What was found out about a frame, on its way out.
#[derive(Debug)]
pub(super) struct Found {
    source: SourceId,
    received: Stamp,
    what: What,
}

#[derive(Debug)]
enum What {
    Readings(Vec<Reading>),
    Fault(Fault),
}

/// What is measured of one source.
#[derive(Clone, Debug, Default)]
struct Plan {
    is_on: bool,
    /// Whether what is measured becomes readings. Those of a recording are in it already.
    is_told: bool,
    roi: BTreeMap<String, Roi>,
}

/// What measuring in one session rests on; makes whoever does it.
#[derive(Clone, Debug)]
pub(super) struct Setup {
    plans: Vec<Plan>,
    clock: Clock,
    meters: Meters,
    found: mpsc::Sender<Found>,
}

impl Setup {
    /// For sources as they are configured. Without a configuration they are those of a recording:
    /// what is looked at is measured for the screen, and nothing is told.
    pub(super) fn new(
        sources: usize,
        specs: &[config::SourceSpec],
        clock: Clock,
        meters: Meters,
    ) -> (Self, mpsc::Receiver<Found>) {
        let (found, told) = mpsc::channel(WAITING);
        let plan = |index: usize| {
            let measuring = specs.get(index).map(|spec| &spec.measuring);
            let roi = measuring.into_iter().flat_map(|m| &m.roi);
            Plan {
                is_on: measuring.is_none_or(|measuring| measuring.is_on),
                is_told: measuring.is_some(),
                roi: roi
                    .map(|(name, roi)| (name.clone(), region(*roi)))
                    .collect(),
            }
        };
        let setup = Self {
            plans: (0..sources).map(plan).collect(),
            clock,
            meters,
            found,
        };
        (setup, told)
    }

    /// Whether anything is measured that nobody looks at.
    pub(super) fn is_needed_unseen(&self) -> bool {
        self.plans.iter().any(|plan| plan.is_on && plan.is_told)
    }

    /// One who measures.
    pub(super) fn measuring(&self) -> Measuring {
        Measuring {
            setup: self.clone(),
            decoder: Decoder::default(),
            measurer: Measurer::default(),
            cameras: BTreeMap::new(),
            rest_until_ns: 0,
        }
    }
}

fn region([x, y, width, height]: [u32; 4]) -> Roi {
    Roi {
        x,
        y,
        width,
        height,
    }
}

/// What was found out later than this carries the time when it was: a recording in which times go
/// back would look as if its clock had been set.
const LATE_NS: u64 = 500_000_000;

/// Hands on what was found out, until `stop`.
pub(super) async fn publish(
    outlets: Vec<Outlet>,
    mut told: mpsc::Receiver<Found>,
    stop: CancellationToken,
) {
    while let Some(Some(found)) = stop.run_until_cancelled(told.recv()).await {
        let Some(outlet) = outlets.get(usize::from(found.source.0)) else {
            continue;
        };
        let now = outlet.clock().now();
        let received = match now.mono_ns.saturating_sub(found.received.mono_ns) {
            ..LATE_NS => found.received,
            _ => now,
        };
        match found.what {
            What::Readings(readings) => outlet.publish_found(received, readings).await,
            What::Fault(fault) => outlet.fault(received, fault).await,
        }
    }
}

/// What is known of a camera.
#[derive(Debug, Default)]
struct Camera {
    gauge: Gauge,
    /// When its last frame came by.
    seen_ns: u64,
    /// When it was last measured, or tried.
    measured_ns: Option<u64>,
    /// Frames it had sent at each of the last measurements, the newest last.
    frames: VecDeque<u64>,
    newest: Option<Newest>,
}

/// The last numbers of a camera.
#[derive(Debug)]
struct Newest {
    measures: Arc<Measures>,
    /// When their frame was received.
    received: Stamp,
    /// The part that was asked for.
    roi: Option<Roi>,
}

/// Measures cameras, one frame at a time.
#[derive(Debug)]
pub struct Measuring {
    setup: Setup,
    decoder: Decoder,
    measurer: Measurer,
    cameras: BTreeMap<CameraKey, Camera>,
    rest_until_ns: u64,
}

impl Measuring {
    /// Takes a frame that has been decoded for its picture, and measures it if that is due, or if
    /// another part of it is asked for.
    ///
    /// - `roi`: the part that the operator has chosen; that of the configuration if there is none
    ///
    /// Returns the newest numbers of the camera, which may be those of a frame shortly before. A
    /// frame that is looked at once more after newer ones were measured has numbers of its own,
    /// which are told to nobody.
    pub fn take(
        &mut self,
        camera: &CameraKey,
        raster: &Raster<'_>,
        frame: &Frame,
        received: Stamp,
        roi: Option<Roi>,
    ) -> Option<Arc<Measures>> {
        if !self.plan(camera)?.is_on {
            return None;
        }
        let roi = roi.or_else(|| self.written_roi(camera));
        let newest = self.cameras.get(camera).and_then(|c| c.newest.as_ref());
        let is_as_asked = newest.is_some_and(|newest| newest.roi == roi);
        let newest_ns = newest.map(|newest| newest.received.mono_ns);
        if newest_ns.is_some_and(|newest| newest > received.mono_ns) {
            let (began, gauge) = (self.setup.clock.now().mono_ns, &mut Gauge::new());
            let mut measures = self.measurer.measure(gauge, raster, roi, frame.bit_depth);
            self.rest(began);
            // What rests on the frames before it is not known any more.
            measures.trends = Trends::default();
            measures.drift = None;
            return Some(Arc::new(measures));
        }
        if !(is_as_asked && newest_ns == Some(received.mono_ns)) {
            // The numbers of another part would be a lie, and no other frame may ever come.
            let is_changed = newest_ns.is_some() && !is_as_asked;
            let now = is_changed.then(|| self.setup.clock.now().mono_ns);
            if let Some(began) = now.or_else(|| self.due(camera)) {
                self.measure(camera, raster, frame, received, roi);
                self.rest(began);
            }
        }
        let newest = self.cameras.get(camera)?.newest.as_ref()?;
        Some(Arc::clone(&newest.measures))
    }

    /// Takes a frame that nobody looks at, and decodes and measures it if that is due.
    ///
    /// - `roi`: the part that the operator has chosen, whose picture is held for the time being
    pub fn take_unseen(
        &mut self,
        camera: &CameraKey,
        frame: &Frame,
        received: Stamp,
        roi: Option<Roi>,
    ) {
        let is_told = self.plan(camera).is_some_and(|plan| plan.is_told);
        let Some(began) = is_told.then(|| self.due(camera)).flatten() else {
            return;
        };
        let mut decoder = std::mem::take(&mut self.decoder);
        // A decoder that panics on hostile bytes costs this frame, not all that follow.
        let decoded = std::panic::catch_unwind(AssertUnwindSafe(|| {
            decoder.decode(frame, false).map(|_| ())
        }));
        let problem = match decoded {
            Ok(Ok(())) => None,
            Ok(Err(error)) => Some(error.to_string()),
            Err(_) => {
                decoder = Decoder::default();
                Some("the decoder failed; the log has the details".to_owned())
            }
        };
        if let Some(raster) = decoder.raster().filter(|_| problem.is_none()) {
            let roi = roi.or_else(|| self.written_roi(camera));
            self.measure(camera, &raster, frame, received, roi);
        }
        self.decoder = decoder;
        if let Some(problem) = problem {
            let words = format!(
                "{}: {problem}; the picture was not measured",
                camera.detector
            );
            let fault = Fault::new(FaultKind::Undecodable, Severity::Error, words);
            let what = What::Fault(fault.with_sample(&frame.body));
            self.tell(camera, received, what);
        }
        self.rest(began);
    }

    fn plan(&self, camera: &CameraKey) -> Option<&Plan> {
        self.setup.plans.get(usize::from(camera.source.0))
    }

    fn written_roi(&self, camera: &CameraKey) -> Option<Roi> {
        let plan = self.plan(camera)?;
        plan.roi.get(camera.detector.as_str()).copied()
    }

    /// Notes that a frame of the camera is here. The present if it is to be measured.
    ///
    /// When there is time for one, it is the turn of the camera that has waited longest.
    fn due(&mut self, camera: &CameraKey) -> Option<u64> {
        if !self.plan(camera)?.is_on {
            return None;
        }
        let now = self.setup.clock.now().mono_ns;
        if !self.cameras.contains_key(camera) && self.cameras.len() >= MAX_CAMERAS {
            let gone = |known: &Camera| now.saturating_sub(known.seen_ns) > GONE_NS;
            self.cameras.retain(|_, known| !gone(known));
            if self.cameras.len() >= MAX_CAMERAS {
                return None;
            }
        }
        let known = self.cameras.entry(camera.clone()).or_default();
        known.seen_ns = now;
        let waits_since = known.measured_ns;
        let is_soon = waits_since.is_some_and(|then| now.saturating_sub(then) < EVERY_NS);
        if is_soon || now < self.rest_until_ns || self.setup.found.capacity() == 0 {
            return None;
        }
        let mut others = self.cameras.iter().filter(|(key, _)| *key != camera);
        let is_others_turn = others.any(|(_, other)| {
            // One that has sent nothing since it was measured keeps nobody waiting.
            let has_more = other.measured_ns.is_none_or(|then| then < other.seen_ns);
            let is_there = now.saturating_sub(other.seen_ns) <= GONE_NS;
            is_there && has_more && other.measured_ns < waits_since
        });
        if is_others_turn {
            return None;
        }
        self.cameras.get_mut(camera)?.measured_ns = Some(now);
        Some(now)
    }

    fn rest(&mut self, began_ns: u64) {
        let now = self.setup.clock.now().mono_ns;
        let took = now.saturating_sub(began_ns);
        self.rest_until_ns = now.saturating_add(took.saturating_mul(REST));
    }

    fn measure(
        &mut self,
        camera: &CameraKey,
        raster: &Raster<'_>,
        frame: &Frame,
        received: Stamp,
        roi: Option<Roi>,
    ) {
        let is_told = self.plan(camera).is_some_and(|plan| plan.is_told);
        let frames = self.setup.meters.frames(camera.source, &camera.detector);
        let Some(known) = self.cameras.get_mut(camera) else {
            return;
        };
        let gauge = &mut known.gauge;
        let measures = self.measurer.measure(gauge, raster, roi, frame.bit_depth);
        if known.frames.len() > COUNTED {
            known.frames.pop_front();
        }
        known.frames.push_back(frames);
        let share = readings::share(known.frames.iter().copied());
        let told = is_told.then(|| readings::of(&camera.detector, &measures, frame, share));
        known.newest = Some(Newest {
            measures: Arc::new(measures),
            received,
            roi,
        });
        if let Some(readings) = told {
            self.tell(camera, received, What::Readings(readings));
        }
    }

    /// Tells of a camera, which was measured just now.
    fn tell(&self, camera: &CameraKey, received: Stamp, what: What) {
        let found = Found {
            source: camera.source,
            received,
            what,
        };
        // There was room before it was measured, and nobody else fills it. Without room are only
        // the numbers of a part that was just chosen, which the screen has and the next frame tells
        // again; and when the session has ended nobody is told any more.
        let _ = self.setup.found.try_send(found);
    }
}

#[cfg(test)]
mod tests;
