//! A disk that takes no more: what it means for the books, and the sentence for people.

use std::io;
use std::path::Path;

use super::room::Short;
use super::stalled::Stalled;
use crate::model::{DiskRoom, DropReason, PlainText, Stamp, size_text};
use crate::recording::rfc3339;

/// Why a recording ended for which there was no room, for its own books.
pub const FULL: &str = "the disk was full";
/// Why a file takes no more that somebody has taken away.
pub const REMOVED: &str = "it was removed or renamed while it was written";

/// Why items are lost when the file fails with this error.
pub fn loss_reason(error: &io::Error) -> DropReason {
    if is_full(error) {
        DropReason::DiskFull
    } else {
        DropReason::RecorderGone
    }
}

fn is_full(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge
    )
}

/// Why a recording ended, for its own books.
pub fn reason(error: &io::Error) -> String {
    if is_full(error) {
        FULL.to_owned()
    } else if error.kind() == io::ErrorKind::NotFound {
        REMOVED.to_owned()
    } else {
        format!("the disk took no more: {error}")
    }
}

/// The sentence for a recording that failed.
pub fn failure(path: &Path, written_bytes: u64, error: &io::Error) -> PlainText {
    let kept = size_text(written_bytes);
    let text = if written_bytes == 0 && is_full(error) {
        let dir = path.parent().unwrap_or(path).display();
        format!("recording not started: {dir} is full; make room or name another folder")
    } else if written_bytes == 0 {
        format!(
            "recording not started: {}: {error}; name another folder or make this one writable",
            path.display()
        )
    } else if is_full(error) {
        return stopped_full(path, written_bytes);
    } else if error.kind() == io::ErrorKind::NotFound {
        format!(
            "recording stopped: {}: {REMOVED}; the {kept} in it are not where they were",
            path.display()
        )
    } else {
        format!(
            "recording stopped: {}: {error}; the {kept} written before can be read",
            path.display()
        )
    };
    PlainText::from(text)
}

/// The sentence for a recording that stopped because there is no room.
pub fn stopped_full(path: &Path, written_bytes: u64) -> PlainText {
    let kept = size_text(written_bytes);
    let dir = path.parent().unwrap_or(path).display();
    PlainText::from(format!(
        "recording stopped: {dir} is full; the {kept} written before can be read"
    ))
}

/// What there is no room for any more, or again.
///
/// - `left`: bytes that are free
/// - `short`: since when not everything is written, and what is missing since then
pub fn room_changed(
    before: DiskRoom,
    now: DiskRoom,
    left: Option<u64>,
    short: Option<Short>,
) -> String {
    let left = left.map_or_else(|| "little".to_owned(), size_text);
    let since = short.map_or_else(String::new, |short| since(short.since));
    let missing = short.map_or(0, |short| short.missing);
    match now {
        DiskRoom::Roomy => format!(
            "there is room on the disk again ({left}): everything is recorded; {missing} messages \
             were not{since}"
        ),
        DiskRoom::FramesHeld if before > now => format!(
            "there is some room on the disk again ({left}): everything but frames is recorded; \
             {missing} messages were not{since}"
        ),
        DiskRoom::FramesHeld => format!(
            "the disk is nearly full ({left} left): frames are not recorded{since}, everything \
             else is; make room"
        ),
        DiskRoom::OnlyControl | DiskRoom::Full => format!(
            "the disk is nearly full ({left} left): only commands, stops, faults and links are \
             recorded; frames are not{since}; make room"
        ),
    }
}

/// ` since 2026-11-20T14:03:22.120Z`.
pub fn since(then: Stamp) -> String {
    format!(" since {}", rfc3339(then.unix_ns))
}

/// That a recording goes on, and what it lacks.
pub fn resumed(stalled: &Stalled, now: Stamp) -> String {
    format!(
        "recording goes on: nothing was recorded from {} to {}, {} messages are missing ({})",
        rfc3339(stalled.since().unix_ns),
        rfc3339(now.unix_ns),
        stalled.missing_total(),
        stalled.why(),
    )
}
