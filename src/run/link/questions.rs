//! Questions to the terminal that wait for an answer, told apart by where they were asked.
//!
//! A status request (`ESC [ 6 n`, "where is the cursor?") is answered once everything before it
//! was shown. All answers to the plain request (`ESC [ 5 n`) look the same, so that one that got
//! lost would shift every later one by a place. So the cursor, which is hidden, is put somewhere
//! else for each question, and the answer says which one it answers, and with it all before it.
//! Source: ECMA-48, 8.3.35 (DSR) and 8.3.14 (CPR).

use std::collections::VecDeque;

/// Places with one digit a coordinate. The first row is left out: an answer from there looks like
/// the key F3 with a modifier.
const ROWS: u16 = 8;
const COLS: u16 = 9;
/// The smallest terminal that has them all.
pub const LEAST_SIZE: (u16, u16) = (COLS, ROWS + 1);
/// Questions open at a time: fewer than half of the places, so that one is not mistaken for the
/// one before it at the same place.
const MOST_OPEN: usize = 32;

/// What was known when a question was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Question {
    number: u64,
    /// When it was asked, monotonic nanoseconds.
    pub asked_ns: u64,
    /// Bytes written up to it, since the start.
    pub sent: u64,
    /// Bytes that were answered for by then.
    pub delivered: u64,
    /// When those were answered for; when nothing was under way, the moment of asking.
    pub delivered_ns: u64,
    /// Whether as much was under way as may be.
    pub filled: bool,
}

/// The questions that are open, oldest first.
#[derive(Debug, Default)]
pub struct Questions {
    open: VecDeque<Question>,
    asked: u64,
}

impl Questions {
    /// Whether no answer is waited for.
    pub fn is_empty(&self) -> bool {
        self.open.is_empty()
    }

    /// How many answers are waited for.
    pub fn len(&self) -> usize {
        self.open.len()
    }

    /// Notes a question; its number does not count. Returns row and column to ask from. With too
    /// many open the oldest is given up: a later answer speaks for it.
    pub fn ask(&mut self, question: Question) -> (u16, u16) {
        let number = self.asked;
        self.asked += 1;
        if self.open.len() >= MOST_OPEN {
            self.open.pop_front();
        }
        self.open.push_back(Question { number, ..question });
        place(number)
    }

    /// The question that an answer from `row` and `col` is for; it and those before it are open no
    /// more. `None` if nobody asked from there.
    pub fn answer(&mut self, row: u16, col: u16) -> Option<Question> {
        let at = self
            .open
            .iter()
            .position(|question| place(question.number) == (row, col))?;
        self.open.drain(..=at).next_back()
    }
}

impl Question {
    /// A question asked at `asked_ns` behind `sent` bytes.
    pub fn new(asked_ns: u64, sent: u64) -> Self {
        Self {
            number: 0,
            asked_ns,
            sent,
            delivered: 0,
            delivered_ns: asked_ns,
            filled: false,
        }
    }
}

/// Row and column, counted from 1.
fn place(number: u64) -> (u16, u16) {
    let place = u16::try_from(number % u64::from(ROWS * COLS)).unwrap_or_default();
    (2 + place / COLS, 1 + place % COLS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_for_the_question_that_was_asked_from_its_place() {
        let mut questions = Questions::default();
        let places: Vec<_> = (0..MOST_OPEN as u64)
            .map(|n| questions.ask(Question::new(n, n * 100)))
            .collect();
        let mut different = places.clone();
        different.sort_unstable();
        different.dedup();
        assert_eq!(different.len(), MOST_OPEN);
        assert!(places.iter().all(|(row, col)| *row >= 2 && *col >= 1));

        let answer = |questions: &mut Questions, at: usize| {
            let (row, col) = places[at];
            questions.answer(row, col).map(|question| question.sent)
        };
        assert_eq!(answer(&mut questions, 0), Some(0));
        assert_eq!(answer(&mut questions, 0), None, "only once");
        // Two were lost on the way: this one speaks for them as well.
        assert_eq!(answer(&mut questions, 3), Some(300));
        assert_eq!(answer(&mut questions, 2), None);
        assert_eq!(questions.answer(77, 1), None, "nobody asked from there");
        assert_eq!(answer(&mut questions, 4), Some(400));

        for n in 0..100 {
            questions.ask(Question::new(n, n));
        }
        assert_eq!(questions.open.len(), MOST_OPEN);
    }
}
