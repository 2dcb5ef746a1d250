//! How long the main loop's turns take: what its share of the pipeline screen shows.

use std::time::Duration;

use tokio::time::Instant;

use crate::pipeline::LoopStats;

/// A turn longer than this is logged: somebody waits for a key to do something.
const SLOW_TURN: Duration = Duration::from_millis(50);

/// The loop's own figures.
#[derive(Debug)]
pub struct Turns {
    began: Option<Instant>,
    period_began: Instant,
    busy: Duration,
    longest: Duration,
    count: u32,
    slow: u64,
}

impl Turns {
    /// Figures from now on.
    pub fn new(now: Instant) -> Self {
        Self {
            began: None,
            period_began: now,
            busy: Duration::ZERO,
            longest: Duration::ZERO,
            count: 0,
            slow: 0,
        }
    }

    /// A turn begins.
    pub fn begin(&mut self, now: Instant) {
        self.began = Some(now);
    }

    /// A turn ends; a slow one is logged.
    pub fn end(&mut self, now: Instant) {
        let Some(began) = self.began.take() else {
            return;
        };
        let took = now.duration_since(began);
        self.busy += took;
        self.longest = self.longest.max(took);
        self.count += 1;
        if took > SLOW_TURN {
            self.slow += 1;
            tracing::warn!(took_ms = took.as_millis(), "slow turn of the main loop");
        }
    }

    /// The figures since this was last asked.
    pub fn stats(&mut self, now: Instant) -> LoopStats {
        let period = now
            .duration_since(self.period_began)
            .as_secs_f64()
            .max(1e-9);
        let stats = LoopStats {
            turns_hz: f64::from(self.count) / period,
            busy: (self.busy.as_secs_f64() / period).min(1.0),
            longest_ns: u64::try_from(self.longest.as_nanos()).unwrap_or(u64::MAX),
            slow_turns: self.slow,
        };
        *self = Self {
            began: self.began,
            slow: self.slow,
            ..Self::new(now)
        };
        stats
    }
}
