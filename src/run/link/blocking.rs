//! What a terminal takes that answers no questions, from the time that writing to it takes.
//!
//! Buffers of the system, of ssh and of the network lie between a write and the screen, so this
//! says little about a link until they are full. It is what is left when nothing answers.

const MS: u64 = 1_000_000;
/// A write that took longer than this has waited.
const BLOCKED_NS: u64 = 5 * MS;
/// How long the bytes that are handed over at once should take.
const PIECE_NS: u64 = 50 * MS;
/// Bytes handed over at once, whatever they take.
const LEAST: u64 = 1024;
const MOST: u64 = 64 * 1024;

/// The rate at which a terminal was seen to take bytes.
#[derive(Debug, Default)]
pub struct Blocking {
    /// Bytes a second while writes had to wait; `None` while none had to.
    rate: Option<f64>,
}

impl Blocking {
    /// A write of `bytes` took `took_ns`.
    pub fn took(&mut self, bytes: u64, took_ns: u64) {
        let rate = bytes as f64 * 1e9 / took_ns.max(1) as f64;
        self.rate = match self.rate {
            None if took_ns > BLOCKED_NS => Some(rate),
            None => None,
            Some(known) if took_ns > BLOCKED_NS => Some((known + rate) / 2.0),
            // It had room at once: there may be more.
            Some(known) => {
                let more = known * 1.25;
                (more * PIECE_NS as f64 / 1e9 < MOST as f64).then_some(more)
            }
        };
    }

    /// What it takes, bytes a second; `None` if no write had to wait.
    pub fn rate(&self) -> Option<f64> {
        self.rate
    }

    /// Bytes to hand over at once.
    pub fn piece(&self) -> u64 {
        self.rate.map_or(MOST, |rate| {
            ((rate * PIECE_NS as f64 / 1e9) as u64).clamp(LEAST, MOST)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_follow_what_writes_had_to_wait() {
        let mut blocking = Blocking::default();
        blocking.took(64 * 1024, MS);
        assert_eq!((blocking.rate(), blocking.piece()), (None, MOST));
        // 100 kB/s: fifty milliseconds of that.
        blocking.took(50_000, 500 * MS);
        assert_eq!(blocking.piece(), 5_000);
        blocking.took(10, 60_000 * MS);
        blocking.took(10, 60_000 * MS);
        blocking.took(10, 60_000 * MS);
        assert!((LEAST..5_000).contains(&blocking.piece()));
        for _ in 0..40 {
            blocking.took(1024, MS);
        }
        assert_eq!((blocking.rate(), blocking.piece()), (None, MOST));
    }
}
