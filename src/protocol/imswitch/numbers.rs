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
    /// It is not after the one before: late, twice, or the server counts anew.
    Back {
        /// The number before.
        after: u64,
    },
}

/// A number at most this far back is a late picture; further back the server counts anew.
const LATE: u64 = 8;

/// One sequence. All detectors of a connection share it, so a gap belongs to the connection.
#[derive(Clone, Debug, Default)]
pub(super) struct Numbers {
    last: Option<u64>,
    /// Missing numbers that may still come late.
    holes: u64,
    /// Missing numbers that are not to be told: somebody else has counted them, or as many of
    /// those told have come late.
    accounted: u64,
}

impl Numbers {
    /// Enters the number of a received picture.
    pub(super) fn enter(&mut self, number: u64, counting: Counting) -> Step {
        let Some(last) = self.last.replace(number) else {
            return Step::Follows;
        };
        let (ahead, behind, half) = match counting {
            Counting::Modulo256 => (
                number.wrapping_sub(last) & 0xff,
                last.wrapping_sub(number) & 0xff,
                0x80,
            ),
            Counting::Upward => (
                number.wrapping_sub(last),
                last.wrapping_sub(number),
                1 << 63,
            ),
        };
        match ahead {
            0 if number == 0 => Step::Follows,
            0 => Step::Back { after: last },
            _ if ahead < half => {
                let missing = ahead.saturating_sub(1);
                let known = missing.min(self.accounted);
                self.accounted = self.accounted.saturating_sub(known);
                self.holes = self.holes.saturating_add(missing);
                match missing.saturating_sub(known) {
                    0 => Step::Follows,
                    missing => Step::Gap(missing),
                }
            }
            _ => {
                if behind <= LATE {
                    self.last = Some(last);
                    if self.holes > 0 {
                        self.holes = self.holes.saturating_sub(1);
                        self.accounted = self.accounted.saturating_add(1);
                    }
                }
                Step::Back { after: last }
            }
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
                    (8, Follows),
                    (200, Back { after: 8 }),
                    (201, Follows),
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
    fn pictures_that_come_late_are_not_missing() {
        let mut numbers = Numbers::default();
        let mut told = 0_u64;
        for number in [1, 0, 3, 2, 5, 4, 7, 6, 8, 9] {
            if let Step::Gap(missing) = numbers.enter(number, Counting::Modulo256) {
                told = told.saturating_add(missing);
            }
        }
        // The first time it cannot be known; after that nothing is told that was not missing.
        assert_eq!(told, 1);
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
