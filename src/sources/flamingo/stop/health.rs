//! Whether the stop path works: a question every few seconds, and how long its answer takes. No
//! socket and no clock.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

/// Questions without an answer in a row after which a connection is given up. Source: protocol
/// description, section 8.5.
const GIVE_UP: u32 = 3;

/// No answer comes later than this. Source: protocol description, section 10, of late replies.
const LATEST_ANSWER: Duration = Duration::from_secs(10);

/// The questions of one connection.
#[derive(Debug)]
pub(super) struct Health {
    /// From one question to the next.
    every: Duration,
    /// How long an answer may take.
    patience: Duration,
    next: Instant,
    /// When the newest question was handed over, while it may still be answered in time.
    waiting_since: Option<Instant>,
    /// When the questions were handed over that may be answered, oldest first.
    open: VecDeque<Instant>,
    missed: u32,
    ever_answered: bool,
}

impl Health {
    /// A connection that is to be asked at once.
    pub(super) fn new(every: Duration, patience: Duration, now: Instant) -> Self {
        Self {
            every,
            patience,
            next: now,
            waiting_since: None,
            open: VecDeque::new(),
            missed: 0,
            ever_answered: false,
        }
    }

    /// Whether it is time for a question; if so it has to be asked.
    pub(super) fn ask(&mut self, now: Instant) -> bool {
        let is_due = now >= self.next && self.waiting_since.is_none();
        if is_due {
            self.next = now + self.every;
        }
        is_due
    }

    /// Notes that the question was handed over.
    pub(super) fn asked(&mut self, now: Instant) {
        self.waiting_since = Some(now);
        self.open.push_back(now);
    }

    /// Takes an answer in; how long it took, if anybody asked.
    pub(super) fn answered(&mut self, now: Instant) -> Option<Duration> {
        let asked = self.open.pop_front()?;
        if self.open.is_empty() {
            self.waiting_since = None;
        }
        self.missed = 0;
        self.ever_answered = true;
        Some(now.saturating_duration_since(asked))
    }

    /// Whether the last question was not answered in time; said once for each.
    pub(super) fn is_overdue(&mut self, now: Instant) -> bool {
        let late = |at: &Instant| now.saturating_duration_since(*at) >= LATEST_ANSWER;
        while self.open.front().is_some_and(late) {
            self.open.pop_front();
        }
        let is_over = self
            .waiting_since
            .is_some_and(|at| now.saturating_duration_since(at) >= self.patience);
        if is_over {
            self.waiting_since = None;
            self.missed = self.missed.saturating_add(1);
        }
        is_over
    }

    /// Whether so many questions in a row were not answered that the server must be taken for hung.
    pub(super) fn is_hopeless(&self) -> bool {
        self.missed >= GIVE_UP
    }

    /// Whether anything was ever answered on this connection.
    pub(super) fn ever_answered(&self) -> bool {
        self.ever_answered
    }

    /// When [`Health::ask`] or [`Health::is_overdue`] may say something else.
    pub(super) fn deadline(&self) -> Instant {
        match self.waiting_since {
            Some(at) => at + self.patience,
            None => self.next,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(start: Instant, s: u64) -> Instant {
        start + Duration::from_secs(s)
    }

    #[test]
    fn an_answer_is_measured_from_its_own_question() {
        let start = Instant::now();
        let mut health = Health::new(Duration::from_secs(5), Duration::from_secs(3), start);
        assert!(health.ask(start) && !health.ask(start));
        health.asked(start);
        assert!(!health.is_overdue(seconds(start, 2)));
        assert!(health.is_overdue(seconds(start, 3)) && !health.is_overdue(seconds(start, 3)));
        assert_eq!(health.deadline(), seconds(start, 5));
        assert!(health.ask(seconds(start, 5)));
        health.asked(seconds(start, 5));
        // Late: it is the first one's.
        let took = health.answered(seconds(start, 6));
        assert_eq!(took, Some(Duration::from_secs(6)));
        assert_eq!(
            health.deadline(),
            seconds(start, 8),
            "the second still counts"
        );
        let took = health.answered(seconds(start, 7));
        assert_eq!(took, Some(Duration::from_secs(2)));
        assert_eq!(health.answered(seconds(start, 7)), None);
        assert_eq!(health.deadline(), seconds(start, 10));
    }

    #[test]
    fn three_in_a_row_are_hopeless() {
        let start = Instant::now();
        let mut health = Health::new(Duration::from_secs(5), Duration::from_secs(3), start);
        for n in 0..3 {
            assert!(!health.is_hopeless());
            assert!(health.ask(seconds(start, n * 5)));
            health.asked(seconds(start, n * 5));
            assert!(health.is_overdue(seconds(start, n * 5 + 3)));
        }
        assert!(health.is_hopeless() && !health.ever_answered());
        assert!(health.answered(seconds(start, 14)).is_some());
        assert!(!health.is_hopeless() && health.ever_answered());
    }
}
