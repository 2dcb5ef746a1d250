//! A recording over all its files: which part is being written, when the next one is due, and what
//! all parts together hold.

use std::hash::{BuildHasher as _, RandomState};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::naming::Names;
use super::open::{Before, Closed};
use crate::model::Stamp;
use crate::pipeline::{RecordingPlan, Rotation};
use crate::recording::SourceAccount;

/// A next file that could not be opened is tried again after this time, twice it, and so on.
const RETRY_FIRST_NS: u64 = 1_000_000_000;
const RETRY_MOST_NS: u64 = 60_000_000_000;
/// Parts of one recording, which its manifest lists: ten minutes each are almost two years.
const MAX_PARTS: u32 = 99_999;

/// One recording.
pub struct Parts {
    /// What no other recording has.
    pub id: String,
    /// What its files are called.
    pub names: Names,
    /// How it was asked for.
    pub plan: RecordingPlan,
    /// When it began: ages and limits are counted from here on the monotonic clock, whatever the
    /// wall clock does meanwhile.
    pub began: Stamp,
    /// The part that is being written.
    pub number: u32,
    /// What the parts that were closed hold.
    closed: Totals,
    /// Where the first of them is.
    first: Option<PathBuf>,
    /// When the next part is due by the clock, monotonic nanoseconds.
    due_ns: Option<u64>,
    /// It was ordered.
    ordered: bool,
    retry: Option<Retry>,
}

/// Sums over the files of a recording.
#[derive(Clone, Debug, Default)]
pub struct Totals {
    /// Items in them.
    pub messages: u64,
    /// Their bytes.
    pub size_bytes: u64,
    /// Items accepted for them.
    pub accepted: u64,
    /// Of these, in them.
    pub written: u64,
    /// Of these, not in them.
    pub lost: u64,
    /// Files that are not whole.
    pub incomplete: u32,
    /// The books by source.
    pub accounts: Vec<SourceAccount>,
}

struct Retry {
    at_ns: u64,
    delay_ns: u64,
}

impl Parts {
    /// A recording whose first file was just made.
    pub fn new(id: String, names: Names, plan: RecordingPlan, began: Stamp) -> Self {
        let mut parts = Self {
            id,
            names,
            plan,
            began,
            number: 1,
            closed: Totals::default(),
            first: None,
            due_ns: None,
            ordered: false,
            retry: None,
        };
        parts.set_due_after(began.mono_ns);
        parts
    }

    /// Somebody ordered the next part.
    pub fn order(&mut self) {
        self.ordered = true;
        // Whoever asks again has perhaps made room.
        self.retry = None;
    }

    /// The next parts are due by another rule, which counts from the beginning as well.
    ///
    /// - `until_ns`: everything received before it was taken out of the lane
    pub fn set_rotation(&mut self, rotation: Rotation, until_ns: u64) {
        self.plan.rotation = rotation;
        self.set_due_after(until_ns);
    }

    /// Whether what was received at `received_ns` belongs into the next part.
    pub fn is_over(&self, received_ns: u64) -> bool {
        self.due_ns.is_some_and(|due| received_ns >= due)
    }

    /// Whether the next part is due without an item that begins it: everything received before
    /// `taken_until_ns` was taken out of the lane.
    pub fn is_due(&self, taken_until_ns: u64) -> bool {
        self.ordered || self.is_over(taken_until_ns)
    }

    /// Whether it is time to try; not right after it failed.
    pub fn may_try(&self, now: Stamp) -> bool {
        self.number < MAX_PARTS
            && self
                .retry
                .as_ref()
                .is_none_or(|retry| now.mono_ns >= retry.at_ns)
    }

    /// The next part is open; `until_ns` is the time up to which the last one reaches.
    pub fn turned(&mut self, until_ns: u64) {
        self.number += 1;
        self.ordered = false;
        self.retry = None;
        if self.is_over(until_ns) {
            self.set_due_after(until_ns);
        }
    }

    /// The next part could not be opened. Returns when it is tried again.
    pub fn failed(&mut self, now: Stamp) -> Duration {
        let delay_ns = self.retry.as_ref().map_or(RETRY_FIRST_NS, |retry| {
            retry.delay_ns.saturating_mul(2).min(RETRY_MOST_NS)
        });
        self.retry = Some(Retry {
            at_ns: now.mono_ns.saturating_add(delay_ns),
            delay_ns,
        });
        Duration::from_nanos(delay_ns)
    }

    /// The first multiple of the period after this, counted from the beginning: one late part does
    /// not make the following ones late.
    fn set_due_after(&mut self, mono_ns: u64) {
        self.due_ns = self.plan.rotation.every.map(|every| {
            let every = u64::try_from(every.as_nanos()).unwrap_or(u64::MAX).max(1);
            let began = self.began.mono_ns;
            let whole = mono_ns.saturating_sub(began) / every;
            began.saturating_add(every.saturating_mul(whole.saturating_add(1)))
        });
    }

    /// Takes the sums of a file that was closed in.
    pub fn add(&mut self, closed: &Closed) {
        self.closed.add(closed);
        self.first.get_or_insert_with(|| closed.path.clone());
    }

    /// Where the first of its files is, once it is closed.
    pub fn first_path(&self) -> Option<&Path> {
        self.first.as_deref()
    }

    /// What the files closed so far hold.
    pub fn totals(&self) -> &Totals {
        &self.closed
    }

    /// What the next file has to know of the ones before it.
    pub fn before(&self) -> Before {
        Before {
            began: self.began,
            messages: self.closed.messages,
            size_bytes: self.closed.size_bytes,
        }
    }

    /// The number to show: none for a recording of one file that is to stay one.
    pub fn shown_number(&self) -> u32 {
        match self.number {
            1 if !self.plan.rotation.is_planned() => 0,
            number => number,
        }
    }

    /// Which part a file is named after; `None` for the only one of a recording.
    pub fn named_number(&self, is_last: bool) -> Option<u32> {
        (self.number > 1 || !is_last).then_some(self.number)
    }
}

impl Totals {
    fn add(&mut self, closed: &Closed) {
        self.messages += closed.messages;
        self.size_bytes += closed.size_bytes;
        self.accepted += closed.accepted;
        self.written += closed.written;
        self.lost += closed.lost;
        self.incomplete += u32::from(!closed.complete);
        for account in &closed.accounts {
            match self.accounts.iter_mut().find(|a| a.name == account.name) {
                Some(sum) => sum.add(account),
                None => self.accounts.push(account.clone()),
            }
        }
    }
}

/// What names a recording: 128 bits that no other recording has. The keys of the standard library's
/// hasher come from the system's own randomness.
pub fn session_id(began: Stamp) -> String {
    let half = |salt: u8| RandomState::new().hash_one((salt, began.unix_ns, std::process::id()));
    format!("{:016x}{:016x}", half(1), half(2))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::pipeline::RecordingLimits;
    use crate::recorder::Disk;

    fn parts(every_s: u64) -> Parts {
        let dir = tempfile::tempdir().unwrap();
        let (names, _) = Names::claim(&Disk, dir.path(), "a", "", 0).unwrap();
        let plan = RecordingPlan {
            dir: dir.path().to_owned(),
            stem: "a".to_owned(),
            limits: RecordingLimits::default(),
            rotation: Rotation {
                every: Some(Duration::from_secs(every_s)),
                size_bytes: None,
            },
        };
        Parts::new("ab12".to_owned(), names, plan, at(5))
    }

    fn at(seconds: u64) -> Stamp {
        Stamp {
            mono_ns: seconds * 1_000_000_000,
            unix_ns: 0,
        }
    }

    #[test]
    fn parts_are_counted_from_the_beginning_and_none_is_made_up() {
        let mut parts = parts(10);
        assert!(!parts.is_due(at(14).mono_ns));
        assert!(parts.is_due(at(15).mono_ns));
        parts.turned(at(16).mono_ns);
        assert!(!parts.is_due(at(24).mono_ns));
        // Nothing was taken for a long time: one part more, not three.
        assert!(parts.is_due(at(47).mono_ns));
        parts.turned(at(47).mono_ns);
        assert!(!parts.is_due(at(54).mono_ns));
        assert!(parts.is_due(at(55).mono_ns));
        // One that was ordered does not move those of the clock.
        parts.order();
        parts.turned(at(50).mono_ns);
        assert!(!parts.is_due(at(54).mono_ns));
        assert!(parts.is_due(at(55).mono_ns));
    }

    #[test]
    fn another_rule_counts_from_the_beginning_and_makes_no_part_at_once() {
        let mut parts = parts(10);
        parts.turned(at(16).mono_ns);
        let every = |seconds| Rotation {
            every: Some(Duration::from_secs(seconds)),
            size_bytes: None,
        };
        parts.set_rotation(every(4), at(20).mono_ns);
        assert!(!parts.is_due(at(20).mono_ns));
        assert!(parts.is_due(at(21).mono_ns));
        parts.set_rotation(Rotation::default(), at(20).mono_ns);
        assert!(!parts.is_due(at(1_000).mono_ns));
        parts.set_rotation(every(100), at(1_000).mono_ns);
        assert!(!parts.is_due(at(1_004).mono_ns));
        assert!(parts.is_due(at(1_005).mono_ns));
    }

    #[test]
    fn a_failure_is_tried_again_ever_more_seldom() {
        let mut parts = parts(10);
        let mut now = at(15);
        let mut delays = Vec::new();
        for _ in 0..8 {
            assert!(parts.may_try(now));
            let delay = parts.failed(now);
            assert!(!parts.may_try(now));
            now.mono_ns += u64::try_from(delay.as_nanos()).unwrap();
            delays.push(delay.as_secs());
        }
        assert_eq!(delays, [1, 2, 4, 8, 16, 32, 60, 60]);
        parts.failed(now);
        parts.order();
        assert!(parts.may_try(now), "who asks is not kept waiting");
    }

    #[test]
    fn no_two_recordings_have_one_name() {
        let ids: BTreeSet<String> = (0..1000).map(|_| session_id(at(5))).collect();
        assert_eq!(ids.len(), 1000);
        assert!(ids.iter().all(|id| id.len() == 32));
    }
}
