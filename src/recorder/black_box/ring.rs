//! The last seconds of everything, in the order in which it came, bounded in time and in bytes.
//!
//! One thread fills it and another may be writing it into a file. What falls out is not forgotten
//! altogether: it goes into the state that held before the oldest item, so that a file can begin
//! with that.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::model::{LaneKind, Latched, Sample, SourceId, Stamp};
use crate::recording::BlackBoxCause;

/// How much is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// How old an item may become, in nanoseconds.
    pub span_ns: u64,
    /// How much all items may take, by their size in a lane.
    pub bytes: u64,
}

/// What comes in while a file is being written must not push out what is not yet in it; for that
/// there is this part of the bound more. Beyond it the file has a hole, which is counted.
const SLACK: u64 = 4;
/// Items that a writer takes at a time, and their bytes: the ring is held meanwhile.
const SLICE_ITEMS: usize = 256;
const SLICE_BYTES: u64 = 1024 * 1024;
/// Causes that one file tells of.
const MAX_CAUSES: usize = 100;

/// The ring, shared by the recorder and whoever writes it into a file.
#[derive(Debug)]
pub struct Ring {
    held: Mutex<Held>,
    news: Condvar,
}

#[derive(Debug)]
struct Held {
    bounds: Bounds,
    /// What held before the oldest item. Shared with a file only until that has begun.
    before: Arc<Latched>,
    items: VecDeque<Sample>,
    bytes: u64,
    /// Number of the oldest item, counted from the first that ever came.
    first: u64,
    saving: Option<Saving>,
}

/// A file that is being written.
#[derive(Debug)]
struct Saving {
    /// Number of the first item that it does not have yet.
    next: u64,
    until_ns: u64,
    /// No cause makes it longer than this.
    at_most_until_ns: u64,
    causes: VecDeque<BlackBoxCause>,
    told: usize,
    overtaken: BTreeMap<(SourceId, LaneKind), u64>,
    end: Option<End>,
}

/// Where a file ends.
#[derive(Clone, Debug)]
struct End {
    /// Number of the first item that is not in it any more.
    before: u64,
    why: String,
}

/// What a file begins with.
#[derive(Debug)]
pub struct Beginning {
    /// The state of everything then.
    pub before: Arc<Latched>,
    /// When its first item was received.
    pub at: Stamp,
}

/// What is to be written next.
#[derive(Debug, Default)]
pub struct Slice {
    /// What it is saved for; new ones.
    pub causes: Vec<BlackBoxCause>,
    /// Items, in their order.
    pub items: Vec<Sample>,
    /// Items that fell out of the ring before they could be taken, since the last slice.
    pub overtaken: BTreeMap<(SourceId, LaneKind), u64>,
    /// Why nothing more comes, behind these.
    pub end: Option<String>,
}

impl Ring {
    /// An empty ring.
    ///
    /// - `before`: what holds already
    pub fn new(bounds: Bounds, before: Latched) -> Self {
        Self {
            held: Mutex::new(Held {
                bounds,
                before: Arc::new(before),
                items: VecDeque::new(),
                bytes: 0,
                first: 0,
                saving: None,
            }),
            news: Condvar::new(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps another bound from now on.
    pub fn set_bounds(&self, bounds: Bounds, now: Stamp) {
        let mut held = self.lock();
        held.bounds = bounds;
        held.trim(now);
    }

    /// Takes an item in; the oldest give way.
    pub fn push(&self, sample: Sample, now: Stamp) {
        let mut held = self.lock();
        held.bytes += size_of(&sample);
        held.items.push_back(sample);
        held.trim(now);
        let is_awaited = held.saving.is_some();
        drop(held);
        if is_awaited {
            self.news.notify_one();
        }
    }

    /// Lets go what is too old.
    pub fn trim(&self, now: Stamp) {
        self.lock().trim(now);
    }

    /// How old the oldest item is, how much is held, and whether a file is being written.
    pub fn figures(&self, now: Stamp) -> (Duration, u64, bool) {
        let held = self.lock();
        let oldest = held.items.front();
        let age = oldest.map(|sample| now.since(sample.received));
        (age.unwrap_or_default(), held.bytes, held.saving.is_some())
    }

    /// Begins a file with everything that is held and what comes in the time `after` now; or makes
    /// the one that is being written that much longer, and returns `None`.
    ///
    /// - `most`: no file goes on for longer than this, whatever happens
    pub fn save(
        &self,
        cause: BlackBoxCause,
        now: Stamp,
        after: Duration,
        most: Duration,
    ) -> Option<Beginning> {
        let mut held = self.lock();
        let until_ns = now.mono_ns.saturating_add(nanos(after));
        if let Some(saving) = &mut held.saving {
            saving.until_ns = until_ns.min(saving.at_most_until_ns).max(saving.until_ns);
            if saving.told < MAX_CAUSES {
                saving.told += 1;
                saving.causes.push_back(cause);
            }
            drop(held);
            self.news.notify_one();
            return None;
        }
        held.trim(now);
        held.saving = Some(Saving {
            next: held.first,
            until_ns,
            at_most_until_ns: now.mono_ns.saturating_add(nanos(most)),
            causes: VecDeque::from([cause]),
            told: 1,
            overtaken: BTreeMap::new(),
            end: None,
        });
        Some(Beginning {
            before: Arc::clone(&held.before),
            at: held.items.front().map_or(now, |sample| sample.received),
        })
    }

    /// Ends the file that is being written behind what is held now.
    pub fn end(&self, why: &str) {
        let mut held = self.lock();
        held.end_saving(why);
        drop(held);
        self.news.notify_one();
    }

    /// Nobody writes the file any more.
    pub fn abandon(&self, now: Stamp) {
        let mut held = self.lock();
        held.saving = None;
        held.trim(now);
    }

    /// What is to be written next, waiting up to `patience` for something. Once it has an end,
    /// another file may be begun.
    pub fn next(&self, now: Stamp, patience: Duration) -> Slice {
        let (mut held, _) = self
            .news
            .wait_timeout_while(self.lock(), patience, |held| !held.has_news(now))
            .unwrap_or_else(PoisonError::into_inner);
        held.slice(now)
    }
}

impl Held {
    fn has_news(&self, now: Stamp) -> bool {
        let end = self.first + self.items.len() as u64;
        self.saving.as_ref().is_none_or(|saving| {
            saving.next < end
                || saving.end.is_some()
                || !saving.causes.is_empty()
                || now.mono_ns >= saving.until_ns
        })
    }

    fn end_saving(&mut self, why: &str) {
        let before = self.first + self.items.len() as u64;
        if let Some(saving) = &mut self.saving {
            saving.end.get_or_insert(End {
                before,
                why: why.to_owned(),
            });
        }
    }

    fn trim(&mut self, now: Stamp) {
        while let Some(oldest) = self.items.front() {
            let is_over = self.bytes > self.bounds.bytes
                || now.mono_ns.saturating_sub(oldest.received.mono_ns) > self.bounds.span_ns;
            if !is_over {
                return;
            }
            if let Some(saving) = &mut self.saving
                && saving.next == self.first
                && saving
                    .end
                    .as_ref()
                    .is_none_or(|end| saving.next < end.before)
            {
                if self.bytes <= self.bounds.bytes + self.bounds.bytes / SLACK {
                    return;
                }
                saving.next += 1;
                let whose = (oldest.source, oldest.payload.lane());
                *saving.overtaken.entry(whose).or_default() += 1;
            }
            let Some(oldest) = self.items.pop_front() else {
                return;
            };
            self.first += 1;
            self.bytes -= size_of(&oldest);
            // Copied only while a file has not even begun, which has the old one.
            Arc::make_mut(&mut self.before).remember(&oldest);
        }
    }

    fn slice(&mut self, now: Stamp) -> Slice {
        let mut slice = Slice::default();
        let over = self
            .saving
            .as_ref()
            .map(|saving| now.mono_ns >= saving.until_ns);
        if over == Some(true) {
            self.end_saving("all that was to follow is in it");
        }
        let Some(saving) = &mut self.saving else {
            slice.end = Some("nothing more was wanted".to_owned());
            return slice;
        };
        slice.causes.extend(saving.causes.drain(..));
        slice.overtaken = std::mem::take(&mut saving.overtaken);
        let last = saving.end.as_ref().map_or(u64::MAX, |end| end.before);
        let skip = usize::try_from(saving.next.saturating_sub(self.first)).unwrap_or(usize::MAX);
        let mut bytes = 0;
        for sample in self.items.iter().skip(skip).take(SLICE_ITEMS) {
            if saving.next >= last || bytes >= SLICE_BYTES {
                break;
            }
            bytes += size_of(sample);
            slice.items.push(sample.clone());
            saving.next += 1;
        }
        if saving.next >= last {
            slice.end = saving.end.take().map(|end| end.why);
            self.saving = None;
        }
        // What was only kept for the file may go.
        self.trim(now);
        slice
    }
}

fn size_of(sample: &Sample) -> u64 {
    sample.payload.size_bytes() as u64
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
