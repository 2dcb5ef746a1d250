//! What is measured of each source beside the ledger: rates, ages, latencies, cameras, faults.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::snapshot::CameraSnapshot;
use crate::model::{
    AckWindow, FaultKind, Frame, FrameEncoding, LatencyWindow, Percentiles, PlainText, RateMeter,
    SourceId, Stamp,
};

/// The parts of an item's way that are timed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Stage {
    /// From the device's own stamp to receipt. The clocks differ by an unknown amount, so this is
    /// counted above the smallest difference seen.
    DeviceToReceived,
    /// From receipt to being taken out of the lane.
    ReceivedToTaken,
    /// Making cells of a picture.
    Decode,
    /// From decoded to handed whole to the terminal.
    DecodedToDrawn,
    /// All of the way to the screen.
    ReceivedToDrawn,
    /// All of the way to the file.
    ReceivedToWritten,
}

impl Stage {
    /// All stages in the order of the waterfall.
    pub const ALL: [Self; 6] = [
        Self::DeviceToReceived,
        Self::ReceivedToTaken,
        Self::Decode,
        Self::DecodedToDrawn,
        Self::ReceivedToDrawn,
        Self::ReceivedToWritten,
    ];

    /// The words on the pipeline screen.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::DeviceToReceived => "device ▸ received",
            Self::ReceivedToTaken => "received ▸ taken",
            Self::Decode => "decode",
            Self::DecodedToDrawn => "decoded ▸ drawn",
            Self::ReceivedToDrawn => "received ▸ drawn",
            Self::ReceivedToWritten => "received ▸ written",
        }
    }
}

/// The meters of all sources, shared by outlets, recorder, picture worker and loop.
#[derive(Clone, Debug)]
pub struct Meters(Arc<[Mutex<Meter>]>);

/// Clock differences are stored with this added, so that a device whose clock is ahead fits too.
const OFFSET_BIAS: i128 = 1 << 62;

/// Cameras that have figures of their own; a peer may invent names without end.
const CAMERAS_BOUND: usize = 64;

#[derive(Debug, Default)]
pub(super) struct Meter {
    pub(super) rate: RateMeter,
    pub(super) last_received: Option<Stamp>,
    pub(super) window: Option<AckWindow>,
    pub(super) simulated: bool,
    pub(super) faults: BTreeMap<FaultKind, u64>,
    stages: [LatencyWindow; Stage::ALL.len()],
    smallest_offset: Option<u64>,
    /// In the order of their first pictures.
    cameras: Vec<CameraMeter>,
}

#[derive(Debug)]
struct CameraMeter {
    detector: PlainText,
    rate: RateMeter,
    frames: u64,
    lost: u64,
    last: LastFrame,
}

#[derive(Clone, Debug)]
struct LastFrame {
    received: Stamp,
    number: Option<u64>,
    size_px: Option<(u32, u32)>,
    encoding: FrameEncoding,
    pixel_size_um: Option<f64>,
    body_bytes: usize,
}

impl Meters {
    /// Meters for `sources` sources.
    pub fn new(sources: usize) -> Self {
        Self((0..sources).map(|_| Mutex::default()).collect())
    }

    pub(super) fn with<T>(&self, source: SourceId, f: impl FnOnce(&mut Meter) -> T) -> Option<T> {
        let meter = self.0.get(usize::from(source.0))?;
        let mut meter: MutexGuard<'_, Meter> = meter.lock().unwrap_or_else(PoisonError::into_inner);
        Some(f(&mut meter))
    }

    /// Enters how long a stage took for one item of `source`.
    pub fn record(&self, source: SourceId, stage: Stage, took_ns: u64) {
        self.with(source, |meter| meter.stages[stage as usize].record(took_ns));
    }

    /// Begins anew for `source`, whose past is not the past of what comes next. That it is simulated
    /// stays true.
    pub fn forget(&self, source: SourceId) {
        self.with(source, |meter| {
            let simulated = meter.simulated;
            *meter = Meter {
                simulated,
                ..Meter::default()
            };
        });
    }

    /// Pictures of a camera so far, seen or not; 0 if it has sent none, or is one too many.
    pub fn frames(&self, source: SourceId, detector: &PlainText) -> u64 {
        let frames = self.with(source, |meter| {
            let mut cameras = meter.cameras.iter();
            let camera = cameras.find(|camera| camera.detector == *detector);
            camera.map_or(0, |camera| camera.frames)
        });
        frames.unwrap_or(0)
    }

    /// Enters how many pictures are under way.
    pub fn set_window(&self, source: SourceId, window: AckWindow) {
        self.with(source, |meter| meter.window = Some(window));
    }
}

impl Meter {
    pub(super) fn received(&mut self, at: Stamp, bytes: usize) {
        self.rate.record(at.mono_ns, bytes as u64);
        self.last_received = Some(at);
    }

    pub(super) fn frame(&mut self, at: Stamp, frame: &Frame) {
        if let Some(device_ns) = frame.device_ns {
            let offset = i128::from(at.unix_ns) - i128::from(device_ns) + OFFSET_BIAS;
            let offset = u64::try_from(offset).unwrap_or(0);
            self.smallest_offset = Some(self.smallest_offset.map_or(offset, |o| o.min(offset)));
            self.stages[Stage::DeviceToReceived as usize].record(offset);
        }
        let last = LastFrame {
            received: at,
            number: frame.number,
            size_px: frame.width_px.zip(frame.height_px),
            encoding: frame.encoding,
            pixel_size_um: frame.pixel_size_um,
            body_bytes: frame.body.len(),
        };
        let known = self
            .cameras
            .iter()
            .position(|camera| camera.detector == frame.detector);
        if known.is_none() && self.cameras.len() >= CAMERAS_BOUND {
            return;
        }
        let index = known.unwrap_or_else(|| {
            self.cameras.push(CameraMeter {
                detector: frame.detector.clone(),
                rate: RateMeter::default(),
                frames: 0,
                lost: 0,
                last: last.clone(),
            });
            self.cameras.len() - 1
        });
        let camera = &mut self.cameras[index];
        camera.rate.record(at.mono_ns, frame.body.len() as u64);
        camera.frames += 1;
        camera.lost = camera.lost.saturating_add(frame.lost_before);
        camera.last = last;
    }

    pub(super) fn stages(&self) -> [Percentiles; Stage::ALL.len()] {
        Stage::ALL.map(|stage| {
            let floor = match stage {
                Stage::DeviceToReceived => self.smallest_offset.unwrap_or(0),
                _ => 0,
            };
            self.stages[stage as usize].percentiles_above(floor)
        })
    }

    pub(super) fn cameras(&self, now: Stamp) -> Vec<CameraSnapshot> {
        self.cameras
            .iter()
            .map(|camera| {
                let (fps, bytes_per_s) = camera.rate.per_second(now.mono_ns);
                CameraSnapshot {
                    detector: camera.detector.clone(),
                    frames: camera.frames,
                    lost: camera.lost,
                    fps,
                    bytes_per_s,
                    last_received: camera.last.received,
                    number: camera.last.number,
                    size_px: camera.last.size_px,
                    encoding: camera.last.encoding,
                    pixel_size_um: camera.last.pixel_size_um,
                    body_bytes: camera.last.body_bytes,
                }
            })
            .collect()
    }
}
