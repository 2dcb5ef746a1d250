//! OKX ids: what a frame is, told from `prevSeqId` and `seqId`.
//!
//! Source: order-book specification, section 9, the table.

/// What a frame of a live book is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The next one.
    Next,
    /// Nothing changed for a minute.
    KeepAlive,
    /// The venue's counter started again; the frame is the next one all the same.
    Reset,
    /// The frame before, once more.
    Duplicate,
    /// A frame from before; its `seqId` is remembered, since two such frames that follow each other
    /// are a counter that started again unseen.
    Late,
    /// Something is missing.
    Gap,
}

/// Where a book stands in the venue's count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Ids {
    /// `seqId` of the last frame accepted.
    pub last: i64,
    /// `prevSeqId` of the last frame accepted.
    pub last_previous: i64,
    /// `seqId` of the late frame ignored just before, if it was.
    pub low: Option<i64>,
}

impl Ids {
    /// After a snapshot.
    pub(super) fn start(seq: i64, previous: i64) -> Self {
        Self {
            last: seq,
            last_previous: previous,
            low: None,
        }
    }

    /// Judges a frame. Nothing moves before [`Ids::accept`], except what a late one leaves behind.
    pub(super) fn judge(&mut self, seq: i64, previous: i64) -> Verdict {
        if previous == self.last {
            return match seq.cmp(&previous) {
                std::cmp::Ordering::Greater => Verdict::Next,
                std::cmp::Ordering::Equal => Verdict::KeepAlive,
                std::cmp::Ordering::Less => Verdict::Reset,
            };
        }
        if seq == self.last && previous == self.last_previous {
            return Verdict::Duplicate;
        }
        if seq < self.last && previous < self.last && self.low != Some(previous) {
            self.low = Some(seq);
            return Verdict::Late;
        }
        Verdict::Gap
    }

    /// The frame is in the book.
    pub(super) fn accept(&mut self, seq: i64, previous: i64) {
        *self = Self::start(seq, previous);
    }
}
