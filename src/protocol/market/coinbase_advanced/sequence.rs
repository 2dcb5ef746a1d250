//! The one counter of a Coinbase Advanced connection, over all its channels and products.
//!
//! Source: order-book specification, section 7.

/// What a frame is, told from its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The first of the connection: counting starts at its number.
    First,
    /// The next one.
    Next,
    /// The one before, once more.
    Duplicate,
    /// One from before.
    OutOfOrder,
    /// Frames are missing in front of it.
    Gap,
}

/// The number of the last frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counter(pub Option<i64>);

impl Counter {
    /// Judges a frame and moves to its number, unless that is an old one.
    pub(super) fn judge(&mut self, number: i64) -> Verdict {
        let verdict = match self.0 {
            None => Verdict::First,
            Some(last) if number == last => Verdict::Duplicate,
            Some(last) if number < last => Verdict::OutOfOrder,
            Some(last) if number == last.saturating_add(1) => Verdict::Next,
            Some(_) => Verdict::Gap,
        };
        if !matches!(verdict, Verdict::Duplicate | Verdict::OutOfOrder) {
            self.0 = Some(number);
        }
        verdict
    }
}
