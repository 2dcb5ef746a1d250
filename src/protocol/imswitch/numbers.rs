//! The numbers of one connection's pictures, and what is missing between them.

/// How picture numbers go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Counting {
    /// 255 is followed by 0.
    Modulo256,
    /// Without end.
    Upward,
}

/// What a number says about the one before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// It follows, or there is none to compare it with, or is the 0 of a server that does not
    /// count because nothing was acknowledged yet.
    Follows,
    /// This many are missing in between.
    Gap(u64),
    /// It is not after the one before.
    Back {
        /// The number before.
        after: u64,
    },
}

/// One sequence. All detectors of a connection share it, so a gap belongs to the connection.
#[derive(Clone, Debug, Default)]
pub(super) struct Numbers {
    last: Option<u64>,
    /// Pictures known to be missing that somebody else has counted already.
    accounted: u64,
}

impl Numbers {
    /// Enters the number of a received picture.
    pub(super) fn enter(&mut self, number: u64, counting: Counting) -> Step {
        let Some(last) = self.last.replace(number) else {
            return Step::Follows;
        };
        let ahead = match counting {
            Counting::Modulo256 => number.wrapping_sub(last) & 0xff,
            Counting::Upward => number.wrapping_sub(last),
        };
        let half = match counting {
            Counting::Modulo256 => 0x80,
            Counting::Upward => 1 << 63,
        };
        match ahead {
            0 if number == 0 => Step::Follows,
            0 => Step::Back { after: last },
            1 => Step::Follows,
            _ if ahead < half => {
                let missing = ahead.saturating_sub(1);
                let known = missing.min(std::mem::take(&mut self.accounted));
                match missing.saturating_sub(known) {
                    0 => Step::Follows,
                    missing => Step::Gap(missing),
                }
            }
            _ => Step::Back { after: last },
        }
    }

    /// The number that should come next.
    pub(super) fn expected(&self, counting: Counting) -> u64 {
        match (self.last, counting) {
            (None, _) => 0,
            (Some(last), Counting::Modulo256) => last.wrapping_add(1) & 0xff,
            (Some(last), Counting::Upward) => last.saturating_add(1),
        }
    }

    /// `count` pictures were received, dropped and counted as such before they came here.
    pub(super) fn skip(&mut self, count: u64) {
        self.accounted = self.accounted.saturating_add(count);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_are_counted_across_the_rollover() {
        use Counting::{Modulo256, Upward};
        use Step::{Back, Follows, Gap};
        let cases: [(Counting, &[(u64, Step)]); 5] = [
            (Modulo256, &[(254, Follows), (255, Follows), (0, Follows)]),
            (Modulo256, &[(0, Follows), (0, Follows), (0, Follows)]),
            (Modulo256, &[(250, Follows), (3, Gap(8)), (4, Follows)]),
            (
                Modulo256,
                &[
                    (7, Follows),
                    (7, Back { after: 7 }),
                    (5, Back { after: 7 }),
                    (6, Follows),
                ],
            ),
            (
                Upward,
                &[
                    (24, Follows),
                    (34, Gap(9)),
                    (35, Follows),
                    (0, Back { after: 35 }),
                ],
            ),
        ];
        for (counting, numbers) in cases {
            let mut sequence = Numbers::default();
            for &(number, step) in numbers {
                assert_eq!(
                    sequence.enter(number, counting),
                    step,
                    "{number} in {numbers:?}"
                );
            }
        }
    }

    #[test]
    fn what_was_counted_elsewhere_is_not_missing_twice() {
        let mut numbers = Numbers::default();
        numbers.enter(10, Counting::Modulo256);
        numbers.skip(4);
        assert_eq!(numbers.enter(15, Counting::Modulo256), Step::Follows);
        numbers.skip(1);
        assert_eq!(numbers.enter(20, Counting::Modulo256), Step::Gap(3));
    }
}
