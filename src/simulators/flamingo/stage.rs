//! A stage of four axes that take time to arrive. Time is an argument: nothing here waits or ticks.
//! Nothing checks limits either: neither does the server, for moves it is told one by one.

/// An axis of the stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Axis {
    /// Millimetres.
    X,
    /// Millimetres.
    Y,
    /// Millimetres.
    Z,
    /// Degrees.
    R,
}

impl Axis {
    /// Every axis, in the order of their numbers.
    pub const ALL: [Self; 4] = [Self::X, Self::Y, Self::Z, Self::R];

    /// The number it has on the wire, 1 to 4.
    pub fn number(self) -> i32 {
        self.index() as i32 + 1
    }

    /// The axis of this number on the wire.
    pub fn from_number(number: i32) -> Option<Self> {
        let index = usize::try_from(number.checked_sub(1)?).ok()?;
        Self::ALL.get(index).copied()
    }

    pub(super) fn index(self) -> usize {
        match self {
            Self::X => 0,
            Self::Y => 1,
            Self::Z => 2,
            Self::R => 3,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Motion {
    target: f64,
    since_s: f64,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Track {
    /// Where it rests, or where its motion began.
    from: f64,
    motion: Option<Motion>,
    /// Per second, above 0; may be infinite.
    speed: f64,
}

impl Track {
    fn position(&self, now_s: f64) -> f64 {
        let Some(Motion { target, since_s }) = self.motion else {
            return self.from;
        };
        if now_s >= self.arrival_s(target, since_s) {
            return target;
        }
        let gone = self.speed * (now_s - since_s).max(0.0);
        self.from + gone * (target - self.from).signum()
    }

    fn arrival_s(&self, target: f64, since_s: f64) -> f64 {
        since_s + (target - self.from).abs() / self.speed
    }
}

/// The stage. An axis counts as moving until [`Stage::arrivals`] has reported its end.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Stage {
    tracks: [Track; 4],
}

impl Stage {
    /// A stage at rest.
    ///
    /// - `speeds`: per second; what is not above 0 takes no time
    pub(super) fn new(positions: [f64; 4], speeds: [f64; 4]) -> Self {
        let track = |axis: Axis| {
            let speed = speeds[axis.index()];
            Track {
                from: positions[axis.index()],
                motion: None,
                speed: if speed > 0.0 { speed } else { f64::INFINITY },
            }
        };
        Self {
            tracks: Axis::ALL.map(track),
        }
    }

    pub(super) fn position(&self, axis: Axis, now_s: f64) -> f64 {
        self.tracks[axis.index()].position(now_s)
    }

    pub(super) fn positions(&self, now_s: f64) -> [f64; 4] {
        self.tracks.map(|track| track.position(now_s))
    }

    pub(super) fn is_axis_moving(&self, axis: Axis) -> bool {
        self.tracks[axis.index()].motion.is_some()
    }

    pub(super) fn is_moving(&self) -> bool {
        self.tracks.iter().any(|track| track.motion.is_some())
    }

    /// Begins to move, in place of a motion that may be under way; returns from where.
    pub(super) fn begin(&mut self, axis: Axis, target: f64, now_s: f64) -> f64 {
        let track = &mut self.tracks[axis.index()];
        track.from = track.position(now_s);
        track.motion = Some(Motion {
            target,
            since_s: now_s,
        });
        track.from
    }

    /// Ends every motion whose time is over; returns which, and where they ended.
    pub(super) fn arrivals(&mut self, now_s: f64) -> Vec<(Axis, f64)> {
        self.end(now_s, |arrival_s| arrival_s <= now_s)
    }

    /// Ends every motion where it is; returns which, and where that was.
    pub(super) fn halt(&mut self, now_s: f64) -> Vec<(Axis, f64)> {
        self.end(now_s, |_| true)
    }

    fn end(&mut self, now_s: f64, is_over: impl Fn(f64) -> bool) -> Vec<(Axis, f64)> {
        let mut ended = Vec::new();
        for axis in Axis::ALL {
            let track = &mut self.tracks[axis.index()];
            let Some(Motion { target, since_s }) = track.motion else {
                continue;
            };
            if is_over(track.arrival_s(target, since_s)) {
                track.from = track.position(now_s);
                track.motion = None;
                ended.push((axis, track.from));
            }
        }
        ended
    }

    /// When the next motion ends, in seconds; `None` if nothing moves.
    pub(super) fn next_arrival_s(&self) -> Option<f64> {
        let arrivals = self.tracks.iter().filter_map(|track| {
            let Motion { target, since_s } = track.motion?;
            Some(track.arrival_s(target, since_s))
        });
        arrivals.min_by(f64::total_cmp)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stage() -> Stage {
        Stage::new([8.0, 24.0, 19.0, 0.0], [2.0, 1.0, 0.0, 50.0])
    }

    #[test]
    fn a_move_takes_the_time_its_speed_asks_and_ends_once() {
        let mut stage = stage();
        assert_eq!(stage.begin(Axis::X, 10.0, 5.0), 8.0);
        assert_eq!(stage.next_arrival_s(), Some(6.0));
        assert_eq!(stage.position(Axis::X, 5.5), 9.0);
        assert_eq!(stage.arrivals(5.999), []);
        assert!(stage.is_axis_moving(Axis::X) && !stage.is_axis_moving(Axis::Y));
        assert_eq!(stage.arrivals(6.0), [(Axis::X, 10.0)]);
        assert_eq!(stage.arrivals(6.1), []);
        assert!(!stage.is_moving());
        assert_eq!(stage.positions(99.0), [10.0, 24.0, 19.0, 0.0]);
    }

    #[test]
    fn a_move_of_no_length_or_time_has_an_end_too() {
        let mut stage = stage();
        stage.begin(Axis::X, 8.0, 1.0);
        stage.begin(Axis::Z, 11.0, 1.0);
        assert!(stage.is_moving());
        assert_eq!(stage.arrivals(1.0), [(Axis::X, 8.0), (Axis::Z, 11.0)]);
    }

    #[test]
    fn halting_leaves_every_axis_where_it_is() {
        let mut stage = stage();
        stage.begin(Axis::X, 0.0, 0.0);
        stage.begin(Axis::R, 360.0, 0.0);
        assert_eq!(stage.halt(1.5), [(Axis::X, 5.0), (Axis::R, 75.0)]);
        assert_eq!(stage.halt(2.0), []);
        assert_eq!(stage.positions(9.0), [5.0, 24.0, 19.0, 75.0]);
    }

    #[test]
    fn a_second_move_takes_over_where_the_first_one_is() {
        let mut stage = stage();
        stage.begin(Axis::Y, 20.0, 0.0);
        assert_eq!(stage.begin(Axis::Y, 25.0, 1.0), 23.0);
        assert_eq!(stage.arrivals(2.99), []);
        assert_eq!(stage.arrivals(3.0), [(Axis::Y, 25.0)]);
    }

    #[test]
    fn numbers_on_the_wire_begin_at_one() {
        for axis in Axis::ALL {
            assert_eq!(Axis::from_number(axis.number()), Some(axis));
        }
        for number in [0, 5, 255, -1, i32::MIN] {
            assert_eq!(Axis::from_number(number), None);
        }
    }
}
