//! Where the stage may be sent, and what would let it go further.
//!
//! Limits refuse and say what is allowed; they never move a target.
//!
//! Source: protocol description, section 11.

use std::fmt;

use super::stage::{Axis, Interval};

/// Where the stage may be sent, by [`Axis::index`]. An axis without limits may not be moved.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct StageLimits(pub [Option<Interval>; 4]);

/// A target that is not allowed.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum LimitError {
    /// Nothing is known.
    #[error("the limits of {axis} are not known; it may not be moved")]
    Unknown {
        /// The axis.
        axis: Axis,
    },
    /// It is outside.
    #[error("{target} {} is outside the limits of {axis}; {allowed} {} is allowed", axis.unit(), axis.unit())]
    Outside {
        /// The axis.
        axis: Axis,
        /// Where it should go, in its unit.
        target: f64,
        /// Where it may go.
        allowed: Interval,
    },
}

/// One end of a range that would reach further than it did.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Widening {
    /// The axis.
    pub axis: Axis,
    /// The range in force; `None` when no move was allowed.
    pub from: Option<Interval>,
    /// The range that would be.
    pub to: Interval,
}

impl fmt::Display for Widening {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (axis, unit, to) = (self.axis, self.axis.unit(), self.to);
        match self.from {
            None => write!(
                f,
                "{axis} would be allowed {to} {unit} where no limits are known"
            ),
            Some(from) => {
                let mut ends = Vec::new();
                if to.min < from.min {
                    ends.push(format!("down to {} instead of {}", to.min, from.min));
                }
                if to.max > from.max {
                    ends.push(format!("up to {} instead of {}", to.max, from.max));
                }
                write!(f, "{axis} would be allowed {} {unit}", ends.join(" and "))
            }
        }
    }
}

impl StageLimits {
    /// Where an axis may be sent.
    pub fn of(&self, axis: Axis) -> Option<Interval> {
        self.0.get(axis.index()).copied().flatten()
    }

    /// Whether an axis may be sent there.
    ///
    /// # Errors
    /// Its limits are unknown or the target is outside; the error says what is allowed.
    pub fn check(&self, axis: Axis, target: f64) -> Result<(), LimitError> {
        let allowed = self.of(axis).ok_or(LimitError::Unknown { axis })?;
        if allowed.contains(target) {
            return Ok(());
        }
        Err(LimitError::Outside {
            axis,
            target,
            allowed,
        })
    }

    /// The axes that `other` would let go where these limits do not; empty when it only narrows
    /// them.
    pub fn widened_by(&self, other: &Self) -> Vec<Widening> {
        let widening = |axis: &Axis| {
            let to = other.of(*axis)?;
            let from = self.of(*axis);
            let is_inside = from.is_some_and(|from| to.min >= from.min && to.max <= from.max);
            (!is_inside).then_some(Widening {
                axis: *axis,
                from,
                to,
            })
        };
        Axis::ALL.iter().filter_map(widening).collect()
    }

    /// These limits narrowed by a local profile; an axis that it does not name keeps its own.
    ///
    /// # Errors
    /// The profile would widen them: every axis it does that for.
    pub fn narrowed(&self, profile: &Self) -> Result<Self, Vec<Widening>> {
        let widened = self.widened_by(profile);
        if !widened.is_empty() {
            return Err(widened);
        }
        let narrowed = |axis| profile.of(axis).or(self.of(axis));
        Ok(Self(Axis::ALL.map(narrowed)))
    }
}
