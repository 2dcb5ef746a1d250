//! Live views: one task per camera takes, encodes and hands out pictures until it is stopped.

use std::io;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::encode::{self, Encoded, JpegShift, Protocol, Taken};
use super::fault::Fault;
use super::hub::lock;
use super::microscope::{Microscope, unix_ns};
use super::options::Dialect;
use super::stream_params::StreamParams;

/// A live view that runs.
pub(super) struct Stream {
    pub protocol: Protocol,
    pub params: StreamParams,
    stats: Arc<Mutex<Stats>>,
    stop: CancellationToken,
}

/// What `getStreamDiagnostics` tells.
#[derive(Clone, Copy, Debug)]
struct Stats {
    /// When the first and the last picture were taken.
    span: Option<(Instant, Instant)>,
    frames: u64,
    total: Duration,
    longest: Duration,
}

impl Stream {
    pub(super) fn diagnostics(&self) -> Value {
        let stats = *lock(&self.stats);
        let frames = stats.frames.max(1) as f64;
        // Two pictures are one interval: the first alone would give an absurd rate.
        let intervals = stats.frames.saturating_sub(1) as f64;
        let seconds = stats
            .span
            .map_or(0.0, |(first, last)| (last - first).as_secs_f64());
        let fps = if seconds > 0.0 {
            intervals / seconds
        } else {
            0.0
        };
        json!({
            "protocol": self.protocol.name(),
            "worker": {
                "frames_emitted": stats.frames,
                "emit_ms_avg": stats.total.as_secs_f64() * 1e3 / frames,
                "emit_ms_max": stats.longest.as_secs_f64() * 1e3,
                "fps_emit": fps,
            },
        })
    }
}

impl Microscope {
    /// Starts the live view of `camera`, in place of a running one.
    pub(super) fn start_stream(
        self: &Arc<Self>,
        camera: usize,
        protocol: Protocol,
        params: StreamParams,
    ) {
        let stats = Arc::new(Mutex::new(Stats {
            span: None,
            frames: 0,
            total: Duration::ZERO,
            longest: Duration::ZERO,
        }));
        let stop = self.cancel.child_token();
        let old = lock(&self.instrument).streams[camera].replace(Stream {
            protocol,
            params,
            stats: stats.clone(),
            stop: stop.clone(),
        });
        if let Some(old) = old {
            old.stop.cancel();
        }
        self.announce_stream(true, camera, protocol);
        let microscope = self.clone();
        self.tasks.spawn(async move {
            // The stop comes first: no picture may follow the signal that says it has stopped.
            tokio::select! {
                biased;
                () = stop.cancelled() => {}
                () = microscope.run_stream(camera, stats) => {}
            }
        });
    }

    /// Stops the live view of `camera`; says which protocol it had, if it ran.
    pub(super) fn stop_stream(&self, camera: usize) -> Option<Protocol> {
        let stream = lock(&self.instrument).streams[camera].take()?;
        stream.stop.cancel();
        self.announce_stream(false, camera, stream.protocol);
        Some(stream.protocol)
    }

    fn announce_stream(&self, started: bool, camera: usize, protocol: Protocol) {
        // The releases before the live view controller have no such signals.
        if matches!(self.options.dialect, Dialect::Raw | Dialect::Json) {
            return;
        }
        let name = lock(&self.instrument).cameras[camera].name;
        let signal = if started {
            "sigStreamStarted"
        } else {
            "sigStreamStopped"
        };
        let arguments = [self.hub.label(name).into(), protocol.name().into()];
        self.hub.signal(signal, &arguments);
    }

    async fn run_stream(self: Arc<Self>, camera: usize, stats: Arc<Mutex<Stats>>) {
        let mut shift = JpegShift::default();
        loop {
            let begun = Instant::now();
            let watched = self.hub.has_audience();
            if watched {
                let microscope = self.clone();
                let job = move || (microscope.take(camera, &mut shift), shift);
                let Ok((taken, shift_after)) = tokio::task::spawn_blocking(job).await else {
                    return;
                };
                shift = shift_after;
                match taken {
                    Ok(Some(picture)) => self.hub.show(&picture),
                    Ok(None) => return,
                    Err(error) => tracing::warn!(%error, "the simulated camera gave no picture"),
                }
            }
            self.hub.produced.fetch_add(1, Ordering::Relaxed);
            {
                let mut stats = lock(&stats);
                let took = begun.elapsed();
                stats.frames += 1;
                let first = stats.span.map_or(begun, |(first, _)| first);
                stats.span = Some((first, begun));
                stats.total += took;
                stats.longest = stats.longest.max(took);
            }
            let Some(period) = self.period(camera, watched) else {
                return;
            };
            // A sleep of nothing still lets the other tasks run.
            tokio::time::sleep_until((begun + period).into()).await;
        }
    }

    /// Time from one picture to the next; `None` if the live view is over.
    fn period(&self, camera: usize, watched: bool) -> Option<Duration> {
        let instrument = lock(&self.instrument);
        let throttle_ms = instrument.streams[camera].as_ref()?.params.throttle_ms;
        let exposure_ms = instrument.cameras[camera].exposure_ms.clamp(0.0, 60_000.0);
        let mut period = Duration::from_millis(throttle_ms);
        if self.options.dialect == Dialect::Json {
            period = period.max(Duration::from_millis(200));
        }
        if self.hub.faults.borrow().has(Fault::Flood) {
            return Some(Duration::ZERO);
        }
        // No camera is quicker than its exposure, unless that is short and overlaps the readout.
        if exposure_ms > 50.0 {
            period = period.max(Duration::from_secs_f64(exposure_ms / 1e3));
        }
        if !watched {
            period = period.max(Duration::from_millis(10));
        }
        Some(period)
    }

    /// Takes and encodes one picture. Costs milliseconds: not for the tasks of the runtime.
    fn take(&self, camera: usize, shift: &mut JpegShift) -> io::Result<Option<Encoded>> {
        let scenery = self.scenery();
        let (camera, protocol, params) = {
            let instrument = lock(&self.instrument);
            let Some(stream) = &instrument.streams[camera] else {
                return Ok(None);
            };
            let camera = instrument.cameras[camera].clone();
            (camera, stream.protocol, stream.params.clone())
        };
        let taken = Taken {
            timestamp_ns: unix_ns(),
            number: self.pictures.fetch_add(1, Ordering::Relaxed),
        };
        let mut picture = camera.capture(
            &self.specimen,
            &scenery,
            params.crop_size,
            params.subsampling,
        );
        picture.detector = self.hub.label(&picture.detector);
        // The oldest dialect has no other form.
        let protocol = if self.options.dialect == Dialect::Json {
            Protocol::Jpeg
        } else {
            protocol
        };
        encode::encode(&picture, protocol, &params, taken, shift).map(Some)
    }
}
