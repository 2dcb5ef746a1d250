//! The last values of something, for sparklines.

use std::collections::VecDeque;

/// A bounded ring of numbers, oldest first.
#[derive(Clone, Debug, PartialEq)]
pub struct History {
    values: VecDeque<f64>,
    bound: usize,
}

impl History {
    /// An empty history of at most `bound` values.
    pub fn new(bound: usize) -> Self {
        Self {
            values: VecDeque::with_capacity(bound),
            bound,
        }
    }

    /// Adds the newest value; the oldest leaves when full.
    pub fn push(&mut self, value: f64) {
        if self.values.len() == self.bound {
            self.values.pop_front();
        }
        if self.bound > 0 {
            self.values.push_back(value);
        }
    }

    /// Oldest to newest.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = f64> + ExactSizeIterator + '_ {
        self.values.iter().copied()
    }
}
