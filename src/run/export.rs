//! `export` on files: progress, and what people are told.

use std::fmt::Write as _;

use super::mission::Exit;
use super::progress::Progress;
use super::voice::{self, Patience};
use crate::export::{self, ExportPlan, Exported, Format};
use crate::model::size_text;

/// Lines of each list that people are shown; `--json` has all.
const MAX_LINES: usize = 50;

/// Exports recordings, and says what became of everything in them.
///
/// # Errors
/// A recording cannot be read at all, or a file not be written.
pub fn export(plan: &ExportPlan, format: Format, json: bool) -> anyhow::Result<Exit> {
    let mut progress = Progress::start();
    let result = export::export(plan, format, &mut |done, all| progress.tell(done, all));
    drop(progress);
    let exported = result?;
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
            "{}  {} items, {}",
            file.path.display(),
            file.items,
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
        "\nexported     {} messages in {} files",
        exported.messages
            - exported
                .skipped
                .values()
                .sum::<u64>()
                .min(exported.messages),
        exported.files.len() as u64 + exported.more_files
    );
    if !exported.skipped.is_empty() {
        text.push_str("\nin no file\n");
        for (skip, count) in exported.skipped.iter().take(MAX_LINES) {
            let _ = writeln!(
                text,
                "  {}  {count} of {}: {}",
                skip.topic, skip.schema, skip.why
            );
        }
        more(&mut text, exported.skipped.len(), 0);
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

fn more(text: &mut String, listed: usize, others: u64) {
    let more = others + listed.saturating_sub(MAX_LINES) as u64;
    if more > 0 {
        let _ = writeln!(text, "  and {more} more");
    }
}
