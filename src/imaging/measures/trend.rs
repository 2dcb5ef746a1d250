//! Where a score stands among those before it: the best one seen, and the last few.

/// Scores that are remembered.
pub const REMEMBERED: usize = 32;

/// A score over time. It begins anew when the picture it is about becomes another one.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Trend {
    recent: [f32; REMEMBERED],
    len: usize,
    best: f64,
    now: f64,
}

impl Trend {
    /// Takes in the newest score. One that is no number is left out.
    pub fn push(&mut self, score: f64) {
        if !score.is_finite() {
            return;
        }
        if self.len == REMEMBERED {
            self.recent.rotate_left(1);
            self.len -= 1;
        }
        self.recent[self.len] = score as f32;
        self.best = if self.len == 0 {
            score
        } else {
            self.best.max(score)
        };
        self.len += 1;
        self.now = score;
    }

    /// The highest score since the beginning; 0 before the first.
    pub fn best(&self) -> f64 {
        self.best
    }

    /// The newest score as a fraction of the best; 0 if the best is 0.
    pub fn of_best(&self) -> f64 {
        if self.best > 0.0 {
            self.now / self.best
        } else {
            0.0
        }
    }

    /// The last scores, the newest last.
    pub fn recent(&self) -> &[f32] {
        &self.recent[..self.len]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_outlives_what_is_remembered() {
        let mut trend = Trend::default();
        assert_eq!((trend.best(), trend.of_best()), (0.0, 0.0));
        trend.push(8.0);
        for score in 0..40 {
            trend.push(f64::from(score) / 10.0);
        }
        trend.push(f64::NAN);
        trend.push(6.0);
        assert_eq!((trend.best(), trend.of_best()), (8.0, 0.75));
        assert_eq!(trend.recent().len(), REMEMBERED);
        assert_eq!(trend.recent()[REMEMBERED - 2..], [3.9, 6.0]);
    }

    #[test]
    fn a_flat_picture_has_no_best() {
        let mut trend = Trend::default();
        trend.push(0.0);
        assert_eq!((trend.best(), trend.of_best()), (0.0, 0.0));
        assert_eq!(trend.recent(), [0.0]);
    }
}
