//! What the recorder does while its disk fills, is full, or takes nothing: what is stopped is said
//! in the file, in the log and in the status, and the recording goes on by itself.

use std::io;

use super::super::failure::{self, REMOVED, loss_reason};
use super::super::room::{self, RESUME_BYTES};
use super::super::stalled::{SOUND, Stalled};
use super::{Closed, End, Open, RecordingOutcome, Worker, file_name};
use crate::model::{
    DiskRoom, DropReason, Fault, FaultKind, PlainText, RecorderState, Sample, Severity, Stamp,
};
use crate::recording::Numbering;

/// Whether the file still has its name is looked at this often.
const LOOK_EVERY_NS: u64 = 1_000_000_000;

impl Worker {
    /// Whether there is room for a sample; asks the disk where that is not known.
    pub(super) fn has_room_for(&mut self, sample: &Sample, now: Stamp) -> bool {
        let Some(open) = &self.open else { return true };
        let (file, bytes) = (open.extent(), room::bytes_of(&sample.payload));
        let stops_at = room::stops_at(&sample.payload);
        if self.room.is_due(now, file, bytes, stops_at) {
            self.ask_room(now);
        }
        self.room.admits(now, file, bytes, stops_at)
    }

    /// Asks the disk what is free, and holds some of it where that is little.
    fn ask_room(&mut self, now: Stamp) {
        let Some(open) = &mut self.open else { return };
        let dir = open.path().parent().unwrap_or(open.path());
        let free = self.storage.free_bytes(dir);
        let file = open.extent();
        let held = open.held_bytes();
        self.room.asked(now, free.map(|free| free + held), file);
        if self.room.is_near(file) {
            open.hold_room();
        }
    }

    /// Says what there is no room for any more, or again.
    pub(super) fn watch_room(&mut self, now: Stamp) {
        if let Some(removed) = self.removed(now) {
            return self.fail(removed);
        }
        let Some(open) = &self.open else { return };
        if self.room.is_due(now, open.extent(), 0, DiskRoom::Full) {
            self.ask_room(now);
        }
        let Some(open) = &mut self.open else { return };
        let level = self.room.level();
        if level == DiskRoom::Full {
            return self.end_full(now);
        }
        if open.room_said() == level {
            return;
        }
        let left = self.room.free(open.extent());
        let since = match level {
            DiskRoom::Roomy => self.room.was_short(),
            _ => self.room.short(),
        };
        let text = failure::room_changed(open.room_said(), level, left, since);
        let severity = match level {
            DiskRoom::Roomy => Severity::Warning,
            _ => Severity::Error,
        };
        tell(severity, &text);
        let fault = Fault::new(FaultKind::Recorder, severity, text);
        if let Err(error) = open.say_room(level, &fault, &self.latched, now) {
            self.fail(error);
        }
    }

    /// Whether the file that is being written has lost its name: what is in it would be gone with
    /// the recorder.
    fn removed(&mut self, now: Stamp) -> Option<io::Error> {
        let open = self.open.as_ref()?;
        if now.mono_ns.saturating_sub(self.looked_ns) < LOOK_EVERY_NS {
            return None;
        }
        self.looked_ns = now.mono_ns;
        let is_there = self.storage.exists(open.path());
        (!is_there).then(|| io::Error::new(io::ErrorKind::NotFound, REMOVED))
    }

    /// Closes a file while there is room for its end.
    fn end_full(&mut self, now: Stamp) {
        let Some(mut open) = self.open.take() else {
            return;
        };
        if let Err(error) = open.settle(now) {
            self.open = Some(open);
            return self.fail(error);
        }
        let numbering = open.numbering();
        let Some(parts) = &self.parts else { return };
        let end = End {
            reason: failure::FULL,
            names: &parts.names,
            part: parts.named_number(false),
            goes_on: true,
        };
        let closed = open.close(&*self.storage, now, &end);
        let why = failure::stopped_full(&closed.path, closed.size_bytes);
        self.stall(&closed, numbering, why, DropReason::DiskFull, now);
    }

    /// Ends a file that takes no more, and waits for its disk.
    pub(super) fn fail(&mut self, error: io::Error) {
        let Some(open) = self.open.take() else { return };
        let now = self.context.clock.now();
        let numbering = open.numbering();
        let reason = loss_reason(&error);
        // One that is being ended does not go on.
        let goes_on = self.status.state != RecorderState::Draining;
        let closed = open.abandon(now, error, goes_on);
        let why = match &closed.trouble {
            Some(error) => failure::failure(&closed.path, closed.size_bytes, error),
            None => failure::stopped_full(&closed.path, closed.size_bytes),
        };
        self.stall(&closed, numbering, why, reason, now);
    }

    /// Waits for a disk that takes nothing. What comes meanwhile is lost, and counted; the lane goes
    /// on being emptied, so nobody waits for a disk that is gone.
    fn stall(
        &mut self,
        closed: &Closed,
        numbering: Numbering,
        why: PlainText,
        reason: DropReason,
        now: Stamp,
    ) {
        tell(
            Severity::Error,
            &format!("{why}; it goes on by itself when the disk takes something again"),
        );
        if let Some(mut parts) = self.parts.take() {
            self.archive_part(&parts, closed, now, &why);
            parts.add(closed);
            let totals = parts.totals();
            self.status.messages = totals.messages;
            self.status.written_bytes = totals.size_bytes;
            self.parts = Some(parts);
        }
        self.status.file = file_name(&closed.path);
        self.trouble = None;
        if reason == DropReason::DiskFull {
            self.room.fill(now);
        }
        if now.since(closed.began) >= SOUND {
            self.tries = 0;
        }
        self.status.state = RecorderState::Waiting(why.clone());
        self.stalled = Some(Stalled::new(numbering, why, reason, self.tries, now));
    }

    /// Goes on with a recording that waits for its disk, if that takes something again.
    pub(super) fn watch_stall(&mut self, now: Stamp) {
        let (Some(stalled), Some(parts)) = (&mut self.stalled, &mut self.parts) else {
            return;
        };
        let limits = parts.plan.limits;
        if let Some(most) = limits.duration
            && now.since(parts.began) >= most
        {
            return self.finish("the time asked for is over");
        }
        if !stalled.is_due(now) {
            return;
        }
        let is_full = stalled.reason() == DropReason::DiskFull;
        let free = self.storage.free_bytes(&parts.plan.dir);
        self.room.asked(now, free, room::Extent::default());
        if is_full && free.is_some_and(|free| free < RESUME_BYTES) {
            return stalled.wait_for_room(now);
        }
        let text = failure::resumed(stalled, now);
        let begun = Open::behind(
            (stalled.numbering(), parts.before()),
            &*self.storage,
            parts,
            &self.context.sources,
            &self.latched,
            now,
        );
        let proved = begun.and_then(|mut open| {
            let fault = Fault::new(FaultKind::Recorder, Severity::Error, text.as_str());
            let has_room = match is_full {
                // A quota, or what is kept for root, is not in the figures.
                true => open.prove_room(RESUME_BYTES),
                false => Ok(()),
            };
            let said = has_room.and_then(|()| open.say_missing(&fault, stalled.missing(), now));
            said.map(|()| open.path().to_owned())
                .map_err(|error| {
                    // Ours, and nothing of anybody is in it.
                    let _ = self.storage.remove(open.path());
                    (open.path().to_owned(), error)
                })
                .map(|path| (path, open))
        });
        match proved {
            Ok((path, open)) => {
                tell(Severity::Warning, &text);
                self.tries = stalled.tries();
                self.stalled = None;
                self.room.reopened(now);
                parts.turned(now.mono_ns);
                self.status.state = RecorderState::Recording;
                self.status.file = file_name(&path);
                self.status.part = parts.shown_number();
                if let Some(archive) = &self.archive {
                    archive.open(parts.number, &path);
                }
                self.open = Some(open);
            }
            Err((path, error)) => {
                let path = path.display();
                tracing::info!(target: TARGET, "still not recording: {path}: {error}");
                stalled.failed(now);
            }
        }
    }

    /// Ends a recording that waits for its disk.
    pub(super) fn give_up_waiting(&mut self, now: Stamp, reason: &str) {
        let (Some(stalled), Some(parts)) = (self.stalled.take(), self.parts.take()) else {
            return;
        };
        let missing = stalled.missing_total();
        let mut ended = format!("{}; {reason} while it waited for the disk", stalled.why());
        if missing > 0 {
            ended.push_str(&format!(
                "; {missing} messages{} are in no file",
                failure::since(stalled.since())
            ));
        }
        tell(Severity::Error, &ended);
        let totals = parts.totals().clone();
        let manifest = self.end_manifest(&parts, now, &ended);
        self.status.state = RecorderState::Failed(stalled.why().clone());
        self.status.not_taken = totals.lost + missing;
        let mut shared = self.shared();
        let left_out = shared.left_out;
        shared.outcomes.push(RecordingOutcome {
            path: parts.first_path().unwrap_or(&parts.plan.dir).to_owned(),
            parts: parts.number,
            manifest,
            complete: false,
            accepted: totals.accepted + missing,
            written: totals.written,
            lost: totals.lost + missing,
            left_out,
            size_bytes: totals.size_bytes,
            ended,
            sources: totals.accounts,
        });
    }

    /// Enters what is known of the disk into the status.
    pub(super) fn publish_room(&mut self) {
        let file = self.open.as_ref().map(Open::extent).unwrap_or_default();
        let status = &mut self.status;
        status.free_bytes = self.room.free(file).or(status.free_bytes);
        status.reserve_bytes = self.room.frames_reserve();
        status.disk = self.room.level();
        let short = self.room.short();
        status.disk_since_unix_ns = short.map_or(0, |short| short.since.unix_ns);
        status.disk_missing = short.map_or(0, |short| short.missing);
        if let Some(stalled) = &self.stalled {
            status.disk_since_unix_ns = stalled.since().unix_ns;
            let lost = self.parts.as_ref().map_or(0, |parts| parts.totals().lost);
            status.not_taken = lost + stalled.missing_total();
        }
    }
}

const TARGET: &str = "ttyscope::recorder";

/// Tells whoever reads the log; the screens show its warnings and errors too.
fn tell(severity: Severity, text: &str) {
    match severity {
        Severity::Error => tracing::error!(target: TARGET, "{text}"),
        _ => tracing::warn!(target: TARGET, "{text}"),
    }
}
