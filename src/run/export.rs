//! `export` on files: progress, and what people are told.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use anyhow::Context as _;
use tokio::task::spawn_blocking;

use super::mission::{self, Exit};
use super::progress::Progress;
use super::signals::{Signals, Told};
use super::voice::{self, Patience, Voice, people};
use crate::export::{self, ExportError, ExportPlan, Exported, Format};
use crate::model::size_text;

/// Lines of each list that people are shown; `--json` has all.
const MAX_LINES: usize = 50;

/// Exports recordings, and says what became of everything in them.
///
/// # Errors
/// A recording cannot be read at all, or a file not be written.
pub fn export(plan: ExportPlan, format: Format, json: bool) -> anyhow::Result<Exit> {
    mission::block_on(async move {
        let mut signals = Signals::listen()?;
        let interrupted = Arc::clone(&plan.interrupted);
        let mut work = spawn_blocking(move || {
            let mut progress = Progress::start();
            export::export(&plan, format, &mut |done, all| progress.tell(done, all))
        });
        loop {
            tokio::select! {
                done = &mut work => return end(done.context("the export failed")?, json),
                told = signals.recv() => match told {
                    Told::Dump | Told::Resize => {}
                    // The second one does not wait for a disk that does not answer.
                    _ if interrupted.swap(true, Ordering::Relaxed) => return Ok(Exit::Interrupted),
                    _ => {}
                },
            }
        }
    })
}

fn end(result: Result<Exported, ExportError>, json: bool) -> anyhow::Result<Exit> {
    let exported = match result {
        Ok(exported) => exported,
        Err(error @ ExportError::Interrupted) => {
            let line = format_args!("ttyscope: {error}");
            people(Voice::People, Patience::Word, line);
            return Ok(Exit::Interrupted);
        }
        Err(error) => return Err(error.into()),
    };
    if json {
        voice::json_line(Patience::Word, &exported);
    } else {
        voice::text(&text(&exported));
    }
    Ok(match exported.is_whole() {
        true => Exit::Done,
        false => Exit::Incomplete,
    })
}

fn text(exported: &Exported) -> String {
    let mut text = String::new();
    for file in exported.files.iter().take(MAX_LINES) {
        let _ = writeln!(
            text,
            "{}  {}, {}",
            file.path.display(),
            counted(file.items, "item"),
            size_text(file.bytes)
        );
    }
    more(&mut text, exported.files.len(), exported.more_files);
    if !exported.notes.is_empty() {
        text.push_str("\nto be known\n");
        for sentence in exported.notes.iter().take(MAX_LINES) {
            let _ = writeln!(text, "  {sentence}");
        }
        more(&mut text, exported.notes.len(), 0);
    }
    let _ = writeln!(
        text,
        "\nexported     {} in {}",
        counted(
            exported.messages
                - exported
                    .skipped
                    .values()
                    .sum::<u64>()
                    .min(exported.messages),
            "message"
        ),
        counted(exported.files.len() as u64 + exported.more_files, "file")
    );
    if !exported.skipped.is_empty() {
        text.push_str("\nin no file\n");
        let lines = left_out(exported);
        for line in lines.iter().take(MAX_LINES) {
            let _ = writeln!(text, "  {line}");
        }
        more(&mut text, lines.len(), 0);
    }
    if !exported.is_whole() {
        text.push_str("\nmissing\n");
        for sentence in exported.missing.iter().take(MAX_LINES) {
            let _ = writeln!(text, "  {sentence}");
        }
        more(&mut text, exported.missing.len(), exported.more_missing);
    }
    text
}

/// What is in no file: by topic, and in one line where many are left out for the same reason.
fn left_out(exported: &Exported) -> Vec<String> {
    /// So many topics still have a line each.
    const FEW: usize = 4;
    let mut by_reason: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    let mut messages: BTreeMap<&str, u64> = BTreeMap::new();
    for (skip, count) in &exported.skipped {
        let line = format!("{}  {count} of {}: {}", skip.topic, skip.schema, skip.why);
        by_reason.entry(&skip.why).or_default().push(line);
        *messages.entry(&skip.why).or_default() += count;
    }
    by_reason
        .into_iter()
        .flat_map(|(why, lines)| match lines.len() {
            ..=FEW => lines,
            topics => vec![format!(
                "{} messages of {topics} topics: {why}",
                messages[why]
            )],
        })
        .collect()
}

/// `1 file`, `2 files`.
fn counted(count: u64, what: &str) -> String {
    match count {
        1 => format!("1 {what}"),
        _ => format!("{count} {what}s"),
    }
}

fn more(text: &mut String, listed: usize, others: u64) {
    let more = others + listed.saturating_sub(MAX_LINES) as u64;
    if more > 0 {
        let _ = writeln!(text, "  and {more} more");
    }
}
