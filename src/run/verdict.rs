//! What is said at the end of a run: the accounts, and whether anything is missing.

use std::fmt;

use serde::Serialize;

use super::headless::Links;
use super::mission::Exit;
use super::session::Remains;
use crate::model::{CommandState, DropReason, LaneKind, SavedBlackBox, size_text};

/// The summary of a run.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Verdict {
    /// Nothing is missing that was sent to us or asked of us.
    pub complete: bool,
    /// What is missing, a sentence each.
    pub missing: Vec<String>,
    /// Each source's account.
    pub sources: Vec<SourceAccount>,
    /// The files that were written.
    pub files: Vec<FileAccount>,
    /// Where the last seconds were saved, and why; the newest file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub black_box: Option<String>,
    #[serde(skip)]
    broke_off: bool,
}

/// One source's account.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SourceAccount {
    /// Its name.
    pub name: String,
    /// Items received.
    pub received: u64,
    /// The same by lane, those that got any.
    pub received_by: Vec<(String, u64)>,
    /// Items that reached the screen or the log.
    pub shown: u64,
    /// Items that gave way to newer ones on the screen.
    pub coalesced: u64,
    /// Items in the recording that the screen did not get.
    pub recorded_only: u64,
    /// Items lost.
    pub dropped: u64,
    /// The same by reason.
    pub dropped_by: Vec<(String, u64)>,
    /// Items neither settled nor lost: 0 at rest.
    pub in_flight: u64,
    /// What the accounts cannot explain: 0.
    pub residue: i64,
    /// Items the recorder accepted.
    pub accepted: u64,
    /// Items in the file.
    pub written: u64,
    /// Frames by camera, and how many their numbers say are missing.
    pub cameras: Vec<CameraAccount>,
    /// How often the link was lost.
    pub link_losses: u64,
    /// Faults by kind.
    pub faults: Vec<(String, u64)>,
    /// Commands by what became of them.
    pub commands: Vec<(String, u64)>,
    /// Presses of the stop that it was to obey.
    pub stops: u64,
    /// Items that were said to be lost.
    pub told_lost: u64,
}

/// One camera's account.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CameraAccount {
    /// Its name.
    pub detector: String,
    /// Frames received.
    pub frames: u64,
    /// Frames that never came.
    pub lost: u64,
}

/// One recording.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FileAccount {
    /// Where it is; the first of its files if it has several.
    pub path: String,
    /// How many files it has.
    pub parts: u32,
    /// Where the manifest with their hashes is.
    pub manifest: Option<String>,
    /// Its size.
    pub size_bytes: u64,
    /// Messages accepted for it and in it.
    pub accepted: u64,
    /// Messages in it.
    pub written: u64,
    /// Why it ended.
    pub ended: String,
    /// It is closed and whole.
    pub complete: bool,
}

impl Verdict {
    /// Looks at what a session left behind. `recording_wanted`: a run that was asked to record and
    /// has no file is not complete.
    pub fn of(remains: &Remains, links: &Links, recording_wanted: bool) -> Self {
        let sources: Vec<SourceAccount> = remains
            .snapshot
            .sources
            .iter()
            .zip(&remains.sources)
            .map(|(figures, info)| {
                let total = figures.total();
                let told = links.told.get(&info.id).cloned().unwrap_or_default();
                SourceAccount {
                    name: info.name.to_string(),
                    received: total.received,
                    received_by: LaneKind::ALL
                        .into_iter()
                        .map(|kind| (kind, figures.lane(kind).counts.received))
                        .filter(|(_, count)| *count > 0)
                        .map(|(kind, count)| (kind.as_str().to_owned(), count))
                        .collect(),
                    shown: total.shown,
                    coalesced: total.coalesced,
                    recorded_only: total.recorded_only,
                    dropped: total.dropped_total(),
                    dropped_by: DropReason::ALL
                        .into_iter()
                        .zip(total.dropped)
                        .filter(|(_, count)| *count > 0)
                        .map(|(reason, count)| (reason.as_str().to_owned(), count))
                        .collect(),
                    in_flight: total.in_flight + figures.disk.in_flight,
                    residue: figures.residue(),
                    accepted: figures.disk.accepted,
                    written: figures.disk.written,
                    cameras: figures
                        .cameras
                        .iter()
                        .map(|camera| CameraAccount {
                            detector: camera.detector.to_string(),
                            frames: camera.frames,
                            lost: camera.lost,
                        })
                        .collect(),
                    link_losses: links.losses.get(&info.id).copied().unwrap_or(0),
                    faults: figures
                        .faults
                        .iter()
                        .map(|(kind, count)| (kind.as_str().to_owned(), *count))
                        .collect(),
                    commands: CommandState::ALL
                        .into_iter()
                        .map(|state| {
                            let ended = told.commands.values().filter(|s| **s == state);
                            (state.as_str().to_owned(), ended.count() as u64)
                        })
                        .filter(|(_, count)| *count > 0)
                        .collect(),
                    stops: told.stops.len() as u64,
                    told_lost: told.lost,
                }
            })
            .collect();
        let files = remains
            .outcomes
            .iter()
            .map(|outcome| FileAccount {
                path: outcome.path.display().to_string(),
                parts: outcome.parts,
                manifest: outcome
                    .manifest
                    .as_ref()
                    .map(|path| path.display().to_string()),
                size_bytes: outcome.size_bytes,
                accepted: outcome.accepted,
                written: outcome.written,
                ended: outcome.ended.clone(),
                complete: outcome.complete,
            })
            .collect();
        let mut verdict = Self {
            complete: false,
            missing: Vec::new(),
            sources,
            files,
            black_box: remains.saved.as_ref().map(SavedBlackBox::sentence),
            broke_off: !remains.not_replayed.is_empty() || remains.recorder_hangs.is_some(),
        };
        verdict.missing = verdict.find_missing(remains, links, recording_wanted);
        verdict.complete = verdict.missing.is_empty();
        verdict
    }

    /// The exit code. A run that was not asked to record is only judged by the recordings that
    /// were made in it, and by what of a file could not be played or closed.
    pub fn exit(&self, recording_wanted: bool) -> Exit {
        let whole = if recording_wanted {
            self.complete
        } else {
            self.files.iter().all(|file| file.complete) && !self.broke_off
        };
        if whole {
            Exit::Done
        } else if recording_wanted
            && !self.broke_off
            && self.files.iter().all(|file| file.written == 0)
        {
            Exit::Failed
        } else {
            Exit::Incomplete
        }
    }

    fn find_missing(
        &self,
        remains: &Remains,
        links: &Links,
        recording_wanted: bool,
    ) -> Vec<String> {
        let mut missing = Vec::new();
        missing.extend(remains.not_replayed.clone());
        if let Some(waited) = remains.recorder_hangs {
            missing.push(format!(
                "the disk took nothing for {} s: what waited is not in the recording, which is \
                 not closed; `ttyscope inspect` says what is in it",
                waited.as_secs()
            ));
        } else if recording_wanted && self.files.is_empty() {
            missing.push("no file was written".to_owned());
        }
        for file in self.files.iter().filter(|file| !file.complete) {
            missing.push(format!("{}: {}", file.path, file.ended));
        }
        // Losses by other reasons are told with their sources below.
        let undrained = DropReason::Shutdown.as_str();
        for account in remains.outcomes.iter().flat_map(|outcome| &outcome.sources) {
            if let Some(count) = account.lost.get(undrained) {
                missing.push(format!(
                    "{}: {count} not written: they still waited when the time to stop was over",
                    account.name
                ));
            }
        }
        for (info, (figures, account)) in remains
            .sources
            .iter()
            .zip(remains.snapshot.sources.iter().zip(&self.sources))
        {
            let name = &account.name;
            if !links.seen_up.contains_key(&info.id) {
                missing.push(format!("{name}: never connected"));
            }
            if account.link_losses > 0 {
                let times = match account.link_losses {
                    1 => "once".to_owned(),
                    n => format!("{n} times"),
                };
                missing.push(format!(
                    "{name}: the link was lost {times}; what was sent meanwhile is not here"
                ));
            }
            let lost = |counts: [u64; DropReason::ALL.len()]| {
                let counted = DropReason::ALL.into_iter().zip(counts);
                counted.filter(move |(reason, count)| *count > 0 && reason.is_loss())
            };
            for (reason, count) in lost(figures.total().dropped) {
                missing.push(format!("{name}: {count} dropped: {}", reason.as_str()));
            }
            for (reason, count) in lost(figures.disk.lost) {
                missing.push(format!("{name}: {count} not written: {}", reason.as_str()));
            }
            for camera in account.cameras.iter().filter(|camera| camera.lost > 0) {
                missing.push(format!(
                    "{name}: {} frames of {} never came, by their numbers",
                    camera.lost, camera.detector
                ));
            }
            if account.residue != 0 {
                missing.push(format!(
                    "{name}: the ledger does not balance by {}: please report this",
                    account.residue
                ));
            }
        }
        missing
    }
}

/// ` (malformed 7, too large 3)`; nothing if there are none.
fn reasons(dropped_by: &[(String, u64)]) -> String {
    if dropped_by.is_empty() {
        return String::new();
    }
    format!(" ({})", list(dropped_by))
}

/// `malformed 7, too large 3`.
fn list(counts: &[(String, u64)]) -> String {
    let each = counts.iter().map(|(what, count)| format!("{what} {count}"));
    each.collect::<Vec<String>>().join(", ")
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for source in &self.sources {
            writeln!(
                f,
                "{}: received {}, shown {}, coalesced {}, recorded only {}, dropped {}{}, in flight {}, residue {}",
                source.name,
                source.received,
                source.shown,
                source.coalesced,
                source.recorded_only,
                source.dropped,
                reasons(&source.dropped_by),
                source.in_flight,
                source.residue
            )?;
            for camera in &source.cameras {
                writeln!(f, "  {}: {} frames", camera.detector, camera.frames)?;
            }
            for (what, counts) in [("faults", &source.faults), ("commands", &source.commands)] {
                if !counts.is_empty() {
                    writeln!(f, "  {what}: {}", list(counts))?;
                }
            }
            for (what, count) in [("stops", source.stops), ("told lost", source.told_lost)] {
                if count > 0 {
                    writeln!(f, "  {what}: {count}")?;
                }
            }
        }
        for file in &self.files {
            let others = match file.parts {
                0 | 1 => String::new(),
                2 => " and 1 part more".to_owned(),
                parts => format!(" and {} parts more", parts - 1),
            };
            writeln!(
                f,
                "{}{others}: {}, {} messages, {}",
                file.path,
                size_text(file.size_bytes),
                file.written,
                file.ended
            )?;
        }
        if let Some(saved) = &self.black_box {
            writeln!(f, "{saved}")?;
        }
        // Without a recording there is nothing that could be complete.
        match (self.complete, self.files.is_empty()) {
            (true, true) => write!(f, "nothing is missing"),
            (true, false) => write!(f, "complete"),
            (false, _) => write!(f, "NOT COMPLETE: {}", self.missing.join("; ")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::reasons;

    #[test]
    fn what_was_dropped_is_said_with_its_reasons() {
        let counts = |list: &[(&str, u64)]| -> Vec<(String, u64)> {
            list.iter()
                .map(|(why, n)| ((*why).to_owned(), *n))
                .collect()
        };
        assert_eq!(reasons(&counts(&[])), "");
        assert_eq!(reasons(&counts(&[("shutdown", 2)])), " (shutdown 2)");
        let two = counts(&[("malformed", 7), ("too large", 3)]);
        assert_eq!(reasons(&two), " (malformed 7, too large 3)");
    }
}
