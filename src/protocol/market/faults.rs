//! The sentences for what venues send that is wrong.

use crate::model::{Fault, FaultKind, Severity};

/// A frame that is not JSON.
pub fn not_json(venue: &str, at: usize, frame: &[u8]) -> Fault {
    let text = format!(
        "{venue} sent a frame of {} bytes that is not JSON from byte {at} on; it was skipped",
        frame.len()
    );
    Fault::new(FaultKind::Malformed, Severity::Warning, text).with_sample(frame)
}

/// A message that lacks something or has something unreadable.
pub fn unreadable(venue: &str, what: &str, frame: &[u8]) -> Fault {
    let text = format!("{venue} sent a message that cannot be used: {what}; it changed nothing");
    Fault::new(FaultKind::Malformed, Severity::Warning, text).with_sample(frame)
}

/// The venue reported an error or refused something.
pub fn venue_error(venue: &str, what: &str) -> Fault {
    let text = format!("{venue} says: {what}");
    Fault::new(FaultKind::Peer, Severity::Error, text)
}

/// A request over HTTP that brought nothing usable. `status` 0 is no answer at all.
pub fn http(venue: &str, symbol: &str, status: u16) -> Fault {
    let (kind, severity) = match status {
        0 => (FaultKind::Timeout, Severity::Warning),
        418 => (FaultKind::Peer, Severity::Error),
        _ => (FaultKind::Peer, Severity::Warning),
    };
    let what = match status {
        0 => "did not answer a request for a book".to_owned(),
        200 => "answered a request for a book with something that is no book".to_owned(),
        418 => "has banned this address for asking too often (status 418)".to_owned(),
        429 => "was asked too often (status 429)".to_owned(),
        _ => format!("answered a request for a book with status {status}"),
    };
    let text = format!("{venue} {symbol}: {venue} {what}; the last book stays until the next try");
    Fault::new(kind, severity, text)
}

/// A book lost its thread and is repaired.
pub fn lost(venue: &str, symbol: &str, why: &str) -> Fault {
    let text = format!("{venue} {symbol}: {why}; the book is asked for again");
    Fault::new(FaultKind::Malformed, Severity::Warning, text)
}

/// A book that was given up.
pub fn given_up(venue: &str, symbol: &str, why: &str) -> Fault {
    let text =
        format!("{venue} {symbol}: {why}; it stays as it is until the connection is renewed");
    Fault::new(FaultKind::Timeout, Severity::Error, text)
}
