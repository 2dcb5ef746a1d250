//! How long something keeps a core busy, whatever else the machine does meanwhile.

use std::time::{Duration, Instant};

/// Runs `work` and returns how long this thread was on a core for it. Where the system does not say
/// (it is not Linux), the time on the clock.
pub fn on_core<T>(work: impl FnOnce() -> T) -> (Duration, T) {
    let (began, before) = (Instant::now(), so_far());
    let result = work();
    let took = match (before, so_far()) {
        (Some(before), Some(after)) => after.saturating_sub(before),
        _ => began.elapsed(),
    };
    (took, result)
}

/// Source: proc(5), first field of `schedstat`, nanoseconds.
fn so_far() -> Option<Duration> {
    // The figure is brought up to date when a thread gives its core away.
    std::thread::yield_now();
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    let ns = text.split_whitespace().next()?.parse().ok()?;
    Some(Duration::from_nanos(ns))
}
