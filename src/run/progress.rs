//! How far a long piece of work has come, on one line of a terminal: nothing for what takes less
//! than a second, and nothing at all where nobody looks.

use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

use crate::model::size_text;

/// What is over sooner needs no line.
const QUIET: Duration = Duration::from_secs(1);
/// How often the line is written again.
const EVERY: Duration = Duration::from_millis(200);
/// Columns of the bar.
const BAR: usize = 24;

/// A line of progress on standard error. Dropping it takes the line away.
#[derive(Debug)]
pub struct Progress {
    began: Instant,
    /// When the line is due; `None` where nobody looks.
    due: Option<Instant>,
    is_shown: bool,
}

impl Progress {
    /// Nothing is shown unless standard error is a terminal.
    pub fn start() -> Self {
        let began = Instant::now();
        Self {
            began,
            due: io::stderr().is_terminal().then(|| began + QUIET),
            is_shown: false,
        }
    }

    /// So many of so many bytes are done.
    pub fn tell(&mut self, done_bytes: u64, all_bytes: u64) {
        let Some(due) = self.due else { return };
        let now = Instant::now();
        if now < due {
            return;
        }
        self.due = Some(now + EVERY);
        self.is_shown = true;
        let line = line(done_bytes, all_bytes, now.duration_since(self.began));
        // A terminal that is gone is nobody to tell.
        let _ = write!(io::stderr(), "\r{line}\x1b[K");
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.is_shown {
            let _ = write!(io::stderr(), "\r\x1b[K");
        }
    }
}

fn line(done: u64, all: u64, passed: Duration) -> String {
    let part = if all == 0 {
        1.0
    } else {
        (done as f64 / all as f64).min(1.0)
    };
    let full = (part * BAR as f64) as usize;
    let bar = "━".repeat(full) + &"─".repeat(BAR - full);
    let per_s = done as f64 / passed.as_secs_f64().max(1e-9);
    let left = match per_s {
        0.0 => String::new(),
        per_s => format!("  {:.0} s left", all.saturating_sub(done) as f64 / per_s),
    };
    format!(
        "{bar} {:3.0} %  {} of {}  {}/s{left}",
        part * 100.0,
        size_text(done),
        size_text(all),
        size_text(per_s as u64)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_says_how_far_how_fast_and_how_long_still() {
        let second = Duration::from_secs(1);
        let half = line(50 << 20, 100 << 20, 2 * second);
        assert_eq!(
            half,
            format!(
                "{}{}  50 %  50.0 MiB of 100 MiB  25.0 MiB/s  2 s left",
                "━".repeat(12),
                "─".repeat(12)
            )
        );
        for (done, all) in [(0, 0), (0, 5), (9, 5), (u64::MAX, 1)] {
            assert!(!line(done, all, Duration::ZERO).is_empty());
        }
    }
}
