//! The thread of one camera: from looking for it to its last picture. It waits for the device and
//! for nobody else: pictures go into a bounded queue, and how things stand into a place where the
//! newest word wins.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::watch;

use super::choose::{self, Wanted};
use super::device::{
    Agreed, Backend, Control, Device, Found, Interval, Mode, Shot, Stream, Trouble, tidy,
};
use super::pixels::Layout;
use crate::model::{Clock, Fault, FaultKind, Frame, PlainText, Severity};
use crate::sources::frame_queue::{Item, Queue};

/// How long one wait for a picture is: as long as an order to end may take.
const PATIENCE: Duration = Duration::from_millis(300);
/// A camera that sends nothing for so long is silent, unless it is that slow.
const SILENCE: Duration = Duration::from_secs(3);
/// So many times the time between two pictures, for slow ones.
const SILENT_INTERVALS: f64 = 5.0;

/// What the thread is told.
#[derive(Clone)]
pub(super) struct Job {
    pub backend: Arc<dyn Backend>,
    /// The camera as it was written.
    pub written: String,
    /// The camera that was there before.
    pub before: Option<Found>,
    pub wanted: Wanted,
    pub pixel_size_um: Option<f64>,
    pub clock: Clock,
    pub queue: Arc<Queue>,
}

/// How the thread is getting on.
#[derive(Clone, Default)]
pub(super) enum Status {
    /// It looks for the camera.
    #[default]
    Looking,
    /// The camera is open and no picture has come.
    Open(Arc<Opened>),
    /// Pictures come.
    Live(Arc<Opened>),
    /// Pictures came, or should have.
    Silent(Arc<Opened>, Duration),
}

/// A camera that has started.
pub(super) struct Opened {
    pub found: Found,
    pub agreed: Agreed,
    pub device: Arc<dyn Device>,
    pub controls: Vec<Control>,
    /// What its pictures are called.
    pub detector: PlainText,
    /// What is not as it was asked.
    pub notes: Vec<PlainText>,
}

/// A camera that sends, before the first picture.
struct Running {
    opened: Arc<Opened>,
    layout: Layout,
    stream: Box<dyn Stream>,
}

impl Job {
    /// Captures until `is_over`.
    ///
    /// # Errors
    /// Why there are no more pictures; without one it was told to end.
    pub(super) fn run(
        &self,
        is_over: &AtomicBool,
        status: &watch::Sender<Status>,
    ) -> Result<(), Trouble> {
        let running = self.open()?;
        let opened = Arc::clone(&running.opened);
        status.send_replace(Status::Open(opened));
        self.stream(running, is_over, status)
    }

    fn open(&self) -> Result<Running, Trouble> {
        let cameras = self.backend.list()?;
        let again = self.before.as_ref();
        let found = match again.and_then(|before| choose::find_again(before, &cameras)) {
            Some(found) => found,
            None if again.is_some() => {
                let path = again.map_or("", |before| before.path.as_str());
                return Err(Trouble::Gone { path: path.into() });
            }
            None => choose::find(&self.written, &cameras)?,
        };
        let device = self.backend.open(found)?;
        let formats = device.formats()?;
        let modes = choose::modes(&found.path, &formats, &self.wanted)?;
        let (agreed, layout, stream, mut notes) = start(found, device.as_ref(), &modes)?;
        notes.extend(self.differences(&modes, &agreed));
        let controls = device.controls().unwrap_or_else(|trouble| {
            notes.push(format!("its controls are not known: {trouble}").into());
            Vec::new()
        });
        let opened = Arc::new(Opened {
            detector: detector(&found.name),
            found: found.clone(),
            agreed,
            device,
            controls,
            notes,
        });
        Ok(Running {
            opened,
            layout,
            stream,
        })
    }

    /// What the camera made of what was asked in so many words.
    fn differences(&self, modes: &[Mode], agreed: &Agreed) -> Vec<PlainText> {
        let mut notes = Vec::new();
        let (got, asked) = (agreed.mode.size, self.wanted.size);
        if let Some((width, height)) = asked.filter(|asked| *asked != got) {
            let (w, h) = got;
            notes.push(format!(
                "size={width}x{height} was asked, the camera sends {w}x{h}"
            ));
        }
        let interval = agreed
            .mode
            .interval
            .or(modes.first().and_then(|m| m.interval));
        let rate = interval.and_then(Interval::rate_hz);
        if let (Some(asked), Some(rate)) = (self.wanted.rate_hz, rate)
            && (rate / asked - 1.0).abs() > 0.01
        {
            let rate = tidy(rate);
            notes.push(format!(
                "rate={asked} was asked, the camera sends {rate} a second"
            ));
        }
        notes.into_iter().map(PlainText::from).collect()
    }

    fn stream(
        &self,
        running: Running,
        is_over: &AtomicBool,
        status: &watch::Sender<Status>,
    ) -> Result<(), Trouble> {
        let Running {
            opened,
            layout,
            mut stream,
        } = running;
        let silence = silence(&opened.agreed);
        let mut quiet = Duration::ZERO;
        let mut counter = Counter::default();
        let mut is_live = false;
        while !is_over.load(Ordering::Relaxed) {
            let Some(shot) = stream.next(PATIENCE)? else {
                let was = quiet;
                quiet = quiet.saturating_add(PATIENCE);
                if was < silence && quiet >= silence {
                    is_live = false;
                    status.send_replace(Status::Silent(Arc::clone(&opened), silence));
                }
                continue;
            };
            quiet = Duration::ZERO;
            self.queue
                .put(self.item(&opened, &layout, &mut counter, &shot));
            if !is_live {
                is_live = true;
                status.send_replace(Status::Live(Arc::clone(&opened)));
            }
        }
        Ok(())
    }

    /// A picture, or the fault that it is.
    fn item(&self, opened: &Opened, layout: &Layout, counter: &mut Counter, shot: &Shot) -> Item {
        let received = self.clock.now();
        let (number, lost_before) = counter.next(shot.sequence);
        match layout.body(shot) {
            Ok(body) => {
                let (width_px, height_px) = layout.size_px();
                let age = shot
                    .age
                    .map(|age| u64::try_from(age.as_nanos()).unwrap_or(u64::MAX));
                Item::Frame {
                    received,
                    frame: Frame {
                        detector: opened.detector.clone(),
                        number: Some(number),
                        width_px: Some(width_px),
                        height_px: Some(height_px),
                        encoding: layout.encoding(),
                        body,
                        pixel_size_um: self.pixel_size_um,
                        subsampling: 1,
                        bit_depth: layout.bit_depth(),
                        device_ns: age.map(|age| received.unix_ns.saturating_sub(age)),
                        lost_before,
                    },
                }
            }
            Err(wrong) => {
                let text = format!(
                    "{}: picture {number} is none: {wrong}; it is left out",
                    opened.found.path
                );
                let fault = Fault::new(FaultKind::Malformed, Severity::Warning, text);
                Item::Fault {
                    received,
                    fault: fault.with_sample(shot.bytes),
                    broken: 1,
                }
            }
        }
    }
}

type Started = (Agreed, Layout, Box<dyn Stream>, Vec<PlainText>);

/// Starts the first mode that the camera means. Devices list what they then refuse.
fn start(found: &Found, device: &dyn Device, modes: &[Mode]) -> Result<Started, Trouble> {
    let mut notes = Vec::new();
    let mut last = None;
    for mode in modes {
        match try_mode(found, device, mode) {
            Ok((agreed, layout, stream)) => return Ok((agreed, layout, stream, notes)),
            Err(trouble @ (Trouble::Refused { .. } | Trouble::Failed { .. })) => {
                notes.push(PlainText::from(format!("{mode} is listed, and: {trouble}")));
                last = Some(trouble);
            }
            Err(trouble) => return Err(trouble),
        }
    }
    Err(last.unwrap_or_else(|| refused(found, "any mode", "it lists none")))
}

fn try_mode(
    found: &Found,
    device: &dyn Device,
    mode: &Mode,
) -> Result<(Agreed, Layout, Box<dyn Stream>), Trouble> {
    let agreed = device.configure(mode)?;
    let (asked, got) = (mode.fourcc, agreed.mode.fourcc);
    if got != asked {
        let why = format!("it sets {got} instead");
        return Err(refused(found, &format!("format={asked}"), &why));
    }
    let layout = Layout::new(&agreed)
        .map_err(|error| refused(found, &mode.to_string(), &error.to_string()))?;
    Ok((agreed, layout, device.start()?))
}

fn refused(found: &Found, what: &str, why: &str) -> Trouble {
    Trouble::Refused {
        path: found.path.as_str().into(),
        what: what.into(),
        why: why.into(),
    }
}

/// After how long without a picture a camera of this rate is silent.
fn silence(agreed: &Agreed) -> Duration {
    let rate = agreed.mode.interval.and_then(Interval::rate_hz);
    let slow = rate.and_then(|rate| Duration::try_from_secs_f64(SILENT_INTERVALS / rate).ok());
    slow.map_or(SILENCE, |slow| slow.max(SILENCE))
}

/// A camera's name as one word that can be typed: `HD Pro Webcam C920` is `hd-pro-webcam-c920`.
pub(super) fn detector(name: &str) -> PlainText {
    match super::controls::word(name) {
        word if word.is_empty() => "camera".into(),
        word => word.into(),
    }
}

/// Counts pictures by the driver's numbers.
#[derive(Debug, Default)]
struct Counter {
    last: Option<u32>,
    number: u64,
}

impl Counter {
    /// The number of a picture, which does not wrap, and how many were lost before it.
    fn next(&mut self, sequence: Option<u32>) -> (u64, u64) {
        let step = match (sequence, self.last) {
            (Some(now), Some(before)) => u64::from(now.wrapping_sub(before)),
            (Some(first), None) => u64::from(first),
            (None, None) => 0,
            (None, Some(_)) => 1,
        };
        // Not forward: the driver counts anew, or does not count.
        let step = match step {
            0 if self.last.is_some() => 1,
            step if step > u64::from(u32::MAX / 2) => 1,
            step => step,
        };
        let is_first = self.last.is_none();
        self.last = Some(sequence.unwrap_or_default());
        self.number = self.number.saturating_add(step);
        let lost = if is_first { 0 } else { step.saturating_sub(1) };
        (self.number, lost)
    }
}

#[cfg(test)]
mod tests;
