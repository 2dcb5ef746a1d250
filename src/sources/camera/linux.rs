//! Cameras of Linux, through the `v4l` crate: the kernel's own interface, with fractional rates,
//! 16-bit grey and the driver's count of pictures.
//!
//! That crate panics where a driver says something that it does not know (a name that is cut in
//! the middle of a letter, a colour space of a newer kernel), and when a stream cannot be stopped.
//! So every call of it goes through [`guarded`].

use std::fs;
use std::io;
use std::mem::ManuallyDrop;
use std::os::unix::fs::MetadataExt as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use v4l::buffer::{Flags as BufferFlags, Metadata, Type};
use v4l::capability::Flags as Capability;
use v4l::context::enum_devices;
use v4l::control::{
    Control as RawControl, Flags as ControlFlags, MenuItem, Type as RawKind, Value,
};
use v4l::frameinterval::FrameIntervalEnum;
use v4l::framesize::FrameSizeEnum;
use v4l::io::traits::{CaptureStream, Stream as _};
use v4l::parameters::Capabilities as RateCapability;
use v4l::prelude::MmapStream;
use v4l::video::Capture as _;
use v4l::video::capture::Parameters;
use v4l::{Format as RawFormat, FourCC, Fraction};

use super::controls::Described;
use super::device::{
    Agreed, Backend, Control, Device, Format, Found, FourCc, Interval, Intervals, Mode, Shot, Size,
    Stream, Trouble,
};
use crate::model::{Choice, ControlAccess, ControlKind, PlainText};

/// Buffers that the driver fills in turn. Fewer lose pictures while the machine is busy.
const BUFFERS: u32 = 4;
/// Poll's "there is something to read".
const READABLE: i16 = 0x0001;
/// The clock that drivers stamp with, in the flags of a buffer.
const STAMP_CLOCK: u32 = 0x0000_e000;
const STAMP_MONOTONIC: u32 = 0x0000_2000;
/// The kernel's "no such device".
const ENODEV: i32 = 19;
/// A stamp older than this is of another clock.
const OLDEST: Duration = Duration::from_secs(60);

/// The cameras that Linux knows.
#[derive(Debug, Default)]
pub struct Linux;

/// What a panic of the crate becomes: an error like any other. It is in the log as well.
fn guarded<T>(call: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
    catch_unwind(AssertUnwindSafe(call)).unwrap_or_else(|_| {
        Err(io::Error::other(
            "the device says something that its library does not understand",
        ))
    })
}

fn trouble(path: &str, what: &str, error: &io::Error) -> Trouble {
    Trouble::from_io(path, what, error, || group_of(path))
}

/// The group that may open a device: its name, or its number where it has none.
fn group_of(path: &str) -> Option<PlainText> {
    let id = fs::metadata(path).ok()?.gid();
    let groups = fs::read_to_string("/etc/group").unwrap_or_default();
    Some(group_name(&groups, id).into())
}

/// The name of group `id` in the text of `/etc/group`.
fn group_name(groups: &str, id: u32) -> String {
    let is_it = |line: &&str| line.split(':').nth(2) == Some(id.to_string().as_str());
    let name = groups
        .lines()
        .find(is_it)
        .and_then(|line| line.split(':').next());
    name.map_or_else(|| id.to_string(), str::to_owned)
}

impl Backend for Linux {
    fn list(&self) -> Result<Vec<Found>, Trouble> {
        let nodes = guarded(|| {
            let nodes = enum_devices().into_iter();
            // A name without a number would be none of the kernel's.
            let named = nodes.filter(|node| number_of(node.path()).is_some());
            Ok(named.map(|node| node.path().to_owned()).collect::<Vec<_>>())
        });
        let nodes = nodes.map_err(|error| trouble("/dev", "looking for cameras", &error))?;
        let mut found: Vec<Found> = nodes.iter().filter_map(|path| found(path)).collect();
        found.sort_by_key(|one| one.index);
        Ok(found)
    }

    fn open(&self, found: &Found) -> Result<Arc<dyn Device>, Trouble> {
        let path = found.path.clone();
        let device = guarded(|| v4l::Device::with_path(&path));
        let device = device.map_err(|error| trouble(&path, "opening it", &error))?;
        Ok(Arc::new(Camera {
            device: Arc::new(device),
            path,
        }))
    }
}

fn number_of(path: &Path) -> Option<u32> {
    let name = path.file_name()?.to_str()?;
    name.strip_prefix("video")?.parse().ok()
}

/// A node as a camera; `None` for one that is none, such as those for a camera's metadata.
fn found(path: &Path) -> Option<Found> {
    let index = number_of(path)?;
    let text = path.to_str()?;
    let about = format!("/sys/class/video4linux/video{index}");
    let name = fs::read(format!("{about}/name")).unwrap_or_default();
    let name = PlainText::from_peer(String::from_utf8_lossy(&name).trim());
    let mut found = Found {
        index,
        path: text.to_owned(),
        aliases: aliases(path),
        name,
        bus: "".into(),
        driver: "".into(),
    };
    // What may not be opened is listed all the same: the error is for whoever wants it.
    let Ok(device) = guarded(|| v4l::Device::with_path(path)) else {
        return Some(found);
    };
    match guarded(|| device.query_caps()) {
        Ok(caps) => {
            if !caps.capabilities.contains(Capability::VIDEO_CAPTURE) {
                return None;
            }
            found.bus = PlainText::from_peer(&caps.bus);
            found.driver = PlainText::from_peer(&caps.driver);
            if found.name.is_empty() {
                found.name = PlainText::from_peer(&caps.card);
            }
        }
        // It cannot say what it is: then it is what it can do.
        Err(_) => {
            let formats = guarded(|| device.enum_formats()).unwrap_or_default();
            if formats.is_empty() {
                return None;
            }
        }
    }
    Some(found)
}

/// Other names of a node under `/dev/v4l`.
fn aliases(path: &Path) -> Vec<String> {
    let mut aliases = Vec::new();
    for folder in ["/dev/v4l/by-id", "/dev/v4l/by-path"] {
        let entries = fs::read_dir(folder).into_iter().flatten().flatten();
        for entry in entries {
            let link = entry.path();
            let leads_here = fs::canonicalize(&link).is_ok_and(|to| to == path);
            if let (true, Some(text)) = (leads_here, link.to_str()) {
                aliases.push(text.to_owned());
            }
        }
    }
    aliases.sort();
    aliases
}

struct Camera {
    device: Arc<v4l::Device>,
    path: String,
}

impl Camera {
    fn ask<T>(
        &self,
        what: &str,
        call: impl FnOnce(&v4l::Device) -> io::Result<T>,
    ) -> Result<T, Trouble> {
        guarded(|| call(&self.device)).map_err(|error| trouble(&self.path, what, &error))
    }

    fn sizes(&self, fourcc: FourCC) -> Vec<Size> {
        let listed = guarded(|| self.device.enum_framesizes(fourcc)).unwrap_or_default();
        let mut sizes: Vec<Size> = listed
            .into_iter()
            .map(|listed| match listed.size {
                FrameSizeEnum::Discrete(one) => single(one.width, one.height),
                FrameSizeEnum::Stepwise(range) => Size {
                    least: (range.min_width, range.min_height),
                    most: (range.max_width, range.max_height),
                    step: (range.step_width, range.step_height),
                    intervals: Vec::new(),
                },
            })
            .collect();
        if sizes.is_empty() {
            // It lists none: it has the one that it is set to.
            let current = guarded(|| self.device.format());
            sizes.extend(
                current
                    .ok()
                    .map(|format| single(format.width, format.height)),
            );
        }
        for size in &mut sizes {
            let (width, height) = size.most;
            let listed = guarded(|| self.device.enum_frameintervals(fourcc, width, height));
            let listed = listed.unwrap_or_default().into_iter();
            size.intervals = listed.map(|one| intervals(&one.interval)).collect();
        }
        sizes
    }
}

fn single(width: u32, height: u32) -> Size {
    Size {
        least: (width, height),
        most: (width, height),
        step: (0, 0),
        intervals: Vec::new(),
    }
}

fn intervals(listed: &FrameIntervalEnum) -> Intervals {
    let (shortest, longest) = match listed {
        FrameIntervalEnum::Discrete(one) => (one, one),
        FrameIntervalEnum::Stepwise(range) => (&range.min, &range.max),
    };
    Intervals {
        shortest: interval(shortest),
        longest: interval(longest),
    }
}

fn interval(fraction: &Fraction) -> Interval {
    Interval {
        numerator: fraction.numerator,
        denominator: fraction.denominator,
    }
}

impl Device for Camera {
    fn formats(&self) -> Result<Vec<Format>, Trouble> {
        let listed = self.ask("listing its formats", |device| device.enum_formats())?;
        let format = |listed: v4l::format::Description| Format {
            fourcc: FourCc(listed.fourcc.repr),
            label: PlainText::from_peer(&listed.description),
            sizes: self.sizes(listed.fourcc),
        };
        Ok(listed.into_iter().map(format).collect())
    }

    fn controls(&self) -> Result<Vec<Control>, Trouble> {
        let listed = match guarded(|| self.device.query_controls()) {
            // It has none at all.
            Err(error) if matches!(error.raw_os_error(), Some(22 | 25)) => Vec::new(),
            listed => listed.map_err(|e| trouble(&self.path, "listing its controls", &e))?,
        };
        let described = listed.into_iter().filter_map(|one| {
            let described = described(&one)?;
            let can_read = !one.flags.contains(ControlFlags::WRITE_ONLY)
                && !matches!(one.typ, RawKind::Button | RawKind::IntegerMenu);
            let value = can_read.then(|| self.read(one.id)).flatten();
            Some(Described { value, ..described }.control())
        });
        Ok(described.collect())
    }

    fn set(&self, control: &Control, value: i64) -> Result<(), Trouble> {
        let what = control.shown.name.as_str();
        let id = u32::try_from(control.id).unwrap_or_default();
        let value = match control.shown.kind {
            ControlKind::Press => Value::None,
            ControlKind::Switch => Value::Boolean(value != 0),
            ControlKind::Number | ControlKind::Choice => Value::Integer(value),
        };
        self.ask(what, |device| device.set_control(RawControl { id, value }))
    }

    fn configure(&self, mode: &Mode) -> Result<Agreed, Trouble> {
        let (width, height) = mode.size;
        let wanted = RawFormat::new(width, height, FourCC::new(&mode.fourcc.0));
        let got = self.ask("this format", |device| device.set_format(&wanted))?;
        let interval = match mode.interval {
            Some(wanted) => self.set_interval(wanted)?,
            None => self.interval(),
        };
        Ok(Agreed {
            mode: Mode {
                fourcc: FourCc(got.fourcc.repr),
                size: (got.width, got.height),
                interval,
            },
            stride: got.stride,
            image_bytes: got.size,
        })
    }

    fn start(&self) -> Result<Box<dyn Stream>, Trouble> {
        let what = "starting";
        let buffers =
            |device: &v4l::Device| MmapStream::with_buffers(device, Type::VideoCapture, BUFFERS);
        let mut streaming = Streaming {
            path: self.path.clone(),
            stream: Some(self.ask(what, buffers)?),
        };
        let begun = guarded(|| streaming.begin());
        begun.map_err(|error| trouble(&self.path, what, &error))?;
        Ok(Box::new(streaming))
    }
}

impl Camera {
    fn read(&self, id: u32) -> Option<i64> {
        let control = guarded(|| self.device.control(id)).ok()?;
        match control.value {
            Value::Integer(value) => Some(value),
            Value::Boolean(on) => Some(i64::from(on)),
            _ => None,
        }
    }

    /// The time between two pictures, if the driver has such a thing.
    fn interval(&self) -> Option<Interval> {
        let parameters = guarded(|| self.device.params()).ok()?;
        let can = parameters
            .capabilities
            .contains(RateCapability::TIME_PER_FRAME);
        can.then(|| interval(&parameters.interval))
    }

    /// Sets the time between two pictures. A driver that has no such thing sends as it will.
    fn set_interval(&self, wanted: Interval) -> Result<Option<Interval>, Trouble> {
        if self.interval().is_none() {
            return Ok(None);
        }
        let fraction = Fraction::new(wanted.numerator, wanted.denominator);
        let set = self.ask("this rate", |device| {
            device.set_params(&Parameters::new(fraction))
        })?;
        Ok(Some(interval(&set.interval)))
    }
}

/// A control of the device in words of ours; `None` for headings and what is no single value.
fn described(control: &v4l::control::Description) -> Option<Described> {
    let kind = match control.typ {
        RawKind::Integer | RawKind::Integer64 | RawKind::Bitmask => ControlKind::Number,
        RawKind::Boolean => ControlKind::Switch,
        RawKind::Menu | RawKind::IntegerMenu => ControlKind::Choice,
        RawKind::Button => ControlKind::Press,
        _ => return None,
    };
    let flags = control.flags;
    if flags.intersects(ControlFlags::DISABLED | ControlFlags::HAS_PAYLOAD) {
        return None;
    }
    let access = if flags.contains(ControlFlags::READ_ONLY) {
        ControlAccess::ReadOnly
    } else if flags.intersects(ControlFlags::INACTIVE | ControlFlags::GRABBED) {
        ControlAccess::Inactive
    } else {
        ControlAccess::Free
    };
    let items = control.items.iter().flatten();
    let choice = |(value, item): &(u32, MenuItem)| Choice {
        value: f64::from(*value),
        name: match item {
            MenuItem::Name(name) => PlainText::from_peer(name),
            MenuItem::Value(value) => PlainText::from(value.to_string()),
        },
    };
    Some(Described {
        id: u128::from(control.id),
        label: PlainText::from_peer(&control.name),
        kind,
        value: None,
        least: control.minimum,
        most: control.maximum,
        step: control.step,
        default: control.default,
        choices: items.map(choice).collect(),
        access,
    })
}

/// The driver's buffers while they are being filled; `None` once they have been given back.
struct Streaming {
    path: String,
    stream: Option<MmapStream<'static>>,
}

impl Streaming {
    /// Hands the buffers to the driver and starts it.
    fn begin(&mut self) -> io::Result<()> {
        let Some(stream) = &mut self.stream else {
            return Ok(());
        };
        // `next` puts buffer 0 in by itself; of the others there may be fewer than was asked.
        for index in 1..BUFFERS as usize {
            match CaptureStream::queue(stream, index) {
                Err(error) if index > 1 && error.kind() == io::ErrorKind::InvalidInput => break,
                queued => queued?,
            }
        }
        stream.start()
    }
}

/// Dropping the crate's stream panics if the driver refuses to stop, and then once more while its
/// memory is given back, which would end the program. So it is stopped by hand first, and what
/// does not stop keeps its memory.
impl Drop for Streaming {
    fn drop(&mut self) {
        let Some(mut stream) = self.stream.take() else {
            return;
        };
        let is_gone = |error: &io::Error| error.raw_os_error() == Some(ENODEV);
        match guarded(|| stream.stop()) {
            Err(error) if !is_gone(&error) => {
                tracing::warn!("{} does not stop: {error}", self.path);
                let _kept = ManuallyDrop::new(stream);
            }
            _ => {
                let _ = guarded(|| {
                    drop(stream);
                    Ok(())
                });
            }
        }
    }
}

impl Stream for Streaming {
    fn next(&mut self, patience: Duration) -> Result<Option<Shot<'_>>, Trouble> {
        let path = &self.path;
        let Some(stream) = &mut self.stream else {
            return Ok(None);
        };
        let handle = stream.handle();
        let wait = i32::try_from(patience.as_millis()).unwrap_or(i32::MAX);
        match guarded(|| handle.poll(READABLE, wait)) {
            Ok(0) => return Ok(None),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Ok(None),
            Err(error) => return Err(trouble(path, "waiting for a picture", &error)),
        }
        let taken = guarded(move || CaptureStream::next(stream));
        let (bytes, meta) = taken.map_err(|error| trouble(path, "taking a picture", &error))?;
        let used = usize::try_from(meta.bytesused).unwrap_or(usize::MAX);
        Ok(Some(Shot {
            bytes: bytes.get(..used).unwrap_or(bytes),
            sequence: Some(meta.sequence),
            age: age(meta),
            is_damaged: meta.flags.contains(BufferFlags::ERROR) || used > bytes.len(),
        }))
    }
}

/// How long ago a picture was stamped, if it was stamped by the clock that can be asked.
fn age(meta: &Metadata) -> Option<Duration> {
    if meta.flags.bits() & STAMP_CLOCK != STAMP_MONOTONIC {
        return None;
    }
    let now = clock_gettime(ClockId::Monotonic);
    let now = Duration::new(
        u64::try_from(now.tv_sec).ok()?,
        u32::try_from(now.tv_nsec).ok()?,
    );
    let seconds = u64::try_from(meta.timestamp.sec).ok()?;
    let micros = u64::try_from(meta.timestamp.usec).ok()?;
    let stamped = Duration::from_secs(seconds).checked_add(Duration::from_micros(micros))?;
    now.checked_sub(stamped).filter(|age| *age < OLDEST)
}
