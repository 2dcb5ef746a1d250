use super::*;

const MS: u64 = 1_000_000;
const ID: CommandId = CommandId(7);

/// What happens to one axis, at a millisecond.
#[derive(Debug)]
enum What {
    /// A move is sent to this place.
    Go(f64),
    Home,
    Answered,
    Lost,
    Cancel,
    Stop,
    Release,
    Unprove,
    /// It is seen here.
    At(f64),
}

fn name(axis: &str) -> AxisName {
    AxisName {
        stage: "S".to_owned(),
        axis: axis.to_owned(),
    }
}

/// Each step, the motion after it, and how a run ended by it.
fn check(story: &str, steps: Vec<(u64, What, Motion, Option<&str>)>) {
    let mut motions = Motions::new(2_000 * MS);
    motions.set_axes(vec![name("X")], 0);
    for (ms, what, motion, ended) in steps {
        let now = ms * MS;
        let step = format!("{story}, {ms} ms, {what:?}");
        let end = match what {
            What::Go(um) => {
                let from = motions.axes()[0].position_um().unwrap_or(0.0);
                let tolerance_um = tolerance_um(um - from);
                motions.begin(0, ID, Aim::To { um, tolerance_um }, now);
                None
            }
            What::At(um) => motions.see(0, um, now),
            what => {
                match what {
                    What::Home => motions.begin(0, ID, Aim::Home, now),
                    What::Answered => motions.answered(ID, now),
                    What::Lost => motions.lost(ID, now),
                    What::Cancel => motions.cancel(ID, now),
                    What::Stop => motions.hold(now),
                    What::Release => motions.release(now),
                    _ => motions.unprove(now),
                }
                None
            }
        };
        let word = end.map(|end| {
            let how = match (end.arrived, end.stopped) {
                (true, _) => "arrived",
                (false, true) => "stopped",
                (false, false) => "stands",
            };
            format!("{how} at {}", end.at_um)
        });
        assert_eq!(word.as_deref(), ended, "{step}");
        assert_eq!(motions.axes()[0].motion, motion, "{step}");
    }
}

use Motion::{Moving, Settled, Unknown};
use What::{Answered, At, Cancel, Go, Home, Lost, Release, Stop, Unprove};

#[test]
fn an_axis_rests_only_when_it_was_seen_twice_in_one_place() {
    check(
        "rest",
        vec![
            (0, At(5.0), Unknown, None),
            (99, At(5.0), Unknown, None),
            (100, At(5.01), Settled, None),
            (900, At(5.2), Moving, None),
            (950, At(5.2), Moving, None),
            (1_000, At(5.2), Settled, None),
            // Creeping adds up.
            (1_100, At(5.24), Settled, None),
            (1_200, At(5.28), Moving, None),
        ],
    );
}

#[test]
fn a_move_is_done_at_its_target_and_failed_elsewhere() {
    check(
        "done",
        vec![
            (0, At(0.0), Unknown, None),
            (100, At(0.0), Settled, None),
            (200, Go(100.0), Moving, None),
            // Asked before the move was sent.
            (150, At(100.0), Moving, None),
            (210, At(0.0), Moving, None),
            (220, Answered, Moving, None),
            (300, At(50.0), Moving, None),
            (400, At(99.7), Moving, None),
            (500, At(100.0), Settled, Some("arrived at 100")),
        ],
    );
    check(
        "rounded by the stage",
        vec![
            (0, Go(100.0), Moving, None),
            (1, Answered, Moving, None),
            (100, At(99.7), Moving, None),
            (200, At(99.7), Settled, Some("arrived at 99.7")),
        ],
    );
    check(
        "elsewhere",
        vec![
            (0, Go(100.0), Moving, None),
            (1, Answered, Moving, None),
            (100, At(40.0), Moving, None),
            (2_000, At(40.0), Moving, None),
            (2_100, At(40.0), Settled, Some("stands at 40")),
        ],
    );
}

#[test]
fn standing_still_proves_nothing_while_the_call_has_no_answer() {
    check(
        "hung",
        vec![
            (0, Go(100.0), Moving, None),
            (100, At(0.0), Moving, None),
            (9_000, At(0.0), Moving, None),
            (10_000, Lost, Unknown, None),
            (10_100, At(0.0), Unknown, None),
            (12_100, At(0.0), Settled, Some("stands at 0")),
        ],
    );
    check(
        "carried out, the answer lost",
        vec![
            (0, Go(100.0), Moving, None),
            (10, Lost, Unknown, None),
            (100, At(20.0), Unknown, None),
            (200, At(60.0), Moving, None),
            (300, At(100.0), Settled, Some("arrived at 100")),
        ],
    );
}

#[test]
fn after_a_stop_nothing_is_proved_until_nothing_is_on_its_way() {
    check(
        "stop",
        vec![
            (0, Go(100.0), Moving, None),
            (10, Answered, Moving, None),
            (20, At(10.0), Moving, None),
            (30, Stop, Unknown, None),
            (40, At(12.0), Unknown, None),
            (900, At(12.0), Unknown, None),
            (1_000, Release, Unknown, None),
            (1_010, At(12.0), Unknown, None),
            (1_110, At(12.0), Settled, Some("stopped at 12")),
        ],
    );
}

#[test]
fn a_call_that_failed_leaves_the_axis_to_be_seen_again() {
    check(
        "failed",
        vec![
            (0, At(1.0), Unknown, None),
            (100, At(1.0), Settled, None),
            (200, Go(9.0), Moving, None),
            (210, Cancel, Unknown, None),
            (300, At(1.0), Unknown, None),
            (400, At(1.0), Settled, None),
            (500, Unprove, Unknown, None),
        ],
    );
}

#[test]
fn homing_ends_where_the_axis_rests() {
    check(
        "home",
        vec![
            (0, Home, Moving, None),
            (10, Answered, Moving, None),
            (20, At(80.0), Moving, None),
            (900, At(0.0), Moving, None),
            (2_900, At(0.0), Settled, Some("stands at 0")),
        ],
    );
}

#[test]
fn a_small_step_is_not_done_by_standing_still() {
    for (distance, tolerance) in [
        (0.2, 0.1),
        (1.0, 0.5),
        (-30.0, 0.5),
        (10_000.0, 5.0),
        (0.0, 0.001),
    ] {
        assert_eq!(tolerance_um(distance), tolerance, "{distance}");
    }
    check(
        "too small for the stage",
        vec![
            (0, At(0.0), Unknown, None),
            (100, Go(0.2), Moving, None),
            (110, Answered, Moving, None),
            (200, At(0.0), Moving, None),
            (2_200, At(0.0), Settled, Some("stands at 0")),
        ],
    );
}

#[test]
fn what_is_known_of_an_axis_outlives_a_new_list() {
    let mut motions = Motions::new(2_000 * MS);
    motions.set_axes(vec![name("X"), name("Y")], 0);
    motions.see(1, 3.0, 0);
    motions.begin(0, ID, Aim::Home, 0);
    assert_eq!(motions.set_axes(vec![name("Y"), name("Z")], MS), [ID]);
    let positions: Vec<_> = motions.axes().iter().map(AxisMotion::position_um).collect();
    assert_eq!(positions, [Some(3.0), None]);
    assert!(motions.is_restless());
}
