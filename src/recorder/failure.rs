//! A disk that takes no more: what it means for the books, and the sentence for people.

use std::io;
use std::path::Path;

use crate::model::size_text;
use crate::model::{DropReason, PlainText};

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
        "the disk was full".to_owned()
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
        let dir = path.parent().unwrap_or(path).display();
        format!("recording stopped: {dir} is full; the {kept} written before can be read")
    } else {
        format!(
            "recording stopped: {}: {error}; the {kept} written before can be read",
            path.display()
        )
    };
    PlainText::from(text)
}
