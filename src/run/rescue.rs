//! `inspect`, `verify` and `recover` on files: names, progress, and what people are told.

mod together;

use std::fmt::Write as _;
use std::io::BufWriter;
use std::path::{Path, PathBuf};

use anyhow::{anyhow, bail};
use serde::Serialize;

use super::mission::Exit;
use super::progress::Progress;
use super::voice::{self, Patience, Voice, people};
use crate::model::size_text;
use crate::recorder::{Disk, Storage, is_being_written};
use crate::recording::{self, Finding, RecordingReader, RecoverError, Recovery, Verdict, rfc3339};
use together::Together;

/// Lines of each list that people are shown; `--json` has all.
const MAX_LINES: usize = 50;
/// Names that are tried for a recovered file.
const MAX_NAMES: u32 = 1000;

/// What a verb says of a file, and whether that is still growing: then it has no end yet, and what
/// is said is of what was there.
#[derive(Serialize)]
struct Said<'a, T> {
    being_written: bool,
    #[serde(flatten)]
    of: &'a T,
}

/// What people are told of a file that is still growing.
const BEING_WRITTEN: &str =
    "\nbeing written now: its recorder runs, and its end is not there yet\n";

/// Whether a recorder has it open. Where nobody can tell, the file alone counts.
fn is_growing(file: &Path) -> bool {
    is_being_written(file).unwrap_or(false)
}

/// Says what is in a recording.
///
/// # Errors
/// It cannot be read at all.
pub fn inspect(file: &Path, json: bool) -> anyhow::Result<Exit> {
    let being_written = is_growing(file);
    let mut progress = Progress::start();
    let result = recording::inspect_telling(file, &mut |done, all| progress.tell(done, all));
    drop(progress);
    let summary = result?;
    if json {
        let said = Said {
            being_written,
            of: &summary,
        };
        voice::json_line(Patience::Word, &said);
    } else {
        let state = if being_written { BEING_WRITTEN } else { "" };
        voice::text(&format_args!("{summary}\n{state}"));
    }
    Ok(match summary.complete {
        true => Exit::Done,
        false => Exit::Incomplete,
    })
}

/// Judges recordings, one after the other, and then those that are several files together.
///
/// - `files`: recordings, and manifests for all the files that they name
///
/// # Errors
/// One of them cannot be read at all; the others were judged.
pub fn verify(files: &[PathBuf], json: bool) -> anyhow::Result<Exit> {
    let mut exit = Exit::Done;
    let mut unread = None;
    let mut together = Together::default();
    for file in &together.with_manifests(files)? {
        let being_written = is_growing(file);
        let mut progress = Progress::start();
        let result = recording::verify(file, &mut |done, all| progress.tell(done, all));
        drop(progress);
        let verdict = match result {
            Ok(mut verdict) => {
                let beside = together.beside(file, &verdict);
                let mut progress = Progress::start();
                recording::check_hash(&mut verdict, file, beside, &mut |done, all| {
                    progress.tell(done, all);
                });
                verdict
            }
            Err(error) => {
                // The others are judged all the same; the last one is told by who called.
                if let Some(before) = unread.replace(error) {
                    people(
                        Voice::People,
                        Patience::Word,
                        format_args!("ttyscope: {before}"),
                    );
                }
                continue;
            }
        };
        if json {
            let said = Said {
                being_written,
                of: &verdict,
            };
            voice::json_line(Patience::Word, &said);
        } else {
            voice::text(&verdict_text(&verdict));
            voice::text(&if being_written { BEING_WRITTEN } else { "" });
        }
        if !verdict.whole {
            exit = Exit::Incomplete;
        }
        together.take(verdict);
    }
    for session in together.judge() {
        if json {
            voice::json_line(Patience::Word, &session);
        } else {
            voice::text(&together::text(&session));
        }
        if !session.whole {
            exit = Exit::Incomplete;
        }
    }
    match unread {
        Some(error) => Err(error.into()),
        None => Ok(exit),
    }
}

fn verdict_text(verdict: &Verdict) -> String {
    let summary = &verdict.summary;
    let mut text = format!(
        "{}  {}\nread         {} messages in {} channels; {}\n",
        summary.path.display(),
        size_text(summary.size_bytes),
        summary.messages,
        summary.channels.len(),
        match (verdict.chunks, verdict.unchecked_chunks) {
            (chunks, 0) => format!("the checksums of {chunks} chunks match"),
            (chunks, none) => format!(
                "the checksums of {} chunks match, {none} have none",
                chunks - none
            ),
        }
    );
    if let Some(span) = summary.span {
        let (first, last) = (rfc3339(span.first_unix_ns), rfc3339(span.last_unix_ns));
        let _ = writeln!(
            text,
            "span         {first} to {last}, {:.3} s",
            span.seconds()
        );
    }
    if let Some(words) = match verdict.hash_matches {
        Some(true) => Some("is the one in its manifest"),
        Some(false) => None,
        None => Some("no manifest has one to compare"),
    } {
        let _ = writeln!(text, "hash         {words}");
    }
    list(&mut text, "missing", &verdict.findings, verdict.more);
    let title = "never came, or came in doubt: no fault of the file";
    list(&mut text, title, &verdict.notes, verdict.more_notes);
    text.push_str(if verdict.whole {
        "\nwhole\n"
    } else {
        "\nNOT WHOLE\n"
    });
    text
}

fn list(text: &mut String, title: &str, findings: &[Finding], more: u64) {
    if findings.is_empty() {
        return;
    }
    let _ = writeln!(text, "\n{title}");
    for finding in findings.iter().take(MAX_LINES) {
        let _ = writeln!(text, "  {}", finding_line(finding));
    }
    let more = more + findings.len().saturating_sub(MAX_LINES) as u64;
    if more > 0 {
        let _ = writeln!(text, "  and {more} more");
    }
}

fn finding_line(finding: &Finding) -> String {
    let mut parts = Vec::new();
    match (finding.from_unix_ns, finding.to_unix_ns) {
        (Some(from), Some(to)) if to <= from => parts.push(rfc3339(from)),
        (Some(from), Some(to)) => {
            let seconds = to.saturating_sub(from) as f64 / 1e9;
            parts.push(format!("{} for {seconds:.3} s", rfc3339(from)));
        }
        (Some(from), None) => parts.push(format!("after {}", rfc3339(from))),
        (None, Some(to)) => parts.push(format!("before {}", rfc3339(to))),
        (None, None) => {}
    }
    parts.extend(finding.at_byte.map(|at| format!("byte {at}")));
    if !finding.of.is_empty() {
        parts.push(finding.of.clone());
    }
    parts.push(finding.what.clone());
    parts.join("  ")
}

/// What `recover --json` prints.
#[derive(Serialize)]
struct Recovered<'a> {
    to: &'a Path,
    #[serde(flatten)]
    recovery: &'a Recovery,
}

/// Makes a readable file out of what is left of one. The old one is not touched.
///
/// # Errors
/// The old file cannot be read at all, or the new one not be written.
pub fn recover(file: &Path, out: Option<&Path>, json: bool) -> anyhow::Result<Exit> {
    // Before anything is made: whatever is wrong with the file is said first.
    RecordingReader::open(file)?;
    if is_growing(file) {
        bail!(
            "{} is being written by a recorder that runs: there is nothing to recover; end that \
             recording, or copy the file and recover the copy",
            file.display()
        );
    }
    let (partial, last) = names(file, out)?;
    let disk = Disk;
    let new = disk.create(&partial).map_err(|error| {
        anyhow!(
            "{} cannot be made: {error}; name a place that can be written to, --out FILE",
            partial.display()
        )
    })?;
    let mut progress = Progress::start();
    let mut out = BufWriter::new(new);
    let result = recording::recover(file, &mut out, &mut |done, all| progress.tell(done, all));
    drop(progress);
    let finished = result.and_then(|recovery| {
        let mut new = out.into_inner().map_err(|error| error.into_error())?;
        new.sync()?;
        disk.rename(&partial, &last)?;
        Ok(recovery)
    });
    let recovery = match finished {
        Ok(recovery) => recovery,
        Err(error) => {
            // It holds nothing that the old file does not.
            let _ = std::fs::remove_file(&partial);
            return Err(match error {
                RecoverError::Write(error) => anyhow!(
                    "{} cannot be written: {error}; make room, or name another place, --out FILE; \
                     {} is as it was",
                    last.display(),
                    file.display()
                ),
                error => error.into(),
            });
        }
    };
    if json {
        let recovered = Recovered {
            to: &last,
            recovery: &recovery,
        };
        voice::json_line(Patience::Word, &recovered);
    } else {
        voice::text(&recovery_text(&recovery, &last));
    }
    Ok(match recovery.lost_nothing() {
        true => Exit::Done,
        false => Exit::Incomplete,
    })
}

fn recovery_text(recovery: &Recovery, last: &Path) -> String {
    let mut text = format!(
        "{}\nkept         {} messages in {} channels, {} chunks",
        last.display(),
        recovery.messages,
        recovery.channels,
        recovery.chunks
    );
    if let Some(ns) = recovery.last_unix_ns {
        let _ = write!(text, ", the last of {}", rfc3339(ns));
    }
    text.push('\n');
    if recovery.lost_nothing() {
        text.push_str("lost         nothing\n");
        return text;
    }
    let _ = writeln!(text, "lost         {}", size_text(recovery.lost_bytes));
    for lost in recovery.lost.iter().take(MAX_LINES) {
        let _ = writeln!(text, "  {lost}");
    }
    if recovery.lost.len() > MAX_LINES {
        let _ = writeln!(text, "  and {} more", recovery.lost.len() - MAX_LINES);
    }
    text
}

/// The name while it is written, and the last one; neither is taken.
fn names(file: &Path, out: Option<&Path>) -> anyhow::Result<(PathBuf, PathBuf)> {
    let disk = Disk;
    let partial_of = |last: &Path| {
        let name = last.file_name().unwrap_or_default().to_string_lossy();
        let stem = name.strip_suffix(".mcap").unwrap_or(&name);
        last.with_file_name(format!("{stem}.partial.mcap"))
    };
    if let Some(last) = out {
        if disk.exists(last) {
            bail!(
                "{} is there already and is not written over: name another file, --out FILE",
                last.display()
            );
        }
        return Ok((partial_of(last), last.to_owned()));
    }
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let stem = name
        .strip_suffix(".partial.mcap")
        .or_else(|| name.strip_suffix(".mcap"))
        .unwrap_or(&name);
    for attempt in 1..=MAX_NAMES {
        let number = match attempt {
            1 => String::new(),
            more => format!("-{more}"),
        };
        let last = file.with_file_name(format!("{stem}.recovered{number}.mcap"));
        let partial = partial_of(&last);
        if !disk.exists(&last) && !disk.exists(&partial) {
            return Ok((partial, last));
        }
    }
    bail!(
        "{MAX_NAMES} recovered files of {} are there already: name another, --out FILE",
        file.display()
    )
}
