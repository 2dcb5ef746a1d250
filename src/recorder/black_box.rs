//! The black box: the last seconds of everything, saved when somebody asks or a rule says so.
//!
//! The recorder's thread fills the ring (`ring`) and looks at the rules (`rules`); a thread of its
//! own writes each file (`saver`). Items are shared and not copied: their bytes are counted once.

mod ring;
mod rules;
mod saver;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use super::RecorderContext;
use super::storage::Storage;
use crate::model::{
    BlackBoxStatus, DropReason, LaneKind, Latched, Loss, Payload, Sample, SavedBlackBox, SourceId,
    Stamp,
};
use crate::pipeline::{BlackBoxPlan, RecordingLimits, RecordingPlan, Rotation};
use crate::recording::BlackBoxCause;
use ring::{Bounds, Ring};
use rules::Rules;
use saver::Job;

/// However often it is asked for more, a file goes on for so many times what follows one cause.
const MOST_AFTER: u32 = 6;
/// A file grows to so many times what the ring holds.
const MOST_SIZE: u64 = 4;

/// The black box of a recorder.
#[derive(Default)]
pub struct BlackBox {
    on: Option<On>,
    /// The file being written.
    writing: Option<JoinHandle<SavedBlackBox>>,
    /// A file that was asked for while the one before was being closed.
    waiting: VecDeque<BlackBoxCause>,
    taken: u64,
    saves: u64,
    held_back: u64,
    last: Option<SavedBlackBox>,
}

struct On {
    plan: BlackBoxPlan,
    ring: Arc<Ring>,
    rules: Rules,
}

impl BlackBox {
    /// Keeps what `plan` says from now on, or nothing.
    ///
    /// - `latched`: what holds already
    pub fn set(
        &mut self,
        plan: Option<BlackBoxPlan>,
        latched: &Latched,
        context: &RecorderContext,
    ) {
        let Some(plan) = plan else {
            if let Some(on) = self.on.take() {
                on.ring.end("it was switched off");
            }
            return;
        };
        let bounds = Bounds {
            span_ns: u64::try_from(plan.span.as_nanos()).unwrap_or(u64::MAX),
            bytes: plan.size_bytes,
        };
        let ring = match self.on.take() {
            Some(on) => {
                on.ring.set_bounds(bounds, context.clock.now());
                on.ring
            }
            None => Arc::new(Ring::new(bounds, latched.clone())),
        };
        self.on = Some(On {
            rules: Rules::new(&plan.on, &context.sources),
            ring,
            plan,
        });
    }

    /// Takes in what the recorder has taken, and saves if a rule says so.
    ///
    /// - `latched`: what holds, with the item
    pub fn take(
        &mut self,
        sample: Sample,
        latched: &Latched,
        context: &RecorderContext,
        storage: &Arc<dyn Storage>,
    ) {
        let now = context.clock.now();
        let Some(on) = &mut self.on else { return };
        let fired = on.rules.look(&sample, latched);
        on.ring.push(sample, now);
        self.taken += 1;
        for fired in fired {
            let Some(on) = &mut self.on else { return };
            let (_, _, is_saving) = on.ring.figures(now);
            if fired.by_hand || is_saving || on.rules.may_begin(now) {
                self.save(&fired.because, context, storage);
            } else {
                self.held_back += 1;
            }
        }
    }

    /// Notes what was to be kept and found no room in the lane.
    pub fn miss(&mut self, missed: BTreeMap<(SourceId, LaneKind), u64>, now: Stamp) {
        let Some(on) = &self.on else { return };
        for ((source, lane), count) in missed {
            let loss = Loss {
                lane,
                reason: DropReason::ReaderBehind,
                count,
            };
            let sample = Sample {
                source,
                received: now,
                payload: Payload::Loss(loss),
            };
            on.ring.push(sample, now);
            self.taken += 1;
        }
    }

    /// Saves what is held and what follows, because of this.
    pub fn save(&mut self, because: &str, context: &RecorderContext, storage: &Arc<dyn Storage>) {
        let cause = BlackBoxCause {
            at_unix_ns: context.clock.now().unix_ns,
            because: because.to_owned(),
        };
        self.begin(cause, context, storage);
    }

    fn begin(
        &mut self,
        cause: BlackBoxCause,
        context: &RecorderContext,
        storage: &Arc<dyn Storage>,
    ) {
        let Some(on) = &self.on else { return };
        let now = context.clock.now();
        let (_, _, is_saving) = on.ring.figures(now);
        if self.writing.is_some() && !is_saving {
            // It has all it will have and is being closed; the ring still has all of this.
            if self.waiting.is_empty() {
                self.waiting.push_back(cause);
            }
            return;
        }
        let because = cause.because.clone();
        let most = on.plan.after.saturating_mul(MOST_AFTER);
        let Some(beginning) = on.ring.save(cause, now, on.plan.after, most) else {
            return;
        };
        let job = Job {
            ring: Arc::clone(&on.ring),
            beginning,
            plan: RecordingPlan {
                dir: on.plan.dir.clone(),
                stem: on.plan.stem.clone(),
                limits: RecordingLimits {
                    size_bytes: Some(on.plan.size_bytes.saturating_mul(MOST_SIZE)),
                    ..RecordingLimits::default()
                },
                rotation: Rotation::default(),
            },
            storage: Arc::clone(storage),
            sources: context.sources.clone(),
            clock: context.clock.clone(),
            because,
        };
        let (dir, because) = (on.plan.dir.display().to_string(), job.because.clone());
        let thread = std::thread::Builder::new()
            .name("black-box".to_owned())
            .spawn(move || job.run());
        match thread {
            Ok(thread) => self.writing = Some(thread),
            Err(error) => {
                on.ring.abandon(now);
                let why = format!("the system gives no thread: {error}");
                self.saved(not_saved(&dir, &because, why));
            }
        }
    }

    fn saved(&mut self, saved: SavedBlackBox) {
        match saved.trouble {
            Some(_) => tracing::error!("{}", saved.sentence()),
            None => tracing::info!("{}", saved.sentence()),
        }
        self.saves += 1;
        self.last = Some(saved);
    }

    /// Lets go what is too old, and sees to the file that was being written.
    pub fn keep_up(&mut self, context: &RecorderContext, storage: &Arc<dyn Storage>) {
        if let Some(on) = &self.on {
            on.ring.trim(context.clock.now());
        }
        if !self.writing.as_ref().is_some_and(JoinHandle::is_finished) {
            return;
        }
        self.collect(context.clock.now());
        if let Some(cause) = self.waiting.pop_front() {
            self.begin(cause, context, storage);
        }
    }

    fn collect(&mut self, now: Stamp) {
        let Some(thread) = self.writing.take() else {
            return;
        };
        let saved = thread.join().unwrap_or_else(|_| {
            if let Some(on) = &self.on {
                on.ring.abandon(now);
            }
            not_saved("", "", "internal error; the log has the details".to_owned())
        });
        self.saved(saved);
    }

    /// Ends the file that is being written, and waits for it.
    pub fn close(&mut self, now: Stamp) {
        if let Some(on) = self.on.take() {
            on.ring.end("the program ended");
        }
        self.collect(now);
    }

    /// What others are told of it.
    pub fn status(&self, now: Stamp) -> Option<BlackBoxStatus> {
        let (held, held_bytes, _) = match &self.on {
            Some(on) => on.ring.figures(now),
            None if self.last.is_some() => (Duration::ZERO, 0, false),
            None => return None,
        };
        let plan = self.on.as_ref().map(|on| &on.plan);
        Some(BlackBoxStatus {
            held,
            held_bytes,
            most: plan.map_or(Duration::ZERO, |plan| plan.span),
            most_bytes: plan.map_or(0, |plan| plan.size_bytes),
            taken: self.taken,
            is_saving: self.writing.is_some(),
            saves: self.saves,
            held_back: self.held_back,
            last: self.last.clone(),
        })
    }
}

/// A file that came to nothing.
fn not_saved(path: &str, because: &str, why: String) -> SavedBlackBox {
    SavedBlackBox {
        path: path.into(),
        because: because.into(),
        span: Duration::ZERO,
        size_bytes: 0,
        missing: 0,
        trouble: Some(why.into()),
    }
}
