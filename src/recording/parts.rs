//! Whether the files of a recording are all there, are those that its manifest names, and leave no
//! hole between them.
//!
//! Each file is judged alone first (`verify.rs`); what is said here is about what only several of
//! them show. The messages of a channel are numbered over all files of a recording, those that a
//! file repeats at its beginning among them, so that a number is there once and none is left out.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::Path;

use serde::Serialize;

use super::manifest::{Fingerprint, Manifest, ManifestError};
use super::verify::{Finding, Verdict};
use crate::model::text::printable;

/// Findings that are kept.
const MAX_FINDINGS: usize = 1000;

/// What `verify` says about the files of one recording together.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SessionVerdict {
    /// What they share.
    pub session: String,
    /// Every file is whole, none is missing, and there is no hole between two of them.
    pub whole: bool,
    /// The parts that are there, in order.
    pub parts: Vec<u32>,
    /// Messages in them.
    pub messages: u64,
    /// What is missing or wrong between them.
    pub findings: Vec<Finding>,
}

/// What stands beside a recording.
#[derive(Debug)]
pub enum Beside {
    /// No manifest.
    Nothing,
    /// Its manifest.
    Manifest(Box<Manifest>),
    /// One that says nothing.
    Damaged(ManifestError),
}

impl Beside {
    /// Looks for the manifest of the recording that a file is named as a part of.
    pub fn of(file: &Path) -> Self {
        let Some(path) = Manifest::path_beside(file) else {
            return Self::Nothing;
        };
        match Manifest::read(&path) {
            Ok(manifest) => Self::Manifest(Box::new(manifest)),
            Err(ManifestError::Io { error, .. }) if error.kind() == io::ErrorKind::NotFound => {
                Self::Nothing
            }
            Err(error) => Self::Damaged(error),
        }
    }

    /// The manifest, if there is one that can be read.
    pub fn manifest(&self) -> Option<&Manifest> {
        match self {
            Self::Manifest(manifest) => Some(manifest),
            Self::Nothing | Self::Damaged(_) => None,
        }
    }
}

/// Compares a file with what the manifest of its recording says of it.
///
/// - `progress`: is told bytes read and bytes in all, now and then
pub fn check_hash(
    verdict: &mut Verdict,
    file: &Path,
    beside: &Beside,
    progress: &mut dyn FnMut(u64, u64),
) {
    let manifest = match beside {
        Beside::Nothing => return,
        Beside::Damaged(error) => return verdict.add(Finding::of("manifest", error.to_string())),
        Beside::Manifest(manifest) => manifest,
    };
    // One of another recording says nothing about this file.
    if verdict.summary.session.as_deref() != Some(manifest.session.as_str()) {
        return;
    }
    let Some(part) = manifest.part_of(file) else {
        // One that is still being written, or was left by a killed recorder, is not in it yet.
        if manifest.end.is_some() {
            let what = "the manifest beside it names all files of its recording, and not this one";
            verdict.add(Finding::of("manifest", what));
        }
        return;
    };
    let Some(expected) = &part.sha256 else {
        return;
    };
    let found = match Fingerprint::of_file(file, progress) {
        Ok(print) => print,
        Err(error) => {
            let what = format!("its hash cannot be made: {error}");
            return verdict.add(Finding::of("manifest", what));
        }
    };
    let size = found.bytes();
    let hash = found.finish();
    let matches = size == part.size_bytes && hash.eq_ignore_ascii_case(expected);
    verdict.hash_matches = Some(matches);
    if !matches {
        let what = format!(
            "it is not the file that was closed: {size} bytes with SHA-256 {hash}, and its manifest \
             names {} bytes with {}",
            part.size_bytes,
            printable(expected)
        );
        verdict.add(Finding::of("manifest", what));
    }
}

/// Judges the files of one recording together.
///
/// - `verdicts`: of each file, in any order; all of one recording
/// - `manifest`: of that recording, if there is one
pub fn judge(session: &str, verdicts: &[&Verdict], manifest: Option<&Manifest>) -> SessionVerdict {
    let mut files: Vec<&Verdict> = verdicts.to_vec();
    files.sort_by_key(|verdict| verdict.summary.part);
    let mut found = Found::default();
    let mut parts: Vec<u32> = files.iter().map(|file| file.summary.part).collect();
    for (part, times) in count(&parts) {
        if times > 1 {
            found.say(part, format!("it is there {times} times"));
        }
    }
    parts.dedup();
    files.dedup_by_key(|verdict| verdict.summary.part);

    let holes = missing_parts(&files, manifest);
    for part in &holes {
        let listed =
            manifest.and_then(|manifest| manifest.parts.iter().find(|listed| listed.part == *part));
        let what = match listed {
            Some(listed) => format!(
                "it is missing: {}, {} items",
                printable(&listed.file),
                listed.messages
            ),
            None => "it is missing".to_owned(),
        };
        found.say(*part, what);
    }
    let last = files.last();
    if let Some(last) = last
        && last.summary.finished
        && last.summary.goes_on
        && holes.iter().all(|part| *part < last.summary.part)
    {
        let what = "its recording goes on in a part that is not here";
        found.say(last.summary.part, what.to_owned());
    }
    for file in files.iter().filter(|file| {
        let is_last = last.is_some_and(|last| last.summary.part == file.summary.part);
        file.summary.finished && !file.summary.goes_on && !is_last
    }) {
        let what = "it says that the recording ended with it, and there are later parts";
        found.say(file.summary.part, what.to_owned());
    }
    found.compare_numbers(&files, &holes);
    SessionVerdict {
        session: session.to_owned(),
        whole: found.findings.is_empty() && verdicts.iter().all(|verdict| verdict.whole),
        parts,
        messages: files.iter().map(|file| file.summary.messages).sum(),
        findings: found.findings,
    }
}

fn count(sorted: &[u32]) -> BTreeMap<u32, usize> {
    let mut counts = BTreeMap::new();
    for part in sorted {
        *counts.entry(*part).or_default() += 1;
    }
    counts
}

/// The parts that there must have been and are not here; of a number that cannot be meant only the
/// first.
fn missing_parts(files: &[&Verdict], manifest: Option<&Manifest>) -> BTreeSet<u32> {
    let here: BTreeSet<u32> = files.iter().map(|file| file.summary.part).collect();
    let most = here.last().copied().unwrap_or(0);
    let before = (1..most).filter(|part| !here.contains(part));
    let mut missing: BTreeSet<u32> = before.take(MAX_FINDINGS).collect();
    let listed = manifest.into_iter().flat_map(|manifest| &manifest.parts);
    missing.extend(
        listed
            .map(|part| part.part)
            .filter(|part| !here.contains(part))
            .take(MAX_FINDINGS),
    );
    missing
}

#[derive(Default)]
struct Found {
    findings: Vec<Finding>,
}

/// The last number of a channel, when that message came, and in which part.
struct Last {
    sequence: u32,
    at_ns: u64,
    part: u32,
}

impl Found {
    fn say(&mut self, part: u32, what: String) {
        if self.findings.len() < MAX_FINDINGS {
            self.findings
                .push(Finding::of(format!("part {part}"), what));
        }
    }

    /// Compares where each channel stopped with where it goes on.
    fn compare_numbers(&mut self, files: &[&Verdict], holes: &BTreeSet<u32>) {
        let mut channels: BTreeMap<&str, Last> = BTreeMap::new();
        for file in files {
            let part = file.summary.part;
            for channel in &file.summary.channels {
                let [first, sequence] = channel.sequences;
                let before = channels.insert(
                    &channel.topic,
                    Last {
                        sequence,
                        at_ns: channel.span.last_unix_ns,
                        part,
                    },
                );
                // The first that is there of a channel is number 1, or stood in a part before.
                let (from, at_ns, number) = match &before {
                    Some(last) => (last.part, Some(last.at_ns), last.sequence),
                    None => (1, None, 0),
                };
                // With a part missing between them a hole is no news.
                let is_explained = holes.range(from..part).next().is_some();
                let expected = number.wrapping_add(1);
                if first == 0 || first == expected || (is_explained && first > expected) {
                    continue;
                }
                let what = match first.checked_sub(expected) {
                    Some(missing) => format!(
                        "{missing} messages are in neither part {from} nor part {part}: the one \
                         ends with number {number}, the other begins with {first}"
                    ),
                    None => format!(
                        "part {part} begins with number {first}, and part {from} ends with \
                         {number}: they do not belong together"
                    ),
                };
                if self.findings.len() < MAX_FINDINGS {
                    self.findings.push(Finding {
                        from_unix_ns: at_ns,
                        to_unix_ns: Some(channel.span.first_unix_ns),
                        ..Finding::of(channel.topic.clone(), what)
                    });
                }
            }
        }
    }
}
