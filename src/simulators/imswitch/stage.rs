//! A stage whose axes take time to arrive. Time is an argument: nothing here waits or ticks.

use serde_json::{Map, Value};

/// Names of the axes, in the order in which positions are told.
pub(super) const AXES: [&str; 4] = ["X", "Y", "Z", "A"];

/// Jogging ends here, in both directions.
const TRAVEL_UM: f64 = 50_000.0;

/// What an axis is doing since `since_s`.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Motion {
    Still,
    To {
        target_um: f64,
        since_s: f64,
    },
    /// Until it is stopped.
    Jog {
        speed_um_s: f64,
        since_s: f64,
    },
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Axis {
    /// Where the motion began.
    from_um: f64,
    motion: Motion,
    speed_um_s: f64,
}

impl Axis {
    fn new(speed_um_s: f64) -> Self {
        Self {
            from_um: 0.0,
            motion: Motion::Still,
            speed_um_s,
        }
    }

    fn position_um(&self, now_s: f64) -> f64 {
        match self.motion {
            Motion::Still => self.from_um,
            Motion::To { target_um, since_s } => {
                let way = target_um - self.from_um;
                let gone = self.speed_um_s * (now_s - since_s).max(0.0);
                if gone >= way.abs() {
                    target_um
                } else {
                    self.from_um + gone * way.signum()
                }
            }
            Motion::Jog {
                speed_um_s,
                since_s,
            } => {
                let gone = speed_um_s * (now_s - since_s).max(0.0);
                (self.from_um + gone).clamp(-TRAVEL_UM, TRAVEL_UM)
            }
        }
    }

    fn is_moving(&self, now_s: f64) -> bool {
        match self.motion {
            Motion::Still => false,
            Motion::To { target_um, .. } => self.position_um(now_s) != target_um,
            Motion::Jog { .. } => self.position_um(now_s).abs() < TRAVEL_UM,
        }
    }

    /// Starts `motion` from where the axis is.
    fn begin(&mut self, motion: Motion, now_s: f64) {
        self.from_um = self.position_um(now_s);
        self.motion = motion;
    }
}

/// Four axes.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Stage {
    axes: [Axis; 4],
}

/// The index of an axis in [`AXES`].
pub(super) fn axis_index(name: &str) -> Option<usize> {
    AXES.iter().position(|axis| *axis == name)
}

impl Stage {
    pub(super) fn new() -> Self {
        Self {
            axes: [2_000.0, 2_000.0, 500.0, 500.0].map(Axis::new),
        }
    }

    pub(super) fn position_um(&self, axis: usize, now_s: f64) -> f64 {
        self.axes[axis].position_um(now_s)
    }

    pub(super) fn is_axis_moving(&self, axis: usize, now_s: f64) -> bool {
        self.axes[axis].is_moving(now_s)
    }

    pub(super) fn is_moving(&self, now_s: f64) -> bool {
        self.axes.iter().any(|axis| axis.is_moving(now_s))
    }

    /// Moves to `target_um`, or by that much from where the axis is now.
    pub(super) fn go(&mut self, axis: usize, target_um: f64, absolute: bool, now_s: f64) {
        let axis = &mut self.axes[axis];
        let target_um = if absolute {
            target_um
        } else {
            axis.position_um(now_s) + target_um
        };
        let since_s = now_s;
        axis.begin(Motion::To { target_um, since_s }, now_s);
    }

    pub(super) fn jog(&mut self, axis: usize, speed_um_s: f64, now_s: f64) {
        let since_s = now_s;
        self.axes[axis].begin(
            Motion::Jog {
                speed_um_s,
                since_s,
            },
            now_s,
        );
    }

    pub(super) fn stop(&mut self, axis: usize, now_s: f64) {
        self.axes[axis].begin(Motion::Still, now_s);
    }

    /// The speed of later moves of `axis`; a running one goes on from where it is.
    pub(super) fn set_speed(&mut self, axis: usize, speed_um_s: f64, now_s: f64) {
        let axis = &mut self.axes[axis];
        let motion = match axis.motion {
            Motion::To { target_um, .. } => Motion::To {
                target_um,
                since_s: now_s,
            },
            other => other,
        };
        if matches!(motion, Motion::To { .. }) {
            axis.begin(motion, now_s);
        }
        axis.speed_um_s = speed_um_s.abs().max(1.0);
    }

    pub(super) fn speed_um_s(&self, axis: usize) -> f64 {
        self.axes[axis].speed_um_s
    }

    /// As the servers tell it.
    pub(super) fn positions(&self, now_s: f64) -> Value {
        let axes = AXES.iter().zip(&self.axes);
        let map: Map<String, Value> = axes
            .map(|(name, axis)| ((*name).to_owned(), axis.position_um(now_s).into()))
            .collect();
        map.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_move_takes_the_time_its_speed_asks() {
        let mut stage = Stage::new();
        stage.set_speed(0, 100.0, 0.0);
        stage.go(0, 50.0, false, 0.0);
        for (now_s, position, moving) in [
            (0.0, 0.0, true),
            (0.25, 25.0, true),
            (0.5, 50.0, false),
            (9.0, 50.0, false),
        ] {
            assert_eq!(
                (stage.position_um(0, now_s), stage.is_moving(now_s)),
                (position, moving)
            );
        }
        stage.go(0, -10.0, true, 9.0);
        assert_eq!(stage.position_um(0, 9.5), 0.0);
        stage.set_speed(0, 10.0, 9.5);
        assert_eq!(stage.position_um(0, 10.0), -5.0);
        assert_eq!(stage.position_um(1, 10.0), 0.0);
    }

    #[test]
    fn a_jog_ends_when_it_is_stopped_or_at_the_end_of_travel() {
        let mut stage = Stage::new();
        stage.jog(2, -1000.0, 1.0);
        assert_eq!(stage.position_um(2, 3.0), -2000.0);
        stage.stop(2, 3.0);
        assert_eq!(
            (stage.position_um(2, 9.0), stage.is_moving(9.0)),
            (-2000.0, false)
        );
        stage.jog(2, 1e6, 9.0);
        assert_eq!(
            (stage.position_um(2, 99.0), stage.is_moving(99.0)),
            (TRAVEL_UM, false)
        );
    }
}
