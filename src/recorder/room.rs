//! How much room the disk has, and what is still written while it has little.
//!
//! Pictures stop first, then everything but commands, stops, faults and links; a little is kept for
//! the end of the file. Knows no disk and no clock: it is told what is free, what was written, and
//! when it is.

use crate::model::{DiskRoom, Frame, LaneKind, Payload, Stamp};

/// Pictures stop when less than this is left for everything else, and what everything else takes in
/// [`RESERVE_S`].
const FRAMES_RESERVE: u64 = 8 * MIB;
/// Fast statistics do not keep more than this from the pictures.
const MOST_FRAMES_RESERVE: u64 = 256 * MIB;
/// Commands, stops, faults and links have this for themselves: days of an idle run, hours of a busy
/// one.
const CONTROL_RESERVE: u64 = MIB;
/// A file is closed while this much is left beside its own end: its name and the folder need some.
const CLOSING_RESERVE: u64 = MIB / 8;
/// How long the reserve lasts at the rate of what is written from it.
const RESERVE_S: f64 = 120.0;
/// A new file is begun when this much is free.
pub const RESUME_BYTES: u64 = 4 * MIB;
/// What was stopped stays so for this long at least: room that comes and goes makes no flood of
/// alarms.
const DWELL_NS: u64 = 5_000_000_000;
/// The disk is asked for its free space this often, and this often near the edge.
const ASK_EVERY_NS: u64 = 2_000_000_000;
const ASK_EVERY_NEAR_NS: u64 = 250_000_000;
/// Before anything is stopped an answer may be this old.
const FRESH_NS: u64 = 20_000_000;
/// Over how long rates are averaged.
const RATE_S: f64 = 30.0;
const MIB: u64 = 1024 * 1024;

/// How far a file has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Extent {
    /// Bytes of it that the disk has.
    pub written: u64,
    /// Bytes that it will have to take at most if the file ends now.
    pub to_come: u64,
}

impl Extent {
    /// Bytes that the file has at most if it ends now.
    pub fn written_at_most(self) -> u64 {
        self.written + self.to_come
    }
}

/// The room of the disk that is recorded to.
#[derive(Debug, Default)]
pub struct Room {
    level: DiskRoom,
    /// Since when it is that level.
    since: Stamp,
    short: Option<Short>,
    was_short: Option<Short>,
    asked: Option<Asked>,
    /// The picture for which there was no room: before it fits there is none.
    refused_bytes: u64,
    samples: Pace,
    control: Pace,
}

/// A time in which not everything was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Short {
    /// Since when.
    pub since: Stamp,
    /// Messages that were not written for want of room.
    pub missing: u64,
}

#[derive(Clone, Copy, Debug)]
struct Asked {
    at_ns: u64,
    free: Option<u64>,
    written: u64,
}

/// The level at which a payload is written no more.
pub fn stops_at(payload: &Payload) -> DiskRoom {
    match payload.lane() {
        LaneKind::Frames => DiskRoom::FramesHeld,
        LaneKind::Samples | LaneKind::Books => DiskRoom::OnlyControl,
        LaneKind::Control => DiskRoom::Full,
    }
}

/// Bytes that a payload takes in the file, about: a packed picture is written unpacked.
pub fn bytes_of(payload: &Payload) -> u64 {
    let unpacked = |frame: &Frame| {
        let size = frame.width_px.zip(frame.height_px);
        size.and_then(|(width, height)| frame.encoding.body_bytes(width, height))
            .filter(|bytes| *bytes <= super::pixels::MAX_PICTURE_BYTES as u64)
    };
    let bytes = payload.size_bytes() as u64;
    match payload {
        Payload::Frame(frame) => unpacked(frame).unwrap_or(0).max(bytes),
        _ => bytes,
    }
}

impl Room {
    /// What is still written.
    pub fn level(&self) -> DiskRoom {
        self.level
    }

    /// Since when not everything is, and what is missing so far.
    pub fn short(&self) -> Option<Short> {
        self.short
    }

    /// The last time that it was so, once it is over.
    pub fn was_short(&self) -> Option<Short> {
        self.was_short
    }

    /// Counts a message that is not written for want of room.
    pub fn miss(&mut self) {
        if let Some(short) = &mut self.short {
            short.missing += 1;
        }
    }

    /// Bytes free on the disk, as far as that could be asked.
    pub fn free(&self, file: Extent) -> Option<u64> {
        let asked = self.asked?;
        let since = file.written.saturating_sub(asked.written);
        Some(asked.free?.saturating_sub(since))
    }

    /// Bytes left beside what the file needs to end.
    fn left(&self, file: Extent) -> Option<u64> {
        Some(self.free(file)?.saturating_sub(file.to_come))
    }

    /// Pictures stop when less than this is left.
    pub fn frames_reserve(&self) -> u64 {
        let seconds = RESERVE_S * (self.samples.per_s + self.control.per_s);
        (FRAMES_RESERVE + seconds as u64).min(MOST_FRAMES_RESERVE)
    }

    /// Everything but the most important stops when less than this is left.
    fn control_reserve(&self) -> u64 {
        let seconds = RESERVE_S * self.control.per_s;
        (CONTROL_RESERVE + seconds as u64).min(self.frames_reserve() / 4)
    }

    /// Whether so little is left that a reserve should be held in hand.
    pub fn is_near(&self, file: Extent) -> bool {
        self.left(file)
            .is_some_and(|left| left < 4 * self.frames_reserve())
    }

    /// Whether the disk is to be asked before `bytes` more are written, which are stopped at
    /// `stops_at`.
    pub fn is_due(&self, now: Stamp, file: Extent, bytes: u64, stops_at: DiskRoom) -> bool {
        let Some(asked) = self.asked.filter(|asked| file.written >= asked.written) else {
            return true;
        };
        let age_ns = now.mono_ns.saturating_sub(asked.at_ns);
        let every_ns = match self.left(file).map(|left| left.saturating_sub(bytes)) {
            Some(left) if left < self.reserve_of(stops_at) && self.level < stops_at => FRESH_NS,
            Some(left) if left < 4 * self.frames_reserve() => ASK_EVERY_NEAR_NS,
            _ => ASK_EVERY_NS,
        };
        age_ns >= every_ns
    }

    fn reserve_of(&self, level: DiskRoom) -> u64 {
        match level {
            DiskRoom::Roomy => 0,
            DiskRoom::FramesHeld => self.frames_reserve(),
            DiskRoom::OnlyControl => self.control_reserve(),
            DiskRoom::Full => CLOSING_RESERVE,
        }
    }

    /// Takes in what is free, if that could be asked; the file stood at `file` then.
    pub fn asked(&mut self, now: Stamp, free: Option<u64>, file: Extent) {
        self.asked = Some(Asked {
            at_ns: now.mono_ns,
            free,
            written: file.written,
        });
        self.samples.roll(now);
        self.control.roll(now);
        if let Some(left) = self.left(file) {
            self.sink(now, left);
            self.rise(now, left);
        }
    }

    /// Whether there is room for `bytes` more of what is stopped at `stops_at`.
    pub fn admits(&mut self, now: Stamp, file: Extent, bytes: u64, stops_at: DiskRoom) -> bool {
        if let Some(left) = self.left(file) {
            self.sink(now, left);
            // A large picture may be too large where there is room for much else.
            let is_picture = stops_at == DiskRoom::FramesHeld;
            if is_picture && left.saturating_sub(bytes) < self.frames_reserve() {
                if self.level < DiskRoom::FramesHeld {
                    self.refused_bytes = bytes;
                }
                self.set(now, self.level.max(DiskRoom::FramesHeld));
            }
        }
        self.level < stops_at
    }

    /// Takes in that something was written which is stopped at `stops_at`.
    pub fn wrote(&mut self, bytes: u64, stops_at: DiskRoom) {
        match stops_at {
            DiskRoom::OnlyControl => self.samples.bytes += bytes,
            DiskRoom::Full => self.control.bytes += bytes,
            DiskRoom::Roomy | DiskRoom::FramesHeld => {}
        }
    }

    /// The disk has refused to take anything, whatever it says of its room.
    pub fn fill(&mut self, now: Stamp) {
        self.set(now, DiskRoom::Full);
    }

    /// A new file could be made. What is written into it follows from what was free when last
    /// asked.
    pub fn reopened(&mut self, now: Stamp) {
        let level = match self.left(Extent::default()) {
            None => DiskRoom::Roomy,
            Some(left) if left >= self.needed_for(DiskRoom::Roomy) => DiskRoom::Roomy,
            Some(left) if left >= self.needed_for(DiskRoom::FramesHeld) => DiskRoom::FramesHeld,
            Some(_) => DiskRoom::OnlyControl,
        };
        self.set(now, level);
        // It stands in another file from here on.
        self.asked = None;
    }

    /// What has to be left before it becomes `level` again.
    fn needed_for(&self, level: DiskRoom) -> u64 {
        match level {
            DiskRoom::Roomy => 2 * self.frames_reserve() + self.refused_bytes,
            DiskRoom::FramesHeld => 2 * self.control_reserve(),
            DiskRoom::OnlyControl | DiskRoom::Full => 0,
        }
    }

    fn sink(&mut self, now: Stamp, left: u64) {
        for level in [DiskRoom::Full, DiskRoom::OnlyControl, DiskRoom::FramesHeld] {
            if left < self.reserve_of(level) && self.level < level {
                return self.set(now, level);
            }
        }
    }

    fn rise(&mut self, now: Stamp, left: u64) {
        // From full there is no way but by a new file.
        let above = [DiskRoom::Roomy, DiskRoom::FramesHeld];
        let is_stuck = self.level == DiskRoom::Full
            || now.mono_ns.saturating_sub(self.since.mono_ns) < DWELL_NS;
        let wanted = above
            .into_iter()
            .find(|level| *level < self.level && left >= self.needed_for(*level));
        if let Some(level) = wanted.filter(|_| !is_stuck) {
            self.set(now, level);
        }
    }

    fn set(&mut self, now: Stamp, level: DiskRoom) {
        if level == self.level {
            return;
        }
        self.level = level;
        self.since = now;
        if level == DiskRoom::Roomy {
            self.was_short = self.short.take();
            self.refused_bytes = 0;
        } else {
            self.short.get_or_insert(Short {
                since: now,
                missing: 0,
            });
        }
    }
}

/// Bytes per second of one kind.
#[derive(Debug, Default)]
struct Pace {
    bytes: u64,
    rolled_ns: Option<u64>,
    per_s: f64,
}

impl Pace {
    fn roll(&mut self, now: Stamp) {
        let Some(then) = self.rolled_ns else {
            self.rolled_ns = Some(now.mono_ns);
            return;
        };
        let seconds = now.mono_ns.saturating_sub(then) as f64 / 1e9;
        if seconds < 1.0 {
            return;
        }
        let weight = 1.0 - (-seconds / RATE_S).exp();
        self.per_s += weight * (self.bytes as f64 / seconds - self.per_s);
        self.bytes = 0;
        self.rolled_ns = Some(now.mono_ns);
    }
}

#[cfg(test)]
mod tests;
